/* SPDX-License-Identifier: MIT OR Apache-2.0 */ /* clang-format off */
#include <ate/ate.h>
#include <stdio.h>

struct world { const char *commandment; };
ATE_TYPE(world, ATE_FIELD(commandment));

int main(void)
{
    struct ate_session *me = NULL; struct ate_chain *chain = NULL; struct ate_txn *txn = NULL;
    struct ate_id id; const struct world *w;
    int rc = ate_session_open("hello.key", ATE_CREATE, &me);            /* made if missing */
    if (!rc) rc = ate_chain_open("universe", me, ATE_CREATE, NULL, &chain); /* or an address */
    if (!rc) rc = ate_txn_begin(chain, NULL, 0, &txn);
    if (!rc) rc = ate_store(txn, world, &(struct world){.commandment = "Hello"}, &id);
    if (!rc) rc = ate_txn_commit(txn, NULL);                        /* sealed, signed, synced */
    if (!rc) rc = ate_load(txn, world, id, &w);                     /* lent until ate_txn_end() */
    if (!rc) printf("%s world!\n", w->commandment);
    else fprintf(stderr, "hello: %s\n", ate_error());
    ate_txn_end(txn);
    ate_chain_close(chain);
    ate_session_close(me);
    return rc != 0;
}
