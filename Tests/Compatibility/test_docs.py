# SPDX-License-Identifier: Apache-2.0
"""What the pages in docs/ show happens, and their links lead somewhere."""
import glob
import os
import re
import subprocess
import sys
import unittest

import pages
from server import BINARY

ROOT = os.path.abspath(os.path.join(pages.FOLDER, ".."))


class PageTests(unittest.TestCase):
    def try_page(self, name, least):
        reader = pages.Reader(name)
        self.addCleanup(reader.close)
        count = 0
        for line, commands in reader.blocks():
            for command, expected in commands:
                printed = reader.run(command)
                count += 1
                if not pages.fits(expected, printed):
                    self.fail(f"docs/{name}:{line}: $ {command}\n{printed}\ninstead of\n"
                              + "\n".join(expected))
        self.assertGreaterEqual(count, least)

    def test_getting_started(self):
        self.try_page("getting-started.md", 12)

    def test_moving_from_redis(self):
        self.try_page("moving-from-redis.md", 10)

    def test_persistence(self):
        self.try_page("persistence.md", 10)

    def test_replication(self):
        self.try_page("replication.md", 10)

    def test_security(self):
        self.try_page("security.md", 8)

    def test_encryption(self):
        self.try_page("encryption.md", 10)

    def test_monitoring(self):
        self.try_page("monitoring.md", 7)

    def test_sizing(self):
        self.try_page("sizing.md", 2)

    def test_troubleshooting(self):
        self.try_page("troubleshooting.md", 10)

    def test_links(self):
        for path in glob.glob(ROOT + "/docs/*.md") + [ROOT + "/README.md"]:
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
                if "://" not in target:
                    there = os.path.join(os.path.dirname(path), target)
                    self.assertTrue(os.path.exists(there), f"{path} links to {target}")

    def test_every_page_is_in_the_readme(self):
        with open(ROOT + "/README.md", encoding="utf-8") as file:
            text = file.read()
        for path in glob.glob(ROOT + "/docs/*.md"):
            self.assertIn(f"(docs/{os.path.basename(path)}", text)

    def test_the_configuration_reference_is_what_the_program_says(self):
        result = subprocess.run(
            [sys.executable, ROOT + "/scripts/configuration-reference", "--check", "--binary",
             os.path.abspath(BINARY)], capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
