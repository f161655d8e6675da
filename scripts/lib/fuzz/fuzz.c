// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target of libFuzzer: parser, plan and what the plan makes of reports, beside the slow reference
 *
 * Aborts with a line "wrong: …" where something is not as it must be. With
 * HRMOUSE_FUZZ_SHOW set it prints the descriptor and every report as C.
 */

#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <stdarg.h>
#include <stdlib.h>
#include <time.h>

#include "fuzz.h"
/* Its insides are needed for keys that are remapped */
#include "reference.c"

#define MAX_EVENTS	65536
#define MAX_REPORTS	48
#define MAX_CPU		0.5	/* seconds for parser and plan, sanitizers included */
/* Bytes of memory for each of the descriptor, and what any mouse may have */
#define PER_BYTE	128
#define MAX_BASE	1024
#define MAX_PLAN	65536

int LLVMFuzzerTestOneInput(const u8 *data, size_t n);

static struct fuzz_input in;
static struct hrm_rdesc *rd;
static struct hrm_plan *plan;
static struct ref *ref;
static struct hrm_caps caps[HRM_MAX_INPUTS];
static bool show;

/* What was reported, by the plan (0) and by the reference (1) */
static struct input_dev devs[HRM_MAX_INPUTS][2];
static struct input_handle handles[HRM_MAX_INPUTS][2];
static struct log {
	unsigned int n;
	struct event {
		u16 input, type, code;
		s32 value;
	} events[MAX_EVENTS];
} logs[2];

static void print_log(const char *title, const struct log *log)
{
	unsigned int i;

	for (i = 0; i < log->n && i < 60; i++)
		fprintf(stderr, "%s: input %u type %u code 0x%03x value %d\n", title,
			log->events[i].input, log->events[i].type,
			log->events[i].code, log->events[i].value);
}

__attribute__((format(printf, 1, 2), noreturn))
static void wrong(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "wrong: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

#define must(condition)							\
do {									\
	if (!(condition))						\
		wrong("line %d: not so: %s", __LINE__, #condition);	\
} while (0)

static u64 state;

static u32 any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state >> 32;
}

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* In the way of the KUnit suites, an item a line */
static void print_descriptor(void)
{
	static const char *const names[][16] = {
		{ [8] = "Input", "Output", "Collection", "Feature", "End Collection" },
		{ "Usage Page", "Logical Minimum", "Logical Maximum", "Physical Minimum",
		  "Physical Maximum", "Unit Exponent", "Unit", "Report Size", "Report ID",
		  "Report Count", "Push", "Pop" },
		{ "Usage", "Usage Minimum", "Usage Maximum", [10] = "Delimiter" },
		{ },
	};
	size_t at = 0, end, n;
	const char *name;

	fprintf(stderr, "static const u8 desc[] = {\n");
	for (; at < in.size; at = end) {
		u8 prefix = in.desc[at];

		end = min(at + 1 + ((prefix & 3) == 3 ? 4 : prefix & 3), in.size);
		name = names[prefix >> 2 & 3][prefix >> 4];
		fputc('\t', stderr);
		for (n = at; n < end; n++)
			fprintf(stderr, "0x%02x, ", in.desc[n]);
		fprintf(stderr, "%*s/* %s */\n", (int)(5 - (end - at)) * 6, "",
			name ? name : "reserved");
	}
	fprintf(stderr, "};\n");
}

static void check_rdesc(void)
{
	unsigned int i, j, collection;
	u32 named;

	for (i = 0; i < rd->n_collections; i++)
		must(rd->collections[i].parent >= -1 && rd->collections[i].parent < (int)i);
	for (i = 0; i < rd->n_reports; i++) {
		const struct hrm_report *r = &rd->reports[i];

		must(r->type < HRM_REPORT_TYPES && r->n_fields <= HID_MAX_FIELDS);
		must(r->bits <= (HID_MAX_BUFFER_SIZE - 1) * 8);
		must(!r->id || rd->numbered[r->type]);
		for (j = 0; j < i; j++)
			must(rd->reports[j].id != r->id || rd->reports[j].type != r->type);
	}
	for (i = 0; i < rd->n_fields; i++) {
		const struct hrm_field *f = &rd->fields[i];

		must(f->report < rd->n_reports);
		must(f->offset + f->size * f->count <= rd->reports[f->report].bits);
		must(f->n_runs && f->first_run + f->n_runs <= rd->n_runs);
		must(f->n_usages && f->n_usages >= f->count && f->n_usages <= HID_MAX_USAGES);
		for (named = 0, j = 0; j < f->n_runs; j++)
			named += rd->runs[f->first_run + j].count;
		must(named <= f->n_usages && (named == f->n_usages || f->n_usages == f->count));
		/* The first ones, the last ones and a few between */
		for (j = 0; j < f->n_usages; j += j < 16 || j + 16 > f->n_usages ? 1 : 15) {
			hrm_field_usage(rd, f, j, &collection);
			must(!collection || collection < rd->n_collections);
		}
	}
}

static void check_op(const struct hrm_op *op, const struct hrm_plan_report *r)
{
	unsigned int size = 64 - op->rsh, bit = op->off * 8 + 64 - op->lsl - size;
	const struct hrm_caps *c = &caps[r->input];

	must(r->input < plan->n_inputs && r->plan == plan);
	must(op->watch == HRM_ALL_BITS ? r->always : op->watch && !(op->watch & ~r->watch));
	if (op->kind == HRM_OP_ARRAY) {
		const struct hrm_array *a = &plan->arrays[op->code];

		must(op->code < plan->n_arrays);
		must(a->offset + a->size * a->count <= r->len * 8);
		must(a->first_key + a->n_keys <= plan->n_keys);
		must(a->first_value + a->count <= plan->n_values);
		return;
	}
	must(op->rsh >= 32 && op->rsh < 64 && op->lsl < 64 && op->lsl + size <= 64);
	must(bit / 8 == op->off || (!op->off && bit + size <= 64));
	must(bit + size <= r->len * 8);
	switch (op->kind) {
	case HRM_OP_BUTTONS:
		must(op->code + size <= plan->n_keys);
		return;
	case HRM_OP_KEY:
		must(op->code < plan->n_keys);
		return;
	case HRM_OP_WHEEL:
		must(op->multiplier && op->multiplier_set);
		/* fall through */
	case HRM_OP_MOTION:
	case HRM_OP_REL:
		must(op->code <= REL_MAX && test_bit(op->code, c->relbit));
		must(test_bit(EV_REL, c->evbit));
		return;
	case HRM_OP_HAT:
	case HRM_OP_DPAD:
		if (op->flags & HRM_OP_HAT_KEY) {
			must(op->code < plan->n_keys);
			return;
		}
		must(op->code < ABS_MAX && test_bit(op->code + 1, c->absbit));
		/* fall through */
	case HRM_OP_ABS:
		must(op->code <= ABS_MAX && test_bit(op->code, c->absbit));
		must(test_bit(EV_ABS, c->evbit));
		return;
	default:
		wrong("an op of kind %u", op->kind);
	}
}

/* The usage of the reference that is entry @n of the keymap; NULL for those of output reports */
static struct ref_usage *ref_key(unsigned int n, const struct hrm_field **field)
{
	unsigned int r, i, j;

	for (r = 0; r < rd->n_reports; r++) {
		for (i = 0; i < rd->n_fields; i++) {
			const struct hrm_field *f = &rd->fields[i];

			if (rd->reports[r].type != HRM_INPUT || f->report != r)
				continue;
			for (j = 0; j < f->n_usages; j++) {
				struct ref_usage *u = &ref->fields[i].usages[j];

				if ((u->type && u->type != EV_KEY) || n--)
					continue;
				*field = f;
				return u;
			}
		}
	}
	return NULL;
}

static void check_keys(void)
{
	struct input_keymap_entry ke = {};
	const struct ref_usage *u;
	const struct hrm_field *f;
	struct hrm_key *key;
	unsigned int i;

	for (i = 0; i < plan->n_keys; i++) {
		/* ref_key() is slow */
		u = i < 40 || i + 1 == plan->n_keys ? ref_key(i, &f) : NULL;
		if (u && (u->usage != plan->keys[i].usage ||
			  (u->type ? u->code : 0) != plan->keys[i].code))
			wrong("key %u: usage %08x code %x, expected %08x %x", i, plan->keys[i].usage,
			      plan->keys[i].code, u->usage, u->type ? u->code : 0);
		must(plan->keys[i].code <= KEY_MAX);

		ke.flags = INPUT_KEYMAP_BY_INDEX;
		ke.index = i;
		must(hrm_plan_find_key(plan, &ke) == &plan->keys[i]);
		ke.flags = 0;
		ke.len = 4;
		memcpy(ke.scancode, &plan->keys[i].usage, 4);
		key = hrm_plan_find_key(plan, &ke);
		must(key && key <= &plan->keys[i] && key->usage == plan->keys[i].usage);
	}
	must(!ref_key(plan->n_keys, &f));
	ke.flags = INPUT_KEYMAP_BY_INDEX;
	ke.index = plan->n_keys;
	must(!hrm_plan_find_key(plan, &ke));
	ke.flags = 0;
	ke.len = in.knobs & 7;
	key = hrm_plan_find_key(plan, &ke);
	must(!key || (key >= plan->keys && key < plan->keys + plan->n_keys));
}

static void check_caps(const struct hrm_caps *a, const struct hrm_caps *b)
{
	unsigned int i;

	must(!memcmp(a->evbit, b->evbit, sizeof(a->evbit)));
	must(!memcmp(a->keybit, b->keybit, sizeof(a->keybit)));
	must(!memcmp(a->relbit, b->relbit, sizeof(a->relbit)));
	must(!memcmp(a->absbit, b->absbit, sizeof(a->absbit)));
	for (i = 0; i < ABS_CNT; i++)
		if (a->abs[i].minimum != b->abs[i].minimum ||
		    a->abs[i].maximum != b->abs[i].maximum)
			wrong("the range of absolute axis %u", i);
}

/* hid-core's s32ton(): a value that does not fit in a signed field is the nearest one */
static u32 as_signed(s32 value, unsigned int size)
{
	s64 max = size >= 32 ? S32_MAX : (1LL << (size - 1)) - 1;

	return max_t(s64, min_t(s64, value, max), -max - 1);
}

/* Bit by bit what the feature report is to be */
static void check_feature(const struct hrm_feature *feature)
{
	u8 *old = malloc(feature->len), *data = calloc(1, feature->len);
	u8 *expected = calloc(1, feature->len);
	unsigned int i, bit, at;
	bool set, sets = false;
	u32 value;

	for (i = 0; i < feature->len; i++)
		old[i] = any();
	for (i = 0; i < rd->n_fields; i++) {
		const struct hrm_field *f = &rd->fields[i];

		if (rd->reports[f->report].type != HRM_FEATURE ||
		    rd->reports[f->report].id != feature->id)
			continue;
		set = f->count == 1 &&
		      hrm_field_usage(rd, f, 0, NULL) == HID_GD_RESOLUTION_MULTIPLIER;
		sets |= set;
		value = f->logical_maximum;
		if (f->logical_minimum < 0 && f->size)
			value = as_signed(value, f->size);
		for (bit = 0; bit < f->size * f->count; bit++) {
			at = f->offset + bit;
			if (set ? bit < 32 && value >> bit & 1 : old[at / 8] >> at % 8 & 1)
				expected[at / 8] |= 1 << at % 8;
		}
	}
	must(sets);
	must(feature->first_part + feature->n_parts <= plan->n_parts);
	hrm_plan_fill(plan, feature, old, data);
	if (memcmp(data, expected, feature->len)) {
		for (i = 0; i < feature->len; i++)
			fprintf(stderr, "byte %u of the feature report: %02x, expected %02x\n",
				i, data[i], expected[i]);
		wrong("feature report %u", feature->id);
	}
	free(old);
	free(data);
	free(expected);
}

static void check_plan(void)
{
	unsigned int r, i, n_ops = 0;
	const struct hrm_op *op;

	must(plan->n_inputs && plan->n_inputs <= HRM_MAX_INPUTS);
	for (r = 0; r < plan->n_reports; r++) {
		const struct hrm_plan_report *report = &plan->reports[r];

		must(report->ops == plan->ops + n_ops && report->end >= report->ops);
		must(report->len + plan->numbered <= plan->max_len);
		must(!(report->keep & ~report->watch) && !report->still);
		for (op = report->ops; op < report->end; op++)
			check_op(op, report);
		n_ops += report->end - report->ops;
	}
	must(n_ops == plan->n_ops);
	for (i = 0; i < plan->n_inputs; i++)
		check_caps(&caps[i], ref_caps(ref, i));
	check_keys();
	for (i = 0; i < plan->n_features; i++)
		check_feature(&plan->features[i]);
}

static void take_down(struct input_handle *handle, unsigned int type,
		      unsigned int code, int value)
{
	struct log *log = handle->private;

	if (log->n == MAX_EVENTS)
		wrong("too many events");
	log->events[log->n++] = (struct event) {
		(uintptr_t)handle->name, type, code, value
	};
}

static void plug(unsigned int i, unsigned int which)
{
	static struct input_handler handler = { .event = take_down };
	struct input_dev *dev = &devs[i][which];

	/* Not its events: they are large, and num_vals says how many there are */
	memset(dev, 0, offsetof(struct input_dev, vals));
	dev->num_vals = 0;
	bitmap_copy(dev->evbit, caps[i].evbit, EV_CNT);
	bitmap_copy(dev->keybit, caps[i].keybit, KEY_CNT);
	bitmap_copy(dev->relbit, caps[i].relbit, REL_CNT);
	bitmap_copy(dev->absbit, caps[i].absbit, ABS_CNT);
	if (test_bit(EV_MSC, dev->evbit))
		__set_bit(MSC_SCAN, dev->mscbit);
	input_register_device(dev);
	handles[i][which] = (struct input_handle) {
		.private = &logs[which],
		.name = (const char *)(uintptr_t)i,
		.handler = &handler,
		.dev = dev,
	};
	dev->handle = &handles[i][which];
	if (which)
		ref_set_input(ref, i, dev);
	else
		plan->inputs[i] = dev;
}

static enum hrm_result expected_result(const u8 *data, unsigned int len)
{
	u8 id = plan->numbered ? *data : 0;
	unsigned int i;

	if (plan->numbered && !len)
		return HRM_REPORT_SHORT;
	for (i = 0; i < rd->n_reports; i++)
		if (rd->reports[i].type == HRM_INPUT && rd->reports[i].id == id)
			return len - plan->numbered < hrm_report_len(&rd->reports[i]) ?
			       HRM_REPORT_SHORT : HRM_REPORT_OK;
	return HRM_REPORT_UNKNOWN;
}

/* @data: as long as a driver must make it, however many bytes came */
static void run_report(const u8 *data, unsigned int len)
{
	enum hrm_result result;
	unsigned int i;
	bool equal;

	if (show) {
		fprintf(stderr, "report of %u bytes: {", len);
		for (i = 0; i < len && i < plan->max_len; i++)
			fprintf(stderr, " 0x%02x,", data[i]);
		fprintf(stderr, " }\n");
	}
	logs[0].n = 0;
	logs[1].n = 0;
	result = hrm_plan_run(plan, data, len);
	must(result == expected_result(data, len));
	ref_run(ref, data, len);

	equal = logs[0].n == logs[1].n;
	for (i = 0; i < logs[0].n && equal; i++)
		equal = !memcmp(&logs[0].events[i], &logs[1].events[i], sizeof(struct event));
	if (equal)
		return;
	print_log("expected", &logs[1]);
	print_log("     got", &logs[0]);
	wrong("the events of a report");
}

static u8 next(void)
{
	if (!in.n_rest)
		return any();
	in.n_rest--;
	return *in.rest++;
}

/* One value of the report becomes one where things change */
static void set_edge(u8 *data, unsigned int report)
{
	static const u32 edges[] = {
		0, 1, 2, 120, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0x10000000, 0x30000000,
		0x7fffffff, 0x80000000, 0xffffffff,
	};
	const struct hrm_field *f = &rd->fields[any() % rd->n_fields];
	unsigned int i, at, kind = any() % 8;
	u32 value = edges[any() % ARRAY_SIZE(edges)];

	if (rd->reports[f->report].type != HRM_INPUT || !f->count ||
	    rd->reports[f->report].id != plan->reports[report].id)
		return;
	if (kind < 3)
		value = (u32)f->logical_minimum + kind - 1;
	else if (kind < 6)
		value = (u32)f->logical_maximum + kind - 4;
	at = f->offset + any() % f->count * f->size;
	for (i = 0; i < f->size && i < 32; i++, at++) {
		data[at / 8] &= ~(1 << at % 8);
		data[at / 8] |= (value >> i & 1) << at % 8;
	}
}

/* As the rest of the input says; when it is used up, at random */
static void run_reports(unsigned int n)
{
	unsigned int size = plan->max_len + HRM_PLAN_PAD, len, i, r;
	u8 *data = malloc(size), how, fill;

	memset(data, 0, size);
	while (n--) {
		how = next();
		r = (how >> 5) % plan->n_reports;
		if (!in.n_rest)
			r = any() % plan->n_reports;
		len = plan->reports[r].len + plan->numbered;
		switch (how >> 3 & 3) {
		case 0:
		case 1:
			for (i = 0; i < len; i++)
				data[i] = next();
			break;
		case 2:
			fill = next();
			memset(data, fill, size);
			break;
		default:
			i = next() | next() << 8;
			data[i / 8 % size] ^= 1 << i % 8;
		}
		for (i = in.knobs & 0x40 ? 4 : any() % 8; i < 4; i++)
			set_edge(data + plan->numbered, r);
		/* What is behind the report is what was there before */
		for (i = len; i < size; i++)
			data[i] = any();
		if (plan->numbered)
			data[0] = how >> 5 == 7 ? next() : plan->reports[r].id;
		switch (how & 7) {
		case 5:
			len -= min(len, 1U + any() % 2);
			break;
		case 6:
			len += 1 + any() % 8;
			break;
		case 7:
			len = next();
			break;
		}
		run_report(data, len);
	}
	free(data);
}

/* EVIOCSKEYCODE */
static void remap(void)
{
	const struct hrm_field *field;
	unsigned int n, i, code;
	struct ref_usage *u;

	for (i = 0; i < 4 && plan->n_keys; i++) {
		n = (i & 1 ? any() : next()) % min_t(unsigned int, plan->n_keys, 64);
		code = next() & 1 ? BTN_MOUSE + any() % 16 : any() % KEY_CNT;
		if (any() % 8 == 0)
			code = KEY_RESERVED;
		u = ref_key(n, &field);
		if (!u)
			continue;
		if (show)
			fprintf(stderr, "key %u becomes 0x%x\n", n, code);
		plan->keys[n].code = code;
		u->type = code ? EV_KEY : 0;
		u->code = code;
		for (n = 0; n < plan->n_inputs; n++) {
			__set_bit(code, devs[n][0].keybit);
			__set_bit(code, devs[n][1].keybit);
			__set_bit(EV_KEY, devs[n][0].evbit);
			__set_bit(EV_KEY, devs[n][1].evbit);
		}
	}
}

/* Parser and plan, with only so many allocations that succeed; sets how many did */
static int compile(const u8 *desc, long *allocs)
{
	size_t at = in.size + 1;
	struct hrm_why why;
	int ret;

	plan = NULL;
	shim_alloc_max = 0;
	shim_alloc_fail_after = *allocs;
	rd = hrm_rdesc_parse(desc, in.size, &at);
	ret = PTR_ERR_OR_ZERO(rd);
	must(!ret || ret == -ENOMEM || (ret == -EINVAL && at <= in.size));
	must(shim_alloc_max <= in.size * PER_BYTE + MAX_BASE);
	if (!ret) {
		shim_alloc_max = 0;
		plan = hrm_plan_compile(rd, false, caps, &why);
		ret = PTR_ERR_OR_ZERO(plan);
		must(!ret || ret == -ENOMEM || (ret == -EOPNOTSUPP && why.text));
		must(shim_alloc_max <= MAX_PLAN);
	}
	*allocs -= shim_alloc_fail_after;
	shim_alloc_fail_after = -1;
	return ret;
}

static void release(void)
{
	if (!IS_ERR(plan))
		hrm_plan_free(plan);
	if (!IS_ERR(rd))
		hrm_rdesc_free(rd);
	must(!shim_allocs);
}

static void run(void)
{
	unsigned int i, n = min_t(unsigned int, plan->n_reports * 6, MAX_REPORTS);

	if (in.knobs & 0x80) {
		hrm_plan_multiply(plan);
		ref_multiply(ref, true);
	}
	for (i = 0; i < plan->n_inputs; i++) {
		plug(i, 0);
		plug(i, 1);
	}
	run_reports(n);
	remap();
	run_reports(n / 2);
}

/* A plan of the reports that are a mouse's alone; what they become is conformance's matter */
static void run_partial(void)
{
	struct hrm_plan *whole = plan;
	unsigned int i, k, size, len;
	struct hrm_why why;
	u8 *data;

	plan = hrm_plan_compile(rd, true, caps, &why);
	must(!IS_ERR(plan) || (PTR_ERR(plan) == -EOPNOTSUPP && why.text));
	must(IS_ERR(whole) || IS_ERR(plan) || plan->max_len == whole->max_len);
	if (!IS_ERR(plan)) {
		must(plan->partial);
		size = plan->max_len + HRM_PLAN_PAD;
		data = malloc(size);
		for (i = 0; i < plan->n_inputs; i++)
			plug(i, 0);
		for (i = 0; i < plan->n_reports * 8; i++) {
			for (k = 0; k < size; k++)
				data[k] = any();
			len = plan->reports[i % plan->n_reports].len + plan->numbered;
			must(len <= plan->max_len);
			if (plan->numbered)
				data[0] = plan->reports[i % plan->n_reports].id;
			logs[0].n = 0;
			must(hrm_plan_run(plan, data, len) == HRM_REPORT_OK);
		}
		free(data);
		hrm_plan_free(plan);
	}
	plan = whole;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t n)
{
	long n_allocs = 1000, few;
	double start;
	u8 *desc;
	size_t i;
	int ret;

	if (!fuzz_split(data, n, &in))
		return 0;
	show = getenv("HRMOUSE_FUZZ_SHOW");
	if (show)
		print_descriptor();
	/* Of exactly its size, for AddressSanitizer */
	desc = malloc(in.size ? in.size : 1);
	memcpy(desc, in.desc, in.size);
	state = 0xcbf29ce484222325;
	for (i = 0; i < in.size; i++)
		state = (state ^ desc[i]) * 0x100000001b3;

	start = cpu();
	ret = compile(desc, &n_allocs);
	must(cpu() - start < MAX_CPU);
	must(ret != -ENOMEM);
	if (!IS_ERR(rd))
		check_rdesc();
	if (!ret) {
		ref = ref_new(rd, plan->n_inputs);
		check_plan();
		run();
		ref_free(ref);
	}
	if (!IS_ERR(rd))
		run_partial();
	release();

	if (n_allocs) {
		few = in.knobs % n_allocs;
		must(compile(desc, &few) == -ENOMEM);
		release();
	}
	free(desc);
	return 0;
}
