/* SPDX-License-Identifier: MIT */
/* inline_impl.h - here every call is a function, behind a macro that names its
 * place in the caller. */
#ifndef ZC_PLATFORM_INLINE_IMPL_H
#define ZC_PLATFORM_INLINE_IMPL_H

#define ZC_INLINE

#endif
