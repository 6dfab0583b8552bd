# SPDX-License-Identifier: MIT
# What our targets have in common.

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

# zc_setup_library(TARGET): one build of the library's sources; what differs
# between the builds (type, visibility, checks, platform) is the caller's.
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
  # One file asks; the others are the same whatever is built in.
  set_source_files_properties(${PROJECT_SOURCE_DIR}/src/codec/registry.c
    TARGET_DIRECTORY ${target}
    PROPERTIES COMPILE_DEFINITIONS "${zcache_codec_definitions}")
endfunction()

# zc_setup_program(TARGET): a program over the public headers only.
function(zc_setup_program target)
  zc_setup_target(${target})
  target_link_libraries(${target} PRIVATE zcache::zcache)
endfunction()
