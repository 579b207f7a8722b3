/* The sysctls of an OCI container. */
#ifndef SMOLVM_CONTAINER_SYSCTLS_H
#define SMOLVM_CONTAINER_SYSCTLS_H

/* Sets the sysctls in lines PATH=VALUE; "-" means none. Returns 0, or -errno after a message on standard error. */
int sysctls_set(char *text);

#endif
