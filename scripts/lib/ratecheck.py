#!/usr/bin/env python3
"""Boots the built kernel with QEMU's USB mouse, moves it more often than it is polled, and looks
how often it reports: with usbhid, with hrmouse, with another polling interval, and after each thing
that has to bring the mouse's own interval back. Prints a line for each, "ok" or "not ok".

Nothing is compared but rates of one run, and those generously. The rate is that of the fastest
reports in a row, as a busy machine stops guest and movement now and then.
"""
import argparse
import base64
import pathlib
import struct
import sys
import threading
import time

import guest as g

# The mouse says 8 ms at high speed; at full speed 10 ms, which host controllers make 8 ms
FAST = 2000
# an interval that is rounded down to it, and what the bus does not have
ROUNDED = 2500
BOUNDS = {"uhci": (999, 255001), "ohci": (999, 255001), "ehci": (124, 4096001),
          "xhci": (124, 4096001)}
# rates are the same up to this factor; at FAST a rate has to be more than FASTER times as high
SAME = 1.5
FASTER = 2.5
# reports in a row
ROW = 25
EVENT = struct.Struct("<qqHHi")


class Flood(threading.Thread):
    """Moves the mouse as often as QEMU takes it."""

    def __init__(self, guest):
        super().__init__(daemon=True)
        self.guest = guest
        self.stopped = threading.Event()
        self.times = []

    def run(self):
        try:
            self.guest.point_with("Mouse")
            while not self.stopped.wait(0.0003):
                self.guest.inject(g.rel("x", 1))
                self.times.append(time.monotonic())
        except (g.GuestError, OSError, ValueError):
            # QEMU has ended
            pass


def fastest(times):
    """Per second, where ROW of them are closest; 0 if there are fewer."""
    spans = [last - first for first, last in zip(times, times[ROW:])]
    return ROW / min(spans) if spans and min(spans) > 0 else 0


class Observed:
    """What the guest said, by phase."""

    def __init__(self):
        self.rates = {}
        self.intervals = {}
        self.counts = {}
        self.answers = {}
        self.flood = 0
        self.complaints = []


def observe(args):
    seen = Observed()
    here = pathlib.Path(__file__).parent
    script = (
        f"SECONDS_EACH={args.seconds} BAD='{' '.join(map(str, BOUNDS[args.controller]))}'"
        f" ROUNDED={ROUNDED} FAST={FAST}\n" + (here / "ratecheck.sh").read_text()
    )
    files = [("guest-run", 0o100755, script.encode())]
    files += g.files_from(f"{args.usbreset}:/bin/usbreset")
    log = g.BUILD / f"log/rate-{args.controller}.log"
    initramfs = (
        args.initramfs or g.BUILD / "guest" / pathlib.Path(args.out).name / "initramfs.cpio"
    )
    with g.Guest(
        args.out,
        initramfs,
        "guest.mode=run guest.modules=none guest.wait=1",
        controller=args.controller,
        devices=("usb-mouse",),
        files=files,
        log=log,
        accel=args.accel,
    ) as guest:
        guest.wait_up()
        flood = Flood(guest)
        flood.start()
        while True:
            found, _ = guest.wait_for(r"^RATE (\S+) *(.*)$", 60 + 10 * args.seconds)
            what, words = found[1], found[2].split()
            if what == "DONE":
                break
            if what == "ERROR":
                raise g.GuestError(f"{found[2]}; the end of {log}:\n{guest.log_tail()}")
            if what in ("SET", "REFUSED"):
                seen.answers[int(words[0])] = int(words[1]) if what == "SET" else None
                continue
            data, _ = guest.wait_for(r"^DATA *(\S*)", 60)
            events = list(EVENT.iter_unpack(base64.b64decode(data[1])))
            reports = [sec + usec / 1e6 for sec, usec, kind, code, _ in events
                       if (kind, code) == (0, 0)]
            seen.rates[what] = fastest(reports)
            note = ""
            if len(words) > 2:
                seen.intervals[what] = int(words[2])
                seen.counts[what] = int(words[1]) - int(words[0]), len(reports)
                note = f", interval {words[2]} us"
            print(f"# {args.controller}, {what}: {seen.rates[what]:.0f} reports/s, "
                  f"{len(reports)} in {args.seconds} s{note}", flush=True)
        flood.stopped.set()
        flood.join(5)
        seen.flood = fastest(flood.times)
        tainted, _ = guest.wait_for(r"^GUEST TAINTED (\d+)", 20)
        guest.wait_exit(20)
        seen.complaints = guest.complaints()
        if tainted[1] != "0":
            seen.complaints.append(f"the kernel is tainted ({tainted[1]})")
    return seen


def run(args):
    seen = observe(args)
    rates, intervals = seen.rates, seen.intervals
    own = intervals["own"]
    failed = []

    def ok(holds, what, why):
        failed.extend([] if holds else [what])
        print(f"{'ok' if holds else 'not ok'} - {args.controller}: {what}"
              + ("" if holds else f": {why}"))

    def same(phase, as_phase, what):
        ratio = rates[phase] / rates[as_phase] if rates[as_phase] else 0
        wrong = phase in intervals and intervals[phase] != own
        ok(1 / SAME < ratio < SAME and not wrong, what,
           f"{rates[phase]:.0f} reports/s, {rates[as_phase]:.0f} in phase {as_phase}, "
           f"interval {intervals.get(phase)} us")

    print(f"# {args.controller}: moved {seen.flood:.0f} times a second")
    if min(rates.values()) == 0:
        raise g.GuestError(f"fewer than {ROW} reports came in one of the phases: {rates}")
    if seen.flood < 1.2 * FASTER * rates["own"]:
        raise g.CannotRun(f"QEMU took {seen.flood:.0f} movements a second: the machine is too busy")

    same("own", "usbhid", "hrmouse polls the mouse as often as usbhid")
    for phase in ("fast", "fast-again"):
        ok(rates[phase] > FASTER * rates["own"] and intervals[phase] == FAST,
           f"{phase}: at {FAST} us instead of {own}, more than {FASTER} times as many reports",
           f"{rates[phase]:.0f}/s, it was {rates['own']:.0f}/s; interval {intervals[phase]} us")
    same("zero", "own", "0 brings the mouse's own interval back")
    same("reset", "own", "so does a reset of the port")
    same("rebound", "own", "so does unbinding")
    same("unloaded", "usbhid", "usbhid has it after rmmod")
    for value in BOUNDS[args.controller]:
        ok(seen.answers.get(value, 0) is None, f"{value} us is refused",
           f"it became {seen.answers.get(value)}")
    ok(seen.answers[ROUNDED] == FAST, f"{ROUNDED} us becomes {FAST}",
       f"it became {seen.answers[ROUNDED]}")
    odd = {phase: both for phase, both in seen.counts.items()
           if not both[1] * 0.9 <= both[0] <= both[1] * SAME}
    ok(not odd, "the driver counts the reports that come out", odd)
    ok(not seen.complaints, "nothing to complain of in the kernel's log", seen.complaints)
    return bool(failed)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", required=True, help="the kernel's object directory")
    parser.add_argument("--initramfs")
    parser.add_argument("--controller", default="xhci", choices=sorted(BOUNDS))
    parser.add_argument("--usbreset", required=True, help="a static program that resets a device")
    parser.add_argument("--seconds", type=int, default=3, help="for each rate")
    parser.add_argument("--accel")
    args = parser.parse_args()
    return g.exit_code("rate", run, args, case=f"{args.controller}: ")


if __name__ == "__main__":
    sys.exit(main())
