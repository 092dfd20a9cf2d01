/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * clock_posix.c: the clocks of the system.
 */
#include "base/assert.h"
#include "base/env.h"
#include <errno.h>
#include <time.h>

uint64_t ate__clock_wall_us(void *user)
{
    struct timespec now;
    (void)user;
    ate__assert(!clock_gettime(CLOCK_REALTIME, &now) && now.tv_sec >= 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t ate__clock_monotonic_ms(void *user)
{
    struct timespec now;
    (void)user;
    ate__assert(!clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t ate__clock_boot_ms(void)
{
    struct timespec now;
    ate__assert(!clock_gettime(CLOCK_BOOTTIME, &now));
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void ate__clock_sleep_ms(void *user, uint64_t ms)
{
    struct timespec until;
    (void)user;
    ate__assert(!clock_gettime(CLOCK_MONOTONIC, &until));
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        ;
}
