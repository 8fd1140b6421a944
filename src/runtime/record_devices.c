/* Devices in state.json: those that were added while the container ran, so that they can be taken away again, and the
 * device rules that an update put in the place of the specification's. */
#include <string.h>

#include "runtime/record.h"

static void write_added(struct json_writer *w, const struct rt_added_device *d)
{
	const char type[2] = { d->node.type, '\0' };

	jw_object(w, NULL);
	jw_str(w, "path", d->node.path);
	jw_str(w, "type", type);
	jw_i64(w, "major", d->node.major);
	jw_i64(w, "minor", d->node.minor);
	jw_u64(w, "mode", d->node.mode);
	jw_u64(w, "uid", d->node.uid);
	jw_u64(w, "gid", d->node.gid);
	jw_str(w, "access", d->access);
	jw_end_object(w);
}

static void write_rule(struct json_writer *w, const struct cg_device_rule *r)
{
	const char type[2] = { r->type, '\0' };

	jw_object(w, NULL);
	jw_bool(w, "allow", r->allow);
	jw_str(w, "type", type);
	jw_i64(w, "major", r->major);
	jw_i64(w, "minor", r->minor);
	jw_bool(w, "read", r->read);
	jw_bool(w, "write", r->write);
	jw_bool(w, "mknod", r->mknod);
	jw_end_object(w);
}

void rt_record_write_devices(struct json_writer *w, const struct rt_record *rec)
{
	if (rec->n_devices) {
		jw_array(w, "devices");
		for (size_t i = 0; i < rec->n_devices; i++)
			write_added(w, &rec->devices[i]);
		jw_end_array(w);
	}
}

void rt_record_write_device_rules(struct json_writer *w, const struct rt_record *rec)
{
	if (rec->has_device_rules) {
		jw_array(w, "device_rules");
		for (size_t i = 0; i < rec->n_device_rules; i++)
			write_rule(w, &rec->device_rules[i]);
		jw_end_array(w);
	}
}

static int read_type(const struct json *v, const char *where, char *type, struct err *e)
{
	const char *text = "";

	if (json_get_str(v, where, "type", &text, e) < 0)
		return e->code;
	if (strlen(text) != 1 || !strchr("abc", text[0]))
		return err_set(e, ERR_INVALID, "%s.type: \"%s\"", where, text);
	*type = text[0];
	return 0;
}

static int read_added(const struct json *v, struct rt_added_device *d, struct err *e)
{
	uint32_t mode = 0;

	if (json_get_str(v, "devices", "path", &d->node.path, e) < 0 || read_type(v, "devices", &d->node.type, e) < 0 ||
	    json_get_i64(v, "devices", "major", &d->node.major, e) < 0 ||
	    json_get_i64(v, "devices", "minor", &d->node.minor, e) < 0 || json_get_u32(v, "devices", "mode", &mode, e) < 0 ||
	    json_get_u32(v, "devices", "uid", &d->node.uid, e) < 0 || json_get_u32(v, "devices", "gid", &d->node.gid, e) < 0 ||
	    json_get_str(v, "devices", "access", &d->access, e) < 0)
		return e->code;
	d->node.mode = mode;
	d->node.has_mode = true;
	return d->node.path && d->access ? 0 : err_set(e, ERR_INVALID, "devices: path or access is missing");
}

static int read_rule(const struct json *v, struct cg_device_rule *r, struct err *e)
{
	if (json_get_bool(v, "device_rules", "allow", &r->allow, e) < 0 || read_type(v, "device_rules", &r->type, e) < 0 ||
	    json_get_i64(v, "device_rules", "major", &r->major, e) < 0 ||
	    json_get_i64(v, "device_rules", "minor", &r->minor, e) < 0 ||
	    json_get_bool(v, "device_rules", "read", &r->read, e) < 0 ||
	    json_get_bool(v, "device_rules", "write", &r->write, e) < 0 ||
	    json_get_bool(v, "device_rules", "mknod", &r->mknod, e) < 0)
		return e->code;
	return 0;
}

int rt_record_read_devices(struct arena *a, const struct json *own, struct rt_record *out, struct err *e)
{
	const struct json *added = NULL, *rules = NULL;
	struct rt_added_device *devices;
	struct cg_device_rule *list;

	if (json_get_array(own, "tare", "devices", &added, e) < 0 || json_get_array(own, "tare", "device_rules", &rules, e) < 0)
		return e->code;
	devices = arena_array(a, (added ? added->len : 0) + 1, sizeof(*devices));
	list = arena_array(a, (rules ? rules->len : 0) + 1, sizeof(*list));
	if (!devices || !list)
		return err_errno(e, -ENOMEM, "devices");
	json_each(v, added)
		if (read_added(v, &devices[out->n_devices++], e) < 0)
			return e->code;
	json_each(v, rules)
		if (read_rule(v, &list[out->n_device_rules++], e) < 0)
			return e->code;
	out->devices = devices;
	out->device_rules = list;
	out->has_device_rules = rules;
	return 0;
}
