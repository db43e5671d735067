# SPDX-License-Identifier: Apache-2.0
"""redis-py, the client most users have, in both protocols."""
import threading
import time
import unittest

import redis

import server
from server import requires


class ClientTests:
    """What must work the same in RESP2 and RESP3."""

    protocol = 2

    def setUp(self):
        self.client = redis.Redis(
            port=server.shared().port, protocol=self.protocol, decode_responses=True,
            socket_timeout=10)
        if not server.missing("flushall"):
            self.client.flushall()

    def tearDown(self):
        self.client.close()

    @requires("ping", "set", "get")
    def test_values_survive_the_round_trip(self):
        self.assertTrue(self.client.ping())
        for value in ["", "text", "42", "-7", "ä€😀", "x" * 100, "y" * 100_000, "a\r\nb\0c"]:
            self.assertTrue(self.client.set("key", value))
            self.assertEqual(self.client.get("key"), value)
        self.assertIsNone(self.client.get("missing"))

    @requires("set", "get")
    def test_binary_values_are_kept(self):
        client = redis.Redis(port=server.shared().port, protocol=self.protocol)
        every_byte = bytes(range(256))
        client.set(every_byte, every_byte)
        self.assertEqual(client.get(every_byte), every_byte)
        client.close()

    @requires("set", "get")
    def test_options_of_set(self):
        self.assertTrue(self.client.set("key", "1", nx=True))
        self.assertIsNone(self.client.set("key", "2", nx=True))
        self.assertTrue(self.client.set("key", "3", xx=True, ex=100))
        self.assertEqual(self.client.set("key", "4", get=True), "3")

    @requires("incr", "incrby", "decr", "incrbyfloat")
    def test_counters(self):
        self.assertEqual(self.client.incr("counter"), 1)
        self.assertEqual(self.client.incrby("counter", 41), 42)
        self.assertEqual(self.client.decr("counter"), 41)
        self.assertAlmostEqual(float(self.client.incrbyfloat("counter", 0.5)), 41.5)

    @requires("append", "strlen", "getrange", "setrange")
    def test_parts_of_strings(self):
        self.assertEqual(self.client.append("key", "Hello"), 5)
        self.assertEqual(self.client.append("key", " World"), 11)
        self.assertEqual(self.client.strlen("key"), 11)
        self.assertEqual(self.client.getrange("key", 6, -1), "World")
        self.assertEqual(self.client.setrange("key", 6, "Redis"), 11)
        self.assertEqual(self.client.getrange("key", 0, -1), "Hello Redis")

    @requires("mset", "mget", "del", "exists")
    def test_many_keys_at_once(self):
        keys = {f"key:{number}": str(number) for number in range(500)}
        self.assertTrue(self.client.mset(keys))
        self.assertEqual(self.client.mget(list(keys)), list(keys.values()))
        self.assertEqual(self.client.exists(*keys), 500)
        self.assertEqual(self.client.delete(*keys), 500)
        self.assertEqual(self.client.exists(*keys), 0)

    @requires("multi", "exec", "set", "get", "incr")
    def test_a_pipeline_is_a_transaction(self):
        with self.client.pipeline() as pipeline:
            pipeline.set("a", "1").incr("a").get("a")
            self.assertEqual(pipeline.execute(), [True, 2, "2"])

    @requires("set", "get")
    def test_a_plain_pipeline_is_answered_in_order(self):
        with self.client.pipeline(transaction=False) as pipeline:
            for number in range(5000):
                pipeline.set(f"key:{number}", number)
            self.assertEqual(pipeline.execute(), [True] * 5000)
            for number in range(5000):
                pipeline.get(f"key:{number}")
            self.assertEqual(pipeline.execute(), [str(number) for number in range(5000)])

    @requires("multi", "exec", "watch", "set")
    def test_a_watched_key_that_changes_fails_the_transaction(self):
        self.client.set("key", "1")
        with self.client.pipeline() as pipeline:
            pipeline.watch("key")
            self.client.set("key", "2")
            pipeline.multi()
            pipeline.set("key", "3")
            with self.assertRaises(redis.WatchError):
                pipeline.execute()

    @requires("expire", "ttl", "pttl", "persist", "set", "exists")
    def test_deadlines(self):
        self.client.set("key", "value")
        self.assertEqual(self.client.ttl("key"), -1)
        self.assertEqual(self.client.ttl("missing"), -2)
        self.assertTrue(self.client.expire("key", 100))
        self.assertIn(self.client.ttl("key"), (99, 100))
        self.assertTrue(self.client.persist("key"))
        self.assertEqual(self.client.pttl("key"), -1)
        self.assertTrue(self.client.pexpire("key", 30))
        deadline = time.monotonic() + 5
        while self.client.exists("key") and time.monotonic() < deadline:
            time.sleep(0.01)
        self.assertEqual(self.client.exists("key"), 0)

    @requires("scan", "set", "mset", "dbsize")
    def test_scan_visits_every_key(self):
        keys = {f"key:{number}" for number in range(3000)}
        self.client.mset({key: "x" for key in keys})
        self.assertEqual(self.client.dbsize(), 3000)
        self.assertEqual(set(self.client.scan_iter(count=100)), keys)
        self.assertEqual(
            set(self.client.scan_iter(match="key:1*")),
            {key for key in keys if key.startswith("key:1")})

    @requires("keys", "type", "rename", "randomkey", "set")
    def test_the_keyspace(self):
        self.client.set("one", "1")
        self.assertEqual(self.client.keys("o*"), ["one"])
        self.assertEqual(self.client.type("one"), "string")
        self.assertEqual(self.client.randomkey(), "one")
        self.assertTrue(self.client.rename("one", "two"))
        self.assertEqual(self.client.type("one"), "none")

    @requires("set")
    def test_errors_are_raised(self):
        with self.assertRaises(redis.ResponseError) as raised:
            self.client.execute_command("NOSUCHCOMMAND", "argument")
        self.assertIn("unknown command", str(raised.exception))
        with self.assertRaises(redis.ResponseError) as raised:
            self.client.execute_command("SET", "key")
        self.assertIn("wrong number of arguments", str(raised.exception))

    @requires("select", "set", "get")
    def test_databases_are_separate(self):
        other = redis.Redis(
            port=server.shared().port, db=5, protocol=self.protocol, decode_responses=True)
        other.set("key", "five")
        self.assertIsNone(self.client.get("key"))
        self.assertEqual(other.get("key"), "five")
        other.close()

    @requires("hset", "hget", "hgetall", "hdel")
    def test_hashes(self):
        self.assertEqual(self.client.hset("hash", mapping={"a": "1", "b": "2"}), 2)
        self.assertEqual(self.client.hget("hash", "a"), "1")
        self.assertEqual(self.client.hgetall("hash"), {"a": "1", "b": "2"})
        self.assertEqual(self.client.hdel("hash", "a"), 1)

    @requires("rpush", "lrange", "lpop")
    def test_lists(self):
        self.assertEqual(self.client.rpush("list", "a", "b", "c"), 3)
        self.assertEqual(self.client.lrange("list", 0, -1), ["a", "b", "c"])
        self.assertEqual(self.client.lpop("list"), "a")

    @requires("sadd", "smembers", "sismember")
    def test_sets(self):
        self.assertEqual(self.client.sadd("set", "a", "b"), 2)
        self.assertEqual(self.client.smembers("set"), {"a", "b"})
        self.assertTrue(self.client.sismember("set", "a"))

    @requires("zadd", "zrange", "zscore")
    def test_sorted_sets(self):
        self.assertEqual(self.client.zadd("board", {"a": 1, "b": 2.5}), 2)
        self.assertEqual(self.client.zscore("board", "b"), 2.5)
        ranking = self.client.zrange("board", 0, -1, withscores=True)
        self.assertEqual([tuple(entry) for entry in ranking], [("a", 1.0), ("b", 2.5)])

    @requires("subscribe", "publish")
    def test_messages_reach_subscribers(self):
        subscription = self.client.pubsub(ignore_subscribe_messages=True)
        subscription.subscribe("channel")
        received = []

        def listen():
            deadline = time.monotonic() + 10
            while not received and time.monotonic() < deadline:
                message = subscription.get_message(timeout=0.1)
                if message:
                    received.append(message["data"])

        listener = threading.Thread(target=listen)
        listener.start()
        deadline = time.monotonic() + 10
        while not received and time.monotonic() < deadline:
            self.client.publish("channel", "hello")
            time.sleep(0.02)
        listener.join()
        subscription.close()
        self.assertEqual(received[0], "hello")

    @requires("client|setname", "client|getname", "client|id", "client|list")
    def test_the_connection_knows_itself(self):
        self.assertTrue(self.client.client_setname("tester"))
        self.assertEqual(self.client.client_getname(), "tester")
        names = [entry["name"] for entry in self.client.client_list()]
        self.assertIn("tester", names)

    @requires("config|get", "config|set")
    def test_configuration_can_be_read_and_changed(self):
        before = self.client.config_get("maxmemory")["maxmemory"]
        self.assertTrue(self.client.config_set("maxmemory", "104857600"))
        self.assertEqual(self.client.config_get("maxmemory")["maxmemory"], "104857600")
        self.client.config_set("maxmemory", before)

    @requires("info")
    def test_info_is_understood(self):
        info = self.client.info()
        for field in ["redis_version", "process_id", "connected_clients", "used_memory"]:
            self.assertIn(field, info)

    @requires("command", "command|count")
    def test_the_commands_describe_themselves(self):
        self.assertGreater(self.client.command_count(), 0)
        self.assertIn("ping", {str(name).lower() for name in self.client.command()})

    @requires("object|encoding", "set")
    def test_encodings_have_the_names_that_tools_expect(self):
        for value, encoding in [("12", "int"), ("text", "embstr"), ("x" * 45, "raw")]:
            self.client.set("key", value)
            self.assertEqual(self.client.object("encoding", "key"), encoding)


class RESP2Tests(ClientTests, unittest.TestCase):
    protocol = 2


class RESP3Tests(ClientTests, unittest.TestCase):
    protocol = 3

    def setUp(self):
        if server.missing("hello"):
            self.skipTest("not implemented: hello")
        super().setUp()

    def test_hello_tells_who_answers(self):
        reply = self.client.execute_command("HELLO")
        self.assertEqual(reply["server"], "redis")
        self.assertEqual(reply["proto"], 3)
        self.assertEqual(reply["role"], "master")
        self.assertEqual(reply["modules"], [])
