# SPDX-License-Identifier: MIT
# The functions that declare a test; tests/CMakeLists.txt has the list of tests.

# zc_test(LABEL STEM [SOURCES file...] [LABELS label...] [TIMEOUT seconds])
#
# The test LABEL.STEM with the label LABEL: a program test_STEM made of
# tests/LABEL/test_STEM.c and SOURCES, linked to the testing build of the
# library, tests/support and cmocka.  One whose source starts threads has the label
# threads too.  The target tests.LABEL builds the programs of a label.
function(zc_test label stem)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT" "SOURCES;LABELS")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "zc_test ${stem}: ${arg_UNPARSED_ARGUMENTS}?")
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 300)
  endif()
  set(target test_${stem})
  add_executable(${target} ${label}/test_${stem}.c ${arg_SOURCES})
  zc_setup_target(${target})
  target_link_libraries(${target} PRIVATE
    zcache_test_support zcache_testing PkgConfig::zcache_cmocka
    Threads::Threads)
  add_test(NAME ${label}.${stem} COMMAND ${target})
  file(STRINGS ${label}/test_${stem}.c threads LIMIT_COUNT 1
    REGEX "support_threads\\.h|pthread_create|shrink(er)?_worker")
  if(threads)
    list(APPEND arg_LABELS threads)
  endif()
  zc_set_test_properties(${label}.${stem} ${arg_TIMEOUT}
    ${label} ${arg_LABELS})
  foreach(group ${label} ${arg_LABELS})
    if(NOT TARGET tests.${group})
      add_custom_target(tests.${group})
    endif()
    add_dependencies(tests.${group} ${target})
  endforeach()
endfunction()

# zc_program_test(LABEL STEM COMMAND word... [LABELS label...]
#                 [TIMEOUT seconds])
#
# The test LABEL.STEM runs a command from the root of the tree; an exit status
# of 77 means that a tool is missing and the test was skipped.
function(zc_program_test label stem)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "TIMEOUT" "COMMAND;LABELS")
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 600)
  endif()
  add_test(NAME ${label}.${stem}
    COMMAND ${arg_COMMAND}
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  zc_set_test_properties(${label}.${stem} ${arg_TIMEOUT}
    ${label} ${arg_LABELS})
endfunction()

# A failed assertion in a worker thread must abort with its message, not end
# the process silently: CMOCKA_TEST_ABORT.
function(zc_set_test_properties name timeout)
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARGN}"
    TIMEOUT ${timeout}
    SKIP_RETURN_CODE 77
    ENVIRONMENT CMOCKA_TEST_ABORT=1)
endfunction()

# zc_slow(TEST...): too slow for every push; scripts/check whole runs it.
function(zc_slow)
  foreach(test ${ARGN})
    set_property(TEST ${test} APPEND PROPERTY LABELS slow)
  endforeach()
endfunction()
