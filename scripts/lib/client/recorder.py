#!/usr/bin/python3
"""What hidapi says of a hidraw node, and each report that comes, as hid-recorder prints them.

    recorder.py NODE FEATURE-ID… [--write HEX]

Prints "ready" before it begins to read; ends when it is killed.
"""

import argparse
import fcntl

import hidraw

HIDIOCGRDESCSIZE = 0x80044801
HIDIOCGRDESC = 0x90044802
HIDIOCGRAWNAME = 0x81004804
HIDIOCGRAWPHYS = 0x81004805


def ioctls(path):
    """The lines of the descriptor, the name and the physical path."""
    with open(path, "rb") as node:
        size = bytearray(4)
        fcntl.ioctl(node, HIDIOCGRDESCSIZE, size)
        rdesc = bytearray(size) + bytearray(4096)
        fcntl.ioctl(node, HIDIOCGRDESC, rdesc)
        count = int.from_bytes(size, "little")
        yield f"R: {count} {rdesc[4 : 4 + count].hex(' ')}"
        for what, number in (("N", HIDIOCGRAWNAME), ("P", HIDIOCGRAWPHYS)):
            text = bytearray(256)
            fcntl.ioctl(node, number, text)
            yield f"{what}: {text.split(bytes(1))[0].decode()}"


def main():
    """Prints until it is killed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("node")
    parser.add_argument("feature", nargs="*", type=lambda text: int(text, 16))
    parser.add_argument("--write", type=bytes.fromhex)
    args = parser.parse_args()

    for info in hidraw.enumerate():
        if info.pop("path").decode() == args.node:
            print("I:", sorted(info.items()))
    for line in ioctls(args.node):
        print(line)
    device = hidraw.device()
    device.open_path(args.node.encode())
    for number in args.feature:
        print(f"F: {bytes(device.get_feature_report(number, 256)).hex(' ')}")
    if args.write:
        print("W:", device.write(args.write))
    print("ready", flush=True)
    while True:
        report = bytes(device.read(256, 1000))
        if report:
            print(f"E: {len(report)} {report.hex(' ')}", flush=True)


main()
