# SPDX-License-Identifier: MIT
"""lib.py - what the checks in Python share; lib.sh is for the others."""
import os
import shutil
import subprocess
import sys


def need(*tools):
    """Ends the check with status 77 if a tool is missing."""
    for tool in tools:
        if shutil.which(tool) is None:
            print(f"missing tool: {tool} (scripts/setup installs it)",
                  file=sys.stderr)
            sys.exit(77)


def build(preset, *targets, configured=False):
    """Builds targets of a preset.  `configured`: does not configure an existing
    build tree again, because its tests may be running."""
    need("cmake", "ninja")
    commands = [["cmake", "--build", "--preset", preset, "--target", *targets]]
    if not (configured and os.path.exists(f"build/{preset}/CMakeCache.txt")):
        commands.insert(0, ["cmake", "--preset", preset])
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, check=False)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
