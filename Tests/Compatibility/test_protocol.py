# SPDX-License-Identifier: Apache-2.0
"""Bytes on the wire that no client library sends."""
import socket
import unittest

import server
from server import request, requires


class ProtocolTests(unittest.TestCase):
    @requires("ping")
    def test_inline_commands(self):
        self.assertEqual(server.shared().raw(b"PING\r\n"), b"+PONG\r\n")
        self.assertEqual(server.shared().raw(b'PING "a b"\n'), b"$3\r\na b\r\n")

    @requires("ping")
    def test_a_request_may_arrive_byte_by_byte(self):
        data = request("PING", "hello")
        with socket.create_connection(("127.0.0.1", server.shared().port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in data:
                connection.sendall(bytes([byte]))
            self.assertEqual(connection.recv(100), b"$5\r\nhello\r\n")

    @requires("ping")
    def test_a_broken_request_ends_its_connection_only(self):
        reply = server.shared().raw(b"*1\r\n+PING\r\n")
        self.assertEqual(reply, b"-ERR Protocol error: expected '$', got '+'\r\n")
        self.assertEqual(server.shared().raw(b"*x\r\n"),
                         b"-ERR Protocol error: invalid multibulk length\r\n")
        self.assertEqual(server.shared().raw(b"PING\r\n"), b"+PONG\r\n")

    @requires("ping")
    def test_random_bytes_do_no_harm(self):
        seed = 1
        for _ in range(50):
            data = bytearray()
            for _ in range(200):
                seed = seed * 6364136223846793005 + 1442695040888963407 & (1 << 64) - 1
                data.append(seed >> 40 & 0xFF)
            try:
                server.shared().raw(bytes(data) + b"\r\n", patience=0.02, quiet=0.01)
            except ConnectionError:
                pass  # the server may close before it has read everything
        self.assertEqual(server.shared().raw(b"PING\r\n"), b"+PONG\r\n")


class ProcessTests(unittest.TestCase):
    def test_sigterm_ends_the_server_with_status_0(self):
        own = server.Server()
        self.assertEqual(own.stop(), 0)

    def test_command_list_names_the_commands(self):
        # Everything else is skipped without it.
        self.assertLessEqual({"get", "set", "ping", "command"}, server.commands())
