# SPDX-License-Identifier: Apache-2.0
"""What the programs share: where the server is, and worker processes."""
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time

PORT = int(os.environ["MEMD_PORT"])
URL = f"redis://127.0.0.1:{PORT}/0"


def eventually(condition, seconds=20):
    """Waits until something holds; returns it."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError("it does not happen")
        time.sleep(0.01)
    return value


@contextlib.contextmanager
def worker(name, *arguments):
    """A program of the library, of which what it prints is shown if the block fails."""
    program = shutil.which(name, path=os.path.dirname(sys.executable))
    with open(f"{name}.log", "w") as log:
        process = subprocess.Popen(
            [program, *arguments], stdout=log, stderr=log, start_new_session=True)
    try:
        yield process
    except BaseException:
        with open(f"{name}.log") as log:
            print(log.read()[-5000:])
        raise
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        # Some have processes of their own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
