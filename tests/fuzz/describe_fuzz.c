/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * describe_fuzz.c: describe_payload(), and with it ate__unpack(): what --json shows of the objects
 * of other programs. The first byte says the encoding, the rest is the payload. What comes out can
 * be written.
 */
#include "base/assert.h"
#include "bin/ate/describe.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct ate_object o = {
        .encoding = data[0] & 1 ? "json" : "msgpack",
        .payload = {data + 1, size - 1},
    };
    json_t *json = describe_payload(&o);
    if (json) {
        char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        ate__assert(text);
        free(text);
        json_decref(json);
    }
    return 0;
}
