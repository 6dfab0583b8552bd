/* SPDX-License-Identifier: MIT */
/* inline_impl.h - what the contract allows to be inline is inline. */
#ifndef ZC_PLATFORM_INLINE_IMPL_H
#define ZC_PLATFORM_INLINE_IMPL_H

#define ZC_INLINE static inline

#endif
