# SPDX-License-Identifier: Apache-2.0
"""scripts/server says what it builds, why, and how long that takes; a compiler stands in for Swift."""
import os
import shutil
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
COMPILER = """#!/bin/sh
test ! -e "$3/broken" || { echo "it does not compile" >&2; exit 1; }
mkdir -p "$3/.build/release"
printf '#!/bin/sh\\necho started "$@"\\n' > "$3/.build/release/memd"
chmod 755 "$3/.build/release/memd"
"""


class ServerScriptTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="memd-script-")
        self.addCleanup(shutil.rmtree, self.folder)
        for path in ["scripts/server", "Sources/memd/Server/Version.swift"]:
            os.makedirs(os.path.join(self.folder, os.path.dirname(path)))
            shutil.copy(os.path.join(ROOT, path), os.path.join(self.folder, path))
        self.write("Package.swift", "")
        os.mkdir(os.path.join(self.folder, "bin"))
        os.chmod(self.write("bin/swift", COMPILER), 0o755)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def change(self, name):
        """A source is newer than everything else."""
        later = time.time() + 60
        os.utime(os.path.join(self.folder, name), (later, later))

    def run_script(self, *words):
        """(exit status, output, messages)"""
        result = subprocess.run(
            [self.folder + "/scripts/server", *words], stdin=subprocess.DEVNULL, text=True,
            capture_output=True, timeout=60,
            env=dict(os.environ, PATH=f"{self.folder}/bin:{os.environ['PATH']}"))
        return result.returncode, result.stdout, result.stderr

    def test_the_first_build_and_the_next(self):
        status, output, messages = self.run_script("--port", "7000")
        self.assertEqual((status, output), (0, "started --port 7000\n"))
        self.assertRegex(messages, r"\ABuilding memd \S+ \(release, into \.build/release\): there is no"
                                   r" program yet; this takes about \d+ minutes, later starts are"
                                   r" quick\.\nBuilt in \d+ s\.\n\Z")
        self.assertEqual(self.run_script("a.conf"), (0, "started a.conf\n", ""))
        self.change("Package.swift")
        self.assertIn("sources have changed; this takes a minute or two.", self.run_script()[2])
        shutil.rmtree(self.folder + "/.build/release")
        self.assertRegex(self.run_script()[2], r"there is no program yet; the last time it took \d+ s\.")

    def test_a_build_that_fails(self):
        self.write("broken", "")
        status, output, messages = self.run_script()
        self.assertEqual((status, output), (1, ""))
        self.assertIn("it does not compile", messages)


if __name__ == "__main__":
    unittest.main()
