# SPDX-License-Identifier: MIT
# What `cmake --install` installs: library, headers, CMake package, pkg-config
# file, program, nbdkit plug-in and manual pages.

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(zcache_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/zcache)
get_target_property(zcache_type zcache TYPE)

install(TARGETS zcache
  EXPORT zcacheTargets
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT zcacheTargets
  NAMESPACE zcache::
  DESTINATION ${zcache_package_dir})

# The race lab is an optional component of the package.
if(TARGET zcache_lab_kit)
  install(TARGETS zcache_lab_kit
    EXPORT zcacheLabTargets
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    FILE_SET HEADERS DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT zcacheLabTargets
    NAMESPACE zcache::
    DESTINATION ${zcache_package_dir})
  install(FILES
    ${PROJECT_SOURCE_DIR}/cmake/ZcacheLab.cmake
    ${PROJECT_SOURCE_DIR}/cmake/ZcacheLabCalls.cmake
    ${PROJECT_SOURCE_DIR}/cmake/ZcacheLabCalls.txt
    ${PROJECT_SOURCE_DIR}/cmake/ZcacheLabNames.h
    DESTINATION ${zcache_package_dir})
  install(TARGETS zcrace RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  install(FILES docs/man/zcrace.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
endif()

configure_package_config_file(cmake/zcacheConfig.cmake.in
  ${PROJECT_BINARY_DIR}/zcacheConfig.cmake
  INSTALL_DESTINATION ${zcache_package_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/zcacheConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/zcacheConfig.cmake
  ${PROJECT_BINARY_DIR}/zcacheConfigVersion.cmake
  DESTINATION ${zcache_package_dir})

# zcache.pc finds its prefix from its own location, so that an installed tree
# can be moved.
cmake_path(IS_ABSOLUTE CMAKE_INSTALL_LIBDIR zcache_libdir_is_absolute)
if(zcache_libdir_is_absolute)
  set(zcache_pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH zcache_pc_up
    /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
  string(REGEX REPLACE "/$" "" zcache_pc_up "${zcache_pc_up}")
  set(zcache_pc_prefix "\${pcfiledir}/${zcache_pc_up}")
endif()
foreach(kind LIBDIR INCLUDEDIR)
  cmake_path(ABSOLUTE_PATH CMAKE_INSTALL_${kind}
    BASE_DIRECTORY "\${prefix}" OUTPUT_VARIABLE zcache_pc_${kind})
endforeach()
# The users of a static library, and a plain `pkg-config --libs zcache`, must
# link its dependencies; a shared library links them itself.
list(TRANSFORM zcache_codecs PREPEND lib OUTPUT_VARIABLE zcache_pc_requires)
list(JOIN zcache_pc_requires ", " zcache_pc_requires)
set(zcache_pc_libs ${CMAKE_THREAD_LIBS_INIT})
if(zcache_atomic)
  list(APPEND zcache_pc_libs -l${zcache_atomic})
endif()
list(JOIN zcache_pc_libs " " zcache_pc_libs)
set(zcache_pc_private)
set(zcache_pc_libs_private)
if(zcache_type STREQUAL "SHARED_LIBRARY")
  set(zcache_pc_private .private)
  set(zcache_pc_libs_private "${zcache_pc_libs}")
  set(zcache_pc_libs)
endif()
configure_file(cmake/zcache.pc.in ${PROJECT_BINARY_DIR}/zcache.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/zcache.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

if(TARGET zcache_tool)
  # The program finds the shared library relative to its own location, if both
  # can be moved together.
  cmake_path(IS_ABSOLUTE CMAKE_INSTALL_BINDIR zcache_bindir_is_absolute)
  if(zcache_libdir_is_absolute OR zcache_bindir_is_absolute)
    set(zcache_rpath ${CMAKE_INSTALL_FULL_LIBDIR})
  else()
    file(RELATIVE_PATH zcache_rpath
      /prefix/${CMAKE_INSTALL_BINDIR} /prefix/${CMAKE_INSTALL_LIBDIR})
    set(zcache_rpath "$ORIGIN/${zcache_rpath}")
  endif()
  if(zcache_type STREQUAL "SHARED_LIBRARY")
    set_target_properties(zcache_tool PROPERTIES
      INSTALL_RPATH "${zcache_rpath}")
  endif()
  install(TARGETS zcache_tool RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET zcache_nbdkit)
  # Below this prefix, not where pkg-config has nbdkit's own plug-ins; the two
  # are one folder where the prefix is nbdkit's.
  if(zcache_type STREQUAL "SHARED_LIBRARY")
    set_target_properties(zcache_nbdkit PROPERTIES INSTALL_RPATH "$ORIGIN/../..")
  endif()
  install(TARGETS zcache_nbdkit
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/nbdkit/plugins)
endif()
foreach(page zcache.1 zcache-estimate.1 zcache-capture.1 zcache-sim.1)
  if(EXISTS ${PROJECT_SOURCE_DIR}/docs/man/${page})
    install(FILES docs/man/${page}
      DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
  endif()
endforeach()
