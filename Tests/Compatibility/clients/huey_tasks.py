# SPDX-License-Identifier: Apache-2.0
"""huey: tasks, pipelines, scheduling and locks with the Redis storages, one with priorities."""
from huey import PriorityRedisHuey, RedisHuey

import common

plain = RedisHuey("plain", url=common.URL)
huey = PriorityRedisHuey("board", url=common.URL)


@huey.task(retries=2, retry_delay=0)
def add(a, b):
    return a + b


@huey.task()
@huey.lock_task("one at a time")
def locked(a):
    return a


def main():
    assert plain.storage.queue_size() == 0
    with common.worker("huey_consumer", "huey_tasks.huey", "-w", "2", "-d", "0.01"):
        results = [add(number, 1) for number in range(20)]
        assert [result.get(blocking=True, timeout=20) for result in results] == list(range(1, 21))
        assert locked(5).get(blocking=True, timeout=20) == 5
        assert add.schedule((1, 2), delay=0.1).get(blocking=True, timeout=20) == 3
        pipeline = add.s(1, 1).then(add, 2).then(add, 3)
        assert huey.enqueue(pipeline).get(blocking=True, timeout=20) == [2, 4, 7]
    revoked = add.schedule((1, 2), delay=100)
    revoked.revoke()
    assert revoked.is_revoked()
