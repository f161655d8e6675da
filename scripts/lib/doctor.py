#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Finds what stops a kernel or module build, a module from loading, a mouse from being hrmouse's.

  scripts/doctor [TREE] [VAR=value…]   why make fails or does nothing. TREE is a kernel tree, the
                                       directory of a driver in one, or a module's own directory.
                                       Default: KERNEL=path, or the tree of scripts/boot.
                                       VAR=value is what make is given: O=dir CC=clang LLVM=1 …
  scripts/doctor --ko FILE             why insmod refuses FILE
  scripts/doctor --mouse               why hrmouse does not drive the mouse

Each finding is a cause and the commands that mend it. STOP: the work cannot go on; note: it can.
Exit status: 0 nothing stops the work, 1 something does, 2 it cannot be told here.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

import doctor_ko
import doctor_mouse
import doctor_place
import doctor_tools
import doctor_tree
from doctor_common import Cannot

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass
class Finding:
    level: str  # "stop" or "note"
    name: str  # what kind it is: one word, and after a colon which one
    cause: str
    mend: tuple  # commands, or where there is none, words that begin with a capital


class System:
    """What is looked at: a machine, and a kernel tree or a module's directory on it."""

    def __init__(self, args):
        self.root = args.root
        self.findings = []
        self.healthy = []
        self.make_vars = dict(word.split("=", 1) for word in args.vars)
        self.rust_wanted = args.rust
        self.compare = args.config
        self.machine = self.read("/proc/sys/kernel/arch").strip() or os.uname().machine
        self.release = self.read("/proc/sys/kernel/osrelease").strip() or os.uname().release
        # src: the sources; out: .config and objects; and the directory of one of the two others
        self.src = self.out = self.module = self.driver = None
        self.kernel_given = args.kernel
        self.own = False  # the tree of scripts/boot, for a kernel that runs in QEMU

    # --- files of the machine

    def path(self, name):
        return pathlib.Path(self.root + name)

    def read(self, name):
        try:
            return self.path(name).read_text(errors="replace")
        except OSError:
            return ""

    # --- what is said

    def stop(self, name, cause, *mend):
        self.findings.append(Finding("stop", name, cause, mend))

    def note(self, name, cause, *mend):
        self.findings.append(Finding("note", name, cause, mend))

    def ok(self, text):
        self.healthy.append(text)

    @staticmethod
    def sudo(command):
        return command if os.geteuid() == 0 else f"sudo {command}"

    def install(self, *packages):
        return self.sudo(f"apt-get install {' '.join(packages)}")

    # --- programs

    def run(self, *command, text="", timeout=60):
        """(status, all output); 127 for a program that is not there."""
        try:
            done = subprocess.run([str(word) for word in command], input=text, text=True,
                                  errors="replace", timeout=timeout, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, env=dict(os.environ, LC_ALL="C"))
        except subprocess.TimeoutExpired:
            return 124, ""
        except OSError:
            return 127, ""
        return done.returncode, done.stdout

    def tool(self, variable):
        """The program that make takes for CC, HOSTCC, LD, RUSTC, BINDGEN …, as words."""
        given = self.make_vars
        if variable in given:
            return shlex.split(given[variable])
        llvm = given.get("LLVM", os.environ.get("LLVM", ""))
        name = {"CC": "gcc", "HOSTCC": "gcc", "LD": "ld"}.get(variable, variable.lower())
        if llvm and variable in ("CC", "HOSTCC", "LD"):
            name = "ld.lld" if variable == "LD" else "clang"
            return [llvm + name if llvm.endswith("/") else name + llvm if llvm[0] == "-" else name]
        if variable in ("CC", "LD"):
            name = given.get("CROSS_COMPILE", os.environ.get("CROSS_COMPILE", "")) + name
        return [name]

    def make(self, *goals):
        """The make command that a person would type for this tree."""
        words = ["make", "-C", str(self.src)]
        if self.out != self.src:
            words.append(f"O={self.out}")
        words += [f"{k}={v}" for k, v in self.make_vars.items() if k != "O"]
        return " ".join(shlex.quote(word) for word in [*words, *goals])

    # --- the tree

    def find_tree(self, name):
        tree = pathlib.Path(name).absolute()
        if not tree.is_dir():
            raise Cannot(f"there is no directory {name}: give a kernel tree or a module's "
                         "directory")
        top = next((d for d in (tree, *tree.parents) if is_kernel(d)), None)
        if top:
            self.use_kernel(top)
            self.driver = tree if tree != top else None
            ours = self.src / "drivers/hid/hrmouse"
            if not self.driver and ours.is_dir():
                self.driver = ours
        elif doctor_tree.makefiles(tree):
            self.module = tree
            self.use_kernel_of_module()
        else:
            raise Cannot(f"{name} is neither a kernel tree nor a module's directory: no Makefile "
                         "or Kbuild there has an obj- line")

    def use_kernel(self, directory):
        self.src = self.out = directory
        makefile = (directory / "Makefile").read_text(errors="replace")
        if found := re.search(r"^include (/.*)/Makefile$", makefile, re.M):
            # headers, or an object directory of a build with O=
            self.src = pathlib.Path(found[1])
            if not self.src.is_dir():
                raise Cannot(f"{directory} was made from {self.src}, which is not there any more: "
                             "put the tree back, or build anew")
        elif out := self.make_vars.get("O", os.environ.get("KBUILD_OUTPUT")):
            self.out = (directory / out).absolute()

    def use_kernel_of_module(self):
        given = self.kernel_given
        if given and pathlib.Path(given).is_dir():
            build = pathlib.Path(given).absolute()
        else:
            build = self.path(f"/lib/modules/{given or self.release}/build")
        if is_kernel(build):
            self.use_kernel(build)
        elif given:
            raise Cannot(f"--kernel {given} is neither a kernel's directory nor an installed "
                         "release with headers")


def is_kernel(directory):
    try:
        makefile = (directory / "Makefile").read_text(errors="replace")
    except OSError:
        return False
    if re.search(r"^VERSION *=.*\nPATCHLEVEL *=", makefile, re.M):
        return True
    return (bool(re.search(r"^include /.*/Makefile$", makefile, re.M))
            and (directory / "include").is_dir())


def default_tree(system):
    if os.environ.get("KERNEL"):
        return os.environ["KERNEL"]
    build = pathlib.Path(os.environ.get("HRMOUSE_BUILD", ROOT / "build"))
    trees = sorted(build.glob("linux-*/Kbuild"))
    if not trees:
        return None
    if (build / "out/main/.config").is_file():
        system.make_vars.setdefault("O", str(build / "out/main"))
    system.own = True
    return str(trees[0].parent)


def parse():
    parser = argparse.ArgumentParser(prog="scripts/doctor", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", nargs="?", metavar="TREE")
    parser.add_argument("vars", nargs="*", metavar="VAR=value", default=[])
    parser.add_argument("--ko", metavar="FILE", help="a module that does not load")
    parser.add_argument("--kernel", metavar="RELEASE|DIR",
                        help=("the kernel that a module is for: an installed one's release or a "
                              "directory with its .config and Module.symvers (default: the "
                              "running one)"))
    parser.add_argument("--mouse", action="store_true", help="look at the mice only")
    parser.add_argument("--rust", action="store_true",
                        help="the work needs Rust: what is wrong with it stops it")
    parser.add_argument("--config", metavar="FILE",
                        help=("compare TREE's configuration with FILE instead of the running "
                              "kernel's, and list all"))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--verbose", action="store_true",
                        help="also what was looked at and is well")
    parser.add_argument("--root", metavar="DIR", default="",
                        help="read /proc, /sys, /boot, /etc and /lib/modules below DIR: another "
                        "machine's")
    args = parser.parse_intermixed_args()
    if args.tree and "=" in args.tree:
        args.vars, args.tree = [args.tree, *args.vars], None
    if wrong := [word for word in args.vars if not re.match(r"\w+=", word)]:
        raise Cannot(f"what is {wrong[0]}? One TREE, and what make is given as VAR=value; see "
                     "--help")
    args.root = args.root.rstrip("/")
    return args


def show(system, args):
    findings = sorted(system.findings, key=lambda finding: finding.level != "stop")
    stops = sum(finding.level == "stop" for finding in findings)
    if args.json:
        print(json.dumps({"stops": stops, "findings": [dataclasses.asdict(f) for f in findings],
                          "healthy": system.healthy}, indent=1))
        return stops
    for finding in findings:
        print(f"{'STOP' if finding.level == 'stop' else 'note'}  {finding.cause}  [{finding.name}]")
        for line in finding.mend:
            print(f"      {'>' if line[0].isupper() else '$'} {line}")
    for text in system.healthy if args.verbose else ():
        print(f"well  {text}")
    print(("Nothing stops the work" if not stops else "1 finding stops the work" if stops == 1
           else f"{stops} findings stop the work"), end="")
    print(f", {len(findings) - stops} to know." if len(findings) > stops else ".")
    return stops


def main():
    try:
        args = parse()
        system = System(args)
        if args.ko:
            doctor_ko.examine(system, pathlib.Path(args.ko), args.kernel)
        elif args.mouse:
            doctor_mouse.examine(system, True)
        else:
            tree = args.tree or default_tree(system)
            if tree:
                system.find_tree(tree)
            else:
                system.note("no-tree", "there is no kernel tree yet", "scripts/boot --build")
            doctor_place.examine(system)
            doctor_tools.examine(system)
            doctor_tree.examine(system)
            doctor_mouse.examine(system, False)
        return 1 if show(system, args) else 0
    except Cannot as why:
        print(f"doctor: {why}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
