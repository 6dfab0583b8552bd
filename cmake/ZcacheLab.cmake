# SPDX-License-Identifier: MIT
# zcache_add_lab(NAME SOURCES file... [ALLOW name...])
#
# The program NAME: these sources in the race lab.  One of them has a main()
# that calls zc_lab_main() of <zcache/lab.h>, which says what the lab sees.
#
# The sources are compiled with -fsanitize=thread, of which only the compiler's
# half is used: their memory accesses and C11 atomics become calls of the lab.
# Their calls of malloc, pthreads and functions that access memory are renamed,
# so that the system's own headers declare the functions of the lab.  A call of
# anything else that is not in ZcacheLabCalls.txt fails the build.  Other sources
# of the program can be linked to the target as libraries, and their functions
# named after ALLOW (* in a name is any text): the lab does not see into these.
#
# A linker lays out variables in the order of the sources.  Two sources of the
# lab stand around those of the program, so that the lab knows where the
# program's static variables are: it watches and restores what lies between.

# The sources that bound the statics of a program; SOURCES_VAR: their names.
function(zcache_lab_bounds name sources_var)
  set(sources)
  foreach(end first last)
    set(ends)
    if(end STREQUAL "last")
      set(ends [[

void zc_lab_statics(void *ends[8]);
void zc_lab_statics(void *ends[8])
{
    ends[0] = zc_lab_first_data;
    ends[1] = zc_lab_last_data;
    ends[2] = zc_lab_first_bss;
    ends[3] = zc_lab_last_bss;
    ends[4] = zc_lab_first_tdata;
    ends[5] = zc_lab_last_tdata;
    ends[6] = zc_lab_first_tbss;
    ends[7] = zc_lab_last_tbss;
}
]])
    endif()
    file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}_${end}.c @ONLY
      CONTENT [[
/* SPDX-License-Identifier: MIT */
/* The @end@ variables of a program in the race lab. */
extern char zc_lab_first_data[16], zc_lab_last_data[16];
extern char zc_lab_first_bss[16], zc_lab_last_bss[16];
extern __thread char zc_lab_first_tdata[16], zc_lab_last_tdata[16];
extern __thread char zc_lab_first_tbss[16], zc_lab_last_tbss[16];

char zc_lab_@end@_data[16] = {1};
char zc_lab_@end@_bss[16] = {0};
__thread char zc_lab_@end@_tdata[16] = {1};
__thread char zc_lab_@end@_tbss[16] = {0};
@ends@]])
    list(APPEND sources ${CMAKE_CURRENT_BINARY_DIR}/${name}_${end}.c)
  endforeach()
  set(${sources_var} ${sources} PARENT_SCOPE)
endfunction()

# Renames the functions of the C library that access memory, to zc_lab_...  The
# system's headers must not define any of them, as inline or by
# _FORTIFY_SOURCE.
function(zcache_watch_calls target)
  set(names
    asprintf atof atoi atol atoll bcmp bcopy bzero explicit_bzero memccpy memchr
    memcmp memmem mempcpy memrchr qsort snprintf sprintf stpcpy stpncpy
    strcasecmp strcat strchr strchrnul strcmp strcoll strcpy strcspn strlen
    strncasecmp strncat strncmp strncpy strnlen strpbrk strrchr strsep strspn
    strstr strtod strtof strtok strtok_r strtol strtold strtoll strtoul strtoull
    vasprintf vsnprintf vsprintf)
  list(TRANSFORM names REPLACE "(.+)" "\\1=zc_lab_\\1")
  target_compile_options(${target} PRIVATE
    -U_FORTIFY_SOURCE
    -include ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/ZcacheLabNames.h
    $<$<C_COMPILER_ID:Clang>:-fno-integrated-as>)
  target_compile_definitions(${target} PRIVATE
    ${names}
    __NO_INLINE__=1
    memcpy=__tsan_memcpy
    memmove=__tsan_memmove
    memset=__tsan_memset)
endfunction()

function(zcache_add_lab name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;ALLOW")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR
      "zcache_add_lab(NAME SOURCES file... [ALLOW name...]): ${ARGN}?")
  endif()
  # Renamed to zc_lab_...
  set(names
    abort calloc fgets fputs fread free fwrite getdelim getline malloc pread
    pwrite read realloc strdup strndup write)
  # pthread_... to zc_lab_...
  set(pthread_names
    cond_broadcast cond_destroy cond_init cond_signal cond_timedwait cond_wait
    mutex_destroy mutex_init mutex_lock mutex_trylock mutex_unlock
    self)

  zcache_lab_bounds(${name} bounds)
  list(GET bounds 0 first)
  list(GET bounds 1 last)
  add_executable(${name} ${first} ${arg_SOURCES} ${last})
  target_link_libraries(${name} PRIVATE zcache::lab)
  target_compile_options(${name} PRIVATE -g -fno-common -fsanitize=thread)
  zcache_watch_calls(${name})
  target_compile_definitions(${name} PRIVATE
    ZC_LAB=1
    sched_yield=zc_lab_yield
    exit=zc_lab_exit
    quick_exit=zc_lab_exit
    _exit=zc_lab_exit_now
    _Exit=zc_lab_exit_now
    pthread_exit=zc_lab_thread_exit
    __assert_fail=zc_lab_assert_fail)
  foreach(word ${names})
    target_compile_definitions(${name} PRIVATE ${word}=zc_lab_${word})
  endforeach()
  foreach(word ${pthread_names})
    target_compile_definitions(${name} PRIVATE pthread_${word}=zc_lab_${word})
  endforeach()
  # An object of link-time optimization has no list of its calls.
  set_target_properties(${name} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
  add_custom_command(TARGET ${name} PRE_LINK
    COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DNM=${CMAKE_NM}
      "-DOBJECTS=$<TARGET_OBJECTS:${name}>" "-DALLOW=${arg_ALLOW}"
      -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/ZcacheLabCalls.cmake
    VERBATIM)
endfunction()
