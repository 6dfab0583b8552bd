# SPDX-License-Identifier: MIT
"""targets - what the library is held to: the one place where the bars are."""
import math
import statistics

RUNS_WANTED = 5
# Of Student's t, two-sided 95 %, by the number of runs.
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447,
           8: 2.365, 9: 2.306, 10: 2.262}


def at(*keys):
    """The figure of a run at this path."""
    def value(run):
        for key in keys:
            run = run[key]
        return run
    return value


def packed(point, placement="dense"):
    def value(run):
        rows = [row for row in run if row["placement"] == placement]
        every = [row for row in rows if row["program"] == "all"]
        return (every or rows)[0][point]
    return value


def stored_beside_worker(run):
    """Pages stored in compressed memory per second of wall time, with a worker
    that makes room / without; pages stored past memory are not counted."""
    part = run["steady_worker"]
    return (1 - part["past_memory_per_store"]) / part["time"]["ratio"]


def share_of(rows):
    """The mean part of a call that a lock is held, over runs of bench_locks."""
    return statistics.fmean(row["share"] for row in rows) if rows else 0


# Name; part of scripts/bench; figure; {placement: (bar, stretch)}; calls of
# docs/instructions.json.  A bar is "at most", in AT_LEAST "at least".  An exact
# figure depends on the code alone: one run is enough.
TARGETS = (
    ("load / the codec on the same objects", "compare", at("load", "ratio"),
     {"dense": (1.09, 1.05), "kernel": (1.15, None)}, ("load",)),
    ("take / the codec on such objects", "compare", at("take", "ratio"),
     {"dense": (1.28, 1.20)}, ("take",)),
    ("store into warm memory (holes of a random half) / the codec alone",
     "compare", at("refill", "ratio"),
     {"dense": (1.12, 1.06), "kernel": (1.08, None)}, ("store into a hole",)),
    ("store over other pages, random order (frees one as well) / the codec "
     "alone", "compare", at("overwrite", "ratio"),
     {"dense": (1.22, 1.12), "kernel": (1.08, None)}, ("store over",)),
    ("store into fresh memory / compress, glibc malloc, copy", "compare",
     at("fresh", "ratio"), {"dense": (1, 0.95), "kernel": (1, None)}, ()),
    ("pool alloc + free under churn / mimalloc", "churn", at("churn", "ratio"),
     {"dense": (1.6, 1.2), "kernel": (1, None)}, ("pool alloc", "pool free")),
    ("metadata of a made-up page, bytes, dense keys, no LRU", "footprint",
     at("metadata"), {"dense": (32, 29)}, ()),
    ("metadata of a made-up page, bytes, dense keys, with an LRU", "footprint",
     at("metadata_lru"), {"dense": (40, 37)}, ()),
    ("pool bytes / payload after fill", "placement", packed("fill"),
     {"dense": (1.0065, 1.005)}, ()),
    ("after 3x overwrite and compaction", "placement",
     packed("overwrite_compacted"), {"dense": (1.012, None)}, ()),
    ("while pages are overwritten and a compactor runs", "compaction",
     at("beside", "with_pool_per_payload"), {"dense": (1.010, 1.008)}, ()),
    ("after freeing half and compaction", "placement",
     packed("half_compacted"), {"dense": (1.009, 1.006)}, ()),
    ("pool pages of an object that does not compress", "footprint",
     at("raw_pages"), {"dense": (1.002, 1.001), "kernel": (1.002, 1.001)}, ()),
    ("two threads / one, store, relative to the codec", "threads",
     at("store", "ratio"), {"dense": (0.97, 1), "kernel": (0.97, None)}, ()),
    ("two threads / one, load, relative to the codec", "threads",
     at("load", "ratio"), {"dense": (0.97, 1), "kernel": (0.97, None)}, ()),
    ("part of a store over under locks that two processors share", "locks",
     at("over", "shared"), {"dense": (0.01, 0.004), "kernel": (0.01, None)},
     ()),
    ("load at 4,000,000 entries / at 40,000, beyond the codec's", "large",
     at("load", "ratio"), {"dense": (1.12, 1.08), "kernel": (1.15, None)}, ()),
    ("store at 4,000,000 entries / at 40,000, beyond the codec's", "large",
     at("store", "ratio"), {"dense": (1.15, None), "kernel": (1.15, None)},
     ()),
    ("simulated fault from the pool / the codec on the same pages, median",
     "fault", at("one", "p50_ratio"),
     {"dense": (1.43, 1.25), "kernel": (1.5, None)}, ("fault",)),
    ("two threads that fault / one", "fault", at("threads", "ours"),
     {"dense": (1.8, None), "kernel": (1.8, None)}, ()),
    ("fault at 2,000,000 pages / at 20,000, beyond the codec's", "fault",
     at("large", "ratio"), {"dense": (1.2, None), "kernel": (1.2, None)}, ()),
    ("writing back / decompress and pwrite", "writeback", at("write", "ratio"),
     {"dense": (1.15, 1.08)}, ("write back",)),
    ("stores that stay in memory, a second, beside the worker / without",
     "writeback", stored_beside_worker, {"dense": (0.75, 0.9)}, ()),
    ("longest compaction step, ms, budget 500 us", "compaction",
     lambda run: run["pause"]["max_ns"] / 1e6,
     {"dense": (1, None), "kernel": (1, None)}, ()),
    ("throughput with a compactor running / without", "compaction",
     at("beside", "ratio"), {"dense": (0.9, None), "kernel": (0.9, None)}, ()),
)
AT_LEAST = ("two threads", "stores that", "throughput")
EXACT = ("footprint", "placement")


def runs_of(results, part, placement):
    if part == "placement":
        return [results[part]] if results.get(part) else []
    return results.get(part, {}).get(placement, [])


def values_of(results, part, placement, value):
    """A figure by run; an older run may lack it."""
    values = []
    for run in runs_of(results, part, placement):
        try:
            values.append(value(run))
        except KeyError:
            pass
    return values


def interval(values):
    """Mean, and the ends of its 95 % interval; None of one value."""
    mean = statistics.fmean(values)
    if len(values) < 2:
        return mean, None, None
    half = STUDENT[min(len(values), 10)] * statistics.stdev(values) / \
        math.sqrt(len(values))
    return mean, mean - half, mean + half


def verdict(values, bar, is_least, is_exact):
    mean, low, high = interval(values)
    edge = mean if low is None or is_exact else low if is_least else high
    if edge < bar if is_least else edge > bar:
        return "**no**"
    if is_exact or len(values) >= RUNS_WANTED:
        return "yes"
    return f"open: {len(values)} run{'s' * (len(values) > 1)}"


def bar_text(bar, stretch, is_least):
    return ("at least " if is_least else "at most ") + f"{bar:g}" + \
        (f" ({stretch:g})" if stretch else "")


def measured_text(values, form):
    if not values:
        return "not yet"
    mean, low, high = interval(values)
    text = form.format(mean)
    if low is not None and len(set(values)) > 1:
        text += f" ({form.format(low)}..{form.format(high)})"
    return text


def own_instructions(instructions, placement, calls):
    """Instructions of the calls, less those of the codec."""
    rows = instructions.get("calls", {}).get(placement, {})
    if not calls or any(call not in rows for call in calls):
        return ""
    return f"{sum(rows[c]['ours'] - rows[c].get('codec', 0) for c in calls):,}"


def rows(results, instructions):
    for what, part, value, bars, calls in TARGETS:
        is_least = what.startswith(AT_LEAST)
        for placement, (bar, stretch) in bars.items():
            values = values_of(results, part, placement, value)
            form = "{:.1f}" if bar > 20 else \
                "{:.4f}" if 1 < bar < 1.05 else "{:.3f}"
            yield (what, placement, bar_text(bar, stretch, is_least),
                   measured_text(values, form),
                   own_instructions(instructions, placement, calls),
                   verdict(values, bar, is_least, part in EXACT)
                   if values else "not measured")
