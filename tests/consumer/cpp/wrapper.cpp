// SPDX-License-Identifier: MIT
// wrapper.cpp - zcache.hpp does what it says.
#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <span>
#endif

#include <zcache/zcache.hpp>

namespace {

int failures = 0;

void check(bool good, const char *what, int line)
{
    if (good)
        return;
    std::printf("wrapper.cpp:%d: %s\n", line, what);
    failures++;
}

#define CHECK(what) check((what), #what, __LINE__)

template <typename T>
constexpr bool moves_only = std::is_nothrow_move_constructible_v<T>
                                &&std::is_nothrow_move_assignable_v<T> &&
                            !std::is_copy_constructible_v<T> &&
                            !std::is_copy_assignable_v<T>;

static_assert(moves_only<zcache::cache>);
static_assert(moves_only<zcache::pool>);
static_assert(moves_only<zcache::pool_read>);

// What is constant is not written to.
static_assert(
    !std::is_constructible_v<zcache::bytes, const std::vector<char> &>);
static_assert(!std::is_constructible_v<zcache::bytes, const std::string &>);
static_assert(std::is_constructible_v<zcache::bytes, std::string &>);
static_assert(std::is_constructible_v<zcache::bytes_view, zcache::bytes>);

constexpr std::size_t page_bytes = 8192;

zcache::cache make_cache()
{
    auto made = zcache::cache::create(
        ZC_CACHE_OPTIONS(.page_size = page_bytes, .limit_bytes = 1 << 20));

    CHECK(made.status == ZC_OK);
    CHECK(made && made.value && made.value.get() != nullptr);
    return std::move(made.value);
}

void pages_come_back()
{
    zcache::cache cache = make_cache();
    std::vector<char> page(page_bytes, 'v');
    std::array<unsigned, page_bytes / sizeof(unsigned)> words;
    static char plain[page_bytes];
    const zc_swp slot = zc_swp_make(0, 42);

    CHECK(cache.page_size() == page_bytes);
    CHECK(cache.store(slot, page) == ZC_OK);
    CHECK(cache.load(slot, words) == ZC_OK);
    CHECK(std::memcmp(words.data(), page.data(), page_bytes) == 0);
    CHECK(cache.stats().value.stored_pages == 1);
    CHECK(cache.account().value.total_bytes > 0);

    words[0] = 0;
    CHECK(cache.store_for(7, slot, words) == ZC_OK);
    CHECK(cache.take(slot, plain) == ZC_OK);
    CHECK(std::memcmp(words.data(), plain, page_bytes) == 0);
    CHECK(cache.take(slot, plain) == ZC_MISSING);
    CHECK(cache.invalidate(slot) == ZC_MISSING);

    CHECK(cache.store(slot, {plain, page_bytes}) == ZC_OK);
    CHECK(cache.invalidate_range(slot, 1) == ZC_OK);
    CHECK(cache.stats().value.stored_pages == 0);
    CHECK(cache.set_compressor("none such") == ZC_UNSUPPORTED);
    CHECK(cache.set_compressor("copy") == ZC_OK);
    CHECK(cache.set_limit(1 << 21) == ZC_OK);
}

void a_size_that_does_not_fit_changes_nothing()
{
    zcache::cache cache = make_cache();
    std::string page(page_bytes, 's');
    std::string less(page_bytes - 1, 'x');
    const zc_swp slot = zc_swp_make(0, 1);

    CHECK(cache.store(slot, page) == ZC_OK);
    CHECK(cache.store(slot, less) == ZC_INVALID);
    CHECK(cache.store_for(1, slot, less) == ZC_INVALID);
    CHECK(cache.load(slot, less) == ZC_INVALID);
    CHECK(cache.take(slot, less) == ZC_INVALID);
    CHECK(less == std::string(page_bytes - 1, 'x'));
    CHECK(cache.load(slot, page) == ZC_OK);
    CHECK(page == std::string(page_bytes, 's'));
}

void what_is_moved_from_is_empty()
{
    zcache::cache first = make_cache();
    zcache::cache second = make_cache();
    std::vector<char> page(page_bytes, 'm');
    const zc_swp slot = zc_swp_make(0, 1);

    CHECK(first.store(slot, page) == ZC_OK);
    second = std::move(first);
    CHECK(!first); // NOLINT(bugprone-use-after-move): promised
    CHECK(first.get() == nullptr);
    CHECK(first.store(slot, page) == ZC_INVALID);
    CHECK(first.stats().status == ZC_INVALID);
    CHECK(second.load(slot, page) == ZC_OK);

    zcache::cache *self = &second;
    second = std::move(*self);
    CHECK(second.load(slot, page) == ZC_OK);

    zcache::pool none;
    CHECK(none.put(page).status == ZC_INVALID);
    CHECK(!none.read(zc_handle{1}));
}

void a_failure_makes_nothing()
{
    auto [status, cache] =
        zcache::cache::create(ZC_CACHE_OPTIONS(.page_size = 5000));

    CHECK(status == ZC_INVALID);
    CHECK(!cache);
    CHECK(!zcache::pool::create(ZC_ZSPOOL_OPTIONS(.chain_length = 99)));
}

void objects_stay_while_they_are_read()
{
    auto made = zcache::pool::create();
    zcache::pool pool = std::move(made.value);
    const char text[] = "an object";
    char other[] = "an abject";

    CHECK(made.status == ZC_OK);
    auto put = pool.put(text);
    CHECK(put.status == ZC_OK);
    {
        auto read = pool.read(put.value);
        CHECK(read.status == ZC_OK);
        CHECK(read.value.size() == sizeof(text));
        CHECK(std::memcmp(read.value.data(), text, sizeof(text)) == 0);
        zcache::pool_read kept = std::move(read.value);
        CHECK(kept.size() == sizeof(text));
    }
    CHECK(pool.write(put.value, other) == ZC_OK);
    CHECK(pool.write(put.value, {other, 1}) == ZC_INVALID);
    CHECK(pool.stats().value.objects == 1);
    CHECK(pool.free(put.value) == ZC_OK);
    CHECK(pool.free(put.value) == ZC_STALE);
    CHECK(pool.stats().value.objects == 0);
}

#if __cplusplus >= 202002L
void spans_are_bytes()
{
    zcache::cache cache = make_cache();
    std::vector<char> memory(3 * page_bytes, 'p');
    std::span<char> pages(memory);
    const zc_swp slot = zc_swp_make(0, 9);

    CHECK(cache.store(slot, std::span<const char>(pages.first(page_bytes))) ==
          ZC_OK);
    pages[page_bytes] = 'x';
    CHECK(cache.load(slot, pages.subspan(page_bytes, page_bytes)) == ZC_OK);
    CHECK(pages[page_bytes] == 'p');
    CHECK(cache.load(slot, pages) == ZC_INVALID);
}
#else
void spans_are_bytes()
{
}
#endif

} // namespace

int main()
{
    pages_come_back();
    a_size_that_does_not_fit_changes_nothing();
    what_is_moved_from_is_empty();
    a_failure_makes_nothing();
    objects_stay_while_they_are_read();
    spans_are_bytes();
    return failures == 0 ? 0 : 1;
}
