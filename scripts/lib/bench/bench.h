/* SPDX-License-Identifier: GPL-2.0-only */
/* What bench.ko and guest.c say to each other, by ioctl and read on /dev/bench */
#ifndef BENCH_H
#define BENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define BENCH_VENDOR		0xf055	/* of no driver */
#define BENCH_BOOT		1	/* products */
#define BENCH_SIXTEEN		2
#define BENCH_SIXTEEN_ID	3
#define BENCH_TABLET		4

#define BENCH_MAX_EVENTS	64
#define BENCH_MAX_SAMPLES	1024

enum bench_mode {
	BENCH_PASS,		/* leave the callback alone, count it */
	BENCH_CALLBACK,		/* time it */
	BENCH_REPLAY,		/* instead of it emit the events and submit, both timed */
	BENCH_DELAY,		/* let some come late */
};

struct bench_event {
	__u16 type;
	__u16 code;
	__s32 value;
};

struct bench_frame {
	__u32 n;
	struct bench_event events[BENCH_MAX_EVENTS];
};

/* each BENCH_DELAY_EVERY-th completion comes later, by up to so much, and before all that follow it */
#define BENCH_DELAY_EVERY	16
#define BENCH_DELAY_US		500

/* the frames take turns */
struct bench_run {
	__u32 mode;
	struct bench_frame frames[2];
};

/* instructions */
struct bench_sample {
	__u32 callback;
	__u32 events;
	__u32 submit;
};

/* finds the device and its URBs; the return value is their number */
#define BENCH_HOOK	_IO('b', 0)
#define BENCH_UNHOOK	_IO('b', 1)
/* forgets the samples; read() fetches those that came since */
#define BENCH_RUN	_IOW('b', 2, struct bench_run)
/* reports that completed since BENCH_RUN */
#define BENCH_COUNT	_IO('b', 3)
/* the TSC's ticks in 1000 instructions */
#define BENCH_TICKS	_IO('b', 4)
/* instructions of the hash that the entropy pool makes of 64 bytes, now and then */
#define BENCH_HASH	_IO('b', 5)

#endif /* BENCH_H */
