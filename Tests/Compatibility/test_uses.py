# SPDX-License-Identifier: Apache-2.0
"""What docs/uses.md shows works as it stands there: Python, and commands with their output."""
import os
import re
import shlex
import subprocess
import unittest

import server
from server import requires

PAGE = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "uses.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class UsesTests(unittest.TestCase):
    @requires("eval", "increx", "delex", "blmove")
    def test_the_page(self):
        self.server = server.Server("--save", "")
        self.addCleanup(self.server.stop)
        with open(PAGE) as file:
            page = file.read()
        names = {}
        kinds = []
        for block in BLOCK.finditer(page):
            kind, text = block.groups()
            line = page.count("\n", 0, block.start()) + 2
            kinds.append(kind)
            with self.subTest(f"docs/uses.md:{line}"):
                if kind == "python":
                    self.run_python(text, line, names)
                else:
                    self.assertEqual(kind, "console")
                    self.run_commands(text)
        self.assertGreater(kinds.count("python"), 5)
        self.assertGreater(kinds.count("console"), 2)
        names["client"].close()

    def run_python(self, text, line, names):
        """Runs a block with the names of those before it; lines have the numbers of the page."""
        text = text.replace("redis.Redis(", f"redis.Redis(port={self.server.port}, ")
        exec(compile("\n" * (line - 1) + text, PAGE, "exec"), names)

    def run_commands(self, text):
        """Runs what stands behind `$`, and compares the lines that follow with what it prints."""
        for part in text.split("$ ")[1:]:
            command, _, expected = part.partition("\n")
            words = shlex.split(command)
            self.assertEqual(words[0], "redis-cli")
            result = subprocess.run(
                ["redis-cli", "--no-raw", "-p", str(self.server.port), *words[1:]],
                capture_output=True, text=True, timeout=20)
            self.assertEqual(result.stdout.strip(), expected.strip(), command)


if __name__ == "__main__":
    unittest.main()
