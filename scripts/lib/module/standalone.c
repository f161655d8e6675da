// SPDX-License-Identifier: GPL-2.0-only
/*
 * What hrmouse has only as a module of its own. Not part of the series.
 */

#include <linux/module.h>

/* A checksum of the sources; scripts/module puts it here */
MODULE_VERSION("@VERSION@");

/*
 * A usbhid that knows of no other driver must come first, or hrmouse would
 * have all mice when the system starts, and not those that are asked for
 */
MODULE_SOFTDEP("pre: usbhid");
