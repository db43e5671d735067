# SPDX-License-Identifier: Apache-2.0
"""Client-side caching as redis-py does it, and by hand over real sockets."""
import time
import unittest

import redis
from redis.cache import CacheConfig

import server
from server import requires


def wait_for(condition, seconds=5):
    """Whether the condition becomes true in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.01)
    return False


class CachingClientTest(unittest.TestCase):
    def setUp(self):
        port = server.shared().port
        self.writer = redis.Redis(port=port, decode_responses=True, socket_timeout=10)
        self.writer.flushall()
        self.reader = redis.Redis(
            port=port, protocol=3, cache_config=CacheConfig(), decode_responses=True,
            socket_timeout=10)

    def tearDown(self):
        self.reader.close()
        self.writer.close()

    def commands_of_the_reader(self):
        return sum(
            int(client["tot-cmds"]) for client in self.writer.client_list()
            if "t" in client["flags"])

    @requires("client|tracking")
    def test_a_cached_value_costs_no_request(self):
        self.writer.set("k", "1")
        self.assertEqual(self.reader.get("k"), "1")
        before = self.commands_of_the_reader()
        for _ in range(100):
            self.assertEqual(self.reader.get("k"), "1")
        self.assertEqual(self.commands_of_the_reader(), before)
        self.assertEqual(self.reader.get_cache().size, 1)

    @requires("client|tracking")
    def test_a_change_by_others_is_seen(self):
        self.writer.hset("h", mapping={"a": "1", "b": "2"})
        self.assertEqual(self.reader.hgetall("h"), {"a": "1", "b": "2"})
        self.writer.hset("h", "a", "3")
        self.assertTrue(wait_for(lambda: self.reader.hgetall("h") == {"a": "3", "b": "2"}))

    @requires("client|tracking")
    def test_an_expired_key_is_gone_from_the_cache(self):
        self.writer.set("k", "1", px=50)
        self.assertEqual(self.reader.get("k"), "1")
        self.assertTrue(wait_for(lambda: self.reader.get("k") is None))

    @requires("client|tracking")
    def test_flushing_empties_the_cache(self):
        for number in range(10):
            self.writer.set(f"k{number}", number)
            self.reader.get(f"k{number}")
        self.writer.flushall()
        self.assertTrue(
            wait_for(lambda: all(self.reader.get(f"k{n}") is None for n in range(10))))

    @requires("client|tracking")
    def test_many_keys_and_many_readers_see_the_last_value(self):
        readers = [
            redis.Redis(
                port=server.shared().port, protocol=3, cache_config=CacheConfig(max_size=1000),
                decode_responses=True, socket_timeout=10)
            for _ in range(5)]
        for round_number in range(5):
            for number in range(50):
                self.writer.set(f"k{number}", f"{round_number}")
            for reader in readers:
                for number in range(50):
                    self.assertTrue(
                        wait_for(lambda: reader.get(f"k{number}") == f"{round_number}"))
        for reader in readers:
            reader.close()


class RedirectionTest(unittest.TestCase):
    @requires("client|tracking", "subscribe")
    def test_in_resp2_a_subscriber_gets_the_messages_of_another(self):
        port = server.shared().port
        options = {"port": port, "protocol": 2, "socket_timeout": 10}
        reader = redis.Redis(single_connection_client=True, **options)
        writer = redis.Redis(**options)
        writer.flushall()
        subscriber = redis.Redis(**options).pubsub()
        subscriber.subscribe("__redis__:invalidate")
        self.assertEqual(subscriber.get_message(timeout=5)["type"], "subscribe")
        receiver = [c for c in writer.client_list() if int(c["sub"]) == 1][0]
        reader.execute_command("CLIENT", "TRACKING", "ON", "REDIRECT", receiver["id"])
        reader.get("k")
        writer.set("k", "1")
        message = subscriber.get_message(timeout=5)
        self.assertEqual(message["channel"], b"__redis__:invalidate")
        self.assertEqual(message["data"], [b"k"])
        writer.flushall()
        self.assertIsNone(subscriber.get_message(timeout=5)["data"])
        for client in (reader, writer, subscriber):
            client.close()


if __name__ == "__main__":
    unittest.main()
