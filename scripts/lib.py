# SPDX-License-Identifier: MIT
"""lib.py - lib.sh for the scripts in Python."""
import subprocess


def sources(*patterns):
    """The files of the tree, as lib.sh lists them."""
    return subprocess.run(
        ["sh", "-c", '. scripts/lib.sh; sources "$@"', "scripts/x", *patterns],
        check=True, capture_output=True, text=True).stdout.split()
