# SPDX-License-Identifier: Apache-2.0
"""The server under test, and what tests need to know of it."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

BINARY = os.environ.get("MEMD_BINARY", ".build/release/memd")


def wait_for(condition, seconds=20):
    """Waits until something holds; fails if it doesn't in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it does not happen")
        time.sleep(0.01)


def request(*words):
    """A request as clients encode it."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class Server:
    """A memd of its own, on a free port, in a directory that goes away with it.

    `path` is a configuration file, of which the options come last."""

    def __init__(self, *arguments, path=None):
        self.directory = tempfile.mkdtemp(prefix="memd-test-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = open(os.path.join(self.directory, "output"), "wb")
        self.process = subprocess.Popen(
            [os.path.abspath(BINARY), *([path] if path else []), "--port", str(self.port),
             *arguments],
            cwd=self.directory, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError("memd ended at once:\n" + self.output())
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("memd does not listen:\n" + self.output())

    def output(self):
        self.log.flush()
        with open(self.log.name, errors="replace") as file:
            return file.read()

    def raw(self, data, patience=10, quiet=0.1):
        """Sends bytes on a new connection; returns what arrives until it is quiet or closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=patience) as connection:
            connection.sendall(data)
            received = b""
            while True:
                try:
                    chunk = connection.recv(1 << 16)
                except socket.timeout:
                    return received
                if not chunk:
                    return received
                received += chunk
                connection.settimeout(quiet)

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        """Ends the server by SIGTERM; returns its exit status."""
        if self.is_alive():
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
        return status


_shared = None
_commands = None


def shared():
    """The server that most tests use; started when first asked for."""
    global _shared
    if _shared is None:
        _shared = Server()
    return _shared


def stop_shared():
    """Ends the shared server; returns its exit status, None if it never ran."""
    global _shared
    status = _shared.stop() if _shared else None
    _shared = None
    return status


def commands():
    """The names that COMMAND LIST tells, subcommands as "config|get"."""
    global _commands
    if _commands is None:
        lines = shared().raw(request("COMMAND", "LIST")).split(b"\r\n")
        _commands = {line.decode().lower() for line in lines[2::2] if line}
    return _commands


def missing(*names):
    """Those of the names that the server doesn't have."""
    known = commands()
    return [name for name in names if name.lower() not in known]


def requires(*names):
    """Skips a test, by name, if the server lacks one of the commands."""

    def decorate(test):
        def wrapped(self):
            absent = missing(*names)
            if absent:
                raise unittest.SkipTest("not implemented: " + ", ".join(absent))
            return test(self)

        wrapped.__name__ = test.__name__
        wrapped.__doc__ = test.__doc__
        return wrapped

    return decorate
