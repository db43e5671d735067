# SPDX-License-Identifier: Apache-2.0
"""dramatiq: actors with results, delays, retries, groups and a limit of concurrency."""
import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.rate_limits import ConcurrentRateLimiter, WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend as LimiterBackend
from dramatiq.results import Results
from dramatiq.results.backends import RedisBackend

import common

broker = RedisBroker(url=common.URL)
broker.add_middleware(Results(backend=RedisBackend(url=common.URL)))
dramatiq.set_broker(broker)
tries = []


@dramatiq.actor(store_results=True)
def add(x, y):
    return x + y


@dramatiq.actor(store_results=True, max_retries=3, min_backoff=1, max_backoff=10)
def unsteady():
    tries.append(1)
    if len(tries) < 3:
        raise RuntimeError("again")
    return len(tries)


def main():
    with common.worker("dramatiq", "dramatiq_actors", "--processes", "1", "--threads", "2"):
        assert add.send(1, 2).get_result(block=True, timeout=20000) == 3
        group = dramatiq.group([add.message(number, number) for number in range(20)]).run()
        assert list(group.get_results(block=True, timeout=20000)) == [2 * n for n in range(20)]
        pipeline = add.message(1, 1) | add.message(2) | add.message(3)
        assert pipeline.run().get_result(block=True, timeout=20000) == 7
        delayed = add.send_with_options(args=(5, 5), delay=50)
        assert delayed.get_result(block=True, timeout=20000) == 10
        assert unsteady.send().get_result(block=True, timeout=20000) == 3
    limits = LimiterBackend(url=common.URL)
    mutex = ConcurrentRateLimiter(limits, "mutex", limit=1)
    with mutex.acquire(raise_on_failure=False) as first:
        with mutex.acquire(raise_on_failure=False) as second:
            assert first and not second
    window = WindowRateLimiter(limits, "window", limit=3, window=60)
    taken = []
    for _ in range(5):
        with window.acquire(raise_on_failure=False) as acquired:
            taken.append(acquired)
    assert taken == [True, True, True, False, False]
