// SPDX-License-Identifier: GPL-2.0-only
/*
 * The slow way from a report to events
 *
 * Knows what hid-input does with the usages of a mouse, and nothing of the
 * plan. Where the plan refuses a descriptor, this is not asked.
 */

#include <linux/bitops.h>
#include <linux/hid.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

struct ref_usage {
	u32 usage;
	u16 type;		/* 0: none */
	u16 code;
	s16 hat_min, hat_max;
	u8 dir;			/* of a D-pad: 1 is north, clockwise */
	s16 accumulated;	/* as wide as in hid-input */
	s8 multiplier;		/* likewise */
	unsigned int collection;
};

struct ref_field {
	const struct hrm_field *field;
	unsigned int input;
	struct ref_usage *usages;
	s32 *old, *new;
};

struct ref {
	const struct hrm_rdesc *rd;
	unsigned int n_inputs;
	u32 applications[HRM_MAX_INPUTS];
	struct hrm_caps caps[HRM_MAX_INPUTS];
	struct input_dev *inputs[HRM_MAX_INPUTS];
	struct ref_field *fields;
};

static void *need(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		abort();
	return p;
}

/* The key of a system control; hid-input looks at the low byte, but for one */
static u16 system_key(u8 low, u32 id)
{
	switch (low) {
	case 0x81: return KEY_POWER;
	case 0x82: return KEY_SLEEP;
	case 0x83: return KEY_WAKEUP;
	case 0x84: return KEY_CONTEXT_MENU;
	case 0x85: return KEY_MENU;
	case 0x86: return KEY_PROG1;
	case 0x87: return KEY_HELP;
	case 0x88: return KEY_EXIT;
	case 0x89: return KEY_SELECT;
	case 0x8a: return KEY_RIGHT;
	case 0x8b: return KEY_LEFT;
	case 0x8c: return KEY_UP;
	case 0x8d: return KEY_DOWN;
	case 0x8e: return KEY_POWER2;
	case 0x8f: return KEY_RESTART;
	case 0xa9: return KEY_MICMUTE;
	case 0xaa: return KEY_ACCESSIBILITY;
	case 0xb5: return KEY_SWITCHVIDEOMODE;
	}
	return id == 0x9b ? KEY_DO_NOT_DISTURB : 0;
}

static void map(struct ref_usage *u, const struct hrm_field *f)
{
	bool relative = f->flags & HID_MAIN_ITEM_RELATIVE;
	u32 page = u->usage >> 16, id = u->usage & 0xffff;

	if (f->flags & HID_MAIN_ITEM_CONSTANT || f->count == 0)
		return;
	if (page == 0 || page == 0xff || page == 0xff00 || page == 0xffbc ||
	    page == 0xff09 || page == 0xff43)
		return;

	if (page == 0xff01) {
		u->type = id == 1 || id == 3 || id == 4 ? EV_KEY : 0;
		u->code = id == 1 ? KEY_MICMUTE :
			  id == 3 ? KEY_BRIGHTNESSDOWN : KEY_BRIGHTNESSUP;
	} else if (page == 9) {
		u->type = EV_KEY;
		u->code = 0x110 + (u16)(id - 1) > KEY_MAX ? 0xffff :
			  0x110 + (u16)(id - 1);
	} else if (page == 1 && id >= 0x30 && id <= 0x37) {
		u->type = relative ? EV_REL : EV_ABS;
		u->code = id - 0x30;
	} else if (page == 1 && id == 0x38) {
		u->type = relative ? EV_REL : EV_ABS;
		u->code = relative ? REL_WHEEL_HI_RES : ABS_WHEEL;
	} else if (page == 1 && id == 0x39) {
		u->type = EV_ABS;
		u->code = ABS_HAT0X;
		u->hat_min = f->logical_minimum;
		u->hat_max = f->logical_maximum;
	} else if (page == 1 && system_key(id & 0xff, id)) {
		u->type = EV_KEY;
		u->code = system_key(id & 0xff, id);
	} else if (page == 1 && id >= 0x90 && id <= 0x93) {
		u->type = EV_ABS;
		u->code = ABS_HAT0X;
		u->dir = id == 0x90 ? 1 : id == 0x91 ? 5 : id == 0x92 ? 3 : 7;
	} else if (page == 1 && (id & 0xe0) == 0xa0) {
		/* other system controls are nothing */
	} else if (page == 1 && id == 0x3d) {
		u->type = EV_KEY;
		u->code = BTN_START;
	} else if (page == 1 && id == 0x3e) {
		u->type = EV_KEY;
		u->code = BTN_SELECT;
	} else if (page == 2) {
		u->type = EV_ABS;
		if (id == 0xba)
			u->code = ABS_RUDDER;
		else if (id == 0xbb)
			u->code = ABS_THROTTLE;
		else if (id == 0xc4)
			u->code = ABS_GAS;
		else if (id == 0xc5)
			u->code = ABS_BRAKE;
		else if (id == 0xc8)
			u->code = ABS_WHEEL;
		else
			u->type = 0;
	} else if (page == 12 && id == 0x238) {
		u->type = EV_REL;
		u->code = REL_HWHEEL_HI_RES;
	} else if (f->size == 1) {
		u->type = EV_KEY;
		u->code = BTN_MISC;
	} else {
		u->type = relative ? EV_REL : EV_ABS;
		u->code = relative ? REL_MISC : ABS_MISC;
	}
}

/* May this usage have a code that another one has already? */
static bool shares(u32 usage)
{
	return (usage >= 0x10030 && usage <= 0x10035) || usage == 0x1003d ||
	       usage == 0x1003e || usage >> 16 == 0xff01 ||
	       (usage >> 16 == 1 && system_key(usage & 0xff, usage & 0xffff));
}

static void declare(struct ref_usage *u, const struct hrm_field *f,
		    struct hrm_caps *caps)
{
	unsigned long *bits = u->type == EV_KEY ? caps->keybit :
			      u->type == EV_REL ? caps->relbit : caps->absbit;

	if (!f->count || f->flags & HID_MAIN_ITEM_CONSTANT)
		return;
	if (u->usage >> 16 == 0xff || u->usage >> 16 == 0xff01)
		__set_bit(EV_REP, caps->evbit);
	if (!u->type)
		return;
	if (u->code == 0xffff) {
		u->type = 0;
		return;
	}
	__set_bit(u->type, caps->evbit);
	if (u->type == EV_REL && u->code == REL_WHEEL_HI_RES)
		__set_bit(REL_WHEEL, bits);
	if (u->type == EV_REL && u->code == REL_HWHEEL_HI_RES)
		__set_bit(REL_HWHEEL, bits);
	if (test_bit(u->code, bits) && !(shares(u->usage) && u->type != EV_REL)) {
		u->type = 0;
		return;
	}
	__set_bit(u->code, bits);
	if (u->type == EV_KEY)
		__set_bit(EV_MSC, caps->evbit);
	if (u->type != EV_ABS)
		return;
	caps->abs[u->code].minimum = f->logical_minimum;
	caps->abs[u->code].maximum = f->logical_maximum;
	if (u->hat_min < u->hat_max || u->dir) {
		caps->abs[ABS_HAT0X].minimum = -1;
		caps->abs[ABS_HAT0X].maximum = 1;
		caps->abs[ABS_HAT0Y] = caps->abs[ABS_HAT0X];
		__set_bit(ABS_HAT0Y, bits);
	}
}

static unsigned int find_input(struct ref *ref, const struct hrm_report *report,
			       unsigned int *used)
{
	unsigned int i;

	if (ref->rd->n_applications <= 1) {
		*used = 1;
		return 0;
	}
	for (i = 0; i < *used; i++)
		if (ref->applications[i] == report->application)
			return i;
	if (i >= ref->n_inputs)
		abort();
	ref->applications[i] = report->application;
	*used = i + 1;
	return i;
}

/* Give each input usage that the multiplier @f reaches the factor @m */
static void spread(struct ref *ref, const struct hrm_field *f, s8 m)
{
	const struct hrm_collection *tree = ref->rd->collections;
	unsigned int top, at, i, j;
	bool all;

	hrm_field_usage(ref->rd, f, 0, &top);
	while (tree[top].parent != -1 && tree[top].type != HID_COLLECTION_LOGICAL)
		top = tree[top].parent;
	all = tree[top].type != HID_COLLECTION_LOGICAL;

	for (i = 0; i < ref->rd->n_fields; i++) {
		for (j = 0; ref->fields[i].usages &&
		     j < ref->rd->fields[i].n_usages; j++) {
			at = ref->fields[i].usages[j].collection;
			while (tree[at].parent != -1 && at != top)
				at = tree[at].parent;
			if (all || tree[at].parent != -1)
				ref->fields[i].usages[j].multiplier = m;
		}
	}
}

void ref_multiply(struct ref *ref, bool set)
{
	const struct hrm_rdesc *rd = ref->rd;
	unsigned int r, i;

	for (r = 0; r < rd->n_reports; r++) {
		for (i = 0; i < rd->n_fields; i++) {
			const struct hrm_field *f = &rd->fields[i];
			s64 span = (s64)f->logical_maximum - f->logical_minimum;
			s64 steps = (s64)f->physical_maximum - f->physical_minimum;
			s64 m = 1;

			if (f->report != r || !f->count ||
			    rd->reports[r].type != HRM_FEATURE ||
			    hrm_field_usage(rd, f, 0, NULL) !=
			    HID_GD_RESOLUTION_MULTIPLIER)
				continue;
			if (span)
				m = ((set && f->count == 1 ? f->logical_maximum : 0) -
				     (s64)f->logical_minimum) / span * steps +
				    f->physical_minimum;
			if (m == 0 || m > 255 || m < -255)
				m = 1;
			spread(ref, f, m);
		}
	}
}

struct ref *ref_new(const struct hrm_rdesc *rd, unsigned int n_inputs)
{
	struct ref *ref = need(1, sizeof(*ref));
	unsigned int i, j, k, r, used = 0;

	ref->rd = rd;
	ref->n_inputs = n_inputs;
	ref->fields = need(rd->n_fields, sizeof(*ref->fields));
	for (r = 0; r < rd->n_reports; r++) {
		if (rd->reports[r].type != HRM_INPUT)
			continue;
		for (i = 0; i < rd->n_fields; i++) {
			struct ref_field *rf = &ref->fields[i];
			const struct hrm_field *f = &rd->fields[i];

			if (f->report != r)
				continue;
			rf->field = f;
			rf->input = find_input(ref, &rd->reports[r], &used);
			rf->usages = need(f->n_usages, sizeof(*rf->usages));
			rf->old = need(f->count, sizeof(s32));
			rf->new = need(f->count, sizeof(s32));
			for (j = 0; j < f->n_usages; j++) {
				struct ref_usage *u = &rf->usages[j];

				u->usage = hrm_field_usage(rd, f, j, &u->collection);
				u->multiplier = 1;
				map(u, f);
				/* Of a D-pad the first is all there is */
				for (k = 0; k < j && u->dir; k++)
					if (rf->usages[k].dir && rf->usages[k].type)
						u->type = 0;
				declare(u, f, &ref->caps[rf->input]);
			}
		}
	}
	ref_multiply(ref, false);
	return ref;
}

void ref_free(struct ref *ref)
{
	unsigned int i;

	for (i = 0; i < ref->rd->n_fields; i++) {
		free(ref->fields[i].usages);
		free(ref->fields[i].old);
		free(ref->fields[i].new);
	}
	free(ref->fields);
	free(ref);
}

const struct hrm_caps *ref_caps(const struct ref *ref, unsigned int input)
{
	return &ref->caps[input];
}

void ref_set_input(struct ref *ref, unsigned int input, struct input_dev *dev)
{
	ref->inputs[input] = dev;
}

static s32 extract(const u8 *data, unsigned int bit, unsigned int size,
		   bool is_signed)
{
	unsigned int i, n = size > 32 ? 32 : size;
	u32 value = 0;

	for (i = 0; i < n; i++)
		if (data[(bit + i) / 8] & 1 << (bit + i) % 8)
			value |= 1U << i;
	/* The sign fills up what is missing */
	if (is_signed && n && value >> (n - 1) & 1)
		for (; i < 32; i++)
			value |= 1U << i;
	return value;
}

static void key(struct input_dev *dev, const struct ref_usage *u, s32 value,
		bool relative)
{
	bool down = test_bit(u->code, dev->key);

	if ((value == 1 && !down) || (value == 0 && down))
		input_event(dev, EV_MSC, MSC_SCAN, u->usage);
	input_event(dev, EV_KEY, u->code, value);
	if (relative && value) {
		input_sync(dev);
		input_event(dev, EV_KEY, u->code, 0);
	}
}

static void wheel(struct input_dev *dev, struct ref_usage *u, s32 value)
{
	s32 clicks, units = (s64)(s32)((u32)value * 120) / u->multiplier;

	if (!value)
		return;
	u->accumulated = (s16)(u->accumulated + (u32)units);
	clicks = u->accumulated / 120;
	u->accumulated = u->accumulated % 120;
	input_event(dev, EV_REL, u->code == REL_WHEEL_HI_RES ?
		    REL_WHEEL : REL_HWHEEL, clicks);
	input_event(dev, EV_REL, u->code, units);
}

static void hat(struct input_dev *dev, const struct ref_usage *u, s32 value)
{
	static const struct {
		int x, y;
	} points[] = {
		{ 0, 0 }, { 0, -1 }, { 1, -1 }, { 1, 0 }, { 1, 1 }, { 0, 1 },
		{ -1, 1 }, { -1, 0 }, { -1, -1 },
	};
	s32 scaled = (s32)(((u32)value - (u32)(s32)u->hat_min) * 8);
	s32 dir = u->dir ? u->dir : scaled / (u->hat_max - u->hat_min + 1) + 1;

	if (dir < 0 || dir > 8)
		dir = 0;
	input_event(dev, u->type, u->code, points[dir].x);
	input_event(dev, u->type, u->code + 1, points[dir].y);
}

static void variable(struct ref_field *rf, struct input_dev *dev,
		     unsigned int i)
{
	const struct hrm_field *f = rf->field;
	struct ref_usage *u = &rf->usages[i];
	s32 value = rf->new[i];
	bool relative = f->flags & HID_MAIN_ITEM_RELATIVE;

	if (!u->type)
		return;
	if (u->hat_min < u->hat_max || u->dir) {
		hat(dev, u, value);
		return;
	}
	if (f->logical_minimum < f->logical_maximum) {
		if (value < f->logical_minimum) {
			if (f->flags & HID_MAIN_ITEM_NULL_STATE)
				return;
			value = f->logical_minimum;
		}
		if (value > f->logical_maximum) {
			if (f->flags & HID_MAIN_ITEM_NULL_STATE)
				return;
			value = f->logical_maximum;
		}
	}
	if (u->type == EV_REL && (u->code == REL_WHEEL_HI_RES ||
				  u->code == REL_HWHEEL_HI_RES)) {
		wheel(dev, u, value);
		return;
	}
	if (!relative && !(f->flags & HID_MAIN_ITEM_BUFFERED_BYTE) &&
	    value == rf->old[i])
		return;
	if (u->type == EV_KEY)
		key(dev, u, value, relative);
	else
		input_event(dev, u->type, u->code, value);
}

static bool has(const s32 *values, unsigned int n, s32 value)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (values[i] == value)
			return true;
	return false;
}

static void entry(struct ref_field *rf, struct input_dev *dev, s32 value,
		  const s32 *others, s32 down)
{
	const struct hrm_field *f = rf->field;
	s64 i = (s64)value - f->logical_minimum;

	if (value < f->logical_minimum || value > f->logical_maximum ||
	    i >= f->n_usages || has(others, f->count, value))
		return;
	if (rf->usages[i].type == EV_KEY)
		key(dev, &rf->usages[i], down,
		    f->flags & HID_MAIN_ITEM_RELATIVE);
}

static void decode(struct ref_field *rf, struct input_dev *dev, const u8 *data)
{
	const struct hrm_field *f = rf->field;
	unsigned int i;

	for (i = 0; i < f->count; i++)
		rf->new[i] = extract(data, f->offset + i * f->size, f->size,
				     f->logical_minimum < 0);
	for (i = 0; i < f->count; i++) {
		if (f->flags & HID_MAIN_ITEM_VARIABLE) {
			variable(rf, dev, i);
		} else {
			entry(rf, dev, rf->old[i], rf->new, 0);
			entry(rf, dev, rf->new[i], rf->old, 1);
		}
	}
	memcpy(rf->old, rf->new, f->count * sizeof(s32));
}

void ref_run(struct ref *ref, const u8 *data, unsigned int len)
{
	const struct hrm_rdesc *rd = ref->rd;
	unsigned int i, r, constant;
	u8 id = 0;

	if (rd->numbered[HRM_INPUT]) {
		if (!len)
			return;
		id = *data++;
		len--;
	}
	for (r = 0; r < rd->n_reports; r++)
		if (rd->reports[r].type == HRM_INPUT && rd->reports[r].id == id)
			break;
	if (r == rd->n_reports || len * 8 < rd->reports[r].bits)
		return;
	/* What is constant comes last */
	for (constant = 0; constant < 2; constant++)
		for (i = 0; i < rd->n_fields; i++)
			if (rd->fields[i].report == r &&
			    (rd->fields[i].flags & HID_MAIN_ITEM_CONSTANT) == constant)
				decode(&ref->fields[i],
				       ref->inputs[ref->fields[i].input], data);
	for (i = 0; i < ref->n_inputs; i++)
		input_sync(ref->inputs[i]);
}
