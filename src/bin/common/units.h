/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * units.h: numbers, durations, sizes and times as people write and read them. Pure.
 *
 * Parsers read the whole text or nothing: 0, or ATE_MISUSE with a sentence that begins with `what`.
 */
#pragma once
#include "base/buf.h"

/* decimal digits alone */
int ate__number_parse(const char *what, const char *text, uint64_t min, uint64_t max,
                      uint64_t *ret_number) ATE__CHECK;
/* "500ms", "30s", "5m", "2h", digits alone are seconds; "none" is -1; at most 2^31 - 1 ms */
int ate__duration_parse(const char *what, const char *text, int32_t *ret_ms) ATE__CHECK;
/* "30d", "7y": digits and s, m, h, d, w (7 days) or y (365 days); 1 second to 1,000 years */
int ate__period_parse(const char *what, const char *text, uint64_t *ret_seconds) ATE__CHECK;
/* digits, then nothing, K, M, G or T, and "iB" or not: powers of 1,024 */
int ate__size_parse(const char *what, const char *text, uint64_t *ret_bytes) ATE__CHECK;
/* "2027-01-31", "2027-01-31T23:59", with ":59" and ".123456789" or not; then "Z", "+01:00" or
 * "-05:30", or nothing, which is UTC as well; a day alone is its beginning in UTC */
int ate__time_parse(const char *what, const char *text, int64_t *ret_ns) ATE__CHECK;
/* The same, or how long ago: "-90s", "-30m", "-2h", "-7d", "-1w" */
int ate__moment_parse(const char *what, const char *text, int64_t now_ns, int64_t *ret_ns)
    ATE__CHECK;

/* bytes with the NUL */
enum { ATE__TIME_TEXT = 32, ATE__SIZE_TEXT = 16, ATE__COUNT_TEXT = 48 };

/* "2027-01-31T23:59:59.123456Z"; `shortly`: "2027-01-31 23:59:59". Both return text. */
const char *ate__time_text(int64_t ns, bool shortly, char text[ATE__TIME_TEXT]);
const char *ate__size_text(uint64_t bytes, char text[ATE__SIZE_TEXT]); /* "1.5 MiB" */
/* "1 file", "2 files": one and many name them, at most 26 bytes. Returns text. */
const char *ate__count_text(uint64_t count, const char *one, const char *many,
                            char text[ATE__COUNT_TEXT]);
