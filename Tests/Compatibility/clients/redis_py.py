# SPDX-License-Identifier: Apache-2.0
"""redis-py: locks, scripts, scripts in pipelines, and its cache that the server keeps right."""
import threading

import redis
from redis.cache import CacheConfig
from redis.exceptions import LockNotOwnedError

from common import PORT, eventually


def locks(client):
    with client.lock("resource", timeout=10):
        assert not client.lock("resource", timeout=10).acquire(blocking=False)
        assert client.pttl("resource") > 9000
    lock = client.lock("resource", timeout=10, blocking_timeout=5)
    assert lock.acquire() and lock.owned() and lock.locked()
    assert lock.extend(10) and client.pttl("resource") > 15000
    assert lock.extend(5, replace_ttl=True) and client.pttl("resource") <= 5000
    assert lock.reacquire() and client.pttl("resource") > 9000
    client.set("resource", "somebody else's")
    try:
        lock.release()
        raise AssertionError("released what is another's")
    except LockNotOwnedError:
        client.delete("resource")


def waiting_lock(client):
    """Four threads that count under one lock."""
    client.set("counter", 0)

    def count():
        for _ in range(10):
            with client.lock("counting", timeout=20, sleep=0.001):
                client.set("counter", int(client.get("counter")) + 1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.get("counter") == "40"


def scripts(client):
    multiply = client.register_script(
        "local value = redis.call('GET', KEYS[1])\n"
        "value = tonumber(value)\n"
        "return value * ARGV[1]")
    client.set("foo", 2)
    assert multiply(keys=["foo"], args=[5]) == 10
    client.script_flush()
    # The client sends it again when the server doesn't know it.
    assert multiply(keys=["foo"], args=[6]) == 12
    client.script_flush()
    with client.pipeline() as pipeline:
        pipeline.set("foo", 3)
        multiply(keys=["foo"], args=[5], client=pipeline)
        pipeline.incr("foo")
        assert pipeline.execute() == [True, 15, 4]
    assert client.script_exists(multiply.sha) == [True]
    assert client.eval_ro("return redis.call('get', KEYS[1])", 1, "foo") == "4"


def optimistic(client):
    def swap(pipeline):
        one, two = pipeline.get("one"), pipeline.get("two")
        pipeline.multi()
        pipeline.mset({"one": two, "two": one})

    client.mset({"one": "1", "two": "2"})
    client.transaction(swap, "one", "two")
    assert client.mget("one", "two") == ["2", "1"]


def caching(client):
    caching = redis.Redis(
        port=PORT, protocol=3, decode_responses=True, cache_config=CacheConfig(max_size=100))
    cache = caching.get_cache()
    client.set("cached", "1")
    assert caching.get("cached") == "1"
    assert cache.size == 1
    client.eval("return redis.call('set', KEYS[1], 2)", 1, "cached")
    eventually(lambda: caching.get("cached") == "2")
    caching.close()


def main():
    for protocol in (2, 3):
        connection = redis.Redis(port=PORT, protocol=protocol, decode_responses=True)
        connection.flushall()
        for part in (locks, waiting_lock, scripts, optimistic, caching):
            part(connection)
