/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The plan: how the reports of an interface become input events
 */

#ifndef _HRMOUSE_PLAN_H
#define _HRMOUSE_PLAN_H

#include <linux/input.h>
#include <linux/types.h>
#include <linux/unaligned.h>

struct hrm_rdesc;

/* Bytes that must be readable behind the longest report */
#define HRM_PLAN_PAD	8

/* Applications of one interface that become input devices */
#define HRM_MAX_INPUTS	2

enum hrm_op_kind {
	HRM_OP_BUTTONS,		/* a run of one-bit keys */
	HRM_OP_MOTION,		/* a relative value as nearly all mice have it */
	HRM_OP_REL,		/* any other */
	HRM_OP_ABS,
	HRM_OP_WHEEL,		/* a click counter and its high-resolution twin */
	HRM_OP_KEY,		/* a key that is no one-bit value */
	HRM_OP_ARRAY,		/* a list of the keys that are down */
	HRM_OP_HAT,
	HRM_OP_DPAD,		/* a hat of one direction */
};

#define HRM_ALL_BITS	(~0ULL)

#define HRM_OP_SIGNED	BIT(0)	/* sign-extend the value */
#define HRM_OP_NULL	BIT(1)	/* a value out of range is no value */
#define HRM_OP_ALWAYS	BIT(2)	/* report a value that did not change */
#define HRM_OP_RELEASE	BIT(3)	/* a key that reports presses only */
#define HRM_OP_CONSTANT	BIT(4)	/* of a constant field, run after the others */
#define HRM_OP_HAT_KEY	BIT(5)	/* a hat that is a key by EVIOCSKEYCODE */

/**
 * struct hrm_op - one step of the plan
 * @watch: bits of the first 64 of the report without which it has nothing to do;
 *	   all of them where it may have in any report
 * @off: byte offset in the report of a 64-bit little-endian load
 * @lsl: left shift that drops the bits above the value
 * @rsh: right shift that brings the value down
 * @kind: enum hrm_op_kind
 * @flags: HRM_OP_*
 * @code: event code; first key for buttons and keys; index of an array
 * @min: least value that is reported; the direction of a D-pad
 * @max: greatest value that is reported
 * @span: @max - @min
 * @last: previous value as it came; the remainder of a wheel
 * @multiplier: of a wheel: steps per click
 * @multiplier_set: the same once the device's multipliers have been set
 */
struct hrm_op {
	u64 watch;
	u16 off;
	u8 lsl;
	u8 rsh;
	u8 kind;
	u8 flags;
	u16 code;
	s32 min;
	u32 span;
	s32 max;
	s32 last;
	s8 multiplier;
	s8 multiplier_set;
};

/**
 * struct hrm_key - an entry of the keymap, one per usage in hid-input's order
 * @usage: the scan code
 * @code: KEY_* or BTN_*, KEY_RESERVED where nothing is assigned
 */
struct hrm_key {
	u32 usage;
	u16 code;
};

struct hrm_array {
	u32 offset;		/* bits from the start of the report */
	s32 min;
	s32 max;
	u16 size;		/* bits per entry */
	u16 count;		/* entries in the report */
	u16 n_keys;
	u16 first_key;
	u16 first_value;	/* of the previous report, in plan->values */
};

/**
 * struct hrm_feature - a feature report with Resolution Multipliers
 * @len: bytes of the report, its ID not counted
 * @first_part: index into &hrm_plan.parts
 * @n_parts: fields of the report
 * @id: report ID, 0 where feature reports have none
 */
struct hrm_feature {
	u16 len;
	u16 first_part;
	u16 n_parts;
	u8 id;
};

/* A field of a feature report */
struct hrm_part {
	u32 offset;		/* bits from the start of the report */
	u32 bits;
	s32 value;
	bool set;		/* or else keep what the device has */
};

/**
 * struct hrm_plan_report - the steps for one report
 * @watch: bits of the first 64 of the report that some step looks at
 * @keep: those of @watch that count by their change; the others by not being 0
 * @still: what @watch has to find in a report that brings nothing new
 * @again: bits that are news the next time whatever they are
 * @always: those of @again that always are
 * @ops: the steps
 * @end: the end of @ops
 * @plan: the plan
 * @events: input events so far, those that end a frame not counted
 * @len: bytes that the report must have, its ID not counted
 * @input: index of the input device
 * @id: report ID, 0 where reports have none
 */
struct hrm_plan_report {
	u64 watch;
	u64 keep;
	u64 still;
	u64 again;
	u64 always;
	struct hrm_op *ops;
	struct hrm_op *end;
	struct hrm_plan *plan;
	unsigned long events;
	u16 len;
	u8 input;
	u8 id;
};

/**
 * struct hrm_caps - what hid-input would declare for one input device
 * @application: usage of the application collection
 * @evbit: event types
 * @keybit: keys
 * @relbit: relative axes
 * @absbit: absolute axes
 * @abs: parameters of the absolute axes
 */
struct hrm_caps {
	u32 application;
	DECLARE_BITMAP(evbit, EV_CNT);
	DECLARE_BITMAP(keybit, KEY_CNT);
	DECLARE_BITMAP(relbit, REL_CNT);
	DECLARE_BITMAP(absbit, ABS_CNT);
	struct input_absinfo abs[ABS_CNT];
};

/**
 * struct hrm_plan - the compiled report descriptor
 * @inputs: the input devices, set by their owner before the first report
 * @ops: all steps
 * @reports: the reports that the device may send
 * @keys: the keymap
 * @arrays: array fields
 * @values: previous values of the arrays
 * @features: the feature reports that set Resolution Multipliers
 * @parts: their fields
 * @n_ops: number of @ops
 * @n_keys: number of @keys
 * @n_reports: number of @reports
 * @n_arrays: number of @arrays
 * @n_values: number of @values
 * @n_features: number of @features
 * @n_parts: number of @parts
 * @n_inputs: number of @inputs
 * @numbered: whether a report starts with its ID
 * @partial: there is more than the plan covers: other input reports, and what
 *	     else concerns hid-input
 * @max_len: length of the longest report in bytes, its ID included
 */
struct hrm_plan {
	struct input_dev *inputs[HRM_MAX_INPUTS];
	struct hrm_op *ops;
	struct hrm_plan_report *reports;
	struct hrm_key *keys;
	struct hrm_array *arrays;
	s32 *values;
	struct hrm_feature *features;
	struct hrm_part *parts;
	u16 n_ops;
	u16 n_keys;
	u16 n_reports;
	u16 n_arrays;
	u16 n_values;
	u16 n_features;
	u16 n_parts;
	u16 max_len;
	u8 n_inputs;
	bool numbered;
	bool partial;
};

/**
 * struct hrm_why - why a descriptor has no plan
 * @text: the reason, or NULL
 * @usage: the usage in question, 0 where there is none
 */
struct hrm_why {
	const char *text;
	u32 usage;
};

enum hrm_result {
	HRM_REPORT_OK,
	HRM_REPORT_SHORT,
	HRM_REPORT_UNKNOWN,	/* no such report ID */
};

struct hrm_plan *hrm_plan_compile(const struct hrm_rdesc *rd, bool partial,
				  struct hrm_caps caps[HRM_MAX_INPUTS],
				  struct hrm_why *why);
void hrm_plan_free(struct hrm_plan *plan);
unsigned long hrm_plan_step(struct hrm_plan_report *report, struct hrm_op *op,
			    const u8 *data);
void hrm_plan_fill(const struct hrm_plan *plan,
		   const struct hrm_feature *feature, const u8 *old, u8 *data);
void hrm_plan_multiply(struct hrm_plan *plan);
struct hrm_key *hrm_plan_find_key(struct hrm_plan *plan,
				  const struct input_keymap_entry *ke);

/**
 * hrm_plan_run() - report the events of one input report
 * @plan: the plan, its input devices set
 * @data: the report as it came, its ID included; readable for at least
 *	  &hrm_plan.max_len + HRM_PLAN_PAD bytes whatever @len says
 * @len: bytes that the device sent
 *
 * Most reports of most mice have 64 bits or less. One comparison of all of them
 * tells which steps have something to do, and whether any has.
 *
 * Inline, because it is what the completion of a transfer consists of.
 *
 * Context: any; calls for one plan must not overlap.
 *
 * Return: whether the report was taken, and if not, why.
 */
static inline enum hrm_result hrm_plan_run(struct hrm_plan *plan,
					   const u8 *data, unsigned int len)
{
	struct hrm_plan_report *report = plan->reports;
	struct input_dev *input;
	unsigned long n_events;
	u64 word, news, any;
	struct hrm_op *op;
	s32 value;

	if (plan->numbered) {
		if (!len)
			return HRM_REPORT_SHORT;
		while (report->id != *data)
			if (++report == plan->reports + plan->n_reports)
				return HRM_REPORT_UNKNOWN;
		data++;
		len--;
	}
	/* 8.1: a report has its full length; hid-core drops what is shorter */
	if (len < report->len)
		return HRM_REPORT_SHORT;

	word = get_unaligned_le64(data);
	news = ((word & report->watch) ^ report->still) | report->again;
	if (!news)
		return HRM_REPORT_OK;

	report->still = word & report->keep;
	report->again = report->always;
	input = plan->inputs[report->input];
	any = news & report->watch;
	for (op = report->ops; op < report->end; op++) {
		if (!(op->watch & news))
			continue;
		/* What is new in a motion is not 0 */
		value = (s64)(word << op->lsl) >> op->rsh;
		if (likely(op->kind == HRM_OP_MOTION &&
			   (u32)value - op->min <= op->span)) {
			input_event(input, EV_REL, op->code, value);
			report->events++;
			continue;
		}
		n_events = hrm_plan_step(report, op, data);
		report->events += n_events;
		any |= n_events;
	}
	if (any)
		input_sync(input);
	return HRM_REPORT_OK;
}

#endif /* _HRMOUSE_PLAN_H */
