#include "loop/handle.h"

#include <errno.h>
#include <signal.h>

#include "setup/machine.h"

#define EXECS_MAX 256
/* How long the agent waits for the host to acknowledge that the setup failed. */
#define FAILED_MS 2000

static struct exec *find_exec(struct agent *agent, uint32_t stream)
{
	struct exec *exec;

	TAILQ_FOREACH(exec, &agent->execs, link)
		if (exec->stream == stream)
			return exec;
	return NULL;
}

static int keep_rlimits(struct agent *agent, const struct setup_message *setup)
{
	if (setup->rlimit_count > RLIM_NLIMITS)
		return -EPROTO;
	for (uint32_t i = 0; i < setup->rlimit_count; i++) {
		agent->rlimits[i] = setup->rlimits[i];
		if (agent->rlimits[i].resource >= RLIM_NLIMITS)
			return -EPROTO;
	}
	agent->rlimit_count = setup->rlimit_count;
	return 0;
}

static int handle_setup(struct agent *agent, const struct frame *frame)
{
	struct setup_message setup;
	int err = setup_message_parse(&setup, frame);

	if (!err)
		err = agent->phase == PHASE_SETUP ? keep_rlimits(agent, &setup) : -EPROTO;
	if (!err) {
		if (!agent->setup_error)
			agent->setup_error = machine_setup(&setup, &agent->setup_step);
		if (agent->setup_error)
			agent_enter(agent, PHASE_FAILED, FAILED_MS);
		else
			agent->phase = PHASE_READY;
	}
	setup_message_free(&setup);
	return err;
}

static int handle_exec(struct agent *agent, const struct frame *frame)
{
	struct exec_message message;
	struct exec *exec = NULL;
	int err = exec_message_parse(&message, frame);

	if (!err && (frame->stream == 0 || agent->phase < PHASE_READY || find_exec(agent, frame->stream)))
		err = -EPROTO;
	if (!err) {
		if (agent->phase > PHASE_SERVE)
			exec = exec_refuse(frame->stream, -ESHUTDOWN, "the guest is shutting down");
		else if (agent->exec_count >= EXECS_MAX)
			exec = exec_refuse(frame->stream, -EAGAIN, "too many commands at once");
		else
			exec = exec_start(frame->stream, &message, agent->rlimits, agent->rlimit_count);
		if (!exec)
			err = -ENOMEM;
	}
	if (exec) {
		TAILQ_INSERT_TAIL(&agent->execs, exec, link);
		agent->exec_count++;
	}
	exec_message_free(&message);
	return err;
}

static int handle_credit(struct exec *exec, const struct frame *frame)
{
	uint32_t fields[2]; /* channel, bytes */
	int err = numbers_parse(fields, 2, frame);

	if (err)
		return err;
	if (fields[0] == CHANNEL_STDOUT)
		return exec ? output_credit(&exec->stdout, fields[1]) : 0;
	if (fields[0] == CHANNEL_STDERR)
		return exec ? output_credit(&exec->stderr, fields[1]) : 0;
	return -EPROTO;
}

static int handle_stdin(struct exec *exec, const struct frame *frame)
{
	if (!exec)
		return 0;
	if (frame->length > 0)
		return input_push(&exec->input, frame->payload, frame->length);
	input_end(&exec->input);
	return 0;
}

static int handle_resize(struct exec *exec, const struct frame *frame)
{
	uint16_t rows, columns;
	int err = window_size_parse(&rows, &columns, frame);

	if (!err && exec)
		exec_resize(exec, rows, columns);
	return err;
}

static int handle_signal(struct exec *exec, const struct frame *frame)
{
	uint32_t signal_number;
	int err = numbers_parse(&signal_number, 1, frame);

	if (err)
		return err;
	if (signal_number < 1 || signal_number >= NSIG)
		return -EPROTO;
	if (exec)
		exec_signal(exec, (int)signal_number);
	return 0;
}

static int handle_ack(struct agent *agent, const struct frame *frame)
{
	uint32_t bytes;
	int err = numbers_parse(&bytes, 1, frame);

	return err ? err : connection_acknowledge(&agent->connection, bytes);
}

static int handle_shutdown(struct agent *agent, const struct frame *frame)
{
	if (frame->length > 0 || agent->phase < PHASE_READY)
		return -EPROTO;
	if (agent->phase <= PHASE_SERVE) {
		machine_kill_all();
		agent_enter(agent, PHASE_DRAIN, DRAIN_MS);
	}
	return 0;
}

static int handle_clock(struct agent *agent, const struct frame *frame)
{
	uint64_t clock_ns;
	bool jumped;
	int err = clock_message_parse(&clock_ns, &jumped, frame);

	if (!err && agent->phase < PHASE_READY)
		err = -EPROTO;
	if (!err)
		machine_follow_clock(clock_ns, jumped);
	return err;
}

int handle_frame(struct agent *agent, const struct frame *frame)
{
	/* Frames for an exec that does not exist are ignored: the host may not know yet that it has ended. */
	struct exec *exec = find_exec(agent, frame->stream);

	switch (frame->type) {
	case MSG_EXEC:
		return handle_exec(agent, frame);
	case MSG_STDIN:
		return handle_stdin(exec, frame);
	case MSG_RESIZE:
		return handle_resize(exec, frame);
	case MSG_SIGNAL:
		return handle_signal(exec, frame);
	case MSG_CREDIT:
		return handle_credit(exec, frame);
	}
	if (frame->stream != 0)
		return -EPROTO;
	switch (frame->type) {
	case MSG_SETUP:
		return handle_setup(agent, frame);
	case MSG_ACK:
		return handle_ack(agent, frame);
	case MSG_SHUTDOWN:
		return handle_shutdown(agent, frame);
	case MSG_CLOCK:
		return handle_clock(agent, frame);
	}
	return -EPROTO;
}
