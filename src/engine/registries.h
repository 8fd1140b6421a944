/* Where a registry is asked: mirrors, plain HTTP, sockets, certificates, proxies. What root reads of this is trusted configuration.
 *
 * registries.conf is the containers' file of that name, version 2 (containers-registries.conf(5)), in TOML (base/toml.h):
 *
 *   [[registry]]
 *   prefix = "docker.io/library"        # of names; host[:port][/path…], or *.domain; without it: location
 *   location = "mirror.example/hub"     # what the prefix is replaced by; without it (*.domain alone): nothing is replaced
 *   insecure = false                    # true: certificates are not checked, and plain HTTP is tried after HTTPS
 *   blocked = false                     # true: nothing is fetched from there
 *   mirror-by-digest-only = false       # true: mirrors are asked only for names with a digest
 *   [[registry.mirror]]                 # tried before location, in this order, when pulling
 *   location = "…"
 *   insecure = false
 *   pull-from-mirror = "all"            # "digest-only", "tag-only"
 *
 * Of several prefixes that a name begins with, part by part, the longest counts. A location may also be a socket of the Unix domain,
 * "unix:///run/registry.sock", or with a path inside the registry "unix:///run/registry.sock:/team": plain HTTP through the socket.
 *
 * Read is the first of these that exists: (of an ordinary user $XDG_CONFIG_HOME/tare/registries.conf, then containers/registries.conf
 * there; ~/.config without XDG_CONFIG_HOME,) /etc/tare/registries.conf, /etc/containers/registries.conf. Then, in the order of their
 * names, the *.conf of the first of the folders of the same names with ".d" that exists; a [[registry]] there takes the place of one with
 * the same prefix. CONTAINERS_REGISTRIES_CONF names one file instead of all that. Top-level keys of other matters that podman's files
 * have are passed over: unqualified-search-registries, short-name-mode and [aliases] (names without a registry are Docker Hub's, as with
 * docker), credential-helpers (engine/credentials.h says where those are named). Any other key is an error, and so is version 1.
 *
 * Without a word there: https://DOMAIN; docker.io is asked at registry-1.docker.io; localhost, 127.0.0.0/8 and ::1 are insecure. */
#ifndef TARE_ENGINE_REGISTRIES_H
#define TARE_ENGINE_REGISTRIES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/options.h"
#include "image/ref.h"

/* Files and folders, each list up to a NULL; made by registries_places(), or by tests. */
struct registries_places {
	const char *const *files;   /* the first that exists is read */
	const char *const *folders; /* of the first that exists, *.conf */
	const char *const *certs;   /* folders with HOST[:PORT] in them, see engine/certs.h */
};

struct registry_place {
	const char *location; /* as written */
	bool insecure_said, insecure;
	bool by_tag, by_digest; /* of a mirror: asked for such names */
};

struct registry_rule {
	const char *prefix, *file;
	struct registry_place place; /* location NULL: the name stays */
	bool blocked;
	struct registry_place *mirrors;
	size_t n_mirrors;
};

/* Of Docker's daemon.json: mirrors of docker.io by URL, asked for pulls before any of the files' and before itself; and what is insecure,
 * "HOST[:PORT]" as in names of images, or a subnet that the host's address is of, where it is written as one. */
struct registries_more {
	struct strv mirrors, insecure;
};

struct registries {
	struct registry_rule *rules;
	size_t n;
	const struct registry_place *hub_mirrors; /* of docker.io, from registries_more */
	size_t n_hub_mirrors;
	struct strv insecure;
	const struct registries_places *places;
};

enum registry_use { REGISTRY_PULL, REGISTRY_PUSH };

/* One place to ask, which is one scheme: of an insecure registry there are two, https without a check and then http. */
struct registry_endpoint {
	const char *base;       /* "https://host[:port]", "http://…"; of a socket "http://localhost" */
	const char *socket;     /* the path of that socket, NULL without */
	const char *domain;     /* whose credentials are sent: "docker.io", "host:5000"; of a socket the image's domain */
	const char *repository; /* there: "library/busybox" */
	bool is_mirror;
	bool verify;            /* the certificate is checked (https) */
	const char *ca_pem;     /* authorities beside the system's, "" without */
	const char *cert_pem;   /* our certificate and its key, "" without; the key is a secret */
	const char *key_pem;
	const char *proxy;      /* its URL, NULL for none; may have a password in it */
};

/* By the environment (TARE_CERTS_DIR: one folder instead of the usual ones). ordinary: he is not the machine's root, whatever he is in his
 * user namespace (struct rootless), and has places of his own. */
int registries_places_find(struct arena *a, bool ordinary, struct registries_places *out, struct err *e) MUST_CHECK;

/* Reads registries.conf: all texts are in a. ERR_INVALID names file and line, or file and registry. */
int registries_read(struct arena *a, const struct registries_places *places, struct registries *out, struct err *e) MUST_CHECK;

/* Adds these to what was read. ERR_INVALID: one is none. */
int registries_add(struct arena *a, struct registries *regs, const struct registries_more *more, struct err *e) MUST_CHECK;

/* Where to ask for ref, in this order: mirrors (not to push), then the registry itself; texts in a, which is a CLEANUP_SECRETS. ERR_DENIED:
 * it is blocked; ERR_INVALID: certificates or proxies make no sense. */
int registries_resolve(struct arena *a, const struct registries *regs, const struct image_ref *ref, enum registry_use use,
		       struct registry_endpoint **out, size_t *n, struct err *e) MUST_CHECK;

#endif
