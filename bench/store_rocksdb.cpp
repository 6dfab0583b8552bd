// SPDX-License-Identifier: MIT
// store_rocksdb.cpp - RocksDB's CompressedSecondaryCache, which a user of
// RocksDB has for the same purpose.
//
// It admits a key at the second insert only; the first plants a dummy.  So the
// first put of a key is two inserts, since a user pays for both.
#include <rocksdb/cache.h>
#include <rocksdb/secondary_cache.h>

#include <cstdint>
#include <cstring>
#include <memory>

extern "C" {
#include "store.h"
}

namespace {

using rocksdb::Cache;
using rocksdb::Slice;
using rocksdb::Status;

struct Store {
    std::shared_ptr<rocksdb::SecondaryCache> cache;
    unsigned char *is_known; // by slot
    uint32_t slots;
};

class Key {
  public:
    explicit Key(uint32_t slot)
    {
        std::memset(bytes, 0, sizeof(bytes));
        std::memcpy(bytes, &slot, sizeof(slot));
    }
    Slice slice() const
    {
        return Slice(bytes, sizeof(bytes));
    }

  private:
    char bytes[16];
};

size_t size_of_page(void *)
{
    return PAGE_BYTES;
}

Status save_page(void *page, size_t offset, size_t length, void *out)
{
    std::memcpy(out, static_cast<char *>(page) + offset, length);
    return Status::OK();
}

void keep_page(const Slice &, void *)
{
}

const Cache::CacheItemHelper helper(size_of_page, save_page, keep_page);

void *create(uint32_t slots, const char **)
{
    rocksdb::CompressedSecondaryCacheOptions options;

    options.capacity = static_cast<size_t>(slots) * 8192 + (64u << 20);
    options.num_shard_bits = 4;
    options.compression_type = rocksdb::kLZ4Compression;
    auto *store = new Store;
    store->is_known = static_cast<unsigned char *>(map_memory(slots));
    store->slots = slots;
    store->cache = rocksdb::NewCompressedSecondaryCache(options);
    return store;
}

void destroy(void *opaque)
{
    auto *store = static_cast<Store *>(opaque);

    unmap_memory(store->is_known, store->slots);
    delete store;
}

void put(void *opaque, uint32_t slot, const void *page)
{
    auto *store = static_cast<Store *>(opaque);
    const Key key(slot);
    void *value = const_cast<void *>(page);

    for (int i = store->is_known[slot]; i < 2; i++) {
        if (!store->cache->Insert(key.slice(), value, &helper).ok())
            die("RocksDB refused a page");
    }
    store->is_known[slot] = 1;
}

bool get(void *opaque, uint32_t slot, void *page_out)
{
    auto *store = static_cast<Store *>(opaque);
    const Key key(slot);
    bool is_kept = false;
    bool got = false;
    const Cache::CreateCallback copy = [&](const void *data, size_t size,
                                           void **object_out, size_t *charge) {
        std::memcpy(page_out, data, size);
        got = size == PAGE_BYTES;
        *object_out = page_out;
        *charge = size;
        return Status::OK();
    };
    const auto handle =
        store->cache->Lookup(key.slice(), copy, true, false, is_kept);

    return handle != nullptr && got;
}

void forget(void *opaque, uint32_t slot)
{
    auto *store = static_cast<Store *>(opaque);
    const Key key(slot);

    store->cache->Erase(key.slice());
    store->is_known[slot] = 0;
}

void usage(void *, struct store_usage *usage_out)
{
    std::memset(usage_out, 0, sizeof(*usage_out));
}

} // namespace

extern "C" {
const struct store_ops store_rocksdb = {"rocksdb", create, destroy, put,
                                        get,       forget, nullptr, usage};
}
