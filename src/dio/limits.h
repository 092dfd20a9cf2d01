/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of typed objects (docs/format/object.md). Each is named in the error that it
 * causes.
 */
#pragma once

enum {
    ATE__TYPE_FIELDS_MAX = 256,        /* of one table */
    ATE__TYPE_SIZE_MAX = 1 << 20,      /* bytes of a struct */
    ATE__TYPE_REACHED_MAX = 256,       /* tables that one table leads to */
    ATE__TYPE_INSIDE_MAX = 16,         /* structs by value inside each other */
    ATE__FIELD_NAME_MAX = 255,         /* bytes; also of a type's name */
    ATE__OBJECT_FIELDS_MAX = 512, /* of one map that a table describes, unknown ones included */
    ATE__OBJECT_DEPTH_MAX = 32, /* maps and lists inside each other, the object included */
    ATE__OBJECT_MEMORY_MAX = 64 << 20, /* bytes of a decoded object with all that it points to */
    ATE__JSON_NUMBER_MAX = 512, /* characters of a number in JSON */
    ATE__COMPRESSED_PAYLOAD_MAX = (4 << 20) - 1, /* bytes, where its chain compresses */
    ATE__COMPRESSION_RATIO_MAX = 100 /* payload to what is stored of it */
};
