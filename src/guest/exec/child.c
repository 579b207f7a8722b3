#include "exec/child.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "setup/machine.h"
#include "setup/privileges.h"
#include "exec/program.h"
#include "exec/user.h"

#define TTY_MODE 0620 /* as login and docker set it: only the owner may read the terminal */

/* Resets signals to their defaults: the agent's mask and ignored signals would survive execve. */
static void reset_signals(void)
{
	sigset_t none;

	for (int signal_number = 1; signal_number < NSIG; signal_number++)
		signal(signal_number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Starts a session with its stdio and, with EXEC_TTY, a controlling terminal. The user owns the pipes or terminal. */
static int take_stdio(const struct child *child, const struct user *user)
{
	if (setsid() < 0)
		return -errno;
	if (child->message->flags & EXEC_TTY) {
		if (ioctl(child->stdio[0], TIOCSCTTY, 0) < 0 || fchmod(child->stdio[0], TTY_MODE) < 0)
			return -errno;
	}
	for (int fd = 0; fd < 3; fd++) {
		struct stat status;

		if (fstat(child->stdio[fd], &status) < 0)
			return -errno;
		/* Otherwise a user could not open /dev/stdout, where many images write logs. root keeps /dev/null. */
		if ((S_ISFIFO(status.st_mode) || (child->message->flags & EXEC_TTY)) &&
		    fchown(child->stdio[fd], user->uid, user->gid) < 0)
			return -errno;
		if (dup2(child->stdio[fd], fd) < 0)
			return -errno;
	}
	return 0;
}

static int apply_rlimits(const struct child *child)
{
	for (uint32_t i = 0; i < child->rlimit_count; i++) {
		const struct setup_rlimit *limit = &child->rlimits[i];
		struct rlimit value = { .rlim_cur = limit->soft, .rlim_max = limit->hard };

		if (setrlimit((int)limit->resource, &value) < 0)
			return -errno;
	}
	return 0;
}

static int become(const struct user *user)
{
	if (setgroups(user->group_count, user->groups) < 0 || setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return 0;
}

static int enter_cwd(const struct exec_message *message)
{
	const char *cwd = *message->cwd ? message->cwd : "/";
	int err = message->flags & EXEC_MAKE_CWD ? folders_make(cwd, 0755) : 0;

	if (err)
		return err;
	return chdir(cwd) < 0 ? -errno : 0;
}

/* Adds HOME to the environment; the list has room for it. */
static int add_home(const struct exec_message *message, const char *home)
{
	if (env_value(message->env, "HOME"))
		return 0;
	return asprintf(&message->env[message->env_count], "HOME=%s", home) < 0 ? -ENOMEM : 0;
}

/* All steps up to and including execve. Returns only on failure. */
static int prepare_and_exec(const struct child *child, struct child_report *report)
{
	const struct exec_message *message = child->message;
	const struct user_files files = { .passwd = "/etc/passwd", .group = "/etc/group" };
	static struct user user;
	int err;

	report->stage = STAGE_SPAWN;
	strcpy(report->text, "/proc");
	err = message->flags & EXEC_PID1 ? machine_mount_proc() : 0;
	if (err)
		return err;

	report->stage = STAGE_USER;
	err = user_resolve(&user, message->user, &files, report->text, sizeof(report->text));
	if (err)
		return err;

	report->stage = STAGE_SPAWN;
	strcpy(report->text, "standard streams");
	err = take_stdio(child, &user);
	if (err)
		return err;
	strcpy(report->text, "/dev/console");
	err = message->flags & EXEC_PID1 && message->flags & EXEC_TTY ? machine_bind_console(STDIN_FILENO) : 0;
	if (err)
		return err;
	strcpy(report->text, "resource limits");
	err = apply_rlimits(child);
	if (err)
		return err;
	strcpy(report->text, "environment");
	err = add_home(message, user.home);
	if (err)
		return err;

	/* Still as root, which may create the folder, and enter it where the user may not. */
	report->stage = STAGE_CWD;
	snprintf(report->text, sizeof(report->text), "%s", message->cwd);
	err = enter_cwd(message);
	if (err)
		return err;

	report->stage = STAGE_SPAWN;
	strcpy(report->text, "capabilities");
	err = privileges_restrict_command();
	if (err)
		return err;

	report->stage = STAGE_USER;
	snprintf(report->text, sizeof(report->text), "user %s", message->user);
	err = become(&user);
	if (err)
		return err;

	report->stage = STAGE_EXEC;
	return program_exec(message->argv, message->env, report->text, sizeof(report->text));
}

void child_run(const struct child *child)
{
	static struct child_report report;

	reset_signals();
	report.error = -prepare_and_exec(child, &report);
	/* This fails only if the agent is gone. */
	(void)!write(child->report, &report, offsetof(struct child_report, text) + strlen(report.text) + 1);
	_exit(127);
}
