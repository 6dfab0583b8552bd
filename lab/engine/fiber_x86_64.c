/* SPDX-License-Identifier: MIT */
/*
 * fiber_x86_64.c - the switch on x86-64 (System V).  What a call preserves goes
 * on the stack, the rounding modes too; everything else is the caller's.
 */
#include "fiber.h"

#include <stdint.h>

void lab_fiber_jump(void **from, void *to);

__asm__(".text\n"
        ".globl lab_fiber_jump\n"
        ".type lab_fiber_jump, @function\n"
        "lab_fiber_jump:\n"
        "    .cfi_startproc\n"
        "    endbr64\n"
        "    pushq %rbp\n"
        "    pushq %rbx\n"
        "    pushq %r12\n"
        "    pushq %r13\n"
        "    pushq %r14\n"
        "    pushq %r15\n"
        "    subq $8, %rsp\n"
        "    stmxcsr (%rsp)\n"
        "    fnstcw 4(%rsp)\n"
        "    movq %rsp, (%rdi)\n"
        "    movq %rsi, %rsp\n"
        "    ldmxcsr (%rsp)\n"
        "    fldcw 4(%rsp)\n"
        "    addq $8, %rsp\n"
        "    popq %r15\n"
        "    popq %r14\n"
        "    popq %r13\n"
        "    popq %r12\n"
        "    popq %rbx\n"
        "    popq %rbp\n"
        "    ret\n"
        "    .cfi_endproc\n"
        ".size lab_fiber_jump, .-lab_fiber_jump\n");

void lab_fiber_prepare(struct lab_fiber *fiber, void *stack, size_t size,
                       void (*entry)(void))
{
    void *end = (char *)stack + (size & ~(size_t)15);
    uint64_t *top = end;

    top[-1] = 0; /* where entry() would return to */
    top[-2] = (uint64_t)(uintptr_t)entry;
    for (int i = 3; i <= 8; i++)
        top[-i] = 0;
    top[-9] = UINT64_C(0x037f00001f80); /* the modes of a new thread */
    fiber->state = &top[-9];
}

void lab_fiber_switch(struct lab_fiber *from, struct lab_fiber *to)
{
    lab_fiber_jump(&from->state, to->state);
}
