# SPDX-License-Identifier: Apache-2.0
"""What the trials of followers share: servers that are killed and started again, sentinels, links
that lose what is under way, and writers that remember what was acknowledged."""

import asyncio
import collections
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from measuring import MEMD, ROOT, Connection, encode, end_with_parent, free_port

NAME = "board"


def import_redis():
    """redis-py of the system, or else of the tests."""
    python = subprocess.run(
        [os.path.join(ROOT, "scripts", "install-test-tools")], check=True, capture_output=True,
        text=True).stdout.strip()
    if os.sep in python:
        library = os.path.join(ROOT, os.path.dirname(os.path.dirname(python)), "lib")
        for version in os.listdir(library):
            sys.path.insert(0, os.path.join(library, version, "site-packages"))
    import redis.backoff
    import redis.retry
    import redis.sentinel

    return redis


def wait_for(condition, what, seconds=60):
    """The first true value of a condition, which may fail to connect meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except (OSError, EOFError):
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: not within {seconds} seconds")
        time.sleep(0.02)


class Node:
    """A memd or redis-server whose files stay when it ends."""

    def __init__(self, kind, parent, name, *options, relay=None):
        self.kind, self.name = kind, name
        self.directory = os.path.join(parent, name)
        self.port = free_port()
        self.relay = relay(self.port) if relay else None
        # Where others find it.
        self.address = self.relay.port if relay else self.port
        self.process = self.link = None
        os.makedirs(self.directory)
        lines = [
            f"port {self.port}", f"dir {self.directory}", f"logfile {self.directory}/log",
            "enable-debug-command yes", "repl-diskless-sync-delay 0",
            "replica-announce-ip 127.0.0.1", f"replica-announce-port {self.address}", *options,
        ]
        self.path = os.path.join(self.directory, "redis.conf")
        with open(self.path, "w") as file:
            file.write("\n".join(lines) + "\n")

    def start(self, *options):
        program = MEMD if self.kind == "memd" else shutil.which("redis-server")
        if not program or not os.path.exists(program):
            raise SystemExit(f"{self.kind} was not found; build with: swift build -c release")
        # What the program says before there is a log, or when it ends in an unusual way.
        with open(os.path.join(self.directory, "output"), "ab") as output:
            self.process = subprocess.Popen(
                [program, self.path, *options], stdin=subprocess.DEVNULL, stdout=output,
                stderr=output, preexec_fn=end_with_parent)
        wait_for(self.answers, f"{self.name} starts", 120)
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise SystemExit(f"{self.name} ended with {self.process.returncode}: {self.directory}")
        return self.call("PING") == "PONG"

    def call(self, *words):
        """A command, on a new connection if the old one has gone: sentinels disconnect clients."""
        try:
            if self.link is not None:
                return self.link.call(*words)
        except (OSError, EOFError):
            pass
        self.link = None
        link = Connection(self.port)
        link.socket.settimeout(60)
        reply = link.call(*words)
        self.link = link
        return reply

    def info(self):
        text = self.call("INFO", "everything").decode()
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def follow(self, leader):
        self.call("REPLICAOF", "127.0.0.1", leader.address)

    def follows(self, leader):
        """Whether it gets the stream of that leader."""
        facts = self.info()
        return (
            facts["role"] == "slave" and facts["master_port"] == str(leader.address)
            and facts["master_link_status"] == "up")

    def kill(self):
        self.link = None
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Ends it in the orderly way."""
        self.link = None
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=60) != 0:
            raise SystemExit(f"{self.name} ended with {self.process.returncode}")


def wait_until_equal(nodes, seconds=120):
    """Waits until all of them hold the same data; returns the digest."""
    # What came last is everywhere before anybody counts.
    names = ("master_repl_offset", "master_replid")
    deadline = time.monotonic() + seconds
    while True:
        states = [[node.info()[name] for name in names] for node in nodes]
        digests = None
        if all(state == states[0] for state in states):
            digests = [node.call("DEBUG", "DIGEST") for node in nodes]
            if len(set(digests)) == 1:
                return digests[0]
        if time.monotonic() > deadline:
            raise SystemExit(
                f"{', '.join(node.name for node in nodes)} don't become equal: {states}, {digests}")
        time.sleep(0.05)


class Relay:
    """Stands in front of a server, and delays what it sends to followers. What is under way when
    the server dies is lost, as with a machine."""

    def __init__(self, server_port, lag=0.0):
        self.port = free_port()
        self.server_port, self.lag = server_port, lag
        # While it is set, followers get nothing.
        self.stalled = multiprocessing.Value("b", 0, lock=False)
        self.process = multiprocessing.Process(target=self.run, daemon=True)
        self.process.start()

    def run(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        asyncio.run(self.serve())

    async def serve(self):
        server = await asyncio.start_server(self.accept, "127.0.0.1", self.port, limit=1 << 20)
        async with server:
            await server.serve_forever()

    async def accept(self, reader, writer):
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.server_port)
        except OSError:
            writer.close()
            return
        follows = asyncio.Event()
        tasks = [
            asyncio.create_task(self.pass_on(reader, to_server, follows)),
            asyncio.create_task(self.answer(from_server, writer, follows)),
        ]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for each in (writer, to_server):
            each.close()

    async def pass_on(self, reader, writer, follows):
        try:
            while data := await reader.read(1 << 18):
                if b"PSYNC" in data[:200]:
                    follows.set()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass

    async def answer(self, reader, writer, follows):
        waiting = collections.deque()
        arrived = asyncio.Event()

        async def deliver():
            while True:
                while not waiting:
                    arrived.clear()
                    await arrived.wait()
                due, data = waiting[0]
                if follows.is_set():
                    while self.stalled.value or time.monotonic() < due:
                        await asyncio.sleep(0.001)
                waiting.popleft()
                writer.write(data)
                await writer.drain()

        delivery = asyncio.create_task(deliver())
        try:
            while data := await reader.read(1 << 18):
                waiting.append((time.monotonic() + self.lag, data))
                arrived.set()
            while waiting and not follows.is_set():
                await asyncio.sleep(0.001)
        except OSError:
            pass
        finally:
            delivery.cancel()


class Sentinels:
    """Three of them, which agree by two."""

    def __init__(self, parent, leader, down_after, failover_timeout=4000):
        self.ports = []
        self.processes = []
        for number in range(3):
            directory = os.path.join(parent, f"sentinel{number}")
            os.makedirs(directory)
            port = free_port()
            path = os.path.join(directory, "sentinel.conf")
            with open(path, "w") as file:
                file.write(
                    f"port {port}\ndir {directory}\nlogfile {directory}/log\n"
                    f"sentinel monitor {NAME} 127.0.0.1 {leader.address} 2\n"
                    f"sentinel down-after-milliseconds {NAME} {down_after}\n"
                    f"sentinel failover-timeout {NAME} {failover_timeout}\n"
                    f"sentinel parallel-syncs {NAME} 2\n")
            self.processes.append(subprocess.Popen(
                ["redis-server", path, "--sentinel"], stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, preexec_fn=end_with_parent))
            self.ports.append(port)

    def leader(self):
        """The port that all of them take for the leader's; None if they don't agree."""
        answers = {leader_of(port) for port in self.ports}
        return answers.pop() if len(answers) == 1 else None

    def are_content(self, follower_count):
        """Whether each of them sees everybody, and nobody down."""
        for port in self.ports:
            connection = Connection(port)
            connection.socket.settimeout(5)
            facts = pairs(connection.call("SENTINEL", "MASTER", NAME))
            replicas = [pairs(each) for each in connection.call("SENTINEL", "REPLICAS", NAME)]
            connection.socket.close()
            if facts[b"flags"] != b"master" or facts[b"num-other-sentinels"] != b"2":
                return False
            if [each[b"flags"] for each in replicas] != [b"slave"] * follower_count:
                return False
            if any(each[b"master-link-status"] != b"ok" for each in replicas):
                return False
        return True

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


def pairs(words):
    return dict(zip(words[::2], words[1::2]))


def leader_of(sentinel_port):
    connection = Connection(sentinel_port)
    connection.socket.settimeout(5)
    answer = connection.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME)
    connection.socket.close()
    return int(answer[1])


class Record:
    """What one writer was told in one round: numbers of keys and values of the counter, each with
    the time at which the reply was read."""

    def __init__(self):
        self.keys = []
        self.counts = []
        self.errors = collections.Counter()

    def take(self, number, reply):
        """Takes the reply to SET (or to INCR, without a number) over; true if it is no error."""
        if isinstance(reply, Exception):
            self.errors[str(reply).split(" ")[0]] += 1
            return False
        if number is None:
            self.counts.append((reply, time.time()))
        else:
            self.keys.append((number, time.time()))
        return True


class Writer:
    """A process that writes keys of its own and increments a counter, in pipelines, to whom
    sentinels or a number in shared memory call the leader."""

    def __init__(self, number, style, find, pipeline, pause):
        self.number, self.style, self.find = number, style, find
        self.pipeline, self.pause = pipeline, pause
        self.written = 0
        self.pipe, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self.run, args=(theirs,), daemon=True)
        self.process.start()

    # MARK: - In the process that tries

    def write(self, round_number):
        self.pipe.send(round_number)

    def rest(self):
        """Stops writing; returns what was acknowledged since it began."""
        self.pipe.send(None)
        return self.pipe.recv()

    # MARK: - In the process that writes

    def run(self, pipe):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        end_with_parent()
        random.seed(self.number)
        while True:
            self.prefix = f"{pipe.recv()}:{self.number}"
            self.record = Record()
            write = {"raw": self.write_raw, "redis-py": self.write_with_client,
                     "churn": self.churn, "lasting": self.churn}[self.style]
            write(pipe)
            pipe.recv()
            pipe.send(self.record)

    def requests(self):
        """The next commands, each with the number of its key."""
        commands = []
        for _ in range(self.pipeline - 1):
            self.written += 1
            commands.append((self.written, ("SET", self.key(self.written), self.written)))
        commands.append((None, ("INCR", "count")))
        return commands

    def key(self, number):
        return f"key:{self.prefix}:{number}"

    def write_raw(self, pipe):
        connection = None
        while not pipe.poll():
            try:
                if connection is None:
                    connection = Connection(self.find())
                    connection.socket.settimeout(15)
                commands = self.requests()
                connection.socket.sendall(b"".join(encode(*words) for _, words in commands))
                is_welcome = True
                for number, _ in commands:
                    is_welcome &= self.record.take(number, connection.reply())
                if not is_welcome:
                    connection.socket.close()
                    connection = None
            except (OSError, EOFError, TypeError) as error:
                self.record.errors[type(error).__name__] += 1
                connection = None
            time.sleep(self.pause if connection else 0.02)

    def write_with_client(self, pipe):
        redis = import_redis()
        # It doesn't try again by itself, for ever more rarely: the loop does.
        never = redis.retry.Retry(redis.backoff.NoBackoff(), 0)
        client = redis.sentinel.Sentinel(
            [("127.0.0.1", port) for port in self.find.ports],
            sentinel_kwargs={"socket_timeout": 0.5, "retry": never},
        ).master_for(NAME, socket_timeout=5, retry=never)
        while not pipe.poll():
            commands = self.requests()
            batch = client.pipeline(transaction=False)
            for _, words in commands:
                batch.execute_command(*words)
            try:
                for (number, _), reply in zip(commands, batch.execute(raise_on_error=False)):
                    self.record.take(number, reply)
                time.sleep(self.pause)
            except redis.RedisError as error:
                self.record.errors[type(error).__name__] += 1
                time.sleep(0.02)

    def churn(self, pipe):
        """Every type of value, keys that expire (but for `lasting`), transactions, blocking
        commands that are served."""
        changes = LASTING if self.style == "lasting" else LASTING + EXPIRING
        connection = None
        while not pipe.poll():
            try:
                if connection is None:
                    connection = Connection(self.find())
                    connection.socket.settimeout(15)
                commands = [change for _ in range(8) for change in random.choice(changes)(
                    random.randrange(20), random.randrange(1000))]
                connection.socket.sendall(b"".join(encode(*words) for words in commands))
                is_welcome = True
                for _ in commands:
                    reply = connection.reply()
                    if isinstance(reply, Exception):
                        self.record.errors[str(reply).split(" ")[0]] += 1
                        is_welcome = False
                if not is_welcome:
                    connection.socket.close()
                    connection = None
            except (OSError, EOFError, TypeError) as error:
                self.record.errors[type(error).__name__] += 1
                connection = None
            time.sleep(self.pause * 4 if connection else 0.02)


# Commands that change values of one type, of two numbers.
LASTING = (
    lambda one, other: [("HSET", f"h{one}", f"f{other}", other), ("HINCRBY", f"h{one}", "n", 3)],
    lambda one, other: [
        ("ZADD", f"z{one}", other, f"m{other}"), ("ZPOPMIN", f"z{one}"),
        ("ZINCRBY", f"z{one}", 0.5, "m1")],
    lambda one, other: [("RPUSH", f"l{one}", other, "x" * 50), ("LTRIM", f"l{one}", -200, -1)],
    lambda one, other: [("SADD", f"s{one}", other, f"m{other}"), ("SPOP", f"s{one}")],
    lambda one, other: [("XADD", f"x{one}", "MAXLEN", "~", 500, "*", "f", other)],
    lambda one, other: [
        ("MULTI",), ("SELECT", 1), ("INCR", f"n{one}"), ("SELECT", 0), ("PFADD", f"p{one}", other),
        ("EXEC",)],
    lambda one, other: [("SETRANGE", f"t{one}", other, "y"), ("SETBIT", f"t{one}", other, 1)],
    lambda one, other: [
        ("BLPOP", f"l{one}", f"l{other % 20}", 0.01), ("COPY", f"z{one}", f"z{one}c", "REPLACE")],
    lambda one, other: [("DEL", f"{'hzlsxt'[other % 6]}{one}")],
)
EXPIRING = (
    lambda one, other: [("SET", f"e{other}", other, "PX", random.randrange(1, 3000))],
    lambda one, other: [
        ("PEXPIRE", f"l{one}", 2000), ("GETDEL", f"e{other}"), ("APPEND", f"a{one}", other)],
)


class AskSentinels:
    """Finds the leader as clients of sentinel do."""

    def __init__(self, ports):
        self.ports = ports

    def __call__(self):
        return leader_of(random.choice(self.ports))


class AskTrial:
    """Finds the leader that the trial has chosen."""

    def __init__(self):
        self.chosen = multiprocessing.Value("i", 0, lock=False)

    def __call__(self):
        return self.chosen.value


class Place:
    """A directory for a trial, which stays if that fails."""

    def __enter__(self):
        self.directory = tempfile.mkdtemp(prefix="memd-trial-")
        return self.directory

    def __exit__(self, kind, *_):
        if kind:
            print(f"logs are in {self.directory}", file=sys.stderr)
        else:
            shutil.rmtree(self.directory, ignore_errors=True)
