/* firewall-cmd takes half a second and firewalld forgets what it was told when it loads its rules anew, so what it was told is written
 * down: "firewall.zone" in the state folder has the number of its table, which is another after a reload, and a line for each
 * subnet. */
#include "engine/others.h"

#include <inttypes.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"
#include "base/log.h"
#include "net/others.h"

#define ZONE "firewall.zone"
#define ZONE_MAX (1U << 20)

/* The text begins with the number: what it was told of these rules; else nothing. */
static char *read_zone(const struct engine *en, uint64_t handle)
{
	CLEANUP_FREE char *text = NULL;
	char head[32];

	(void)snprintf(head, sizeof(head), "%" PRIu64 "\n", handle);
	if (io_read_file(en->state_fd, ZONE, ZONE_MAX, &text, NULL) < 0 || strncmp(text, head, strlen(head)) != 0)
		return NULL;
	return take_ptr(text);
}

static bool has_line(const char *text, const struct ip_net *subnet)
{
	char line[IP_TEXT_LEN + 2] = "\n", name[IP_TEXT_LEN];

	(void)snprintf(line, sizeof(line), "\n%s\n", ip_net_text(subnet, name));
	return !subnet->ip.len || (text && strstr(text, line));
}

bool others_zone_is_right(const struct engine *en)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_FREE char *text = read_zone(en, others_firewalld());
	struct err ignored = { 0 };
	struct network *all;
	size_t n;

	if (network_list(en, &a, &all, &n, &ignored) < 0)
		return true;
	for (size_t i = 0; i < n; i++)
		if (!network_is_direct(&all[i]) && (!has_line(text, &all[i].subnet) || !has_line(text, &all[i].subnet6)))
			return false;
	return true;
}

static int trust(const char *told, const struct ip_net *subnet, struct strbuf *out, struct err *e)
{
	char text[IP_TEXT_LEN];
	int r = has_line(told, subnet) ? 0 : others_trust(subnet, true, e);

	if (r == 0 && subnet->ip.len)
		sb_printf(out, "%s\n", ip_net_text(subnet, text));
	return r;
}

int others_arrange_zone(const struct engine *en, struct err *e)
{
	CLEANUP_ARENA struct arena a = ARENA_INIT;
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	uint64_t handle = others_firewalld();
	CLEANUP_FREE char *told = read_zone(en, handle);
	struct network *all;
	size_t n;
	int r = network_list(en, &a, &all, &n, e);

	sb_printf(&out, "%" PRIu64 "\n", handle);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if (network_is_direct(&all[i]))
			continue;
		r = trust(told, &all[i].subnet, &out, e);
		if (r == 0)
			r = trust(told, &all[i].subnet6, &out, e);
	}
	if (r < 0 || sb_error(&out) < 0)
		return r < 0 ? r : err_errno(e, -ENOMEM, "firewalld's zone");
	r = io_replace_file(en->state_fd, ZONE, out.s, out.len, 0600, false);
	return r < 0 ? err_errno(e, r, "%s/%s", en->state, ZONE) : 0;
}

void others_network_leaves(const struct engine *en, const struct network *n)
{
	CLEANUP_FREE char *told = NULL;
	const struct ip_net *subnets[] = { &n->subnet, &n->subnet6 };

	if (faccessat(en->state_fd, ZONE, F_OK, 0) < 0)
		return;
	told = read_zone(en, others_firewalld());
	for (size_t i = 0; told && i < ARRAY_LEN(subnets); i++) {
		struct err e = { 0 };

		if (subnets[i]->ip.len && has_line(told, subnets[i]) && others_trust(subnets[i], false, &e) < 0)
			log_warning("network %s: %s", n->name, e.msg);
	}
	/* its line, which a new network with that subnet would believe: the next start tells of the others again */
	if (unlinkat(en->state_fd, ZONE, 0) < 0)
		log_debug("%s/%s is not removed", en->state, ZONE);
}
