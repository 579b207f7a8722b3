/* The golden frames, and cases of the decoder that are not among them. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/frame.h"
#include "host_message.h"
#include "wire/messages.h"
#include "test.h"

#ifndef FRAMES_FILE
#error "FRAMES_FILE: path of tests/fixtures/frames.txt"
#endif

struct golden {
	uint8_t *bytes;
	size_t length;
};

/* The frame with that name in the fixture. */
static struct golden golden_of(const char *name)
{
	FILE *file = fopen(FRAMES_FILE, "r");
	char *line = NULL;
	size_t size = 0, length = strlen(name);
	struct golden golden = { 0 };

	CHECK(file);
	while (!golden.bytes && getline(&line, &size, file) >= 0) {
		if (strncmp(line, name, length) || line[length] != ' ')
			continue;

		const char *hex = line + length + 1;
		unsigned byte;

		golden.bytes = malloc(strlen(hex));
		for (; sscanf(hex, "%2x", &byte) == 1 && *hex != ' '; hex += 2)
			golden.bytes[golden.length++] = (uint8_t)byte;
	}
	free(line);
	fclose(file);
	if (!golden.bytes)
		test_fail(__FILE__, __LINE__, "no frame \"%s\" in the fixture", name);
	return golden;
}

/* Decodes a frame byte by byte: it must be complete with the last byte, and only once. */
static struct frame decode(struct decoder *decoder, const struct golden *golden)
{
	struct frame frame = { 0 };

	memset(decoder, 0, sizeof(*decoder));
	decoder->max_payload = HOST_PAYLOAD_MAX;
	for (size_t i = 0; i < golden->length; i++) {
		const uint8_t *data = golden->bytes + i;
		size_t left = 1;

		CHECK_INT(decoder_feed(decoder, &data, &left, &frame), i + 1 == golden->length);
		CHECK_INT(left, 0);
	}
	return frame;
}

static void check_host_frame(const char *name, const struct host_message *message)
{
	struct golden golden = golden_of(name);

	CHECK_INT(message->length, golden.length);
	CHECK(!memcmp(message->bytes, golden.bytes, golden.length));
	free(golden.bytes);
}

static void check_guest_frame(const char *name, const struct frame_out *out)
{
	struct golden golden = golden_of(name);

	CHECK_INT(out->length, golden.length);
	CHECK(!memcmp(out->bytes, golden.bytes, golden.length));
	free(golden.bytes);
}

static void setup_parse(const char *name, struct decoder *decoder, struct setup_message *message)
{
	struct golden golden = golden_of(name);
	struct frame frame = decode(decoder, &golden);

	free(golden.bytes);
	CHECK_INT(frame.type, MSG_SETUP);
	CHECK_INT(frame.stream, 0);
	CHECK_INT(setup_message_parse(message, &frame), 0);
}

static void golden_setup(void)
{
	struct decoder decoder;
	struct setup_message setup;

	setup_parse("setup", &decoder, &setup);
	CHECK(setup.clock_ns == 1795438718166000001ull);
	CHECK_TEXT(setup.hostname, "schön");
	CHECK_INT(setup.flags, SETUP_OVERLAY);
	CHECK_TEXT(setup.rootfs, "/s/rootfs");
	CHECK_INT(setup.file_count, 3);
	CHECK_TEXT(setup.files[0].path, "/etc/resolv.conf");
	CHECK_INT(setup.files[0].mode, 0644);
	CHECK_INT(setup.files[0].content.length, 19);
	CHECK(!memcmp(setup.files[0].content.bytes, "nameserver 1.1.1.1\n", 19));
	CHECK_TEXT(setup.files[1].path, "/empty");
	CHECK_INT(setup.files[1].content.length, 0);
	CHECK_TEXT(setup.files[2].path, "/bin/日本");
	CHECK_INT(setup.files[2].mode, 04755);
	CHECK(!memcmp(setup.files[2].content.bytes, "\x00\xff\x0a", 3));
	CHECK_INT(setup.mount_count, 2);
	CHECK_TEXT(setup.mounts[0].source, "/s/v0");
	CHECK_TEXT(setup.mounts[0].target, "/data");
	CHECK_INT(setup.mounts[0].flags, 0);
	CHECK_TEXT(setup.mounts[1].source, "v1");
	CHECK_TEXT(setup.mounts[1].target, "/mnt/a b");
	CHECK_INT(setup.mounts[1].flags, MOUNT_READ_ONLY);
	CHECK_INT(setup.rlimit_count, 1);
	CHECK_INT(setup.rlimits[0].resource, 7);
	CHECK_INT(setup.rlimits[0].soft, 1024);
	CHECK(setup.rlimits[0].hard == UINT64_MAX);
	CHECK_INT(setup.interface_count, 1);
	CHECK_TEXT(setup.interfaces[0].name, "eth0");
	CHECK(setup.interfaces[0].address == 0xc0a87f02);
	CHECK_INT(setup.interfaces[0].prefix, 24);
	CHECK(setup.interfaces[0].gateway == 0xc0a87f01);
	CHECK_INT(setup.interfaces[0].mtu, 65520);

	char text[INET6_ADDRSTRLEN];

	CHECK_TEXT(inet_ntop(AF_INET6, &setup.interfaces[0].address6, text, sizeof(text)), "fd73:6d6f:6c76:6d00::2");
	CHECK_INT(setup.interfaces[0].prefix6, 64);
	CHECK_TEXT(inet_ntop(AF_INET6, &setup.interfaces[0].gateway6, text, sizeof(text)), "fd73:6d6f:6c76:6d00::1");
	CHECK_INT(setup.share_files, 1048576);

	struct host_message message;

	host_message_setup(&message, &setup);
	check_host_frame("setup", &message);
	setup_message_free(&setup);
	decoder_free(&decoder);
}

static void golden_setup_empty(void)
{
	struct decoder decoder;
	struct setup_message setup;
	struct host_message message;

	setup_parse("setup-empty", &decoder, &setup);
	CHECK_INT(setup.clock_ns, 0);
	CHECK_TEXT(setup.hostname, "");
	CHECK_INT(setup.flags, 0);
	CHECK_TEXT(setup.rootfs, "rootfs");
	CHECK_INT(setup.file_count + setup.mount_count + setup.rlimit_count + setup.interface_count, 0);
	host_message_setup(&message, &setup);
	check_host_frame("setup-empty", &message);
	setup_message_free(&setup);
	decoder_free(&decoder);
}

static void golden_setup_max(void)
{
	struct decoder decoder;
	struct setup_message setup;
	struct host_message message;

	setup_parse("setup-max", &decoder, &setup);
	CHECK(setup.clock_ns == UINT64_MAX);
	CHECK_INT(strlen(setup.hostname), 64);
	CHECK_INT(setup.flags, SETUP_OVERLAY | SETUP_EPHEMERAL);
	CHECK_INT(setup.files[0].mode, UINT32_MAX);
	CHECK_INT(setup.rlimits[0].resource, UINT32_MAX);
	CHECK(setup.rlimits[0].soft == UINT64_MAX);
	CHECK_INT(setup.rlimits[0].hard, 0);
	host_message_setup(&message, &setup);
	check_host_frame("setup-max", &message);
	setup_message_free(&setup);
	decoder_free(&decoder);
}

static void golden_setup_container(void)
{
	struct decoder decoder;
	struct setup_message setup;
	struct host_message message;

	setup_parse("setup-container", &decoder, &setup);
	CHECK_INT(setup.flags, SETUP_WRITABLE | SETUP_EPHEMERAL);
	CHECK_INT(setup.mounts[0].flags, MOUNT_READ_ONLY | MOUNT_NO_SUID);
	CHECK_TEXT(setup.mounts[1].source, "size=64k,mode=1777");
	CHECK_INT(setup.mounts[1].flags, MOUNT_TMPFS | MOUNT_NO_DEVICES | MOUNT_NO_EXEC);
	host_message_setup(&message, &setup);
	check_host_frame("setup-container", &message);
	setup_message_free(&setup);
	decoder_free(&decoder);
}

static void exec_parse(const char *name, struct decoder *decoder, uint32_t stream, struct exec_message *message)
{
	struct golden golden = golden_of(name);
	struct frame frame = decode(decoder, &golden);

	free(golden.bytes);
	CHECK_INT(frame.type, MSG_EXEC);
	CHECK_INT(frame.stream, stream);
	CHECK_INT(exec_message_parse(message, &frame), 0);
}

static void golden_exec(void)
{
	static const char *const argv[] = { "sh", "-c", "echo \"$1\"\n", "--", "", "ä€😀" };
	static const char *const env[] = { "PATH=/bin", "EMPTY=", "QUOTED=\"'$ " };
	struct decoder decoder;
	struct exec_message exec;
	struct host_message message;

	exec_parse("exec", &decoder, 1, &exec);
	CHECK_INT(exec.flags, EXEC_STDIN | EXEC_MAKE_CWD | EXEC_PID1);
	CHECK_INT(exec.rows, 0);
	CHECK_INT(exec.columns, 0);
	CHECK_TEXT(exec.cwd, "/work dir");
	CHECK_TEXT(exec.user, "app:wheel");
	for (size_t i = 0; i < 6; i++)
		CHECK_TEXT(exec.argv[i], argv[i]);
	CHECK(!exec.argv[6]);
	CHECK_INT(exec.env_count, 3);
	for (size_t i = 0; i < 3; i++)
		CHECK_TEXT(exec.env[i], env[i]);
	CHECK(!exec.env[3] && !exec.env[4]);
	host_message_exec(&message, 1, &exec);
	check_host_frame("exec", &message);
	exec_message_free(&exec);
	decoder_free(&decoder);
}

static void golden_exec_tty(void)
{
	struct decoder decoder;
	struct exec_message exec;
	struct host_message message;

	exec_parse("exec-tty", &decoder, UINT32_MAX, &exec);
	CHECK_INT(exec.flags, EXEC_TTY);
	CHECK_INT(exec.rows, UINT16_MAX);
	CHECK_INT(exec.columns, UINT16_MAX);
	CHECK_TEXT(exec.cwd, "");
	CHECK_TEXT(exec.user, "");
	CHECK_TEXT(exec.argv[0], "/bin/true");
	CHECK(!exec.argv[1]);
	CHECK_INT(exec.env_count, 0);
	host_message_exec(&message, UINT32_MAX, &exec);
	check_host_frame("exec-tty", &message);
	exec_message_free(&exec);
	decoder_free(&decoder);
}

/* The frames whose payload contains only numbers. */
static void golden_small(void)
{
	static const struct {
		const char *name;
		uint32_t type, stream, count;
		uint32_t numbers[2];
	} of_numbers[] = {
		{ "resize", MSG_RESIZE, 2, 2, { 50, 132 } },
		{ "signal", MSG_SIGNAL, 2, 1, { 64 } },
		{ "credit", MSG_CREDIT, 7, 2, { CHANNEL_STDERR, STREAM_WINDOW } },
		{ "ack", MSG_ACK, 0, 1, { UINT32_MAX } },
		{ "shutdown", MSG_SHUTDOWN, 0, 0, { 0 } },
		{ "hello", MSG_HELLO, 0, 1, { SMOLVM_PROTOCOL_VERSION } },
		{ "ready", MSG_READY, 0, 0, { 0 } },
		{ "started", MSG_STARTED, 1, 1, { 4194304 } },
		{ "stdin-credit", MSG_STDIN_CREDIT, 3, 1, { 16384 } },
		{ "exited-code", MSG_EXITED, 1, 2, { EXIT_CODE, 255 } },
		{ "exited-signal", MSG_EXITED, 1, 2, { EXIT_SIGNAL, 64 } },
		{ "exited-memory", MSG_EXITED, 1, 2, { EXIT_SIGNAL | EXIT_OUT_OF_MEMORY, 9 } },
		{ "bye", MSG_BYE, 0, 0, { 0 } },
	};

	for (size_t i = 0; i < sizeof(of_numbers) / sizeof(*of_numbers); i++) {
		struct golden golden = golden_of(of_numbers[i].name);
		struct decoder decoder;
		struct frame frame = decode(&decoder, &golden);
		struct frame_out out;
		uint32_t numbers[2] = { 0 };

		CHECK_INT(frame.type, of_numbers[i].type);
		CHECK_INT(frame.stream, of_numbers[i].stream);
		CHECK_INT(numbers_parse(numbers, of_numbers[i].count, &frame), 0);
		CHECK(!memcmp(numbers, of_numbers[i].numbers, sizeof(numbers)));

		frame_begin(&out, of_numbers[i].type, of_numbers[i].stream);
		for (uint32_t n = 0; n < of_numbers[i].count; n++)
			frame_add_u32(&out, of_numbers[i].numbers[n]);
		check_guest_frame(of_numbers[i].name, &out);
		free(golden.bytes);
		decoder_free(&decoder);
	}
}

static void golden_bytes(void)
{
	static const struct {
		const char *name;
		uint32_t type, stream;
		const char *bytes;
		uint32_t length;
	} of_bytes[] = {
		{ "stdin", MSG_STDIN, 1, "\0\1\2\3\4\5\6\7\xff\xfe", 10 }, { "stdin-end", MSG_STDIN, 1, "", 0 },
		{ "stdout", MSG_STDOUT, 1, "\0\r\n€", 6 },                { "stdout-end", MSG_STDOUT, 1, "", 0 },
		{ "stderr", MSG_STDERR, UINT32_MAX, "\xff", 1 },
	};

	for (size_t i = 0; i < sizeof(of_bytes) / sizeof(*of_bytes); i++) {
		struct golden golden = golden_of(of_bytes[i].name);
		struct decoder decoder;
		struct frame frame = decode(&decoder, &golden);
		struct frame_out out;

		CHECK_INT(frame.type, of_bytes[i].type);
		CHECK_INT(frame.stream, of_bytes[i].stream);
		CHECK_INT(frame.length, of_bytes[i].length);
		CHECK(!memcmp(frame.payload, of_bytes[i].bytes, frame.length));

		frame_begin(&out, of_bytes[i].type, of_bytes[i].stream);
		memcpy(frame_end(&out), of_bytes[i].bytes, of_bytes[i].length);
		frame_added(&out, of_bytes[i].length);
		check_guest_frame(of_bytes[i].name, &out);
		free(golden.bytes);
		decoder_free(&decoder);
	}
}

static void golden_failed(void)
{
	static const struct {
		const char *name;
		uint32_t stream, error, stage;
		const char *text;
	} failures[] = {
		{ "failed", 9, ENOENT, STAGE_EXEC, "/app.sh: interpreter /bin/bäsh not found" },
		{ "failed-setup", 0, UINT32_MAX, STAGE_SETUP, "" },
	};

	for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
		struct golden golden = golden_of(failures[i].name);
		struct decoder decoder;
		struct frame frame = decode(&decoder, &golden);
		struct reader reader = reader_of(frame.payload, frame.length);
		struct frame_out out;

		CHECK_INT(frame.type, MSG_FAILED);
		CHECK_INT(frame.stream, failures[i].stream);
		CHECK_INT(read_u32(&reader), failures[i].error);
		CHECK_INT(read_u32(&reader), failures[i].stage);
		CHECK_TEXT(read_str(&reader), failures[i].text);
		CHECK_INT(reader_end(&reader), 0);

		frame_begin(&out, MSG_FAILED, failures[i].stream);
		frame_add_u32(&out, failures[i].error);
		frame_add_u32(&out, failures[i].stage);
		frame_add_text(&out, failures[i].text);
		check_guest_frame(failures[i].name, &out);
		free(golden.bytes);
		decoder_free(&decoder);
	}
}

static void golden_clock(void)
{
	static const struct {
		const char *name;
		uint64_t clock_ns;
		bool jumped;
	} clocks[] = { { "clock", 1795438718166000001, true }, { "clock-drift", UINT64_MAX, false } };

	for (size_t i = 0; i < sizeof(clocks) / sizeof(*clocks); i++) {
		struct golden golden = golden_of(clocks[i].name);
		struct decoder decoder;
		struct frame frame = decode(&decoder, &golden);
		struct host_message message;
		uint64_t clock_ns;
		bool jumped;

		CHECK_INT(frame.type, MSG_CLOCK);
		CHECK_INT(frame.stream, 0);
		CHECK_INT(clock_message_parse(&clock_ns, &jumped, &frame), 0);
		CHECK(clock_ns == clocks[i].clock_ns);
		CHECK_INT(jumped, clocks[i].jumped);
		host_message_begin(&message, MSG_CLOCK, 0);
		host_message_u32(&message, (uint32_t)clock_ns);
		host_message_u32(&message, (uint32_t)(clock_ns >> 32));
		host_message_u32(&message, jumped ? CLOCK_JUMPED : 0);
		check_host_frame(clocks[i].name, &message);
		frame.payload[8] |= 2;
		CHECK_INT(clock_message_parse(&clock_ns, &jumped, &frame), -EPROTO);
		free(golden.bytes);
		decoder_free(&decoder);
	}
}

/* Fails for lines of the fixture that no test above reads: only the TypeScript tests would cover them. */
static void golden_all_known(void)
{
	static const char known[] =
		" setup setup-empty setup-max setup-container exec exec-tty stdin stdin-end resize signal credit ack shutdown clock clock-drift hello"
		" ready started stdout stdout-end stderr stdin-credit exited-code exited-signal exited-memory failed failed-setup bye ";
	FILE *file = fopen(FRAMES_FILE, "r");
	char *line = NULL, name[64];
	size_t size = 0;
	int lines = 0;

	CHECK(file);
	while (getline(&line, &size, file) >= 0) {
		if (*line == '#')
			continue;
		snprintf(name, sizeof(name), " %.*s ", (int)strcspn(line, " "), line);
		if (!strstr(known, name))
			test_fail(__FILE__, __LINE__, "the frame \"%s\" has no test", name);
		lines++;
	}
	CHECK_INT(lines, 28);
	free(line);
	fclose(file);
}

static int feed(uint32_t max_payload, uint32_t length)
{
	struct decoder decoder = { .max_payload = max_payload };
	uint8_t header[FRAME_HEADER_BYTES] = { 0 };
	const uint8_t *data = header;
	size_t left = sizeof(header);
	struct frame frame;

	put_u32(header, length);

	int result = decoder_feed(&decoder, &data, &left, &frame);

	decoder_free(&decoder);
	return result;
}

static void decoder_refuses_large(void)
{
	CHECK_INT(feed(HOST_PAYLOAD_MAX, HOST_PAYLOAD_MAX), 0);
	CHECK_INT(feed(HOST_PAYLOAD_MAX, HOST_PAYLOAD_MAX + 1), -EMSGSIZE);
	CHECK_INT(feed(HOST_PAYLOAD_MAX, UINT32_MAX), -EMSGSIZE);
	CHECK_INT(feed(0, 0), 1);
}

static void decoder_takes_one_frame_a_call(void)
{
	struct decoder decoder = { .max_payload = 16 };
	uint8_t bytes[2 * FRAME_HEADER_BYTES + 1] = { 0 };
	const uint8_t *data = bytes;
	size_t left = sizeof(bytes);
	struct frame frame;

	put_u32(bytes, 1);
	put_u32(bytes + 4, 8);
	bytes[FRAME_HEADER_BYTES] = 42;
	CHECK_INT(decoder_feed(&decoder, &data, &left, &frame), 1);
	CHECK_INT(frame.type, 8);
	CHECK_INT(frame.payload[0], 42);
	CHECK_INT(left, FRAME_HEADER_BYTES);
	CHECK_INT(decoder_feed(&decoder, &data, &left, &frame), 1);
	CHECK_INT(frame.length, 0);
	CHECK_INT(decoder_feed(&decoder, &data, &left, &frame), 0);
	decoder_free(&decoder);
}

static void text_is_cut_to_the_frame(void)
{
	static char text[2 * GUEST_FRAME_MAX];
	struct frame_out out;

	memset(text, 'x', sizeof(text) - 1);
	frame_begin(&out, MSG_FAILED, 1);
	frame_add_text(&out, text);
	CHECK_INT(out.length, GUEST_FRAME_MAX);
	CHECK_INT(get_u32(out.bytes), GUEST_PAYLOAD_MAX);
	CHECK_INT(get_u32(out.bytes + FRAME_HEADER_BYTES), GUEST_PAYLOAD_MAX - 4);
}

/* Each message is refused as a whole. */
static void exec_refuses_malformed(void)
{
	static const struct {
		const char *why;
		const char *payload;
		uint32_t length;
	} cases[] = {
		{ "nothing at all", "", 0 },
		{ "an unknown flag", "\x10\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\1\0\0\0\1\0\0\0x" "\0\0\0\0", 33 },
		{ "too many rows", "\0\0\0\0" "\0\0\1\0\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\1\0\0\0\1\0\0\0x" "\0\0\0\0", 33 },
		{ "no argv", "\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\0\0\0\0", 28 },
		{ "a NUL in a string", "\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\1\0\0\0\1\0\0\0\0" "\0\0\0\0", 33 },
		{ "a list without its items", "\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\xff\xff\xff\xff", 24 },
		{ "a string past the end", "\0\0\0\0" "\0\0\0\0\0\0\0\0" "\xff\xff\xff\xff", 16 },
		{ "a byte too many", "\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0" "\0\0\0\0" "\1\0\0\0\1\0\0\0x" "\0\0\0\0" "x", 34 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint8_t *payload = malloc(cases[i].length + 1);
		struct exec_message exec;

		memcpy(payload, cases[i].payload, cases[i].length);

		int err = exec_message_parse(&exec, &(struct frame){ .payload = payload, .length = cases[i].length });

		if (err != -EPROTO)
			test_fail(__FILE__, __LINE__, "%s gives %d", cases[i].why, err);
		exec_message_free(&exec);
		free(payload);
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "golden frames: setup", golden_setup },
		{ "golden frames: setup-empty", golden_setup_empty },
		{ "golden frames: setup-max", golden_setup_max },
		{ "golden frames: setup-container", golden_setup_container },
		{ "golden frames: exec", golden_exec },
		{ "golden frames: exec-tty", golden_exec_tty },
		{ "golden frames of numbers", golden_small },
		{ "golden frames of bytes", golden_bytes },
		{ "golden frames: failed", golden_failed },
		{ "golden frames: clock", golden_clock },
		{ "golden frames: each line has a test", golden_all_known },
		{ "decoder_feed() refuses a frame over the limit at its header", decoder_refuses_large },
		{ "decoder_feed() consumes one frame per call", decoder_takes_one_frame_a_call },
		{ "frame_add_text() truncates the text to the frame", text_is_cut_to_the_frame },
		{ "exec_message_parse() refuses malformed messages", exec_refuses_malformed },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
