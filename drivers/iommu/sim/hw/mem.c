// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory as the emulated IOMMU sees it: physical addresses that are RAM, and
 * nothing else (spec 8.4).
 *
 * A device's access is an ordinary CPU access to somebody's memory, but no
 * sanitizer may speak about it: hence assembly, as even memcpy() is checked
 * where KASAN replaces it. The page may be gone from the direct map, or be read
 * only there; the exception table takes such a fault.
 */
#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/range.h>
#include <linux/slab.h>

#include "hw.h"

#ifdef CONFIG_UML
/* All of its memory is always mapped */
#define ON_FAULT(from, to)
#else
#include <asm/asm.h>
#define ON_FAULT(from, to)	_ASM_EXTABLE(from, to)
#endif

/* false if an address is not mapped; what came before it has been copied */
static bool copy_bytes(void *to, const void *from, size_t len)
{
	asm volatile("1:	rep movsb\n"
		     "2:\n"
		     ON_FAULT(1b, 2b)
		     : "+D" (to), "+S" (from), "+c" (len) : : "memory");
	return !len;
}

/* Copies 8 bytes by one load and one store */
static bool copy_word(void *to, const void *from)
{
	bool fault = true;
	u64 word;

	asm volatile("1:	movq (%[from]), %[word]\n"
		     "2:	movq %[word], (%[to])\n"
		     "	movb $0, %[fault]\n"
		     "3:\n"
		     ON_FAULT(1b, 3b)
		     ON_FAULT(2b, 3b)
		     : [word] "=&r" (word), [fault] "+q" (fault)
		     : [from] "r" (from), [to] "r" (to) : "memory");
	return !fault;
}

/* Replaces @old by @new; else @old becomes what is there. false: not mapped */
static bool cmpxchg_word(u64 *ptr, u64 *old, u64 new)
{
	bool fault = true;

	asm volatile("1:	lock cmpxchgq %[new], %[ptr]\n"
		     "	movb $0, %[fault]\n"
		     "2:\n"
		     ON_FAULT(1b, 2b)
		     : [ptr] "+m" (*ptr), [old] "+a" (*old), [fault] "+q" (fault)
		     : [new] "r" (new) : "cc", "memory");
	return !fault;
}

/* @val becomes what was there. false: not mapped */
#define fetch_add(suffix, ptr, val)					\
({									\
	bool _fault = true;						\
									\
	asm volatile("1:	lock xadd" suffix " %[v], %[p]\n"	\
		     "	movb $0, %[fault]\n"				\
		     "2:\n"						\
		     ON_FAULT(1b, 2b)					\
		     : [p] "+m" (*(ptr)), [v] "+r" (*(val)),		\
		       [fault] "+q" (_fault)				\
		     : : "cc", "memory");				\
	!_fault;							\
})

/*
 * Reserved pages are either RAM that the kernel took at boot (its image, for
 * one) or holes. The map of the firmware tells which; it is read once, as
 * pages that come later are not reserved once they are online.
 */
static struct {
	unsigned int nr;
	struct range *range;
} boot_ram;

static int count_ram(struct resource *res, void *arg)
{
	++*(unsigned int *)arg;
	return 0;
}

static int note_ram(struct resource *res, void *arg)
{
	unsigned int *room = arg;

	if (!*room)
		return 1;
	--*room;
	boot_ram.range[boot_ram.nr++] = (struct range) { .start = res->start, .end = res->end };
	return 0;
}

static void walk_ram(int (*fn)(struct resource *res, void *arg), unsigned int *arg)
{
	walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY,
			    0, -1, arg, fn);
}

/**
 * sim_mem_setup() - learn where RAM is
 *
 * Context: may sleep. Return: 0 or -ENOMEM.
 */
int sim_mem_setup(void)
{
	unsigned int room = 0;

	walk_ram(count_ram, &room);
	boot_ram.range = kcalloc(room + 1, sizeof(*boot_ram.range), GFP_KERNEL);
	if (!boot_ram.range)
		return -ENOMEM;
	walk_ram(note_ram, &room);
	return 0;
}

/**
 * sim_mem_teardown() - undo sim_mem_setup()
 */
void sim_mem_teardown(void)
{
	kfree(boot_ram.range);
	boot_ram.range = NULL;
	boot_ram.nr = 0;
}

static bool reserved_is_ram(u64 pa)
{
	unsigned int i;

	/* UML has no memory map: all pages it knows are its own memory */
	if (IS_ENABLED(CONFIG_UML))
		return true;
	for (i = 0; i < boot_ram.nr; i++)
		if (pa >= boot_ram.range[i].start && pa <= boot_ram.range[i].end)
			return true;
	return false;
}

/* Where the kernel sees @pa; NULL if that is not RAM. Within one page. */
static void *ram_ptr(struct iommu_sim_hw *hw, u64 pa, size_t len)
{
	const struct sim_ram *ram = hw->config.ram;
	struct page *page;

	if (ram) {
		if (pa < ram->base || pa - ram->base >= ram->size ||
		    ram->size - (pa - ram->base) < len)
			return NULL;
		return ram->virt + (pa - ram->base);
	}

	if (pa >> SIM_PA_BITS)
		return NULL;
	page = pfn_to_online_page(PHYS_PFN(pa));
	if (!page || is_zone_device_page(page) || PageOffline(page) || PageHWPoison(page))
		return NULL;
	if (unlikely(PageReserved(page)) && !reserved_is_ram(pa))
		return NULL;
	return page_address(page) + offset_in_page(pa);
}

/* spec 8.4: @ram, one of the two, says whether it goes word by word, in order */
static int copy(void *to, const void *from, size_t len, const void *ram)
{
	if (len <= 64 && IS_ALIGNED((unsigned long)ram | len, sizeof(u64))) {
		for (; len; len -= 8, to += 8, from += 8)
			if (!copy_word(to, from))
				return -EFAULT;
		return 0;
	}
	return copy_bytes(to, from, len) ? 0 : -EFAULT;
}

/**
 * sim_mem_read() - read physical memory
 * @hw: the instance
 * @pa: physical address
 * @to: where to put what was read
 * @len: bytes; [@pa, @pa + @len) must be in one page
 *
 * Return: 0, or -EFAULT if there is no RAM.
 */
int sim_mem_read(struct iommu_sim_hw *hw, u64 pa, void *to, size_t len)
{
	const void *ptr = ram_ptr(hw, pa, len);

	return ptr ? copy(to, ptr, len, ptr) : -EFAULT;
}

/**
 * sim_mem_write() - write physical memory
 * @hw: the instance
 * @pa: physical address
 * @from: what to write
 * @len: bytes; [@pa, @pa + @len) must be in one page
 *
 * Return: 0, or -EFAULT if there is no RAM.
 */
int sim_mem_write(struct iommu_sim_hw *hw, u64 pa, const void *from, size_t len)
{
	void *ptr = ram_ptr(hw, pa, len);

	return ptr ? copy(ptr, from, len, ptr) : -EFAULT;
}

/**
 * sim_mem_copy() - copy physical memory
 * @hw: the instance
 * @to: physical address
 * @from: physical address
 * @len: bytes; either range must be in one page, and they may overlap
 *
 * Return: 0; -ENXIO if there is no RAM at @from that can be read; -EFAULT if there is
 * none at @to that can be written.
 */
int sim_mem_copy(struct iommu_sim_hw *hw, u64 to, u64 from, size_t len)
{
	void *src = ram_ptr(hw, from, len), *dst = ram_ptr(hw, to, len);
	u8 byte;

	if (!src)
		return -ENXIO;
	if (!dst)
		return -EFAULT;
	if (dst <= src || dst >= src + len) {
		if (copy_bytes(dst, src, len))
			return 0;
	} else {
		/* What is to be read later would be overwritten */
		while (len && copy_bytes(dst + len - 1, src + len - 1, 1))
			len--;
		if (!len)
			return 0;
	}
	/* It is a whole page that is not mapped */
	return copy_bytes(&byte, src, 1) ? -EFAULT : -ENXIO;
}

/**
 * sim_mem_read64() - read 8 bytes whole
 * @hw: the instance
 * @pa: physical address, aligned
 * @value: what was there
 *
 * Return: 0, or -EFAULT if there is no RAM.
 */
int sim_mem_read64(struct iommu_sim_hw *hw, u64 pa, u64 *value)
{
	const u64 *ptr = ram_ptr(hw, pa, sizeof(*ptr));
	u64 raw;

	if (!ptr || !copy_word(&raw, ptr))
		return -EFAULT;
	*value = le64_to_cpu((__force __le64)raw);
	return 0;
}

/**
 * sim_mem_cmpxchg64() - replace 8 bytes if they are as expected
 * @hw: the instance
 * @pa: physical address, aligned
 * @old: what should be there
 * @new: what to put there
 *
 * Return: 0, -EAGAIN if something else is there, -EFAULT if there is no RAM.
 */
int sim_mem_cmpxchg64(struct iommu_sim_hw *hw, u64 pa, u64 old, u64 new)
{
	u64 *ptr = ram_ptr(hw, pa, sizeof(*ptr));
	u64 found = (__force u64)cpu_to_le64(old);

	if (!ptr || !cmpxchg_word(ptr, &found, (__force u64)cpu_to_le64(new)))
		return -EFAULT;
	return found == (__force u64)cpu_to_le64(old) ? 0 : -EAGAIN;
}

/**
 * sim_mem_fetch_add() - add to 4 or 8 bytes, atomically
 * @hw: the instance
 * @pa: physical address, aligned to @len
 * @operand: what to add, little endian; replaced by what was there
 * @len: 4 or 8
 *
 * Return: 0, or -EFAULT if there is no RAM.
 */
int sim_mem_fetch_add(struct iommu_sim_hw *hw, u64 pa, void *operand, size_t len)
{
	void *ptr = ram_ptr(hw, pa, len);
	bool done;

	if (!ptr)
		return -EFAULT;
	if (len == sizeof(u64))
		done = fetch_add("q", (u64 *)ptr, (u64 *)operand);
	else
		done = fetch_add("l", (u32 *)ptr, (u32 *)operand);
	return done ? 0 : -EFAULT;
}
