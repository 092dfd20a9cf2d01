/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compiler.h: attributes and the cleanup idiom.
 *
 * An owned local pointer is declared `ate__cleanup(x_freep) struct x *p = NULL;` and handed out
 * with `*ret_x = ate__steal(&p);`: success transfers, every early return frees.
 */
#pragma once
#include <stddef.h>

#define ATE__CHECK __attribute__((warn_unused_result))
#define ATE__PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#define ate__cleanup(f) __attribute__((cleanup(f)))

#define ate__steal(pp)                                                                             \
    ({                                                                                             \
        __typeof__(*(pp)) stolen_ = *(pp);                                                         \
        *(pp) = NULL;                                                                              \
        stolen_;                                                                                   \
    })

/* Declares `name_freep(T **)` for ate__cleanup() from `name_free(T *)`. */
#define ATE__FREEP(type, free_function)                                                            \
    static inline void free_function##p(type **pp)                                                 \
    {                                                                                              \
        free_function(*pp);                                                                        \
        *pp = NULL;                                                                                \
    }

#define ATE__COUNT_OF(a) (sizeof(a) / sizeof *(a))
#define ATE__CONTAINER(p, type, member) ((type *)(void *)((char *)(p) - offsetof(type, member)))

static inline size_t ate__min(size_t a, size_t b)
{
    return a < b ? a : b;
}
static inline size_t ate__max(size_t a, size_t b)
{
    return a > b ? a : b;
}
