/* SPDX-License-Identifier: GPL-2.0-only */
/* As much of KUnit as the suites of hrmouse use */
#ifndef SHIM_KUNIT_TEST_H
#define SHIM_KUNIT_TEST_H

#include <linux/err.h>
#include <linux/slab.h>
#include <linux/types.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit_action {
	struct kunit_action *next;
	void (*func)(void *context);
	void *context;
};

struct kunit {
	void *priv;
	const void *param_value;
	bool failed;
	jmp_buf abort;
	struct kunit_action *actions;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char *name;
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
	struct kunit_suite *next;
};

void shim_add_suite(struct kunit_suite *suite);
void shim_failed(struct kunit *test, const char *file, int line,
		 const char *what, bool abort);
int kunit_add_action_or_reset(struct kunit *test, void (*func)(void *context),
			      void *context);
void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp);
void kunit_kfree(struct kunit *test, const void *p);

#define kunit_kzalloc	kunit_kmalloc
#define kunit_kcalloc(test, n, size, gfp)	kunit_kmalloc(test, (n) * (size), gfp)

#define kunit_test_suite(suite)						\
	__attribute__((constructor)) static void shim_add_##suite(void)	\
	{								\
		shim_add_suite(&suite);					\
	}								\
	static void shim_add_##suite(void)

#define KUNIT_CASE(func)		{ func, #func, NULL }
#define KUNIT_CASE_PARAM(func, params)	{ func, #func, params }
#define KUNIT_ARRAY_PARAM(name, array, describe)			\
	static const void *name##_gen_params(const void *prev, char *desc) \
	{								\
		__typeof__(&(array)[0]) next =				\
			prev ? (__typeof__(next))prev + 1 : (array);	\
									\
		if (next == (array) + ARRAY_SIZE(array))		\
			return NULL;					\
		describe(next, desc);					\
		return next;						\
	}								\
	static const void *name##_gen_params(const void *prev, char *desc)

#define kunit_info(test, ...)	((void)(test), printf("# " __VA_ARGS__))

#define SHIM_CHECK(test, condition, what, abort)			\
do {									\
	if (!(condition))						\
		shim_failed(test, __FILE__, __LINE__, what, abort);	\
} while (0)

#define SHIM_CHECK_MSG(test, condition, what, ...)			\
do {									\
	if (!(condition)) {						\
		shim_failed(test, __FILE__, __LINE__, what, false);	\
		printf("# " __VA_ARGS__);				\
		printf("\n");						\
	}								\
} while (0)

#define KUNIT_SUCCEED(test)		((void)(test))
#define KUNIT_FAIL_AND_ABORT(test, ...)					\
do {									\
	printf("# " __VA_ARGS__);					\
	shim_failed(test, __FILE__, __LINE__, "aborted", true);		\
} while (0)
#define KUNIT_EXPECT_TRUE(test, a)	SHIM_CHECK(test, a, #a, false)
#define KUNIT_EXPECT_FALSE(test, a)	SHIM_CHECK(test, !(a), "!" #a, false)
#define KUNIT_EXPECT_NULL(test, a)	SHIM_CHECK(test, !(a), "no " #a, false)
#define KUNIT_EXPECT_NOT_NULL(test, a)	SHIM_CHECK(test, a, #a, false)
#define KUNIT_EXPECT_EQ(test, a, b)	SHIM_CHECK(test, (a) == (b), #a " == " #b, false)
#define KUNIT_EXPECT_EQ_MSG(test, a, b, ...) \
	SHIM_CHECK_MSG(test, (a) == (b), #a " == " #b, __VA_ARGS__)
#define KUNIT_EXPECT_STREQ(test, a, b)	SHIM_CHECK(test, !strcmp(a, b), #a " is " #b, false)
#define KUNIT_ASSERT_TRUE(test, a)	SHIM_CHECK(test, a, #a, true)
#define KUNIT_ASSERT_FALSE(test, a)	SHIM_CHECK(test, !(a), "!" #a, true)
#define KUNIT_ASSERT_NOT_NULL(test, a)	SHIM_CHECK(test, a, #a, true)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a) SHIM_CHECK(test, !IS_ERR_OR_NULL(a), #a, true)
#define KUNIT_ASSERT_EQ(test, a, b)	SHIM_CHECK(test, (a) == (b), #a " == " #b, true)
#define KUNIT_ASSERT_LT(test, a, b)	SHIM_CHECK(test, (a) < (b), #a " < " #b, true)

#endif
