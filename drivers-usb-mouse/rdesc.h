/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * HID report descriptor items: bytes in, a table of fields out
 */

#ifndef _HRMOUSE_RDESC_H
#define _HRMOUSE_RDESC_H

#include <linux/types.h>

/*
 * Usages are kept as runs and never one by one: a Usage Minimum/Maximum pair
 * of six bytes may name 12288 of them, a run stays 16 bytes.
 */
struct hrm_usage_run {
	u32 first;		/* usage, or usage ID where !extended */
	u16 page;		/* usage page of the run where !extended */
	u16 count;
	u16 collection;		/* index of the innermost collection */
	bool extended;		/* 32-bit usages bring their own page */
};

struct hrm_collection {
	u32 usage;
	s16 parent;		/* index, -1 at the top */
	u8 type;		/* HID_COLLECTION_* */
};

enum hrm_report_type {
	HRM_INPUT,
	HRM_OUTPUT,
	HRM_FEATURE,
	HRM_REPORT_TYPES
};

struct hrm_report {
	u32 application;	/* of the first main item of the report */
	u32 bits;		/* without the report ID */
	u16 n_fields;
	u8 id;
	u8 type;		/* enum hrm_report_type */
};

/**
 * struct hrm_field - one main item that has usages (HID 1.11, 6.2.2.5)
 * @application: usage of the innermost application collection, 0 if none
 * @physical: usage of the innermost physical collection, 0 if none
 * @logical: usage of the innermost logical collection, 0 if none
 * @offset: bits from the start of the report, its ID not counted
 * @flags: HID_MAIN_ITEM_*
 * @logical_minimum: in the unit of the report's values
 * @logical_maximum: likewise
 * @physical_minimum: in @unit
 * @physical_maximum: likewise
 * @unit_exponent: power of ten
 * @unit: HID 1.11, 6.2.2.7
 * @size: bits per value
 * @count: values in the report
 * @n_usages: at least @count; the last usage stands for all that follow it
 * @report: index into &hrm_rdesc.reports
 * @first_run: index into &hrm_rdesc.runs
 * @n_runs: runs of this field
 */
struct hrm_field {
	u32 application;
	u32 physical;
	u32 logical;
	u32 offset;
	u32 flags;
	s32 logical_minimum;
	s32 logical_maximum;
	s32 physical_minimum;
	s32 physical_maximum;
	s32 unit_exponent;
	u32 unit;
	u16 size;
	u16 count;
	u16 n_usages;
	u16 report;
	u16 first_run;
	u16 n_runs;
};

/**
 * struct hrm_rdesc - a parsed report descriptor
 * @fields: all main items that have usages, in the order of the descriptor
 * @reports: in the order of their first main item
 * @collections: in the order of the descriptor
 * @runs: the usages of all fields
 * @n_fields: number of @fields
 * @n_reports: number of @reports
 * @n_collections: number of @collections
 * @n_runs: number of @runs
 * @n_applications: application collections among @collections
 * @numbered: per report type, whether reports start with their ID
 */
struct hrm_rdesc {
	struct hrm_field *fields;
	struct hrm_report *reports;
	struct hrm_collection *collections;
	struct hrm_usage_run *runs;
	u16 n_fields;
	u16 n_reports;
	u16 n_collections;
	u16 n_runs;
	u16 n_applications;
	bool numbered[HRM_REPORT_TYPES];
};

struct hrm_rdesc *hrm_rdesc_parse(const u8 *desc, size_t size,
				  size_t *error_at);
void hrm_rdesc_free(struct hrm_rdesc *rd);
u32 hrm_field_usage(const struct hrm_rdesc *rd, const struct hrm_field *field,
		    unsigned int index, unsigned int *collection);
unsigned int hrm_report_len(const struct hrm_report *report);

#endif /* _HRMOUSE_RDESC_H */
