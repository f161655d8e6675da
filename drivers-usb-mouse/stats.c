// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be read and set of the driver and its interfaces: debugfs, sysfs,
 * tracepoints
 */

#include <linux/bitops.h>
#include <linux/cleanup.h>
#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/seq_file.h>
#include <linux/sysfs.h>
#include <linux/usb.h>

#include "hrmouse.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

DEFINE_STATIC_KEY_FALSE(hrm_stats_wanted);

struct dentry *hrm_stats_root;

static DEFINE_MUTEX(hrm_stats_lock);
/* All that are bound */
static LIST_HEAD(hrm_mice);
/* Intervals between reports are measured */
static bool hrm_timing;

static const char * const hrm_kinds[] = {
	[HRM_OP_BUTTONS] = "buttons",
	[HRM_OP_MOTION] = "motion",
	[HRM_OP_REL] = "relative",
	[HRM_OP_ABS] = "absolute",
	[HRM_OP_WHEEL] = "wheel",
	[HRM_OP_KEY] = "key",
	[HRM_OP_ARRAY] = "array",
	[HRM_OP_HAT] = "hat",
	[HRM_OP_DPAD] = "D-pad",
};

static void hrm_show_op(struct seq_file *seq, const struct hrm_op *op)
{
	unsigned int size = 64 - op->rsh;

	seq_printf(seq, "  %s", hrm_kinds[op->kind]);
	if (op->kind == HRM_OP_ARRAY)
		seq_printf(seq, " %u", op->code);
	else
		seq_printf(seq, ": bit %u, %u bits",
			   op->off * 8 + 64 - op->lsl - size, size);
	switch (op->kind) {
	case HRM_OP_BUTTONS:
	case HRM_OP_KEY:
		seq_printf(seq, ", from key %u", op->code);
		break;
	case HRM_OP_ARRAY:
		break;
	default:
		seq_printf(seq, ", code %#x, %d to %d", op->code, op->min,
			   op->max);
	}
	seq_putc(seq, '\n');
}

static void hrm_show_plan(struct seq_file *seq, struct hrm_mouse *mouse)
{
	const struct hrm_plan *plan = mouse->plan;
	const struct hrm_plan_report *report;
	const struct hrm_op *op;
	unsigned int i;

	/* The input devices of a HID device come and go */
	guard(mutex)(&mouse->lock);
	if (!mouse->planned)
		seq_puts(seq, "all reports: to the HID core\n");
	else if (plan->partial)
		seq_puts(seq, "other reports: to the HID core\n");
	for (i = 0; i < plan->n_reports && mouse->planned; i++) {
		report = &plan->reports[i];
		seq_printf(seq, "report %u: %u bytes, to %s\n", report->id,
			   report->len,
			   dev_name(&plan->inputs[report->input]->dev));
		for (op = report->ops; op < report->end; op++)
			hrm_show_op(seq, op);
	}
	for (i = 0; i < plan->n_keys; i++)
		seq_printf(seq, "key %u: usage %08x, code %#x\n", i,
			   plan->keys[i].usage, READ_ONCE(plan->keys[i].code));
}

static void hrm_show_rdesc(struct seq_file *seq, struct hrm_mouse *mouse)
{
	size_t i;

	for (i = 0; i < mouse->desc.size; i++)
		seq_printf(seq, "%02x%c", mouse->desc.bytes[i],
			   i % 16 == 15 || i + 1 == mouse->desc.size ? '\n' : ' ');
}

static const char * const hrm_speeds[] = {
	[USB_SPEED_LOW] = "1.5",
	[USB_SPEED_FULL] = "12",
	[USB_SPEED_HIGH] = "480",
	[USB_SPEED_SUPER] = "5000",
	[USB_SPEED_SUPER_PLUS] = "10000",
};

static const char * const hrm_counts[HRM_N_COUNTS] = {
	[HRM_DROPPED_EMPTY] = "dropped_empty",
	[HRM_DROPPED_SHORT] = "dropped_short",
	[HRM_DROPPED_UNKNOWN] = "dropped_unknown",
	[HRM_DROPPED_OLD] = "dropped_old",
	[HRM_ERROR_STALL] = "error_stall",
	[HRM_ERROR_PROTOCOL] = "error_protocol",
	[HRM_ERROR_OVERFLOW] = "error_overflow",
	[HRM_ERROR_OTHER] = "error_other",
	[HRM_ERROR_SUBMIT] = "error_submit",
	[HRM_RESETS] = "resets",
};

static void hrm_show_gaps(struct seq_file *seq, struct hrm_gaps *gaps)
{
	unsigned int count, n = 0, i;

	for (i = 0; i < HRM_N_GAPS; i++)
		n += READ_ONCE(gaps->counts[i]);
	if (!n)
		return;
	seq_printf(seq, "gap_min %lu\ngap_mean %llu\ngap_max %lu\n",
		   READ_ONCE(gaps->min) / NSEC_PER_USEC,
		   div_u64(div_u64(READ_ONCE(gaps->sum), n), NSEC_PER_USEC),
		   READ_ONCE(gaps->max) / NSEC_PER_USEC);
	for (i = 0; i < HRM_N_GAPS; i++) {
		count = READ_ONCE(gaps->counts[i]);
		if (count)
			seq_printf(seq, "gap %lu %lu %u\n",
				   i ? BIT(i - 1) : 0, BIT(i), count);
	}
}

static void hrm_show_stats(struct seq_file *seq, struct hrm_mouse *mouse)
{
	const struct hrm_plan *plan = mouse->plan;
	unsigned long events = 0;
	unsigned int i;

	for (i = 0; i < plan->n_reports; i++)
		events += READ_ONCE(plan->reports[i].events);

	seq_printf(seq, "speed %s\n", hrm_speeds[mouse->udev->speed]);
	seq_printf(seq, "interval %u\n", hrm_transfer_interval(mouse));
	seq_printf(seq, "depth %u\n", hrm_transfer_depth(mouse));
	seq_printf(seq, "reports %lu\n", READ_ONCE(mouse->reports));
	seq_printf(seq, "bytes %lu\n", READ_ONCE(mouse->bytes));
	seq_printf(seq, "events %lu\n", events);
	for (i = 0; i < HRM_N_COUNTS; i++)
		seq_printf(seq, "%s %lu\n", hrm_counts[i],
			   READ_ONCE(mouse->counts[i]));
	hrm_show_gaps(seq, &mouse->gaps);
}

/* One file for all interfaces: a directory for each is a page of memory each */
static int hrm_all_show(struct seq_file *seq, void *unused)
{
	void (*show)(struct seq_file *seq, struct hrm_mouse *mouse) =
		seq->private;
	struct hrm_mouse *mouse;

	guard(mutex)(&hrm_stats_lock);
	list_for_each_entry(mouse, &hrm_mice, node) {
		seq_printf(seq, "%s: %s\n", dev_name(&mouse->intf->dev),
			   mouse->name);
		show(seq, mouse);
		seq_putc(seq, '\n');
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hrm_all);

static int hrm_timing_get(void *unused, u64 *value)
{
	*value = READ_ONCE(hrm_timing);
	return 0;
}

/* Each time it is switched on the figures start anew */
static int hrm_timing_set(void *unused, u64 value)
{
	struct hrm_mouse *mouse;

	if (value > 1)
		return -EINVAL;

	guard(mutex)(&hrm_stats_lock);
	if (value)
		list_for_each_entry(mouse, &hrm_mice, node)
			WRITE_ONCE(mouse->gaps_stale, true);
	if (value == hrm_timing)
		return 0;
	WRITE_ONCE(hrm_timing, value);
	if (value)
		static_branch_inc(&hrm_stats_wanted);
	else
		static_branch_dec(&hrm_stats_wanted);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(hrm_timing_fops, hrm_timing_get, hrm_timing_set,
			 "%llu\n");

/* A tracepoint is being switched on */
int hrm_stats_want(void)
{
	static_branch_inc(&hrm_stats_wanted);
	return 0;
}

void hrm_stats_unwant(void)
{
	static_branch_dec(&hrm_stats_wanted);
}

/**
 * hrm_stats_report() - take down a report, where somebody asks for it
 * @mouse: the interface
 * @urb: the transfer that brought it
 *
 * Context: any; calls for one interface must not overlap.
 */
void hrm_stats_report(struct hrm_mouse *mouse, const struct urb *urb)
{
	struct hrm_gaps *gaps = &mouse->gaps;
	ktime_t now, last;
	s64 gap;

	trace_hrmouse_report(mouse->intf, urb->transfer_buffer,
			     urb->actual_length);
	if (!READ_ONCE(hrm_timing))
		return;

	if (READ_ONCE(mouse->gaps_stale)) {
		memset(gaps, 0, sizeof(*gaps));
		gaps->min = U32_MAX;
		WRITE_ONCE(mouse->gaps_stale, false);
	}
	now = ktime_get();
	last = gaps->last;
	gaps->last = now;
	gap = ktime_to_ns(ktime_sub(now, last));
	/* The hand was off the mouse */
	if (!last || gap > NSEC_PER_SEC)
		return;
	gaps->sum += gap;
	gaps->min = min_t(u32, gaps->min, gap);
	gaps->max = max_t(u32, gaps->max, gap);
	gaps->counts[fls((u32)gap / (u32)NSEC_PER_USEC)]++;
}

static ssize_t depth_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	return sysfs_emit(buf, "%u\n", hrm_transfer_depth(dev_get_drvdata(dev)));
}

static ssize_t depth_store(struct device *dev, struct device_attribute *attr,
			   const char *buf, size_t count)
{
	unsigned int depth;
	int ret = kstrtouint(buf, 0, &depth) ?:
		  hrm_transfer_set_depth(dev_get_drvdata(dev), depth);

	return ret ?: count;
}
static DEVICE_ATTR_RW(depth);

static ssize_t interval_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	return sysfs_emit(buf, "%u\n",
			  hrm_transfer_interval(dev_get_drvdata(dev)));
}

static ssize_t interval_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t count)
{
	unsigned int us;
	int ret = kstrtouint(buf, 0, &us) ?:
		  hrm_transfer_set_interval(dev_get_drvdata(dev), us);

	return ret ?: count;
}
static DEVICE_ATTR_RW(interval);

static ssize_t always_poll_show(struct device *dev,
				struct device_attribute *attr, char *buf)
{
	const struct hrm_mouse *mouse = dev_get_drvdata(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(mouse->always_poll));
}

static ssize_t always_poll_store(struct device *dev,
				 struct device_attribute *attr,
				 const char *buf, size_t count)
{
	bool always;
	int ret = kstrtobool(buf, &always) ?:
		  hrm_transfer_poll(dev_get_drvdata(dev), always);

	return ret ?: count;
}
static DEVICE_ATTR_RW(always_poll);

static struct attribute *hrm_attrs[] = {
	&dev_attr_depth.attr,
	&dev_attr_interval.attr,
	&dev_attr_always_poll.attr,
	NULL
};

static const struct attribute_group hrm_group = {
	.attrs = hrm_attrs,
};

const struct attribute_group *hrm_groups[] = { &hrm_group, NULL };

/**
 * hrm_stats_add() - show an interface
 * @mouse: the interface, its input devices registered
 *
 * Context: may sleep.
 */
void hrm_stats_add(struct hrm_mouse *mouse)
{
	mouse->gaps_stale = true;
	guard(mutex)(&hrm_stats_lock);
	list_add_tail(&mouse->node, &hrm_mice);
}

/**
 * hrm_stats_remove() - show it no longer
 * @mouse: the interface
 *
 * Context: may sleep; returns when nobody reads any more.
 */
void hrm_stats_remove(struct hrm_mouse *mouse)
{
	guard(mutex)(&hrm_stats_lock);
	list_del(&mouse->node);
}

/**
 * hrm_stats_start() - show what there is in debugfs
 *
 * Context: may sleep; the first of all.
 */
void hrm_stats_start(void)
{
	hrm_stats_root = debugfs_create_dir("hrmouse", usb_debug_root);
	debugfs_create_file("plan", 0444, hrm_stats_root, hrm_show_plan,
			    &hrm_all_fops);
	debugfs_create_file("rdesc", 0444, hrm_stats_root, hrm_show_rdesc,
			    &hrm_all_fops);
	debugfs_create_file("stats", 0444, hrm_stats_root, hrm_show_stats,
			    &hrm_all_fops);
	debugfs_create_file_unsafe("timing", 0644, hrm_stats_root, NULL,
				   &hrm_timing_fops);
}

/**
 * hrm_stats_end() - undo hrm_stats_start()
 *
 * Context: may sleep; the last of all.
 */
void hrm_stats_end(void)
{
	debugfs_remove(hrm_stats_root);
}
