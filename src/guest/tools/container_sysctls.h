/* The kernel's settings that an OCI container asks for. */
#ifndef SMOLVM_CONTAINER_SYSCTLS_H
#define SMOLVM_CONTAINER_SYSCTLS_H

/* Writes those of lines PATH=VALUE, or of "-" none; 0, or -errno when it has said on standard error which one failed. */
int sysctls_set(char *text);

#endif
