# SPDX-License-Identifier: Apache-2.0
"""Builds the program that runs servers in process, with simulated clock, sockets and disk."""

import glob
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODULES = ("RESP", "DataStructures", "EventLoop", "PubSub", "memd")
FLAGS = [
    "-swift-version", "6", "-enable-experimental-feature", "Lifetimes", "-g", "-O",
    "-enforce-exclusivity=unchecked",
    "-enable-upcoming-feature", "InternalImportsByDefault",
    "-enable-upcoming-feature", "MemberImportVisibility",
    "-enable-upcoming-feature", "ExistentialAny",
    "-Xcc", f"-fmodule-map-file={ROOT}/Sources/CLinux/module.modulemap",
    *(word for name in ("CLua", "CTLS") for word in (
        "-Xcc", f"-fmodule-map-file={ROOT}/Sources/{name}/include/module.modulemap")),
]
# Preconditions and assertions both.
CHECKED = ["-assert-config", "Debug"]
KINDS = {
    "sanitized": [*CHECKED, "-sanitize=address", "-D", "MEMD_MALLOC_ONLY"],
    "plain": CHECKED,
    # As fast as the server itself.
    "release": ["-enable-default-cmo"],
}
# Files of the tests that the program needs, too.
SHARED = ("DatasetText", "RawSpan+Text", "StreamText")


def newest(paths):
    return max(os.path.getmtime(path) for path in paths)


def compile_or_exit(words, folder, compiler="swiftc"):
    # The compiler leaves files where it runs.
    result = subprocess.run([compiler, *words], cwd=folder, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stdout + result.stderr)


def build_modules(kind):
    """Each module is one object file, made again if it or one before it changed.

    Returns the folder, the flags, the object files, and whether one was made.
    """
    folder = os.path.join(ROOT, ".build", "reach", kind)
    os.makedirs(folder, exist_ok=True)
    flags = FLAGS + KINDS[kind]
    objects, is_stale = [], False
    for source in sorted(glob.glob(f"{ROOT}/Sources/C*/*.c")):
        target = f"{folder}/{os.path.basename(source)}.o"
        objects.append(target)
        module = os.path.dirname(source)
        inputs = [source, *glob.glob(f"{module}/**/*.h", recursive=True)]
        if not os.path.exists(target) or newest(inputs) > os.path.getmtime(target):
            is_stale = True
            sanitizer = ["-fsanitize=address"] if kind == "sanitized" else []
            compile_or_exit(
                ["-g", "-O2", *sanitizer, f"-I{module}/include", "-c", source, "-o",
                 target], folder, compiler="clang")
    for name in MODULES:
        sources = sorted(
            path for path in glob.glob(f"{ROOT}/Sources/{name}/**/*.swift", recursive=True)
            if os.path.basename(path) != "main.swift")
        target = f"{folder}/{name}.o"
        objects.append(target)
        if not os.path.exists(target) or newest(sources) > os.path.getmtime(target):
            is_stale = True
        if is_stale:
            print(f"Building {name}", flush=True)
            compile_or_exit([
                *flags, "-parse-as-library", "-wmo", "-module-name", name, "-I", folder,
                "-enable-testing", "-emit-module", "-emit-module-path",
                f"{folder}/{name}.swiftmodule", "-c", "-o", target, *sources], folder)
    return folder, flags, objects


def tested_modules():
    """The modules as `MEMD_OPTIMISED=1 swift build --build-tests` has made them, which takes as long
    as making them again would. Returns as `build_modules`."""
    products = os.path.join(ROOT, ".build", "tests", "debug")
    modules = os.path.join(products, "Modules")
    if not os.path.exists(f"{modules}/memd.swiftmodule"):
        sys.exit("There is no build of the tests: scripts/test makes one")
    objects = sorted(
        path for name in (*MODULES, "CLua", "CTLS")
        for path in glob.glob(f"{products}/{name}.build/*.o"))
    folder = os.path.join(ROOT, ".build", "reach", "tested")
    os.makedirs(folder, exist_ok=True)
    return folder, [*FLAGS, *CHECKED, "-I", modules], objects


def build_program(kind, name, patterns):
    """A program of the servers' modules and of files of the tests, without the tests themselves."""
    folder, flags, objects = tested_modules() if kind == "tested" else build_modules(kind)
    sources = sorted(
        path for pattern in patterns for path in glob.glob(f"{ROOT}/Tests/{pattern}.swift")
        if not path.endswith("Tests.swift"))
    program = f"{folder}/{name}"
    if not os.path.exists(program) or newest(sources + objects) > os.path.getmtime(program):
        print(f"Building {name}", flush=True)
        compile_or_exit([
            *flags, "-wmo", "-module-name", name.capitalize(), "-I", folder, "-o", program,
            *sources, *objects], folder)
    return program


def build(kind):
    """The program that sends generated commands to one server."""
    shared = [f"memdTests/Support/{name}" for name in SHARED]
    return build_program(kind, "reach", ["memdTests/Reach/*", "Reach/*", *shared])


def build_simulation(kind):
    """The program that plays stories of clusters."""
    shared = [f"memdTests/Support/{name}" for name in (*SHARED, "Reply")]
    return build_program(
        kind, "simulate",
        ["memdTests/Cluster/*", "memdTests/Simulation/*", "Simulation/*", *shared])
