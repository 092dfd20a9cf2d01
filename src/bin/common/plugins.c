/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/common/plugins.h"
#include "base/alloc.h"
#include "base/err.h"
#include "bin/common/out.h"
#include <stdlib.h>
#include <unistd.h>

/* Nothing of ours calls exit(). What a plug-in ends ends with an error: else its status would be
 * taken for that of a command that was done. */
static struct {
    bool watched, any;
    const char *loading; /* NULL: all are loaded */
} now;

static void ended(void)
{
    if (!now.any)
        return;
    int rc = now.loading ? ate__fail(ATE_E_SYSTEM, "plug-in: %.*s ended this program",
                                     (int)strcspn(now.loading, "="), now.loading)
                         : ate__fail(ATE_E_SYSTEM, "a plug-in ended this program");
    _exit(ate__report(rc, NULL));
}

static int watch(void)
{
    if (!now.watched && atexit(ended))
        return ate__no_memory();
    now.watched = now.any = true;
    return 0;
}

static int load(struct plugins *p, const char *word)
{
    ate__cleanup(ate__freep) char *file = ate__copy_text(word);
    if (!file)
        return ate__no_memory();
    char *options = strchr(file, '=');
    if (options)
        *options++ = 0;
    now.loading = word;
    int rc = ate_plugin_load(file, options, &p->items[p->count]);
    if (!rc)
        p->count++;
    return rc;
}

int plugins_load(struct plugins *ret, const char *const *words, size_t count)
{
    struct plugins p = {.count = 0};
    int rc = count ? watch() : 0;
    for (size_t i = 0; !rc && i < count; i++)
        rc = load(&p, words[i]);
    now.loading = NULL;
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
    now.any = false;
}
