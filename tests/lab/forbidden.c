/* SPDX-License-Identifier: MIT */
/* forbidden.c - calls that a program of the lab may not make; nothing links it.
 */
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

int forbidden(pthread_rwlock_t *lock, sem_t *semaphore, mtx_t *mutex);

int forbidden(pthread_rwlock_t *lock, sem_t *semaphore, mtx_t *mutex)
{
    static const struct timespec never = {0, 0};

    if (pthread_rwlock_timedwrlock(lock, &never) == 0)
        return sem_timedwait(semaphore, &never);
    if (mtx_trylock(mutex) == thrd_success)
        return nanosleep(&never, NULL);
    return (int)(strerror(0) != NULL) + (int)sleep(1);
}
