# SPDX-License-Identifier: Apache-2.0
"""Random Lua scripts: most are right, some fail when they run, some can't be compiled.

A script is a list of lines, each of them whole statements, so that lines can be left out. Every
alternative of the grammar has a name; `Scripts.reached` counts how often each was taken.
"""

import collections

import differences
import grammar
import script_words as words

# Written before each script, so that none depends on what an earlier one did.
DATA = (
    ("FLUSHALL",), ("SET", "s0", "hello"), ("SET", "s1", "12"), ("HSET", "h0", "field", "value"),
    ("SADD", "e0", "1", "2", "3"), ("RPUSH", "l0", "a", "b", "1", "2.5"),
    ("ZADD", "z0", "1", "a", "2.5", "b", "inf", "c"), ("XADD", "x0", "1-1", "f", "v"),
)

# Commands whose replies differ on purpose, depend on order, chance or time, or would wait.
LEFT_OUT = (
    differences.UNORDERED | differences.PAIRS | set(differences.SCANS) | set(differences.TIMES)
    | set(differences.LONGER) | set(grammar.SAMPLING) | grammar.BLOCKING
    | {"SPOP", "RANDOMKEY", "SORT", "SORT_RO", "OBJECT", "BITCOUNT", "BITPOS", "RESTORE", "XREAD",
       "XREADGROUP", "ZRANK", "ZREVRANK", "EXPIRE", "PEXPIRE", "ZUNION", "ZINTER", "ZUNIONSTORE",
       "ZINTERSTORE", "XSETID", "XGROUP", "XACK", "SWAPDB", "EXPIREAT", "PEXPIREAT", "GETEX"})

# Defined at the head of each script. `raisable`: redis-server 7.0 crashes at an error that is a
# table without a text. `word`: large and missing numbers become other texts in newer versions.
# `shown`: addresses differ. `try`: most that fails should not end the script.
HEAD = (
    "math.randomseed(7)",
    "local function try(f) local good, value, more = pcall(f) return value, good, more end",
    "local function raisable(e) if type(e) == 'table' and type(rawget(e, 'err')) ~= 'string' then"
    " return 'a table' end return e end",
    "local function word(x) if type(x) == 'number' and not (x > -1e17 and x < 1e17) then"
    " return 'large' end return x end",
    "local function shown(x) return (string.gsub(tostring(x), '0x%x+', '')) end",
)

# The fields by which a table that a script returns stands for a reply of a type.
TYPED = {
    "ok": "string", "err": "string", "double": "number", "big_number": "string", "map": "table",
    "set": "table", "verbatim_string": "verbatim", "format": "string",
}


class Scripts:
    """Makes scripts from a generator of chance and a grammar of commands."""

    def __init__(self, generator, commands):
        self.random = generator
        self.commands = commands
        self.reached = collections.Counter()
        self.alternatives = {}
        self.variables = []
        self.depth = 0

    # MARK: - Choosing

    def choose(self, rule, alternatives):
        """One of the alternatives, a dictionary from names to functions, counted."""
        self.alternatives.setdefault(rule, set()).update(alternatives)
        name = self.random.choice(list(alternatives))
        self.reached[rule, name] += 1
        return alternatives[name]()

    def one(self, rule, texts):
        """One of some texts, counted."""
        self.alternatives.setdefault(rule, set()).update(texts)
        text = self.random.choice(texts)
        self.reached[rule, text] += 1
        return text

    def chance(self, probability):
        return self.random.random() < probability

    def never_reached(self):
        """The names of alternatives that were known and never taken, by rule."""
        missed = {}
        for rule, names in self.alternatives.items():
            left = sorted(name for name in names if not self.reached[rule, name])
            if left:
                missed[rule] = left
        return missed

    # MARK: - Scripts

    def script(self):
        """The lines of a script."""
        self.variables, self.depth = [], 0
        lines = [*self.shebang(), *HEAD]
        if self.chance(0.3):
            lines.append("redis.setresp(3)")
        for _ in range(self.random.choice((1, 1, 2, 3, 4, 6, 8))):
            lines.append(self.statement())
        lines.append("return " + self.result())
        return lines

    def shebang(self):
        if self.chance(0.97):
            return []
        return [self.one("shebang", words.SHEBANGS)]

    def broken(self):
        """The text of a script that was damaged; it is meant to be compiled, not to be run."""
        text = "\n".join(self.script())
        for _ in range(self.random.choice((1, 1, 1, 2, 4))):
            at = self.random.randrange(len(text) + 1)
            text = self.choose("damage", {
                "cut off": lambda: text[:at],
                "beginning": lambda: text[at:],
                "token": lambda: text[:at] + self.one("token", words.BROKEN_TOKENS) + text[at:],
                "removed": lambda: text[:at] + text[at + self.random.randint(1, 9):],
                "doubled": lambda: text[:at] + text[max(0, at - 9):],
            })
        return text

    def result(self):
        return self.choose("result", {
            "nothing": lambda: "",
            "number": lambda: self.tried(self.number()),
            "text": lambda: self.tried(self.string()),
            "truth": lambda: self.tried(self.boolean()),
            "table": lambda: self.tried(self.table()),
            "typed": lambda: self.tried(self.typed_table()),
            "several": lambda: f"{self.any()}, {self.any()}",
            "many": lambda: self.tried("{" + ", ".join(self.any() for _ in range(4)) + "}"),
            "variables": lambda: "{" + ", ".join(self.variable() for _ in range(4)) + "}",
            "all variables": lambda: "{" + ", ".join(self.variables or ["1"]) + "}",
            "call": self.call,
            "pcall": lambda: self.call("pcall"),
            "library": lambda: "{" + self.tried(self.library()) + "}",
            "shown": lambda: "{type(" + self.any() + "), tostring(" + self.any() + ")}",
        })

    # MARK: - Statements

    def block(self, count=2):
        self.depth += 1
        known = len(self.variables)
        lines = " ".join(self.statement() for _ in range(self.random.randint(1, count)))
        del self.variables[known:]
        self.depth -= 1
        return lines

    def statement(self):
        simple = {
            "local": self.declaration,
            "call": lambda: self.assigned(self.tried(self.call("call"))),
            "pcall": lambda: self.assigned(self.call("pcall")),
            "library": lambda: self.assigned(self.tried(self.library())),
            "element": self.element,
            "global": self.assignment,
        }
        nested = {
            "if": lambda: f"if {self.boolean()} then {self.block()} else {self.block()} end",
            "for": lambda: f"for i = {self.bounds()} do {self.block()} end",
            "pairs": lambda: f"for k, v in {self.one('walk', ('pairs', 'ipairs'))}({self.table()})"
                             f" do {self.block()} end",
            "gmatch": lambda: f"for w in string.gmatch({self.string()}, {self.pattern()})"
                              f" do {self.block()} end",
            "while": lambda: self.counted(
                "while {0} < 3 do {0} = {0} + 1 {1} if {2} then break end end"),
            "repeat": lambda: self.counted("repeat {0} = {0} + 1 {1} until {0} > 2 or {2}"),
            "guarded": self.guarded,
            "function": self.function,
            "error": lambda: f"if {self.boolean()} then error(raisable({self.any()})"
                             f"{self.one('level', ('', ', 0', ', 1', ', 2'))}) end",
            "error's metatable": lambda: (
                f"if {self.boolean()} then error(setmetatable({{err ="
                f" {self.one('string', words.STRINGS)}}}, {self.metatable()})) end"),
            "coroutine": self.coroutine,
        }
        deep = self.depth >= 3 or self.chance(0.6)
        return self.choose("statement", simple if deep else {**simple, **nested})

    def counted(self, form):
        """A loop that ends: its counter's name tells how deep it stands."""
        name = f"n{self.depth}"
        return f"local {name} = 0 " + form.format(name, self.block(), self.boolean())

    def assignment(self):
        """To a global, which mostly can't be; so there are few."""
        if self.chance(0.2):
            return self.one("assigned global", words.ASSIGNED) + f" = {self.any()}"
        return self.declaration()

    def declaration(self):
        return self.assigned(self.tried(self.any()))

    def tried(self, value):
        """The value, mostly with the error in its place if there is one."""
        return f"try(function() return {value} end)" if self.chance(0.93) else value

    def assigned(self, value):
        name = f"v{len(self.variables)}"
        if len(self.variables) > 150:
            return f"do local {name} = {value} end"
        self.variables.append(name)
        return f"local {name} = {value}"

    def element(self):
        name, table = f"t{self.depth}", self.table()
        change = f"local {name} = {table} {name}[{self.key()}] = {self.any()} return {name}"
        if self.chance(0.2):
            return self.assigned(f"(function() {change} end)()")
        return self.assigned(f"try(function() {change} end)")

    def bounds(self):
        return self.one("bounds", (
            "1, 3", "3, 1, -1", "1, 0", "0.5, 2", "1, 2, 0.5", "-1, 1", "'1', 2", "1, {}",
            "1, 5, 2"))

    def guarded(self):
        """Something under pcall, and what became of it."""
        inner = self.block()
        call = self.choose("guard", {
            "pcall": lambda: f"pcall(function() {inner} return {self.any()} end)",
            "xpcall": lambda: f"xpcall(function() {inner} return {self.any()} end,"
                              f" function(e) return e end)",
            "direct": lambda: f"pcall({self.one('raiser', ('redis.call', 'error', 'assert'))},"
                              f" {self.string()}, {self.key_name()})",
            "failing handler": lambda: "xpcall(function() error('a') end,"
                                       " function(e) error('b') end)",
        })
        good, value = f"v{len(self.variables)}", f"v{len(self.variables) + 1}"
        self.variables += [good, value]
        return f"local {good}, {value} = {call}"

    def function(self):
        body = self.block()
        name = f"v{len(self.variables)}"
        arguments = self.one("parameters", ("", "a", "a, b", "...", "a, ..."))
        given = self.one("arguments", ("", "1", "'x', 2", "nil, nil, 3", "unpack({1, 2, 3})"))
        value = "..." if "..." in arguments else "a" if arguments else "1"
        line = f"local {name} = (function({arguments}) {body} return {value} end)({given})"
        self.variables.append(name)
        return line

    def coroutine(self):
        body = self.block()
        return self.choose("coroutine", {
            "wrap": lambda: self.assigned(
                f"coroutine.wrap(function() {body} coroutine.yield({self.number()}) end)()"),
            "resume": lambda: self.assigned(
                f"{{coroutine.resume(coroutine.create(function() {body} return 1 end))}}"),
            "yield": lambda: "pcall(coroutine.yield, 1)",
            "status": lambda: self.assigned(
                "coroutine.status(coroutine.create(function() end))"),
            "running": lambda: self.assigned("coroutine.running()"),
        })

    # MARK: - Values

    def any(self):
        if self.chance(0.03):
            return self.one("value", words.VALUES)
        return self.choose("type", {
            "number": self.number, "string": self.string, "boolean": self.boolean,
            "table": self.table, "variable": self.variable, "typed": self.typed_table,
        })

    def variable(self):
        if not self.variables:
            return "ARGV[1]"
        return self.random.choice(self.variables[-6:])

    def mistaken(self):
        """Now and then a value stands where one of another type belongs."""
        return self.chance(0.01)

    def number(self):
        if self.mistaken():
            return self.any()
        if self.depth > 5 or self.chance(0.6):
            return self.one("number", words.NUMBERS)
        self.depth += 1
        text = self.choose("numeric", {
            "arithmetic": lambda: f"({self.number()} {self.one('operator', tuple('+-*/%^'))}"
                                  f" {self.number()})",
            "negated": lambda: f"-({self.number()})",
            "length": lambda: f"#{self.string()}" if self.chance(0.5) else f"#{self.table()}",
            "converted": lambda: f"tonumber({self.string()})",
            "based": lambda: f"tonumber({self.string()}, {self.one('base', words.BASES)})",
            "counted": lambda: f"select('#', {self.any()}, {self.any()})",
            "maths": self.maths,
            "bits": self.bits,
        })
        self.depth -= 1
        return text

    def maths(self):
        name = self.one("math", words.MATHS)
        if name in ("huge", "pi"):
            return "math." + name
        if name == "random":
            return self.one("random", (
                "math.random(10)", "math.random(5, 9)", "math.random(0)", "math.random(2, 1)",
                "math.floor(math.random() * 1e6)", "math.random(1, 2, 3)"))
        second = name in ("atan2", "fmod", "mod", "ldexp", "max", "min", "pow") or self.chance(0.02)
        if name == "ldexp":
            exponent = self.one("exponent", ("1", "-3", "2000", "0.5"))
            return f"math.ldexp({self.number()}, {exponent})"
        return f"math.{name}({self.number()}" + (f", {self.number()})" if second else ")")

    def bits(self):
        name = self.one("bit", (
            "band", "bor", "bxor", "bnot", "tobit", "lshift", "rshift", "arshift", "rol", "ror",
            "bswap", "tohex"))
        if name in ("bnot", "tobit", "bswap"):
            return f"bit.{name}({self.number()})"
        return f"bit.{name}({self.number()}, {self.number()})"

    def string(self):
        if self.mistaken():
            return self.any()
        if self.depth > 5 or self.chance(0.5):
            return self.one("string", words.STRINGS)
        self.depth += 1
        text = self.choose("textual", {
            "joined": lambda: f"({self.string()} .. {self.string()})",
            "number joined": lambda: f"({self.number()} .. {self.string()})",
            "shown": lambda: f"shown({self.any()})",
            "type": lambda: f"type({self.any()})",
            "digest": lambda: f"redis.sha1hex({self.string()})",
            "string": self.string_function,
            "json": lambda: f"cjson.encode({self.any()})",
            "packed": lambda: f"cmsgpack.pack({self.any()})",
            "struct": lambda: f"struct.pack({self.format()}, {self.number()}, {self.number()},"
                              f" {self.string()})",
            "concat": lambda: f"table.concat({self.table()}, {self.string()})",
        })
        self.depth -= 1
        return text

    def format(self):
        return self.one("struct format", words.FORMATS)

    def text_format(self):
        return self.one("text format", words.TEXT_FORMATS)

    def pattern(self):
        return self.one("pattern", words.PATTERNS)

    def position(self):
        return self.one("position", ("0", "1", "2", "-1", "-3", "100", "-100", "1.5", "'2'"))

    def string_function(self):
        string, pattern, at = self.string, self.pattern, self.position
        return self.choose("string function", {
            "sub": lambda: f"string.sub({string()}, {at()}, {at()})",
            "rep": lambda: f"string.rep({string()}, {self.one('times', ('0', '1', '3', '-1'))})",
            "byte": lambda: f"(string.byte({string()}, {at()}))",
            "char": lambda: f"string.char({self.one('bytes', words.BYTES)})",
            "format": lambda: f"string.format({self.text_format()}, {self.any()})",
            "formatted number": lambda: f"string.format({self.text_format()}, {self.number()},"
                                        f" {self.number()})",
            "upper": lambda: f"string.upper({string()})",
            "lower": lambda: f"({string()}):lower()",
            "reverse": lambda: f"string.reverse({string()})",
            "len": lambda: f"string.len({string()})",
            "find": lambda: f"tostring(string.find({string()}, {pattern()}, {at()}))",
            "plain": lambda: f"tostring(string.find({string()}, {string()}, {at()}, true))",
            "match": lambda: f"string.match({string()}, {pattern()})",
            "gsub": lambda: f"(string.gsub({string()}, {pattern()}, {self.replacement()}))",
            "gfind": lambda: f"type(string.gfind)",
            "method": lambda: f"({string()}):nosuch()",
        })

    def replacement(self):
        return self.one("replacement", words.REPLACEMENTS)

    def boolean(self):
        if self.mistaken():
            return self.any()
        if self.depth > 5 or self.chance(0.5):
            return self.one("boolean", ("true", "false", "nil"))
        self.depth += 1
        text = self.choose("truth", {
            "equal": lambda: f"({self.any()} {self.one('equality', ('==', '~='))} {self.any()})",
            "ordered": lambda: f"({self.number()} {self.one('order', ('<', '<=', '>', '>='))}"
                               f" {self.number()})",
            "texts": lambda: f"({self.string()} < {self.string()})",
            "not": lambda: f"(not {self.any()})",
            "and": lambda: f"({self.any()} and {self.any()})",
            "or": lambda: f"({self.any()} or {self.any()})",
            "raw": lambda: f"rawequal({self.any()}, {self.any()})",
            "allowed": lambda: f"redis.acl_check_cmd({self.string()}, {self.string()})",
            "global": lambda: f"type({self.one('global', words.GLOBALS)})",
        })
        self.depth -= 1
        return text

    def key(self):
        return self.choose("key", {
            "index": lambda: self.one("index", words.INDEXES),
            "name": lambda: self.one("field", words.FIELDS),
            "truth": lambda: self.one("boolean", ("true", "false", "nil")),
            "number": lambda: self.one("number", words.NUMBERS),
        })

    def table(self):
        if self.mistaken():
            return self.any()
        if self.depth > 4:
            return "{1, 'x'}"
        self.depth += 1
        text = self.choose("tabular", {
            "empty": lambda: "{}",
            "array": lambda: "{" + ", ".join(
                self.any() for _ in range(self.random.randint(1, 4))) + "}",
            "numbers": lambda: "{" + ", ".join(self.number() for _ in range(3)) + "}",
            "holes": lambda: f"{{1, nil, {self.any()}, nil, 5}}",
            "fields": lambda: f"{{a = {self.any()}, b = {self.any()}}}",
            "mixed": lambda: f"{{{self.any()}, a = {self.any()}}}",
            "keyed": lambda: f"{{[{self.one('index', ('1', '2', '3', '4', '0', '-1', '1.5'))}] ="
                             f" {self.any()}}}",
            "nested": lambda: f"{{{self.table()}, {self.table()}}}",
            "with metatable": lambda: f"setmetatable({self.table()}, {self.metatable()})",
            "json": lambda: f"cjson.decode({self.one('json text', words.JSON)})",
            "unpacked": lambda: f"{{cmsgpack.unpack({self.one('packed', words.PACKED)})}}",
            "split": lambda: f"{{struct.unpack({self.format()}, {self.string()},"
                             f" {self.one('offset', words.OFFSETS)})}}",
            "matches": lambda: f"{{string.match({self.string()}, {self.pattern()})}}",
            "bytes": lambda: f"{{string.byte({self.string()}, 1, -1)}}",
            "error": lambda: f"redis.error_reply({self.string()})",
            "status": lambda: f"redis.status_reply({self.string()})",
        })
        self.depth -= 1
        return text

    def metatable(self):
        return self.one("metatable", words.METATABLES)

    def typed_table(self):
        """A table that stands for a reply of a certain type."""
        if self.depth > 4:
            return "{ok = 'OK'}"
        self.depth += 1
        name = self.one("typed", tuple(TYPED))
        kind = TYPED[name]
        if self.chance(0.08):
            value = self.any()
        elif kind == "verbatim":
            value = f"{{format = {self.string()}, string = {self.string()}}}"
        else:
            value = {"string": self.string, "number": self.number, "table": self.table}[kind]()
            if name in ("map", "set") and self.chance(0.7):
                # Pairs without order can't be compared, so there is one.
                value = f"{{[{self.one('lone key', words.LONE_KEYS)}] = {self.any()}}}"
        self.depth -= 1
        return f"{{{name} = {value}}}"

    # MARK: - Libraries

    def library(self):
        """An expression that calls a function of a library, with values that it may not like."""
        any_, table = self.any, self.table
        return self.choose("library", {
            "encode": lambda: f"cjson.encode({any_()})",
            "decode": lambda: f"cjson.decode({self.one('json text', words.JSON)})",
            "round trip": lambda: f"cjson.decode(cjson.encode({table()}))",
            "settings": lambda: self.one("json setting", words.JSON_SETTINGS),
            "pack": lambda: f"cmsgpack.pack({any_()}, {any_()})",
            "unpack": lambda: f"cmsgpack.unpack({self.one('packed', words.PACKED)})",
            "packed round trip": lambda: f"cmsgpack.unpack(cmsgpack.pack({any_()}))",
            "unpack one": lambda: f"cmsgpack.unpack_one({self.one('packed', words.PACKED)},"
                                  f" {self.position()})",
            "unpack limit": lambda: f"cmsgpack.unpack_limit({self.one('packed', words.PACKED)},"
                                    f" {self.position()}, {self.position()})",
            "unpack joined": lambda: f"cmsgpack.unpack({self.one('packed', words.PACKED)} .."
                                     f" {self.one('packed', words.PACKED)})",
            "struct pack": lambda: f"struct.pack({self.format()}, {any_()}, {any_()})",
            "struct unpack": lambda: f"struct.unpack({self.format()}, {self.string()})",
            "struct size": lambda: f"struct.size({self.format()})",
            "bits": self.bits, "maths": self.maths, "text": self.string_function,
            "insert": lambda: f"table.insert({table()}, {any_()})",
            "insert at": lambda: f"table.insert({table()}, {self.one('place', words.PLACES)},"
                                 f" {any_()})",
            "remove": lambda: f"table.remove({table()}, {self.position()})",
            "sort": lambda: f"table.sort({table()})",
            "sort by": lambda: f"table.sort({{3, 1, 2}}, {self.one('sort order', words.ORDERS)})",
            "maxn": lambda: f"table.maxn({table()})",
            "getn": lambda: f"table.getn({table()})",
            "foreach": lambda: f"table.foreach({table()}, function(k, v) return v end)",
            "setn": lambda: f"table.setn({table()}, 1)",
            "unpack table": lambda: f"unpack({table()}, {self.position()}, 4)",
            "next": lambda: f"next({table()})",
            "select": lambda: f"select({self.position()}, {any_()}, {any_()})",
            "raw": lambda: f"rawget({table()}, {self.key()})",
            "raw set": lambda: f"rawset({table()}, {self.key()}, {any_()})",
            "metatable": lambda: f"getmetatable({any_()})",
            "load": lambda: f"loadstring({self.one('code', words.CODE)})",
            "assert": lambda: f"assert({self.boolean()}, {self.string()})",
            "collect": lambda: "collectgarbage('collect')",
            "redis": self.redis_function,
            "environment": lambda: self.one("environment", (
                "setfenv(1, {})", "getfenv(1) == _G", "getfenv(0) ~= nil", "setfenv(0, {})")),
        })

    def redis_function(self):
        return self.choose("redis function", {
            "setresp": lambda: f"redis.setresp({self.one('version', ('2', '3', '4', '{}', ''))})",
            "log": lambda: f"redis.log({self.one('level of log', words.LEVELS)}, {self.string()})",
            "set_repl": lambda: f"redis.set_repl({self.one('flags', words.REPLICATION)})",
            "replicate": lambda: "redis.replicate_commands()",
            "allowed": lambda: f"redis.acl_check_cmd({self.string()})",
            "breakpoint": lambda: "redis.breakpoint()",
            "debug": lambda: "redis.debug('x')",
            "error": lambda: f"redis.error_reply({self.any()})",
            "status": lambda: f"redis.status_reply({self.any()})",
            "digest": lambda: f"redis.sha1hex({self.any()})",
        })

    # MARK: - Commands

    def key_name(self):
        return self.one("key name", words.KEYS)

    def call(self, function=None):
        function = function or ("call" if self.chance(0.15) else "pcall")
        return f"redis.{function}(" + self.choose("command", {
            "generated": self.command,
            "get": lambda: f"'get', {self.key_name()}",
            "typed reply": lambda: self.one("reply", words.REPLIES),
            "values": lambda: f"'set', {self.key_name()}, word({self.any()})",
            "echo": lambda: f"'echo', word({self.any()})",
            "words": lambda: f"word({self.any()}), word({self.any()})",
            "refused": lambda: self.one("refused command", words.REFUSED),
            "nothing": lambda: "",
        }) + ")"

    def command(self):
        while True:
            command = self.commands.command()
            texts = [differences.octets(part) for part in command]
            if command[0] not in LEFT_OUT and not any(len(text) > 300 for text in texts):
                break
        self.reached["commands", command[0]] += 1
        return ", ".join(self.argument(text) for text in texts)

    def argument(self, text):
        """A word of a command as Lua writes it, a number now and then."""
        if self.chance(0.3) and text.isdigit() and len(text) < 16:
            return str(int(text))
        escaped = "".join(
            chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\{byte:03d}"
            for byte in text)
        return f"'{escaped}'"
