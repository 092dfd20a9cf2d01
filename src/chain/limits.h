/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * limits.h: the limits of the chain layer (docs/format/limits.md).
 */
#pragma once

enum {
    ATE__VIEW_AGE_MAX = 60000,         /* ms: a snapshot that is older is expelled */
    ATE__VIEW_LISTS_MAX =
        64, /* collections of an object that have a list of their own in the view */
    ATE__VIEW_OLD_BYTES_MAX = 64 << 20, /* bytes of old versions that snapshots may hold back */
    ATE__WAITING_MAX = 65536,          /* commits waiting, a chain; remote: asks, too */
    ATE__WAITING_BYTES_MAX = 64 << 20,
    ATE__SHOWN_MAX = 8, /* times that plug-ins are shown a commit, made by others each time */
    ATE__COMMIT_GROUP_BYTES_MAX = 16 << 20,
    ATE__COMMIT_GROUP_MAX = 65536,
    ATE__GROUP_KEPT = 256,              /* transactions of a group that memory is kept for */
    ATE__HEADS_KEPT = 4096,             /* recent heads in memory */
    ATE__IMAGE_SECRETS_MAX = 16,        /* of an opener that are tried on one */
    ATE__IMAGE_LOG_MIN = 1 << 20, /* bytes of a log that may have one; below, replay is as fast */
    /* MiB that a server may send a mirror, in a directory, in memory, before any of it is judged */
    ATE__RESYNC_MIB_MAX = 1 << 20,
    ATE__RESYNC_MEMORY_MIB_MAX = 1024,
    /* MiB of the disk that stay free meanwhile; less where there was little: an eighth of it */
    ATE__RESYNC_FREE_MIB = 256,
    ATE__REST_MS = 60000 /* without a write; then the log gives back what it prewrote */
};
