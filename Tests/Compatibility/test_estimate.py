# SPDX-License-Identifier: Apache-2.0
"""What scripts/estimate says is what a real memd needs, within a tenth."""
import os
import subprocess
import sys
import time
import unittest

from server import Server, request

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts", "estimate")

DESCRIPTIONS = [
    "strings 40000 key=16 value=16",
    "strings 40000 key=8 value=180",
    "strings 20000 key=40 value=300",
    "strings 40000 key=16 value=100 expire",
    "hashes 20000 key=16 fields=4 field=8 value=12",
    "hashes 4000 key=16 fields=20 field=10 value=40",
    "hashes 4 key=16 fields=20000 field=16 value=16",
    "hashes 40 key=16 fields=1000 field=16 value=100",
    "sets 4000 key=16 members=20 member=16",
    "sets 4 key=16 members=20000 member=24",
    "sorted-sets 4000 key=16 members=20 member=16",
    "sorted-sets 4 key=16 members=20000 member=16",
    "lists 4000 key=16 items=20 item=30",
    "lists 4 key=16 items=20000 item=100",
    "streams 4 key=16 entries=20000 values=3 value=20",
]


def word(number, length):
    """A word of a length that no other number has, in an order that is not that of numbers."""
    return f"{number * 7919 % 1000003:06d}".ljust(length, "x")[:max(6, length)]


def commands(kind, count, lengths, expires):
    """Requests that make the data."""
    get = lengths.get
    for key in range(count):
        name = "k" + word(key, get("key") - 1)
        inner = range(get("fields") or get("members") or get("items") or get("entries") or 0)
        if kind == "strings":
            yield ("SET", name, word(key, get("value"))) + (("EX", key + 9999) if expires else ())
        for first in range(0, len(inner), 100):
            part = inner[first:first + 100]
            if kind == "hashes":
                yield ["HSET", name] + [
                    text for i in part for text in ("f" + word(i, get("field") - 1),
                                                    word(i, get("value")))]
            elif kind == "sets":
                yield ["SADD", name] + ["m" + word(i, get("member") - 1) for i in part]
            elif kind == "sorted-sets":
                yield ["ZADD", name] + [
                    text for i in part for text in (i * 7919 % 10007,
                                                    "m" + word(i, get("member") - 1))]
            elif kind == "lists":
                yield ["RPUSH", name] + ["i" + word(i, get("item") - 1) for i in part]
            elif kind == "streams":
                for i in part:
                    yield ["XADD", name, "*"] + [
                        text for n in range(get("values")) for text in (
                            f"field{n}", "v" + word(i, get("value") - 1))]


class EstimateTests(unittest.TestCase):
    def used(self):
        """used_memory once it rests."""
        last = None
        while True:
            lines = self.server.raw(request("INFO", "memory")).decode().splitlines()
            now = next(int(line.split(":")[1]) for line in lines if line.startswith("used_memory:"))
            if now == last:
                return now
            last = now
            time.sleep(0.05)

    def test_estimates(self):
        self.server = Server("--save", "")
        self.addCleanup(self.server.stop)
        for description in DESCRIPTIONS:
            with self.subTest(description):
                self.server.raw(request("FLUSHALL", "SYNC"))
                before = self.used()
                words = description.split()
                lengths = {name: int(value) for name, _, value in
                           (part.partition("=") for part in words[2:]) if value}
                batch = b"".join(request(*command) for command in commands(
                    words[0], int(words[1]), lengths, "expire" in words))
                self.assertNotIn(b"-ERR", self.server.raw(batch, patience=60, quiet=1))
                used = self.used() - before
                output = subprocess.run(
                    [sys.executable, SCRIPT, description], capture_output=True, text=True).stdout
                estimate = int(output.split("(")[1].split()[0])
                self.assertLess(abs(used / estimate - 1), 0.1, f"{used} used, {output}")

    def test_what_is_not_understood_is_refused(self):
        for description in ["strings", "strings 5 key=1", "strings 5 key=1 value=2 members=3",
                            "trees 5 key=1", "strings many key=1 value=2"]:
            result = subprocess.run(
                [sys.executable, SCRIPT, description], capture_output=True, text=True)
            self.assertEqual(result.returncode, 1, description)
            self.assertIn(description, result.stderr)


if __name__ == "__main__":
    unittest.main()
