# SPDX-License-Identifier: GPL-2.0-only
"""scripts/doctor: compiler, tools, libraries, Rust."""
import os
import pathlib
import pwd
import re
import shlex
import tempfile

from doctor_common import audit, kconfig, numbers, older, source_arch, tree_config

# config symbol: tool, package. Only what a build fails without and changes.rst says nothing of.
COMPRESSORS = {"KERNEL_ZSTD": ("zstd", "zstd"), "KERNEL_XZ": ("xz", "xz-utils"),
               "KERNEL_LZ4": ("lz4", "lz4"), "KERNEL_LZO": ("lzop", "lzop"),
               "KERNEL_BZIP2": ("bzip2", "bzip2"), "IKHEADERS": ("cpio", "cpio")}
# what the tree's script calls them
RUST_TOOLS = {"compiler": "rustc", "bindings generator": "bindgen"}


def minimums(system):
    """The table in Documentation/process/changes.rst: program -> (version, command)"""
    try:
        text = (system.src / "Documentation/process/changes.rst").read_text(errors="replace")
    except (OSError, TypeError):
        return {}
    rows = re.findall(r"^(\S.*?) {2,}(\S+) {2,}(\S.*)$", text, re.M)
    return {name: (version, command) for name, version, command in rows
            if re.match(r"[\d.]+\w*$|any$", version)}


def check_compiler(system):
    compiler = system.tool("CC")
    named = " ".join(compiler)
    status, version = system.run(*compiler, "--version")
    if status:
        package = {"gcc": "gcc libc6-dev", "clang": "clang lld llvm"}.get(compiler[-1],
                                                                          compiler[-1])
        system.stop("missing:compiler", f"the C compiler {named} "
                    f"{'does not run' if status != 127 else 'is missing'}",
                    system.install(package))
        return False
    script = system.src and system.src / "scripts/cc-version.sh"
    if script and script.is_file():
        env = ("env", f"SRCARCH={source_arch(system)}", "sh")
        status, said = system.run(*env, script, *compiler)
        if status:
            have, need = (re.search(pattern, said) for pattern in (r"Your .*: +(\S+)",
                                                                   r"Minimum .*: +(\S+)"))
            if have and need:
                system.stop("old:compiler", f"{named} is {have[1]}, and this kernel needs "
                            f"{need[1]} or newer", *newer_compiler(system, compiler, need[1]))
            else:
                system.stop("old:compiler", f"the tree does not accept {named}: {said.strip()}",
                            system.install("gcc"))
    system.ok(version.splitlines()[0] if version else named)
    return True


def newer_compiler(system, compiler, need):
    """Another version that is installed, or what to install."""
    base = re.sub(r"-\d+$", "", pathlib.PurePath(compiler[-1]).name)
    for name in programs(rf"{base}-\d+$"):
        if not older(name.rsplit("-")[-1], need):
            return (system.make(f"CC={name}"),)
    major = numbers(need)[0]
    return (f"apt-cache search --names-only '^{base}-[0-9]+$'", system.install(f"{base}-{major}")
            + f" && {system.make(f'CC={base}-{major}')}")


def programs(pattern):
    """Names in PATH that match, the newest version first."""
    found = set()
    for directory in os.get_exec_path():
        try:
            found.update(name for name in os.listdir(directory) if re.match(pattern, name))
        except OSError:
            pass
    return sorted(found, key=numbers, reverse=True)


def check_tools(system):
    table = minimums(system)
    config = tree_config(system) or {}
    tools = [("GNU make", ["make"], "make")]
    if not system.module:
        tools += [("bash", ["bash"], "bash"), ("flex", ["flex"], "flex"), ("bison", ["bison"],
                                                                           "bison"), ("bc", ["bc"],
                                                                                      "bc")]
    linker = system.tool("LD")
    lld = "lld" in linker[-1]
    tools.append(("LLD", linker, "lld") if lld else ("binutils", linker, "binutils"))
    if config.get("DEBUG_INFO_BTF") == "y" and not system.module:
        tools.append(("pahole", system.make_vars.get("PAHOLE", "pahole").split(), "dwarves"))
    for row, command, package in tools:
        need, show = table.get(row, (None, None))
        # newer kernels may need no bc; without the table, all are taken to be needed
        if table and need is None and row in ("bc", "flex", "bison"):
            continue
        name = " ".join(command)
        status, said = system.run(*command, *(shlex.split(show)[1:] if show else ["--version"]))
        have = re.search(r"\d+\.[\d.]+\d|\d+\.\d+", said)
        if status == 127:
            system.stop(f"missing:{row}", f"{name} is missing; the build needs it",
                        system.install(package))
        elif status:
            system.stop(f"missing:{row}", f"{name} is there and does not run: "
                        f"{(said.strip() or '?').splitlines()[-1]}",
                        system.install(f"--reinstall {package}"))
        elif need and need != "any" and have and older(have[0], need):
            system.stop(f"old:{row}", f"{name} is {have[0]}, and this kernel needs {need} or newer",
                        system.install(package), f"type -a {command[-1]}")
        else:
            system.ok(f"{row} {have[0] if have else ''}".strip())
    if not system.module:
        for symbol, (command, package) in COMPRESSORS.items():
            if config.get(symbol) == "y" and system.run(command, "--version")[0] == 127:
                system.stop(f"missing:{command}", f"{command} is missing, and CONFIG_{symbol} "
                            "needs it", system.install(package))


def check_headers_of_libraries(system):
    """Programs of the build that run on this machine, and the libraries that they need."""
    config = tree_config(system)
    host = system.tool("HOSTCC")
    if system.run(*host, "--version")[0]:
        if host != system.tool("CC"):
            system.stop("missing:compiler", "the compiler for programs of the build, "
                        f"{' '.join(host)}, is missing", system.install("gcc libc6-dev"))
        return

    def compiles(source):
        return system.run(*host, "-E", "-x", "c", "-", text=source)

    if compiles("#include <stdlib.h>\n")[0]:
        system.stop("missing:libc", "the C library's headers are missing",
                    system.install("libc6-dev"))
        return
    elf = config is None or any(config.get(s) == "y" for s in ("OBJTOOL", "STACK_VALIDATION",
                                                               "DEBUG_INFO_BTF"))
    if compiles("#include <gelf.h>\n#include <libelf.h>\n")[0]:
        tell = system.stop if elf else system.note
        tell("missing:libelf", "libelf's headers are missing"
             + ("; objtool and resolve_btfids need them" if elf
                else ", which other configurations need (objtool)"), system.install("libelf-dev"))
    ssl = config is not None and any(config.get(s) == "y" for s in ("MODULE_SIG_FORMAT",
                                                                    "SYSTEM_TRUSTED_KEYRING"))
    status, said = compiles("#include <openssl/opensslv.h>\nOPENSSL_VERSION_TEXT\n")
    need = minimums(system).get("openssl & libcrypto", ("1.0.0",))[0]
    have = re.search(r'"OpenSSL (\d[\d.]*)', said)
    if status:
        tell = system.stop if ssl else system.note
        tell("missing:openssl", "openssl's headers are missing"
             + ("; modules and certificates are signed with it" if ssl
                else ", which a distribution's configuration needs"), system.install("libssl-dev"))
    elif have and older(have[1], need):
        system.stop("old:openssl", f"openssl's headers are of {have[1]}, and this kernel needs "
                    f"{need} or newer", system.install("libssl-dev"))
    system.ok("headers for the build's own programs")


def check_keys(system):
    """A distribution's .config names certificates that only the distribution has."""
    config = tree_config(system) or {} if not system.module else {}
    for symbol in "SYSTEM_TRUSTED_KEYS", "SYSTEM_REVOCATION_KEYS":
        name = config.get(symbol, "").strip('"')
        if name and not any((d / name).exists() for d in (system.src, system.out)):
            system.stop("certificates",
                        (f"CONFIG_{symbol} names {name}, which is not in the tree (the .config is "
                         "a distribution's): make ends with 'No rule to make target'"),
                        (f"cd {shlex.quote(str(system.out))} && {system.src}/scripts/config "
                         f"--set-str {symbol} ''"), system.make("olddefconfig"))


# --- Rust


def elsewhere(program):
    """Where a program is that PATH does not lead to: rustup puts it in a home directory."""
    users = [os.environ.get("SUDO_USER"), os.environ.get("USER")]
    homes = [os.path.expanduser("~")]
    for user in filter(None, users):
        try:
            homes.append(pwd.getpwnam(user).pw_dir)
        except KeyError:
            pass
    candidates = [pathlib.Path(home, ".cargo/bin", program) for home in homes]
    candidates += sorted(pathlib.Path("/usr/lib").glob(f"rust-*/bin/{program}"), reverse=True)
    candidates += [pathlib.Path("/usr/local/bin", program), pathlib.Path("/usr/bin", program)]
    in_path = os.get_exec_path()
    return [c for c in dict.fromkeys(candidates) if os.access(c, os.X_OK)
            and str(c.parent) not in in_path]


def check_rust(system):
    config = tree_config(system) or {}
    script = "scripts/rust_is_available.sh"
    if not system.src or system.module or not (system.src / script).is_file():
        return
    rustc, bindgen = system.tool("RUSTC"), system.tool("BINDGEN")
    there = [p for p in (rustc[-1], bindgen[-1]) if system.run(p, "--version")[0] != 127
             or elsewhere(p) or programs(rf"{re.escape(p)}-[\d.]+$")]
    wanted = system.rust_wanted or config.get("RUST") == "y"
    if not there and not wanted:
        return  # no Rust, and nobody asks for it
    given = [f"{k}={v}" for k, v in system.make_vars.items() if k != "O"]
    # its own words; O= keeps it from stumbling over a tree that was built in place
    with tempfile.TemporaryDirectory() as scratch:
        status, said = system.run("make", "-s", "-C", system.src, f"O={scratch}", *given,
                                  "rustavailable")
    said = "\n".join(line.strip("* \t") for line in said.splitlines() if line.strip("* \t"))
    if status == 0 and "may not" not in said and "may be" not in said:
        system.ok("Rust, says the tree's rustavailable")
        why_no_rust(system, config)
        return
    tell = system.stop if wanted and status else system.note
    name, cause, mend = explain_rust(system, said)
    if name.startswith("missing:") and not wanted:
        return
    tell(name, cause, *mend, system.make("rustavailable"))


def explain_rust(system, said):
    """(name, cause, mend) of what the tree's rust_is_available.sh says."""

    def value(pattern):
        found = re.search(pattern + r": +(\S+)", said)
        return found[1] if found else "unknown"

    have = value(r"Your (?:bindgen )?version")
    need = value(r"(?:Minimum|Expected) version")
    tool = re.search(r"Rust (compiler|bindings generator) '(.*?)' "
                     r"(could not be found|is too \w+)", said)
    if tool:
        program, asked, problem = RUST_TOOLS[tool[1]], tool[2], tool[3]
        if problem == "could not be found":
            return not_found(system, program, asked)
        at = where(system, asked)
        if problem == "is too old":
            return (f"old:{program}", f"{at} is {have}, and this kernel needs {need} or newer",
                    newer_rust(system, program, asked, need))
        mend = (f"rustup override set {need}" if program == "rustc"
                else f"cargo install --locked bindgen-cli --version {need}")
        return (f"new:{program}", f"{at} is {have}, newer than {need}, the only one that this "
                "kernel knows: it may fail to build", (mend,))
    if found := re.search(r"Running '(.*?)' to check the (libclang|Rust|bindings).* failed", said):
        if found[2] != "libclang":
            return does_not_run(system, found[1])
        return ("missing:libclang", "bindgen is there and finds no libclang",
                (system.install("libclang-dev"),))
    if re.search(r"libclang .*is too old", said):
        return ("old:libclang", f"libclang, by which bindgen reads C, is {have}, and this kernel "
                f"needs {need} or newer", ("apt-cache search --names-only '^libclang-[0-9]+-dev$'",
                                           system.install("libclang-dev")))
    if found := re.search(r"' < ([\d.]+\d) together with libclang >= ([\d.]+\d)", said):
        return ("new:libclang", f"libclang {value('Your libclang version')} is too new for bindgen "
                f"{have}: from libclang {found[2]} on it takes bindgen {found[1]}",
                newer_rust(system, "bindgen", "bindgen", found[1]))
    if "version does not match Clang's" in said:
        return ("libclang", "bindgen reads C with another version of clang "
                f"({value('libclang version')}) than CC is ({value('Clang version')})",
                ("export LIBCLANG_PATH=$(llvm-config --libdir)",))
    if found := re.search(r"'core' standard library could not be found\s+at '(.*?)'", said):
        return ("missing:rust-src", "rust-src, the sources of the library that belong to this "
                f"rustc, is not at {found[1]}", rust_src(system, found[1]))
    return "rust", f"the tree's rustavailable says: {said[:300]}", ()


def where(system, program):
    return system.run("sh", "-c", f"command -v {shlex.quote(program)}")[1].strip() or program


def not_found(system, program, asked):
    for path in elsewhere(program):
        owner = pwd.getpwuid(path.stat().st_uid).pw_name
        user = os.environ.get("SUDO_USER")
        make = system.make("rustavailable")
        if os.geteuid() == 0 and user:
            mend = (f'sudo -u {user} env "PATH={path.parent}:$PATH" {make}',
                    "Build as yourself; only make modules_install and make install need sudo.")
        else:
            mend = (f'export PATH="{path.parent}:$PATH"',)
        return (f"path:{program}", f"{program} is installed, at {path} ({owner}'s), where PATH "
                "does not lead: make does not see it" + (", for sudo sets a PATH of its own"
                                                         if user else ""), mend)
    for name in programs(rf"{program}-[\d.]+$"):
        return (f"path:{program}", f"{asked} is not in PATH, but {name} is: make has to be told",
                (system.make(f"{program.upper()}={name}"),))
    return (f"missing:{program}", f"{program} is missing", (system.install(program
                                                                           if program == "bindgen"
                                                                           else "rustc rust-src"),
                                                            ))


def does_not_run(system, program):
    # rust_is_available.sh throws away what it says
    said = system.run(program, "--version")[1].strip()
    if "rustup" in said:
        return ("rustup",
                (f"{where(system, program)} is rustup's, and rustup has no toolchain for this "
                 "user (under sudo it is another user)"), ("rustup default stable",))
    return (f"broken:{pathlib.PurePath(program).name}", f"{where(system, program)} is there and "
            f"does not run: {said}", (f"{program} --version",))


def newer_rust(system, program, asked, need):
    """From nearest to farthest: another that is installed, rustup or cargo, Debian's."""
    for path in elsewhere(program):
        said = re.search(r"\d+\.\d+\.\d+", system.run(path, "--version")[1])
        if said and not older(said[0], need):
            return (f'export PATH="{path.parent}:$PATH"',)
    for name in programs(rf"{program}-[\d.]+$"):
        if not older(name.split("-")[-1], ".".join(map(str, numbers(need)[:2]))):
            return (system.make(f"{program.upper()}={name}"),)
    home = "/.cargo/" in where(system, asked) or programs(r"rustup$|cargo$")
    if program == "bindgen":
        return ((f"cargo install --locked bindgen-cli --version '>={need}'",) if home
                else ("apt-cache search --names-only '^bindgen'", system.install("bindgen")))
    return (("rustup update stable && rustup default stable",) if home
            else ("apt-cache search --names-only '^rustc'", system.install("rustup")
                  + " && rustup default stable"))


def rust_src(system, wanted):
    if "/.rustup/" in wanted:
        return ("rustup component add rust-src",
                *((("The package rust-src is installed and belongs to the package's rustc, not to "
                    "rustup's."),) if list(pathlib.Path("/usr/src").glob("rustc-*/library"))
                  else ()))
    for library in pathlib.Path("/usr/src").glob("rustc-*/library"):
        return (system.make(f"RUST_LIB_SRC={library}"), system.install("rust-src"))
    return (system.install("rust-src"),)


def why_no_rust(system, config):
    if not system.rust_wanted or not config or config.get("RUST") == "y":
        return
    reasons = audit.reasons(kconfig(system), "RUST", "y", "n", config)
    system.stop("config:RUST", "the tools are there, and CONFIG_RUST is not set: "
                f"{'; '.join(reasons)}", f"cd {shlex.quote(str(system.out))} && "
                f"{system.src}/scripts/config -e RUST", system.make("olddefconfig"))


def examine(system):
    if check_compiler(system) and not system.module:
        check_headers_of_libraries(system)
    check_tools(system)
    check_keys(system)
    check_rust(system)
