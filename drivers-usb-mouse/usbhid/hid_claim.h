/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A registration by which a dedicated USB driver takes interfaces of the HID
 * class from usbhid
 */

#ifndef __LINUX_USB_HID_CLAIM_H
#define __LINUX_USB_HID_CLAIM_H

#include <linux/list.h>
#include <linux/types.h>

struct usb_driver;
struct usb_interface;

/**
 * struct usbhid_claimer - a USB driver that is to have interfaces of usbhid
 * @wants: whether the driver takes the interface. Called in process context,
 *	   with the interface's device lock held; may sleep, must not do I/O.
 *	   An interface whose probe failed must not be wanted again.
 * @node: for the registration's own use
 */
struct usbhid_claimer {
	bool (*wants)(struct usb_interface *intf, const u8 *rdesc, size_t size);
	struct list_head node;
};

#if IS_ENABLED(CONFIG_USB_HID_CLAIM)
void usbhid_claim_register(struct usbhid_claimer *claimer);
void usbhid_claim_unregister(struct usbhid_claimer *claimer);
bool usbhid_claimed(struct usb_interface *intf, const u8 *rdesc, size_t size);
void usbhid_claim_start(struct usb_driver *usbhid);
void usbhid_claim_stop(void);
#else
static inline void usbhid_claim_register(struct usbhid_claimer *claimer) {}
static inline void usbhid_claim_unregister(struct usbhid_claimer *claimer) {}
static inline bool usbhid_claimed(struct usb_interface *intf, const u8 *rdesc,
				  size_t size)
{
	return false;
}

static inline void usbhid_claim_start(struct usb_driver *usbhid) {}
static inline void usbhid_claim_stop(void) {}
#endif

#endif /* __LINUX_USB_HID_CLAIM_H */
