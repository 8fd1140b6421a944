/* Device rules: what a list means, and how v1 is told.
 *
 * One meaning for both versions: the list is all there is. It starts from "nothing allowed" (so a list that forgets
 * its "deny all" fails closed), and for each of read, write and mknod the last rule that matches decides. A rule for
 * all devices of both kinds makes everything before it irrelevant. A rule without access letters means all three.
 *
 * v1's kernel keeps a default and a list of exceptions, and a rule against the default removes an exception only when
 * type, major and minor are exactly the same. A list where that would differ from its meaning (allow c 1:*, deny
 * c 1:3) is refused instead of being enforced by half. */
#include "sys/cgroup_impl.h"

#include <fcntl.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"

static bool is_everything(const struct cg_device_rule *r)
{
	bool no_letters = !r->read && !r->write && !r->mknod;

	return r->type == 'a' && r->major < 0 && r->minor < 0 && (no_letters || (r->read && r->write && r->mknod));
}

/* A rule that says what the default says is kept only where an earlier one said otherwise. */
static void push(struct cg_device_list *l, struct cg_device_rule rule)
{
	if (l->n == 0 && rule.allow == l->allow)
		return;
	if (!rule.read && !rule.write && !rule.mknod)
		rule.read = rule.write = rule.mknod = true;
	l->rules[l->n++] = rule;
}

int cg_device_normalise(const struct cg_device_rule *rules, size_t n, struct cg_device_list *out)
{
	size_t first = 0;

	*out = (struct cg_device_list){ .allow = false };
	for (size_t i = 0; i < n; i++) {
		if (rules[i].type != 'a' && rules[i].type != 'b' && rules[i].type != 'c')
			return -EINVAL;
		if (is_everything(&rules[i])) {
			out->allow = rules[i].allow;
			first = i + 1;
		}
	}
	out->rules = calloc(2 * (n - first) + 1, sizeof(*out->rules));
	if (!out->rules)
		return -ENOMEM;
	for (size_t i = first; i < n; i++) {
		struct cg_device_rule one = rules[i];

		if (one.type == 'a') {
			one.type = 'b';
			push(out, one);
			one.type = 'c';
		}
		push(out, one);
	}
	return 0;
}

static bool same_device(const struct cg_device_rule *a, const struct cg_device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static bool overlap(const struct cg_device_rule *a, const struct cg_device_rule *b)
{
	return a->type == b->type && (a->major < 0 || b->major < 0 || a->major == b->major) &&
	       (a->minor < 0 || b->minor < 0 || a->minor == b->minor) &&
	       ((a->read && b->read) || (a->write && b->write) || (a->mknod && b->mknod));
}

#define RULE_LEN 64
static int format_rule(const struct cg_device_rule *r, char out[RULE_LEN])
{
	const char type[] = { r->type, ' ', '\0' };
	char major[TEXT_U64_LEN], minor[TEXT_U64_LEN];

	return TEXT_JOIN(out, RULE_LEN, type, r->major < 0 ? "*" : text_of_u64((uint64_t)r->major, major), ":",
			 r->minor < 0 ? "*" : text_of_u64((uint64_t)r->minor, minor), " ", r->read ? "r" : "",
			 r->write ? "w" : "", r->mknod ? "m" : "");
}

int cg_device_check_v1(const struct cg_device_list *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->rules[i].allow != l->allow)
			continue;
		for (size_t j = 0; j < i; j++) {
			const struct cg_device_rule *now = &l->rules[i], *before = &l->rules[j];
			char a[RULE_LEN], b[RULE_LEN];

			if (before->allow == now->allow || same_device(now, before) || !overlap(now, before))
				continue;
			format_rule(now, a);
			format_rule(before, b);
			return err_set(e, ERR_UNSUPPORTED, "cgroup v1 can't %s \"%s\" out of the earlier rule \"%s\": "
							   "name the same device in both", now->allow ? "allow" : "deny",
				       a, b);
		}
	}
	return 0;
}

static int write_rule(const struct cg_dir *d, int fd, const char *file, const char *rule, size_t len, struct err *e)
{
	int r = io_write_full(fd, rule, len);

	return r < 0 ? cg_write_error(d, file, rule, r, e) : 0;
}

int cg1_devices(const struct cg_dir *d, const struct cg_resources *r, struct err *e)
{
	CLEANUP_FD int allow = openat(d->fd, "devices.allow", O_WRONLY | O_CLOEXEC);
	CLEANUP_FD int deny = allow < 0 ? -1 : openat(d->fd, "devices.deny", O_WRONLY | O_CLOEXEC);
	int opened = deny < 0 ? -errno : 0;
	struct cg_device_list l;
	int rc = cg_device_normalise(r->devices, r->n_devices, &l);
	CLEANUP_FREE struct cg_device_rule *rules UNUSED = l.rules;

	if (rc < 0)
		return err_errno(e, rc, "read them");
	if (opened < 0)
		return cg_write_error(d, allow < 0 ? "devices.allow" : "devices.deny", "", opened, e);
	rc = cg_device_check_v1(&l, e);
	if (rc == 0)
		rc = l.allow ? write_rule(d, allow, "devices.allow", "a", 1, e) :
			       write_rule(d, deny, "devices.deny", "a", 1, e);
	for (size_t i = 0; rc == 0 && i < l.n; i++) {
		char text[RULE_LEN];
		int len = format_rule(&l.rules[i], text);

		rc = l.rules[i].allow ? write_rule(d, allow, "devices.allow", text, (size_t)len, e) :
					write_rule(d, deny, "devices.deny", text, (size_t)len, e);
	}
	return rc;
}

struct cg_device_rule cg_device_access(const struct cg_device_list *l, const struct cg_device_rule *device)
{
	struct cg_device_rule out = *device;

	out.allow = out.read = out.write = out.mknod = l->allow;
	for (size_t i = 0; i < l->n; i++) {
		const struct cg_device_rule *r = &l->rules[i];

		if (r->type != device->type || (r->major >= 0 && r->major != device->major) ||
		    (r->minor >= 0 && r->minor != device->minor))
			continue;
		out.read = r->read ? r->allow : out.read;
		out.write = r->write ? r->allow : out.write;
		out.mknod = r->mknod ? r->allow : out.mknod;
	}
	return out;
}

/* What of a is not in b. */
static bool rest(const struct cg_device_rule *a, const struct cg_device_rule *b, struct cg_device_rule *out)
{
	*out = *a;
	out->read = a->read && !b->read;
	out->write = a->write && !b->write;
	out->mknod = a->mknod && !b->mknod;
	return out->read || out->write || out->mknod;
}

static int write_one(const struct cg_dir *d, const char *file, const struct cg_device_rule *rule, struct err *e)
{
	char text[RULE_LEN];

	format_rule(rule, text);
	return cg_write(d, file, text, e);
}

int cg1_change_device(const struct cg_dir *d, const struct cg_resources *before, const struct cg_resources *after,
		      const struct cg_device_rule *device, struct err *e)
{
	struct cg_device_list old = { 0 }, new = { 0 };
	int rc = cg_device_normalise(before->devices, before->n_devices, &old);
	CLEANUP_FREE struct cg_device_rule *old_rules UNUSED = old.rules, *new_rules = NULL;
	struct cg_device_rule was, is, change;

	if (rc == 0)
		rc = cg_device_normalise(after->devices, after->n_devices, &new);
	new_rules = new.rules;
	if (rc < 0)
		return err_errno(e, rc, "read them");
	rc = cg_device_check_v1(&new, e);
	was = cg_device_access(&old, device);
	is = cg_device_access(&new, device);
	if (rc == 0 && rest(&is, &was, &change))
		rc = write_one(d, "devices.allow", &change, e);
	if (rc == 0 && rest(&was, &is, &change))
		rc = write_one(d, "devices.deny", &change, e);
	return rc;
}
