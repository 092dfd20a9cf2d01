/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * units_fuzz.c: ate__number_parse(), ate__duration_parse(), ate__period_parse(), ate__size_parse(),
 * ate__time_parse(), ate__moment_parse(), ate__when_parse(), as options and --at have them. What is
 * read lies in its bounds; a time that is written is read as the same.
 */
#include "base/assert.h"
#include "base/err.h"
#include "bin/common/units.h"
#include "bin/common/when.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int rc)
{
    ate__assert(rc == 0 || (rc == ATE_MISUSE && !strncmp(ate__error_text(), "what", 4)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), written[ATE__TIME_TEXT], bytes_text[ATE__SIZE_TEXT];
    uint64_t number = 20, bytes = 0;
    int32_t ms = 0;
    int64_t ns = 0, again = 0;
    memcpy(text, data, size);
    text[size] = 0;
    check(ate__number_parse("what", text, 10, 1000, &number));
    ate__assert(number >= 10 && number <= 1000);
    check(ate__duration_parse("what", text, &ms));
    check(ate__period_parse("what", text, &number));
    ate__assert(ms >= -1);
    check(ate__size_parse("what", text, &bytes));
    (void)ate__size_text(bytes, bytes_text);
    int rc = ate__time_parse("what", text, &ns);
    check(rc);
    if (!rc) {
        rc = ate__time_parse("what", ate__time_text(ns, false, written), &again);
        ate__assert(!rc && again <= ns && ns - again < 1000);
    }
    rc = ate__moment_parse("what", text, INT64_C(1801439999123456789), &ns);
    check(rc);
    ate__assert(rc || ns >= 0);
    struct ate__compact_rule rule;
    rc = ate__when_parse("what", text, &rule);
    check(rc);
    ate__assert(rc || !ate__compact_rule_check(&rule));
    free(text);
    return 0;
}
