/* The default set of capabilities is Docker's without MKNOD, NET_RAW and AUDIT_WRITE: the first and the last need the
 * host's user namespace to do anything, the second forges packets, and ping works without it (spec_limits.c sets
 * net.ipv4.ping_group_range). docs/security.md explains each difference.
 *
 * --privileged opens everything, and a user namespace would take most of it back, so it means --userns=host unless a
 * map is asked for by name. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "engine/record.h"
#include "engine/seccomp_file.h"
#include "engine/spec.h"
#include "engine/spec_plan.h"
#include "oci/seccomp_profile.h"
#include "sys/caps.h"

static const char *const default_caps[] = {
	"CHOWN",  "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETFCAP",
	"SETGID", "SETPCAP",      "SETUID", "SYS_CHROOT",
};
/* What Docker's has beside them. */
static const char *const docker_caps[] = { "AUDIT_WRITE", "MKNOD", "NET_RAW" };

uint64_t spec_all_caps(void)
{
	struct cap_sets own;

	return cap_get(&own) == 0 ? own.bounding & cap_supported() : cap_supported();
}

static int cap_mask(const char *option, const char *name, uint64_t *mask, struct err *e)
{
	int n;

	if (strcmp(name, "ALL") == 0 || strcmp(name, "all") == 0) {
		*mask = UINT64_MAX;
		return 0;
	}
	n = cap_number(name);
	if (n < 0)
		return err_set(e, ERR_INVALID, "%s %s: no such capability (see capabilities(7))", option, name);
	*mask = CAP_BIT(n);
	return 0;
}

/* As Docker: drop ALL empties, add ALL fills, single names win over ALL. */
static int plan_caps(struct plan *p, struct err *e)
{
	uint64_t add = 0, drop = 0, mask;
	bool add_all = p->opt->privileged, drop_all = false;

	for (size_t i = 0; i < p->opt->cap_add.n; i++) {
		if (cap_mask("--cap-add", p->opt->cap_add.v[i], &mask, e) < 0)
			return e->code;
		add_all |= mask == UINT64_MAX;
		add |= mask == UINT64_MAX ? 0 : mask;
	}
	for (size_t i = 0; i < p->opt->cap_drop.n; i++) {
		if (cap_mask("--cap-drop", p->opt->cap_drop.v[i], &mask, e) < 0)
			return e->code;
		drop_all |= mask == UINT64_MAX;
		drop |= mask == UINT64_MAX ? 0 : mask;
	}
	for (size_t i = 0; i < ARRAY_LEN(default_caps); i++)
		p->caps |= CAP_BIT(cap_number(default_caps[i]));
	for (size_t i = 0; i < ARRAY_LEN(docker_caps) && plan_as_docker(p); i++)
		p->caps |= CAP_BIT(cap_number(docker_caps[i]));
	if (add_all)
		p->caps = spec_all_caps();
	if (drop_all)
		p->caps = 0;
	p->caps = (p->caps | add) & ~drop;
	return 0;
}

static int bool_of(const char *option, const char *value, bool *out, struct err *e)
{
	if (strcmp(value, "") == 0 || strcmp(value, "true") == 0)
		*out = true;
	else if (strcmp(value, "false") == 0)
		*out = false;
	else
		return err_set(e, ERR_INVALID, "--security-opt %s: true or false, not \"%s\"", option, value);
	return 0;
}

bool plan_has_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

/* No label is ever set, so "disable" asks for what is the case. The others choose among labels, of which there are none in a kernel without
 * SELinux: what is written for machines that have it works on those that have not, as with Docker. */
static int label_opt(const char *opt, const char *value, struct err *e)
{
	static const char *const parts[] = { "user", "role", "type", "level", "filetype" };
	bool known = false;

	if (strcmp(value, "disable") == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *part = plan_value_of(value, parts[i]);

		known |= part && *part;
	}
	if (!known)
		return err_set(e, ERR_INVALID, "--security-opt %s: want label=disable, or label=user:, role:, type:, level: or filetype: and what that is to be", opt);
	if (plan_has_selinux())
		return err_set(e, ERR_UNSUPPORTED, "--security-opt %s is not supported: containers get no labels of SELinux, which this machine has (label=disable is)", opt);
	return 0;
}

static int security_opt(struct plan *p, const char *opt, struct err *e)
{
	const char *value;

	if (strcmp(opt, "no-new-privileges") == 0)
		opt = "no-new-privileges=true";
	value = plan_value_of(opt, "no-new-privileges");
	if (value)
		return bool_of("no-new-privileges", value, &p->no_new_privs, e);
	value = plan_value_of(opt, "seccomp");
	if (value) {
		p->seccomp = strcmp(value, "unconfined") == 0 ? SECCOMP_NONE :
			     strcmp(value, "builtin") == 0    ? SECCOMP_DEFAULT :
								SECCOMP_FILE;
		return p->seccomp == SECCOMP_FILE ? seccomp_file_load(p->a, value, p->caps, &p->seccomp_doc, e) : 0;
	}
	value = plan_value_of(opt, "systempaths");
	if (value && strcmp(value, "unconfined") == 0) {
		p->masked = p->readonly = (struct strv){ 0 };
		return 0;
	}
	value = plan_value_of(opt, "label");
	if (value)
		return label_opt(opt, value, e);
	value = plan_value_of(opt, "apparmor"); /* no profile is ever applied */
	if (value && strcmp(value, "unconfined") == 0)
		return 0;
	return err_set(e, ERR_UNSUPPORTED,
		       "--security-opt %s is not supported (no-new-privileges[=false], seccomp=unconfined|builtin|FILE, "
		       "systempaths=unconfined, apparmor=unconfined, label=disable are)",
		       opt);
}

static int fixed_range(struct plan *p, const char *range, struct err *e)
{
	struct strv parts = plan_split(p->a, range, ':');
	uint32_t size = ID_RANGE_MIN;

	if (parts.n < 1 || parts.n > 2 || text_u32(parts.v[0], &p->map_base) < 0 ||
	    (parts.n == 2 && text_u32(parts.v[1], &size) < 0) || p->map_base == 0 || size == 0 ||
	    size > UINT32_MAX - p->map_base)
		return err_set(e, ERR_INVALID, "--userns=range:%s: want range:FIRST-HOST-ID[:COUNT]", range);
	p->map_size = size;
	return 0;
}

/* Whoever shares a namespace is in the user namespace that it belongs to (join.h). */
static int check_joined(struct plan *p, const char *mode, struct err *e)
{
	struct plan named = { .a = p->a };
	bool same = !mode || !mode[0] || (!p->userns && strcmp(mode, "host") == 0);

	if (!same && text_starts(mode, "range:")) {
		if (fixed_range(&named, mode + strlen("range:"), e) < 0)
			return e->code;
		same = p->userns && named.map_base == p->map_base && named.map_size == p->map_size;
	}
	return same ? 0 : err_set(e, ERR_INVALID, "--userns=%s: a container that shares a namespace of %s has the user ids of that one: leave it out",
				  mode, plan_joined(p)->name);
}

static int plan_userns(struct plan *p, struct err *e)
{
	const char *mode = p->opt->userns;

	if (p->joined)
		return check_joined(p, mode, e);
	if (!mode || !mode[0])
		mode = p->opt->privileged || (plan_as_docker(p) && !p->rootless) ? "host" : "private";
	p->userns = strcmp(mode, "host") != 0;
	if (!p->userns || strcmp(mode, "private") == 0 || strcmp(mode, "auto") == 0)
		return 0;
	if (text_starts(mode, "range:"))
		return fixed_range(p, mode + strlen("range:"), e);
	return err_set(e, ERR_INVALID,
		       "--userns=%s: private (the default: host ids of its own), range:FIRST-HOST-ID[:COUNT] or host", mode);
}

static int plan_profile(struct plan *p, const struct image_config *image, struct err *e)
{
	const struct oci_profile_args args = {
		.caps = p->caps,
		.user_ns = p->userns,
		.socketcall = image && image->architecture && strcmp(image->architecture, "386") == 0,
	};

	return p->seccomp == SECCOMP_DEFAULT ? oci_seccomp_default(p->a, &args, &p->seccomp_profile, e) : 0;
}

/* ---- what is hidden of /proc and /sys ---- */

static void usual_paths(struct plan *p)
{
	static const char *const masked[] = {
		"/proc/acpi",		"/proc/asound",	     "/proc/interrupts",	      "/proc/kcore",
		"/proc/keys",		"/proc/latency_stats", "/proc/sched_debug",	      "/proc/scsi",
		"/proc/timer_list",	"/proc/timer_stats",   "/sys/devices/virtual/powercap", "/sys/firmware", NULL,
	};
	static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL };

	p->masked = (struct strv){ masked, ARRAY_LEN(masked) - 1 };
	p->readonly = (struct strv){ readonly, ARRAY_LEN(readonly) - 1 };
}

/* A list of one's own is what it says, also for a privileged one. */
static int own_paths(const struct strv *own, const char *what, struct strv *out, struct err *e)
{
	for (size_t i = 0; own && i < own->n; i++)
		if (own->v[i][0] != '/')
			return err_set(e, ERR_INVALID, "%s path \"%s\": must be an absolute path", what, own->v[i]);
	if (own)
		*out = *own;
	return 0;
}

int plan_security(struct plan *p, const struct image_config *image, struct err *e)
{
	int r;

	if (p->opt->profile && !plan_as_docker(p))
		return err_set(e, ERR_INVALID, "there are no defaults by the name of \"%s\"", p->opt->profile);
	r = plan_caps(p, e);
	p->no_new_privs = !p->opt->privileged && !plan_as_docker(p);
	if (!p->opt->privileged)
		usual_paths(p);
	p->seccomp = p->opt->privileged ? SECCOMP_NONE : SECCOMP_DEFAULT;
	for (size_t i = 0; r == 0 && i < p->opt->security_opt.n; i++)
		r = security_opt(p, p->opt->security_opt.v[i], e);
	if (r == 0)
		r = own_paths(p->opt->masked_paths, "masked", &p->masked, e);
	if (r == 0)
		r = own_paths(p->opt->readonly_paths, "read-only", &p->readonly, e);
	if (r == 0)
		r = plan_userns(p, e);
	return r < 0 ? r : plan_profile(p, image, e);
}
