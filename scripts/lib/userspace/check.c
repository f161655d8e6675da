// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives rdesc.c and plan.c in userspace, beside the slow reference
 *
 *	check corpus DIRECTORY		every .hid file there, one TAP line each
 *	check hostile DIRECTORY [N]	damaged descriptors: cut, changed, N at random
 *	check bounds			allocations that fail, descriptors that cost most
 */

#include <dirent.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/hid.h>
#include <linux/input.h>
#include <linux/slab.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plan.h"
#include "rdesc.h"
#include "reference.h"
#include "descriptors.h"

#define MAX_ALLOC	(1UL << 20)	/* bytes, of the parser and of the plan */
#define MAX_CPU		0.5		/* seconds of CPU time for one descriptor, sanitizers included */
#define MAX_EVENTS	65536

static u64 seed = 0x9e3779b97f4a7c15;

static u32 any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 32;
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Events of the plan and of the reference */

struct log {
	unsigned int n;
	struct {
		u8 input;
		u16 type, code;
		s32 value;
	} events[MAX_EVENTS];
};

static struct log got, expected;

static void take_down(struct input_handle *handle, unsigned int type,
		      unsigned int code, int value)
{
	struct log *log = handle->private;

	if (log->n == MAX_EVENTS)
		abort();
	log->events[log->n].input = (uintptr_t)handle->name;
	log->events[log->n].type = type;
	log->events[log->n].code = code;
	log->events[log->n++].value = value;
}

static struct input_handler handler = { .event = take_down };

static struct input_dev *plug(const struct hrm_caps *caps, struct log *log,
			      unsigned int index, struct input_handle *handle)
{
	struct input_dev *dev = input_allocate_device();

	bitmap_copy(dev->evbit, caps->evbit, EV_CNT);
	bitmap_copy(dev->keybit, caps->keybit, KEY_CNT);
	bitmap_copy(dev->relbit, caps->relbit, REL_CNT);
	bitmap_copy(dev->absbit, caps->absbit, ABS_CNT);
	if (test_bit(EV_MSC, dev->evbit))
		__set_bit(MSC_SCAN, dev->mscbit);
	input_register_device(dev);
	handle->private = log;
	handle->name = (const char *)(uintptr_t)index;
	handle->handler = &handler;
	handle->dev = dev;
	dev->handle = handle;
	return dev;
}

static bool same_caps(const struct hrm_caps *a, const struct hrm_caps *b)
{
	unsigned int i;

	if (memcmp(a->evbit, b->evbit, sizeof(a->evbit)) ||
	    memcmp(a->keybit, b->keybit, sizeof(a->keybit)) ||
	    memcmp(a->relbit, b->relbit, sizeof(a->relbit)) ||
	    memcmp(a->absbit, b->absbit, sizeof(a->absbit)))
		return false;
	for (i = 0; i < ABS_CNT; i++)
		if (a->abs[i].minimum != b->abs[i].minimum ||
		    a->abs[i].maximum != b->abs[i].maximum)
			return false;
	return true;
}

/* One descriptor */

struct mouse {
	struct hrm_rdesc *rd;
	struct hrm_plan *plan;
	struct hrm_caps caps[HRM_MAX_INPUTS];
	struct hrm_why why;
	struct ref *ref;
	struct input_handle handles[HRM_MAX_INPUTS][2];
	struct input_dev *devs[HRM_MAX_INPUTS][2];
	const char *wrong;	/* what was not as it must be */
	unsigned long events;
	unsigned long reports;
};

static void open_mouse(struct mouse *m, const u8 *desc, size_t size)
{
	u8 *copy = malloc(size ? size : 1);
	double start = cpu();
	unsigned int i;

	memset(m, 0, sizeof(*m));
	shim_alloc_max = 0;
	/* Of exactly its size, for AddressSanitizer */
	memcpy(copy, desc, size);
	m->rd = hrm_rdesc_parse(copy, size, NULL);
	free(copy);
	if (IS_ERR(m->rd)) {
		if (PTR_ERR(m->rd) != -EINVAL)
			m->wrong = "parser: not EINVAL";
		m->rd = NULL;
	} else {
		m->plan = hrm_plan_compile(m->rd, false, m->caps, &m->why);
		if (IS_ERR(m->plan)) {
			if (PTR_ERR(m->plan) != -EOPNOTSUPP || !m->why.text)
				m->wrong = "plan: refused without a reason";
			m->plan = NULL;
		}
	}
	if (shim_alloc_max > MAX_ALLOC)
		m->wrong = "too large an allocation";
	if (cpu() - start > MAX_CPU)
		m->wrong = "took too long";
	if (!m->plan || m->wrong)
		return;

	m->ref = ref_new(m->rd, m->plan->n_inputs);
	/* Half of them as after a device that took no SET_REPORT */
	if (m->rd->n_runs & 1) {
		hrm_plan_multiply(m->plan);
		ref_multiply(m->ref, true);
	}
	for (i = 0; i < m->plan->n_inputs; i++) {
		if (!same_caps(&m->caps[i], ref_caps(m->ref, i)))
			m->wrong = "capabilities differ";
		m->devs[i][0] = plug(&m->caps[i], &got, i, &m->handles[i][0]);
		m->devs[i][1] = plug(&m->caps[i], &expected, i, &m->handles[i][1]);
		m->plan->inputs[i] = m->devs[i][0];
		ref_set_input(m->ref, i, m->devs[i][1]);
	}
}

static void close_mouse(struct mouse *m)
{
	unsigned int i;

	for (i = 0; i < HRM_MAX_INPUTS; i++) {
		input_free_device(m->devs[i][0]);
		input_free_device(m->devs[i][1]);
	}
	if (m->ref)
		ref_free(m->ref);
	hrm_plan_free(m->plan);
	hrm_rdesc_free(m->rd);
	if (shim_allocs)
		m->wrong = "memory leaked";
	shim_allocs = 0;
}

static void print_log(const char *title, const struct log *log)
{
	unsigned int i;

	for (i = 0; i < log->n && i < 40; i++)
		printf("# %s: input %u type %u code 0x%03x value %d\n", title,
		       log->events[i].input, log->events[i].type,
		       log->events[i].code, log->events[i].value);
}

static void run_report(struct mouse *m, const u8 *report, size_t len)
{
	size_t i, size = max(len, (size_t)m->plan->max_len) + HRM_PLAN_PAD;
	u8 *buf = malloc(size);
	bool equal;

	for (i = 0; i < size; i++)
		buf[i] = i < len ? report[i] : any();
	got.n = 0;
	expected.n = 0;
	hrm_plan_run(m->plan, buf, len);
	ref_run(m->ref, buf, len);
	m->reports++;
	m->events += got.n;

	equal = got.n == expected.n;
	for (i = 0; i < got.n && equal; i++)
		equal = got.events[i].input == expected.events[i].input &&
			got.events[i].type == expected.events[i].type &&
			got.events[i].code == expected.events[i].code &&
			got.events[i].value == expected.events[i].value;
	if (!equal && !m->wrong) {
		m->wrong = "events differ";
		printf("# report:");
		for (i = 0; i < len; i++)
			printf(" %02x", buf[i]);
		printf("\n");
		print_log("expected", &expected);
		print_log("     got", &got);
	}
	free(buf);
}

/* N rounds of reports of every ID, known or not, of every length that matters */
static void run_reports(struct mouse *m, unsigned int n)
{
	size_t size = m->plan->max_len + 9, len;
	u8 *report = calloc(1, size), fill;
	unsigned int r, i, j;

	for (i = 0; i < n; i++) {
		for (r = 0; r < m->plan->n_reports; r++) {
			static const u8 fills[] = { 0, 0xff, 0x80, 0x7f, 0x01, 0x55 };

			len = m->plan->reports[r].len + m->plan->numbered;
			if (any() % 4 == 0) {
				fill = fills[any() % sizeof(fills)];
				memset(report, fill, size);
			} else if (any() % 3 == 0) {
				/* One bit other than in the report before */
				j = any() % (len ? len : 1);
				report[j] ^= 1 << any() % 8;
			} else if (any() % 6) {
				for (j = 0; j < size; j++)
					report[j] = any();
			}
			if (m->plan->numbered)
				report[0] = any() % 32 ? m->plan->reports[r].id : any();
			if (any() % 16 == 0)
				len = any() % (len + 1);
			else if (any() % 16 == 0)
				len += any() % 9;
			run_report(m, report, len);
		}
	}
	free(report);
}

static char why_text[160];

static const char *fate(const struct mouse *m)
{
	if (!m->rd)
		return "malformed";
	if (m->plan)
		snprintf(why_text, sizeof(why_text),
			 "taken, %lu reports, %lu events as the reference has them",
			 m->reports, m->events);
	else if (m->why.usage)
		snprintf(why_text, sizeof(why_text), "left to usbhid: %s (%08x)",
			 m->why.text, m->why.usage);
	else
		snprintf(why_text, sizeof(why_text), "left to usbhid: %s", m->why.text);
	return why_text;
}

/* The corpus */

struct file {
	char name[256];
	char kind[32];
	u8 desc[HID_MAX_DESCRIPTOR_SIZE];
	size_t size;
	u8 samples[64][256];
	size_t sample_len[64];
	unsigned int n_samples;
};

static size_t read_hex(const char *s, u8 *out, size_t size)
{
	size_t n = 0;
	char *end;

	while (n < size) {
		unsigned long value = strtoul(s, &end, 16);

		if (end == s || value > 0xff)
			break;
		out[n++] = value;
		s = end;
	}
	return n;
}

static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_hid(const struct dirent *d)
{
	size_t len = strlen(d->d_name);

	return len > 4 && !strcmp(d->d_name + len - 4, ".hid");
}

static struct file *read_corpus(const char *dir, unsigned int *n_files)
{
	char path[4096], line[65536];
	struct dirent **names;
	struct file *files;
	int i, n = scandir(dir, &names, is_hid, compare);

	if (n <= 0) {
		fprintf(stderr, "check: no .hid file in %s\n", dir);
		exit(2);
	}
	files = calloc(n, sizeof(*files));
	for (i = 0; i < n; i++) {
		struct file *f = &files[i];
		FILE *in;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		snprintf(f->name, sizeof(f->name), "%s", names[i]->d_name);
		in = fopen(path, "r");
		if (!in) {
			perror(path);
			exit(2);
		}
		while (fgets(line, sizeof(line), in)) {
			if (!strncmp(line, "K:", 2))
				sscanf(line + 2, "%31s", f->kind);
			else if (!strncmp(line, "R:", 2))
				f->size = read_hex(line + 2, f->desc, sizeof(f->desc));
			else if (!strncmp(line, "E:", 2) && f->n_samples < 64) {
				f->sample_len[f->n_samples] =
					read_hex(line + 2, f->samples[f->n_samples], 256);
				f->n_samples++;
			}
		}
		fclose(in);
		free(names[i]);
	}
	free(names);
	*n_files = n;
	return files;
}

static int corpus(const char *dir)
{
	unsigned int i, j, n, taken = 0, failed = 0;
	struct file *files = read_corpus(dir, &n);
	static struct mouse m;

	for (i = 0; i < n; i++) {
		struct file *f = &files[i];
		const char *text;

		open_mouse(&m, f->desc, f->size);
		if (m.plan && !m.wrong) {
			taken++;
			for (j = 0; j < f->n_samples; j++)
				run_report(&m, f->samples[j], f->sample_len[j]);
			run_reports(&m, 200);
		}
		/* Nothing but mice and pointers may be taken */
		if (m.plan && strcmp(f->kind, "mouse") && strcmp(f->kind, "tablet"))
			m.wrong = "taken, and must not be";
		text = fate(&m);
		close_mouse(&m);
		failed += !!m.wrong;
		printf("%sok %u - %s: %s: %s%s%s\n", m.wrong ? "not " : "", i + 1,
		       f->name, f->kind, text, m.wrong ? ": " : "",
		       m.wrong ? m.wrong : "");
	}
	printf("# %u of %u taken\n1..%u\n", taken, n, n);
	free(files);
	return failed || !taken;
}

/* Damage */

static unsigned long n_tried, n_parsed, n_taken, n_wrong;

static void try(const u8 *desc, size_t size, unsigned int rounds)
{
	static struct mouse m;
	size_t i;

	open_mouse(&m, desc, size);
	n_tried++;
	n_parsed += !!m.rd;
	n_taken += !!m.plan;
	if (m.plan && !m.wrong)
		run_reports(&m, rounds);
	close_mouse(&m);
	if (!m.wrong || n_wrong++ >= 5)
		return;
	printf("# %s:", m.wrong);
	for (i = 0; i < size; i++)
		printf(" %02x", desc[i]);
	printf("\n");
}

static bool report_tried(unsigned int test, const char *what)
{
	bool ok = n_tried && !n_wrong;

	printf("%sok %u - %s: %lu tried, %lu parsed, %lu taken\n", ok ? "" : "not ",
	       test, what, n_tried, n_parsed, n_taken);
	n_tried = 0;
	n_parsed = 0;
	n_taken = 0;
	n_wrong = 0;
	return ok;
}

static size_t mutate(u8 *desc, size_t size, const struct file *other)
{
	/* Item prefixes: what changes most */
	static const u8 prefixes[] = {
		RD_INPUT, RD_COLLECTION, RD_END, RD_PAGE, RD_LMIN, RD_LMIN_32,
		RD_LMAX, RD_LMAX_32, RD_SIZE, RD_COUNT, RD_COUNT_16, RD_ID,
		RD_PUSH, RD_POP, RD_USAGE, RD_USAGE_32, RD_UMIN, RD_UMAX,
		RD_UMAX_16, RD_UMAX_32, RD_DELIMITER, RD_LONG,
	};
	size_t at = any() % size, n;

	switch (any() % 8) {
	case 0:
	case 1:
		desc[at] = any();
		break;
	case 2:
		desc[at] ^= 1 << any() % 8;
		break;
	case 3:
		desc[at] = prefixes[any() % sizeof(prefixes)];
		break;
	case 4:			/* drop */
		n = min(any() % 4 + 1, size - at);
		memmove(desc + at, desc + at + n, size - at - n);
		return size - n;
	case 5:			/* insert */
		if (size + 2 > HID_MAX_DESCRIPTOR_SIZE)
			break;
		memmove(desc + at + 2, desc + at, size - at);
		desc[at] = prefixes[any() % sizeof(prefixes)];
		desc[at + 1] = any() % 3 ? any() % 16 : any();
		return size + 2;
	case 6:			/* repeat */
		n = min(any() % 16 + 1, size - at);
		if (size + n > HID_MAX_DESCRIPTOR_SIZE)
			break;
		memmove(desc + at + n, desc + at, size - at);
		return size + n;
	default:		/* go on as another one does */
		n = any() % other->size;
		n = min(other->size - n, HID_MAX_DESCRIPTOR_SIZE - at);
		memcpy(desc + at, other->desc + other->size - n, n);
		return at + n;
	}
	return size;
}

static int hostile(const char *dir, unsigned long n_random)
{
	static const struct {
		const u8 *desc;
		size_t size;
	} goods[] = {
		{ qemu_mouse, sizeof(qemu_mouse) },
		{ qemu_tablet, sizeof(qemu_tablet) },
		{ vbox_tablet, sizeof(vbox_tablet) },
		{ two_wheel_mouse, sizeof(two_wheel_mouse) },
		{ mi_mouse, sizeof(mi_mouse) },
		{ multiplier_hwheel_mouse, sizeof(multiplier_hwheel_mouse) },
	};
	static u8 desc[HID_MAX_DESCRIPTOR_SIZE + 1];
	unsigned int n_files, i, n, byte;
	struct file *files = read_corpus(dir, &n_files);
	bool ok = true;
	size_t size, at;

	for (i = 0; i < n_files; i++)
		for (size = 0; size < files[i].size; size++)
			try(files[i].desc, size, 1);
	ok &= report_tried(1, "every truncation of the corpus");

	for (i = 0; i < ARRAY_SIZE(goods); i++) {
		memcpy(desc, goods[i].desc, goods[i].size);
		for (at = 0; at < goods[i].size; at++) {
			for (byte = 0; byte < 256; byte++) {
				desc[at] = byte;
				try(desc, goods[i].size, 2);
			}
			desc[at] = goods[i].desc[at];
		}
	}
	ok &= report_tried(2, "every byte of six descriptors changed to every value");

	while (n_random--) {
		const struct file *f = &files[any() % n_files];

		/* Descriptors that are taken have more to lose */
		for (n = 0; n < 4 && strcmp(f->kind, "mouse"); n++)
			f = &files[any() % n_files];
		memcpy(desc, f->desc, f->size);
		size = f->size;
		for (n = any() % 6 + 1; n && size; n--)
			size = mutate(desc, size, &files[any() % n_files]);
		try(desc, size, 4);
	}
	ok &= report_tried(3, "changes at random");
	printf("1..3\n");
	free(files);
	return !ok;
}

/* Bounds */

/* @head, then @body as often as there is room, then @tail */
static void try_pattern(const u8 *head, size_t head_size, const u8 *body,
			size_t body_size, u8 tail, unsigned int n_tail)
{
	static u8 desc[HID_MAX_DESCRIPTOR_SIZE];
	size_t size = head_size;

	memcpy(desc, head, head_size);
	while (size + body_size + n_tail <= sizeof(desc)) {
		memcpy(desc + size, body, body_size);
		size += body_size;
	}
	memset(desc + size, tail, n_tail);
	try(desc, size + n_tail, 2);
}

#define PATTERN(tail, n_tail, head_bytes, ...)				\
do {									\
	static const u8 head[] = head_bytes;				\
	static const u8 body[] = { __VA_ARGS__ };			\
									\
	try_pattern(head, sizeof(head), body, sizeof(body), tail, n_tail); \
} while (0)

#define HEAD								\
{									\
	RD_PAGE, 1, RD_USAGE, RD_MOUSE, RD_COLLECTION, RD_APPLICATION,	\
	RD_LMAX, 1, RD_SIZE, 1, RD_COUNT, 1				\
}

static int bounds(void)
{
	struct hrm_caps caps[HRM_MAX_INPUTS];
	struct hrm_why why;
	struct hrm_rdesc *rd;
	bool ok;
	int i;

	for (i = 0; i < 2; i++) {
		shim_alloc_fail_after = i;
		rd = hrm_rdesc_parse(qemu_mouse, sizeof(qemu_mouse), NULL);
		n_wrong += PTR_ERR_OR_ZERO(rd) != -ENOMEM;
	}
	shim_alloc_fail_after = -1;
	rd = hrm_rdesc_parse(qemu_mouse, sizeof(qemu_mouse), NULL);
	shim_alloc_fail_after = 0;
	n_wrong += PTR_ERR_OR_ZERO(hrm_plan_compile(rd, false, caps, &why)) != -ENOMEM;
	shim_alloc_fail_after = -1;
	hrm_rdesc_free(rd);
	n_wrong += shim_allocs != 0;
	n_tried = 3;
	ok = report_tried(1, "no memory is ENOMEM and no leak");

	PATTERN(RD_END, 1, HEAD, RD_USAGE, RD_X, 0x80);
	PATTERN(RD_END, 1, HEAD, RD_INPUT, RD_CONST);
	PATTERN(RD_END, 1, HEAD, 0x80);
	PATTERN(RD_END, 1, HEAD, RD_USAGE_0);
	PATTERN(RD_END, 1, HEAD, RD_UMAX, 0xff);
	PATTERN(RD_END, 1, HEAD, RD_UMIN, 1, RD_UMAX, 8, RD_INPUT, 2);
	PATTERN(RD_END, 1, HEAD, RD_UMIN, 1, RD_UMAX_16, 0xff, 0xff, RD_INPUT, 0);
	PATTERN(RD_END, 1, HEAD, RD_UMIN, 1, RD_UMAX_16, 0xff, 0xff, RD_INPUT, 1);
	PATTERN(RD_END, 1025, HEAD, 0xa0, RD_USAGE, RD_X, 0x80 | 1, 2, RD_END);
	PATTERN(RD_END, 2000, HEAD, 0xa0);
	PATTERN(RD_END, 1, HEAD, RD_PUSH, RD_POP, RD_USAGE_0, 0x80);
	PATTERN(RD_END, 1, HEAD, RD_DELIMITER, 1, RD_USAGE, 1, RD_DELIMITER, 0);
	/* One field with a run for each usage, and with as many values as there may be */
	PATTERN(RD_INPUT - 1, 1, HEAD, RD_USAGE, RD_X, RD_USAGE, RD_Y);
	for (i = 1; i < 256; i++) {
		/* A report of its own for each ID, looked up again and again */
		static u8 desc[HID_MAX_DESCRIPTOR_SIZE];
		size_t size = 0, j;

		for (j = 1; size + 4 <= sizeof(desc); j++) {
			desc[size++] = RD_ID;
			desc[size++] = j % i + 1 > 255 ? 255 : j % i + 1;
			desc[size++] = RD_INPUT;
			desc[size++] = RD_CONST;
		}
		try(desc, size, 1);
	}
	ok &= report_tried(2, "descriptors that ask for much get less than 1 MiB and 0.5 s");
	printf("1..2\n");
	return !ok;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "corpus"))
		return corpus(argv[2]);
	if (argc >= 3 && !strcmp(argv[1], "hostile"))
		return hostile(argv[2], argc > 3 ? strtoul(argv[3], NULL, 0) : 100000);
	if (argc == 2 && !strcmp(argv[1], "bounds"))
		return bounds();
	fprintf(stderr, "usage: check corpus DIRECTORY | hostile DIRECTORY [N] | bounds\n");
	return 2;
}
