#!/usr/bin/env python3
"""What a person does in a Debian guest, at the shell of scripts/lib/debian/disk.

    person.py DIR first              the first start: GRUB is installed
    person.py DIR look               notes release, config and lsmod of Debian's kernel in DIR
    person.py DIR module TAR         unpacks the project; scripts/module moves the mouse and back
    person.py DIR install DEB NEXT   installs a kernel package; the next start is of release NEXT
    person.py DIR use RELEASE DRIVER NEXT
                                     this kernel runs, DRIVER has the mouse, its events are right

Each start goes through the BIOS and GRUB, as in a virtual machine. Prints TAP without numbers.
"""

import argparse
import contextlib
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import guest as qemu  # noqa: E402

BOOT_SECONDS = 600
MOVES = [(5, 3), (-7, 0), (1, -20), (0, 9)]


class Person:
    """Sits at the guest's shell."""

    def __init__(self, guest):
        self.guest = guest
        guest.wait_for("^SHELL", BOOT_SECONDS)

    def type(self, command, timeout=300):
        """The lines that it prints; GuestError if it fails."""
        self.guest.send(f"( {command}\n) 2>&1; status=$?; echo; echo STATUS $status-\n")
        found, lines = self.guest.wait_for(r"^STATUS (\d+)-", timeout)
        lines = [line.rstrip("\r") for line in lines]
        if found.group(1) != "0":
            raise qemu.GuestError(f"{command!r} failed:\n" + "\n".join(lines[-15:]))
        return [line for line in lines if line]

    def release(self):
        return self.type("uname -r")[-1]

    def start_next(self, release):
        """What one does in GRUB's menu: the entry of this release, once."""
        names = self.type(
            "sed -n \"s/^.*menuentry_id_option '\\([^']*\\)'.*/\\1/p\" /boot/grub/grub.cfg"
        )
        advanced = next(name for name in names if name.startswith("gnulinux-advanced-"))
        entries = [n for n in names if n.startswith(f"gnulinux-{release}-advanced-")]
        if not entries:
            raise qemu.GuestError(f"GRUB's menu has no entry of {release}: {', '.join(names)}")
        self.type(f"grub-reboot '{advanced}>{entries[0]}'")

    def driver(self):
        """The USB driver that has the mouse."""
        return self.type(
            "cd /sys/bus/usb/devices\n"
            "for try in $(seq 60); do for mouse in $(grep -l 02 *:*/bInterfaceProtocol); do\n"
            "driver=$(readlink ${mouse%/*}/driver) && basename $driver && exit\n"
            "done; sleep 1; done; echo none"
        )[-1]

    def events(self):
        """What comes out of the mouse's event device for MOVES."""
        find = "find /sys/bus/usb/devices/*:1.0/ -name 'event*' | head -n 1"
        node = "/dev/input/" + self.type(f"basename $({find})")[-1]
        self.guest.send(f"echo READING; timeout 15 od -An -v -td2 -w24 {node}; echo READ\n")
        self.guest.wait_for("^READING", 60)
        time.sleep(3)
        self.guest.point_with("Mouse")
        for x, y in MOVES:
            self.guest.inject(*[qemu.rel(*axis) for axis in (("x", x), ("y", y)) if axis[1]])
            time.sleep(0.5)
        _, lines = self.guest.wait_for("^READ\r?$", 120)
        shorts = [[int(word) for word in line.split()] for line in lines if line.strip()]
        return [(event[8], event[9], event[10]) for event in shorts if len(event) == 12]


def moved():
    """The events that MOVES are."""
    events = []
    for x, y in MOVES:
        events += [(2, code, value) for code, value in ((0, x), (1, y)) if value] + [(0, 0, 0)]
    return events


@contextlib.contextmanager
def person_at(directory, *, first=False, disc=None):
    """Who has the file as a disc in the drive, and switches the guest off in the end."""
    disk = "if=none,format=raw,cache=unsafe"
    args = ["-device", "ich9-ahci,id=ahci", "-drive", f"file={directory}/disk.img,id=disk,{disk}",
            "-device", "ide-hd,drive=disk,bus=ahci.0"]
    if disc:
        args += ["-drive", f"file={disc},id=disc,{disk},readonly=on",
                 "-device", "ide-cd,drive=disc,bus=ahci.1"]
    # QEMU's OHCI unplugs a device that wakes up, and Debian's udev lets this mouse sleep
    with qemu.Guest(
        directory / "kernel" if first else None,
        directory / "initramfs" if first else None,
        "root=/dev/sda1 rw" if first else "",
        controller="xhci", devices=["usb-mouse"], qemu_args=args, memory=1024, accel="tcg",
        log=qemu.BUILD / "log/debian-guest.log",
    ) as guest:
        yield Person(guest)
        guest.send("poweroff\n")
        guest.wait_exit(300)
        if complaints := guest.complaints():
            raise qemu.GuestError("the kernel complained:\n" + "\n".join(complaints))


def say(what, holds, why=""):
    print(f"{'ok' if holds else 'not ok'} - {what}", flush=True)
    if not holds:
        print("\n".join(f"# {line}" for line in str(why).splitlines()), flush=True)
    return holds


def first(directory, _):
    with person_at(directory, first=True) as person:
        person.type("grub-install /dev/sda && update-grub && sync", 900)
        release = person.release()
        person.start_next(release)
    return say(f"Debian with its own kernel {release}, and GRUB", True)


def look(directory, _):
    with person_at(directory) as person:
        release = person.release()
        driver = person.driver()
        (directory / "release").write_text(release + "\n")
        for name, command in (("lsmod", "lsmod"), ("config", "cat /boot/config-$(uname -r)")):
            (directory / name).write_text("\n".join(person.type(command)) + "\n")
    return say(f"{release}: usbhid has the mouse", driver == "usbhid", driver)


def module(directory, args):
    holds = True
    with person_at(directory, disc=args.tar) as person:
        person.type("mkdir /root/hrmouse && tar -xf /dev/sr0 -C /root/hrmouse", 600)
        for action, driver in (("load --device 0627:0001", "hrmouse"), ("unload", "usbhid")):
            person.type(f"cd /root/hrmouse && scripts/module {action}", 3600)
            now, events = person.driver(), person.events()
            holds &= say(f"scripts/module {action}: {driver} has the mouse, its events are right",
                         now == driver and events == moved(), f"{now}\n{events}\n{moved()}")
        left = person.type("lsmod | sed -n /hrmouse/p")
        holds &= say("and the module is gone", not left, "\n".join(left))
    return holds


def install(directory, args):
    deb = pathlib.Path(args.deb).read_bytes()
    # a drive reads whole sectors: an unfinished last one would be lost
    disc = directory / "disc"
    disc.write_bytes(deb + bytes(-len(deb) % 2048))
    with person_at(directory, disc=disc) as person:
        command = f"head -c {len(deb)} /dev/sr0 >/root/k.deb && dpkg -i /root/k.deb && sync"
        person.type(command, 1800)
        person.start_next(args.next)
    return say(f"the package is installed, and {args.next} is in GRUB's menu", True)


def use(directory, args):
    with person_at(directory) as person:
        release = person.release()
        holds = say(f"{args.release} runs", release == args.release, release)
        driver = person.driver()
        holds &= say(f"{release}: {args.driver} has the mouse", driver == args.driver, driver)
        events = person.events()
        holds &= say(f"{release}: its events are the movement", events == moved(),
                     f"{events}\n{moved()}")
        person.start_next(args.next)
    return holds


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("dir", type=pathlib.Path)
    commands = parser.add_subparsers(dest="command", required=True)
    for function, words in ((first, ()), (look, ()), (module, ("tar",)), (install, ("deb", "next")),
                            (use, ("release", "driver", "next"))):
        command = commands.add_parser(function.__name__)
        command.set_defaults(function=function)
        for word in words:
            command.add_argument(word)
    args = parser.parse_args()
    return qemu.exit_code("debian", lambda args: not args.function(args.dir, args), args,
                          case=f"{args.command} in the guest: ")


if __name__ == "__main__":
    sys.exit(main())
