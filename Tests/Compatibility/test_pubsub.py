# SPDX-License-Identifier: Apache-2.0
"""Messages through redis-py in both protocols, and through redis-cli."""
import os
import subprocess
import threading
import time
import unittest

import redis

import server
from server import requires


class PubSubTests:
    """What must work the same in RESP2 and RESP3."""

    protocol = 2

    def setUp(self):
        self.client = redis.Redis(
            port=server.shared().port, protocol=self.protocol, decode_responses=True,
            socket_timeout=10)
        self.pubsub = self.client.pubsub()

    def tearDown(self):
        self.pubsub.close()
        self.client.close()

    def take(self, count):
        """The next messages: type, pattern, channel, data."""
        messages = []
        deadline = time.monotonic() + 10
        while len(messages) < count and time.monotonic() < deadline:
            message = self.pubsub.get_message(timeout=1)
            if message:
                messages.append(
                    (message["type"], message["pattern"], message["channel"], message["data"]))
        return messages

    @requires("subscribe", "psubscribe", "publish")
    def test_channels_and_patterns(self):
        self.pubsub.subscribe("news", "weather")
        self.pubsub.psubscribe("n*", "*s")
        self.assertEqual(
            [message[3] for message in self.take(4)], [1, 2, 3, 4])
        self.assertEqual(self.client.publish("news", "hello"), 3)
        self.assertEqual(self.client.publish("weather", "ä€😀"), 1)
        self.assertEqual(self.client.publish("nobody", "x"), 1)
        self.assertEqual(self.take(5), [
            ("message", None, "news", "hello"), ("pmessage", "n*", "news", "hello"),
            ("pmessage", "*s", "news", "hello"), ("message", None, "weather", "ä€😀"),
            ("pmessage", "n*", "nobody", "x")])
        self.pubsub.unsubscribe()
        self.pubsub.punsubscribe()
        self.assertEqual(len(self.take(4)), 4)
        self.assertEqual(self.client.publish("news", "hello"), 0)
        self.assertFalse(self.pubsub.subscribed)

    @requires("ssubscribe", "spublish")
    def test_shard_channels(self):
        self.pubsub.ssubscribe("shard")
        self.take(1)
        self.assertEqual(self.client.execute_command("SPUBLISH", "shard", "hi"), 1)
        self.assertEqual(self.take(1), [("smessage", None, "shard", "hi")])
        self.assertEqual(self.client.pubsub_shardchannels(), ["shard"])
        self.assertEqual(self.client.pubsub_shardnumsub("shard", "x"), [("shard", 1), ("x", 0)])

    @requires("pubsub")
    def test_who_is_subscribed(self):
        self.pubsub.subscribe("a", "b")
        self.pubsub.psubscribe("p*")
        self.take(3)
        self.assertEqual(sorted(self.client.pubsub_channels()), ["a", "b"])
        self.assertEqual(self.client.pubsub_channels("[b]"), ["b"])
        self.assertEqual(self.client.pubsub_numsub("a", "none"), [("a", 1), ("none", 0)])
        self.assertEqual(self.client.pubsub_numpat(), 1)

    @requires("subscribe", "publish")
    def test_large_messages_to_many_subscribers(self):
        others = [self.client.pubsub() for _ in range(20)]
        for other in others:
            other.subscribe("large")
            self.assertEqual(other.get_message(timeout=5)["type"], "subscribe")
        texts = [letter * length for letter, length in
                 [("a", 10), ("b", 8192), ("c", 300_000), ("d", 3), ("e", 100_000)]]
        for text in texts:
            self.assertEqual(self.client.publish("large", text), 20)
        for other in others:
            for text in texts:
                message = None
                while message is None:
                    message = other.get_message(timeout=5)
                self.assertEqual(message["data"], text)
            other.close()

    @requires("subscribe", "publish")
    def test_a_listening_thread(self):
        received = []
        self.pubsub.subscribe(**{"work": lambda message: received.append(message["data"])})
        thread = self.pubsub.run_in_thread(sleep_time=0.01)
        for number in range(100):
            self.client.publish("work", number)
        deadline = time.monotonic() + 10
        while len(received) < 100 and time.monotonic() < deadline:
            time.sleep(0.01)
        thread.stop()
        thread.join()
        self.assertEqual(received, [str(number) for number in range(100)])


class RESP2PubSubTests(PubSubTests, unittest.TestCase):
    protocol = 2

    @requires("subscribe", "ping")
    def test_ping_while_subscribed(self):
        self.pubsub.subscribe("a")
        self.take(1)
        self.pubsub.ping()
        self.assertEqual(self.take(1)[0][0], "pong")


class RESP3PubSubTests(PubSubTests, unittest.TestCase):
    protocol = 3

    @requires("subscribe", "publish", "set")
    def test_commands_and_messages_on_one_connection(self):
        connection = self.client.connection_pool.get_connection()
        connection.send_command("SUBSCRIBE", "x")
        connection.send_command("SET", "k", "v")
        connection.send_command("PUBLISH", "x", "m")
        connection.send_command("GET", "k")
        # The reply comes first, then the message that the client has sent itself.
        replies = [connection.read_response(push_request=True) for _ in range(5)]
        self.assertEqual(replies, [["subscribe", "x", 1], "OK", 1, ["message", "x", "m"], "v"])
        connection.disconnect()


class RedisCLIPubSubTests(unittest.TestCase):
    @requires("subscribe", "publish")
    def test_redis_cli_listens(self):
        port = str(server.shared().port)
        for protocol in ("-2", "-3"):
            listener = subprocess.Popen(
                ["redis-cli", protocol, "-p", port, "SUBSCRIBE", "cli"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
            output = []
            reader = threading.Thread(
                target=lambda: output.extend(iter(lambda: os.read(
                    listener.stdout.fileno(), 1000), b"")))
            reader.start()
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                sent = subprocess.run(
                    ["redis-cli", "-p", port, "PUBLISH", "cli", "hello there"],
                    capture_output=True, check=True)
                if sent.stdout.strip() == b"1":
                    break
                time.sleep(0.02)
            while time.monotonic() < deadline and b"hello there" not in b"".join(output):
                time.sleep(0.02)
            listener.kill()
            listener.wait()
            reader.join()
            listener.stdout.close()
            self.assertIn(b"hello there", b"".join(output))


if __name__ == "__main__":
    unittest.main()
