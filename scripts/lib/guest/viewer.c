// SPDX-License-Identifier: GPL-2.0
/*
 * Shows, or with --record prints, what the pointers of this machine report.
 *
 *	viewer [--record] [TTY]
 *
 * Reads every event device that is a pointer, follows devices that come and go, ends on "q".
 * --record prints a line for each device, capability and event:
 *	DEV event0 driver=hrmouse id=0627:0001 name=QEMU QEMU USB Mouse
 *	CAP event0 TYPE CODE [MIN MAX FUZZ FLAT RESOLUTION]
 *	EV event0 TYPE CODE VALUE
 *	GONE event0
 *	READY N		(N pointers are open; printed when N changes)
 *	ERR …		(something was lost; the exit status is then 1)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define MAX_DEVS	32
#define OUT_SIZE	(1 << 20)
#define REDRAW_MS	40
#define BUCKETS		10	/* the report rate is counted over this many times 100 ms */
#define TRAIL		384
#define UNIT		8	/* pointer units for each dot of the field */

#ifndef REL_WHEEL_HI_RES
#define REL_WHEEL_HI_RES	0x0b
#define REL_HWHEEL_HI_RES	0x0c
#endif

struct dev {
	int fd;
	int num;
	char name[80];
	char driver[32];
	unsigned int vid, pid;
	bool abs;
	struct input_absinfo ax, ay;
	int rawx, rawy;		/* sums of REL_X and REL_Y, or the last ABS_X and ABS_Y */
	long frames;
	int bucket[BUCKETS];
	int rate;
};

static struct dev devs[MAX_DEVS];
static int ndevs;
static int ready = -1;
static bool record, failed;
static int tty;

/* ---- output: a ring, so that a slow line never keeps the event devices waiting ---- */

static char out[OUT_SIZE];
static size_t out_head, out_used;

static void out_put(const char *s, size_t n)
{
	if (n > OUT_SIZE - out_used) {
		failed = true;
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[(out_head + out_used + i) % OUT_SIZE] = s[i];
	out_used += n;
}

static void __attribute__((format(printf, 1, 2))) put(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > (int)sizeof(line) - 1)
		n = sizeof(line) - 1;
	out_put(line, n);
}

static void out_flush(void)
{
	while (out_used) {
		size_t n = OUT_SIZE - out_head;
		ssize_t done;

		if (n > out_used)
			n = out_used;
		done = write(tty, out + out_head, n);
		if (done <= 0)
			return;
		out_head = (out_head + done) % OUT_SIZE;
		out_used -= done;
	}
}

/* ---- devices ---- */

static bool has_bit(const unsigned long *bits, int bit)
{
	const int width = 8 * sizeof(long);

	return bits[bit / width] >> (bit % width) & 1;
}

static void print_caps(const struct dev *d)
{
	unsigned long types[EV_CNT / 64 + 1] = { 0 };
	int type, code;

	ioctl(d->fd, EVIOCGBIT(0, sizeof(types)), types);
	for (type = 1; type < EV_CNT; type++) {
		unsigned long codes[KEY_CNT / 64 + 1] = { 0 };

		if (type == EV_REP || !has_bit(types, type))
			continue;
		ioctl(d->fd, EVIOCGBIT(type, sizeof(codes)), codes);
		for (code = 0; code < KEY_CNT; code++) {
			struct input_absinfo a;

			if (!has_bit(codes, code))
				continue;
			if (type == EV_ABS && !ioctl(d->fd, EVIOCGABS(code), &a))
				put("CAP event%d %d %d %d %d %d %d %d\n", d->num, type, code,
				    a.minimum, a.maximum, a.fuzz, a.flat, a.resolution);
			else
				put("CAP event%d %d %d\n", d->num, type, code);
		}
	}
}

static bool is_pointer(int fd, bool *abs)
{
	unsigned long rel[REL_CNT / 64 + 1] = { 0 };
	unsigned long ab[ABS_CNT / 64 + 1] = { 0 };
	unsigned long key[KEY_CNT / 64 + 1] = { 0 };

	ioctl(fd, EVIOCGBIT(EV_REL, sizeof(rel)), rel);
	ioctl(fd, EVIOCGBIT(EV_ABS, sizeof(ab)), ab);
	ioctl(fd, EVIOCGBIT(EV_KEY, sizeof(key)), key);
	*abs = has_bit(ab, ABS_X) && has_bit(ab, ABS_Y);
	if (has_bit(rel, REL_X) && has_bit(rel, REL_Y))
		return true;
	return *abs && (has_bit(key, BTN_LEFT) || has_bit(key, BTN_TOUCH));
}

static void open_dev(int num)
{
	char path[80], link[256];
	struct input_id id = { 0 };
	struct dev *d;
	ssize_t n;
	int up;
	bool abs;
	int i, fd;

	for (i = 0; i < ndevs; i++)
		if (devs[i].num == num)
			return;
	snprintf(path, sizeof(path), "/dev/input/event%d", num);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return;
	if (ndevs == MAX_DEVS || !is_pointer(fd, &abs)) {
		close(fd);
		return;
	}
	d = &devs[ndevs++];
	memset(d, 0, sizeof(*d));
	d->fd = fd;
	d->num = num;
	d->abs = abs;
	ioctl(fd, EVIOCGNAME(sizeof(d->name) - 1), d->name);
	ioctl(fd, EVIOCGID, &id);
	d->vid = id.vendor;
	d->pid = id.product;
	if (abs) {
		ioctl(fd, EVIOCGABS(ABS_X), &d->ax);
		ioctl(fd, EVIOCGABS(ABS_Y), &d->ay);
		d->rawx = d->ax.value;
		d->rawy = d->ay.value;
	}
	/* the parent of the input device is the interface, or a HID device of it */
	for (up = 1; up >= 0; up--) {
		snprintf(path, sizeof(path), "/sys/class/input/event%d/device/device/%sdriver", num, up ? "../" : "");
		n = readlink(path, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = 0;
		snprintf(d->driver, sizeof(d->driver), "%s", strrchr(link, '/') ? strrchr(link, '/') + 1 : "-");
		if (!strcmp(d->driver, "hrmouse"))
			break;
	}
	if (record) {
		put("DEV event%d driver=%s id=%04x:%04x name=%s\n", num, d->driver, d->vid, d->pid, d->name);
		print_caps(d);
	}
}

static void close_dev(struct dev *d)
{
	if (record)
		put("GONE event%d\n", d->num);
	close(d->fd);
	*d = devs[--ndevs];
}

static void scan(void)
{
	int num;

	for (num = 0; num < 64; num++)
		open_dev(num);
}

/* ---- what the pointers did ---- */

static int field_w = 78, field_h = 24;	/* in dots; two dots to a character cell, one above the other */
static int px, py;			/* the pointer, in units */
static int wheel, hwheel;
static bool buttons[8];
static struct { short x, y; } trail[TRAIL];
static int trail_n;

static void trail_add(int x, int y)
{
	if (trail_n == TRAIL)
		memmove(trail, trail + 1, sizeof(trail[0]) * --trail_n);
	trail[trail_n].x = x;
	trail[trail_n++].y = y;
}

static void move_to(int x, int y, bool jump)
{
	int ox = px / UNIT, oy = py / UNIT, nx, ny, dx, dy, steps, i;

	px = x < 0 ? 0 : x > field_w * UNIT - 1 ? field_w * UNIT - 1 : x;
	py = y < 0 ? 0 : y > field_h * UNIT - 1 ? field_h * UNIT - 1 : y;
	nx = px / UNIT;
	ny = py / UNIT;
	dx = nx - ox;
	dy = ny - oy;
	steps = abs(dx) > abs(dy) ? abs(dx) : abs(dy);
	if (jump && steps > 7)		/* another device took over */
		return;
	for (i = 1; i <= steps; i++)
		trail_add(ox + dx * i / steps, oy + dy * i / steps);
}

static int scaled(int v, const struct input_absinfo *a, int units)
{
	long range = (long)a->maximum - a->minimum;

	return range > 0 ? (long)(v - a->minimum) * (units - 1) / range : 0;
}

static void handle(struct dev *d, const struct input_event *e)
{
	switch (e->type) {
	case EV_SYN:
		if (e->code == SYN_REPORT) {
			d->frames++;
			d->bucket[0]++;
		}
		break;
	case EV_KEY:
		if (e->code >= BTN_LEFT && e->code < BTN_LEFT + 8)
			buttons[e->code - BTN_LEFT] = e->value;
		break;
	case EV_REL:
		if (e->code == REL_X) {
			d->rawx += e->value;
			move_to(px + e->value, py, false);
		} else if (e->code == REL_Y) {
			d->rawy += e->value;
			move_to(px, py + e->value, false);
		} else if (e->code == REL_WHEEL) {
			wheel += e->value;
		} else if (e->code == REL_HWHEEL) {
			hwheel += e->value;
		}
		break;
	case EV_ABS:
		if (e->code == ABS_X) {
			d->rawx = e->value;
			move_to(scaled(e->value, &d->ax, field_w * UNIT), py, true);
		} else if (e->code == ABS_Y) {
			d->rawy = e->value;
			move_to(px, scaled(e->value, &d->ay, field_h * UNIT), true);
		}
		break;
	}
}

/* false: the device is gone */
static bool drain(struct dev *d)
{
	struct input_event ev[64];
	ssize_t n;
	int i;

	while ((n = read(d->fd, ev, sizeof(ev))) > 0) {
		for (i = 0; i < (int)(n / sizeof(ev[0])); i++) {
			if (ev[i].type == EV_SYN && ev[i].code == SYN_DROPPED) {
				failed = true;
				if (record)
					put("ERR event%d SYN_DROPPED\n", d->num);
			}
			if (record)
				put("EV event%d %d %d %d\n", d->num, ev[i].type, ev[i].code, ev[i].value);
			else
				handle(d, &ev[i]);
		}
	}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* ---- the screen: cells, and only those that changed are sent ---- */

#define MAX_W	200
#define MAX_H	70

struct cell {
	const char *ch;
	char ascii[2];
	unsigned char fg, bg, bold;
};

static struct cell want[MAX_H][MAX_W], shown[MAX_H][MAX_W];
static int scr_w = 80, scr_h = 24;
static bool redraw_all = true;

enum { BLACK, RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN, WHITE };

static void cell(int x, int y, const char *ch, int fg, int bg, int bold)
{
	if (x < 0 || y < 0 || x >= scr_w || y >= scr_h)
		return;
	want[y][x] = (struct cell){ .ch = ch, .fg = fg, .bg = bg, .bold = bold };
}

static int __attribute__((format(printf, 6, 7)))
text(int x, int y, int fg, int bg, int bold, const char *fmt, ...)
{
	char line[MAX_W + 1];
	va_list ap;
	int i;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (i = 0; line[i]; i++) {
		cell(x + i, y, NULL, fg, bg, bold);
		/* a device may call itself anything; the terminal gets plain text */
		if (x + i >= 0 && x + i < scr_w && y >= 0 && y < scr_h)
			want[y][x + i].ascii[0] = line[i] >= ' ' && line[i] < 127 ? line[i] : '?';
	}
	return x + i;
}

static bool same(const struct cell *a, const struct cell *b)
{
	return a->ch == b->ch && a->ascii[0] == b->ascii[0] && a->fg == b->fg && a->bg == b->bg && a->bold == b->bold;
}

static void send_screen(void)
{
	int x, y, fg = -1, bg = -1, bold = -1, cx = -1, cy = -1;

	if (redraw_all)
		put("\033[0m\033[2J\033[?25l");
	for (y = 0; y < scr_h; y++) {
		for (x = 0; x < scr_w; x++) {
			struct cell *c = &want[y][x];

			if (!redraw_all && same(c, &shown[y][x]))
				continue;
			if (x == scr_w - 1 && y == scr_h - 1)
				continue;	/* writing there would scroll */
			shown[y][x] = *c;
			if (cx != x || cy != y)
				put("\033[%d;%dH", y + 1, x + 1);
			if (fg != c->fg || bg != c->bg || bold != c->bold)
				put("\033[0;%s3%d;4%dm", c->bold ? "1;" : "", c->fg, c->bg);
			fg = c->fg;
			bg = c->bg;
			bold = c->bold;
			put("%s", c->ch ? c->ch : c->ascii[0] ? c->ascii : " ");
			cx = x + 1;
			cy = y;
		}
	}
	redraw_all = false;
}

#define DEV_ROWS 4

static void layout(void)
{
	struct winsize ws;

	if (!ioctl(tty, TIOCGWINSZ, &ws) && ws.ws_col >= 60 && ws.ws_row >= 20) {
		scr_w = ws.ws_col < MAX_W ? ws.ws_col : MAX_W;
		scr_h = ws.ws_row < MAX_H ? ws.ws_row : MAX_H;
	}
	field_w = scr_w - 2;
	field_h = 2 * (scr_h - DEV_ROWS - 8);
	px = field_w * UNIT / 2;
	py = field_h * UNIT / 2;
}

static void draw_field(int top)
{
	static unsigned char dot[2 * MAX_H][MAX_W];
	int rows = field_h / 2, x, y, i;

	memset(dot, BLACK, sizeof(dot));
	for (i = 0; i < trail_n; i++)
		dot[trail[i].y][trail[i].x] = i > trail_n - 40 ? CYAN : BLUE;
	x = px / UNIT;
	y = py / UNIT;
	for (i = -2; i <= 2; i++)
		if (x + i >= 0 && x + i < field_w)
			dot[y][x + i] = YELLOW;
	for (i = -2; i <= 2; i++)
		if (y + i >= 0 && y + i < field_h)
			dot[y + i][x] = YELLOW;
	dot[y][x] = WHITE;
	for (i = 0; i < rows; i++) {
		cell(0, top + 1 + i, "│", WHITE, BLACK, 0);
		cell(scr_w - 1, top + 1 + i, "│", WHITE, BLACK, 0);
		for (x = 0; x < field_w; x++) {
			int up = dot[2 * i][x], down = dot[2 * i + 1][x];

			if (up == BLACK && down == BLACK)
				cell(1 + x, top + 1 + i, " ", WHITE, BLACK, 0);
			else
				cell(1 + x, top + 1 + i, "▀", up, down, 0);
		}
	}
	for (x = 1; x < scr_w - 1; x++) {
		cell(x, top, "─", WHITE, BLACK, 0);
		cell(x, top + rows + 1, "─", WHITE, BLACK, 0);
	}
	cell(0, top, "┌", WHITE, BLACK, 0);
	cell(scr_w - 1, top, "┐", WHITE, BLACK, 0);
	cell(0, top + rows + 1, "└", WHITE, BLACK, 0);
	cell(scr_w - 1, top + rows + 1, "┘", WHITE, BLACK, 0);
}

static void draw(void)
{
	static const char * const names[8] = {
		"LEFT", "RIGHT", "MIDDLE", "SIDE", "EXTRA", "FORWARD", "BACK", "TASK"
	};
	static const int order[8] = { 0, 2, 1, 3, 4, 5, 6, 7 };
	int x, y, i, rate = 0;
	long frames = 0;

	memset(want, 0, sizeof(want));
	for (i = 0; i < ndevs; i++) {
		rate += devs[i].rate;
		frames += devs[i].frames;
	}
	for (x = 0; x < scr_w; x++)
		text(x, 0, WHITE, BLUE, 0, " ");
	text(1, 0, WHITE, BLUE, 1, "hrmouse: what the pointers of this machine report");
	text(scr_w - 8, 0, WHITE, BLUE, 1, "q quits");
	draw_field(1);

	y = field_h / 2 + 3;
	x = text(1, y, WHITE, BLACK, 0, "X ");
	x = text(x, y, GREEN, BLACK, 1, "%-5d", px);
	x = text(x, y, WHITE, BLACK, 0, "Y ");
	x = text(x, y, GREEN, BLACK, 1, "%-5d", py);
	x = text(x, y, WHITE, BLACK, 0, "wheel ");
	x = text(x, y, GREEN, BLACK, 1, "%-+5d", wheel);
	x = text(x, y, WHITE, BLACK, 0, "tilt ");
	x = text(x, y, GREEN, BLACK, 1, "%-+5d", hwheel);
	x = text(x, y, WHITE, BLACK, 0, "reports/s ");
	x = text(x, y, GREEN, BLACK, 1, "%-6d", rate);
	x = text(x, y, WHITE, BLACK, 0, "all ");
	text(x, y, GREEN, BLACK, 1, "%ld", frames);

	for (i = 0, x = 1; i < 8; i++) {
		bool lit = buttons[order[i]];

		x = text(x, y + 1, lit ? BLACK : WHITE, lit ? YELLOW : BLACK, 0, "[%s]", names[order[i]]) + 1;
	}

	y += 3;
	text(1, y++, CYAN, BLACK, 0, "%-8s %-9s %-12s %8s %8s %6s  %s", "device", "id", "driver", "x", "y", "rep/s", "name");
	if (!ndevs)
		text(1, y, YELLOW, BLACK, 1, "no pointer yet: waiting for one to be plugged in");
	for (i = 0; i < ndevs && i < DEV_ROWS; i++, y++) {
		struct dev *d = &devs[i];

		text(1, y, WHITE, BLACK, 0, "event%-3d %04x:%04x", d->num, d->vid, d->pid);
		text(20, y, GREEN, BLACK, 1, "%-12.12s", d->driver);
		text(33, y, WHITE, BLACK, 0, "%8d %8d %6d  %.*s", d->rawx, d->rawy, d->rate, scr_w - 60, d->name);
	}
	send_screen();
}

/* ---- time ---- */

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

static void roll_buckets(void)
{
	int i, j;

	for (i = 0; i < ndevs; i++) {
		struct dev *d = &devs[i];

		d->rate = 0;
		for (j = 0; j < BUCKETS; j++)
			d->rate += d->bucket[j];
		memmove(d->bucket + 1, d->bucket, sizeof(d->bucket[0]) * (BUCKETS - 1));
		d->bucket[0] = 0;
	}
}

static bool quit_pressed(void)
{
	char c;

	while (read(tty, &c, 1) == 1)
		if (c == 'q' || c == 'Q' || c == 3)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	const char *path = "/dev/tty";
	struct termios old, raw;
	long last_draw = 0, last_bucket = now_ms();
	bool is_tty;
	int i, ino;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--record"))
			record = true;
		else
			path = argv[i];
	}
	tty = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (tty < 0) {
		perror(path);
		return 2;
	}
	is_tty = !tcgetattr(tty, &old);
	if (is_tty) {
		raw = old;
		cfmakeraw(&raw);
		tcsetattr(tty, TCSANOW, &raw);
	}
	ino = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (ino < 0) {
		perror("inotify");
		return 2;
	}
	/* the directory comes with the first input device */
	while (inotify_add_watch(ino, "/dev/input", IN_CREATE | IN_ATTRIB) < 0)
		usleep(20000);
	layout();
	scan();

	for (;;) {
		struct pollfd p[MAX_DEVS + 2];
		char buf[4096];
		long now;
		int n = 0;

		if (record && ready != ndevs) {
			ready = ndevs;
			put("READY %d\n", ready);
		}
		p[n++] = (struct pollfd){ .fd = tty, .events = POLLIN | (out_used ? POLLOUT : 0) };
		p[n++] = (struct pollfd){ .fd = ino, .events = POLLIN };
		for (i = 0; i < ndevs; i++)
			p[n++] = (struct pollfd){ .fd = devs[i].fd, .events = POLLIN };
		if (poll(p, n, record ? -1 : REDRAW_MS) < 0 && errno != EINTR)
			break;
		for (i = ndevs - 1; i >= 0; i--)
			if (p[i + 2].revents && !drain(&devs[i]))
				close_dev(&devs[i]);
		if (p[1].revents && read(ino, buf, sizeof(buf)) > 0)
			scan();
		if ((p[0].revents & POLLIN) && quit_pressed())
			break;
		now = now_ms();
		if (!record && now - last_bucket >= 100) {
			roll_buckets();
			last_bucket = now;
		}
		/* a terminal that is behind gets the next picture when it has taken this one */
		if (!record && now - last_draw >= REDRAW_MS && !out_used) {
			draw();
			last_draw = now;
		}
		out_flush();
	}
	if (record) {
		for (i = 0; i < ndevs; i++)
			drain(&devs[i]);
		if (failed)
			put("ERR events were lost\n");
	} else {
		put("\033[0m\033[2J\033[H\033[?25h");
	}
	fcntl(tty, F_SETFL, fcntl(tty, F_GETFL) & ~O_NONBLOCK);
	out_flush();
	if (is_tty)
		tcsetattr(tty, TCSADRAIN, &old);
	return record && failed;
}
