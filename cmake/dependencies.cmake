# SPDX-License-Identifier: MIT
# Everything found outside the tree.  pkg-config throughout: lz4 and cmocka
# have no usable CMake package everywhere, and all of them have a .pc file.

# zc_missing(WHAT GOAL OTHERWISE): ends the configuration with advice.
function(zc_missing what goal otherwise)
  message(FATAL_ERROR "${what} is missing.  "
    "${PROJECT_SOURCE_DIR}/scripts/setup ${goal} installs what is needed.  "
    "${otherwise}")
endfunction()

# zc_find(PREFIX MODULE GOAL OTHERWISE WORD...): pkg_check_modules() with the
# WORDs, for a required module.
macro(zc_find prefix module goal otherwise)
  pkg_check_modules(${prefix} ${ARGN} ${module})
  if(NOT ${prefix}_FOUND)
    zc_missing("${module} (pkg-config does not find it)" ${goal} "${otherwise}")
  endif()
endmacro()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig)
if(NOT PkgConfig_FOUND)
  zc_missing(pkg-config demo "")
endif()

# Header only: compiled in with XXH_INLINE_ALL, never linked.
zc_find(zcache_xxhash libxxhash demo "")

foreach(codec IN LISTS zcache_codecs)
  string(TOUPPER ${codec} CODEC)
  zc_find(zcache_${codec} lib${codec} demo
    "-DZCACHE_WITH_${CODEC}=OFF builds without it." IMPORTED_TARGET GLOBAL)
endforeach()
# The program alone, and only where they are there.
if(ZCACHE_BUILD_TOOLS AND ZCACHE_TOOL_LZO)
  pkg_check_modules(zcache_lzo QUIET IMPORTED_TARGET lzo2)
endif()
if(ZCACHE_BUILD_TOOLS AND ZCACHE_TOOL_ARCHIVE)
  pkg_check_modules(zcache_archive QUIET IMPORTED_TARGET libarchive)
  if(NOT zcache_archive_FOUND)
    message(STATUS "No libarchive: `zcache sim` reads no compressed traces")
  endif()
endif()
# nbdkit has no sanitizer, so it cannot load a plug-in that has one.
set(zcache_builds_nbdkit OFF)
if(ZCACHE_BUILD_NBDKIT AND NOT ZCACHE_SANITIZE)
  pkg_check_modules(zcache_nbdkit QUIET nbdkit)
  if(zcache_nbdkit_FOUND)
    set(zcache_builds_nbdkit ON)
  else()
    message(STATUS "No nbdkit (nbdkit-plugin-dev): no block device")
  endif()
endif()
if(ZCACHE_BUILD_TESTS)
  zc_find(zcache_cmocka cmocka test
    "-DZCACHE_BUILD_TESTS=OFF builds without the tests." IMPORTED_TARGET)
endif()

# Some 32-bit processors have no 64-bit atomic instructions: there the compiler
# calls libatomic.
include(CheckCSourceCompiles)
check_c_source_compiles("
  #include <stdatomic.h>
  #include <stdint.h>
  static _Atomic uint64_t number;
  int main(void) { return (int)atomic_fetch_add(&number, 1); }"
  ZCACHE_ATOMICS_ARE_INSTRUCTIONS)
set(zcache_atomic)
if(NOT ZCACHE_ATOMICS_ARE_INSTRUCTIONS)
  set(zcache_atomic atomic)
endif()
