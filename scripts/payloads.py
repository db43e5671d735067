# SPDX-License-Identifier: Apache-2.0
"""Values of every type and encoding as DUMP prints them: seeds for fuzzing and for comparing."""

import struct

LONG = "x" * 70


def many(count, form):
    """`count` words, made by `form` of their number."""
    return [word for number in range(count) for word in form(number)]


# A key's name, and the commands that make it.
RECIPES = (
    ("string", [("SET", "k", "hello")]),
    ("string-empty", [("SET", "k", "")]),
    ("string-int8", [("SET", "k", "-12")]),
    ("string-int16", [("SET", "k", "12345")]),
    ("string-int32", [("SET", "k", "-1234567")]),
    ("string-int64", [("SET", "k", "1234567890123")]),
    ("string-compressed", [("SET", "k", "abc" * 60)]),
    ("string-binary", [("SET", "k", bytes(range(256)))]),
    ("list", [("RPUSH", "k", "a", "b", "1", "-300", "70000", LONG)]),
    ("list-nodes", [("RPUSH", "k", *many(700, lambda n: [f"element:{n}"]))]),
    ("list-plain", [("RPUSH", "k", "a", "p" * 9000, "b")]),
    ("set-integers", [("SADD", "k", 1, 2, 3, -7)]),
    ("set-integers-32", [("SADD", "k", 1, 70000, -70000)]),
    ("set-integers-64", [("SADD", "k", 1, 2**40, -(2**63))]),
    ("set", [("SADD", "k", "a", "b", "10", LONG)]),
    ("set-table", [("SADD", "k", *many(140, lambda n: [f"m{n}"]))]),
    ("hash", [("HSET", "k", "f", "v", "n", "12", "e", "", "long", "y" * 60)]),
    ("hash-table", [("HSET", "k", "f", LONG, "g", "5")]),
    ("hash-large", [("HSET", "k", *many(140, lambda n: [f"f{n}", n * n]))]),
    ("zset", [("ZADD", "k", 1, "a", 2.5, "b", "-inf", "c", "3", "d", "1e300", "e")]),
    ("zset-table", [("ZADD", "k", 1, "a", "+inf", LONG, -2.25, "c")]),
    ("zset-large", [("ZADD", "k", *many(140, lambda n: [n % 9, f"m{n}"]))]),
    ("hll-sparse", [("PFADD", "k", "a", "b", "c")]),
    ("stream", [("XADD", "k", "1-1", "f", "v", "g", "1"), ("XADD", "k", "2-1", "f", "w", "g", "2"),
                ("XADD", "k", "2-5", "h", "3"), ("XDEL", "k", "2-1")]),
    ("stream-empty", [("XADD", "k", "5-1", "a", "b"), ("XDEL", "k", "5-1")]),
    ("stream-groups", [("XADD", "k", "1-1", "f", "v"), ("XADD", "k", "2-1", "f", "w"),
                       ("XADD", "k", "3-1", "f", "x"), ("XGROUP", "CREATE", "k", "g", "0"),
                       ("XGROUP", "CREATE", "k", "empty", "$"),
                       ("XREADGROUP", "GROUP", "g", "c1", "COUNT", "2", "STREAMS", "k", ">"),
                       ("XREADGROUP", "GROUP", "g", "c2", "STREAMS", "k", ">"),
                       ("XACK", "k", "g", "1-1")]),
)

# What only newer servers know; memd does.
NEWER_RECIPES = (
    ("hash-deadlines", [("HSET", "k", "f", "v", "g", "w"),
                        ("HPEXPIREAT", "k", "9999999999999", "FIELDS", "1", "f")]),
    ("hash-table-deadlines", [("HSET", "k", "f", LONG, "g", "w", "h", "5"),
                              ("HPEXPIREAT", "k", "9999999999999", "FIELDS", "2", "f", "g")]),
    ("stream-producers", [("XADD", "k", "IDMP", "p", "payment", "*", "f", "v"),
                          ("XADD", "k", "IDMPAUTO", "q", "*", "f", "w")]),
    ("stream-released", [("XADD", "k", "1-1", "f", "v"), ("XADD", "k", "2-1", "f", "w"),
                         ("XGROUP", "CREATE", "k", "g", "0"),
                         ("XREADGROUP", "GROUP", "g", "c", "STREAMS", "k", ">"),
                         ("XNACK", "k", "g", "SILENT", "IDS", "1", "1-1")]),
)


# Type bytes that came after Redis 7.0.
NEWER_TYPES = range(20, 26)
# All payloads that were made in this run, undamaged.
whole = set()


def dumps(connection, recipes=RECIPES):
    """Pairs of name and payload, made by a server, whose selected database is emptied."""
    found = []
    for name, commands in recipes:
        connection.call("DEL", "k")
        for words in commands:
            reply = connection.call(*words)
            if isinstance(reply, Exception):
                raise SystemExit(f"{name}: {words[:3]}: {reply}")
        payload = connection.call("DUMP", "k")
        found.append((name, payload))
        whole.add(payload)
    connection.call("DEL", "k")
    return found


def crc_table():
    """The CRC-64 of Jones, bit by bit from the lowest, as RDB files have it."""
    table = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = (value >> 1) ^ (0x95AC9329AC4BC9B5 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc_table()


def crc64(data):
    value = 0
    for byte in data:
        value = CRC_TABLE[(value ^ byte) & 0xFF] ^ (value >> 8)
    return value


def sealed(body, version=10):
    """The payload of type and value, with version and checksum behind them."""
    data = body + struct.pack("<H", version)
    return data + struct.pack("<Q", crc64(data))


def unsealed(payload):
    """Version, and type and value, of a payload."""
    return struct.unpack("<H", payload[-10:-8])[0], payload[:-10]
