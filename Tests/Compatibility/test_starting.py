# SPDX-License-Identifier: Apache-2.0
"""What the program says when it is asked about a configuration, and when it can't start."""
import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from server import BINARY, Server, wait_for


class StartTests(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="memd-start-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = str(probe.getsockname()[1])

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def memd(self, *words, user=None):
        """Runs the program to its end: (exit status, what it printed)."""
        prefix = []
        if user is not None:
            prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
        result = subprocess.run(
            prefix + [os.path.abspath(BINARY), *words], cwd=self.folder, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=20)
        return result.returncode, result.stdout

    def start_fails(self, *words, **options):
        status, output = self.memd("--port", self.port, *words, **options)
        self.assertEqual(status, 1, output)
        self.assertIn("Remedy: ", output)
        return output

    # --test-config

    def test_a_configuration_that_is_fine(self):
        path = self.write("a.conf", "maxmemory 1gb\nio-threads 4\n")
        self.assertEqual(
            self.memd("--test-config", path, "--hz", "20"),
            (0, "Accepted without effect: io-threads\nThe configuration is fine.\n"))

    def test_a_port_for_two(self):
        for words in [("--metrics-port", self.port), ("--bind", "127.0.0.1", "--metrics-port", self.port)]:
            status, output = self.memd("--test-config", "--port", self.port, *words)
            self.assertEqual(status, 1, output)
            self.assertIn("port and metrics-port have the same number", output)
        output = self.start_fails("--metrics-port", self.port)
        self.assertIn("port and metrics-port have the same number", output)
        status, output = self.memd(
            "--test-config", "--port", self.port, "--bind", "127.0.0.2", "--metrics-port", self.port)
        self.assertEqual(status, 0, output)

    def test_two_servers_that_write_one_log(self):
        server = Server("--dir", self.folder, "--appendonly", "yes")
        self.addCleanup(server.stop)
        output = self.start_fails("--dir", self.folder, "--appendonly", "yes")
        self.assertIn("Remedy: leave the files alone", output)
        self.assertNotIn("--fix", output)

    def test_all_that_is_wrong_is_told_at_once(self):
        self.write("sub.conf", "\nhz many\n")
        path = self.write(
            "a.conf", "prot 1\ninclude sub.conf\nuser ann on +nonsense\nlogfile /nowhere/a.log\n")
        status, output = self.memd("--test-config", path, "--maxclients", "0")
        self.assertEqual(status, 1)
        for part in [f"at line 1 of {path}\n>>> 'prot 1'", "is it 'port'?", "at line 2 of sub.conf",
                     "Remedy: write: hz 0.. (default 10)", "command line", "'ann'", f"({path}:3)",
                     "/nowhere/a.log: No such file or directory"]:
            self.assertIn(part, output)

    def test_a_test_makes_no_file_and_listens_nowhere(self):
        server = Server()
        self.addCleanup(server.stop)
        path = self.write("a.conf", f"port {server.port}\nlogfile new.log\ndir {self.folder}\n")
        self.assertEqual(self.memd("--test-config", path)[0], 0)
        self.assertEqual(os.listdir(self.folder), ["a.conf"])

    def test_addresses_and_certificates_are_tested_too(self):
        server = Server()
        self.addCleanup(server.stop)
        path = self.write("a.conf", f"port {server.port}\n")
        self.assertEqual(
            self.memd("--test-config", path),
            (0, f"port {server.port} is in use now: by memd itself, if it runs.\n"
             "The configuration is fine.\n"))
        for lines, cause in [
                ("bind 203.0.113.7", "203.0.113.7:6379: bind: Cannot assign requested address"),
                ("metrics-port 9121\nmetrics-bind no.such.host.invalid",
                 "no.such.host.invalid:9121: getaddrinfo: Name or service not known"),
                ("unixsocket /nowhere/memd.sock",
                 "The directory of unixsocket /nowhere/memd.sock can't be written: No such file"),
                ("unixsocket /tmp/" + "x" * 200, "bind: File name too long"),
                ("unixsocket memd.sock\nunixsocketgroup nobody-knows", "group 'nobody-knows'"),
                ("port 0", "There is nowhere to listen."),
                ("tls-port 6380", "No tls-cert-file configured!"),
                ("tls-port 6380\ntls-cert-file a.conf\ntls-key-file a.conf\ntls-auth-clients no",
                 "Failed to load certificate: a.conf"),
        ]:
            with self.subTest(lines):
                status, output = self.memd("--test-config", self.write("a.conf", lines + "\n"))
                self.assertEqual(status, 1, output)
                self.assertIn(cause, output)
                self.assertEqual(output.count("Remedy: "), 1, output)
        self.assertEqual(os.listdir(self.folder), ["a.conf"])

    def test_files_that_are_no_configuration_or_too_many(self):
        for name in ["a", "b", "c"]:
            path = self.write(f"{name}.conf", "include *.conf\n")
        status, output = self.memd("--test-config", path)
        self.assertEqual(status, 1)
        self.assertIn("include is nested too deeply\nRemedy: look for files that include", output)
        self.assertEqual(output.count("Remedy: "), 1)
        path = self.write("zero.conf", "include /dev/zero\n")
        status, output = self.memd("--test-config", path)
        self.assertIn("'/dev/zero': more than 16 MB are no configuration", output)
        self.assertEqual(status, 1)

    def test_a_byte_order_mark_is_no_directive(self):
        path = self.write("a.conf", "\ufeffhz 20\n")
        self.assertEqual(self.memd("--test-config", path)[0], 0)

    def test_an_answer_that_cannot_be_written_is_no_success(self):
        for inquiry in ["--dump-config", "--test-config", "--help", "--version", "--list-directives"]:
            with open("/dev/full", "w") as full, self.subTest(inquiry):
                result = subprocess.run(
                    [os.path.abspath(BINARY), inquiry], cwd=self.folder, text=True, stdout=full,
                    stderr=subprocess.PIPE)
                self.assertEqual(
                    (result.returncode, result.stderr),
                    (1, "Can't write the answer: No space left on device\n"))

    def test_standard_input_may_be_tested(self):
        result = subprocess.run(
            [os.path.abspath(BINARY), "--test-config", "-"], cwd=self.folder, text=True,
            input="port 1\nprot 2\n", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(result.returncode, 1)
        self.assertIn("at line 2 of standard input", result.stdout)

    @unittest.skipUnless(os.getuid() == 0, "needs root to become somebody else")
    def test_files_that_may_not_be_used(self):
        os.chmod(self.folder, 0o755)
        program = shutil.copy(BINARY, self.folder)
        dump = self.write("dump.rdb", "")
        os.chmod(dump, 0o600)
        result = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program,
             "--test-config", "--dir", self.folder], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(result.returncode, 1)
        self.assertIn(f"Can't open the snapshot {dump}: Permission denied", result.stdout)
        self.assertIn(f"'dir' {self.folder} (command line) can't be written", result.stdout)

    # --dump-config

    def test_values_are_dumped_with_their_sources(self):
        self.write("sub.conf", "maxmemory 1gb\nmaxmemory-policy allkeys-lru\n")
        path = self.write("a.conf", "include sub.conf\nrequirepass s3cret\n")
        status, output = self.memd("--dump-config", path, "--maxmemory", "2gb")
        self.assertEqual(status, 0)
        for part in ["# command line\nmaxmemory 2gb\n", "# sub.conf:2\nmaxmemory-policy allkeys-lru\n",
                     f"# {path}:2\n# requirepass is set (not shown)\n"]:
            self.assertIn(part, output)
        self.assertNotIn("s3cret", output)
        defaults = output.split("# Defaults\n")[1]
        self.assertIn("\nport 6379\n", defaults)
        again = self.write("again.conf", output)
        self.assertEqual(self.memd("--test-config", again)[0], 0)
        self.assertIn("\nmaxmemory 2gb\n", self.memd("--dump-config", again)[1])

    def test_a_configuration_that_is_wrong_is_not_dumped(self):
        status, output = self.memd("--dump-config", "--prot", "1")
        self.assertEqual(status, 1)
        self.assertIn("is it 'port'?", output)

    # --help

    def test_help(self):
        status, output = self.memd("--help")
        self.assertEqual(status, 0)
        self.assertIn("--test-config", output)
        self.assertIn("\nMemory (memory)\n    maxmemory maxmemory-policy", output)
        self.assertEqual(self.memd("--help", "maxmemory")[0], 0)
        status, output = self.memd("--help", "maxmemroy")
        self.assertEqual(status, 1)
        self.assertIn("is it 'maxmemory'?", output)

    # Starts that fail

    def test_the_port_is_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", int(self.port)))
            other.listen()
            output = self.start_fails("--bind", "127.0.0.1")
        self.assertIn("bind: Address already in use", output)
        self.assertIn(f"another process listens on port {self.port}", output)
        self.assertIn("(command line)", output)

    def test_an_address_of_another_machine(self):
        path = self.write("a.conf", "bind 203.0.113.1\n")
        status, output = self.memd(path, "--port", self.port)
        self.assertEqual(status, 1)
        self.assertIn(f"this machine has no such address ('ip address' lists them); correct 'bind'"
                      f" ({path}:1)", output)

    def test_no_address_at_all(self):
        self.assertIn("set 'port', or 'unixsocket'", self.start_fails("--port", "0"))

    def test_a_unix_socket_without_directory(self):
        output = self.start_fails("--port", "0", "--unixsocket", "/nowhere/socket")
        self.assertIn("the directory of the unix socket must be there", output)

    def test_a_directory_that_is_missing(self):
        output = self.start_fails("--dir", "/nowhere")
        self.assertIn(">>> 'dir \"/nowhere\"'\nNo such file or directory\n", output)
        self.assertIn("make the directory", output)

    def test_data_that_are_damaged(self):
        self.write("dump.rdb", "nonsense")
        output = self.start_fails("--dir", self.folder)
        self.assertIn(f"'memd --check-rdb {self.folder}/dump.rdb' tells", output)

    def test_a_log_that_is_damaged(self):
        os.mkdir(os.path.join(self.folder, "appendonlydir"))
        self.write("appendonlydir/appendonly.aof.manifest", "nonsense\n")
        output = self.start_fails("--dir", self.folder, "--appendonly", "yes")
        self.assertIn(
            f"'memd --check-aof {self.folder}/appendonlydir/appendonly.aof.manifest' tells", output)

    def test_users_that_are_wrong(self):
        path = self.write("a.conf", f"port {self.port}\nuser ann on +nonsense\n")
        status, output = self.memd(path)
        self.assertEqual(status, 1)
        self.assertIn(f"Remedy: correct the line of the user ({path}:2)", output)
        users = self.write("users.acl", "user ann on +nonsense\n")
        output = self.start_fails("--aclfile", users)
        self.assertIn(f"{users}:1: Error in applying operation '+nonsense'", output)
        self.assertIn("No such file", self.start_fails("--aclfile", "/nowhere/users.acl"))

    @unittest.skipUnless(os.getuid() == 0, "needs root to become somebody else")
    def test_a_directory_that_may_not_be_written_is_told_at_the_start(self):
        os.chmod(self.folder, 0o755)
        program = shutil.copy(BINARY, self.folder)
        process = subprocess.Popen(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", program, "--port",
             self.port, "--logfile", ""], cwd=self.folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for line in process.stdout:
            if f"'dir' {self.folder} can't be written: Permission denied" in line:
                self.assertIn("Remedy: let the directory belong to the user who runs memd", line)
                return
        self.fail("it isn't told")

    def test_systemd_is_told(self):
        """READY=1 when clients may come, STOPPING=1 at the end, to NOTIFY_SOCKET."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(os.path.join(self.folder, "notify"))
            notify.settimeout(20)
            process = subprocess.Popen(
                [os.path.abspath(BINARY), "--port", self.port, "--supervised", "systemd"],
                cwd=self.folder, stdout=subprocess.DEVNULL,
                env=dict(os.environ, NOTIFY_SOCKET=os.path.join(self.folder, "notify")))
            self.addCleanup(process.wait)
            self.addCleanup(process.kill)
            self.assertEqual(
                notify.recv(1024), b"STATUS=Ready to accept connections\nREADY=1\n")
            socket.create_connection(("127.0.0.1", int(self.port))).close()
            process.terminate()
            self.assertEqual(notify.recv(1024), b"STOPPING=1\n")
            wait_for(lambda: process.poll() == 0)


if __name__ == "__main__":
    unittest.main()
