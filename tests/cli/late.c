/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * late.c: a plug-in for tests: a validate() that waits until a file is there, or fails.
 *
 * Options: the file. Without one each transaction is refused without a sentence. "sink:" in front
 * of it: sink() waits, and nothing is refused. "exit", "crash": validate() does. Made with
 * TEST_LEAVES it ends the process while it is loaded.
 */
#include <ate/plugin.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int start(const char *options, void **ret_state, char *text)
{
    if (!strcmp(options, "no")) {
        snprintf(text, ATE_PLUGIN_TEXT, "not today\n\x1b[1m");
        return ATE_DENIED;
    }
    *ret_state = strdup(options);
    return *ret_state ? 0 : ATE_E_MEMORY;
}

static const char sink_word[] = "sink:";

static bool waits_in_sink(const char *options)
{
    return !strncmp(options, sink_word, sizeof sink_word - 1);
}

static void wait_for(const char *file)
{
    while (access(file, F_OK))
        poll(NULL, 0, 5);
}

#ifdef TEST_LEAVES
__attribute__((constructor)) static void leave(void)
{
    exit(0);
}
#endif

static int validate(void *state, const struct ate_plugin_txn *txn, char *text)
{
    (void)txn;
    (void)text;
    if (!strcmp(state, "exit"))
        exit(0);
    if (!strcmp(state, "crash"))
        raise(SIGKILL);
    if (!*(const char *)state)
        return -1;
    if (!waits_in_sink(state))
        wait_for(state);
    return 0;
}

static int sink(void *state, const struct ate_plugin_txn *txn, char *text)
{
    (void)txn;
    (void)text;
    if (waits_in_sink(state))
        wait_for((const char *)state + sizeof sink_word - 1);
    return 0;
}

ATE_PLUGIN = {
    .abi = ATE_PLUGIN_ABI + (TEST_ABI),
    .timeout_ms = 200,
    .name = "late",
    .start = start,
    .stop = free,
    .validate = validate,
    .sink = sink,
};
