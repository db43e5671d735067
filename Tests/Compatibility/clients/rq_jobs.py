# SPDX-License-Identifier: Apache-2.0
"""rq: jobs with results, dependencies, retries and failures, in real worker processes."""
import datetime

import redis
from rq import Queue, Retry
from rq.job import Job
from rq.registry import FailedJobRegistry, ScheduledJobRegistry

import common


def count_words(text):
    return len(text.split())


def fail():
    raise ValueError("on purpose")


def main():
    connection = redis.Redis(port=common.PORT)
    queue = Queue(connection=connection)
    jobs = [queue.enqueue(count_words, "word " * number) for number in range(10)]
    last = queue.enqueue(count_words, "a b c", depends_on=jobs)
    failing = queue.enqueue(fail, retry=Retry(max=2))
    later = queue.enqueue_in(datetime.timedelta(hours=1), count_words, "later")
    assert len(queue) == 11
    with common.worker("rq", "worker", "--burst", "--url", common.URL) as worker:
        assert worker.wait(40) == 0
    assert [job.return_value() for job in jobs] == list(range(10))
    assert last.return_value() == 3
    assert Job.fetch(failing.id, connection=connection).is_failed
    assert failing.id in FailedJobRegistry(queue=queue)
    assert later.id in ScheduledJobRegistry(queue=queue)
    assert len(queue) == 0
