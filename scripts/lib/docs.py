#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds the documents to what they say. For scripts/check docs; TAP on the standard output.

  docs.py check --tree DIR [--newest DIR]  markup, references, excerpts; each command is known
  docs.py lines --tree DIR [--newest DIR]  each reference, with the line of what it names
  docs.py host                             runs the commands that run here
  docs.py guest [--flavour F]              runs the commands that run in a guest
  docs.py dev                              runs those that want the kernel of dev.config

What a document refers to is written as a literal, and is looked up:

  ``plan.h``                    a file: of drivers-usb-mouse/, the repository, or the kernel tree
  ``plan.h: hrm_plan_run()``    a function, macro with arguments, or test that is defined there
  ``plan.h: struct hrm_op``     a struct, enum or trait;  ``plan.h: HRM_PLAN_PAD``: another name
  ``7.2 rust/kernel/usb.rs: Driver``  the same in the kernel tree of that version
  ``7.2 rust/kernel/usb.rs: no urb``  a word that does not occur there
  ``hrm_plan_run()``            of the driver, of a file that the document names, or of a header

Literal blocks: C and Rust (code-block) stand word for word in the file that was named last before
them, with "..." for what is left out. A shell block (code-block sh), a block with lines that begin
with "$ " or which begins with one of WORDS, and in README.md any indented block, holds commands;
each matches a line of RULES. Lines that begin with "(gdb) " are commands of gdb.
"""
import argparse
import contextlib
import dataclasses
import fcntl
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import guest as g  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HRMOUSE_BUILD", ROOT / "build"))
OWN = "drivers-usb-mouse"

WORDS = set(
    "sudo cd make modprobe rmmod insmod echo cat dmesg gdb git apt apt-get dpkg grep ls mount for"
    " while export python3 cp mv rm mkdir bash sh ssh basename qemu-system-x86_64 VBoxManage perf"
    " trace-cmd head tail sed awk printf sleep".split()
)


# --- what becomes of a command: the first rule that matches all of it

@dataclasses.dataclass
class Test:
    """A test of scripts/check runs it: `needle` stands in `file`, which that test is or names."""
    name: str
    needle: str
    file: str = ""


@dataclasses.dataclass
class Itself:
    """scripts/check: it runs each name in its lists, and these are looked up there."""


@dataclasses.dataclass
class Here:
    """docs.py host runs it in the repository; it ends with 0."""


@dataclasses.dataclass
class InGuest:
    """docs.py guest runs it; words of the document that differ there are replaced."""
    words: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class InDev:
    """docs.py dev runs it in the guest of the kernel of dev.config."""


@dataclasses.dataclass
class Gdb:
    """docs.py dev starts the guest, or gdb, as it says."""


@dataclasses.dataclass
class Nobody:
    """It cannot be run without a person, or would change the machine; and why."""
    why: str


# the shell variables of the tests stand for what the person types
RULES = [
    (r"scripts/boot", Test("boot", r'"\$ROOT/scripts/boot" --headless')),
    (r"scripts/boot --headless( --controller (uhci|ohci|ehci|xhci))?",
     Test("boot", r'"\$ROOT/scripts/boot" --headless --controller')),
    (r"scripts/boot --build", Test("client", r'scripts/boot" --build')),
    (r"scripts/check( --all)?", Itself()),
    (r"scripts/check --list", Here()),
    (r"scripts/check( [a-z-]+)+", Itself()),
    (r"scripts/apply ~/linux", Test("series", r'"\$ROOT/scripts/apply" "\$TREE"')),
    (r"scripts/apply --reverse ~/linux",
     Test("series", r'"\$ROOT/scripts/apply" --reverse "\$TREE"')),
    (r"cd ~/linux && make menuconfig", Nobody("menuconfig is for a person")),
    (r"sudo scripts/top", Test("rate", r"topcheck\.c")),
    (r"scripts/doctor( \[TREE\])?", Test("doctor", r'tree=\("\$doctor" "\$TREE"')),
    (r"scripts/doctor --ko \S+", Test("doctor", r"--ko\b|of_module\(\)")),
    (r"scripts/doctor --mouse", Test("doctor", r"--mouse")),
    (r"scripts/send --dry-run( >mbox)?", Test("send", r"scripts/send --dry-run")),
    (r"scripts/send", Test("send", r"scripts/send")),
    (r"scripts/export", Test("send", r"scripts/export")),
    (r"scripts/export --check", Test("series", r'"\$ROOT/scripts/export" --check')),
    (r"scripts/virtualbox create", Test("virtualbox", r'"\$vb" create --name "\$vm"')),
    (r"scripts/virtualbox start( --headless)?",
     Test("virtualbox", r'"\$vb" start --headless', "scripts/lib/virtualbox-inside")),
    (r"scripts/virtualbox (mouse|stop|remove)",
     Test("virtualbox", r'"\$vb" (mouse|stop|remove)', "scripts/lib/virtualbox-inside")),
    (r"scripts/virtualbox mouse-type usb(tablet)?", Test("virtualbox", r"vb mouse-type usb")),
    (r"scripts/module( --kernel \S+)?", Test("module", r'"\$module" --kernel "\$release"')),
    (r"scripts/module install", Test("module", r'"\$\{for\[@\]\}" install')),
    (r"scripts/module (un)?load( --device \S+)?",
     Test("module", r"modulecheck\.py")),
    # in the guest that a person has already
    (r"sudo apt-get install git( gcc .*)?|sudo apt-get update|tar -xf /usr/src/linux-source.*",
     Nobody("need_packages and kernel_source of scripts/lib do it in each test")),
    (r"git clone .*", Nobody("a clone is what the test runs in")),
    (r"hrmouse/scripts/apply linux-source-6\.12|cd linux-source-6\.12",
     Test("series", r'"\$ROOT/scripts/apply" "\$TREE"')),
    (r"cp /boot/config-\$\(uname -r\) \.config",
     Test("debian", r'cp "\$run/config" "\$OUT/\.config"')),
    (r"yes '' \| make localmodconfig", Test("debian", r"yes '' \| kmake .*localmodconfig")),
    (r"scripts/config --module USB_HRMOUSE .*", Test("debian", r'eval "\$TREE/\$\{config')),
    (r"make olddefconfig|grep HRMOUSE \.config", Test("debian", r"kmake olddefconfig.*grep -x")),
    (r"make -j\$\(nproc\) bindeb-pkg", Test("debian", r"kmake bindeb-pkg")),
    (r"sudo apt-get install \.\./linux-image.*",
     Test("debian", r"dpkg -i", "scripts/lib/debian/person.py")),
    (r"uname -r", Test("debian", r"uname -r", "scripts/lib/debian/person.py")),
    (r"sudo (update-grub|reboot|modprobe -r vboxguest|sed -i 's/\^GRUB_CMD).*",
     Nobody("changes how the person's own machine boots")),
    (r"sudo (modprobe hrmouse|dmesg \| grep hrmouse)", InGuest({"sudo ": ""})),
    (r"grep .* /proc/bus/input/devices", Nobody("QEMU has no device for vboxguest")),
    # in guests
    (r"scripts/lib/guest\.py show --flavour dev", Gdb()),
    (r"scripts/lib/guest\.py run .*selftests/hrmouse_tune:.*",
     Test("usb", r'--file "\$programs/\$name:/bin/\$name"', "scripts/lib/guest-tests.sh")),
    (r"gdb build/out/dev/vmlinux.*", Gdb()),
    (r"scripts/lib/guest\.py run .*", Here()),
    (r".*(/sys/kernel/tracing|/sys/kernel/debug/tracing).*", InDev()),
    (r".*build/out/dev.*", InDev()),
    (r"modprobe( -r)? hrmouse.*", InGuest()),
    (r"ls -d /sys/bus/usb/drivers/hrmouse/.*", InGuest()),
    (r"(cat|echo|grep|dmesg)\b.*", InGuest()),
]


# --- reading the documents

@dataclasses.dataclass
class Literal:
    line: int
    text: str


@dataclasses.dataclass
class Block:
    line: int
    text: str
    language: str    # "" for a plain literal block


@dataclasses.dataclass
class Command:
    doc: str
    line: int
    text: str
    output: list
    block: int


def documents():
    return [ROOT / "README.md", *sorted((ROOT / "Documentation").glob("*.rst"))]


def read_markdown(path):
    """README.md: the indented blocks, and what stands between backquotes."""
    items, block, start = [], [], 0
    for number, line in enumerate([*path.read_text().splitlines(), "end"], 1):
        if line.startswith("    "):
            start = start if block else number
            block.append(line[4:])
        elif block and not line:
            block.append("")
        else:
            if block:
                items.append(Block(start, "\n".join(block).rstrip(), "markdown"))
                block = []
            items += [Literal(number, text) for text in re.findall(r"`([^`]+)`", line)]
    return items, []


def read_rst(path):
    """All literals and literal blocks in their order, and what docutils complains of."""
    from docutils import core, nodes, utils
    from docutils.parsers.rst import Directive, directives, roles

    class KernelDoc(Directive):
        """Of the kernel's own tools, which check it: scripts/check series and gates."""
        required_arguments = 1
        has_content = False

        def run(self):
            return []

    directives.register_directive("kernel-doc", KernelDoc)
    roles.register_local_role("ref", roles.GenericRole("ref", nodes.emphasis))
    complaints = []

    class Listener:
        def write(self, text):
            complaints.append(text.strip())

        def flush(self):
            pass

    tree = core.publish_doctree(
        path.read_text(), source_path=str(path),
        settings_overrides={
            "syntax_highlight": "none", "report_level": utils.Reporter.WARNING_LEVEL,
            "halt_level": 5, "warning_stream": Listener(), "input_encoding": "utf-8"},
    )
    items = []
    lines = path.read_text().splitlines()
    at = 0
    for node in tree.findall(lambda n: isinstance(n, (nodes.literal, nodes.literal_block))):
        text = node.astext()
        # docutils does not know the line of a literal: look for its text from the last one on
        first = text.splitlines()[0].strip() if text.strip() else ""
        for number in range(at, len(lines)):
            if first.split(" ")[0] in lines[number]:
                at = number
                break
        if isinstance(node, nodes.literal_block):
            kinds = [kind for kind in node["classes"] if kind != "code"]
            items.append(Block(at + 1, text, kinds[0] if kinds else ""))
            at += len(text.splitlines())
        else:
            items.append(Literal(at + 1, " ".join(text.split())))
    return items, [text for text in complaints if text]


def read(path):
    return read_markdown(path) if path.suffix == ".md" else read_rst(path)


def is_commands(block):
    first = block.text.split(maxsplit=1)[0] if block.text.strip() else ""
    return (
        block.language in ("sh", "bash", "shell", "console", "markdown")
        or re.search(r"^\$ ", block.text, re.MULTILINE)
        or block.language == "" and (first in WORDS or first.startswith(("scripts/", "KERNEL=")))
    )


# indented blocks of README.md that are none, by their first line
NO_COMMANDS = ("1-1:1.0  Test one kHz", "v2:")


def commands(path, items):
    """The commands of a document."""
    found = []
    for index, block in enumerate(item for item in items if isinstance(item, Block)):
        if not is_commands(block) or block.text.startswith(NO_COMMANDS):
            continue
        prompts = re.search(r"^\$ ", block.text, re.MULTILINE)
        lines = block.text.splitlines()
        number = 0
        while number < len(lines):
            line, at = lines[number], number
            number += 1
            if prompts and not line.startswith("$ "):
                if found:
                    found[-1].output.append(line)
                continue
            line = line.removeprefix("$ ")
            while line.endswith("\\") and number < len(lines):
                line = line[:-1].rstrip() + " " + lines[number].strip()
                number += 1
            line = re.sub(r"(^|\s{2,})#.*", "", line).strip()
            if line:
                name = str(path.relative_to(ROOT))
                found.append(Command(name, block.line + at, line, [], index))
    return found


def with_build(text):
    """Where HRMOUSE_BUILD names another directory than build/."""
    return re.sub(r"(?<![\w/-])build/", f"{BUILD}/", text)


def rule(text):
    for pattern, what in RULES:
        if re.fullmatch(pattern, text, re.DOTALL):
            return what
    return None


# --- looking up

class Source:
    """The repository, the kernel tree, and the newest one where it is there."""

    def __init__(self, tree, newest=None):
        self.roots = [ROOT / OWN, ROOT, pathlib.Path(tree)]
        self.newest = pathlib.Path(newest) if newest else None
        self.texts = {}
        self.headers = {}
        self.own = [*(ROOT / OWN).glob("*.[ch]"), *(ROOT / OWN).glob("usbhid/*.[ch]")]

    def find(self, name, new=False):
        for root in [self.newest] if new else self.roots:
            if (root / name).is_file():
                return root / name
        return None

    def text(self, path):
        if path not in self.texts:
            self.texts[path] = path.read_text(errors="replace")
        return self.texts[path]

    def declared(self, name):
        """A header that the sources of the driver include, and that has this function."""
        if not self.headers:
            names = {"asm-generic/rwonce.h", "linux/device/devres.h", "linux/wait.h"}
            for path in self.own:
                names.update(re.findall(r"^#include <(.*)>", self.text(path), re.MULTILINE))
            for header in sorted(names):
                if path := self.find("include/" + header):
                    self.headers[path] = self.text(path)
        word = re.compile(rf"^(?!\s*(\*|/[/*])).*\b{name}\s?\(", re.MULTILINE)
        for path, text in self.headers.items():
            if at := word.search(text):
                return path, text.count("\n", 0, at.start()) + 1
        return None

    def line(self, path, what):
        """The line of the definition of what, 0 if there is none."""
        text = self.text(path)
        if found := re.fullmatch(r"(struct|enum|union|trait) (\w+)", what):
            pattern = rf"^(pub )?{found[1]} {found[2]}\b[^;]*?[{{(]"
            at = re.search(pattern, text, re.MULTILINE)
        elif found := re.fullmatch(r"(\w+)\(\)", what):
            at = function(text, found[1])
        else:
            name = re.escape(what)
            at = re.search(
                rf"^#\s*define {name}\b|^\s+{name}(\s*=[^;]*)?(,|\s*$|\s*/\*)"
                rf"|^(?=\S)[^(\n]*\b{name}(\[[^\n;]*\])?( __\w+)*(\s*=|;)"
                rf"|^(static )?\w+\({name}\b|^config {name}$"
                rf"|^\s+(?!return\b|goto\b)[\w \t*]+\b{name}(\[\w*\])?( __\w+\(\w+\))?;"
                rf"|^\s*(pub )?(unsafe )?(fn|struct|trait|const|static|type|macro_rules!) {name}\b",
                text, re.MULTILINE)
        return text.count("\n", 0, at.start()) + 1 if at else 0


def function(text, name):
    """The definition of a function, of a macro with arguments, or of a test of kselftest."""
    pattern = (rf"^(?![#/\s*}}])[^\n;={{]*?\b{name}\s?\(|^#\s*define {name}\("
               rf"|^TEST_F\w*\(\w+, {name}\b|^DEFINE_\w+\({name}\b"
               rf"|^\s*(pub )?(const )?(unsafe )?fn {name}\b")
    for at in re.finditer(pattern, text, re.MULTILINE):
        if at[0].lstrip().startswith(("#", "TEST_F", "DEFINE_", "fn", "pub", "unsafe", "const fn")):
            return at
        # a declaration ends with a semicolon where a definition has its body
        end = re.compile(r"[;{]").search(text, at.end())
        if end and end[0] == "{":
            return at
    return None


SYSTEM_CALLS = ("open()", "close()", "read()", "write()", "poll()", "ioctl()")
REFERENCE = re.compile(
    r"(?:(7\.\d+) )?([\w./-]+\.(?:c|h|S|rs|py|rst|sh|config|svg))(?:: (.+))?")


def references(items, source):
    """For each reference: line, text, path and line that it leads to, or what is wrong with it."""
    named = set()
    for item in items:
        if isinstance(item, Literal) and (found := REFERENCE.fullmatch(item.text)) and not found[1]:
            if path := source.find(found[2]):
                named.add(path)
    for item in items:
        if not isinstance(item, Literal):
            continue
        if item.text.startswith("/"):
            continue
        if found := REFERENCE.fullmatch(item.text):
            version, name, tails = found.groups()
            if version and not source.newest:
                yield item.line, item.text, None, 0, None
                continue
            path = source.find(name, version)
            if not path:
                yield item.line, item.text, None, 0, f"there is no {name}"
                continue
            for tail in tails.split(", ") if tails else []:
                if tail.startswith("no "):
                    word = re.escape(tail[3:])
                    there = re.search(rf"\b{word}\b", source.text(path), re.IGNORECASE)
                    yield item.line, item.text, path, 0, there and f"{name} has {tail[3:]}"
                    continue
                line = source.line(path, tail)
                yield (item.line, f"{name}: {tail}", path, line,
                       None if line else f"not in {path.name}")
            if not tails:
                yield item.line, item.text, path, 1, None
        elif re.fullmatch(r"\w+\(\)", item.text):
            for path in [*source.own, *sorted(named)]:
                if line := source.line(path, item.text):
                    yield item.line, item.text, path, line, None
                    break
            else:
                if at := source.declared(item.text[:-2]):
                    yield item.line, item.text, *at, None
                elif item.text not in SYSTEM_CALLS:
                    yield (item.line, item.text, None, 0,
                           "neither the driver's, nor in a file that is named, nor in a header")
        elif re.fullmatch(r"hrm_\w+|HRM_\w+", item.text):
            word = re.compile(rf"\b{item.text}\b")
            if not any(word.search(source.text(path)) for path in source.own):
                yield item.line, item.text, None, 0, "the driver has no such word"
        elif found := re.match(r"(sudo )?(scripts/\S+)", item.text):
            if not (ROOT / found[2].rstrip(",.")).exists():
                yield item.line, item.text, None, 0, f"there is no {found[2]}"
            yield from options(item.line, item.text)


def options(line, text):
    """The options of a command of ours are in its --help, the names of tests in scripts/check."""
    words = text.removeprefix("sudo ").split()
    script = ROOT / words[0]
    if not script.is_file() or script.suffix == ".py":
        return
    known = script.read_text()
    if "series.py" in known or "doctor.py" in known or "send.py" in known:
        known += "".join((ROOT / "scripts/lib" / name).read_text()
                         for name in ("series.py", "doctor.py", "send.py"))
    for word in words[1:]:
        if word.startswith("--") and word.split("=")[0] not in known:
            yield line, text, None, 0, f"{words[0]} knows no {word}"
        elif words[0] == "scripts/check" and re.fullmatch("[a-z][a-z-]*", word):
            lists = " ".join(re.findall(r"^(?:DEFAULT|LONG)=\((.*)\)$", known, re.MULTILINE))
            if word not in lists.split():
                yield line, text, None, 0, f"{words[0]} has no {word} in its lists"


def excerpts(items, source):
    """For each block of C or Rust: line, and what is wrong with it."""
    last = None
    for item in items:
        if isinstance(item, Literal):
            if found := REFERENCE.fullmatch(item.text):
                last = (found[2], found[1])
        elif item.language in ("c", "rust"):
            if last and last[1] and not source.newest:
                continue
            path = last and source.find(*last)
            if not path:
                yield item.line, "no file is named before it"
                continue
            have = [line.strip() for line in source.text(path).splitlines()]
            at = 0
            for part in re.split(r"^\s*\.\.\.\s*$", item.text, flags=re.MULTILINE):
                want = [line.strip() for line in part.strip("\n").splitlines()]
                at = next((i + len(want) for i in range(at, len(have) - len(want) + 1)
                           if have[i:i + len(want)] == want), None)
                if at is None:
                    break
            yield item.line, None if at else f"does not stand so in {last[0]}"


def tested(what):
    """What is wrong with the claim that a test runs a command."""
    test = ROOT / "scripts/lib/check" / what.name
    if not test.is_file():
        return f"there is no scripts/check {what.name}"
    path = ROOT / what.file if what.file else test
    if what.file and pathlib.Path(what.file).name not in test.read_text():
        return f"scripts/check {what.name} does not name {what.file}"
    if not path.is_file() or not re.search(what.needle, path.read_text()):
        return f"scripts/check {what.name} does not run it"
    return None


# --- the commands of docs.py

class Tap:
    failed = False

    def say(self, what, faults):
        print(("not ok - " if faults else "ok - ") + what)
        for fault in faults[:20]:
            print("# " + fault)
        self.failed = self.failed or bool(faults)
        sys.stdout.flush()


def check(args, tap):
    source = Source(args.tree, args.newest)
    skipped = 0
    for path in documents():
        doc = path.relative_to(ROOT)
        items, complaints = read(path)
        if path.suffix == ".rst":
            tap.say(f"{doc}: markup", complaints)
        count, faults = 0, []
        for line, text, _, _, fault in references(items, source):
            count += 1
            skipped += bool(re.match(r"7\.\d+ ", text)) and not source.newest
            if fault:
                faults.append(f"{doc}:{line}: {text}: {fault}")
        tap.say(f"{doc}: {count} references lead to a place", faults)
        found = list(excerpts(items, source))
        if found:
            tap.say(f"{doc}: {len(found)} excerpts stand in the sources",
                    [f"{doc}:{line}: {fault}" for line, fault in found if fault])
        typed = commands(path, items)
        faults = []
        for command in typed:
            what = rule(command.text)
            if not what:
                faults.append(f"{doc}:{command.line}: nothing runs: {command.text}")
            elif isinstance(what, Test) and (fault := tested(what)):
                faults.append(f"{doc}:{command.line}: {command.text}: {fault}")
            faults += [f"{doc}:{line}: {text}: {fault}" for line, text, _, _, fault
                       in options(command.line, command.text) if fault]
        if typed:
            tap.say(f"{doc}: {len(typed)} commands are run by something", faults)
        for command in typed:
            if isinstance(what := rule(command.text), Nobody):
                print(f"ok - {doc}: {command.text} # SKIP {what.why}")
    if skipped:
        print(f"ok - {skipped} references to Linux 7.2 # SKIP its source is not there: Debian's"
              " newest is unpacked by scripts/check series")


def lines(args, _):
    source = Source(args.tree, args.newest)
    for path in documents():
        for line, text, where, at, fault in references(read(path)[0], source):
            for root in [*source.roots[1:], source.newest]:
                with contextlib.suppress(ValueError, AttributeError, TypeError):
                    where = where.relative_to(root)
            print(f"{path.relative_to(ROOT)}:{line}: {text}: "
                  + (fault or (f"{where}:{at}" if where else "not looked up")))


def all_commands(kind):
    for path in documents():
        for command in commands(path, read(path)[0]):
            if isinstance(rule(command.text), kind):
                yield command


def host(_, tap):
    seen = set()
    for command in all_commands(Here):
        if command.text in seen:
            continue
        seen.add(command.text)
        ran = subprocess.run(["bash", "-c", with_build(command.text)], cwd=ROOT,
                             capture_output=True, text=True, timeout=300, check=False,
                             stdin=subprocess.DEVNULL)
        said = (ran.stdout + ran.stderr).splitlines()
        tap.say(f"{command.doc}: {command.text}",
                [f"ended with {ran.returncode}", *said[-10:]] if ran.returncode else [])


def same_form(line):
    """Numbers differ from run to run; the form of a line does not."""
    return re.sub(r"\d+", "0", " ".join(line.split()))


def script(found, reset):
    """One for the guest's shell: each block in a shell of its own, a mark after each command."""
    parts, block = [], None
    for number, command in enumerate(found):
        if block != (command.doc, command.block):
            if block:
                parts.append(")")
            parts += [reset, "("]
            block = (command.doc, command.block)
        text = command.text
        if isinstance(what := rule(text), InGuest):
            for word, instead in what.words.items():
                text = text.replace(word, instead)
        if text.startswith("modprobe hrmouse"):
            parts.append("modprobe -r hrmouse")
        parts += [text, f'status=$?; echo; echo "@@ {number} $status"']
    return "\n".join([*parts, ")", "true"])


def judge(found, said, tap):
    """Cuts what the guest said at the marks."""
    at = 0
    done = {}
    for i, line in enumerate(said):
        if mark := re.fullmatch(r"@@ (\d+) (\d+)", line):
            done[int(mark[1])] = (int(mark[2]), said[at:i])
            at = i + 1
    for number, command in enumerate(found):
        status, came = done.get(number, (None, said[-5:]))
        faults = [] if status == 0 else [f"ended with {status}", *came[-5:]]
        forms = [same_form(line) for line in came]
        for line in command.output:
            if status == 0 and line.strip() not in ("", "...") and same_form(line) not in forms:
                faults += [f"no line of its output is as this: {line}", *came[:20]]
        tap.say(f"{command.doc}, in the guest: {command.text}", faults)


def in_guest(found, reset, tap, flavour):
    """Runs the commands in a guest that has a mouse that moves, and a keyboard."""
    out = BUILD / "out" / flavour
    said = []
    with g.Guest(
        out, BUILD / "guest" / flavour / "initramfs.cpio", "guest.mode=run guest.wait=2",
        files=[("guest-run", 0o100755, (script(found, reset) + "\n").encode())],
        devices=("usb-mouse", "usb-kbd"), log=BUILD / f"log/docs-{flavour}.log",
    ) as guest:
        guest.wait_up()
        guest.point_with("Mouse")
        stop = moving(guest)
        try:
            while (line := guest.next_line(120)) is not None:
                if line.startswith("GUEST "):
                    break
                said.append(line.rstrip("\r"))
        finally:
            stop()
        complaints = guest.complaints()
    judge(found, said, tap)
    tap.say(f"the log of the guest ({flavour}) is clean", complaints)
    return said


def moving(guest):
    """The mouse moves until the function that is returned is called."""
    done = threading.Event()

    def move():
        step = 1
        with contextlib.suppress(g.GuestError, OSError, ValueError):
            while not done.wait(0.1):
                guest.inject(g.rel("x", step))
                step = -step

    thread = threading.Thread(target=move, daemon=True)
    thread.start()

    def stop():
        done.set()
        thread.join(5)

    return stop


# as in the documents: a mouse that somebody reads, hrmouse with it, everything at its default
RESET = """
cd /; killall cat 2>/dev/null; echo 'module hrmouse -p' >/sys/kernel/debug/dynamic_debug/control
modprobe -r hrmouse; modprobe hrmouse; sleep 0.3
for e in /sys/class/input/event*; do
    case $(readlink $e/device/device/driver) in */hrmouse) export EVENT=${e##*/}; esac
done
cat /dev/input/$EVENT >/dev/null & sleep 0.5
"""


def guest_commands(args, tap):
    found = list(all_commands(InGuest))
    in_guest(found, RESET, tap, args.flavour)


def gdb_lines():
    for path in documents():
        for block in read(path)[0]:
            if isinstance(block, Block):
                for line in re.findall(r"^\(gdb\) (.*)", block.text, re.MULTILINE):
                    yield str(path.relative_to(ROOT)), line


def dev(_, tap):
    found = list(all_commands(InDev))
    # one guest for all: the reset between the blocks leaves tracing as it is
    said = in_guest([c for c in found if "build/out/" not in c.text], RESET, tap, "dev")
    (BUILD / "log/docs-ftrace.log").write_text("\n".join(said))
    for want in (r" hrmouse_report: 1-1:1\.0: 4 bytes: 00 01 00 00", r"\|  .*input_event\(\)"):
        tap.say(f"the trace has a line with {want}",
                [] if any(re.search(want, line) for line in said) else said[-20:])
    for command in found:
        if "build/out/" in command.text:
            ran = subprocess.run(["bash", "-c", with_build(command.text)], cwd=ROOT,
                                 capture_output=True, text=True, timeout=300, check=False)
            tap.say(f"{command.doc}: {command.text}", [] if ran.returncode == 0 and ran.stdout else
                    [f"ended with {ran.returncode}", *(ran.stdout + ran.stderr).splitlines()[-10:]])
    debugger(tap)


def terminal(command):
    """Starts a command at a terminal of its own; returns it, and a function that types."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    # its controlling terminal: it ends when we do
    process = subprocess.Popen(command, cwd=ROOT, preexec_fn=lambda: os.login_tty(slave))
    os.close(slave)
    shown = bytearray()

    def drain():
        with contextlib.suppress(OSError):
            while data := os.read(master, 65536):
                shown.extend(data)

    threading.Thread(target=drain, daemon=True).start()

    def type_until(text, want, seconds):
        os.write(master, text)
        end = time.monotonic() + seconds
        while time.monotonic() < end and process.poll() is None:
            if re.search(want, shown):
                return True
            time.sleep(0.2)
        return bool(re.search(want, shown))

    return process, type_until


def debugger(tap):
    """The guest and gdb as the documents start them; gdb's commands one after the other."""
    start = [with_build(command.text) for command in all_commands(Gdb)]
    typed = list(gdb_lines())
    words = [word for _, line in typed
             for word in ("-ex", f"echo @@ {line}\\n", "-ex", with_build(line))]
    process, type_until = terminal(start[0].split())
    try:
        tap.say(f"the viewer comes up: {start[0]}",
                [] if type_until(b"", rb"hrmouse", 120) else ["it did not"])
        time.sleep(3)
        tap.say("Ctrl-A c, gdbserver",
                [] if type_until(b"\x01cgdbserver\r", rb"Waiting for gdb connection", 30) else
                ["no port 1234"])
        done = threading.Event()

        def move():
            while not done.wait(0.5):
                type_until(b"mouse_move 3 3\r", b"", 0)

        threading.Thread(target=move, daemon=True).start()
        # as timeout(1) ends it, what it said so far is kept; gdb does not end by SIGTERM
        ran = subprocess.run(
            ["timeout", "-s", "KILL", "240", *start[1].split(), "-batch", "-nx", *words], cwd=ROOT,
            capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        done.set()
    finally:
        process.terminate()
        process.wait(30)
    (BUILD / "log/docs-gdb.log").write_text(ran.stdout + ran.stderr)
    parts = dict(zip([line for _, line in typed],
                     re.split(r"^@@ .*\n", ran.stdout, flags=re.MULTILINE)[1:]))
    for doc, line in typed:
        came = parts.get(line)
        tap.say(f"{doc}: (gdb) {line}", ran.stderr.splitlines()[-10:] if came is None else [])
    tap.say("gdb has no error to tell of", [
        line for line in ran.stderr.splitlines()
        if re.search(r"No symbol|ndefined|not defined|rror|annot|No module|No such", line)])
    for want in ("hrm_transfer_complete (urb=", "__usb_hcd_giveback_urb (", "transfer.c:"):
        tap.say(f"gdb shows {want}", [] if want in ran.stdout else ran.stdout.splitlines()[-30:])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "lines", "host", "guest", "dev"])
    parser.add_argument("--tree", help="the kernel tree with the series")
    parser.add_argument("--newest", help="the tree of the kernel that the documents call 7.2")
    parser.add_argument("--flavour", default="main")
    args = parser.parse_args()
    tap = Tap()
    run = {"check": check, "lines": lines, "host": host, "guest": guest_commands, "dev": dev}

    def run_it(args):
        run[args.command](args, tap)
        return tap.failed

    return g.exit_code("docs.py", run_it, args)


if __name__ == "__main__":
    sys.exit(main())
