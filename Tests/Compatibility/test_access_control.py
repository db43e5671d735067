# SPDX-License-Identifier: Apache-2.0
"""Access control as applications and administrators meet it: redis-py, redis.conf, an ACL file."""
import os
import shutil
import tempfile
import unittest

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

import server


class AccessControlTests:
    """redis-py's acl_* in one version of the protocol."""

    protocol = 2

    def setUp(self):
        self.server = server.Server("--save", "")
        self.client = self.connect()

    def tearDown(self):
        self.client.close()
        self.server.stop()

    def connect(self, **options):
        return redis.Redis(
            port=self.server.port, protocol=self.protocol, decode_responses=True,
            socket_timeout=10, retry=Retry(NoBackoff(), 0), **options)

    def test_users_are_made_listed_described_and_removed(self):
        self.assertEqual(self.client.acl_whoami(), "default")
        self.assertTrue(self.client.acl_setuser(
            "bob", enabled=True, passwords=["+one", "+two"], categories=["+@read", "-@slow"],
            commands=["+set", "+config|get"], keys=["app:*"], channels=["news:*"],
            selectors=[("+lpush", "%W~queue:*")]))
        bob = self.client.acl_getuser("bob")
        self.assertTrue(bob["enabled"])
        self.assertIn("on", bob["flags"])
        self.assertEqual(len(bob["passwords"]), 2)
        self.assertIn("~app:*", bob["keys"])
        self.assertIn("&news:*", bob["channels"])
        self.assertEqual(set(bob["commands"]), {"+set", "+config|get"})
        self.assertEqual(
            [category for category in bob["categories"] if category != "-@all"],
            ["+@read", "-@slow"])
        self.assertEqual(len(bob["selectors"]), 1)
        self.assertEqual(self.client.acl_users(), ["bob", "default"])
        self.assertTrue(self.client.acl_list()[0].startswith("user bob on "))
        self.assertEqual(self.client.acl_deluser("bob", "nobody"), 1)
        self.assertIsNone(self.client.acl_getuser("bob"))

    def test_a_limited_user_gets_exactly_what_it_may_use(self):
        self.client.acl_setuser(
            "bob", enabled=True, passwords=["+secret"], categories=["+@all"],
            commands=["-flushall"], keys=["app:*"])
        bob = self.connect(username="bob", password="secret")
        self.assertTrue(bob.set("app:1", "x"))
        self.assertEqual(bob.mget("app:1", "app:2"), ["x", None])
        for call in [
                lambda: bob.get("other"), lambda: bob.mget("app:1", "other"),
                lambda: bob.copy("app:1", "other"), lambda: bob.flushall(),
                lambda: bob.sort("app:1", by="w*"), lambda: bob.rename("app:1", "other")]:
            with self.assertRaises((redis.exceptions.NoPermissionError,
                                    redis.exceptions.ResponseError)):
                call()
        with bob.pipeline(transaction=True) as pipeline:
            pipeline.set("app:2", "y").get("other")
            with self.assertRaises(redis.exceptions.NoPermissionError):
                pipeline.execute()
        self.assertIsNone(self.client.get("app:2"))
        self.assertEqual(self.client.acl_dryrun("bob", "get", "app:1"), "OK")
        self.assertIn("'other' key", self.client.acl_dryrun("bob", "get", "other"))
        reasons = [entry["reason"] for entry in self.client.acl_log()]
        self.assertIn("key", reasons)
        self.assertIn("command", reasons)
        self.assertTrue(self.client.acl_log_reset())
        self.assertEqual(self.client.acl_log(), [])
        bob.close()

    def test_wrong_passwords_are_refused(self):
        self.client.config_set("requirepass", "secret")
        for options in [{}, {"password": "wrong"}, {"username": "bob", "password": "secret"}]:
            stranger = self.connect(**options)
            with self.assertRaises((redis.exceptions.AuthenticationError,
                                    redis.exceptions.ResponseError)):
                stranger.ping()
            stranger.close()
        known = self.connect(password="secret")
        self.assertTrue(known.ping())
        self.assertGreaterEqual(int(known.info("stats")["acl_access_denied_auth"]), 2)
        known.close()

    def test_deleted_users_are_disconnected(self):
        self.client.acl_setuser("bob", enabled=True, nopass=True, categories=["+@all"])
        bob = self.connect(username="bob", password="x", single_connection_client=True)
        self.assertEqual(bob.acl_whoami(), "bob")
        self.client.acl_deluser("bob")
        with self.assertRaises((redis.exceptions.ConnectionError,
                                redis.exceptions.AuthenticationError)):
            bob.ping()

    def test_categories_and_passwords(self):
        categories = self.client.acl_cat()
        self.assertIn("dangerous", categories)
        self.assertIn("get", self.client.acl_cat("read"))
        self.assertEqual(len(self.client.acl_genpass()), 64)
        self.assertEqual(len(self.client.acl_genpass(128)), 32)
        self.assertNotEqual(self.client.acl_genpass(), self.client.acl_genpass())


class AccessControlRESP2Tests(AccessControlTests, unittest.TestCase):
    protocol = 2


class AccessControlRESP3Tests(AccessControlTests, unittest.TestCase):
    protocol = 3


class FileTests(unittest.TestCase):
    """Users and other names of commands in files."""

    def start(self, *lines, users=None):
        """A server with these lines of redis.conf; the ACL file lies in its directory `data`."""
        self.folder = tempfile.mkdtemp(prefix="memd-test-acl-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        data = os.path.join(self.folder, "data")
        os.mkdir(data)
        if users is not None:
            with open(os.path.join(data, "users.acl"), "w") as file:
                file.write(users)
        self.path = os.path.join(self.folder, "redis.conf")
        with open(self.path, "w") as file:
            file.write("\n".join(("save ''", f"dir {data}") + lines) + "\n")
        return self.run_again()

    def run_again(self):
        running = server.Server(path=self.path)
        self.addCleanup(lambda: running.stop() if running.is_alive() else None)
        return running

    def test_the_acl_file_is_found_in_dir_and_replaced_as_a_whole(self):
        running = self.start(
            "aclfile users.acl",
            users="user default on nopass ~* &* +@all\nuser bob on >p ~b* +@all\n")
        client = redis.Redis(port=running.port, decode_responses=True)
        self.assertEqual(client.acl_users(), ["bob", "default"])
        client.acl_setuser("carol", enabled=True, nopass=True)
        self.assertTrue(client.acl_save())
        client.acl_deluser("carol")
        self.assertTrue(client.acl_load())
        self.assertEqual(client.acl_users(), ["bob", "carol", "default"])
        with open(os.path.join(self.folder, "data", "users.acl"), "a") as file:
            file.write("user dave +nonsense\n")
        with self.assertRaisesRegex(redis.exceptions.ResponseError, "users.acl:4: Error in"):
            client.acl_load()
        self.assertEqual(len(client.acl_users()), 3)

    def test_users_of_redis_conf_survive_config_rewrite(self):
        running = self.start(
            "user bob on >p ~b* +@all -flushall", "user default on nopass +@all ~*")
        client = redis.Redis(port=running.port, decode_responses=True)
        client.acl_setuser("carol", enabled=True, nopass=True, keys=["c*"], commands=["+get"])
        before = client.acl_list()
        client.config_rewrite()
        self.assertEqual(running.stop(), 0)
        again = redis.Redis(port=self.run_again().port, decode_responses=True)
        self.assertEqual(again.acl_list(), before)

    def test_renamed_commands(self):
        running = self.start('rename-command FLUSHALL ""', "rename-command CONFIG hidden-config")
        client = redis.Redis(port=running.port, decode_responses=True)
        with self.assertRaisesRegex(redis.exceptions.ResponseError, "unknown command"):
            client.flushall()
        self.assertIn("port", client.execute_command("hidden-config", "GET", "port"))

    def test_a_file_with_an_error_stops_the_start(self):
        for lines, users in [
                (("aclfile users.acl",), "user bob +nonsense\n"),
                (("aclfile users.acl",), None),
                (("user bob +nonsense",), None), (("user bob nonsense",), None),
                (("rename-command nonsense x",), None),
                (("aclfile users.acl", "user bob on"), "")]:
            with self.assertRaises(RuntimeError):
                self.start(*lines, users=users)


if __name__ == "__main__":
    unittest.main()
