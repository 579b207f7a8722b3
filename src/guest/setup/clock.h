/* How the guest's clock follows the host's. */
#ifndef SMOLVM_CLOCK_H
#define SMOLVM_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Whether a clock that is `behind_ns` behind the host's (negative: ahead) is set, and not merely sped up or slowed down
 * until it is right. What was sent is older when it arrives, so that a clock that is right looks as if it were ahead.
 */
bool clock_must_be_set(int64_t behind_ns, bool jumped);
/* 0 or -errno. */
int clock_set(uint64_t clock_ns);
/* Sets the clock or slews it: 0 or -errno. */
int clock_follow(uint64_t clock_ns, bool jumped);

#endif
