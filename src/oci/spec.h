/* The OCI runtime specification (config.json, 1.3.0) as C types: https://github.com/opencontainers/runtime-spec
 *
 * All of it lives in the arena it was parsed into. Pointers are NULL and has_* false where the document is silent;
 * a pointer to a number distinguishes "absent" from 0 where the spec does. String vectors (…v) are NULL-terminated. */
#ifndef TARE_OCI_SPEC_H
#define TARE_OCI_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "sys/cgroup.h"

struct oci_kv {
	const char *key, *value;
};

struct oci_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct oci_user {
	uint32_t uid, gid;
	const uint32_t *umask; /* NULL = leave it */
	const uint32_t *groups;
	size_t n_groups;
};

enum oci_cap_set { OCI_CAP_BOUNDING, OCI_CAP_EFFECTIVE, OCI_CAP_INHERITABLE, OCI_CAP_PERMITTED, OCI_CAP_AMBIENT, OCI_CAP_SETS };

struct oci_scheduler {
	const char *policy; /* "SCHED_OTHER" … */
	int32_t nice, priority;
	const char *const *flags;
	uint64_t runtime, deadline, period;
};

struct oci_process {
	bool terminal;
	uint32_t console_height, console_width;
	struct oci_user user;
	const char *const *args; /* NULL: nothing to run ("create" then fails) */
	size_t n_args;
	const char *const *env;
	const char *cwd;
	bool has_capabilities;
	uint64_t caps[OCI_CAP_SETS]; /* bit n = capability n */
	const char *const *unknown_caps; /* names no kernel of ours knows: warned about, not fatal */
	const struct oci_rlimit *rlimits;
	size_t n_rlimits;
	bool no_new_privileges;
	const int64_t *oom_score_adj;
	const char *apparmor_profile, *selinux_label;
	const struct oci_scheduler *scheduler;
	bool has_io_priority;
	const char *io_priority_class; /* "IOPRIO_CLASS_BE" … */
	int32_t io_priority;
	const char *cpu_affinity_initial, *cpu_affinity_final; /* execCPUAffinity */
};

struct oci_id_map {
	uint32_t container_id, host_id, size;
};

struct oci_mount {
	const char *destination, *type, *source;
	const char *const *options;
	size_t n_options;
	const struct oci_id_map *uid_map, *gid_map; /* NULL with "idmap"/"ridmap" option: the container's own map */
	size_t n_uid_map, n_gid_map;
};

struct oci_hook {
	const char *path;
	const char *const *args, *const *env;
	int64_t timeout; /* seconds; 0 = none */
};

struct oci_hook_list {
	const struct oci_hook *hooks;
	size_t n;
};

enum oci_hook_point {
	OCI_HOOK_PRESTART, OCI_HOOK_CREATE_RUNTIME, OCI_HOOK_CREATE_CONTAINER, OCI_HOOK_START_CONTAINER,
	OCI_HOOK_POSTSTART, OCI_HOOK_POSTSTOP, OCI_HOOK_POINTS
};

enum oci_ns { OCI_NS_USER, OCI_NS_PID, OCI_NS_MOUNT, OCI_NS_NETWORK, OCI_NS_IPC, OCI_NS_UTS, OCI_NS_CGROUP, OCI_NS_TIME, OCI_NS_COUNT };

struct oci_namespace {
	bool wanted;      /* named in the document: new, or joined when path is set */
	const char *path;
};

struct oci_device {
	const char *path;
	char type; /* 'c' 'b' 'u' 'p' */
	int64_t major, minor;
	bool has_mode;
	mode_t mode;
	uint32_t uid, gid;
};

enum oci_seccomp_action {
	OCI_SCMP_KILL_THREAD, OCI_SCMP_KILL_PROCESS, OCI_SCMP_TRAP, OCI_SCMP_ERRNO, OCI_SCMP_TRACE, OCI_SCMP_LOG,
	OCI_SCMP_NOTIFY, OCI_SCMP_ALLOW
};

enum oci_seccomp_op {
	OCI_SCMP_CMP_NE, OCI_SCMP_CMP_LT, OCI_SCMP_CMP_LE, OCI_SCMP_CMP_EQ, OCI_SCMP_CMP_GE, OCI_SCMP_CMP_GT,
	OCI_SCMP_CMP_MASKED_EQ
};

struct oci_seccomp_arg {
	uint32_t index;
	uint64_t value, value_two;
	enum oci_seccomp_op op;
};

struct oci_seccomp_rule {
	const char *const *names;
	size_t n_names;
	enum oci_seccomp_action action;
	bool has_errno;
	uint32_t errno_ret;
	const struct oci_seccomp_arg *args;
	size_t n_args;
};

struct oci_seccomp {
	enum oci_seccomp_action default_action;
	bool has_default_errno;
	uint32_t default_errno_ret;
	const char *const *architectures; /* "SCMP_ARCH_X86_64" …; NULL = native only */
	const char *const *flags;         /* "SECCOMP_FILTER_FLAG_LOG" … */
	const char *listener_path, *listener_metadata;
	const struct oci_seccomp_rule *rules;
	size_t n_rules;
};

struct oci_time_offset {
	const char *clock; /* "monotonic", "boottime" */
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_net_device {
	const char *name;     /* on the host */
	const char *new_name; /* in the container, NULL = the same */
};

struct oci_intel_rdt {
	const char *clos_id, *l3_schema, *mb_schema;
	const char *const *schemata;
	bool enable_monitoring;
};

struct oci_memory_policy {
	const char *mode; /* "MPOL_BIND" … */
	const char *nodes;
	const char *const *flags;
};

struct oci_linux {
	struct oci_namespace ns[OCI_NS_COUNT];
	const struct oci_id_map *uid_map, *gid_map;
	size_t n_uid_map, n_gid_map;
	const struct oci_device *devices;
	size_t n_devices;
	const char *cgroups_path;
	bool has_resources;
	struct cg_resources resources; /* with its device rules */
	const char *rootfs_propagation;
	const struct oci_seccomp *seccomp;
	const char *const *masked_paths, *const *readonly_paths;
	const char *mount_label;
	const struct oci_kv *sysctl;
	size_t n_sysctl;
	const struct oci_time_offset *time_offsets;
	size_t n_time_offsets;
	const struct oci_net_device *net_devices;
	size_t n_net_devices;
	const struct oci_intel_rdt *intel_rdt;
	const struct oci_memory_policy *memory_policy;
	const char *personality_domain; /* "LINUX", "LINUX32" */
};

struct oci_spec {
	const char *oci_version;
	const struct oci_process *process; /* NULL allowed for create, by the spec */
	const char *root_path;             /* as written; relative to the bundle */
	bool root_readonly;
	const char *hostname, *domainname;
	const struct oci_mount *mounts;
	size_t n_mounts;
	struct oci_hook_list hooks[OCI_HOOK_POINTS];
	struct oci_linux linux_; /* `linux` is a predefined macro in gnu C */
	const struct oci_kv *annotations;
	size_t n_annotations;
};

/* The whole document. Validates types, required members, ranges and what contradicts itself; an unknown property
 * is ignored as the spec demands, a known one we cannot honour is an error of whoever applies it.
 * *out lives in a. Fails with ERR_INVALID naming the property ("linux.resources.memory.limit: …"). */
int oci_spec_parse(struct arena *a, const struct json *doc, const struct oci_spec **out, struct err *e) MUST_CHECK;

/* Reads and parses BUNDLE/config.json. */
int oci_spec_load(struct arena *a, int bundle_dirfd, const char *file, const struct oci_spec **out, struct err *e) MUST_CHECK;
/* The same, with the very text that was parsed (text[len] is 0); the caller frees it, after failures too. */
int oci_spec_load_text(struct arena *a, int bundle_dirfd, const char *file, const struct oci_spec **out, char **text,
		       size_t *len, struct err *e) MUST_CHECK;

/* A process object alone (exec -p process.json, and our own exec requests). */
int oci_process_parse(struct arena *a, const struct json *doc, const struct oci_process **out, struct err *e) MUST_CHECK;

/* A resources object alone (update -r). */
int oci_resources_parse(struct arena *a, const struct json *doc, struct cg_resources *out, struct err *e) MUST_CHECK;

/* A list of mounts alone (crun's mounts add and remove). */
int oci_mounts_parse(struct arena *a, const struct json *doc, const struct oci_mount **out, size_t *n, struct err *e) MUST_CHECK;

/* A seccomp object alone (a profile file in runtime-spec form). */
int oci_seccomp_parse(struct arena *a, const struct json *doc, const struct oci_seccomp **out, struct err *e) MUST_CHECK;

/* The names the parser knows, by kind. */
enum oci_words {
	OCI_WORDS_HOOKS, OCI_WORDS_NAMESPACES, OCI_WORDS_SECCOMP_ACTIONS, OCI_WORDS_SECCOMP_OPERATORS,
	OCI_WORDS_SECCOMP_FLAGS, OCI_WORDS_MEMORY_MODES, OCI_WORDS_MEMORY_FLAGS, OCI_WORDS_SCHED_POLICIES,
	OCI_WORDS_SCHED_FLAGS, OCI_WORDS_IO_CLASSES, OCI_WORDS_PERSONALITIES
};
/* One by one; NULL behind the last (for `features`). */
const char *oci_word(enum oci_words kind, size_t i);
/* The kernel's number of a name of the last six kinds; -EINVAL for a name that is none. */
int oci_word_number(enum oci_words kind, const char *name) MUST_CHECK;

/* Writes s as the specification has it, under key. Errors are the writer's. */
void oci_seccomp_write(struct json_writer *w, const char *key, const struct oci_seccomp *s);

const char *oci_annotation(const struct oci_spec *spec, const char *key);

/* CLONE_NEW* flag and config.json name ("network") of a namespace. */
int oci_ns_flag(enum oci_ns ns);
const char *oci_ns_name(enum oci_ns ns);

#endif
