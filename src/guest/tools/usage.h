#ifndef SMOLVM_USAGE_H
#define SMOLVM_USAGE_H

/* The exit code of a tool that is not there, or does not take its arguments. */
#define TOOL_USAGE 2

#endif
