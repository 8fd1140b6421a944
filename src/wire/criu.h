/* The messages of CRIU's service ("criu swrk FD", on a SOCK_SEQPACKET socket, one message per packet): requests into
 * bytes, bytes into responses, no I/O. The numbers are those of CRIU's images/rpc.proto; criu.org/RPC. */
#ifndef TARE_WIRE_CRIU_H
#define TARE_WIRE_CRIU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

enum criu_type {
	CRIU_DUMP = 1,
	CRIU_RESTORE = 2,
	CRIU_PRE_DUMP = 4,
	CRIU_NOTIFY = 6,
	CRIU_FEATURE_CHECK = 9,
	CRIU_VERSION = 10,
};

enum criu_cgroups { /* what becomes of the properties of the cgroups in the image */
	CRIU_CGROUPS_IGNORE = 0,
	CRIU_CGROUPS_SOFT = 3,
	CRIU_CGROUPS_FULL = 4,
	CRIU_CGROUPS_STRICT = 5,
	CRIU_CGROUPS_DEFAULT = 6,
};

enum criu_network_lock { CRIU_LOCK_DEFAULT = 0, CRIU_LOCK_IPTABLES = 1, CRIU_LOCK_NFTABLES = 2, CRIU_LOCK_SKIP = 3 };

struct criu_pair {
	const char *key, *value;
};

/* ext_mnt: place in the container, name in the image; at restore that name, and the path to show there.
 * join_ns: kind, path. cg_root: controller ("" = v2), path. */
struct criu_pairs {
	const struct criu_pair *v;
	size_t n;
};

struct criu_inherit {
	const char *key;
	int fd; /* CRIU's */
};

/* Strings: NULL = not sent. Numbers: 0 = not sent, but the descriptors, where that is -1. */
struct criu_options {
	int images_dir, work_dir; /* descriptors of the one who sends */
	int pid;
	bool leave_running, ext_unix_sk, tcp_established, evasive_devices, shell_job, file_locks, notify_scripts, track_mem,
		auto_dedup, link_remap, rst_sibling, tcp_skip_in_flight, lazy_pages, orphan_pts_master, tcp_close;
	uint32_t log_level, empty_ns;
	enum criu_cgroups cgroups; /* always sent */
	enum criu_network_lock network_lock;
	const char *log_file, *root, *parent_img, *freeze_cgroup, *config_file, *lsm_profile, *lsm_mount_context,
		*cgroup_yard; /* a folder with one per hierarchy: CRIU mounts none then */
	const char *page_server_address; /* NULL: no page server */
	int page_server_port;
	struct criu_pairs ext_mnt, join_ns, cg_root;
	const char *const *external; /* NULL-terminated; NULL = none */
	const struct criu_inherit *inherit;
	size_t n_inherit;
};

struct criu_request {
	enum criu_type type;
	bool keep_open;                   /* another request follows; VERSION and FEATURE_CHECK only */
	bool notify_success;              /* CRIU_NOTIFY: go on */
	bool mem_track, lazy_pages;       /* CRIU_FEATURE_CHECK: what is asked for */
	const struct criu_options *opts;  /* DUMP, PRE_DUMP, RESTORE */
};

void criu_write(struct strbuf *out, const struct criu_request *r);

struct criu_response {
	uint32_t type;
	bool success;
	int pid;                    /* RESTORE: the root of the tree; NOTIFY: what it is about; 0 = none */
	char script[64];            /* NOTIFY: "setup-namespaces", "orphan-pts-master"… */
	bool mem_track, lazy_pages; /* FEATURE_CHECK */
	unsigned int major, minor, sublevel; /* VERSION */
	int cr_errno;
	char message[256]; /* the first error of CRIU's own */
};

/* -EBADMSG when it is none. Fields that are not known are passed over. */
int criu_parse(const void *data, size_t len, struct criu_response *out) MUST_CHECK;

#endif
