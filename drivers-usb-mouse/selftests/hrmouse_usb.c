// SPDX-License-Identifier: GPL-2.0
/*
 * hrmouse against emulated USB mice: which interfaces it takes, the event
 * devices and events it makes of them, and that bad devices do no harm.
 *
 * HRMOUSE_EXPECT_DRIVER=hid-generic runs what applies to usbhid against it:
 * that proves the tests, and the frames written out here.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
#define MAX_REPORT	16
#define ROUNDS		20
#define RANDOM_REPORTS	200

static const char *expected_driver(void)
{
	const char *name = getenv("HRMOUSE_EXPECT_DRIVER");

	return name ? name : "hrmouse";
}

static bool expect_hrmouse(void)
{
	return !strcmp(expected_driver(), "hrmouse");
}

/* ---- what the mice say, and what has to come of it ---------------------- */

/*
 * A report and its frame: "s" MSC_SCAN, "k" EV_KEY, "r" EV_REL, "a" EV_ABS with
 * their code in hex. An empty frame must not be seen. A list ends without one.
 */
struct step {
	__u8 report[MAX_REPORT];
	const char *frame;
};

/* buttons, X, Y: what all plain mice share */
static const struct step steps_plain[] = {
	{ "\x01", " s90001 k110=1" },
	{ "\x01", "" },
	{ "\x03\x05\xfb", " s90002 k111=1 r0=5 r1=-5" },
	{ "\x04\x7f\x81",
	  " s90001 k110=0 s90002 k111=0 s90003 k112=1 r0=127 r1=-127" },
	{ "\x00\x00\x7f", " s90003 k112=0 r1=127" },
	{ "\x00\xff\x00", " r0=-1" },
	{ "\x00", "" },
	{ "", NULL },
};

static const struct step steps_side[] = {
	{ "\x18", " s90004 k113=1 s90005 k114=1" },
	/* the padding is of no interest */
	{ "\xe8", " s90005 k114=0" },
	{ "\x00", " s90004 k113=0" },
	{ "", NULL },
};

static const struct step steps_wheel[] = {
	{ "\x00\x00\x00\x01", " r8=1 rb=120" },
	{ "\x00\x00\x00\xff", " r8=-1 rb=-120" },
	{ "\x00\x01\xff\x7f", " r0=1 r1=-1 r8=127 rb=15240" },
	{ "\x00\x00\x00\x81", " r8=-127 rb=-15240" },
	{ "", NULL },
};

/* buttons, X, Y, wheel */
static const struct step steps_qemu_tablet[] = {
	{ "\x00\x64\x00\xc8\x00", " a0=100 a1=200" },
	{ "\x00\x64\x00\xc8\x00", "" },
	{ "\x01\x64\x00\xc9\x00", " s90001 k110=1 a1=201" },
	{ "\x00\xff\x7f\xff\x7f\xff",
	  " s90001 k110=0 a0=32767 a1=32767 r8=-1 rb=-120" },
	{ "\x06\x00\x00\x00\x00\x01",
	  " s90002 k111=1 s90003 k112=1 a0=0 a1=0 r8=1 rb=120" },
	{ "\x00", " s90002 k111=0 s90003 k112=0" },
	{ "", NULL },
};

/* buttons, wheel, AC Pan, padding, X, Y */
static const struct step steps_vbox_tablet[] = {
	{ "\x00\x00\x00\x00\x64\x00\xc8\x00", " a0=100 a1=200" },
	{ "\x00\x00\x00\xaa\x64\x00\xc8\x00", "" },
	{ "\x11\x00\x00\x00\x65\x00\xc8\x00",
	  " s90001 k110=1 s90005 k114=1 a0=101" },
	{ "\x00\x01\xff\x00\xff\x7f\x00\x00",
	  " s90001 k110=0 s90005 k114=0 r8=1 rb=120 r6=-1 rc=-120 a0=32767 a1=0" },
	{ "\x00\x81\x7f\x00\xff\x7f\x00\x00",
	  " r8=-127 rb=-15240 r6=127 rc=15240" },
	{ "", NULL },
};

/* report ID, buttons, X, Y, wheel, AC Pan */
static const struct step steps_16[] = {
	{ "\x02\x01\x80", " s90001 k110=1 s90010 k11f=1" },
	{ "\x02\x01\x80", "" },
	{ "\x02\x00\x00\xff\x7f\x01\x80",
	  " s90001 k110=0 s90010 k11f=0 r0=32767 r1=-32767" },
	{ "\x02\x00\x00\xff\xff\x2c\x01", " r0=-1 r1=300" },
	{ "\x02\x00\x00\x00\x00\x00\x00\x01\xff",
	  " r8=1 rb=120 r6=-1 rc=-120" },
	{ "\x02\x00\x01\x01\x00\x02\x00\x81\x7f",
	  " s90009 k118=1 r0=1 r1=2 r8=-127 rb=-15240 r6=127 rc=15240" },
	{ "\x02", " s90009 k118=0" },
	{ "", NULL },
};

/* buttons, X and Y in three bytes, wheel */
static const struct step steps_12[] = {
	{ "\x80\x01\xf0\xff", " s90008 k117=1 r0=1 r1=-1" },
	{ "\x80\x01\xf0\xff", " r0=1 r1=-1" },
	{ "\x80\xff\x17\x80", " r0=2047 r1=-2047" },
	{ "\x00\x01\xf8\x7f\xff",
	  " s90008 k117=0 r0=-2047 r1=2047 r8=-1 rb=-120" },
	{ "\x00\x00\x00\x10", " r1=256" },
	{ "\x00\x00\x0f\x00", " r0=-256" },
	{ "", NULL },
};

#define MAX_LISTS	3
#define MAX_STEPS	16

struct model {
	const struct gadget_desc *desc;
	size_t len;		/* of a report */
	__u8 id;		/* report ID, 0: none */
	const struct step *lists[MAX_LISTS];
};

/* all lists as one; returns the number of steps */
static size_t get_steps(const struct model *m, const struct step **steps)
{
	const struct step *s;
	size_t i, n = 0;

	for (i = 0; i < MAX_LISTS && m->lists[i]; i++)
		for (s = m->lists[i]; s->frame; s++)
			steps[n++] = s;
	return n;
}

FIXTURE(mouse)
{
	struct gadget *g;
	struct klog log;
	long tainted;
	bool reload;		/* hrmouse was taken out by the test */
	int fd;
	struct evdev_stream ref;
	struct evdev_stream got;
	struct evdev_snapshot ref_snap;
	struct evdev_snapshot got_snap;
};

FIXTURE_VARIANT(mouse)
{
	struct model m;
};

FIXTURE_VARIANT_ADD(mouse, qemu_mouse) {
	.m = { &dev_qemu_mouse, 4, 0,
	       { steps_plain, steps_side, steps_wheel } },
};

FIXTURE_VARIANT_ADD(mouse, qemu_mouse_old) {
	.m = { &dev_qemu_mouse_3, 4, 0,
	       { steps_plain, steps_wheel } },
};

FIXTURE_VARIANT_ADD(mouse, qemu_tablet) {
	.m = { &dev_qemu_tablet, 6, 0,
	       { steps_qemu_tablet } },
};

FIXTURE_VARIANT_ADD(mouse, qemu_tablet_old) {
	.m = { &dev_qemu_tablet_3, 6, 0,
	       { steps_qemu_tablet } },
};

FIXTURE_VARIANT_ADD(mouse, vbox_mouse) {
	.m = { &dev_vbox_mouse, 4, 0,
	       { steps_plain, steps_side, steps_wheel } },
};

FIXTURE_VARIANT_ADD(mouse, vbox_tablet) {
	.m = { &dev_vbox_tablet, 8, 0,
	       { steps_vbox_tablet } },
};

FIXTURE_VARIANT_ADD(mouse, boot_mouse) {
	.m = { &dev_boot_mouse, 3, 0,
	       { steps_plain } },
};

FIXTURE_VARIANT_ADD(mouse, buttons_16) {
	.m = { &dev_mouse_16, 9, 2,
	       { steps_16 } },
};

FIXTURE_VARIANT_ADD(mouse, axes_12) {
	.m = { &dev_mouse_12, 5, 0,
	       { steps_12 } },
};

/*
 * Both fixtures start from an idle bus and a loaded driver, and end with a
 * kernel that has nothing to complain about.
 */
static void begin(struct __test_metadata *_metadata, struct klog *log,
		  long *tainted)
{
	char why[160];

	log->fd = -1;
	if (sys_need_gadgets(1, why, sizeof(why)))
		SKIP(return, "%s", why);
	if (expect_hrmouse()) {
		if (mod_state(&mod_hrmouse) == MOD_ABSENT)
			SKIP(return, "no hrmouse: set HRMOUSE_KO, or install the modules");
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	} else if (mod_state(&mod_hrmouse) == MOD_BUILTIN) {
		SKIP(return, "hrmouse is built in: cannot test usbhid");
	} else {
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		if (mod_state(&mod_usbhid) == MOD_ABSENT)
			SKIP(return, "no usbhid in this kernel");
		ASSERT_EQ(0, sys_load_usbhid());
	}
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	*tainted = sys_tainted();
	ASSERT_EQ(0, klog_open(log));
}

static void finish(struct __test_metadata *_metadata, struct klog *log,
		   long tainted)
{
	char line[1024];

	if (log->fd < 0)
		return;
	EXPECT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	EXPECT_EQ(tainted, sys_tainted());
	EXPECT_EQ(0, klog_rewind(log));
	EXPECT_FALSE(klog_trouble(log, line, sizeof(line)))
		TH_LOG("%s", line);
	klog_close(log);
}

FIXTURE_SETUP(mouse)
{
	self->fd = -1;
	begin(_metadata, &self->log, &self->tainted);
}

FIXTURE_TEARDOWN(mouse)
{
	if (self->fd >= 0)
		close(self->fd);
	gadget_unplug(self->g);
	evdev_stream_free(&self->ref);
	evdev_stream_free(&self->got);
	finish(_metadata, &self->log, self->tainted);
	if (self->reload)
		EXPECT_EQ(0, mod_load(&mod_hrmouse, NULL));
}

/* plugs the mouse in; it has to be at work with the wanted driver */
static struct gadget *plug(struct __test_metadata *_metadata,
			   const struct gadget_desc *desc, const char *driver,
			   struct evdev_node *node, int *fd)
{
	struct gadget *g;

	g = gadget_plug(desc, UDC);
	ASSERT_NE(NULL, g)
		TH_LOG("cannot be plugged in: %s", strerror(errno));
	ASSERT_EQ(0, gadget_wait_configured(g, WAIT_MS));
	ASSERT_EQ(0, evdev_wait(UDC, 0, driver, WAIT_MS, node))
		TH_LOG("wanted %s, there is \"%s\" (USB: \"%s\")", driver,
		       node->driver, node->usb_driver);
	*fd = evdev_open(node);
	ASSERT_LE(0, *fd);
	return g;
}

#define MAX_FRAME	40

/* the next frame as text; the same result as evdev_frame() */
static int read_frame(int fd, int ms, char *text, size_t size)
{
	struct evdev_ev ev[MAX_FRAME];
	size_t used = 0;
	int n, i;

	text[0] = '\0';
	n = evdev_frame(fd, ev, MAX_FRAME, ms);
	for (i = 0; i < n && used < size; i++) {
		if (ev[i].type == EV_MSC && ev[i].code == MSC_SCAN)
			used += snprintf(text + used, size - used, " s%x",
					 ev[i].value);
		else if (ev[i].type >= EV_KEY && ev[i].type <= EV_ABS)
			used += snprintf(text + used, size - used, " %c%x=%d",
					 " kra"[ev[i].type], ev[i].code,
					 ev[i].value);
		else
			used += snprintf(text + used, size - used, " ?%x/%x=%d",
					 ev[i].type, ev[i].code, ev[i].value);
	}
	return n;
}

static void expect_frame(struct __test_metadata *_metadata, int fd,
			 const char *want, size_t index)
{
	char text[1024];
	int n;

	n = read_frame(fd, FRAME_MS, text, sizeof(text));
	ASSERT_LT(0, n)
		TH_LOG("report %zu: %s instead of%s", index,
		       n ? strerror(-n) : "empty frame", want);
	ASSERT_STREQ(want, text)
		TH_LOG("report %zu", index);
}

static void expect_quiet(struct __test_metadata *_metadata, int fd)
{
	char text[1024];
	int n;

	n = read_frame(fd, QUIET_MS, text, sizeof(text));
	ASSERT_EQ(-ETIMEDOUT, n)
		TH_LOG("unexpected frame:%s", text);
}

/* the reports of the steps, then random ones */
static void play(struct __test_metadata *_metadata, struct gadget *g, int fd,
		 const struct model *m, struct evdev_stream *stream)
{
	const struct step *steps[MAX_STEPS];
	size_t nsteps = get_steps(m, steps);
	__u8 report[MAX_REPORT];
	__u32 seed = 1;
	size_t i, n;

	for (i = 0; i < nsteps + RANDOM_REPORTS; i++) {
		if (i < nsteps) {
			memcpy(report, steps[i]->report, m->len);
		} else {
			for (n = 0; n < m->len; n++) {
				seed = seed * 1103515245 + 12345;
				report[n] = seed >> 16;
			}
			if (m->id)
				report[0] = m->id;
		}
		ASSERT_EQ(0, gadget_report_timeout(g, 0, report, m->len,
						   WAIT_MS));
		ASSERT_LE(0, evdev_read(fd, stream, 0));
	}
	ASSERT_LE(0, evdev_read(fd, stream, QUIET_MS));
}

TEST_F_TIMEOUT(mouse, bound, TIMEOUT(30))
{
	const struct gadget_desc *desc = variant->m.desc;
	char usb[32];
	struct evdev_node node, more[2];
	struct gadget_request last;
	struct input_id id;

	self->g = plug(_metadata, variant->m.desc, expected_driver(), &node,
		       &self->fd);
	ASSERT_EQ(0, usb_driver(UDC, 0, usb, sizeof(usb)));
	EXPECT_STREQ(expect_hrmouse() ? "hrmouse" : "usbhid", usb);
	EXPECT_EQ(1, evdev_list(UDC, -1, more, 2));

	ASSERT_EQ(0, ioctl(self->fd, EVIOCGID, &id));
	EXPECT_EQ(BUS_USB, id.bustype);
	EXPECT_EQ(desc->vid, id.vendor);
	EXPECT_EQ(desc->pid, id.product);
	/* not bcdDevice: usbhid overwrites it */
	EXPECT_EQ(desc->ifs[0].bcd_hid ?: 0x0111, id.version);

	/* the gadget itself: a real VirtualBox stalls this */
	if (gadget_requests(self->g, USB_TYPE_CLASS | USB_RECIP_INTERFACE,
			    HID_SET_IDLE, &last))
		EXPECT_EQ(!!(desc->ifs[0].flags & GADGET_STALL_CLASS),
			  last.stalled);
	EXPECT_EQ(1, gadget_protocol(self->g, 0));
	if (expect_hrmouse()) {
		EXPECT_EQ(0, klog_rewind(&self->log));
		EXPECT_EQ(1, klog_count(&self->log, "hrmouse ", ":1."));
	}
}

TEST_F_TIMEOUT(mouse, parity, TIMEOUT(120))
{
	struct evdev_node node;
	char text[1024];

	if (expect_hrmouse()) {
		if (mod_state(&mod_hrmouse) == MOD_BUILTIN)
			SKIP(return, "hrmouse is built in: usbhid gets no mouse to compare with");
		if (mod_state(&mod_usbhid) == MOD_ABSENT)
			SKIP(return, "no usbhid to compare with");
		ASSERT_EQ(0, sys_load_usbhid());
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		self->reload = true;
	}
	self->g = plug(_metadata, variant->m.desc, "hid-generic", &node,
		       &self->fd);
	ASSERT_EQ(0, evdev_snap(self->fd, &node, &self->ref_snap));
	play(_metadata, self->g, self->fd, &variant->m, &self->ref);
	close(self->fd);
	self->fd = -1;
	gadget_unplug(self->g);
	self->g = NULL;
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));

	if (self->reload) {
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		self->reload = false;
	}
	self->g = plug(_metadata, variant->m.desc, expected_driver(), &node,
		       &self->fd);
	ASSERT_EQ(0, evdev_snap(self->fd, &node, &self->got_snap));
	play(_metadata, self->g, self->fd, &variant->m, &self->got);

	/* an oracle that says nothing proves nothing */
	ASSERT_LT((size_t)RANDOM_REPORTS, self->ref.n);
	ASSERT_LT(0U, self->ref_snap.nkeys);
	EXPECT_EQ(0, evdev_compare(&self->ref_snap, &self->got_snap, text,
				   sizeof(text)))
		TH_LOG("hid-generic, %s: %s", expected_driver(), text);
	EXPECT_TRUE(evdev_stream_equal(&self->ref, &self->got, text,
				       sizeof(text)))
		TH_LOG("hid-generic, %s: %s", expected_driver(), text);
}

static void read_all(const char *name, char *text, size_t size)
{
	char path[128];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/kernel/debug/usb/hrmouse/%s", name);
	f = fopen(path, "re");
	if (f) {
		n = fread(text, 1, size - 1, f);
		fclose(f);
	}
	text[n] = '\0';
}

/* What a person finds in debugfs is what the device has sent */
TEST_F_TIMEOUT(mouse, debugfs, TIMEOUT(30))
{
	const struct gadget_desc *desc = variant->m.desc;
	static char rdesc[4096], plan[16384], expected[4096];
	struct evdev_node node;
	size_t i, n = 0;
	const char *text;

	if (!expect_hrmouse())
		SKIP(return, "this is about hrmouse");
	self->g = plug(_metadata, desc, "hrmouse", &node, &self->fd);
	read_all("rdesc", rdesc, sizeof(rdesc));
	read_all("plan", plan, sizeof(plan));
	text = strchr(rdesc, '\n');
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(rdesc, ":1.0: "));

	for (i = 0; i < desc->ifs[0].rdesc_len; i++)
		n += snprintf(expected + n, sizeof(expected) - n, "%02x%c",
			      desc->ifs[0].rdesc[i],
			      i % 16 == 15 || i + 1 == desc->ifs[0].rdesc_len ?
			      '\n' : ' ');
	n += snprintf(expected + n, sizeof(expected) - n, "\n");
	EXPECT_STREQ(expected, text + 1);
	EXPECT_NE(NULL, strstr(plan, "  buttons: bit "));
	EXPECT_NE(NULL, strstr(plan, "key 0: usage 00090001, code 0x110\n"));
	snprintf(expected, sizeof(expected), "report %u: %zu bytes, to input",
		 variant->m.id, variant->m.len - !!variant->m.id);
	EXPECT_NE(NULL, strstr(plan, expected))
		TH_LOG("%s", plan);

	/* It goes with the device */
	gadget_unplug(self->g);
	self->g = NULL;
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
	read_all("plan", plan, sizeof(plan));
	EXPECT_STREQ("", plan);
}

TEST_F_TIMEOUT(mouse, frames, TIMEOUT(30))
{
	const struct model *m = &variant->m;
	const struct step *steps[MAX_STEPS];
	size_t nsteps = get_steps(m, steps);
	struct evdev_node node;
	size_t i;

	self->g = plug(_metadata, m->desc, expected_driver(), &node,
		       &self->fd);
	for (i = 0; i < nsteps; i++) {
		ASSERT_EQ(0, gadget_report_timeout(self->g, 0, steps[i]->report,
						   m->len, WAIT_MS));
		/* a frame that must not be is seen instead of the next one */
		if (*steps[i]->frame)
			expect_frame(_metadata, self->fd, steps[i]->frame, i);
	}
	expect_quiet(_metadata, self->fd);
}

TEST_F_TIMEOUT(mouse, halted, TIMEOUT(30))
{
	const struct model *m = &variant->m;
	const struct step *first = &m->lists[0][0];
	const struct step *next = &m->lists[0][2];
	struct evdev_node node;

	self->g = plug(_metadata, m->desc, expected_driver(), &node,
		       &self->fd);
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, first->report, m->len,
					   WAIT_MS));
	expect_frame(_metadata, self->fd, first->frame, 0);

	/* the driver has to clear it, or there will be no more reports */
	ASSERT_EQ(0, gadget_halt(self->g, 0));
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, next->report, m->len,
					   WAIT_MS));
	expect_frame(_metadata, self->fd, next->frame, 2);
	expect_quiet(_metadata, self->fd);
}

/* what no device should send, each kind count times */
static void send_bad(struct __test_metadata *_metadata, struct gadget *g,
		     const struct model *m, const __u8 *good, int count)
{
	__u8 bad[64];
	int i;

	memset(bad, 0x55, sizeof(bad));
	memcpy(bad, good, m->len);
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, gadget_report_timeout(g, 0, bad, 0, WAIT_MS));
		ASSERT_EQ(0, gadget_report_timeout(g, 0, bad, 1, WAIT_MS));
		ASSERT_EQ(0, gadget_report_timeout(g, 0, bad, m->len - 1,
						   WAIT_MS));
		ASSERT_EQ(0, gadget_report_timeout(g, 0, bad, m->len + 1,
						   WAIT_MS));
		ASSERT_EQ(0, gadget_report_timeout(g, 0, bad, sizeof(bad) - 1,
						   WAIT_MS));
		if (!m->id)
			continue;
		bad[0] = m->id + 1;
		ASSERT_EQ(0, gadget_report_timeout(g, 0, bad, m->len, WAIT_MS));
		bad[0] = 0;
		ASSERT_EQ(0, gadget_report_timeout(g, 0, bad, m->len, WAIT_MS));
		bad[0] = 0xff;
		ASSERT_EQ(0, gadget_report_timeout(g, 0, bad, m->len, WAIT_MS));
		bad[0] = m->id;
	}
}

TEST_F_TIMEOUT(mouse, bad_reports, TIMEOUT(60))
{
	/* one packet holds them: longer than asked for is babble */
	const struct model *m = &variant->m;
	struct gadget_if gif = m->desc->ifs[0];
	const struct step *first = &m->lists[0][0];
	const struct step *next = &m->lists[0][2];
	struct gadget_desc desc = *m->desc;
	struct evdev_node node;
	int lines;

	gif.eps = ep_in64;
	desc.ifs = &gif;
	if (desc.speed == USB_SPEED_LOW)
		desc.speed = USB_SPEED_FULL;
	self->g = plug(_metadata, &desc, expected_driver(), &node, &self->fd);
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, first->report, m->len,
					   WAIT_MS));
	expect_frame(_metadata, self->fd, first->frame, 0);

	klog_rewind(&self->log);
	klog_count(&self->log, "", NULL);
	send_bad(_metadata, self->g, m, next->report, 1);
	expect_quiet(_metadata, self->fd);
	lines = klog_count(&self->log, "hrmouse ", ":1.");
	EXPECT_LE(0, lines);
	/* too short, too long, unknown ID */
	EXPECT_GE(3, lines);

	/* a broken device does not fill the log */
	send_bad(_metadata, self->g, m, next->report, 20);
	expect_quiet(_metadata, self->fd);
	if (expect_hrmouse())
		EXPECT_EQ(0, klog_count(&self->log, "hrmouse ", ":1."));

	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, next->report, m->len,
					   WAIT_MS));
	expect_frame(_metadata, self->fd, next->frame, 2);
	expect_quiet(_metadata, self->fd);
}

/* ---- all mice at once, coming and going ---------------------------------- */

static const struct {
	const struct gadget_desc *desc;
	size_t len;
	__u8 reports[2][MAX_REPORT];
} crowd_list[] = {
	{ &dev_qemu_mouse, 4, { "\x01\x05\xfb\x01", "" } },
	{ &dev_qemu_tablet, 6, { "\x01\x05\x00\x06\x00\x01", "" } },
	{ &dev_vbox_mouse, 4, { "\x01\x05\xfb\x01", "" } },
	{ &dev_vbox_tablet, 8, { "\x01\x01\x01\x00\x05\x00\x06", "" } },
	{ &dev_mouse_16, 9, { "\x02\x00\x01\x05\x00\x06\x00\x01", "\x02" } },
	{ &dev_mouse_12, 5, { "\x01\x05\x60\x00\x01", "" } },
};

#define CROWD		ARRAY_SIZE(crowd_list)
#define CROWD_FRAMES	5

struct crowd {
	struct gadget *g[CROWD];
	int fd[CROWD];
	struct klog log;
	long tainted;
};

FIXTURE(crowd)
{
	struct crowd c;
};

FIXTURE_SETUP(crowd)
{
	struct crowd *c = &self->c;
	char why[160];
	size_t i;

	for (i = 0; i < CROWD; i++)
		c->fd[i] = -1;
	c->log.fd = -1;
	if (sys_need_gadgets(CROWD, why, sizeof(why)))
		SKIP(return, "%s", why);
	begin(_metadata, &c->log, &c->tainted);
}

FIXTURE_TEARDOWN(crowd)
{
	struct crowd *c = &self->c;
	size_t i;

	for (i = 0; i < CROWD; i++) {
		if (c->fd[i] >= 0)
			close(c->fd[i]);
		gadget_unplug(c->g[i]);
		EXPECT_EQ(0, evdev_wait_gone(i, WAIT_MS));
	}
	finish(_metadata, &c->log, c->tainted);
}

static void plug_crowd(struct __test_metadata *_metadata,
		       struct crowd *c)
{
	struct evdev_node node;
	size_t i;

	for (i = 0; i < CROWD; i++) {
		c->g[i] = gadget_plug(crowd_list[i].desc, i);
		ASSERT_NE(NULL, c->g[i])
			TH_LOG("mouse %zu: %s", i, strerror(errno));
	}
	for (i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, gadget_wait_configured(c->g[i], WAIT_MS));
		ASSERT_EQ(0, evdev_wait(i, 0, expected_driver(), WAIT_MS,
					&node))
			TH_LOG("mouse %zu: wanted %s, there is \"%s\"", i,
			       expected_driver(), node.driver);
		c->fd[i] = evdev_open(&node);
		ASSERT_LE(0, c->fd[i]);
	}
}

/* reads until the device is gone */
static int read_to_end(int fd)
{
	struct evdev_stream s = { 0 };
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret = 0, i;

	for (i = 0; i < WAIT_MS / 10; i++) {
		ret = evdev_read(fd, &s, 0);
		if (ret < 0 && ret != -EOVERFLOW)
			break;
		s.n = 0;
		poll(&pfd, 1, 10);
	}
	evdev_stream_free(&s);
	return ret;
}

TEST_F_TIMEOUT(crowd, hot_unplug, TIMEOUT(300))
{
	struct crowd *c = &self->c;
	struct evdev_ev frame[MAX_FRAME];
	__u8 reports[2 * MAX_REPORT];
	size_t i, len;
	int n, ret;

	for (n = 0; n < ROUNDS; n++) {
		plug_crowd(_metadata, c);
		for (i = 0; i < CROWD; i++) {
			len = crowd_list[i].len;
			memcpy(reports, crowd_list[i].reports[0], len);
			memcpy(reports + len, crowd_list[i].reports[1], len);
			ASSERT_EQ(0, gadget_stream_start(c->g[i], 0, reports,
							 2, len, 0));
		}
		/* they do flow; the moment of unplugging varies */
		for (i = 0; i < CROWD * CROWD_FRAMES; i++) {
			ret = evdev_frame(c->fd[i / CROWD_FRAMES], frame,
					  MAX_FRAME, FRAME_MS);
			/* nobody reads while another mouse has its turn */
			ASSERT_TRUE(ret > 0 || ret == -EOVERFLOW)
				TH_LOG("round %d: mouse %zu: %s", n,
				       i / CROWD_FRAMES,
				       ret ? strerror(-ret) : "empty frame");
		}
		usleep(n * 700);
		for (i = 0; i < CROWD; i++) {
			gadget_unplug(c->g[i]);
			c->g[i] = NULL;
		}
		for (i = 0; i < CROWD; i++) {
			ASSERT_EQ(-ENODEV, read_to_end(c->fd[i]));
			close(c->fd[i]);
			c->fd[i] = -1;
		}
	}

	/* and they work as on the first day */
	plug_crowd(_metadata, c);
	for (i = 0; i < CROWD; i++) {
		ASSERT_EQ(0, gadget_report_timeout(c->g[i], 0,
						   crowd_list[i].reports[0],
						   crowd_list[i].len, WAIT_MS));
		ASSERT_LT(0, evdev_frame(c->fd[i], frame, MAX_FRAME,
					 FRAME_MS));
	}
}

/* ---- interfaces that are not hrmouse's ---------------------------------- */

FIXTURE(other)
{
	struct gadget *g;
	struct klog log;
	long tainted;
	int fd;
};

FIXTURE_SETUP(other)
{
	self->fd = -1;
	begin(_metadata, &self->log, &self->tainted);
	if (mod_state(&mod_usbhid) == MOD_ABSENT)
		SKIP(return, "no usbhid in this kernel to keep the interface");
	ASSERT_EQ(0, sys_load_usbhid());
}

FIXTURE_TEARDOWN(other)
{
	if (self->fd >= 0)
		close(self->fd);
	gadget_unplug(self->g);
	finish(_metadata, &self->log, self->tainted);
}

/* debugfs says of the only interface that is left to usbhid why it is */
static void expect_left(struct __test_metadata *_metadata, const char *why)
{
	char line[128] = "", more[128] = "";
	const char *found;
	FILE *f;

	if (!expect_hrmouse())
		return;
	f = fopen("/sys/kernel/debug/usb/hrmouse/left", "re");
	ASSERT_NE(NULL, f);
	EXPECT_NE(NULL, fgets(line, sizeof(line), f));
	EXPECT_EQ(NULL, fgets(more, sizeof(more), f));
	fclose(f);
	line[strcspn(line, "\n")] = '\0';
	found = strstr(line, ":1.0: ");
	ASSERT_NE(NULL, found);
	EXPECT_STREQ(why, found + strlen(":1.0: "));
}

/* The first entry is not an id, and hinders nothing */
TEST_F_TIMEOUT(other, ignored, TIMEOUT(30))
{
	static const __u8 left[3] = { 1 };
	struct evdev_node node;
	char params[64];

	if (!expect_hrmouse() || mod_state(&mod_hrmouse) == MOD_BUILTIN)
		SKIP(return, "hrmouse is not a module that is to be tested");
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	snprintf(params, sizeof(params), "ignore=what:12345,%04x:%04x",
		 dev_boot_mouse.vid, dev_boot_mouse.pid);
	ASSERT_EQ(0, mod_load(&mod_hrmouse, params));
	EXPECT_EQ(1, klog_count(&self->log, "ignore=what:12345: this is not",
				NULL));

	self->g = plug(_metadata, &dev_boot_mouse, "hid-generic", &node,
		       &self->fd);
	EXPECT_STREQ("usbhid", node.usb_driver);
	expect_left(_metadata, "the parameter ignore names the device");
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, left, sizeof(left),
					   WAIT_MS));
	expect_frame(_metadata, self->fd, " s90001 k110=1", 0);

	/* Without the parameter it is hrmouse's */
	ASSERT_EQ(0, mod_unload(&mod_hrmouse));
	ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
	EXPECT_EQ(0, evdev_wait(UDC, 0, "hrmouse", WAIT_MS, &node));
}

TEST_F_TIMEOUT(other, keyboard, TIMEOUT(30))
{
	static const __u8 a_down[8] = { 0, 0, 4 };
	struct evdev_node node;

	self->g = plug(_metadata, &dev_keyboard, "hid-generic", &node,
		       &self->fd);
	EXPECT_STREQ("usbhid", node.usb_driver);
	expect_left(_metadata, "no mouse");
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, a_down, sizeof(a_down),
					   WAIT_MS));
	expect_frame(_metadata, self->fd, " s70004 k1e=1", 0);
}

TEST_F_TIMEOUT(other, composite, TIMEOUT(30))
{
	static const __u8 move[] = { 1, 0, 3, 0xfd, 0 };
	struct evdev_node nodes[4];
	bool done = false;
	int i, n, fd;

	self->g = plug(_metadata, &dev_composite, expected_driver(), &nodes[0],
		       &self->fd);
	n = evdev_list(UDC, 0, nodes, 4);
	ASSERT_EQ(2, n);
	for (i = 0; i < n; i++) {
		__u8 rel[REL_CNT / 8 + 1] = { 0 };

		/* with a HID device of its own */
		EXPECT_STREQ(expect_hrmouse() ? "hrmouse" : "usbhid",
			     nodes[i].usb_driver);
		fd = evdev_open(&nodes[i]);
		ASSERT_LE(0, fd);
		ioctl(fd, EVIOCGBIT(EV_REL, sizeof(rel)), rel);
		if (rel[0] & 1 << REL_X) {
			ASSERT_EQ(0, gadget_report_timeout(self->g, 0, move,
							   sizeof(move),
							   WAIT_MS));
			expect_frame(_metadata, fd, " r0=3 r1=-3", 0);
			done = true;
		}
		close(fd);
	}
	EXPECT_TRUE(done);
}

TEST_F_TIMEOUT(other, desktop, TIMEOUT(30))
{
	static const __u8 left[4] = { 1 };
	struct evdev_node node;
	int fd;

	self->g = plug(_metadata, &dev_desktop, "hid-generic", &node,
		       &self->fd);
	EXPECT_STREQ("usbhid", node.usb_driver);
	expect_left(_metadata, "no mouse");
	ASSERT_EQ(0, evdev_wait(UDC, 1, expected_driver(), WAIT_MS, &node));
	fd = evdev_open(&node);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, gadget_report_timeout(self->g, 1, left, sizeof(left),
					   WAIT_MS));
	expect_frame(_metadata, fd, " s90001 k110=1", 0);
	close(fd);
}

/* ---- no HID core to leave anything to ------------------------------------ */

FIXTURE(alone)
{
	struct gadget *g;
	struct klog log;
	long tainted;
	int fd;
};

FIXTURE_SETUP(alone)
{
	self->fd = -1;
	begin(_metadata, &self->log, &self->tainted);
	if (mod_state(&mod_usbhid) != MOD_ABSENT || !access("/sys/bus/hid", F_OK))
		SKIP(return, "this kernel has a HID core");
}

FIXTURE_TEARDOWN(alone)
{
	if (self->fd >= 0)
		close(self->fd);
	gadget_unplug(self->g);
	finish(_metadata, &self->log, self->tainted);
}

/* the mouse of a composite interface works, and the rest is nobody's */
TEST_F_TIMEOUT(alone, composite, TIMEOUT(30))
{
	static const __u8 key[] = { 2, 0xe9, 0 }, move[] = { 1, 1, 3, 0xfd, 0 };
	struct evdev_node nodes[4];

	self->g = plug(_metadata, &dev_composite, expected_driver(), &nodes[0],
		       &self->fd);
	EXPECT_EQ(1, evdev_list(UDC, 0, nodes, 4));
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, key, sizeof(key),
					   WAIT_MS));
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, move, sizeof(move),
					   WAIT_MS));
	expect_frame(_metadata, self->fd, " s90001 k110=1 r0=3 r1=-3", 0);
}

/* ---- devices that lie --------------------------------------------------- */

FIXTURE(broken)
{
	struct gadget *g;
	struct klog log;
	long tainted;
	bool reload;
	struct evdev_snapshot alone;
	struct evdev_snapshot both;
};

FIXTURE_VARIANT(broken)
{
	struct gadget_if gif;
};

/* a descriptor that is itself the trouble */
#define BROKEN_RDESC(bytes) { \
	.subclass = 1, .protocol = 2, .eps = ep_in8, .neps = 1, \
	.rdesc = (const __u8 *)(bytes), .rdesc_len = sizeof(bytes) - 1, \
}

/* a good descriptor, and the interface is the trouble */
#define BROKEN_IF(...) { \
	.subclass = 1, .protocol = 2, .eps = ep_in8, .neps = 1, \
	MOUSE_RDESC(rd_qemu_mouse), __VA_ARGS__ \
}

/* parts of good ones: Mouse, Pointer; three buttons and padding; X and Y */
#define MOUSE_HEAD	"\x05\x01\x09\x02\xa1\x01\x09\x01\xa1\x00"
#define BUTTONS		"\x05\x09\x19\x01\x29\x03\x15\x00\x25\x01" \
			"\x75\x01\x95\x03\x81\x02\x75\x05\x95\x01\x81\x01"
#define AXES		"\x05\x01\x09\x30\x09\x31\x15\x81\x25\x7f" \
			"\x75\x08\x95\x02\x81\x06"
#define MOUSE_TAIL	"\xc0\xc0"

FIXTURE_VARIANT_ADD(broken, truncated_item) {
	.gif = BROKEN_RDESC(MOUSE_HEAD BUTTONS AXES "\xc0\xc0\x27\xff\x7f"),
};

FIXTURE_VARIANT_ADD(broken, collection_open) {
	.gif = BROKEN_RDESC(MOUSE_HEAD BUTTONS AXES "\xc0"),
};

FIXTURE_VARIANT_ADD(broken, collection_closed_twice) {
	.gif = BROKEN_RDESC(MOUSE_HEAD BUTTONS AXES MOUSE_TAIL "\xc0"),
};

FIXTURE_VARIANT_ADD(broken, report_id_0) {
	.gif = BROKEN_RDESC("\x05\x01\x09\x02\xa1\x01\x85\x00"
			    "\x09\x01\xa1\x00" BUTTONS AXES MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, report_id_huge) {
	.gif = BROKEN_RDESC("\x05\x01\x09\x02\xa1\x01\x86\x00"
			    "\x01\x09\x01\xa1\x00" BUTTONS AXES MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, report_size_huge) {
	.gif = BROKEN_RDESC(MOUSE_HEAD BUTTONS
			    "\x05\x01\x09\x30\x09\x31\x15\x81"
			    "\x25\x7f\x77\xff\xff\xff\x7f\x95"
			    "\x02\x81\x06" MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, report_count_huge) {
	.gif = BROKEN_RDESC(MOUSE_HEAD BUTTONS
			    "\x05\x01\x09\x30\x09\x31\x15\x81"
			    "\x25\x7f\x75\x08\x97\xff\xff\xff"
			    "\x7f\x81\x06" MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, size_times_count_wraps) {
	.gif = BROKEN_RDESC(MOUSE_HEAD BUTTONS
			    "\x05\x01\x09\x30\x09\x31\x15\x81"
			    "\x25\x7f\x75\x20\x97\x00\x00\x00"
			    "\x08\x81\x06" MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, usage_range_backwards) {
	.gif = BROKEN_RDESC(MOUSE_HEAD "\x05\x09\x19\x05\x29\x01\x15\x00"
			    "\x25\x01\x75\x01\x95\x08\x81\x02" MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, usage_range_huge) {
	.gif = BROKEN_RDESC(MOUSE_HEAD "\x05\x09\x19\x01\x2b\xff\xff\xff"
			    "\xff\x15\x00\x25\x01\x75\x01\x95"
			    "\x08\x81\x02" AXES MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, pop_without_push) {
	.gif = BROKEN_RDESC(MOUSE_HEAD "\xb4" BUTTONS AXES MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, push_forever) {
	.gif = BROKEN_RDESC("\xa4\xa4\xa4\xa4\xa4\xa4\xa4\xa4" MOUSE_HEAD
			    BUTTONS AXES MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, long_item) {
	.gif = BROKEN_RDESC(MOUSE_HEAD "\xfe\xff\x01" BUTTONS AXES
			    MOUSE_TAIL),
};

FIXTURE_VARIANT_ADD(broken, no_collection) {
	.gif = BROKEN_RDESC(BUTTONS AXES),
};

FIXTURE_VARIANT_ADD(broken, zeroes) {
	.gif = BROKEN_RDESC("\x00\x00\x00\x00\x00\x00\x00\x00"),
};

FIXTURE_VARIANT_ADD(broken, one_byte) {
	.gif = BROKEN_RDESC("\x05"),
};

FIXTURE_VARIANT_ADD(broken, empty) {
	.gif = { .subclass = 1, .protocol = 2, .eps = ep_in8, .neps = 1 },
};

FIXTURE_VARIANT_ADD(broken, no_hid_descriptor) {
	.gif = BROKEN_IF(.flags = GADGET_NO_HID_DESC),
};

FIXTURE_VARIANT_ADD(broken, report_descriptor_stalled) {
	.gif = BROKEN_IF(.flags = GADGET_STALL_RDESC),
};

FIXTURE_VARIANT_ADD(broken, report_descriptor_empty) {
	.gif = BROKEN_IF(.flags = GADGET_EMPTY_RDESC),
};

FIXTURE_VARIANT_ADD(broken, report_descriptor_short) {
	.gif = BROKEN_IF(.rdesc_answer = 20),
};

FIXTURE_VARIANT_ADD(broken, length_too_small) {
	.gif = BROKEN_IF(.rdesc_claim = 20),
};

FIXTURE_VARIANT_ADD(broken, length_zero) {
	.gif = BROKEN_IF(.rdesc_claim = -1),
};

FIXTURE_VARIANT_ADD(broken, length_huge) {
	.gif = BROKEN_IF(.rdesc_claim = 0xffff),
};

FIXTURE_VARIANT_ADD(broken, length_too_large) {
	.gif = BROKEN_IF(.rdesc_claim = 4096),
};

static const __u8 hid_desc_stub[] = { 0x06, 0x21, 0x11, 0x01, 0x00, 0x01 };

static const __u8 hid_desc_many[] = {
	0x09, 0x21, 0x11, 0x01, 0x00, 0xff, 0x22, sizeof(rd_qemu_mouse), 0x00,
};

static const __u8 hid_desc_not_report[] = {
	0x09, 0x21, 0x11, 0x01, 0x00, 0x01, 0x23, sizeof(rd_qemu_mouse), 0x00,
};

FIXTURE_VARIANT_ADD(broken, hid_descriptor_stub) {
	.gif = BROKEN_IF(.hid_desc = hid_desc_stub,
			 .hid_desc_len = sizeof(hid_desc_stub)),
};

FIXTURE_VARIANT_ADD(broken, hid_descriptor_not_report) {
	.gif = BROKEN_IF(.hid_desc = hid_desc_not_report,
			 .hid_desc_len = sizeof(hid_desc_not_report)),
};

static const struct gadget_ep ep_out[] = {
	{ .addr = 0x01, .maxp = 8, .interval = 10 },
};

static const struct gadget_ep ep_bulk[] = {
	{ .addr = 0x81, .attr = USB_ENDPOINT_XFER_BULK, .maxp = 64 },
	{ .addr = 0x02, .attr = USB_ENDPOINT_XFER_BULK, .maxp = 64 },
};

FIXTURE_VARIANT_ADD(broken, no_endpoint) {
	.gif = { .subclass = 1, .protocol = 2, MOUSE_RDESC(rd_qemu_mouse),
		 .eps = NULL, .neps = 0 },
};

FIXTURE_VARIANT_ADD(broken, out_endpoint_only) {
	.gif = { .subclass = 1, .protocol = 2, MOUSE_RDESC(rd_qemu_mouse),
		 .eps = ep_out, .neps = 1 },
};

FIXTURE_VARIANT_ADD(broken, bulk_endpoints) {
	.gif = { .subclass = 1, .protocol = 2, MOUSE_RDESC(rd_qemu_mouse),
		 .eps = ep_bulk, .neps = 2 },
};

FIXTURE_SETUP(broken)
{
	begin(_metadata, &self->log, &self->tainted);
}

FIXTURE_TEARDOWN(broken)
{
	gadget_unplug(self->g);
	finish(_metadata, &self->log, self->tainted);
	if (self->reload)
		EXPECT_EQ(0, mod_load(&mod_hrmouse, NULL));
}

/* plugged, and the host has asked all that it wants to know */
static struct gadget *plug_broken(struct __test_metadata *_metadata,
				  const struct gadget_if *gif)
{
	struct gadget_desc desc = {
		.vid = 0x1209, .pid = 0xf0ff, .bcd_device = 0x0100,
		.product = "Broken Mouse", .ifs = gif, .nifs = 1,
	};
	struct gadget_stats before, after;
	struct gadget *g;

	g = gadget_plug(&desc, UDC);
	ASSERT_NE(NULL, g);
	ASSERT_EQ(0, gadget_wait_configured(g, WAIT_MS));
	gadget_get_stats(g, &after);
	do {
		before = after;
		usleep(QUIET_MS * 1000);
		ASSERT_EQ(0, usb_settle(UDC));
		gadget_get_stats(g, &after);
	} while (before.requests != after.requests);
	return g;
}

static void snap_node(struct __test_metadata *_metadata,
		      const struct evdev_node *node, struct evdev_snapshot *snap)
{
	int fd = evdev_open(node);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, evdev_snap(fd, node, snap));
	close(fd);
}

/*
 * hid-core is lenient: some of these are a mouse to it, or at least a device.
 * With hrmouse they have to be the same, whoever drives them; what usbhid
 * refuses is not for hrmouse.
 */
TEST_F_TIMEOUT(broken, as_without_hrmouse, TIMEOUT(60))
{
	static const __u8 report[8] = { 1, 2, 3, 4 };
	char alone[32] = "", usb[32], text[1024];
	struct evdev_node nodes[4];
	int alone_count = 0, count, fd, lines;
	bool compare = false;
	struct gadget_stats stats;

	/* what usbhid makes of it, when it is asked alone */
	if (expect_hrmouse() && mod_state(&mod_hrmouse) == MOD_LOADED &&
	    mod_state(&mod_usbhid) != MOD_ABSENT) {
		ASSERT_EQ(0, sys_load_usbhid());
		ASSERT_EQ(0, mod_unload(&mod_hrmouse));
		self->reload = true;
		compare = true;
		self->g = plug_broken(_metadata, &variant->gif);
		ASSERT_EQ(0, usb_driver(UDC, 0, alone, sizeof(alone)));
		alone_count = evdev_list(UDC, 0, nodes, 4);
		if (alone_count == 1)
			snap_node(_metadata, &nodes[0], &self->alone);
		gadget_unplug(self->g);
		self->g = NULL;
		ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));
		ASSERT_EQ(0, mod_load(&mod_hrmouse, NULL));
		self->reload = false;
	}

	klog_rewind(&self->log);
	klog_count(&self->log, "", NULL);
	self->g = plug_broken(_metadata, &variant->gif);
	ASSERT_EQ(0, usb_driver(UDC, 0, usb, sizeof(usb)));
	count = evdev_list(UDC, 0, nodes, 4);
	if (compare) {
		/* taken by somebody, or by nobody, as without hrmouse */
		EXPECT_EQ(!!*alone, !!*usb)
			TH_LOG("was \"%s\", is \"%s\"", alone, usb);
		EXPECT_EQ(alone_count, count);
		if (count == 1) {
			snap_node(_metadata, &nodes[0], &self->both);
			EXPECT_EQ(0, evdev_compare(&self->alone, &self->both,
						   text, sizeof(text)))
				TH_LOG("usbhid, %s: %s", usb, text);
		}
	}
	lines = klog_count(&self->log, "hrmouse ", ":1.");
	EXPECT_LE(0, lines);
	EXPECT_GE(1, lines);
	EXPECT_EQ(0, klog_rewind(&self->log));
	lines = klog_count(&self->log, "malformed", NULL);
	EXPECT_GE(1, lines);
	gadget_get_stats(self->g, &stats);
	EXPECT_EQ(1U, stats.set_config);

	/* somebody may have bound to it: reports do no harm either */
	if (evdev_list(UDC, 0, nodes, 1) == 1) {
		fd = evdev_open(&nodes[0]);
		ASSERT_LE(0, fd);
		gadget_report_timeout(self->g, 0, report, sizeof(report), 300);
		gadget_report_timeout(self->g, 0, report, 1, 300);
		gadget_report_timeout(self->g, 0, report, 0, 300);
		close(fd);
	}
	gadget_unplug(self->g);
	self->g = NULL;
	ASSERT_EQ(0, evdev_wait_gone(UDC, WAIT_MS));

	/* the next mouse is none the worse */
	self->g = plug(_metadata, &dev_qemu_mouse, expected_driver(),
		       &nodes[0], &fd);
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, steps_plain[0].report, 4,
					   WAIT_MS));
	expect_frame(_metadata, fd, steps_plain[0].frame, 0);
	close(fd);
}

/* strange, but hid-core takes them as mice: so nobody may lose one */
FIXTURE(odd)
{
	struct gadget *g;
	struct klog log;
	long tainted;
	int fd;
};

FIXTURE_VARIANT(odd)
{
	struct gadget_if gif;
};

FIXTURE_VARIANT_ADD(odd, hid_descriptor_last) {
	.gif = BROKEN_IF(.flags = GADGET_HID_AFTER_EP),
};

FIXTURE_VARIANT_ADD(odd, hid_descriptor_count) {
	.gif = BROKEN_IF(.hid_desc = hid_desc_many,
			 .hid_desc_len = sizeof(hid_desc_many)),
};

FIXTURE_SETUP(odd)
{
	self->fd = -1;
	begin(_metadata, &self->log, &self->tainted);
}

FIXTURE_TEARDOWN(odd)
{
	if (self->fd >= 0)
		close(self->fd);
	gadget_unplug(self->g);
	finish(_metadata, &self->log, self->tainted);
}

TEST_F_TIMEOUT(odd, works, TIMEOUT(30))
{
	struct gadget_desc desc = {
		.vid = 0x1209, .pid = 0xf0fe, .bcd_device = 0x0100,
		.product = "Odd Mouse", .ifs = &variant->gif, .nifs = 1,
	};
	struct evdev_node node;

	self->g = plug(_metadata, &desc, NULL, &node, &self->fd);
	ASSERT_EQ(0, gadget_report_timeout(self->g, 0, steps_plain[0].report, 4,
					   WAIT_MS));
	expect_frame(_metadata, self->fd, steps_plain[0].frame, 0);
}

TEST_HARNESS_MAIN
