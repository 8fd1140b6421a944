/* features: what this runtime can, in the form of runtime-spec's features.md. */
#include "cmd/oci/oci.h"
#include "oci/mount_options.h"
#include "oci/state.h"
#include "sys/caps.h"

static void write_words(struct json_writer *w, const char *key, enum oci_words kind)
{
	const char *word;

	jw_array(w, key);
	for (size_t i = 0; (word = oci_word(kind, i)); i++)
		jw_str(w, NULL, word);
	jw_end_array(w);
}

static void write_flag(struct json_writer *w, const char *key, bool enabled)
{
	jw_object(w, key);
	jw_bool(w, "enabled", enabled);
	jw_end_object(w);
}

static void write_mount_options(struct json_writer *w)
{
	char buf[32];
	const char *name;

	jw_array(w, "mountOptions");
	for (size_t i = 0; (name = oci_mount_option_name(i, buf)); i++)
		jw_str(w, NULL, name);
	jw_end_array(w);
}

static void write_cgroup(struct json_writer *w)
{
	jw_object(w, "cgroup");
	jw_bool(w, "v1", true);
	jw_bool(w, "v2", true);
	jw_bool(w, "systemd", true);
	jw_bool(w, "systemdUser", true);
	jw_bool(w, "rdma", true);
	jw_end_object(w);
}

static void write_seccomp(struct json_writer *w)
{
	jw_object(w, "seccomp");
	jw_bool(w, "enabled", true);
	write_words(w, "actions", OCI_WORDS_SECCOMP_ACTIONS);
	write_words(w, "operators", OCI_WORDS_SECCOMP_OPERATORS);
	/* the ABIs of the machines we run on; profiles may name others, which are passed over */
	jw_strv(w, "archs", (const char *const[]){ "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_X32", "SCMP_ARCH_X86",
						   "SCMP_ARCH_X86_64", NULL });
	write_words(w, "knownFlags", OCI_WORDS_SECCOMP_FLAGS);
	write_words(w, "supportedFlags", OCI_WORDS_SECCOMP_FLAGS);
	jw_end_object(w);
}

static void write_linux(struct json_writer *w)
{
	jw_object(w, "linux");
	write_words(w, "namespaces", OCI_WORDS_NAMESPACES);
	jw_array(w, "capabilities");
	for (unsigned int i = 0; i < CAP_KNOWN; i++)
		jw_str(w, NULL, cap_name(i));
	jw_end_array(w);
	write_cgroup(w);
	write_seccomp(w);
	write_flag(w, "apparmor", true);
	write_flag(w, "selinux", true);
	jw_object(w, "intelRdt");
	jw_bool(w, "enabled", true);
	jw_bool(w, "schemata", true);
	jw_bool(w, "monitoring", true);
	jw_end_object(w);
	jw_object(w, "memoryPolicy");
	write_words(w, "modes", OCI_WORDS_MEMORY_MODES);
	write_words(w, "flags", OCI_WORDS_MEMORY_FLAGS);
	jw_end_object(w);
	jw_object(w, "mountExtensions");
	write_flag(w, "idmap", true);
	jw_end_object(w);
	write_flag(w, "netDevices", true);
	jw_end_object(w);
}

int cmd_features(const struct cli_call *call, struct err *e)
{
	CLEANUP_STRBUF struct strbuf out = STRBUF_INIT;
	struct json_writer w = JSON_WRITER(&out);

	(void)call;
	w.pretty = true;
	jw_object(&w, NULL);
	jw_str(&w, "ociVersionMin", "1.0.0");
	jw_str(&w, "ociVersionMax", OCI_VERSION);
	write_words(&w, "hooks", OCI_WORDS_HOOKS);
	write_mount_options(&w);
	write_linux(&w);
	jw_object(&w, "annotations");
	jw_str(&w, "io.tare.version", TARE_VERSION);
	jw_str(&w, "io.tare.checkpoint.enabled", "true");
	/* the name that engines look for */
	jw_str(&w, "org.opencontainers.runc.checkpoint.enabled", "true");
	jw_end_object(&w);
	jw_end_object(&w);
	sb_putc(&out, '\n');
	return oci_print(&out, e);
}
