#include "image/platform.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static const struct {
	const char *name, *arch, *variant;
} aliases[] = {
	{ "x86_64", "amd64", NULL },   { "x86-64", "amd64", NULL }, { "aarch64", "arm64", NULL },
	{ "armhf", "arm", "v7" },      { "armel", "arm", "v6" },    { "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },     { "i386", "386", NULL },     { "i486", "386", NULL },
	{ "i586", "386", NULL },       { "i686", "386", NULL },     { "ppc64el", "ppc64le", NULL },
	{ "loongarch64", "loong64", NULL },
};

/* Go's, of which images are. */
static const char *const systems[] = { "linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly", "solaris", "illumos", "aix",
				       "android", "ios", "plan9", "js", "wasip1", "zos" };
static const char *const architectures[] = { "amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "loong64", "mips64le", "mips64",
					     "mipsle", "mips", "ppc64", "ppc", "riscv", "s390", "sparc", "sparc64", "wasm" };

static bool is_one_of(const char *const *names, size_t n, const char *name)
{
	while (n-- > 0)
		if (strcmp(names[n], name) == 0)
			return true;
	return false;
}

/* The variant an image means that names none, and its rank: higher runs lower. */
static int rank(const struct platform *p)
{
	const char *v = p->variant;

	if (!*v)
		v = !strcmp(p->arch, "arm64") ? "v8" : !strcmp(p->arch, "arm") ? "v7" : "v1";
	return v[0] == 'v' && v[1] >= '1' && v[1] <= '9' && !v[2] ? v[1] - '0' : 0;
}

void platform_make(const char *os, const char *arch, const char *variant, struct platform *out)
{
	for (size_t i = 0; arch && i < ARRAY_LEN(aliases); i++) {
		if (strcmp(arch, aliases[i].name) != 0)
			continue;
		arch = aliases[i].arch;
		if (!variant || !*variant)
			variant = aliases[i].variant;
		break;
	}
	(void)snprintf(out->os, sizeof(out->os), "%s", os ? os : "");
	(void)snprintf(out->arch, sizeof(out->arch), "%s", arch ? arch : "");
	(void)snprintf(out->variant, sizeof(out->variant), "%s", variant ? variant : "");
}

void platform_host(struct platform *out)
{
	struct utsname u;

	platform_make("linux", uname(&u) == 0 ? u.machine : "unknown", NULL, out);
}

int platform_parse(const char *text, struct platform *out, struct err *e)
{
	char copy[96], *part[3] = { NULL }, *rest = copy;
	struct platform host;
	size_t n = 0;

	if (strlen(text) >= sizeof(copy))
		return err_set(e, ERR_INVALID, "platform '%s': too long", text);
	memcpy(copy, text, strlen(text) + 1);
	for (char *p; (p = strsep(&rest, "/"));) {
		if (n == 3 || !*p || strlen(p) >= sizeof(out->variant))
			return err_set(e, ERR_INVALID, "platform '%s': it must be OS/ARCHITECTURE[/VARIANT], as linux/arm64",
				       text);
		part[n++] = p;
	}
	platform_host(&host);
	if (n == 1 && is_one_of(systems, ARRAY_LEN(systems), part[0]))
		platform_make(part[0], host.arch, host.variant, out);
	else if (n == 1)
		platform_make("linux", part[0], NULL, out);
	else
		platform_make(part[0], part[1], part[2], out);
	if (!is_one_of(systems, ARRAY_LEN(systems), out->os))
		return err_set(e, ERR_INVALID, "platform '%s': there is no operating system %s (linux, windows, freebsd…)", text, out->os);
	if (!is_one_of(architectures, ARRAY_LEN(architectures), out->arch) && strcmp(out->arch, host.arch) != 0)
		return err_set(e, ERR_INVALID, "platform '%s': there is no %sarchitecture %s (amd64, arm64, arm/v7, 386, ppc64le, s390x, riscv64…)", text,
			       n == 1 ? "operating system or " : "", out->arch);
	return 0;
}

const char *platform_text(const struct platform *p, char out[PLATFORM_TEXT_LEN])
{
	(void)snprintf(out, PLATFORM_TEXT_LEN, "%s/%s%s%s", p->os, p->arch, p->variant[0] ? "/" : "", p->variant);
	return out;
}

int platform_match(const struct platform *want, const struct platform *have)
{
	int w = rank(want), h = rank(have);

	if (strcmp(want->os, have->os) != 0 || strcmp(want->arch, have->arch) != 0)
		return 0;
	if (!strcmp(want->variant, have->variant))
		return 10;
	return w && h && h <= w ? h : 0;
}
