/* SPDX-License-Identifier: MIT */
/*
 * ZcacheLabNames.h - calls that a compiler makes by itself, of a loop or for
 * the copy of a struct, go to the lab too.
 *
 * ZcacheLab.cmake includes it in front of every source.  The assembler replaces
 * the names; that of clang does not, so clang uses the system's.
 */
__asm__(".set memcpy, __tsan_memcpy\n"
        "\t.set memmove, __tsan_memmove\n"
        "\t.set memset, __tsan_memset\n"
        "\t.set memcmp, zc_lab_memcmp\n"
        "\t.set bcmp, zc_lab_bcmp\n"
        "\t.set strlen, zc_lab_strlen\n");
