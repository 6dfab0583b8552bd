# SPDX-License-Identifier: MIT
# Tests by effect: the options of zcrace, and of scenarios of strangers.
# Included where the lab's targets are known.

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(effects ${PROJECT_SOURCE_DIR}/tests/effects)
  add_executable(effects_race
    ${effects}/race.c ${PROJECT_SOURCE_DIR}/lab/cli/toys.c)
  zc_setup_target(effects_race)
  target_include_directories(effects_race PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(effects_race PRIVATE lab_cli)
  zcache_add_lab(effects_strangers SOURCES ${effects}/strangers.c)
  target_link_libraries(effects_strangers PRIVATE zcache_warnings)
  set_target_properties(effects_strangers PROPERTIES C_STANDARD 11)
  # The pages of the lab.
  set(pages ${PROJECT_SOURCE_DIR}/tests/lab/check-html $<TARGET_FILE:zcrace>
    $<TARGET_FILE:effects_race> $<TARGET_FILE:effects_strangers>)
  zc_program_test(lab html COMMAND ${pages})
  zc_program_test(lab html_browser COMMAND ${pages} BROWSER)
  zc_program_test(effects zcrace COMMAND
    ${effects}/of_zcrace $<TARGET_FILE:zcrace> $<TARGET_FILE:effects_race>
    $<TARGET_FILE:effects_strangers>)
  zc_program_test(effects every_option COMMAND
    ${effects}/every_option ${CMAKE_BINARY_DIR})
endif()
