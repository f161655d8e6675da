// SPDX-License-Identifier: GPL-2.0
/*
 * Mice move from usbhid to hrmouse when it is loaded, and back when it is
 * unloaded, while they are plugged in and used. Nothing else moves, and no
 * mouse is without a driver at any time that a test can look.
 *
 * Most tests need hrmouse as a module (HRMOUSE_KO names the file). Some want
 * usbhid as a module, too, and some hrmouse built in. With HRMOUSE_LONG in the
 * environment hrmouse comes and goes 200 times under load instead of 40.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "kselftest_harness.h"

#include "evdev.h"
#include "gadget.h"
#include "mice.h"
#include "sys.h"

#define WAIT_MS		(20000 * sys_slow())
#define FRAME_MS	3000
#define PERIOD_US	(4000 * sys_slow())	/* of what streams */
#define MAX_FRAME	40
#define ROUNDS		20
/*
 * of hrmouse coming and going under load; with HRMOUSE_LONG in the environment;
 * and in a kernel that checks itself, where each takes a minute
 */
#define LOAD_ROUNDS	40
#define LONG_ROUNDS	200
#define SLOW_ROUNDS	10
/* without a driver: a mouse that waits longer waits for ever */
#define MAX_GAP_MS	(20000 * sys_slow())
/* that say nothing of memory, and what may be in other hands after the rest */
#define WARM_UP		20
#define MAX_GROWTH_KB	256
/* so often the log is looked at, before it is overwritten */
#define LOG_ROUNDS	5
/* X of the reports that are counted; what streams has less */
#define FIRST_X		20
#define COUNTED		8

/* two mice, and a keyboard between them: each interface on its own */
static const struct gadget_ep ep_third[] = {
	{ .addr = 0x83, .maxp = 8, .interval = 4 },
};

static const struct gadget_if if_trio[] = {
	{
		.subclass = 1, .protocol = 2, MOUSE_RDESC(rd_qemu_mouse),
		.eps = ep_in8, .neps = 1,
	},
	{
		.subclass = 1, .protocol = 1, MOUSE_RDESC(rd_keyboard),
		.eps = ep_second, .neps = 1,
	},
	{
		.subclass = 1, .protocol = 2, MOUSE_RDESC(rd_boot_mouse),
		.eps = ep_third, .neps = 1,
	},
};

static const struct gadget_desc dev_trio = {
	.vid = 0x1209, .pid = 0xf007, .bcd_device = 0x0100,
	.manufacturer = "Three", .product = "Receiver", .serial = "7",
	.ifs = if_trio, .nifs = 3,
};

/* what is plugged in: device i is on dummy_udc.i */
static const struct gadget_desc *const devices[] = {
	&dev_mouse_16, &dev_vbox_tablet, &dev_qemu_mouse, &dev_keyboard,
	&dev_composite, &dev_desktop, &dev_trio,
};

#define DEVICES		ARRAY_SIZE(devices)

/* the interfaces, the reports that they send, and where a mouse has its X */
static const struct {
	int udc;
	int ifno;
	bool mouse;		/* hrmouse's */
	size_t len;
	__u8 reports[2][16];
	size_t x;
	__u16 type;
} parts[] = {
	{ 0, 0, true, 9, { { 2, 1, 0, 5, 0, 6, 0, 1, 1 }, { 2 } }, 3, EV_REL },
	{ 1, 0, true, 8, { { 1, 1, 1, 0, 5, 0, 6 }, { 0, 0, 0, 0, 6, 0, 5 } },
	  4, EV_ABS },
	{ 2, 0, true, 4, { { 1, 5, 6, 1 }, { 0 } }, 1, EV_REL },
	{ 3, 0, false, 8, { { 0, 0, 4 }, { 0 } } },
	{ 4, 0, true, 5, { { 1, 1, 5, 6, 1 }, { 1 } }, 2, EV_REL },
	{ 5, 0, false, 8, { { 0, 0, 4 }, { 0 } } },
	{ 5, 1, true, 4, { { 1, 5, 6, 1 }, { 0 } }, 1, EV_REL },
	{ 6, 0, true, 4, { { 1, 5, 6, 1 }, { 0 } }, 1, EV_REL },
	{ 6, 1, false, 8, { { 0, 0, 4 }, { 0 } } },
	{ 6, 2, true, 3, { { 1, 5, 6 }, { 0 } }, 1, EV_REL },
};

#define PARTS		ARRAY_SIZE(parts)

enum reader_kind {
	READ_EVENTS,
	READ_HIDRAW,
	READER_KINDS
};

/* a process that reads a part, whichever device that has at the time */
struct reader {
	pthread_t thread;
	enum reader_kind kind;
	size_t part;
	unsigned long opened;	/* devices so far */
	unsigned long reads;	/* of the one that is open */
	int error;		/* one that is not the end of a device */
};

/* somebody who looks for mice without a driver */
struct watcher {
	pthread_t thread;
	char link[PARTS][PATH_MAX];
	long gap_ms;
	size_t part;
};

struct load {
	struct reader readers[PARTS * READER_KINDS];
	size_t nreaders;	/* with a thread */
	struct watcher watcher;
	bool watched;
	bool stop;
};

/* what has to be the same before and after */
struct books {
	int usbhid;
	int hid;
	int hidraw;
	int events;
	char refs[3][32];
};

struct handover {
	struct gadget *g[DEVICES];
	int devnum[DEVICES];
	struct gadget_stats stats[DEVICES];
	struct evdev_node node[PARTS];
	struct stat inode[PARTS];
	int fd[PARTS];
	bool usbhid_module;
	bool ready;
	struct load load;
	struct klog log;
	long tainted;
};

FIXTURE(handover)
{
	struct handover h;
};

/* the event device that gets the reports: the first where there are more */
static int find_node(size_t i, struct evdev_node *node)
{
	struct evdev_node nodes[4];
	int n, k;

	n = evdev_list(parts[i].udc, parts[i].ifno, nodes, 4);
	if (!n)
		return -ENODEV;
	*node = nodes[0];
	for (k = 1; k < n; k++)
		if (nodes[k].input < node->input)
			*node = nodes[k];
	return 0;
}

/* the event device of a part is there, with this driver, and is opened */
static void open_part(struct __test_metadata *_metadata,
		      struct handover *h, size_t i,
		      const char *driver)
{
	struct evdev_node *node = &h->node[i];

	ASSERT_EQ(0, evdev_wait(parts[i].udc, parts[i].ifno, driver, WAIT_MS,
				node))
		TH_LOG("part %zu: wanted %s, there is \"%s\" (USB: \"%s\")", i,
		       driver, node->driver, node->usb_driver);
	ASSERT_EQ(0, find_node(i, node));
	ASSERT_EQ(0, stat(node->path, &h->inode[i]));
	h->fd[i] = evdev_open(node);
	ASSERT_LE(0, h->fd[i]);
}

static void close_part(struct handover *h, size_t i)
{
	if (h->fd[i] >= 0)
		close(h->fd[i]);
	h->fd[i] = -1;
}

/* the very same event device is there, and the open one is alive */
static void expect_untouched(struct __test_metadata *_metadata,
			     struct handover *h, size_t i)
{
	struct evdev_node nodes[4];
	struct stat st;
	int n, k;

	n = evdev_list(parts[i].udc, parts[i].ifno, nodes, 4);
	for (k = 0; k < n; k++)
		if (nodes[k].input == h->node[i].input &&
		    nodes[k].number == h->node[i].number)
			break;
	ASSERT_LT(k, n)
		TH_LOG("part %zu: event%d is gone", i, h->node[i].number);
	EXPECT_STREQ(h->node[i].driver, nodes[k].driver);
	ASSERT_EQ(0, stat(h->node[i].path, &st));
	EXPECT_EQ(h->inode[i].st_ino, st.st_ino);
	EXPECT_EQ(h->inode[i].st_rdev, st.st_rdev);
	EXPECT_EQ(0, ioctl(h->fd[i], EVIOCGVERSION, &k))
		TH_LOG("part %zu: %s", i, strerror(errno));
}

/* reads until there is an event, or the error that is wanted */
static int read_until(int fd, int error)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct evdev_stream s = { 0 };
	int ret = 0, i;

	for (i = 0; i < WAIT_MS / 10; i++) {
		ret = evdev_read(fd, &s, 0);
		if (ret == -EOVERFLOW)
			ret = 1;
		if (ret < 0 || (ret > 0 && !error))
			break;
		s.n = 0;
		poll(&pfd, 1, 10);
	}
	evdev_stream_free(&s);
	return ret;
}

/* what is open works, from the device to the reader */
static void expect_events(struct __test_metadata *_metadata,
			  struct handover *h, size_t i)
{
	int ret;

	/* drop what waits there, so that what comes is new */
	while (evdev_frame(h->fd[i], (struct evdev_ev[MAX_FRAME]) { { 0 } },
			   MAX_FRAME, 0) >= 0)
		;
	ret = read_until(h->fd[i], 0);
	ASSERT_LT(0, ret)
		TH_LOG("part %zu (%s, %s): %s", i, h->node[i].path,
		       h->node[i].driver, ret ? strerror(-ret) : "silence");
}

/* the devices have noticed nothing, and every interface has a driver */
static void expect_calm(struct __test_metadata *_metadata,
			struct handover *h, const char *mice,
			const char *others)
{
	struct gadget_stats now;
	char driver[32];
	size_t i;

	for (i = 0; i < PARTS; i++) {
		ASSERT_EQ(0, usb_driver(parts[i].udc, parts[i].ifno, driver,
					sizeof(driver)));
		ASSERT_STREQ(parts[i].mouse ? mice : others, driver)
			TH_LOG("part %zu", i);
	}
	for (i = 0; i < DEVICES; i++) {
		gadget_get_stats(h->g[i], &now);
		ASSERT_EQ(h->stats[i].set_config, now.set_config)
			TH_LOG("device %zu was configured again", i);
		ASSERT_EQ(h->stats[i].resets, now.resets)
			TH_LOG("device %zu was reset", i);
		ASSERT_EQ(h->devnum[i], usb_devnum(i))
			TH_LOG("device %zu was enumerated again", i);
	}
}

static void stream_part(struct __test_metadata *_metadata,
			struct handover *h, size_t i)
{
	__u8 reports[32];
	size_t len = parts[i].len;

	memcpy(reports, parts[i].reports[0], len);
	memcpy(reports + len, parts[i].reports[1], len);
	ASSERT_EQ(0, gadget_stream_start(h->g[parts[i].udc], parts[i].ifno,
					 reports, 2, len, PERIOD_US));
}

/* all devices plugged in and configured, whoever drives them */
static void plug_all(struct __test_metadata *_metadata,
		     struct handover *h)
{
	size_t i;

	for (i = 0; i < DEVICES; i++) {
		h->g[i] = gadget_plug(devices[i], i);
		ASSERT_NE(NULL, h->g[i])
			TH_LOG("device %zu: %s", i, strerror(errno));
	}
	for (i = 0; i < DEVICES; i++) {
		ASSERT_EQ(0, gadget_wait_configured(h->g[i], WAIT_MS));
		h->devnum[i] = usb_devnum(i);
		ASSERT_LT(0, h->devnum[i]);
		gadget_get_stats(h->g[i], &h->stats[i]);
	}
	for (i = 0; i < PARTS; i++)
		stream_part(_metadata, h, i);
}

/* opens the mice (or the others) with this driver and sees them work */
static void open_and_check(struct __test_metadata *_metadata,
			   struct handover *h, bool mice,
			   const char *driver)
{
	size_t i;

	for (i = 0; i < PARTS; i++)
		if (parts[i].mouse == mice)
			open_part(_metadata, h, i, driver);
	for (i = 0; i < PARTS; i++)
		if (parts[i].mouse == mice)
			expect_events(_metadata, h, i);
}

static void check(struct __test_metadata *_metadata,
		  struct handover *h, bool mice)
{
	size_t i;

	for (i = 0; i < PARTS; i++) {
		if (parts[i].mouse != mice)
			continue;
		expect_untouched(_metadata, h, i);
		expect_events(_metadata, h, i);
	}
}

/* the readers of the mice see the end of their devices */
static void expect_end(struct __test_metadata *_metadata,
		       struct handover *h, bool mice)
{
	size_t i;

	for (i = 0; i < PARTS; i++) {
		if (parts[i].mouse != mice)
			continue;
		ASSERT_EQ(-ENODEV, read_until(h->fd[i], -ENODEV))
			TH_LOG("part %zu", i);
		close_part(h, i);
	}
}

/* ---- load ---------------------------------------------------------------- */

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static unsigned long get(const unsigned long *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

static bool stopped(const struct load *load)
{
	return __atomic_load_n(&load->stop, __ATOMIC_ACQUIRE);
}

static int count_files(const char *pattern)
{
	glob_t found;
	int n;

	n = glob(pattern, 0, NULL, &found) ? 0 : found.gl_pathc;
	globfree(&found);
	return n;
}

#define HID_PATTERN "/sys/devices/platform/dummy_hcd.%d/usb*/*-1/*:1.%d/*"

static int count_hidraw(size_t part)
{
	char pattern[160];

	snprintf(pattern, sizeof(pattern), HID_PATTERN "/hidraw/hidraw*",
		 parts[part].udc, parts[part].ifno);
	return count_files(pattern);
}

/* opens what the part has to read; -1 if it has nothing */
static int open_reader(const struct reader *r)
{
	struct evdev_node node;
	char pattern[160], path[64];
	glob_t found;
	int fd = -1;

	if (r->kind == READ_EVENTS)
		return find_node(r->part, &node) ? -1 : evdev_open(&node);
	snprintf(pattern, sizeof(pattern), HID_PATTERN "/hidraw/hidraw*",
		 parts[r->part].udc, parts[r->part].ifno);
	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc) {
		snprintf(path, sizeof(path), "/dev%.40s",
			 strrchr(found.gl_pathv[0], '/'));
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	}
	globfree(&found);
	return fd;
}

struct thread_arg {
	struct load *load;
	struct reader *reader;
};

static void read_to_the_end(const struct load *load, struct reader *r, int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	while (!stopped(load)) {
		poll(&pfd, 1, 20);
		n = read(fd, buf, sizeof(buf));
		if (n > 0)
			__atomic_add_fetch(&r->reads, 1, __ATOMIC_RELEASE);
		if (n >= 0 || errno == EAGAIN || errno == EINTR)
			continue;
		/* hidraw has its own word for it */
		if (errno != ENODEV && errno != EIO)
			r->error = errno;
		return;
	}
}

static void *reader_thread(void *arg)
{
	struct thread_arg *a = arg;
	struct load *load = a->load;
	struct reader *r = a->reader;
	int fd;

	free(a);
	while (!stopped(load)) {
		fd = open_reader(r);
		if (fd < 0) {
			usleep(20000);
			continue;
		}
		__atomic_store_n(&r->reads, 0, __ATOMIC_RELEASE);
		__atomic_add_fetch(&r->opened, 1, __ATOMIC_RELEASE);
		read_to_the_end(load, r, fd);
		close(fd);
	}
	return NULL;
}

static void *watcher_thread(void *arg)
{
	struct load *load = arg;
	struct watcher *w = &load->watcher;
	long since[PARTS] = { 0 }, now;
	char target[PATH_MAX];
	size_t i;

	while (!stopped(load)) {
		now = now_ms();
		for (i = 0; i < PARTS; i++) {
			if (readlink(w->link[i], target, sizeof(target)) > 0) {
				since[i] = now;
			} else if (since[i] && now - since[i] > w->gap_ms) {
				w->gap_ms = now - since[i];
				w->part = i;
			}
		}
		usleep(10000);
	}
	return NULL;
}

static void start_load(struct __test_metadata *_metadata, struct handover *h)
{
	struct load *load = &h->load;
	struct thread_arg *arg;
	char pattern[160];
	struct reader *r;
	glob_t found;
	size_t i, kind;

	memset(load, 0, sizeof(*load));
	for (i = 0; i < PARTS; i++) {
		snprintf(pattern, sizeof(pattern),
			 "/sys/devices/platform/dummy_hcd.%d/usb*/*-1/*:1.%d",
			 parts[i].udc, parts[i].ifno);
		ASSERT_EQ(0, glob(pattern, 0, NULL, &found));
		snprintf(load->watcher.link[i], PATH_MAX, "%s/driver",
			 found.gl_pathv[0]);
		globfree(&found);
		for (kind = 0; kind < READER_KINDS; kind++) {
			if (kind == READ_HIDRAW && !count_hidraw(i))
				continue;
			r = &load->readers[load->nreaders];
			r->kind = kind;
			r->part = i;
			arg = malloc(sizeof(*arg));
			ASSERT_NE(NULL, arg);
			*arg = (struct thread_arg) { load, r };
			ASSERT_EQ(0, pthread_create(&r->thread, NULL,
						    reader_thread, arg));
			load->nreaders++;
		}
	}
	ASSERT_EQ(0, pthread_create(&load->watcher.thread, NULL,
				    watcher_thread, load));
	load->watched = true;
}

static void stop_load(struct handover *h)
{
	struct load *load = &h->load;
	size_t i;

	__atomic_store_n(&load->stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < load->nreaders; i++)
		pthread_join(load->readers[i].thread, NULL);
	if (load->watched)
		pthread_join(load->watcher.thread, NULL);
	load->nreaders = 0;
	load->watched = false;
}

/* the number of devices that this reader has had, as soon as the last sends */
static void wait_reader(struct __test_metadata *_metadata, struct reader *r,
			unsigned long opened, unsigned long reads)
{
	long end = now_ms() + WAIT_MS;
	struct evdev_node nodes[4];
	bool more;

	while (now_ms() < end &&
	       (get(&r->opened) < opened || get(&r->reads) <= reads))
		usleep(2000);
	ASSERT_LT(reads, get(&r->reads))
		TH_LOG("part %zu, %s: silence of device %lu, wanted %lu",
		       r->part, r->kind == READ_HIDRAW ? "hidraw" : "events",
		       get(&r->opened), opened);
	/* one event device goes while another of the same interface is there */
	more = evdev_list(parts[r->part].udc, parts[r->part].ifno, nodes, 4) > 1;
	ASSERT_TRUE(opened == get(&r->opened) ||
		    (more && opened < get(&r->opened)))
		TH_LOG("part %zu, %s: %lu devices, wanted %lu", r->part,
		       r->kind == READ_HIDRAW ? "hidraw" : "events",
		       get(&r->opened), opened);
	ASSERT_EQ(0, r->error)
		TH_LOG("part %zu: %s", r->part, strerror(r->error));
}

/* each report arrives, once, and in its order */
static void expect_all(struct __test_metadata *_metadata, struct handover *h,
		       size_t i)
{
	struct gadget *g = h->g[parts[i].udc];
	struct evdev_ev frame[MAX_FRAME];
	struct evdev_node node;
	__u8 report[16];
	int fd, n, k, seen = 0;

	ASSERT_EQ(0, gadget_stream_stop(g, parts[i].ifno));
	ASSERT_EQ(0, find_node(i, &node));
	fd = evdev_open(&node);
	ASSERT_LE(0, fd);
	memcpy(report, parts[i].reports[1], sizeof(report));
	for (k = 0; k < COUNTED; k++) {
		report[parts[i].x] = FIRST_X + k;
		ASSERT_EQ(0, gadget_report_timeout(g, parts[i].ifno, report,
						   parts[i].len, WAIT_MS))
			TH_LOG("part %zu: report %d is not asked for", i, k);
	}
	do {
		n = evdev_frame(fd, frame, MAX_FRAME,
				seen < COUNTED ? FRAME_MS : 20);
		for (k = 0; k < n; k++) {
			/* others are of the stream */
			if (frame[k].type != parts[i].type || frame[k].code ||
			    frame[k].value < FIRST_X)
				continue;
			ASSERT_EQ(FIRST_X + seen, frame[k].value)
				TH_LOG("part %zu", i);
			seen++;
		}
	} while (n >= 0);
	ASSERT_EQ(-ETIMEDOUT, n);
	ASSERT_EQ(COUNTED, seen)
		TH_LOG("part %zu: reports are lost", i);
	close(fd);
	stream_part(_metadata, h, i);
}

static void read_refs(const char *module, char *text, size_t size)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module);
	f = fopen(path, "re");
	if (!f || !fgets(text, size, f))
		snprintf(text, size, "built in");
	if (f)
		fclose(f);
}

static void get_books(struct books *books)
{
	memset(books, 0, sizeof(*books));
	books->usbhid = count_files("/sys/bus/usb/drivers/usbhid/*:*");
	books->hid = count_files("/sys/bus/hid/devices/*");
	books->hidraw = count_files("/sys/class/hidraw/*");
	books->events = count_files("/sys/class/input/event*");
	read_refs("hid", books->refs[0], sizeof(books->refs[0]));
	read_refs("usbhid", books->refs[1], sizeof(books->refs[1]));
	read_refs("usbcore", books->refs[2], sizeof(books->refs[2]));
}

static void expect_books(struct __test_metadata *_metadata,
			 const struct books *want)
{
	struct books got;
	int i;

	get_books(&got);
	ASSERT_EQ(want->usbhid, got.usbhid);
	ASSERT_EQ(want->hid, got.hid);
	ASSERT_EQ(want->hidraw, got.hidraw);
	ASSERT_EQ(want->events, got.events);
	for (i = 0; i < 3; i++)
		ASSERT_STREQ(want->refs[i], got.refs[i]);
	ASSERT_EQ(0, count_files("/sys/bus/usb/drivers/hrmouse"));
}

/*
 * What the kernel cannot give back of its memory, without what hangs on the
 * inodes of sysfs that whoever looked there has left in the caches
 */
static long slab_kb(void)
{
	char line[128];
	long kb = -1;
	FILE *f;

	sys_write("/proc/sys/vm/drop_caches", "2");
	f = fopen("/proc/meminfo", "re");
	while (f && kb < 0 && fgets(line, sizeof(line), f))
		if (sscanf(line, "SUnreclaim: %ld", &kb) != 1)
			kb = -1;
	if (f)
		fclose(f);
	return kb;
}

/* no trouble so far, and later only what comes from now on */
static void expect_clean(struct __test_metadata *_metadata, struct handover *h)
{
	char line[1024];

	ASSERT_FALSE(klog_trouble(&h->log, line, sizeof(line)))
		TH_LOG("%s", line);
	klog_close(&h->log);
	ASSERT_EQ(0, klog_open(&h->log));
}

/* hrmouse comes or goes: what happens to all who read, and to the lists */
static void move(struct __test_metadata *_metadata, struct handover *h,
		 bool load, const struct books *books)
{
	unsigned long opened[PARTS * READER_KINDS], reads[PARTS * READER_KINDS];
	struct reader *r;
	int mice = 0, own;
	size_t i;

	for (i = 0; i < h->load.nreaders; i++) {
		r = &h->load.readers[i];
		opened[i] = get(&r->opened);
		reads[i] = get(&r->reads);
	}
	ASSERT_EQ(0, load ? mod_load(&mod_hrmouse, NULL) :
			    mod_unload(&mod_hrmouse));
	expect_calm(_metadata, h, load ? "hrmouse" : "usbhid", "usbhid");

	for (i = 0; i < h->load.nreaders; i++) {
		r = &h->load.readers[i];
		if (!parts[r->part].mouse)
			wait_reader(_metadata, r, opened[i], reads[i]);
		else if (r->kind == READ_EVENTS || !load)
			wait_reader(_metadata, r, opened[i] + 1, 0);
	}
	for (i = 0; i < PARTS; i++)
		mice += parts[i].mouse;
	if (load) {
		ASSERT_EQ(mice, count_files("/sys/bus/usb/drivers/hrmouse/*:*"));
		ASSERT_EQ(books->usbhid - mice,
			  count_files("/sys/bus/usb/drivers/usbhid/*:*"));
		/* what is more than a mouse has a HID device of hrmouse's */
		own = count_files("/sys/bus/usb/drivers/hrmouse/*:*/0003:*");
		ASSERT_EQ(books->hid - mice + own,
			  count_files("/sys/bus/hid/devices/*"));
	} else {
		expect_books(_metadata, books);
	}
}

/* ---- tests --------------------------------------------------------------- */

static void begin(struct __test_metadata *_metadata, struct handover *h,
		  bool builtin)
{
	char why[160];
	size_t i;

	for (i = 0; i < PARTS; i++)
		h->fd[i] = -1;
	h->log.fd = -1;
	if (sys_need_gadgets(DEVICES, why, sizeof(why)))
		SKIP(return, "%s", why);
	switch (mod_state(&mod_hrmouse)) {
	case MOD_ABSENT:
		SKIP(return, "no hrmouse: set HRMOUSE_KO, or install the modules");
	case MOD_BUILTIN:
		if (!builtin)
			SKIP(return, "hrmouse is built in: it cannot come and go");
		break;
	default:
		if (builtin)
			SKIP(return, "hrmouse is not built in");
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	}
	/* stays once it was needed, and with it a reference to the module hid */
	if (system("modprobe -q hrmouse_rest"))
		TH_LOG("no hrmouse_rest in this kernel");
	h->usbhid_module = mod_state(&mod_usbhid) == MOD_LOADED ||
			      mod_state(&mod_usbhid) == MOD_UNLOADED;
	for (i = 0; i < DEVICES; i++) {
		/* the macro is more than one statement */
		ASSERT_EQ(0, evdev_wait_gone(i, WAIT_MS));
	}
	h->tainted = sys_tainted();
	ASSERT_EQ(0, klog_open(&h->log));
	sys_leaks_start();
	h->ready = true;
}

static void finish(struct __test_metadata *_metadata, struct handover *h)
{
	char line[1024];
	size_t i;

	if (!h->ready)
		return;
	stop_load(h);
	for (i = 0; i < PARTS; i++)
		close_part(h, i);
	for (i = 0; i < DEVICES; i++) {
		gadget_unplug(h->g[i]);
		EXPECT_EQ(0, evdev_wait_gone(i, WAIT_MS));
	}
	/* as a user's system has it */
	if (mod_state(&mod_usbhid) != MOD_ABSENT)
		EXPECT_EQ(0, sys_load_usbhid());
	EXPECT_EQ(0, mod_load(&mod_hrmouse, NULL));
	EXPECT_FALSE(sys_leaks(line, sizeof(line)))
		TH_LOG("%s", line);
	EXPECT_EQ(h->tainted, sys_tainted());
	EXPECT_EQ(0, klog_rewind(&h->log));
	EXPECT_FALSE(klog_trouble(&h->log, line, sizeof(line)))
		TH_LOG("%s", line);
	klog_close(&h->log);
}

FIXTURE_SETUP(handover)
{
	begin(_metadata, &self->h, false);
}

FIXTURE_TEARDOWN(handover)
{
	finish(_metadata, &self->h);
}

/* hrmouse comes and goes, and everybody reads, streams and looks meanwhile */
TEST_F_TIMEOUT(handover, load_unload, TIMEOUT(1800))
{
	struct handover *h = &self->h;
	size_t mice[PARTS], nmice = 0, i;
	struct books books;
	int n, rounds = getenv("HRMOUSE_LONG") ? LONG_ROUNDS : LOAD_ROUNDS;
	long slab = 0, end;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel to take mice from");
	if (sys_slow() > 1)
		rounds = SLOW_ROUNDS;
	ASSERT_EQ(0, sys_load_usbhid());
	plug_all(_metadata, h);
	for (i = 0; i < PARTS; i++) {
		if (parts[i].mouse)
			mice[nmice++] = i;
		open_part(_metadata, h, i, "hid-generic");
		close_part(h, i);
	}
	expect_calm(_metadata, h, "usbhid", "usbhid");
	start_load(_metadata, h);
	for (i = 0; i < h->load.nreaders; i++)
		wait_reader(_metadata, &h->load.readers[i], 1, 0);
	/* an open hidraw node holds a reference to the module hid */
	get_books(&books);

	for (n = 0; n < rounds; n++) {
		if (n == WARM_UP)
			slab = slab_kb();
		if (n % LOG_ROUNDS == 0)
			expect_clean(_metadata, h);
		move(_metadata, h, true, &books);
		expect_all(_metadata, h, mice[n % nmice]);
		move(_metadata, h, false, &books);
		expect_all(_metadata, h, mice[n % nmice]);
	}
	end = slab_kb();
	stop_load(h);
	TH_LOG("%d rounds; longest way of a mouse: %ld ms (part %zu)", n,
	       h->load.watcher.gap_ms, h->load.watcher.part);
	EXPECT_GE(MAX_GAP_MS, h->load.watcher.gap_ms);
	if (rounds <= WARM_UP)
		return;
	TH_LOG("memory after %d and after all rounds: %ld and %ld KB", WARM_UP,
	       slab, end);
	ASSERT_LT(0, slab);
	EXPECT_GE(slab + MAX_GROWTH_KB, end);
}

/* a mouse that nobody has open moves as well */
TEST_F_TIMEOUT(handover, idle, TIMEOUT(900))
{
	struct handover *h = &self->h;
	int n;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel to take mice from");
	ASSERT_EQ(0, sys_load_usbhid());
	plug_all(_metadata, h);
	for (n = 0; n < (int)PARTS; n++) {
		open_part(_metadata, h, n, "hid-generic");
		close_part(h, n);
	}
	for (n = 0; n < ROUNDS; n++) {
		if (n % LOG_ROUNDS == 0)
			expect_clean(_metadata, h);
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		expect_calm(_metadata, h, "hrmouse", "usbhid");
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		expect_calm(_metadata, h, "usbhid", "usbhid");
	}
	open_and_check(_metadata, h, true, "hid-generic");
	open_and_check(_metadata, h, false, "hid-generic");
}

/* plugged in after hrmouse came, unplugged before it goes */
TEST_F_TIMEOUT(handover, plug_then_unload, TIMEOUT(900))
{
	struct handover *h = &self->h;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel to give mice to");
	ASSERT_EQ(0, sys_load_usbhid());
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	plug_all(_metadata, h);
	open_and_check(_metadata, h, true, "hrmouse");
	open_and_check(_metadata, h, false, "hid-generic");

	/* one has to be gone from hrmouse's books */
	gadget_unplug(h->g[0]);
	h->g[0] = NULL;
	ASSERT_EQ(0, evdev_wait_gone(0, WAIT_MS));
	close_part(h, 0);
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));

	h->g[0] = gadget_plug(devices[0], 0);
	ASSERT_NE(NULL, h->g[0]);
	ASSERT_EQ(0, gadget_wait_configured(h->g[0], WAIT_MS));
	stream_part(_metadata, h, 0);
	h->devnum[0] = usb_devnum(0);
	gadget_get_stats(h->g[0], &h->stats[0]);
	open_part(_metadata, h, 0, "hid-generic");
	expect_events(_metadata, h, 0);
	expect_calm(_metadata, h, "usbhid", "usbhid");
	check(_metadata, h, false);
}

/* devices come and go while the module does */
TEST_F_TIMEOUT(handover, storm, TIMEOUT(900))
{
	struct handover *h = &self->h;
	size_t i;
	int n;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel");
	ASSERT_EQ(0, sys_load_usbhid());
	for (n = 0; n < ROUNDS; n++) {
		if (n % LOG_ROUNDS == 0)
			expect_clean(_metadata, h);
		/* in the midst of an enumeration, earlier or later */
		for (i = 0; i < DEVICES; i++) {
			h->g[i] = gadget_plug(devices[i], i);
			ASSERT_NE(NULL, h->g[i]);
		}
		usleep(150000 + n * 13000);
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		if (n & 1) {
			usleep(n * 5000);
			ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		}
		for (i = 0; i < PARTS; i++) {
			struct evdev_node node;
			const char *want = n & 1 || !parts[i].mouse ?
					   "hid-generic" : "hrmouse";

			ASSERT_EQ(0, evdev_wait(parts[i].udc, parts[i].ifno,
						want, WAIT_MS, &node))
				TH_LOG("round %d part %zu: wanted %s, got %s/%s",
				       n, i, want, node.usb_driver,
				       node.driver);
		}
		for (i = 0; i < DEVICES; i++) {
			gadget_unplug(h->g[i]);
			h->g[i] = NULL;
			if (i == DEVICES / 2)
				ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		}
	}
}

/* the reader of each mouse stays with its device */
TEST_F_TIMEOUT(handover, usbhid_last, TIMEOUT(900))
{
	struct handover *h = &self->h;
	int n;

	if (!h->usbhid_module)
		SKIP(return, "usbhid is not a module in this kernel");
	ASSERT_EQ(0, mod_unload(&mod_usbhid));
	plug_all(_metadata, h);
	expect_calm(_metadata, h, "", "");
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	expect_calm(_metadata, h, "hrmouse", "");
	open_and_check(_metadata, h, true, "hrmouse");

	for (n = 0; n < ROUNDS; n++) {
		size_t i;

		if (n % LOG_ROUNDS == 0)
			expect_clean(_metadata, h);
		ASSERT_EQ(0, sys_load_usbhid());
		expect_calm(_metadata, h, "hrmouse", "usbhid");
		open_and_check(_metadata, h, false, "hid-generic");
		check(_metadata, h, true);

		ASSERT_EQ(0, mod_unload(&mod_usbhid));
		expect_calm(_metadata, h, "hrmouse", "");
		for (i = 0; i < PARTS; i++)
			if (!parts[i].mouse)
				close_part(h, i);
		check(_metadata, h, true);
	}

	/* and the way back is still open */
	ASSERT_EQ(0, sys_load_usbhid());
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	expect_calm(_metadata, h, "usbhid", "usbhid");
	expect_end(_metadata, h, true);
	open_and_check(_metadata, h, true, "hid-generic");
}

/* without usbhid: not loaded, or not in the kernel at all */
TEST_F_TIMEOUT(handover, alone, TIMEOUT(900))
{
	struct handover *h = &self->h;
	bool absent = mod_state(&mod_usbhid) == MOD_ABSENT;
	int n;

	if (!absent && !h->usbhid_module)
		SKIP(return, "usbhid is built in");
	if (!absent)
		ASSERT_EQ(0, mod_unload(&mod_usbhid));
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	plug_all(_metadata, h);
	open_and_check(_metadata, h, true, "hrmouse");
	expect_calm(_metadata, h, "hrmouse", "");

	for (n = 0; n < ROUNDS; n++) {
		if (n % LOG_ROUNDS == 0)
			expect_clean(_metadata, h);
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		expect_end(_metadata, h, true);
		expect_calm(_metadata, h, "", "");
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		open_and_check(_metadata, h, true, "hrmouse");
		expect_calm(_metadata, h, "hrmouse", "");
	}
	if (absent)
		return;

	/* the one that comes later gets what the other left */
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	expect_end(_metadata, h, true);
	ASSERT_EQ(0, sys_load_usbhid());
	expect_calm(_metadata, h, "usbhid", "usbhid");
	open_and_check(_metadata, h, true, "hid-generic");
	open_and_check(_metadata, h, false, "hid-generic");
}

/* ---- some of them -------------------------------------------------------- */

/* parts of devices that the parameter names; a keyboard is none of them */
static bool is_ignored(size_t i)
{
	return parts[i].udc == 0 || parts[i].udc == 6;
}

/* what is to be ignored does not notice that hrmouse comes and goes */
TEST_F_TIMEOUT(handover, ignored, TIMEOUT(900))
{
	struct handover *h = &self->h;
	char driver[32], params[64];
	size_t i;
	int n;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel to leave mice to");
	ASSERT_EQ(0, sys_load_usbhid());
	plug_all(_metadata, h);
	open_and_check(_metadata, h, true, "hid-generic");
	open_and_check(_metadata, h, false, "hid-generic");
	snprintf(params, sizeof(params), "ignore=%04x:%04x,%04x:%04x",
		 devices[0]->vid, devices[0]->pid, devices[6]->vid,
		 devices[6]->pid);
	for (n = 0; n < 2; n++) {
		ASSERT_EQ(0, mod_load(&mod_hrmouse, params));
		for (i = 0; i < PARTS; i++) {
			bool moves = parts[i].mouse && !is_ignored(i);

			ASSERT_EQ(0, usb_driver(parts[i].udc, parts[i].ifno,
						driver, sizeof(driver)));
			ASSERT_STREQ(moves ? "hrmouse" : "usbhid", driver)
				TH_LOG("part %zu", i);
			if (moves) {
				ASSERT_EQ(-ENODEV, read_until(h->fd[i],
							      -ENODEV));
				close_part(h, i);
				open_part(_metadata, h, i, "hrmouse");
			} else {
				expect_untouched(_metadata, h, i);
			}
			expect_events(_metadata, h, i);
		}
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		expect_calm(_metadata, h, "usbhid", "usbhid");
		for (i = 0; i < PARTS; i++) {
			if (!parts[i].mouse || is_ignored(i)) {
				expect_untouched(_metadata, h, i);
			} else {
				close_part(h, i);
				open_part(_metadata, h, i, "hid-generic");
			}
			expect_events(_metadata, h, i);
		}
	}
}

static int bind(int udc, int ifno, const char *driver, const char *what)
{
	char path[64], pattern[160], *name;
	glob_t found;
	int ret = -ENODEV;

	snprintf(pattern, sizeof(pattern),
		 "/sys/devices/platform/dummy_hcd.%d/usb*/*-1/*:1.%d", udc,
		 ifno);
	snprintf(path, sizeof(path), "/sys/bus/usb/drivers/%s/%s", driver,
		 what);
	if (!glob(pattern, 0, NULL, &found)) {
		name = strrchr(found.gl_pathv[0], '/') + 1;
		ret = sys_write(path, name);
	}
	globfree(&found);
	return ret;
}

/* by hand, each interface of a receiver for itself: the others do not notice */
TEST_F_TIMEOUT(handover, one_by_one, TIMEOUT(900))
{
	struct handover *h = &self->h;
	static const size_t trio[] = { 7, 8, 9 };
	char driver[32];
	size_t i, k;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel");
	ASSERT_EQ(0, sys_load_usbhid());
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	plug_all(_metadata, h);
	open_and_check(_metadata, h, true, "hrmouse");
	open_and_check(_metadata, h, false, "hid-generic");

	for (i = 0; i < ARRAY_SIZE(trio); i++) {
		size_t part = trio[i];
		const char *own = parts[part].mouse ? "hrmouse" : "usbhid";
		const char *other = parts[part].mouse ? "usbhid" : "hrmouse";

		ASSERT_EQ(0, bind(6, i, own, "unbind"));
		ASSERT_EQ(-ENODEV, read_until(h->fd[part], -ENODEV));
		close_part(h, part);
		/* the wrong driver has no use for it */
		EXPECT_EQ(-ENODEV, bind(6, i, other, "bind"));
		for (k = 0; k < PARTS; k++) {
			if (k == part)
				continue;
			expect_untouched(_metadata, h, k);
			expect_events(_metadata, h, k);
		}
		/* what hrmouse refuses is usbhid's, without a word from us */
		if (parts[part].mouse) {
			ASSERT_EQ(0, usb_driver(6, i, driver, sizeof(driver)));
			ASSERT_STREQ("", driver);
			ASSERT_EQ(0, bind(6, i, own, "bind"));
		}
		open_part(_metadata, h, part, parts[part].mouse ? "hrmouse" :
								  "hid-generic");
		expect_events(_metadata, h, part);
	}

	/* what has no driver when hrmouse goes, gets none by that */
	ASSERT_EQ(0, bind(6, 0, "hrmouse", "unbind"));
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	ASSERT_EQ(0, usb_driver(6, 0, driver, sizeof(driver)));
	EXPECT_STREQ("", driver);
	ASSERT_EQ(0, bind(6, 0, "usbhid", "bind"));
	expect_calm(_metadata, h, "usbhid", "usbhid");
	expect_end(_metadata, h, true);
	open_and_check(_metadata, h, true, "hid-generic");
}

/* ---- half way ------------------------------------------------------------ */

enum lie {
	LIE_STALL,		/* no descriptor */
	LIE_SHORT,		/* half of it */
	LIE_KEYBOARD,		/* another one: no mouse */
	LIES
};

static const char *const lie_names[] = { "stalled", "short", "a keyboard" };

/*
 * A mouse that does not tell everybody what it is: requests for its report
 * descriptor are counted, and answered with a lie from one on, so many times.
 */
static struct {
	enum lie how;
	int first;
	int end;
	int count;
} liar;

static enum gadget_answer lie(struct gadget *g,
			      const struct gadget_setup *setup, __u8 *data,
			      size_t *len)
{
	(void)g;
	if (setup->type != (USB_DIR_IN | USB_RECIP_INTERFACE) ||
	    setup->request != USB_REQ_GET_DESCRIPTOR ||
	    setup->value >> 8 != HID_DESC_REPORT)
		return GADGET_DEFAULT;
	liar.count++;
	if (liar.count < liar.first || liar.count >= liar.end)
		return GADGET_DEFAULT;
	switch (liar.how) {
	case LIE_STALL:
		return GADGET_STALL;
	case LIE_SHORT:
		*len = sizeof(rd_qemu_mouse) / 2;
		memcpy(data, rd_qemu_mouse, *len);
		return GADGET_REPLY;
	default:
		*len = sizeof(rd_keyboard);
		memcpy(data, rd_keyboard, *len);
		return GADGET_REPLY;
	}
}

/* both read it once more where they do not get all of it: four times */
#define TRIES	4

/* hrmouse wants the mouse, and cannot have it: usbhid drives it as before */
TEST_F_TIMEOUT(handover, probe_fails, TIMEOUT(900))
{
	struct handover *h = &self->h;
	static const __u8 left[2][4] = { { 1 }, { 0 } };
	struct gadget_desc desc = dev_qemu_mouse;
	struct evdev_node node, again;
	struct gadget_stats stats;
	char text[1024];
	int how, plugged, fd, devnum;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel to give a mouse to");
	ASSERT_EQ(0, sys_load_usbhid());
	desc.setup = lie;
	for (how = 0; how < 2 * LIES; how++) {
		liar.how = how / 2;
		plugged = how % 2;
		/* the first to read is usbhid, also when it leaves the mouse */
		liar.first = plugged ? 3 : 2;
		liar.end = liar.first + (liar.how == LIE_KEYBOARD ? 1 : TRIES);
		liar.count = 0;

		if (!plugged)
			ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		h->g[0] = gadget_plug(&desc, 0);
		ASSERT_NE(NULL, h->g[0]);
		ASSERT_EQ(0, gadget_wait_configured(h->g[0], WAIT_MS));
		if (plugged) {
			ASSERT_EQ(0, evdev_wait(0, 0, "hid-generic", WAIT_MS,
						&node));
			ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		}
		devnum = usb_devnum(0);

		ASSERT_EQ(0, evdev_wait(0, 0, "hid-generic", WAIT_MS, &node))
			TH_LOG("%s, %s: the driver is \"%s\" (USB: \"%s\")",
			       lie_names[liar.how],
			       plugged ? "loaded later" : "plugged later",
			       node.driver, node.usb_driver);
		/* there was an attempt: the lies have been told */
		EXPECT_LE(liar.end, liar.count);
		EXPECT_EQ(0, sys_read("/sys/kernel/debug/usb/hrmouse/left",
				      text, sizeof(text)));
		EXPECT_NE(NULL, strstr(text, ":1.0: "))
			TH_LOG("left: %s", text);
		fd = evdev_open(&node);
		ASSERT_LE(0, fd);
		ASSERT_EQ(0, gadget_stream_start(h->g[0], 0, left, 2,
						 sizeof(left[0]), PERIOD_US));
		ASSERT_LT(0, read_until(fd, 0));

		/* and keeps it, also when hrmouse goes */
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		ASSERT_EQ(0, evdev_wait(0, 0, "hid-generic", WAIT_MS, &again));
		EXPECT_EQ(node.input, again.input);
		ASSERT_LT(0, read_until(fd, 0));

		/* a new hrmouse knows nothing of it */
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		ASSERT_EQ(-ENODEV, read_until(fd, -ENODEV));
		close(fd);
		ASSERT_EQ(0, evdev_wait(0, 0, "hrmouse", WAIT_MS, &node));
		fd = evdev_open(&node);
		ASSERT_LE(0, fd);
		ASSERT_LT(0, read_until(fd, 0));
		close(fd);

		gadget_get_stats(h->g[0], &stats);
		EXPECT_EQ(1U, stats.set_config);
		EXPECT_EQ(devnum, usb_devnum(0));
		gadget_unplug(h->g[0]);
		h->g[0] = NULL;
		ASSERT_EQ(0, evdev_wait_gone(0, WAIT_MS));
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	}
}

/* ---- built in ------------------------------------------------------------ */

FIXTURE(builtin)
{
	struct handover h;
};

FIXTURE_SETUP(builtin)
{
	begin(_metadata, &self->h, true);
}

FIXTURE_TEARDOWN(builtin)
{
	finish(_metadata, &self->h);
}

/* hrmouse has its mice, whether there is a usbhid, or one that comes and goes */
TEST_F_TIMEOUT(builtin, mice_stay, TIMEOUT(900))
{
	struct handover *h = &self->h;
	bool usbhid = mod_state(&mod_usbhid) == MOD_BUILTIN;
	size_t i;
	int n;

	if (h->usbhid_module)
		ASSERT_EQ(0, mod_unload(&mod_usbhid));
	plug_all(_metadata, h);
	open_and_check(_metadata, h, true, "hrmouse");
	if (usbhid)
		open_and_check(_metadata, h, false, "hid-generic");
	expect_calm(_metadata, h, "hrmouse", usbhid ? "usbhid" : "");

	for (n = 0; n < ROUNDS && h->usbhid_module; n++) {
		if (n % LOG_ROUNDS == 0)
			expect_clean(_metadata, h);
		ASSERT_EQ(0, sys_load_usbhid());
		expect_calm(_metadata, h, "hrmouse", "usbhid");
		open_and_check(_metadata, h, false, "hid-generic");
		check(_metadata, h, true);

		ASSERT_EQ(0, mod_unload(&mod_usbhid));
		expect_calm(_metadata, h, "hrmouse", "");
		for (i = 0; i < PARTS; i++)
			if (!parts[i].mouse)
				close_part(h, i);
		check(_metadata, h, true);
	}
}

TEST_HARNESS_MAIN
