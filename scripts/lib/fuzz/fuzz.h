/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An input of the fuzzer: le16 size of the descriptor, u8 knobs, the descriptor,
 * then for each report a byte that says how to make it (0: the first kind of
 * report, of its right length) and its bytes
 *
 * Knobs: 0x80 the Resolution Multipliers are set, 0x40 the reports are exactly
 * as they stand here, all of it modulo the allocations there are: which one fails
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <linux/types.h>

#define FUZZ_HEAD	3

struct fuzz_input {
	u8 knobs;
	const u8 *desc;
	size_t size;
	const u8 *rest;
	size_t n_rest;
};

static inline bool fuzz_split(const u8 *data, size_t n, struct fuzz_input *in)
{
	if (n < FUZZ_HEAD)
		return false;
	in->knobs = data[2];
	in->desc = data + FUZZ_HEAD;
	in->size = data[0] | data[1] << 8;
	if (in->size > n - FUZZ_HEAD)
		in->size = n - FUZZ_HEAD;
	in->rest = in->desc + in->size;
	in->n_rest = n - FUZZ_HEAD - in->size;
	return true;
}

#endif
