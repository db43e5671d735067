# SPDX-License-Identifier: Apache-2.0
"""metrics-port from outside: formats by Prometheus's own parser, health, hostile clients."""
import http.client
import json
import os
import socket
import threading
import time
import unittest
import urllib.error
import urllib.request

import redis
from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics

from server import Server, wait_for
from test_append_log import free_port

OPEN = "application/openmetrics-text; version=1.0.0"


class MetricsTests(unittest.TestCase):
    def setUp(self):
        self.port = free_port()
        self.server = Server(
            "--metrics-port", str(self.port), "--enable-debug-command", "local")
        self.client = redis.Redis(port=self.server.port)

    def tearDown(self):
        self.client.close()
        self.server.stop()

    def get(self, path, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def fill(self):
        self.client.mset({f"key:{index}": index for index in range(100)})
        self.client.set("short", 1, px=5)
        for command in (("get", "key:1"), ("get", "nope"), ("hset", "hash", "a", "1")):
            self.client.execute_command(*command)
        with self.assertRaises(redis.ResponseError):
            self.client.lpush("key:1", "a")

    def test_both_formats_are_valid_and_say_the_same_as_info(self):
        self.fill()
        for query in ("", "?names=redis_exporter"):
            for accept, parse in (
                    (OPEN, openmetrics.text_string_to_metric_families),
                    ("text/plain", prometheus.text_string_to_metric_families)):
                status, text = self.get("/metrics" + query, Accept=accept)
                self.assertEqual(status, 200)
                families = {family.name: family for family in parse(text)}
                self.assertGreater(len(families), 150)
                for family in families.values():
                    self.assertTrue(family.documentation, family.name)
        values = {
            sample.name: sample.value for family in families.values()
            for sample in family.samples if not sample.labels}
        info = self.client.info()
        self.assertEqual(values["redis_keyspace_hits_total"], info["keyspace_hits"])
        self.assertEqual(values["redis_memory_max_bytes"], info["maxmemory"])

    def families(self, accept=OPEN, query=""):
        parse = (openmetrics if accept == OPEN else prometheus).text_string_to_metric_families
        status, text = self.get("/metrics" + query, Accept=accept)
        self.assertEqual(status, 200)
        return {family.name: family for family in parse(text)}

    def test_what_is_large_and_what_is_hot(self):
        self.client.config_set("prefix-accounting", "user: *")
        self.client.config_set("census-period", 1)
        self.client.config_set("commandlog-reply-larger-than", 20_000)
        self.client.execute_command("HOTKEYS", "START", "METRICS", "2", "CPU", "NET")
        self.client.mset({f"user:{index}": "x" * 100 for index in range(1000)})
        self.client.rpush("list", *range(5000))
        self.client.lrange("list", 0, -1)
        names = [b"\xff\x00:\n\"\\", b":", b"", "k\u00e4se:1".encode(), b"x" * 100_000,
                 b"</script>:", b"a\\xff:", b"\xff:"]
        for name in names:
            self.client.set(name, "v")
            self.client.get(name)
        self.client.get("user:nope")

        def keys():
            census = self.client.execute_command("MEMORY", "CENSUS")
            return census[b"keys"]

        wait_for(lambda: keys() == 1001 + len(names), 30)
        time.sleep(0.6)
        for accept in (OPEN, "text/plain"):
            families = self.families(accept)

            def values(name, label):
                return {sample.labels.get(label, ""): sample.value
                        for sample in families[name].samples}

            self.assertEqual(values("memd_type_keys", "type")["string"], 1000 + len(names))
            self.assertEqual(values("memd_type_elements", "type")["list"], 5000)
            self.assertGreater(values("memd_type_largest_key_bytes", "type")["string"], 100_000)
            prefixes = values("memd_prefix_keys", "prefix")
            self.assertEqual(prefixes["user:"], 1000)
            self.assertEqual(prefixes["k\u00e4se:"], 1)
            self.assertEqual(prefixes["\\xff:"], 1)
            self.assertEqual(prefixes["a\\\\xff:"], 1)
            # The list, the empty name and the long one.
            self.assertEqual(prefixes[""], 3)
            self.assertEqual(values("memd_prefix_misses", "prefix")["user:"], 1)
            self.assertEqual(values("memd_prefix_writes", "prefix")["user:"], 1000)
            self.assertIn("list", values("memd_hot_key_network_bytes", "key"))
            self.assertEqual(values("memd_command_log_entries", "log")["large-reply"], 1)
            self.assertEqual(
                values("memd_command_log_commands", "log")["large-request"], 0)
            self.assertNotIn("memd_latency_percentiles_usec", families)
        exporter = self.families(query="?names=redis_exporter")
        self.assertGreater(len(exporter["redis_latency_percentiles_usec"].samples), 5)
        figures = json.loads(self.get("/live.json")[1])
        self.assertEqual(figures["census"]["largest"][0]["name"][-14:], "(100000 bytes)")
        self.assertEqual(figures["hot"]["active"], True)
        self.assertEqual(len(figures["logs"]["large-reply"]), 1)

    def test_live_figures_are_json(self):
        self.fill()
        status, text = self.get("/live.json")
        self.assertEqual(status, 200)
        figures = json.loads(text)
        self.assertEqual(figures["info"]["role"], "master")
        self.assertIn("set", [command["name"] for command in figures["commands"]])

    def test_health(self):
        self.assertEqual(self.get("/healthz"), (200, "ok\n"))
        self.assertEqual(self.get("/readyz"), (200, "ready\n"))
        self.client.execute_command("REPLICAOF", "127.0.0.1", str(free_port()))
        self.assertEqual(self.get("/readyz")[0], 503)
        self.client.execute_command("REPLICAOF", "NO", "ONE")
        self.assertEqual(self.get("/readyz")[0], 200)
        # A busy script is ended; what was asked meanwhile is forgotten.
        self.client.config_set("busy-reply-threshold", 100)
        runner = redis.Redis(port=self.server.port)
        threading.Thread(
            target=lambda: runner.execute_command("EVAL", "while true do end", 0),
            daemon=True).start()
        time.sleep(0.5)
        self.assertEqual(self.get("/healthz")[0], 503)
        self.client.execute_command("SCRIPT", "KILL")
        wait_for(lambda: self.get("/healthz")[0] == 200)
        # A loop that stands still doesn't answer; the thread for monitors says so.
        sleeper = redis.Redis(port=self.server.port)
        threading.Thread(
            target=lambda: sleeper.execute_command("DEBUG", "SLEEP", "4"), daemon=True).start()
        time.sleep(0.3)
        self.assertEqual(self.get("/healthz")[0], 503)

    def test_port_and_addresses_change_at_run_time(self):
        other = free_port()
        self.client.config_set("metrics-port", other)
        with self.assertRaises(urllib.error.URLError):
            self.get("/healthz")
        old, self.port = self.port, other
        self.assertEqual(self.get("/healthz")[0], 200)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", old))
            taken.listen()
            with self.assertRaisesRegex(redis.ResponseError, "Unable to listen on this port"):
                self.client.config_set("metrics-port", old)
        self.assertEqual(self.get("/healthz")[0], 200)
        self.assertEqual(self.client.config_get("metrics-port"), {"metrics-port": str(other)})
        self.client.config_set("metrics-port", 0)
        with self.assertRaises(urllib.error.URLError):
            self.get("/healthz")

    def test_hostile_clients_keep_nobody_waiting(self):
        idle = [socket.create_connection(("127.0.0.1", self.port)) for _ in range(300)]
        for index, connection in enumerate(idle):
            if index % 3 == 0:
                connection.sendall(b"GET /metrics HTTP/1.1\r\nX: ")
        slow = socket.create_connection(("127.0.0.1", self.port))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            slow.sendall(b"GET /metrics HTTP/1.1\r\n\r\n" * 50)
        except OSError:
            pass
        junk = socket.create_connection(("127.0.0.1", self.port))
        junk.sendall(os.urandom(200_000) if not idle else b"\0" * 20_000)
        start = time.monotonic()
        self.assertEqual(self.get("/healthz")[0], 200)
        self.assertTrue(self.client.ping())
        self.assertLess(time.monotonic() - start, 5)
        for connection in (*idle, slow, junk):
            connection.close()
        self.assertEqual(self.get("/metrics")[0], 200)

    def test_connections_stay_open(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.connect()
        held = connection.sock
        for path in ("/healthz", "/metrics", "/", "/nothing", "/live.js"):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 404 if path == "/nothing" else 200)
            self.assertIs(connection.sock, held)
        connection.close()

    def test_a_taken_port_ends_the_start(self):
        with self.assertRaisesRegex(RuntimeError, "Failed listening on metrics-port"):
            Server("--metrics-port", str(self.port))


if __name__ == "__main__":
    unittest.main()
