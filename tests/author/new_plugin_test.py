#!/usr/bin/python3
"""What the generator writes and what it refuses. new_plugin_test.py PROGRAM"""

import pathlib
import subprocess
import sys
import tempfile
import unittest

PROGRAM = pathlib.Path(sys.argv.pop()).resolve()
TEMPLATES = PROGRAM.parent / "templates"


class NewPlugin(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def run_it(self, *arguments):
        return subprocess.run([PROGRAM, *arguments], cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20)

    def refused(self, expected, *arguments):
        before = sorted(self.folder.rglob("*"))
        done = self.run_it(*arguments)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(expected, done.stderr)
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_the_template_is_the_plugin_of_its_name(self):
        for kind in ("reader", "policy", "authority"):
            self.assertEqual(self.run_it(f"my_{kind}", "--kind", kind).returncode, 0)
            for path in (TEMPLATES / kind).iterdir():
                self.assertEqual((self.folder / f"my_{kind}" / path.name).read_bytes(),
                                 path.read_bytes())

    def test_name_and_maker_stand_everywhere(self):
        (self.folder / "in").mkdir()
        done = self.run_it("reader_of_9", "--kind", "reader", "--maker", "窓口 & Co", "--into", "in")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = {path.name: path.read_text(encoding="utf-8")
                for path in (self.folder / "in/reader_of_9").iterdir()}
        self.assertIn('name: "reader_of_9"', text["plugin.textproto"])
        self.assertIn('maker: "窓口 & Co"', text["plugin.textproto"])
        self.assertIn("class Of9Reader final", text["reader.h"])
        for words in ("my_reader", "MyReader", "Unnamed maker"):
            for name, whole in text.items():
                self.assertNotIn(words, whole, name)

    def test_a_class_is_named_whatever_the_plugin_is(self):
        for name, expected in (("policy", "MyPolicy"), ("policy_9", "My9Policy"),
                               ("evidence", "EvidencePolicy"), ("a__b", "ABPolicy"),
                               ("int", "IntPolicy")):
            self.assertEqual(self.run_it(name, "--kind", "policy").returncode, 0)
            self.assertIn(f"class {expected} final",
                          (self.folder / name / "policy.h").read_text(encoding="utf-8"))

    def test_refusals_say_what_was_expected(self):
        form = "expected a lower-case letter, then up to 31 of a-z, 0-9 and _"
        for name in ("", "9a", "Reader", "a-b", "a/b", "../a", "a" * 33, "読", "a\n"):
            self.refused(form, name, "--kind", "reader")
        self.refused("which CMake keeps for itself", "test", "--kind", "policy")
        self.refused("expected reader, policy or authority", "a", "--kind", "screen")
        self.refused("--kind", "a")
        self.refused("expected one that is there", "a", "--kind", "reader", "--into", "nowhere")
        for maker in ("", 'a"b', "a\\b", "a\nb", "m" * 65):
            self.refused("the maker is", "a", "--kind", "reader", "--maker", maker)

    def test_nothing_is_overwritten(self):
        self.assertEqual(self.run_it("mine", "--kind", "policy").returncode, 0)
        self.refused("mine is there already", "mine", "--kind", "reader")
        (self.folder / "link").symlink_to("nowhere")
        self.refused("link is there already", "link", "--kind", "reader")

    def test_the_longest_name(self):
        self.assertEqual(self.run_it("a" * 32, "--kind", "authority").returncode, 0)


if __name__ == "__main__":
    unittest.main()
