// SPDX-License-Identifier: GPL-2.0
/*
 * hrmouse against mice that fail, lie, hang and vanish, and against a kernel
 * that is suspended, has no memory, or loses the driver, all of it while
 * reports come at the highest rate.
 *
 * Each test ends with the same questions: is the kernel untainted and its log
 * clean, is nothing left behind, and does the next good mouse work?
 *
 * HRMOUSE_LONG=1 makes the long tests as long as they should be;
 * HRMOUSE_HOTPLUGS=N, for debugging, says how often mice are plugged in.
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

#include <linux/usbdevice_fs.h>

#include "kselftest_harness.h"

#include "evdev.h"
#include "gadget.h"
#include "mice.h"
#include "sys.h"

#define WAIT_MS		(10000 * sys_slow())
#define FRAME_MS	3000
#define QUIET_MS	(is_long() ? 2000 : 500)
/* a time-out of usbcore is 5 s, and a request is tried four times */
#define SETTLE_MS	40000
#define MAX_FRAME	40
/* at work at once where a test has many cases, and as many as dummy_hcd can */
#define SLOTS		8
#define CROWD		32
#define READERS		2
#define PERIOD_8KHZ	125
#define ROUNDS		(is_long() ? 30 : 10)
#define HOTPLUGS	(is_long() ? 1000 : 96)
/* seconds, with much waiting, or with many devices */
#define SHORT		(is_long() ? 600 : 60)
#define LONG		(is_long() ? 3600 : 120)
/* a time-out of usbcore, and as much again */
#define MUTE_MS		15000

#define DRIVER_DIR	"/sys/bus/usb/drivers/hrmouse"
#define DEVICE_PATTERN	"/sys/devices/platform/dummy_hcd.%d/usb*/*-1"

static bool is_long(void)
{
	return getenv("HRMOUSE_LONG");
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- what a bad device does --------------------------------------------- */

/* control requests, by what the host wants */
#define REQ_RDESC	0x01
#define REQ_IDLE	0x02
#define REQ_GET_FEATURE	0x04
#define REQ_SET_FEATURE	0x08
#define REQ_STRING	0x10
#define REQ_SERIAL	0x20
#define REQ_CLASS	0x40

struct script {
	/* which requests: the nth of all, or these but for the first ones */
	int nth;
	unsigned int requests;
	int skip;
	int times;		/* 0: for ever */
	enum gadget_answer answer;
	bool pull;		/* the plug, instead of an answer */
	/* another report descriptor, from a read of it on */
	const __u8 *rdesc;
	int rdesc_from;
	/* another configuration descriptor */
	__u8 config[64];
	size_t config_len;

	/* what has come of it */
	int seen;
	int rdesc_reads;
	int matched;
	int hits;
	struct gadget_setup hit;
};

static unsigned int request_of(const struct gadget_setup *s)
{
	if ((s->type & USB_TYPE_MASK) == USB_TYPE_CLASS) {
		switch (s->request) {
		case HID_SET_IDLE:
			return REQ_CLASS | REQ_IDLE;
		case HID_GET_REPORT:
			return REQ_CLASS | REQ_GET_FEATURE;
		case HID_SET_REPORT:
			return REQ_CLASS | REQ_SET_FEATURE;
		}
		return REQ_CLASS;
	}
	if (s->request != USB_REQ_GET_DESCRIPTOR)
		return 0;
	if (s->type == (USB_DIR_IN | USB_RECIP_INTERFACE))
		return s->value >> 8 == HID_DESC_REPORT ? REQ_RDESC : 0;
	if (s->value >> 8 != USB_DT_STRING)
		return 0;
	/* as the library numbers them */
	return (s->value & 0xff) == 3 ? REQ_STRING | REQ_SERIAL : REQ_STRING;
}

static bool script_hits(struct script *s, unsigned int request)
{
	if (s->nth)
		return s->seen == s->nth;
	if (!(request & s->requests))
		return false;
	s->matched++;
	return s->matched > s->skip &&
	       (!s->times || s->matched <= s->skip + s->times);
}

static enum gadget_answer follow(struct gadget *g,
				 const struct gadget_setup *setup, __u8 *data,
				 size_t *len)
{
	struct script *s = gadget_desc(g)->priv;
	unsigned int request = request_of(setup);

	/* it was asked for its answer before the data came */
	if (!(setup->type & USB_DIR_IN) && *len)
		return GADGET_DEFAULT;
	s->seen++;
	if (request & REQ_RDESC)
		s->rdesc_reads++;
	if (script_hits(s, request)) {
		s->hit = *setup;
		__atomic_add_fetch(&s->hits, 1, __ATOMIC_RELEASE);
		if (s->pull)
			gadget_pull(g);
		return s->pull ? GADGET_STALL : s->answer;
	}
	if (s->config_len && setup->request == USB_REQ_GET_DESCRIPTOR &&
	    setup->value >> 8 == USB_DT_CONFIG) {
		memcpy(data, s->config, s->config_len);
		*len = s->config_len;
		return GADGET_REPLY;
	}
	if (s->rdesc && request & REQ_RDESC &&
	    s->rdesc_reads >= s->rdesc_from) {
		*len = gadget_desc(g)->ifs[0].rdesc_len;
		memcpy(data, s->rdesc, *len);
		return GADGET_REPLY;
	}
	return GADGET_DEFAULT;
}

static int hits(const struct script *s)
{
	return __atomic_load_n(&s->hits, __ATOMIC_ACQUIRE);
}

/*
 * Two wheels with a Resolution Multiplier, in one feature report: hrmouse has
 * to read it, too, as it is no boot mouse.
 */
static const __u8 rd_multiplier[] = {
	0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x02, 0xa1, 0x02, 0x09, 0x01,
	0xa1, 0x00, 0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01,
	0x95, 0x05, 0x75, 0x01, 0x81, 0x02, 0x75, 0x03, 0x95, 0x01, 0x81, 0x01,
	0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x95, 0x02, 0x75, 0x08, 0x15, 0x81,
	0x25, 0x7f, 0x81, 0x06, 0xa1, 0x02, 0x09, 0x48, 0x95, 0x01, 0x75, 0x02,
	0x15, 0x00, 0x25, 0x01, 0x35, 0x01, 0x45, 0x04, 0xb1, 0x02, 0x35, 0x00,
	0x45, 0x00, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x81, 0x06,
	0xc0, 0xa1, 0x02, 0x09, 0x48, 0x75, 0x02, 0x15, 0x00, 0x25, 0x01, 0x35,
	0x01, 0x45, 0x04, 0xb1, 0x02, 0x35, 0x00, 0x45, 0x00, 0x75, 0x04, 0xb1,
	0x03, 0x05, 0x0c, 0x0a, 0x38, 0x02, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08,
	0x81, 0x06, 0xc0, 0xc0, 0xc0, 0xc0,
};

MOUSE_IF(if_multiplier, rd_multiplier, 0, 0, ep_in8_fast);

static const struct gadget_desc dev_multiplier = {
	.vid = 0x1209, .pid = 0xf0f0, .bcd_device = 0x0100,
	.manufacturer = "Fine", .product = "Wheels", .serial = "4",
	.ifs = if_multiplier, .nifs = 1,
};

/* both wheels by 4; and a report that turns the first one by 4 */
#define BOTH_MULTIPLIERS	0x05
static const __u8 wheel_by_4[] = { 0, 0, 0, 4, 0 };

/* as much of this as a report has bytes has events */
static const __u8 any_report[] = { 1, 1, 1, 1, 1 };

static size_t report_len(const struct gadget_desc *desc)
{
	if (desc->pid == dev_multiplier.pid)
		return 5;
	return desc->pid == dev_boot_mouse.pid ? 3 : 4;
}

/* ---- the fixture -------------------------------------------------------- */

struct slot {
	struct gadget *g;
	struct gadget_desc desc;
	struct gadget_if gif;
	struct script script;
};

struct reader {
	pthread_t thread;
	bool running;
	bool stop;
	bool ended;
	int fd;
	int error;
	unsigned long events;
};

struct bench {
	struct slot slot[CROWD];
	struct reader reader[READERS];
	struct klog log;
	long tainted;
	bool usbhid;		/* there is one to fall back to */
	bool module;		/* hrmouse can be taken out */
	bool ready;
};

FIXTURE(fault)
{
	struct bench b;
};

/* some tests have to know who reads the report descriptor first */
static bool order_known(const struct bench *b)
{
	return b->module || !b->usbhid;
}

#define UNKNOWN_ORDER	"usbhid or hrmouse, whichever was linked first, probes first"

/* the driver that a device has in the end; "" where there is no usbhid */
static const char *fallback(const struct bench *b)
{
	return b->usbhid ? "usbhid" : "";
}

/* device i is as this one, but for what the script says */
static struct slot *new_slot(struct bench *b, int i,
			     const struct gadget_desc *desc)
{
	struct slot *s = &b->slot[i];

	memset(s, 0, sizeof(*s));
	s->desc = *desc;
	s->gif = desc->ifs[0];
	s->desc.ifs = &s->gif;
	s->desc.nifs = 1;
	s->desc.setup = follow;
	s->desc.priv = &s->script;
	return s;
}

static void plug(struct __test_metadata *_metadata, struct bench *b, int i)
{
	static const __u8 feature;
	struct slot *s = &b->slot[i];

	s->g = gadget_plug(&s->desc, i);
	ASSERT_NE(NULL, s->g)
		TH_LOG("device %d: %s", i, strerror(errno));
	if (s->desc.pid == dev_multiplier.pid)
		gadget_set_report(s->g, 0, HID_FEATURE, 0, &feature, 1);
}

static void unplug(struct bench *b, int i)
{
	gadget_unplug(b->slot[i].g);
	b->slot[i].g = NULL;
}

static void unplug_all(struct __test_metadata *_metadata, struct bench *b)
{
	int i;

	for (i = 0; i < CROWD; i++)
		unplug(b, i);
	for (i = 0; i < CROWD; i++) {
		EXPECT_EQ(0, evdev_wait_gone(i, WAIT_MS))
			TH_LOG("device %d does not go", i);
	}
}

/* nobody has asked any of them anything for a while */
static void settle(struct __test_metadata *_metadata, struct bench *b)
{
	long end = now_ms() + 2 * SETTLE_MS;
	long quiet;
	unsigned int before = 0, sum;
	struct gadget_stats stats;
	int i;

	for (i = 0; i < CROWD; i++) {
		if (!b->slot[i].g)
			continue;
		ASSERT_EQ(0, gadget_wait_configured(b->slot[i].g, SETTLE_MS))
			TH_LOG("device %d", i);
	}
	for (quiet = now_ms(); now_ms() - quiet < QUIET_MS;) {
		ASSERT_GT(end, now_ms());
		usleep(10000);
		for (i = 0, sum = 0; i < CROWD; i++) {
			if (!b->slot[i].g)
				continue;
			gadget_get_stats(b->slot[i].g, &stats);
			sum += stats.requests;
			/* it may be asked while it says nothing */
			if (b->slot[i].script.answer == GADGET_MUTE)
				sum += b->slot[i].script.seen;
		}
		if (sum != before)
			quiet = now_ms();
		before = sum;
	}
}

/* waits for the driver of the interface; NULL: for any. Returns what it is. */
static const char *wait_driver(int i, const char *want, int ms)
{
	static char driver[32];
	long end = now_ms() + ms;

	for (;;) {
		usb_driver(i, 0, driver, sizeof(driver));
		if (want ? !strcmp(driver, want) : *driver)
			return driver;
		if (now_ms() >= end)
			return driver;
		usleep(5000);
	}
}

static int open_mouse(struct __test_metadata *_metadata, int i,
		      const char *driver, struct evdev_node *node)
{
	int fd;

	ASSERT_EQ(0, evdev_wait(i, 0, driver, WAIT_MS, node))
		TH_LOG("device %d: wanted %s, there is \"%s\" (USB: \"%s\")", i,
		       driver ? driver : "a mouse", node->driver,
		       node->usb_driver);
	fd = evdev_open(node);
	ASSERT_LE(0, fd)
		TH_LOG("device %d: %s", i, strerror(-fd));
	return fd;
}

/* sends a report, returns its frame */
static int one_frame(struct __test_metadata *_metadata, struct bench *b, int i,
		     int fd, const void *report, size_t len,
		     struct evdev_ev *frame)
{
	int ret;

	/* a reset may take it from the device */
	do {
		ret = gadget_report_timeout(b->slot[i].g, 0, report, len,
					    WAIT_MS);
	} while (ret == -ESHUTDOWN);
	ASSERT_EQ(0, ret)
		TH_LOG("device %d", i);
	ret = evdev_frame(fd, frame, MAX_FRAME, FRAME_MS);
	ASSERT_LT(0, ret)
		TH_LOG("device %d: %s", i, ret ? strerror(-ret) : "no events");
	return ret;
}

/* device i is a mouse that reports, whoever drives it (or this driver) */
static void expect_works(struct __test_metadata *_metadata, struct bench *b,
			 int i, const char *driver)
{
	struct evdev_ev frame[MAX_FRAME];
	struct evdev_node node;
	int fd;

	fd = open_mouse(_metadata, i, driver, &node);
	one_frame(_metadata, b, i, fd, any_report,
		  report_len(&b->slot[i].desc), frame);
	close(fd);
}

static void glob_none(struct __test_metadata *_metadata, const char *pattern)
{
	glob_t found;

	EXPECT_EQ(GLOB_NOMATCH, glob(pattern, 0, NULL, &found))
		TH_LOG("there is %s", found.gl_pathv[0]);
}

static void stop_readers(struct bench *b);

FIXTURE_SETUP(fault)
{
	struct bench *b = &self->b;
	char why[160];
	int i;

	for (i = 0; i < READERS; i++)
		b->reader[i].fd = -1;
	b->log.fd = -1;
	if (sys_need_gadgets(SLOTS, why, sizeof(why)))
		SKIP(return, "%s", why);
	if (mod_state(&mod_hrmouse) == MOD_ABSENT)
		SKIP(return, "no hrmouse: set HRMOUSE_KO, or install the modules");
	b->usbhid = mod_state(&mod_usbhid) != MOD_ABSENT;
	if (b->usbhid) {
		/* then usbhid probes first */
		if (mod_state(&mod_hrmouse) == MOD_LOADED)
			ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		ASSERT_EQ(0, sys_load_usbhid());
	}
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	b->module = mod_state(&mod_hrmouse) == MOD_LOADED;
	for (i = 0; i < SLOTS; i++) {
		/* the macro is more than one statement */
		ASSERT_EQ(0, evdev_wait_gone(i, WAIT_MS));
	}
	b->tainted = sys_tainted();
	if (sys_leaks_start() == -EPERM)
		TH_LOG("kmemleak is off: boot with kmemleak=on");
	ASSERT_EQ(0, klog_open(&b->log));
	b->ready = true;
}

FIXTURE_TEARDOWN(fault)
{
	struct bench *b = &self->b;
	char text[2048];

	if (!b->ready)
		return;
	/* A failed ASSERT leaves it set, for the next EXPECT to talk about */
	_metadata->trigger = 0;
	stop_readers(b);
	unplug_all(_metadata, b);

	/* The next good mouse works */
	EXPECT_EQ(0, mod_load(&mod_hrmouse, NULL));
	new_slot(b, 0, &dev_qemu_mouse)->gif.eps = ep_in8;
	plug(_metadata, b, 0);
	expect_works(_metadata, b, 0, "hrmouse");
	unplug_all(_metadata, b);

	/* nothing is left of it, nor of those before */
	glob_none(_metadata, DRIVER_DIR "/*:*");
	if (!sys_read("/sys/module/hrmouse/refcnt", text, sizeof(text)))
		EXPECT_STREQ("0", text);
	if (!sys_read("/sys/kernel/debug/usb/hrmouse/left", text, sizeof(text)))
		EXPECT_STREQ("", text);

	EXPECT_FALSE(sys_leaks(text, sizeof(text)))
		TH_LOG("%s", text);
	EXPECT_EQ(b->tainted, sys_tainted());
	EXPECT_EQ(0, klog_rewind(&b->log));
	EXPECT_FALSE(klog_trouble(&b->log, text, sizeof(text)))
		TH_LOG("%s", text);
	klog_close(&b->log);
}

/* ---- control requests --------------------------------------------------- */

/* Each request is refused once. A mouse has to survive that. */
TEST_F_TIMEOUT(fault, stall_each_request, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	bool all = false;
	struct slot *s;
	int n, i;
	long end;

	for (n = 1; !all; n += SLOTS) {
		for (i = 0; i < SLOTS; i++) {
			s = new_slot(b, i, &dev_multiplier);
			s->script.nth = n + i;
			s->script.answer = GADGET_STALL;
			plug(_metadata, b, i);
		}
		for (i = 0; i < SLOTS; i++) {
			s = &b->slot[i];
			/* without a configuration there is no interface */
			for (end = now_ms() + WAIT_MS; now_ms() < end &&
			     !hits(&s->script) && !*wait_driver(i, NULL, 1);)
				;
			if (hits(&s->script) &&
			    s->script.hit.type == USB_RECIP_DEVICE &&
			    s->script.hit.request == USB_REQ_SET_CONFIGURATION)
				continue;
			EXPECT_STREQ("hrmouse", wait_driver(i, "hrmouse",
							    WAIT_MS))
				TH_LOG("request %d: type %02x, %02x, value %04x",
				       n + i, s->script.hit.type,
				       s->script.hit.request,
				       s->script.hit.value);
			expect_works(_metadata, b, i, NULL);
			if (!hits(&s->script))
				all = true;
		}
		unplug_all(_metadata, b);
	}
	/* those that every mouse gets, and those of a multiplier */
	EXPECT_LT(12, n);
}

static const struct {
	const char *what;
	unsigned int requests;
	int skip;
	int times;
	/* the driver at the end, with usbhid and without ("": none) */
	const char *with;
	const char *without;
	bool multiplied;
} refused[] = {
	/* usbhid and hrmouse both try it four times */
	{ "the first driver's report descriptor", REQ_RDESC, 0, 4,
	  "hrmouse", "", true },
	{ "the second driver's report descriptor", REQ_RDESC, 1, 4,
	  "usbhid", "hrmouse", true },
	{ "SET_IDLE", REQ_IDLE, 0, 0, "hrmouse", "hrmouse", true },
	{ "GET_REPORT", REQ_GET_FEATURE, 0, 0, "hrmouse", "hrmouse", true },
	{ "SET_REPORT", REQ_SET_FEATURE, 0, 0, "hrmouse", "hrmouse", false },
	{ "strings", REQ_STRING, 0, 0, "hrmouse", "hrmouse", true },
	{ "class requests", REQ_CLASS, 0, 0, "hrmouse", "hrmouse", false },
	{ "all that can be refused", REQ_CLASS | REQ_STRING, 0, 0,
	  "hrmouse", "hrmouse", false },
};

/* A kind of request is always refused */
TEST_F_TIMEOUT(fault, stall_always, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	struct evdev_ev frame[MAX_FRAME];
	struct evdev_node node;
	const char *want;
	int fd, n, turned;
	size_t i;
	__u8 set;

	if (!order_known(b))
		SKIP(return, UNKNOWN_ORDER);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		struct slot *s = new_slot(b, i, &dev_multiplier);

		s->script.requests = refused[i].requests;
		s->script.skip = refused[i].skip;
		s->script.times = refused[i].times;
		s->script.answer = GADGET_STALL;
		plug(_metadata, b, i);
	}
	settle(_metadata, b);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		want = b->usbhid ? refused[i].with : refused[i].without;
		EXPECT_LT(0, hits(&b->slot[i].script) + !b->usbhid);
		EXPECT_STREQ(want, wait_driver(i, want, WAIT_MS))
			TH_LOG("%s", refused[i].what);
		if (!*want)
			continue;
		fd = open_mouse(_metadata, i, NULL, &node);
		n = one_frame(_metadata, b, i, fd, wheel_by_4,
			      sizeof(wheel_by_4), frame);
		for (turned = 0; n--;)
			if (frame[n].type == EV_REL &&
			    frame[n].code == REL_WHEEL)
				turned += frame[n].value;
		close(fd);
		/* what it was told, and what is made of it, agree */
		EXPECT_EQ(refused[i].multiplied ? 1 : 4, turned)
			TH_LOG("%s", refused[i].what);
		ASSERT_EQ(1, gadget_get_report(b->slot[i].g, 0, HID_FEATURE, 0,
					       &set, 1));
		EXPECT_EQ(refused[i].multiplied ? BOTH_MULTIPLIERS : 0, set)
			TH_LOG("%s", refused[i].what);
	}
}

/*
 * The device says nothing for longer than the host waits. It refuses what comes
 * in the second after that (see stay_mute()): so without the report descriptor
 * it stays without a driver, and only must not hold up anybody.
 */
TEST_F_TIMEOUT(fault, mute, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	/* usbhid's come before hrmouse's; the serial number is read first */
	const int skip = b->usbhid;
	const struct {
		const char *what;
		unsigned int request;
		int skip;
		bool works;
	} cases[] = {
		{ "the first report descriptor", REQ_RDESC, 0, false },
		{ "the second report descriptor", REQ_RDESC, 1, false },
		{ "SET_IDLE", REQ_IDLE, skip, true },
		{ "GET_REPORT", REQ_GET_FEATURE, 0, true },
		{ "SET_REPORT", REQ_SET_FEATURE, 0, true },
		{ "serial number", REQ_SERIAL, 1 + skip, true },
	};
	long start = now_ms();
	struct slot *s;
	size_t i;

	if (!order_known(b))
		SKIP(return, UNKNOWN_ORDER);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		s = new_slot(b, i, &dev_multiplier);
		s->script.requests = cases[i].request;
		s->script.skip = cases[i].skip;
		s->script.times = 1;
		s->script.answer = GADGET_MUTE;
		plug(_metadata, b, i);
	}
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		if (cases[i].works) {
			EXPECT_STREQ("hrmouse", wait_driver(i, "hrmouse",
							    SETTLE_MS))
				TH_LOG("%s", cases[i].what);
			expect_works(_metadata, b, i, "hrmouse");
		}
	}
	settle(_metadata, b);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		/* without usbhid there is no second reader of it */
		EXPECT_EQ(b->usbhid || i != 1, hits(&b->slot[i].script))
			TH_LOG("%s", cases[i].what);
	}
	/* one time-out each, and all of them at the same time */
	EXPECT_GT(MUTE_MS, now_ms() - start);
	TH_LOG("%ld ms", now_ms() - start);
}

/* ---- descriptors that lie ----------------------------------------------- */

struct outcome {
	char driver[32];
	int devices;
};

/* what becomes of the first n devices */
static void get_outcomes(struct __test_metadata *_metadata, struct bench *b,
			 int n, struct outcome *outcome)
{
	struct evdev_node nodes[4];
	int i;

	for (i = 0; i < n; i++)
		plug(_metadata, b, i);
	settle(_metadata, b);
	for (i = 0; i < n; i++) {
		usb_driver(i, 0, outcome[i].driver, sizeof(outcome[i].driver));
		outcome[i].devices = evdev_list(i, 0, nodes, 4);
	}
}

/*
 * No device may be worse off with hrmouse than it is with usbhid alone, and
 * where there is an event device, reports make events.
 */
static void expect_as_without(struct __test_metadata *_metadata,
			      struct bench *b, int n, const char *const *names)
{
	struct outcome alone[SLOTS], both[SLOTS];
	int i;

	if (b->module && b->usbhid) {
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		get_outcomes(_metadata, b, n, alone);
		unplug_all(_metadata, b);
		for (i = 0; i < n; i++)
			memset(&b->slot[i].script.seen, 0,
			       sizeof(struct script) -
			       offsetof(struct script, seen));
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	}
	get_outcomes(_metadata, b, n, both);
	for (i = 0; i < n; i++) {
		if (b->module && b->usbhid) {
			EXPECT_EQ(!!*alone[i].driver, !!*both[i].driver)
				TH_LOG("%s: was \"%s\", is \"%s\"", names[i],
				       alone[i].driver, both[i].driver);
			EXPECT_EQ(alone[i].devices, both[i].devices)
				TH_LOG("%s", names[i]);
		}
		TH_LOG("%s: \"%s\", %d event devices", names[i],
		       both[i].driver, both[i].devices);
	}
}

#define RD_LEN		sizeof(rd_qemu_mouse)

/* HID descriptors; hrmouse_usb has those that are more plainly wrong */
static const struct {
	const char *what;
	int claim;		/* wDescriptorLength, where there are no bytes */
	__u8 len;
	__u8 bytes[16];
} lies[] = {
	{ "bNumDescriptors 0", 0, 9,
	  { 9, 0x21, 0x11, 0x01, 0, 0, 0x22, RD_LEN, 0 } },
	{ "bNumDescriptors 2, and room for one", 0, 9,
	  { 9, 0x21, 0x11, 0x01, 0, 2, 0x22, RD_LEN, 0 } },
	{ "two report descriptors, the second one huge", 0, 12,
	  { 12, 0x21, 0x11, 0x01, 0, 2, 0x22, RD_LEN, 0, 0x22, 0xff, 0xff } },
	{ "bNumDescriptors 1, and room for two", 0, 12,
	  { 12, 0x21, 0x11, 0x01, 0, 1, 0x22, RD_LEN, 0, 0x23, 0xff, 0xff } },
	/* CVE-2017-16533, CVE-2025-38103: read beyond the descriptor */
	{ "bLength 8", 0, 8,
	  { 8, 0x21, 0x11, 0x01, 0, 1, 0x22, RD_LEN } },
	{ "bLength beyond the end", 0, 9,
	  { 255, 0x21, 0x11, 0x01, 0, 255, 0x22, RD_LEN, 0 } },
	{ "wDescriptorLength one too small", RD_LEN - 1 },
	{ "wDescriptorLength one too large", RD_LEN + 1 },
};

TEST_F_TIMEOUT(fault, hid_descriptor_lies, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	const char *names[ARRAY_SIZE(lies)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		struct slot *s = new_slot(b, i, &dev_qemu_mouse);

		names[i] = lies[i].what;
		s->gif.rdesc_claim = lies[i].claim;
		s->gif.hid_desc_len = lies[i].len;
		if (lies[i].len)
			s->gif.hid_desc = lies[i].bytes;
	}
	expect_as_without(_metadata, b, ARRAY_SIZE(lies), names);
}

/* what the configuration says of endpoints; the device has a good one at 81 */
static const struct {
	const char *what;
	bool works;
	__u8 len;
	__u8 bytes[14];
} endpoints[] = {
	/* CVE-2022-48836: the wrong type is used as if it were the right one */
	{ "isochronous", false, 7, { 7, 5, 0x81, 1, 8, 0, 4 } },
	{ "control", false, 7, { 7, 5, 0x81, 0, 8, 0, 4 } },
	{ "number 0", false, 7, { 7, 5, 0x80, 3, 8, 0, 4 } },
	{ "cut short", false, 5, { 5, 5, 0x81, 3, 8 } },
	{ "none, but counted", false, 0, { 0 } },
	{ "OUT before IN", true, 14,
	  { 7, 5, 0x02, 3, 8, 0, 4, 7, 5, 0x81, 3, 8, 0, 4 } },
	{ "bulk before interrupt", true, 14,
	  { 7, 5, 0x82, 2, 8, 0, 0, 7, 5, 0x81, 3, 8, 0, 4 } },
	{ "the same one twice", true, 14,
	  { 7, 5, 0x81, 3, 8, 0, 4, 7, 5, 0x81, 3, 8, 0, 4 } },
};

/* a configuration of one mouse with these endpoints */
static void set_config(struct slot *s, const __u8 *eps, size_t len)
{
	const size_t total = 9 + 9 + 9 + len;
	const __u8 head[] = {
		9, USB_DT_CONFIG, total, 0, 1, 1, 0, USB_CONFIG_ATT_ONE, 50,
		9, USB_DT_INTERFACE, 0, 0, len > 7 ? 2 : 1, USB_CLASS_HID,
		1, 2, 0,
		9, HID_DESC_HID, 0x11, 0x01, 0, 1, HID_DESC_REPORT,
		s->gif.rdesc_len, 0,
	};

	memcpy(s->script.config, head, sizeof(head));
	memcpy(s->script.config + sizeof(head), eps, len);
	s->script.config_len = total;
}

TEST_F_TIMEOUT(fault, endpoints, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	const char *names[ARRAY_SIZE(endpoints)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(endpoints); i++) {
		struct slot *s = new_slot(b, i, &dev_qemu_mouse);

		names[i] = endpoints[i].what;
		s->gif.eps = ep_in8;
		set_config(s, endpoints[i].bytes, endpoints[i].len);
	}
	expect_as_without(_metadata, b, ARRAY_SIZE(endpoints), names);
	for (i = 0; i < ARRAY_SIZE(endpoints); i++) {
		if (endpoints[i].works)
			expect_works(_metadata, b, i, "hrmouse");
		else
			EXPECT_STRNE("hrmouse", wait_driver(i, "", 0));
	}
}

/* the host's own USB core refuses all transfers to this endpoint */
TEST_F_TIMEOUT(fault, endpoint_of_no_size, TIMEOUT(SHORT))
{
	static const __u8 none[] = { 7, 5, 0x81, 3, 0, 0, 4 };
	struct bench *b = &self->b;
	struct gadget_stats stats;
	struct evdev_node node;
	int fd, lines;

	set_config(new_slot(b, 0, &dev_qemu_mouse), none, sizeof(none));
	plug(_metadata, b, 0);
	settle(_metadata, b);
	if (evdev_wait(0, 0, NULL, 0, &node))
		SKIP(return, "the USB core has dropped the endpoint");
	klog_count(&b->log, "", NULL);
	fd = evdev_open(&node);
	if (fd >= 0) {
		usleep(4000000);
		close(fd);
	}
	/* if it is tried again, then not often, and the log does not tell each */
	lines = klog_count(&b->log, "hrmouse ", ":1.");
	EXPECT_LE(0, lines);
	EXPECT_GE(4, lines);
	gadget_get_stats(b->slot[0].g, &stats);
	EXPECT_GE(4U, stats.set_config - 1);
	TH_LOG("%d lines, %u resets", lines, stats.set_config - 1);
}

/* ---- a report descriptor that changes ----------------------------------- */

#define PADDED		128

/* all of one length: that is in the configuration, which does not change */
static const __u8 *padded(__u8 *buf, const __u8 *rdesc, size_t len)
{
	memcpy(buf, rdesc, len);
	/* Logical Minimum, which nothing uses any more */
	memset(buf + len, 0x14, PADDED - len);
	return buf;
}

static __u8 padded_mouse[PADDED], padded_mouse_12[PADDED];
static __u8 padded_keyboard[PADDED], padded_garbage[PADDED];

static void pad_all(void)
{
	padded(padded_mouse, rd_qemu_mouse, sizeof(rd_qemu_mouse));
	padded(padded_mouse_12, rd_mouse_12, sizeof(rd_mouse_12));
	padded(padded_keyboard, rd_keyboard, sizeof(rd_keyboard));
	memset(padded_garbage, 0xff, PADDED);
}

static struct slot *new_padded(struct bench *b, int i, const __u8 *rdesc)
{
	struct slot *s = new_slot(b, i, &dev_boot_mouse);

	pad_all();
	/* full speed, and as long as both reports need */
	s->desc.speed = USB_SPEED_FULL;
	s->gif.subclass = 0;
	s->gif.protocol = 0;
	s->gif.eps = ep_in8;
	s->gif.rdesc = rdesc;
	s->gif.rdesc_len = PADDED;
	return s;
}

/* X is 1 in the report of this descriptor, and of no other */
static void expect_moves(struct __test_metadata *_metadata, struct bench *b,
			 int i, const char *driver, const __u8 *report,
			 size_t len)
{
	struct evdev_ev frame[MAX_FRAME];
	struct evdev_node node;
	int fd, n;

	fd = open_mouse(_metadata, i, driver, &node);
	n = one_frame(_metadata, b, i, fd, report, len, frame);
	EXPECT_EQ(1, n);
	EXPECT_EQ(EV_REL, frame[0].type);
	EXPECT_EQ(REL_X, frame[0].code);
	EXPECT_EQ(1, frame[0].value);
	close(fd);
}

static const __u8 move_8[] = { 0, 1, 0, 0 };
static const __u8 move_12[] = { 0, 1, 0, 0, 0 };
/* a key of a keyboard */
static const __u8 key_a[] = { 0, 0, 4, 0, 0, 0, 0, 0 };

static void expect_types(struct __test_metadata *_metadata, struct bench *b,
			 int i)
{
	struct evdev_ev frame[MAX_FRAME];
	struct evdev_node node;
	int fd;

	if (!b->usbhid)
		return;
	fd = open_mouse(_metadata, i, "hid-generic", &node);
	EXPECT_EQ(2, one_frame(_metadata, b, i, fd, key_a, sizeof(key_a),
			       frame));
	EXPECT_EQ(EV_KEY, frame[1].type);
	close(fd);
}

TEST_F_TIMEOUT(fault, descriptor_changes_between_reads, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	const char *want;
	struct slot *s;
	int i;

	if (!order_known(b))
		SKIP(return, UNKNOWN_ORDER);
	/* a keyboard, garbage, another mouse, from the second read on */
	s = new_padded(b, 0, padded_mouse);
	s->script.rdesc = padded_keyboard;
	s = new_padded(b, 1, padded_mouse);
	s->script.rdesc = padded_garbage;
	s = new_padded(b, 2, padded_mouse);
	s->script.rdesc = padded_mouse_12;
	/* and the other way round */
	s = new_padded(b, 3, padded_keyboard);
	s->script.rdesc = padded_mouse;
	s = new_padded(b, 4, padded_garbage);
	s->script.rdesc = padded_mouse;
	for (i = 0; i <= 4; i++) {
		b->slot[i].script.rdesc_from = 2;
		plug(_metadata, b, i);
	}
	settle(_metadata, b);

	if (!b->usbhid) {
		/* nobody but hrmouse reads it, and that only once */
		expect_moves(_metadata, b, 0, "hrmouse", move_8, 4);
		expect_moves(_metadata, b, 1, "hrmouse", move_8, 4);
		expect_moves(_metadata, b, 2, "hrmouse", move_8, 4);
		EXPECT_STREQ("", wait_driver(3, "", WAIT_MS));
		EXPECT_STREQ("", wait_driver(4, "", WAIT_MS));
		return;
	}
	/* hrmouse reads it for itself, and gives back what is not a mouse */
	want = fallback(b);
	EXPECT_STREQ(want, wait_driver(0, want, WAIT_MS));
	expect_types(_metadata, b, 0);
	EXPECT_STREQ(want, wait_driver(1, want, WAIT_MS));
	expect_moves(_metadata, b, 2, "hrmouse", move_12, 5);
	EXPECT_STREQ(want, wait_driver(3, want, WAIT_MS));
	expect_types(_metadata, b, 3);
	for (i = 0; i <= 4; i++)
		TH_LOG("device %d: \"%s\", %d reads", i,
		       wait_driver(i, NULL, 0), b->slot[i].script.rdesc_reads);
}

/* usbhid has a mouse; when hrmouse comes for it, it is none any more */
TEST_F_TIMEOUT(fault, descriptor_changes_at_hand_over, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	struct slot *s;

	if (!b->usbhid || !b->module)
		SKIP(return, "needs usbhid, and hrmouse as a module");
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	s = new_padded(b, 0, padded_mouse);
	plug(_metadata, b, 0);
	expect_moves(_metadata, b, 0, "hid-generic", move_8, 4);
	s->script.rdesc_from = s->script.rdesc_reads + 1;
	s->script.rdesc = padded_keyboard;
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	EXPECT_STREQ("usbhid", wait_driver(0, "usbhid", WAIT_MS));
	expect_types(_metadata, b, 0);
}

static void device_dir(struct __test_metadata *_metadata, int i, char *path,
		       size_t size)
{
	char pattern[128];
	glob_t found;

	snprintf(pattern, sizeof(pattern), DEVICE_PATTERN, i);
	ASSERT_EQ(0, glob(pattern, 0, NULL, &found));
	snprintf(path, size, "%s", found.gl_pathv[0]);
	globfree(&found);
}

/* what a user can do: lsusb's usbreset */
static int port_reset(struct __test_metadata *_metadata, int i)
{
	char dir[256], path[300], bus[16], dev[16];
	int fd, ret;

	device_dir(_metadata, i, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/busnum", dir);
	ASSERT_EQ(0, sys_read(path, bus, sizeof(bus)));
	snprintf(path, sizeof(path), "%s/devnum", dir);
	ASSERT_EQ(0, sys_read(path, dev, sizeof(dev)));
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d", atoi(bus),
		 atoi(dev));
	fd = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd)
		TH_LOG("%s: %s", path, strerror(errno));
	ret = ioctl(fd, USBDEVFS_RESET, 0) ? -errno : 0;
	close(fd);
	return ret;
}

/* After a reset the device is another one, though its configuration is not */
TEST_F_TIMEOUT(fault, descriptor_changes_with_reset, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	struct slot *s;

	/* another mouse, open or not */
	s = new_padded(b, 0, padded_mouse);
	plug(_metadata, b, 0);
	expect_moves(_metadata, b, 0, "hrmouse", move_8, 4);
	s->script.rdesc_from = s->script.rdesc_reads + 1;
	s->script.rdesc = padded_mouse_12;
	EXPECT_EQ(0, port_reset(_metadata, 0));
	expect_moves(_metadata, b, 0, "hrmouse", move_12, 5);

	/* no mouse any more */
	s = new_padded(b, 1, padded_mouse);
	plug(_metadata, b, 1);
	expect_moves(_metadata, b, 1, "hrmouse", move_8, 4);
	s->script.rdesc_from = s->script.rdesc_reads + 1;
	s->script.rdesc = padded_keyboard;
	EXPECT_EQ(0, port_reset(_metadata, 1));
	EXPECT_STREQ(fallback(b), wait_driver(1, fallback(b), WAIT_MS));
	expect_types(_metadata, b, 1);

	/* the same one: nobody may notice */
	s = new_padded(b, 2, padded_mouse);
	plug(_metadata, b, 2);
	expect_moves(_metadata, b, 2, "hrmouse", move_8, 4);
	EXPECT_EQ(0, port_reset(_metadata, 2));
	expect_moves(_metadata, b, 2, "hrmouse", move_8, 4);
}

/* ---- unplugged while it is probed --------------------------------------- */

TEST_F_TIMEOUT(fault, unplug_at_each_request, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	struct evdev_node node;
	bool all = false;
	struct slot *s;
	int n, i;
	long end;

	for (n = 1; !all; n += SLOTS) {
		for (i = 0; i < SLOTS; i++) {
			s = new_slot(b, i, &dev_multiplier);
			s->script.nth = n + i;
			s->script.pull = true;
			plug(_metadata, b, i);
		}
		for (i = 0; i < SLOTS; i++) {
			s = &b->slot[i];
			for (end = now_ms() + WAIT_MS; now_ms() < end &&
			     !hits(&s->script) &&
			     evdev_wait(i, 0, "hrmouse", 10, &node);)
				;
			if (hits(&s->script))
				continue;
			all = true;
			expect_works(_metadata, b, i, "hrmouse");
		}
		unplug_all(_metadata, b);
	}
	EXPECT_LT(12, n);
}

/* the input device is registered when no request is left */
TEST_F_TIMEOUT(fault, unplug_after_last_request, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	struct gadget_stats stats;
	unsigned int requests;
	struct slot *s;
	int n;

	s = new_slot(b, 0, &dev_multiplier);
	plug(_metadata, b, 0);
	expect_works(_metadata, b, 0, "hrmouse");
	gadget_get_stats(s->g, &stats);
	requests = stats.requests;
	unplug_all(_metadata, b);
	for (n = 0; n < ROUNDS; n++) {
		plug(_metadata, b, 0);
		do {
			usleep(20);
			gadget_get_stats(s->g, &stats);
		} while (stats.requests < requests);
		usleep(n * 8000 / ROUNDS);
		unplug_all(_metadata, b);
	}
}

/* ---- under load --------------------------------------------------------- */

static void *read_events(void *arg)
{
	struct reader *r = arg;
	struct pollfd pfd = { .fd = r->fd, .events = POLLIN };
	struct input_event ev[64];
	ssize_t n;

	while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE)) {
		poll(&pfd, 1, 50);
		n = read(r->fd, ev, sizeof(ev));
		if (n > 0) {
			__atomic_add_fetch(&r->events, n / sizeof(ev[0]),
					   __ATOMIC_RELAXED);
		} else if (!n || (errno != EAGAIN && errno != EINTR)) {
			r->error = n ? errno : EPIPE;
			break;
		}
	}
	__atomic_store_n(&r->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

static void start_readers(struct __test_metadata *_metadata, struct bench *b,
			  int i, const char *driver)
{
	struct evdev_node node;
	struct reader *r;

	for (r = b->reader; r < b->reader + READERS; r++) {
		memset(r, 0, sizeof(*r));
		r->fd = open_mouse(_metadata, i, driver, &node);
		ASSERT_EQ(0, pthread_create(&r->thread, NULL, read_events, r));
		r->running = true;
	}
}

static void stop_readers(struct bench *b)
{
	struct reader *r;

	for (r = b->reader; r < b->reader + READERS; r++) {
		if (!r->running)
			continue;
		__atomic_store_n(&r->stop, true, __ATOMIC_RELEASE);
		pthread_join(r->thread, NULL);
		close(r->fd);
		r->running = false;
		r->fd = -1;
	}
}

/* both readers have seen the end of their device */
static void expect_end(struct __test_metadata *_metadata, struct bench *b)
{
	long end = now_ms() + WAIT_MS;
	struct reader *r;

	for (r = b->reader; r < b->reader + READERS; r++) {
		while (!__atomic_load_n(&r->ended, __ATOMIC_ACQUIRE) &&
		       now_ms() < end)
			usleep(1000);
		EXPECT_TRUE(r->ended);
		EXPECT_EQ(ENODEV, r->error);
	}
	stop_readers(b);
}

/* both readers get events, still */
static void expect_flow(struct __test_metadata *_metadata, struct bench *b)
{
	long end = now_ms() + WAIT_MS;
	unsigned long before[READERS], now;
	int i;

	for (i = 0; i < READERS; i++)
		before[i] = __atomic_load_n(&b->reader[i].events,
					    __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++) {
		do {
			usleep(1000);
			now = __atomic_load_n(&b->reader[i].events,
					      __ATOMIC_RELAXED);
		} while (now < before[i] + 20 && now_ms() < end);
		ASSERT_LE(before[i] + 20, now)
			TH_LOG("reader %d: %s", i,
			       b->reader[i].ended ?
			       strerror(b->reader[i].error) : "silence");
	}
}

/* a step to the right, a step to the left */
static const __u8 steps_16[2][9] = {
	{ 2, 0, 0, 1, 0 },
	{ 2, 0, 0, 0xff, 0xff },
};

static void start_stream(struct __test_metadata *_metadata, struct bench *b,
			 int i)
{
	ASSERT_EQ(0, gadget_stream_start(b->slot[i].g, 0, steps_16, 2,
					 sizeof(steps_16[0]), PERIOD_8KHZ));
}

/* a mouse of 8 kHz in slot 0, that two read */
static void start_load(struct __test_metadata *_metadata, struct bench *b)
{
	struct slot *s = new_slot(b, 0, &dev_mouse_16);

	s->desc.remote_wakeup = true;
	plug(_metadata, b, 0);
	start_readers(_metadata, b, 0, "hrmouse");
	start_stream(_metadata, b, 0);
	expect_flow(_metadata, b);
}

static void interface_name(struct __test_metadata *_metadata, int i,
			   char *name, size_t size)
{
	char dir[256];

	device_dir(_metadata, i, dir, sizeof(dir));
	snprintf(name, size, "%s:1.0", strrchr(dir, '/') + 1);
}

static int attach(struct __test_metadata *_metadata, int i, bool bind)
{
	char name[64];

	interface_name(_metadata, i, name, sizeof(name));
	return sys_write(bind ? DRIVER_DIR "/bind" : DRIVER_DIR "/unbind",
			 name);
}

TEST_F_TIMEOUT(fault, unplug_under_load, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	unsigned long sent;
	long start;
	int n;

	for (n = 0; n < ROUNDS; n++) {
		start_load(_metadata, b);
		if (!n) {
			/* what this machine makes of 8 kHz */
			sent = gadget_stream_sent(b->slot[0].g, 0);
			start = now_ms();
			usleep(500000);
			sent = gadget_stream_sent(b->slot[0].g, 0) - sent;
			TH_LOG("%lu reports a second",
			       sent * 1000 / (now_ms() - start));
		}
		usleep(n * 700);
		unplug(b, 0);
		expect_end(_metadata, b);
	}
}

TEST_F_TIMEOUT(fault, unbind_under_load, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	int n;

	start_load(_metadata, b);
	for (n = 0; n < ROUNDS; n++) {
		usleep(n * 700);
		ASSERT_EQ(0, attach(_metadata, 0, false));
		expect_end(_metadata, b);
		/* whoever has done this has meant it */
		EXPECT_STREQ("", wait_driver(0, "", 0));
		ASSERT_EQ(0, attach(_metadata, 0, true));
		start_readers(_metadata, b, 0, "hrmouse");
		expect_flow(_metadata, b);
	}
}

TEST_F_TIMEOUT(fault, rmmod_under_load, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	int n;

	if (!b->module)
		SKIP(return, "hrmouse is built in");
	start_load(_metadata, b);
	for (n = 0; n < ROUNDS; n++) {
		usleep(n * 700);
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		expect_end(_metadata, b);
		if (b->usbhid) {
			start_readers(_metadata, b, 0, "hid-generic");
			expect_flow(_metadata, b);
		}
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		if (b->usbhid)
			expect_end(_metadata, b);
		start_readers(_metadata, b, 0, "hrmouse");
		expect_flow(_metadata, b);
	}
}

TEST_F_TIMEOUT(fault, reset_under_load, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	struct gadget_stats before, after;
	int n;

	start_load(_metadata, b);
	gadget_get_stats(b->slot[0].g, &before);
	for (n = 0; n < ROUNDS; n++) {
		usleep(n * 700);
		ASSERT_EQ(0, port_reset(_metadata, 0));
		/* the same readers: no event device has gone */
		expect_flow(_metadata, b);
	}
	gadget_get_stats(b->slot[0].g, &after);
	EXPECT_EQ(before.set_config + ROUNDS, after.set_config);
}

static bool runtime_is(const char *dir, const char *state, int ms)
{
	long end = now_ms() + ms;
	char path[300], now[32];

	snprintf(path, sizeof(path), "%s/power/runtime_status", dir);
	do {
		sys_read(path, now, sizeof(now));
		if (!strcmp(now, state))
			return true;
		usleep(2000);
	} while (now_ms() < end);
	return false;
}

static void set_power(struct __test_metadata *_metadata, const char *dir,
		      const char *name, const char *value)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/power/%s", dir, name);
	ASSERT_EQ(0, sys_write(path, value))
		TH_LOG("%s", path);
}

/* the gadget wakes the host; the signal is lost on one that is not asleep */
static void wake_host(struct __test_metadata *_metadata, struct bench *b)
{
	struct gadget_stats before, now;
	long end = now_ms() + WAIT_MS;
	int tries = 0;

	gadget_get_stats(b->slot[0].g, &before);
	do {
		if (tries++ % 100 == 0)
			gadget_wakeup(0);
		usleep(5000);
		gadget_get_stats(b->slot[0].g, &now);
	} while (now.resumes == before.resumes && now_ms() < end);
	ASSERT_LT(before.resumes, now.resumes);
}

TEST_F_TIMEOUT(fault, autosuspend_under_load, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	struct gadget_stats before, after;
	char dir[256];
	int n;

	start_load(_metadata, b);
	device_dir(_metadata, 0, dir, sizeof(dir));
	gadget_get_stats(b->slot[0].g, &before);

	/* Without a delay it falls asleep as soon as it is awake */
	set_power(_metadata, dir, "autosuspend_delay_ms", "0");
	set_power(_metadata, dir, "control", "auto");
	for (n = 0; n < ROUNDS; n++) {
		ASSERT_TRUE(runtime_is(dir, "suspended", WAIT_MS));
		wake_host(_metadata, b);
	}
	for (n = 0; n < ROUNDS; n++) {
		set_power(_metadata, dir, "control", "on");
		expect_flow(_metadata, b);
		set_power(_metadata, dir, "control", "auto");
		ASSERT_TRUE(runtime_is(dir, "suspended", WAIT_MS));
	}
	gadget_get_stats(b->slot[0].g, &after);
	EXPECT_LE(before.suspends + 2 * ROUNDS, after.suspends);

	/* with one it stays awake for as long as it reports, not longer */
	set_power(_metadata, dir, "autosuspend_delay_ms", "1000");
	wake_host(_metadata, b);
	expect_flow(_metadata, b);
	gadget_get_stats(b->slot[0].g, &before);
	usleep(1500000);
	expect_flow(_metadata, b);
	gadget_get_stats(b->slot[0].g, &after);
	EXPECT_EQ(before.suspends, after.suspends);
	ASSERT_EQ(0, gadget_stream_stop(b->slot[0].g, 0));
	ASSERT_TRUE(runtime_is(dir, "suspended", WAIT_MS));
	/* what it wants to report is why it wakes the host */
	start_stream(_metadata, b, 0);
	wake_host(_metadata, b);
	expect_flow(_metadata, b);
	ASSERT_EQ(0, gadget_stream_stop(b->slot[0].g, 0));

	/* and asleep when it is unplugged */
	ASSERT_TRUE(runtime_is(dir, "suspended", WAIT_MS));
	gadget_get_stats(b->slot[0].g, &after);
	EXPECT_EQ(before.set_config, after.set_config);
	unplug(b, 0);
	expect_end(_metadata, b);
}

#define PM_TEST_DELAY	"/sys/module/suspend/parameters/pm_test_delay"

/*
 * The gadget is on the machine that is suspended, and dummy_udc unplugs it for
 * that time: the readers see the end of their device.
 */
TEST_F_TIMEOUT(fault, system_suspend_under_load, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	char dir[256];
	int n;

	if (sys_write("/sys/power/pm_test", "devices"))
		SKIP(return, "no /sys/power/pm_test: enable CONFIG_PM_DEBUG, CONFIG_SUSPEND");
	/* s; what it waits while all devices are asleep */
	sys_write(PM_TEST_DELAY, "1");
	for (n = 0; n < (is_long() ? 10 : 3); n++) {
		start_load(_metadata, b);
		device_dir(_metadata, 0, dir, sizeof(dir));
		/* nor is there anybody to answer a reset before all thaw */
		set_power(_metadata, dir, "persist", "0");
		usleep(n * 700);
		ASSERT_EQ(0, sys_write("/sys/power/state", "freeze"));
		expect_end(_metadata, b);
		unplug(b, 0);
	}
	sys_write("/sys/power/pm_test", "none");
}

/* ---- the interrupt endpoint --------------------------------------------- */

/* a report comes through, and the mouse was never taken away */
static void expect_report(struct __test_metadata *_metadata, struct bench *b,
			  int fd)
{
	static int n;
	struct evdev_ev frame[MAX_FRAME];
	const __u8 report[4] = { ++n & 1, 1 };

	one_frame(_metadata, b, 0, fd, report, sizeof(report), frame);
}

static int start_endpoint_test(struct __test_metadata *_metadata,
			       struct bench *b)
{
	struct evdev_node node;
	int fd;

	new_slot(b, 0, &dev_qemu_mouse);
	plug(_metadata, b, 0);
	fd = open_mouse(_metadata, 0, "hrmouse", &node);
	expect_report(_metadata, b, fd);
	klog_count(&b->log, "", NULL);
	return fd;
}

/* the device was reset, but not for ever, and the log tells little of it */
static void expect_resets(struct __test_metadata *_metadata, struct bench *b,
			  unsigned int min, unsigned int max)
{
	struct gadget_stats stats;
	int lines;

	gadget_get_stats(b->slot[0].g, &stats);
	/* one was to enumerate it, or two */
	EXPECT_LE(min, stats.set_config - 1);
	EXPECT_GE(max, stats.set_config - 1);
	lines = klog_count(&b->log, "hrmouse ", ":1.");
	EXPECT_LE(0, lines);
	EXPECT_GE(2 + (int)max, lines);
	TH_LOG("%u resets, %d lines", stats.set_config - 1, lines);
}

TEST_F_TIMEOUT(fault, endpoint_halts, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	int fd, n;

	fd = start_endpoint_test(_metadata, b);
	for (n = 0; n < 2 * ROUNDS; n++) {
		ASSERT_EQ(0, gadget_halt(b->slot[0].g, 0));
		usleep(n * 1000);
		expect_report(_metadata, b, fd);
	}
	expect_resets(_metadata, b, 0, 0);
	close(fd);
}

/* CLEAR_FEATURE(ENDPOINT_HALT) does not help */
TEST_F_TIMEOUT(fault, endpoint_wedged, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	int fd;

	fd = start_endpoint_test(_metadata, b);
	ASSERT_EQ(0, gadget_wedge(b->slot[0].g, 0, true));
	usleep(3500000);
	ASSERT_EQ(0, gadget_wedge(b->slot[0].g, 0, false));
	expect_report(_metadata, b, fd);
	expect_resets(_metadata, b, 1, 4);
	close(fd);
}

/* transfers run though nobody has it open */
static void set_poll(struct __test_metadata *_metadata, int i)
{
	char dir[256], path[512];

	device_dir(_metadata, i, dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/%s:1.0/always_poll", dir,
		 strrchr(dir, '/') + 1);
	ASSERT_EQ(0, sys_write(path, "1"))
		TH_LOG("%s", path);
}

static void mend(struct __test_metadata *_metadata, struct bench *b)
{
	long end = now_ms() + WAIT_MS;
	int ret;

	/* it cannot be while the port is in reset */
	do {
		ret = gadget_deaf(b->slot[0].g, 0, false);
		if (ret)
			usleep(1000);
	} while (ret && now_ms() < end);
	ASSERT_EQ(0, ret);
}

/*
 * -EPROTO: dummy_hcd gives it for an endpoint that the device has not enabled,
 * as hosts do where a device does not answer. Transfers of a device that has
 * just been unplugged end so, too; they are in all tests that unplug.
 */
TEST_F_TIMEOUT(fault, endpoint_deaf, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	struct evdev_node node;
	int fd, n;

	/* for less than a second: it is tried again, with pauses */
	fd = start_endpoint_test(_metadata, b);
	for (n = 0; n < ROUNDS; n++) {
		ASSERT_EQ(0, gadget_deaf(b->slot[0].g, 0, true));
		usleep(n % 10 * 50000);
		mend(_metadata, b);
		expect_report(_metadata, b, fd);
	}
	expect_resets(_metadata, b, 0, 0);

	/* for longer: the port is reset, and that more than once */
	ASSERT_EQ(0, gadget_deaf(b->slot[0].g, 0, true));
	usleep(3500000);
	mend(_metadata, b);
	expect_report(_metadata, b, fd);
	expect_resets(_metadata, b, 1, 4);

	/* the driver is taken away in the midst of it, and comes back */
	set_poll(_metadata, 0);
	close(fd);
	ASSERT_EQ(0, gadget_deaf(b->slot[0].g, 0, true));
	usleep(100000);
	ASSERT_EQ(0, attach(_metadata, 0, false));
	usleep(300000);
	mend(_metadata, b);
	ASSERT_EQ(0, attach(_metadata, 0, true));
	fd = open_mouse(_metadata, 0, "hrmouse", &node);
	expect_report(_metadata, b, fd);

	/* and the device */
	ASSERT_EQ(0, gadget_deaf(b->slot[0].g, 0, true));
	usleep(100000);
	unplug(b, 0);
	close(fd);
}

/* -EOVERFLOW, as fast as it can: longer than any report of the descriptor */
TEST_F_TIMEOUT(fault, endpoint_babbles, TIMEOUT(SHORT))
{
	struct bench *b = &self->b;
	static const __u8 babble[64] = { 1, 1 };
	struct evdev_node node;
	struct slot *s;
	int fd;

	s = new_slot(b, 0, &dev_qemu_mouse);
	s->gif.eps = ep_in64;
	s->desc.speed = USB_SPEED_HIGH;
	plug(_metadata, b, 0);
	fd = open_mouse(_metadata, 0, "hrmouse", &node);
	expect_report(_metadata, b, fd);
	klog_count(&b->log, "", NULL);
	ASSERT_EQ(0, gadget_stream_start(s->g, 0, babble, 1, sizeof(babble),
					 PERIOD_8KHZ));
	usleep(1500000);
	EXPECT_LT(5UL, gadget_stream_sent(s->g, 0));
	ASSERT_EQ(0, gadget_stream_stop(s->g, 0));
	expect_report(_metadata, b, fd);
	expect_resets(_metadata, b, 0, 1);
	close(fd);
}

/* ---- many --------------------------------------------------------------- */

static long slab_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f;

	f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "SUnreclaim: %ld", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb;
}

TEST_F_TIMEOUT(fault, hot_plugs, TIMEOUT(LONG))
{
	static const struct gadget_desc *const models[] = {
		&dev_multiplier, &dev_boot_mouse, &dev_qemu_mouse,
	};
	struct bench *b = &self->b;
	const char *count = getenv("HRMOUSE_HOTPLUGS");
	int plugs = count ? atoi(count) : HOTPLUGS;
	long start = now_ms(), before = 0;
	struct evdev_node node;
	int fd[SLOTS];
	int n, i;

	for (n = 0; n < plugs; n += SLOTS) {
		if (n == plugs / 2 / SLOTS * SLOTS)
			before = slab_kb();
		for (i = 0; i < SLOTS; i++) {
			new_slot(b, i, models[(n / SLOTS + i) % 3]);
			plug(_metadata, b, i);
		}
		for (i = 0; i < SLOTS; i++) {
			fd[i] = open_mouse(_metadata, i, "hrmouse", &node);
			if (i & 1) {
				close(fd[i]);
				fd[i] = -1;
			}
			if (i & 4)
				set_poll(_metadata, i);
		}
		/* some are open when they go, some were used, some never */
		for (i = 0; i < SLOTS; i++) {
			if (i & 2)
				gadget_report_timeout(b->slot[i].g, 0,
						      any_report,
						      report_len(&b->slot[i].desc),
						      20);
			unplug(b, i);
			if (fd[i] >= 0)
				close(fd[i]);
		}
		unplug_all(_metadata, b);
	}
	TH_LOG("%d in %ld ms, slab %ld kB, then %ld kB", n, now_ms() - start,
	       before, slab_kb());
}

TEST_F_TIMEOUT(fault, mice_32, TIMEOUT(LONG))
{
	struct bench *b = &self->b;
	struct evdev_ev frame[MAX_FRAME];
	struct evdev_node node;
	char why[160];
	int fd[CROWD];
	int i, n, ret;

	if (sys_need_gadgets(CROWD, why, sizeof(why)))
		SKIP(return, "%s", why);
	for (n = 0; n < 2; n++) {
		for (i = 0; i < CROWD; i++) {
			new_slot(b, i, &dev_mouse_16);
			plug(_metadata, b, i);
		}
		for (i = 0; i < CROWD; i++)
			fd[i] = open_mouse(_metadata, i, "hrmouse", &node);
		for (i = 0; i < CROWD; i++)
			one_frame(_metadata, b, i, fd[i], steps_16[0],
				  sizeof(steps_16[0]), frame);
		/* all at the same time */
		for (i = 0; i < CROWD; i++)
			start_stream(_metadata, b, i);
		for (i = 0; i < CROWD; i++) {
			/* nobody reads while another one has its turn */
			ret = evdev_frame(fd[i], frame, MAX_FRAME, FRAME_MS);
			ASSERT_TRUE(ret > 0 || ret == -EOVERFLOW)
				TH_LOG("mouse %d: %s", i, strerror(-ret));
		}
		unplug_all(_metadata, b);
		for (i = 0; i < CROWD; i++)
			close(fd[i]);
	}
}

/* ---- no memory ---------------------------------------------------------- */

#define DEBUGFS		"/sys/kernel/debug/"

/* true if hrmouse has left the interface to usbhid: its probe has failed */
static bool is_left(int i)
{
	char left[512], pattern[128];
	glob_t found;
	bool ret;

	if (sys_read(DEBUGFS "usb/hrmouse/left", left, sizeof(left)))
		return false;
	snprintf(pattern, sizeof(pattern), DEVICE_PATTERN "/*:1.0", i);
	ret = !glob(pattern, 0, NULL, &found) &&
	      strstr(left, strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	return ret;
}

/*
 * Binds the interface, and fails the n-th allocation of that. Whether it came
 * to so many.
 */
static bool bind_failing(struct __test_metadata *_metadata, int n, int *ret)
{
	char name[64], text[16];
	ssize_t len;
	int bind, nth;

	/* all that needs memory of its own before */
	interface_name(_metadata, 0, name, sizeof(name));
	bind = open(DRIVER_DIR "/bind", O_WRONLY | O_CLOEXEC);
	nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, bind);
	ASSERT_LE(0, nth);
	len = snprintf(text, sizeof(text), "%d", n);
	ASSERT_EQ(len, pwrite(nth, text, len, 0));
	*ret = write(bind, name, strlen(name)) < 0 ? -errno : 0;
	len = pread(nth, text, sizeof(text) - 1, 0);
	pwrite(nth, "0", 1, 0);
	close(nth);
	close(bind);
	ASSERT_LT(0, len);
	text[len] = '\0';
	return !atoi(text);
}

/* The n-th allocation of a bind through sysfs fails, n = 1, 2, ... */
TEST_F_TIMEOUT(fault, allocations_fail, TIMEOUT(LONG))
{
	struct bench *b = &self->b;
	int tolerated = 0, handlers = 0, failed = 0, outside = 0;
	struct evdev_node node;
	int n, ret = 0;

	if (access("/proc/self/fail-nth", W_OK) ||
	    sys_write(DEBUGFS "failslab/ignore-gfp-wait", "N"))
		SKIP(return, "no failslab: it takes CONFIG_FAULT_INJECTION_DEBUG_FS");
	/* it would show its stack trace for each */
	ASSERT_EQ(0, sys_write(DEBUGFS "failslab/verbose", "0"));
	sys_write(DEBUGFS "fail_page_alloc/verbose", "0");
	sys_write(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N");

	for (n = 1; ; n++) {
		if (!b->slot[0].g) {
			new_slot(b, 0, &dev_multiplier);
			plug(_metadata, b, 0);
			expect_works(_metadata, b, 0, "hrmouse");
		}
		ASSERT_EQ(0, attach(_metadata, 0, false));
		ASSERT_STREQ("", wait_driver(0, "", 0));
		if (!bind_failing(_metadata, n, &ret))
			break;

		if (is_left(0)) {
			/* half-way: it is usbhid's without anybody's help */
			failed++;
			EXPECT_NE(0, ret);
			ASSERT_STREQ(fallback(b), wait_driver(0, fallback(b),
							      WAIT_MS))
				TH_LOG("allocation %d", n);
			if (b->usbhid)
				expect_works(_metadata, b, 0, "hid-generic");
			unplug_all(_metadata, b);
		} else if (!strcmp(wait_driver(0, "hrmouse", 0), "hrmouse")) {
			/* done without it; the kernel may go without evdev */
			if (evdev_list(0, 0, &node, 1) &&
			    !access(node.path, R_OK)) {
				tolerated++;
				expect_works(_metadata, b, 0, "hrmouse");
			} else {
				handlers++;
			}
		} else {
			/* the driver core has not let hrmouse try */
			outside++;
			EXPECT_NE(0, ret);
			ASSERT_EQ(0, attach(_metadata, 0, true));
			expect_works(_metadata, b, 0, "hrmouse");
		}
	}
	EXPECT_EQ(0, ret);
	expect_works(_metadata, b, 0, "hrmouse");
	TH_LOG("%d allocations: %d end the probe, %d do not, %d: the driver core's, %d: no evdev",
	       n - 1, failed, tolerated, outside, handlers);
	EXPECT_LT(20, failed);
}

TEST_HARNESS_MAIN
