/* SPDX-License-Identifier: MIT */
/*
 * watched.c - which bytes the lab sees accessed, of a user's sources.
 *
 *     test_lab_watched [CALL] COMMAND [OPTION]...
 *
 * The scenario `call` runs each of the table below, or CALL alone, beside a
 * thread that accesses one byte.  That is the byte behind the last one that the
 * call accesses; with the rule BEYOND broken it is the last one, and they race.
 * Where the call writes, the other thread reads.
 *
 * The other scenarios are each a mistake, or right.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <zcache/lab.h>

/* Beside the compiler's own check, which NDEBUG removes. */
#define MUST(condition)                                                        \
    do {                                                                       \
        if (!(condition))                                                      \
            zc_lab_fail("wrong answer", "%s", #condition);                     \
    } while (0)

#define RUNS(name) static void name(__attribute__((unused)) void *context)

static const char text[] = "12 ab"; /* what is in from[] */

struct shared {
    pthread_mutex_t lock;
    atomic_int chosen; /* index + 1 of the call that is made */
    char from[8];      /* read */
    char to[16];       /* written */
    char *rest;
    struct big {
        char bytes[200];
    } one, two; /* copied by the compiler's own call */
    char last[8];
};

static struct shared *shared;
static FILE *file; /* has the text and an end of line */
static int ends[2];

/* --- calls ----------------------------------------------------------- */

#define FROM (shared->from)
#define TO (shared->to)

static int print_list(char *to, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = to == NULL ? vasprintf(&shared->rest, format, arguments)
                        : vsprintf(to, format, arguments);
    va_end(arguments);
    return length;
}

static int print_some(char *to, size_t size, const char *format, ...)
{
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(to, size, format, arguments);
    va_end(arguments);
    return length;
}

static int compare(const void *one, const void *two)
{
    return *(const char *)one - *(const char *)two;
}

static void use(char *copy)
{
    MUST(copy != NULL && copy[0] == '1');
    free(copy);
}

#define CALL(name, call)                                                       \
    static void name(void)                                                     \
    {                                                                          \
        call;                                                                  \
    }

CALL(do_memcmp, MUST(memcmp(FROM, text, 6) == 0))
CALL(do_bcmp, MUST(bcmp(FROM, text, 6) == 0))
CALL(do_memchr, MUST(memchr(FROM, ' ', 6) == FROM + 2))
CALL(do_memchr_none, MUST(memchr(FROM, 'x', 5) == NULL))
CALL(do_memrchr, MUST(memrchr(FROM, 'b', 6) == FROM + 4))
CALL(do_memmem, MUST(memmem(FROM, 6, " a", 2) == FROM + 2))
CALL(do_memcpy, memcpy(TO, FROM, 6))
CALL(do_memmove, memmove(TO, FROM, 6))
CALL(do_memset, memset(TO, 1, 6))
CALL(do_mempcpy, MUST(mempcpy(TO, FROM, 6) == TO + 6))
CALL(do_memccpy, MUST(memccpy(TO, FROM, '2', 6) == TO + 2))
CALL(do_bcopy, bcopy(FROM, TO, 6))
CALL(do_bzero, bzero(TO, 6))
CALL(do_explicit_bzero, explicit_bzero(TO, 6))
CALL(do_strlen, MUST(strlen(FROM) == 5))
CALL(do_strnlen, MUST(strnlen(FROM, 3) == 3))
CALL(do_strcpy, MUST(strcpy(TO, FROM) == TO))
CALL(do_stpcpy, MUST(stpcpy(TO, FROM) == TO + 5))
CALL(do_strncpy, MUST(strncpy(TO, FROM, 8)[5] == '\0'))
CALL(do_stpncpy, MUST(stpncpy(TO, FROM, 8) == TO + 5))
CALL(do_strcat, MUST(strcat(TO, FROM) == TO))
CALL(do_strncat, MUST(strncat(TO, FROM, 2)[2] == '\0'))
CALL(do_strdup, use(strdup(FROM)))
CALL(do_strndup, use(strndup(FROM, 3)))
CALL(do_strcmp, MUST(strcmp(FROM, "12 x") < 0))
CALL(do_strncmp, MUST(strncmp(FROM, text, 3) == 0))
CALL(do_strcasecmp, MUST(strcasecmp(FROM, "12 AB") == 0))
CALL(do_strncasecmp, MUST(strncasecmp(FROM, "12 AX", 4) == 0))
CALL(do_strcoll, MUST(strcoll(FROM, text) == 0))
CALL(do_strchr, MUST(strchr(FROM, ' ') == FROM + 2))
CALL(do_strchrnul, MUST(*strchrnul(FROM, 'x') == '\0'))
CALL(do_strrchr, MUST(strrchr(FROM, '1') == FROM))
CALL(do_strstr, MUST(strstr(FROM, "2 ") == FROM + 1))
CALL(do_strspn, MUST(strspn(FROM, "21") == 2))
CALL(do_strcspn, MUST(strcspn(FROM, "ba") == 3))
CALL(do_strpbrk, MUST(strpbrk(FROM, " a") == FROM + 2))
CALL(do_strsep, shared->rest = FROM; MUST(strsep(&shared->rest, " ") == FROM))
CALL(do_strtok, MUST(strtok(FROM, " ") == FROM))
CALL(do_strtok_r, MUST(strtok_r(FROM, " ", &shared->rest) == FROM))
CALL(do_strtol, MUST(strtol(FROM, NULL, 10) == 12))
CALL(do_strtol_end, char **end = &shared->rest; (void)strtol(text, end, 10))
CALL(do_strtoll, MUST(strtoll(FROM, NULL, 10) == 12))
CALL(do_strtoul, MUST(strtoul(FROM, NULL, 10) == 12))
CALL(do_strtoull, MUST(strtoull(FROM, NULL, 10) == 12))
CALL(do_strtof, MUST((int)strtof(FROM, NULL) == 12))
CALL(do_strtod, MUST((int)strtod(FROM, NULL) == 12))
CALL(do_strtold, MUST((int)strtold(FROM, NULL) == 12))
CALL(do_atoi, MUST(atoi(FROM) == 12))
CALL(do_atol, MUST(atol(FROM) == 12))
CALL(do_atoll, MUST(atoll(FROM) == 12))
CALL(do_atof, MUST((int)atof(FROM) == 12))
CALL(do_snprintf, MUST(snprintf(TO, 4, "%d%c%s", 1, '2', " ab") == 5))
CALL(do_snprintf_s, MUST(snprintf(NULL, 0, "%*lu%s", 3, 1ul, FROM) == 8))
CALL(do_snprintf_few, MUST(snprintf(NULL, 0, "%Lf%%%.*s", 1.0L, 2, FROM) == 11))
CALL(do_vsnprintf, MUST(print_some(TO, 16, "%s", text) == 5))
CALL(do_sprintf, MUST(sprintf(TO, "%5s", "a") == 5))
CALL(do_vsprintf, MUST(print_list(TO, "%hhd%-4zu", 1, (size_t)2) == 5))
CALL(do_asprintf, MUST(asprintf(&shared->rest, "1%s", FROM) == 6);
     use(shared->rest))
CALL(do_vasprintf, MUST(print_list(NULL, "1%s", FROM) == 6); use(shared->rest))
CALL(do_qsort, qsort(TO, 3, 2, compare))
CALL(do_bsearch, MUST(bsearch("1", FROM, 1, 1, compare) == FROM))
CALL(do_assign, shared->one = shared->two)
CALL(do_read, MUST(write(ends[1], text, 6) == 6 && read(ends[0], TO, 9) == 6))
CALL(do_write, char own[6]; MUST(write(ends[1], FROM, 6) == 6);
     MUST(read(ends[0], own, 6) == 6))
CALL(do_pread, MUST(pread(fileno(file), TO, 5, 0) == 5))
CALL(do_pwrite, MUST(pwrite(fileno(file), FROM, 5, 0) == 5))
CALL(do_fread, rewind(file); MUST(fread(TO, 1, 9, file) == 6))
CALL(do_fwrite, rewind(file); MUST(fwrite(FROM, 1, 5, file) == 5))
CALL(do_fgets, rewind(file); MUST(fgets(TO, 16, file) == TO))
CALL(do_fputs, rewind(file); MUST(fputs(FROM, file) >= 0))
CALL(do_getline, char *line = TO; size_t room = 16; rewind(file);
     MUST(getline(&line, &room, file) == 6))
CALL(do_getdelim, char *line = TO; size_t room = 16; rewind(file);
     MUST(getdelim(&line, &room, ' ', file) == 3))

enum place {
    READS,   /* of from[] */
    WRITES,  /* to to[] */
    CHANGES, /* of from[] */
    STORES,  /* to rest */
    COPIES   /* of two.bytes[] */
};

static const struct call {
    const char *name;
    void (*run)(void);
    enum place place;
    unsigned last; /* of the bytes accessed */
} calls[] = {
    {"memcmp", do_memcmp, READS, 5},
    {"bcmp", do_bcmp, READS, 5},
    {"memchr", do_memchr, READS, 2},
    {"memchr-none", do_memchr_none, READS, 4},
    {"memrchr", do_memrchr, READS, 5},
    {"memmem", do_memmem, READS, 3},
    {"memcpy", do_memcpy, READS, 5},
    {"memcpy-to", do_memcpy, WRITES, 5},
    {"memmove", do_memmove, READS, 5},
    {"memmove-to", do_memmove, WRITES, 5},
    {"memset", do_memset, WRITES, 5},
    {"mempcpy", do_mempcpy, READS, 5},
    {"mempcpy-to", do_mempcpy, WRITES, 5},
    {"memccpy", do_memccpy, READS, 1},
    {"memccpy-to", do_memccpy, WRITES, 1},
    {"bcopy", do_bcopy, READS, 5},
    {"bcopy-to", do_bcopy, WRITES, 5},
    {"bzero", do_bzero, WRITES, 5},
    {"explicit_bzero", do_explicit_bzero, WRITES, 5},
    {"strlen", do_strlen, READS, 5},
    {"strnlen", do_strnlen, READS, 2},
    {"strcpy", do_strcpy, READS, 5},
    {"strcpy-to", do_strcpy, WRITES, 5},
    {"stpcpy", do_stpcpy, READS, 5},
    {"stpcpy-to", do_stpcpy, WRITES, 5},
    {"strncpy", do_strncpy, READS, 5},
    {"strncpy-to", do_strncpy, WRITES, 7},
    {"stpncpy", do_stpncpy, READS, 5},
    {"stpncpy-to", do_stpncpy, WRITES, 7},
    {"strcat", do_strcat, READS, 5},
    {"strcat-to", do_strcat, WRITES, 5},
    {"strncat", do_strncat, READS, 1},
    {"strncat-to", do_strncat, WRITES, 2},
    {"strdup", do_strdup, READS, 5},
    {"strndup", do_strndup, READS, 2},
    {"strcmp", do_strcmp, READS, 3},
    {"strncmp", do_strncmp, READS, 2},
    {"strcasecmp", do_strcasecmp, READS, 5},
    {"strncasecmp", do_strncasecmp, READS, 3},
    {"strcoll", do_strcoll, READS, 5},
    {"strchr", do_strchr, READS, 2},
    {"strchrnul", do_strchrnul, READS, 5},
    {"strrchr", do_strrchr, READS, 5},
    {"strstr", do_strstr, READS, 2},
    {"strspn", do_strspn, READS, 2},
    {"strcspn", do_strcspn, READS, 3},
    {"strpbrk", do_strpbrk, READS, 2},
    {"strsep", do_strsep, CHANGES, 2},
    {"strtok", do_strtok, CHANGES, 2},
    {"strtok_r", do_strtok_r, CHANGES, 2},
    {"strtol", do_strtol, READS, 2},
    {"strtol-end", do_strtol_end, STORES, 7},
    {"strtoll", do_strtoll, READS, 2},
    {"strtoul", do_strtoul, READS, 2},
    {"strtoull", do_strtoull, READS, 2},
    {"strtof", do_strtof, READS, 2},
    {"strtod", do_strtod, READS, 2},
    {"strtold", do_strtold, READS, 2},
    {"atoi", do_atoi, READS, 2},
    {"atol", do_atol, READS, 2},
    {"atoll", do_atoll, READS, 2},
    {"atof", do_atof, READS, 2},
    {"snprintf-to", do_snprintf, WRITES, 3},
    {"snprintf", do_snprintf_s, READS, 5},
    {"snprintf-few", do_snprintf_few, READS, 1},
    {"vsnprintf", do_vsnprintf, WRITES, 5},
    {"sprintf", do_sprintf, WRITES, 5},
    {"vsprintf", do_vsprintf, WRITES, 5},
    {"asprintf", do_asprintf, READS, 5},
    {"vasprintf", do_vasprintf, READS, 5},
    {"qsort", do_qsort, WRITES, 5},
    {"bsearch", do_bsearch, READS, 0},
    {"assignment", do_assign, COPIES, 199},
    {"read", do_read, WRITES, 5},
    {"write", do_write, READS, 5},
    {"pread", do_pread, WRITES, 4},
    {"pwrite", do_pwrite, READS, 4},
    {"fread", do_fread, WRITES, 5},
    {"fwrite", do_fwrite, READS, 4},
    {"fgets", do_fgets, WRITES, 6},
    {"fputs", do_fputs, READS, 5},
    {"getline", do_getline, WRITES, 6},
    {"getdelim", do_getdelim, WRITES, 3},
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static int only = -1; /* the index of CALL */

RUNS(setup)
{
    shared = calloc(1, sizeof(*shared));
    MUST(shared != NULL);
    memcpy(FROM, text, sizeof(text));
}

RUNS(finish)
{
    free(shared);
}

RUNS(make_call)
{
    int index = only >= 0 ? only : (int)zc_lab_choose(CALLS, "call");

    atomic_store(&shared->chosen, index + 1);
    calls[index].run();
}

RUNS(touch)
{
    int chosen = atomic_load(&shared->chosen);
    volatile char *from = FROM;
    volatile const char *to = TO;
    unsigned at;

    if (chosen == 0)
        return;
    at = calls[chosen - 1].last + (zc_lab_holds("BEYOND") ? 1 : 0);
    switch (calls[chosen - 1].place) {
    case READS:
        from[at] = at < sizeof(text) ? text[at] : '\0';
        break;
    case CHANGES:
        (void)from[at];
        break;
    case WRITES:
        (void)to[at];
        break;
    case STORES:
        (void)((volatile const char *)&shared->rest)[at];
        break;
    case COPIES:
        ((volatile char *)&shared->two)[at] = 0;
        break;
    }
}

/* --- bytes of one word ----------------------------------------------- */

#define READERS 6
static atomic_int seen[READERS]; /* by each */

RUNS(write_seven)
{
    for (volatile int i = 0; i < 7; i++)
        ((volatile char *)TO)[i] = 1;
}

RUNS(write_first)
{
    ((volatile char *)TO)[0] = 2;
}

RUNS(write_eighth)
{
    ((volatile char *)TO)[7] = 2;
}

RUNS(read_first)
{
    (void)((volatile char *)TO)[0];
}

#define READER(index)                                                          \
    RUNS(read_and_tell##index)                                                 \
    {                                                                          \
        (void)((volatile char *)TO)[0];                                        \
        atomic_store(&seen[index], 1);                                         \
    }
READER(0)
READER(1)
READER(2)
READER(3)
READER(4)
READER(5)

RUNS(write_if_told)
{
    for (int i = 0; i < READERS; i++) {
        if (atomic_load(&seen[i]) == 0)
            return;
    }
    ((volatile char *)TO)[0] = 2;
}

/* --- blocks ---------------------------------------------------------- */

static char *block;

RUNS(setup_block)
{
    setup(context);
    block = malloc(13);
    MUST(block != NULL);
    memset(block, 1, 13);
}

RUNS(finish_block)
{
    free(block);
    finish(context);
}

RUNS(free_it)
{
    (void)pthread_mutex_lock(&shared->lock);
    free(block);
    (void)pthread_mutex_unlock(&shared->lock);
}

RUNS(read_last)
{
    (void)pthread_mutex_lock(&shared->lock);
    (void)((volatile char *)block)[12];
    (void)pthread_mutex_unlock(&shared->lock);
}

RUNS(measure)
{
    (void)pthread_mutex_lock(&shared->lock);
    MUST(strnlen(block, 3) <= 3);
    (void)pthread_mutex_unlock(&shared->lock);
}

RUNS(use_all)
{
    char *none = malloc(0);
    char *odd = malloc(4);

    memset(block, 2, 13);
    memset(odd, 2, 4);
    odd = realloc(odd, 7);
    odd[6] = 1;
    free(odd);
    free(none);
}

RUNS(write_past)
{
    ((volatile char *)block)[13] = 1;
}

RUNS(write_far_past)
{
    ((volatile char *)block)[13 + 18] = 1;
}

RUNS(read_before)
{
    (void)((volatile char *)block)[-8];
}

RUNS(copy_too_much)
{
    char *small = malloc(sizeof(text) - 1);

    strcpy(small, FROM);
    free(small);
}

RUNS(read_wide)
{
    (void)*(volatile short *)(void *)(block + 12);
}

RUNS(free_inside)
{
    free(block + 8);
}

RUNS(read_new_line)
{
    char *line = NULL;
    size_t room = 0;

    rewind(file);
    MUST(getline(&line, &room, file) == 6 && line[5] == '\n' && room > 6);
    free(line);
}

RUNS(follow_fresh)
{
    volatile char **made = malloc(sizeof(*made));

    **made = 1;
    free(made);
}

/* In the place of a longer one, where a search gives it again. */
RUNS(write_past_again)
{
    char *made = malloc(13);
    const uintptr_t before = (uintptr_t)made;

    free(made);
    made = malloc(11);
    if ((uintptr_t)made == before)
        ((volatile char *)made)[11] = 1;
    free(made);
}

RUNS(copy_again)
{
    char *made = malloc(sizeof(text));
    const uintptr_t before = (uintptr_t)made;

    free(made);
    made = strdup(FROM);
    if ((uintptr_t)made == before)
        zc_lab_fail("reuse", "happened");
    free(made);
}

/* --- what the C library keeps ---------------------------------------- */

RUNS(split)
{
    char own[] = "a b";

    MUST(strtok(own, " ") == own);
}

RUNS(nothing)
{
}

/* --- the list -------------------------------------------------------- */

static const char *const call_rules[] = {"BEYOND", NULL};
static const char *const no_rules[] = {NULL};

#define SCENARIO(its_name, its_setup, its_finish, its_rules, ...)              \
    {                                                                          \
        .struct_size = sizeof(struct zc_lab_scenario), .name = (its_name),     \
        .setup = (its_setup), .finish = (its_finish), .rules = (its_rules),    \
        .actors = (const struct zc_lab_actor[]){__VA_ARGS__},                  \
        .actor_count = sizeof((const struct zc_lab_actor[]){__VA_ARGS__}) /    \
                       sizeof(struct zc_lab_actor),                            \
        .failures = 1,                                                         \
    }
#define OVER(name, ...) SCENARIO(name, setup, finish, no_rules, __VA_ARGS__)
#define ON_BLOCK(name, ...)                                                    \
    SCENARIO(name, setup_block, finish_block, no_rules, __VA_ARGS__)

/* clang-format off */
static const struct zc_lab_scenario scenarios[] = {
    SCENARIO("call", setup, finish, call_rules, {"call", make_call},
             {"touch", touch}),
    OVER("bytes", {"seven", write_seven}, {"first", write_first}),
    OVER("bytes-apart", {"seven", write_seven}, {"eighth", write_eighth}),
    OVER("readers", {"read", read_first}, {"read", read_and_tell0},
         {"read", read_and_tell1}, {"read", read_and_tell2},
         {"read", read_and_tell3}, {"read", read_and_tell4},
         {"read", read_and_tell5}, {"write", write_if_told}),
    ON_BLOCK("inside", {"all", use_all}, {"nothing", nothing}),
    SCENARIO("freed", setup_block, finish, no_rules, {"free", free_it},
             {"read", read_last}),
    SCENARIO("freed-string", setup_block, finish, no_rules, {"free", free_it},
             {"measure", measure}),
    ON_BLOCK("past", {"write", write_past}),
    ON_BLOCK("far-past", {"write", write_far_past}),
    ON_BLOCK("before", {"read", read_before}),
    ON_BLOCK("across", {"read", read_wide}),
    ON_BLOCK("copy", {"copy", copy_too_much}),
    ON_BLOCK("free-inside", {"free", free_inside}),
    ON_BLOCK("line", {"read", read_new_line}),
    ON_BLOCK("fresh", {"follow", follow_fresh}),
    OVER("past-again", {"write", write_past_again}),
    OVER("copy-again", {"copy", copy_again}),
    OVER("tokens", {"split", split}, {"split", split}),
};
/* clang-format on */

#define COUNT (sizeof(scenarios) / sizeof(scenarios[0]))

/* Before all executions, so that none of them leaves one open.  Without a
 * buffer, no process has a state of the file of its own. */
static int open_files(void)
{
    file = tmpfile();
    return file != NULL && setvbuf(file, NULL, _IONBF, 0) == 0 &&
           fprintf(file, "%s\n", text) == 6 && pipe(ends) == 0;
}

int main(int argc, char **argv)
{
    const struct zc_lab_scenario *list[COUNT + 1] = {NULL};

    for (size_t i = 0; i < COUNT; i++)
        list[i] = &scenarios[i];
    if (argc == 2 && strcmp(argv[1], "calls") == 0) {
        for (size_t i = 0; i < CALLS; i++)
            (void)printf("%s\n", calls[i].name);
        return 0;
    }
    if (!open_files())
        return 2;
    for (size_t i = 0; argc > 1 && i < CALLS; i++) {
        if (strcmp(argv[1], calls[i].name) != 0)
            continue;
        only = (int)i;
        return zc_lab_main(argc - 1, argv + 1, list);
    }
    return zc_lab_main(argc, argv, list);
}
