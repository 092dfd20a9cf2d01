/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rng_os.c: random bytes of the kernel. Nothing is kept here, so a fork needs no care.
 */
#include "base/env.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void ate__rng_os(void *user, void *to, size_t size)
{
    uint8_t *p = to;
    (void)user;
    while (size) {
        ssize_t got = getrandom(p, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            /* Keys made of anything else would be worse than no process. */
            fprintf(stderr, "ate: getrandom: %s\n", got ? strerror(errno) : "no bytes");
            abort();
        }
        p += got;
        size -= (size_t)got;
    }
}
