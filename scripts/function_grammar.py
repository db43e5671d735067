# SPDX-License-Identifier: Apache-2.0
"""Random libraries of functions, and stories about them: what is loaded, called, dumped, restored.

A story is a list of commands, each a tuple of words, and begins without libraries. Bodies of
functions are statements of `script_grammar`. Alternatives are counted in the `Scripts` given.
"""

from script_grammar import DATA, HEAD

LIBRARIES = ("a", "b", "lib_1", "A")
# No two differ only in case: which of those redis-server finds depends on its table's order.
FUNCTIONS = ("f", "g", "h", "i")
# First lines that are wrong, or right in an unusual way.
HEADERS = (
    "", "#!lua\n", "#!lua name=\n", "#!LUA name=a\n", "#!js name=a\n", "#!lua name=a-b\n",
    "#!lua name=a name=b\n", "#!lua x=y\n", "#!lua name=a", '#!lua "name=a"\n', "#!lua 'name=a\n",
    '#!lua na"me=a"\n', "#!lua name=a\0\n", "#!lua \t name=a \n", "#!lua name=" + "n" * 9000 + "\n",
    "#!lua NAME=a\n", "\n#!lua name=a\n", '#!lua "name=\\x61"\n', "#! name=a\n", "#!lua\vname=a\n",
)
# Arguments of redis.register_function that are wrong, or right in an unusual way; `f` is one.
REGISTRATIONS = (
    "", "1, 2, 3", "'f'", "nil", "{}", "'a-b', f", "'f', 1", "1, f", "'', f", "f, 'f'", "redis",
    "'f', redis.log", "{function_name = 'f'}", "{callback = f}", "{[1] = f}", "{[true] = 1}",
    "{function_name = {}, callback = f}", "{function_name = 1, callback = f}",
    "{function_name = 'f', callback = f, flags = 1}", "('n'):rep(5000), f",
    "{function_name = 'f', callback = f, flags = {{}}}",
    "{function_name = 'f', callback = f, description = {}}",
    "{function_name = 'f', callback = f, x = 1}", "{FUNCTION_NAME = 'f', Callback = f}",
    "{function_name = 'f', callback = f, flags = {a = 'no-writes'}}",
    "setmetatable({}, {__index = {function_name = 'f', callback = f}})", "'f', f, nil",
    "'a\\0b', f",
)
FLAGS = (
    "'no-writes'", "'allow-oom'", "'allow-stale'", "'no-cluster'", "'allow-cross-slot-keys'",
    "'NO-WRITES'", "'x'", "1", "''",
)
# What a library does while it is loaded.
LOADING = (
    "local n = 0", "redis.log(redis.LOG_DEBUG, 'x')", "local x = {}", "x = 1", "error('x')",
    "redis.call('ping')", "error({err = 'MY own'})", "local s = string.rep('x', 9)",
    "return", "pcall(1)", "redis.register_function('late', 1)", "local a = nil; a()", "(",
    "setmetatable(redis, {})", "redis.x = 1", "local r = redis.register_function r('k', r)",
    "for i = 1, 3 do redis.register_function('many' .. i, function() return i end) end",
    "error(setmetatable({}, {__index = {err = 'above'}}))", "local x = KEYS",
    "redis.register_function('deep', function() return deep end)", "coroutine.yield()", "_G.x = 1",
    "redis.register_function = 1", "local x = redis.REPL_ALL", "do local t = setmetatable({},"
    " {__newindex = function() error('new') end}) error(t) end", "return 5",
)
# What a function does.
BODIES = (
    "return 1", "return {keys, args}", "return #keys + #args", "n = (n or 0) + 1 return n",
    "local kept = keys return kept", "return redis.register_function('x', function() end)",
    "return redis.call('get', keys[1])", "return redis.call('set', keys[1], args[1] or 'x')",
    "return redis.call('fcall', 'f', 0)", "return redis.call('function', 'list')", "error('boom')",
    "return redis.pcall('function', 'delete', 'a')", "return redis.call('eval', 'return 1', 0)",
    "error({err = 'MY own', x = 1})", "return redis.call('nosuch')", "return KEYS", "return nil",
    "keys[1] = 'changed' return keys", "return setmetatable(keys, {__index = function() return 1"
    " end})", "redis.setresp(3) return redis.call('hgetall', 'h0')", "redis = nil", "return f",
    "string.x = 1", "return coroutine.wrap(function() error('inside') end)()", "return _G.redis",
    "return math.random(1000)", "return pcall(redis.call, 'incr', 's0')", "return redis.breakpoint",
    "return redis.replicate_commands", "return loadstring('return 5')()", "return getfenv(1) == _G",
    "return redis.call('multi')", "return redis.call('script', 'flush')", "return {args[1], '2'}",
)
COMMANDS = (
    ("FUNCTION",), ("FUNCTION", "x"), ("FUNCTION", "LOAD"), ("FUNCTION", "LOAD", "x", "y"),
    ("FUNCTION", "LOAD", "REPLACE", "REPLACE", "x"), ("FUNCTION", "DELETE"),
    ("FUNCTION", "FLUSH", "x"), ("FUNCTION", "FLUSH", "SYNC", "x"), ("FUNCTION", "LIST", "x"),
    ("FUNCTION", "LIST", "LIBRARYNAME"), ("FUNCTION", "RESTORE"), ("FUNCTION", "KILL"),
    ("FUNCTION", "RESTORE", "x", "x"), ("FUNCTION", "DUMP", "x"), ("FUNCTION", "STATS", "x"),
    ("FCALL", "f"), ("FCALL", "f", "x"), ("FCALL", "f", "-1"), ("FCALL", "f", "2", "s0"),
    ("FCALL", "", "0"), ("SCRIPT", "FLUSH"), ("SCRIPT", "KILL"), ("SCRIPT", "EXISTS", "f"),
    ("FUNCTION", "LIST", "WITHCODE", "WITHCODE"), ("FUNCTION", "LOAD", "LIBRARYNAME", "x"),
)
# What math.random answers goes on from one function, and story, to the next.
SEED = ("EVAL", "math.randomseed(7)", "0")


class Stories:
    """Makes stories; `payloads` are what FUNCTION DUMP of either server has answered."""

    def __init__(self, scripts):
        self.scripts = scripts
        self.random, self.choose, self.one = scripts.random, scripts.choose, scripts.one
        self.chance = scripts.chance
        self.payloads = [b"", b"x"]

    def story(self):
        first = self.sound() if self.chance(0.6) else self.load()
        commands = [("FUNCTION", "FLUSH"), SEED, *DATA, first, self.load()]
        for _ in range(self.random.randint(2, 9)):
            commands += self.step()
        return commands + [("FUNCTION", "STATS"), ("FUNCTION", "LIST", "WITHCODE")]

    def step(self):
        if self.chance(0.05):
            inside = [self.command() for _ in range(self.random.randint(1, 4))]
            # Payloads differ, and inside of EXEC's reply they can't be told from the rest.
            inside = [words for words in inside if words[:2] != ("FUNCTION", "DUMP")]
            end = self.one("end of a transaction", ("EXEC", "EXEC", "EXEC", "DISCARD"))
            return [("MULTI",), *inside, (end,)]
        return [self.command()]

    def command(self):
        """One command, as words."""
        library = lambda: self.one("library", LIBRARIES)  # noqa: E731
        return self.choose("function command", {
            "load": self.load,
            "call": self.call, "another call": self.call, "a third call": self.call,
            "delete": lambda: ("FUNCTION", "DELETE", library()),
            "list": lambda: ("FUNCTION", "LIST"),
            "list some": lambda: (
                "FUNCTION", "LIST", "LIBRARYNAME", self.one("name pattern", (*LIBRARIES, "*", "l*",
                                                                            "[ab]", "")),
                *self.one("with code", ((), ("WITHCODE",)))),
            "dump": lambda: ("FUNCTION", "DUMP"),
            "restore": self.restore,
            "flush": lambda: ("FUNCTION", "FLUSH", *self.one(
                "way to flush", ((), ("SYNC",), ("ASYNC",)))),
            "stats": lambda: ("FUNCTION", "STATS"),
            "unusual": lambda: self.one("unusual command", COMMANDS),
            "of a script": lambda: ("EVAL", self.one("script about functions", (
                "return redis.call('fcall', 'f', 0)", "return redis.pcall('fcall_ro', 'g', 0)",
                "return redis.call('function', 'load', 'x')", "return math.random(1000)",
                "return redis.register_function('f', function() end)")), "0"),
        })

    def call(self):
        name = self.one("function name", FUNCTIONS)
        if self.chance(0.1):
            name = self.one("rare function", (
                "late", "many1", "deep", "k", "nosuch", "H", "F", "n" * 5000))
        keys, arguments = self.one("keys and arguments", (
            ((), ()), (("s0",), ()), (("s1",), ("a", "b")), (("h0", "l0"), ("1",)), ((), ("x",))))
        command = self.one("way to call", ("FCALL", "FCALL", "FCALL", "FCALL_RO"))
        return (command, name, str(len(keys)), *keys, *arguments)

    def restore(self):
        payload = self.random.choice(self.payloads)
        if payload and self.chance(0.15):
            at = self.random.randrange(len(payload))
            payload = self.choose("damage of a payload", {
                "cut": lambda: payload[:at],
                "changed": lambda: payload[:at] + bytes([self.random.randrange(256)])
                + payload[at + 1:],
                "longer": lambda: payload + b"x",
            })
        policy = self.one("policy", ((), ("APPEND",), ("REPLACE",), ("FLUSH",), ("replace",)))
        return ("FUNCTION", "RESTORE", payload, *policy)

    # MARK: - Libraries

    def load(self):
        """FUNCTION LOAD of a library, which has at most one mistake, mostly."""
        options = self.one("way to load", ((), ("REPLACE",), ("REPLACE",), ("replace",)))
        text = self.header() + self.library()
        if self.chance(0.04):
            at = self.random.randrange(len(text) + 1)
            text = text[:at] + text[at + self.random.randint(1, 5):]
        return ("FUNCTION", "LOAD", *options, text.encode("latin-1"))

    def sound(self):
        """FUNCTION LOAD of a library in which everything is right, but for what functions do."""
        lines = [f"#!lua name={self.one('library', LIBRARIES)}", "local n, f"]
        lines += [
            f"redis.register_function('{name}', function(keys, args) {self.body()} end)"
            for name in FUNCTIONS]
        return ("FUNCTION", "LOAD", "\n".join(lines).encode("latin-1"))

    def header(self):
        if self.chance(0.08):
            return self.one("header", HEADERS)
        return f"#!lua name={self.one('library', LIBRARIES)}\n"

    def library(self):
        lines = ["local f = function() return 'f' end local n"]
        if self.chance(0.15):
            lines.append(self.one("loading", LOADING))
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            lines.append(self.registration())
        if self.chance(0.05):
            lines.append(self.one("loading", LOADING))
        return "\n".join(lines)

    def registration(self):
        if self.chance(0.1):
            return f"redis.register_function({self.one('registration', REGISTRATIONS)})"
        name = self.one("function name", FUNCTIONS)
        callback = f"function({self.one('parameters', ('keys, args', '...', 'keys'))})"
        callback += f" {self.body()} end"
        if self.chance(0.5):
            return f"redis.register_function('{name}', {callback})"
        fields = [f"function_name = '{name}'", f"callback = {callback}"]
        if self.chance(0.6):
            flags = [self.one("flag", FLAGS[:5]) for _ in range(self.random.randint(0, 2))]
            if self.chance(0.05):
                flags = [self.one("flag", FLAGS)]
            fields.append("flags = {" + ", ".join(flags) + "}")
        if self.chance(0.4):
            fields.append("description = " + self.one(
                "description", ("'what it does'", "''", "'line\\r\\nend'", "('d'):rep(300)", "5")))
        return f"redis.register_function{{{', '.join(fields)}}}"

    def body(self):
        if self.chance(0.5):
            return self.one("body", BODIES)
        body = self.generated_body()
        # Settings stay until FUNCTION FLUSH here, and longer in redis-server 7.0.
        while "cjson.encode_" in body or "cjson.decode_" in body:
            body = self.generated_body()
        return body

    def generated_body(self):
        scripts = self.scripts
        scripts.variables, scripts.depth = [], 0
        lines = [*HEAD, *(scripts.statement() for _ in range(self.random.choice((1, 2, 3))))]
        return " ".join(lines) + f" return {scripts.result()}"
