# checkpoint and restore without CRIU's help: what it is asked for, and what happens when it fails. That real processes come
# back is tested in the guest (tests/vm/guest/40-checkpoint.sh), for CRIU does not run on every kernel.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
setup() {
  export FAKE_CRIU=$BATS_TEST_TMPDIR/fake
  mkdir -p "$FAKE_CRIU"
  images=$BATS_TEST_TMPDIR/images
}
teardown() { echo 0 >"$FAKE_CRIU/end"; bundle_teardown; }

# MODE COMMAND...: with a program in CRIU's place that does as MODE says
with_criu() {
  echo "$1" >"$FAKE_CRIU/mode"
  shift
  oci --criu "$TARE_TESTS/lib/fake-criu" "$@"
}
asked() { grep -qx -- "$1" "$FAKE_CRIU/request" || { echo "not asked: $1"; cat "$FAKE_CRIU/request"; return 1; }; }
not_asked() { ! grep -q -- "^$1 " "$FAKE_CRIU/request" || { echo "asked: $1"; return 1; }; }
one_line() { [ "${#lines[@]}" = 1 ] || { echo "not one line: $output"; return 1; }; }

# ID: a container that was saved into $images
saved() {
  sleeper "$1" "${2:-.}"
  with_criu ok checkpoint --image-path "$images" "$1"
  touch "$images"/{inventory,pstree}.img
}
restore_of() { # MODE ID [OPTIONS]: what is restored has our standard output, which must not be a test's pipe
  local mode=$1 id=$2 code=0; shift 2
  with_criu "$mode" restore -b "$BATS_TEST_TMPDIR/$id" --image-path "$images" "$@" "$id" </dev/null \
    >"$BATS_TEST_TMPDIR/restore.out" 2>&1 || code=$?
  cat "$BATS_TEST_TMPDIR/restore.out"
  return $code
}

@test "checkpoint: what CRIU is asked for, and the container is gone" {
  sleeper a '.linux.resources.pids = {limit: 40}'
  local pid
  pid=$(oci_pid a)
  run -0 with_criu ok checkpoint --image-path "$images" a
  [ -z "$output" ]
  asked "pid $pid"
  asked "root $OCI_ROOTFS"
  asked "log_file dump.log"
  asked "notify_scripts 1"
  asked "orphan_pts_master 1"
  asked "empty_ns 1073741824"
  asked "manage_cgroups_mode 6"
  asked "ext_mnt /proc/keys /dev/null"
  grep -q "^freeze_cgroup /sys/fs/cgroup.*$OCI_CGROUP\$" "$FAKE_CRIU/request"
  for o in leave_running tcp_established ext_unix_sk shell_job file_locks parent_img lazy_pages ps config_file; do not_asked $o; done
  is_gone "$pid"
  [ ! -e "$OCI_ROOT/a" ]
  [ "$(jq length "$images/descriptors.json")" = 3 ]
  [ -z "$(find /sys/fs/cgroup -type d -path "*$OCI_CGROUP*")" ]
}

@test "checkpoint: each option reaches CRIU" {
  sleeper b
  mkdir -p "$images" "$BATS_TEST_TMPDIR/before"
  with_criu ok checkpoint --image-path "$images" --work-path "$BATS_TEST_TMPDIR/logs" --parent-path ../before --leave-running \
    --tcp-established --tcp-skip-in-flight --link-remap --ext-unix-sk --shell-job --file-locks --auto-dedup \
    --page-server '[::1]:27' --manage-cgroups-mode strict --empty-ns network --network-lock nftables b
  for o in leave_running tcp_established tcp_skip_in_flight link_remap ext_unix_sk shell_job file_locks auto_dedup track_mem; do
    asked "$o 1"
  done
  asked "parent_img ../before"
  asked "ps ::1 27"
  asked "manage_cgroups_mode 5"
  asked "network_lock 2"
  [ "$(oci_status b)" = running ]
  for mode in ignore:0 soft:3 full:4; do
    with_criu ok checkpoint --image-path "$images" --leave-running --manage-cgroups-mode "${mode%:*}" b
    asked "manage_cgroups_mode ${mode#*:}"
  done
  with_criu ok checkpoint --image-path "$images" --pre-dump b
  asked "track_mem 1"
  not_asked ext_mnt
  [ ! -e "$OCI_ROOT/b/criu-cgroups" ]
}

@test "checkpoint: mounts from outside by where they really are, and by the name they have in config.json" {
  mkdir -p "$BATS_TEST_TMPDIR/source" "$OCI_ROOTFS/real"
  ln -sfn /real "$OCI_ROOTFS/link"
  saved m ".mounts += [{destination: \"/link/inside\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/source\", options: [\"bind\", \"ro\"]}]"
  asked "ext_mnt /real/inside /link/inside"
  restore_of ok m -d
  asked "ext_mnt /link/inside $OCI_ROOT/m/criu/mounts/[0-9]*"
  # what is to be bound there is read-only already
  grep -E " $OCI_ROOT/m/criu/mounts/[0-9]+ ro[, ]" "$FAKE_CRIU/mountinfo"
  grep -E " $OCI_ROOT/m/criu/null ro[, ]" "$FAKE_CRIU/mountinfo"
  run ! grep -q "$OCI_ROOT/m/criu" /proc/self/mountinfo
  [ ! -e "$OCI_ROOT/m/criu" ]
  rm -rf "$OCI_ROOTFS/real" "$OCI_ROOTFS/link"
}

@test "checkpoint: CRIU's configuration by annotation" {
  echo >"$BATS_TEST_TMPDIR/criu.conf"
  sleeper c ".annotations = {\"org.criu.config\": \"$BATS_TEST_TMPDIR/criu.conf\"}"
  with_criu ok checkpoint --leave-running --image-path "$images" c
  asked "config_file $BATS_TEST_TMPDIR/criu.conf"
  rm "$BATS_TEST_TMPDIR/criu.conf"
  run -1 with_criu ok checkpoint --leave-running --image-path "$images" c
  says "annotation org.criu.config: $BATS_TEST_TMPDIR/criu.conf: No such file"
  [ "$(oci_status c)" = running ]
}

@test "a network namespace that is given is named, and given again" {
  sleeper holder
  local ns=/proc/$(oci_pid holder)/ns/net inode
  inode=$(stat -Lc %i "$ns")
  saved n ".linux.cgroupsPath += \"-n\" | (.linux.namespaces[] | select(.type == \"network\")) += {path: \"$ns\"}"
  asked "external net\[$inode\]:extRootNetNS"
  restore_of ok n -d
  asked "inherit_fd extRootNetNS 4"
}

@test "checkpoint: CRIU fails: one line with the cause and the log, the container goes on, no image is left" {
  sleeper d
  mkdir "$images"
  echo '[]' >"$images/descriptors.json" # of an earlier one
  run -1 with_criu fail checkpoint --image-path "$images" --work-path "$BATS_TEST_TMPDIR/logs" d
  one_line
  says "checkpoint of container d: $TARE_TESTS/lib/fake-criu failed: Error (criu/files.c:7): the cause (log: $BATS_TEST_TMPDIR/logs/dump.log)"
  [ ! -e "$images/descriptors.json" ]
  run -1 with_criu silent checkpoint --image-path "$images" d
  one_line
  says "wrote no error into its log $images/dump.log"
  run -1 with_criu die checkpoint --image-path "$images" d
  one_line
  says "was ended by signal 11"
  run -1 with_criu garbage checkpoint --image-path "$images" d
  one_line
  says "something that is no answer"
  run -1 with_criu old checkpoint --image-path "$images" d
  one_line
  says "CRIU 3.16 or later is needed"
  run -1 with_criu ok checkpoint --image-path "$images" --lazy-pages d
  says "no userfaultfd"
  run -1 with_criu ok checkpoint --image-path "$images" --network-lock skip d
  says "CRIU 3.19 or later is needed"
  [ "$(oci_status d)" = running ]
  oci exec d true
}

@test "what CRIU cannot restore is refused before it is asked" {
  sleeper u '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  run -1 with_criu ok checkpoint --image-path "$images" u
  one_line
  says 'a container with a "user" namespace'
  [ ! -e "$FAKE_CRIU/request" ]
  [ "$(oci_status u)" = running ]
}

@test "a container that was created with NOTIFY_SOCKET: its mount is told of" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/ns"
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/manager oci create -b "$BATS_TEST_TMPDIR/ns" ns </dev/null >/dev/null 2>&1
  oci start ns # nobody waits until it is ready
  with_criu ok checkpoint --image-path "$images" ns
  touch "$images"/{inventory,pstree}.img
  asked "ext_mnt /run/notify /run/notify"
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/manager restore_of ok ns -d
  asked "ext_mnt /run/notify $OCI_ROOT/ns/criu/mounts/[0-9]*"
  rm -rf "$OCI_ROOTFS/run"
}

@test "what is mounted below a recursive bind comes from outside, too" {
  local s=$BATS_TEST_TMPDIR/tree
  mkdir -p "$s/deep"
  mount -t tmpfs deep "$s/deep"
  saved r ".mounts += [{destination: \"/r\", type: \"bind\", source: \"$s\", options: [\"rbind\"]}]" || { umount "$s/deep"; false; }
  restore_of ok r -d || { umount "$s/deep"; false; }
  umount -l "$s/deep"
  asked "ext_mnt /r/deep $OCI_ROOT/r/criu/mounts/[0-9]*/deep"
}

@test "CRIU is not there" {
  sleeper e
  run -1 oci --criu "$BATS_TEST_TMPDIR/nosuch" checkpoint --image-path "$images" e
  one_line
  says "$BATS_TEST_TMPDIR/nosuch: no such program; install CRIU, or name it with --criu PATH"
  PATH=/nonexistent run -1 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" checkpoint --image-path "$images" e
  says "criu: no such program"
  [ "$(oci_status e)" = running ]
  mkdir -p "$images"
  touch "$images"/{inventory,pstree}.img
  echo '["","",""]' >"$images/descriptors.json"
  bundle "$BATS_TEST_TMPDIR/e2" '.linux.cgroupsPath += "-e2"'
  run -1 oci --criu "$BATS_TEST_TMPDIR/nosuch" restore -d -b "$BATS_TEST_TMPDIR/e2" --image-path "$images" e2
  says "no such program"
  [ ! -e "$OCI_ROOT/e2" ]
}

@test "checkpoint: input that makes no sense" {
  run -1 oci checkpoint nosuch
  says "container does not exist"
  bundle "$BATS_TEST_TMPDIR/f"
  oci create -b "$BATS_TEST_TMPDIR/f" f </dev/null >/dev/null 2>&1
  run -1 with_criu ok checkpoint f
  says "container f cannot be checkpointed: it is created, not running"
  oci start f
  wait_until 10 is_oci_status f stopped
  run -1 with_criu ok checkpoint f
  says "it is stopped, not running"
  oci delete f
  sleeper f
  run -1 with_criu ok checkpoint --manage-cgroups-mode loose f
  says "--manage-cgroups-mode"
  says "soft"
  run -1 with_criu ok checkpoint --network-lock ipchains f
  says "--network-lock"
  run -1 with_criu ok checkpoint --empty-ns ipc f
  says "--empty-ns ipc: only network can be left empty"
  for p in nowhere :7 a: a:0 a:70000 a:b; do
    run -1 with_criu ok checkpoint --page-server $p f
    says "--page-server $p: must be ADDRESS:PORT"
  done
  run -1 with_criu ok checkpoint --image-path "$images" --parent-path /abs f
  says "--parent-path /abs: must be relative to --image-path"
  run -1 with_criu ok checkpoint --image-path "$images" --parent-path ../nosuch f
  says "--parent-path ../nosuch, below --image-path: No such file"
  touch "$BATS_TEST_TMPDIR/file"
  run -1 with_criu ok checkpoint --image-path "$images" --parent-path ../file f
  says "Not a directory"
  run -1 with_criu ok checkpoint --image-path "$BATS_TEST_TMPDIR/file" f
  says "--image-path $BATS_TEST_TMPDIR/file: Not a directory"
  run -1 with_criu ok checkpoint --status-fd 9 f
  says "needs --lazy-pages"
  run -1 with_criu ok checkpoint --status-fd 99 --lazy-pages f
  says "--status-fd 99: no descriptor that can be written to"
  [ "$(oci_status f)" = running ]
}

@test "restore: what CRIU is asked for, and the container runs" {
  saved g
  run -0 restore_of ok g -d --pid-file "$BATS_TEST_TMPDIR/pid" --tcp-established --tcp-close --ext-unix-sk --shell-job \
    --file-locks --auto-dedup --manage-cgroups-mode ignore --lsm-profile apparmor:x --lsm-mount-context y --network-lock iptables
  [ -z "$output" ]
  for o in tcp_established tcp_close ext_unix_sk shell_job file_locks auto_dedup rst_sibling evasive_devices orphan_pts_master; do
    asked "$o 1"
  done
  asked "root $OCI_ROOT/g/criu/root"
  asked "manage_cgroups_mode 0"
  asked "network_lock 1"
  asked "lsm_profile apparmor:x"
  asked "lsm_mount_context y"
  asked "ext_mnt /dev/null $OCI_ROOT/g/criu/null"
  grep -E "^cg_root .*$OCI_CGROUP\$" "$FAKE_CRIU/request"
  grep -E " $OCI_ROOT/g/criu/root rw[, ]" "$FAKE_CRIU/mountinfo"
  [ "$(oci_status g)" = running ]
  [ "$(oci_pid g)" = "$(cat "$BATS_TEST_TMPDIR/pid")" ]
  grep -q "$OCI_CGROUP\$" "/proc/$(oci_pid g)/cgroup"
  grep -qx 'NoNewPrivs:.1' "/proc/$(oci_pid g)/status"
  oci kill g KILL
  wait_until 10 is_oci_status g stopped
  oci delete g
}

@test "restore in the foreground: the exit code is passed on, the container removed" {
  saved h
  (sleep 1; echo 7 >"$FAKE_CRIU/end") 3>&- &
  run -7 restore_of ok h
  [ ! -e "$OCI_ROOT/h" ]
}

@test "restore with a terminal: it goes over the console socket, and only there" {
  saved i
  bundle "$BATS_TEST_TMPDIR/i" '.process.terminal = true'
  run -1 restore_of terminal i -d
  says "console socket"
  "$TARE_TESTS/lib/receive-fd" "$BATS_TEST_TMPDIR/console" console >"$BATS_TEST_TMPDIR/received" 2>"$BATS_TEST_TMPDIR/ready" 3>&- &
  local receiver=$!
  wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/ready"
  restore_of terminal i -d --console-socket "$BATS_TEST_TMPDIR/console"
  wait_until 10 grep -q '^/dev/pts/' "$BATS_TEST_TMPDIR/received"
  oci delete -f i
  wait $receiver
  "$TARE_TESTS/lib/receive-fd" "$BATS_TEST_TMPDIR/console2" console >/dev/null 2>"$BATS_TEST_TMPDIR/ready" 3>&- &
  receiver=$!
  wait_until 10 grep -q ready "$BATS_TEST_TMPDIR/ready"
  run -1 restore_of ok i -d --console-socket "$BATS_TEST_TMPDIR/console2"
  says "the image has no terminal"
  [ ! -e "$OCI_ROOT/i" ]
  kill $receiver 2>/dev/null || true
  wait $receiver || true
}

@test "restore: CRIU fails: one line, and nothing is left" {
  saved j
  for mode in fail silent die garbage old; do
    run -1 restore_of $mode j -d
    one_line
    says "restore of container j: "
    [ ! -e "$OCI_ROOT/j" ]
    [ -z "$(find /sys/fs/cgroup -type d -path "*$OCI_CGROUP*")" ]
    run ! grep -q "$OCI_ROOT/j" /proc/self/mountinfo
    [ -z "$(pgrep -f "$TARE_TESTS/lib/fake-criu" || true)" ]
  done
  run -1 restore_of fail j -d
  says "Error (criu/files.c:7): the cause (log: $images/restore.log)"
}

@test "restore: a hook that fails takes it back" {
  saved k
  bundle "$BATS_TEST_TMPDIR/k" '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "cat >'"$BATS_TEST_TMPDIR"'/state; exit 3"]}]}
    | .linux.namespaces |= map(select(.type != "network"))'
  run -1 restore_of notify k -d
  says "error running createRuntime hook #0: /bin/sh: exit status 3"
  [ "$(cat "$FAKE_CRIU/notified")" = 0 ]
  [ "$(jq -r .status "$BATS_TEST_TMPDIR/state")" = creating ]
  [ ! -e "$OCI_ROOT/k" ]
}

@test "restore: input that makes no sense" {
  saved l
  mkdir "$BATS_TEST_TMPDIR/none"
  run -1 with_criu ok restore -d -b "$BATS_TEST_TMPDIR/l" --image-path "$BATS_TEST_TMPDIR/none" l
  says "--image-path $BATS_TEST_TMPDIR/none: no checkpoint is there"
  run -1 with_criu ok restore -d -b "$BATS_TEST_TMPDIR/l" --image-path "$BATS_TEST_TMPDIR/nosuch" l
  says "--image-path $BATS_TEST_TMPDIR/nosuch: No such file"
  touch "$BATS_TEST_TMPDIR/none/inventory.img"
  run -1 with_criu ok restore -d -b "$BATS_TEST_TMPDIR/l" --image-path "$BATS_TEST_TMPDIR/none" l
  says "what --pre-dump wrote can only be a parent"
  touch "$BATS_TEST_TMPDIR/none/pstree.img"
  run -1 with_criu ok restore -d -b "$BATS_TEST_TMPDIR/l" --image-path "$BATS_TEST_TMPDIR/none" l
  says "no whole image: it has no descriptors.json"
  echo '{}' >"$BATS_TEST_TMPDIR/none/descriptors.json"
  run -1 with_criu ok restore -d -b "$BATS_TEST_TMPDIR/l" --image-path "$BATS_TEST_TMPDIR/none" l
  says "descriptors.json of the image: must be an array"
  run -1 with_criu ok restore -d -b "$BATS_TEST_TMPDIR/nosuch" --image-path "$images" l
  says "bundle"
  run -1 restore_of ok l -d --no-pivot
  says "--no-pivot"
  [ ! -e "$OCI_ROOT/l" ]
  # a name that is taken: who has it does not notice
  bundle "$BATS_TEST_TMPDIR/x"
  sleeper l
  run -1 restore_of ok l -d
  says "exists"
  [ "$(oci_status l)" = running ]
  oci exec l true
}

@test "checkpoint and restore are told of" {
  run -0 oci checkpoint --help
  says "--leave-running"
  run -0 oci restore --help
  says "--console-socket"
  [ "$(oci features | jq -r '.annotations["org.opencontainers.runc.checkpoint.enabled"]')" = true ]
}

@test "what CRIU cannot bring back is refused by name, at checkpoint already" {
  sleeper r '.mounts += [{destination: "/dev/shm", options: ["remount", "ro"]}]'
  run -1 with_criu ok checkpoint --image-path "$images" r
  says 'mount on /dev/shm: what "remount" changed cannot be restored'
  oci delete -f r
  sleeper n '.mounts += [{destination: "/tmp", source: "/etc", options: ["bind", "dest-nofollow"]}]'
  run -1 with_criu ok checkpoint --image-path "$images" n
  says 'mount on /tmp: CRIU follows links'
  oci delete -f n
  sleeper l '.annotations = {"org.tare.landlock.rw": "/", "org.tare.landlock.exec": "/"}'
  run -1 with_criu ok checkpoint --image-path "$images" l
  says "CRIU does not restore Landlock's rules"
  oci delete -f l
  sleeper h '.linux.namespaces -= [{type: "mount"}] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  run -1 with_criu ok checkpoint --image-path "$images" h
  says 'CRIU needs a "mount" namespace'
  oci delete -f h
}
