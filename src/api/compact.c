/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * compact.c: the public face of compaction.
 */
#include "chain/compact.h"
#include "api/plugin.h"
#include "ate/compact.h"
#include "chain/local.h"

static void tell(void *arg, uint64_t done, uint64_t total)
{
    const struct ate_compact_conf *conf = arg;
    conf->progress(conf->progress_arg, "compact", done, total);
}

/* arg: struct ate__voter. */
static struct ate__ballot ask_program(void *arg, const struct ate__keep_event *event)
{
    static const enum ate__vote votes[] = {
        [ATE_VOTE_NONE] = ATE__ABSTAIN,
        [ATE_VOTE_DROP] = ATE__DROP,
        [ATE_VOTE_KEEP] = ATE__KEEP,
        [ATE_VOTE_FORCE_DROP] = ATE__FORCE_DROP,
        [ATE_VOTE_FORCE_KEEP] = ATE__FORCE_KEEP,
    };
    const struct ate__voter *voter = arg;
    const struct ate__event *e = event->event;
    struct ate__ballot ballot = {ATE__ABSTAIN, false};
    struct ate_vote_event asked = {
        .sequence = event->sequence,
        .kind = ate__event_kind_of(e),
        .id = e->header.object,
        .parent = e->header.parent,
        .event_hash = e->hash,
        .has_payload = ate__event_has_payload(e),
    };
    if (asked.has_payload)
        asked.payload_size = e->payload_size;
    enum ate_vote vote = voter->vote(voter->arg, &asked, &ballot.header_only);
    if ((unsigned)vote < ATE__COUNT_OF(votes))
        ballot.vote = votes[vote];
    return ballot;
}

static struct ate_compacted compacted_of(const struct ate__compacted *done)
{
    return (struct ate_compacted){
        .files = done->segments,
        .rewritten = done->rewritten,
        .payloads = done->payloads,
        .bytes_before = done->bytes_before,
        .bytes_after = done->bytes_after,
        .events = done->events,
        .transactions = done->transactions,
        .cut_off = done->cut_off,
        .bytes_freed = done->bytes_freed,
    };
}

int ate_chain_compact(struct ate_chain *chain, const struct ate_compact_conf *conf,
                      struct ate_compacted *ret_compacted)
{
    static const struct ate_compact_conf defaults;
    struct ate__compacted done;
    int rc = ate__check_may_wait();
    if (!rc && !chain->dir)
        rc = ate__fail(ATE_UNSUPPORTED,
                       "compact: this chain is at a server: it is compacted where it lies");
    struct ate_compact_conf asked = conf ? *conf : defaults;
    if (!rc)
        rc = ate__conf_check("compact", &asked);
    if (rc)
        return rc;
    struct ate__voter voter = {asked.vote, asked.vote_arg};
    if (!voter.vote && chain->plugins)
        voter = chain->plugins->voter;
    const struct ate__keep_plugin plugin = {ask_program, &voter};
    struct ate__compact_conf inner = {
        .plugin = voter.vote ? &plugin : NULL,
        .below = asked.below,
        .gain_percent = asked.gain_percent,
        .deep = asked.deep,
        .cut_off = asked.cut_off,
        .session = chain->session,
        .bytes_per_second = asked.bytes_per_second,
        .progress = asked.progress ? tell : NULL,
        .arg = &asked,
    };
    rc = ate__chain_compact(ate__local_chain(chain->pipe), &inner, &done);
    if (rc)
        return ate__context(rc, "compact");
    *ret_compacted = compacted_of(&done);
    return 0;
}

/* ---- by itself ---- */

void ate__voter_join(struct ate__voter *voter, struct ate__auto_conf *conf)
{
    conf->plugin = (struct ate__keep_plugin){ask_program, voter};
}

int ate__compact_when(const struct ate_compact_when *when, struct ate_session *session,
                      const struct ate__plugin_set *plugins, struct ate__voter *ret_voter,
                      struct ate__auto_conf *ret_conf)
{
    struct ate__auto_conf conf = {
        .rule = {.mode = (enum ate__compact_mode)when->mode,
                 .every_ms = when->every_s * 1000,
                 .growth_bytes = when->size,
                 .factor_percent = when->factor_percent,
                 .bytes_min = when->size_min},
        .deep = when->deep,
        .session = !when->deep     ? NULL
                   : when->session ? when->session
                                   : session,
        .bytes_per_second = when->bytes_per_second,
    };
    if (when->every_s > UINT64_MAX / 1000)
        conf.rule.every_ms = UINT64_MAX;
    int rc = ate__conf_check("compact", when);
    if (!rc)
        rc = ate__compact_rule_check(&conf.rule);
    if (rc)
        return rc;
    *ret_voter = (struct ate__voter){when->vote, when->vote_arg};
    if (!when->vote && plugins)
        *ret_voter = plugins->voter;
    if (ret_voter->vote)
        ate__voter_join(ret_voter, &conf);
    *ret_conf = conf;
    return 0;
}

void ate__compact_tell(void *arg, int result, const char *text, const struct ate__compacted *done)
{
    const struct ate_chain *chain = arg;
    struct ate_compacted compacted = compacted_of(done);
    if (chain->compact_ran)
        chain->compact_ran(chain->compact_ran_arg, result, text, &compacted);
}
