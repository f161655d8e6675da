// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the instructions of one completion callback, of the URB's submission,
 * and of input_event() for the events that it emitted
 *
 * Needs one CPU and a TSC that counts instructions (QEMU, -icount shift=0).
 * The URBs that wait at the endpoint of the device get a completion function
 * of ours, which reads the TSC, calls theirs, and reads the TSC again: nothing
 * is patched, probed or traced in between. In the other mode it does not call
 * theirs but input_event() with the same events for the same input device, and
 * then submits the same URB, in the same context. What an empty function costs
 * there is subtracted, so that a figure has the instructions from the entry to
 * the return of the function in question, and no call. bench.py says what the
 * figures do not show.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/input.h>
#include <linux/kthread.h>
#include <linux/linkage.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/usb.h>
#include <linux/wait.h>
#include <asm/tsc.h>

#include "bench.h"

#define BENCH_MAX_URBS	16
#define BENCH_TRIES	16

typedef void (*complete_fn)(struct urb *urb);
typedef int (*submit_fn)(struct urb *urb, gfp_t gfp);
typedef void (*event_fn)(struct input_dev *input, unsigned int type,
			 unsigned int code, int value);

static DEFINE_MUTEX(bench_lock);
static struct usb_device *bench_udev;
static struct input_dev *bench_input;
static struct {
	struct urb *urb;
	complete_fn complete;
} bench_urbs[BENCH_MAX_URBS];
static unsigned int bench_n_urbs;

static struct bench_run bench_run;
static struct bench_sample bench_samples[BENCH_MAX_SAMPLES];
static unsigned int bench_count;
/* completed, and their drivers do not know yet */
static struct urb *bench_late[BENCH_MAX_URBS];
static unsigned int bench_n_late;
static DECLARE_WAIT_QUEUE_HEAD(bench_wait);
static struct task_struct *bench_thread;
static u32 bench_empty_callback, bench_empty_submit, bench_empty_events[2];

/* One instruction, whatever it is called with */
asmlinkage void bench_nothing(void);
asm(".pushsection .text\n"
    ".globl bench_nothing\n"
    ".type bench_nothing, @function\n"
    "bench_nothing:\n\t" ASM_RET
    ".size bench_nothing, . - bench_nothing\n"
    ".popsection");

/* noipa: the same code for the function in question and for the empty one */
static noinline __noipa u32 bench_time_callback(complete_fn fn, struct urb *urb)
{
	u64 start = rdtsc();

	fn(urb);
	return rdtsc() - start;
}

static noinline __noipa u32 bench_time_submit(submit_fn fn, struct urb *urb, int *ret)
{
	u64 start = rdtsc();

	*ret = fn(urb, GFP_ATOMIC);
	return rdtsc() - start;
}

static noinline __noipa u32 bench_time_events(event_fn fn, struct input_dev *input,
					      const struct bench_frame *frame)
{
	const struct bench_event *event = frame->events;
	u64 start = rdtsc();

	for (; event < frame->events + frame->n; event++)
		fn(input, event->type, event->code, event->value);
	return rdtsc() - start;
}

static complete_fn bench_find(struct urb *urb)
{
	unsigned int i;

	for (i = 0; i < bench_n_urbs; i++)
		if (bench_urbs[i].urb == urb)
			return bench_urbs[i].complete;
	return NULL;
}

static void bench_deliver_late(void)
{
	unsigned long flags;
	unsigned int i;

	/* as the host controller's driver calls them */
	local_irq_save(flags);
	for (i = 0; i < bench_n_late; i++)
		bench_find(bench_late[i])(bench_late[i]);
	bench_n_late = 0;
	local_irq_restore(flags);
}

static int bench_delay(void *unused)
{
	unsigned int us = 0;

	sched_set_fifo(current);
	while (!kthread_should_stop()) {
		wait_event_interruptible(bench_wait, READ_ONCE(bench_n_late) ||
					 kthread_should_stop());
		us = (us + 130) % BENCH_DELAY_US;
		usleep_range(us, us + 1);
		bench_deliver_late();
	}
	return 0;
}

static void bench_complete(struct urb *urb)
{
	complete_fn complete = bench_find(urb);
	const struct bench_frame *frame;
	struct bench_sample *sample;
	unsigned int number;
	int ret;

	if (urb->status || !urb->actual_length) {
		complete(urb);
		return;
	}

	number = bench_count++;
	sample = &bench_samples[number % BENCH_MAX_SAMPLES];
	frame = &bench_run.frames[number % 2];
	switch (bench_run.mode) {
	case BENCH_PASS:
		complete(urb);
		break;
	case BENCH_CALLBACK:
		sample->callback = bench_time_callback(complete, urb) - bench_empty_callback;
		break;
	case BENCH_REPLAY:
		sample->events = bench_time_events(input_event, bench_input, frame) -
				 bench_empty_events[frame - bench_run.frames];
		sample->submit = bench_time_submit(usb_submit_urb, urb, &ret) - bench_empty_submit;
		if (ret)
			pr_err("bench: a URB cannot be submitted: %d\n", ret);
		break;
	case BENCH_DELAY:
		if (!bench_n_late && number % BENCH_DELAY_EVERY) {
			complete(urb);
			break;
		}
		bench_late[bench_n_late++] = urb;
		wake_up(&bench_wait);
		break;
	}
}

static void bench_calibrate(void)
{
	unsigned int i, k;
	unsigned long flags;
	int ret;

	local_irq_save(flags);
	bench_empty_callback = bench_empty_submit = U32_MAX;
	bench_empty_events[0] = bench_empty_events[1] = U32_MAX;
	for (i = 0; i < BENCH_TRIES; i++) {
		bench_empty_callback = min(bench_empty_callback,
					   bench_time_callback((complete_fn)bench_nothing, NULL));
		bench_empty_submit = min(bench_empty_submit,
					 bench_time_submit((submit_fn)bench_nothing, NULL, &ret));
		for (k = 0; k < 2; k++)
			bench_empty_events[k] = min(bench_empty_events[k],
						    bench_time_events((event_fn)bench_nothing, NULL,
								      &bench_run.frames[k]));
	}
	local_irq_restore(flags);

	/* the empty function's own instruction */
	bench_empty_callback--;
	bench_empty_submit--;
	for (k = 0; k < 2; k++)
		bench_empty_events[k] -= bench_run.frames[k].n;
}

static int bench_ticks(void)
{
	unsigned long flags;
	u64 start, ticks;

	local_irq_save(flags);
	start = rdtsc();
	asm volatile(".rept 1000; nop; .endr");
	ticks = rdtsc() - start;
	start = rdtsc();
	ticks -= rdtsc() - start;
	local_irq_restore(flags);
	return min_t(u64, ticks, INT_MAX);
}

/*
 * input_event() gives the pool 12 bytes, and whoever fills its buffer of 64 has
 * to hash it
 */
static int bench_hash(void)
{
	u32 took, most = 0, least = U32_MAX;
	unsigned long flags;
	unsigned int i;
	u8 bytes[8] = {};
	u64 start;

	local_irq_save(flags);
	for (i = 0; i < BENCH_TRIES; i++) {
		start = rdtsc();
		add_device_randomness(bytes, sizeof(bytes));
		took = rdtsc() - start;
		most = max(most, took);
		least = min(least, took);
	}
	local_irq_restore(flags);
	return most - least;
}

static int bench_match_usb(struct usb_device *udev, void *data)
{
	if (le16_to_cpu(udev->descriptor.idVendor) == BENCH_VENDOR)
		*(struct usb_device **)data = usb_get_dev(udev);
	return *(struct usb_device **)data != NULL;
}

static int bench_match_input(struct device *dev, const void *data)
{
	/* an event device is of this class, too */
	if (strncmp(dev_name(dev), "input", 5))
		return false;
	while (dev && dev != data)
		dev = dev->parent;
	return dev != NULL;
}

static void bench_unhook(void)
{
	unsigned long flags;
	unsigned int i;

	bench_deliver_late();
	local_irq_save(flags);
	for (i = 0; i < bench_n_urbs; i++)
		bench_urbs[i].urb->complete = bench_urbs[i].complete;
	local_irq_restore(flags);
	for (i = 0; i < bench_n_urbs; i++)
		usb_put_urb(bench_urbs[i].urb);
	bench_n_urbs = 0;
	if (bench_input)
		put_device(&bench_input->dev);
	usb_put_dev(bench_udev);
	bench_input = NULL;
	bench_udev = NULL;
}

static int bench_hook(void)
{
	struct usb_host_endpoint *ep = NULL;
	struct usb_device *udev = NULL;
	unsigned long flags;
	struct device *dev;
	struct urb *urb;
	unsigned int i;

	bench_unhook();
	if (num_online_cpus() > 1)
		return -EBUSY;
	usb_for_each_dev(&udev, bench_match_usb);
	if (!udev)
		return -ENODEV;
	bench_udev = udev;
	dev = class_find_device(&input_class, NULL, &udev->dev, bench_match_input);
	for (i = 1; i < ARRAY_SIZE(udev->ep_in) && !ep; i++)
		ep = udev->ep_in[i];
	if (!dev || !ep)
		return -ENODEV;
	bench_input = to_input_dev(dev);

	/* One CPU: nobody touches the list now */
	local_irq_save(flags);
	list_for_each_entry(urb, &ep->urb_list, urb_list) {
		if (bench_n_urbs == BENCH_MAX_URBS)
			break;
		bench_urbs[bench_n_urbs].urb = usb_get_urb(urb);
		bench_urbs[bench_n_urbs].complete = urb->complete;
		bench_n_urbs++;
		urb->complete = bench_complete;
	}
	local_irq_restore(flags);
	return bench_n_urbs;
}

static int bench_start(const void __user *arg)
{
	struct bench_run *run = memdup_user(arg, sizeof(*run));
	unsigned long flags;
	int ret = 0;

	if (IS_ERR(run))
		return PTR_ERR(run);
	if (run->mode > BENCH_DELAY || run->frames[0].n > BENCH_MAX_EVENTS ||
	    run->frames[1].n > BENCH_MAX_EVENTS || !bench_n_urbs) {
		ret = -EINVAL;
	} else {
		local_irq_save(flags);
		bench_run = *run;
		bench_count = 0;
		memset(bench_samples, 0, sizeof(bench_samples));
		local_irq_restore(flags);
		bench_calibrate();
	}
	kfree(run);
	return ret;
}

static long bench_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	guard(mutex)(&bench_lock);

	switch (cmd) {
	case BENCH_HOOK:
		return bench_hook();
	case BENCH_UNHOOK:
		bench_unhook();
		return 0;
	case BENCH_RUN:
		return bench_start((const void __user *)arg);
	case BENCH_COUNT:
		return bench_count;
	case BENCH_TICKS:
		return bench_ticks();
	case BENCH_HASH:
		return bench_hash();
	}
	return -ENOTTY;
}

static ssize_t bench_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	guard(mutex)(&bench_lock);

	size = min3(size, bench_count * sizeof(*bench_samples), sizeof(bench_samples));
	return copy_to_user(buf, bench_samples, size) ? -EFAULT : size;
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = bench_ioctl,
	.read = bench_read,
};

static struct miscdevice bench_dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "bench",
	.fops = &bench_fops,
};

static int __init bench_init(void)
{
	int ret;

	bench_thread = kthread_run(bench_delay, NULL, "bench");
	if (IS_ERR(bench_thread))
		return PTR_ERR(bench_thread);
	ret = misc_register(&bench_dev);
	if (ret)
		kthread_stop(bench_thread);
	return ret;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	misc_deregister(&bench_dev);
	bench_unhook();
	kthread_stop(bench_thread);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Counts the instructions of a completion callback");
MODULE_LICENSE("GPL");
