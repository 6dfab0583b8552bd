// SPDX-License-Identifier: MIT
// main.cpp - the least that an embedder in C++ does.
#include <cstdio>
#include <memory>
#include <vector>

#include <zcache/zcache.h>

namespace {

struct Destroy {
    void operator()(zc_cache *cache) const
    {
        zc_cache_destroy(cache);
    }
};

std::unique_ptr<zc_cache, Destroy> make_cache()
{
    zc_cache_options options = {};
    options.struct_size = sizeof(options);
    options.limit_bytes = 1 << 20;
    zc_cache *cache = nullptr;
    if (zc_cache_create(&options, &cache) != ZC_OK)
        return nullptr;
    return std::unique_ptr<zc_cache, Destroy>(cache);
}

} // namespace

int main()
{
    auto cache = make_cache();
    if (!cache)
        return 1;

    std::vector<char> page(4096, 'z');
    std::vector<char> back(4096);
    page[0] = 'c';
    const zc_swp slot = zc_swp_make(0, 42);
    if (zc_cache_store(cache.get(), slot, page.data()) != ZC_OK)
        return 2;
    if (zc_cache_load(cache.get(), slot, back.data()) != ZC_OK)
        return 3;
    std::printf("zcache %s\n", zc_version());
    return page == back ? 0 : 4;
}
