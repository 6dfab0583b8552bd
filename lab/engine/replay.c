/* SPDX-License-Identifier: MIT */
/*
 * replay.c - one schedule, run again and recorded; and schedules as text.
 *
 *     zr1:NAME:RULE:w2,1*4,2*4,c1,1*3#5f0c21aa
 *
 * The budget of weak exchanges is 2, and not what the scenario says.  CPU#1
 * does four steps, CPU#2 four, of which the last makes choice 1, then CPU#1
 * three.  After # is the hash of what happened: steps, objects, values.
 */
#include "search_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What a worker that replays shares with its parent. */
struct shared {
    struct lab_pulse pulse;
    const struct lab_program *program;
    bool threads;
    struct lab_schedule schedule;
    struct lab_trace trace;
};

static int pick(unsigned depth, unsigned enabled)
{
    (void)depth;
    if ((enabled & LAB_BIT(lab_run.current)) != 0)
        return lab_run.current;
    return lab_lowest(enabled);
}

static unsigned choose(unsigned depth, unsigned n, bool costs)
{
    (void)depth;
    (void)n;
    (void)costs;
    return 0;
}

static bool next(void)
{
    return false;
}

const struct lab_strategy lab_plain = {
    .pick = pick,
    .choose = choose,
    .next = next,
};

static void execute(void *argument)
{
    struct shared *shared = argument;
    struct lab_order order = {
        .program = shared->program,
        .strategy = &lab_plain,
        .threads = shared->threads,
        .script = shared->schedule.count,
        .schedule = &shared->schedule,
        .trace = &shared->trace,
    };

    lab_execute(&order);
}

/* Says how the worker of this trace ended. */
static void say_death(struct shared *shared, const struct lab_worker *worker)
{
    struct lab_trace *trace = &shared->trace;
    char *text = trace->texts + trace->text_used;
    size_t room = sizeof(trace->texts) - trace->text_used;
    unsigned last = shared->schedule.count;
    int length = 0;

    trace->outcome = LAB_CRASHED;
    trace->what = lab_death_name(worker->death);
    while (last > 0 && shared->schedule.decisions[last - 1] >= LAB_CHOICE)
        last--;
    if (worker->death == LAB_DEATH_EXIT)
        length = snprintf(text, room, "with status %d", worker->status);
    else if (worker->death == LAB_DEATH_STUCK && last > 0)
        length = snprintf(text, room, "CPU#%d makes no step",
                          shared->schedule.decisions[last - 1]);
    else if (worker->death == LAB_DEATH_CRASH)
        trace->signal = worker->status;
    if (length <= 0 || (size_t)length >= room)
        return;
    trace->message = trace->text_used;
    trace->text_used += (unsigned)length + 1;
}

static void execute_in_worker(struct shared *shared)
{
    struct lab_worker worker = {.pulse = &shared->pulse};

    if (!lab_worker_run(&worker, execute, shared)) {
        shared->trace.outcome = LAB_DIVERGED;
        shared->trace.what = "no worker process";
    } else if (worker.death != LAB_DEATH_NONE) {
        say_death(shared, &worker);
    }
}

bool lab_record(const struct lab_program *program, bool threads,
                const struct lab_schedule *schedule, struct lab_trace *trace)
{
    struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (shared == MAP_FAILED)
        return false;
    shared->program = program;
    shared->threads = threads;
    shared->schedule.count = schedule->count;
    memcpy(shared->schedule.decisions, schedule->decisions, schedule->count);
    if (program->disposable && !program->isolated && !program->fresh)
        execute(shared);
    else
        execute_in_worker(shared);
    memcpy(trace, &shared->trace,
           offsetof(struct lab_trace, rows) +
               shared->trace.row_count * sizeof(trace->rows[0]));
    memcpy(trace->texts, shared->trace.texts, shared->trace.text_used);
    (void)munmap(shared, sizeof(*shared));
    return trace->outcome != LAB_DIVERGED;
}

/* --- as text --------------------------------------------------------- */

struct writer {
    char *text;
    size_t used;
    bool full;
};

static void put(struct writer *writer, const char *format, ...)
    LAB_PRINTF(2, 3);

static void put(struct writer *writer, const char *format, ...)
{
    size_t room = LAB_REPLAY_CHARS - writer->used;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(writer->text + writer->used, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        writer->full = true;
    else
        writer->used += (size_t)length;
}

bool lab_replay_format(const struct lab_trace *trace,
                       const struct lab_schedule *schedule,
                       char text[LAB_REPLAY_CHARS])
{
    struct writer writer = {.text = text};
    unsigned i = 0;

    put(&writer, "zr1:%s:%s:", trace->program,
        trace->broken == NULL ? "" : trace->broken);
    for (unsigned luck = 0; luck < LAB_LUCKS; luck++) {
        if ((trace->luck_given >> luck & 1) != 0)
            put(&writer, "%c%u,", lab_luck_name((enum lab_luck)luck)[0],
                trace->luck[luck]);
    }
    while (i < schedule->count) {
        uint8_t entry = schedule->decisions[i];
        unsigned run = 1;

        if (i > 0)
            put(&writer, ",");
        while (i + run < schedule->count && entry < LAB_CHOICE &&
               schedule->decisions[i + run] == entry)
            run++;
        i += run;
        if (entry >= LAB_CHOICE)
            put(&writer, "c%u", entry & ~LAB_CHOICE);
        else if (run == 1)
            put(&writer, "%u", entry);
        else
            put(&writer, "%u*%u", entry, run);
    }
    put(&writer, "#%08x", trace->hash);
    return !writer.full;
}

/* The text up to a colon; the text after it, or NULL. */
static const char *take_field(const char *text, char *field, size_t size)
{
    const char *colon = strchr(text, ':');

    if (colon == NULL || (size_t)(colon - text) >= size)
        return NULL;
    memcpy(field, text, (size_t)(colon - text));
    field[colon - text] = '\0';
    return colon + 1;
}

/* A number up to a limit; false: there is none. */
static bool take_number(const char **text, unsigned long limit,
                        unsigned long *number)
{
    char *end;

    if (**text < '0' || **text > '9')
        return false;
    *number = strtoul(*text, &end, 10);
    *text = end;
    return *number <= limit;
}

/* Budgets are told by the first letters of their names. */
static const char *take_luck(const char **text, struct lab_replay *replay)
{
    for (unsigned i = 0; i < LAB_LUCKS; i++) {
        unsigned long number;

        if (**text != lab_luck_name((enum lab_luck)i)[0])
            continue;
        ++*text;
        if (!take_number(text, LAB_LUCK_MOST, &number))
            return "a number up to 1000 is expected after a budget's letter";
        replay->luck[i] = (unsigned)number;
        replay->luck_given |= 1u << i;
        return NULL;
    }
    return "a thread, c and a choice, or a budget's letter is expected";
}

static const char *take_entry(const char **text, struct lab_schedule *schedule)
{
    bool is_choice = **text == 'c';
    unsigned long number;
    unsigned long times = 1;

    *text += is_choice;
    if (!take_number(text, is_choice ? LAB_CHOICE - 1 : LAB_THREADS - 1,
                     &number))
        return "a thread from 1 to 16, or c and a choice, is expected";
    if (!is_choice && **text == '*') {
        ++*text;
        if (!take_number(text, LAB_SCHEDULE_MAX, &times) || times == 0)
            return "a number of steps is expected after *";
    }
    if (!is_choice && number == 0)
        return "threads count from 1";
    if (schedule->count + times > LAB_SCHEDULE_MAX)
        return "the schedule is too long";
    memset(schedule->decisions + schedule->count,
           (int)(is_choice ? LAB_CHOICE | number : number), times);
    schedule->count += (unsigned)times;
    return NULL;
}

const char *lab_replay_parse(const char *text, struct lab_replay *replay)
{
    char version[8];
    const char *wrong;
    char *end;

    memset(replay, 0, offsetof(struct lab_replay, schedule));
    replay->schedule.count = 0;
    text = take_field(text, version, sizeof(version));
    if (text == NULL || strcmp(version, "zr1") != 0)
        return "it does not begin with zr1:";
    text = take_field(text, replay->name, sizeof(replay->name));
    if (text == NULL)
        return "a scenario and a colon are expected after zr1:";
    text = take_field(text, replay->broken, sizeof(replay->broken));
    if (text == NULL)
        return "a rule (or nothing) and a colon are expected after the "
               "scenario";
    while (*text != '#') {
        if (replay->schedule.count == 0 && *text >= 'a' && *text != 'c')
            wrong = take_luck(&text, replay);
        else
            wrong = take_entry(&text, &replay->schedule);
        if (wrong != NULL)
            return wrong;
        if (*text == ',')
            text++;
        else if (*text != '#')
            return "a comma or # is expected after an entry";
    }
    if (strspn(text + 1, "0123456789abcdef") != 8 || text[9] != '\0')
        return "# and 8 hexadecimal digits are expected at the end";
    replay->hash = (uint32_t)strtoul(text + 1, &end, 16);
    return NULL;
}
