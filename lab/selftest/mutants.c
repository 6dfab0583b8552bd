/* SPDX-License-Identifier: MIT */
/*
 * mutants.c - does the self-test notice mistakes of the engine?
 *
 * The engine makes one planted mistake after another; each time the quick
 * self-test must fail.  Each test runs in a process of its own, with a time
 * limit: some mistakes make it run forever, which counts as noticed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/mutant.h"
#include "selftest.h"

#define SECONDS 60

static const struct {
    const char *name;
    const char *sentence;
} mutants[] = {
#define ENTRY(name_, sentence_) {#name_, sentence_},
    LAB_MUTANT_LIST(ENTRY)
#undef ENTRY
};

struct answer {
    unsigned wrong;
    char first[200];
};

/* Writes the first fact that does not hold, and how many do not. */
static void child(unsigned mutant, int out)
{
    struct selftest test = {.quick = true};
    struct answer answer;
    FILE *said = tmpfile();

    memset(&answer, 0, sizeof(answer));
    (void)alarm(SECONDS);
    test.out = said;
    lab_mutant = (enum lab_mutant_name)mutant;
    (void)selftest_all(&test);
    answer.wrong = test.wrong;
    if (said != NULL) {
        rewind(said);
        if (fgets(answer.first, sizeof(answer.first), said) != NULL)
            answer.first[strcspn(answer.first, "\n")] = '\0';
    }
    if (write(out, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
        _exit(2);
    _exit(0);
}

/* True: the self-test failed, or passed where nothing is wrong. */
static bool try(unsigned mutant)
{
    struct answer answer;
    int ends[2];
    int status = 0;
    bool noticed;
    pid_t pid;

    memset(&answer, 0, sizeof(answer));
    if (pipe(ends) != 0)
        return false;
    (void)fflush(NULL);
    pid = fork();
    if (pid == 0)
        child(mutant, ends[1]);
    (void)close(ends[1]);
    if (read(ends[0], &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
        (void)snprintf(answer.first, sizeof(answer.first), "no end");
    (void)close(ends[0]);
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return false;
    noticed = answer.wrong != 0 || !WIFEXITED(status);
    (void)printf("%-24s %s\n    %s: %u, %s\n", mutants[mutant].name,
                 mutants[mutant].sentence,
                 noticed ? "noticed" : "nothing is noticed", answer.wrong,
                 answer.first);
    return noticed == (mutant != LAB_MUTANT_NONE);
}

int main(int argc, char **argv)
{
    unsigned survivors = 0;

    for (unsigned i = 0; i < LAB_MUTANT_COUNT; i++) {
        if (argc < 2 || strcmp(argv[1], mutants[i].name) == 0)
            survivors += !try(i);
    }
    (void)printf("%u mutants, %u not as they should be\n",
                 (unsigned)LAB_MUTANT_COUNT - 1, survivors);
    return survivors == 0 ? 0 : 1;
}
