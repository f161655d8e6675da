/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_LIMITS_H
#define SHIM_LIMITS_H
#include_next <linux/limits.h>
#define S32_MIN INT32_MIN
#define S32_MAX INT32_MAX
#define U32_MAX UINT32_MAX
#endif
