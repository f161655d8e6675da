// SPDX-License-Identifier: GPL-2.0-only
/* Runs the KUnit suites of hrmouse in userspace; prints TAP */

#include <kunit/test.h>

static struct kunit_suite *suites;

void shim_add_suite(struct kunit_suite *suite)
{
	suite->next = suites;
	suites = suite;
}

void shim_failed(struct kunit *test, const char *file, int line,
		 const char *what, bool abort)
{
	const char *base = strrchr(file, '/');

	printf("# %s:%d: expected %s\n", base ? base + 1 : file, line, what);
	test->failed = true;
	if (abort)
		longjmp(test->abort, 1);
}

int kunit_add_action_or_reset(struct kunit *test, void (*func)(void *context),
			      void *context)
{
	struct kunit_action *action = malloc(sizeof(*action));

	if (!action)
		abort();
	action->func = func;
	action->context = context;
	action->next = test->actions;
	test->actions = action;
	return 0;
}

static void shim_kfree(void *p)
{
	shim_free(p);
}

void *kunit_kmalloc(struct kunit *test, size_t size, gfp_t gfp)
{
	void *p = shim_alloc(size);

	(void)gfp;
	kunit_add_action_or_reset(test, shim_kfree, p);
	return p;
}

void kunit_kfree(struct kunit *test, const void *p)
{
	struct kunit_action **link, *action;

	for (link = &test->actions; *link; link = &(*link)->next) {
		action = *link;
		if (action->func != shim_kfree || action->context != p)
			continue;
		*link = action->next;
		shim_free(p);
		free(action);
		return;
	}
}

static bool run(const struct kunit_suite *suite, const struct kunit_case *kcase,
		const void *param)
{
	struct kunit test = { .param_value = param };
	struct kunit_action *action;

	if (!setjmp(test.abort)) {
		if (suite->init && suite->init(&test))
			test.failed = true;
		else
			kcase->run_case(&test);
	}
	if (!setjmp(test.abort) && suite->exit)
		suite->exit(&test);
	while (test.actions) {
		action = test.actions;
		test.actions = action->next;
		action->func(action->context);
		free(action);
	}
	if (shim_allocs) {
		printf("# %ld allocations were not freed\n", shim_allocs);
		test.failed = true;
		shim_allocs = 0;
	}
	return !test.failed;
}

int main(void)
{
	char desc[KUNIT_PARAM_DESC_SIZE];
	const struct kunit_suite *suite;
	const struct kunit_case *kcase;
	unsigned int n = 0, failed = 0;
	const void *param;
	bool ok;

	for (suite = suites; suite; suite = suite->next) {
		for (kcase = suite->test_cases; kcase->run_case; kcase++) {
			param = NULL;
			do {
				desc[0] = '\0';
				if (kcase->generate_params) {
					param = kcase->generate_params(param, desc);
					if (!param)
						break;
				}
				ok = run(suite, kcase, param);
				failed += !ok;
				printf("%sok %u - %s.%s%s%s\n", ok ? "" : "not ",
				       ++n, suite->name, kcase->name,
				       *desc ? ": " : "", desc);
			} while (param);
		}
	}
	printf("1..%u\n", n);
	return failed || !n;
}
