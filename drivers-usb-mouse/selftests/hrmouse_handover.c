// SPDX-License-Identifier: GPL-2.0
/*
 * Mice move from usbhid to hrmouse when it is loaded, and back when it is
 * unloaded, while they are plugged in and used. Nothing else moves, and no
 * mouse is without a driver at any time that a test can look.
 *
 * Needs hrmouse as a module (HRMOUSE_KO names the file). Some tests want
 * usbhid as a module, too.
 */
#include <errno.h>
#include <poll.h>
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

#define WAIT_MS		8000
#define FRAME_MS	3000
#define ROUNDS		20
#define MAX_FRAME	40

/* what is plugged in: device i is on dummy_udc.i */
static const struct gadget_desc *const devices[] = {
	&dev_mouse_16, &dev_vbox_tablet, &dev_qemu_mouse, &dev_keyboard,
	&dev_composite, &dev_desktop,
};

#define DEVICES		ARRAY_SIZE(devices)

/* the interfaces, and the reports that they send */
static const struct {
	int udc;
	int ifno;
	bool mouse;		/* hrmouse's */
	size_t len;
	__u8 reports[2][16];
} parts[] = {
	{ 0, 0, true, 9, { { 2, 1, 0, 5, 0, 6, 0, 1, 1 }, { 2 } } },
	{ 1, 0, true, 8, { { 1, 1, 1, 0, 5, 0, 6 }, { 0, 0, 0, 0, 6, 0, 5 } } },
	{ 2, 0, true, 4, { { 1, 5, 6, 1 }, { 0 } } },
	{ 3, 0, false, 8, { { 0, 0, 4 }, { 0 } } },
	{ 4, 0, false, 5, { { 1, 1, 5, 6, 1 }, { 1 } } },
	{ 5, 0, false, 8, { { 0, 0, 4 }, { 0 } } },
	{ 5, 1, true, 4, { { 1, 5, 6, 1 }, { 0 } } },
};

#define PARTS		ARRAY_SIZE(parts)

struct handover {
	struct gadget *g[DEVICES];
	int devnum[DEVICES];
	struct gadget_stats stats[DEVICES];
	struct evdev_node node[PARTS];
	struct stat inode[PARTS];
	int fd[PARTS];
	bool usbhid_module;
	bool ready;
	struct klog log;
	long tainted;
};

FIXTURE(handover)
{
	struct handover h;
};

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
					 reports, 2, len, 1000));
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

FIXTURE_SETUP(handover)
{
	struct handover *h = &self->h;
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
		SKIP(return, "hrmouse is built in: it cannot come and go");
	default:
		break;
	}
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	h->usbhid_module = mod_state(&mod_usbhid) == MOD_LOADED ||
			      mod_state(&mod_usbhid) == MOD_UNLOADED;
	for (i = 0; i < DEVICES; i++) {
		/* the macro is more than one statement */
		ASSERT_EQ(0, evdev_wait_gone(i, WAIT_MS));
	}
	h->tainted = sys_tainted();
	ASSERT_EQ(0, klog_open(&h->log));
	h->ready = true;
}

FIXTURE_TEARDOWN(handover)
{
	struct handover *h = &self->h;
	char line[1024];
	size_t i;

	if (!h->ready)
		return;
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
	EXPECT_EQ(h->tainted, sys_tainted());
	EXPECT_EQ(0, klog_rewind(&h->log));
	EXPECT_FALSE(klog_trouble(&h->log, line, sizeof(line)))
		TH_LOG("%s", line);
	klog_close(&h->log);
}

TEST_F_TIMEOUT(handover, load_unload, 240)
{
	struct handover *h = &self->h;
	int n;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel to take mice from");
	ASSERT_EQ(0, sys_load_usbhid());
	plug_all(_metadata, h);
	open_and_check(_metadata, h, false, "hid-generic");
	open_and_check(_metadata, h, true, "hid-generic");
	expect_calm(_metadata, h, "usbhid", "usbhid");

	for (n = 0; n < ROUNDS; n++) {
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		expect_calm(_metadata, h, "hrmouse", "usbhid");
		expect_end(_metadata, h, true);
		open_and_check(_metadata, h, true, "hrmouse");
		check(_metadata, h, false);

		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		expect_calm(_metadata, h, "usbhid", "usbhid");
		expect_end(_metadata, h, true);
		open_and_check(_metadata, h, true, "hid-generic");
		check(_metadata, h, false);
	}
	expect_calm(_metadata, h, "usbhid", "usbhid");
}

/* a mouse that nobody has open moves as well */
TEST_F_TIMEOUT(handover, idle, 120)
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
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		expect_calm(_metadata, h, "hrmouse", "usbhid");
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		expect_calm(_metadata, h, "usbhid", "usbhid");
	}
	open_and_check(_metadata, h, true, "hid-generic");
	open_and_check(_metadata, h, false, "hid-generic");
}

/* plugged in after hrmouse came, unplugged before it goes */
TEST_F_TIMEOUT(handover, plug_then_unload, 120)
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
TEST_F_TIMEOUT(handover, storm, 240)
{
	struct handover *h = &self->h;
	size_t i;
	int n;

	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel");
	ASSERT_EQ(0, sys_load_usbhid());
	for (n = 0; n < ROUNDS; n++) {
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
TEST_F_TIMEOUT(handover, usbhid_last, 120)
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
TEST_F_TIMEOUT(handover, alone, 120)
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

TEST_HARNESS_MAIN
