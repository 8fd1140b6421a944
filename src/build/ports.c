#include "build/ports.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/ip.h"
#include "base/text.h"

static const char *const protocols[] = { "tcp", "udp", "sctp" };

/* A bit for each port of each protocol: however often ranges say it, it is there once. */
struct set {
	uint64_t bits[ARRAY_LEN(protocols)][65536 / 64];
};

static int parse_range(char *s, uint32_t *first, uint32_t *last)
{
	char *dash = strchr(s, '-');

	if (dash)
		*dash++ = '\0';
	return text_u32(s, first) < 0 || text_u32(dash ? dash : s, last) < 0 || *last > 65535 || *first > *last
		       ? -EINVAL
		       : 0;
}

/* "[IP:][PORT]": what is before the last colon. */
static int check_host(char *s, uint32_t count)
{
	char *colon = strrchr(s, ':');
	uint32_t first, last;
	struct ip ip;
	size_t len;

	if (colon) {
		*colon = '\0';
		len = strlen(s);
		if (len > 1 && s[0] == '[' && s[len - 1] == ']') {
			s[len - 1] = '\0';
			s++;
		}
		if (*s && ip_parse(s, &ip) < 0)
			return -EINVAL;
		s = colon + 1;
	}
	if (!*s)
		return 0;
	return parse_range(s, &first, &last) < 0 || (count > 1 && last - first + 1 != count) ? -EINVAL : 0;
}

static int add(struct set *set, char *s)
{
	char *slash = strchr(s, '/'), *colon = strrchr(s, ':');
	uint32_t first, last;
	size_t proto = 0;

	if (slash)
		*slash++ = '\0';
	while (slash && *slash && proto < ARRAY_LEN(protocols) && strcasecmp(protocols[proto], slash) != 0)
		proto++;
	if (colon)
		*colon++ = '\0';
	if (proto == ARRAY_LEN(protocols) || parse_range(colon ? colon : s, &first, &last) < 0)
		return -EINVAL;
	if (colon && check_host(s, last - first + 1) < 0)
		return -EINVAL;
	for (uint32_t p = first; p <= last; p++)
		set->bits[proto][p / 64] |= UINT64_C(1) << p % 64;
	return 0;
}

static int list(struct arena *a, const struct set *set, struct df_list *out, struct err *e)
{
	for (uint32_t p = 0; p < 65536; p++)
		for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
			if ((set->bits[i][p / 64] >> p % 64 & 1) &&
			    !df_list_add(a, out, arena_printf(a, "%u/%s", p, protocols[i])))
				return err_errno(e, -ENOMEM, "reading ports");
	return 0;
}

int df_ports(struct arena *a, const struct df_list *words, struct df_list *out, struct err *e)
{
	struct set set = { 0 };

	*out = (struct df_list){ 0 };
	for (size_t i = 0; i < words->n; i++) {
		char *copy = arena_strdup(a, words->v[i]);

		if (!copy)
			return err_errno(e, -ENOMEM, "reading ports");
		if (add(&set, copy) < 0)
			return err_set(
				e, ERR_INVALID,
				"\"%.60s\": want PORT or PORT-PORT, 0 to 65535, and /tcp, /udp or /sctp behind it",
				words->v[i]);
	}
	return list(a, &set, out, e);
}
