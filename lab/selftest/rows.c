/* SPDX-License-Identifier: MIT */
/*
 * rows.c - the table: what is known of each program.
 *
 * Columns: name, builder and its numbers; interleavings, and how many with up
 * to 0, 1, 2 ... preemptions; traces, likewise; deadlocked interleavings and
 * traces; bad interleavings and traces; the fewest preemptions of either.
 */
#include "rows.h"

/* clang-format off */
#define NO_BOUNDS {0}
const struct row rows[] = {
    /* 1: nothing conflicts */
    {"independent 2x1", build_private, 2, 1, 0, 2, {2}, 1, {1}, 0, 0, 0, 0, -1},
    {"independent 2x2", build_private, 2, 2, 0, 6, {2, 4, 6}, 1, {1}, 0, 0, 0, 0, -1},
    {"independent 2x3", build_private, 2, 3, 0, 20, {2, 6, 14, 18, 20}, 1, {1}, 0, 0, 0, 0, -1},
    {"independent 2x4", build_private, 2, 4, 0, 70, {2, 8, 26, 44, 62, 68, 70}, 1, {1}, 0, 0, 0, 0, -1},
    {"independent 2x10", build_private, 2, 10, 0, 184756, {2, 20, 182, 830, 3422}, 1, {1}, 0, 0, 0, 0, -1},
    {"independent 3x5", build_private, 3, 5, 0, 756756, {6}, 1, {1}, 0, 0, 0, 0, -1},
    /* 2: everything conflicts */
    {"same 2x2", build_same, 2, 2, 0, 6, {2, 4, 6}, 6, {2, 4, 6}, 0, 0, 0, 0, -1},
    {"same 2x3", build_same, 2, 3, 0, 20, {2, 6, 14, 18, 20}, 20, {2, 6, 14, 18, 20}, 0, 0, 0, 0, -1},
    {"same 2x4", build_same, 2, 4, 0, 70, {2, 8, 26, 44, 62, 68, 70}, 70, {2, 8, 26, 44, 62, 68, 70}, 0, 0, 0, 0, -1},
    /* 3 */
    {"SB", build_sb, 0, 0, 0, 6, {2, 4, 6}, 3, {2, 3}, 0, 0, 0, 0, -1},
    {"MP", build_mp, 0, 0, 0, 6, {2, 4, 6}, 3, {2, 3}, 0, 0, 0, 0, -1},
    {"LB", build_lb, 0, 0, 0, 6, {2, 4, 6}, 3, {2, 3}, 0, 0, 0, 0, -1},
    {"2+2W", build_2_2w, 0, 0, 0, 6, {2, 4, 6}, 3, {2, 3}, 0, 0, 0, 0, -1},
    {"2+2W same order", build_2_2w_same, 0, 0, 0, 6, {2, 4, 6}, 4, {2, 4}, 0, 0, 0, 0, -1},
    /* 4 */
    {"IRIW", build_iriw, 0, 0, 0, 180, {24, 96, 180}, 15, {14, 15}, 0, 0, 0, 0, -1},
    /* 5 */
    {"readers 2", build_readers, 2, 0, 0, 6, {6}, 4, {4}, 0, 0, 0, 0, -1},
    {"readers 3", build_readers, 3, 0, 0, 24, {24}, 8, {8}, 0, 0, 0, 0, -1},
    {"readers 4", build_readers, 4, 0, 0, 120, {120}, 16, {16}, 0, 0, 0, 0, -1},
    {"readers 5", build_readers, 5, 0, 0, 720, {720}, 32, {32}, 0, 0, 0, 0, -1},
    {"readers 8", build_readers, 8, 0, 0, 362880, NO_BOUNDS, 256, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"readers 13", build_readers, 13, 0, 0, 0, NO_BOUNDS, 8192, NO_BOUNDS, 0, 0, 0, 0, -1},
    /* 6 */
    {"lastzero 1", build_lastzero, 1, 0, 0, 3, NO_BOUNDS, 2, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"lastzero 2", build_lastzero, 2, 0, 0, 35, NO_BOUNDS, 5, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"lastzero 3", build_lastzero, 3, 0, 0, 920, NO_BOUNDS, 12, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"lastzero 4", build_lastzero, 4, 0, 0, 44300, NO_BOUNDS, 28, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"lastzero 5", build_lastzero, 5, 0, 0, 0, NO_BOUNDS, 64, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"lastzero 10", build_lastzero, 10, 0, 0, 0, NO_BOUNDS, 3328, NO_BOUNDS, 0, 0, 0, 0, -1},
    /* 7 */
    {"inc 2", build_inc, 2, 0, 0, 6, {2, 4, 6}, 4, {2, 4}, 0, 0, 4, 2, 1},
    {"inc 3", build_inc, 3, 0, 0, 90, {6, 24}, 36, {6, 24, 36}, 0, 0, 0, 30, 1},
    {"inc 4", build_inc, 4, 0, 0, 2520, {24, 168}, 576, {24, 168, 432, 576}, 0, 0, 0, 552, 1},
    /* 8 */
    {"ainc 3", build_adds, 3, 1, 0, 6, {6}, 6, {6}, 0, 0, 0, 0, -1},
    {"ainc 4", build_adds, 4, 1, 0, 24, {24}, 24, {24}, 0, 0, 0, 0, -1},
    {"binc 2", build_adds, 2, 2, 0, 6, {2, 4, 6}, 4, {2, 4}, 0, 0, 0, 0, -1},
    {"binc 3", build_adds, 3, 2, 0, 90, {6, 24}, 36, {6, 24, 36}, 0, 0, 0, 0, -1},
    {"cinc 2", build_adds, 2, 3, 0, 20, {2, 6, 14, 18, 20}, 8, {2, 6, 8}, 0, 0, 0, 0, -1},
    {"cinc 3", build_adds, 3, 3, 0, 1680, {6, 42}, 216, {6, 42, 120, 192, 216}, 0, 0, 0, 0, -1},
    {"cinc 4", build_adds, 4, 3, 0, 369600, NO_BOUNDS, 13824, {24, 312, 1704, 5160, 9792, 12960, 13824}, 0, 0, 0, 0, -1},
    /* 9, 10: a CAS is a write: (2N)!/2^N and N! */
    {"casw 2", build_casw, 2, 0, 0, 6, {2, 4, 6}, 6, {2, 4, 6}, 0, 0, 0, 0, -1},
    {"casw 3", build_casw, 3, 0, 0, 90, NO_BOUNDS, 90, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"casw 4", build_casw, 4, 0, 0, 2520, NO_BOUNDS, 2520, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"casrot 3", build_casrot, 3, 0, 0, 6, {6}, 6, {6}, 0, 0, 0, 0, -1},
    {"casrot 5", build_casrot, 5, 0, 0, 120, {120}, 120, {120}, 0, 0, 0, 0, -1},
    {"casrot 7", build_casrot, 7, 0, 0, 5040, {5040}, 5040, {5040}, 0, 0, 0, 0, -1},
    /* 11 */
    {"lockinc 2", build_lockinc, 2, 0, 0, 2, {2}, 2, {2}, 0, 0, 0, 0, -1},
    {"lockinc 3", build_lockinc, 3, 0, 0, 6, {6}, 6, {6}, 0, 0, 0, 0, -1},
    {"lockinc 4", build_lockinc, 4, 0, 0, 24, {24}, 24, {24}, 0, 0, 0, 0, -1},
    /* 12 */
    {"rot 2,5,1", build_rot, 2, 5, 1, 252, NO_BOUNDS, 252, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,7,1", build_rot, 2, 7, 1, 3432, NO_BOUNDS, 3432, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,3,1", build_rot, 3, 3, 1, 1680, NO_BOUNDS, 1680, NO_BOUNDS, 0, 0, 0, 0, -1},
    /* 13 */
    {"rot 2,2,2", build_rot, 2, 2, 2, 38, NO_BOUNDS, 3, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,3,2", build_rot, 2, 3, 2, 0, NO_BOUNDS, 7, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,4,2", build_rot, 2, 4, 2, 0, NO_BOUNDS, 19, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,5,2", build_rot, 2, 5, 2, 12276, NO_BOUNDS, 51, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,6,2", build_rot, 2, 6, 2, 0, NO_BOUNDS, 141, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,7,2", build_rot, 2, 7, 2, 0, NO_BOUNDS, 393, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,8,2", build_rot, 2, 8, 2, 0, NO_BOUNDS, 1107, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,9,2", build_rot, 2, 9, 2, 0, NO_BOUNDS, 3139, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,10,2", build_rot, 2, 10, 2, 0, NO_BOUNDS, 8953, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,12,2", build_rot, 2, 12, 2, 0, NO_BOUNDS, 73789, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,2,2", build_rot, 3, 2, 2, 1898, NO_BOUNDS, 22, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,3,2", build_rot, 3, 3, 2, 0, NO_BOUNDS, 200, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,4,2", build_rot, 3, 4, 2, 0, NO_BOUNDS, 2212, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,5,2", build_rot, 3, 5, 2, 0, NO_BOUNDS, 25106, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,2,3", build_rot, 3, 2, 3, 13386, NO_BOUNDS, 7, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,6,3", build_rot, 3, 6, 3, 0, NO_BOUNDS, 35578, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 2,10,4", build_rot, 2, 10, 4, 0, NO_BOUNDS, 1112, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,5,4", build_rot, 3, 5, 4, 0, NO_BOUNDS, 1589, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"rot 3,7,4", build_rot, 3, 7, 4, 0, NO_BOUNDS, 85295, NO_BOUNDS, 0, 0, 0, 0, -1},
    /* 14 */
    {"AB-BA", build_abba, 0, 0, 0, 6, {2, 6}, 3, NO_BOUNDS, 2, 1, 0, 0, 1},
    /* 15: 2^n - 2 complete and one deadlock */
    {"philosophers 2", build_philosophers, 2, 0, 0, 6, NO_BOUNDS, 3, NO_BOUNDS, 2, 1, 0, 0, 1},
    {"philosophers 3", build_philosophers, 3, 0, 0, 168, NO_BOUNDS, 7, NO_BOUNDS, 6, 1, 0, 0, 1},
    {"philosophers 4", build_philosophers, 4, 0, 0, 98184, NO_BOUNDS, 15, NO_BOUNDS, 24, 1, 0, 0, 1},
    {"philosophers 5", build_philosophers, 5, 0, 0, 0, NO_BOUNDS, 31, NO_BOUNDS, 0, 1, 0, 0, -1},
    {"philosophers 6", build_philosophers, 6, 0, 0, 0, NO_BOUNDS, 63, NO_BOUNDS, 0, 1, 0, 0, -1},
    {"philosophers 7", build_philosophers, 7, 0, 0, 0, NO_BOUNDS, 127, NO_BOUNDS, 0, 1, 0, 0, -1},
    /* 16 */
    {"ordered 2", build_ordered, 2, 0, 0, 2, NO_BOUNDS, 2, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"ordered 3", build_ordered, 3, 0, 0, 142, NO_BOUNDS, 6, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"ordered 4", build_ordered, 4, 0, 0, 64000, NO_BOUNDS, 14, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"ordered 5", build_ordered, 5, 0, 0, 0, NO_BOUNDS, 30, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"ordered 6", build_ordered, 6, 0, 0, 0, NO_BOUNDS, 62, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"ordered 7", build_ordered, 7, 0, 0, 0, NO_BOUNDS, 126, NO_BOUNDS, 0, 0, 0, 0, -1},
    /* 17 to 20 */
    {"CoRR2", build_corr2, 0, 0, 0, 180, {24, 96, 180}, 72, {18, 54, 72}, 0, 0, 0, 0, -1},
    {"wrw 2", build_wrw, 2, 0, 0, 30, {6, 18, 30}, 22, {6, 18, 22}, 0, 0, 0, 0, -1},
    {"wrw 3", build_wrw, 3, 0, 0, 630, NO_BOUNDS, 300, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"wrw 4", build_wrw, 4, 0, 0, 22680, NO_BOUNDS, 6576, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"three writers, four reads", build_writers_reader4, 0, 0, 0, 210, {24, 132, 204, 210}, 210, {24, 132, 204, 210}, 0, 0, 0, 0, -1},
    {"await MP", build_await, 0, 0, 0, 1, {1}, 1, {1}, 0, 0, 0, 0, -1},
    {"await MP, reversed", build_await_wrong, 0, 0, 0, 3, NO_BOUNDS, 2, NO_BOUNDS, 0, 0, 0, 1, 1},
    /* 21: where two meet, the first wins and the other goes on */
    /* 22 */
    {"writers and a reader 3", build_writers_reader, 3, 0, 0, 24, {24}, 24, {24}, 0, 0, 0, 0, -1},
    {"writers and a reader 5", build_writers_reader, 5, 0, 0, 720, {720}, 720, {720}, 0, 0, 0, 0, -1},
    /* 23: the first race of this project */
    {"seed 0, 2 threads", build_seed0, 2, 0, 0, 5, NO_BOUNDS, 3, NO_BOUNDS, 0, 0, 0, 1, 1},
    {"seed 0, 3 threads", build_seed0, 3, 0, 0, 206, NO_BOUNDS, 22, NO_BOUNDS, 0, 0, 0, 16, 1},
    {"seed 0, 4 threads", build_seed0, 4, 0, 0, 32562, NO_BOUNDS, 294, NO_BOUNDS, 0, 0, 0, 270, 1},
    {"seed 0 fixed, 2 threads", build_seed0_fixed, 2, 0, 0, 5, NO_BOUNDS, 3, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"seed 0 fixed, 3 threads", build_seed0_fixed, 3, 0, 0, 206, NO_BOUNDS, 22, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"seed 0 fixed, 4 threads", build_seed0_fixed, 4, 0, 0, 32562, NO_BOUNDS, 294, NO_BOUNDS, 0, 0, 0, 0, -1},
    /* small bugs of others */
    {"lazy", build_lazy, 0, 0, 0, 6, {6}, 6, {6}, 0, 0, 2, 2, 0},
    {"account", build_account, 0, 0, 0, 6, {6}, 6, {6}, 0, 0, 2, 2, 0},
    {"token ring", build_ring, 0, 0, 0, 24, {24}, 24, {24}, 0, 0, 4, 4, 0},
    {"bluetooth driver", build_bluetooth, 0, 0, 0, 49, NO_BOUNDS, 7, NO_BOUNDS, 0, 0, 0, 1, 1},
    {"twostage", build_twostage, 0, 0, 0, 37, NO_BOUNDS, 3, NO_BOUNDS, 0, 0, 0, 1, 1},
    {"reorder 1+1", build_reorder, 1, 0, 0, 7, NO_BOUNDS, 4, NO_BOUNDS, 0, 0, 0, 1, 1},
    {"reorder 2+1", build_reorder, 2, 0, 0, 172, NO_BOUNDS, 56, NO_BOUNDS, 0, 0, 0, 12, 1},
    {"reorder 3+1", build_reorder, 3, 0, 0, 7038, NO_BOUNDS, 1248, NO_BOUNDS, 0, 0, 0, 216, 1},
    {"wronglock 1", build_wronglock, 0, 1, 0, 210, NO_BOUNDS, 7, NO_BOUNDS, 0, 0, 0, 2, 1},
    {"wronglock 2", build_wronglock, 0, 2, 0, 6006, NO_BOUNDS, 48, NO_BOUNDS, 0, 0, 0, 26, 1},
    {"carter", build_carter, 0, 0, 0, 4, NO_BOUNDS, 4, NO_BOUNDS, 2, 2, 0, 0, 1},
    {"one chain of 3", build_chain, 3, 0, 0, 0, NO_BOUNDS, 6, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"one chain of 5", build_chain, 5, 0, 0, 0, NO_BOUNDS, 120, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"one chain of 7", build_chain, 7, 0, 0, 0, NO_BOUNDS, 5040, NO_BOUNDS, 0, 0, 0, 0, -1},
    {"everybody waits", build_lost_wakeup, 0, 0, 0, 1, {1}, 1, {1}, 1, 1, 0, 0, 0},
    {"unlock forgotten", build_phase, 0, 0, 0, 3, NO_BOUNDS, 2, NO_BOUNDS, 2, 1, 0, 0, 0},
};
/* clang-format on */

const unsigned row_count = sizeof(rows) / sizeof(rows[0]);
