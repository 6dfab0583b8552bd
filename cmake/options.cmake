# SPDX-License-Identifier: MIT
# Every option of the build.  Included once, after project().

option(BUILD_SHARED_LIBS "Build zcache as a shared library" OFF)

option(ZCACHE_WITH_LZ4 "Compressors over liblz4" ON)
option(ZCACHE_WITH_ZSTD "Compressors over libzstd" ON)
# The libraries of the codecs in this build.  For NAME there are
# ZCACHE_WITH_NAME here, libNAME in pkg-config, PkgConfig::zcache_NAME and
# ZC_WITH_NAME.
set(zcache_codecs)
foreach(codec lz4 zstd)
  string(TOUPPER ${codec} CODEC)
  if(ZCACHE_WITH_${CODEC})
    list(APPEND zcache_codecs ${codec})
  endif()
endforeach()
list(TRANSFORM zcache_codecs TOUPPER OUTPUT_VARIABLE zcache_codec_definitions)
list(TRANSFORM zcache_codec_definitions REPLACE "(.+)" "ZC_WITH_\\1=1")

# By default: the library and the program.  BUILD_TESTING is the name for the
# tests that CMake and packagers use.
set(zcache_tests_default OFF)
if(PROJECT_IS_TOP_LEVEL AND BUILD_TESTING)
  set(zcache_tests_default ON)
endif()
option(ZCACHE_BUILD_TESTS "Build the tests" ${zcache_tests_default})
option(ZCACHE_BUILD_TOOLS "Build the zcache program" ${PROJECT_IS_TOP_LEVEL})
# Not of the library: liblzo2 is under the GPL, as is a program that links it.
option(ZCACHE_TOOL_LZO
  "The codec lzo of `zcache estimate`, where liblzo2 (GPL) is found" ON)
option(ZCACHE_TOOL_ARCHIVE
  "Compressed traces of `zcache sim`, where libarchive is found" ON)
option(ZCACHE_BUILD_NBDKIT
  "The block device: a plug-in of nbdkit, where nbdkit is found"
  ${PROJECT_IS_TOP_LEVEL})
option(ZCACHE_BUILD_EXAMPLES "Build the examples" OFF)
option(ZCACHE_BUILD_BENCH "Build the benchmarks" OFF)
option(ZCACHE_BUILD_LAB "Build the race lab and the program zcrace" OFF)
option(ZCACHE_INSTALL "Generate install rules" ${PROJECT_IS_TOP_LEVEL})

option(ZCACHE_WERROR "Warnings are errors" OFF)
option(ZCACHE_DEBUG_LOCKS
  "Assertions and lock ranks are checked in the library itself" OFF)
option(ZCACHE_COVERAGE "Count the executed lines (gcc, clang)" OFF)
set(ZCACHE_SANITIZE "" CACHE STRING
  "List of sanitizers, e.g. address;undefined or thread")

# No unity build: each file defines the features of the system that it needs
# before its first #include, and static functions have short names.
set(CMAKE_UNITY_BUILD OFF)

# A build type if none was chosen: an unoptimized compressor misleads.
if(PROJECT_IS_TOP_LEVEL AND NOT CMAKE_BUILD_TYPE
   AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Type of build" FORCE)
endif()
