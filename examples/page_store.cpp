// SPDX-License-Identifier: MIT
// page_store.cpp - a compressed page store in C++17, by zcache.hpp: stores
// pages, prints the memory that they take, takes them back.  The destructor
// ends the cache.
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include <zcache/zcache.hpp>

namespace {

constexpr std::uint64_t page_count = 1000;

// A page of equal bytes, but for its number.
std::vector<char> make_page(std::uint64_t number)
{
    std::vector<char> page(ZC_PAGE_SIZE_MIN, 'a');

    std::memcpy(page.data(), &number, sizeof(number));
    return page;
}

const char *use(zcache::cache &cache)
{
    std::vector<char> page(cache.page_size());

    for (std::uint64_t i = 0; i < page_count; i++)
        if (cache.store(zc_swp_make(0, i), make_page(i)) != ZC_OK)
            return "a page was refused";

    const auto memory = cache.account();
    if (!memory)
        return zc_status_describe(memory.status);
    std::printf("%llu pages of %zu bytes in %llu bytes\n",
                static_cast<unsigned long long>(page_count), cache.page_size(),
                static_cast<unsigned long long>(memory.value.total_bytes));

    for (std::uint64_t i = 0; i < page_count; i++)
        if (cache.take(zc_swp_make(0, i), page) != ZC_OK ||
            page != make_page(i))
            return "a page did not come back";
    return nullptr;
}

} // namespace

int main()
{
    auto made =
        zcache::cache::create(ZC_CACHE_OPTIONS(.limit_bytes = 64 << 20));
    const char *mistake = made ? use(made.value)
                               : zc_status_describe(made.status);

    if (mistake != nullptr)
        std::fprintf(stderr, "page_store: %s\n", mistake);
    return mistake == nullptr ? 0 : 1;
}
