# SPDX-License-Identifier: Apache-2.0
"""aiocache: cached functions, comparing and swapping, and its protection against stampedes."""
import asyncio

from aiocache import Cache, cached_stampede
from aiocache.lock import OptimisticLock, RedLock
from aiocache.serializers import JsonSerializer

import common

calls = []


@cached_stampede(
    lease=5, ttl=60, cache=Cache.REDIS, endpoint="127.0.0.1", port=common.PORT, key="slow",
    serializer=JsonSerializer())
async def slow():
    calls.append(1)
    await asyncio.sleep(0.1)
    return {"answer": 42}


async def run():
    cache = Cache(Cache.REDIS, endpoint="127.0.0.1", port=common.PORT, namespace="test")
    await cache.set("key", "value", ttl=100)
    assert await cache.get("key") == "value"
    assert await cache.multi_set([("a", 1), ("b", 2)])
    values = await cache.multi_get(["a", "b", "c"])
    assert values == [1, 2, None], values
    assert await cache.increment("a", 5) == 6
    assert await cache.exists("a") and await cache.delete("a")
    results = await asyncio.gather(*(slow() for _ in range(10)))
    assert results == [{"answer": 42}] * 10 and len(calls) == 1, calls
    async with RedLock(cache, "lock", lease=10):
        assert await cache.exists("lock-lock")
    assert not await cache.exists("lock-lock")
    async with OptimisticLock(cache, "key") as lock:
        await lock.cas("other")
    assert await cache.get("key") == "other"
    await cache.close()


def main():
    asyncio.run(run())
