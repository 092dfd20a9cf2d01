/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/units.h"
#include "base/err.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#define NS_PER_S INT64_C(1000000000)

enum { SHOWN = 96 };
enum { DAY = 86400, YEAR = 365 * DAY }; /* seconds */

static int refuse(const char *what, const char *text, const char *wanted)
{
    char shown[SHOWN];
    return ate__fail(ATE_MISUSE, "%s: \"%s\" is not %s", what,
                     ate__escaped(ate__text_bytes(text), shown, sizeof shown), wanted);
}

/* Decimal digits; gives what follows them, or NULL: none, or too many. */
static const char *digits(const char *text, uint64_t *ret_number)
{
    uint64_t n = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(n, UINT64_C(10), &n) ||
            __builtin_add_overflow(n, (uint64_t)(*at - '0'), &n))
            return NULL;
    *ret_number = n;
    return at == text ? NULL : at;
}

int ate__number_parse(const char *what, const char *text, uint64_t min, uint64_t max,
                      uint64_t *ret_number)
{
    uint64_t n;
    const char *end = digits(text, &n);
    if (!end || *end)
        return refuse(what, text, "a number");
    if (n < min || n > max)
        return ate__fail(ATE_MISUSE, "%s: %" PRIu64 " is not in %" PRIu64 " to %" PRIu64, what, n,
                         min, max);
    *ret_number = n;
    return 0;
}

int ate__duration_parse(const char *what, const char *text, int32_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint32_t ms;
    } units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    uint64_t n;
    if (!strcmp(text, "none")) {
        *ret_ms = -1;
        return 0;
    }
    const char *end = digits(text, &n);
    for (size_t i = 0; end && i < ATE__COUNT_OF(units); i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        if (n == 0 || n > (uint64_t)INT32_MAX / units[i].ms)
            return refuse(what, text, "between 1ms and 596h");
        *ret_ms = (int32_t)(n * units[i].ms);
        return 0;
    }
    return refuse(what, text, "a duration such as 500ms, 30s, 5m, 2h or none");
}

int ate__period_parse(const char *what, const char *text, uint64_t *ret_seconds)
{
    static const struct {
        const char *unit;
        uint64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", DAY}, {"w", 7 * DAY}, {"y", YEAR}};
    uint64_t n;
    const char *end = digits(text, &n);
    for (size_t i = 0; end && i < ATE__COUNT_OF(units); i++) {
        if (strcmp(end, units[i].unit) != 0)
            continue;
        if (n == 0 || n > UINT64_C(1000) * YEAR / units[i].seconds)
            return refuse(what, text, "between 1s and 1000y");
        *ret_seconds = n * units[i].seconds;
        return 0;
    }
    return refuse(what, text, "a time such as 90s, 5m, 2h, 30d, 6w or 7y (of 365 days)");
}

int ate__size_parse(const char *what, const char *text, uint64_t *ret_bytes)
{
    static const char letters[] = "KMGT";
    unsigned shift = 0;
    uint64_t n;
    const char *end = digits(text, &n);
    const char *letter = end && *end ? strchr(letters, *end) : NULL;
    if (letter) {
        shift = 10 * (unsigned)(letter - letters + 1);
        end++;
        if (!strcmp(end, "iB"))
            end += 2;
    }
    if (!end || *end || n > UINT64_MAX >> shift)
        return refuse(what, text, "a size such as 1000, 64K, 512M or 2G");
    *ret_bytes = n << shift;
    return 0;
}

/* ---- times ---- */

static const char wanted_time[] =
    "a time such as 2027-01-31, 2027-01-31T23:59:59+01:00, -2h or -7d";

/* Exactly `count` digits of a value between min and max, then maybe the byte that has to follow. */
static bool field(const char **at, int count, int min, int max, char next, int *ret)
{
    int n = 0;
    for (int i = 0; i < count; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return false;
        n = n * 10 + (c - '0');
    }
    *at += count;
    *ret = n;
    if (n < min || n > max || (next && **at != next))
        return false;
    *at += next != 0;
    return true;
}

static bool fraction(const char **at, int64_t *ret_ns)
{
    int64_t unit = NS_PER_S;
    const char *from = *at;
    for (; **at >= '0' && **at <= '9' && unit > 1; (*at)++) {
        unit /= 10;
        *ret_ns += (**at - '0') * unit;
    }
    return *at > from;
}

/* "Z", "+hh:mm" or "-hh:mm"; what is east of UTC is later there. */
static bool zone(const char **at, int *ret_seconds)
{
    int hours, minutes, sign = **at == '-' ? -1 : 1;
    if (**at == 'Z') {
        (*at)++;
        return true;
    }
    if (**at != '+' && **at != '-')
        return true;
    (*at)++;
    if (!field(at, 2, 0, 23, ':', &hours) || !field(at, 2, 0, 59, 0, &minutes))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

int ate__time_parse(const char *what, const char *text, int64_t *ret_ns)
{
    struct tm tm = {0};
    const char *at = text;
    int64_t ns = 0;
    int offset = 0;
    bool good = field(&at, 4, 1970, 2261, '-', &tm.tm_year) &&
                field(&at, 2, 1, 12, '-', &tm.tm_mon) && field(&at, 2, 1, 31, 0, &tm.tm_mday);
    if (good && (*at == 'T' || *at == ' ')) {
        at++;
        good = field(&at, 2, 0, 23, ':', &tm.tm_hour) && field(&at, 2, 0, 59, 0, &tm.tm_min);
        if (good && *at == ':') {
            at++;
            good = field(&at, 2, 0, 59, 0, &tm.tm_sec);
        }
        if (good && *at == '.') {
            at++;
            good = fraction(&at, &ns);
        }
        good = good && zone(&at, &offset);
    } else {
        at += good && *at == 'Z';
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    int day = tm.tm_mday;
    time_t seconds = good && !*at ? timegm(&tm) : -1;
    if (seconds < offset || seconds < 0 ||
        tm.tm_mday != day) /* timegm() makes March of the 30th of February */
        return refuse(what, text, wanted_time);
    *ret_ns = ((int64_t)seconds - offset) * NS_PER_S + ns;
    return 0;
}

int ate__moment_parse(const char *what, const char *text, int64_t now_ns, int64_t *ret_ns)
{
    static const struct {
        const char *unit;
        uint64_t seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}};
    uint64_t n;
    if (text[0] != '-')
        return ate__time_parse(what, text, ret_ns);
    const char *end = digits(text + 1, &n);
    for (size_t i = 0; end && i < ATE__COUNT_OF(units); i++) {
        int64_t ago;
        if (strcmp(end, units[i].unit) != 0)
            continue;
        if (__builtin_mul_overflow(n, units[i].seconds * (uint64_t)NS_PER_S, &ago) || ago > now_ns)
            break; /* before 1970 */
        *ret_ns = now_ns - ago;
        return 0;
    }
    return refuse(what, text, wanted_time);
}

const char *ate__time_text(int64_t ns, bool shortly, char text[ATE__TIME_TEXT])
{
    int64_t seconds = ns / NS_PER_S, rest = ns % NS_PER_S;
    if (rest < 0) {
        seconds--;
        rest += NS_PER_S;
    }
    struct tm tm;
    time_t t = (time_t)seconds;
    gmtime_r(&t, &tm); /* any int64_t of nanoseconds lies in 1677 to 2262 */
    size_t n = strftime(text, ATE__TIME_TEXT, shortly ? "%F %T" : "%FT%T", &tm);
    if (!shortly)
        snprintf(text + n, ATE__TIME_TEXT - n, ".%06dZ", (int)(rest / 1000));
    return text;
}

const char *ate__size_text(uint64_t bytes, char text[ATE__SIZE_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;
    for (; value >= 1023.95 && unit + 1 < ATE__COUNT_OF(units); unit++)
        value /= 1024;
    if (bytes < 1024)
        snprintf(text, ATE__SIZE_TEXT, "%u B", (unsigned)bytes);
    else
        snprintf(text, ATE__SIZE_TEXT, "%.1f %s", value, units[unit]);
    return text;
}

const char *ate__count_text(uint64_t count, const char *one, const char *many,
                            char text[ATE__COUNT_TEXT])
{
    snprintf(text, ATE__COUNT_TEXT, "%llu %s", (unsigned long long)count, count == 1 ? one : many);
    return text;
}
