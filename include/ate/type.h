/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * type.h: typed objects: ATE_TYPE() and the calls that it makes.
 *
 *   struct address { const char *city; uint16_t zip; };
 *   ATE_TYPE(address, ATE_FIELD(city), ATE_FIELD(zip));
 *
 *   struct person {
 *       struct ate_id boss; const char *name; struct address home;
 *       const int64_t *age;
 *       const char *const *tags; size_t tag_count;
 *       const struct address *past; size_t past_count;
 *   };
 *   ATE_TYPE(person, ATE_FIELD(boss), ATE_FIELD(name), ATE_STRUCT(home, address),
 *            ATE_OPTIONAL(age), ATE_LIST(tags, tag_count),
 *            ATE_STRUCT_LIST(past, past_count, address));
 *
 *   rc = ate_store(txn, person, &(struct person){ .name = "Ada" }, &id);
 *
 * A field                       declared as                          and in the table
 *   value                       T f                                  ATE_FIELD(f)
 *   optional value              const T *f, NULL: absent             ATE_OPTIONAL(f)
 *   list                        const T *f; size_t n                 ATE_LIST(f, n)
 *   struct with a table         struct S f                           ATE_STRUCT(f, S)
 *   optional struct             const struct S *f                    ATE_OPTIONAL_STRUCT(f, S)
 *   list of structs             const struct S *f; size_t n          ATE_STRUCT_LIST(f, n, S)
 *   members (relation.h)        struct ate_vec f, ate_map, ate_child ATE_FIELD(f)
 * where T is bool, a signed or unsigned char, short, int, long or long long, an enum, float,
 * double, const char * (UTF-8 text), struct ate_bytes, struct ate_id or struct ate_hash. The
 * kind is read from the C type; what cannot be stored (an array, a union, a bare pointer, plain
 * char, long double) does not compile. A struct may hold itself through an optional struct or a
 * list.
 *
 * On the chain an object is a map from field name to value. A field that the data lacks loads as
 * zero, NULL or an empty list; a field that the program does not know survives ate_put(). A
 * value that does not fit its field is ATE_WRONG_TYPE, never cut. No padding, pointer or byte
 * order ever reaches the chain. Bytes: docs/format/object.md.
 *
 * To change an object: copy the struct that was lent, set fields, write the copy with ate_put().
 */
#pragma once
#include <ate/txn.h>

/* ---- the calls; T is the tag of a struct declared with ATE_TYPE() ---- */

/* (txn, T, const struct T *object, struct ate_id *ret_id): a new object at the top.
 * Errors: WRONG_TYPE: text that is not UTF-8; TOO_BIG, NO_KEY, DENIED, READ_ONLY, MISUSE,
 * E_MEMORY. */
#define ate_store(txn, T, ...) ate__store_##T(txn, __VA_ARGS__)

/* (txn, T, struct ate_id parent, const struct T *object, struct ate_id *ret_id): a new object
 * below parent.
 * Errors: as ate_store(), NOT_FOUND. */
#define ate_push(txn, T, ...) ate__push_##T(txn, __VA_ARGS__)

/* (txn, T, struct ate_id id, const struct T *object): replaces it where it lies, or creates it
 * at the top.
 * Errors: as ate_store(). */
#define ate_put(txn, T, ...) ate__put_##T(txn, __VA_ARGS__)

/* (txn, T, struct ate_id parent, const char *name, const struct T *object, struct ate_id
 * *ret_id): replaces the child of that name, or creates it. name: 1 to 255 bytes.
 * Errors: as ate_push(). */
#define ate_put_as(txn, T, ...) ate__put_as_##T(txn, __VA_ARGS__)

/* (txn, T, struct ate_id id, const struct T **ret_object): lends it.
 * Errors: NOT_FOUND, WRONG_TYPE: of another type, or a value that does not fit; NO_KEY,
 * MALFORMED, STALE, TAMPERED, NOT_LOCAL, E_*. */
#define ate_load(txn, T, ...) ate__load_##T(txn, __VA_ARGS__)

/* (txn, T, struct ate_id parent, const char *name, struct ate_id *ret_id, const struct T
 * **ret_object): the child of that name.
 * Errors: as ate_load(). */
#define ate_find(txn, T, ...) ate__find_##T(txn, __VA_ARGS__)

/* (cursor, T, struct ate_id *ret_id, const struct T **ret_object): the next child of this type
 * that the session's keys open; others are passed over.
 * Errors: END, as ate_load(). */
#define ate_next(cursor, T, ...) ate__next_##T(cursor, __VA_ARGS__)

/* (T, const struct T *object, struct T **ret_copy): a copy of it and of all that it points to,
 * in one block, ended with ate_free().
 * Errors: WRONG_TYPE, TOO_BIG, MISUSE, E_MEMORY. */
#define ate_keep(T, ...) ate__keep_##T(__VA_ARGS__)

/* ---- the field table; made by the macros below, or by a binding ---- */

enum ate_kind {
    ATE_BOOL = 0,
    ATE_INT = 1,
    ATE_UINT = 2,
    ATE_FLOAT = 3,
    ATE_STRING = 4,
    ATE_BYTES = 5,
    ATE_ID = 6,
    ATE_HASH = 7,
    ATE_OBJECT = 8,
    /* Of relation.h; by value alone, and not in a struct that lies in another. */
    ATE_VEC = 9,
    ATE_MAP = 10,
    ATE_CHILD = 11
};
enum ate_shape {
    ATE_ONE = 0,   /* the value itself */
    ATE_MAYBE = 1, /* a pointer to it, or NULL */
    ATE_MANY = 2   /* a pointer to the first, and a size_t with their number */
};
struct ate_field {
    const char *name;                    /* on the chain: 1 to 255 bytes of UTF-8 */
    const struct ate_type *(*type)(void); /* of a struct, else NULL */
    uint32_t offset;                     /* of the value or the pointer in the struct */
    uint32_t count_offset;               /* of the number, for ATE_MANY */
    uint32_t size;                       /* of one value */
    uint8_t kind, shape;
    uint16_t flags;                      /* zero */
};
/* It and all that it points to must live, unchanged, as long as the process uses the library. */
struct ate_type {
    const char *name; /* on the chain: 1 to 255 bytes of UTF-8 */
    const struct ate_field *fields;
    uint32_t field_count, size; /* size: of the struct */
    uint32_t layout;            /* of this table: ATE_TYPE_LAYOUT */
    uint32_t flags;             /* zero */
};
enum { ATE_TYPE_LAYOUT = 1 };

ATE__BEGIN
ATE_CALL int ate__store(struct ate_txn *txn, const struct ate_type *type,
                        const struct ate_id *parent, const void *object, struct ate_id *ret_id);
ATE_CALL int ate__put(struct ate_txn *txn, const struct ate_type *type, struct ate_id id,
                      const void *object);
ATE_CALL int ate__put_as(struct ate_txn *txn, const struct ate_type *type, struct ate_id parent,
                         const char *name, const void *object, struct ate_id *ret_id);
/* name NULL: a new object without one. */
ATE_CALL int ate__put_in(struct ate_txn *txn, const struct ate_type *type, struct ate_place place,
                         const char *name, const void *object, struct ate_id *ret_id);
/* These return the object, or NULL with *ret_result other than 0. */
ATE_CALL const void *ate__load(struct ate_txn *txn, const struct ate_type *type, struct ate_id id,
                               int *ret_result);
ATE_CALL const void *ate__find(struct ate_txn *txn, const struct ate_type *type,
                               struct ate_id parent, const char *name, struct ate_id *ret_id,
                               int *ret_result);
ATE_CALL const void *ate__find_in(struct ate_txn *txn, const struct ate_type *type,
                                  struct ate_place place, const char *name, struct ate_id *ret_id,
                                  int *ret_result);
ATE_CALL const void *ate__next(struct ate_cursor *cursor, const struct ate_type *type,
                               struct ate_id *ret_id, int *ret_result);
ATE_CALL void *ate__keep(const struct ate_type *type, const void *object, int *ret_result);
ATE__END

/* clang-format off */

/* ---- from a C type to its kind ---- */

#ifdef __cplusplus
#include <cstddef>
#include <type_traits>

/* No value: not a type that can be stored. */
template <class T, class = void> struct ate__kind {};
template <class T> struct ate__kind_of_int {
    static constexpr uint8_t value = static_cast<T>(-1) < static_cast<T>(0) ? ATE_INT : ATE_UINT;
};
template <> struct ate__kind<bool> { static constexpr uint8_t value = ATE_BOOL; };
template <> struct ate__kind<signed char> : ate__kind_of_int<signed char> {};
template <> struct ate__kind<unsigned char> : ate__kind_of_int<unsigned char> {};
template <> struct ate__kind<short> : ate__kind_of_int<short> {};
template <> struct ate__kind<unsigned short> : ate__kind_of_int<unsigned short> {};
template <> struct ate__kind<int> : ate__kind_of_int<int> {};
template <> struct ate__kind<unsigned int> : ate__kind_of_int<unsigned int> {};
template <> struct ate__kind<long> : ate__kind_of_int<long> {};
template <> struct ate__kind<unsigned long> : ate__kind_of_int<unsigned long> {};
template <> struct ate__kind<long long> : ate__kind_of_int<long long> {};
template <> struct ate__kind<unsigned long long> : ate__kind_of_int<unsigned long long> {};
template <class T>
struct ate__kind<T, typename std::enable_if<std::is_enum<T>::value>::type>
    : ate__kind<typename std::underlying_type<T>::type> {};
template <> struct ate__kind<float> { static constexpr uint8_t value = ATE_FLOAT; };
template <> struct ate__kind<double> { static constexpr uint8_t value = ATE_FLOAT; };
template <> struct ate__kind<char *> { static constexpr uint8_t value = ATE_STRING; };
template <> struct ate__kind<const char *> { static constexpr uint8_t value = ATE_STRING; };
template <> struct ate__kind<ate_bytes> { static constexpr uint8_t value = ATE_BYTES; };
template <> struct ate__kind<ate_id> { static constexpr uint8_t value = ATE_ID; };
template <> struct ate__kind<ate_hash> { static constexpr uint8_t value = ATE_HASH; };
template <> struct ate__kind<ate_vec> { static constexpr uint8_t value = ATE_VEC; };
template <> struct ate__kind<ate_map> { static constexpr uint8_t value = ATE_MAP; };
template <> struct ate__kind<ate_child> { static constexpr uint8_t value = ATE_CHILD; };

template <class T> using ate__bare = typename std::remove_cv<T>::type;
template <class T> using ate__item = ate__bare<typename std::remove_pointer<T>::type>;
template <class Field, class Wanted> constexpr uint32_t ate__same(uint32_t value)
{
    static_assert(std::is_same<Field, Wanted>::value, "the field is not of this type");
    return value;
}
#define ATE__KIND(f)           ate__kind<ate__bare<decltype(ate_self::f)>>::value
#define ATE__ITEM_KIND(f)      ate__kind<ate__item<decltype(ate_self::f)>>::value
#define ATE__SIZE(f)           sizeof(ate_self::f)
#define ATE__ITEM_SIZE(f)      sizeof(*ate_self::f)
#define ATE__STRUCT_SIZE(f, T) \
    ate__same<ate__bare<decltype(ate_self::f)>, struct T>(sizeof(struct T))
#define ATE__ITEM_STRUCT_SIZE(f, T) \
    ate__same<ate__item<decltype(ate_self::f)>, struct T>(sizeof(struct T))
#define ATE__COUNT(n)            ate__same<decltype(ate_self::n), size_t>(offsetof(ate_self, n))
#define ATE__STATIC_ASSERT       static_assert
#define ATE__ALIGN(T)            alignof(T)
#define ATE__CAST(pointer, call) static_cast<pointer>(call)
#else
/* From a pointer to the field to the kind of its value, or of the items that it points to. */
#define ATE__V(T, kind) T *: kind, const T *: kind
#define ATE__P(T, kind) T **: kind, const T **: kind, T *const *: kind, const T *const *: kind
#define ATE__KINDS(M) \
    M(bool, ATE_BOOL), M(signed char, ATE_INT), M(short, ATE_INT), M(int, ATE_INT), \
    M(long, ATE_INT), M(long long, ATE_INT), M(unsigned char, ATE_UINT), \
    M(unsigned short, ATE_UINT), \
    M(unsigned int, ATE_UINT), M(unsigned long, ATE_UINT), M(unsigned long long, ATE_UINT), \
    M(float, ATE_FLOAT), M(double, ATE_FLOAT), M(struct ate_bytes, ATE_BYTES), \
    M(struct ate_id, ATE_ID), M(struct ate_hash, ATE_HASH)
#define ATE__STRINGS(M) M(char *, ATE_STRING), M(const char *, ATE_STRING)
#define ATE__V_STRING(T, kind) T *: kind, T const *: kind
#define ATE__P_STRING(T, kind) \
    T **: kind, T const **: kind, T *const *: kind, T const *const *: kind

#define ATE__FIELD_OF(f) (((ate_self *)0)->f)
#define ATE__KIND(f) \
    _Generic(&ATE__FIELD_OF(f), ATE__KINDS(ATE__V), ATE__STRINGS(ATE__V_STRING), \
             ATE__V(struct ate_vec, ATE_VEC), ATE__V(struct ate_map, ATE_MAP), \
             ATE__V(struct ate_child, ATE_CHILD))
#define ATE__ITEM_KIND(f) \
    _Generic(&ATE__FIELD_OF(f), ATE__KINDS(ATE__P), ATE__STRINGS(ATE__P_STRING))
#define ATE__SIZE(f)      sizeof ATE__FIELD_OF(f)
#define ATE__ITEM_SIZE(f) sizeof *ATE__FIELD_OF(f)
#define ATE__STRUCT_SIZE(f, T) _Generic(&ATE__FIELD_OF(f), ATE__V(struct T, sizeof(struct T)))
#define ATE__ITEM_STRUCT_SIZE(f, T) _Generic(&ATE__FIELD_OF(f), ATE__P(struct T, sizeof(struct T)))
#define ATE__COUNT(n) _Generic(&ATE__FIELD_OF(n), size_t *: offsetof(ate_self, n))
#define ATE__STATIC_ASSERT       _Static_assert
#define ATE__ALIGN(T)            _Alignof(T)
#define ATE__CAST(pointer, call) call
#endif

/* ---- the table ---- */

/* The _AS forms give the name on the chain where it differs from the C name, such as one from
 * before a renaming. */
#define ATE_FIELD(f)                 ATE_FIELD_AS(f, #f)
#define ATE_OPTIONAL(f)              ATE_OPTIONAL_AS(f, #f)
#define ATE_LIST(f, n)               ATE_LIST_AS(f, n, #f)
#define ATE_STRUCT(f, T)             ATE_STRUCT_AS(f, T, #f)
#define ATE_OPTIONAL_STRUCT(f, T)    ATE_OPTIONAL_STRUCT_AS(f, T, #f)
#define ATE_STRUCT_LIST(f, n, T)     ATE_STRUCT_LIST_AS(f, n, T, #f)
#define ATE_FIELD_AS(f, name) \
    { name, NULL, offsetof(ate_self, f), 0, ATE__SIZE(f), ATE__KIND(f), ATE_ONE, 0 }
#define ATE_OPTIONAL_AS(f, name) \
    { name, NULL, offsetof(ate_self, f), 0, ATE__ITEM_SIZE(f), ATE__ITEM_KIND(f), ATE_MAYBE, 0 }
#define ATE_LIST_AS(f, n, name) \
    { name, NULL, offsetof(ate_self, f), ATE__COUNT(n), ATE__ITEM_SIZE(f), ATE__ITEM_KIND(f), \
      ATE_MANY, 0 }
#define ATE_STRUCT_AS(f, T, name) \
    { name, ate_type_##T, offsetof(ate_self, f), 0, ATE__STRUCT_SIZE(f, T), ATE_OBJECT, ATE_ONE, 0 }
#define ATE_OPTIONAL_STRUCT_AS(f, T, name) \
    { name, ate_type_##T, offsetof(ate_self, f), 0, ATE__ITEM_STRUCT_SIZE(f, T), ATE_OBJECT, \
      ATE_MAYBE, 0 }
#define ATE_STRUCT_LIST_AS(f, n, T, name) \
    { name, ate_type_##T, offsetof(ate_self, f), ATE__COUNT(n), ATE__ITEM_STRUCT_SIZE(f, T), \
      ATE_OBJECT, ATE_MANY, 0 }

#define ATE__UNUSED static inline __attribute__((unused))
#define ATE__RESULT static inline __attribute__((unused, warn_unused_result))

/* ATE_TYPE(tag, fields...): once per file that uses the type, after the struct and outside of
 * functions. ATE_TYPE_AS(tag, "name", fields...): the same under another name on the chain. */
#define ATE_TYPE(T, ...) ATE_TYPE_AS(T, #T, __VA_ARGS__)
#define ATE_TYPE_AS(T, type_name, ...) \
    ATE__UNUSED const struct ate_type *ate_type_##T(void); \
    ATE__UNUSED const struct ate_type *ate_type_##T(void) \
    { \
        typedef struct T ate_self; \
        ATE__STATIC_ASSERT(ATE__ALIGN(ate_self) <= 16, "a struct of greater alignment"); \
        static const struct ate_field fields[] = { __VA_ARGS__ }; \
        static const struct ate_type type = { type_name, fields, sizeof fields / sizeof *fields, \
                                              sizeof(ate_self), ATE_TYPE_LAYOUT, 0 }; \
        return &type; \
    } \
    ATE__RESULT int ate__store_##T(struct ate_txn *txn, const struct T *object, \
                                   struct ate_id *ret_id) \
    { \
        return ate__store(txn, ate_type_##T(), NULL, object, ret_id); \
    } \
    ATE__RESULT int ate__push_##T(struct ate_txn *txn, struct ate_id parent, \
                                  const struct T *object, struct ate_id *ret_id) \
    { \
        return ate__store(txn, ate_type_##T(), &parent, object, ret_id); \
    } \
    ATE__RESULT int ate__put_##T(struct ate_txn *txn, struct ate_id id, const struct T *object) \
    { \
        return ate__put(txn, ate_type_##T(), id, object); \
    } \
    ATE__RESULT int ate__put_as_##T(struct ate_txn *txn, struct ate_id parent, const char *name, \
                                    const struct T *object, struct ate_id *ret_id) \
    { \
        return ate__put_as(txn, ate_type_##T(), parent, name, object, ret_id); \
    } \
    ATE__RESULT int ate__put_in_##T(struct ate_txn *txn, struct ate_place at_, const char *name, \
                                    const struct T *object, struct ate_id *ret_id) \
    { \
        return ate__put_in(txn, ate_type_##T(), at_, name, object, ret_id); \
    } \
    ATE__OUT(find_in_##T, (struct ate_txn *txn, struct ate_place at_, const char *name, \
                           struct ate_id *ret_id, const struct T **ret_object), \
             const struct T *, ate__find_in(txn, ate_type_##T(), at_, name, ret_id, &rc_)) \
    ATE__OUT(load_##T, (struct ate_txn *txn, struct ate_id id, const struct T **ret_object), \
             const struct T *, ate__load(txn, ate_type_##T(), id, &rc_)) \
    ATE__OUT(find_##T, (struct ate_txn *txn, struct ate_id parent, const char *name, \
                        struct ate_id *ret_id, const struct T **ret_object), \
             const struct T *, ate__find(txn, ate_type_##T(), parent, name, ret_id, &rc_)) \
    ATE__OUT(next_##T, (struct ate_cursor *cursor, struct ate_id *ret_id, \
                        const struct T **ret_object), \
             const struct T *, ate__next(cursor, ate_type_##T(), ret_id, &rc_)) \
    ATE__OUT(keep_##T, (const struct T *object, struct T **ret_object), \
             struct T *, ate__keep(ate_type_##T(), object, &rc_)) \
    struct T /* takes the semicolon */

#define ATE__OUT(name, args, pointer, call) \
    ATE__RESULT int ate__##name args \
    { \
        int rc_ = 0; \
        pointer object_ = ATE__CAST(pointer, call); \
        if (!rc_) \
            *ret_object = object_; \
        return rc_; \
    }
/* clang-format on */
