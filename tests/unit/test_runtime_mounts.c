/* What the container's tree is made of: overlay, id-mapped binds, /dev, masks, and images that try to lead the
 * assembler out of their root. */
#include "runtime_box.h"

#include <linux/fs.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "runtime/internal.h"
#include "sys/kernel.h"
#include "sys/mnt.h"
#include "sys/overlay_mount.h"

static struct stat host_stat(struct box *b, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", b->dir, name);
	if (lstat(path, &st) < 0)
		memset(&st, 0xff, sizeof(st));
	return st;
}

/* Lower "top" over the box's rootfs, upper and work owned by the mapped root. */
static struct rt_rootfs overlay(struct box *b, bool writable, char *const paths[4], const char *lower[2])
{
	static const char *const names[] = { "top", "rootfs", "upper", "work" };

	box_mkdir(b, "top/etc");
	box_mkdir(b, "upper");
	box_mkdir(b, "work");
	box_write(b, "top/etc/top", "top\n", 0644);
	for (int i = 0; i < 4; i++)
		snprintf(paths[i], 128, "%s/%s", b->dir, names[i]);
	assert_int_equal(chown(paths[2], BOX_MAP, BOX_MAP), 0);
	assert_int_equal(chown(paths[3], BOX_MAP, BOX_MAP), 0);
	lower[0] = paths[0];
	lower[1] = paths[1];
	return (struct rt_rootfs){ .kind = RT_ROOTFS_OVERLAY, .lower = lower, .n_lower = 2,
				   .upper = writable ? paths[2] : NULL, .work = writable ? paths[3] : NULL };
}

static void check_overlay(struct box *b)
{
	char p[4][128], *const paths[4] = { p[0], p[1], p[2], p[3] };
	const char *lower[2];
	struct rt_rootfs r = overlay(b, true, paths, lower);
	size_t before = box_host_mounts();

	box_expect(b, 0, .user = true, .rootfs = &r,
		   .script = "cat /etc/top; stat -c %u /etc/top /bin; echo new >/etc/new; rm /etc/top; chown 7 /bin/busybox; "
			     "grep -c . /proc/self/mountinfo >/dev/null; grep ' / / ' /proc/self/mountinfo");
	box_has(b, "top\n0\n0\n");
	box_hasnt(b, b->dir); /* no path of the host inside */
	box_has(b, "nodev");
	assert_int_equal(host_stat(b, "upper/etc/new").st_uid, BOX_MAP);
	assert_int_equal(host_stat(b, "upper/bin/busybox").st_uid, BOX_MAP + 7);
	assert_true(S_ISCHR(host_stat(b, "upper/etc/top").st_mode));
	assert_true(S_ISREG(host_stat(b, "top/etc/top").st_mode));
	r = overlay(b, false, paths, lower);
	box_mkdir(b, "top/dev");
	box_mkdir(b, "top/proc");
	box_mkdir(b, "top/sys");
	box_expect(b, 0, .user = true, .rootfs = &r, .script = "! touch /x 2>/dev/null && cat /etc/top");
	assert_int_equal(box_host_mounts(), before);
}

/* A step of a build: what the container's root writes is the host's root's at once, whoever the container's root is. */
static void check_layer(struct box *b)
{
	char p[4][128], *const paths[4] = { p[0], p[1], p[2], p[3] }, base[128];
	const char *lower[2];
	struct rt_rootfs r = overlay(b, true, paths, lower);

	box_mkdir(b, "step/upper");
	box_mkdir(b, "step/work");
	snprintf(base, sizeof(base), "%s/step", b->dir);
	r.base = base;
	r.upper = "upper";
	r.work = "work";
	box_expect(b, 0, .user = true, .rootfs = &r,
		   .script = "echo new >/etc/new; rm /etc/top; mkdir -p /d/e; chown 5:7 /d/e; chmod 4755 /etc/new; chown 7 /bin/busybox; "
			     "stat -c %u /etc/new /d/e");
	box_has(b, "0\n5\n");
	assert_int_equal(host_stat(b, "step/upper/etc/new").st_uid, 0);
	assert_int_equal(host_stat(b, "step/upper/etc/new").st_mode & 07777, 04755);
	assert_int_equal(host_stat(b, "step/upper/d/e").st_uid, 5);
	assert_int_equal(host_stat(b, "step/upper/d/e").st_gid, 7);
	assert_int_equal(host_stat(b, "step/upper/d").st_gid, 0);
	assert_int_equal(host_stat(b, "step/upper/bin/busybox").st_uid, 7);
	assert_true(S_ISCHR(host_stat(b, "step/upper/etc/top").st_mode));
}

static void overlay_as_the_kernel_likes(void **state)
{
	check_overlay(*state);
}

static void layer_as_the_kernel_likes(void **state)
{
	check_layer(*state);
}

static void layer_by_name(void **state)
{
	overlay_mount_by_name();
	check_layer(*state);
}

/* The only way before 6.15; static state of the process, so this test is the last with an overlay. */
static void overlay_by_name(void **state)
{
	overlay_mount_by_name();
	check_overlay(*state);
}

static void many_layers(void **state)
{
	struct box *b = *state;
	char names[126][96];
	const char *lower[127];
	struct rt_rootfs r = { .kind = RT_ROOTFS_OVERLAY, .lower = lower, .n_lower = 127 };
	char upper[96], work[96];

	for (int i = 0; i < 126; i++) {
		char part[16];

		snprintf(part, sizeof(part), "l%d", i);
		box_mkdir(b, part);
		snprintf(names[i], sizeof(names[i]), "%s/%s", b->dir, part);
		lower[i] = names[i];
	}
	lower[126] = b->rootfs;
	box_mkdir(b, "upper");
	box_mkdir(b, "work");
	snprintf(upper, sizeof(upper), "%s/upper", b->dir);
	snprintf(work, sizeof(work), "%s/work", b->dir);
	r.upper = upper;
	r.work = work;
	assert_int_equal(chown(upper, BOX_MAP, BOX_MAP), 0);
	assert_int_equal(chown(work, BOX_MAP, BOX_MAP), 0);
	box_expect(b, 0, .user = true, .rootfs = &r, .script = "echo $(ls /)");
	box_has(b, "bin dev etc proc sys");
}

static void binds(void **state)
{
	struct box *b = *state;
	char mounts[1024];

	box_mkdir(b, "vol/sub");
	box_write(b, "vol/file", "data\n", 0600);
	snprintf(mounts, sizeof(mounts),
		 "{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"%s/vol\",\"options\":[\"rbind\",\"ridmap\"]},"
		 "{\"destination\":\"/ro\",\"source\":\"%s/vol\",\"options\":[\"bind\",\"ro\",\"idmap\"]},"
		 "{\"destination\":\"/f/file\",\"source\":\"%s/vol/file\",\"options\":[\"bind\",\"idmap\",\"nosuid\"]},"
		 "{\"destination\":\"/plain\",\"source\":\"vol\",\"options\":[\"bind\"]}",
		 b->dir, b->dir, b->dir);
	box_expect(b, 0, .user = true, .mounts = mounts,
		   .script = "cat /v/file /f/file; touch /v/made; ! touch /ro/x 2>/dev/null; ! touch /plain/x 2>/dev/null; stat -c %u /v/file /plain/file");
	box_has(b, "data\ndata\n0\n65534\n");
	assert_int_equal(host_stat(b, "vol/made").st_uid, 0); /* the host's root, not 300000 */

	/* a volume's map of its own */
	snprintf(mounts, sizeof(mounts),
		 "{\"destination\":\"/v\",\"source\":\"%s/vol\",\"options\":[\"bind\"],"
		 "\"uidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":10}],\"gidMappings\":[{\"containerID\":0,\"hostID\":5000,\"size\":10}]}",
		 b->dir);
	box_expect(b, 0, .mounts = mounts, .script = "stat -c %u /v/file");
	box_has(b, "5000\n");
}

/* Something that cannot be id-mapped: a file system of files is refused where they can be written, the kernel's own are shown as they are. */
static void unmappable_bind(void **state)
{
	struct box *b = *state;
	char ram[512], mounts[700];
	int refused;

	box_mkdir(b, "ram");
	snprintf(ram, sizeof(ram), "%s/ram", b->dir);
	assert_int_equal(mount("none", ram, "ramfs", 0, NULL), 0);
	snprintf(mounts, sizeof(mounts), "{\"destination\":\"/p\",\"source\":\"%s\",\"options\":[\"bind\",\"idmap\"]}", ram);
	refused = box_run(b, &(struct box_spec){ .user = true, .script = "", .mounts = mounts });
	assert_int_equal(umount2(ram, MNT_DETACH), 0);
	assert_int_equal(refused, -1);
	box_has(b, "--userns=host");
	box_has(b, ":noidmap");
	box_expect(b, 0, .user = true, .script = "test -e /p/meminfo",
		   .mounts = "{\"destination\":\"/p\",\"source\":\"/proc\",\"options\":[\"bind\",\"idmap\"]}");
	box_expect(b, 0, .user = true, .script = "test -e /s/null",
		   .mounts = "{\"destination\":\"/s\",\"source\":\"/dev\",\"options\":[\"rbind\",\"ridmap\",\"rro\"]}");
}

static void bind_options(void **state)
{
	struct box *b = *state;
	char mounts[512];

	box_mkdir(b, "vol");
	snprintf(mounts, sizeof(mounts), "{\"destination\":\"/v\",\"source\":\"%s/vol\",\"options\":[\"bind\",\"size=1k\"]}", b->dir);
	/* told, and without effect, as in the kernel */
	box_expect(b, 0, .script = "grep ' /v ' /proc/self/mountinfo", .mounts = mounts);
	assert_null(strstr(b->out, "size=1k"));
	snprintf(mounts, sizeof(mounts), "{\"destination\":\"/v\",\"source\":\"%s/vol\",\"options\":[\"rbind\",\"rro\",\"rnosuid\",\"rnodev\",\"rnoexec\",\"noatime\"]}", b->dir);
	box_expect(b, 0, .script = "grep ' /v ' /proc/self/mountinfo", .mounts = mounts);
	box_has(b, "ro,nosuid,nodev,noexec,noatime");
	/* a source inside the rootfs sees what was mounted there before */
	snprintf(mounts, sizeof(mounts), "{\"destination\":\"/t\",\"type\":\"tmpfs\",\"source\":\"tmpfs\"},"
					 "{\"destination\":\"/t2\",\"source\":\"%s/t\",\"options\":[\"bind\"]}", b->rootfs);
	box_expect(b, 0, .script = "touch /t/x && ls /t2", .mounts = mounts);
	box_has(b, "x\n");
}

static void copy_up(void **state)
{
	struct box *b = *state;

	box_mkdir(b, "rootfs/data/deep");
	box_write(b, "rootfs/data/deep/f", "kept", 0640);
	assert_int_equal(symlink("/etc/passwd", strcat(strcpy(b->out, b->rootfs), "/data/link")), 0);
	for (int user = 0; user < 2; user++) {
		box_expect(b, 0, .user = user, .script = "cat /data/deep/f; stat -c '%a %u' /data/deep/f; readlink /data/link; echo n >/data/new",
			   .mounts = "{\"destination\":\"/data\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"tmpcopyup\",\"nosuid\"]}");
		box_has(b, "kept640 0\n/etc/passwd");
		assert_int_equal(host_stat(b, "rootfs/data/new").st_uid, (uid_t)-1);
	}
}

static void masks_and_readonly(void **state)
{
	struct box *b = *state;

	box_mkdir(b, "rootfs/secret");
	box_write(b, "rootfs/secret/key", "secret", 0644);
	box_write(b, "rootfs/word", "secret", 0644);
	/* a mask is found through links, inside the root */
	assert_int_equal(symlink("/secret", strcat(strcpy(b->out, b->rootfs), "/alias")), 0);
	for (int user = 0; user < 2; user++) {
		box_expect(b, 0, .user = user,
			   .script = "cat /word /proc/keys; ls /secret /sys/firmware; ! touch /secret/x 2>/dev/null; ! touch /etc/x 2>/dev/null && "
				     "! echo 1 >/proc/sys/net/ipv4/ip_forward",
			   .linux_ = "\"maskedPaths\":[\"/alias\",\"/word\",\"/proc/keys\",\"/sys/firmware\",\"/not/there\"],"
				     "\"readonlyPaths\":[\"/etc\",\"/proc/sys\",\"/not/there\"]");
		box_hasnt(b, "secret:\nkey");
		box_hasnt(b, "secretsecret");
		box_hasnt(b, "keyring");
		box_hasnt(b, "acpi");
	}
}

static void readonly_root(void **state)
{
	struct box *b = *state;
	const struct oci_spec *spec = box_spec(b, &(struct box_spec){ .user = true, .script = "! touch /x 2>/dev/null && touch /dev/shm 2>&1 && echo ok >/dev/null" });
	struct oci_spec ro = *spec;
	struct rt_create_args a = { .id = "box", .bundle = b->dir, .spec = &ro, .stdio = { -1, -1, -1 },
				    .rootfs = { .kind = RT_ROOTFS_DIR, .path = b->rootfs, .idmap = true } };

	ro.root_readonly = true;
	assert_int_equal(rt_create(&a, &b->p, &b->e), 0);
	assert_int_equal(rt_start(&b->p, &b->e), 0);
	assert_int_equal(box_wait(&b->p), 0);
}

static void devices(void **state)
{
	struct box *b = *state;
	const char *list = "\"devices\":[{\"path\":\"/dev/net/box\",\"type\":\"c\",\"major\":10,\"minor\":200,\"fileMode\":384,\"uid\":7,\"gid\":8},"
			   "{\"path\":\"/dev/zero\",\"type\":\"c\",\"major\":1,\"minor\":5,\"fileMode\":438},"
			   "{\"path\":\"/elsewhere/null\",\"type\":\"c\",\"major\":1,\"minor\":3,\"fileMode\":438}]";
	const char *script = "stat -c '%t:%T %a %u:%g' /dev/net/box; echo x >/dev/null && head -c 2 /dev/zero | wc -c; "
			     "stat -c '%t:%T' /elsewhere/null; echo y >/elsewhere/null; for l in fd stdout ptmx; do readlink /dev/$l; done; "
			     "test ! -e /dev/elsewhere; ls -l /dev/full /dev/random /dev/urandom /dev/tty | wc -l";

	for (int kind = 0; kind < 4; kind++) {
		box_expect(b, 0, .user = kind & 1, .no_dev = kind & 2, .script = script, .linux_ = list);
		box_has(b, "a:c8 600 7:8\n2\n1:3\n/proc/self/fd\n/proc/self/fd/1\npts/ptmx\n4\n");
	}
	/* the host's /dev: nothing of ours is put into it */
	box_expect(b, 0, .no_dev = true, .script = "test ! -e /dev/net/box && echo x >/dev/null", .linux_ = list,
		   .mounts = "{\"destination\":\"/dev\",\"source\":\"/dev\",\"options\":[\"rbind\"]}");
	assert_int_equal(access("/dev/net/box", F_OK), -1);
	/* a device node on the rootfs does not open */
	assert_int_equal(mknod(strcat(strcpy(b->out, b->rootfs), "/node"), S_IFCHR | 0666, makedev(1, 5)), 0);
	box_expect(b, 0, .script = "test -c /node && ! head -c 1 /node 2>/dev/null");
}

/* An image whose links point out of it: everything must land inside. */
static void hostile_links(void **state)
{
	struct box *b = *state;
	char path[200], target[200], mounts[600];

	box_mkdir(b, "outside");
	snprintf(target, sizeof(target), "../../../../../../..%s/outside", b->dir);
	snprintf(path, sizeof(path), "%s/up", b->rootfs);
	assert_int_equal(symlink(target, path), 0);
	snprintf(target, sizeof(target), "%s/outside", b->dir);
	snprintf(path, sizeof(path), "%s/abs", b->rootfs);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof(path), "%s/dev", b->rootfs);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof(path), "%s/proc", b->rootfs);
	assert_int_equal(symlink("/etc", path), 0);
	box_mkdir(b, "vol");
	snprintf(mounts, sizeof(mounts),
		 "{\"destination\":\"/up/a/b\",\"source\":\"%s/vol\",\"options\":[\"bind\"]},"
		 "{\"destination\":\"/abs/../c\",\"type\":\"tmpfs\",\"source\":\"t\"},"
		 "{\"destination\":\"/../../../d\",\"type\":\"tmpfs\",\"source\":\"t\"}", b->dir);
	/* dangling in the container: an error is as good as a folder inside; outside stays empty */
	const struct box_spec s = { .script = "true", .mounts = mounts };

	(void)box_run(b, &s);
	snprintf(path, sizeof(path), "%s/outside", b->dir);
	assert_int_equal(rmdir(path), 0);
	snprintf(path, sizeof(path), "%s/c", b->dir);
	assert_int_equal(access(path, F_OK), -1);
}

static void propagation(void **state)
{
	struct box *b = *state;
	char mounts[300];

	/* in a shared tree of our own, so that the host's mounts stay as they are */
	if (unshare(CLONE_NEWNS) < 0)
		skip();
	assert_int_equal(mnt_propagation("/", true, MS_PRIVATE), 0);
	box_mkdir(b, "vol/in");
	int fs = mnt_fsopen("tmpfs"), fd = mnt_fsmount(fs, 0);
	char path[128];

	snprintf(path, sizeof(path), "%s/vol", b->dir);
	assert_int_equal(mnt_attach_at(fd, AT_FDCWD, path), 0);
	assert_int_equal(mnt_propagation(path, false, MS_SHARED), 0);
	snprintf(path, sizeof(path), "%s/vol/in", b->dir);
	assert_int_equal(mkdir(path, 0755), 0);
	const char *caps = "[\"CAP_SYS_ADMIN\"]";

	snprintf(mounts, sizeof(mounts), "{\"destination\":\"/v\",\"source\":\"%s/vol\",\"options\":[\"rbind\"]}", b->dir);
	size_t before = box_host_mounts();

	/* to the container's end, as long as it lives: the host's table would show it */
	int out;

	assert_int_equal(box_begin(b, &(struct box_spec){ .script = "mount -t tmpfs x /v/in && echo done; sleep 20", .mounts = mounts, .caps = caps }, &out), 0);
	assert_int_equal(read(out, path, 5), 5);
	assert_int_equal(box_host_mounts(), before);
	(void)!proc_signal(b->p.pidfd, SIGKILL);
	(void)box_wait(&b->p);
	close(out);
	snprintf(mounts, sizeof(mounts), "{\"destination\":\"/v\",\"source\":\"%s/vol\",\"options\":[\"rbind\",\"rshared\"]}", b->dir);
	/* the root is none that leads back */
	assert_int_equal(box_begin(b, &(struct box_spec){ .script = "mount -t tmpfs x /v/in && echo done; sleep 20", .mounts = mounts, .caps = caps }, &out), 0);
	assert_int_equal(read(out, path, 5), 5);
	assert_int_equal(box_host_mounts(), before);
	(void)!proc_signal(b->p.pidfd, SIGKILL);
	(void)box_wait(&b->p);
	close(out);
	assert_int_equal(box_begin(b, &(struct box_spec){ .script = "mount -t tmpfs x /v/in && echo done; sleep 20", .mounts = mounts, .caps = caps,
							  .linux_ = "\"rootfsPropagation\":\"shared\"" }, &out), 0);
	assert_int_equal(read(out, path, 5), 5);
	assert_int_equal(box_host_mounts(), before + 1);
	(void)!proc_signal(b->p.pidfd, SIGKILL);
	(void)box_wait(&b->p);
	close(out);
	close(fs);
	close(fd);
	snprintf(path, sizeof(path), "%s/vol/in", b->dir);
	(void)!mnt_detach(path);
	snprintf(path, sizeof(path), "%s/vol", b->dir);
	assert_int_equal(mnt_detach(path), 0);
}

/* What fsconfig(2) is told of linux.mountLabel; no kernel of ours has the policy to take it. */
static void mount_label(void **state)
{
	static const char *const size[] = { "size=1m", NULL };
	const struct oci_mount mounts[] = {
		{ .destination = "/a", .type = "tmpfs", .options = size, .n_options = 1 },
		{ .destination = "/b", .type = "devpts" }, { .destination = "/c", .type = "proc" },
		{ .destination = "/d", .type = "sysfs" },  { .destination = "/e", .type = "mqueue" },
		{ .destination = "/f", .type = "bind", .source = "/" },
	};
	struct oci_spec spec = { .mounts = mounts, .n_mounts = 6 };
	const struct rt_create_args args = { .rootfs = { .kind = RT_ROOTFS_DIR, .path = "/nowhere" } };
	struct rt_ctx c = { .arena = ARENA_INIT, .spec = &spec, .create = &args };
	struct err e = { 0 };

	(void)state;
	rt_find_owned(&c);
	spec.linux_.mount_label = "system_u:object_r:container_file_t:s0:c1,c2";
	assert_int_equal(rt_plan_mounts(&c, &e), 0);
	assert_string_equal(c.mounts[0].data[0], "size=1m");
	assert_string_equal(c.mounts[0].data[1], "context=system_u:object_r:container_file_t:s0:c1,c2");
	assert_null(c.mounts[0].data[2]);
	assert_string_equal(c.mounts[1].data[0], "context=system_u:object_r:container_file_t:s0:c1,c2");
	for (size_t i = 2; i < 6; i++)
		assert_null(c.mounts[i].data[0]);
	spec.linux_.mount_label = "";
	assert_int_equal(rt_plan_mounts(&c, &e), 0);
	assert_null(c.mounts[1].data[0]);
	arena_free(&c.arena);
}

int main(void)
{
#define box_test(f) cmocka_unit_test_setup_teardown(f, box_setup, box_teardown)
	const struct CMUnitTest tests[] = {
		box_test(overlay_as_the_kernel_likes), box_test(layer_as_the_kernel_likes), box_test(binds), box_test(unmappable_bind), box_test(bind_options),
		box_test(copy_up), box_test(masks_and_readonly), box_test(readonly_root), box_test(devices),
		box_test(hostile_links), box_test(overlay_by_name), box_test(layer_by_name), box_test(many_layers), box_test(propagation),
		cmocka_unit_test(mount_label),
	};

	if (!box_possible()) {
		print_message("1..0 # SKIP needs root and /bin/busybox\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
