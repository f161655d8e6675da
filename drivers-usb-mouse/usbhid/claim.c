// SPDX-License-Identifier: GPL-2.0-only
/*
 * A registration by which a dedicated USB driver takes interfaces of the HID
 * class from usbhid
 *
 * Apart from usbhid and from the drivers that register, so that each of them
 * can be built in, a module, or absent, and be loaded in any order.
 */

#include <linux/cleanup.h>
#include <linux/device.h>
#include <linux/device/bus.h>
#include <linux/export.h>
#include <linux/hid.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/rwsem.h>
#include <linux/usb.h>
#include <linux/usb/hid_claim.h>

/* Keeps usbhid and the claimers from coming and going while devices move */
static DEFINE_MUTEX(claim_mutex);
static struct usb_driver *claim_usbhid;

/* Read from usbhid's probe, under the interface's device lock */
static DECLARE_RWSEM(claim_rwsem);
static LIST_HEAD(claimers);

/**
 * usbhid_claimed() - whether another driver is to have an interface
 * @intf: the interface that usbhid probes
 * @rdesc: its report descriptor as the device sent it
 * @size: length of @rdesc in bytes
 *
 * Context: may sleep; the caller holds the interface's device lock.
 *
 * Return: true if usbhid should leave the interface alone.
 */
bool usbhid_claimed(struct usb_interface *intf, const u8 *rdesc, size_t size)
{
	struct usbhid_claimer *claimer;

	guard(rwsem_read)(&claim_rwsem);
	list_for_each_entry(claimer, &claimers, node)
		if (claimer->wants(intf, rdesc, size))
			return true;
	return false;
}
EXPORT_SYMBOL_GPL(usbhid_claimed);

static bool claim_wanted(struct device *dev)
{
	struct usb_interface *intf;
	struct hid_device *hid;

	guard(device)(dev);
	if (dev->driver != &claim_usbhid->driver)
		return false;
	intf = to_usb_interface(dev);
	hid = usb_get_intfdata(intf);
	return usbhid_claimed(intf, hid->dev_rdesc, hid->dev_rsize);
}

/* Probe an interface of usbhid's anew if one of the claimers wants it */
static int claim_move(struct device *dev, void *data)
{
	/* usbhid's probe asks again, and leaves the interface to the claimer */
	return claim_wanted(dev) ? device_reprobe(dev) : 0;
}

static void claim_move_all(void)
{
	int ret = 0;

	lockdep_assert_held(&claim_mutex);

	/* Not driver_for_each_device(), which a device cannot leave meanwhile */
	if (claim_usbhid && !list_empty(&claimers))
		ret = bus_for_each_dev(claim_usbhid->driver.bus, NULL, NULL,
				       claim_move);
	if (ret)
		pr_err("usbhid: interfaces cannot be moved: %d\n", ret);
}

/**
 * usbhid_claim_register() - take interfaces from usbhid from now on
 * @claimer: what to ask; stays registered until usbhid_claim_unregister()
 *
 * Interfaces that usbhid has and the claimer wants are moved at once. The USB
 * driver must have been registered before.
 *
 * Context: may sleep; no device lock may be held.
 */
void usbhid_claim_register(struct usbhid_claimer *claimer)
{
	guard(mutex)(&claim_mutex);

	scoped_guard(rwsem_write, &claim_rwsem)
		list_add_tail(&claimer->node, &claimers);

	claim_move_all();
}
EXPORT_SYMBOL_GPL(usbhid_claim_register);

/**
 * usbhid_claim_unregister() - take nothing from usbhid any more
 * @claimer: what was registered; not called any more on return
 *
 * Gives nothing back: the caller unbinds its driver, then lets the driver core
 * look for another one.
 *
 * Context: may sleep; no device lock may be held.
 */
void usbhid_claim_unregister(struct usbhid_claimer *claimer)
{
	guard(mutex)(&claim_mutex);
	guard(rwsem_write)(&claim_rwsem);
	list_del(&claimer->node);
}
EXPORT_SYMBOL_GPL(usbhid_claim_unregister);

/**
 * usbhid_claim_start() - for usbhid: it is there
 * @usbhid: usbhid's driver, registered with the USB core
 *
 * Context: may sleep; no device lock may be held.
 */
void usbhid_claim_start(struct usb_driver *usbhid)
{
	guard(mutex)(&claim_mutex);
	claim_usbhid = usbhid;
	/* What was probed between the registration and now */
	claim_move_all();
}
EXPORT_SYMBOL_GPL(usbhid_claim_start);

/**
 * usbhid_claim_stop() - for usbhid: it goes away
 *
 * To be called before usbhid's driver is taken from the USB core.
 *
 * Context: may sleep; no device lock may be held.
 */
void usbhid_claim_stop(void)
{
	guard(mutex)(&claim_mutex);
	claim_usbhid = NULL;
}
EXPORT_SYMBOL_GPL(usbhid_claim_stop);

MODULE_DESCRIPTION("Registration of drivers that take interfaces from usbhid");
MODULE_LICENSE("GPL");
