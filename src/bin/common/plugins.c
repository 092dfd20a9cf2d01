/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/plugins.h"
#include "base/alloc.h"
#include "base/err.h"

static int load(struct plugins *p, const char *word)
{
    ate__cleanup(ate__freep) char *file = ate__copy_text(word);
    if (!file)
        return ate__no_memory();
    char *options = strchr(file, '=');
    if (options)
        *options++ = 0;
    int rc = ate_plugin_load(file, options, &p->items[p->count]);
    if (!rc)
        p->count++;
    return rc;
}

int plugins_load(struct plugins *ret, const char *const *words, size_t count)
{
    struct plugins p = {.count = 0};
    int rc = 0;
    for (size_t i = 0; !rc && i < count; i++)
        rc = load(&p, words[i]);
    if (rc)
        plugins_end(&p);
    else
        *ret = p;
    return rc;
}

void plugins_end(struct plugins *p)
{
    while (p->count)
        ate_plugin_end(p->items[--p->count]);
}
