/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * group.c: durable commits of one 1 KiB object by 1 to 256 blocking writers, unsigned, each time
 * beside as many threads for which a leader writes and syncs; p50 and p99 are those of one commit.
 */
#include "bare.h"
#include "writers.h"
#include <stdio.h>

int main(void)
{
    struct world w;
    struct bare *bare = bare_new();
    bench_header("bench/group");
    world_init(&w, "group", ATE__SYNC_ALWAYS, true);
    for (size_t n = 1; n <= WRITERS_MAX; n *= 2) {
        struct writers writers = {.w = &w, .count = n};
        char row[100], limit[60];
        snprintf(row, sizeof row, "durable commit, distributed, unsigned, 1 x 1 KiB, %zu writer%s",
                 n, n > 1 ? "s" : "");
        snprintf(limit, sizeof limit, "%zu-thread group commit", n);
        bare_set_group(bare, n);
        pair_run(&(struct pair){.row = row,
                                .unit = "commits",
                                .limit = limit,
                                .target = n == 1    ? .85
                                          : n == 64 ? .60
                                                    : 0,
                                .ours = writers_run,
                                .bare = bare_group,
                                .ours_arg = &writers,
                                .bare_arg = bare});
    }
    world_deinit(&w);
    bare_free(bare);
    return 0;
}
