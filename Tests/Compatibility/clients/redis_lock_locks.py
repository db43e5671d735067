# SPDX-License-Identifier: Apache-2.0
"""python-redis-lock: locks that waiting clients are handed over, renewed by a thread."""
import threading
import time

import redis
import redis_lock

import common


def renewed(client):
    with redis_lock.Lock(client, "name", expire=1, auto_renewal=True) as lock:
        assert not redis_lock.Lock(client, "name").acquire(blocking=False)
        deadline = time.monotonic() + 1.5
        common.eventually(lambda: time.monotonic() > deadline)
        assert lock.locked()
    assert not redis_lock.Lock(client, "name").locked()


def handed_over(client):
    """Whoever waits is woken by the list that the script of the release fills."""
    first = redis_lock.Lock(client, "handed", expire=30, id="first")
    assert first.acquire()
    got = []

    def wait():
        second = redis_lock.Lock(client, "handed", expire=30, id="second")
        got.append((second.acquire(timeout=20), second.get_owner_id()))
        second.release()

    waiter = threading.Thread(target=wait)
    waiter.start()
    common.eventually(lambda: int(client.info("clients")["blocked_clients"]) == 1)
    first.release()
    waiter.join()
    assert got == [(True, "second")], got
    try:
        first.release()
        raise AssertionError("released twice")
    except redis_lock.NotAcquired:
        pass


def main():
    client = redis.Redis(port=common.PORT)
    renewed(client)
    handed_over(client)
    redis_lock.Lock(client, "forgotten").acquire()
    redis_lock.reset_all(client)
    assert redis_lock.Lock(client, "forgotten").acquire(blocking=False)
