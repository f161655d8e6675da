// SPDX-License-Identifier: GPL-2.0
/* The event devices of a gadget, as userspace sees them. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "evdev.h"

#define POLL_US		2000
#define HOST_PATTERN	"/sys/devices/platform/dummy_hcd.%d/usb*/*-1"

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- sysfs -------------------------------------------------------------- */

static int read_attr(const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	buf[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	close(fd);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

/* the last part of the link's target, "" if there is no link */
static void link_name(const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *base;
	ssize_t n;

	buf[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(buf, size, "%s", base ? base + 1 : target);
}

int usb_driver(int udc, int ifno, char *driver, size_t size)
{
	char pattern[160];
	glob_t found;
	int ret = -ENODEV;

	driver[0] = '\0';
	snprintf(pattern, sizeof(pattern), HOST_PATTERN "/*:1.%d", udc, ifno);
	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc) {
		link_name(found.gl_pathv[0], "driver", driver, size);
		ret = 0;
	}
	globfree(&found);
	return ret;
}

static int read_device(int udc, const char *name)
{
	char pattern[128], value[32];
	glob_t found;
	int ret = -ENODEV;

	snprintf(pattern, sizeof(pattern), HOST_PATTERN, udc);
	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc &&
	    !read_attr(found.gl_pathv[0], name, value, sizeof(value)))
		ret = atoi(value);
	globfree(&found);
	return ret;
}

int usb_devnum(int udc)
{
	return read_device(udc, "devnum");
}

int usb_settle(int udc)
{
	/* reading it takes the lock under which the drivers are probed */
	return read_device(udc, "bConfigurationValue") == 1 ? 0 : -ENODEV;
}

/* fills node from .../X-1:1.<ifno>/[HID device/]input/inputN/eventM */
static int node_from_path(const char *path, struct evdev_node *node)
{
	char interface[PATH_MAX], parent[PATH_MAX];
	const char *event, *input, *colon, *end;

	memset(node, 0, sizeof(*node));
	colon = strstr(path, ":1.");
	input = strstr(path, "/input/input");
	if (!colon || !input)
		return -EINVAL;
	event = strrchr(path, '/');
	if (sscanf(event, "/event%d", &node->number) != 1 ||
	    sscanf(input, "/input/input%d", &node->input) != 1 ||
	    sscanf(colon, ":1.%d", &node->ifno) != 1)
		return -EINVAL;

	end = strchr(colon, '/');
	snprintf(interface, sizeof(interface), "%.*s", (int)(end - path), path);
	snprintf(parent, sizeof(parent), "%.*s", (int)(input - path), path);
	link_name(interface, "driver", node->usb_driver,
		  sizeof(node->usb_driver));
	/* hrmouse's HID devices have hid-generic's name, too */
	if (strcmp(node->usb_driver, "hrmouse"))
		link_name(parent, "driver", node->driver, sizeof(node->driver));
	else
		memcpy(node->driver, node->usb_driver, sizeof(node->driver));
	snprintf(node->path, sizeof(node->path), "/dev/input/event%d",
		 node->number);
	return 0;
}

int evdev_list(int udc, int ifno, struct evdev_node *nodes, int max)
{
	static const char *const forms[] = {
		HOST_PATTERN "/*:1.*/input/input*/event*",
		HOST_PATTERN "/*:1.*/*/input/input*/event*",
	};
	char pattern[256];
	size_t form, i;
	int n = 0;

	for (form = 0; form < 2; form++) {
		glob_t found;

		snprintf(pattern, sizeof(pattern), forms[form], udc);
		if (glob(pattern, 0, NULL, &found)) {
			globfree(&found);
			continue;
		}
		for (i = 0; i < found.gl_pathc && n < max; i++) {
			if (node_from_path(found.gl_pathv[i], &nodes[n]))
				continue;
			if (ifno >= 0 && nodes[n].ifno != ifno)
				continue;
			n++;
		}
		globfree(&found);
	}
	return n;
}

/*
 * The event device is there before its driver is done, and usbhid drops
 * reports until then. Reading this attribute waits for the interface's lock,
 * which is held during the probe.
 */
static void wait_probe(int udc, int ifno)
{
	char pattern[160], value[8];
	glob_t found;

	snprintf(pattern, sizeof(pattern), HOST_PATTERN "/*:1.%d", udc, ifno);
	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc)
		read_attr(found.gl_pathv[0], "supports_autosuspend", value,
			  sizeof(value));
	globfree(&found);
}

int evdev_wait(int udc, int ifno, const char *driver, int ms,
	       struct evdev_node *node)
{
	long end = now_ms() + ms;
	struct evdev_node nodes[8];
	int n, i;

	memset(node, 0, sizeof(*node));
	for (;;) {
		n = evdev_list(udc, ifno, nodes, 8);
		for (i = 0; i < n; i++) {
			*node = nodes[i];
			/* the node in /dev comes after that in sysfs */
			if ((!driver || !strcmp(node->driver, driver)) &&
			    !access(node->path, R_OK)) {
				wait_probe(udc, ifno);
				return 0;
			}
		}
		if (now_ms() >= end)
			return -ETIMEDOUT;
		usleep(POLL_US);
	}
}

int evdev_wait_gone(int udc, int ms)
{
	long end = now_ms() + ms;
	struct evdev_node node;

	while (evdev_list(udc, -1, &node, 1) || usb_devnum(udc) >= 0) {
		if (now_ms() >= end)
			return -ETIMEDOUT;
		usleep(POLL_US);
	}
	return 0;
}

int evdev_open(const struct evdev_node *node)
{
	int fd = open(node->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- what the device says it is ----------------------------------------- */

static bool test_bit(const __u8 *bits, unsigned int n)
{
	return bits[n / 8] & (1 << n % 8);
}

static int get_string(int fd, unsigned long cmd, char *buf, size_t size)
{
	memset(buf, 0, size);
	/* -ENOENT: the device has no such string */
	if (ioctl(fd, cmd, buf) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int evdev_snap(int fd, const struct evdev_node *node, struct evdev_snapshot *s)
{
	struct input_keymap_entry ke;
	char dir[64];
	unsigned int i;
	int ret;

	memset(s, 0, sizeof(*s));
	ret = get_string(fd, EVIOCGNAME(sizeof(s->name)), s->name,
			 sizeof(s->name));
	if (!ret)
		ret = get_string(fd, EVIOCGPHYS(sizeof(s->phys)), s->phys,
				 sizeof(s->phys));
	if (!ret)
		ret = get_string(fd, EVIOCGUNIQ(sizeof(s->uniq)), s->uniq,
				 sizeof(s->uniq));
	if (ret)
		return ret;

	if (ioctl(fd, EVIOCGID, &s->id) < 0 ||
	    ioctl(fd, EVIOCGPROP(sizeof(s->props)), s->props) < 0)
		return -errno;
	for (i = 0; i < EV_CNT; i++) {
		if (i && !test_bit(s->bits[0], i))
			continue;
		/* EV_REP has values only, EV_PWR has neither */
		if (i == EV_REP) {
			if (ioctl(fd, EVIOCGREP, s->rep) < 0)
				return -errno;
			continue;
		}
		if (ioctl(fd, EVIOCGBIT(i, sizeof(s->bits[i])),
			  s->bits[i]) < 0 && i != EV_PWR)
			return -errno;
	}
	for (i = 0; i < ABS_CNT; i++) {
		if (!test_bit(s->bits[EV_ABS], i))
			continue;
		if (ioctl(fd, EVIOCGABS(i), &s->abs[i]) < 0)
			return -errno;
		/* the value is state, the rest is the device */
		s->abs[i].value = 0;
	}

	for (i = 0; i < EVDEV_MAX_KEYMAP; i++) {
		memset(&ke, 0, sizeof(ke));
		ke.flags = INPUT_KEYMAP_BY_INDEX;
		ke.index = i;
		ke.len = sizeof(__u32);
		if (ioctl(fd, EVIOCGKEYCODE_V2, &ke) < 0)
			break;
		memcpy(&s->keymap[i].scancode, ke.scancode, sizeof(__u32));
		s->keymap[i].keycode = ke.keycode;
	}
	s->nkeys = i;

	snprintf(dir, sizeof(dir), "/sys/class/input/input%d", node->input);
	return read_attr(dir, "modalias", s->modalias, sizeof(s->modalias));
}

struct report {
	char *text;
	size_t size;
	size_t used;
	int count;
};

static void differ(struct report *r, const char *fmt, ...)
{
	va_list ap;
	int n;

	r->count++;
	if (r->used >= r->size)
		return;
	if (r->used && r->used + 2 < r->size) {
		memcpy(r->text + r->used, "; ", 3);
		r->used += 2;
	}
	va_start(ap, fmt);
	n = vsnprintf(r->text + r->used, r->size - r->used, fmt, ap);
	va_end(ap);
	r->used += n;
}

static void compare_bits(struct report *r, const char *what, const __u8 *a,
			 const __u8 *b, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		if (test_bit(a, i) != test_bit(b, i))
			differ(r, "%s 0x%x: %d, %d", what, i, test_bit(a, i),
			       test_bit(b, i));
}

static void compare_string(struct report *r, const char *what, const char *a,
			   const char *b)
{
	if (strcmp(a, b))
		differ(r, "%s: \"%s\", \"%s\"", what, a, b);
}

static void compare_int(struct report *r, const char *what, unsigned int index,
			int a, int b)
{
	if (a != b)
		differ(r, "%s 0x%x: %d, %d", what, index, a, b);
}

int evdev_compare(const struct evdev_snapshot *a, const struct evdev_snapshot *b,
		  char *text, size_t size)
{
	struct report r = { .text = text, .size = size };
	char what[32];
	unsigned int i;

	text[0] = '\0';
	compare_string(&r, "name", a->name, b->name);
	compare_string(&r, "phys", a->phys, b->phys);
	compare_string(&r, "uniq", a->uniq, b->uniq);
	compare_int(&r, "bustype", 0, a->id.bustype, b->id.bustype);
	compare_int(&r, "vendor", 0, a->id.vendor, b->id.vendor);
	compare_int(&r, "product", 0, a->id.product, b->id.product);
	compare_int(&r, "version", 0, a->id.version, b->id.version);
	compare_bits(&r, "property", a->props, b->props, INPUT_PROP_CNT);
	for (i = 0; i < EV_CNT; i++) {
		snprintf(what, sizeof(what), i ? "EV 0x%x code" : "EV", i);
		compare_bits(&r, what, a->bits[i], b->bits[i], KEY_CNT);
	}
	for (i = 0; i < ABS_CNT; i++) {
		const struct input_absinfo *x = &a->abs[i], *y = &b->abs[i];

		compare_int(&r, "abs min", i, x->minimum, y->minimum);
		compare_int(&r, "abs max", i, x->maximum, y->maximum);
		compare_int(&r, "abs fuzz", i, x->fuzz, y->fuzz);
		compare_int(&r, "abs flat", i, x->flat, y->flat);
		compare_int(&r, "abs resolution", i, x->resolution,
			    y->resolution);
	}
	for (i = 0; i < 2; i++)
		compare_int(&r, "repeat", i, a->rep[i], b->rep[i]);
	compare_int(&r, "keymap size", 0, a->nkeys, b->nkeys);
	for (i = 0; i < a->nkeys && i < b->nkeys; i++) {
		compare_int(&r, "keymap scancode", i, a->keymap[i].scancode,
			    b->keymap[i].scancode);
		compare_int(&r, "keymap keycode", i, a->keymap[i].keycode,
			    b->keymap[i].keycode);
	}
	compare_string(&r, "modalias", a->modalias, b->modalias);
	return r.count;
}

/* ---- what the device does ----------------------------------------------- */

static int stream_add(struct evdev_stream *s, const struct input_event *ie)
{
	struct evdev_ev *ev;

	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 256;

		ev = realloc(s->ev, room * sizeof(*ev));
		if (!ev)
			return -ENOMEM;
		s->ev = ev;
		s->room = room;
	}
	ev = &s->ev[s->n++];
	ev->type = ie->type;
	ev->code = ie->code;
	ev->value = ie->value;
	return 0;
}

void evdev_stream_free(struct evdev_stream *s)
{
	free(s->ev);
	memset(s, 0, sizeof(*s));
}

int evdev_read(int fd, struct evdev_stream *s, int quiet_ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	struct input_event ie[64];
	int count = 0;
	ssize_t n, i;
	int ret;

	for (;;) {
		n = read(fd, ie, sizeof(ie));
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		for (i = 0; i < n / (ssize_t)sizeof(ie[0]); i++) {
			if (ie[i].type == EV_SYN && ie[i].code == SYN_DROPPED)
				return -EOVERFLOW;
			ret = stream_add(s, &ie[i]);
			if (ret)
				return ret;
			count++;
		}
		if (n > 0)
			continue;
		if (!quiet_ms)
			return count;
		ret = poll(&pfd, 1, quiet_ms);
		if (!ret)
			return count;
		if (ret < 0 && errno != EINTR)
			return -errno;
	}
}

int evdev_frame(int fd, struct evdev_ev *frame, int max, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	long end = now_ms() + ms;
	struct input_event ie;
	bool dropped = false;
	int n = 0, left;
	ssize_t got;

	for (;;) {
		got = read(fd, &ie, sizeof(ie));
		if (got == (ssize_t)sizeof(ie)) {
			if (ie.type == EV_SYN && ie.code == SYN_DROPPED)
				dropped = true;
			if (ie.type == EV_SYN && ie.code == SYN_REPORT)
				return dropped ? -EOVERFLOW : n;
			/* what is left of a frame, if only its end */
			if (dropped)
				continue;
			if (n == max)
				return -E2BIG;
			frame[n].type = ie.type;
			frame[n].code = ie.code;
			frame[n++].value = ie.value;
			continue;
		}
		if (got < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		left = end - now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
		poll(&pfd, 1, left);
	}
}

bool evdev_stream_equal(const struct evdev_stream *a,
			const struct evdev_stream *b, char *text, size_t size)
{
	static const struct evdev_ev none;
	const struct evdev_ev *x, *y;
	unsigned int frame = 0;
	size_t i;

	text[0] = '\0';
	for (i = 0; i < a->n && i < b->n; i++) {
		x = &a->ev[i];
		y = &b->ev[i];
		if (x->type != y->type || x->code != y->code ||
		    x->value != y->value)
			break;
		if (x->type == EV_SYN && x->code == SYN_REPORT)
			frame++;
	}
	if (i == a->n && i == b->n)
		return true;
	x = i < a->n ? &a->ev[i] : &none;
	y = i < b->n ? &b->ev[i] : &none;
	snprintf(text, size,
		 "event %zu (frame %u): %u/0x%x %d, %u/0x%x %d; %zu and %zu events",
		 i, frame, x->type, x->code, x->value, y->type, y->code,
		 y->value, a->n, b->n);
	return false;
}
