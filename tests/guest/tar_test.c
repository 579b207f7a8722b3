#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tar/tar_create.h"
#include "tar/tar_extract.h"
#include "tar/tar_layout.h"
#include "tar/tar_stream.h"
#include "test.h"
#include "base/transfer.h"

static int archive; /* the archive that a test creates and then extracts */
static struct step step;

static void begin_archive(void)
{
	archive = memfd_create("tar", MFD_CLOEXEC);
	CHECK(archive >= 0 && chdir(test_folder()) == 0);
	umask(0);
}

/* Adds an entry; the text is the content of a file or the target of a link. */
static void add(enum tar_type type, const char *name, const char *text)
{
	static const uint8_t zeros[TAR_BLOCK];
	struct tar_entry entry = { .type = type, .mode = type == TAR_FOLDER ? 0755 : 0644, .mtime = { .tv_sec = 1000 } };

	strcpy(entry.name, name);
	if (type == TAR_FILE || type == TAR_PAX)
		entry.size = (int64_t)strlen(text);
	else
		strcpy(entry.link, text);
	CHECK_INT(tar_write_entry(archive, &entry), 0);
	if (entry.size == 0)
		return;
	CHECK_INT(write_all(archive, text, strlen(text)), 0);
	CHECK_INT(write_all(archive, zeros, tar_padding(entry.size)), 0);
}

/* Extracts the archive to `destination`, and starts a new one. */
static int extract(const char *destination, const char *name)
{
	const struct extract_options options = { .destination = destination, .name = name };

	CHECK_INT(tar_write_end(archive), 0);
	CHECK_INT(lseek(archive, 0, SEEK_SET), 0);

	int err = tar_extract(archive, &options, &step);

	close(archive);
	begin_archive();
	return err;
}

static void check_content(const char *path, const char *expected)
{
	char content[64];
	int fd = open(path, O_RDONLY | O_NOFOLLOW);
	ssize_t count = read_all(fd, content, sizeof(content) - 1);

	CHECK(count >= 0);
	content[count] = '\0';
	CHECK_TEXT(content, expected);
	close(fd);
}

static int standard_error;

/* Captures standard error until check_said(). */
static void listen_to_errors(void)
{
	fflush(stderr);
	standard_error = dup(STDERR_FILENO);
	CHECK(dup2(memfd_create("stderr", MFD_CLOEXEC), STDERR_FILENO) >= 0);
}

static void check_said(const char *expected)
{
	char said[256];

	fflush(stderr);

	ssize_t count = pread(STDERR_FILENO, said, sizeof(said) - 1, 0);

	dup2(standard_error, STDERR_FILENO);
	CHECK(count >= 0);
	said[count] = '\0';
	CHECK_TEXT(said, expected);
}

static bool is_there(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

/* Fails unless a folder contains that many files. */
static void check_count(const char *path, int expected)
{
	char command[512];

	snprintf(command, sizeof(command), "test $(ls -A %s | wc -l) = %d || { ls -lA %s >&2; false; }", path, expected, path);
	CHECK_INT(system(command), 0);
}

static void trees(void)
{
	static const char *const make =
		"mkdir -p from/sub/shut && echo one >from/sub/one && ln from/sub/one from/two && ln -s ../two from/sub/link && "
		"mkfifo -m 600 from/fifo && chmod 4751 from/two && chmod 500 from/sub/shut && mknod from/null c 1 3 && "
		"touch -d '1969-12-31 23:59:58.123456789 UTC' from/sub/shut from/two && touch -h -d @1000.5 from/sub/link";
	static const char *const list = "find %s -printf '%%P %%m %%n %%T@ %%l\\n' | sort | grep -v ^null > %s.list";
	char command[256];

	begin_archive();
	CHECK_INT(system(make), 0);
	listen_to_errors();

	int err = tar_create(archive, "from", ".", false, &step);

	check_said("\"null\" is left out: it is a device\n");
	CHECK_INT(err, 0);
	CHECK_INT(extract("to", "from"), 0);
	snprintf(command, sizeof(command), list, "from", "from");
	CHECK_INT(system(command), 0);
	snprintf(command, sizeof(command), list, "to", "to");
	CHECK_INT(system(command), 0);
	CHECK_INT(system("diff from.list to.list"), 0);
	check_content("to/sub/one", "one\n");
	CHECK(!is_there("to/null"));
}

/* The tree has an eighth of the folders that a path has room for, and the stack an eighth of the default size. */
static void deep_trees(void)
{
	const struct rlimit stack = { .rlim_cur = 1024 * 1024, .rlim_max = RLIM_INFINITY };

	begin_archive();
	for (int depth = 0; depth < 256; depth++)
		CHECK(mkdir("d", 0755) == 0 && chdir("d") == 0);
	CHECK(setrlimit(RLIMIT_STACK, &stack) == 0);
	CHECK_INT(tar_create(archive, test_folder(), ".", false, &step), 0);
}

static void links_to_copy(void)
{
	begin_archive();
	CHECK_INT(system("mkdir from && echo x >from/file && ln -s from link"), 0);
	CHECK_INT(tar_create(archive, "link", ".", false, &step), 0);
	CHECK_INT(extract("as-link", "link"), 0);
	CHECK_INT(system("test $(readlink as-link) = from"), 0);
	CHECK_INT(tar_create(archive, "link", ".", true, &step), 0);
	CHECK_INT(extract("as-folder", "link"), 0);
	check_content("as-folder/file", "x\n");
	CHECK(!is_there("as-folder/null"));
	CHECK_INT(tar_create(archive, "none", ".", false, &step), -ENOENT);
	CHECK_INT(tar_create(archive, "/dev/null", ".", false, &step), -EOPNOTSUPP);
}

/*
 * Changes the folder `from`, which has files of a megabyte each, while it is archived: the first file becomes shorter,
 * another one is removed, a third becomes a link. The archive must contain all others.
 */
static void change_meanwhile(int in, char names[3][NAME_MAX + 1])
{
	struct tar_reader reader = { .fd = in };
	struct tar_entry entry;
	int count = 1;

	CHECK_INT(tar_next(&reader, &entry), 1);
	CHECK_TEXT(entry.name, ".");
	CHECK_INT(tar_next(&reader, &entry), 1);
	strcpy(names[0], strchr(entry.name, '/') + 1);
	CHECK_INT(chdir("from"), 0);
	CHECK_INT(truncate(names[0], 900000), 0);

	DIR *files = opendir(".");

	for (struct dirent *file; count < 3 && (file = readdir(files));)
		if (file->d_type == DT_REG && strcmp(file->d_name, names[0]) != 0)
			strcpy(names[count++], file->d_name);
	closedir(files);
	CHECK_INT(unlink(names[1]), 0);
	CHECK(unlink(names[2]) == 0 && symlink("/etc/passwd", names[2]) == 0);
	CHECK_INT(chdir(".."), 0);
	for (int i = 0; i < 3; i++) {
		CHECK_INT(tar_next(&reader, &entry), 1);

		bool is_link = strcmp(entry.name + 2, names[2]) == 0;

		CHECK_INT(entry.type, is_link ? TAR_SYMLINK : TAR_FILE);
		CHECK_TEXT(entry.link, is_link ? "/etc/passwd" : "");
		CHECK_INT(entry.size, is_link ? 0 : 1000000);
	}
	CHECK_INT(tar_next(&reader, &entry), 0);
}

static void a_folder_that_lives(void)
{
	static const char *const make = "mkdir from && cd from && for i in 1 2 3 4 5; do head -c 1000000 /dev/zero >file$i; done";
	char names[3][NAME_MAX + 1], expected[1024];
	int ends[2], status;

	begin_archive();
	CHECK_INT(system(make), 0);
	CHECK(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, 4096) > 0);
	listen_to_errors();

	pid_t creator = fork();

	if (creator == 0)
		_exit(tar_create(ends[1], "from", ".", false, &step));
	close(ends[1]);
	change_meanwhile(ends[0], names);
	CHECK_INT(waitpid(creator, &status, 0), creator);
	close(ends[0]);
	snprintf(expected, sizeof(expected),
		 "\"%s\" has become shorter while it was copied: its end is zeros\n\"%s\" is left out: it has vanished\n",
		 names[0], names[1]);
	check_said(expected);
	CHECK_INT(status, 2 << 8);
}

static char *archived_content(const char *path)
{
	static char content[32 * 1024 * 1024];
	struct tar_reader reader = { .fd = memfd_create("tar", MFD_CLOEXEC) };
	struct tar_entry entry;

	CHECK_INT(tar_create(reader.fd, path, ".", false, &step), 0);
	CHECK_INT(lseek(reader.fd, 0, SEEK_SET), 0);
	CHECK_INT(tar_next(&reader, &entry), 1);
	CHECK(entry.size < (int64_t)sizeof(content));
	CHECK_INT(tar_read(&reader, content, (size_t)entry.size), entry.size);
	content[entry.size] = '\0';
	CHECK_INT(tar_next(&reader, &entry), 0);
	close(reader.fd);
	return content;
}

/* Their reported size is 0 or 4096 bytes. */
static void files_of_the_kernel(void)
{
	begin_archive();
	CHECK(strncmp(archived_content("/proc/filesystems"), "nodev", 5) == 0);
	CHECK(strlen(archived_content("/proc/kallsyms")) > 64 * 1024);
	CHECK_TEXT(archived_content("/sys/class/net/lo/mtu"), "65536\n");
	if (is_there("/proc/kcore"))
		CHECK_INT(tar_create(archive, "/proc/kcore", ".", false, &step), -EFBIG);
	CHECK_INT(tar_create(archive, "/proc/sys", ".", false, &step), -ENOMEDIUM);
	CHECK_INT(tar_create(archive, "/sys/class/net", ".", false, &step), -ENOMEDIUM);
	CHECK_INT(tar_create(archive, "/dev/zero", ".", false, &step), -EOPNOTSUPP);
}

/* In another process: replaces the incomplete files of the copy by links, as fast as it can. */
static _Noreturn void exchange_temporaries(int folder)
{
	for (;;) {
		DIR *files = fdopendir(openat(folder, ".", O_RDONLY));

		for (struct dirent *file; (file = readdir(files));)
			if (strncmp(file->d_name, ".smolvm-", 8) == 0 && unlinkat(folder, file->d_name, 0) == 0)
				(void)!symlinkat("../victim", folder, file->d_name);
		closedir(files);
	}
}

static void a_race_for_attributes(void)
{
	struct stat status;

	begin_archive();
	test_file("victim", "", 0600);
	CHECK(mkdir("to", 0777) == 0);

	pid_t racer = fork();

	if (racer == 0)
		exchange_temporaries(open("to", O_RDONLY));
	for (int round = 0; round < 2000; round++) {
		add(TAR_FILE, "./file", "");
		extract("to", NULL); /* may well fail */
	}
	kill(racer, SIGKILL);
	CHECK(stat("victim", &status) == 0);
	CHECK_INT(status.st_mode & 07777, 0600);
}

static void owners(void)
{
	struct stat status;

	for (int keep = 0; keep <= 1; keep++) {
		const struct extract_options options = { .destination = "file", .name = "x", .keep_owner = keep };

		begin_archive();
		test_file("from", "", 0644);
		CHECK(chown("from", 12, 34) == 0 && chmod("from", 06755) == 0);
		CHECK_INT(tar_create(archive, "from", ".", false, &step), 0);
		CHECK_INT(lseek(archive, 0, SEEK_SET), 0);
		CHECK_INT(tar_extract(archive, &options, &step), 0);
		CHECK(stat("file", &status) == 0);
		CHECK_INT(status.st_uid, keep ? 12 : 0);
		CHECK_INT(status.st_gid, keep ? 34 : 0);
		CHECK_INT(status.st_mode & 07777, 06755);
	}
}

static void destinations_of_files(void)
{
	begin_archive();
	CHECK_INT(system("mkdir there in-the-way in-the-way/name && echo old >file && ln -s file link && ln -s none dangling"), 0);
	add(TAR_FILE, ".", "1");
	CHECK_INT(extract("there", "name"), 0);
	check_content("there/name", "1");
	add(TAR_FILE, ".", "2");
	CHECK_INT(extract("new", "name"), 0);
	check_content("new", "2");
	add(TAR_FILE, ".", "3");
	CHECK_INT(extract("link", "name"), 0);
	check_content("file", "3");
	add(TAR_FILE, ".", "4");
	CHECK_INT(extract("missing/", "name"), -ENOENT);
	add(TAR_FILE, ".", "4");
	CHECK_INT(extract("missing/new", "name"), -ENOENT);
	add(TAR_FILE, ".", "4");
	CHECK_INT(extract("missing/..", "name"), -ENOENT);
	add(TAR_FILE, ".", "4");
	CHECK_INT(extract("file/below", "name"), -ENOTDIR);
	add(TAR_FILE, ".", "4");
	CHECK_INT(extract("in-the-way", "name"), -EISDIR);
	CHECK_TEXT(step.text, "name");
	check_count("in-the-way", 1);
	add(TAR_FILE, ".", "5");
	CHECK_INT(extract("dangling", "name"), 0);
	check_content("dangling", "5");
	add(TAR_FILE, ".", "6");
	add(TAR_FILE, "below", "6");
	CHECK_INT(extract("new", "name"), -ENOTDIR);
}

static void destinations_of_folders(void)
{
	static const struct {
		const char *destination, *name, *result;
	} ROWS[] = {
		{ "there", "name", "there/name/sub/file" },	{ "there", ".", "there/sub/file" },
		{ "new", "name", "new/sub/file" },		{ "new2/", ".", "new2/sub/file" },
		{ "new3/.", "name", "new3/sub/file" },		{ "link", "name", "there/name/sub/file" },
	};

	begin_archive();
	CHECK_INT(system("mkdir there && chmod 700 there && echo old >file && ln -s there link"), 0);
	for (size_t i = 0; i < sizeof(ROWS) / sizeof(*ROWS); i++) {
		add(TAR_FOLDER, ".", "");
		add(TAR_FILE, "./sub/file", ROWS[i].destination);
		CHECK_INT(extract(ROWS[i].destination, ROWS[i].name), 0);
		check_content(ROWS[i].result, ROWS[i].destination);
	}
	CHECK_INT(system("test $(stat -c %a there) = 700"), 0);
	add(TAR_FOLDER, ".", "");
	CHECK_INT(extract("file", "name"), -ENOTDIR);
	add(TAR_FOLDER, ".", "");
	CHECK_INT(extract("missing/new", "name"), -ENOENT);
	add(TAR_FOLDER, ".", "");
	add(TAR_FOLDER, "file", "");
	CHECK_INT(extract(".", "."), -ENOTDIR);
	CHECK_TEXT(step.text, "file");
}

static void archives_of_others(void)
{
	begin_archive();
	CHECK_INT(system("mkdir there"), 0);
	add(TAR_FILE, "./a/b", "1");
	add(TAR_HARD_LINK, "c", "a/b");
	add(TAR_HARD_LINK, "c", "./a/b");
	add(TAR_CHARACTER_DEVICE, "null", "");
	add(TAR_RESERVED, "d", "");
	listen_to_errors();

	int err = extract("there", NULL);

	check_said("\"null\" is left out: it is a device\n");
	CHECK_INT(err, 0);
	check_content("there/c", "1");
	check_count("there", 3);
	CHECK_INT(extract("new", NULL), 0); /* an empty archive */
	add(TAR_FILE, "x", "");
	CHECK_INT(extract("new", NULL), -ENOENT);
	add(TAR_FILE, "x", "");
	CHECK_INT(extract("there/c", NULL), -ENOTDIR);
	add(TAR_FILE, ".", "");
	CHECK_INT(extract("there", NULL), -EISDIR);
	add('M', "the-second-half", "");
	CHECK_INT(extract("there", NULL), -EOPNOTSUPP);
	add(TAR_FILE, "not-the-root", "");
	CHECK_INT(extract("there", "name"), -EBADMSG);
	CHECK_INT(extract("there", "name"), -EBADMSG);
}

/* Archives by GNU tar of files in `from`, and of a name that does not fit in a header, can be extracted. */
static void archives_of_tar(void)
{
	static const char *const FORMATS[] = {
		"--format=v7", "--format=oldgnu", "--format=gnu", "--format=ustar", "--format=pax",
		"--format=gnu -S", "--format=pax -S --sparse-version=0.0", "--format=pax -S --sparse-version=0.1",
		"--format=pax -S --sparse-version=1.0", "--format=gnu -V label", "--format=pax -V label -b 1",
		"--format=gnu -P", "--format=gnu --incremental -P",
	};
	/* A map of 1000 parts needs more headers and blocks than one. */
	static const char *const make =
		"mkdir -p from/sub/empty && echo one >from/sub/one && ln from/sub/one from/two && ln -s /etc from/link && "
		"truncate -s 3M from/hole && truncate -s 5M from/parts && echo end >>from/parts && : >from/nothing && "
		"i=0; while [ $i -lt 1000 ]; do echo $i; i=$((i + 1)); done >lines && "
		"while read n; do echo $n | dd of=from/parts bs=4k seek=$n conv=notrunc status=none; done <lines && "
		"cd from && find . -type f -exec sha256sum {} + | sort >../sums";
	char command[512];

	begin_archive();
	CHECK_INT(system(make), 0);
	for (size_t i = 0; i < sizeof(FORMATS) / sizeof(*FORMATS); i++) {
		const struct extract_options options = { .destination = "to" };
		bool absolute = strstr(FORMATS[i], "-P");
		bool sparse = strstr(FORMATS[i], "-S");

		snprintf(command, sizeof(command), "rm -rf to && mkdir to && tar c %s -f tar %s", FORMATS[i],
			 absolute ? "$PWD/from" : "./from");
		CHECK_INT(system(command), 0);

		int tar = open("tar", O_RDONLY | O_CLOEXEC);
		int err = tar_extract(tar, &options, &step);

		close(tar);
		if (err)
			test_fail(__FILE__, __LINE__, "%s: %s: %d", FORMATS[i], step.text, err);
		snprintf(command, sizeof(command),
			 "sums=$PWD/sums && cd to%s/from && find . -type f -exec sha256sum {} + | sort | cmp $sums - && "
			 "test -d sub/empty && test $(readlink link) = /etc && test two -ef sub/one && "
			 "test $(du -k hole | cut -f1) -%s 100",
			 absolute ? "$PWD" : "", sparse ? "lt" : "gt");
		if (system(command) != 0)
			test_fail(__FILE__, __LINE__, "%s", FORMATS[i]);
	}
}

static void names_of_others(void)
{
	begin_archive();
	CHECK_INT(system("mkdir there"), 0);
	add(TAR_FILE, "folder/", "");
	add(TAR_FILE, "/folder/one", "1");
	add(TAR_FILE, "folder/../two", "2");
	add(TAR_HARD_LINK, "three", "/folder/../two");
	add(TAR_GNU_VOLUME_LABEL, "label", "");
	add(TAR_FOLDER, "/", "");
	CHECK_INT(extract("there", NULL), 0);
	check_content("there/folder/one", "1");
	check_content("there/three", "2");
	check_count("there", 3);
}

/* Maps for a file of eight bytes with one part of two bytes. */
static void maps_that_cannot_be(void)
{
	static const char *const RECORDS[] = {
		"21 GNU.sparse.size=8\n22 GNU.sparse.map=7,2\n", /* past the end */
		"21 GNU.sparse.size=8\n22 GNU.sparse.map=1,3\n", /* more data than in the archive */
		"21 GNU.sparse.size=8\n22 GNU.sparse.map=1,1\n", /* less */
		"25 GNU.sparse.realsize=8\n22 GNU.sparse.major=1\n", /* no map */
	};

	begin_archive();
	CHECK_INT(system("mkdir there"), 0);
	add(TAR_PAX, "records", "21 GNU.sparse.size=8\n22 GNU.sparse.map=1,2\n23 GNU.sparse.name=abc\n");
	add(TAR_FILE, "GNUSparseFile.0/abc", "xy");
	CHECK_INT(extract("there", NULL), 0);
	CHECK_INT(system("printf '\\0xy\\0\\0\\0\\0\\0' | cmp - there/abc"), 0);
	for (size_t i = 0; i < sizeof(RECORDS) / sizeof(*RECORDS); i++) {
		add(TAR_PAX, "records", RECORDS[i]);
		add(TAR_FILE, "broken", "xy");
		CHECK_INT(extract("there", NULL), -EBADMSG);
	}
	check_count("there", 1);
}

/* The writer of an archive may still report an error after the archive's end. */
static void the_end_of_the_input(void)
{
	const struct extract_options options = { .destination = "." };
	int ends[2];

	begin_archive();
	CHECK(pipe(ends) == 0);

	pid_t writer = fork();

	if (writer == 0) {
		archive = ends[1];
		add(TAR_FILE, "file", "x");
		tar_write_end(archive);
		for (int i = 0; i < 1000; i++)
			tar_write_end(archive);
		signal(SIGPIPE, SIG_DFL);
		_exit(0);
	}
	close(ends[1]);
	CHECK_INT(tar_extract(ends[0], &options, &step), 0);
	CHECK_INT(read(ends[0], &ends[1], 1), 0);
}

/* These entries must not change anything outside the destination. */
static void ways_out(void)
{
	static const struct {
		int err;
		enum tar_type type;
		const char *name, *link;
	} WAYS[] = {
		{ -EXDEV, TAR_FILE, "../out", "x" },	      { -EXDEV, TAR_FILE, "a/../../out", "x" },
		{ -EXDEV, TAR_FOLDER, "../out/..", "" },      { -EXDEV, TAR_FILE, "/../out", "x" },
		{ -EXDEV, TAR_SYMLINK, "..", "x" },	      { -ENOTDIR, TAR_FILE, "to-outside/new", "x" },
		{ -ENOTDIR, TAR_FOLDER, "to-outside", "" },   { -ENOTDIR, TAR_FILE, "to-outside/../../out", "x" },
		{ -EXDEV, TAR_HARD_LINK, "h", "../secret" },  { -ENOENT, TAR_HARD_LINK, "h", "/secret" },
		{ -ENOTDIR, TAR_HARD_LINK, "h", "to-outside/inner" },
	};

	begin_archive();
	CHECK_INT(system("mkdir to outside && echo secret >secret && echo inner >outside/inner"), 0);
	for (size_t i = 0; i < sizeof(WAYS) / sizeof(*WAYS); i++) {
		add(TAR_SYMLINK, "to-outside", "../outside");
		add(WAYS[i].type, WAYS[i].name, WAYS[i].link);

		int err = extract("to", NULL);

		if (err != WAYS[i].err && !(WAYS[i].err == -ENOTDIR && err == -EXDEV))
			test_fail(__FILE__, __LINE__, "%s: %d", WAYS[i].name, err);
	}
	check_count(".", 3);
	check_count("outside", 1);
	check_count("to", 1);
	/* The target of a link may be anywhere; a file replaces the link. */
	add(TAR_SYMLINK, "secret", "../secret");
	add(TAR_FILE, "secret", "public");
	CHECK_INT(extract("to", NULL), 0);
	check_content("secret", "secret\n");
	check_content("to/secret", "public");
}

static void archives_that_break_off(void)
{
	begin_archive();
	CHECK_INT(system("mkdir to && echo old >to/old"), 0);
	for (off_t length = 0; length < 3 * TAR_BLOCK; length += 100) {
		const struct extract_options options = { .destination = "to" };

		add(TAR_FILE, "old", "new");
		add(TAR_FILE, "new", "new");
		CHECK_INT(ftruncate(archive, length), 0);
		CHECK_INT(lseek(archive, 0, SEEK_SET), 0);
		CHECK_INT(tar_extract(archive, &options, &step), -ENODATA);
		check_content("to/old", length < TAR_BLOCK + 3 ? "old\n" : "new");
		check_count("to", 1);
		close(archive);
		begin_archive();
	}
}

static void folders_too_deep(void)
{
	char name[2 * TAR_BLOCK + 1] = "";

	begin_archive();
	for (int depth = 0; depth < 300; depth++)
		strcat(name, "d/");
	add(TAR_FOLDER, name, "");
	CHECK_INT(extract(".", NULL), -ENAMETOOLONG);
	name[0] = '\0';
	for (int i = 0; i < 300; i++)
		strcat(name, "n");
	add(TAR_FOLDER, name, "");
	CHECK_INT(extract(".", NULL), -ENAMETOOLONG);
	add(TAR_FILE, name, "");
	CHECK_INT(extract(".", NULL), -ENAMETOOLONG);
}

/* Changes some bytes of the archive, and keeps the checksums of its headers valid. */
static void change_archive(void)
{
	static const size_t HEADERS[] = { 0, 1, 2, 4, 6 };
	uint8_t bytes[7 * TAR_BLOCK];

	CHECK_INT(pread(archive, bytes, sizeof(bytes), 0), sizeof(bytes));
	for (int change = rand() % 4; change >= 0; change--)
		bytes[(size_t)rand() % sizeof(bytes)] = rand() % 2 ? (uint8_t)rand() : (uint8_t)"./01"[rand() % 4];
	for (size_t i = 0; i < sizeof(HEADERS) / sizeof(*HEADERS); i++) {
		struct tar_layout *header = (void *)(bytes + HEADERS[i] * TAR_BLOCK);

		snprintf((char *)header->checksum, sizeof(header->checksum), "%07o", tar_checksum(header));
	}
	CHECK_INT(pwrite(archive, bytes, sizeof(bytes), 0), sizeof(bytes));
}

static void any_bytes(void)
{
	begin_archive();
	CHECK_INT(system("mkdir to outside && echo secret >outside/secret"), 0);
	srand(1);
	for (int iteration = 0; iteration < 500; iteration++) {
		add(TAR_FOLDER, "folder", "");
		add(TAR_SYMLINK, "link", "../outside");
		add(TAR_PAX, "records", "19 path=link/secret\n11 uid=1234\n");
		add(TAR_FILE, "a", "content");
		add(TAR_HARD_LINK, "folder/hard", "link/secret");
		change_archive();
		extract("to", NULL);
		check_content("outside/secret", "secret\n");
	}
	check_count(".", 2);
	check_count("outside", 1);
	CHECK_INT(system("test -z \"$(find . -name '.smolvm*')\""), 0);
}

int main(void)
{
	static const struct test tests[] = {
		{ "tar_extract() restores the files that tar_create() archived", trees },
		{ "tar_create() needs little stack for a deep tree", deep_trees },
		{ "tar_create() follows a link when asked to", links_to_copy },
		{ "tar_create() continues when files change meanwhile, and names them", a_folder_that_lives },
		{ "tar_create() reads files of the kernel, whose size is unknown", files_of_the_kernel },
		{ "tar_extract() sets attributes only on its own files, not on replacements", a_race_for_attributes },
		{ "tar_extract() keeps owners when asked to, and modes always", owners },
		{ "tar_extract() puts a file at the right destination", destinations_of_files },
		{ "tar_extract() puts a folder at the right destination", destinations_of_folders },
		{ "tar_extract() accepts archives of other programs", archives_of_others },
		{ "tar_extract() accepts all formats of GNU tar", archives_of_tar },
		{ "tar_extract() accepts names as other programs write them", names_of_others },
		{ "tar_extract() refuses an invalid map of a sparse file", maps_that_cannot_be },
		{ "tar_extract() reads its input to the end", the_end_of_the_input },
		{ "tar_extract() never leaves the destination", ways_out },
		{ "tar_extract() leaves no incomplete file of a truncated archive", archives_that_break_off },
		{ "tar_extract() refuses names that are too long", folders_too_deep },
		{ "tar_extract() survives random bytes, and never leaves the destination", any_bytes },
	};

	return test_main(tests, sizeof(tests) / sizeof(*tests));
}
