/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * addr_parse_fuzz.c: ate__addr_parse(). What is taken prints as a text that parses to the same.
 */
#include "base/alloc.h"
#include "base/assert.h"
#include "net/addr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__addr addr, again;
    struct ate__buf buf = ATE__BUF_NULL;
    char *text = ate__alloc(size + 1);
    ate__assert(text);
    memcpy(text, data, size);
    int rc = ate__addr_parse(text, &addr);
    ate__assert(!rc || rc == ATE_MALFORMED || rc == ATE_TOO_BIG);
    if (!rc) {
        ate__assert(addr.port && addr.host[0] && addr.path[0] == '/');
        ate__assert(!ate__addr_print(&addr, &buf) && !ate__buf_append(&buf, ate__bytes("", 1)));
        ate__assert(!ate__addr_parse((const char *)buf.data, &again));
        ate__assert(!memcmp(&addr, &again, sizeof addr));
    }
    ate__buf_deinit(&buf);
    ate__free(text);
    return 0;
}
