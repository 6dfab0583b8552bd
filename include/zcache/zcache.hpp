// SPDX-License-Identifier: MIT
//
// zcache.hpp - the cache and the pool in C++17 and later, header only.
//
//     auto [status, cache] =
//         zcache::cache::create(ZC_CACHE_OPTIONS(.limit_bytes = 64 << 20));
//     if (status == ZC_OK)
//         status = cache.store(zc_swp_make(0, 42), page);
//
// Each class owns one object of the C interface, can be moved and not copied,
// and ends the object in its destructor.  After a default construction, or when
// it was moved from, it is empty: its get() is null, and its calls return
// ZC_INVALID.  Nothing here throws.  A call returns the zc_status of the C
// function of the same name; the header of that function (zcache.h, zspool.h)
// says what the status means, how the call blocks and what other threads may do
// meanwhile.  A call that also makes something returns both, as a
// zcache::result.  No other use of an object may run together with its move or
// its destruction.
//
// Pages and objects are passed as bytes of anything contiguous: an array,
// std::array, std::vector, std::string, std::span, or a pointer and a size.
// Where the size does not fit the call returns ZC_INVALID, and nothing has
// changed.
#ifndef ZCACHE_ZCACHE_HPP
#define ZCACHE_ZCACHE_HPP

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <zcache/zcache.h>

namespace zcache {

// The status of a call, and what it made: `value` is valid only with ZC_OK.
template <typename Value> struct [[nodiscard]] result {
    zc_status status = ZC_INVALID;
    Value value{};

    explicit operator bool() const noexcept
    {
        return status == ZC_OK;
    }
};

// Bytes that a call writes.
class bytes {
  public:
    bytes(void *data, std::size_t size) noexcept : data_(data), size_(size)
    {
    }

    template <typename T, std::size_t count>
    bytes(T (&array)[count]) noexcept : data_(array), size_(sizeof(array))
    {
        static_assert(std::is_trivially_copyable_v<T>);
    }

    // A container, or a span, which may be a temporary.
    template <
        typename Range,
        typename T =
            std::remove_pointer_t<decltype(std::declval<Range &>().data())>,
        typename = std::enable_if_t<std::is_object_v<T> && !std::is_const_v<T>>>
    bytes(Range &&range) noexcept
        : data_(range.data()), size_(range.size() * sizeof(T))
    {
        static_assert(std::is_trivially_copyable_v<T>);
    }

    void *data() const noexcept
    {
        return data_;
    }

    std::size_t size() const noexcept
    {
        return size_;
    }

  private:
    void *data_;
    std::size_t size_;
};

// Bytes that a call reads.
class bytes_view {
  public:
    bytes_view(const void *data, std::size_t size) noexcept
        : data_(data), size_(size)
    {
    }

    bytes_view(bytes other) noexcept : data_(other.data()), size_(other.size())
    {
    }

    template <typename T, std::size_t count>
    bytes_view(const T (&array)[count]) noexcept
        : data_(array), size_(sizeof(array))
    {
        static_assert(std::is_trivially_copyable_v<T>);
    }

    template <typename Range,
              typename T = std::remove_pointer_t<
                  decltype(std::declval<const Range &>().data())>,
              typename = std::enable_if_t<std::is_object_v<T>>>
    bytes_view(const Range &range) noexcept
        : data_(range.data()), size_(range.size() * sizeof(T))
    {
        static_assert(std::is_trivially_copyable_v<T>);
    }

    const void *data() const noexcept
    {
        return data_;
    }

    std::size_t size() const noexcept
    {
        return size_;
    }

  private:
    const void *data_;
    std::size_t size_;
};

// A compressed page store: struct zc_cache.
class cache {
  public:
    cache() noexcept = default;

    cache(cache &&other) noexcept
        : cache_(std::exchange(other.cache_, nullptr)),
          page_size_(other.page_size_)
    {
    }

    cache &operator=(cache &&other) noexcept
    {
        cache moved(std::move(other));

        std::swap(cache_, moved.cache_);
        std::swap(page_size_, moved.page_size_);
        return *this;
    }

    ~cache()
    {
        zc_cache_destroy(cache_);
    }

    // zc_cache_create(); with no argument, all defaults.
    static result<cache> create(
        const zc_cache_options *options = nullptr) noexcept
    {
        result<cache> made;

        made.status = zc_cache_create(options, &made.value.cache_);
        if (made && options != nullptr && options->page_size != 0)
            made.value.page_size_ = options->page_size;
        return made;
    }

    // The C object, for the rest of the C interface; this class still owns it.
    zc_cache *get() const noexcept
    {
        return cache_;
    }

    // Bytes of a page, fixed at create().
    std::size_t page_size() const noexcept
    {
        return page_size_;
    }

    explicit operator bool() const noexcept
    {
        return cache_ != nullptr;
    }

    // Each page has exactly page_size() bytes.
    [[nodiscard]] zc_status store(zc_swp slot, bytes_view page) noexcept
    {
        return fits(page.size()) ? zc_cache_store(cache_, slot, page.data())
                                 : ZC_INVALID;
    }

    [[nodiscard]] zc_status store_for(unsigned owner, zc_swp slot,
                                      bytes_view page) noexcept
    {
        return fits(page.size())
                   ? zc_cache_store_for(cache_, owner, slot, page.data())
                   : ZC_INVALID;
    }

    [[nodiscard]] zc_status load(zc_swp slot, bytes page_out) noexcept
    {
        return fits(page_out.size())
                   ? zc_cache_load(cache_, slot, page_out.data())
                   : ZC_INVALID;
    }

    [[nodiscard]] zc_status take(zc_swp slot, bytes page_out) noexcept
    {
        return fits(page_out.size())
                   ? zc_cache_take(cache_, slot, page_out.data())
                   : ZC_INVALID;
    }

    [[nodiscard]] zc_status contains(zc_swp slot) noexcept
    {
        return zc_cache_contains(cache_, slot);
    }

    // The first slot with a page from this one on: zc_cache_next().
    [[nodiscard]] zc_status next(zc_swp &slot) noexcept
    {
        return zc_cache_next(cache_, &slot);
    }

    zc_status invalidate(zc_swp slot) noexcept
    {
        return zc_cache_invalidate(cache_, slot);
    }

    zc_status invalidate_range(zc_swp first, std::uint64_t count) noexcept
    {
        return zc_cache_invalidate_range(cache_, first, count);
    }

    zc_status set_limit(std::uint64_t limit_bytes,
                        unsigned accept_threshold_percent = 0) noexcept
    {
        return zc_cache_set_limit(cache_, limit_bytes,
                                  accept_threshold_percent);
    }

    [[nodiscard]] zc_status set_compressor(
        const char *name, int level = ZC_LEVEL_DEFAULT) noexcept
    {
        return zc_cache_set_compressor(cache_, name, level);
    }

    // The value is the number of pages that got smaller, also with ZC_AGAIN.
    result<std::uint64_t> recompress(
        const zc_recompress_options *options = nullptr) noexcept
    {
        result<std::uint64_t> got;

        got.status = zc_cache_recompress(cache_, options, &got.value);
        return got;
    }

    result<zc_cache_stats> stats() const noexcept
    {
        result<zc_cache_stats> got;

        got.value.struct_size = sizeof(got.value);
        got.status = zc_cache_get_stats(cache_, &got.value);
        return got;
    }

    result<zc_cache_accounting> account() noexcept
    {
        result<zc_cache_accounting> got;

        got.value.struct_size = sizeof(got.value);
        got.status = zc_cache_account(cache_, &got.value);
        return got;
    }

  private:
    bool fits(std::size_t size) const noexcept
    {
        return size == page_size_;
    }

    zc_cache *cache_ = nullptr;
    std::size_t page_size_ = ZC_PAGE_SIZE_MIN; // the default
};

// The bytes of one object, which stays where it is while this lives: a
// zc_zspool_read_begin() and its zc_zspool_read_end().  The pool must outlive
// it.
class pool_read {
  public:
    pool_read() noexcept = default;

    pool_read(pool_read &&other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), read_(other.read_)
    {
    }

    pool_read &operator=(pool_read &&other) noexcept
    {
        pool_read moved(std::move(other));

        std::swap(pool_, moved.pool_);
        std::swap(read_, moved.read_);
        return *this;
    }

    ~pool_read()
    {
        if (pool_ != nullptr)
            zc_zspool_read_end(pool_, &read_);
    }

    const void *data() const noexcept
    {
        return read_.data;
    }

    std::size_t size() const noexcept
    {
        return read_.size;
    }

  private:
    friend class pool;

    zc_zspool *pool_ = nullptr;
    zc_zspool_read read_ = {};
};

// A pool of objects of up to one page: struct zc_zspool.
class pool {
  public:
    pool() noexcept = default;

    pool(pool &&other) noexcept : pool_(std::exchange(other.pool_, nullptr))
    {
    }

    pool &operator=(pool &&other) noexcept
    {
        pool moved(std::move(other));

        std::swap(pool_, moved.pool_);
        return *this;
    }

    ~pool()
    {
        zc_zspool_destroy(pool_);
    }

    // zc_zspool_create(); with no argument, all defaults.
    static result<pool> create(
        const zc_zspool_options *options = nullptr) noexcept
    {
        result<pool> made;

        made.status = zc_zspool_create(options, &made.value.pool_);
        return made;
    }

    // The C object, for the rest of the C interface; this class still owns it.
    zc_zspool *get() const noexcept
    {
        return pool_;
    }

    explicit operator bool() const noexcept
    {
        return pool_ != nullptr;
    }

    result<zc_handle> put(bytes_view object) noexcept
    {
        result<zc_handle> made;

        made.status =
            zc_zspool_put(pool_, object.data(), object.size(), &made.value);
        return made;
    }

    [[nodiscard]] zc_status write(zc_handle handle, bytes_view object) noexcept
    {
        return zc_zspool_write(pool_, handle, object.data(), object.size());
    }

    result<pool_read> read(zc_handle handle) noexcept
    {
        result<pool_read> lent;

        lent.status = zc_zspool_read_begin(pool_, handle, &lent.value.read_);
        if (lent)
            lent.value.pool_ = pool_;
        return lent;
    }

    zc_status free(zc_handle handle) noexcept
    {
        return zc_zspool_free(pool_, handle);
    }

    result<zc_zspool_stats> stats() const noexcept
    {
        result<zc_zspool_stats> got;

        got.value.struct_size = sizeof(got.value);
        got.status = zc_zspool_get_stats(pool_, &got.value);
        return got;
    }

  private:
    zc_zspool *pool_ = nullptr;
};

} // namespace zcache

#endif
