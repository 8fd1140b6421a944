/* What the files of sys/cgroup share. Nobody outside src/sys/cgroup*.c (and their unit test) includes this.
 *
 *   cgroup_detect.c   which hierarchies exist, where a process is
 *   cgroup.c          create, open, join
 *   cgroup_self.c     joining by oneself
 *   cgroup_tree.c     descendants: pids, populated, remove
 *   cgroup_state.c    freeze, signal
 *   cgroup_apply.c    which driver writes which limit; the writing and its errors
 *   cgroup_v1.c, cgroup_v2.c   limits in the terms of each version
 *   cgroup_delegate.c giving a cgroup away
 *   cgroup_device.c   device rules: their meaning, and v1's form of it
 *   cgroup_bpf.c      v2's form of it
 *   cgroup_stats.c    usage in short; cgroup_usage.c, cgroup_usage_io.c: all of it
 *   cgroup_oom.c      out of memory */
#ifndef TARE_SYS_CGROUP_IMPL_H
#define TARE_SYS_CGROUP_IMPL_H

#include <limits.h>

#include "sys/cgroup_usage.h"

enum cg_ctrl {
	CG_CPU, CG_CPUACCT, CG_CPUSET, CG_MEMORY, CG_DEVICES, CG_FREEZER, CG_IO, CG_PIDS, CG_HUGETLB, CG_RDMA,
	CG_NET_CLS, CG_NET_PRIO, CG_CTRLS
};

#define CG_MAX_HIERARCHIES 24

struct cg_hierarchy {
	char *mount; /* the mount point */
	char *root;  /* the cgroup that is mounted there, as mountinfo says it: "/", "/docker/ID", "/.." */
	char *name;  /* v1: the controllers as mounted ("cpu,cpuacct", "name=systemd"); v2: "" */
	unsigned int major, minor;
	bool v2;
	unsigned int ctrls; /* bits of enum cg_ctrl */
};

struct cg_system {
	enum cg_mode mode;
	struct cg_hierarchy h[CG_MAX_HIERARCHIES];
	size_t n;
	int v2;               /* index of the v2 hierarchy, -1 = none */
	int where[CG_CTRLS];  /* index of the hierarchy that has this controller, -1 = none */
	char *v2_controllers; /* cgroup.controllers at v2's mount point, "" without v2 */
};

struct cgroup {
	const struct cg_system *sys;
	char *path;                  /* normalised: "/a/b" */
	int dir[CG_MAX_HIERARCHIES]; /* O_PATH folders; -1 = the cgroup is not in this hierarchy */
	bool narrowed;		     /* some are of cgroups below path */
};

/* ---- cgroup_detect.c ---- */

/* What this process found, cached. */
const struct cg_system *cg_system(void);

/* The parts cg_system() is made of, without the kernel. cg_parse_mountinfo fills h[] and n from the text (not
 * NUL-safe beyond its end); cg_index sets mode, v2 and where from h[] and v2_controllers. Both give 0/-errno. */
int cg_parse_mountinfo(const char *text, struct cg_system *out) MUST_CHECK;
int cg_index(struct cg_system *s, const char *v2_controllers) MUST_CHECK;
void cg_system_clear(struct cg_system *s); /* frees; leaves CG_NONE */

/* Finds the line of hierarchy h in a /proc/PID/cgroup text and gives its path below h's mount point.
 * -ENOENT: no such line; -EXDEV: that cgroup is outside of what is mounted. */
int cg_line_path(const char *text, const struct cg_hierarchy *h, char *out, size_t len) MUST_CHECK;

const char *cg_ctrl_name(enum cg_ctrl c, bool v2);

/* ---- cgroup.c ---- */

/* Where the host has the cgroup path of one hierarchy. */
int cg_host_path(const struct cg_hierarchy *h, const char *path, char out[PATH_MAX]) MUST_CHECK;
/* cg_read() by path, for who reads one file of a cgroup that nobody has open. */
int cg_read_in(const struct cg_hierarchy *h, const char *path, const char *file, char *buf, size_t len) MUST_CHECK;
/* Opens path in one hierarchy; -ENOENT. */
int cg_open_dir(const struct cg_hierarchy *h, const char *path) MUST_CHECK;
/* Why the write of a process to this file of the cgroup in hierarchy h failed with r. */
int cg_join_error(const struct cgroup *cg, const struct cg_hierarchy *h, const char *file, int r, struct err *e);
/* "/a//b/" -> "/a/b"; -EINVAL for relative paths, "." and "..", the root. malloc'd. */
int cg_normalise(const char *path, char **out) MUST_CHECK;

/* ---- cgroup_tree.c ---- */

/* The hierarchy that stands for all when processes are looked for. */
int cg_main_hierarchy(const struct cgroup *cg);
/* Waits until a v2 cgroup.events key ("populated", "frozen") has this value; -ETIMEDOUT. dir: the cgroup's folder. */
int cg_wait_event(int dir, const char *key, bool value, int timeout_ms) MUST_CHECK;
void cg_sleep_ms(int64_t ms);

/* ---- cgroup_apply.c: one controller's folder of one cgroup, and writing into it ---- */

struct cg_dir {
	int fd;
	const char *cgroup; /* path, for messages */
	bool v2;
};

/* Writes a value; an error names cgroup, file and value, and is ERR_UNSUPPORTED when there is no such file. */
int cg_write(const struct cg_dir *d, const char *file, const char *value, struct err *e) MUST_CHECK;
int cg_writef(const struct cg_dir *d, const char *file, struct err *e, const char *fmt, ...) PRINTF_LIKE(4, 5) MUST_CHECK;
/* The error cg_write would give for r. */
int cg_write_error(const struct cg_dir *d, const char *file, const char *value, int r, struct err *e);
bool cg_has(const struct cg_dir *d, const char *file);
/* Reads a short file, without its last newline. -errno. */
int cg_read(int dir, const char *file, char *buf, size_t len) MUST_CHECK;
/* One number; "max" and what v1 calls no limit are UINT64_MAX. -errno. */
int cg_read_u64(int dir, const char *file, uint64_t *out) MUST_CHECK;
/* The number after "KEY " in a flat keyed file's text; false when absent. */
bool cg_keyed(const char *text, const char *key, uint64_t *out);
/* Writes file_a and file_b, of which each may be refused (EINVAL) until the other is set. value NULL = leave it. */
int cg_write_pair(const struct cg_dir *d, const char *file_a, const char *value_a, const char *file_b,
		  const char *value_b, struct err *e) MUST_CHECK;
/* Is a limit on a part of memory held by the one on the whole of it? */
bool cg_memory_covers(const struct cg_resources *r, const int64_t *limit);
int cg_check_usage(const struct cg_dir *d, const char *usage_file, int64_t limit, struct err *e) MUST_CHECK;

/* ---- cgroup_v1.c, cgroup_v2.c: one function per controller ---- */

typedef int (*cg_apply_fn)(const struct cg_dir *d, const struct cg_resources *r, struct err *e);

int cg1_memory(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg1_cpu(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg1_cpuset(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg1_pids(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg1_io(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg1_hugetlb(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg1_net_cls(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg1_net_prio(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
/* Gives every cpuset folder from below the mount point to path its parent's cpus and mems where it has none. leaf: path's
 * folder; made: just now. */
int cg1_cpuset_inherit(const struct cg_hierarchy *h, const char *path, int leaf, bool made, struct err *e) MUST_CHECK;

int cg2_memory(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg2_cpu(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg2_io(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg2_hugetlb(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
int cg2_unified(const struct cg_dir *d, const char *key, const char *value, struct err *e) MUST_CHECK;
/* Enables what each level offers in the subtree_control of every folder above path. Refusals are no error here:
 * cg2_explain tells them when a limit is wanted. */
void cg2_enable(const struct cg_system *s, const char *path);
/* After an ERR_UNSUPPORTED: when v2 has the controller and only path lacks it, names in e the level that stops it,
 * and why. Gives e's code. */
int cg2_explain(const struct cg_system *s, const char *path, const char *controller, struct err *e);
/* Conversion from v1's range. */
uint64_t cg2_io_weight(uint64_t weight);

/* ---- cgroup_stats.c ---- */

/* The cgroup's folder where this controller is, borrowed; -1 = nowhere. *v2: it is there in v2's form. */
int cg_ctrl_dir(const struct cgroup *cg, enum cg_ctrl c, bool *v2);

/* ---- cgroup_usage.c, cgroup_usage_io.c ---- */

/* A whole file of a cgroup, malloc'd; NULL when it is absent or unreadable. */
char *cg_slurp(int dir, const char *file) MUST_CHECK;
/* The next non-empty piece of *p between any of gaps, ended in place; NULL when there is none. *p may be NULL. */
char *cg_word(char **p, const char *gaps);
/* Adds to the tables of out. -ENOMEM. */
int cg1_io_usage(int dir, struct arena *a, struct cg_io_list out[CG_IO_TABLES]) MUST_CHECK;
int cg2_io_usage(int dir, struct arena *a, struct cg_io_list out[CG_IO_TABLES]) MUST_CHECK;

/* ---- cgroup_device.c ---- */

/* Rules in their normal form: what holds where no rule matches, then rules of which, for each of the bits read,
 * write, mknod, the last that matches decides. Types are 'b' and 'c' only. */
struct cg_device_list {
	bool allow; /* the default */
	struct cg_device_rule *rules;
	size_t n;
};
int cg_device_normalise(const struct cg_device_rule *rules, size_t n, struct cg_device_list *out) MUST_CHECK;
/* Whether v1's kernel, which forgets an exception only on an exact match, would mean the same. */
int cg_device_check_v1(const struct cg_device_list *l, struct err *e) MUST_CHECK;
int cg1_devices(const struct cg_dir *d, const struct cg_resources *r, struct err *e);
/* What a list lets do with the device that this rule names: the rule, with its letters. */
struct cg_device_rule cg_device_access(const struct cg_device_list *l, const struct cg_device_rule *device);
int cg1_change_device(const struct cg_dir *d, const struct cg_resources *before, const struct cg_resources *after,
		      const struct cg_device_rule *device, struct err *e);

/* ---- cgroup_bpf.c ---- */

struct bpf_insn;
/* The program of a list; *out is malloc'd. -errno. */
int cg_bpf_generate(const struct cg_device_list *l, struct bpf_insn **out, size_t *n) MUST_CHECK;
int cg2_devices(const struct cg_dir *d, const struct cg_resources *r, struct err *e);

#endif
