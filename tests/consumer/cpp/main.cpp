// SPDX-License-Identifier: MIT
// main.cpp - the interface in C used from C++, with options as the headers and
// the README have them.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <zcache/swap.h>
#include <zcache/vm.h>
#include <zcache/zcache.h>
#include <zcache/zspool.h>

namespace {

// Each macro as its header has it, and with values that are temporaries.
bool options_are_what_they_say()
{
    const std::string lz = "lz";

    return (ZC_CACHE_OPTIONS(.limit_bytes = 64 << 20,
                             .compressor_name = (lz + "4").c_str()))
                   ->struct_size == sizeof(zc_cache_options) &&
           std::strcmp(
               (ZC_CACHE_OPTIONS(.compressor_name = (lz + "4hc").c_str()))
                   ->compressor_name,
               "lz4hc") == 0 &&
           (ZC_ZSPOOL_OPTIONS(.limit_bytes = 1 << 20))->limit_bytes ==
               1 << 20 &&
           (ZC_ZSPOOL_OPTIONS())->limit_bytes == 0 &&
           (ZC_SWAP_OPTIONS(.slot_count = 100, .managed = 1))->managed == 1 &&
           (ZC_VM_OPTIONS(.frame_count = 64))->frame_count == 64;
}

} // namespace

int main()
{
    zc_cache *cache = nullptr;
    std::vector<char> page(4096, 'z');
    std::vector<char> back(4096);
    const zc_swp slot = zc_swp_make(0, 42);
    int failed = 0;

    if (!options_are_what_they_say())
        return 1;
    if (zc_cache_create(
            ZC_CACHE_OPTIONS(.limit_bytes = 64 << 20, .compressor_name = "lz4"),
            &cache) != ZC_OK)
        return 2;
    page[0] = 'c';
    if (zc_cache_store(cache, slot, page.data()) != ZC_OK)
        failed = 3;
    else if (zc_cache_load(cache, slot, back.data()) != ZC_OK)
        failed = 4;
    else if (page != back)
        failed = 5;
    zc_cache_destroy(cache);
    std::printf("zcache %s: %d\n", zc_version(), failed);
    return failed;
}
