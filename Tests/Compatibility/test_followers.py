# SPDX-License-Identifier: Apache-2.0
"""redis-server follows memd: snapshots from memory and from a file, the stream, and reconnects."""
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from test_append_log import Process, TYPES, memd


def wait_for(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it does not happen")
        time.sleep(0.02)


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class FollowerTests(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="memd-test-")
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            process.kill()
        shutil.rmtree(self.directory)

    def place(self, name):
        path = os.path.join(self.directory, name)
        os.makedirs(path, exist_ok=True)
        return path

    def leader(self, *options):
        process = memd(
            self.place("leader"), "--appendonly", "no", "--repl-diskless-sync-delay", "0",
            *options)
        self.processes.append(process)
        for line in TYPES.split("\n"):
            if line:
                process.client.execute_command(*line.split())
        for index in range(2000):
            process.client.execute_command("ZADD", "board", index, f"m{index}")
        return process

    def follower(self, name, leader, *options):
        process = Process(
            "redis-server", self.place(name), "--appendonly", "no", "--replicaof",
            f"127.0.0.1 {leader.port}", *options)
        self.processes.append(process)
        return process

    def assert_equal(self, leader, *followers):
        digest = leader.client.execute_command("DEBUG", "DIGEST")
        for follower in followers:
            wait_for(
                lambda: follower.client.info("replication")["master_link_status"] == "up"
                and follower.client.execute_command("DEBUG", "DIGEST") == digest)

    def test_redis_servers_follow(self):
        for diskless in ("yes", "no"):
            with self.subTest(diskless=diskless):
                leader = self.leader("--repl-diskless-sync", diskless)
                followers = [
                    self.follower("one" + diskless, leader),
                    self.follower("two" + diskless, leader, "--repl-diskless-load", "swapdb")]
                self.assert_equal(leader, *followers)
                leader.client.set("later", 1, ex=1000)
                leader.client.rpush("l", "later")
                pipeline = leader.client.pipeline(transaction=True)
                pipeline.incr("n").zincrby("board", 5, "m7").execute()
                self.assert_equal(leader, *followers)
                # Those that lose their connection go on where they were.
                leader.client.execute_command("CLIENT", "KILL", "TYPE", "replica")
                leader.client.set("lost", 1)
                self.assert_equal(leader, *followers)
                stats = leader.client.info("stats")
                self.assertEqual(stats["sync_full"], 2)
                self.assertEqual(stats["sync_partial_ok"], 2)
                self.assertEqual(stats["sync_partial_err"], 0)
                wait_for(lambda: all(
                    leader.client.info("replication")[f"slave{index}"]["state"] == "online"
                    for index in range(2)))

    def test_redis_cli_takes_a_backup(self):
        for diskless in ("yes", "no"):
            with self.subTest(diskless=diskless):
                leader = self.leader("--repl-diskless-sync", diskless)
                path = os.path.join(self.directory, "backup.rdb")
                subprocess.run(
                    ["redis-cli", "-p", str(leader.port), "--rdb", path], check=True,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
                subprocess.run(["redis-check-rdb", path], check=True, stdout=subprocess.DEVNULL)
                theirs = self.place("theirs" + diskless)
                shutil.copy(path, os.path.join(theirs, "dump.rdb"))
                process = Process("redis-server", theirs, "--appendonly", "no")
                self.processes.append(process)
                self.assertEqual(
                    process.client.execute_command("DEBUG", "DIGEST"),
                    leader.client.execute_command("DEBUG", "DIGEST"))


if __name__ == "__main__":
    unittest.main()
