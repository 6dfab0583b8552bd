/* SPDX-License-Identifier: MIT */
/*
 * costs.c - passes in which all settings take turns.
 *
 * The sample is of the corpus, evenly spaced.  Pages of one word are left out,
 * since no codec sees them, and so is the decompression of pages that do not
 * get smaller, which are stored raw.  In the codec processor time counts, and
 * with the device the time that passes, for it may sleep.  Of a few pages the
 * least of some tries counts: what else the machine does makes one slower.
 */
#include "sim/costs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zcache/backing.h>

#include "common/progress.h"
#include "sim/run.h"

#define TRIES 3
#define BATCH 16 /* pages */
/* A pass ends its transfers with a slow device after this time. */
#define TRANSFER_NANOSECONDS UINT64_C(50000000)

/* ---- settings ---- */

static void take_sample(struct sim_cost_codec *codec,
                        const struct sim_corpus *corpus)
{
    const uint64_t all = corpus->base.page_count;
    const size_t most = all < SIM_COST_PAGES ? (size_t)all : SIM_COST_PAGES;
    struct sim_page page = {.version = 1};
    bool any = false;

    codec->page_size = corpus->base.page_size;
    codec->pages = memory_allocate(most, codec->page_size);
    codec->data = memory_allocate(BATCH, 2 * codec->page_size);
    for (uint64_t i = 0; i < all && !any; i++)
        any = !corpus->same_filled[i];
    for (size_t i = 0; i < most; i++) {
        page.index = i * all / most;
        page.name = page.index;
        if (any && corpus->same_filled[page.index])
            continue;
        sim_page_fill(corpus, &page,
                      codec->pages + codec->page_count++ * codec->page_size);
    }
}

static size_t add_codec(struct sim_costs *costs,
                        const struct sim_config *config,
                        const struct sim_corpus *corpus)
{
    for (size_t i = 0; i < costs->codec_count; i++) {
        const struct sim_config *other = costs->codecs[i].config;

        if (sim_corpus_serves(config, other) &&
            sim_same_text(config, other, SIM_CODEC))
            return i;
    }
    costs->codecs = memory_make_room(costs->codecs, costs->codec_count,
                                     &costs->codec_capacity,
                                     sizeof(*costs->codecs));
    costs->codecs[costs->codec_count] =
        (struct sim_cost_codec){.config = config};
    take_sample(&costs->codecs[costs->codec_count], corpus);
    return costs->codec_count++;
}

static size_t add_device(struct sim_costs *costs,
                         const struct sim_config *config)
{
    for (size_t i = 0; i < costs->device_count; i++) {
        const struct sim_config *other = costs->devices[i].config;

        if (sim_same_text(config, other, SIM_DEVICE) &&
            sim_number(config, SIM_LATENCY) == sim_number(other, SIM_LATENCY) &&
            sim_number(config, SIM_PAGE_SIZE) ==
                sim_number(other, SIM_PAGE_SIZE))
            return i;
    }
    costs->devices = memory_make_room(costs->devices, costs->device_count,
                                      &costs->device_capacity,
                                      sizeof(*costs->devices));
    costs->devices[costs->device_count] =
        (struct sim_cost_device){.config = config};
    return costs->device_count++;
}

struct sim_cost_setting sim_costs_add(struct sim_costs *costs,
                                      const struct sim_config *config,
                                      const struct sim_corpus *corpus)
{
    return (struct sim_cost_setting){.codec = add_codec(costs, config, corpus),
                                     .device = add_device(costs, config)};
}

void sim_costs_free(struct sim_costs *costs)
{
    for (size_t i = 0; i < costs->codec_count; i++) {
        free(costs->codecs[i].pages);
        free(costs->codecs[i].data);
    }
    free(costs->codecs);
    free(costs->devices);
    *costs = (struct sim_costs){0};
}

/* ---- opening and closing ---- */

static bool open_codec(struct sim_cost_codec *codec)
{
    const struct zc_compressor *ops;
    zc_status status = ZC_OK;

    if (!codec_list_parse(&codec->list, sim_text(codec->config, SIM_CODEC)))
        return false;
    ops = codec->list.choices[0].compressor;
    if (ops->context_create != NULL)
        status = ops->context_create(ops, codec->page_size,
                                     codec->list.choices[0].level,
                                     &codec->context);
    if (status != ZC_OK)
        message_status(status, "", "cannot make a context of codec %s",
                       ops->name);
    return status == ZC_OK;
}

static void close_codec(struct sim_cost_codec *codec)
{
    if (codec->context != NULL)
        codec->list.choices[0].compressor->context_destroy(codec->context);
    codec->context = NULL;
    codec_list_free(&codec->list);
}

static bool open_device(struct sim_cost_device *device)
{
    char reason[ZC_REASON_SIZE] = "";
    struct zc_backing_config config = {
        .struct_size = sizeof(config),
        .page_size = (size_t)sim_number(device->config, SIM_PAGE_SIZE),
        .slot_count = SIM_COST_PAGES,
        .user = &device->device.faults,
        .reason = reason,
        .reason_size = sizeof(reason)};
    zc_status status;

    if (!sim_device_name(&device->device, device->config))
        return false;
    device->device.faults.read_errors = 0; /* these are no costs */
    device->device.faults.write_errors = 0;
    status = zc_backing_faulty.open(&config, &device->backing);
    if (status != ZC_OK)
        message_status(status, reason, "cannot make the device");
    return status == ZC_OK;
}

static void close_device(struct sim_cost_device *device)
{
    if (device->backing != NULL)
        zc_backing_faulty.close(device->backing);
    device->backing = NULL;
    sim_device_end(&device->device);
}

/* ---- one pass ---- */

static uint64_t processor_nanoseconds(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) != 0)
        return clock_nanoseconds();
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static void keep_least(uint64_t *least, uint64_t number)
{
    if (number < *least)
        *least = number;
}

/* Pages between two looks at the clock, and how large they get. */
struct batch {
    const unsigned char *pages;
    size_t count;
    size_t sizes[BATCH]; /* page_size: stored raw */
};

static uint64_t compress_batch(struct sim_cost_codec *codec,
                               struct batch *batch)
{
    const struct codec_choice *choice = &codec->list.choices[0];
    const size_t page_size = codec->page_size;
    const uint64_t began = processor_nanoseconds();

    for (size_t i = 0; i < batch->count; i++) {
        if (choice->compressor->compress(
                codec->context, choice->level, batch->pages + i * page_size,
                page_size, codec->data + i * 2 * page_size, 2 * page_size,
                &batch->sizes[i]) != ZC_OK)
            batch->sizes[i] = page_size;
    }
    return processor_nanoseconds() - began;
}

static uint64_t decompress_batch(struct sim_cost_codec *codec,
                                 const struct batch *batch, void *page_out)
{
    const struct zc_compressor *ops = codec->list.choices[0].compressor;
    const size_t page_size = codec->page_size;
    const uint64_t began = processor_nanoseconds();

    for (size_t i = 0; i < batch->count; i++) {
        if (batch->sizes[i] < page_size)
            (void)ops->decompress(codec->context,
                                  codec->data + i * 2 * page_size,
                                  batch->sizes[i], page_out, page_size);
    }
    return processor_nanoseconds() - began;
}

static void measure_codec(struct sim_cost_codec *codec, size_t pass)
{
    void *page_out = memory_allocate(1, codec->page_size);
    uint64_t sums[2] = {0};
    uint64_t smaller = 0;

    for (size_t first = 0; first < codec->page_count; first += BATCH) {
        const size_t left = codec->page_count - first;
        struct batch batch = {.pages = codec->pages + first * codec->page_size,
                              .count = left < BATCH ? left : BATCH};
        uint64_t least[2] = {UINT64_MAX, UINT64_MAX};

        for (unsigned try = 0; try < TRIES; try++) {
            keep_least(&least[0], compress_batch(codec, &batch));
            keep_least(&least[1], decompress_batch(codec, &batch, page_out));
        }
        sums[0] += least[0];
        sums[1] += least[1];
        for (size_t i = 0; i < batch.count; i++)
            smaller += batch.sizes[i] < codec->page_size ? 1 : 0;
    }
    codec->nanoseconds[0][pass] = sums[0] / codec->page_count;
    codec->nanoseconds[1][pass] = smaller == 0 ? 0 : sums[1] / smaller;
    free(page_out);
}

/* A page to its slot and back, at the least times; false: it cannot be. */
static bool transfer(struct sim_cost_device *device, uint64_t slot, void *page,
                     uint64_t *write_out, uint64_t *read_out)
{
    *write_out = UINT64_MAX;
    *read_out = UINT64_MAX;
    for (unsigned try = 0; try < TRIES; try++) {
        uint64_t began = clock_nanoseconds();

        if (zc_backing_faulty.write(device->backing, slot, page) != ZC_OK)
            return false;
        keep_least(write_out, clock_nanoseconds() - began);
        began = clock_nanoseconds();
        if (zc_backing_faulty.read(device->backing, slot, page) != ZC_OK)
            return false;
        keep_least(read_out, clock_nanoseconds() - began);
    }
    return true;
}

static void measure_device(struct sim_cost_device *device, size_t pass)
{
    const size_t page_size = (size_t)sim_number(device->config, SIM_PAGE_SIZE);
    const uint64_t began = clock_nanoseconds();
    unsigned char *page = memory_allocate(1, page_size);
    uint64_t sums[2] = {0};
    uint64_t count = 0;

    memset(page, 0x5a, page_size);
    while (count < SIM_COST_PAGES &&
           (count == 0 || clock_nanoseconds() - began < TRANSFER_NANOSECONDS)) {
        uint64_t write;
        uint64_t read;

        if (!transfer(device, count, page, &write, &read))
            break;
        sums[0] += write;
        sums[1] += read;
        count++;
    }
    device->nanoseconds[0][pass] = count == 0 ? 0 : sums[0] / count;
    device->nanoseconds[1][pass] = count == 0 ? 0 : sums[1] / count;
    free(page);
}

/* Every other pass in reverse, so that no setting always follows the same one.
 */
static size_t turn(size_t pass, size_t i, size_t count)
{
    return pass % 2 == 0 ? i : count - 1 - i;
}

bool sim_costs_measure(struct sim_costs *costs)
{
    bool good = true;

    for (size_t i = 0; i < costs->codec_count && good; i++)
        good = open_codec(&costs->codecs[i]);
    for (size_t i = 0; i < costs->device_count && good; i++)
        good = open_device(&costs->devices[i]);
    for (size_t pass = 0; pass < SIM_COST_PASSES && good; pass++) {
        for (size_t i = 0; i < costs->codec_count && !sim_run_stopped(); i++)
            measure_codec(&costs->codecs[turn(pass, i, costs->codec_count)],
                          pass);
        for (size_t i = 0; i < costs->device_count && !sim_run_stopped(); i++)
            measure_device(&costs->devices[turn(pass, i, costs->device_count)],
                           pass);
    }
    for (size_t i = 0; i < costs->codec_count; i++)
        close_codec(&costs->codecs[i]);
    for (size_t i = 0; i < costs->device_count; i++)
        close_device(&costs->devices[i]);
    return good;
}

/* ---- the results ---- */

struct sim_cost sim_costs_of(const struct sim_costs *costs,
                             struct sim_cost_setting setting)
{
    struct sim_cost cost = {0};

    memcpy(cost.nanoseconds[SIM_COST_COMPRESS],
           costs->codecs[setting.codec].nanoseconds,
           sizeof(costs->codecs[setting.codec].nanoseconds));
    memcpy(cost.nanoseconds[SIM_COST_WRITE],
           costs->devices[setting.device].nanoseconds,
           sizeof(costs->devices[setting.device].nanoseconds));
    return cost;
}

static double median_us(const uint64_t *passes)
{
    const size_t middle = SIM_COST_PASSES / 2;
    uint64_t sorted[SIM_COST_PASSES];

    memcpy(sorted, passes, sizeof(sorted));
    qsort(sorted, SIM_COST_PASSES, sizeof(*sorted), number_compare);
    return (double)sorted[middle] / 1e3;
}

void sim_costs_print(const struct sim_costs *costs, FILE *file)
{
    fprintf(file,
            "a page costs, median of %d passes in turn over up to %d of the "
            "pages:\n",
            SIM_COST_PASSES, SIM_COST_PAGES);
    for (size_t i = 0; i < costs->codec_count; i++)
        fprintf(file, "  %s: compress %.2f us, decompress %.2f us\n",
                sim_text(costs->codecs[i].config, SIM_CODEC),
                median_us(costs->codecs[i].nanoseconds[0]),
                median_us(costs->codecs[i].nanoseconds[1]));
    for (size_t i = 0; i < costs->device_count; i++) {
        fputs("  device ", file);
        text_print_visible(file,
                           sim_text(costs->devices[i].config, SIM_DEVICE));
        if (sim_number(costs->devices[i].config, SIM_LATENCY) != 0)
            fprintf(file, ", latency %s us",
                    sim_text(costs->devices[i].config, SIM_LATENCY));
        fprintf(file, ": write %.2f us, read %.2f us\n",
                median_us(costs->devices[i].nanoseconds[0]),
                median_us(costs->devices[i].nanoseconds[1]));
    }
}
