// SPDX-License-Identifier: GPL-2.0
/*
 * hrmouse_rest against a mouse that has media keys and reports of its maker's
 * in the same interface: event devices, hidraw, and that neither harms the
 * other while reports come.
 *
 * HRMOUSE_EXPECT_DRIVER=usbhid runs what applies to usbhid against it: that
 * proves the tests.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/hidraw.h>
#include <linux/usbdevice_fs.h>

#include "kselftest_harness.h"

#include "evdev.h"
#include "gadget.h"
#include "mice.h"
#include "sys.h"

#define UDC		0
#define WAIT_MS		(10000 * sys_slow())
#define FRAME_MS	3000
#define QUIET_MS	300
#define MAX_FRAME	40
#define ROUNDS		5
#define PERIOD_US	(4000 * sys_slow())	/* of what streams */
/* so many reports come where reports go on coming */
#define FLOW		20
/* of a request: usbcore's; and how long a mouse may hesitate meanwhile */
#define REQUEST_MS	5000
#define MAX_GAP_MS	(1000 * sys_slow())

#define INTERFACE	"/sys/devices/platform/dummy_hcd.0/usb*/*-1/*:1.0"
#define GENERIC_DIR	"/sys/bus/hid/drivers/hid-generic"
#define HIDRAW_PARAM	"/sys/module/hrmouse/parameters/hidraw"

MOUSE_IF(if_plain, rd_qemu_mouse, 1, 2, ep_in8);

/* not "Mouse" at its end: hid-input does not write that twice */
#define NAME	"Many Reports And Keys"

static enum gadget_answer mute_feature(struct gadget *g,
				       const struct gadget_setup *setup,
				       __u8 *data, size_t *len);

static const struct gadget_desc dev_rest = {
	.vid = 0x1209, .pid = 0xf008, .bcd_device = 0x0100,
	.manufacturer = "Many", .product = "Reports And Keys", .serial = "8",
	.remote_wakeup = true, .setup = mute_feature,
	.ifs = if_rest, .nifs = 1,
};

static const struct gadget_desc dev_plain = {
	.vid = 0x1209, .pid = 0xf009, .bcd_device = 0x0100,
	.manufacturer = "Plain", .product = "Mouse", .serial = "9",
	.ifs = if_plain, .nifs = 1,
};

/* those with an interrupt OUT endpoint: with report IDs and without */
static const struct gadget_ep ep_both[] = {
	{ .addr = 0x81, .maxp = 16, .interval = 1 },
	{ .addr = 0x02, .maxp = 16, .interval = 1 },
};

static const struct gadget_if if_rest_out[] = {
	{ MOUSE_RDESC(rd_rest), .eps = ep_both, .neps = 2 },
};

static const struct gadget_desc dev_rest_out = {
	.vid = 0x1209, .pid = 0xf00a, .bcd_device = 0x0100,
	.manufacturer = "Many", .product = "Reports And Keys",
	.ifs = if_rest_out, .nifs = 1,
};

/* 3 buttons, X and Y; of the maker's: output of 4 bytes */
static const __u8 rd_output[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09,
	0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01,
	0x81, 0x02, 0x95, 0x01, 0x75, 0x05, 0x81, 0x01, 0x05, 0x01, 0x09, 0x30,
	0x09, 0x31, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x02, 0x81, 0x06,
	0xc0, 0xc0,
	0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x09, 0x02, 0x15, 0x00, 0x26,
	0xff, 0x00, 0x75, 0x08, 0x95, 0x04, 0x91, 0x02, 0xc0,
};

static const struct gadget_if if_output[] = {
	{ MOUSE_RDESC(rd_output), .eps = ep_both, .neps = 2 },
};

static const struct gadget_desc dev_output = {
	.vid = 0x1209, .pid = 0xf00b, .bcd_device = 0x0100,
	.manufacturer = "No", .product = "Report IDs",
	.ifs = if_output, .nifs = 1,
};

/* its buttons are the numbers of those that are down: 2 bytes; then X and Y */
static const __u8 rd_array[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09,
	0x19, 0x01, 0x29, 0x03, 0x15, 0x01, 0x25, 0x03, 0x75, 0x08, 0x95, 0x02,
	0x81, 0x00, 0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x81, 0x25, 0x7f,
	0x75, 0x08, 0x95, 0x02, 0x81, 0x06, 0xc0, 0xc0,
	0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x09, 0x02, 0x15, 0x00, 0x26,
	0xff, 0x00, 0x75, 0x08, 0x95, 0x04, 0x91, 0x02, 0xc0,
};

MOUSE_IF(if_array, rd_array, 0, 0, ep_in8);

static const struct gadget_desc dev_array = {
	.vid = 0x1209, .pid = 0xf00f, .bcd_device = 0x0100,
	.manufacturer = "Array", .product = "Mouse", .ifs = if_array, .nifs = 1,
};

/* A boot keyboard with a wheel: 8 modifiers, 5 LEDs; X, Y and wheel */
static const __u8 rd_wheel_keyboard[] = {
	0x05, 0x01, 0x09, 0x06, 0xa1, 0x01, 0x85, 0x01, 0x05, 0x07, 0x19, 0xe0,
	0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x75, 0x01, 0x95, 0x08, 0x81, 0x02,
	0x95, 0x05, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02, 0x95, 0x01,
	0x75, 0x03, 0x91, 0x01, 0xc0,
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x85, 0x02, 0x09, 0x01, 0xa1, 0x00,
	0x05, 0x09, 0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03,
	0x75, 0x01, 0x81, 0x02, 0x95, 0x01, 0x75, 0x05, 0x81, 0x01, 0x05, 0x01,
	0x09, 0x30, 0x09, 0x31, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08,
	0x95, 0x03, 0x81, 0x06, 0xc0, 0xc0,
};

MOUSE_IF(if_wheel_keyboard, rd_wheel_keyboard, 1, 1, ep_in8);

static const struct gadget_desc dev_wheel_keyboard = {
	.vid = 0x1209, .pid = 0xf00c, .bcd_device = 0x0100,
	.manufacturer = "Keyboard", .product = "With Wheel",
	.remote_wakeup = true, .ifs = if_wheel_keyboard, .nifs = 1,
};

/*
 * A wheel, its multiplier, and 6 bits of the maker's beside it in a feature
 * report without ID, which one has to read before one changes it.
 */
static const __u8 rd_multiplier[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00, 0x05, 0x09,
	0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01,
	0x81, 0x02, 0x95, 0x01, 0x75, 0x05, 0x81, 0x01, 0x05, 0x01, 0x09, 0x30,
	0x09, 0x31, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x02, 0x81, 0x06,
	0xa1, 0x02, 0x09, 0x48, 0x15, 0x00, 0x25, 0x01, 0x35, 0x01, 0x45, 0x04,
	0x75, 0x02, 0x95, 0x01, 0xb1, 0x02, 0x35, 0x00, 0x45, 0x00, 0x09, 0x38,
	0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x81, 0x06, 0xc0, 0x06, 0x00, 0xff,
	0x09, 0x20, 0x15, 0x00, 0x25, 0x3f, 0x75, 0x06, 0xb1, 0x02, 0xc0, 0xc0,
	0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x09, 0x02, 0x15, 0x00, 0x26,
	0xff, 0x00, 0x75, 0x08, 0x95, 0x04, 0x91, 0x02, 0xc0,
};

MOUSE_IF(if_multiplier, rd_multiplier, 0, 0, ep_in8);

/* a feature report of no bits: two multipliers without one */
static const __u8 rd_no_bits[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09, 0x38,
	0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03, 0x81, 0x06, 0x09, 0x48,
	0x15, 0x00, 0x25, 0x01, 0x35, 0x01, 0x45, 0x08, 0x75, 0x00, 0x95, 0x01,
	0xb1, 0x02, 0x09, 0x48, 0xb1, 0x02, 0xc0,
	0x06, 0x00, 0xff, 0x09, 0x01, 0xa1, 0x01, 0x09, 0x02, 0x15, 0x00, 0x26,
	0xff, 0x00, 0x75, 0x08, 0x95, 0x04, 0x91, 0x02, 0xc0,
};

MOUSE_IF(if_no_bits, rd_no_bits, 0, 0, ep_in8);

#define DEV_FEATURE(name, number, intf) \
static const struct gadget_desc name = { \
	.vid = 0x1209, .pid = (number), .bcd_device = 0x0100, \
	.manufacturer = "Feature", .product = "Mouse", \
	.ifs = (intf), .nifs = 1, \
}

DEV_FEATURE(dev_multiplier, 0xf00d, if_multiplier);
DEV_FEATURE(dev_no_bits, 0xf00e, if_no_bits);

/* A step to the right, a step to the left: what streams */
static const __u8 steps[2][5] = { { REP_MOUSE, 0, 1 }, { REP_MOUSE, 0, 0xff } };

/* A report, and its frames: of the mouse's event device and of the keys' */
struct step {
	size_t len;
	__u8 report[16];
	const char *mouse;
	const char *keys;
};

static const struct step all_steps[] = {
	{ 5, { REP_MOUSE, 0x01, 0x05, 0xfb }, " s90001 k110=1 r0=5 r1=-5", "" },
	{ 3, { REP_KEYS, 0xe9, 0x00 }, "", " sc00e9 k73=1" },
	/* no news for the event devices */
	{ 5, { REP_MOUSE, 0x01 }, "", "" },
	{ 9, { REP_VENDOR, 1, 2, 3, 4, 5, 6, 7, 8 }, "", "" },
	{ 5, { REP_MOUSE, 0x03, 0x7f, 0x81, 0x01 },
	  " s90002 k111=1 r0=127 r1=-127 r8=1 rb=120", "" },
	{ 3, { REP_KEYS, 0xcd, 0x00 }, "", " sc00e9 k73=0 sc00cd ka4=1" },
	{ 9, { REP_VENDOR, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0 }, "", "" },
	{ 5, { REP_MOUSE, 0x00, 0x01 },
	  " s90001 k110=0 s90002 k111=0 r0=1", "" },
	{ 3, { REP_KEYS }, "", " sc00cd ka4=0" },
	{ 5, { REP_MOUSE, 0x00, 0x02 }, " r0=2", "" },
};

static const struct mod mod_rest = { .name = "hrmouse_rest" };

static bool expect_hrmouse(void)
{
	const char *name = getenv("HRMOUSE_EXPECT_DRIVER");

	return !name || !strcmp(name, "hrmouse");
}

static const char *expected_driver(void)
{
	return expect_hrmouse() ? "hrmouse" : "usbhid";
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the fixture -------------------------------------------------------- */

struct bench {
	struct gadget *g;
	int raw;		/* hidraw, and the event devices */
	int mouse;
	int keys;
	struct klog log;
	long tainted;
	char param[8];		/* of hrmouse, as it was */
	bool ready;
};

FIXTURE(rest)
{
	struct bench b;
};

/* requests for feature reports are not answered from now on */
static bool muted;

static enum gadget_answer mute_feature(struct gadget *g,
				       const struct gadget_setup *setup,
				       __u8 *data, size_t *len)
{
	(void)g;
	(void)data;
	(void)len;
	return __atomic_load_n(&muted, __ATOMIC_ACQUIRE) &&
	       (setup->type & USB_TYPE_MASK) == USB_TYPE_CLASS &&
	       setup->value >> 8 == HID_FEATURE ? GADGET_MUTE : GADGET_DEFAULT;
}

/* the path of what is at the interface; false if nothing is */
static bool find(const char *below, char *path, size_t size)
{
	char pattern[128];
	glob_t found;
	bool ret;

	snprintf(pattern, sizeof(pattern), INTERFACE "%s", below);
	ret = !glob(pattern, 0, NULL, &found);
	if (ret)
		snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return ret;
}

static int count(const char *below)
{
	char pattern[128];
	glob_t found;
	int n;

	snprintf(pattern, sizeof(pattern), INTERFACE "%s", below);
	n = glob(pattern, 0, NULL, &found) ? 0 : found.gl_pathc;
	globfree(&found);
	return n;
}

static void wait_driver(struct __test_metadata *_metadata, const char *want)
{
	long end = now_ms() + WAIT_MS;
	char driver[32];

	do {
		usb_driver(UDC, 0, driver, sizeof(driver));
		if (!strcmp(driver, want))
			break;
		usleep(5000);
	} while (now_ms() < end);
	ASSERT_STREQ(want, driver);
	/* and its probe is over */
	EXPECT_EQ(0, usb_settle(UDC));
}

static int try_event(const char *name)
{
	struct evdev_node nodes[8];
	char is[256];
	int i, n, fd;

	n = evdev_list(UDC, 0, nodes, 8);
	for (i = 0; i < n; i++) {
		fd = evdev_open(&nodes[i]);
		if (fd < 0)
			continue;
		if (ioctl(fd, EVIOCGNAME(sizeof(is)), is) > 0 &&
		    !strcmp(name, is))
			return fd;
		close(fd);
	}
	return -1;
}

static int try_raw(void)
{
	char path[256], node[64];

	if (!find("/*/hidraw/hidraw*", path, sizeof(path)))
		return -1;
	snprintf(node, sizeof(node), "/dev%.40s", strrchr(path, '/'));
	return open(node, O_RDWR | O_NONBLOCK | O_CLOEXEC);
}

/* nodes in /dev come after those in sysfs */
static void open_event(struct __test_metadata *_metadata, int *fd,
		       const char *name)
{
	long end = now_ms() + WAIT_MS;

	while ((*fd = try_event(name)) < 0 && now_ms() < end)
		usleep(5000);
	ASSERT_LE(0, *fd)
		TH_LOG("no \"%s\"", name);
}

static void open_raw(struct __test_metadata *_metadata, struct bench *b)
{
	long end = now_ms() + WAIT_MS;

	while ((b->raw = try_raw()) < 0 && now_ms() < end)
		usleep(5000);
	ASSERT_LE(0, b->raw)
		TH_LOG("hidraw: %s", strerror(errno));
}

static void open_all(struct __test_metadata *_metadata, struct bench *b)
{
	open_event(_metadata, &b->mouse, NAME " Mouse");
	open_event(_metadata, &b->keys, NAME " Consumer Control");
	open_raw(_metadata, b);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_all(struct bench *b)
{
	close_one(&b->raw);
	close_one(&b->mouse);
	close_one(&b->keys);
}

static void plug(struct __test_metadata *_metadata, struct bench *b,
		 const struct gadget_desc *desc)
{
	b->g = gadget_plug(desc, UDC);
	ASSERT_NE(NULL, b->g)
		TH_LOG("%s", strerror(errno));
	ASSERT_EQ(0, gadget_wait_configured(b->g, WAIT_MS));
	wait_driver(_metadata, expected_driver());
}

static void unplug(struct __test_metadata *_metadata, struct bench *b)
{
	gadget_unplug(b->g);
	b->g = NULL;
	EXPECT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
}

static void start_stream(struct __test_metadata *_metadata, struct bench *b)
{
	ASSERT_EQ(0, gadget_stream_start(b->g, 0, steps, 2, sizeof(steps[0]),
					 PERIOD_US));
}

/* a function of it that is inlined nowhere, and is there if it is built in */
static bool rest_is_builtin(void)
{
	char line[256];
	bool ret = false;
	FILE *f;

	f = fopen("/proc/kallsyms", "re");
	while (f && !ret && fgets(line, sizeof(line), f))
		ret = strstr(line, " hrm_rest_raw_request");
	if (f)
		fclose(f);
	return ret;
}

FIXTURE_SETUP(rest)
{
	struct bench *b = &self->b;
	char why[160];

	b->raw = -1;
	b->mouse = -1;
	b->keys = -1;
	b->log.fd = -1;
	if (sys_need_gadgets(1, why, sizeof(why)))
		SKIP(return, "%s", why);
	if (access(GENERIC_DIR, F_OK))
		SKIP(return, "no hid-generic: enable CONFIG_HID_GENERIC");
	if (access("/sys/class/hidraw", F_OK))
		SKIP(return, "no hidraw: enable CONFIG_HIDRAW");
	if (expect_hrmouse()) {
		if (mod_state(&mod_hrmouse) == MOD_ABSENT)
			SKIP(return, "no hrmouse: set HRMOUSE_KO, or install the modules");
		if (mod_state(&mod_rest) == MOD_ABSENT && !rest_is_builtin())
			SKIP(return, "no hrmouse_rest: enable CONFIG_USB_HRMOUSE_REST");
		/* where nobody can load it for hrmouse */
		if (mod_state(&mod_rest) == MOD_UNLOADED)
			ASSERT_EQ(0, mod_load(&mod_rest, NULL));
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		ASSERT_EQ(0, sys_read(HIDRAW_PARAM, b->param,
				      sizeof(b->param)));
	} else {
		ASSERT_EQ(0, sys_load_usbhid());
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	}
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	b->tainted = sys_tainted();
	if (sys_leaks_start() == -EPERM)
		TH_LOG("kmemleak is off: boot with kmemleak=on");
	ASSERT_EQ(0, klog_open(&b->log));
	b->ready = true;
}

FIXTURE_TEARDOWN(rest)
{
	struct bench *b = &self->b;
	char text[2048];

	if (!b->ready)
		return;
	/* A failed ASSERT leaves it set, for the next EXPECT to talk about */
	_metadata->trigger = 0;
	close_all(b);
	unplug(_metadata, b);
	if (*b->param) {
		EXPECT_EQ(0, mod_load(&mod_hrmouse, NULL));
		EXPECT_EQ(0, sys_write(HIDRAW_PARAM, b->param));
	}
	EXPECT_FALSE(sys_leaks(text, sizeof(text)))
		TH_LOG("%s", text);
	EXPECT_EQ(b->tainted, sys_tainted());
	EXPECT_EQ(0, klog_rewind(&b->log));
	EXPECT_FALSE(klog_trouble(&b->log, text, sizeof(text)))
		TH_LOG("%s", text);
	klog_close(&b->log);
}

/* ---- what comes --------------------------------------------------------- */

static void report(struct __test_metadata *_metadata, struct bench *b,
		   const void *data, size_t len)
{
	ASSERT_EQ(0, gadget_report_timeout(b->g, 0, data, len, WAIT_MS));
}

/* as in the list above; "" if there is none */
static void expect_frame(struct __test_metadata *_metadata, int fd,
			 const char *want, int ms)
{
	struct evdev_ev frame[MAX_FRAME];
	char text[512] = "";
	size_t used = 0;
	int n, i;

	n = evdev_frame(fd, frame, MAX_FRAME, ms);
	if (n < 0)
		ASSERT_EQ(-ETIMEDOUT, n);
	for (i = 0; i < n && used < sizeof(text) - 32; i++) {
		const struct evdev_ev *ev = &frame[i];

		if (ev->type == EV_MSC)
			used += sprintf(text + used, " s%x", ev->value);
		else
			used += sprintf(text + used, " %c%x=%d",
					"?kra"[ev->type & 3], ev->code,
					ev->value);
	}
	ASSERT_STREQ(want, text);
}

static void expect_raw(struct __test_metadata *_metadata, int fd,
		       const __u8 *want, size_t len)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	__u8 data[64];
	size_t i;

	ASSERT_EQ(1, poll(&pfd, 1, FRAME_MS));
	ASSERT_EQ((ssize_t)len, read(fd, data, sizeof(data)));
	for (i = 0; i < len; i++) {
		ASSERT_EQ(want[i], data[i])
			TH_LOG("byte %zu", i);
	}
}

static void expect_quiet(struct __test_metadata *_metadata, struct bench *b)
{
	__u8 data[64];

	expect_frame(_metadata, b->mouse, "", QUIET_MS);
	expect_frame(_metadata, b->keys, "", 0);
	if (b->raw >= 0)
		EXPECT_EQ(-1, read(b->raw, data, sizeof(data)));
}

/* all reports, and then what has come of them: what is missing or more shows */
static void expect_steps(struct __test_metadata *_metadata, struct bench *b)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(all_steps); i++)
		report(_metadata, b, all_steps[i].report, all_steps[i].len);
	for (i = 0; i < ARRAY_SIZE(all_steps); i++) {
		const struct step *s = &all_steps[i];

		if (*s->mouse)
			expect_frame(_metadata, b->mouse, s->mouse, FRAME_MS);
		if (*s->keys)
			expect_frame(_metadata, b->keys, s->keys, FRAME_MS);
		if (b->raw >= 0)
			expect_raw(_metadata, b->raw, s->report, s->len);
	}
	expect_quiet(_metadata, b);
}

/* a length, 0 if there is nothing to read, or a negative errno */
static int read_some(int fd, void *buf, size_t size)
{
	ssize_t n = read(fd, buf, size);

	return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

/* the stream goes on, in the event device and in hidraw if that is open */
static void expect_flow(struct __test_metadata *_metadata, struct bench *b)
{
	struct pollfd pfd[2] = {
		{ .fd = b->mouse, .events = POLLIN },
		{ .fd = b->raw, .events = POLLIN },
	};
	long end = now_ms() + WAIT_MS;
	int events = 0, reports = 0, n;
	struct input_event ev[64];
	__u8 data[64];

	/* what waits there is old */
	while (read_some(b->mouse, ev, sizeof(ev)) > 0)
		;
	while (b->raw >= 0 && read_some(b->raw, data, sizeof(data)) > 0)
		;
	while ((events < FLOW || (b->raw >= 0 && reports < FLOW)) &&
	       now_ms() < end) {
		poll(pfd, 2, 10);
		n = read_some(b->mouse, ev, sizeof(ev));
		ASSERT_LE(0, n);
		/* X and the end of the frame */
		events += n / (2 * sizeof(ev[0]));
		n = b->raw < 0 ? 0 : read_some(b->raw, data, sizeof(data));
		if (!n)
			continue;
		ASSERT_EQ((int)sizeof(steps[0]), n);
		ASSERT_TRUE(!memcmp(data, steps[0], n) ||
			    !memcmp(data, steps[1], n));
		reports++;
	}
	ASSERT_LE(FLOW, events);
	if (b->raw >= 0)
		ASSERT_LE(FLOW, reports);
}

/* reads on until the device has ended */
static int read_to_end(int fd)
{
	long end = now_ms() + WAIT_MS;
	char buf[2048];
	int ret;

	while ((ret = read_some(fd, buf, sizeof(buf))) >= 0 && now_ms() < end)
		usleep(500);
	return ret;
}

static void expect_end(struct __test_metadata *_metadata, struct bench *b)
{
	struct pollfd pfd = { .fd = b->raw };

	EXPECT_EQ(-EIO, read_to_end(b->raw));
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	EXPECT_TRUE(pfd.revents & POLLHUP);
	EXPECT_EQ(-ENODEV, read_to_end(b->mouse));
	EXPECT_EQ(-ENODEV, read_to_end(b->keys));
	close_all(b);
}

/* ---- the tests ---------------------------------------------------------- */

/* whether the mouse's reports, and no others, go by the plan */
static void expect_plan(struct __test_metadata *_metadata, bool planned)
{
	const char *all = planned ? "\nother reports: to the HID core\n" :
				    "\nall reports: to the HID core\n";
	char plan[4096];

	if (!expect_hrmouse())
		return;
	ASSERT_EQ(0, sys_read("/sys/kernel/debug/usb/hrmouse/plan", plan,
			      sizeof(plan)));
	EXPECT_NE(NULL, strstr(plan, all))
		TH_LOG("%s", plan);
	EXPECT_EQ(planned, !!strstr(plan, "\nreport 1: 4 bytes, to input"));
	EXPECT_EQ(NULL, strstr(plan, "\nreport 2: "));
}

/* hrmouse has it, and it is to userspace what it is under usbhid */
TEST_F_TIMEOUT(rest, taken, TIMEOUT(60))
{
	struct bench *b = &self->b;
	char path[256], driver[256] = "";

	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	EXPECT_EQ(1, count("/*:*:*.*"));
	EXPECT_EQ(2, count("/*:*:*.*/input/input*/event*"));
	EXPECT_EQ(1, count("/*:*:*.*/hidraw/hidraw*"));
	EXPECT_EQ(0, count("/input/input*"));
	ASSERT_TRUE(find("/*:*:*.*/driver", path, sizeof(path)));
	ASSERT_LT(0, readlink(path, driver, sizeof(driver) - 1));
	EXPECT_STREQ("/hid-generic", strrchr(driver, '/'));
	expect_plan(_metadata, true);
}

/* nobody but hrmouse has to do it: it is loaded with the first such mouse */
TEST_F_TIMEOUT(rest, loaded_when_needed, TIMEOUT(60))
{
	struct bench *b = &self->b;
	char modprobe[128];

	if (!expect_hrmouse() || mod_state(&mod_rest) != MOD_LOADED ||
	    mod_state(&mod_hrmouse) != MOD_LOADED)
		SKIP(return, "hrmouse and hrmouse_rest are not modules");
	if (sys_read("/proc/sys/kernel/modprobe", modprobe, sizeof(modprobe)) ||
	    access(modprobe, X_OK))
		SKIP(return, "the kernel has no modprobe to call");
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	/* it is not held any longer than that */
	ASSERT_EQ(0, mod_unload(&mod_rest));
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	plug(_metadata, b, &dev_rest);
	EXPECT_TRUE(mod_state(&mod_rest) == MOD_LOADED);
	open_all(_metadata, b);
}

TEST_F_TIMEOUT(rest, events, TIMEOUT(60))
{
	struct bench *b = &self->b;

	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	close_one(&b->raw);
	expect_steps(_metadata, b);
}

/* each report as it is, in its order, and the events as without */
TEST_F_TIMEOUT(rest, reports, TIMEOUT(60))
{
	struct bench *b = &self->b;
	int n;

	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	for (n = 0; n < ROUNDS; n++) {
		expect_steps(_metadata, b);
		close_one(&b->raw);
		expect_steps(_metadata, b);
		open_raw(_metadata, b);
	}
	/* with nothing else open */
	close_one(&b->mouse);
	close_one(&b->keys);
	report(_metadata, b, steps[0], sizeof(steps[0]));
	expect_raw(_metadata, b->raw, steps[0], sizeof(steps[0]));
}

/* what a part of a report is depends on hid-core: none, or one with zeros */
TEST_F_TIMEOUT(rest, short_report, TIMEOUT(60))
{
	struct bench *b = &self->b;
	static const __u8 part[] = { REP_MOUSE, 0 };
	__u8 data[64];
	int n = 0;

	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	report(_metadata, b, part, sizeof(part));
	expect_frame(_metadata, b->mouse, "", QUIET_MS);
	while (read_some(b->raw, data, sizeof(data)) > 0)
		n++;
	EXPECT_GE(1, n);
	expect_steps(_metadata, b);
}

TEST_F_TIMEOUT(rest, description, TIMEOUT(60))
{
	struct bench *b = &self->b;
	struct hidraw_report_descriptor rd = { 0 };
	struct hidraw_devinfo info;
	char text[256];
	int size;

	plug(_metadata, b, &dev_rest);
	open_raw(_metadata, b);
	ASSERT_EQ(0, ioctl(b->raw, HIDIOCGRDESCSIZE, &size));
	ASSERT_EQ((int)sizeof(rd_rest), size);
	rd.size = size;
	ASSERT_EQ(0, ioctl(b->raw, HIDIOCGRDESC, &rd));
	EXPECT_EQ(0, memcmp(rd_rest, rd.value, sizeof(rd_rest)));

	ASSERT_EQ(0, ioctl(b->raw, HIDIOCGRAWINFO, &info));
	EXPECT_EQ((__u32)BUS_USB, info.bustype);
	EXPECT_EQ(dev_rest.vid, (__u16)info.vendor);
	EXPECT_EQ(dev_rest.pid, (__u16)info.product);
	ASSERT_LT(0, ioctl(b->raw, HIDIOCGRAWNAME(sizeof(text)), text));
	EXPECT_STREQ(NAME, text);
	ASSERT_LT(0, ioctl(b->raw, HIDIOCGRAWPHYS(sizeof(text)), text));
	EXPECT_STREQ("usb-dummy_hcd.0-1/input0", text);
	ASSERT_LT(0, ioctl(b->raw, HIDIOCGRAWUNIQ(sizeof(text)), text));
	EXPECT_STREQ(dev_rest.serial, text);
}

/* the host may know of a request's end before the device has stored it */
static void wait_set_report(struct __test_metadata *_metadata, struct bench *b,
			    int n)
{
	ASSERT_EQ(0, gadget_wait_requests(b->g, USB_TYPE_CLASS |
					  USB_RECIP_INTERFACE, HID_SET_REPORT,
					  n, WAIT_MS));
}

/* what configures a mouse: both ways, and byte for byte */
TEST_F_TIMEOUT(rest, requests, TIMEOUT(60))
{
	struct bench *b = &self->b;
	static const __u8 first[9] = { REP_FEATURE, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const __u8 second[9] = { REP_FEATURE, 8, 7, 6, 5, 4, 3, 2, 0xff };
	static const __u8 output[5] = { REP_OUTPUT, 0xde, 0xad, 0xbe, 0xef };
	__u8 data[16] = { REP_FEATURE };

	plug(_metadata, b, &dev_rest);
	open_raw(_metadata, b);
	ASSERT_EQ(0, gadget_set_report(b->g, 0, HID_FEATURE, REP_FEATURE, first,
				       sizeof(first)));
	ASSERT_EQ(9, ioctl(b->raw, HIDIOCGFEATURE(sizeof(data)), data));
	EXPECT_EQ(0, memcmp(first, data, sizeof(first)));

	memcpy(data, second, sizeof(second));
	ASSERT_EQ(9, ioctl(b->raw, HIDIOCSFEATURE(9), data));
	wait_set_report(_metadata, b, 1);
	memset(data, 0, sizeof(data));
	ASSERT_EQ(9, gadget_get_report(b->g, 0, HID_FEATURE, REP_FEATURE, data,
				       sizeof(data)));
	EXPECT_EQ(0, memcmp(second, data, sizeof(second)));

	ASSERT_EQ(5, write(b->raw, output, sizeof(output)));
	wait_set_report(_metadata, b, 2);
	ASSERT_EQ(5, gadget_get_report(b->g, 0, HID_OUTPUT, REP_OUTPUT, data,
				       sizeof(data)));
	EXPECT_EQ(0, memcmp(output, data, sizeof(output)));

	/* the device has no such report, and says so */
	data[0] = REP_OUTPUT + 1;
	EXPECT_EQ(-1, ioctl(b->raw, HIDIOCGFEATURE(sizeof(data)), data));
	EXPECT_EQ(EPIPE, errno);
}

static void device_path(struct __test_metadata *_metadata, const char *name,
			char *path, size_t size)
{
	char intf[256];

	ASSERT_TRUE(find("", intf, sizeof(intf)));
	*strrchr(intf, '/') = '\0';
	snprintf(path, size, "%s/%s", intf, name);
}

#define REQUEST_OUT	(USB_TYPE_CLASS | USB_RECIP_INTERFACE)
#define REQUEST_IN	(REQUEST_OUT | USB_DIR_IN)

/* hid-input reads the report with the multiplier: a packet, even of no bits */
TEST_F_TIMEOUT(rest, feature_requests, TIMEOUT(120))
{
	struct bench *b = &self->b;
	static const struct gadget_desc *const descs[] = {
		&dev_multiplier, &dev_no_bits,
	};
	struct gadget_request last = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(descs); i++) {
		plug(_metadata, b, descs[i]);
		ASSERT_EQ(0, gadget_wait_requests(b->g, REQUEST_OUT,
						  HID_SET_REPORT, 1, WAIT_MS));
		EXPECT_EQ(1, gadget_requests(b->g, REQUEST_IN, HID_GET_REPORT,
					     &last));
		EXPECT_EQ(HID_FEATURE << 8, last.setup.value);
		EXPECT_EQ(64, last.setup.length);
		unplug(_metadata, b);
	}
}

static bool is_suspended(struct __test_metadata *_metadata, int ms)
{
	long end = now_ms() + ms;
	char path[300], text[32];

	device_path(_metadata, "power/runtime_status", path, sizeof(path));
	do {
		sys_read(path, text, sizeof(text));
		if (!strcmp(text, "suspended"))
			return true;
		usleep(5000);
	} while (now_ms() < end);
	return false;
}

static void set_power(struct __test_metadata *_metadata, const char *name,
		      const char *value)
{
	char path[300];

	device_path(_metadata, name, path, sizeof(path));
	ASSERT_EQ(0, sys_write(path, value));
}

/* the nth SET_REPORT tells this */
static void expect_led(struct __test_metadata *_metadata, struct bench *b,
		       __u8 value, int n)
{
	struct gadget_request last;

	ASSERT_EQ(0, gadget_wait_requests(b->g, REQUEST_OUT, HID_SET_REPORT, n,
					  WAIT_MS));
	gadget_requests(b->g, REQUEST_OUT, HID_SET_REPORT, &last);
	EXPECT_EQ(HID_OUTPUT << 8 | 1, last.setup.value);
	ASSERT_EQ(2, last.len);
	EXPECT_EQ(1, last.data[0]);
	EXPECT_EQ(value, last.data[1]);
}

static void set_led(struct __test_metadata *_metadata, struct bench *b,
		    __u8 value, int n)
{
	struct input_event ev = {
		.type = EV_LED, .code = LED_NUML, .value = value,
	};
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", b->keys);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ASSERT_EQ((ssize_t)sizeof(ev), write(fd, &ev, sizeof(ev)));
	close(fd);
	expect_led(_metadata, b, value, n);
}

/* what usbhid does for a keyboard: LEDs off, and it may wake the system */
TEST_F_TIMEOUT(rest, boot_keyboard, TIMEOUT(60))
{
	struct bench *b = &self->b;
	char path[300], text[32];

	plug(_metadata, b, &dev_wheel_keyboard);
	expect_led(_metadata, b, 0, 1);
	device_path(_metadata, "power/wakeup", path, sizeof(path));
	ASSERT_EQ(0, sys_read(path, text, sizeof(text)));
	EXPECT_STREQ("enabled", text);

	open_event(_metadata, &b->keys, "Keyboard With Wheel Keyboard");
	set_led(_metadata, b, 1, 2);
	/* it would be dark when asleep */
	set_power(_metadata, "power/autosuspend_delay_ms", "0");
	set_power(_metadata, "power/control", "auto");
	EXPECT_FALSE(is_suspended(_metadata, QUIET_MS));
	set_led(_metadata, b, 0, 3);
	set_power(_metadata, "power/control", "on");
	set_power(_metadata, "power/control", "auto");
	EXPECT_TRUE(is_suspended(_metadata, WAIT_MS));
	/* usbhid keeps what it has to tell until the device wakes */
	if (expect_hrmouse())
		set_led(_metadata, b, 1, 4);
}

static void set_code(struct __test_metadata *_metadata, int fd,
		     unsigned int scancode, unsigned int code)
{
	unsigned int map[2] = { scancode, code };

	ASSERT_EQ(0, ioctl(fd, EVIOCSKEYCODE, map));
	map[1] = 0;
	ASSERT_EQ(0, ioctl(fd, EVIOCGKEYCODE, map));
	EXPECT_EQ(code, map[1]);
}

/* both event devices have the keymap of the whole device */
TEST_F_TIMEOUT(rest, keycodes, TIMEOUT(60))
{
	struct bench *b = &self->b;
	static const __u8 down[5] = { REP_MOUSE, 1 }, up[5] = { REP_MOUSE };
	static const struct {
		bool keys;
		unsigned int code;
		const char *down;
		const char *up;
	} *c, cases[] = {
		{ false, BTN_SIDE, " s90001 k113=1", " s90001 k113=0" },
		{ false, BTN_LEFT, " s90001 k110=1", " s90001 k110=0" },
		/* the mouse has no new code by that: it is one that it has */
		{ true, BTN_RIGHT, " s90001 k111=1", " s90001 k111=0" },
		{ true, BTN_LEFT, " s90001 k110=1", " s90001 k110=0" },
	};

	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	close_one(&b->raw);
	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		set_code(_metadata, c->keys ? b->keys : b->mouse, 0x90001,
			 c->code);
		report(_metadata, b, down, sizeof(down));
		expect_frame(_metadata, b->mouse, c->down, FRAME_MS);
		report(_metadata, b, up, sizeof(up));
		expect_frame(_metadata, b->mouse, c->up, FRAME_MS);
	}
	expect_steps(_metadata, b);

	/* the input core lets go of a button that is held: nothing is left */
	report(_metadata, b, down, sizeof(down));
	expect_frame(_metadata, b->mouse, " s90001 k110=1", FRAME_MS);
	set_code(_metadata, b->mouse, 0x90001, BTN_SIDE);
	expect_frame(_metadata, b->mouse, " k110=0", FRAME_MS);
	report(_metadata, b, up, sizeof(up));
	expect_quiet(_metadata, b);
	report(_metadata, b, down, sizeof(down));
	expect_frame(_metadata, b->mouse, " s90001 k113=1", FRAME_MS);
}

TEST_F_TIMEOUT(rest, unplug, TIMEOUT(120))
{
	struct bench *b = &self->b;
	int n;

	for (n = 0; n < ROUNDS; n++) {
		plug(_metadata, b, &dev_rest);
		open_all(_metadata, b);
		start_stream(_metadata, b);
		expect_flow(_metadata, b);
		gadget_unplug(b->g);
		b->g = NULL;
		expect_end(_metadata, b);
		ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	}
}

struct request {
	int fd;
	int ret;
	int error;
	bool done;
	const void *data;
	size_t len;
};

static void *write_report(void *arg)
{
	struct request *r = arg;

	r->ret = write(r->fd, r->data, r->len);
	r->error = errno;
	return NULL;
}

/* the first byte is the report ID: 0 is none, and is not sent */
TEST_F_TIMEOUT(rest, output_endpoint, TIMEOUT(60))
{
	struct bench *b = &self->b;
	static const struct {
		const struct gadget_desc *desc;
		__u8 data[5];
	} *c, cases[] = {
		{ &dev_rest_out, { REP_OUTPUT, 0xde, 0xad, 0xbe, 0xef } },
		{ &dev_output, { 0, 0xca, 0xfe, 0xf0, 0x0d } },
	};
	pthread_t thread;
	__u8 got[16];
	int n;

	for (c = cases; c < cases + ARRAY_SIZE(cases); c++) {
		size_t skip = !c->data[0], len = sizeof(c->data) - skip;

		plug(_metadata, b, c->desc);
		open_raw(_metadata, b);
		for (n = 0; n < ROUNDS; n++) {
			struct request r = {
				.fd = b->raw,
				.data = c->data, .len = sizeof(c->data),
			};

			ASSERT_EQ(0, pthread_create(&thread, NULL, write_report,
						    &r));
			EXPECT_EQ((int)len, gadget_receive(b->g, 0, got,
							   sizeof(got),
							   WAIT_MS));
			pthread_join(thread, NULL);
			EXPECT_EQ((int)sizeof(c->data), r.ret);
			EXPECT_EQ(0, memcmp(c->data + skip, got, len));
		}
		EXPECT_EQ(0, gadget_requests(b->g, USB_TYPE_CLASS |
					     USB_RECIP_INTERFACE,
					     HID_SET_REPORT, NULL));
		close_all(b);
		unplug(_metadata, b);
	}
}

static void *get_feature(void *arg)
{
	struct request *r = arg;
	__u8 data[9] = { REP_FEATURE };

	r->ret = ioctl(r->fd, HIDIOCGFEATURE(sizeof(data)), data);
	r->error = errno;
	__atomic_store_n(&r->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* who asks waits, and the mouse does not */
TEST_F_TIMEOUT(rest, no_answer, TIMEOUT(120))
{
	struct bench *b = &self->b;
	struct request r = { 0 };
	long start, last, gap = 0;
	pthread_t thread;

	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	start_stream(_metadata, b);
	expect_flow(_metadata, b);
	__atomic_store_n(&muted, true, __ATOMIC_RELEASE);
	r.fd = b->raw;
	start = now_ms();
	ASSERT_EQ(0, pthread_create(&thread, NULL, get_feature, &r));
	do {
		last = now_ms();
		expect_flow(_metadata, b);
		if (now_ms() - last > gap)
			gap = now_ms() - last;
	} while (!__atomic_load_n(&r.done, __ATOMIC_ACQUIRE));
	pthread_join(thread, NULL);
	EXPECT_EQ(-1, r.ret);
	EXPECT_EQ(ETIMEDOUT, r.error);
	EXPECT_LE(REQUEST_MS - 500, now_ms() - start);
	/* FLOW reports have come in this time */
	EXPECT_GE(MAX_GAP_MS, gap);
	__atomic_store_n(&muted, false, __ATOMIC_RELEASE);
	expect_flow(_metadata, b);
}

/* hid-generic by hand; the driver of the interface stays */
static void rebind(struct __test_metadata *_metadata, bool bind)
{
	char path[256];

	ASSERT_TRUE(find("/*:*:*.*", path, sizeof(path)));
	ASSERT_EQ(0, sys_write(bind ? GENERIC_DIR "/bind" :
				      GENERIC_DIR "/unbind",
			       strrchr(path, '/') + 1));
}

TEST_F_TIMEOUT(rest, rebind, TIMEOUT(120))
{
	struct bench *b = &self->b;
	static const __u8 down[5] = { REP_MOUSE, 1 };
	int n;

	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	start_stream(_metadata, b);
	for (n = 0; n < ROUNDS; n++) {
		expect_flow(_metadata, b);
		usleep(n * 700);
		rebind(_metadata, false);
		expect_end(_metadata, b);
		wait_driver(_metadata, expected_driver());
		EXPECT_EQ(0, count("/*/hidraw/hidraw*"));
		EXPECT_EQ(0, count("/*/input/input*"));
		expect_plan(_metadata, false);
		rebind(_metadata, true);
		expect_plan(_metadata, true);
		open_all(_metadata, b);
	}
	expect_flow(_metadata, b);
	ASSERT_EQ(0, gadget_stream_stop(b->g, 0));
	close_all(b);
	open_all(_metadata, b);
	expect_steps(_metadata, b);

	/* the new event device has not been told of a button that is held */
	report(_metadata, b, down, sizeof(down));
	expect_frame(_metadata, b->mouse, " s90001 k110=1", FRAME_MS);
	rebind(_metadata, false);
	close_all(b);
	rebind(_metadata, true);
	open_all(_metadata, b);
	report(_metadata, b, down, sizeof(down));
	expect_frame(_metadata, b->mouse, " s90001 k110=1", FRAME_MS);
}

/* nor of one in an array */
TEST_F_TIMEOUT(rest, rebind_array, TIMEOUT(60))
{
	struct bench *b = &self->b;
	static const __u8 down[4] = { 2, 1 }, up[4] = { 1 };
	int n;

	plug(_metadata, b, &dev_array);
	for (n = 0; n < ROUNDS; n++) {
		open_event(_metadata, &b->mouse, "Array Mouse");
		report(_metadata, b, down, sizeof(down));
		expect_frame(_metadata, b->mouse,
			     " s90002 k111=1 s90001 k110=1", FRAME_MS);
		report(_metadata, b, up, sizeof(up));
		expect_frame(_metadata, b->mouse, " s90002 k111=0", FRAME_MS);
		close_all(b);
		rebind(_metadata, false);
		rebind(_metadata, true);
	}
}

/* usbhid gets all of it, and gives all of it back */
TEST_F_TIMEOUT(rest, reload, TIMEOUT(180))
{
	struct bench *b = &self->b;
	int n;

	if (mod_state(&mod_hrmouse) != MOD_LOADED)
		SKIP(return, "hrmouse is not a module");
	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel");
	ASSERT_EQ(0, sys_load_usbhid());
	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	start_stream(_metadata, b);
	for (n = 0; n < ROUNDS; n++) {
		expect_flow(_metadata, b);
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		expect_end(_metadata, b);
		wait_driver(_metadata, "usbhid");
		open_all(_metadata, b);
		expect_flow(_metadata, b);
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		expect_end(_metadata, b);
		wait_driver(_metadata, "hrmouse");
		open_all(_metadata, b);
	}
	ASSERT_EQ(0, gadget_stream_stop(b->g, 0));
	close_all(b);
	open_all(_metadata, b);
	expect_steps(_metadata, b);
}

static int read_number(struct __test_metadata *_metadata, const char *name)
{
	char path[300], text[16];

	device_path(_metadata, name, path, sizeof(path));
	ASSERT_EQ(0, sys_read(path, text, sizeof(text)));
	return atoi(text);
}

/* all that is open stays open */
TEST_F_TIMEOUT(rest, reset, TIMEOUT(120))
{
	struct bench *b = &self->b;
	struct gadget_stats before, after;
	char path[64];
	int n, fd;

	plug(_metadata, b, &dev_rest);
	open_all(_metadata, b);
	start_stream(_metadata, b);
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d",
		 read_number(_metadata, "busnum"),
		 read_number(_metadata, "devnum"));
	gadget_get_stats(b->g, &before);
	for (n = 0; n < ROUNDS; n++) {
		expect_flow(_metadata, b);
		fd = open(path, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		EXPECT_EQ(0, ioctl(fd, USBDEVFS_RESET, 0));
		close(fd);
	}
	expect_flow(_metadata, b);
	gadget_get_stats(b->g, &after);
	EXPECT_EQ(before.set_config + ROUNDS, after.set_config);
}

/* what is nothing but a mouse has hidraw where somebody wants it */
TEST_F_TIMEOUT(rest, plain, TIMEOUT(60))
{
	struct bench *b = &self->b;
	static const __u8 down[4] = { 1, 5, 0xfa, 1 }, up[4] = { 0 };

	if (!expect_hrmouse())
		SKIP(return, "hrmouse has this parameter");
	ASSERT_EQ(0, sys_write(HIDRAW_PARAM, "1"));
	plug(_metadata, b, &dev_plain);
	open_event(_metadata, &b->mouse, "Plain Mouse");
	open_raw(_metadata, b);
	report(_metadata, b, down, sizeof(down));
	report(_metadata, b, up, sizeof(up));
	expect_raw(_metadata, b->raw, down, sizeof(down));
	expect_raw(_metadata, b->raw, up, sizeof(up));
	expect_frame(_metadata, b->mouse,
		     " s90001 k110=1 r0=5 r1=-6 r8=1 rb=120", FRAME_MS);
	expect_frame(_metadata, b->mouse, " s90001 k110=0", FRAME_MS);
	expect_frame(_metadata, b->mouse, "", QUIET_MS);
	close_all(b);
	unplug(_metadata, b);

	ASSERT_EQ(0, sys_write(HIDRAW_PARAM, "0"));
	plug(_metadata, b, &dev_plain);
	open_event(_metadata, &b->mouse, "Plain Mouse");
	EXPECT_EQ(0, count("/*/hidraw/hidraw*"));
	report(_metadata, b, down, sizeof(down));
	expect_frame(_metadata, b->mouse,
		     " s90001 k110=1 r0=5 r1=-6 r8=1 rb=120", FRAME_MS);
}

/* an open hidraw keeps the device awake, and nothing else does */
TEST_F_TIMEOUT(rest, autosuspend, TIMEOUT(120))
{
	struct bench *b = &self->b;
	static const __u8 key[3] = { REP_KEYS, 0xe9 }, no_key[3] = { REP_KEYS };
	int n;

	plug(_metadata, b, &dev_rest);
	open_event(_metadata, &b->mouse, NAME " Mouse");
	set_power(_metadata, "power/autosuspend_delay_ms", "0");
	set_power(_metadata, "power/control", "auto");
	for (n = 0; n < ROUNDS; n++) {
		ASSERT_TRUE(is_suspended(_metadata, WAIT_MS));
		open_raw(_metadata, b);
		EXPECT_FALSE(is_suspended(_metadata, QUIET_MS));
		report(_metadata, b, steps[0], sizeof(steps[0]));
		expect_raw(_metadata, b->raw, steps[0], sizeof(steps[0]));
		expect_frame(_metadata, b->mouse, " r0=1", FRAME_MS);
		if (n & 1 && expect_hrmouse()) {
			/*
			 * It loses its hidraw, which was open: after that usbhid
			 * keeps a device awake for ever.
			 */
			rebind(_metadata, false);
			close_all(b);
			rebind(_metadata, true);
			open_event(_metadata, &b->mouse, NAME " Mouse");
		}
		close_one(&b->raw);
	}
	ASSERT_TRUE(is_suspended(_metadata, WAIT_MS));

	/* asleep it may not tell that a key is let go, of whichever device */
	set_power(_metadata, "power/control", "on");
	report(_metadata, b, key, sizeof(key));
	set_power(_metadata, "power/control", "auto");
	EXPECT_FALSE(is_suspended(_metadata, QUIET_MS));
	report(_metadata, b, no_key, sizeof(no_key));
	/* or it is not tried again before the next report */
	set_power(_metadata, "power/control", "on");
	set_power(_metadata, "power/control", "auto");
	EXPECT_TRUE(is_suspended(_metadata, WAIT_MS));
}

TEST_HARNESS_MAIN
