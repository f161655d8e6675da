// SPDX-License-Identifier: GPL-2.0
/*
 * For scripts/check rate, in the guest: two mice made by raw_gadget report at a pace of 1 and 8
 * kHz; compares what hrmouse-top says of them with what they sent, and looks whether the driver's
 * file `timing` is put back.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "evdev.h"
#include "gadget.h"
#include "mice.h"
#include "sys.h"

#define TIMING		"/sys/kernel/debug/usb/hrmouse/timing"
/* what is shown may differ from what was sent by this factor: they were not begun at once */
#define SAME		1.1

/* 125 µs and 1 ms at high speed */
MOUSE_EP(ep_8k, 8, 1);
MOUSE_EP(ep_1k, 8, 4);
MOUSE_IF(if_8k, rd_boot_mouse, 1, 2, ep_8k);
MOUSE_IF(if_1k, rd_boot_mouse, 1, 2, ep_1k);

static struct mouse {
	struct gadget_desc desc;
	int hz;
	struct gadget *g;
	pthread_t thread;
	unsigned long sent;
} mice[2] = {
	{
		.desc = {
			.vid = 0x1209, .pid = 0xf00a, .speed = USB_SPEED_HIGH,
			.manufacturer = "Test", .product = "one kHz", .ifs = if_1k, .nifs = 1,
		},
		.hz = 1000,
	}, {
		.desc = {
			.vid = 0x1209, .pid = 0xf00b, .speed = USB_SPEED_HIGH,
			.manufacturer = "Test", .product = "eight kHz", .ifs = if_8k, .nifs = 1,
		},
		.hz = 8000,
	},
};

static bool stop;
static int n_tests, n_failed;

static void __attribute__((format(printf, 2, 3))) ok(bool holds, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - top: ", holds ? "ok" : "not ok", ++n_tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	n_failed += !holds;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void *stream(void *arg)
{
	const __u8 motion[2][3] = { { 0, 1, 1 }, { 0, 0xff, 0xff } };
	struct mouse *m = arg;
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		if (!gadget_report_timeout(m->g, 0, motion[m->sent % 2], 3, 100))
			__atomic_add_fetch(&m->sent, 1, __ATOMIC_RELAXED);
		next.tv_nsec += 1000000000 / m->hz;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return NULL;
}

static double value(const char *json, const char *key)
{
	const char *at = json ? strstr(json, key) : NULL;

	return at ? strtod(at + strlen(key), NULL) : -1;
}

static bool same(double a, double b)
{
	return a > 0 && b > 0 && a < b * SAME && b < a * SAME;
}

int main(void)
{
	unsigned long before[2];
	char why[128], name[64], json[16384] = "", state[8];
	struct evdev_node node;
	double start, seconds, rate;
	size_t len = 0, got;
	FILE *top;
	int i, fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (mod_load(&mod_hrmouse, NULL) || sys_need_gadgets(2, why, sizeof(why))) {
		printf("not ok 1 - top: there is no hrmouse, or there are no gadgets: %s\n", why);
		return 1;
	}
	for (i = 0; i < 2; i++) {
		mice[i].g = gadget_plug(&mice[i].desc, i);
		if (!mice[i].g || evdev_wait(i, 0, "hrmouse", 20000, &node)) {
			printf("not ok 1 - top: hrmouse did not take gadget %d\n", i);
			return 1;
		}
		fd = evdev_open(&node);
		if (fd < 0 || pthread_create(&mice[i].thread, NULL, stream, &mice[i])) {
			printf("not ok 1 - top: event device %d cannot be read\n", i);
			return 1;
		}
	}
	usleep(500000);

	start = now();
	for (i = 0; i < 2; i++)
		before[i] = __atomic_load_n(&mice[i].sent, __ATOMIC_RELAXED);
	top = popen("hrmouse-top --json --seconds 2", "r");
	usleep(1000000);
	ok(!sys_read(TIMING, state, sizeof(state)) && *state == '1', "timing is 1 meanwhile");
	while (top && (got = fread(json + len, 1, sizeof(json) - 1 - len, top)) > 0)
		len += got;
	seconds = now() - start;
	for (i = 0; i < 2; i++)
		before[i] = __atomic_load_n(&mice[i].sent, __ATOMIC_RELAXED) - before[i];
	ok(top && !pclose(top), "hrmouse-top --json ends well");
	ok(!sys_read(TIMING, state, sizeof(state)) && *state == '0', "timing is 0 again");
	printf("# %s", json);

	for (i = 0; i < 2; i++) {
		const char *at;

		snprintf(name, sizeof(name), "\"name\": \"Test %s\"", mice[i].desc.product);
		at = strstr(json, name);
		rate = before[i] / seconds;
		ok(same(value(at, "\"reports_per_s\": "), rate) && rate > 0.75 * mice[i].hz,
		   "%s: %.0f reports/s shown, %.0f sent", mice[i].desc.product,
		   value(at, "\"reports_per_s\": "), rate);
		ok(value(at, "\"permitted_per_s\": ") == mice[i].hz, "%s: it may report so often",
		   mice[i].desc.product);
		ok(same(value(at, "\"mean\": "), 1e6 / rate) &&
		   value(at, "\"min\": ") <= value(at, "\"mean\": ") &&
		   value(at, "\"max\": ") >= value(at, "\"mean\": "),
		   "%s: intervals of %.0f us shown, %.0f on average", mice[i].desc.product,
		   value(at, "\"mean\": "), 1e6 / rate);
	}

	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++) {
		pthread_join(mice[i].thread, NULL);
		gadget_unplug(mice[i].g);
	}
	return n_failed > 0;
}
