/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ask_uv.c: what DNS says of a chain, for a caller that waits.
 */
#include "base/alloc.h"
#include "base/text.h"
#include "net/addr.h"
#include "net/identify.h"
#include "net/loop_uv.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>

struct asking {
    struct ate__loop *loop;
    const struct ate__lookup *conf;
    const char *path;
    char name[ATE__ADDR_HOST_MAX + sizeof "_ate."];
    struct ate__dns *dns; /* of the loop's thread */
    pthread_mutex_t mutex; /* guards the others */
    pthread_cond_t done_cond;
    bool done;
    int result;
    char text[ATE__ERROR_SIZE];
    struct ate__dns_facts facts;
};

static void answered(void *owner, int result, const struct ate__dns_answer *answer)
{
    struct asking *a = owner;
    struct ate__dns_facts facts = {.pin_count = 0};
    if (!result)
        result =
            ate__context(ate__dns_facts_of(answer, a->path, &facts), "DNS: TXT of %s", a->name);
    pthread_mutex_lock(&a->mutex);
    a->result = result;
    snprintf(a->text, sizeof a->text, "%s", result ? ate__error_text() : "");
    a->facts = facts;
    a->done = true;
    pthread_cond_signal(&a->done_cond);
    pthread_mutex_unlock(&a->mutex);
}

static int begin(void *arg)
{
    struct asking *a = arg;
    int rc = ate__dns_new(a->loop, a->conf, answered, a, &a->dns);
    return rc ? rc : ate__dns_ask(a->dns, a->name, ATE__DNS_TXT);
}

static int end(void *arg)
{
    struct asking *a = arg;
    ate__dns_free(ate__steal(&a->dns));
    return 0;
}

static int await(struct asking *a, uint32_t timeout_ms)
{
    struct timespec until;
    int late = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&a->mutex);
    while (!a->done && !late)
        late = pthread_cond_timedwait(&a->done_cond, &a->mutex, &until);
    int rc = a->done ? a->result : ATE_OFFLINE;
    pthread_mutex_unlock(&a->mutex);
    return rc;
}

int ate__dns_facts_ask(const struct ate__lookup *conf, const char *host, const char *path,
                       uint32_t timeout_ms, struct ate__dns_facts *ret_facts)
{
    struct asking a = {.conf = conf, .path = path};
    pthread_condattr_t monotonic;
    int rc = ate__loop_shared(&a.loop);
    if (rc)
        return rc;
    snprintf(a.name, sizeof a.name, "_ate.%s", host);
    snprintf(a.text, sizeof a.text, "DNS: no answer to TXT of %s within %u ms", a.name, timeout_ms);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&a.mutex, NULL);
    pthread_cond_init(&a.done_cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
    rc = ate__loop_call(a.loop, begin, &a);
    if (rc)
        snprintf(a.text, sizeof a.text, "%s", ate__error_text());
    else
        rc = await(&a, timeout_ms);
    (void)!ate__loop_call(a.loop, end, &a); /* from here on nobody writes to it */
    ate__loop_unref(a.loop);
    pthread_cond_destroy(&a.done_cond);
    pthread_mutex_destroy(&a.mutex);
    if (rc)
        return ate__fail(rc, "%s", a.text);
    *ret_facts = a.facts;
    return 0;
}
