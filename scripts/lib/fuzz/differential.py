#!/usr/bin/env python3
"""The differential mode of scripts/fuzz: makes report descriptors out of those of a corpus and
compares hrmouse with usbhid + hid-generic on them, guest after guest, until the time is over.
scripts/conformance --mutate builds what it needs and calls it.

  differential.py --program GUEST-PROGRAM --taken FILTER-PROGRAM --seconds N [--out OBJECTS]
                  [--initramfs FILE] [--log FILE] [--corpus DIR] [--keep DIR] [--reports N]
                  [--seed N] [PART-OF-A-NAME…]
"""
import argparse
import collections
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
import zlib

LIB = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(LIB), str(LIB / "conformance")]
import conformance  # noqa: E402 (these are no packages)
import guest  # noqa: E402

# item tags, the size bits zero
INPUT, OUTPUT, FEATURE, COLLECTION, END = 0x80, 0x90, 0xB0, 0xA0, 0xC0
PAGE, LMIN, LMAX, PMIN, PMAX, EXPONENT, UNIT = 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64
SIZE, ID, COUNT, PUSH, POP = 0x74, 0x84, 0x94, 0xA4, 0xB4
USAGE, UMIN, UMAX, DELIMITER = 0x08, 0x18, 0x28, 0xA8
MAIN = (INPUT, OUTPUT, FEATURE, COLLECTION, END)
NUMBERS = (LMIN, LMAX, PMIN, PMAX, EXPONENT)
PHYSICAL, APPLICATION, LOGICAL = range(3)
POINTERS = (0x10001, 0x10002)
RESOLUTION_MULTIPLIER = 0x48

LENGTHS = {0: 0, 1: 1, 2: 2, 4: 3}
EDGES = sorted(
    {0, 1, 2, 3, 4, 5, 7, 10, 12, 15, 16, 31, 120, 359, 1000, -2, -8, -100, -120}
    | {s * (1 << n) + d for n in (7, 8, 15, 16, 31) for s in (1, -1) for d in (-1, 0, 1)}
)
# pages with usages that hid-input knows there; the weight of a page is how often it is here
PAGES = 8 * [1] + 6 * [9] + 2 * [2, 0x0C] + [0, 0xFF00, 0xFF, 0xFFBC, 0xFF43, 0xFF09, 0x0F00, 0x0E]
RARE_PAGES = [6, 7, 8, 0x0B, 0x0D, 0x0F, 0x20, 0x80, 0x85, 0x90, 0xFF7F, 0xFF01]
USAGES = {
    1: 3 * [0x30, 0x31, 0x38] + [*range(0x30, 0x49)] + [0, 1, 2, *range(0x80, 0x94), 0x9B, 0xA9]
    + [0xAA, 0xB5, 0xC6],
    2: [0xBA, 0xBB, 0xC4, 0xC5, 0xC8, 0xB0],
    9: [*range(0, 20), 40, 300, 0xFFFF],
    0x0C: 4 * [0x238] + [0xE9, 0x223],
}
UNITS = [0, 0x11, 0x12, 0x13, 0x14, 0x33, 0x1001, 0xFFFFFFFF]
WIDTHS = [1, 1, 1, 2, 3, 4, 5, 7, 8, 8, 8, 9, 10, 12, 12, 15, 16, 16, 16, 20, 24, 31, 32, 33, 40]
DIFFERENCES_ENOUGH = 20
SHRUNK = 3


# --- items


def item(tag, value=None, length=None):
    """(tag, data), data as short as the value allows or of the length given (and then cut)."""
    if value is None:
        return tag, b""
    if length is None:
        low, high = (-1, 1) if tag in NUMBERS else (0, 2)
        length = next(
            n for n in (1, 2, 4, 8) if low << (8 * n - 1) <= value < high << (8 * n - 1)
        )
        length = min(length, 4)
    return tag, (value & (1 << 8 * length) - 1).to_bytes(length, "little")


def parse(rdesc):
    """The short items; what follows something else is lost."""
    items, at = [], 0
    while at < len(rdesc) and rdesc[at] != 0xFE:
        length = (0, 1, 2, 4)[rdesc[at] & 3]
        items.append((rdesc[at] & 0xFC, rdesc[at + 1:at + 1 + length]))
        at += 1 + length
    return items if at == len(rdesc) else items[:-1]


def pack(items):
    return b"".join(bytes([tag | LENGTHS[len(data)]]) + data for tag, data in items)


def number(data, signed=False):
    return int.from_bytes(data, "little", signed=signed)


def pointer_part(items):
    """Without the applications that are no mouse and no pointer; global items stay."""
    kept, page, usage, depth, pointer = [], 0, 0, 0, True
    local = []
    for tag, data in items:
        if tag == PAGE:
            page = number(data)
        if tag == USAGE and not usage:
            usage = number(data) if len(data) == 4 else page << 16 | number(data)
        if tag == COLLECTION and depth == 0:
            pointer = usage in POINTERS
        if tag not in MAIN:
            (local if tag & 0x0C == 0x08 else kept).append((tag, data))
            continue
        depth += {COLLECTION: 1, END: -1}.get(tag, 0)
        if pointer:
            kept += local + [(tag, data)]
        local, usage = [], 0
    return kept


# --- mutants


class Maker:
    """Descriptors, one after the other, the same for the same seed and corpus."""

    def __init__(self, seed, descriptors):
        self.random = random.Random(seed)
        self.sources = []
        for descriptor in descriptors:
            items = pointer_part(parse(descriptor.rdesc))
            if any(tag == INPUT for tag, _ in items):
                weight = 3 if descriptor.kind in ("mouse", "tablet") else 1
                self.sources += weight * [(descriptor.name, items)]
        self.changes = [
            *4 * [self.change_number, self.change_flags, self.change_usage],
            *2 * [self.change_width, self.change_count, self.insert_field, self.insert_multiplier],
            *2 * [self.insert_field, self.splice],
            self.insert_hat,
            self.change_global,
            self.change_range,
            self.change_length,
            self.insert_padding,
            self.insert_feature,
            self.insert_push,
            self.insert_id,
            self.insert_delimiters,
            self.make_array,
            self.wrap,
            self.delete,
            self.duplicate,
            self.move,
        ]

    def chance(self, p):
        return self.random.random() < p

    def make(self):
        """(what it is, the bytes)."""
        if self.chance(0.25):
            name, items = "made up", self.made_up()
            changes = self.random.choice([0, 0, 1])
        else:
            name, items = self.random.choice(self.sources)
            items = list(items)
            changes = self.random.choice([1, 1, 1, 2, 2, 3, 5])
        done = []
        while len(done) < changes:
            change = self.random.choice(self.changes)
            change(items)
            done.append(change.__name__.replace("_", " "))
        return "; ".join([name] + done), pack(items)

    # what mutations are made of

    def at(self, items, *tags):
        """The index of an item with one of the tags, None if there is none."""
        found = [i for i, (tag, _) in enumerate(items) if tag in tags]
        return self.random.choice(found) if found else None

    def cut(self, items):
        """An index between two main items and what belongs to them, mostly in a collection."""
        ends = [i + 1 for i, (tag, _) in enumerate(items) if tag in MAIN]
        return self.random.choice(ends[:-1] or [0])

    def insert(self, items, new, p_push=0.5):
        if self.chance(p_push):
            new = [item(PUSH), *new, item(POP)]
        at = self.cut(items)
        items[at:at] = new

    def width(self):
        return self.random.choice(WIDTHS)

    def limits(self, width):
        """Logical minimum and maximum for values of so many bits."""
        width = min(width, 31)
        kind = self.random.choices(
            ("signed", "unsigned", "narrow", "known", "edges", "one"), (30, 25, 20, 10, 10, 5)
        )[0]
        if width == 1 and self.chance(0.8):
            return 0, 1
        if kind == "signed":
            return -(1 << width - 1) + self.random.randint(0, 1), (1 << width - 1) - 1
        if kind == "unsigned":
            return 0, (1 << width) - 1
        if kind == "narrow":
            return tuple(sorted(self.random.randint(-200, 300) for _ in range(2)))
        if kind == "known":
            known = [(1, 8), (0, 7), (0, 3), (1, 4), (-1, 1), (1, 1), (0, 359), (0, 0), (5, 1)]
            return self.random.choice(known)
        if kind == "edges":
            return tuple(sorted(self.random.choice(EDGES) for _ in range(2)))
        return (self.random.choice(EDGES),) * 2

    def units(self):
        low, high = self.random.choice(
            [(0, 0), (0, 100), (0, 4000), (-500, 500), (1, 315), (0, 360), (10, 5), (0, 12)]
            + [(0, (1 << 31) - 1), (-(1 << 31), (1 << 31) - 1), (1, 1)]
        )
        exponent = self.random.choice([0, -1, -2, -3, -8, 1, 2, 7, 13, 14, 15, 9, 20, -20, 127])
        unit = self.random.choice(UNITS)
        new = [item(PMIN, low), item(PMAX, high), item(UNIT, unit), item(EXPONENT, exponent)]
        return [one for one in new if self.chance(0.9)]

    def page(self):
        return self.random.choice(RARE_PAGES if self.chance(0.05) else PAGES)

    def usage(self, page):
        return self.random.choice(USAGES.get(page, [0, 1, 2, 0x30, 0x38, 0x46, 0xA4]))

    def usages(self, page, count):
        """Usage items for a field of so many values."""
        full = self.chance(0.1)

        def one(tag, usage):
            return item(tag, page << 16 | usage, 4) if full else item(tag, usage)

        kind = self.random.random()
        if page == 9 and kind < 0.8 or kind < 0.15:
            first = self.random.choice([1, 1, 1, 2, 5, 9]) if page == 9 else self.usage(page)
            last = first + self.random.choice([count - 1, count - 1, count - 1, 0, count, 31])
            return [one(UMIN, first), one(UMAX, last)]
        if kind < 0.2:
            return []
        n = self.random.choice([count, count, count, count, 1, count + 1])
        return [one(USAGE, self.usage(page)) for _ in range(n)]

    def flags(self, variable=0.85):
        flags = 2 if self.chance(variable) else 0
        for bit, p in ((4, 0.45), (0x40, 0.25), (1, 0.05), (8, 0.03), (0x10, 0.03), (0x20, 0.03)):
            flags |= bit if self.chance(p) else 0
        return flags | 0x100 if self.chance(0.04) else flags

    def field(self):
        page = self.page()
        count = self.random.choice([1, 1, 1, 2, 2, 3, 4, 5, 8, 16])
        width = 1 if page == 9 and self.chance(0.8) else self.width()
        low, high = self.limits(width)
        new = [item(PAGE, page), item(LMIN, low)]
        # unsigned, as many a device has it
        short = high >= 0 and high < 256 and self.chance(0.3)
        new.append(item(LMAX, high, 1 if short else None))
        if self.chance(0.35):
            new += self.units()
        new += self.usages(page, count)
        return new + [item(SIZE, width), item(COUNT, count), item(INPUT, self.flags())]

    def multiplier(self):
        width = self.random.choice([1, 2, 2, 2, 4, 8, 16])
        count = self.random.choice([1, 1, 1, 1, 2])
        low, high = self.random.choice([(0, 1), (0, 1), (0, 3), (0, 15), (1, 4), (-1, 1), (0, 0)])
        physical = [(1, 4), (1, 8), (1, 120), (1, 16), (0, 0), (1, 1), (1, 256), (-4, -1), (1, 0)]
        low_physical, high_physical = self.random.choice(physical)
        new = [item(ID, self.random.randint(1, 5))] if self.chance(0.15) else []
        new += [
            item(PAGE, 1),
            item(USAGE, RESOLUTION_MULTIPLIER),
            item(LMIN, low),
            item(LMAX, high),
            item(PMIN, low_physical),
            item(PMAX, high_physical),
            item(SIZE, width),
            item(COUNT, count),
            item(INPUT if self.chance(0.03) else FEATURE, self.flags(0.95)),
        ]
        if self.chance(0.7):
            new += [item(PMIN, 0), item(PMAX, 0)]
        if self.chance(0.3):
            new += [item(SIZE, 8 - width % 8), item(COUNT, 1), item(FEATURE, 3)]
        return new

    def wheel(self):
        page, usage = self.random.choice([(1, 0x38), (1, 0x38), (0x0C, 0x238)])
        width = self.random.choice([8, 8, 16, 4, 12])
        low = -(1 << width - 1) + 1
        new = [item(PAGE, page), item(USAGE, usage), item(LMIN, low), item(LMAX, -low)]
        return new + [item(SIZE, width), item(COUNT, 1), item(INPUT, 6)]

    def hat(self):
        """A hat switch or a D-pad."""
        if self.chance(0.3):
            new = [item(PAGE, 1), item(LMIN, 0), item(LMAX, self.random.choice([1, 1, 7, 100]))]
            new += self.random.choice([[item(UMIN, 0x90), item(UMAX, 0x93)], self.usages(1, 4)])
            return new + [item(SIZE, 1), item(COUNT, 4), item(INPUT, self.flags(0.95))]
        known = [(0, 7), (1, 8), (0, 3), (1, 4), (0, 359), (0, 15), (-4, 3), (0, 32767), (0, 32768)]
        known += [(0, 65535), (0, 65536), (65536, 65543), (-32769, 7), (1, 1), self.limits(16)]
        low, high = self.random.choice(known)
        new = [item(PAGE, 1), item(USAGE, 0x39), item(LMIN, low), item(LMAX, high)]
        width, count = self.random.choice([4, 4, 8, 12, 16, 17, 32]), self.random.choice([1, 1, 2])
        flags = self.flags(0.95) | (0x40 if self.chance(0.4) else 0)
        return new + [item(SIZE, width), item(COUNT, count), item(INPUT, flags)]

    def made_up(self):
        """A descriptor of a mouse that might be."""
        items = []
        applications = self.random.choice([1, 1, 1, 1, 1, 2, 2, 3])
        numbered = applications > 1 or self.chance(0.3)
        ident = 0
        for _ in range(applications):
            items += [item(PAGE, 1), item(USAGE, self.random.choice([1, 2, 2]))]
            items.append(item(COLLECTION, APPLICATION))
            for _ in range(self.random.choice([1, 1, 2]) if numbered else 1):
                if numbered:
                    ident += 1
                    items.append(item(ID, ident))
                inner = self.chance(0.7)
                if inner:
                    items += [item(PAGE, 1), item(USAGE, self.random.choice([1, 2, 0x30]))]
                    items.append(item(COLLECTION, self.random.choice([PHYSICAL, LOGICAL])))
                for _ in range(self.random.randint(1, 5)):
                    if self.chance(0.2):
                        items += self.padding()
                    items += self.hat() if self.chance(0.05) else self.field()
                if self.chance(0.3):
                    items += self.wheels()
                if inner:
                    items.append(item(END))
            items.append(item(END))
        return items

    def padding(self):
        flags = self.random.choice([1, 3, 3, 0x43, 7])
        new = [item(SIZE, self.random.randint(1, 9)), item(COUNT, self.random.randint(1, 2))]
        if self.chance(0.2):
            new += self.usages(self.page(), 1)
        return new + [item(INPUT, flags)]

    def wheels(self):
        """A wheel or more with a multiplier, in one of the ways in which devices have them."""
        new = self.multiplier() + self.wheel()
        if self.chance(0.3):
            new = self.wheel() + self.multiplier()
        if self.chance(0.3):
            new += self.wheel()
        if self.chance(0.7):
            kind = self.random.choice([LOGICAL, LOGICAL, PHYSICAL, 3])
            new = [item(PAGE, 1), item(USAGE, 0x38), item(COLLECTION, kind), *new, item(END)]
        return new

    # the mutations

    def change_number(self, items):
        at = self.at(items, *NUMBERS)
        if at is None:
            return self.insert_field(items)
        tag, data = items[at]
        value = self.random.choice(EDGES)
        if self.chance(0.4):
            value = number(data, True) + self.random.choice([-2, -1, 1, 2])
        if tag == EXPONENT:
            value = self.random.randint(-9, 16)
        length = self.random.choice([None, None, None, 1, 2, 4])
        items[at] = item(tag, max(-(1 << 31), min(value, (1 << 31) - 1)), length)

    def change_global(self, items):
        """A global item where there may not have been one."""
        at = self.at(items, *MAIN)
        tag = self.random.choice([LMIN, LMAX, PMIN, PMAX, EXPONENT, UNIT, UNIT, PAGE, PAGE])
        if tag in NUMBERS:
            value = self.random.randint(-9, 16) if tag == EXPONENT else self.random.choice(EDGES)
            value = max(-(1 << 31), min(value, (1 << 31) - 1))
        else:
            value = self.random.choice(UNITS) if tag == UNIT else self.page()
        items.insert(at, item(tag, value))

    def change_width(self, items):
        at = self.at(items, SIZE)
        if at is not None:
            items[at] = item(SIZE, self.random.choice(WIDTHS + [0, 64, 128, 256]))

    def change_count(self, items):
        at = self.at(items, COUNT)
        if at is not None:
            count = number(items[at][1]) + self.random.choice([-2, -1, -1, 1, 1, 2, 8])
            items[at] = item(COUNT, max(count, 0) if self.chance(0.95) else 300)

    def change_flags(self, items):
        at = self.at(items, INPUT, INPUT, FEATURE)
        if at is not None:
            bit = self.random.choice([1, 2, 2, 4, 4, 4, 8, 0x10, 0x20, 0x40, 0x40, 0x80, 0x100])
            items[at] = item(items[at][0], number(items[at][1]) ^ bit)

    def change_usage(self, items):
        at = self.at(items, USAGE)
        if at is None:
            return self.change_range(items)
        page = self.page()
        if self.chance(0.3):
            items[at] = item(USAGE, page << 16 | self.usage(page), 4)
        else:
            items[at] = item(USAGE, self.usage(self.random.choice([1, 1, 1, page])))

    def change_range(self, items):
        at = self.at(items, UMIN, UMAX)
        if at is None:
            return self.insert_field(items)
        value = number(items[at][1]) + self.random.choice([-1, 1, 2, 8, 16])
        value = self.random.choice([max(value, 0)] * 4 + [0, 1, 0xFF, 0xFFFF, 0xFFFFFFFF])
        items[at] = item(items[at][0], value, self.random.choice([None, None, 2, 4]))

    def change_length(self, items):
        """Another length of an item's data, the value cut or zero-extended."""
        at = self.random.randrange(len(items))
        tag, data = items[at]
        if tag & 0x0C and tag not in (PUSH, POP):
            items[at] = item(tag, number(data), self.random.choice([0, 1, 2, 4]))

    def insert_field(self, items):
        self.insert(items, self.field())

    def insert_hat(self, items):
        self.insert(items, self.hat())

    def insert_padding(self, items):
        self.insert(items, self.padding())

    def insert_multiplier(self, items):
        self.insert(items, self.wheels() if self.chance(0.6) else self.multiplier())

    def insert_feature(self, items):
        new = self.field()
        self.insert(items, new[:-1] + [item(FEATURE if self.chance(0.9) else OUTPUT, 2)])

    def insert_push(self, items):
        first, last = sorted((self.cut(items), self.cut(items)))
        items.insert(last, item(POP))
        items.insert(first, item(PUSH))

    def insert_id(self, items):
        at = self.at(items, ID)
        ident = self.random.choice([1, 2, 3, 4, 5, 255, 0, 256])
        if at is not None and self.chance(0.5):
            items[at] = item(ID, ident)
        else:
            items.insert(self.cut(items), item(ID, ident))

    def insert_delimiters(self, items):
        at = self.at(items, USAGE, UMIN)
        if at is None:
            return
        new = [item(USAGE, self.usage(1)) for _ in range(self.random.randint(0, 2))]
        items[at:at + 1] = [item(DELIMITER, 1), items[at], *new, item(DELIMITER, 0)]

    def make_array(self, items):
        """A list of the buttons that are down."""
        page = self.random.choice([9, 9, 9, 1, 0xFF00])
        first, n = self.random.randint(0, 3), self.random.choice([3, 5, 8, 16])
        width = self.random.choice([8, 8, 4, 3, 16])
        low = self.random.choice([0, 1, 1, first, -1])
        new = [item(PAGE, page), item(LMIN, low), item(LMAX, low + n + self.random.randint(-2, 1))]
        if page == 1:
            new += [item(USAGE, self.usage(1)) for _ in range(n)]
        else:
            new += [item(UMIN, first), item(UMAX, first + n)]
        new += [item(SIZE, width), item(COUNT, self.random.randint(1, 6))]
        self.insert(items, new + [item(INPUT, self.flags(0))])

    def wrap(self, items):
        first, last = sorted((self.cut(items), self.cut(items)))
        kind = self.random.choice([PHYSICAL, APPLICATION, LOGICAL, LOGICAL, 3, 4, 5, 6, 0x80])
        page = self.page()
        items.insert(last, item(END))
        usage = self.random.choice([*POINTERS, page << 16 | self.usage(page)])
        items[first:first] = [item(USAGE, usage, 4), item(COLLECTION, kind)]

    def splice(self, items):
        """Some items of another descriptor, from one main item to another."""
        other = self.random.choice(self.sources)[1]
        first, last = sorted((self.cut(other), self.cut(other)))
        part = other[first:last][:40]
        if self.chance(0.8):
            part = [one for one in part if one[0] not in (COLLECTION, END)]
        self.insert(items, part, 0.3)

    def delete(self, items):
        if len(items) > 4:
            del items[self.random.randrange(1, len(items) - 1)]

    def duplicate(self, items):
        first = self.random.randrange(len(items))
        part = items[first:first + self.random.choice([1, 1, 2, 4, 8])]
        at = first if self.chance(0.5) else self.cut(items)
        items[at:at] = part

    def move(self, items):
        one = items.pop(self.random.randrange(len(items)))
        items.insert(self.random.randrange(len(items) + 1), one)


def is_trap(rdesc):
    """What may divide INT_MIN by -1 in hid-input, which ends the guest."""
    items = parse(rdesc)
    return any(tag == USAGE and data[:1] == b"\x48" for tag, data in items) and any(
        tag == SIZE and number(data) >= 28 or tag == LMIN and number(data, True) == -(1 << 31)
        for tag, data in items
    )


# --- what hrmouse takes


class Taken:
    """Asks rdesc.c and plan.c themselves, built as a program."""

    def __init__(self, program):
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self, rdesc):
        self.process.stdin.write(len(rdesc).to_bytes(2, "little") + rdesc)
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().strip()
        if not answer:
            raise conformance.Failed(f"rdesc.c or plan.c died of the descriptor {rdesc.hex(' ')}")
        return answer


Mutant = collections.namedtuple("Mutant", "descriptor origin taken")


class Mutants:
    """What Maker makes, but each only once, and mostly what hrmouse takes."""

    def __init__(self, maker, taken):
        self.maker, self.taken = maker, taken
        self.seen = set()
        self.made = self.would_take = 0

    def batch(self, size):
        batch = []
        while len(batch) < size:
            origin, rdesc = self.maker.make()
            if rdesc in self.seen or not 0 < len(rdesc) <= 1000 or is_trap(rdesc):
                continue
            self.seen.add(rdesc)
            answer = self.taken.ask(rdesc)
            self.made += 1
            self.would_take += answer == "taken"
            # a few of the others too: usbhid must not notice that hrmouse was there
            if answer == "taken" or self.maker.chance(0.02 if answer == "malformed" else 0.1):
                batch.append(self.mutant(origin, rdesc, answer))
        return batch

    @staticmethod
    def mutant(origin, rdesc, answer):
        name = f"m{zlib.crc32(rdesc):08x}"
        descriptor = conformance.Descriptor(name, "mouse", 1, 2, rdesc, [])
        return Mutant(descriptor, origin, answer == "taken")


# --- a guest


class Run:
    """What one guest said: results by index, and what was wrong with its kernel."""

    def __init__(self, args, mutants, without=False):
        descriptors = [mutant.descriptor for mutant in mutants]
        self.results, self.status, self.error = {}, 0, ""
        options = argparse.Namespace(
            **vars(args), timeout=180 + 2 * len(mutants), without=without, hidraw=False, status=0
        )
        with tempfile.NamedTemporaryFile(prefix="hrmouse-") as data, tempfile.TemporaryFile(
            "w+"
        ) as errors:
            data.write(conformance.pack(descriptors, args.reports, args.seed))
            data.flush()
            options.stderr = errors
            try:
                lines = conformance.run_guest(options, data.name)
                for n, (_, result) in enumerate(conformance.verdicts(lines, descriptors)):
                    self.results[n] = result
            except conformance.Failed as failure:
                self.error = str(failure)
            errors.seek(0)
            said = errors.read().strip()
        if options.status == 2:
            raise conformance.CannotRun(said)
        self.log = pathlib.Path(args.log).read_text(errors="replace")
        self.came_up = "conformance: 0 to " in self.log
        if not self.error and options.status:
            self.error = said or "the guest ended badly"
        if not self.error and len(self.results) < len(mutants):
            self.error = "the guest ended before it was done"

    def suspects(self, mutants):
        """The mutants that were plugged in when the kernel complained or the guest ended."""
        first, last = 0, len(mutants)
        for line in self.log.splitlines():
            if found := re.search(r"conformance: (\d+) to (\d+)", line):
                first, last = int(found[1]), int(found[2]) + 1
            elif guest.COMPLAINT.search(line):
                break
        return mutants[first:last]

    def complaint(self):
        lines = self.log.splitlines()
        wrong = [n for n, line in enumerate(lines) if guest.COMPLAINT.search(line)]
        return lines[wrong[0]:wrong[0] + 25] if wrong else []


def start_guest(args, mutants, without=False):
    """A Run. On a busy machine QEMU's timer may come too late for the kernel to boot."""
    for _ in range(3):
        run = Run(args, mutants, without)
        if run.came_up:
            return run
    raise conformance.Failed(f"the guest does not come up: {run.error}")


# --- findings


def kind(text):
    """What two findings have in common that are of one cause, perhaps."""
    return "events" if text.startswith("step ") else re.sub(r"[0-9].*", "", text)[:60]


class Findings:
    def __init__(self, args, taken):
        self.args, self.taken = args, taken
        self.found = []
        self.foreign = 0
        self.keep = pathlib.Path(args.keep)

    def save(self, mutant, text):
        self.keep.mkdir(parents=True, exist_ok=True)
        descriptor = mutant.descriptor
        path = self.keep / f"{descriptor.name}.hid"
        path.write_text(
            f"N: {mutant.origin}\nS: scripts/fuzz --guest --seed {self.args.seed}\nU: - 1 2\n"
            f"K: mouse\nR: {descriptor.rdesc.hex(' ')}\nB: {text}\n"
        )

    def replay(self, names):
        return (
            f"scripts/conformance --corpus {os.path.relpath(self.keep)} "
            f"--reports {self.args.reports} --seed {self.args.seed} {names}"
        )

    def add(self, mutant, text):
        self.found.append((mutant, text))
        self.save(mutant, text)
        name = mutant.descriptor.name
        print(f"  different: {name} ({mutant.origin})\n    {text}", flush=True)
        print(f"    {mutant.descriptor.rdesc.hex(' ')}\n    {self.replay(name)}", flush=True)

    def look(self, mutants, run):
        for n, result in run.results.items():
            mutant = mutants[n]
            if result["verdict"] == "different":
                self.add(mutant, result["differences"][0])
            elif result["taken"] != mutant.taken:
                what = "takes" if mutant.taken else "does not take"
                self.add(mutant, f"{what} by rdesc.c and plan.c, {conformance.describe(result)}")
        if run.error:
            self.kernel(run, run.suspects(mutants))

    def kernel(self, run, suspects):
        """A kernel that complained or a guest that ended: with hrmouse out of the way, too?"""
        again = start_guest(self.args, suspects, without=True)
        text = "; ".join(run.complaint()[:1]) or run.error.replace("\n", "; ")
        if again.error:
            self.foreign += 1
            print(f"  not hrmouse's, happens without it: {text}")
        else:
            print(f"  with hrmouse only: {text}")
            print("".join(f"    | {line}\n" for line in run.complaint()), end="")
            self.found.append((None, text))
        for suspect in suspects:
            self.save(suspect, text)
        names = " ".join(suspect.descriptor.name for suspect in suspects)
        print(f"    one of: {self.replay(names)}", flush=True)

    # the same finding with less

    def shrink_all(self):
        """The shortest of each kind of difference."""
        kinds = {}
        for mutant, text in self.found:
            if mutant:
                kinds.setdefault(kind(text), []).append((len(mutant.descriptor.rdesc), mutant))
        for what, mutants in list(kinds.items())[:SHRUNK]:
            print(f"  making one smaller ({what}) …", flush=True)
            self.shrink(min(mutants, key=lambda pair: pair[0])[1], what)

    def smaller(self, candidates, what):
        """Those of the item lists that differ in the same way, with the text."""
        mutants = [
            Mutants.mutant("shrunk", pack(items), self.taken.ask(pack(items)))
            for items in candidates
        ]
        run = start_guest(self.args, mutants)
        return {
            n: result["differences"][0]
            for n, result in run.results.items()
            if result["verdict"] == "different" and kind(result["differences"][0]) == what
        }

    def shrink(self, mutant, what):
        items, text = parse(mutant.descriptor.rdesc), None
        for _ in range(4):
            # what can go alone, then how much of that can go together
            alone = [n for n in range(len(items)) if items[n][0] != COLLECTION]
            pairs = [(n, end_of(items, n)) for n in range(len(items)) if end_of(items, n)]
            parts = [(n,) for n in alone if items[n][0] != END] + pairs
            fields = field_parts(items)
            parts = fields + [part for part in parts if part not in fields]
            texts = self.smaller([without(items, part) for part in parts], what)
            if not texts:
                break
            able = [parts[n] for n in sorted(texts)]
            together = [
                without(items, {n for part in able[:size] for n in part})
                for size in range(1, len(able) + 1)
            ]
            more = self.smaller(together, what)
            if not more:
                break
            items, text = together[max(more)], more[max(more)]
        if text:
            small = Mutants.mutant(f"{mutant.descriptor.name}, shrunk", pack(items), "")
            self.save(small, text)
            name = small.descriptor.name
            print(f"  {mutant.descriptor.name} shrunk: {text}")
            print(f"    {small.descriptor.rdesc.hex(' ')}\n    {self.replay(name)}", flush=True)


def without(items, numbers):
    return [one for n, one in enumerate(items) if n not in numbers]


def end_of(items, start):
    """The index of the End Collection of the collection at start, None if there is none."""
    depth = 0
    for n in range(start, len(items)) if items[start][0] == COLLECTION else ():
        depth += {COLLECTION: 1, END: -1}.get(items[n][0], 0)
        if not depth:
            return n
    return None


def field_parts(items):
    """The indices of each Input, Output or Feature item with all between it and the one before."""
    parts, part = [], []
    for n, (tag, _) in enumerate(items):
        part.append(n)
        if tag in MAIN:
            if tag in (INPUT, OUTPUT, FEATURE) and len(part) > 1:
                parts.append(tuple(part))
            part = []
    return parts


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", required=True)
    parser.add_argument("--taken", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--out")
    parser.add_argument("--initramfs")
    parser.add_argument("--log", required=True)
    parser.add_argument("--corpus", default=LIB / "corpus")
    parser.add_argument("--keep", default="differential")
    parser.add_argument("--reports", type=int, default=60)
    parser.add_argument("--seed", type=int)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    if args.seed is None:
        args.seed = random.SystemRandom().randrange(1, 10**9)
    if not 1 <= args.reports <= 50000:
        raise conformance.CannotRun("--reports: 1 to 50000")

    start = time.monotonic()
    taken = Taken(args.taken)
    maker = Maker(args.seed, conformance.read_corpus(args.corpus, args.names))
    if not maker.sources:
        raise conformance.CannotRun(f"no descriptor in {args.corpus} has a mouse or a pointer")
    mutants, findings = Mutants(maker, taken), Findings(args, taken)
    totals = collections.Counter()
    # guesses, until there is a figure: seconds for a boot and for a mutant
    boot, each = 5, 0.2
    while not totals or time.monotonic() - start < args.seconds - boot - 16 * each:
        left = args.seconds - (time.monotonic() - start) - boot
        batch = mutants.batch(max(8, min(400 if totals else 104, int(left / each) // 8 * 8)))
        began = time.monotonic()
        run = start_guest(args, batch)
        took = time.monotonic() - began
        each = max(took - boot, 1) / len(batch)
        for result in run.results.values():
            totals["run"] += 1
            totals["taken"] += result["taken"]
            totals[result["verdict"]] += 1
        findings.look(batch, run)
        print(
            f"  {totals['run']:6} mutants, {totals['taken']} taken, {len(findings.found)} "
            f"different, {time.monotonic() - start:.0f} s (the last {len(batch)} in {took:.0f} s)",
            flush=True,
        )
        if len(findings.found) >= DIFFERENCES_ENOUGH:
            print(f"  {DIFFERENCES_ENOUGH} findings are enough")
            break
    seconds = time.monotonic() - start
    findings.shrink_all()
    print(
        f"{totals['run']} mutants ({totals['taken']} taken; of {mutants.made} made hrmouse takes "
        f"{100 * mutants.would_take // mutants.made} %): {totals['equal']} equal, "
        f"{totals['left']} left to usbhid, {len(findings.found)} different; "
        + (f"{findings.foreign} complaints that are not hrmouse's; " if findings.foreign else "")
        + f"{seconds:.0f} s, seed {args.seed}"
    )
    return 1 if findings.found else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except conformance.CannotRun as error:
        print(f"fuzz: {error}", file=sys.stderr)
        sys.exit(2)
    except conformance.Failed as error:
        print(f"fuzz: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
