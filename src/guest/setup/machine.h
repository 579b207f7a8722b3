/* The guest system, from setup to reboot. The agent's tests link a fake of it. */
#ifndef SMOLVM_MACHINE_H
#define SMOLVM_MACHINE_H

#include "wire/messages.h"
#include "base/step.h"

/* The part of the setup that does not need MSG_SETUP: 0, or -errno with `step` naming what failed. */
int machine_prepare(struct step *step);
/* The rest of the setup: 0, or -errno with `step` naming what failed. */
int machine_setup(const struct setup_message *setup, struct step *step);
/* Mounts a new /proc, which shows the PID namespace of the caller: 0 or -errno. */
int machine_mount_proc(void);
/* Mounts the terminal `fd` on /dev/console, for an init that writes there: 0 or -errno. */
int machine_bind_console(int fd);
/* Adjusts the clock to the host's. `jumped`: the host's clock has jumped. */
void machine_follow_clock(uint64_t clock_ns, bool jumped);
/* Kills every process but the agent. */
void machine_kill_all(void);
/* Writes all persistent data out, so that it survives the end of the VM. */
void machine_sync(void);

/*
 * Opens the file through which machine_report_exit() passes an exit code to the VMM. Call it before the setup, which
 * changes the root. The VMM's process exits with this code, in case it ends before MSG_EXITED has reached the host.
 */
void machine_open_exit_code(void);
/* Passes the exit code of the machine's main command to the VMM. */
void machine_report_exit(int wait_status);

#endif
