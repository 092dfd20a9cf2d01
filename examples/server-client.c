/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A server inside the program, and two clients of one distributed chain at it: what the first
 * stores durably, the second reads.
 */
#include <ate/ate.h>
#include <stdio.h>
#include <string.h>

struct message {
    const char *text;
};
ATE_TYPE(message, ATE_FIELD(text));

static int store(const char *address, struct ate_session *me, struct ate_id *ret_id)
{
    struct ate_chain *chain = NULL;
    struct ate_txn *txn = NULL;
    int rc = ate_chain_open(address, me, ATE_CREATE, NULL, &chain);
    if (!rc)
        rc = ate_txn_begin(chain, NULL, 0, &txn); /* scope FULL: durable at the server */
    if (!rc)
        rc = ate_store(txn, message, &(struct message){"my test string"}, ret_id);
    if (!rc)
        rc = ate_txn_commit(txn, NULL);
    ate_txn_end(txn);
    ate_chain_close(chain);
    return rc;
}

static int load(const char *address, struct ate_session *me, struct ate_id id)
{
    struct ate_chain *chain = NULL;
    struct ate_txn *txn = NULL;
    const struct message *m;
    int rc = ate_chain_open(address, me, 0, NULL, &chain);
    if (!rc)
        rc = ate_txn_begin(chain, NULL, 0, &txn);
    if (!rc)
        rc = ate_load(txn, message, id, &m);
    if (!rc)
        printf("the second client reads: %s\n", m->text);
    ate_txn_end(txn);
    ate_chain_close(chain);
    return rc;
}

int main(void)
{
    struct ate_server_conf conf = {.logs = "logs", .any_port = true, .no_auth = true};
    struct ate_server *server = NULL;
    struct ate_session *me = NULL;
    struct ate_id id;
    char address[512];
    int rc = ate_server_start(&conf, &server);
    if (!rc)
        rc = ate_session_open("client.key", ATE_CREATE, &me);
    if (!rc) { /* tcp://127.0.0.1:PORT/#pin=... becomes tcp://127.0.0.1:PORT/test/chain#pin=... */
        const char *all = ate_server_address(server), *pin = strchr(all, '#');
        snprintf(address, sizeof address, "%.*stest/chain%s", (int)(pin - all), all, pin);
        rc = store(address, me, &id);
    }
    if (!rc)
        rc = load(address, me, id);
    if (rc)
        fprintf(stderr, "server-client: %s\n", ate_error());
    ate_session_close(me);
    ate_server_end(server);
    return rc != 0;
}
