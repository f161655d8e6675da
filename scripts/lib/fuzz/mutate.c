// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes fuzzer inputs item by item (HID 1.11, 6.2.2): bytes changed at random
 * seldom make a descriptor that a mouse driver would take
 */

#include <linux/minmax.h>
#include <string.h>

#include "descriptors.h"
#include "fuzz.h"

#define MAX_DESC	4100	/* a little more than hid-core reads */

size_t LLVMFuzzerMutate(u8 *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const u8 *data1, size_t size1, const u8 *data2,
				 size_t size2, u8 *out, size_t max, unsigned int seed);

static u64 state;

static u32 any(u32 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 32) % n;
}

#define ANY_OF(array)	((array)[any(ARRAY_SIZE(array))])

/* A descriptor that is being changed */
static struct {
	u8 bytes[MAX_DESC];
	size_t size;
	u16 at[MAX_DESC + 1];	/* where its items start, and its end */
	unsigned int n;
} d;

static unsigned int data_size(u8 prefix)
{
	return (prefix & 3) == 3 ? 4 : prefix & 3;
}

static size_t item_size(const u8 *item, size_t left)
{
	size_t size = *item == RD_LONG && left > 1 ? 3 + item[1] : 1 + data_size(*item);

	return min(size, left);
}

static void find_items(void)
{
	size_t at = 0;

	for (d.n = 0; at < d.size; d.n++) {
		d.at[d.n] = at;
		at += item_size(d.bytes + at, d.size - at);
	}
	d.at[d.n] = d.size;
}

/* Put @n bytes in the place of the items @first to @last - 1 */
static void replace(unsigned int first, unsigned int last, const void *bytes, size_t n)
{
	size_t from = d.at[first], to = d.at[last];

	if (d.size - (to - from) + n > MAX_DESC)
		return;
	memmove(d.bytes + from + n, d.bytes + to, d.size - to);
	memcpy(d.bytes + from, bytes, n);
	d.size += n - (to - from);
	find_items();
}

static void insert(unsigned int item, const void *bytes, size_t n)
{
	replace(item, item, bytes, n);
}

static void any_range(unsigned int *first, unsigned int *last, unsigned int max_items)
{
	*first = any(d.n + 1);
	*last = min(*first + any(max_items) + 1, d.n);
}

static u32 value_of(unsigned int item)
{
	const u8 *data = d.bytes + d.at[item] + 1;
	unsigned int i, n = d.at[item + 1] - d.at[item] - 1;
	u32 value = 0;

	for (i = 0; i < n && i < 4; i++)
		value |= (u32)data[i] << 8 * i;
	return value;
}

/* @code: 0 for the least that holds @value, or 1 to 3 for 1, 2 or 4 bytes, 4 for none */
static size_t make_item(u8 *item, u8 prefix, u32 value, unsigned int code)
{
	unsigned int i, n;

	if (!code)
		code = value > 0xffff ? 3 : value > 0xff ? 2 : 1;
	item[0] = (prefix & ~3) | (code & 3);
	n = data_size(item[0]);
	for (i = 0; i < n; i++)
		item[1 + i] = value >> 8 * i;
	return 1 + n;
}

static u32 any_usage(void)
{
	static const u32 usages[] = {
		0x10030, 0x10031, 0x10032, 0x10033, 0x10034, 0x10035, 0x10036, 0x10037,
		0x10038, 0x10039, 0x1003d, 0x1003e, 0x10048, 0x10001, 0x10002, 0x10006,
		0x10080, 0x10081, 0x10082, 0x1008b, 0x10090, 0x10091, 0x100a9, 0x100b5,
		0x100c6, 0x20001, 0x200ba, 0x200bb, 0x200c4, 0x200c5, 0x200c8, 0x6000020,
		0x70004, 0x80001, 0x90000, 0x90001, 0x90002, 0x90003, 0x90010, 0x90011,
		0x901ff, 0x9ffff, 0xc0001, 0xc0238, 0xc00e9, 0xc0221, 0xd0030, 0xd0042,
		0xf0021, 0x200041, 0xff0001, 0xff000001, 0xffbc0001, 0xff090001, 0xff430001,
	};

	return ANY_OF(usages);
}

static u32 any_value(u32 old)
{
	static const u32 values[] = {
		0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 63, 64, 65, 0x7f, 0x80,
		0x81, 0xff, 0x100, 0x101, 0x7ff, 0xfff, 0x1000, 12288, 12289, 0x7fff, 0x8000,
		0x8001, 0xffff, 0x10000, 0xffffff, 0x10000000, 0x7fffffff, 0x80000000,
		0x80000001, 0xfffffff1, 0xffffff81, 0xffff8001, 0xffffffff,
	};

	switch (any(6)) {
	case 0:
		return old + 1;
	case 1:
		return old - 1;
	case 2:
		return old ^ 1U << any(any(2) ? 8 : 32);
	case 3:
		return -old;
	case 4:
		return any(256);
	default:
		return ANY_OF(values);
	}
}

static const u8 prefixes[] = {
	RD_INPUT, RD_OUTPUT, RD_FEATURE, RD_COLLECTION, RD_END, RD_PAGE, RD_LMIN, RD_LMAX,
	RD_PMIN, RD_PMAX, RD_EXPONENT, RD_UNIT, RD_SIZE, RD_ID, RD_COUNT, RD_PUSH, RD_POP,
	RD_USAGE, RD_UMIN, RD_UMAX, RD_DELIMITER, RD_USAGE_32,
};

/* A likely value for the data of an item */
static u32 plausible(u8 prefix, u32 old)
{
	static const u8 flags[] = { 0, 1, 2, 3, 4, 5, 6, 7, 0x40, 0x42, 0x46, 0x60 };
	static const u8 pages[] = { 1, 1, 2, 9, 9, 12, 13, 0xff, 0, 6, 7, 8, 0x20 };
	static const u8 units[] = { 0, 0x11, 0x12, 0x13, 0x14, 0x21, 0xff };
	u32 usage = any_usage();

	if (any(16) == 0)
		return any_value(old);
	switch (prefix & ~3) {
	case RD_INPUT & ~3:
	case RD_OUTPUT & ~3:
	case RD_FEATURE & ~3:
		return any(12) ? ANY_OF(flags) : 0x100 | ANY_OF(flags);
	case RD_COLLECTION & ~3:
		return any(4);
	case RD_PAGE & ~3:
		return any(8) ? ANY_OF(pages) : usage >> 16;
	case RD_USAGE & ~3:
	case RD_UMIN & ~3:
	case RD_UMAX & ~3:
		return any(4) ? usage & 0xffff : usage;
	case RD_UNIT & ~3:
		return ANY_OF(units);
	case RD_EXPONENT & ~3:
		return any(16);
	case RD_SIZE & ~3:
		return any(3) ? any(34) : any(2) ? 32 : any(260);
	case RD_COUNT & ~3:
	case RD_ID & ~3:
		return any(2) ? any(5) : any(20);
	case RD_DELIMITER & ~3:
		return any(2);
	default:
		return any_value(old);
	}
}

static size_t any_item(u8 *item)
{
	u8 prefix = ANY_OF(prefixes);

	if (prefix == RD_END || prefix == RD_PUSH || prefix == RD_POP)
		return make_item(item, prefix, 0, 4);
	return make_item(item, prefix, plausible(prefix, any(256)), any(8) ? 0 : any(5));
}

static void change_item(unsigned int i)
{
	u8 prefix = d.bytes[d.at[i]], item[8];
	u32 value = value_of(i);

	switch (any(8)) {
	case 0:				/* its tag, or all of its prefix */
		prefix = any(4) ? ANY_OF(prefixes) : any(256);
		break;
	case 1:				/* how many bytes it has */
		replace(i, i + 1, item, make_item(item, prefix, value, any(5)));
		return;
	case 2:
	case 3:
		value = any_value(value);
		break;
	default:
		value = plausible(prefix, value);
	}
	replace(i, i + 1, item, make_item(item, prefix, value, any(12) ? 0 : any(5)));
}

static u8 block[128];
static size_t n_block;

static void put(u8 prefix, u32 value)
{
	n_block += make_item(block + n_block, prefix, value, prefix == RD_END ? 4 : 0);
}

/* So many values of some size, and all that they can be */
static void put_values(unsigned int count, u32 flags)
{
	static const u8 sizes[] = { 8, 8, 12, 16, 16, 32, 32 };
	unsigned int size = any(4) ? ANY_OF(sizes) : any(32) + 1;
	u32 max = 0xffffffff >> (32 - size);

	if (any(2)) {
		put(RD_LMIN, any(2) ? 0 : any(2));
		put(RD_LMAX, max);
	} else {
		put(RD_LMIN, -(max / 2) - any(2));
		put(RD_LMAX, max / 2);
	}
	put(RD_SIZE, size);
	put(RD_COUNT, count);
	put(RD_INPUT, flags);
}

/* What mice are made of */
static void insert_block(void)
{
	unsigned int i, n = any(8) + 1, at, old = d.n;

	n_block = 0;
	switch (any(7)) {
	case 0:				/* buttons */
		put(RD_PAGE, 9);
		put(RD_UMIN, 1);
		put(RD_UMAX, n);
		put(RD_LMIN, 0);
		put(RD_LMAX, 1);
		put(RD_SIZE, 1);
		put(RD_COUNT, n);
		put(RD_INPUT, 2);
		put(RD_COUNT, 8 - n);
		put(RD_INPUT, 3);
		break;
	case 1:				/* buttons, those that are down */
		put(RD_PAGE, 9);
		put(RD_UMIN, 1);
		put(RD_UMAX, n);
		put_values(any(4) + 1, 0);
		break;
	case 2:				/* axes and all else */
		for (i = 0; i < n % 4; i++)
			put(RD_USAGE, any(2) ? 0x10030 + any(10) : any_usage());
		put_values(n % 4, plausible(RD_INPUT, 0));
		break;
	case 3:				/* an axis with a unit */
		put(RD_USAGE, any(4) ? 0x10030 + any(9) : 0x200c8);
		put(RD_PMIN, any(4) ? 0 : any_value(0));
		put(RD_PMAX, any_value(1000));
		put(RD_UNIT, 0x11 + any(4));
		put(RD_EXPONENT, any(2) ? any(16) : any_value(0));
		put_values(1, 2);
		put(RD_UNIT, 0);
		break;
	case 4:				/* a wheel that is set to a finer step */
		put(RD_COLLECTION, any(8) ? 2 : any(4));
		put(RD_USAGE, 0x10048);
		put(RD_LMIN, any(4) ? 0 : any_value(0));
		put(RD_LMAX, any(2) ? any(4) : any_value(1));
		put(RD_PMIN, any(2) ? 1 : any_value(0));
		put(RD_PMAX, any(2) ? any(16) : any_value(120));
		put(RD_SIZE, any(2) ? 2 : any(34));
		put(RD_COUNT, any(8) ? 1 : any(3));
		put(RD_FEATURE, 2);
		put(RD_PMIN, 0);
		put(RD_PMAX, 0);
		put(RD_USAGE, any(2) ? 0x10038 : 0xc0238);
		put_values(1, 6);
		put(RD_END, 0);
		break;
	case 5:				/* all around it */
		put(RD_USAGE, 0x10001 + any(2));
		put(RD_COLLECTION, 1);
		put(RD_USAGE, 0x10001);
		put(RD_COLLECTION, any(3));
		put(RD_END, 0);
		put(RD_END, 0);
		break;
	default:			/* a long item, which nothing uses */
		n_block = 3 + n;
		memset(block, 0, n_block);
		block[0] = RD_LONG;
		block[1] = n;
	}
	at = any(d.n + 1);
	insert(at, block, n_block);
	/* Not always as it is */
	for (i = any(3); i && d.n > old; i--)
		change_item(at + any(d.n - old));
}

/* Between a pair of items that belong together */
static void wrap(void)
{
	u8 head[8], tail[2] = { RD_END };
	unsigned int first, last;
	size_t n = 0, n_tail = 1;

	any_range(&first, &last, 12);
	switch (any(4)) {
	case 0:
		head[0] = RD_PUSH;
		tail[0] = RD_POP;
		n = 1;
		break;
	case 1:
		n = make_item(head, RD_DELIMITER, 1, 0);
		n_tail = make_item(tail, RD_DELIMITER, 0, 0);
		break;
	case 2:
		n = make_item(head, RD_USAGE_32, 0x10001 + any(2), 3);
		/* fall through */
	default:
		n += make_item(head + n, RD_COLLECTION, any(4), 0);
	}
	/* The end first: an item of the head may be the start of the tail */
	insert(last, tail, n_tail);
	insert(first, head, n);
}

static void copy_items(bool move)
{
	static u8 bytes[MAX_DESC];
	unsigned int first, last, n;

	any_range(&first, &last, any(4) ? 4 : 40);
	n = d.at[last] - d.at[first];
	memcpy(bytes, d.bytes + d.at[first], n);
	if (move)
		replace(first, last, bytes, 0);
	insert(any(d.n + 1), bytes, n);
}

static void repeat_item(void)
{
	unsigned int i = any(d.n), times = any(4) ? any(4) + 1 : any(300);
	u8 item[5];
	size_t n = min(d.at[i + 1] - d.at[i], 5);

	memcpy(item, d.bytes + d.at[i], n);
	while (times--)
		insert(i, item, n);
}

/* Without this most changes end at a collection that is not closed */
static void balance(void)
{
	static const u8 end = RD_END;
	unsigned int i;
	int depth = 0;

	for (i = 0; i < d.n; i++) {
		u8 tag = d.bytes[d.at[i]] & ~3;

		if (tag == (RD_COLLECTION & ~3))
			depth++;
		else if (tag == RD_END && --depth < 0)
			break;
	}
	if (depth < 0)
		replace(i, i + 1, &end, 0);
	else
		while (depth--)
			insert(d.n, &end, 1);
}

static void change(void)
{
	unsigned int first, last;
	u8 item[8];
	size_t n;

	switch (any(16)) {
	case 0:
		any_range(&first, &last, any(4) ? 2 : 30);
		replace(first, last, item, 0);
		return;
	case 1:
		copy_items(false);
		return;
	case 2:
		copy_items(true);
		return;
	case 3:
		insert_block();
		return;
	case 4:
		wrap();
		return;
	case 5:
		n = make_item(item, RD_ID, any(4) + 1, 0);
		insert(any(d.n + 1), item, n);
		return;
	case 6:
	case 7:
	case 8:
		n = any_item(item);
		insert(any(d.n + 1), item, n);
		return;
	default:
		if (!d.n)
			insert_block();
		else if (any(12))
			change_item(any(d.n));
		else
			repeat_item();
	}
}

static void load(const u8 *desc, size_t size)
{
	d.size = min(size, (size_t)MAX_DESC);
	memcpy(d.bytes, desc, d.size);
	find_items();
}

/* The input back in one piece, if need be with less of the rest */
static size_t store(u8 *data, size_t max, u8 knobs, const u8 *rest, size_t n_rest)
{
	size_t size = min(d.size, max - FUZZ_HEAD);

	data[0] = size;
	data[1] = size >> 8;
	data[2] = knobs;
	memcpy(data + FUZZ_HEAD, d.bytes, size);
	n_rest = min(n_rest, max - FUZZ_HEAD - size);
	memcpy(data + FUZZ_HEAD + size, rest, n_rest);
	return FUZZ_HEAD + size + n_rest;
}

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed)
{
	static u8 rest[1024];
	struct fuzz_input in = {};
	unsigned int n;

	state = (u64)seed << 32 | 0x9e3779b9;
	if (max < FUZZ_HEAD + 1)
		return 0;
	fuzz_split(data, size, &in);
	load(in.desc, in.size);
	in.n_rest = min(in.n_rest, sizeof(rest));
	if (in.n_rest)
		memcpy(rest, in.rest, in.n_rest);

	switch (any(12)) {
	case 0:
		d.size = LLVMFuzzerMutate(d.bytes, d.size, min(max, (size_t)MAX_DESC));
		break;
	case 1:
	case 2:
		in.n_rest = LLVMFuzzerMutate(rest, in.n_rest, min(max, sizeof(rest)));
		break;
	case 3:
		in.knobs = any(256);
		break;
	default:
		for (n = any(4) + 1; n; n--)
			change();
		if (any(4))
			balance();
	}
	return store(data, max, in.knobs, rest, in.n_rest);
}

/* Items of one in the place of items of the other */
size_t LLVMFuzzerCustomCrossOver(const u8 *data1, size_t size1, const u8 *data2,
				 size_t size2, u8 *out, size_t max, unsigned int seed)
{
	static u8 bytes[MAX_DESC];
	struct fuzz_input one, two;
	unsigned int first, last;
	size_t n;

	state = (u64)seed << 32 | 0x9e3779b9;
	if (max < FUZZ_HEAD + 1 || !fuzz_split(data1, size1, &one) ||
	    !fuzz_split(data2, size2, &two))
		return 0;
	load(two.desc, two.size);
	any_range(&first, &last, 60);
	n = d.at[last] - d.at[first];
	memcpy(bytes, d.bytes + d.at[first], n);

	load(one.desc, one.size);
	any_range(&first, &last, 60);
	if (any(2))
		last = first;
	replace(first, last, bytes, n);
	balance();
	if (any(2))
		one = two;
	return store(out, max, one.knobs, one.rest, one.n_rest);
}
