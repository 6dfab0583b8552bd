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

# Tests that take long, and some seconds of each: ctest starts them first where it
# has not run before, so that none is left over for one processor at the end.  What
# others wait for (consumer.install_*) comes before them all.
set(zc_long_tests
  consumer.install_shared 90
  consumer.install_static 90
  effects.zcache 60
  tool.cold 40
  inject.inject_cache 25
  lab.selftest 25
  tool.processes 25
  tool.kernel_codec 20
  tool.sim_grid 20
  tool.swappable 20
  conformance.zram 20
  effects.zcrace 18
  consumer.subdirectory_c_static 18
  consumer.pkg_config_cpp_shared 15
  consumer.lab_static 15
  tool.sim 15
  tool.html 15
  model.model_pool 12
  model.model_cache 12
  tool.files 12
  tool.plots 12
  tool.sim_sweep 10
  tool.sim_bad_input 10
  tool.terminal 10
  unit.accounting 10
  unit.folio_cache 10
  effects.structs 10
  stress.stress_writeback 6
  lab.lab_replay 6
  lab.lab_scenarios 6)

# A failed assertion in a worker thread must abort with its message, not end
# the process silently: CMOCKA_TEST_ABORT.
function(zc_set_test_properties name timeout)
  set_tests_properties(${name} PROPERTIES
    LABELS "${ARGN}"
    TIMEOUT ${timeout}
    SKIP_RETURN_CODE 77
    ENVIRONMENT CMOCKA_TEST_ABORT=1)
  list(FIND zc_long_tests ${name} at)
  if(NOT at EQUAL -1)
    math(EXPR at "${at} + 1")
    list(GET zc_long_tests ${at} seconds)
    set_tests_properties(${name} PROPERTIES COST ${seconds})
  endif()
endfunction()

# zc_slow(TEST...): too slow for every push; scripts/check whole runs it.
function(zc_slow)
  foreach(test ${ARGN})
    set_property(TEST ${test} APPEND PROPERTY LABELS slow)
  endforeach()
endfunction()
