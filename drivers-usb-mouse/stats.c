// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can be read of the driver and its interfaces in debugfs
 */

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/seq_file.h>
#include <linux/usb.h>

#include "hrmouse.h"

struct dentry *hrm_stats_root;

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

static int hrm_plan_show(struct seq_file *seq, void *unused)
{
	const struct hrm_mouse *mouse = seq->private;
	const struct hrm_plan *plan = mouse->plan;
	const struct hrm_plan_report *report;
	const struct hrm_op *op;
	unsigned int i;

	for (i = 0; i < plan->n_reports; i++) {
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
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hrm_plan);

static int hrm_rdesc_show(struct seq_file *seq, void *unused)
{
	const struct hrm_mouse *mouse = seq->private;
	size_t i;

	for (i = 0; i < mouse->desc.size; i++)
		seq_printf(seq, "%02x%c", mouse->desc.bytes[i],
			   i % 16 == 15 || i + 1 == mouse->desc.size ? '\n' : ' ');
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hrm_rdesc);

/**
 * hrm_stats_add() - show an interface
 * @mouse: the interface, its input devices registered
 *
 * Context: may sleep.
 */
void hrm_stats_add(struct hrm_mouse *mouse)
{
	mouse->debugfs = debugfs_create_dir(dev_name(&mouse->intf->dev),
					    hrm_stats_root);
	debugfs_create_file("plan", 0444, mouse->debugfs, mouse, &hrm_plan_fops);
	debugfs_create_file("rdesc", 0444, mouse->debugfs, mouse,
			    &hrm_rdesc_fops);
}

/**
 * hrm_stats_remove() - show it no longer
 * @mouse: the interface
 *
 * Context: may sleep; returns when nobody reads any more.
 */
void hrm_stats_remove(struct hrm_mouse *mouse)
{
	debugfs_remove(mouse->debugfs);
}

/**
 * hrm_stats_start() - make room in debugfs
 *
 * Context: may sleep; the first of all.
 */
void hrm_stats_start(void)
{
	hrm_stats_root = debugfs_create_dir("hrmouse", usb_debug_root);
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
