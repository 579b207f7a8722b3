/* The guest as a whole, from the setup to the reboot. The agent's tests link a machine of their own. */
#ifndef SMOLVM_MACHINE_H
#define SMOLVM_MACHINE_H

#include "wire/messages.h"
#include "base/step.h"

/* What needs to know nothing of the setup, to be done before that: 0, or -errno with `step` naming what failed. */
int machine_prepare(struct step *step);
/* The rest of it: the same. */
int machine_setup(const struct setup_message *setup, struct step *step);
/* Has /proc show the PID namespace of the caller: 0 or -errno. */
int machine_mount_proc(void);
/* Makes the terminal that `fd` is /dev/console, for an init that writes there: 0 or -errno. */
int machine_show_console(int fd);
/* Brings the clock to that of the host, which has `jumped` or not. */
void machine_follow_clock(uint64_t clock_ns, bool jumped);
/* Kills every process but the agent. */
void machine_kill_all(void);
/* Brings what is kept into a state that survives the end of the VM. */
void machine_settle(void);

/*
 * Before the setup: remembers where the VMM is told an exit code, since the root changes. What its process ends with when
 * it ends before the host's end of the connection has said so.
 */
void machine_open_exit_code(void);
/* How the machine's own command ended, for that. */
void machine_note_exit(int wait_status);

#endif
