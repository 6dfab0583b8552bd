/* SPDX-License-Identifier: MIT */
/* memory.c - memory.h over the C library's malloc and mmap. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* MADV_POPULATE_WRITE, malloc_usable_size() */
#endif

#include "platform/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__linux__)
#include <malloc.h>
#endif

#include "base/assert.h"
#include "base/bits.h"
#include "base/checked.h"
#include "base/inject.h"
#include "platform/lock.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

void *zc_malloc(size_t size)
{
    zc_may_block();
    if (zc_inject(ZC_INJECT_MALLOC))
        return NULL;
    return malloc(size);
}

void *zc_calloc(size_t count, size_t size)
{
    size_t bytes;

    zc_may_block();
    if (!zc_multiply_size(count, size, &bytes) || zc_inject(ZC_INJECT_MALLOC))
        return NULL;
    return calloc(1, bytes);
}

void zc_free(void *memory)
{
    free(memory);
}

size_t zc_malloc_size(const void *memory)
{
#if defined(__linux__)
    /* The allocator has a word of its own in front of the block. */
    if (memory != NULL)
        return malloc_usable_size((void *)(uintptr_t)memory) + sizeof(size_t);
#else
    (void)memory;
#endif
    return 0;
}

void *zc_pages_map(size_t bytes, size_t alignment)
{
    const size_t system_size = zc_pages_system_size();
    size_t mapped_bytes = bytes + alignment - system_size;
    size_t head;
    size_t tail;
    char *mapped;

    ZC_ASSERT(bytes % system_size == 0);
    ZC_ASSERT(zc_is_power_of_two(alignment));
    ZC_ASSERT(alignment >= system_size);
    zc_may_block();
    if (mapped_bytes < bytes || zc_inject(ZC_INJECT_PAGES))
        return NULL;
    mapped = mmap(NULL, mapped_bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED)
        return NULL;

    /* Unmap what alignment added at either end. */
    head =
        (size_t)(zc_round_up((uintptr_t)mapped, alignment) - (uintptr_t)mapped);
    tail = mapped_bytes - head - bytes;
    if (head != 0)
        (void)munmap(mapped, head);
    if (tail != 0)
        (void)munmap(mapped + head + bytes, tail);
    return mapped + head;
}

void zc_pages_unmap(void *pages, size_t bytes)
{
    zc_may_block();
    if (pages == NULL)
        return;
    zc_memory_open(pages, bytes);
    (void)munmap(pages, bytes);
}

void zc_pages_scatter(void *pages, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    (void)madvise(pages, bytes, MADV_HUGEPAGE);
#else
    (void)pages;
    (void)bytes;
#endif
}

void zc_pages_populate(void *pages, size_t bytes)
{
    zc_may_block();
#ifdef MADV_POPULATE_WRITE
    if (((uintptr_t)pages | bytes) % zc_pages_system_size() == 0)
        (void)madvise(pages, bytes, MADV_POPULATE_WRITE);
#else
    (void)pages;
    (void)bytes;
#endif
}

void zc_pages_discard(void *pages, size_t bytes)
{
    const size_t system_size = zc_pages_system_size();
    uintptr_t first = (uintptr_t)zc_round_up((uintptr_t)pages, system_size);
    uintptr_t end = ((uintptr_t)pages + bytes) / system_size * system_size;

    zc_may_block();
    if (first < end)
        (void)madvise((char *)pages + (first - (uintptr_t)pages), end - first,
                      MADV_DONTNEED);
}

size_t zc_pages_system_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void zc_memory_close(const void *memory, size_t size)
{
#ifdef HAVE_ASAN
    ASAN_POISON_MEMORY_REGION(memory, size);
#else
    (void)memory;
    (void)size;
#endif
}

void zc_memory_open(const void *memory, size_t size)
{
#ifdef HAVE_ASAN
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
#else
    (void)memory;
    (void)size;
#endif
}
