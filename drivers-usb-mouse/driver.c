// SPDX-License-Identifier: GPL-2.0-only
/*
 * hrmouse - a USB mouse driver for high resolution and high report rates
 *
 * usbhid, hid-core, hid-generic and hid-input read the description of a device
 * with every report that it sends. hrmouse reads it once, and turns it into a
 * plan:
 *
 *	descriptor -> fields -> plan -> events
 *	  rdesc.c     rdesc.c   plan.c  plan.c, input.c
 *
 * so that there is little to do for a report but the input events that it
 * causes, which are the same. It needs no HID core, and is safe beside one:
 * claim.c takes from usbhid what the plan covers fully and nothing else.
 *
 * See Documentation/hid/hrmouse.rst
 */

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/usb.h>

#include "hrmouse.h"

static bool hrm_hidraw = IS_ENABLED(CONFIG_USB_HRMOUSE_HIDRAW);
module_param_named(hidraw, hrm_hidraw, bool, 0644);
MODULE_PARM_DESC(hidraw, "Plain mice have a HID device and hidraw, too, as others have");

static void hrm_free_plan(void *plan)
{
	hrm_plan_free(plan);
}

/* HID 1.11, 7.2.4: report only what changes. Not all devices know it. */
static void hrm_set_idle(struct hrm_mouse *mouse)
{
	usb_control_msg(mouse->udev, usb_sndctrlpipe(mouse->udev, 0),
			HID_REQ_SET_IDLE,
			USB_TYPE_CLASS | USB_RECIP_INTERFACE | USB_DIR_OUT, 0,
			mouse->intf->cur_altsetting->desc.bInterfaceNumber,
			NULL, 0, USB_CTRL_SET_TIMEOUT);
}

static int hrm_control(struct hrm_mouse *mouse, u8 request, u8 direction,
		       const struct hrm_feature *feature, u8 *data)
{
	/* A report without ID has no byte for it (HID 1.11, 7.2.1) */
	unsigned int skip = !feature->id;
	unsigned int pipe = direction == USB_DIR_IN ?
			    usb_rcvctrlpipe(mouse->udev, 0) :
			    usb_sndctrlpipe(mouse->udev, 0);

	return usb_control_msg(mouse->udev, pipe, request,
			       USB_TYPE_CLASS | USB_RECIP_INTERFACE | direction,
			       (HID_FEATURE_REPORT + 1) << 8 | feature->id,
			       mouse->intf->cur_altsetting->desc.bInterfaceNumber,
			       data + skip, feature->len + 1 - skip,
			       USB_CTRL_SET_TIMEOUT);
}

/* As hid-input: what else is in the report stays, unless it is a boot mouse */
static int hrm_set_feature(struct hrm_mouse *mouse,
			   const struct hrm_feature *feature)
{
	const struct usb_interface_descriptor *desc =
		&mouse->intf->cur_altsetting->desc;
	u8 *old __free(kfree) = kzalloc(feature->len + 1, GFP_NOIO);
	u8 *data __free(kfree) = kzalloc(feature->len + 1, GFP_NOIO);

	if (!old || !data)
		return -ENOMEM;

	/* A report of no bytes cannot be read: USB knows no such transfer */
	if (feature->n_parts > 1 && (feature->len || feature->id) &&
	    (desc->bInterfaceSubClass != USB_INTERFACE_SUBCLASS_BOOT ||
	     desc->bInterfaceProtocol != USB_INTERFACE_PROTOCOL_MOUSE))
		hrm_control(mouse, HID_REQ_GET_REPORT, USB_DIR_IN, feature, old);
	data[0] = feature->id;
	hrm_plan_fill(mouse->plan, feature, old + 1, data + 1);
	return hrm_control(mouse, HID_REQ_SET_REPORT, USB_DIR_OUT, feature, data);
}

/* HUT 4.3.1: all at their maximum, or none counts */
static void hrm_set_multipliers(struct hrm_mouse *mouse)
{
	struct hrm_plan *plan = mouse->plan;
	unsigned int i;
	int ret;

	for (i = 0; i < plan->n_features; i++) {
		ret = hrm_set_feature(mouse, &plan->features[i]);
		if (ret < 0) {
			dev_dbg(&mouse->intf->dev,
				"cannot set a Resolution Multiplier: %d\n", ret);
			return;
		}
	}
	hrm_plan_multiply(plan);
}

/* The HID core sets them for a HID device, but once: do they count? */
static bool hrm_multiplied(const struct hrm_mouse *mouse)
{
	const struct hrm_plan *plan = mouse->plan;
	unsigned int i;

	for (i = 0; i < plan->n_ops; i++)
		if (plan->ops[i].multiplier != plan->ops[i].multiplier_set)
			return false;
	return mouse->planned;
}

/* HID 1.11, 7.2.6: the boot protocol is for who cannot read descriptors */
static void hrm_set_protocol(struct hrm_mouse *mouse)
{
	const struct usb_interface_descriptor *desc =
		&mouse->intf->cur_altsetting->desc;

	if (desc->bInterfaceSubClass == USB_INTERFACE_SUBCLASS_BOOT)
		usb_control_msg(mouse->udev, usb_sndctrlpipe(mouse->udev, 0),
				HID_REQ_SET_PROTOCOL,
				USB_TYPE_CLASS | USB_RECIP_INTERFACE |
				USB_DIR_OUT, HID_REPORT_PROTOCOL,
				desc->bInterfaceNumber, NULL, 0,
				USB_CTRL_SET_TIMEOUT);
}

/**
 * hrm_configure() - set what a device forgets by a reset
 * @mouse: the interface, nothing being transferred
 *
 * A device that does not know a request works without.
 *
 * Context: may sleep, and does not wait for storage.
 */
void hrm_configure(struct hrm_mouse *mouse)
{
	hrm_set_protocol(mouse);
	hrm_set_idle(mouse);
	if (!mouse->hid || hrm_multiplied(mouse))
		hrm_set_multipliers(mouse);
}

/* The input devices, and the HID device where there is one */
static int hrm_register(struct hrm_mouse *mouse, const struct hrm_caps *caps,
			bool per_application)
{
	hrm_input_names(mouse);
	hrm_set_idle(mouse);
	if (mouse->plan->partial || hrm_hidraw)
		mouse->rest = hrm_claim_rest();
	if (mouse->rest)
		return mouse->rest->add(mouse);

	hrm_set_multipliers(mouse);
	mouse->planned = true;
	return hrm_input_register(mouse, mouse->desc.version, caps,
				  per_application);
}

/* @caps are large, and needed no longer than this */
static int hrm_setup(struct hrm_mouse *mouse, struct hrm_caps *caps,
		     struct usb_endpoint_descriptor *ep)
{
	const struct hrm_descriptor *desc = &mouse->desc;
	struct device *dev = &mouse->intf->dev;
	struct hrm_plan *plan;
	bool per_application;
	int ret;

	plan = hrm_claim_plan(mouse->intf, desc->bytes, desc->size, caps,
			      &per_application);
	if (IS_ERR(plan))
		return PTR_ERR(plan);
	ret = devm_add_action_or_reset(dev, hrm_free_plan, plan);
	if (ret)
		return ret;
	mouse->plan = plan;

	ret = hrm_transfer_init(mouse, ep);
	if (ret)
		return ret;

	usb_set_intfdata(mouse->intf, mouse);
	ret = hrm_register(mouse, caps, per_application);
	if (ret)
		return ret;

	hrm_stats_add(mouse);
	/* hid-core also knows what usbhid.quirks says */
	if (hrm_claim_polled(mouse->udev) ||
	    (mouse->hid && mouse->hid->quirks & HID_QUIRK_ALWAYS_POLL))
		hrm_transfer_poll(mouse, true);

	/* A wheel has two codes */
	__clear_bit(REL_WHEEL_HI_RES, caps->relbit);
	__clear_bit(REL_HWHEEL_HI_RES, caps->relbit);
	dev_info(dev, "%s: %u buttons, %u axes, reports of %u bytes\n",
		 mouse->name, bitmap_weight(caps->keybit, KEY_CNT),
		 bitmap_weight(caps->relbit, REL_CNT) +
		 bitmap_weight(caps->absbit, ABS_CNT), plan->max_len);
	return 0;
}

static int hrm_bind(struct usb_interface *intf)
{
	struct usb_endpoint_descriptor *ep;
	struct hrm_mouse *mouse;
	struct hrm_caps *caps;
	int ret;

	ret = usb_find_int_in_endpoint(intf->cur_altsetting, &ep);
	if (ret)
		return ret;

	mouse = devm_kzalloc(&intf->dev, sizeof(*mouse), GFP_KERNEL);
	caps = kcalloc(HRM_MAX_INPUTS, sizeof(*caps), GFP_KERNEL);
	ret = mouse && caps ? hrm_claim_read(intf, &mouse->desc) : -ENOMEM;
	if (!ret) {
		mouse->intf = intf;
		mouse->udev = interface_to_usbdev(intf);
		mouse->host = &hrm_transfer_host;
		ret = hrm_setup(mouse, caps, ep);
	}
	kfree(caps);
	return ret;
}

static int hrm_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	int ret;

	if (!hrm_claim_candidate(intf))
		return -ENODEV;

	ret = hrm_bind(intf);
	if (ret)
		hrm_claim_failed(intf);
	else
		hrm_claim_taken(intf);
	/* What is wrong has been told; the driver core need not do it again */
	return ret ? -ENODEV : 0;
}

static void hrm_disconnect(struct usb_interface *intf)
{
	struct hrm_mouse *mouse = usb_get_intfdata(intf);

	hrm_stats_remove(mouse);
	hrm_transfer_end(mouse);
	if (mouse->hid)
		mouse->rest->remove(mouse);
	hrm_claim_released(intf);
}

static int hrm_suspend(struct usb_interface *intf, pm_message_t message)
{
	struct hrm_mouse *mouse = usb_get_intfdata(intf);
	bool autosuspend = PMSG_IS_AUTO(message);
	int ret = 0;

	if (mouse->hid)
		ret = mouse->rest->suspend(mouse, message);
	/* The system goes to sleep whatever a driver says */
	if (!ret || !autosuspend) {
		ret = hrm_transfer_suspend(mouse, autosuspend);
		if (ret && mouse->hid)
			mouse->rest->resume(mouse, false);
	}
	return ret;
}

static int hrm_resume(struct usb_interface *intf)
{
	struct hrm_mouse *mouse = usb_get_intfdata(intf);

	hrm_transfer_resume(mouse);
	if (mouse->hid)
		mouse->rest->resume(mouse, false);
	return 0;
}

static int hrm_pre_reset(struct usb_interface *intf)
{
	hrm_transfer_reset(usb_get_intfdata(intf));
	return 0;
}

/* What is not the same any more is probed anew, which an error asks for */
static int hrm_post_reset(struct usb_interface *intf)
{
	struct hrm_mouse *mouse = usb_get_intfdata(intf);
	int ret = hrm_claim_compare(intf, &mouse->desc);

	if (ret)
		return ret;
	hrm_configure(mouse);
	hrm_transfer_resume(mouse);
	return 0;
}

static int hrm_reset_resume(struct usb_interface *intf)
{
	struct hrm_mouse *mouse = usb_get_intfdata(intf);
	int ret = hrm_post_reset(intf);

	/* Nobody probes after a resume, but after a reset */
	if (ret)
		usb_queue_reset_device(intf);
	else if (mouse->hid)
		mouse->rest->resume(mouse, true);
	return 0;
}

/*
 * Any interface of the HID class may hold a mouse; whether it does is in its
 * report descriptor.
 */
static const struct usb_device_id hrm_ids[] = {
	{ .match_flags = USB_DEVICE_ID_MATCH_INT_CLASS,
	  .bInterfaceClass = USB_INTERFACE_CLASS_HID },
	{ }
};

/* Loaded for boot mice, and for the tablets of virtual machines */
static const struct usb_device_id hrm_autoload_ids[] __maybe_unused = {
	{ USB_INTERFACE_INFO(USB_INTERFACE_CLASS_HID,
			     USB_INTERFACE_SUBCLASS_BOOT,
			     USB_INTERFACE_PROTOCOL_MOUSE) },
	{ USB_DEVICE_INTERFACE_CLASS(0x0627, 0x0001,	/* QEMU */
				     USB_INTERFACE_CLASS_HID) },
	{ USB_DEVICE_INTERFACE_CLASS(0x80ee, 0x0021,	/* VirtualBox */
				     USB_INTERFACE_CLASS_HID) },
	{ }
};
MODULE_DEVICE_TABLE(usb, hrm_autoload_ids);

static struct usb_driver hrm_driver = {
	.name = "hrmouse",
	.probe = hrm_probe,
	.disconnect = hrm_disconnect,
	.suspend = pm_ptr(hrm_suspend),
	.resume = pm_ptr(hrm_resume),
	.reset_resume = pm_ptr(hrm_reset_resume),
	.pre_reset = hrm_pre_reset,
	.post_reset = hrm_post_reset,
	.id_table = hrm_ids,
	.dev_groups = hrm_groups,
	.supports_autosuspend = 1,
};

static int __init hrm_init(void)
{
	int ret;

	hrm_stats_start();
	ret = usb_register(&hrm_driver);
	if (ret)
		hrm_stats_end();
	else
		hrm_claim_start();
	return ret;
}
module_init(hrm_init);

static void __exit hrm_exit(void)
{
	hrm_claim_stop();
	usb_deregister(&hrm_driver);
	hrm_claim_end();
	hrm_stats_end();
}
module_exit(hrm_exit);

MODULE_DESCRIPTION("USB mouse driver for high resolution and high report rates");
MODULE_LICENSE("GPL");
