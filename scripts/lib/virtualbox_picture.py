#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""virtualbox_picture.py BEFORE.png AFTER.png: whether both are screenshots of the viewer, and its
pointer is not where it was and has left a trail. Exit status 0: so it is. 1: not so."""
import pathlib
import struct
import sys
import zlib

# of the VGA's 16 colours, as they are in a screenshot; a screen of another depth is a little off
BLUE, CYAN, BROWN, GREEN = (0, 0, 170), (0, 170, 170), (170, 85, 0), (85, 255, 85)


def read(path):
    """Rows of (r, g, b)."""
    data = pathlib.Path(path).read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        sys.exit(f"{path} is no PNG")
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
        elif kind == b"IDAT":
            packed += body
        at += 12 + size
    channels = {2: 3, 6: 4}.get(colour)
    if depth != 8 or interlace or not channels:
        sys.exit(f"{path}: depth {depth}, colour type {colour}: not read here")
    raw, stride = zlib.decompress(packed), width * channels
    rows, above = [], bytes(stride)
    for y in range(height):
        start = y * (stride + 1)
        row = unfilter(raw[start], bytearray(raw[start + 1:start + 1 + stride]), above, channels)
        rows.append([tuple(row[x:x + 3]) for x in range(0, stride, channels)])
        above = row
    return rows


def unfilter(kind, row, above, step):
    """PNG's filters: each byte is a difference to its neighbours."""
    for i, value in enumerate(row):
        left = row[i - step] if i >= step else 0
        up = above[i]
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            value += left
        elif kind == 2:
            value += up
        elif kind == 3:
            value += (left + up) // 2
        elif kind == 4:
            guess = left + up - corner
            value += min((left, up, corner), key=lambda n: abs(guess - n))
        row[i] = value & 255
    return row


def pixels(rows, colour):
    return [(x, y) for y, row in enumerate(rows) for x, pixel in enumerate(row)
            if all(abs(a - b) <= 8 for a, b in zip(pixel, colour))]


def pointer(path, rows):
    """The centre of the cross, having made sure that this is the viewer."""
    title = sum(y < 16 for _, y in pixels(rows, BLUE))
    if title < 8 * len(rows[0]) or len(pixels(rows, GREEN)) < 100:
        sys.exit(f"{path} does not show the viewer")
    cross = pixels(rows, BROWN)
    if not cross:
        sys.exit(f"{path}: there is no pointer in the viewer")
    return tuple(sum(axis) // len(cross) for axis in zip(*cross))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    before, after = map(read, sys.argv[1:])
    was, now = pointer(sys.argv[1], before), pointer(sys.argv[2], after)
    trail = len(pixels(after, CYAN)) - len(pixels(before, CYAN))
    print(f"the pointer was at {was} and is at {now}; {trail} pixels of its trail are cyan")
    return was == now or trail < 500


if __name__ == "__main__":
    sys.exit(main())
