/* SPDX-License-Identifier: MIT */
/*
 * fiber_aarch64.c - the switch on 64-bit Arm (AAPCS64): x19 to x30, d8 to d15
 * and the control register of floating point go on the stack.
 */
#include "fiber.h"

#include <stdint.h>

#define FRAME_BYTES 176

void lab_fiber_jump(void **from, void *to);

__asm__(".text\n"
        ".globl lab_fiber_jump\n"
        ".type lab_fiber_jump, %function\n"
        "lab_fiber_jump:\n"
        "    hint #34\n" /* bti c, where it exists */
        "    sub sp, sp, #176\n"
        "    stp x19, x20, [sp, #0]\n"
        "    stp x21, x22, [sp, #16]\n"
        "    stp x23, x24, [sp, #32]\n"
        "    stp x25, x26, [sp, #48]\n"
        "    stp x27, x28, [sp, #64]\n"
        "    stp x29, x30, [sp, #80]\n"
        "    stp d8, d9, [sp, #96]\n"
        "    stp d10, d11, [sp, #112]\n"
        "    stp d12, d13, [sp, #128]\n"
        "    stp d14, d15, [sp, #144]\n"
        "    mrs x9, fpcr\n"
        "    str x9, [sp, #160]\n"
        "    mov x9, sp\n"
        "    str x9, [x0]\n"
        "    mov sp, x1\n"
        "    ldr x9, [sp, #160]\n"
        "    msr fpcr, x9\n"
        "    ldp x19, x20, [sp, #0]\n"
        "    ldp x21, x22, [sp, #16]\n"
        "    ldp x23, x24, [sp, #32]\n"
        "    ldp x25, x26, [sp, #48]\n"
        "    ldp x27, x28, [sp, #64]\n"
        "    ldp x29, x30, [sp, #80]\n"
        "    ldp d8, d9, [sp, #96]\n"
        "    ldp d10, d11, [sp, #112]\n"
        "    ldp d12, d13, [sp, #128]\n"
        "    ldp d14, d15, [sp, #144]\n"
        "    add sp, sp, #176\n"
        "    ret\n"
        ".size lab_fiber_jump, .-lab_fiber_jump\n");

void lab_fiber_prepare(struct lab_fiber *fiber, void *stack, size_t size,
                       void (*entry)(void))
{
    void *end = (char *)stack + (size & ~(size_t)15) - FRAME_BYTES;
    uint64_t *frame = end;

    for (int i = 0; i < FRAME_BYTES / 8; i++)
        frame[i] = 0;
    frame[11] = (uint64_t)(uintptr_t)entry; /* x30 */
    fiber->state = frame;
}

void lab_fiber_switch(struct lab_fiber *from, struct lab_fiber *to)
{
    lab_fiber_jump(&from->state, to->state);
}
