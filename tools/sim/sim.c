/* SPDX-License-Identifier: MIT */
/* sim.c - `zcache sim`: the whole stack at work, with every byte verified. */
#include "sim/sim.h"

#include <signal.h>
#include <stdlib.h>

#include "common/json.h"

static void on_signal(int number)
{
    (void)number;
    sim_run_stop();
}

/* The handlers work once: a second signal ends the process as usual.  A device
 * that may not grow is one whose writes fail. */
static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;

    action.sa_flags = (int)SA_RESETHAND;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGHUP, NULL, &before);
    if (before.sa_handler != SIG_IGN) /* nohup */
        (void)sigaction(SIGHUP, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)signal(SIGXFSZ, SIG_IGN);
}

static int show(const struct sim_options *options,
                const struct sim_result *result,
                const struct sim_timeline *timeline)
{
    struct json json = {.file = stdout};

    if (options->plot_path != NULL &&
        !sim_timeline_plot(timeline, &options->config, options->plot_path))
        return TOOL_ERROR;
    if (options->json)
        sim_report_json(&options->config, result, NULL, &json);
    else if (options->csv)
        sim_timeline_print_csv(timeline, stdout);
    else
        sim_report_text(&options->config, result, stdout);
    if (!message_finish_output())
        return TOOL_ERROR;
    return sim_result_good(result) ? TOOL_FINE : TOOL_MISMATCH;
}

static void note_odd(const struct sim_result *result)
{
    if (result->counts.no_memory != 0)
        message_note("%llu accesses found no frame: %llu frames, and %llu "
                     "slots of the device, are few for %llu pages; see "
                     "--frames, --slots",
                     (unsigned long long)result->counts.no_memory,
                     (unsigned long long)result->plan.frame_count,
                     (unsigned long long)result->plan.slot_count,
                     (unsigned long long)result->plan.total_pages);
}

static int run_one(const struct sim_options *options)
{
    struct sim_timeline timeline = {
        .interval_ns = sim_number(&options->config, SIM_INTERVAL) * 1000000};
    struct sim_corpus corpus;
    struct sim_trace trace;
    struct sim_request request = {.config = &options->config,
                                  .corpus = &corpus,
                                  .trace = &trace,
                                  .quiet = options->quiet};
    struct sim_result *result = memory_allocate(1, sizeof(*result));
    int exit_status = TOOL_ERROR;

    trace = (struct sim_trace){0};
    if (options->csv || options->plot_path != NULL)
        request.timeline = &timeline;
    if (sim_corpus_load(&corpus, &options->config, options->quiet) &&
        sim_trace_load(&trace, &options->config) && sim_run(&request, result)) {
        note_odd(result);
        exit_status = show(options, result, &timeline);
    }
    sim_timeline_free(&timeline);
    sim_trace_free(&trace);
    sim_corpus_free(&corpus);
    free(result);
    return exit_status;
}

int sim_main(int argc, char **argv)
{
    struct sim_options options;
    int result = TOOL_ERROR;

    message_set_command("zcache sim");
    switch (sim_parse(&options, argc, argv)) {
    case SIM_RUN:
        message_set_quiet(options.quiet);
        if (!options.merge)
            catch_signals();
        if (options.merge)
            result = sim_merge(&options);
        else if (options.sweep)
            result = sim_sweep(&options);
        else
            result = run_one(&options);
        break;
    case SIM_SHOWN:
        result = message_finish_output() ? TOOL_FINE : TOOL_ERROR;
        break;
    case SIM_WRONG:
        break;
    }
    sim_options_free(&options);
    return result;
}
