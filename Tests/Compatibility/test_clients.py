# SPDX-License-Identifier: Apache-2.0
"""Libraries that use Redis do their main job, as installed from PyPI, with real workers.

The main() of each program in `clients` follows the library's own example and raises what is wrong.
arq has an environment of its own, as it wants an older redis-py than the others."""
import os
import subprocess
import tempfile
import unittest

import server
from server import requires

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clients")
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(FOLDER)))
TOOLS = os.path.join(ROOT, ".build", "test-tools")


class ClientTests(unittest.TestCase):
    def setUp(self):
        self.server = server.Server("--save", "")
        self.addCleanup(self.server.stop)

    def run_program(self, name, environment="clients"):
        with tempfile.TemporaryDirectory(prefix="memd-test-") as place:
            result = subprocess.run(
                [os.path.join(TOOLS, environment, "bin", "python3"), "-c",
                 f"from {name} import main; main()"],
                cwd=place, text=True, timeout=90, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, "MEMD_PORT": str(self.server.port), "PYTHONPATH": FOLDER,
                     "PYTHONDONTWRITEBYTECODE": "1", "C_FORCE_ROOT": "1"})
        self.assertEqual(result.returncode, 0, result.stdout[-8000:])
        self.assertTrue(self.server.is_alive())

    @requires("eval")
    def test_redis_py(self):
        self.run_program("redis_py")

    @requires("eval")
    def test_rq(self):
        self.run_program("rq_jobs")

    @requires("eval")
    def test_celery(self):
        self.run_program("celery_tasks")

    @requires("eval")
    def test_huey(self):
        self.run_program("huey_tasks")

    @requires("eval")
    def test_dramatiq(self):
        self.run_program("dramatiq_actors")

    @requires("eval")
    def test_limits(self):
        self.run_program("limits_windows")

    @requires("eval")
    def test_arq(self):
        self.run_program("arq_jobs", environment="arq")

    @requires("eval")
    def test_python_redis_lock(self):
        self.run_program("redis_lock_locks")

    @requires("eval")
    def test_taskiq(self):
        self.run_program("taskiq_tasks")

    @requires("eval")
    def test_aiocache(self):
        self.run_program("aiocache_cache")


if __name__ == "__main__":
    unittest.main()
