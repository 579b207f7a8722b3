#include "tools/tool.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tools/connect.h"
#include "tools/container_tool.h"
#include "tools/files_tool.h"
#include "tools/init_tool.h"
#include "tools/listeners.h"
#include "tools/processes.h"
#include "tools/tar_tool.h"
#include "tools/usage.h"

static int idle_tool(int argc, char **argv)
{
	sigset_t ends;
	int received;

	if (argc != 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return TOOL_USAGE;
	}
	/* As PID 1 it becomes the parent of orphans: SIG_IGN makes the kernel reap them. */
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	return sigwait(&ends, &received) == 0 ? 0 : 1;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the name */
} TOOLS[] = {
	{ "connect", connect_tool },
	{ "container", container_tool },
	{ "files", files_tool },
	{ "idle", idle_tool },
	{ "init", init_tool },
	{ "listeners", listeners_tool },
	{ "processes", processes_tool },
	{ "tar", tar_tool },
	{ NULL, NULL },
};

int tool_main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && TOOLS[i].name; i++)
		if (strcmp(TOOLS[i].name, argv[1]) == 0)
			return TOOLS[i].run(argc - 1, argv + 1);
	fprintf(stderr, "smolvm-agent: no such tool: %s\n", argc > 1 ? argv[1] : "");
	return TOOL_USAGE;
}
