/* Where nobody's chain is in the way this is one look and no change. Changes happen under one lock, after another look. The
 * mark "firewall.others" in the state folder says that there may be a chain of ours, or that the host's rules may be asked, so that it costs
 * nothing to take back what never was. */
#include "engine/others.h"

#include <fcntl.h>
#include <linux/netfilter.h>
#include <string.h>
#include <sys/file.h>

#include "base/io.h"
#include "base/log.h"
#include "engine/network.h"
#include "net/admission.h"
#include "net/others.h"
#include "sys/spawn.h"

#define MARK "firewall.others"
#define LOCK "others.lock" /* its text: the chain that was told of last */

static int lock_it(const struct engine *en, struct err *e)
{
	CLEANUP_FD int lock = openat(en->state_fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (lock < 0 || flock(lock, LOCK_EX) < 0)
		return err_errno(e, -errno, "lock %s/%s", en->state, LOCK);
	return take_fd(&lock);
}

static bool is_marked(const struct engine *en)
{
	return faccessat(en->state_fd, MARK, F_OK, 0) == 0;
}

static int mark(const struct engine *en, struct err *e)
{
	int r = io_replace_file(en->state_fd, MARK, "", 0, 0600, false);

	return r < 0 ? err_errno(e, r, "%s/%s", en->state, MARK) : 0;
}

static int ask(const struct firewall *fw, bool v4, bool v6, struct err *e)
{
	const struct {
		unsigned char family;
		bool want;
	} ways[] = { { NFPROTO_IPV4, v4 }, { NFPROTO_IPV6, v6 } };
	int sock = nl_open(NETLINK_NETFILTER), r = sock < 0 ? sock : 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(ways); i++) {
		r = admission_asks(sock, fw->table, ways[i].family);
		if (r >= 0 && r != (int)ways[i].want)
			r = admission_ask(sock, fw->table, ways[i].family, ways[i].want);
	}
	if (sock >= 0)
		spawn_close(&sock); /* firewall_commit() says why */
	return r < 0 ? err_errno(e, r, "ask the host's rules about published ports") : 0;
}

static int arrange_admission(const struct engine *en, const struct firewall *fw, const struct others *o, struct err *e)
{
	bool v4 = o->v4.in[0] && !o->v4.decides, v6 = o->v6.in[0] && !o->v6.decides;
	int r = v4 || v6 ? mark(en, e) : 0;

	return r < 0 || !is_marked(en) ? r : ask(fw, v4, v6, e);
}

static int let_through(const struct engine *en, const struct firewall *fw, struct err *e)
{
	CLEANUP_FD int lock = lock_it(en, e);
	struct others o;
	int r = lock < 0 ? lock : others_look(fw, &o, e);

	if (r < 0 || !others_want(&o))
		return r;
	r = mark(en, e);
	return r < 0 ? r : others_let(fw, &o, e);
}

static int trust(const struct engine *en, struct err *e)
{
	CLEANUP_FD int lock = lock_it(en, e);

	return lock < 0 ? lock : others_zone_is_right(en) ? 0 : others_arrange_zone(en, e);
}

/* Once for each chain, not with every start. */
static void tell(const struct engine *en, const char *chain)
{
	struct err e = { 0 };
	CLEANUP_FD int lock = lock_it(en, &e);
	char told[OTHERS_NAME] = "";

	if (lock < 0 || io_read_text(lock, told, sizeof(told)) < 0 || strcmp(told, chain) == 0)
		return;
	log_warning("chain %s drops what containers send and what comes to published ports: tare system check says what to write there", chain);
	if (ftruncate(lock, 0) < 0 || pwrite(lock, chain, strlen(chain), 0) < 0)
		log_debug("%s/%s is not written", en->state, LOCK);
}

void others_arrange(const struct engine *en)
{
	struct err e = { 0 };
	struct firewall fw;
	struct others o;
	int r;

	network_firewall(en, &fw);
	r = others_look(&fw, &o, &e);
	if (r == 0)
		r = arrange_admission(en, &fw, &o, &e);
	if (r == 0 && others_concern(&o)) /* with the lock: an end may just now take it away */
		r = let_through(en, &fw, &e);
	if (r == 0 && o.firewalld && !others_zone_is_right(en))
		r = trust(en, &e);
	if (r < 0)
		log_warning("beside other firewalls: %s", e.msg);
	else if (o.v4.forward[0] && !o.v4.groups)
		tell(en, o.v4.forward);
}

static int nobody_has_any(const struct engine *en, struct err *e)
{
	CLEANUP_STMT struct cat_stmt *s = NULL;
	int r = cat_prepare(en->catalog, &s, e, "SELECT 1 FROM endpoints LIMIT 1", "");

	if (r == 0)
		r = cat_step(s, e);
	return r < 0 ? r : r == 0;
}

static int leave(const struct engine *en, struct err *e)
{
	CLEANUP_FD int lock = lock_it(en, e);
	struct firewall fw;
	struct others o;
	int r = lock < 0 ? lock : nobody_has_any(en, e);

	if (r <= 0)
		return r;
	network_firewall(en, &fw);
	r = others_look(&fw, &o, e);
	if (r == 0)
		r = others_unlet(&fw, &o, e);
	if (r == 0 && firewall_loaded(&fw))
		r = ask(&fw, false, false, e);
	if (r == 0 && unlinkat(en->state_fd, MARK, 0) < 0 && errno != ENOENT)
		r = err_errno(e, -errno, "%s/%s", en->state, MARK);
	return r;
}

void others_leave(const struct engine *en)
{
	struct err e = { 0 };

	if (is_marked(en) && leave(en, &e) < 0)
		log_warning("beside other firewalls: %s", e.msg);
}

/* ---- for people ---- */

static void add_name(struct strbuf *b, const char *name, const char *whose)
{
	sb_printf(b, "%s%s%s%s%s", b->len ? ", " : "", name, whose[0] ? " (" : "", whose, whose[0] ? ")" : "");
}

const char *others_text(const struct engine *en, struct arena *a)
{
	static const char *const backends[OTHERS_BACKENDS] = { "iptables", "iptables-legacy" };
	CLEANUP_STRBUF struct strbuf b = STRBUF_INIT;
	struct err ignored = { 0 };
	struct firewall fw;
	struct others o;

	network_firewall(en, &fw);
	if (others_look(&fw, &o, &ignored) < 0)
		return "unknown";
	for (size_t i = 0; i < OTHERS_BACKENDS; i++) {
		const struct others_iptables *t = &o.v4.iptables[i];

		if (t->drops || t->docker || t->ufw)
			add_name(&b, backends[i], t->ufw ? t->docker ? "ufw and Docker" : "ufw" : t->docker ? "Docker" : "");
	}
	if (o.firewalld)
		add_name(&b, "firewalld", "");
	if (o.v4.forward[0])
		add_name(&b, o.v4.forward, "");
	if (o.v4.in[0])
		add_name(&b, o.v4.in, "");
	return b.len ? arena_strdup(a, sb_str(&b)) : "none";
}
