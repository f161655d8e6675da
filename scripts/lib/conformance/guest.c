// SPDX-License-Identifier: GPL-2.0-only
/*
 * Plays the devices of a file, lets hrmouse and then usbhid + hid-generic drive
 * each of them, feeds both the same reports, and compares the event devices
 * and what they report.
 *
 *	conformance [--without | --hidraw] FILE
 *
 * FILE is made by conformance.py, which also reads what this program prints:
 * lines of fields separated by tabs,
 *
 *	= N equal			N: number of the device in FILE
 *	= N left REASON			hrmouse did not take it
 *	= N rows NAME...		equal but for documented differences
 *	= N different TAKEN TEXT	0: by usbhid, which hrmouse left it to
 *	+ N TEXT			one more difference
 *	! TEXT				something else went wrong
 *	? TEXT				it cannot be run here
 *
 * --without feeds the reports to usbhid + hid-generic alone, to tell whose a
 * complaint of the kernel is. All are then left. --hidraw has hrmouse make a
 * HID device for plain mice, too.
 *
 * The gadgets are those of the self-tests.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/hidraw.h>
#include <linux/usbdevice_fs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "evdev.h"
#include "gadget.h"
#include "sys.h"

#define MAGIC		"HRC1"
#define BATCH		8	/* devices that are plugged in at a time */
#define MAX_NODES	16
#define MAX_STATES	96
#define MAX_BYTES	64	/* of a report that are shown */
#define MAX_TOLD	6	/* differences of one device */
#define WAIT_MS		20000
#define REPORT_MS	5000
#define KEYMAP_END	20000
#define BUTTON_TARGET	KEY_PROG1
#define NOTHING_TARGET	KEY_F24
/* types of events that no event device has */
#define RAW_REPORT	0xfd
#define RAW_ANSWER	0xfe
#define RAW_ERROR	0xff
#define MALFORMED	"malformed report descriptor"	/* in hrmouse's log */

/* in the order of conformance.py */
enum step_kind {
	STEP_REPORT,
	STEP_SHORT,		/* less than its ID demands */
	STEP_SYNC,		/* brings both drivers to one state after short ones */
	STEP_REMAP,		/* a button by EVIOCSKEYCODE */
	STEP_RESTORE,		/* the last remap */
	STEP_REMAP_NOTHING,	/* a usage without an event */
};

struct step {
	__u8 kind;
	__u16 len;
	const __u8 *data;
};

struct device {
	const char *name;
	__u8 subclass;
	__u8 protocol;
	const __u8 *rdesc;
	__u16 rdesc_len;
	const __u8 *features;	/* ID, HID_FEATURE or HID_OUTPUT, length */
	__u16 nfeatures;
	struct step *steps;
	__u16 nsteps;
};

struct event {
	__u16 step;
	__u16 node;
	struct evdev_ev ev;
};

/* what a device says of itself beyond evdev_snap(), its state included */
struct extra {
	int version;
	int effects;
	int values[ABS_CNT];
	__u8 keys[KEY_CNT / 8];
	__u8 leds[LED_CNT / 8 + 1];
	__u8 sounds[SND_CNT / 8 + 1];
	__u8 switches[SW_CNT / 8 + 1];
	unsigned int keymap_size;
	unsigned long keymap_sum;	/* by index, by scan code, by the old ioctl */
	char uevent[2048];
};

struct state {
	int step;		/* -1: as opened */
	int node;
	struct evdev_snapshot snap;
	struct extra extra;
};

struct phase {
	const char *driver;
	int nnodes;
	struct evdev_node nodes[MAX_NODES];
	int fds[MAX_NODES];
	int raw;		/* hidraw, or -1 */
	struct event *events;
	size_t nevents;
	size_t room;
	struct state *states[MAX_STATES];
	int nstates;
	bool mapped;		/* a remap is in force: */
	int map_node;
	__u32 map_scancode;
	__u32 map_old;
	char error[256];
};

/* a device while it is plugged in */
struct unit {
	int number;
	int udc;
	const struct device *dev;
	struct gadget *g;
	char interface[32];
	bool taken;
	bool hidraw;		/* hrmouse made one */
	int nnodes;		/* with usbhid, before hrmouse came */
	int inputs[MAX_NODES];
	struct phase ours;
	struct phase theirs;
	char features[2][8192];	/* as usbhid and hrmouse left them */
	char error[256];

	char told[MAX_TOLD][1024];
	int ntold;
	int ndifferent;
	bool row_short;
};

static bool without;		/* hrmouse stays unloaded */
static bool hidraw;		/* plain mice are to have one, too */
static bool zero_fill;		/* short reports are completed with zeros (row) */

static void failed(char *error, const char *fmt, ...)
{
	va_list ap;

	if (error[0])
		return;
	va_start(ap, fmt);
	vsnprintf(error, 256, fmt, ap);
	va_end(ap);
}

/* ---- the file ------------------------------------------------------------ */

static const __u8 *pos, *file_end;

static void bad_file(void)
{
	printf("!\tdamaged file of devices\n");
	exit(1);
}

static const __u8 *take(size_t n)
{
	const __u8 *p = pos;

	if ((size_t)(file_end - pos) < n)
		bad_file();
	pos += n;
	return p;
}

static unsigned int take16(void)
{
	const __u8 *p = take(2);

	return p[0] | p[1] << 8;
}

static void *alloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p) {
		printf("!\tno memory\n");
		exit(1);
	}
	return p;
}

static void read_device(struct device *d)
{
	unsigned int len = take16(), i;

	d->name = strndup((const char *)take(len), len);
	d->subclass = *take(1);
	d->protocol = *take(1);
	d->rdesc_len = take16();
	d->rdesc = take(d->rdesc_len);
	d->nfeatures = take16();
	d->features = take(4 * d->nfeatures);
	d->nsteps = take16();
	d->steps = alloc(d->nsteps * sizeof(*d->steps));
	for (i = 0; i < d->nsteps; i++) {
		d->steps[i].kind = *take(1);
		d->steps[i].len = take16();
		d->steps[i].data = take(d->steps[i].len);
	}
}

static int read_file(const char *path, struct device **devices)
{
	FILE *f = fopen(path, "re");
	long size = -1;
	__u8 *data;
	int count, i;

	if (f && !fseek(f, 0, SEEK_END))
		size = ftell(f);
	if (size < 0) {
		printf("!\tcannot read %s: %s\n", path, strerror(errno));
		exit(1);
	}
	rewind(f);
	data = alloc(size);
	if (fread(data, 1, size, f) != (size_t)size)
		bad_file();
	fclose(f);
	pos = data;
	file_end = data + size;
	if (memcmp(take(4), MAGIC, 4))
		bad_file();
	count = take16();
	*devices = alloc(count * sizeof(**devices));
	for (i = 0; i < count; i++)
		read_device(&(*devices)[i]);
	return count;
}

/* ---- the host's side ----------------------------------------------------- */

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int by_input(const void *a, const void *b)
{
	const struct evdev_node *x = a, *y = b;

	return x->input - y->input;
}

/* in the order in which they were registered */
static int list_nodes(int udc, struct evdev_node *nodes)
{
	int n = evdev_list(udc, -1, nodes, MAX_NODES);

	qsort(nodes, n, sizeof(*nodes), by_input);
	return n;
}

static bool find_interface(struct unit *u)
{
	char pattern[128];
	glob_t found;
	bool ret;

	snprintf(pattern, sizeof(pattern),
		 "/sys/devices/platform/dummy_hcd.%d/usb*/*-1/*:1.0", u->udc);
	ret = !glob(pattern, 0, NULL, &found) && found.gl_pathc;
	if (ret)
		snprintf(u->interface, sizeof(u->interface), "%s",
			 strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	return ret;
}

/* A probe holds the interface's lock, and so does this attribute */
static void settle(struct unit *u)
{
	char path[128], value[8];
	ssize_t ignored;
	int fd;

	snprintf(path, sizeof(path),
		 "/sys/bus/usb/devices/%s/supports_autosuspend", u->interface);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	ignored = read(fd, value, sizeof(value));
	(void)ignored;
	close(fd);
}

/* waits until the interface has a driver, and its probe is over */
static bool wait_driver(struct unit *u, const char *wanted, char *driver,
			size_t size)
{
	long end = now_ms() + WAIT_MS;

	do {
		usb_driver(u->udc, 0, driver, size);
		if (wanted ? !strcmp(driver, wanted) : driver[0]) {
			settle(u);
			return true;
		}
		usleep(2000);
	} while (now_ms() < end);
	return false;
}

static int read_number(const char *device, const char *attribute)
{
	char path[128];
	int number = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/%s", device,
		 attribute);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &number) != 1)
		number = -1;
	if (f)
		fclose(f);
	return number;
}

/*
 * The host may be done with a request before the gadget's thread is: once the
 * device has answered another one it has stored what was sent before
 */
static void settle_requests(struct unit *u)
{
	__u8 data[USB_DT_DEVICE_SIZE];
	struct usbdevfs_ctrltransfer request = {
		.bRequestType = USB_DIR_IN,
		.bRequest = USB_REQ_GET_DESCRIPTOR,
		.wValue = USB_DT_DEVICE << 8,
		.wLength = sizeof(data),
		.timeout = REPORT_MS,
		.data = data,
	};
	char device[32], path[64];
	int fd, ret;

	snprintf(device, sizeof(device), "%.*s",
		 (int)strcspn(u->interface, ":"), u->interface);
	snprintf(path, sizeof(path), "/dev/bus/usb/%03d/%03d",
		 read_number(device, "busnum"), read_number(device, "devnum"));
	fd = open(path, O_RDWR | O_CLOEXEC);
	ret = fd < 0 ? -1 : ioctl(fd, USBDEVFS_CONTROL, &request);
	if (ret < 0)
		failed(u->error, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void save_features(struct unit *u, char *text, size_t size, bool clear)
{
	__u8 data[GADGET_MAX_DATA];
	const __u8 *f = u->dev->features;
	size_t used = 0;
	int i, n, k;

	text[0] = '\0';
	if (u->dev->nfeatures)
		settle_requests(u);
	for (i = 0; i < u->dev->nfeatures; i++, f += 4) {
		n = gadget_get_report(u->g, 0, f[1], f[0], data, sizeof(data));
		if (n < 0)
			continue;
		used += snprintf(text + used, size - used, " %02x:", f[0]);
		for (k = 0; k < n && k < 64 && used + 8 < size; k++)
			used += snprintf(text + used, size - used, "%02x",
					 data[k]);
		if (used + 100 > size)
			break;
		if (!clear)
			continue;
		/* as plug() made it */
		memset(data, 0, sizeof(data));
		data[0] = f[0];
		gadget_set_report(u->g, 0, f[1], f[0], data, n);
	}
}

static void *plug(void *arg)
{
	static const struct gadget_ep eps[] = {
		{ .addr = USB_DIR_IN, .maxp = 1024, .interval = 1 },
	};
	struct unit *u = arg;
	const struct device *d = u->dev;
	struct gadget_if gif = {
		.subclass = d->subclass,
		.protocol = d->protocol,
		.rdesc = d->rdesc,
		.rdesc_len = d->rdesc_len,
		.eps = eps,
		.neps = 1,
	};
	struct gadget_desc desc = {
		.vid = 0xf055,	/* of no driver */
		.pid = u->number + 1,
		.bcd_device = 0x0123,
		.manufacturer = "hrmouse",
		.product = "conformance device",
		.serial = "0123456789",
		.speed = USB_SPEED_HIGH,
		.ifs = &gif,
		.nifs = 1,
	};
	struct gadget_if *kept = alloc(sizeof(gif));
	__u8 data[GADGET_MAX_DATA] = { 0 };
	struct evdev_node nodes[MAX_NODES];
	const __u8 *f = d->features;
	char driver[32];
	long end;
	int i;

	/* the library keeps the pointer */
	*kept = gif;
	desc.ifs = kept;
	u->g = gadget_plug(&desc, u->udc);
	if (!u->g) {
		failed(u->error, "cannot be plugged in: %s", strerror(errno));
		return NULL;
	}
	for (i = 0; i < d->nfeatures; i++, f += 4) {
		data[0] = f[0];
		/* those that do not fit are stalled */
		gadget_set_report(u->g, 0, f[1], f[0], data, f[2] | f[3] << 8);
	}
	if (gadget_wait_configured(u->g, WAIT_MS)) {
		failed(u->error, "the host does not configure the device");
		return NULL;
	}
	end = now_ms() + WAIT_MS;
	while (!find_interface(u) && now_ms() < end)
		usleep(2000);
	if (!wait_driver(u, NULL, driver, sizeof(driver))) {
		/* what usbhid refuses has no driver, and may have none */
		return NULL;
	}
	u->nnodes = list_nodes(u->udc, nodes);
	for (i = 0; i < u->nnodes; i++)
		u->inputs[i] = nodes[i].input;
	save_features(u, u->features[0], sizeof(u->features[0]), true);
	return NULL;
}

static void *unplug(void *arg)
{
	struct unit *u = arg;
	const struct gadget_if *gif;

	if (!u->g)
		return NULL;
	gif = gadget_desc(u->g)->ifs;
	gadget_unplug(u->g);
	if (evdev_wait_gone(u->udc, WAIT_MS))
		failed(u->error, "the unplugged device does not go away");
	free((void *)gif);
	return NULL;
}

/* ---- one driver ---------------------------------------------------------- */

static void add_event(struct phase *p, int step, int node,
		      const struct input_event *ie)
{
	struct event *e;

	if (p->nevents == p->room) {
		p->room = p->room ? 2 * p->room : 4096;
		p->events = realloc(p->events, p->room * sizeof(*e));
		if (!p->events) {
			printf("!\tno memory\n");
			exit(1);
		}
	}
	e = &p->events[p->nevents++];
	e->step = step;
	e->node = node;
	e->ev.type = ie->type;
	e->ev.code = ie->code;
	e->ev.value = ie->value;
}

/* All that is there, SYN_DROPPED too: what overflows does so for both drivers */
static void drain(struct phase *p, int step)
{
	struct input_event ie[64];
	ssize_t n;
	int i, k;

	for (i = 0; i < p->nnodes; i++) {
		while ((n = read(p->fds[i], ie, sizeof(ie))) > 0)
			for (k = 0; k < (int)(n / sizeof(ie[0])); k++)
				add_event(p, step, i, &ie[k]);
		if (n < 0 && errno != EAGAIN)
			failed(p->error, "step %d: event device: %s", step,
			       strerror(errno));
	}
}

static int get_key(int fd, struct input_keymap_entry *ke, int index,
		   const __u32 *scancode)
{
	memset(ke, 0, sizeof(*ke));
	ke->len = sizeof(__u32);
	if (scancode) {
		memcpy(ke->scancode, scancode, sizeof(*scancode));
	} else {
		ke->flags = INPUT_KEYMAP_BY_INDEX;
		ke->index = index;
	}
	return ioctl(fd, EVIOCGKEYCODE_V2, ke) < 0 ? -errno : 0;
}

static unsigned long sum(unsigned long s, unsigned long value)
{
	return (s ^ value) * 0x100000001b3UL;
}

static void get_keymap(int fd, struct extra *x)
{
	struct input_keymap_entry ke, found;
	unsigned long s = 0xcbf29ce484222325UL;
	__u32 scancode, old[2];
	unsigned int i;

	for (i = 0; i < KEYMAP_END && !get_key(fd, &ke, i, NULL); i++) {
		memcpy(&scancode, ke.scancode, sizeof(scancode));
		s = sum(sum(sum(s, ke.index), ke.keycode), scancode);
		s = sum(s, ke.len);
		/* looking a scan code up takes as long as the list is */
		if (i >= EVDEV_MAX_KEYMAP)
			continue;
		if (!get_key(fd, &found, 0, &scancode))
			s = sum(sum(s, found.index), found.keycode);
		old[0] = scancode;
		old[1] = 0;
		s = sum(s, ioctl(fd, EVIOCGKEYCODE, old) < 0 ? errno : 0);
		s = sum(s, old[1]);
	}
	x->keymap_size = i;
	scancode = 0xfffffff0;
	s = sum(s, get_key(fd, &found, 0, &scancode));
	x->keymap_sum = s;
}

static void get_extra(int fd, const struct evdev_node *node, struct extra *x)
{
	struct input_absinfo abs;
	char path[96];
	ssize_t n;
	int i, uevent;

	memset(x, 0, sizeof(*x));
	if (ioctl(fd, EVIOCGVERSION, &x->version) < 0)
		x->version = -errno;
	if (ioctl(fd, EVIOCGEFFECTS, &x->effects) < 0)
		x->effects = -errno;
	ioctl(fd, EVIOCGKEY(sizeof(x->keys)), x->keys);
	ioctl(fd, EVIOCGLED(sizeof(x->leds)), x->leds);
	ioctl(fd, EVIOCGSND(sizeof(x->sounds)), x->sounds);
	ioctl(fd, EVIOCGSW(sizeof(x->switches)), x->switches);
	for (i = 0; i < ABS_CNT; i++)
		x->values[i] = ioctl(fd, EVIOCGABS(i), &abs) < 0 ?
			       -errno : abs.value;
	get_keymap(fd, x);
	/* the input device as udev sees it */
	snprintf(path, sizeof(path), "/sys/class/input/input%d/uevent",
		 node->input);
	uevent = open(path, O_RDONLY | O_CLOEXEC);
	n = uevent < 0 ? -1 : read(uevent, x->uevent, sizeof(x->uevent) - 1);
	if (n < 0)
		snprintf(x->uevent, sizeof(x->uevent), "%s", strerror(errno));
	if (uevent >= 0)
		close(uevent);
}

static void save_states(struct phase *p, int step)
{
	struct state *s;
	int i, ret;

	for (i = 0; i < p->nnodes && p->nstates < MAX_STATES; i++) {
		s = alloc(sizeof(*s));
		s->step = step;
		s->node = i;
		ret = evdev_snap(p->fds[i], &p->nodes[i], &s->snap);
		if (ret)
			failed(p->error, "event device %d: %s", i,
			       strerror(-ret));
		get_extra(p->fds[i], &p->nodes[i], &s->extra);
		p->states[p->nstates++] = s;
	}
}

static int set_key(int fd, __u32 scancode, __u32 code)
{
	struct input_keymap_entry ke = {
		.len = sizeof(scancode), .keycode = code,
	};

	memcpy(ke.scancode, &scancode, sizeof(scancode));
	return ioctl(fd, EVIOCSKEYCODE_V2, &ke) < 0 ? -errno : 0;
}

static void remap(struct phase *p, int step, bool nothing)
{
	__u32 target = nothing ? NOTHING_TARGET : BUTTON_TARGET;
	struct input_keymap_entry ke;
	int node, i, ret;

	for (node = 0; node < p->nnodes; node++) {
		for (i = 0; !get_key(p->fds[node], &ke, i, NULL); i++) {
			if (nothing ? ke.keycode != KEY_RESERVED :
				      ke.keycode < BTN_MISC)
				continue;
			p->mapped = true;
			p->map_node = node;
			p->map_old = ke.keycode;
			memcpy(&p->map_scancode, ke.scancode, sizeof(__u32));
			ret = set_key(p->fds[node], p->map_scancode, target);
			if (ret)
				failed(p->error, "step %d: EVIOCSKEYCODE: %s",
				       step, strerror(-ret));
			save_states(p, step);
			return;
		}
	}
}

static void restore(struct phase *p, int step)
{
	int ret;

	if (!p->mapped)
		return;
	p->mapped = false;
	ret = set_key(p->fds[p->map_node], p->map_scancode, p->map_old);
	if (ret)
		failed(p->error, "step %d: EVIOCSKEYCODE: %s", step,
		       strerror(-ret));
	save_states(p, step);
}

static void send_report(struct unit *u, struct phase *p, int step)
{
	const struct step *s = &u->dev->steps[step];
	int ret;

	ret = gadget_report_timeout(u->g, 0, s->data, s->len, REPORT_MS);
	/*
	 * The host asks for the next report when it is done with this one: once
	 * it has taken an empty packet, which is no report, all events are there
	 */
	if (!ret)
		ret = gadget_report_timeout(u->g, 0, "", 0, REPORT_MS);
	if (ret)
		failed(p->error, "step %d: the host does not take the report (%s)",
		       step, strerror(-ret));
}

static void end_frame(struct phase *p, const char *path)
{
	static const struct input_event sync = { .type = EV_SYN };
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, &sync, sizeof(sync)) != sizeof(sync))
		failed(p->error, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* ---- hidraw -------------------------------------------------------------- */

/* what hidraw says becomes an event of a device that there is not */
static void add_raw(struct phase *p, int step, int type, int code,
		    const void *data, size_t len)
{
	struct input_event ie = { .type = type, .code = code };
	unsigned long s = 0xcbf29ce484222325UL;
	const __u8 *bytes = data;

	while (len--)
		s = sum(s, *bytes++);
	ie.value = s ^ s >> 32;
	add_event(p, step, MAX_NODES, &ie);
}

static void drain_raw(struct phase *p, int step)
{
	__u8 data[GADGET_MAX_DATA];
	ssize_t n;

	if (p->raw < 0)
		return;
	while ((n = read(p->raw, data, sizeof(data))) > 0)
		add_raw(p, step, RAW_REPORT, n, data, n);
	if (n < 0 && errno != EAGAIN)
		failed(p->error, "step %d: hidraw: %s", step, strerror(errno));
}

static void add_ioctl(struct phase *p, int step, int code, unsigned long request,
		      void *data, size_t size)
{
	int ret = ioctl(p->raw, request, data);

	if (ret < 0)
		add_raw(p, step, RAW_ERROR, code, &errno, sizeof(errno));
	else
		add_raw(p, step, RAW_ANSWER, code, data, size ? size : (size_t)ret);
}

/* Writes each feature and output report, and takes down what becomes of it */
static void write_reports(struct unit *u, struct phase *p, int step)
{
	__u8 data[GADGET_MAX_DATA];
	const __u8 *f = u->dev->features;
	int i, k, n, len, type, ret;

	for (i = 0; i < u->dev->nfeatures; i++, f += 4) {
		type = f[1];
		len = f[2] | f[3] << 8;
		/* with its ID even where there is none */
		len += !f[0];
		if (len < 2 || len > GADGET_MAX_DATA / 2)
			continue;
		memset(data, 0, sizeof(data));
		data[0] = f[0];
		gadget_set_report(u->g, 0, type, f[0], data, len - !f[0]);
		for (k = 1; k < len; k++)
			data[k] = 0x5a + k + f[0];
		ret = type == HID_FEATURE ?
			ioctl(p->raw, HIDIOCSFEATURE(len), data) :
			write(p->raw, data, len);
		if (ret < 0)
			ret = -errno;
		add_raw(p, step, RAW_ANSWER, 100 + type, &ret, sizeof(ret));
		settle_requests(u);
		n = gadget_get_report(u->g, 0, type, f[0], data, sizeof(data));
		add_raw(p, step, RAW_ANSWER, 110 + type, data, n > 0 ? n : 0);
		data[0] = f[0];
		if (type == HID_FEATURE)
			add_ioctl(p, step, 120, HIDIOCGFEATURE(len), data, 0);
	}
}

static void open_raw(struct unit *u, struct phase *p, int step)
{
	struct hidraw_report_descriptor rdesc = { 0 };
	struct hidraw_devinfo info;
	char text[2048], path[128];
	glob_t found;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/usb/devices/%s/*/hidraw/hidraw*",
		 u->interface);
	if (glob(path, 0, NULL, &found) || found.gl_pathc != 1) {
		globfree(&found);
		if (hidraw || p == &u->theirs)
			failed(p->error, "no hidraw, or more than one");
		return;
	}
	u->hidraw = true;
	snprintf(path, sizeof(path), "%s/device/uevent", found.gl_pathv[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	add_raw(p, step, RAW_ANSWER, 0, text, n > 0 ? n : 0);
	if (fd >= 0)
		close(fd);

	snprintf(path, sizeof(path), "/dev%s", strrchr(found.gl_pathv[0], '/'));
	globfree(&found);
	p->raw = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (p->raw < 0) {
		failed(p->error, "%s: %s", path, strerror(errno));
		return;
	}
	add_ioctl(p, step, 1, HIDIOCGRDESCSIZE, &rdesc.size, sizeof(rdesc.size));
	add_ioctl(p, step, 2, HIDIOCGRDESC, &rdesc, sizeof(rdesc));
	add_ioctl(p, step, 3, HIDIOCGRAWINFO, &info, sizeof(info));
	add_ioctl(p, step, 4, HIDIOCGRAWNAME(sizeof(text)), text, 0);
	add_ioctl(p, step, 5, HIDIOCGRAWPHYS(sizeof(text)), text, 0);
	write_reports(u, p, step);
}

static void run_phase(struct unit *u, struct phase *p, const char *driver)
{
	static const unsigned int no_repeat[2] = { 3600000, 3600000 };
	long end = now_ms() + WAIT_MS;
	char bound[32];
	int i;

	p->driver = driver;
	p->raw = -1;
	if (!wait_driver(u, driver, bound, sizeof(bound))) {
		failed(p->error, "the interface's driver is \"%s\"", bound);
		return;
	}
	p->nnodes = list_nodes(u->udc, p->nodes);
	/* hid-generic may still be on its way */
	while (p->nnodes != u->nnodes && now_ms() < end) {
		usleep(2000);
		p->nnodes = list_nodes(u->udc, p->nodes);
		if (!strcmp(driver, "hrmouse"))
			break;
	}
	for (i = 0; i < p->nnodes; i++) {
		p->fds[i] = evdev_open(&p->nodes[i]);
		if (p->fds[i] < 0) {
			failed(p->error, "%s: %s", p->nodes[i].path,
			       strerror(-p->fds[i]));
			p->nnodes = i;
			break;
		}
		/* the guest's console must not hear keys */
		ioctl(p->fds[i], EVIOCGRAB, 1);
		/* nor must they repeat by the clock; that is an event itself */
		if (!ioctl(p->fds[i], EVIOCSREP, no_repeat))
			end_frame(p, p->nodes[i].path);
	}
	drain(p, -1);
	p->nevents = 0;
	if (!p->error[0])
		save_states(p, -1);
	for (i = 0; i < u->dev->nsteps && p->nnodes && !p->error[0]; i++) {
		/* one half without, one with */
		if (i == u->dev->nsteps / 2 && (p == &u->ours || u->hidraw))
			open_raw(u, p, i);
		switch (u->dev->steps[i].kind) {
		case STEP_REMAP:
			save_states(p, i);
			remap(p, i, false);
			break;
		case STEP_REMAP_NOTHING:
			remap(p, i, true);
			break;
		case STEP_RESTORE:
			restore(p, i);
			break;
		default:
			send_report(u, p, i);
		}
		drain(p, i);
		drain_raw(p, i);
	}
	if (p->raw >= 0)
		close(p->raw);
	if (!p->error[0])
		save_states(p, u->dev->nsteps);
	for (i = 0; i < p->nnodes; i++)
		close(p->fds[i]);
}

static void *run_ours(void *arg)
{
	struct unit *u = arg;

	if (!u->taken)
		return NULL;
	save_features(u, u->features[1], sizeof(u->features[1]), false);
	run_phase(u, &u->ours, "hrmouse");
	return NULL;
}

static void *run_theirs(void *arg)
{
	struct unit *u = arg;

	if (u->taken || without)
		run_phase(u, &u->theirs, "usbhid");
	return NULL;
}

/* ---- the comparison ------------------------------------------------------ */

static void differ(struct unit *u, const char *fmt, ...)
{
	va_list ap;

	u->ndifferent++;
	if (u->ntold == MAX_TOLD)
		return;
	va_start(ap, fmt);
	vsnprintf(u->told[u->ntold++], sizeof(u->told[0]), fmt, ap);
	va_end(ap);
}

static void compare_extra(struct unit *u, const char *when, const struct state *a,
			  const struct state *b)
{
	const struct extra *x = &a->extra, *y = &b->extra;
	int i;

	if (x->version != y->version)
		differ(u, "%s: EVIOCGVERSION: %x, %x", when, x->version, y->version);
	if (x->effects != y->effects)
		differ(u, "%s: EVIOCGEFFECTS: %d, %d", when, x->effects, y->effects);
	for (i = 0; i < ABS_CNT; i++)
		if (x->values[i] != y->values[i])
			differ(u, "%s: value of axis 0x%x: %d, %d", when, i,
			       x->values[i], y->values[i]);
	for (i = 0; i < KEY_CNT; i++)
		if ((x->keys[i / 8] ^ y->keys[i / 8]) & 1 << i % 8)
			differ(u, "%s: state of key 0x%x: %d, %d", when, i,
			       x->keys[i / 8] >> i % 8 & 1,
			       y->keys[i / 8] >> i % 8 & 1);
	if (memcmp(x->leds, y->leds, sizeof(x->leds)) ||
	    memcmp(x->sounds, y->sounds, sizeof(x->sounds)) ||
	    memcmp(x->switches, y->switches, sizeof(x->switches)))
		differ(u, "%s: LEDs, sounds or switches", when);
	if (x->keymap_size != y->keymap_size)
		differ(u, "%s: size of the keymap: %u, %u", when,
		       x->keymap_size, y->keymap_size);
	else if (x->keymap_sum != y->keymap_sum)
		differ(u, "%s: keymap by index and by scan code", when);
	if (strcmp(x->uevent, y->uevent)) {
		for (i = 0; x->uevent[i] == y->uevent[i]; i++)
			;
		while (i && x->uevent[i - 1] != '\n')
			i--;
		differ(u, "%s: uevent: %.*s, %.*s", when,
		       (int)strcspn(x->uevent + i, "\n"), x->uevent + i,
		       (int)strcspn(y->uevent + i, "\n"), y->uevent + i);
	}
}

static void compare_states(struct unit *u)
{
	const struct phase *a = &u->theirs, *b = &u->ours;
	char text[600], when[64];
	int i;

	if (a->nstates != b->nstates) {
		differ(u, "%d and %d states: one could be remapped, one not",
		       a->nstates, b->nstates);
		return;
	}
	for (i = 0; i < a->nstates; i++) {
		const struct state *s = a->states[i];
		const char *what = "as opened";

		if (s->step == u->dev->nsteps)
			what = "at the end";
		else if (s->step >= 0)
			switch (u->dev->steps[s->step].kind) {
			case STEP_REMAP:
				what = "at a button's remap";
				break;
			case STEP_REMAP_NOTHING:
				what = "at the remap of a usage without event";
				break;
			default:
				what = "after a remap was undone";
			}
		snprintf(when, sizeof(when), "device %d %s", s->node, what);
		if (evdev_compare(&s->snap, &b->states[i]->snap, text,
				  sizeof(text)))
			differ(u, "%s: %s", when, text);
		compare_extra(u, when, s, b->states[i]);
	}
}

static void print_events(char *text, size_t size, const struct event *e, int n)
{
	static const char *const types[] = {
		[EV_SYN] = "SYN", [EV_KEY] = "KEY", [EV_REL] = "REL",
		[EV_ABS] = "ABS", [EV_MSC] = "MSC", [EV_SW] = "SW",
	};
	size_t used = 0;
	int i;

	text[0] = '\0';
	for (i = 0; i < n && used + 40 < size; i++) {
		unsigned int type = e[i].ev.type;
		const char *comma = i ? ", " : "";

		/* the first of several devices goes without saying */
		if (e[i].node && (!i || e[i - 1].node != e[i].node)) {
			used += snprintf(text + used, size - used,
					 "%sdevice %u: ", comma, e[i].node);
			comma = "";
		}
		if (type == EV_SYN && !e[i].ev.code && !e[i].ev.value)
			used += snprintf(text + used, size - used, "%sSYN", comma);
		else if (type < sizeof(types) / sizeof(types[0]) && types[type])
			used += snprintf(text + used, size - used,
					 "%s%s 0x%x %d", comma, types[type],
					 e[i].ev.code, e[i].ev.value);
		else
			used += snprintf(text + used, size - used,
					 "%s0x%x 0x%x %d", comma, type,
					 e[i].ev.code, e[i].ev.value);
	}
	if (i < n)
		snprintf(text + used, size - used, ", ...");
	if (!n)
		snprintf(text, size, "nothing");
}

static void print_bytes(char *text, const __u8 *data, int len)
{
	int i;

	text[0] = '\0';
	for (i = 0; i < len && i < MAX_BYTES; i++)
		text += sprintf(text, i ? " %02x" : "%02x", data[i]);
	if (i < len)
		strcpy(text, "...");
}

static bool same_event(const struct event *a, const struct event *b)
{
	return a->node == b->node && a->ev.type == b->ev.type &&
	       a->ev.code == b->ev.code && a->ev.value == b->ev.value;
}

static bool same_events(const struct event *a, int na, const struct event *b,
			int nb)
{
	int i;

	for (i = 0; i < na && i < nb; i++)
		if (!same_event(&a[i], &b[i]))
			return false;
	return na == nb;
}

/* a difference that is a row of the table in Documentation/hrmouse.rst */
static bool documented(struct unit *u, int kind, int nb)
{
	if (kind == STEP_SHORT && zero_fill && !nb) {
		u->row_short = true;
		return true;
	}
	return kind == STEP_SYNC && u->row_short;
}

static void compare_events(struct unit *u)
{
	const struct event *a = u->theirs.events, *b = u->ours.events;
	const struct event *a_end = a + u->theirs.nevents;
	const struct event *b_end = b + u->ours.nevents;
	char hex[3 * MAX_BYTES + 4], at[2][360];
	int step, na, nb;

	for (step = 0; step < u->dev->nsteps; step++) {
		const struct step *s = &u->dev->steps[step];

		for (na = 0; a + na < a_end && a[na].step == step; na++)
			;
		for (nb = 0; b + nb < b_end && b[nb].step == step; nb++)
			;
		if (!same_events(a, na, b, nb) &&
		    !documented(u, s->kind, nb)) {
			print_bytes(hex, s->data, s->len);
			print_events(at[0], sizeof(at[0]), a, na);
			print_events(at[1], sizeof(at[1]), b, nb);
			differ(u, "step %d [%s]: hid-generic: %s; hrmouse: %s",
			       step, hex, at[0], at[1]);
		}
		a += na;
		b += nb;
	}
}

static void compare(struct unit *u)
{
	if (u->ours.error[0])
		differ(u, "hrmouse: %s", u->ours.error);
	if (u->theirs.error[0])
		differ(u, "hid-generic: %s", u->theirs.error);
	if (u->ndifferent)
		return;
	if (u->ours.nnodes != u->theirs.nnodes) {
		differ(u, "number of event devices: hid-generic %d, hrmouse %d",
		       u->theirs.nnodes, u->ours.nnodes);
		return;
	}
	if (strcmp(u->features[0], u->features[1]))
		differ(u, "feature reports: usbhid left%.200s, hrmouse%.200s",
		       u->features[0], u->features[1]);
	compare_events(u);
	compare_states(u);
}

static void free_phase(struct phase *p)
{
	while (p->nstates)
		free(p->states[--p->nstates]);
	free(p->events);
}

/* ---- a batch ------------------------------------------------------------- */

static void in_parallel(struct unit *units, int n, void *(*run)(void *))
{
	pthread_t threads[BATCH];
	int i, ret;

	for (i = 0; i < n; i++) {
		ret = pthread_create(&threads[i], NULL, run, &units[i]);
		if (ret) {
			printf("!\tno thread: %s\n", strerror(ret));
			exit(1);
		}
	}
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

/* why hrmouse left an interface, by the log from here on */
static void read_reasons(int kmsg, struct unit *units, int n,
			 char reasons[][256])
{
	static const char *const signs[] = {
		"not for hrmouse: ", MALFORMED,
	};
	char record[8192], prefix[40];
	const char *found;
	ssize_t len;
	size_t k;
	int i;

	for (;;) {
		len = read(kmsg, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return;
		record[len] = '\0';
		record[strcspn(record, "\n")] = '\0';
		for (i = 0; i < n; i++) {
			snprintf(prefix, sizeof(prefix), " %s: ",
				 units[i].interface);
			if (!units[i].interface[0] || !strstr(record, prefix))
				continue;
			for (k = 0; k < 2; k++) {
				found = strstr(record, signs[k]);
				if (!found)
					continue;
				if (!k)
					found += strlen(signs[k]);
				snprintf(reasons[i], 256, "%s", found);
			}
		}
	}
}

/* what hrmouse does not want must not notice that hrmouse comes or goes */
static void check_untouched(struct unit *u, const char *when)
{
	struct evdev_node nodes[MAX_NODES];
	int n = list_nodes(u->udc, nodes), i;

	for (i = 0; i < n && i < u->nnodes; i++)
		if (nodes[i].input != u->inputs[i])
			break;
	if (n != u->nnodes || i < n)
		differ(u, "left to usbhid, but its event devices changed when hrmouse was %s",
		       when);
}

static void verdict(struct unit *u, const char *reason)
{
	int i;

	if (u->error[0])
		differ(u, "%s", u->error);
	else if (u->taken)
		compare(u);
	else if (u->nnodes && !strncmp(reason, MALFORMED, strlen(MALFORMED)))
		differ(u, "hrmouse: %s; hid-generic parses it", reason);
	if (u->ndifferent) {
		printf("=\t%d\tdifferent\t%d\t%s\n", u->number, u->taken,
		       u->told[0]);
		for (i = 1; i < u->ntold; i++)
			printf("+\t%d\t%s\n", u->number, u->told[i]);
		if (u->ndifferent > u->ntold)
			printf("+\t%d\tand %d more\n", u->number,
			       u->ndifferent - u->ntold);
	} else if (!u->taken) {
		printf("=\t%d\tleft\t%s\n", u->number,
		       reason[0] ? reason : "no reason in the log");
	} else if (u->row_short) {
		printf("=\t%d\trows\tshort\n", u->number);
	} else {
		printf("=\t%d\tequal\n", u->number);
	}
	fflush(stdout);
}

static void module(bool load)
{
	const char *options = hidraw ? "dyndbg=+p hidraw=1" : "dyndbg=+p hidraw=0";
	int ret = load ? mod_load(&mod_hrmouse, options) :
			 mod_unload(&mod_hrmouse);

	if (ret) {
		printf("!\thrmouse cannot be %s: %s\n",
		       load ? "loaded" : "unloaded", strerror(-ret));
		exit(1);
	}
}

static void run_batch(const struct device *devices, int first, int n)
{
	char reasons[BATCH][256] = { "" };
	struct unit *units = alloc(n * sizeof(*units));
	char driver[32], mark[64];
	int i, kmsg;

	for (i = 0; i < n; i++) {
		units[i].number = first + i;
		units[i].udc = i;
		units[i].dev = &devices[first + i];
	}
	kmsg = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (kmsg < 0) {
		printf("!\t/dev/kmsg: %s\n", strerror(errno));
		exit(1);
	}

	/* for who reads the log: what was plugged in when it happened */
	snprintf(mark, sizeof(mark), "conformance: %d to %d\n", first,
		 first + n - 1);
	if (write(kmsg, mark, strlen(mark)) < 0 ||
	    lseek(kmsg, 0, SEEK_END) < 0) {
		printf("!\t/dev/kmsg: %s\n", strerror(errno));
		exit(1);
	}

	in_parallel(units, n, plug);
	if (!without)
		module(true);
	for (i = 0; i < n && !without; i++) {
		if (units[i].error[0])
			continue;
		wait_driver(&units[i], NULL, driver, sizeof(driver));
		units[i].taken = !strcmp(driver, "hrmouse");
		if (!units[i].taken)
			check_untouched(&units[i], "loaded");
	}
	read_reasons(kmsg, units, n, reasons);
	in_parallel(units, n, run_ours);
	if (!without)
		module(false);
	in_parallel(units, n, run_theirs);
	for (i = 0; i < n && !without; i++)
		if (!units[i].taken && !units[i].error[0])
			check_untouched(&units[i], "unloaded");
	in_parallel(units, n, unplug);
	close(kmsg);

	for (i = 0; i < n; i++) {
		verdict(&units[i], reasons[i]);
		free_phase(&units[i].ours);
		free_phase(&units[i].theirs);
	}
	free(units);
}

int main(int argc, char **argv)
{
	enum mod_state state = mod_state(&mod_hrmouse);
	unsigned int major = 0, minor = 0;
	struct device *devices;
	struct utsname uts;
	char why[256];
	int count, i;

	without = argc == 3 && !strcmp(argv[1], "--without");
	hidraw = argc == 3 && !strcmp(argv[1], "--hidraw");
	if (argc != 2 + without + hidraw) {
		printf("!\tusage: conformance [--without|--hidraw] FILE\n");
		return 1;
	}
	if (state == MOD_ABSENT || state == MOD_BUILTIN) {
		printf("?\thrmouse has to be a module of this kernel\n");
		return 1;
	}
	if (sys_load_usbhid() || sys_need_gadgets(BATCH, why, sizeof(why))) {
		printf("?\tusbhid and %d gadgets are needed: %s\n", BATCH, why);
		return 1;
	}
	uname(&uts);
	sscanf(uts.release, "%u.%u", &major, &minor);
	zero_fill = major > 6 || (major == 6 && minor > 12);

	module(false);
	count = read_file(argv[1 + without + hidraw], &devices);
	for (i = 0; i < count; i += BATCH)
		run_batch(devices, i, count - i < BATCH ? count - i : BATCH);
	return 0;
}
