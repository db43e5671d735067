# SPDX-License-Identifier: Apache-2.0
"""Functions get the same replies from memd and from a real redis-server, and payloads, files,
streams and redis-cli go from one to the other."""
import os
import shutil
import subprocess
import tempfile
import threading
import unittest

import server
from sides import Connection, Server, SideBySideTest

HEAD = "#!lua name=lib\n"
ONE = HEAD + "redis.register_function('f', function() return 1 end)"

# Whole libraries, for FUNCTION LOAD. At most one thing is wrong with each, as what is found first
# depends on the order of a table.
LIBRARIES = [
    "", "return 1", "#!lua name=l", "#!lua\nx", "#!lua name=\nx", ONE.replace("lua", "LUA"),
    "#!js name=l\nx", "#! name=l\nx", "#!lua name=a-b\nx", "#!lua name=l name=m\nx",
    "#!lua NAME=l\n\n", "#!lua foo=bar\nx",
    "#!lua name=l foo=bar\nx", '#!lua "name=l"\n', '#!lua "name=l\nx', "#!lua name='l'\nx",
    "#!lua name=l\0x\nx", "#!lua name=l\xe9\nx", "\n#!lua name=l\nx", "#!lua   name=l  \n",
    "#!lua name=l\n\x1bLua",
] + [HEAD + code for code in [
    "return 1", "x = 1", "return +", "redis.call('ping')", "local x = tonumber(1)", "error('x')",
    "redis.setresp(3)", "local a = nil; a()", "redis.x = 1", "redis[1] = 2", "local x = _G",
    "local x = KEYS", "function g() end", "local x = redis.sha1hex", "local x = redis.REPL_ALL",
    "redis.log()", "redis.log(1)", "redis.log(9, 'x')", "redis.log({}, 'x')", "local x = redis[1]",
    "local a = {} local b = a + 1", "setmetatable(redis, {})", "local x = string", "pcall(1)",
    "while true do end",
]]

# Arguments of redis.register_function.
REGISTRATIONS = [
    "", "1, 2, 3", "'f'", "nil", "{}", "'a-b', f", "'f', 1", "'f', nil", "1, f", "{}, f", "'', f",
    "f, 'f'", "'a\\0b', f", "'f', redis.log", "redis", "{{}}", "{[1] = 1}", "{[true] = 1}",
    "{function_name = 'f'}", "{callback = f}", "{function_name = 'f', callback = 1}",
    "{function_name = {}, callback = f}", "{function_name = 1, callback = f}",
    "{function_name = 'f', callback = f, description = 1}",
    "{function_name = 'f', callback = f, description = {}}",
    "{function_name = 'f', callback = f, flags = 1}",
    "{function_name = 'f', callback = f, flags = {'x'}}",
    "{function_name = 'f', callback = f, flags = {{}}}",
    "{function_name = 'f', callback = f, flags = {1}}",
    "{function_name = 'f', callback = f, flags = {a = 'no-writes'}}",
    "{function_name = 'f', callback = f, flags = {'no-writes', 'NO-WRITES', 'allow-oom', "
    "'allow-stale', 'no-cluster', 'allow-cross-slot-keys'}, description = 'what it does'}",
    "{function_name = 'f', callback = f, x = 1}", "{FUNCTION_NAME = 'f', Callback = f}",
    "'f', f) redis.register_function('f', f", "'f', f) error('late'",
]

# Bodies of functions.
BODIES = [
    "return 1", "return {keys, args}", "return KEYS", "return ARGV", "return redis.call('get')",
    "return redis.call('nosuch')", "return redis.pcall('nosuch')", "error('boom')",
    "return redis.call('set', 'x', 1)", "error({err = 'MY boom'})", "local a = nil; a()", "x = 1",
    "redis.x = 1", "return redis.register_function('g', function() end)", "return redis.setresp(3)",
    "redis.setresp(3) return redis.call('hgetall', 'h')", "return redis.breakpoint()",
    "return redis.debug(1)", "return redis.replicate_commands()", "return redis.nosuch",
    "return redis.set_repl(redis.REPL_ALL)", "return __redis__err__handler",
    "return redis.sha1hex('a')", "_G.x = 1", "return loadstring('return 1')()",
    "return cjson.encode({1, 2})", "return cmsgpack.pack(1)", "return bit.band(1, 3)",
    "return struct.pack('i', 1)", "return redis.acl_check_cmd('get', 'x')",
    "return {redis.LOG_NOTICE, redis.REPL_ALL}", "return redis.error_reply('x')",
    "return redis.status_reply('x')", "return {err = 'x'}", "return {double = 1.5}", "return 1, 2",
    "coroutine.wrap(function() error('in co') end)()", "setmetatable(_G, {})",
    "rawset(redis, 'x', 1)", "return redis.call('fcall', 'f', 0)",
    "return redis.call('function', 'list')", "return redis.call('eval', 'return 1', 0)",
    "local a, b = pcall(redis.call, 'nosuch') return b", "return debug", "return redis.call()",
    "return redis.call('incr', {})", "return redis.call('multi')", "return math.random()",
    "redis.setresp(3) return true", "return false", "return {map = {a = 1}}", "return nil",
]

# Commands around the libraries `lib` (function f) and `two` (functions g and G).
COMMANDS = """
FCALL f
FCALL f x
FCALL f -1
FCALL f 1
FCALL f 0 a
FCALL F 0
FCALL g 0
FCALL G 0
FCALL nosuch 0
FCALL nosuch x
FCALL_RO f x
FCALL_RO f 0
FCALL_RO g 0
FUNCTION
FUNCTION x
FUNCTION LOAD
FUNCTION LOAD x y
FUNCTION LOAD replace replace x
FUNCTION LOAD replace
FUNCTION DELETE
FUNCTION DELETE LIB
FUNCTION DELETE f
FUNCTION FLUSH x
FUNCTION FLUSH sync x
FUNCTION LIST x
FUNCTION LIST LIBRARYNAME
FUNCTION LIST LIBRARYNAME LI*
FUNCTION LIST libraryname l* withcode
FUNCTION LIST withcode withcode
FUNCTION LIST libraryname l libraryname l
FUNCTION RESTORE
FUNCTION RESTORE x
FUNCTION RESTORE x y
FUNCTION RESTORE x APPEND y
FUNCTION KILL
FUNCTION KILL x
FUNCTION STATS
FUNCTION STATS x
FUNCTION DUMP x
FUNCTION DELETE lib
FCALL f 0
FUNCTION FLUSH async
FUNCTION LIST
FUNCTION STATS
""".strip().split("\n")


class FunctionsTest(SideBySideTest):
    options = ("--repl-diskless-sync-delay", "0")

    def setUp(self):
        for side in self.sides:
            side.call("REPLICAOF", "NO", "ONE")
            side.call("FUNCTION", "FLUSH", "SYNC")
        super().setUp()
        if b"fcall" not in self.memd.call("COMMAND", "LIST"):
            self.skipTest("not implemented: fcall")

    def test_libraries_that_are_wrong(self):
        for code in LIBRARIES:
            self.assert_same("FUNCTION", "LOAD", "REPLACE", code.encode("latin1"))
        self.assert_same("FUNCTION", "LIST")

    def test_registrations(self):
        for arguments in REGISTRATIONS:
            self.assert_same("FUNCTION", "FLUSH")
            self.assert_same(
                "FUNCTION", "LOAD",
                HEAD + f"local f = function() end redis.register_function({arguments})")
            self.assert_same("FUNCTION", "LIST", "WITHCODE")

    def test_bodies_in_both_protocols(self):
        self.assert_same("HSET", "h", "f", "v")
        for protocol in 2, 3:
            self.speak(protocol)
            for body in BODIES:
                self.assert_same(
                    "FUNCTION", "LOAD", "REPLACE",
                    HEAD + f"redis.register_function('f', function(keys, args) {body} end)")
                for words in ("FCALL", "f", 1, "k", "a", "b"), ("FCALL_RO", "f", 0):
                    self.assert_same(*words)
            self.assert_same("FUNCTION", "LIST")
            self.assert_same("FUNCTION", "STATS")

    def test_commands(self):
        two = ("#!lua name=two\nredis.register_function{"
               "function_name='g', callback=%s, flags={'%s'}}")
        self.assert_same("FUNCTION", "LOAD", ONE)
        self.assert_same("FUNCTION", "LOAD", two % ("function() return 2 end", "no-writes"))
        for line in COMMANDS:
            self.assert_same(*line.split())

    def test_collisions_leave_everything_as_it_was(self):
        self.assert_same("FUNCTION", "LOAD", ONE)
        self.assert_same("FUNCTION", "LOAD", ONE)
        self.assert_same("FUNCTION", "LOAD", ONE.replace("lib", "m"))
        self.assert_same("FUNCTION", "LOAD", ONE.replace("lib", "m").replace("'f'", "'F'"))
        self.assert_same("FUNCTION", "LOAD", "REPLACE", HEAD + "+")
        self.assert_same("FCALL", "f", 0)
        self.assert_same("FUNCTION", "LIST", "WITHCODE")

    def test_payloads_go_from_one_to_the_other(self):
        # The second one is compressed, which both do in their own ways.
        for line in ONE, ONE.replace("lib", "m").replace("'f'", "'g'") + "-- " + "x" * 500:
            self.assert_same("FUNCTION", "FLUSH")
            self.assert_same("FUNCTION", "LOAD", line)
            for payload in [client.call("FUNCTION", "DUMP") for client in self.sides]:
                self.assert_same("FUNCTION", "RESTORE", payload)
                for policy in "APPEND", "REPLACE", "FLUSH":
                    self.assert_same("FUNCTION", "RESTORE", payload, policy)
                self.assert_same("FUNCTION", "RESTORE", payload[:-1])
                self.assert_same("FUNCTION", "RESTORE", payload[:-1] + b"x")
                self.assert_same("FUNCTION", "LIST", "WITHCODE")
        self.assert_same("SET", "k", "v")
        self.assert_same("FUNCTION", "RESTORE", self.redis.call("DUMP", "k"))
        self.assert_same("FUNCTION", "FLUSH")
        self.assert_same("FUNCTION", "RESTORE", self.redis.call("FUNCTION", "DUMP"), "FLUSH")

    def test_a_function_that_takes_long(self):
        loop = "redis.register_function('f', function() while true do end end)"
        for server_, client in ((side.server, side.client) for side in self.sides):
            client.call("CONFIG", "SET", "busy-reply-threshold", "20")
            client.call("FUNCTION", "LOAD", HEAD + loop)
            result = []
            caller = Connection(server_.port)
            thread = threading.Thread(target=lambda: result.append(caller.call("FCALL", "f", "0")))
            thread.start()
            server.wait_for(lambda: str(client.call("PING")).startswith("BUSY"))
        self.assert_same("PING")
        self.assert_same("SCRIPT", "KILL")
        for client in self.sides:
            stats = client.call("FUNCTION", "STATS")
            self.assertEqual(stats[1][:4], [b"name", b"f", b"command", [b"FCALL", b"f", b"0"]])
        self.assert_same("FUNCTION", "KILL")
        for client in self.sides:
            server.wait_for(lambda: client.call("PING") == "PONG")
        self.assert_same("FUNCTION", "STATS")

    def test_what_a_user_may_do(self):
        self.assert_same("FUNCTION", "LOAD", ONE)
        self.assert_same("ACL", "SETUSER", "u", "on", ">u", "~a", "+@scripting", "-function|list")
        connections = [Connection(side.port) for side in self.sides]
        for words in (
                ("AUTH", "u", "u"), ("FCALL", "f", "1", "a"), ("FCALL", "f", "1", "b"),
                ("FUNCTION", "LIST"), ("FUNCTION", "STATS"), ("FUNCTION", "DELETE", "nosuch")):
            ours, theirs = (connection.call(*words) for connection in connections)
            self.assertEqual(repr(ours), repr(theirs), words)
        self.assert_same("ACL", "SETUSER", "u", "-@scripting", "+@write", "+fcall")
        for words in ("FUNCTION", "LIST"), ("FUNCTION", "FLUSH"), ("FCALL", "f", "1", "a"):
            ours, theirs = (connection.call(*words) for connection in connections)
            self.assertEqual(repr(ours), repr(theirs), words)
        self.assert_same("ACL", "DELUSER", "u")

    def test_what_stands_against_functions_and_scripts(self):
        self.assert_same(
            "FUNCTION", "LOAD",
            HEAD + "redis.register_function('w', function() return redis.call('set', 'x', '1') end)"
            + "".join(
                f" redis.register_function{{function_name = '{name}', flags = {{'{flag}'}},"
                " callback = function() return redis.pcall('set', 'x', '1') end}"
                for name, flag in (("r", "no-writes"), ("o", "allow-oom"), ("s", "allow-stale"))))
        requests = [
            ("FCALL", "w", "0"), ("FCALL", "r", "0"), ("FCALL", "o", "0"), ("FCALL", "s", "0"),
            ("FCALL_RO", "w", "0"), ("FCALL_RO", "r", "0"), ("FCALL", "nosuch", "0"),
            ("EVAL", "#!lua\nreturn 1", "0"), ("EVAL", "#!lua flags=no-writes\nreturn 1", "0"),
            ("EVAL", "return redis.pcall('set', 'x', 'y')", "0"),
            ("EVAL_RO", "#!lua\nreturn 1", "0")]
        for before, behind in (
                ([("CONFIG", "SET", "maxmemory", "1")], [("CONFIG", "SET", "maxmemory", "0")]),
                ([("CONFIG", "SET", "min-replicas-to-write", "1")],
                 [("CONFIG", "SET", "min-replicas-to-write", "0")]),
                ([("REPLICAOF", "127.0.0.1", "1")], []),
                ([("CONFIG", "SET", "replica-serve-stale-data", "no")],
                 [("CONFIG", "SET", "replica-serve-stale-data", "yes"),
                  ("REPLICAOF", "NO", "ONE")])):
            for words in before:
                self.assert_same(*words)
            for words in requests:
                self.assert_same(*words)
                for line in ("MULTI",), words, ("EXEC",):
                    self.assert_same(*line)
            for words in behind:
                self.assert_same(*words)

    def test_monitors_and_statistics(self):
        self.assert_same(
            "FUNCTION", "LOAD", ONE.replace("return 1", "return redis.call('get', 'k')"))
        self.assert_same("CONFIG", "RESETSTAT")
        seen = []
        for one, client in ((side.server, side.client) for side in self.sides):
            monitor = Connection(one.port)
            monitor.call("MONITOR")
            for words in ("FCALL", "f", "0"), ("FCALL", "nosuch", "0"), ("FUNCTION", "STATS"):
                client.call(*words)
            lines = [monitor.file.readline().split(b"]")[1] for _ in range(4)]
            info = client.info()
            calls = {
                name: info[name].split(",")[0] for name in info
                if name.startswith(("cmdstat_f", "cmdstat_get"))}
            seen.append((lines, calls))
        self.assertEqual(*seen)

    def test_functions_come_with_a_snapshot_and_with_the_stream(self):
        for leader, follower in (0, 1), (1, 0):
            self.assert_same("REPLICAOF", "NO", "ONE")
            self.assert_same("FUNCTION", "FLUSH", "SYNC")
            to, of = self.sides[follower], self.sides[leader]
            of.call("FUNCTION", "LOAD", ONE)
            to.call("FUNCTION", "LOAD", ONE.replace("lib", "old"))
            to.call("REPLICAOF", "127.0.0.1", self.sides[leader].port)
            server.wait_for(lambda: b"master_link_status:up" in to.call("INFO", "replication"))
            self.assertEqual(to.call("FUNCTION", "LIST"), of.call("FUNCTION", "LIST"))
            of.call("FUNCTION", "LOAD", "REPLACE", ONE.replace("'f'", "'g'"))
            payload = of.call("FUNCTION", "DUMP")
            of.call("FUNCTION", "DELETE", "lib")
            server.wait_for(lambda: to.call("FUNCTION", "LIST") == [])
            of.call("FUNCTION", "RESTORE", payload)
            server.wait_for(lambda: to.call("FUNCTION", "LIST") == of.call("FUNCTION", "LIST"))
            of.call("FUNCTION", "FLUSH", "ASYNC")
            server.wait_for(lambda: to.call("FUNCTION", "LIST") == [])

    def test_files_go_from_one_to_the_other(self):
        for options in [[]], [["--appendonly", "yes"]], [
                ["--appendonly", "yes", "--aof-use-rdb-preamble", "no"]]:
            self.check_files(options[0])

    def check_files(self, options):
        directories = []
        for kind in "memd", "redis":
            one = Server(kind, None, *options)
            client = one.connection
            server.wait_for(lambda: client.call("PING") == "PONG")
            self.assertEqual(client.call("FUNCTION", "LOAD", ONE), b"lib")
            if options:
                client.call("BGREWRITEAOF")
                place = os.path.join(one.directory, "appendonlydir")
                server.wait_for(lambda: any(
                    name.endswith((".2.base.rdb", ".2.base.aof")) for name in os.listdir(place)))
                server.wait_for(lambda: client.info()["aof_rewrite_in_progress"] == "0")
            else:
                client.call("SAVE")
            copy = tempfile.mkdtemp()
            shutil.copytree(one.directory, copy, dirs_exist_ok=True)
            directories.append(copy)
            one.__exit__()
        try:
            for kind, directory in zip(("redis", "memd"), directories):
                with Server(kind, None, *options, "--dir", directory) as client:
                    server.wait_for(lambda: client.call("PING") == "PONG")
                    self.assertEqual(client.call("FCALL", "f", 0), 1, (kind, options))
        finally:
            for directory in directories:
                shutil.rmtree(directory, ignore_errors=True)

    @unittest.skipUnless(shutil.which("redis-cli"), "redis-cli is not installed")
    def test_redis_cli_fetches_functions(self):
        self.memd.call("SET", "k", "v")
        self.memd.call("FUNCTION", "LOAD", ONE)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "dump.rdb")
            subprocess.run(
                ["redis-cli", "-p", str(self.sides[0].port), "--functions-rdb", path],
                check=True, capture_output=True, timeout=20)
            with Server("redis", None, "--dir", directory) as client:
                self.assertEqual(client.call("FCALL", "f", 0), 1)
                self.assertEqual(client.call("DBSIZE"), 0)


if __name__ == "__main__":
    unittest.main()
