# SPDX-License-Identifier: GPL-2.0-only
"""scripts/doctor --mouse: why a mouse is not hrmouse's, or hears nothing."""
import os
import re

DRIVER = "hrmouse"
INIT = "hrm_init"
USB = "/sys/bus/usb"
VIRTUALBOX_MOUSE = "80ee:0020"
VIRTUALBOX_TABLET = "80ee:0021"
TABLETS = {VIRTUALBOX_TABLET, "0627:0001"}
INTEGRATION = "VirtualBox mouse integration"


def mice(system):
    """[(interface, vendor:product, what it calls itself, driver or None)]"""
    found = []
    for path in sorted(system.path(USB + "/devices").glob("*:*")):

        def attribute(name, of=path):
            try:
                return (of / name).read_text(errors="replace").strip()
            except OSError:
                return ""

        device = path.parent / path.name.split(":")[0]
        ids = f"{attribute('idVendor', device)}:{attribute('idProduct', device)}"
        # 03: HID; protocol 02: a mouse
        if attribute("bInterfaceClass") != "03":
            continue
        protocol = attribute("bInterfaceProtocol")
        # QEMU's keyboard has the ids of its tablet, and protocol 01
        if protocol == "02" or (protocol == "00" and ids in TABLETS):
            driver = (os.path.basename(os.readlink(path / "driver"))
                      if (path / "driver").is_symlink() else None)
            found.append((path.name, ids, attribute("product", device) or ids, driver))
    return found


def installed(system):
    """Where the running kernel has hrmouse: a path, "built in", or None."""
    base = f"/lib/modules/{system.release}"
    for path in system.path(base).glob(f"**/{DRIVER}.ko*"):
        return str(path)
    if re.search(rf"/{DRIVER}\.ko$", system.read(base + "/modules.builtin"), re.M):
        return "built in"
    loaded = re.search(rf"^{DRIVER} ", system.read("/proc/modules"), re.M)
    places = f"/sys/module/{DRIVER}", f"{USB}/drivers/{DRIVER}"
    if any(system.path(place).is_dir() for place in places):
        return "loaded" if loaded else "built in"
    return None


def blacklisted(system):
    """[(where, mend)]"""
    found = []
    files = [p for d in ("/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d",
                         "/lib/modprobe.d") for p in sorted(system.path(d).glob("*.conf"))]
    for path in files:
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            words = line.split()
            if words[:2] == ["blacklist", DRIVER] or (words[:2] == ["install", DRIVER]
                                                      and words[2:3] in (["/bin/true"],
                                                                         ["/bin/false"])):
                found.append((f"{path}:{number} says '{line.strip()}'",
                              system.sudo(f"sed -i '{number}s/^/#/' {path}")))
    for word in system.read("/proc/cmdline").split():
        key, _, value = word.partition("=")
        if (key in ("module_blacklist", "modprobe.blacklist")
            and DRIVER in value.split(",")) or (key == "initcall_blacklist"
                                                and INIT in value.split(",")):
            found.append((f"the kernel's command line says {word}", boot_without(system, word)))
    return found


def boot_without(system, word):
    return (system.sudo(f"sed -i 's/ *{re.escape(word)}//' /etc/default/grub") + " && "
            + system.sudo("update-grub") + " && " + system.sudo("reboot"))


def check_driver(system, where, asked):
    """Whether hrmouse runs; False if not, with the finding."""
    if where is None:
        if asked:
            system.stop("no-hrmouse", f"the running kernel {system.release} has no hrmouse",
                        "scripts/boot", "scripts/module install")
        return False
    if system.path(f"{USB}/drivers/{DRIVER}").is_dir():
        system.ok("hrmouse is loaded")
        return True
    lists = blacklisted(system)
    for reason, mend in lists:
        system.stop("blacklisted", f"hrmouse is kept from loading: {reason}", mend)
    if where == "built in":
        if not lists:
            system.stop("not-loaded", "hrmouse is built in and did not start",
                        "dmesg | grep hrmouse")
    elif not any(re.search(r"command line says (module|initcall)_blacklist", reason)
                 for reason, _ in lists):
        system.stop("not-loaded", f"hrmouse is installed ({where}) and not loaded",
                    system.sudo("modprobe hrmouse"))
    return False


def check_holders(system):
    """Mice that hrmouse runs beside."""
    left_file = "/sys/kernel/debug/usb/hrmouse/left"
    left = dict(line.split(": ", 1) for line in system.read(left_file).splitlines()
                if ": " in line)
    readable = os.access(system.path(left_file), os.R_OK)
    for interface, ids, name, driver in mice(system):
        mouse = f"{name} ({ids}, {interface})"
        if driver == DRIVER:
            system.ok(f"{mouse}: hrmouse")
        elif interface in left:
            mend = ["hrmouse never takes such a device; this is as it should be."]
            if "ignore" in left[interface]:
                mend = [system.sudo("modprobe -r hrmouse") + " && "
                        + system.sudo("modprobe hrmouse ignore="),
                        "grep -rn hrmouse /etc/modprobe.d"]
            elif "probe failed" in left[interface]:
                mend = ["dmesg | grep hrmouse"]
            system.stop("left", f"{mouse} was left to {driver or 'no driver'} by hrmouse: "
                        f"{left[interface]}", *mend)
        elif driver is None:
            system.stop("no-driver", f"{mouse} has no driver", bind(system, interface))
        elif not readable:
            system.stop("held",
                        (f"{driver} holds {mouse}, and why cannot be read: /sys/kernel/debug is "
                         "for root only, or not mounted"),
                        *(("mount -t debugfs debugfs /sys/kernel/debug",) if os.geteuid() == 0
                          else ("sudo scripts/doctor --mouse",)))
        else:
            system.stop("held",
                        (f"{driver} holds {mouse}, and hrmouse was not asked: this kernel's "
                         "usbhid gives nothing away (no hid_claim), or it was bound by hand"),
                        f"scripts/module load --device {interface}")


def bind(system, interface):
    return system.sudo(f"sh -c 'echo {interface} >{USB}/drivers_probe'")


def check_integration(system):
    """VirtualBox gives absolute motion to vboxguest as long as somebody there reads it."""
    if not any(ids == VIRTUALBOX_TABLET for _, ids, _, _ in mice(system)):
        return
    if INTEGRATION not in system.read("/proc/bus/input/devices"):
        system.ok("VirtualBox: no mouse integration beside the USB tablet")
        return
    system.stop("virtualbox-integration",
                (f"VirtualBox's USB tablet ({VIRTUALBOX_TABLET}) hears nothing as long as a "
                 f"desktop has '{INTEGRATION}' open, the device of vboxguest"),
                system.sudo("systemctl stop virtualbox-guest-utils vboxadd-service"),
                system.sudo("modprobe -r vboxsf vboxguest"),
                ("Or choose USB Mouse as the machine's pointing device, with i8042.noaux on the "
                 "kernel's command line and Mouse Integration off in the window's menu."))


def check_virtualbox(system):
    """VirtualBox gives relative motion to the PS/2 mouse as long as the guest drives one."""
    if not any(ids == VIRTUALBOX_MOUSE for _, ids, _, _ in mice(system)):
        return
    ps2 = [p for p in system.path("/sys/bus/serio/drivers/psmouse").glob("serio*")
           if p.is_symlink()]
    if not ps2:
        system.ok("VirtualBox: no PS/2 mouse beside the USB mouse")
        return
    system.stop("virtualbox-ps2",
                (f"VirtualBox's USB mouse ({VIRTUALBOX_MOUSE}) hears nothing: the guest drives "
                 f"the PS/2 mouse, too ({ps2[0].name}, psmouse), and VirtualBox moves that one"),
                system.sudo("sed -i 's/^GRUB_CMDLINE_LINUX=\"/&i8042.noaux /' /etc/default/grub")
                + " && " + system.sudo("update-grub") + " && " + system.sudo("reboot"),
                "Or choose USB Tablet as the machine's pointing device.")


def examine(system, asked):
    if not system.path(USB).is_dir():
        if asked:
            system.stop("no-usb", f"this kernel knows no USB ({USB} is missing)",
                        "Look in the machine that has the mouse.")
        return
    if asked and not mice(system):
        system.stop("no-mouse", "there is no USB mouse", "lsusb",
                    ("In a virtual machine: choose USB Mouse or USB Tablet as its pointing "
                     "device, and a USB controller."))
    where = installed(system)
    if check_driver(system, where, asked):
        check_holders(system)
    elif where or asked:
        for interface, ids, name, driver in mice(system):
            system.note("held",
                        (f"{driver or 'no driver'} holds {name} ({ids}, {interface}), for hrmouse "
                         "is not running"))
    if where or asked:
        check_virtualbox(system)
        check_integration(system)
