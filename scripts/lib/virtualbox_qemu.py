#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boots the disk of scripts/virtualbox in QEMU with the hardware that VirtualBox has (AHCI, OHCI,
PIIX3 or ICH9, BIOS or UEFI), and drives the mouse and the tablet as scripts/boot --headless does:
what hrmouse reports has to be what was injected, event for event.

Exit status 0: all came, nothing else did. 1: not so. 2: it cannot be run.
"""
import argparse
import pathlib
import re
import sys
import time

import bootcheck as b
import guest as g

OVMF = "/usr/share/ovmf/OVMF.fd"


def hardware(disk, machine, firmware):
    """QEMU's arguments for the disk, on an AHCI, and for the firmware."""
    if not disk.is_file():
        raise g.CannotRun(f"{disk} is missing: run scripts/virtualbox create")
    args = ["-drive", f"file={disk},format=vdi,if=none,id=disk,snapshot=on"]
    # q35 has an AHCI of its own
    bus = "ide.0"
    if machine == "pc":
        args += ["-device", "ich9-ahci,id=ahci"]
        bus = "ahci.0"
    args += ["-device", f"ide-hd,drive=disk,bus={bus},bootindex=0"]
    if firmware == "efi":
        if not pathlib.Path(OVMF).is_file():
            raise g.CannotRun(f"{OVMF} is missing: apt-get install ovmf")
        args += ["-bios", OVMF]
    return args


def meet(guest):
    """The pointers, from what the recorder says of them."""
    guest.wait_up(180)
    _, lines = guest.wait_for(r"^READY 2$", 60)
    pointers = {}
    for line in lines:
        if found := re.match(r"DEV (\S+) driver=(\S+) id=\S+ name=(.*)$", line):
            event, driver, name = found.groups()
            if driver != "hrmouse":
                raise g.GuestError(f"{name} is driven by {driver}, not by hrmouse")
            buttons = sum(bool(re.match(rf"CAP {event} 1 \d+", other)) for other in lines)
            pointers[name] = b.Pointer(name, driver, buttons)
            pointers[name].event = event
    names = [f"QEMU QEMU USB {kind}" for kind in ("Mouse", "Tablet")]
    if sorted(pointers) != names:
        raise g.GuestError(f"the guest's pointers are {', '.join(pointers)}")
    return [pointers[name] for name in names]


def run(args):
    kernel = pathlib.Path(args.out) / "arch/x86/boot/bzImage"
    with g.Guest(
        None,
        None,
        accel=g.best_accel(kernel, pathlib.Path(args.initramfs)),
        qemu_args=hardware(args.disk, args.machine, args.firmware),
        controller="ohci",
        machine=args.machine,
        devices=("usb-mouse", "usb-tablet"),
        log=g.BUILD / f"log/virtualbox-{args.machine}-{args.firmware}.log",
    ) as guest:
        mouse, tablet = meet(guest)
        check = b.Check(guest)
        b.exercise(check, mouse)
        b.exercise(check, tablet)
        b.draw(check, mouse, tablet)
        check.nothing_more()
        time.sleep(0.5)
        guest.screenshot(args.screenshot)
        guest.send("q")
        tainted, _ = guest.wait_for(r"^GUEST TAINTED (\d+)", 20)
        status, _ = guest.wait_for(r"^GUEST EXIT (\d+)", 20)
        guest.wait_exit(30)
        complaints = guest.complaints()
    if tainted[1] != "0" or status[1] != "0" or complaints:
        raise g.GuestError(f"tainted {tainted[1]}, status {status[1]}, {complaints}")
    print(f"{mouse.events} events of the mouse, {tablet.events} of the tablet")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--disk", required=True, type=pathlib.Path)
    parser.add_argument("--out", required=True, help="the kernel's object directory")
    parser.add_argument("--initramfs", required=True)
    parser.add_argument("--machine", default="pc", choices=["pc", "q35"])
    parser.add_argument("--firmware", default="bios", choices=["bios", "efi"])
    parser.add_argument("--screenshot", required=True, type=pathlib.Path)
    args = parser.parse_args()
    return g.exit_code("virtualbox", run, args)


if __name__ == "__main__":
    sys.exit(main())
