// SPDX-License-Identifier: GPL-2.0-only
/*
 * KUnit tests of the plan
 *
 * What is compared is what a client reads, see device.c. What is expected is
 * what hid-input gives for the same bytes.
 */

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/input.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"

/* Whole mice */

static void plan_boot_mouse_gives_buttons_then_axes(struct kunit *test)
{
	PLUG_ARRAY(button_mouse);
	REPORT(0x05, 10, 0xfd);
	EXPECT_EVENTS(BUTTON(1, 1), BUTTON(3, 1), REL(X, 10), REL(Y, -3), SYN);
	REPORT(0x02, 0, 0);
	EXPECT_EVENTS(BUTTON(1, 0), BUTTON(2, 1), BUTTON(3, 0), SYN);
}

static void plan_button_press_gives_scan_code_first(struct kunit *test)
{
	PLUG_ARRAY(button_mouse);
	REPORT(0x01, 0, 0);
	EXPECT_EVENTS(SCAN(0x90001), KEY(BTN_LEFT, 1), SYN);
	REPORT(0x00, 0, 0);
	EXPECT_EVENTS(SCAN(0x90001), KEY(BTN_LEFT, 0), SYN);
}

static void plan_nothing_new_gives_no_frame(struct kunit *test)
{
	PLUG_ARRAY(button_mouse);
	REPORT(0, 0, 0);
	EXPECT_SILENCE();
	REPORT(0x04, 0, 0);
	EXPECT_EVENTS(BUTTON(3, 1), SYN);
	REPORT(0x04, 0, 0);
	EXPECT_SILENCE();
	/* Motion that repeats is motion all the same */
	REPORT(0x04, 1, 0);
	EXPECT_EVENTS(REL(X, 1), SYN);
	REPORT(0x04, 1, 0);
	EXPECT_EVENTS(REL(X, 1), SYN);
}

static void plan_padding_bits_are_ignored(struct kunit *test)
{
	PLUG_ARRAY(button_mouse);
	REPORT(0xf8, 0, 0);
	EXPECT_SILENCE();
}

static void plan_wheel_mouse_with_5_buttons(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_ARRAY(vbox_mouse);
	KUNIT_EXPECT_EQ(test, t->plan->n_inputs, 1);
	KUNIT_EXPECT_EQ(test, t->plan->max_len, 4);
	KUNIT_EXPECT_EQ(test, t->caps[0].application, HID_GD_MOUSE);
	REPORT(0x1f, 0x7f, 0x81, 0xff);
	EXPECT_EVENTS(BUTTON(1, 1), BUTTON(2, 1), BUTTON(3, 1), BUTTON(4, 1),
		      BUTTON(5, 1), REL(X, 127), REL(Y, -127), REL(WHEEL, -1),
		      REL(WHEEL_HI_RES, -120), SYN);
}

static void plan_qemu_mouse(struct kunit *test)
{
	PLUG_ARRAY(qemu_mouse);
	REPORT(0x10, 1, 2, 3);
	EXPECT_EVENTS(BUTTON(5, 1), REL(X, 1), REL(Y, 2), REL(WHEEL, 3),
		      REL(WHEEL_HI_RES, 360), SYN);
}

static void plan_mouse_with_16_bits_and_report_id(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_ID, 7, RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 16,
		   RD_LMIN, 0, RD_LMAX, 1, RD_SIZE, 1, RD_COUNT, 16,
		   RD_INPUT, RD_VAR, RD_PAGE, RD_DESKTOP,
		   RD_USAGE, RD_X, RD_USAGE, RD_Y, RD_LMIN_16, 0, 0x80,
		   RD_LMAX_16, 0xff, 0x7f, RD_SIZE, 16, RD_COUNT, 2,
		   RD_INPUT, RD_VAR | RD_REL, RD_USAGE, RD_WHEEL,
		   RD_LMIN, 0x81, RD_LMAX, 0x7f, RD_SIZE, 8, RD_COUNT, 1,
		   RD_INPUT, RD_VAR | RD_REL, RD_PAGE, RD_CONSUMER,
		   RD_USAGE_16, 0x38, 0x02, RD_INPUT, RD_VAR | RD_REL);
	KUNIT_EXPECT_TRUE(test, t->plan->numbered);
	KUNIT_EXPECT_EQ(test, t->plan->max_len, 9);
	REPORT(7, 0x01, 0x80, 0x00, 0x80, 0xff, 0x7f, 2, 0xfe);
	EXPECT_EVENTS(BUTTON(1, 1), BUTTON(16, 1), REL(X, -32768),
		      REL(Y, 32767), REL(WHEEL, 2), REL(WHEEL_HI_RES, 240),
		      REL(HWHEEL, -2), REL(HWHEEL_HI_RES, -240), SYN);
	KUNIT_EXPECT_EQ(test, RUN(6, 0, 0, 0, 0, 0, 0, 0, 0),
			HRM_REPORT_UNKNOWN);
	EXPECT_SILENCE();
}

static void plan_axes_of_12_bits_share_a_byte(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 8, RD_LMIN, 0,
		   RD_LMAX, 1, RD_SIZE, 1, RD_COUNT, 8, RD_INPUT, RD_VAR,
		   RD_PAGE, RD_DESKTOP, RD_USAGE, RD_X, RD_USAGE, RD_Y,
		   RD_LMIN_16, 0x01, 0xf8, RD_LMAX_16, 0xff, 0x07, RD_SIZE, 12,
		   RD_COUNT, 2, RD_INPUT, RD_VAR | RD_REL);
	/* 0x123 and -2 (0xffe) */
	REPORT(0, 0x23, 0xe1, 0xff);
	EXPECT_EVENTS(REL(X, 0x123), REL(Y, -2), SYN);
	/* -2048 is below the minimum and is clamped, 2047 */
	REPORT(0, 0x00, 0xf8, 0x7f);
	EXPECT_EVENTS(REL(X, -2047), REL(Y, 2047), SYN);
}

static void plan_qemu_tablet(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_ARRAY(qemu_tablet);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_X].minimum, 0);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_Y].maximum, 32767);
	REPORT(1, 0xff, 0x7f, 0x00, 0x40, 0);
	EXPECT_EVENTS(BUTTON(1, 1), ABS(X, 32767), ABS(Y, 0x4000), SYN);
	REPORT(1, 0xff, 0x7f, 0x01, 0x40, 0xff);
	EXPECT_EVENTS(ABS(Y, 0x4001), REL(WHEEL, -1), REL(WHEEL_HI_RES, -120),
		      SYN);
	REPORT(1, 0xff, 0x7f, 0x01, 0x40, 0);
	EXPECT_SILENCE();
	REPORT(0, 0, 0, 0, 0, 0);
	EXPECT_EVENTS(BUTTON(1, 0), ABS(X, 0), ABS(Y, 0), SYN);
}

static void plan_virtualbox_tablet_has_its_wheels_first(struct kunit *test)
{
	PLUG_ARRAY(vbox_tablet);
	REPORT(0x02, 1, 0xff, 0xaa, 0x34, 0x12, 0x78, 0x56);
	EXPECT_EVENTS(BUTTON(2, 1), REL(WHEEL, 1), REL(WHEEL_HI_RES, 120),
		      REL(HWHEEL, -1), REL(HWHEEL_HI_RES, -120),
		      ABS(X, 0x1234), ABS(Y, 0x5678), SYN);
}

/* tools/testing/selftests/hid/tests/test_mouse.py */

static void plan_selftest_wheel_mouse(struct kunit *test)
{
	PLUG_ARRAY(wheel_mouse);
	REPORT(0x02, 0, 0xff, 1);
	EXPECT_EVENTS(BUTTON(2, 1), REL(Y, -1), REL(WHEEL, 1),
		      REL(WHEEL_HI_RES, 120), SYN);
}

static void plan_selftest_two_wheel_mouse(struct kunit *test)
{
	PLUG_ARRAY(two_wheel_mouse);
	REPORT(0, 0x80, 0xff, 0xff, 2, 0, 0xff, 1);
	EXPECT_EVENTS(BUTTON(16, 1), REL(X, -1), REL(Y, 2), REL(WHEEL, -1),
		      REL(WHEEL_HI_RES, -120), REL(HWHEEL, 1),
		      REL(HWHEEL_HI_RES, 120), SYN);
}

static void plan_selftest_mi_mouse_has_media_keys(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, hrm_test_compile(test, mi_mouse,
						  sizeof(mi_mouse)));
}

static void plan_selftest_bad_mouse_is_refused(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, hrm_test_compile(test, bad_mouse,
						  sizeof(bad_mouse)));
}

static void plan_selftest_multiplier_is_for_its_collection(struct kunit *test)
{
	struct hrm_test *t = test->priv;
	u8 data = 0, old = 0xff;

	PLUG_ARRAY(multiplier_mouse);
	KUNIT_ASSERT_EQ(test, t->plan->n_features, 1);
	KUNIT_EXPECT_EQ(test, t->plan->features[0].id, 0x12);
	KUNIT_EXPECT_EQ(test, t->plan->features[0].len, 1);
	hrm_plan_fill(t->plan, &t->plan->features[0], &old, &data);
	KUNIT_EXPECT_EQ(test, data, 0x01);

	/* Before it is set in the device a step is a click */
	REPORT(0x11, 0, 0, 0, 3, 1);
	EXPECT_EVENTS(REL(WHEEL, 3), REL(WHEEL_HI_RES, 360), REL(HWHEEL, 1),
		      REL(HWHEEL_HI_RES, 120), SYN);
	hrm_plan_multiply(t->plan);
	REPORT(0x11, 0, 0, 0, 3, 1);
	EXPECT_EVENTS(REL(WHEEL_HI_RES, 90), REL(HWHEEL, 1),
		      REL(HWHEEL_HI_RES, 120), SYN);
}

static void plan_selftest_two_multipliers_share_a_report(struct kunit *test)
{
	struct hrm_test *t = test->priv;
	u8 data = 0, old = 0;

	PLUG_ARRAY(multiplier_hwheel_mouse);
	KUNIT_ASSERT_EQ(test, t->plan->n_features, 1);
	KUNIT_EXPECT_EQ(test, t->plan->features[0].n_parts, 2);
	hrm_plan_fill(t->plan, &t->plan->features[0], &old, &data);
	KUNIT_EXPECT_EQ(test, data, 0x05);

	hrm_plan_multiply(t->plan);
	REPORT(0x1a, 0, 0, 0, 0, 0, 12, 0, 0xff, 0xff);
	EXPECT_EVENTS(REL(WHEEL, 1), REL(WHEEL_HI_RES, 120),
		      REL(HWHEEL_HI_RES, -10), SYN);
}

/* A multiplier with two values is not set, and what the device has stays */
static void plan_multiplier_of_two_values_is_kept(struct kunit *test)
{
	struct hrm_test *t = test->priv;
	u8 data = 0, old = 0xa5;

	PLUG_MOUSE(RD_PAGE, RD_DESKTOP, RD_USAGE, 0x48, RD_LMIN, 0, RD_LMAX, 1,
		   RD_PMIN, 1, RD_PMAX, 8, RD_SIZE, 2, RD_COUNT, 2,
		   RD_FEATURE, RD_VAR,
		   RD_USAGE, 0x48, RD_SIZE, 4, RD_COUNT, 1, RD_FEATURE, RD_VAR,
		   RD_PMIN, 0, RD_PMAX, 0, RD_USAGE, 0x38, RD_LMIN, 0x81,
		   RD_LMAX, 0x7f, RD_SIZE, 8, RD_INPUT, RD_VAR | RD_REL);
	KUNIT_ASSERT_EQ(test, t->plan->n_features, 1);
	hrm_plan_fill(t->plan, &t->plan->features[0], &old, &data);
	KUNIT_EXPECT_EQ(test, data, 0x15);
	hrm_plan_multiply(t->plan);
	REPORT(1);
	EXPECT_EVENTS(REL(WHEEL_HI_RES, 15), SYN);
}

static void plan_multiplier_is_set_within_its_bits(struct kunit *test)
{
	struct hrm_test *t = test->priv;
	u8 data = 0, old = 0;

	/* -1 to 1 in a bit: 1 would be -1 there, as would -2 in three bits be 6 */
	PLUG_MOUSE(RD_USAGE, 0x48, RD_LMIN, 0xff, RD_LMAX, 1, RD_SIZE, 1,
		   RD_COUNT, 1, RD_FEATURE, RD_VAR,
		   RD_USAGE, 0x48, RD_LMIN, 0xfd, RD_LMAX, 0xfe, RD_SIZE, 3,
		   RD_FEATURE, RD_VAR,
		   RD_USAGE, 0x48, RD_LMIN, 0x80, RD_LMAX, 0x81, RD_SIZE, 4,
		   RD_FEATURE, RD_VAR,
		   RD_USAGE, 0x38, RD_SIZE, 8, RD_INPUT, RD_VAR | RD_REL);
	KUNIT_ASSERT_EQ(test, t->plan->n_features, 1);
	hrm_plan_fill(t->plan, &t->plan->features[0], &old, &data);
	KUNIT_EXPECT_EQ(test, data, 0x80 | 6 << 1 | 0);
}

/* Buttons and keys */

static void plan_buttons_need_not_be_byte_aligned(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_SIZE, 3, RD_COUNT, 1, RD_INPUT, RD_CONST,
		   RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 12, RD_LMIN, 0,
		   RD_LMAX, 1, RD_SIZE, 1, RD_COUNT, 12, RD_INPUT, RD_VAR,
		   RD_COUNT, 1, RD_INPUT, RD_CONST);
	KUNIT_EXPECT_EQ_MSG(test, t->plan->n_ops, 1,
			    "neighbouring buttons are one step");
	REPORT(0x0f, 0x40);
	EXPECT_EVENTS(BUTTON(1, 1), BUTTON(12, 1), SYN);
	REPORT(0x80, 0x81);
	EXPECT_EVENTS(BUTTON(1, 0), BUTTON(5, 1), BUTTON(6, 1), BUTTON(12, 0),
		      SYN);
}

static void plan_more_than_32_buttons(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_SIZE, 1, RD_COUNT, 1, RD_INPUT, RD_CONST,
		   RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 70, RD_LMIN, 0,
		   RD_LMAX, 1, RD_SIZE, 1, RD_COUNT, 70, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_EQ(test, t->plan->n_ops, 3);
	REPORT(0x02, 0, 0, 0, 0x03, 0, 0, 0, 0x40);
	EXPECT_EVENTS(BUTTON(1, 1), BUTTON(32, 1), BUTTON(33, 1),
		      BUTTON(70, 1), SYN);
	REPORT(0, 0, 0, 0, 0, 0, 0, 0, 0x42);
	EXPECT_EVENTS(BUTTON(1, 0), BUTTON(32, 0), BUTTON(33, 0),
		      BUTTON(65, 1), SYN);
}

static void plan_button_0_wraps_and_is_ignored(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_UMIN, 0, RD_UMAX, 1, RD_LMIN, 0,
		   RD_LMAX, 1, RD_SIZE, 1, RD_COUNT, 2, RD_INPUT, RD_VAR);
	REPORT(0x03);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
}

static void plan_wide_button_passes_its_value(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_LMIN, 0, RD_LMAX, 5,
		   RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_VAR);
	REPORT(1);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
	REPORT(0);
	EXPECT_EVENTS(BUTTON(1, 0), SYN);
	/* hid-input compares the scan code's condition with the value itself */
	REPORT(9);
	EXPECT_EVENTS(KEY(BTN_LEFT, 5), SYN);
	REPORT(9);
	EXPECT_SILENCE();
}

static void plan_one_bit_key_with_odd_range_is_clamped(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_LMIN, 1, RD_LMAX, 2,
		   RD_SIZE, 1, RD_COUNT, 1, RD_INPUT, RD_VAR,
		   RD_USAGE, 2, RD_LMIN, 0xff, RD_LMAX, 0, RD_INPUT, RD_VAR);
	REPORT(0x02);
	EXPECT_EVENTS(BUTTON(1, 1), KEY(BTN_RIGHT, -1), SYN);
	REPORT(0x00);
	EXPECT_EVENTS(BUTTON(2, 0), SYN);
}

static void plan_relative_key_is_released_at_once(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 2, RD_LMIN, 0,
		   RD_LMAX, 1, RD_SIZE, 1, RD_COUNT, 2,
		   RD_INPUT, RD_VAR | RD_REL);
	REPORT(0x03);
	EXPECT_EVENTS(BUTTON(1, 1), SYN, KEY(BTN_LEFT, 0), BUTTON(2, 1), SYN,
		      KEY(BTN_RIGHT, 0), SYN);
	REPORT(0x01);
	EXPECT_EVENTS(BUTTON(1, 1), SYN, KEY(BTN_LEFT, 0), SYN);
	REPORT(0x00);
	EXPECT_SILENCE();
}

static void plan_start_and_select_are_keys(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, 0x3d, RD_USAGE, 0x3e, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 1, RD_COUNT, 2, RD_INPUT, RD_VAR);
	REPORT(0x03);
	EXPECT_EVENTS(SCAN(0x1003d), KEY(BTN_START, 1), SCAN(0x1003e),
		      KEY(BTN_SELECT, 1), SYN);
}

/* Arrays (6.2.2.5) */

static void plan_button_array_lists_what_is_down(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 8, RD_LMIN, 1,
		   RD_LMAX, 8, RD_SIZE, 8, RD_COUNT, 3, RD_INPUT, 0);
	REPORT(3, 0, 0);
	EXPECT_EVENTS(BUTTON(3, 1), SYN);
	REPORT(3, 8, 0);
	EXPECT_EVENTS(BUTTON(8, 1), SYN);
	/* Only the place changed */
	REPORT(0, 3, 8);
	EXPECT_SILENCE();
	/* Entry by entry: what went off before what came on */
	REPORT(1, 2, 8);
	EXPECT_EVENTS(BUTTON(1, 1), BUTTON(3, 0), BUTTON(2, 1), SYN);
	/* Twice the same is once; out of range is nothing */
	REPORT(5, 5, 9);
	EXPECT_EVENTS(BUTTON(1, 0), BUTTON(5, 1), BUTTON(2, 0), BUTTON(8, 0),
		      SYN);
	REPORT(0, 0, 0);
	EXPECT_EVENTS(BUTTON(5, 0), SYN);
}

static void plan_array_counts_from_its_minimum(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 4, RD_LMIN, 0xfe,
		   RD_LMAX, 1, RD_SIZE, 4, RD_COUNT, 2, RD_INPUT, 0);
	/* An array at rest has value 0, which is button 3: it never comes on */
	REPORT(0x0e);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
	REPORT(0x1f);
	EXPECT_EVENTS(BUTTON(1, 0), BUTTON(2, 1), BUTTON(4, 1), SYN);
}

static void plan_array_has_no_more_keys_than_usages(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 2, RD_LMIN, 1,
		   RD_LMAX, 100, RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, 0);
	REPORT(2);
	EXPECT_EVENTS(BUTTON(2, 1), SYN);
	REPORT(3);
	EXPECT_EVENTS(BUTTON(2, 0), SYN);
}

static void plan_relative_array_releases_at_once(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 3, RD_LMIN, 1,
		   RD_LMAX, 3, RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_REL);
	REPORT(2);
	EXPECT_EVENTS(BUTTON(2, 1), SYN, KEY(BTN_RIGHT, 0), SYN);
	REPORT(2);
	EXPECT_SILENCE();
}

static void plan_array_of_no_bits_is_at_rest(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX, 3, RD_LMIN, 0,
		   RD_LMAX, 3, RD_SIZE, 0, RD_COUNT, 2, RD_INPUT, 0,
		   RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_CONST);
	REPORT(0xff);
	EXPECT_SILENCE();
}

/* Values */

static void plan_null_state_is_no_value(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 1, RD_LMAX, 100, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR | RD_NULL,
		   RD_USAGE, RD_Y, RD_LMIN, 0x81, RD_LMAX, 0x7f,
		   RD_INPUT, RD_VAR | RD_REL | RD_NULL);
	REPORT(50, 5);
	EXPECT_EVENTS(ABS(X, 50), REL(Y, 5), SYN);
	REPORT(0, 0x80);
	EXPECT_SILENCE();
	REPORT(101, 0x80);
	EXPECT_SILENCE();
	REPORT(100, 0x81);
	EXPECT_EVENTS(ABS(X, 100), REL(Y, -127), SYN);
}

static void plan_value_is_clamped_to_its_range(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 10, RD_LMAX, 100, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR,
		   RD_USAGE, RD_Y, RD_LMIN, 0x9c, RD_LMAX, 0x64,
		   RD_INPUT, RD_VAR | RD_REL,
		   RD_USAGE, RD_WHEEL, RD_LMIN, 0xfe, RD_LMAX, 2,
		   RD_INPUT, RD_VAR | RD_REL);
	REPORT(200, 0x80, 0x7f);
	EXPECT_EVENTS(ABS(X, 100), REL(Y, -100), REL(WHEEL, 2),
		      REL(WHEEL_HI_RES, 240), SYN);
	/* What was 200 is 100 still */
	REPORT(100, 0x7f, 0);
	EXPECT_EVENTS(REL(Y, 100), SYN);
	REPORT(5, 0, 0);
	EXPECT_EVENTS(ABS(X, 10), SYN);
}

static void plan_value_without_range_is_not_clamped(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_X, RD_USAGE, RD_Y, RD_LMIN, 0, RD_LMAX, 0,
		   RD_SIZE, 8, RD_COUNT, 2, RD_INPUT, RD_VAR | RD_REL | RD_NULL);
	REPORT(0xff, 1);
	EXPECT_EVENTS(REL(X, 255), REL(Y, 1), SYN);
}

static void plan_axes_follow_hid_input(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_UMIN, RD_X, RD_UMAX, 0x37, RD_LMIN, 0, RD_LMAX, 100,
		   RD_SIZE, 8, RD_COUNT, 8, RD_INPUT, RD_VAR,
		   RD_USAGE, RD_WHEEL, RD_COUNT, 1, RD_INPUT, RD_VAR);
	REPORT(1, 2, 3, 4, 5, 6, 7, 8, 9);
	EXPECT_EVENTS(ABS(X, 1), ABS(Y, 2), ABS(Z, 3), ABS(RX, 4), ABS(RY, 5),
		      ABS(RZ, 6), ABS(THROTTLE, 7), ABS(RUDDER, 8),
		      ABS(WHEEL, 9), SYN);
	KUNIT_EXPECT_FALSE(test, test_bit(EV_KEY, t->caps[0].evbit));
	KUNIT_EXPECT_FALSE(test, test_bit(EV_MSC, t->caps[0].evbit));
	KUNIT_EXPECT_FALSE(test, test_bit(EV_REL, t->caps[0].evbit));

	PLUG_MOUSE(RD_UMIN, RD_X, RD_UMAX, 0x37, RD_LMIN, 0x81, RD_LMAX, 0x7f,
		   RD_SIZE, 8, RD_COUNT, 8, RD_INPUT, RD_VAR | RD_REL);
	REPORT(1, 2, 3, 4, 5, 6, 7, 8);
	EXPECT_EVENTS(REL(X, 1), REL(Y, 2), REL(Z, 3), REL(RX, 4), REL(RY, 5),
		      REL(RZ, 6), REL(HWHEEL, 7), REL(DIAL, 8), SYN);
	KUNIT_EXPECT_FALSE(test, test_bit(EV_ABS, t->caps[0].evbit));
}

static void plan_simulation_controls_follow_hid_input(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, 2, RD_USAGE, 0xba, RD_USAGE, 0xbb, RD_USAGE, 0xc4,
		   RD_USAGE, 0xc5, RD_USAGE, 0xc8, RD_USAGE, 0xb0,
		   RD_LMIN, 0, RD_LMAX, 100, RD_SIZE, 8, RD_COUNT, 6,
		   RD_INPUT, RD_VAR);
	REPORT(1, 2, 3, 4, 5, 6);
	EXPECT_EVENTS(ABS(RUDDER, 1), ABS(THROTTLE, 2), ABS(GAS, 3),
		      ABS(BRAKE, 4), ABS(WHEEL, 5), SYN);
}

static void plan_unknown_usage_becomes_misc(struct kunit *test)
{
	/* 0x3b is Byte Count; the page 0x20 is Sensor */
	PLUG_MOUSE(RD_USAGE, 0x3b, RD_LMIN, 0, RD_LMAX, 1, RD_SIZE, 1,
		   RD_COUNT, 1, RD_INPUT, RD_VAR, RD_SIZE, 7, RD_INPUT, RD_CONST,
		   RD_USAGE, 0x3b, RD_LMAX, 0x7f, RD_SIZE, 8, RD_INPUT, RD_VAR,
		   RD_PAGE, 0x20, RD_USAGE, 1, RD_INPUT, RD_VAR | RD_REL);
	REPORT(1, 2, 3);
	EXPECT_EVENTS(SCAN(0x1003b), KEY(BTN_MISC, 1), ABS(MISC, 2),
		      REL(MISC, 3), SYN);
}

static void plan_vendor_usages_are_ignored(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_PAGE_16, 0x00, 0xff, RD_USAGE, 1, RD_LMIN, 0,
		   RD_LMAX, 0x7f, RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_VAR,
		   RD_PAGE_16, 0xbc, 0xff, RD_USAGE, 1, RD_INPUT, RD_VAR,
		   RD_PAGE, 0, RD_USAGE, 1, RD_INPUT, RD_VAR,
		   RD_PAGE, RD_DESKTOP, RD_USAGE, RD_X, RD_INPUT, RD_VAR);
	REPORT(1, 2, 3, 4);
	EXPECT_EVENTS(ABS(X, 4), SYN);
	KUNIT_EXPECT_EQ_MSG(test, t->plan->n_keys, 3,
			    "hid-input's keymap has them, too");
	KUNIT_EXPECT_FALSE(test, test_bit(EV_REP, t->caps[0].evbit));
}

static void plan_custom_page_only_asks_for_repeat(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_PAGE_16, 0xff, 0x00, RD_USAGE, 1, RD_LMIN, 0,
		   RD_LMAX, 0x7f, RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_VAR,
		   RD_PAGE, RD_DESKTOP, RD_USAGE, RD_X, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_TRUE(test, test_bit(EV_REP, t->caps[0].evbit));
	REPORT(1, 4);
	EXPECT_EVENTS(ABS(X, 4), SYN);
}

static void plan_constant_with_usages_is_ignored(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_CONST | RD_VAR,
		   RD_PAGE, 7, RD_UMIN, 0, RD_UMAX, 5, RD_INPUT, RD_CONST,
		   RD_PAGE, RD_DESKTOP, RD_USAGE, RD_Y, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_FALSE(test, test_bit(ABS_X, t->caps[0].absbit));
	KUNIT_EXPECT_EQ(test, t->plan->n_keys, 7);
	REPORT(1, 2, 3);
	EXPECT_EVENTS(ABS(Y, 3), SYN);
}

static void plan_report_count_0_is_ignored(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100, RD_SIZE, 8,
		   RD_COUNT, 0, RD_INPUT, RD_VAR, RD_USAGE, RD_X, RD_INPUT, 0,
		   RD_USAGE, RD_Y, RD_COUNT, 1, RD_INPUT, RD_VAR);
	REPORT(3);
	EXPECT_EVENTS(ABS(Y, 3), SYN);
}

static void plan_usages_in_excess_are_declared_not_reported(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_USAGE, RD_X, RD_USAGE, RD_Y, RD_USAGE, RD_WHEEL,
		   RD_LMIN, 0x81, RD_LMAX, 0x7f, RD_SIZE, 8, RD_COUNT, 2,
		   RD_INPUT, RD_VAR | RD_REL);
	KUNIT_EXPECT_TRUE(test, test_bit(REL_WHEEL, t->caps[0].relbit));
	REPORT(1, 2, 3);
	EXPECT_EVENTS(REL(X, 1), REL(Y, 2), SYN);
}

static void plan_second_use_of_a_relative_usage_is_ignored(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 0x81, RD_LMAX, 0x7f, RD_SIZE, 8,
		   RD_COUNT, 2, RD_INPUT, RD_VAR | RD_REL,
		   RD_USAGE, RD_WHEEL, RD_INPUT, RD_VAR | RD_REL,
		   RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 1, RD_COUNT, 8, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_EQ(test, t->plan->n_keys, 1 + 1 + 8);
	REPORT(1, 2, 3, 4, 0xfe);
	EXPECT_EVENTS(REL(X, 1), REL(WHEEL, 3), REL(WHEEL_HI_RES, 360), SYN);
	REPORT(0, 0, 0, 0, 0x01);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
}

static void plan_second_use_of_an_absolute_axis_replaces_its_range(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR,
		   RD_USAGE, RD_X, RD_LMIN, 5, RD_LMAX, 50, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_X].minimum, 5);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_X].maximum, 50);
	REPORT(80, 20);
	EXPECT_EVENTS(ABS(X, 80), ABS(X, 20), SYN);
}

static void plan_buffered_bytes_are_values(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT + 1, RD_VAR, 1,
		   RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_LMAX, 1, RD_SIZE, 1,
		   RD_INPUT + 1, RD_VAR, 1);
	REPORT(80, 1);
	EXPECT_EVENTS(ABS(X, 80), BUTTON(1, 1), SYN);
	/* hid-input passes them on unchanged, and the input core drops them */
	REPORT(80, 1);
	EXPECT_SILENCE();
}

/* Wheels (HUT 4.3.1) */

static void plan_wheel_click_is_120_units(struct kunit *test)
{
	PLUG_ARRAY(wheel_mouse);
	REPORT(0, 0, 0, 1);
	EXPECT_EVENTS(REL(WHEEL, 1), REL(WHEEL_HI_RES, 120), SYN);
	REPORT(0, 0, 0, 0x81);
	EXPECT_EVENTS(REL(WHEEL, -127), REL(WHEEL_HI_RES, -127 * 120), SYN);
	REPORT(0, 0, 0, 0);
	EXPECT_SILENCE();
}

static void plan_wheel_steps_add_up_to_clicks(struct kunit *test)
{
	struct hrm_test *t = test->priv;
	unsigned int i;

	PLUG_ARRAY(wheel_mouse);
	for (i = 0; i < t->plan->n_ops; i++)
		if (t->plan->ops[i].kind == HRM_OP_WHEEL)
			t->plan->ops[i].multiplier = 4;

	REPORT(0, 0, 0, 3);
	EXPECT_EVENTS(REL(WHEEL_HI_RES, 90), SYN);
	REPORT(0, 0, 0, 1);
	EXPECT_EVENTS(REL(WHEEL, 1), REL(WHEEL_HI_RES, 30), SYN);
	REPORT(0, 0, 0, 9);
	EXPECT_EVENTS(REL(WHEEL, 2), REL(WHEEL_HI_RES, 270), SYN);
	/* A remainder of 30: the way back starts from there */
	REPORT(0, 0, 0, 0xfc);
	EXPECT_EVENTS(REL(WHEEL_HI_RES, -120), SYN);
	REPORT(0, 0, 0, 0xff);
	EXPECT_EVENTS(REL(WHEEL, -1), REL(WHEEL_HI_RES, -30), SYN);
}

/* -2^31 / -1 traps on x86; hid-input divides in 32 bits */
static void plan_wheel_multiplier_of_minus_one_does_not_trap(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_USAGE, RD_WHEEL, RD_LMIN_32, 0, 0, 0, 0x80,
		   RD_LMAX_32, 0xff, 0xff, 0xff, 0x7f, RD_SIZE, 32,
		   RD_COUNT, 1, RD_INPUT, RD_VAR | RD_REL);
	t->plan->ops[0].multiplier = -1;
	REPORT(1, 0, 0, 0);
	EXPECT_EVENTS(REL(WHEEL, -1), REL(WHEEL_HI_RES, -120), SYN);
	/* 0x10000000 * 120 is -2^31 in 32 bits, as is its negative */
	REPORT(0, 0, 0, 0x10);
	EXPECT_EVENTS(REL(WHEEL_HI_RES, S32_MIN), SYN);
}

/* INT_MAX and more are added up, of which 16 bits stay */
static void plan_wheel_remainder_wraps(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_WHEEL, RD_LMIN_32, 0, 0, 0, 0x80,
		   RD_LMAX_32, 0xff, 0xff, 0xff, 0x7f, RD_SIZE, 32,
		   RD_COUNT, 1, RD_INPUT, RD_VAR | RD_REL);
	REPORT(0x12, 1, 0, 0);
	/* 274 * 120 is 32880 and -32656 in 16 bits: -272 clicks, -16 left */
	EXPECT_EVENTS(REL(WHEEL, -272), REL(WHEEL_HI_RES, 32880), SYN);
	REPORT(0, 0, 0, 0x10);
	EXPECT_EVENTS(REL(WHEEL_HI_RES, S32_MIN), SYN);
}

static void plan_wheel_counts_in_16_bits_as_hid_input(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_WHEEL, RD_LMIN_16, 0x01, 0x80,
		   RD_LMAX_16, 0xff, 0x7f, RD_SIZE, 16, RD_COUNT, 1,
		   RD_INPUT, RD_VAR | RD_REL);
	/* 273 clicks are the most that fit */
	REPORT(0x11, 0x01);
	EXPECT_EVENTS(REL(WHEEL, 273), REL(WHEEL_HI_RES, 32760), SYN);
	/* 36000 is -29536 there: -246 clicks, and -16 remain */
	REPORT(0x2c, 0x01);
	EXPECT_EVENTS(REL(WHEEL, -246), REL(WHEEL_HI_RES, 36000), SYN);
	REPORT(1, 0);
	EXPECT_EVENTS(REL(WHEEL_HI_RES, 120), SYN);
}

static void plan_absolute_ac_pan_is_a_wheel(struct kunit *test)
{
	/* hid-input has no other mapping for it */
	PLUG_MOUSE(RD_PAGE, RD_CONSUMER, RD_USAGE_16, 0x38, 0x02,
		   RD_LMIN, 0x81, RD_LMAX, 0x7f, RD_SIZE, 8, RD_COUNT, 1,
		   RD_INPUT, RD_VAR);
	REPORT(1);
	EXPECT_EVENTS(REL(HWHEEL, 1), REL(HWHEEL_HI_RES, 120), SYN);
	REPORT(1);
	EXPECT_EVENTS(REL(HWHEEL, 1), REL(HWHEEL_HI_RES, 120), SYN);
}

/* Hat switches (HUT 4.3) */

static void plan_hat_has_eight_directions(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_USAGE, RD_HAT, RD_LMIN, 0, RD_LMAX, 7, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR | RD_NULL);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_HAT0X].minimum, -1);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_HAT0Y].maximum, 1);
	REPORT(15);
	EXPECT_SILENCE();
	REPORT(0);
	EXPECT_EVENTS(ABS(HAT0Y, -1), SYN);
	REPORT(1);
	EXPECT_EVENTS(ABS(HAT0X, 1), SYN);
	REPORT(2);
	EXPECT_EVENTS(ABS(HAT0Y, 0), SYN);
	REPORT(3);
	EXPECT_EVENTS(ABS(HAT0Y, 1), SYN);
	REPORT(4);
	EXPECT_EVENTS(ABS(HAT0X, 0), SYN);
	REPORT(5);
	EXPECT_EVENTS(ABS(HAT0X, -1), SYN);
	REPORT(6);
	EXPECT_EVENTS(ABS(HAT0Y, 0), SYN);
	REPORT(7);
	EXPECT_EVENTS(ABS(HAT0Y, -1), SYN);
	REPORT(8);
	EXPECT_EVENTS(ABS(HAT0X, 0), ABS(HAT0Y, 0), SYN);
}

static void plan_hat_scales_to_its_range(struct kunit *test)
{
	/* 1 to 8; 0 to 3; 0 to 359 */
	PLUG_MOUSE(RD_USAGE, RD_HAT, RD_LMIN, 1, RD_LMAX, 8, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR);
	REPORT(3);
	EXPECT_EVENTS(ABS(HAT0X, 1), SYN);
	/* 0 is one before north, which rounds to the middle */
	REPORT(0);
	EXPECT_EVENTS(ABS(HAT0X, 0), SYN);

	PLUG_MOUSE(RD_USAGE, RD_HAT, RD_LMIN, 0, RD_LMAX, 3, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR);
	REPORT(3);
	EXPECT_EVENTS(ABS(HAT0X, -1), SYN);

	PLUG_MOUSE(RD_USAGE, RD_HAT, RD_LMIN, 0, RD_LMAX_16, 0x67, 0x01,
		   RD_SIZE, 16, RD_COUNT, 1, RD_INPUT, RD_VAR);
	REPORT(0x5a, 0x00);
	EXPECT_EVENTS(ABS(HAT0X, 1), SYN);
	REPORT(0x68, 0x01);
	EXPECT_EVENTS(ABS(HAT0X, 0), SYN);
}

static void plan_hat_without_range_is_an_axis(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_USAGE, RD_HAT, RD_LMIN, 0, RD_LMAX, 0, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_FALSE(test, test_bit(ABS_HAT0Y, t->caps[0].absbit));
	REPORT(3);
	EXPECT_EVENTS(ABS(HAT0X, 3), SYN);
}

static void plan_hat_range_has_16_bits_as_in_hid_input(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	/* 0 to 65535 is 0 to -1 there: an axis */
	PLUG_MOUSE(RD_USAGE, RD_HAT, RD_LMIN, 0, RD_LMAX_32, 0xff, 0xff, 0, 0,
		   RD_SIZE, 16, RD_COUNT, 1, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_FALSE(test, test_bit(ABS_HAT0Y, t->caps[0].absbit));
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_HAT0X].maximum, 65535);
	REPORT(0, 0x40);
	EXPECT_EVENTS(ABS(HAT0X, 0x4000), SYN);
}

/* HUT 4.7: four usages of one bit, the first of which speaks for all of them */
static void plan_dpad_is_the_direction_of_its_first_usage(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_USAGE, 0x92, RD_USAGE, 0x90, RD_USAGE, 0x91,
		   RD_USAGE, 0x93, RD_LMIN, 0, RD_LMAX, 1, RD_SIZE, 1,
		   RD_COUNT, 4, RD_INPUT, RD_VAR, RD_COUNT, 4, RD_INPUT,
		   RD_CONST);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_HAT0X].minimum, -1);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_HAT0Y].maximum, 1);
	REPORT(0);
	EXPECT_EVENTS(ABS(HAT0X, 1), SYN);
	REPORT(0x0f);
	EXPECT_SILENCE();
}

static void plan_each_dpad_usage_has_its_direction(struct kunit *test)
{
	static const struct hrm_test_event at[][2] = {
		{ ABS(HAT0Y, -1), SYN }, { ABS(HAT0Y, 1), SYN },
		{ ABS(HAT0X, 1), SYN }, { ABS(HAT0X, -1), SYN },
	};
	u8 usage;

	for (usage = 0; usage < ARRAY_SIZE(at); usage++) {
		const u8 desc[] = {
			RD_PAGE, RD_DESKTOP, RD_USAGE, RD_MOUSE, RD_COLLECTION,
			RD_APPLICATION, RD_USAGE, 0x90 + usage, RD_LMIN, 0,
			RD_LMAX, 1, RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_VAR,
			RD_END,
		};

		hrm_test_plug(test, desc, sizeof(desc));
		REPORT(0);
		hrm_test_events(test, at[usage], ARRAY_SIZE(at[usage]));
	}
}

/* System controls (HUT 4.5, 4.6, 4.9 to 4.11) */

static void plan_system_controls_are_keys(struct kunit *test)
{
	static const u16 keys[][2] = {
		{ 0x81, KEY_POWER }, { 0x82, KEY_SLEEP }, { 0x83, KEY_WAKEUP },
		{ 0x84, KEY_CONTEXT_MENU }, { 0x85, KEY_MENU },
		{ 0x86, KEY_PROG1 }, { 0x87, KEY_HELP }, { 0x88, KEY_EXIT },
		{ 0x89, KEY_SELECT }, { 0x8a, KEY_RIGHT }, { 0x8b, KEY_LEFT },
		{ 0x8c, KEY_UP }, { 0x8d, KEY_DOWN }, { 0x8e, KEY_POWER2 },
		{ 0x8f, KEY_RESTART }, { 0x9b, KEY_DO_NOT_DISTURB },
		{ 0xa9, KEY_MICMUTE }, { 0xaa, KEY_ACCESSIBILITY },
		{ 0xb5, KEY_SWITCHVIDEOMODE },
		/* By their low byte, in hid-input */
		{ 0x181, KEY_POWER }, { 0x2a9, KEY_MICMUTE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		const u8 desc[] = {
			RD_PAGE, RD_DESKTOP, RD_USAGE, RD_MOUSE, RD_COLLECTION,
			RD_APPLICATION, RD_USAGE_16, keys[i][0], keys[i][0] >> 8,
			RD_LMIN, 0, RD_LMAX, 1, RD_SIZE, 8, RD_COUNT, 1,
			RD_INPUT, RD_VAR, RD_END,
		};

		hrm_test_plug(test, desc, sizeof(desc));
		REPORT(1);
		EXPECT_EVENTS(SCAN(0x10000 + keys[i][0]), KEY(keys[i][1], 1), SYN);
	}
}

/* Two controls with one key have it both */
static void plan_system_controls_may_share_a_key(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, 0x81, RD_USAGE, 0x81, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 8, RD_COUNT, 2, RD_INPUT, RD_VAR);
	REPORT(0, 1);
	EXPECT_EVENTS(SCAN(0x10081), KEY(KEY_POWER, 1), SYN);
}

static void plan_system_controls_that_hid_input_ignores(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	/* 0x80 and 0x94 are unknown to it, and become BTN_MISC and nothing */
	PLUG_MOUSE(RD_USAGE, 0xa0, RD_USAGE, 0xa8, RD_USAGE, 0xab,
		   RD_USAGE, 0xb0, RD_USAGE, 0xbf, RD_USAGE, 0x80,
		   RD_USAGE, 0x94, RD_USAGE, 0x9c, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 1, RD_COUNT, 8, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_EQ(test, t->plan->n_keys, 8);
	REPORT(0xff);
	EXPECT_EVENTS(SCAN(0x10080), KEY(BTN_MISC, 1), SYN);
}

static void plan_vendor_page_with_three_keys(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_PAGE_16, 1, 0xff, RD_UMIN, 0, RD_UMAX, 5, RD_LMIN, 0,
		   RD_LMAX, 1, RD_SIZE, 1, RD_COUNT, 6, RD_INPUT, RD_VAR,
		   RD_COUNT, 2, RD_INPUT, RD_CONST);
	KUNIT_EXPECT_TRUE(test, test_bit(EV_REP, t->caps[0].evbit));
	REPORT(0x3f);
	EXPECT_EVENTS(SCAN(0xff010001), KEY(KEY_MICMUTE, 1),
		      SCAN(0xff010003), KEY(KEY_BRIGHTNESSDOWN, 1),
		      SCAN(0xff010004), KEY(KEY_BRIGHTNESSUP, 1), SYN);
}

/* Input devices */

static void plan_two_applications_are_two_input_devices(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG(RD_PAGE, RD_DESKTOP, RD_SIZE, 8, RD_COUNT, 1,
	     RD_USAGE, RD_MOUSE, RD_COLLECTION, RD_APPLICATION,
	     RD_ID, 1, RD_USAGE, RD_X, RD_LMIN, 0x81, RD_LMAX, 0x7f,
	     RD_INPUT, RD_VAR | RD_REL, RD_END,
	     RD_USAGE, RD_POINTER, RD_COLLECTION, RD_APPLICATION,
	     RD_ID, 2, RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100,
	     RD_INPUT, RD_VAR, RD_END,
	     RD_USAGE, RD_MOUSE, RD_COLLECTION, RD_APPLICATION,
	     RD_ID, 3, RD_USAGE, RD_Y, RD_LMIN, 0x81, RD_LMAX, 0x7f,
	     RD_INPUT, RD_VAR | RD_REL, RD_END);
	KUNIT_ASSERT_EQ(test, t->plan->n_inputs, 2);
	KUNIT_EXPECT_EQ(test, t->caps[0].application, HID_GD_MOUSE);
	KUNIT_EXPECT_EQ(test, t->caps[1].application, HID_GD_POINTER);
	KUNIT_EXPECT_FALSE(test, test_bit(EV_ABS, t->caps[0].evbit));
	KUNIT_EXPECT_FALSE(test, test_bit(EV_REL, t->caps[1].evbit));
	REPORT(1, 5);
	EXPECT_EVENTS(REL(X, 5), SYN);
	REPORT(2, 6);
	EXPECT_EVENTS({ EV_ABS, ABS_X, 6, 1 }, { EV_SYN, SYN_REPORT, 0, 1 });
	REPORT(3, 7);
	EXPECT_EVENTS(REL(Y, 7), SYN);
}

static void plan_report_goes_where_its_first_item_belongs(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	/* One report for two applications: one device */
	PLUG(RD_PAGE, RD_DESKTOP, RD_USAGE, RD_MOUSE,
	     RD_COLLECTION, RD_APPLICATION, RD_USAGE, RD_X, RD_LMIN, 0,
	     RD_LMAX, 100, RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_VAR, RD_END,
	     RD_USAGE, RD_POINTER, RD_COLLECTION, RD_APPLICATION,
	     RD_USAGE, RD_Y, RD_INPUT, RD_VAR, RD_END);
	KUNIT_EXPECT_EQ(test, t->plan->n_inputs, 1);
	REPORT(5, 6);
	EXPECT_EVENTS(ABS(X, 5), ABS(Y, 6), SYN);
}

static void plan_one_application_is_one_input_device(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	/* Report 1 begins outside of it */
	PLUG(RD_PAGE, RD_DESKTOP, RD_SIZE, 8, RD_COUNT, 1, RD_LMIN, 0,
	     RD_LMAX, 100, RD_ID, 1, RD_INPUT, RD_CONST,
	     RD_USAGE, RD_MOUSE, RD_COLLECTION, RD_APPLICATION,
	     RD_USAGE, RD_X, RD_INPUT, RD_VAR,
	     RD_ID, 2, RD_USAGE, RD_Y, RD_INPUT, RD_VAR, RD_END);
	KUNIT_EXPECT_EQ(test, t->plan->n_inputs, 1);
	REPORT(1, 0, 5);
	EXPECT_EVENTS(ABS(X, 5), SYN);
	REPORT(2, 6);
	EXPECT_EVENTS(ABS(Y, 6), SYN);
}

static void plan_each_report_keeps_its_own_state(struct kunit *test)
{
	PLUG_MOUSE(RD_ID, 1, RD_PAGE, RD_BUTTON, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 1, RD_COUNT, 1, RD_USAGE, 1, RD_INPUT, RD_VAR,
		   RD_ID, 2, RD_USAGE, 2, RD_INPUT, RD_VAR);
	REPORT(1, 1);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
	REPORT(2, 0);
	EXPECT_SILENCE();
	REPORT(2, 1);
	EXPECT_EVENTS(BUTTON(2, 1), SYN);
	REPORT(1, 1);
	EXPECT_SILENCE();
}

static void plan_report_without_id_among_numbered_ones_has_id_0(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR, RD_ID, 2, RD_USAGE, RD_Y,
		   RD_INPUT, RD_VAR);
	REPORT(0, 5);
	EXPECT_EVENTS(ABS(X, 5), SYN);
	REPORT(2, 6);
	EXPECT_EVENTS(ABS(Y, 6), SYN);
}

/* Resolution of absolute axes (6.2.2.7) */

struct hrm_test_unit {
	const char *name;
	u8 usage;
	u8 unit;
	u8 exponent;
	u16 logical;
	u16 physical;
	s32 resolution;
};

static const struct hrm_test_unit hrm_test_units[] = {
	{ "no unit", RD_X, 0, 0, 1000, 100, 0 },
	{ "millimetres", RD_X, 0x11, 0x0f, 1000, 100, 10 },
	{ "centimetres", RD_X, 0x11, 0, 1000, 10, 10 },
	{ "inches", RD_X, 0x13, 0, 1000, 10, 4 },
	{ "1/1000 inches", RD_Y, 0x13, 0x0d, 20000, 10000, 79 },
	{ "exponent 1", RD_X, 0x11, 1, 1000, 1, 10 },
	{ "rounded", RD_X, 0x11, 0x0f, 1000, 300, 3 },
	{ "rounded up", RD_X, 0x11, 0x0f, 1000, 400, 3 },
	{ "physical range of nothing", RD_X, 0x11, 0x0f, 1000, 0, 0 },
	{ "logical range of nothing", RD_X, 0x11, 0x0f, 0, 100, 0 },
	{ "exponent too small", RD_X, 0x11, 0x80, 1000, 100, 0 },
	{ "exponent too large", RD_X, 0x11, 0x7f, 1000, 100, 0 },
	{ "radians of X", RD_X, 0x12, 0, 1000, 100, 0 },
	{ "radians", RD_RX, 0x12, 0, 1000, 100, 10 },
	{ "degrees", RD_RX, 0x14, 0, 3600, 360, 573 },
	{ "centimetres of RX", RD_RX, 0x11, 0, 1000, 100, 0 },
	{ "centimetres of a slider", 0x36, 0x11, 0, 1000, 100, 0 },
	{ "radians of a wheel", RD_WHEEL, 0x12, 0, 1000, 100, 10 },
};

static void hrm_test_unit_name(const struct hrm_test_unit *unit, char *name)
{
	strscpy(name, unit->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(plan_unit, hrm_test_units, hrm_test_unit_name);

static void plan_unit_gives_axis_resolution(struct kunit *test)
{
	const struct hrm_test_unit *u = test->param_value;
	const u8 desc[] = {
		RD_PAGE, RD_DESKTOP, RD_USAGE, RD_MOUSE,
		RD_COLLECTION, RD_APPLICATION,
		RD_USAGE, u->usage, RD_LMIN, 0, RD_LMAX_16, u->logical & 0xff,
		u->logical >> 8, RD_PMIN, 0, RD_PMAX_16, u->physical & 0xff,
		u->physical >> 8, RD_UNIT, u->unit, RD_EXPONENT, u->exponent,
		RD_SIZE, 16, RD_COUNT, 1, RD_INPUT, RD_VAR, RD_END,
	};
	struct hrm_test *t = test->priv;

	KUNIT_ASSERT_TRUE(test, hrm_test_compile(test, desc, sizeof(desc)));
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[u->usage & 0xf].resolution,
			u->resolution);
}

static void plan_unit_exponent_at_its_ends_gives_no_resolution(struct kunit *test)
{
	static const u8 desc[] = {
		RD_PAGE, RD_DESKTOP, RD_USAGE, RD_MOUSE,
		RD_COLLECTION, RD_APPLICATION,
		RD_LMIN, 0, RD_LMAX, 100, RD_PMIN, 0, RD_PMAX, 100,
		RD_SIZE, 8, RD_COUNT, 1,
		RD_USAGE, RD_X, RD_UNIT, 0x11, RD_EXPONENT_32,
		0xff, 0xff, 0xff, 0x7f, RD_INPUT, RD_VAR,
		RD_USAGE, RD_Y, RD_UNIT, 0x13, RD_EXPONENT_32,
		0x00, 0x00, 0x00, 0x80, RD_INPUT, RD_VAR, RD_END,
	};
	struct hrm_test *t = test->priv;

	KUNIT_ASSERT_TRUE(test, hrm_test_compile(test, desc, sizeof(desc)));
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_X].resolution, 0);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_Y].resolution, 0);
}

static void plan_range_that_overflows_has_no_resolution(struct kunit *test)
{
	static const u8 desc[] = {
		RD_PAGE, RD_DESKTOP, RD_USAGE, RD_MOUSE,
		RD_COLLECTION, RD_APPLICATION,
		RD_USAGE, RD_X, RD_LMIN_32, 0, 0, 0, 0x80,
		RD_LMAX_32, 0xff, 0xff, 0xff, 0x7f, RD_PMIN, 0, RD_PMAX, 100,
		RD_UNIT, 0x11, RD_SIZE, 32, RD_COUNT, 1, RD_INPUT, RD_VAR,
		RD_USAGE, RD_Y, RD_LMIN, 0, RD_LMAX, 100, RD_PMIN, 0,
		RD_PMAX_32, 0xff, 0xff, 0xff, 0x7f, RD_UNIT, 0x13,
		RD_INPUT, RD_VAR, RD_USAGE, RD_RX,
		RD_LMAX_32, 0xff, 0xff, 0xff, 0x7f, RD_UNIT, 0x14,
		RD_INPUT, RD_VAR, RD_END,
	};
	struct hrm_test *t = test->priv;

	KUNIT_ASSERT_TRUE(test, hrm_test_compile(test, desc, sizeof(desc)));
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_X].resolution, 0);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_Y].resolution, 0);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_RX].resolution, 0);
	KUNIT_EXPECT_EQ(test, t->caps[0].abs[ABS_X].minimum, S32_MIN);
}

/* Reports that do not fit */

static void plan_short_report_is_dropped(struct kunit *test)
{
	PLUG_ARRAY(button_mouse);
	KUNIT_EXPECT_EQ(test, RUN(1, 2), HRM_REPORT_SHORT);
	KUNIT_EXPECT_EQ(test, RUN(1), HRM_REPORT_SHORT);
	KUNIT_EXPECT_EQ(test, hrm_test_run(test, (const u8 *)"", 0),
			HRM_REPORT_SHORT);
	EXPECT_SILENCE();
	/* And leaves no trace */
	REPORT(1, 0, 0);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
}

static void plan_short_numbered_report_is_dropped(struct kunit *test)
{
	PLUG_MOUSE(RD_ID, 1, RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100,
		   RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_VAR,
		   RD_ID, 2, RD_USAGE, RD_Y, RD_SIZE, 16, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_EQ(test, hrm_test_run(test, (const u8 *)"", 0),
			HRM_REPORT_SHORT);
	KUNIT_EXPECT_EQ(test, RUN(1), HRM_REPORT_SHORT);
	KUNIT_EXPECT_EQ(test, RUN(2, 3), HRM_REPORT_SHORT);
	EXPECT_SILENCE();
	REPORT(1, 3);
	EXPECT_EVENTS(ABS(X, 3), SYN);
}

static void plan_unknown_report_id_is_dropped(struct kunit *test)
{
	PLUG_MOUSE(RD_ID, 1, RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100,
		   RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_EQ(test, RUN(0, 5), HRM_REPORT_UNKNOWN);
	KUNIT_EXPECT_EQ(test, RUN(2, 5), HRM_REPORT_UNKNOWN);
	KUNIT_EXPECT_EQ(test, RUN(255), HRM_REPORT_UNKNOWN);
	EXPECT_SILENCE();
}

static void plan_longer_report_is_taken(struct kunit *test)
{
	PLUG_ARRAY(button_mouse);
	REPORT(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12);
	EXPECT_EVENTS(BUTTON(1, 1), REL(X, 2), REL(Y, 3), SYN);
}

/* The keymap */

static int hrm_test_remap(struct kunit *test, u32 usage, u32 keycode)
{
	struct hrm_test *t = test->priv;
	struct input_keymap_entry ke = {
		.len = sizeof(usage),
		.keycode = keycode,
	};

	memcpy(ke.scancode, &usage, sizeof(usage));
	return input_set_keycode(t->plan->inputs[0], &ke);
}

static void plan_keymap_is_in_the_order_of_usages(struct kunit *test)
{
	struct input_keymap_entry ke = { .flags = INPUT_KEYMAP_BY_INDEX };
	struct hrm_test *t = test->priv;
	struct hrm_key *key;

	/* The axis is in no keymap */
	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 100, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR, RD_PAGE_16, 0, 0xff,
		   RD_USAGE, 9, RD_INPUT, RD_VAR, RD_PAGE, RD_BUTTON,
		   RD_UMIN, 1, RD_UMAX, 3, RD_LMAX, 1, RD_SIZE, 1,
		   RD_COUNT, 3, RD_INPUT, RD_VAR);
	KUNIT_ASSERT_EQ(test, t->plan->n_keys, 4);
	key = hrm_plan_find_key(t->plan, &ke);
	KUNIT_ASSERT_NOT_NULL(test, key);
	KUNIT_EXPECT_EQ(test, key->usage, 0xff000009);
	KUNIT_EXPECT_EQ(test, key->code, KEY_RESERVED);
	ke.index = 3;
	key = hrm_plan_find_key(t->plan, &ke);
	KUNIT_ASSERT_NOT_NULL(test, key);
	KUNIT_EXPECT_EQ(test, key->usage, 0x90003);
	KUNIT_EXPECT_EQ(test, key->code, BTN_MIDDLE);
	ke.index = 4;
	KUNIT_EXPECT_NULL(test, hrm_plan_find_key(t->plan, &ke));
}

static void plan_keymap_is_found_by_scan_code(struct kunit *test)
{
	struct hrm_test *t = test->priv;
	struct input_keymap_entry ke = { .len = 4 };
	u32 usage = 0x90002;
	struct hrm_key *key;

	PLUG_ARRAY(button_mouse);
	memcpy(ke.scancode, &usage, sizeof(usage));
	key = hrm_plan_find_key(t->plan, &ke);
	KUNIT_ASSERT_NOT_NULL(test, key);
	KUNIT_EXPECT_EQ(test, key->code, BTN_RIGHT);
	usage = 0x90004;
	memcpy(ke.scancode, &usage, sizeof(usage));
	KUNIT_EXPECT_NULL(test, hrm_plan_find_key(t->plan, &ke));
	/* No length of a scan code */
	ke.len = 3;
	KUNIT_EXPECT_NULL(test, hrm_plan_find_key(t->plan, &ke));
}

static void plan_remap_is_followed_at_once(struct kunit *test)
{
	PLUG_ARRAY(button_mouse);
	REPORT(1, 0, 0);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
	REPORT(0, 0, 0);
	EXPECT_EVENTS(BUTTON(1, 0), SYN);
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0x90001, KEY_A), 0);
	EXPECT_SILENCE();
	REPORT(1, 0, 0);
	EXPECT_EVENTS(SCAN(0x90001), KEY(KEY_A, 1), SYN);
	REPORT(0, 0, 0);
	EXPECT_EVENTS(SCAN(0x90001), KEY(KEY_A, 0), SYN);
	KUNIT_EXPECT_EQ(test, hrm_test_remap(test, 0x90009, KEY_A), -EINVAL);
}

static void plan_remap_to_reserved_is_silent(struct kunit *test)
{
	PLUG_ARRAY(button_mouse);
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0x90001, KEY_RESERVED), 0);
	REPORT(1, 0, 0);
	EXPECT_SILENCE();
	REPORT(3, 0, 0);
	EXPECT_EVENTS(BUTTON(2, 1), SYN);
	/* And back */
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0x90001, BTN_LEFT), 0);
	REPORT(2, 0, 0);
	EXPECT_SILENCE();
	REPORT(3, 0, 0);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
}

static void plan_remap_of_a_usage_without_key_makes_it_one(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 1, RD_COUNT, 1, RD_INPUT, RD_VAR,
		   RD_PAGE_16, 0, 0xff, RD_USAGE, 9, RD_INPUT, RD_VAR);
	REPORT(0x03);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
	REPORT(0x00);
	EXPECT_EVENTS(BUTTON(1, 0), SYN);
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0xff000009, KEY_B), 0);
	REPORT(0x02);
	EXPECT_EVENTS(SCAN(0xff000009), KEY(KEY_B, 1), SYN);
}

/* hid-input gives such a key the two coordinates as its values */
static void plan_second_hat_can_become_a_key(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_HAT, RD_USAGE, RD_HAT, RD_LMIN, 0, RD_LMAX, 7,
		   RD_SIZE, 8, RD_COUNT, 2, RD_INPUT, RD_VAR | RD_NULL,
		   RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_LMAX, 1, RD_COUNT, 1,
		   RD_INPUT, RD_VAR);
	REPORT(2, 2, 0);
	EXPECT_EVENTS(ABS(HAT0X, 1), SYN);
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0x10039, KEY_B), 0);
	REPORT(2, 2, 0);
	EXPECT_EVENTS(KEY(KEY_B, 1), SYN);
	REPORT(2, 0, 0);
	EXPECT_EVENTS(KEY(KEY_B, 0), SYN);
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0x10039, KEY_RESERVED), 0);
	REPORT(2, 2, 0);
	EXPECT_SILENCE();
}

static void plan_remap_works_in_arrays(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE_16, 0, 0xff, RD_UMIN, 1, RD_UMAX, 3, RD_LMIN, 1,
		   RD_LMAX, 3, RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, 0,
		   RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 1, RD_INPUT, RD_VAR);
	REPORT(2, 0);
	EXPECT_SILENCE();
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0xff000003, KEY_B), 0);
	REPORT(3, 0);
	EXPECT_EVENTS(SCAN(0xff000003), KEY(KEY_B, 1), SYN);
}

static void plan_remapped_constant_bits_come_after_the_others(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE_16, 0, 0xff, RD_USAGE, 9, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 1, RD_COUNT, 1, RD_INPUT, RD_CONST | RD_VAR,
		   RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_INPUT, RD_VAR);
	REPORT(0x03);
	EXPECT_EVENTS(BUTTON(1, 1), SYN);
	REPORT(0x00);
	EXPECT_EVENTS(BUTTON(1, 0), SYN);
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0xff000009, KEY_B), 0);
	REPORT(0x03);
	EXPECT_EVENTS(BUTTON(1, 1), SCAN(0xff000009), KEY(KEY_B, 1), SYN);
}

static void plan_remap_works_in_constant_arrays(struct kunit *test)
{
	PLUG_MOUSE(RD_PAGE_16, 0, 0xff, RD_UMIN, 1, RD_UMAX, 3, RD_LMIN, 1,
		   RD_LMAX, 3, RD_SIZE, 8, RD_COUNT, 1, RD_INPUT, RD_CONST,
		   RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 1, RD_INPUT, RD_VAR);
	REPORT(2, 0);
	EXPECT_SILENCE();
	KUNIT_ASSERT_EQ(test, hrm_test_remap(test, 0xff000003, KEY_B), 0);
	REPORT(3, 1);
	EXPECT_EVENTS(BUTTON(1, 1), SCAN(0xff000003), KEY(KEY_B, 1), SYN);
}

/* What is left to usbhid */

struct hrm_test_bytes {
	u8 size;
	u8 bytes[26];
};

#define BYTES(...)	{ sizeof((const u8 []) { __VA_ARGS__ }), { __VA_ARGS__ } }

struct hrm_test_refusal {
	const char *name;
	struct hrm_test_bytes in_mouse;
	struct hrm_test_bytes beside_mouse;
};

/* All values have eight bits and the range 0 to 1 */
static const struct hrm_test_refusal hrm_test_refusals[] = {
	{
		"keys in a mouse",
		BYTES(RD_PAGE, 7, RD_USAGE, 4, RD_INPUT, RD_VAR),
	},
	{
		"volume key in a mouse",
		BYTES(RD_PAGE, RD_CONSUMER, RD_USAGE, 0xe9, RD_INPUT, RD_VAR),
	},
	{
		"indicator in a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR, RD_PAGE, 8,
		      RD_USAGE, 1, RD_OUTPUT, RD_VAR),
	},
	{
		"half a Resolution Multiplier in a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR, RD_USAGE, 0x48,
		      RD_USAGE, RD_X, RD_COUNT, 2, RD_FEATURE, RD_VAR),
	},
	{
		"touch of no count in a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR, RD_PAGE, 13,
		      RD_USAGE, 0x51, RD_COUNT, 0, RD_INPUT, RD_VAR),
	},
	{
		"sensor in a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR, RD_PAGE, 0x20,
		      RD_USAGE, 1, RD_COLLECTION, 0, RD_END),
	},
	{
		"Vivaldi keys in a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR, RD_PAGE_16, 0xd1, 0xff,
		      RD_USAGE, 1, RD_COLLECTION, 0, RD_END),
	},
	{
		"LED in a mouse",
		BYTES(RD_PAGE, 8, RD_USAGE, 1, RD_INPUT, RD_VAR),
	},
	{
		"tip switch in a mouse",
		BYTES(RD_PAGE, 13, RD_USAGE, 0x42, RD_INPUT, RD_VAR),
	},
	{
		"telephone in a mouse",
		BYTES(RD_PAGE, 11, RD_USAGE, 0x2f, RD_INPUT, RD_VAR),
	},
	{
		"battery strength in a mouse",
		BYTES(RD_PAGE, 6, RD_USAGE, 0x20, RD_INPUT, RD_VAR),
	},
	{
		"axis in an array in a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, 0),
	},
	{
		"vendor value of no bits in a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR, RD_PAGE_16, 0, 0xff,
		      RD_USAGE, 1, RD_SIZE, 0, RD_INPUT, RD_VAR),
	},
	{
		"axis of no bits in a mouse",
		BYTES(RD_USAGE, RD_X, RD_SIZE, 0, RD_INPUT, RD_VAR),
	},
	{
		"more usages than keys in a mouse",
		BYTES(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX_16, 0xff,
		      0xff, RD_INPUT, 0),
	},
	{
		"more values than steps in a mouse",
		BYTES(RD_PAGE, RD_BUTTON, RD_UMIN, 1, RD_UMAX_16, 1, 1,
		      RD_COUNT_16, 1, 1, RD_INPUT, RD_VAR),
	},
	{
		"button after the last step in a mouse",
		BYTES(RD_USAGE, RD_X, RD_COUNT_16, 0, 1, RD_INPUT, RD_VAR,
		      RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_SIZE, 1,
		      RD_COUNT, 1, RD_INPUT, RD_VAR),
	},
	{
		"array that is too long in a mouse",
		BYTES(RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_SIZE, 1,
		      RD_COUNT_16, 1, 4, RD_INPUT, 0),
	},
	{
		"nothing in a mouse",
		BYTES(RD_COUNT, 1),
	},
	{
		"padding only in a mouse",
		BYTES(RD_INPUT, RD_CONST),
	},
	{
		"constant only in a mouse",
		BYTES(RD_PAGE_16, 0, 0xff, RD_USAGE, 1, RD_INPUT, RD_CONST),
	},
	{
		"keyboard beside a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL),
		BYTES(RD_USAGE, 6, RD_COLLECTION, RD_APPLICATION, RD_PAGE,
		      7, RD_USAGE, 4, RD_INPUT, RD_VAR, RD_END),
	},
	{
		"consumer control beside a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL),
		BYTES(RD_PAGE, RD_CONSUMER, RD_USAGE, 1, RD_COLLECTION,
		      RD_APPLICATION, RD_USAGE, 0xe9, RD_INPUT, RD_VAR,
		      RD_END),
	},
	{
		"vendor application beside a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL),
		BYTES(RD_PAGE_16, 0, 0xff, RD_USAGE, 1, RD_COLLECTION,
		      RD_APPLICATION, RD_USAGE, 2, RD_INPUT, RD_VAR, RD_END),
	},
	{
		"vendor feature beside a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL),
		BYTES(RD_PAGE_16, 0, 0xff, RD_USAGE, 1, RD_COLLECTION,
		      RD_APPLICATION, RD_USAGE, 2, RD_FEATURE, RD_VAR, RD_END),
	},
	{
		"vendor output beside a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL),
		BYTES(RD_PAGE_16, 0, 0xff, RD_USAGE, 1, RD_COLLECTION,
		      RD_APPLICATION, RD_USAGE, 2, RD_OUTPUT, RD_VAR, RD_END),
	},
	{
		"joystick beside a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL),
		BYTES(RD_USAGE, 4, RD_COLLECTION, RD_APPLICATION, RD_USAGE,
		      RD_X, RD_INPUT, RD_VAR, RD_END),
	},
	{
		"constant of another application beside a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL),
		BYTES(RD_USAGE, 6, RD_COLLECTION, RD_APPLICATION, RD_USAGE,
		      RD_X, RD_INPUT, RD_CONST, RD_END),
	},
	{
		"field of no application beside a mouse",
		BYTES(RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL),
		BYTES(RD_USAGE, RD_Y, RD_INPUT, RD_VAR),
	},
};

static void hrm_test_refusal_name(const struct hrm_test_refusal *refusal,
				  char *name)
{
	strscpy(name, refusal->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(plan_refusal, hrm_test_refusals, hrm_test_refusal_name);

static void plan_more_than_a_mouse_is_refused(struct kunit *test)
{
	static const u8 head[] = {
		RD_LMIN, 0, RD_LMAX, 1, RD_SIZE, 8, RD_COUNT, 1,
		RD_PAGE, RD_DESKTOP, RD_USAGE, RD_MOUSE,
		RD_COLLECTION, RD_APPLICATION,
	};
	const struct hrm_test_refusal *refusal = test->param_value;
	const struct hrm_test_bytes *in = &refusal->in_mouse;
	const struct hrm_test_bytes *beside = &refusal->beside_mouse;
	u8 desc[sizeof(head) + sizeof(*in) + sizeof(*beside)];
	u8 *pos = desc;

	memcpy(pos, head, sizeof(head));
	pos += sizeof(head);
	memcpy(pos, in->bytes, in->size);
	pos += in->size;
	*pos++ = RD_END;
	memcpy(pos, beside->bytes, beside->size);
	pos += beside->size;
	KUNIT_EXPECT_FALSE(test, hrm_test_compile(test, desc, pos - desc));
}

static void plan_padding_in_reports_to_the_device_is_taken(struct kunit *test)
{
	PLUG_MOUSE(RD_USAGE, RD_X, RD_LMIN, 0, RD_LMAX, 1, RD_SIZE, 8,
		   RD_COUNT, 1, RD_INPUT, RD_VAR | RD_REL,
		   RD_FEATURE, RD_CONST, RD_OUTPUT, RD_CONST);
	REPORT(1);
	EXPECT_EVENTS(REL(X, 1), SYN);
}

/* hid-input has no use for them, and has the outputs in its keymap */
static void plan_vendor_reports_to_the_device_are_taken(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	PLUG_MOUSE(RD_PAGE_16, 0, 0xff, RD_USAGE, 1, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 8, RD_COUNT, 2, RD_FEATURE, RD_VAR,
		   RD_USAGE, 2, RD_USAGE, 3, RD_OUTPUT, RD_VAR,
		   RD_PAGE, RD_DESKTOP, RD_USAGE, RD_X, RD_COUNT, 1,
		   RD_INPUT, RD_VAR | RD_REL,
		   RD_PAGE, RD_BUTTON, RD_USAGE, 1, RD_INPUT, RD_VAR);
	KUNIT_EXPECT_EQ(test, t->plan->n_features, 0);
	KUNIT_EXPECT_EQ(test, t->plan->n_parts, 0);
	KUNIT_ASSERT_EQ(test, t->plan->n_keys, 3);
	KUNIT_EXPECT_EQ(test, t->plan->keys[0].usage, 0x90001);
	KUNIT_EXPECT_EQ(test, t->plan->keys[1].usage, 0xff000002);
	KUNIT_EXPECT_EQ(test, t->plan->keys[2].usage, 0xff000003);
	KUNIT_EXPECT_EQ(test, t->plan->keys[2].code, KEY_RESERVED);
	REPORT(1, 1);
	EXPECT_EVENTS(REL(X, 1), BUTTON(1, 1), SYN);
}

static void plan_multiplier_keeps_vendor_fields_of_its_report(struct kunit *test)
{
	struct hrm_test *t = test->priv;
	u8 data[2] = {}, old[2] = { 0x5a, 0xf0 };

	PLUG_MOUSE(RD_PAGE_16, 0, 0xff, RD_USAGE, 1, RD_LMIN, 0, RD_LMAX, 1,
		   RD_SIZE, 8, RD_COUNT, 1, RD_FEATURE, RD_VAR,
		   RD_PAGE, RD_DESKTOP, RD_USAGE, 0x48, RD_PMIN, 1, RD_PMAX, 4,
		   RD_FEATURE, RD_VAR,
		   RD_ID, 0x07, RD_PAGE_16, 0, 0xff, RD_USAGE, 1,
		   RD_FEATURE, RD_VAR, RD_ID, 0x08,
		   RD_PAGE, RD_DESKTOP, RD_USAGE, 0x38, RD_LMIN, 0x81,
		   RD_LMAX, 0x7f, RD_INPUT, RD_VAR | RD_REL);
	KUNIT_ASSERT_EQ(test, t->plan->n_features, 1);
	KUNIT_EXPECT_EQ(test, t->plan->n_parts, 2);
	hrm_plan_fill(t->plan, &t->plan->features[0], old, data);
	KUNIT_EXPECT_EQ(test, data[0], 0x5a);
	KUNIT_EXPECT_EQ(test, data[1], 0x01);
}

static void plan_more_than_two_input_devices_are_refused(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	/* The reports' first items are padding of three applications */
	static const u8 desc[] = {
		RD_PAGE, RD_DESKTOP, RD_SIZE, 8, RD_COUNT, 1, RD_LMAX, 1,
		RD_ID, 1, RD_USAGE, 4, RD_COLLECTION, RD_APPLICATION,
		RD_INPUT, RD_CONST, RD_END,
		RD_ID, 2, RD_USAGE, 5, RD_COLLECTION, RD_APPLICATION,
		RD_INPUT, RD_CONST, RD_END,
		RD_USAGE, RD_MOUSE, RD_COLLECTION, RD_APPLICATION,
		RD_USAGE, RD_Y, RD_INPUT, RD_VAR | RD_REL,
		RD_ID, 1, RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL,
		RD_ID, 3, RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL, RD_END,
	};

	KUNIT_EXPECT_FALSE(test, hrm_test_compile(test, desc, sizeof(desc)));
	KUNIT_EXPECT_STREQ(test, t->why.text, "too many applications");
}

/* With somebody for the rest the plan takes the reports that are a mouse's alone */
static void plan_of_part_leaves_what_is_no_mouse(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	static const u8 desc[] = {
		RD_PAGE, RD_DESKTOP, RD_SIZE, 8, RD_COUNT, 1, RD_LMIN, 0x81,
		RD_LMAX, 0x7f,
		RD_USAGE, 6, RD_COLLECTION, RD_APPLICATION, RD_ID, 1,
		RD_PAGE, 7, RD_USAGE, 4, RD_COUNT, 9, RD_INPUT, RD_VAR, RD_END,
		RD_PAGE, RD_DESKTOP, RD_COUNT, 1,
		RD_USAGE, RD_MOUSE, RD_COLLECTION, RD_APPLICATION, RD_ID, 2,
		RD_USAGE, RD_X, RD_INPUT, RD_VAR | RD_REL,
		RD_ID, 3, RD_USAGE, RD_Y, RD_INPUT, RD_VAR | RD_REL,
		/* shared with a key: all of it is left */
		RD_PAGE, 7, RD_USAGE, 4, RD_INPUT, RD_VAR, RD_END,
	};
	struct hrm_plan *plan;

	KUNIT_EXPECT_FALSE(test, hrm_test_compile(test, desc, sizeof(desc)));
	plan = hrm_plan_compile(t->rd, true, t->caps, &t->why);
	KUNIT_ASSERT_FALSE(test, IS_ERR(plan));
	KUNIT_EXPECT_TRUE(test, plan->partial);
	KUNIT_EXPECT_EQ(test, plan->n_reports, 1);
	KUNIT_EXPECT_EQ(test, plan->reports[0].id, 2);
	KUNIT_EXPECT_EQ(test, plan->n_ops, 1);
	KUNIT_EXPECT_EQ(test, plan->n_inputs, 1);
	/* room for the longest of all */
	KUNIT_EXPECT_EQ(test, plan->max_len, 10);
	KUNIT_EXPECT_TRUE(test, test_bit(REL_X, t->caps[0].relbit));
	KUNIT_EXPECT_FALSE(test, test_bit(REL_Y, t->caps[0].relbit));
	hrm_plan_free(plan);
}

static void plan_of_part_needs_a_mouse(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	static const u8 keyboard[] = {
		RD_PAGE, RD_DESKTOP, RD_USAGE, 6, RD_COLLECTION, RD_APPLICATION,
		RD_SIZE, 1, RD_COUNT, 8, RD_LMAX, 1,
		RD_PAGE, 7, RD_USAGE, 4, RD_INPUT, RD_VAR, RD_END,
	};
	struct hrm_plan *plan;

	KUNIT_EXPECT_FALSE(test, hrm_test_compile(test, keyboard,
						  sizeof(keyboard)));
	plan = hrm_plan_compile(t->rd, true, t->caps, &t->why);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(plan), -EOPNOTSUPP);
	KUNIT_EXPECT_STREQ(test, t->why.text, "no mouse");
}

static void plan_free_takes_null(struct kunit *test)
{
	hrm_plan_free(NULL);
	KUNIT_SUCCEED(test);
}

static struct kunit_case hrm_plan_cases[] = {
	KUNIT_CASE(plan_boot_mouse_gives_buttons_then_axes),
	KUNIT_CASE(plan_button_press_gives_scan_code_first),
	KUNIT_CASE(plan_nothing_new_gives_no_frame),
	KUNIT_CASE(plan_padding_bits_are_ignored),
	KUNIT_CASE(plan_wheel_mouse_with_5_buttons),
	KUNIT_CASE(plan_qemu_mouse),
	KUNIT_CASE(plan_mouse_with_16_bits_and_report_id),
	KUNIT_CASE(plan_axes_of_12_bits_share_a_byte),
	KUNIT_CASE(plan_qemu_tablet),
	KUNIT_CASE(plan_virtualbox_tablet_has_its_wheels_first),
	KUNIT_CASE(plan_selftest_wheel_mouse),
	KUNIT_CASE(plan_selftest_two_wheel_mouse),
	KUNIT_CASE(plan_selftest_mi_mouse_has_media_keys),
	KUNIT_CASE(plan_selftest_bad_mouse_is_refused),
	KUNIT_CASE(plan_selftest_multiplier_is_for_its_collection),
	KUNIT_CASE(plan_selftest_two_multipliers_share_a_report),
	KUNIT_CASE(plan_multiplier_of_two_values_is_kept),
	KUNIT_CASE(plan_multiplier_is_set_within_its_bits),
	KUNIT_CASE(plan_buttons_need_not_be_byte_aligned),
	KUNIT_CASE(plan_more_than_32_buttons),
	KUNIT_CASE(plan_button_0_wraps_and_is_ignored),
	KUNIT_CASE(plan_wide_button_passes_its_value),
	KUNIT_CASE(plan_one_bit_key_with_odd_range_is_clamped),
	KUNIT_CASE(plan_relative_key_is_released_at_once),
	KUNIT_CASE(plan_start_and_select_are_keys),
	KUNIT_CASE(plan_button_array_lists_what_is_down),
	KUNIT_CASE(plan_array_counts_from_its_minimum),
	KUNIT_CASE(plan_array_has_no_more_keys_than_usages),
	KUNIT_CASE(plan_relative_array_releases_at_once),
	KUNIT_CASE(plan_array_of_no_bits_is_at_rest),
	KUNIT_CASE(plan_null_state_is_no_value),
	KUNIT_CASE(plan_value_is_clamped_to_its_range),
	KUNIT_CASE(plan_value_without_range_is_not_clamped),
	KUNIT_CASE(plan_axes_follow_hid_input),
	KUNIT_CASE(plan_simulation_controls_follow_hid_input),
	KUNIT_CASE(plan_unknown_usage_becomes_misc),
	KUNIT_CASE(plan_vendor_usages_are_ignored),
	KUNIT_CASE(plan_custom_page_only_asks_for_repeat),
	KUNIT_CASE(plan_constant_with_usages_is_ignored),
	KUNIT_CASE(plan_report_count_0_is_ignored),
	KUNIT_CASE(plan_usages_in_excess_are_declared_not_reported),
	KUNIT_CASE(plan_second_use_of_a_relative_usage_is_ignored),
	KUNIT_CASE(plan_second_use_of_an_absolute_axis_replaces_its_range),
	KUNIT_CASE(plan_buffered_bytes_are_values),
	KUNIT_CASE(plan_wheel_click_is_120_units),
	KUNIT_CASE(plan_wheel_steps_add_up_to_clicks),
	KUNIT_CASE(plan_wheel_multiplier_of_minus_one_does_not_trap),
	KUNIT_CASE(plan_wheel_remainder_wraps),
	KUNIT_CASE(plan_wheel_counts_in_16_bits_as_hid_input),
	KUNIT_CASE(plan_absolute_ac_pan_is_a_wheel),
	KUNIT_CASE(plan_hat_has_eight_directions),
	KUNIT_CASE(plan_hat_scales_to_its_range),
	KUNIT_CASE(plan_hat_without_range_is_an_axis),
	KUNIT_CASE(plan_hat_range_has_16_bits_as_in_hid_input),
	KUNIT_CASE(plan_dpad_is_the_direction_of_its_first_usage),
	KUNIT_CASE(plan_each_dpad_usage_has_its_direction),
	KUNIT_CASE(plan_system_controls_are_keys),
	KUNIT_CASE(plan_system_controls_may_share_a_key),
	KUNIT_CASE(plan_system_controls_that_hid_input_ignores),
	KUNIT_CASE(plan_vendor_page_with_three_keys),
	KUNIT_CASE(plan_two_applications_are_two_input_devices),
	KUNIT_CASE(plan_report_goes_where_its_first_item_belongs),
	KUNIT_CASE(plan_one_application_is_one_input_device),
	KUNIT_CASE(plan_each_report_keeps_its_own_state),
	KUNIT_CASE(plan_report_without_id_among_numbered_ones_has_id_0),
	KUNIT_CASE_PARAM(plan_unit_gives_axis_resolution,
			 plan_unit_gen_params),
	KUNIT_CASE(plan_unit_exponent_at_its_ends_gives_no_resolution),
	KUNIT_CASE(plan_range_that_overflows_has_no_resolution),
	KUNIT_CASE(plan_short_report_is_dropped),
	KUNIT_CASE(plan_short_numbered_report_is_dropped),
	KUNIT_CASE(plan_unknown_report_id_is_dropped),
	KUNIT_CASE(plan_longer_report_is_taken),
	KUNIT_CASE(plan_keymap_is_in_the_order_of_usages),
	KUNIT_CASE(plan_keymap_is_found_by_scan_code),
	KUNIT_CASE(plan_remap_is_followed_at_once),
	KUNIT_CASE(plan_remap_to_reserved_is_silent),
	KUNIT_CASE(plan_remap_of_a_usage_without_key_makes_it_one),
	KUNIT_CASE(plan_second_hat_can_become_a_key),
	KUNIT_CASE(plan_remap_works_in_arrays),
	KUNIT_CASE(plan_remapped_constant_bits_come_after_the_others),
	KUNIT_CASE(plan_remap_works_in_constant_arrays),
	KUNIT_CASE_PARAM(plan_more_than_a_mouse_is_refused,
			 plan_refusal_gen_params),
	KUNIT_CASE(plan_padding_in_reports_to_the_device_is_taken),
	KUNIT_CASE(plan_vendor_reports_to_the_device_are_taken),
	KUNIT_CASE(plan_multiplier_keeps_vendor_fields_of_its_report),
	KUNIT_CASE(plan_more_than_two_input_devices_are_refused),
	KUNIT_CASE(plan_of_part_leaves_what_is_no_mouse),
	KUNIT_CASE(plan_of_part_needs_a_mouse),
	KUNIT_CASE(plan_free_takes_null),
	{}
};

static struct kunit_suite hrm_plan_suite = {
	.name = "hrmouse-plan",
	.init = hrm_test_init,
	.exit = hrm_test_exit,
	.test_cases = hrm_plan_cases,
};

kunit_test_suite(hrm_plan_suite);
