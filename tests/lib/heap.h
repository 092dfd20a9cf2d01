/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * heap.h: the library's memory in the hands of a test: counted, refused on demand, checked for
 * leaks.
 *
 * heap_start() takes over before the first allocation of the test and heap_stop() gives back after
 * the last release. In between every block is the heap's: to release a foreign one aborts.
 * Thread-safe, but start, stop and sweep belong to one thread.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void heap_start(void);
void heap_stop(void); /* fails the test if a block is still there */

/* The n-th allocation from now fails (1: the next); `on`: and so do all after it. 0: none. */
void heap_fail(uint64_t n, bool on);
/* From now on an allocation of more bytes fails. heap_start(): there is no limit. */
void heap_limit(size_t bytes);
bool heap_failed(void);     /* an allocation was refused since heap_fail() or heap_start() */
uint64_t heap_count(void);  /* allocations since then, refused ones too */
size_t heap_blocks(void);   /* blocks that are there now */
size_t heap_bytes(void);    /* their bytes */

/* Runs `operation` again and again, refusing its first allocation, its second and so on, until one
 * run had none refused; then again with all later ones refused too. Each run must return
 * ATE_E_MEMORY if one was refused (or 0 where `tolerant` and it could do without), else 0, and must
 * have released all that it allocated. Returns the number of its allocations. Starts and stops the
 * heap itself. */
uint64_t heap_sweep(int (*operation)(void *arg), void *arg, bool tolerant);
