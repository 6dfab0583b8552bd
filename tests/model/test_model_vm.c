/* SPDX-License-Identifier: MIT */
/*
 * test_model_vm.c - random operations on address spaces against what each page
 * must hold: every policy, way to choose victims, and device, with and without
 * failures.
 *
 * With one thread the oracle knows exactly what is there, and a seed gives the
 * same run again: ZC_TEST_SEED.
 */
#include "support_test.h"

#include "support_model.h"
#include "support_vm.h"

#include "base/inject.h"

#define SPACES 5
#define PAGES 24
#define STEPS 900
#define UNMAPPED UINT64_MAX

/* What a space must hold: the content of each page by its number; 0: zeros. */
struct model_space {
    struct zc_vm_space *space;
    uint64_t contents[PAGES];
};

static struct support_vm machine;
static struct model_space spaces[SPACES];
static struct support_random dice;
static uint64_t contents_made;
static bool injects;
static bool may_lose; /* where a page past the cache has to be stored again */

static uint64_t below(uint64_t bound)
{
    return support_random_below(&dice, bound);
}

static void fill(char *bytes, uint64_t content)
{
    if (content == 0)
        memset(bytes, 0, SUPPORT_VM_PAGE);
    else
        support_vm_fill(bytes, content, content);
}

static bool is_filled(const char *bytes, uint64_t content)
{
    char expected[SUPPORT_VM_PAGE];

    fill(expected, content);
    return memcmp(bytes, expected, SUPPORT_VM_PAGE) == 0;
}

/* Done, or refused for a failure that was handed out. */
static bool is_done(zc_status status)
{
    if (status == ZC_OK)
        return true;
    if (zc_inject_failures() == 0 ||
        (status != ZC_NO_MEMORY && status != ZC_IO_ERROR &&
         status != ZC_CORRUPT))
        fail_msg("%s, for no failure", zc_status_name(status));
    return false;
}

static void check_page(struct model_space *model, uint64_t page)
{
    char bytes[SUPPORT_VM_PAGE];
    zc_status status =
        zc_vm_read(model->space, page, 0, bytes, sizeof(bytes), NULL);

    if (model->contents[page] == UNMAPPED)
        assert_status(status, ZC_INVALID);
    else if (is_done(status))
        assert_true(is_filled(bytes, model->contents[page]));
}

static void write_page(struct model_space *model, uint64_t page)
{
    /* Now and then what others have written, or zeros. */
    const uint64_t content = below(3) == 0 ? below(4) : ++contents_made;
    char bytes[SUPPORT_VM_PAGE];
    zc_status status;

    fill(bytes, content);
    status = zc_vm_write(model->space, page, 0, bytes, sizeof(bytes), NULL);
    if (model->contents[page] == UNMAPPED)
        assert_status(status, ZC_INVALID);
    else if (is_done(status))
        model->contents[page] = content;
}

static void touch_page(struct model_space *model, uint64_t page)
{
    zc_status status = zc_vm_touch(model->space, page, below(2) == 0, NULL);

    if (model->contents[page] == UNMAPPED)
        assert_status(status, ZC_INVALID);
    else
        (void)is_done(status);
}

static void map_pages(struct model_space *model, uint64_t first)
{
    const uint64_t count = 1 + below(PAGES - first);
    uint64_t page;

    if (below(2) == 0) {
        assert_status(zc_vm_unmap(model->space, first, count), ZC_OK);
        for (page = first; page < first + count; page++)
            model->contents[page] = UNMAPPED;
    } else if (is_done(zc_vm_map(model->space, first, count, 0))) {
        for (page = first; page < first + count; page++)
            if (model->contents[page] == UNMAPPED)
                model->contents[page] = 0;
    }
}

/* A child in the place of another space. */
static void fork_space(struct model_space *model)
{
    struct model_space *child = &spaces[below(SPACES)];

    if (child == model)
        return;
    zc_vm_space_destroy(child->space);
    child->space = NULL;
    if (is_done(zc_vm_fork(model->space, &child->space)))
        memcpy(child->contents, model->contents, sizeof(child->contents));
}

/* A new space in the place of one that a failed fork left empty. */
static void make_space(struct model_space *model)
{
    const unsigned owner = (unsigned)below(3);

    if (is_done(zc_vm_space_create(machine.vm, owner, PAGES, &model->space)))
        memset(model->contents, 0xff, sizeof(model->contents));
}

static void merge_pages(struct model_space *model, uint64_t page)
{
    struct model_space *other = &spaces[below(SPACES)];
    const uint64_t other_page = below(PAGES);
    const bool differ = model->contents[page] != other->contents[other_page];
    zc_status status;

    if (other->space == NULL)
        return;
    status = zc_vm_merge(model->space, page, other->space, other_page);
    if (status == ZC_OK)
        assert_false(differ);
    else
        assert_true(status == ZC_MISSING || status == ZC_BUSY);
}

static void switch_device(void)
{
    const unsigned synchronous = (unsigned)below(2);
    unsigned owner;

    for (owner = 0; owner < 3; owner++) /* all pages come back */
        assert_status(zc_vm_set_owner_limit(machine.vm, owner, 0), ZC_OK);
    if (!is_done(zc_vm_swap_off(machine.vm, machine.type)))
        return;
    zc_inject_disarm(); /* there has to be one */
    assert_status(zc_swap_on(machine.cache,
                             ZC_SWAP_OPTIONS(.slot_count = 300, .managed = 1,
                                             .synchronous = synchronous),
                             &machine.type),
                  ZC_OK);
}

static void press(void)
{
    static const char *const compressors[] = {"lz4", "zstd", "copy"};
    struct zc_cache *cache = machine.cache;

    switch (below(6)) {
    case 0:
        (void)zc_vm_reclaim(machine.vm, ZC_OWNER_COUNT, below(64), NULL);
        break;
    case 1:
        (void)zc_cache_writeback(cache, NULL, NULL);
        break;
    case 2:
        (void)zc_cache_shrink(cache, 1 + below(8), NULL);
        break;
    case 3:
        (void)is_done(zc_cache_set_compressor(cache, compressors[below(3)], 0));
        break;
    case 4:
        assert_status(zc_vm_set_owner_limit(machine.vm, (unsigned)below(3),
                                            below(3) * 20),
                      ZC_OK);
        break;
    default:
        support_vm_reclaim_all(&machine);
        break;
    }
}

/* Arms one of those that this machine can bear. */
static void arm(void)
{
    static const enum zc_inject_point points[] = {
        ZC_INJECT_INSTALL,    ZC_INJECT_FRAME, ZC_INJECT_COMPRESS,
        ZC_INJECT_DECOMPRESS, ZC_INJECT_READ,  ZC_INJECT_MALLOC,
        ZC_INJECT_WRITE};
    const unsigned count = sizeof(points) / sizeof(points[0]);

    zc_inject_disarm();
    if (injects)
        zc_inject_arm(points[below(may_lose ? count - 2 : count)],
                      (uint32_t)below(6), 1 + (uint32_t)below(3));
}

static void step(void)
{
    struct model_space *model = &spaces[below(SPACES)];
    const uint64_t page = below(PAGES);
    const uint64_t which = below(40);

    arm();
    if (model->space == NULL)
        make_space(model);
    else if (which < 12)
        write_page(model, page);
    else if (which < 22)
        check_page(model, page);
    else if (which < 25)
        touch_page(model, page);
    else if (which < 28)
        merge_pages(model, page);
    else if (which < 30)
        map_pages(model, page);
    else if (which < 32)
        fork_space(model);
    else if (which < 33)
        switch_device();
    else
        press();
    zc_inject_disarm();
}

static void check_all(void)
{
    uint64_t page;
    unsigned i;

    support_vm_check(&machine);
    for (i = 0; i < SPACES; i++)
        for (page = 0; page < PAGES && spaces[i].space != NULL; page++)
            check_page(&spaces[i], page);
}

static void run(const struct support_vm_kind *kind, uint64_t seed)
{
    unsigned i;

    print_message("seed 0x%llx: policy %u, lru %u, synchronous %u, "
                  "workers %u, limit %llu%s\n",
                  (unsigned long long)seed, kind->swap_in, kind->lru_mode,
                  kind->synchronous, kind->io_workers,
                  (unsigned long long)kind->limit_bytes,
                  injects ? ", failures" : "");
    dice.state = seed;
    contents_made = 10;
    machine = support_vm_make(kind);
    for (i = 0; i < SPACES; i++) {
        spaces[i].space = support_vm_space_of(&machine, i % 3, PAGES, 0);
        memset(spaces[i].contents, 0, sizeof(spaces[i].contents));
    }
    for (i = 0; i < STEPS; i++) {
        step();
        if (i % 100 == 99)
            support_vm_check(&machine);
    }
    for (i = 0; i < 3; i++)
        assert_status(zc_vm_set_owner_limit(machine.vm, i, 0), ZC_OK);
    check_all();
    for (i = 0; i < SPACES; i++) {
        zc_vm_space_destroy(spaces[i].space);
        spaces[i].space = NULL;
    }
    support_vm_end(&machine);
}

/* Each combination once, or the one in so many that there is time for. */
static void run_all(uint64_t seed)
{
    static const struct zc_backing_ops *const devices[] = {&zc_backing_memory,
                                                           &zc_backing_faulty};
    unsigned i;

    for (i = 0; i < 4 * 3 * 2 * 2 * 2; i++) {
        const struct support_vm_kind kind = {
            .frames = 160,
            .slots = 300,
            .lru_mode = ZC_LRU_NONE + i % 3,
            .swap_in = ZC_SWAP_IN_CACHED + i / 3 % 4,
            .synchronous = i / 12 % 2,
            .io_workers = i / 24 % 2,
            .backing_ops = devices[i / 48],
            .limit_bytes = i % 2 * 64 * 1024,
            .slot_order = i % 4,
        };

        if (i % SUPPORT_MODEL_ONE_OF != 0)
            continue;
        may_lose = kind.swap_in == ZC_SWAP_IN_STORE_AGAIN;
        run(&kind, seed + i);
    }
}

TEST(every_page_is_what_was_written)
{
    injects = false;
    run_all(support_seed(0x7a00));
}

TEST(failures_change_no_page)
{
    injects = true;
    run_all(support_seed(0x7b00));
}
