/* A fake of the kernel's drop_caches file. */
#ifndef SMOLVM_TEST_DROP_CACHES_H
#define SMOLVM_TEST_DROP_CACHES_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/wait.h>

#include "test.h"

/* Whether "3" was written to this file of the test's folder since the last call. */
static inline bool was_dropped(const char *name)
{
	char path[512], first = 0;

	while (waitpid(-1, NULL, 0) > 0)
		;
	snprintf(path, sizeof(path), "%s/%s", test_folder(), name);

	FILE *file = fopen(path, "r+");

	CHECK(file);
	CHECK_INT(fread(&first, 1, 1, file), 1);
	rewind(file);
	CHECK_INT(fputc('0', file), '0');
	fclose(file);
	return first == '3';
}

#endif
