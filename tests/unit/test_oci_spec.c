#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/io.h"
#include "oci/spec.h"
#include "sys/spawn.h"

static struct arena arena;
static struct err err;

static int setup(void **state)
{
	(void)state;
	arena = (struct arena)ARENA_INIT;
	err = (struct err){ 0 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* Documents are written with ' for " here. */
static const struct json *doc(const char *text)
{
	char *copy = arena_strdup(&arena, text);
	const struct json *v;

	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (json_parse(&arena, copy, strlen(copy), NULL, &v, &err) < 0)
		fail_msg("%s in %s", err.msg, copy);
	return v;
}

static int parse(const char *text, const struct oci_spec **out)
{
	return oci_spec_parse(&arena, doc(text), out, &err);
}

/* A document with more members than the two that must be there. */
static int parse_more(const char *members, const struct oci_spec **out)
{
	return parse(arena_printf(&arena, "{'ociVersion':'1.2.0','root':{'path':'rootfs'}%s%s}", *members ? "," : "", members), out);
}

static void versions(void **state)
{
	static const char *const good[] = { "1.0.0", "1.0.2-dev", "1.3.0", "1.99.0", "1.0.0-rc5", "1.2.0+dev", "1.2.0-rc.1+b.2" };
	static const char *const bad[] = { "", "1", "1.0", "1.0.0.0", "01.0.0", "1.0.0-", "v1.0.0", "2.0.0", "0.5.0", "1.0.0 ", "1.0.x" };
	const struct oci_spec *s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		char *text = arena_printf(&arena, "{'ociVersion':'%s','root':{'path':'r'}}", good[i]);

		assert_int_equal(parse(text, &s), 0);
		assert_string_equal(s->oci_version, good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_true(parse(arena_printf(&arena, "{'ociVersion':'%s','root':{'path':'r'}}", bad[i]), &s) < 0);
	assert_true(parse("{'ociVersion':'2.0.0','root':{'path':'r'}}", &s) < 0);
	assert_string_equal(err.msg, "ociVersion: version 2.0.0 of the runtime specification is not supported, only 1.x is");
}

static const char *const full =
	"'process':{'terminal':true,'consoleSize':{'height':24,'width':80},"
	"'user':{'uid':1,'gid':2,'umask':18,'additionalGids':[5,6]},'args':['sh','-c','x'],'env':['A=1','B='],'cwd':'/w',"
	"'capabilities':{'bounding':['CAP_CHOWN','CAP_NO_SUCH'],'effective':['CAP_NET_RAW'],'ambient':null,"
	"'permitted':['CAP_NO_SUCH']},'rlimits':[{'type':'RLIMIT_NOFILE','soft':1,'hard':18446744073709551615}],"
	"'noNewPrivileges':true,'oomScoreAdj':-5,'apparmorProfile':'p','selinuxLabel':'l',"
	"'scheduler':{'policy':'SCHED_FIFO','priority':3,'flags':['SCHED_FLAG_RESET_ON_FORK']},"
	"'ioPriority':{'class':'IOPRIO_CLASS_BE','priority':4},'execCPUAffinity':{'initial':'0-1','final':'1'}},"
	"'hostname':'h','domainname':'d','annotations':{'a':'b','c':''},"
	"'mounts':[{'destination':'/proc','type':'proc','source':'proc'},"
	"{'destination':'data','source':'/x','options':['rbind','ro'],'uidMappings':[{'containerID':0,'hostID':7,'size':8}],"
	"'gidMappings':[{'containerID':0,'hostID':9,'size':1}]}],"
	"'hooks':{'prestart':[{'path':'/bin/a','args':['a','b'],'env':['X=1'],'timeout':3}],'poststop':[{'path':'/b'}]},"
	"'linux':{'namespaces':[{'type':'pid'},{'type':'network','path':'/proc/1/ns/net'},{'type':'user'},{'type':'uts'},"
	"{'type':'mount'},{'type':'time'},{'type':'ipc','path':''}],"
	"'uidMappings':[{'containerID':0,'hostID':100000,'size':65536}],"
	"'gidMappings':[{'containerID':0,'hostID':100000,'size':65536}],"
	"'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229,'fileMode':8630,'uid':3,'gid':4},"
	"{'path':'/dev/p','type':'p'}],'cgroupsPath':'/a/b','rootfsPropagation':'rslave','maskedPaths':['/proc/kcore'],"
	"'readonlyPaths':['/proc/sys'],'mountLabel':'ml','sysctl':{'net.ipv4.ip_forward':'1'},"
	"'timeOffsets':{'monotonic':{'secs':-4,'nanosecs':5}},'netDevices':{'eth9':{'name':'eth0'}},"
	"'intelRdt':{'closID':'g','l3CacheSchema':'L3:0=f','schemata':['L3:0=f'],'enableMonitoring':true},"
	"'memoryPolicy':{'mode':'MPOL_BIND','nodes':'0','flags':['MPOL_F_STATIC_NODES']},"
	"'personality':{'domain':'LINUX32'},"
	"'seccomp':{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':38,'architectures':['SCMP_ARCH_X86_64'],"
	"'flags':['SECCOMP_FILTER_FLAG_LOG'],'listenerPath':'/s','listenerMetadata':'m','syscalls':["
	"{'names':['read','write'],'action':'SCMP_ACT_ALLOW'},{'names':['clone'],'action':'SCMP_ACT_ERRNO','errnoRet':1,"
	"'args':[{'index':0,'value':2114060288,'valueTwo':18446744073709551615,'op':'SCMP_CMP_MASKED_EQ'}]},"
	"{'names':['mkdir'],'action':'SCMP_ACT_NOTIFY'}]},"
	"'resources':{'devices':[{'allow':false,'access':'rwm'},{'allow':true,'type':'c','major':1,'minor':3,'access':'r'}],"
	"'memory':{'limit':1048576,'reservation':-1,'swap':2097152,'swappiness':10,'disableOOMKiller':true},"
	"'cpu':{'shares':512,'quota':-1,'burst':1,'period':100000,'cpus':'0','mems':'0','idle':1},'pids':{'limit':0},"
	"'blockIO':{'weight':10,'weightDevice':[{'major':8,'minor':0,'weight':9}],"
	"'throttleWriteIOPSDevice':[{'major':8,'minor':0,'rate':7}]},'hugepageLimits':[{'pageSize':'2MB','limit':5}],"
	"'network':{'classID':4,'priorities':[{'name':'eth0','priority':1}]},'rdma':{'mlx':{'hcaHandles':3}},"
	"'unified':{'memory.high':'max'}}},'freebsd':{},'unknown':[1,{}]";

static void check_process(const struct oci_process *p)
{
	assert_true(p->terminal && p->no_new_privileges && p->has_capabilities && p->has_io_priority);
	assert_int_equal(p->console_height, 24);
	assert_int_equal(p->user.gid, 2);
	assert_int_equal(*p->user.umask, 022);
	assert_int_equal(p->user.groups[1], 6);
	assert_int_equal(p->user.n_groups, 2);
	assert_int_equal(p->n_args, 3);
	assert_string_equal(p->args[2], "x");
	assert_null(p->args[3]);
	assert_string_equal(p->env[1], "B=");
	assert_int_equal(p->caps[OCI_CAP_BOUNDING], 1);
	assert_int_equal(p->caps[OCI_CAP_EFFECTIVE], 1 << 13);
	assert_int_equal(p->caps[OCI_CAP_AMBIENT], 0);
	assert_string_equal(p->unknown_caps[0], "CAP_NO_SUCH");
	assert_null(p->unknown_caps[1]);
	assert_true(p->rlimits[0].hard == UINT64_MAX);
	assert_int_equal(*p->oom_score_adj, -5);
	assert_int_equal(p->scheduler->priority, 3);
	assert_int_equal(oci_word_number(OCI_WORDS_SCHED_POLICIES, p->scheduler->policy), 1);
	assert_int_equal(oci_word_number(OCI_WORDS_IO_CLASSES, p->io_priority_class), 2);
	assert_string_equal(p->cpu_affinity_final, "1");
}

static void check_resources(const struct cg_resources *r)
{
	assert_int_equal(r->n_devices, 2);
	assert_int_equal(r->devices[0].type, 'a');
	assert_int_equal(r->devices[0].major, -1);
	assert_true(!r->devices[0].allow && r->devices[0].mknod);
	assert_true(r->devices[1].read && !r->devices[1].write);
	assert_int_equal(r->devices[1].minor, 3);
	assert_int_equal(*r->memory_limit, 1048576);
	assert_int_equal(*r->memory_reservation, -1);
	assert_null(r->kernel_memory);
	assert_int_equal(*r->cpu_quota, -1);
	assert_int_equal(*r->pids_limit, 0);
	assert_int_equal(*r->blkio_weight, 10);
	assert_int_equal(r->weight_devices[0].weight, 9);
	assert_int_equal(r->write_iops[0].rate, 7);
	assert_string_equal(r->hugepages[0].page_size, "2MB");
	assert_int_equal(*r->net_class_id, 4);
	assert_string_equal(r->rdma[0].device, "mlx");
	assert_null(r->rdma[0].hca_objects);
	assert_string_equal(r->unified[0].key, "memory.high");
	assert_string_equal(r->unified[0].value, "max");
}

static void check_linux(const struct oci_linux *l)
{
	assert_true(l->ns[OCI_NS_PID].wanted && l->ns[OCI_NS_IPC].wanted && !l->ns[OCI_NS_CGROUP].wanted);
	assert_null(l->ns[OCI_NS_IPC].path);
	assert_string_equal(l->ns[OCI_NS_NETWORK].path, "/proc/1/ns/net");
	assert_int_equal(l->uid_map[0].host_id, 100000);
	assert_int_equal(l->devices[0].mode, 0666);
	assert_int_equal(l->devices[0].minor, 229);
	assert_int_equal(l->devices[1].type, 'p');
	assert_string_equal(l->time_offsets[0].clock, "monotonic");
	assert_int_equal(l->time_offsets[0].secs, -4);
	assert_string_equal(l->net_devices[0].name, "eth9");
	assert_string_equal(l->net_devices[0].new_name, "eth0");
	assert_string_equal(l->intel_rdt->clos_id, "g");
	assert_string_equal(l->memory_policy->mode, "MPOL_BIND");
	assert_string_equal(l->personality_domain, "LINUX32");
	assert_int_equal(l->seccomp->default_action, OCI_SCMP_ERRNO);
	assert_int_equal(l->seccomp->default_errno_ret, 38);
	assert_int_equal(l->seccomp->n_rules, 3);
	assert_int_equal(l->seccomp->rules[1].args[0].op, OCI_SCMP_CMP_MASKED_EQ);
	assert_true(l->seccomp->rules[1].args[0].value_two == UINT64_MAX);
	assert_int_equal(l->seccomp->rules[2].action, OCI_SCMP_NOTIFY);
	check_resources(&l->resources);
}

static void everything(void **state)
{
	const struct oci_spec *s;

	(void)state;
	if (parse_more(full, &s) < 0)
		fail_msg("%s", err.msg);
	check_process(s->process);
	check_linux(&s->linux_);
	assert_string_equal(s->root_path, "rootfs");
	assert_string_equal(oci_annotation(s, "a"), "b");
	assert_null(oci_annotation(s, "z"));
	assert_int_equal(s->n_mounts, 2);
	assert_string_equal(s->mounts[1].options[1], "ro");
	assert_int_equal(s->mounts[1].uid_map[0].host_id, 7);
	assert_int_equal(s->hooks[OCI_HOOK_PRESTART].hooks[0].timeout, 3);
	assert_string_equal(s->hooks[OCI_HOOK_PRESTART].hooks[0].args[1], "b");
	assert_int_equal(s->hooks[OCI_HOOK_POSTSTOP].n, 1);
	assert_int_equal(s->hooks[OCI_HOOK_POSTSTART].n, 0);
}

static void absent_is_silent(void **state)
{
	const struct oci_spec *s;

	(void)state;
	assert_int_equal(parse_more("'process':null,'mounts':null,'linux':{'resources':{'memory':{'limit':null}}}", &s), 0);
	assert_null(s->process);
	assert_null(s->linux_.resources.memory_limit);
	assert_int_equal(parse_more("'process':{'cwd':'/','args':[]}", &s), 0);
	assert_null(s->process->args);
	assert_null(s->process->oom_score_adj);
	assert_false(s->process->has_capabilities);
}

/* members, and the whole message they give */
static const char *const refused[][2] = {
	{ "'hostname':3", "hostname: must be a string" },
	{ "'process':[]", "process: must be an object" },
	{ "'process':{}", "process.cwd: is required" },
	{ "'process':{'cwd':'w'}", "process.cwd: \"w\" must be an absolute path" },
	{ "'process':{'cwd':'/','args':'sh'}", "process.args: must be an array of strings" },
	{ "'process':{'cwd':'/','args':['a',1]}", "process.args[1]: must be a string" },
	{ "'process':{'cwd':'/','env':['A=1','B']}", "process.env[1]: \"B\" must be NAME=VALUE" },
	{ "'process':{'cwd':'/','user':{'uid':-1}}", "process.user.uid: -1 is out of range (0 to 4294967294)" },
	{ "'linux':{'resources':{'cpu':{'shares':-1}}}", "linux.resources.cpu.shares: -1 must not be negative" },
	{ "'process':{'cwd':'/','user':{'uid':1.5}}", "process.user.uid: must be an integer" },
	{ "'process':{'cwd':'/','user':{'gid':4294967295}}", "process.user.gid: 4294967295 is out of range (0 to 4294967294)" },
	{ "'process':{'cwd':'/','user':{'additionalGids':['x']}}", "process.user.additionalGids[0]: must be a group id" },
	{ "'process':{'cwd':'/','terminal':1}", "process.terminal: must be true or false" },
	{ "'process':{'cwd':'/','oomScoreAdj':1001}", "process.oomScoreAdj: 1001 is out of range (-1000 to 1000)" },
	{ "'process':{'cwd':'/','rlimits':[{'type':'RLIMIT_X','soft':1,'hard':1}]}", "process.rlimits[0].type: unknown value \"RLIMIT_X\"" },
	{ "'process':{'cwd':'/','rlimits':[{'type':'RLIMIT_CPU','soft':1,'hard':1},{'type':'RLIMIT_CPU','soft':1,'hard':1}]}",
	  "process.rlimits[1]: RLIMIT_CPU is there twice" },
	{ "'process':{'cwd':'/','rlimits':[{'type':'RLIMIT_CPU','soft':2,'hard':1}]}", "process.rlimits[0]: RLIMIT_CPU: soft is above hard" },
	{ "'process':{'cwd':'/','scheduler':{'policy':'SCHED_OTHER','priority':1}}",
	  "process.scheduler.priority: only for SCHED_FIFO and SCHED_RR, not for SCHED_OTHER" },
	{ "'process':{'cwd':'/','ioPriority':{'class':'IOPRIO_CLASS_BE','priority':8}}", "process.ioPriority.priority: 8 is out of range (0 to 7)" },
	{ "'process':{'cwd':'/','execCPUAffinity':{'initial':'a'}}", "process.execCPUAffinity.initial: \"a\" is no list of CPUs such as 0-3,7" },
	{ "'mounts':[{'destination':'/a'},{}]", "mounts[1].destination: is required" },
	{ "'mounts':[{'destination':''}]", "mounts[0].destination: must not be empty" },
	{ "'mounts':[{'destination':'/a','uidMappings':[{'containerID':0,'hostID':0,'size':1}]}]",
	  "mounts[0]: uidMappings and gidMappings belong together" },
	{ "'hooks':{'poststop':[{'path':'x'}]}", "hooks.poststop[0].path: \"x\" must be an absolute path" },
	{ "'hooks':{'poststop':[{'path':'/x','timeout':0}]}", "hooks.poststop[0].timeout: 0 is out of range (1 to 2147483647)" },
	{ "'annotations':{'':'x'}", "annotations: an empty key is not allowed" },
	{ "'annotations':{'a':1}", "annotations.a: must be a string" },
	{ "'vm':{}", "vm: virtual machine settings are not supported" },
	{ "'hostname':'h'", "hostname: needs a uts namespace in linux.namespaces" },
	{ "'linux':{'namespaces':[{'type':'pid'},{'type':'pid'}]}", "linux.namespaces[1]: namespace pid is there twice" },
	{ "'linux':{'namespaces':[{'type':'net'}]}", "linux.namespaces[0].type: unknown value \"net\"" },
	{ "'linux':{'namespaces':[{'type':'pid','path':'x'}]}", "linux.namespaces[0].path: \"x\" must be an absolute path" },
	{ "'linux':{'namespaces':[{'type':'user'}]}", "linux.uidMappings: is required with a new user namespace" },
	{ "'linux':{'uidMappings':[{'containerID':0,'hostID':0,'size':1}]}", "linux.uidMappings: needs a user namespace in linux.namespaces" },
	{ "'linux':{'uidMappings':[{'containerID':0,'hostID':0,'size':0}]}", "linux.uidMappings[0].size: must not be 0" },
	{ "'linux':{'uidMappings':[{'containerID':0,'hostID':4294967290,'size':9}]}", "linux.uidMappings[0]: the range ends beyond the last id" },
	{ "'linux':{'devices':[{'path':'/dev/x','type':'c'}]}", "linux.devices[0]: /dev/x: major and minor are required" },
	{ "'linux':{'devices':[{'path':'/dev/x','type':'d'}]}", "linux.devices[0].type: must be \"c\", \"b\", \"u\" or \"p\"" },
	{ "'linux':{'maskedPaths':['a']}", "linux.maskedPaths[0]: \"a\" must be an absolute path" },
	{ "'linux':{'rootfsPropagation':'x'}", "linux.rootfsPropagation: unknown value \"x\"" },
	{ "'linux':{'timeOffsets':{'realtime':{}}}", "linux.timeOffsets.realtime: unknown clock, only monotonic and boottime have offsets" },
	{ "'linux':{'timeOffsets':[]}", "linux.timeOffsets: must be an object" },
	{ "'linux':{'netDevices':{'eth0':1}}", "linux.netDevices.eth0: must be an object" },
	{ "'linux':{'resources':{'rdma':{'mlx':{'hcaHandles':-1}}}}", "linux.resources.rdma.mlx.hcaHandles: -1 must not be negative" },
	{ "'linux':{'netDevices':{'a/b':{}}}", "linux.netDevices.a/b: is no name of a network interface" },
	{ "'linux':{'intelRdt':{'closID':'../x'}}", "linux.intelRdt.closID: \"../x\" is no name of a resctrl group" },
	{ "'linux':{'personality':{'domain':'LINUX','flags':['x']}}", "linux.personality.flags: the specification knows no flags yet" },
	{ "'linux':{'memoryPolicy':{'mode':'X'}}", "linux.memoryPolicy.mode: unknown value \"X\"" },
	{ "'linux':{'resources':{'memory':{'limit':'1g'}}}", "linux.resources.memory.limit: must be an integer" },
	{ "'linux':{'resources':{'memory':{'limit':-2}}}", "linux.resources.memory.limit: -2 is out of range (-1 to 9223372036854775807)" },
	{ "'linux':{'resources':{'memory':{'limit':9223372036854775808}}}",
	  "linux.resources.memory.limit: 9223372036854775808 is out of range (-1 to 9223372036854775807)" },
	{ "'linux':{'resources':{'memory':{'limit':5,'swap':4}}}",
	  "linux.resources.memory.swap: is memory and swap together, so it cannot be less than limit" },
	{ "'linux':{'resources':{'devices':[{'allow':true}]}}", "linux.resources.devices[0].access: is required" },
	{ "'linux':{'resources':{'devices':[{'allow':true,'access':'a'}]}}", "linux.resources.devices[0].access: must be made of \"r\", \"w\" and \"m\"" },
	{ "'linux':{'resources':{'devices':[{'allow':true,'access':'x'}]}}", "linux.resources.devices[0].access: must be made of \"r\", \"w\" and \"m\"" },
	{ "'linux':{'resources':{'blockIO':{'weight':65536}}}", "linux.resources.blockIO.weight: 65536 is out of range" },
	{ "'linux':{'resources':{'unified':{'../x.y':'1'}}}", "linux.resources.unified: \"../x.y\" is no file of a cgroup" },
	{ "'linux':{'resources':{'hugepageLimits':[{'pageSize':'../MB','limit':1}]}}",
	  "linux.resources.hugepageLimits[0].pageSize: \"../MB\" is no page size such as 2MB" },
	{ "'linux':{'seccomp':{}}", "linux.seccomp.defaultAction: is required" },
	{ "'linux':{'seccomp':{'defaultAction':'ALLOW'}}", "linux.seccomp.defaultAction: unknown value \"ALLOW\"" },
	{ "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','defaultErrnoRet':1}}",
	  "linux.seccomp.defaultErrnoRet: only for SCMP_ACT_ERRNO and SCMP_ACT_TRACE" },
	{ "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':[],'action':'SCMP_ACT_LOG'}]}}",
	  "linux.seccomp.syscalls[0].names: must name a system call" },
	{ "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_NOTIFY'}]}}",
	  "linux.seccomp.listenerPath: is required with SCMP_ACT_NOTIFY" },
	{ "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['a'],'action':'SCMP_ACT_LOG',"
	  "'args':[{'index':6,'value':0,'op':'SCMP_CMP_EQ'}]}]}}", "linux.seccomp.syscalls[0].args[0].index: 6 is out of range (0 to 5)" },
	{ "'linux':{'seccomp':{'defaultAction':'SCMP_ACT_ALLOW','architectures':['x86']}}", "linux.seccomp.architectures[0]: unknown value \"x86\"" },
};

static void refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
		const struct oci_spec *s;

		assert_true(parse_more(refused[i][0], &s) < 0);
		assert_int_equal(err.cls, ERR_INVALID);
		assert_string_equal(err.msg, refused[i][1]);
	}
}

static void parts_alone(void **state)
{
	const struct oci_process *p;
	const struct oci_seccomp *s;
	const struct oci_mount *m;
	struct cg_resources r;
	size_t n;

	(void)state;
	assert_int_equal(oci_process_parse(&arena, doc("{'cwd':'/','args':['a']}"), &p, &err), 0);
	assert_true(oci_process_parse(&arena, doc("{'cwd':1}"), &p, &err) < 0);
	assert_string_equal(err.msg, "process.cwd: must be a string");
	assert_int_equal(oci_resources_parse(&arena, doc("{'pids':{'limit':-1}}"), &r, &err), 0);
	assert_int_equal(*r.pids_limit, -1);
	assert_int_equal(oci_seccomp_parse(&arena, doc("{'defaultAction':'SCMP_ACT_KILL'}"), &s, &err), 0);
	assert_int_equal(s->default_action, OCI_SCMP_KILL_THREAD);
	assert_true(oci_seccomp_parse(&arena, doc("[]"), &s, &err) < 0);
	assert_int_equal(oci_mounts_parse(&arena, doc("[{'destination':'/a'},{'destination':'/b','type':'tmpfs','options':['ro']}]"), &m, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_string_equal(m[1].destination, "/b");
	assert_string_equal(m[1].options[0], "ro");
	assert_int_equal(oci_mounts_parse(&arena, doc("[]"), &m, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_true(oci_mounts_parse(&arena, doc("{'destination':'/a'}"), &m, &n, &err) < 0);
	assert_string_equal(err.msg, "mounts: must be an array");
	assert_true(oci_mounts_parse(&arena, doc("[{'destination':'/a'},{'destination':7}]"), &m, &n, &err) < 0);
	assert_string_equal(err.msg, "mounts[1].destination: must be a string");
	assert_true(oci_spec_parse(&arena, doc("[]"), &(const struct oci_spec *){ NULL }, &err) < 0);
	assert_string_equal(err.msg, "must be an object");
	assert_string_equal(oci_ns_name(OCI_NS_NETWORK), "network");
	assert_int_equal(oci_ns_flag(OCI_NS_TIME), 0x80);
}

/* What Debian's runc writes must be read, and be read as it is meant. */
static void runc_spec(void **state)
{
	char dir[] = "/tmp/tare-oci-spec.XXXXXX";
	const char *const argv[] = { "runc", "spec", NULL };
	const struct spawn_args args = { .path = "runc", .argv = argv, .chdir = dir };
	const struct oci_spec *s;
	pid_t pid;
	int pidfd, status, dirfd, r;

	(void)state;
	assert_non_null(mkdtemp(dir));
	r = spawn(&args, &pid, &pidfd);
	if (r == -ENOENT) {
		rmdir(dir);
		skip();
	}
	assert_int_equal(r, 0);
	assert_int_equal(spawn_wait(pidfd, 10000, &status), 0);
	close(pidfd);
	dirfd = open(dir, O_DIRECTORY | O_CLOEXEC);
	r = oci_spec_load(&arena, dirfd, "config.json", &s, &err);
	close(dirfd);
	assert_int_equal(io_remove_tree(AT_FDCWD, dir), 0);
	if (r < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(s->root_path, "rootfs");
	assert_string_equal(s->process->args[0], "sh");
	assert_int_equal(s->process->caps[OCI_CAP_BOUNDING], 1 << 5 | 1 << 10 | 1 << 29);
	assert_int_equal(s->n_mounts, 7);
	assert_true(s->linux_.ns[OCI_NS_NETWORK].wanted && !s->linux_.ns[OCI_NS_USER].wanted);
	assert_false(s->linux_.resources.devices[0].allow);
}

static void no_file(void **state)
{
	const struct oci_spec *s;

	(void)state;
	assert_true(oci_spec_load(&arena, AT_FDCWD, "/nonexistent/config.json", &s, &err) < 0);
	assert_int_equal(err.cls, ERR_NOTFOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(versions, setup, teardown),
		cmocka_unit_test_setup_teardown(everything, setup, teardown),
		cmocka_unit_test_setup_teardown(absent_is_silent, setup, teardown),
		cmocka_unit_test_setup_teardown(refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(parts_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(runc_spec, setup, teardown),
		cmocka_unit_test_setup_teardown(no_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
