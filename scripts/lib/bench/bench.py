#!/usr/bin/env python3
"""The host's side of scripts/bench: runs guest.c in QEMU, checks that the drivers' events are
equal, and makes the table, the JSON and the chart.

  bench.py [--program GUEST-PROGRAM --modules DIR --out OBJECTS --initramfs FILE] [--rounds N]
           [--reports N] [--memory-out OBJECTS --memory-initramfs FILE --memory-modules DIR]
           [--native LOG] [--json] [--plot FILE.svg] [PART-OF-DEVICE/CASE…]

DIR has bench.ko, floor.ko, usbmouse.ko, hrmouse.ko and hrmouse_rest.ko; LOG is what native.c says.
"""
import argparse
import collections
import json
import pathlib
import re
import statistics
import subprocess
import sys

LIB = pathlib.Path(__file__).resolve().parents[1]
# hidraw: hrmouse with hidraw=1
DRIVERS = ("usbhid", "usbmouse", "hrmouse", "hidraw", "floor")
TITLES = {
    "boot": "boot mouse, 5 buttons, 4 bytes",
    "sixteen": "16 buttons, 16-bit X and Y, wheel and pan, 8 bytes",
    "sixteen-id": "the same with a report ID, 9 bytes",
    "tablet": "tablet, 5 buttons, 16-bit absolute X and Y, 6 bytes",
}
CASES = {
    "motion": "X and Y",
    "nothing": "no change",
    "button": "one button",
    "all": "everything at once",
}
# usbmouse knows no scan codes and no high-resolution wheel: MSC_SCAN, REL_WHEEL_HI_RES
NOT_IN_USBMOUSE = ("4:4:", "2:11:")
# where its buffer is full the input core ends a packet with this: how full it gets is the driver's
BUFFER_FULL = "0:0:1"
# of which usbhid, the HID core and hid-generic are made; not claim.o, which hrmouse adds
HID_OBJECTS = (
    "usbhid/hid-core.o", "usbhid/hiddev.o", "usbhid/hid-pidff.o", "hid-core.o", "hid-input.o",
    "hid-quirks.o", "hid-debug.o", "hidraw.o", "hid-generic.o",
)
# buffers of URBs, and nodes of trees that all devices share
NOT_OWN = ("hcd_buffer_alloc", "radix_tree_node_alloc")
SECTIONS = ("text", "rodata", "data", "init")
NOTES = """\
Instructions of one completion callback, counted by QEMU (TCG, -icount shift=0): from its entry to
its return, with the URB's new submission and the wake-up of one reader (poll, SCHED_FIFO). Not
shown: caches, branch prediction, TLB, DMA: it is not time. Two reports of a case take turns, such
as press and release: their mean, the median of the rounds, and how far the rounds are apart.
"own" is what the driver itself executes: the callback less usb_submit_urb() and less the
input_event() calls that emit something, both measured apart with the same URB, input device and
reader. It repeats to a few instructions. What those calls cost hardly depends on the driver, but
on the scheduler's state and on the entropy pool's, which they hash now and then ({hash}
instructions): in the callback they count as the median of all drivers with the same events. That
moves from run to run, by up to a few percent, for all drivers alike.
"hidraw" is hrmouse with hidraw=1: the mouse has a hidraw, which nobody has open."""
PROBE_NOTE = """\
Instructions of a probe in its own thread, in thousands: the waits for control transfers are not
in it, all of the input device is. The floor's, and what the others need beyond that:"""
MEMORY_NOTE = """\
Memory of a bound device, beyond the floor's: what the probing thread allocated (slab and kmalloc,
as the allocator rounds it), nobody freed, and the floor's probe did not allocate in the same
function with the same size (input device, event device, their files in sysfs, the URB). Without
the buffers of URBs. Not shown: whole pages, per-CPU memory. Bytes, and in how many objects;
--json names them:"""
DELIVERY_NOTE = """\
Delivery from a device with 16 buttons that has a new report each period, to the reader (poll, of
the ordinary class), in a guest whose instructions take 1 ns each: delay from the report to read()
in us. hrmouse/N: with the parameter depth=N. "late": each 16th completion reaches the driver up
to 500 us late. A period in which the host does not fetch is skipped, as a mouse adds up motion.
Not shown: a real bus. dummy_hcd polls 125 us after it has called the driver, which is what the
delays and the skips at 8 kHz without "late" are made of: compare, do not quote."""
SIZE_NOTE = """\
Bytes of code and data. usbhid is usbhid, the HID core with hid-input, and hid-generic; init is
what is freed after loading; data includes bss. hidraw is hrmouse, hrmouse_rest, and of usbhid's
all but usbhid itself:"""

NATIVE_NOTE = """\
Nanoseconds per report on this machine, in a loop: KUnit in UML, one CPU, built -O2. The same bytes
go to hid_input_report() and to hrm_plan_run(), in turns, each with an input device and one handler
that adds up the events, which were equal. Median of {rounds} rounds of {reports} reports each, and
between which values the middle half of them is. Not shown: the URB, evdev, the wake-up, interrupts,
locks between CPUs, and cold caches: nothing else runs between two reports. In "everything at once"
most is the input core's part. A busy machine adds time to both, and to the spread:"""


class CannotRun(Exception):
    """Exit status 2."""


class Failed(Exception):
    """Exit status 1, and no result."""


def run_guest(args, out, initramfs, modules, rounds, count, names=None):
    """Yields the guest's lines as lists of fields."""
    names = args.names if names is None else names
    command = [
        sys.executable, LIB / "guest.py", "run", "--out", out, "--initramfs", initramfs,
        "--modules", "none", "--controller", "none", "--log", args.log, "--timeout", "900",
        # one CPU: -icount has no other. sleep=off: nobody waits for the timers of an idle guest
        "--accel", "tcg,thread=single", "--qemu-arg=-smp 1 -icount shift=0,sleep=off",
        # modules from outside of the kernel; guest.c looks for what else there is
        "--allow-taint", "--file", f"{modules}:/bench", "--file", f"{args.program}:/bin/bench",
        # messages to a serial port take a probe's time
        # the pointers in a trace tell objects apart
        "--append", "no_hash_pointers",
        "--run", "echo N >/sys/module/printk/parameters/ignore_loglevel; dmesg -n 1; "
        f"exec /bin/bench {rounds} {count} {' '.join(names)}",
    ]
    with subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stdout:
            mark, *fields = line.rstrip("\n").split("\t")
            if mark in ("!", "?"):
                raise (Failed if mark == "!" else CannotRun)(" ".join(fields))
            if mark in ("D", "F", "H", "M", "P", "S"):
                yield mark, fields
    if process.returncode:
        raise (CannotRun if process.returncode == 2 else Failed)(
            f"the guest failed: see {args.log}"
        )


# --- instructions


def read_results(lines):
    """({(device, case): {driver: [rounds: {"frames": text, "callback": [...], …}]}},
    {device: {driver: [instructions of a probe]}}, instructions of a hash)"""
    results = collections.defaultdict(lambda: collections.defaultdict(list))
    probes = collections.defaultdict(lambda: collections.defaultdict(list))
    cost = 0
    for mark, fields in lines:
        if mark == "H":
            cost = int(fields[0])
            continue
        if mark == "P":
            probes[fields[0]][fields[1]].append(int(fields[3]))
            continue
        device, case, driver, number, *rest = fields
        rounds = results[device, case][driver]
        while len(rounds) <= int(number):
            rounds.append({})
        if mark == "F":
            rounds[int(number)]["frames"] = rest[0]
        else:
            rounds[int(number)][rest[0]] = list(map(int, rest[1].split()))
    if not results:
        raise CannotRun("no device and case is called so: see --help")
    return results, probes, cost


def events(frames, without=()):
    return [
        [event for event in frame.split() if not event.startswith((BUFFER_FULL, *without))]
        for frame in frames.split(";")
    ]


def check_streams(results):
    """Fails unless all drivers report the same; returns what usbmouse lacks."""
    lacks = set()
    for (device, case), drivers in results.items():
        reference = drivers["usbhid"][0]["frames"]
        for driver, rounds in drivers.items():
            for round_ in rounds:
                wanted, found = reference, round_["frames"]
                if driver == "usbmouse":
                    wanted = events(wanted, NOT_IN_USBMOUSE)
                    if wanted != events(reference):
                        lacks.add(f"{device}/{case}")
                    found = events(found)
                if found != wanted:
                    raise Failed(
                        f"{device}/{case}: the events differ: usbhid: {wanted}; {driver}: {found}"
                    )
        for driver in ("hrmouse", "hidraw", "floor"):
            if driver not in drivers:
                raise Failed(f"{device}/{case}: {driver} was not measured")
    return sorted(lacks)


def without_hashes(values, cost):
    """The mean of the values of both turns' medians, with the fewest hashes that were seen."""
    medians = []
    for turn in (values[0::2], values[1::2]):
        least = min(turn)
        medians.append(statistics.median(v - cost * round((v - least) / cost) for v in turn))
    return statistics.mean(medians)


def own_part(round_, cost):
    """The driver's own instructions: what remains of the callback."""
    callback, emit, submit = (
        without_hashes(round_[what], cost) for what in ("callback", "events", "submit")
    )
    own = callback - emit - submit
    # the fewest hashes need not have been as few in both; each turn has its own number
    mean = statistics.mean(round_["callback"]) - statistics.mean(round_["events"]) - submit
    return own - cost / 2 * round((own - mean) / (cost / 2)), submit


def case_figures(drivers, cost):
    """{driver: {callback, own, events, submit: {median, min, max}}} of one device and case.

    The same events cost the same, whoever drives: what they cost is taken from all of them, because
    it depends on the scheduler's state and on the entropy pool's, by more than drivers differ.
    """
    parts = collections.defaultdict(list)
    costs = collections.defaultdict(list)
    for driver, rounds in drivers.items():
        for round_ in rounds:
            own, submit = own_part(round_, cost)
            parts[driver].append((own, submit))
            costs[round_["frames"]] += [
                statistics.mean(round_["events"]),
                statistics.mean(round_["callback"]) - own - submit,
            ]
    result = {}
    for driver, rounds in parts.items():
        events_cost = statistics.median(costs[drivers[driver][0]["frames"]])
        values = {
            "callback": [own + submit + events_cost for own, submit in rounds],
            "own": [own for own, _ in rounds],
            "events": [events_cost],
            "submit": [submit for _, submit in rounds],
        }
        result[driver] = {
            name: {
                "median": round(statistics.median(v), 1),
                "min": round(min(v), 1),
                "max": round(max(v), 1),
            }
            for name, v in values.items()
        }
    return result


def delivery(lines):
    """[{driver, hz, late, …}]"""
    names = ("hz", "late", "periods", "sent", "lost", "doubled", "p50_ns", "p99_ns", "p999_ns")
    result = [
        {"driver": fields[0], **dict(zip(names, map(int, fields[1:])))}
        for mark, fields in lines
        if mark == "D"
    ]
    for row in result:
        if row["lost"] or row["doubled"]:
            raise Failed(f"reports were lost or came twice: {row}")
    return result


# --- native speed


def native(path):
    """{"rounds", "reports", "ns": {device: {case: {driver: {median, lower, upper, events}}}}}"""
    result = {"rounds": 0, "reports": 0, "ns": {}}
    for line in pathlib.Path(path).read_text(errors="replace").splitlines():
        words = line.partition("# native_device: native ")[2].split()
        if not words:
            continue
        device, case, driver, *numbers = words
        events_, reports, *times = map(int, numbers)
        lower, median, upper = statistics.quantiles((t / reports for t in times), n=4)
        result["rounds"], result["reports"] = len(times), reports
        result["ns"].setdefault(device, {}).setdefault(case, {})[driver] = {
            "median": round(median, 1),
            "lower": round(lower, 1),
            "upper": round(upper, 1),
            "events": events_,
        }
    if not result["ns"]:
        raise Failed(f"no result at native speed: see {path}")
    return result


# --- memory and size


def live_objects(lines):
    """{device: {driver: Counter of (function, bytes asked for, bytes got)}}"""
    live = collections.defaultdict(lambda: collections.defaultdict(dict))
    for mark, fields in lines:
        if mark != "M":
            continue
        device, driver, sign, pointer, *rest = fields
        if sign == "+":
            asked, got, where = rest
            if where.startswith(NOT_OWN):
                continue
            live[device][driver][pointer] = (where.split("+")[0], int(asked), int(got))
        else:
            live[device][driver].pop(pointer, None)
    return {
        device: {driver: collections.Counter(found.values()) for driver, found in drivers.items()}
        for device, drivers in live.items()
    }


def memory(lines):
    """{device: {driver: {"bytes", "objects", "list"}}}: beyond the floor."""
    result = {}
    for device, drivers in live_objects(lines).items():
        for driver, found in drivers.items():
            beyond = found - drivers["floor"]
            result.setdefault(device, {})[driver] = {
                "total_bytes": sum(key[2] * count for key, count in found.items()),
                "bytes": sum(key[2] * count for key, count in beyond.items()),
                "objects": sum(beyond.values()),
                "list": [
                    {"function": where, "asked": asked, "got": got, "count": count}
                    for (where, asked, got), count in sorted(
                        beyond.items(), key=lambda item: -item[0][2] * item[1]
                    )
                ],
            }
    return result


def sections(path):
    """{text, rodata, data, init: bytes} of an object file."""
    total = dict.fromkeys(SECTIONS, 0)
    listed = subprocess.run(
        ["readelf", "-SW", path], capture_output=True, text=True, check=True
    ).stdout
    for line in listed.splitlines():
        name, _, rest = line.partition("] ")[2].partition(" ")
        words = rest.split()
        if not name.startswith(".") or len(words) < 8 or "A" not in words[5]:
            continue
        size, flags = int(words[3], 16), words[5]
        if name.startswith((".init", ".exit")):
            total["init"] += size
        elif "X" in flags:
            total["text"] += size
        elif "W" in flags:
            total["data"] += size
        else:
            total["rodata"] += size
    return total


def sizes(args):
    """{what: sections()}: of the same kernel."""
    out, modules = pathlib.Path(args.out), pathlib.Path(args.modules)
    hid, usbhid = collections.Counter(), collections.Counter()
    for file in HID_OBJECTS:
        # hidraw and others are not in every kernel
        if (out / "drivers/hid" / file).exists():
            found = usbhid if file.startswith("usbhid/") else hid
            found.update(sections(out / "drivers/hid" / file))
    result = {
        name: collections.Counter(sections(modules / f"{name}.ko"))
        for name in ("usbmouse", "hrmouse", "hrmouse_rest", "floor")
    }
    result["hidraw"] = result["hrmouse"] + result.pop("hrmouse_rest") + hid
    result["usbhid"] = usbhid + hid
    return result


# --- limits


def check_limits(instructions):
    """Prints a line of TAP for each line of the file limits; returns whether all hold."""
    holds = True
    for line in (pathlib.Path(__file__).parent / "limits").read_text().splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        who, what, device, case, relation, limit = words
        values = []
        for name, cases in instructions.items():
            for found, drivers in cases.items():
                if device in (name, "*") and case in (found, "*"):
                    value, *other = (
                        drivers[driver][what]["median"] for driver in re.split("[-/]", who)
                    )
                    if other:
                        value = value - other[0] if "-" in who else value / other[0]
                    values.append(value)
        if not values:
            raise CannotRun(f"limits: there is no such measurement: {line}")
        worst = max(values) if relation == "<=" else min(values)
        good = worst <= float(limit) if relation == "<=" else worst >= float(limit)
        holds &= good
        print(f"{'ok' if good else 'not ok'} - {' '.join(words)} (it is {worst:.4g})")
    return holds


def check_delivery(rows):
    """The same for what reaches the reader; what is lost or doubled has failed before."""
    skipped = {
        (row["driver"], row["hz"], row["late"]): row["periods"] - row["sent"] for row in rows
    }
    holds = True
    for (driver, hz, late), late_skips in skipped.items():
        if driver != "hrmouse" or not late:
            continue
        # a report that is skipped here and there is the guest's scheduler's
        most = 1.1 * skipped[driver, hz, 0] + 5
        good = late_skips <= most
        holds &= good
        print(f"{'ok' if good else 'not ok'} - {hz} Hz, 500 us late: no report lost or doubled, "
              f"{late_skips} periods skipped (at most {most:.0f}; "
              f"usbhid {skipped['usbhid', hz, 1]})")
    return holds


# --- what people see


def native_table(result):
    """For the terminal."""
    print("\n" + NATIVE_NOTE.format(**result))
    print(f"  {'':32}{'usbhid':>8}{'hrmouse':>29}{'usbhid/hrmouse':>33}")
    for device, cases in result["ns"].items():
        for case, found in cases.items():
            line = f"  {device:12}{CASES[case]:20}"
            for driver in ("usbhid", "hrmouse"):
                values = found[driver]
                between = f"({values['lower']:.1f} to {values['upper']:.1f})"
                line += f"{values['median']:8.1f} {between:20}"
            print(f"{line}{found['usbhid']['median'] / found['hrmouse']['median']:9.1f} x")


def table(result):
    """For the terminal."""
    print(NOTES.format(hash=result["hash"]))
    for device, cases in result["instructions"].items():
        print(f"\n{TITLES[device]}")
        print(f"  {'':18} {'':8}" + "".join(f"{name:>10}" for name in DRIVERS)
              + "   usbhid/hrmouse  hrmouse/floor  spread")
        for case, drivers in cases.items():
            for what in ("callback", "own"):
                line = f"  {CASES[case] if what == 'callback' else '':18} {what:8}"
                for name in DRIVERS:
                    found = drivers.get(name)
                    line += f"{found[what]['median']:10.0f}" if found else f"{'':10}"
                hrmouse = drivers["hrmouse"][what]["median"]
                line += f"{drivers['usbhid'][what]['median'] / hrmouse:14.2f} x"
                line += f"{hrmouse / drivers['floor'][what]['median']:13.2f} x"
                spread = max(f[what]["max"] - f[what]["min"] for f in drivers.values())
                print(f"{line}{spread:8.0f}")
        some = next(iter(cases.values()))["hrmouse"]
        print(f"  usb_submit_urb() in each callback: {some['submit']['median']:.0f}")
    if result["usbmouse_lacks"]:
        print("\nThe events are equal, but for usbmouse's, which has neither MSC_SCAN nor "
              "REL_WHEEL_HI_RES: " + ", ".join(result["usbmouse_lacks"]))

    def rows(note, found, cell):
        print(f"\n{note}\n  {'':12}" + "".join(f"{name:>16}" for name in DRIVERS))
        for name, drivers in found.items():
            print(f"  {name:12}" + "".join(
                f"{cell(driver, drivers) if driver in drivers else '':>16}" for driver in DRIVERS
            ))

    rows(PROBE_NOTE, result["probe"], lambda driver, drivers: (
        f"{drivers[driver] / 1000:.0f}" if driver == "floor"
        else f"{(drivers[driver] - drivers['floor']) / 1000:+.0f}"
    ))
    if "memory" in result:
        rows(MEMORY_NOTE, result["memory"], lambda driver, drivers: (
            f"{drivers[driver]['bytes']} in {drivers[driver]['objects']}"
            if driver != "floor" else f"{drivers[driver]['total_bytes']} in all"
        ))
    if result.get("delivery"):
        print(f"\n{DELIVERY_NOTE}\n  {'':19}{'skipped':>10}{'lost':>8}{'doubled':>9}"
              f"{'p50':>9}{'p99':>9}{'p99.9':>9}")
        for row in sorted(result["delivery"], key=lambda row: (row["late"], row["hz"])):
            rate = f"{row['hz'] // 1000} kHz{', late' if row['late'] else ''}"
            print(f"  {rate:12} {row['driver']:11}{row['periods'] - row['sent']:5}{row['lost']:8}"
                  f"{row['doubled']:9}{row['p50_ns'] / 1000:9.0f}{row['p99_ns'] / 1000:9.0f}"
                  f"{row['p999_ns'] / 1000:9.0f}")
    if "size" in result:
        rows(SIZE_NOTE, {
            key: {driver: result["size"][driver][key] for driver in DRIVERS}
            for key in SECTIONS
        }, lambda driver, drivers: drivers[driver])


# hidraw's bars would be hrmouse's
COLOURS = {"usbhid": "#c0504d", "usbmouse": "#d99a3a", "hrmouse": "#2e8b57", "floor": "#6b7f8f"}


def plot(result):
    """The instructions of a report as stacked bars: SVG."""
    every = [
        (device, case, drivers)
        for device, cases in result["instructions"].items()
        for case, drivers in cases.items()
    ]
    rows = [row for row in every if row[1] in ("motion", "nothing")] or every
    most = max(f["callback"]["median"] for _, _, drivers in rows for f in drivers.values())
    scale, left, height = 520 / most, 90, 16
    body, y = [], 58
    text = '<text x="{}" y="{}"{}>{}</text>'
    for device, case, drivers in rows:
        title = f"{TITLES[device]}: {CASES[case]}"
        body.append(text.format(8, y + 12, ' font-weight="bold"', title))
        y += 20
        for name in COLOURS:
            if name not in drivers:
                continue
            found = {what: drivers[name][what]["median"] for what in ("callback", "own", "submit")}
            found["events"] = found["callback"] - found["own"] - found["submit"]
            body.append(text.format(left - 6, y + 12, ' text-anchor="end"', name))
            x = left
            for part, colour in (
                ("own", COLOURS[name]), ("events", "#c9d3dd"), ("submit", "#e6ebf0")
            ):
                width = max(found[part], 0) * scale
                body.append(
                    f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height - 2}" '
                    f'fill="{colour}"/>'
                )
                x += width
            told = f"{found['callback']:.0f}, {found['own']:.0f} its own"
            body.append(text.format(f"{x + 6:.1f}", y + 12, "", told))
            y += height
        y += 10
    legend = (
        "Instructions per report, from completion to the reader's wake-up: in colour what the "
        "driver executes,",
        "grey input core, evdev and waking the reader, light grey the URB's new submission",
    )
    head = [text.format(8, 20 + 16 * i, "", line) for i, line in enumerate(legend)]
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{y}" viewBox="0 0 760 {y}" '
        'font-family="sans-serif" font-size="12" fill="#222">',
        f'<rect width="760" height="{y}" fill="#fff"/>', *head, *body, "</svg>", "",
    ])


def measure(args):
    """What is measured in QEMU."""
    lines = run_guest(args, args.out, args.initramfs, args.modules, args.rounds, args.reports)
    results, probes, cost = read_results(lines)
    result = {
        "hash": cost,
        "usbmouse_lacks": check_streams(results),
        "instructions": {},
        "probe": {
            device: {driver: statistics.median(found) for driver, found in drivers.items()}
            for device, drivers in probes.items()
        },
        "size": sizes(args),
    }
    for (device, case), drivers in results.items():
        result["instructions"].setdefault(device, {})[case] = case_figures(drivers, cost)
    if args.delivery:
        result["delivery"] = delivery(run_guest(
            args, args.out, args.initramfs, args.modules, -1, args.delivery, ("sixteen/",)
        ))
    if args.memory_out:
        result["memory"] = memory(
            run_guest(args, args.memory_out, args.memory_initramfs, args.memory_modules, 0, 2)
        )
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--program")
    parser.add_argument("--modules")
    parser.add_argument("--out")
    parser.add_argument("--initramfs")
    for option in ("out", "initramfs", "modules"):
        parser.add_argument(f"--memory-{option}", help="the same of a kernel with trace events")
    parser.add_argument("--log", default="bench.log")
    parser.add_argument("--rounds", type=int, default=3)
    # a multiple of 16: the entropy pool's hash comes about as often in each round
    parser.add_argument("--reports", type=int, default=96)
    parser.add_argument("--delivery", type=int, default=0, help="reports of each rate, 2 to 8192")
    parser.add_argument("--native", metavar="LOG", help="of the KUnit suite in native.c")
    parser.add_argument("--check", action="store_true", help="print whether the limits hold")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--plot", metavar="FILE")
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()

    result = measure(args) if args.program else {}
    if args.native:
        result["native"] = native(args.native)
    if args.plot:
        pathlib.Path(args.plot).write_text(plot(result))
    if args.check:
        print("ok - all drivers report the same events")
        good = check_delivery(result.get("delivery", []))
        return 0 if check_limits(result["instructions"]) and good else 1
    if args.json:
        print(json.dumps(result, indent=1))
        return 0
    if "instructions" in result:
        table(result)
    if "native" in result:
        native_table(result["native"])
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotRun as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(2)
    except Failed as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
