/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * pair.h: measures our loop against the limit's: in slices that alternate, so that what the machine
 * does meanwhile falls on both. The figure is the median of the paired ratios; p50 and p99 are of
 * single operations.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct slice { /* what one slice did */
    uint64_t operations;
    uint64_t *latency_ns; /* of some or all operations; NULL: not measured */
    size_t latency_count, latency_capacity;
};
/* Runs for about `seconds`; arg is the loop's own. */
typedef void loop_fn(void *arg, double seconds, struct slice *ret);

struct pair {
    const char *row; /* what is done: trust mode, signatures, objects per transaction, value size */
    const char *unit; /* "commits" */
    const char *limit; /* what the limit is: "bare pwrite + fdatasync" */
    double target; /* least ratio that is asked for; 0: none */
    loop_fn *ours, *bare;
    void *ours_arg, *bare_arg;
};
/* Prints a row; returns our median rate per second. Rounds and slice length from the environment:
 * ATE_BENCH_ROUNDS (25), ATE_BENCH_SLICE_MS (300). */
double pair_run(const struct pair *p);
double pair_ratio(void); /* of the last pair_run(): the median of the paired ratios */

uint64_t bench_now_ns(void);
void slice_add(struct slice *s, uint64_t latency_ns); /* counts one operation */
void slice_merge(struct slice *to, struct slice *from); /* and ends `from` */
/* Sorts what was measured. 0: nothing was. p: .5 is the median. */
double slice_percentile_us(struct slice *s, double p);
size_t bench_setting(const char *variable, size_t otherwise); /* a number of the environment */
/* Prints it with the sentence of the library, and exits with 1. */
void bench_fail(const char *what) __attribute__((noreturn));
void bench_row(const char *row, const char *figure, const char *limit, double ratio, double target);
void bench_header(const char *program);
