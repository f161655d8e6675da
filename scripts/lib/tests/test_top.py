"""scripts/top against a directory that looks like debugfs, its counters growing."""
import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[1] / "top.c"
# the machine may be slow: everything is waited for, nothing is timed
PATIENCE = 30


def setUpModule():
    global BIN, TOP
    BIN = tempfile.TemporaryDirectory()
    TOP = os.path.join(BIN.name, "top")
    subprocess.run(["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined",
                    "-fno-sanitize-recover", "-o", TOP, SOURCE], check=True)
    os.chmod(BIN.name, 0o755)


def tearDownModule():
    BIN.cleanup()


class Fake:
    """A debugfs with hrmouse in it. rates: {interface: reports per second}."""

    def __init__(self, rates=None, more=None, left="", timing="0\n"):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.dir = self.root / "usb/hrmouse"
        self.rates = rates or {}
        self.more = more or {}
        self.names = {}
        self.dir.mkdir(parents=True)
        (self.dir / "left").write_text(left)
        (self.dir / "timing").write_text(timing)
        self.start = time.monotonic()
        self.write()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.grow)
        self.thread.start()

    def write(self):
        text = ""
        for intf, rate in self.rates.items():
            count = 1000 + int((time.monotonic() - self.start) * rate)
            text += (f"{intf}: {self.names.get(intf, 'A Mouse')}\n"
                     "speed 480\ninterval 125\ndepth 4\n"
                     f"reports {count}\nbytes {8 * count}\nframes {count}\n"
                     f"{self.more.get(intf, '').format(count=count)}\n")
        new = self.dir / "new"
        new.write_text(text)
        new.rename(self.dir / "stats")

    def grow(self):
        while not self.stopped.wait(0.01):
            if self.dir.exists():
                self.write()

    def timing(self):
        return (self.dir / "timing").read_text().strip()

    def close(self):
        self.stopped.set()
        self.thread.join()
        shutil.rmtree(self.root)


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it did not come to that")
        time.sleep(0.02)


class TopTest(unittest.TestCase):
    def fake(self, *args, **kwargs):
        fake = Fake(*args, **kwargs)
        self.addCleanup(fake.close)
        return fake

    def top(self, root, *args, **kwargs):
        return subprocess.run([TOP, "--root", str(root), *args], capture_output=True, text=True,
                              timeout=PATIENCE, check=False, **kwargs)

    def start(self, root, *args, **kwargs):
        kwargs.setdefault("stdout", subprocess.PIPE)
        process = subprocess.Popen([TOP, "--root", str(root), *args], text=True, **kwargs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        if process.stdout:
            self.addCleanup(process.stdout.close)
        return process


class Messages(TopTest):
    def refused(self, root, pattern, *args, **kwargs):
        result = self.top(root, *args, **kwargs)
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertRegex(result.stderr, pattern)
        self.assertEqual(result.stderr.count("\n"), 1)
        self.assertEqual(result.stdout, "")

    def test_why_not(self):
        with tempfile.TemporaryDirectory() as root:
            self.refused(root, "debugfs is not mounted, type: sudo mount -t debugfs")
            os.makedirs(root + "/usb")
            self.refused(root, "hrmouse is not loaded, type: sudo modprobe hrmouse")
            os.makedirs(root + "/usb/hrmouse")
            self.refused(root, "keeps no figures")

    def test_permission(self):
        fake = self.fake()
        os.chmod(fake.root, 0o700)
        user = {"user": 65534} if os.geteuid() == 0 else {}
        if not user:
            os.chmod(fake.root, 0)
            self.addCleanup(os.chmod, fake.root, 0o700)
        self.refused(fake.root, "only root .* type: sudo scripts/top", **user)

    def test_options(self):
        fake = self.fake()
        for args in (["--frobnicate"], ["--seconds"], ["--seconds", "-1"], ["--seconds", "x"]):
            self.refused(fake.root, "top: --", *args)
        self.assertEqual(fake.timing(), "0")


class Once(TopTest):
    MORE = ("dropped_empty 0\ndropped_short 3\nerror_stall 0\nerror_protocol 2\nresets 1\n"
            "gap_min 118\ngap_mean 125\ngap_max 412\ngap 64 128 {count}\ngap 128 256 77\n")

    def test_json(self):
        fake = self.fake({"1-1:1.0": 4000, "1-2:1.1": 0}, {"1-1:1.0": self.MORE},
                         "1-3:1.0: more than a mouse (usage 00010006)\n")
        fake.names["1-1:1.0"] = 'An "8 kHz" \\ mouse: \x1b[2J\xe9'
        until(lambda: "8 kHz" in (fake.dir / "stats").read_text())
        result = self.top(fake.root, "--json", "--seconds", "2")
        self.assertEqual(result.returncode, 0, result.stderr)
        fast, idle = json.loads(result.stdout)["mice"]
        self.assertEqual(fast["name"], 'An "8 kHz" \\ mouse: ?[2J??')
        self.assertEqual((fast["speed"], fast["interval_us"], fast["permitted_per_s"],
                          fast["depth"]), (480, 125, 8000, 4))
        # how many there were in that time is up to the machine; see topcheck.c for exact rates
        self.assertGreater(fast["reports"], 0)
        self.assertAlmostEqual(fast["reports"] / fast["seconds"], fast["reports_per_s"], delta=1)
        self.assertGreaterEqual(fast["most_per_s"], fast["reports_per_s"])
        self.assertEqual(fast["gap_us"], {"min": 118, "mean": 125, "max": 412})
        # the second one had its 77 before
        [gap] = fast["gaps"]
        self.assertEqual((gap["from_us"], gap["to_us"]), (64, 128))
        self.assertEqual(gap["count"], fast["reports"])
        self.assertEqual(fast["problems"], {"dropped_empty": 0, "dropped_short": 3,
                                            "error_stall": 0, "error_protocol": 2, "resets": 1})
        self.assertEqual((idle["interface"], idle["reports_per_s"], idle["gap_us"]),
                         ("1-2:1.1", 0, None))
        self.assertEqual(json.loads(result.stdout)["left"],
                         [{"interface": "1-3:1.0", "why": "more than a mouse (usage 00010006)"}])

    def test_text(self):
        fake = self.fake({"1-1:1.0": 1000}, {"1-1:1.0": self.MORE}, "1-3:1.0: because\n")
        out = self.top(fake.root, "--once", "--seconds", "0.5", env={"LC_ALL": "C"}).stdout
        self.assertIn("480 Mbit/s, polled every 125 us: up to 8000 reports/s, 4 transfers", out)
        self.assertIn("one every    125 us  min 118, max 412", out)
        for shown in ("dropped_short 3", "error_protocol 2", "resets 1", "64 to     128",
                      "left to usbhid", "1-3:1.0: because"):
            self.assertIn(shown, out)
        for hidden in ("dropped_empty", "error_stall", "\x1b"):
            self.assertNotIn(hidden, out)

    def test_none(self):
        out = self.top(self.fake().root, "--seconds", "0.1").stdout
        self.assertIn("drives no mouse", out)

    def test_many(self):
        fake = self.fake({f"1-1.{i}:1.0": 10 for i in range(40)})
        mice = json.loads(self.top(fake.root, "--json", "--seconds", "0.3").stdout)["mice"]
        self.assertEqual([mouse["interface"] for mouse in mice],
                         [f"1-1.{i}:1.0" for i in range(40)])


class Timing(TopTest):
    def test_put_back(self):
        for before in "01":
            fake = self.fake({"1-1:1.0": 10}, timing=before + "\n")
            self.top(fake.root, "--seconds", "0.1")
            self.assertEqual(fake.timing(), before)

    def test_signals(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            fake = self.fake({"1-1:1.0": 10})
            process = self.start(fake.root)
            until(lambda: fake.timing() == "1")
            process.send_signal(number)
            process.wait(PATIENCE)
            self.assertEqual(fake.timing(), "0", number)

    def test_two(self):
        fake = self.fake({"1-1:1.0": 10})
        one, two = self.start(fake.root), self.start(fake.root)
        # each has printed once: both are past their start
        one.stdout.readline()
        two.stdout.readline()
        self.assertEqual(fake.timing(), "1")
        one.terminate()
        one.wait(PATIENCE)
        self.assertEqual(fake.timing(), "1")
        two.terminate()
        two.wait(PATIENCE)
        self.assertEqual(fake.timing(), "0")

    def test_killed(self):
        fake = self.fake({"1-1:1.0": 10})
        process = self.start(fake.root)
        until(lambda: fake.timing() == "1")
        process.kill()
        process.wait(PATIENCE)
        self.assertEqual(fake.timing(), "1")
        self.top(fake.root, "--seconds", "0.1")
        self.assertEqual(fake.timing(), "0")

    def test_reader_gone(self):
        fake = self.fake({"1-1:1.0": 10})
        process = self.start(fake.root)
        process.stdout.readline()
        process.stdout.close()
        process.wait(PATIENCE)
        self.assertEqual(fake.timing(), "0")

    def test_loaded_again(self):
        fake = self.fake({"1-1:1.0": 10})
        process = self.start(fake.root)
        process.stdout.readline()
        away = fake.root / "usb/away"
        fake.dir.rename(away)
        until(lambda: "not loaded any more" in process.stdout.readline())
        (away / "timing").write_text("0\n")
        away.rename(fake.dir)
        until(lambda: "1-1:1.0" in process.stdout.readline())
        self.assertEqual(fake.timing(), "1")


class Live(TopTest):
    def terminal(self, fake, term, size=(24, 80), env=None):
        """Starts it at a terminal; returns what reads and writes there."""
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        os.set_inheritable(slave, True)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        self.start(fake.root, stdin=slave, stdout=slave,
                   env={"TERM": term, "LC_ALL": "C", **(env or {})})
        self.addCleanup(os.close, slave)
        return master, slave

    @staticmethod
    def read(master, pattern, text=""):
        end = time.monotonic() + PATIENCE
        while not re.search(pattern, text, re.S):
            if not select.select([master], [], [], max(0, end - time.monotonic()))[0]:
                raise AssertionError(f"no {pattern!r} in {text[-2000:]!r}")
            text += os.read(master, 65536).decode()
        return text

    def test_screen(self):
        fake = self.fake({"1-1:1.0": 1000}, left="1-3:1.0: because\n")
        master, slave = self.terminal(fake, "linux")
        text = self.read(master, r"reports/s .{0,20}\d{3} .*because.*reports/s .*because")
        self.assertIn("\x1b[?25l", text)
        self.assertFalse(termios.tcgetattr(slave)[3] & termios.ECHO)
        os.write(master, b"q")
        self.read(master, r"\x1b\[\?25h")
        until(lambda: fake.timing() == "0")
        until(lambda: termios.tcgetattr(slave)[3] & termios.ECHO)

    def test_small_screen(self):
        fake = self.fake({f"1-1.{i}:1.0": 10 for i in range(30)}, left="1-3:1.0: because\n")
        master, _ = self.terminal(fake, "linux", (10, 40))
        text = self.read(master, r"\x1b\[H.*\x1b\[H.*\x1b\[H")
        pictures = text.split("\x1b[H")[1:-1]
        for picture in pictures:
            lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", picture)
            lines = lines.replace("\r", "").split("\n")
            self.assertEqual(len(lines), 10)
            self.assertLessEqual(max(map(len, lines)), 40)

    def test_utf8(self):
        fake = self.fake({"1-1:1.0": 4000})
        master, _ = self.terminal(fake, "xterm", env={"LC_ALL": "en_US.UTF-8"})
        self.read(master, "µs.*████")

    def test_dumb(self):
        fake = self.fake({"1-1:1.0": 1000})
        master, _ = self.terminal(fake, "dumb")
        self.assertNotIn("\x1b", self.read(master, r"1-1:1.0 .*\n.*1-1:1.0 .*\n"))

    def test_pipe(self):
        fake = self.fake({"1-1:1.0": 1000})
        process = self.start(fake.root, env={"TERM": "xterm"})
        # the first second may have begun anywhere
        process.stdout.readline()
        line = process.stdout.readline()
        found = re.match(r"1-1:1.0 +(\d+)/s  most +(\d+)  of +8000  A Mouse\n$", line)
        self.assertTrue(found, line)
        self.assertGreater(int(found[1]), 0)


if __name__ == "__main__":
    unittest.main()
