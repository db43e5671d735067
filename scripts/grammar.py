# SPDX-License-Identifier: Apache-2.0
"""Random commands, made up from the syntax trees of a server's COMMAND DOCS."""

import payloads

GROUPS = (
    "string", "bitmap", "list", "hash", "set", "sorted-set", "stream", "hyperloglog", "geo",
    "generic",
)
# The type of the keys that a group's commands are about.
KEY_PREFIXES = {
    "string": "s", "bitmap": "b", "list": "l", "hash": "h", "set": "e", "sorted-set": "z",
    "stream": "x", "hyperloglog": "p", "geo": "g", "generic": "slhezx",
}
KEYS_PER_TYPE = 3
# What needs other servers, files or time, or says something about the server and not the data.
LEFT_OUT = {
    "MIGRATE", "WAIT", "WAITAOF", "DUMP", "PFSELFTEST", "PFDEBUG", "OBJECT|FREQ",
    "OBJECT|IDLETIME", "OBJECT|HELP", "XINFO|HELP", "XGROUP|HELP", "MOVE", "SUBSTR",
}
# Commands that stand for many cases.
OFTEN = {"RESTORE": 4}
BLOCKING = {
    "BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP",
}
INTEGERS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 20, 100, -1, -2, -3, -5, -100)
EDGES = (
    2**63 - 1, -(2**63), 2**63, 2**32, 2**31, "99999999999999999999", "", "abc", "1.5",
    " 1", "+1", "01", "-0", "0x10", "1e3",
)
DOUBLES = (
    "0", "1", "2", "3", "-1", "1.5", "2.5", "-0.25", "3.14159265358979", "1e10", "1e-7", "100",
)
DOUBLE_EDGES = ("inf", "-inf", "+inf", "nan", "1e400", "abc", "", "0x1p3", "1e308", "-1e308", " 1")
MEMBERS = tuple("abcdefgh") + ("m1", "m2", "10", "20", "-7", "3000", "x" * 70)
VALUES = (
    "a", "b", "hello", "hello world", "1", "2", "-5", "10", "3.5", "", "x" * 30, "y" * 100,
    b"\x00\xff\x80", "ohmytext", "mynewtext", "9223372036854775807",
)
SCORE_BOUNDS = ("-inf", "+inf", "0", "1", "(1", "2", "(2.5", "5", "-1", "(10", "abc", "nan")
LEX_BOUNDS = ("-", "+", "[a", "(a", "[c", "(f", "[m", "[", "a", "[zz")
STREAM_IDS = ("0", "-", "+", "1-1", "3-1", "5", "(2-1", "(5", "$", ">", "0-0", "7-3", "abc", "9-9")
PATTERNS = ("*", "m*", "?", "[a-d]", "[^a]*", "h?llo", "x*", "\\*", "", "*o*")


class Grammar:
    def __init__(self, reference, subject, generator, groups):
        self.random = generator
        self.last_id = 0
        self.payloads = [payload for _, payload in payloads.dumps(reference)]
        known = {name.decode().upper() for name in subject.call("COMMAND", "LIST")}
        self.commands = []
        documented = pairs(reference.call("COMMAND", "DOCS"))
        for name, facts in documented.items():
            facts = pairs(facts)
            group = facts["group"]
            if group not in (groups or GROUPS) or name.upper() not in known:
                continue
            for path, arguments in self.leaves(name.upper(), facts):
                if "|".join(path) not in LEFT_OUT:
                    self.commands += [(path, group, arguments)] * OFTEN.get(path[0], 1)
        self.keys = {
            f"{prefix}{number}".encode()
            for prefix in set("".join(KEY_PREFIXES.values())) for number in range(KEYS_PER_TYPE)
        }

    def leaves(self, name, facts):
        if "subcommands" not in facts:
            return [((name,), [pairs(item) for item in facts.get("arguments", [])])]
        found = []
        for sub, inner in pairs(facts["subcommands"]).items():
            word = sub.upper().split("|")[1]
            arguments = [pairs(item) for item in pairs(inner).get("arguments", [])]
            found.append(((name, word), arguments))
        return found

    # Units of commands

    def unit(self):
        """A few commands that belong together: mostly one, now and then a transaction."""
        if self.random.random() < 0.01:
            inner = [self.command() for _ in range(self.random.randint(1, 4))]
            ends = "EXEC" if self.random.random() < 0.9 else "DISCARD"
            inner = [
                words for words in inner
                if words[0] not in SAMPLING | {"RANDOMKEY": ""} and not is_lexicographic(words)
            ]
            return [("MULTI",), *inner, (ends,)]
        words = self.command()
        if words[0] in BLOCKING or is_blocking_read(words):
            return [("MULTI",), words, ("EXEC",)]
        if words[0] in SAMPLING and len(words) > 1:
            # Random choices are checked against all elements, asked for just before.
            return [(SAMPLING[words[0]], words[1]) + SAMPLING_RANGE.get(words[0], ()), words]
        key = 2 if words[0] == "ZRANGESTORE" else 1
        if is_lexicographic(words) and len(words) > key:
            # Such ranges are defined only where all scores are equal.
            scored = [part for member in MEMBERS for part in ("0", member)]
            words = words[:key] + ("y0",) + words[key + 1:]
            return [("DEL", "y0"), ("ZADD", "y0", *scored), words]
        return [words]

    def command(self):
        path, group, arguments = self.random.choice(self.commands)
        context = Context(path[0], group, self.random.choice(KEY_PREFIXES[group]))
        words = list(path)
        for argument in arguments:
            self.generate(argument, context, words)
        if self.random.random() < 0.03:
            self.spoil(words, len(path))
        return self.tamed(words)

    def tamed(self, words):
        """The command without what makes replies differ although both servers are right."""
        name = words[0]
        if name == "SPOP":
            return ("SPOP", words[1] if len(words) > 1 else "e0", "1000")
        if name in ("SCAN", "SSCAN", "HSCAN", "ZSCAN"):
            words = [word for word in words]
            cursor = 1 if name == "SCAN" else 2
            if len(words) > cursor:
                words[cursor] = "0"
                words += ["COUNT", "1000"]
        if name in ("SORT", "SORT_RO") and any(str(word).upper() == "BY" for word in words):
            # Texts of equal weight come in no defined order; equal numbers do.
            words = [word for word in words if str(word).upper() != "ALPHA"]
        if name == "XADD":
            words = [self.next_id() if word == "*" else word for word in words]
        return tuple(words)

    def next_id(self):
        self.last_id += self.random.randint(1, 2)
        return f"{self.last_id}-{self.random.choice('123*')}"

    def spoil(self, words, start):
        """Leaves one argument out, doubles one, or puts another in its place."""
        if len(words) <= start:
            words.append(self.junk())
            return
        index = self.random.randrange(start, len(words))
        kind = self.random.randrange(4)
        if kind == 0:
            del words[index]
        elif kind == 1:
            words.insert(index, words[index])
        elif kind == 2:
            words[index] = self.junk()
        else:
            words.append(self.junk())

    def junk(self):
        return self.random.choice(
            (self.random.choice(EDGES), self.random.choice(MEMBERS), "LIMIT", "WITHSCORES", "NX",
             "COUNT", "GET", "EX", self.random.choice(DOUBLE_EDGES)))

    # Arguments

    def generate(self, argument, context, words):
        flags = argument.get("flags", [])
        if "optional" in flags and self.random.random() < 0.65:
            return
        times = 1
        if "multiple" in flags:
            times = self.random.choice((1, 1, 2, 3, 4))
        if argument["type"] == "key" and context.pending_count is not None:
            times = self.random.choice((1, 1, 2, 3))
            wrong = self.random.random() < 0.03
            words[context.pending_count] = self.random.choice(EDGES) if wrong else times
            context.pending_count = None
        for index in range(times):
            token = argument.get("token")
            if token is not None and argument["type"] != "pure-token":
                if index == 0 or "multiple_token" in flags:
                    words.append(self.cased(token))
            self.value(argument, context, words)

    def value(self, argument, context, words):
        kind = argument["type"]
        if kind == "pure-token":
            words.append(self.cased(argument["token"]) if argument.get("token") else "")
        elif kind == "oneof":
            choice = pairs(self.random.choice(argument["arguments"]))
            choice = dict(choice, flags=[f for f in choice.get("flags", []) if f != "optional"])
            self.generate(choice, context, words)
        elif kind == "block":
            for inner in argument["arguments"]:
                self.generate(pairs(inner), context, words)
        elif kind == "key":
            words.append(self.key(context))
        elif argument["name"] == "numkeys":
            context.pending_count = len(words)
            words.append(1)
        else:
            words.append(self.plain(argument["name"], kind, context))

    def cased(self, token):
        return token.lower() if self.random.random() < 0.1 else token

    def key(self, context):
        prefix = context.prefix
        if self.random.random() < 0.06:
            prefix = self.random.choice("slhezxbpg")
        return f"{prefix}{self.random.randrange(KEYS_PER_TYPE)}"

    def plain(self, name, kind, context):
        pick = self.random.choice
        if name in ("milliseconds", "seconds"):
            return pick((1000, 5000, 100000)) * 1000 if self.random.random() < 0.9 else pick(EDGES)
        if kind == "unix-time":
            return pick((9999999999, 9999999990, 99999999999999, 1, 0, -5, 2**62))
        if kind == "integer":
            return self.integer(name, context)
        if kind == "double":
            return pick(DOUBLES) if self.random.random() < 0.9 else pick(DOUBLE_EDGES)
        if kind == "pattern":
            return pick(PATTERNS)
        return self.string(name, context)

    def payload(self):
        """A value as DUMP prints it: whole, damaged with a right checksum, or with a wrong one."""
        payload = self.random.choice(self.payloads)
        kind = self.random.randrange(10)
        if kind < 5:
            return payload
        if kind == 5:
            return payload[: self.random.randrange(len(payload))]
        if kind == 6:
            position = self.random.randrange(len(payload))
            return payload[:position] + bytes([payload[position] ^ 1]) + payload[position + 1 :]
        version, body = payloads.unsealed(payload)
        body = bytearray(body)
        for _ in range(self.random.choice((1, 1, 2))):
            position = self.random.randrange(min(len(body), 200))
            change = self.random.randrange(4)
            if change == 0:
                del body[position]
            elif change == 1:
                body.insert(position, self.random.randrange(256))
            elif change == 2:
                body[position] = self.random.randrange(256)
            else:
                body[position] ^= 1 << self.random.randrange(8)
            if not body:
                break
        return payloads.sealed(bytes(body), version)

    def integer(self, name, context):
        pick = self.random.choice
        if name == "ttl":
            # Beyond all numbers the reference server's deadline lies in the past.
            return pick((0, 0, 0, 0, 10**7, 10**15, -1, "abc", 2**63))
        if self.random.random() < 0.05:
            # A bit at such an offset would make a string of many megabytes.
            return pick([edge for edge in EDGES if edge != 2**31 or name != "offset"])
        if name == "offset" and context.group in ("bitmap", "string"):
            return pick((0, 1, 2, 7, 8, 9, 15, 31, 64, 100, 300))
        if name in ("destination-db",):
            return pick((0, 0, 1, 99))
        if name in ("ms", "unix-time-milliseconds"):
            return pick((0, 1, 100, 100000))
        return pick(INTEGERS)

    def string(self, name, context):
        pick = self.random.choice
        if self.random.random() < 0.02:
            return pick(VALUES)
        if name == "serialized-value":
            return self.payload()
        if context.group == "stream":
            if name == "group":
                return pick(("g1", "g2", "g3"))
            if name == "consumer":
                return pick(("c1", "c2", "c3"))
            if name == "threshold":
                return pick((0, 1, 3, 10, "3-1", "abc"))
            if name in ("min-idle-time",):
                return pick((0, 0, 1000000))
            if "id" in name.lower() or name in ("start", "end"):
                return pick(STREAM_IDS) if self.random.random() < 0.6 else f"{pick(range(9))}-1"
        if name in ("min", "max", "start", "stop"):
            if "LEX" in context.name:
                return pick(LEX_BOUNDS)
            if context.group == "sorted-set":
                return pick(SCORE_BOUNDS + tuple(map(str, INTEGERS)) + LEX_BOUNDS[:6])
        if name in ("member", "field", "element", "pivot", "member1", "member2"):
            return pick(MEMBERS)
        if name == "encoding":
            return pick(("u8", "i8", "u4", "i5", "u63", "i64", "u64", "i65", "x3", "u1"))
        if name == "offset":
            return pick(("0", "1", "7", "#0", "#1", "#3", "100", "-1", "#x"))
        if name in ("longitude", "latitude"):
            return pick(DOUBLES)
        return pick(VALUES)


class Context:
    """What is known while one command is made up."""

    def __init__(self, name, group, prefix):
        self.name, self.group, self.prefix = name, group, prefix
        self.pending_count = None


SAMPLING = {"SRANDMEMBER": "SMEMBERS", "HRANDFIELD": "HGETALL", "ZRANDMEMBER": "ZRANGE"}
SAMPLING_RANGE = {"ZRANDMEMBER": ("0", "-1", "WITHSCORES")}


def is_lexicographic(words):
    return "LEX" in words[0] or any(str(word).upper() == "BYLEX" for word in words)


def is_blocking_read(words):
    return words[0] in ("XREAD", "XREADGROUP") and any(
        str(word).upper() == "BLOCK" for word in words)


def pairs(flat):
    """A map of RESP2 with names as text."""
    return {name(key): plain(value) for key, value in zip(flat[::2], flat[1::2])}


def name(value):
    return value.decode() if isinstance(value, bytes) else value


def plain(value):
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list) and all(isinstance(item, (str, bytes)) for item in value):
        return [name(item) for item in value]
    return value
