#include "engine/placeopts.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/text.h"

#define DRIVER_OPT "com.docker.network.endpoint."
#define IFNAME DRIVER_OPT "ifname"
#define SYSCTLS DRIVER_OPT "sysctls"
#define NAME_MOST 256 /* of an option that nobody knows */
#define SYSCTL_MAX 256 /* what net/link.c has room for */

enum place_word place_word(const char *text)
{
	size_t len = strcspn(text, " ");

	if (strcspn(text, "=") < len)
		return PLACE_SETTING;
	return strcspn(text, ":") < len ? PLACE_LINK : PLACE_ALIAS;
}

/* ---- judged ---- */

/* What of text stands behind NAME=; NULL: it is another option. */
static const char *value_of(const char *text, const char *name)
{
	size_t len = strlen(name);

	return strncmp(text, name, len) == 0 && text[len] == '=' ? text + len + 1 : NULL;
}

static bool is_device_name(const char *text)
{
	size_t len = strlen(text);

	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("-_.", *c))
			return false;
	return len > 0 && len < LINK_NAME_LEN && strcmp(text, "lo") != 0 && strcmp(text, ".") != 0 &&
	       strcmp(text, "..") != 0 && strcmp(text, "all") != 0 && strcmp(text, "default") != 0;
}

/* net.ipv4.conf.IFNAME.NAME=VALUE of one device: no other has a place there. */
static bool is_sysctl(const char *text)
{
	static const char *const before[] = {"net.ipv4.conf.IFNAME.", "net.ipv4.neigh.IFNAME.", "net.ipv6.conf.IFNAME.",
					     "net.ipv6.neigh.IFNAME."};

	for (size_t i = 0; i < ARRAY_LEN(before); i++) {
		const char *name = text + strlen(before[i]);
		size_t len;

		if (!text_starts(text, before[i]))
			continue;
		len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
		return len > 0 && name[len] == '=' && name[len + 1] && !strpbrk(name, " \t\n/") && strlen(text) < SYSCTL_MAX;
	}
	return false;
}

static int check_sysctls(const char *text, struct err *e)
{
	char *copy = strdup(text), *rest = NULL;
	int r = copy ? 0 : err_errno(e, -ENOMEM, "--driver-opt");

	if (r == 0 && (!*text || *text == ',' || text[strlen(text) - 1] == ',' || strstr(text, ",,")))
		r = err_set(e, ERR_INVALID, "--driver-opt " SYSCTLS "=: want net.ipv4.conf.IFNAME.NAME=VALUE");
	for (char *one = r == 0 ? strtok_r(copy, ",", &rest) : NULL; one && r == 0; one = strtok_r(NULL, ",", &rest))
		if (!is_sysctl(one))
			r = err_set(e, ERR_INVALID,
				    "--driver-opt " SYSCTLS
				    "=%s: want net.ipv4.conf.IFNAME.NAME=VALUE (or ipv6, or neigh), IFNAME as it is",
				    one);
	free(copy);
	return r;
}

static int check_driver_opt(const char *text, bool any, struct err *e)
{
	const char *v;

	if ((v = value_of(text, SYSCTLS)))
		return check_sysctls(v, e);
	if ((v = value_of(text, IFNAME)))
		return is_device_name(v) ? 0
					 : err_set(e, ERR_INVALID,
						   "--driver-opt %s: want a name of a device, 1 to %u letters, digits, "
						   "'-', '_' or '.'",
						   text, LINK_NAME_LEN - 1);
	if (any && strcspn(text, "=") < NAME_MOST && strchr(text, '='))
		return 0;
	return err_set(e, ERR_UNSUPPORTED,
		       "--driver-opt %s is not supported (" IFNAME "=NAME and " SYSCTLS "=SYSCTL=VALUE are)", text);
}

static bool is_link_local(const struct ip *ip)
{
	return ip->len == 4 ? ip->bytes[0] == 169 && ip->bytes[1] == 254
			    : ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80;
}

int placeopts_check(const struct ct_network *n, struct err *e)
{
	int64_t priority;
	struct ip ip;
	int r = 0;

	if (n->gw_priority && (text_i64(n->gw_priority, &priority) < 0 || priority < INT32_MIN || priority > INT32_MAX))
		return err_set(e, ERR_INVALID,
			       "--gw-priority %s: want a number; the network with the highest one leads out",
			       n->gw_priority);
	if (n->link_local.n > LINK_LOCAL_MOST)
		return err_set(e, ERR_LIMIT, "--link-local-ip: at most %u of them", LINK_LOCAL_MOST);
	for (size_t i = 0; i < n->link_local.n; i++)
		if (ip_parse(n->link_local.v[i], &ip) < 0 || !is_link_local(&ip))
			return err_set(e, ERR_INVALID,
				       "--link-local-ip %s: want an address of 169.254.0.0/16 or fe80::/10",
				       n->link_local.v[i]);
	for (size_t i = 0; r == 0 && i < n->driver_opts.n; i++)
		r = check_driver_opt(n->driver_opts.v[i], n->any_opts, e);
	return r;
}

/* ---- kept ---- */

static void write_others(struct strv opts, struct json_writer *w)
{
	char name[NAME_MOST];

	for (size_t i = 0; i < opts.n; i++) {
		size_t len = strcspn(opts.v[i], "=");

		if (value_of(opts.v[i], IFNAME) || value_of(opts.v[i], SYSCTLS) || len >= sizeof(name))
			continue;
		memcpy(name, opts.v[i], len);
		name[len] = '\0';
		jw_str(w, name, opts.v[i] + len + (opts.v[i][len] == '='));
	}
}

/* One member of each: the last name, and the settings of all. */
static void write_driver_opts(struct strv opts, struct json_writer *w)
{
	CLEANUP_STRBUF struct strbuf sysctls = STRBUF_INIT;
	const char *ifname = NULL;

	for (size_t i = 0; i < opts.n; i++) {
		const char *name = value_of(opts.v[i], IFNAME), *settings = value_of(opts.v[i], SYSCTLS);

		if (name)
			ifname = name;
		else if (settings)
			sb_printf(&sysctls, "%s%s", sysctls.len ? "," : "", settings);
	}
	jw_object(w, "DriverOpts");
	if (ifname)
		jw_str(w, IFNAME, ifname);
	if (sysctls.len)
		jw_str(w, SYSCTLS, sb_str(&sysctls));
	write_others(opts, w);
	jw_end_object(w);
}

void placeopts_write(const struct ct_network *n, struct json_writer *w)
{
	int64_t priority;

	if (n->gw_priority && text_i64(n->gw_priority, &priority) == 0)
		jw_i64(w, "GwPriority", priority);
	if (n->link_local.n) {
		jw_array(w, "LinkLocalIPs");
		for (size_t i = 0; i < n->link_local.n; i++)
			jw_str(w, NULL, n->link_local.v[i]);
		jw_end_array(w);
	}
	if (n->driver_opts.n)
		write_driver_opts(n->driver_opts, w);
}

bool placeopts_any(const struct json *place)
{
	return json_get(place, "GwPriority") || json_get(place, "LinkLocalIPs") || json_get(place, "DriverOpts");
}

const char *place_joined(struct arena *a, const struct json *array)
{
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;

	json_each(text, array)
		sb_printf(&b, "%s%s", b.len ? " " : "", text->str);
	return sb_error(&b) < 0 ? NULL : arena_strdup(a, sb_str(&b));
}

static const char *settings(struct arena *a, const struct json *place)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	const struct json *options = json_get(place, "DriverOpts");
	const char *ifname = json_text(options, IFNAME, NULL), *sysctls = json_text(options, SYSCTLS, NULL);
	struct err ignored;
	int64_t priority = 0;

	if (json_get_i64(place, "Networks", "GwPriority", &priority, &ignored) == 0 && priority)
		sb_printf(&out, " gw=%lld", (long long)priority);
	if (ifname)
		sb_printf(&out, " if=%s", ifname);
	if (sysctls)
		sb_printf(&out, " sysctl=%s", sysctls);
	json_each(ip, json_get(place, "LinkLocalIPs"))
		sb_printf(&out, " ll=%s", ip->str);
	return sb_error(&out) < 0 ? NULL : arena_strdup(a, out.len ? out.s + 1 : "");
}

const char *place_words(struct arena *a, const struct json *place, bool names)
{
	const char *parts[] = {place_joined(a, json_get(place, "Aliases")),
			       names ? place_joined(a, json_get(place, "Links")) : "", settings(a, place)};
	const char *all = "";

	for (size_t i = 0; all && i < ARRAY_LEN(parts); i++)
		if (!parts[i] || *parts[i])
			all = parts[i] ? arena_printf(a, "%s%s%s", all, *all ? " " : "", parts[i]) : NULL;
	return all;
}

/* IPv4's is /16, IPv6's /64, as their subnets are. */
static int add_local(struct net_link *l, const char *text)
{
	struct ip_net *to = &l->local[l->n_local];

	if (l->n_local == LINK_LOCAL_MOST || ip_parse(text, &to->ip) < 0)
		return -EINVAL;
	to->prefix = to->ip.len == 4 ? 16 : 64;
	l->n_local++;
	return 0;
}

static int read_word(struct arena *a, const char *word, struct net_link *l, int64_t *priority)
{
	const char *v;

	if ((v = value_of(word, "gw")))
		return text_i64(v, priority);
	if ((v = value_of(word, "ll")))
		return add_local(l, v);
	if ((v = value_of(word, "if")))
		return snprintf(l->name, sizeof(l->name), "%s", v) < (int)sizeof(l->name) ? 0 : -EINVAL;
	if (!(v = value_of(word, "sysctl")))
		return -EINVAL;
	l->sysctls = arena_strdup(a, v);
	return l->sysctls ? 0 : -ENOMEM;
}

int placeopts_read(struct arena *a, const char *words, struct net_link *l, int64_t *priority, struct err *e)
{
	*priority = 0;
	for (const char *at = words; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		const char *word = place_word(at) == PLACE_SETTING ? arena_strndup(a, at, len) : "";
		int r = !word ? -ENOMEM : *word ? read_word(a, word, l, priority) : 0;

		if (r < 0)
			return err_errno(e, r, "a place in a network, in the catalog: %s", word ? word : "");
		at += len;
	}
	return 0;
}
