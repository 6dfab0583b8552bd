/* SPDX-License-Identifier: MIT */
/* zcrace.c - the command line: the command and its options. */
#include "zcrace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zcache/zcache.h>

static const char *const help[] = {
    /* Every second one is left out where there is no matrix. */
    "  list             the scenarios and the rules that each is there for\n"
    "  show NAME        one execution of a scenario, as a diagram\n"
    "  run NAME         explore a scenario; print the shortest failure\n"
    "  replay STRING    run one schedule again\n",
    "  matrix [NAME]    every scenario, or one, with each rule broken\n",
    "  selftest         is the explorer right?\n"
    "\n"
    "  --break RULES    with this rule broken, or several: A,B (show, run)\n"
    "  --bound K        all schedules with up to K preemptions; none: every\n"
    "                   trace, also of a scenario that has a bound (run)\n"
    "  --random N       N schedules by chance (run, matrix)\n"
    "  --seed S         another sequence of them, if not 1 (run)\n"
    "  --pct D          priorities with D - 1 changes, for a walk (run)\n"
    "  --luck WHAT=N,...\n"
    "                   in one execution up to N spurious wake-ups, timeouts,\n"
    "                   weak exchanges that fail, reuses of freed blocks,\n"
    "                   instead of what the scenario says (show, run)\n"
    "  --threads        on real threads (show, run, replay); for a debugger,\n"
    "                   show and replay then run them in this process\n"
    "  --time SECONDS   stop then (run); for each site (matrix)\n"
    "  --no-leaks       memory left at the end is no failure (show, run,\n"
    "                   replay)\n"
    "  --reference      each execution in a new process: slow, and right\n"
    "                   whatever an execution leaves behind (run)\n",
    "  --jobs N         processes at a time (matrix)\n"
    "  --sites[=TEXT]   instead of rules: each acquisition of a lock or a\n"
    "                   reference, each exchange and recheck, or those with\n"
    "                   TEXT in their line, switched off (matrix)\n"
    "  --check FOLDER   compare with what is recorded there; of sites: a\n"
    "                   file with those that survive, and why (matrix)\n"
    "  --record FOLDER  record there; of sites: such a file (matrix)\n",
    "  --story          calls and reference counts, of all steps (run: if\n"
    "                   neither is given; show, replay)\n"
    "  --steps          every step (run; show, replay: if neither is given; a\n"
    "                   diagram for each site: matrix)\n"
    "  --html PATH      also write a page for a browser, with each step (run:\n"
    "                   a file; matrix: a folder, a page for each failure)\n"
    "  --format FORMAT  columns, mail or json (matrix: columns or json)\n"
    "  --speed          executions a second, of a toy and of each scenario\n"
    "                   (selftest)\n"
    "  --help, --version\n"
    "\n"
    "An option has effect on the commands named behind it, and is an error\n"
    "with another; it is given once, as \"--bound 2\" or \"--bound=2\".\n"
    "\n"
    "Exit status: 0 every trace was explored and none fails; 1 something\n"
    "fails; 2 wrong usage, or the output cannot be written; 3 nothing fails,\n"
    "but not everything was explored: a limit ran out, or the scenario does\n"
    "something that is not explored, which is said.\n",
};

static void print_help(FILE *out)
{
    (void)fprintf(out, "usage: %s COMMAND [OPTION]...\n\n", zcrace_name());
    for (size_t i = 0; i < sizeof(help) / sizeof(help[0]); i++) {
        if (i % 2 == 0 || zcrace_has_matrix())
            (void)fputs(help[i], out);
    }
}

static bool wrong(const char *what, const char *text)
{
    zcrace_say("%s \"%s\"; %s --help lists all", what, text, zcrace_name());
    return false;
}

/* ---- the options ---- */

enum command {
    LIST = 1,
    SHOW = 2,
    RUN = 4,
    REPLAY = 8,
    MATRIX = 16,
    SELFTEST = 32
};

enum option {
    BREAK,
    BOUND,
    RANDOM,
    SEED,
    PCT,
    LUCK,
    THREADS,
    TIME,
    NO_LEAKS,
    REFERENCE,
    JOBS,
    SITES,
    CHECK,
    RECORD,
    HTML,
    STORY,
    STEPS,
    FORMAT,
    SPEED,
    OPTIONS
};

static const struct {
    const char *name;
    const char *value; /* what the value is; NULL: no value */
    unsigned commands; /* for which the option is */
    bool is_number;
    uint64_t least;
    uint64_t most;
} options[OPTIONS] = {
    [BREAK] = {"--break", "RULES", SHOW | RUN, false, 0, 0},
    [BOUND] = {"--bound", "K", RUN, true, 0, 1000},
    [RANDOM] = {"--random", "N", RUN | MATRIX, true, 1, UINT64_MAX / 2},
    [SEED] = {"--seed", "S", RUN, true, 0, UINT64_MAX / 2},
    [PCT] = {"--pct", "D", RUN, true, 1, LAB_BOUNDS},
    [LUCK] = {"--luck", "WHAT=N", SHOW | RUN, false, 0, 0},
    [THREADS] = {"--threads", NULL, SHOW | RUN | REPLAY, false, 0, 0},
    [TIME] = {"--time", "SECONDS", RUN | MATRIX, true, 1, 1000000},
    [NO_LEAKS] = {"--no-leaks", NULL, SHOW | RUN | REPLAY, false, 0, 0},
    [REFERENCE] = {"--reference", NULL, RUN, false, 0, 0},
    [SITES] = {"--sites", NULL, MATRIX, false, 0, 0},
    [JOBS] = {"--jobs", "N", MATRIX, true, 1, 64},
    [CHECK] = {"--check", "FOLDER", MATRIX, false, 0, 0},
    [RECORD] = {"--record", "FOLDER", MATRIX, false, 0, 0},
    [HTML] = {"--html", "PATH", RUN | MATRIX, false, 0, 0},
    [STORY] = {"--story", NULL, SHOW | RUN | REPLAY, false, 0, 0},
    [STEPS] = {"--steps", NULL, SHOW | RUN | REPLAY | MATRIX, false, 0, 0},
    [FORMAT] = {"--format", "FORMAT", SHOW | RUN | REPLAY | MATRIX, false, 0,
                0},
    [SPEED] = {"--speed", NULL, SELFTEST, false, 0, 0},
};

static const struct {
    const char *name;
    void (*print)(FILE *out, const struct lab_story *story);
} formats[] = {
    {"columns", lab_print_columns},
    {"mail", lab_print_mail},
    {"json", lab_print_json},
};

/* What the command line gives; NULL: not given. */
struct given {
    const char *values[OPTIONS]; /* "" of an option that takes none */
    uint64_t numbers[OPTIONS];
};

static bool take_number(enum option option, const char *text, uint64_t *number)
{
    char *end = NULL;
    unsigned long long value = 0;

    if (option == BOUND && strcmp(text, "none") == 0) {
        *number = LAB_NO_BOUND;
        return true;
    }
    errno = 0;
    if (text[0] >= '0' && text[0] <= '9')
        value = strtoull(text, &end, 10);
    if (end == NULL || *end != '\0' || errno != 0 ||
        value < options[option].least || value > options[option].most) {
        zcrace_say("%s: \"%s\" is no number from %llu to %llu%s",
                   options[option].name, text,
                   (unsigned long long)options[option].least,
                   (unsigned long long)options[option].most,
                   option == BOUND ? ", nor none" : "");
        return false;
    }
    *number = value;
    return true;
}

/* The option of a word like "--bound" or "--bound=2"; OPTIONS: none. */
static enum option find_option(const char *word)
{
    const size_t length = strcspn(word, "=");
    unsigned i = 0;

    while (i < OPTIONS && (strlen(options[i].name) != length ||
                           strncmp(options[i].name, word, length) != 0))
        i++;
    return (enum option)i;
}

/* The second value would hide the first. */
static bool given_twice(enum option option, const char *before,
                        const char *text)
{
    if (options[option].value == NULL)
        zcrace_say("%s is given twice, and once is possible",
                   options[option].name);
    else
        zcrace_say("%s is given twice, \"%s\" and \"%s\", and 1 value is "
                   "possible",
                   options[option].name, before, text);
    return false;
}

/* One option; *index moves past its value. */
static bool take_option(int argc, char **argv, int *index, struct given *given)
{
    const char *word = argv[*index];
    const enum option option = find_option(word);
    const char *value = strchr(word, '=');

    if (option == OPTIONS)
        return wrong("there is no option", word);
    if (given->values[option] != NULL)
        return given_twice(option, given->values[option],
                           value != NULL       ? value + 1
                           : *index + 1 < argc ? argv[*index + 1]
                                               : "");
    if (options[option].value == NULL) {
        if (value != NULL && (option != SITES || value[1] == '\0'))
            return wrong(option == SITES ? "this option has an empty value:"
                                         : "this option takes no value:",
                         word);
        given->values[option] = value == NULL ? "" : value + 1;
        return true;
    }
    if (value == NULL && *index + 1 == argc) {
        zcrace_say("%s needs a %s", word, options[option].value);
        return false;
    }
    given->values[option] = value == NULL ? argv[++*index] : value + 1;
    return !options[option].is_number ||
           take_number(option, given->values[option], &given->numbers[option]);
}

/* Some options of the matrix are for sites only, or not for them. */
static bool check_sites(const struct given *given, enum command command)
{
    static const enum option only[] = {TIME, STEPS};
    static const enum option never[] = {RANDOM};
    const bool has_sites = given->values[SITES] != NULL;

    if (command != MATRIX)
        return true;
    for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++) {
        if (!has_sites && given->values[only[i]] != NULL) {
            zcrace_say("%s has no effect on matrix without --sites",
                       options[only[i]].name);
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        if (has_sites && given->values[never[i]] != NULL) {
            zcrace_say("%s has no effect on --sites", options[never[i]].name);
            return false;
        }
    }
    return true;
}

/* Refuses an option that the command ignores: it would seem to have an
 * effect. */
static bool check_together(const struct given *given, const char *name,
                           enum command command)
{
    static const enum option modes[][2] = {
        {BOUND, RANDOM}, {BOUND, PCT}, {STORY, STEPS}};

    for (unsigned i = 0; i < OPTIONS; i++) {
        if (given->values[i] != NULL && (options[i].commands & command) == 0) {
            zcrace_say("%s has no effect on %s", options[i].name, name);
            return false;
        }
    }
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (given->values[modes[i][0]] != NULL &&
            given->values[modes[i][1]] != NULL) {
            zcrace_say("%s and %s: 1 is possible", options[modes[i][0]].name,
                       options[modes[i][1]].name);
            return false;
        }
    }
    if (!check_sites(given, command))
        return false;
    if (given->values[SEED] != NULL && given->values[RANDOM] == NULL &&
        given->values[PCT] == NULL) {
        zcrace_say("--seed has no effect without --random or --pct");
        return false;
    }
    if (given->values[FORMAT] != NULL &&
        strcmp(given->values[FORMAT], "json") == 0 &&
        (given->values[STORY] != NULL || given->values[STEPS] != NULL)) {
        zcrace_say("%s has no effect on the format json",
                   given->values[STORY] != NULL ? "--story" : "--steps");
        return false;
    }
    return true;
}

static bool take_format(const char *format, struct zcrace *request)
{
    request->print = lab_print_columns;
    if (format == NULL)
        return true;
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strcmp(format, formats[i].name) == 0) {
            request->print = formats[i].print;
            return true;
        }
    }
    return wrong("there are the formats columns, mail and json, not", format);
}

/* The budget that a word like "weak" names; LAB_LUCKS: none. */
static unsigned find_luck(const char *word, size_t length)
{
    unsigned luck = 0;

    while (luck < LAB_LUCKS &&
           (strlen(lab_luck_name((enum lab_luck)luck)) != length ||
            strncmp(lab_luck_name((enum lab_luck)luck), word, length) != 0))
        luck++;
    return luck;
}

/* "weak=2,reuse=1" */
static bool take_luck(const char *text, struct zcrace *request)
{
    while (text != NULL) {
        const size_t length = strcspn(text, "=,");
        const unsigned luck = find_luck(text, length);
        char *end = NULL;
        unsigned long number = 0;

        if (luck == LAB_LUCKS)
            return wrong("--luck: spurious, timeout, weak and reuse are there, "
                         "not",
                         text);
        if (text[length] == '=' && text[length + 1] >= '0' &&
            text[length + 1] <= '9')
            number = strtoul(text + length + 1, &end, 10);
        if (end == NULL || (*end != '\0' && *end != ',') ||
            number > LAB_LUCK_MOST) {
            zcrace_say("--luck: \"%s\" has no number from 0 to %u", text,
                       LAB_LUCK_MOST);
            return false;
        }
        if ((request->luck_given >> luck & 1) != 0)
            return wrong("--luck: given twice:", text);
        request->luck[luck] = (unsigned)number;
        request->luck_given |= 1u << luck;
        text = *end == ',' ? end + 1 : NULL;
    }
    return true;
}

static enum lab_mode mode_of(const struct given *given)
{
    const bool bounded = given->values[BOUND] != NULL &&
                         given->numbers[BOUND] != LAB_NO_BOUND;

    if (given->values[PCT] != NULL)
        return LAB_PCT;
    if (given->values[RANDOM] != NULL)
        return LAB_WALK;
    return bounded ? LAB_BOUND : LAB_SLEEP;
}

static bool fill_request(const struct given *given, enum command command,
                         struct zcrace *request)
{
    struct lab_options *lab = &request->options;

    request->broken = given->values[BREAK];
    request->check = given->values[CHECK];
    request->record = given->values[RECORD];
    request->html = given->values[HTML];
    lab_states_wanted = request->html != NULL;
    request->sites = given->values[SITES];
    request->draws = given->values[STEPS] != NULL;
    request->jobs = (unsigned)given->numbers[JOBS];
    request->threads = given->values[THREADS] != NULL;
    request->steps = given->values[STEPS] != NULL ||
                     (command != RUN && given->values[STORY] == NULL);
    request->reference = given->values[REFERENCE] != NULL;
    request->speed = given->values[SPEED] != NULL;
    request->unbounded = given->values[BOUND] != NULL;
    lab_no_leaks = given->values[NO_LEAKS] != NULL;
    lab->threads = request->threads;
    lab->mode = mode_of(given);
    lab->bound = (unsigned)given->numbers[BOUND];
    lab->executions = given->numbers[RANDOM];
    lab->pct_depth = (unsigned)given->numbers[PCT];
    lab->milliseconds = given->numbers[TIME] * 1000;
    lab->seed = given->values[SEED] == NULL ? 1 : given->numbers[SEED];
    return take_luck(given->values[LUCK], request) &&
           take_format(given->values[FORMAT], request);
}

/* Fills it from the command line; false: said on stderr what is wrong. */
static bool parse(int argc, char **argv, enum command command,
                  struct zcrace *request)
{
    struct given given = {{NULL}, {0}};

    memset(request, 0, sizeof(*request));
    for (int i = 2; i < argc; i++) {
        if (argv[i][0] == '-') {
            if (!take_option(argc, argv, &i, &given))
                return false;
        } else if (request->name == NULL) {
            request->name = argv[i];
        } else {
            return wrong("one name is enough:", argv[i]);
        }
    }
    return check_together(&given, argv[1], command) &&
           fill_request(&given, command, request);
}

/* ---- the commands ---- */

static bool has_word(int argc, char **argv, const char *word)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], word) == 0)
            return true;
    }
    return false;
}

enum operand {
    NO_NAME,
    A_NAME,
    MAYBE_A_NAME
};

static const struct {
    const char *name;
    enum command command;
    enum operand operand;
    int (*run)(const struct zcrace *request);
} commands[] = {
    {"list", LIST, NO_NAME, zcrace_list},
    {"show", SHOW, A_NAME, zcrace_show},
    {"run", RUN, A_NAME, zcrace_run},
    {"replay", REPLAY, A_NAME, zcrace_replay},
    {"matrix", MATRIX, MAYBE_A_NAME, zcrace_matrix},
    {"selftest", SELFTEST, NO_NAME, zcrace_selftest},
};

static pid_t own_process;

/* Explored code may end this process, where it is not in a worker. */
static void guard_exit(void)
{
    if (lab_thread() < 0 || getpid() != own_process)
        return;
    zcrace_say("exit called by CPU#%d", lab_thread());
    (void)fflush(NULL);
    _exit(ZCRACE_FOUND);
}

static int run_command(int argc, char **argv)
{
    static struct zcrace request;

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) != 0 ||
            (commands[i].command == MATRIX && !zcrace_has_matrix()))
            continue;
        if (!parse(argc, argv, commands[i].command, &request))
            return ZCRACE_USAGE;
        if (commands[i].operand == MAYBE_A_NAME ||
            (commands[i].operand == A_NAME) == (request.name != NULL))
            return commands[i].run(&request);
        (void)wrong(commands[i].operand == A_NAME ? "a name is expected after"
                                                  : "no name is expected after",
                    commands[i].name);
        return ZCRACE_USAGE;
    }
    (void)wrong("there is no command", argv[1]);
    return ZCRACE_USAGE;
}

static int run_words(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return ZCRACE_USAGE;
    }
    if (has_word(argc, argv, "--help") || has_word(argc, argv, "-h") ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return ZCRACE_SILENT;
    }
    if (strcmp(argv[1], "--version") == 0) {
        (void)printf("%s %d.%d.%d\n", zcrace_name(), ZC_VERSION_MAJOR,
                     ZC_VERSION_MINOR, ZC_VERSION_PATCH);
        return ZCRACE_SILENT;
    }
    return run_command(argc, argv);
}

int zcrace_main(int argc, char **argv)
{
    int status;

    if (argc > 0)
        zcrace_set_name(argv[0]);
    own_process = getpid();
    (void)atexit(guard_exit);
    status = run_words(argc, argv);
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return status;
    zcrace_say("the output cannot be written: %s", strerror(errno));
    return ZCRACE_USAGE;
}
