# SPDX-License-Identifier: Apache-2.0
"""Generated commands get the same replies from memd and from a real redis-server."""
import os
import shutil
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class DifferentialTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_generated_commands(self):
        # The same commands every time; MEMD_SEED asks for others.
        seed = os.environ.get("MEMD_SEED", "101")
        script = os.path.join(ROOT, "scripts", "differential")
        result = subprocess.run(
            [sys.executable, script, "--count", "30000", "--seed", seed],
            capture_output=True, text=True, timeout=300)
        self.assertEqual(result.returncode, 0, f"seed {seed}\n" + result.stdout + result.stderr)
