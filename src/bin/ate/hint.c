/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "bin/ate/hint.h"
#include "base/alloc.h"
#include "base/err.h"
#include "bin/ate/open.h"
#include <stdatomic.h>
#include <string.h>

enum { SHOWN = 512 };

/* What goes with a phrase of the library's. Where `after` is not NULL, the word behind the phrase
 * stands between the two. */
static const struct hint {
    int result;
    const char *phrase, *before, *after;
} hints[] = {
    {ATE_NOT_FOUND, "no such name: @", "make it with: ate name ", " ADDRESS"},
    {ATE_UNTRUSTED, " with root key ", "--root ", ""},
    {ATE_WRONG_CHAIN, " with root key ", "--root ", ""},
    {ATE_UNTRUSTED, "conf.centralized says so", "--centralized", NULL},
    {ATE_NO_KEY, "takes the log key of its server", "--log-key FILE; atedb log-key prints it",
     NULL},
    {ATE_NOT_FOUND, "no chain lies there", "ate put and ate import make one", NULL},
    {ATE_NOT_FOUND, "no checkpoint was signed here yet", "ate checkpoint, with the same --mirror",
     NULL},
    {ATE_UNSUPPORTED, "open it with a mirror", "--mirror DIR", NULL},
    {ATE_UNSUPPORTED, "by a plug-in: open the chain with it", "--plugin FILE=OPTIONS", NULL},
    {ATE_UNSUPPORTED, "this server never syncs", "it runs with: atedb --sync never", NULL},
    {ATE_UNTRUSTED, "names no log key: give those that you trust", "--log-key FILE", NULL},
    {ATE_UNTRUSTED, "give the log keys that you trust", "--log-key FILE", NULL},
    {ATE_UNTRUSTED, "were added to the chain later have to be given", "--log-key FILE", NULL},
    {ATE_NOT_FOUND, "the chain does not name this server's log key",
     "its owner does, with: ate checkpoint --add-log-key FILE", NULL},
    {ATE_NO_KEY, "so nobody can sign its head", "ate checkpoint --add-log-key FILE", NULL},
    {ATE_DENIED, "this server creates no chains", "it has to be started with: atedb --no-auth",
     NULL},
    {ATE_BAD_PEER, "speaks TLS, this side clear text", "--no-wire-encryption is for both", NULL},
    {ATE_OFFLINE, "before it said HELLO; does it allow clear text",
     "atedb --no-wire-encryption does", NULL},
    {ATE_OFFLINE, "cannot connect", "is the server running, and the address right?", NULL},
};

/* Read by the thread of --timeout as well. It lives as long as the process. */
static _Atomic(char *) copy;

void hint_copy(const char *dir, const char *root)
{
    char shown[SHOWN], shown_root[SHOWN];
    char *words = ate__format("what was copied can be read: ate ls %s%s%s",
                              open_home_text(dir, shown, sizeof shown), root ? " --root " : "",
                              root ? open_home_text(root, shown_root, sizeof shown_root) : "");
    ate__free(atomic_exchange(&copy, words));
}

static void add(const char *before, const char *word, size_t size, const char *after)
{
    ate__cleanup(ate__freep) char *text =
        ate__format("%s (%s%.*s%s)", ate__error_text(), before, (int)size, word, after);
    if (text)
        ate__error_set(text);
}

void hint_add(int result)
{
    const char *at_hand = atomic_load(&copy);
    if (at_hand && (result == ATE_OFFLINE || result == ATE_TIMEOUT)) {
        add(at_hand, "", 0, "");
        return;
    }
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
        const struct hint *h = &hints[i];
        const char *found = h->result == result ? strstr(ate__error_text(), h->phrase) : NULL;
        if (!found)
            continue;
        const char *word = found + strlen(h->phrase);
        add(h->before, word, h->after ? strcspn(word, " ,;:") : 0, h->after ? h->after : "");
        return;
    }
}
