// SPDX-License-Identifier: GPL-2.0-only
/*
 * HID report descriptor items: bytes in, a table of fields out
 *
 * Reads a descriptor exactly as hid-core does, its leniencies included, so
 * that a mouse looks the same whoever drives it; what hid-core refuses is
 * refused here. Knows nothing of USB or of the input layer, and compiles
 * unchanged in userspace, where the fuzzer runs it.
 *
 * References are to the Device Class Definition for HID 1.11.
 */

#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "rdesc.h"

struct hrm_item {
	u32 data;		/* zero-extended */
	u8 size;		/* bytes of data */
	u8 type;
	u8 tag;
};

/* The item state table of 5.4, kept by Push and Pop */
struct hrm_global {
	u32 usage_page;
	s32 logical_minimum;
	s32 logical_maximum;
	s32 physical_minimum;
	s32 physical_maximum;
	s32 unit_exponent;
	u32 unit;
	u32 report_id;
	u32 report_size;
	u32 report_count;
};

struct hrm_parser {
	struct hrm_rdesc *rd;
	struct hrm_global global;
	struct hrm_global stack[HID_GLOBAL_STACK_SIZE];
	unsigned int stack_depth;
	/* Local items (6.2.2.8) since the last main item */
	u32 usage_minimum;
	unsigned int n_usages;
	unsigned int delimiter_depth;
	unsigned int delimiter_branch;
	unsigned int local_run;	/* first run of the local state */
	s16 collection;		/* the innermost open one, or -1 */
};

/**
 * hrm_report_len() - length of a report
 * @report: the report
 *
 * Return: bytes on the wire without the report ID.
 */
unsigned int hrm_report_len(const struct hrm_report *report)
{
	return DIV_ROUND_UP(report->bits, 8);
}

static u32 hrm_run_usage(const struct hrm_usage_run *run, unsigned int index)
{
	u32 usage = run->first + index;

	return run->extended ? usage : (u32)run->page << 16 | (usage & 0xffff);
}

/**
 * hrm_field_usage() - one usage of a field
 * @rd: the descriptor
 * @field: a field of @rd
 * @index: less than &hrm_field.n_usages
 * @collection: where not NULL, set to the index of the usage's collection
 *
 * A field with more values than usages repeats the last one (6.2.2.8).
 *
 * Return: the 32-bit usage, page in the upper half.
 */
u32 hrm_field_usage(const struct hrm_rdesc *rd, const struct hrm_field *field,
		    unsigned int index, unsigned int *collection)
{
	const struct hrm_usage_run *run = &rd->runs[field->first_run];
	const struct hrm_usage_run *last = run + field->n_runs - 1;

	while (run < last && index >= run->count) {
		index -= run->count;
		run++;
	}
	if (collection)
		*collection = run->collection;
	return hrm_run_usage(run, min_t(unsigned int, index, run->count - 1));
}

/* Short items of 6.2.2.2. A long item (6.2.2.3) has no use and is refused. */
static const u8 *hrm_fetch_item(const u8 *pos, const u8 *end,
				struct hrm_item *item)
{
	static const u8 sizes[] = { 0, 1, 2, 4 };
	u8 prefix = *pos++;

	item->size = sizes[prefix & 3];
	item->type = prefix >> 2 & 3;
	item->tag = prefix >> 4;

	if (item->tag == HID_ITEM_TAG_LONG || end - pos < item->size)
		return NULL;

	switch (item->size) {
	case 1:
		item->data = *pos;
		break;
	case 2:
		item->data = get_unaligned_le16(pos);
		break;
	case 4:
		item->data = get_unaligned_le32(pos);
		break;
	default:
		item->data = 0;
	}
	return pos + item->size;
}

static s32 hrm_item_sdata(const struct hrm_item *item)
{
	return item->size ? sign_extend32(item->data, item->size * 8 - 1) : 0;
}

static int hrm_add_usages(struct hrm_parser *p, u32 first, unsigned int count,
			  u8 size)
{
	struct hrm_rdesc *rd = p->rd;
	struct hrm_usage_run *run = &rd->runs[rd->n_runs];

	if (count > HID_MAX_USAGES - p->n_usages)
		return -EINVAL;

	run->first = first;
	run->count = count;
	run->extended = size > 2;
	run->page = p->global.usage_page;
	run->collection = max_t(s16, p->collection, 0);
	p->n_usages += count;
	rd->n_runs++;
	return 0;
}

static int hrm_usage_maximum(struct hrm_parser *p, const struct hrm_item *item)
{
	u32 first = p->usage_minimum;
	u32 last = item->data;

	/*
	 * As hid-core: a range that is too long is cut to what still fits,
	 * and a minimum above the maximum is such a range.
	 */
	if (last - first + p->n_usages >= HID_MAX_USAGES) {
		last = HID_MAX_USAGES - p->n_usages + first - 1;
		if (!last)
			return -EINVAL;
	}
	if (first > last)
		return 0;
	/* hid-core's loop would never pass its own end */
	if (last == U32_MAX)
		return -EINVAL;

	return hrm_add_usages(p, first, last - first + 1, item->size);
}

static int hrm_local_item(struct hrm_parser *p, const struct hrm_item *item)
{
	int ret = 0;

	if (item->tag == HID_LOCAL_ITEM_TAG_DELIMITER) {
		if (item->data) {
			if (p->delimiter_depth)
				ret = -EINVAL;
			p->delimiter_depth++;
			p->delimiter_branch++;
		} else if (p->delimiter_depth) {
			p->delimiter_depth--;
		} else {
			ret = -EINVAL;
		}
		return ret;
	}

	/* Of alternative usages (6.2.2.8, Delimiters) only the first counts */
	if (p->delimiter_branch > 1)
		return 0;

	switch (item->tag) {
	case HID_LOCAL_ITEM_TAG_USAGE:
		ret = hrm_add_usages(p, item->data, 1, item->size);
		break;
	case HID_LOCAL_ITEM_TAG_USAGE_MINIMUM:
		p->usage_minimum = item->data;
		break;
	case HID_LOCAL_ITEM_TAG_USAGE_MAXIMUM:
		ret = hrm_usage_maximum(p, item);
		break;
	}
	return ret;
}

static int hrm_global_item(struct hrm_parser *p, const struct hrm_item *item)
{
	struct hrm_global *g = &p->global;
	s32 value = hrm_item_sdata(item);

	switch (item->tag) {
	case HID_GLOBAL_ITEM_TAG_PUSH:
		if (p->stack_depth == HID_GLOBAL_STACK_SIZE)
			return -EINVAL;
		p->stack[p->stack_depth++] = *g;
		return 0;
	case HID_GLOBAL_ITEM_TAG_POP:
		if (!p->stack_depth)
			return -EINVAL;
		*g = p->stack[--p->stack_depth];
		return 0;
	case HID_GLOBAL_ITEM_TAG_USAGE_PAGE:
		g->usage_page = item->data;
		return 0;
	case HID_GLOBAL_ITEM_TAG_LOGICAL_MINIMUM:
		g->logical_minimum = value;
		return 0;
	case HID_GLOBAL_ITEM_TAG_LOGICAL_MAXIMUM:
		/* Many a device means 255 where it says -1 */
		g->logical_maximum = g->logical_minimum < 0 ? value : item->data;
		return 0;
	case HID_GLOBAL_ITEM_TAG_PHYSICAL_MINIMUM:
		g->physical_minimum = value;
		return 0;
	case HID_GLOBAL_ITEM_TAG_PHYSICAL_MAXIMUM:
		g->physical_maximum = g->physical_minimum < 0 ? value : item->data;
		return 0;
	case HID_GLOBAL_ITEM_TAG_UNIT_EXPONENT:
		/* A nibble in two's complement by 6.2.2.7, a byte in the field */
		g->unit_exponent = value & ~0xf ? value : sign_extend32(value, 3);
		return 0;
	case HID_GLOBAL_ITEM_TAG_UNIT:
		g->unit = item->data;
		return 0;
	case HID_GLOBAL_ITEM_TAG_REPORT_SIZE:
		g->report_size = item->data;
		return g->report_size > 256 ? -EINVAL : 0;
	case HID_GLOBAL_ITEM_TAG_REPORT_COUNT:
		g->report_count = item->data;
		return g->report_count > HID_MAX_USAGES ? -EINVAL : 0;
	case HID_GLOBAL_ITEM_TAG_REPORT_ID:
		g->report_id = item->data;
		return !g->report_id || g->report_id >= HID_MAX_IDS ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

/*
 * A usage takes the page that is in force at the main item (6.2.2.8), unless
 * the page was set for usages that came before it.
 */
static void hrm_complete_usages(struct hrm_parser *p)
{
	struct hrm_usage_run *runs = p->rd->runs;
	unsigned int i;

	for (i = p->rd->n_runs; i > p->local_run; i--) {
		struct hrm_usage_run *run = &runs[i - 1];

		if (run->extended)
			continue;
		if (run->page == p->global.usage_page)
			break;
		run->page = p->global.usage_page;
	}
}

static void hrm_open_collection(struct hrm_parser *p, u8 type)
{
	struct hrm_rdesc *rd = p->rd;
	struct hrm_collection *collection = &rd->collections[rd->n_collections];

	collection->type = type;
	collection->parent = p->collection;
	if (p->n_usages)
		collection->usage = hrm_run_usage(&rd->runs[p->local_run], 0);
	if (type == HID_COLLECTION_APPLICATION)
		rd->n_applications++;
	p->collection = rd->n_collections++;
}

static u32 hrm_innermost(const struct hrm_parser *p, u8 type)
{
	const struct hrm_collection *collections = p->rd->collections;
	int i;

	for (i = p->collection; i >= 0; i = collections[i].parent)
		if (collections[i].type == type)
			return collections[i].usage;
	return 0;
}

static struct hrm_report *hrm_get_report(struct hrm_parser *p,
					 enum hrm_report_type type)
{
	struct hrm_rdesc *rd = p->rd;
	struct hrm_report *report;

	for (report = rd->reports; report < rd->reports + rd->n_reports; report++)
		if (report->type == type && report->id == p->global.report_id)
			return report;

	report->type = type;
	report->id = p->global.report_id;
	report->application = hrm_innermost(p, HID_COLLECTION_APPLICATION);
	if (report->id)
		rd->numbered[type] = true;
	rd->n_reports++;
	return report;
}

static int hrm_add_field(struct hrm_parser *p, enum hrm_report_type type,
			 u32 flags)
{
	struct hrm_report *report = hrm_get_report(p, type);
	const struct hrm_global *g = &p->global;
	struct hrm_rdesc *rd = p->rd;
	u32 offset = report->bits;
	struct hrm_field *field;

	if (g->logical_minimum < 0 ?
	    g->logical_maximum < g->logical_minimum :
	    (u32)g->logical_maximum < (u32)g->logical_minimum)
		return -EINVAL;

	report->bits += g->report_size * g->report_count;
	/* One byte stays free for the report ID */
	if (report->bits > (HID_MAX_BUFFER_SIZE - 1) * 8)
		return -EINVAL;

	/* Without usages it is padding; beyond the limit hid-core drops it */
	if (!p->n_usages || report->n_fields == HID_MAX_FIELDS)
		return 0;

	field = &rd->fields[rd->n_fields++];
	field->application = hrm_innermost(p, HID_COLLECTION_APPLICATION);
	field->physical = hrm_innermost(p, HID_COLLECTION_PHYSICAL);
	field->logical = hrm_innermost(p, HID_COLLECTION_LOGICAL);
	field->offset = offset;
	field->flags = flags;
	field->logical_minimum = g->logical_minimum;
	field->logical_maximum = g->logical_maximum;
	field->physical_minimum = g->physical_minimum;
	field->physical_maximum = g->physical_maximum;
	field->unit_exponent = g->unit_exponent;
	field->unit = g->unit;
	field->size = g->report_size;
	field->count = g->report_count;
	field->n_usages = max_t(u32, p->n_usages, g->report_count);
	field->report = report - rd->reports;
	field->first_run = p->local_run;
	field->n_runs = rd->n_runs - p->local_run;
	report->n_fields++;
	return 0;
}

static int hrm_main_item(struct hrm_parser *p, const struct hrm_item *item)
{
	struct hrm_rdesc *rd = p->rd;
	int ret = 0;

	hrm_complete_usages(p);

	switch (item->tag) {
	case HID_MAIN_ITEM_TAG_BEGIN_COLLECTION:
		hrm_open_collection(p, item->data);
		break;
	case HID_MAIN_ITEM_TAG_END_COLLECTION:
		if (p->collection < 0)
			ret = -EINVAL;
		else
			p->collection = rd->collections[p->collection].parent;
		break;
	case HID_MAIN_ITEM_TAG_INPUT:
		ret = hrm_add_field(p, HRM_INPUT, item->data);
		break;
	case HID_MAIN_ITEM_TAG_OUTPUT:
		ret = hrm_add_field(p, HRM_OUTPUT, item->data);
		break;
	case HID_MAIN_ITEM_TAG_FEATURE:
		ret = hrm_add_field(p, HRM_FEATURE, item->data);
		break;
	}

	p->usage_minimum = 0;
	p->n_usages = 0;
	p->delimiter_depth = 0;
	p->delimiter_branch = 0;
	p->local_run = rd->n_runs;
	return ret;
}

static int hrm_item(struct hrm_parser *p, const struct hrm_item *item)
{
	switch (item->type) {
	case HID_ITEM_TYPE_MAIN:
		return hrm_main_item(p, item);
	case HID_ITEM_TYPE_GLOBAL:
		return hrm_global_item(p, item);
	case HID_ITEM_TYPE_LOCAL:
		return hrm_local_item(p, item);
	default:
		return 0;
	}
}

/*
 * Upper bounds of what the descriptor can declare, so that one allocation of
 * a size in proportion to the descriptor holds all of it.
 */
static struct hrm_rdesc *hrm_rdesc_alloc(const u8 *desc, const u8 *end)
{
	size_t collections = 0, fields = 0, runs = 0;
	struct hrm_rdesc *rd;
	struct hrm_item item;
	size_t bytes;

	while (desc && desc < end) {
		desc = hrm_fetch_item(desc, end, &item);
		if (!desc)
			break;
		if (item.type == HID_ITEM_TYPE_LOCAL)
			runs++;
		else if (item.type != HID_ITEM_TYPE_MAIN)
			continue;
		else if (item.tag == HID_MAIN_ITEM_TAG_BEGIN_COLLECTION)
			collections++;
		else
			fields++;
	}

	bytes = sizeof(*rd) + fields * sizeof(*rd->fields) +
		fields * sizeof(*rd->reports) +
		collections * sizeof(*rd->collections) +
		runs * sizeof(*rd->runs);
	rd = kvzalloc(bytes, GFP_KERNEL);
	if (!rd)
		return NULL;

	rd->fields = (struct hrm_field *)(rd + 1);
	rd->reports = (struct hrm_report *)(rd->fields + fields);
	rd->collections = (struct hrm_collection *)(rd->reports + fields);
	rd->runs = (struct hrm_usage_run *)(rd->collections + collections);
	return rd;
}

/**
 * hrm_rdesc_parse() - parse a report descriptor (HID 1.11, 6.2.2)
 * @desc: the descriptor as the device sent it
 * @size: its length in bytes, at most HID_MAX_DESCRIPTOR_SIZE
 * @error_at: where not NULL, set to the offset of the item that was refused
 *
 * Context: may sleep.
 *
 * Return: the table, to be freed with hrm_rdesc_free(), or ERR_PTR(): -EINVAL
 * for a descriptor that hid-core refuses, -ENOMEM.
 */
struct hrm_rdesc *hrm_rdesc_parse(const u8 *desc, size_t size,
				  size_t *error_at)
{
	const u8 *end = desc + size;
	const u8 *pos = desc;
	struct hrm_parser *p;
	struct hrm_rdesc *rd;
	struct hrm_item item;
	int ret = -EINVAL;
	size_t at = 0;

	if (!size || size > HID_MAX_DESCRIPTOR_SIZE)
		goto out;

	ret = -ENOMEM;
	p = kzalloc(sizeof(*p), GFP_KERNEL);
	rd = hrm_rdesc_alloc(desc, end);
	if (!p || !rd)
		goto out_free;
	p->rd = rd;
	p->collection = -1;

	ret = -EINVAL;
	while (pos < end) {
		at = pos - desc;
		pos = hrm_fetch_item(pos, end, &item);
		if (!pos || hrm_item(p, &item))
			goto out_free;
	}
	if (p->collection < 0 && !p->delimiter_depth)
		ret = 0;

out_free:
	kfree(p);
	if (ret)
		kvfree(rd);
out:
	if (ret && error_at)
		*error_at = at;
	return ret ? ERR_PTR(ret) : rd;
}

/**
 * hrm_rdesc_free() - free what hrm_rdesc_parse() returned
 * @rd: the table, or NULL
 */
void hrm_rdesc_free(struct hrm_rdesc *rd)
{
	kvfree(rd);
}
