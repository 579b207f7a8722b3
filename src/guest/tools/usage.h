#ifndef SMOLVM_USAGE_H
#define SMOLVM_USAGE_H

/* The exit code for an unknown tool or invalid arguments. */
#define TOOL_USAGE 2

#endif
