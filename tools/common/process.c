/* SPDX-License-Identifier: MIT */
/*
 * process.c - the memory of one or more processes as a source of pages.
 *
 * /proc/PID/mem is opened together with the scan and stays open, so that a
 * later process with the same number is never read.  It is only read: the
 * process is neither stopped nor traced.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cgroup.h"
#include "common/process_scan.h"
#include "common/system.h"

/* KCMP_VM of linux/kcmp.h. */
#define COMPARE_ADDRESS_SPACES 1

/*
 * A task of each address space so far, in the order that kcmp() gives them.
 * Two processes have one address space after clone(CLONE_VM); so does the child
 * of vfork() until it executes another program.
 */
struct address_spaces {
    pid_t *tasks;
    size_t count;
    size_t capacity;
    bool can_compare; /* false: no kcmp(), or /proc has other numbers */
    bool is_unknown;  /* some could not be compared */
};

/* The state of a source of processes: /proc/PID/mem of each origin. */
struct process_state {
    int *memories;
    struct shared_files files; /* of mappings without a page table */
    size_t count;
    size_t capacity;
    size_t system_page_size;
};

/*
 * Reads a page that is larger than a system page, of which only a part is
 * mapped: the rest is zeros, as if it had never been written.
 */
static int64_t read_in_parts(const struct process_state *state, int memory,
                             uint64_t address, char *buffer, size_t bytes)
{
    const size_t part = state->system_page_size;
    bool any = false;

    for (size_t offset = 0; offset < bytes; offset += part) {
        ssize_t got =
            pread(memory, buffer + offset, part, (off_t)(address + offset));

        if (got == 0)
            return SOURCE_READ_ENDED;
        if (got == (ssize_t)part)
            any = true;
        else
            memset(buffer + offset, 0, part);
    }
    return any ? (int64_t)bytes : SOURCE_READ_HOLE;
}

/* Of a file; behind its end it has nothing any more. */
static int64_t read_shared(const struct source *source,
                           const struct shared_file *file, uint64_t address,
                           char *buffer, size_t bytes)
{
    const uint64_t place = address - source->mappings[file->mapping].start +
                           file->from;
    const size_t size = source->page_size;
    ssize_t got;
    size_t whole;

    do {
        got = pread(file->file, buffer, bytes, (off_t)place);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return SOURCE_READ_HOLE;
    whole = ((size_t)got + size - 1) / size * size;
    memset(buffer + got, 0, whole - (size_t)got);
    return (int64_t)whole;
}

static int64_t read_process(struct source *source, size_t mapping,
                            uint64_t address, void *buffer, size_t bytes)
{
    const struct process_state *state = source->state;
    const struct shared_file *file = shared_files_find(&state->files, mapping);
    int memory = state->memories[source->mappings[mapping].origin];
    ssize_t got;

    if (file != NULL)
        return read_shared(source, file, address, buffer, bytes);
    do {
        got = pread(memory, buffer, bytes, (off_t)address);
    } while (got < 0 && errno == EINTR);
    if (got == 0)
        return SOURCE_READ_ENDED;
    if (got >= (ssize_t)source->page_size)
        return got - got % (ssize_t)source->page_size;
    if (source->page_size > state->system_page_size)
        return read_in_parts(state, memory, address, buffer, source->page_size);
    return SOURCE_READ_HOLE;
}

static void finish_processes(struct source *source)
{
    struct process_state *state = source->state;

    for (size_t i = 0; i < state->count; i++)
        (void)close(state->memories[i]);
    shared_files_close(&state->files);
    free(state->memories);
    free(state);
}

/* The meaning of an errno of /proc for a process. */
static enum process_outcome outcome_of(const char *proc, long pid, int error)
{
    struct text path = {0};
    bool exists;

    if (error == EACCES || error == EPERM)
        return PROCESS_NOT_PERMITTED;
    text_print(&path, "%s/%ld", proc, pid);
    exists = access(path.bytes, F_OK) == 0;
    text_free(&path);
    if (!exists && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return PROCESS_GONE;
    if (!exists) /* hidepid */
        return PROCESS_NOT_PERMITTED;
    if (error == ESRCH || error == ENOENT)
        return PROCESS_EMPTY;
    message_error("cannot read %s/%ld: %s", proc, pid, strerror(error));
    return PROCESS_FAILED;
}

/* mem of a /proc/PID, or -1 and an errno. */
static int open_memory(const char *directory, int *error_out)
{
    struct text path = {0};
    int memory;

    text_print(&path, "%s/mem", directory);
    memory = open(path.bytes, O_RDONLY | O_CLOEXEC);
    *error_out = memory < 0 ? errno : 0;
    text_free(&path);
    return memory;
}

/* Has the task memory of its own?  Kernel threads and ended ones have not. */
static bool has_address_space(const char *directory)
{
    struct text path = {0};
    struct text text = {0};
    bool has = true;

    text_print(&path, "%s/statm", directory);
    if (text_append_file(&text, path.bytes, PROC_BYTES_MOST) == 0 &&
        text.length != 0)
        has = text.bytes[0] != '0';
    text_free(&path);
    text_free(&text);
    return has;
}

/*
 * The directory of a process's memory: that of its main thread, or where this
 * one has ended, that of another of its threads.
 */
static void find_directory(const char *proc, long pid, struct text *directory)
{
    const struct dirent *entry;
    struct text tasks = {0};
    DIR *list;

    text_print(directory, "%s/%ld", proc, pid);
    if (has_address_space(directory->bytes))
        return;
    text_print(&tasks, "%s/task", directory->bytes);
    list = opendir(tasks.bytes);
    while (list != NULL && (entry = readdir(list)) != NULL) {
        struct text task = {0};
        bool found = false;

        text_print(&task, "%s/%s", tasks.bytes, entry->d_name);
        if (entry->d_name[0] != '.')
            found = has_address_space(task.bytes);
        if (found) {
            directory->length = 0;
            text_print(directory, "%s", task.bytes);
        }
        text_free(&task);
        if (found)
            break;
    }
    if (list != NULL)
        (void)closedir(list);
    text_free(&tasks);
}

enum process_outcome process_check(long pid)
{
    struct text directory = {0};
    int error;
    int memory;

    find_directory("/proc", pid, &directory);
    memory = open_memory(directory.bytes, &error);
    text_free(&directory);
    if (memory < 0)
        return outcome_of("/proc", pid, error);
    (void)close(memory);
    return PROCESS_OK;
}

static struct address_spaces address_spaces_begin(const char *proc)
{
    struct text path = {0};
    char self[32] = "";
    struct address_spaces spaces = {0};

    text_print(&path, "%s/self", proc);
    if (readlink(path.bytes, self, sizeof(self) - 1) > 0) {
        spaces.can_compare = strtol(self, NULL, 10) == (long)getpid();
        spaces.is_unknown = !spaces.can_compare;
    }
    text_free(&path);
    return spaces;
}

static void insert_task(struct address_spaces *spaces, size_t at, pid_t task)
{
    spaces->tasks = memory_make_room(spaces->tasks, spaces->count,
                                     &spaces->capacity, sizeof(*spaces->tasks));
    memmove(&spaces->tasks[at + 1], &spaces->tasks[at],
            (spaces->count - at) * sizeof(*spaces->tasks));
    spaces->tasks[at] = task;
    spaces->count++;
}

static void remove_task(struct address_spaces *spaces, size_t at)
{
    spaces->count--;
    memmove(&spaces->tasks[at], &spaces->tasks[at + 1],
            (spaces->count - at) * sizeof(*spaces->tasks));
}

/*
 * Is the address space of this task not that of an earlier one?  Then its place
 * among them is *place_out.  One that cannot be compared is taken for new.
 */
static bool is_new_space(struct address_spaces *spaces, pid_t task,
                         size_t *place_out)
{
    size_t low = 0;
    size_t high = spaces->count;

    while (low < high && spaces->can_compare) {
        const size_t middle = low + (high - low) / 2;
        const long order = syscall(SYS_kcmp, task, spaces->tasks[middle],
                                   COMPARE_ADDRESS_SPACES, 0L, 0L);

        if (order == 0)
            return false;
        if (order == 1) {
            high = middle;
        } else if (order == 2) {
            low = middle + 1;
        } else if (order < 0 && errno == ESRCH) {
            if (kill(spaces->tasks[middle], 0) == 0 || errno != ESRCH)
                break; /* this task has ended: its scan says so */
            remove_task(spaces, middle);
            high--;
        } else {
            spaces->can_compare = false;
            spaces->is_unknown = true;
        }
    }
    *place_out = low;
    return true;
}

/* The process's own name: "sh"; "" if it is not known. */
static char *read_name(const char *directory)
{
    struct text path = {0};
    struct text name = {0};

    text_print(&path, "%s/comm", directory);
    if (text_append_file(&name, path.bytes, PROC_BYTES_MOST) != 0 ||
        name.length == 0)
        text_print(&name, "\n");
    name.bytes[name.length - 1] = '\0'; /* the line end */
    text_free(&path);
    return name.bytes;
}

/* The bytes of a line of status, "VmSwap:  12 kB"; 0 without it. */
static uint64_t read_status(const char *directory, const char *key)
{
    struct text path = {0};
    struct text text = {0};
    uint64_t bytes = 0;
    const char *line;

    text_print(&path, "%s/status", directory);
    if (text_append_file(&text, path.bytes, PROC_BYTES_MOST) == 0 &&
        text.length != 0) {
        line = strstr(text.bytes, key);
        if (line != NULL)
            bytes = strtoull(line + strlen(key), NULL, 10) * 1024;
    }
    text_free(&path);
    text_free(&text);
    return bytes;
}

/* "pid 7 (sh)" */
static char *make_label(const struct source_origin *origin)
{
    struct text label = {0};

    text_print(&label, "pid %ld", origin->pid);
    if (origin->name[0] != '\0')
        text_print(&label, " (%s)", origin->name);
    return label.bytes;
}

/* Has the last origin something to say, pages or what was left out? */
static bool has_memory(const struct source *source)
{
    const struct source_origin *origin =
        &source->origins[source->origin_count - 1];
    uint64_t bytes = origin->page_count + origin->swapped_bytes;

    for (size_t i = 0; i < LEFT_OUT_REASONS; i++)
        bytes += origin->left_out_bytes[i];
    return bytes != 0;
}

/* Scans a process of which `memory` is open, in a new origin. */
static enum process_outcome scan_process(struct process_scan *scan, long pid,
                                         const char *directory)
{
    struct source *source = scan->source;
    struct source_origin *origin = source_add_origin(source);
    int error;

    origin->pid = pid;
    origin->name = read_name(directory);
    origin->label = make_label(origin);
    origin->swapped_bytes = read_status(directory, "\nVmSwap:");
    error = process_scan(scan, directory);
    if (error == 0 && has_memory(source))
        return PROCESS_OK;
    /* It ended during the scan: the pages found so far cannot be read. */
    source_drop_origin(source);
    shared_mappings_cut(&scan->mapped, source->mapping_count);
    return error == 0 ? PROCESS_EMPTY : outcome_of(scan->proc, pid, error);
}

/* The task after which a /proc/PID, or a /proc/PID/task/TID, is named. */
static pid_t task_of(const char *directory)
{
    return (pid_t)strtol(strrchr(directory, '/') + 1, NULL, 10);
}

/* Opens and scans one more process of a source. */
static enum process_outcome add_process(struct process_scan *scan,
                                        struct address_spaces *spaces, long pid)
{
    struct process_state *state = scan->source->state;
    struct text directory = {0};
    enum process_outcome outcome;
    size_t place = 0;
    int error;
    int memory;

    find_directory(scan->proc, pid, &directory);
    memory = open_memory(directory.bytes, &error);
    if (memory < 0)
        outcome = outcome_of(scan->proc, pid, error);
    else if (!is_new_space(spaces, task_of(directory.bytes), &place))
        outcome = PROCESS_SAME_SPACE;
    else
        outcome = scan_process(scan, pid, directory.bytes);
    if (outcome == PROCESS_OK)
        insert_task(spaces, place, task_of(directory.bytes));
    text_free(&directory);
    if (outcome != PROCESS_OK) {
        if (memory >= 0)
            (void)close(memory);
        return outcome;
    }
    state->memories = memory_make_room(state->memories, state->count,
                                       &state->capacity,
                                       sizeof(*state->memories));
    state->memories[state->count++] = memory;
    return PROCESS_OK;
}

/* "pid 7 (sh)", or the request's own label and the number of processes. */
static char *label_all(const struct process_request *request,
                       const struct source *source)
{
    const size_t count = source->origin_count;
    struct text label = {0};

    if (request->label == NULL && count == 1)
        return memory_copy_text(source->origins[0].label);
    if (request->label != NULL)
        text_print(&label, "%s (", request->label);
    text_print(&label, "%zu %s%s", count, count == 1 ? "process" : "processes",
               request->label != NULL ? ")" : "");
    return label.bytes;
}

/* One descriptor stays open for each process. */
static void allow_descriptors(size_t count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > count + 32)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Says which processes are in groups that may not swap at all. */
static void note_limits(struct source *source, const char *proc)
{
    struct cgroup_mounts mounts;
    size_t no_swap = 0;
    size_t no_zswap = 0;

    cgroup_find_mounts(&mounts, proc);
    for (size_t i = 0; i < source->origin_count; i++) {
        struct source_origin *origin = &source->origins[i];
        struct text directory = {0};

        text_print(&directory, "%s/%ld", proc, origin->pid);
        origin->may_not_swap =
            cgroup_limit_is_zero(&mounts, directory.bytes, "memory.swap.max");
        origin->may_not_zswap =
            cgroup_limit_is_zero(&mounts, directory.bytes, "memory.zswap.max");
        no_swap += origin->may_not_swap;
        no_zswap += origin->may_not_zswap;
        text_free(&directory);
    }
    cgroup_free_mounts(&mounts);
    if (no_swap != 0)
        text_print_sentence(&source->note,
                            "%zu of %zu processes may not be swapped as things "
                            "are: memory.swap.max of their control group, or "
                            "of one above, is 0.",
                            no_swap, source->origin_count);
    if (no_zswap != 0)
        text_print_sentence(&source->note,
                            "%zu of %zu processes may not use zswap as things "
                            "are: memory.zswap.max of their control group, or "
                            "of one above, is 0.",
                            no_zswap, source->origin_count);
}

static void tally_add(struct process_tally *tally, enum process_outcome outcome)
{
    if (outcome == PROCESS_GONE)
        tally->gone++;
    else if (outcome == PROCESS_NOT_PERMITTED)
        tally->not_permitted++;
    else if (outcome == PROCESS_EMPTY)
        tally->empty++;
    else if (outcome == PROCESS_SAME_SPACE)
        tally->same_space++;
}

enum process_outcome process_open(struct source *source,
                                  const struct process_request *request,
                                  struct process_tally *tally)
{
    const char *proc = request->proc == NULL ? "/proc" : request->proc;
    struct process_state *state = memory_allocate(1, sizeof(*state));
    struct address_spaces spaces = address_spaces_begin(proc);
    struct process_scan scan;
    enum process_outcome outcome = PROCESS_EMPTY;

    *state = (struct process_state){
        .system_page_size = (size_t)sysconf(_SC_PAGESIZE)};
    *source = (struct source){.page_size = request->page_size,
                              .read = read_process,
                              .finish = finish_processes,
                              .state = state};
    process_scan_begin(&scan, source, proc, request);
    allow_descriptors(request->pids->count);
    for (size_t i = 0; i < request->pids->count; i++) {
        outcome = add_process(&scan, &spaces, request->pids->pids[i]);
        tally_add(tally, outcome);
        if (outcome == PROCESS_FAILED)
            break;
    }
    if (outcome != PROCESS_FAILED)
        process_scan_rest(&scan, &state->files);
    source->label = label_all(request, source);
    process_scan_note(&scan);
    if (spaces.is_unknown && source->origin_count > 1)
        text_print_sentence(&source->note,
                            "Processes that share one address space (vfork) "
                            "may be counted more than once: kcmp() cannot "
                            "compare them here.");
    note_limits(source, proc);
    process_scan_end(&scan);
    free(spaces.tasks);
    if (outcome != PROCESS_FAILED && source->page_count != 0)
        return PROCESS_OK;
    source_close(source);
    return outcome == PROCESS_OK ? PROCESS_EMPTY : outcome;
}

void process_explain(enum process_outcome outcome, long pid)
{
    if (outcome == PROCESS_GONE)
        message_error("process %ld: there is no such process", pid);
    else if (outcome == PROCESS_NOT_PERMITTED && geteuid() == 0)
        message_error("process %ld: not permitted to read its memory (%s)", pid,
                      system_read_permission());
    else if (outcome == PROCESS_NOT_PERMITTED)
        message_error("process %ld: not permitted to read its memory; run as "
                      "root or with CAP_SYS_PTRACE, or as its user where "
                      "kernel.yama.ptrace_scope is 0",
                      pid);
    else if (outcome == PROCESS_EMPTY)
        message_error("process %ld: it has no pages in memory that could be "
                      "swapped (a kernel thread, or it has ended, or all of it "
                      "is locked, shared with a file, or given up)",
                      pid);
}
