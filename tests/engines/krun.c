/* A libkrun that starts no VM: guest.c connects to the agent's socket in place of the VM. */
#include <stdint.h>
#include <unistd.h>

#include "stub_krun_calls.h"

int32_t krun_start_enter(uint32_t ctx)
{
	(void)ctx;
	for (;;)
		pause();
}

DOES_NOTHING(krun_add_vsock_port)
DOES_NOTHING(krun_add_net_unixstream)
