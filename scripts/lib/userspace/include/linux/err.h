/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_ERR_H
#define SHIM_ERR_H

#include <errno.h>
#include <linux/types.h>

#define ERR_PTR(error)		((void *)(long)(error))
#define PTR_ERR(p)		((long)(p))
#define IS_ERR(p)		((unsigned long)(p) >= (unsigned long)-4095)
#define IS_ERR_OR_NULL(p)	(!(p) || IS_ERR(p))
#define PTR_ERR_OR_ZERO(p)	(IS_ERR(p) ? (int)PTR_ERR(p) : 0)

#endif
