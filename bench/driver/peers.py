# SPDX-License-Identifier: MIT
"""peers - nbdkit's memory plugin with zstd, driven by nbdcopy and fio."""
import filecmp
import glob
import json
import os
import random
import shutil
import subprocess
import tempfile
import time

from . import run

PAGE = 4096
NEEDED = ("nbdkit", "nbdcopy", "fio")


def write_image(corpus, limit, path, seed):
    """The corpus as one disk; with a seed, its pages in another order."""
    pages = []
    for name in sorted(glob.glob(corpus + "/*.pages")):
        with open(name, "rb") as file:
            data = file.read(limit * PAGE if limit else -1)
        pages += [data[at:at + PAGE] for at in range(0, len(data), PAGE)]
    if seed:
        random.Random(seed).shuffle(pages)
    with open(path, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(b"".join(pages))
    return len(pages)


def fio(uri, mode, jobs, *arguments):
    """Mean, p50, p99, p99.9 of single requests and requests a second."""
    done = subprocess.run(
        ["fio", "--name=bench", "--ioengine=nbd", f"--uri={uri}",
         f"--rw={mode}", "--bs=4k", "--iodepth=1", f"--numjobs={jobs}",
         "--group_reporting", "--output-format=json",
         "--percentile_list=50:99:99.9", "--randrepeat=1", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    text = done.stdout
    job = json.loads(text[text.index("{"):])["jobs"][0]
    side = job[{"randread": "read", "randwrite": "write",
                "randtrim": "trim"}[mode]]
    times = side["clat_ns"]
    return {"mean_ns": times["mean"], "p50_ns": times["percentile"]["50.000000"],
            "p99_ns": times["percentile"]["99.000000"],
            "p999_ns": times["percentile"]["99.900000"],
            "max_ns": times["max"], "per_second": side["iops"]}


def drive(uri, pid, image, folder, pages, seconds, result):
    timed = ("--time_based", f"--runtime={seconds}")
    resident, phases = result["resident"], result["phases"]
    ready = run.anonymous_bytes(pid)

    def copy(source, target):
        subprocess.run(["nbdcopy", source, target], check=True)

    def look(phase):
        resident[phase] = run.anonymous_bytes(pid) - ready

    copy(image(0), uri)
    look("fill")
    phases["fill"] = {"pages": pages, "load": fio(uri, "randread", 1, *timed),
                      "load_two": fio(uri, "randread", 2, *timed)}
    for seed in (1, 2, 3):
        copy(image(seed), uri)
    look("overwrite")
    look("overwrite_compacted")
    copy(uri, folder + "/back")
    result["mismatches"] = 0 if filecmp.cmp(folder + "/back", image(3),
                                            shallow=False) else 1
    phases["overwrite"] = phases["overwrite_compacted"] = {"pages": pages}
    fio(uri, "randtrim", 1, f"--io_size={pages // 2 * PAGE}")
    look("half")
    look("half_compacted")
    phases["half"] = phases["half_compacted"] = {"pages": pages - pages // 2}
    phases["fill"]["store"] = fio(
        uri, "randwrite", 1, "--buffer_compress_percentage=60",
        "--refill_buffers", *timed)


def nbdkit(corpus, limit, seconds):
    for tool in NEEDED:
        if shutil.which(tool) is None:
            raise run.Skipped(f"{tool} is not installed")
    with tempfile.TemporaryDirectory(prefix="zcache-bench-") as folder:
        made = {}

        def image(seed):
            if seed not in made:
                path = f"{folder}/image{seed}"
                made[seed] = write_image(corpus, limit, path, seed)
            return f"{folder}/image{seed}"

        image(0)
        socket = folder + "/socket"
        server = subprocess.Popen(
            ["nbdkit", "--foreground", "--exit-with-parent", "--unix", socket,
             "memory", f"size={made[0] * PAGE}", "allocator=zstd"])
        result = {"backend": "nbdkit", "phases": {}, "resident": {}}
        try:
            for _ in range(100):
                if os.path.exists(socket):
                    break
                time.sleep(0.05)
            drive(f"nbd+unix:///?socket={socket}", server.pid, image, folder,
                  made[0], seconds, result)
        finally:
            server.terminate()
            server.wait()
    return result
