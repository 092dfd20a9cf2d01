/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * rcu.h: liburcu-bp's read sections and grace periods (docs/decisions/0004-the-view.md), told to
 * ThreadSanitizer, which does not see into that library.
 */
#pragma once
#include <urcu/urcu-bp.h>

#define ATE__RCU_TELL(what)
#if defined __has_feature
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#include <stdint.h>
#undef ATE__RCU_TELL
#define ATE__RCU_TELL(what) __tsan_##what((void *)(uintptr_t)urcu_bp_synchronize_rcu);
#endif
#endif

static inline void ate__rcu_enter(void)
{
    urcu_bp_read_lock();
}
static inline void ate__rcu_leave(void)
{
    ATE__RCU_TELL(release)
    urcu_bp_read_unlock();
}
/* Returns when all sections that were entered before are left. Not inside of one. */
static inline void ate__rcu_wait(void)
{
    urcu_bp_synchronize_rcu();
    ATE__RCU_TELL(acquire)
}
