# SPDX-License-Identifier: Apache-2.0
"""Scripts that mean harm: they use up time, stack and memory, and reach for what isn't theirs.

Half of a script comes from here, the rest from `script_grammar`, whose statements run among what
has been left behind: huge strings, tables with failing metamethods, dead coroutines. Libraries of
functions do the same while they are loaded, while they register functions, and in these.
"""

from script_grammar import HEAD

# Statements; {n} is a count, {s} a string, {t} a table, {v} any value, {c} a command's words.
STATEMENTS = (
    # Time.
    "while true do end", "repeat until false", "local function r() return r() end r()",
    "while true do pcall(error, 'x') end", "for i = 1, 1e9 do end",
    "while true do pcall(function() while true do end end) end",
    "while true do xpcall(function() error('a') end, function(e) return e end) end",
    "coroutine.wrap(function() while true do end end)()",
    "while true do coroutine.wrap(function() coroutine.yield() end)() end",
    "string.find(('a'):rep({n}), ('a?'):rep(30) .. ('a'):rep(30))",
    "string.find(('a'):rep({n}), '.-.-.-.-.-b')", "string.gsub(('x'):rep({n}), '.-b', {v})",
    "string.match(('('):rep({n}), ('%b()'):rep(20))", "for w in string.gmatch({s}, '') do end",
    "string.gsub({s}, '', function() while true do end end)",
    "table.sort({t}, function(a, b) while true do end end)", "table.sort({t}, function() return"
    " true end)", "table.concat({t}, ('x'):rep({n}))", "while true do redis.pcall({c}) end",
    "setmetatable({t}, {{__index = function(t, k) return t[k] end}}).x = 1",
    "local t = setmetatable({{}}, {{}}) getmetatable(t).__index = t return t.x",
    "local t = {t} table.insert(t, {n}, 1)", "table.insert({t}, -{n}, 1)",
    "table.remove({t}, -{n})",
    "for i = {n}, 0, -1 do local x = {s} .. i end", "collectgarbage('stop') while true do local t ="
    " {{}} end", "for k, v in pairs({t}) do {t}[k] = nil end", "string.rep('', 1e18)",
    # Stack.
    "local function r(x) return 1 + r(x) end r(1)",
    "local function r(...) return r(1, ...) end r()",
    "local t = {{}} for i = 1, {n} do t = {{t}} end return t",
    "local t = {{}} t[1] = t return t", "local t = {{}} t.x = t return cjson.encode(t)",
    "local t = {{}} t.x = t return cmsgpack.pack(t)", "return {{map = setmetatable({{}}, {t})}}",
    "local t = {{}} for i = 1, {n} do t = {{t}} end return cjson.encode(t)",
    "local t = {{}} for i = 1, {n} do t = {{t}} end return cmsgpack.pack(t)",
    "return cjson.decode(('['):rep({n}))", "return cjson.decode(('{{\"a\":'):rep({n}))",
    "return cmsgpack.unpack(('\\145'):rep({n}))",
    "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
    "return cmsgpack.unpack('\\223\\255\\255\\255\\255' .. {s})",
    "return cmsgpack.unpack('\\219\\255\\255\\255\\255' .. {s})", "return unpack({{}}, 1, {n})",
    "return unpack({{}}, -{n}, {n})", "return unpack({t}, 2^31 - 2, 2^31)",
    "return select({n}, {v})",
    "return select(-{n}, {v}, {v})", "return string.byte(('x'):rep({n}), 1, -1)",
    "return string.char(unpack({t}))", "return pcall(pcall, pcall, pcall, pcall, error)",
    "local function r() pcall(r) end r()", "local function r() xpcall(r, r) end r()",
    "local function r() coroutine.wrap(r)() end r()", "return loadstring(('('):rep({n}))",
    "return loadstring('return ' .. ('-'):rep({n}) .. '1')", "return loadstring(('{{'):rep({n}))",
    "return loadstring('return ' .. ('{{'):rep(150) .. ('}}'):rep(150))",
    "local s = 'x' for i = 1, 250 do s = 'local a' .. i .. ' ' .. s end return loadstring(s)",
    "return loadstring('return ' .. ('a.'):rep({n}) .. 'a')", "return tostring(setmetatable({{}},"
    " {{__tostring = function(t) return tostring(t) end}}))",
    # Memory.
    "local s = {s} while true do s = s .. s end",
    "local t = {{}} while true do t[#t + 1] = {s} end",
    "local t = {{}} for i = 1, 1e9 do t[i] = i end", "return string.rep({s}, 1e18)",
    "return string.rep({s}, 2^31)", "return string.rep({s}, -{n})", "return ('x'):rep({n})",
    "local t = {{}} for i = 1, {n} do t[i] = ('x'):rep(i) end return t",
    "local t = {{}} for i = 1, {n} do t[i] = coroutine.create(function() end) end return #t",
    "return string.format('%99s', {s})", "return string.format('%100s', {s})",
    "return string.format('%.99f', {v})", "return string.format(('%s'):rep({n}), {v})",
    "return string.format('%q', ('\\0'):rep({n}))", "return struct.pack('c' .. {n}, {s})",
    "return struct.pack('!' .. {n} .. 'i', 1)", "return struct.pack('i' .. {n}, 1)",
    "return struct.unpack('c' .. {n}, {s})", "return struct.unpack('s', {s}, {n})",
    "return struct.unpack(('i'):rep({n}), {s})", "return struct.size('c2147483647c2147483647')",
    "return cmsgpack.unpack_limit({s}, {n}, {n})", "return cmsgpack.unpack_one({s}, {n})",
    "return cjson.encode({{[{n}] = 1}})", "cjson.encode_sparse_array(true, 0) return"
    " cjson.encode({{[{n}] = 1}})", "cjson.encode_max_depth({n}) cjson.decode_max_depth({n})",
    "cjson.encode_number_precision({n})", "return redis.call('echo', ('x'):rep({n}))",
    "for i = 1, {n} do redis.call('rpush', 's9', {s}) end", "return redis.sha1hex(('x'):rep({n}))",
    "return redis.call(unpack({t}))", "redis.call('setrange', 's9', {n}, 'x')",
    "return redis.error_reply(('x\\r\\n'):rep({n}))", "error({{err = ('x'):rep({n})}})",
    "error(setmetatable({{}}, {{__index = function() error({v}) end}}))", "error({{err = {v}}})",
    "error(setmetatable({{}}, {{__newindex = function() error({v}) end}}))", "error({v}, {n})",
    "return {{big_number = ('9\\r\\n'):rep({n})}}", "return {{double = {v}}}",
    "return {{ok = {s}}}",
    "return {{verbatim_string = {{format = {s}, string = {s}}}}}", "return {{map = {t}}}",
    "return {{set = {t}}}", "redis.setresp(3) return {v}", "redis.log({v}, {v})",
    # Metatables that fail or lie.
    "local t = setmetatable({t}, {{__index = error, __newindex = error, __call = error,"
    " __tostring = error, __len = error, __concat = error, __eq = error, __lt = error,"
    " __gc = error}}) return t",
    "return tostring(setmetatable({{}}, {{__tostring = function() return {v} end}}))",
    "return setmetatable({{}}, {{__metatable = {v}}})", "setmetatable(getmetatable(''), {{}})",
    "return ('x') < setmetatable({{}}, {{__lt = error}})", "return getmetatable('').__index",
    "getmetatable('').__index = nil", "rawset(getmetatable(''), '__index', {{}})",
    "rawset(_G, 'redis', nil)", "setmetatable(_G, nil)", "getmetatable(_G).__index.redis = nil",
    "for k, v in pairs(getmetatable(_G) or {{}}) do rawset(getmetatable(_G), k, nil) end",
    "setfenv(1, {{}}) x = 1", "setfenv(0, {{}})", "setfenv(redis.call, {{}})", "setfenv(2, {t})",
    "return getfenv(redis.call)", "local r = redis.call r(r)", "redis.call = error",
    "table.sort(redis)", "table.insert(redis, 1)", "return next(redis)", "return unpack(_G)",
    "coroutine.wrap(redis.call)('get', 's0')", "coroutine.wrap(error)({t})", "coroutine.yield({v})",
    "return coroutine.resume(coroutine.running() or {v})", "local c c = coroutine.create(function()"
    " return coroutine.resume(c) end) return coroutine.resume(c)",
    "local c = coroutine.create(function() error({t}) end) coroutine.resume(c) return"
    " coroutine.resume(c)", "pcall(__redis__err__handler, {t})", "xpcall(function() error({v}) end,"
    " __redis__err__handler)", "return pcall(string.rep)", "return string.dump(function() end)",
    "return loadstring(string.dump(function() end))", "return load(function() return {v} end)",
    "return load(coroutine.wrap(function() while true do coroutine.yield(' ') end end))",
    "return loadstring('\\27Lua' .. {s})", "table.foreach({t}, error)", "gcinfo()", "{v}()",
    "newproxy(true)", "debug.getregistry()", "io.open('x')", "os.exit()", "require('x')",
    # What isn't the caller's.
    "return redis.call('get', 'secret')", "return redis.pcall('mget', 's0', 'secret')",
    "return redis.call('copy', 'secret', 's8')", "return redis.call('rename', 'secret', 's8')",
    "return redis.call('sort', 's0', 'by', 'nosort', 'get', 'secret')",
    "return redis.call('sort_ro', 'l0', 'get', '*cret')", "return redis.call('dump', 'secret')",
    "return redis.call('getrange', 'secret', 0, -1)", "return redis.call('lcs', 's0', 'secret')",
    "return redis.call('eval', \"return redis.call('get', 'secret')\", 0)",
    "return redis.call('bitop', 'or', 's8', 'secret')", "return redis.call('scan', 0)",
    "return redis.call('keys', '*')", "return redis.call('config', 'get', '*')",
    "return redis.call('acl', 'setuser', 'mallory', 'allkeys')", "return redis.call('multi')",
    "return redis.call('debug', 'object', 'secret')",
    "return redis.call('object', 'freq', 'secret')",
    "return redis.call('migrate', 'h', 1, 'secret', 0, 1)", "return redis.call('monitor')",
    "return redis.call('subscribe', 'c')", "return redis.call('shutdown')",
    "return redis.call({c})",
    "return redis.call('set', 'secret', 'x')", "return redis.call('function', 'flush')",
    "return redis.call('script', 'flush')", "return redis.call('client', 'kill', 'id', 1)",
    # What is made of little: the same table again and again, in a reply and in texts.
    "local t = {{map = {{}}}} t.map[t] = t return t", "local t = {{}} t[1] = t t[2] = t return t",
    "local t = {{set = {{}}}} t.set[t] = 1 t.set[{{t}}] = 1 return t",
    "local t = {{}} for i = 1, 60 do t = {{t, t}} end return t",
    "local t = {{}} for i = 1, 60 do t = {{a = t, b = t}} end return cjson.encode(t)",
    "local t = {{}} for i = 1, 9 do local s = {{}} for j = 1, 99 do s[j] = t end t = s end return"
    " cmsgpack.pack(t)",
    "local t = {{}} for i = 1, 7000 do t[i] = {s} end return redis.call('echo', unpack(t))",
    "local t = {{}} for i = 1, 7000 do t[i] = {s} end return cmsgpack.pack(unpack(t))",
    "local t = {{}} for i = 1, 250 do t[i] = {s} end return struct.pack(('s'):rep(250), unpack(t))",
    "local t = {{}} for i = 1, {n} do t[i] = {s} end return t",
    "local t = {{}} for i = 1, 7000 do t[i] = {s} end redis.log(3, unpack(t))",
    "return cmsgpack.unpack(('\\144'):rep({n}))", "return cjson.decode('[' .. ('[],'):rep({n}))",
    "return cjson.encode(('\\0'):rep({n}))", "return {{map = setmetatable({{[{{}}] = {{}}}},"
    " {{__mode = 'kv'}})}}",
    "return cmsgpack.pack(setmetatable({{[{{}}] = {t}}}, {{__mode = 'k'}}))",
    # What no count of instructions ends.
    "local t = {{}} for i = 1, {n} do t[i] = i % 2 end table.sort(t)",
    "table.sort({t}, collectgarbage)", "table.sort({t}, rawequal)", "table.sort({t}, next)",
    "local t = {{}} for i = 1, {n} do t[i] = ('x'):rep(i) end table.sort(t, string.find)",
    "string.gsub(('x'):rep({n}), '.', string.rep)", "return load(collectgarbage)",
    "string.gsub(('count'):rep({n}), 'count', collectgarbage)", "return load(gcinfo)",
    "return load(function() return '1' end)", "return loadstring(('x=1 '):rep({n}))",
    "return ('x'):rep(70000):find('[' .. ('y'):rep({n}) .. ']b')",
    "return ('x'):rep({n}):find('(x*)%1b')", "return ('x'):rep({n}):gsub('(z*)', ('%1'):rep({n}))",
    "table.foreachi({t}, collectgarbage)", "table.foreach({t}, string.find)",
    "redis.set_repl({v})", "return redis.acl_check_cmd({c})",
    "return redis.call('restore', 's8', 0,"
    " {s})", "return redis.call('auth', 'default', '')", "return redis.call('select', {v})",
)
COUNTS = ("0", "1", "7", "100", "199", "1000", "8001", "70000", "1e6", "3e7", "2^31", "2^53",
    "1e308",
          "0/0")
COMMANDS = ("get", "set", "append", "hset", "zadd", "lpush", "xadd", "mset", "eval", "blpop",
    "wait",
            "setrange", "setbit", "getrange", "expire", "restore", "georadius", "bitfield", "ping")


class HostileScripts:
    """Makes scripts out of those statements and the ordinary ones of `Scripts`."""

    def __init__(self, scripts):
        self.scripts, self.random = scripts, scripts.random

    def script(self):
        scripts = self.scripts
        scripts.variables, scripts.depth = [], 0
        lines = [*scripts.shebang(), *HEAD]
        for _ in range(self.random.choice((1, 1, 2, 3))):
            if self.random.random() < 0.4:
                lines.append(scripts.statement())
            lines.append(self.statement())
        return "\n".join(lines)

    def fill(self, form, body=None):
        """A form with something in its places; {b} is for what `body` makes."""
        form = form.replace("{{", "\1").replace("}}", "\2")
        makers = [("{n}", self.count), ("{s}", self.string), ("{t}", self.table),
                  ("{v}", self.value), ("{c}", self.command)]
        for place, make in makers + ([("{b}", body)] if body else []):
            while place in form:
                form = form.replace(place, make(), 1)
        return form.replace("\1", "{").replace("\2", "}")

    def statement(self):
        form = self.fill(self.scripts.one("hostile", STATEMENTS))
        if self.random.random() < 0.6:
            return f"pcall(function() {form} end)"
        return f"do {form} end"

    def count(self):
        return self.random.choice(COUNTS)

    def plain(self, text):
        """Text of the ordinary grammar, in which no place is meant."""
        return text.replace("{n}", "{ n}").replace("{s}", "{ s}").replace("{t}", "{ t}").replace(
            "{v}", "{ v}").replace("{c}", "{ c}").replace("{b}", "{ b}")

    def string(self):
        if self.random.random() < 0.3:
            return f"('ab'):rep({self.count()})"
        return self.plain(self.scripts.string())

    def table(self):
        if self.random.random() < 0.2:
            return "(function() local t = {} for i = 1, 50000 do t[i] = i % 7 end return t end)()"
        return self.plain(self.scripts.table())

    def value(self):
        return self.plain(self.scripts.any())

    def command(self):
        words = [f"'{self.random.choice(COMMANDS)}'"]
        words += [self.value() for _ in range(self.random.randint(0, 4))]
        return ", ".join(words)


# Arguments of redis.register_function that mean harm; {b} is the body of a function.
REGISTRATIONS = (
    "'f', function(keys, args) {b} end", "'f', function(keys, args) {b} end",
    "{{function_name = 'f', callback = function(keys, args) {b} end, flags = {{'no-writes'}}}}",
    "{{function_name = 'f', callback = function(...) {b} end, description = {s}}}",
    "{{function_name = {s}, callback = function() {b} end}}", "{s}, function() {b} end",
    "'f', {v}", "{v}, {v}", "{v}", "{t}", "unpack({t})", "'f', redis.register_function",
    "{{function_name = 'f', callback = function() {b} end, flags = {t}}}",
    "setmetatable({{}}, {{__index = function() {b} end}})",
    "setmetatable({{function_name = 'f', callback = print}}, {{__metatable = {v}, __gc = error}})",
    "'f', coroutine.wrap(function() {b} end)", "'f', loadstring('return 1')", "'f', error",
    "'f', string.rep", "'f', redis.log", "'f', collectgarbage", "'f', pcall", "'f', unpack",
)
# Statements of a library while it is loaded, besides those of scripts.
LOADING = (
    "for i = 1, {n} do redis.register_function('f' .. i, function() return i end) end",
    "while true do pcall(redis.register_function, 'f', function() end) end",
    "for i = 1, {n} do pcall(redis.register_function, 'f' .. i, print) end error('late')",
    "local r = redis.register_function for i = 1, 9 do r('f' .. i, function() return r('x', r) end)"
    " end", "pcall(function() while true do end end)", "coroutine.wrap(function()"
    " redis.register_function('f', function() {b} end) end)()", "kept = {t}", "local kept = {t}"
    " redis.register_function('f', function() kept[#kept + 1] = {s} return #kept end)",
    "error({v})", "error({t})", "error()", "return {v}", "redis.call({c})", "redis.log(3, {v})",
    "loadstring('redis.register_function(...)')('f', print)", "setmetatable(redis, {t})",
    "local redis = {{}}", "rawset(redis, 'register_function', error)", "string.x = {v}",
)


class HostileFunctions:
    """Makes commands about functions: those of `function_grammar.Stories`, with hostile libraries.

    `payloads` of the stories are what FUNCTION DUMP has answered; some are restored damaged.
    """

    def __init__(self, hostile, stories):
        self.hostile, self.stories, self.random = hostile, stories, hostile.random

    def commands(self):
        """Some commands, each a tuple of words; at least one of them calls a function."""
        made = [self.load()]
        for _ in range(self.random.choice((0, 1, 2))):
            made.append(self.random.choice((self.load, self.restore, self.stories.command))())
        for _ in range(self.random.choice((1, 1, 2))):
            made.append(self.call())
        return made + [("FUNCTION", "DUMP")]

    def call(self):
        name = self.random.choice(("f", "f", "g", "g", "g", "G", "f1", "x"))
        command = self.random.choice(("FCALL", "FCALL", "FCALL_RO"))
        return (command, name, "2", "s0", "l0", "12", "argument")

    def restore(self):
        return self.stories.restore()

    def load(self):
        name, function = self.random.choice((("a", "g"),) * 7 + (("lib_1", "x"),))
        lines = ["#!lua name=" + name]
        if self.random.random() < 0.1:
            lines[0] = self.stories.header().rstrip("\n")
        # While it is loaded a library sees little, and what fails there ends it: mostly it is right.
        if self.random.random() < 0.15:
            lines.append(self.loading())
        lines.append(
            f"redis.register_function('{function}', function(keys, args) {self.body()} end)")
        if self.random.random() < 0.3:
            lines.append(self.registration())
        text = "\n".join(lines).encode("latin-1", "replace")
        return ("FUNCTION", "LOAD", *self.random.choice(((),) + (("REPLACE",),) * 5), text)

    def loading(self):
        if self.random.random() < 0.5:
            return self.hostile.statement()
        form = self.hostile.scripts.one("hostile loading", LOADING)
        return "do " + self.hostile.fill(form, self.body) + " end"

    def registration(self):
        form = self.hostile.scripts.one("hostile registration", REGISTRATIONS)
        return "redis.register_function(" + self.hostile.fill(form, self.body) + ")"

    def body(self):
        scripts = self.hostile.scripts
        scripts.variables, scripts.depth = [], 0
        lines = [*HEAD, self.hostile.statement()]
        if self.random.random() < 0.3:
            lines.append(scripts.statement())
        return self.hostile.plain(" ".join(lines))
