# SPDX-License-Identifier: MIT
"""said.py - what the checkers of JSON share.

One is run as CHECKER FILE [EXPRESSION...], or as CHECKER --list LIST: LIST has
any number of these, each word ends with a NUL and each of them with an empty
word.  Then python starts once for all that a test asks."""
import json
import sys

failures = 0


def expect(truth, what):
    global failures
    if not truth:
        failures += 1
        print("not so: " + what, file=sys.stderr)


def judge(names_of, path, *expressions):
    """names_of() expects what is promised of a document, and gives the names
    that expressions may use."""
    before = failures
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        names = names_of(json.loads(text))
        for expression in expressions:
            expect(eval("(" + expression + ")", names), expression)
    except Exception as error:  # pylint: disable=broad-except
        expect(False, f"{type(error).__name__}: {error}: {expressions}")
    if failures != before:
        print(f"in {path}: {text}", file=sys.stderr)


def main(names_of):
    calls = [sys.argv[1:]]
    if sys.argv[1] == "--list":
        with open(sys.argv[2], encoding="utf-8",
                  errors="surrogateescape") as file:
            calls = [call.split("\0") for call in
                     file.read().split("\0\0")[:-1]]
    for call in calls:
        judge(names_of, *call)
    sys.exit(1 if failures else 0)
