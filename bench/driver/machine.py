# SPDX-License-Identifier: MIT
"""machine - what a figure was measured on, and with what."""
import datetime
import os
import platform
import re
import shutil
import subprocess

from . import run


def first_match(pattern, text, fallback="unknown"):
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1).strip() if found else fallback


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def output(*command):
    if shutil.which(command[0]) is None:
        return ""
    done = subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.stdout


def library_version(name):
    """The version of the package that a library is of, or what its file's
    name says."""
    path = run.find_library(name)
    if path is None:
        return None
    owner = output("dpkg-query", "--search", path).split(":")[0]
    packaged = owner and output("dpkg-query", "--show",
                                "--showformat=${Version}", owner)
    return packaged or os.path.basename(path).split(".so.")[-1]


def package_version(package):
    said = output("pkg-config", "--modversion", package).strip()
    return said if said[:1].isdigit() else None


def versions():
    found = {
        "kernel": platform.release(),
        "libc": " ".join(platform.libc_ver()),
        "compiler": output("cc", "--version").split("\n")[0],
        "liblz4": package_version("liblz4"),
        "libzstd": package_version("libzstd"),
        "jemalloc": library_version(run.PRELOADS["jemalloc"]),
        "mimalloc": library_version(run.PRELOADS["mimalloc"]),
        "tcmalloc": library_version(run.PRELOADS["tcmalloc"]),
        "rocksdb": package_version("rocksdb"),
        "nbdkit": output("nbdkit", "--version").strip().split(" ")[-1],
        "fio": output("fio", "--version").strip().removeprefix("fio-"),
    }
    return {name: version for name, version in found.items() if version}


def stolen_ticks():
    """Processor time that the hypervisor gave to other guests."""
    words = read("/proc/stat").split("\n")[0].split()
    return int(words[8]) if len(words) > 8 else 0


def revision():
    """The last commit that changed the library; whether the tree differs."""
    parts = ("--", "src/*.c", "src/*.h")
    return (output("git", "log", "-1", "--format=%h", *parts).strip() +
            ("-dirty" if output("git", "status", "--porcelain", *parts)
             else "")) or "unknown"


def describe():
    memory = int(first_match(r"^MemTotal:\s+(\d+)", read("/proc/meminfo"), "0"))
    cpuinfo = read("/proc/cpuinfo")
    return {
        "revision": revision(),
        "processor": first_match(r"^model name\s*:(.*)$", cpuinfo,
                                 platform.machine()),
        "processors": os.cpu_count(),
        "virtual": "hypervisor" in cpuinfo,
        "memory_gib": round(memory / 1048576, 1),
        "date": datetime.date.today().isoformat(),
        "load_average": round(os.getloadavg()[0], 2),
        "versions": versions(),
    }


def available_bytes():
    return 1024 * int(first_match(r"^MemAvailable:\s+(\d+)",
                                  read("/proc/meminfo"), "0"))
