// SPDX-License-Identifier: GPL-2.0
/* Modules, the kernel's log and its state, for the tests. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gadget.h"
#include "sys.h"

const struct mod mod_hrmouse = {
	.name = "hrmouse",
	.driver = "usb/drivers/hrmouse",
};

const struct mod mod_usbhid = {
	.name = "usbhid",
	.driver = "usb/drivers/usbhid",
};

#define UDCS	8
/* out-of-tree (bit 12) and unsigned (bit 13) modules are no trouble */
#define TAINT_MODULES	(3L << 12)

/* ---- modules ------------------------------------------------------------ */

static const char *wanted;
static char found[PATH_MAX];

static int visit(const char *path, const struct stat *st, int type,
		 struct FTW *ftw)
{
	const char *base = path + ftw->base;
	size_t i;

	(void)st;
	if (type != FTW_F)
		return 0;
	for (i = 0; wanted[i]; i++)
		if (base[i] != wanted[i] &&
		    !(base[i] == '-' && wanted[i] == '_'))
			return 0;
	if (strcmp(base + i, ".ko"))
		return 0;
	snprintf(found, sizeof(found), "%s", path);
	return 1;
}

static const char *mod_path(const struct mod *mod)
{
	const char *path = mod->path;
	struct utsname uts;
	char dir[128];

	if (mod == &mod_hrmouse && getenv("HRMOUSE_KO"))
		path = getenv("HRMOUSE_KO");
	if (path)
		return access(path, R_OK) ? NULL : path;

	uname(&uts);
	snprintf(dir, sizeof(dir), "/lib/modules/%s/kernel", uts.release);
	wanted = mod->name;
	return nftw(dir, visit, 16, FTW_PHYS) == 1 ? found : NULL;
}

static bool mod_listed(const char *name)
{
	char line[256], first[64];
	bool ret = false;
	FILE *f;

	f = fopen("/proc/modules", "re");
	if (!f)
		return false;
	while (!ret && fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s", first) == 1)
			ret = !strcmp(first, name);
	fclose(f);
	return ret;
}

enum mod_state mod_state(const struct mod *mod)
{
	char path[128];

	if (mod_listed(mod->name))
		return MOD_LOADED;
	if (mod->driver) {
		snprintf(path, sizeof(path), "/sys/bus/%s", mod->driver);
		if (!access(path, F_OK))
			return MOD_BUILTIN;
	}
	return mod_path(mod) ? MOD_UNLOADED : MOD_ABSENT;
}

/* a word for each parameter: a value with a blank is one that modprobe quotes */
static int run_modprobe(const char *name, const char *params)
{
	char words[256], *argv[16] = { "modprobe", "-q", (char *)name }, *save;
	int status, null, n = 3;
	pid_t pid;

	snprintf(words, sizeof(words), "%s", params);
	argv[n] = strtok_r(words, " ", &save);
	while (argv[n] && n < 14)
		argv[++n] = strtok_r(NULL, " ", &save);

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		null = open("/dev/null", O_RDWR);
		if (null >= 0) {
			dup2(null, 1);
			dup2(null, 2);
		}
		execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -ENOENT;
}

int mod_load(const struct mod *mod, const char *params)
{
	enum mod_state state = mod_state(mod);
	const char *path;
	int fd, ret = 0;

	if (state == MOD_LOADED || state == MOD_BUILTIN)
		return 0;
	path = mod_path(mod);
	if (!path)
		return -ENOENT;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, params ? params : "", 0))
		ret = -errno;
	close(fd);
	/* what it depends on is modprobe's knowledge */
	if (ret == -ENOENT)
		ret = run_modprobe(mod->name, params ? params : "");
	return ret == -EEXIST ? 0 : ret;
}

int sys_load_usbhid(void)
{
	static const struct mod hid = {
		.name = "hid",
		.driver = "hid/drivers",
	};
	static const struct mod generic = {
		.name = "hid_generic",
		.driver = "hid/drivers/hid-generic",
	};
	int ret;

	/* in a small guest nobody listens to uevents */
	ret = mod_load(&hid, NULL);
	if (!ret)
		ret = mod_load(&generic, NULL);
	return ret ? ret : mod_load(&mod_usbhid, NULL);
}

int mod_unload(const struct mod *mod)
{
	int i;

	for (i = 0; i < 500; i++) {
		if (!syscall(SYS_delete_module, mod->name, O_NONBLOCK))
			return 0;
		if (errno == ENOENT)
			return 0;
		if (errno != EAGAIN && errno != EBUSY)
			break;
		usleep(10000);
	}
	return -errno;
}

int sys_need_gadgets(int num, char *why, size_t size)
{
	const struct mod udc = { .name = "udc_core" };
	const struct mod hcd = {
		.name = "dummy_hcd",
		.driver = "platform/drivers/dummy_hcd",
	};
	const struct mod raw = { .name = "raw_gadget" };
	char params[32];
	int ret;

	if (geteuid()) {
		snprintf(why, size, "run as root");
		return -EPERM;
	}
	if (gadget_udc_count() < num && mod_state(&hcd) == MOD_LOADED)
		mod_unload(&hcd);
	if (gadget_udc_count() < num) {
		/* enough for all tests, so that it is loaded once */
		snprintf(params, sizeof(params), "num=%d",
			 num < UDCS ? UDCS : num);
		mod_load(&udc, NULL);
		ret = mod_load(&hcd, params);
		if (ret || gadget_udc_count() < num) {
			snprintf(why, size,
				 "no %d dummy_udc (%s): enable CONFIG_USB_DUMMY_HCD=m, or boot with dummy_hcd.num=%d",
				 num, strerror(-ret), num);
			return ret ? ret : -ENODEV;
		}
	}
	if (access("/dev/raw-gadget", F_OK)) {
		ret = mod_load(&raw, NULL);
		if (ret || access("/dev/raw-gadget", F_OK)) {
			snprintf(why, size,
				 "no /dev/raw-gadget (%s): enable CONFIG_USB_RAW_GADGET",
				 strerror(-ret));
			return ret ? ret : -ENODEV;
		}
	}
	return 0;
}

/* ---- the log ------------------------------------------------------------ */

#define KLOG_MARK	"selftest mark"

/* the log's start is far away: marks tell where a test began */
static unsigned int klog_marks;

int klog_rewind(const struct klog *log)
{
	char text[64], record[8192];
	ssize_t n;

	snprintf(text, sizeof(text), KLOG_MARK " %d.%u;", getpid(), log->mark);
	if (lseek(log->fd, 0, SEEK_SET) < 0)
		return -errno;
	for (;;) {
		n = read(log->fd, record, sizeof(record) - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n < 0)
			return -errno;
		record[n] = '\0';
		if (strstr(record, text))
			return 0;
	}
}

int klog_open(struct klog *log)
{
	char text[64];
	int ret = 0;

	log->fd = open("/dev/kmsg", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (log->fd < 0)
		return -errno;
	log->mark = ++klog_marks;
	snprintf(text, sizeof(text), KLOG_MARK " %d.%u;\n", getpid(),
		 log->mark);
	if (write(log->fd, text, strlen(text)) < 0)
		ret = -errno;
	if (!ret)
		ret = klog_rewind(log);
	if (ret)
		klog_close(log);
	return ret;
}

/* the text of the next record: 1, 0 at the end, -EPIPE if some were lost */
static int klog_next(int fd, char *text, size_t size)
{
	char record[8192];
	char *start;
	ssize_t n;

	n = read(fd, record, sizeof(record) - 1);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	record[n] = '\0';
	start = strchr(record, ';');
	start = start ? start + 1 : record;
	start[strcspn(start, "\n")] = '\0';
	snprintf(text, size, "%s", start);
	return 1;
}

int klog_count(const struct klog *log, const char *text, const char *also)
{
	char line[1024];
	int count = 0;
	int ret;

	for (;;) {
		ret = klog_next(log->fd, line, sizeof(line));
		if (ret < 0)
			return ret;
		if (!ret)
			return count;
		if (strstr(line, text) && (!also || strstr(line, also)))
			count++;
	}
}

bool klog_trouble(const struct klog *log, char *line, size_t size)
{
	static const char *const signs[] = {
		"BUG:", "WARNING:", "Oops", "refcount", "use-after-free",
		"general protection", "Call Trace", "locking dependency",
		"recursive locking", "sleeping function", "out-of-bounds",
		"blocked for more than", "detected stall", "memory leak",
		NULL
	};
	const char *const *sign;
	int ret;

	for (;;) {
		ret = klog_next(log->fd, line, size);
		if (!ret)
			return false;
		if (ret < 0) {
			snprintf(line, size, "log records lost");
			return true;
		}
		/* other code has known races: who looks for them judges */
		if (strstr(line, "BUG: KCSAN: ") && !strstr(line, "[hrmouse"))
			continue;
		for (sign = signs; *sign; sign++)
			if (strstr(line, *sign))
				return true;
	}
}

void klog_close(struct klog *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

long sys_tainted(void)
{
	char buf[32];
	ssize_t n;
	int fd;

	fd = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return -1;
	buf[n] = '\0';
	return atol(buf) & ~TAINT_MODULES;
}

/* ---- small files -------------------------------------------------------- */

int sys_read(const char *path, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;
	int fd;

	text[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	do {
		n = read(fd, text + used, size - 1 - used);
		if (n > 0)
			used += n;
	} while (n > 0 && used < size - 1);
	n = n < 0 ? -errno : 0;
	close(fd);
	if (used && text[used - 1] == '\n')
		used--;
	text[used] = '\0';
	return n;
}

int sys_write(const char *path, const char *text)
{
	int fd, ret = 0;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

/* ---- kernels that check themselves --------------------------------------- */

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"
#define KCSAN		"/sys/kernel/debug/kcsan"
/* it does not look at what is younger than 5 s */
#define KMEMLEAK_AGE_US	5500000
#define SLOW		10

int sys_slow(void)
{
	return access(KMEMLEAK, F_OK) && access(KCSAN, F_OK) ? 1 : SLOW;
}

int sys_leaks_start(void)
{
	/* "clear" is accepted where it is off, too */
	int ret = sys_write(KMEMLEAK, "scan");

	return ret ? ret : sys_write(KMEMLEAK, "clear");
}

bool sys_leaks(char *text, size_t size)
{
	int tries;

	if (access(KMEMLEAK, W_OK))
		return false;
	usleep(KMEMLEAK_AGE_US);
	/*
	 * A first scan passes over what has changed since the last one, all new
	 * objects among that. What is on its way from here to there may be found
	 * by another look.
	 */
	for (tries = 0; tries < 2; tries++) {
		if (sys_write(KMEMLEAK, "scan") ||
		    sys_write(KMEMLEAK, "scan") ||
		    sys_read(KMEMLEAK, text, size) || !*text)
			return false;
		usleep(1000000);
	}
	return true;
}
