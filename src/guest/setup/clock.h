/* Keeps the guest's clock in step with the host's. */
#ifndef SMOLVM_CLOCK_H
#define SMOLVM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a clock that is `behind_ns` behind the host's (negative: ahead) must be set, not only sped up or slowed down
 * until it is right. The host's time is late when it arrives, so a correct clock appears to be ahead.
 */
bool clock_must_be_set(int64_t behind_ns, bool jumped);
/* 0 or -errno. */
int clock_set(uint64_t clock_ns);
/* Sets the clock or slews it: 0 or -errno. */
int clock_follow(uint64_t clock_ns, bool jumped);

#endif
