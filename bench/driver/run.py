# SPDX-License-Identifier: MIT
"""run - starts the benchmark programs, one backend a process, and looks at the
memory of each from outside."""
import json
import os
import subprocess

SKIPPED = 77
PRELOADS = {"jemalloc": "libjemalloc.so.2", "mimalloc": "libmimalloc.so.2",
            "tcmalloc": "libtcmalloc_minimal.so.4"}


class Skipped(Exception):
    """This machine cannot do what was asked for."""


def anonymous_bytes(pid):
    """Resident anonymous memory, less the pages that the process has given up
    with MADV_FREE and that the system has not taken yet."""
    fields = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                fields[words[0]] = int(words[1]) * 1024
    return fields["Anonymous:"] - fields["LazyFree:"]


class Bench:
    """The programs of one build over one corpus, or over generated pages."""

    def __init__(self, folder, corpus=None, limit=0):
        self.folder = folder
        self.pages = ["--corpus", corpus] if corpus else []
        if limit:
            self.pages += ["--limit", str(limit)]

    def has(self, name):
        return os.path.exists(f"{self.folder}/bench_{name}")

    def run(self, name, *arguments):
        """Runs a program without measuring its memory; returns its JSON."""
        command = [f"{self.folder}/bench_{name}", *self.pages, *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode == SKIPPED:
            raise Skipped(done.stderr.strip().removeprefix("bench: "))
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: status "
                               f"{done.returncode}\n{done.stderr}")
        return json.loads(done.stdout)

    def stores(self, backend, preload=None, seed=0):
        """One store through all phases; resident bytes at each, as the
        difference to those before the first page, in result["resident"]."""
        program = "stores_rocksdb" if backend == "rocksdb" else "stores"
        if not self.has(program):
            raise Skipped(f"bench_{program} was not built: no C++ compiler "
                          "or no librocksdb")
        environment = dict(os.environ)
        if preload:
            environment["LD_PRELOAD"] = preload
        command = [f"{self.folder}/bench_{program}", *self.pages, "--wait",
                   "--backend", backend, "--seed", str(seed)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True,
                                   env=environment)
        resident, result = {}, None
        try:
            for line in process.stdout:
                if line.startswith("phase "):
                    resident[line.split()[1]] = anonymous_bytes(process.pid)
                    process.stdin.write("go\n")
                    process.stdin.flush()
                else:
                    result = json.loads(line)
            errors = process.stderr.read()
        finally:
            process.stdin.close()
            process.wait()
        if process.returncode == SKIPPED:
            raise Skipped(errors.strip().removeprefix("bench: "))
        if process.returncode != 0 or "cannot be preloaded" in errors:
            raise RuntimeError(f"{' '.join(command)}: status "
                               f"{process.returncode}\n{errors}")
        ready = resident.pop("ready")
        result["resident"] = {phase: bytes_ - ready
                              for phase, bytes_ in resident.items()}
        return result


def find_library(name):
    """The path that the loader would take for it, or None."""
    listing = subprocess.run(["/sbin/ldconfig", "-p"], stdout=subprocess.PIPE,
                             text=True, check=False).stdout
    for line in listing.splitlines():
        words = line.split()
        if words and words[0] == name:
            return os.path.realpath(words[-1])
    return None
