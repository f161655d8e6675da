#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Moves the mouse of a running VirtualBox machine and compares what hrmouse reported.

  virtualbox.py MACHINE FILE

MACHINE is a name or UUID, FILE what the machine's second serial port wrote: the lines of
"viewer --record". Injects motion, buttons and wheel through VirtualBox's API, one at a time, and
compares each event with what has to come: event for event, frame for frame. Leaves a picture
in the viewer. Exit status 0: all came and nothing else. 1: not so. 2: it cannot be run.
"""
import math
import os
import pathlib
import sys
import time

EV_SYN, EV_KEY, EV_REL, EV_ABS, EV_MSC = range(5)
MSC_SCAN = 4
REL_X, REL_Y, REL_HWHEEL, REL_WHEEL, REL_WHEEL_HI_RES, REL_HWHEEL_HI_RES = 0, 1, 6, 8, 11, 12
ABS_X, ABS_Y = 0, 1
BTN_LEFT = 0x110
USAGE_BUTTON = 0x90000
MOUSE, TABLET = "80ee:0020", "80ee:0021"
# what the API calls the buttons whose HID usages are 1 to 5
STATES = (0x01, 0x02, 0x04, 0x20, 0x40)
UP_WITHIN = 180
EVENT_WITHIN = 20


class Differs(Exception):
    """Not what had to come: exit status 1."""


class CannotRun(Exception):
    """It could not even be tried: exit status 2."""


class Recorder:
    """What the guest's recorder wrote, since the guest came up."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.file = None
        self.rest = b""
        self.devices = {}
        self.state = {}
        self.last = []

    def line(self, timeout):
        """The next whole line, or None."""
        deadline = time.monotonic() + timeout
        while True:
            if self.file is None and self.path.exists():
                self.file = self.path.open("rb")
            self.rest += self.file.readline() if self.file else b""
            if self.rest.endswith(b"\n"):
                line, self.rest = self.rest, b""
                return line.decode(errors="replace").strip()
            if time.monotonic() >= deadline:
                return None
            time.sleep(0.02)

    def note(self, line):
        """Keeps what a line says of the devices and their state."""
        words = line.split()
        self.last = self.last[-4:] + [line]
        # firmware and boot loader may have written to the port before
        if "GUEST UP" in line:
            self.devices, self.state = {}, {}
        elif words[:1] == ["DEV"]:
            key, _, name = line.partition(" name=")
            fields = dict(word.split("=", 1) for word in key.split()[2:])
            self.devices[words[1]] = dict(fields, name=name, buttons=0)
        elif words[:1] == ["CAP"] and words[2] == "1":
            self.devices[words[1]]["buttons"] += 1
        elif words[:1] == ["GONE"]:
            self.devices.pop(words[1], None)
        elif words[:1] == ["EV"]:
            self.state[(words[1], int(words[2]), int(words[3]))] = int(words[4])

    def catch_up(self):
        """Reads up to the end; waits for a guest that is still coming up."""
        deadline = time.monotonic() + UP_WITHIN
        up = False
        while True:
            # as long as a frame is under way, the file is not at its end
            line = self.line(0.5 if up and self.devices else 2)
            if line is None:
                if up and self.devices:
                    return
                if time.monotonic() > deadline:
                    break
                continue
            up = up or "GUEST UP" in line
            self.note(line)
            if line.startswith("GONE"):
                # it may come back: a reset
                deadline = time.monotonic() + 30
        raise Differs(
            f"the guest {'came up and has no pointer' if up else 'did not come up'} within "
            f"{UP_WITHIN} s; it had said: {self.last or 'nothing'}"
        )

    def event(self, timeout):
        """The next event as (device, type, code, value), or None."""
        while (line := self.line(timeout)) is not None:
            self.note(line)
            words = line.split()
            if words[:1] == ["EV"]:
                return (words[1], *map(int, words[2:]))
            if words[:1] != ["READY"]:
                raise Differs(f"the recorder said: {line}")
        return None


def api():
    """VirtualBox's Python interface: installed, or from where VirtualBox is."""
    for base in map(pathlib.Path, ("/usr/lib/virtualbox", "/opt/VirtualBox")):
        if not base.is_dir():
            continue
        os.environ.setdefault("VBOX_PROGRAM_PATH", str(base))
        os.environ.setdefault("VBOX_SDK_PATH", str(base / "sdk"))
        # appended: what pip or the distribution installed comes first
        sys.path += sorted({str(p.parent.parent) for p in base.glob("sdk/**/vboxapi/__init__.py")})
    try:
        import vboxapi
        return vboxapi.VirtualBoxManager(None, None)
    except ImportError as error:
        raise CannotRun(
            f"VirtualBox's Python interface cannot be loaded ({error}): its package brings it "
            "(vboxapi; with Oracle's packages run vboxapisetup.py of VirtualBox's SDK as root)"
        ) from None


class Machine:
    """The injections: what the API is told, and what evdev has to show for it."""

    def __init__(self, console, recorder):
        self.mouse = console.mouse
        self.recorder = recorder
        found = {d["id"]: e for e, d in recorder.devices.items() if d["id"] in (MOUSE, TABLET)}
        if not found:
            names = ", ".join(d["name"] for d in recorder.devices.values())
            raise Differs(f"the guest has no USB mouse or tablet of VirtualBox's, only: {names}")
        self.tablet = TABLET in found
        self.device = found[TABLET if self.tablet else MOUSE]
        self.about = recorder.devices[self.device]
        if self.about["driver"] != "hrmouse":
            raise Differs(
                f"{self.about['name']} is driven by {self.about['driver']}, not by hrmouse"
            )
        self.width, self.height = console.display.getScreenResolution(0)[:2]
        self.injected = self.frames = self.events = 0
        state = recorder.state
        self.at = {c: state.get((self.device, EV_ABS, c), 0) for c in (ABS_X, ABS_Y)}
        self.down = sum(1 << b for b in range(5) if state.get((self.device, EV_KEY, BTN_LEFT + b)))
        self.pixel = [self.width // 2, self.height // 2]

    @staticmethod
    def axis(pixel, size):
        """What VirtualBox makes of a pixel (from 1 on): 16 bits, less 3/4 pixel; then 15 bits."""
        return int((pixel * 0xFFFF - 0xFFFF * 3 // 4) / size) >> 1

    def frame(self, buttons, x, y, wheel, tilt):
        """The events for one call; in the order of the report's fields. x, y: motion or pixel."""
        events = []
        for number in range(5):
            if (buttons ^ self.down) >> number & 1:
                events += [(EV_MSC, MSC_SCAN, USAGE_BUTTON + number + 1),
                           (EV_KEY, BTN_LEFT + number, buttons >> number & 1)]
        self.down = buttons

        def clamp(value):
            # VirtualBox drops what does not fit into 8 bits
            return max(-127, min(127, value))

        wheels = []
        if wheel:
            wheels += [(EV_REL, REL_WHEEL, clamp(wheel)),
                       (EV_REL, REL_WHEEL_HI_RES, 120 * clamp(wheel))]
        if self.tablet:
            if tilt:
                wheels += [(EV_REL, REL_HWHEEL, clamp(tilt)),
                           (EV_REL, REL_HWHEEL_HI_RES, 120 * clamp(tilt))]
            events += wheels
            at = {ABS_X: self.axis(x, self.width), ABS_Y: self.axis(y, self.height)}
            for code, value in at.items():
                # the input core passes no value that an absolute axis has already
                if value != self.at[code]:
                    events.append((EV_ABS, code, value))
                    self.at[code] = value
        else:
            motion = {REL_X: clamp(x), REL_Y: clamp(y)}
            events += [(EV_REL, code, value) for code, value in motion.items() if value] + wheels
        return events + [(EV_SYN, 0, 0)] if events else []

    def do(self, x=None, y=None, buttons=None, wheel=0, tilt=0):
        """One call of the API. x, y: pixels for the tablet, a motion for the mouse."""
        buttons = self.down if buttons is None else buttons
        self.injected += 1
        state = sum(bit for number, bit in enumerate(STATES) if buttons >> number & 1)
        # the API counts wheels the other way round
        if self.tablet:
            self.pixel = [self.pixel[0] if x is None else x, self.pixel[1] if y is None else y]
            expected = self.frame(buttons, *self.pixel, wheel, tilt)
            told = (*self.pixel, -wheel, -tilt, state)
            self.mouse.putMouseEventAbsolute(*told)
        else:
            expected = self.frame(buttons, x or 0, y or 0, wheel, 0)
            told = (x or 0, y or 0, -wheel, 0, state)
            self.mouse.putMouseEvent(*told)
        for event in expected:
            got = self.recorder.event(EVENT_WITHIN)
            if got != (self.device, *event):
                raise Differs(
                    f"first difference, {self.about['name']}:\n"
                    f"    injected  {told} (x, y, wheels, buttons)\n"
                    f"    frame     {expected}\n"
                    f"    expected  {(self.device, *event)}\n"
                    f"    came      {got or f'nothing in {EVENT_WITHIN} s'}"
                )
        self.events += len(expected)
        self.frames += bool(expected)

    def exercise(self):
        """Each button alone and all at once, both axes both ways, the wheel, all in one report."""
        for number in range(5):
            self.do(buttons=1 << number)
            self.do(buttons=0)
        self.do(buttons=31)
        self.do(buttons=0)
        for wheel in (1, -1, 3, -3, 127, -127):
            self.do(wheel=wheel)
        if self.tablet:
            w, h = self.width, self.height
            for tilt in (1, -1, 5):
                self.do(tilt=tilt)
            for x, y in ((1, 1), (w, 1), (w, h), (1, h), (1, h), (2, h), (w // 3, h // 2)):
                self.do(x, y)
            self.do(w // 2, h // 4, 1, 2)
            self.do(w // 4, h // 2, 0, -2)
        else:
            for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, -1), (127, -127),
                         (-127, 127), (200, 0), (0, -200)):
                self.do(x, y)
            self.do(5, -7, 1, 2)
            self.do(-5, 7, 0, -2)

    def draw(self):
        """Motion that leaves a picture, with two buttons down."""
        steps = 72
        if self.tablet:
            for step in range(steps + 1):
                angle = 2 * math.pi * step / steps
                self.do(round(self.width / 2 * (1 + 0.9 * math.cos(angle))),
                        round(self.height / 2 * (1 + 0.8 * math.sin(angle))))
        else:
            was = (0, 0)
            for step in range(1, steps + 19):
                radius, angle = 0.9 * step, 2 * math.pi * step / 30
                to = (round(2.6 * radius * math.cos(angle)), round(radius * math.sin(angle)))
                self.do(to[0] - was[0], to[1] - was[1])
                was = to
        self.do(buttons=5, wheel=5)


def run(machine, path):
    manager = api()
    try:
        session = manager.openMachineSession(manager.getVirtualBox().findMachine(machine))
    except Exception as error:  # XPCOM has its own kinds of exceptions, all below this one
        raise CannotRun(f"VirtualBox gives no access to the machine: {error}") from None
    try:
        recorder = Recorder(path)
        recorder.catch_up()
        check = Machine(session.console, recorder)
        check.exercise()
        check.draw()
        more = recorder.event(1)
        if more:
            raise Differs(f"an event too much: {more}")
    finally:
        manager.closeMachineSession(session)
    print(f"{check.about['name']} ({check.about['id']}), driver {check.about['driver']}: "
          f"{check.injected} injections, {check.frames} frames, {check.events} events, "
          "all as they had to be")


def main():
    if len(sys.argv) != 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        run(*sys.argv[1:])
    except Differs as error:
        print(f"mouse: {error}", file=sys.stderr)
        return 1
    except CannotRun as error:
        print(f"mouse: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
