// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt transfer: started while an input device is open, restarted
 * after errors
 */

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/usb.h>

#include "hrmouse.h"

/* usbhid's: 13, 26, 52, 104, 104… ms, for a second, then the port is reset */
#define HRM_RETRY_MIN_MS	13
#define HRM_RETRY_MAX_MS	104
#define HRM_RETRY_TOTAL		HZ

/* In jiffies; a device may be suspended by so much too early */
#define HRM_BUSY		(HZ / 16)

/* Reports that the device kept while nobody listened come within this time */
#define HRM_DRAIN_MS		50

static void hrm_transfer_failed(struct hrm_mouse *mouse)
{
	unsigned long now = jiffies;

	if (!mouse->retry_ms) {
		mouse->retry_ms = HRM_RETRY_MIN_MS;
		mouse->retry_until = now + HRM_RETRY_TOTAL;
	} else {
		mouse->retry_ms = min(mouse->retry_ms * 2, HRM_RETRY_MAX_MS);
	}
	schedule_delayed_work(&mouse->retry, msecs_to_jiffies(mouse->retry_ms));
}

static void hrm_transfer_not_submitted(struct hrm_mouse *mouse, int error)
{
	switch (error) {
	case -EPERM:		/* stopped */
	case -ENODEV:
	case -ESHUTDOWN:
		break;
	default:
		dev_err_ratelimited(&mouse->intf->dev,
				    "cannot submit a transfer: %d\n", error);
		hrm_transfer_failed(mouse);
	}
}

static void hrm_transfer_submit(struct hrm_mouse *mouse)
{
	int ret = usb_submit_urb(mouse->urb, GFP_KERNEL);

	if (unlikely(ret))
		hrm_transfer_not_submitted(mouse, ret);
}

static void hrm_transfer_retry(struct work_struct *work)
{
	struct hrm_mouse *mouse = container_of(to_delayed_work(work),
					       struct hrm_mouse, retry);

	if (time_after(jiffies, mouse->retry_until)) {
		dev_dbg(&mouse->intf->dev, "transfers fail, resetting\n");
		mouse->retry_ms = 0;
		usb_queue_reset_device(mouse->intf);
		return;
	}
	if (mouse->halted) {
		if (usb_clear_halt(mouse->udev, mouse->urb->pipe)) {
			hrm_transfer_failed(mouse);
			return;
		}
		mouse->halted = false;
	}
	hrm_transfer_submit(mouse);
}

static void hrm_transfer_dropped(struct hrm_mouse *mouse,
				 enum hrm_result result)
{
	unsigned int len = mouse->urb->actual_length;

	/* A packet of no bytes is no report */
	if (!len)
		return;
	if (result == HRM_REPORT_UNKNOWN) {
		dev_dbg_ratelimited(&mouse->intf->dev,
				    "report with the unknown ID %u\n",
				    mouse->data[0]);
	} else if (!mouse->told_short) {
		mouse->told_short = true;
		dev_warn(&mouse->intf->dev,
			 "report of %u bytes is too short, dropped like all that follow\n",
			 len);
	}
}

/* Runtime PM does not need to know it by the microsecond, and asks the clock */
static void hrm_transfer_busy(struct hrm_mouse *mouse)
{
	unsigned long now = jiffies;

	if (likely(now - mouse->marked < HRM_BUSY))
		return;
	mouse->marked = now;
	usb_mark_last_busy(mouse->udev);
}

static void hrm_transfer_report(struct hrm_mouse *mouse, struct urb *urb)
{
	enum hrm_result result;

	mouse->retry_ms = 0;
	hrm_transfer_busy(mouse);
	if (unlikely(mouse->draining))
		return;

	result = hrm_plan_run(mouse->plan, mouse->data, urb->actual_length);
	if (unlikely(result != HRM_REPORT_OK))
		hrm_transfer_dropped(mouse, result);
}

/* Whether to go on at once */
static noinline bool hrm_transfer_error(struct hrm_mouse *mouse, int status)
{
	switch (status) {
	case -ECONNRESET:
	case -ENOENT:
	case -ESHUTDOWN:
		return false;
	case -EPIPE:
		mouse->halted = true;
		fallthrough;
	case -EILSEQ:
	case -EPROTO:
	case -ETIME:
	case -ETIMEDOUT:
		usb_mark_last_busy(mouse->udev);
		hrm_transfer_failed(mouse);
		return false;
	default:
		/* -EOVERFLOW: more than the longest report of the descriptor */
		if (!mouse->told_lost)
			dev_warn(&mouse->intf->dev,
				 "report lost (%d), like all that follow\n",
				 status);
		mouse->told_lost = true;
		return true;
	}
}

static void hrm_transfer_complete(struct urb *urb)
{
	struct hrm_mouse *mouse = urb->context;
	int ret;

	if (likely(!urb->status))
		hrm_transfer_report(mouse, urb);
	else if (!hrm_transfer_error(mouse, urb->status))
		return;

	ret = usb_submit_urb(urb, GFP_ATOMIC);
	if (unlikely(ret))
		hrm_transfer_not_submitted(mouse, ret);
}

/* Start or stop, whichever is due */
static void hrm_transfer_update(struct hrm_mouse *mouse)
{
	bool run = mouse->users && !mouse->suspended && !mouse->gone;

	lockdep_assert_held(&mouse->lock);

	if (run == mouse->running)
		return;
	mouse->running = run;
	if (run) {
		mouse->retry_ms = 0;
		usb_unpoison_urb(mouse->urb);
		hrm_transfer_submit(mouse);
	} else {
		usb_poison_urb(mouse->urb);
		cancel_delayed_work_sync(&mouse->retry);
	}
}

/**
 * hrm_transfer_open() - an input device was opened
 * @mouse: the interface
 *
 * Context: may sleep.
 *
 * Return: 0 or a negative error number.
 */
int hrm_transfer_open(struct hrm_mouse *mouse)
{
	/* Awake while remote wakeup is being asked for; resume takes the lock */
	int ret = usb_autopm_get_interface(mouse->intf);

	if (ret)
		return ret;

	scoped_guard(mutex, &mouse->lock) {
		if (mouse->gone) {
			ret = -ENODEV;
		} else if (!mouse->users++) {
			mouse->intf->needs_remote_wakeup = 1;
			mouse->draining = true;
			hrm_transfer_update(mouse);
			msleep(HRM_DRAIN_MS);
			mouse->draining = false;
		}
	}
	usb_autopm_put_interface(mouse->intf);
	return ret;
}

/**
 * hrm_transfer_close() - an input device was closed
 * @mouse: the interface
 *
 * Context: may sleep.
 */
void hrm_transfer_close(struct hrm_mouse *mouse)
{
	guard(mutex)(&mouse->lock);

	if (!--mouse->users) {
		hrm_transfer_update(mouse);
		mouse->intf->needs_remote_wakeup = 0;
	}
}

static bool hrm_transfer_key_held(const struct hrm_plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->n_inputs; i++)
		if (!bitmap_empty(plan->inputs[i]->key, KEY_CNT))
			return true;
	return false;
}

/**
 * hrm_transfer_suspend() - no transfers until hrm_transfer_resume()
 * @mouse: the interface
 * @autosuspend: the device is idle, as opposed to the system going to sleep
 *
 * Context: may sleep.
 *
 * Return: 0, or -EBUSY: a device that is held by a button may not report its
 * release when asleep.
 */
int hrm_transfer_suspend(struct hrm_mouse *mouse, bool autosuspend)
{
	guard(mutex)(&mouse->lock);

	mouse->suspended = true;
	hrm_transfer_update(mouse);
	if (autosuspend && hrm_transfer_key_held(mouse->plan)) {
		mouse->suspended = false;
		hrm_transfer_update(mouse);
		return -EBUSY;
	}
	return 0;
}

/**
 * hrm_transfer_resume() - undo hrm_transfer_suspend()
 * @mouse: the interface
 *
 * Context: may sleep.
 */
void hrm_transfer_resume(struct hrm_mouse *mouse)
{
	guard(mutex)(&mouse->lock);

	mouse->suspended = false;
	hrm_transfer_update(mouse);
}

/**
 * hrm_transfer_end() - no transfers any more, the interface is being unbound
 * @mouse: the interface
 *
 * Context: may sleep.
 */
void hrm_transfer_end(struct hrm_mouse *mouse)
{
	guard(mutex)(&mouse->lock);

	mouse->gone = true;
	hrm_transfer_update(mouse);
}

static size_t hrm_transfer_size(const struct hrm_mouse *mouse)
{
	return mouse->plan->max_len + HRM_PLAN_PAD;
}

static void hrm_transfer_free(void *data)
{
	struct hrm_mouse *mouse = data;

	usb_free_coherent(mouse->udev, hrm_transfer_size(mouse), mouse->data,
			  mouse->urb->transfer_dma);
	usb_free_urb(mouse->urb);
}

/**
 * hrm_transfer_init() - prepare the transfer
 * @mouse: the interface, its plan ready
 * @ep: the interrupt IN endpoint
 *
 * What is allocated is freed when the interface is unbound.
 *
 * Context: may sleep; called from probe.
 *
 * Return: 0 or a negative error number.
 */
int hrm_transfer_init(struct hrm_mouse *mouse,
		      const struct usb_endpoint_descriptor *ep)
{
	size_t size = hrm_transfer_size(mouse);
	struct urb *urb;

	mutex_init(&mouse->lock);
	INIT_DELAYED_WORK(&mouse->retry, hrm_transfer_retry);

	urb = usb_alloc_urb(0, GFP_KERNEL);
	if (!urb)
		return -ENOMEM;

	mouse->data = usb_alloc_coherent(mouse->udev, size, GFP_KERNEL,
					 &urb->transfer_dma);
	if (!mouse->data) {
		usb_free_urb(urb);
		return -ENOMEM;
	}
	memset(mouse->data, 0, size);
	mouse->urb = urb;

	usb_fill_int_urb(urb, mouse->udev,
			 usb_rcvintpipe(mouse->udev, ep->bEndpointAddress),
			 mouse->data, mouse->plan->max_len,
			 hrm_transfer_complete, mouse, ep->bInterval);
	urb->transfer_flags |= URB_NO_TRANSFER_DMA_MAP;
	usb_poison_urb(urb);

	return devm_add_action_or_reset(&mouse->intf->dev, hrm_transfer_free,
					mouse);
}
