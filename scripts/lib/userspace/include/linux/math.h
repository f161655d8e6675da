/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SHIM_MATH_H
#define SHIM_MATH_H

#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
/* Of two values that are not negative */
#define DIV_ROUND_CLOSEST(n, d)	(((n) + (s64)(d) / 2) / (d))

#endif
