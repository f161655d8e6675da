# SPDX-License-Identifier: GPL-2.0-only
"""Tests of scripts/export and scripts/apply.

Run: python3 -m unittest discover -s scripts/lib/tests -p test_series.py
The tests of apply run on a small made-up tree, and on the files that the series touches of
HRMOUSE_TREE_612 and HRMOUSE_TREE_72 (kernel sources) with the series in patches/.
"""
import functools
import os
import pathlib
import re
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SERIES = ROOT / "scripts" / "lib" / "series.py"
NOBODY = 65534
IDENTITY = {"GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "user.name",
            "GIT_CONFIG_VALUE_0": "J. Döe", "GIT_CONFIG_KEY_1": "user.email",
            "GIT_CONFIG_VALUE_1": "doe@example.org"}

# A kernel in miniature. The hunks below have to find their place in it.
KERNEL = {
    "Makefile": "VERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 1\n",
    "MAINTAINERS": "".join(f"ENTRY {i}\nF:\tdrivers/{i}/\n\n" for i in range(200)),
    "drivers/hid/usbhid/hid-core.c":
        "int a(void)\n{\n" + "".join(f"\tstep({i});\n" for i in range(30)) + "}\n",
    "drivers/hid/Makefile": "obj-y += a.o\nobj-y += b.o\nobj-y += c.o",
    "drivers/usb/keep.c": "int keep;\n",
}
SPEC = {
    "cover.txt": "HID: a small series\n\nWhat it does.\n",
    "01-first.txt": "HID: first: let a dedicated driver take an interface of its own choice soon\n"
                    "\nWhy.\n\nLink: https://example.org/\n--\ninclude/linux/new.h < src/new.h\n",
    "01-first.diff":
        "--- a/drivers/hid/usbhid/hid-core.c\n+++ b/drivers/hid/usbhid/hid-core.c\n"
        "@@ -2,3 +2,3 @@\n {\n-\tstep(0);\n+\tzero();\n \tstep(1);\n"
        "@@ -15,4 +15,5 @@\n \tstep(19);\n \tstep(20);\n+\tstep(2020);\n \tstep(21);\n"
        " \tstep(22);\n"
        "--- a/MAINTAINERS\n+++ b/MAINTAINERS\n"
        "@@ -302,2 +302,3 @@\n F:\tdrivers/100/\n+F:\tinclude/linux/new.h\n \n",
    "02-second.txt": "HID: second\n\nWhy \u2013 in UTF-8.\n--\n"
                     "drivers/hid/hrmouse/main.c < src/main.c\n"
                     "drivers/hid/hrmouse/tests/ < src/tests/\n",
    "02-second.diff":
        "--- a/MAINTAINERS\n+++ b/MAINTAINERS\n@@ -302,4 +302,6 @@\n F:\tdrivers/100/\n"
        " F:\tinclude/linux/new.h\n+M:\t@NAME@ <@EMAIL@>\n+F:\tdrivers/hid/hrmouse/\n \n"
        " ENTRY 101\n"
        "--- a/drivers/hid/Makefile\n+++ b/drivers/hid/Makefile\n"
        "@@ -2,2 +2,3 @@\n obj-y += b.o\n obj-y += c.o\n\\ No newline at end of file\n"
        "+obj-y += hrmouse/\n",
}
# A file without a newline at its end gets one with the line after it.
SPEC["02-second.diff"] = SPEC["02-second.diff"].replace(
    " obj-y += c.o\n\\ No newline at end of file\n+obj-y += hrmouse/\n",
    "-obj-y += c.o\n\\ No newline at end of file\n+obj-y += c.o\n+obj-y += hrmouse/\n")
SOURCES = {"src/new.h": "/* new */\nint n;\n",
           "src/main.c": "".join(f"int m{i};\n" for i in range(300)),
           "src/tests/run.sh": "#!/bin/sh\nexit 0\n", "src/tests/.config": "CONFIG_A=y\n",
           "src/tests/empty": ""}


def put(top, files):
    for name, text in files.items():
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def snapshot(top, without=(".git",)):
    """Everything in a tree: names, kinds, permissions, contents."""
    out = {}
    for path in sorted(top.rglob("*")):
        name = path.relative_to(top)
        if name.parts[0] in without:
            continue
        mode = stat.S_IMODE(path.lstat().st_mode)
        out[str(name)] = (mode, path.read_bytes() if path.is_file() else None)
    return out


def git(top, *args, **kwargs):
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | IDENTITY
    run = subprocess.run(["git", "-c", "safe.directory=*", *args], cwd=top, env=env,
                         capture_output=True, text=True, check=False, **kwargs)
    if run.returncode:
        raise AssertionError(f"git {args}: {run.stderr}")
    return run.stdout


class Case(unittest.TestCase):
    def setUp(self):
        temp = tempfile.TemporaryDirectory(prefix="hrmouse-test.")
        self.addCleanup(temp.cleanup)
        self.temp = pathlib.Path(temp.name)
        self.temp.chmod(0o755)
        self.root = self.temp / "repo"
        (self.root / "scripts/lib").mkdir(parents=True)
        shutil.copy(SERIES, self.root / "scripts/lib")
        self.tree = self.temp / "tree"

    def run_series(self, *args, code=0, env=None, drop_root=False, **kwargs):
        base = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") and k != "KERNEL"}
        script = self.root / "scripts/lib/series.py"
        command = [sys.executable, "-B", str(script)]
        if drop_root:
            # the interpreter may lie where only root can read, so it has to be loaded first
            command[2:] = ["-c", f"import os, sys; sys.path.insert(0, '{script.parent}'); "
                           # and a codec that email loads when it first meets a name like Döe
                           "import series; 'x'.encode('raw-unicode-escape'); "
                           f"os.setgroups([]); os.setgid({NOBODY}); "
                           f"os.setuid({NOBODY}); os.chdir('/'); sys.exit(series.main())"]
        run = subprocess.run(
            command + [str(a) for a in args],
            env=base | IDENTITY | (env or {}), capture_output=True, text=True, check=False,
            stdin=subprocess.DEVNULL, **kwargs)
        out = run.stdout + run.stderr
        self.assertEqual(run.returncode, code, out)
        self.assertNotIn("Traceback", out)
        if code == 2:
            self.assertEqual(run.stderr.count("\n"), 1, f"one plain line, not: {run.stderr}")
        return out

    def make_synthetic(self):
        put(self.tree, KERNEL)
        put(self.root / "patches/spec", SPEC)
        put(self.root, SOURCES)
        (self.root / "src/tests/run.sh").chmod(0o755)
        # every file in here has to be in a patch
        (self.root / "drivers-usb-mouse").mkdir()

    def export(self, *args, **kwargs):
        env = {"KERNEL": str(self.tree)} | kwargs.pop("env", {})
        return self.run_series("export", *args, env=env, **kwargs)

    def patches(self):
        return {p.name: p.read_bytes() for p in (self.root / "patches").glob("*.patch")}


class Export(Case):
    def setUp(self):
        super().setUp()
        self.make_synthetic()

    def test_files_and_check(self):
        self.export()
        self.assertEqual(sorted(self.patches()), [
            "0000-cover-letter.patch",
            "0001-HID-first-let-a-dedicated-driver-take-an-interface-o.patch",
            "0002-HID-second.patch"])
        self.export("--check")
        self.assertEqual([], [p for p in (self.root / "patches").iterdir()
                              if p.name.startswith(".")])

    def test_check_is_red_after_a_change_and_green_after_export(self):
        self.export()
        before = self.patches()
        with open(self.root / "src/main.c", "a", encoding="ascii") as file:
            file.write("int changed;\n")
        out = self.export("--check", code=1)
        self.assertIn("patches/0002-HID-second.patch: differs", out)
        self.assertNotIn("patches/0001", out)
        self.assertIn("+int changed;", out)
        self.assertIn("run scripts/export", out)
        self.assertEqual(before, self.patches(), "check must not write")
        self.export()
        self.export("--check")
        self.assertNotEqual(before, self.patches())

    def test_same_input_gives_the_same_bytes(self):
        self.export()
        first = self.patches()
        self.assertIn("up to date", self.export())
        for name in first:
            if not name.startswith("0001"):
                (self.root / "patches" / name).unlink()
        self.export(env={"TZ": "Asia/Tokyo", "LC_ALL": "POSIX", "PYTHONUTF8": "0",
                         "PYTHONCOERCECLOCALE": "0",
                         "GIT_DIR": "/nowhere",
                         "GIT_INDEX_FILE": "/nowhere", "GIT_AUTHOR_NAME": "Other"}, umask=0o077)
        self.assertEqual(first, self.patches())

    def test_check_takes_the_identity_from_the_patches(self):
        self.export()
        self.assertIn("M:\tJ. Döe <doe@example.org>".encode(),
                      self.patches()["0002-HID-second.patch"])
        self.export("--check", env={"GIT_CONFIG_VALUE_0": "Other", "GIT_CONFIG_COUNT": "1"})
        self.export(env={"GIT_CONFIG_VALUE_0": "Other"})
        self.assertIn(b"\nSigned-off-by: Other <doe", self.patches()["0002-HID-second.patch"])

    def test_no_identity(self):
        out = self.export(code=2, env={"GIT_CONFIG_COUNT": "0", "HOME": str(self.temp),
                                       "GIT_CONFIG_GLOBAL": "/dev/null", "XDG_CONFIG_HOME": "/dev",
                                       "GIT_CONFIG_NOSYSTEM": "1"})
        self.assertIn("git config --global user.name", out)
        self.assertIn("git config --global user.email", out)
        self.assertEqual({}, self.patches())

    def test_a_newer_point_release_is_no_difference(self):
        self.export()
        makefile = self.tree / "Makefile"
        makefile.write_text(makefile.read_text().replace("SUBLEVEL = 1", "SUBLEVEL = 2"))
        maintainers = self.tree / "MAINTAINERS"
        maintainers.write_text("NEW ENTRY\nF:\tnew\n\n" + maintainers.read_text())
        self.export("--check")
        with open(self.root / "src/new.h", "a", encoding="ascii") as file:
            file.write("int changed;\n")
        self.assertIn("+int changed;", self.export("--check", code=1))

    def test_the_base_may_have_the_series(self):
        self.export()
        self.run_series("apply", self.tree)
        self.export("--check")
        with open(self.root / "src/new.h", "a", encoding="ascii") as file:
            file.write("int changed;\n")
        self.export()
        self.export("--check")

    def test_missing_source_is_named(self):
        self.export()
        before = self.patches()
        (self.root / "src/main.c").unlink()
        shutil.rmtree(self.root / "src/tests")
        out = self.export(code=1)
        self.assertIn("src/main.c (patches/spec/02-second.txt)", out)
        self.assertIn("src/tests/ (patches/spec/02-second.txt)", out)
        self.assertEqual(before, self.patches())

    def test_source_that_no_patch_has(self):
        put(self.root, {"drivers-usb-mouse/new.c": "int new;\n", "drivers-usb-mouse/new.o": ""})
        self.assertIn("drivers-usb-mouse/new.c is in no patch", self.export(code=1))

    def test_stale_patches(self):
        self.export()
        stale = self.root / "patches/0003-old.patch"
        stale.write_text("old")
        self.assertIn("patches/0003-old.patch: no longer made", self.export("--check", code=1))
        self.export()
        self.assertFalse(stale.exists())
        self.export("--check")
        (self.root / "patches/0000-cover-letter.patch").unlink()
        self.assertIn("0000-cover-letter.patch: missing", self.export("--check", code=1))

    def test_bad_spec(self):
        spec = self.root / "patches/spec"
        for name, old, new, expect in (
                ("01-first.diff", "step(0);\n+", "step(9);\n+", "hunk 1 does not fit"),
                ("01-first.diff", "+\tstep(2020);\n \tstep(21);\n", " \tstep(21);\n",
                 "hunk before"),
                ("01-first.diff", "4 +15,5 @@\n", "5 +15,6 @@\n \tstep(18);\n", "patch(1)"),
                ("01-first.diff", " F:\tdrivers/100/\n+", "+", "cut short"),
                ("01-first.diff", "@@ -302,2 +302,3 @@\n F:\tdrivers/100/\n",
                 "@@ -302,1 +302,2 @@\n", "200 places"),
                ("01-first.txt", "Why.\n", "Why.\n---\n", "'---'"),
                ("01-first.txt", "new.h < src/new.h", "new.h src/new.h", "is not 'tree/path"),
                ("01-first.txt", "include/linux/new.h <", "drivers/hid/Makefile <", "already"),
                ("02-second.txt", "hrmouse/main.c <", "../main.c <", "leaves the tree")):
            with self.subTest(name=name, new=new):
                text = (spec / name).read_text()
                (spec / name).write_text(text.replace(old, new))
                self.assertNotEqual(text, (spec / name).read_text())
                self.assertIn(expect, self.export(code=1))
                (spec / name).write_text(text)
        self.assertEqual({}, self.patches())
        (self.root / "src/new.h").write_bytes(b"\x7fELF\0")
        self.assertIn("src/new.h", self.export(code=1))

    def test_context_is_trimmed(self):
        with open(self.root / "patches/spec/01-first.txt", "a", encoding="ascii") as file:
            file.write("drivers/hid/usbhid/hid-core.c ~ 1\n")
        self.export()
        text = b"".join(self.patches().values()).decode()
        self.assertIn("@@ -23,2 +23,3 @@ int a(void)\n \tstep(20);\n+\tstep(2020);\n \tstep(21);\n",
                      text)

    def test_failed_write_leaves_the_old_series(self):
        self.export()
        before = self.patches()
        (self.root / "src/new.h").write_text("int n;\n" * 5000)
        limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (20000, 20000))
        self.export(code=2, preexec_fn=limit)
        self.assertEqual(before, self.patches())
        self.assertEqual([], list((self.root / "patches").glob(".export*")))

    def test_git_agrees(self):
        """git am takes the patches, and git format-patch would have written the same."""
        # one long name, one large change, so that the statistics have to be scaled
        long = "tools/testing/selftests/drivers/usb/a-rather-long-directory/with/a-very-long-name.c"
        with open(self.root / "patches/spec/02-second.txt", "a", encoding="utf-8") as file:
            file.write(f"{long} < src/new.h\n")
        self.export()
        git(self.tree, "init", "-q")
        git(self.tree, "add", "-A")
        git(self.tree, "commit", "-qm", "base")
        ours = [self.root / "patches" / n for n in sorted(self.patches())]
        git(self.tree, "am", "-q", *map(str, ours[1:]))
        self.assertEqual("J. Döe <doe@example.org>\n" * 2,
                         git(self.tree, "log", "-2", "--format=%an <%ae>"))
        out = self.temp / "format-patch"
        git(self.tree, "format-patch", "-q", "--zero-commit", "--no-signature", "--abbrev=12",
            "--cover-letter", "-o", str(out), "HEAD~2")
        theirs = sorted(out.iterdir())
        self.assertEqual([p.name for p in ours], [p.name for p in theirs])

        def parts(path):
            text = path.read_text()
            header, _, body = text.partition("\n\n")
            subject = re.search(r"^Subject: .*(\n .*)*", header, re.M)[0]
            # the context is the spec's
            added = re.findall(r"^(?:[-+](?![-+]{2} ).*|index .*|new file .*|diff --git .*)",
                               body, re.M)
            stats = re.findall(r"^ .* \|.*|^ \d+ files? .*| create mode.*", body, re.M)
            return subject, stats, added

        for mine, other in zip(ours[1:], theirs[1:]):
            self.assertEqual(parts(other), parts(mine))
        self.assertEqual(parts(theirs[0])[1], parts(ours[0])[1])
        # what git knows as the changed file is what the index lines say
        run = git(self.tree, "apply", "--check", "--reverse", "--index", str(ours[2]))
        self.assertEqual("", run)


class ApplyCases:
    """Run on each kind of tree; self.tree is pristine, self.root has the series for it."""

    def series_paths(self):
        text = b"".join(t for n, t in self.patches().items() if not n.startswith("0000"))
        found = re.findall(rb"^diff --git a/(\S+) ", text, re.M)
        new = re.findall(rb"^diff --git a/(\S+) b/\S+\nnew file", text, re.M)
        return sorted({p.decode() for p in found}), sorted({p.decode() for p in new})

    def existing(self):
        paths, created = self.series_paths()
        return [p for p in paths if p not in created]

    def make_git(self):
        git(self.tree, "init", "-q")
        git(self.tree, "add", "-A", "-f")
        git(self.tree, "commit", "-qm", "base")

    def head(self):
        return git(self.tree, "rev-parse", "HEAD")

    def apply(self, *args, **kwargs):
        return self.run_series("apply", *args, self.tree, **kwargs)

    def refused(self, *args, expect="", **kwargs):
        before = snapshot(self.tree, ())
        out = self.apply(*args, code=2, **kwargs)
        self.assertIn(expect, out)
        self.assertEqual(before, snapshot(self.tree, ()), "a refused tree must stay as it was")
        return out

    def after(self):
        """The tree with the series, made by git apply."""
        copy = self.temp / "after"
        shutil.copytree(self.tree, copy, ignore=shutil.ignore_patterns(".git"))
        for name in sorted(self.patches()):
            if not name.startswith("0000"):
                git(copy, "apply", "--whitespace=nowarn", str(self.root / "patches" / name),
                    timeout=60)
        return snapshot(copy)

    def test_plain_round_trip(self):
        before = snapshot(self.tree)
        self.apply()
        self.assertEqual(self.after_of(before), snapshot(self.tree))
        self.assertIn("applied already", self.apply())
        self.apply("--reverse")
        self.assertEqual(before, snapshot(self.tree))
        self.assertIn("not applied", self.apply("--reverse"))
        self.assertEqual(before, snapshot(self.tree))

    def after_of(self, before):
        tree, self.tree = self.tree, self.temp / "pristine"
        for name, (mode, text) in before.items():
            path = self.tree / name
            if text is None:
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(text)
                path.chmod(mode)
        try:
            return self.after()
        finally:
            self.tree = tree

    def test_patch_without_fuzz_agrees(self):
        before = snapshot(self.tree)
        for name in sorted(self.patches()):
            if not name.startswith("0000"):
                run = subprocess.run(
                    ["patch", "-p1", "-F0", "-s", "--no-backup-if-mismatch", "-i",
                     str(self.root / "patches" / name)],
                    cwd=self.tree, capture_output=True, text=True, check=False)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        contents = {n: t for n, (_, t) in snapshot(self.tree).items()}
        self.assertEqual({n: t for n, (_, t) in self.after_of(before).items()}, contents)
        self.assertIn("applied already", self.apply())

    def test_git_round_trip(self):
        self.make_git()
        before, head = snapshot(self.tree), self.head()
        number = len(self.patches()) - 1
        self.apply(env={"GIT_DIR": "/nowhere", "GIT_WORK_TREE": "/", "GIT_INDEX_FILE": "/nowhere",
                        "GIT_CEILING_DIRECTORIES": "/", "GIT_AUTHOR_NAME": ""})
        commits = git(self.tree, "rev-list", "--count", f"{head.strip()}..HEAD")
        self.assertEqual(number, int(commits))
        self.assertEqual("", git(self.tree, "status", "--porcelain"))
        self.assertEqual(self.after_of(before), snapshot(self.tree))
        self.assertIn("applied already", self.apply())
        self.assertIn("commits", self.apply("--reverse"))
        self.assertEqual(before, snapshot(self.tree))
        self.assertEqual(head, self.head())
        self.assertEqual("", git(self.tree, "status", "--porcelain"))

    def test_git_without_identity(self):
        self.make_git()
        self.apply(env={"GIT_CONFIG_COUNT": "0", "GIT_CONFIG_GLOBAL": "/dev/null",
                        "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(self.temp)})
        self.assertEqual("", git(self.tree, "status", "--porcelain"))

    def test_git_reverse_below_other_commits(self):
        self.make_git()
        before = snapshot(self.tree)
        self.apply()
        (self.tree / "later").write_text("later\n")
        git(self.tree, "add", "later")
        git(self.tree, "commit", "-qm", "later")
        head = self.head()
        self.assertIn("working tree", self.apply("--reverse"))
        self.assertEqual(head, self.head())
        (self.tree / "later").unlink()
        self.assertEqual(before, snapshot(self.tree))
        (self.tree / "later").write_text("later\n")
        self.assertIn("working tree", self.apply())
        self.assertEqual("", git(self.tree, "status", "--porcelain"))
        self.assertEqual(head, self.head())

    def test_git_keeps_unrelated_changes(self):
        self.make_git()
        (self.tree / "untracked").write_text("mine\n")
        (self.tree / "drivers/usb/keep.c").write_text("int mine;\n")
        before = snapshot(self.tree)
        self.apply()
        self.assertEqual((self.tree / "untracked").read_text(), "mine\n")
        self.assertEqual((self.tree / "drivers/usb/keep.c").read_text(), "int mine;\n")
        self.apply("--reverse")
        self.assertEqual(before, snapshot(self.tree))

    def test_git_dirty(self):
        self.make_git()
        name = "MAINTAINERS"
        path = self.tree / name
        text = path.read_bytes()
        path.write_bytes(b"# mine\n" + text)
        self.refused(expect=f"{name} has uncommitted changes")
        path.write_bytes(text)
        self.apply()
        path.write_bytes(b"# mine\n" + path.read_bytes())
        self.refused("--reverse", expect=f"{name} has uncommitted changes")

    def test_git_staged(self):
        self.make_git()
        (self.tree / "drivers/usb/keep.c").write_text("int mine;\n")
        git(self.tree, "add", "-A")
        self.refused(expect="drivers/usb/keep.c is staged")

    def test_git_busy(self):
        self.make_git()
        (self.tree / ".git/rebase-apply").mkdir()
        (self.tree / ".git/rebase-apply/applying").write_text("")
        self.refused(expect="am --abort")
        shutil.rmtree(self.tree / ".git/rebase-apply")
        (self.tree / ".git/index.lock").write_text("")
        self.refused(expect="index.lock")

    def test_git_am_failure_is_undone(self):
        _, created = self.series_paths()
        (self.tree / ".gitattributes").write_text(f"{created[-1]} text eol=crlf\n")
        self.make_git()
        before, head = snapshot(self.tree), self.head()
        self.assertIn("the tree is as it was", self.apply(code=2))
        self.assertEqual(before, snapshot(self.tree))
        self.assertEqual(head, self.head())
        self.assertEqual("", git(self.tree, "status", "--porcelain"))
        self.assertFalse((self.tree / ".git/rebase-apply").exists())

    def test_git_in_part(self):
        self.make_git()
        before = snapshot(self.tree)
        first = sorted(n for n in self.patches() if not n.startswith("0000"))[0]
        git(self.tree, "am", "-q", str(self.root / "patches" / first))
        self.refused(expect="the history has part of the series")
        self.assertIn("working tree", self.apply("--reverse"))
        self.assertEqual(before, snapshot(self.tree))

    def test_plain_tree_inside_a_repository(self):
        before = snapshot(self.tree)
        after = self.after_of(before)
        git(self.temp, "init", "-q")
        git(self.temp, "commit", "-q", "--allow-empty", "-m", "outer")
        outer = git(self.temp, "rev-parse", "HEAD")
        self.apply()
        self.assertEqual(outer, git(self.temp, "rev-parse", "HEAD"))
        self.assertEqual(after, snapshot(self.tree))
        self.apply("--reverse")
        self.assertEqual(before, snapshot(self.tree))

    def test_misfit(self):
        """Each file that the series changes does not fit in turn, or one it makes is there."""
        for name in self.existing():
            with self.subTest(name=name):
                path = self.tree / name
                text = path.read_bytes()
                path.write_bytes(b"// other\n".join(text.splitlines(True)))
                out = self.refused(expect=f"{name} does not fit")
                self.assertRegex(out, r"000\d-\S+\.patch")
                path.unlink()
                self.refused(expect=name)
                path.write_bytes(text)
        _, created = self.series_paths()
        path = self.tree / created[-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("other\n")
        self.refused(expect=f"{created[-1]} does not fit")
        self.make_git()
        self.refused(expect=f"{created[-1]} does not fit")

    def test_not_a_kernel(self):
        shutil.rmtree(self.tree)
        self.tree.mkdir()
        self.refused(expect="is not a kernel source tree")
        (self.tree / "Makefile").write_text("all:\n")
        self.refused(expect="is not a kernel source tree")
        self.run_series("apply", self.temp / "absent", code=2)
        self.run_series("apply", self.root / "scripts/lib/series.py", code=2)
        self.run_series("apply", code=2)

    def test_half_finished(self):
        """Whatever part of the files an interrupted run has written."""
        before = snapshot(self.tree)
        paths, _ = self.series_paths()
        for cut in {1, len(paths) // 3, len(paths) // 2, len(paths) - 1}:
            for end in (paths[:cut], paths[cut:]):
                self.apply()
                after = snapshot(self.tree)
                for name in end:
                    path = self.tree / name
                    if name in before:
                        path.write_bytes(before[name][1])
                    else:
                        path.unlink()
                (self.tree / (paths[0] + ".hrmouse-tmp")).write_text("left over")
                half = snapshot(self.tree)
                self.assertIn("half-applied", self.apply())
                self.assertEqual(after, snapshot(self.tree))
                for name in end:
                    path = self.tree / name
                    if name in before:
                        path.write_bytes(before[name][1])
                    else:
                        path.unlink()
                (self.tree / (paths[0] + ".hrmouse-tmp")).write_text("left over")
                self.assertEqual(half, snapshot(self.tree))
                self.assertIn("in part", self.apply("--reverse"))
                self.assertEqual(before, snapshot(self.tree))

    def test_some_patches_applied_by_hand(self):
        """What an interrupted loop of patch(1) leaves: files between two patches."""
        before = snapshot(self.tree)
        after = self.after_of(before)
        names = sorted(n for n in self.patches() if not n.startswith("0000"))
        for number in range(1, len(names)):
            for reverse in (False, True):
                for name in names[:number]:
                    subprocess.run(["patch", "-p1", "-F0", "-s", "--no-backup-if-mismatch", "-i",
                                    str(self.root / "patches" / name)], cwd=self.tree, check=True)
                if not reverse:
                    self.assertIn("half-applied", self.apply())
                    self.assertEqual({n: t for n, (_, t) in after.items()},
                                     {n: t for n, (_, t) in snapshot(self.tree).items()})
                self.apply("--reverse")
                self.assertEqual(before, snapshot(self.tree))

    def test_half_finished_in_git_working_tree(self):
        self.make_git()
        before = snapshot(self.tree)
        self.apply()
        git(self.tree, "commit", "-q", "--allow-empty", "-m", "later")
        after = snapshot(self.tree)
        paths, created = self.series_paths()
        (self.tree / created[0]).unlink()
        changed = self.existing()[0]
        (self.tree / changed).write_bytes(before[changed][1])
        self.apply()
        self.assertEqual(after, snapshot(self.tree))
        (self.tree / created[0]).unlink()
        (self.tree / changed).write_bytes(before[changed][1])
        self.apply("--reverse")
        self.assertEqual(before, snapshot(self.tree))

    def test_edited_after_apply(self):
        paths, created = self.series_paths()
        self.apply()
        for name in (created[0], created[-1]):
            path = self.tree / name
            text = path.read_bytes()
            path.write_bytes(text + b"int mine;\n")
            self.refused("--reverse", expect=f"{name} was changed after")
            path.write_bytes(text)
        name = self.existing()[0]
        path = self.tree / name
        text = path.read_bytes()
        path.write_bytes(b"// mine\n".join(text.splitlines(True)))
        self.refused("--reverse", expect=f"{name} was changed after")

    def test_own_changes_elsewhere_survive(self):
        name = "MAINTAINERS"
        self.apply()
        path = self.tree / name
        path.write_bytes(b"mine\n" + path.read_bytes() + b"mine too\n")
        self.apply("--reverse")
        text = path.read_bytes()
        self.assertTrue(text.startswith(b"mine\n") and text.endswith(b"mine too\n"))

    def test_files_of_others_stay(self):
        before = snapshot(self.tree)
        self.apply()
        path = self.tree / "drivers/hid/hrmouse/own.c"
        path.write_text("int own;\n")
        self.assertIn("drivers/hid/hrmouse stays", self.apply("--reverse"))
        self.assertEqual(path.read_text(), "int own;\n")
        shutil.rmtree(path.parent)
        self.assertEqual(before, snapshot(self.tree))

    def test_write_fails_half_way(self):
        sizes = [len(t or b"") for _, t in self.after_of(snapshot(self.tree)).values()]
        # fits all but the largest file
        limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE,
                                  (max(sizes) - 1, max(sizes) - 1))
        self.refused(expect="the tree is as it was", preexec_fn=limit)
        self.make_git()
        self.apply()
        git(self.tree, "commit", "-q", "--allow-empty", "-m", "later")
        self.refused("--reverse", expect="the tree is as it was", preexec_fn=functools.partial(
            resource.setrlimit, resource.RLIMIT_FSIZE, (1000, 1000)))

    def test_symbolic_link(self):
        name = self.existing()[0]
        (self.tree / name).rename(self.temp / "elsewhere")
        (self.tree / name).symlink_to(self.temp / "elsewhere")
        self.refused(expect="symbolic link")

    def test_no_permission(self):
        self.refused_without_permission(self.tree / "drivers/hid")
        self.make_git()
        self.refused_without_permission(self.tree / "drivers/hid", self.tree / ".git")

    def refused_without_permission(self, *places):
        if os.geteuid():
            for place in places:
                mode = stat.S_IMODE(place.stat().st_mode)
                place.chmod(0o555)
                self.addCleanup(place.chmod, mode)
        self.refused(drop_root=not os.geteuid())

    @unittest.skipIf(os.geteuid(), "needs root to give a tree away")
    def test_root_on_the_tree_of_a_user(self):
        for kind in ("plain", "git"):
            with self.subTest(kind=kind):
                if kind == "git":
                    self.make_git()
                for path in (self.tree, *self.tree.rglob("*")):
                    os.lchown(path, NOBODY, NOBODY)
                before = snapshot(self.tree)
                self.apply()
                owners = {p.lstat().st_uid for p in (self.tree, *self.tree.rglob("*"))}
                self.assertEqual({NOBODY}, owners)
                self.apply("--reverse")
                self.assertEqual(before, snapshot(self.tree))

    def test_linked_work_tree(self):
        self.make_git()
        linked = self.temp / "linked"
        git(self.tree, "worktree", "add", "-q", "-b", "other", str(linked))
        head, main = self.head(), snapshot(self.tree)
        self.run_series("apply", linked)
        self.assertEqual("", git(linked, "status", "--porcelain"))
        self.run_series("apply", "--reverse", linked)
        self.assertEqual(head, git(linked, "rev-parse", "HEAD"))
        self.assertEqual(main, snapshot(self.tree))


class ApplySynthetic(ApplyCases, Case):
    def setUp(self):
        super().setUp()
        self.make_synthetic()
        self.export()

    def test_offsets(self):
        path = self.tree / "MAINTAINERS"
        path.write_text("OTHER\nF:\tother\n\n" * 50 + path.read_text())
        before = snapshot(self.tree)
        self.apply()
        self.assertEqual(self.after_of(before), snapshot(self.tree))
        self.apply("--reverse")
        self.assertEqual(before, snapshot(self.tree))

    def test_no_series(self):
        for name in self.patches():
            (self.root / "patches" / name).unlink()
        self.refused(expect="run scripts/export")


class ApplyKernel(ApplyCases):
    variable = ""

    def setUp(self):
        super().setUp()
        source = os.environ.get(self.variable)
        if not source:
            self.skipTest(f"{self.variable} does not name a kernel source")
        (self.root / "patches").mkdir()
        for path in (ROOT / "patches").glob("*.patch"):
            shutil.copy(path, self.root / "patches")
        paths, _ = self.series_paths()
        self.assertTrue(paths, "patches/ has no series: run scripts/export")
        source = pathlib.Path(source)
        beside = ["Makefile", "Kbuild", "drivers/hid/Kconfig", "drivers/hid/usbhid/usbmouse.c",
                  "include/linux/usb/input.h", "tools/testing/selftests/drivers/usb/usbip"]
        for name in [*paths, *beside]:
            place = self.tree / name
            if (source / name).is_dir():
                shutil.copytree(source / name, place)
            elif (source / name).exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, place)
        # the given tree may have the series
        self.apply("--reverse")
        put(self.tree, {"drivers/usb/keep.c": "int keep;\n"})


class ApplyKernel612(ApplyKernel, Case):
    variable = "HRMOUSE_TREE_612"


class ApplyKernel72(ApplyKernel, Case):
    variable = "HRMOUSE_TREE_72"


@unittest.skipUnless(os.environ.get("HRMOUSE_TREE_612"), "HRMOUSE_TREE_612 names no kernel source")
class Messages(unittest.TestCase):
    def test_checkpatch(self):
        checkpatch = pathlib.Path(os.environ["HRMOUSE_TREE_612"]) / "scripts/checkpatch.pl"
        if not checkpatch.exists():
            self.skipTest(f"{checkpatch} is not there")
        # The code has checks of its own; these are the ones about the message.
        types = ("COMMIT_LOG_LONG_LINE,COMMIT_MESSAGE,BAD_SIGN_OFF,MISSING_SIGN_OFF,FROM_SIGN_OFF_"
                 "MISMATCH,NO_AUTHOR_SIGN_OFF,EMAIL_SUBJECT,GIT_COMMIT_ID,GERRIT_CHANGE_ID,"
                 "COMMIT_LOG_USE_LINK,COMMIT_LOG_WRONG_LINK,DIFF_IN_COMMIT_MSG,"
                 "CORRUPTED_PATCH,MAINTAINERS_STYLE,TYPO_SPELLING,REPEATED_WORD")
        files = sorted((ROOT / "patches").glob("000[1-9]-*.patch"))
        self.assertTrue(files)
        for path in files:
            with self.subTest(patch=path.name):
                run = subprocess.run(
                    ["perl", str(checkpatch), "--strict", "--no-tree", "--types", types, str(path)],
                    capture_output=True, text=True, check=False)
                self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
