/*
 * A fuzzer for all code that reads data from the host: the decoder and the parsers of payloads.
 *
 *     fuzz [--seed N] [--iterations N] [--repro SEED]
 *
 * Each iteration has its own seed, which a failure prints. --repro runs only the iteration with that seed.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "wire/frame.h"
#include "host_message.h"
#include "wire/messages.h"
#include "test.h"

#define STREAM_MAX (64 * 1024)
#define FRAMES_MAX 64

static uint64_t iteration_seed, state;

/* SplitMix64. */
static uint32_t random_below(uint32_t bound)
{
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ z >> 31) % bound);
}

static void print_seed(int signal_number)
{
	char line[64];
	int length = snprintf(line, sizeof(line), "  repro: fuzz --repro %llu\n", (unsigned long long)iteration_seed);

	(void)!write(STDERR_FILENO, line, (size_t)length);
	signal(signal_number, SIG_DFL);
	raise(signal_number);
}

/* Makes the sanitizers call abort(), so that print_seed() runs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_abort=0";
}

static char *random_text(void)
{
	static const char *const texts[] = { "", "/", "/data", "KEY=VALUE", "ä€😀", "-- \"$x\" '\n" };

	return (char *)texts[random_below(6)];
}

static void add_setup(struct host_message *message)
{
	static struct setup_file files[4];
	static struct setup_mount mounts[4];
	static struct setup_rlimit rlimits[4];
	struct setup_message setup = {
		.clock_ns = state,
		.hostname = random_text(),
		.flags = random_below(2),
		.rootfs = random_text(),
		.files = files,
		.file_count = random_below(5),
		.mounts = mounts,
		.mount_count = random_below(5),
		.rlimits = rlimits,
		.rlimit_count = random_below(5),
	};

	for (int i = 0; i < 4; i++) {
		const char *content = random_text();

		files[i] = (struct setup_file){ random_text(), random_below(07777),
						{ (const uint8_t *)content, (uint32_t)strlen(content) } };
		mounts[i] = (struct setup_mount){ random_text(), random_text(), random_below(2) };
		rlimits[i] = (struct setup_rlimit){ random_below(16), state, state };
	}
	host_message_setup(message, &setup);
}

static void add_exec(struct host_message *message)
{
	char *argv[5] = { NULL }, *env[5] = { NULL };
	struct exec_message exec = {
		.flags = random_below(16),
		.rows = (uint16_t)random_below(65536),
		.columns = (uint16_t)random_below(65536),
		.cwd = random_text(),
		.user = random_text(),
		.argv = argv,
		.env = env,
	};

	for (uint32_t i = 0, count = 1 + random_below(4); i < count; i++)
		argv[i] = random_text();
	for (uint32_t i = 0, count = random_below(5); i < count; i++)
		env[i] = random_text();
	host_message_exec(message, random_below(3), &exec);
}

static void add_any(struct host_message *message)
{
	host_message_begin(message, random_below(10), random_below(3));
	for (uint32_t i = 0, count = random_below(4); i < count; i++)
		host_message_u32(message, random_below(2) ? random_below(70000) : (uint32_t)state);
}

/* Generates a stream of valid frames. */
static size_t generate(uint8_t *stream)
{
	static struct host_message message;
	size_t length = 0;

	for (uint32_t i = 0, count = 1 + random_below(8); i < count; i++) {
		switch (random_below(3)) {
		case 0: add_setup(&message); break;
		case 1: add_exec(&message); break;
		default: add_any(&message);
		}
		memcpy(stream + length, message.bytes, message.length);
		length += message.length;
	}
	return length;
}

static size_t mutate(uint8_t *stream, size_t length)
{
	for (uint32_t i = 0, count = random_below(6); i < count && length > 4; i++) {
		uint32_t at = random_below((uint32_t)length - 4);

		switch (random_below(4)) {
		case 0: stream[at] ^= (uint8_t)(1u << random_below(8)); break;
		case 1: put_u32(stream + at, random_below(2) ? UINT32_MAX : random_below(300)); break;
		case 2: length = at; break;
		default:
			memmove(stream + at, stream + at + 1, length - at - 1);
			length--;
		}
	}
	return length;
}

/* Checks that a text is inside the payload, with its NUL. */
static void check_text(const struct frame *frame, const char *text)
{
	const char *begin = (const char *)frame->payload, *end = begin + frame->length;

	CHECK(text >= begin && text < end);
	CHECK(memchr(text, 0, (size_t)(end - text)));
}

static void parse_setup(const struct frame *frame)
{
	struct setup_message setup;

	if (setup_message_parse(&setup, frame) == 0) {
		check_text(frame, setup.hostname);
		check_text(frame, setup.rootfs);
		for (uint32_t i = 0; i < setup.file_count; i++) {
			check_text(frame, setup.files[i].path);
			CHECK(setup.files[i].content.bytes >= frame->payload);
			CHECK(setup.files[i].content.length <=
			      (size_t)(frame->payload + frame->length - setup.files[i].content.bytes));
		}
		for (uint32_t i = 0; i < setup.mount_count; i++) {
			check_text(frame, setup.mounts[i].source);
			check_text(frame, setup.mounts[i].target);
		}
	}
	setup_message_free(&setup);
}

static void parse_exec(const struct frame *frame)
{
	struct exec_message exec;

	if (exec_message_parse(&exec, frame) == 0) {
		uint32_t count = 0;

		check_text(frame, exec.cwd);
		check_text(frame, exec.user);
		CHECK(exec.argv[0]);
		for (char **argument = exec.argv; *argument; argument++)
			check_text(frame, *argument);
		for (; exec.env[count]; count++)
			check_text(frame, exec.env[count]);
		CHECK_INT(exec.env_count, count);
		exec.env[count] = "HOME=/"; /* the room that is promised */
	}
	exec_message_free(&exec);
}

struct seen {
	uint32_t type, stream, length;
};

/* Decodes the stream in random pieces. Returns the number of frames, and the last result in *result. */
static size_t decode(const uint8_t *stream, size_t length, uint32_t piece, struct seen *seen, int *result, bool parse)
{
	struct decoder decoder = { .max_payload = 4096 };
	struct frame frame;
	size_t count = 0;

	*result = 0;
	for (size_t at = 0; at < length && *result >= 0;) {
		const uint8_t *data = stream + at;
		size_t size = 1 + (piece > 1 ? random_below(piece) : 0), left;

		left = size = size < length - at ? size : length - at;
		while ((*result = decoder_feed(&decoder, &data, &left, &frame)) > 0) {
			uint32_t numbers[2];
			uint16_t rows, columns;
			uint64_t clock_ns;
			bool jumped;

			CHECK(frame.length <= decoder.max_payload && count < FRAMES_MAX);
			seen[count++] = (struct seen){ frame.type, frame.stream, frame.length };
			if (!parse)
				continue;
			numbers_parse(numbers, random_below(3), &frame);
			clock_message_parse(&clock_ns, &jumped, &frame);
			window_size_parse(&rows, &columns, &frame);
			if (random_below(2))
				parse_setup(&frame);
			else
				parse_exec(&frame);
		}
		at += size;
	}
	decoder_free(&decoder);
	return count;
}

static void iterate(uint64_t seed)
{
	static uint8_t stream[STREAM_MAX];
	static struct seen whole[FRAMES_MAX], pieces[FRAMES_MAX];
	int whole_result, pieces_result;

	iteration_seed = state = seed;

	size_t length = mutate(stream, generate(stream));
	size_t count = decode(stream, length, (uint32_t)length + 1, whole, &whole_result, true);

	/* The result must not depend on the sizes of the pieces. */
	CHECK_INT(decode(stream, length, 1 + random_below(40), pieces, &pieces_result, false), count);
	CHECK_INT(pieces_result, whole_result);
	CHECK(!memcmp(pieces, whole, count * sizeof(*whole)));
}

int main(int argc, char **argv)
{
	uint64_t seed = 1, iterations = 1000;

	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 10);

		if (!strcmp(argv[i], "--seed"))
			seed = value;
		else if (!strcmp(argv[i], "--iterations"))
			iterations = value;
		else if (!strcmp(argv[i], "--repro"))
			seed = value, iterations = 1;
		else
			return fprintf(stderr, "fuzz: unknown option %s\n", argv[i]), 2;
	}
	signal(SIGABRT, print_seed);
	signal(SIGSEGV, print_seed);
	signal(SIGBUS, print_seed);
	for (uint64_t i = 0; i < iterations; i++)
		iterate(seed + i);
	printf("%llu iterations from seed %llu\n1 passed, 0 failed\n", (unsigned long long)iterations,
	       (unsigned long long)seed);
	return 0;
}
