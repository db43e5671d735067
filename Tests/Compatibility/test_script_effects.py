# SPDX-License-Identifier: Apache-2.0
"""What others see of scripts: monitors, figures, events, waiting clients, followers and the log."""
import os
import shutil
import subprocess
import tempfile
import unittest

from server import wait_for
from sides import SideBySideTest, encode
from test_append_log import Process, memd

PUSH = "return redis.call('rpush', KEYS[1], unpack(ARGV))"

# Scripts whose effects are not what they were asked for: random, relative in time, conditional.
WRITING = (
    ("return redis.call('set', KEYS[1], ARGV[1])", "s", "v"),
    ("redis.call('set', KEYS[1], 1) redis.call('incr', KEYS[1])", "n"),
    ("return redis.call('get', KEYS[1])", "s"),
    ("return redis.call('set', KEYS[1], 'v', 'ex', 1000)", "t"),
    ("redis.call('expire', KEYS[1], 1000)", "n"),
    ("redis.call('sadd', KEYS[1], 1, 2, 3) redis.call('spop', KEYS[1])", "e"),
    ("redis.call('incrbyfloat', KEYS[1], 1.5)", "f"),
    ("redis.call('xadd', KEYS[1], '*', 'a', 'b')", "x"),
    ("redis.call('select', 3) redis.call('set', KEYS[1], 1)", "other"),
    ("redis.call('set', KEYS[1], redis.call('time')[1])", "now"),
    ("redis.call('set', KEYS[1], math.random(1000000))", "random"),
    ("redis.call('hset', KEYS[1], 'a', 1) redis.pcall('lpush', KEYS[1], 1) "
     "redis.call('hset', KEYS[1], 'b', 2)", "h"),
    ("redis.call('set', KEYS[1], 1) error('after it')", "failed"),
    ("redis.set_repl(redis.REPL_ALL) redis.call('set', KEYS[1], 1)", "everywhere"),
    ("for i = 1, 50 do redis.call('zadd', KEYS[1], i, 'm' .. i) end "
     "redis.call('zremrangebyrank', KEYS[1], 0, 9)", "z"),
    ("redis.call('del', KEYS[1])", "s"),
    ("redis.call('publish', KEYS[1], 'message')", "channel"),
)


class ObservedTests(SideBySideTest):
    def load(self, script):
        return self.assert_same("SCRIPT", "LOAD", script)[5:-2]

    def test_monitors_see_the_script_and_what_it_calls(self):
        digest = self.load(PUSH)

        def lines(side):
            monitor = side.connect()
            monitor.call("MONITOR")
            side.call("EVALSHA", digest, 1, "list", "a", "b c")
            side.call("EVAL", "redis.call('select', 2) redis.pcall('get') "
                      "return redis.call('set', 'k', 'x\\n')", 0)
            side.call("EVAL_RO", "return redis.call('ping')", 0)
            side.call("MULTI")
            side.call("EVAL", "return redis.call('get', 'k')", 0)
            side.call("EXEC")
            side.call("ECHO", "end")
            seen = []
            while not seen or '"end"' not in seen[-1]:
                # The time and the address are not those of the other server.
                place, text = monitor.reply().split(" [", 1)[1].split("] ", 1)
                seen.append(place.replace(place.split()[1], "") + text if "lua" not in place
                            else place + text)
            monitor.socket.close()
            return seen

        seen = self.both(lines)
        self.assertIn('2 lua"set" "k" "x\\n"', seen)

    def test_the_slow_log_has_the_script_and_not_what_it_calls(self):
        digest = self.load(PUSH)

        def entries(side):
            side.call("CONFIG", "SET", "slowlog-log-slower-than", 0)
            side.call("SLOWLOG", "RESET")
            side.call("EVALSHA", digest, 1, "list", "a")
            side.call("EVAL", "redis.call('set', 'k', 1) return redis.call('get', 'k')", 0)
            side.call("EVAL", "return redis.call('nosuch')", 0)
            entries = side.call("SLOWLOG", "GET")
            side.call("CONFIG", "SET", "slowlog-log-slower-than", 10000)
            return [entry[3] for entry in entries]

        self.both(entries)

    def test_figures_count_scripts_what_they_call_and_errors_once(self):
        for side in self.sides:
            for script in (
                    "redis.call('set', 'k', 'x') return redis.call('get', 'k')",
                    "return redis.call('incr', 'k')", "return redis.pcall('incr', 'k')",
                    "return redis.pcall('incr', 'k').err", "return redis.call('nosuch')",
                    "return redis.call('get')", "return {err = 'MINE x'}", "error('x')",
                    "return redis.error_reply('OTHER x')", "return redis.call('lpush', 'k', 1)",
                    "pcall(redis.call, 'lpush', 'k', 1)", "return +"):
                side.call("EVAL", script, 0)
            side.call("EVAL_RO", "return redis.call('set', 'k', 1)", 0)
            side.call("EVALSHA", "f" * 40, 0)

        def figures(side):
            found = {}
            for name, value in side.client.info().items():
                if name.startswith("errorstat_"):
                    found[name] = value
                if name.startswith("cmdstat_") and "config" not in name and "flush" not in name:
                    fields = dict(field.split("=") for field in value.split(","))
                    found[name] = [
                        fields[field] for field in ("calls", "rejected_calls", "failed_calls")]
            return found

        self.maxDiff = None
        self.both(figures)

    def test_a_watched_key_that_a_script_changes_fails_the_transaction(self):
        def conversation(side, script):
            other = side.connect()
            other.call("WATCH", "k", "list")
            side.call("EVAL", script, 0)
            other.call("MULTI")
            other.call("PING")
            reply = other.call("EXEC")
            other.socket.close()
            return reply

        for script, holds in (
                ("redis.call('set', 'k', 1)", False), ("redis.call('get', 'k')", True),
                ("redis.pcall('lpush', 'k', 1)", True), ("redis.call('rpush', 'list', 1)", False),
                ("redis.call('set', 'k', 2) error('x')", False), ("redis.call('del', 'no')", True)):
            with self.subTest(script):
                reply = self.both(lambda side: conversation(side, script))
                self.assertEqual(reply is not None, holds)

    def test_keyspace_events_come_from_what_a_script_calls(self):
        def events(side):
            side.call("CONFIG", "SET", "notify-keyspace-events", "KEA")
            listener = side.connect()
            listener.call("PSUBSCRIBE", "__key*")
            for script, key, *arguments in WRITING:
                side.call("EVAL", script, 1, key, *arguments)
            side.call("PUBLISH", "__key:end", "")
            heard = []
            while not heard or heard[-1][0] != b"__key:end":
                heard.append(listener.reply()[2:])
            side.call("CONFIG", "SET", "notify-keyspace-events", "")
            listener.socket.close()
            return heard

        self.assertIn([b"__keyevent@3__:set", b"other"], self.both(events))

    def test_a_cache_of_a_client_hears_of_keys_that_its_script_has_read(self):
        def conversation(side):
            client, helper = side.connect(3), side.connect(3)
            client.call("CLIENT", "TRACKING", "ON")
            client.call("EVAL", "return redis.call('get', KEYS[1])", 1, "read")
            for key in ("other", "read"):
                helper.call("EVAL", "return redis.call('set', KEYS[1], 1)", 1, key)
            reply = client.reply()
            for connection in (client, helper):
                connection.socket.close()
            return reply

        self.both(conversation)


class WaitingTests(SideBySideTest):
    """Clients that wait for keys, fed by scripts."""

    def served(self, waiting, script, *keys, after=(("KEYS", "*"),)):
        """What waiting clients and others get; each of `waiting` is one client's request."""

        def conversation(side):
            side.call("FLUSHALL")
            digest = side.call("SCRIPT", "LOAD", script)
            clients = []
            for words in waiting:
                client = side.connect()
                client.socket.sendall(encode(*words))
                clients.append(client)
                while int(side.client.info()["blocked_clients"]) < len(clients):
                    pass
            heard = [side.raw("EVALSHA", digest, len(keys), *keys)]
            heard += [client.raw_reply() for client in clients]
            heard += [side.raw(*words) for words in after]
            for client in clients:
                client.socket.close()
            return heard

        return self.both(conversation)

    def test_a_push_in_a_script_wakes_whoever_waits_for_the_list(self):
        push = "redis.call('rpush', KEYS[1], 'a', 'b') return redis.call('llen', KEYS[1])"
        for words in (
                ("BLPOP", "q", 0), ("BRPOP", "x", "q", 0), ("BRPOPLPUSH", "q", "d", 0),
                ("BLMOVE", "q", "d", "LEFT", "RIGHT", 0), ("BLMPOP", 0, 1, "q", "LEFT")):
            with self.subTest(words):
                heard = self.served(
                    [words], push, "q",
                    after=(("LRANGE", "q", 0, -1), ("LRANGE", "d", 0, -1)))
                # The script itself saw both: whoever waits is served at its end.
                self.assertEqual(heard[0], b":2\r\n")

    def test_sorted_sets_and_streams_wake_as_well(self):
        self.served([("BZPOPMIN", "q", 0)], "redis.call('zadd', KEYS[1], 1, 'a', 2, 'b')", "q")
        self.served([("BZMPOP", 0, 1, "q", "MAX")], "redis.call('zadd', KEYS[1], 1, 'a')", "q")
        self.served(
            [("XREAD", "BLOCK", 0, "STREAMS", "q", "$")],
            "redis.call('xadd', KEYS[1], '1-1', 'f', 'v')", "q")

    def test_those_who_wait_are_served_in_the_order_in_which_they_came(self):
        self.served(
            [("BLPOP", "q", 0), ("BRPOPLPUSH", "q", "d", 0), ("BLPOP", "d", 0)],
            "redis.call('rpush', KEYS[1], 'a', 'b', 'c')", "q",
            after=(("LRANGE", "q", 0, -1), ("EXISTS", "d")))

    def test_what_is_gone_when_the_script_ends_wakes_nobody(self):
        self.served(
            [("BLPOP", "q", 0.05)],
            "redis.call('rpush', KEYS[1], 'a') redis.call('lpop', KEYS[1])", "q")
        self.served(
            [("BLPOP", "q", 0.05)],
            "redis.call('rpush', KEYS[1], 'a') redis.call('rename', KEYS[1], 'p')", "q")


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
class PropagationTests(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="memd-test-")
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            process.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self, program, name, *options):
        place = os.path.join(self.directory, name)
        os.makedirs(place, exist_ok=True)
        options = ("--repl-diskless-sync-delay", "0", *options)
        if program == "memd":
            process = memd(place, *options)
        else:
            process = Process("redis-server", place, *options)
        self.processes.append(process)
        return process

    @staticmethod
    def write(process):
        for script, key, *arguments in WRITING:
            try:
                process.client.eval(script, 1, key, *arguments)
            except Exception as error:
                assert "after it" in str(error), error

    def test_followers_get_the_effects_of_scripts_as_from_redis_server(self):
        streams = []
        for program in ("memd", "redis"):
            leader = self.start(program, program)
            follower = self.start(
                "redis", program + "-follower", "--replicaof", f"127.0.0.1 {leader.port}")
            wait_for(lambda: follower.client.info("replication")["master_link_status"] == "up")
            stream = subprocess.Popen(
                ["redis-cli", "-p", str(follower.port), "MONITOR"], stdout=subprocess.PIPE,
                text=True, stdin=subprocess.DEVNULL)
            self.assertEqual(stream.stdout.readline().strip(), "OK")
            self.write(leader)
            leader.client.set("end", 1)
            lines = []
            while not lines or '"end"' not in lines[-1]:
                line = stream.stdout.readline().split("[", 1)[1]
                if line.split('"')[1].upper() not in ("PING", "INFO", "REPLCONF"):
                    lines.append(line.split()[0] + line.split("] ", 1)[1])
            stream.kill()
            stream.wait()
            stream.stdout.close()
            streams.append(lines)
            digest = leader.client.execute_command("DEBUG", "DIGEST")
            wait_for(lambda: follower.client.execute_command("DEBUG", "DIGEST") == digest)
        ours, theirs = ([self.comparable(line) for line in stream] for stream in streams)
        self.assertEqual(ours, theirs)

    @staticmethod
    def comparable(line):
        """A line of the stream without what differs: times, random choices, case."""
        words = line.strip().lower().split(" ")
        if words[0] in ('3"select"', '0"select"'):
            return line
        if "xadd" in words[0] or "spop" in words[0] or "srem" in words[0]:
            return words[:2]
        if words[1:2] in (['"now"'], ['"random"']) or "pexpireat" in words[0]:
            return words[:2]
        if "pxat" in line.lower():
            return words[:4]
        return words

    def test_memd_follows_and_both_read_the_log(self):
        leader = self.start("memd", "leader")
        follower = self.start("memd", "follower", "--replicaof", f"127.0.0.1 {leader.port}")
        self.write(leader)
        digest = leader.client.execute_command("DEBUG", "DIGEST")
        wait_for(lambda: follower.client.execute_command("DEBUG", "DIGEST") == digest)
        leader.stop()
        self.processes.remove(leader)
        shutil.copytree(
            os.path.join(self.directory, "leader"), os.path.join(self.directory, "redis"))
        for program, name in (("memd", "leader"), ("redis", "redis")):
            again = self.start(program, name)
            self.assertEqual(again.client.execute_command("DEBUG", "DIGEST"), digest)


if __name__ == "__main__":
    unittest.main()
