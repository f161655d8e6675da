// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's side of scripts/bench: plugs each device in, lets each driver in
 * turn drive it, and prints what bench.ko counts.
 *
 *	bench ROUNDS REPORTS PART...
 *
 * ROUNDS 0: memory instead, in a kernel with trace events; -1: delivery. PART: only devices
 * and cases whose "device/case" contains it. Output, fields separated by tabs:
 *
 *	H N						instructions of the pool's hash
 *	P device driver round N				those of a probe
 *	F device case driver round events; events	the frames of two reports
 *	S device case driver round what values		of each report
 *	M device driver + pointer asked got function	allocated, or - pointer: freed
 *	D driver hz delays slots sent lost doubled p50 p99 p99.9	delays in ns
 *	! TEXT						something went wrong
 *	? TEXT						it cannot be run here
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "devices.h"
#include "evdev.h"
#include "gadget.h"
#include "sys.h"

#define WAIT_MS		20000
#define SETTLE_US	700	/* at least, after a report: all have gone to sleep again */
#define WARM_UP		8	/* reports, even */

static const struct mod mod_bench = { "bench", "/bench/bench.ko", NULL };
static const struct mod mod_floor = { "floor", "/bench/floor.ko", NULL };
static const struct mod mod_usbmouse = { "usbmouse", "/bench/usbmouse.ko", NULL };
static const struct mod mod_ours = { "hrmouse", "/bench/hrmouse.ko", NULL };
static const struct mod mod_rest = { "hrmouse_rest", "/bench/hrmouse_rest.ko", NULL };

static const struct driver {
	const char *name;	/* as it is printed */
	const char *parent;	/* what drives the event device's parent */
	const struct mod *mod;
	const char *driver;	/* of the interface, if not @name */
	const char *params;
} drivers[] = {
	{ .name = "usbhid", .parent = "hid-generic" },
	{ .name = "usbmouse", .parent = "usbmouse", .mod = &mod_usbmouse },
	{ .name = "hrmouse", .parent = "hrmouse", .mod = &mod_ours, .params = "hidraw=0" },
	/* it was open, and nobody has it open now */
	{ .name = "hidraw", .parent = "hrmouse", .mod = &mod_ours, .driver = "hrmouse",
	  .params = "hidraw=1" },
	{ .name = "floor", .parent = "floor", .mod = &mod_floor },
};

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static int bench;		/* bench.ko */
static char **parts;
static int n_parts;
static unsigned int n_reports;

__attribute__((format(printf, 1, 2), noreturn))
static void die(const char *fmt, ...)
{
	va_list ap;

	printf("!\t");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	exit(1);
}

static bool wanted(const struct bench_device *d, const struct bench_kind *k)
{
	char name[64];
	int i;

	snprintf(name, sizeof(name), "%s/%s", d->name, k->name);
	for (i = 0; i < n_parts; i++)
		if (strstr(name, parts[i]))
			return true;
	return !n_parts;
}

/* ---- the reader ---------------------------------------------------------- */

static struct {
	pthread_t thread;
	int fd;
	struct bench_frame frame;	/* since the last report */
	int overflow;
	bool stop;
} reader;

static void *read_events(void *arg)
{
	struct input_event ie[128];
	struct pollfd pfd = { .fd = reader.fd, .events = POLLIN };
	const struct sched_param param = { .sched_priority = 1 };
	ssize_t n;
	int i;

	/*
	 * One of the ordinary class costs 300 instructions more to wake, and
	 * now and then 60 less than that: of no interest here
	 */
	if (sched_setscheduler(0, SCHED_FIFO, &param))
		die("SCHED_FIFO: %s", strerror(errno));
	while (!reader.stop && poll(&pfd, 1, WAIT_MS) >= 0) {
		n = read(reader.fd, ie, sizeof(ie));
		if (n < 0 && errno != EAGAIN)
			break;
		for (i = 0; i < (int)(n / (ssize_t)sizeof(ie[0])); i++) {
			struct bench_event *e = &reader.frame.events[reader.frame.n];

			if (reader.frame.n == BENCH_MAX_EVENTS) {
				reader.overflow = 1;
				break;
			}
			e->type = ie[i].type;
			e->code = ie[i].code;
			e->value = ie[i].value;
			reader.frame.n++;
		}
	}
	return arg;
}

static void start_reader(const struct evdev_node *node)
{
	memset(&reader, 0, sizeof(reader));
	reader.fd = evdev_open(node);
	if (reader.fd < 0)
		die("%s: %s", node->path, strerror(-reader.fd));
	if (pthread_create(&reader.thread, NULL, read_events, NULL))
		die("no thread");
}

/* ---- the drivers --------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
	/* the trace is emptied by it */
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("cannot write %s to %s: %s", text, path, strerror(errno));
	close(fd);
}

static const char *interface(void)
{
	static char name[32];
	glob_t found;

	if (glob("/sys/devices/platform/dummy_hcd.0/usb*/*-1/*:1.0", 0, NULL, &found))
		die("the device has no interface");
	snprintf(name, sizeof(name), "%s", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	return name;
}

/* of the interface */
static const char *driver_name(const struct driver *d)
{
	return d->driver ? d->driver : d->name;
}

/* op: "bind" or "unbind" */
static void driver_file(const struct driver *d, const char *op)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/usb/drivers/%s/%s", driver_name(d), op);
	write_file(path, interface());
}

static void load(const struct mod *mod, const char *params)
{
	int ret = mod_load(mod, params);

	if (ret)
		die("%s cannot be loaded: %s", mod->name, strerror(-ret));
}

static void unload(const struct mod *mod)
{
	int ret = mod_unload(mod);

	if (ret)
		die("%s cannot be unloaded: %s", mod->name, strerror(-ret));
}

/* params of its module, besides its own */
static void bind_with(const struct driver *d, const char *params, struct evdev_node *node)
{
	char all[64];

	if (d->mod) {
		snprintf(all, sizeof(all), "%s %s", d->params ? d->params : "", params);
		if (d->mod != &mod_ours)
			driver_file(&drivers[0], "unbind");
		else if (d->driver)
			load(&mod_rest, NULL);
		load(d->mod, all);
	}
	if (evdev_wait(0, 0, d->parent, WAIT_MS, node))
		die("%s does not drive the device (%s does)", d->name, node->driver);
}

static void bind(const struct driver *d, struct evdev_node *node)
{
	bind_with(d, "", node);
}

static void touch_hidraw(void)
{
	char path[64] = "";
	glob_t found;
	int fd;

	if (!glob("/sys/devices/platform/dummy_hcd.0/usb*/*-1/*:1.0/*/hidraw/hidraw*", 0, NULL,
		  &found))
		snprintf(path, sizeof(path), "/dev/%s", strrchr(found.gl_pathv[0], '/') + 1);
	globfree(&found);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("hidraw %s: %s", path, strerror(errno));
	close(fd);
}

/* and back to usbhid */
static void unbind(const struct driver *d)
{
	struct evdev_node node;

	if (!d->mod)
		return;
	unload(d->mod);
	if (d->mod != &mod_ours)
		driver_file(&drivers[0], "bind");
	else if (d->driver)
		unload(&mod_rest);
	if (evdev_wait(0, 0, drivers[0].parent, WAIT_MS, &node))
		die("usbhid does not get the device back from %s", d->name);
}

/* ---- the measurement ----------------------------------------------------- */

static bool same_frame(const struct bench_frame *a, const struct bench_frame *b)
{
	return a->n == b->n && !memcmp(a->events, b->events, a->n * sizeof(a->events[0]));
}

/* sends count reports, and returns the frames of the last two */
static void feed(struct gadget *g, const struct bench_device *d, const struct bench_kind *k,
		 struct bench_run *run, unsigned int count, struct bench_frame last[2])
{
	struct bench_frame first[2];
	unsigned int i;
	int ret;

	if (ioctl(bench, BENCH_RUN, run))
		die("BENCH_RUN: %s", strerror(errno));
	for (i = 0; i < count; i++) {
		reader.frame.n = 0;
		ret = gadget_report_timeout(g, 0, k->reports[i % 2], d->len, WAIT_MS);
		if (ret)
			die("%s/%s: the host does not take a report: %s", d->name, k->name,
			    strerror(-ret));
		/* not in step with the scheduler's own periods */
		usleep(SETTLE_US + random() % SETTLE_US);
		if (ioctl(bench, BENCH_COUNT) != (int)i + 1)
			die("%s/%s: report %u did not complete", d->name, k->name, i);
		if (reader.overflow)
			die("%s/%s: too many events", d->name, k->name);
		last[i % 2] = reader.frame;
		/* the first ones may still see the state of another case */
		if (run->mode == BENCH_PASS)
			continue;
		if (i < 2)
			first[i] = last[i];
		else if (!same_frame(&last[i % 2], &first[i % 2]))
			die("%s/%s: the same report gives other events", d->name, k->name);
	}
}

/* The input core adds a SYN_REPORT of value 1 where its buffer is full */
static void only_sent(struct bench_frame *frame)
{
	unsigned int i, n = 0;

	for (i = 0; i < frame->n; i++)
		if (frame->events[i].type != EV_SYN || frame->events[i].value != 1)
			frame->events[n++] = frame->events[i];
	frame->n = n;
}

static void print_frames(const struct bench_frame frames[2])
{
	unsigned int i, k;

	for (k = 0; k < 2; k++) {
		for (i = 0; i < frames[k].n; i++) {
			const struct bench_event *e = &frames[k].events[i];

			printf("%s%u:%u:%d", i ? " " : "", e->type, e->code, e->value);
		}
		printf(k ? "\n" : ";");
	}
}

static void print_samples(const char *head, const char *what,
			  const struct bench_sample *samples, size_t offset)
{
	unsigned int i;

	printf("S\t%s\t%s\t", head, what);
	for (i = 0; i < n_reports; i++)
		printf("%s%u", i ? " " : "",
		       *(const __u32 *)((const char *)&samples[i] + offset));
	printf("\n");
}

static void measure(struct gadget *g, const struct bench_device *d, const struct bench_kind *k,
		    const struct driver *driver, int round)
{
	static struct bench_sample samples[BENCH_MAX_SAMPLES];
	struct bench_frame warm[2], frames[2], replayed[2];
	struct bench_run run = { .mode = BENCH_PASS };
	ssize_t size = n_reports * sizeof(samples[0]);
	char head[128];

	snprintf(head, sizeof(head), "%s\t%s\t%s\t%d", d->name, k->name, driver->name, round);
	feed(g, d, k, &run, WARM_UP, warm);
	run.mode = BENCH_CALLBACK;
	feed(g, d, k, &run, n_reports, frames);
	if (!same_frame(&warm[0], &frames[0]) || !same_frame(&warm[1], &frames[1]))
		die("%s/%s: %s: to be measured changes the events", d->name, k->name, driver->name);
	if (read(bench, samples, size) != size)
		die("/dev/bench: %s", strerror(errno));
	printf("F\t%s\t", head);
	print_frames(frames);
	print_samples(head, "callback", samples, offsetof(struct bench_sample, callback));

	run.mode = BENCH_REPLAY;
	memcpy(run.frames, frames, sizeof(frames));
	only_sent(&run.frames[0]);
	only_sent(&run.frames[1]);
	feed(g, d, k, &run, n_reports, replayed);
	if (!same_frame(&replayed[0], &frames[0]) || !same_frame(&replayed[1], &frames[1]))
		die("%s/%s: %s: the events sent again are not the same", d->name, k->name,
		    driver->name);
	if (read(bench, samples, size) != size)
		die("/dev/bench: %s", strerror(errno));
	print_samples(head, "events", samples, offsetof(struct bench_sample, events));
	print_samples(head, "submit", samples, offsetof(struct bench_sample, submit));
	fflush(stdout);
}

/*
 * What a probe executes in its thread: that thread sleeps while control
 * transfers are on their way, and an instruction takes a nanosecond
 */
static void measure_probe(const struct bench_device *d, const struct driver *driver, int round)
{
	struct timespec from, to;

	driver_file(driver, "unbind");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	driver_file(driver, "bind");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	printf("P\t%s\t%s\t%d\t%ld\n", d->name, driver->name, round,
	       (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec);
}

static void run_driver(struct gadget *g, const struct bench_device *d, const struct driver *driver,
		       int round)
{
	struct evdev_node node;
	unsigned int i;
	int ret;

	bind(driver, &node);
	measure_probe(d, driver, round);
	if (evdev_wait(0, 0, driver->parent, WAIT_MS, &node))
		die("%s does not drive %s again", driver->name, d->name);
	if (driver->driver)
		touch_hidraw();
	start_reader(&node);
	/* what the device had to say before */
	usleep(200000);
	ret = ioctl(bench, BENCH_HOOK);
	if (ret <= 0)
		die("%s: no URB is waiting for a report of %s: %s", driver->name, d->name,
		    strerror(ret ? errno : ENOENT));
	for (i = 0; i < COUNT(d->kinds); i++)
		if (wanted(d, &d->kinds[i]))
			measure(g, d, &d->kinds[i], driver, round);
	if (ioctl(bench, BENCH_UNHOOK))
		die("BENCH_UNHOOK: %s", strerror(errno));
	reader.stop = true;
	/* wakes the reader, if only for a moment */
	ret = gadget_report_timeout(g, 0, d->kinds[2].reports[0], d->len, WAIT_MS) ?:
	      gadget_report_timeout(g, 0, d->kinds[2].reports[1], d->len, WAIT_MS);
	if (ret)
		die("the host does not take a report: %s", strerror(-ret));
	pthread_join(reader.thread, NULL);
	close(reader.fd);
	unbind(driver);
}

/* ---- memory -------------------------------------------------------------- */

#define TRACING	"/sys/kernel/tracing/"

/* the line's value after "NAME=", or nothing */
static const char *value(const char *line, const char *name)
{
	static char values[4][64];
	static int next;
	const char *at = strstr(line, name);
	char *v = values[next++ % 4];

	v[0] = '\0';
	if (at)
		sscanf(at + strlen(name), "%63s", v);
	return v;
}

static void run_memory(struct gadget *g, const struct bench_device *d, const struct driver *driver,
		       int round)
{
	struct evdev_node node;
	char line[512], self[32];
	FILE *f;

	(void)g;
	(void)round;
	bind(driver, &node);
	/* once before: what is allocated once and for all is there then */
	driver_file(driver, "unbind");
	driver_file(driver, "bind");
	driver_file(driver, "unbind");
	usleep(200000);
	write_file(TRACING "trace", "");
	write_file(TRACING "tracing_on", "1");
	driver_file(driver, "bind");
	/* what is freed late */
	usleep(200000);
	write_file(TRACING "tracing_on", "0");

	/* allocations of this thread, and everybody's frees */
	snprintf(self, sizeof(self), "-%d ", getpid());
	f = fopen(TRACING "trace", "re");
	if (!f)
		die("no trace: %s", strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, "LOST"))
			die("the trace is not complete");
		if (strstr(line, "alloc: ") && strstr(line, self))
			printf("M\t%s\t%s\t+\t%s\t%s\t%s\t%s\n", d->name, driver->name,
			       value(line, "ptr="), value(line, "bytes_req="),
			       value(line, "bytes_alloc="), value(line, "call_site="));
		else if (strstr(line, "free: "))
			printf("M\t%s\t%s\t-\t%s\n", d->name, driver->name, value(line, "ptr="));
	}
	fclose(f);
	if (evdev_wait(0, 0, driver->parent, WAIT_MS, &node))
		die("%s does not drive %s again", driver->name, d->name);
	unbind(driver);
}

/* ---- delivery ------------------------------------------------------------ */

#define MAX_SLOTS	8192

static struct {
	pthread_t thread;
	int fd;
	long sent[MAX_SLOTS];		/* ns: when the device had it */
	long seen[MAX_SLOTS];		/* ns: when the reader had it, 0: never */
	unsigned int doubled;
	bool stop;
} delivery;

static long now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void *read_delivery(void *arg)
{
	struct input_event ie[128];
	struct pollfd pfd = { .fd = delivery.fd, .events = POLLIN };
	ssize_t n;
	long now;
	int i;

	while (!delivery.stop && poll(&pfd, 1, 100) >= 0) {
		n = read(delivery.fd, ie, sizeof(ie));
		now = now_ns();
		for (i = 0; i < (int)(n / (ssize_t)sizeof(ie[0])); i++) {
			if (ie[i].type != EV_REL || ie[i].code != REL_X ||
			    ie[i].value < 0 || ie[i].value >= MAX_SLOTS)
				continue;
			if (delivery.seen[ie[i].value])
				delivery.doubled++;
			else
				delivery.seen[ie[i].value] = now;
		}
	}
	return arg;
}

static int by_value(const void *a, const void *b)
{
	const long *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/*
 * A device that has a new report each period, numbered in X, and keeps one. A
 * period that passes while the host does not fetch is skipped, as a mouse adds
 * the motion to the next report.
 */
static void deliver(struct gadget *g, const char *driver, int hz, bool delays)
{
	struct bench_run run = { .mode = delays ? BENCH_DELAY : BENCH_PASS };
	static long late[MAX_SLOTS];
	unsigned int slot, sent = 0, got = 0, lost = 0, i;
	long period = 1000000000 / hz, start, now;
	struct timespec ts;
	__u8 report[8];
	int ret;

	memset(delivery.sent, 0, sizeof(delivery.sent));
	memset(delivery.seen, 0, sizeof(delivery.seen));
	delivery.doubled = 0;
	if (ioctl(bench, BENCH_RUN, &run))
		die("BENCH_RUN: %s", strerror(errno));
	start = now_ns();
	for (slot = 1; slot < n_reports; slot++) {
		now = now_ns();
		/* the newest that there is */
		if (now > start + (slot + 1) * period)
			slot = (now - start) / period;
		if (slot >= n_reports)
			break;
		delivery.sent[slot] = start + slot * period;
		ts.tv_sec = delivery.sent[slot] / 1000000000;
		ts.tv_nsec = delivery.sent[slot] % 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
		memset(report, 0, sizeof(report));
		report[2] = slot;
		report[3] = slot >> 8;
		ret = gadget_report_timeout(g, 0, report, sizeof(report), WAIT_MS);
		if (ret)
			die("the host does not take a report: %s", strerror(-ret));
		sent++;
	}
	usleep(100000);
	for (i = 0; i < n_reports; i++) {
		if (delivery.sent[i] && !delivery.seen[i])
			lost++;
		else if (delivery.sent[i])
			late[got++] = delivery.seen[i] - delivery.sent[i];
	}
	if (!got)
		die("%s: no report is delivered", driver);
	qsort(late, got, sizeof(late[0]), by_value);
	printf("D\t%s\t%d\t%d\t%u\t%u\t%u\t%u\t%ld\t%ld\t%ld\n", driver, hz, delays,
	       n_reports - 1, sent, lost, delivery.doubled, late[got / 2], late[got * 99 / 100],
	       late[got * 999 / 1000]);
	fflush(stdout);
}

/* depth: hrmouse's, 0 for its default */
static void run_depth(struct gadget *g, const struct bench_device *d, const struct driver *driver,
		      int depth)
{
	static const int rates[] = { 1000, 4000, 8000 };
	struct evdev_node node;
	char params[16] = "", name[32];
	unsigned int i;

	snprintf(name, sizeof(name), "%s", driver->name);
	if (depth) {
		snprintf(params, sizeof(params), "depth=%d", depth);
		snprintf(name, sizeof(name), "%s/%d", driver->name, depth);
	}
	bind_with(driver, params, &node);
	delivery.stop = false;
	delivery.fd = evdev_open(&node);
	if (delivery.fd < 0 || pthread_create(&delivery.thread, NULL, read_delivery, NULL))
		die("no reader");
	usleep(200000);
	if (ioctl(bench, BENCH_HOOK) <= 0)
		die("%s: no URB is waiting for a report of %s", driver->name, d->name);
	for (i = 0; i < 2 * COUNT(rates); i++)
		deliver(g, name, rates[i % COUNT(rates)], i >= COUNT(rates));
	if (ioctl(bench, BENCH_UNHOOK))
		die("BENCH_UNHOOK: %s", strerror(errno));
	delivery.stop = true;
	pthread_join(delivery.thread, NULL);
	close(delivery.fd);
	unbind(driver);
}

static void run_delivery(struct gadget *g, const struct bench_device *d, const struct driver *driver,
			 int round)
{
	static const int depths[] = { 1, 2, 4, 16 };
	unsigned int i;

	(void)round;
	/* the same way: see the instructions */
	if (driver->driver)
		return;
	run_depth(g, d, driver, 0);
	for (i = 0; driver->mod == &mod_ours && i < COUNT(depths); i++)
		run_depth(g, d, driver, depths[i]);
}

static void prepare_memory(void)
{
	static const char *const events[] = {
		"kmem:kmalloc", "kmem:kmem_cache_alloc", "kmem:kfree", "kmem:kmem_cache_free",
	};
	unsigned int i;

	if (mount("tracefs", "/sys/kernel/tracing", "tracefs", 0, NULL)) {
		printf("?\tthis kernel has no trace events: %s\n", strerror(errno));
		exit(1);
	}
	write_file(TRACING "tracing_on", "0");
	write_file(TRACING "buffer_size_kb", "8192");
	for (i = 0; i < COUNT(events); i++) {
		int fd = open(TRACING "set_event", O_WRONLY | O_APPEND | O_CLOEXEC);

		if (fd < 0 || write(fd, events[i], strlen(events[i])) < 0)
			die("no trace event %s: %s", events[i], strerror(errno));
		close(fd);
	}
}

/* -------------------------------------------------------------------------- */

static void prepare_instructions(void)
{
	int ret = mod_load(&mod_bench, "");

	bench = ret ? -1 : open("/dev/bench", O_RDONLY | O_CLOEXEC);
	if (bench < 0)
		die("bench.ko: %s", strerror(ret ? -ret : errno));
	ret = ioctl(bench, BENCH_TICKS);
	if (ret != 1000) {
		printf("?\tTSC that counts no instructions: %d ticks for 1000\n", ret);
		exit(1);
	}
	printf("H\t%d\n", ioctl(bench, BENCH_HASH));
}

static void run_device(const struct bench_device *d, int rounds)
{
	void (*run)(struct gadget *, const struct bench_device *, const struct driver *, int) =
		rounds > 0 ? run_driver : rounds ? run_delivery : run_memory;

	const struct gadget_ep ep = { .addr = 0x81, .maxp = d->maxp, .interval = 1 };
	const struct gadget_if gif = {
		.subclass = d->protocol ? 1 : 0,
		.protocol = d->protocol,
		.rdesc = d->rdesc,
		.rdesc_len = d->rdesc_len,
		.eps = &ep,
		.neps = 1,
	};
	const struct gadget_desc desc = {
		.vid = BENCH_VENDOR,
		.pid = d->product,
		.manufacturer = "hrmouse",
		.product = "bench device",
		.speed = USB_SPEED_HIGH,
		.ifs = &gif,
		.nifs = 1,
	};
	struct gadget *g = gadget_plug(&desc, 0);
	struct evdev_node node;
	unsigned int i;
	int round;

	if (!g)
		die("%s cannot be plugged in: %s", d->name, strerror(errno));
	if (gadget_wait_configured(g, WAIT_MS) ||
	    evdev_wait(0, 0, drivers[0].parent, WAIT_MS, &node))
		die("%s: usbhid does not take it", d->name);
	for (round = 0; round == 0 || round < rounds; round++)
		for (i = 0; i < COUNT(drivers); i++)
			if (drivers[i].mod != &mod_usbmouse || d->usbmouse)
				run(g, d, &drivers[i], round);
	gadget_unplug(g);
	if (evdev_wait_gone(0, WAIT_MS))
		die("%s does not go away", d->name);
}

int main(int argc, char **argv)
{
	char why[256];
	unsigned int i, k;
	int rounds;

	if (argc < 3)
		die("usage: bench ROUNDS REPORTS PART...");
	rounds = atoi(argv[1]);
	n_reports = atoi(argv[2]);
	parts = argv + 3;
	n_parts = argc - 3;
	if (n_reports < 2 || n_reports % 2 ||
	    n_reports > (rounds > 0 ? BENCH_MAX_SAMPLES : MAX_SLOTS))
		die("from 2 to %d reports, an even number", BENCH_MAX_SAMPLES);
	prctl(PR_SET_TIMERSLACK, 1);
	if (sys_load_usbhid() || sys_need_gadgets(1, why, sizeof(why))) {
		printf("?\tusbhid and a gadget are needed: %s\n", why);
		return 1;
	}
	if (rounds)
		prepare_instructions();
	else
		prepare_memory();
	for (i = 0; i < COUNT(bench_devices); i++) {
		for (k = 0; k < COUNT(bench_devices[i].kinds); k++)
			if (wanted(&bench_devices[i], &bench_devices[i].kinds[k]))
				break;
		if (k < COUNT(bench_devices[i].kinds))
			run_device(&bench_devices[i], rounds);
	}
	if (sys_tainted())
		die("the kernel is tainted (%ld)", sys_tainted());
	return 0;
}
