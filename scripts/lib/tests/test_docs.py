"""scripts/lib/docs.py against documents with faults."""
import contextlib
import io
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import docs  # noqa: E402

try:
    import docutils  # noqa: F401
except ImportError:
    docutils = None

TREE = {
    "drivers/usb/core/x.c": """\
int declared_only(int a);

static int two_lines(int a,
          int b)
{
    return 0;
}

int
kernel_function(void)
{
    struct late { int member; };
    return call_only(1);
}

#define A_MACRO(x) (x)
#define A_NUMBER 7
static DEFINE_MUTEX(a_lock);
static const int table[] __maybe_unused = {
    1,
};
enum kinds {
    FIRST_KIND, /* one */
};
struct shape {
    int member;
};
TEST_F_TIMEOUT(fixture, a_test, 60)
{
}
""",
}


@unittest.skipUnless(docutils, "python3-docutils is missing")
class Documents(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)
        self.tree = pathlib.Path(self.dir.name)
        for name, text in TREE.items():
            path = self.tree / name
            path.parent.mkdir(parents=True)
            path.write_text(text)

    def read(self, text, name="Documentation/x.rst"):
        path = self.tree / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
        return path, *docs.read(path)

    def source(self, newest=None):
        return docs.Source(self.tree, newest)

    def faults(self, text):
        _, items, _ = self.read(text)
        return [text for _, text, _, _, fault in docs.references(items, self.source()) if fault]

    def lines(self, what):
        source = self.source()
        return source.line(self.tree / "drivers/usb/core/x.c", what)

    def test_definitions_and_their_lines(self):
        for what, line in {
            "two_lines()": 3, "kernel_function()": 10, "A_MACRO()": 16, "A_NUMBER": 17,
            "a_lock": 18, "table": 19, "FIRST_KIND": 23, "struct shape": 25, "member": 26,
            "a_test()": 28, "enum kinds": 22,
        }.items():
            with self.subTest(what):
                self.assertEqual(self.lines(what), line)

    def test_what_is_not_defined(self):
        for what in ("declared_only()", "call_only()", "nothing()", "NOTHING", "struct other",
                     "struct two_lines", "A_NUMBER()"):
            with self.subTest(what):
                self.assertEqual(self.lines(what), 0)

    def test_references(self):
        self.assertEqual(self.faults(
            "``drivers/usb/core/x.c: two_lines(),\nkernel_function()`` ``kernel_function()``"
            " ``plan.c: hrm_plan_step()`` ``hrm_plan_run()`` ``READ()`` ``drivers/usb/core/y.c``"
            " ``drivers/usb/core/x.c: gone()`` ``hrm_plan_gone()`` ``hrm_no_such_word``"
            " ``drivers/usb/core/x.c: no urb`` ``drivers/usb/core/x.c: no member``"
            " ``scripts/nothing`` ``scripts/check nothing-such`` ``scripts/boot --nothing``"
            " ``scripts/boot --headless``"),
            ["READ()", "drivers/usb/core/y.c", "drivers/usb/core/x.c: gone()", "hrm_plan_gone()",
             "hrm_no_such_word", "drivers/usb/core/x.c: no member", "scripts/nothing",
             "scripts/check nothing-such", "scripts/boot --nothing"])

    def test_newest_kernel_that_is_not_there(self):
        self.assertEqual(self.faults("``7.2 rust/kernel/usb.rs: no urb``"), [])

    def test_excerpts(self):
        good = ("``drivers/usb/core/x.c``\n\n.. code-block:: c\n\n"
                "    {\n    \treturn 0;\n    ...\n    };\n")
        for text, right in ((good, True), (good.replace("0", "1"), False),
                            (good.replace("...", "..\u2026"), False)):
            _, items, _ = self.read(text)
            found = [fault for _, fault in docs.excerpts(items, self.source())]
            self.assertEqual([not fault for fault in found], [right], text)

    def test_markup(self):
        _, _, complaints = self.read("A title\n====\n\n``open\n\n.. nothing::\n")
        self.assertEqual(len(complaints), 3, complaints)

    def typed(self, text, name="Documentation/x.rst"):
        path, items, _ = self.read(text, name)
        root = docs.ROOT
        docs.ROOT = self.tree
        try:
            return [(c.text, c.output) for c in docs.commands(path, items)]
        finally:
            docs.ROOT = root

    def test_commands(self):
        self.assertEqual(self.typed(
            ".. code-block:: sh\n\n    one --two   # why\n    long \\\n        line\n\n"
            "text::\n\n    $ cat x\n    came\n    ...\n    $ cat y\n\n"
            "text::\n\n    echo a >b\n\ntext::\n\n    just -> a -> drawing\n"),
            [("one --two", []), ("long line", []), ("cat x", ["came", "..."]), ("cat y", []),
             ("echo a >b", [])])

    def test_commands_of_markdown(self):
        self.assertEqual(self.typed(
            "text `scripts/x`:\n\n    unheard of   # c\n\n    second\n\ntext\n\n    v2:\n    no\n",
            "README.md"),
            [("unheard of", []), ("second", [])])

    def test_rules(self):
        self.assertIsNone(docs.rule("rm -rf /"))
        self.assertIsNone(docs.rule("scripts/boot --headless; rm -rf /"))
        self.assertIsInstance(docs.rule("cat /sys/kernel/debug/usb/hrmouse/stats"), docs.InGuest)
        self.assertIsInstance(docs.rule("cat /sys/kernel/tracing/trace"), docs.InDev)

    def test_tests_that_run_nothing(self):
        self.assertIsNone(docs.tested(docs.Test("boot", "scripts/boot")))
        for test in (docs.Test("nothing", "x"), docs.Test("boot", "no such words"),
                     docs.Test("boot", "usage", "scripts/lib/audit")):
            self.assertTrue(docs.tested(test), test)

    def judged(self, said, output=()):
        command = docs.Command("x.rst", 1, "cat x", list(output), 0)
        tap = docs.Tap()
        with contextlib.redirect_stdout(io.StringIO()):
            docs.judge([command], said, tap)
        return not tap.failed

    def test_what_came_from_the_guest(self):
        self.assertTrue(self.judged(["a 12", "@@ 0 0"], ["a 7", "..."]))
        self.assertFalse(self.judged(["b 12", "@@ 0 0"], ["a 7"]))
        self.assertFalse(self.judged(["a 12", "@@ 0 1"]))
        self.assertFalse(self.judged(["a 12"]))

    def test_what_a_shell_says_of_its_commands(self):
        rules = docs.RULES
        docs.RULES = [(r"true|false", docs.InGuest({}))]
        try:
            for text, right in (("true", True), ("false", False)):
                command = docs.Command("x.rst", 1, text, [], 0)
                ran = subprocess.run(["sh", "-c", docs.script([command], "")], text=True,
                                     capture_output=True, check=True)
                tap = docs.Tap()
                with contextlib.redirect_stdout(io.StringIO()):
                    docs.judge([command], ran.stdout.splitlines(), tap)
                self.assertEqual(not tap.failed, right, ran.stdout)
        finally:
            docs.RULES = rules


if __name__ == "__main__":
    unittest.main()
