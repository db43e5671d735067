# SPDX-License-Identifier: Apache-2.0
"""memd and redis-server side by side, for tests that compare what both answer."""
import os
import shutil
import sys
import unittest

import server

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
os.environ.setdefault("MEMD_BINARY", server.BINARY)
os.environ["MEMD_BINARY"] = os.path.abspath(os.environ["MEMD_BINARY"])
from measuring import Connection, Server, encode  # noqa: E402

# Seconds in which a reply must come.
PATIENCE = 10


class Side:
    """One of both servers, and a client of it."""

    def __init__(self, kind, *options):
        self.kind = kind
        self.server = Server(kind, None, "--enable-debug-command", "yes", *options)
        self.port = self.server.port
        self.client = self.server.connection
        self.client.socket.settimeout(PATIENCE)

    def connect(self, protocol=2, user=None):
        """Another client; a user's password is its name."""
        client = Connection(self.port)
        client.socket.settimeout(PATIENCE)
        words = ["HELLO", protocol] + (["AUTH", user, user] if user else [])
        client.call(*words)
        return client

    def call(self, *words):
        return self.client.call(*words)

    def raw(self, *words):
        self.client.socket.sendall(encode(*words))
        return self.client.raw_reply()

    def end(self):
        self.server.__exit__()


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class SideBySideTest(unittest.TestCase):
    """A memd and a redis-server for all tests of the class; each test begins with empty ones."""

    options = ()

    @classmethod
    def setUpClass(cls):
        cls.sides = [Side(kind, *cls.options) for kind in ("memd", "redis")]
        cls.memd, cls.redis = cls.sides

    @classmethod
    def tearDownClass(cls):
        for side in cls.sides:
            side.end()

    def setUp(self):
        if b"eval" not in self.memd.call("COMMAND", "LIST"):
            self.skipTest("not implemented: eval")
        self.speak(2)
        for side in self.sides:
            side.call("FLUSHALL")
            side.call("SCRIPT", "FLUSH")
            side.call("CONFIG", "RESETSTAT")

    def speak(self, protocol):
        for side in self.sides:
            side.call("HELLO", protocol)

    def assert_same(self, *words):
        """Both reply with the same bytes; returns them."""
        ours, theirs = (side.raw(*words) for side in self.sides)
        self.assertEqual(ours, theirs, words)
        return theirs

    def both(self, action):
        """What `action` returns is the same for both servers; returns it."""
        ours, theirs = (action(side) for side in self.sides)
        self.assertEqual(ours, theirs)
        return theirs
