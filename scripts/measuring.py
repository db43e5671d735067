# SPDX-License-Identifier: Apache-2.0
"""What the measuring scripts share: starting a server, and a small client that pipelines."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MEMD = os.environ.get("MEMD_BINARY", os.path.join(ROOT, ".build", "release", "memd"))


def encode(*words):
    """A command as the protocol wants it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        if not isinstance(word, bytes):
            word = str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class Map(list):
    """A map of RESP3: pairs, since keys may be anything."""


class Double(bytes):
    """A double of RESP3 as it was written."""


class Connection:
    """A blocking connection that reads the replies of RESP2 and RESP3."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)

    def call(self, *words):
        self.socket.sendall(encode(*words))
        return self.reply()

    def reply(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            return RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            count = int(rest)
            return None if count < 0 else self.file.read(count + 2)[:-2]
        if kind in (b"*", b"~", b">"):
            count = int(rest)
            return None if count < 0 else [self.reply() for _ in range(count)]
        if kind == b"%":
            return Map((self.reply(), self.reply()) for _ in range(int(rest)))
        if kind == b"_":
            return None
        if kind == b",":
            return Double(rest)
        if kind == b"#":
            return rest == b"t"
        if kind == b"(":
            return int(rest)
        if kind == b"=":
            return self.file.read(int(rest) + 2)[4:-2]
        raise EOFError(line)

    def raw_reply(self):
        """The bytes of the next reply, as they came, however deep it is."""
        parts, left = [], 1
        while left:
            left -= 1
            line = self.file.readline()
            if not line:
                raise EOFError("the connection was closed")
            parts.append(line)
            kind = line[:1]
            count = int(line[1:]) if kind in b"$=!*~>%" else 0
            if kind in b"$=!" and count >= 0:
                parts.append(self.file.read(count + 2))
            elif kind in b"*~>%":
                left += max(count, 0) * (2 if kind == b"%" else 1)
        return b"".join(parts)

    def pipeline(self, requests, batch=500):
        """Sends encoded requests in batches and returns the replies."""
        replies = []
        for start in range(0, len(requests), batch):
            part = requests[start : start + batch]
            self.socket.sendall(b"".join(part))
            replies += [self.reply() for _ in part]
        return replies

    def info(self):
        """The fields of INFO as a dictionary of text."""
        text = self.call("INFO", "all").decode()
        return dict(line.split(":", 1) for line in text.split("\r\n") if ":" in line)

    def settings(self, **options):
        for name, value in options.items():
            self.call("CONFIG", "SET", name.replace("_", "-"), value)


def end_with_parent():
    """Has the system end this process when the one that started it ends, however that ends."""
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A memd (release build) or redis-server, without persistence; None takes a free port."""

    def __init__(self, kind, port, *options):
        program = MEMD if kind == "memd" else shutil.which("redis-server")
        if not program or not os.path.exists(program):
            raise SystemExit(f"{kind} was not found; build with: swift build -c release")
        port = port or free_port()
        self.directory = tempfile.mkdtemp()
        words = [program, "--port", str(port), "--dir", self.directory, "--save", "", *options]
        self.process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent)
        self.port = port
        for _ in range(200):
            try:
                self.connection = Connection(port)
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit(f"{kind} does not listen")

    def __enter__(self):
        return self.connection

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def processor_seconds(process):
    """Time that all threads of a process have had on processors."""
    total = 0
    for thread in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def write_steadily(port, batches, size, rate, counter):
    """Sends batches of so many writes each, in turn, at a rate per second, and counts answered ones.

    Each reply must be one line.
    """
    connection = Connection(port)
    next_at = time.time()
    index = 0
    while True:
        connection.socket.sendall(batches[index % len(batches)])
        left = size
        while left > 0:
            left -= connection.socket.recv(1 << 16).count(b"\n")
        counter.value += size
        index += 1
        next_at += size / rate
        time.sleep(max(0, next_at - time.time()))


def percentile(values, percent):
    """The smallest value that at least `percent` of all values don't exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def ping(connection, until, is_over=lambda: False):
    """Milliseconds that PINGs take, sent one by one until a time or until `is_over`."""
    durations = []
    while time.time() < until:
        start = time.perf_counter()
        connection.call("PING")
        durations.append((time.perf_counter() - start) * 1000)
        if len(durations) % 1000 == 0 and is_over():
            break
    return durations


def show_pings(label, durations):
    print(
        f"    PING {label:8} {len(durations):7} calls  p50 {percentile(durations, 50):.3f}"
        f"  p99 {percentile(durations, 99):.3f}  p99.9 {percentile(durations, 99.9):.3f}"
        f"  p99.99 {percentile(durations, 99.99):.3f}  longest {max(durations):.3f} ms",
        flush=True)
