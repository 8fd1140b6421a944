#include "build/resolve.h"

#include <string.h>

#include "base/text.h"
#include "build/filemode.h"
#include "build/mount.h"
#include "build/ports.h"
#include "build/source.h"
#include "image/digest.h"
#include "oci/signals.h"

struct resolution {
	struct arena *a;
	const struct df_vars *vars;
	struct err *e;
};

static int no_memory(const struct resolution *r)
{
	return err_errno(r->e, -ENOMEM, "resolving the instruction");
}

static int text(const struct resolution *r, const char **s)
{
	return *s ? df_expand(r->a, r->vars, *s, s, r->e) : 0;
}

/* Each string of in on its own. */
static int texts(const struct resolution *r, const struct df_list *in, struct df_list *out)
{
	*out = (struct df_list){ 0 };
	for (size_t i = 0; i < in->n; i++) {
		const char *s = in->v[i];

		if (text(r, &s) < 0)
			return r->e->code;
		if (!df_list_add(r->a, out, s))
			return no_memory(r);
	}
	return 0;
}

/* A digest is of one thing that is fetched; of git it is a commit. */
static int check_checksum(const struct resolution *r, const struct df_copy *c, const struct df_source *source)
{
	size_t len = strlen(c->checksum);

	if (source->kind == DF_SOURCE_FILES)
		return err_set(r->e, ERR_INVALID, "--checksum is for what is fetched: http(s):// or a git repository");
	if (source->kind == DF_SOURCE_HTTP ? digest_valid(c->checksum)
					   : (len == 40 || len == 64) && text_is_hex(c->checksum, len))
		return 0;
	return err_set(r->e, ERR_INVALID, "--checksum=%.80s: want %s", c->checksum,
		       source->kind == DF_SOURCE_HTTP ? "sha256: and 64 hex digits" : "a commit: 40 hex digits, or 64");
}

static int check_copy(const struct resolution *r, enum df_kind kind, const struct df_copy *c)
{
	struct df_source source;
	bool git = false;
	mode_t mode;

	if (c->chmod && *c->chmod && df_filemode(c->chmod, 0, false, &mode) < 0)
		return err_set(r->e, ERR_INVALID, "--chmod=%.60s: want an octal number up to 7777, or as u=rwX,go=rX",
			       c->chmod);
	for (size_t i = 0; kind == DF_ADD && i < c->sources.n; i++) {
		if (df_source_parse(r->a, c->sources.v[i], &source, r->e) < 0 ||
		    (c->checksum && *c->checksum && check_checksum(r, c, &source) < 0))
			return r->e->code;
		git |= source.kind == DF_SOURCE_GIT;
	}
	if (c->keep_git_dir != DF_UNSAID && !git)
		return err_set(r->e, ERR_INVALID, "--keep-git-dir is for a git repository: git://, ssh:// or a URL that ends in .git");
	return 0;
}

static int copy(const struct resolution *r, enum df_kind kind, const struct df_copy *in, struct df_copy *out)
{
	struct df_heredoc *docs = arena_array(r->a, in->docs.n, sizeof(*docs));

	if (!docs)
		return no_memory(r);
	for (size_t i = 0; i < in->docs.n; i++) {
		docs[i] = in->docs.v[i];
		if (docs[i].expand && df_expand_document(r->a, r->vars, docs[i].content, &docs[i].content, r->e) < 0)
			return err_ctx(r->e, "here-document %.60s", docs[i].name);
	}
	out->docs.v = docs;
	if (texts(r, &in->sources, &out->sources) < 0 || text(r, &out->dest) < 0 || text(r, &out->chown) < 0 ||
	    text(r, &out->chmod) < 0 || text(r, &out->checksum) < 0)
		return r->e->code;
	return check_copy(r, kind, out);
}

static int pairs(const struct resolution *r, const struct df_pairs *in, struct df_pairs *out)
{
	out->v = arena_array(r->a, in->n, sizeof(*out->v));
	if (!out->v)
		return no_memory(r);
	for (size_t i = 0; i < in->n; i++) {
		out->v[i] = in->v[i];
		if (text(r, &out->v[i].key) < 0 || text(r, &out->v[i].value) < 0)
			return r->e->code;
		if (!*out->v[i].key)
			return err_set(r->e, ERR_INVALID, "the name %.60s is empty once its variables have values",
				       in->v[i].key);
	}
	return 0;
}

static int mounts(const struct resolution *r, const struct df_run *in, struct df_run *out)
{
	out->n_mounts = in->mount_texts.n;
	out->mounts = arena_array(r->a, out->n_mounts, sizeof(*out->mounts));
	if (!out->mounts)
		return no_memory(r);
	for (size_t i = 0; i < out->n_mounts; i++)
		if (df_mount_parse(r->a, in->mount_texts.v[i], r->vars, &out->mounts[i], r->e) < 0)
			return r->e->code;
	return 0;
}

static int expose(const struct resolution *r, const struct df_list *in, struct df_list *out)
{
	struct df_list words = { 0 };

	for (size_t i = 0; i < in->n; i++)
		if (df_expand_words(r->a, r->vars, in->v[i], &words, r->e) < 0)
			return r->e->code;
	if (df_ports(r->a, &words, out, r->e) < 0)
		return r->e->code;
	return df_spend(r->vars, out->n * 32, r->e);
}

static int volumes(const struct resolution *r, const struct df_list *in, struct df_list *out)
{
	if (texts(r, in, out) < 0)
		return r->e->code;
	for (size_t i = 0; i < out->n; i++)
		if (!*out->v[i])
			return err_set(r->e, ERR_INVALID, "the folder %.60s is empty once its variables have values",
				       in->v[i]);
	return 0;
}

static int word(const struct resolution *r, enum df_kind kind, const char **s)
{
	const char *written = *s;

	if (text(r, s) < 0)
		return r->e->code;
	if (kind == DF_WORKDIR && !**s)
		return err_set(r->e, ERR_INVALID, "the folder %.60s is empty once its variables have values", written);
	if (kind == DF_STOPSIGNAL && oci_signal_number(*s) < 0)
		return err_set(r->e, ERR_INVALID, "there is no signal \"%.60s\"", *s);
	return 0;
}

static int from(const struct resolution *r, struct df_from *f)
{
	const char *base = f->base, *platform = f->platform;

	if (text(r, &f->base) < 0 || text(r, &f->platform) < 0)
		return r->e->code;
	if (!*f->base)
		return err_set(
			r->e, ERR_INVALID,
			"the image %.60s is empty once its variables have values: give the ARG before FROM a default",
			base);
	if (platform && !*f->platform)
		return err_set(r->e, ERR_INVALID, "--platform=%.60s is empty once its variables have values", platform);
	return 0;
}

int df_resolve(struct arena *a, const struct df_vars *vars, const struct df_instruction *in, struct df_instruction *out,
	       struct err *e)
{
	struct resolution r = { a, vars, e };

	*out = *in;
	switch (in->kind) {
	case DF_ADD:
	case DF_COPY:
		return copy(&r, in->kind, &in->copy, &out->copy);
	case DF_ENV:
	case DF_LABEL:
		return pairs(&r, &in->pairs, &out->pairs);
	case DF_EXPOSE:
		return expose(&r, &in->list, &out->list);
	case DF_VOLUME:
		return volumes(&r, &in->list, &out->list);
	case DF_RUN:
		return mounts(&r, &in->run, &out->run);
	case DF_FROM:
		return from(&r, &out->from);
	case DF_STOPSIGNAL:
	case DF_USER:
	case DF_WORKDIR:
		return word(&r, in->kind, &out->word);
	case DF_ARG:
	case DF_CMD:
	case DF_ENTRYPOINT:
	case DF_HEALTHCHECK:
	case DF_MAINTAINER:
	case DF_ONBUILD:
	case DF_SHELL:
	case DF_KIND_COUNT:
		break;
	}
	return 0;
}
