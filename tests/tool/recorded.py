#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""recorded.py NAME FOLDER - writes a recorded tree of trees/ to FOLDER."""
import os
import sys

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trees")


def read(name):
    """Path -> contents."""
    files, path = {}, None
    with open(os.path.join(HERE, name), encoding="ascii") as tree:
        for line in tree:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "like":
                files.update(read(rest))
            elif word == "--":
                for other in [other for other in files if
                              (other + "/").startswith(rest + "/")]:
                    del files[other]
            elif word == "==":
                path = rest
                files[path] = ""
            elif path is not None:
                files[path] += line
    return files


def write(files, folder):
    for path, text in files.items():
        whole = os.path.join(folder, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="ascii") as file:
            file.write(text)


if __name__ == "__main__":
    write(read(sys.argv[1]), sys.argv[2])
