/* SPDX-License-Identifier: MIT */
/* queue.c - the sources that a command line names. */
#include "common/queue.h"

#include <stdlib.h>
#include <string.h>

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
    kinds += choice->cgroup != NULL;
    kinds += choice->words != NULL;
    return kinds;
}

/* "7,8" */
static bool parse_pids(struct pid_list *list, const char *text)
{
    char *words = memory_copy_text(text);
    char *rest = words;
    bool good = true;

    while (good && rest != NULL) {
        char *comma = strchr(rest, ',');
        uint64_t pid;

        if (comma != NULL)
            *comma = '\0';
        good = number_parse(rest, 1, PID_MOST, &pid);
        if (good)
            pid_list_add(list, (long)pid);
        else
            message_error("--pid: \"%s\" is no process number; they are 1 to "
                          "%d",
                          rest, PID_MOST);
        rest = comma == NULL ? NULL : comma + 1;
    }
    free(words);
    return good;
}

/* Opens each file once, to show its errors early. */
static bool check_files(const struct source_queue *queue)
{
    for (size_t i = 0; i < queue->choice->file_count; i++) {
        struct source source;

        if (!source_open_file(&source, queue->choice->files[i],
                              queue->page_size))
            return false;
        source_close(&source);
    }
    return true;
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

bool source_queue_begin(struct source_queue *queue,
                        const struct source_choice *choice, size_t page_size)
{
    *queue = (struct source_queue){.choice = choice, .page_size = page_size};
    if (choice->file_count != 0)
        return check_files(queue);
    if (choice->pids != NULL)
        return parse_pids(&queue->pids, choice->pids) && check_pids(queue);
    if (choice->all)
        return system_list_all(&queue->pids);
    if (choice->cgroup != NULL)
        return system_list_cgroup(&queue->pids, choice->cgroup);
    if (!command_start(&queue->command, choice->words,
                       choice->after_milliseconds))
        return false;
    return command_list(&queue->command, &queue->pids);
}

/*
 * May the command go on without this process?  One of many may have ended
 * meanwhile.  A failure of the only one, and a process that may not be read, is
 * an error, except with --all.
 */
static bool can_do_without(const struct source_queue *queue,
                           enum process_outcome outcome, long pid)
{
    if (outcome == PROCESS_FAILED)
        return false;
    if (queue->choice->all)
        return true;
    if (queue->pids.count == 1 || outcome == PROCESS_NOT_PERMITTED) {
        process_explain(outcome, pid);
        return false;
    }
    message_note("process %ld is left out: it has ended, or has no anonymous "
                 "pages in memory",
                 pid);
    return true;
}

/* The next process that has pages. */
static enum queue_step next_process(struct source_queue *queue,
                                    struct source *source)
{
    while (queue->next < queue->pids.count) {
        long pid = queue->pids.pids[queue->next++];
        struct pid_list list = {.pids = &pid, .count = 1};
        struct process_request request = {.pids = &list,
                                          .page_size = queue->page_size};
        enum process_outcome outcome =
            process_open(source, &request, &queue->left_out);

        if (outcome == PROCESS_OK) {
            queue->found++;
            return QUEUE_SOURCE;
        }
        if (!can_do_without(queue, outcome, pid))
            return QUEUE_FAILED;
    }
    return QUEUE_END;
}

/* "cgroup web", "command sleep 9" */
static char *group_label(const struct source_queue *queue)
{
    struct text label = {0};

    if (queue->choice->cgroup != NULL) {
        text_print(&label, "cgroup %s", queue->choice->cgroup);
    } else {
        text_print(&label, "command");
        for (char **word = queue->choice->words; *word != NULL; word++)
            text_print(&label, " %s", *word);
    }
    return label.bytes;
}

/* All processes of a group as one source. */
static enum queue_step next_group(struct source_queue *queue,
                                  struct source *source)
{
    struct process_request request = {.pids = &queue->pids,
                                      .page_size = queue->page_size};
    enum process_outcome outcome;
    char *label;

    if (queue->next++ != 0)
        return QUEUE_END;
    label = group_label(queue);
    request.label = label;
    outcome = process_open(source, &request, &queue->left_out);
    if (outcome != PROCESS_OK) {
        message_error("%s: none of its processes could be read", label);
        if (queue->pids.count != 0)
            process_explain(outcome, queue->pids.pids[0]);
    }
    free(label);
    if (outcome != PROCESS_OK)
        return QUEUE_FAILED;
    if (queue->left_out.not_permitted != 0)
        text_print_sentence(&source->note,
                            "%zu of its processes were not permitted to be "
                            "read, and are left out.",
                            queue->left_out.not_permitted);
    queue->found++;
    return QUEUE_SOURCE;
}

enum queue_step source_queue_next(struct source_queue *queue,
                                  struct source *source)
{
    const struct source_choice *choice = queue->choice;

    if (choice->pids != NULL || choice->all)
        return next_process(queue, source);
    if (choice->file_count == 0)
        return next_group(queue, source);
    if (queue->next == choice->file_count)
        return QUEUE_END;
    if (!source_open_file(source, choice->files[queue->next++],
                          queue->page_size))
        return QUEUE_FAILED;
    queue->found++;
    return QUEUE_SOURCE;
}

bool source_queue_must_have(struct source_queue *queue,
                            const struct source *source)
{
    if (queue->pids.count > 1 && queue->choice->words == NULL &&
        queue->choice->cgroup == NULL) {
        queue->left_out.gone++;
        queue->found--;
        return false;
    }
    message_error("%s: it ended before a page of it was read", source->label);
    return true;
}

void source_queue_read(struct source_queue *queue)
{
    if (queue->choice->words != NULL && queue->command.words != NULL)
        command_stop(&queue->command);
}

bool source_queue_finish(struct source_queue *queue)
{
    const struct process_tally *tally = &queue->left_out;
    size_t left_out = tally->gone + tally->not_permitted + tally->empty;

    if (queue->found == 0) {
        message_error("no process was read: %zu not permitted, %zu without "
                      "anonymous pages, %zu ended",
                      tally->not_permitted, tally->empty, tally->gone);
        return false;
    }
    if (left_out != 0)
        message_note("%zu processes are left out: %zu not permitted (root or "
                     "CAP_SYS_PTRACE may read them), %zu without anonymous "
                     "pages (the kernel's), %zu ended",
                     left_out, tally->not_permitted, tally->empty, tally->gone);
    return true;
}

void source_queue_free(struct source_queue *queue)
{
    source_queue_read(queue);
    pid_list_free(&queue->pids);
}
