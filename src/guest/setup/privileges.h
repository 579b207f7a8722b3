/*
 * Restricts root in the guest: it gets no direct access to the hardware below the guest kernel, whose devices the host
 * emulates. docs/security.md has the list and the reasons.
 */
#ifndef SMOLVM_PRIVILEGES_H
#define SMOLVM_PRIVILEGES_H

/*
 * Restricts the agent and all processes it starts from now on: root could trace the agent and use its privileges. Of
 * the capabilities that commands lack, the agent keeps only CAP_SYS_BOOT, to end the VM. 0 or -errno.
 */
int privileges_restrict_agent(void);
/* Restricts a command; called in the child while it is still root. 0 or -errno. */
int privileges_restrict_command(void);

#endif
