/* SPDX-License-Identifier: MIT */
/*
 * lzo.h - the kernel's old default codec, over liblzo2, where the program is
 * built with it.  liblzo2 is under the GPL; the library never links it.
 */
#ifndef ZCACHE_TOOL_ESTIMATE_LZO_H
#define ZCACHE_TOOL_ESTIMATE_LZO_H

#include <zcache/compressor.h>

/* Makes "lzo" known to this process, once; nothing where it is not built in. */
void lzo_register(void);

#endif
