#include "tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SCRATCH_BYTES 8192
#define OPTIONS (PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

static pid_t process_id, thread_id;
static long scratch, code;
static struct user_regs_struct saved;

#ifdef __x86_64__
static const uint8_t CALL[] = { 0x0f, 0x05 };

static long stack_of(const struct user_regs_struct *regs)
{
	return (long)regs->rsp;
}

static void set_call(struct user_regs_struct *regs, enum call_by by, long number, const long arguments[6])
{
	regs->rip = (unsigned long)code;
	regs->rax = (unsigned long)number;
	/* Do not restart the interrupted system call now. */
	regs->orig_rax = -1UL;
	if (by == BY_INT80) {
		regs->rbx = (unsigned long)arguments[0];
		regs->rcx = (unsigned long)arguments[1];
		return;
	}
	regs->rdi = (unsigned long)arguments[0];
	regs->rsi = (unsigned long)arguments[1];
	regs->rdx = (unsigned long)arguments[2];
	regs->r10 = (unsigned long)arguments[3];
	regs->r8 = (unsigned long)arguments[4];
	regs->r9 = (unsigned long)arguments[5];
}

static long result_of(const struct user_regs_struct *regs)
{
	return (long)regs->rax;
}

static bool is_before(const struct user_regs_struct *regs)
{
	return (long)regs->rip == code;
}
#else
static const uint8_t CALL[] = { 0x01, 0x00, 0x00, 0xd4 };

static long stack_of(const struct user_regs_struct *regs)
{
	return (long)regs->sp;
}

static void set_call(struct user_regs_struct *regs, enum call_by by, long number, const long arguments[6])
{
	(void)by;
	for (int i = 0; i < 6; i++)
		regs->regs[i] = (unsigned long)arguments[i];
	regs->regs[8] = (unsigned long)number;
	regs->pc = (unsigned long)code;
}

static long result_of(const struct user_regs_struct *regs)
{
	return (long)regs->regs[0];
}

static bool is_before(const struct user_regs_struct *regs)
{
	return (long)regs->pc == code;
}
#endif

static int get_registers(struct user_regs_struct *regs)
{
	struct iovec vector = { regs, sizeof(*regs) };

	return ptrace(PTRACE_GETREGSET, thread_id, NT_PRSTATUS, &vector) < 0 ? -errno : 0;
}

static void set_registers(struct user_regs_struct *regs)
{
	struct iovec vector = { regs, sizeof(*regs) };

	ptrace(PTRACE_SETREGSET, thread_id, NT_PRSTATUS, &vector);
}

/* Finds a system call instruction in the pages that the kernel maps into every process (the vDSO). */
static int find_code(void)
{
	char path[64], line[512];
	unsigned long start = 0, end = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", process_id);

	FILE *maps = fopen(path, "re");

	if (!maps)
		return -errno;
	while (fgets(line, sizeof(line), maps) && !(strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2))
		start = 0;
	fclose(maps);
	if (start == 0)
		return -ENOENT;

	uint8_t *bytes = malloc(end - start);
	struct iovec local = { bytes, end - start }, remote = { (void *)start, end - start };

	if (!bytes || process_vm_readv(process_id, &local, 1, &remote, 1, 0) != (ssize_t)(end - start))
		return -EIO;

	const uint8_t *found = memmem(bytes, end - start, CALL, sizeof(CALL));

	if (found)
		code = (long)(start + (size_t)(found - bytes));
	free(bytes);
	return found ? 0 : -ENOENT;
}

int tracee_stop(pid_t process, pid_t thread)
{
	int status;

	process_id = process;
	thread_id = thread;
	if (ptrace(PTRACE_SEIZE, thread, 0, OPTIONS) < 0 ||
	    ptrace(PTRACE_INTERRUPT, thread, 0, 0) < 0 || waitpid(thread, &status, __WALL) < 0)
		return -errno;

	int err = get_registers(&saved);

	/* Below the thread's stack and its red zone. */
	scratch = (stack_of(&saved) - 4096 - SCRATCH_BYTES) & ~63L;
	return err ? err : find_code();
}

long tracee_put(size_t at, const void *data, size_t size)
{
	const struct iovec local = { (void *)data, size }, remote = { (void *)(scratch + (long)at), size };

	if (process_vm_writev(process_id, &local, 1, &remote, 1, 0) != (ssize_t)size)
		perror("process_vm_writev");
	return scratch + (long)at;
}

/* Kills a new process, which stops before its first instruction. */
static void end_new_process(void)
{
	unsigned long made = 0;

	if (ptrace(PTRACE_GETEVENTMSG, thread_id, 0, &made) == 0 && made > 0) {
		kill((pid_t)made, SIGKILL);
		waitpid((pid_t)made, NULL, __WALL);
	}
}

struct answer tracee_call(enum call_by by, long number, const long arguments[6])
{
	struct answer answer = { 0 };
	struct user_regs_struct regs = saved;
	long original = ptrace(PTRACE_PEEKTEXT, thread_id, code, 0);
	int status;

	set_call(&regs, by, number, arguments);
	set_registers(&regs);
	if (by == BY_INT80)
		ptrace(PTRACE_POKETEXT, thread_id, code, (original & ~0xffffL) | 0x80cd);
	while (ptrace(PTRACE_SINGLESTEP, thread_id, 0, 0) == 0 && waitpid(thread_id, &status, __WALL) == thread_id) {
		if (!WIFSTOPPED(status) || WSTOPSIG(status) == SIGSYS) {
			answer.killed = WIFSTOPPED(status) ? SIGSYS : WIFSIGNALED(status) ? WTERMSIG(status) : -1;
			return answer;
		}
		answer.executed = status >> 16 == PTRACE_EVENT_EXEC;
		if (status >> 16 && !answer.executed) {
			end_new_process();
			continue;
		}
		/* Any other signal arrives before or after the step: the call is made once in either case. */
		if (get_registers(&regs) < 0 || answer.executed || !is_before(&regs))
			break;
	}
	if (by == BY_INT80)
		ptrace(PTRACE_POKETEXT, thread_id, code, original);
	answer.result = result_of(&regs);
	return answer;
}

void tracee_release(void)
{
	set_registers(&saved);
	ptrace(PTRACE_DETACH, thread_id, 0, 0);
}
