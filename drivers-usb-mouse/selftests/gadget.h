/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A USB HID device played through /dev/raw-gadget on a dummy_udc instance.
 *
 * Describe the device with struct gadget_desc, then
 *
 *	g = gadget_plug(&desc, 0);
 *	gadget_wait_configured(g, 5000);
 *	gadget_report(g, 0, report, sizeof(report));
 *	gadget_unplug(g);
 *
 * Control requests are answered by a thread of the library and recorded.
 * Everything that returns int returns 0 (or a count) or a negative errno.
 */
#ifndef SELFTEST_GADGET_H
#define SELFTEST_GADGET_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <linux/usb/ch9.h>

#define GADGET_MAX_IFS		4
#define GADGET_MAX_EPS		4
#define GADGET_MAX_DATA		4096

/* what <linux/hid.h> keeps to the kernel */
#define HID_DESC_HID		0x21
#define HID_DESC_REPORT		0x22
#define HID_GET_REPORT		0x01
#define HID_GET_IDLE		0x02
#define HID_GET_PROTOCOL	0x03
#define HID_SET_REPORT		0x09
#define HID_SET_IDLE		0x0a
#define HID_SET_PROTOCOL	0x0b
#define HID_INPUT		1
#define HID_OUTPUT		2
#define HID_FEATURE		3

/* struct gadget_if.flags: how the interface misbehaves */
#define GADGET_STALL_CLASS	0x0001	/* stall every class request */
#define GADGET_NO_HID_DESC	0x0002	/* no HID descriptor at all */
#define GADGET_HID_AFTER_EP	0x0004	/* HID descriptor follows the endpoint */
#define GADGET_STALL_RDESC	0x0008	/* stall GET_DESCRIPTOR(REPORT) */
#define GADGET_MUTE_RDESC	0x0010	/* answer it too late */
#define GADGET_EMPTY_RDESC	0x0020	/* answer it with a zero length packet */

struct gadget_ep {
	__u8 addr;		/* number 0: the UDC's first free one */
	__u8 attr;		/* 0: interrupt */
	__u16 maxp;
	__u8 interval;
	bool zlp;		/* end full-packet reports with an empty packet */
};

struct gadget_if {
	__u8 class;		/* 0: HID */
	__u8 subclass;
	__u8 protocol;
	const __u8 *rdesc;
	size_t rdesc_len;
	const struct gadget_ep *eps;
	size_t neps;
	unsigned int flags;
	__u16 bcd_hid;	/* 0: 1.11 */
	int rdesc_claim;	/* wDescriptorLength: 0 the truth, -1 zero */
	size_t rdesc_answer;	/* bytes really sent; 0: all of them */
	const __u8 *hid_desc; /* replaces the HID descriptor */
	size_t hid_desc_len;
};

/* a control request, in the byte order of the host */
struct gadget_setup {
	__u8 type;		/* bmRequestType */
	__u8 request;
	__u16 value;
	__u16 index;
	__u16 length;
};

enum gadget_answer {
	GADGET_DEFAULT,		/* let the library answer */
	GADGET_REPLY,		/* IN: *len bytes of data; OUT: acknowledge */
	GADGET_STALL,
	GADGET_MUTE,		/* let the host run into its time-out */
};

struct gadget;

struct gadget_desc {
	__u16 vid;
	__u16 pid;
	__u16 bcd_device;
	__u16 bcd_usb;	/* 0: 2.00 */
	const char *manufacturer;	/* NULL: no such string */
	const char *product;
	const char *serial;
	enum usb_device_speed speed;	/* 0: full */
	bool remote_wakeup;
	const struct gadget_if *ifs;
	size_t nifs;
	/*
	 * Sees each control request first. For OUT data, data and *len hold
	 * what the host sent.
	 */
	enum gadget_answer (*setup)(struct gadget *g,
				    const struct gadget_setup *setup,
				    __u8 *data, size_t *len);
	void *priv;
};

/* one control request that the device saw */
struct gadget_request {
	struct gadget_setup setup;
	bool stalled;
	size_t len;		/* of the OUT data */
	__u8 data[64];	/* its first bytes */
};

struct gadget_stats {
	unsigned int resets;
	unsigned int set_config;	/* SET_CONFIGURATION requests */
	unsigned int suspends;
	unsigned int resumes;
	unsigned int rdesc_reads;
	unsigned int requests;
};

/*
 * dummy_udc.<udc> gets the device. Waits for an earlier device to be gone
 * from there. NULL with errno set on failure.
 */
struct gadget *gadget_plug(const struct gadget_desc *desc, int udc);
void gadget_unplug(struct gadget *g);
const struct gadget_desc *gadget_desc(const struct gadget *g);

/* number of dummy_udc instances, 0 without the modules */
int gadget_udc_count(void);
int gadget_wait_configured(struct gadget *g, int ms);

/* Sends an interrupt IN report, returns when the host has taken it. */
int gadget_report(struct gadget *g, int ifno, const void *buf, size_t len);
/* The same, -ETIMEDOUT (and nothing sent) if the host does not poll. */
int gadget_report_timeout(struct gadget *g, int ifno, const void *buf,
			  size_t len, int ms);
/*
 * Waits for what the host sends to the interrupt OUT endpoint. Returns its
 * length; -ETIMEDOUT if nothing comes.
 */
int gadget_receive(struct gadget *g, int ifno, void *buf, size_t len, int ms);

/* Sends reports round and round from a thread of its own until stopped. */
int gadget_stream_start(struct gadget *g, int ifno, const void *reports,
			size_t count, size_t len, int period_us);
/* number of reports that the host took so far */
unsigned long gadget_stream_sent(struct gadget *g, int ifno);
int gadget_stream_stop(struct gadget *g, int ifno);

/* halts the interrupt IN endpoint, as a device in trouble does */
int gadget_halt(struct gadget *g, int ifno);
/* the same, and the host cannot clear it; off: it can be used again */
int gadget_wedge(struct gadget *g, int ifno, bool on);
/*
 * A deaf interrupt IN endpoint is one that the device does not have: the
 * host's transfers to it end with -EPROTO. Reports fail meanwhile.
 */
int gadget_deaf(struct gadget *g, int ifno, bool on);

/*
 * Pulls the plug in the midst of a control request: for use in setup, whose
 * answer is lost then. gadget_unplug() is still needed.
 */
void gadget_pull(struct gadget *g);
/* wakes a suspended host, if that has allowed it to the device */
int gadget_wakeup(int udc);

void gadget_get_stats(struct gadget *g, struct gadget_stats *stats);
/*
 * How many requests had this bmRequestType and bRequest since plug; the last
 * one is copied to *last (may be NULL).
 */
int gadget_requests(struct gadget *g, __u8 type, __u8 request,
		    struct gadget_request *last);
/* waits until there were at least count of them */
int gadget_wait_requests(struct gadget *g, __u8 type, __u8 request,
			 int count, int ms);

/* what GET_REPORT answers and SET_REPORT changes; without a value it stalls */
int gadget_set_report(struct gadget *g, int ifno, __u8 type, __u8 id,
		      const void *buf, size_t len);
int gadget_get_report(struct gadget *g, int ifno, __u8 type, __u8 id,
		      void *buf, size_t len);
/* as the host set them last: protocol 1 is "report", idle in 4 ms */
int gadget_protocol(struct gadget *g, int ifno);
int gadget_idle(struct gadget *g, int ifno);

#endif /* SELFTEST_GADGET_H */
