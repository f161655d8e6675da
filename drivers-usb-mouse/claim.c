// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which interfaces are ours, the hand-over from usbhid and back
 *
 * No mouse is ever left without a driver: an interface whose probe fails here
 * is remembered as refused and offered to usbhid, and what hrmouse has when it
 * is unloaded goes back to usbhid.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bsearch.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/kmod.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/usb.h>
#include <linux/usb/hid_claim.h>
#include <linux/workqueue.h>

#include "claim-ids.h"
#include "hrmouse.h"
#include "rdesc.h"
#include "trace.h"

/* HID 1.11, 6.2.1, with the one subordinate descriptor that is mandatory */
struct hrm_hid_descriptor {
	u8 length;
	u8 type;
	__le16 version;
	u8 country;
	u8 n_descriptors;
	u8 report_type;
	__le16 report_length;
} __packed;

#define HRM_READ_TRIES	4
#define HRM_MAX_IGNORED	32

static char *hrm_ignore[HRM_MAX_IGNORED];
static int hrm_n_ignored;
module_param_array_named(ignore, hrm_ignore, charp, &hrm_n_ignored, 0444);
MODULE_PARM_DESC(ignore, "Devices to leave to usbhid: vendor:product in hexadecimal, with commas between them");

/* Stands for all products of a vendor in the lists of ids */
#define HRM_ANY_PRODUCT	0xffff

struct hrm_claim {
	struct usb_interface *intf;
	struct hrm_why why;	/* it is left to usbhid */
	bool failed;		/* its probe failed: never again */
	bool pending;		/* to be offered to usbhid */
	struct list_head node;
};

static DEFINE_MUTEX(hrm_claim_lock);
static DEFINE_MUTEX(hrm_rest_lock);
/* Held from the first interface that needs it until hrmouse is unloaded */
static const struct hrm_rest_ops *hrm_rest;
/* Interfaces that usbhid keeps, until they are unplugged */
static LIST_HEAD(hrm_left);
/* Interfaces that hrmouse had when it was unloaded */
static LIST_HEAD(hrm_released);
static bool hrm_leaving;

static struct hrm_claim *hrm_claim_add(struct list_head *list,
				       struct usb_interface *intf)
{
	struct hrm_claim *claim;

	lockdep_assert_held(&hrm_claim_lock);

	/* A mouse that is on no list would be left without a driver */
	claim = kzalloc(sizeof(*claim), GFP_KERNEL | __GFP_NOFAIL);
	claim->intf = usb_get_intf(intf);
	/* The core unbinds the last one first: they go back in their order */
	list_add(&claim->node, list);
	return claim;
}

static void hrm_claim_del(struct hrm_claim *claim)
{
	list_del(&claim->node);
	usb_put_intf(claim->intf);
	kfree(claim);
}

static struct hrm_claim *hrm_claim_find(struct usb_interface *intf)
{
	struct hrm_claim *claim;

	lockdep_assert_held(&hrm_claim_lock);

	list_for_each_entry(claim, &hrm_left, node)
		if (claim->intf == intf)
			return claim;
	return NULL;
}

/* Why an interface stays with usbhid; in debugfs until it is unplugged */
static void hrm_claim_leave(struct usb_interface *intf, const char *text,
			    u32 usage)
{
	struct hrm_claim *claim;

	dev_dbg(&intf->dev, "not for hrmouse: %s (usage %08x)\n", text, usage);

	guard(mutex)(&hrm_claim_lock);
	claim = hrm_claim_find(intf) ?: hrm_claim_add(&hrm_left, intf);
	/* The first reason of a probe is the one that counts */
	if (!claim->failed)
		claim->why = (struct hrm_why) { text, usage };
}

static int hrm_left_show(struct seq_file *seq, void *unused)
{
	struct hrm_claim *claim;

	guard(mutex)(&hrm_claim_lock);
	list_for_each_entry_reverse(claim, &hrm_left, node) {
		seq_printf(seq, "%s: %s", dev_name(&claim->intf->dev),
			   claim->why.text);
		if (claim->why.usage)
			seq_printf(seq, " (usage %08x)", claim->why.usage);
		seq_putc(seq, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hrm_left);

/* Let the driver core look for a driver; does nothing where there is one */
static void hrm_claim_attach(struct usb_interface *intf)
{
	struct usb_device *udev = interface_to_usbdev(intf);

	usb_lock_device(udev);
	if (device_attach(&intf->dev) < 0)
		dev_err(&intf->dev, "no driver can be attached\n");
	usb_unlock_device(udev);
}

/* Not from probe itself, which is called under the lock that this needs */
static void hrm_claim_offer(struct work_struct *work)
{
	struct usb_interface *intf;
	struct hrm_claim *claim;

	do {
		intf = NULL;
		scoped_guard(mutex, &hrm_claim_lock) {
			list_for_each_entry(claim, &hrm_left, node) {
				if (!claim->pending)
					continue;
				claim->pending = false;
				intf = usb_get_intf(claim->intf);
				break;
			}
		}
		if (intf) {
			hrm_claim_attach(intf);
			usb_put_intf(intf);
		}
	} while (intf);
}

static DECLARE_WORK(hrm_claim_work, hrm_claim_offer);

/* A probe of the interface has failed: it is usbhid's until it is unplugged */
static bool hrm_claim_refused(struct usb_interface *intf)
{
	struct hrm_claim *claim;

	guard(mutex)(&hrm_claim_lock);
	claim = hrm_claim_find(intf);
	return claim && claim->failed;
}

/**
 * hrm_claim_failed() - leave an interface to usbhid from now on
 * @intf: the interface, its probe about to fail
 *
 * Context: may sleep.
 */
void hrm_claim_failed(struct usb_interface *intf)
{
	struct hrm_claim *claim;

	guard(mutex)(&hrm_claim_lock);
	claim = hrm_claim_find(intf);
	if (!claim) {
		claim = hrm_claim_add(&hrm_left, intf);
		claim->why.text = "its probe failed, see the log";
	}
	claim->failed = true;
	claim->pending = true;
	trace_hrmouse_handover(intf, "left");
	schedule_work(&hrm_claim_work);
}

/**
 * hrm_claim_taken() - an interface is hrmouse's
 * @intf: the interface, its probe about to succeed
 *
 * Context: may sleep.
 */
void hrm_claim_taken(struct usb_interface *intf)
{
	struct hrm_claim *claim;

	trace_hrmouse_handover(intf, "taken");
	guard(mutex)(&hrm_claim_lock);
	claim = hrm_claim_find(intf);
	if (claim)
		hrm_claim_del(claim);
}

/**
 * hrm_claim_released() - an interface is being unbound
 * @intf: the interface
 *
 * Context: may sleep.
 */
void hrm_claim_released(struct usb_interface *intf)
{
	trace_hrmouse_handover(intf, "released");
	guard(mutex)(&hrm_claim_lock);
	/* Otherwise it was unplugged, or unbound by somebody who means it */
	if (hrm_leaving)
		hrm_claim_add(&hrm_released, intf);
}

static int hrm_claim_notify(struct notifier_block *nb, unsigned long action,
			    void *data)
{
	struct hrm_claim *claim, *next;

	if (action != USB_DEVICE_REMOVE)
		return NOTIFY_DONE;

	guard(mutex)(&hrm_claim_lock);
	list_for_each_entry_safe(claim, next, &hrm_left, node)
		if (interface_to_usbdev(claim->intf) == data)
			hrm_claim_del(claim);
	return NOTIFY_OK;
}

static struct notifier_block hrm_claim_nb = {
	.notifier_call = hrm_claim_notify,
};

/* One control transfer, repeated while the device sends less than asked for */
static int hrm_claim_fetch(struct usb_interface *intf, u8 *bytes, size_t size)
{
	struct usb_device *udev = interface_to_usbdev(intf);
	int tries, ret = 0;

	for (tries = 0; tries < HRM_READ_TRIES && ret < (int)size; tries++)
		ret = usb_control_msg(udev, usb_rcvctrlpipe(udev, 0),
				      USB_REQ_GET_DESCRIPTOR,
				      USB_RECIP_INTERFACE | USB_DIR_IN,
				      HID_DT_REPORT << 8,
				      intf->cur_altsetting->desc.bInterfaceNumber,
				      bytes, size, USB_CTRL_GET_TIMEOUT);
	return ret;
}

/**
 * hrm_claim_read() - read the report descriptor of an interface
 * @intf: the interface
 * @desc: set to the descriptor, whose bytes live as long as the binding
 *
 * As lenient as usbhid: what a device leaves out of its descriptor reads as
 * zero, and a wrong number of optional descriptors does not matter.
 *
 * Context: may sleep; the device is awake.
 *
 * Return: 0 or a negative error number.
 */
int hrm_claim_read(struct usb_interface *intf, struct hrm_descriptor *desc)
{
	struct usb_host_interface *alt = intf->cur_altsetting;
	struct hrm_hid_descriptor *hid;
	int ret;

	if (usb_get_extra_descriptor(alt, HID_DT_HID, &hid) &&
	    (!alt->desc.bNumEndpoints ||
	     usb_get_extra_descriptor(&alt->endpoint[0], HID_DT_HID, &hid)))
		return dev_err_probe(&intf->dev, -ENODEV, "no HID descriptor\n");

	desc->version = le16_to_cpu(hid->version);
	desc->country = hid->country;
	desc->size = hid->report_type == HID_DT_REPORT ?
		     le16_to_cpu(hid->report_length) : 0;
	if (!desc->size || desc->size > HID_MAX_DESCRIPTOR_SIZE)
		return dev_err_probe(&intf->dev, -EINVAL,
				     "report descriptor of %zu bytes\n",
				     desc->size);

	desc->bytes = devm_kzalloc(&intf->dev, desc->size, GFP_KERNEL);
	if (!desc->bytes)
		return -ENOMEM;

	ret = hrm_claim_fetch(intf, desc->bytes, desc->size);
	if (ret < 0)
		return dev_err_probe(&intf->dev, ret,
				     "cannot read the report descriptor\n");
	return 0;
}

/**
 * hrm_claim_compare() - whether a device is still the one that it was
 * @intf: the interface
 * @desc: its descriptor as hrm_claim_read() has read it
 *
 * Context: may sleep, and does not wait for storage; the device is awake.
 *
 * Return: 0, -ESTALE if the report descriptor is another one, or the error of
 * reading it.
 */
int hrm_claim_compare(struct usb_interface *intf,
		      const struct hrm_descriptor *desc)
{
	u8 *bytes __free(kfree) = kzalloc(desc->size, GFP_NOIO);
	int ret;

	if (!bytes)
		return -ENOMEM;
	ret = hrm_claim_fetch(intf, bytes, desc->size);
	if (ret < 0)
		return ret;
	return memcmp(bytes, desc->bytes, desc->size) ? -ESTALE : 0;
}

/**
 * hrm_claim_rest() - hrmouse_rest, which makes HID devices
 *
 * It is loaded with the first interface that has use for it.
 *
 * Context: may sleep.
 *
 * Return: what it does, or NULL if it is not there.
 */
const struct hrm_rest_ops *hrm_claim_rest(void)
{
	if (!IS_ENABLED(CONFIG_USB_HRMOUSE_REST))
		return NULL;

	guard(mutex)(&hrm_rest_lock);
	if (!hrm_rest)
		hrm_rest = symbol_get(hrm_rest_ops);
	if (!hrm_rest && !request_module("hrmouse_rest"))
		hrm_rest = symbol_get(hrm_rest_ops);
	return hrm_rest;
}

/* Without usbhid nobody would drive the mouse of an interface that has more */
static bool hrm_claim_partial(void)
{
	return hrm_claim_rest() || !IS_ENABLED(CONFIG_USB_HID);
}

/**
 * hrm_claim_plan() - the plan for an interface, if it is one for hrmouse
 * @intf: the interface
 * @bytes: its report descriptor
 * @size: length of @bytes
 * @caps: set to what the plan's input devices declare
 * @per_application: set to whether there is more than one application
 *
 * Context: may sleep.
 *
 * Return: the plan, or ERR_PTR(): -EINVAL for a malformed descriptor,
 * -EOPNOTSUPP for one that holds no mouse or pointer, or more than that and
 * there is nobody for the rest, -ENOMEM.
 */
struct hrm_plan *hrm_claim_plan(struct usb_interface *intf, const u8 *bytes,
				size_t size,
				struct hrm_caps caps[HRM_MAX_INPUTS],
				bool *per_application)
{
	struct hrm_why why, why_not;
	struct hrm_plan *plan;
	struct hrm_rdesc *rd;
	size_t at;

	rd = hrm_rdesc_parse(bytes, size, &at);
	if (IS_ERR(rd)) {
		if (PTR_ERR(rd) == -EINVAL) {
			dev_warn_ratelimited(&intf->dev,
					     "malformed report descriptor, byte %zu of %zu\n",
					     at, size);
			hrm_claim_leave(intf, "malformed report descriptor", 0);
		}
		return ERR_CAST(rd);
	}

	plan = hrm_plan_compile(rd, false, caps, &why);
	if (PTR_ERR(plan) == -EOPNOTSUPP) {
		plan = hrm_plan_compile(rd, true, caps, &why_not);
		if (IS_ERR(plan)) {
			why = why_not;
		} else if (!hrm_claim_partial()) {
			hrm_plan_free(plan);
			plan = ERR_PTR(-EOPNOTSUPP);
		}
	}
	if (IS_ERR(plan) && why.text)
		hrm_claim_leave(intf, why.text, why.usage);
	*per_application = rd->n_applications > 1;
	hrm_rdesc_free(rd);
	return plan;
}

static int hrm_claim_compare_ids(const void *key, const void *entry)
{
	u32 id = *(const u32 *)key;
	u32 listed = *(const u32 *)entry;

	if (id == listed || (id | HRM_ANY_PRODUCT) == listed)
		return 0;
	return id < listed ? -1 : 1;
}

static bool hrm_claim_listed(struct usb_device *udev, const u32 *ids, size_t n)
{
	u32 id = le16_to_cpu(udev->descriptor.idVendor) << 16 |
		 le16_to_cpu(udev->descriptor.idProduct);

	return bsearch(&id, ids, n, sizeof(id), hrm_claim_compare_ids);
}

/**
 * hrm_claim_polled() - whether a device wants to be polled always
 * @udev: the device
 *
 * As usbhid's HID_QUIRK_ALWAYS_POLL: it fails or drops off the bus otherwise.
 *
 * Context: any.
 *
 * Return: whether it is.
 */
bool hrm_claim_polled(struct usb_device *udev)
{
	return hrm_claim_listed(udev, hrm_claim_poll_ids,
				ARRAY_SIZE(hrm_claim_poll_ids));
}

static bool hrm_claim_foreign(struct usb_device *udev)
{
	if (hrm_claim_listed(udev, hrm_claim_usb_ids,
			     ARRAY_SIZE(hrm_claim_usb_ids)))
		return true;

	/* Where there is no usbhid to serve those drivers it is ours */
	return IS_ENABLED(CONFIG_USB_HID) &&
	       hrm_claim_listed(udev, hrm_claim_hid_ids,
				ARRAY_SIZE(hrm_claim_hid_ids));
}

static bool hrm_parse_ignored(const char *text, u16 *vendor, u16 *product)
{
	char more;

	return sscanf(text, "%4hx:%4hx%c", vendor, product, &more) == 2;
}

static bool hrm_claim_ignored(struct usb_device *udev)
{
	u16 vendor, product;
	int i;

	for (i = 0; i < hrm_n_ignored; i++)
		if (hrm_parse_ignored(hrm_ignore[i], &vendor, &product) &&
		    vendor == le16_to_cpu(udev->descriptor.idVendor) &&
		    product == le16_to_cpu(udev->descriptor.idProduct))
			return true;
	return false;
}

/**
 * hrm_claim_candidate() - whether it is worth to read the report descriptor
 * @intf: the interface
 *
 * Context: may sleep.
 *
 * Return: false if the interface cannot be hrmouse's, whatever it holds: its
 * probe has failed before, the device is to be ignored, the interface has no
 * interrupt IN endpoint, or drivers/hid has a driver for the device, loaded or
 * not, or leaves it to a USB driver.
 */
bool hrm_claim_candidate(struct usb_interface *intf)
{
	struct usb_endpoint_descriptor *ep;

	if (hrm_claim_refused(intf))
		return false;
	if (hrm_claim_ignored(interface_to_usbdev(intf))) {
		hrm_claim_leave(intf, "the parameter ignore names the device", 0);
		return false;
	}
	if (usb_find_int_in_endpoint(intf->cur_altsetting, &ep)) {
		hrm_claim_leave(intf, "no interrupt IN endpoint", 0);
		return false;
	}
	if (hrm_claim_foreign(interface_to_usbdev(intf))) {
		hrm_claim_leave(intf, "the device has a driver of its own", 0);
		return false;
	}
	return true;
}

static bool hrm_claim_wants(struct usb_interface *intf, const u8 *bytes,
			    size_t size)
{
	struct hrm_plan *plan;
	struct hrm_caps *caps;
	bool per_application;

	if (!hrm_claim_candidate(intf))
		return false;

	caps = kcalloc(HRM_MAX_INPUTS, sizeof(*caps), GFP_KERNEL);
	if (!caps)
		return false;
	plan = hrm_claim_plan(intf, bytes, size, caps, &per_application);
	kfree(caps);
	if (IS_ERR(plan))
		return false;
	hrm_plan_free(plan);
	return true;
}

static struct usbhid_claimer hrm_claimer = {
	.wants = hrm_claim_wants,
};

/**
 * hrm_claim_start() - take the mice that usbhid has
 *
 * Context: may sleep; the USB driver has been registered.
 */
void hrm_claim_start(void)
{
	u16 vendor, product;
	int i;

	for (i = 0; i < hrm_n_ignored; i++)
		if (!hrm_parse_ignored(hrm_ignore[i], &vendor, &product))
			pr_warn("ignore=%s: this is not vendor:product in hexadecimal\n",
				hrm_ignore[i]);

	debugfs_create_file("left", 0444, hrm_stats_root, NULL, &hrm_left_fops);
	usb_register_notify(&hrm_claim_nb);
	usbhid_claim_register(&hrm_claimer);
}

/**
 * hrm_claim_stop() - take no more mice, and remember those we have
 *
 * Context: may sleep; to be called before the USB driver is deregistered.
 */
void hrm_claim_stop(void)
{
	usbhid_claim_unregister(&hrm_claimer);
	guard(mutex)(&hrm_claim_lock);
	hrm_leaving = true;
}

/**
 * hrm_claim_end() - give the mice back
 *
 * Context: may sleep; to be called after the USB driver was deregistered.
 */
void hrm_claim_end(void)
{
	struct hrm_claim *claim, *next;

	usb_unregister_notify(&hrm_claim_nb);
	flush_work(&hrm_claim_work);

	/* Nobody is left to change the lists */
	list_for_each_entry_safe(claim, next, &hrm_released, node) {
		hrm_claim_attach(claim->intf);
		hrm_claim_del(claim);
	}
	list_for_each_entry_safe(claim, next, &hrm_left, node)
		hrm_claim_del(claim);
	if (hrm_rest)
		symbol_put(hrm_rest_ops);
}
