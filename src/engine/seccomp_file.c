#include "engine/seccomp_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/io.h"
#include "sys/caps.h"

#define FILE_MAX (4 << 20)

/* This machine in the three spellings of it. */
struct machine {
	const char *uname, *go, *seccomp;
};

static const struct machine *machine(void)
{
	static const struct machine rows[] = {
		{ "x86_64", "amd64", "SCMP_ARCH_X86_64" },   { "aarch64", "arm64", "SCMP_ARCH_AARCH64" },
		{ "riscv64", "riscv64", "SCMP_ARCH_RISCV64" }, { "ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE" },
		{ "s390x", "s390x", "SCMP_ARCH_S390X" },
	};
	struct utsname un;

	if (uname(&un) == 0)
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			if (strcmp(rows[i].uname, un.machine) == 0)
				return &rows[i];
	return NULL;
}

static bool kernel_at_least(const char *version)
{
	unsigned int want_major = 0, want_minor = 0, major = 0, minor = 0;
	struct utsname un;

	return sscanf(version, "%u.%u", &want_major, &want_minor) == 2 && uname(&un) == 0 &&
	       sscanf(un.release, "%u.%u", &major, &minor) == 2 &&
	       (major > want_major || (major == want_major && minor >= want_minor));
}

static bool has_cap(uint64_t caps, const char *name)
{
	int n = cap_number(name);

	return n >= 0 && caps & CAP_BIT(n);
}

/* Whether every condition that is there holds (includes) or any does (excludes). */
static bool holds(const struct json *conditions, uint64_t caps, bool any)
{
	const struct json *arches = json_get(conditions, "arches"), *needed = json_get(conditions, "caps");
	const struct json *kernel = json_get(conditions, "minKernel");
	const struct machine *m = machine();
	bool result = !any, arch = false;

	json_each(name, arches)
		arch |= m && name->type == JSON_STRING && strcmp(name->str, m->go) == 0;
	if (arches && arches->len)
		result = any ? result || arch : result && arch;
	json_each(cap, needed)
		if (cap->type == JSON_STRING)
			result = any ? result || has_cap(caps, cap->str) : result && has_cap(caps, cap->str);
	if (kernel && kernel->type == JSON_STRING && kernel->str[0])
		result = any ? result || kernel_at_least(kernel->str) : result && kernel_at_least(kernel->str);
	return result;
}

static bool applies(const struct json *rule, uint64_t caps)
{
	const struct json *includes = json_get(rule, "includes"), *excludes = json_get(rule, "excludes");

	return (!includes || includes->type != JSON_OBJECT || holds(includes, caps, false)) &&
	       (!excludes || excludes->type != JSON_OBJECT || !holds(excludes, caps, true));
}

static void write_architectures(const struct json *map, struct json_writer *w)
{
	const struct machine *m = machine();

	jw_array(w, "architectures");
	json_each(row, map) {
		const struct json *arch = json_get(row, "architecture");

		if (!m || !arch || arch->type != JSON_STRING || strcmp(arch->str, m->seccomp) != 0)
			continue;
		jw_str(w, NULL, arch->str);
		json_each(sub, json_get(row, "subArchitectures"))
			jw_value(w, NULL, sub);
	}
	jw_end_array(w);
}

static void write_rule(const struct json *rule, struct json_writer *w)
{
	jw_object(w, NULL);
	json_each(member, rule) {
		if (strcmp(member->key, "name") == 0 && member->type == JSON_STRING && member->len) {
			jw_array(w, "names");
			jw_str(w, NULL, member->str);
			jw_end_array(w);
		} else if (strcmp(member->key, "names") == 0 || strcmp(member->key, "action") == 0 ||
			   strcmp(member->key, "errnoRet") == 0 || (strcmp(member->key, "args") == 0 && member->len)) {
			jw_value(w, member->key, member);
		}
	}
	jw_end_object(w);
}

static void translate(const struct json *doc, uint64_t caps, struct json_writer *w)
{
	jw_object(w, NULL);
	json_each(member, doc) {
		if (strcmp(member->key, "archMap") == 0) {
			write_architectures(member, w);
		} else if (strcmp(member->key, "syscalls") == 0) {
			jw_array(w, "syscalls");
			json_each(rule, member)
				if (applies(rule, caps))
					write_rule(rule, w);
			jw_end_array(w);
		} else if (member->type != JSON_NULL) {
			jw_value(w, member->key, member);
		}
	}
	jw_end_object(w);
}

int seccomp_file_load(struct arena *a, const char *path, uint64_t caps, const struct json **out, struct err *e)
{
	CLEANUP_FREE char *text = NULL;
	CLEANUP_STRBUF struct strbuf translated = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&translated);
	const struct json *doc;
	size_t len = strlen(path);
	bool inline_text = path[0] == '{';
	int r = inline_text ? 0 : io_read_file(AT_FDCWD, path, FILE_MAX, &text, &len);

	if (r < 0)
		return err_errno(e, r, "--security-opt seccomp=%s", path);
	r = json_parse(a, inline_text ? path : text, len, NULL, &doc, e);
	if (inline_text)
		path = "PROFILE";
	if (r == 0 && (doc->type != JSON_OBJECT || !json_get(doc, "defaultAction")))
		r = err_set(e, ERR_INVALID, "is no seccomp profile: it has no defaultAction");
	if (r < 0)
		return err_ctx(e, "--security-opt seccomp=%s", path);
	translate(doc, caps, &w);
	if (sb_error(&translated) < 0)
		return err_errno(e, -ENOMEM, "--security-opt seccomp=%s", path);
	return json_parse(a, sb_str(&translated), translated.len, NULL, out, e);
}
