#!/usr/bin/env python3
"""Runs the built kernel in QEMU.

  guest.py run  --flavour main --run 'CMD' [--file HOST:GUEST] [--extra FILE.cpio] [--timeout N] …
      runs CMD (a line for the guest's shell) in the guest, prints its output, returns its exit
      status; 1 if the kernel is tainted, complained in its log, or did not end in time; 2 if QEMU
      cannot be run.
  guest.py show --flavour main [--window] [--still]
      the viewer, at this terminal or in QEMU's window

As a module: Guest, a context manager; see scripts/lib/bootcheck.py.
"""
import argparse
import contextlib
import ctypes
import json
import math
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HRMOUSE_BUILD", ROOT / "build"))
QEMU = "qemu-system-x86_64"
# what a healthy kernel does not write; test output goes to another port and is not looked at
COMPLAINT = re.compile(
    # KASAN, lockdep and others. Of KCSAN's reports here those with hrmouse in the first line: races
    # of other code are known, and scripts/check kcsan looks at the whole of each report.
    r"BUG:(?! KCSAN: (?!.*\[hrmouse))|WARNING:|Oops|Call Trace|Kernel panic|general protection"
    r"|INFO: (task|possible|trying|rcu_)|LOCKUP|possible recursive|suspicious RCU"
    r"|scheduling while atomic|DEBUG_LOCKS_WARN|refcount_t|UBSAN|list_\w+ corruption"
    # SLUB: "BUG kmalloc-64 (Not tainted): Poison overwritten", and not "BUG:"
    r"|BUG \S+ \((Not t|T)ainted|ODEBUG:|unreferenced object"
    # these two say something at boot; later they find a fault, or give up
    r"|kmemleak: (?!Kernel memory leak detector (initialized|disabled))"
    r"|DMA-API: (?!preallocated|debugging enabled)"
    # and lockdep, where it saw no more of what followed
    r"|turning off the locking|lockdep is turned off"
)
CONTROLLERS = {
    "none": None,
    "uhci": "piix3-usb-uhci,id=usb",
    "ohci": "pci-ohci,id=usb,num-ports=4",
    "ehci": "usb-ehci,id=usb",
    "xhci": "qemu-xhci,id=usb",
}


class GuestError(Exception):
    """The guest did not do what it should: exit status 1."""


class CannotRun(Exception):
    """It could not even be tried: exit status 2."""


def cpio(files):
    """A newc archive. files: (name in the guest, mode, bytes)."""
    parts = []

    def entry(name, mode, data, nlink=1):
        name = name.encode() + b"\0"
        head = b"070701" + b"".join(
            b"%08X" % n for n in (0, mode, 0, 0, nlink, 0, len(data), 0, 0, 0, 0, len(name), 0)
        )
        for part in (head + name, data):
            parts.append(part + b"\0" * (-len(part) % 4))

    seen = set()
    for name, mode, data in files:
        name = name.strip("/")
        above = list(pathlib.PurePosixPath(name).parents)[-2::-1]
        for directory in map(str, above):
            if directory not in seen:
                seen.add(directory)
                entry(directory, 0o040755, b"", 2)
        entry(name, mode, data)
    entry("TRAILER!!!", 0, b"")
    return b"".join(parts)


def files_from(spec):
    """HOST:GUEST, HOST a file or a directory -> entries for cpio()."""
    host, _, guest = spec.partition(":")
    host = pathlib.Path(host)
    if not guest or not host.exists():
        raise CannotRun(f"--file {spec}: give HOST:GUEST, HOST an existing file or directory")
    for path in sorted(host.rglob("*")) if host.is_dir() else [host]:
        if path.is_file():
            name = guest if path == host else f"{guest}/{path.relative_to(host)}"
            yield name, 0o100000 | (path.stat().st_mode & 0o777), path.read_bytes()


def ppm_to_png(ppm):
    """The bytes of a binary PPM as PNG."""
    magic, width, height, depth, pixels = re.match(
        rb"(P6)\s+(\d+)\s+(\d+)\s+(\d+)\s(.*)", ppm, re.DOTALL
    ).groups()
    width, height = int(width), int(height)
    if depth != b"255" or len(pixels) < 3 * width * height:
        raise GuestError(f"QEMU made a screenshot that cannot be read ({magic} {depth})")
    rows = b"".join(b"\0" + pixels[3 * width * y:3 * width * (y + 1)] for y in range(height))

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def _die_with_parent():
    # QEMU must not outlive this process, however it ends (PR_SET_PDEATHSIG is 1)
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Guest:
    """A running QEMU. Use it as a context manager: leaving it ends QEMU and removes its files."""

    def __init__(
        self,
        out,
        initramfs,
        append="",
        *,
        extra=(),
        files=(),
        machine="pc",
        controller="xhci",
        devices=(),
        qemu_args=(),
        log=None,
        accel=None,
        memory=256,
        display="none",
        console="file",
    ):
        # without a kernel from outside, it boots from a disk among qemu_args
        self.kernel = out and pathlib.Path(out) / "arch/x86/boot/bzImage"
        self.initramfs = [pathlib.Path(initramfs), *map(pathlib.Path, extra)] if out else []
        self.append = append
        self.files = list(files)
        self.machine = machine
        self.controller = controller
        self.devices = devices
        self.qemu_args = list(qemu_args)
        self.log = pathlib.Path(log or BUILD / "log/guest.log")
        self.accel = accel
        self.memory = memory
        self.display = display
        self.console = console
        self.process = None
        self._dir = None
        self._stack = contextlib.ExitStack()
        self._news = threading.Condition()

    # --- start and end

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *exc):
        self.stop()

    def _start(self):
        if not shutil.which(QEMU):
            raise CannotRun(f"{QEMU} is missing: apt-get install qemu-system-x86")
        for path in (self.kernel, *self.initramfs) if self.kernel else ():
            if not path.is_file():
                raise CannotRun(f"{path} is missing: run scripts/boot to build it")
        if self.accel is None:
            self.accel = best_accel(self.kernel, self.initramfs[0])
        self._dir = pathlib.Path(tempfile.mkdtemp(prefix="hrmouse-"))
        self._lines = []
        self._data_closed = False
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # in a log every message is wanted; at a terminal they would draw over the viewer
        loglevel = "quiet loglevel=1" if self.console == "stdio" else "ignore_loglevel"
        args = [
            QEMU,
            "-nodefaults",
            "-no-user-config",
            "-machine",
            self.machine,
            "-accel",
            "tcg,thread=multi" if self.accel == "tcg" else self.accel,
            "-m",
            str(self.memory),
            "-smp",
            "2",
            "-no-reboot",
            "-vga",
            "std",
            "-display",
            self.display,
        ]
        if self.kernel:
            args += ["-kernel", self.kernel, "-initrd", self._initrd()]
            # a panic ends QEMU at once (-no-reboot); on a busy host the emulated timer may be too
            # late for the kernel's check of it
            args += ["-append", f"console=ttyS0 {loglevel} panic=-1 no_timer_check {self.append}"]
            if self.accel == "tcg":
                # otherwise the kernel patches the timers' code, which the other CPU executes, just
                # when our init has started: see wait_up()
                args[-1] += " nohz=off"
        if self.console == "stdio":
            args += ["-serial", "mon:stdio"]
        else:
            args += ["-serial", f"file:{self.log}"]
        listeners = []
        for name in ("data", "qmp"):
            # we listen and QEMU connects: not a byte is lost at the start
            listener = self._stack.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(str(self._dir / name))
            listener.listen(1)
            listener.settimeout(30)
            listeners.append(listener)
            args += ["-chardev", f"socket,id={name},path={self._dir / name},server=off"]
        args += ["-serial", "chardev:data", "-mon", "chardev=qmp,mode=control"]
        if CONTROLLERS[self.controller]:
            args += ["-device", CONTROLLERS[self.controller]]
        for device in self.devices:
            args += ["-device", f"{device},bus=usb.0"]
        args += self.qemu_args
        errors = self._stack.enter_context((self._dir / "stderr").open("wb"))
        inherit = self.console == "stdio"
        self.process = subprocess.Popen(
            list(map(str, args)),
            stdin=None if inherit else subprocess.DEVNULL,
            stdout=None if inherit else errors,
            stderr=errors,
            preexec_fn=_die_with_parent,
        )
        self._data = self._accept(listeners[0])
        self._qmp = self._accept(listeners[1])
        self._qmp_file = self._stack.enter_context(self._qmp.makefile("r"))
        self._qmp.settimeout(30)
        self._qmp_file.readline()
        self.qmp("qmp_capabilities")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _initrd(self):
        initrd = self._dir / "initrd"
        with initrd.open("wb") as to:
            for path in self.initramfs:
                data = path.read_bytes()
                to.write(data + b"\0" * (-len(data) % 4))
            if self.files:
                to.write(cpio(self.files))
        return initrd

    def _accept(self, listener):
        deadline = time.monotonic() + 30
        listener.settimeout(0.2)
        while True:
            try:
                conn = listener.accept()[0]
                conn.setblocking(True)
                return self._stack.enter_context(conn)
            except socket.timeout:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise CannotRun("QEMU did not start: " + self._stderr()) from None

    def _stderr(self):
        lines = (self._dir / "stderr").read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"no reason given, status {self.process.poll()}"

    def stop(self):
        """Ends QEMU, whatever it is doing. Harmless when repeated."""
        if self.process:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
        self._stack.close()
        if self._dir:
            shutil.rmtree(self._dir, ignore_errors=True)

    # --- what the guest says on its second serial port

    def _read(self):
        rest = b""
        with contextlib.suppress(OSError):
            while chunk := self._data.recv(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                with self._news:
                    self._lines += [line.decode(errors="replace") for line in lines]
                    self._news.notify_all()
        with self._news:
            if rest:
                self._lines.append(rest.decode(errors="replace"))
            self._data_closed = True
            self._news.notify_all()

    def next_line(self, timeout):
        """The next line, or None when nothing came in time or the guest is gone (see `gone`)."""
        with self._news:
            self._news.wait_for(lambda: self._lines or self._data_closed, timeout)
            return self._lines.pop(0) if self._lines else None

    @property
    def gone(self):
        """True once the guest has ended and all its lines have been read."""
        with self._news:
            return self._data_closed and not self._lines

    def wait_for(self, pattern, timeout):
        """Reads lines up to one that matches; returns the match and the lines before it."""
        deadline = time.monotonic() + timeout
        before = []
        while True:
            line = self.next_line(max(0, deadline - time.monotonic()))
            if line is None:
                what = "ended" if self.gone else f"was silent for {timeout} s"
                raise GuestError(
                    f"the guest {what} before it said {pattern!r}; it had said:\n"
                    + "".join(f"    {line}\n" for line in before[-5:])
                    + f"the end of {self.log}:\n"
                    + self.log_tail()
                )
            found = re.search(pattern, line)
            if found:
                return found, before
            before.append(line)

    def send(self, text):
        """Types text at the guest's second serial port."""
        self._data.sendall(text.encode())

    def wait_up(self, timeout=120):
        """Waits until our initramfs has started."""
        for more in (2, 1, 0):
            # a firmware may have written to the port, and ends no line
            try:
                self.wait_for("GUEST UP", timeout)
                return
            except GuestError:
                # QEMU's TCG now and then executes half of an instruction that the kernel is
                # patching, on a busy machine more often than on an idle one
                if not more or not self.gone or "Oops: int3" not in self.log_text():
                    raise
            self.stop()
            self._start()

    def wait_exit(self, timeout):
        """Waits until the guest has powered off."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise GuestError(
                f"the guest did not power off within {timeout} s; the end of {self.log}:\n"
                + self.log_tail()
            ) from None

    # --- the kernel's log

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines=15):
        return "\n".join("    " + line for line in self.log_text().splitlines()[-lines:])

    def complaints(self):
        """The first lines of the kernel's log that a healthy kernel does not write."""
        return [line for line in self.log_text().splitlines() if COMPLAINT.search(line)][:5]

    # --- QMP

    def qmp(self, command, **arguments):
        self._qmp.sendall(
            json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n"
        )
        while line := self._qmp_file.readline():
            reply = json.loads(line)
            if "error" in reply:
                raise GuestError(f"QMP {command}: {reply['error']['desc']}")
            if "return" in reply:
                return reply["return"]
        raise GuestError(f"QEMU ended during QMP {command}: {self._stderr()}")

    def hmp(self, line):
        return self.qmp("human-monitor-command", **{"command-line": line})

    def inject(self, *events):
        """One group of input events, ended by a sync. See rel(), absolute(), button()."""
        self.qmp("input-send-event", events=list(events))

    def point_with(self, name):
        """Buttons go to the USB Mouse or Tablet (the PC has a PS/2 mouse as well)."""
        for mouse in self.qmp("query-mice"):
            if f"HID {name}" in mouse["name"]:
                self.hmp(f"mouse_set {mouse['index']}")
                return
        raise GuestError(f"QEMU has no USB {name}")

    def screenshot(self, path):
        ppm = self._dir / "screen.ppm"
        self.qmp("screendump", filename=str(ppm))
        path = pathlib.Path(path)
        new = path.with_name(path.name + ".new")
        new.write_bytes(ppm_to_png(ppm.read_bytes()))
        new.replace(path)


def rel(axis, value):
    return {"type": "rel", "data": {"axis": axis, "value": value}}


def absolute(axis, value):
    return {"type": "abs", "data": {"axis": axis, "value": value}}


def button(name, down):
    return {"type": "btn", "data": {"button": name, "down": down}}


def best_accel(kernel, initramfs):
    """kvm where the CPU has it and a guest was seen to come up: /dev/kvm alone says nothing."""
    known = BUILD / "accel"
    with contextlib.suppress(OSError):
        cpuinfo = pathlib.Path("/proc/cpuinfo").read_text()
        if not re.search(r"^flags.*\b(vmx|svm)\b", cpuinfo, re.MULTILINE) or not os.access(
            "/dev/kvm", os.W_OK
        ):
            return "tcg"
    if known.exists():
        return known.read_text().strip()
    try:
        with Guest(
            kernel.parents[3],
            initramfs,
            "guest.mode=run guest.modules=none",
            accel="kvm",
            files=[("guest-run", 0o100755, b"true\n")],
            log=BUILD / "log/kvm.log",
        ) as guest:
            guest.wait_up(15)
        accel = "kvm"
    except (GuestError, CannotRun):
        accel = "tcg"
    known.write_text(accel + "\n")
    return accel


def catch_signals():
    """The first Ctrl-C or SIGTERM ends us in order; a second must not cut that short."""

    def interrupt(*_):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


# --- commands


def paths(args):
    out = pathlib.Path(args.out) if args.out else BUILD / "out" / args.flavour
    initramfs = (
        pathlib.Path(args.initramfs)
        if args.initramfs
        else BUILD / "guest" / out.name / "initramfs.cpio"
    )
    return out, initramfs


def command_run(args):
    out, initramfs = paths(args)
    files = [entry for spec in args.file for entry in files_from(spec)]
    files.append(("guest-run", 0o100755, args.run.encode() + b"\n"))
    append = f"guest.mode=run guest.modules={args.modules} guest.wait={args.wait} {args.append}"
    deadline = time.monotonic() + args.timeout
    status = tainted = None
    missing = []
    with Guest(
        out,
        initramfs,
        append,
        extra=args.extra,
        files=files,
        machine=args.machine,
        controller=args.controller,
        devices=args.device,
        log=args.log or BUILD / f"log/guest-{out.name}.log",
        accel=args.accel,
        memory=args.memory,
        qemu_args=[word for arg in args.qemu_arg for word in shlex.split(arg)],
    ) as guest:
        guest.wait_up(min(args.timeout, 120))
        blank = False
        while status is None:
            line = guest.next_line(max(0, deadline - time.monotonic()))
            if line is None:
                why = "ended too early" if guest.gone else f"did not end within {args.timeout} s"
                raise GuestError(f"the guest {why}; the end of {guest.log}:\n" + guest.log_tail())
            line = line.rstrip("\r")
            if found := re.match(r"GUEST (TAINTED|EXIT) (\d+)$", line):
                if found[1] == "TAINTED":
                    tainted = int(found[2])
                else:
                    status = int(found[2])
                continue
            if found := re.match(r"GUEST NOMODULE (.*)", line):
                missing.append(found[1])
                continue
            # the empty line is init's, before its own words
            if blank:
                print(flush=True)
            blank = not line
            if line:
                print(line, flush=True)
        guest.wait_exit(30)
        complaints = guest.complaints()
    bad = []
    if missing:
        bad.append("modules that could not be loaded: " + " ".join(missing))
    if tainted and not args.allow_taint:
        bad.append(f"the kernel is tainted ({tainted})")
    if complaints:
        bad.append(f"the kernel complained ({guest.log}): {complaints[0]}")
    for line in bad:
        print(f"guest.py: {line}", file=sys.stderr)
    return status or bool(bad)


def circle(guest, stop):
    """Moves the pointers, for something to see: a lap with the mouse, one with the tablet."""
    radius, steps = 60, 150
    buttons = ("left", "middle", "right")
    lap = 0
    while not stop.is_set():
        device = ("Mouse", "Tablet")[lap % 2]
        guest.point_with(device)
        at = (radius, 0)
        for step in range(1, steps + 1):
            angle = 2 * math.pi * step / steps
            if device == "Mouse":
                to = (round(radius * math.cos(angle)), round(radius * math.sin(angle)))
                guest.inject(rel("x", to[0] - at[0]), rel("y", to[1] - at[1]))
                at = to
            else:
                guest.inject(
                    absolute("x", round(0x3FFF * (1 + 0.6 * math.cos(angle)))),
                    absolute("y", round(0x3FFF * (1 + 0.6 * math.sin(angle)))),
                )
            name = buttons[step * len(buttons) // (steps + 1)]
            if step % 50 in (10, 30):
                guest.inject(button(name, step % 50 == 10))
            if step % 50 == 40:
                guest.inject(button("wheel-up" if lap % 4 < 2 else "wheel-down", True))
            if stop.wait(0.03):
                return
        lap += 1


def displays():
    """QEMU's displays that open a window."""
    listed = subprocess.run(
        [QEMU, "-display", "help"], capture_output=True, text=True, check=False
    ).stdout
    return [name for name in ("gtk", "sdl") if name in listed.split()]


def command_show(args):
    out, initramfs = paths(args)
    append = f"guest.mode={args.mode} guest.modules={args.modules} guest.wait=2 "
    extra = {}
    if args.window:
        if not displays():
            raise CannotRun("QEMU has no window here: apt-get install qemu-system-gui")
        append += "guest.tty=tty1"
        extra = {"display": displays()[0]}
    else:
        size = shutil.get_terminal_size()
        append += f"guest.tty=ttyS0 guest.size={size.columns}x{size.lines}"
        extra = {"console": "stdio"}
    with Guest(
        out,
        initramfs,
        append,
        controller=args.controller,
        machine=args.machine,
        accel=args.accel,
        devices=("usb-mouse", "usb-tablet"),
        log=BUILD / "log/guest-show.log",
        **extra,
    ) as guest:
        stop = threading.Event()

        def move():
            while not stop.wait(3):
                # QEMU refuses input while gdb has stopped the guest, and ends when the person quits
                with contextlib.suppress(GuestError, OSError, ValueError):
                    circle(guest, stop)

        mover = threading.Thread(target=move, daemon=True)
        if not args.window and not args.still:
            mover.start()
        try:
            return guest.process.wait()
        finally:
            stop.set()
            if mover.is_alive():
                mover.join(2)


def exit_code(name, function, args, case=None):
    """The exit code of command NAME, which is function(args). With a case, failures are TAP."""
    catch_signals()
    try:
        return function(args) or 0
    except GuestError as error:
        if case is None:
            print(f"{name}: {error}", file=sys.stderr)
        else:
            print(f"not ok - {case}{error}".replace("\n", "\n# "))
        return 1
    except CannotRun as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--flavour", default="main", help="the kernel in build/out/FLAVOUR (default main)"
    )
    common.add_argument("--out", help="the kernel's object directory, instead of --flavour")
    common.add_argument("--initramfs", help="default: build/guest/FLAVOUR/initramfs.cpio")
    common.add_argument("--machine", default="pc", help="pc or q35")
    common.add_argument("--controller", default="xhci", choices=sorted(CONTROLLERS))
    common.add_argument("--modules", default="hrmouse", help="loaded in the guest: a,b or none")
    common.add_argument("--accel", help="kvm or tcg (default: kvm where it works)")
    run = commands.add_parser("run", parents=[common], help="run a program in the guest")
    run.add_argument("--run", required=True, metavar="CMD", help="a line for the guest's shell")
    run.add_argument("--file", action="append", default=[], metavar="HOST:GUEST")
    run.add_argument("--extra", action="append", default=[], metavar="FILE.cpio")
    run.add_argument(
        "--device", action="append", default=[], help="a USB device, such as usb-mouse"
    )
    run.add_argument(
        "--wait", type=int, default=0, help="wait for N HID devices before modules are loaded"
    )
    run.add_argument("--append", default="", help="more of the kernel's command line")
    run.add_argument("--qemu-arg", action="append", default=[], help="may hold several words")
    run.add_argument("--timeout", type=float, default=120)
    run.add_argument("--memory", type=int, default=256, help="MB")
    run.add_argument("--log", help="where the kernel's messages go")
    run.add_argument("--allow-taint", action="store_true")
    show = commands.add_parser("show", parents=[common], help="the viewer")
    show.add_argument(
        "--window", action="store_true", help="QEMU's window instead of this terminal"
    )
    show.add_argument(
        "--mode", default="viewer", choices=["viewer", "top"], help="top: not in a window"
    )
    show.add_argument("--still", action="store_true", help="do not move the pointer")
    args = parser.parse_args()
    return exit_code("guest.py", {"run": command_run, "show": command_show}[args.command], args)


if __name__ == "__main__":
    sys.exit(main())
