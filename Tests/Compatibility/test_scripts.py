# SPDX-License-Identifier: Apache-2.0
"""Scripts get the same replies, byte for byte, from memd and from a real redis-server."""
import hashlib
import unittest

from sides import SideBySideTest, encode

# What scripts return, in the protocol that the client speaks.
RETURNED = r"""
return 1
return -0.5
return 3.99999
return 2^31
return 2^53 + 1
return -2^63
return 1e300
return 0/0
return 'text'
return ''
return 'a\0b\r\n'
return true
return false
return nil
return
return {}
return {1, 2, nil, 4}
return {1, 'a', {2, {3, {}}}, true, false, 5}
return {ok = 'fine'}
return {ok = 'two\r\nlines'}
return {ok = 5}
return {err = 'MY own'}
return {err = 'no code'}
return {err = ''}
return {err = 'two\r\nlines'}
return {err = 5}
return {err = {}}
return {err = 'first', ok = 'second'}
return {ok = 'first', 1, 2}
return {double = 1.5}
return {double = 1e300}
return {double = 1/0}
return {double = 'text'}
return {map = {a = 1}}
return {map = {[1] = {map = {x = false}}}}
return {map = 'text'}
return {set = {a = true}}
return {set = {[1] = 1}}
return {big_number = '12345678901234567890'}
return {big_number = '12\r\n3'}
return {big_number = 12}
return {verbatim_string = {format = 'txt', string = 'hello'}}
return {verbatim_string = {format = 'txt'}}
return {verbatim_string = {string = 'hello', format = 'text'}}
return {format = 'simple_text', verbatim_string = 'x'}
return function() end
return redis
return {redis.call, 1}
return setmetatable({}, {__index = function() return 5 end})
return setmetatable({1, 2}, {__len = function() return 1 end})
return redis.error_reply('MY error')
return redis.error_reply('-MY error')
return redis.error_reply('single')
return redis.error_reply('')
return redis.error_reply()
return redis.error_reply(1)
return redis.status_reply('MY status')
return redis.status_reply({})
return redis.sha1hex('')
return redis.sha1hex('abc')
return redis.sha1hex()
return redis.sha1hex(1, 2)
return {redis.LOG_DEBUG, redis.LOG_VERBOSE, redis.LOG_NOTICE, redis.LOG_WARNING}
return {redis.REPL_NONE, redis.REPL_SLAVE, redis.REPL_REPLICA, redis.REPL_AOF, redis.REPL_ALL}
return redis.log(redis.LOG_DEBUG, 'nothing')
return redis.log(9, 'nothing')
return redis.log('x')
return redis.log('x', 'y')
return redis.setresp(4)
return redis.setresp()
return redis.set_repl(99)
return redis.set_repl()
return redis.set_repl(redis.REPL_ALL)
return redis.replicate_commands()
return redis.breakpoint()
return redis.debug('nothing')
return tostring(_VERSION) .. tostring(_G == nil) .. tostring(loadstring) .. tostring(dofile)
return math.random(1000000) .. ' ' .. math.random(1000000)
return {KEYS[1], ARGV[1], #KEYS, #ARGV, KEYS.x, ARGV[-1]}
return {type(io), type(require), type(module), type(package), type(debug)}
return {type(print), type(load), type(loadfile), type(getfenv), type(newproxy), type(gcinfo)}
return {type(string.dump), type(collectgarbage), type(setfenv), type(xpcall), type(coroutine)}
return redis.acl_check_cmd('set', 'x', 'y')
return redis.acl_check_cmd('nosuch')
return redis.acl_check_cmd()
return redis.acl_check_cmd({})
"""

# What commands answer, and what of it a script can see. redis-server crashes at an error that is a
# table without `err`, and 7.0 has neither `os`, nor whole numbers beyond 1e17, nor commands that
# would wait but don't.
CALLED = r"""
return redis.call('set', 's', 'v')
return redis.call('asking')
return redis.pcall('asking').err
return redis.call('set', 's', 'v').ok
return redis.call('get', 's')
return redis.call('get', 'missing')
return type(redis.call('get', 'missing'))
return redis.call('incr', 'n')
return type(redis.call('incrbyfloat', 'n', '0.5'))
return redis.call('mget', 's', 'missing', 'n')
return redis.call('hset', 'h', 'f', 1)
return redis.call('hgetall', 'h')
return redis.call('sadd', 'set', 1)
return redis.call('smembers', 'set')
return redis.call('zadd', 'z', 1.5, 'm', 'inf', 'n', 3, 'o')
return redis.call('zscore', 'z', 'm')
return redis.call('zrange', 'z', 0, -1, 'withscores')
return redis.call('zpopmax', 'z')
return redis.call('geoadd', 'g', '13.361389', '38.115556', 'Palermo')
return redis.call('geopos', 'g', 'Palermo', 'x')
return redis.call('xadd', 'x', '1-1', 'f', 'v')
return redis.call('xrange', 'x', '-', '+')
return redis.call('config', 'get', 'maxmemory')
return redis.call('debug', 'protocol', 'attrib')
return redis.call('debug', 'protocol', 'bignum')
return redis.call('debug', 'protocol', 'verbatim')
return redis.call('debug', 'protocol', 'true')
return redis.call('debug', 'protocol', 'false')
return redis.call('debug', 'protocol', 'double')
return redis.call('debug', 'protocol', 'null')
return redis.call('debug', 'protocol', 'map')
return redis.call('debug', 'protocol', 'set')
return redis.call('debug', 'protocol', 'push')
redis.setresp(3) return redis.call('debug', 'protocol', 'bignum')
redis.setresp(3) return redis.call('debug', 'protocol', 'verbatim')
redis.setresp(3) return redis.call('debug', 'protocol', 'true')
redis.setresp(3) return redis.call('debug', 'protocol', 'double')
redis.setresp(3) return redis.call('debug', 'protocol', 'null')
redis.setresp(3) return redis.call('debug', 'protocol', 'map')
redis.setresp(3) return redis.call('debug', 'protocol', 'set')
redis.setresp(3) return redis.call('hgetall', 'h')
redis.setresp(3) return redis.call('hgetall', 'h').map.f
redis.setresp(3) return redis.call('smembers', 'set').set['1']
redis.setresp(3) return redis.call('zscore', 'z', 'o').double
redis.setresp(3) return type(redis.call('get', 'missing'))
redis.setresp(3) return redis.call('zrange', 'z', 0, -1, 'withscores')
redis.setresp(3) redis.setresp(2) return redis.call('hgetall', 'h')
return redis.call('echo', 1)
return redis.call('echo', 1.5)
return redis.call('echo', 0.1)
return redis.call('echo', -0.0)
return redis.call('echo', 1e15)
return redis.call('echo', 2^53)
return redis.call('echo', 1/0)
return redis.call('ECHO', 'a\0b')
return redis.call('echo', true)
return redis.call('echo', nil)
return redis.call('echo', {})
return redis.call('echo', print)
return redis.call({'echo'}, 1)
return redis.call('echo')
return redis.call('nosuch', 1)
return redis.call('')
return redis.call()
return redis.call(nil)
return redis.call('config', 'nosuch')
return redis.call('config')
return redis.call('object', 'encoding', 's')
return redis.call('lpush', 's', 1)
return redis.call('incr', 's')
return redis.pcall('lpush', 's', 1)
return redis.pcall('lpush', 's', 1).err
return redis.pcall('incr', 's').err
return redis.pcall('nosuch').err
return redis.pcall('echo').err
return redis.pcall('echo', {}).err
return redis.pcall().err
local e = redis.pcall('incr', 's') return {e.err, e.source, e.line, e.ignore_error_stats_update}
local e = redis.pcall('nosuch') return {e.err, e.source, e.line, e.ignore_error_stats_update}
local e = redis.pcall() return {e.err, e.source, e.line}
local e = redis.pcall('eval', 'return 1', 0) return {e.err, e.source, e.line}
local ok, e = pcall(redis.call, 'incr', 's') return {tostring(ok), type(e)}
local ok, e = pcall(redis.call, 'incr', 's') return e.err
local ok, e = pcall(redis.call, 'nosuch') return e
local ok, e = pcall(error, {err = 'MINE x'}) return e
return select(2, xpcall(function() redis.call('incr', 's') end, function(e) return e.err end))
error('text')
error('text', 0)
error('text', 2)
error({err = 'MY table'})
error({err = 'MY table', source = '@here', line = 7})
error()
error(nil)
error(5)
error(true)
error(print)
return nosuch
nosuch = 1
nosuch.field = 1
return nosuch.field
KEYS = nil
KEYS[1] = 'own' return KEYS
redis = nil
redis.call = nil
redis.x = 1
string.x = 1
math.random = nil
_G.x = 1
rawset(_G, 'x', 1)
setmetatable(_G, {})
getmetatable(_G).__index = nil
getmetatable('').__index = nil
getmetatable('').__index.x = nil
return tostring(getmetatable(redis))
local t = {} t[nil] = 1
return 1 + {}
return #5
return ('x'):rep(3, ',')
return ('x'):nosuch()
return 'a' < 1
for i = 1, 'x' do end
return (function() return 1 end)()
return select('#', unpack({}, 1, 9000))
return unpack({}, 1, 1e8)
return string.rep('x', -1)
return string.format('%d %s %5.2f %q', 3, 'x', 2.5, 'a\nb')
return string.format('%d', 'x')
return tostring(nil) .. tostring(1e15) .. tostring(-0.0) .. tostring(1/0)
return tonumber('0x10') .. tonumber('10', 2) .. tostring(tonumber('1e1x'))
local f = function(n) return n == 0 and 1 or f(n - 1) end return f(2)
local function f() return f() + 1 end return f()
return redis.call('select', 1)
return redis.call('multi')
return redis.call('watch', 's')
return redis.call('subscribe', 'c')
return redis.call('auth', 'x')
return redis.call('client', 'kill', 'x')
return redis.call('script', 'flush')
return redis.call('monitor')
return redis.call('debug', 'sleep', 'x')
return redis.call('hello', 3)
return redis.call('reset')
"""

# Scripts of more lines, broken ones, and the first line that says what they may do.
WHOLE = (
    "", " ", "return", "return 1;", "return 1 2", "return +", "retrun 1", "x =", "local 1", "'",
    "[[",
    "return 'unfinished", "--[[ unfinished", "goto x", "break", "return ...", "\x1bLua", "\0", "é",
    "-- nothing", "return 1\nerror('second')", "local x = 1\n\n\nreturn redis.call('nosuch')",
    "local f = function()\n error({err='E x'})\nend\nf()",
    "#!lua", "#!lua\n", "#!lua\nreturn 1", "#!lua \nreturn 1", "#!Lua\nreturn 1", "#!\nreturn 1",
    "#!python\nreturn 1", "#!lua flags\nreturn 1", "#!lua flags=\nreturn 1", "#!lua a=b\nreturn 1",
    "#!lua flags=no-writes\nreturn redis.call('set', 's', 1)", "#!lua flags=x\nreturn 1",
    "#!lua flags=no-writes,\nreturn 1", "#!lua flags=no-writes,allow-stale,allow-oom\nreturn 1",
    "#!lua flags=no-cluster\nreturn 1", "#!lua flags=allow-cross-slot-keys\nreturn 1",
    "#!lua flags=no-writes flags=allow-oom\nreturn 1", "#!lua name=x\nreturn 1",
    "#!lua flags=no-writes\nreturn redis.pcall('set', 's', 1).err",
    "#!lua flags=no-writes\nreturn redis.pcall('publish', 'c', 1)",
    "#!lua flags=no-writes\nreturn redis.call('get', 's')",
    "#!lua flags=no-writes\n\nlocal x = nosuch",
)

LIBRARIES = r"""
return cjson.encode({1, 2, {a = 'b'}, true, cjson.null})
return cjson.encode({})
return cjson.encode({[1] = 1, [3] = 3})
return cjson.encode({[1] = 1, [1000] = 3})
return cjson.encode({[{}] = 1})
return cjson.encode({print})
return cjson.encode(0/0)
return cjson.encode(1/0)
return cjson.encode(0.1)
return cjson.encode(123456789012345)
return cjson.encode('\0\1\31\127"/\\\255é')
return cjson.encode()
return cjson.encode(1, 2)
return cjson.decode('[1, 2.5, "x", null, true, {"a": []}]')
return tostring(cjson.decode('null') == cjson.null)
return cjson.decode('{"a": 1')
return cjson.decode('')
return cjson.decode('[1,]')
return cjson.decode('"\\ud83d\\ude00\\u00e9"')
return cjson.decode('"\\ud83d"')
return cjson.decode('nan')
return tostring(cjson.decode('1e400'))
return tostring(cjson.decode('0x10'))
return cjson.decode(string.rep('[', 1001) .. string.rep(']', 1001))
local t = {} t[1] = t return cjson.encode(t)
return cjson.encode_max_depth()
return cjson.encode_sparse_array(true, 2, 3)
return cjson.encode_number_precision(20)
return cjson.encode_keep_buffer()
return cjson.encode_invalid_numbers(true)
return cjson.decode_max_depth(0)
return {cjson._NAME, cjson._VERSION}
return cmsgpack.pack(1, 'x', {1, 2}, {a = 1}, true, nil, 1.5, -1, 2^40)
return {cmsgpack.unpack(cmsgpack.pack(1, 'x', {1, 2}, true, 1.5, -1, 2^40))}
return cmsgpack.unpack('\146\1\162ab')
return cmsgpack.unpack('\146\1')
return cmsgpack.unpack('')
return cmsgpack.unpack('\193')
return {cmsgpack.unpack_one('\1\2', 0)}
return {cmsgpack.unpack_limit('\1\2\3', 2, 1)}
return cmsgpack.unpack_one('\1', 5)
return cmsgpack.unpack_limit('\1')
return cmsgpack.pack()
return cmsgpack.unpack()
return {cmsgpack._NAME, cmsgpack._VERSION}
return struct.pack('>I2<i4bBhHlLs', 1, 2, 3, 4, 5, 6, 7, 8, 'text')
return {struct.unpack('>I2<i4', '\0\1\2\0\0\0')}
return {struct.unpack('sc0', 'text\0\3abc', 1)}
return {struct.unpack('Bc0', '\3abc')}
return struct.unpack('>I4', 'abc')
return struct.unpack('z', 'abc')
return struct.unpack('i', 'abcd', -1)
return struct.unpack('', 'abcd', -1)
return struct.unpack('i', 'abcd', 0)
return struct.unpack('i', 'abcd', -2^63)
return struct.size('>I2<i4bd!8l')
return struct.size('s')
return struct.pack('i99', 1)
return struct.pack('I4')
return tostring(struct.unpack('d', struct.pack('d', 1.5)))
return {bit.band(255, 15), bit.bor(1, 2), bit.bxor(3, 1), bit.bnot(0), bit.tobit(2^32 + 5)}
return {bit.lshift(1, 31), bit.rshift(-1, 28), bit.arshift(-8, 1), bit.rol(1, 33), bit.ror(1, 1)}
return {bit.bswap(1), bit.tohex(255), bit.tohex(-1, -4), bit.tohex(1, 100)}
return bit.band('x')
return bit.band()
local t = {3, 1, 2} table.sort(t) return t
local t = {3, 'x', 2} table.sort(t) return t
return table.concat({1, 2, 'x'}, ',')
return table.concat({1, {}, 'x'}, ',')
return {('hello'):find('l+'), ('hello'):match('(h)(.)'), ('x=1'):gsub('%w', '%0%0')}
return ('x'):find('[')
return ('x'):gsub('x', '%2')
return {math.floor(-1.5), math.max(1, 2), math.fmod(7, 3), math.huge}
return math.max()
return {('%x'):format(-1), ('%5s|%-5s|'):format('a', 'b')}
return {table.remove(redis), 1, table.remove(_G), 2}
return table.sort(string)
table.setn(redis, 1)
local n, t = 0, {5, 4, 3, 2, 7, 8} table.sort(t, function() n = n + 1 end) t[7] = n return t
local n, t = 0, {5, 4, 3} pcall(table.sort, t, function() n = n + 1 return n end) t[9] = n return t
local t = {} for i = 1, 300 do t[i] = i * 7919 % 101 .. 'x' end table.sort(t) return t
local t = {} for i = 1, 99 do t[i] = i end table.sort(t, function(a, b) return a%7<b%7 end) return t
local t = setmetatable({3, 2, 1}, {__newindex = error, __index = error}) table.sort(t) return t
table.sort({}, 1)
table.sort({2, 1}, pcall)
return {loadstring(('x=1 '):rep(30000) .. '(')}
return select(2, loadstring(('x=1 '):rep(30000) .. '(', 'name'))
return {pcall(loadstring('local x = 1 --' .. ('y'):rep(70000) .. '\nreturn x'))}
return {loadstring(('x=1 '):rep(30000), {})}
return loadstring('return 5')()
return {loadstring('return +')}
return loadstring('\27Lua')
"""


class ReplyTests(SideBySideTest):
    def lines(self, text):
        for script in filter(None, text.split("\n")):
            with self.subTest(script):
                self.assert_same("EVAL", script, 1, "key", "argument")

    def prepare(self):
        for side in self.sides:
            side.call("FLUSHALL")
            side.call("SET", "s", "v")

    def test_returned_values_become_replies(self):
        for protocol in (2, 3):
            self.speak(protocol)
            self.lines(RETURNED)

    def test_replies_and_errors_of_commands_become_values(self):
        for protocol in (2, 3):
            self.speak(protocol)
            self.prepare()
            self.lines(CALLED)
            self.assert_same("DEBUG", "DIGEST")

    def test_libraries(self):
        self.lines(LIBRARIES)

    def test_whole_scripts_and_what_they_say_in_their_first_line(self):
        self.prepare()
        for command in ("EVAL", "EVAL_RO"):
            for script in WHOLE:
                with self.subTest(f"{command} {script!r}"):
                    self.assert_same(command, script, 0)
        for script in WHOLE:
            with self.subTest(f"SCRIPT LOAD {script!r}"):
                self.assert_same("SCRIPT", "LOAD", script)

    def test_scripts_that_must_not_write(self):
        self.prepare()
        for script in (
                "return redis.call('get', 's')", "return redis.call('set', 's', 1)",
                "return redis.pcall('set', 's', 1)", "return redis.pcall('publish', 'c', 'm')",
                "return redis.call('pfcount', 's')", "return redis.call('sort', 's', 'store', 'x')",
                "return redis.call('getex', 's', 'ex', 10)", "#!lua\nreturn 1"):
            digest = self.assert_same("SCRIPT", "LOAD", script)[5:-2]
            with self.subTest(script):
                self.assert_same("EVAL_RO", script, 0)
                self.assert_same("EVALSHA_RO", digest, 0)
                self.assert_same("EVALSHA", digest, 0)

    def test_words_of_eval(self):
        for words in (
                ("EVAL",), ("EVAL", "return 1"), ("EVAL", "return 1", "x"),
                ("EVAL", "return 1", "-1"), ("EVAL", "return 1", "1"),
                ("EVAL", "return 1", "1.5"), ("EVAL", "return 1", str(2**63)),
                ("EVAL", "return KEYS", "2", "a", "b", "c"), ("EVALSHA", "x", "0"),
                ("EVALSHA", "f" * 40, "0"), ("EVALSHA", "f" * 40, "-1"), ("EVALSHA_RO", "", "0"),
                ("EVALSHA", "E0E1F9FABFC9D4800C877A703B823AC0578FF8DB", "0"),
                ("SCRIPT",), ("SCRIPT", "NOSUCH"), ("SCRIPT", "LOAD"),
                ("SCRIPT", "EXISTS"), ("SCRIPT", "EXISTS", "x"), ("SCRIPT", "FLUSH", "x"),
                ("SCRIPT", "FLUSH", "SYNC", "x"), ("SCRIPT", "KILL"), ("SCRIPT", "KILL", "x")):
            with self.subTest(" ".join(words)):
                self.assert_same(*words)

    def test_a_script_is_known_by_its_digest_until_it_is_flushed(self):
        script = "return redis.call('incr', KEYS[1])"
        digest = hashlib.sha1(script.encode()).hexdigest()
        for flush in ((), ("SYNC",), ("ASYNC",)):
            self.assert_same("EVALSHA", digest, 1, "n")
            self.assert_same("SCRIPT", "EXISTS", digest, "f" * 40)
            self.assert_same("SCRIPT", "LOAD", script)
            self.assert_same("SCRIPT", "EXISTS", digest.upper(), digest)
            self.assert_same("EVALSHA", digest, 1, "n")
            self.assert_same("EVALSHA", digest.upper(), 1, "n")
            self.assert_same("SCRIPT", "FLUSH", *flush)
            self.assert_same("EVAL", script, 1, "n")
            self.assert_same("EVALSHA", digest, 1, "n")
            self.assert_same("SCRIPT", "FLUSH", *flush)

    def test_without_memory_only_what_needs_none_runs(self):
        for side in self.sides:
            side.call("SET", "s", "v")
            side.call("CONFIG", "SET", "maxmemory", 1)
        for script in (
                "return redis.call('get', 's')", "return redis.call('set', 's', 1)",
                "return redis.pcall('set', 's', 1)",
                "#!lua flags=allow-oom\nreturn redis.call('set', 's', 1)",
                "#!lua flags=no-writes\nreturn redis.call('get', 's')",
                "redis.call('del', 'x') return redis.call('set', 's', 2)"):
            with self.subTest(script):
                self.assert_same("EVAL", script, 1, "s")
        for side in self.sides:
            side.call("CONFIG", "SET", "maxmemory", 0)

    def test_transactions_hold_scripts(self):
        for words in (
                ("SET", "s", "1"), ("WATCH", "s"), ("EVAL", "redis.call('get', 's')", 0),
                ("MULTI",), ("EVAL", "return redis.call('incr', 's')", 0),
                ("EVAL", "return redis.call('nosuch')", 0), ("EVALSHA", "x", 0),
                ("EVAL", "return {1, 'x', {ok='y'}}", 0), ("EXEC",), ("WATCH", "s"),
                ("EVAL", "return redis.call('incr', 's')", 0), ("MULTI",), ("PING",), ("EXEC",),
                ("MULTI",), ("EVAL", "x"), ("EXEC",), ("WATCH", "s"), ("EVAL", "return 1", 0),
                ("MULTI",), ("GET", "s"), ("EXEC",)):
            with self.subTest(words):
                self.assert_same(*words)

    def test_a_script_may_do_what_its_user_may(self):
        for side in self.sides:
            side.call("ACL", "SETUSER", "bob", "on", ">bob", "~app:*", "%R~ro:*", "&news:*",
                      "+@all", "-flushall", "-config|set")
            side.call("ACL", "SETUSER", "eve", "on", ">eve", "~*", "+@all", "-@scripting")
            side.call("ACL", "LOG", "RESET")
            self.addCleanup(side.call, "ACL", "DELUSER", "bob", "eve")
        for script in (
                "return redis.call('set', 'app:1', 'x')", "return redis.call('set', 'other', 'x')",
                "return redis.pcall('get', 'other').err", "return redis.call('get', 'ro:1')",
                "return redis.call('set', 'ro:1', 1)", "return redis.call('flushall')",
                "return redis.pcall('config', 'set', 'maxmemory', 0)",
                "return redis.call('config', 'get', 'maxmemory')",
                "return redis.call('publish', 'news:1', 'm')",
                "return redis.call('publish', 'other', 'm')",
                "return redis.pcall('spublish', 'other', 'm').err",
                "return {redis.acl_check_cmd('set', 'app:1', 'x'), "
                "redis.acl_check_cmd('set', 'x', 'x'), redis.acl_check_cmd('flushall')}"):
            with self.subTest(script):
                self.both(lambda side: self.as_user(side, "bob", "EVAL", script, 1, "app:1"))
        self.both(lambda side: self.as_user(side, "bob", "EVAL", "return 1", 1, "other"))
        self.both(lambda side: self.as_user(side, "eve", "EVAL", "return 1", 0))
        log = self.both(self.access_log)
        self.assertIn((b"lua", b"key", b"other", b"bob"), log)

    def as_user(self, side, user, *words):
        client = side.connect(user=user)
        client.socket.sendall(encode(*words))
        reply = client.raw_reply()
        client.socket.close()
        return reply

    @staticmethod
    def access_log(side):
        fields = [dict(zip(entry[::2], entry[1::2])) for entry in side.call("ACL", "LOG")]
        return [
            (entry[b"context"], entry[b"reason"], entry[b"object"], entry[b"username"])
            for entry in fields]


class BusyTests(SideBySideTest):
    options = ("--busy-reply-threshold", "20")

    def start(self, side, script):
        """Another client's script, which is over its time when this returns."""
        client = side.connect()
        client.socket.sendall(encode("EVAL", script, 0))
        while not str(side.call("PING")).startswith("BUSY"):
            pass
        return client

    def test_others_hear_busy_until_the_script_is_killed(self):
        def conversation(side):
            client = self.start(side, "while true do end")
            heard = [side.raw(*words) for words in (
                ("GET", "k"), ("EVAL", "return 1", 0), ("SCRIPT", "LOAD", "x"),
                ("INFO",), ("NOSUCH",), ("GET",), ("SCRIPT", "EXISTS", "x"),
                ("SHUTDOWN",), ("CONFIG", "GET", "port"), ("SCRIPT", "KILL"))]
            reply = client.raw_reply()
            after = [side.raw(*words) for words in (("GET", "k"), ("SCRIPT", "KILL"))]
            client.socket.sendall(encode("GET", "k"))
            return heard, reply, after, client.raw_reply()

        self.both(conversation)

    def test_pcall_does_not_hold_the_kill_up(self):
        def conversation(side):
            client = self.start(side, "local f = function() while true do end end "
                                "while true do pcall(f) end")
            return side.raw("SCRIPT", "KILL"), client.raw_reply(), side.raw("PING")

        self.both(conversation)

    def test_a_script_that_called_commands_is_killed_too(self):
        def conversation(side):
            client = self.start(side, "while true do redis.call('get', 'k') end")
            return side.raw("SCRIPT", "KILL"), client.raw_reply(), side.raw("PING")

        self.both(conversation)

    def test_a_script_that_has_written_ends_only_with_the_server(self):
        def conversation(side):
            client = self.start(side, "redis.call('set', 'k', 1) while true do end")
            killed = side.raw("SCRIPT", "KILL")
            heard = [side.raw("GET", "k"), side.raw("SHUTDOWN")]
            side.client.socket.sendall(encode("SHUTDOWN", "NOSAVE"))
            side.server.process.wait(timeout=10)
            client.socket.close()
            return killed, heard, side.client.socket.recv(10)

        try:
            self.both(conversation)
        finally:
            self.tearDownClass()
            self.setUpClass()

    def test_requests_sent_meanwhile_are_answered_later_in_order(self):
        def conversation(side):
            client = side.connect()
            client.socket.sendall(
                encode("SET", "k", 1) + encode("EVAL", "while true do end", 0)
                + encode("INCR", "k") + encode("GET", "k"))
            while not str(side.call("PING")).startswith("BUSY"):
                pass
            killed = side.raw("SCRIPT", "KILL")
            return killed, [client.raw_reply() for _ in range(4)]

        self.both(conversation)


if __name__ == "__main__":
    unittest.main()
