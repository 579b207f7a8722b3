/*
 * What root in the guest is kept from: everything that reaches the machine below the guest's kernel, whose devices the
 * host serves. docs/security.md has the list and the reasons.
 */
#ifndef SMOLVM_PRIVILEGES_H
#define SMOLVM_PRIVILEGES_H

/*
 * Restricts the agent, and with it whatever it starts from now on: root could trace the agent and have what it has. It
 * keeps CAP_SYS_BOOT alone of what commands lack, to end the VM. 0 or -errno.
 */
int privileges_restrict_agent(void);
/* Restricts a command, in its child while that is root still: 0 or -errno. */
int privileges_restrict_command(void);

#endif
