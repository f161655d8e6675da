// SPDX-License-Identifier: GPL-2.0
/*
 * Flaws that drivers of mice, tablets and the HID core once had, by the number
 * that each has in the CVE list: hrmouse meets the devices that made use of
 * them. What needs no device is in drivers/hid/hrmouse/tests/cve-test.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

#include "kselftest_harness.h"

#include "evdev.h"
#include "gadget.h"
#include "mice.h"
#include "sys.h"

#define UDC		0
#define WAIT_MS		(8000 * sys_slow())
#define FRAME_MS	3000
#define QUIET_MS	300
#define MAX_FRAME	40
#define ROUNDS		20
/* longer than hrmouse's longest pause after an error */
#define PAUSE_US	150000

#define USB_TYPE_RDESC	(USB_DIR_IN | USB_RECIP_INTERFACE)
#define USB_TYPE_HID	(USB_TYPE_CLASS | USB_RECIP_INTERFACE)

FIXTURE(cve)
{
	struct gadget *g;
	struct klog log;
	long tainted;
	bool usbhid;		/* was loaded, and is not wanted meanwhile */
	int fd;
};

static void begin(struct __test_metadata *_metadata, FIXTURE_DATA(cve) * self)
{
	char why[160];

	self->fd = -1;
	self->log.fd = -1;
	if (sys_need_gadgets(1, why, sizeof(why)))
		SKIP(return, "%s", why);
	if (mod_state(&mod_hrmouse) == MOD_ABSENT)
		SKIP(return, "no hrmouse: set HRMOUSE_KO, or install the modules");
	/* usbhid mends some descriptors in place before hrmouse sees them */
	self->usbhid = mod_state(&mod_usbhid) == MOD_LOADED;
	if (self->usbhid)
		ASSERT_EQ(0, mod_unload(&mod_usbhid));
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	self->tainted = sys_tainted();
	ASSERT_EQ(0, klog_open(&self->log));
}

FIXTURE_SETUP(cve)
{
	begin(_metadata, self);
}

/* the device is at work with hrmouse, and is open */
static void plug(struct __test_metadata *_metadata, FIXTURE_DATA(cve) * self,
		 const struct gadget_desc *desc)
{
	struct evdev_node node;

	self->g = gadget_plug(desc, UDC);
	ASSERT_NE(NULL, self->g)
		TH_LOG("cannot be plugged in: %s", strerror(errno));
	ASSERT_EQ(0, gadget_wait_configured(self->g, WAIT_MS));
	ASSERT_EQ(0, evdev_wait(UDC, 0, "hrmouse", WAIT_MS, &node))
		TH_LOG("wanted hrmouse, there is \"%s\" (USB: \"%s\")",
		       node.driver, node.usb_driver);
	self->fd = evdev_open(&node);
	ASSERT_LE(0, self->fd);
}

static void unplug(struct __test_metadata *_metadata, FIXTURE_DATA(cve) * self)
{
	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	gadget_unplug(self->g);
	self->g = NULL;
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
}

/* the host has asked all that it wants to know */
static void wait_calm(struct gadget *g)
{
	struct gadget_stats before, after;

	gadget_get_stats(g, &after);
	do {
		before = after;
		usleep(QUIET_MS * 1000);
		usb_settle(UDC);
		gadget_get_stats(g, &after);
	} while (before.requests != after.requests);
}

/* this event is among the next ones */
static void expect_event(struct __test_metadata *_metadata, int fd,
			 const struct evdev_ev *want)
{
	struct evdev_ev frame[MAX_FRAME];
	int n, i;

	n = evdev_frame(fd, frame, MAX_FRAME, FRAME_MS);
	ASSERT_LT(0, n)
		TH_LOG("%s", n ? strerror(-n) : "empty frame");
	for (i = 0; i < n; i++)
		if (!memcmp(&frame[i], want, sizeof(*want)))
			break;
	ASSERT_LT(i, n)
		TH_LOG("no event %u/0x%x %d in a frame of %d", want->type,
		       want->code, want->value, n);
}

#define EXPECT_EVENT(fd, t, c, v) \
	expect_event(_metadata, fd, &(const struct evdev_ev) { t, c, v })

static void expect_quiet(struct __test_metadata *_metadata, int fd)
{
	struct evdev_ev frame[MAX_FRAME];
	int n;

	n = evdev_frame(fd, frame, MAX_FRAME, QUIET_MS);
	ASSERT_EQ(-ETIMEDOUT, n)
		TH_LOG("frame of %d: %u/0x%x %d", n, frame[0].type,
		       frame[0].code, frame[0].value);
}

static void report(struct __test_metadata *_metadata, struct gadget *g,
		   const void *bytes, size_t len)
{
	ASSERT_EQ(0, gadget_report_timeout(g, 0, bytes, len, WAIT_MS));
}

/* whatever it was, the next good mouse works, and the log is clean */
static void finish(struct __test_metadata *_metadata, FIXTURE_DATA(cve) * self)
{
	static const __u8 left[3] = { 1 };
	char line[1024];

	if (self->log.fd < 0)
		return;
	unplug(_metadata, self);
	plug(_metadata, self, &dev_boot_mouse);
	report(_metadata, self->g, left, sizeof(left));
	EXPECT_EVENT(self->fd, EV_KEY, BTN_LEFT, 1);
	unplug(_metadata, self);

	EXPECT_EQ(self->tainted, sys_tainted());
	EXPECT_EQ(0, klog_rewind(&self->log));
	EXPECT_FALSE(klog_trouble(&self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	klog_close(&self->log);
	if (self->usbhid)
		EXPECT_EQ(0, sys_load_usbhid());
}

FIXTURE_TEARDOWN(cve)
{
	finish(_metadata, self);
}

/* ids that no driver of the HID subsystem knows */
#define CVE_DESC(intf, ...) { \
	.vid = 0x1209, .pid = 0xf0c0, .bcd_device = 0x0100, \
	.product = "Mouse", .ifs = (intf), .nifs = 1, __VA_ARGS__ \
}

/* ---- bounds of the HID descriptor --------------------------------------- */

/*
 * usbhid believed bNumDescriptors and read so many class descriptors behind
 * the HID descriptor. Here what follows looks like two of them, with another
 * length.
 */
TEST_F_TIMEOUT(cve, cve_2017_16533_number_of_descriptors, TIMEOUT(300))
{
	static const __u8 left[4] = { 1 };
	/* a descriptor of 0x22 bytes to all others */
	__u8 hid[9 + 0x22] = {
		0x09, HID_DESC_HID, 0x11, 0x01, 0x00, 0x00, HID_DESC_REPORT,
		sizeof(rd_qemu_mouse), 0x00,
		HID_DESC_REPORT, 0xff, 0x0f, HID_DESC_REPORT, 0xff, 0x0e,
	};
	static const __u8 numbers[] = { 0, 1, 2, 3, 4, 127, 255 };
	struct gadget_if intf = if_qemu_mouse[0];
	const struct gadget_desc desc = CVE_DESC(&intf);
	struct gadget_request last;
	size_t i;

	intf.hid_desc = hid;
	intf.hid_desc_len = sizeof(hid);
	for (i = 0; i < sizeof(numbers); i++) {
		hid[5] = numbers[i];
		plug(_metadata, self, &desc);
		ASSERT_LT(0, gadget_requests(self->g, USB_TYPE_RDESC,
					     USB_REQ_GET_DESCRIPTOR, &last));
		EXPECT_EQ(sizeof(rd_qemu_mouse), last.setup.length)
			TH_LOG("bNumDescriptors %u", hid[5]);
		report(_metadata, self->g, left, sizeof(left));
		EXPECT_EVENT(self->fd, EV_KEY, BTN_LEFT, 1);
		unplug(_metadata, self);
	}
}

/*
 * The same once more: the array had one entry, and the length of the HID
 * descriptor room for more, or for none.
 */
TEST_F_TIMEOUT(cve, cve_2025_38103_length_of_hid_descriptor, TIMEOUT(300))
{
	static const __u8 left[4] = { 1 };
	/* bLength is that of the longest */
	__u8 hid[] = {
		0x0f, HID_DESC_HID, 0x11, 0x01, 0x00, 0x03, HID_DESC_REPORT,
		sizeof(rd_qemu_mouse), 0x00, HID_DESC_REPORT, 0xff, 0x0f,
		HID_DESC_REPORT, 0xff, 0x0f,
	};
	struct gadget_if intf = if_qemu_mouse[0];
	struct gadget_stats stats;
	struct gadget_request last;
	const struct gadget_desc desc = CVE_DESC(&intf);
	struct evdev_node node;
	size_t len, place;

	intf.hid_desc = hid;
	for (len = 2; len <= sizeof(hid); len++) {
		/* behind the endpoint nothing else follows */
		for (place = 0; place < 2; place++) {
			intf.flags = place ? GADGET_HID_AFTER_EP : 0;
			intf.hid_desc_len = len;
			hid[0] = len;
			if (len >= 9) {
				plug(_metadata, self, &desc);
				gadget_requests(self->g, USB_TYPE_RDESC,
						USB_REQ_GET_DESCRIPTOR, &last);
				EXPECT_EQ(sizeof(rd_qemu_mouse),
					  last.setup.length)
					TH_LOG("bLength %zu", len);
				report(_metadata, self->g, left, sizeof(left));
				EXPECT_EVENT(self->fd, EV_KEY, BTN_LEFT, 1);
				unplug(_metadata, self);
				continue;
			}
			self->g = gadget_plug(&desc, UDC);
			ASSERT_NE(NULL, self->g);
			ASSERT_EQ(0, gadget_wait_configured(self->g, WAIT_MS));
			wait_calm(self->g);
			gadget_get_stats(self->g, &stats);
			EXPECT_EQ(0U, stats.rdesc_reads)
				TH_LOG("bLength %zu: read all the same", len);
			EXPECT_EQ(0, evdev_list(UDC, 0, &node, 1));
			unplug(_metadata, self);
		}
	}
}

/* ---- endpoints ---------------------------------------------------------- */

#define EP_INT_IN	{ .addr = USB_DIR_IN, .maxp = 8, .interval = 10 }
#define EP_INT_OUT	{ .addr = USB_DIR_OUT, .maxp = 8, .interval = 10 }
#define EP_BULK_IN	{ .addr = USB_DIR_IN, .maxp = 64, \
			  .attr = USB_ENDPOINT_XFER_BULK }
#define EP_BULK_OUT	{ .addr = USB_DIR_OUT, .maxp = 64, \
			  .attr = USB_ENDPOINT_XFER_BULK }

/* aiptek took the first endpoint for the one that it wants */
TEST_F_TIMEOUT(cve, cve_2022_48836_type_of_first_endpoint, TIMEOUT(300))
{
	static const __u8 left[4] = { 1 };
	static const struct gadget_ep good[][2] = {
		{ EP_INT_OUT, EP_INT_IN },
		{ EP_BULK_IN, EP_INT_IN },
		{ EP_BULK_OUT, EP_INT_IN },
	};
	static const struct gadget_ep bad[][2] = {
		{ EP_BULK_IN, EP_INT_OUT },
		{ EP_INT_OUT, EP_BULK_IN },
		{ EP_BULK_IN, EP_BULK_OUT },
	};
	struct gadget_if intf = if_qemu_mouse[0];
	const struct gadget_desc desc = CVE_DESC(&intf);
	struct evdev_node node;
	char driver[32];
	size_t i;

	intf.neps = 2;
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		intf.eps = good[i];
		plug(_metadata, self, &desc);
		report(_metadata, self->g, left, sizeof(left));
		EXPECT_EVENT(self->fd, EV_KEY, BTN_LEFT, 1);
		unplug(_metadata, self);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		intf.eps = bad[i];
		self->g = gadget_plug(&desc, UDC);
		ASSERT_NE(NULL, self->g);
		ASSERT_EQ(0, gadget_wait_configured(self->g, WAIT_MS));
		wait_calm(self->g);
		EXPECT_EQ(0, usb_driver(UDC, 0, driver, sizeof(driver)));
		EXPECT_STREQ("", driver);
		EXPECT_EQ(0, evdev_list(UDC, 0, &node, 1));
		unplug(_metadata, self);
	}
}

/* ---- probe, and who is faster ------------------------------------------- */

/*
 * A mouse with a sleep key, and with a second application that has reports but
 * no events. A kernel with virtual consoles opens a device with keys in the
 * midst of its registration: sooner than any process can.
 */
static const __u8 rd_key_mouse[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x85, 0x01, 0x09, 0x01, 0xa1, 0x00,
	0x05, 0x09, 0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03,
	0x75, 0x01, 0x81, 0x02, 0x05, 0x01, 0x09, 0x82, 0x95, 0x01, 0x81, 0x02,
	0x75, 0x04, 0x81, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x81, 0x25, 0x7f,
	0x75, 0x08, 0x95, 0x02, 0x81, 0x06, 0xc0, 0xc0,
	0x05, 0x01, 0x09, 0x01, 0xa1, 0x01, 0x85, 0x02, 0x06, 0x00, 0xff, 0x09,
	0x20, 0x15, 0x00, 0x25, 0x01, 0x75, 0x08, 0x95, 0x01, 0x81, 0x02, 0xc0,
};

static const struct gadget_if if_key_mouse[] = {
	{
		.subclass = 1, .protocol = 2, MOUSE_RDESC(rd_key_mouse),
		.eps = ep_in8, .neps = 1,
	},
};

/* opens an event device as soon as there is one, and keeps it open */
struct hasty {
	pthread_t thread;
	int inotify;
	int fd;
};

static void *hasty_thread(void *arg)
{
	struct hasty *h = arg;
	__u64 buf[512];
	const struct inotify_event *e = (const void *)buf;
	char path[32];
	int tries;

	while (read(h->inotify, buf, sizeof(buf)) > 0) {
		if (strncmp(e->name, "event", 5))
			continue;
		snprintf(path, sizeof(path), "/dev/input/%.16s", e->name);
		for (tries = 0; tries < 1000 && h->fd < 0; tries++)
			h->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		break;
	}
	return NULL;
}

static void hasty_start(struct __test_metadata *_metadata, struct hasty *h)
{
	h->fd = -1;
	h->inotify = inotify_init1(IN_CLOEXEC);
	ASSERT_LE(0, h->inotify);
	ASSERT_LE(0, inotify_add_watch(h->inotify, "/dev/input", IN_CREATE));
	ASSERT_EQ(0, pthread_create(&h->thread, NULL, hasty_thread, h));
}

static int hasty_fd(struct hasty *h)
{
	pthread_join(h->thread, NULL);
	close(h->inotify);
	return h->fd;
}

/* halted before the host has finished with what it wants to know */
static enum gadget_answer halt_at_once(struct gadget *g,
				       const struct gadget_setup *setup,
				       __u8 *data, size_t *len)
{
	(void)data;
	(void)len;
	if (setup->type == USB_TYPE_RDESC &&
	    setup->request == USB_REQ_GET_DESCRIPTOR)
		gadget_halt(g, 0);
	return GADGET_DEFAULT;
}

/* appletouch prepared the work that follows an error after its registration */
TEST_F_TIMEOUT(cve, cve_2021_46932_error_before_probe_is_over, TIMEOUT(300))
{
	static const __u8 reports[2][4] = { { 1, 1 }, { 1 } };
	const struct gadget_desc desc = CVE_DESC(if_key_mouse, .setup = halt_at_once);
	struct evdev_node node;
	struct hasty h;
	int n;

	for (n = 0; n < ROUNDS; n++) {
		hasty_start(_metadata, &h);
		self->g = gadget_plug(&desc, UDC);
		ASSERT_NE(NULL, self->g);
		ASSERT_EQ(0, evdev_wait(UDC, 0, "hrmouse", WAIT_MS, &node));
		self->fd = hasty_fd(&h);
		ASSERT_LE(0, self->fd);
		/* the error has been cleared, or there would be no report */
		report(_metadata, self->g, reports[0], sizeof(reports[0]));
		EXPECT_EVENT(self->fd, EV_KEY, BTN_LEFT, 1);
		unplug(_metadata, self);
	}
}

/* the mouse's reports, and those of the application without events */
static const __u8 key_mouse_reports[][4] = {
	{ 2, 1 }, { 1, 1, 5, 6 }, { 2, 0 }, { 1, 0, 5, 6 },
};

/* reports from the first request on that follows SET_CONFIGURATION */
static enum gadget_answer stream_at_once(struct gadget *g,
					 const struct gadget_setup *setup,
					 __u8 *data, size_t *len)
{
	(void)data;
	(void)len;
	if (setup->type == USB_TYPE_RDESC &&
	    setup->request == USB_REQ_GET_DESCRIPTOR)
		gadget_stream_start(g, 0, key_mouse_reports,
				    ARRAY_SIZE(key_mouse_reports),
				    sizeof(key_mouse_reports[0]), 0);
	return GADGET_DEFAULT;
}

/* appleir took an event to its input device before it had one */
TEST_F_TIMEOUT(cve, cve_2025_21948_report_before_input_device, TIMEOUT(300))
{
	const struct gadget_desc desc = CVE_DESC(if_key_mouse, .setup = stream_at_once);
	struct input_keymap_entry ke = {
		.len = sizeof(__u32), .keycode = KEY_A,
	};
	static const __u32 usage = 0xff000020;
	struct evdev_node nodes[4], node;
	struct evdev_ev frame[MAX_FRAME];
	struct hasty h;
	int n, i, count;

	memcpy(ke.scancode, &usage, sizeof(usage));
	for (n = 0; n < ROUNDS; n++) {
		hasty_start(_metadata, &h);
		self->g = gadget_plug(&desc, UDC);
		ASSERT_NE(NULL, self->g);
		ASSERT_EQ(0, evdev_wait(UDC, 0, "hrmouse", WAIT_MS, &node));
		self->fd = hasty_fd(&h);
		ASSERT_LE(0, self->fd);
		/* and of the one that has none, all the time */
		ASSERT_EQ(1, evdev_list(UDC, 0, nodes, 4));
		ASSERT_EQ(0, ioctl(self->fd, EVIOCSKEYCODE_V2, &ke));
		for (i = 0; i < 20; i++) {
			count = evdev_frame(self->fd, frame, MAX_FRAME,
					    FRAME_MS);
			/* nobody reads during the plugging: some are dropped */
			ASSERT_TRUE(count >= 0 || count == -EOVERFLOW);
		}
		unplug(_metadata, self);
	}
}

/* ---- disconnect --------------------------------------------------------- */

/*
 * powermate had a transfer under way when it freed its memory. The reader
 * stays, the device is gone: idle, with reports under way, and with an error
 * that is being dealt with.
 */
TEST_F_TIMEOUT(cve, cve_2023_52475_unplugged_while_open, TIMEOUT(300))
{
	static const __u8 reports[2][4] = { { 1, 5, 6, 1 }, { 0 } };
	unsigned int map[2] = { 0x90001, KEY_A };
	struct evdev_stream stream = { 0 };
	const struct gadget_desc desc = CVE_DESC(if_qemu_mouse);
	int n, ret;

	for (n = 0; n < 3 * ROUNDS; n++) {
		plug(_metadata, self, &desc);
		if (n % 3 == 1)
			ASSERT_EQ(0, gadget_stream_start(self->g, 0, reports, 2,
							 sizeof(reports[0]), 0));
		if (n % 3 == 2)
			ASSERT_EQ(0, gadget_halt(self->g, 0));
		/* until the pause after the error has begun, or a bit longer */
		usleep(2000 + n * 500);
		gadget_unplug(self->g);
		self->g = NULL;
		ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));

		usleep(n % 3 == 2 ? PAUSE_US : 0);
		EXPECT_EQ(-1, ioctl(self->fd, EVIOCSKEYCODE, map));
		EXPECT_EQ(ENODEV, errno);
		do {
			stream.n = 0;
			ret = evdev_read(self->fd, &stream, 0);
		} while (ret > 0 || ret == -EOVERFLOW);
		EXPECT_EQ(-ENODEV, ret);
		close(self->fd);
		self->fd = -1;
	}
	evdev_stream_free(&stream);
}

/* ---- codes -------------------------------------------------------------- */

static int set_keycode(int fd, unsigned int usage, unsigned int code)
{
	unsigned int map[2] = { usage, code };

	return ioctl(fd, EVIOCSKEYCODE, map) ? -errno : 0;
}

/* codes that are in no bitmap */
TEST_F_TIMEOUT(cve, cve_2022_48619_key_beyond_key_max, TIMEOUT(300))
{
	static const __u8 reports[2][4] = { { 1 }, { 0 } };
	static const unsigned int codes[] = {
		KEY_CNT, KEY_CNT + 1, 0x3ff, 0x400, 0x1000, 0xffff,
		0x10000 | BTN_LEFT, 0x7fffffff, 0x80000000, 0xffffffff,
	};
	struct input_keymap_entry ke = { .flags = INPUT_KEYMAP_BY_INDEX };
	unsigned int map[2] = { 0x90001 };
	const struct gadget_desc desc = CVE_DESC(if_qemu_mouse);
	size_t i;

	plug(_metadata, self, &desc);
	ASSERT_EQ(0, set_keycode(self->fd, map[0], KEY_MAX));
	for (i = 0; i < ARRAY_SIZE(codes); i++) {
		EXPECT_EQ(-EINVAL, set_keycode(self->fd, map[0], codes[i]))
			TH_LOG("code 0x%x", codes[i]);
		ASSERT_EQ(0, ioctl(self->fd, EVIOCGKEYCODE, map));
		EXPECT_EQ((unsigned int)KEY_MAX, map[1]);
		report(_metadata, self->g, reports[0], sizeof(reports[0]));
		EXPECT_EVENT(self->fd, EV_KEY, KEY_MAX, 1);
		report(_metadata, self->g, reports[1], sizeof(reports[1]));
		EXPECT_EVENT(self->fd, EV_KEY, KEY_MAX, 0);
	}
	/* nor is there an entry beyond the keymap's end */
	for (ke.index = 5; ke.index; ke.index *= 2) {
		ke.keycode = KEY_A;
		EXPECT_EQ(-1, ioctl(self->fd, EVIOCSKEYCODE_V2, &ke));
		EXPECT_EQ(EINVAL, errno);
	}
}

/* ---- buffers ------------------------------------------------------------ */

/*
 * A wheel and its multiplier in a feature report of 48 bytes, most of them the
 * vendor's, some nobody's. Not a boot mouse: their feature reports are not read.
 */
static const __u8 rd_feature_mouse[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x81,
	0x25, 0x7f, 0x75, 0x08, 0x95, 0x02, 0x81, 0x06, 0xa1, 0x02, 0x09, 0x38,
	0x95, 0x01, 0x81, 0x06, 0x09, 0x48, 0x15, 0x00, 0x25, 0x01, 0x35, 0x01,
	0x45, 0x08, 0x75, 0x02, 0xb1, 0x02, 0x35, 0x00, 0x45, 0x00, 0x75, 0x06,
	0xb1, 0x01, 0xc0, 0x06, 0x00, 0xff, 0x09, 0x20, 0x15, 0x00, 0x26, 0xff,
	0x00, 0x75, 0x08, 0x95, 0x20, 0xb1, 0x02, 0x95, 0x0f, 0xb1, 0x01, 0xc0,
};

#define FEATURE_LEN	48
#define VENDOR_END	33

static const struct gadget_if if_feature_mouse[] = {
	{ MOUSE_RDESC(rd_feature_mouse), .eps = ep_in8, .neps = 1, },
};

/* what GET_REPORT answers: so many bytes of it, or none and a stall */
static int feature_answer;

static enum gadget_answer answer_feature(struct gadget *g,
					 const struct gadget_setup *setup,
					 __u8 *data, size_t *len)
{
	(void)g;
	if (setup->type != (USB_TYPE_HID | USB_DIR_IN) ||
	    setup->request != HID_GET_REPORT)
		return GADGET_DEFAULT;
	if (feature_answer < 0)
		return GADGET_STALL;
	memset(data, 0xe8, FEATURE_LEN);
	*len = feature_answer;
	return GADGET_REPLY;
}

/* the HID core sent what was in the memory of its report buffer to the device */
TEST_F_TIMEOUT(cve, cve_2024_50302_feature_report_buffer, TIMEOUT(300))
{
	static const int answers[] = { -1, 0, 1, 2, 20, VENDOR_END, FEATURE_LEN };
	const struct gadget_desc desc = CVE_DESC(if_feature_mouse, .setup = answer_feature);
	struct gadget_request last;
	size_t i;
	int n, known;
	__u8 want;

	for (n = 0; n < 3 * (int)ARRAY_SIZE(answers); n++) {
		feature_answer = answers[n % ARRAY_SIZE(answers)];
		plug(_metadata, self, &desc);
		ASSERT_LT(0, gadget_requests(self->g, USB_TYPE_HID | USB_DIR_IN,
					     HID_GET_REPORT, NULL));
		ASSERT_LT(0, gadget_requests(self->g, USB_TYPE_HID,
					     HID_SET_REPORT, &last));
		ASSERT_EQ((size_t)FEATURE_LEN, last.len);
		known = feature_answer < VENDOR_END ? feature_answer :
						      VENDOR_END;
		for (i = 0; i < FEATURE_LEN; i++) {
			/* the multiplier, what the device has, and zeroes */
			want = !i ? 0x01 : (int)i < known ? 0xe8 : 0;
			EXPECT_EQ(want, last.data[i])
				TH_LOG("byte %zu after an answer of %d", i,
				       feature_answer);
		}
		unplug(_metadata, self);
	}
}

/* and a report that is shorter than its buffer shows what was there before */
TEST_F_TIMEOUT(cve, cve_2024_50302_short_input_report, TIMEOUT(300))
{
	static const __u8 full[9] = { 2, 1, 0, 1, 2, 3, 4, 5, 6 };
	static const __u8 rest[9] = { 2 };
	const struct gadget_desc desc = CVE_DESC(if_mouse_16);
	__u8 part[9] = { 2 };
	size_t len;

	plug(_metadata, self, &desc);
	for (len = 0; len < sizeof(full); len++) {
		report(_metadata, self->g, full, sizeof(full));
		EXPECT_EVENT(self->fd, EV_REL, REL_X, 0x0201);
		report(_metadata, self->g, part, len);
		expect_quiet(_metadata, self->fd);
		report(_metadata, self->g, rest, sizeof(rest));
		EXPECT_EVENT(self->fd, EV_KEY, BTN_LEFT, 0);
	}
}

/* ---- reports of no bytes ------------------------------------------------ */

/*
 * hid_submit_ctrl() made a length of -1 bytes, and later a control transfer to
 * the host without data, of reports of no bits: two multipliers without a bit,
 * in a report without ID, beside a wheel; then buttons that take no room.
 */
static const __u8 rd_no_feature[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09, 0x38,
	0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03, 0x81, 0x06, 0x09, 0x48,
	0x15, 0x00, 0x25, 0x01, 0x35, 0x01, 0x45, 0x08, 0x75, 0x00, 0x95, 0x01,
	0xb1, 0x02, 0x09, 0x48, 0xb1, 0x02, 0xc0,
};

static const __u8 rd_no_input[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x05, 0x09, 0x19, 0x01, 0x29, 0x03,
	0x15, 0x00, 0x25, 0x03, 0x75, 0x00, 0x95, 0x02, 0x81, 0x00, 0xc0,
};

TEST_F_TIMEOUT(cve, cve_2021_46906_feature_report_of_no_bits, TIMEOUT(300))
{
	static const struct gadget_if intf = {
		MOUSE_RDESC(rd_no_feature), .eps = ep_in8, .neps = 1,
	};
	static const __u8 move[3] = { 5, 6 };
	const struct gadget_desc desc = CVE_DESC(&intf);

	plug(_metadata, self, &desc);
	report(_metadata, self->g, move, sizeof(move));
	EXPECT_EVENT(self->fd, EV_REL, REL_X, 5);
}

TEST_F_TIMEOUT(cve, cve_2021_46906_input_report_of_no_bits, TIMEOUT(300))
{
	static const struct gadget_if intf = {
		MOUSE_RDESC(rd_no_input), .eps = ep_in8, .neps = 1,
	};
	static const __u8 bytes[8] = { 0xff, 0xff, 0xff };
	const struct gadget_desc desc = CVE_DESC(&intf);
	size_t len;

	plug(_metadata, self, &desc);
	for (len = 0; len <= sizeof(bytes); len++)
		report(_metadata, self->g, bytes, len);
	expect_quiet(_metadata, self->fd);
}

TEST_HARNESS_MAIN
