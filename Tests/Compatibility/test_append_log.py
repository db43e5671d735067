# SPDX-License-Identifier: Apache-2.0
"""The append only file of a real process: kill -9 under load, and the files of both servers.

MEMD_KILLS=500 kills more often than the tests of every day do; MEMD_SEED repeats a run."""
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import server

KILLS = int(os.environ.get("MEMD_KILLS", "8"))
SEED = int(os.environ.get("MEMD_SEED", str(random.randrange(1 << 30))))
TYPES = """
SET s value
SET n 12
SETRANGE s 100000 x
SET t 1 EX 1000
RPUSH l a b 3 dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd
SADD i 1 2 3
SADD m a b c
HSET h f v g 2
ZADD z 1.5 a -inf b 3 c
XADD x 5-1 f v
XADD x 5-2 f w
XGROUP CREATE x g 0
XREADGROUP GROUP g c COUNT 1 STREAMS x >
PFADD p a b c
SELECT 3
SET other 1
SELECT 0
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def connect(port):
    """A client that doesn't try again by itself."""
    return redis.Redis(port=port, socket_timeout=20, retry=Retry(NoBackoff(), 0))


class Process:
    """A server in a directory that stays when it ends."""

    def __init__(self, binary, directory, *arguments):
        self.port = free_port()
        self.log = open(os.path.join(directory, "output"), "ab")
        self.process = subprocess.Popen(
            [binary, "--port", str(self.port), "--dir", directory, "--appendonly", "yes",
             "--save", "", "--enable-debug-command", "yes", *arguments],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.client = connect(self.port)
        deadline = time.monotonic() + 30
        while True:
            if self.process.poll() is not None:
                raise RuntimeError("it ended at once:\n" + open(self.log.name).read()[-3000:])
            try:
                self.client.ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.log.close()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.log.close()


def memd(directory, *arguments):
    return Process(os.path.abspath(server.BINARY), directory, *arguments)


class AppendLogTests(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="memd-log-")

    def tearDown(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def rewrite(self, process):
        process.client.bgrewriteaof()
        deadline = time.monotonic() + 20
        while process.client.info("persistence")["aof_rewrite_in_progress"]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)

    def fill(self, process):
        for line in TYPES.split("\n"):
            if line:
                process.client.execute_command(*line.split())
        for index in range(600):
            process.client.execute_command("HSET", "big", f"f{index}", index)
            process.client.execute_command("ZADD", "board", index, f"m{index}")
            process.client.execute_command("RPUSH", "long", f"item {index}")

    def test_logs_of_either_server_are_read_by_the_other(self):
        for preamble in ("yes", "no"):
            if preamble == "no":
                shutil.rmtree(os.path.join(self.directory, "appendonlydir"))
            with self.subTest(preamble=preamble):
                options = ("--aof-use-rdb-preamble", preamble)
                ours = memd(self.directory, *options)
                self.fill(ours)
                self.rewrite(ours)
                ours.client.set("behind", 1)
                digest = ours.client.execute_command("DEBUG", "DIGEST")
                ours.stop()
                theirs = Process("redis-server", self.directory, *options)
                self.assertEqual(theirs.client.execute_command("DEBUG", "DIGEST"), digest)
                theirs.client.incr("n")
                self.rewrite(theirs)
                theirs.client.rpush("l", "theirs")
                digest = theirs.client.execute_command("DEBUG", "DIGEST")
                theirs.stop()
                manifest = os.path.join(
                    self.directory, "appendonlydir", "appendonly.aof.manifest")
                subprocess.run(
                    ["redis-check-aof", manifest], check=True, stdout=subprocess.DEVNULL)
                ours = memd(self.directory, *options)
                self.assertEqual(ours.client.execute_command("DEBUG", "DIGEST"), digest)
                ours.client.set("again", 1)
                digest = ours.client.execute_command("DEBUG", "DIGEST")
                # The log is written behind the reply.
                self.assertEqual(ours.client.execute_command("WAITAOF", 1, 0, 10_000)[0], 1)
                ours.kill()
                subprocess.run(
                    ["redis-check-aof", manifest], check=True, stdout=subprocess.DEVNULL)
                theirs = Process("redis-server", self.directory, *options)
                self.assertEqual(theirs.client.execute_command("DEBUG", "DIGEST"), digest)
                theirs.stop()


class Appender(threading.Thread):
    """Appends numbers to a list of its own and remembers what was acknowledged, and when."""

    def __init__(self, port, name, start):
        super().__init__(daemon=True)
        self.port, self.name_, self.next = port, name, start
        self.acknowledged = []
        self.start()

    def run(self):
        try:
            client = connect(self.port)
            while True:
                client.rpush(self.name_, self.next)
                self.acknowledged.append((self.next, time.monotonic()))
                self.next += 1
        except redis.RedisError:
            self.next += 1


class KillTests(unittest.TestCase):
    def kill_often(self, policy, allowed_loss):
        """Kills a server under load again and again; nothing acknowledged is lost that was so
        earlier than `allowed_loss` seconds before."""
        randomness = random.Random(SEED)
        directory = tempfile.mkdtemp(prefix="memd-kill-")
        starts = [0] * 4
        kept = [[] for _ in starts]
        total = 0
        try:
            for round_ in range(KILLS):
                process = memd(directory, "--appendfsync", policy)
                appenders = [
                    Appender(process.port, f"list:{index}", start)
                    for index, start in enumerate(starts)]
                time.sleep(randomness.uniform(0.02, 0.3))
                if randomness.random() < 0.5:
                    process.client.bgrewriteaof()
                    time.sleep(randomness.uniform(0, 0.05))
                process.kill()
                killed = time.monotonic()
                for appender in appenders:
                    appender.join()
                process = memd(directory, "--appendfsync", policy)
                for index, appender in enumerate(appenders):
                    found = [int(x) for x in process.client.lrange(f"list:{index}", 0, -1)]
                    message = f"seed {SEED}, {policy}, round {round_}, list {index}"
                    self.assertEqual(found[:len(kept[index])], kept[index], message)
                    self.assertEqual(found, sorted(set(found)), message)
                    promised = [
                        number for number, when in appender.acknowledged
                        if when < killed - allowed_loss]
                    self.assertEqual(set(promised) - set(found), set(), message)
                    # What is not lost has no gaps.
                    fresh = found[len(kept[index]):]
                    self.assertEqual(
                        fresh, list(range(starts[index], starts[index] + len(fresh))), message)
                    kept[index] = found
                    starts[index] = appender.next
                    total += len(appender.acknowledged)
                process.kill()
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        self.assertGreater(total, KILLS * 20, "hardly anything was written")

    def test_always_loses_nothing(self):
        self.kill_often("always", 0)

    def test_everysec_loses_at_most_a_second(self):
        self.kill_often("everysec", 1)


# Transactions that append to lists and read them, from many clients: because every value is there
# once and lists only grow, what is read tells the order of everything (Elle's list-append).

KEYS = 5


class Transactor(threading.Thread):
    def __init__(self, port, number, history, counter, randomness):
        super().__init__(daemon=True)
        self.port, self.number, self.history = port, number, history
        self.counter, self.randomness = counter, randomness
        self.start()

    def run(self):
        client = connect(self.port)
        try:
            while True:
                steps = []
                pipeline = client.pipeline(transaction=True)
                for _ in range(self.randomness.randint(1, 4)):
                    key = self.randomness.randrange(KEYS)
                    if self.randomness.random() < 0.5:
                        value = next(self.counter)
                        pipeline.rpush(f"t:{key}", value)
                        steps.append(("append", key, value))
                    else:
                        pipeline.lrange(f"t:{key}", 0, -1)
                        steps.append(("read", key, None))
                entry = {"steps": steps, "start": time.monotonic(), "end": None, "replies": None}
                self.history.append(entry)
                entry["replies"] = pipeline.execute()
                entry["end"] = time.monotonic()
        except redis.RedisError:
            pass


def find_fault(history, final):
    """Why a history is not strictly serialisable, given the lists at the end; None if it is."""
    owner = {}
    for index, entry in enumerate(history):
        for kind, key, value in entry["steps"]:
            if kind == "append":
                owner[value] = index
    place = {}
    for key, values in enumerate(final):
        if len(set(values)) != len(values):
            return f"list {key} has a value twice"
        for position, value in enumerate(values):
            place[value] = (key, position)
    edges = [set() for _ in history]
    for index, entry in enumerate(history):
        if entry["replies"] is None:
            continue
        own = {}
        for (kind, key, value), reply in zip(entry["steps"], entry["replies"]):
            if kind == "append":
                if value not in place:
                    return f"the append of {value} was acknowledged and is lost"
                if place[value][1] != reply - 1:
                    return f"{value} was said to be number {reply}"
                own.setdefault(key, []).append(value)
                continue
            seen = [int(x) for x in reply]
            if seen != final[key][:len(seen)]:
                return f"list {key} was read as something that it has never been"
            if seen:
                edges[owner[seen[-1]]].add(index)
            if len(seen) < len(final[key]):
                edges[index].add(owner[final[key][len(seen)]])
    for values in final:
        for one, other in zip(values, values[1:]):
            edges[owner[one]].add(owner[other])
    # Whoever ended before another began comes first: by way of nodes that stand for moments.
    moments = sorted(
        [(entry["start"], 1, index) for index, entry in enumerate(history)]
        + [(entry["end"], 0, index) for index, entry in enumerate(history) if entry["end"]])
    nodes = len(history)
    last = None
    applied = {index for index, entry in enumerate(history) if entry["end"] or any(
        kind == "append" and value in place for kind, _, value in entry["steps"])}
    for _, is_start, index in moments:
        if index not in applied:
            continue
        if is_start:
            if last is not None:
                edges[last].add(index)
            continue
        edges.append(set())
        edges[index].add(nodes)
        if last is not None:
            edges[last].add(nodes)
        last = nodes
        nodes += 1
    counts = [0] * nodes
    for source, targets in enumerate(edges):
        targets.discard(source)
        for target in targets:
            counts[target] += 1
    ready = [node for node in range(nodes) if counts[node] == 0]
    done = 0
    while ready:
        node = ready.pop()
        done += 1
        for target in edges[node]:
            counts[target] -= 1
            if counts[target] == 0:
                ready.append(target)
    return None if done == nodes else "there is a circle of transactions"


class SerialisabilityTests(unittest.TestCase):
    def run_lives(self, policy, lives, cuts_power=False):
        randomness = random.Random(SEED)
        directory = tempfile.mkdtemp(prefix="memd-history-")
        history = []
        counter = iter(range(1, 1 << 60))
        try:
            for _ in range(lives):
                process = memd(directory, "--appendfsync", policy)
                threads = [
                    Transactor(process.port, number, history, counter,
                               random.Random(randomness.randrange(1 << 60)))
                    for number in range(20)]
                time.sleep(randomness.uniform(0.05, 0.2))
                process.kill()
                for thread in threads:
                    thread.join()
                if cuts_power:
                    folder = os.path.join(directory, "appendonlydir")
                    for name in os.listdir(folder):
                        if name.endswith(".incr.aof"):
                            path = os.path.join(folder, name)
                            os.truncate(path, max(0, os.path.getsize(path) - 5000))
            process = memd(directory, "--appendfsync", policy)
            final = [
                [int(x) for x in process.client.lrange(f"t:{key}", 0, -1)] for key in range(KEYS)]
            process.kill()
        finally:
            shutil.rmtree(directory, ignore_errors=True)
        self.assertGreater(sum(entry["end"] is not None for entry in history), lives * 50)
        return find_fault(history, final)

    def test_transactions_are_strictly_serialisable_through_kills(self):
        self.assertIsNone(self.run_lives("always", max(2, KILLS * 2 // 5)), f"seed {SEED}")

    def test_the_checker_finds_what_a_power_cut_takes(self):
        self.assertIsNotNone(self.run_lives("no", 3, cuts_power=True), f"seed {SEED}")
