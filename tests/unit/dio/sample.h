/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * sample.h: a type with every kind of field in every shape, and objects of any type at random,
 * made and compared by walking the table, without the codec.
 */
#pragma once
#include "ate/type.h"
#include "base/buf.h"
#include "lib/rnd.h"

enum sample_colour { SAMPLE_RED, SAMPLE_GREEN };
struct sample_address {
    const char *city;
    uint16_t zip;
};
ATE_TYPE_AS(sample_address, "address", ATE_FIELD(city), ATE_FIELD(zip));

struct sample_node { /* holds itself */
    const char *label;
    const struct sample_node *kids;
    size_t kid_count;
    const struct sample_node *next;
};
ATE_TYPE_AS(sample_node, "node", ATE_FIELD(label), ATE_STRUCT_LIST(kids, kid_count, sample_node),
            ATE_OPTIONAL_STRUCT(next, sample_node));

struct sample {
    bool truth;
    int8_t i8;
    int16_t i16;
    int32_t i32;
    int64_t i64;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;
    float f32;
    double f64;
    enum sample_colour colour;
    const char *text;
    struct ate_bytes bytes;
    struct ate_id id;
    struct ate_hash hash;
    struct sample_address address;
    struct sample_node node;

    const bool *maybe_truth;
    const int64_t *maybe_i64;
    const double *maybe_f64;
    const char *const *maybe_text;
    const struct ate_bytes *maybe_bytes;
    const struct ate_id *maybe_id;
    const struct sample_address *maybe_address;

    const bool *truths;
    size_t truth_count;
    const int16_t *i16s;
    size_t i16_count;
    const uint64_t *u64s;
    size_t u64_count;
    const float *f32s;
    size_t f32_count;
    const char *const *texts;
    size_t text_count;
    const struct ate_bytes *blobs;
    size_t blob_count;
    const struct ate_id *ids;
    size_t id_count;
    const struct ate_hash *hashes;
    size_t hash_count;
    const struct sample_address *addresses;
    size_t address_count;
};
ATE_TYPE(sample, ATE_FIELD(truth), ATE_FIELD(i8), ATE_FIELD(i16), ATE_FIELD(i32), ATE_FIELD(i64),
         ATE_FIELD(u8), ATE_FIELD(u16), ATE_FIELD(u32), ATE_FIELD(u64), ATE_FIELD(f32),
         ATE_FIELD(f64), ATE_FIELD(colour), ATE_FIELD(text), ATE_FIELD(bytes), ATE_FIELD(id),
         ATE_FIELD(hash), ATE_STRUCT(address, sample_address), ATE_STRUCT(node, sample_node),
         ATE_OPTIONAL(maybe_truth), ATE_OPTIONAL(maybe_i64), ATE_OPTIONAL(maybe_f64),
         ATE_OPTIONAL(maybe_text), ATE_OPTIONAL(maybe_bytes), ATE_OPTIONAL(maybe_id),
         ATE_OPTIONAL_STRUCT(maybe_address, sample_address), ATE_LIST(truths, truth_count),
         ATE_LIST(i16s, i16_count), ATE_LIST(u64s, u64_count), ATE_LIST(f32s, f32_count),
         ATE_LIST(texts, text_count), ATE_LIST(blobs, blob_count), ATE_LIST(ids, id_count),
         ATE_LIST(hashes, hash_count), ATE_STRUCT_LIST(addresses, address_count, sample_address));

/* Memory of one test's objects. */
struct arena {
    void **blocks;
    size_t count;
};
void *arena_take(struct arena *a, size_t size); /* zeroed */
void arena_free(struct arena *a);

/* A random object of that type in the arena; only small values and few items. */
void *sample_make(struct arena *a, struct rnd *r, const struct ate_type *type);

/* Equal, field by field; all NaNs are equal. */
bool sample_equal(const struct ate_type *type, const void *a, const void *b);

/* A copy in a block of exactly its size, so that a read behind it is seen; for test_free(). */
struct ate_bytes exact_copy(struct ate_bytes bytes);

/* Bytes of a text of hex digits and blanks, in the arena. */
struct ate_bytes arena_hex(struct arena *a, const char *hex);
