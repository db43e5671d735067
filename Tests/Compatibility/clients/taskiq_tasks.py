# SPDX-License-Identifier: Apache-2.0
"""taskiq: tasks over a list and over a stream with acknowledgements, with results."""
import asyncio

from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend, RedisStreamBroker

import common

listed = ListQueueBroker(common.URL, queue_name="listed").with_result_backend(
    RedisAsyncResultBackend(common.URL))
streamed = RedisStreamBroker(common.URL, queue_name="streamed").with_result_backend(
    RedisAsyncResultBackend(common.URL))


async def add(a: int, b: int) -> int:
    return a + b


TASKS = {"listed": listed.task("add")(add), "streamed": streamed.task("add")(add)}


async def run():
    for name, task in TASKS.items():
        broker = globals()[name]
        await broker.startup()
        with common.worker("taskiq", "worker", "--workers", "1", f"taskiq_tasks:{name}"):
            tasks = [await task.kiq(number, 1) for number in range(20)]
            results = [await task.wait_result(timeout=20) for task in tasks]
            assert [result.return_value for result in results] == list(range(1, 21))
        await broker.shutdown()


def main():
    asyncio.run(run())
