/* A repository of our own is made and one commit fetched into it, so no configuration and no hook is anybody's but ours: git reads neither the
 * machine's nor a user's. A server that gives single commits gives one, without history; from others (HTTP without git behind it) all branches
 * and tags are fetched. */
#include "build/git.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/beneath.h"
#include "base/io.h"
#include "base/text.h"
#include "build/secret.h"
#include "build/ssh.h"
#include "engine/confined.h"
#include "image/folder.h"

#define SAID 300
#define AGENT "agent"
#define KNOWN_HOSTS "known_hosts"
#define KNOWN_HOSTS_MAX (8U << 20)
#define MAX_WORDS 40
#define PATIENCE 600
#define MAX_PATIENCE 86400

struct git {
	struct build *b;
	const struct df_source *src;
	int folder;
	struct strbuf out;
	char said[SAID];
	struct agent agent; /* lent to ssh */
};
#define GIT_INIT(B, SRC, FOLDER) { .b = (B), .src = (SRC), .folder = (FOLDER), .out = STRBUF_INIT, .agent = AGENT_INIT }

static int no_memory(struct err *e)
{
	return err_errno(e, -ENOMEM, "git");
}

/* ---- running it ---- */

static const char *const settings[] = {
	"git", "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=60",
	"-c", "advice.detachedHead=false", "-c", "init.defaultBranch=main", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
	"-c", "safe.directory=*", "-c", "core.protectNTFS=false",
};

static int environment(struct build *b, const char *out[MAX_WORDS], size_t *count, struct err *e)
{
	static const char *const own[] = {
		"LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ALLOW_PROTOCOL=git:http:https:ssh",
		"GIT_ATTR_NOSYSTEM=1", "SSH_AUTH_SOCK=" CONFINED_HOME "/" AGENT,
		"GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=/dev/null"
		" -o UserKnownHostsFile=" CONFINED_HOME "/" KNOWN_HOSTS,
	};
	static const char *const passed[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY" };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		out[n++] = own[i];
	for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
		const char *value = getenv(passed[i]);

		if (!value || !*value)
			continue;
		out[n] = arena_printf(b->a, "%s=%s", passed[i], value);
		if (!out[n++])
			return no_memory(e);
	}
	out[n] = NULL;
	*count = n;
	return 0;
}

/* ---- who we are to a server of HTTP ---- */

/* "https://HOST/", without what stands before an @ in it; NULL: it is no such URL. */
static const char *origin(struct build *b, const char *url, const char **host)
{
	const char *authority = strstr(url, "://"), *at;
	size_t len;

	if (strncasecmp(url, "http", 4) != 0 || !authority)
		return NULL;
	authority += 3;
	len = strcspn(authority, "/?#");
	at = memrchr(authority, '@', len);
	if (at) {
		len -= (size_t)(at + 1 - authority);
		authority = at + 1;
	}
	*host = arena_strndup(b->a, authority, strcspn(authority, ":/?#"));
	return arena_printf(b->a, "%.*s://%.*s/", (int)(strchr(url, ':') - url), url, (int)len, authority);
}

/* The secret kind.HOST; for what the command line names, which no Dockerfile can change, kind alone will do. */
static int find_login(struct build *b, const char *kind, const char *host, char **out, struct err *e)
{
	const char *own = arena_printf(b->a, "%s.%s", kind, host);
	size_t len;
	int r = own ? secret_read(b, own, out, &len, e) : no_memory(e);

	if (r == 0 && b->file.n_stages == 0)
		r = secret_read(b, kind, out, &len, e);
	if (r > 0)
		(*out)[strcspn(*out, "\r\n")] = '\0';
	return r;
}

/* Settings of git that send it to that server alone, behind n of env. */
static int add_login(const struct git *g, const char **env, size_t n, struct err *e)
{
	CLEANUP(sb_wipe) struct strbuf value = STRBUF_INIT, pair = STRBUF_INIT;
	CLEANUP_FREE char *text = NULL;
	struct build *b = g->b;
	const char *host = "", *url = origin(b, g->src->url, &host);
	int r = url ? find_login(b, "GIT_AUTH_TOKEN", host, &text, e) : 0;

	if (r > 0) {
		sb_printf(&pair, "x-access-token:%s", text);
		sb_puts(&value, "basic ");
		base64_encode(sb_str(&pair), pair.len, &value);
	} else if (r == 0 && url) {
		r = find_login(b, "GIT_AUTH_HEADER", host, &text, e);
		if (r > 0)
			sb_puts(&value, text);
	}
	if (r <= 0)
		return r;
	env[n] = "GIT_CONFIG_COUNT=1";
	env[n + 1] = arena_printf(b->a, "GIT_CONFIG_KEY_0=http.%s.extraHeader", url);
	env[n + 2] = arena_printf(b->a, "GIT_CONFIG_VALUE_0=Authorization: %s", sb_str(&value));
	env[n + 3] = NULL;
	return sb_error(&value) < 0 || sb_error(&pair) < 0 || arena_error(b->a) < 0 ? no_memory(e) : 0;
}

/* ---- all of it ---- */

/* For how long nothing may come of it: a server may think about a large repository, and git about what it got. */
static int find_patience(int64_t *ms, struct err *e)
{
	const char *text = getenv("TARE_GIT_PATIENCE");
	uint32_t seconds = PATIENCE;

	if (text && *text && (text_u32(text, &seconds) < 0 || seconds == 0 || seconds > MAX_PATIENCE))
		return err_set(e, ERR_INVALID, "TARE_GIT_PATIENCE is the number of seconds, 1 to %d, for which git may do nothing", MAX_PATIENCE);
	*ms = (int64_t)seconds * 1000;
	return 0;
}

/* git with these words, up to a NULL: its exit code. What it wrote is g->out. */
static int run(struct git *g, const char *const *words, struct err *e)
{
	const char *argv[MAX_WORDS] = { 0 }, *env[MAX_WORDS];
	const struct image_limits *limits = &g->b->args->limits;
	struct confined c = { .argv = argv, .env = env, .folder = g->folder, .file_bytes = limits->file_bytes,
			      .total_bytes = limits->unpacked_bytes, .entries = limits->entries };
	size_t n = 0, n_env = 0;
	int r = find_patience(&c.silence_ms, e);

	if (r == 0)
		r = environment(g->b, env, &n_env, e);
	if (r == 0)
		r = add_login(g, env, n_env, e);
	for (; n < ARRAY_LEN(settings); n++)
		argv[n] = settings[n];
	for (size_t i = 0; words[i] && n < MAX_WORDS - 1; i++)
		argv[n++] = words[i];
	sb_reset(&g->out);
	if (r == 0)
		r = confined_run(&c, &g->out, g->said, sizeof(g->said), e);
	return r < 0 && e->cls != ERR_NOTFOUND ? err_ctx(e, "%s", g->src->url) : r;
}
#define RUN(g, e, ...) run(g, (const char *const[]){ __VA_ARGS__, NULL }, e)
#define IN_TREE "-C", GIT_TREE

static int failed(struct git *g, int code, const char *what, struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "%s: git cannot %s%s%s (%d)", g->src->url, what, g->said[0] ? ": " : "", g->said, code);
}

static int must(struct git *g, int code, const char *what, struct err *e)
{
	return code > 0 ? failed(g, code, what, e) : code;
}

static void git_end(struct git *g)
{
	sb_free(&g->out);
	agent_end(&g->agent);
}

/* ---- ssh ---- */

static bool by_ssh(const struct df_source *src)
{
	return text_starts(src->url, "ssh://") || !strstr(src->url, "://");
}

static int add_hosts(struct strbuf *out, const char *path, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	size_t len = 0;
	int r = path ? io_read_file(AT_FDCWD, path, KNOWN_HOSTS_MAX, &text, &len) : -ENOMEM;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_errno(e, r, "%s", path ? path : "known hosts");
	sb_add(out, text, len);
	sb_putc(out, '\n');
	return 0;
}

/* The hosts that the caller's own ssh knows: another's key is nobody's to accept here. */
static int lay_known_hosts(struct git *g, struct err *e)
{
	CLEANUP_STRBUF struct strbuf hosts = STRBUF_INIT;
	const char *home = getenv("HOME");
	CLEANUP_FD int fd = -1;
	int r = add_hosts(&hosts, "/etc/ssh/ssh_known_hosts", e);

	if (r == 0 && home)
		r = add_hosts(&hosts, arena_printf(g->b->a, "%s/.ssh/known_hosts", home), e);
	if (r < 0)
		return r;
	if (unlinkat(g->folder, KNOWN_HOSTS, 0) < 0 && errno != ENOENT)
		return err_errno(e, -errno, "known hosts");
	fd = openat(g->folder, KNOWN_HOSTS, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : sb_error(&hosts) < 0 ? -ENOMEM : io_write_full(fd, sb_str(&hosts), hosts.len);
	return r < 0 ? err_errno(e, r, "known hosts") : 0;
}

/* ssh in the folder's sight: an agent and the hosts that are known. */
static int prepare(struct git *g, struct err *e)
{
	int r = by_ssh(g->src) ? lay_known_hosts(g, e) : 1;

	if (r != 0)
		return r < 0 ? r : 0;
	r = ssh_lend(g->b, "default", g->folder, AGENT, 0, 0, 0666, &g->agent, e); /* who may enter the folder is git alone */
	if (r == 0)
		return err_set(e, ERR_NOTFOUND, "%s: git needs an ssh agent: --ssh default lends yours", g->src->url);
	return r < 0 ? r : 0;
}

/* ---- which commit ---- */

static bool is_commit(const char *s)
{
	return s && (text_is_hex(s, 40) || text_is_hex(s, 64));
}

/* The commit in a line of `git ls-remote` for this name; NULL: there is none. */
static const char *find_line(const struct git *g, const char *name)
{
	CLEANUP_FREE char *text = strdup(sb_str(&g->out));
	char *save = NULL;

	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save)) {
		char *tab = strchr(line, '\t');

		if (!tab)
			continue;
		*tab = '\0';
		if (strcmp(tab + 1, name) == 0 && is_commit(line))
			return arena_strdup(g->b->a, line);
	}
	return NULL;
}

/* As git itself prefers: what is written out, a branch, a tag; of a tag with a message the commit it is on. */
static int ask(struct git *g, const char *ref, const char **commit, struct err *e)
{
	static const char *const forms[] = { "%s^{}", "%s", "refs/heads/%s", "refs/tags/%s^{}", "refs/tags/%s", "refs/%s" };
	const char *pattern = arena_printf(g->b->a, "%s^{}", ref);
	int r = pattern ? must(g, RUN(g, e, "ls-remote", "-q", "--", g->src->url, ref, pattern), "ask it", e) : no_memory(e);

	if (r < 0)
		return r;
	for (size_t i = 0; !*commit && i < ARRAY_LEN(forms); i++) {
		CLEANUP_STRBUF struct strbuf name = STRBUF_INIT;
		const char *at = strstr(forms[i], "%s");

		sb_printf(&name, "%.*s%s%s", (int)(at - forms[i]), forms[i], ref, at + 2);
		*commit = find_line(g, sb_str(&name));
	}
	return *commit ? 0 : err_set(e, ERR_NOTFOUND, "%s: it has no branch or tag %s", g->src->url, ref);
}

static int check_ref(const char *ref, struct err *e)
{
	for (const char *p = ref; *p; p++)
		if ((unsigned char)*p <= 0x20 || strchr("~^:?*[\\\x7f", *p))
			return err_set(e, ERR_INVALID, "a branch or tag has no such character: %.80s", ref);
	return ref[0] == '-' ? err_set(e, ERR_INVALID, "no branch or tag begins with -: %.80s", ref) : 0;
}

int git_resolve(struct build *b, const struct df_source *src, const char *checksum, int folder, const char **commit, struct err *e)
{
	CLEANUP(git_end) struct git g = GIT_INIT(b, src, folder);
	const char *want = checksum && *checksum ? checksum : src->commit, *ref = src->ref ? src->ref : src->commit ? src->commit : "HEAD";
	int r = want && !is_commit(want) ? err_set(e, ERR_INVALID, "%s: a commit is 40 hex digits, or 64: %.80s", src->url, want) : 0;

	*commit = NULL;
	if (r == 0)
		r = check_ref(ref, e);
	if (r == 0 && is_commit(ref))
		*commit = ref;
	else if (r == 0)
		r = prepare(&g, e) < 0 ? e->code : ask(&g, ref, commit, e);
	if (r == 0 && want && strcmp(want, *commit) != 0)
		return err_set(e, ERR_INVALID, "%s: %s is commit %s, and %s is wanted", src->url, ref, *commit, want);
	return r;
}

/* ---- its files ---- */

/* A stranger's folder: times, and .git out of it and of its submodules. */
static int settle_tree(struct build *b, int dir, int64_t when, bool keep, unsigned int depth, struct err *e)
{
	const struct timespec times[2] = { { .tv_sec = when }, { .tv_sec = when } };
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	const char **names = NULL;
	size_t n = 0;
	int r = depth > b->args->limits.depth ? err_set(e, ERR_LIMIT, "it is more than %u folders deep", depth - 1) : folder_list(&a, dir, &names, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		CLEANUP_FD int fd = -1;

		if (!keep && strcmp(names[i], ".git") == 0) {
			r = io_remove_tree(dir, names[i]);
			if (r < 0)
				return err_errno(e, r, "remove its .git");
			continue;
		}
		fd = openat(dir, names[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0)
			r = settle_tree(b, fd, when, keep, depth + 1, e);
		if (r == 0 && utimensat(dir, names[i], times, AT_SYMLINK_NOFOLLOW) < 0)
			r = err_errno(e, -errno, "set the time of its files");
	}
	return r;
}

static int fetch(struct git *g, const char *commit, struct err *e)
{
	const char *format = strlen(commit) == 64 ? "--object-format=sha256" : "--object-format=sha1", *also = NULL;
	int code = must(g, RUN(g, e, "init", "-q", "--template=", format, GIT_TREE), "make a repository", e);

	if (code == 0)
		code = must(g, RUN(g, e, IN_TREE, "remote", "add", "--", "origin", g->src->url), "make a repository", e);
	if (code == 0)
		code = RUN(g, e, IN_TREE, "fetch", "-q", "--depth=1", "--no-tags", "--", "origin", commit);
	if (code <= 0)
		return code;
	if (g->src->ref && text_starts(g->src->ref, "refs/"))
		also = arena_printf(g->b->a, "+%s:refs/tare/wanted", g->src->ref);
	return must(g, RUN(g, e, IN_TREE, "fetch", "-q", "--tags", "--", "origin", "+refs/heads/*:refs/remotes/origin/*", also), "fetch it", e);
}

static int fetch_submodules(struct git *g, int tree, struct err *e)
{
	CLEANUP_FD int list = beneath_open(tree, ".gitmodules", BENEATH_NOLINKS, O_PATH, 0);
	int code = list < 0 || g->src->submodules == DF_NO ?
			   0 :
			   RUN(g, e, IN_TREE, "submodule", "-q", "update", "--init", "--recursive", "--depth=1");

	if (code > 0) /* from where there are no parts of a history */
		code = must(g, RUN(g, e, IN_TREE, "submodule", "-q", "update", "--init", "--recursive"), "fetch its submodules", e);
	return code;
}

static int time_of(struct git *g, const char *commit, int64_t *when, struct err *e)
{
	int r = must(g, RUN(g, e, IN_TREE, "show", "-s", "--no-show-signature", "--format=%ct", commit), "read the commit", e);
	char *text = g->out.s;

	if (r < 0)
		return r;
	if (text)
		text[strcspn(text, "\n")] = '\0';
	if (!text || text_i64(text, when) < 0 || *when < 0 || *when > INT64_MAX / 1000000000)
		*when = 0;
	return 0;
}

int git_checkout(struct build *b, const struct df_source *src, const char *commit, bool keep, int folder, struct err *e)
{
	CLEANUP(git_end) struct git g = GIT_INIT(b, src, folder);
	CLEANUP_FD int tree = -1;
	int64_t when = 0;
	int r;

	build_say(b, "fetching %s at %.12s", src->url, commit);
	r = prepare(&g, e);
	if (r == 0)
		r = fetch(&g, commit, e);
	if (r == 0)
		r = must(&g, RUN(&g, e, IN_TREE, "checkout", "-q", "--detach", commit), "check it out", e);
	if (r == 0)
		r = time_of(&g, commit, &when, e);
	if (r < 0)
		return r;
	tree = beneath_open(folder, GIT_TREE, BENEATH_NOLINKS, O_RDONLY | O_DIRECTORY, 0);
	if (tree < 0)
		return err_errno(e, tree, "%s", src->url);
	r = fetch_submodules(&g, tree, e);
	if (r == 0)
		r = settle_tree(b, tree, b->has_epoch && b->epoch < when ? b->epoch : when, keep, 1, e);
	return r;
}
