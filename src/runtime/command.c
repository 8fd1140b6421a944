/* args[0]: found in the container, by the PATH of the process's own environment, and executed. Looking is done twice:
 * at create with the container root's rights, so that a wrong name fails early; and by exec itself at the end, with
 * the user's rights, where execve(2) has the last word. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "runtime/internal.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* Of several the last one, as for every variable. */
static const char *search_path(const struct oci_process *p)
{
	const char *path = DEFAULT_PATH;

	for (const char *const *v = p->env; v && *v; v++)
		if (text_starts(*v, "PATH="))
			path = *v + 5;
	return path;
}

/* The next "folder/name" of *path into out; false at the end. An empty element is the current folder. */
static bool next_candidate(const char **path, const char *name, char out[PATH_MAX])
{
	while (*path) {
		size_t len = strcspn(*path, ":");
		int n = snprintf(out, PATH_MAX, "%.*s%s%s", (int)len, *path, len ? "/" : "./", name);

		*path = (*path)[len] ? *path + len + 1 : NULL;
		if (n > 0 && n < PATH_MAX)
			return true;
	}
	return false;
}

static int missing(const char *name, bool has_slash, struct err *e)
{
	return err_set(e, ERR_CMD_MISSING,
		       has_slash ? "exec: \"%s\": no such file or directory"
				 : "exec: \"%s\": executable file not found in $PATH",
		       name);
}

/* Docker's client tells a command at fault (126, 127) from a runtime at fault (125) by these words of Go's, their case
 * included; libc's begin with a capital. */
const char *rt_command_reason(int r)
{
	switch (r) {
	case -EACCES:
		return "permission denied";
	case -ENOENT:
		return "no such file or directory";
	case -ENOEXEC:
		return "exec format error";
	default:
		return strerror(-r);
	}
}

static int refused(const char *name, int r, struct err *e)
{
	return err_set(e, ERR_CMD_NOEXEC, "exec: \"%s\": %s", name, rt_command_reason(r));
}

/* 0, -ENOENT…: could this be executed? What execve(2) would say, to which a folder is a file without permission. */
static int probe(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && (st.st_mode & 0111) ? 0 : -EACCES;
}

static bool absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

int rt_command_find(const struct oci_process *p, struct err *e)
{
	const char *name = p->args[0], *path = search_path(p);
	char candidate[PATH_MAX];
	int last = -ENOENT;

	if (strchr(name, '/')) {
		last = probe(name);
		if (absent(last))
			return missing(name, true, e);
		return last < 0 ? refused(name, last, e) : 0;
	}
	while (*name && next_candidate(&path, name, candidate)) {
		int r = probe(candidate);

		if (r == 0)
			return 0;
		if (!absent(r))
			last = r;
	}
	return absent(last) ? missing(name, false, e) : refused(name, last, e);
}

/* What nobody could know before: a script without its interpreter, a program for another machine. To callers of an OCI
 * runtime the container has started then, and ended; why is for its own stderr. */
static int not_executed(const struct rt_ctx *c, const char *path, int r, struct err *e)
{
	(void)err_set(e, absent(r) ? ERR_CMD_MISSING : ERR_CMD_NOEXEC, "exec %s: %s", path, rt_command_reason(r));
	/* want of memory or of processes is a limit's doing: rt_blame() finds which */
	if (!c->create || !c->create->ends_by_itself || !(absent(r) || r == -ENOEXEC))
		return e->code;
	(void)dprintf(STDERR_FILENO, "%s\n", e->msg);
	rt_exit(255);
}

static int try_exec(const char *path, const struct oci_process *p, const char *const *env)
{
	(void)execve(path, (char *const *)(uintptr_t)p->args, (char *const *)(uintptr_t)env);
	return -errno;
}

/* No shell is tried for a file the kernel cannot execute (ENOEXEC): exec is exec. */
int rt_command_exec(const struct rt_ctx *c, const char *const *env, struct err *e)
{
	const struct oci_process *p = c->process;
	const char *name = p->args[0], *path = search_path(p);
	char candidate[PATH_MAX];
	int last = -ENOENT;

	if (strchr(name, '/')) {
		last = try_exec(name, p, env);
		/* absent: it is there, or rt_command_find() had said so; its interpreter is not */
		return last == -EACCES ? refused(name, last, e) : not_executed(c, name, last, e);
	}
	while (*name && next_candidate(&path, name, candidate)) {
		int r = try_exec(candidate, p, env);

		if (!absent(r) && r != -EACCES)
			return not_executed(c, candidate, r, e);
		if (r == -EACCES)
			last = r;
	}
	return absent(last) ? missing(name, false, e) : refused(name, last, e);
}
