// SPDX-License-Identifier: GPL-2.0-only
/*
 * The interrupt transfers: in flight while an input device is open, restarted
 * after errors, and how many and how often
 */

#include <linux/bitmap.h>
#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/moduleparam.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/time64.h>
#include <linux/usb.h>

#include "hrmouse.h"
#include "trace.h"

/* usbhid's: 13, 26, 52, 104, 104… ms, for a second, then the port is reset */
#define HRM_RETRY_MIN_MS	13
#define HRM_RETRY_MAX_MS	104
#define HRM_RETRY_TOTAL		HZ

/* The time between two resets doubles so many times */
#define HRM_MAX_RESETS		6

/* Reports that the device kept while nobody listened come within this time */
#define HRM_DRAIN_MS		50

/* The transfers in flight hold the reports of so long a time */
#define HRM_COVER_US		USEC_PER_MSEC

static int hrm_depth_set(const char *text, const struct kernel_param *param)
{
	return param_set_uint_minmax(text, param, 0, HRM_MAX_DEPTH);
}

static const struct kernel_param_ops hrm_depth_ops = {
	.set = hrm_depth_set,
	.get = param_get_uint,
};

static unsigned int hrm_depth;
module_param_cb(depth, &hrm_depth_ops, &hrm_depth, 0644);
MODULE_PARM_DESC(depth, "Transfers in flight for each mouse, 1 to 16 (default 0: what its polling interval calls for)");

static void hrm_transfer_failed(struct hrm_mouse *mouse, int error)
{
	unsigned long now = jiffies;

	trace_hrmouse_error(mouse->intf, error);
	/* One pause for all transfers that fail together */
	if (delayed_work_pending(&mouse->retry))
		return;
	if (!mouse->retry_ms) {
		mouse->retry_ms = HRM_RETRY_MIN_MS;
		mouse->retry_until = now + (HRM_RETRY_TOTAL << mouse->n_resets);
	} else {
		mouse->retry_ms = min(mouse->retry_ms * 2, HRM_RETRY_MAX_MS);
	}
	/* The next report has to be told that the series is over */
	hrm_look_next(mouse);
	/* A reset makes no bandwidth */
	if (error == -ENOSPC)
		mouse->retry_until = now + HRM_RETRY_TOTAL;
	schedule_delayed_work(&mouse->retry, msecs_to_jiffies(mouse->retry_ms));
}

/* It is out of flight, until hrm_transfer_submit() */
static void hrm_transfer_idle(struct hrm_mouse *mouse, const struct urb *urb)
{
	unsigned int i;

	for (i = 0; i < mouse->pool->depth; i++)
		if (mouse->pool->urbs[i] == urb)
			set_bit(i, &mouse->idle);
}

static void hrm_transfer_not_submitted(struct hrm_mouse *mouse,
				       const struct urb *urb, int error)
{
	hrm_transfer_idle(mouse, urb);
	switch (error) {
	case -EPERM:		/* stopped */
	case -ENODEV:
	case -ESHUTDOWN:
		break;
	default:
		if (!mouse->counts[HRM_ERROR_SUBMIT]++)
			dev_err(&mouse->intf->dev,
				"cannot submit a transfer: %d, trying on (told once)\n",
				error);
		hrm_transfer_failed(mouse, error);
	}
}

/* All that are not in flight */
static int hrm_transfer_submit(struct hrm_mouse *mouse)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < mouse->pool->depth && !ret; i++) {
		if (!test_and_clear_bit(i, &mouse->idle))
			continue;
		ret = usb_submit_urb(mouse->pool->urbs[i], GFP_NOIO);
		if (ret)
			hrm_transfer_not_submitted(mouse, mouse->pool->urbs[i],
						   ret);
	}
	return ret;
}

static void hrm_transfer_retry(struct work_struct *work)
{
	struct hrm_mouse *mouse = container_of(to_delayed_work(work),
					       struct hrm_mouse, retry);
	unsigned int i;
	int ret;

	if (time_after(jiffies, mouse->retry_until)) {
		dev_dbg(&mouse->intf->dev, "transfers fail, resetting\n");
		mouse->retry_ms = 0;
		mouse->n_resets = min(mouse->n_resets + 1, HRM_MAX_RESETS);
		usb_queue_reset_device(mouse->intf);
		/* If none comes, which cancels this */
		schedule_delayed_work(&mouse->retry,
				      HRM_RETRY_TOTAL << mouse->n_resets);
		return;
	}
	if (READ_ONCE(mouse->halted)) {
		/* xHCI clears no endpoint that has transfers queued */
		for (i = 0; i < mouse->pool->depth; i++)
			usb_kill_urb(mouse->pool->urbs[i]);
		ret = usb_clear_halt(mouse->udev, mouse->pool->urbs[0]->pipe);
		if (ret) {
			hrm_transfer_failed(mouse, ret);
			return;
		}
		WRITE_ONCE(mouse->halted, false);
	}
	hrm_transfer_submit(mouse);
}

static void hrm_transfer_rest(struct urb *urb)
{
	struct hrm_mouse *mouse = urb->context;

	mouse->rest->report(mouse, urb->transfer_buffer,
			    urb->transfer_buffer_length, urb->actual_length);
}

static void hrm_transfer_dropped(struct urb *urb, enum hrm_result result)
{
	struct hrm_mouse *mouse = urb->context;
	unsigned int len = urb->actual_length;

	if (!len) {
		mouse->counts[HRM_DROPPED_EMPTY]++;
	} else if (mouse->hid) {
		/* Not the mouse's, or hid-core says what is wrong with it */
		mouse->counts[HRM_DROPPED_SHORT] += result == HRM_REPORT_SHORT;
		hrm_transfer_rest(urb);
	} else if (result == HRM_REPORT_UNKNOWN) {
		mouse->counts[HRM_DROPPED_UNKNOWN]++;
		dev_dbg_ratelimited(&mouse->intf->dev,
				    "report with the unknown ID %u\n",
				    *(u8 *)urb->transfer_buffer);
	} else if (!mouse->counts[HRM_DROPPED_SHORT]++) {
		dev_warn(&mouse->intf->dev,
			 "report of %u bytes is too short, dropped like all that follow\n",
			 len);
	}
}

/*
 * What concerns a report only now and then: runtime PM, which does not need to
 * know it by the microsecond, and asks the clock; the end of a series of
 * errors; reports that are to be dropped; those that somebody reads from
 * hidraw, and those that hid-core has to have. Returns whether the plan has
 * nothing to do with this one.
 */
static noinline bool hrm_transfer_look(struct urb *urb)
{
	struct hrm_mouse *mouse = urb->context;

	mouse->retry_ms = 0;
	mouse->n_resets = 0;
	if (READ_ONCE(mouse->dropping)) {
		mouse->counts[HRM_DROPPED_OLD]++;
		return true;
	}
	WRITE_ONCE(mouse->last_look, jiffies);
	usb_mark_last_busy(mouse->udev);
	if (!mouse->hid)
		return false;

	/* Pairs with hrm_rest_set_raw(): then the next report looks again */
	smp_mb();
	if (mouse->planned && !READ_ONCE(mouse->raw))
		return false;
	hrm_look_next(mouse);
	if (mouse->planned)
		mouse->rest->raw(mouse, urb->transfer_buffer,
				 urb->actual_length);
	else
		hrm_transfer_rest(urb);
	return !mouse->planned;
}

static void hrm_transfer_report(struct urb *urb)
{
	struct hrm_mouse *mouse = urb->context;
	unsigned int len = urb->actual_length;
	enum hrm_result result;

	mouse->reports++;
	mouse->bytes += len;
	if (static_branch_unlikely(&hrm_stats_wanted))
		hrm_stats_report(mouse, urb);
	/* Whoever changes it meanwhile is heard by the next report */
	if (unlikely(jiffies - data_race(mouse->last_look) >= HRM_BUSY) &&
	    hrm_transfer_look(urb))
		return;

	result = hrm_plan_run(mouse->plan, urb->transfer_buffer, len);
	if (unlikely(result != HRM_REPORT_OK))
		hrm_transfer_dropped(urb, result);
}

static noinline void hrm_transfer_error(struct urb *urb)
{
	struct hrm_mouse *mouse = urb->context;
	enum hrm_count count;

	hrm_transfer_idle(mouse, urb);
	switch (urb->status) {
	case -ECONNRESET:
	case -ENOENT:
	case -ESHUTDOWN:
		return;
	case -EPIPE:
		WRITE_ONCE(mouse->halted, true);
		count = HRM_ERROR_STALL;
		break;
	case -EILSEQ:
	case -EPROTO:
	case -ETIME:
	case -ETIMEDOUT:
		count = HRM_ERROR_PROTOCOL;
		break;
	case -EOVERFLOW:
		count = HRM_ERROR_OVERFLOW;
		if (!mouse->counts[count])
			dev_warn(&mouse->intf->dev,
				 "report longer than described, lost like all that follow\n");
		break;
	default:
		count = HRM_ERROR_OTHER;
	}
	mouse->counts[count]++;
	usb_mark_last_busy(mouse->udev);
	hrm_transfer_failed(mouse, urb->status);
}

/*
 * The host controller's drivers call it once at a time and in the order in
 * which the reports came
 */
static void hrm_transfer_complete(struct urb *urb)
{
	int ret;

	if (unlikely(urb->status)) {
		hrm_transfer_error(urb);
		return;
	}
	hrm_transfer_report(urb);

	ret = usb_submit_urb(urb, GFP_ATOMIC);
	if (unlikely(ret))
		hrm_transfer_not_submitted(urb->context, urb, ret);
}

static size_t hrm_pool_stride(const struct hrm_mouse *mouse)
{
	/* The device does not write where a report is being read */
	return ALIGN(mouse->plan->max_len + HRM_PLAN_PAD, L1_CACHE_BYTES);
}

static void hrm_pool_free(struct hrm_mouse *mouse, struct hrm_pool *pool)
{
	unsigned int i;

	for (i = 0; i < pool->depth; i++)
		usb_free_urb(pool->urbs[i]);
	usb_free_coherent(mouse->udev, pool->depth * hrm_pool_stride(mouse),
			  pool->buffers, pool->dma);
	kfree(pool);
}

/* GFP_NOIO like all here: maybe for a reset that storage on the device needs */
static struct hrm_pool *hrm_pool_alloc(struct hrm_mouse *mouse,
				       unsigned int depth)
{
	size_t size = depth * hrm_pool_stride(mouse);
	struct hrm_pool *pool;
	unsigned int i;

	pool = kzalloc(struct_size(pool, urbs, depth), GFP_NOIO);
	if (!pool)
		return NULL;
	pool->depth = depth;
	pool->buffers = usb_alloc_coherent(mouse->udev, size, GFP_NOIO,
					   &pool->dma);
	if (!pool->buffers)
		goto fail;
	memset(pool->buffers, 0, size);

	for (i = 0; i < depth; i++) {
		pool->urbs[i] = usb_alloc_urb(0, GFP_NOIO);
		if (!pool->urbs[i])
			goto fail;
		usb_poison_urb(pool->urbs[i]);
	}
	return pool;

fail:
	hrm_pool_free(mouse, pool);
	return NULL;
}

static unsigned int hrm_transfer_us(const struct hrm_mouse *mouse,
				    unsigned int interval)
{
	/* As usb_submit_urb() rounds it */
	return rounddown_pow_of_two(interval) *
	       (mouse->udev->speed >= USB_SPEED_HIGH ? 125 : USEC_PER_MSEC);
}

/* As many as the interval calls for: see Documentation/hid/hrmouse.rst */
static unsigned int hrm_transfer_due_depth(const struct hrm_mouse *mouse)
{
	unsigned int interval = mouse->ep->bInterval;

	if (mouse->depth_set)
		return mouse->depth_set;
	if (mouse->udev->speed >= USB_SPEED_HIGH)
		interval = 1 << (interval - 1);
	return clamp(HRM_COVER_US / hrm_transfer_us(mouse, interval), 2, 8);
}

static void hrm_transfer_fill(struct hrm_mouse *mouse)
{
	struct hrm_pool *pool = mouse->pool;
	size_t stride = hrm_pool_stride(mouse);
	struct urb *urb;
	unsigned int i;

	for (i = 0; i < pool->depth; i++) {
		urb = pool->urbs[i];
		usb_fill_int_urb(urb, mouse->udev,
				 usb_rcvintpipe(mouse->udev,
						mouse->ep->bEndpointAddress),
				 pool->buffers + i * stride,
				 mouse->plan->max_len, hrm_transfer_complete,
				 mouse, mouse->ep->bInterval);
		urb->transfer_dma = pool->dma + i * stride;
		urb->transfer_flags = URB_NO_TRANSFER_DMA_MAP;
	}
}

/* For the depth and the interval that are due. None of them is in flight. */
static int hrm_transfer_prepare(struct hrm_mouse *mouse)
{
	unsigned int depth = hrm_transfer_due_depth(mouse);
	struct hrm_pool *pool = mouse->pool;

	if (!pool || pool->depth != depth) {
		pool = hrm_pool_alloc(mouse, depth);
		if (!pool && !mouse->pool)
			return -ENOMEM;
	}
	/* Better another depth than none */
	if (pool && pool != mouse->pool) {
		if (mouse->pool)
			hrm_pool_free(mouse, mouse->pool);
		mouse->pool = pool;
		mouse->idle = GENMASK(depth - 1, 0);
	}
	hrm_transfer_fill(mouse);
	return pool ? 0 : -ENOMEM;
}

static void hrm_transfer_drop(struct hrm_mouse *mouse, bool drop)
{
	WRITE_ONCE(mouse->dropping, drop);
	hrm_look_next(mouse);
}

static void hrm_transfer_stop(struct hrm_mouse *mouse)
{
	unsigned int i;

	for (i = 0; i < mouse->pool->depth; i++)
		usb_poison_urb(mouse->pool->urbs[i]);
	cancel_delayed_work_sync(&mouse->retry);
	mouse->running = false;
}

static int hrm_transfer_start(struct hrm_mouse *mouse)
{
	unsigned int i;

	mouse->retry_ms = 0;
	mouse->halted = false;
	mouse->running = true;
	for (i = 0; i < mouse->pool->depth; i++)
		usb_unpoison_urb(mouse->pool->urbs[i]);
	return hrm_transfer_submit(mouse);
}

/* Start or stop, whichever is due */
static int hrm_transfer_update(struct hrm_mouse *mouse)
{
	bool wanted = mouse->users || mouse->always_poll;
	bool run = wanted && !mouse->suspended && !mouse->gone;
	int ret = 0;

	lockdep_assert_held(&mouse->lock);

	if (run && !mouse->running)
		ret = hrm_transfer_start(mouse);
	else if (!run && mouse->running)
		hrm_transfer_stop(mouse);
	mouse->intf->needs_remote_wakeup = wanted && !mouse->gone;
	return ret;
}

/* usb_autopm_get_interface() has been called: remote wakeup is asked for */
static int hrm_transfer_first_user(struct hrm_mouse *mouse)
{
	if (mouse->gone)
		return -ENODEV;
	if (mouse->users++)
		return 0;

	/* As usbhid: no use without bandwidth, all else is tried again */
	if (hrm_transfer_update(mouse) == -ENOSPC) {
		mouse->users = 0;
		hrm_transfer_update(mouse);
		return -EBUSY;
	}
	/* What is always polled keeps no reports */
	if (!mouse->always_poll)
		msleep(HRM_DRAIN_MS);
	hrm_transfer_drop(mouse, false);
	return 0;
}

/**
 * hrm_transfer_open() - an input device was opened
 * @mouse: the interface
 *
 * Context: may sleep.
 *
 * Return: 0 or a negative error number; -EBUSY if the bus has no bandwidth.
 */
int hrm_transfer_open(struct hrm_mouse *mouse)
{
	/* Resuming takes the lock */
	int ret = usb_autopm_get_interface(mouse->intf);

	if (ret)
		return ret;

	scoped_guard(mutex, &mouse->lock)
		ret = hrm_transfer_first_user(mouse);
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
		hrm_transfer_drop(mouse, true);
		hrm_transfer_update(mouse);
	}
}

/**
 * hrm_transfer_poll() - whether to poll a device that nobody has open
 * @mouse: the interface
 * @always: whether to
 *
 * Context: may sleep.
 *
 * Return: 0 or a negative error number.
 */
int hrm_transfer_poll(struct hrm_mouse *mouse, bool always)
{
	int ret = usb_autopm_get_interface(mouse->intf);

	if (ret)
		return ret;

	scoped_guard(mutex, &mouse->lock) {
		mouse->always_poll = always;
		hrm_transfer_update(mouse);
	}
	usb_autopm_put_interface(mouse->intf);
	return 0;
}

/**
 * hrm_transfer_plan() - the HID device gets its driver, or loses it
 * @mouse: the interface
 * @bind: connects the plan with the input devices, and returns whether the plan
 *	  is to take the mouse's reports from now on; NULL: the input devices go
 *	  away
 *
 * Context: may sleep; the input devices exist until it returns.
 */
static void hrm_transfer_plan(struct hrm_mouse *mouse,
			      bool (*bind)(struct hrm_mouse *mouse))
{
	guard(mutex)(&mouse->lock);

	if (mouse->running)
		hrm_transfer_stop(mouse);
	memset(mouse->plan->inputs, 0, sizeof(mouse->plan->inputs));
	mouse->bound = bind;
	mouse->planned = bind && bind(mouse);
	hrm_look_next(mouse);
	hrm_transfer_update(mouse);
}

const struct hrm_rest_host hrm_transfer_host = {
	.open = hrm_transfer_open,
	.close = hrm_transfer_close,
	.plan = hrm_transfer_plan,
};

static bool hrm_transfer_busy(struct hrm_mouse *mouse)
{
	const struct hrm_plan *plan = mouse->plan;
	unsigned int i;

	if (mouse->hid)
		return mouse->bound && mouse->rest->busy(mouse);
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
	if (autosuspend && hrm_transfer_busy(mouse)) {
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
 * hrm_transfer_reset() - hrm_transfer_suspend() before the port is reset
 * @mouse: the interface
 *
 * Context: may sleep, and must not wait for storage.
 */
void hrm_transfer_reset(struct hrm_mouse *mouse)
{
	guard(mutex)(&mouse->lock);

	mouse->counts[HRM_RESETS]++;
	mouse->suspended = true;
	hrm_transfer_update(mouse);
	/* What somebody has set may be what the reset has to mend */
	mouse->ep->bInterval = mouse->interval;
	hrm_transfer_prepare(mouse);
}

/**
 * hrm_transfer_interval() - the polling interval in effect
 * @mouse: the interface
 *
 * Context: may sleep.
 *
 * Return: the interval in microseconds.
 */
unsigned int hrm_transfer_interval(struct hrm_mouse *mouse)
{
	guard(mutex)(&mouse->lock);

	/* Host controllers put there what they can do */
	return hrm_transfer_us(mouse, mouse->pool->urbs[0]->interval);
}

/**
 * hrm_transfer_depth() - the number of transfers in flight
 * @mouse: the interface
 *
 * Context: may sleep.
 *
 * Return: the number.
 */
unsigned int hrm_transfer_depth(struct hrm_mouse *mouse)
{
	guard(mutex)(&mouse->lock);

	return mouse->pool->depth;
}

/*
 * xHCI reads the interval when the endpoint is added (xHCI 1.2, 4.6.6), and
 * others when the first transfer is queued: it is added once more.
 */
static int hrm_transfer_add_endpoint(struct hrm_mouse *mouse, u8 interval)
{
	const struct usb_interface_descriptor *desc =
		&mouse->intf->cur_altsetting->desc;

	mouse->ep->bInterval = interval;
	return usb_set_interface(mouse->udev, desc->bInterfaceNumber,
				 desc->bAlternateSetting);
}

static int hrm_transfer_apply_interval(struct hrm_mouse *mouse, u8 interval)
{
	u8 old = mouse->ep->bInterval;
	int ret;

	if (mouse->gone)
		return -ENODEV;
	if (mouse->suspended)
		return -EBUSY;
	if (interval == old)
		return 0;

	if (mouse->running)
		hrm_transfer_stop(mouse);
	ret = hrm_transfer_add_endpoint(mouse, interval);
	if (ret && hrm_transfer_add_endpoint(mouse, old))
		usb_queue_reset_device(mouse->intf);
	/* To the device this is a new start (USB 2.0, 9.1.1.5) */
	hrm_configure(mouse);
	hrm_transfer_prepare(mouse);
	hrm_transfer_update(mouse);
	return ret;
}

/**
 * hrm_transfer_set_interval() - poll a device more or less often
 * @mouse: the interface
 * @us: the interval in microseconds, rounded down to what the bus can do (USB
 *	2.0, 5.7.4); 0 for the device's own
 *
 * Until the interface is unbound or the port is reset.
 *
 * Context: may sleep.
 *
 * Return: 0 or a negative error number: -EINVAL if the bus has no such interval.
 */
int hrm_transfer_set_interval(struct hrm_mouse *mouse, unsigned int us)
{
	bool high = mouse->udev->speed >= USB_SPEED_HIGH;
	unsigned int min = high ? 125 : USEC_PER_MSEC;
	unsigned int max = high ? 125 << 15 : 255 * USEC_PER_MSEC;
	u8 interval;
	int ret;

	if (us && (us < min || us > max))
		return -EINVAL;
	interval = !us ? mouse->interval : high ? ilog2(us / min) + 1 : us / min;

	ret = usb_autopm_get_interface(mouse->intf);
	if (ret)
		return ret;
	scoped_guard(mutex, &mouse->lock)
		ret = hrm_transfer_apply_interval(mouse, interval);
	usb_autopm_put_interface(mouse->intf);
	return ret;
}

/**
 * hrm_transfer_set_depth() - change the number of transfers in flight
 * @mouse: the interface
 * @depth: 1 to HRM_MAX_DEPTH; 0 for as many as the interval calls for
 *
 * Context: may sleep.
 *
 * Return: 0 or a negative error number.
 */
int hrm_transfer_set_depth(struct hrm_mouse *mouse, unsigned int depth)
{
	int ret;

	if (depth > HRM_MAX_DEPTH)
		return -EINVAL;

	guard(mutex)(&mouse->lock);
	mouse->depth_set = depth;
	if (mouse->running)
		hrm_transfer_stop(mouse);
	ret = hrm_transfer_prepare(mouse);
	hrm_transfer_update(mouse);
	return ret;
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
	/* The next driver finds the endpoint as the device describes it */
	if (mouse->ep->bInterval != mouse->interval)
		hrm_transfer_add_endpoint(mouse, mouse->interval);
}

static void hrm_transfer_release(void *data)
{
	struct hrm_mouse *mouse = data;

	if (mouse->pool)
		hrm_pool_free(mouse, mouse->pool);
}

/**
 * hrm_transfer_init() - prepare the transfers
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
		      struct usb_endpoint_descriptor *ep)
{
	int ret;

	mutex_init(&mouse->lock);
	INIT_DELAYED_WORK(&mouse->retry, hrm_transfer_retry);
	mouse->ep = ep;
	mouse->interval = ep->bInterval;
	mouse->depth_set = READ_ONCE(hrm_depth);
	hrm_transfer_drop(mouse, true);

	ret = devm_add_action(&mouse->intf->dev, hrm_transfer_release, mouse);
	if (ret)
		return ret;
	guard(mutex)(&mouse->lock);
	return hrm_transfer_prepare(mouse);
}
