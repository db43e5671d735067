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


def compile_or_exit(words, folder):
    # The compiler leaves files where it runs.
    result = subprocess.run(["swiftc", *words], cwd=folder, capture_output=True, text=True)
    if result.returncode:
        sys.exit(result.stdout + result.stderr)


def build(kind):
    """The program; each module is one object file, made again if it or one before it changed."""
    folder = os.path.join(ROOT, ".build", "reach", kind)
    os.makedirs(folder, exist_ok=True)
    flags = FLAGS + KINDS[kind]
    objects, is_stale = [], False
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
    sources = sorted(
        [path for path in glob.glob(f"{ROOT}/Tests/memdTests/Reach/*.swift")
         if not path.endswith("Tests.swift")]
        + glob.glob(f"{ROOT}/Tests/Reach/*.swift")
        + [f"{ROOT}/Tests/memdTests/Support/{name}.swift" for name in SHARED])
    program = f"{folder}/reach"
    if is_stale or not os.path.exists(program) or newest(sources) > os.path.getmtime(program):
        print("Building reach", flush=True)
        compile_or_exit([
            *flags, "-wmo", "-module-name", "Reach", "-I", folder, "-o", program, *sources,
            *objects], folder)
    return program
