/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the driver share
 */

#ifndef _HRMOUSE_H
#define _HRMOUSE_H

#include <linux/jump_label.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/usb.h>
#include <linux/workqueue.h>

#include "plan.h"

struct hid_device;

/* The name has to be as long as that of a struct hid_device */
#define HRM_NAME_LEN	128
#define HRM_PATH_LEN	64

/**
 * struct hrm_descriptor - the report descriptor of an interface
 * @bytes: the descriptor
 * @size: its length in bytes
 * @version: bcdHID
 * @country: bCountryCode
 */
struct hrm_descriptor {
	u8 *bytes;
	size_t size;
	u16 version;
	u8 country;
};

struct hrm_mouse;

/**
 * struct hrm_rest_ops - what hrmouse_rest does for hrmouse
 * @add: make the HID device; may sleep, called from probe
 * @remove: undo @add, the transfers having ended; may sleep
 * @report: a report for hid-core; any context
 * @raw: a report that the plan takes, for hidraw; any context
 * @busy: whether a key of any input device is down, or an LED lit; may sleep
 * @suspend: the HID driver's, transfers going on; may sleep
 * @resume: likewise, after a reset or without
 */
struct hrm_rest_ops {
	int (*add)(struct hrm_mouse *mouse);
	void (*remove)(struct hrm_mouse *mouse);
	void (*report)(struct hrm_mouse *mouse, u8 *data, size_t size,
		       unsigned int len);
	void (*raw)(struct hrm_mouse *mouse, u8 *data, unsigned int len);
	bool (*busy)(struct hrm_mouse *mouse);
	int (*suspend)(struct hrm_mouse *mouse, pm_message_t message);
	void (*resume)(struct hrm_mouse *mouse, bool reset);
};

/* Not linked but looked up: hrmouse works without */
extern const struct hrm_rest_ops hrm_rest_ops;

/**
 * struct hrm_rest_host - what hrmouse does for hrmouse_rest
 * @open: hrm_transfer_open()
 * @close: hrm_transfer_close()
 * @plan: hrm_transfer_plan()
 */
struct hrm_rest_host {
	int (*open)(struct hrm_mouse *mouse);
	void (*close)(struct hrm_mouse *mouse);
	void (*plan)(struct hrm_mouse *mouse,
		     bool (*bind)(struct hrm_mouse *mouse));
};

/* What is counted when something goes wrong */
enum hrm_count {
	HRM_DROPPED_EMPTY,	/* a packet of no bytes is no report */
	HRM_DROPPED_SHORT,
	HRM_DROPPED_UNKNOWN,	/* report ID */
	HRM_DROPPED_OLD,	/* from before the device was opened */
	HRM_ERROR_STALL,
	HRM_ERROR_PROTOCOL,
	HRM_ERROR_OVERFLOW,
	HRM_ERROR_OTHER,
	HRM_ERROR_SUBMIT,
	HRM_RESETS,
	HRM_N_COUNTS
};

/* Intervals between reports: below 1 us, below 2, 4, … 2^20 us */
#define HRM_N_GAPS	21

/**
 * struct hrm_gaps - intervals between reports, measured where somebody asks
 * @last: time of the previous report, 0 if there is none
 * @sum: of all intervals, in ns
 * @min: the shortest, in ns
 * @max: the longest, in ns
 * @counts: how many there were of which length
 */
struct hrm_gaps {
	ktime_t last;
	u64 sum;
	u32 min;
	u32 max;
	u32 counts[HRM_N_GAPS];
};

#define HRM_MAX_DEPTH	16

/* Jiffies between two looks; a device may be suspended by so much too early */
#define HRM_BUSY	(HZ / 16)

/**
 * struct hrm_pool - interrupt transfers of one endpoint
 * @buffers: where they put the reports
 * @dma: the DMA address of @buffers
 * @depth: how many there are
 * @urbs: the transfers
 */
struct hrm_pool {
	u8 *buffers;
	dma_addr_t dma;
	unsigned int depth;
	struct urb *urbs[] __counted_by(depth);
};

/**
 * struct hrm_mouse - an interface that hrmouse drives
 * @plan: what to do with a report
 * @last_look: jiffies at which a report saw to what does not concern each
 * @reports: packets that came
 * @bytes: their lengths
 * @dropping: reports are from before the device was opened
 * @planned: the plan's input devices are there; without @hid they always are
 * @raw: somebody has hidraw open
 * @halted: the endpoint has to be cleared
 * @retry_ms: pause before the next try after a transfer error, 0 if none
 * @retry_until: jiffies at which a series of errors calls for a reset
 * @n_resets: resets since the last report
 * @counts: what went wrong so far
 * @gaps: intervals between reports
 * @gaps_stale: @gaps are to start anew
 * @idle: which of @pool are not in flight
 * @pool: the interrupt transfers
 * @depth_set: the number that was asked for, 0 for what the interval calls for
 * @retry: submits again after an error
 * @udev: the USB device
 * @intf: the interface
 * @ep: the interrupt IN endpoint
 * @interval: its bInterval as the device has it
 * @lock: protects the members below, @pool, and starting and stopping it
 * @users: open input devices
 * @always_poll: the device drops off the bus when it is not polled
 * @running: @pool may be submitted
 * @suspended: no transfers for now
 * @gone: no transfers any more
 * @bound: @hid has its driver
 * @hid: the HID device, or NULL; that and the next three are hrmouse_rest's
 * @rest: what made it
 * @host: what it may call
 * @setkeycode: hid-input's
 * @desc: the report descriptor
 * @node: in the list of all that debugfs shows
 * @name: as hid-core composes it
 * @phys: likewise
 * @uniq: serial number
 */
struct hrm_mouse {
	struct hrm_plan *plan;
	unsigned long last_look;
	unsigned long reports;
	unsigned long bytes;
	bool dropping;
	bool planned;
	bool raw;
	bool halted;
	u8 n_resets;
	unsigned int retry_ms;
	unsigned long retry_until;
	unsigned long counts[HRM_N_COUNTS];
	struct hrm_gaps gaps;
	bool gaps_stale;
	unsigned long idle;
	struct hrm_pool *pool;
	unsigned int depth_set;
	struct delayed_work retry;
	struct usb_device *udev;
	struct usb_interface *intf;
	struct usb_endpoint_descriptor *ep;
	u8 interval;
	struct mutex lock;	/* users to bound, pool */
	unsigned int users;
	bool always_poll;
	bool running;
	bool suspended;
	bool gone;
	bool bound;
	struct hid_device *hid;
	const struct hrm_rest_ops *rest;
	const struct hrm_rest_host *host;
	int (*setkeycode)(struct input_dev *input,
			  const struct input_keymap_entry *ke,
			  unsigned int *old_keycode);
	struct hrm_descriptor desc;
	struct list_head node;
	char name[HRM_NAME_LEN];
	char phys[HRM_PATH_LEN];
	char uniq[HRM_PATH_LEN];
};

/* The next report looks, however long it takes to come */
static inline void hrm_look_next(struct hrm_mouse *mouse)
{
	WRITE_ONCE(mouse->last_look, jiffies - HRM_BUSY);
}

/* claim.c */
void hrm_claim_start(void);
void hrm_claim_stop(void);
void hrm_claim_end(void);
bool hrm_claim_candidate(struct usb_interface *intf);
void hrm_claim_failed(struct usb_interface *intf);
void hrm_claim_taken(struct usb_interface *intf);
void hrm_claim_released(struct usb_interface *intf);
bool hrm_claim_polled(struct usb_device *udev);
const struct hrm_rest_ops *hrm_claim_rest(void);
int hrm_claim_read(struct usb_interface *intf, struct hrm_descriptor *desc);
int hrm_claim_compare(struct usb_interface *intf,
		      const struct hrm_descriptor *desc);
struct hrm_plan *hrm_claim_plan(struct usb_interface *intf, const u8 *bytes,
				size_t size,
				struct hrm_caps caps[HRM_MAX_INPUTS],
				bool *per_application);

/* driver.c */
void hrm_configure(struct hrm_mouse *mouse);

/* input.c */
void hrm_input_names(struct hrm_mouse *mouse);
int hrm_input_register(struct hrm_mouse *mouse, u16 version,
		       const struct hrm_caps *caps, bool per_application);

/* stats.c */
DECLARE_STATIC_KEY_FALSE(hrm_stats_wanted);

extern struct dentry *hrm_stats_root;
extern const struct attribute_group *hrm_groups[];

void hrm_stats_start(void);
void hrm_stats_end(void);
void hrm_stats_add(struct hrm_mouse *mouse);
void hrm_stats_remove(struct hrm_mouse *mouse);
void hrm_stats_report(struct hrm_mouse *mouse, const struct urb *urb);

/* transfer.c */
extern const struct hrm_rest_host hrm_transfer_host;

int hrm_transfer_init(struct hrm_mouse *mouse,
		      struct usb_endpoint_descriptor *ep);
int hrm_transfer_open(struct hrm_mouse *mouse);
void hrm_transfer_close(struct hrm_mouse *mouse);
int hrm_transfer_suspend(struct hrm_mouse *mouse, bool autosuspend);
void hrm_transfer_resume(struct hrm_mouse *mouse);
void hrm_transfer_reset(struct hrm_mouse *mouse);
void hrm_transfer_end(struct hrm_mouse *mouse);
int hrm_transfer_poll(struct hrm_mouse *mouse, bool always);
int hrm_transfer_set_depth(struct hrm_mouse *mouse, unsigned int depth);
unsigned int hrm_transfer_depth(struct hrm_mouse *mouse);
unsigned int hrm_transfer_interval(struct hrm_mouse *mouse);
int hrm_transfer_set_interval(struct hrm_mouse *mouse, unsigned int us);

#endif /* _HRMOUSE_H */
