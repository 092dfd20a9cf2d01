/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * dns_facts_fuzz.c: ate__dns_facts_of() and ate__dns_facts_of_tlsa(), of an answer whose records
 * are the input, each behind two bytes with its size. What is taken is bounded, and comes from it.
 */
#include "base/assert.h"
#include "net/dns_facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int rc, const struct ate__dns_facts *facts)
{
    ate__assert(!rc || rc == ATE_MALFORMED || rc == ATE_TOO_BIG || rc == ATE_UNTRUSTED ||
                rc == ATE_UNSUPPORTED);
    ate__assert(rc ||
                (facts->pin_count <= ATE__NET_PINS_MAX && facts->root_count <= ATE__NET_PINS_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__dns_answer answer = {.secure = true};
    struct ate__dns_facts facts = {.pin_count = 0};
    struct ate__dns_fact fact;
    while (size >= 2 && answer.count < ATE__DNS_RECORDS_MAX) {
        size_t n = (size_t)data[0] << 8 | data[1];
        n = n < size - 2 ? n : size - 2;
        answer.record[answer.count++] = ate__bytes(data + 2, n);
        data += 2 + n;
        size -= 2 + n;
    }
    int rc = ate__dns_facts_of(&answer, "/joe/notes", &facts);
    check(rc, &facts);
    for (size_t i = 0; !rc && i < answer.count; i++) {
        ate__assert(!ate__dns_fact_parse(answer.record[i], &fact));
        bool has_path = fact.kind == ATE__DNS_ROOT || fact.kind == ATE__DNS_CHAIN;
        ate__assert(!has_path || fact.path[0] == '/');
        ate__assert(!has_path || ate__dns_fact_covers(fact.path, "/joe/notes") != 1);
    }
    rc = ate__dns_facts_of_tlsa(&answer, &facts);
    check(rc, &facts);
    ate__assert(rc || facts.pin_count || !answer.count);
    return 0;
}
