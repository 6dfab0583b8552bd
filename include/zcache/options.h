/* SPDX-License-Identifier: MIT */
/*
 * options.h - options with named fields, in C and in C++.
 *
 * ZC_OPTIONS(zc_cache_options, .limit_bytes = 1 << 20) is a pointer to such a
 * struct with the fields named, its struct_size, and zero elsewhere.  Each
 * options struct has a macro of its own over this one: ZC_CACHE_OPTIONS(...).
 *
 * The struct lives in C until the end of the block, in C++ until the end of
 * the full expression: there, write the macro as the argument of the call, as
 * all examples do.  C++ also wants the fields in their order in the struct.
 */
#ifndef ZCACHE_OPTIONS_H
#define ZCACHE_OPTIONS_H

#ifdef __cplusplus

/*
 * Named fields are an extension before C++20.  Of the fields that are not
 * named, which are zero on purpose, gcc warns unless the macro is from a header
 * of the system; clang, from version 19 on, even then.
 */
#pragma GCC system_header

#if defined(__clang__)
#define ZC_LIFETIMEBOUND [[clang::lifetimebound]]
#define ZC_UNNAMED_ARE_ZERO                                                    \
    _Pragma("clang diagnostic push")                                           \
        _Pragma("clang diagnostic ignored \"-Wmissing-field-initializers\"")
#define ZC_UNNAMED_END _Pragma("clang diagnostic pop")
#else
#define ZC_LIFETIMEBOUND
#define ZC_UNNAMED_ARE_ZERO
#define ZC_UNNAMED_END
#endif

extern "C++" { /* also where this is included in extern "C" */
template <typename Options>
inline const Options *zc_options_address(
    const Options &options ZC_LIFETIMEBOUND) noexcept
{
    return &options;
}
}

#define ZC_OPTIONS(type, ...)                                                  \
    (ZC_UNNAMED_ARE_ZERO __extension__ zc_options_address(                     \
        type{.struct_size = sizeof(type), __VA_ARGS__}) ZC_UNNAMED_END)

#else

#define ZC_OPTIONS(type, ...)                                                  \
    (&(const struct type){.struct_size = sizeof(struct type), __VA_ARGS__})

#endif

#endif
