# SPDX-License-Identifier: Apache-2.0
"""When two servers' replies to the same command count as equal."""

import re

import grammar
import payloads
from measuring import Map

UNORDERED = {"SMEMBERS", "SUNION", "SINTER", "SDIFF", "HKEYS", "HVALS", "KEYS"}
PAIRS = {"HGETALL"}
SCANS = {"SCAN": 1, "SSCAN": 1, "HSCAN": 2, "ZSCAN": 2}
# Replies that are times, and how far they may lie apart.
TIMES = {
    "TTL": 2, "PTTL": 2000, "EXPIRETIME": 2, "PEXPIRETIME": 2000,
    "XPENDING": 2000, "XINFO": 2000, "XAUTOCLAIM": 0, "XCLAIM": 0,
}


def equal(words, ours, theirs, before, queued=()):
    """Whether both replies to `words` are right.

    `before` is the reply to the command before it, `queued` what a transaction has queued.
    """
    name = str(words[0]).upper()
    if isinstance(ours, Exception) or isinstance(theirs, Exception):
        return identical(ours, theirs)
    if name in UNORDERED:
        return multiset(ours) == multiset(theirs)
    if name == "SPOP":
        return multiset(ours) == multiset(theirs)
    if name == "SORT" or name == "SORT_RO":
        return ours == theirs or multiset(ours) == multiset(theirs)
    if name in PAIRS:
        return multiset(grouped(ours, 2)) == multiset(grouped(theirs, 2))
    if name in SCANS and isinstance(ours, list) and isinstance(theirs, list):
        return ours[0] == theirs[0] and multiset(grouped(ours[1], SCANS[name])) == multiset(
            grouped(theirs[1], SCANS[name]))
    if name in grammar.SAMPLING:
        return same_sample(ours, theirs, before)
    if name == "RANDOMKEY":
        return (ours is None) == (theirs is None)
    if name == "EXEC" and isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) == len(queued) and all(
            equal(inner, one, other, None) for inner, one, other in zip(queued, ours, theirs))
    if name in TIMES:
        return close(ours, theirs, TIMES[name])
    return identical(ours, theirs)


def identical(ours, theirs):
    """Equal in value and in the types of the protocol, on every level."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, (list, tuple)):
        return len(ours) == len(theirs) and all(map(identical, ours, theirs))
    if isinstance(ours, Exception):
        return str(ours) == str(theirs)
    return ours == theirs


def explanation(words, ours, theirs, queued=()):
    """Why a difference is meant to be, or None."""
    name = str(words[0]).upper()
    if name == "EXEC" and isinstance(ours, list) and isinstance(theirs, list):
        reasons = [
            explanation(inner, one, other)
            for inner, one, other in zip(queued, ours, theirs)
            if not equal(inner, one, other, None)
        ]
        return reasons[0] if reasons and all(reasons) else None
    if name == "OBJECT" and ours == b"listpack" and theirs == b"hashtable":
        return "small sets are listpacks, as in Redis 7.2"
    if name == "OBJECT" and ours == b"listpack" and theirs == b"quicklist":
        return "small lists are listpacks, as in Redis 7.2"
    if name == "OBJECT" and ours == b"listpack" and theirs == b"skiplist":
        return "SORT makes a skip list of every sorted set that it reads in Redis"
    if name == "OBJECT" and ours == 2147483647 and theirs == 1:
        return "a small integer made by COPY is not shared in Redis"
    if name in ("ZRANK", "ZREVRANK"):
        return "ZRANK and ZREVRANK take WITHSCORE, as in Redis 7.2"
    if name in ("BITCOUNT", "BITPOS"):
        return "BITCOUNT and BITPOS read their arguments before the key, as Valkey 8"
    if name == "OBJECT" and ours == 1 and theirs == 2:
        return "Redis shares a value that a transaction sets with the queued command"
    if name in ("SORT", "SORT_RO") and "converted into double" in str(theirs) and not isinstance(
            ours, Exception):
        return "SORT of Redis takes an older error of strtod for its own"
    if name == "XINFO" and close(
            without_newer_fields(ours), without_newer_fields(theirs), TIMES[name]):
        return "XINFO has fields of newer versions, and knows the lag where 7.0 doesn't"
    if name in LONGER and "wrong number" in str(theirs) and (
            ours == "QUEUED" or "syntax error" in str(ours)):
        return LONGER[name]
    if name == "RESTORE":
        return restoring(words, str(ours), str(theirs))
    words = [str(word).upper() for word in words]
    if name in ("EXPIRE", "PEXPIRE") and {"GT", "LT"} & set(words) and {ours, theirs} == {0, 1}:
        return "a millisecond lies between two servers that compare deadlines"
    if name in ("SORT", "SORT_RO") and "LIMIT" in words and type(ours) is type(theirs):
        return "a part of a set that is not sorted may be any part"
    texts = str(ours), str(theirs)
    if "AGGREGATE" in words and "COUNT" in words and "syntax error" in texts[1]:
        return "AGGREGATE takes COUNT, as in Redis 8.8"
    if "\0" in texts[0] and texts[1].startswith(texts[0].split("\0")[0]):
        return "a text of Redis ends at its first zero byte"
    if name == "XREAD" and "+" in words and "Invalid stream ID" in texts[1]:
        return TEXTS["ID is meaningless"]
    for ending, reason in TEXTS.items():
        if ending in texts[0]:
            return reason
    return None


# Commands that take more words than in 7.0; inside MULTI one is queued that 7.0 refuses.
LONGER = {
    "SISMEMBER": "SISMEMBER takes XX, as in Valkey 9.2",
    "MOVE": "MOVE takes REPLACE, as in Valkey 9.2",
}

# What an error of memd says where it is worded as in newer servers.
TEXTS = {
    "Unbalanced 'xread": "XREAD names itself in its error, as in Redis 7.2",
    "timeout is out of range": "a timeout beyond all numbers is out of range, not negative",
    "ID is meaningless": "XREAD takes + as an id, as in Redis 7.4",
    "smaller than current max_deleted": "XSETID stays above what was deleted, as in Valkey 8",
    "value is out of range, value must": "-2^63 is no rank and no count, as in Valkey 8",
}


# What one of the replies to a script holds, and why the other's is something else.
SCRIPTS = (
    (rb"nesting of \[\[\.\.\.\]\] is deprecated", rb"",
     "the distribution's Lua refuses long brackets within others"),
    (rb"invalid value \(nil\) at index \d+ in table for 'concat'", rb"",
     "a reply's array has room for all its elements, as in Redis 7.2: nulls in it count"),
    (rb"\bnan\b", rb"-nan\b", "no number has no sign, as in Redis 7.2"),
)


def script_explanation(ours, theirs):
    """Why two replies to a script, in bytes, are meant to differ; or None."""
    for one, other, reason in SCRIPTS:
        if re.search(one, ours) and re.search(other, theirs):
            return reason
    for ending, reason in TEXTS.items():
        if ending.encode() in ours:
            return reason
    return None


def without_newer_fields(value):
    """XINFO's reply without what newer versions add or count otherwise, in either protocol."""
    if not isinstance(value, list):
        return value
    if isinstance(value, Map):
        return Map(
            (key, without_newer_fields(inner)) for key, inner in value if key not in NEWER_FIELDS)
    kept = []
    for index, item in enumerate(value):
        if item in NEWER_FIELDS or index > 0 and value[index - 1] in NEWER_FIELDS:
            continue
        kept.append(without_newer_fields(item))
    return kept


NEWER_FIELDS = (
    b"active-time", b"inactive", b"idmp-duration", b"idmp-maxsize", b"pids-tracked",
    b"iids-tracked", b"iids-added", b"iids-duplicates", b"nacked-count", b"lag", b"entries-read")


def restoring(words, ours, theirs):
    """Why one server takes a payload and the other doesn't; a whole one must be taken by both."""
    payload = octets(words[3]) if len(words) > 3 else b""
    if payload in payloads.whole:
        return None
    refusal = "Bad data format"
    if refusal in ours and theirs == "OK":
        return "memd refuses what redis-server overlooks in damaged values"
    if refusal in theirs and ours == "OK" and payload[0] in payloads.NEWER_TYPES:
        return "a damaged type byte became that of a newer server"
    return None


def same_sample(ours, theirs, before):
    if isinstance(ours, list) != isinstance(theirs, list):
        return False
    if not isinstance(ours, list):
        return (ours is None) == (theirs is None) and (ours is None or ours in leaves(before))
    known = leaves(before)
    return len(ours) == len(theirs) and all(item in known for item in leaves(ours))


def close(ours, theirs, tolerance):
    """Equal but for numbers that are times."""
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(
            close(one, other, tolerance) for one, other in zip(ours, theirs))
    if isinstance(ours, int) and isinstance(theirs, int):
        return abs(ours - theirs) <= tolerance
    return ours == theirs


def leaves(value):
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


def multiset(value):
    if isinstance(value, (list, tuple)):
        return sorted(map(repr, value))
    return value


def grouped(value, size):
    if not isinstance(value, list) or size == 1 or isinstance(value, Map):
        return value
    return list(zip(*[iter(value)] * size)) if len(value) % size == 0 else value


def octets(word):
    return word if isinstance(word, bytes) else str(word).encode()


def text(value, limit=600):
    if isinstance(value, tuple):
        line = " ".join(
            word if isinstance(word, str) and word.isprintable() and word and " " not in word
            else repr(word) for word in map(lambda w: str(w) if isinstance(w, int) else w, value))
    else:
        line = repr(value)
    return line if len(line) <= limit else line[:limit] + "..."
