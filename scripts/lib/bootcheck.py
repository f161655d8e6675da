#!/usr/bin/env python3
"""Boots the built kernel with QEMU's USB mouse and tablet, injects a scripted movement, compares
what came out of the guest's event devices with what had to, event for event and frame for frame.

Exit status 0: all came, nothing else did, and the expected driver delivered it. 1: not so. 2: it
cannot be run.
"""
import argparse
import math
import pathlib
import re
import sys
import time

import guest as g

EV_SYN, EV_KEY, EV_REL, EV_ABS, EV_MSC = range(5)
MSC_SCAN = 4
REL_X, REL_Y, REL_WHEEL, REL_WHEEL_HI_RES = 0, 1, 8, 11
ABS_X, ABS_Y = 0, 1
BTN_LEFT = 0x110
USAGE_BUTTON = 0x90000
# QEMU's names in the order of the HID button usages 1…5
BUTTONS = ("left", "right", "middle", "side", "extra")
TIMEOUT = 10


def count_buttons(descriptor):
    """How many buttons a mouse's report descriptor declares."""
    page = most = at = 0
    while at < len(descriptor):
        size = (0, 1, 2, 4)[descriptor[at] & 3]
        tag, value = descriptor[at] & 0xFC, int.from_bytes(
            descriptor[at + 1:at + 1 + size], "little"
        )
        if tag == 0x04:
            page = value
        elif tag == 0x28 and page == 9:
            most = max(most, value)
        at += 1 + size
    return most


class Pointer:
    """One device: what is injected, and the frames that evdev has to show for it."""

    def __init__(self, name, driver, buttons):
        self.name = name
        self.driver = driver
        self.event = None
        self.buttons = BUTTONS[:buttons]
        self.down = set()
        self.at = {}
        self.frames = 0
        self.events = 0
        self.injected = 0

    def reports(self, pressed, motion, wheel):
        """The frames that one injection becomes. pressed: {name: bool}, motion: {axis: value}."""
        frame = []
        for usage, name in enumerate(self.buttons):
            if name in pressed and pressed[name] != (name in self.down):
                frame += [
                    (EV_MSC, MSC_SCAN, USAGE_BUTTON + usage + 1),
                    (EV_KEY, BTN_LEFT + usage, int(pressed[name])),
                ]
                (self.down.add if pressed[name] else self.down.discard)(name)
        frames = []
        if "Tablet" in self.name:
            for axis, code in (("x", ABS_X), ("y", ABS_Y)):
                # the input core passes no value that an absolute axis has already
                if axis in motion and motion[axis] != self.at.get(axis, 0):
                    frame.append((EV_ABS, code, motion[axis]))
                    self.at[axis] = motion[axis]
            left = {}
        else:
            left = dict(motion)
        while True:
            # QEMU sends what does not fit into 8 bits in the reports that follow
            for axis, code in (("x", REL_X), ("y", REL_Y)):
                step = max(-127, min(127, left.get(axis, 0)))
                left[axis] = left.get(axis, 0) - step
                if step:
                    frame.append((EV_REL, code, step))
            step = max(-127, min(127, wheel))
            wheel -= step
            if step:
                frame += [(EV_REL, REL_WHEEL, step), (EV_REL, REL_WHEEL_HI_RES, 120 * step)]
            if frame:
                frames.append(frame + [(EV_SYN, 0, 0)])
            if not wheel and not any(left.values()):
                return frames
            frame = []


class Check:
    """The injections, each followed by a look at what came of it."""

    def __init__(self, guest):
        self.guest = guest
        self.pointers = {}
        self.problems = []

    def take(self, timeout):
        """The next event as (device, (type, code, value)), or None. Other lines are faults."""
        while True:
            line = self.guest.next_line(timeout)
            if line is None:
                return None
            words = line.split()
            if words[:1] == ["EV"]:
                return words[1], tuple(map(int, words[2:]))
            if words[:1] != ["READY"]:
                raise g.GuestError(f"the recorder said: {line}")

    def do(self, pointer, pressed=None, motion=None, wheel=0):
        expected = pointer.reports(pressed or {}, motion or {}, wheel)
        make = g.absolute if "Tablet" in pointer.name else g.rel
        events = [make(axis, value) for axis, value in (motion or {}).items()]
        events += [g.button(name, down) for name, down in (pressed or {}).items()]
        # QEMU counts a wheel as presses of a button
        events += [g.button("wheel-up" if wheel > 0 else "wheel-down", True)] * abs(wheel)
        pointer.injected += 1
        self.guest.inject(*events)
        for frame in expected:
            for event in frame:
                got = self.take(TIMEOUT)
                if got != (pointer.event, event):
                    self.differ(pointer, events, frame, event, got)
                pointer.events += 1
            pointer.frames += 1

    @staticmethod
    def differ(pointer, injected, frame, event, got):
        raise g.GuestError(
            f"first difference, {pointer.name}:\n"
            f"    injected  {' '.join(str(list(e['data'].values())) for e in injected[:6])}"
            f"{' …' if len(injected) > 6 else ''}\n"
            f"    frame     {frame}\n"
            f"    expected  {pointer.event} {event}\n"
            f"    came      {f'{got[0]} {got[1]}' if got else f'nothing in {TIMEOUT} s'}"
        )

    def nothing_more(self):
        got = self.take(0.5)
        if got:
            raise g.GuestError(f"an event too much: {got[0]} {got[1]}")


def exercise(check, pointer):
    """Each button alone and all at once, both axes both ways, the wheel, and all in one report."""
    check.guest.point_with(pointer.name.rsplit(" ", 1)[-1])
    for name in pointer.buttons:
        check.do(pointer, {name: True})
        check.do(pointer, {name: False})
    check.do(pointer, dict.fromkeys(pointer.buttons, True))
    check.do(pointer, dict.fromkeys(pointer.buttons, False))
    for wheel in (1, -1, 3, -3, 127, -130):
        check.do(pointer, wheel=wheel)
    if "Tablet" in pointer.name:
        top = 0x7FFF
        for x, y in (
            (top, 0),
            (top, top),
            (0, top),
            (0, 0),
            (1, 0),
            (1, 1),
            (1, 1),
            (top // 2, top // 3),
        ):
            check.do(pointer, motion={"x": x, "y": y})
        check.do(pointer, motion={"x": 12345})
        check.do(pointer, motion={"y": 54})
        check.do(pointer, {"left": True}, {"x": 4, "y": 30000}, 2)
        check.do(pointer, {"left": False}, {"x": 20000, "y": 7}, -2)
    else:
        for x, y in (
            (1, 0),
            (-1, 0),
            (0, 1),
            (0, -1),
            (1, 1),
            (-1, -1),
            (127, -127),
            (-127, 127),
            (128, 0),
            (-128, 0),
            (0, 300),
            (0, -300),
            (300, -200),
            (-300, 200),
        ):
            check.do(pointer, motion={axis: v for axis, v in (("x", x), ("y", y)) if v})
        check.do(pointer, {"left": True}, {"x": 5, "y": -7}, 2)
        check.do(pointer, {"left": False}, {"x": -5, "y": 7}, -2)
    # what evdev has already, and a report that says nothing new: no frame
    check.do(pointer, {"left": False})


def draw(check, mouse, tablet):
    """Motion that leaves a picture: an ellipse with the tablet, then a spiral with the mouse."""
    check.guest.point_with("Tablet")
    for step in range(73):
        angle = 2 * math.pi * step / 72
        check.do(
            tablet,
            motion={
                "x": round(0x3FFF * (1 + 0.9 * math.cos(angle))),
                "y": round(0x3FFF * (1 + 0.85 * math.sin(angle))),
            },
        )
    # up to the rim by short ways: the viewer draws no line for a jump
    for step in range(1, 13):
        check.do(tablet, motion={"x": round(0x3FFF * (1.9 - 0.9 * step / 12)), "y": 0x3FFF})
    check.guest.point_with("Mouse")
    x = y = 0
    for step in range(1, 90):
        radius, angle = step * 0.9, step * 2 * math.pi / 30
        to = round(1.9 * radius * math.cos(angle)), round(0.9 * radius * math.sin(angle))
        move = {axis: v for axis, v in (("x", to[0] - x), ("y", to[1] - y)) if v}
        if move:
            check.do(mouse, motion=move)
        x, y = to
    # three buttons are down in the picture
    check.do(mouse, {"left": True})
    check.do(mouse, {"middle": True})
    check.do(mouse, wheel=5)


def meet(guest, args):
    """Reads what the recorder says of the devices; returns the mouse and the tablet."""
    guest.wait_up()
    _, lines = guest.wait_for(r"^READY 2$", 30)
    descriptors, found = [], {}
    for line in lines:
        if match := re.match(r"RD \S+ ([0-9a-f]+)$", line):
            descriptors.append(bytes.fromhex(match[1]))
        elif match := re.match(r"DEV (\S+) driver=(\S+) id=(\S+) name=(.*)$", line):
            found[match[4]] = match.groups()
        elif line.startswith("GUEST NOMODULE"):
            raise g.GuestError(
                f"the module {line.split()[-1]} cannot be loaded:\n" + guest.log_tail()
            )
    pointers = []
    for name in ("QEMU QEMU USB Mouse", "QEMU QEMU USB Tablet"):
        if name not in found:
            raise g.GuestError(
                f"there is no {name!r} among the guest's pointers: {', '.join(found) or 'none'}"
            )
        event, driver, ident, _ = found[name]
        if driver != args.driver:
            raise g.GuestError(
                f"{name} ({event}) is driven by {driver}, not by {args.driver}:\n"
                + guest.log_tail()
            )
        if ident != "0627:0001":
            raise g.GuestError(f"{name} says it is {ident}, QEMU's is 0627:0001")
        # 16-bit axes: the tablet's; versions of QEMU differ in how many buttons they declare
        tablet = "Tablet" in name
        own = [d for d in descriptors if (b"\x26\xff\x7f" in d) == tablet]
        pointer = Pointer(name, driver, count_buttons(own[0]) if own else 3)
        pointer.event = event
        pointers.append(pointer)
    return pointers


def run(args):
    log = g.BUILD / f"log/boot-{args.controller}.log"
    initramfs = (
        args.initramfs or g.BUILD / "guest" / pathlib.Path(args.out).name / "initramfs.cpio"
    )
    append = f"guest.mode=record guest.tty=tty1 guest.wait=2 guest.modules={args.modules}"
    start = time.monotonic()
    with g.Guest(
        args.out,
        initramfs,
        append,
        controller=args.controller,
        machine=args.machine,
        devices=("usb-mouse", "usb-tablet"),
        log=log,
        accel=args.accel,
    ) as guest:
        mouse, tablet = meet(guest, args)
        print(
            f"  guest up in {time.monotonic() - start:.1f} s "
            f"({guest.accel}, {args.machine}, {args.controller})",
            flush=True,
        )
        check = Check(guest)
        before = g.BUILD / "screenshot-before.png"
        time.sleep(0.3)
        guest.screenshot(before)
        exercise(check, mouse)
        exercise(check, tablet)
        draw(check, mouse, tablet)
        check.nothing_more()
        time.sleep(0.5)
        guest.screenshot(args.screenshot)
        moved = before.read_bytes() != args.screenshot.read_bytes()
        before.unlink()
        guest.point_with("Mouse")
        check.do(mouse, {"left": False, "middle": False})
        check.nothing_more()
        guest.send("q")
        tainted, rest = guest.wait_for(r"^GUEST TAINTED (\d+)", 20)
        status, _ = guest.wait_for(r"^GUEST EXIT (\d+)", 20)
        guest.wait_exit(20)
        complaints = guest.complaints()
    print(f"  {'device':24}{'driver':14}{'injections':>11}{'frames':>8}{'events':>8}  came")
    for pointer in (mouse, tablet):
        print(
            f"  {pointer.name:24}{pointer.driver:14}{pointer.injected:11}"
            f"{pointer.frames:8}{pointer.events:8}  all"
        )
    faults = [
        f"the recorder said: {line}"
        for line in rest
        if line.strip() and not line.startswith("READY")
    ]
    if not moved:
        faults.append("the guest's screen did not change although the pointer moved")
    if tainted[1] != "0":
        faults.append(f"the kernel is tainted ({tainted[1]})")
    if status[1] != "0":
        faults.append(f"the recorder ended with status {status[1]}")
    faults += [f"the kernel complained ({log}): {line}" for line in complaints]
    if faults:
        raise g.GuestError("\n".join(faults))
    print(f"  screenshot: {args.screenshot}")
    return 0


# The emulated controller has to answer within real milliseconds, in which a busy host may not run
# it. That says nothing of the mouse.
LATE = re.compile(r"hci\S* \S+: (init \S+ fail, -110|frame counter not updating|HC died)")


def run_on_time(args):
    """run(), and up to twice more where the controller was late."""
    for attempts_left in (2, 1, 0):
        try:
            return run(args)
        except g.GuestError:
            log = g.BUILD / f"log/boot-{args.controller}.log"
            if not attempts_left or not LATE.search(log.read_text(errors="replace")):
                raise
            print("boot: the emulated controller was late: once more", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", required=True, help="the kernel's object directory")
    parser.add_argument("--initramfs")
    parser.add_argument(
        "--controller", default="xhci", choices=[name for name in g.CONTROLLERS if name != "none"]
    )
    parser.add_argument("--machine", default="pc")
    parser.add_argument("--accel")
    parser.add_argument(
        "--driver", default="hrmouse", help="the driver that has to have the pointers"
    )
    parser.add_argument("--modules", default="hrmouse")
    parser.add_argument("--screenshot", type=pathlib.Path, default=g.BUILD / "screenshot.png")
    args = parser.parse_args()
    return g.exit_code("boot", run_on_time, args)


if __name__ == "__main__":
    sys.exit(main())
