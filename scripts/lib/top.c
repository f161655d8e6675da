// SPDX-License-Identifier: GPL-2.0
/*
 * Shows the report rate of each mouse that hrmouse drives, from its figures in debugfs. Compiled
 * and run by scripts/top, where its options are, and part of the guest as hrmouse-top.
 *
 * The intervals between reports are measured by the driver, and only while its file `timing` says
 * 1. The first of these programs sets that, the last one puts back what was there before.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define DEBUGFS		"/sys/kernel/debug"
#define DEBUGFS_MAGIC	0x64626720
#define LOCK		"/run/hrmouse-top.lock"
#define MAX_MICE	64
#define MAX_COUNTERS	32
#define MAX_BINS	40
#define TICK_MS		100
#define WINDOW		11	/* ticks that "the most in a second" looks back, and this one */
#define REDRAW		5	/* ticks; also those over which "now" is counted */
#define PLAIN		10	/* ticks between the lines where nothing can be redrawn */
#define MAX_FRAME	(1 << 18)

typedef unsigned long long u64;

struct counter {
	char name[24];
	u64 value;
};

struct bin {
	u64 low, high, count;
};

/* a block of the file `stats` */
struct mouse {
	char intf[40];
	char name[128];
	char speed[16];
	u64 interval, depth, reports;
	u64 gap_min, gap_mean, gap_max;
	bool timed;
	int n_counters, n_bins;
	struct counter counters[MAX_COUNTERS];	/* what went wrong */
	struct bin bins[MAX_BINS];
};

/* what is known of a mouse since it was first seen, or since "r" */
struct watch {
	struct mouse first, last;
	double since;
	double at[WINDOW];
	u64 reports[WINDOW];
	int n;			/* of these two, the newest one last */
	double now, most;	/* reports per second */
	bool seen;
};

static struct watch watched[MAX_MICE];
static int n_watched;
static char text[1 << 18], left[1 << 14];
static char dir[PATH_MAX];	/* hrmouse's in debugfs */
static const char *root;	/* stands for debugfs in tests */
static bool loaded = true;
static volatile sig_atomic_t ended;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static void __attribute__((noreturn, format(printf, 1, 2))) cannot(const char *fmt, ...)
{
	va_list ap;

	fputs("top: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(2);
}

/* ---- debugfs ---- */

static int open_file(const char *name, int flags)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return open(path, flags | O_CLOEXEC);
}

/* the length, or -1 */
static ssize_t read_file(const char *name, char *to, size_t size)
{
	int fd = open_file(name, O_RDONLY);
	size_t len = 0;
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, to + len, size - 1 - len)) > 0)
		len += n;
	close(fd);
	to[len] = 0;
	return n < 0 ? -1 : (ssize_t)len;
}

/* Why nothing can be shown, and what to type */
static void explain(void)
{
	const char *base = root ?: DEBUGFS;
	struct statfs fs;
	char usb[PATH_MAX];
	int error;

	snprintf(usb, sizeof(usb), "%s/usb", base);
	if (!access(usb, X_OK)) {
		if (!access(dir, X_OK)) {
			if (read_file("stats", text, sizeof(text)) >= 0)
				return;
			error = errno;
			if (error == ENOENT)
				cannot("this hrmouse keeps no figures: build the one of this repository");
			if (error == EPERM && !geteuid())
				cannot("the kernel is locked down, which closes debugfs: turn Secure Boot off");
			if (error != EACCES && error != EPERM)
				cannot("%s/stats cannot be read: %s", dir, strerror(error));
		} else if (errno == ENOENT) {
			cannot("hrmouse is not loaded, type: sudo modprobe hrmouse");
		}
	} else if (errno == ENOENT) {
		if (!statfs(base, &fs) && fs.f_type == DEBUGFS_MAGIC)
			cannot("hrmouse is not loaded, type: sudo modprobe hrmouse");
		cannot("debugfs is not mounted, type: sudo mount -t debugfs none %s", base);
	}
	cannot("only root may read hrmouse's figures, type: sudo scripts/top");
}

/* ---- `timing`, shared by all that run ---- */

static int lock_fd = -1;

/* byte 0 of the file is held for a moment by who comes or goes, byte 1 is shared by those here */
static bool lock(int byte, short type, bool wait)
{
	struct flock lk = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
	int ret;

	do
		ret = fcntl(lock_fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lk);
	while (ret && errno == EINTR);
	return !ret;
}

/* Whether nobody else is here; on a kernel without file locks there is no telling */
static bool alone(void)
{
	return lock(1, F_WRLCK, false) || !lock(1, F_RDLCK, true);
}

static void set_timing(char value)
{
	int fd = open_file("timing", O_WRONLY | O_TRUNC);

	if (fd < 0)
		return;
	if (write(fd, &value, 1) != 1)
		perror("top: timing");
	close(fd);
}

static void timing_start(void)
{
	char path[PATH_MAX], before[8], owed;

	snprintf(path, sizeof(path), "%s%s", root ?: "", root ? "/lock" : LOCK);
	lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock_fd < 0)
		cannot("%s cannot be made: %s", path, strerror(errno));
	lock(0, F_WRLCK, true);
	if (alone()) {
		/* one that was killed still owes what the file holds */
		if (pread(lock_fd, &owed, 1, 0) != 1 &&
		    read_file("timing", before, sizeof(before)) > 0 &&
		    pwrite(lock_fd, before, 1, 0) != 1)
			perror("top: lock");
		/* the driver's figures start anew with this, which is not for those who join */
		set_timing('1');
	}
	lock(1, F_RDLCK, true);
	lock(0, F_UNLCK, false);
}

static void timing_end(void)
{
	char before;

	if (lock_fd < 0)
		return;
	lock(0, F_WRLCK, true);
	if (alone() && pread(lock_fd, &before, 1, 0) == 1) {
		set_timing(before);
		if (ftruncate(lock_fd, 0))
			perror("top: lock");
	}
	close(lock_fd);
	lock_fd = -1;
}

/* ---- reading ---- */

/* a device may call itself anything; the terminal gets plain text */
static void plain(char *to, size_t size, const char *from)
{
	size_t i;

	for (i = 0; i < size - 1 && from[i]; i++)
		to[i] = from[i] >= ' ' && from[i] < 127 ? from[i] : '?';
	to[i] = 0;
}

static bool is_problem(const char *key)
{
	return !strncmp(key, "dropped_", 8) || !strncmp(key, "error_", 6) || !strcmp(key, "resets");
}

static void parse_line(struct mouse *m, char *line)
{
	static const struct {
		const char *key;
		size_t at;
	} numbers[] = {
		{ "interval", offsetof(struct mouse, interval) },
		{ "depth", offsetof(struct mouse, depth) },
		{ "reports", offsetof(struct mouse, reports) },
		{ "gap_min", offsetof(struct mouse, gap_min) },
		{ "gap_mean", offsetof(struct mouse, gap_mean) },
		{ "gap_max", offsetof(struct mouse, gap_max) },
	};
	char *value = strchr(line, ' ');
	struct bin *b = &m->bins[m->n_bins];
	struct counter *c = &m->counters[m->n_counters];
	size_t i;

	if (!value)
		return;
	*value++ = 0;
	if (!strcmp(line, "speed"))
		plain(m->speed, sizeof(m->speed), value);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (!strcmp(line, numbers[i].key))
			*(u64 *)((char *)m + numbers[i].at) = strtoull(value, NULL, 10);
	if (!strcmp(line, "gap_mean"))
		m->timed = true;
	if (!strcmp(line, "gap") && m->n_bins < MAX_BINS &&
	    sscanf(value, "%llu %llu %llu", &b->low, &b->high, &b->count) == 3)
		m->n_bins++;
	if (is_problem(line) && m->n_counters < MAX_COUNTERS) {
		plain(c->name, sizeof(c->name), line);
		c->value = strtoull(value, NULL, 10);
		m->n_counters++;
	}
}

static void start_watch(struct watch *w, const struct mouse *m, double t)
{
	*w = (struct watch){ .first = *m, .since = t };
}

static void note(const struct mouse *m, double t)
{
	struct watch *w;
	double seconds;
	int i, back;

	for (w = watched; w < watched + n_watched; w++)
		if (!strcmp(w->first.intf, m->intf) && !strcmp(w->first.name, m->name))
			break;
	if (w == watched + MAX_MICE)
		return;
	if (w == watched + n_watched) {
		n_watched++;
		start_watch(w, m, t);
	} else if (m->reports < w->last.reports) {
		/* counted anew: another driver had it in between */
		start_watch(w, m, t);
	}
	w->seen = true;
	w->last = *m;
	if (w->n == WINDOW) {
		memmove(w->at, w->at + 1, sizeof(w->at) - sizeof(w->at[0]));
		memmove(w->reports, w->reports + 1, sizeof(w->reports) - sizeof(w->reports[0]));
		w->n--;
	}
	w->at[w->n] = t;
	w->reports[w->n++] = m->reports;

	back = w->n > REDRAW ? w->n - 1 - REDRAW : 0;
	seconds = t - w->at[back];
	w->now = seconds > 0 ? (m->reports - w->reports[back]) / seconds : 0;
	/* the shortest span that is a second long */
	for (i = w->n - 2; i >= 0; i--) {
		seconds = t - w->at[i];
		if (seconds >= 0.999) {
			if ((m->reports - w->reports[i]) / seconds > w->most)
				w->most = (m->reports - w->reports[i]) / seconds;
			break;
		}
	}
}

static int by_intf(const void *a, const void *b)
{
	const struct watch *v = a, *w = b;

	return strverscmp(v->first.intf, w->first.intf);
}

static void sample(void)
{
	double t = now();
	struct mouse m;
	char *line, *rest, *name;
	int i;

	if (read_file("stats", text, sizeof(text)) < 0) {
		/* unloaded: what comes next starts from nothing */
		loaded = false;
		n_watched = 0;
		return;
	}
	if (!loaded)
		set_timing('1');
	loaded = true;
	for (i = 0; i < n_watched; i++)
		watched[i].seen = false;
	memset(&m, 0, sizeof(m));
	for (rest = text; (line = strsep(&rest, "\n")); ) {
		name = strstr(line, ": ");
		if (!*line) {
			if (*m.intf)
				note(&m, t);
			memset(&m, 0, sizeof(m));
		} else if (!*m.intf && name) {
			*name = 0;
			plain(m.intf, sizeof(m.intf), line);
			plain(m.name, sizeof(m.name), name + 2);
		} else {
			parse_line(&m, line);
		}
	}
	if (*m.intf)
		note(&m, t);
	for (i = 0; i < n_watched; i++)
		if (!watched[i].seen)
			watched[i--] = watched[--n_watched];
	qsort(watched, n_watched, sizeof(watched[0]), by_intf);
}

/* how much more it is than it was; the driver may have begun anew */
static u64 added(u64 value, u64 first)
{
	return value < first ? value : value - first;
}

/* how often an interval of this bin was seen since @first */
static u64 bin_new(const struct watch *w, const struct bin *b)
{
	int i;

	for (i = 0; i < w->first.n_bins; i++)
		if (w->first.bins[i].low == b->low)
			return added(b->count, w->first.bins[i].count);
	return b->count;
}

static u64 counter_new(const struct watch *w, const struct counter *c)
{
	int i;

	for (i = 0; i < w->first.n_counters; i++)
		if (!strcmp(w->first.counters[i].name, c->name))
			return added(c->value, w->first.counters[i].value);
	return c->value;
}

static double permitted(const struct mouse *m)
{
	return m->interval ? 1e6 / m->interval : 0;
}

static double whole_rate(const struct watch *w)
{
	double seconds = w->n ? w->at[w->n - 1] - w->since : 0;

	return seconds > 0 ? (w->last.reports - w->first.reports) / seconds : 0;
}

/* ---- the picture: lines cut to the width of the screen ---- */

static char frame[MAX_FRAME];
static size_t frame_len;
static int width = 80, height = 24, column, row;
static bool screen, colour, utf8;

static bool full(void)
{
	return frame_len > MAX_FRAME - 64 || (screen && row >= height);
}

static void put(const char *s)
{
	for (; *s && !full(); s++) {
		/* if it is not the rest of a character */
		if ((*s & 0xc0) != 0x80)
			column++;
		if (!screen || column <= width)
			frame[frame_len++] = *s;
	}
}

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	put(line);
}

static void style(const char *sgr)
{
	if (colour && !full())
		frame_len += sprintf(frame + frame_len, "\033[%sm", sgr);
}

static void end_line(void)
{
	style("0");
	if (full())
		return;
	if (screen && column < width)
		frame_len += sprintf(frame + frame_len, "\033[K");
	column = 0;
	row++;
	if (!screen)
		frame[frame_len++] = '\n';
	else if (row < height)
		frame_len += sprintf(frame + frame_len, "\r\n");
}

static void bar(double part, int cells)
{
	int eighths = part * cells * 8 + 0.5, i;

	if (part > 1)
		eighths = cells * 8;
	for (i = 0; i < cells; i++, eighths -= 8) {
		if (utf8 && eighths > 0 && eighths < 8) {
			char block[4] = { '\xe2', '\x96', '\x90' - eighths, 0 };

			put(block);
		} else {
			put(eighths < 4 ? " " : utf8 ? "█" : "#");
		}
	}
}

static const char *micro(void)
{
	return utf8 ? "µs" : "us";
}

/* a line for each mouse, four, or as many as its histogram has, whichever there is room for */
enum detail { LINE, SUMMARY, HISTOGRAM };

/* no report was lost: packets of no bytes, and reports from before the mouse was opened */
static bool is_harmless(const struct counter *c)
{
	return !strcmp(c->name, "dropped_empty") || !strcmp(c->name, "dropped_old");
}

static bool any_counter(const struct mouse *m, bool harmless)
{
	int i;

	for (i = 0; i < m->n_counters; i++)
		if (m->counters[i].value && (harmless || !is_harmless(&m->counters[i])))
			return true;
	return false;
}

static int lines_of(const struct watch *w, enum detail detail)
{
	int lines = 4 + any_counter(&w->last, true), i;

	if (detail == LINE)
		return 1;
	if (detail == HISTOGRAM)
		for (i = 0; i < w->last.n_bins; i++)
			lines += bin_new(w, &w->last.bins[i]) > 0;
	return lines;
}

static void show_histogram(const struct watch *w)
{
	const struct mouse *m = &w->last;
	u64 all = 0, most = 1, n;
	int i;

	for (i = 0; i < m->n_bins; i++) {
		n = bin_new(w, &m->bins[i]);
		all += n;
		most = n > most ? n : most;
	}
	for (i = 0; i < m->n_bins; i++) {
		n = bin_new(w, &m->bins[i]);
		if (!n)
			continue;
		say("  %7llu to %7llu %s ", m->bins[i].low, m->bins[i].high, micro());
		style("36");
		bar((double)n / most, width > 80 ? 40 : 24);
		style("0");
		say(" %5.1f %%  %llu", 100.0 * n / all, n);
		end_line();
	}
}

static void show_problems(const struct watch *w)
{
	const struct mouse *m = &w->last;
	u64 n;
	int i;

	say(" ");
	for (i = 0; i < m->n_counters; i++) {
		const struct counter *c = &m->counters[i];

		if (!c->value)
			continue;
		n = counter_new(w, c);
		say(" ");
		style(is_harmless(c) ? "0" : n ? "1;41;37" : "33");
		say(" %s %llu", c->name, c->value);
		if (n && n != c->value)
			say(" (+%llu)", n);
		say(" ");
		style("0");
	}
	end_line();
}

static void show_mouse(const struct watch *w, enum detail detail, double rate)
{
	const struct mouse *m = &w->last;
	double most = w->most > rate || screen ? w->most : rate;

	if (detail == LINE) {
		say("%-10s ", m->intf);
		style("1;32");
		say("%6.0f", rate);
		style("0");
		say("/s  most %6.0f  of %5.0f  ", most, permitted(m));
		style(any_counter(m, false) ? "1;31" : "0");
		say("%s%s", m->name, any_counter(m, false) ? "  (drops or errors)" : "");
		end_line();
		return;
	}
	style("1");
	say("%s  %s", m->intf, m->name);
	end_line();
	say("  %s Mbit/s, polled every %llu %s: up to %.0f reports/s, %llu transfer%s deep",
	    m->speed, m->interval, micro(), permitted(m), m->depth, m->depth == 1 ? "" : "s");
	end_line();
	say("  reports/s ");
	style("1;32");
	say("%6.0f  ", rate);
	bar(permitted(m) ? rate / permitted(m) : 0, width > 80 ? 40 : 24);
	style("0");
	say("  most in 1 s ");
	style("1");
	say("%.0f", most);
	end_line();
	if (m->timed)
		say("  one every %6llu %s  min %llu, max %llu", m->gap_mean, micro(), m->gap_min,
		    m->gap_max);
	else
		say("  one every      - %s", micro());
	end_line();
	if (detail == HISTOGRAM)
		show_histogram(w);
	if (any_counter(m, true))
		show_problems(w);
}

static int count_lines(const char *s)
{
	int n = 0;

	while ((s = strchr(s, '\n'))) {
		s++;
		n++;
	}
	return n;
}

static void show_left(void)
{
	char *line, *rest = left, clean[256];

	if (!*left)
		return;
	end_line();
	style("1");
	say("left to usbhid");
	end_line();
	while ((line = strsep(&rest, "\n")))
		if (*line) {
			plain(clean, sizeof(clean), line);
			say("  %s", clean);
			end_line();
		}
}

static void show(bool live)
{
	enum detail detail = live && !screen ? LINE : HISTOGRAM;
	int lines, i;

	frame_len = 0;
	row = column = 0;
	if (read_file("left", left, sizeof(left)) < 0)
		*left = 0;
	if (screen) {
		frame_len += sprintf(frame, "\033[H");
		style("44;1;37");
		say("hrmouse: reports per second");
		say("%*s", width - column, "r counts anew, q quits ");
		end_line();
		for (;; detail--) {
			lines = 3 + count_lines(left);
			for (i = 0; i < n_watched; i++)
				lines += lines_of(&watched[i], detail) + (detail != LINE);
			if (detail == LINE || lines <= height)
				break;
		}
	}
	if (!n_watched) {
		style("1;33");
		say(loaded ? "hrmouse drives no mouse: plug one in" :
		    "hrmouse is not loaded any more: waiting for it");
		end_line();
	}
	for (i = 0; i < n_watched; i++) {
		if (i && detail != LINE)
			end_line();
		show_mouse(&watched[i], detail, live ? watched[i].now : whole_rate(&watched[i]));
	}
	if (screen || !live)
		show_left();
	if (screen)
		frame_len += sprintf(frame + frame_len, "\033[J");
}

/* ---- JSON ---- */

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		putchar(*s);
	}
	putchar('"');
}

static void json_mouse(const struct watch *w)
{
	const struct mouse *m = &w->last;
	double rate = whole_rate(w);
	const char *comma = "";
	int i;

	printf("{\"interface\": ");
	json_string(m->intf);
	printf(", \"name\": ");
	json_string(m->name);
	printf(", \"speed\": %g, \"interval_us\": %llu, \"permitted_per_s\": %.1f, \"depth\": %llu",
	       atof(m->speed), m->interval, permitted(m), m->depth);
	printf(", \"reports\": %llu, \"seconds\": %.3f, \"reports_per_s\": %.1f, \"most_per_s\": %.1f",
	       w->last.reports - w->first.reports, w->at[w->n - 1] - w->since, rate,
	       w->most > rate ? w->most : rate);
	if (m->timed)
		printf(", \"gap_us\": {\"min\": %llu, \"mean\": %llu, \"max\": %llu}", m->gap_min,
		       m->gap_mean, m->gap_max);
	else
		printf(", \"gap_us\": null");
	printf(", \"gaps\": [");
	for (i = 0; i < m->n_bins; i++) {
		if (!bin_new(w, &m->bins[i]))
			continue;
		printf("%s{\"from_us\": %llu, \"to_us\": %llu, \"count\": %llu}", comma, m->bins[i].low,
		       m->bins[i].high, bin_new(w, &m->bins[i]));
		comma = ", ";
	}
	printf("], \"problems\": {");
	comma = "";
	for (i = 0; i < m->n_counters; i++) {
		printf("%s", comma);
		json_string(m->counters[i].name);
		printf(": %llu", m->counters[i].value);
		comma = ", ";
	}
	printf("}}");
}

static void json(void)
{
	const char *comma = "";
	char *line, *rest = left, *why, clean[256];
	int i;

	if (read_file("left", left, sizeof(left)) < 0)
		*left = 0;
	printf("{\"mice\": [");
	for (i = 0; i < n_watched; i++) {
		printf("%s", i ? ", " : "");
		json_mouse(&watched[i]);
	}
	printf("], \"left\": [");
	while ((line = strsep(&rest, "\n"))) {
		plain(clean, sizeof(clean), line);
		why = strstr(clean, ": ");
		if (!why)
			continue;
		*why = 0;
		printf("%s{\"interface\": ", comma);
		json_string(clean);
		printf(", \"why\": ");
		json_string(why + 2);
		printf("}");
		comma = ", ";
	}
	printf("]}\n");
}

/* ---- --open: a mouse that nobody reads is not polled ---- */

static void open_mice(void)
{
	static int fds[256];
	char path[300], link[256];
	struct dirent *e;
	const char *driver;
	ssize_t n;
	DIR *d = opendir("/sys/class/input");
	int num, up;

	while (d && (e = readdir(d))) {
		if (sscanf(e->d_name, "event%d", &num) != 1 || num < 0 || num > 255)
			continue;
		/* the parent of the input device is the interface, or a HID device of it */
		for (up = 0, driver = NULL; up < 2 && !driver; up++) {
			snprintf(path, sizeof(path), "/sys/class/input/event%d/device/device/%sdriver", num,
				 up ? "../" : "");
			n = readlink(path, link, sizeof(link) - 1);
			link[n < 0 ? 0 : n] = 0;
			driver = strrchr(link, '/');
			if (driver && strcmp(driver, "/hrmouse"))
				driver = NULL;
		}
		if (driver && fds[num] <= 0) {
			snprintf(path, sizeof(path), "/dev/input/event%d", num);
			fds[num] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		} else if (!driver) {
			if (fds[num] > 0)
				close(fds[num]);
			fds[num] = 0;
		}
	}
	if (d)
		closedir(d);
}

/* ---- main ---- */

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static bool flush_frame(void)
{
	size_t done = 0;
	ssize_t n;

	while (done < frame_len) {
		n = write(STDOUT_FILENO, frame + done, frame_len - done);
		if (n < 0 && errno == EINTR && !ended)
			continue;
		if (n <= 0)
			return false;
		done += n;
	}
	return true;
}

static void fit(void)
{
	struct winsize ws;

	width = 80;
	height = 24;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) && ws.ws_col >= 20 && ws.ws_row >= 4) {
		width = ws.ws_col;
		height = ws.ws_row;
	}
}

/* what was typed */
static int key(void)
{
	char c;

	return read(STDIN_FILENO, &c, 1) == 1 ? tolower(c) : 0;
}

static void live(bool open_them)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	struct termios old, raw;
	bool keys = screen && !tcgetattr(STDIN_FILENO, &old);
	double next = now();
	unsigned int tick = 0;
	int i, ms;

	if (keys) {
		raw = old;
		raw.c_lflag &= ~(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	if (screen)
		printf("\033[?25l\033[2J");
	fflush(stdout);
	while (!ended) {
		if (open_them && tick % 10 == 0)
			open_mice();
		sample();
		if (tick % (screen ? REDRAW : PLAIN) == 0 && (screen || tick)) {
			fit();
			show(true);
			if (!flush_frame())
				break;
		}
		tick++;
		next += TICK_MS / 1000.0;
		if (next < now())	/* late, or stopped for a while */
			next = now();
		do {
			ms = (next - now()) * 1000 + 1;
			if (poll(&in, keys, ms > 0 ? ms : 0) <= 0)
				continue;
			switch (key()) {
			case 'q':
				ended = 1;
				break;
			case 'r':
				for (i = 0; i < n_watched; i++)
					start_watch(&watched[i], &watched[i].last, now());
				break;
			case 0:		/* the terminal is gone */
				keys = false;
			}
		} while (!ended && now() < next);
	}
	if (screen)
		printf("\033[0m\033[%d;1H\033[?25h\n", height);
	if (keys)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
}

static void once(double seconds, bool as_json, bool open_them)
{
	double end;

	if (open_them) {
		open_mice();
		/* what the devices kept comes first */
		usleep(200000);
	}
	end = now() + seconds;
	sample();
	while (!ended && now() < end) {
		double wait = end - now();

		usleep((wait < TICK_MS / 1000.0 ? wait : TICK_MS / 1000.0) * 1e6 + 1);
		sample();
	}
	if (as_json) {
		json();
	} else {
		show(false);
		fwrite(frame, 1, frame_len, stdout);
	}
}

static bool says_utf8(void)
{
	const char *names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *value;
	size_t i;

	for (i = 0; i < 3; i++) {
		value = getenv(names[i]);
		if (value && *value)
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return false;
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction on = { .sa_handler = on_signal };
	const char *term = getenv("TERM");
	bool one = false, as_json = false, open_them = false;
	double seconds = 2;
	char *end;
	size_t i;
	int arg;

	for (arg = 1; arg < argc; arg++) {
		bool more = arg + 1 < argc;

		if (!strcmp(argv[arg], "--once")) {
			one = true;
		} else if (!strcmp(argv[arg], "--json")) {
			one = as_json = true;
		} else if (!strcmp(argv[arg], "--open")) {
			open_them = true;
		} else if (!strcmp(argv[arg], "--root") && more) {
			root = argv[++arg];
		} else if (!strcmp(argv[arg], "--seconds") && more) {
			seconds = strtod(argv[++arg], &end);
			if (*end || !(seconds > 0 && seconds <= 86400))
				cannot("--seconds %s: give a number above 0", argv[arg]);
			one = true;
		} else {
			cannot("%s is not an option, or lacks its value; see scripts/top --help", argv[arg]);
		}
	}
	snprintf(dir, sizeof(dir), "%s/usb/hrmouse", root ?: DEBUGFS);
	explain();

	screen = !one && isatty(STDOUT_FILENO) && term && *term && strcmp(term, "dumb");
	colour = isatty(STDOUT_FILENO) && !as_json && term && *term && strcmp(term, "dumb");
	utf8 = says_utf8();
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &on, NULL);
	signal(SIGPIPE, SIG_IGN);

	timing_start();
	if (one)
		once(seconds, as_json, open_them);
	else
		live(open_them);
	timing_end();
	return fflush(stdout) ? 1 : 0;
}
