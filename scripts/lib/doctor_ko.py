# SPDX-License-Identifier: GPL-2.0-only
"""scripts/doctor --ko FILE: why insmod refuses a module.

What the kernel compares when it loads one (kernel/module/main.c, version.c, signing.c and
kernel/bpf/btf.c), compared here, in the same order.
"""
import gzip
import itertools
import lzma
import pathlib
import re
import shlex
import struct

from doctor_common import Cannot, read_config, release_of, running_config

SIGNATURE = b"~Module signature appended~\n"
GPL = {"GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL",
       "Dual MPL/GPL"}
# ELF machine and class of the architectures, by the symbol that a configuration has for them
MACHINES = {"X86_64": (62, 64), "X86_32": (3, 32), "ARM64": (183, 64), "ARM": (40, 32),
            "PPC64": (21, 64), "PPC32": (20, 32), "S390": (22, 64), "RISCV": (243, 64), "MIPS": (8,
                                                                                                 0),
            "SPARC64": (43, 64), "LOONGARCH": (258, 64), "M68K": (4, 32)}
UNAME = {"x86_64": "X86_64", "i686": "X86_32", "i386": "X86_32", "aarch64": "ARM64",
         "armv7l": "ARM", "ppc64le": "PPC64", "ppc64": "PPC64", "s390x": "S390",
         "riscv64": "RISCV", "loongarch64": "LOONGARCH"}
NAMES = {machine: name.lower() for name, machine in MACHINES.items()}


class NotAModule(Exception):
    """It is not an ELF file, or a damaged one."""


class Elf:
    """What a module is made of."""

    def __init__(self, data):
        self.data = data
        try:
            self.read()
        except (struct.error, IndexError, ValueError) as error:
            raise NotAModule(f"it is cut short or damaged ({error})") from None

    def read(self):
        data = self.data
        if data[:4] != b"\x7fELF":
            raise NotAModule(f"it begins with {data[:4]!r}, which no ELF file does")
        self.bits = {1: 32, 2: 64}[data[4]]
        self.order = "<" if data[5] == 1 else ">"
        wide = self.bits == 64
        self.type, self.machine = self.unpack("HH", 16)
        (offset,) = self.unpack("Q" if wide else "I", 40 if wide else 32)
        size, count, names = self.unpack("HHH", 58 if wide else 46)
        headers = [self.unpack("IIQQQQIIQQ" if wide else "IIIIIIIIII", offset + n * size)
                   for n in range(count)]
        if any(h[1] != 8 and h[4] + h[5] > len(data) for h in headers):
            raise NotAModule("it is cut short: a section ends after the file does")
        strings = self.bytes(headers[names])
        self.sections = {string(strings, h[0]): self.bytes(h) for h in headers}
        self.symbols = []
        for header in headers:
            if header[1] == 2:
                self.symbols = list(self.read_symbols(header, self.bytes(headers[header[6]])))

    def unpack(self, form, offset):
        return struct.unpack_from(self.order + form, self.data, offset)

    def bytes(self, header):
        return b"" if header[1] == 8 else self.data[header[4]:header[4] + header[5]]

    def read_symbols(self, header, strings):
        """(name, binding, section)"""
        for offset in range(header[4], header[4] + header[5], 24 if self.bits == 64 else 16):
            if self.bits == 64:
                name, info, _, section, _, _ = self.unpack("IBBHQQ", offset)
            else:
                name, _, _, info, _, section = self.unpack("IIIBBH", offset)
            yield string(strings, name), info >> 4, section

    def undefined(self):
        # weak ones may stay undefined
        return [name for name, binding, section in self.symbols if section == 0 and binding == 1
                and name]

    def layout(self):
        """Where struct module has its functions, and its size; None without both functions."""
        places = []
        entries = self.sections.get(".rela.gnu.linkonce.this_module", b"")
        if self.bits == 64:
            for at, info, _ in struct.iter_unpack(self.order + "QQq", entries):
                if self.symbols[info >> 32][0] in ("init_module", "cleanup_module"):
                    places.append(at)
        size = len(self.sections.get(".gnu.linkonce.this_module", b""))
        return (*sorted(places), size) if len(places) == 2 else None

    def modinfo(self):
        """tag -> values"""
        info = {}
        for entry in self.sections.get(".modinfo", b"").split(b"\0"):
            tag, _, value = entry.decode(errors="replace").partition("=")
            info.setdefault(tag, []).append(value)
        return info

    def versions(self):
        """symbol -> CRC; None if it has none at all"""
        table, extended = self.sections.get("__versions"), self.sections.get("__version_ext_crcs")
        if table is None and extended is None:
            return None
        crcs = {}
        word = 8 if self.bits == 64 else 4
        for offset in range(0, len(table or b"") - 63, 64):
            crc = struct.unpack_from(self.order + ("Q" if word == 8 else "I"), table, offset)[0]
            crcs[string(table, offset + word)] = crc & 0xFFFFFFFF
        if extended is not None:
            names = self.sections.get("__version_ext_names", b"").decode().split("\0")
            found = struct.unpack(f"{self.order}{len(extended) // 4}I", extended)
            crcs.update(zip(names, found))
        return crcs


def string(data, offset):
    return data[offset:data.index(b"\0", offset)].decode(errors="replace")


def read_module(path):
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Cannot(f"{path} cannot be read: {error.strerror}") from None
    try:
        if data[:6] == b"\xfd7zXZ\0":
            return lzma.decompress(data)
        if data[:2] == b"\x1f\x8b":
            return gzip.decompress(data)
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise NotAModule(f"it cannot be unpacked: {error}") from None
    if data[:4] == b"\x28\xb5\x2f\xfd":
        raise Cannot(f"{path} is compressed: unpack it first, with unzstd {shlex.quote(str(path))}")
    return data


# --- the kernel


class Kernel:
    """What a module has to fit: its configuration, symbols and type information."""

    def __init__(self, system, given, examined):
        self.system = system
        directory = given and pathlib.Path(given).is_dir()
        if directory:
            self.build = pathlib.Path(given).absolute()
            self.release = release_of(self.build)
            self.config = read_config(self.build / ".config")
        else:
            self.release = given or system.release
            self.build = system.path(f"/lib/modules/{self.release}/build")
            if self.release == system.release:
                self.config, _ = running_config(system)
            else:
                self.config = read_config(system.path(f"/boot/config-{self.release}"))
            if self.config is None:
                self.config = read_config(self.build / ".config")
        self.running = not directory and self.release == system.release
        if self.config is None and not self.running:
            raise Cannot(f"there is no kernel {given}: give an installed one's release, or a "
                         "directory with its .config and Module.symvers")
        self.config = self.config or {}
        self.symvers = self.read_symvers()
        self.sibling = self.find_sibling(examined)

    def on(self, symbol):
        return self.config.get(symbol) == "y"

    def read_symvers(self):
        """symbol -> (CRC, module or vmlinux, GPL only); None if there is no list"""
        for path in (self.build / "Module.symvers",
                     self.system.path(f"/boot/symvers-{self.release}.gz"),
                     self.system.path(f"/lib/modules/{self.release}/symvers.gz")):
            try:
                data = path.read_bytes()
            except OSError:
                continue
            data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
            symbols = {}
            for line in data.decode().splitlines():
                crc, name, where, kind = line.split("\t")[:4]
                symbols[name] = (int(crc, 16), where, "GPL" in kind)
            return symbols
        return None

    def machine(self):
        for symbol, machine in MACHINES.items():
            if self.on(symbol):
                return machine
        return MACHINES.get(UNAME.get(self.system.machine)) if self.running else None

    def find_sibling(self, examined):
        """A module that belongs to this kernel."""
        installed = self.system.path(f"/lib/modules/{self.release}/kernel").glob("**/*.ko*")
        for path in itertools.chain(installed, self.build.glob("[!i]*/**/*.ko")):
            if path.suffix not in (".ko", ".xz", ".gz") or path.samefile(examined):
                continue
            try:
                sibling = Elf(read_module(path))
            except (Cannot, NotAModule):
                continue
            if sibling.layout():
                return sibling
        return None

    def vermagic(self):
        """As a module of this kernel has it; else as include/linux/vermagic.h makes it."""
        if self.sibling and "vermagic" in self.sibling.modinfo():
            return self.sibling.modinfo()["vermagic"][0]
        # other architectures add words of their own
        if not self.config or not self.release or not (self.on("X86") or self.on("ARM64")):
            return None
        preempt = ("preempt" if self.on("PREEMPT_BUILD") else "preempt_rt" if self.on("PREEMPT_RT")
                   else "")
        words = [self.release, self.on("SMP") and "SMP", preempt, self.on("MODULE_UNLOAD")
                 and "mod_unload", self.on("MODVERSIONS") and "modversions", self.on("ARM64")
                 and "aarch64"]
        return " ".join(filter(None, words)) + " "

    def btf(self):
        for path in (*([self.system.path("/sys/kernel/btf/vmlinux")] if self.running else []),
                     self.build / "vmlinux",
                     self.system.path(f"/usr/lib/debug/boot/vmlinux-{self.release}")):
            try:
                data = path.read_bytes()
            except OSError:
                continue
            return Elf(data).sections.get(".BTF") if data[:4] == b"\x7fELF" else data
        return None


# --- what the kernel looks at


def again(system, kernel, path):
    """The build that mends most of it."""
    directory = shlex.quote(str(path.absolute().parent))
    return f"make -C {shlex.quote(str(kernel.build))} M={directory} clean modules"


def check_takes_any(system, kernel):
    disabled = kernel.running and system.read("/proc/sys/kernel/modules_disabled").strip() == "1"
    if disabled:
        system.stop("no-modules", "modules were disabled until the next boot "
                    "(/proc/sys/kernel/modules_disabled)", system.sudo("reboot"))
    if kernel.config and not kernel.on("MODULES"):
        system.stop("no-modules", f"the kernel {kernel.release} loads no modules at all "
                    "(CONFIG_MODULES is not set)", "Boot another kernel.")


def check_machine(system, kernel, elf, path):
    want = kernel.machine()
    have = (elf.machine, elf.bits)
    if not want:
        return True
    if have[0] != want[0] or want[1] not in (0, have[1]):
        system.stop("architecture",
                    (f"{path.name} is for {NAMES.get(have, f'machine {have[0]}')}, and the kernel "
                     f"is {NAMES[want]}: insmod says 'Exec format error'"),
                    "unset ARCH CROSS_COMPILE", again(system, kernel, path))
        return False
    system.ok("architecture")
    return True


def check_is_module(system, kernel, elf, path):
    if elf.type != 1 or ".gnu.linkonce.this_module" not in elf.sections:
        what = ("is an object file that modpost has not made a module of" if elf.type == 1
                else "is no module")
        system.stop("not-a-module",
                    (f"{path.name} {what} (no .gnu.linkonce.this_module): insmod takes the .ko "
                     "that make modules leaves"), again(system, kernel, path))
        return False
    if not elf.symbols:
        system.stop("stripped", f"{path.name} has no symbols (strip takes them all; modules lose "
                    "only --strip-debug)", again(system, kernel, path))
        return False
    return True


def check_vermagic(system, kernel, elf, path):
    want = kernel.vermagic()
    have = elf.modinfo().get("vermagic", [None])[0]
    if not want:
        system.note("unknown:vermagic", f"what {kernel.release} asks of a module cannot be told: "
                    "its configuration is missing",
                    system.install(f"linux-headers-{kernel.release}"))
        return
    if have is None:
        if not kernel.on("MODULE_FORCE_LOAD"):
            system.stop("vermagic", f"{path.name} does not say what kernel it is for (no vermagic)",
                        again(system, kernel, path))
        return
    # with CRCs the release does not count
    crcs = kernel.on("MODVERSIONS") and elf.versions() is not None
    a, b = ((m.partition(" ")[2] if crcs else m).split() for m in (have, want))
    if a == b:
        system.ok(f"vermagic {have.strip()}")
        return
    reasons = []
    if not crcs and a[:1] != b[:1]:
        reasons.append(f"it was built for {a[0] if a else '?'}, and the kernel is {b[0]}")
        a, b = a[1:], b[1:]
    only = sorted(set(a) ^ set(b))
    if only:
        options = {"SMP": "SMP", "preempt": "PREEMPT", "preempt_rt": "PREEMPT_RT",
                   "mod_unload": "MODULE_UNLOAD", "modversions": "MODVERSIONS"}
        reasons += [f"CONFIG_{options.get(w, w)} was {'on' if w in a else 'off'} where it was "
                    f"built and is {'off' if w in a else 'on'} in the kernel" for w in only]
    mend = [again(system, kernel, path)]
    if not (kernel.build / "Makefile").exists():
        mend.insert(0, system.install(f"linux-headers-{kernel.release}"))
    system.stop("vermagic",
                (f"{path.name} is for another kernel: {'; '.join(reasons)} (version magic "
                 f"'{have.strip()}' should be '{want.strip()}')"), *mend)


def check_layout(system, kernel, elf, path):
    have, want = elf.layout(), kernel.sibling and kernel.sibling.layout()
    if have and want and have != want:
        system.stop("layout", f"{path.name} was built with other options than the kernel, which "
                    "the version magic does not show: its struct module is laid out differently "
                    "(insmod: 'Invalid relocation target'; or it cannot be unloaded, or worse)",
                    f"make -C {shlex.quote(str(kernel.build))} olddefconfig all",
                    again(system, kernel, path), "And boot the kernel that was built with it.")


def check_symbols(system, kernel, elf, path):
    wanted = elf.undefined()
    info = elf.modinfo()
    known = kernel.symvers
    if known is None:
        names = (set(re.findall(r"^\S+ \S (\S+)", system.read("/proc/kallsyms"), re.M))
                 if kernel.running else set())
        missing = [name for name in wanted if names and name not in names]
        if missing:
            missing_symbols(system, kernel, path, missing, "the running kernel and its modules "
                            "have")
        system.note("unknown:symvers",
                    ("symbols and their CRCs could not be compared: no Module.symvers for "
                     f"{kernel.release}"), system.install(f"linux-headers-{kernel.release}"))
        return
    loaded = ({line.split()[0] for line in system.read("/proc/modules").splitlines()}
              if kernel.running else None)
    own = {name for name, _, section in elf.symbols if section}
    missing = [name for name in wanted if name not in known and name not in own]
    if missing:
        missing_symbols(system, kernel, path, missing, "the kernel exports")
    free = not set(info.get("license", [])) & GPL
    gpl = [name for name in wanted if free and name in known and known[name][2]]
    if gpl:
        system.stop("gpl-symbol",
                    (f"{path.name} has the license {info.get('license', ['none'])[0]!r} and uses "
                     f"what is for GPL modules only: {some(gpl)}"), "grep -rn MODULE_LICENSE .")
    if loaded is not None:
        needed = {known[n][1].rpartition("/")[2].replace("-", "_") for n in wanted if n in known
                  and known[n][1] != "vmlinux" and "/" in known[n][1]}
        for module in sorted(needed - loaded):
            system.stop("dependency",
                        (f"{path.name} uses symbols of the module {module}, which is not loaded; "
                         "insmod loads nothing else"), system.sudo(f"modprobe {module}"),
                        system.sudo(f"insmod {path}"))
    check_crcs(system, kernel, elf, path, [n for n in wanted if n in known])


def some(names):
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def missing_symbols(system, kernel, path, missing, who):
    system.stop("missing-symbol",
                (f"{path.name} uses what nothing that {who} is called: {some(missing)} (insmod: "
                 "'Unknown symbol')"), f"grep -rn -w {missing[0]} {kernel.build}/Module.symvers "
                f"{kernel.build}/include | head",
                ("The option that exports it is off, it has another name in this kernel, or it is "
                 "static there."))


def check_crcs(system, kernel, elf, path, wanted):
    crcs = elf.versions()
    if not kernel.on("MODVERSIONS"):
        return
    if crcs is None:
        if not kernel.on("MODULE_FORCE_LOAD"):
            system.stop("no-crc",
                        (f"{path.name} carries no CRCs and the kernel wants them (MODVERSIONS): "
                         "it was built without Module.symvers"), again(system, kernel, path))
        return
    differ, absent = [], []
    for name in ["module_layout", *wanted]:
        if not kernel.symvers.get(name, (0,))[0]:
            continue
        if name not in crcs:
            absent.append(name)
        elif crcs[name] != kernel.symvers[name][0]:
            differ.append(name)
    if differ:
        system.stop("crc",
                    (f"{path.name} was built against other declarations than the kernel was: the "
                     f"CRC differs for {some(differ)} (insmod: 'disagrees about version of "
                     "symbol')"), again(system, kernel, path))
    if absent:
        system.stop("no-crc",
                    (f"{path.name} carries no CRC for {some(absent)} (insmod: 'no symbol "
                     "version'): its Module.symvers was missing or old"), again(system, kernel,
                                                                                path))
    if not differ and not absent:
        system.ok(f"CRCs of {len(wanted)} symbols")


def check_signature(system, kernel, data, path):
    if data.endswith(SIGNATURE):
        system.ok("it is signed")
        return
    why = []
    if kernel.on("MODULE_SIG_FORCE"):
        why.append("the kernel takes signed modules only (CONFIG_MODULE_SIG_FORCE)")
    secure_boot = False
    if kernel.running:
        mode = re.search(r"\[(\w+)\]", system.read("/sys/kernel/security/lockdown"))
        if system.read("/sys/module/module/parameters/sig_enforce").strip() == "Y":
            why.append("the kernel was started with module.sig_enforce")
        if mode and mode[1] != "none":
            why.append(f"the kernel is locked down ({mode[1]})")
        try:
            names = list(system.path("/sys/firmware/efi/efivars").glob("SecureBoot-*"))
            secure_boot = bool(names) and names[0].read_bytes()[-1:] == b"\1"
        except OSError:
            pass
    if not why:
        if secure_boot:
            system.note("secure-boot", "Secure Boot is on, and this kernel loads unsigned modules "
                        "all the same")
        return
    if secure_boot:
        why.append("because of Secure Boot")
    sign = f"{kernel.build}/scripts/sign-file sha256 MOK.priv MOK.der {shlex.quote(str(path))}"
    mend = [sign]
    if secure_boot:
        mend = [("openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=modules/ "
                 "-keyout MOK.priv -outform DER -out MOK.der"), sign,
                system.sudo("mokutil --import MOK.der") + " && " + system.sudo("reboot"),
                "Or turn Secure Boot off in the firmware's (the VM's) settings."]
    elif kernel.running and not kernel.on("MODULE_SIG_FORCE"):
        mend = [("Boot without lockdown= and module.sig_enforce on the kernel's command line, or "
                 "sign it with a key that the kernel knows:"), sign]
    system.stop("unsigned",
                (f"{path.name} is not signed, and {', '.join(why)} (insmod: 'Key was rejected by "
                 "service' or 'Operation not permitted')"), *mend)


# --- BTF


def btf_types(data):
    """(strings, [(name, kind, [referred types], [other names])]) of a .BTF section"""
    order = "<" if data[:2] == b"\x9f\xeb" else ">"
    magic, _, _, head, type_at, type_size, string_at, string_size = struct.unpack_from(order
                                                                                       + "HBBIIIII",
                                                                                       data)
    if magic != 0xEB9F:
        raise NotAModule("its .BTF has no BTF in it")
    strings = data[head + string_at:head + string_at + string_size]
    at, end = head + type_at, head + type_at + type_size
    types = []
    while at < end:
        name, info, refers = struct.unpack_from(order + "III", data, at)
        at += 12
        kind, count = info >> 24 & 31, info & 0xFFFF
        # how many words follow, and which are names (n) and types (t)
        form = {1: "x", 3: "ttx", 4: "ntx" * count, 5: "ntx" * count, 6: "nx" * count,
                13: "nt" * count, 14: "x", 15: "txx" * count, 17: "x", 19: "nxx" * count}
        form = form.get(kind, "")
        words = struct.unpack_from(f"{order}{len(form)}I", data, at)
        at += 4 * len(form)
        # 2 pointer, 8 to 11 typedef and qualifiers, 12 function, 13 prototype, 14 variable, 17, 18
        # tags
        refs = [refers] if kind in (2, 8, 9, 10, 11, 12, 13, 14, 17, 18) else []
        refs += [w for w, f in zip(words, form) if f == "t"]
        types.append((name, kind, refs, [w for w, f in zip(words, form) if f == "n"]))
    return strings, types


def btf_fault(base, data):
    """What is wrong in a module's type information on top of vmlinux's, or None."""
    base_strings, base_types = btf_types(base)
    strings, types = btf_types(data)
    everything = [(0, 0, [], []), *base_types, *types]

    def begins(offset):
        text = base_strings
        if offset >= len(text):
            text, offset = strings, offset - len(text)
        return offset == 0 or (offset < len(text) and text[offset - 1] == 0)

    for name, kind, refs, names in types:
        if bad := [r for r in refs if r >= len(everything)]:
            return f"it refers to type {bad[0]}, and there are {len(everything) - 1}"
        if not all(map(begins, [name, *names])):
            return "a name in it is the middle of another one in the kernel's"
        if kind == 12 and everything[refs[0]][1] != 13:
            return "a function in it is of a type that is no function's"
    return None


def check_btf(system, kernel, elf, path):
    data = elf.sections.get(".BTF")
    if not data or not kernel.on("DEBUG_INFO_BTF_MODULES") or ".BTF.base" in elf.sections:
        return
    base = kernel.btf()
    if base is None:
        system.note("unknown:btf",
                    (f"the BTF type information of {path.name} could not be compared: no vmlinux "
                     f"for {kernel.release}"))
        return
    try:
        fault = btf_fault(base, data)
    except struct.error:
        fault = "it is damaged"
    if not fault:
        system.ok("BTF")
        return
    refused = not kernel.on("MODULE_ALLOW_BTF_MISMATCH")
    tell = system.stop if refused else system.note
    tell("btf", f"the BTF type information of {path.name} belongs to another vmlinux: {fault} "
         "(the kernel was rebuilt after the module, or the module taken from another build); "
         + ("insmod says 'Invalid argument'" if refused
            else "the kernel loads it without its BTF"), "objcopy --remove-section .BTF "
         f"{shlex.quote(str(path))}", again(system, kernel, path))


def examine(system, path, given):
    if not path.is_file():
        raise Cannot(f"there is no file {path}")
    kernel = Kernel(system, given, path)
    check_takes_any(system, kernel)
    try:
        data = read_module(path)
        elf = Elf(data)
        if not check_machine(system, kernel, elf, path) or not check_is_module(system, kernel, elf,
                                                                               path):
            return
        check_signature(system, kernel, data, path)
        check_vermagic(system, kernel, elf, path)
        if not any(f.name == "vermagic" for f in system.findings):
            check_layout(system, kernel, elf, path)
        check_symbols(system, kernel, elf, path)
        check_btf(system, kernel, elf, path)
    except NotAModule as why:
        system.stop("not-a-module", f"{path.name} is no module: {why}", again(system, kernel,
                                                                              path))
