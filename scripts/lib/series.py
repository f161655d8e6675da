#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The patch series: `export` generates patches/ from the sources, `apply` puts it on a kernel tree.

The patches are written here and not by git format-patch, so that the files are the same bytes with
every git version, and so that the spec decides how many lines of context a hunk has: a hunk whose
third context line differs between 6.12 and 7.2 has to do with fewer.
"""
import argparse
import contextlib
import dataclasses
import datetime
import difflib
import email.header
import email.utils
import fcntl
import hashlib
import os
import pathlib
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = "linux-source-6.12"
ABBREV = 12
WIDTH = 72
TEMP = ".hrmouse-tmp"


class Stop(Exception):
    """Ends the command with one line; code 1: the repository is wrong, 2: it cannot be done."""

    def __init__(self, message, code=2):
        super().__init__(message)
        self.code = code


class Misfit(Exception):
    """A patch does not fit a file."""


# --- patches -------------------------------------------------------------------------------------

def split_lines(text):
    """Lines with their ends; only \\n ends a line."""
    return re.findall(rb"[^\n]*\n|[^\n]+\Z", text)


@dataclasses.dataclass
class Hunk:
    old_start: int
    new_start: int
    lines: list     # (tag, line with its end), tag one of b" ", b"-", b"+"

    def side(self, other):
        return [line for tag, line in self.lines if tag != other]

    def trim(self, context):
        """Leaves at most that many lines of context above and below."""
        for end in (0, -1):
            run = 0
            for tag, _ in self.lines if end == 0 else reversed(self.lines):
                if tag != b" ":
                    break
                run += 1
            for _ in range(run - context):
                self.lines.pop(end)
                if end == 0:
                    self.old_start += 1
                    self.new_start += 1

    def place(self, image, reverse=False):
        """Applies the hunk to the lines in image; gives the line number at which it fitted.

        The rules are those of `git apply` without fuzz, and the place nearest to the one in the
        patch wins, so that this and git cannot disagree.
        """
        want, get = self.side(b"+"), self.side(b"-")
        expect, anchor = self.new_start - 1, self.old_start
        if reverse:
            want, get = get, want
            expect, anchor = self.old_start - 1, self.new_start
        size = len(want)
        if not size:
            raise Misfit("the hunk has no line to find its place by")
        found = [i for i, line in enumerate(image)
                 if line == want[0] and image[i:i + size] == want]
        if anchor <= 1:
            found = [i for i in found if i == 0]
        if self.lines[-1][0] != b" ":
            found = [i for i in found if i + size == len(image)]
        if not found:
            raise Misfit("its lines are not there")
        at = min(found, key=lambda i: (abs(i - expect), i < expect))
        image[at:at + size] = get
        return at, len(found)


@dataclasses.dataclass
class Change:
    """What one patch does to one file."""
    path: str
    created: bool
    mode: int
    hunks: list

    def run(self, text, reverse=False):
        if self.created:
            made = b"".join(line for hunk in self.hunks for line in hunk.side(b"-"))
            if reverse:
                if text != made:
                    raise Misfit("it is missing" if text is None
                                 else "it is not the file of the series")
                return None
            if text is not None:
                raise Misfit("it exists already and is not the file of the series")
            return made
        if text is None:
            raise Misfit("it is missing")
        image = split_lines(text)
        order = reversed(self.hunks) if reverse else self.hunks
        for hunk in order:
            try:
                hunk.place(image, reverse)
            except Misfit as misfit:
                raise Misfit(f"hunk {self.hunks.index(hunk) + 1}: {misfit}") from None
        return b"".join(image)


@dataclasses.dataclass
class Patch:
    name: str
    subject: str
    author: tuple
    date: str
    changes: list
    text: bytes


def parse_diff(text, name):
    """The file changes of a unified diff, with or without git's extra lines."""
    lines = split_lines(text)
    changes = []
    mode, created, path, i = 0o100644, False, None, 0
    while i < len(lines):
        line = lines[i]
        if line.startswith(b"diff --git "):
            mode, created = 0o100644, False
            match = re.match(rb"diff --git a/(\S+) b/(\S+)\n", line)
            path = match.group(2).decode() if match and match.group(1) == match.group(2) else None
        elif re.match(rb"(deleted|rename|copy|similarity|GIT binary|Binary files|old mode)", line):
            raise Stop(f"{name}: '{line.decode(errors='replace').strip()}' is not supported", 1)
        elif line.startswith(b"new file mode "):
            mode, created = int(line.split()[3], 8), True
            changes.append(Change(path, True, mode, []))
        elif line.startswith(b"--- ") and i + 1 < len(lines) and lines[i + 1].startswith(b"+++ "):
            match = re.match(rb"\+\+\+ b/([^\t\n]+)", lines[i + 1])
            if not match:
                raise Stop(f"{name}: expected '+++ b/path' in line {i + 2}", 1)
            path = match.group(1).decode()
            if ".." in path.split("/"):
                raise Stop(f"{name}: the path {path} leaves the tree", 1)
            if not created:
                if line.startswith(b"--- /dev/null"):
                    raise Stop(f"{name}: {path} is a new file; list it in the .txt", 1)
                changes.append(Change(path, False, mode, []))
            i += 1
        elif line.startswith(b"@@ "):
            match = re.match(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", line)
            if not match or not changes:
                raise Stop(f"{name}: line {i + 1} is not a hunk header", 1)
            old, new = int(match[2] or 1), int(match[4] or 1)
            hunk = Hunk(int(match[1]), int(match[3]), [])
            while old > 0 or new > 0:
                i += 1
                got = lines[i] if i < len(lines) else b""
                got = b" \n" if got == b"\n" else got
                tag = got[:1]
                if tag not in (b" ", b"-", b"+"):
                    raise Stop(f"{name}: the hunk before line {i + 1} is cut short", 1)
                old -= tag != b"+"
                new -= tag != b"-"
                hunk.lines.append((tag, got[1:]))
                if i + 1 < len(lines) and lines[i + 1].startswith(b"\\"):
                    hunk.lines[-1] = (tag, got[1:].rstrip(b"\n"))
                    i += 1
            if old or new or lines[i + 1:i + 2] and lines[i + 1][:1] in (b" ", b"+"):
                raise Stop(f"{name}: the hunk before line {i + 2} has wrong line counts", 1)
            changes[-1].hunks.append(hunk)
        i += 1
    return changes


def unfold(value):
    parts = email.header.decode_header(re.sub(r"\n[ \t]+", " ", value))
    return "".join(p.decode(c or "ascii") if isinstance(p, bytes) else p for p, c in parts)


def parse_patch(path):
    text = path.read_bytes()
    head, _, rest = text.partition(b"\n\n")
    fields = dict(re.findall(r"^([A-Za-z-]+): (.*(?:\n[ \t].*)*)", head.decode(errors="replace"),
                             re.M))
    if not text.startswith(b"From ") or not {"From", "Date", "Subject"} <= set(fields):
        raise Stop(f"patches/{path.name} is damaged (no From, Date and Subject): "
                   "run scripts/export", 1)
    name, addr = email.utils.parseaddr(fields["From"])
    subject = re.sub(r"^\[PATCH[^]]*\] ", "", unfold(fields["Subject"]))
    return Patch(path.name, subject, (unfold(name), addr), fields["Date"],
                 parse_diff(rest, f"patches/{path.name}"), text)


def patch_files(directory):
    return sorted(p for p in directory.glob("[0-9][0-9][0-9][0-9]-*.patch")
                  if not p.name.startswith("0000"))


class Series:
    def __init__(self, patches):
        self.patches = patches
        self.steps = {}         # path -> its changes in order
        for patch in patches:
            for change in patch.changes:
                self.steps.setdefault(change.path, []).append((patch, change))

    @classmethod
    def load(cls, directory):
        files = patch_files(directory)
        if not files:
            raise Stop(f"there is no series in {directory}: run scripts/export")
        return cls([parse_patch(f) for f in files])

    def created(self, path):
        return self.steps[path][0][1].created

    def run(self, path, text, reverse=False, part=slice(None)):
        steps = self.steps[path][part]
        for patch, change in reversed(steps) if reverse else steps:
            try:
                text = change.run(text, reverse)
            except Misfit as misfit:
                raise Misfit(f"{patch.name}: {misfit}") from None
        return text

    def state(self, path, text):
        """Where a file stands: after the series, before it, in the middle, or neither and why."""
        for done in range(len(self.steps[path]), -1, -1):
            try:
                return State(path, text, self.run(path, text, True, slice(done)),
                             self.run(path, text, False, slice(done, None)), "")
            except Misfit as misfit:
                why = str(misfit)       # in the end, why the whole series does not go on
        return State(path, text, None, None, why)


@dataclasses.dataclass
class State:
    path: str
    now: bytes
    before: bytes
    after: bytes
    misfit: str

    @property
    def applied(self):
        return not self.misfit and self.now == self.after

    @property
    def touched(self):
        return not self.misfit and self.now != self.before


# --- export --------------------------------------------------------------------------------------

@dataclasses.dataclass
class Spec:
    name: str
    subject: str
    body: str
    files: dict         # tree path -> repository path
    diff: list          # changes to files that the kernel has


def git_environment():
    """GIT_DIR and its like point git at another repository; GIT_CONFIG_* is configuration."""
    return {k: v for k, v in os.environ.items()
            if not k.startswith("GIT_") or k.startswith("GIT_CONFIG_")} | {"LC_ALL": "C"}


def identity():
    values = []
    for key in ("user.name", "user.email"):
        try:
            run = subprocess.run(["git", "-c", "safe.directory=*", "config", key], cwd=ROOT,
                                 env=git_environment(), capture_output=True,
                                 encoding="utf-8", check=False)
        except FileNotFoundError:
            raise Stop("git is not installed: apt install git") from None
        values.append(run.stdout.strip())
    if not all(values) or re.search(r"[<>\n]", "".join(values)) or not values[1].isascii():
        raise Stop("git does not know who signs the patches off, type: git config --global "
                   "user.name 'Your Name' && git config --global user.email you@example.org")
    return tuple(values)


def check_message(name, subject, body):
    if not subject.strip() or subject != subject.strip():
        raise Stop(f"patches/spec/{name}: the first line has to be the subject", 1)
    for line in body.split("\n"):
        # git am ends the message at such a line
        if re.match(r"(---( |$)|diff -|Index: |From |Signed-off-by:)", line):
            raise Stop(f"patches/spec/{name}: a message must not have the line '{line}'", 1)


JUNK = re.compile(r"\.checkpatch-camelcase|.*(~|\.(orig|rej|swp|o|ko|cmd|mod))$")


def directory_files(relative):
    """The files of a source directory; what git ignores there is build output."""
    top = ROOT / relative
    listing = None
    with contextlib.suppress(FileNotFoundError):
        command = ["git", "-c", "safe.directory=*", "-C", str(ROOT)]
        run = subprocess.run(command + ["rev-parse", "--show-toplevel"], env=git_environment(),
                             capture_output=True, encoding="utf-8", check=False)
        if run.returncode == 0 and os.path.samefile(run.stdout.rstrip("\n"), ROOT):
            listing = subprocess.run(command + ["ls-files", "-zco", "--exclude-standard", "--",
                                                relative], env=git_environment(),
                                     capture_output=True, encoding="utf-8", check=True).stdout
    if listing is not None:
        paths = {ROOT / p for p in listing.split("\0") if p}
    else:
        paths = set(top.rglob("*"))
    return sorted(str(p.relative_to(top)) for p in paths if p.is_file() and not JUNK.match(p.name))


def read_spec(directory):
    missing, specs, taken = [], [], {}
    for path in sorted(directory.glob("[0-9][0-9]-*.txt")):
        message, separator, listing = path.read_text("utf-8").partition("\n--\n")
        subject, _, body = message.partition("\n")
        check_message(path.name, subject, body)
        entries, context = [], {}
        for line in listing.splitlines():
            if not line.strip():
                continue
            if match := re.fullmatch(r"(\S+)\s+~\s+([12])", line):
                context[match[1]] = int(match[2])
                continue
            match = re.fullmatch(r"(\S+)\s+<\s+(\S+)", line)
            if not match or match[1].endswith("/") != match[2].endswith("/"):
                raise Stop(f"patches/spec/{path.name}: '{line}' is not 'tree/path < repo/path'", 1)
            entries.append((match[1], match[2]))
        diff = path.with_suffix(".diff")
        changes = []
        if diff.exists():
            changes = parse_diff(diff.read_bytes(), f"patches/spec/{diff.name}")
            for change in changes:
                for hunk in change.hunks if change.path in context else []:
                    hunk.trim(context[change.path])
            # an empty edit would be a .diff that was never written
            if not any(change.hunks for change in changes):
                raise Stop(f"patches/spec/{diff.name} changes nothing", 1)
        elif not entries:
            raise Stop(f"patches/spec/{path.name} lists no file and has no .diff", 1)
        specs.append((Spec(path.stem, subject, body.strip("\n"), {}, changes), entries))
        for tree, repo in entries:
            if tree.endswith("/"):
                continue
            if tree in taken:
                raise Stop(f"patches/spec/{path.name}: {tree} is in {taken[tree]} already", 1)
            taken[tree] = path.name
            specs[-1][0].files[tree] = repo
            if not (ROOT / repo).is_file():
                missing.append(f"{repo} (patches/spec/{path.name})")
    # A directory brings what no patch names by itself.
    for spec, entries in specs:
        for tree, repo in entries:
            if not tree.endswith("/"):
                continue
            names = directory_files(repo) if (ROOT / repo).is_dir() else []
            if not names:
                missing.append(f"{repo} (patches/spec/{spec.name}.txt)")
            for name in names:
                if tree + name not in taken:
                    taken[tree + name] = spec.name
                    spec.files[tree + name] = repo + name
    if not specs:
        raise Stop("there is no spec in patches/spec", 1)
    if missing:
        raise Stop("the spec names what is not there: " + ", ".join(missing), 1)
    left = {f"drivers-usb-mouse/{name}" for name in directory_files("drivers-usb-mouse/")}
    left -= {repo for spec, _ in specs for repo in spec.files.values()}
    if left:
        raise Stop(f"{', '.join(sorted(left))} is in no patch: add it to a .txt of patches/spec", 1)
    return [spec for spec, _ in specs]


class Base:
    """The files of the kernel that the series is made against."""

    def __init__(self, paths):
        self.files = {}
        want = sorted({"Makefile", *paths})
        if os.environ.get("KERNEL"):
            tree = kernel_tree(os.environ["KERNEL"])
            self._read(tree, want)
            self._take_series_off()
        else:
            cache = ROOT / "build" / "base-6.12"
            tarball = pathlib.Path("/usr/src") / f"{PACKAGE}.tar.xz"
            if not self._cached(cache, tarball, want):
                self._extract(cache, tarball, want)
        version = dict(re.findall(rb"^(VERSION|PATCHLEVEL|SUBLEVEL) *= *(\d+)",
                                  self.files["Makefile"], re.M))
        self.version = ".".join(version.get(k, b"0").decode()
                                for k in (b"VERSION", b"PATCHLEVEL", b"SUBLEVEL"))

    def _read(self, tree, want):
        for path in want:
            try:
                self.files[path] = (tree / path).read_bytes()
            except FileNotFoundError:
                raise Stop(f"{tree} has no {path}, which the series changes: "
                           "name another tree with KERNEL=path") from None

    def _take_series_off(self):
        """A tree to which the series was applied serves as well: take it off, in memory."""
        with contextlib.suppress(Stop):
            series = Series.load(ROOT / "patches")
            for path in set(self.files) & set(series.steps):
                state = series.state(path, self.files[path])
                if state.applied:
                    self.files[path] = state.before

    def _cached(self, cache, tarball, want):
        stamp = self._stamp(tarball)
        try:
            if stamp and (cache / ".stamp").read_text() != stamp:
                return False
            self.files = {path: (cache / path).read_bytes() for path in want}
            return True
        except OSError:
            return False

    @staticmethod
    def _stamp(tarball):
        try:
            stat = tarball.stat()
            return f"{stat.st_size} {stat.st_mtime_ns}\n"
        except OSError:
            return ""

    def _extract(self, cache, tarball, want):
        if not tarball.exists():
            install_package()
        parent = cache.parent
        try:
            parent.mkdir(exist_ok=True)
        except OSError:
            parent = None
        if parent is None or not os.access(parent, os.W_OK):
            parent = None       # someone else's checkout: do without the cache
        with contextlib.ExitStack() as stack:
            if parent:
                lock = stack.enter_context(open(parent / ".base-6.12.lock", "w", encoding="ascii"))
                fcntl.flock(lock, fcntl.LOCK_EX)
                if self._cached(cache, tarball, want):
                    return
            temp = pathlib.Path(stack.enter_context(
                tempfile.TemporaryDirectory(prefix="base-6.12.", dir=parent)))
            print(f"reading {len(want)} files from {tarball} (once)",
                  file=sys.stderr, flush=True)
            tree = temp / "tree"
            tree.mkdir()
            run = subprocess.run(
                ["tar", "-x", "--use-compress-program=xz -dT0", "-f", str(tarball), "-C", str(tree),
                 "--strip-components=1", "--occurrence=1", "--no-same-owner"]
                + [f"{PACKAGE}/{path}" for path in want],
                capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"}, check=False)
            lost = [path for path in want if not (tree / path).is_file()]
            if run.returncode and not lost:
                raise Stop(f"cannot read {tarball}: {run.stderr.strip().splitlines()[-1]}")
            if lost and "Not found in archive" not in run.stderr:
                raise Stop(f"cannot read {tarball} ({run.stderr.strip().splitlines()[0]}): "
                           f"apt install --reinstall {PACKAGE}")
            if lost:
                raise Stop(f"{tarball} has no {lost[0]}, which the spec changes", 1)
            self._read(tree, want)
            if parent:
                (tree / ".stamp").write_text(self._stamp(tarball))
                shutil.rmtree(cache, ignore_errors=True)
                tree.rename(cache)


def install_package():
    common = ROOT / "scripts" / "lib" / "common.sh"
    hint = f"{PACKAGE} is not installed: apt install {PACKAGE}, or name a tree with KERNEL=path"
    if not common.exists():
        raise Stop(hint)
    run = subprocess.run(["bash", "-c", f'. "$1"; need_packages {PACKAGE} xz-utils', "export",
                          str(common)], check=False)
    if run.returncode:
        sys.exit(2)     # need_packages has said why
    if not pathlib.Path(f"/usr/src/{PACKAGE}.tar.xz").exists():
        raise Stop(hint)


def blob_id(text):
    return hashlib.sha1(b"blob %d\0" % len(text) + text).hexdigest()[:ABBREV]


def counts(start, number):
    return f"{start}" if number == 1 else f"{start},{number}"


def diff_lines(lines):
    out = b""
    for tag, line in lines:
        out += tag + line
        if not line.endswith(b"\n"):
            out += b"\n\\ No newline at end of file\n"
    return out


def diff_new(path, text, mode):
    out = (f"diff --git a/{path} b/{path}\nnew file mode {mode:o}\n"
           f"index {'0' * ABBREV}..{blob_id(text)}\n").encode()
    lines = split_lines(text)
    if lines:
        out += f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +{counts(1, len(lines))} @@\n".encode()
        out += diff_lines([(b"+", line) for line in lines])
    return out, (len(lines), 0)


def diff_changed(change, text, spec_name):
    """The spec's hunks with the line numbers of the base; gives the diff and the new text."""
    where = f"patches/spec/{spec_name}.diff: {change.path}"
    old, image = split_lines(text), split_lines(text)
    body, shift, last, added, gone = b"", 0, 0, 0, 0
    for number, hunk in enumerate(change.hunks, 1):
        try:
            at, places = hunk.place(image)
        except Misfit as misfit:
            raise Stop(f"{where}: hunk {number} does not fit: {misfit}", 1) from None
        if places > 1:
            raise Stop(f"{where}: hunk {number} fits in {places} places: add lines of context", 1)
        if at < last:
            raise Stop(f"{where}: hunk {number} stands before the one above it", 1)
        want, get = hunk.side(b"+"), hunk.side(b"-")
        if want == get:
            raise Stop(f"{where}: hunk {number} changes nothing", 1)
        tags = [tag for tag, _ in hunk.lines]
        lead = next(i for i, tag in enumerate(tags) if tag != b" ")
        trail = next(i for i, tag in enumerate(reversed(tags)) if tag != b" ")
        if trail < lead and at + len(get) != len(image):
            raise Stop(f"{where}: hunk {number} has more context above than below, which patch(1) "
                       "takes for the end of the file: drop lines above", 1)
        start = at - shift
        function = next((line for line in reversed(old[:start])
                         if re.match(rb"[A-Za-z_$]", line)), b"")[:80].rstrip()
        body += (f"@@ -{counts(start + 1, len(want))} +{counts(at + 1, len(get))} @@".encode()
                 + (b" " + function if function else b"") + b"\n" + diff_lines(hunk.lines))
        shift += len(get) - len(want)
        last = at + len(get)
        added += sum(tag == b"+" for tag, _ in hunk.lines)
        gone += sum(tag == b"-" for tag, _ in hunk.lines)
    new = b"".join(image)
    head = (f"diff --git a/{change.path} b/{change.path}\n"
            f"index {blob_id(text)}..{blob_id(new)} 100644\n"
            f"--- a/{change.path}\n+++ b/{change.path}\n").encode()
    return head + body, (added, gone), new


def diffstat(stats, modes):
    """What `git format-patch --stat` prints."""
    number_width = len(str(max(a + d for a, d in stats.values())))
    largest = max(a + d for a, d in stats.values())
    name_width = max(len(path) for path in stats)
    graph_width = largest
    if name_width + number_width + 6 + graph_width > WIDTH:
        graph_width = min(graph_width, max(6, WIDTH * 3 // 8 - number_width - 6))
        if name_width > WIDTH - number_width - 6 - graph_width:
            name_width = WIDTH - number_width - 6 - graph_width
        else:
            graph_width = WIDTH - number_width - 6 - name_width

    def scale(value):
        return 1 + value * (graph_width - 1) // largest if value else 0

    out = ""
    for path, (added, gone) in sorted(stats.items()):
        name = path
        if len(name) > name_width:
            name = name[-(name_width - 3):]
            name = "..." + name[max(name.find("/"), 0):]
        plus, minus = added, gone
        if graph_width <= largest:
            total = scale(added + gone)
            if total < 2 and added and gone:
                total = 2
            if added < gone:
                plus = scale(added)
                minus = total - plus
            else:
                minus = scale(gone)
                plus = total - minus
        total = added + gone
        out += (f" {name:<{name_width}} | {total:>{number_width}}{' ' if total else ''}"
                f"{'+' * plus}{'-' * minus}\n")
    added, gone = (sum(s[i] for s in stats.values()) for i in (0, 1))
    out += f" {len(stats)} file{'s' * (len(stats) != 1)} changed"
    if added or not gone:
        out += f", {added} insertion{'s' * (added != 1)}(+)"
    if gone or not added:
        out += f", {gone} deletion{'s' * (gone != 1)}(-)"
    out += "\n"
    for path, mode in sorted(modes.items()):
        out += f" create mode {mode:o} {path}\n"
    return out


def header(number, total, subject, author, date, text):
    width = len(str(total))
    prefixed = f"[PATCH {number:0{width}}/{total}] {subject}"
    lines = textwrap.wrap(prefixed, 78 - len("Subject: "), break_long_words=False,
                          break_on_hyphens=False)
    try:
        sender = email.utils.formataddr(author)
    except UnicodeEncodeError:
        raise Stop(f"the mail address {author[1]} is not ASCII: git config user.email") from None
    head = (f"From {'0' * 40} Mon Sep 17 00:00:00 2001\nFrom: {sender}\nDate: {date}\n"
            "Subject: " + "\n ".join(lines) + "\n")
    if not subject.isascii():
        raise Stop(f"the subject '{subject}' is not ASCII", 1)
    if not text.isascii():
        head += ("MIME-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\n"
                 "Content-Transfer-Encoding: 8bit\n")
    return head + "\n"


def sign_off(body, author):
    line = f"Signed-off-by: {author[0]} <{author[1]}>"
    last = body.rsplit("\n\n", 1)[-1].split("\n")
    trailers = bool(body) and all(re.match(r"[A-Z][A-Za-z-]+: \S", x) for x in last)
    return body + ("\n" if trailers else "\n\n" if body else "") + line + "\n"


def source_text(repo, author):
    text = (ROOT / repo).read_bytes()
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        decoded = "\0"
    if "\0" in decoded or "\r" in decoded:
        raise Stop(f"{repo} is not a text file with unix line ends", 1)
    return fill(text, author)


def fill(text, author):
    return text.replace(b"@NAME@", author[0].encode()).replace(b"@EMAIL@", author[1].encode())


def file_name(number, subject):
    name = re.sub(r"[^A-Za-z0-9._]+", "-", subject)
    name = re.sub(r"\.{2,}", ".", name).strip("-").rstrip(".-")
    return f"{number:04}-{name}"[:57] + ".patch"


def build(author, date):
    """The files of the series, name -> bytes."""
    spec_dir = ROOT / "patches" / "spec"
    specs = read_spec(spec_dir)
    base = Base({change.path for spec in specs for change in spec.diff})
    created_before = set()
    with contextlib.suppress(Stop):
        old = Series.load(ROOT / "patches")
        created_before = {path for path in old.steps if old.created(path)}
    tree, out = dict(base.files), {}
    totals, modes_all, total = {}, {}, len(specs)
    for number, spec in enumerate(specs, 1):
        stats, modes, diffs = {}, {}, {}
        for path, repo in spec.files.items():
            if path in base.files or (os.environ.get("KERNEL") and path not in created_before
                                      and os.path.lexists(f"{os.environ['KERNEL']}/{path}")):
                raise Stop(f"patches/spec/{spec.name}.txt: the kernel has {path} already: "
                           "change it in the .diff", 1)
            tree[path] = source_text(repo, author)
            executable = os.stat(ROOT / repo).st_mode & 0o100
            modes[path] = 0o100755 if executable else 0o100644
            diffs[path], stats[path] = diff_new(path, tree[path], modes[path])
        for change in spec.diff:
            if change.path in diffs:
                raise Stop(f"patches/spec/{spec.name}: {change.path} is changed twice", 1)
            for hunk in change.hunks:
                hunk.lines = [(tag, fill(line, author)) for tag, line in hunk.lines]
            diffs[change.path], stats[change.path], tree[change.path] = diff_changed(
                change, tree[change.path], spec.name)
        text = sign_off(spec.body, author) + "---\n" + diffstat(stats, modes) + "\n"
        text = text.encode() + b"".join(diffs[path] for path in sorted(diffs))
        out[file_name(number, spec.subject)] = (
            header(number, total, spec.subject, author, date, text).encode() + text)
        modes_all |= modes
        for path, (added, gone) in stats.items():
            was = totals.get(path, (0, 0))
            totals[path] = (was[0] + added, was[1] + gone)
    if len(out) != total:
        raise Stop("two patches have the same subject", 1)
    self_check(out, base, tree)

    cover = spec_dir / "cover.txt"
    if not cover.is_file():
        raise Stop("the spec names what is not there: patches/spec/cover.txt", 1)
    subject, _, body = cover.read_text("utf-8").partition("\n")
    check_message(cover.name, subject, body)
    shortlog = f"{author[0]} ({total}):\n" + "".join(
        textwrap.fill(spec.subject, WIDTH, initial_indent="  ", subsequent_indent="    ",
                      break_long_words=False, break_on_hyphens=False) + "\n" for spec in specs)
    text = (body.strip("\n") + "\n\n" + shortlog + "\n" + diffstat(totals, modes_all)
            + f"\nBase: Linux {base.version}\n").encode()
    out["0000-cover-letter.patch"] = header(0, total, subject, author, date, text).encode() + text
    return out


def self_check(files, base, tree):
    """What was written is read back and must make the same tree."""
    with tempfile.TemporaryDirectory(prefix="hrmouse-series.") as temp:
        for name, text in files.items():
            (pathlib.Path(temp) / name).write_bytes(text)
        series = Series.load(pathlib.Path(temp))
        for path in series.steps:
            if series.run(path, base.files.get(path)) != tree[path]:
                raise Stop(f"internal error: the series does not make {path}", 1)
            if series.run(path, tree[path], reverse=True) != base.files.get(path):
                raise Stop(f"internal error: the series does not take {path} off", 1)


def neutral(text):
    """A patch without what depends on the point release: a newer package is no fault."""
    text = re.sub(rb"^Base: Linux .*", b"Base:", text, flags=re.M)
    text = re.sub(rb"^index [0-9a-f]+\.\.[0-9a-f]+ 100644$", b"index", text, flags=re.M)
    return re.sub(rb"^@@ -[1-9]\d*(,\d+)? \+\d+(,\d+)? @@.*", rb"@@ \1 \2 @@", text, flags=re.M)


def base_line(text):
    found = re.search(rb"^Base: .*", text or b"", re.M)
    return found[0] if found else b""


def command_export(args):
    directory = ROOT / "patches"
    if not (directory / "spec").is_dir():
        raise Stop("there is no spec in patches/spec", 1)
    have = {p.name: p.read_bytes() for p in sorted(directory.glob("*.patch"))}
    first = patch_files(directory)
    if args.check:
        if not first:
            raise Stop("patches/ has no series: run scripts/export", 1)
        old = parse_patch(first[0])
        author, date = old.author, old.date
    else:
        author = identity()
        date = email.utils.format_datetime(datetime.datetime.now(datetime.timezone.utc))
        with contextlib.suppress(Stop, IndexError):
            date = parse_patch(first[0]).date
    want = build(author, date)
    cover = "0000-cover-letter.patch"
    same_base = base_line(have.get(cover)) == base_line(want[cover])
    if args.check:
        return report(have, want, same_base)
    return write_series(directory, have, want)


DERIVED = re.compile(r"[-+](index [0-9a-f]|@@ | .* \| +\d+| \d+ files? changed"
                     r"| create mode )")


def report(have, want, same_base):
    view = (lambda text: text) if same_base else neutral
    bad = 0
    for name in sorted(have.keys() | want.keys()):
        old, new = view(have.get(name, b"")), view(want.get(name, b""))
        if name in have and name in want and old == new:
            continue
        bad += 1
        if name not in have or name not in want:
            print(f"patches/{name}: " + ("missing" if name in want else "no longer made"))
            continue
        print(f"patches/{name}: differs")
        diff = difflib.unified_diff(old.decode(errors="replace").splitlines(),
                                    new.decode(errors="replace").splitlines(),
                                    "patches", "sources", "", "", 1, "")
        shown = list(diff)[2:]
        # what only follows from another line would hide that line
        plain = [line for line in shown if line[0] in "-+" and not DERIVED.match(line)]
        if plain or name != "0000-cover-letter.patch":
            shown = plain or shown
            print("\n".join("  " + line for line in shown[:16]))
            if len(shown) > 16:
                print(f"  ... {len(shown) - 16} more lines")
    if bad:
        raise Stop(f"{bad} file{'s' * (bad != 1)} of patches/ differ from the sources: "
                   "run scripts/export", 1)
    print(f"patches/ agrees with the sources: {len(want) - 1} patches and the cover letter")
    return 0


def write_series(directory, have, want):
    if have == want:
        print(f"patches/ is up to date: {len(want) - 1} patches and the cover letter")
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix=".export.", dir=directory) as temp:
            for name, text in want.items():
                (pathlib.Path(temp) / name).write_bytes(text)
            with uninterrupted():
                for name in want:
                    os.replace(f"{temp}/{name}", directory / name)
                for name in have.keys() - want.keys():
                    (directory / name).unlink()
    except OSError as error:
        raise Stop(f"cannot write {directory}: {error.strerror}") from None
    for name in sorted(want):
        print(f"patches/{name}")
    for name in sorted(have.keys() - want.keys()):
        print(f"patches/{name}: removed, no longer made")
    return 0


# --- apply ---------------------------------------------------------------------------------------

@contextlib.contextmanager
def uninterrupted():
    """Renames only: too short to notice, and a Ctrl-C in between would leave a half-done tree."""
    signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    old = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def kernel_tree(name):
    tree = pathlib.Path(name)
    try:
        makefile = (tree / "Makefile").read_bytes()
        fits = re.search(rb"^VERSION *=", makefile, re.M) and (tree / "drivers/hid/usbhid").is_dir()
    except PermissionError:
        raise Stop(f"{name} cannot be read: run as its owner or with sudo") from None
    except OSError:
        fits = False
    if not tree.is_dir():
        raise Stop(f"{name} is not a directory: name the top of a kernel source tree")
    if not fits:
        what = "has the headers only" if (tree / "include/linux/usb.h").exists() else \
            "is not a kernel source tree"
        raise Stop(f"{name} {what}: name the top of an unpacked kernel source")
    return tree.resolve()


class Git:
    """Git commands on the kernel tree, as its owner when root runs this (sudo scripts/apply)."""
    # Another person's hooks and settings must not change what arrives in the tree.
    OPTIONS = ["--no-optional-locks", "-c", "safe.directory=*", "-c", "core.hooksPath=/dev/null",
               "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
               "-c", "apply.ignorewhitespace=no", "-c", "apply.whitespace=nowarn",
               "-c", "am.threeWay=false", "-c", "commit.gpgSign=false"]

    def __init__(self, tree):
        self.tree = tree
        self.who = {}
        self.env = git_environment()
        owner = tree.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:
            self.who = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
            with contextlib.suppress(KeyError):
                self.env["HOME"] = pwd.getpwuid(owner.st_uid).pw_dir
            with contextlib.suppress(OSError):
                if self.run("rev-parse").returncode == 0:
                    return
            self.who, self.env = {}, git_environment()

    @classmethod
    def open(cls, tree):
        """None for a plain tree, also for one that lies inside another repository."""
        if not os.path.lexists(tree / ".git"):
            return None
        git = cls(tree)
        run = git.run("rev-parse", "--show-toplevel")
        if run.returncode:
            raise Stop(f"{tree} has a .git that git cannot use ({first_line(run)}): "
                       "mend the repository, or give a copy without .git")
        if not os.path.samefile(run.stdout.decode().rstrip("\n"), tree):
            raise Stop(f"{tree}/.git belongs to another work tree: name the top of that tree")
        return git

    def run(self, *args, stdin=b"", options=()):
        try:
            return subprocess.run(["git", *self.OPTIONS, *options, *args], cwd=self.tree,
                                  input=stdin, env=self.env, capture_output=True, check=False,
                                  **self.who)
        except FileNotFoundError:
            raise Stop("git is not installed: apt install git") from None

    def need(self, *args):
        run = self.run(*args)
        if run.returncode:
            raise Stop(f"git {args[0]} failed in {self.tree}: {first_line(run)}")
        return run.stdout

    def blob(self, commit, path):
        run = self.run("cat-file", "blob", f"{commit}:{path}")
        return None if run.returncode else run.stdout

    def refuse_unready(self):
        for name, what in (("rebase-apply", "a git am or rebase"), ("rebase-merge", "a git rebase"),
                           ("MERGE_HEAD", "a merge"), ("CHERRY_PICK_HEAD", "a cherry-pick"),
                           ("REVERT_HEAD", "a revert")):
            path = self.need("rev-parse", "--git-path", name).decode().rstrip("\n")
            if os.path.lexists(self.tree / path):
                mend = "am --abort" if os.path.lexists(self.tree / path / "applying") else "status"
                raise Stop(f"{self.tree}: {what} is in progress there: finish it or give it up "
                           f"first (git -C {self.tree} {mend})")
        run = self.run("diff", "--cached", "--name-only", "-z")
        if run.stdout:
            name = run.stdout.split(b"\0")[0].decode(errors="replace")
            raise Stop(f"{self.tree}: {name} is staged and not committed: commit or unstage it")
        lock = self.need("rev-parse", "--git-path", "index.lock").decode().rstrip("\n")
        if os.path.lexists(self.tree / lock):
            raise Stop(f"{self.tree}: git holds {lock}: wait for the other git, "
                       "or remove that file if none runs")

    def dirty(self, paths):
        out = self.need("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all",
                        "--ignored", "--", *paths)
        return [entry[3:].decode() for entry in out.split(b"\0") if entry]


def first_line(run):
    text = (run.stderr or run.stdout).decode(errors="replace").strip()
    return text.splitlines()[0] if text else f"exit code {run.returncode}"


def read_states(series, tree):
    states = []
    for path in series.steps:
        file = tree / path
        if file.is_symlink():
            raise Stop(f"{tree}: {path} is a symbolic link; give a tree with files of its own")
        try:
            text = file.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            text = None
        except OSError as error:
            raise Stop(f"{tree}: {path} cannot be read: {error.strerror}") from None
        states.append(series.state(path, text))
    return states


def mend_for(state, series, reverse):
    if state.now is None:
        return "give a complete kernel source tree"
    if reverse:
        return "save the changes made there (or put the file back as the series has it), then retry"
    if series.created(state.path):
        return "take the older series (or that file) off first"
    return "the series is for 6.12 to 7.2: give such a tree, or put the file back as it was"


def refuse_misfit(series, states, tree, reverse):
    bad = [state for state in states if state.misfit]
    if not bad:
        return
    state, more = bad[0], f" (and {len(bad) - 1} more files)" if len(bad) > 1 else ""
    what = "was changed after the series was applied" if reverse else "does not fit"
    raise Stop(f"{tree}: {state.path} {what}{more}: {state.misfit}; nothing was changed: "
               f"{mend_for(state, series, reverse)}")


def command_apply(args):
    name = args.tree or os.environ.get("KERNEL")
    if not name:
        raise Stop("name the kernel tree: scripts/apply TREE")
    series = Series.load(ROOT / "patches")
    tree = kernel_tree(name)
    states = read_states(series, tree)
    target = [s for s in states if not s.misfit and (s.touched if args.reverse else not s.applied)]
    if not target and not any(s.misfit for s in states):
        remove_leftovers(tree, series)
        if args.reverse:
            remove_directories(tree, series)
        print(f"{tree}: " + ("the series is not applied" if args.reverse
                             else "the series is applied already"))
        return 0
    if args.reverse and not target:
        # Nothing of it is there, so nothing was edited: the tree is merely another one.
        print(f"{tree}: the series is not applied")
        return 0
    refuse_misfit(series, states, tree, args.reverse)
    git = Git.open(tree)
    half = any((not s.applied if args.reverse else s.touched) for s in states)
    if git:
        return on_git(git, series, states, target, args.reverse)
    write_files(tree, series, target, args.reverse)
    if args.reverse:
        print(f"{tree}: took the series off, {len(target)} files"
              + (" (it was there in part)" if half else ""))
        report_remains(tree, series)
    else:
        print(f"{tree}: " + ("completed the half-applied series" if half else
                             f"applied {len(series.patches)} patches") + f", {len(target)} files")
    return 0


def on_git(git, series, states, target, reverse):
    tree = git.tree
    git.refuse_unready()
    dirty = git.dirty(series.steps)
    by_path = {state.path: state for state in states}
    for path in dirty:
        # An uncommitted change that is exactly the series, on or off, is an earlier run's work.
        state, head = by_path.get(path), git.blob("HEAD", path)
        if not state or head not in (state.before, state.after):
            raise Stop(f"{tree}: {path} has uncommitted changes: commit or stash them first")
    if reverse:
        if not dirty and all(s.applied for s in states) and reset_commits(git, series, states):
            print(f"{tree}: took the {len(series.patches)} commits of the series off")
        else:
            write_files(tree, series, target, True)
            print(f"{tree}: took the series off in the working tree, {len(target)} files; its "
                  "commits are not the top of HEAD, so the history is left alone")
        report_remains(tree, series)
        return 0
    if dirty:
        write_files(tree, series, target, False)
        print(f"{tree}: completed the half-applied series in the working tree, "
              f"{len(target)} files; nothing was committed")
        return 0
    there = next((s.path for s in states if s.touched), None)
    if there:
        raise Stop(f"{tree}: the history has part of the series, for one in {there}; "
                   f"take that off first (git log -- {there})")
    git_am(git, series, states)
    print(f"{tree}: applied {len(series.patches)} patches as commits")
    return 0


def git_am(git, series, states):
    need_space(git, series)
    head = git.need("rev-parse", "--verify", "HEAD").strip().decode()
    options = []
    if git.run("config", "user.name").returncode or git.run("config", "user.email").returncode:
        name, mail = series.patches[0].author
        options = ["-c", f"user.name={name}", "-c", f"user.email={mail}"]
    mbox = b"".join(patch.text for patch in series.patches)
    why, finished = "interrupted", False
    try:
        run = git.run("am", "--quiet", "--no-scissors", "--no-keep-cr", stdin=mbox, options=options)
        why = first_line(run)
        if run.returncode == 0:
            why = "the result is not what was computed"
            # Git may convert line ends; then the tree is not what every later step expects.
            finished = all((git.tree / s.path).read_bytes() == s.after for s in states)
    finally:
        if not finished:
            with uninterrupted():
                git.run("am", "--abort")
                if git.run("rev-parse", "HEAD").stdout.strip().decode() != head:
                    git.run("reset", "--keep", head)
    if not finished:
        raise Stop(f"{git.tree}: git am failed ({why}); the tree is as it was")


def need_space(git, series):
    index = git.tree / git.need("rev-parse", "--git-path", "index").decode().rstrip("\n")
    size = index.stat().st_size if index.exists() else 0
    need = 4 * sum(len(patch.text) for patch in series.patches) + 2 * size + (1 << 20)
    for place in (git.tree, index.parent):
        stat = os.statvfs(place)
        if stat.f_bavail * stat.f_frsize < need:
            raise Stop(f"{place}: no disk space, {need >> 20} MB are needed: free some")


def reset_commits(git, series, states):
    """Drops the series' commits if they are exactly the top of HEAD."""
    number = len(series.patches)
    run = git.run("rev-parse", "--verify", "--quiet", f"HEAD~{number}")
    base = run.stdout.strip().decode()
    if run.returncode:
        return False
    subjects = git.need("log", "--format=%s", "--reverse", f"{base}..HEAD").decode().splitlines()
    paths = git.need("diff-tree", "-r", "--name-only", "-z", base, "HEAD").decode().split("\0")
    if (subjects != [patch.subject for patch in series.patches]
            or set(paths) - {""} != set(series.steps)
            or any(git.blob(base, state.path) != state.before for state in states)):
        return False
    git.need("reset", "--quiet", "--keep", base)
    return True


def leftovers(tree, series):
    return [p for p in (tree / (path + TEMP) for path in series.steps) if os.path.lexists(p)]


def remove_leftovers(tree, series):
    for path in leftovers(tree, series):
        with contextlib.suppress(OSError):
            path.unlink()


def write_files(tree, series, states, reverse):
    """All or nothing: first every new content beside its file, then the renames."""
    made, temps = [], []
    try:
        try:
            for state in states:
                text = state.before if reverse else state.after
                if text is None:
                    continue
                file = tree / state.path
                make_directories(file.parent, made)
                temps.append(pathlib.Path(str(file) + TEMP))
                write_temp(temps[-1], file, text, series.steps[state.path][0][1].mode)
            removed = [tree / s.path for s in states if (s.before if reverse else s.after) is None]
            for path in removed:
                if not os.access(path.parent, os.W_OK | os.X_OK):
                    raise PermissionError(13, "Permission denied", str(path))
            with uninterrupted():
                rename_all(tree, states, removed, temps)
                remove_leftovers(tree, series)
                if reverse:
                    remove_directories(tree, series)
        except BaseException:
            for path in temps:
                with contextlib.suppress(OSError):
                    path.unlink()
            for path in reversed(made):
                with contextlib.suppress(OSError):
                    path.rmdir()
            raise
    except OSError as error:
        file = str(error.filename or "").removesuffix(TEMP)
        raise Stop(f"{tree}: cannot write {file}: {error.strerror}; "
                   "the tree is as it was") from None


def make_directories(path, made):
    if path.is_dir():
        return
    make_directories(path.parent, made)
    path.mkdir()
    made.append(path)
    take_owner(path, path.parent)


def take_owner(path, like):
    """With sudo, a file belongs to whom the tree belongs to."""
    stat = like.stat()
    if os.geteuid() == 0 and (stat.st_uid, stat.st_gid) != (0, 0):
        os.chown(path, stat.st_uid, stat.st_gid)


def write_temp(temp, file, text, mode):
    with contextlib.suppress(FileNotFoundError):
        temp.unlink()
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o777 if mode & 0o100 else 0o666)
    with open(fd, "wb") as out:
        try:
            out.write(text)
            out.flush()
            os.fsync(fd)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(file)) from None
        if file.exists():
            os.fchmod(fd, file.stat().st_mode & 0o7777)
    take_owner(temp, file if file.exists() else file.parent)


def rename_all(tree, states, removed, temps):
    done = []
    texts = {tree / state.path: state.now for state in states}
    kept = {path: path.stat() for path in texts if path.exists()}
    try:
        for temp in temps:
            file = pathlib.Path(str(temp)[:-len(TEMP)])
            os.replace(temp, file)
            done.append(file)
        for path in removed:
            path.unlink()
            done.append(path)
    except OSError:
        for path in done:
            if texts[path] is None:
                path.unlink()
            else:
                path.write_bytes(texts[path])
                path.chmod(kept[path].st_mode & 0o7777)
                take_owner(path, path.parent)
        raise


def series_directories(tree, series):
    """The directories of files that the series creates, deepest first."""
    tops = {parent for path in series.steps if series.created(path)
            for parent in pathlib.PurePath(path).parents if str(parent) != "."}
    return [tree / p for p in sorted(tops, key=lambda p: -len(p.parts))]


def remove_directories(tree, series):
    for path in series_directories(tree, series):
        with contextlib.suppress(OSError):
            path.rmdir()


def report_remains(tree, series):
    changed = {str(pathlib.PurePath(p).parent) for p in series.steps if not series.created(p)}
    for path in series_directories(tree, series):
        relative = str(path.relative_to(tree))
        if "hrmouse" in path.name and path.is_dir() and relative not in changed:
            print(f"{tree}: {relative} stays: it has files that are not of the series")


# --- commands ------------------------------------------------------------------------------------

class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Stop(f"{message}; see --help")


def parser():
    top = Parser(prog="series.py", description=__doc__.splitlines()[0])
    commands = top.add_subparsers(required=True, parser_class=Parser)
    sub = commands.add_parser(
        "export", prog="scripts/export",
        description="Generates patches/ from the sources and patches/spec/.",
        epilog="Author and Signed-off-by come from git config user.name and user.email; --check "
        "takes them, and the date, from the patches that are there. The base is the package "
        f"{PACKAGE}, or the tree that KERNEL=path names. Exit: 0 done or equal, 1 the spec "
        "is wrong or patches/ differs, 2 cannot be run here.")
    sub.add_argument("--check", action="store_true",
                     help="compare with patches/ and write nothing")
    sub.set_defaults(run=command_export)
    sub = commands.add_parser(
        "apply", prog="scripts/apply",
        description="Puts the series of patches/ on a kernel source tree, or takes it off. All or "
        "nothing: a tree that does not fit is named and left as it was.",
        epilog="A git tree gets commits, a plain tree gets files. Exit: 0 done (also if there was "
        "nothing to do), 2 it cannot be done, and why.")
    sub.add_argument("tree", nargs="?", metavar="TREE", help="the tree (default: KERNEL)")
    sub.add_argument("--reverse", action="store_true", help="take the series off")
    sub.set_defaults(run=command_apply)
    return top


def main():
    def on_signal(number, _frame):
        raise KeyboardInterrupt

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGHUP, on_signal)
    name = "".join(sys.argv[1:2])
    try:
        args = parser().parse_args()
        return args.run(args)
    except Stop as stop:
        sys.stdout.flush()
        print(f"{name}: {stop}", file=sys.stderr)
        return stop.code
    except KeyboardInterrupt:
        print(f"{name}: interrupted, nothing is half done; run it again", file=sys.stderr)
        return 2
    except UnicodeDecodeError as error:
        print(f"{name}: this is not UTF-8: {error.object[:40]!r}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{name}: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
