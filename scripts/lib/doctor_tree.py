# SPDX-License-Identifier: GPL-2.0-only
"""scripts/doctor: a tree, its configuration, and what make would build of it."""
import os
import pathlib
import re
import shlex

from doctor_common import (Cannot, audit, kconfig, numbers, read_config, release_of,
                           running_config, tree_config)

# what decides whether a module of one configuration fits a kernel of another
FIT = re.compile(
    r"(MODVERSIONS|SMP|PREEMPT(_BUILD|_RT|_DYNAMIC)?|MODULE_UNLOAD|LOCALVERSION|RANDSTRUCT|64BIT"
    r"|MODULE_SIG_FORCE|DEBUG_INFO_BTF_MODULES|DYNAMIC_DEBUG|TRACEPOINTS|JUMP_LABEL)$")


def check_tree(system):
    src, out = system.src, system.out
    if system.module or not (src / "Kbuild").is_file():
        return
    if out != src and ((src / ".config").exists() or (src / "include/config").is_dir()
                       or list(src.glob("arch/*/include/generated"))):
        system.stop("unclean", f"{src} was built in place, and make O={out} refuses such a tree",
                    f"cp {src}/.config ~/saved.config; make -C {src} mrproper")
    if not (src / "drivers/hid/hrmouse").is_dir():
        system.note("no-series", f"{src} has no hrmouse", f"scripts/apply {shlex.quote(str(src))}")


def check_config(system):
    """.config: there, of this tree, and as Kconfig would leave it."""
    src, out = system.src, system.out
    if system.module or not (src / "Kbuild").is_file():
        return
    path, config = out / ".config", tree_config(system)
    if config is None:
        _, name = running_config(system)
        unpack = f"zcat {name}" if name and name.endswith(".gz") else f"cat {name}"
        system.stop("no-config", f"{out} has no .config: make does not know what to build",
                    f"{unpack} >{shlex.quote(str(path))}" if name else system.make("defconfig"),
                    system.make("olddefconfig"))
        return
    head = re.search(r"^# Linux/\S+ (\S+) Kernel Configuration", path.read_text(errors="replace"),
                     re.M)
    version = system.run("make", "-s", "-C", src, "kernelversion")[1].strip()
    if head and version and numbers(head[1])[:2] != numbers(version)[:2]:
        system.stop("stale-config", f"{path} was made by {head[1]}, and the tree is {version}: "
                    "symbols have come and gone", system.make("olddefconfig"))
    if system.driver:
        settled = last_make(system)
        parts = modules_of(system)[1:]
        before = len(system.findings)
        for symbol in symbols_of(system):
            # a part may be off, and is without the driver's main module
            if symbol in parts and symbol in kconfig(system).definitions and (
                    config.get(symbol, "n") == "n" or len(system.findings) > before):
                continue
            if config.get(symbol, "n") == "n" or settled.get(symbol) != config[symbol]:
                check_symbol(system, symbol, config)
    system.ok(f".config: {len(config)} symbols")


def last_make(system):
    """What Kconfig made of .config at the last make; nothing if .config is newer."""
    auto = system.out / "include/config/auto.conf"
    if auto.exists() and auto.stat().st_mtime >= (system.out / ".config").stat().st_mtime:
        return read_config(auto)
    return {}


def objects_of(text, want):
    return re.findall(rf"^obj-\$[({{]CONFIG_(\w+)[)}}]\s*[:+]?=.*?{want}", text, re.M)


def modules_of(system):
    """The symbols of the driver's modules: first the main one, which depends on no other."""
    symbols = objects_of(kbuild_text(system.driver), r"\S+")

    def is_part(symbol):
        entries = kconfig(system).definitions.get(symbol, [])
        words = re.findall(r"\w+", " ".join(d for e in entries for d in map(str, e.all_depends())))
        return any(other in words for other in symbols if other != symbol)
    return sorted(symbols, key=is_part)


def symbols_of(system):
    """The CONFIG_ symbols on which the driver's directory depends, from its Makefile up."""
    symbols, child = modules_of(system), system.driver
    for directory in system.driver.parents:
        if directory == system.src:
            break
        symbols += objects_of(kbuild_text(directory), rf"\s*\b{re.escape(child.name)}/")
        child = directory
    return list(dict.fromkeys(symbols))


def check_symbol(system, symbol, config):
    value = config.get(symbol)
    entries = kconfig(system).definitions.get(symbol)
    script = f"cd {shlex.quote(str(system.out))} && {system.src}/scripts/config"
    where_ = system.driver.relative_to(system.src)
    if not entries:
        close = [name for name in kconfig(system).definitions if name in symbol or symbol in name]
        mend = [f"grep -rn 'CONFIG_{symbol}' {system.src / where_}"]
        if close:
            mend.append(f"Kconfig has {', '.join(sorted(close, key=len)[-3:])}.")
        else:
            mend.append("No Kconfig file that is read defines it: is its 'source' line there?")
        system.stop(f"symbol:{symbol}",
                    (f"{where_}/Makefile builds only with CONFIG_{symbol}, and Kconfig has no "
                     "such symbol: make skips it without a word"), *mend)
        return
    if symbol not in config:
        blocked = [r for e in entries for r in audit.failing(e.all_depends(), config, 1)]
        if not blocked:
            system.stop(f"stale-config:{symbol}",
                        (f"{system.out}/.config is older than CONFIG_{symbol}: it says nothing of "
                         "it, and make asks or leaves it out"), f"{script} -m {symbol}",
                        system.make("olddefconfig"))
            return
    if value in (None, "n"):
        blocked = [r for e in entries for r in audit.failing(e.all_depends(), config, 1)]
        system.stop(f"config:{symbol}", f"CONFIG_{symbol} is not set, so make skips {where_} "
                    "without a word" + (f"; not met: {'; '.join(blocked)}" if blocked else ""),
                    *(f"{script} -e {name}" for name in depended(blocked)),
                    f"{script} -m {symbol}", system.make("olddefconfig"))
        return
    unmet = audit.failing(entries[0].all_depends(), config, audit.VALUES.get(value, 1))
    unmet = [line for line in unmet if "decided by the compiler" not in line]
    if len(entries) == 1 and unmet and not audit.selected_by(kconfig(system), symbol, config):
        system.stop(f"config:{symbol}",
                    (f".config says CONFIG_{symbol}={value}, and Kconfig will drop that; not met: "
                     f"{'; '.join(unmet)}"), *(f"{script} -e {name}" for name in depended(unmet)),
                    f"{script} --set-val {symbol} {value}", system.make("olddefconfig"))


def depended(lines):
    """The symbols that are off in lines of audit.failing()."""
    return list(dict.fromkeys(name for line in lines if not line.startswith("!")
                              for name in re.findall(r"(\w+)=n", line)))


def differing(config, other):
    """Symbols. auto.conf has its strings without quotes."""
    return sorted(s for s in {*config, *other}
                  if config.get(s, "n").strip('"') != other.get(s, "n").strip('"'))


def check_differs(system):
    """The tree's configuration against the running kernel's, or another."""
    config = tree_config(system)
    if system.compare:
        other, name = read_config(pathlib.Path(system.compare)), system.compare
        if other is None:
            raise Cannot(f"there is no configuration {system.compare}")
    elif system.own or system.module and system.kernel_given:
        return  # not meant for the kernel that runs
    elif not system.src or not system.module and not (system.src / "Kbuild").is_file():
        return  # installed headers
    else:
        other, name = running_config(system)
    if config is None or not other:
        return
    text = ("CC_VERSION_TEXT", "GCC_VERSION", "LD_VERSION", "AS_VERSION", "PAHOLE_VERSION",
            "CLANG_VERSION")
    differ = [s for s in differing(config, other) if s not in text]
    if not differ:
        system.ok(f"configuration: that of {name}")
        return
    lost = [s for s in differ if config.get(s, "n") == "n" and other[s] in ("m", "y")]
    fit = [s for s in differ if FIT.match(s)]
    shown = differ if system.compare else fit
    cause = (f"{system.out}/.config differs from {name} in {len(differ)} symbols, {len(lost)} of "
             "them on there and off here")
    if shown:
        cause += ": " + ", ".join(f"{s} {other.get(s, 'n')} -> {config.get(s, 'n')}"
                                  for s in shown)
    if system.module and fit:
        system.stop("config-differs", cause + "; modules built here do not fit the running kernel",
                    system.install(f"linux-headers-{system.release}"))
    else:
        unpack = f"{'zcat' if name.endswith('.gz') else 'cat'} {name}"
        ours = "USB_HRMOUSE" in config and f"{system.src}/scripts/config -m USB_HRMOUSE"
        system.note("config-differs", cause, f"cd {shlex.quote(str(system.out))} && {unpack} | "
                    f"{system.src}/scripts/diffconfig /dev/stdin .config",
                    "To start from it, and lose what is set now:",
                    " && ".join(filter(None, [f"cp .config saved.config && {unpack} >.config", ours,
                                              system.make("olddefconfig")])))


# --- what make would build: make itself is asked, with the lists that Kbuild would read

LISTS = ("obj-y", "obj-m", "obj-", "lib-y", "subdir-y", "subdir-m", "always-y", "hostprogs")
ASK = """\
.PHONY: doctor
doctor: ;
src := {directory}
obj := {directory}
srctree := {src}
objtree := {out}
KERNELRELEASE := {release}
-include {config}
include {makefile}
""" + "".join(
    f"$(info doctor {name} $({name}))\n" for name in LISTS
)


def kbuild_file(directory):
    """Kbuild goes before Makefile."""
    return next((directory / name for name in ("Kbuild", "Makefile")
                 if (directory / name).is_file()), None)


def kbuild_text(directory):
    path = kbuild_file(directory)
    return path.read_text(errors="replace").replace("\\\n", " ") if path else ""


def makefiles(directory):
    """Directories at or below this one with obj- lines, nearest first."""
    found = []
    for top, dirs, names in os.walk(directory):
        dirs[:] = sorted(d for d in dirs if not d.startswith("."))
        if len(pathlib.Path(top).relative_to(directory).parts) > 4:
            dirs.clear()
        for name in {"Kbuild", "Makefile"} & set(names):
            text = pathlib.Path(top, name).read_text(errors="replace")
            if re.search(r"^\s*(obj|subdir)-\S+\s*[:+]?=", text, re.M):
                found.append(pathlib.Path(top))
                break
    return found


def lists(system, directory):
    makefile = kbuild_file(directory)
    result = {name: [] for name in LISTS}
    if makefile:
        # in a tree: what the next make takes; beside it: what the last make of the kernel left
        config = system.out and system.out / ("include/config/auto.conf" if system.module
                                              else ".config")
        text = ASK.format(directory=directory, src=system.src, out=system.out, config=config or "",
                          makefile=makefile, release=system.release)
        _, said = system.run("make", "-s", "-C", directory, "-f", "-", "doctor", text=text)
        for name, words in re.findall(r"^doctor (\S+)(.*)$", said, re.M):
            result[name] = words.split()
    return result


def unset_symbols(system, directory):
    """[(symbol, object)] whose symbol is not set."""
    config = (read_config(system.out / ("include/config/auto.conf" if system.module
                                        else ".config")) if system.out else {})
    found = re.findall(r"^\s*obj-\$[({]CONFIG_(\w+)[)}]\s*[:+]?=\s*(\S+)", kbuild_text(directory),
                       re.M)
    return [(s, o) for s, o in found if (config or {}).get(s, "n") == "n"]


def check_objects(system, directory, got):
    """Objects without a source: 'No rule to make target'."""
    text = kbuild_text(directory)
    for word in got["obj-m"] + got["obj-y"]:
        stem = word[:-2]
        if word.endswith("/") or not word.endswith(".o"):
            continue
        parts = re.search(rf"^\s*{re.escape(stem)}-(y|m|objs|\$[({{]CONFIG_\w+[)}}])\s*[:+]?=(.*)$",
                          text, re.M)
        if not parts and not any((directory / (stem + end)).exists() for end in (".c", ".S", ".rs",
                                                                                 ".o_shipped")):
            system.stop("no-source",
                        (f"{directory}/{kbuild_file(directory).name} wants {word}, and there is "
                         f"neither {stem}.c nor a line {stem}-y"),
                        f"ls {shlex.quote(str(directory))}")
        elif parts and word in parts[2].split():
            system.stop("own-name",
                        (f"{kbuild_file(directory)}: {stem}-{parts[1]} names {word}, the module "
                         f"itself: make drops it as circular, and {stem}.c is not in the module"),
                        (f"cd {directory} && mv {stem}.c {stem}-main.c && sed -i "
                         f"'/^{stem}-/s/{word}/{stem}-main.o/' {kbuild_file(directory).name}"))


def check_module(system):
    """From the module's directory down, as Kbuild goes."""
    if not system.module:
        return
    top, reached, by_subdir, builds, skipped, builtin = system.module, [], [], [], [], []
    todo = [top]
    while todo:
        directory = todo.pop()
        reached.append(directory)
        got = lists(system, directory)
        check_objects(system, directory, got)
        builds += [directory / o for o in got["obj-m"] if o.endswith(".o")]
        builtin += [directory / o for o in got["obj-y"] if o.endswith(".o")]
        skipped += [(s, o, directory) for s, o in unset_symbols(system, directory)]
        todo += [directory / o for o in got["obj-y"] + got["obj-m"] if o.endswith("/")
                 and (directory / o).is_dir()]
        by_subdir += [directory / o for o in got["subdir-y"] + got["subdir-m"]]
    with_lines = makefiles(top)
    before = len(system.findings)
    makefile = top / "Makefile"
    ignored = makefile.is_file() and re.search(r"^\s*obj-m", makefile.read_text(), re.M)
    if (top / "Kbuild").is_file() and ignored and not builds:
        system.stop("kbuild-file", f"{top} has a Kbuild, so the obj-m in its Makefile is never "
                    "read", f"cd {top} && grep -n obj-m Makefile >>Kbuild && ${{EDITOR:-nano}} "
                    "Kbuild")
    for directory in by_subdir:
        if directory in reached:
            continue
        reached.append(directory)
        if lists(system, directory)["obj-m"]:
            parent = directory.parent
            system.stop("subdir-y",
                        (f"{kbuild_file(parent)} leads to {directory.name}/ by subdir-y: make "
                         "goes there and makes no module of what it finds"),
                        (f"sed -i 's/^subdir-[ym]\\b.*/obj-m += {directory.name}\\//' "
                         f"{kbuild_file(parent)}"))
    for directory in with_lines:
        if directory not in reached and not any(d in reached for d in skipped_dirs(skipped)):
            text = kbuild_text(directory)
            if re.search(r"^\s*obj-(m|y|\$)", text, re.M):
                step = directory.relative_to(top).parts[0]
                system.stop("obj-m-place",
                            (f"{directory.relative_to(top)}/{kbuild_file(directory).name} has "
                             f"obj- lines, and nothing in {kbuild_file(top) or top} leads there: "
                             "make does not look at it"), f"echo 'obj-m += {step}/' "
                            f">>{kbuild_file(top) or top / 'Kbuild'}")
    for symbol, what, directory in skipped:
        cause = (f"{what} in {directory} is built only with CONFIG_{symbol}, which is not set in "
                 f"{system.out}")
        mend = (system.make("M=" + str(top), f"CONFIG_{symbol}=m", "modules"),)
        if builds:
            system.note(f"config:{symbol}", cause, *mend)
        else:
            system.stop(f"config:{symbol}", cause + ": make skips it without a word", *mend)
    if builtin and not builds:
        system.stop("obj-y",
                    (f"{builtin[0].parent} has {builtin[0].name} in obj-y: outside the kernel "
                     "tree only obj-m makes a module"), "sed -i 's/^obj-y/obj-m/' "
                    f"{kbuild_file(builtin[0].parent)}")
    if not builds and len(system.findings) == before:
        system.stop("nothing", f"nothing in {top} is in an obj-m line: make has nothing to do",
                    f"grep -rnE '^ *(obj|subdir)-' {top}")
    system.ok(f"modules: {' '.join(o.name[:-2] for o in builds)}")


def skipped_dirs(skipped):
    return [directory / what for _, what, directory in skipped if what.endswith("/")]


def check_driver(system):
    """From the driver's directory up: does each Makefile lead to the next?"""
    if not system.driver or system.module:
        return
    directory = system.driver
    got = lists(system, directory)
    check_objects(system, directory, got)
    if not any(got[name] for name in LISTS):
        system.stop("nothing", f"{kbuild_file(directory) or directory} names nothing to build",
                    f"ls {directory} && cat {kbuild_file(directory) or directory / 'Makefile'}")
    child = directory
    for parent in directory.parents:
        if parent == system.src:
            break
        got = lists(system, parent)
        name = child.name + "/"
        makefile = kbuild_file(parent)
        leads = [word.split("/")[0] + "/" for word in got["obj-y"] + got["obj-m"] + got["obj-"]
                 if "/" in word]
        if name not in leads:
            symbol = next((s for s in symbols_of(system)), "NAME")
            line = f"sed -i '$aobj-$(CONFIG_{symbol}) += {name}' {makefile}"
            if child.name in [word.rstrip("/") for word in got["subdir-y"] + got["subdir-m"]]:
                system.stop("subdir-y",
                            (f"{makefile} leads to {name} by subdir-y: make goes there and links "
                             "nothing of it into the kernel, nor makes a module of it"),
                            f"sed -i '/^subdir-.*{child.name}/d' {makefile}", line)
            else:
                system.stop("obj-m-place",
                            (f"nothing in {makefile} leads to {name}: make does not look into "
                             f"{child.relative_to(system.src)}"), line)
        child = parent
    system.ok(f"the way to {directory.relative_to(system.src)}")


# --- the kernel that a module is built against


def check_headers(system):
    release = system.release
    link = system.path(f"/lib/modules/{release}/build")
    if system.module and not system.kernel_given and not link.exists():
        others = sorted(p.parent.name for p in system.path("/lib/modules").glob("*/build")
                        if p.exists())
        system.stop("no-headers", f"there are no headers for the running kernel {release} ({link} "
                    + (f"leads to {os.readlink(link)}, which is not there)" if link.is_symlink()
                       else "is missing)") + (f"; there are some for {', '.join(others)}" if others
                                              else ""), system.install(f"linux-headers-{release}"),
                    *(((f"If {others[-1]} is installed and only not running yet: "
                        f"{system.sudo('reboot')}"),) if others else ()))
        return
    if link.exists():
        have = release_of(link)
        if have and have != release:
            tell = system.stop if system.module and not system.kernel_given else system.note
            tell("headers-differ",
                 (f"{link} leads to {link.resolve()}, headers of {have}, and {release} is "
                  "running: modules built with them do not load"),
                 system.install(f"--reinstall linux-headers-{release}"))
    if not system.module or not system.out:
        return
    missing = [n for n in ("include/generated/autoconf.h", "include/config/auto.conf",
                           "scripts/mod/modpost", "scripts/basic/fixdep")
               if not (system.out / n).exists()]
    package = not (system.src / "Kbuild").is_file()
    if missing:
        system.stop("not-prepared", f"{system.out} is not ready for modules: {missing[0]} is "
                    "missing", (system.install(f"--reinstall linux-headers-{release}") if package
                                else system.make("modules_prepare")))
    elif not (system.out / "Module.symvers").exists():
        system.stop("no-symvers",
                    (f"{system.out} has no Module.symvers: modules built there know no symbol of "
                     "the kernel, and insmod refuses them"),
                    (system.install(f"--reinstall linux-headers-{release}") if package
                     else system.make(f"-j{len(os.sched_getaffinity(0))}")))
    elif not package:
        check_stale(system)
    config = tree_config(system) or {}
    if text := config.get("CC_VERSION_TEXT", "").strip('"'):
        want = re.search(r"\) ([\d.]+)|version ([\d.]+)", text)
        _, said = system.run(*system.tool("CC"), "--version")
        have = re.search(r"\) ([\d.]+)|version ([\d.]+)", said)
        if want and have and numbers(want[0])[0] != numbers(have[0])[0]:
            system.note("compiler-differs", f"the kernel was built by {text}, and CC is "
                        f"{said.splitlines()[0]}", system.make(f"CC={text.split()[0]}",
                                                               f"M={system.module}", "modules"))


def check_stale(system):
    """make M= takes include/config/auto.conf and never looks whether .config has changed since."""
    config, auto = tree_config(system), read_config(system.out / "include/config/auto.conf")
    if config is None or auto is None:
        return
    differ = differing(config, auto)
    if differ:
        system.stop("stale-config",
                    (f"{system.out}/.config was changed and the kernel not built since; modules "
                     "are built as before the change: "
                     f"{', '.join(s + '=' + auto.get(s, 'n') for s in differ[:4])}"),
                    system.make("olddefconfig"), system.make(f"-j{len(os.sched_getaffinity(0))}"))
        return
    kernel, header = system.out / "vmlinux", system.out / "include/generated/autoconf.h"
    if kernel.exists() and header.stat().st_mtime > kernel.stat().st_mtime:
        system.note("kernel-older", f"{kernel} is older than its configuration: modules that are "
                    "built now may not fit it", system.make(f"-j{len(os.sched_getaffinity(0))}"))


def examine(system):
    if any(f.name in ("missing:GNU make", "path") for f in system.findings):
        return  # make is asked for the rest
    if system.src:
        check_tree(system)
        check_config(system)
        check_driver(system)
    check_module(system)
    check_headers(system)
    check_differs(system)
