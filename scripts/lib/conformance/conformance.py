#!/usr/bin/env python3
"""The host's side of scripts/conformance: reads a corpus, makes the reports, runs guest.c in the
guest and tells the result.

  conformance.py --program GUEST-PROGRAM [--out OBJECTS] [--initramfs FILE] [--corpus DIR]
                 [--reports N] [--seed N] [--json] [--strict] [PART-OF-A-NAME…]
"""
import argparse
import collections
import json
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile
import zlib

LIB = pathlib.Path(__file__).resolve().parents[1]
ROOT = LIB.parents[1]
TABLE = ROOT / "Documentation/hrmouse.rst"
# in the order of enum step_kind in guest.c
REPORT, SHORT, SYNC, REMAP, RESTORE, REMAP_NOTHING = range(6)
# what guest.c calls the rows of the table "Differences", and how they begin there
ROWS = {"short": "   * - A report that is too short is"}
# why hrmouse may leave what the corpus expects it to take: drivers/hid has a driver for it
OWN_DRIVER = ("a touch device", "a collection of another driver")
EXPECTED = {"mouse": True, "tablet": True, "composite": True, "decline": False}
MAX_REPORT = 4096
# report types, as in gadget.h
OUTPUT, FEATURE = 2, 3


class CannotRun(Exception):
    """Exit status 2."""


class Failed(Exception):
    """Exit status 1, and no result."""


Descriptor = collections.namedtuple("Descriptor", "name kind subclass protocol rdesc samples")
Field = collections.namedtuple("Field", "offset size count minimum maximum")


# --- the corpus


def hex_words(text):
    """The bytes at the start of text; what follows them is a remark."""
    words = []
    for word in text.split():
        if not re.fullmatch("[0-9a-fA-F]{2}", word):
            break
        words.append(int(word, 16))
    return bytes(words)


def read_descriptor(path):
    lines = collections.defaultdict(list)
    for line in path.read_text(errors="replace").splitlines():
        if line[1:2] == ":":
            lines[line[0]].append(line[2:].strip())
    kind = "".join(lines["K"])
    rdesc = b"".join(hex_words(text) for text in lines["R"])
    if kind not in EXPECTED or not rdesc:
        raise CannotRun(
            f"{path}: it needs an R: line of hex bytes and a K: line of {'/'.join(EXPECTED)}"
        )
    if len(rdesc) > MAX_REPORT:
        raise CannotRun(
            f"{path}: the descriptor is longer than the {MAX_REPORT} bytes that HID allows"
        )
    known = ("".join(lines["U"]).split() + ["-", "-", "-"])[1:3]
    usual = (1, 2) if kind in ("mouse", "composite") else (0, 0)
    subclass, protocol = (
        int(word, 16) if re.fullmatch("[0-9a-fA-F]{1,2}", word) else other
        for word, other in zip(known, usual)
    )
    samples = [sample for sample in map(hex_words, lines["E"]) if sample]
    return Descriptor(path.stem, kind, subclass, protocol, rdesc, samples)


def read_corpus(directory, parts):
    directory = pathlib.Path(directory)
    paths = sorted(directory.glob("*.hid"))
    if not paths:
        raise CannotRun(f"there are no .hid files in {directory}: give --corpus DIR")
    chosen = [path for path in paths if not parts or any(part in path.stem for part in parts)]
    if not chosen:
        raise CannotRun(f"no name in {directory} contains {' or '.join(parts)}")
    return [read_descriptor(path) for path in chosen]


# --- reports


def layout(rdesc):
    """({input report ID: (bits, fields)}, {(type, ID): bits} of feature and output reports).

    ID 0: reports have none.

    Only for making reports that mean something: what is wrong here is wrong for both drivers.
    """
    state = {"size": 0, "count": 0, "id": 0, "min": 0, "max": 0}
    stack, inputs, others = [], {}, {}
    at = 0
    while at < len(rdesc):
        item = rdesc[at:]
        prefix = item[0]
        size = (0, 1, 2, 4)[prefix & 3]
        data = item[1:][:size]
        at += 1 + size
        if prefix == 0xFE or len(data) < size:
            break
        value = int.from_bytes(data, "little")
        signed = int.from_bytes(data, "little", signed=True)
        match prefix & 0xFC:
            case 0x14:
                state["min"] = signed
            case 0x24:
                state["max"] = signed if state["min"] < 0 else value
            case 0x74:
                state["size"] = value
            case 0x94:
                state["count"] = value
            case 0x84:
                state["id"] = value & 0xFF
            case 0xA4:
                stack.append(dict(state))
            case 0xB4 if stack:
                state = stack.pop()
            case 0x80:
                bits, fields = inputs.get(state["id"], (0, []))
                if 0 < state["size"] <= 64 and not value & 1:
                    fields = fields + [
                        Field(bits, state["size"], state["count"], state["min"], state["max"])
                    ]
                inputs[state["id"]] = (bits + state["size"] * state["count"], fields)
            case 0xB0 | 0x90 as item:
                key = (FEATURE if item == 0xB0 else OUTPUT, state["id"])
                others[key] = others.get(key, 0) + state["size"] * state["count"]
    return inputs, others


class Reports:
    """Makes the steps for one descriptor."""

    def __init__(self, descriptor, seed):
        self.random = random.Random(zlib.crc32(descriptor.rdesc) ^ seed)
        inputs, others = layout(descriptor.rdesc)
        self.numbered = any(inputs)
        # longer ones than a gadget can send are nobody's mouse
        self.inputs = {
            ident: (fields, (bits + 7) // 8)
            for ident, (bits, fields) in inputs.items()
            if bits <= 8 * (MAX_REPORT - 2)
        } or {0: ([], 1)}
        self.others = [
            (ident, kind, (bits + 7) // 8 + bool(ident))
            for (kind, ident), bits in others.items()
            if bits <= 8 * (MAX_REPORT - 2)
        ]
        # usbhid's row "An input report of no bits": it then takes reports of any length
        self.over_long = all(bits for bits, _ in inputs.values())
        self.samples = descriptor.samples
        self.last = {}

    def head(self, ident):
        return bytes([ident]) if self.numbered else b""

    def filled(self, ident, pattern):
        size = self.inputs[ident][1]
        return self.head(ident) + (pattern * size)[:size]

    def put(self, report, field, index, value):
        """Writes one value of a field into the body of a report."""
        shift = field.offset + index * field.size
        mask = ((1 << field.size) - 1) << shift
        number = int.from_bytes(report, "little") & ~mask | value << shift & mask
        return number.to_bytes(len(report), "little")

    def meant(self, ident):
        """The values of fields at, near and between their limits."""
        fields, size = self.inputs[ident]
        body = self.random.randbytes(size) if self.random.random() < 0.3 else bytes(size)
        for field in fields:
            for index in range(min(field.count, 64)):
                low, high = sorted((field.minimum, field.maximum))
                near = (
                    low,
                    high,
                    low - 1,
                    low + 1,
                    high - 1,
                    high + 1,
                    0,
                    1,
                    -1,
                    (low + high) // 2,
                )
                value = self.random.choice(near)
                if self.random.random() < 0.4:
                    value = self.random.randint(low, high)
                if self.random.random() < 0.7:
                    body = self.put(body, field, index, value)
        return self.head(ident) + body

    def flipped(self, ident):
        """The last report with one bit changed."""
        start = int(self.numbered)
        body = bytearray(self.last.get(ident, self.filled(ident, b"\0"))[start:])
        if body:
            body[self.random.randrange(len(body))] ^= 1 << self.random.randrange(8)
        return self.head(ident) + body

    def unknown(self):
        ident = self.random.choice([i for i in range(256) if i not in self.inputs] or [0])
        return bytes([ident]) + self.random.randbytes(max(size for _, size in self.inputs.values()))

    def one(self):
        ident = self.random.choice(list(self.inputs))
        size = self.inputs[ident][1]
        kind = self.random.choices(
            ("random", "meant", "flipped", "repeat", "zero", "long", "empty", "unknown"),
            (25, 40, 12, 8, 3, 4, 2, 3 if self.numbered else 0),
        )[0]
        if kind == "long" and self.over_long:
            return self.head(ident) + self.random.randbytes(size + 1)
        if kind == "empty":
            return b""
        if kind == "unknown":
            return self.unknown()
        if kind == "random":
            report = self.head(ident) + self.random.randbytes(size)
        elif kind == "meant":
            report = self.meant(ident)
        elif kind == "flipped":
            report = self.flipped(ident)
        elif kind == "repeat" and ident in self.last:
            report = self.last[ident]
        else:
            report = self.filled(ident, b"\0")
        self.last[ident] = report
        return report

    def steps(self, count):
        """All steps: (kind, bytes)."""
        first = list(self.samples)
        for ident in self.inputs:
            first += [
                self.filled(ident, pattern)
                for pattern in (
                    b"\0",
                    b"\xff",
                    b"\xff",
                    b"\x7f",
                    b"\x80",
                    b"\0\x80",
                    b"\xff\x7f",
                    b"\1\x80",
                    b"\x55",
                    b"\0",
                )
            ]
        first += [self.one() for _ in range(count - len(first))]
        steps = [(REPORT, report) for report in first[:count]]

        for remap in (REMAP, REMAP_NOTHING):
            steps.append((remap, b""))
            steps += [(REPORT, self.one()) for _ in range(20)]
            steps.append((RESTORE, b""))
            steps += [(REPORT, self.one()) for _ in range(6)]

        # after the others: some kernels take short reports, and hrmouse never does
        for ident, (_, size) in self.inputs.items():
            for report in (self.meant(ident), self.filled(ident, b"\xff"), self.meant(ident)):
                steps.append((SHORT, report[:-1]))
                if size > 2:
                    steps.append((SHORT, report[: -(len(report) // 2)]))
        steps += [(SYNC, self.filled(ident, b"\0")) for ident in self.inputs]
        steps += [(REPORT, self.one()) for _ in range(6)]
        return steps


def pack(descriptors, count, seed):
    """The file that guest.c reads."""
    parts = [b"HRC1", struct.pack("<H", len(descriptors))]
    for descriptor in descriptors:
        reports = Reports(descriptor, seed)
        steps = reports.steps(count)
        name = descriptor.name.encode()
        parts += [
            struct.pack("<H", len(name)),
            name,
            struct.pack("<BBH", descriptor.subclass, descriptor.protocol, len(descriptor.rdesc)),
            descriptor.rdesc,
            struct.pack("<H", len(reports.others)),
            *(struct.pack("<BBH", *other) for other in reports.others),
            struct.pack("<H", len(steps)),
        ]
        for kind, report in steps:
            parts += [struct.pack("<BH", kind, len(report)), report]
    return b"".join(parts)


# --- the result


def rows_in_table():
    """The names of ROWS that the table in the documentation has, with their text."""
    table = TABLE.read_text().partition("\nDifferences\n")[2]
    return {name: start for name, start in ROWS.items() if f"\n{start}" in table}


def verdicts(lines, descriptors):
    """Yields (descriptor, result) for the guest's lines; result: dict of verdict and details."""
    rows = rows_in_table()
    waiting = None
    for line in lines:
        mark, *fields = line.rstrip("\n").split("\t")
        if mark in ("!", "?"):
            raise (Failed if mark == "!" else CannotRun)(" ".join(fields))
        if mark == "+":
            waiting[1]["differences"].append(fields[1])
            continue
        if mark != "=":
            continue
        if waiting:
            yield waiting
        detail = fields[2] if len(fields) > 2 else ""
        result = {"verdict": fields[1], "taken": fields[1] != "left"}
        if fields[1] == "left":
            result["why"] = detail
        elif fields[1] == "different":
            result["taken"] = detail == "1"
            result["differences"] = fields[3:4]
        elif fields[1] == "rows":
            names = detail.split()
            result["verdict"] = "equal"
            result["rows"] = [rows.get(name, name) for name in names]
            missing = [ROWS[name] for name in names if name not in rows]
            if missing:
                result = {
                    "verdict": "different",
                    "taken": True,
                    "differences": [
                        f"{TABLE.name} has no row “{text} …” any more" for text in missing
                    ],
                }
        waiting = (descriptors[int(fields[0])], result)
    if waiting:
        yield waiting


def describe(result):
    if result["verdict"] == "left":
        return f"left to usbhid ({result['why']})"
    if result["verdict"] == "different":
        return f"different ({result['differences'][0]})"
    if "rows" in result:
        return "equal but for: " + "; ".join(f"{row} …" for row in result["rows"])
    return "equal"


def run_guest(args, data):
    """Yields the guest's lines, and leaves the exit status of guest.py in args.status.

    args.without: usbhid alone; args.stderr: where guest.py's messages go, None: to ours
    """
    option = "--without" if args.without else "--hidraw" if args.hidraw else ""
    command = [
        sys.executable,
        LIB / "guest.py",
        "run",
        "--modules",
        "none",
        "--controller",
        "none",
        "--file",
        f"{args.program}:/bin/conformance",
        "--file",
        f"{data}:/corpus",
        "--run",
        f"exec /bin/conformance {option} /corpus",
        "--timeout",
        str(args.timeout),
    ]
    for option in ("out", "initramfs", "log"):
        if getattr(args, option):
            command += [f"--{option}", getattr(args, option)]
    with subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=args.stderr,
        text=True,
        errors="replace",
    ) as process:
        yield from process.stdout
    args.status = process.returncode


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program", required=True)
    parser.add_argument("--out")
    parser.add_argument("--initramfs")
    parser.add_argument("--log")
    parser.add_argument("--corpus", default=LIB / "corpus")
    parser.add_argument("--reports", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeout", type=int)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--strict", action="store_true")
    parser.add_argument("--hidraw", action="store_true")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args(namespace=argparse.Namespace(without=False, stderr=None))
    if not 1 <= args.reports <= 50000:
        raise CannotRun("--reports: 1 to 50000")
    descriptors = read_corpus(args.corpus, args.names)
    if not args.timeout:
        args.timeout = 180 + len(descriptors) * (args.reports + 100) // 25

    results = []
    width = max(len(descriptor.name) for descriptor in descriptors)
    with tempfile.NamedTemporaryFile(prefix="hrmouse-") as data:
        data.write(pack(descriptors, args.reports, args.seed))
        data.flush()
        for descriptor, result in verdicts(run_guest(args, data.name), descriptors):
            results.append((descriptor, result))
            if not args.json:
                print(f"{descriptor.name:{width}}  {describe(result)}", flush=True)
                for line in result.get("differences", [])[1:]:
                    print(f"{'':{width}}    {line}", flush=True)

    surprises = [
        (descriptor, result)
        for descriptor, result in results
        if EXPECTED[descriptor.kind] != result["taken"]
        and not result.get("why", "").startswith(OWN_DRIVER)
    ]
    totals = collections.Counter(result["verdict"] for _, result in results)
    with_rows = sum("rows" in result for _, result in results)
    complete = len(results) == len(descriptors)
    holds = (
        complete and not totals["different"] and not args.status and not (args.strict and surprises)
    )
    if args.json:
        print(
            json.dumps(
                {
                    "holds": holds,
                    "complete": complete,
                    "guest_status": args.status,
                    "totals": {
                        "descriptors": len(descriptors),
                        "equal": totals["equal"],
                        "equal_but_for_rows": with_rows,
                        "left": totals["left"],
                        "different": totals["different"],
                    },
                    "descriptors": [
                        {"name": descriptor.name, "kind": descriptor.kind, **result}
                        for descriptor, result in results
                    ],
                    "unexpected": [descriptor.name for descriptor, _ in surprises],
                },
                indent=1,
                ensure_ascii=False,
            )
        )
    else:
        if surprises:
            print("\ntaken or left, and the corpus says otherwise (K:):")
            for descriptor, result in surprises:
                what = "taken" if result["taken"] else f"left: {result.get('why', 'see above')}"
                print(f"  {descriptor.name:{width}}  {descriptor.kind}, {what}")
        print(
            f"\n{len(results)} descriptors: {totals['equal']} equal "
            f"({with_rows} but for documented differences), {totals['left']} left to usbhid, "
            f"{totals['different']} different; {len(surprises)} not taken or left as expected"
        )
    if args.status == 2:
        return 2
    if not complete:
        print(
            f"conformance: the guest gave {len(results)} of {len(descriptors)} results",
            file=sys.stderr,
        )
    if args.status:
        print("conformance: the guest ended badly: see above", file=sys.stderr)
    return 0 if holds else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotRun as error:
        print(f"conformance: {error}", file=sys.stderr)
        sys.exit(2)
    except Failed as error:
        print(f"conformance: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
