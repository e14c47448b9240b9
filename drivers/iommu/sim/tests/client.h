/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A client of a real endpoint, in a domain of the test's own: what a driver in
 * user space would do, from the UAPI header and the IOMMU API alone.
 */
#ifndef _IOMMU_SIM_TESTS_CLIENT_H
#define _IOMMU_SIM_TESTS_CLIENT_H

#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/pci.h>

#include <uapi/linux/iommu-sim.h>

/* Where the client's two pages of memory for its own use are mapped */
#define CLIENT_RINGS	0x100000000ULL

/**
 * struct client - an endpoint taken from its driver
 * @test: the test that uses it
 * @pdev: the endpoint
 * @domain: what it is attached to
 * @dvsec: offset of its registers in configuration space
 * @rings: descriptor ring and completion ring, a page each
 * @next: number of the next descriptor
 */
struct client {
	struct kunit *test;
	struct pci_dev *pdev;
	struct iommu_domain *domain;
	u16 dvsec;
	void *rings;
	u32 next;
};

struct client *client_get(struct kunit *test);
struct client *client_get_first(struct kunit *test);
void client_put(struct client *c);
int client_attach(struct client *c, struct iommu_domain *domain, u64 rings);
u32 client_run(struct client *c, const struct iommu_sim_desc *desc, struct iommu_sim_cpl *cpl);
u32 client_fill(struct client *c, u64 dst, u64 pattern, u32 len);
u32 client_copy(struct client *c, u64 dst, u64 src, u32 len);

#endif
