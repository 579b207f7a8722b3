/* The guest as a whole, from the setup to the reboot. The agent's tests link a machine of their own. */
#ifndef SMOLVM_MACHINE_H
#define SMOLVM_MACHINE_H

#include "messages.h"
#include "step.h"

/* 0, or -errno with `step` naming what failed. */
int machine_setup(const struct setup_message *setup, struct step *step);
/* Kills every process but the agent. */
void machine_kill_all(void);
/* Brings the disk into a state that survives the end of the VM. */
void machine_settle(void);

#endif
