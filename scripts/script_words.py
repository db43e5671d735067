# SPDX-License-Identifier: Apache-2.0
"""The words of generated Lua scripts: expressions without choices of their own."""

# Expressions that are numbers, strings and so on.
NUMBERS = (
    "0", "1", "2", "3", "5", "10", "-1", "-2", "0.5", "-0.5", "1.5", "2.75", "3.999", "100", "255",
    "256", "65535", "65536", "2^31", "2^31-1", "-2^31", "2^32", "2^32+5", "2^53", "2^53+1", "-2^53",
    "2^63", "-2^63", "1e15", "1e16", "123456789012345", "1e100", "-1e300", "1e308*10", "-1e308*10",
    "-0", "0.1", "1/3", "1e-5", "1e-320", "0x10", "0xff", "3.14159265358979",
)
STRINGS = (
    "''", "'a'", "'b'", "'hello'", "'hello world'", "'1'", "'12'", "'-3'", "'1.5'", "'0x10'",
    "' 7 '", "'1e3'", "'nan'", "'inf'", "'text\\r\\nline'", "'zero\\0byte'", "'\\255\\254'",
    "'\\195\\169'", "'ok'", "'err'", "'ERR x'", "'WRONGTYPE y'", "'%d'", "'%'", "'(a)(b)'", "[[]]",
    "[==[long]]x]==]", "('x'):rep(100)", "'key:{tag}'", "'0'", "'tab\\tq\"\\\\'", "'\\1\\31\\127'",
)
# What cjson.decode gets, and what cmsgpack.unpack.
JSON = (
    "'[]'", "'{}'", "'[1,2,3]'", "'{\"a\":1}'", "'[[[]]]'", "'null'", "'true'", "'\"x\"'", "'1e5'",
    "'[1,]'", "'{\"a\"}'", "'[1 2]'", "'\"\\\\u00e9\\\\ud83d\\\\ude00\"'", "'\"\\\\ud800\"'",
    "'{\"a\":{\"b\":[1,null,false]}}'", "' [ 1 , 2 ] '", "'-0'", "'01'", "'1.5e'", "'nul'",
    "'0x1F'", "'[1e400]'", "'\"\\\\x\"'", "'{\"1\":1}'", "'{1:2}'", "'\"unfinished'", "'[NaN]'",
    "'-Infinity'",
)
PACKED = (
    "'\\1'", "'\\127\\128'", "'\\192\\194\\195'", "'\\161a'", "'\\147\\1\\2\\3'",
    "'\\129\\161a\\1'", "'\\204\\255'", "'\\205\\1\\0'", "'\\206\\1\\0\\0\\0'",
    "'\\207\\0\\0\\0\\0\\1\\0\\0\\0'", "'\\208\\128'", "'\\209\\128\\0'",
    "'\\210\\255\\255\\255\\255'", "'\\211\\255'", "'\\202\\63'",
    "'\\203\\63\\248\\0\\0\\0\\0\\0\\0'", "'\\217\\1a'", "'\\218\\0\\1a'", "'\\219\\0\\0\\0\\1a'",
    "'\\196\\1a'", "'\\220\\0\\1\\1'", "'\\222\\0\\1\\161a\\1'", "'\\193'", "'\\224\\255'",
)
# Formats of struct, patterns of string.find, formats of string.format.
FORMATS = (
    "'>I2'", "'<i4'", "'b'", "'B'", "'>h'", "'H'", "'l'", "'L'", "'T'", "'f'", "'d'", "'>d'", "'s'",
    "'c3'", "'c0'", "'Bc0'", "'x'", "'!4 b i4'", "'>I3'", "'i8'", "'I9'", "'i'", "'=I'", "'z'",
    "'!'", "'!3i'", "'bbb'", "'I4I4'", "'<I1>I2=I4'", "''", "'c'", "'xBxH'", "'i99999999999'",
    "'!8bi8'",
)
PATTERNS = (
    "'l+'", "'.'", "'^h'", "'o$'", "'(h)(e)'", "'%a+'", "'%d'", "'[a-e]'", "'[^a]'", "'%bxy'", "''",
    "'()'", "'('", "'%'", "'['", "'%f[%w]'", "'(.)%1'", "'l-o'", "'h?'", "'.-'", "'[]]'", "'%1'",
    "'(.*)x'", "'%z'", "'[%s%p]'", "')'", "'[a-'", "'%b'", "'*'",
)
TEXT_FORMATS = (
    "'%d'", "'%5d|'", "'%-5d|'", "'%05d'", "'%+d'", "'%x'", "'%X'", "'%#o'", "'%e'", "'%.3f'",
    "'%g'", "'%.14g'", "'%.17g'", "'%s'", "'%10s|'", "'%-10s|'", "'%.2s'", "'%q'", "'%c'", "'%i'",
    "'%u'", "'%%'", "'%5.1f|'", "'%s %s'", "'%'", "'%z'", "'%123d'", "'%.123f'", "'%a'", "'%p'",
    "'%d %d'",
)
# Names that are looked up; some of them are not there.
GLOBALS = (
    "redis", "cjson", "cmsgpack", "struct", "bit", "string", "table", "math", "coroutine", "io",
    "debug", "package", "require", "module", "print", "dofile", "loadfile", "load", "loadstring",
    "getfenv", "setfenv", "newproxy", "gcinfo", "collectgarbage", "rawget", "rawset", "rawequal",
    "next", "pairs", "ipairs", "select", "unpack", "assert", "error", "pcall", "xpcall", "tostring",
    "tonumber", "type", "getmetatable", "setmetatable", "_G", "_VERSION", "KEYS", "ARGV", "arg",
    "nosuch", "__redis__err__handler", "cjson_safe",
)
# What is put into a script to break it.
BROKEN_TOKENS = (
    "end", "then", "do", "(", ")", "{", "}", "[[", "]]", "'", "\"", "=", "==", "~=", "..", "...",
    "!", "local", "function", "return", "break", "and", "not", "--", "--[[", "\\", "0x", "1e", "$",
    "@", "`", "\0", "\xff", ";", ",", ":", "::", "goto", "nil", "#", "%", "1.2.3", "'\\999'", "'\\",
    "\n", "~",
)
VALUES = (
    "nil", "cjson.null", "string.len", "redis.call", "function() end", "KEYS", "ARGV", "KEYS[1]",
    "ARGV[1]", "ARGV[2]", "ARGV[9]", "nosuch", "{}", "redis.nosuch", "redis.REPL_ALL",
    "redis.LOG_WARNING", "#KEYS", "#ARGV",
)
JSON_SETTINGS = (
    "cjson.encode_max_depth(3)", "cjson.decode_max_depth(2)", "cjson.encode_max_depth()",
    "cjson.encode_sparse_array(true)", "cjson.encode_sparse_array(true, 1, 3)",
    "cjson.encode_sparse_array()", "cjson.encode_number_precision(3)",
    "cjson.encode_number_precision(17)", "cjson.encode_number_precision(0)",
    "cjson.encode_invalid_numbers(true)", "cjson.encode_invalid_numbers('null')",
    "cjson.decode_invalid_numbers(false)", "cjson.encode_keep_buffer(false)",
    "cjson.encode_max_depth(0)", "cjson.encode_invalid_numbers('x')", "cjson.new()",
    "cjson.decode_array_with_array_mt",
)
METATABLES = (
    "{__index = {1, 2, 3}}", "{__index = function(t, k) return k end}", "{__len = 5}",
    "{__tostring = function() return 'shown' end}", "{__tostring = 5}",
    "{__call = function() return 9 end}", "{__add = function() return 7 end}",
    "{__eq = function() return true end}", "{__lt = function() return true end}",
    "{__concat = function() return 'c' end}", "{__newindex = function() error('new') end}",
    "{__metatable = 'hidden'}", "{__unm = math.abs}", "{__mode = 'k'}",
    "{__index = {ok = 'from above'}}", "nil", "5",
)
REFUSED = (
    "'multi'", "'exec'", "'subscribe', 'c'", "'eval', 'return 1', 0", "'auth', 'x'", "'monitor'",
    "'hello', 3", "'client', 'reply', 'off'", "'select', 99", "'select', 1", "'nosuch', 'x'",
    "'get'", "'config', 'nosuch'", "'object'", "'script', 'load', 'x'", "'watch', 's0'", "'reset'",
    "'shutdown'", "'save'", "'client'", "''", "{}", "nil", "5", "'publish', 'c', 'm'",
    "'spublish', 'c', 'm'", "'dbsize'", "'flushdb'", "'acl', 'whoami'",
)
REPLIES = (
    "'hgetall', 'h0'", "'smembers', 'e0'", "'zscore', 'z0', 'b'", "'debug', 'protocol', 'map'",
    "'zrange', 'z0', 0, -1, 'withscores'", "'debug', 'protocol', 'bignum'",
    "'debug', 'protocol', 'verbatim'", "'debug', 'protocol', 'true'", "'ping'", "'ping', 'x'",
    "'debug', 'protocol', 'false'", "'debug', 'protocol', 'null'", "'incr', 's1'", "'exists', 's0'",
    "'debug', 'protocol', 'set'", "'debug', 'protocol', 'double'", "'hmget', 'h0', 'field', 'x'",
    "'debug', 'protocol', 'attrib'", "'xrange', 'x0', '-', '+'", "'mget', 's0', 'h0', 's1'",
    "'config', 'get', 'maxmemory'", "'zpopmin', 'z0'", "'lrange', 'l0', 0, -1",
    "'debug', 'protocol', 'push'", "'type', 'z0'", "'incrbyfloat', 's1', 0.5",
)
MATHS = (
    "abs", "ceil", "floor", "sqrt", "exp", "log", "log10", "sin", "cos", "tan", "asin", "acos",
    "atan", "atan2", "deg", "rad", "fmod", "mod", "modf", "frexp", "ldexp", "max", "min", "pow",
    "random", "sinh", "huge", "pi",
)
REPLACEMENTS = (
    "'x'", "'%0%0'", "'%1'", "'%2'", "'%'", "'%%'", "{h = 'H', e = 1, l = false}",
    "function(w) return w .. '!' end", "function() end", "function() return {} end", "{}", "5",
)
SHEBANGS = (
    "#!lua", "#!lua flags=no-writes", "#!lua flags=allow-oom,allow-stale", "#!lua flags=",
    "#!lua flags=no-cluster", "#!lua flags=x", "#!python", "#!lua x=y", "#!lua flags=,",
    "#!lua flags=allow-cross-slot-keys", '#!lua a"b"', '#!lua "flags=no-writes"', '#!"lua"',
    "#!lua 'flags=no-writes", '#!lua "flags=allow-\\x6fom" x', "#!lua\vflags=x", "#!lua\0x",
)
ASSIGNED = (
    "x", "KEYS", "redis", "string", "_G.x", "redis.call", "KEYS[1]", "ARGV[9]", "math.pi",
)
BASES = ("2", "8", "10", "16", "36", "37")
BYTES = ("65", "0, 255", "256", "-1", "", "1.5")
INDEXES = ("1", "2", "3", "4", "0", "-1", "1.5", "100", "2^40")
FIELDS = ("'a'", "'b'", "'ok'", "'err'", "'map'", "'1'", "''")
# Pairs without order can't be compared, so there is one.
LONE_KEYS = ("1", "2", "true", "'a'")
# Newer versions refuse offsets below 1.
OFFSETS = ("1", "2", "3", "100", "'2'")
# From far below the table redis-server would move elements for minutes.
PLACES = ("0", "1", "2", "-1", "-3", "100", "1.5", "'2'", "{}")
CODE = ("'return 5'", "'return +'", "'x = 1'", "''", "'return ...'")
ORDERS = (
    "function(a, b) return a > b end", "function() return true end", "function() return nil end",
    "5", "nil", "function(a, b) return redis.call('get', 's1') < a end",
)
LEVELS = ("redis.LOG_DEBUG", "0", "9", "{}")
REPLICATION = ("redis.REPL_ALL", "0", "3", "9")
KEYS = ("'s0'", "'s1'", "'h0'", "'e0'", "'l0'", "'z0'", "'x0'", "KEYS[1]", "'missing'")
