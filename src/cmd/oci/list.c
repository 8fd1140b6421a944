/* list and ps. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "cmd/oci/oci.h"
#include "oci/user.h"
#include "sys/cgroup.h"

#define PS_OUTPUT_MAX (64U << 20)

/* ---- list ---- */

struct row {
	struct rt_record rec; /* what is shown of it, copied */
	enum rt_status status;
	char digits[TEXT_U64_LEN];
	const char *pid; /* in digits */
	uid_t uid;
	const char *owner;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int oci_container_ids(const struct cli_call *call, const char *root, const char ***out, size_t *n, struct err *e)
{
	CLEANUP_DIR DIR *dir = opendir(root);
	const char **ids = NULL, **grown;
	size_t cap = 0;
	struct dirent *d;

	*n = 0;
	if (!dir) {
		if (errno == ENOENT && !((const struct oci_globals *)call->global)->root)
			return 0;
		return err_errno(e, -errno, "%s", root);
	}
	while ((d = readdir(dir))) {
		if (!rt_id_valid(d->d_name))
			continue;
		grown = arena_grow(call->arena, ids, *n, &cap, sizeof(*ids));
		if (!grown)
			return err_errno(e, -ENOMEM, "%s", root);
		ids = grown;
		ids[*n] = arena_strdup(call->arena, d->d_name);
		if (!ids[(*n)++])
			return err_errno(e, -ENOMEM, "%s", root);
	}
	if (*n)
		qsort(ids, *n, sizeof(*ids), by_name);
	*out = ids;
	return 0;
}

/* By the machine's passwd. */
static const char *name_of(struct arena *a, uid_t id)
{
	CLEANUP_FD int root = openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct oci_resolved_user u = { 0 };
	struct err ignored;
	char *uid;

	if (root < 0)
		return "";
	uid = arena_printf(a, "#%u", (unsigned int)id);
	if (uid && oci_user_resolve(a, root, uid + 1, &u, &ignored) == 0 && u.name)
		return u.name;
	return uid;
}

static int copy_strings(struct arena *a, const struct rt_record *from, struct rt_record *to)
{
	struct oci_kv *list = arena_array(a, from->n_annotations + 1, sizeof(*list));

	*to = (struct rt_record){ .id = arena_strdup(a, from->id), .pid = from->pid, .bundle = arena_strdup(a, from->bundle),
				  .created = arena_strdup(a, from->created), .rootfs = arena_strdup(a, from->rootfs),
				  .oci_version = arena_strdup(a, from->oci_version), .annotations = list };
	for (size_t i = 0; list && i < from->n_annotations; i++)
		list[to->n_annotations++] = (struct oci_kv){ arena_strdup(a, from->annotations[i].key),
							     arena_strdup(a, from->annotations[i].value) };
	return arena_error(a);
}

/* 0: nothing to show, because it went away or was not finished. scratch: for what is read. */
static int read_row(const struct cli_call *call, int root, const char *id, struct arena *scratch, struct row *row)
{
	struct rt_record rec;
	struct err e = { 0 };

	arena_reset(scratch);
	if (rt_record_look(scratch, root, id, &rec, &row->status, &row->uid, &e) < 0) {
		if (e.cls != ERR_NOTFOUND)
			log_warning("%s: %s", id, e.msg);
		return 0;
	}
	if (row->status == RT_STOPPED)
		rec.pid = 0;
	row->pid = text_of_u64((uint64_t)rec.pid, row->digits);
	return copy_strings(call->arena, &rec, &row->rec) < 0 ? -ENOMEM : 1;
}

static int read_rows(const struct cli_call *call, const char *root, struct row **rows, size_t *n, struct err *e)
{
	CLEANUP_ARENA struct arena scratch = ARENA_INIT;
	CLEANUP_FD int dir = -1;
	const char **ids = NULL;
	size_t n_ids;
	int r = oci_container_ids(call, root, &ids, &n_ids, e);

	*n = 0;
	if (r < 0 || !n_ids)
		return r;
	*rows = arena_array(call->arena, n_ids, sizeof(**rows));
	dir = openat(AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (!*rows || dir < 0)
		return err_errno(e, *rows ? -errno : -ENOMEM, "%s", root);
	for (size_t i = 0; i < n_ids; i++) {
		struct row *row = *rows + *n, *before = *n ? row - 1 : NULL;

		r = read_row(call, dir, ids[i], &scratch, row);
		if (r < 0)
			return err_errno(e, r, "%s", root);
		if (r == 0)
			continue;
		/* mostly the same as of the one before */
		row->owner = before && before->uid == row->uid ? before->owner : name_of(call->arena, row->uid);
		if (!row->owner)
			return err_errno(e, -ENOMEM, "%s", root);
		++*n;
	}
	return 0;
}

static void json_row(struct json_writer *w, const struct row *row)
{
	jw_object(w, NULL);
	jw_str(w, "ociVersion", row->rec.oci_version);
	jw_str(w, "id", row->rec.id);
	jw_i64(w, "pid", row->rec.pid);
	jw_str(w, "status", rt_status_name(row->status));
	jw_str(w, "bundle", row->rec.bundle);
	jw_str(w, "rootfs", row->rec.rootfs);
	jw_str(w, "created", row->rec.created);
	if (row->rec.n_annotations) {
		jw_object(w, "annotations");
		for (size_t i = 0; i < row->rec.n_annotations; i++)
			jw_str(w, row->rec.annotations[i].key, row->rec.annotations[i].value);
		jw_end_object(w);
	}
	jw_str(w, "owner", row->owner);
	jw_end_object(w);
}

#define COLUMNS 6U
#define COLUMN_MIN 12U
#define COLUMN_GAP 3U

static void fill_cells(const struct row *row, const char *cells[COLUMNS])
{
	cells[0] = row->rec.id;
	cells[1] = row->pid;
	cells[2] = rt_status_name(row->status);
	cells[3] = row->rec.bundle;
	cells[4] = row->rec.created;
	cells[5] = row->owner;
}

/* Not by printf: with a thousand containers its padding would be a tenth of the work. */
static void add_line(struct strbuf *out, const char *const cells[COLUMNS], const size_t widths[COLUMNS])
{
	for (size_t c = 0; c < COLUMNS; c++) {
		size_t len = strlen(cells[c]);

		sb_add(out, cells[c], len);
		if (c + 1 < COLUMNS && len < widths[c])
			sb_fill(out, ' ', widths[c] - len);
	}
	sb_putc(out, '\n');
}

static void table(struct strbuf *out, const struct row *rows, size_t n)
{
	static const char *const titles[COLUMNS] = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" };
	size_t widths[COLUMNS];
	const char *cells[COLUMNS];

	for (size_t c = 0; c < COLUMNS; c++)
		widths[c] = COLUMN_MIN;
	for (size_t i = 0; i < n; i++) {
		fill_cells(&rows[i], cells);
		for (size_t c = 0; c < COLUMNS; c++)
			if (strlen(cells[c]) + COLUMN_GAP > widths[c])
				widths[c] = strlen(cells[c]) + COLUMN_GAP;
	}
	add_line(out, titles, widths);
	for (size_t i = 0; i < n; i++) {
		fill_cells(&rows[i], cells);
		add_line(out, cells, widths);
	}
}

int cmd_list(const struct cli_call *call, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const struct oci_format_opts *o = call->opts;
	struct json_writer w = JSON_WRITER(&out);
	struct row *rows = NULL;
	size_t n;
	int r = read_rows(call, oci_root(call), &rows, &n, e);

	if (r < 0)
		return r;
	if (o->quiet) {
		for (size_t i = 0; i < n; i++)
			sb_printf(&out, "%s\n", rows[i].rec.id);
	} else if (!strcmp(o->format, "json")) {
		jw_array(&w, NULL);
		for (size_t i = 0; i < n; i++)
			json_row(&w, &rows[i]);
		jw_end_array(&w);
		sb_putc(&out, '\n');
	} else {
		table(&out, rows, n);
	}
	return oci_print(&out, e);
}

/* ---- ps ---- */

/* Runs ps with the caller's options and gives what it prints. */
static int run_ps(const struct cli_call *call, char **out, struct err *e)
{
	static const char *const ef[] = { "ps", "-ef", NULL };
	const char **argv = arena_array(call->arena, call->n_args + 1, sizeof(*argv));
	int status, r;

	if (!argv)
		return err_errno(e, -ENOMEM, "ps");
	argv[0] = "ps";
	for (size_t i = 1; i < call->n_args; i++)
		argv[i] = call->args[i];
	r = oci_output_of(call->n_args > 1 ? argv : ef, -1, false, PS_OUTPUT_MAX, out, &status, e);
	if (r < 0)
		return r;
	return status ? err_set(e, ERR_INVALID, "ps failed with its own message above") : 0;
}

/* The n-th word of a line as a number, -1 when it is none. */
static int64_t word_number(const char *line, size_t n)
{
	char word[32];
	int64_t v;
	size_t len;

	line += strspn(line, " \t");
	while (n--) {
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t");
	}
	len = strcspn(line, " \t\n");
	if (len >= sizeof(word))
		return -1;
	memcpy(word, line, len);
	word[len] = '\0';
	return text_i64(word, &v) < 0 ? -1 : v;
}

/* Which word of the title line is PID; -1 = none. */
static int pid_column(const char *title)
{
	const char *p = title;

	for (int n = 0;; n++) {
		size_t len;

		p += strspn(p, " \t");
		len = strcspn(p, " \t\n");
		if (!len)
			return -1;
		if (len == 3 && !memcmp(p, "PID", 3))
			return n;
		p += len;
	}
}

static int filter_ps(char *text, const pid_t *pids, size_t n, struct strbuf *out, struct err *e)
{
	int column = pid_column(text);
	bool title = true;

	if (column < 0)
		return err_set(e, ERR_INVALID, "ps: no PID column in its output, use options that show one");
	for (char *line = text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");
		int64_t pid = word_number(line, (size_t)column);
		bool ours = title;

		next = line[len] ? line + len + 1 : line + len;
		for (size_t i = 0; i < n && !ours; i++)
			ours = pids[i] == pid;
		if (ours) {
			sb_add(out, line, len);
			sb_putc(out, '\n');
		}
		title = false;
	}
	return 0;
}

int cmd_ps(const struct cli_call *call, struct err *e)
{
	CLEANUP_CONTAINER struct oci_container c = OCI_CONTAINER_INIT;
	CLEANUP_CGROUP struct cgroup *cg = NULL;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	CLEANUP_FREE pid_t *pids = NULL;
	CLEANUP_FREE char *text = NULL;
	struct json_writer w = JSON_WRITER(&out);
	size_t n = 0;
	int r = oci_open(call, false, &c, e);

	if (r < 0)
		return r;
	if (!c.rec.cgroup)
		return err_set(e, ERR_UNSUPPORTED, "container %s has no cgroup to look for processes in", c.rec.id);
	r = cg_open(c.rec.cgroup, &cg, e);
	if (r == 0)
		r = cg_pids(cg, &pids, &n, e);
	if (r < 0)
		return r;
	if (!strcmp(((const struct oci_format_opts *)call->opts)->format, "json")) {
		jw_array(&w, NULL);
		for (size_t i = 0; i < n; i++)
			jw_i64(&w, NULL, pids[i]);
		jw_end_array(&w);
		sb_putc(&out, '\n');
		return oci_print(&out, e);
	}
	r = run_ps(call, &text, e);
	if (r == 0)
		r = filter_ps(text, pids, n, &out, e);
	return r < 0 ? r : oci_print(&out, e);
}
