/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A device for the KUnit tests: a descriptor and reports in, events out
 */

#ifndef _HRMOUSE_TESTS_DEVICE_H
#define _HRMOUSE_TESTS_DEVICE_H

#include <kunit/test.h>
#include <linux/input.h>
#include <linux/types.h>

#include "../plan.h"
#include "../rdesc.h"
#include "descriptors.h"

/* Expected only: stands for the two events of a button */
#define HRM_TEST_BUTTON		EV_MAX

struct hrm_test_event {
	u16 type;
	u16 code;
	s32 value;
	u8 input;
};

struct hrm_test {
	struct input_handler handler;
	struct hrm_rdesc *rd;
	struct hrm_plan *plan;
	struct hrm_caps caps[HRM_MAX_INPUTS];
	struct hrm_why why;
	struct hrm_test_event events[256];
	unsigned int n_events;
};

int hrm_test_init(struct kunit *test);
void hrm_test_exit(struct kunit *test);
bool hrm_test_compile(struct kunit *test, const u8 *desc, size_t size);
void hrm_test_plug(struct kunit *test, const u8 *desc, size_t size);
enum hrm_result hrm_test_run(struct kunit *test, const u8 *report, size_t len);
void hrm_test_events(struct kunit *test, const struct hrm_test_event *list,
		     unsigned int n);

/* A device with this descriptor */
#define PLUG(...)							\
do {									\
	static const u8 desc[] = { __VA_ARGS__ };			\
									\
	hrm_test_plug(test, desc, sizeof(desc));			\
} while (0)

#define PLUG_ARRAY(array)	hrm_test_plug(test, array, sizeof(array))

/* The same within an application Mouse */
#define PLUG_MOUSE(...)							\
	PLUG(RD_PAGE, RD_DESKTOP, RD_USAGE, RD_MOUSE,			\
	     RD_COLLECTION, RD_APPLICATION, __VA_ARGS__, RD_END)

/* Reports in */
#define RUN(...)							\
({									\
	const u8 report[] = { __VA_ARGS__ };				\
									\
	hrm_test_run(test, report, sizeof(report));			\
})

#define REPORT(...)	KUNIT_EXPECT_EQ(test, RUN(__VA_ARGS__), HRM_REPORT_OK)

/* Events out */
#define KEY(key, value)		{ EV_KEY, key, value }
#define SCAN(usage)		{ EV_MSC, MSC_SCAN, usage }
#define REL(axis, value)	{ EV_REL, REL_##axis, value }
#define ABS(axis, value)	{ EV_ABS, ABS_##axis, value }
#define SYN			{ EV_SYN, SYN_REPORT, 0 }

/* A button going up or down: its scan code, then its key */
#define BUTTON(n, value)	{ HRM_TEST_BUTTON, n, value }

#define EXPECT_EVENTS(...)						\
do {									\
	const struct hrm_test_event expected[] = { __VA_ARGS__ };	\
									\
	hrm_test_events(test, expected, ARRAY_SIZE(expected));		\
} while (0)

#define EXPECT_SILENCE()	hrm_test_events(test, NULL, 0)

#endif /* _HRMOUSE_TESTS_DEVICE_H */
