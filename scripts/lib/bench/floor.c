// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that a driver can do for a report: the layout of each of the
 * bench's devices is written into the code, and the events are hid-input's.
 * No keymap, no power management, no recovery: for measuring, not for use.
 */
#include <linux/bitops.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/usb.h>
#include <linux/usb/input.h>

#include "bench.h"

struct floor {
	struct input_dev *input;
	u8 *data;
	u32 buttons;
	u16 x;
	u16 y;
	struct urb *urb;
	struct usb_device *udev;
};

static __always_inline bool floor_buttons(struct floor *f, u32 buttons)
{
	u32 changed = buttons ^ f->buttons;

	if (!changed)
		return false;
	f->buttons = buttons;
	do {
		unsigned int i = __ffs(changed);

		input_event(f->input, EV_MSC, MSC_SCAN, 0x90001 + i);
		input_event(f->input, EV_KEY, BTN_MOUSE + i, buttons >> i & 1);
		changed &= changed - 1;
	} while (changed);
	return true;
}

static __always_inline bool floor_rel(struct floor *f, unsigned int code, int value)
{
	if (value)
		input_event(f->input, EV_REL, code, value);
	return value;
}

static __always_inline bool floor_wheel(struct floor *f, unsigned int code, unsigned int hi_res,
					int value)
{
	if (!value)
		return false;
	input_event(f->input, EV_REL, code, value);
	input_event(f->input, EV_REL, hi_res, value * 120);
	return true;
}

static __always_inline bool floor_abs(struct floor *f, unsigned int code, u16 value, u16 *last)
{
	if (value == *last)
		return false;
	*last = value;
	input_event(f->input, EV_ABS, code, value);
	return true;
}

static __always_inline bool floor_decode_boot(struct floor *f, const u8 *d)
{
	bool any = floor_buttons(f, d[0] & 0x1f);

	any |= floor_rel(f, REL_X, (s8)d[1]);
	any |= floor_rel(f, REL_Y, (s8)d[2]);
	any |= floor_wheel(f, REL_WHEEL, REL_WHEEL_HI_RES, (s8)d[3]);
	return any;
}

static __always_inline bool floor_decode_sixteen(struct floor *f, const u8 *d)
{
	bool any = floor_buttons(f, get_unaligned_le16(d));

	any |= floor_rel(f, REL_X, (s16)get_unaligned_le16(d + 2));
	any |= floor_rel(f, REL_Y, (s16)get_unaligned_le16(d + 4));
	any |= floor_wheel(f, REL_WHEEL, REL_WHEEL_HI_RES, (s8)d[6]);
	any |= floor_wheel(f, REL_HWHEEL, REL_HWHEEL_HI_RES, (s8)d[7]);
	return any;
}

static __always_inline bool floor_decode_sixteen_id(struct floor *f, const u8 *d)
{
	return d[0] == 2 && floor_decode_sixteen(f, d + 1);
}

static __always_inline bool floor_decode_tablet(struct floor *f, const u8 *d)
{
	bool any = floor_buttons(f, d[0] & 0x1f);

	any |= floor_abs(f, ABS_X, get_unaligned_le16(d + 1), &f->x);
	any |= floor_abs(f, ABS_Y, get_unaligned_le16(d + 3), &f->y);
	any |= floor_wheel(f, REL_WHEEL, REL_WHEEL_HI_RES, (s8)d[5]);
	return any;
}

#define FLOOR_COMPLETE(name, len) \
static void floor_##name(struct urb *urb) \
{ \
	struct floor *f = urb->context; \
\
	if (urb->status) \
		return; \
	if (urb->actual_length >= (len) && floor_decode_##name(f, f->data)) \
		input_sync(f->input); \
	usb_submit_urb(urb, GFP_ATOMIC); \
}

FLOOR_COMPLETE(boot, 4)
FLOOR_COMPLETE(sixteen, 8)
FLOOR_COMPLETE(sixteen_id, 9)
FLOOR_COMPLETE(tablet, 6)

static const struct {
	usb_complete_t complete;
	u8 len;
	u8 buttons;
	bool pan;
} floor_devices[] = {
	[BENCH_BOOT] = { floor_boot, 4, 5 },
	[BENCH_SIXTEEN] = { floor_sixteen, 8, 16, true },
	[BENCH_SIXTEEN_ID] = { floor_sixteen_id, 9, 16, true },
	[BENCH_TABLET] = { floor_tablet, 6, 5 },
};

static int floor_open(struct input_dev *input)
{
	struct floor *f = input_get_drvdata(input);

	return usb_submit_urb(f->urb, GFP_KERNEL);
}

static void floor_close(struct input_dev *input)
{
	struct floor *f = input_get_drvdata(input);

	usb_kill_urb(f->urb);
}

static void floor_declare(struct input_dev *input, unsigned int product)
{
	unsigned int i;

	for (i = 0; i < floor_devices[product].buttons; i++)
		input_set_capability(input, EV_KEY, BTN_MOUSE + i);
	input_set_capability(input, EV_MSC, MSC_SCAN);
	input_set_capability(input, EV_REL, REL_WHEEL);
	input_set_capability(input, EV_REL, REL_WHEEL_HI_RES);
	if (floor_devices[product].pan) {
		input_set_capability(input, EV_REL, REL_HWHEEL);
		input_set_capability(input, EV_REL, REL_HWHEEL_HI_RES);
	}
	if (product == BENCH_TABLET) {
		/* allocates where the others' does */
		input_alloc_absinfo(input);
		input_set_abs_params(input, ABS_X, 0, 0x7fff, 0, 0);
		input_set_abs_params(input, ABS_Y, 0, 0x7fff, 0, 0);
	} else {
		input_set_capability(input, EV_REL, REL_X);
		input_set_capability(input, EV_REL, REL_Y);
	}
}

static void floor_free(struct floor *f)
{
	if (f->urb && f->data)
		usb_free_coherent(f->udev, 16, f->data, f->urb->transfer_dma);
	usb_free_urb(f->urb);
	kfree(f);
}

static int floor_probe(struct usb_interface *intf, const struct usb_device_id *id)
{
	struct usb_device *udev = interface_to_usbdev(intf);
	unsigned int product = le16_to_cpu(udev->descriptor.idProduct);
	struct usb_endpoint_descriptor *ep;
	struct floor *f;
	int ret;

	if (!product || product >= ARRAY_SIZE(floor_devices) ||
	    usb_find_int_in_endpoint(intf->cur_altsetting, &ep))
		return -ENODEV;
	f = kzalloc(sizeof(*f), GFP_KERNEL);
	if (!f)
		return -ENOMEM;
	f->udev = udev;
	f->urb = usb_alloc_urb(0, GFP_KERNEL);
	if (f->urb)
		f->data = usb_alloc_coherent(udev, 16, GFP_KERNEL, &f->urb->transfer_dma);
	f->input = f->data ? input_allocate_device() : NULL;
	if (!f->input) {
		floor_free(f);
		return -ENOMEM;
	}
	usb_fill_int_urb(f->urb, udev, usb_rcvintpipe(udev, ep->bEndpointAddress), f->data,
			 floor_devices[product].len, floor_devices[product].complete, f,
			 ep->bInterval);
	f->urb->transfer_flags |= URB_NO_TRANSFER_DMA_MAP;

	f->input->name = "floor";
	f->input->dev.parent = &intf->dev;
	f->input->open = floor_open;
	f->input->close = floor_close;
	usb_to_input_id(udev, &f->input->id);
	input_set_drvdata(f->input, f);
	floor_declare(f->input, product);
	ret = input_register_device(f->input);
	if (ret) {
		input_free_device(f->input);
		floor_free(f);
		return ret;
	}
	usb_set_intfdata(intf, f);
	return 0;
}

static void floor_disconnect(struct usb_interface *intf)
{
	struct floor *f = usb_get_intfdata(intf);

	input_unregister_device(f->input);
	floor_free(f);
}

static const struct usb_device_id floor_ids[] = {
	{ .match_flags = USB_DEVICE_ID_MATCH_VENDOR, .idVendor = BENCH_VENDOR },
	{ }
};

static struct usb_driver floor_driver = {
	.name = "floor",
	.probe = floor_probe,
	.disconnect = floor_disconnect,
	.id_table = floor_ids,
};
module_usb_driver(floor_driver);

MODULE_DESCRIPTION("The least that a driver of a USB mouse can do");
MODULE_LICENSE("GPL");
