// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a report costs in time, at native speed: KUnit in UML. The same bytes
 * are fed to hid_input_report() and to hrm_plan_run(), each with an input
 * device of its own and one handler that adds up the events.
 *
 * scripts/bench lets the compiler include this file in front of plan-test.c:
 * the one way into a UML kernel that leaves the source tree alone.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/input.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "devices.h"
#include "plan.h"
#include "rdesc.h"

#define NATIVE_REPORTS	10000	/* of a round, an even number: their time is some ms */
#define NATIVE_ROUNDS	21
#define NATIVE_WARM_UP	8
#define NATIVE_LEN	32

static const char native_name[] = "hrmouse native";

enum { NATIVE_HID, NATIVE_HRMOUSE, NATIVE_SIDES };

static const char *const native_sides[] = { "usbhid", "hrmouse" };

struct native {
	struct input_handler handler;
	struct {
		unsigned int handles;
		u64 events;
		u64 sum;	/* of all events, of their order, too */
	} seen[NATIVE_SIDES];
	struct device *root;
	struct hid_device *hid;
	const struct bench_device *dev;
	struct hrm_rdesc *rd;
	struct hrm_plan *plan;
	struct hrm_caps caps[HRM_MAX_INPUTS];
	u8 data[2][NATIVE_LEN];
};

/* The handler, for both */

static const struct input_device_id native_ids[] = {
	{ .driver_info = 1 },	/* any device: match() decides */
	{}
};

static bool native_match(struct input_handler *handler, struct input_dev *dev)
{
	return dev->name && strstarts(dev->name, native_name);
}

static unsigned int native_events(struct input_handle *handle,
				  struct input_value *vals, unsigned int count)
{
	struct native *n = container_of(handle->handler, struct native, handler);
	typeof(&n->seen[0]) seen = &n->seen[handle->dev->id.product];
	unsigned int i;

	seen->events += count;
	for (i = 0; i < count; i++)
		seen->sum = seen->sum * 31 + ((u64)vals[i].type << 48) +
			    ((u64)vals[i].code << 32) + (u32)vals[i].value;
	return count;
}

static int native_connect(struct input_handler *handler, struct input_dev *dev,
			  const struct input_device_id *id)
{
	struct native *n = container_of(handler, struct native, handler);
	struct input_handle *handle = kzalloc(sizeof(*handle), GFP_KERNEL);
	int ret;

	if (!handle)
		return -ENOMEM;
	handle->dev = dev;
	handle->handler = handler;
	handle->name = native_name;
	ret = input_register_handle(handle);
	if (!ret) {
		ret = input_open_device(handle);
		if (ret)
			input_unregister_handle(handle);
	}
	if (ret)
		kfree(handle);
	else
		n->seen[dev->id.product].handles++;
	return ret;
}

static void native_disconnect(struct input_handle *handle)
{
	input_close_device(handle);
	input_unregister_handle(handle);
	kfree(handle);
}

/* A HID device without a bus */

static int native_parse(struct hid_device *hid)
{
	const struct native *n = hid->driver_data;

	return hid_parse_report(hid, n->dev->rdesc, n->dev->rdesc_len);
}

static int native_start(struct hid_device *hid)
{
	return 0;
}

static void native_stop(struct hid_device *hid)
{
}

static int native_raw_request(struct hid_device *hid, unsigned char id, u8 *buf,
			      size_t len, unsigned char type, int request)
{
	return -EIO;
}

static const struct hid_ll_driver native_ll_driver = {
	.parse = native_parse,
	.start = native_start,
	.stop = native_stop,
	.open = native_start,
	.close = native_stop,
	.raw_request = native_raw_request,
};

static void native_plug_hid(struct kunit *test, struct native *n)
{
	n->hid = hid_allocate_device();
	if (IS_ERR(n->hid)) {
		n->hid = NULL;
		KUNIT_FAIL_AND_ABORT(test, "no HID device\n");
	}
	n->hid->ll_driver = &native_ll_driver;
	n->hid->driver_data = n;
	n->hid->bus = BUS_VIRTUAL;
	n->hid->vendor = BENCH_VENDOR;
	n->hid->product = NATIVE_HID;
	n->hid->dev.parent = n->root;
	strscpy(n->hid->name, native_name);
	KUNIT_ASSERT_EQ(test, hid_add_device(n->hid), 0);
}

static void native_plug_hrmouse(struct kunit *test, struct native *n)
{
	struct input_dev *input;
	struct hrm_why why;
	unsigned int i;

	n->rd = hrm_rdesc_parse(n->dev->rdesc, n->dev->rdesc_len, NULL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, n->rd);
	n->plan = hrm_plan_compile(n->rd, false, n->caps, &why);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, n->plan);
	KUNIT_ASSERT_EQ(test, n->plan->n_inputs, 1);
	KUNIT_ASSERT_LE(test, n->plan->max_len + HRM_PLAN_PAD, NATIVE_LEN);

	input = input_allocate_device();
	KUNIT_ASSERT_NOT_NULL(test, input);
	input->name = native_name;
	input->id.bustype = BUS_VIRTUAL;
	input->id.product = NATIVE_HRMOUSE;
	input->dev.parent = n->root;
	bitmap_copy(input->evbit, n->caps->evbit, EV_CNT);
	bitmap_copy(input->keybit, n->caps->keybit, KEY_CNT);
	bitmap_copy(input->relbit, n->caps->relbit, REL_CNT);
	bitmap_copy(input->absbit, n->caps->absbit, ABS_CNT);
	if (test_bit(EV_MSC, input->evbit))
		__set_bit(MSC_SCAN, input->mscbit);
	for_each_set_bit(i, input->absbit, ABS_CNT)
		input_set_abs_params(input, i, n->caps->abs[i].minimum,
				     n->caps->abs[i].maximum, 0, 0);
	if (input_register_device(input)) {
		input_free_device(input);
		KUNIT_FAIL_AND_ABORT(test, "no input device\n");
	}
	n->plan->inputs[0] = input;
}

static int native_init(struct kunit *test)
{
	struct native *n = kunit_kzalloc(test, sizeof(*n), GFP_KERNEL);

	if (!n)
		return -ENOMEM;
	n->root = root_device_register("hrmouse-native");
	if (IS_ERR(n->root))
		return PTR_ERR(n->root);
	test->priv = n;
	n->handler.events = native_events;
	n->handler.match = native_match;
	n->handler.connect = native_connect;
	n->handler.disconnect = native_disconnect;
	n->handler.name = native_name;
	n->handler.id_table = native_ids;
	return input_register_handler(&n->handler);
}

static void native_exit(struct kunit *test)
{
	struct native *n = test->priv;

	if (!n)
		return;
	if (n->hid)
		hid_destroy_device(n->hid);
	if (!IS_ERR_OR_NULL(n->plan)) {
		if (n->plan->inputs[0])
			input_unregister_device(n->plan->inputs[0]);
		hrm_plan_free(n->plan);
	}
	if (!IS_ERR_OR_NULL(n->rd))
		hrm_rdesc_free(n->rd);
	input_unregister_handler(&n->handler);
	root_device_unregister(n->root);
}

/* The measurement */

static noinline u64 native_feed_hid(struct native *n, unsigned int count, unsigned int *failed)
{
	u64 from = ktime_get_ns();
	unsigned int i;

	for (i = 0; i < count; i++)
		*failed += !!hid_input_report(n->hid, HID_INPUT_REPORT, n->data[i % 2],
					      n->dev->len, 1);
	return ktime_get_ns() - from;
}

/* No inlining, as hid_input_report(): the loop must not take any of its work over */
static noinline enum hrm_result native_run(struct hrm_plan *plan, const u8 *data, unsigned int len)
{
	return hrm_plan_run(plan, data, len);
}

static noinline u64 native_feed_hrmouse(struct native *n, unsigned int count, unsigned int *failed)
{
	u64 from = ktime_get_ns();
	unsigned int i;

	for (i = 0; i < count; i++)
		*failed += native_run(n->plan, n->data[i % 2], n->dev->len) != HRM_REPORT_OK;
	return ktime_get_ns() - from;
}

static void native_measure(struct kunit *test, const struct bench_kind *kind)
{
	u64 (*const feed[])(struct native *n, unsigned int count, unsigned int *failed) = {
		native_feed_hid, native_feed_hrmouse,
	};
	struct native *n = test->priv;
	unsigned int failed = 0, side, round, at;
	u64 ns[NATIVE_SIDES][NATIVE_ROUNDS];
	char line[NATIVE_ROUNDS * 12];

	for (side = 0; side < NATIVE_SIDES; side++) {
		memcpy(n->data[0], kind->reports[0], sizeof(kind->reports[0]));
		memcpy(n->data[1], kind->reports[1], sizeof(kind->reports[1]));
		/* the state of the case before is gone after these */
		feed[side](n, NATIVE_WARM_UP, &failed);
		n->seen[side].events = 0;
		n->seen[side].sum = 0;
	}
	for (round = 0; round < NATIVE_ROUNDS; round++)
		for (side = 0; side < NATIVE_SIDES; side++)
			ns[side][round] = feed[side](n, NATIVE_REPORTS, &failed);

	KUNIT_EXPECT_EQ(test, failed, 0);
	KUNIT_EXPECT_EQ(test, n->seen[NATIVE_HID].events, n->seen[NATIVE_HRMOUSE].events);
	KUNIT_EXPECT_EQ(test, n->seen[NATIVE_HID].sum, n->seen[NATIVE_HRMOUSE].sum);
	KUNIT_EXPECT_EQ(test, !n->seen[NATIVE_HID].events, !strcmp(kind->name, "nothing"));

	for (side = 0; side < NATIVE_SIDES; side++) {
		for (round = 0, at = 0; round < NATIVE_ROUNDS; round++)
			at += scnprintf(line + at, sizeof(line) - at, " %llu", ns[side][round]);
		kunit_info(test, "native %s %s %s %llu %u%s\n", n->dev->name, kind->name,
			   native_sides[side], n->seen[side].events, NATIVE_REPORTS, line);
	}
}

static void native_device(struct kunit *test)
{
	struct native *n = test->priv;
	unsigned int i;

	n->dev = test->param_value;
	native_plug_hid(test, n);
	native_plug_hrmouse(test, n);
	KUNIT_ASSERT_EQ(test, n->seen[NATIVE_HID].handles, 1);
	KUNIT_ASSERT_EQ(test, n->seen[NATIVE_HRMOUSE].handles, 1);
	for (i = 0; i < ARRAY_SIZE(n->dev->kinds); i++)
		native_measure(test, &n->dev->kinds[i]);
}

KUNIT_ARRAY_PARAM_DESC(native, bench_devices, name);

static struct kunit_case native_cases[] = {
	KUNIT_CASE_PARAM(native_device, native_gen_params),
	{}
};

static struct kunit_suite native_suite = {
	.name = "hrmouse-native",
	.init = native_init,
	.exit = native_exit,
	.test_cases = native_cases,
};

kunit_test_suite(native_suite);
