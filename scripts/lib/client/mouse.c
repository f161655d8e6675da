// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mouse for scripts/check client, made by raw_gadget.
 *
 *	mouse NAME
 *
 * plugs it in and prints "ready", then for each line of its input feeds the
 * same reports to the host and prints "played" and how many they were; unplugs
 * it at the end of the input. Before the reports it forgets what the host has
 * set. Each SET_REPORT is printed as it comes: "set", wValue and the data. What
 * goes wrong is printed instead.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <linux/types.h>

typedef __u8 u8;
#include "../../../drivers-usb-mouse/tests/descriptors.h"
#include "gadget.h"
#include "mice.h"
#include "sys.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define WAIT_MS	20000

/* longer than libinput takes a switch to bounce */
#define STEP_US	40000
/* longer than it takes turns of a wheel to belong together */
#define PAUSE_US 700000

/* Logitech M90 (scripts/lib/corpus/logitech-m90-m100-*.hid) */
static const __u8 rd_m90[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09,
	0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x03,
	0x81, 0x02, 0x75, 0x05, 0x95, 0x01, 0x81, 0x01, 0x05, 0x01, 0x09, 0x30,
	0x09, 0x31, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03,
	0x81, 0x06, 0xc0, 0xc0,
};

/*
 * What libratbag wants of a Logitech G300: feature reports F0 (what is active)
 * and F3 to F5 (the profiles). 1: 9 buttons, X, Y of 16 bits, wheel.
 */
static const __u8 rd_g300[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x85, 0x01, 0x09, 0x01, 0xa1, 0x00,
	0x05, 0x09, 0x19, 0x01, 0x29, 0x09, 0x15, 0x00, 0x25, 0x01, 0x95, 0x09,
	0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x07, 0x81, 0x01, 0x05, 0x01,
	0x09, 0x30, 0x09, 0x31, 0x16, 0x01, 0x80, 0x26, 0xff, 0x7f, 0x75, 0x10,
	0x95, 0x02, 0x81, 0x06, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08,
	0x95, 0x01, 0x81, 0x06, 0xc0, 0xc0,
	0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x15, 0x00, 0x26, 0xff, 0x00,
	0x75, 0x08, 0x85, 0xf0, 0x09, 0x02, 0x95, 0x03, 0xb1, 0x02, 0x85, 0xf3,
	0x09, 0x03, 0x95, 0x22, 0xb1, 0x02, 0x85, 0xf4, 0x09, 0x04, 0x95, 0x22,
	0xb1, 0x02, 0x85, 0xf5, 0x09, 0x05, 0x95, 0x22, 0xb1, 0x02, 0xc0,
};

MOUSE_IF(if_m90, rd_m90, 1, 2, ep_in4);
MOUSE_IF(if_hires, multiplier_hwheel_mouse, 1, 2, ep_in16);
MOUSE_IF(if_g300, rd_g300, 1, 2, ep_in16);

struct bytes {
	__u8 len;
	__u8 data[35];
};

/* a profile: red; 1000 Hz; 500, 1000, 1500 (default), 2500 dpi; buttons */
#define G300_PROFILE(id, color) \
	{ 35, { (id), (color), 0, 10, 20, 30 | 0x80, 50, 0, \
		1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0, 5, 0, 0, 0x0a, 0, 0, \
		0x0b, 0, 0, 0x0d, 0, 0, 0, 0x01, 0x04 } }

static enum gadget_answer print_set(struct gadget *g,
				    const struct gadget_setup *setup,
				    __u8 *data, size_t *len)
{
	size_t i;

	(void)g;
	/* asked once before there are data, too */
	if (setup->request == HID_SET_REPORT && *len &&
	    setup->type == (USB_TYPE_CLASS | USB_RECIP_INTERFACE)) {
		printf("set %04x ", setup->value);
		for (i = 0; i < *len; i++)
			printf("%02x", data[i]);
		printf("\n");
	}
	return GADGET_DEFAULT;
}

struct mouse {
	const char *name;
	struct gadget_desc desc;
	bool absolute;
	__u8 id;		/* of its reports, 0: none */
	/* bytes of each field, in their order in the report; 0: there is none */
	__u8 buttons, xy, wheel, pan;
	int unit;		/* of the wheels: what is about one click */
	struct bytes features[4];
	/* other reports than the mouse's */
	struct bytes others[5];
};

static const struct mouse mice[] = {
	{
		/* hwdb has a MOUSE_DPI for it */
		.name = "wheel",
		.desc = {
			.vid = 0x046d, .pid = 0xc05a, .bcd_device = 0x6300,
			.speed = USB_SPEED_LOW,
			.manufacturer = "Logitech", .product = "USB Optical Mouse",
			.ifs = if_m90, .nifs = 1,
		},
		.buttons = 1, .xy = 1, .wheel = 1, .unit = 1,
	}, {
		.name = "hi-res",
		.desc = {
			.vid = 0x1209, .pid = 0xf007, .bcd_device = 0x0100,
			.speed = USB_SPEED_HIGH,
			.manufacturer = "Fine", .product = "Wheel Mouse",
			.serial = "120",
			.ifs = if_hires, .nifs = 1,
		},
		.id = 0x1a,
		/* the Resolution Multipliers */
		.features = { { 2, { 0x12 } } },
		.buttons = 1, .xy = 2, .wheel = 2, .pan = 2, .unit = 12,
	}, {
		/* the ids of one for which hwdb has a MOUSE_WHEEL_CLICK_ANGLE */
		.name = "tilt",
		.desc = {
			.vid = 0x0458, .pid = 0x0133, .bcd_device = 0x0100,
			.speed = USB_SPEED_HIGH,
			.manufacturer = "Mouse", .product = "Laser Mouse",
			.ifs = if_mouse_16, .nifs = 1,
		},
		.id = 2, .buttons = 2, .xy = 2, .wheel = 1, .pan = 1, .unit = 1,
	}, {
		.name = "tablet",
		.desc = {
			.vid = 0x0627, .pid = 0x0001, .speed = USB_SPEED_HIGH,
			.manufacturer = "QEMU", .product = "QEMU USB Tablet",
			.serial = "28754-0000:00:01.2-2",
			.ifs = if_qemu_tablet, .nifs = 1,
		},
		.absolute = true,
		.buttons = 1, .xy = 2, .wheel = 1, .unit = 1,
	}, {
		.name = "keys",
		.desc = {
			.vid = 0x1209, .pid = 0xf008, .bcd_device = 0x0100,
			.speed = USB_SPEED_HIGH,
			.manufacturer = "Many", .product = "Reports And Keys",
			.serial = "8",
			.ifs = if_rest, .nifs = 1,
		},
		.id = REP_MOUSE, .buttons = 1, .xy = 1, .wheel = 1, .unit = 1,
		.features = { { 9, { REP_FEATURE, 1, 2, 3, 4, 5, 6, 7, 8 } } },
		.others = {
			{ 3, { REP_KEYS, 0xe9, 0 } }, { 3, { REP_KEYS } },
			{ 9, { REP_VENDOR, 8, 7, 6, 5, 4, 3, 2, 1 } },
			{ 3, { REP_KEYS, 0xcd, 0 } }, { 3, { REP_KEYS } },
		},
	}, {
		.name = "g300",
		.desc = {
			.vid = 0x046d, .pid = 0xc246, .bcd_device = 0x6400,
			.speed = USB_SPEED_HIGH,
			.manufacturer = "Logitech", .product = "Gaming Mouse G300",
			.ifs = if_g300, .nifs = 1,
		},
		.id = 1, .buttons = 2, .xy = 2, .wheel = 1, .unit = 1,
		.features = {
			/* profile 1, resolution 2 */
			{ 4, { 0xf0, 1 << 4 | 2 << 1 } },
			G300_PROFILE(0xf3, 1), G300_PROFILE(0xf4, 2),
			G300_PROFILE(0xf5, 4),
		},
	},
};

static int step;

static void put(__u8 **p, int value, int size)
{
	while (size--) {
		*(*p)++ = value;
		value >>= 8;
	}
}

static bool forget(struct gadget *g, const struct mouse *m)
{
	const struct bytes *b;

	for (b = m->features; b < m->features + ARRAY_SIZE(m->features); b++)
		if (b->len && gadget_set_report(g, 0, HID_FEATURE, b->data[0],
						b->data, b->len))
			return false;
	return true;
}

static bool send_bytes(struct gadget *g, const __u8 *data, size_t len)
{
	int ret = gadget_report_timeout(g, 0, data, len, WAIT_MS);

	if (ret)
		printf("report %d: %s\n", step, strerror(-ret));
	step++;
	usleep(STEP_US);
	return !ret;
}

static bool send(struct gadget *g, const struct mouse *m, int buttons, int x,
		 int y, int wheel, int pan)
{
	__u8 report[16], *p = report;

	if (m->absolute) {
		/* a step of a mouse is a place of a tablet */
		static int at[2];

		at[0] = !step ? 16000 : at[0] + 50 * x;
		at[1] = !step ? 9000 : at[1] + 50 * y;
		x = at[0];
		y = at[1];
	}
	put(&p, m->id, !!m->id);
	put(&p, buttons, m->buttons);
	put(&p, x, m->xy);
	put(&p, y, m->xy);
	put(&p, wheel, m->wheel);
	put(&p, pan, m->pan);
	return send_bytes(g, report, p - report);
}

static bool turn(struct gadget *g, const struct mouse *m, int wheel, int pan)
{
	return send(g, m, 0, 0, 0, wheel, pan);
}

static bool play(struct gadget *g, const struct mouse *m)
{
	static const signed char moves[][2] = {
		{ 5, 3 }, { -7, 2 }, { 1, 0 }, { 0, -1 }, { 127, -127 },
		{ 0, 0 }, { -100, 90 }, { 2, 2 },
	};
	static const signed char turns[] = { 1, 1, -1, -1, 3, -2 };
	int u = m->unit, axis, k;
	unsigned int i;

	step = 0;
	for (i = 0; i < ARRAY_SIZE(m->others); i++)
		if (m->others[i].len &&
		    !send_bytes(g, m->others[i].data, m->others[i].len))
			return false;
	for (i = 0; i < ARRAY_SIZE(moves); i++)
		if (!send(g, m, 0, moves[i][0], moves[i][1], 0, 0))
			return false;
	/* each button */
	for (i = 0; i < 3; i++)
		if (!send(g, m, 1 << i, 0, 0, 0, 0) ||
		    !send(g, m, 0, 0, 0, 0, 0))
			return false;
	/* two that overlap, and a drag */
	if (!send(g, m, 1, 0, 0, 0, 0) || !send(g, m, 3, 4, -4, 0, 0) ||
	    !send(g, m, 2, 4, -4, 0, 0) || !send(g, m, 0, 0, 0, 0, 0))
		return false;
	for (axis = 0; axis < (m->pan ? 2 : 1); axis++) {
		usleep(PAUSE_US);
		for (i = 0; i < ARRAY_SIZE(turns); i++)
			if (!turn(g, m, axis ? 0 : u * turns[i],
				  axis ? u * turns[i] : 0))
				return false;
		/* in fractions of a click, both ways */
		for (k = 1; u > 1 && k >= -1; k -= 2) {
			usleep(PAUSE_US);
			for (i = 1; i < 10; i++)
				if (!turn(g, m, axis ? 0 : k * (int)i,
					  axis ? k * (int)i : 0))
					return false;
		}
	}
	/* all at once, and the end, which guest.sh waits for */
	return send(g, m, 1, 3, -3, u, m->pan ? -u : 0) &&
	       send(g, m, 0, 1, 1, 0, 0) &&
	       send(g, m, 4, 0, 0, 0, 0) && send(g, m, 0, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	struct gadget_desc desc;
	const struct mouse *m;
	struct gadget *g;
	char line[64];
	char why[256];

	setlinebuf(stdout);
	for (m = mice; m < mice + ARRAY_SIZE(mice); m++)
		if (argc == 2 && !strcmp(m->name, argv[1]))
			break;
	if (m == mice + ARRAY_SIZE(mice)) {
		printf("there is no such mouse\n");
		return 2;
	}
	if (sys_need_gadgets(1, why, sizeof(why))) {
		printf("a gadget is needed: %s\n", why);
		return 2;
	}
	desc = m->desc;
	desc.setup = print_set;
	g = gadget_plug(&desc, 0);
	if (!g) {
		perror("gadget_plug");
		return 1;
	}
	if (!forget(g, m) || gadget_wait_configured(g, WAIT_MS)) {
		printf("the host does not configure the mouse\n");
		return 1;
	}
	printf("ready\n");
	while (fgets(line, sizeof(line), stdin) && forget(g, m) && play(g, m))
		printf("played %d\n", step);
	gadget_unplug(g);
	return 0;
}
