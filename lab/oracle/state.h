/* SPDX-License-Identifier: MIT */
/* state.h - how the objects of the library are, said by lab_say_state(). */
#ifndef LAB_ORACLE_STATE_H
#define LAB_ORACLE_STATE_H

struct zc_cache;
struct zc_vm;
struct zc_vm_space;
struct zc_zspool;

/* A new execution: nothing has been seen. */
void lab_state_reset(void);

/* Entries, slots, folios or the frames of a machine (NULL: there is none), and
 * zspages. */
void lab_state_of_cache(const struct zc_cache *cache, const struct zc_vm *vm);
void lab_state_of_space(const struct zc_vm_space *space, char name);
void lab_state_of_pool(struct zc_zspool *pool);

#endif
