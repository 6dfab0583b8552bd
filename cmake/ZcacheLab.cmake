# SPDX-License-Identifier: MIT
# zcache_add_lab(NAME SOURCES file...)
#
# The program NAME: these sources in the race lab.  One of them has a main()
# that calls zc_lab_main() of <zcache/lab.h>, which says what the lab sees.
#
# The sources are compiled with -fsanitize=thread, of which only the compiler's
# half is used: their memory accesses and C11 atomics become calls of the lab.
# Their calls of malloc and pthreads are renamed, so that the system's own
# headers declare the functions of the lab.  Other sources of the program can be
# linked to the target as libraries: the lab does not see into these.

function(zcache_add_lab name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "zcache_add_lab(NAME SOURCES file...): ${ARGN}?")
  endif()
  # Renamed to zc_lab_...
  set(names
    abort calloc free malloc realloc)
  # pthread_... to zc_lab_...
  set(pthread_names
    cond_broadcast cond_destroy cond_init cond_signal cond_timedwait cond_wait
    mutex_destroy mutex_init mutex_lock mutex_trylock mutex_unlock)
  # To zc_lab_cannot_..., which is not defined.
  set(missing
    aligned_alloc cnd_wait memalign mtx_lock posix_memalign pthread_barrier_wait
    pthread_create pthread_join pthread_mutex_timedlock pthread_once
    pthread_rwlock_rdlock pthread_rwlock_tryrdlock pthread_rwlock_trywrlock
    pthread_rwlock_wrlock pthread_spin_lock pthread_spin_trylock reallocarray
    sem_post sem_trywait sem_wait strdup strndup thrd_create)

  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE zcache::lab)
  target_compile_options(${name} PRIVATE -g -fsanitize=thread)
  target_compile_definitions(${name} PRIVATE
    ZC_LAB=1
    memcpy=__tsan_memcpy
    memmove=__tsan_memmove
    memset=__tsan_memset
    sched_yield=zc_lab_yield
    __assert_fail=zc_lab_assert_fail)
  foreach(word ${names})
    target_compile_definitions(${name} PRIVATE ${word}=zc_lab_${word})
  endforeach()
  foreach(word ${pthread_names})
    target_compile_definitions(${name} PRIVATE pthread_${word}=zc_lab_${word})
  endforeach()
  foreach(word ${missing})
    target_compile_definitions(${name} PRIVATE ${word}=zc_lab_cannot_${word})
  endforeach()
endfunction()
