#include "tools/processes.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/usage.h"

#define FILE_MAX 4096 /* the most that is read of a file: only command lines may be longer */
#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD of the kernel's sched.h, in the flags of stat */

struct process {
	char name[64];
	char state;
	unsigned flags;
	unsigned long uid;
	unsigned long long cpu_ticks;
	unsigned long long start_ticks; /* since the boot */
	unsigned long long resident_kib;
};

/* Reads the start of /proc/FOLDER/NAME as text. Returns its length, or -errno. */
static ssize_t read_proc(const char *folder, const char *name, char text[FILE_MAX])
{
	char path[300];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%s/%s", folder, name);

	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	length = read(fd, text, FILE_MAX - 1);
	if (length < 0)
		length = -errno;
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	return length;
}

/* The number after a label such as "Uid:", or 0. */
static unsigned long long number_after(const char *text, const char *label)
{
	const char *line = strstr(text, label);

	return line ? strtoull(line + strlen(label), NULL, 10) : 0;
}

/* Returns false when the process has ended or is a kernel thread. */
static bool read_process(const char *pid, struct process *process)
{
	char text[FILE_MAX];
	const char *name, *end;

	if (read_proc(pid, "stat", text) <= 0)
		return false;
	/* The name is in parentheses, and may contain parentheses. */
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end || end < name)
		return false;
	snprintf(process->name, sizeof(process->name), "%.*s", (int)(end - name - 1), name + 1);

	unsigned long long user, kernel;

	/* The fields of proc_pid_stat(5) from the third on. */
	if (sscanf(end + 1, " %c %*d %*d %*d %*d %*d %u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %*d %*d %llu",
		   &process->state, &process->flags, &user, &kernel, &process->start_ticks) != 5)
		return false;
	process->cpu_ticks = user + kernel;
	/* Searching for labels is safe: the kernel escapes line feeds in the process's name. */
	if (read_proc(pid, "status", text) <= 0)
		return false;
	process->uid = (unsigned long)number_after(text, "\nUid:\t");
	process->resident_kib = number_after(text, "\nVmRSS:\t");
	return !(process->flags & KERNEL_THREAD);
}

/* Prints the command line, in which NULs separate the arguments. */
static void print_command(const char *pid, const char *name)
{
	char text[FILE_MAX];
	ssize_t length = read_proc(pid, "cmdline", text);

	while (length > 0 && text[length - 1] == '\0')
		length--;
	if (length <= 0)
		length = snprintf(text, sizeof(text), "[%s]", name);
	for (ssize_t i = 0; i < length; i++)
		putchar(text[i] == '\0' ? ' ' : iscntrl((unsigned char)text[i]) ? '?' : text[i]);
	putchar('\n');
}

static void print_process(const char *pid, const struct process *process, uint64_t uptime_ms)
{
	uint64_t ticks_per_s = (uint64_t)sysconf(_SC_CLK_TCK);
	uint64_t start_ms = process->start_ticks * 1000 / ticks_per_s;
	uint64_t age_ms = uptime_ms > start_ms ? uptime_ms - start_ms : 0;

	printf("%s %lu %c %llu %llu %llu ", pid, process->uid, process->state,
	       (unsigned long long)(process->cpu_ticks * 1000 / ticks_per_s), (unsigned long long)age_ms,
	       process->resident_kib);
	print_command(pid, process->name);
}

static uint64_t uptime_ms(void)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int processes_tool(int argc, char **argv)
{
	char text[FILE_MAX];
	uint64_t now = uptime_ms();
	DIR *proc;
	struct dirent *entry;
	char own_pid[16];

	if (argc != 1) {
		fprintf(stderr, "usage: %s\n", argv[0]);
		return TOOL_USAGE;
	}
	proc = opendir("/proc");
	if (!proc || read_proc(".", "meminfo", text) <= 0) {
		fprintf(stderr, "Cannot read /proc: %s\n", strerror(errno));
		if (proc)
			closedir(proc);
		return 1;
	}
	printf("%llu %llu\n", number_after(text, "MemTotal:"), number_after(text, "MemAvailable:"));
	snprintf(own_pid, sizeof(own_pid), "%d", (int)getpid());
	while ((entry = readdir(proc))) {
		struct process process;

		if (isdigit((unsigned char)entry->d_name[0]) && strcmp(entry->d_name, own_pid) != 0 &&
		    read_process(entry->d_name, &process))
			print_process(entry->d_name, &process, now);
	}
	closedir(proc);
	return fflush(stdout) ? 1 : 0;
}
