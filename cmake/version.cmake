# SPDX-License-Identifier: MIT
# The version is written only in include/zcache/zcache.h; CMake reads it there.

set(zcache_header ${CMAKE_CURRENT_LIST_DIR}/../include/zcache/zcache.h)
file(STRINGS ${zcache_header} zcache_version_lines
  REGEX "^#define ZC_VERSION_(MAJOR|MINOR|PATCH) +[0-9]+")
foreach(part MAJOR MINOR PATCH)
  if(NOT zcache_version_lines MATCHES "ZC_VERSION_${part} +([0-9]+)")
    message(FATAL_ERROR "no ZC_VERSION_${part} in ${zcache_header}")
  endif()
  set(zcache_version_${part} ${CMAKE_MATCH_1})
endforeach()
set(ZCACHE_VERSION
  ${zcache_version_MAJOR}.${zcache_version_MINOR}.${zcache_version_PATCH})

# The header is an input of the configuration: a new version reconfigures.
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  ${zcache_header})
