# SPDX-License-Identifier: Apache-2.0
"""memd and redis-server follow each other: snapshots, the stream, reconnects, and a failover."""
import itertools
import os
import shutil
import subprocess
import tempfile
import unittest

import redis

from server import wait_for
from test_append_log import Process, TYPES, connect, free_port, memd


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

    def test_files_of_snapshots_that_are_not_wanted(self):
        """Whether a follower has an RDB behind a sync, if it had one before, saves, and may not
        keep what it was sent: as a redis-server."""
        leader = self.leader()
        # The leader's own would let a follower go on behind it.
        former = memd(self.place("former"))
        former.client.set("former", 1)
        former.client.save()
        former.kill()
        rdb = os.path.join(self.place("former"), "dump.rdb")
        for option, save, has_file in itertools.product(("yes", "no"), ("", "3600 1"), (0, 1)):
            with self.subTest(option=option, save=save, has_file=has_file):
                left = []
                for kind in ("memd", "redis-server"):
                    place = self.place(f"{kind}-{option}-{save}-{has_file}")
                    path = os.path.join(place, "dump.rdb")
                    if has_file:
                        shutil.copy(rdb, path)
                    options = (
                        "--rdb-del-sync-files", option, "--appendonly", "no", "--save", save,
                        "--replicaof", f"127.0.0.1 {leader.port}")
                    follower = (
                        memd(place, *options) if kind == "memd"
                        else Process(kind, place, *options))
                    self.processes.append(follower)
                    self.assert_equal(leader, follower)
                    expected = option == "no" or save != ""
                    wait_for(lambda: os.path.exists(path) == expected)
                    names = os.listdir(place)
                    left.append([name for name in names if name.endswith(".rdb")])
                    follower.kill()
                self.assertEqual(left[0], left[1])

    def test_memd_loads_beside_its_old_data(self):
        leader = Process("redis-server", self.place("leader"), "--appendonly", "no",
                         "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "16384")
        self.processes.append(leader)
        for option in ("swapdb", "auto"):
            with self.subTest(option=option):
                leader.client.flushall()
                for line in TYPES.split("\n"):
                    if line:
                        leader.client.execute_command(*line.split())
                for index in range(2000):
                    leader.client.execute_command("ZADD", "board", index, f"m{index}")
                leader.client.execute_command("DEBUG", "POPULATE", 20000, option)
                leader.client.set("version", "old")
                # DEBUG POPULATE is no part of the stream.
                follower = memd(
                    self.place(option), "--appendonly", "no", "--repl-diskless-load", option,
                    "--loading-process-events-interval-bytes", "1024", "--replicaof",
                    f"localhost {leader.port}")
                self.processes.append(follower)
                self.assert_equal(leader, follower)
                # The same history, but too far behind.
                follower.client.execute_command("CONFIG", "SET", "key-load-delay", "50")
                pipeline = leader.client.pipeline(transaction=True)
                pipeline.execute_command("CLIENT", "KILL", "TYPE", "replica")
                for index in range(20):
                    pipeline.set(f"fill{index}", "x" * 10000)
                pipeline.set("version", "new").execute()
                info = follower.client.info
                wait_for(lambda: info("persistence")["async_loading"] == 1)
                self.assertEqual(info("persistence")["loading"], 0)
                versions = set()
                while info("persistence")["async_loading"] == 1:
                    versions.add(follower.client.get("version"))
                self.assertEqual(versions - {b"new", "new"}, versions & {b"old", "old"})
                self.assertTrue(versions & {b"old", "old"})
                self.assert_equal(leader, follower)
                self.assertEqual(info("replication")["master_sync_load"], "beside")
                leader.client.set("later", 1)
                self.assert_equal(leader, follower)

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

    def test_redis_cli_takes_functions_only(self):
        leader = self.leader()
        path = os.path.join(self.directory, "functions.rdb")
        subprocess.run(
            ["redis-cli", "-p", str(leader.port), "--functions-rdb", path], check=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=30)
        subprocess.run(["redis-check-rdb", path], check=True, stdout=subprocess.DEVNULL)
        theirs = self.place("theirs")
        shutil.copy(path, os.path.join(theirs, "dump.rdb"))
        process = Process("redis-server", theirs, "--appendonly", "no")
        self.processes.append(process)
        self.assertEqual(process.client.dbsize(), 0)
        self.assertEqual(leader.client.info("replication")["connected_slaves"], 0)

    def test_redis_cli_listens_to_the_stream(self):
        for diskless in ("yes", "no"):
            with self.subTest(diskless=diskless):
                leader = self.leader("--repl-diskless-sync", diskless)
                path = os.path.join(self.directory, "stream" + diskless)
                with open(path, "wb") as output:
                    listener = subprocess.Popen(
                        ["redis-cli", "-p", str(leader.port), "--replica"], stdout=output,
                        stderr=output)

                def heard():
                    with open(path, "rb") as file:
                        return file.read()

                try:
                    wait_for(lambda: b"Logging commands from" in heard())
                    # It takes the first command for the answer to its own ACK.
                    leader.client.set("first", 1)
                    pipeline = leader.client.pipeline(transaction=True)
                    pipeline.set("later", "x y").incr("n").execute()
                    leader.client.set("other", 1, px=100000)
                    wait_for(lambda: b'"other","1","PXAT"' in heard())
                    self.assertIn(
                        b'"MULTI"\n"SET","later","x y"\n"INCRBY","n","1"\n"EXEC"\n"SET","other"',
                        heard())
                finally:
                    listener.kill()
                    listener.wait()

    def test_memd_takes_the_place_of_a_redis_server(self):
        old = Process("redis-server", self.place("old"), "--appendonly", "no",
                      "--repl-diskless-sync-delay", "0")
        self.processes.append(old)
        for line in TYPES.split("\n"):
            if line:
                old.client.execute_command(*line.split())
        new = memd(self.place("new"), "--appendonly", "yes",
                   "--repl-diskless-sync-delay", "0", "--replicaof", f"127.0.0.1 {old.port}")
        self.processes.append(new)
        # One follows the follower.
        chained = self.follower("chained", new)
        self.assert_equal(old, new, chained)
        for index in range(500):
            old.client.zadd("board", {f"m{index}": index})
            old.client.execute_command("XADD", "x", "*", "f", index)
        old.client.set("later", 1, px=100000)
        self.assert_equal(old, new, chained)
        self.assertEqual(old.client.wait(1, 1000), 1)
        with self.assertRaises(redis.ReadOnlyError):
            new.client.set("a", 1)
        self.assertEqual(new.client.role()[0], b"slave")
        # The switch: nothing is lost, and who has followed goes on.
        new.client.execute_command("REPLICAOF", "NO", "ONE")
        new.client.set("after", 1)
        old.client.execute_command("REPLICAOF", "127.0.0.1", new.port)
        self.assert_equal(new, old, chained)
        self.assertEqual(new.client.info("stats")["sync_full"], 1)
        digest = new.client.execute_command("DEBUG", "DIGEST")
        new.client.execute_command("WAITAOF", 1, 0, 5000)
        new.stop()
        again = memd(self.place("new"), "--appendonly", "yes")
        self.processes.append(again)
        self.assertEqual(again.client.execute_command("DEBUG", "DIGEST"), digest)

    def test_memd_starts_from_what_it_has_received(self):
        old = Process("redis-server", self.place("old"), "--appendonly", "no",
                      "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "3600")
        self.processes.append(old)
        for line in TYPES.split("\n"):
            if line:
                old.client.execute_command(*line.split())
        options = ("--appendonly", "no", "--replicaof", f"127.0.0.1 {old.port}")
        follower = memd(self.place("new"), *options)
        self.assert_equal(old, follower)
        self.processes.append(follower)
        # A stream of which nothing has come yet goes on, too.
        old.client.execute_command("CLIENT", "KILL", "TYPE", "replica")
        wait_for(lambda: old.client.info("stats")["sync_partial_ok"] == 1)
        old.client.set("later", 1)
        self.processes.remove(follower)
        follower.kill()
        old.client.set("meanwhile", 1)
        again = memd(self.place("new"), *options)
        self.processes.append(again)
        self.assert_equal(old, again)
        stats = old.client.info("stats")
        self.assertEqual((stats["sync_full"], stats["sync_partial_ok"]), (1, 2))

    def test_memd_compares_itself_beside_a_redis_server(self):
        pace = ["--replica-verify-period", "1", "--replica-verify-max-bytes-per-second", "1mb"]
        leader = self.leader(*pace)
        other = self.follower("other", leader)
        follower = memd(
            self.place("memd"), "--appendonly", "no", "--replicaof", f"127.0.0.1 {leader.port}")
        self.processes.append(follower)
        # What the leader says comes through a server that doesn't understand it.
        behind = memd(
            self.place("behind"), "--appendonly", "no", "--replicaof", f"127.0.0.1 {other.port}")
        self.processes.append(behind)
        self.assert_equal(leader, other, follower, behind)

        def found(process):
            return process.client.info("replication")

        wait_for(lambda: found(follower)["replica_verify_rounds"] >= 3)
        self.assertEqual(found(follower)["replica_verify_keys_differing"], 0)
        self.assertGreater(found(follower)["replica_verify_keys_checked"], 30)
        # All read the same messages, and the offsets stay equal.
        offset = found(other)["slave_repl_offset"]
        wait_for(lambda: found(other)["slave_repl_offset"] > offset + 1000)
        wait_for(lambda: found(behind)["replica_verify_rounds"] >= 1)
        self.assert_equal(leader, other, follower, behind)
        # A difference is found and told the leader.
        follower.client.config_set("replica-read-only", "no")
        follower.client.execute_command("ZADD", "board", "-1", "m3")
        wait_for(lambda: found(follower)["replica_verify_keys_differing"] > 0)
        wait_for(lambda: any(
            found(leader).get(f"verify_slave{index}", {}).get("keys_differing", 0) > 0
            for index in range(2)))
        self.assertEqual(found(behind)["replica_verify_keys_differing"], 0)
        with open(follower.log.name) as file:
            self.assertIn("key 'board' of database 0 has another value", file.read())
        with open(other.log.name) as file:
            text = file.read()
        self.assertNotIn("CRITICAL", text)
        self.assertNotIn("Master does not understand", text)
        self.assertEqual(found(other)["master_link_status"], "up")

    def test_sentinel_fails_over(self):
        leader = self.leader()
        followers = [
            memd(self.place(name), "--appendonly", "no", "--replicaof",
                 f"127.0.0.1 {leader.port}") for name in ("one", "two")]
        self.processes += followers
        self.assert_equal(leader, *followers)
        port = free_port()
        path = os.path.join(self.directory, "sentinel.conf")
        with open(path, "w") as file:
            file.write(
                f"port {port}\ndir {self.directory}\n"
                f"sentinel monitor board 127.0.0.1 {leader.port} 1\n"
                "sentinel down-after-milliseconds board 500\n"
                "sentinel failover-timeout board 5000\n")
        log = open(os.path.join(self.directory, "sentinel.log"), "wb")
        process = subprocess.Popen(
            ["redis-server", path, "--sentinel"], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            sentinel = connect(port)
            wait_for(lambda: self.answers(sentinel), 10)
            wait_for(lambda: len(sentinel.execute_command("SENTINEL", "REPLICAS", "board")) == 2, 20)
            leader.client.set("last", 1)
            self.assert_equal(leader, *followers)
            leader.process.kill()
            by_port = {follower.port: follower for follower in followers}

            def promoted():
                _, where = sentinel.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "board")
                return by_port.get(int(where))

            wait_for(lambda: promoted() is not None, 30)
            new = promoted()
            other = next(follower for follower in followers if follower is not new)

            def agree():
                # Sentinel disconnects clients of those whose role it changes.
                try:
                    if new.client.role()[0] == b"master":
                        new.client.set("new", 1)
                    return other.client.get("new") == b"1"
                except redis.ConnectionError:
                    return False

            wait_for(agree, 30)
            self.assertEqual(other.client.get("last"), b"1")
            self.assertEqual(new.client.info("stats")["sync_full"], 0)
        finally:
            process.kill()
            process.wait()
            log.close()

    @staticmethod
    def answers(client):
        try:
            return client.ping()
        except redis.RedisError:
            return False


if __name__ == "__main__":
    unittest.main()
