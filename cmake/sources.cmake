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

# Of the lab's archive alone, with those above.
set(ZCACHE_LAB_HEADERS
  include/zcache/lab.h)

set(ZCACHE_SOURCES
  src/base/bitmap.c
  src/backing.c
  src/backing_faulty.c
  src/backing_file.c
  src/backing_memory.c
  src/compress_copy.c
  src/compressor.c
  src/entry.c
  src/front.c
  src/front_reclaim.c
  src/front_slot.c
  src/front_stats.c
  src/front_swap.c
  src/generation.c
  src/inject.c
  src/lru.c
  src/options.c
  src/pageio.c
  src/pageio_read.c
  src/pageio_stuck.c
  src/pageio_write.c
  src/pool_malloc.c
  src/pool_zspool.c
  src/publish.c
  src/records.c
  src/shrinker.c
  src/shrinker_worker.c
  src/stats.c
  src/status.c
  src/swapcache.c
  src/swapcache_folio.c
  src/swapslots.c
  src/swapslots_alloc.c
  src/swapslots_claim.c
  src/swapslots_cluster.c
  src/swapslots_count.c
  src/tree.c
  src/vm.c
  src/vm_access.c
  src/vm_check.c
  src/vm_fault.c
  src/vm_fork.c
  src/vm_frame.c
  src/vm_ksm.c
  src/vm_rmap.c
  src/vm_reclaim.c
  src/vm_space.c
  src/vm_swapin.c
  src/vm_swapoff.c
  src/vm_table.c
  src/writeback.c
  src/zcache.c
  src/zcache_evict.c
  src/zcache_load.c
  src/zcache_store.c
  src/zspool.c
  src/zspool_arena.c
  src/zspool_class.c
  src/zspool_compact.c
  src/zspool_dense.c
  src/zspool_dense_compact.c
  src/zspool_dense_reclaim.c
  src/zspool_group.c
  src/zspool_handle.c
  src/zspool_kernel.c
  src/zspool_kernel_compact.c
  src/zspool_kernel_reclaim.c
  src/zspool_pin.c
  src/zspool_reclaim.c
  src/zspool_span.c
  src/zspool_stats.c
  src/zspool_visit.c)
if(ZCACHE_WITH_LZ4)
  list(APPEND ZCACHE_SOURCES
    src/compress_lz4.c
    src/compress_lz4hc.c
    src/compress_state.c)
endif()
if(ZCACHE_WITH_ZSTD)
  list(APPEND ZCACHE_SOURCES
    src/compress_zstd.c)
endif()

# What implements src/platform/*.h over POSIX; the laboratory has its own.
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
