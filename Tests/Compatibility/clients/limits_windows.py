# SPDX-License-Identifier: Apache-2.0
"""limits: each of its strategies, which are Lua scripts in the server."""
import asyncio
import time

import limits
from limits import strategies
from limits.aio import strategies as aio_strategies

import common

STRATEGIES = ("FixedWindow", "MovingWindow", "SlidingWindowCounter")


def allowed(name):
    storage = limits.storage.storage_from_string(common.URL)
    assert storage.check()
    limiter = getattr(strategies, name + "RateLimiter")(storage)
    five = limits.parse("5/minute")
    hits = [limiter.hit(five, name, "client") for _ in range(7)]
    assert not limiter.test(five, name, "client") and limiter.test(five, name, "other")
    reset, remaining = limiter.get_window_stats(five, name, "client")
    assert remaining == 0 and time.time() <= reset <= time.time() + 61
    limiter.clear(five, name, "client")
    assert limiter.hit(five, name, "client", cost=5) and not limiter.hit(five, name, "client")
    storage.reset()
    return hits


async def allowed_async(name):
    storage = limits.storage.storage_from_string("async+" + common.URL, implementation="redispy")
    limiter = getattr(aio_strategies, name + "RateLimiter")(storage)
    return [await limiter.hit(limits.parse("5/minute"), name, "async") for _ in range(7)]


def main():
    for strategy in STRATEGIES:
        expected = [True] * 5 + [False] * 2
        assert allowed(strategy) == expected, strategy
        assert asyncio.run(allowed_async(strategy)) == expected, strategy
