// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the report descriptor parser
 *
 * What is expected is what hid-core makes of the same bytes.
 */

#include <kunit/test.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../rdesc.h"
#include "descriptors.h"

static void hrm_test_free(void *rd)
{
	hrm_rdesc_free(rd);
}

/* In a buffer of exactly its size, so that KASAN sees a read beyond it */
static struct hrm_rdesc *hrm_test_parse_at(struct kunit *test, const u8 *desc,
					   size_t size, size_t *at)
{
	u8 *copy = kunit_kmalloc(test, size, GFP_KERNEL);
	struct hrm_rdesc *rd;

	KUNIT_ASSERT_NOT_NULL(test, copy);
	memcpy(copy, desc, size);
	rd = hrm_rdesc_parse(copy, size, at);
	kunit_kfree(test, copy);
	if (!IS_ERR(rd))
		KUNIT_ASSERT_EQ(test, 0,
				kunit_add_action_or_reset(test, hrm_test_free,
							  rd));
	return rd;
}

static struct hrm_rdesc *hrm_test_parse(struct kunit *test, const u8 *desc,
					size_t size)
{
	return hrm_test_parse_at(test, desc, size, NULL);
}

#define PARSE(...)							\
({									\
	static const u8 desc[] = { __VA_ARGS__ };			\
	struct hrm_rdesc *parsed;					\
									\
	parsed = hrm_test_parse(test, desc, sizeof(desc));		\
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, parsed);			\
	parsed;								\
})

#define EXPECT_REFUSED(offset, ...)					\
do {									\
	static const u8 desc[] = { __VA_ARGS__ };			\
	size_t at = SIZE_MAX;						\
	struct hrm_rdesc *parsed;					\
									\
	parsed = hrm_test_parse_at(test, desc, sizeof(desc), &at);	\
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(parsed), -EINVAL);	\
	KUNIT_EXPECT_EQ(test, at, (size_t)(offset));			\
} while (0)

#define EXPECT_USAGES(rd, field, ...)					\
do {									\
	static const u32 usages[] = { __VA_ARGS__ };			\
									\
	hrm_test_usages(test, rd, field, usages, ARRAY_SIZE(usages));	\
} while (0)

static void hrm_test_usages(struct kunit *test, const struct hrm_rdesc *rd,
			    unsigned int index, const u32 *usages,
			    unsigned int n)
{
	const struct hrm_field *field = &rd->fields[index];
	unsigned int i;

	KUNIT_ASSERT_LT(test, index, (unsigned int)rd->n_fields);
	KUNIT_ASSERT_EQ(test, (unsigned int)field->n_usages, n);
	for (i = 0; i < n; i++)
		KUNIT_EXPECT_EQ_MSG(test, hrm_field_usage(rd, field, i, NULL),
				    usages[i], "usage %u", i);
}

/* Items (6.2.2.2) */

static void rdesc_item_data_has_0_1_2_or_4_bytes(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_SIZE, 1, RD_COUNT, 1,
		   RD_LMIN, 5, RD_LMIN_0, RD_LMAX, 0x12, RD_USAGE, 1, RD_INPUT, 2,
		   RD_LMAX_16, 0x34, 0x12, RD_USAGE_16, 0x03, 0x02, RD_INPUT, 2,
		   RD_LMAX_32, 0x78, 0x56, 0x34, 0x12,
		   RD_USAGE_32, 0x04, 0x03, 0x02, 0x01, RD_INPUT, 2,
		   RD_LMAX_0, RD_USAGE_0, 0x80);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 4);
	KUNIT_EXPECT_EQ(test, rd->fields[0].logical_minimum, 0);
	KUNIT_EXPECT_EQ(test, rd->fields[0].logical_maximum, 0x12);
	KUNIT_EXPECT_EQ(test, rd->fields[1].logical_maximum, 0x1234);
	KUNIT_EXPECT_EQ(test, rd->fields[2].logical_maximum, 0x12345678);
	KUNIT_EXPECT_EQ(test, rd->fields[3].logical_maximum, 0);
	KUNIT_EXPECT_EQ(test, rd->fields[2].flags, 2);
	KUNIT_EXPECT_EQ(test, rd->fields[3].flags, 0);
	EXPECT_USAGES(rd, 0, 0x00000001);
	EXPECT_USAGES(rd, 1, 0x00000203);
	EXPECT_USAGES(rd, 2, 0x01020304);
	EXPECT_USAGES(rd, 3, 0x00000000);
}

static void rdesc_long_item_is_refused(struct kunit *test)
{
	EXPECT_REFUSED(0, RD_LONG, 0, 0);
	EXPECT_REFUSED(2, RD_PAGE, 1, RD_LONG, 2, 0xf0, 1, 2);
	EXPECT_REFUSED(2, RD_PAGE, 1, RD_LONG, 200, 0xf0, 1, 2);
	EXPECT_REFUSED(2, RD_PAGE, 1, RD_LONG);
}

static void rdesc_truncated_item_is_refused(struct kunit *test)
{
	EXPECT_REFUSED(0, RD_PAGE);
	EXPECT_REFUSED(0, RD_PAGE_16);
	EXPECT_REFUSED(0, RD_PAGE_16, 1);
	EXPECT_REFUSED(2, RD_PAGE, 1, RD_PAGE_32);
	EXPECT_REFUSED(2, RD_PAGE, 1, RD_PAGE_32, 1, 0, 0);
}

/* A prefix is whole where it ends between items and outside collections */
static bool hrm_test_prefix_is_whole(const u8 *desc, size_t size)
{
	static const u8 sizes[] = { 1, 2, 3, 5 };
	unsigned int depth = 0;
	size_t pos = 0;

	while (pos < size) {
		if ((desc[pos] & 0xfc) == 0xa0)
			depth++;
		else if ((desc[pos] & 0xfc) == 0xc0)
			depth--;
		pos += sizes[desc[pos] & 3];
	}
	return size && pos == size && !depth;
}

struct hrm_test_good {
	const char *name;
	const u8 *desc;
	size_t size;
};

#define GOOD(array)	{ #array, array, sizeof(array) }

static const struct hrm_test_good hrm_test_goods[] = {
	GOOD(qemu_mouse), GOOD(qemu_tablet), GOOD(vbox_mouse),
	GOOD(vbox_tablet), GOOD(button_mouse), GOOD(wheel_mouse),
	GOOD(two_wheel_mouse), GOOD(mi_mouse), GOOD(multiplier_mouse),
	GOOD(bad_mouse), GOOD(multiplier_hwheel_mouse),
};

static void hrm_test_good_name(const struct hrm_test_good *good, char *name)
{
	strscpy(name, good->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(rdesc_good, hrm_test_goods, hrm_test_good_name);

static void rdesc_prefix_is_refused_or_balanced(struct kunit *test)
{
	const struct hrm_test_good *good = test->param_value;
	struct hrm_rdesc *rd;
	size_t size;

	for (size = 0; size <= good->size; size++) {
		u8 *copy = kmemdup(good->desc, size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, copy);
		rd = hrm_rdesc_parse(copy, size, NULL);
		kfree(copy);
		KUNIT_EXPECT_EQ_MSG(test, !IS_ERR(rd),
				    hrm_test_prefix_is_whole(good->desc, size),
				    "%zu bytes", size);
		if (!IS_ERR(rd))
			hrm_rdesc_free(rd);
	}
}

static void rdesc_empty_descriptor_is_refused(struct kunit *test)
{
	size_t at = 1;

	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR_OR_ZERO(hrm_rdesc_parse((const u8 *)"", 0, &at)));
	KUNIT_EXPECT_EQ(test, at, 0);
}

static void rdesc_descriptor_ends_at_hid_max_descriptor_size(struct kunit *test)
{
	size_t size = HID_MAX_DESCRIPTOR_SIZE + 1;
	u8 *desc = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, desc);
	/* 0x0c is an item of the reserved type without data */
	memset(desc, 0x0c, size);
	KUNIT_EXPECT_FALSE(test, IS_ERR(hrm_test_parse(test, desc, size - 1)));
	KUNIT_EXPECT_EQ(test, -EINVAL,
			PTR_ERR_OR_ZERO(hrm_test_parse(test, desc, size)));
}

static void rdesc_reserved_tags_are_as_hid_core_takes_them(struct kunit *test)
{
	struct hrm_rdesc *rd;

	/* A main item it does not know ends the local items all the same */
	rd = PARSE(RD_SIZE, 8, RD_COUNT, 1, RD_USAGE, 1, 0xd1, 0, RD_INPUT, 2);
	KUNIT_EXPECT_EQ(test, rd->n_fields, 0);
	KUNIT_EXPECT_EQ(test, rd->reports[0].bits, 8);

	/* Reserved type; local items without a meaning here */
	rd = PARSE(RD_SIZE, 8, RD_COUNT, 1, RD_USAGE, 1, 0x0d, 7, 0x39, 1,
		   0x79, 2, 0xb9, 3, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 1);
	EXPECT_USAGES(rd, 0, 1);

	/* Global items are another matter */
	EXPECT_REFUSED(2, RD_SIZE, 8, 0xc4);
	EXPECT_REFUSED(2, RD_SIZE, 8, 0xd5, 0);
	EXPECT_REFUSED(2, RD_SIZE, 8, 0xe5, 0);
}

/* Logical and physical ranges (5.8, 6.2.2.7) */

struct hrm_test_range {
	const char *name;
	u8 items[10];
	u8 size;
	bool refused;
	s32 minimum;
	s32 maximum;
};

static const struct hrm_test_range hrm_test_ranges[] = {
	{ "0..ff is 0..255", { RD_LMIN, 0, RD_LMAX, 0xff }, 4, false, 0, 255 },
	{ "81..7f", { RD_LMIN, 0x81, RD_LMAX, 0x7f }, 4, false, -127, 127 },
	{ "81..ff is -127..-1", { RD_LMIN, 0x81, RD_LMAX, 0xff }, 4, false,
	  -127, -1 },
	{ "8000..7fff", { RD_LMIN_16, 0, 0x80, RD_LMAX_16, 0xff, 0x7f }, 6,
	  false, -32768, 32767 },
	{ "0..ffff", { RD_LMIN, 0, RD_LMAX_16, 0xff, 0xff }, 5, false,
	  0, 65535 },
	{ "0..ffffffff", { RD_LMIN, 0, RD_LMAX_32, 255, 255, 255, 255 }, 7,
	  false, 0, -1 },
	{ "80000000..7fffffff", { RD_LMIN_32, 0, 0, 0, 0x80,
	  RD_LMAX_32, 255, 255, 255, 127 }, 10, false, S32_MIN, S32_MAX },
	{ "maximum first", { RD_LMAX, 0xff, RD_LMIN, 0x81 }, 4, false,
	  -127, 255 },
	{ "equal", { RD_LMIN, 3, RD_LMAX, 3 }, 4, false, 3, 3 },
	{ "both absent", { RD_PAGE, 1 }, 2, false, 0, 0 },
	{ "5..4", { RD_LMIN, 5, RD_LMAX, 4 }, 4, true },
	{ "ff..fe is -1..-2", { RD_LMIN, 0xff, RD_LMAX, 0xfe }, 4, true },
	{ "minimum without maximum", { RD_LMIN, 1 }, 2, true },
	{ "negative maximum first", { RD_LMIN, 0xff, RD_LMAX, 0xff,
	  RD_LMIN, 0 }, 6, false, 0, -1 },
};

static void hrm_test_range_name(const struct hrm_test_range *range, char *name)
{
	strscpy(name, range->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(rdesc_range, hrm_test_ranges, hrm_test_range_name);

static void rdesc_logical_range_has_sign_of_minimum(struct kunit *test)
{
	static const u8 field[] = {
		RD_SIZE, 32, RD_COUNT, 1, RD_USAGE, 1, RD_INPUT, 2
	};
	const struct hrm_test_range *range = test->param_value;
	u8 desc[sizeof(range->items) + sizeof(field)];
	struct hrm_rdesc *rd;

	memcpy(desc, range->items, range->size);
	memcpy(desc + range->size, field, sizeof(field));
	rd = hrm_test_parse(test, desc, range->size + sizeof(field));
	KUNIT_ASSERT_EQ(test, IS_ERR(rd), range->refused);
	if (range->refused)
		return;
	KUNIT_EXPECT_EQ(test, rd->fields[0].logical_minimum, range->minimum);
	KUNIT_EXPECT_EQ(test, rd->fields[0].logical_maximum, range->maximum);
}

static void rdesc_physical_range_has_sign_of_minimum(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_SIZE, 8, RD_COUNT, 1,
		   RD_PMIN, 0, RD_PMAX, 0xff, RD_USAGE, 1, RD_INPUT, 2,
		   RD_PMIN_16, 0, 0x80, RD_PMAX_16, 0xff, 0xff,
		   RD_USAGE, 1, RD_INPUT, 2,
		   RD_PMIN_32, 0xff, 0xff, 0xff, 0x7f,
		   RD_PMAX_32, 0, 0, 0, 0x80, RD_USAGE, 1, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 3);
	KUNIT_EXPECT_EQ(test, rd->fields[0].physical_minimum, 0);
	KUNIT_EXPECT_EQ(test, rd->fields[0].physical_maximum, 255);
	KUNIT_EXPECT_EQ(test, rd->fields[1].physical_minimum, -32768);
	KUNIT_EXPECT_EQ(test, rd->fields[1].physical_maximum, -1);
	KUNIT_EXPECT_EQ(test, rd->fields[2].physical_minimum, S32_MAX);
	/* A physical range that makes no sense is no reason to refuse */
	KUNIT_EXPECT_EQ(test, rd->fields[2].physical_maximum, S32_MIN);
}

struct hrm_test_exponent {
	u8 item[5];
	u8 size;
	s32 exponent;
};

static const struct hrm_test_exponent hrm_test_exponents[] = {
	{ { RD_EXPONENT, 0x00 }, 2, 0 },
	{ { RD_EXPONENT, 0x07 }, 2, 7 },
	{ { RD_EXPONENT, 0x08 }, 2, -8 },
	{ { RD_EXPONENT, 0x0e }, 2, -2 },
	{ { RD_EXPONENT, 0x0f }, 2, -1 },
	{ { RD_EXPONENT, 0x10 }, 2, 16 },
	{ { RD_EXPONENT, 0x7f }, 2, 127 },
	{ { RD_EXPONENT, 0x80 }, 2, -128 },
	{ { RD_EXPONENT, 0xfd }, 2, -3 },
	{ { RD_EXPONENT_16, 0x0d, 0x00 }, 3, -3 },
	{ { RD_EXPONENT_16, 0xfe, 0xff }, 3, -2 },
	{ { RD_EXPONENT_32, 0x0c, 0x00, 0x00, 0x00 }, 5, -4 },
	{ { RD_EXPONENT_32, 0x0c, 0x00, 0x00, 0x80 }, 5, S32_MIN + 12 },
};

static void hrm_test_exponent_name(const struct hrm_test_exponent *exponent,
				   char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u bytes, %d", exponent->size - 1,
		 exponent->exponent);
}

KUNIT_ARRAY_PARAM(rdesc_exponent, hrm_test_exponents, hrm_test_exponent_name);

static void rdesc_unit_exponent_is_nibble_or_byte(struct kunit *test)
{
	static const u8 field[] = {
		RD_UNIT_32, 0x11, 0x22, 0x33, 0xf4, RD_SIZE, 8, RD_COUNT, 1,
		RD_USAGE, 1, RD_INPUT, 2
	};
	const struct hrm_test_exponent *exponent = test->param_value;
	u8 desc[sizeof(exponent->item) + sizeof(field)];
	struct hrm_rdesc *rd;

	memcpy(desc, exponent->item, exponent->size);
	memcpy(desc + exponent->size, field, sizeof(field));
	rd = hrm_test_parse(test, desc, exponent->size + sizeof(field));
	KUNIT_ASSERT_FALSE(test, IS_ERR(rd));
	KUNIT_EXPECT_EQ(test, rd->fields[0].unit_exponent, exponent->exponent);
	KUNIT_EXPECT_EQ(test, rd->fields[0].unit, 0xf4332211);
}

/* Push and Pop (6.2.2.7) */

static void rdesc_pop_restores_every_global_item(struct kunit *test)
{
	struct hrm_rdesc *rd;
	const struct hrm_field *a, *b, *c;

	rd = PARSE(RD_PAGE, 1, RD_LMIN, 0xfe, RD_LMAX, 3, RD_PMIN, 0xfc,
		   RD_PMAX, 5, RD_EXPONENT, 6, RD_UNIT, 7, RD_SIZE, 8,
		   RD_COUNT, 2, RD_ID, 10, RD_PUSH,
		   RD_USAGE, 1, RD_INPUT, 2,
		   RD_PAGE, 2, RD_LMIN, 1, RD_LMAX, 4, RD_PMIN, 2,
		   RD_PMAX, 6, RD_EXPONENT, 7, RD_UNIT, 8, RD_SIZE, 16,
		   RD_COUNT, 3, RD_ID, 11, RD_USAGE, 1, RD_INPUT, 2,
		   RD_POP, RD_USAGE, 1, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 3);
	KUNIT_ASSERT_EQ(test, rd->n_reports, 2);
	a = &rd->fields[0];
	b = &rd->fields[1];
	c = &rd->fields[2];
	KUNIT_EXPECT_EQ(test, b->size, 16);
	KUNIT_EXPECT_EQ(test, b->count, 3);
	KUNIT_EXPECT_EQ(test, rd->reports[b->report].id, 11);
	EXPECT_USAGES(rd, 1, 0x20001, 0x20001, 0x20001);

	KUNIT_EXPECT_EQ(test, c->logical_minimum, a->logical_minimum);
	KUNIT_EXPECT_EQ(test, c->logical_maximum, a->logical_maximum);
	KUNIT_EXPECT_EQ(test, c->physical_minimum, a->physical_minimum);
	KUNIT_EXPECT_EQ(test, c->physical_maximum, a->physical_maximum);
	KUNIT_EXPECT_EQ(test, c->unit_exponent, a->unit_exponent);
	KUNIT_EXPECT_EQ(test, c->unit, a->unit);
	KUNIT_EXPECT_EQ(test, c->size, a->size);
	KUNIT_EXPECT_EQ(test, c->count, a->count);
	KUNIT_EXPECT_EQ(test, c->report, a->report);
	KUNIT_EXPECT_EQ(test, c->offset, 16);
	EXPECT_USAGES(rd, 2, 0x10001, 0x10001);
}

static void rdesc_push_nests_four_deep(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_COUNT, 1, RD_SIZE, 1, RD_PUSH, RD_SIZE, 2, RD_PUSH,
		   RD_SIZE, 3, RD_PUSH, RD_SIZE, 4, RD_PUSH, RD_SIZE, 5,
		   RD_USAGE, 1, RD_INPUT, 2, RD_POP, RD_USAGE, 1, RD_INPUT, 2,
		   RD_POP, RD_USAGE, 1, RD_INPUT, 2, RD_POP,
		   RD_USAGE, 1, RD_INPUT, 2, RD_POP, RD_USAGE, 1, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 5);
	KUNIT_EXPECT_EQ(test, rd->fields[0].size, 5);
	KUNIT_EXPECT_EQ(test, rd->fields[1].size, 4);
	KUNIT_EXPECT_EQ(test, rd->fields[2].size, 3);
	KUNIT_EXPECT_EQ(test, rd->fields[3].size, 2);
	KUNIT_EXPECT_EQ(test, rd->fields[4].size, 1);
}

static void rdesc_push_overflow_is_refused(struct kunit *test)
{
	EXPECT_REFUSED(4, RD_PUSH, RD_PUSH, RD_PUSH, RD_PUSH, RD_PUSH);
}

static void rdesc_pop_underflow_is_refused(struct kunit *test)
{
	EXPECT_REFUSED(0, RD_POP);
	EXPECT_REFUSED(2, RD_PUSH, RD_POP, RD_POP);
}

static void rdesc_push_without_pop_is_taken(struct kunit *test)
{
	PARSE(RD_PUSH, RD_PUSH);
}

/* Usages (6.2.2.8) */

static void rdesc_usage_range_counts_from_minimum_to_maximum(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, RD_BUTTON, RD_SIZE, 1, RD_COUNT, 3,
		   RD_UMIN, 1, RD_UMAX, 3, RD_INPUT, 2,
		   RD_UMIN, 7, RD_UMAX, 7, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 2);
	EXPECT_USAGES(rd, 0, 0x90001, 0x90002, 0x90003);
	EXPECT_USAGES(rd, 1, 0x90007, 0x90007, 0x90007);
}

static void rdesc_usage_minimum_is_kept_until_the_main_item(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, RD_BUTTON, RD_SIZE, 1, RD_COUNT, 1,
		   RD_UMIN, 1, RD_UMAX, 2, RD_UMAX, 3, RD_INPUT, 2,
		   RD_UMAX, 1, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 2);
	EXPECT_USAGES(rd, 0, 0x90001, 0x90002, 0x90001, 0x90002, 0x90003);
	EXPECT_USAGES(rd, 1, 0x90000, 0x90001);
}

static void rdesc_usage_range_is_cut_at_hid_max_usages(struct kunit *test)
{
	const struct hrm_field *field;
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, RD_BUTTON, RD_SIZE, 1, RD_COUNT, 1, RD_USAGE, 5,
		   RD_UMIN, 1, RD_UMAX_16, 0xff, 0xff, RD_INPUT, 0);
	field = &rd->fields[0];
	KUNIT_EXPECT_EQ(test, field->n_usages, HID_MAX_USAGES);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 0, NULL), 0x90005);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 1, NULL), 0x90001);
	KUNIT_EXPECT_EQ(test,
			hrm_field_usage(rd, field, HID_MAX_USAGES - 1, NULL),
			0x90000 + HID_MAX_USAGES - 1);
}

static void rdesc_usage_range_of_exactly_hid_max_usages_is_whole(struct kunit *test)
{
	const struct hrm_field *field;
	struct hrm_rdesc *rd;

	/* 0 to 0x2fff are 12288 */
	rd = PARSE(RD_PAGE, RD_BUTTON, RD_SIZE, 1, RD_COUNT, 1,
		   RD_UMIN, 0, RD_UMAX_16, 0xff, 0x2f, RD_INPUT, 0);
	field = &rd->fields[0];
	KUNIT_EXPECT_EQ(test, field->n_usages, HID_MAX_USAGES);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 0x2fff, NULL), 0x92fff);
}

static void rdesc_usage_range_backwards_is_cut_not_empty(struct kunit *test)
{
	const struct hrm_field *field;
	struct hrm_rdesc *rd;

	/* hid-core: maximum - minimum wraps and is too long */
	rd = PARSE(RD_PAGE, RD_BUTTON, RD_SIZE, 1, RD_COUNT, 1,
		   RD_UMIN, 5, RD_UMAX, 3, RD_INPUT, 0);
	field = &rd->fields[0];
	KUNIT_EXPECT_EQ(test, field->n_usages, HID_MAX_USAGES);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 0, NULL), 0x90005);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 1, NULL), 0x90006);

	/* With a usage before it the sum wraps once more, and it is empty */
	rd = PARSE(RD_PAGE, RD_BUTTON, RD_SIZE, 1, RD_COUNT, 1, RD_USAGE, 9,
		   RD_UMIN, 4, RD_UMAX, 3, RD_INPUT, 0);
	EXPECT_USAGES(rd, 0, 0x90009);
}

static void rdesc_usage_range_wraps_within_page(struct kunit *test)
{
	const struct hrm_field *field;
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, RD_BUTTON, RD_SIZE, 1, RD_COUNT, 1,
		   RD_UMIN_16, 0xfe, 0xff, RD_UMAX, 1, RD_INPUT, 0);
	field = &rd->fields[0];
	KUNIT_EXPECT_EQ(test, field->n_usages, HID_MAX_USAGES);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 0, NULL), 0x9fffe);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 1, NULL), 0x9ffff);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 2, NULL), 0x90000);
	KUNIT_EXPECT_EQ(test, hrm_field_usage(rd, field, 3, NULL), 0x90001);
}

static void rdesc_usage_range_of_32_bits_has_its_own_page(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, RD_DESKTOP, RD_SIZE, 1, RD_COUNT, 1,
		   RD_UMIN_32, 1, 0, 9, 0, RD_UMAX_32, 3, 0, 9, 0, RD_INPUT, 2,
		   RD_UMIN_32, 0xff, 0xff, 9, 0, RD_UMAX_32, 1, 0, 10, 0,
		   RD_INPUT, 2,
		   /* The size of the maximum decides */
		   RD_UMIN_32, 0xff, 0x2f, 0, 0, RD_UMAX_16, 0, 0x30,
		   RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 3);
	EXPECT_USAGES(rd, 0, 0x90001, 0x90002, 0x90003);
	EXPECT_USAGES(rd, 1, 0x9ffff, 0xa0000, 0xa0001);
	EXPECT_USAGES(rd, 2, 0x12fff, 0x13000);
}

static void rdesc_usage_range_to_the_last_usage_is_refused(struct kunit *test)
{
	EXPECT_REFUSED(5, RD_UMIN_32, 0xfe, 0xff, 0xff, 0xff,
		       RD_UMAX_32, 0xff, 0xff, 0xff, 0xff, RD_INPUT, 0);
}

/* Two usages and 2^32 - 1 more are one, if the sum has 32 bits */
static void rdesc_usage_range_does_not_wrap_the_count(struct kunit *test)
{
	EXPECT_REFUSED(4, RD_USAGE, 0x30, RD_USAGE, 0x31,
		       RD_UMAX_32, 0xfe, 0xff, 0xff, 0xff, RD_INPUT, 0);
}

static void rdesc_usages_beyond_hid_max_usages_are_refused(struct kunit *test)
{
	struct hrm_rdesc *rd;

	EXPECT_REFUSED(5, RD_UMIN, 1, RD_UMAX_16, 0, 0x30, RD_USAGE, 1);
	/* A second range then has no room: refused, or empty by its minimum */
	EXPECT_REFUSED(5, RD_UMIN, 1, RD_UMAX_16, 0, 0x30, RD_UMAX, 7);
	EXPECT_REFUSED(7, RD_UMIN, 1, RD_UMAX_16, 0, 0x30,
		       RD_UMIN, 0, RD_UMAX, 7);
	rd = PARSE(RD_SIZE, 1, RD_COUNT, 1, RD_UMIN, 2, RD_UMAX_16, 1, 0x30,
		   RD_UMAX, 7, RD_INPUT, 0);
	KUNIT_EXPECT_EQ(test, rd->fields[0].n_usages, HID_MAX_USAGES);
	KUNIT_EXPECT_EQ(test, rd->fields[0].n_runs, 1);
}

static void rdesc_last_usage_stands_for_the_values_that_follow(struct kunit *test)
{
	struct hrm_rdesc *rd;
	unsigned int collection = 9;

	rd = PARSE(RD_PAGE, RD_DESKTOP, RD_SIZE, 8, RD_COUNT, 4,
		   RD_USAGE, RD_X, RD_USAGE, RD_Y, RD_INPUT, 2,
		   RD_UMIN, RD_X, RD_UMAX, RD_Y, RD_INPUT, 2,
		   RD_UMIN, RD_X, RD_UMAX, RD_Y, RD_USAGE, RD_WHEEL,
		   RD_INPUT, 2);
	EXPECT_USAGES(rd, 0, 0x10030, 0x10031, 0x10031, 0x10031);
	EXPECT_USAGES(rd, 1, 0x10030, 0x10031, 0x10031, 0x10031);
	EXPECT_USAGES(rd, 2, 0x10030, 0x10031, 0x10038, 0x10038);
	hrm_field_usage(rd, &rd->fields[0], 3, &collection);
	KUNIT_EXPECT_EQ(test, collection, 0);
}

static void rdesc_usages_in_excess_are_kept(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, RD_DESKTOP, RD_SIZE, 8, RD_COUNT, 1,
		   RD_USAGE, RD_X, RD_USAGE, RD_Y, RD_USAGE, RD_WHEEL,
		   RD_INPUT, 6);
	KUNIT_EXPECT_EQ(test, rd->fields[0].count, 1);
	EXPECT_USAGES(rd, 0, 0x10030, 0x10031, 0x10038);
}

static void rdesc_usages_take_the_page_of_the_main_item(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_SIZE, 8, RD_COUNT, 1,
		   /* Page after the usages */
		   RD_USAGE, RD_X, RD_UMIN, 1, RD_UMAX, 2,
		   RD_PAGE, RD_BUTTON, RD_INPUT, 2,
		   /* The page changed twice: the last one counts */
		   RD_PAGE, 1, RD_USAGE, RD_X, RD_PAGE, 2, RD_USAGE, RD_Y,
		   RD_PAGE, RD_BUTTON, RD_INPUT, 2,
		   /* The last page was used already: nothing to complete */
		   RD_PAGE, 1, RD_USAGE, RD_X, RD_PAGE, RD_BUTTON,
		   RD_USAGE, 1, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 3);
	EXPECT_USAGES(rd, 0, 0x90030, 0x90001, 0x90002);
	EXPECT_USAGES(rd, 1, 0x90030, 0x90031);
	EXPECT_USAGES(rd, 2, 0x10030, 0x90001);
}

static void rdesc_usages_of_32_bits_keep_their_page(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_SIZE, 8, RD_COUNT, 1, RD_PAGE, 1, RD_USAGE, RD_Y,
		   RD_USAGE_32, RD_X, 0, 1, 0, RD_PAGE, RD_BUTTON, RD_INPUT, 2);
	EXPECT_USAGES(rd, 0, 0x90031, 0x10030);
}

static void rdesc_page_of_32_bits_is_cut(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_SIZE, 8, RD_COUNT, 1, RD_PAGE_32, 9, 0, 5, 0,
		   RD_USAGE, 1, RD_INPUT, 2);
	EXPECT_USAGES(rd, 0, 0x90001);
}

static void rdesc_vendor_page_has_16_bits(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_SIZE, 8, RD_COUNT, 1, RD_PAGE_16, 0, 0xff,
		   RD_USAGE_16, 0x34, 0x12, RD_INPUT, 2);
	EXPECT_USAGES(rd, 0, 0xff001234);
}

/* Delimiters (6.2.2.8) */

static void rdesc_of_alternative_usages_the_first_counts(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_SIZE, 8, RD_COUNT, 1, RD_USAGE, 1,
		   RD_DELIMITER, 1, RD_USAGE, 2, RD_DELIMITER, 0,
		   RD_DELIMITER, 1, RD_USAGE, 3, RD_UMIN, 8, RD_UMAX, 9,
		   RD_DELIMITER, 0, RD_USAGE, 4, RD_INPUT, 2,
		   /* A main item ends the choice */
		   RD_USAGE, 5, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 2);
	EXPECT_USAGES(rd, 0, 0x10001, 0x10002);
	EXPECT_USAGES(rd, 1, 0x10005);
}

static void rdesc_delimiters_must_match(struct kunit *test)
{
	EXPECT_REFUSED(2, RD_DELIMITER, 1, RD_DELIMITER, 1);
	EXPECT_REFUSED(0, RD_DELIMITER, 0);
	EXPECT_REFUSED(4, RD_DELIMITER, 1, RD_DELIMITER, 0, RD_DELIMITER, 0);
	/* Open at the end: there is no item to blame but the last */
	EXPECT_REFUSED(2, RD_PAGE, 1, RD_DELIMITER, 1);
	/* A main item closes it */
	PARSE(RD_DELIMITER, 1, RD_SIZE, 8, RD_INPUT, 2);
}

/* Collections (6.2.2.6) */

static void rdesc_field_knows_its_innermost_collections(struct kunit *test)
{
	const struct hrm_collection *c;
	unsigned int collection;
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_SIZE, 8, RD_COUNT, 1,
		   RD_USAGE, 2, RD_COLLECTION, RD_APPLICATION,
		   RD_USAGE, 1, RD_COLLECTION, RD_PHYSICAL,
		   RD_USAGE, 6, RD_COLLECTION, RD_LOGICAL,
		   RD_USAGE, 7, RD_COLLECTION, RD_PHYSICAL,
		   RD_USAGE, RD_X, RD_INPUT, 2, RD_END, RD_END,
		   RD_USAGE, RD_Y, RD_INPUT, 2, RD_END, RD_END,
		   RD_USAGE, RD_WHEEL, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 3);
	KUNIT_ASSERT_EQ(test, rd->n_collections, 4);
	KUNIT_EXPECT_EQ(test, rd->n_applications, 1);
	c = rd->collections;
	KUNIT_EXPECT_EQ(test, c[0].parent, -1);
	KUNIT_EXPECT_EQ(test, c[1].parent, 0);
	KUNIT_EXPECT_EQ(test, c[2].parent, 1);
	KUNIT_EXPECT_EQ(test, c[3].parent, 2);
	KUNIT_EXPECT_EQ(test, c[0].usage, 0x10002);
	KUNIT_EXPECT_EQ(test, c[3].usage, 0x10007);
	KUNIT_EXPECT_EQ(test, c[2].type, RD_LOGICAL);

	KUNIT_EXPECT_EQ(test, rd->fields[0].application, 0x10002);
	KUNIT_EXPECT_EQ(test, rd->fields[0].physical, 0x10007);
	KUNIT_EXPECT_EQ(test, rd->fields[0].logical, 0x10006);
	hrm_field_usage(rd, &rd->fields[0], 0, &collection);
	KUNIT_EXPECT_EQ(test, collection, 3);

	KUNIT_EXPECT_EQ(test, rd->fields[1].physical, 0x10001);
	KUNIT_EXPECT_EQ(test, rd->fields[1].logical, 0);
	hrm_field_usage(rd, &rd->fields[1], 0, &collection);
	KUNIT_EXPECT_EQ(test, collection, 1);

	/* Outside of all: hid-core says the first */
	KUNIT_EXPECT_EQ(test, rd->fields[2].application, 0);
	hrm_field_usage(rd, &rd->fields[2], 0, &collection);
	KUNIT_EXPECT_EQ(test, collection, 0);
}

static void rdesc_collection_that_was_closed_is_no_longer_around(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_SIZE, 8, RD_COUNT, 1,
		   RD_USAGE, 2, RD_COLLECTION, RD_APPLICATION,
		   RD_USAGE, 1, RD_COLLECTION, RD_PHYSICAL, RD_END,
		   RD_USAGE, 6, RD_COLLECTION, RD_LOGICAL,
		   RD_USAGE, RD_Y, RD_INPUT, 2, RD_END, RD_END);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 1);
	KUNIT_EXPECT_EQ(test, rd->fields[0].application, 0x10002);
	KUNIT_EXPECT_EQ(test, rd->fields[0].physical, 0);
	KUNIT_EXPECT_EQ(test, rd->fields[0].logical, 0x10006);
}

static void rdesc_collection_takes_the_first_usage_or_none(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_USAGE, 2, RD_USAGE, 6,
		   RD_COLLECTION, RD_APPLICATION, RD_COLLECTION, RD_PHYSICAL,
		   RD_USAGE, 1, RD_PAGE, 2, RD_COLLECTION, RD_LOGICAL,
		   RD_END, RD_END, RD_END);
	KUNIT_ASSERT_EQ(test, rd->n_collections, 3);
	KUNIT_EXPECT_EQ(test, rd->collections[0].usage, 0x10002);
	KUNIT_EXPECT_EQ(test, rd->collections[1].usage, 0);
	KUNIT_EXPECT_EQ(test, rd->collections[2].usage, 0x20001);
}

static void rdesc_collection_type_is_a_byte(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_COLLECTION + 1, RD_APPLICATION, 7, RD_END);
	KUNIT_EXPECT_EQ(test, rd->collections[0].type, RD_APPLICATION);
	KUNIT_EXPECT_EQ(test, rd->n_applications, 1);
}

static void rdesc_collections_must_be_closed(struct kunit *test)
{
	EXPECT_REFUSED(0, RD_COLLECTION, RD_APPLICATION);
	EXPECT_REFUSED(4, RD_COLLECTION, RD_APPLICATION,
		       RD_COLLECTION, RD_PHYSICAL, RD_END);
}

static void rdesc_end_collection_needs_a_collection(struct kunit *test)
{
	EXPECT_REFUSED(0, RD_END);
	EXPECT_REFUSED(3, RD_COLLECTION, RD_APPLICATION, RD_END, RD_END);
}

static void rdesc_collections_nest_as_deep_as_bytes_allow(struct kunit *test)
{
	unsigned int n = HID_MAX_DESCRIPTOR_SIZE / 2;
	u8 *desc = kunit_kzalloc(test, n * 2, GFP_KERNEL);
	struct hrm_rdesc *rd;

	KUNIT_ASSERT_NOT_NULL(test, desc);
	memset(desc, 0xa0, n);
	memset(desc + n, RD_END, n);
	rd = hrm_test_parse(test, desc, n * 2);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rd));
	KUNIT_EXPECT_EQ(test, (unsigned int)rd->n_collections, n);
	KUNIT_EXPECT_EQ(test, (int)rd->collections[n - 1].parent, (int)n - 2);
}

/* Reports (5.6, 6.2.2.7) */

static void rdesc_reports_grow_by_their_id_and_type(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_SIZE, 8, RD_COUNT, 1,
		   RD_USAGE, RD_X, RD_INPUT, 2,
		   RD_ID, 5, RD_USAGE, RD_X, RD_FEATURE, 2,
		   RD_USAGE, RD_X, RD_INPUT, 2,
		   RD_ID, 3, RD_USAGE, RD_X, RD_INPUT, 2,
		   RD_ID, 5, RD_SIZE, 4, RD_USAGE, RD_Y, RD_INPUT, 2,
		   RD_USAGE, RD_Y, RD_OUTPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_reports, 5);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 6);
	KUNIT_EXPECT_EQ(test, rd->reports[0].id, 0);
	KUNIT_EXPECT_EQ(test, rd->reports[1].type, HRM_FEATURE);
	KUNIT_EXPECT_EQ(test, rd->reports[2].id, 5);
	KUNIT_EXPECT_EQ(test, rd->reports[2].type, HRM_INPUT);
	KUNIT_EXPECT_EQ(test, rd->reports[2].bits, 12);
	KUNIT_EXPECT_EQ(test, rd->reports[2].n_fields, 2);
	KUNIT_EXPECT_EQ(test, hrm_report_len(&rd->reports[2]), 2);
	KUNIT_EXPECT_EQ(test, rd->reports[3].id, 3);
	KUNIT_EXPECT_EQ(test, rd->reports[4].type, HRM_OUTPUT);
	KUNIT_EXPECT_EQ(test, rd->fields[4].report, 2);
	KUNIT_EXPECT_EQ(test, rd->fields[4].offset, 8);
}

static void rdesc_report_has_the_application_of_its_first_item(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_SIZE, 8, RD_COUNT, 1,
		   RD_USAGE, 2, RD_COLLECTION, RD_APPLICATION,
		   RD_INPUT, RD_CONST, RD_END,
		   RD_USAGE, 1, RD_COLLECTION, RD_APPLICATION,
		   RD_USAGE, RD_X, RD_INPUT, 2, RD_END);
	KUNIT_ASSERT_EQ(test, rd->n_reports, 1);
	KUNIT_EXPECT_EQ(test, rd->reports[0].application, 0x10002);
	KUNIT_EXPECT_EQ(test, rd->fields[0].application, 0x10001);
	KUNIT_EXPECT_EQ(test, rd->n_applications, 2);
}

struct hrm_test_size {
	u16 size;
	u16 count;
	bool refused;
};

static const struct hrm_test_size hrm_test_sizes[] = {
	{ 0, 1 }, { 1, 1 }, { 3, 5 }, { 7, 9 }, { 12, 3 }, { 15, 1 },
	{ 31, 3 }, { 32, 2 }, { 33, 2 }, { 256, 1 }, { 257, 1, true },
	{ 8, 0 }, { 1, 12288 }, { 1, 12289, true }, { 0, 12288 },
	{ 65535, 1, true }, { 1, 65535, true },
};

static void hrm_test_size_name(const struct hrm_test_size *size, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "%u times %u bits", size->count,
		 size->size);
}

KUNIT_ARRAY_PARAM(rdesc_size, hrm_test_sizes, hrm_test_size_name);

static void rdesc_size_and_count_have_limits(struct kunit *test)
{
	const struct hrm_test_size *size = test->param_value;
	const u8 desc[] = {
		RD_SIZE_16, size->size & 0xff, size->size >> 8,
		RD_COUNT_16, size->count & 0xff, size->count >> 8,
		RD_USAGE, 1, RD_INPUT, 2, RD_USAGE, 2, RD_INPUT, 2,
	};
	struct hrm_rdesc *rd = hrm_test_parse(test, desc, sizeof(desc));
	unsigned int bits = size->size * size->count;

	KUNIT_ASSERT_EQ(test, IS_ERR(rd), size->refused);
	if (size->refused)
		return;
	KUNIT_ASSERT_EQ(test, rd->n_fields, 2);
	KUNIT_EXPECT_EQ(test, rd->fields[0].size, size->size);
	KUNIT_EXPECT_EQ(test, rd->fields[0].count, size->count);
	KUNIT_EXPECT_EQ(test, rd->fields[0].n_usages, max(size->count, 1));
	KUNIT_EXPECT_EQ(test, rd->fields[1].offset, bits);
	KUNIT_EXPECT_EQ(test, rd->reports[0].bits, bits * 2);
	KUNIT_EXPECT_EQ(test, hrm_report_len(&rd->reports[0]),
			(bits * 2 + 7) / 8);
}

static void rdesc_size_and_count_of_32_bits_are_refused(struct kunit *test)
{
	EXPECT_REFUSED(0, RD_SIZE_32, 1, 0, 1, 0);
	EXPECT_REFUSED(0, RD_SIZE_32, 0xff, 0xff, 0xff, 0xff);
	EXPECT_REFUSED(0, RD_COUNT_32, 1, 0, 1, 0);
	EXPECT_REFUSED(0, RD_COUNT_32, 0xff, 0xff, 0xff, 0xff);
}

static void rdesc_report_that_is_too_long_is_refused(struct kunit *test)
{
	struct hrm_rdesc *rd;

	/* 12288 bytes and 4095 bytes: all but the one for the report ID */
	rd = PARSE(RD_SIZE, 8, RD_COUNT_16, 0, 0x30, RD_INPUT, 1,
		   RD_COUNT_16, 0xff, 0x0f, RD_INPUT, 1);
	KUNIT_EXPECT_EQ(test, hrm_report_len(&rd->reports[0]),
			HID_MAX_BUFFER_SIZE - 1);

	EXPECT_REFUSED(16, RD_SIZE, 8, RD_COUNT_16, 0, 0x30, RD_INPUT, 1,
		       RD_COUNT_16, 0xff, 0x0f, RD_INPUT, 1,
		       RD_SIZE, 1, RD_COUNT, 1, RD_INPUT, 1, RD_INPUT, 1);
	EXPECT_REFUSED(6, RD_SIZE_16, 0, 1, RD_COUNT_16, 0, 0x30, RD_INPUT, 1);
}

static void rdesc_fields_beyond_256_are_dropped_but_take_room(struct kunit *test)
{
	static const u8 field[] = { RD_USAGE, RD_X, RD_INPUT, 2 };
	static const u8 head[] = { RD_SIZE, 8, RD_COUNT, 1 };
	static const u8 other[] = { RD_ID, 1, RD_USAGE, RD_X, RD_INPUT, 2 };
	size_t size = sizeof(head) + 258 * sizeof(field) + sizeof(other);
	u8 *desc = kunit_kmalloc(test, size, GFP_KERNEL);
	struct hrm_rdesc *rd;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, desc);
	memcpy(desc, head, sizeof(head));
	for (i = 0; i < 258; i++)
		memcpy(desc + sizeof(head) + i * sizeof(field), field,
		       sizeof(field));
	memcpy(desc + size - sizeof(other), other, sizeof(other));

	rd = hrm_test_parse(test, desc, size);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rd));
	KUNIT_EXPECT_EQ(test, rd->reports[0].n_fields, HID_MAX_FIELDS);
	KUNIT_EXPECT_EQ(test, rd->reports[0].bits, 258 * 8);
	KUNIT_EXPECT_EQ(test, rd->n_fields, HID_MAX_FIELDS + 1);
	KUNIT_EXPECT_EQ(test, rd->fields[HID_MAX_FIELDS].report, 1);
}

static void rdesc_item_without_usages_is_padding(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_SIZE, 3, RD_COUNT, 1, RD_INPUT, 2,
		   RD_SIZE, 8, RD_USAGE, RD_X, RD_INPUT, 2);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 1);
	KUNIT_EXPECT_EQ(test, rd->fields[0].offset, 3);
	KUNIT_EXPECT_EQ(test, rd->reports[0].n_fields, 1);
}

static void rdesc_constant_with_usages_is_a_field(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_SIZE, 3, RD_COUNT, 1, RD_USAGE, RD_X,
		   RD_INPUT, RD_CONST | RD_VAR);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 1);
	KUNIT_EXPECT_EQ(test, rd->fields[0].flags, RD_CONST | RD_VAR);
}

static void rdesc_flags_may_have_two_bytes(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = PARSE(RD_PAGE, 1, RD_SIZE, 8, RD_COUNT, 1, RD_USAGE, RD_X,
		   RD_INPUT + 1, 0x02, 0x01);
	KUNIT_EXPECT_EQ(test, rd->fields[0].flags,
			HID_MAIN_ITEM_VARIABLE | HID_MAIN_ITEM_BUFFERED_BYTE);
}

static void rdesc_descriptor_without_fields_is_taken(struct kunit *test)
{
	struct hrm_rdesc *rd = PARSE(RD_PAGE, 1, RD_USAGE, 2,
				     RD_COLLECTION, RD_APPLICATION, RD_END);

	KUNIT_EXPECT_EQ(test, rd->n_fields, 0);
	KUNIT_EXPECT_EQ(test, rd->n_reports, 0);
}

static void rdesc_mouse_becomes_this_table(struct kunit *test)
{
	struct hrm_rdesc *rd;

	rd = hrm_test_parse(test, vbox_tablet, sizeof(vbox_tablet));
	KUNIT_ASSERT_FALSE(test, IS_ERR(rd));
	KUNIT_ASSERT_EQ(test, rd->n_reports, 1);
	KUNIT_ASSERT_EQ(test, rd->n_fields, 4);
	KUNIT_EXPECT_EQ(test, rd->n_collections, 2);
	KUNIT_EXPECT_FALSE(test, rd->numbered[HRM_INPUT]);
	KUNIT_EXPECT_EQ(test, hrm_report_len(&rd->reports[0]), 8);
	EXPECT_USAGES(rd, 0, 0x90001, 0x90002, 0x90003, 0x90004, 0x90005);
	EXPECT_USAGES(rd, 1, 0x10038);
	EXPECT_USAGES(rd, 2, 0xc0238);
	EXPECT_USAGES(rd, 3, 0x10030, 0x10031);
	KUNIT_EXPECT_EQ(test, rd->fields[1].offset, 8);
	KUNIT_EXPECT_EQ(test, rd->fields[2].offset, 16);
	KUNIT_EXPECT_EQ(test, rd->fields[3].offset, 32);
	KUNIT_EXPECT_EQ(test, rd->fields[3].logical_maximum, 32767);
	KUNIT_EXPECT_EQ(test, rd->fields[3].flags, RD_VAR);
}

static void rdesc_free_takes_null(struct kunit *test)
{
	hrm_rdesc_free(NULL);
	KUNIT_SUCCEED(test);
}

static struct kunit_case hrm_rdesc_cases[] = {
	KUNIT_CASE(rdesc_item_data_has_0_1_2_or_4_bytes),
	KUNIT_CASE(rdesc_long_item_is_refused),
	KUNIT_CASE(rdesc_truncated_item_is_refused),
	KUNIT_CASE_PARAM(rdesc_prefix_is_refused_or_balanced,
			 rdesc_good_gen_params),
	KUNIT_CASE(rdesc_empty_descriptor_is_refused),
	KUNIT_CASE(rdesc_descriptor_ends_at_hid_max_descriptor_size),
	KUNIT_CASE(rdesc_reserved_tags_are_as_hid_core_takes_them),
	KUNIT_CASE_PARAM(rdesc_logical_range_has_sign_of_minimum,
			 rdesc_range_gen_params),
	KUNIT_CASE(rdesc_physical_range_has_sign_of_minimum),
	KUNIT_CASE_PARAM(rdesc_unit_exponent_is_nibble_or_byte,
			 rdesc_exponent_gen_params),
	KUNIT_CASE(rdesc_pop_restores_every_global_item),
	KUNIT_CASE(rdesc_push_nests_four_deep),
	KUNIT_CASE(rdesc_push_overflow_is_refused),
	KUNIT_CASE(rdesc_pop_underflow_is_refused),
	KUNIT_CASE(rdesc_push_without_pop_is_taken),
	KUNIT_CASE(rdesc_usage_range_counts_from_minimum_to_maximum),
	KUNIT_CASE(rdesc_usage_minimum_is_kept_until_the_main_item),
	KUNIT_CASE(rdesc_usage_range_is_cut_at_hid_max_usages),
	KUNIT_CASE(rdesc_usage_range_of_exactly_hid_max_usages_is_whole),
	KUNIT_CASE(rdesc_usage_range_backwards_is_cut_not_empty),
	KUNIT_CASE(rdesc_usage_range_wraps_within_page),
	KUNIT_CASE(rdesc_usage_range_of_32_bits_has_its_own_page),
	KUNIT_CASE(rdesc_usage_range_to_the_last_usage_is_refused),
	KUNIT_CASE(rdesc_usage_range_does_not_wrap_the_count),
	KUNIT_CASE(rdesc_usages_beyond_hid_max_usages_are_refused),
	KUNIT_CASE(rdesc_last_usage_stands_for_the_values_that_follow),
	KUNIT_CASE(rdesc_usages_in_excess_are_kept),
	KUNIT_CASE(rdesc_usages_take_the_page_of_the_main_item),
	KUNIT_CASE(rdesc_usages_of_32_bits_keep_their_page),
	KUNIT_CASE(rdesc_page_of_32_bits_is_cut),
	KUNIT_CASE(rdesc_vendor_page_has_16_bits),
	KUNIT_CASE(rdesc_of_alternative_usages_the_first_counts),
	KUNIT_CASE(rdesc_delimiters_must_match),
	KUNIT_CASE(rdesc_field_knows_its_innermost_collections),
	KUNIT_CASE(rdesc_collection_that_was_closed_is_no_longer_around),
	KUNIT_CASE(rdesc_collection_takes_the_first_usage_or_none),
	KUNIT_CASE(rdesc_collection_type_is_a_byte),
	KUNIT_CASE(rdesc_collections_must_be_closed),
	KUNIT_CASE(rdesc_end_collection_needs_a_collection),
	KUNIT_CASE(rdesc_collections_nest_as_deep_as_bytes_allow),
	KUNIT_CASE(rdesc_reports_grow_by_their_id_and_type),
	KUNIT_CASE(rdesc_report_has_the_application_of_its_first_item),
	KUNIT_CASE_PARAM(rdesc_size_and_count_have_limits,
			 rdesc_size_gen_params),
	KUNIT_CASE(rdesc_size_and_count_of_32_bits_are_refused),
	KUNIT_CASE(rdesc_report_that_is_too_long_is_refused),
	KUNIT_CASE(rdesc_fields_beyond_256_are_dropped_but_take_room),
	KUNIT_CASE(rdesc_item_without_usages_is_padding),
	KUNIT_CASE(rdesc_constant_with_usages_is_a_field),
	KUNIT_CASE(rdesc_flags_may_have_two_bytes),
	KUNIT_CASE(rdesc_descriptor_without_fields_is_taken),
	KUNIT_CASE(rdesc_mouse_becomes_this_table),
	KUNIT_CASE(rdesc_free_takes_null),
	{}
};

static struct kunit_suite hrm_rdesc_suite = {
	.name = "hrmouse-rdesc",
	.test_cases = hrm_rdesc_cases,
};

kunit_test_suite(hrm_rdesc_suite);
