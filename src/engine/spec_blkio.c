/* --blkio-weight and the limits of single devices: texts as Docker has them, "/dev/sda:200", "/dev/sda:1mb". A device is looked
 * up once, when the container is made: its number is what the kernel wants and what is kept. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "engine/spec_plan.h"

/* The kernel's bounds (block/bfq-cgroup.c). */
#define LEAST_WEIGHT 10
#define MOST_WEIGHT 1000

static const struct row {
	const char *option;
	const char *spec;        /* member of linux.resources.blockIO */
	const char *host_config; /* Docker's name of it */
	const char *value;       /* that of the number, in both */
	const char *want;
} rows[CT_IO_KINDS] = {
	[CT_IO_WEIGHT] = { "--blkio-weight-device", "weightDevice", "BlkioWeightDevice", "Weight", "WEIGHT of 10 to 1000, or 0 for none" },
	[CT_IO_READ_BPS] = { "--device-read-bps", "throttleReadBpsDevice", "BlkioDeviceReadBps", "Rate", "BYTES a second, such as 1mb" },
	[CT_IO_WRITE_BPS] = { "--device-write-bps", "throttleWriteBpsDevice", "BlkioDeviceWriteBps", "Rate", "BYTES a second, such as 1mb" },
	[CT_IO_READ_IOPS] = { "--device-read-iops", "throttleReadIOPSDevice", "BlkioDeviceReadIOps", "Rate", "N operations a second" },
	[CT_IO_WRITE_IOPS] = { "--device-write-iops", "throttleWriteIOPSDevice", "BlkioDeviceWriteIOps", "Rate", "N operations a second" },
};

static bool weight_is_wrong(uint64_t weight)
{
	return weight && (weight < LEAST_WEIGHT || weight > MOST_WEIGHT);
}

static int read_value(enum ct_io kind, const char *text, uint64_t *out)
{
	bool bytes = kind == CT_IO_READ_BPS || kind == CT_IO_WRITE_BPS;
	int r = bytes ? text_size(text, out) : text_u64(text, out);

	return r == 0 && kind == CT_IO_WEIGHT && weight_is_wrong(*out) ? -ERANGE : r;
}

static int one(struct plan *p, enum ct_io kind, const char *text, struct plan_io *out, struct err *e)
{
	const char *colon = strrchr(text, ':');
	struct stat st;

	out->path = colon ? arena_strndup(p->a, text, (size_t)(colon - text)) : "";
	if (!out->path)
		return err_errno(e, -ENOMEM, "%s", rows[kind].option);
	if (out->path[0] != '/' || read_value(kind, colon + 1, &out->value) < 0)
		return err_set(e, ERR_INVALID, "%s %s: want /dev/NODE:%s", rows[kind].option, text, rows[kind].want);
	if (stat(out->path, &st) < 0)
		return err_errno(e, -errno, "%s %s", rows[kind].option, out->path);
	if (!S_ISBLK(st.st_mode))
		return err_set(e, ERR_INVALID, "%s %s: is no block device", rows[kind].option, out->path);
	out->major = major(st.st_rdev);
	out->minor = minor(st.st_rdev);
	return 0;
}

const char *plan_blkio_given(const struct ct_options *o)
{
	for (size_t k = 0; k < CT_IO_KINDS; k++)
		if (o->io[k].n)
			return rows[k].option;
	return o->blkio_weight ? "--blkio-weight" : NULL;
}

int plan_blkio(struct plan *p, struct err *e)
{
	if (weight_is_wrong(p->opt->blkio_weight))
		return err_set(e, ERR_INVALID, "--blkio-weight: %d to %d, or 0 for none", LEAST_WEIGHT, MOST_WEIGHT);
	for (enum ct_io k = 0; k < CT_IO_KINDS; k++) {
		size_t n = p->opt->io[k].n;

		p->io[k] = arena_array(p->a, n + 1, sizeof(*p->io[k]));
		if (!p->io[k])
			return err_errno(e, -ENOMEM, "%s", rows[k].option);
		for (size_t i = 0; i < n; i++)
			if (one(p, k, p->opt->io[k].v[i], &p->io[k][i], e) < 0)
				return e->code;
	}
	return 0;
}

static void write_device(const struct plan_io *io, const char *key, struct json_writer *w)
{
	jw_object(w, NULL);
	jw_i64(w, "major", io->major);
	jw_i64(w, "minor", io->minor);
	jw_u64(w, key, io->value);
	jw_end_object(w);
}

void plan_write_blkio(const struct plan *p, struct json_writer *w)
{
	if (!plan_blkio_given(p->opt))
		return;
	jw_object(w, "blockIO");
	if (p->opt->blkio_weight)
		jw_u64(w, "weight", p->opt->blkio_weight);
	for (size_t k = 0; k < CT_IO_KINDS; k++) {
		if (!p->opt->io[k].n)
			continue;
		jw_array(w, rows[k].spec);
		for (size_t i = 0; i < p->opt->io[k].n; i++)
			write_device(&p->io[k][i], k == CT_IO_WEIGHT ? "weight" : "rate", w);
		jw_end_array(w);
	}
	jw_end_object(w);
}

void plan_show_blkio(const struct plan *p, struct json_writer *w)
{
	jw_u64(w, "BlkioWeight", p->opt->blkio_weight);
	for (size_t k = 0; k < CT_IO_KINDS; k++) {
		jw_array(w, rows[k].host_config);
		for (size_t i = 0; i < p->opt->io[k].n; i++) {
			jw_object(w, NULL);
			jw_str(w, "Path", p->io[k][i].path);
			jw_u64(w, rows[k].value, p->io[k][i].value);
			jw_end_object(w);
		}
		jw_end_array(w);
	}
}
