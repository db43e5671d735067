# SPDX-License-Identifier: Apache-2.0
"""Commands of all families cause the same keyspace events in memd as in a real redis-server."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import server

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))
from measuring import Connection, encode, free_port  # noqa: E402

# A command per line. "~ BLOCKED | FEED" lets one client wait for what another one does; "@" is a
# pause of 50 ms, "!" runs a command whose events don't matter.
SCRIPT = """
set a 1
setnx a 2
setnx b 2
mset a 1 b 2
msetnx a 1 zz 2
msetnx yy 1 zz 2
getset a 2
append a x
setrange e 3 x
setbit e 3 1
bitfield e set u8 0 1 get u8 0
bitop not e2 e
bitop and e2 nokey
incr n
incrbyfloat n 1.5
decrby n2 3
setex e 100 x
psetex e 100000 x
persist e
getex e px 10000
getex e persist
getex e pxat 1
getdel a
getdel a
pfadd p a
pfmerge p2 p
pfcount p p2
geoadd g 1 1 x
geosearchstore g2 g fromlonlat 1 1 byradius 10 km
georadius g 1 1 10 km store g3
zadd z 1 a 2 b 3 c
zrangestore z2 z 0 1
zremrangebyrank z 0 0
zremrangebyscore z 2 2
zremrangebylex z - +
zincrby z 1 a
zadd z incr 2 a
zpopmax z
zunionstore z3 2 z2 nokey
zinterstore z3 2 z2 nokey
zdiffstore z3 1 z2
zmpop 1 z3 min count 10
sadd s1 a b c
smove s1 s2 a
smove s1 s2 nomember
spop s1 10
sadd s1 a
srem s1 a
sunionstore s3 s2 s1
sinterstore s3 s2 s1
sort s2 alpha store so
sort nokey store so
rpush l1 1 2 3 1
linsert l1 before 2 x
lset l1 0 y
lrem l1 0 1
ltrim l1 1 1
ltrim l1 5 6
rpush l1 1 2
rpoplpush l1 l2
lmove l1 l1 left right
lmove l1 l2 left right
lpop l2 5
lmpop 1 l2 left
hset h a 1 b 2
hmset h a 1
hsetnx h a 1
hsetnx h c 1
hincrby h a 1
hincrbyfloat h a 1
hdel h a zz
hdel h b c
xadd x maxlen 1 1-1 a b
xadd x maxlen 1 2-1 a b
xtrim x maxlen 0
xadd x 5-1 a b
xdel x 5-1
xsetid x 6-1
xgroup create x g 0
xgroup createconsumer x g c
xgroup setid x g 0
xadd x 7-1 a b
xreadgroup group g d streams x >
xclaim x g e 0 7-1
xautoclaim x g f 0 0
xack x g 7-1
xack nokey g 7-1
xgroup delconsumer x g c
xgroup destroy x g
xgroup create xx g 0 mkstream
xread streams nokey 0
rename p p3
renamenx p3 n
rename p3 n
copy n c
copy n c replace
copy n c db 1
move n 1
swapdb 0 1
expire c 100
pexpire c -1
expire nokey 1
touch z2
unlink z2
dump nokey
ttl nokey
exists nokey nokey2
object encoding nokey
lcs nokey nokey2
get nokey
get h2
~ blpop q 0 | rpush q 1
~ blmove q t left right 0 | rpush q 1 2
~ bzpopmin bz 0 | zadd bz 1 a
~ blmpop 0 1 q2 left | lpush q2 a
~ xread block 0 streams s $ | xadd s 1-1 a b
~ bzmpop 0 1 z9 max | zadd z9 1 a 2 b
multi
set m 1
lpush m x
del m nokey
exec
set t 1 px 20
@@
get t
! debug set-active-expire 0
set t 1 px 20
@
get t
set t 1 px 20
@
set t 2
set t 1 px 20
@
incr t
pexpire t 20
@
set b 1
rename b t
! debug set-active-expire 1
debug reload
flushdb
flushall
"""


class Listener:
    """A server, a client of it, and somebody who hears its keyspace events."""

    def __init__(self, program):
        self.directory = tempfile.mkdtemp(prefix="memd-test-")
        port = free_port()
        self.process = subprocess.Popen(
            [program, "--port", str(port), "--dir", self.directory, "--save", "",
             "--enable-debug-command", "yes", "--notify-keyspace-events", "KEAmn"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client = self.connect(port)
        self.blocked, self.publisher, self.listener = (Connection(port) for _ in range(3))
        self.listener.call("PSUBSCRIBE", "__key*")

    @staticmethod
    def connect(port):
        for _ in range(200):
            try:
                return Connection(port)
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the server does not listen")

    def stop(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def events(self):
        """What was published since the last call."""
        self.publisher.call("PUBLISH", "__key:end", "")
        heard = []
        while True:
            message = self.listener.reply()
            if message[2] == b"__key:end":
                return heard
            heard.append((message[2], message[3]))

    def run(self, line):
        """Runs a line of the script and returns the events that it caused."""
        if line == "@":
            time.sleep(0.05)
        elif line == "@@":
            # What is to come comes sooner in one server than in the other.
            deadline = time.monotonic() + 10
            while not (heard := self.events()) and time.monotonic() < deadline:
                time.sleep(0.02)
            return heard
        elif line.startswith("~"):
            waiting, feeding = line[1:].split("|")
            self.blocked.socket.sendall(encode(*waiting.split()))
            time.sleep(0.05)
            self.client.call(*feeding.split())
            self.blocked.reply()
        elif line.startswith("!"):
            self.client.call(*line[1:].split())
            self.events()
        else:
            self.client.call(*line.split())
        return self.events()


class KeyspaceEventTest(unittest.TestCase):
    @unittest.skipUnless(shutil.which("redis-server"), "redis-server is not installed")
    def test_every_family(self):
        memd = Listener(os.path.abspath(server.BINARY))
        redis = Listener(shutil.which("redis-server"))
        self.addCleanup(memd.stop)
        self.addCleanup(redis.stop)
        for line in filter(None, SCRIPT.split("\n")):
            with self.subTest(line):
                self.assertEqual(memd.run(line), redis.run(line))


if __name__ == "__main__":
    unittest.main()
