/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_SLAB_H
#define SHIM_SLAB_H

#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#define GFP_KERNEL	0

/* The greatest allocation so far, how many are alive, and one that fails */
extern size_t shim_alloc_max;
extern long shim_allocs;
extern long shim_alloc_fail_after;	/* negative: never */

void *shim_alloc(size_t size);
void shim_free(const void *p);

#define kzalloc(size, gfp)	shim_alloc(size)
#define kcalloc(n, size, gfp)	shim_alloc((n) * (size))
#define kvzalloc(size, gfp)	shim_alloc(size)
#define kfree(p)		shim_free(p)
#define kvfree(p)		shim_free(p)

static inline void *kmemdup(const void *from, size_t size, gfp_t gfp)
{
	void *to = shim_alloc(size);

	(void)gfp;
	if (to && size)
		memcpy(to, from, size);
	return to;
}

#endif
