#include "tar/tar_sparse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tar/tar_layout.h"

struct gnu_part {
	uint8_t offset[12];
	uint8_t size[12];
};

struct gnu_header {
	uint8_t before[386];
	struct gnu_part parts[4];
	uint8_t goes_on;
	uint8_t file_size[12];
	uint8_t unused[17];
};

struct gnu_extension {
	struct gnu_part parts[21];
	uint8_t goes_on;
	uint8_t unused[7];
};

_Static_assert(sizeof(struct gnu_header) == TAR_BLOCK, "a header is one block");
_Static_assert(sizeof(struct gnu_extension) == TAR_BLOCK, "an extension is one block");

void tar_sparse_reset(struct tar_sparse *sparse)
{
	free(sparse->parts);
	*sparse = (struct tar_sparse){ 0 };
}

int tar_sparse_add(struct tar_sparse *sparse, int64_t offset, int64_t size)
{
	const struct tar_part *last = sparse->count > 0 ? &sparse->parts[sparse->count - 1] : NULL;

	if (offset < 0 || size < 0 || offset > TAR_SIZE_MAX || size > TAR_SIZE_MAX)
		return -EBADMSG;
	if (last && offset < last->offset + last->size)
		return -EBADMSG;
	if (sparse->count == TAR_PARTS_MAX)
		return -EFBIG;
	if (sparse->count == sparse->room) {
		size_t room = sparse->room ? 2 * sparse->room : 64;
		struct tar_part *parts = realloc(sparse->parts, room * sizeof(*parts));

		if (!parts)
			return -ENOMEM;
		sparse->parts = parts;
		sparse->room = room;
	}
	sparse->parts[sparse->count++] = (struct tar_part){ .offset = offset, .size = size };
	return 0;
}

static int decode_size(int64_t *size, const char *value)
{
	int err = tar_decode_decimal(size, &value, TAR_SIZE_MAX);

	return err || *value ? -EBADMSG : 0;
}

/* `OFFSET,SIZE,OFFSET,SIZE...` */
static int add_list(struct tar_sparse *sparse, const char *list)
{
	while (*list) {
		int64_t offset, size;

		if (tar_decode_decimal(&offset, &list, TAR_SIZE_MAX) || *list++ != ',' ||
		    tar_decode_decimal(&size, &list, TAR_SIZE_MAX) || (*list && *list++ != ','))
			return -EBADMSG;

		int err = tar_sparse_add(sparse, offset, size);

		if (err)
			return err;
	}
	return 0;
}

int tar_sparse_record(struct tar_sparse *sparse, const char *key, const char *value)
{
	int64_t number;

	sparse->is_sparse = true;
	if (strcmp(key, "name") == 0)
		return snprintf(sparse->name, sizeof(sparse->name), "%s", value) < PATH_MAX ? 0 : -ENAMETOOLONG;
	if (strcmp(key, "map") == 0)
		return add_list(sparse, value);
	if (decode_size(&number, value))
		return -EBADMSG;
	if (strcmp(key, "size") == 0 || strcmp(key, "realsize") == 0)
		sparse->size = number;
	else if (strcmp(key, "major") == 0)
		sparse->has_map_in_data = number == 1;
	else if (strcmp(key, "offset") == 0)
		sparse->next_offset = number;
	else if (strcmp(key, "numbytes") == 0)
		return tar_sparse_add(sparse, sparse->next_offset, number);
	/* The format of later versions is unknown. */
	return strcmp(key, "major") == 0 && number > 1 ? -EOPNOTSUPP : 0;
}

static int add_parts(struct tar_sparse *sparse, const struct gnu_part *parts, size_t count)
{
	/* The first part without a size ends the list. */
	for (size_t i = 0; i < count && parts[i].size[0]; i++) {
		int64_t offset, size;

		if (tar_decode_number(parts[i].offset, sizeof(parts[i].offset), &offset) ||
		    tar_decode_number(parts[i].size, sizeof(parts[i].size), &size))
			return -EBADMSG;

		int err = tar_sparse_add(sparse, offset, size);

		if (err)
			return err;
	}
	return 0;
}

int tar_sparse_header(struct tar_sparse *sparse, const uint8_t *block, bool *goes_on)
{
	const struct gnu_header *header = (const void *)block;

	sparse->is_sparse = true;
	*goes_on = header->goes_on;
	if (tar_decode_number(header->file_size, sizeof(header->file_size), &sparse->size))
		return -EBADMSG;
	return add_parts(sparse, header->parts, sizeof(header->parts) / sizeof(*header->parts));
}

int tar_sparse_extension(struct tar_sparse *sparse, const uint8_t *block, bool *goes_on)
{
	const struct gnu_extension *extension = (const void *)block;

	*goes_on = extension->goes_on;
	return add_parts(sparse, extension->parts, sizeof(extension->parts) / sizeof(*extension->parts));
}

int tar_sparse_check(const struct tar_sparse *sparse, int64_t data)
{
	int64_t sum = 0, end = 0;

	for (size_t i = 0; i < sparse->count; i++) {
		end = sparse->parts[i].offset + sparse->parts[i].size;
		sum += sparse->parts[i].size; /* no overflow: parts do not overlap */
	}
	return sum == data && end <= sparse->size && sparse->size <= TAR_SIZE_MAX ? 0 : -EBADMSG;
}
