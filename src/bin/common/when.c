/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/when.h"
#include "base/err.h"
#include "bin/common/units.h"
#include <stdio.h>
#include <string.h>

enum { VALUE_MAX = 32, FACTOR_MAX = 1000 };

typedef int value_fn(const char *what, const char *text, struct ate__compact_rule *rule);

static int read_timer(const char *what, const char *text, struct ate__compact_rule *rule)
{
    uint64_t seconds = 0;
    int rc = ate__period_parse(what, text, &seconds);
    rule->every_ms = seconds * 1000;
    return rc;
}

static int read_size(const char *what, const char *text, struct ate__compact_rule *rule)
{
    int rc = ate__size_parse(what, text, &rule->growth_bytes);
    return !rc && !rule->growth_bytes ? ate__fail(ATE_MISUSE, "%s: a size of nothing", what) : rc;
}

/* "2", "1.5", "1.25": in percent. */
static int read_factor(const char *what, const char *text, struct ate__compact_rule *rule)
{
    size_t whole = strspn(text, "0123456789"), more = 0;
    const char *part = text + whole + (text[whole] == '.');
    uint64_t n = 0;
    if (text[whole] == '.')
        more = strspn(part, "0123456789");
    bool well = whole && whole <= 4 && !part[more] && more <= 2 && (text[whole] != '.' || more);
    for (size_t i = 0; well && i < whole; i++)
        n = n * 10 + (uint64_t)(text[i] - '0');
    n *= 100;
    if (more)
        n += (uint64_t)(part[0] - '0') * 10;
    if (more == 2)
        n += (uint64_t)(part[1] - '0');
    if (!well || n <= 100 || n > FACTOR_MAX * 100)
        return ate__fail(ATE_MISUSE, "%s: a factor such as 1.5 or 2, above 1 and at most %d", what,
                         FACTOR_MAX);
    rule->factor_percent = n;
    return 0;
}

static const struct {
    const char *name;
    enum ate__compact_mode mode;
    value_fn *values[2]; /* in the order in which they are written */
} modes[] = {
    {"never", ATE__COMPACT_NEVER, {NULL, NULL}},
    {"on-open", ATE__COMPACT_ON_OPEN, {NULL, NULL}},
    {"timer", ATE__COMPACT_TIMER, {read_timer, NULL}},
    {"factor", ATE__COMPACT_FACTOR, {read_factor, NULL}},
    {"size", ATE__COMPACT_SIZE, {read_size, NULL}},
    {"factor-or-timer", ATE__COMPACT_FACTOR_OR_TIMER, {read_factor, read_timer}},
    {"size-or-timer", ATE__COMPACT_SIZE_OR_TIMER, {read_size, read_timer}},
};

static int refuse(const char *what)
{
    return ate__fail(ATE_MISUSE,
                     "%s: never, on-open, timer=1h, factor=2, size=64M, factor-or-timer=2,1h or "
                     "size-or-timer=64M,1h",
                     what);
}

/* As many as the mode has, or none. */
static int read_values(const char *what, const char *text, value_fn *const values[2],
                       struct ate__compact_rule *rule)
{
    for (size_t i = 0; i < 2 && values[i]; i++) {
        char value[VALUE_MAX];
        size_t size = strcspn(text, ",");
        bool last = i == 1 || !values[i + 1];
        if (size >= sizeof value || !size || (text[size] == ',') == last)
            return refuse(what);
        snprintf(value, sizeof value, "%.*s", (int)size, text);
        int rc = values[i](what, value, rule);
        if (rc)
            return rc;
        text += size + !last;
    }
    return 0;
}

int ate__when_parse(const char *what, const char *text, struct ate__compact_rule *ret_rule)
{
    size_t size = strcspn(text, "=");
    for (size_t i = 0; i < ATE__COUNT_OF(modes); i++) {
        struct ate__compact_rule rule = {.mode = modes[i].mode};
        if (strlen(modes[i].name) != size || memcmp(modes[i].name, text, size) != 0)
            continue;
        if (text[size] && !modes[i].values[0])
            break;
        int rc = text[size] ? read_values(what, text + size + 1, modes[i].values, &rule) : 0;
        if (!rc)
            *ret_rule = rule;
        return rc;
    }
    return refuse(what);
}
