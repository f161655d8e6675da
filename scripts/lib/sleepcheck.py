#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The guest goes to sleep (ACPI S3) while its mouse is open, and wakes up: the mouse goes on.

Its controller has lost its power meanwhile, so that the USB core resets the mouse and the driver
has to set it up again. For scripts/check boot.
"""
import argparse
import pathlib
import sys
import time

import guest as g

MOVES = [(5, 3), (-7, -2)]  # before, and after
# 72 bytes: three events, X, Y and SYN
SCRIPT = r"""
cd -P /sys/bus/usb/drivers/%s/*:1.0
event=/dev/input/$(basename "$(find . -name 'event*')")
# the same device afterwards, as a distribution's kernel has it
echo 1 >../power/persist
cat "$event" >/tmp/events &
size() {
    for _ in $(seq 300); do
        [ "$(stat -c %%s /tmp/events)" -lt $1 ] || return
        sleep 0.1
    done
}
sleep 0.5; echo READING; size 72
echo SLEEPING; echo mem >/sys/power/state || exit 1
echo AWAKE; size 144
kill $! || exit 1
echo EVENTS
od -An -v -td2 -w24 /tmp/events
"""


def asleep(guest):
    for _ in range(600):
        if guest.qmp("query-status")["status"] == "suspended":
            return
        time.sleep(0.1)
    raise g.GuestError("the guest does not go to sleep")


def move(guest, x, y):
    guest.inject(g.rel("x", x), g.rel("y", y))


def events(lines):
    shorts = [[int(word) for word in line.split()] for line in lines if line.strip()]
    return [(event[8], event[9], event[10]) for event in shorts]


def run(args):
    wanted = [event for x, y in MOVES for event in ((2, 0, x), (2, 1, y), (0, 0, 0))]
    with g.Guest(
        args.out, args.initramfs, f"guest.mode=run guest.wait=1 guest.modules={args.modules}",
        files=[("guest-run", 0o100755, (SCRIPT % args.driver).encode())],
        controller=args.controller, devices=("usb-mouse",),
        log=g.BUILD / f"log/sleep-{args.controller}.log",
    ) as guest:
        guest.wait_up()
        guest.wait_for("^READING", 60)
        guest.point_with("Mouse")
        move(guest, *MOVES[0])
        guest.wait_for("^SLEEPING", 60)
        asleep(guest)
        guest.qmp("system_wakeup")
        guest.wait_for("^AWAKE", 120)
        move(guest, *MOVES[1])
        guest.wait_for("^EVENTS", 60)
        status, lines = guest.wait_for(r"^GUEST EXIT (\d+)", 20)
        complaints = guest.complaints()
        slept = "PM: suspend exit" in guest.log_text()
    came = events([line for line in lines if not line.startswith("GUEST")])
    if status[1] != "0" or not slept or complaints:
        raise g.GuestError(f"status {status[1]}, slept: {slept}, {complaints}")
    if came != wanted:
        raise g.GuestError(f"{came} came, and not {wanted}")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=pathlib.Path, default=g.BUILD / "out/main")
    parser.add_argument("--initramfs", type=pathlib.Path,
                        default=g.BUILD / "guest/main/initramfs.cpio")
    parser.add_argument("--controller", default="uhci", choices=sorted(g.CONTROLLERS))
    parser.add_argument("--modules", default="hrmouse")
    parser.add_argument("--driver", default="hrmouse")
    return g.exit_code("sleep", run, parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
