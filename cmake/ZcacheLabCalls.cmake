# SPDX-License-Identifier: MIT
# cmake -DNAME=program -DNM=nm -DOBJECTS=file;... -DALLOW=name;... -P this file
#
# Fails if an object calls a function that code in the lab may not call: none of
# the objects defines it, and it is neither in ZcacheLabCalls.txt nor in ALLOW.
# zcache_add_lab() runs it before a program is linked.

cmake_minimum_required(VERSION 3.25)

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/ZcacheLabCalls.txt lines REGEX "^[^#]")
string(JOIN " " words ${lines} ${ALLOW})
separate_arguments(words)
set(names)
set(patterns)
foreach(word IN LISTS words)
  if(word MATCHES "\\*")
    string(REPLACE "*" "[A-Za-z0-9_]*" pattern "${word}")
    list(APPEND patterns "${pattern}")
  else()
    list(APPEND names "${word}")
  endif()
endforeach()
string(JOIN "|" patterns ${patterns})

# symbols_of(OBJECT OPTION OUT): the names that nm prints with this option.
function(symbols_of object option out)
  execute_process(COMMAND ${NM} -P ${option} ${object}
    OUTPUT_VARIABLE text RESULT_VARIABLE failed ERROR_VARIABLE message)
  if(failed)
    message(FATAL_ERROR "${NM} cannot read ${object}: ${message}")
  endif()
  string(REGEX REPLACE " [^\n]*" "" text "${text}")
  string(STRIP "${text}" text)
  string(REGEX REPLACE "\n" ";" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

set(own)
foreach(object IN LISTS OBJECTS)
  symbols_of(${object} --defined-only defined)
  list(APPEND own ${defined})
endforeach()

set(refused)
foreach(object IN LISTS OBJECTS)
  symbols_of(${object} -u wanted)
  list(REMOVE_ITEM wanted ${own} ${names})
  foreach(symbol IN LISTS wanted)
    if(NOT symbol MATCHES "^(${patterns})$")
      get_filename_component(source ${object} NAME)
      string(REGEX REPLACE "\\.o(bj)?$" "" source "${source}")
      string(APPEND refused "  ${symbol} (${source})\n")
    endif()
  endforeach()
endforeach()

if(refused)
  message(FATAL_ERROR
    "${NAME} calls what code in the race lab may not call:\n${refused}"
    "The lab would not see it: it could wait, start a thread or leave something "
    "to the next execution. What may be called is in "
    "${CMAKE_CURRENT_LIST_DIR}/ZcacheLabCalls.txt; "
    "zcache_add_lab(... ALLOW name...) adds to it.")
endif()
