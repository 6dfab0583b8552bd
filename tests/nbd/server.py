# SPDX-License-Identifier: MIT
"""server - what the tests of the nbdkit plug-in share: an nbdkit with it, and
a client that speaks the NBD protocol itself, to send what it likes."""
import errno
import os
import random
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

PLUGIN = sys.argv[1]
PAGE = 4096
READ, WRITE, DISCONNECT, FLUSH, TRIM, BLOCK_STATUS, ZEROES = 0, 1, 2, 3, 4, 7, 6
FUA, NO_HOLE = 1, 2
SENT_ERRNO = {1: errno.EPERM, 5: errno.EIO, 12: errno.ENOMEM,
              22: errno.EINVAL, 28: errno.ENOSPC}
failures = 0


def fail(text):
    global failures
    failures += 1
    print("FAIL:", text)
    if failures > 20:
        sys.exit(1)


def check(condition, text):
    if not condition:
        fail(text)


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            print(f"SKIPPED: {tool} is not installed (scripts/setup has some "
                  "of them; fio is the package fio)")
            sys.exit(77)


def noise(seed, size=PAGE):
    return random.Random(seed).randbytes(size)


def text(seed, size=PAGE):
    """Bytes that compress."""
    return (f"{seed} and much the same everywhere, ".encode() * size)[:size]


def at_once(*functions):
    """Runs them side by side; what one raises is raised here."""
    raised = []

    def call(function):
        try:
            function()
        except BaseException as error:  # pylint: disable=broad-except
            raised.append(error)

    threads = [threading.Thread(target=call, args=(function,))
               for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


class Server:
    """nbdkit with the plug-in; `file_bytes`: no file of it gets longer."""

    def __init__(self, *words, file_bytes=None):
        need("nbdkit")
        self.folder = tempfile.mkdtemp(prefix="zcache-nbd-")
        self.socket = self.folder + "/socket"
        self.log = open(self.folder + "/log", "w+", encoding="utf-8")
        self.uri = f"nbd+unix:///?socket={self.socket}"

        def limit():
            if file_bytes is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE,
                                   (file_bytes, file_bytes))

        self.process = subprocess.Popen(
            ["nbdkit", "--foreground", "--exit-with-parent", "--verbose",
             "--unix", self.socket, PLUGIN,
             *(word.replace("FOLDER", self.folder) for word in words)],
            stderr=self.log, stdin=subprocess.DEVNULL, preexec_fn=limit)
        while not os.path.exists(self.socket):
            if self.process.poll() is not None:
                self.log.seek(0)
                sys.exit("nbdkit ends: " + self.log.read())
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.process.kill()
            self.process.wait()
            return
        alive = self.process.poll() is None
        check(alive, f"nbdkit has ended: {self.process.returncode}")
        self.process.terminate()
        status = self.process.wait()
        check(not alive or status == 0, f"nbdkit ends with {status}")
        shutil.rmtree(self.folder)

    def client(self):
        return Client(self.socket)

    def said(self):
        """The figures that the plug-in has said, when a client went."""
        with open(self.folder + "/log", encoding="utf-8",
                  errors="replace") as log:
            return re.findall(r"zcache: (pages=.*)\n", log.read())

    def figures(self):
        """What the plug-in has now, as a dictionary."""
        client, before = self.client(), len(self.said())
        client.close()
        while len(self.said()) <= before:
            time.sleep(0.02)
        return {key: int(value) for key, value in
                (word.split("=") for word in self.said()[-1].split())}


class Client:
    """One connection.  A request returns (errno or 0, what it answers)."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.cookie = 0
        self.lock = threading.Lock()
        magic, option, _ = struct.unpack(">8s8sH", self.take(18))
        assert (magic, option) == (b"NBDMAGIC", b"IHAVEOPT")
        self.socket.sendall(struct.pack(">I", 3))  # fixed newstyle, no zeroes
        self.option(8)  # structured replies
        context = b"base:allocation"
        self.option(10, struct.pack(">III", 0, 1, len(context)) + context)
        self.size = 0
        self.option(7, struct.pack(">IH", 0, 0))  # go

    def take(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the server has closed the connection")
            data += more
        return data

    def option(self, number, data=b""):
        self.socket.sendall(b"IHAVEOPT" + struct.pack(">II", number, len(data))
                            + data)
        while True:
            _, _, kind, length = struct.unpack(">QIII", self.take(20))
            answer = self.take(length)
            if kind >> 31:
                raise OSError(f"option {number}: {kind:#x}")
            if number == 7 and kind == 3 and answer[:2] == b"\0\0":
                self.size, self.flags = struct.unpack(">QH", answer[2:])
            if kind == 1:
                return

    def send(self, command, offset=0, length=0, data=b"", flags=0):
        self.cookie += 1
        self.socket.sendall(struct.pack(
            ">IHHQQI", 0x25609513, flags, command, self.cookie, offset, length)
            + data)
        return self.cookie

    def receive(self):
        """The whole reply of one request: (cookie, errno, [(offset, data)],
        extents)."""
        code, data, extents, done = 0, [], [], False
        while not done:
            if struct.unpack(">I", self.take(4))[0] == 0x67446698:
                code, cookie = struct.unpack(">IQ", self.take(12))
                break
            flags, kind, cookie, length = struct.unpack(">HHQI", self.take(16))
            body, done = self.take(length), flags & 1
            if kind == 1:
                data.append((struct.unpack(">Q", body[:8])[0], body[8:]))
            elif kind == 2:
                offset, count = struct.unpack(">QI", body)
                data.append((offset, bytes(count)))
            elif kind == 5:
                extents += struct.iter_unpack(">II", body[4:])
            elif kind & 0x8000:
                code = struct.unpack(">I", body[:4])[0]
        return cookie, SENT_ERRNO.get(code, code), data, extents

    def request(self, *words, **more):
        with self.lock:
            sent = self.send(*words, **more)
            cookie, code, data, extents = self.receive()
        assert cookie == sent
        return code, data, extents

    def read(self, offset, length):
        code, data, _ = self.request(READ, offset, length)
        return code, b"".join(part for _, part in sorted(data))

    def write(self, offset, data, flags=0):
        return self.request(WRITE, offset, len(data), data, flags)[0]

    def trim(self, offset, length):
        return self.request(TRIM, offset, length)[0]

    def zero(self, offset, length, flags=0):
        return self.request(ZEROES, offset, length, flags=flags)[0]

    def extents(self, offset, length):
        """[(bytes, is hole)], without neighbours of one kind."""
        code, _, found = self.request(BLOCK_STATUS, offset, length)
        assert code == 0
        merged = []
        for count, flags in found:
            assert flags in (0, 3)
            if merged and merged[-1][1] == (flags == 3):
                merged[-1] = (merged[-1][0] + count, flags == 3)
            else:
                merged.append((count, flags == 3))
        return merged

    def close(self):
        self.send(DISCONNECT)
        self.socket.close()

    def reset(self):
        """Goes without a word, as a process that is killed."""
        self.socket.close()


def finish():
    sys.exit(1 if failures else 0)
