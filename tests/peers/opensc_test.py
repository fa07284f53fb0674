"""Unmodified OpenSC takes our virtual card for a My Number Card, and OpenSSL its word.

Run inside private-pcscd: opensc_test.py MADOGUCHI_CARD contactless|contact
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

CARD, ATR = sys.argv[1:3]
READER = os.environ["MADOGUCHI_PCSCD_READERS"].splitlines()[0]
PORT = os.environ["MADOGUCHI_PCSCD_PORTS"].split()[0]
ATR_BYTES = {"contactless": "3b:88:80:01:00:00:05:e0:b3:81:a1:00:7f",
             "contact": "3b:e0:00:ff:81:31:fe:45:14"}[ATR]


def run(*command, **options):
    return subprocess.run(command, capture_output=True, timeout=30, **options)


class Opensc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # Keys take long to make: each test gets a copy of one new card.
        cls.new_card = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.new_card.cleanup)
        subprocess.run([CARD, "--dir", cls.new_card.name, "--make-only"], check=True,
                       stdout=subprocess.DEVNULL, timeout=30)

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        shutil.copytree(self.new_card.name, self.path("card"))
        self.trace = self.path("trace")
        self.control = self.path("control")
        self.start()
        self.addCleanup(self.stop)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def start(self, *options):
        self.card = subprocess.Popen(
            [CARD, "--dir", self.path("card"), "--port", PORT, "--atr", ATR,
             "--trace", self.trace, "--control", self.control, *options],
            stdout=subprocess.PIPE, text=True)
        self.assertEqual(self.card.stdout.readline(), "ready\n")
        self.wait_for_card(True)

    def stop(self):
        self.card.send_signal(signal.SIGTERM)
        self.assertEqual(self.card.wait(timeout=10), 0)
        self.card.stdout.close()
        self.wait_for_card(False)

    def wait_for_card(self, there):
        """Until pcscd, which looks every 0.4 s, has seen it come or go."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            lines = run("opensc-tool", "-l").stdout.decode().splitlines()
            found = [line for line in lines if line.rstrip().endswith(READER)]
            if found and ("Yes" in found[0]) == there:
                return
            time.sleep(0.02)
        self.fail("pcscd has not noticed the card")

    def ask_card(self, command):
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(10)
            control.connect(self.control)
            control.sendall(command.encode() + b"\n")
            return control.makefile().readline().rstrip("\n")

    def tries_left(self):
        return int(dict(word.split("=") for word in self.ask_card("status").split())["tries-left"])

    def read_certificate(self, *options):
        result = run("pkcs15-tool", "--reader", "0", "--read-certificate", *options)
        self.assertEqual(result.returncode, 0, result)
        path = self.path("read.pem")
        with open(path, "wb") as file:
            file.write(result.stdout)
        return path

    def assert_verifies_under(self, ca, certificate):
        result = run("openssl", "verify", "-CAfile", self.path("card/" + ca), certificate)
        self.assertIn(b": OK", result.stdout, result)

    def sign(self, slot, key, pin, mechanism="SHA256-RSA-PKCS"):
        with open(self.path("message"), "wb") as file:
            file.write(b"challenge")
        return run("pkcs11-tool", "--slot-index", slot, "--login", "--pin", pin, "--sign", "--id",
                   key, "-m", mechanism, "-i", self.path("message"), "-o", self.path("signature"))

    def assert_signature(self, certificate):
        public_key = run("openssl", "x509", "-in", certificate, "-pubkey", "-noout").stdout
        with open(self.path("key"), "wb") as file:
            file.write(public_key)
        result = run("openssl", "dgst", "-sha256", "-verify", self.path("key"), "-signature",
                     self.path("signature"), self.path("message"))
        self.assertIn(b"Verified OK", result.stdout, result)

    def test_names_the_card(self):
        self.assertEqual(run("opensc-tool", "-r", "0", "-n").stdout, b"jpki\n")
        self.assertIn(ATR_BYTES, run("opensc-tool", "-r", "0", "-a").stdout.decode())

    def test_reads_both_certificates(self):
        auth = self.read_certificate("1")
        self.assert_verifies_under("auth-ca.pem", auth)
        with open(auth, encoding="ascii") as read:
            with open(self.path("card/auth.pem"), encoding="ascii") as made:
                self.assertEqual(read.read(), made.read())
        sign = self.read_certificate("2", "--verify-pin", "--auth-id", "02", "--pin", "ABC123")
        self.assert_verifies_under("sign-ca.pem", sign)
        # And not the other way round.
        result = run("openssl", "verify", "-CAfile", self.path("card/auth-ca.pem"), sign)
        self.assertNotEqual(result.returncode, 0)

    def test_signs_with_both_keys(self):
        self.assertEqual(self.sign("0", "01", "1234").returncode, 0)
        self.assert_signature(self.path("card/auth.pem"))
        self.assertEqual(self.sign("1", "02", "ABC123").returncode, 0)
        self.assert_signature(self.path("card/sign.pem"))

    def test_flipped_signature_is_found_out(self):
        self.assertEqual(self.ask_card("fault flipped-signature"), "ok")
        self.assertEqual(self.sign("0", "01", "1234").returncode, 0)
        with self.assertRaises(AssertionError):
            self.assert_signature(self.path("card/auth.pem"))

    def test_unknown_ca_is_found_out(self):
        self.assertEqual(self.ask_card("fault unknown-ca"), "ok")
        auth = self.read_certificate("1")
        result = run("openssl", "verify", "-CAfile", self.path("card/auth-ca.pem"), auth)
        self.assertNotEqual(result.returncode, 0)
        names = [run("openssl", "x509", "-in", path, "-noout", "-issuer").stdout
                 for path in (auth, self.path("card/auth.pem"))]
        self.assertEqual(names[0], names[1])

    def test_wrong_pins_count_down_and_block(self):
        for left in (2, 1, 0):
            result = self.sign("0", "01", "9999")
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(b"CKR_PIN_", result.stderr)
            self.assertEqual(self.tries_left(), left)
        # Blocked: the right PIN does not help, here or after another start.
        self.assertIn(b"CKR_", self.sign("0", "01", "1234").stderr)
        self.stop()
        self.start("--pin", "1234")
        self.assertNotEqual(self.sign("0", "01", "1234").returncode, 0)
        self.assertEqual(self.tries_left(), 0)

    def test_right_pin_gives_tries_back_and_stays_out_of_the_trace(self):
        self.sign("0", "01", "9999")
        self.assertEqual(self.tries_left(), 2)
        self.assertEqual(self.sign("0", "01", "1234").returncode, 0)
        self.assertEqual(self.tries_left(), 3)
        with open(self.trace, encoding="ascii") as file:
            trace = file.read()
        self.assertIn("> 0020008004********\n< 63C2\n", trace)
        self.assertIn("> 0020008004********\n< 9000\n", trace)
        self.assertNotIn("31323334", trace)

    def test_taken_away_and_put_back(self):
        self.assertEqual(self.ask_card("remove"), "ok")
        self.wait_for_card(False)
        self.assertEqual(self.ask_card("insert"), "ok")
        self.wait_for_card(True)
        self.assertEqual(run("opensc-tool", "-r", "0", "-n").stdout, b"jpki\n")

    def test_follows_a_restart_of_pcscd(self):
        control = os.path.join(os.environ["MADOGUCHI_PCSCD_DIR"], "private-pcscd-ctl")
        self.assertEqual(run(control, "stop").returncode, 0)
        self.assertNotEqual(run("opensc-tool", "-r", "0", "-n").returncode, 0)
        self.assertEqual(run(control, "start").returncode, 0)
        self.wait_for_card(True)
        self.assertEqual(run("opensc-tool", "-r", "0", "-n").stdout, b"jpki\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
