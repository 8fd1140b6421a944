/* Times are nanoseconds since the epoch. An image's id is the digest of its configuration, a layer's its chain id; both
 * are written with their algorithm, "sha256:HEX". size is in unpacked bytes. A container keeps its image alive (the foreign
 * key), a tag does not pin one.
 * containers.status is what was last written down; whether it still is so, engine/live.h says. */
#include "engine/catalog_schema.h"

const char *const catalog_schema[CATALOG_VERSION] = {
	"CREATE TABLE images("
	" id TEXT PRIMARY KEY, created INTEGER NOT NULL, loaded INTEGER NOT NULL, size INTEGER NOT NULL,"
	" max_id INTEGER NOT NULL, manifest TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE tags("
	" ref TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE) WITHOUT ROWID;"
	"CREATE INDEX tags_image ON tags(image);"
	"CREATE TABLE layers("
	" chain TEXT PRIMARY KEY, diff TEXT NOT NULL, size INTEGER NOT NULL, max_id INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE image_layers("
	" image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE, position INTEGER NOT NULL,"
	" chain TEXT NOT NULL REFERENCES layers(chain), blob TEXT NOT NULL, PRIMARY KEY(image, position)) WITHOUT ROWID;"
	"CREATE INDEX image_layers_chain ON image_layers(chain);"
	"CREATE INDEX image_layers_blob ON image_layers(blob);"
	"CREATE INDEX images_manifest ON images(manifest);"
	"CREATE TABLE containers("
	" id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image TEXT REFERENCES images(id), image_ref TEXT NOT NULL,"
	" command TEXT NOT NULL, created INTEGER NOT NULL, status TEXT NOT NULL, boot_id TEXT,"
	" started INTEGER, finished INTEGER, exit_code INTEGER, exit_known INTEGER, oom INTEGER NOT NULL DEFAULT 0,"
	" error TEXT, auto_remove INTEGER NOT NULL, config TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX containers_image ON containers(image);"
	"CREATE TABLE id_ranges("
	" base INTEGER PRIMARY KEY, size INTEGER NOT NULL,"
	" container TEXT NOT NULL UNIQUE REFERENCES containers(id) ON DELETE CASCADE);"
	"CREATE TABLE counters(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"PRAGMA user_version=1;",

	/* ranges that users named: they may overlap each other, but what we hand out must not overlap them */
	"CREATE TABLE named_ranges("
	" container TEXT PRIMARY KEY REFERENCES containers(id) ON DELETE CASCADE,"
	" base INTEGER NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;"
	"PRAGMA user_version=2;",

	/* Networks; next is the number of the address that is tried first. What a running container has of them: its endpoints (ip with
	 * the subnet's prefix; aliases, among them links as TARGET:ALIAS and settings as NAME=VALUE, and name servers of its own, with a blank between) and its ports. These rows go when the elements of the firewall are gone, never before. */
	"CREATE TABLE networks("
	" id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, number INTEGER NOT NULL UNIQUE, driver TEXT NOT NULL,"
	" device TEXT NOT NULL UNIQUE, subnet TEXT NOT NULL, gateway TEXT NOT NULL, next INTEGER NOT NULL,"
	" created INTEGER NOT NULL, config TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE endpoints("
	" container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE, network TEXT NOT NULL REFERENCES networks(id),"
	" position INTEGER NOT NULL, host TEXT NOT NULL, number INTEGER NOT NULL, ip TEXT NOT NULL, mac TEXT NOT NULL,"
	" aliases TEXT NOT NULL, servers TEXT NOT NULL,"
	" PRIMARY KEY(container, network), UNIQUE(network, number)) WITHOUT ROWID;"
	"CREATE TABLE ports("
	" container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE, proto INTEGER NOT NULL, host TEXT NOT NULL,"
	" first INTEGER NOT NULL, last INTEGER NOT NULL, target INTEGER NOT NULL, PRIMARY KEY(proto, first, host)) WITHOUT ROWID;"
	"CREATE INDEX ports_container ON ports(container);"
	"PRAGMA user_version=3;",

	/* IPv6: '' where a network has none. An endpoint's number is that of its IPv4 address; the other one may be another's. */
	"ALTER TABLE networks ADD COLUMN subnet6 TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE networks ADD COLUMN gateway6 TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE endpoints ADD COLUMN ip6 TEXT NOT NULL DEFAULT '';"
	"CREATE UNIQUE INDEX endpoints_ip6 ON endpoints(network, ip6) WHERE ip6 != '';"
	"PRAGMA user_version=4;",

	/* Namespaces that a container shares (--network container:X; kind as in a specification): target is the X it was made with, owner
	 * whose the namespace is, where X shares it itself. Both may be gone, the container stays. */
	"CREATE TABLE joined("
	" container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE, kind TEXT NOT NULL, target TEXT NOT NULL,"
	" owner TEXT NOT NULL, PRIMARY KEY(container, kind)) WITHOUT ROWID;"
	"CREATE INDEX joined_owner ON joined(owner);"
	"PRAGMA user_version=5;",

	/* Networks of CNI: what plugins were asked for (engine/cni.h). No foreign key: a row goes when DEL has succeeded, and may have to
	 * outlive its container. args is CNI_ARGS; list, capabilities, result: JSON. */
	"CREATE TABLE cni("
	" container TEXT NOT NULL, network TEXT NOT NULL, position INTEGER NOT NULL, ifname TEXT NOT NULL, list TEXT NOT NULL,"
	" version TEXT NOT NULL, args TEXT NOT NULL, capabilities TEXT NOT NULL, result TEXT NOT NULL,"
	" plugins TEXT NOT NULL, cache TEXT NOT NULL, seconds INTEGER NOT NULL, PRIMARY KEY(container, network)) WITHOUT ROWID;"
	"PRAGMA user_version=6;",

	/* What steps of builds gave (engine/buildcache.h): key is the digest of all that the result depends on, chain the layer, on
	 * top of the parent's. A row keeps layer and blob, but for one of 0 bytes, which keeps a time alone. */
	"CREATE TABLE build_cache("
	" key TEXT PRIMARY KEY, chain TEXT NOT NULL, diff TEXT NOT NULL, blob TEXT NOT NULL, blob_size INTEGER NOT NULL,"
	" size INTEGER NOT NULL, max_id INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL,"
	" description TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX build_cache_chain ON build_cache(chain);"
	"CREATE INDEX build_cache_blob ON build_cache(blob);"
	"PRAGMA user_version=7;",

	/* tagged: when a name was last given to it by hand, 0 never. What registries call it by digest ("HOST/PATH@sha256:…"; a digest of an
	 * index may be several images'), which stood among the tags before; and the documents that led to it and are not its manifest: indexes
	 * for several platforms. A row keeps the document's blob. Of a tag its document is the index that it meant where it was pulled from. */
	"ALTER TABLE images ADD COLUMN tagged INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE tags ADD COLUMN document TEXT;"
	"CREATE TABLE repo_digests("
	" ref TEXT NOT NULL, image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE, PRIMARY KEY(ref, image)) WITHOUT ROWID;"
	"CREATE INDEX repo_digests_image ON repo_digests(image);"
	"INSERT INTO repo_digests SELECT ref, image FROM tags WHERE instr(ref, '@') "
	" AND NOT instr(substr(ref, instr(ref, '/'), instr(ref, '@') - instr(ref, '/')), ':');"
	"DELETE FROM tags WHERE instr(ref, '@');"
	"CREATE TABLE documents("
	" image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE, digest TEXT NOT NULL, added INTEGER NOT NULL,"
	" PRIMARY KEY(image, digest)) WITHOUT ROWID;"
	"CREATE INDEX documents_digest ON documents(digest);"
	"PRAGMA user_version=8;",

	/* The manifest that a tag's image came by under that name: one image may have several (of two media types, of layers packed otherwise),
	 * images.manifest is the last one's. manifest_blobs: each such manifest, and its layers; while a tag means it a row keeps the blob. */
	"ALTER TABLE tags ADD COLUMN manifest TEXT;"
	"CREATE TABLE manifest_blobs("
	" image TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE, manifest TEXT NOT NULL, blob TEXT NOT NULL,"
	" PRIMARY KEY(image, manifest, blob)) WITHOUT ROWID;"
	"CREATE INDEX manifest_blobs_blob ON manifest_blobs(blob);"
	"UPDATE tags SET manifest = (SELECT manifest FROM images WHERE id = tags.image);"
	"INSERT INTO manifest_blobs SELECT id, manifest, manifest FROM images;"
	"INSERT OR IGNORE INTO manifest_blobs SELECT id, manifest, blob FROM images JOIN image_layers ON image = id;"
	"PRAGMA user_version=9;",

	/* Restart policies (the policy itself is in config): stopped by hand since the last start; restarts since then; the last pause before
	 * one, and when it is over. */
	"ALTER TABLE containers ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE containers ADD COLUMN restarts INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE containers ADD COLUMN restart_wait INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE containers ADD COLUMN restart_due INTEGER NOT NULL DEFAULT 0;"
	"PRAGMA user_version=10;",

	/* Volumes, and which containers have them. anonymous: nobody gave it a name. config: {"Driver","Labels","Options"}. */
	"CREATE TABLE volumes("
	" name TEXT PRIMARY KEY, created INTEGER NOT NULL, anonymous INTEGER NOT NULL, config TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE volume_uses("
	" container TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE, volume TEXT NOT NULL REFERENCES volumes(name),"
	" PRIMARY KEY(container, volume)) WITHOUT ROWID;"
	"CREATE INDEX volume_uses_volume ON volume_uses(volume);"
	"PRAGMA user_version=11;",

	/* own: the container has it without having named it, and it goes with the container. */
	"ALTER TABLE volume_uses ADD COLUMN own INTEGER NOT NULL DEFAULT 0;"
	"UPDATE volume_uses SET own = 1 WHERE volume IN (SELECT name FROM volumes WHERE anonymous);"
	"PRAGMA user_version=12;",

	/* parent: the image whose container an image was committed from, "" of any other; it may be gone. */
	("ALTER TABLE images ADD COLUMN parent TEXT NOT NULL DEFAULT '';"
	 "PRAGMA user_version=13;"),

	/* Lists ask for these (RECORD_MAY_BE_CHECKED), and to read each configuration for that takes longer than all the rest. */
	"CREATE INDEX containers_checked ON containers(id) WHERE instr(config, '\"Healthcheck\"');"
	"PRAGMA user_version=14;",
};
