# SPDX-License-Identifier: Apache-2.0
"""Encrypted connections: redis-cli and redis-py, certificates of every kind, and hostile peers."""
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from certificates import Authority, run
from server import Server, wait_for
from test_append_log import free_port


class Certificates:
    """What all tests use; made once."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="memd-certificates-")
        self.authority = Authority(self.directory)
        self.stranger = Authority(self.directory, "stranger")
        self.server = self.authority.sign("server", "localhost")
        self.client = self.authority.sign(
            "client", "alice", ["urn:memd:user:alice", "urn:memd:user:bob"])
        self.strange = self.stranger.sign("strange", "alice")

    def options(self, port, *more):
        return (
            "--tls-port", str(port), "--tls-cert-file", self.server[0],
            "--tls-key-file", self.server[1], "--tls-ca-cert-file", self.authority.certificate,
            *more)


_certificates = None


def setUpModule():
    global _certificates
    _certificates = Certificates()


def tearDownModule():
    shutil.rmtree(_certificates.directory)


class TLSTest(unittest.TestCase):
    """A server with a plain and an encrypted port."""

    options = ("--tls-auth-clients", "no")

    @classmethod
    def setUpClass(cls):
        cls.certificates = _certificates
        cls.port = free_port()
        cls.server = Server(*cls.certificates.options(cls.port, *cls.options))
        cls.plain = redis.Redis(port=cls.server.port, socket_timeout=20)

    @classmethod
    def tearDownClass(cls):
        cls.plain.close()
        assert cls.server.stop() == 0, "the server failed"

    def connect(self, certificate=None, port=None, **options):
        certificate, key = certificate or (None, None)
        return redis.Redis(
            port=port or self.port, ssl=True, ssl_ca_certs=self.certificates.authority.certificate,
            ssl_certfile=certificate, ssl_keyfile=key, ssl_check_hostname=False,
            socket_timeout=20, retry=Retry(NoBackoff(), 0), **options)

    def context(self, **versions):
        context = ssl.create_default_context(cafile=self.certificates.authority.certificate)
        for name, value in versions.items():
            setattr(context, name, value)
        return context

    def open(self, context=None, port=None):
        """A TLS socket."""
        connection = socket.create_connection(("127.0.0.1", port or self.port), timeout=20)
        return (context or self.context()).wrap_socket(connection, server_hostname="localhost")

    def log(self):
        return self.server.output()


class TransportTests(TLSTest):
    def test_redis_cli(self):
        output = subprocess.run(
            ["redis-cli", "--tls", "--cacert", self.certificates.authority.certificate,
             "-p", str(self.port), "SET", "cli", "value"],
            capture_output=True, text=True, timeout=20)
        self.assertEqual(output.stdout, "OK\n", output.stderr)
        self.assertEqual(self.plain.get("cli"), b"value")

    def test_both_ports_and_both_protocols(self):
        for protocol in (2, 3):
            client = self.connect(protocol=protocol)
            client.hset("h", mapping={"f": "v"})
            self.assertEqual(client.hgetall("h"), {b"f": b"v"})
            self.assertEqual(self.plain.hgetall("h"), {b"f": b"v"})
            client.close()

    def test_big_pipelines(self):
        client = self.connect()
        pipeline = client.pipeline(transaction=False)
        for index in range(20000):
            pipeline.set(f"key:{index}", f"value:{index}")
            pipeline.get(f"key:{index}")
        replies = pipeline.execute()
        self.assertEqual(replies[1::2], [b"value:%d" % index for index in range(20000)])

    def test_large_values_both_ways(self):
        client = self.connect()
        for size in (1, 16383, 16384, 16385, 65536, 1 << 20, 10_000_000):
            value = os.urandom(size)
            client.set("large", value)
            self.assertEqual(client.get("large"), value, size)
            self.assertEqual(self.plain.get("large"), value, size)
        self.assertEqual(client.mget(["large"] * 5), [value] * 5)

    def test_requests_cut_into_records_anywhere(self):
        words = b"*3\r\n$3\r\nSET\r\n$3\r\ncut\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$3\r\ncut\r\n"
        with self.open() as connection:
            for step in (1, 2, 7, len(words)):
                for start in range(0, len(words), step):
                    connection.sendall(words[start:start + step])
                received = b""
                while len(received) < 16:
                    received += connection.recv(100)
                self.assertEqual(received, b"+OK\r\n$5\r\nhello\r\n")

    def test_a_request_right_behind_the_handshake(self):
        """It lies behind the end of the handshake in the same bytes."""
        ours, theirs = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = self.context().wrap_bio(theirs, ours, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    connection.sendall(ours.read())
                    theirs.write(connection.recv(1 << 16))
            session.write(b"PING\r\n")
            connection.sendall(ours.read())
            reply = None
            while reply is None:
                try:
                    reply = session.read(100)
                except ssl.SSLWantReadError:
                    theirs.write(connection.recv(1 << 16))
            self.assertEqual(reply, b"+PONG\r\n")

    def test_a_slow_reader_gets_everything(self):
        self.plain.set("slow", b"x" * 5_000_000)
        with self.open() as connection:
            connection.sendall(b"GET slow\r\n" * 4)
            time.sleep(0.3)
            self.assertTrue(self.plain.ping())
            received = 0
            wanted = 4 * (5_000_000 + len(b"$5000000\r\n\r\n"))
            while received < wanted:
                received += len(connection.recv(1 << 16))
            self.assertEqual(received, wanted)

    def test_the_last_reply_arrives_before_the_end(self):
        self.plain.set("last", b"y" * 3_000_000)
        with self.open() as connection:
            connection.sendall(b"GET last\r\nQUIT\r\n")
            time.sleep(0.2)
            received = b""
            # A clean end: ssl raises if the close is not announced.
            while chunk := connection.recv(1 << 16):
                received += chunk
            self.assertEqual(len(received), len(b"$3000000\r\n\r\n+OK\r\n") + 3_000_000)
            self.assertTrue(received.endswith(b"+OK\r\n"))

    def test_a_client_that_says_goodbye_or_vanishes_is_forgotten(self):
        before = self.plain.info("clients")["connected_clients"]
        polite = self.open()
        rude = self.open()
        for connection in (polite, rude):
            connection.sendall(b"PING\r\n")
            self.assertEqual(connection.recv(100), b"+PONG\r\n")
        self.assertEqual(self.plain.info("clients")["connected_clients"], before + 2)
        polite.unwrap().close()
        rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        rude.close()
        wait_for(lambda: self.plain.info("clients")["connected_clients"] == before)

    def test_subscribers_get_messages_that_nobody_asked_for(self):
        client = self.connect()
        subscriber = client.pubsub()
        subscriber.subscribe("news")
        self.assertEqual(subscriber.get_message(timeout=10)["type"], "subscribe")
        self.plain.publish("news", "z" * 100_000)
        self.assertEqual(subscriber.get_message(timeout=10)["data"], b"z" * 100_000)

    def test_protocols_and_ciphers(self):
        with self.open() as connection:
            self.assertEqual(connection.version(), "TLSv1.3")
        self.plain.config_set("tls-protocols", "TLSv1.2")
        with self.open() as connection:
            self.assertEqual(connection.version(), "TLSv1.2")
            connection.sendall(b"PING\r\n")
            self.assertEqual(connection.recv(100), b"+PONG\r\n")
        with self.assertRaises(ssl.SSLError):
            self.open(self.context(minimum_version=ssl.TLSVersion.TLSv1_3))
        self.plain.config_set("tls-ciphers", "ECDHE-ECDSA-AES256-GCM-SHA384")
        with self.open() as connection:
            self.assertEqual(connection.cipher()[0], "ECDHE-ECDSA-AES256-GCM-SHA384")
        context = self.context()
        context.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
        with self.assertRaises(ssl.SSLError):
            self.open(context)
        self.plain.config_set("tls-ciphers", "")
        self.plain.config_set("tls-protocols", "")
        self.plain.config_set("tls-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256")
        with self.open() as connection:
            self.assertEqual(connection.cipher()[0], "TLS_CHACHA20_POLY1305_SHA256")
        self.plain.config_set("tls-ciphersuites", "")

    def test_old_protocols_are_refused(self):
        for version in ("TLSv1", "TLSv1_1"):
            with self.assertRaises((ssl.SSLError, OSError)):
                context = self.context()
                context.minimum_version = getattr(ssl.TLSVersion, version)
                context.maximum_version = getattr(ssl.TLSVersion, version)
                self.open(context)

    def test_sessions_go_on(self):
        """A session of TLS 1.2 is resumed unless that is switched off."""
        for caches in ("yes", "no"):
            self.plain.config_set("tls-session-caching", caches)
            context = self.context(maximum_version=ssl.TLSVersion.TLSv1_2)
            context.options |= ssl.OP_NO_TICKET
            with self.open(context) as connection:
                session = connection.session
            again = context.wrap_socket(
                socket.create_connection(("127.0.0.1", self.port), timeout=20),
                server_hostname="localhost", session=session)
            self.assertEqual(again.session_reused, caches == "yes")
            again.close()
        self.plain.config_set("tls-session-caching", "yes")

    def test_junk_and_plain_requests_are_refused(self):
        for junk in (b"PING\r\n", b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"\x16\x03\x01\xff",
                     b"\x16\x03\x01\x40\x00" + os.urandom(20000)):
            with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
                try:
                    connection.sendall(junk)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(1 << 16):
                        pass
                except OSError:
                    pass
        wait_for(lambda: "Error accepting a client connection: error:" in self.log())
        self.assertTrue(self.connect().ping())

    def test_half_handshakes_hinder_nobody(self):
        idle = [socket.create_connection(("127.0.0.1", self.port), timeout=20) for _ in range(50)]
        for connection in idle[:25]:
            connection.sendall(b"\x16\x03\x01")
        wait_for(lambda: self.plain.info("tls")["memd_tls_handshakes_half_done"] == 50)
        # They are no clients yet.
        self.assertLess(self.plain.info("clients")["connected_clients"], 20)
        self.assertTrue(self.connect().ping())
        for connection in idle:
            connection.close()
        wait_for(lambda: self.plain.info("tls")["memd_tls_handshakes_half_done"] == 0)

    def test_info_names_the_listeners(self):
        info = self.plain.info("server")
        self.assertEqual(info["tcp_port"], self.server.port)
        self.assertEqual(info["listener0"]["name"], "tcp")
        self.assertEqual(info["listener0"]["port"], self.server.port)
        self.assertEqual(info["listener2"]["name"], "tls")
        self.assertEqual(info["listener2"]["port"], self.port)

    def test_many_clients_at_once(self):
        errors = []

        def work(number):
            try:
                for turn in range(5):
                    client = self.connect()
                    client.set(f"many:{number}", turn)
                    assert client.get(f"many:{number}") == b"%d" % turn
                    client.close()
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])

    def test_benchmark(self):
        output = subprocess.run(
            ["redis-benchmark", "--tls", "--cacert", self.certificates.authority.certificate,
             "-p", str(self.port), "-n", "20000", "-P", "32", "-t", "set,get", "-q"],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(output.returncode, 0, output.stderr)
        self.assertNotIn("rror", output.stdout + output.stderr)


class ClientCertificateTests(TLSTest):
    options = ()

    def setUp(self):
        self.plain.config_set("tls-auth-clients", "yes")
        self.plain.config_set("tls-auth-clients-user", "off")

    def refused(self, certificate):
        with self.assertRaises(redis.RedisError):
            self.connect(certificate).ping()

    def test_required(self):
        self.assertTrue(self.connect(self.certificates.client).ping())
        self.refused(None)
        self.refused(self.certificates.strange)
        wait_for(lambda: "peer did not return a certificate" in self.log())

    def test_optional(self):
        self.plain.config_set("tls-auth-clients", "optional")
        self.assertTrue(self.connect(self.certificates.client).ping())
        self.assertTrue(self.connect().ping())
        self.refused(self.certificates.strange)

    def test_none(self):
        self.plain.config_set("tls-auth-clients", "no")
        self.assertTrue(self.connect().ping())
        self.assertTrue(self.connect(self.certificates.strange).ping())

    def test_a_session_without_certificate_ends_where_one_is_required(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.plain.config_set("tls-auth-clients", "optional")
            context = self.context(minimum_version=version, maximum_version=version)

            def open_again(session=None):
                connection = context.wrap_socket(
                    socket.create_connection(("127.0.0.1", self.port), timeout=20),
                    server_hostname="localhost", session=session)
                connection.sendall(b"PING\r\n")
                self.assertEqual(connection.recv(100), b"+PONG\r\n")
                return connection

            with open_again() as connection:
                session = connection.session
            with open_again(session) as connection:
                self.assertTrue(connection.session_reused)
            self.plain.config_set("tls-auth-clients", "yes")
            with self.assertRaises((ssl.SSLError, OSError, AssertionError)):
                open_again(session)

    def test_a_server_that_the_client_does_not_trust(self):
        client = redis.Redis(
            port=self.port, ssl=True, ssl_ca_certs=self.certificates.stranger.certificate,
            ssl_check_hostname=False, retry=Retry(NoBackoff(), 0))
        with self.assertRaises(redis.ConnectionError):
            client.ping()

    def test_user_of_the_certificate(self):
        whoami = lambda: self.connect(self.certificates.client).acl_whoami()  # noqa: E731
        self.plain.config_set("tls-auth-clients-user", "CN")
        self.plain.acl_log_reset()
        self.assertEqual(whoami(), "default")
        entry = self.plain.acl_log()[0]
        self.assertEqual((entry["reason"], entry["username"]), ("tls-cert", "alice"))
        self.assertGreater(self.plain.info("stats")["acl_access_denied_tls_cert"], 0)
        self.plain.acl_setuser("alice", enabled=True, keys=["*"], commands=["+@all"])
        self.assertEqual(whoami(), "alice")
        # Switching a user off must not raise the rights of who holds the certificate.
        self.plain.acl_setuser("alice", enabled=False)
        with self.assertRaises(redis.AuthenticationError):
            whoami()
        self.plain.config_set("tls-auth-clients-user", "URI")
        self.assertEqual(whoami(), "default")
        self.plain.acl_setuser("urn:memd:user:bob", enabled=True, commands=["+@all"])
        self.assertEqual(whoami(), "urn:memd:user:bob")
        self.plain.acl_setuser("urn:memd:user:alice", enabled=True, commands=["+@all"])
        self.assertEqual(whoami(), "urn:memd:user:alice")
        self.plain.config_set("requirepass", "secret")
        self.assertEqual(whoami(), "urn:memd:user:alice")
        redis.Redis(port=self.server.port, password="secret").config_set("requirepass", "")
        self.plain.acl_deluser("alice", "urn:memd:user:alice", "urn:memd:user:bob")


class ReconfigurationTests(TLSTest):
    def serial(self):
        return self.plain.info("tls")["tls_server_cert_serial"]

    def setUp(self):
        self.plain.config_set("tls-cert-file", self.certificates.server[0])

    def test_a_bad_change_leaves_all_as_it_was(self):
        missing = os.path.join(self.certificates.directory, "missing")
        for name, value in (
                ("tls-cert-file", missing), ("tls-key-file", missing), ("tls-cert-file", ""),
                ("tls-key-file", self.certificates.client[1]), ("tls-ca-cert-file", missing),
                ("tls-ciphers", "nonsense"), ("tls-ciphersuites", "nonsense"),
                ("tls-protocols", "SSLv3"), ("tls-dh-params-file", missing)):
            with self.subTest(name=name, value=value):
                before = self.plain.config_get(name)
                with self.assertRaises(redis.ResponseError) as caught:
                    self.plain.config_set(name, value)
                self.assertEqual(
                    str(caught.exception),
                    f"CONFIG SET failed (possibly related to argument '{name}') - Unable to update"
                    " TLS configuration. Check server logs.")
                self.assertEqual(self.plain.config_get(name), before)
                self.assertTrue(self.connect().ping())
        self.assertIn("Failed to load certificate: " + missing, self.log())
        self.assertIn("No tls-cert-file configured!", self.log())
        self.assertIn("Invalid tls-protocols specified. Use a combination of", self.log())

    def test_a_certificate_that_has_expired_takes_no_valid_one_s_place(self):
        first = self.serial()
        expired = self.certificates.authority.sign("expired", "localhost", days=-1)
        with self.assertRaises(redis.ResponseError):
            self.plain.config_set("tls-cert-file", expired[0], "tls-key-file", expired[1])
        self.assertEqual(self.serial(), first)
        self.assertTrue(self.connect().ping())
        self.assertIn("has expired or isn't valid yet; the one in use", self.log())

    def test_another_certificate_for_new_connections(self):
        old = self.connect()
        self.assertTrue(old.ping())
        first = self.serial()
        other = self.certificates.authority.sign("other", "localhost")
        self.plain.config_set("tls-cert-file", other[0], "tls-key-file", other[1])
        self.assertNotEqual(self.serial(), first)
        self.assertTrue(self.connect().ping())
        self.assertTrue(old.ping())
        self.plain.config_set(
            "tls-cert-file", self.certificates.server[0],
            "tls-key-file", self.certificates.server[1])

    def test_the_same_path_is_read_again(self):
        copy, key = (os.path.join(self.certificates.directory, name) for name in ("c.crt", "c.key"))
        shutil.copy(self.certificates.server[0], copy)
        shutil.copy(self.certificates.server[1], key)
        self.plain.config_set("tls-cert-file", copy, "tls-key-file", key)
        first = self.serial()
        other = self.certificates.authority.sign("again", "localhost")
        shutil.copy(other[0], copy)
        shutil.copy(other[1], key)
        self.plain.config_set("tls-cert-file", copy)
        second = self.serial()
        self.assertNotEqual(first, second)
        # By itself, if that is asked for; not before both files fit each other.
        self.plain.config_set("tls-auto-reload-interval", 1)
        shutil.copy(self.certificates.server[0], copy)
        wait_for(lambda: "those that were there stay in use" in self.log())
        self.assertEqual(self.serial(), second)
        self.assertTrue(self.connect().ping())
        shutil.copy(self.certificates.server[1], key)
        wait_for(lambda: self.serial() == first)
        self.assertIn("TLS materials reloaded successfully", self.log())
        self.assertTrue(self.connect().ping())
        self.plain.config_set("tls-auto-reload-interval", 0)
        self.plain.config_set(
            "tls-cert-file", self.certificates.server[0],
            "tls-key-file", self.certificates.server[1])

    def test_a_key_with_a_password(self):
        sealed = os.path.join(self.certificates.directory, "sealed.key")
        run("pkey", "-in", self.certificates.server[1], "-aes256", "-passout", "pass:hush", "-out",
            sealed)
        with self.assertRaises(redis.ResponseError):
            self.plain.config_set("tls-key-file", sealed)
        self.plain.config_set("tls-key-file", sealed, "tls-key-file-pass", "hush")
        self.assertTrue(self.connect().ping())
        self.plain.config_set(
            "tls-key-file", self.certificates.server[1], "tls-key-file-pass", "")

    def test_parameters_of_diffie_and_hellman(self):
        path = os.path.join(self.certificates.directory, "dh.pem")
        run("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", path)
        rsa = self.certificates.authority.sign("rsa", "localhost", kind="RSA")
        self.plain.config_set(
            "tls-dh-params-file", path, "tls-cert-file", rsa[0], "tls-key-file", rsa[1])
        context = self.context(maximum_version=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("DHE-RSA-AES256-GCM-SHA384")
        with self.open(context) as connection:
            self.assertEqual(connection.cipher()[0], "DHE-RSA-AES256-GCM-SHA384")
        self.plain.config_set(
            "tls-dh-params-file", "", "tls-cert-file", self.certificates.server[0],
            "tls-key-file", self.certificates.server[1])

    def test_authorities_in_a_directory(self):
        directory = os.path.join(self.certificates.directory, "authorities")
        os.makedirs(directory, exist_ok=True)
        shutil.copy(self.certificates.authority.certificate, directory + "/authority.crt")
        run("rehash", directory)
        self.plain.config_set(
            "tls-ca-cert-dir", directory, "tls-ca-cert-file", "", "tls-auth-clients", "yes")
        self.assertTrue(self.connect(self.certificates.client).ping())
        self.assertNotEqual(self.plain.info("tls")["tls_ca_cert_serial"], "none")
        with self.assertRaises(redis.RedisError):
            self.connect(self.certificates.strange).ping()
        self.plain.config_set(
            "tls-ca-cert-dir", "", "tls-ca-cert-file", self.certificates.authority.certificate,
            "tls-auth-clients", "no")

    def test_ports_change(self):
        other = free_port()
        self.plain.config_set("tls-port", other)
        self.assertTrue(self.connect(port=other).ping())
        with self.assertRaises(redis.RedisError):
            self.connect().ping()
        self.plain.config_set("tls-port", 0)
        with self.assertRaises(redis.RedisError):
            self.connect(port=other).ping()
        self.assertEqual(self.plain.info("tls")["tls_server_cert_serial"], "none")
        # The plain port turns into an encrypted one.
        plain = self.server.port
        self.plain.config_set("tls-port", self.port)
        client = self.connect()
        client.config_set("port", 0)
        client.config_set("tls-port", plain)
        self.assertTrue(self.connect(port=plain).ping())
        self.connect(port=plain).config_set("tls-port", self.port, "port", plain)
        self.assertTrue(self.plain.ping())


class StartTests(unittest.TestCase):
    def refused(self, *options):
        with self.assertRaises(RuntimeError) as caught:
            Server(*options).stop()
        return str(caught.exception)

    def test_what_is_missing_stops_the_start(self):
        port = str(free_port())
        certificate, key = _certificates.server
        self.assertIn("No tls-cert-file configured!", self.refused("--tls-port", port))
        self.assertIn(
            "No tls-key-file configured!",
            self.refused("--tls-port", port, "--tls-cert-file", certificate))
        output = self.refused(
            "--tls-port", port, "--tls-cert-file", certificate, "--tls-key-file", key)
        self.assertIn("Either tls-ca-cert-file or tls-ca-cert-dir must be specified", output)
        self.assertIn("Failed to configure TLS", output)

    def test_tls_from_nothing_at_run_time(self):
        server = Server()
        try:
            plain = redis.Redis(port=server.port)
            with self.assertRaises(redis.ResponseError):
                plain.config_set("tls-port", free_port())
            port = free_port()
            plain.config_set("tls-cert-file", _certificates.server[0])
            plain.config_set("tls-key-file", _certificates.server[1])
            plain.config_set("tls-auth-clients", "no")
            plain.config_set("tls-port", port)
            client = redis.Redis(
                port=port, ssl=True, ssl_ca_certs=_certificates.authority.certificate,
                ssl_check_hostname=False)
            self.assertTrue(client.ping())
            self.assertTrue(plain.ping())
        finally:
            self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main()
