#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the black-box tests:  Tests/Compatibility/run.py [--binary PATH] [--counts FILE] [NAME ...]

Each test talks to a real memd through what users have: redis-py, redis-cli, redis-benchmark. Tests
of commands that COMMAND LIST doesn't name are skipped. FILE receives "PASSED FAILED".
"""
import argparse
import os
import sys
import time
import unittest


class Results(unittest.TestResult):
    """Prints one line per test that didn't pass."""

    def __init__(self):
        super().__init__()
        self.passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        print(f"skipped: {test.id()}: {reason}", flush=True)

    def _report(self, test, details):
        print(f"failed: {test.id()}\n{details}", flush=True)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._report(test, self.failures[-1][1])

    def addError(self, test, error):
        super().addError(test, error)
        self._report(test, self.errors[-1][1])

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            self._report(subtest, self._exc_info_to_string(error, test))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--binary", default=".build/release/memd")
    parser.add_argument("--counts")
    parser.add_argument("names", nargs="*", help="only tests whose name contains one of these")
    arguments = parser.parse_args()
    os.environ["MEMD_BINARY"] = arguments.binary
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, folder)
    import server

    def selected(suite):
        for item in suite:
            if isinstance(item, unittest.TestSuite):
                yield from selected(item)
            elif not arguments.names or any(name in item.id() for name in arguments.names):
                yield item

    suite = unittest.TestSuite(selected(unittest.TestLoader().discover(folder)))
    results = Results()
    begin = time.monotonic()
    failed = 0
    try:
        suite.run(results)
        alive = server.shared().is_alive()
        output = "" if alive else server.shared().output()
        status = server.stop_shared()
        if not alive or status != 0:
            failed += 1
            print(f"failed: the server ended with status {status}\n{output[-8000:]}")
    except Exception as error:  # a server that doesn't start is one failure
        failed += 1
        print(f"failed: {error}")
    failed += len(results.failures) + len(results.errors)
    if results.passed + failed == 0:
        failed = 1
    print(f"Compatibility: {results.passed} passed, {failed} failed, "
          f"{len(results.skipped)} skipped in {time.monotonic() - begin:.0f} s", flush=True)
    if arguments.counts:
        with open(arguments.counts, "w") as file:
            file.write(f"{results.passed} {failed}\n")
    sys.exit(failed > 0)


main()
