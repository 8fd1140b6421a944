/* What a cgroup has read from and written to block devices.
 *
 * v1 has up to three sets of the same tables, one for each part of the block layer that may do the counting: the BFQ
 * scheduler, the CFQ scheduler (until Linux 5.0), and the throttling layer, which counts always but only bytes and
 * requests. All exist as files whether somebody counts there or not, so the first set whose table of requests has a
 * device in it is the one that is true. v2 has one file. */
#include <string.h>

#include "base/text.h"
#include "sys/cgroup_impl.h"
#include "sys/cgroup_usage.h"

static const char *const v1_tables[CG_IO_TABLES] = {
	[CG_IO_BYTES] = "io_service_bytes", [CG_IO_SERVICED] = "io_serviced",
	[CG_IO_QUEUED] = "io_queued",	    [CG_IO_SERVICE_TIME] = "io_service_time",
	[CG_IO_WAIT_TIME] = "io_wait_time", [CG_IO_MERGED] = "io_merged",
	[CG_IO_TIME] = "time",		    [CG_IO_SECTORS] = "sectors",
};

static const struct {
	const char *prefix, *suffix;
} v1_sets[] = {
	{ "blkio.bfq.", "_recursive" },
	{ "blkio.", "_recursive" },
	{ "blkio.throttle.", "_recursive" },
	{ "blkio.throttle.", "" }, /* before Linux 5.4 */
};

static int push(struct arena *a, struct cg_io_list *l, const struct cg_io_entry *entry)
{
	struct cg_io_entry *v = arena_grow(a, l->v, l->n, &l->cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n++] = *entry;
	return 0;
}

/* "8:0" */
static bool device(const char *word, struct cg_io_entry *out)
{
	char major[24];
	size_t len = strcspn(word, ":");

	if (!word[len] || len >= sizeof(major))
		return false;
	memcpy(major, word, len);
	major[len] = '\0';
	return text_u64(major, &out->major) == 0 && text_u64(word + len + 1, &out->minor) == 0;
}

/* Lines "8:0 Read 4096", "8:0 4096"; "Total 4096" is the sum of what was said. */
static int read_v1_table(int dir, const char *file, struct arena *a, struct cg_io_list *out)
{
	CLEANUP_FREE char *text = cg_slurp(dir, file);
	int r = 0;

	for (char *p = text, *line; r == 0 && (line = cg_word(&p, "\n"));) {
		const char *dev = cg_word(&line, " "), *op = cg_word(&line, " "), *value = cg_word(&line, " ");
		struct cg_io_entry entry = { .op = "" };

		if (!op || !device(dev, &entry))
			continue;
		if (value)
			entry.op = arena_strdup(a, op);
		else
			value = op;
		if (!entry.op)
			return -ENOMEM;
		if (text_u64(value, &entry.value) == 0)
			r = push(a, out, &entry);
	}
	return r;
}

static int read_v1_of(int dir, size_t set, enum cg_io_table table, struct arena *a, struct cg_io_list *out)
{
	char *file = arena_printf(a, "%s%s%s", v1_sets[set].prefix, v1_tables[table], v1_sets[set].suffix);

	return file ? read_v1_table(dir, file, a, out) : -ENOMEM;
}

int cg1_io_usage(int dir, struct arena *a, struct cg_io_list out[CG_IO_TABLES])
{
	size_t set = 0;
	int r = 0;

	for (; set < ARRAY_LEN(v1_sets); set++) {
		r = read_v1_of(dir, set, CG_IO_SERVICED, a, &out[CG_IO_SERVICED]);
		if (r < 0 || out[CG_IO_SERVICED].n)
			break;
	}
	for (unsigned int t = 0; r == 0 && t < CG_IO_TABLES && set < ARRAY_LEN(v1_sets); t++)
		if (t != CG_IO_SERVICED)
			r = read_v1_of(dir, set, t, a, &out[t]);
	return r;
}

/* "rbytes=4096" of a device's line in v1's terms. */
static int push_v2(struct arena *a, char *word, struct cg_io_entry entry, struct cg_io_list out[CG_IO_TABLES])
{
	static const struct {
		const char *key, *op;
		enum cg_io_table table;
	} keys[] = {
		{ "rbytes", "Read", CG_IO_BYTES }, { "wbytes", "Write", CG_IO_BYTES },
		{ "rios", "Read", CG_IO_SERVICED }, { "wios", "Write", CG_IO_SERVICED },
	};
	char *value = strchr(word, '=');

	if (!value)
		return 0;
	*value++ = '\0';
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (strcmp(word, keys[i].key) != 0 || text_u64(value, &entry.value) < 0)
			continue;
		entry.op = keys[i].op;
		return push(a, &out[keys[i].table], &entry);
	}
	return 0;
}

int cg2_io_usage(int dir, struct arena *a, struct cg_io_list out[CG_IO_TABLES])
{
	CLEANUP_FREE char *text = cg_slurp(dir, "io.stat");
	int r = 0;

	for (char *p = text, *line; r == 0 && (line = cg_word(&p, "\n"));) {
		struct cg_io_entry entry = { .op = "" };
		const char *dev = cg_word(&line, " ");

		if (!dev || !device(dev, &entry))
			continue;
		for (char *w; r == 0 && (w = cg_word(&line, " "));)
			r = push_v2(a, w, entry, out);
	}
	return r;
}

int cg_read_io(struct cgroup *cg, struct arena *a, uint64_t *in, uint64_t *out)
{
	struct cg_io_list io[CG_IO_TABLES] = { 0 }, *bytes = &io[CG_IO_BYTES];
	bool v2;
	int dir = cg_ctrl_dir(cg, CG_IO, &v2), r = 0;

	*in = *out = 0;
	if (dir >= 0 && v2)
		r = cg2_io_usage(dir, a, io);
	for (size_t set = 0; dir >= 0 && !v2 && r == 0 && !bytes->n && set < ARRAY_LEN(v1_sets); set++)
		r = read_v1_of(dir, set, CG_IO_BYTES, a, bytes);
	for (size_t i = 0; r == 0 && i < bytes->n; i++) {
		if (strcasecmp(bytes->v[i].op, "read") == 0)
			*in += bytes->v[i].value;
		else if (strcasecmp(bytes->v[i].op, "write") == 0)
			*out += bytes->v[i].value;
	}
	return r;
}
