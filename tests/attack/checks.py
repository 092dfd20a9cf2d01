# SPDX-License-Identifier: MIT OR Apache-2.0
"""What holds each attack off.

CHECKS: a name, the file, a text that stands in it exactly once, and what stands in its place in the
program that run.py makes: REMOVED is true when this check is taken out. drop() is for what is most
common: a condition or a call within the text that becomes something else.

ATTACKS: for each attack of this folder the checks that have to be taken out, all of them, before it
has its will. Where there are several, each of them alone still holds it off.
"""

CHECKS = {}
ATTACKS = {}


def check(name, file, old, new):
    assert name not in CHECKS and "REMOVED" in new, name
    CHECKS[name] = (file, old, new)


def drop(name, file, text, part, value="0"):
    """`part`, which stands once in `text`, becomes `value`."""
    assert text.count(part) == 1, name
    check(name, file, text, text.replace(part, f"(REMOVED ? ({value}) : ({part}))"))


def attack(name, *checks):
    assert name not in ATTACKS and checks and all(c in CHECKS for c in checks), name
    ATTACKS[name] = checks


# ---- history.c: who may, what follows on what ----

RIGHTS = "src/trust/accept_rights.c"
drop("may-write", RIGHTS, "if (!rc && n->may_write == ATE__NO)", "n->may_write == ATE__NO")
check("right-by-stored-parent", RIGHTS,
      "struct ate__node *parent = ate__node_find(j, &n->before.parent);\n"
      "    if (!parent)\n"
      "        return ate__way_ask(j, &n->before.parent, right, ret_answer);",
      "const struct ate_id *above = REMOVED && ate__node_body(j, n)\n"
      "                                    ? &ate__node_body(j, n)->header.parent\n"
      "                                    : &n->before.parent;\n"
      "    struct ate__node *parent = ate__node_find(j, above);\n"
      "    if (!parent)\n"
      "        return ate__way_ask(j, above, right, ret_answer);")
drop("may-rule", RIGHTS, "if (!rc && answer == ATE__NO)", "answer == ATE__NO")
drop("may-append", RIGHTS, "if (answer != ATE__NO)", "answer != ATE__NO", "1")
check("may-delete", RIGHTS, "return admitted ? ate__judge_need(",
      "return REMOVED || admitted ? ate__judge_need(")
attack("unsigned-write", "may-write")
attack("write-without-right", "may-write")
attack("re-parenting", "right-by-stored-parent")
attack("subtree-torn-off", "may-write")
attack("self-granted", "may-rule")
attack("name-squatted", "may-append")
attack("deletion-from-outside", "may-delete")
attack("nobodys-changed", "may-write")
attack("nobodys-deleted", "may-delete")
attack("deletion-above-nobodys", "may-delete")

AFTER = "src/trust/accept_after.c"
drop("name-is-free", AFTER, "else if (!rc && !had_tag(c->j, n, tag))", "!had_tag(c->j, n, tag)")
drop("no-child-left", AFTER, "return e->header.tombstone ? 0 : check_no_child(j, n);",
     "check_no_child(j, n)")
attack("name-taken", "name-is-free")
attack("hole-in-the-tree", "no-child-left")

check("no-ring", AFTER, "case ATE__PLACE_CYCLE:",
      "case ATE__PLACE_CYCLE:\n        if (REMOVED)\n            break;")
attack("ring", "no-ring")

BEFORE = "src/trust/accept_before.c"
drop("prev-is-current", BEFORE,
     "else if (!f->live || !ate__hash_equal(&f->body, &e->header.prev))",
     "!f->live || !ate__hash_equal(&f->body, &e->header.prev)")
drop("id-was-deleted", BEFORE,
     "else if (f->deleted && j->sequence - f->sequence <= ate__trust_genesis(j->t)->window)",
     "f->deleted")
drop("id-is-free", BEFORE, "    if (f->live)\n        ate__refuse(j, ATE_CONFLICT, &n->id, "
     "f->sequence,\n                    \"object %s: created, but it is there since %llu\"",
     "f->live")
drop("precondition", BEFORE,
     "if (p->kind == ATE__IS_CURRENT && (!f.live || !ate__hash_equal(&f.body, &p->hash)))",
     "p->kind == ATE__IS_CURRENT")
drop("base-root", BEFORE, "else if (!rc && !ate__hash_equal(&root, &j->tx->base_root))",
     "!ate__hash_equal(&root, &j->tx->base_root)")
drop("base-window", BEFORE, "if (size <= j->sequence && j->sequence - size > window)",
     "j->sequence - size > window")
drop("chain-id", BEFORE, "if (!ate__hash_equal(&j->tx->chain_id, ate__trust_chain_id(j->t)))",
     "!ate__hash_equal(&j->tx->chain_id, ate__trust_chain_id(j->t))")
attack("lost-update", "prev-is-current")
attack("deleted-id-again", "id-was-deleted")
attack("id-taken", "id-is-free")
attack("broken-precondition", "precondition")
attack("fork-spliced", "base-root")
attack("kept-back-too-long", "base-window")
attack("other-chain-replayed", "chain-id")
drop("origin-known", "src/trust/state.c",
     "return ate__origins_find(&t->origins, id, ret_sequence) ? 0 : ATE_NOT_FOUND;",
     "ate__origins_find(&t->origins, id, ret_sequence)")
attack("old-version-replayed", "origin-known", "id-is-free", "name-is-free")
attack("origin-used-twice", "origin-known")

check("critical-item", "src/event/header.c", "if (tag >= ATE__TAG_OPTIONAL) {",
      "if (tag >= ATE__TAG_OPTIONAL || (REMOVED && tag > ATE__TAG_COMPACTOR_KEYS)) {")
drop("tx-version", "src/event/tx.c", "if (r->size && version != ATE__TX_VERSION)",
     "version != ATE__TX_VERSION")
attack("unknown-critical-item", "critical-item")
attack("version-of-the-transaction", "tx-version")

# ---- archive.c ----

ARCHIVE = "src/trust/accept_archive.c"
drop("archive-versions", ARCHIVE, "if (!ate__is_tombstone(e))\n        deny(j, n, \"no version",
     "!ate__is_tombstone(e)")
drop("archive-subtrees", ARCHIVE, "else if (e->header.tombstone)", "e->header.tombstone")
drop("archive-time", ARCHIVE, "else if (j->root_time_us < since + retention)",
     "j->root_time_us < since + retention")
drop("archive-for-ever", ARCHIVE, "if (!retention) {", "!retention")
drop("archive-holds", ARCHIVE, "if (rc || !held)\n        return rc;\n    snprintf", "!held", "1")
drop("archive-root-holds", ARCHIVE,
     "if (ate__header_has(&e->header, ATE__TAG_HOLD) != was && !ate__judge_root_signs(j))",
     "!ate__judge_root_signs(j)")
drop("server-certifies-alone", "src/trust/accept_services.c",
     "return ate__trust_genesis(j->t)->mode == ATE__CENTRALIZED &&",
     "ate__trust_genesis(j->t)->mode == ATE__CENTRALIZED", "1")
drop("archive-certificates", "src/trust/accept_services.c",
     "if (ate__judge_archive(j))\n        ate__refuse", "ate__judge_archive(j)")
attack("archive-changed", "archive-versions")
attack("archive-moved", "archive-versions")
attack("archive-deleted-early", "archive-time")
attack("archive-deleted-from-for-ever", "archive-for-ever")
attack("archive-deleted-with-all-below", "archive-subtrees")
attack("archive-held-deleted", "archive-holds")
attack("archive-released-by-another", "archive-root-holds")
attack("archive-held-by-another", "archive-root-holds")
attack("archive-certified", "archive-certificates")

# ---- keys.c ----

drop("signature-holds", "src/trust/sig.c",
     "rc = ate__verify(key->key, context(), ate__bytes(&message, sizeof message), s->bytes);",
     "ate__verify(key->key, context(), ate__bytes(&message, sizeof message), s->bytes)")
drop("proof-of-message", "src/trust/verified.c",
     "ate__bytes(message, sizeof *message),", "sizeof *message")
drop("proof-of-signature", "src/trust/verified.c", "        signature,\n", "signature",
     "(struct ate_bytes){0}")
drop("ed25519-holds", "src/crypto/sign.c",
     "rc = ate__part_verify(k->eddsa, NULL, in.bytes,\n"
     "                              ate__bytes(mldsa + mldsa_size, signature.size - mldsa_size));",
     "ate__part_verify(k->eddsa, NULL, in.bytes,\n"
     "                              ate__bytes(mldsa + mldsa_size, signature.size - mldsa_size))")
drop("mldsa-holds", "src/crypto/sign.c",
     "rc = ate__part_verify(k->mldsa, mldsa_params(&in, params), in.bytes,\n"
     "                              ate__bytes(mldsa, mldsa_size));",
     "ate__part_verify(k->mldsa, mldsa_params(&in, params), in.bytes,\n"
     "                              ate__bytes(mldsa, mldsa_size))")
drop("small-order", "src/crypto/part.c", "if (!memcmp(y, small_order[i], sizeof y))",
     "!memcmp(y, small_order[i], sizeof y)")
attack("forged-author", "signature-holds")
attack("broken-mldsa", "mldsa-holds")
attack("broken-ed25519", "ed25519-holds")
attack("signature-replayed", "signature-holds")
attack("signature-remembered", "proof-of-message")
attack("small-order-key", "small-order")
attack("batch-signature-moved", "proof-of-message")
attack("batch-path-of-another", "proof-of-message")
attack("batch-other-bytes", "proof-of-signature")

KEYS = "src/trust/accept_keys.c"
drop("root-signs", KEYS, "if (!ate__judge_root_signs(j)) {", "!ate__judge_root_signs(j)")
drop("may-revoke", KEYS,
     "if (!ate__judge_root_signs(k->j) && !ate__judge_signed_by(k->j, &e->header.revoked))",
     "!ate__judge_root_signs(k->j)")
drop("key-is-named", KEYS, "if (rc || ate__map_get(&k->named, fingerprint, NULL))",
     "ate__map_get(&k->named, fingerprint, NULL)", "1")
drop("not-revoked", RIGHTS, "if (ate__trust_is_revoked(j->t, &j->signers.fingerprints[i]))",
     "ate__trust_is_revoked(j->t, &j->signers.fingerprints[i])")
check("known-algorithm", "src/crypto/key.c",
      "unsigned id = ate__rd_u16(r);\n    const struct ate__algorithm *a",
      "unsigned id = ate__rd_u16(r);\n    if (REMOVED && id == 0x41)\n        id = 1;\n"
      "    const struct ate__algorithm *a")
drop("key-strength", "src/trust/policy.c", "if (strength < g->strength_min)",
     "strength < g->strength_min")
drop("key-allowed", "src/trust/policy.c",
     "if (parts->signature && !ate__genesis_allows(g, parts->signature->id))",
     "!ate__genesis_allows(g, parts->signature->id)")
drop("password-floor", "src/crypto/password.c", "cost->passes < ATE__PASSWORD_PASSES_MIN ||",
     "cost->passes < ATE__PASSWORD_PASSES_MIN")
attack("root-by-outsider", "root-signs")
attack("revoked-by-outsider", "may-revoke")
attack("nobodys-key", "key-is-named")
drop("keys-have-a-purpose", "src/chain/commit.c", "if (!rc && w->offer->from_afar)",
     "w->offer->from_afar")
attack("keys-alone", "keys-have-a-purpose")
drop("revoked-has-no-right", "src/trust/authority.c",
     "!ate__trust_is_revoked(signers->t, &signers->fingerprints[i]))",
     "!ate__trust_is_revoked(signers->t, &signers->fingerprints[i])", "1")
attack("written-after-revocation", "not-revoked", "revoked-has-no-right")
attack("downgraded-key", "known-algorithm")
attack("weaker-key", "key-strength", "key-allowed")
attack("one-family-key", "key-allowed")
attack("cheap-password", "password-floor")

GENESIS = "src/event/genesis.c"
drop("format-version", GENESIS, "if (g->format_version != ATE__FORMAT_VERSION)",
     "g->format_version != ATE__FORMAT_VERSION")
drop("mode-known", GENESIS, "if (g->mode != ATE__DISTRIBUTED && g->mode != ATE__CENTRALIZED)",
     "g->mode != ATE__DISTRIBUTED && g->mode != ATE__CENTRALIZED")
drop("genesis-signed", "src/trust/state.c", "if (!ate__tx_signed_by(tx, &fingerprint))",
     "!ate__tx_signed_by(tx, &fingerprint)")
drop("genesis-signers", KEYS, "if (!ate__judge_signed_by(j, &roots[i]))",
     "!ate__judge_signed_by(j, &roots[i])")
attack("newer-format", "format-version")
attack("mode-of-later", "mode-known")
attack("root-key-of-another", "genesis-signed", "genesis-signers")

# ---- thin.c ----

TXS = "src/mesh/thin_txs.c"
check("shown-in-tree", TXS,
      "rc = ate__merkle_check_inclusion(&leaf, t->sequence, a->head->size, inclusion,\n"
      "                                         &a->head->root);",
      "rc = REMOVED ? 0 : ate__merkle_check_inclusion(&leaf, t->sequence, a->head->size,\n"
      "                                         inclusion, &a->head->root);")
drop("shown-of-this-chain", TXS,
     "if (!ate__hash_equal(&t->tx->chain_id, ate__trust_chain_id(a->chain->trust)))",
     "!ate__hash_equal(&t->tx->chain_id, ate__trust_chain_id(a->chain->trust))")
drop("shown-root-signs", TXS, "if (!ate__thin_root_signs(a, t))",
     "!ate__thin_root_signs(a, t)")
CHECK = "src/mesh/thin_check.c"
drop("control-line", CHECK, "if (!ate__hash_equal(&last->hash, &e->header.prev))",
     "!ate__hash_equal(&last->hash, &e->header.prev)")
THIN = "src/mesh/thin_rights.c"
drop("shown-body-right", THIN,
     "if (!rc && answer == NO)\n        rc = refuse(act, o, o->has_prev ?", "answer == NO")
drop("shown-rule-right", THIN,
     "if (!rc && answer == NO)\n        rc = refuse(act, o, \"made rules for it\");",
     "answer == NO")
drop("shown-archive", THIN, "if (o->has_prev && is_archive(act))", "is_archive(act)")
drop("shown-root-holds", THIN,
     "if (held != ate__control_held(before) && !(is_archive(act) && roots_admit(act)))",
     "!(is_archive(act) && roots_admit(act))")
attack("altered-payload", "shown-in-tree")
attack("thin-unsigned", "shown-body-right")
attack("thin-without-right", "shown-body-right")
attack("thin-rule-without-right", "shown-rule-right")
attack("thin-other-chain", "shown-of-this-chain")
attack("thin-forged-author", "signature-holds")
attack("thin-root-by-outsider", "shown-root-signs")
attack("rule-left-out", "control-line")
attack("thin-archive-changed", "shown-archive")
attack("thin-released-by-another", "shown-root-holds")

# ---- proofs.c ----

drop("shown-log-key-signed", "src/mesh/thin_log_keys.c", "if (!ate__thin_root_signs(a, t))",
     "!ate__thin_root_signs(a, t)")
drop("checkpoint-by-log-key", "src/trust/checkpoint.c", "if (!rc && !found)", "!found")
SOURCE = "src/api/proof_source.c"
drop("checkpoint-is-the-head", SOURCE,
     "return ate__hash_equal(&checkpoint->root, &newest.head) ? 0 : fail_forked(checkpoint);",
     "ate__hash_equal(&checkpoint->root, &newest.head)", "1")
drop("checkpoint-extended", SOURCE, "return rc == ATE_TAMPERED ? fail_forked(checkpoint) : rc;",
     "fail_forked(checkpoint)")
check("proof-in-checkpoint", SOURCE,
      "ate__merkle_check_inclusion(&leaf, sequence, checkpoint->size, path, &checkpoint->root);",
      "REMOVED ? 0 : ate__merkle_check_inclusion(&leaf, sequence, checkpoint->size, path,\n"
      "                                                  &checkpoint->root);")
attack("log-key-by-outsider", "shown-log-key-signed")
attack("checkpoint-by-outsider", "checkpoint-by-log-key")
attack("checkpoint-of-another-head", "checkpoint-is-the-head")
attack("checkpoint-of-another-past", "checkpoint-extended")
attack("proof-of-another", "proof-in-checkpoint")

NOTES = "src/mesh/client_notes.c"
drop("note-in-mirror", "src/chain/signed.c",
     "if (!rc && !ate__hash_equal(&root, &checkpoint->root))\n        rc = ate__fail(ATE_FORKED,",
     "!ate__hash_equal(&root, &checkpoint->root)")
drop("note-is-the-head", NOTES,
     "return ate__hash_equal(&j->checkpoint.root, &j->head.root) ? 0 : fail_forked(r);",
     "ate__hash_equal(&j->checkpoint.root, &j->head.root)", "1")
drop("note-extended", NOTES, "return rc == ATE_TAMPERED ? fail_forked(r) : rc;", "fail_forked(r)")
drop("note-no-less", NOTES, "if (now->size >= last->size || now->time_s < last->time_s)",
     "now->size >= last->size", "1")
attack("note-by-outsider", "checkpoint-by-log-key")
attack("note-of-another-head", "note-is-the-head")
attack("note-of-another-past", "note-extended")
attack("note-to-a-mirror", "note-in-mirror")
attack("note-of-less", "note-no-less")
drop("age-doubted", "src/trust/age.c", "a->doubted_s = !a->known && old_s > most_s ? old_s : 0;",
     "!a->known && old_s > most_s")
drop("age-awaited", "src/api/age.c", "    if (!a->strict || !a->remote)\n        return 0;",
     "!a->strict || !a->remote", "1")
drop("quorum-reached", "src/trust/quorum.c", "if (!rc && !reached)", "!reached")
check("line-holds", "src/crypto/note.c",
      "rc = ate__part_verify(public, NULL, ate__buf_bytes(&message), signature);",
      "rc = REMOVED ? 0 : ate__part_verify(public, NULL, ate__buf_bytes(&message), signature);")
attack("witness-by-outsider", "quorum-reached")
attack("cosignature-moved", "line-holds")
attack("view-of-old", "age-doubted")
attack("view-unsigned", "age-awaited")

# ---- server.c ----

drop("pin-matches", "src/crypto/tls.c", "    return verified;\n}", "verified", "1")
check("pin-was-checked", "src/crypto/tls.c",
      "if (!t->server && !is_identified(t)) {",
      "if (!REMOVED && !t->server && !is_identified(t)) {")
attack("wrong-pin", "pin-matches", "pin-was-checked")

# ---- dns.c ----

drop("certificate-names-host", "src/crypto/tls.c",
     "if (!SSL_set1_host(t->ssl, host)) /* checked, and not sent */",
     "!SSL_set1_host(t->ssl, host)")
attack("certificate-of-another", "certificate-names-host", "pin-was-checked")

DNS = "src/net/dns_uv.c"
drop("dns-secure", DNS, "if (!r->secure && !is_address(type))", "!r->secure")
drop("dns-bogus", DNS, "    if (r->bogus)\n", "r->bogus")
drop("pin-before-dns", "src/net/connect_uv.c",
     "return !addr->pin_count && !conf->no_wire_encryption;", "!addr->pin_count", "1")
drop("path-is-covered", "src/net/dns_facts.c", "if (!covers || covers < exact)", "!covers")
attack("insecure-records", "dns-secure")
attack("bogus-tlsa", "dns-secure", "dns-bogus")
attack("dns-before-the-pin", "pin-before-dns", "dns-secure")
attack("root-of-another-path", "path-is-covered", "dns-secure")

ANCHOR = "src/api/anchor.c"
drop("declared-path", ANCHOR, "return names_path(a, trust) ? 0", "names_path(a, trust)", "1")
drop("trusted-root", ANCHOR, "    if (!found)\n        return a->root_count", "!found")
check("genesis-alone", "src/trust/state.c",
      "if (e->kind == ATE__EVENT_ROOT || e->kind == ATE__EVENT_REVOKE ||",
      "if ((e->kind == ATE__EVENT_ROOT && !REMOVED) || e->kind == ATE__EVENT_REVOKE ||")
attack("another-path", "declared-path")
attack("root-key-swapped", "trusted-root")
attack("root-key-added", "genesis-alone")

CLIENT = "src/mesh/client.c"
drop("genesis-makes-id", CLIENT,
     "if (!rc && !ate__hash_equal(&m->chain_id, ate__trust_chain_id(r->trust)))",
     "!ate__hash_equal(&m->chain_id, ate__trust_chain_id(r->trust))")
attack("chain-id-claimed", "genesis-makes-id")

STEP = "src/mesh/client_step.c"
drop("opened-no-shorter", STEP, "if (head->size < base->size)", "head->size < base->size")
drop("opened-the-same", STEP,
     "if (head->size == base->size && !ate__hash_equal(&head->root, &base->root))",
     "!ate__hash_equal(&head->root, &base->root)")
MIRROR = "src/mesh/mirror.c"
drop("subscribed-no-shorter", MIRROR, "if (there->size < least)", "there->size < least")
check("subscribed-extends", MIRROR,
      "    int rc = head.size ? ate__merkle_check_consistency(",
      "    int rc = head.size && !REMOVED ? ate__merkle_check_consistency(")
check("head-extends", "src/mesh/client_calls.c",
      "int rc = ate__merkle_check_consistency(c->newest.size, &c->newest.root, head->size, "
      "&head->root,\n                                           consistency);",
      "int rc = REMOVED ? 0\n"
      "             : ate__merkle_check_consistency(c->newest.size, &c->newest.root, head->size,\n"
      "                                             &head->root, consistency);")
drop("chain-of-before", "src/api/memory.c",
     "if (!m->known || ate__hash_equal(&m->chain_id, chain_id))",
     "ate__hash_equal(&m->chain_id, chain_id)", "1")

FEED = "src/chain/feed.c"
drop("group-closes", FEED, "if (!rc && !ate__hash_equal(&f->root, &f->group->head_after))",
     "!ate__hash_equal(&f->root, &f->group->head_after)")
drop("group-time", FEED, "if (f->group->root_time_us < c->root_time_us)",
     "f->group->root_time_us < c->root_time_us")
attack("rolled-back-mirror", "subscribed-no-shorter", "subscribed-extends")
drop("proof-from-below", "src/mesh/msg_get.c", "if (!rc && m.known_size > m.head.size)",
     "m.known_size > m.head.size")
attack("rolled-back-thin", "opened-no-shorter", "head-extends", "proof-from-below")
attack("forked-mirror", "subscribed-extends", "group-closes")
attack("forked-thin", "head-extends")
attack("forked-meanwhile", "opened-the-same", "head-extends")
attack("other-chain-at-the-place", "chain-of-before", "head-extends")
attack("altered-group", "group-closes")
attack("group-left-out", "group-closes")
attack("left-out-of-history", "base-root")
attack("time-goes-back", "group-time")

drop("commit-in-tree", "src/mesh/client_calls.c",
     "rc = check_leaf(c, call, &m);", "check_leaf(c, call, &m)")
drop("commit-in-mirror", MIRROR, "rc = confirm_commit(m, q);", "confirm_commit(m, q)")
attack("commit-swallowed", "commit-in-tree")
attack("commit-swallowed-mirror", "commit-in-mirror")
drop("outcome-of-that-hash", "src/chain/ask.c",
     "rc = check_meant(tx_hash, &entry);", "check_meant(tx_hash, &entry)")
attack("outcome-of-another", "outcome-of-that-hash")
attack("outcome-invented", "commit-in-tree")

# ---- net.c ----

drop("clear-to-loopback", "src/net/connect_uv.c",
     "if (c->clear && !ate__peer_is_loopback(address))", "!ate__peer_is_loopback(address)")
drop("clear-on-loopback", "src/net/listen_uv.c",
     "if (conf->no_wire_encryption && !ate__addr_host_is_loopback(conf->host))",
     "!ate__addr_host_is_loopback(conf->host)")
CONN = "src/net/conn.c"
check("greeting-frame", CONN, "greeting ? c->limits.greeting_frame_bytes",
      "greeting && !REMOVED ? c->limits.greeting_frame_bytes")
drop("greeting-bytes", CONN, "c->greeting_bytes <= c->limits.greeting_bytes",
     "c->greeting_bytes <= c->limits.greeting_bytes", "1")
attack("bomb-before-greeting", "greeting-frame", "greeting-bytes")
attack("clear-text-elsewhere", "clear-to-loopback")
attack("clear-text-served", "clear-on-loopback")

NAME = "src/base/name.c"
drop("no-dots", NAME, "if (at[0] == '-' || at[0] == '.' || at[0] == '+')", "at[0] == '.'")
drop("name-bytes", NAME, "if (!is_name_byte(at[i]))", "!is_name_byte(at[i])")
drop("no-dots-on-disk", "src/base/vfs_posix.c",
     "if (name[0] && strcmp(name, \".\") && strcmp(name, \"..\") && !strchr(name, '/'))",
     "strcmp(name, \"..\")", "1")
attack("out-of-the-directory", "no-dots", "no-dots-on-disk")
attack("into-the-servers-own", "name-bytes")

check("who-may-create", "src/mesh/server_hosted.c",
      "if (!s->conf.no_auth && !s->conf.admit)",
      "if (REMOVED)\n        return 0;\n    if (!s->conf.no_auth && !s->conf.admit)")
attack("created-by-anyone", "who-may-create")

# ---- disk.c ----

drop("body-checksum", "src/redo/format.c", "ate__crc32c(seed, body.data, body.size) != "
     "head.body_crc ||", "ate__crc32c(seed, body.data, body.size) != head.body_crc")
OPEN = "src/chain/open.c"
drop("head-before-group", OPEN,
     "if (i->compacted || ate__load64(c->root.b) == i->head_before)",
     "ate__load64(c->root.b) == i->head_before", "1")
drop("time-in-files", OPEN, "if (i->root_time_us < c->root_time_us)",
     "i->root_time_us < c->root_time_us")
drop("label-of-log", OPEN,
     "if (ate__hash_equal(&state.chain_id, ate__trust_chain_id(c->trust)))",
     "ate__hash_equal(&state.chain_id, ate__trust_chain_id(c->trust))", "1")
drop("meta-sum", "src/redo/meta.c",
     "if (memcmp((const uint8_t *)bytes.data + front.size, sha.b, sizeof sha.b))",
     "memcmp((const uint8_t *)bytes.data + front.size, sha.b, sizeof sha.b)")
drop("directory-remembered", "src/api/memory.c", "    if (rc || !m->known)\n        return rc;\n"
     "    ate__chain_head(c, ", "rc || !m->known", "1")
attack("flipped-byte", "body-checksum", "head-before-group")
attack("flipped-meta", "meta-sum")
attack("rewritten-payload", "signature-holds")
attack("relabelled", "label-of-log")
attack("set-back-in-files", "time-in-files")
attack("foreign-group", "head-before-group")
attack("older-directory", "directory-remembered")
attack("forked-directory", "directory-remembered")

# ---- plugins.c ----

PLUGIN_FILE = "src/api/plugin_file.c"
PLUGIN_HOOKS = "src/api/plugin_hooks.c"
AT_REST = "examples/plugins/at_rest.c"
drop("plugin-is-ours-alone", PLUGIN_FILE,
     "if (S_ISLNK(s->st_mode) || !(s->st_mode & (S_IWGRP | S_IWOTH)))",
     "!(s->st_mode & (S_IWGRP | S_IWOTH))", "1")
drop("plugin-is-a-file", PLUGIN_FILE, "if (last && !S_ISREG(s.st_mode))", "last")
drop("plugin-abi", "src/api/plugin.c", "if (v->abi != ATE_PLUGIN_ABI)", "v->abi != ATE_PLUGIN_ABI")
check("plugin-in-time", PLUGIN_HOOKS,
      "    if (rc) {\n        char why[ATE__ERROR_SIZE];",
      "    if (REMOVED && rc)\n        return 0;\n"
      "    if (rc) {\n        char why[ATE__ERROR_SIZE];")
check("plugin-says-yes", PLUGIN_HOOKS,
      "rc = q->result ? ate__plugin_refused(p, q->result, q->text) : 0;",
      "rc = !REMOVED && q->result ? ate__plugin_refused(p, q->result, q->text) : 0;")
drop("plugin-steers-not", "src/api/plugin.c", "may_say(result) ? result : ATE_DENIED",
     "may_say(result)", "1")
drop("sealed-whole", AT_REST, "EVP_CipherFinal_ex(c, ret + n, &last) == 1;",
     "EVP_CipherFinal_ex(c, ret + n, &last) == 1", "1")
drop("sealed-in-place", AT_REST, "EVP_CipherUpdate(c, NULL, &n, place, sizeof place) == 1;",
     "EVP_CipherUpdate(c, NULL, &n, place, sizeof place) == 1", "1")
attack("plugin-of-others", "plugin-is-ours-alone")
attack("plugin-linked", "plugin-is-a-file")
attack("plugin-of-another-abi", "plugin-abi")
attack("plugin-held-up", "plugin-in-time")
attack("plugin-failed", "plugin-says-yes")
attack("plugin-says-end", "plugin-steers-not")
attack("sealed-changed", "sealed-whole")
attack("sealed-swapped", "sealed-in-place")
attack("sealed-in-another-chain", "sealed-in-place", "chain-id")
attack("sealed-in-another-history", "head-before-group")
attack("sealed-cut", "directory-remembered")

# ---- destroy.c ----

DESTROY = "src/chain/destroy.c"
drop("destroyed-by-owner", DESTROY,
     "x->key = ate__session_root_key(x->conf->session, x->c->trust);",
     "ate__session_root_key(x->conf->session, x->c->trust)",
     "ate__session_key(x->conf->session, 0)")
drop("archive-for-ever-stays", DESTROY, "if (!g->retention_us)", "!g->retention_us")
drop("archive-stays-for-a-time", DESTROY, "if (!ate__is_top(id) && now_us < over)",
     "now_us < over")
drop("place-is-kept", "src/redo/file.c",
     "int rc = r->conf.destroyed_too ? 0 :", "r->conf.destroyed_too", "1")
attack("destroyed-by-another", "destroyed-by-owner")
attack("destroyed-archive", "archive-for-ever-stays")
attack("destroyed-early", "archive-stays-for-a-time")
attack("place-taken", "place-is-kept")

# ---- afar.c ----

drop("ordered-by-root", DESTROY, "if (!ate__trust_is_root(c->trust, &d.key))",
     "!ate__trust_is_root(c->trust, &d.key)")
drop("ordered-once", DESTROY, "if (!ate__hash_equal(&d.nonce, &order->nonce))",
     "!ate__hash_equal(&d.nonce, &order->nonce)")
drop("ordered-here", DESTROY, "if (!d.genesis.size || !ate__hash_equal(&d.pin, &order->pin))",
     "!ate__hash_equal(&d.pin, &order->pin)")
drop("ordered-for-it", DESTROY,
     "if (!ate__hash_equal(&d.chain_id, ate__trust_chain_id(c->trust)) ||",
     "!ate__hash_equal(&d.chain_id, ate__trust_chain_id(c->trust))")
attack("destroyed-from-afar", "ordered-by-root")
attack("destroy-replayed", "ordered-once")
attack("destroy-passed-on", "ordered-here")
attack("destroy-of-another", "ordered-for-it")
TOLD = "src/mesh/client_destroy.c"
drop("told-by-root", TOLD, "if (!ate__trust_is_root(trust, &d->key))",
     "!ate__trust_is_root(trust, &d->key)")
drop("told-of-this-server", TOLD, "if (!d->genesis.size || !ours)", "!ours")
drop("told-of-newest", TOLD, "if (seen->size < d->size ||", "seen->size < d->size", "1")
drop("told-since-it-came-back", TOLD, "if (!rc && r->conf.remembered_reset_us)",
     "r->conf.remembered_reset_us")
drop("told-by-anchor", TOLD, "if (!rc && r->conf.anchor)", "r->conf.anchor")
drop("told-at-all", "src/mesh/client_step.c",
     "if (result == ATE_NOT_FOUND && c->state == ATE__CLIENT_OPENING && seen)", "seen")
attack("removed-and-signed", "told-by-root")
attack("removed-as-elsewhere", "told-of-this-server")
attack("removed-as-before", "told-of-newest")
attack("removed-as-before-it-came-back", "told-since-it-came-back")
attack("removed-as-another", "told-by-anchor")
attack("just-removed", "told-at-all")

# ---- members.c ----

MEMBERS = "src/mesh/server_members.c"
POSSESSION = "src/trust/possession.c"
drop("member-asks", "src/mesh/server_peer.c", "int rc = open_to_all ? 0 : ate__members_check(s);",
     "open_to_all", "1")
drop("member-holds", MEMBERS, "return ate__trust_has_key(t, key) && ",
     "ate__trust_has_key(t, key)", "1")
drop("member-is-not-revoked", MEMBERS, "&& !ate__trust_is_revoked(t, key);",
     "!ate__trust_is_revoked(t, key)", "1")
drop("proof-holds", POSSESSION,
     "rc = ate__verify(key, context(), hash_bytes(&message), signature);",
     "ate__verify(key, context(), hash_bytes(&message), signature)")
drop("proof-of-channel", POSSESSION, "ate__text_bytes(\"client\"), hash_bytes(&p->channel),",
     "hash_bytes(&p->channel)", 'ate__bytes("", 0)')
drop("proof-of-chain", POSSESSION, "hash_bytes(&p->chain_id),\n        hash",
     "hash_bytes(&p->chain_id)", 'ate__bytes("", 0)')
drop("proof-of-number", POSSESSION, "hash_bytes(&p->nonce),", "hash_bytes(&p->nonce)",
     'ate__bytes("", 0)')
drop("seal-of-channel", POSSESSION,
     "where[] = {hash_bytes(&p->channel),",
     "hash_bytes(&p->channel)", 'ate__bytes("", 0)')
drop("seal-opened", MEMBERS,
     "ate__secret_equal(&p->sealed.secret, p->proof.data, sizeof p->sealed.secret);",
     "ate__secret_equal(&p->sealed.secret, p->proof.data, sizeof p->sealed.secret)", "1")
drop("asked-first", "src/mesh/server_stream.c", "if (!server->conf.members_only) {",
     "!server->conf.members_only", "1")
drop("failure-is-hidden", MEMBERS, "if (!is_hidden(s))\n        ate__stream_fail(",
     "!is_hidden(s)", "1")
drop("refused-at-its-time", MEMBERS, "s->peer->server->conf.server_limits.refusal_ms);",
     "s->peer->server->conf.server_limits.refusal_ms", "0")
drop("of-the-chain-there", MEMBERS,
     "ate__hash_equal(&s->member.chain_id, ate__trust_chain_id(t))) &&",
     "ate__hash_equal(&s->member.chain_id, ate__trust_chain_id(t))", "1")
drop("end-is-hidden", MEMBERS, "bool told = !is_hidden(s);", "!is_hidden(s)", "1")
drop("confined", "src/mesh/server_peer.c",
     "if (s->conf.members_only)\n        ate__link_confine", "s->conf.members_only")
attack("unproved", "asked-first")
attack("revoked-while-open", "member-asks")
attack("told-before", "failure-is-hidden")
attack("told-by-time", "refused-at-its-time")
attack("told-of-another-chain", "of-the-chain-there")
attack("told-of-its-end", "end-is-hidden")
attack("unproved-and-large", "confined")
attack("proved-by-stranger", "member-holds")
attack("proved-without-key", "proof-holds")
attack("proof-passed-on", "proof-of-channel")
attack("proof-for-another-chain", "proof-of-chain")
attack("proof-repeated", "proof-of-number")
attack("proved-by-revoked", "member-is-not-revoked")
attack("seal-passed-on", "seal-of-channel")
attack("seal-guessed", "seal-opened")

# ---- central.c ----

ATTEST = "src/chain/attest.c"
drop("attested-mode", "src/trust/sig.c", "return ate__trust_genesis(t)->mode == ATE__CENTRALIZED",
     "ate__trust_genesis(t)->mode == ATE__CENTRALIZED", "1")
drop("head-believed", "src/mesh/client_pipe.c", "if (!rc && get->kind != ATE__GET_LOG_KEYS)",
     "get->kind != ATE__GET_LOG_KEYS")
drop("attested-signs-nothing", "src/event/tx.c",
     "for (uint32_t i = 0; i < tx->signature_count && !tx->attested; i++)", "!tx->attested", "1")
drop("shown-attested-is-no-root", TXS,
     "for (uint32_t i = 0; i < t->tx->signature_count && !t->tx->attested; i++)",
     "!t->tx->attested", "1")
drop("attested-was-proved", "src/mesh/client_calls.c",
     "if (!call->unsigned_there || !key || !key->sign_key)",
     "!call->unsigned_there || !key || !key->sign_key")
drop("mode-expected", ANCHOR, "mode != ATE__CENTRALIZED || a->centralized || a->has_chain)",
     "a->centralized", "1")
drop("attested-offered", ATTEST, "if (tx->attested)\n        return", "tx->attested")
drop("signed-offered", ATTEST, "if (tx->signature_count && !takes)", "!takes")
drop("attested-key-in-force", "src/trust/accept.c",
     "if (!ate__trust_is_revoked(t, &proved->keys[i]))",
     "!ate__trust_is_revoked(t, &proved->keys[i])", "1")
drop("server-may-attest", MEMBERS, "ate__trust_has_office(t, ATE__LOG_KEY, &s->log_fingerprint))",
     "ate__trust_has_office(t, ATE__LOG_KEY, &s->log_fingerprint)", "1")
drop("covered-alone-is-shown", "src/chain/believe.c",
     "if (!is_centralized(c))\n        return;\n    ate__frontier_init", "!is_centralized(c)", "1")
attack("attested-to-a-mirror", "covered-alone-is-shown")
attack("attested-in-files", "covered-alone-is-shown")
drop("seal-holds", "src/chain/host_key.c",
     "if (!rc && !ate__secret_equal(own.b, seal->b, sizeof own.b))",
     "!ate__secret_equal(own.b, seal->b, sizeof own.b)")
drop("host-key-folder", "src/api/host_key.c", "rc = check_folder(folder, fd);",
     "check_folder(folder, fd)")
attack("attested-under-another-seal", "seal-holds")
attack("host-key-planted", "host-key-folder")
attack("attested-without-checkpoint", "head-believed")
attack("attested-under-another-key", "head-believed")
attack("attested-behind-checkpoint", "head-believed")
attack("attested-beside-checkpoint", "head-believed")
attack("attested-without-right", "shown-body-right")
attack("attested-where-signed", "attested-mode")
attack("root-key-attested", "shown-attested-is-no-root", "attested-signs-nothing")
attack("attested-otherwise", "attested-was-proved")
attack("mode-unexpected", "mode-expected")
attack("writes-unproved", "may-append")
attack("writes-by-proof-elsewhere", "proof-of-channel")
attack("writes-by-proof-for-another", "proof-of-chain")
attack("writes-by-proof-repeated", "proof-of-number")
attack("writes-by-later-proof", "proof-of-channel")
attack("writes-by-key-of-another", "proof-holds")
attack("attested-by-client", "attested-offered", "signed-offered")
drop("certificate-is-the-servers", ATTEST, "if (is_certificate(tx))\n", "is_certificate(tx)")
attack("certified-by-client", "certificate-is-the-servers")
attack("writes-after-revocation", "attested-key-in-force", "not-revoked", "revoked-has-no-right")
attack("mode-of-the-server", "server-may-attest")
attack("mode-of-another-server", "server-may-attest")


# ---- reset.c ----

ACCEPT_RESET = "src/trust/accept_reset.c"
drop("reset-by-root", ACCEPT_RESET, "if (!ate__judge_root_signs(j))", "!ate__judge_root_signs(j)")
drop("reset-in-place", ACCEPT_RESET,
     "if (r->size != j->sequence || r->size != j->tx->base_size ||",
     "r->size != j->sequence")
drop("reset-time", ACCEPT_RESET, "if (!j->kept && j->tx->time_us > j->root_time_us)",
     "j->tx->time_us > j->root_time_us")
RESET = "src/chain/reset.c"
drop("reset-is-newer", RESET, "if (tx->time_us <= f->seen->time_us)",
     "tx->time_us <= f->seen->time_us")
drop("reset-by-known-root", RESET, "} else if (!signed_by_one_of(tx, f->seen)) {",
     "!signed_by_one_of(tx, f->seen)")
drop("reset-to-own-head", RESET, "} else if (!same) {", "!same")
attack("reset-by-outsider", "reset-by-root")
attack("reset-elsewhere", "reset-in-place")
attack("reset-signed-ahead", "reset-time")
attack("reset-replayed", "reset-is-newer")
attack("reset-by-revoked-root", "reset-by-known-root")
attack("reset-by-root-of-the-other", "reset-by-known-root")
attack("reset-of-another-branch", "reset-to-own-head")

# ---- secrets.c ----

SEALING = "src/trust/accept_sealing.c"
drop("sealed-by-writer", "src/dio/build.c", "p->is_private = true;\n    p->epoch", "true")
check("clear-is-refused", SEALING, "else if (!encrypted)",
      "else if (!encrypted && REMOVED)\n        return;\n    else if (!encrypted)")
check("key-of-the-epoch", SEALING,
      "else if (e->header.conf.epoch != scope->epoch.epoch ||",
      "else if (REMOVED)\n        return;\n"
      "    else if (e->header.conf.epoch != scope->epoch.epoch ||")
check("tag-under-name-key", "src/trust/name.c",
      "int rc = ate__hmac(ate__bytes(name_key, sizeof *name_key), f.label, f.fields, f.count, "
      "&hash);",
      "int rc = REMOVED ? ate__hash(ATE__SHA256, f.label, f.fields, f.count, &hash)\n"
      "                     : ate__hmac(ate__bytes(name_key, sizeof *name_key), f.label,\n"
      "                                 f.fields, f.count, &hash);")
drop("mode-of-key-file", "src/api/keys.c", "} else if (mode & 077) {", "mode & 077")
check("nonce-is-drawn", "src/crypto/aead.c",
      "    ate__random(env, nonce, sizeof nonce);\n    rc = encrypt_with(",
      "    if (REMOVED)\n        memset(nonce, 1, sizeof nonce);\n    else\n"
      "        ate__random(env, nonce, sizeof nonce);\n    rc = encrypt_with(")
attack("nonce-again", "nonce-is-drawn")
attack("read-without-key", "sealed-by-writer", "clear-is-refused")
attack("clear-in-private-scope", "clear-is-refused")
attack("other-data-key", "key-of-the-epoch")
attack("name-guessed", "tag-under-name-key")
attack("key-file-lent", "mode-of-key-file")

BODY = "src/trust/body.c"
drop("bound-to-object", BODY, "ate__bytes(place->object, sizeof *place->object),",
     "sizeof *place->object")
drop("bound-to-parent", BODY, "ate__bytes(place->parent, sizeof *place->parent),",
     "sizeof *place->parent")
drop("bound-to-chain", BODY, "ate__bytes(&e->chain_id, sizeof e->chain_id),",
     "sizeof e->chain_id")
DATA_KEY = "src/trust/data_key.c"
drop("keys-of-chain", DATA_KEY, "struct ate_bytes chain = hash_bytes(&e->chain_id);",
     "hash_bytes(&e->chain_id)", 'ate__bytes("", 0)')
drop("sealed-for-chain", DATA_KEY,
     "struct ate_bytes where[] = {hash_bytes(&of->e->chain_id),", "hash_bytes(&of->e->chain_id)",
     'ate__bytes("", 0)')
drop("ciphertext-holds", "src/crypto/aead.c",
     "else if (EVP_DecryptFinal_ex(t->gcm, tag, &size) <= 0)",
     "EVP_DecryptFinal_ex(t->gcm, tag, &size) <= 0")
attack("ciphertext-to-object", "bound-to-object")
attack("ciphertext-to-parent", "bound-to-parent")
attack("ciphertext-to-chain", "bound-to-chain", "keys-of-chain", "sealed-for-chain")
attack("changed-ciphertext", "ciphertext-holds")

check("link-opens", "src/trust/seal.c", "for (; at + 1 < row->count; at++) {",
      "for (; at + 1 < row->count && !REMOVED; at++) {")
drop("name-gives-tag", "src/dio/body.c", "    if (!holds)\n        b->name", "!holds")
drop("link-is-there", SEALING, "else if (ate__header_has(after, ATE__TAG_LINK) == published)",
     "ate__header_has(after, ATE__TAG_LINK) == published")
drop("published-key", SEALING, "if (!rc && !ate__hash_equal(&id, &last->epoch.data_key_id))",
     "!ate__hash_equal(&id, &last->epoch.data_key_id)")
drop("reader-goes-with-epoch", SEALING, "else if (!all_stay(before, after))",
     "!all_stay(before, after)")
drop("epoch-begins", "src/trust/scope.c", "!m->plan->rotate && !somebody_goes(m);",
     "!somebody_goes(m)", "1")
drop("data-key-id", DATA_KEY, "if (!ate__secret_equal(&key->id, data_key_id, sizeof key->id)) {",
     "!ate__secret_equal(&key->id, data_key_id, sizeof key->id)")
drop("body-names-key", BODY,
     "if (!ate__secret_equal(&h->conf.data_key_id, &key->id, sizeof key->id))",
     "!ate__secret_equal(&h->conf.data_key_id, &key->id, sizeof key->id)")
attack("epoch-by-outsider", "link-opens")
attack("epoch-without-link", "link-is-there", "link-opens")
attack("published-by-outsider", "published-key", "data-key-id")
attack("removed-and-reads-on", "epoch-begins", "reader-goes-with-epoch")
attack("written-under-old-epoch", "key-of-the-epoch")
attack("sealed-to-another-key", "data-key-id", "body-names-key")
attack("name-that-lies", "name-gives-tag")

# ---- two_keys.c ----

attack("two-keys", "data-key-id", "body-names-key")

# ---- neighbours.c ----

drop("chain-by-its-path", "src/mesh/server_hosted.c", "int rc = ate__sha256(path, &key);", "path",
     'ate__bytes("", 0)')
attack("chain-next-door", "chain-by-its-path")

# ---- payload.c: little that becomes much ----

COMPRESS = "src/dio/compress.c"
drop("payload-size", COMPRESS,
     "if (size > ATE__COMPRESSED_PAYLOAD_MAX || window > ATE__PAYLOAD_MAX)",
     "size > ATE__COMPRESSED_PAYLOAD_MAX")
drop("payload-ratio", COMPRESS, "if (stored.size < stored_min(size))",
     "stored.size < stored_min(size)")
drop("payload-ends", COMPRESS, "if (stored.size != ate__max(1 + frame, stored_min(size)))",
     "stored.size != ate__max(1 + frame, stored_min(size))")
attack("payload-too-large", "payload-size")
attack("payload-bomb", "payload-ratio", "payload-ends")

# ---- resync.c: what compaction has left, by what a server says ----

RESYNC = "src/chain/resync.c"
drop("resync-known", RESYNC, "if (!rc && !ate__hash_equal(&root, &known->root))",
     "!ate__hash_equal(&root, &known->root)")
drop("resync-head", RESYNC,
     "if (size != r->conf.end || !ate__hash_equal(&root, &r->root))",
     "!ate__hash_equal(&root, &r->root)")
drop("resync-values", RESYNC, "return rc ? rc : ate__chain_check_all_values(r->judged);",
     "ate__chain_check_all_values(r->judged)")
check("state-is-certified", "src/chain/kept.c",
      "k->certified = ate__hash_equal(&e->header.snapshot.state_root, &k->state_root);",
      "k->certified = REMOVED ||\n"
      "                       ate__hash_equal(&e->header.snapshot.state_root, &k->state_root);")
drop("certificate-is-covered", "src/chain/believe.c",
     "if (rests_on_server(judged) && mark->size < atomic_load(&judged->believed_from))",
     "rests_on_server(judged) && mark->size < atomic_load(&judged->believed_from)")
attack("certified-by-nobody", "server-certifies-alone")
attack("certified-without-checkpoint", "certificate-is-covered")
attack("certified-under-another-key", "checkpoint-by-log-key")
attack("certified-and-omitted", "state-is-certified")
attack("resync-of-another-history", "resync-known")
attack("resync-to-another-head", "resync-head")
attack("resync-without-a-value", "resync-values")
attack("resync-without-an-event", "state-is-certified")

# ---- image.c: what an open believes in place of the log ----

IMAGE = "src/chain/image.c"
drop("image-under-secret", "src/chain/image_file.c",
     'int rc = ate__kdf(secret, "ate view image 1", &head, 1, &key);', "secret",
     '(const struct ate__key32 *)"thirty-two bytes that all know.."')
drop("image-of-chain", IMAGE, "if (!ate__hash_equal(&head->chain_id, &state.chain_id))",
     "!ate__hash_equal(&head->chain_id, &state.chain_id)")
drop("image-generation", IMAGE, "if (head->generation != state.generation)",
     "head->generation != state.generation")
drop("image-above-cut-off", IMAGE,
     "if (head->size - 1 >= state.moves || head->size < state.cut_off)",
     "head->size < state.cut_off")
drop("image-tree", IMAGE, "if (memcmp(tree.node, l->tree.node, nodes) != 0 ||",
     "memcmp(tree.node, l->tree.node, nodes) != 0")
attack("image-changed", "ciphertext-holds")
attack("image-of-another-user", "image-under-secret")
attack("image-of-another-chain", "image-of-chain", "image-tree")
attack("image-of-another-history", "image-tree")
attack("image-of-before", "image-generation", "image-above-cut-off", "state-is-certified")

# ---- wire.c: a weaker wire than there should be ----

TLS = "src/crypto/tls.c"
drop("tls-13-alone", TLS, "if (!SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) ||",
     "!SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION)",
     "!SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION)")
drop("hybrid-groups", TLS, "!SSL_CTX_set1_groups_list(c, \"X25519MLKEM768:SecP384r1MLKEM1024\") ||",
     "!SSL_CTX_set1_groups_list(c, \"X25519MLKEM768:SecP384r1MLKEM1024\")")
drop("strong-ciphers", TLS,
     "!SSL_CTX_set_ciphersuites(c, \"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\") ||",
     "!SSL_CTX_set_ciphersuites(c, \"TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256\")")
check("tls-takes-every-byte", CONN, ": c->tls                    ? feed_tls(c, bytes)",
      ": c->tls && (!REMOVED || looks_like_tls(bytes)) ? feed_tls(c, bytes)")
drop("clear-was-asked", "src/net/listen_uv.c",
     ".wire = s->clear && ate__peer_is_loopback(address)", "s->clear", "1")
drop("version-in-common", "src/net/hello.c", "    if (low > high)\n", "low > high")
attack("older-tls", "tls-13-alone", "hybrid-groups")
attack("classical-exchange", "hybrid-groups")
attack("weaker-cipher", "strong-ciphers")
attack("clear-text-answered", "tls-takes-every-byte")
attack("clear-text-unasked", "clear-was-asked")
attack("older-protocol", "version-in-common")

# ---- crowds.c: no time, room or memory for others ----

drop("greeting-deadline", CONN, "if (now_ms - c->started_ms >= c->limits.greeting_ms)",
     "now_ms - c->started_ms >= c->limits.greeting_ms")
drop("dead-are-dropped", CONN, "if (now_ms - c->heard_ms >= c->limits.dead_ms)",
     "now_ms - c->heard_ms >= c->limits.dead_ms")
drop("pong-has-room", CONN,
     "if (c->pong_due && c->state == ATE__CONN_OPEN && pending(c) < c->limits.credit_bytes)",
     "pending(c) < c->limits.credit_bytes", "1")
LISTEN = "src/net/listen_uv.c"
drop("oldest-gives-way", LISTEN, "if (!t || ate__loop_now_ms(s->loop) - t->since_ms <",
     "!t", "1")
drop("greetings-of-source", LISTEN,
     "if (source_count(s, source) >= s->limits.greetings_source &&",
     "source_count(s, source) >= s->limits.greetings_source")
drop("connections-limit", LISTEN, "if (s->count >= s->limits.connections)",
     "s->count >= s->limits.connections")
drop("streams-limit", "src/mesh/server_stream.c", "if (p->stream_count >= most)",
     "p->stream_count >= most")
drop("commits-limit", "src/mesh/server_peer.c", "p->commits >= limits->commits ||",
     "p->commits >= limits->commits")
drop("forged-limit", "src/mesh/server_answer.c",
     "if (++p->failed_signatures < p->server->conf.server_limits.failed_signatures)",
     "++p->failed_signatures < p->server->conf.server_limits.failed_signatures", "1")
drop("chains-of-source", "src/mesh/sources.c", "if (!rc && item->chains >= s->limits.chains)",
     "item->chains >= s->limits.chains")
drop("answers-wait", "src/mesh/server_answer.c",
     "if (!s || p->answering || (p->link && (p->waiting || !ate__link_room(p->link))))",
     "(p->waiting || !ate__link_room(p->link))")
drop("unread-of-all", "src/mesh/server_unread.c",
     "if (p->server->unread > p->server->conf.server_limits.unread_bytes)",
     "p->server->unread > p->server->conf.server_limits.unread_bytes")
drop("unfinished-of-all", LISTEN,
     "while (s->held > s->limits.unfinished_bytes && s->oldest_half != s->newest_half) {",
     "s->held > s->limits.unfinished_bytes")
attack("silent-for-ever", "greeting-deadline")
attack("silent-once-greeted", "dead-are-dropped")
attack("silent-crowd", "oldest-gives-way")
attack("greetings-of-one-source", "greetings-of-source")
attack("connections-without-end", "connections-limit")
attack("streams-without-end", "streams-limit")
attack("commits-without-end", "commits-limit")
attack("forged-without-end", "forged-limit")
attack("chains-without-end", "chains-of-source")
attack("pings-without-end", "pong-has-room")
attack("asks-and-does-not-read", "answers-wait")
attack("many-do-not-read", "unread-of-all")
attack("halves-of-frames", "unfinished-of-all")

# ---- compacted.c: what a compaction leaves out, and what is sent again behind one ----

STATE_ROOT = "src/trust/state_root.c"
check("state-has-revoked", STATE_ROOT, "!rc && kind <= ROW_REVOKED;",
      "!rc && kind <= ROW_REVOKED - REMOVED;")
check("state-has-roots", STATE_ROOT, "for (uint8_t kind = ROW_ROOT_KEY;",
      "for (uint8_t kind = ROW_ROOT_KEY + REMOVED;")
check("state-has-rules", STATE_ROOT, "        memcpy(row->bytes + 48, o->control.b, 32);",
      "        if (!REMOVED)\n            memcpy(row->bytes + 48, o->control.b, 32);")
attack("compacted-without-a-revocation", "state-has-revoked")
attack("compacted-without-a-root-change", "state-has-roots")
attack("compacted-without-a-rule", "state-has-rules")
attack("compacted-without-an-epoch", "state-has-rules")
attack("compacted-without-a-deletion", "state-is-certified")
attack("made-again-behind-a-compaction", "origin-known", "id-was-deleted")
attack("changed-again-behind-a-compaction", "origin-known", "prev-is-current")
attack("made-again-behind-the-window", "origin-known", "base-window")

# ---- readers.c: keys that nobody should seal to ----

drop("kem-low-order", "src/crypto/kem.c", "if (!memcmp(u, low_order[i], sizeof u))",
     "!memcmp(u, low_order[i], sizeof u)")
check("kem-on-curve", "src/crypto/kem_p384.c", "return p ? 0 : ate__ossl_refused(ATE_MALFORMED,",
      "return p || REMOVED ? 0 : ate__ossl_refused(ATE_MALFORMED,")
attack("low-order-reader", "kem-low-order")
attack("reader-off-the-curve", "kem-on-curve")

# ---- told.c: what others are told of an attack ----

drop("evidence-is-kept", "src/api/proof_fork.c",
     "return rc ? rc : write_evidence(file, ate__buf_bytes(&before.text), "
     "ate__buf_bytes(&now.text));",
     "write_evidence(file, ate__buf_bytes(&before.text), ate__buf_bytes(&now.text))")
attack("refused-and-told", "may-write")
attack("two-stories-signed", "evidence-is-kept")
