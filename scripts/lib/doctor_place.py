# SPDX-License-Identifier: GPL-2.0-only
"""scripts/doctor: the place of a build: file system, clock, disk, memory."""
import os
import pathlib
import pwd
import re
import resource
import shlex
import tempfile
import time

from doctor_common import tree_config

CLOCK_SLACK = 5
# file systems that hosts share with their guests, and others that are no place for a build
POOR = {"vboxsf", "vfat", "exfat", "ntfs", "ntfs3", "fuseblk", "9p", "hfsplus",
        "fuse.vmhgfs-fuse", "drvfs", "cifs", "smb3", "prl_fs"}


def places(system):
    return list(dict.fromkeys(d for d in (system.module, system.out, system.src) if d))


def mount_of(system, directory):
    """(file system, mount point)"""
    best = ("", "")
    for line in (system.read("/proc/self/mounts").splitlines()
                 or system.read("/proc/mounts").splitlines()):
        _, point, kind = line.split()[:3]
        point = point.replace("\\040", " ")
        inside = f"{directory}/".startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[1]):
            best = (kind, point)
    return best


def folds_case(directory):
    names = set(os.listdir(directory))
    for name in names:
        other = name.swapcase()
        if other != name and other not in names:
            return os.path.exists(directory / other)
    return False


def check_file_system(system):
    for place in places(system):
        kind, point = mount_of(system, place)
        named = f"{place} (file system {kind} at {point})"
        away = (f"cp -a {shlex.quote(str(place))} ~/ && cd ~/{shlex.quote(place.name)}",
                "Build on the guest's own disk, and share only what was built.")
        if folds_case(place):
            if place == system.src:
                away = ("tar xf /usr/src/linux-source-*.tar.xz -C ~", *away[1:])
            system.stop("case-insensitive",
                        (f"{named} does not tell Makefile from MAKEFILE; a kernel tree has files "
                         "whose names differ in nothing else, and they overwrite each other"),
                        *away)
        if os.access(place, os.W_OK):
            with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as scratch:
                try:
                    os.symlink("target", f"{scratch}/link")
                except OSError as error:
                    system.stop("no-symlink",
                                (f"{named} cannot hold symbolic links ({error.strerror}), and the "
                                 "build makes some"), *away)
                check_clock_of(system, place, scratch)
        elif place != system.src or system.out == system.src:
            owner = pwd.getpwuid(os.stat(place).st_uid).pw_name
            system.stop("not-writable",
                        (f"{place} is not writable for {pwd.getpwuid(os.geteuid()).pw_name}; it "
                         f"belongs to {owner}"),
                        system.sudo(f"chown -R $(id -un) {shlex.quote(str(place))}"))
        if os.statvfs(place).f_flag & os.ST_NOEXEC:
            system.stop("noexec", f"{named} is mounted noexec: the build cannot run the programs "
                        "that it makes",
                        system.sudo(f"mount -o remount,exec {shlex.quote(point)}"))
        if re.search(r"[\s:]", str(place)):
            system.stop("path", f"the path {place} has a space or a colon: make cannot build there",
                        f"mv {shlex.quote(str(place))} ~/build-here")
        if kind in POOR and not any(f.name in ("case-insensitive", "no-symlink")
                                    for f in system.findings):
            system.note("file-system", f"{named} is slow for a build, and clocks and rights of "
                        "the host are in it", *away)
    system.ok("file system, links, rights")


def check_clock_of(system, place, scratch):
    """A file made now has the time of who keeps the file system: a shared folder's host."""
    probe = pathlib.Path(scratch, "now")
    probe.touch()
    ahead = probe.stat().st_mtime - time.time()
    if abs(ahead) > CLOCK_SLACK:
        system.stop("clock",
                    (f"the clock of {place} is {abs(ahead):.0f} s "
                     f"{'ahead of' if ahead > 0 else 'behind'} this machine's (a folder shared "
                     "with a host?): make builds too much or too little"),
                    system.sudo("timedatectl set-ntp true"))


def check_future(system):
    if any(f.name == "clock" for f in system.findings):
        return
    for place in places(system):
        status, found = system.run("find", place, "-path", "*/.git", "-prune", "-o", "-type", "f",
                                   "-newermt", f"@{time.time() + CLOCK_SLACK:.0f}", "-print",
                                   "-quit", timeout=20)
        if status == 0 and found.strip():
            ahead = os.stat(found.strip()).st_mtime - time.time()
            system.stop("clock",
                        (f"{found.strip()} is {ahead:.0f} s in the future, and there may be more: "
                         "make says 'Clock skew detected' and builds too much or too little"),
                        system.sudo("timedatectl set-ntp true"), f"find {shlex.quote(str(place))} "
                        f"-newermt now -exec touch {{}} +")
            return
    system.ok("the clock")


def need_megabytes(config, built):
    """Estimated: objects of a small kernel, of each module, and debug information with them."""
    if built:
        return 400
    if config is None:
        return 1500
    modules = sum(value == "m" for value in config.values())
    debug = config.get("DEBUG_INFO", "n") == "y"
    return 1500 * (1 + debug) + modules * (6 if debug else 1)


def check_space(system):
    if not system.out:
        return
    place = system.module or system.out
    config = tree_config(system)
    need = 50 if system.module else need_megabytes(config, (system.out / "vmlinux").exists())
    stat = os.statvfs(place)
    free = stat.f_bavail * stat.f_frsize >> 20
    where = shlex.quote(str(place))
    if free < need:
        debug = (() if not config or config.get("DEBUG_INFO", "n") == "n"
                 else ((f"cd {shlex.quote(str(system.out))} && {system.src}/scripts/config -d "
                        "DEBUG_INFO -e DEBUG_INFO_NONE"),))
        system.stop("space", f"{place} has {free} MB free and the build needs about {need} MB",
                    f"df -h {where}", *debug, "Build elsewhere with make "
                    "O=/path/on/a/larger/disk, or enlarge the disk.")
    elif stat.f_files and stat.f_favail < 20000:
        system.stop("space", f"{place} has only {stat.f_favail} inodes left: a build makes more "
                    "files", f"df -i {where}")
    else:
        system.ok(f"disk: {free} MB free, about {need} MB needed")


def memory_limits(system):
    """[(MB that can be had, the limit that says so)]"""
    info = dict(re.findall(r"^(\w+): +(\d+) kB", system.read("/proc/meminfo"), re.M))
    limits = []
    if "MemAvailable" in info:
        limits.append(((int(info["MemAvailable"]) + int(info.get("SwapFree", 0))) >> 10,
                       "memory and swap"))
    group = re.search(r"^0::(/.*)", system.read("/proc/self/cgroup"), re.M)
    group = pathlib.PurePosixPath(group[1] if group else "/")
    for level in [group, *group.parents]:
        most = system.read(f"/sys/fs/cgroup{level}/memory.max").strip()
        used = system.read(f"/sys/fs/cgroup{level}/memory.current").strip()
        if most.isdigit() and used.isdigit():
            limits.append(((int(most) - int(used)) >> 20, f"the limit of the group {level}"))
    for kind in resource.RLIMIT_AS, resource.RLIMIT_DATA:
        if (most := resource.getrlimit(kind)[0]) != resource.RLIM_INFINITY:
            limits.append((most >> 20, "the limit that ulimit shows"))
    return limits


def check_memory(system):
    config = tree_config(system) or {}
    # to link vmlinux; pahole reads all debug information at once
    need = 300 if system.module else 3000 if config.get("DEBUG_INFO_BTF") == "y" else 900
    jobs = len(os.sched_getaffinity(0))
    for have, limit in memory_limits(system):
        if have < need:
            mend = (["ulimit -v unlimited; ulimit -d unlimited"] if "ulimit" in limit
                    else [system.sudo(c) for c in ("fallocate -l 4G /swapfile",
                                                   "chmod 600 /swapfile", "mkswap /swapfile",
                                                   "swapon /swapfile")])
            if "group" in limit:
                mend = ["Give the container or the session more memory."]
            system.stop("memory",
                        (f"{limit} leave {have} MB; the build needs about {need} MB, or the "
                         "compiler is killed"), *mend)
            return
        if have < 250 * jobs:
            system.note("memory", f"{limit} leave {have} MB: too little for {jobs} jobs at a time",
                        system.make(f"-j{max(1, have // 400)}") if system.src else "make -j1")
    system.ok("memory")


def examine(system):
    if system.src:
        check_file_system(system)
        check_future(system)
        check_space(system)
        check_memory(system)
