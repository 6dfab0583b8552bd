/* SPDX-License-Identifier: MIT */
/* queue.c - what a command line names, as one source. */
#include "common/queue.h"

#include <stdlib.h>
#include <string.h>

#include "common/text.h"

void pid_list_add(struct pid_list *list, long pid)
{
    list->pids = memory_make_room(list->pids, list->count, &list->capacity,
                                  sizeof(*list->pids));
    list->pids[list->count++] = pid;
}

void pid_list_free(struct pid_list *list)
{
    free(list->pids);
    *list = (struct pid_list){0};
}

unsigned source_choice_kinds(const struct source_choice *choice)
{
    unsigned kinds = 0;

    kinds += choice->file_count != 0;
    kinds += choice->pids != NULL;
    kinds += choice->all;
    kinds += choice->cgroup_count != 0;
    kinds += choice->words != NULL;
    return kinds;
}

static int compare_pids(const void *left, const void *right)
{
    long a = *(const long *)left;
    long b = *(const long *)right;

    return (a > b) - (a < b);
}

void pid_list_sort(struct pid_list *list)
{
    size_t kept = 0;

    if (list->count == 0)
        return;
    qsort(list->pids, list->count, sizeof(*list->pids), compare_pids);
    for (size_t i = 1; i < list->count; i++) {
        if (list->pids[i] != list->pids[kept])
            list->pids[++kept] = list->pids[i];
    }
    list->count = kept + 1;
}

/* "7,8" */
static bool parse_pids(struct pid_list *list, const char *text)
{
    char *words = memory_copy_text(text);
    char *rest = words;
    char *part;
    bool good = true;

    while (good && (part = text_cut_part(&rest)) != NULL) {
        uint64_t pid;

        good = number_parse(part, 1, PID_MOST, &pid);
        if (good)
            pid_list_add(list, (long)pid);
        else
            message_error("--pid: \"%s\" is no process number; they are 1 to "
                          "%d",
                          part, PID_MOST);
    }
    free(words);
    pid_list_sort(list);
    return good;
}

/* Does each process exist, and may this program read it? */
static bool check_pids(const struct source_queue *queue)
{
    for (size_t i = 0; i < queue->pids.count; i++) {
        long pid = queue->pids.pids[i];
        enum process_outcome outcome = process_check(pid);

        if (outcome != PROCESS_OK) {
            process_explain(outcome, pid);
            return false;
        }
    }
    return true;
}

/* Adds the processes of a control group. */
static bool list_cgroup(struct source_queue *queue, const char *path)
{
    struct pid_list group = {0};
    const bool good = system_list_cgroup(&group, path);

    for (size_t i = 0; i < group.count; i++)
        pid_list_add(&queue->pids, group.pids[i]);
    queue->pids.foreign += group.foreign;
    pid_list_free(&group);
    pid_list_sort(&queue->pids);
    return good;
}

/* Lists the processes that are there now of those that are named. */
static bool list_processes(struct source_queue *queue)
{
    const struct source_choice *choice = queue->choice;
    bool good = true;

    pid_list_free(&queue->pids);
    if (choice->pids != NULL)
        return parse_pids(&queue->pids, choice->pids);
    if (choice->all)
        return system_list_all(&queue->pids);
    for (size_t i = 0; good && i < choice->cgroup_count; i++)
        good = list_cgroup(queue, choice->cgroups[i]);
    if (choice->cgroup_count != 0)
        return good;
    return command_list(&queue->command, &queue->pids);
}

/* Finds the processes that are named, and starts a command. */
static bool find_processes(struct source_queue *queue)
{
    const struct source_choice *choice = queue->choice;

    if (choice->words != NULL && !command_start(&queue->command, choice->words,
                                                choice->after_milliseconds))
        return false;
    return list_processes(queue) && (choice->pids == NULL || check_pids(queue));
}

/* "cgroup web", "command sleep 9"; NULL for processes that are named. */
static char *group_label(const struct source_choice *choice)
{
    struct text label = {0};

    if (choice->all) {
        text_print(&label, "all");
    } else if (choice->cgroup_count != 0) {
        for (size_t i = 0; i < choice->cgroup_count; i++)
            text_print(&label, "%scgroup %s", i == 0 ? "" : ", ",
                       choice->cgroups[i]);
    } else if (choice->words != NULL) {
        text_print(&label, "command");
        for (char **word = choice->words; *word != NULL; word++)
            text_print(&label, " %s", *word);
    }
    return label.bytes;
}

/*
 * The shared memory of the machine that is in no process read: it is known only
 * where all are.
 */
static uint64_t unmapped_shared_bytes(const struct source *source)
{
    uint64_t bytes = system_shared_memory();

    for (size_t i = 0; i < source->origin_count; i++) {
        uint64_t part = source->origins[i].shared_pages * source->page_size;

        bytes -= part < bytes ? part : bytes;
    }
    return bytes;
}

static bool open_processes(struct source_queue *queue, struct source *source)
{
    char *label = group_label(queue->choice);
    struct process_request request = {.pids = &queue->pids,
                                      .label = label,
                                      .page_size = queue->page_size,
                                      .proc = queue->proc,
                                      .see_shared = queue->see_shared,
                                      .see_context = queue->see_context};
    enum process_outcome outcome =
        process_open(source, &request, &queue->left_out);

    if (outcome == PROCESS_OK) {
        source->processes_left_out = queue->left_out;
        source->processes_left_out.foreign = queue->pids.foreign;
        if (queue->choice->all)
            source->unmapped_shared_bytes = unmapped_shared_bytes(source);
    } else if (queue->is_again && queue->pids.count == 1 &&
               outcome == PROCESS_GONE) {
        message_error("process %ld ended during the looks; nothing is left to "
                      "estimate",
                      queue->pids.pids[0]);
    } else if (queue->pids.count == 1) {
        process_explain(outcome, queue->pids.pids[0]);
    } else if (outcome != PROCESS_FAILED) {
        message_error("%s: no process was read: %zu not permitted (%s), "
                      "%zu without pages that "
                      "could be swapped, %zu ended",
                      label == NULL ? "--pid" : label,
                      queue->left_out.not_permitted, system_read_permission(),
                      queue->left_out.empty, queue->left_out.gone);
    }
    free(label);
    return outcome == PROCESS_OK;
}

bool source_queue_open(struct source_queue *queue, struct source *source,
                       const struct source_choice *choice, size_t page_size)
{
    *queue = (struct source_queue){.choice = choice, .page_size = page_size};
    if (choice->file_count != 0)
        return source_open_files(source, choice->files, choice->file_count,
                                 page_size);
    return find_processes(queue) && open_processes(queue, source);
}

bool source_queue_again(struct source_queue *queue, struct source *source)
{
    queue->left_out = (struct process_tally){0};
    queue->is_again = true;
    return list_processes(queue) && open_processes(queue, source);
}

void source_queue_read(struct source_queue *queue)
{
    if (queue->choice->words != NULL && queue->command.words != NULL)
        command_stop(&queue->command);
}

void source_queue_free(struct source_queue *queue)
{
    source_queue_read(queue);
    pid_list_free(&queue->pids);
}
