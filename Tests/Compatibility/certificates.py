# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made by openssl: an authority and what it signs, and a strange one."""
import os
import subprocess


def run(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Authority:
    """Signs certificates; all files lie in one directory."""

    def __init__(self, directory, name="authority"):
        self.directory = directory
        self.key = os.path.join(directory, name + ".key")
        self.certificate = os.path.join(directory, name + ".crt")
        self.make_key(self.key)
        run("req", "-x509", "-new", "-key", self.key, "-days", "10", "-subj", f"/CN={name}",
            "-out", self.certificate)

    @staticmethod
    def make_key(path, kind="EC"):
        options = ("-pkeyopt", "ec_paramgen_curve:P-256") if kind == "EC" else (
            "-pkeyopt", "rsa_keygen_bits:2048")
        run("genpkey", "-algorithm", kind, *options, "-out", path)

    def sign(self, file, name, uris=(), kind="EC", days=9):
        """Makes a key and a certificate for a common name; returns their paths."""
        base = os.path.join(self.directory, file)
        key, certificate, request, extensions = (
            base + end for end in (".key", ".crt", ".csr", ".ext"))
        self.make_key(key, kind)
        run("req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", request)
        names = ["DNS:localhost", "IP:127.0.0.1", *(f"URI:{uri}" for uri in uris)]
        with open(extensions, "w") as output:
            output.write("subjectAltName=" + ",".join(names) + "\n")
        run("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key,
            "-CAcreateserial", "-days", str(days), "-extfile", extensions, "-out", certificate)
        return certificate, key
