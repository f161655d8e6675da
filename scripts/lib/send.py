#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""scripts/send: makes mails of patches/, and hands them to git send-email.

What was sent is a tag of this repository: hrmouse-vN, whose message holds the Message-ID of the
cover letter. The mails that are going out lie in .git/hrmouse-send until the last one is gone.
"""
import concurrent.futures
import contextlib
import dataclasses
import datetime
import email
import email.charset
import email.policy
import email.utils
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap

import series
from series import ROOT, Stop

GATES = ["series"]
LINK = "https://lore.kernel.org/r/"
LARGE = 100_000         # what the lists at vger.kernel.org used to take at most
CHANGES = "patches/spec/changes.txt"
COVER = "0000-cover-letter.patch"
# The files name all recipients and the thread. What a person has configured for other work must
# not add to it; a Bcc of his own may.
OPTIONS = ["--quiet", "--confirm=never", "--no-thread", "--no-chain-reply-to", "--no-annotate",
           "--no-to", "--no-cc", "--to-cmd=true", "--cc-cmd=true", "--no-to-cover",
           "--no-cc-cover", "--no-signed-off-by-cc", "--suppress-from",
           "--suppress-cc=author", "--suppress-cc=body"]


def note(text):
    print(f"note: {text}", file=sys.stderr)


def plural(number, what):
    return f"{number} {what}{'s' * (number != 1)}"


# --- this repository -----------------------------------------------------------------------------

def repository():
    git = series.Git.open(ROOT)
    if not git:
        raise Stop(f"{ROOT} is not a git clone, so there is no place to record what was sent: "
                   "git clone it")
    return git


def check_exported():
    """patches/ is what the sources make, and by the person who sends it."""
    author = series.identity()
    first = series.patch_files(ROOT / "patches")
    if not first:
        raise Stop("patches/ has no series: run scripts/export, and commit patches/", 1)
    was = series.parse_patch(first[0]).author
    if was != author:
        raise Stop(f"patches/ is signed off by {was[0]} <{was[1]}> and you are {author[0]} "
                   f"<{author[1]}>: run scripts/export and commit patches/", 1)
    run = subprocess.run([sys.executable, ROOT / "scripts/lib/series.py", "export", "--check"],
                         capture_output=True, encoding="utf-8", check=False)
    if run.returncode:
        why = (run.stderr.strip() or "scripts/export --check failed").splitlines()[-1]
        raise Stop(why.removeprefix("export: ") + ", and commit patches/", run.returncode)
    return author


def check_clean(git):
    changed = git.need("status", "--porcelain", "-z", "--untracked-files=all").split(b"\0")
    if changed[0]:
        name = changed[0][3:].decode(errors="replace")
        raise Stop(f"{name} is not committed, and what is sent has to be: "
                   "git add -A && git commit, or git stash -u")


def check_server(git):
    def get(key):
        return git.run("config", "--get", key).stdout.decode(errors="replace").strip()

    name = get("sendemail.identity")
    for section in ["sendemail", f"sendemail.{name}"] if name else ["sendemail"]:
        for key in ("smtpserver", "sendmailcmd"):
            if get(f"{section}.{key}"):
                return get(f"{section}.{key}")
    raise Stop("git send-email has no mail server: git config --global sendemail.smtpserver "
               "smtp.example.org (and smtpencryption, smtpserverport, smtpuser as it wants them; "
               "see git help send-email)")


# --- versions ------------------------------------------------------------------------------------

def tag_name(version):
    return f"hrmouse-v{version}"


def choose_version(git, wanted):
    names = git.need("tag", "--list", "hrmouse-v*").decode().split()
    sent = {int(name[9:]) for name in names if re.fullmatch(r"hrmouse-v[1-9]\d*", name)}
    version = wanted or max(sent, default=0) + 1
    if version in sent:
        raise Stop(f"v{version} was sent already (tag {tag_name(version)}): the next is "
                   f"scripts/send --version {max(sent) + 1}")
    if version > 1 and version - 1 not in sent:
        tag = tag_name(version - 1)
        raise Stop(f"v{version} is compared with v{version - 1}, but there is no tag {tag}: "
                   "git fetch --tags, or if it was sent in another way: git tag "
                   f"{tag} COMMIT")
    return version


@dataclasses.dataclass
class Earlier:
    """What was sent last."""
    version: int
    series: series.Series
    link: str

    @classmethod
    def load(cls, git, version, temp):
        tag = tag_name(version)
        names = git.need("ls-tree", "--name-only", tag, "patches/").decode().splitlines()
        temp.mkdir()
        for name in names:
            if re.fullmatch(r"patches/\d{4}-.*\.patch", name):
                (temp / pathlib.Path(name).name).write_bytes(git.blob(tag, name))
        if not series.patch_files(temp):
            raise Stop(f"the tag {tag} has no series in patches/: "
                       f"set it to the commit that was sent: git tag -f {tag} COMMIT")
        text = git.need("for-each-ref", "--format=%(contents)", f"refs/tags/{tag}").decode()
        found = re.search(r"^Message-ID: <(.+)>$", text, re.M)
        return cls(version, series.Series.load(temp), LINK + found[1] if found else "")


def spec_names():
    """The name of each patch in patches/spec, in order."""
    return [path.stem for path in sorted((ROOT / "patches/spec").glob("[0-9][0-9]-*.txt"))]


def read_changes():
    """version -> name -> list of texts."""
    changes, version, texts = {}, None, None
    try:
        lines = (ROOT / CHANGES).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    for number, line in enumerate(lines, 1):
        if match := re.fullmatch(r"v(\d+):?\s*", line):
            version, texts = changes.setdefault(int(match[1]), {}), None
        elif version is not None and (match := re.fullmatch(r"(series|\d\d-\S+): +(\S.*)", line)):
            texts = version.setdefault(match[1], [])
            texts.append(match[2].strip())
        elif texts and re.match(r"\s+\S", line):
            texts[-1] += " " + line.strip()
        elif line.strip() and not line.startswith("#"):
            raise Stop(f"{CHANGES}: line {number} is none of 'v2:', 'series: text', "
                       "'04-plan: text', nor an indented line that goes on", 1)
    return changes


def check_changes(changes, version, changed):
    """Every patch that changed says how."""
    names = spec_names()
    said = changes.get(version, {})
    for name in said:
        if name != "series" and name not in names:
            raise Stop(f"{CHANGES}: there is no patch {name} in patches/spec", 1)
    missing = [names[i] for i in changed if names[i] not in said]
    if missing:
        raise Stop(f"{CHANGES} does not say under 'v{version}:' what changed in "
                   f"{', '.join(missing)}: add a line '{missing[0]}: what changed', and commit", 1)
    if not said:
        raise Stop(f"no patch has changed since v{version - 1}; if it is to go out again, write "
                   f"'v{version}:' and 'series: why' to {CHANGES}, and commit", 1)


def changelog(changes, version, name, unchanged):
    """The history of a patch (or of the series), newest first."""
    out = []
    for number in range(version, 1, -1):
        texts = changes.get(number, {}).get(name, [])
        if not texts and number == version and unchanged:
            texts = [unchanged]
        if texts:
            out.append(f"Changes in v{number}:\n" + "".join(
                textwrap.fill(text, series.WIDTH, initial_indent="- ", subsequent_indent="  ",
                              break_long_words=False, break_on_hyphens=False) + "\n"
                for text in texts))
    return "\n".join(out)


# --- the base ------------------------------------------------------------------------------------

@dataclasses.dataclass
class Base:
    """The kernel's own files that the series changes."""
    files: dict
    version: str
    commit: str = ""

    @classmethod
    def find(cls, new, paths):
        tree = pathlib.Path(os.environ["TREE"])
        git = series.Git.open(series.kernel_tree(tree)) if os.environ.get("KERNEL") else None
        if not git:
            base = series.Base(paths)
            return cls({path: base.files[path] for path in paths}, base.version)
        commit = cls.commit_below(git, new)
        files = {path: git.blob(commit, path) for path in paths}
        lost = [path for path in files if files[path] is None]
        if lost:
            raise Stop(f"{tree} has no {lost[0]} in {commit[:12]}: check out the base of the "
                       "series there")
        if not git.run("branch", "-r", "--contains", commit).stdout.strip():
            note(f"{commit[:12]} is on no remote branch of {tree}: nobody else may have that base")
        # the first four settings: 6, 12, 0, and what follows, as -rc1
        number = re.findall(rb"^[A-Z]+ *=[ \t]*(\S*)", git.blob(commit, "Makefile"), re.M)[:4]
        return cls(files, b".".join(number[:3]).decode() + number[3].decode(), commit)

    @staticmethod
    def commit_below(git, new):
        """HEAD, or what lies below the series if it was applied as commits."""
        mend = "check out the base of the series there, with or without the series on top"
        states = [new.state(path, git.blob("HEAD", path)) for path in new.steps]
        bad = next((state for state in states if state.misfit), None)
        if bad:
            raise Stop(f"{git.tree}: the series does not fit HEAD: {bad.path}: {bad.misfit}: "
                       f"{mend}")
        below = f"HEAD~{len(new.patches)}"
        if not any(state.touched for state in states):
            below = "HEAD"
        else:
            subjects = git.run("log", "--reverse", "--format=%s", f"{below}..HEAD").stdout
            if subjects.decode().splitlines() != [patch.subject for patch in new.patches]:
                raise Stop(f"{git.tree}: HEAD has part of the series, or work on top of it: {mend}")
        return git.need("rev-parse", below).decode().strip()

    def note(self):
        return f"Base: Linux {self.version}\n" + (f"base-commit: {self.commit}\n"
                                                  if self.commit else "")


class Scratch:
    """A git repository of the files that a series changes, and no others."""

    def __init__(self, directory, base, author):
        directory.mkdir()
        subprocess.run(["git", "init", "--quiet", directory], env=series.git_environment(),
                       check=True)
        self.git = series.Git(directory)
        name, address = author
        # the same commits at every run
        self.git.env |= {"GIT_AUTHOR_NAME": name, "GIT_COMMITTER_NAME": name,
                         "GIT_AUTHOR_EMAIL": address, "GIT_COMMITTER_EMAIL": address,
                         "GIT_AUTHOR_DATE": "@0 +0000", "GIT_COMMITTER_DATE": "@0 +0000"}
        for path, text in base.files.items():
            (directory / path).parent.mkdir(parents=True, exist_ok=True)
            (directory / path).write_bytes(text)
        self.git.need("-c", "core.autocrlf=false", "add", "--all", "--force")
        self.git.need("commit", "--quiet", "--no-verify", "-m", f"Linux {base.version}")
        self.base = self.git.need("rev-parse", "HEAD").decode().strip()

    def commits(self, name, mails, what):
        """git am, as the maintainers do it, to a branch; gives the tree."""
        self.git.need("checkout", "--quiet", "-B", name, self.base)
        run = self.git.run("am", "--quiet", "--no-scissors", "--no-keep-cr",
                           "--committer-date-is-author-date", stdin=b"".join(mails))
        if run.returncode:
            on = self.git.need("log", "-1", "--format=%s", self.base).decode().strip()
            raise Stop(f"git am of {what} on {on} fails ({series.first_line(run)}): name the tree "
                       "that it was made for with KERNEL=path")
        return self.git.need("rev-parse", f"{name}^{{tree}}")

    def range_diff(self, old, new):
        """The text, and the numbers (from 0) of the patches that are not as they were."""
        ranges = [f"{self.base}..{old}", f"{self.base}..{new}"]
        pairs = self.git.need("range-diff", "--no-color", "--no-patch", *ranges).decode()
        changed = [int(match[2]) - 1 for match in re.finditer(
            r"^ *(?:\d+|-): +\S+ ([=!<>]) +(\d+|-): ", pairs, re.M) if match[1] in "!>"]
        return self.git.need("range-diff", "--no-color", *ranges).decode(), changed


# --- recipients ----------------------------------------------------------------------------------

def maintainers(pristine, patch):
    tree = os.environ["TREE"]
    command = ["perl", "scripts/get_maintainer.pl", "--no-git-fallback", "--no-rolestats",
               f"--mpath={pristine}", str(ROOT / "patches" / patch.name)]
    run = subprocess.run(command, cwd=tree, capture_output=True, encoding="utf-8", check=False)
    if run.returncode:
        why = (run.stderr.strip() or "no reason given").splitlines()[-1]
        raise Stop(f"{tree}/scripts/get_maintainer.pl failed: {why}")
    # one by one: of many, Python takes none if it dislikes one
    return [email.utils.parseaddr(line) for line in run.stdout.splitlines()]


def recipients(base, patches):
    """People and lists of each patch: those that the tree has before the series."""
    text = base.files["MAINTAINERS"]
    known = {address.decode().lower()
             for address in re.findall(rb"^L:\s.*?([^\s<>]+@[^\s<>]+)", text, re.M)}
    with tempfile.NamedTemporaryFile(prefix="hrmouse-send.") as pristine, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        pristine.write(text)
        pristine.flush()
        found = list(pool.map(lambda patch: maintainers(pristine.name, patch), patches))
    return ([[pair for pair in one if (pair[1].lower() in known) == lists] for one in found]
            for lists in (False, True))


def union(parts):
    return list({address.lower(): (name, address)
                 for part in parts for name, address in part}.values())


# --- mails ---------------------------------------------------------------------------------------

@dataclasses.dataclass
class Mail:
    name: str
    prefix: str
    subject: str
    author: tuple
    date: str
    body: str
    to: list
    cc: list
    identifier: str
    parent: str

    def text(self):
        # git send-email knows its own sender only by this encoding
        charset = email.charset.Charset("utf-8")
        charset.header_encoding = email.charset.QP

        def people(pairs):
            return ",\n\t".join(email.utils.formataddr(pair, charset) for pair in pairs)

        subject = textwrap.wrap(f"[{self.prefix}] {self.subject}", 78 - len("Subject: "),
                                break_long_words=False, break_on_hyphens=False)
        # no person: git send-email wants somebody in To
        to, cc = (self.to, self.cc) if self.to else (self.cc, [])
        head = [f"From {'0' * 40} Mon Sep 17 00:00:00 2001",
                f"From: {people([self.author])}", f"Date: {self.date}",
                "Subject: " + "\n ".join(subject), f"To: {people(to)}"]
        if cc:
            head += [f"Cc: {people(cc)}"]
        head += [f"Message-Id: <{self.identifier}>"]
        if self.parent:
            head += [f"In-Reply-To: <{self.parent}>", f"References: <{self.parent}>"]
        if not self.body.isascii():
            head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=UTF-8",
                     "Content-Transfer-Encoding: 8bit"]
        return ("\n".join(head) + "\n\n" + self.body).encode()


def write(mails, directory):
    for mail in mails:
        (directory / mail.name).write_bytes(mail.text())
    return [directory / mail.name for mail in mails]


def below_the_line(body, text):
    """Puts the changelog where git am drops it."""
    if not text:
        return body
    message, line, rest = body.partition("\n---\n")
    return message + line + text + "\n" + rest


def cover_body(body, author, base, history, link, comparison):
    body = re.sub(r"^Base: .*\n", lambda _: base.note(), body, flags=re.M)
    if history:
        parts = re.split(rf"(?m)^(?={re.escape(author[0])} \(\d+\):$)", body)
        body = parts[0] + history + ("\n" + link if link else "") + "\n" + "".join(parts[1:])
    return body + comparison


def compose(version, author, base, new, changes, changed, earlier, comparison):
    """The mails of the series, the cover letter first."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%d%H%M%S")
    total = len(new.patches)
    people, lists = recipients(base, new.patches)
    cover = series.parse_patch(ROOT / "patches" / COVER)
    link = f"Link to v{earlier.version}: {earlier.link}\n" if earlier and earlier.link else ""
    mails = []
    for number, (patch, name, to, cc) in enumerate(zip(
            [cover, *new.patches], ["series", *spec_names()],
            [union(people), *people], [union(lists), *lists])):
        body = patch.text.partition(b"\n\n")[2].decode()
        if number:
            unchanged = "no change" if number - 1 not in changed else ""
            body = below_the_line(body, changelog(changes, version, name, unchanged))
        else:
            history = changelog(changes, version, name, "see the patches")
            body = cover_body(body, author, base, history, link, comparison)
        prefix = (f"PATCH{f' v{version}' if version > 1 else ''} "
                  f"{number:0{len(str(total))}}/{total}")
        mails.append(Mail(patch.name, prefix, patch.subject, author, patch.date, body, to, cc,
                          f"{now}.{os.getpid()}-{number}-{author[1]}",
                          mails[0].identifier if mails else ""))
    return mails


# --- git send-email ------------------------------------------------------------------------------

def send_email(*arguments, **options):
    environment = series.git_environment() | {
        key: os.environ[key] for key in ("GIT_ASKPASS", "GIT_TERMINAL_PROMPT") if key in os.environ}
    return ["git", "-c", "safe.directory=*", "send-email", *OPTIONS, *arguments], {
        "cwd": ROOT, "env": environment, **options}


@dataclasses.dataclass
class Caught:
    """A mail as git send-email hands it to the server."""
    text: bytes
    envelope: list


def command_catch(directory, arguments):
    """Stands in for the server: keeps the mail and whom it is for."""
    recipients = arguments[arguments.index("-i") + 1:]
    number = len(list(directory.glob("*.json")))
    (directory / f"{number:04}.eml").write_bytes(sys.stdin.buffer.read())
    (directory / f"{number:04}.json").write_text(json.dumps(recipients))
    return 0


def catch(files):
    """What git send-email would send, to the byte but for Date, and nothing leaves."""
    with tempfile.TemporaryDirectory(prefix="hrmouse-send.") as temp:
        catcher = shlex.join([sys.executable, str(pathlib.Path(__file__).resolve()), "catch", temp])
        command, options = send_email(f"--sendmail-cmd={catcher}", *map(str, files))
        run = subprocess.run(command, **options, stdin=subprocess.DEVNULL, capture_output=True,
                             encoding="utf-8", errors="replace", check=False)
        if run.returncode:
            why = (run.stderr.strip() or f"exit code {run.returncode}").splitlines()[0]
            raise Stop(f"git send-email does not take the mails: {why}")
        return [Caught(eml.read_bytes(), json.loads(eml.with_suffix(".json").read_text()))
                for eml in sorted(pathlib.Path(temp).glob("*.eml"))]


def check_caught(mails, caught):
    if len(mails) != len(caught):
        raise Stop(f"git send-email makes {len(caught)} mails of {len(mails)}: look at git config "
                   "--get-regexp sendemail")
    for mail, out in zip(mails, caught):
        want = {address.lower() for _, address in mail.to + mail.cc}
        lost = want - {address.lower() for address in out.envelope}
        if lost:
            raise Stop(f"git send-email would not send {mail.name} to {', '.join(sorted(lost))}: "
                       "a setting of yours keeps it back: git config --get-regexp sendemail")
        if not out.envelope:
            raise Stop(f"get_maintainer.pl names nobody for {mail.name}: the patch must touch "
                       "files that MAINTAINERS covers")


def show(caught, title, out):
    print(title, file=out)
    for mail in caught:
        size = f"{(len(mail.text) + 999) // 1000} kB"
        if len(mail.text) > LARGE:
            size += f", and a list may refuse more than {LARGE // 1000} kB"
        parsed = email.message_from_bytes(mail.text, policy=email.policy.default)
        print(f"  {parsed['Subject']}  ({size})", file=out)
        named = set()
        for field in ("To", "Cc"):
            pairs = email.utils.getaddresses([str(parsed[field] or "")])
            named |= {address for _, address in pairs}
            if pairs:
                print(f"      {field}: " + ", ".join(
                    f"{name} <{address}>" if name else address for name, address in pairs),
                    file=out)
        hidden = [address for address in mail.envelope if address not in named]
        if hidden:
            print(f"      and, by your configuration: {', '.join(hidden)}", file=out)
    out.flush()


def mbox(caught):
    separator = b"From git@z Thu Jan  1 00:00:00 1970\n"
    return b"".join(separator + mail.text + b"\n" for mail in caught)


def print_dry(caught, title):
    sys.stdout.buffer.write(mbox(caught))
    sys.stdout.flush()
    show(caught, f"{title}: dry run, nothing was sent", sys.stderr)
    return 0


# --- sending -------------------------------------------------------------------------------------

class Outbox:
    """The mails that are on their way: .git/hrmouse-send, gone when the last one is."""

    def __init__(self, git):
        path = git.need("rev-parse", "--git-path", "hrmouse-send").decode().rstrip("\n")
        self.git, self.path = git, (ROOT / path).resolve()

    def exists(self):
        return (self.path / "record.json").exists()

    def record(self):
        try:
            return json.loads((self.path / "record.json").read_text())
        except FileNotFoundError:
            raise Stop("no sending broke off, nothing is to resume: run scripts/send") from None

    def files(self):
        return sorted(self.path.glob("*.patch"))

    def fill(self, mails, record):
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir()
        write(mails, self.path)
        (self.path / "record.json").write_text(json.dumps(record))

    def deliver(self):
        record, files = self.record(), self.files()
        left, total = list(files), record["total"]
        command, options = send_email(*map(str, files), stdout=subprocess.PIPE, encoding="utf-8",
                                      errors="replace")
        with subprocess.Popen(command, **options) as process:
            # git send-email hears Ctrl-C itself, and says what it has sent until then
            with handled(lambda number, _: number != signal.SIGINT and process.terminate()):
                for line in process.stdout:
                    print(line, end="", flush=True)
                    if line.startswith("Sent ") and left:
                        left.pop(0).unlink()
                process.wait()
        gone = total - len(left)
        if process.returncode or left:
            if not gone:
                shutil.rmtree(self.path)
                raise Stop("git send-email failed, see above; nothing was sent: mend it and run "
                           "scripts/send again")
            raise Stop(f"git send-email failed, see above; {gone} of {total} mails are sent: mend "
                       "it, and scripts/send --resume sends the others")
        return self.finish(record)

    def finish(self, record):
        tag = tag_name(record["version"])
        run = self.git.run("tag", "--annotate", "--file=-", tag, record["commit"],
                           stdin=record["message"].encode())
        if run.returncode:
            (self.path / "message").write_text(record["message"])
            raise Stop(f"all is sent, but the tag was not made ({series.first_line(run)}): git tag "
                       f"-a -F {self.path}/message {tag} {record['commit']} && rm -r {self.path}")
        shutil.rmtree(self.path)
        print(f"sent {plural(record['total'], 'mail')}; to keep what was sent: "
              f"git push origin {tag}")
        return 0


@contextlib.contextmanager
def handled(handler):
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    old = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, before in old.items():
            signal.signal(number, before)


def run_gates():
    """scripts/check on the kernels of the packages, whatever KERNEL is."""
    environment = {key: value for key, value in os.environ.items() if key != "KERNEL"}
    run = subprocess.run([ROOT / "scripts/check", *GATES], env=environment,
                         stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    again = f"scripts/check {' '.join(GATES)}"
    if run.returncode == 2:
        raise Stop(f"the gates cannot be run here, see above; nothing was sent: mend it, {again}")
    if run.returncode:
        raise Stop(f"a gate does not hold, see above; nothing was sent: mend it, {again}", 1)


def check_terminal(args):
    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        raise Stop("there is no terminal to ask at: scripts/send --yes sends without asking")


def confirmed(args, number):
    if args.yes:
        return
    try:
        answer = input(f"Send {'this' if number == 1 else 'these'} {plural(number, 'mail')}? "
                       "Type yes: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise Stop("nothing was sent")


def prepare(git, args, temp):
    """The mails, as written and as git send-email makes them, and what they are."""
    author = check_exported()
    version = choose_version(git, args.version)
    new = series.Series.load(ROOT / "patches")
    earlier = Earlier.load(git, version - 1, temp / "earlier") if version > 1 else None
    paths = {path for one in (new, earlier.series if earlier else new)
             for path in one.steps if not one.created(path)} | {"MAINTAINERS"}
    base = Base.find(new, paths)
    if not base.commit:
        note(f"the cover letter names Linux {base.version} but no base-commit: KERNEL=path names a "
             "git tree that has one")
    scratch = Scratch(temp / "scratch", base, author)
    tree = scratch.commits("new", [patch.text for patch in new.patches], "the series")
    changes, changed, comparison = {}, [], ""
    if earlier:
        scratch.commits("old", [p.text for p in earlier.series.patches], f"v{version - 1}")
        comparison, changed = scratch.range_diff("old", "new")
        changes = read_changes()
        check_changes(changes, version, changed)
        comparison = f"\nRange-diff against v{version - 1}:\n{comparison}"
        if len(comparison.encode()) > LARGE:
            size = f"{len(comparison.encode()) // 1000} kB"
            note(f"the range-diff has {size} and is left out of the cover letter")
            comparison = f"\nRange-diff against v{version - 1}: left out, {size}\n"
    mails = compose(version, author, base, new, changes, changed, earlier, comparison)
    number = len(new.patches)
    title = f"hrmouse v{version}, {number} patch{'es' * (number != 1)} on Linux {base.version}"
    if version == 1:
        title += " (no tag hrmouse-v* is here, so this is the first version)"
    caught = catch(write(mails, temp))
    check_caught(mails, caught)
    # the proof that what arrives is the series, and that it applies where the cover letter says
    if scratch.commits("mails", [mbox([mail]) for mail in caught[1:]], "the mails") != tree:
        raise Stop("git am makes another tree of the mails than of patches/: a setting of yours "
                   "changes them: git config --get-regexp sendemail")
    return mails, caught, title, version, base


def command_send(args):
    git = repository()
    outbox = Outbox(git)
    check_terminal(args)
    if args.resume:
        return resume(outbox, args)
    if outbox.exists():
        record = outbox.record()
        raise Stop(f"v{record['version']} is half sent, {plural(len(outbox.files()), 'mail')} of "
                   f"{record['total']} are left: scripts/send --resume sends them, "
                   f"rm -r {outbox.path} forgets them")
    if args.skip_gates and not args.dry_run:
        raise Stop("--skip-gates goes with --dry-run only: nothing is sent that the gates have "
                   "not seen")
    for check in (check_clean, check_server):
        try:
            check(git)
        except Stop as stop:
            if not args.dry_run:
                raise
            note(f"this would not be sent: {stop}")
    head = git.need("rev-parse", "HEAD").decode().strip()
    with tempfile.TemporaryDirectory(prefix="hrmouse-send.") as temp:
        mails, caught, title, version, base = prepare(git, args, pathlib.Path(temp))
    if args.skip_gates:
        note("THE GATES WERE NOT RUN: this series may not apply, not build and not pass checkpatch")
    else:
        run_gates()
    if args.dry_run:
        return print_dry(caught, title)
    show(caught, f"{title}, by {check_server(git)}", sys.stdout)
    confirmed(args, len(mails))
    check_clean(git)
    if git.need("rev-parse", "HEAD").decode().strip() != head:
        raise Stop("HEAD has moved while the gates ran; nothing was sent: run scripts/send again")
    today = datetime.date.today().isoformat()
    message = (f"hrmouse v{version}, sent {today}\n\nMessage-ID: <{mails[0].identifier}>\n"
               + base.note())
    outbox.fill(mails, {"version": version, "commit": head, "total": len(mails),
                        "message": message})
    return outbox.deliver()


def resume(outbox, args):
    record, files = outbox.record(), outbox.files()
    title = f"hrmouse v{record['version']}, {len(files)} of {plural(record['total'], 'mail')}"
    caught = catch(files) if files else []
    if args.dry_run:
        return print_dry(caught, title)
    server = check_server(outbox.git)
    if not files:
        return outbox.finish(record)
    show(caught, f"{title}, by {server}", sys.stdout)
    confirmed(args, len(files))
    return outbox.deliver()


def parser():
    top = series.Parser(
        prog="scripts/send", description="Sends the series of patches/ to the maintainers.",
        epilog="Runs the gates (scripts/check " + " ".join(GATES) + "), asks get_maintainer.pl of "
        "the kernel tree who gets each patch (people in To, lists in Cc; the cover letter goes to "
        "all of them), shows everything, asks, and hands the mails to git send-email. What was "
        "sent is tagged hrmouse-vN; the next run makes vN+1, with a range-diff in the cover letter "
        f"and what {CHANGES} says below the --- of each patch: a line 'v2:', and under it "
        "lines 'series: what changed' and, for each patch that changed, '04-plan: what changed'. "
        "KERNEL=path names the kernel tree; if that is a git tree the cover letter has its "
        "base-commit. Exit: 0 sent, 1 a gate or the repository is wrong, 2 it cannot be done; "
        "nothing is sent then.")
    top.add_argument("--dry-run", action="store_true", help="print the mails as a mbox, exactly as "
                     "they would be sent, and then to whom; send nothing")
    top.add_argument("--yes", action="store_true", help="do not ask before sending")
    top.add_argument("--version", type=int, metavar="N", help="default: one more than the last tag")
    top.add_argument("--resume", action="store_true",
                     help="send what was left when sending broke off")
    top.add_argument("--skip-gates", action="store_true",
                     help="with --dry-run: do not run the gates")
    return top


def main():
    def on_signal(number, _frame):
        raise KeyboardInterrupt

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    if sys.argv[1:2] == ["catch"]:
        return command_catch(pathlib.Path(sys.argv[2]), sys.argv[3:])
    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGHUP, on_signal)
    try:
        args = parser().parse_args()
        if args.version is not None and args.version < 1:
            raise Stop("--version counts from 1")
        return command_send(args)
    except Stop as stop:
        sys.stdout.flush()
        print(f"send: {stop}", file=sys.stderr)
        return stop.code
    except KeyboardInterrupt:
        print("send: interrupted, nothing was sent", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"send: {error.filename or ''}: {error.strerror}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
