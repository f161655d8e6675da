# SPDX-License-Identifier: GPL-2.0-only
"""scripts/doctor: what its parts share: configurations, versions."""
import gzip
import importlib.machinery
import importlib.util
import os
import pathlib
import re

HERE = pathlib.Path(__file__).resolve().parent


class Cannot(Exception):
    """Exit status 2, and why."""


def load_audit():
    """scripts/lib/audit: its Kconfig reader knows why a symbol cannot be set."""
    loader = importlib.machinery.SourceFileLoader("audit", str(HERE / "audit"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("audit", loader))
    loader.exec_module(module)
    return module


audit = load_audit()


def read_config(path):
    """A .config, /proc/config.gz or auto.conf; None if it is not there."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    config = audit.Config()
    for found in re.finditer(r"^(?:CONFIG_(\w+)=(.*?)|# CONFIG_(\w+) is not set) *$",
                             data.decode(errors="replace"), re.M):
        config[found[1] or found[3]] = found[2] if found[1] else "n"
    return config


def running_config(system):
    for name in ("/proc/config.gz", f"/boot/config-{system.release}",
                 f"/lib/modules/{system.release}/config"):
        config = read_config(system.path(name))
        if config is not None:
            return config, name
    return None, None


def tree_config(system):
    return system.out and read_config(system.out / ".config")


def release_of(directory):
    """The release that modules built there are for."""
    for name, pattern in (("include/generated/utsrelease.h", r'UTS_RELEASE "(.*)"'),
                          ("include/config/kernel.release", r"(\S+)")):
        try:
            if found := re.search(pattern, (directory / name).read_text()):
                return found[1]
        except OSError:
            pass
    return None


def numbers(version):
    return [int(n) for n in re.findall(r"\d+", version)[:3]]


def older(have, want):
    have, want = numbers(have), numbers(want)
    length = max(len(have), len(want))
    return have + [0] * (length - len(have)) < want + [0] * (length - len(want))


def source_arch(system):
    arch = system.make_vars.get("ARCH", os.environ.get("ARCH", os.uname().machine))
    return {"x86_64": "x86", "i386": "x86", "i686": "x86", "aarch64": "arm64",
            "ppc64le": "powerpc"}.get(arch, arch)


_kconfig = {}


def kconfig(system):
    if system.src not in _kconfig:
        _kconfig[system.src] = audit.Kconfig(system.src, source_arch(system))
    return _kconfig[system.src]
