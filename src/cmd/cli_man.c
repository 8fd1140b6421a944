/* Manual pages in the macros of man(7), which every formatter knows; see cli_man.h.
 *
 * The pages carry no date: two builds of the same source give the same bytes. */
#include "cmd/cli_man.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/newfile.h"
#include "base/text.h"
#include "cmd/cli_rows.h"

#define TEXT_MAX (256U << 10)

struct man {
	struct arena *a;
	const struct cli_program *program;
	const char *texts, *out;
	int section;
	bool whole;
	struct strbuf page;
};

/* One page. */
struct page {
	const struct cli_command *command; /* NULL: the program */
	const char *name;		   /* "tare image ls" */
};

/* ---- roff ---- */

/* A text as it is: minus signs that can be copied, no macros and escapes by accident. */
static void add_text(struct strbuf *out, const char *text, size_t len)
{
	bool first = out->len == 0 || out->s[out->len - 1] == '\n';

	if (first && len && (text[0] == '.' || text[0] == '\''))
		sb_puts(out, "\\&");
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '-')
			sb_puts(out, "\\-");
		else if (text[i] == '\\')
			sb_puts(out, "\\e");
		else if (text[i] == '~')
			sb_puts(out, "\\(ti");
		else
			sb_putc(out, text[i]);
	}
}

static void add_all(struct strbuf *out, const char *text)
{
	add_text(out, text, strlen(text));
}

/* A line of prose: `bold`. */
static void add_prose(struct strbuf *out, const char *line, size_t len)
{
	bool bold = false;

	while (len) {
		const char *tick = memchr(line, '`', len);
		size_t n = tick ? (size_t)(tick - line) : len;

		add_text(out, line, n);
		if (tick) {
			bold = !bold;
			sb_puts(out, bold ? "\\fB" : "\\fR");
			n++;
		}
		line += n;
		len -= n;
	}
	sb_putc(out, '\n');
}

/* The metavariables of a usage are in italics, its brackets not. */
static void add_usage(struct strbuf *out, const char *args)
{
	for (const char *c = args; *c;) {
		size_t n = strcspn(c, "[]|. ");

		if (n) {
			sb_puts(out, "\\fI");
			add_text(out, c, n);
			sb_puts(out, "\\fR");
		} else {
			n = 1;
			sb_putc(out, *c);
		}
		c += n;
	}
}

/* ---- the parts that tables give ---- */

static void add_option(const struct cli_option *o, void *data)
{
	struct strbuf *out = data;

	sb_puts(out, ".TP\n\\fB");
	if (o->letter) {
		const char name[] = { '-', o->letter, '\0' };

		add_all(out, name);
		sb_puts(out, "\\fR, \\fB");
	}
	add_all(out, "--");
	add_all(out, o->name);
	sb_puts(out, "\\fR");
	if (o->arg) {
		sb_puts(out, " ");
		add_usage(out, o->arg);
	}
	sb_puts(out, "\n");
	add_all(out, o->help);
	sb_puts(out, "\n");
}

static void add_options(struct man *m, const struct cli_command *command)
{
	const struct cli_option fixed[] = {
		{ "help", command ? '\0' : 'h', NULL, CLI_FLAG, "print this and exit", 0 },
		{ command || !m->program->version ? NULL : "version", 'v', NULL, CLI_FLAG, "print the version and exit", 0 },
		{ 0 },
	};

	cli_each_option(command ? command->options : m->program->options, add_option, &m->page);
	cli_each_option(fixed, add_option, &m->page);
}

static void add_synopsis(struct strbuf *out, const char *name, const struct cli_command *c, bool table)
{
	sb_puts(out, "\\fB");
	add_all(out, name);
	sb_puts(out, "\\fR [\\fIOPTIONS\\fR]");
	if (table)
		sb_puts(out, " \\fICOMMAND\\fR");
	if (c && c->args) {
		sb_putc(out, ' ');
		add_usage(out, c->args);
	}
	sb_putc(out, '\n');
}

static char *page_name(struct arena *a, const char *name)
{
	char *page = arena_strdup(a, name);

	for (char *c = page; c && *c; c++)
		if (*c == ' ')
			*c = '-';
	return page;
}

static void add_commands(struct man *m, const char *name, const struct cli_command *table)
{
	sb_puts(&m->page, ".SH COMMANDS\n");
	for (const struct cli_command *c = table; c->name; c++) {
		if (!c->help)
			continue;
		sb_puts(&m->page, ".TP\n\\fB");
		add_all(&m->page, page_name(m->a, name));
		sb_puts(&m->page, "\\-");
		add_all(&m->page, c->name);
		sb_puts(&m->page, "\\fR(1)\n");
		add_all(&m->page, c->help);
		sb_putc(&m->page, '\n');
	}
}

/* With all pages in one: each command with its usage and options. */
static void add_parts(struct man *m, const char *name, const struct cli_command *table)
{
	for (const struct cli_command *c = table; c->name; c++) {
		const char *own = arena_printf(m->a, "%s %s", name, c->name);

		if (!c->help || !own)
			continue;
		if (c->sub) {
			add_parts(m, own, c->sub);
			continue;
		}
		sb_puts(&m->page, ".SS ");
		add_all(&m->page, own);
		sb_puts(&m->page, "\n");
		add_synopsis(&m->page, own, c, false);
		sb_puts(&m->page, ".PP\n");
		add_all(&m->page, c->help);
		sb_puts(&m->page, "\n");
		cli_each_option(c->options, add_option, &m->page);
	}
}

/* ---- one command by two ways ---- */

static bool is_same(const struct cli_command *a, const struct cli_command *b)
{
	return a->run && a->run == b->run && a->options == b->options && a->id == b->id && a->min_args == b->min_args;
}

/* fn for each of the other names of a row in the table of `name`. */
static void also_names(struct man *m, const char *name, const char *also, const struct page *of,
		       void (*fn)(struct man *m, const char *other, const struct page *of))
{
	const char *one;
	size_t len;

	while ((one = cli_next_choice(&also, &len))) {
		const char *own = arena_printf(m->a, "%s %.*s", name, (int)len, one);

		if (own)
			fn(m, own, of);
	}
}

/* All other names under which a table below `name` has c. fn gets them one by one. */
static void other_names(struct man *m, const struct cli_command *table, const char *name, const struct page *of,
			void (*fn)(struct man *m, const char *other, const struct page *of))
{
	for (const struct cli_command *c = table; c->name; c++) {
		const char *own = arena_printf(m->a, "%s %s", name, c->name);

		if (!c->help || !own)
			continue;
		if (c->sub)
			other_names(m, c->sub, own, of, fn);
		else if (is_same(c, of->command)) {
			if (strcmp(own, of->name) != 0)
				fn(m, own, of);
			also_names(m, name, c->also, of, fn);
		}
	}
}

static void add_other_name(struct man *m, const char *other, const struct page *of)
{
	sb_puts(&m->page, ".br\n");
	add_synopsis(&m->page, other, of->command, false);
}

/* The first of the program's own commands that is the same, or itself. */
static const struct cli_command *main_command(const struct man *m, const struct cli_command *c)
{
	for (const struct cli_command *top = m->program->commands; top->name; top++)
		if (is_same(top, c))
			return top;
	return c;
}

/* ---- the text ---- */

/* Where the second section begins, or the text's end. */
static const char *second_section(const char *text)
{
	const char *next = strstr(text, "\n# ");

	return next ? next + 1 : text + strlen(text);
}

/* Where a text stands: amid an example, behind an empty line, at a section's beginning (where no paragraph is to be begun). */
struct flow {
	bool example, blank, fresh;
};

static void add_line(struct strbuf *out, struct flow *f, const char *line, size_t len)
{
	bool example = len > 4 && !strncmp(line, "    ", 4), heading = len > 2 && !strncmp(line, "# ", 2);

	if (example != f->example)
		sb_puts(out, example ? ".RS 4\n.EX\n" : ".EE\n.RE\n");
	else if (example && f->blank)
		sb_putc(out, '\n');
	f->example = example;
	if (heading) {
		sb_puts(out, ".SH ");
		add_text(out, line + 2, len - 2);
		sb_putc(out, '\n');
	} else if (example) {
		add_text(out, line + 4, len - 4);
		sb_putc(out, '\n');
	} else if (len > 2 && !strncmp(line, "- ", 2)) {
		sb_puts(out, ".IP \\(bu 2\n");
		add_prose(out, line + 2, len - 2);
	} else {
		if (f->blank && !f->fresh)
			sb_puts(out, ".PP\n");
		add_prose(out, line, len);
	}
	f->fresh = heading;
	f->blank = false;
}

static void add_lines(struct strbuf *out, const char *text, const char *end)
{
	struct flow f = { 0 };

	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((eol ? eol : end) - text);

		if (len)
			add_line(out, &f, text, len);
		else
			f.blank = true;
		text = eol ? eol + 1 : end;
	}
	if (f.example)
		sb_puts(out, ".EE\n.RE\n");
}

static int read_text(const struct man *m, const char *page, char **out, struct err *e)
{
	const char *path = arena_printf(m->a, "%s/%s.md", m->texts, page);
	int r = path ? io_read_file(AT_FDCWD, path, TEXT_MAX, out, NULL) : -ENOMEM;

	if (r == -ENOENT)
		return err_set(e, ERR_NOTFOUND, "%s is missing: every command brings the text of its manual page", path);
	if (r < 0)
		return err_errno(e, r, "%s", path ? path : page);
	if (!text_starts(*out, "# DESCRIPTION\n"))
		return err_set(e, ERR_INVALID, "%s: must begin with \"# DESCRIPTION\"", path);
	return 0;
}

/* ---- pages ---- */

static int write_page(const struct man *m, const char *page, struct err *e)
{
	CLEANUP_NEWFILE struct newfile f = NEWFILE_INIT;
	const char *path = arena_printf(m->a, "%s/%s.%d", m->out, page, m->section);
	int r = path ? sb_error(&m->page) : -ENOMEM;

	if (r == 0)
		r = newfile_begin(path, 0644, &f);
	if (r == 0)
		r = io_write_full(f.fd, m->page.s, m->page.len);
	if (r == 0)
		r = newfile_commit(&f);
	return r < 0 ? err_errno(e, r, "write %s", path ? path : page) : 0;
}

static int write_link(const struct man *m, const char *page, const char *to, struct err *e)
{
	const char *path = arena_printf(m->a, "%s/%s.1", m->out, page), *target = arena_printf(m->a, "%s.1", to);

	if (!path || !target)
		return err_errno(e, -ENOMEM, "%s", page);
	if ((unlink(path) < 0 && errno != ENOENT) || symlink(target, path) < 0)
		return err_errno(e, -errno, "write %s", path);
	return 0;
}

static void add_name(struct man *m, const char *page, const char *about, size_t len)
{
	sb_reset(&m->page);
	sb_puts(&m->page, ".TH \"");
	for (const char *c = page; *c; c++)
		sb_putc(&m->page, (char)toupper((unsigned char)*c));
	sb_printf(&m->page, "\" \"%d\" \"\" \"tare %s\" \"\"\n.SH NAME\n", m->section, TARE_VERSION);
	add_all(&m->page, page);
	sb_puts(&m->page, " \\- ");
	add_text(&m->page, about, len);
	sb_putc(&m->page, '\n');
}

static void add_head(struct man *m, const char *page, const struct page *p)
{
	const char *about = p->command ? p->command->help : m->program->about;

	add_name(m, page, about, strlen(about));
	sb_puts(&m->page, ".SH SYNOPSIS\n");
	add_synopsis(&m->page, p->name, p->command, p->command ? p->command->sub != NULL : true);
	if (p->command && p->command->run)
		other_names(m, m->program->commands, m->program->name, p, add_other_name);
}

static int make_page(struct man *m, const struct page *p, struct err *e)
{
	const struct cli_command *table = p->command ? p->command->sub : m->program->commands;
	const char *page = page_name(m->a, p->name), *rest;
	CLEANUP_FREE char *text = NULL;
	int r = page ? read_text(m, page, &text, e) : err_errno(e, -ENOMEM, "write pages");

	if (r < 0)
		return r;
	rest = second_section(text);
	add_head(m, page, p);
	add_lines(&m->page, text, rest);
	sb_puts(&m->page, ".SH OPTIONS\n");
	add_options(m, p->command);
	if (table && m->whole) {
		sb_puts(&m->page, ".SH COMMANDS\n");
		add_parts(m, p->name, table);
	} else if (table) {
		add_commands(m, p->name, table);
	}
	add_lines(&m->page, rest, rest + strlen(rest));
	return write_page(m, page, e);
}

static int make_pages(struct man *m, const char *name, const struct cli_command *table, struct err *e)
{
	int r = 0;

	for (const struct cli_command *c = table; r == 0 && c->name; c++) {
		const struct page p = { c, arena_printf(m->a, "%s %s", name, c->name) };
		const struct cli_command *first = main_command(m, c);

		if (!c->help)
			continue;
		if (!p.name)
			return err_errno(e, -ENOMEM, "write pages");
		if (first != c)
			r = write_link(m, page_name(m->a, p.name), arena_printf(m->a, "%s-%s", m->program->name, first->name), e);
		else
			r = make_page(m, &p, e);
		if (r == 0 && c->sub)
			r = make_pages(m, p.name, c->sub, e);
	}
	return r;
}

int cli_man(struct arena *a, const struct cli_program *p, const char *texts, const char *out, bool whole, struct err *e)
{
	struct man m = { .a = a, .program = p, .texts = texts, .out = out, .section = 1, .whole = whole, .page = STRBUF_INIT };
	const struct page own = { NULL, p->name };
	int r = io_mkdirs(AT_FDCWD, out, 0755);

	if (r < 0)
		return err_errno(e, r, "make %s", out);
	r = make_page(&m, &own, e);
	if (r == 0 && !whole)
		r = make_pages(&m, p->name, p->commands, e);
	sb_free(&m.page);
	return r;
}

int cli_man_topics(struct arena *a, const struct cli_program *p, const struct cli_topic *topics, const char *out, struct err *e)
{
	struct man m = { .a = a, .program = p, .out = out, .section = 7, .page = STRBUF_INIT };
	int r = io_mkdirs(AT_FDCWD, out, 0755);

	if (r < 0)
		return err_errno(e, r, "make %s", out);
	for (; r == 0 && topics->name; topics++) {
		const char *page = arena_printf(a, "%s-%s", p->name, topics->name), *body = cli_topic_body(topics), *about;
		size_t len;

		about = cli_topic_about(topics, &len);
		if (!page) {
			r = err_errno(e, -ENOMEM, "write pages");
			break;
		}
		add_name(&m, page, about, len);
		add_lines(&m.page, body, body + strlen(body));
		r = write_page(&m, page, e);
	}
	sb_free(&m.page);
	return r;
}
