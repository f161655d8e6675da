// SPDX-License-Identifier: GPL-2.0
/*
 * What a person reads and sets of a mouse that hrmouse drives: the figures in
 * debugfs, the number of transfers in flight, the polling interval, polling
 * without a reader, tracepoints.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <linux/usbdevice_fs.h>

#include "kselftest_harness.h"

#include "evdev.h"
#include "gadget.h"
#include "mice.h"
#include "sys.h"

#define UDC		0
#define WAIT_MS		(8000 * sys_slow())
#define FRAME_MS	3000
#define PROBE_MS	500
#define REPORTS		300
#define CHANGES		100
#define DEBUGFS		"/sys/kernel/debug/usb/hrmouse/"
#define TRACING		"/sys/kernel/tracing/"
#define CLASS_OUT	(USB_TYPE_CLASS | USB_RECIP_INTERFACE)

FIXTURE(tune)
{
	struct gadget *g;
	struct klog log;
	long tainted;
	int fd;
	struct evdev_node node;
	char dir[128];		/* of the interface in sysfs */
};

FIXTURE_VARIANT(tune)
{
	const struct gadget_desc *desc;
	size_t len;
	__u8 id;
	int x;			/* offset of X in the report */
	const char *speed;
	int interval;		/* what the device asks for, in microseconds */
	int depth;		/* what that calls for */
};

FIXTURE_VARIANT_ADD(tune, high_speed) {
	.desc = &dev_mouse_16, .len = 9, .id = 2, .x = 3,
	.speed = "480", .interval = 125, .depth = 8,
};

/* 10 ms, which hosts round down */
FIXTURE_VARIANT_ADD(tune, low_speed) {
	.desc = &dev_boot_mouse, .len = 3, .x = 1,
	.speed = "1.5", .interval = 8000, .depth = 2,
};

static void open_mouse(struct __test_metadata *_metadata,
		       struct _test_data_tune *self)
{
	glob_t found;

	ASSERT_EQ(0, evdev_wait(UDC, 0, "hrmouse", WAIT_MS, &self->node))
		TH_LOG("there is \"%s\"", self->node.driver);
	self->fd = evdev_open(&self->node);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, glob("/sys/bus/usb/drivers/hrmouse/*:1.0", 0, NULL, &found));
	ASSERT_EQ(1, found.gl_pathc);
	snprintf(self->dir, sizeof(self->dir), "%s", found.gl_pathv[0]);
	globfree(&found);
}

FIXTURE_SETUP(tune)
{
	char why[160];

	self->fd = -1;
	self->log.fd = -1;
	if (sys_need_gadgets(1, why, sizeof(why)))
		SKIP(return, "%s", why);
	if (mod_state(&mod_hrmouse) == MOD_ABSENT)
		SKIP(return, "no hrmouse: set HRMOUSE_KO, or install the modules");
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	self->tainted = sys_tainted();
	ASSERT_EQ(0, klog_open(&self->log));

	self->g = gadget_plug(variant->desc, UDC);
	ASSERT_NE(NULL, self->g)
		TH_LOG("cannot be plugged in: %s", strerror(errno));
	ASSERT_EQ(0, gadget_wait_configured(self->g, WAIT_MS));
	open_mouse(_metadata, self);
}

FIXTURE_TEARDOWN(tune)
{
	char line[1024];

	if (self->log.fd < 0)
		return;
	if (self->fd >= 0)
		close(self->fd);
	gadget_unplug(self->g);
	EXPECT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	EXPECT_EQ(self->tainted, sys_tainted());
	EXPECT_EQ(0, klog_rewind(&self->log));
	EXPECT_FALSE(klog_trouble(&self->log, line, sizeof(line)))
		TH_LOG("%s", line);
	klog_close(&self->log);
}

static int get(struct _test_data_tune *self, const char *name)
{
	char path[256], text[64];
	int ret;

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	ret = sys_read(path, text, sizeof(text));
	return ret ?: atoi(text);
}

static int set(struct _test_data_tune *self, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", self->dir, name);
	return sys_write(path, text);
}

/* a figure of the only mouse, -1 if there is none */
static long figure(const char *key)
{
	char line[256];
	long value = -1;
	size_t len = strlen(key);
	FILE *f = fopen(DEBUGFS "stats", "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, len) && line[len] == ' ')
			value = atol(line + len + 1);
	if (f)
		fclose(f);
	return value;
}

/* one report with X set to x */
static int send_x(struct _test_data_tune *self,
		  const struct _fixture_variant_tune *variant, int x)
{
	__u8 report[16] = { variant->id };

	report[variant->x] = x;
	return gadget_report_timeout(self->g, 0, report, variant->len,
				     PROBE_MS);
}

/* all that is sent comes, once and in its order */
static void expect_order(struct __test_metadata *_metadata,
			 struct _test_data_tune *self,
			 const struct _fixture_variant_tune *variant)
{
	struct evdev_ev ev[8];
	int i;

	for (i = 0; i < REPORTS; i++) {
		ASSERT_EQ(0, send_x(self, variant, 1 + i % 100));
		/* most of them in flight together */
		if (i % 10 != 9)
			continue;
		for (int j = i - 9; j <= i; j++) {
			ASSERT_EQ(1, evdev_frame(self->fd, ev, 8, FRAME_MS));
			ASSERT_EQ(EV_REL, ev[0].type);
			ASSERT_EQ(1 + j % 100, ev[0].value);
		}
	}
	ASSERT_EQ(-ETIMEDOUT, evdev_frame(self->fd, ev, 8, 50));
}

TEST_F_TIMEOUT(tune, depth, TIMEOUT(60))
{
	static const char *const good[] = { "1", "16", "3" };
	static const char *const bad[] = { "17", "-1", "many", "4294967297" };
	size_t i;

	ASSERT_EQ(variant->depth, get(self, "depth"));
	expect_order(_metadata, self, variant);
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		ASSERT_EQ(0, set(self, "depth", good[i]));
		ASSERT_EQ(atoi(good[i]), get(self, "depth"));
		EXPECT_EQ(atoi(good[i]), figure("depth"));
		expect_order(_metadata, self, variant);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_GT(0, set(self, "depth", bad[i]));
	ASSERT_EQ(3, get(self, "depth"));
	ASSERT_EQ(0, set(self, "depth", "0"));
	ASSERT_EQ(variant->depth, get(self, "depth"));
}

/* the depth changes while reports are under way */
TEST_F_TIMEOUT(tune, depth_under_load, TIMEOUT(60))
{
	__u8 report[16] = { variant->id };
	struct evdev_stream s = { 0 };
	char text[8];
	int i;

	report[variant->x] = 1;
	ASSERT_EQ(0, gadget_stream_start(self->g, 0, report, 1, variant->len,
					 125));
	for (i = 0; i < CHANGES; i++) {
		snprintf(text, sizeof(text), "%d", 1 + i * 7 % 16);
		ASSERT_EQ(0, set(self, "depth", text));
		s.n = 0;
		evdev_read(self->fd, &s, 0);
	}
	ASSERT_EQ(0, gadget_stream_stop(self->g, 0));
	usleep(100000);
	while (evdev_read(self->fd, &s, 0) > 0 || s.n)
		s.n = 0;
	evdev_stream_free(&s);
	/* what was under way when the transfers were stopped may be lost */
	EXPECT_GE(gadget_stream_sent(self->g, 0),
		  (unsigned long)figure("reports"));
	EXPECT_LE(gadget_stream_sent(self->g, 0) - 2 * CHANGES,
		  (unsigned long)figure("reports"));
	ASSERT_EQ(0, set(self, "depth", "0"));
	expect_order(_metadata, self, variant);
}

static void expect_interval(struct __test_metadata *_metadata,
			    struct _test_data_tune *self,
			    const struct _fixture_variant_tune *variant,
			    int interval)
{
	EXPECT_EQ(interval, get(self, "interval"));
	EXPECT_EQ(interval, figure("interval"));
	/* the same endpoint as the USB core sees it: "2ms", "125us" */
	if (interval % 1000)
		EXPECT_EQ(interval, get(self, "ep_81/interval"));
	expect_order(_metadata, self, variant);
}

TEST_F_TIMEOUT(tune, interval, TIMEOUT(60))
{
	bool high = !strcmp(variant->speed, "480");
	static const char *const bad[] = { "1", "124", "4096001", "x", "-1" };
	char unbind[] = "/sys/bus/usb/drivers/hrmouse/unbind";
	char name[32];
	int own = get(self, "ep_81/bInterval");
	int idle = gadget_requests(self->g, CLASS_OUT, HID_SET_IDLE, NULL);
	size_t i;

	expect_interval(_metadata, self, variant, variant->interval);
	/* exactly, rounded down, the ends */
	ASSERT_EQ(0, set(self, "interval", "2000"));
	expect_interval(_metadata, self, variant, 2000);
	/* the endpoint was added again, or xHCI would not know of it */
	EXPECT_EQ(1, gadget_requests(self->g, USB_RECIP_INTERFACE,
				     USB_REQ_SET_INTERFACE, NULL));
	/* and what the device may have forgotten by that is set */
	EXPECT_EQ(0, gadget_wait_requests(self->g, CLASS_OUT, HID_SET_IDLE,
					  idle + 1, WAIT_MS));
	ASSERT_EQ(0, set(self, "interval", "7999"));
	expect_interval(_metadata, self, variant, 4000);
	ASSERT_EQ(0, set(self, "interval", high ? "4096000" : "255000"));
	ASSERT_EQ(0, set(self, "interval", high ? "125" : "1000"));
	expect_interval(_metadata, self, variant, high ? 125 : 1000);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_GT(0, set(self, "interval", bad[i]));
	EXPECT_EQ(high ? 0 : -EINVAL, set(self, "interval", "255001"));
	/* also while nobody is there to poll for */
	close(self->fd);
	ASSERT_EQ(0, set(self, "interval", "2000"));
	EXPECT_EQ(2000, get(self, "interval"));
	self->fd = evdev_open(&self->node);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, set(self, "interval", "0"));
	expect_interval(_metadata, self, variant, variant->interval);
	EXPECT_EQ(own, get(self, "ep_81/bInterval"));

	/* the next driver finds the device's own */
	ASSERT_EQ(0, set(self, "interval", "4000"));
	EXPECT_NE(own, get(self, "ep_81/bInterval"));
	snprintf(name, sizeof(name), "%s", strrchr(self->dir, '/') + 1);
	snprintf(self->dir, sizeof(self->dir), "/sys/bus/usb/devices/%s", name);
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(0, sys_write(unbind, name));
	EXPECT_EQ(own, get(self, "ep_81/bInterval"));
	ASSERT_EQ(0, sys_write("/sys/bus/usb/drivers/hrmouse/bind", name));
	open_mouse(_metadata, self);
	expect_interval(_metadata, self, variant, variant->interval);
}

static int reset_device(struct _test_data_tune *self)
{
	char path[256], text[64];
	int bus, dev, fd, ret;

	snprintf(path, sizeof(path), "%s/../busnum", self->dir);
	ret = sys_read(path, text, sizeof(text));
	bus = atoi(text);
	snprintf(path, sizeof(path), "%s/../devnum", self->dir);
	ret = ret ?: sys_read(path, text, sizeof(text));
	dev = atoi(text);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d", bus, dev);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = ioctl(fd, USBDEVFS_RESET) ? -errno : 0;
	close(fd);
	return ret;
}

/* a reset mends what somebody has set, and tells the device all again */
TEST_F_TIMEOUT(tune, reset, TIMEOUT(60))
{
	int idle;

	/* not at first: usbhid does not either */
	EXPECT_EQ(0, gadget_requests(self->g, CLASS_OUT, HID_SET_PROTOCOL,
				     NULL));
	ASSERT_EQ(0, set(self, "interval", "4000"));
	idle = gadget_requests(self->g, CLASS_OUT, HID_SET_IDLE, NULL);
	ASSERT_EQ(0, reset_device(self));
	expect_interval(_metadata, self, variant, variant->interval);
	EXPECT_EQ(1, figure("resets"));
	EXPECT_EQ(0, gadget_wait_requests(self->g, CLASS_OUT, HID_SET_IDLE,
					  idle + 1, WAIT_MS));
	EXPECT_EQ(0, gadget_wait_requests(self->g, CLASS_OUT, HID_SET_PROTOCOL,
					  2, WAIT_MS));
	EXPECT_EQ(1, gadget_protocol(self->g, 0));
}

/* reports that nobody reads are fetched, and then forgotten */
TEST_F_TIMEOUT(tune, always_poll, TIMEOUT(60))
{
	long reports;

	ASSERT_EQ(0, get(self, "always_poll"));
	close(self->fd);
	self->fd = -1;
	ASSERT_EQ(-ETIMEDOUT, send_x(self, variant, 1));

	ASSERT_EQ(0, set(self, "always_poll", "1"));
	ASSERT_EQ(1, get(self, "always_poll"));
	reports = figure("reports");
	ASSERT_EQ(0, send_x(self, variant, 2));
	ASSERT_EQ(0, send_x(self, variant, 3));
	usleep(100000);
	EXPECT_EQ(reports + 2, figure("reports"));
	EXPECT_EQ(2, figure("dropped_old"));
	EXPECT_EQ(0, figure("events"));

	self->fd = evdev_open(&self->node);
	ASSERT_LE(0, self->fd);
	expect_order(_metadata, self, variant);
	close(self->fd);
	ASSERT_EQ(0, send_x(self, variant, 4));

	ASSERT_EQ(0, set(self, "always_poll", "0"));
	ASSERT_EQ(-ETIMEDOUT, send_x(self, variant, 5));
	EXPECT_EQ(-EINVAL, set(self, "always_poll", "maybe"));
	self->fd = evdev_open(&self->node);
	ASSERT_LE(0, self->fd);
	expect_order(_metadata, self, variant);
}

/* each cause has its figure, and no other */
TEST_F_TIMEOUT(tune, figures, TIMEOUT(60))
{
	static const char causes[][16] = {
		"dropped_empty", "dropped_short", "dropped_unknown",
		"dropped_old", "error_stall", "error_protocol",
		"error_overflow", "error_other", "error_submit", "resets",
	};
	__u8 report[16] = { variant->id };
	struct evdev_ev ev[8];
	size_t i;

	EXPECT_EQ(0, figure("reports"));
	for (i = 0; i < ARRAY_SIZE(causes); i++)
		EXPECT_EQ(0, figure(causes[i]))
			TH_LOG("%s", causes[i]);
	expect_order(_metadata, self, variant);
	EXPECT_EQ(REPORTS, figure("reports"));
	EXPECT_EQ((long)(REPORTS * variant->len), figure("bytes"));
	EXPECT_EQ(REPORTS, figure("events"));

	/* a button is a key and its scan code */
	report[variant->x - (variant->id ? 2 : 1)] = 1;
	ASSERT_EQ(0, gadget_report(self->g, 0, report, variant->len));
	report[variant->x - (variant->id ? 2 : 1)] = 0;
	ASSERT_EQ(0, gadget_report(self->g, 0, report, variant->len));
	ASSERT_EQ(2, evdev_frame(self->fd, ev, 8, FRAME_MS));
	ASSERT_EQ(2, evdev_frame(self->fd, ev, 8, FRAME_MS));
	ASSERT_EQ(0, gadget_report(self->g, 0, report, 0));
	ASSERT_EQ(0, gadget_report(self->g, 0, report, variant->len - 1));
	if (variant->id) {
		report[0] = 0x77;
		ASSERT_EQ(0, gadget_report(self->g, 0, report, variant->len));
		report[0] = variant->id;
	}
	ASSERT_EQ(0, gadget_halt(self->g, 0));
	expect_order(_metadata, self, variant);
	EXPECT_EQ(2 * REPORTS + 4, figure("events"));
	EXPECT_EQ(2 * REPORTS + 4 + !!variant->id, figure("reports"));
	EXPECT_EQ(1, figure("dropped_empty"));
	EXPECT_EQ(1, figure("dropped_short"));
	EXPECT_EQ(!!variant->id, figure("dropped_unknown"));
	EXPECT_EQ(0, figure("dropped_old"));
	/* of those in flight */
	EXPECT_LE(1, figure("error_stall"));
	EXPECT_GE(variant->depth, figure("error_stall"));
	for (i = 5; i < ARRAY_SIZE(causes); i++)
		EXPECT_EQ(0, figure(causes[i]))
			TH_LOG("%s", causes[i]);

	/* it goes with the device */
	close(self->fd);
	self->fd = -1;
	gadget_unplug(self->g);
	self->g = NULL;
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	EXPECT_EQ(-1, figure("reports"));
}

/* the sum of the histogram, and where its lower and upper ends are */
static long gaps(long *low, long *high)
{
	long from, to, count, sum = 0;
	char line[256];
	FILE *f = fopen(DEBUGFS "stats", "re");

	*low = *high = -1;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "gap %ld %ld %ld", &from, &to, &count) != 3)
			continue;
		sum += count;
		*low = *low < 0 ? from : *low;
		*high = to;
	}
	if (f)
		fclose(f);
	return sum;
}

TEST_F_TIMEOUT(tune, timing, TIMEOUT(60))
{
	long low, high;
	int i;

	ASSERT_EQ(0, send_x(self, variant, 1));
	EXPECT_EQ(0, gaps(&low, &high));
	EXPECT_GT(0, sys_write(DEBUGFS "timing", "2"));
	ASSERT_EQ(0, sys_write(DEBUGFS "timing", "1"));
	for (i = 0; i < 11; i++) {
		ASSERT_EQ(0, send_x(self, variant, 1));
		usleep(20000);
	}
	/* a pause is none of them */
	sleep(1);
	ASSERT_EQ(0, send_x(self, variant, 1));
	usleep(100000);
	EXPECT_EQ(10, gaps(&low, &high));
	EXPECT_LE(10000, figure("gap_min"));
	EXPECT_LE(figure("gap_min"), figure("gap_mean"));
	EXPECT_LE(figure("gap_mean"), figure("gap_max"));
	EXPECT_LE(low, figure("gap_min"));
	EXPECT_GE(high, figure("gap_max"));

	/* switched on again it starts anew */
	ASSERT_EQ(0, sys_write(DEBUGFS "timing", "1"));
	ASSERT_EQ(0, send_x(self, variant, 1));
	ASSERT_EQ(0, send_x(self, variant, 1));
	usleep(100000);
	EXPECT_EQ(1, gaps(&low, &high));
	ASSERT_EQ(0, sys_write(DEBUGFS "timing", "0"));
	ASSERT_EQ(0, send_x(self, variant, 1));
	usleep(100000);
	EXPECT_EQ(1, gaps(&low, &high));
}

static int trace_lines(const char *text)
{
	char line[512];
	int n = 0;
	FILE *f = fopen(TRACING "trace", "re");

	while (f && fgets(line, sizeof(line), f))
		n += !!strstr(line, text);
	if (f)
		fclose(f);
	return n;
}

TEST_F_TIMEOUT(tune, tracepoints, TIMEOUT(60))
{
	struct evdev_ev ev[8];
	char want[64];
	int fd;

	mount("tracefs", TRACING, "tracefs", 0, NULL);
	if (access(TRACING "events/hrmouse", F_OK))
		SKIP(return, "no tracepoints in this kernel, or no tracefs");
	fd = open(TRACING "trace", O_WRONLY | O_TRUNC | O_CLOEXEC);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, send_x(self, variant, 0x11));
	ASSERT_EQ(1, evdev_frame(self->fd, ev, 8, FRAME_MS));
	ASSERT_EQ(0, sys_write(TRACING "events/hrmouse/enable", "1"));
	ASSERT_EQ(0, send_x(self, variant, 0x70));
	ASSERT_EQ(1, evdev_frame(self->fd, ev, 8, FRAME_MS));
	ASSERT_EQ(0, gadget_halt(self->g, 0));
	expect_order(_metadata, self, variant);
	close(self->fd);
	self->fd = -1;
	gadget_unplug(self->g);
	self->g = NULL;
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	ASSERT_EQ(0, sys_write(TRACING "events/hrmouse/enable", "0"));

	EXPECT_EQ(REPORTS + 1, trace_lines("hrmouse_report: "));
	snprintf(want, sizeof(want), "%zu bytes: %s70", variant->len,
		 variant->id ? "02 00 00 " : "00 ");
	EXPECT_EQ(1, trace_lines(want));
	EXPECT_LE(1, trace_lines("error -32"));
	EXPECT_EQ(1, trace_lines("released"));
	/* switched off, nothing of it is left on the path */
	EXPECT_EQ(0, gaps(&(long){ 0 }, &(long){ 0 }));
}

TEST_HARNESS_MAIN
