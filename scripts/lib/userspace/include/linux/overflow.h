/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_OVERFLOW_H
#define SHIM_OVERFLOW_H
#define check_add_overflow	__builtin_add_overflow
#define check_sub_overflow	__builtin_sub_overflow
#define check_mul_overflow	__builtin_mul_overflow
#endif
