/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_UNALIGNED_H
#define SHIM_UNALIGNED_H

#include <endian.h>
#include <linux/types.h>
#include <string.h>

static inline u16 get_unaligned_le16(const void *p)
{
	u16 value;

	memcpy(&value, p, sizeof(value));
	return le16toh(value);
}

static inline u32 get_unaligned_le32(const void *p)
{
	u32 value;

	memcpy(&value, p, sizeof(value));
	return le32toh(value);
}

static inline u64 get_unaligned_le64(const void *p)
{
	u64 value;

	memcpy(&value, p, sizeof(value));
	return le64toh(value);
}

#endif
