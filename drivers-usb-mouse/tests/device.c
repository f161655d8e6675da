// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device for the KUnit tests: its input devices are registered with the input
 * core, and an input handler takes down what comes out of it
 */

#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/input.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "device.h"

static const char hrm_test_name[] = "hrmouse KUnit test";

/* The input core's side */

static const struct input_device_id hrm_test_ids[] = {
	{ .driver_info = 1 },	/* any device: match() decides */
	{}
};

static bool hrm_test_match(struct input_handler *handler, struct input_dev *dev)
{
	return dev->name == hrm_test_name;
}

static void hrm_test_event(struct input_handle *handle, unsigned int type,
			   unsigned int code, int value)
{
	struct hrm_test *t = handle->private;

	if (t->n_events < ARRAY_SIZE(t->events))
		t->events[t->n_events] = (struct hrm_test_event) {
			type, code, value, handle->dev != t->plan->inputs[0],
		};
	t->n_events++;
}

static int hrm_test_connect(struct input_handler *handler,
			    struct input_dev *dev,
			    const struct input_device_id *id)
{
	struct input_handle *handle = kzalloc(sizeof(*handle), GFP_KERNEL);
	int ret;

	if (!handle)
		return -ENOMEM;
	handle->dev = dev;
	handle->handler = handler;
	handle->name = "hrmouse-test";
	handle->private = container_of(handler, struct hrm_test, handler);
	ret = input_register_handle(handle);
	if (ret)
		goto err_free;
	ret = input_open_device(handle);
	if (ret)
		goto err_unregister;
	return 0;

err_unregister:
	input_unregister_handle(handle);
err_free:
	kfree(handle);
	return ret;
}

static void hrm_test_disconnect(struct input_handle *handle)
{
	input_close_device(handle);
	input_unregister_handle(handle);
	kfree(handle);
}

static int hrm_test_getkeycode(struct input_dev *dev,
			       struct input_keymap_entry *ke)
{
	struct hrm_test *t = input_get_drvdata(dev);
	const struct hrm_key *key = hrm_plan_find_key(t->plan, ke);

	if (!key)
		return -EINVAL;
	ke->keycode = key->code;
	ke->index = key - t->plan->keys;
	ke->len = sizeof(key->usage);
	memcpy(ke->scancode, &key->usage, sizeof(key->usage));
	return 0;
}

static int hrm_test_setkeycode(struct input_dev *dev,
			       const struct input_keymap_entry *ke,
			       unsigned int *old_keycode)
{
	struct hrm_test *t = input_get_drvdata(dev);
	struct hrm_key *key = hrm_plan_find_key(t->plan, ke);

	if (!key)
		return -EINVAL;
	*old_keycode = key->code;
	key->code = ke->keycode;
	__clear_bit(*old_keycode, dev->keybit);
	__set_bit(ke->keycode, dev->keybit);
	return 0;
}

int hrm_test_init(struct kunit *test)
{
	struct hrm_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->handler.event = hrm_test_event;
	t->handler.match = hrm_test_match;
	t->handler.connect = hrm_test_connect;
	t->handler.disconnect = hrm_test_disconnect;
	t->handler.name = "hrmouse-test";
	t->handler.id_table = hrm_test_ids;
	test->priv = t;
	return input_register_handler(&t->handler);
}

static void hrm_test_unplug(struct hrm_test *t)
{
	unsigned int i;

	for (i = 0; t->plan && i < t->plan->n_inputs; i++)
		if (t->plan->inputs[i])
			input_unregister_device(t->plan->inputs[i]);
	hrm_plan_free(t->plan);
	hrm_rdesc_free(t->rd);
	t->plan = NULL;
	t->rd = NULL;
	t->n_events = 0;
}

void hrm_test_exit(struct kunit *test)
{
	struct hrm_test *t = test->priv;

	if (!t)
		return;
	hrm_test_unplug(t);
	input_unregister_handler(&t->handler);
}

/* A device with this descriptor: whether there is a plan for it */
bool hrm_test_compile(struct kunit *test, const u8 *desc, size_t size)
{
	struct hrm_test *t = test->priv;
	struct hrm_plan *plan;
	struct hrm_rdesc *rd;

	hrm_test_unplug(t);
	rd = hrm_rdesc_parse(desc, size, NULL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(rd));
	t->rd = rd;
	plan = hrm_plan_compile(t->rd, false, t->caps, &t->why);
	if (IS_ERR(plan)) {
		KUNIT_EXPECT_EQ(test, PTR_ERR(plan), -EOPNOTSUPP);
		KUNIT_EXPECT_NOT_NULL(test, t->why.text);
		return false;
	}
	KUNIT_EXPECT_NULL(test, t->why.text);
	t->plan = plan;
	return true;
}

void hrm_test_plug(struct kunit *test, const u8 *desc, size_t size)
{
	struct hrm_test *t = test->priv;
	struct input_dev *input;
	unsigned int i, j;

	if (!hrm_test_compile(test, desc, size))
		KUNIT_FAIL_AND_ABORT(test, "refused: %s (%x)\n", t->why.text,
				     t->why.usage);

	for (i = 0; i < t->plan->n_inputs; i++) {
		input = input_allocate_device();
		KUNIT_ASSERT_NOT_NULL(test, input);
		input->name = hrm_test_name;
		input->getkeycode = hrm_test_getkeycode;
		input->setkeycode = hrm_test_setkeycode;
		input_set_drvdata(input, t);
		bitmap_copy(input->evbit, t->caps[i].evbit, EV_CNT);
		bitmap_copy(input->keybit, t->caps[i].keybit, KEY_CNT);
		bitmap_copy(input->relbit, t->caps[i].relbit, REL_CNT);
		bitmap_copy(input->absbit, t->caps[i].absbit, ABS_CNT);
		if (test_bit(EV_MSC, input->evbit))
			__set_bit(MSC_SCAN, input->mscbit);
		for_each_set_bit(j, t->caps[i].absbit, ABS_CNT)
			input_set_abs_params(input, j, t->caps[i].abs[j].minimum,
					     t->caps[i].abs[j].maximum, 0, 0);
		/* The core would break a frame of many buttons into several */
		input_set_events_per_packet(input, ARRAY_SIZE(t->events));
		if (input_register_device(input)) {
			input_free_device(input);
			KUNIT_FAIL_AND_ABORT(test, "no input device\n");
		}
		t->plan->inputs[i] = input;
	}
}

enum hrm_result hrm_test_run(struct kunit *test, const u8 *report, size_t len)
{
	struct hrm_test *t = test->priv;
	size_t size = max_t(size_t, len, t->plan->max_len) + HRM_PLAN_PAD;
	u8 *buf = kunit_kmalloc(test, size, GFP_KERNEL);
	enum hrm_result result;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	/* What is behind a report must not matter */
	memset(buf, 0xa5, size);
	memcpy(buf, report, len);
	result = hrm_plan_run(t->plan, buf, len);
	kunit_kfree(test, buf);
	return result;
}

static void hrm_test_print(struct kunit *test, const char *title,
			   const struct hrm_test_event *events, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		kunit_info(test, "%s %2u: input %u type %u code 0x%03x value %d\n",
			   title, i, events[i].input, events[i].type,
			   events[i].code, events[i].value);
}

void hrm_test_events(struct kunit *test, const struct hrm_test_event *list,
		     unsigned int n)
{
	struct hrm_test *t = test->priv;
	unsigned int got = min_t(unsigned int, t->n_events,
				 ARRAY_SIZE(t->events));
	struct hrm_test_event *events, *e;
	unsigned int i;
	bool equal;

	events = kunit_kcalloc(test, n * 2 + 1, sizeof(*events), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, events);
	for (i = 0, e = events; i < n; i++) {
		*e++ = list[i];
		if (list[i].type != HRM_TEST_BUTTON)
			continue;
		e[-1] = (struct hrm_test_event)SCAN(0x90000 + list[i].code);
		*e++ = (struct hrm_test_event)KEY(BTN_MOUSE + list[i].code - 1,
						  list[i].value);
	}
	n = e - events;

	equal = t->n_events == n;
	for (i = 0; i < n && equal; i++)
		equal = t->events[i].type == events[i].type &&
			t->events[i].code == events[i].code &&
			t->events[i].value == events[i].value &&
			t->events[i].input == events[i].input;
	KUNIT_EXPECT_TRUE(test, equal);
	if (!equal) {
		hrm_test_print(test, "expected", events, n);
		hrm_test_print(test, "     got", t->events, got);
	}
	kunit_kfree(test, events);
	t->n_events = 0;
}
