# SPDX-License-Identifier: MIT
# zcache_warnings: the warnings for every target of this project, and for no
# other target.

add_library(zcache_warnings INTERFACE)
file(RELATIVE_PATH relative_source_dir
  "${PROJECT_BINARY_DIR}" "${PROJECT_SOURCE_DIR}")
string(REGEX REPLACE "/$" "" relative_source_dir "${relative_source_dir}")

if(CMAKE_C_COMPILER_ID MATCHES "GNU|Clang")
  target_compile_options(zcache_warnings INTERFACE
    -Wall
    -Wextra
    -Wpedantic
    -Wcast-align
    -Wcast-qual
    -Wconversion
    -Wdouble-promotion
    -Wformat=2
    -Wimplicit-fallthrough
    -Wmissing-declarations
    -Wmissing-prototypes
    -Wnested-externs
    -Wold-style-definition
    -Wpointer-arith
    -Wredundant-decls
    -Wshadow
    -Wsign-conversion
    -Wstrict-prototypes
    -Wundef
    -Wvla
    -Wwrite-strings
    # Messages name files relative to the root of the tree.  ccache with a base
    # directory gives the compiler paths relative to the build directory.
    -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=
    -fmacro-prefix-map=${relative_source_dir}/=)
endif()
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(zcache_warnings INTERFACE
    -Wno-psabi # a note about older compilers, at each atomic of 32-bit builds
    -Wduplicated-branches
    -Wduplicated-cond
    -Wlogical-op)
elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
  target_compile_options(zcache_warnings INTERFACE
    -Wcomma
    -Wthread-safety
    -Wunreachable-code-break)
endif()
if(ZCACHE_WERROR)
  target_compile_options(zcache_warnings INTERFACE -Werror)
endif()
