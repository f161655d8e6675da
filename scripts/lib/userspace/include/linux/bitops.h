/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_BITOPS_H
#define SHIM_BITOPS_H

#include <limits.h>
#include <linux/bits.h>
#include <linux/types.h>

#define BITS_PER_LONG		(sizeof(long) * CHAR_BIT)
#define BITS_TO_LONGS(n)	(((n) + BITS_PER_LONG - 1) / BITS_PER_LONG)
#define DECLARE_BITMAP(name, n)	unsigned long name[BITS_TO_LONGS(n)]

static inline bool test_bit(unsigned int n, const unsigned long *map)
{
	return map[n / BITS_PER_LONG] >> n % BITS_PER_LONG & 1;
}

static inline void __set_bit(unsigned int n, unsigned long *map)
{
	map[n / BITS_PER_LONG] |= 1UL << n % BITS_PER_LONG;
}

static inline void __clear_bit(unsigned int n, unsigned long *map)
{
	map[n / BITS_PER_LONG] &= ~(1UL << n % BITS_PER_LONG);
}

static inline bool __test_and_set_bit(unsigned int n, unsigned long *map)
{
	bool old = test_bit(n, map);

	__set_bit(n, map);
	return old;
}

#define for_each_set_bit(i, map, n) \
	for ((i) = 0; (i) < (n); (i)++) \
		if (test_bit(i, map))

static inline s32 sign_extend32(u32 value, int index)
{
	u32 sign = 1U << index;

	value &= sign | (sign - 1);
	return (s32)((value ^ sign) - sign);
}

static inline unsigned int __ffs(unsigned long value)
{
	return __builtin_ctzl(value);
}

#endif
