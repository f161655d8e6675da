/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of the driver share
 */

#ifndef _HRMOUSE_H
#define _HRMOUSE_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/usb.h>
#include <linux/workqueue.h>

#include "plan.h"

/* The name has to be as long as that of a struct hid_device */
#define HRM_NAME_LEN	128
#define HRM_PATH_LEN	64

/**
 * struct hrm_descriptor - the report descriptor of an interface
 * @bytes: the descriptor
 * @size: its length in bytes
 * @version: bcdHID
 */
struct hrm_descriptor {
	u8 *bytes;
	size_t size;
	u16 version;
};

/**
 * struct hrm_mouse - an interface that hrmouse drives
 * @plan: what to do with a report
 * @data: the report buffer
 * @draining: drop reports: they are from before the device was opened
 * @told_short: the log has a line about reports that are too short
 * @told_lost: the log has a line about reports that did not arrive
 * @retry_ms: pause before the next try after a transfer error, 0 if none
 * @marked: jiffies at which runtime PM has last heard of a busy device
 * @urb: the interrupt transfer
 * @retry_until: jiffies at which a series of errors calls for a reset
 * @halted: the endpoint has to be cleared
 * @retry: submits @urb again after an error
 * @udev: the USB device
 * @intf: the interface
 * @lock: protects the members below, and starting and stopping of @urb
 * @users: open input devices
 * @running: @urb may be submitted
 * @suspended: no transfers for now
 * @gone: no transfers any more
 * @desc: the report descriptor
 * @debugfs: the interface's directory
 * @name: as hid-core composes it
 * @phys: likewise
 * @uniq: serial number
 */
struct hrm_mouse {
	struct hrm_plan *plan;
	u8 *data;
	bool draining;
	bool told_short;
	bool told_lost;
	unsigned int retry_ms;
	unsigned long marked;
	struct urb *urb;
	unsigned long retry_until;
	bool halted;
	struct delayed_work retry;
	struct usb_device *udev;
	struct usb_interface *intf;
	struct mutex lock;	/* users, running, suspended, gone */
	unsigned int users;
	bool running;
	bool suspended;
	bool gone;
	struct hrm_descriptor desc;
	struct dentry *debugfs;
	char name[HRM_NAME_LEN];
	char phys[HRM_PATH_LEN];
	char uniq[HRM_PATH_LEN];
};

/* claim.c */
void hrm_claim_start(void);
void hrm_claim_stop(void);
void hrm_claim_end(void);
bool hrm_claim_candidate(struct usb_interface *intf);
void hrm_claim_failed(struct usb_interface *intf);
void hrm_claim_taken(struct usb_interface *intf);
void hrm_claim_released(struct usb_interface *intf);
int hrm_claim_read(struct usb_interface *intf, struct hrm_descriptor *desc);
struct hrm_plan *hrm_claim_plan(struct usb_interface *intf, const u8 *bytes,
				size_t size,
				struct hrm_caps caps[HRM_MAX_INPUTS],
				bool *per_application);

/* input.c */
int hrm_input_register(struct hrm_mouse *mouse, u16 version,
		       const struct hrm_caps *caps, bool per_application);

/* stats.c */
extern struct dentry *hrm_stats_root;

void hrm_stats_start(void);
void hrm_stats_end(void);
void hrm_stats_add(struct hrm_mouse *mouse);
void hrm_stats_remove(struct hrm_mouse *mouse);

/* transfer.c */
int hrm_transfer_init(struct hrm_mouse *mouse,
		      const struct usb_endpoint_descriptor *ep);
int hrm_transfer_open(struct hrm_mouse *mouse);
void hrm_transfer_close(struct hrm_mouse *mouse);
int hrm_transfer_suspend(struct hrm_mouse *mouse, bool autosuspend);
void hrm_transfer_resume(struct hrm_mouse *mouse);
void hrm_transfer_end(struct hrm_mouse *mouse);

#endif /* _HRMOUSE_H */
