/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "turn.h"
#include "base/err.h"
#include <string.h>

enum { MORE = 16 };

int turn_seal_fails;
unsigned turn_unused;

static int turn(const struct ate_hash *chain_id, uint64_t sequence, struct ate_bytes bytes,
                struct ate__buf *buf, bool back)
{
    const uint8_t *from = bytes.data;
    uint8_t tail[MORE];
    memcpy(tail, chain_id->b, 8);
    memcpy(tail + 8, &sequence, 8);
    if (back && (bytes.size < MORE || memcmp(from + bytes.size - MORE, tail, MORE) != 0))
        return ate__fail(ATE_TAMPERED, "of another place");
    size_t size = back ? bytes.size - MORE : bytes.size;
    int rc = ate__buf_reserve(buf, size + MORE);
    for (size_t i = 0; !rc && i < size; i++)
        buf->data[buf->size++] = (uint8_t)(back ? from[i] - 1 : from[i] + 1);
    return rc || back ? rc : ate__buf_append(buf, ate__bytes(tail, MORE));
}

static int seal(void *arg, const struct ate_hash *chain_id, uint64_t sequence,
                struct ate_bytes record, struct ate__buf *buf)
{
    (void)arg;
    return turn_seal_fails ? ate__fail(turn_seal_fails, "not now")
                           : turn(chain_id, sequence, record, buf, false);
}

static int open_record(void *arg, const struct ate_hash *chain_id, uint64_t sequence,
                       struct ate_bytes sealed, struct ate__buf *buf)
{
    (void)arg;
    return turn(chain_id, sequence, sealed, buf, true);
}

static void unused(void *arg)
{
    (void)arg;
    turn_unused++;
}

struct ate__at_rest turn_at_rest = {
    .name = "turn", .seal = seal, .open = open_record, .unused = unused};
