/* SPDX-License-Identifier: MIT */
/* system_none.c - where other processes cannot be read: only files. */
#include "common/process_maps.h"
#include "common/system.h"

static bool not_supported(const char *what)
{
    message_error("%s is not supported on this system, which has no Linux "
                  "/proc; give files",
                  what);
    return false;
}

uint64_t system_available_memory(void)
{
    return 0;
}

uint64_t system_total_memory(void)
{
    return 0;
}

uint64_t system_swap_devices(void)
{
    return 0;
}

uint64_t system_shared_memory(void)
{
    return 0;
}

struct system_chain system_find_chain(void)
{
    return (struct system_chain){0};
}

struct system_shortage system_find_shortage(void)
{
    return (struct system_shortage){0};
}

const char *system_read_permission(void)
{
    return "not supported on this system";
}

bool system_list_all(struct pid_list *list)
{
    (void)list;
    return not_supported("--all");
}

bool system_list_cgroup(struct pid_list *list, const char *path)
{
    (void)list;
    (void)path;
    return not_supported("--cgroup");
}

enum process_outcome process_check(long pid)
{
    (void)pid;
    (void)not_supported("--pid");
    return PROCESS_FAILED;
}

enum process_outcome process_open(struct source *source,
                                  const struct process_request *request,
                                  struct process_tally *tally)
{
    (void)source;
    (void)request;
    (void)tally;
    return PROCESS_FAILED;
}

bool process_mapping_next(char **rest, struct process_mapping *mapping)
{
    (void)rest;
    (void)mapping;
    return false;
}

void process_explain(enum process_outcome outcome, long pid)
{
    (void)outcome;
    (void)pid;
}

void system_end_with(long parent)
{
    (void)parent;
}

bool command_start(struct command *command, char **words, uint64_t milliseconds)
{
    (void)command;
    (void)words;
    (void)milliseconds;
    return not_supported("-- COMMAND");
}

bool command_list(const struct command *command, struct pid_list *list)
{
    (void)command;
    (void)list;
    return false;
}

void command_stop(struct command *command)
{
    (void)command;
}
