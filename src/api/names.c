/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "api/names.h"
#include "api/api.h"
#include "net/addr.h"

enum { CONFIG_MAX = 8 << 20 };

static int config_path(char **ret_path)
{
    return ate__user_path("XDG_CONFIG_HOME", ".config", "config", ret_path);
}

static int check_name(const char *name)
{
    size_t n = strlen(name);
    bool good = n > 0 && n <= ATE__LOCAL_NAME_MAX;
    for (const char *c = name; *c; c++)
        good =
            good && strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c);
    if (good && name[0] != '-')
        return 0;
    char shown[128];
    return ate__fail(ATE_MALFORMED,
                     "@%s: a name is 1 to %d of a-z, A-Z, 0-9, '.', '_' and '-', not "
                     "'-' first",
                     ate__escaped(ate__text_bytes(name), shown, sizeof shown), ATE__LOCAL_NAME_MAX);
}

/* One line, cut at its end in place: "name NAME ADDRESS". */
static int parse_line(char *line, unsigned number, char **ret_name, char **ret_address)
{
    char *name = line + 5, *blank = strncmp(line, "name ", 5) ? NULL : strchr(name, ' ');
    if (!blank)
        return ate__fail(ATE_MALFORMED, "line %u is not \"name NAME ADDRESS\"", number);
    *blank = 0;
    int rc = check_name(name);
    if (rc)
        return ate__context(rc, "line %u", number);
    *ret_name = name;
    *ret_address = blank + 1;
    return 0;
}

/* The file that a sentence is about. */
static int in_config(int rc)
{
    ate__cleanup(ate__freep) char *path = NULL;
    return rc && !config_path(&path) ? ate__context(rc, "%s", path) : rc;
}

static int read_config(struct ate__buf *text)
{
    char *path;
    int rc = config_path(&path);
    if (rc)
        return rc;
    rc = ate__file_read(path, CONFIG_MAX, text, NULL);
    ate__free(path);
    if (rc == ATE_NOT_FOUND)
        rc = 0;
    if (!rc && text->size && memchr(text->data, 0, text->size))
        rc = in_config(ate__fail(ATE_MALFORMED, "a byte 0"));
    return rc ? rc : ate__buf_append(text, ate__bytes("", 1));
}

int ate__name_each(int (*each)(void *arg, const char *name, const char *address), void *arg)
{
    ate__cleanup(ate__buf_deinit) struct ate__buf text = ATE__BUF_NULL;
    int rc = read_config(&text);
    char *line = (char *)text.data;
    for (unsigned number = 1; !rc && *line; number++) {
        char *end = strchr(line, '\n'), *name = NULL, *address = NULL;
        if (!end)
            return in_config(ate__fail(ATE_MALFORMED, "line %u does not end", number));
        *end = 0;
        rc = in_config(parse_line(line, number, &name, &address));
        if (!rc)
            rc = each(arg, name, address);
        line = end + 1;
    }
    return rc;
}

struct lookup {
    const char *name;
    char *address;
};

static int match(void *arg, const char *name, const char *address)
{
    struct lookup *l = arg;
    if (strcmp(name, l->name))
        return 0;
    l->address = ate__copy_text(address);
    return l->address ? ATE_END : ate__no_memory();
}

int ate__name_lookup(const char *name, char **ret_address)
{
    struct lookup l = {.name = name};
    int rc = check_name(name);
    if (!rc)
        rc = ate__name_each(match, &l);
    if (rc == ATE_END) {
        *ret_address = l.address;
        return 0;
    }
    return rc ? rc : ate__fail(ATE_NOT_FOUND, "no such name: @%s", name);
}

struct rewrite {
    const char *name, *address;
    struct ate__buf out;
    unsigned lines;
    bool done, found;
};

static int write_line(struct rewrite *r, const char *name, const char *address)
{
    ate__cleanup(ate__freep) char *line = ate__format("name %s %s\n", name, address);
    if (!line)
        return ate__no_memory();
    if (++r->lines > ATE__NAMES_MAX)
        return ate__fail(ATE_TOO_BIG, "config: more than %d names", ATE__NAMES_MAX);
    return ate__buf_append(&r->out, ate__text_bytes(line));
}

static int copy_line(void *arg, const char *name, const char *address)
{
    struct rewrite *r = arg;
    int order = strcmp(name, r->name), rc = 0;
    if (order >= 0 && !r->done && r->address)
        rc = write_line(r, r->name, r->address);
    r->done |= order >= 0;
    r->found |= order == 0;
    return rc || order == 0 ? rc : write_line(r, name, address);
}

int ate__name_set(const char *name, const char *address)
{
    struct rewrite r = {.name = name, .address = address};
    struct ate__addr parsed;
    char *path = NULL;
    int rc = check_name(name);
    if (!rc && address)
        rc = ate__addr_parse(address, &parsed);
    if (!rc)
        rc = ate__name_each(copy_line, &r);
    if (!rc && address && !r.done)
        rc = write_line(&r, name, address);
    if (!rc && !address && !r.found)
        rc = ate__fail(ATE_NOT_FOUND, "@%s: nothing is kept under that name", name);
    if (!rc)
        rc = config_path(&path);
    if (!rc)
        rc = ate__file_replace(path, ate__buf_bytes(&r.out));
    ate__free(path);
    ate__buf_deinit(&r.out);
    return rc;
}
