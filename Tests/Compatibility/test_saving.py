# SPDX-License-Identifier: Apache-2.0
"""Two real servers and one file of snapshots."""
import os
import tempfile
import unittest

import server
from test_append_log import Process

WARNING = "another server saves to"


class DumpFileTests(unittest.TestCase):
    def test_the_second_server_that_saves_to_a_file_warns(self):
        with tempfile.TemporaryDirectory(prefix="memd-saving-") as directory:
            def start(name, *arguments):
                process = Process(
                    os.path.abspath(server.BINARY), directory, "--appendonly", "no",
                    "--logfile", name, *arguments)
                self.addCleanup(process.kill)
                return process

            def warnings(name):
                with open(os.path.join(directory, name)) as log:
                    return log.read().count(WARNING)

            first = start("first.log", "--save", "60 1")
            start("second.log", "--save", "60 1")
            third = start("third.log")
            start("fourth.log", "--save", "60 1", "--dbfilename", "other.rdb")
            self.assertEqual(
                [warnings(f"{name}.log") for name in ("first", "second", "third", "fourth")],
                [0, 1, 0, 0])
            third.client.save()
            self.assertEqual(warnings("third.log"), 1)
            self.assertEqual(
                sorted(name for name in os.listdir(directory) if not name.endswith(".log")),
                ["dump.rdb", "output"])
            first.client.save()
            self.assertEqual(warnings("first.log"), 0)
