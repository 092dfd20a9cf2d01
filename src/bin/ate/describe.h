/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * describe.h: objects as JSON, and the words of tables.
 */
#pragma once
#include "bin/ate/content.h"
#include <ate/ate.h>
#include <jansson.h>

/* id, type, size, sequence, times, authors if they were asked for, whether it is open to all. name:
 * its path, or NULL: its own name. NULL: no memory. */
json_t *describe_object(const struct ate_object *o, const char *name);
/* Adds the content's size, and what a file, directory or link says of itself. Errors: as
 * ate_load(). */
int describe_attributes(struct ate_txn *txn, const struct ate_object *o, json_t *object) ATE__CHECK;
/* In an archive: until when it is kept, and what holds it. Errors: as ate_keeping(). */
int describe_keeping(struct ate_txn *txn, struct ate_id id, json_t *object) ATE__CHECK;
/* The same as a word: "until 2033-05-18 03:33:20", "for ever", and ", held". "" elsewhere. */
enum { DESCRIBE_KEEPING = 64 };
int describe_keeping_text(struct ate_txn *txn, struct ate_id id, char ret_text[DESCRIBE_KEEPING])
    ATE__CHECK;
/* The fields of an object of a program's own type: its payload as JSON; bytes in base64url. NULL:
 * it is in neither encoding, too deep, or memory is short. */
json_t *describe_payload(const struct ate_object *o);
json_t *describe_hashes(const struct ate_hash *hashes, size_t count);
/* The fingerprints, or "inherit", "everyone", "nobody". */
json_t *describe_rule_json(const struct ate_rule *rule);

/* Adds "read", "write", "append" and "admin" as they are in force, in "own" those that the object
 * sets itself, and in "labels" what readers are called, as far as the session may know. Errors: as
 * ate_protection(). */
int describe_rights(struct ate_txn *txn, struct ate_id id, json_t *object) ATE__CHECK;
/* "everyone", or the readers, the first characters of each key and its label: "7f3kQxyz(Ada)"; cut
 * with "...". Errors: the same. */
int describe_readers(struct ate_txn *txn, struct ate_id id, char *ret_text, size_t capacity)
    ATE__CHECK;
/* Who may write, and, where others may, who may append and administer: "7f3kQxyz append:everyone",
 * with a "+" behind it where the object sets some rule itself. Errors: the same. */
enum { DESCRIBE_RIGHTS = 128 };
int describe_rights_text(struct ate_txn *txn, struct ate_id id, char ret_text[DESCRIBE_RIGHTS])
    ATE__CHECK;
/* "everyone", or the first characters of each key, with ',' between them; cut with "...". */
void describe_rule(const struct ate_rule *rule, char *ret_text, size_t capacity);
void describe_keys(const struct ate_hash *keys, size_t count, char *ret_text, size_t capacity);
