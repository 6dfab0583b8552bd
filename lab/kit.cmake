# SPDX-License-Identifier: MIT
# zcache::lab: the explorer, its command line and the lab's build of the
# library, in one archive, for the sources of strangers (include/zcache/lab.h).

add_library(zcache_lab_kit STATIC embed.c)
add_library(zcache::lab ALIAS zcache_lab_kit)
lab_setup_engine(zcache_lab_kit)
set_target_properties(zcache_lab_kit PROPERTIES
  EXPORT_NAME lab
  OUTPUT_NAME zcache_lab
  INTERFACE_INCLUDE_DIRECTORIES "")
foreach(part lab_engine lab_selftest lab_matrix lab_cli lab_platform zcache_lab)
  target_sources(zcache_lab_kit PRIVATE $<TARGET_OBJECTS:${part}>)
endforeach()
target_include_directories(zcache_lab_kit PRIVATE
  ${PROJECT_SOURCE_DIR}/lab/platform
  ${PROJECT_SOURCE_DIR}/src)
target_compile_definitions(zcache_lab_kit PRIVATE
  ZC_TESTING=1
  ZC_DEBUG_CHECKS=1)
target_sources(zcache_lab_kit PUBLIC FILE_SET HEADERS
  BASE_DIRS ${PROJECT_SOURCE_DIR}/include
  FILES ${ZCACHE_PUBLIC_HEADERS} ${ZCACHE_LAB_HEADERS})
target_link_libraries(zcache_lab_kit PRIVATE ${CMAKE_DL_LIBS})
if(ZCACHE_WITH_LZ4)
  target_link_libraries(zcache_lab_kit PRIVATE PkgConfig::zcache_lz4)
endif()
if(ZCACHE_WITH_ZSTD)
  target_link_libraries(zcache_lab_kit PRIVATE PkgConfig::zcache_zstd)
endif()

include(${PROJECT_SOURCE_DIR}/cmake/ZcacheLab.cmake)
