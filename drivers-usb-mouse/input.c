// SPDX-License-Identifier: GPL-2.0-only
/*
 * Declares the input devices that a plan needs, as hid-input would
 */

#include <linux/bitmap.h>
#include <linux/hid.h>
#include <linux/input.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/usb/input.h>

#include "hrmouse.h"

static int hrm_input_open(struct input_dev *input)
{
	return hrm_transfer_open(input_get_drvdata(input));
}

static void hrm_input_close(struct input_dev *input)
{
	hrm_transfer_close(input_get_drvdata(input));
}

static int hrm_input_getkeycode(struct input_dev *input,
				struct input_keymap_entry *ke)
{
	struct hrm_mouse *mouse = input_get_drvdata(input);
	const struct hrm_key *key = hrm_plan_find_key(mouse->plan, ke);

	if (!key)
		return -EINVAL;

	ke->keycode = key->code;
	ke->index = key - mouse->plan->keys;
	ke->len = sizeof(key->usage);
	memcpy(ke->scancode, &key->usage, sizeof(key->usage));
	return 0;
}

static int hrm_input_setkeycode(struct input_dev *input,
				const struct input_keymap_entry *ke,
				unsigned int *old_keycode)
{
	struct hrm_mouse *mouse = input_get_drvdata(input);
	const struct hrm_plan *plan = mouse->plan;
	struct hrm_key *key = hrm_plan_find_key(mouse->plan, ke);
	unsigned int i;

	if (!key)
		return -EINVAL;

	*old_keycode = key->code;
	/* Read by hrm_plan_run() at any time */
	WRITE_ONCE(key->code, ke->keycode);

	__clear_bit(*old_keycode, input->keybit);
	for (i = 0; i < plan->n_keys; i++)
		if (plan->keys[i].code == *old_keycode)
			__set_bit(*old_keycode, input->keybit);
	__set_bit(ke->keycode, input->keybit);
	return 0;
}

/**
 * hrm_input_names() - name an interface as usbhid_probe() does
 * @mouse: the interface
 *
 * Context: may sleep; the device is awake.
 */
void hrm_input_names(struct hrm_mouse *mouse)
{
	struct usb_device *udev = mouse->udev;
	size_t len;

	snprintf(mouse->name, sizeof(mouse->name), "%s%s%s",
		 udev->manufacturer ?: "",
		 udev->manufacturer && udev->product ? " " : "",
		 udev->product ?: "");
	if (!mouse->name[0])
		snprintf(mouse->name, sizeof(mouse->name), "HID %04x:%04x",
			 le16_to_cpu(udev->descriptor.idVendor),
			 le16_to_cpu(udev->descriptor.idProduct));

	usb_make_path(udev, mouse->phys, sizeof(mouse->phys));
	len = strlen(mouse->phys);
	snprintf(mouse->phys + len, sizeof(mouse->phys) - len, "/input%d",
		 mouse->intf->altsetting[0].desc.bInterfaceNumber);

	if (usb_string(udev, udev->descriptor.iSerialNumber, mouse->uniq,
		       sizeof(mouse->uniq)) <= 0)
		mouse->uniq[0] = '\0';
}

/* hid-generic tells the devices of an interface apart by their application */
static const char *hrm_input_name(struct hrm_mouse *mouse, u32 application)
{
	static const char suffix[] = "Mouse";
	size_t len = strlen(mouse->name);

	if (application != HID_GD_MOUSE ||
	    (len >= strlen(suffix) &&
	     !strcmp(mouse->name + len - strlen(suffix), suffix)))
		return mouse->name;
	return devm_kasprintf(&mouse->intf->dev, GFP_KERNEL, "%s %s",
			      mouse->name, suffix);
}

static int hrm_input_declare(struct input_dev *input,
			     const struct hrm_caps *caps)
{
	unsigned int i;

	bitmap_copy(input->evbit, caps->evbit, EV_CNT);
	bitmap_copy(input->keybit, caps->keybit, KEY_CNT);
	bitmap_copy(input->relbit, caps->relbit, REL_CNT);
	bitmap_copy(input->absbit, caps->absbit, ABS_CNT);
	if (test_bit(EV_MSC, input->evbit))
		__set_bit(MSC_SCAN, input->mscbit);

	if (!test_bit(EV_ABS, input->evbit))
		return 0;
	input_alloc_absinfo(input);
	if (!input->absinfo)
		return -ENOMEM;
	for_each_set_bit(i, input->absbit, ABS_CNT)
		input->absinfo[i] = caps->abs[i];
	return 0;
}

/**
 * hrm_input_register() - register the input devices of an interface
 * @mouse: the interface, its plan, transfers and names ready
 * @version: what becomes the version of the input ID: bcdHID, as with usbhid
 * @caps: what to declare, one per input device of the plan
 * @per_application: the interface has more than one application
 *
 * The devices are unregistered when the interface is unbound.
 *
 * Context: may sleep; called from probe.
 *
 * Return: 0 or a negative error number.
 */
int hrm_input_register(struct hrm_mouse *mouse, u16 version,
		       const struct hrm_caps *caps, bool per_application)
{
	struct hrm_plan *plan = mouse->plan;
	struct input_dev *input;
	unsigned int i;
	int ret;

	/* All of them before the first can be opened */
	for (i = 0; i < plan->n_inputs; i++) {
		input = devm_input_allocate_device(&mouse->intf->dev);
		if (!input)
			return -ENOMEM;
		plan->inputs[i] = input;

		input->name = per_application ?
			hrm_input_name(mouse, caps[i].application) : mouse->name;
		if (!input->name)
			return -ENOMEM;
		input->phys = mouse->phys;
		input->uniq = mouse->uniq;
		usb_to_input_id(mouse->udev, &input->id);
		input->id.version = version;
		input->open = hrm_input_open;
		input->close = hrm_input_close;
		input->getkeycode = hrm_input_getkeycode;
		input->setkeycode = hrm_input_setkeycode;
		input_set_drvdata(input, mouse);

		ret = hrm_input_declare(input, &caps[i]);
		if (ret)
			return ret;
	}

	for (i = 0; i < plan->n_inputs; i++) {
		/* hid-input registers nothing for an application without events */
		if (bitmap_empty(caps[i].evbit, EV_CNT))
			continue;
		ret = input_register_device(plan->inputs[i]);
		if (ret)
			return ret;
	}
	return 0;
}
