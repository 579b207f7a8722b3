#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tar/tar_layout.h"
#include "tar/tar_sparse.h"
#include "tar/tar_stream.h"
#include "test.h"

static uint8_t block[TAR_BLOCK];

/* Makes the header of a file, for a test to change. */
static struct tar_layout *make_header(void)
{
	const struct tar_entry entry = { .type = TAR_FILE, .mode = 0640, .uid = 7, .gid = 8, .size = 9, .name = "file" };

	tar_encode(&entry, block);
	return (struct tar_layout *)block;
}

static void seal(struct tar_layout *header)
{
	char digits[12];

	snprintf(digits, sizeof(digits), "%07o", tar_checksum(header));
	memcpy(header->checksum, digits, sizeof(header->checksum));
}

static int decode(struct tar_layout *header, struct tar_entry *entry)
{
	seal(header);
	return tar_decode(entry, block);
}

static char *letters(size_t count)
{
	static char text[PATH_MAX + 1];

	memset(text, 'x', count);
	text[count] = '\0';
	return text;
}

/* Writes an entry and reads it again. Returns the number of blocks it took. */
static off_t round_trip(const struct tar_entry *entry)
{
	struct tar_reader reader = { .fd = memfd_create("tar", MFD_CLOEXEC) };
	struct tar_entry back;

	CHECK_INT(tar_write_entry(reader.fd, entry), 0);

	off_t bytes = lseek(reader.fd, 0, SEEK_CUR);

	CHECK_INT(lseek(reader.fd, 0, SEEK_SET), 0);
	CHECK_INT(tar_next(&reader, &back), 1);
	CHECK_INT(back.type, entry->type);
	CHECK_INT(back.mode, entry->mode);
	CHECK_INT(back.uid, entry->uid);
	CHECK_INT(back.gid, entry->gid);
	CHECK_INT(back.size, entry->size);
	CHECK_INT(back.mtime.tv_sec, entry->mtime.tv_sec);
	CHECK_INT(back.mtime.tv_nsec, entry->mtime.tv_nsec);
	CHECK_TEXT(back.name, entry->name);
	CHECK_TEXT(back.link, entry->link);
	close(reader.fd);
	return bytes / TAR_BLOCK;
}

static void what_fits(void)
{
	struct tar_entry entry = { .type = TAR_SYMLINK, .mode = 07777, .uid = 07777777, .gid = 07777777 };

	entry.mtime.tv_sec = 077777777777;
	strcpy(entry.name, letters(100));
	strcpy(entry.link, letters(100));
	CHECK_INT(round_trip(&entry), 1);
	entry.type = TAR_FILE;
	entry.size = 077777777777;
	CHECK_INT(round_trip(&entry), 1);
}

static void what_does_not_fit(void)
{
	struct tar_entry entry = { .type = TAR_FILE, .uid = 07777777 + 1, .gid = UINT32_MAX - 1 };

	entry.size = TAR_SIZE_MAX;
	strcpy(entry.name, letters(PATH_MAX - 1));
	strcpy(entry.link, letters(PATH_MAX - 1));
	entry.mtime = (struct timespec){ .tv_sec = 077777777777 + 1, .tv_nsec = 1 };
	CHECK(round_trip(&entry) > 2 * PATH_MAX / TAR_BLOCK);
	/* Lengths at which the length of a record gets another digit. */
	for (size_t length = 80; length < 1200; length++) {
		strcpy(entry.name, letters(length));
		memset(entry.link, 0, sizeof(entry.link));
		CHECK(round_trip(&entry) > 2);
	}
}

static void times_before_1970(void)
{
	struct tar_entry entry = { .type = TAR_FOLDER, .name = "f", .mtime = { .tv_sec = -1, .tv_nsec = 750000000 } };

	CHECK_INT(round_trip(&entry), 3);
	entry.mtime = (struct timespec){ .tv_sec = -2 };
	CHECK_INT(round_trip(&entry), 3);
}

static void fields_of_others(void)
{
	struct tar_layout *header = make_header();
	struct tar_entry entry;

	memcpy(header->mode, "   644 \0", 8);
	memcpy(header->size, "\x80\0\0\0\0\0\0\x02\0\0\0\x01", 12);
	memcpy(header->mtime, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe", 12);
	memcpy(header->prefix, "a/b", 3);
	CHECK_INT(decode(header, &entry), 0);
	CHECK_INT(entry.mode, 0644);
	CHECK_INT(entry.size, (2LL << 32) + 1);
	CHECK_INT(entry.mtime.tv_sec, -2);
	CHECK_TEXT(entry.name, "a/b/file");
	memcpy(header->magic, "ustar ", 6);
	header->type = '\0';
	CHECK_INT(decode(header, &entry), 0);
	CHECK_TEXT(entry.name, "file");
	CHECK_INT(entry.type, TAR_FILE);
	header->type = TAR_HARD_LINK;
	CHECK_INT(decode(header, &entry), 0);
	CHECK_INT(entry.size, 0);
	header = make_header();
	header->name[4] = (char)0xe4;
	seal(header);
	snprintf((char *)header->checksum, sizeof(header->checksum), "%07o", tar_checksum(header) - 256);
	CHECK_INT(tar_decode(&entry, block), 0);
}

static void broken_headers(void)
{
	static const struct {
		size_t field, length;
		const char *bytes;
	} BROKEN[] = {
		{ offsetof(struct tar_layout, mode), 1, "x" },
		{ offsetof(struct tar_layout, uid), 8, "\xff\xff\xff\xff\xff\xff\xff\xff" },
		{ offsetof(struct tar_layout, gid), 8, "\x80\0\0\x01\0\0\0\0" },
		{ offsetof(struct tar_layout, size), 12, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
		{ offsetof(struct tar_layout, size), 12, "\x80\0\0\0\0\x04\0\0\0\0\0\x01" },
		{ offsetof(struct tar_layout, size), 12, "\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" },
		{ offsetof(struct tar_layout, mtime), 3, "1.5" },
	};
	struct tar_entry entry;

	for (size_t i = 0; i < sizeof(BROKEN) / sizeof(*BROKEN); i++) {
		struct tar_layout *header = make_header();

		CHECK_INT(decode(header, &entry), 0);
		memcpy(block + BROKEN[i].field, BROKEN[i].bytes, BROKEN[i].length);
		CHECK_INT(decode(header, &entry), -EBADMSG);
	}
	make_header()->name[0]++;
	CHECK_INT(tar_decode(&entry, block), -EBADMSG);
}

static int decode_pax(struct tar_entry *entry, const char *records)
{
	char *copy = strdup(records); /* on the heap, where the sanitizer detects reads past the end */
	struct tar_sparse sparse = { 0 };
	int err = tar_decode_pax(entry, &sparse, copy, strlen(records));

	tar_sparse_reset(&sparse);
	free(copy);
	return err;
}

static void records(void)
{
	struct tar_entry entry = { .type = TAR_FILE };

	CHECK_INT(decode_pax(&entry, "10 path=a\n25 mtime=12.3456789012345\n12 foo=bar\n9 uid=42\n11 size=77\n"), -EBADMSG);
	CHECK_INT(decode_pax(&entry, "10 path=a\n26 mtime=12.3456789012345\n11 foo=bar\n10 uid=42\n11 size=77\n"), 0);
	CHECK_TEXT(entry.name, "a");
	CHECK_INT(entry.mtime.tv_sec, 12);
	CHECK_INT(entry.mtime.tv_nsec, 345678901);
	CHECK_INT(entry.uid, 42);
	CHECK_INT(entry.size, 77);
	CHECK_INT(decode_pax(&entry, ""), 0);
	CHECK_INT(decode_pax(&entry, "22 GNU.sparse.major=1\n"), 0);
	CHECK_INT(decode_pax(&entry, "22 GNU.sparse.major=2\n"), -EOPNOTSUPP);
}

static void broken_records(void)
{
	static const char *const BROKEN[] = {
		"x", "10", "10 ", "10path=a\n", "99 path=a\n", "8 path=a\n", "1 \n", "2 \n", "5 ab\n", "8 path=\n",
		"99999999999999999999 path=a\n", "-1 path=a\n", "10 path=a", "11 size=-1\n", "11 size=1x\n", "9 size=\n",
		"25 size=9999999999999999\n", "18 uid=4294967295\n", "13 mtime=1-2\n", "10 mtime=\n", "11 mtime=-\n",
		"34 mtime=999999999999999999999999\n", "22 GNU.sparse.size=-1\n", "21 GNU.sparse.map=1\n",
		"23 GNU.sparse.map=1,2,\n3", "26 GNU.sparse.map=5,2,6,1\n", "26 GNU.sparse.map=1,2;3,4\n",
		"24 GNU.sparse.numbytes=x\n", "40 GNU.sparse.map=9999999999999999999,1\n",
	};

	for (size_t i = 0; i < sizeof(BROKEN) / sizeof(*BROKEN); i++) {
		struct tar_entry entry = { .type = TAR_FILE };

		if (decode_pax(&entry, BROKEN[i]) != -EBADMSG)
			test_fail(__FILE__, __LINE__, "taken: %s", BROKEN[i]);
	}
}

int main(void)
{
	static const struct test tests[] = {
		{ "tar_write_entry() writes one block when all values fit", what_fits },
		{ "tar_write_entry() writes extended records for values that do not fit", what_does_not_fit },
		{ "tar_write_entry() writes times before 1970", times_before_1970 },
		{ "tar_decode() accepts headers of other programs", fields_of_others },
		{ "tar_decode() refuses invalid headers", broken_headers },
		{ "tar_decode_pax() reads records", records },
		{ "tar_decode_pax() refuses invalid records", broken_records },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
