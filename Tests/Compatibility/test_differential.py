# SPDX-License-Identifier: Apache-2.0
"""Generated commands and scripts get the same replies from memd and from a real redis-server."""
import os
import shutil
import subprocess
import sys
import unittest

import server

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class DifferentialTest(unittest.TestCase):
    def compare(self, program, count):
        # The same commands every time; MEMD_SEED asks for others.
        seed = os.environ.get("MEMD_SEED", "101")
        script = os.path.join(ROOT, "scripts", program)
        result = subprocess.run(
            [sys.executable, script, "--count", str(count), "--seed", seed],
            capture_output=True, text=True, timeout=300,
            env={**os.environ, "MEMD_BINARY": os.path.abspath(server.BINARY)})
        self.assertEqual(result.returncode, 0, f"seed {seed}\n" + result.stdout + result.stderr)

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_generated_commands(self):
        self.compare("differential", 30000)

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    @server.requires("eval")
    def test_generated_scripts(self):
        self.compare("differential-scripts", 6000)

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    @server.requires("fcall")
    def test_generated_libraries(self):
        self.compare("differential-functions", 20000)

    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    @server.requires("eval")
    def test_generated_inputs_of_decoders(self):
        self.compare("differential-decoders", 10000)
