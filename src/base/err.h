/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * err.h: results and the one sentence that goes with them.
 *
 * The code is returned; the sentence (what, where, what to do) is text of this thread, set where
 * the failure is born and given context on its way up. The library never reads it. A secret never
 * enters it.
 */
#pragma once
#include "ate/result.h"
#include "base/compiler.h"
#include <stddef.h>
#include <stdint.h>

enum { ATE__ERROR_SIZE = 1024 }; /* bytes; a longer sentence is cut */

/* Sets this thread's sentence and returns `result`, so that a failure reads
 * `return ate__fail(ATE_X, "...")`. Bytes from outside are escaped by the caller (base/text.h); the
 * arguments may point into the old sentence. */
int ate__fail(int result, const char *format, ...) ATE__PRINTF(2, 3);

/* Puts "context: " in front of the sentence, or of the result's text where there is no sentence;
 * does nothing for result 0. Returns `result`. */
int ate__context(int result, const char *format, ...) ATE__PRINTF(2, 3);

/* The same as ate__fail() with ": " and the text of strerror(error_number) at its end, which is
 * never cut; picks the result: ENOSPC and EDQUOT ATE_E_NO_SPACE, ENOMEM ATE_E_MEMORY, EIO ATE_E_IO,
 * anything else ATE_E_SYSTEM. */
int ate__fail_errno(int error_number, const char *format, ...) ATE__PRINTF(2, 3);

int ate__no_memory(void); /* ATE_E_MEMORY with its sentence */

const char *ate__error_text(void);        /* never NULL; valid until this thread's next failure */
void ate__error_set(const char *text);    /* carries a sentence from one thread to another */
const char *ate__result_name(int result); /* "ATE_CONFLICT"; "ATE_?" if unknown */
const char *ate__result_text(int result); /* "someone changed it meanwhile" */
int ate__result_known(int result);        /* itself if in the list (or 0), else ATE_BAD_PEER */

/* What a program filled in for a later version is refused, not overlooked: ate.h, "Structs". */
#define ate__conf_check(call, conf)                                                                \
    ate__reserved_check(call, (conf)->reserved, sizeof(conf)->reserved)
ATE__CHECK static inline int ate__reserved_check(const char *call, const void *reserved,
                                                 size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (((const uint8_t *)reserved)[i])
            return ate__fail(ATE_MISUSE,
                             "%s: conf.reserved is not zero: it is not cleared, or says what this "
                             "version does not know",
                             call);
    return 0;
}
