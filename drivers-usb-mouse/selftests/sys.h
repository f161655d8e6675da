/* SPDX-License-Identifier: GPL-2.0 */
/* Modules, the kernel's log and its state, for the tests. */
#ifndef SELFTEST_SYS_H
#define SELFTEST_SYS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How many times later a hang is a hang: 1, more in a kernel that checks itself
 * (kmemleak, KCSAN).
 */
int sys_slow(void);

/* of a test, in seconds */
#define TIMEOUT(seconds) ((seconds) * sys_slow())

enum mod_state {
	MOD_ABSENT,	/* not in this kernel */
	MOD_UNLOADED,	/* a module file that is not loaded */
	MOD_LOADED,
	MOD_BUILTIN,
};

/*
 * path is a module file, or NULL to look it up by name below
 * /lib/modules/<release>. driver is the directory below /sys/bus that tells a
 * built-in driver ("usb/drivers/usbhid"), or NULL.
 */
struct mod {
	const char *name;	/* as in /proc/modules, with underscores */
	const char *path;
	const char *driver;
};

enum mod_state mod_state(const struct mod *mod);
/* 0 also if it is loaded already; -ENOENT: no such module */
int mod_load(const struct mod *mod, const char *params);
/* 0 also if it is not loaded; waits a moment while it is still in use */
int mod_unload(const struct mod *mod);

/* and what it needs to have event devices */
int sys_load_usbhid(void);

extern const struct mod mod_hrmouse;
extern const struct mod mod_usbhid;

/*
 * dummy_hcd with at least num controllers, and raw_gadget. Otherwise a
 * negative errno and what is missing in why.
 */
int sys_need_gadgets(int num, char *why, size_t size);

/* the kernel's log from a point in time on */
struct klog {
	int fd;
	unsigned int mark;
};

int klog_open(struct klog *log);
/* reads on; number of records that contain text (and also, unless NULL) */
int klog_count(const struct klog *log, const char *text, const char *also);
/* reads on; true and its text if a record shows that something broke */
bool klog_trouble(const struct klog *log, char *line, size_t size);
/* back to where klog_open() was, to look for something else */
int klog_rewind(const struct klog *log);
void klog_close(struct klog *log);

/*
 * /proc/sys/kernel/tainted without what loading a module built elsewhere
 * sets, -1 if it cannot be read
 */
long sys_tainted(void);

/*
 * Whole small files, as of sysfs: text without its last newline; 0 or a
 * negative errno.
 */
int sys_read(const char *path, char *text, size_t size);
int sys_write(const char *path, const char *text);

/*
 * What kmemleak says is lost since sys_leaks_start(): true and the first
 * record of it. Takes some seconds; false at once in a kernel without, for
 * which sys_leaks_start() returns a negative errno (-EPERM: it is off).
 */
int sys_leaks_start(void);
bool sys_leaks(char *text, size_t size);

#endif /* SELFTEST_SYS_H */
