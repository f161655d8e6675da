// SPDX-License-Identifier: GPL-2.0-only
/*
 * Turns the fields of a report descriptor into a plan, and runs the plan
 *
 * hid-core and hid-input interpret the descriptor anew for every report. Here
 * that happens once: what remains for a report is a flat array of steps, each
 * a load, two shifts and what hid-input would do with the value. Which event a
 * usage becomes, and in which order, is hid-input's choice in every case.
 *
 * Compiles unchanged in userspace, where the fuzzer runs it.
 *
 * References are to the Device Class Definition for HID 1.11 and to the HID
 * Usage Tables (HUT) 1.5.
 */

#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/input.h>
#include <linux/math.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "plan.h"
#include "rdesc.h"

#define HRM_CONSUMER_AC_PAN	(HID_UP_CONSUMER | 0x238)
#define HRM_GOOGLE_VIVALDI	(HID_UP_GOOGLEVENDOR | 0x1)

/* More than any mouse has; what exceeds them is left to hid-core */
#define HRM_MAX_OPS		256
#define HRM_MAX_KEYS		1024

struct hrm_mapping {
	u16 code;
	u8 type;		/* EV_*, 0: hid-input ignores the usage */
	bool again;		/* may take a code that another usage has */
};

/*
 * Compiles twice: without a plan it only counts, so that one allocation of
 * the right size holds everything.
 */
struct hrm_compiler {
	const struct hrm_rdesc *rd;
	struct hrm_caps *caps;
	struct hrm_caps *saved;	/* of @caps, while a report is tried; NULL: all or none */
	struct hrm_why *why;
	struct hrm_plan *plan;	/* NULL: count */
	struct hrm_plan n;	/* the counters */
	struct hrm_plan_report report;	/* the one at hand */
	struct hrm_op run;	/* buttons that may grow by the next one */
	u32 run_bit;		/* offset of the run's first button */
	u8 run_len;		/* buttons in the run, 0: none is open */
	bool dpad;		/* the field has a D-pad that is mapped */
};

static int hrm_refuse(struct hrm_compiler *c, const char *text, u32 usage)
{
	c->why->text = text;
	c->why->usage = usage;
	return -EOPNOTSUPP;
}

/* HUT 4.7, D-pad: the direction of a hat that a usage stands for, 0: none */
static int hrm_hat_direction(u32 usage)
{
	switch (usage) {
	case HID_GD_UP:
		return 1;
	case HID_GD_RIGHT:
		return 3;
	case HID_GD_DOWN:
		return 5;
	case HID_GD_LEFT:
		return 7;
	default:
		return 0;
	}
}

/*
 * HUT 4.5 to 4.11, the system controls and the D-pad. hid-input knows them by
 * the low byte of the usage, and the D-pad by all of it.
 */
static bool hrm_map_system(u32 usage, struct hrm_mapping *map)
{
	static const u16 controls[] = {
		0, KEY_POWER, KEY_SLEEP, KEY_WAKEUP, KEY_CONTEXT_MENU, KEY_MENU,
		KEY_PROG1, KEY_HELP, KEY_EXIT, KEY_SELECT, KEY_RIGHT, KEY_LEFT,
		KEY_UP, KEY_DOWN, KEY_POWER2, KEY_RESTART,
	};
	u16 code = 0;

	switch (usage & 0xff) {
	case 0x81 ... 0x8f:
		code = controls[usage & 0xf];
		break;
	case 0x90 ... 0x9f:
		if (hrm_hat_direction(usage)) {
			map->type = EV_ABS;
			map->code = ABS_HAT0X;
			return true;
		}
		if (usage != HID_GD_DO_NOT_DISTURB)
			return false;
		code = KEY_DO_NOT_DISTURB;
		break;
	case 0xa9:
		code = KEY_MICMUTE;
		break;
	case 0xaa:
		code = KEY_ACCESSIBILITY;
		break;
	case 0xb5:
		code = KEY_SWITCHVIDEOMODE;
		break;
	case 0xa0 ... 0xa8:
	case 0xab ... 0xb4:
	case 0xb6 ... 0xbf:
		return true;
	default:
		return false;
	}

	map->type = EV_KEY;
	map->code = code;
	map->again = true;
	return true;
}

/* HUT 4, Generic Desktop Page; false: hid-input does not know the usage */
static bool hrm_map_desktop(const struct hrm_field *field, u32 usage,
			    struct hrm_mapping *map)
{
	bool relative = field->flags & HID_MAIN_ITEM_RELATIVE;

	if ((usage & 0xc0) == 0x80)
		return hrm_map_system(usage, map);

	switch (usage) {
	case HID_GD_X ... HID_GD_RZ:
		map->type = relative ? EV_REL : EV_ABS;
		map->code = usage & 0xf;
		map->again = !relative;
		return true;
	case HID_GD_WHEEL:
		map->type = relative ? EV_REL : EV_ABS;
		map->code = relative ? REL_WHEEL_HI_RES : ABS_WHEEL;
		return true;
	case HID_GD_SLIDER:
	case HID_GD_DIAL:
		map->type = relative ? EV_REL : EV_ABS;
		map->code = usage & 0xf;
		return true;
	case HID_GD_HATSWITCH:
		map->type = EV_ABS;
		map->code = ABS_HAT0X;
		return true;
	case HID_GD_START:
	case HID_GD_SELECT:
		map->type = EV_KEY;
		map->code = usage == HID_GD_START ? BTN_START : BTN_SELECT;
		map->again = true;
		return true;
	default:
		return false;
	}
}

/* HUT 5, Simulation Controls Page */
static void hrm_map_simulation(u32 usage, struct hrm_mapping *map)
{
	static const struct {
		u8 usage;
		u8 code;
	} axes[] = {
		{ 0xba, ABS_RUDDER }, { 0xbb, ABS_THROTTLE }, { 0xc4, ABS_GAS },
		{ 0xc5, ABS_BRAKE }, { 0xc8, ABS_WHEEL },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(axes); i++) {
		if ((usage & HID_USAGE) == axes[i].usage) {
			map->type = EV_ABS;
			map->code = axes[i].code;
		}
	}
}

/* A vendor page that not only HP uses */
static void hrm_map_hp(u32 usage, struct hrm_mapping *map)
{
	static const u16 keys[] = {
		0, KEY_MICMUTE, 0, KEY_BRIGHTNESSDOWN, KEY_BRIGHTNESSUP,
	};
	u32 id = usage & HID_USAGE;

	if (id < ARRAY_SIZE(keys) && keys[id]) {
		map->type = EV_KEY;
		map->code = keys[id];
		map->again = true;
	}
}

/* What hidinput_configure_usage() makes of a usage in a mouse or a pointer */
static int hrm_map(struct hrm_compiler *c, const struct hrm_field *field,
		   u32 usage, struct hrm_mapping *map)
{
	bool known = false;

	*map = (struct hrm_mapping) {};

	if (field->flags & HID_MAIN_ITEM_CONSTANT)
		return 0;

	switch (usage & HID_USAGE_PAGE) {
	case HID_UP_KEYBOARD:
	case HID_UP_LED:
	case HID_UP_TELEPHONY:
	case HID_UP_DIGITIZER:
	case HID_UP_PID:
	case HID_UP_BATTERY:
	case HID_UP_CAMERA:
	case HID_UP_GENDEVCTRLS:
	case HID_UP_HPVENDOR:
		return hrm_refuse(c, "a usage that no mouse has", usage);
	case HID_UP_CONSUMER:	/* HUT 15 */
		if (usage != HRM_CONSUMER_AC_PAN)
			return hrm_refuse(c, "a usage that no mouse has", usage);
	}

	if (!field->count)
		return 0;

	switch (usage & HID_USAGE_PAGE) {
	case HID_UP_UNDEFINED:
	case HID_UP_MSVENDOR:
	case HID_UP_LOGIVENDOR:
	case HID_UP_LOGIVENDOR2:
	case HID_UP_LOGIVENDOR3:
		return 0;
	case HID_UP_HPVENDOR2:
		hrm_map_hp(usage, map);
		__set_bit(EV_REP, c->caps[c->report.input].evbit);
		return 0;
	case HID_UP_CUSTOM:
		__set_bit(EV_REP, c->caps[c->report.input].evbit);
		return 0;
	case HID_UP_BUTTON:	/* HUT 12 */
		map->type = EV_KEY;
		map->code = min_t(u32, BTN_MOUSE + ((usage - 1) & HID_USAGE),
				  KEY_CNT);
		return 0;
	case HID_UP_SIMULATION:
		hrm_map_simulation(usage, map);
		return 0;
	case HID_UP_GENDESK:
		known = hrm_map_desktop(field, usage, map);
		break;
	case HID_UP_CONSUMER:
		map->type = EV_REL;
		map->code = REL_HWHEEL_HI_RES;
		return 0;
	}

	if (!known) {
		/* Unknown usages become *_MISC */
		map->type = field->size == 1 ? EV_KEY :
			    field->flags & HID_MAIN_ITEM_RELATIVE ? EV_REL : EV_ABS;
		map->code = field->size == 1 ? BTN_MISC :
			    map->type == EV_REL ? REL_MISC : ABS_MISC;
	}
	return 0;
}

/* hid-input keeps the range of a hat in 16 bits */
static bool hrm_is_hat(const struct hrm_field *field, u32 usage)
{
	if (field->flags & HID_MAIN_ITEM_CONSTANT || !field->count)
		return false;
	return hrm_hat_direction(usage) ||
	       (usage == HID_GD_HATSWITCH &&
		(s16)field->logical_minimum < (s16)field->logical_maximum);
}

/* hid-input's notion of a product that fits */
static bool hrm_scale(s32 *value, u32 factor)
{
	s32 product = *value * factor;
	bool fits = product >= *value;

	*value = product;
	return fits;
}

/* Units per millimetre or per radian, as hidinput_calc_abs_res() (6.2.2.7) */
static s32 hrm_resolution(const struct hrm_field *field, u16 code)
{
	s32 logical = (u32)field->logical_maximum - field->logical_minimum;
	s32 physical = (u32)field->physical_maximum - field->physical_minimum;
	s32 exponent = field->unit_exponent;

	if (logical <= 0 || physical <= 0)
		return 0;

	switch (code) {
	case ABS_X:
	case ABS_Y:
	case ABS_Z:
		if (field->unit == 0x11) {		/* centimetres */
			exponent += exponent < S32_MAX;
		} else if (field->unit == 0x13) {	/* inches */
			if (!hrm_scale(&physical, 254))
				return 0;
			exponent -= exponent > S32_MIN;
		} else {
			return 0;
		}
		break;
	case ABS_RX:
	case ABS_RY:
	case ABS_RZ:
	case ABS_WHEEL:
		if (field->unit == 0x14) {		/* degrees */
			if (!hrm_scale(&logical, 573))
				return 0;
			exponent += exponent < S32_MAX;
		} else if (field->unit != 0x12) {	/* radians */
			return 0;
		}
		break;
	default:
		return 0;
	}

	for (; exponent < 0; exponent++)
		if (!hrm_scale(&logical, 10))
			return 0;
	for (; exponent > 0; exponent--)
		if (!hrm_scale(&physical, 10))
			return 0;
	return DIV_ROUND_CLOSEST(logical, physical);
}

/*
 * Declare the event that a usage maps to.
 *
 * Return: false if the code is none or taken already; hid-input then ignores
 * the usage.
 */
static bool hrm_declare(struct hrm_caps *caps, const struct hrm_field *field,
			u32 usage, const struct hrm_mapping *map)
{
	unsigned long *bits;
	unsigned int max, i;

	switch (map->type) {
	case EV_KEY:
		bits = caps->keybit;
		max = KEY_MAX;
		break;
	case EV_REL:
		bits = caps->relbit;
		max = REL_MAX;
		break;
	case EV_ABS:
		bits = caps->absbit;
		max = ABS_MAX;
		break;
	default:
		return false;
	}
	if (map->code > max)
		return false;

	if (map->type == EV_REL && map->code == REL_WHEEL_HI_RES)
		__set_bit(REL_WHEEL, bits);
	if (map->type == EV_REL && map->code == REL_HWHEEL_HI_RES)
		__set_bit(REL_HWHEEL, bits);

	__set_bit(map->type, caps->evbit);
	if (__test_and_set_bit(map->code, bits) && !map->again)
		return false;

	if (map->type == EV_KEY)
		__set_bit(EV_MSC, caps->evbit);
	if (map->type != EV_ABS)
		return true;

	caps->abs[map->code] = (struct input_absinfo) {
		.minimum = field->logical_minimum,
		.maximum = field->logical_maximum,
		.resolution = hrm_resolution(field, map->code),
	};
	for (i = 0; i < 2 && hrm_is_hat(field, usage); i++) {
		__set_bit(map->code + i, bits);
		caps->abs[map->code + i] = (struct input_absinfo) {
			.minimum = -1,
			.maximum = 1,
		};
	}
	return true;
}

static int hrm_emit(struct hrm_compiler *c, const struct hrm_op *op)
{
	if (op->watch == HRM_ALL_BITS) {
		c->report.always = true;
	} else {
		c->report.watch |= op->watch;
		if (op->kind == HRM_OP_BUTTONS || op->kind == HRM_OP_ABS)
			c->report.keep |= op->watch;
		/* hid-input starts with a zero, in range or not */
		if (op->kind == HRM_OP_ABS && (op->min > 0 || op->max < 0))
			c->report.again |= op->watch;
	}
	if (c->n.n_ops == HRM_MAX_OPS)
		return hrm_refuse(c, "too many fields for a mouse", 0);
	if (c->plan)
		c->plan->ops[c->n.n_ops] = *op;
	c->n.n_ops++;
	return 0;
}

static u8 hrm_constant(const struct hrm_field *field)
{
	return field->flags & HID_MAIN_ITEM_CONSTANT ? HRM_OP_CONSTANT : 0;
}

/*
 * Has the step nothing to do while its bits are those of the report before, or
 * zeros if it is relative?
 */
static bool hrm_is_quiet(const struct hrm_op *op)
{
	switch (op->kind) {
	case HRM_OP_BUTTONS:
		return true;
	case HRM_OP_REL:
	case HRM_OP_WHEEL:
		/* Otherwise a zero is clamped to something else */
		return op->min <= 0 && op->max >= 0;
	case HRM_OP_ABS:
		return !(op->flags & HRM_OP_ALWAYS);
	default:
		return false;
	}
}

static void hrm_place(struct hrm_op *op, u32 bit, unsigned int size)
{
	bool first = bit + size <= 64;
	unsigned int at = first ? bit : bit % 8;

	op->off = first ? 0 : bit / 8;
	op->lsl = 64 - at - size;
	op->rsh = 64 - size;
	op->span = (u32)op->max - op->min;
	op->watch = HRM_ALL_BITS;
	if (!first || !hrm_is_quiet(op))
		return;

	op->watch = GENMASK_ULL(at + size - 1, at);
	if (op->kind == HRM_OP_REL && op->flags & HRM_OP_SIGNED)
		op->kind = HRM_OP_MOTION;
}

static int hrm_close_run(struct hrm_compiler *c)
{
	struct hrm_op op = c->run;

	if (!c->run_len)
		return 0;
	hrm_place(&op, c->run_bit, c->run_len);
	c->run_len = 0;
	return hrm_emit(c, &op);
}

/* Add a one-bit key; neighbours become one step */
static int hrm_add_button(struct hrm_compiler *c, u32 bit, u16 key, u8 flags)
{
	int ret;

	if (c->run_len && c->run_len < 32 && bit == c->run_bit + c->run_len &&
	    key == c->run.code + c->run_len && flags == c->run.flags) {
		c->run_len++;
		return 0;
	}
	ret = hrm_close_run(c);
	c->run.kind = HRM_OP_BUTTONS;
	c->run.flags = flags;
	c->run.code = key;
	c->run_bit = bit;
	c->run_len = 1;
	return ret;
}

static bool hrm_is_multiplier(const struct hrm_rdesc *rd,
			      const struct hrm_field *field)
{
	return field->n_usages && hrm_field_usage(rd, field, 0, NULL) ==
				  HID_GD_RESOLUTION_MULTIPLIER;
}

/* 6.2.2.7 for the control that HUT 4.3.1 describes; as hid_calculate_multiplier() */
static s8 hrm_effective_multiplier(const struct hrm_field *field, bool set)
{
	s64 range = (s64)field->logical_maximum - field->logical_minimum;
	s64 value = set && field->count == 1 ? field->logical_maximum : 0;
	s64 multiplier;

	if (!range)
		return 1;
	multiplier = div64_s64(value - field->logical_minimum, range) *
		     ((s64)field->physical_maximum - field->physical_minimum) +
		     field->physical_minimum;
	if (!multiplier || multiplier > 255 || multiplier < -255)
		return 1;
	/* hid-input has 8 bits for it */
	return multiplier;
}

/* The logical collection that a Resolution Multiplier is for, -1: all */
static int hrm_multiplied(const struct hrm_rdesc *rd,
			  const struct hrm_field *field)
{
	const struct hrm_collection *collections = rd->collections;
	unsigned int i;

	hrm_field_usage(rd, field, 0, &i);
	while (collections[i].parent >= 0 &&
	       collections[i].type != HID_COLLECTION_LOGICAL)
		i = collections[i].parent;
	return collections[i].type == HID_COLLECTION_LOGICAL ? i : -1;
}

/* HUT 4.3.1: the multiplier of a wheel; of several the last counts */
static s8 hrm_multiplier(const struct hrm_compiler *c, unsigned int wheel,
			 bool set)
{
	const struct hrm_rdesc *rd = c->rd;
	const struct hrm_field *field;
	unsigned int i, at;
	s8 multiplier = 1;
	int in;

	for (i = 0; i < rd->n_reports; i++) {
		if (rd->reports[i].type != HRM_FEATURE)
			continue;
		for (field = rd->fields; field < rd->fields + rd->n_fields; field++) {
			if (field->report != i || !field->count ||
			    !hrm_is_multiplier(rd, field))
				continue;
			in = hrm_multiplied(rd, field);
			at = wheel;
			while (at != in && rd->collections[at].parent >= 0)
				at = rd->collections[at].parent;
			/* Not where the collection is the outermost, as hid-core */
			if (in < 0 || rd->collections[at].parent >= 0)
				multiplier = hrm_effective_multiplier(field, set);
		}
	}
	return multiplier;
}

static int hrm_add_value(struct hrm_compiler *c, const struct hrm_field *field,
			 unsigned int index, u32 usage,
			 const struct hrm_mapping *map)
{
	/* hid-core gives the low 32 bits of a wider value */
	unsigned int size = min_t(unsigned int, field->size, 32);
	u32 bit = field->offset + index * field->size;
	s32 min = field->logical_minimum;
	s32 max = field->logical_maximum;
	struct hrm_op op = {
		.flags = hrm_constant(field),
		.code = map->code,
	};
	/* EVIOCSKEYCODE can make a key of a usage that maps to nothing */
	bool key = !map->type || map->type == EV_KEY;
	int direction = hrm_hat_direction(usage);
	bool hat = hrm_is_hat(field, usage);
	unsigned int collection;
	int ret;

	if (!size)
		return hrm_refuse(c, "a field of no bits", usage);

	/* A bit that stays what it is through hid-input's clamp */
	if (key && !hat && size == 1 && min >= 0 &&
	    (min >= max || min == 0) &&
	    !(field->flags & (HID_MAIN_ITEM_RELATIVE |
			      HID_MAIN_ITEM_BUFFERED_BYTE)))
		return hrm_add_button(c, bit, c->n.n_keys - 1, op.flags);

	if (min < 0)
		op.flags |= HRM_OP_SIGNED;
	if (field->flags & (HID_MAIN_ITEM_RELATIVE | HID_MAIN_ITEM_BUFFERED_BYTE))
		op.flags |= HRM_OP_ALWAYS;
	if (min < max) {
		if (field->flags & HID_MAIN_ITEM_NULL_STATE)
			op.flags |= HRM_OP_NULL;
		op.min = min;
		op.max = max;
	} else {
		op.min = S32_MIN;
		op.max = S32_MAX;
	}

	if (key) {
		op.kind = HRM_OP_KEY;
		op.code = c->n.n_keys - 1;
		if (field->flags & HID_MAIN_ITEM_RELATIVE)
			op.flags |= HRM_OP_RELEASE;
	} else if (map->type == EV_REL) {
		op.kind = HRM_OP_REL;
		if (map->code == REL_WHEEL_HI_RES ||
		    map->code == REL_HWHEEL_HI_RES) {
			op.kind = HRM_OP_WHEEL;
			hrm_field_usage(c->rd, field, index, &collection);
			op.multiplier = hrm_multiplier(c, collection, false);
			op.multiplier_set = hrm_multiplier(c, collection, true);
		}
	} else {
		op.kind = HRM_OP_ABS;
	}
	if (hat) {
		op.kind = direction ? HRM_OP_DPAD : HRM_OP_HAT;
		op.flags &= HRM_OP_SIGNED;
		op.flags |= key ? HRM_OP_HAT_KEY : 0;
		op.min = direction ?: (s16)min;
		op.max = (s16)max;
	}
	hrm_place(&op, bit, size);

	ret = hrm_close_run(c);
	return ret ?: hrm_emit(c, &op);
}

/* An array (6.2.2.5): each value is the index of a usage that is on */
static int hrm_add_array(struct hrm_compiler *c, const struct hrm_field *field,
			 u16 first_key)
{
	struct hrm_op op = {
		.kind = HRM_OP_ARRAY,
		.watch = HRM_ALL_BITS,
		.flags = hrm_constant(field),
		.code = c->n.n_arrays,
	};
	struct hrm_array array = {
		.offset = field->offset,
		.min = field->logical_minimum,
		.max = field->logical_maximum,
		.size = field->size,
		.count = field->count,
		.n_keys = c->n.n_keys - first_key,
		.first_key = first_key,
		.first_value = c->n.n_values,
	};
	int ret;

	if (field->flags & HID_MAIN_ITEM_RELATIVE)
		op.flags |= HRM_OP_RELEASE;
	if (c->plan)
		c->plan->arrays[c->n.n_arrays] = array;
	c->n.n_arrays++;
	c->n.n_values += array.count;

	ret = hrm_close_run(c);
	return ret ?: hrm_emit(c, &op);
}

static int hrm_add_key(struct hrm_compiler *c, u32 usage, u16 code)
{
	if (c->n.n_keys == HRM_MAX_KEYS)
		return hrm_refuse(c, "too many usages for a mouse", usage);
	if (c->plan) {
		c->plan->keys[c->n.n_keys].usage = usage;
		c->plan->keys[c->n.n_keys].code = code;
	}
	c->n.n_keys++;
	return 0;
}

static bool hrm_is_mouse(u32 application)
{
	return application == HID_GD_MOUSE || application == HID_GD_POINTER;
}

static int hrm_compile_field(struct hrm_compiler *c,
			     const struct hrm_field *field)
{
	struct hrm_caps *caps = &c->caps[c->report.input];
	bool variable = field->flags & HID_MAIN_ITEM_VARIABLE;
	u16 first_key = c->n.n_keys;
	struct hrm_mapping map;
	unsigned int i;
	u32 usage;
	int ret;

	c->dpad = false;
	if (!hrm_is_mouse(field->application))
		return hrm_refuse(c, "more than a mouse", field->application);

	for (i = 0; i < field->n_usages; i++) {
		usage = hrm_field_usage(c->rd, field, i, NULL);
		ret = hrm_map(c, field, usage, &map);
		if (ret)
			return ret;
		/* The first usage of a D-pad stands for all of its field */
		if ((c->dpad && hrm_hat_direction(usage)) ||
		    !hrm_declare(caps, field, usage, &map))
			map.type = 0;
		else
			c->dpad |= hrm_hat_direction(usage);

		/* hid-input's keymap has the usages that map to nothing, too */
		if (!map.type || map.type == EV_KEY) {
			ret = hrm_add_key(c, usage,
					  map.type ? map.code : KEY_RESERVED);
			if (ret)
				return ret;
		} else if (!variable) {
			return hrm_refuse(c, "an axis in an array", usage);
		}
		if (variable && i < field->count) {
			ret = hrm_add_value(c, field, i, usage, &map);
			if (ret)
				return ret;
		}
	}
	return variable || !field->count ? 0 : hrm_add_array(c, field, first_key);
}

/* The input device of a report: one for each application if there are more */
static int hrm_find_input(struct hrm_compiler *c,
			  const struct hrm_report *report)
{
	unsigned int i;

	for (i = 0; i < c->n.n_inputs; i++)
		if (c->rd->n_applications <= 1 ||
		    c->caps[i].application == report->application)
			break;
	if (i == HRM_MAX_INPUTS)
		return hrm_refuse(c, "too many applications", report->application);
	if (i == c->n.n_inputs) {
		memset(&c->caps[i], 0, sizeof(c->caps[i]));
		c->caps[i].application = report->application;
		c->n.n_inputs++;
	}
	c->report.input = i;
	return 0;
}

/* hid-core comes to constant fields last: hid-input gives them no priority */
static void hrm_constants_last(struct hrm_op *ops, unsigned int n)
{
	unsigned int i, end = 0;
	struct hrm_op op;

	for (i = 0; i < n; i++) {
		if (ops[i].flags & HRM_OP_CONSTANT)
			continue;
		op = ops[i];
		memmove(&ops[end + 1], &ops[end], (i - end) * sizeof(op));
		ops[end++] = op;
	}
}

static int hrm_compile_report(struct hrm_compiler *c, unsigned int index)
{
	const struct hrm_report *report = &c->rd->reports[index];
	const struct hrm_field *field = c->rd->fields;
	unsigned int first_op = c->n.n_ops;
	unsigned int n_ops;
	int ret;

	c->report = (struct hrm_plan_report) {
		.id = report->id,
		.len = hrm_report_len(report),
	};
	if (report->n_fields) {
		ret = hrm_find_input(c, report);
		if (ret)
			return ret;
	}
	for (; field < c->rd->fields + c->rd->n_fields; field++) {
		if (field->report != index)
			continue;
		ret = hrm_compile_field(c, field);
		if (ret)
			return ret;
	}
	ret = hrm_close_run(c);
	if (ret)
		return ret;

	/* Preferably a bit that no step would look at in vain */
	if (c->report.always)
		c->report.always = ~c->report.watch ?: BIT_ULL(0);
	c->report.again |= c->report.always;

	if (c->plan) {
		n_ops = c->n.n_ops - first_op;
		c->report.plan = c->plan;
		c->report.ops = c->plan->ops + first_op;
		c->report.end = c->report.ops + n_ops;
		hrm_constants_last(c->report.ops, n_ops);
		c->plan->reports[c->n.n_reports] = c->report;
	}
	c->n.n_reports++;
	c->n.max_len = max_t(u16, c->n.max_len, c->report.len + c->n.numbered);
	return 0;
}

/* A report that is no mouse's, or not all of it, is not for the plan */
static int hrm_try_report(struct hrm_compiler *c, unsigned int index)
{
	u16 len = hrm_report_len(&c->rd->reports[index]);
	struct hrm_plan *plan = c->plan;
	struct hrm_plan n = c->n;
	int ret;

	memcpy(c->saved, c->caps, HRM_MAX_INPUTS * sizeof(*c->caps));
	/* The plan has no room for what has to be taken back */
	c->plan = NULL;
	ret = hrm_compile_report(c, index);
	c->plan = plan;
	if (!plan && !ret)
		return 0;

	memcpy(c->caps, c->saved, HRM_MAX_INPUTS * sizeof(*c->caps));
	c->n = n;
	c->run_len = 0;
	if (!ret)
		return hrm_compile_report(c, index);
	c->n.max_len = max_t(u16, n.max_len, len + n.numbered);
	return 0;
}

/* hid-core has hid-multitouch for what has this usage */
static u32 hrm_find_touch(const struct hrm_rdesc *rd)
{
	const struct hrm_field *field = rd->fields;
	unsigned int i;

	for (; field < rd->fields + rd->n_fields; field++) {
		if (rd->reports[field->report].type != HRM_INPUT ||
		    field->flags & HID_MAIN_ITEM_CONSTANT)
			continue;
		for (i = 0; i < field->n_usages; i++)
			if (hrm_field_usage(rd, field, i, NULL) ==
			    HID_DG_CONTACTID)
				return HID_DG_CONTACTID;
	}
	return 0;
}

static bool hrm_has_mouse(const struct hrm_rdesc *rd)
{
	const struct hrm_field *field = rd->fields;

	for (; field < rd->fields + rd->n_fields; field++)
		if (hrm_is_mouse(field->application) &&
		    rd->reports[field->report].type == HRM_INPUT)
			return true;
	return false;
}

/* hid-input makes a power supply of it */
static bool hrm_is_battery(u32 usage)
{
	return IS_ENABLED(CONFIG_HID_BATTERY_STRENGTH) &&
	       IS_ENABLED(CONFIG_USB_HID) && usage == HID_DC_BATTERYSTRENGTH;
}

/*
 * Reports to the device: to hid-input they are nothing but indicators,
 * Resolution Multipliers and the strength of a battery.
 */
static int hrm_check_field(struct hrm_compiler *c, const struct hrm_field *field,
			   bool output)
{
	bool multiplier = hrm_is_multiplier(c->rd, field);
	unsigned int i;
	int ret = 0;
	u32 usage;

	if (!hrm_is_mouse(field->application))
		return hrm_refuse(c, "more than a mouse", field->application);

	for (i = 0; i < field->n_usages && !ret; i++) {
		usage = hrm_field_usage(c->rd, field, i, NULL);
		if (output) {
			if ((usage & HID_USAGE_PAGE) == HID_UP_LED)
				return hrm_refuse(c, "an indicator", usage);
			/* Maps to nothing, and is in the keymap for all that */
			ret = hrm_add_key(c, usage, KEY_RESERVED);
		} else if (hrm_is_battery(usage)) {
			return hrm_refuse(c, "a battery", usage);
		} else if ((usage == HID_GD_RESOLUTION_MULTIPLIER) != multiplier) {
			return hrm_refuse(c, "half a Resolution Multiplier", usage);
		}
	}
	return ret;
}

/* As hid-input, which has no use for several in one field */
static bool hrm_is_settable(const struct hrm_rdesc *rd,
			    const struct hrm_field *field)
{
	return field->count == 1 && hrm_is_multiplier(rd, field);
}

/* hid-core keeps a signed value within the bits of its field */
static s32 hrm_setting(const struct hrm_field *field)
{
	s32 value = field->logical_maximum;

	if (field->logical_minimum < 0 && field->size && field->size < 32)
		return clamp(value, -(s32)BIT(field->size - 1),
			     (s32)BIT(field->size - 1) - 1);
	return value;
}

/* A feature report is to be sent if it has a Resolution Multiplier to set */
static void hrm_add_feature(struct hrm_compiler *c, unsigned int index)
{
	const struct hrm_field *fields = c->rd->fields;
	const struct hrm_field *end = fields + c->rd->n_fields;
	const struct hrm_field *field;
	struct hrm_feature out = {
		.id = c->rd->reports[index].id,
		.len = hrm_report_len(&c->rd->reports[index]),
		.first_part = c->n.n_parts,
	};

	for (field = fields; field < end; field++)
		if (field->report == index && hrm_is_settable(c->rd, field))
			break;
	if (field == end)
		return;

	for (field = fields; field < end; field++) {
		if (field->report != index)
			continue;
		if (c->plan)
			c->plan->parts[c->n.n_parts] = (struct hrm_part) {
				.offset = field->offset,
				.bits = field->size * field->count,
				.value = hrm_setting(field),
				.set = hrm_is_settable(c->rd, field),
			};
		c->n.n_parts++;
	}
	out.n_parts = c->n.n_parts - out.first_part;
	if (c->plan)
		c->plan->features[c->n.n_features] = out;
	c->n.n_features++;
}

static int hrm_compile_other(struct hrm_compiler *c, unsigned int index)
{
	const struct hrm_report *report = &c->rd->reports[index];
	const struct hrm_field *field = c->rd->fields;
	int ret;

	for (; field < c->rd->fields + c->rd->n_fields; field++) {
		if (field->report != index || c->saved)
			continue;
		ret = hrm_check_field(c, field, report->type == HRM_OUTPUT);
		if (ret)
			return ret;
	}
	if (report->type == HRM_FEATURE)
		hrm_add_feature(c, index);
	return 0;
}

static int hrm_compile(struct hrm_compiler *c)
{
	bool any = false;
	unsigned int type, i;
	u32 usage;
	int ret;

	c->n = (struct hrm_plan) {
		.numbered = c->rd->numbered[HRM_INPUT],
		.partial = c->saved,
	};

	/* These have drivers of their own, whatever else is there */
	for (i = 0; i < c->rd->n_collections; i++) {
		usage = c->rd->collections[i].usage;
		if ((usage & HID_USAGE_PAGE) == HID_UP_SENSOR ||
		    (usage & HID_USAGE_PAGE) == HID_UP_PID ||
		    usage == HRM_GOOGLE_VIVALDI)
			return hrm_refuse(c, "a collection of another driver", usage);
	}
	usage = c->saved ? hrm_find_touch(c->rd) : 0;
	if (usage)
		return hrm_refuse(c, "a touch device", usage);

	/* In the order of hid-input's keymap */
	for (type = HRM_INPUT; type <= HRM_FEATURE; type++) {
		for (i = 0; i < c->rd->n_reports; i++) {
			if (c->rd->reports[i].type != type)
				continue;
			if (type != HRM_INPUT)
				ret = hrm_compile_other(c, i);
			else if (c->saved)
				ret = hrm_try_report(c, i);
			else
				ret = hrm_compile_report(c, i);
			if (ret)
				return ret;
		}
	}
	if (c->saved)
		return hrm_has_mouse(c->rd) ? 0 : hrm_refuse(c, "no mouse", 0);
	for (i = 0; i < c->n.n_inputs; i++)
		any |= !bitmap_empty(c->caps[i].evbit, EV_CNT);
	return any ? 0 : hrm_refuse(c, "no input", 0);
}

static struct hrm_plan *hrm_plan_alloc(const struct hrm_plan *n)
{
	struct hrm_plan *plan;

	plan = kzalloc(sizeof(*plan) + n->n_ops * sizeof(*plan->ops) +
		       n->n_values * sizeof(*plan->values) +
		       n->n_parts * sizeof(*plan->parts) +
		       n->n_features * sizeof(*plan->features) +
		       n->n_arrays * sizeof(*plan->arrays) +
		       n->n_keys * sizeof(*plan->keys) +
		       n->n_reports * sizeof(*plan->reports), GFP_KERNEL);
	if (!plan)
		return NULL;

	/* Those with the strictest alignment first */
	*plan = *n;
	plan->ops = (struct hrm_op *)(plan + 1);
	plan->reports = (struct hrm_plan_report *)(plan->ops + n->n_ops);
	plan->values = (s32 *)(plan->reports + n->n_reports);
	plan->parts = (struct hrm_part *)(plan->values + n->n_values);
	plan->keys = (struct hrm_key *)(plan->parts + n->n_parts);
	plan->arrays = (struct hrm_array *)(plan->keys + n->n_keys);
	plan->features = (struct hrm_feature *)(plan->arrays + n->n_arrays);
	return plan;
}

/**
 * hrm_plan_compile() - make the plan for a report descriptor
 * @rd: the parsed descriptor
 * @partial: there is somebody for what is not the mouse's
 * @caps: set to what each of the plan's input devices is to declare
 * @why: set to the reason where there is no plan
 *
 * The plan covers every field of the descriptor or there is none: an interface
 * that holds more than mice and pointers is left to usbhid. If @partial it
 * covers the input reports that consist of a mouse or a pointer alone, which
 * may be none, and has the Resolution Multipliers of all feature reports.
 *
 * Context: may sleep.
 *
 * Return: the plan, to be freed with hrm_plan_free(), or ERR_PTR(): -ENOMEM,
 * -EOPNOTSUPP for a descriptor with anything that hrmouse does not handle, or
 * if @partial for one without a mouse or with a driver of its own.
 */
struct hrm_plan *hrm_plan_compile(const struct hrm_rdesc *rd, bool partial,
				  struct hrm_caps caps[HRM_MAX_INPUTS],
				  struct hrm_why *why)
{
	struct hrm_compiler c = { .rd = rd, .caps = caps, .why = why };
	int ret;

	*why = (struct hrm_why) {};
	if (partial) {
		c.saved = kcalloc(HRM_MAX_INPUTS, sizeof(*c.saved), GFP_KERNEL);
		if (!c.saved)
			return ERR_PTR(-ENOMEM);
	}

	ret = hrm_compile(&c);
	if (!ret) {
		c.plan = hrm_plan_alloc(&c.n);
		ret = c.plan ? hrm_compile(&c) : -ENOMEM;
	}
	kfree(c.saved);
	if (ret) {
		hrm_plan_free(c.plan);
		return ERR_PTR(ret);
	}
	return c.plan;
}

/**
 * hrm_plan_free() - free a plan
 * @plan: the plan, or NULL
 */
void hrm_plan_free(struct hrm_plan *plan)
{
	kfree(plan);
}

/*
 * The part of hidinput_hid_event() that concerns keys. Like all that follow it
 * returns the number of events.
 */
static unsigned long hrm_key_event(const struct hrm_key *key,
				   struct input_dev *input, s32 value,
				   bool release)
{
	/* May change at any time, by EVIOCSKEYCODE */
	unsigned int code = READ_ONCE(key->code);
	unsigned long n = 1;

	if (!code)
		return 0;

	if ((!test_bit(code, input->key)) == value) {
		input_event(input, EV_MSC, MSC_SCAN, key->usage);
		n++;
	}
	input_event(input, EV_KEY, code, value);

	if (release && value) {
		input_sync(input);
		input_event(input, EV_KEY, code, 0);
		n++;
	}
	return n;
}

/*
 * Not inlined, like all but the absolute axes and the wheels: hrm_plan_step()
 * then saves and restores fewer registers for those.
 */
static noinline unsigned long hrm_run_buttons(const struct hrm_plan *plan,
					      struct hrm_op *op,
					      struct input_dev *input,
					      u32 value)
{
	u32 changed = value ^ op->last;
	unsigned long n = 0;

	op->last = value;
	while (changed) {
		unsigned int i = __ffs(changed);

		changed &= changed - 1;
		n += hrm_key_event(&plan->keys[op->code + i], input,
				   value >> i & 1, false);
	}
	return n;
}

/*
 * HUT 4.3 and 4.7: eight directions clockwise from north; what is out of range
 * is none. With hid-input a usage of the D-pad is its direction always.
 */
static noinline unsigned long hrm_run_hat(const struct hrm_plan *plan,
					  const struct hrm_op *op,
					  struct input_dev *input, s32 value)
{
	static const s8 x[] = { 0, 0, 1, 1, 1, 0, -1, -1, -1 };
	static const s8 y[] = { 0, -1, -1, 0, 1, 1, 1, 0, -1 };
	s32 dir = ((u32)value - op->min) * 8;
	unsigned int type = EV_ABS;
	unsigned int code = op->code;

	if (op->flags & HRM_OP_HAT_KEY) {
		type = EV_KEY;
		code = READ_ONCE(plan->keys[code].code);
		if (!code)
			return 0;
	}
	if (op->kind == HRM_OP_DPAD)
		dir = op->min;
	else
		dir = dir / (op->max - op->min + 1) + 1;
	if (dir < 0 || dir > 8)
		dir = 0;
	input_event(input, type, code, x[dir]);
	input_event(input, type, code + 1, y[dir]);
	return 2;
}

static bool hrm_array_has(const struct hrm_array *array, s32 value)
{
	return value >= array->min && value <= array->max &&
	       (s64)value - array->min < array->n_keys;
}

static bool hrm_contains(const s32 *values, unsigned int n, s32 value)
{
	while (n--)
		if (*values++ == value)
			return true;
	return false;
}

static s32 hrm_array_value(const struct hrm_array *array, const u8 *data,
			   unsigned int index)
{
	unsigned int size = min_t(unsigned int, array->size, 32);
	u32 bit = array->offset + index * array->size;
	u64 raw;

	if (!size)
		return 0;
	raw = get_unaligned_le64(data + bit / 8) << (64 - bit % 8 - size);
	return array->min < 0 ? (s64)raw >> (64 - size) : raw >> (64 - size);
}

/* As hid_input_array_field(): what went off and what came on, entry by entry */
static noinline unsigned long hrm_run_array(struct hrm_plan *plan,
					    const struct hrm_op *op,
					    struct input_dev *input,
					    const u8 *data)
{
	const struct hrm_array *array = &plan->arrays[op->code];
	const struct hrm_key *keys = &plan->keys[array->first_key];
	s32 *old = &plan->values[array->first_value];
	bool release = op->flags & HRM_OP_RELEASE;
	unsigned long n = 0;
	unsigned int i, j;
	s32 value;

	for (i = 0; i < array->count; i++) {
		if (hrm_array_has(array, old[i])) {
			for (j = 0; j < array->count; j++)
				if (hrm_array_value(array, data, j) == old[i])
					break;
			if (j == array->count)
				n += hrm_key_event(&keys[old[i] - array->min],
						   input, 0, release);
		}
		value = hrm_array_value(array, data, i);
		if (hrm_array_has(array, value) &&
		    !hrm_contains(old, array->count, value))
			n += hrm_key_event(&keys[value - array->min], input, 1,
					   release);
	}
	for (i = 0; i < array->count; i++)
		old[i] = hrm_array_value(array, data, i);
	return n;
}

/* The value of a step; false if there is none */
static bool hrm_in_range(const struct hrm_op *op, s32 *value)
{
	if (likely(*value >= op->min && *value <= op->max))
		return true;
	*value = clamp(*value, op->min, op->max);
	return !(op->flags & HRM_OP_NULL);
}

/* HUT 4.3.1: 120 units to a click, the click when they are complete */
static unsigned long hrm_run_wheel(struct hrm_op *op, struct input_dev *input,
				   s32 value)
{
	s32 hi_res, clicks;

	if (!hrm_in_range(op, &value) || !value)
		return 0;

	hi_res = value * 120U;
	if (op->multiplier != 1)
		hi_res = div_s64(hi_res, op->multiplier);
	/* hid-input's remainder has 16 bits */
	op->last = (s16)((u32)op->last + hi_res);
	clicks = op->last / 120;
	op->last -= clicks * 120;

	if (clicks)
		input_event(input, EV_REL,
			    op->code == REL_WHEEL_HI_RES ? REL_WHEEL : REL_HWHEEL,
			    clicks);
	input_event(input, EV_REL, op->code, hi_res);
	return clicks ? 2 : 1;
}

static unsigned long hrm_run_abs(struct hrm_plan_report *report,
				 struct hrm_op *op, struct input_dev *input,
				 s32 value)
{
	s32 came = value, last = op->last;

	op->last = value;
	if (!hrm_in_range(op, &value))
		return 0;
	/* hid-input compares before its clamp: the next one is news, too */
	if (value != came)
		report->again |= op->watch;
	if (value == last && !(op->flags & HRM_OP_ALWAYS))
		return 0;
	input_event(input, EV_ABS, op->code, value);
	return 1;
}

static noinline unsigned long hrm_run_key(const struct hrm_plan *plan,
					  struct hrm_op *op,
					  struct input_dev *input, s32 value)
{
	s32 last = op->last;

	op->last = value;
	if (!hrm_in_range(op, &value) ||
	    (value == last && !(op->flags & HRM_OP_ALWAYS)))
		return 0;
	return hrm_key_event(&plan->keys[op->code], input, value,
			     op->flags & HRM_OP_RELEASE);
}

/**
 * hrm_plan_step() - what hrm_plan_run() does not do itself
 * @report: the report
 * @op: a step of it
 * @data: the report as it came, its ID not included
 *
 * Context: any, as hrm_plan_run().
 *
 * Return: the number of events.
 */
unsigned long hrm_plan_step(struct hrm_plan_report *report, struct hrm_op *op,
			    const u8 *data)
{
	struct hrm_plan *plan = report->plan;
	struct input_dev *input = plan->inputs[report->input];
	u64 raw = get_unaligned_le64(data + op->off) << op->lsl;
	s32 value = op->flags & HRM_OP_SIGNED ? (s64)raw >> op->rsh :
						raw >> op->rsh;

	switch (op->kind) {
	case HRM_OP_BUTTONS:
		return hrm_run_buttons(plan, op, input, value);
	case HRM_OP_ABS:
		return hrm_run_abs(report, op, input, value);
	case HRM_OP_MOTION:
	case HRM_OP_REL:
		if (!hrm_in_range(op, &value) || !value)
			return 0;
		input_event(input, EV_REL, op->code, value);
		return 1;
	case HRM_OP_WHEEL:
		return hrm_run_wheel(op, input, value);
	case HRM_OP_KEY:
		return hrm_run_key(plan, op, input, value);
	case HRM_OP_ARRAY:
		return hrm_run_array(plan, op, input, data);
	default:
		return hrm_run_hat(plan, op, input, value);
	}
}

static void hrm_put_bit(u8 *data, u32 bit, bool value)
{
	if (value)
		data[bit / 8] |= BIT(bit % 8);
}

/**
 * hrm_plan_fill() - make the feature report that sets Resolution Multipliers
 * @plan: the plan
 * @feature: one of its feature reports
 * @old: the report as the device has it, all zeros if that is not known
 * @data: set to the new report, which has &hrm_feature.len zeroed bytes
 *
 * Each multiplier is set to its maximum (HUT 4.3.1). The ID is not part of @old
 * and @data.
 *
 * Context: any.
 */
void hrm_plan_fill(const struct hrm_plan *plan,
		   const struct hrm_feature *feature, const u8 *old, u8 *data)
{
	const struct hrm_part *part = &plan->parts[feature->first_part];
	const struct hrm_part *end = part + feature->n_parts;
	u32 i, bit;

	for (; part < end; part++) {
		for (i = 0; i < part->bits; i++) {
			bit = part->offset + i;
			if (!part->set)
				hrm_put_bit(data, bit, old[bit / 8] & BIT(bit % 8));
			else if (i < 32)
				hrm_put_bit(data, bit, (u32)part->value & BIT(i));
		}
	}
}

/**
 * hrm_plan_multiply() - the device's Resolution Multipliers have been set
 * @plan: the plan
 *
 * Context: any; no report is being run.
 */
void hrm_plan_multiply(struct hrm_plan *plan)
{
	unsigned int i;

	for (i = 0; i < plan->n_ops; i++)
		plan->ops[i].multiplier = plan->ops[i].multiplier_set;
}

/**
 * hrm_plan_find_key() - an entry of the keymap
 * @plan: the plan
 * @ke: what to look for: an index or a scan code (the usage)
 *
 * Context: any; the caller holds the event lock of the input device.
 *
 * Return: the entry, or NULL.
 */
struct hrm_key *hrm_plan_find_key(struct hrm_plan *plan,
				  const struct input_keymap_entry *ke)
{
	unsigned int scancode, i;

	if (ke->flags & INPUT_KEYMAP_BY_INDEX)
		return ke->index < plan->n_keys ? &plan->keys[ke->index] : NULL;
	if (input_scancode_to_scalar(ke, &scancode))
		return NULL;

	for (i = 0; i < plan->n_keys; i++)
		if (plan->keys[i].usage == scancode)
			return &plan->keys[i];
	return NULL;
}
