# SPDX-License-Identifier: MIT
# zcache_sanitizers: instrumentation for every target of this project; empty
# when neither ZCACHE_SANITIZE nor ZCACHE_COVERAGE is set.

add_library(zcache_sanitizers INTERFACE)

if(ZCACHE_SANITIZE)
  list(JOIN ZCACHE_SANITIZE "," zcache_sanitize_names)
  target_compile_options(zcache_sanitizers INTERFACE
    -fsanitize=${zcache_sanitize_names}
    -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(zcache_sanitizers INTERFACE
    -fsanitize=${zcache_sanitize_names})
endif()
if(ZCACHE_COVERAGE)
  target_compile_options(zcache_sanitizers INTERFACE --coverage)
  target_link_options(zcache_sanitizers INTERFACE --coverage)
endif()
