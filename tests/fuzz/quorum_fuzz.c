/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * quorum_fuzz.c: ate__quorum_parse(), ate__quorum_check(), ate__note_key_decode(),
 * ate__note_signed_by(). A policy, and behind a NUL a note. Nobody whose key is known here signed
 * anything but one note of ours, so a quorum of witnesses is not reached by what is made up.
 */
#include "base/assert.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/quorum.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_note(const struct ate__quorum *q, struct ate_bytes note)
{
    struct ate__quorum_verdict v = {1000, 0};
    struct ate__note n;
    if (ate__note_parse(note, &n))
        return;
    int rc = ate__quorum_check(q, &n, &v);
    ate__assert(rc ? v.witnesses == 1000 : v.witnesses <= n.count);
    ate__note_deinit(&n);
}

static void check_key(struct ate_bytes text)
{
    struct ate__note_key key;
    struct ate_bytes line;
    if (!ate__take_line(&text, &line) || ate__note_key_decode(line, &key))
        return;
    ate__assert(key.name.size && key.name.size <= ATE__NOTE_NAME_MAX && key.size > 1);
    ate__assert(key.typed[0] == 1 || key.typed[0] == 4 || key.typed[0] == 6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ate__quorum *q;
    const uint8_t *nul = size ? memchr(data, 0, size) : NULL;
    size_t first = nul ? (size_t)(nul - data) : size;
    struct ate_bytes policy = ate__bytes(data, first);
    struct ate_bytes note = nul ? ate__bytes(nul + 1, size - first - 1) : ate__bytes(data, 0);
    check_key(policy);
    if (ate__quorum_parse(policy, &q))
        return 0;
    ate__assert(first && policy.size <= ATE__POLICY_MAX);
    check_note(q, note);
    ate__quorum_free(q);
    return 0;
}
