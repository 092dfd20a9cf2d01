/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * refused.c: programs that must not compile, in C and in C++: run.sh defines one name in turn. With
 * NOTHING it compiles, which shows that the others fail for the reason that they name.
 */
#include <ate/ate.h>

struct other {
    int n;
};
ATE_TYPE(other, ATE_FIELD(n));
union choice {
    int n;
    float f;
};
enum { LIST_SIZE = 4 };

struct thing {
    int good;
    size_t count;
#if defined(NOTHING)
    const int *f;
#define ROW ATE_LIST(f, count)
#elif defined(ARRAY)
    char f[8];
#define ROW ATE_FIELD(f)
#elif defined(ARRAY_OF_NUMBERS)
    int f[LIST_SIZE];
#define ROW ATE_FIELD(f)
#elif defined(ARRAY_AS_LIST)
    int f[LIST_SIZE];
#define ROW ATE_LIST(f, count)
#elif defined(ARRAY_AS_OPTIONAL)
    int f[LIST_SIZE];
#define ROW ATE_OPTIONAL(f)
#elif defined(TEXTS_AS_LIST)
    const char *f[LIST_SIZE];
#define ROW ATE_LIST(f, count)
#elif defined(STRUCTS_AS_LIST)
    struct other f[LIST_SIZE];
#define ROW ATE_STRUCT_LIST(f, count, other)
#elif defined(STRUCTS_AS_STRUCT)
    struct other f[LIST_SIZE];
#define ROW ATE_STRUCT(f, other)
#elif defined(UNION)
    union choice f;
#define ROW ATE_FIELD(f)
#elif defined(UNION_AS_STRUCT)
    union choice f;
#define ROW ATE_STRUCT(f, choice)
#elif defined(POINTER)
    const int *f;
#define ROW ATE_FIELD(f)
#elif defined(POINTER_TO_NOTHING)
    void *f;
#define ROW ATE_FIELD(f)
#elif defined(POINTER_TO_STRUCT)
    const struct other *f;
#define ROW ATE_FIELD(f)
#elif defined(POINTER_TO_FUNCTION)
    void (*f)(void);
#define ROW ATE_FIELD(f)
#elif defined(POINTER_TO_POINTER)
    const int *const *f;
#define ROW ATE_LIST(f, count)
#elif defined(TEXT_AS_OPTIONAL)
    const char *f;
#define ROW ATE_OPTIONAL(f)
#elif defined(TEXT_AS_LIST)
    const char *f;
#define ROW ATE_LIST(f, count)
#elif defined(STRUCT_AS_FIELD)
    struct other f;
#define ROW ATE_FIELD(f)
#elif defined(STRUCT_AS_LIST)
    const struct other *f;
#define ROW ATE_LIST(f, count)
#elif defined(OTHER_STRUCT)
    struct ate_id f;
#define ROW ATE_STRUCT(f, other)
#elif defined(OTHER_OPTIONAL_STRUCT)
    const struct ate_id *f;
#define ROW ATE_OPTIONAL_STRUCT(f, other)
#elif defined(OTHER_STRUCT_LIST)
    const struct ate_id *f;
#define ROW ATE_STRUCT_LIST(f, count, other)
#elif defined(STRUCT_WITHOUT_TABLE)
    struct ate_key_info f;
#define ROW ATE_STRUCT(f, ate_key_info)
#elif defined(INT_COUNT)
    const int *f;
    int n;
#define ROW ATE_LIST(f, n)
#elif defined(SHORT_COUNT)
    const int *f;
    uint32_t n;
#define ROW ATE_LIST(f, n)
#elif defined(SIGNED_COUNT)
    const int *f;
    ptrdiff_t n;
#define ROW ATE_LIST(f, n)
#elif defined(NO_COUNT)
    const int *f;
#define ROW ATE_LIST(f, n)
#elif defined(NO_FIELD)
#define ROW ATE_FIELD(f)
#elif defined(VALUE_AS_OPTIONAL)
    int f;
#define ROW ATE_OPTIONAL(f)
#elif defined(VALUE_AS_LIST)
    int f;
#define ROW ATE_LIST(f, count)
#elif defined(PLAIN_CHAR)
    char f;
#define ROW ATE_FIELD(f)
#elif defined(LONG_DOUBLE)
    long double f;
#define ROW ATE_FIELD(f)
#elif defined(BIT_FIELD)
    unsigned f : 3;
#define ROW ATE_FIELD(f)
#elif defined(ALIGNED)
    int f __attribute__((aligned(32)));
#define ROW ATE_FIELD(f)
#elif defined(RESULT_IGNORED) || defined(OTHER_RESULT) || defined(OTHER_OBJECT) ||                 \
    defined(CHANGED_LOAN)
    int f;
#define ROW ATE_FIELD(f)
#else
#error "no such case"
#endif
};
ATE_TYPE(thing, ATE_FIELD(good), ROW);

/* What is used wrong, in the cases that are about the calls. */
#if defined(RESULT_IGNORED)
#define USE (ate_load(txn, thing, id, &thing), 0)
#elif defined(OTHER_RESULT)
#define USE ate_load(txn, thing, id, &other)
#elif defined(OTHER_OBJECT)
#define USE ate_put(txn, other, id, thing)
#elif defined(CHANGED_LOAN)
#define USE (thing->good = 1)
#else
#define USE 0
#endif

int use(struct ate_txn *txn, struct ate_id id);
int use(struct ate_txn *txn, struct ate_id id)
{
    const struct thing *thing = NULL;
    const struct other *other = NULL;
    int rc = ate_load(txn, thing, id, &thing);
    if (!rc)
        rc = ate_load(txn, other, id, &other);
    return rc ? rc : USE;
}
