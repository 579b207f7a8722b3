/* A description of the current step: when a function fails, it names what failed. */
#ifndef SMOLVM_STEP_H
#define SMOLVM_STEP_H

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

struct step {
	char text[PATH_MAX + 64];
};

__attribute__((format(printf, 2, 3))) static inline void step_begin(struct step *step, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	vsnprintf(step->text, sizeof(step->text), format, values);
	va_end(values);
}

#endif
