# SPDX-License-Identifier: Apache-2.0
"""Carries out the pages in docs/ as a reader would who types what stands behind each `$`.

A block is ```console: commands behind `$ `, which go on in lines that a backslash or a here-document
asks for, and under each the lines that it prints. "..." stands for any text within a line, a line
"..." for any lines. A command that ends in `&` is a server: it goes on, and the next command waits
until it answers. All blocks of a page share a folder. Ports that the page names are replaced by free
ones; `memd` is the program under test.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from server import BINARY

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORT = re.compile(r"\b(6379|6380|70\d\d)\b")

# redis-cli prints for people here as it does on a terminal, and a program without a port has the page's
# first one.
TOOLS = {
    "redis-cli": 'exec {redis_cli} --no-raw -p {port} "$@"',
    "memd": '''for word in "$@"; do case $word in
  *port* | *.conf | --check-* | --help | --version | --test-config | --dump-config) exec {memd} "$@" ;;
esac; done
exec {memd} "$@" --port {port}''',
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def commands(text):
    """(command, expected lines) of a block."""
    found = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.split("\n")
        count = 1
        while lines[count - 1].endswith("\\"):
            count += 1
        here = re.search(r"<<'?(\w+)'?", lines[0])
        if here:
            count = lines.index(here[1]) + 1
        found.append(("\n".join(lines[:count]), [line for line in lines[count:] if line]))
    return found


def fits(expected, printed):
    """Whether lines are as expected."""
    pattern = ""
    for line in expected:
        if line == "...":
            pattern += r"(.*\n)*?"
        else:
            pattern += ".*".join(re.escape(part) for part in line.rstrip().split("...")) + r" *\n"
    lines = [line for line in printed.split("\n") if line.strip()]
    return re.fullmatch(pattern, "".join(line + "\n" for line in lines)) is not None


class Reader:
    """Somebody who reads a page and tries it."""

    def __init__(self, name):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix="memd-page-")
        self.servers = []
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            self.text = file.read()
        self.ports = {}
        os.mkdir(self.folder + "/bin")
        os.mkdir(self.folder + "/home")
        for tool, script in TOOLS.items():
            path = os.path.join(self.folder, "bin", tool)
            with open(path, "w") as file:
                file.write("#!/bin/sh\n" + script.format(
                    redis_cli=shutil.which("redis-cli"), memd=os.path.abspath(BINARY),
                    port=self.port("6379")) + "\n")
            os.chmod(path, 0o755)
        root = os.path.abspath(os.path.join(FOLDER, ".."))
        os.symlink(root + "/scripts", self.folder + "/home/scripts")
        self.environment = dict(
            os.environ, PATH=f"{self.folder}/bin:{os.environ['PATH']}", TERM="dumb")

    def port(self, named):
        """The free port that takes the place of one that the page names."""
        return self.ports.setdefault(named, free_port())

    def blocks(self):
        """(line, commands) of every block."""
        for block in BLOCK.finditer(self.text):
            yield self.text.count("\n", 0, block.start()) + 2, commands(block[1])

    def run(self, command):
        """Types a command; what it prints, with the page's ports."""
        real = PORT.sub(lambda match: str(self.port(match[0])), command)
        if real.endswith("&"):
            return self.start(real.rstrip("& "))
        result = subprocess.run(
            ["bash", "-c", real], cwd=self.folder + "/home", env=self.environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        printed = result.stdout
        for named, port in self.ports.items():
            printed = printed.replace(str(port), named)
        return printed.replace(self.folder + "/home", "/home/me").replace(self.folder, "")

    def start(self, command):
        output = open(os.path.join(self.folder, f"server-{len(self.servers)}"), "w")
        process = subprocess.Popen(
            ["bash", "-c", "exec " + command], cwd=self.folder + "/home", env=self.environment,
            stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        self.servers.append(process)
        deadline = time.monotonic() + 20
        ports = re.findall(r"port[ =](\d+)", command) or [str(self.port("6379"))]
        configuration = re.search(r"\S+\.conf", command)
        if configuration:
            with open(os.path.join(self.folder, "home", configuration[0])) as file:
                ports = re.findall(r"^port (\d+)", file.read(), re.MULTILINE) or ports
        while True:
            try:
                with socket.create_connection(("127.0.0.1", int(ports[0])), timeout=5) as probe:
                    probe.sendall(b"PING\r\n")
                    if not probe.recv(100).startswith(b"-LOADING"):
                        return ""
                time.sleep(0.02)
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    with open(output.name) as file:
                        raise AssertionError(f"{command} doesn't listen\n{file.read()}") from None
                time.sleep(0.02)

    def close(self):
        for process in self.servers:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
