# SPDX-License-Identifier: Apache-2.0
"""Encrypted connections between servers: followers of both kinds, FAILOVER, MIGRATE, sentinel."""
import os
import shutil
import subprocess
import tempfile
import unittest

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from certificates import Authority
from server import BINARY, wait_for
from test_append_log import Process, free_port


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class ServersTests(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="memd-test-")
        self.authority = Authority(self.directory)
        self.certificate = self.authority.sign("server", "localhost")
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            process.kill()
        shutil.rmtree(self.directory)

    def tls(self, authority=None):
        return (
            "--tls-cert-file", self.certificate[0], "--tls-key-file", self.certificate[1],
            "--tls-ca-cert-file", (authority or self.authority).certificate)

    def start(self, kind, name, *options, authority=None):
        path = os.path.join(self.directory, name)
        os.makedirs(path, exist_ok=True)
        port = free_port()
        process = Process(
            os.path.abspath(BINARY) if kind == "memd" else "redis-server", path,
            "--appendonly", "no", "--tls-port", str(port), *self.tls(authority),
            "--tls-replication", "yes", "--repl-diskless-sync-delay", "0", *options)
        process.tls_port = port
        self.processes.append(process)
        return process

    def connect(self, port):
        return redis.Redis(
            port=port, ssl=True, ssl_ca_certs=self.authority.certificate,
            ssl_certfile=self.certificate[0], ssl_keyfile=self.certificate[1],
            ssl_check_hostname=False, socket_timeout=20, retry=Retry(NoBackoff(), 0))

    def output(self, process):
        with open(process.log.name) as file:
            return file.read()

    def fill(self, leader):
        pipeline = leader.client.pipeline(transaction=False)
        for index in range(3000):
            pipeline.set(f"key:{index}", os.urandom(500))
            pipeline.zadd("board", {f"m{index}": index})
        pipeline.execute()

    def assert_equal(self, leader, follower):
        digest = leader.client.execute_command("DEBUG", "DIGEST")
        wait_for(
            lambda: follower.client.info("replication")["master_link_status"] == "up"
            and follower.client.execute_command("DEBUG", "DIGEST") == digest, 40)

    def test_followers(self):
        for leading, following in (("memd", "memd"), ("memd", "redis"), ("redis", "memd")):
            for diskless in ("yes", "no"):
                with self.subTest(leading=leading, following=following, diskless=diskless):
                    name = f"{leading}-{following}-{diskless}-"
                    leader = self.start(leading, name + "1", "--repl-diskless-sync", diskless)
                    self.fill(leader)
                    follower = self.start(
                        following, name + "2", "--replicaof", f"127.0.0.1 {leader.tls_port}")
                    self.assert_equal(leader, follower)
                    self.fill(leader)
                    self.assert_equal(leader, follower)
                    # The port by which it can be reached in the same way.
                    slave = leader.client.info("replication")["slave0"]
                    self.assertEqual(slave["port"], follower.tls_port)
                    self.assertEqual(leader.client.wait(1, 10_000), 1)

    def test_a_plain_follower_and_an_encrypted_one(self):
        leader = self.start("memd", "leader")
        self.fill(leader)
        encrypted = self.start("memd", "one", "--replicaof", f"127.0.0.1 {leader.tls_port}")
        plain = self.start("memd", "two", "--tls-replication", "no")
        plain.client.replicaof("127.0.0.1", leader.port)
        for follower in (encrypted, plain):
            self.assert_equal(leader, follower)
        # The other way at run time.
        plain.client.config_set("tls-replication", "yes")
        plain.client.replicaof("127.0.0.1", leader.tls_port)
        self.assert_equal(leader, plain)

    def test_a_leader_that_is_not_trusted(self):
        leader = self.start("memd", "leader")
        stranger = Authority(self.directory, "stranger")
        follower = self.start(
            "memd", "follower", "--replicaof", f"127.0.0.1 {leader.tls_port}", authority=stranger)

        wait_for(lambda: "certificate verify failed" in self.output(follower))
        self.assertIn("Error condition on socket for SYNC: error:", self.output(follower))
        self.assertEqual(follower.client.info("replication")["master_link_status"], "down")

    def test_a_leader_that_does_not_trust_its_follower(self):
        stranger = Authority(self.directory, "stranger")
        leader = self.start("memd", "leader", authority=stranger)
        follower = self.start("memd", "follower", "--replicaof", f"127.0.0.1 {leader.tls_port}")
        wait_for(lambda: "Remedy: the leader's TLS refuses this server" in self.output(follower))
        self.assertRegex(
            self.output(follower),
            "Failed to read response from the server: error:.*alert unknown ca")

    def test_ports_that_are_mixed_up(self):
        leader = self.start("memd", "leader")
        follower = self.start("memd", "follower", "--tls-replication", "no", "--repl-timeout", "1")
        follower.client.replicaof("127.0.0.1", leader.tls_port)
        wait_for(lambda: f"Remedy: if {leader.tls_port} is the leader's" in self.output(follower))
        self.assertIn(
            "Failed to read response from the server: the connection was closed",
            self.output(follower))
        follower.client.config_set("tls-replication", "yes")
        follower.client.replicaof("127.0.0.1", leader.port)
        wait_for(lambda: "must name the leader's 'tls-port'" in self.output(follower))
        follower.client.replicaof("127.0.0.1", leader.tls_port)
        wait_for(lambda: follower.client.info("replication")["master_link_status"] == "up")

    def test_failover(self):
        leader = self.start("memd", "leader")
        self.fill(leader)
        follower = self.start("memd", "follower", "--replicaof", f"127.0.0.1 {leader.tls_port}")
        self.assert_equal(leader, follower)
        leader.client.execute_command("FAILOVER", "TO", "127.0.0.1", follower.tls_port)
        wait_for(lambda: follower.client.role()[0] == b"master")
        wait_for(lambda: leader.client.role()[0] == b"slave")
        follower.client.set("after", 1)
        wait_for(lambda: leader.client.get("after") == b"1")

    def test_migrate(self):
        for target in ("memd", "redis"):
            with self.subTest(target=target):
                here = self.start("memd", target + "-from", "--tls-cluster", "yes")
                there = self.start(target, target + "-to")
                values = {f"k{index}": os.urandom(1 + index * 997) for index in range(100)}
                here.client.mset(values)
                here.client.migrate(
                    "127.0.0.1", there.tls_port, list(values), 0, 10_000)
                self.assertEqual(here.client.dbsize(), 0)
                self.assertEqual(there.client.mget(list(values)), list(values.values()))
                # A plain port can't be spoken to.
                here.client.set("stays", 1)
                with self.assertRaises(redis.ResponseError) as caught:
                    here.client.migrate("127.0.0.1", there.port, ["stays"], 0, 2_000)
                self.assertIn("IOERR error or timeout", str(caught.exception))
                self.assertEqual(here.client.get("stays"), b"1")

    def test_sentinel(self):
        leader = self.start("memd", "leader")
        followers = [
            self.start("memd", name, "--replicaof", f"127.0.0.1 {leader.tls_port}")
            for name in ("one", "two")]
        for follower in followers:
            self.assert_equal(leader, follower)
        port = free_port()
        path = os.path.join(self.directory, "sentinel.conf")
        with open(path, "w") as file:
            options = self.tls()
            file.write(
                f"port 0\ntls-port {port}\ntls-replication yes\ndir {self.directory}\n"
                + "".join(
                    f"{options[index][2:]} {options[index + 1]}\n"
                    for index in range(0, len(options), 2))
                + f"sentinel monitor board 127.0.0.1 {leader.tls_port} 1\n"
                "sentinel down-after-milliseconds board 500\n"
                "sentinel failover-timeout board 5000\n")
        log = open(os.path.join(self.directory, "sentinel.log"), "wb")
        process = subprocess.Popen(
            ["redis-server", path, "--sentinel"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            sentinel = self.connect(port)

            def answers():
                try:
                    return sentinel.ping()
                except redis.RedisError:
                    return False

            wait_for(answers)
            wait_for(
                lambda: len(sentinel.execute_command("SENTINEL", "REPLICAS", "board")) == 2, 30)
            leader.process.kill()

            def leads(process):
                # Sentinel disconnects clients of those whose role it changes.
                try:
                    return process.client.role()[0] == b"master"
                except redis.ConnectionError:
                    return False

            wait_for(lambda: any(leads(follower) for follower in followers), 40)
            new = next(follower for follower in followers if leads(follower))
            other = next(follower for follower in followers if follower is not new)

            def agree():
                try:
                    new.client.set("new", 1)
                    return other.client.get("new") == b"1"
                except redis.ConnectionError:
                    return False

            wait_for(agree, 30)
        finally:
            process.kill()
            process.wait()
            log.close()


if __name__ == "__main__":
    unittest.main()
