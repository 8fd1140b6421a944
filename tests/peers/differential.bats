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
both;both;mount: / /sys/fs/cgroup r[ow],nosuid,nodev,noexec,relatime - tmpfs .*;the peers leave the folder of the hierarchies writable where read-only is asked for
both;tare;mount: CGROUP /sys/fs/cgroup/unified ro,nosuid,nodev,noexec,relatime - cgroup2 cgroup2 rw;the hybrid's v2 hierarchy, which runc leaves out and crun refuses
crun;both;cgroup: 0::.*;crun refuses the hybrid and so was not shown its v2 hierarchy
crun;peer;device: /dev/core .*;not asked for by the specification, and /proc/kcore is masked
both;peer;mount: / /dev rw,nosuid - tmpfs tmpfs .*,uid=100000,gid=[12]00000;/dev of a user namespace is mounted by its root, who need not be told
both;tare;mount: / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755(,inode64)?;the same
both;peer;mount: /(full|null|random|tty|urandom|zero) /dev/[a-z]* .* - devtmpfs .*;with a user namespace the peers bind the host's nodes, we make nodes on the host's side of the namespace
both;both;device: /dev/(full|null|random|tty|urandom|zero) character special file mode 666 owner [0-9]*:[0-9]* device .*;the same
both;both;device: /dev/mqueue directory mode 1777 owner .*;the folder's owner is who mounts the namespace's first view of it, its mode lets everybody work there
crun;both;mount: / /sys/fs/cgroup/[a-z]* ro,nosuid,nodev,noexec,relatime - cgroup (cgroup|/sys/fs/cgroup/[a-z]*) rw,.*;crun names its own path as the source
crun;tare;mount: / /sys/fs/cgroup/unified .*;crun does not see the v2 hierarchy
crun;both;mount: .*/c /tmp/d rw,relatime( shared)? - .*;crun 1.8.1 does not share a bind mount that is to be shared
crun;both;mount: .*/c /tmp/e rw,nodiratime,relatime( unbindable)? - .*;nor keeps one from being bound
crun;both;mount: .*/a /tmp/w r[ow],relatime - .*;of "ro" and "rw" the last counts, as in runc
crun;both;mount: / /dev/shm ro,.* - tmpfs shm .*;a read-only path keeps its nosuid, nodev and noexec
crun;peer;keyring: ID: .*;as with runc
crun;both;mount: /0 /dev/console rw,(nosuid,noexec,)?relatime - devpts .*;the terminal keeps the options of its file system
runc;both;limit: Max open files (100|200) 200 files;sometimes: Go raises the soft limit of a program that it starts in, and runc may hand that on
runc;both;status: Umask: 00(22|77|07);runc 1.1 forgets the container's umask in exec, later versions do not
crun;both;status: NoNewPrivs: [01];exec begins with the process of the container, as in runc, crun's with an empty one
crun;both;status: Umask: 00(22|77);the same
crun;both;cwd: .*;the same
crun;both;oom_score_adj: (0|300);the same
crun;both;status: Cap(Bnd|Prm|Eff): .*;exec --cap adds to what the container has, as in runc
both;both;oom_score_adj: (0|77);the peers pass over what a process file says of it
crun;both;setting: devices/devices.list = .*;the default devices are those of runc, and a container without rules is not free to use every other
crun;tare;setting: unified/.*;crun does not see the v2 hierarchy
crun;both;limit: Max open files .*;the same
crun;both;env: (PATH|TERM|PWD)=.*;the same
crun;both;stat: nice [0-9]+, .* leads its group: [01], its session: [01], .*;exec has a session of its own, as in runc
END
)

setup_file() { differential_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { differential_teardown; }

# Everything but what engines keep from containers; clone may make no namespaces but a user's (as flags, all but the signal).
allow_list() {
  awk '$1 == "#define" && sub(/^__NR_/, "", $2) { print $2 }' /usr/include/x86_64-linux-gnu/asm/unistd_64.h | grep -vxE \
    'clone3?|personality|mount|umount2|unshare|setns|pivot_root|move_mount|open_tree|fs(open|config|mount|pick)|bpf|kexec_.*|ptrace|
keyctl|add_key|request_key|reboot|swapo(n|ff)|(init|finit|delete)_module|process_vm_.*|perf_event_open|userfaultfd|quotactl.*|acct|
iopl|ioperm|settimeofday|clock_(settime|adjtime)|adjtimex|syslog|nfsservctl|lookup_dcookie|mknod(at)?|io_uring_.*' |
    jq -Rsc 'split("\n") | map(select(. != "")) | "{defaultAction: \"SCMP_ACT_ERRNO\", defaultErrnoRet: 1, architectures: [\"SCMP_ARCH_X86_64\",
      \"SCMP_ARCH_X86\", \"SCMP_ARCH_X32\"], syscalls: [{names: \(.), action: \"SCMP_ACT_ALLOW\"},
      {names: [\"clone\"], action: \"SCMP_ACT_ALLOW\", args: [{index: 0, value: 2114060288, valueTwo: 0, op: \"SCMP_CMP_MASKED_EQ\"}]},
      {names: [\"clone3\"], action: \"SCMP_ACT_ERRNO\", errnoRet: 38},
      {names: [\"personality\"], action: \"SCMP_ACT_ALLOW\", args: [{index: 0, value: 8, op: \"SCMP_CMP_EQ\"}]}]}"' -r |
    sed '1s/^/.linux.seccomp = /'
}

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

@test "a read-only root, a propagation" {
  # "shared" and "unbindable": runc 1.1 lets them have no effect
  same '.root.readonly = true | .linux.rootfsPropagation = "rprivate"'
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

@test "a terminal" {
  VIA=in_terminal same '.process.terminal = true'
}

@test "system call filter: refusing a few" {
  same '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
    syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 28},
      {names: ["personality"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 8, op: "SCMP_CMP_EQ"}]}]}'
}

@test "system call filter: allowing what engines allow, with and without no_new_privs" {
  same "$(allow_list)"
  same "$(allow_list) | .process.noNewPrivileges = false | .process.user = {uid: 33, gid: 33}"
}

@test "exec: as the container's own process" {
  sleepers '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}] | .process.oomScoreAdj = 300 | .process.user.umask = 63 |
    .process.env += ["X=y"] | .process.cwd = "/tmp"'
  same_exec
  VIA=in_terminal same_exec -t
}

@test "exec: another user, folder, environment, capabilities" {
  sleepers '.process.env += ["X=y"]'
  same_exec -u 33:33 --cwd /tmp -e A=b -e X=z
  same_exec -u 33 --cap CAP_KILL --cap CAP_CHOWN
  same_exec --cap CAP_SYS_ADMIN
  same_exec --no-new-privs --preserve-fds 0
}

@test "exec: a process file" {
  sleepers .
  jq -n '{args: ["/what-is-seen", $host], cwd: "/etc", env: ["PATH=/bin", "A=b"], user: {uid: 33, gid: 5, additionalGids: [44], umask: 7},
    capabilities: {bounding: ["CAP_KILL"], effective: [], permitted: ["CAP_KILL"], inheritable: []}, noNewPrivileges: true,
    rlimits: [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}], oomScoreAdj: 77}' --arg host "$HOST_NAMESPACES" >"$BATS_TEST_TMPDIR/process.json"
  same_exec --process "$BATS_TEST_TMPDIR/process.json"
}

@test "exec: into a container with a user namespace and a filter" {
  sleepers "$(allow_list)"' | .linux.namespaces += [{type: "user"}, {type: "cgroup"}] |
    .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] |
    .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'
  same_exec
  same_exec -u 33:33
}

@test "settings of the cgroup: none" {
  same_settings '.linux.resources = {}'
}

@test "settings of the cgroup: cpu, memory, pids" {
  same_settings '.linux.resources = {cpu: {shares: 512, quota: 25000, period: 50000, cpus: "0", mems: "0"},
    memory: {limit: 67108864, reservation: 33554432, swap: 134217728, swappiness: 10}, pids: {limit: 77}}'
}

@test "settings of the cgroup: devices" {
  same_settings '.linux.resources = {devices: [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 10, minor: 200, access: "rw"},
    {allow: true, type: "b", major: 8, access: "r"}, {allow: true, type: "c", major: 1, minor: 3, access: "rwm"}]}'
}

@test "every row of the table of differences is needed" {
  [ -d /sys/fs/cgroup/unified ] && [ "$(peers | wc -l)" = 2 ] || skip "the table is for a hybrid machine with runc and crun"
  [ -z "$(needless_rows)" ] || { needless_rows; false; }
}
