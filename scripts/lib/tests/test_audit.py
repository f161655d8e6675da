"""scripts/lib/audit against a small Kconfig tree."""
import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

AUDIT = pathlib.Path(__file__).resolve().parents[1] / "audit"
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("audit", str(AUDIT))
audit = importlib.util.module_from_spec(importlib.util.spec_from_loader("audit", loader))
loader.exec_module(audit)

FILES = {
    "Kconfig": '''\
# SPDX-License-Identifier: GPL-2.0
mainmenu "Test $(ARCH)"

config BUS
\tbool "Bus support"
\thelp
\t  depends on WORDS in a help text are words.

\t  config NOT_A_SYMBOL is one more.

config WIRE
\ttristate "Wires" if EXPERT
\tdefault y

source "arch/$(SRCARCH)/Kconfig"
source "drivers/Kconfig"
''',
    "arch/x86/Kconfig": '''\
config X86
\tdef_bool y
\tselect HIDDEN if BUS

choice
\tprompt "Speed"
\tdefault SLOW

config SLOW
\tbool "Slow"

config FAST
\tbool "Fast"
\tdepends on BUS

endchoice
''',
    "drivers/Kconfig": '''\
menu "Drivers if any"
\tdepends on BUS

comment "Toys need wires"
\tdepends on WIRE=n

if WIRE
menuconfig TOYS
\ttristate "Toys"
\tdepends on !SAFE && \\
\t\t(COLOUR || SOUND=m)
if TOYS
rsource "toys/Kconfig"
endif
endif

config OTHER
\tbool "Other" # not a menu
\tdepends on WIRE=n
\tdepends on LEVEL > 3
\tdepends on SOUND if COLOUR

endmenu

config HIDDEN
\tbool
\tdepends on $(success,true)

config COMPILER
\tbool "Compiler"
\tdepends on $(cc-option,-fthing) && BUS

config LEVEL
\tint "Level"
\tdefault 3

config DUAL
\tbool "First"
\tdepends on X86 && SAFE && SOUND

config DUAL
\tbool "Second"
\tdepends on SAFE
''',
    "drivers/toys/Kconfig": '''\
config TRAIN
\ttristate "Train"
\tdepends on BUS
''',
}


class Base(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.tree = pathlib.Path(self.dir.name)
        for name, text in FILES.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def config(self, text):
        path = self.tree / "some.config"
        path.write_text(text)
        return audit.read_config(path)

    def why(self, wanted, final, adds=()):
        """{symbol: (wanted, got, reasons joined)}"""
        found = audit.audit(
            self.tree, self.config(final), [("defconfig", self.config(wanted))], adds
        )
        return {symbol: (want, got, "\n".join(lines)) for symbol, want, got, _, lines in found}


class Lines(Base):
    def test_all_as_wanted(self):
        final = 'CONFIG_BUS=y\nCONFIG_LEVEL=3\nCONFIG_NAME="a b"\n# CONFIG_SAFE is not set\n'
        self.assertEqual(self.why(final, final), {})

    def test_off_and_absent_is_off_if_the_symbol_exists(self):
        self.assertEqual(self.why("# CONFIG_TRAIN is not set\n", "CONFIG_BUS=y\n"), {})
        self.assertIn("no such symbol", self.why("# CONFIG_TRIAN is not set\n", "")["TRIAN"][2])

    def test_numbers_are_compared_as_numbers(self):
        self.assertEqual(self.why("CONFIG_LEVEL=0x10\n", "CONFIG_LEVEL=16\n"), {})
        self.assertEqual(self.why("CONFIG_LEVEL=4\n", "CONFIG_LEVEL=3\n")["LEVEL"][:2], ("4", "3"))

    def test_unknown_symbol(self):
        self.assertIn("no such symbol", self.why("CONFIG_NOT_A_SYMBOL=y\n", "")["NOT_A_SYMBOL"][2])

    def test_a_symbol_of_the_series_without_a_line(self):
        self.assertEqual(self.why("", "", ["TRAIN"])["TRAIN"][0], "a line")
        self.assertEqual(self.why("CONFIG_TRAIN=m\n", "CONFIG_TRAIN=m\n", ["TRAIN"]), {})

    def test_the_last_fragment_counts(self):
        first, last = self.config("CONFIG_BUS=y\n"), self.config("# CONFIG_BUS is not set\n")
        final = self.config("CONFIG_WIRE=y\n")
        self.assertEqual(audit.audit(self.tree, final, [("a", first), ("b", last)]), [])
        self.assertEqual(len(audit.audit(self.tree, final, [("b", last), ("a", first)])), 1)


class Reasons(Base):
    def test_nested_menu_and_ifs(self):
        want, got, why = self.why(
            "CONFIG_TRAIN=m\n", "CONFIG_BUS=y\nCONFIG_WIRE=m\n# CONFIG_TOYS is not set\n"
        )["TRAIN"]
        self.assertEqual((want, got), ("m", "n"))
        self.assertIn("TOYS  (TOYS=n)", why)
        self.assertNotIn("BUS", why)
        self.assertNotIn("WIRE", why)
        self.assertIn(
            "BUS  (BUS=n)",
            self.why("CONFIG_TRAIN=m\n", "CONFIG_WIRE=y\nCONFIG_TOYS=y\n")["TRAIN"][2],
        )

    def test_or_not_and_continued_lines(self):
        base = "CONFIG_BUS=y\nCONFIG_WIRE=y\n"
        why = self.why("CONFIG_TOYS=y\n", base + "CONFIG_SAFE=y\nCONFIG_COLOUR=y\n")["TOYS"][2]
        self.assertIn("!SAFE  (SAFE=y)", why)
        self.assertNotIn("COLOUR", why)
        why = self.why("CONFIG_TOYS=y\n", base + "CONFIG_SOUND=y\n")["TOYS"][2]
        self.assertIn("COLOUR || SOUND=m  (COLOUR=n, SOUND=y)", why)
        self.assertNotIn("SAFE", why)

    def test_m_is_too_little_for_y(self):
        why = self.why(
            "CONFIG_TOYS=y\n", "CONFIG_BUS=y\nCONFIG_WIRE=m\nCONFIG_COLOUR=y\nCONFIG_TOYS=m\n"
        )["TOYS"]
        self.assertEqual(why[:2], ("y", "m"))
        self.assertIn("WIRE  (WIRE=m)", why[2])

    def test_comparisons_and_conditional_dependency(self):
        why = self.why("CONFIG_OTHER=y\n", "CONFIG_BUS=y\nCONFIG_WIRE=y\nCONFIG_LEVEL=3\n")[
            "OTHER"
        ][2]
        self.assertIn("WIRE=n  (WIRE=y)", why)
        self.assertIn("LEVEL>3  (LEVEL=3)", why)
        self.assertNotIn("SOUND", why)
        why = self.why("CONFIG_OTHER=y\n", "CONFIG_BUS=y\nCONFIG_LEVEL=10\nCONFIG_COLOUR=y\n")[
            "OTHER"
        ][2]
        self.assertIn("SOUND || !COLOUR  (SOUND=n, COLOUR=y)", why)
        self.assertNotIn("LEVEL", why)

    def test_choice(self):
        why = self.why(
            "CONFIG_FAST=y\n", "CONFIG_BUS=y\nCONFIG_SLOW=y\n# CONFIG_FAST is not set\n"
        )["FAST"][2]
        self.assertIn("SLOW was taken", why)

    def test_a_choice_member_with_a_dependency(self):
        self.assertIn("BUS  (BUS=n)", self.why("CONFIG_FAST=y\n", "CONFIG_SLOW=y\n")["FAST"][2])

    def test_hidden_symbols_and_selects(self):
        why = self.why(
            "# CONFIG_HIDDEN is not set\n", "CONFIG_X86=y\nCONFIG_BUS=y\nCONFIG_HIDDEN=y\n"
        )["HIDDEN"][2]
        self.assertEqual(why, "selected by X86")
        self.assertIn(
            "decided by the compiler",
            self.why("CONFIG_COMPILER=y\n", "CONFIG_BUS=y\n")["COMPILER"][2],
        )

    def test_prompt_condition(self):
        self.assertIn("unless: EXPERT", self.why("CONFIG_WIRE=m\n", "CONFIG_WIRE=y\n")["WIRE"][2])

    def test_two_definitions_the_nearer_counts(self):
        why = self.why("CONFIG_DUAL=y\n", "CONFIG_X86=y\n")["DUAL"][2]
        self.assertEqual(why.count("dependency not met"), 1)
        self.assertNotIn("SOUND", why)


class Command(Base):
    def run_audit(self, wanted, final):
        (self.tree / "wanted").write_text(wanted)
        (self.tree / "final").write_text(final)
        return subprocess.run(
            [
                sys.executable,
                AUDIT,
                "--tree",
                self.tree,
                "--config",
                self.tree / "final",
                self.tree / "wanted",
            ],
            capture_output=True,
            text=True,
            check=False,
        )

    def test_status(self):
        self.assertEqual(self.run_audit("CONFIG_BUS=y\n", "CONFIG_BUS=y\n").returncode, 0)
        dropped = self.run_audit("CONFIG_TRAIN=m\nCONFIG_BUS=y\n", "CONFIG_BUS=y\n")
        self.assertEqual(dropped.returncode, 1)
        self.assertIn("CONFIG_TRAIN: wanted m (wanted), got n", dropped.stdout)
        self.assertIn("2 lines compared, 1 different", dropped.stdout)
        self.assertEqual(
            subprocess.run(
                [sys.executable, AUDIT, "--tree", "/nonexistent", "--config", "x", "y"],
                capture_output=True,
                check=False,
            ).returncode,
            2,
        )


if __name__ == "__main__":
    unittest.main()
