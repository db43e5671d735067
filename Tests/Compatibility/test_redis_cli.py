# SPDX-License-Identifier: Apache-2.0
"""redis-cli and its modes, without a terminal."""
import re
import signal
import subprocess
import unittest

import server
from server import request, requires


def cli(*arguments, data=None, timeout=30):
    """What redis-cli prints."""
    result = subprocess.run(
        ["redis-cli", "-p", str(server.shared().port), *arguments],
        input=data, stdin=subprocess.DEVNULL if data is None else None,
        capture_output=True, timeout=timeout)
    return (result.stdout + result.stderr).decode(errors="replace")


def cli_for(seconds, *arguments):
    """What redis-cli prints in a mode that never ends, until it is interrupted."""
    process = subprocess.Popen(
        ["stdbuf", "-oL", "redis-cli", "-p", str(server.shared().port), *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        try:
            output, _ = process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
    return output.decode(errors="replace")


class RedisCLITests(unittest.TestCase):
    def setUp(self):
        if not server.missing("flushall"):
            cli("FLUSHALL")

    @requires("ping", "set", "get")
    def test_commands_as_arguments(self):
        self.assertEqual(cli("PING").strip(), "PONG")
        self.assertEqual(cli("SET", "key", "a value").strip(), "OK")
        self.assertEqual(cli("GET", "key").strip(), "a value")
        self.assertIn("unknown command", cli("NOSUCHCOMMAND"))

    @requires("set", "get")
    def test_commands_from_standard_input(self):
        output = cli(data=b"SET key 12\nGET key\n")
        self.assertEqual(output.split(), ["OK", "12"])

    @requires("hello", "set", "get")
    def test_resp3(self):
        self.assertEqual(cli("-3", "SET", "key", "value").strip(), "OK")
        self.assertEqual(cli("-3", "GET", "key").strip(), "value")

    # redis-cli knows the end of the replies by the answer to an ECHO.
    @requires("set", "dbsize", "echo")
    def test_pipe_loads_many_commands(self):
        data = b"".join(request("SET", f"key:{number}", number) for number in range(20_000))
        output = cli("--pipe", data=data)
        self.assertIn("errors: 0, replies: 20000", output)
        self.assertEqual(cli("DBSIZE").strip(), "20000")

    @requires("scan", "set", "echo")
    def test_scan_prints_every_key(self):
        cli("--pipe", data=b"".join(request("SET", f"key:{n}", n) for n in range(1000)))
        self.assertEqual(len(set(cli("--scan").split())), 1000)
        self.assertEqual(len(set(cli("--scan", "--pattern", "key:99*").split())), 11)

    @requires("scan", "type", "strlen", "dbsize")
    def test_bigkeys_finds_the_biggest(self):
        cli("SET", "small", "x")
        cli("SET", "big", "x" * 100)
        output = cli("--bigkeys")
        self.assertRegex(output, r"Biggest string found .*big.* has 100 bytes")

    @requires("scan", "type", "memory|usage", "dbsize")
    def test_memkeys_finds_the_biggest(self):
        cli("SET", "small", "x")
        cli("SET", "big", "x" * 10_000)
        output = cli("--memkeys")
        self.assertRegex(output, r"Biggest string found .*big.* has \d+ bytes")

    @requires("scan", "object|freq", "config|get", "dbsize")
    def test_hotkeys_are_sampled_under_lfu(self):
        cli("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu")
        cli("SET", "key", "x")
        output = cli("--hotkeys")
        cli("CONFIG", "SET", "maxmemory-policy", "noeviction")
        self.assertIn("Sampled 1 keys", output)

    @requires("info")
    def test_stat_prints_samples(self):
        output = cli_for(3, "--stat", "-i", "0.5")
        samples = [line for line in output.splitlines() if re.match(r"\s*\d+\s+\S+[KMG]?\s", line)]
        self.assertGreaterEqual(len(samples), 2, output)

    @requires("ping")
    def test_latency_is_measured(self):
        output = cli_for(4, "--latency", "--raw", "-i", "1")
        self.assertRegex(output, r"\d+ \d+ [\d.]+ \d+")

    @requires("set", "get")
    def test_a_prefix_of_repetitions(self):
        self.assertEqual(cli("-r", "3", "SET", "key", "x").split(), ["OK"] * 3)

    @requires("select", "set", "get")
    def test_another_database(self):
        cli("-n", "3", "SET", "key", "three")
        self.assertEqual(cli("-n", "3", "GET", "key").strip(), "three")
        self.assertEqual(cli("GET", "key").strip(), "")

    @requires("command|docs")
    def test_help_has_its_documentation(self):
        self.assertIn("summary", cli("COMMAND", "DOCS", "get"))
