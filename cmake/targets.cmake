# SPDX-License-Identifier: MIT
# What the targets of this project have in common.

# zc_setup_target(TARGET): the language, warnings and instrumentation that
# every target of this project has.  Warnings and instrumentation stay out of
# the installed package.
function(zc_setup_target target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11
    C_STANDARD_REQUIRED ON
    C_EXTENSIONS OFF)
  target_compile_definitions(${target} PRIVATE
    _POSIX_C_SOURCE=200809L
    _DEFAULT_SOURCE)
  target_link_libraries(${target} PRIVATE
    $<BUILD_INTERFACE:zcache_warnings>
    $<BUILD_INTERFACE:zcache_sanitizers>
    ${zcache_atomic})
endfunction()

# zc_setup_library(TARGET): one build of the library's sources.  The caller sets
# what differs between the builds (type, visibility, checks, platform).
function(zc_setup_library target)
  zc_setup_target(${target})
  target_sources(${target} PRIVATE ${ZCACHE_SOURCES})
  target_include_directories(${target}
    PRIVATE
      ${PROJECT_SOURCE_DIR}/src
      ${zcache_xxhash_INCLUDE_DIRS})
  target_link_libraries(${target} PRIVATE Threads::Threads)
  foreach(codec IN LISTS zcache_codecs)
    target_link_libraries(${target} PRIVATE PkgConfig::zcache_${codec})
  endforeach()
  # Only this file depends on which codecs are built in.
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/codec/registry.c
    TARGET_DIRECTORY ${target}
    PROPERTIES COMPILE_DEFINITIONS "${zcache_codec_definitions}")
endfunction()

# zc_setup_program(TARGET): a program over the public headers only.
function(zc_setup_program target)
  zc_setup_target(${target})
  target_link_libraries(${target} PRIVATE zcache::zcache)
endfunction()

# zc_optimize_whole(TARGET): link-time optimization for a release of a shared
# library, if the compiler supports it and CMAKE_INTERPROCEDURAL_OPTIMIZATION is
# not set.  Not for an archive: only the same compiler could use its objects.
function(zc_optimize_whole target)
  get_target_property(type ${target} TYPE)
  if(NOT type STREQUAL "SHARED_LIBRARY"
     OR DEFINED CMAKE_INTERPROCEDURAL_OPTIMIZATION
     OR ZCACHE_DEBUG_LOCKS OR ZCACHE_SANITIZE OR ZCACHE_COVERAGE)
    return()
  endif()
  include(CheckIPOSupported)
  check_ipo_supported(RESULT has_ipo OUTPUT why LANGUAGES C)
  if(has_ipo)
    set_target_properties(${target} PROPERTIES
      INTERPROCEDURAL_OPTIMIZATION_RELEASE ON
      INTERPROCEDURAL_OPTIMIZATION_RELWITHDEBINFO ON
      INTERPROCEDURAL_OPTIMIZATION_MINSIZEREL ON)
  else()
    message(STATUS "No link-time optimization: ${why}")
  endif()
endfunction()
