// SPDX-License-Identifier: GPL-2.0-only
/*
 * The HID device of an interface that hrmouse drives: hidraw, and what is not
 * the mouse's
 *
 * hrmouse is the transport of that device, as usbhid is of others. hid-core and
 * hid-generic get the whole descriptor, and make of it all that they make of it
 * under usbhid: input devices, hidraw, attributes, names. The plan then takes
 * the mouse's reports past hid-core and right into those input devices. Where
 * it cannot, because another HID driver is bound or a quirk is set, all reports
 * go through hid-core.
 *
 * A module of its own, since hrmouse does not need the HID core otherwise.
 */

#include <linux/bitmap.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/hidraw.h>
#include <linux/input.h>
#include <linux/kmod.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/property.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/usb.h>

#include "hrmouse.h"

/* What does not change what hid-core and hid-input make of a report */
#define HRM_REST_QUIRKS (HID_QUIRK_INPUT_PER_APP | HID_QUIRK_ALWAYS_POLL | \
			 HID_QUIRK_NOGET | HID_QUIRK_NO_INIT_REPORTS | \
			 HID_QUIRK_HIDDEV_FORCE | \
			 HID_QUIRK_NO_OUTPUT_REPORTS_ON_INTR_EP | \
			 HID_QUIRK_SKIP_OUTPUT_REPORT_ID | \
			 HID_QUIRK_IGNORE_SPECIAL_DRIVER)

#define HRM_LED_NUM_LOCK	(HID_UP_LED | 0x01)

static struct hrm_mouse *hrm_rest_mouse(struct hid_device *hid)
{
	return hid->driver_data;
}

/* In hid-input's keymap are its keys, and the usages that map to nothing */
static bool hrm_rest_in_keymap(const struct hid_usage *usage)
{
	return !usage->type || usage->type == EV_KEY;
}

static bool hrm_rest_is_key(const struct hrm_op *op)
{
	switch (op->kind) {
	case HRM_OP_BUTTONS:
	case HRM_OP_KEY:
	case HRM_OP_ARRAY:
		return true;
	default:
		return op->flags & HRM_OP_HAT_KEY;
	}
}

/* What hid-core has done so far counts as what the plan has done */
static void hrm_rest_sync_op(const struct hrm_plan *plan, struct hrm_op *op,
			     const struct input_dev *input)
{
	unsigned int i, code;

	switch (op->kind) {
	case HRM_OP_BUTTONS:
		op->last = 0;
		for (i = 0; i < 64 - op->rsh; i++) {
			code = plan->keys[op->code + i].code;
			if (code && test_bit(code, input->key))
				op->last |= BIT(i);
		}
		break;
	case HRM_OP_KEY:
		op->last = test_bit(plan->keys[op->code].code, input->key);
		break;
	case HRM_OP_ABS:
		op->last = input_abs_get_val((struct input_dev *)input, op->code);
		break;
	}
}

static struct hid_report *hrm_rest_report_of(struct hid_device *hid,
					     const struct hrm_plan_report *to)
{
	return hid->report_enum[HID_INPUT_REPORT].report_id_hash[to->id];
}

/* Whether a report means to the plan what it means to hid-input */
static bool hrm_rest_match_report(struct hid_device *hid, struct hrm_plan *plan,
				  struct hrm_plan_report *to, unsigned int *key)
{
	struct hid_report *from = hrm_rest_report_of(hid, to);
	struct hrm_op *op = to->ops;
	struct input_dev *input = NULL;
	struct hid_usage *usage;
	unsigned int i, j;

	if (!from)
		return false;
	for (i = 0; i < from->maxfield; i++) {
		struct hid_field *field = from->field[i];

		if (!field->hidinput ||
		    (input && input != field->hidinput->input))
			return false;
		input = field->hidinput->input;

		for (j = 0; j < field->maxusage; j++) {
			usage = &field->usage[j];
			if (hrm_rest_in_keymap(usage)) {
				if (*key == plan->n_keys ||
				    plan->keys[(*key)++].usage != usage->hid)
					return false;
				continue;
			}
			if (j >= field->report_count)
				continue;
			while (op < to->end && hrm_rest_is_key(op))
				op++;
			if (op == to->end || op->code != usage->code)
				return false;
			if (op->kind == HRM_OP_WHEEL) {
				op->multiplier = usage->resolution_multiplier;
				op->last = usage->wheel_accumulated;
			}
			op++;
		}
	}
	while (op < to->end && hrm_rest_is_key(op))
		op++;
	if (op != to->end || (input && plan->inputs[to->input] &&
			      plan->inputs[to->input] != input))
		return false;
	if (input)
		plan->inputs[to->input] = input;
	return true;
}

static void hrm_rest_sync_array(struct hid_device *hid, struct hrm_plan *plan,
				const struct hrm_plan_report *report,
				const struct hrm_array *array)
{
	struct hid_report *from = hrm_rest_report_of(hid, report);
	unsigned int i, j;

	for (i = 0; i < from->maxfield; i++) {
		const struct hid_field *field = from->field[i];

		if (field->report_offset + 8 * plan->numbered != array->offset ||
		    field->flags & HID_MAIN_ITEM_VARIABLE)
			continue;
		for (j = 0; j < min(array->count, field->report_count); j++)
			plan->values[array->first_value + j] = field->value[j];
	}
}

static void hrm_rest_sync_report(struct hid_device *hid, struct hrm_plan *plan,
				 struct hrm_plan_report *report)
{
	struct hrm_op *op;

	for (op = report->ops; op < report->end; op++) {
		if (op->kind == HRM_OP_ARRAY)
			hrm_rest_sync_array(hid, plan, report,
					    &plan->arrays[op->code]);
		else
			hrm_rest_sync_op(plan, op, plan->inputs[report->input]);
	}
	report->again |= report->watch;
}

/* Each input device has a lock of its own, and all have one keymap */
static DEFINE_SPINLOCK(hrm_rest_keys_lock);

/* The keymap is hid-input's; the plan has a copy of what concerns it */
static void hrm_rest_copy_keys(struct hid_device *hid, struct hrm_plan *plan)
{
	struct hrm_key *key = plan->keys;
	const struct hid_usage *usage;
	struct hid_report *from;
	unsigned int i, j, k;
	unsigned long flags;

	/* What another one sets after this it copies after this, too */
	spin_lock_irqsave(&hrm_rest_keys_lock, flags);
	for (i = 0; i < plan->n_reports; i++) {
		from = hrm_rest_report_of(hid, &plan->reports[i]);
		for (j = 0; j < from->maxfield; j++) {
			for (k = 0; k < from->field[j]->maxusage; k++) {
				usage = &from->field[j]->usage[k];
				if (!hrm_rest_in_keymap(usage))
					continue;
				/* Read by hrm_plan_run() at any time */
				WRITE_ONCE(key->code, usage->type ? usage->code :
								    KEY_RESERVED);
				key++;
			}
		}
	}
	spin_unlock_irqrestore(&hrm_rest_keys_lock, flags);
}

/* EVIOCSKEYCODE; called with the event lock of the input device */
static int hrm_rest_setkeycode(struct input_dev *input,
			       const struct input_keymap_entry *ke,
			       unsigned int *old_keycode)
{
	struct hid_device *hid = input_get_drvdata(input);
	struct hrm_mouse *mouse = hrm_rest_mouse(hid);
	int ret = mouse->setkeycode(input, ke, old_keycode);

	if (!ret)
		hrm_rest_copy_keys(hid, mouse->plan);
	return ret;
}

/* Called while no report is being run; @mouse->lock is held */
static bool hrm_rest_bind(struct hrm_mouse *mouse)
{
	struct hid_device *hid = mouse->hid;
	struct hrm_plan *plan = mouse->plan;
	struct hid_input *hidinput;
	unsigned int i, key = 0;

	if (!plan->n_reports || strcmp(hid->driver->name, "hid-generic") ||
	    !(hid->claimed & HID_CLAIMED_INPUT) ||
	    hid->quirks & ~HRM_REST_QUIRKS ||
	    hid->rsize != mouse->desc.size ||
	    memcmp(hid->rdesc, mouse->desc.bytes, hid->rsize))
		return false;

	for (i = 0; i < plan->n_reports; i++) {
		if (!hrm_rest_match_report(hid, plan, &plan->reports[i], &key)) {
			dev_dbg(&hid->dev, "report %u is not as planned\n",
				plan->reports[i].id);
			return false;
		}
	}
	for (i = 0; i < plan->n_inputs; i++)
		if (!plan->inputs[i])
			return false;
	/* Each of them has the keymap of all */
	list_for_each_entry(hidinput, &hid->inputs, list) {
		/* When it is free nobody is in the function before ours */
		spin_lock_irq(&hidinput->input->event_lock);
		mouse->setkeycode = hidinput->input->setkeycode;
		hidinput->input->setkeycode = hrm_rest_setkeycode;
		spin_unlock_irq(&hidinput->input->event_lock);
	}
	/* From here on each change is seen */
	hrm_rest_copy_keys(hid, plan);
	for (i = 0; i < plan->n_reports; i++)
		hrm_rest_sync_report(hid, plan, &plan->reports[i]);
	return true;
}

static bool hrm_rest_is_boot(const struct hrm_mouse *mouse, u8 protocol)
{
	const struct usb_interface_descriptor *desc =
		&mouse->intf->cur_altsetting->desc;

	return desc->bInterfaceSubClass == USB_INTERFACE_SUBCLASS_BOOT &&
	       desc->bInterfaceProtocol == protocol;
}

static int hrm_rest_parse(struct hid_device *hid)
{
	const struct hrm_mouse *mouse = hrm_rest_mouse(hid);

	hid->version = mouse->desc.version;
	hid->country = mouse->desc.country;
	if (hrm_rest_is_boot(mouse, USB_INTERFACE_PROTOCOL_KEYBOARD) ||
	    hrm_rest_is_boot(mouse, USB_INTERFACE_PROTOCOL_MOUSE))
		hid->quirks |= HID_QUIRK_NOGET;
	return hid_parse_report(hid, mouse->desc.bytes, mouse->desc.size);
}

static void hrm_rest_set_raw(struct hrm_mouse *mouse, bool raw)
{
	WRITE_ONCE(mouse->raw, raw);
	/* Pairs with hrm_transfer_look(): the next report sees it */
	smp_mb();
	hrm_look_next(mouse);
}

/* HID drivers do this to keep a device awake, and hidraw while it is open */
static int hrm_rest_power(struct hid_device *hid, int level)
{
	struct hrm_mouse *mouse = hrm_rest_mouse(hid);
	int ret = 0;

	switch (level) {
	case PM_HINT_FULLON:
		ret = usb_autopm_get_interface(mouse->intf);
		if (!ret)
			hrm_rest_set_raw(mouse, true);
		break;
	case PM_HINT_NORMAL:
		hrm_rest_set_raw(mouse, false);
		usb_autopm_put_interface(mouse->intf);
		break;
	}
	return ret;
}

/* A hidraw that is open when the driver is unbound does not call power() */
static void hrm_rest_stop(struct hid_device *hid)
{
	if (hrm_rest_mouse(hid)->raw)
		hrm_rest_power(hid, PM_HINT_NORMAL);
}

static int hrm_rest_open(struct hid_device *hid)
{
	struct hrm_mouse *mouse = hrm_rest_mouse(hid);

	return mouse->host->open(mouse);
}

static void hrm_rest_close(struct hid_device *hid)
{
	struct hrm_mouse *mouse = hrm_rest_mouse(hid);

	mouse->host->close(mouse);
}

/* HID 1.11, 7.2.1 and 7.2.2; a report without ID has no byte for it */
static int hrm_rest_raw_request(struct hid_device *hid, unsigned char id,
				__u8 *data, size_t len, unsigned char type,
				int request)
{
	const struct hrm_mouse *mouse = hrm_rest_mouse(hid);
	struct usb_device *udev = mouse->udev;
	bool in = request == HID_REQ_GET_REPORT;
	unsigned int skip;
	int ret;

	if (!in && request != HID_REQ_SET_REPORT)
		return -EIO;

	data[0] = id;
	if (!in && type == HID_OUTPUT_REPORT &&
	    hid->quirks & HID_QUIRK_SKIP_OUTPUT_REPORT_ID)
		data[0] = 0;
	skip = !data[0];
	/* USB has no transfer of no bytes that comes from the device */
	if (in && len == skip)
		return -EINVAL;

	ret = usb_control_msg(udev, in ? usb_rcvctrlpipe(udev, 0) :
					 usb_sndctrlpipe(udev, 0), request,
			      USB_TYPE_CLASS | USB_RECIP_INTERFACE |
			      (in ? USB_DIR_IN : USB_DIR_OUT),
			      (type + 1) << 8 | id,
			      mouse->intf->cur_altsetting->desc.bInterfaceNumber,
			      data + skip, len - skip, USB_CTRL_SET_TIMEOUT);
	return ret > 0 ? ret + skip : ret;
}

static int hrm_rest_output_report(struct hid_device *hid, __u8 *data, size_t len)
{
	const struct hrm_mouse *mouse = hrm_rest_mouse(hid);
	struct usb_endpoint_descriptor *ep;
	unsigned int skip = !data[0];
	int ret, sent;

	/* HID 1.11, 4.4: without an interrupt OUT endpoint it is the control one */
	if (usb_find_int_out_endpoint(mouse->intf->cur_altsetting, &ep))
		return hrm_rest_raw_request(hid, data[0], data, len,
					    HID_OUTPUT_REPORT,
					    HID_REQ_SET_REPORT);

	ret = usb_interrupt_msg(mouse->udev,
				usb_sndintpipe(mouse->udev, ep->bEndpointAddress),
				data + skip, len - skip, &sent,
				USB_CTRL_SET_TIMEOUT);
	return ret ?: sent + skip;
}

/* A driver that is resumed with the device must not wait for that */
static int hrm_rest_wake(struct hrm_mouse *mouse)
{
	if (mouse->udev->state == USB_STATE_SUSPENDED)
		return usb_autopm_get_interface(mouse->intf);
	usb_autopm_get_interface_no_resume(mouse->intf);
	return 0;
}

/*
 * What hid-input asks of the device, and tells it. As usbhid does it, with room
 * for more than is described; but a device that sleeps is woken for it, where
 * usbhid waits until it wakes.
 */
static void hrm_rest_request(struct hid_device *hid, struct hid_report *report,
			     int request)
{
	struct hrm_mouse *mouse = hrm_rest_mouse(hid);
	struct usb_device *udev = mouse->udev;
	bool get = request == HID_REQ_GET_REPORT;
	unsigned int len = hid_report_len(report);
	int ret, skip = !report->id;
	u8 *data;

	if (get && hid->quirks & HID_QUIRK_NOGET)
		return;
	if (get)
		len = round_up(max(len, 1),
			       usb_maxpacket(udev, usb_rcvctrlpipe(udev, 0)));
	/* hid_output_report() writes up to 7 bytes more */
	data = kzalloc(skip + len + 7, GFP_NOIO);
	if (!data)
		return;

	if (!get)
		hid_output_report(report, data + skip);
	ret = hrm_rest_wake(mouse);
	if (!ret) {
		if (!get && report->type == HID_OUTPUT_REPORT)
			ret = hrm_rest_output_report(hid, data, skip + len);
		else
			ret = hrm_rest_raw_request(hid, report->id, data,
						   skip + len, report->type,
						   request);
		usb_autopm_put_interface_async(mouse->intf);
	}
	if (get && ret > skip)
		hid_safe_input_report(hid, report->type, data + skip, len,
				      ret - skip, 0);
	kfree(data);
}

static bool hrm_rest_has_usage(const struct hid_report *report, u32 usage)
{
	unsigned int i, j;

	for (i = 0; i < report->maxfield; i++)
		for (j = 0; j < report->field[i]->maxusage; j++)
			if (report->field[i]->usage[j].hid == usage)
				return true;
	return false;
}

/* Some keyboards need to be told of their LEDs; and all may wake the system */
static int hrm_rest_start(struct hid_device *hid)
{
	const struct hrm_mouse *mouse = hrm_rest_mouse(hid);
	struct hid_report *report;

	if (!hrm_rest_is_boot(mouse, USB_INTERFACE_PROTOCOL_KEYBOARD))
		return 0;
	list_for_each_entry(report,
			    &hid->report_enum[HID_OUTPUT_REPORT].report_list,
			    list) {
		if (hrm_rest_has_usage(report, HRM_LED_NUM_LOCK)) {
			hrm_rest_request(hid, report, HID_REQ_SET_REPORT);
			break;
		}
	}
	/* It fails where the device cannot */
	device_set_wakeup_enable(&mouse->udev->dev, true);
	return 0;
}

/* HID 1.11, 7.2.4 */
static int hrm_rest_idle(struct hid_device *hid, int report, int idle,
			 int request)
{
	const struct hrm_mouse *mouse = hrm_rest_mouse(hid);

	if (request != HID_REQ_SET_IDLE)
		return -EINVAL;
	return usb_control_msg(mouse->udev, usb_sndctrlpipe(mouse->udev, 0),
			       HID_REQ_SET_IDLE,
			       USB_TYPE_CLASS | USB_RECIP_INTERFACE |
			       USB_DIR_OUT, idle << 8 | report,
			       mouse->intf->cur_altsetting->desc.bInterfaceNumber,
			       NULL, 0, USB_CTRL_SET_TIMEOUT);
}

static bool hrm_rest_may_wakeup(struct hid_device *hid)
{
	return device_may_wakeup(&hrm_rest_mouse(hid)->udev->dev);
}

static const struct hid_ll_driver hrm_rest_ll_driver = {
	.parse = hrm_rest_parse,
	.start = hrm_rest_start,
	.stop = hrm_rest_stop,
	.open = hrm_rest_open,
	.close = hrm_rest_close,
	.power = hrm_rest_power,
	.request = hrm_rest_request,
	.raw_request = hrm_rest_raw_request,
	.output_report = hrm_rest_output_report,
	.idle = hrm_rest_idle,
	.may_wakeup = hrm_rest_may_wakeup,
};

/*
 * The input devices come and go with the HID driver, which userspace can
 * unbind; hid-core tells nobody but those who listen to the bus.
 */
static int hrm_rest_notify(struct notifier_block *nb, unsigned long action,
			   void *data)
{
	struct hid_device *hid = to_hid_device(data);
	struct hrm_mouse *mouse;

	if (hid->ll_driver != &hrm_rest_ll_driver)
		return NOTIFY_DONE;

	mouse = hrm_rest_mouse(hid);
	switch (action) {
	case BUS_NOTIFY_BOUND_DRIVER:
		mouse->host->plan(mouse, hrm_rest_bind);
		return NOTIFY_OK;
	case BUS_NOTIFY_UNBIND_DRIVER:
		mouse->host->plan(mouse, NULL);
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block hrm_rest_nb = {
	.notifier_call = hrm_rest_notify,
};

static int hrm_rest_add(struct hrm_mouse *mouse)
{
	struct usb_device *udev = mouse->udev;
	struct hid_device *hid = hid_allocate_device();
	int ret;

	if (IS_ERR(hid))
		return PTR_ERR(hid);

	mouse->hid = hid;
	hid->driver_data = mouse;
	hid->ll_driver = &hrm_rest_ll_driver;
	hid->dev.parent = &mouse->intf->dev;
	device_set_node(&hid->dev, dev_fwnode(&mouse->intf->dev));
	hid->bus = BUS_USB;
	hid->vendor = le16_to_cpu(udev->descriptor.idVendor);
	hid->product = le16_to_cpu(udev->descriptor.idProduct);
	hid->version = le16_to_cpu(udev->descriptor.bcdDevice);
	switch (mouse->intf->cur_altsetting->desc.bInterfaceProtocol) {
	case USB_INTERFACE_PROTOCOL_MOUSE:
		hid->type = HID_TYPE_USBMOUSE;
		break;
	case 0:
		hid->type = HID_TYPE_USBNONE;
		break;
	}
	strscpy(hid->name, mouse->name, sizeof(hid->name));
	strscpy(hid->phys, mouse->phys, sizeof(hid->phys));
	strscpy(hid->uniq, mouse->uniq, sizeof(hid->uniq));

	ret = hid_add_device(hid);
	if (ret) {
		hid_destroy_device(hid);
		mouse->hid = NULL;
	}
	return ret;
}

static void hrm_rest_remove(struct hrm_mouse *mouse)
{
	hid_destroy_device(mouse->hid);
	mouse->hid = NULL;
}

static void hrm_rest_report(struct hrm_mouse *mouse, u8 *data, size_t size,
			    unsigned int len)
{
	hid_safe_input_report(mouse->hid, HID_INPUT_REPORT, data, size, len, 1);
}

/* A report that the plan takes; hidraw gets the others from hid-core */
static void hrm_rest_raw(struct hrm_mouse *mouse, u8 *data, unsigned int len)
{
	const struct hrm_plan *plan = mouse->plan;
	unsigned int i;

	if (!len || !(mouse->hid->claimed & HID_CLAIMED_HIDRAW))
		return;
	for (i = 0; i < plan->n_reports; i++) {
		if (plan->numbered && plan->reports[i].id != data[0])
			continue;
		if (len - plan->numbered >= plan->reports[i].len)
			hidraw_report_event(mouse->hid, data, len);
		return;
	}
}

/* As usbhid without its parameter ignoreled */
static bool hrm_rest_busy(struct hrm_mouse *mouse)
{
	struct hid_input *hidinput;

	if (!(mouse->hid->claimed & HID_CLAIMED_INPUT))
		return false;
	list_for_each_entry(hidinput, &mouse->hid->inputs, list)
		if (!bitmap_empty(hidinput->input->key, KEY_CNT))
			return true;
	return hidinput_count_leds(mouse->hid);
}

static int hrm_rest_suspend(struct hrm_mouse *mouse, pm_message_t message)
{
	return hid_driver_suspend(mouse->hid, message);
}

static void hrm_rest_resume(struct hrm_mouse *mouse, bool reset)
{
	int ret = reset ? hid_driver_reset_resume(mouse->hid) :
			  hid_driver_resume(mouse->hid);

	if (ret)
		hid_dbg(mouse->hid, "the driver does not resume: %d\n", ret);
}

const struct hrm_rest_ops hrm_rest_ops = {
	.add = hrm_rest_add,
	.remove = hrm_rest_remove,
	.report = hrm_rest_report,
	.raw = hrm_rest_raw,
	.busy = hrm_rest_busy,
	.suspend = hrm_rest_suspend,
	.resume = hrm_rest_resume,
};
EXPORT_SYMBOL_GPL(hrm_rest_ops);

static int __init hrm_rest_init(void)
{
	/* Elsewhere udev loads it, but the mouse is to work without udev, too */
	request_module_nowait("hid-generic");
	return bus_register_notifier(&hid_bus_type, &hrm_rest_nb);
}
module_init(hrm_rest_init);

static void __exit hrm_rest_exit(void)
{
	bus_unregister_notifier(&hid_bus_type, &hrm_rest_nb);
}
module_exit(hrm_rest_exit);

MODULE_DESCRIPTION("HID devices for the interfaces that hrmouse drives");
MODULE_LICENSE("GPL");
