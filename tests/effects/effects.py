# SPDX-License-Identifier: MIT
"""effects.py - tests by effect of a program: a table of all its options.

A row names a command and an option, two values A and B, what is observed with
each, and why that is right; see effects.h.  A, B and A again are observed: what
is right of (A, B) must be wrong of (A, A) and of (B, A).  What is observed comes
from outside the program where that is possible: from system calls that strace
saw, from files, from other programs, or from arithmetic over what the test itself
put in.

A script that uses this is run as SCRIPT PROGRAM [ARG...] [--list | NAME...].
--list prints each row's name and values, which ./every_option compares
with the options that there are.
"""
import collections
import concurrent.futures
import faulthandler
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

Row = collections.namedtuple("Row", "name a b observe right why")
Sight = collections.namedtuple("Sight", "status out err seconds")
rows = []
PATIENCE = 100
ROW_PATIENCE = 300  # then the row that hangs says where it stands


class Skip(Exception):
    """This cannot be observed here."""


def row(name, a, b, observe, right, why):
    """`name` is "COMMAND --option"; right(what A gave, what B gave)."""
    rows.append(Row(name, a, b, observe, right, why))


def equal(for_a, for_b):
    return lambda a, b: a == for_a and b == for_b


def nearly(for_a, for_b, part=0.05):
    """Each within a part of its number."""
    return lambda a, b: (abs(a - for_a) <= part * for_a and
                         abs(b - for_b) <= part * for_b)


def times_less(factor):
    """A is less than B by that factor or more."""
    return lambda a, b: b > 0 and a * factor <= b


def times_more(factor):
    return lambda a, b: a > 0 and b * factor <= a


def need(tool):
    if shutil.which(tool) is None:
        raise Skip(f"there is no {tool} (scripts/setup installs it)")


def least(measure, enough):
    """What was measured, if that is at most enough; else the least of a few
    times: what a busy machine adds says nothing."""
    best = measure()
    for _ in range(4):
        if best <= enough:
            break
        best = min(best, measure())
    return best


def most(measure, enough):
    """The same the other way: a busy machine lets a program do less."""
    return -least(lambda: -measure(), -enough)


# --- running programs --------------------------------------------------

# A leak checker and a tracer both want to be the only one.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")


def run(*words, status=0, cwd=None, env=None):
    """The program's words are given whole; None is any status."""
    began = time.monotonic()
    done = subprocess.run([str(word) for word in words], capture_output=True,
                          cwd=cwd, env=dict(ENVIRONMENT, **(env or {})),
                          timeout=PATIENCE, check=False,
                          stdin=subprocess.DEVNULL)
    seconds = time.monotonic() - began
    out = done.stdout.decode("utf-8", "replace")
    err = done.stderr.decode("utf-8", "replace")
    if status is not None and done.returncode != status:
        raise AssertionError(f"{' '.join(map(str, words))}: exit status "
                             f"{done.returncode}: {err[-300:]}")
    return Sight(done.returncode, out, err, seconds)


def calls(names, *words, status=0, **more):
    """The system calls of these names, one line each, as strace saw them."""
    need("strace")
    with tempfile.NamedTemporaryFile("r", encoding="utf-8",
                                     errors="replace") as log:
        seen = run("strace", "-f", "--seccomp-bpf", "-qq", "-s", "8", "-e", "signal=none",
                   "-e", f"trace={names}", "-o", log.name, *words,
                   status=None, **more)
        lines = log.read().splitlines()
    if "ptrace" in seen.err and "permitted" in seen.err:
        raise Skip("strace may not trace")
    assert status is None or seen.status == status, seen.err[-300:]
    return lines


def threads(*words, **more):
    """Threads that the program started."""
    return sum("CLONE_THREAD" in line and "resumed" not in line
               for line in calls("clone,clone3", *words, **more))


def children(*words, **more):
    """Children of the program: all, and the most that lived at one time."""
    root, alive, born, most = None, set(), 0, 0
    for line in calls("clone,clone3,fork,vfork,exit_group", *words, **more):
        process = line.split()[0]
        root = root or process
        started = re.search(r"= (\d+)$", line)
        if "exit_group" in line:
            alive.discard(process)
        elif process == root and started and "CLONE_THREAD" not in line:
            alive.add(started.group(1))
            born += 1
            most = max(most, len(alive))
    return born, most


# --- the three judgements -----------------------------------------------

def sights(this, *values):
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(this.observe, value) for value in values]
        return [future.result() for future in futures]


def short(thing):
    text = str(thing)
    return text if len(text) <= 70 else text[:67] + "..."


def run_row(this):
    """A, B and A once more are observed: what is right of A and B must be wrong
    of A and A, and of B and A."""
    where = f"{this.name}, A = {this.a}, B = {this.b}"
    try:
        a, b, again = sights(this, this.a, this.b, this.a)
    except Skip as skip:
        print(f"SKIPPED: {where}: {skip}")
        return "skipped"
    except Exception as error:  # pylint: disable=broad-except
        print(f"FAIL: {where}: {type(error).__name__}: {error}")
        return "failed"
    for name, first, second, must in (("(A, B)", a, b, True),
                                      ("(A, A)", a, again, False),
                                      ("(B, A)", b, again, False)):
        if bool(this.right(first, second)) != must:
            print(f"FAIL: {where}: {name} must "
                  f"{'pass, and fails' if must else 'fail, and passes'}: saw "
                  f"{short(first)} and {short(second)}: {this.why}")
            return "failed"
    return "held"


def main(names):
    if names == ["--list"]:
        for this in rows:
            print(this.name, this.a, this.b, sep="\t")
        return 0
    counts = collections.Counter()
    for this in rows:
        if not names or any(name in this.name for name in names):
            began = time.monotonic()
            faulthandler.dump_traceback_later(ROW_PATIENCE, exit=True)
            counts[run_row(this)] += 1
            faulthandler.cancel_dump_traceback_later()
            if os.environ.get("EFFECTS_TIMES"):
                print(f"{time.monotonic() - began:5.1f} s {this.name}")
            sys.stdout.flush()
    print(f"{counts['held']} rows hold in their three judgements, "
          f"{counts['failed']} fail, {counts['skipped']} SKIPPED")
    return 1 if counts["failed"] or not counts else 0


def parse(text):
    return json.loads(text)
