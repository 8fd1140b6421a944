# tare-oci's commands from outside, with Debian's runc as the oracle where both can do the same.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() { bundle_teardown; }

# ---- the same as runc ----

@test "run: exit codes and signals are runc's" {
  local c
  for c in true 'exit 7' 'exit 300' 'kill -9 $$' 'kill -TERM $$; echo alive' 'exec /nosuch' 'nosuch'; do
    OCI_COMMAND=$c bundle "$BATS_TEST_TMPDIR/b"
    as_runc "$BATS_TEST_TMPDIR/b" || { echo "$c"; return 1; }
  done
}

@test "run: the process looks as under runc" {
  local c
  for c in 'id; pwd; hostname; env' 'grep -E "Cap|NoNew|Seccomp|Groups|Uid|Gid|Umask|Sig(Blk|Cgt|Pnd)" /proc/self/status' \
    'cat /proc/self/limits' 'ls /proc/self/fd | wc -l' 'ps -o pid,args' 'cat /proc/self/uid_map /proc/self/oom_score_adj'; do
    OCI_COMMAND=$c bundle "$BATS_TEST_TMPDIR/b"
    as_runc "$BATS_TEST_TMPDIR/b" || { echo "$c"; return 1; }
  done
}

@test "run: its file systems look as under runc" {
  local c
  for c in 'ls -l /dev | sed "s/ [A-Z][a-z][a-z] .*:[0-9][0-9] / /"' 'cut -d" " -f5 /proc/self/mountinfo | grep -v /sys/fs/cgroup | sort' \
    'touch /x; echo x >/proc/sys/kernel/hostname; echo $?' 'head -c 1 /proc/kcore | wc -c; ls /proc/acpi /sys/firmware' \
    'df -k /dev /dev/shm | tail -n +2' 'ls /sys/class/net'; do
    OCI_COMMAND="exec 2>&1; $c" bundle "$BATS_TEST_TMPDIR/b"
    as_runc "$BATS_TEST_TMPDIR/b" || { echo "$c"; return 1; }
  done
}

# As runc on v1: each hierarchy shows the container's own cgroup, never the host's tree. runc leaves out v2 ("unified").
@test "run: without a cgroup namespace the container sees its own cgroups, as with runc" {
  [ -d /sys/fs/cgroup/memory ] || skip "the memory controller is not on cgroup v1"
  chmod 755 "$BATS_RUN_TMPDIR" "${BATS_FILE_TMPDIR%/*}" "$BATS_FILE_TMPDIR" # runc opens the root as the container's root
  local filter no_ns rw='(.mounts[] | select(.type == "cgroup").options) -= ["ro"]' userns
  no_ns='.linux.namespaces |= map(select(.type != "cgroup")) | .linux.resources.memory.limit = 33554432'
  userns='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  OCI_COMMAND='exec 2>&1; awk "\$5 ~ \"^/sys/fs/cgroup/\" && \$5 !~ \"unified\" { print \$4, \$5, \$6 }" /proc/self/mountinfo
    cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes; ls -d ./*/tare ./*/*/tare 2>/dev/null; ls pids
    mkdir memory/sub; echo $?; rmdir memory/sub 2>/dev/null; touch new-file 2>/dev/null; true'
  for filter in "$no_ns" "$no_ns | $rw" "$no_ns | $userns"; do
    bundle "$BATS_TEST_TMPDIR/b" "$filter"
    as_runc "$BATS_TEST_TMPDIR/b" || { echo "$filter"; return 1; }
    [ ! -e /sys/fs/cgroup/new-file ]
  done
  # asked for, and more than the container's user namespace may have
  bundle "$BATS_TEST_TMPDIR/b" "$no_ns | $userns | $rw"
  run oci run -b "$BATS_TEST_TMPDIR/b" ro
  says "$OCI_CGROUP /sys/fs/cgroup/memory ro,"
  says "Read-only file system"
}

# As runc and crun: what /proc/self/cgroup says is found below /sys/fs/cgroup. But for a user namespace, and beside v1.
@test "run: without a cgroup namespace v2 alone shows the whole tree, with the host's mount options" {
  local at=/sys/fs/cgroup before type=cgroup2 userns filter='.linux.namespaces |= map(select(.type != "cgroup"))'
  [ ! -d $at/unified ] || at=$at/unified
  [ -d /sys/fs/cgroup/unified ] || type=cgroup
  before=$(grep " $at .* - cgroup2 " /proc/self/mountinfo)
  OCI_COMMAND='grep " - cgroup2 " /proc/self/mountinfo; cat /sys/fs/cgroup"$(grep ^0:: /proc/self/cgroup | cut -c 4-)/cgroup.type"; mkdir /sys/fs/cgroup/new'
  for type in $type cgroup2; do
    bundle "$BATS_TEST_TMPDIR/b" "$filter | (.mounts[] | select(.type == \"cgroup\").type) = \"$type\""
    run oci run -b "$BATS_TEST_TMPDIR/b" v2
    says " / /sys/fs/cgroup ro,"
    says "domain"
    says "Read-only file system"
  done
  [ "$(grep " $at .* - cgroup2 " /proc/self/mountinfo)" = "$before" ]
  userns='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  bundle "$BATS_TEST_TMPDIR/b" "$filter | (.mounts[] | select(.type == \"cgroup\").type) = \"cgroup2\" | $userns"
  run oci run -b "$BATS_TEST_TMPDIR/b" v2
  says " $OCI_CGROUP /sys/fs/cgroup ro,"
}

@test "run: without a cgroup namespace v2 beside v1 shows the container's own cgroup" {
  [ -d /sys/fs/cgroup/unified ] || skip "v2 alone here"
  OCI_COMMAND="grep ' - cgroup2 ' /proc/self/mountinfo; cat /sys/fs/cgroup/unified/cgroup.type"
  bundle "$BATS_TEST_TMPDIR/b" '.linux.namespaces |= map(select(.type != "cgroup"))'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" v2
  says " $OCI_CGROUP /sys/fs/cgroup"
  says "domain"
}

# A hierarchy that had cgroups when it was unmounted only goes with another umount.
net_controllers_free() {
  grep -qE '^net_cls\s+0\s' /proc/cgroups && grep -qE '^net_prio\s+0\s' /proc/cgroups && return
  mkdir -p "$BATS_TEST_TMPDIR/net"
  ! mount -t cgroup -o net_cls,net_prio none "$BATS_TEST_TMPDIR/net" || umount "$BATS_TEST_TMPDIR/net"
  return 1
}

# a hierarchy of two controllers, in a mount namespace of its own; both are in no other here
@test "run: co-mounted controllers have a link each, as with runc" {
  local c at=/sys/fs/cgroup/net_cls,net_prio ok=1
  [ ! -e /sys/fs/cgroup/cgroup.controllers ] || skip "this machine has pure cgroup v2, where no hierarchy is mounted beside it"
  grep -qE '^net_cls\s+0\s' /proc/cgroups && grep -qE '^net_prio\s+0\s' /proc/cgroups || skip "net_cls and net_prio are not free"
  mkdir $at || skip "no place for another hierarchy"
  OCI_COMMAND='cd /sys/fs/cgroup; for l in net_cls net_prio; do readlink $l; done; grep -c . net_prio/tasks; ls -d net_cls,net_prio/tare 2>&1'
  export -f oci as_runc
  for c in . '.linux.namespaces += [{type: "cgroup"}]'; do
    bundle "$BATS_TEST_TMPDIR/b" ".linux.namespaces |= map(select(.type != \"cgroup\")) | $c"
    # shellcheck disable=SC2016
    unshare -m --propagation private bash -c 'mount -t cgroup -o net_cls,net_prio none $2 && as_runc "$1"; r=$?
      rmdir $2/tare; exit $r' - "$BATS_TEST_TMPDIR/b" $at || ok=0
  done
  rmdir $at
  wait_until 5 net_controllers_free
  [ $ok = 1 ]
}

@test "run: users, groups, limits and masks of the process are runc's" {
  OCI_COMMAND='id; umask; cat /proc/self/oom_score_adj; ulimit -n' bundle "$BATS_TEST_TMPDIR/b" \
    '.process.user = {uid: 33, gid: 44, additionalGids: [5, 6], umask: 63} | .process.oomScoreAdj = 100
     | .process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}]'
  as_runc "$BATS_TEST_TMPDIR/b"
}

@test "run: HOME comes from the container's passwd, as with runc" {
  OCI_COMMAND='echo $HOME' bundle "$BATS_TEST_TMPDIR/b" '.process.user.uid = 33'
  as_runc "$BATS_TEST_TMPDIR/b"
  OCI_COMMAND='echo $HOME' bundle "$BATS_TEST_TMPDIR/b" '.process.user.uid = 4000'
  as_runc "$BATS_TEST_TMPDIR/b"
  OCI_COMMAND='echo $HOME' bundle "$BATS_TEST_TMPDIR/b" '.process.env += ["HOME=/mine"]'
  as_runc "$BATS_TEST_TMPDIR/b"
}

@test "run: bind mounts and tmpfs with options are runc's" {
  mkdir -p "$BATS_TEST_TMPDIR/src/sub"
  echo hello >"$BATS_TEST_TMPDIR/src/f"
  OCI_COMMAND='exec 2>&1; cat /a/f; touch /a/g; echo $?; touch /b/x && echo ok; cut -d" " -f5,6 /proc/self/mountinfo | grep -E "^/(a|b) " | sort' \
    bundle "$BATS_TEST_TMPDIR/b" '.root.readonly = false | .mounts += [
      {destination: "/a", type: "none", source: "'"$BATS_TEST_TMPDIR/src"'", options: ["rbind", "ro", "nosuid", "rprivate"]},
      {destination: "/b", type: "tmpfs", source: "tmpfs", options: ["noexec", "nodev", "mode=700", "size=64k", "noatime"]}]'
  as_runc "$BATS_TEST_TMPDIR/b"
  rmdir "$OCI_ROOTFS"/a "$OCI_ROOTFS"/b
}

@test "run: memory and pids limits reach the cgroup" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b" \
    '.linux.resources.memory.limit = 33554432 | .linux.resources.pids.limit = 7'
  oci run -d -b "$BATS_TEST_TMPDIR/b" lim </dev/null >/dev/null 2>&1
  if [ -e /sys/fs/cgroup/memory$OCI_CGROUP ]; then
    [ "$(cat /sys/fs/cgroup/memory$OCI_CGROUP/memory.limit_in_bytes)" = 33554432 ]
    [ "$(cat /sys/fs/cgroup/pids$OCI_CGROUP/pids.max)" = 7 ]
  else
    [ "$(cat /sys/fs/cgroup$OCI_CGROUP/memory.max)" = 33554432 ]
  fi
  oci delete -f lim
}

# ---- life ----

@test "create, start, kill, delete: the states a caller sees" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b" '.annotations = {"a.b": "c"}'
  oci create -b "$BATS_TEST_TMPDIR/b" --pid-file "$BATS_TEST_TMPDIR/pid" life </dev/null >/dev/null 2>&1
  [ "$(oci_status life)" = created ]
  [ "$(oci_pid life)" = "$(cat "$BATS_TEST_TMPDIR/pid")" ]
  oci state life | jq -e '.id == "life" and .ociVersion == "1.3.0" and .bundle == "'"$BATS_TEST_TMPDIR/b"'"
    and .rootfs == "'"$OCI_ROOTFS"'" and .annotations == {"a.b": "c"} and (.created | test("^20[0-9-]+T"))'
  [ "$(readlink "/proc/$(oci_pid life)/exe")" != "$(readlink -f "$OCI_ROOTFS/bin/busybox")" ]
  oci start life
  [ "$(oci_status life)" = running ]
  run oci start life
  [ "$status" -eq 1 ]
  says "cannot start an already running container"
  run oci delete life
  [ "$status" -eq 1 ]
  says "cannot delete container life that is not stopped: running"
  oci kill life KILL
  wait_until 5 is_oci_status life stopped
  [ "$(oci_pid life)" = 0 ]
  run oci kill life
  [ "$status" -eq 1 ]
  says "container not running"
  run oci start life
  says "cannot start a container that has stopped"
  oci delete life
  run oci state life
  [ "$status" -eq 1 ]
  says "container does not exist"
}

@test "delete: a created container goes, an absent one only with --force" {
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b"
  oci create -b "$BATS_TEST_TMPDIR/b" made </dev/null >/dev/null 2>&1
  local pid
  pid=$(oci_pid made)
  oci delete made
  wait_until 5 is_gone "$pid"
  run oci delete made
  [ "$status" -eq 1 ]
  oci delete -f made
  sleeper forced
  oci delete --force forced
  [ ! -e "$OCI_ROOT/forced" ]
}

@test "start: a command that cannot be executed is told, the container is stopped" {
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["/nosuch"]'
  run oci run -b "$BATS_TEST_TMPDIR/b" bad
  [ "$status" -eq 1 ]
  says '"/nosuch": no such file or directory'
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["nosuch"]'
  run oci run -b "$BATS_TEST_TMPDIR/b" bad
  says 'executable file not found in $PATH'
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["/etc/passwd"]'
  run oci run -b "$BATS_TEST_TMPDIR/b" bad
  # these words, small letters included, are how engines tell it from a fault of the runtime's
  says '"/etc/passwd": permission denied'
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["/etc"]'
  run oci run -b "$BATS_TEST_TMPDIR/b" bad
  says '"/etc": permission denied'
  # a folder of somebody's whom the user namespace does not know, not even its root
  OCI_COMMAND=pwd bundle "$BATS_TEST_TMPDIR/b" '.process.cwd = "/etc/shut" | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 300000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  mkdir -m 700 "$OCI_ROOTFS/etc/shut"
  run oci run -b "$BATS_TEST_TMPDIR/b" bad
  rmdir "$OCI_ROOTFS/etc/shut"
  says 'working folder /etc/shut (process.cwd): permission denied'
  [ ! -e "$OCI_ROOT/bad" ]
}

@test "a working folder that only root has a way to, or only the user" {
  OCI_COMMAND='pwd; id -u' bundle "$BATS_TEST_TMPDIR/b" '.process.cwd = "/etc/shut" | .process.user = {uid: 33, gid: 33}'
  mkdir -m 700 "$OCI_ROOTFS/etc/shut"
  as_runc "$BATS_TEST_TMPDIR/b"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" shut </dev/null
  rmdir "$OCI_ROOTFS/etc/shut"
  [ "$output" = $'/etc/shut\n33' ]
  # his, on a file system where root of the user namespace has no rights over it
  OCI_COMMAND='pwd; id -u' bundle "$BATS_TEST_TMPDIR/b" '.process.cwd = "/etc/his" | .process.user = {uid: 33, gid: 33} | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 300000, size: 33}, {containerID: 33, hostID: 33, size: 1}] | .linux.gidMappings = .linux.uidMappings'
  mkdir -m 700 "$OCI_ROOTFS/etc/his"
  chown 33:0 "$OCI_ROOTFS/etc/his"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" his </dev/null
  rmdir "$OCI_ROOTFS/etc/his"
  [ "$output" = $'/etc/his\n33' ]
}

@test "kill: by number, name and prefix; --all reaches every process" {
  local s
  for s in 9 KILL SIGKILL sigkill; do
    sleeper k
    oci kill k "$s"
    wait_until 5 is_oci_status k stopped
    oci delete k
  done
  sleeper k
  run oci kill k NOPE
  [ "$status" -eq 1 ]
  says 'unknown signal "NOPE"'
  oci kill --all k 9
  wait_until 5 is_oci_status k stopped
  oci kill --all k 9
  oci delete k
}

@test "kill: without an own pid namespace SIGKILL takes all processes along" {
  OCI_COMMAND='sleep 1000 & exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b" 'del(.linux.namespaces[] | select(.type == "pid"))'
  oci run -d -b "$BATS_TEST_TMPDIR/b" shared </dev/null >/dev/null 2>&1
  two_processes() { [ "$(oci ps -f json shared | jq length)" = 2 ]; }
  wait_until 5 two_processes
  local pids p
  pids=$(oci ps -f json shared | jq '.[]')
  oci kill shared KILL
  for p in $pids; do wait_until 5 is_gone "$p"; done
  oci delete shared
}

@test "pause and resume; exec into a paused container needs --ignore-paused" {
  sleeper p
  oci pause p
  [ "$(oci_status p)" = paused ]
  run oci pause p
  [ "$status" -eq 1 ]
  run oci exec p true
  [ "$status" -eq 255 ]
  says "cannot exec in a paused container"
  oci resume p
  [ "$(oci_status p)" = running ]
  run oci resume p
  [ "$status" -eq 1 ]
  oci pause p
  oci kill p KILL
  wait_until 5 is_oci_status p stopped
}

@test "run: stays, forwards signals, keeps with --keep, adopts no leftovers" {
  OCI_COMMAND='trap "exit 5" USR1; while :; do sleep 0.05; done' bundle "$BATS_TEST_TMPDIR/b"
  "$TARE_BIN/tare-oci" --root "$OCI_ROOT" run -b "$BATS_TEST_TMPDIR/b" fg </dev/null &
  local runner=$! code=0
  wait_until 5 is_oci_status fg running
  sleep 0.3
  kill -USR1 $runner
  wait $runner || code=$?
  [ $code -eq 5 ]
  [ ! -e "$OCI_ROOT/fg" ]
  OCI_COMMAND='exit 3' bundle "$BATS_TEST_TMPDIR/b"
  run oci run --keep -b "$BATS_TEST_TMPDIR/b" kept
  [ "$status" -eq 3 ]
  [ "$(oci_status kept)" = stopped ]
  oci delete kept
}

@test "run: a terminal of its own, with size and raw keys passed on" {
  OCI_COMMAND='tty; stty size; read x; echo "got $x"; exit 4' bundle "$BATS_TEST_TMPDIR/b" '.process.terminal = true'
  run script -qec "stty rows 33 cols 99; (sleep 0.5; echo hi) | cat - /dev/zero | head -c 3 >/dev/null;
    $TARE_BIN/tare-oci --root $OCI_ROOT run -b $BATS_TEST_TMPDIR/b tty" /dev/null < <(sleep 1; echo word; sleep 1)
  echo "$output"
  [ "$status" -eq 4 ]
  says "/dev/pts/0"
  says "33 99"
  says "got word"
}

# ---- who asks for what ----

# who makes the folder of an id is held up before it locks it, so that another one gets there first
@test "create: one of many under the same id wins" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b"
  local i ok=0 pids=() held nth
  mkdir -p "$OCI_ROOT"
  nth=$(tr -dc / <<<"$OCI_ROOT/race" | wc -c)
  for i in 1 2 3 4; do
    held=()
    [ $i -gt 1 ] || held=(strace -qq -o /dev/null -e trace=mkdirat -e "inject=mkdirat:delay_exit=700000:when=$nth")
    "${held[@]}" "$TARE_BIN/tare-oci" --root "$OCI_ROOT" create -b "$BATS_TEST_TMPDIR/b" race </dev/null >/dev/null \
      2>"$BATS_TEST_TMPDIR/err.$i" 3>&- &
    pids+=($!)
    [ $i -gt 1 ] || wait_until 5 test -d "$OCI_ROOT/race"
  done
  for i in "${pids[@]}"; do wait "$i" && ok=$((ok + 1)); done
  cat "$BATS_TEST_TMPDIR"/err.*
  [ $ok -eq 1 ]
  [ "$(cat "$BATS_TEST_TMPDIR"/err.* | grep -c 'container with given ID already exists')" -eq 3 ]
  [ "$(oci_status race)" = created ]
}

@test "delete --force waits for a create that has written nothing down yet, and takes what it made along" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b"
  local creator
  strace -qq -o /dev/null -e trace=renameat,renameat2 -e inject=renameat,renameat2:delay_enter=1000000:when=1 \
    "$TARE_BIN/tare-oci" --root "$OCI_ROOT" create -b "$BATS_TEST_TMPDIR/b" early </dev/null >/dev/null 2>&1 3>&- &
  creator=$!
  wait_until 5 test -e "$OCI_ROOT/early/lock"
  oci delete --force early
  wait $creator || true
  [ ! -e "$OCI_ROOT/early" ]
  [ -z "$(find /sys/fs/cgroup -type d -path "*$OCI_CGROUP")" ]
}

@test "ids: what runc takes is taken, the rest is refused" {
  local id
  for id in a A-b.c_d+e 0 -x; do
    OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b"
    oci run -b "$BATS_TEST_TMPDIR/b" -- "$id" </dev/null || { echo "$id"; return 1; }
  done
  for id in a/b .. . 'a b' ../x é ''; do
    run oci create -b "$BATS_TEST_TMPDIR/b" "$id"
    [ "$status" -eq 1 ] || { echo "$id"; return 1; }
    [[ "$output" == *"container ID format"* || "$output" == *"cannot be empty"* ]]
  done
}

@test "a creator killed in a hook leaves what create and delete can deal with" {
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b" '.hooks.createRuntime = [{path: "/bin/sleep", args: ["sleep", "1000"]}]'
  local creator i
  for i in delete create; do
    "$TARE_BIN/tare-oci" --root "$OCI_ROOT" create -b "$BATS_TEST_TMPDIR/b" wreck </dev/null >/dev/null 2>&1 3>&- &
    creator=$!
    hook_runs() { pgrep -P $creator -x sleep >"$BATS_TEST_TMPDIR/hook"; }
    wait_until 5 hook_runs
    [ "$(oci_status wreck)" = creating ]
    kill -9 $creator
    wait $creator || true
    kill "$(cat "$BATS_TEST_TMPDIR/hook")"
    if [ $i = delete ]; then
      oci delete wreck
    else
      OCI_COMMAND='echo again' bundle "$BATS_TEST_TMPDIR/b"
      run oci run -b "$BATS_TEST_TMPDIR/b" wreck
      [ "$output" = again ]
    fi
    [ ! -e "$OCI_ROOT/wreck" ]
    [ -z "$(find /sys/fs/cgroup -type d -path "*$OCI_CGROUP")" ]
  done
}

@test "a start that is killed does not confuse the next command" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b" \
    '.hooks.startContainer = [{path: "/bin/sleep", args: ["sleep", "0.7"]}]'
  oci create -b "$BATS_TEST_TMPDIR/b" half </dev/null >/dev/null 2>&1
  "$TARE_BIN/tare-oci" --root "$OCI_ROOT" start half 3>&- &
  local starter=$!
  sleep 0.3
  kill -9 $starter
  wait $starter || true
  wait_until 5 is_oci_status half running
  run oci start half
  [ "$status" -eq 1 ]
  says "cannot start an already running container"
  [ "$(oci exec half echo in)" = in ]
}

@test "hooks: in their order, with the state on stdin; poststart's failure ends the container" {
  local log=$BATS_TEST_TMPDIR/log p filter=.
  for p in prestart createRuntime poststart poststop; do
    filter="$filter | .hooks.$p = [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"(echo $p; cat; echo) >>$log\"], env: [\"PATH=/bin\"]}]"
  done
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b" "$filter"
  oci run -b "$BATS_TEST_TMPDIR/b" hooked </dev/null
  [ "$(grep '^[a-z]' "$log" | tr '\n' ' ')" = "prestart createRuntime poststart poststop " ]
  [ "$(grep '{' "$log" | jq -r .status | tr '\n' ' ')" = "creating creating running stopped " ]
  [ "$(grep '{' "$log" | jq -r .id | sort -u)" = hooked ]
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b" '.hooks.poststart = [{path: "/bin/false"}]'
  run oci run -d -b "$BATS_TEST_TMPDIR/b" hooked
  [ "$status" -eq 1 ]
  says "poststart hook"
  [ ! -e "$OCI_ROOT/hooked" ]
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b" '.hooks.poststop = [{path: "/bin/false"}]'
  run oci run -b "$BATS_TEST_TMPDIR/b" hooked
  [ "$status" -eq 0 ]
  [[ "$output" == *"level=warning"*"poststop"* ]]
}

@test "hooks without an environment have the caller's on the host's side and the process's inside, as under runc" {
  local d=$BATS_TEST_TMPDIR who
  bundle "$d/b" '.process.args = ["true"] | .process.env += ["INSIDE=i"] | .root.readonly = false |
    .hooks = ((["prestart", "createRuntime", "createContainer", "poststart", "poststop"] | map({key: ., value: [{path: "/bin/sh", args: ["sh", "-c",
      "echo \(.) ${CALLER:-} ${INSIDE:-} >>\($d)/seen"]}]}) | from_entries) +
      {startContainer: [{path: "/bin/sh", args: ["sh", "-c", "echo startContainer ${CALLER:-} ${INSIDE:-} >/tmp/inside"]}]})' --arg d "$d"
  for who in tare runc; do
    rm -f "$d/seen"
    if [ $who = tare ]; then CALLER=c oci run -b "$d/b" env </dev/null; else CALLER=c runc --root "$RUNC_ROOT" run -b "$d/b" env </dev/null; fi
    cat "$OCI_ROOTFS/tmp/inside" "$d/seen" | sed 's/ *$//' | sort >"$d/$who"
    rm "$OCI_ROOTFS/tmp/inside"
  done
  cat "$d/tare"
  grep -qx "createRuntime c" "$d/tare"
  diff "$d/runc" "$d/tare"
}

@test "console-socket gets the terminal, pidfd-socket the process" {
  OCI_COMMAND='tty; echo from inside' bundle "$BATS_TEST_TMPDIR/b" '.process.terminal = true'
  run oci create -b "$BATS_TEST_TMPDIR/b" term
  [ "$status" -eq 1 ]
  says "without setting console socket"
  local s=$BATS_TEST_TMPDIR/s
  "$BATS_TEST_DIRNAME/../lib/receive-fd" "$s.c" console >"$s.out" 2>"$s.err" 3>&- &
  local receiver=$!
  "$BATS_TEST_DIRNAME/../lib/receive-fd" "$s.p" pidfd >"$s.pout" 2>"$s.perr" 3>&- &
  local pidfd_receiver=$!
  wait_until 30 grep -q ready "$s.err"
  wait_until 10 grep -q ready "$s.perr"
  oci create -b "$BATS_TEST_TMPDIR/b" --console-socket "$s.c" --pidfd-socket "$s.p" term </dev/null >/dev/null 2>&1
  oci start term
  wait $receiver
  wait $pidfd_receiver
  [[ "$(head -1 "$s.out")" == /dev/pts/* ]]
  grep -q 'from inside' "$s.out"
  [ "$(tr '\n' ' ' <"$s.pout")" = "standard ended " ]
  run oci exec --console-socket "$s.c" term true
  [ "$status" -eq 255 ]
}

@test "preserve-fds and LISTEN_FDS pass what was handed to us, never what we opened ourselves" {
  OCI_COMMAND='ls -l /proc/self/fd; echo "$LISTEN_FDS."' bundle "$BATS_TEST_TMPDIR/b"
  run bash -c 'exec 3>&- 4>&- 5>&- </dev/null; "$0" --root "$1" --log "$2.log" run --preserve-fds 2 -b "$2" fds' \
    "$TARE_BIN/tare-oci" "$OCI_ROOT" "$BATS_TEST_TMPDIR/b"
  [ "$status" -eq 1 ]
  grep -q "descriptor 3 is not open" "$BATS_TEST_TMPDIR/b.log"
  run bash -c 'exec 3>&- 4>&- 5>&- </dev/null; LISTEN_FDS=2 "$0" --root "$1" run -b "$2" fds' "$TARE_BIN/tare-oci" "$OCI_ROOT" \
    "$BATS_TEST_TMPDIR/b"
  [ "$status" -eq 0 ]
  [ "${lines[-1]}" = . ]
  [[ $output != *"$BATS_TEST_TMPDIR"* ]]
}

@test "preserve-fds and LISTEN_FDS are passed, everything else is closed" {
  OCI_COMMAND='cat <&4; ls /proc/self/fd | tr "\n" " "; echo "$LISTEN_FDS $LISTEN_PID"' bundle "$BATS_TEST_TMPDIR/b"
  echo content >"$BATS_TEST_TMPDIR/f"
  run env LISTEN_FDS=1 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" run --preserve-fds 1 -b "$BATS_TEST_TMPDIR/b" fds \
    3</dev/null 4<"$BATS_TEST_TMPDIR/f" 5</dev/null 6</dev/null
  echo "$output"
  [ "${lines[0]}" = content ]
  [ "${lines[1]}" = "0 1 2 3 4 5 1 1" ]
  run oci run --preserve-fds 90 -b "$BATS_TEST_TMPDIR/b" fds
  [ "$status" -eq 1 ]
  says "is not open"
}

# ---- exec ----

@test "exec: user, groups, folder, environment, capabilities, exit code" {
  sleeper e
  [ "$(oci exec e echo hi)" = hi ]
  [ "$(oci exec -u 5:6 --additional-gids 7 --cwd /tmp -e A=b -e C=d e sh -c 'id -u; id -G; pwd; echo $A$C')" = $'5\n6 7\n/tmp\nbd' ]
  run oci exec e sh -c 'exit 9'
  [ "$status" -eq 9 ]
  [ "$(oci exec --cap CAP_NET_RAW e grep CapEff /proc/self/status)" = $'CapEff:\t0000000020002420' ]
  run oci exec e nosuch
  [ "$status" -eq 255 ]
  [[ "$output" == *"exec failed"*'executable file not found in $PATH'* ]]
  run oci exec e
  [ "$status" -eq 255 ]
  says "exec args cannot be empty"
  run oci exec -e BAD e true
  [ "$status" -eq 255 ]
  says '"BAD": must be NAME=VALUE'
  run oci exec -u web e true
  says 'bad uid "web"'
}

@test "exec: a process file, detached with a pid file, and into a created container" {
  sleeper e
  echo '{"args":["sh","-c","echo $X; pwd"],"cwd":"/tmp","env":["X=file","PATH=/bin"],"user":{"uid":0,"gid":0}}' >"$BATS_TEST_TMPDIR/p.json"
  [ "$(oci exec -p "$BATS_TEST_TMPDIR/p.json" e)" = $'file\n/tmp' ]
  echo '{"args":["sh"],"cwd":7}' >"$BATS_TEST_TMPDIR/p.json"
  run oci exec -p "$BATS_TEST_TMPDIR/p.json" e
  [ "$status" -eq 255 ]
  says "p.json: process.cwd: must be a string"
  oci exec -d --pid-file "$BATS_TEST_TMPDIR/pid" e sleep 999 </dev/null >/dev/null 2>&1
  oci ps -f json e | jq -e "index($(cat "$BATS_TEST_TMPDIR/pid"))"
  [ "$(oci ps -f json e | jq length)" = 2 ]
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/c" '.linux.cgroupsPath = "'$OCI_CGROUP'-2"'
  oci create -b "$BATS_TEST_TMPDIR/c" made </dev/null >/dev/null 2>&1
  [ "$(oci exec made echo early)" = early ]
  oci delete -f made
}

@test "exec: every namespace and the cgroup of the container" {
  sleeper e
  local ns pid
  pid=$(oci_pid e)
  for ns in pid net ipc uts mnt cgroup user; do
    [ "$(oci exec e readlink /proc/self/ns/$ns)" = "$(readlink "/proc/$pid/ns/$ns")" ] || { echo "$ns"; return 1; }
  done
  oci exec -d --pid-file "$BATS_TEST_TMPDIR/pid" e sleep 1000 </dev/null >/dev/null 2>&1
  diff <(sort "/proc/$pid/cgroup") <(sort "/proc/$(cat "$BATS_TEST_TMPDIR/pid")/cgroup")
}

@test "exec: a terminal, its exit code, and a stdin that is a file" {
  sleeper e
  run script -qec "$TARE_BIN/tare-oci --root $OCI_ROOT exec -t e sh -c 'tty; exit 6'" /dev/null </dev/null
  [ "$status" -eq 6 ]
  says "/dev/pts/"
  echo data >"$BATS_TEST_TMPDIR/in"
  [ "$(oci exec e cat <"$BATS_TEST_TMPDIR/in")" = data ]
  run oci exec -t e sh -c 'read x; echo "<$x>"; exit 2' <"$BATS_TEST_TMPDIR/in"
  [ "$status" -eq 2 ]
  says "<data>"
}

# ---- what is shown ----

@test "list and ps: as runc prints them" {
  sleeper l
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/r" '.linux.cgroupsPath = "'$OCI_CGROUP'-runc"'
  runc --root "$RUNC_ROOT" run -d -b "$BATS_TEST_TMPDIR/r" l </dev/null >/dev/null 2>&1
  shape() { sed -E 's/ +[0-9]+ +/ N /; s/20[0-9T:.-]+Z +/T /; s#/[^ ]+/[lr] +#B #; s/ +/ /g'; }
  diff <(oci list | shape) <(runc --root "$RUNC_ROOT" list | shape)
  diff <(oci list -f json | jq -S 'map(keys)') <(runc --root "$RUNC_ROOT" list -f json | jq -S 'map(keys)')
  [ "$(oci list -q)" = l ]
  diff <(oci state l | jq -S keys) <(runc --root "$RUNC_ROOT" state l | jq -S keys)
  [ "$(oci ps -f json l)" = "[$(oci_pid l)]" ]
  [ "$(oci ps l | sed 1d | awk '{ print $2 }')" = "$(oci_pid l)" ]
  [ "$(oci ps l -o pid,args | sed 's/^ *//')" = "$(printf 'PID COMMAND\n%s sleep 1000' "$(oci_pid l)")" ]
  run oci ps l -o args
  [ "$status" -eq 1 ]
  says "no PID column"
  run oci list --format yaml
  [ "$status" -eq 1 ]
  runc --root "$RUNC_ROOT" delete -f l
}

@test "state.json: what third parties read of runc's is there" {
  sleeper s
  jq -e --arg pid "$(oci_pid s)" '.id == "s" and .init_process_pid == ($pid | tonumber) and .init_process_start > 0
    and (.config.labels | index("bundle='"$BATS_TEST_TMPDIR/s"'") != null) and .config.rootfs == "'"$OCI_ROOTFS"'"
    and .namespace_paths.NEWNET == "/proc/\($pid)/ns/net" and (.config.namespaces | map(.type) | index("NEWPID") != null)
    and (.cgroup_paths | length) > 0' "$OCI_ROOT/s/state.json"
  local folder
  for folder in $(jq -r '.cgroup_paths[]' "$OCI_ROOT/s/state.json"); do
    [ -d "$folder" ] || { echo "$folder"; return 1; }
    grep -qx "$(oci_pid s)" "$folder/cgroup.procs" || { echo "$folder"; return 1; }
  done
}

@test "spec: what runc writes, but for version and host name; --rootless too" {
  mkdir "$BATS_TEST_TMPDIR/t" "$BATS_TEST_TMPDIR/r"
  local flag
  for flag in "" --rootless; do
    # shellcheck disable=SC2086
    oci spec $flag -b "$BATS_TEST_TMPDIR/t"
    # shellcheck disable=SC2086
    runc spec $flag -b "$BATS_TEST_TMPDIR/r"
    # runc 1.1 still gave ambient capabilities and masked fewer paths
    plain() {
      jq -S 'del(.ociVersion, .hostname, .process.capabilities.ambient) | .linux.namespaces |= sort_by(.type)
        | .linux.maskedPaths |= (. - ["/proc/latency_stats"]) | .linux.maskedPaths |= sort' "$1"
    }
    diff <(plain "$BATS_TEST_TMPDIR/t/config.json") <(plain "$BATS_TEST_TMPDIR/r/config.json" | grep -v latency)
    run oci spec -b "$BATS_TEST_TMPDIR/t"
    [ "$status" -eq 1 ]
    says "file config.json exists. Remove it first"
    rm "$BATS_TEST_TMPDIR"/[tr]/config.json
  done
}

@test "config.json may change or vanish once the container is made" {
  local b=$BATS_TEST_TMPDIR/b
  OCI_COMMAND='echo $WHO >/tmp/who; exec sleep 1000' bundle "$b" '.process.env += ["WHO=old"] | .root.readonly = false |
    .hooks.poststart = [{path: "/bin/touch", args: ["touch", "\($d)/started"]}] |
    .hooks.poststop = [{path: "/bin/touch", args: ["touch", "\($d)/stopped"]}]' --arg d "$BATS_TEST_TMPDIR"
  oci create -b "$b" old </dev/null >/dev/null 2>&1
  echo '{"ociVersion": "1.0.0"}' >"$b/config.json"
  oci start old
  [ -e "$BATS_TEST_TMPDIR/started" ]
  rm "$b/config.json"
  run -0 oci exec old sh -c 'echo $WHO'
  [ "$output" = old ]
  oci delete -f old
  [ -e "$BATS_TEST_TMPDIR/stopped" ]
  rm -f "$OCI_ROOTFS/tmp/who"
}

@test "--config: another file of the bundle, or of anywhere" {
  local b=$BATS_TEST_TMPDIR/b
  OCI_COMMAND='echo other' bundle "$b"
  mkdir "$b/sub"
  mv "$b/config.json" "$b/sub/other.json"
  echo broken >"$b/config.json"
  run -0 oci run -b "$b" --config sub/other.json other </dev/null
  [ "$output" = other ]
  (cd "$b" && run -0 oci run -f "$b/sub/other.json" other </dev/null && [ "$output" = other ])
  run -1 oci create -b "$b" -f nosuch.json other </dev/null
  says "nosuch.json: No such file"
}

@test "features and version are what callers parse" {
  oci features | jq -e '.ociVersionMin == "1.0.0" and .ociVersionMax == "1.3.0" and (.hooks | length) == 6
    and (.mountOptions | (index("rro") and index("ridmap") and index("copy-symlink") and index("src-nofollow"))) and .linux.cgroup.v1 and .linux.cgroup.systemd
    and (.linux.seccomp.actions | index("SCMP_ACT_NOTIFY") != null) and (.linux.capabilities | length) == 41
    and (.linux.namespaces | index("time") != null)'
  [[ "$(oci --version | head -1)" =~ ^tare-oci\ version\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
  [ "$(oci --version | sed -n 2p)" = "spec: 1.3.0" ]
}

# ---- errors ----

@test "errors: one line in the log, as text or JSON, and on stderr" {
  run --separate-stderr oci --log "$BATS_TEST_TMPDIR/log" --log-format json state nosuch
  [ "$status" -eq 1 ]
  [ "$stderr" = "container does not exist" ]
  jq -e '.level == "error" and .msg == "container does not exist" and (.time | test("^20"))' "$BATS_TEST_TMPDIR/log"
  run --separate-stderr oci state nosuch
  [[ "$stderr" == 'time="'*'" level=error msg="container does not exist"' ]]
  run --separate-stderr oci --log-format json exec nosuch true
  [ "$status" -eq 255 ]
  jq -e '.msg == "exec failed: container does not exist"' <<<"$stderr"
  run --separate-stderr oci --log-format json create --nosuch x
  jq -e '.msg | test("unknown option --nosuch")' <<<"$stderr"
}

@test "errors: a bundle that is none, a config.json that is wrong" {
  run oci create -b /nonexistent x
  [ "$status" -eq 1 ]
  says "/nonexistent: No such file or directory"
  mkdir "$BATS_TEST_TMPDIR/empty"
  run oci create -b "$BATS_TEST_TMPDIR/empty" x
  says "config.json: No such file or directory"
  bundle "$BATS_TEST_TMPDIR/b" '.linux.resources.memory.limit = "1g"'
  run oci create -b "$BATS_TEST_TMPDIR/b" x
  says "config.json: linux.resources.memory.limit: must be an integer"
  bundle "$BATS_TEST_TMPDIR/b" '.ociVersion = "2.0.0"'
  run oci create -b "$BATS_TEST_TMPDIR/b" x
  [[ "$output" == *"2.0.0"*"not supported"* ]]
  bundle "$BATS_TEST_TMPDIR/b" 'del(.process)'
  run oci create -b "$BATS_TEST_TMPDIR/b" x
  says "process: is required"
  bundle "$BATS_TEST_TMPDIR/b" '.root.path = "nosuch"'
  run oci create -b "$BATS_TEST_TMPDIR/b" x
  [[ "$output" == *"root.path: "*"/nosuch: No such file or directory"* ]]
  echo '{"a":1,"a":2}' >"$BATS_TEST_TMPDIR/b/config.json"
  run oci create -b "$BATS_TEST_TMPDIR/b" x
  says "config.json: line 1, column 8"
  [ ! -e "$OCI_ROOT/x" ]
}

@test "errors: what is misspelled gets a hint" {
  run oci strat x
  says 'did you mean "tare-oci start"'
  run oci create --bundel x y
  says "did you mean --bundle"
  run oci state
  [ "$status" -eq 1 ]
  says "too few arguments"
  run "$TARE_BIN/tare-oci" --root / list
  says "--root must not be"
}

@test "a user namespace with id maps: root inside is somebody else outside" {
  chmod 755 "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  OCI_COMMAND='id -u; cat /proc/self/uid_map | tr -s " "; echo hi >/dev/null && echo ok; exec sleep 1000' \
    bundle "$BATS_TEST_TMPDIR/b" '.linux.namespaces += [{type: "user"}]
      | .linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  oci create -b "$BATS_TEST_TMPDIR/b" un </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
  oci start un
  wait_until 5 grep -q ok "$BATS_TEST_TMPDIR/out"
  [ "$(stat -c %u "/proc/$(oci_pid un)")" = 700000 ]
  grep -q ' 0 700000 65536' "$BATS_TEST_TMPDIR/out"
  [ "$(oci exec un id -u)" = 0 ]
}

@test "signals that the caller ignored are at their default inside, libc's own two included" {
  # rt_sigaction with SIG_IGN for SIGUSR2, 32 and 33, which sigaction(3) hides
  cat >"$BATS_TEST_TMPDIR/ignoring" <<'X'
for my $sig (12, 32, 33) { my $act = pack "Q4", 1, 0, 0, 0; syscall(13, $sig, $act, 0, 8) == 0 or die $! }
exec @ARGV;
X
  bundle "$BATS_TEST_TMPDIR/b" '.process.args = ["grep", "SigIgn", "/proc/self/status"]'
  run -0 perl "$BATS_TEST_TMPDIR/ignoring" "$TARE_BIN/tare-oci" --root "$OCI_ROOT" run -b "$BATS_TEST_TMPDIR/b" signals </dev/null
  [ "${output##*$'\t'}" = 0000000000000000 ]
  sleeper signals2
  run -0 perl "$BATS_TEST_TMPDIR/ignoring" "$TARE_BIN/tare-oci" --root "$OCI_ROOT" exec signals2 grep SigIgn /proc/self/status </dev/null
  [ "${output##*$'\t'}" = 0000000000000000 ]
}

@test "kill --regex and delete --regex: every container whose id matches, whatever becomes of the others" {
  sleeper web-1; OCI_CGROUP+=-2 sleeper web-2; OCI_CGROUP+=-3 sleeper db
  run -0 oci kill --regex '^none$' KILL
  [ "$(oci_status web-1) $(oci_status web-2) $(oci_status db)" = "running running running" ]
  oci kill web-1 KILL
  wait_until 5 is_oci_status web-1 stopped
  # one of them is not running any more
  run -1 oci kill -r '^web-[0-9]$' KILL
  says "web-1: container not running"
  says "1 of the 2 containers that match failed"
  wait_until 5 is_oci_status web-2 stopped
  [ "$(oci_status db)" = running ]
  run -1 oci delete --regex 'web|db'
  says "db: cannot delete container db that is not stopped"
  [ "$(oci list -q)" = db ]
  oci delete -f --regex '.'
  [ -z "$(oci list -q)" ]
  run -1 oci delete --regex '['
  says "--regex \"[\": not an extended regular expression"
  [ "${#lines[@]}" = 1 ]
  for pattern in '*' '' 'a|*b' '(+)'; do run -1 oci delete -f --regex "$pattern"; says "repeats nothing"; done
  run -1 oci kill --regex none NOSUCH
  says "unknown signal"
  run -1 env PATH=/nosuch "$TARE_BIN/tare-oci" --root "$OCI_ROOT" delete --regex x
  says "the program grep is needed"
}

@test "spec --config writes to another name" {
  mkdir "$BATS_TEST_TMPDIR/b"
  oci spec -b "$BATS_TEST_TMPDIR/b" -f other.json
  [ "$(ls "$BATS_TEST_TMPDIR/b")" = other.json ]
  run -1 oci spec -b "$BATS_TEST_TMPDIR/b" --config other.json
  says "file other.json exists. Remove it first"
}

@test "--log to a file by its prefix, to the journal and to syslog; --log-level" {
  cat >"$BATS_TEST_TMPDIR/logger.py" <<'X'
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1]); s.settimeout(20)
print("ready", flush=True)
print(s.recv(4096).decode(), flush=True)
X
  # a /run and a /dev of its own for each
  cat >"$BATS_TEST_TMPDIR/with" <<'X'
mount -t tmpfs x /run; mkdir -p /run/systemd/journal /run/dev; touch /run/dev/null; mount --bind /dev/null /run/dev/null; mount --bind /run/dev /dev
rm -f "$1/heard"; python3 "$1/logger.py" "$2" >"$1/heard" & logger=$!
until [ -e "$1/heard" ]; do sleep 0.05; done
until grep -q ready "$1/heard"; do sleep 0.05; done
"$3" --root "$4" --log "$5" state nosuch 2>"$1/err"; echo "code $?"
wait $logger
X
  run -0 unshare -m sh "$BATS_TEST_TMPDIR/with" "$BATS_TEST_TMPDIR" /run/systemd/journal/socket "$TARE_BIN/tare-oci" "$OCI_ROOT" journald:pod
  [ "$output" = "code 1" ]
  [ "$(cat "$BATS_TEST_TMPDIR/heard")" = $'ready\nMESSAGE=container does not exist\nPRIORITY=3\nSYSLOG_IDENTIFIER=pod' ]
  run -0 unshare -m sh "$BATS_TEST_TMPDIR/with" "$BATS_TEST_TMPDIR" /dev/log "$TARE_BIN/tare-oci" "$OCI_ROOT" syslog:pod
  [[ "$(cat "$BATS_TEST_TMPDIR/heard")" == $'ready\n<11>pod['*']: container does not exist' ]]
  run -1 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" --log "file:$BATS_TEST_TMPDIR/log" state nosuch
  grep -q 'level=error msg="container does not exist"' "$BATS_TEST_TMPDIR/log"
  run -1 unshare -m sh -c 'mount -t tmpfs x /run; exec "$0" --root "$1" --log journald:x state nosuch' "$TARE_BIN/tare-oci" "$OCI_ROOT"
  says "log: /run/systemd/journal/socket: No such file or directory"
  bundle "$BATS_TEST_TMPDIR/b" '.process.capabilities.bounding += ["CAP_NO_SUCH"]'
  run -0 oci --log-level error run -b "$BATS_TEST_TMPDIR/b" quiet </dev/null
  [ -z "$output" ]
  run -0 oci --log-level debug run -b "$BATS_TEST_TMPDIR/b" loud </dev/null
  says level=debug
  says "ignoring unknown capability"
}
