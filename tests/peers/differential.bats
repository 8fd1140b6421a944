# What a container sees of its world must be what runc's and crun's containers see.

load ../lib/common
load ../lib/bundle
load ../lib/differential

# The format: tests/lib/differential.bash.
WANTED=$(cat <<'END'
both;both;mount: / /(proc/acpi|proc/scsi|sys/firmware|proc/sys/fs|tmp) ro,.* - tmpfs tmpfs .*;a masked folder is an empty file system that takes nothing, not even a set-uid file
both;both;mount: /null /proc/[a-z_]* .*;a masked file is the machine-wide /dev/null, read-only, not one that the container made
runc;both;mount: / /(sys|tmp/proc) ro,nosuid,.* - (sysfs sysfs|proc proc) r[ow];read-only is the mount, not the file system, which is the host's, too, where the namespace is
runc;both;mount: / /sys/fs/cgroup/systemd ro,.* - cgroup (systemd|cgroup) rw,name=systemd;with a cgroup namespace runc calls the named hierarchy's mount by its name, the others "cgroup"
runc;tare;mount: / /sys/fs/cgroup/unified ro,.* - cgroup2 cgroup rw;the hybrid's v2 hierarchy
runc;peer;keyring: _ses\.ID: .*;a session keyring with a name can be joined by every container of the same user
crun;peer;device: /dev/null .* owner 33:33 .*;crun gives the container's /dev/null to the user whose standard input it is
crun;tare;device: /dev/null .* owner 0:0 .*;the same
both;both;mount: / /sys/fs/cgroup r[ow],nosuid,nodev,noexec,relatime - tmpfs .*;the peers leave the folder of the hierarchies writable where read-only is asked for
both;tare;mount: CGROUP /sys/fs/cgroup/unified ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw;the hybrid's v2 hierarchy, which runc leaves out and crun refuses
crun;both;cgroup: 0::.*;crun refuses the hybrid and so was not shown its v2 hierarchy
crun;peer;device: /dev/core .*;not asked for by the specification, and /proc/kcore is masked
runc;both;fd: 0 -> .*;runc passes the input on through a pipe of its own
END
)

setup_file() { differential_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { differential_teardown; }

@test "what \`spec\` gives" {
  same .
}

@test "all capabilities" {
  same '.process.capabilities |= map_values($all) | .process.noNewPrivileges = false' \
    --argjson all "$(capability_names)"
}

@test "five different sets of capabilities, for a user" {
  same '.process.user = {uid: 33, gid: 33, additionalGids: [5, 44]} |
    .process.capabilities = {bounding: ["CAP_KILL", "CAP_CHOWN", "CAP_SETPCAP"], effective: ["CAP_KILL"],
    permitted: ["CAP_KILL", "CAP_CHOWN"], inheritable: ["CAP_KILL", "CAP_CHOWN"], ambient: ["CAP_KILL"]}'
}

@test "no capabilities, no user's groups, a umask" {
  same '.process.capabilities = {} | .process.user.umask = 63'
}

@test "a user namespace" {
  same '.linux.namespaces += [{type: "user"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
    .linux.gidMappings = [{containerID: 0, hostID: 200000, size: 1000}, {containerID: 1000, hostID: 300000, size: 64536}]'
}

@test "a cgroup namespace" {
  same '.linux.namespaces += [{type: "cgroup"}]'
}

@test "the namespaces of the host" {
  same '.linux.namespaces = [{type: "mount"}] | del(.hostname) | .mounts |= map(select(.type != "mqueue"))'
}

@test "many mounts" {
  mkdir -p "$BATS_TEST_TMPDIR/a/b" "$BATS_TEST_TMPDIR/c"
  touch "$BATS_TEST_TMPDIR/file"
  same '.mounts += [
    {destination: "/tmp/a", type: "bind", source: "\($dir)/a", options: ["rbind", "ro", "nosuid", "noexec"]},
    {destination: "/tmp/b", type: "none", source: "\($dir)/c", options: ["bind", "nodev", "rslave"]},
    {destination: "/tmp/c", type: "bind", source: "\($dir)/c", options: ["bind", "noatime", "private"]},
    {destination: "/tmp/d", type: "bind", source: "\($dir)/c", options: ["rbind", "shared"]},
    {destination: "/tmp/e", type: "bind", source: "\($dir)/c", options: ["rbind", "nodiratime", "unbindable"]},
    {destination: "/tmp/file", type: "bind", source: "\($dir)/file", options: ["bind", "ro"]},
    {destination: "/tmp/t", type: "tmpfs", source: "t", options: ["size=1m", "mode=1770", "uid=33", "nosuid", "strictatime"]},
    {destination: "/tmp/t/u", type: "tmpfs", source: "u", options: ["size=2m", "ro", "nr_inodes=7"]},
    {destination: "/tmp/proc", type: "proc", source: "proc", options: ["nosuid", "nodev", "ro"]},
    {destination: "/tmp/not/yet/there", type: "tmpfs", source: "tmpfs"},
    {destination: "/tmp/w", type: "bind", source: "\($dir)/a", options: ["rbind", "ro", "rw"]}]' --arg dir "$BATS_TEST_TMPDIR"
}

@test "a read-only root, shared mounts below" {
  same '.root.readonly = true | .linux.rootfsPropagation = "rshared"'
  same '.root.readonly = false | .linux.rootfsPropagation = "unbindable"'
  same '.linux.rootfsPropagation = "rslave"'
}

@test "masks and read-only paths" {
  same '.linux.maskedPaths = ["/proc/version", "/proc/sys/fs", "/no/such", "/tmp"] |
    .linux.readonlyPaths = ["/proc/sys/kernel", "/etc", "/no/such", "/dev/shm"]'
}

@test "devices" {
  same '.linux.devices = [
    {path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 432, uid: 33, gid: 5},
    {path: "/dev/sub/folder/loop", type: "b", major: 7, minor: 0},
    {path: "/dev/pipe", type: "p", fileMode: 384},
    {path: "/dev/null", type: "c", major: 1, minor: 3, fileMode: 438, uid: 0, gid: 33}] |
    .linux.resources.devices += [{allow: true, type: "c", major: 10, minor: 229, access: "rw"},
      {allow: true, type: "c", major: 1, minor: 3, access: "rwm"}]'
}

@test "rlimits, adjustments, personality" {
  same '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0},
    {type: "RLIMIT_NPROC", soft: 1000, hard: 1001}, {type: "RLIMIT_STACK", soft: 1048576, hard: 8388608},
    {type: "RLIMIT_FSIZE", soft: 4096000, hard: 8192000}, {type: "RLIMIT_MEMLOCK", soft: 65536, hard: 65536}] |
    .process.oomScoreAdj = 321'
}

@test "environment, working folder, arguments, names" {
  same '.process.env = ["PATH=/bin", "A=", "B=x=y", "C=two words", "HOME=/tmp", "TERM=dumb"] | .process.cwd = "/tmp" |
    .hostname = "a-name.example" | .process.args += ["", "with blanks", "ä"]'
  same '.process.env = ["PATH=/bin"] | .process.cwd = "/root" | del(.hostname)'
}

@test "sysctls" {
  same '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4096", "kernel.shmmni": "100",
    "fs.mqueue.msg_max": "7", "net.ipv4.ping_group_range": "0 5", "net/ipv4/ip_unprivileged_port_start": "80"}'
}
