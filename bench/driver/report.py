# SPDX-License-Identifier: MIT
"""report - docs/benchmarks.md from the results of one run."""
import statistics

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
    """The median, and from where to where where there are several."""
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

class Targets:
    """Rows of the table of targets; a part that did not run has none."""

    def __init__(self, results):
        self.results = results
        self.rows = []
        self.compare = {each["placement"]: each for each
                        in results["compare"] if each}

    def row(self, what, limit, value, text, at_least=False):
        met = value >= limit if at_least else value <= limit
        bound = "at least" if at_least else "at most"
        self.rows.append((what, f"{bound} {limit:g}", text,
                          "yes" if met else "**no**"))

    def cost(self, what, limit, key):
        for placement, result in self.compare.items():
            text = ratio(result[key])
            if placement == "dense" and self.results["programs"]:
                worst = max(self.results["programs"],
                            key=lambda each: each[key]["ratio"])
                text += (f"; worst program {worst['program']} "
                         f"{worst[key]['ratio']:.3f}")
            self.row(f"{what}, {placement}", limit, result[key]["ratio"], text)

    def costs(self):
        self.cost("store into warm memory (holes of a random half) / the codec "
                  "alone", 1.08, "refill")
        self.cost("store over other pages, random order (frees one as well) / "
                  "the codec alone", 1.08, "overwrite")
        self.cost("store into fresh memory / compress, glibc malloc, copy",
                  1.00, "fresh")
        self.cost("load / the codec on the same objects", 1.15, "load")

    def churn(self):
        for placement, limit in (("kernel", 1.0), ("dense", 2.0)):
            result = self.results.get("churn", {}).get(placement)
            if result:
                self.row(f"pool alloc + free under churn / mimalloc, "
                         f"{placement}", limit, result["churn"]["ratio"],
                         ratio(result["churn"]))

    def density(self):
        rows = self.results.get("placement")
        if not rows:
            return
        every = {each["program"]: each for each in rows
                 if each["placement"] == "dense"}
        at_size = {each["program"]: each for each
                   in self.results["placement_large"]
                   if each["placement"] == "dense" and
                   each["program"] != "all"}
        whole = every.get("all") or next(iter(every.values()))
        for key, limit, what in (
                ("fill", 1.012, "pool bytes / payload after fill, dense"),
                ("overwrite", 1.02, "after 3x overwrite, dense, nothing moved"),
                ("overwrite_compacted", 1.012,
                 "after 3x overwrite and compaction, dense"),
                ("half_compacted", 1.02,
                 "after freeing half and compaction, dense")):
            worst = max(at_size.values(), key=lambda each: each[key])
            self.row(what, limit, whole[key],
                     f"{whole[key]:.4f}; worst program (its pages repeated to "
                     f"{self.results['repeated_to']:,}) {worst['program']} "
                     f"{worst[key]:.4f}")

    def metadata(self):
        if "dense" in self.compare:
            value = self.compare["dense"]["metadata_per_page"]
            self.row("metadata per stored page, dense keys", 48, value,
                     f"{value:.1f} bytes")

    def threads(self):
        for placement, result in self.results.get("threads", {}).items():
            for key in ("store", "load"):
                part = result[key]
                self.row(f"two threads / one, {key}, {placement}, relative to "
                         "the codec", 0.97, part["ratio"],
                         f"{ratio(part)}: ours {part['ours']:.2f}x, codec "
                         f"{part['codec']:.2f}x", at_least=True)

    def large(self):
        for placement, result in self.results.get("large", {}).items():
            for key in ("store", "load"):
                part = result[key]
                self.row(f"cost at {result['entries']:,} entries / at 40,000, "
                         f"{key}, {placement}, beyond the codec's", 1.15,
                         part["ratio"],
                         f"{part['ratio']:.3f}: ours {part['our_loss']:.3f}x, "
                         f"codec {part['codec_loss']:.3f}x")

    def compaction(self):
        for placement, result in self.results.get("compaction", {}).items():
            longest = result["pause"]["max_ns"] / 1e6
            self.row(f"longest compaction step, budget 500 us, {placement}", 1,
                     longest, f"{longest:.3f} ms of {result['pause']['count']}"
                     f" steps (p99 {result['pause']['p99_ns'] / 1e6:.3f}); of "
                     "the thread's own time "
                     f"{result['pause_of_thread']['max_ns'] / 1e6:.3f} ms")
            beside = result["beside"]
            self.row(f"throughput with a compactor running / without, "
                     f"{placement}", 0.9, beside["ratio"],
                     f"{beside['ratio']:.3f}; pool bytes / payload "
                     f"{beside['with_pool_per_payload']:.4f} with, "
                     f"{beside['without_pool_per_payload']:.4f} without",
                     at_least=True)

    def fault(self):
        for placement, result in self.results.get("fault", {}).items():
            one, threads, large = (result[key] for key
                                   in ("one", "threads", "large"))
            self.row(f"simulated fault from the pool / the codec on the same "
                     f"objects, median, {placement}", 1.5, one["p50_ratio"],
                     f"{one['p50_ratio']:.3f}: "
                     f"{one['fault']['p50_ns'] / 1e3:.2f} us against "
                     f"{one['floor']['p50_ns'] / 1e3:.2f}; all together "
                     f"{ratio(one['time'])}")
            self.row(f"two threads that fault / one, {placement}", 1.8,
                     threads["ours"],
                     f"{threads['ours']:.2f}x ({threads['ours_min']:.2f}.."
                     f"{threads['ours_max']:.2f}), codec "
                     f"{threads['codec']:.2f}x", at_least=True)
            self.row(f"cost of a fault at {large['pages']:,} pages / at "
                     f"{one['pages']:,}, {placement}, beyond the codec's",
                     1.2, large["ratio"],
                     f"{large['ratio']:.3f}: ours {large['our_loss']:.3f}x, "
                     f"codec {large['codec_loss']:.3f}x")

    def text(self):
        self.costs()
        self.churn()
        self.density()
        self.metadata()
        self.threads()
        self.large()
        self.compaction()
        self.fault()
        if not self.rows:
            return ""
        return "## Targets\n\n" + table(
            ("what (LZ4, 4 KiB, one thread unless said)", "target", "measured",
             "met"), self.rows) + "\n"


# ---- the stores side by side ----

def index_bytes(run, point):
    """Ours is in the memory that is seen from outside; the mallocs' table of
    pointers is mapped before the first page and is not."""
    if run["backend"] not in ("dense", "kernel"):
        return 0
    return run["phases"][point]["metadata_bytes"]


def held_bytes(runs, point):
    """Resident bytes of a store, of each run, by what can be seen outside and
    without the index."""
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
    """What LZ4 makes of the pages; the same in every store that uses it."""
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
    if results["programs"]:
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
    for key, who in (("steady", "by the store itself"),
                     ("steady_worker", "by the worker (wall time)")):
        part = result[key]
        yield (f"store while pages go to memory, {who} / store without",
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
    for placement, result in parts.items():
        rows += [(what, placement, text)
                 for what, text in writeback_rows(result)]
    return "## Cold pages on a device\n\n" + table(
        ("what", "placement", "measured"), rows) + "\n"


# ---- all of it ----

def machine_text(results):
    about = results["machine"]
    names = ", ".join(f"{name} {version}" for name, version
                      in about["versions"].items())
    pages = ", ".join(f"{name} {count:,}" for name, count
                      in results["corpus"].items())
    text = (f"{about['processors']} x {about['processor']}"
            f"{' (virtual)' if about['virtual'] else ''}, "
            f"{about['memory_gib']} GiB. {names}. {about['date']}; load "
            f"{about['load_average']} at the start, "
            f"{about['stolen_seconds']} s stolen by other virtual machines, "
            f"{about['seconds']} s in all.\n\n"
            f"Corpus: {sum(results['corpus'].values()):,} live anonymous pages"
            f" ({pages}), captured by `zcache capture` while the programs "
            "worked.\n")
    if results["left_out"]:
        text += "\nLeft out: " + "; ".join(
            f"{what} ({why})" for what, why
            in results["left_out"].items()) + ".\n"
    return text


INTRO = """<!-- SPDX-License-Identifier: MIT -->
<!-- Written by scripts/bench; do not edit. -->
# Benchmarks

Regenerate with `scripts/bench` on a quiet machine. Density is exact and the
same everywhere; times are of the machine below. Ratios come from one run, both
sides in turns: of medians of rounds, with the lowest and highest single round
in brackets. One backend per process. All figures: `benchmarks.json`.

"""


def write(results):
    quick = "**A quick run: for the machinery, not for figures.**\n\n" \
        if results["quick"] else ""
    parts = [Targets(results).text(), stores_text(results),
             writeback_text(results), programs_text(results)]
    return INTRO + quick + "## Machine and corpus\n\n" + \
        machine_text(results) + "\n" + \
        "\n".join(part for part in parts if part).rstrip() + "\n"
