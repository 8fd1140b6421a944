#include "image/limits.h"

#include <string.h>

#include "base/text.h"

#define GIB (UINT64_C(1) << 30)

const struct image_limit_row image_limit_rows[] = {
	{ "unpacked", offsetof(struct image_limits, unpacked_bytes), 128 * GIB, "bytes of all files of all layers" },
	{ "ratio", offsetof(struct image_limits, ratio), 200, "unpacked to packed size of a layer above 256 MiB" },
	{ "file", offsetof(struct image_limits, file_bytes), 64 * GIB, "bytes of one file, holes included" },
	{ "entries", offsetof(struct image_limits, entries), 500000, "files, folders and links of one layer" },
	{ "density", offsetof(struct image_limits, density), 8192, "entries per packed MiB of a layer with over 50,000" },
	{ "devices", offsetof(struct image_limits, devices), 1024, "device nodes of one layer" },
	{ "depth", offsetof(struct image_limits, depth), 128, "components of one path" },
};
const size_t image_limit_count = ARRAY_LEN(image_limit_rows);

void image_limits_default(struct image_limits *l)
{
	for (size_t i = 0; i < image_limit_count; i++)
		*image_limit_at(l, &image_limit_rows[i]) = image_limit_rows[i].deflt;
}

int image_limits_set(struct image_limits *l, const char *assignment, struct err *e)
{
	size_t len = strcspn(assignment, "=");
	uint64_t value;

	for (size_t i = 0; i < image_limit_count; i++) {
		const struct image_limit_row *row = &image_limit_rows[i];

		if (strlen(row->key) != len || strncmp(assignment, row->key, len) != 0)
			continue;
		if (assignment[len] != '=' || text_size(assignment + len + 1, &value) < 0)
			return err_set(e, ERR_INVALID, "limit '%s': a number is needed after '%s='", assignment, row->key);
		if (value == 0 && row->offset != offsetof(struct image_limits, devices))
			return err_set(e, ERR_INVALID, "limit '%s': it must be at least 1", assignment);
		*image_limit_at(l, row) = value;
		return 0;
	}
	return err_set(e, ERR_INVALID, "limit '%s': there is none of that name (unpacked, ratio, file, entries, density, devices, depth)",
		       assignment);
}
