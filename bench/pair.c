/* SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "pair.h"
#include "base/err.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static double last_ratio;
enum { ROUNDS_MAX = 1000, LATENCIES_MAX = 1 << 20 };

uint64_t bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void bench_fail(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, ate__error_text());
    exit(1);
}

void slice_add(struct slice *s, uint64_t latency_ns)
{
    s->operations++;
    if (s->latency_count == LATENCIES_MAX)
        return;
    if (s->latency_count == s->latency_capacity) {
        size_t capacity = s->latency_capacity ? s->latency_capacity * 2 : 1024;
        uint64_t *more = realloc(s->latency_ns, capacity * sizeof *more);
        if (!more)
            return;
        s->latency_ns = more;
        s->latency_capacity = capacity;
    }
    s->latency_ns[s->latency_count++] = latency_ns;
}

void slice_merge(struct slice *to, struct slice *from)
{
    uint64_t operations = to->operations + from->operations;
    for (size_t i = 0; i < from->latency_count; i++)
        slice_add(to, from->latency_ns[i]);
    to->operations = operations;
    free(from->latency_ns);
    *from = (struct slice){0};
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double slice_percentile_us(struct slice *s, double p)
{
    if (!s->latency_count)
        return 0;
    qsort(s->latency_ns, s->latency_count, sizeof *s->latency_ns, compare_u64);
    return (double)s->latency_ns[(size_t)((double)(s->latency_count - 1) * p)] / 1000;
}

static double run_slice(loop_fn *loop, void *arg, double seconds, struct slice *all)
{
    struct slice s = {0};
    uint64_t start = bench_now_ns();
    loop(arg, seconds, &s);
    double rate = (double)s.operations / ((double)(bench_now_ns() - start) / 1e9);
    slice_merge(all, &s);
    return rate;
}

size_t bench_setting(const char *name, size_t otherwise)
{
    const char *text = getenv(name);
    size_t value = text ? strtoul(text, NULL, 10) : 0;
    return value ? value : otherwise;
}

void bench_header(const char *program)
{
    struct utsname u;
    char date[32];
    time_t now = time(NULL);
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
    uname(&u);
    printf("# %s, %s %s, %ld cores, %s\n", program, u.sysname, u.machine,
           sysconf(_SC_NPROCESSORS_ONLN), date);
    fflush(stdout);
}

void bench_row(const char *row, const char *figure, const char *limit, double ratio, double target)
{
    printf("%-62s %s | limit: %s | ratio %.2f", row, figure, limit, ratio);
    if (target > 0)
        printf(" (target %.2f: %s)", target, ratio >= target ? "met" : "MISSED");
    printf("\n");
    fflush(stdout);
}

double pair_ratio(void)
{
    return last_ratio;
}

/* Empty where no latency was measured. */
static const char *percentiles(struct slice *s, char *text, size_t size)
{
    text[0] = '\0';
    if (s->latency_count)
        snprintf(text, size, " (p50 %.0f us, p99 %.0f us)", slice_percentile_us(s, .5),
                 slice_percentile_us(s, .99));
    return text;
}

double pair_run(const struct pair *p)
{
    size_t rounds = bench_setting("ATE_BENCH_ROUNDS", 25);
    double seconds = (double)bench_setting("ATE_BENCH_SLICE_MS", 300) / 1000;
    double ratios[ROUNDS_MAX], ours[ROUNDS_MAX], bare[ROUNDS_MAX];
    struct slice our_all = {0}, bare_all = {0}, warm = {0};
    char figure[160], limit[200], text[60];
    if (rounds > ROUNDS_MAX)
        rounds = ROUNDS_MAX;
    run_slice(p->ours, p->ours_arg, seconds, &warm);
    run_slice(p->bare, p->bare_arg, seconds, &warm);
    for (size_t i = 0; i < rounds; i++) {
        bare[i] = run_slice(p->bare, p->bare_arg, seconds, &bare_all);
        ours[i] = run_slice(p->ours, p->ours_arg, seconds, &our_all);
        ratios[i] = ours[i] / bare[i];
    }
    double rate = median(ours, rounds);
    snprintf(figure, sizeof figure, "%9.0f %s/s%s", rate, p->unit,
             percentiles(&our_all, text, sizeof text));
    snprintf(limit, sizeof limit, "%s %.0f/s%s", p->limit, median(bare, rounds),
             percentiles(&bare_all, text, sizeof text));
    last_ratio = median(ratios, rounds);
    bench_row(p->row, figure, limit, last_ratio, p->target);
    free(our_all.latency_ns);
    free(bare_all.latency_ns);
    free(warm.latency_ns);
    return rate;
}
