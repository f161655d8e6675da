"""Guests that die at boot, without QEMU."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import guest  # noqa: E402

HALF = "[    0.525597] Oops: int3: 0000 [#1] PREEMPT SMP"


class Fake(guest.Guest):
    """Each start says one line or ends, and has a kernel log."""

    def __init__(self, *starts):
        super().__init__(None, None)
        self.starts = starts
        self.started = 0

    def _start(self):
        line, self.text = self.starts[self.started]
        self.started += 1
        self._lines = [line] if line else []
        self._data_closed = not line

    def log_text(self):
        return self.text


class Up(unittest.TestCase):
    def test_comes_up(self):
        for starts in (
            [("GUEST UP 6.12", "")],
            [("BdsDxe: GUEST UP 6.12", "")],
            [(None, HALF), ("GUEST UP 6.12", "")],
            [(None, HALF), (None, HALF), ("GUEST UP 6.12", "")],
        ):
            with self.subTest(starts), Fake(*starts) as fake:
                fake.wait_up(1)
                self.assertEqual(fake.started, len(starts))

    def test_does_not(self):
        for starts in (
            [(None, "Oops: general protection fault"), ("GUEST UP 6.12", "")],
            [(None, HALF), (None, HALF), (None, HALF)],
            [("hello", HALF), ("GUEST UP 6.12", "")],
        ):
            with self.subTest(starts), Fake(*starts) as fake:
                with self.assertRaises(guest.GuestError):
                    fake.wait_up(0.1)
                again = starts[0] == (None, HALF)
                self.assertEqual(fake.started, 3 if again else 1)


if __name__ == "__main__":
    unittest.main()
