# SPDX-License-Identifier: MIT
"""report - docs/benchmarks.md from the results of one run."""
import statistics

from . import picture, targets

POINTS = ("fill", "overwrite", "overwrite_compacted", "half",
          "half_compacted")
POINT_TITLES = ("fill", "3x overwrite", "then compacted", "half freed",
                "then compacted")
STORE_TITLES = {
    "dense": "**libzcache dense**", "kernel": "**libzcache kernel**",
    "glibc": "glibc malloc", "jemalloc": "jemalloc", "mimalloc": "mimalloc",
    "tcmalloc": "tcmalloc", "zram": "kernel zram (pool pages)",
    "rocksdb": "RocksDB CompressedSecondaryCache",
    "nbdkit": "nbdkit memory, zstd (32 KiB clusters)"}


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def spread(values, form="{:.3f}"):
    """The median; of several values also the least and the greatest."""
    values = sorted(values)
    text = form.format(statistics.median(values))
    if len(values) > 1 and form.format(values[0]) != form.format(values[-1]):
        text += f" ({form.format(values[0])}..{form.format(values[-1])})"
    return text


def ratio(result):
    """A comparison of rounds.h with its spread."""
    return (f"{result['ratio']:.3f} ({result['ratio_min']:.3f}.."
            f"{result['ratio_max']:.3f})")


# ---- the targets ----

def targets_text(results, instructions):
    rows = list(targets.rows(results, instructions))
    about = instructions["versions"]
    return "\n".join((
        "## Targets\n",
        "A bar counts as met when the whole 95 % interval of "
        f"{targets.RUNS_WANTED} runs lies on its good side; behind it, in "
        "brackets, is what would be better still. One run has no interval: "
        "such a row is missed or open. Exact figures depend on the code alone. "
        "Instructions are those of a call beyond the codec's, by callgrind, "
        "on made-up pages and without link-time optimization: "
        "`scripts/check instructions` refuses a growth of more than 3 %. "
        f"({about['compiler']}, {about['libc']}, liblz4 {about['liblz4']}, "
        f"{about['valgrind']}, {about['processor']}; all calls: "
        "`instructions.json`.)\n",
        table(("what (LZ4, 4 KiB, one thread unless said)", "placement", "bar",
               "measured", "instructions", "met"), rows), ""))


# ---- summary for users ----

PLAIN_TITLES = {"zram": "kernel zram", "rocksdb": "RocksDB secondary cache"}


def plain_title(name):
    return PLAIN_TITLES.get(name, STORE_TITLES[name].replace("**", ""))


def whole_bytes(runs, point):
    """All resident bytes for the pages, with the index of them."""
    phase = runs[0]["phases"][point]
    if runs[0]["backend"] == "zram":  # its table and handles: 16 + 8 bytes
        index = 24 * runs[0]["phases"]["fill"]["pages"]
    else:
        index = phase.get("metadata_bytes", 0)
    return [each + index for each in held_bytes(runs, point)]


def choices(results, payload):
    """(name, runs) of the stores that can be compared: not nbdkit's, which has
    another codec and another unit."""
    if payload:
        yield from ((name, runs) for name, runs in results["stores"].items()
                    if name != "nbdkit")


def mean_us(runs, phase, key):
    return [each["phases"][phase][key]["mean_ns"] / 1e3 for each in runs]


def user_rows(results, payload):
    for name, runs in choices(results, payload):
        title = plain_title(name)
        yield [f"**{title}**" if name in ("dense", "kernel") else title] + [
            f"{statistics.median(whole_bytes(runs, key)) / payload[key]:.3f}"
            for key in ("fill", "overwrite_compacted", "half_compacted")] + [
                f"{statistics.median(mean_us(runs, phase, key)):.1f}"
                for phase, key in (("fill", "store"), ("overwrite", "store"),
                                   ("fill", "load"))]


def picture_text(results):
    """The picture as SVG, or None where there is nothing to show."""
    payload = payload_by_point(results)
    points = []
    for name, runs in choices(results, payload):
        both = [sum(pair) for pair in zip(mean_us(runs, "overwrite", "store"),
                                          mean_us(runs, "fill", "load"))]
        memory = statistics.median(whole_bytes(runs, "overwrite_compacted"))
        points.append((plain_title(name), statistics.median(both), min(both),
                       max(both), memory / payload["overwrite_compacted"],
                       name in ("dense", "kernel")))
    if not points:
        return None
    return picture.draw(
        points, "Memory against time: lower left is better",
        "one store over another page and one load, microseconds",
        "resident bytes / payload, index and all")


def user_text(results):
    payload = payload_by_point(results)
    rows = list(user_rows(results, payload))
    if not rows:
        return ""
    return "\n".join((
        "![memory against time, every store](benchmarks.svg)\n",
        "The same pages in every store, by LZ4. Memory is all that is resident "
        "for each byte that LZ4 makes of the pages, with what finds a page "
        "again; time is the mean of single calls on one thread, in "
        "microseconds. In the picture: after every page was overwritten three "
        "times and the store could compact; lines are the fastest and slowest "
        "of three runs.\n",
        table(("store", "memory: filled", "overwritten, compacted",
               "half freed, compacted", "time: store", "store over", "load"),
              rows), ""))


# ---- the stores side by side ----

def index_bytes(run, point):
    """Our index is in the measured memory of the process; the mallocs' table of
    pointers is mapped before the first page and is not."""
    if run["backend"] not in ("dense", "kernel"):
        return 0
    return run["phases"][point]["metadata_bytes"]


def held_bytes(runs, point):
    """Resident bytes of a store in each run, measured from outside, without the
    index."""
    if runs[0]["backend"] == "zram":
        return [each["phases"][point]["pool_bytes"] for each in runs]
    return [each["resident"][point] - index_bytes(each, point)
            for each in runs]


def index_text(name, runs):
    fill = runs[0]["phases"]["fill"]
    if name in ("rocksdb", "nbdkit"):
        return "inside"
    if name == "zram":
        return "16 + 8, not counted"
    return f"{fill['metadata_bytes'] / fill['pages']:.0f}"


def payload_by_point(results):
    """Compressed bytes of the pages; the same in every store with LZ4."""
    for name in ("glibc", "dense", "kernel"):
        if name in results["stores"]:
            phases = results["stores"][name][0]["phases"]
            return {point: phases[point]["payload_bytes"] for point in POINTS}
    return None


def density_rows(results, payload):
    for name, runs in results["stores"].items():
        row = [STORE_TITLES[name]]
        pages = runs[0]["phases"]["fill"]["pages"]
        row.append(spread([value / pages for value
                           in held_bytes(runs, "fill")], "{:.1f}"))
        row.append(index_text(name, runs))
        for point in POINTS:
            values = held_bytes(runs, point)
            if payload is None or name == "nbdkit":
                first = held_bytes(runs, "fill")
                live = runs[0]["phases"][point]["pages"] / pages
                row.append(spread([a / b / live for a, b
                                   in zip(values, first)], "{:.3f} of fill"))
            else:
                row.append(spread([value / payload[point] for value
                                   in values], "{:.3f}"))
        yield row


def time_rows(results, phase, key):
    for name, runs in results["stores"].items():
        parts = [each["phases"].get(phase, {}).get(key) for each in runs]
        if None in parts:
            continue
        yield [STORE_TITLES[name],
               spread([4096e3 / part["mean_ns"] for part in parts], "{:.0f}"),
               spread([part["p50_ns"] / 1e3 for part in parts], "{:.2f}")] + [
                   spread([part[quantile] / 1e3 for part in parts], "{:.1f}")
                   for quantile in ("p99_ns", "p999_ns", "max_ns")]


def compact_rows(results):
    for name, runs in results["stores"].items():
        times = [[each["phases"][point].get("compact_ms") for each in runs]
                 for point in ("overwrite_compacted", "half_compacted")]
        if None not in times[0] + times[1]:
            yield [STORE_TITLES[name]] + [spread(part, "{:.1f}")
                                          for part in times]


def stores_text(results):
    if not results["stores"]:
        return ""
    payload = payload_by_point(results)
    head = ("store", "MB/s", "p50 us", "p99", "p99.9", "max")
    text = ["## Stores side by side\n",
            "Resident bytes by the process's `smaps_rollup` (Anonymous less "
            "LazyFree, from outside, less what stood there before the first "
            "page), and zram by `mem_used_total`: bytes per page after the "
            "fill, then all that is resident per payload byte that is live at "
            "that point. Index bytes (what finds a page: ours with "
            "reference counts and handles, for the mallocs the bench's table "
            "of pointers) stand beside it and are not in it, except where they "
            "cannot be told apart. nbdkit uses zstd on 32 KiB, so it is held "
            "against its own fill. \"Compacted\" is for a malloc its own way "
            "of giving memory back.\n",
            table(("store", "bytes/page", "index bytes/page") + POINT_TITLES,
                  density_rows(results, payload)), ""]
    for title, phase, key in (
            ("Store, fill", "fill", "store"),
            ("Store, random overwrite", "overwrite", "store"),
            ("Load, random, after the fill", "fill", "load")):
        rows = list(time_rows(results, phase, key))
        text += [f"### {title}\n", table(head, rows), ""]
    text += ["### Compaction, ms\n",
             table(("store", "after 3x overwrite", "after freeing half"),
                   compact_rows(results)), "",
             "nbdkit's stores are fio's random writes of buffers that are 60 % "
             "compressible, at queue depth 1; its loads are random reads of "
             "the corpus. Every other load was compared with the page that "
             f"was stored: {mismatches(results)}.\n"]
    return "\n".join(text)


def mismatches(results):
    count = sum(each["mismatches"] for runs in results["stores"].values()
                for each in runs)
    return "none differed" if count == 0 else f"**{count} differed**"


# ---- by program ----

def programs_text(results):
    text = []
    for key, title in (
            ("placement", "Pool bytes / payload, by program"),
            ("placement_large", "The same with each program's pages repeated "
             f"to {results['repeated_to']:,} slots")):
        rows = [[each["program"], each["placement"], f"{each['objects']:,}",
                 f"{each['mean_bytes']:.0f}"] +
                [f"{each[point]:.4f}" for point in POINTS]
                for each in results.get(key) or []]
        if rows:
            text += [f"## {title}\n",
                     table(("program", "placement", "objects", "bytes each") +
                           POINT_TITLES, rows), ""]
    if results.get("programs"):
        rows = [[each["program"]] + [ratio(each[key]) for key in
                                     ("refill", "overwrite", "fresh", "load")]
                for each in results["programs"]]
        text += ["## Costs by program, dense\n",
                 table(("program", "store into holes / codec",
                        "store over / codec", "store fresh / malloc",
                        "load / codec"), rows), ""]
    return "\n".join(text)


# ---- pages on a device ----

WRITEBACK_TITLES = (
    ("write", "writing back / decompress and pwrite"),
    ("load", "load from the device / pread, page cache"),
    ("load_direct", "the same past the page cache (wall time)"))


def writeback_rows(result):
    for key, title in WRITEBACK_TITLES:
        part = result[key]
        if isinstance(part, str):
            yield title, part
        else:
            yield title, (f"{ratio(part)}: {part['ours_ns'] / 1000:.1f} us "
                          f"against {part['theirs_ns'] / 1000:.1f}")
    for key, writer in (("steady", "by the store itself"),
                     ("steady_worker", "by the worker (wall time)")):
        part = result[key]
        yield (f"store while pages go to memory, {writer} / store without",
               f"{ratio(part['time'])}; {part['written_per_store']:.2f} pages "
               "written back for each page stored, "
               f"{part['past_memory_per_store']:.2f} past memory")
    for mode, part in result["lru"].items():
        yield (f"pool pages freed for each page written, lru {mode}",
               f"{part['freed_per_written']:.3f}; "
               f"{part['ns_per_page_freed'] / 1000:.1f} us for each page "
               f"freed; {part['read_back_per_load'] * 100:.1f} % of later "
               "loads read one back")


def writeback_text(results):
    parts = results.get("writeback") or {}
    if not parts:
        return ""
    rows = []
    for placement, runs in parts.items():
        rows += [(what, placement, text)
                 for what, text in writeback_rows(runs[0])]
    return "## Cold pages on a device\n\n" + table(
        ("what", "placement", "measured"), rows) + "\n"


# ---- locks ----

CALLS = (("over", "store over another page"), ("hole", "store into a hole"),
         ("load", "load"), ("take", "take"))


def lock_shares(runs, call):
    """{(lock, taken by): its rows} over the runs."""
    found = {}
    for each in runs:
        for row in each[call]["locks"]:
            found.setdefault((row["lock"], row["by"]), []).append(row)
    return found


def lock_rows(parts):
    for placement, runs in parts.items():
        for call, title in CALLS:
            for (lock, by), rows in sorted(lock_shares(runs, call).items(),
                                           key=lambda item: item[0][::-1]):
                yield [title, placement, lock, by] + [
                    form.format(statistics.fmean(row[key] for row in rows))
                    for key, form in (("times", "{:.2f}"), ("ns", "{:.0f}"))
                ] + [f"{100 * targets.share_of(rows):.2f} %"]


def projection(runs):
    """Store over on 16 processors by Amdahl's law: four share a group of
    segments, and all share the rest."""
    shares = lock_shares(runs, "over")
    group = targets.share_of(shares.get(("group", "both threads"), []))
    rest = sum(targets.share_of(rows) for (lock, by), rows in shares.items()
               if by == "both threads" and lock != "group")
    return 16 / (1 + 3 * group + 15 * rest)


def locks_text(results):
    parts = results.get("locks") or {}
    if not parts:
        return ""
    text = ("## Locks that a call holds\n\n"
            "Two threads in turns, each on a processor and in shards of its "
            "own: no lock is waited for, and one that both took is shared. "
            "`context` is held across the codec, by design; there is one for "
            "each processor. In dense placement `group` is one for each four "
            "processors, in the kernel's one for each size class. The time is "
            "that between lock and unlock, for each call.\n\n" +
            table(("call", "placement", "lock", "taken by", "times", "ns",
                   "of the call"), lock_rows(parts)) + "\n")
    if "dense" in parts:
        text += ("\nA projection, not a measurement: by Amdahl's law these "
                 "shares let 16 threads that store over other pages in dense "
                 f"placement do {projection(parts['dense']):.1f} times the "
                 "work of one, as far as locks decide it.\n")
    return text


# ---- all of it ----

def machine_text(about):
    names = ", ".join(f"{name} {version}" for name, version
                      in about["versions"].items())
    return (f"* {', '.join(about['parts'])}: revision {about['revision']}, "
            f"{about['date']}, {about['processors']} x {about['processor']}"
            f"{' (virtual)' if about['virtual'] else ''}, "
            f"{about['memory_gib']} GiB; {names}; load "
            f"{about['load_average']} at the start, "
            f"{about['stolen_seconds']} s stolen by other virtual machines, "
            f"{about['seconds']} s in all.\n")


def origin_text(results):
    pages = ", ".join(f"{name} {count:,}" for name, count
                      in results["corpus"].items())
    text = "## Machine and corpus\n\n" + "".join(
        machine_text(about) for about in results["machines"])
    if pages:
        text += (f"\nCorpus: {sum(results['corpus'].values()):,} live "
                 f"anonymous pages ({pages}), captured by `zcache capture` "
                 "while the programs worked.\n")
    if results["left_out"]:
        text += "\nLeft out: " + "; ".join(
            f"{what} ({why})" for what, why
            in results["left_out"].items()) + ".\n"
    return text


INTRO = """<!-- SPDX-License-Identifier: MIT -->
<!-- Written by scripts/bench; do not edit. -->
# Benchmarks

"""

HOW = """## How it is measured

Regenerate with `scripts/bench` on a quiet machine. Density is exact and the
same everywhere; times are of the machines below, and each part is of the
library and the benchmarks of its revision. Ratios are of two ways to do the
same work in one process, batch by batch in random order; in brackets stands the
95 % interval of the runs, or the lowest and highest round where there is one
run. Stores run one in a process. All figures: `benchmarks.json`. A pool of your
own is measured by `zcache-bench`: [pools.md](pools.md).

"""


def write(results, instructions):
    quick = "**A quick run: for the machinery, not for figures.**\n\n" \
        if results["quick"] else ""
    parts = [user_text(results), targets_text(results, instructions),
             HOW + origin_text(results), stores_text(results),
             writeback_text(results), locks_text(results),
             programs_text(results)]
    return INTRO + quick + \
        "\n".join(part for part in parts if part).rstrip() + "\n"
