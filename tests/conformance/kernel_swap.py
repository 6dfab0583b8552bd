# SPDX-License-Identifier: MIT
"""What the tests that drive the running zswap share: it works on a swap file of
our own, and everything is as before at the end, also after a failure or a
signal: zswap off, its parameters, no swap file, debugfs not mounted where it was
not.  Where zswap or swap is in use already, nothing is touched."""
import ctypes
import fcntl
import glob
import mmap
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile

PAGE = mmap.PAGESIZE
PARAMETERS = "/sys/module/zswap/parameters/"
DEBUG = "/sys/kernel/debug"
NOHUGEPAGE = 15
PAGEOUT = 21  # MADV_PAGEOUT
PROCESS_MADVISE = 440
libc = ctypes.CDLL(None, use_errno=True)
failures = []


class Skip(Exception):
    pass


def expect(truth, what):
    if not truth:
        failures.append(what)
        print("FAIL:", what, flush=True)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(str(text))


def process_madvise(file, ranges, advice):
    """`file` is a pidfd; a range is an address and a size."""
    vector = (ctypes.c_size_t * (2 * len(ranges)))(*sum(map(list, ranges), []))
    if libc.syscall(PROCESS_MADVISE, file, vector,
                    ctypes.c_size_t(len(ranges)), advice, 0) < 0:
        raise Skip("process_madvise: " + os.strerror(ctypes.get_errno()))


def command(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def counters():
    return {name: int(read(f"{DEBUG}/zswap/{name}"))
            for name in os.listdir(f"{DEBUG}/zswap")}


def vmstat():
    return {name: int(value) for name, value in
            (line.split() for line in read("/proc/vmstat").splitlines())}


def pages_of(*patterns):
    """Pages of these files, again and again."""
    paths = sorted({os.path.realpath(path) for pattern in patterns
                    for path in glob.glob(pattern)}) + [sys.executable]
    while True:
        for path in paths:
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                while len(page := file.read(PAGE)) == PAGE:
                    yield page


def contents(count):
    libraries = pages_of("/usr/lib/*/lib*.so*", "/usr/lib64/lib*.so*",
                         "/lib/lib*.so*", "/usr/lib/lib*.so*")
    texts = pages_of(sysconfig.get_paths()["stdlib"] + "/*.py")
    some = random.randbytes(PAGE)

    def noise(_):
        return random.randbytes(PAGE)

    def part_noise(_):
        return some[:random.randrange(PAGE)].ljust(PAGE, b"\0")

    def one_word(i):
        return (b"\xa5" * 8, b"%08d" % i)[i % 2] * (PAGE // 8)

    def repeated(i):
        return (b"%d lines of the log\n" % i * PAGE)[:PAGE]

    makers = {lambda _: next(libraries): 40, lambda _: next(texts): 15,
              lambda _: bytes(PAGE): 10, noise: 9, part_noise: 10,
              one_word: 6, repeated: 10}
    for i, make in enumerate(random.choices(list(makers), makers.values(),
                                            k=count)):
        yield make(i)


def can_use_zswap():
    if not os.path.exists(PARAMETERS):
        raise Skip("this kernel has no zswap")
    if read(PARAMETERS + "enabled") != "N":
        raise Skip("zswap is on: it is not ours to change")
    if len(read("/proc/swaps").splitlines()) > 1:
        raise Skip("swap is on: its pages are not ours to move")
    for tool in ("mkswap", "swapon", "swapoff", "mount", "umount"):
        if shutil.which(tool) is None:
            raise Skip("there is no " + tool)


def set_parameter(name, value):
    try:
        write(PARAMETERS + name, value)
    except OSError:
        raise Skip(f"zswap has no {name} {value}") from None


def zswap_of_our_own(stack, file_pages, **parameters):
    """zswap over a swap file until the stack ends.  Returns a folder that goes
    then too, with as much room as the swap file takes."""
    lock = stack.enter_context(open(PARAMETERS + "enabled", "rb"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise Skip("another test uses zswap") from None
    for name in ("accept_threshold_percent", "compressor", "max_pool_percent",
                 "shrinker_enabled", "enabled"):
        stack.callback(write, PARAMETERS + name, read(PARAMETERS + name))
    folder = tempfile.mkdtemp(prefix="zcache-swap-", dir="/var/tmp")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    if shutil.disk_usage(folder).free < 2 * file_pages * PAGE:
        raise Skip(f"{folder} has too little room for a swap file")
    path = folder + "/swap"
    with open(path, "wb") as file:
        os.chmod(path, 0o600)
        for _ in range(file_pages // 256 + 1):
            file.write(bytes(256 * PAGE))
    command("mkswap", path)
    if not os.path.ismount(DEBUG):
        command("mount", "-t", "debugfs", "none", DEBUG)
        stack.callback(command, "umount", DEBUG)
    for name, value in {"accept_threshold_percent": 90,
                        "shrinker_enabled": "N", **parameters,
                        "enabled": "Y"}.items():
        set_parameter(name, value)
    if subprocess.run(["swapon", path], check=False).returncode != 0:
        raise Skip(f"no swap file is possible in {folder}")
    stack.callback(command, "swapoff", path)
    return folder


def run(parts):
    """Runs each part as root; does not return."""
    for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: sys.exit(1))
    skipped = 0
    for part in parts:
        try:
            if os.getuid() != 0:
                raise Skip("only root may")
            part()
        except Skip as reason:
            skipped += 1
            print(f"SKIPPED: {part.__name__}: {reason}", flush=True)
    sys.exit(1 if failures else 77 if skipped == len(parts) else 0)
