/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stands in where the kernel has no <linux/unaligned.h>, as before 6.12: for
 * that header, and for names that came with or before it and are missing, too.
 * Only for the stand-alone module; not part of the series.
 *
 * On such a kernel hid-input does not know the usages behind these names.
 */

#ifndef _HRMOUSE_UNALIGNED_H
#define _HRMOUSE_UNALIGNED_H

#include <asm/unaligned.h>
#include <linux/hid.h>
#include <linux/input.h>

#ifndef HID_UP_CAMERA
#define HID_UP_CAMERA		0x00900000
#endif
#ifndef HID_GD_DO_NOT_DISTURB
#define HID_GD_DO_NOT_DISTURB	0x0001009b
#endif
#ifndef KEY_ACCESSIBILITY
#define KEY_ACCESSIBILITY	0x24e
#endif
#ifndef KEY_DO_NOT_DISTURB
#define KEY_DO_NOT_DISTURB	0x24f
#endif
#ifndef HID_QUIRK_IGNORE_SPECIAL_DRIVER
#define HID_QUIRK_IGNORE_SPECIAL_DRIVER	0
#endif
#ifndef __counted_by
#define __counted_by(member)
#endif

#endif /* _HRMOUSE_UNALIGNED_H */
