# SPDX-License-Identifier: MIT
# The one list of the library's files.  Every build of the library (product,
# testing, laboratory) uses it.

set(ZCACHE_PUBLIC_HEADERS
  include/zcache/backing.h
  include/zcache/compressor.h
  include/zcache/export.h
  include/zcache/options.h
  include/zcache/pool.h
  include/zcache/swap.h
  include/zcache/types.h
  include/zcache/vm.h
  include/zcache/zcache.h
  include/zcache/zcache.hpp
  include/zcache/zspool.h)

# For the lab's archive only, besides those above.
set(ZCACHE_LAB_HEADERS
  include/zcache/lab.h)

set(ZCACHE_SOURCES
  src/base/bitmap.c
  src/base/inject.c
  src/base/options.c
  src/base/sparse.c
  src/base/records.c
  src/base/stats.c
  src/base/status.c
  src/cache/cache.c
  src/cache/reclaim.c
  src/cache/recompress.c
  src/cache/slot.c
  src/cache/stats.c
  src/cache/swap.c
  src/codec/copy.c
  src/codec/generation.c
  src/codec/registry.c
  src/pool/arena.c
  src/pool/class.c
  src/pool/compact.c
  src/pool/dense.c
  src/pool/dense_compact.c
  src/pool/dense_reclaim.c
  src/pool/group.c
  src/pool/handle.c
  src/pool/kernel.c
  src/pool/kernel_compact.c
  src/pool/kernel_reclaim.c
  src/pool/malloc.c
  src/pool/ops.c
  src/pool/pin.c
  src/pool/reclaim.c
  src/pool/span.c
  src/pool/stats.c
  src/pool/visit.c
  src/swap/backing/backing.c
  src/swap/backing/faulty.c
  src/swap/backing/file.c
  src/swap/backing/memory.c
  src/swap/folio.c
  src/swap/pageio.c
  src/swap/pageio_read.c
  src/swap/pageio_stuck.c
  src/swap/pageio_write.c
  src/swap/shrinker.c
  src/swap/shrinker_worker.c
  src/swap/slots.c
  src/swap/slots_alloc.c
  src/swap/slots_claim.c
  src/swap/slots_cluster.c
  src/swap/slots_count.c
  src/swap/writeback.c
  src/vm/access.c
  src/vm/check.c
  src/vm/fault.c
  src/vm/fork.c
  src/vm/frame.c
  src/vm/ksm.c
  src/vm/reclaim.c
  src/vm/rmap.c
  src/vm/space.c
  src/vm/swapin.c
  src/vm/swapoff.c
  src/vm/table.c
  src/vm/vm.c
  src/zswap/evict.c
  src/zswap/load.c
  src/zswap/lru.c
  src/zswap/recompress.c
  src/zswap/store.c
  src/zswap/zswap.c
  src/entry.c
  src/swapcache.c
  src/tree.c
  src/zspool.c)
if(ZCACHE_WITH_LZ4)
  list(APPEND ZCACHE_SOURCES
    src/codec/lz4.c
    src/codec/lz4hc.c
    src/codec/state.c)
endif()
if(ZCACHE_WITH_ZSTD)
  list(APPEND ZCACHE_SOURCES
    src/codec/zstd.c)
endif()

# The POSIX implementation of src/platform/*.h; the lab has its own.
set(ZCACHE_PLATFORM_POSIX_SOURCES
  src/platform/posix/file.c
  src/platform/posix/lock.c
  src/platform/posix/memory.c
  src/platform/posix/park.c
  src/platform/posix/process.c
  src/platform/posix/processor.c
  src/platform/posix/thread.c)

list(TRANSFORM ZCACHE_PUBLIC_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/)
list(TRANSFORM ZCACHE_LAB_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/)
list(TRANSFORM ZCACHE_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)
list(TRANSFORM ZCACHE_PLATFORM_POSIX_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)
