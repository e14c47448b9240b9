// SPDX-License-Identifier: GPL-2.0-only
#include <linux/delay.h>
#include <linux/mm.h>

#include "client.h"

#define RING_LG2	3
#define PATIENCE_MS	2000

static u32 reg_read(struct client *c, u32 offset)
{
	u32 value = 0;

	pci_read_config_dword(c->pdev, c->dvsec + IOMMU_SIM_CHANNEL(0) + offset, &value);
	return value;
}

static void reg_write(struct client *c, u32 offset, u32 value)
{
	pci_write_config_dword(c->pdev, c->dvsec + IOMMU_SIM_CHANNEL(0) + offset, value);
}

static struct pci_dev *find_endpoint(bool first)
{
	struct pci_dev *pdev = NULL, *found = NULL;

	while ((pdev = pci_get_device(IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_PCI_DEVICE, pdev))) {
		if (found && first)
			continue;
		pci_dev_put(found);
		found = pci_dev_get(pdev);
	}
	return found;
}

static struct client *get(struct kunit *test, bool first)
{
	struct client *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_NULL(test, c);
	c->test = test;
	c->rings = alloc_pages_exact(2 * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_NOT_NULL(test, c->rings);
	c->pdev = find_endpoint(first);
	if (!c->pdev) {
		free_pages_exact(c->rings, 2 * PAGE_SIZE);
		kunit_skip(test, "no endpoint: iommu-sim-pci has not brought one up");
	}
	device_release_driver(&c->pdev->dev);
	c->dvsec = pci_find_dvsec_capability(c->pdev, IOMMU_SIM_PCI_VENDOR, IOMMU_SIM_DVSEC_ID);
	ret = iommu_device_claim_dma_owner(&c->pdev->dev, c);
	KUNIT_ASSERT_EQ(test, ret, 0);
	return c;
}

/**
 * client_get() - take the last endpoint from its driver
 * @test: the test; skipped if there is no endpoint
 *
 * It is blocked until client_attach(). Return: the client.
 */
struct client *client_get(struct kunit *test)
{
	return get(test, false);
}

/**
 * client_get_first() - take the first endpoint from its driver
 * @test: the test, which has the last, and this is another
 *
 * Return: the client, as client_get().
 */
struct client *client_get_first(struct kunit *test)
{
	return get(test, true);
}

static void stop(struct client *c)
{
	reg_write(c, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_RESET);
	pci_clear_master(c->pdev);
}

/**
 * client_put() - give the endpoint back to its driver
 * @c: the client
 */
void client_put(struct client *c)
{
	stop(c);
	if (c->domain)
		iommu_detach_group(c->domain, c->pdev->dev.iommu_group);
	iommu_device_release_dma_owner(&c->pdev->dev);
	KUNIT_EXPECT_EQ(c->test, device_attach(&c->pdev->dev), 1);
	pci_dev_put(c->pdev);
	free_pages_exact(c->rings, 2 * PAGE_SIZE);
}

/**
 * client_attach() - change the domain, and start channel 0
 * @c: the client
 * @domain: the domain
 * @rings: address at which @domain maps the two pages of client::rings
 *
 * Return: 0 or a negative error of the attach.
 */
int client_attach(struct client *c, struct iommu_domain *domain, u64 rings)
{
	int ret;

	stop(c);
	if (c->domain)
		iommu_detach_group(c->domain, c->pdev->dev.iommu_group);
	c->domain = NULL;
	ret = iommu_attach_group(domain, c->pdev->dev.iommu_group);
	if (ret)
		return ret;
	c->domain = domain;

	memset(c->rings, 0, 2 * PAGE_SIZE);
	c->next = 0;
	pci_set_master(c->pdev);
	reg_write(c, IOMMU_SIM_CH_RING_LO, lower_32_bits(rings));
	reg_write(c, IOMMU_SIM_CH_RING_HI, upper_32_bits(rings));
	reg_write(c, IOMMU_SIM_CH_CPL_LO, lower_32_bits(rings + PAGE_SIZE));
	reg_write(c, IOMMU_SIM_CH_CPL_HI, upper_32_bits(rings + PAGE_SIZE));
	reg_write(c, IOMMU_SIM_CH_RING_LG2, RING_LG2);
	reg_write(c, IOMMU_SIM_CH_CTRL, IOMMU_SIM_CH_CTRL_EN);
	return 0;
}

/**
 * client_run() - submit a descriptor, and wait for it
 * @c: the client
 * @desc: the descriptor
 * @cpl: its completion record; may be NULL
 *
 * Return: enum iommu_sim_status; 0 if the channel halted instead.
 */
u32 client_run(struct client *c, const struct iommu_sim_desc *desc, struct iommu_sim_cpl *cpl)
{
	unsigned int slot = c->next & (BIT(RING_LG2) - 1);
	struct iommu_sim_desc *ring = c->rings;
	struct iommu_sim_cpl *done = c->rings + PAGE_SIZE;
	unsigned int ms;

	ring[slot] = *desc;
	/* The descriptor before the doorbell */
	wmb();
	reg_write(c, IOMMU_SIM_CH_TAIL, ++c->next);
	for (ms = 0; reg_read(c, IOMMU_SIM_CH_HEAD) != c->next; ms++) {
		if (reg_read(c, IOMMU_SIM_CH_STATUS) & IOMMU_SIM_CH_STATUS_HALTED)
			return 0;
		if (ms == PATIENCE_MS)
			KUNIT_FAIL_AND_ABORT(c->test, "descriptor %u never completed", c->next - 1);
		usleep_range(500, 1000);
	}
	/* The record after the register that says it is there */
	rmb();
	KUNIT_EXPECT_EQ(c->test, le32_to_cpu(done[slot].number), c->next - 1);
	if (cpl)
		*cpl = done[slot];
	return le32_to_cpu(done[slot].status);
}

/**
 * client_fill() - let the device fill memory
 * @c: the client
 * @dst: where
 * @pattern: with what
 * @len: bytes
 *
 * Return: as client_run().
 */
u32 client_fill(struct client *c, u64 dst, u64 pattern, u32 len)
{
	struct iommu_sim_desc desc = {
		.op = IOMMU_SIM_OP_FILL,
		.dst = cpu_to_le64(dst),
		.operand = cpu_to_le64(pattern),
		.len = cpu_to_le32(len),
	};

	return client_run(c, &desc, NULL);
}

/**
 * client_copy() - let the device copy memory
 * @c: the client
 * @dst: where to
 * @src: where from
 * @len: bytes
 *
 * Return: as client_run().
 */
u32 client_copy(struct client *c, u64 dst, u64 src, u32 len)
{
	struct iommu_sim_desc desc = {
		.op = IOMMU_SIM_OP_COPY,
		.src = cpu_to_le64(src),
		.dst = cpu_to_le64(dst),
		.len = cpu_to_le32(len),
	};

	return client_run(c, &desc, NULL);
}
