#include "loop/agent_state.h"

#include <time.h>

int64_t agent_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void agent_enter(struct agent *agent, enum phase phase, int64_t limit_ms)
{
	agent->phase = phase;
	agent->deadline_ms = agent_now_ms() + limit_ms;
}
