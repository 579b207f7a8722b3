/*
 * The lower bound of every start-up time: a launcher that only boots a folder with libkrun.
 *
 *     floor LIBFOLDER ROOTFS PROGRAM [ARG...]
 *
 * One CPU, 512 MiB, libkrun's defaults for everything else. The guest's output goes to /dev/null: only the time counts.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static void *load(const char *folder, const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	void *library = dlopen(path, RTLD_NOW);
	if (!library) {
		fprintf(stderr, "floor: %s\n", dlerror());
		exit(1);
	}
	return library;
}

static void check(const char *call, int32_t result)
{
	if (result >= 0)
		return;
	fprintf(stderr, "floor: %s failed: %d\n", call, result);
	exit(1);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: floor LIBFOLDER ROOTFS PROGRAM [ARG...]\n");
		return 2;
	}
	/* libkrun finds the firmware by its leaf name once it is loaded. */
	load(argv[1], "libkrunfw.so.5");
	void *krun = load(argv[1], "libkrun.so.1");
	int32_t (*create_ctx)(void) = dlsym(krun, "krun_create_ctx");
	int32_t (*set_vm_config)(uint32_t, uint8_t, uint32_t) = dlsym(krun, "krun_set_vm_config");
	int32_t (*set_root)(uint32_t, const char *) = dlsym(krun, "krun_set_root");
	int32_t (*set_console_output)(uint32_t, const char *) = dlsym(krun, "krun_set_console_output");
	int32_t (*set_exec)(uint32_t, const char *, char *const[], const char *const[]) = dlsym(krun, "krun_set_exec");
	int32_t (*start_enter)(uint32_t) = dlsym(krun, "krun_start_enter");
	const char *const environment[] = { "PATH=/bin", NULL };

	int32_t ctx = create_ctx();
	check("krun_create_ctx", ctx);
	check("krun_set_vm_config", set_vm_config(ctx, 1, 512));
	check("krun_set_root", set_root(ctx, argv[2]));
	check("krun_set_console_output", set_console_output(ctx, "/dev/null"));
	check("krun_set_exec", set_exec(ctx, argv[3], argv + 4, environment));
	check("krun_start_enter", start_enter(ctx));
	return 1;
}
