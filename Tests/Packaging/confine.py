# SPDX-License-Identifier: Apache-2.0
"""Runs the program of a systemd unit in a tree, with as much of the unit's restrictions as can be had
without systemd:  confine.py TREE UNIT NOTIFY_SOCKET

User and group, no capabilities, no new privileges, a system that can't be written but for the paths
that the unit names, a /tmp and a /dev of its own, programs only where ExecPaths allows them, no
memory that can be written and executed, and the filters of system calls and of address families.
PrivateUsers and what concerns the rest of the machine (Protect... of clock, kernel, host name) are
left out: without capabilities the filter refuses those calls anyway.
"""
import ctypes
import os
import pwd
import resource
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
seccomp = ctypes.CDLL("libseccomp.so.2")

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
CLONE_NEWNS = 0x20000
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
ALLOW, EPERM_ACTION = 0x7FFF0000, 0x00050000 | 1
PROT_WRITE, PROT_EXEC = 2, 4
EQUAL, MASKED_EQUAL = 4, 7


class Comparison(ctypes.Structure):
    """struct scmp_arg_cmp of libseccomp: argument `index` compared with numbers."""
    _fields_ = [("index", ctypes.c_uint), ("operation", ctypes.c_int),
                ("first", ctypes.c_uint64), ("second", ctypes.c_uint64)]


seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_rule_add_array.argtypes = [
    ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Comparison)]
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]


def read_unit(path):
    """The settings of the section [Service], each with all of its values."""
    settings, section = {}, None
    for line in open(path, encoding="utf-8"):
        line = line.strip()
        if line.startswith("["):
            section = line
        elif section == "[Service]" and "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            settings.setdefault(name, []).append(value)
    return settings


def check(result, what):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source, target, kind, flags, options=None):
    check(libc.mount(source.encode(), target.encode(), kind.encode() if kind else None,
                     ctypes.c_ulong(flags), options.encode() if options else None),
          f"mount {target}")


def bind(path, flags):
    """Lays a mount of its own over a path, with flags."""
    mount(path, path, None, MS_BIND)
    mount(path, path, None, MS_REMOUNT | MS_BIND | MS_NOSUID | flags)


def hide_system(tree, unit):
    check(libc.unshare(CLONE_NEWNS), "unshare")
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    bind(tree, MS_RDONLY | MS_NOEXEC)
    for path in " ".join(unit["ExecPaths"]).split():
        if os.path.exists(tree + path) and not os.path.islink(tree + path):
            bind(tree + path, MS_RDONLY)
    writable = [path.lstrip("-") for path in " ".join(unit["ReadWritePaths"]).split()]
    for kind, place in [("State", "var/lib"), ("Logs", "var/log"), ("Runtime", "run")]:
        for name in unit.get(kind + "Directory", []):
            writable.append(f"/{place}/{name}")
    for path in writable:
        bind(tree + path, MS_NOEXEC)
    mount("tmpfs", tree + "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=1777")
    mount("tmpfs", tree + "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755")
    for name, minor in [("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)]:
        os.mknod(f"{tree}/dev/{name}", 0o20666, os.makedev(1, minor))
        os.chmod(f"{tree}/dev/{name}", 0o666)
    mount("proc", tree + "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)


def expand(words):
    """Names of system calls; sets (@name) are what systemd says they are."""
    names = set()
    for word in words:
        if not word.startswith("@"):
            names.add(word)
            continue
        lines = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True,
                               text=True, check=True).stdout.splitlines()[1:]
        names |= expand(line.strip() for line in lines if not line.strip().startswith("#"))
    return names


def call_filter(unit):
    """A filter that allows what the unit allows; anything else fails with EPERM."""
    allowed = set()
    for value in unit["SystemCallFilter"]:
        if value.startswith("~"):
            allowed -= expand(value[1:].split())
        else:
            allowed |= expand(value.split())
    context = seccomp.seccomp_init(EPERM_ACTION)

    def allow(name, *comparisons):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            array = (Comparison * max(1, len(comparisons)))(*comparisons)
            seccomp.seccomp_rule_add_array(context, ALLOW, number, len(comparisons), array)

    families = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
    for word in " ".join(unit["RestrictAddressFamilies"]).split():
        allow("socket", Comparison(0, EQUAL, families[word], 0))
    allow("mmap", Comparison(2, MASKED_EQUAL, PROT_EXEC, 0))
    allow("mmap", Comparison(2, MASKED_EQUAL, PROT_WRITE, 0))
    allow("mprotect", Comparison(2, MASKED_EQUAL, PROT_EXEC, 0))
    for name in sorted(allowed - {"socket", "mmap", "mprotect", "pkey_mprotect"}):
        allow(name)
    return context


def main():
    tree, unit_path, notify = sys.argv[1:]
    unit = read_unit(unit_path)
    context = call_filter(unit)
    last_capability = int(open("/proc/sys/kernel/cap_last_cap").read())
    hide_system(tree, unit)
    os.chroot(tree)
    user = pwd.getpwnam(unit["User"][0])
    os.chdir(unit["WorkingDirectory"][0])
    files = min(int(unit["LimitNOFILE"][0]), resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    os.umask(int(unit["UMask"][0], 8))
    for capability in range(last_capability + 1):
        check(libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0), "capability")
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    words = unit["ExecStart"][0].split()
    environment = {"PATH": "/usr/bin:/bin", "NOTIFY_SOCKET": notify}
    if seccomp.seccomp_load(context) != 0:
        raise OSError("the filter of system calls can't be loaded")
    os.execve(words[0], words, environment)


main()
