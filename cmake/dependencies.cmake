# SPDX-License-Identifier: MIT
# Everything found outside the tree.  pkg-config throughout: lz4 and cmocka
# have no usable CMake package everywhere, and all of them have a .pc file.

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# Header only: compiled in with XXH_INLINE_ALL, never linked.
pkg_check_modules(zcache_xxhash REQUIRED libxxhash)

if(ZCACHE_WITH_LZ4)
  pkg_check_modules(zcache_lz4 REQUIRED IMPORTED_TARGET GLOBAL liblz4)
endif()
if(ZCACHE_WITH_ZSTD)
  pkg_check_modules(zcache_zstd REQUIRED IMPORTED_TARGET GLOBAL libzstd)
endif()
if(ZCACHE_BUILD_TESTS)
  pkg_check_modules(zcache_cmocka REQUIRED IMPORTED_TARGET cmocka)
endif()
