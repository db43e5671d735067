# SPDX-License-Identifier: Apache-2.0
"""redis-benchmark completes; its figures are not looked at here."""
import subprocess
import unittest

import server
from server import requires


def benchmark(*arguments):
    """What redis-benchmark prints for a quick run."""
    result = subprocess.run(
        ["redis-benchmark", "-p", str(server.shared().port), "-n", "20000", "-q", *arguments],
        stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return (result.stdout + result.stderr).decode(errors="replace")


class RedisBenchmarkTests(unittest.TestCase):
    def check(self, output, *titles):
        for title in titles:
            self.assertRegex(output, rf"{title}[^\r\n]*: [\d.]+ requests per second")
        self.assertNotIn("rror from server", output)

    @requires("set", "get")
    def test_get_and_set(self):
        self.check(benchmark("-t", "set,get"), "SET", "GET")

    @requires("set", "get", "incr", "mset")
    def test_pipelined_with_random_keys(self):
        output = benchmark("-t", "set,get,incr,mset", "-P", "16", "-r", "10000")
        self.check(output, "SET", "GET", "INCR", "MSET")

    @requires("ping")
    def test_many_connections(self):
        self.check(benchmark("-t", "ping", "-c", "500"), "PING_INLINE", "PING_MBULK")

    @requires("get", "set")
    def test_the_server_answers_afterwards(self):
        benchmark("-t", "set", "-d", "10000", "-P", "100")
        self.assertEqual(server.shared().raw(b"PING\r\n"), b"+PONG\r\n")
