/* SPDX-License-Identifier: MIT */
/*
 * parameters.h - the table of the parameters of a simulation.
 *
 * A row is the whole declaration of an option: the command line, its help, a
 * sweep, the JSON of the result and the command that repeats it use this table.
 * Besides the row only the code that uses the option changes; it reads the
 * value as sim_number(config, SIM_IDENTIFIER).
 *
 * Columns: identifier; name, without the "--"; argument (NULL: the words of a
 * choice); default (NULL: none); help (NULL: the words of a choice); kind, with
 * its bounds or its words.  A HEADING is printed before the row in the help.
 * config.c expands the kinds.
 */
#ifndef ZCACHE_TOOL_SIM_PARAMETERS_H
#define ZCACHE_TOOL_SIM_PARAMETERS_H

/* The meanings of choices that are not the library's. */
enum sim_access_kind {
    SIM_ACCESS_UNIFORM,
    SIM_ACCESS_ZIPF,
    SIM_ACCESS_SCAN,
    SIM_ACCESS_PHASES,
    SIM_ACCESS_FORK
};
enum sim_trace_format {
    SIM_TRACE_AUTO,
    SIM_TRACE_ORACLE,
    SIM_TRACE_TEXT,
    SIM_TRACE_CSV, /* and those whose columns are known: */
    SIM_TRACE_TWITTER,
    SIM_TRACE_MSR,
    SIM_TRACE_SPC,
    SIM_TRACE_CACHELIB,
    SIM_TRACE_LACKEY
};
enum sim_switch {
    SIM_OFF,
    SIM_ON,
    SIM_AUTO
};

/* clang-format off */
#define SIM_PARAMETER_TABLE(X) \
    X(PAGES, "pages", "FILE", NULL, \
      "those of a file, or of a zcache capture", \
      TEXT, HEADING("what is in the pages")) \
    X(PID, "pid", "PID", NULL, "those of a live process", TEXT) \
    X(COMPRESSIBILITY, "compressibility", "PERCENT", "60", \
      "else made up, to shrink by this much", COUNT(0, 100)) \
    X(PAGE_SIZE, "page-size", "BYTES", "4096", "4096 to 65536", TEXT) \
    \
    X(ACCESS, "access", "WORD", "zipf", NULL, \
      CHOICE({"uniform", SIM_ACCESS_UNIFORM}, {"zipf", SIM_ACCESS_ZIPF}, \
             {"scan", SIM_ACCESS_SCAN}, {"phases", SIM_ACCESS_PHASES}, \
             {"fork", SIM_ACCESS_FORK}), \
      HEADING("how they are used")) \
    X(WRITES, "writes", "PERCENT", "30", "of the accesses are writes", \
      PERCENT(0)) \
    X(SKEW, "skew", "NUMBER", "0.99", "of zipf", THOUSANDTHS(1, 10000)) \
    X(PHASE_SIZE, "phase-size", "PERCENT", "20", \
      "of a space that a phase uses", PERCENT(1)) \
    X(PHASE_OPS, "phase-ops", "COUNT", "50000", \
      "accesses of a thread in one phase", COUNT(1, LARGE)) \
    X(FORK_EVERY, "fork-every", "COUNT", "0", \
      "accesses between forks; 0: none", COUNT(0, LARGE)) \
    X(TRACE, "trace", "FILE", NULL, "accesses as in this trace", TEXT) \
    X(TRACE_FORMAT, "trace-format", "WORD", "auto", NULL, \
      CHOICE({"auto", SIM_TRACE_AUTO}, {"oracleGeneral", SIM_TRACE_ORACLE}, \
             {"text", SIM_TRACE_TEXT}, {"csv", SIM_TRACE_CSV}, \
             {"twitter", SIM_TRACE_TWITTER}, {"msr", SIM_TRACE_MSR}, \
             {"spc", SIM_TRACE_SPC}, {"cachelib", SIM_TRACE_CACHELIB}, \
             {"lackey", SIM_TRACE_LACKEY})) \
    X(TRACE_HEADER, "trace-header", "WORD", "auto", NULL, \
      CHOICE({"auto", SIM_AUTO}, {"yes", SIM_ON}, {"no", SIM_OFF})) \
    X(TRACE_ID, "trace-id-column", "COLUMN", "2", \
      "of csv: the object, or the offset", COLUMN(1)) \
    X(TRACE_OP, "trace-op-column", "COLUMN", "0", \
      "0: reads and writes by --writes", COLUMN(0)) \
    X(TRACE_COUNT, "trace-count-column", "COLUMN", "0", \
      "so many accesses; 0: 1", COLUMN(0)) \
    X(TRACE_SPACE, "trace-space-column", "COLUMN", "0", \
      "has its own ids; 0: all have the same", COLUMN(0)) \
    X(TRACE_SIZE, "trace-size-column", "COLUMN", "0", \
      "of a request, cut into pages; 0: none", COLUMN(0)) \
    X(TRACE_ID_UNIT, "trace-id-unit", "BYTES", "1", "of the offset", \
      COUNT(1, LARGE)) \
    X(TRACE_SIZE_UNIT, "trace-size-unit", "BYTES", "1", "of the size", \
      COUNT(1, LARGE)) \
    X(TRACE_OPS, "trace-ops", "LIST", NULL, \
      "WORD=r|w|skip,...: more operations", TEXT) \
    \
    X(SPACES, "spaces", "COUNT", NULL, \
      "address spaces; one per thread if not given", COUNT(1, 4096), \
      HEADING("the machine")) \
    X(SPACE_PAGES, "space-pages", "COUNT", NULL, "pages of a space", \
      COUNT(1, UINT64_C(1) << 32)) \
    X(THREADS, "threads", "COUNT", "1", "1 to 256", \
      COUNT(1, TOOL_THREADS_MOST)) \
    X(FRAMES, "frames", "COUNT|PERCENT%", "25%", \
      "page frames, or a part of all pages", PART(16)) \
    X(BACKGROUND_RECLAIM, "background-reclaim", NULL, "off", \
      "a thread reclaims (kswapd)", SWITCH) \
    X(SWAP_IN, "swap-in", "WORD", "bypass", NULL, \
      CHOICE({"bypass", ZC_SWAP_IN_BYPASS}, {"cached", ZC_SWAP_IN_CACHED}, \
             {"store-again", ZC_SWAP_IN_STORE_AGAIN}, \
             {"cached-if-stored", ZC_SWAP_IN_CACHED_IF_STORED})) \
    \
    X(POOL_LIMIT, "pool-limit", "BYTES|PERCENT%", "20%", \
      "0: none; or a part of all pages' bytes", BYTES, \
      HEADING("the compressed pool")) \
    X(ACCEPT_THRESHOLD, "accept-threshold", "PERCENT", "90", \
      "of the limit, once it was reached", COUNT(1, 100)) \
    X(CODEC, "codec", "NAME[:LEVEL]", NULL, NULL, TEXT) \
    X(LRU, "lru", "WORD", "entry", NULL, \
      CHOICE({"none", ZC_LRU_NONE}, {"entry", ZC_LRU_ENTRY}, \
             {"zspage", ZC_LRU_ZSPAGE})) \
    X(PLACEMENT, "placement", "WORD", "dense", NULL, \
      PLACEMENT_CHOICE) \
    X(SHRINK_WORKER, "shrink-worker", NULL, "auto", \
      "a thread writes back; auto: unless all", SWITCH_OR_AUTO) \
    X(POLICY, "policy", "WORD", "all", NULL, \
      CHOICE({"all", ZC_SHRINK_ALL}, {"6.18", ZC_SHRINK_6_18}, \
             {"batch", ZC_SHRINK_BATCH}, \
             {"proactive", ZC_SHRINK_PROACTIVE})) \
    X(SHRINK_LOOKS, "shrink-looks", "COUNT|all", "auto", \
      "entries of an attempt", \
      COUNT_OR_WORD(1, ZC_SHRINK_LOOKS_ALL - 1, \
                    {"all", ZC_SHRINK_LOOKS_ALL}, {"auto", 0})) \
    X(SHRINK_COMPACT, "shrink-compact", NULL, "auto", \
      "of the pool meanwhile", SWITCH_OR_AUTO) \
    X(WRITEBACK_AGE, "writeback-age", "ACCESSES", "0", \
      "writes back what was not used for so many; 0: off", \
      COUNT(0, LARGE)) \
    X(WRITEBACK_BUDGET, "writeback-budget", "PAGES", "0", \
      "of a space, each time; 0: no bound", COUNT(0, UINT64_C(1) << 32)) \
    X(RECOMPRESS, "recompress", "NAME[:LEVEL]", NULL, \
      "compresses again what was not used", TEXT) \
    X(RECOMPRESS_AGE, "recompress-age", "ACCESSES", "10000", \
      "for so many", COUNT(1, LARGE)) \
    X(RECOMPRESS_BUDGET, "recompress-budget", "PAGES", "0", \
      "each time; 0: no bound", COUNT(0, UINT64_C(1) << 32)) \
    X(SAME_FILLED, "same-filled", NULL, "all", \
      "pages of one word: no object", \
      CHOICE({"all", 0}, {"zero", 2}, {"none", 1})) \
    X(RAW_FROM, "raw-from", "BYTES|auto", "auto", \
      "what is no smaller is stored raw", \
      COUNT_OR_WORD(1, 65536, {"auto", 0})) \
    \
    X(DEVICE, "device", "WORD", "memory", "memory, file, file:PATH", TEXT, \
      HEADING("the device")) \
    X(SLOTS, "slots", "COUNT|PERCENT%", "200%", \
      "of the device, or a part of all pages", PART(1)) \
    X(SLOT_ORDER, "slot-order", "WORD", "round-robin", NULL, \
      CHOICE({"round-robin", ZC_SLOT_ORDER_ROUND_ROBIN}, \
             {"lowest", ZC_SLOT_ORDER_LOWEST}, \
             {"last-freed", ZC_SLOT_ORDER_LAST_FREED})) \
    X(SYNCHRONOUS, "synchronous", NULL, "auto", \
      "faults read it themselves; auto: memory", \
      SWITCH_OR_AUTO) \
    X(IO_WORKERS, "io-workers", "COUNT", "0", \
      "threads that do its I/O, 0 to 64", COUNT(0, 64)) \
    X(LATENCY, "latency", "MICROSECONDS", "0", "more for each transfer", \
      THOUSANDTHS(0, UINT64_C(10000000) * 1000)) \
    X(READ_ERRORS, "read-errors", "PERCENT", "0", "of its reads fail", \
      PERCENT(0)) \
    X(WRITE_ERRORS, "write-errors", "PERCENT", "0", "of its writes fail", \
      PERCENT(0)) \
    \
    X(SECONDS, "seconds", "NUMBER", NULL, \
      "10, if neither --ops nor --trace is given", \
      THOUSANDTHS(1, UINT64_C(31536000) * 1000), HEADING("how long")) \
    X(OPS, "ops", "COUNT", NULL, "accesses of all threads together", \
      COUNT(1, UINT64_C(1) << 50)) \
    X(SEED, "seed", "NUMBER", "1", "of all that is random", \
      COUNT(0, UINT64_MAX)) \
    X(CORRUPT, "corrupt", "COUNT", "0", \
      "damages pages on their way, to be found", \
      COUNT(0, UINT64_C(1) << 32)) \
    X(INTERVAL, "interval", "SECONDS", "0.1", \
      "of the time line, 0.001 to 3600", \
      THOUSANDTHS(1, UINT64_C(3600) * 1000))
/* clang-format on */

#endif
