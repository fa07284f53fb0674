#!/usr/bin/env python3
"""Walks docs/ui-author.md: makes the stubs as it says, and runs its screen against played checks.

  ui_author_test.py TREE MADOGUCHID
"""

import os
import pathlib
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest

TREE, MADOGUCHID = pathlib.Path(sys.argv[1]), sys.argv[2]
SCREEN = TREE / "sdk/example/screen.py"
DOCUMENT = (TREE / "docs/ui-author.md").read_text(encoding="utf-8")
PATIENCE_S = 30


def block(language):
    return re.search(rf"^```{language}\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE).group(1)


class Program:
    """A process whose lines are read, and which ends with the test."""

    def __init__(self, *command, **more):
        self.process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, encoding="utf-8", **more)
        self.said, self._lines = [], queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        # A question stands at the end of what was said, without an end of line.
        text = ""
        while byte := self.process.stdout.read(1):
            text += byte
            if byte == "\n" or text.endswith("? ") or text.endswith("closes. "):
                self._lines.put(text)
                text = ""
        self._lines.put(text + "(ended)")
        self._lines.put(None)

    def wait(self, pattern):
        """The first line from here on that `pattern` is found in."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                line = self._lines.get(timeout=max(until - time.monotonic(), 0))
            except queue.Empty:
                line = None
            if line is None:
                raise AssertionError(f"no {pattern!r} in {''.join(self.said)}")
            self.said.append(line)
            if re.search(pattern, self.said[-1]):
                return self.said[-1]

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end(self):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.process.stdin.close()
        self.process.stdout.close()


class UiAuthor(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        made = subprocess.run(
            ["bash", "-ec", block("sh") + 'printf %s "$PYTHONPATH"'], cwd=TREE, check=True,
            env=os.environ | {"TMPDIR": cls.folder.name}, stdout=subprocess.PIPE, text=True)
        cls.environment = os.environ | {"PYTHONPATH": made.stdout, "LANG": "C.UTF-8",
                                        "PYTHONDONTWRITEBYTECODE": "1"}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def play(self, *scripts):
        host = Program(MADOGUCHID, "--play", *scripts, "--speed", "20")
        self.addCleanup(host.end)
        host.wait("nothing here is real")
        self.socket = host.wait("^socket ").split()[1]
        host.wait("^ready$")
        return self.screen("staff"), self.screen("patient")

    def screen(self, role, **more):
        screen = Program(sys.executable, SCREEN, self.socket, role,
                         env=self.environment | more)
        self.addCleanup(screen.end)
        screen.wait("nothing-is-real")
        return screen

    def begin(self, staff, method):
        staff.wait(rf"\b{method}\b.*\? $")
        staff.say(method)

    def test_the_document_quotes_the_file(self):
        self.assertEqual(block("python"), SCREEN.read_text(encoding="utf-8"))

    def test_it_is_short(self):
        self.assertLess(len(SCREEN.read_text(encoding="utf-8").splitlines()), 80)

    def test_eligible_by_pin_and_again(self):
        staff, patient = self.play("eligible-pin")
        for _ in range(2):
            self.begin(staff, "pin")
            patient.wait("PIN. $")
            patient.say("5678")
            staff.wait("OUTCOME_ELIGIBLE 試験　花子")
            # The patient's screen sees that it is done, and not whose insurance it is.
            self.assertNotIn("試験", patient.wait("OUTCOME_ELIGIBLE"))
            # Only then is the next card the next patient's.
            patient.wait("The check is done. (?!Please take the card)")
            staff.wait("closes")
            staff.say("")

    def test_wrong_pin_then_right(self):
        staff, patient = self.play("wrong-pin")
        self.begin(staff, "pin")
        patient.wait("PIN. $")
        patient.say("1111")
        patient.wait("2 tries left, that PIN was wrong")
        patient.wait("PIN. $")
        patient.say("5678")
        staff.wait("OUTCOME_ELIGIBLE")

    def test_a_pin_of_another_form_is_asked_again(self):
        staff, patient = self.play("eligible-pin")
        self.begin(staff, "pin")
        patient.wait("PIN. $")
        patient.say("12")
        patient.wait("FAILURE_CODE_PIN_FORM .*")
        patient.wait("PIN. $")
        patient.say("1234")
        staff.wait("OUTCOME_ELIGIBLE")

    def test_last_try(self):
        staff, patient = self.play("last-try-blocks")
        self.begin(staff, "pin")
        patient.wait("PIN. $")
        patient.say("5678")
        patient.wait("y/n")
        patient.say("y")
        staff.wait("OUTCOME_CANNOT_TELL .*PIN_BLOCKED")

    def test_eligible_by_photo(self):
        staff, patient = self.play("eligible-visual")
        self.begin(staff, "visual")
        patient.wait("looking at the photo")
        staff.wait("y/n")
        staff.say("y")
        staff.wait("OUTCOME_ELIGIBLE")

    def test_questions_of_a_policy(self):
        staff, patient = self.play("question")
        self.begin(staff, "ask")
        staff.wait("yes .Yes./no .No.")
        staff.say("yes")
        patient.wait("Birth date. $")
        patient.say("1980")  # Eight digits are asked for.
        patient.wait("Note. $")
        patient.say("")
        patient.wait("send")
        patient.say("send")
        patient.wait("REQUEST_INVALID")
        patient.wait("Birth date. $")
        patient.say("19800217")
        patient.wait("Note. $")
        patient.say("")
        patient.wait("send")
        patient.say("send")
        staff.wait("y/n")
        staff.say("y")
        staff.wait("OUTCOME_ELIGIBLE")

    def test_a_card_from_before(self):
        staff, patient = self.play("eligible-same-card")
        self.begin(staff, "pin")
        patient.wait("PIN. $")
        patient.say("5678")
        staff.wait("y/n")
        staff.say("y")
        staff.wait("OUTCOME_ELIGIBLE")

    def test_which_card(self):
        staff, patient = self.play("eligible-which-card")
        self.begin(staff, "pin")
        patient.wait("PIN. $")
        patient.say("5678")
        staff.wait("play/Played Reader/play/Played Reader 2. $")
        staff.say("play/Played Reader 3")
        staff.wait("REQUEST_INVALID")
        staff.wait("play/Played Reader 2. $")
        staff.say("play/Played Reader 2")
        staff.wait("OUTCOME_ELIGIBLE")

    def test_a_failure_has_its_code_and_its_advice(self):
        staff, patient = self.play("card-gone")
        self.begin(staff, "pin")
        patient.wait("PIN. $")
        patient.say("5678")
        staff.wait("OUTCOME_CANNOT_TELL .*CARD_GONE")

    def test_what_plays_can_reach_nothing_real_and_the_host_plays_nothing(self):
        def symbols(program):
            return subprocess.run(["nm", "-C", program], check=True, stdout=subprocess.PIPE,
                                  text=True).stdout
        real, played = symbols(MADOGUCHID), symbols(pathlib.Path(MADOGUCHID).parent / "madoguchi-play")
        for what, there, absent in (("madoguchi::PluginReaders", real, played),
                                    ("madoguchi::PluginAuthority", real, played),
                                    ("madoguchi::sim::Card", played, real)):
            self.assertIn(what, there)
            self.assertNotIn(what, absent)

    def test_in_japanese(self):
        self.play("eligible-pin")
        patient = self.screen("patient", LANG="ja_JP.UTF-8")
        self.assertIn("受付", "".join(patient.said))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
