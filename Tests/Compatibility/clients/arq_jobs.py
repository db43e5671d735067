# SPDX-License-Identifier: Apache-2.0
"""arq: asynchronous jobs in a worker of its own."""
import asyncio

from arq import create_pool
from arq.connections import RedisSettings

import common


async def count_words(context, text):
    return len(text.split())


class WorkerSettings:
    functions = [count_words]
    redis_settings = RedisSettings(port=common.PORT)
    poll_delay = 0.01


async def run():
    redis = await create_pool(WorkerSettings.redis_settings)
    jobs = [await redis.enqueue_job("count_words", "word " * number) for number in range(20)]
    only = await redis.enqueue_job("count_words", "a b", _job_id="only one")
    assert await redis.enqueue_job("count_words", "a b", _job_id="only one") is None
    later = await redis.enqueue_job("count_words", "a b c", _defer_by=0.1)
    with common.worker("arq", "arq_jobs.WorkerSettings"):
        assert [await job.result(20) for job in jobs] == list(range(20))
        assert await only.result(20) == 2 and await later.result(20) == 3
    assert (await only.info()).success
    await redis.aclose()


def main():
    asyncio.run(run())
