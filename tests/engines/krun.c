/* A libkrun that starts nothing: the guest of guest.c dials the socket that the VM would. */
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
