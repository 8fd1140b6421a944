#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "engine/record.h"
#include "engine/spec_plan.h"

/* An option that takes "host" or the private default. */
static int host_or_private(const char *option, const char *value, bool *host, struct err *e)
{
	*host = value && strcmp(value, "host") == 0;
	if (!value || !value[0] || *host || strcmp(value, "private") == 0)
		return 0;
	return err_set(e, ERR_UNSUPPORTED, "%s=%s is not supported (private and host are)", option, value);
}

static int plan_hostname(struct plan *p, struct err *e)
{
	struct utsname un;

	if (!p->net_of.id)
		p->domainname = p->opt->domainname;
	if (p->host_uts) {
		if (p->opt->hostname || p->opt->domainname)
			return err_set(e, ERR_INVALID, "--hostname and --domainname need a UTS namespace of their own, not --uts=host");
		if (uname(&un) < 0)
			return err_errno(e, -errno, "read the host's name");
		p->hostname = arena_strdup(p->a, un.nodename);
		p->domainname = NULL;
	} else if (p->net_of.id) {
		return 0; /* that one's: join.h */
	} else if (p->opt->hostname) {
		if (!p->opt->hostname[0] || strlen(p->opt->hostname) > 64)
			return err_set(e, ERR_INVALID, "--hostname: 1 to 64 characters");
		p->hostname = p->opt->hostname;
	} else {
		p->hostname = arena_strndup(p->a, p->id, ID_SHORT);
	}
	for (const char *c = p->hostname; c && *c; c++)
		if (*c == '\n' || *c == ' ' || *c == '/')
			return err_set(e, ERR_INVALID, "--hostname \"%s\" is no host name", p->hostname);
	return 0;
}

const struct plan_join *plan_joined(const struct plan *p)
{
	return p->net_of.id ? &p->net_of : p->pid_of.id ? &p->pid_of : &p->ipc_of;
}

int plan_namespaces(struct plan *p, const struct image_config *image, struct err *e)
{
	int r = plan_network(p, image, e);

	if (r == 0)
		r = p->pid_of.id ? 0 : host_or_private("--pid", p->opt->pid, &p->host_pid, e);
	if (r == 0 && p->rootless && p->host_pid)
		r = err_set(e, ERR_UNSUPPORTED, "--pid=host: without a cgroup, which an ordinary user has not got, what it leaves running could not be found");
	p->no_shm = p->opt->ipc && strcmp(p->opt->ipc, "none") == 0;
	p->shareable = p->opt->ipc && strcmp(p->opt->ipc, "shareable") == 0;
	if (r == 0 && !p->no_shm && !p->shareable && !p->ipc_of.id)
		r = host_or_private("--ipc", p->opt->ipc, &p->host_ipc, e);
	if (r == 0)
		r = host_or_private("--cgroupns", p->opt->cgroupns, &p->host_cgroupns, e);
	if (r == 0)
		r = host_or_private("--uts", p->opt->uts, &p->host_uts, e);
	return r < 0 ? r : plan_hostname(p, e);
}
