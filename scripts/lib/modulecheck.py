#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Loads the stand-alone module in a guest as scripts/module does, and looks at who drives what.

A mouse, a tablet and a keyboard of QEMU's on a kernel as the distribution has it: what is moved,
what comes out of it, what goes back, and that nothing is left without a driver. With --gives on a
kernel that has the series. Prints TAP. Exit status: 0 all hold, 1 not, 2 it cannot be run.
"""
import argparse
import pathlib
import re
import struct
import sys
import time

import bootcheck
import guest as g

HERE = pathlib.Path(__file__).resolve().parent
SLOW = 60


class Module:
    """The guest, with the mouse, the tablet and the keyboard in it."""

    def __init__(self, guest, name):
        self.guest = guest
        self.name = name
        self.failed = 0
        guest.wait_up(180)
        guest.wait_for("^SHELL$", SLOW)
        self.interfaces = {}

    def sh(self, line, timeout=SLOW):
        self.guest.send(line + "\n")
        found, said = self.guest.wait_for(r"^DONE (\d+)$", timeout)
        return int(found[1]), "\n".join(said)

    def meet(self, *products):
        for product in products:
            status, said = self.sh(
                "until grep -l 'QEMU USB " + product + "' /sys/bus/usb/devices/*/product "
                "2>/dev/null; do sleep 0.2; done")
            device = said.split("/")[-2]
            self.interfaces[product] = f"{device}:1.0"
            self.sh(f"until [ -e /sys/bus/usb/devices/{device}:1.0/driver ]; do sleep 0.2; done")

    def gone(self, interface):
        device = interface.split(":")[0]
        self.sh(f"while [ -e /sys/bus/usb/devices/{device} ]; do sleep 0.2; done")

    def drivers(self):
        """What has the mouse, the tablet and the keyboard: 'hrmouse usbhid usbhid'"""
        _, said = self.sh("for i in " + " ".join(self.interfaces.values()) + "; do readlink "
                          "/sys/bus/usb/devices/$i/driver || echo none; done")
        return " ".join(line.rsplit("/", 1)[-1] for line in said.split())

    def hand(self, words):
        return self.sh(f"sh /handover {words}")

    def events(self, *names):
        """{name: its Pointer} after scripts/boot's exercise: GuestError where events differ."""
        # a tablet that has just got a driver: where that believes it to be
        self.guest.point_with("Tablet")
        self.guest.inject(g.absolute("x", 0), g.absolute("y", 0))
        self.guest.send("viewer --record /dev/ttyS1\n")
        found, lines = self.guest.wait_for(r"^READY (\d+)$", SLOW)
        listed = {m[4]: m for line in lines
                  if (m := re.match(r"DEV (\S+) driver=(\S+) id=(\S+) name=(.*)$", line))}
        check, result = bootcheck.Check(self.guest), {}
        for name in names:
            full = f"QEMU QEMU USB {name}"
            if full not in listed:
                raise g.GuestError(f"no {full} among {', '.join(listed)}")
            pointer = bootcheck.Pointer(full, listed[full][2], self.buttons[name])
            pointer.event = listed[full][1]
            bootcheck.exercise(check, pointer)
            result[name] = pointer
        check.nothing_more()
        self.guest.send("q")
        self.guest.wait_for(r"^DONE 0$", SLOW)
        self.sh("stty -F /dev/ttyS1 raw -echo")
        return result

    def keys(self, keyboard):
        """[(key, value)] of a stroke of A"""
        path = f"/sys/bus/usb/devices/{keyboard}/0003:*/input/input*/event*"
        # usbhid may still be at it: hrmouse gives back in a work item
        self.sh(f"until ls -d {path}; do sleep 0.1; done")
        self.sh(f"dd if=/dev/input/$(basename {path}) bs=24 count=6 of=/tmp/keys 2>/dev/null & "
                "sleep 1")
        for down in True, False:
            self.guest.inject({"type": "key",
                               "data": {"key": {"type": "qcode", "data": "a"}, "down": down}})
            time.sleep(0.2)
        _, said = self.sh("sleep 1; kill $! 2>/dev/null; xxd -p -c 256 /tmp/keys")
        events = struct.iter_unpack("<16xHHi", bytes.fromhex(said.strip()))
        return [(code, value) for kind, code, value in events if kind == 1]

    def read_buttons(self):
        self.buttons = {}
        for name in ("Mouse", "Tablet"):
            path = f"/sys/bus/usb/devices/{self.interfaces[name]}/0003:*/report_descriptor"
            _, said = self.sh(f"xxd -p {path} | tr -d '\\n'; echo")
            self.buttons[name] = bootcheck.count_buttons(bytes.fromhex(said.strip()))

    def ok(self, what, holds, *why):
        print(f"{'ok' if holds else 'not ok'} - {self.name}: {what}", flush=True)
        if not holds:
            self.failed += 1
            for text in why:
                print("# " + str(text).replace("\n", "\n# "), flush=True)


def same(m, name, driver, what):
    """Its events are those that were injected, and this driver made them."""
    try:
        pointer = m.events(name)[name]
    except g.GuestError as error:
        m.ok(what, False, error)
        raise
    m.ok(f"{what}: {pointer.injected} injections, {pointer.events} events, all compared",
         pointer.driver == driver, f"{pointer.driver} made them")


def stock(m):
    """A kernel whose usbhid gives no mouse away."""
    m.meet("Mouse", "Tablet", "Keyboard")
    mouse, tablet, keyboard = m.interfaces.values()
    m.read_buttons()

    status, said = m.hand("load --ko /hrmouse.ko")
    m.ok("load without a device lists the mice and moves nothing",
         status == 2 and f"load --device {mouse}" in said and tablet in said
         and keyboard not in said and m.drivers() == "usbhid usbhid usbhid"
         and m.sh("[ -d /sys/module/hrmouse ]")[0] == 1, status, said, m.drivers())
    status, said = m.hand("load --ko /hrmouse.ko --device 0627:0001")
    m.ok("ids that two of them have: it asks which",
         status == 2 and "more than one" in said and m.drivers() == "usbhid usbhid usbhid", said)
    for wrong in ("1234:5678", "9-9:1.0", "usb1", "1-0:1.0"):
        status, said = m.hand(f"load --ko /hrmouse.ko --device {wrong}")
        m.ok(f"--device {wrong}: no such mouse, and nothing is loaded",
             status == 2 and m.sh("[ -d /sys/module/hrmouse ]")[0] == 1, status, said)

    status, said = m.hand(f"load --ko /hrmouse.ko --device {mouse}")
    m.ok("load moves the mouse that is asked for, and no other",
         status == 0 and m.drivers() == "hrmouse usbhid usbhid", status, said, m.drivers())
    same(m, "Mouse", "hrmouse", "the mouse is hrmouse's")
    same(m, "Tablet", "hid-generic", "the tablet is hid-generic's beside it")
    status, said = m.sh(f"ls -d /sys/bus/usb/devices/{mouse}/0003:*/hidraw/hidraw*")
    m.ok("the mouse has hidraw, too", status == 0, said)

    status, said = m.hand(f"load --device {keyboard}")
    m.ok("a keyboard is refused and stays with usbhid, and why is said",
         status == 1 and m.drivers() == "hrmouse usbhid usbhid"
         and re.search(r"does not take \S+: \w.*(usage|parameter|driver|mouse|no ).*with usbhid",
                       said) is not None, status, said, m.drivers())
    keys = m.keys(keyboard)
    m.ok("and types on: a is pressed and released", keys == [(30, 1), (30, 0)], keys)

    status, said = m.hand(f"unload --device {mouse}")
    m.ok("unload of one device gives it back, hrmouse stays loaded",
         status == 0 and m.drivers() == "usbhid usbhid usbhid"
         and m.sh("[ -d /sys/module/hrmouse ]")[0] == 0, status, said, m.drivers())
    m.hand(f"load --device {mouse}")
    m.hand(f"load --device {tablet}")
    m.ok("mouse and tablet, one after the other", m.drivers() == "hrmouse hrmouse usbhid",
         m.drivers())
    same(m, "Tablet", "hrmouse", "the tablet is hrmouse's")
    status, said = m.hand("unload")
    m.ok("unload gives both back and unloads",
         status == 0 and m.drivers() == "usbhid usbhid usbhid"
         and m.sh("ls -d /sys/module/hrmouse*")[0] != 0, status, said, m.drivers())
    same(m, "Mouse", "hid-generic", "the mouse is hid-generic's again")

    status, said = m.hand(f"load --ko /hrmouse.ko --device {mouse} ignore=0627:0001")
    m.ok("a mouse that hrmouse is to ignore: refused before its probe, and back with usbhid",
         status == 1 and "ignore" in said and m.drivers() == "usbhid usbhid usbhid", status, said,
         m.drivers())
    m.hand("unload")

    m.hand(f"load --ko /hrmouse.ko --device {tablet}")
    killed(m, mouse)
    unplugged(m)


def killed(m, mouse):
    """Signals in the middle of a move. hrmouse is loaded."""
    for which, what in (("mover", "the process that moves it"),
                        ("KILL", "the command, with its group"),
                        ("INT", "the command, with its group, by SIGINT")):
        middle = tries = dead = 0
        said = ""
        # a kill that comes too late shows nothing
        while tries < 8 and middle < 2 and not dead:
            tries += 1
            status, said = m.sh(f"interrupt {mouse} {which}")
            if status:
                break
            middle += "MIDDLE" in said and "KILLED" in said
            driver = m.drivers().split()[0]
            dead += driver == "none"
            if driver == "hrmouse":
                m.hand(f"unload --device {mouse}")
        m.ok(f"{what} killed in the middle of a move, {middle} times: the mouse has a driver",
             middle and not dead, f"{tries} tries, {dead} times without a driver", said)
        if dead:
            m.sh(f"printf {mouse} >/sys/bus/usb/drivers_probe")


def unplugged(m):
    """By ids, where there is one mouse with them; and a mouse that is pulled out."""
    m.guest.qmp("device_del", id="tablet")
    m.gone(m.interfaces.pop("Tablet"))
    status, said = m.hand("load --device 0627:0001")
    m.ok("load by ids, with a keyboard of the same ids", status == 0
         and m.drivers() == "hrmouse usbhid", status, said, m.drivers())
    mouse = m.interfaces.pop("Mouse")
    m.guest.qmp("device_del", id="mouse")
    m.gone(mouse)
    m.guest.qmp("device_add", driver="usb-mouse", id="mouse", bus="usb.0")
    m.meet("Mouse")
    m.ok("a mouse that is plugged in later is usbhid's", m.drivers() == "usbhid usbhid",
         m.drivers())
    status, said = m.hand("unload")
    m.ok("unload after that", status == 0 and m.drivers() == "usbhid usbhid", status, said)


def gives(m):
    """A kernel with the series."""
    m.meet("Mouse", "Tablet", "Keyboard")
    m.read_buttons()
    status, said = m.hand("load --ko /hrmouse.ko")
    m.ok("where the kernel has the series load moves all mice",
         status == 0 and m.drivers() == "hrmouse hrmouse usbhid", status, said, m.drivers())
    same(m, "Mouse", "hrmouse", "the mouse is hrmouse's")
    status, said = m.hand(f"unload --device {m.interfaces['Mouse']}")
    m.ok("one alone cannot be given back there, and why is said",
         status == 2 and "ignore=0627:0001" in said and m.drivers() == "hrmouse hrmouse usbhid",
         status, said, m.drivers())
    status, said = m.hand("unload")
    m.ok("unload gives them back", status == 0 and m.drivers() == "usbhid usbhid usbhid", status,
         said, m.drivers())


def run(args):
    log = g.BUILD / f"log/module-{args.name}.log"
    files = [("guest-run", 0o100755, (HERE / "module/guest.sh").read_bytes()),
             ("handover", 0o100755, args.handover.read_bytes()),
             ("hrmouse.ko", 0o100644, args.ko.read_bytes()),
             ("hrmouse_rest.ko", 0o100644, args.ko.with_name("hrmouse_rest.ko").read_bytes())]
    devices = [word for name in ("mouse", "tablet", "kbd")
               for word in ("-device", f"usb-{name},bus=usb.0,id={name}")]
    with g.Guest(args.out, args.initramfs, f"guest.mode=run guest.modules={args.modules}",
                 files=files, qemu_args=devices, log=log, memory=512) as guest:
        m = Module(guest, args.name)
        start = time.monotonic()
        try:
            (gives if args.gives else stock)(m)
        except g.GuestError as error:
            m.ok("the guest does what it is told", False, error, guest.log_tail())
        else:
            guest.send("end\n")
            guest.wait_exit(SLOW)
        print(f"# {time.monotonic() - start:.0f} s in the guest; its log: {log}", flush=True)
        complaints = guest.complaints()
        m.ok("the kernel does not complain", not complaints, *complaints)
    return 1 if m.failed else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="the kernel: arch/x86/boot/bzImage there")
    parser.add_argument("--initramfs", required=True)
    parser.add_argument("--name", default="guest", help="what the lines and the log are called")
    parser.add_argument("--ko", required=True, type=pathlib.Path)
    parser.add_argument("--modules", default="none", help="that the kernel needs for USB and HID")
    parser.add_argument("--gives", action="store_true", help="the kernel has the series")
    parser.add_argument("--handover", type=pathlib.Path, default=HERE / "module/handover")
    args = parser.parse_args()
    return g.exit_code("module", run, args, case="")


if __name__ == "__main__":
    sys.exit(main())
