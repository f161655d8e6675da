/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_BITMAP_H
#define SHIM_BITMAP_H

#include <linux/bitops.h>
#include <linux/types.h>
#include <string.h>

static inline void bitmap_copy(unsigned long *to, const unsigned long *from,
			       unsigned int n)
{
	memcpy(to, from, BITS_TO_LONGS(n) * sizeof(long));
}

static inline bool bitmap_empty(const unsigned long *map, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < BITS_TO_LONGS(n); i++)
		if (map[i])
			return false;
	return true;
}

#endif
