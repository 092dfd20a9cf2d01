/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * type.h: field tables (struct ate_type of ate/type.h), checked once and prepared for the codec.
 *
 * 1. A table is checked, with all that it leads to, before its first use; what was found is kept by
 *    the table's address for as long as the process lives. So a table must stay where it is,
 *    unchanged.
 * 2. A table that passed describes a struct that can be copied, encoded and decoded without another
 *    look at it: known kinds and sizes, no two fields on the same bytes, no two of one name.
 *
 * Thread-safe; finding a table again takes no lock.
 */
#pragma once
#include "ate/type.h"
#include "base/buf.h"

struct ate__schema;
struct ate__member {
    const struct ate_field *field;
    struct ate_bytes name;
    const struct ate__schema *schema; /* of ATE_OBJECT, else NULL */
};
struct ate__relation { /* a field that is not stored, but says where its members are */
    uint32_t offset; /* of its struct ate_place */
    uint32_t collection;
};
struct ate__schema {
    const struct ate_type *type;
    struct ate_bytes name;
    uint32_t member_count, relation_count;
    struct ate__relation *relations; /* behind the members */
    uint32_t inside;          /* structs by value inside each other, this one included */
    struct ate__schema *next; /* of the same bucket, or of the same check; private */
    struct ate__member members[];
};

/* The schema of a table; borrowed for ever. Errors: ATE_MISUSE with type and field: not a table
 * that ATE_TYPE() makes; ATE_UNSUPPORTED: of a later layout; ATE_TOO_BIG: over a limit of limits.h;
 * E_MEMORY. */
int ate__schema_of(const struct ate_type *type, const struct ate__schema **ret_schema) ATE__CHECK;

/* The collection of a field of that name: its CRC-32C, and 1 for 0. */
uint32_t ate__collection_of(struct ate_bytes name);
/* Fills in the relations of an object of that id. */
void ate__schema_relate(const struct ate__schema *s, const struct ate_id *id, void *object);

/* The member of that name, or NULL. hint: where to look first, such as the one behind the last. */
const struct ate__member *ate__schema_find(const struct ate__schema *s, struct ate_bytes name,
                                           uint32_t hint);

/* What a field holds, such as "list of uint16" or "optional struct address"; returns text. */
enum { ATE__KIND_TEXT = 320 };
const char *ate__field_text(const struct ate_field *field, char text[ATE__KIND_TEXT]);

void ate__schema_forget_all(void); /* for tests: no schema may be in use */
