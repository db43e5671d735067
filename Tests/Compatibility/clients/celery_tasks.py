# SPDX-License-Identifier: Apache-2.0
"""celery: tasks, groups, chords and chains with a Redis broker and Redis results."""
from celery import Celery, chain, chord, group

import common

app = Celery("celery_tasks", broker=common.URL, backend=common.URL)
app.conf.update(broker_connection_retry_on_startup=True, task_acks_late=True)


@app.task
def add(x, y):
    return x + y


@app.task
def total(numbers):
    return sum(numbers)


@app.task(bind=True, max_retries=2, default_retry_delay=0.01)
def unsteady(self):
    if self.request.retries < 2:
        raise self.retry()
    return self.request.retries


def main():
    with common.worker(
            "celery", "-A", "celery_tasks", "worker", "--pool", "threads", "-c", "2",
            "--without-mingle"):
        assert add.delay(4, 4).get(timeout=20) == 8
        assert group(add.s(n, n) for n in range(20))().get(timeout=20) == [2 * n for n in range(20)]
        assert chord((add.s(n, n) for n in range(10)), total.s())().get(timeout=20) == 90
        assert chain(add.s(2, 2), add.s(4), add.s(8))().get(timeout=20) == 16
        assert unsteady.delay().get(timeout=20) == 2
        assert add.apply_async((1, 1), countdown=0.1).get(timeout=20) == 2
        assert common.eventually(lambda: app.control.ping(timeout=1))
