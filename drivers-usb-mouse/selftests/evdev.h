/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The event devices of a gadget, as userspace sees them.
 *
 * A gadget is found by the dummy_udc instance it is plugged into, because
 * some devices have no serial number.
 */
#ifndef SELFTEST_EVDEV_H
#define SELFTEST_EVDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/input.h>

#define EVDEV_MAX_KEYMAP	512
#define EVDEV_MAX_FRAME		64

struct evdev_node {
	int number;		/* N of /dev/input/eventN */
	int input;		/* N of inputN: differs after each registration */
	int ifno;		/* USB interface */
	char driver[32];	/* "hrmouse", or of the parent: "hid-generic", ... */
	char usb_driver[32];	/* of the USB interface */
	char path[64];		/* /dev/input/eventN */
};

struct evdev_key {
	__u32 scancode;
	__u32 keycode;
};

struct evdev_snapshot {
	char name[256];
	char phys[256];
	char uniq[256];
	struct input_id id;
	__u8 props[INPUT_PROP_CNT / 8];
	/* bits[0]: event types, bits[EV_x]: codes of the type */
	__u8 bits[EV_CNT][KEY_CNT / 8];
	struct input_absinfo abs[ABS_CNT];
	unsigned int rep[2];
	struct evdev_key keymap[EVDEV_MAX_KEYMAP];
	unsigned int nkeys;
	char modalias[1024];
};

struct evdev_ev {
	__u16 type;
	__u16 code;
	__s32 value;
};

/* grows as needed; start with { 0 }, end with evdev_stream_free() */
struct evdev_stream {
	struct evdev_ev *ev;
	size_t n;
	size_t room;
};

/* The USB driver of an interface, "" if it has none; -ENODEV: no interface */
int usb_driver(int udc, int ifno, char *driver, size_t size);
/* number the host gave the device; a new enumeration changes it */
int usb_devnum(int udc);
/* waits until the interfaces of a configured device have been probed */
int usb_settle(int udc);

/* all event devices of the gadget (ifno -1: of all interfaces), up to max */
int evdev_list(int udc, int ifno, struct evdev_node *nodes, int max);
/*
 * Waits for an event device of the interface, and until its driver's probe is
 * over. driver (may be NULL) is the one wanted: eventN/device/device/driver.
 * -ETIMEDOUT leaves in node what is there instead.
 */
int evdev_wait(int udc, int ifno, const char *driver, int ms,
	       struct evdev_node *node);
int evdev_wait_gone(int udc, int ms);

/* both return a file descriptor or -errno; non-blocking */
int evdev_open(const struct evdev_node *node);

int evdev_snap(int fd, const struct evdev_node *node, struct evdev_snapshot *s);
/*
 * Number of differences; the first ones are described in text. Two snapshots
 * of one gadget are wanted equal in everything.
 */
int evdev_compare(const struct evdev_snapshot *a, const struct evdev_snapshot *b,
		  char *text, size_t size);

/*
 * Appends what can be read until the device is quiet for quiet_ms (0: what is
 * there). Returns the number of events, -ENODEV once the device is gone,
 * -EOVERFLOW if the kernel dropped events (SYN_DROPPED).
 */
int evdev_read(int fd, struct evdev_stream *s, int quiet_ms);
/*
 * One frame without its SYN_REPORT: the number of events in it, 0 for an
 * empty frame, -ETIMEDOUT. Do not mix with evdev_read() in mid-frame.
 */
int evdev_frame(int fd, struct evdev_ev *frame, int max, int ms);
void evdev_stream_free(struct evdev_stream *s);
/* true if equal; otherwise where and how they differ */
bool evdev_stream_equal(const struct evdev_stream *a,
			const struct evdev_stream *b, char *text, size_t size);

#endif /* SELFTEST_EVDEV_H */
