#include "bare.h"
#include "pair.h"
#include "writers.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
static double cpu(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_utime.tv_sec + r.ru_stime.tv_sec + (r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}
static double sy(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return r.ru_stime.tv_sec + (r.ru_stime.tv_usec) / 1e6;
}
int main(int argc, char **argv)
{
    struct world w;
    world_init(&w, "cpu", ATE__SYNC_ALWAYS, false);
    struct slice s = {0};
    double a = cpu(), b = sy();
    uint64_t t = bench_now_ns();
    writers_run(&(struct writers){.w = &w, .count = (size_t)atoi(argv[1])}, atof(argv[2]), &s);
    double u = cpu() - a;
    printf("%lu commits in %.2f s: %.1f us cpu each (%.1f sys), p50 %.0f\n", s.operations,
           (bench_now_ns() - t) / 1e9, u * 1e6 / s.operations, (sy() - b) * 1e6 / s.operations,
           slice_percentile_us(&s, .5));
    world_deinit(&w);
}
