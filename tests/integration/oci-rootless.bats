# tare-oci of a user without rights, beside runc and crun of the same user. With cgroups delegated to him: tests/vm.

load ../lib/common
load ../lib/bundle
load ../lib/engines
load ../lib/user

setup_file() {
  bundle_setup_file
  user_setup
}
teardown_file() {
  local code=0
  user_teardown || code=1
  bundle_teardown_file || code=1
  return $code
}
teardown() { user_containers; bundle_teardown; }

run_as() { # RUNTIME NAME: what its container says, and its exit code
  user "$1" ${3:+"$3"} run -b "$U/$2" same </dev/null 2>&1 || echo "exit $?"
}
# All three say the same. crun takes no machine with both versions of cgroups, and neither of the peers a newer
# specification.
as_peers() { # NAME [PEER...]
  local name=$1 peer ours theirs code=0
  shift
  export HIDE_V2=1
  sed -i 's/"ociVersion": "[^"]*"/"ociVersion": "1.0.2"/' "$U/$name/config.json"
  ours=$(run_as tare-oci "$name")
  for peer in ${@:-runc crun}; do
    theirs=$(run_as "$peer" "$name" "$([ "$peer" = runc ] || echo --cgroup-manager=disabled)")
    [ "$ours" = "$theirs" ] || { code=1; diff <(echo "$peer: $theirs") <(echo "tare: $ours") >&2; }
  done
  unset HIDE_V2
  [ -n "$ours" ] || code=1
  return $code
}

# fails TEXT FILTER: run says TEXT and leaves nothing
fails() {
  user_bundle b "$2"
  run user tare-oci run -b "$U/b" b </dev/null
  [ "$status" -eq 1 ] || { echo "$output"; return 1; }
  says "$1"
  [ ! -e "$U/run/tare-oci/b" ]
}

wait_status() { wait_until 10 is_user_status "$1" "$2"; }
is_user_status() { [ "$(user tare-oci state "$1" | jq -r .status)" = "$2" ]; }
user_sleeper() { # ID [FILTER]
  OCI_COMMAND='exec sleep 1000' user_bundle "$1" "${2:-.}"
  user tare-oci create -b "$U/$1" "$1" </dev/null >/dev/null 2>&1
  user tare-oci start "$1"
}

@test "what spec --rootless writes runs as it is" {
  mkdir -p "$U/own"; chown $USER_ID:$USER_ID "$U/own"
  user tare-oci spec --rootless -b "$U/own"
  cp -a "$U/rootfs" "$U/own/rootfs"
  run bash -c 'echo "id; exit 7" | SHELL=/bin/bash script -qec "$U/as tare-oci run -b $U/own own" /dev/null'
  [ "$status" -eq 7 ]
  has_lines "uid=0(root) gid=0(root)"
  rm -r "$U/own"
}

@test "ids, groups, capabilities, devices and cgroups are what runc and crun give" {
  OCI_COMMAND='exec 2>&1; id; cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups; cat /proc/1/cgroup
    grep -E "^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):" /proc/self/status; ls -ln /dev | awk "{ print \$1, \$3, \$4, \$5, \$6 }" | grep ^c
    touch /dev/shm/x; stat -c "%u %g %a" /dev/shm/x /dev /dev/shm; echo >/dev/null; head -c 1 /dev/zero | wc -c
    ulimit -n; cat /proc/self/oom_score_adj; hostname; echo $HOME; exit 3'
  user_bundle narrow
  as_peers narrow
  user_bundle wide "$USER_WIDE | .process.user = {uid: 33, gid: 33}"
  as_peers wide
  # runc 1.1 cannot: it wants to give that root the caller's stdio
  user_bundle other "$USER_OTHER"
  as_peers other crun
}

@test "mounts are those of runc and crun" {
  # masks and nodes differ in what does not matter, the cgroup mount is crun's alone
  # shellcheck disable=SC2016
  OCI_COMMAND='awk '\''$2 !~ "^/sys/" && ($3 != "devtmpfs" || $2 !~ "^/dev/") && $2 !~ "^/proc/(acpi|keys|timer_list|scsi|asound|kcore)" { print $2, $3, $4 }'\'' /proc/self/mounts | sort
    awk '\''$2 ~ "^/dev/" && $3 == "devtmpfs" { print $2 }'\'' /proc/self/mounts | sort; cat /proc/keys /proc/timer_list'
  user_bundle mounts '.mounts |= map(select(.type != "cgroup"))'
  as_peers mounts
  user_bundle mounts "$USER_WIDE | .mounts |= map(select(.type != \"cgroup\"))"
  as_peers mounts
}

@test "cgroups: his own, read-only, where he may make none" {
  OCI_COMMAND='for f in /sys/fs/cgroup/*/cgroup.procs; do test -w $f && echo 1 >$f; done 2>/dev/null; cat /proc/1/cgroup'
  user_bundle b
  run user tare-oci run -b "$U/b" b </dev/null
  [ "$status" -eq 0 ]
  [ "$output" = "$(cat /proc/self/cgroup)" ]
  fails 'no rights to make cgroup /tare/x' '.linux.cgroupsPath = "/tare/x"'
  fails 'limits need a cgroup' '.linux.resources.memory.limit = 10000000'
  # device rules alone ask for none
  user_bundle b '.linux.resources.devices = [{allow: false, access: "rwm"}]'
  user tare-oci run -b "$U/b" b </dev/null
  # who says that he has rights is told what he lacks
  run user tare-oci --rootless false run -b "$U/b" b </dev/null
  [ "$status" -eq 1 ]
  says "Permission denied"
  [ ! -e "$U/run/tare-oci/b" ]
}

@test "--rootless true as root: the cgroup is made all the same" {
  OCI_COMMAND='cat /proc/1/cgroup' bundle "$BATS_TEST_TMPDIR/b"
  run oci --rootless true run -b "$BATS_TEST_TMPDIR/b" b </dev/null
  [ "$status" -eq 0 ]
  [[ $output == *":$OCI_CGROUP"* ]]
}

@test "a container's life" {
  OCI_COMMAND='trap "exit 5" TERM; echo started; while :; do sleep 0.1; done' user_bundle life "$USER_WIDE"
  user tare-oci create --pid-file "$U/run/pid" -b "$U/life" life </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
  is_user_status life created
  # nobody else has a way to the state
  [ "$(stat -c '%a %u' "$U/run/tare-oci")" = "1700 $USER_ID" ]
  [ "$(stat -c '%a %u' "$U/run/tare-oci/life")" = "700 $USER_ID" ]
  run user tare-oci exec life true
  [ "$status" -eq 255 ]
  says "waits for start"
  user tare-oci start life
  wait_until 10 grep -q started "$BATS_TEST_TMPDIR/out"
  is_user_status life running
  run user tare-oci exec -u 33:7 -e A=b --cwd /tmp life sh -c 'id; echo $A; pwd; cat /proc/1/comm; exit 9'
  [ "$status" -eq 9 ]
  [ "$output" = $'uid=33(web) gid=7\nb\n/tmp\nsh' ]
  run on_terminal "$U/as" tare-oci exec -t life sh -c 'tty; exit 5'
  [ "$status" -eq 5 ]
  has_lines /dev/pts/0
  [ "$(user tare-oci list -q)" = life ]
  run user tare-oci list
  [[ $output == *" user"* ]]
  user tare-oci kill life TERM
  wait_status life stopped
  user tare-oci delete life
  [ -z "$(ls "$U/run/tare-oci")" ]
}

@test "root of the container is another id than the caller's" {
  user_sleeper other "$USER_OTHER"
  [ "$(stat -c %u "/proc/$(user tare-oci state other | jq .pid)")" = "$USER_RANGE" ]
  run user tare-oci exec other id
  [ "$output" = "uid=0(root) gid=0(root)" ]
  user tare-oci delete -f other
}

@test "without a cgroup: what can be done, and what is said" {
  local pid
  user_sleeper none
  pid=$(user tare-oci state none | jq .pid)
  user tare-oci exec -d none sleep 1000
  for c in pause resume ps "events --stats" "update --memory 10000000" "kill -a"; do
    # shellcheck disable=SC2086
    run user tare-oci $c none
    [ "$status" -eq 1 ]
    [[ $output == *"has no cgroup"* || $output == *"container not paused"* ]] || { echo "$c: $output"; return 1; }
  done
  # a namespace ends with its init
  user tare-oci kill -a none KILL
  wait_status none stopped
  wait_until 5 is_gone "$pid"
  user tare-oci delete none
}

@test "ids that are not his" {
  fails 'newuidmap: uid range' ".linux.uidMappings = [{containerID: 0, hostID: 5, size: 10}]"
  says 'linux.uidMappings'
  says '/etc/subuid'
  fails 'newgidmap: gid range' "$USER_WIDE | .linux.gidMappings = [{containerID: 0, hostID: 5, size: 10}]"
  fails 'newuidmap: ' '.linux.uidMappings[0].hostID = 0'
  user_bundle b "$USER_WIDE"
  run user env PATH=/nowhere "$U/bin/tare-oci" run -b "$U/b" b </dev/null
  [ "$status" -eq 1 ]
  says "need the program newuidmap, which is not in PATH"
  # whatever stands there under its name
  mkdir -p "$U/odd"
  printf '#!/bin/sh\nsleep 1000 & echo $! >$XDG_RUNTIME_DIR/left; echo first >&2; echo second; exit 3\n' >"$U/odd/newuidmap"; chmod 755 "$U/odd" "$U/odd/newuidmap"
  run user sh -c 'PATH=$0:$PATH exec "$1/bin/tare-oci" run -b "$1/b" b </dev/null' "$U/odd" "$U"
  [ "$status" -eq 1 ]
  says "linux.uidMappings: first (do the ranges in /etc/subuid allow it?)"
  kill "$(cat "$U/run/left")"
  # one id of his own needs no program
  user_bundle b
  user env PATH=/nowhere "$U/bin/tare-oci" run -b "$U/b" b </dev/null
}

@test "what takes rights over the host is an error" {
  fails 'needs a "user" namespace' '.linux.namespaces |= map(select(.type != "user")) | del(.linux.uidMappings, .linux.gidMappings)'
  fails 'process.user.additionalGids' '.process.user.additionalGids = [7]'
  fails 'process.user.gid 33: not mapped' '.process.user = {uid: 33, gid: 33}'
  fails 'process.oomScoreAdj: -100' '.process.oomScoreAdj = -100'
  fails 'process.rlimits: RLIMIT_NOFILE' '.process.rlimits = [{type: "RLIMIT_NOFILE", hard: 99999999, soft: 10}]'
  fails 'sysfs shows the "network" namespace' '.mounts |= map(if .destination == "/sys" then {destination: "/sys", type: "sysfs", source: "sysfs"} else . end)'
  fails 'proc shows the "pid" namespace' '.linux.namespaces |= map(select(.type != "pid"))'
  fails 'option "gid=5"' '.mounts |= map(if .type == "devpts" then .options += ["gid=5"] else . end)'
  fails 'id-mapped mounts need root' '.mounts += [{destination: "/tmp", type: "bind", source: "/tmp", options: ["rbind", "idmap"]}]'
  fails 'linux.netDevices' '.linux.namespaces += [{type: "network"}] | .linux.netDevices = {lo: {}}'
  fails 'only root may leave out: use "rbind"' '.mounts += [{destination: "/tmp", type: "bind", source: "/dev", options: ["bind"]}]'
  fails 'device /dev/none: only root may make device nodes' '.linux.devices = [{path: "/dev/none", type: "c", major: 1, minor: 3}]'
  fails 'the host'"'"'s is not c 1:5' '.linux.devices = [{path: "/dev/null", type: "c", major: 1, minor: 5}]'
}

@test "groups can be asked for where more than one is mapped" {
  OCI_COMMAND='id; cat /proc/self/setgroups' user_bundle b "$USER_WIDE | .process.user.additionalGids = [7, 33]"
  run user tare-oci run -b "$U/b" b </dev/null
  [ "$output" = $'uid=0(root) gid=0(root) groups=7,33(web)\nallow' ]
}

@test "links at the ends of a bind" {
  local both='options: ["bind", "src-nofollow", "dest-nofollow"]'
  ln -s nowhere "$U/to-nowhere"
  ln -s point-to-nowhere "$U/rootfs/link"
  OCI_COMMAND='readlink /link; readlink /tmp/copy; cat /tmp/file' user_bundle b ".mounts += [{destination: \"/link\", source: \"$U/to-nowhere\", $both},
    {destination: \"/tmp\", type: \"tmpfs\"}, {destination: \"/tmp/copy\", source: \"$U/to-nowhere\", options: [\"bind\", \"copy-symlink\"]},
    {destination: \"/tmp/file\", source: \"/etc/hostname\", options: [\"rbind\", \"src-nofollow\"]}]"
  run user tare-oci run -b "$U/b" b </dev/null
  rm "$U/rootfs/link"
  [ "$output" = "nowhere"$'\n'"nowhere"$'\n'"$(cat /etc/hostname)" ]
}

@test "crun's annotation keeps the caller's groups" {
  local as map OCI_COMMAND='grep Groups /proc/self/status | xargs'
  # with a group beside his own
  as=$(sed 's/--clear-groups/--groups 7/' "$U/as")
  for map in . "$USER_WIDE"; do
    user_bundle b "$map | .annotations = {\"run.oci.keep_original_groups\": \"1\"}"
    run bash -c "$as" as tare-oci run -b "$U/b" b </dev/null
    [ "$output" = "Groups: 65534" ]
  done
  # without: left where that is possible
  user_bundle b "$USER_WIDE"
  run bash -c "$as" as tare-oci run -b "$U/b" b </dev/null
  [ "$output" = "Groups:" ]
  user_bundle b
  run bash -c "$as" as tare-oci run -b "$U/b" b </dev/null
  [ "$output" = "Groups: 65534" ]
}

@test "nobody looks at a process that is being made, but root" {
  local hook="[{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"pid=\$(sed 's/.*\\\"pid\\\":\\\\([0-9]*\\\\).*/\\\\1/'); echo \$pid; readlink /proc/\$pid/exe\"]}]" map
  for map in . "$USER_WIDE" "$USER_OTHER"; do
    user_bundle seen "$map | .hooks.createRuntime = $hook"
    run user tare-oci run -b "$U/seen" seen </dev/null
    [ "$status" -ne 0 ]
    [[ $output =~ ^[0-9]+ ]] || { echo "$output"; return 1; }
    says 'createRuntime hook #0: /bin/sh: exit status 1'
    user_bundle seen "$map"
    user tare-oci create -b "$U/seen" seen </dev/null >/dev/null 2>&1
    run user readlink "/proc/$(user tare-oci state seen | jq .pid)/exe"
    [ "$status" -eq 1 ]
    user tare-oci delete -f seen
  done
}

@test "a network namespace of its own: loopback, sysctl, sysfs" {
  OCI_COMMAND='cat /proc/sys/net/ipv4/ip_forward; ls /sys/class/net; mount -t tmpfs none /tmp 2>/dev/null || echo denied'
  user_bundle net '.linux.namespaces += [{type: "network"}] | .linux.sysctl = {"net.ipv4.ip_forward": "1"} |
    .mounts |= map(if .destination == "/sys" then {destination: "/sys", type: "sysfs", source: "sysfs", options: ["ro"]} else . end)'
  run user tare-oci run -b "$U/net" net </dev/null
  [ "$output" = $'1\nlo\ndenied' ]
}

@test "a time namespace of its own" {
  local map OCI_COMMAND='cut -d. -f1 /proc/uptime'
  for map in . "$USER_OTHER"; do
    user_bundle time "$map | .linux.namespaces += [{type: \"time\"}] | .linux.timeOffsets = {boottime: {secs: 1000000, nanosecs: 0}}"
    run user tare-oci run -b "$U/time" time </dev/null
    [ "$output" -ge 1000000 ]
  done
}

@test "a container in the namespaces of another, as in a pod" {
  local map pid ours
  for map in . "$USER_OTHER"; do
    user_sleeper pod "$map"
    pid=$(user tare-oci state pod | jq .pid)
    OCI_COMMAND='id -u; cat /proc/self/oom_score_adj /proc/self/uid_map; cat /proc/1/comm; ls -l /dev/null | cut -c1' user_bundle b \
      "$map | del(.linux.uidMappings, .linux.gidMappings) | .process.oomScoreAdj = 300 | .linux.namespaces |=
       map(if .type == \"mount\" then . else .path = \"/proc/$pid/ns/\" + .type end)"
    ours=$(user tare-oci run -b "$U/b" b </dev/null 2>&1 | grep -v warning)
    [ "$(xargs <<<"$ours")" = "0 300 $(xargs <"/proc/$pid/uid_map") sleep c" ] || { echo "$ours"; return 1; }
    user tare-oci delete -f pod
  done
}

@test "exec with what is inherited, and the oom score" {
  user_sleeper exec "$USER_OTHER | .process.oomScoreAdj = 300"
  run user tare-oci exec exec cat /proc/self/oom_score_adj
  [ "$output" = 300 ]
  jq '.process | .args = ["sh", "-c", "cat /proc/self/oom_score_adj; ulimit -Hn"] | .oomScoreAdj = 400 | .rlimits = [{type: "RLIMIT_NOFILE", soft: 10, hard: 20}]' \
    "$U/exec/config.json" >"$U/exec/process.json"
  run user tare-oci exec -p "$U/exec/process.json" exec
  [ "$output" = $'400\n20' ]
  user tare-oci delete -f exec
}

@test "binds: by the caller's rights, whoever the container's root is" {
  mkdir -p "$U/private/in"; echo found >"$U/private/in/file"
  chown -R $USER_ID:$USER_ID "$U/private"; chmod 700 "$U/private"
  OCI_COMMAND='cat /tmp/in/file; echo x >/tmp/in/y || echo read-only' user_bundle b \
    "$USER_OTHER | .mounts += [{destination: \"/tmp\", type: \"bind\", source: \"$U/private\", options: [\"rbind\", \"ro\"]}]"
  chmod 711 "$U/private"
  run user tare-oci run -b "$U/b" b </dev/null
  [[ $output == found*read-only ]] || { echo "$output"; return 1; }
  # a way that only he has
  chmod 700 "$U/private"
  user_bundle b "$USER_OTHER | .mounts += [{destination: \"/tmp\", type: \"bind\", source: \"$U/private/in\", options: [\"rbind\"]}] | .process.args[2] = \"cat /tmp/file\""
  run user tare-oci run -b "$U/b" b </dev/null
  [ "$output" = found ]
  # written by the container's root, owned by him
  user_bundle b "$USER_WIDE | .mounts += [{destination: \"/tmp\", type: \"bind\", source: \"$U/private/in\", options: [\"bind\"]}] | .process.args[2] = \"touch /tmp/new\""
  user tare-oci run -b "$U/b" b </dev/null
  [ "$(stat -c %u "$U/private/in/new")" = $USER_ID ]
}

@test "/dev of the image" {
  user_bundle b '.mounts |= map(select(.destination | startswith("/dev") | not)) | .root.readonly = false | .process.args[2] = "echo x >/dev/null; ls -l /dev/null; readlink /dev/stdin"'
  run user tare-oci run -b "$U/b" b </dev/null
  [[ $output == c*"1,   3"*/dev/null*/proc/self/fd/0 ]] || { echo "$output"; return 1; }
}

@test "hooks run where they belong" {
  local sh
  sh() { echo "[{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"(echo $1; id -u; pwd) >>$U/run/hooks\"]}]"; }
  rm -f "$U/run/hooks"
  user_bundle hooks ".hooks = {prestart: $(sh prestart), createRuntime: $(sh createRuntime), createContainer: $(sh createContainer),
    poststart: $(sh poststart), poststop: $(sh poststop), startContainer: [{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"id -u\"]}]}"
  run user tare-oci run -b "$U/hooks" hooks </dev/null
  [ "$output" = 0 ]
  diff "$U/run/hooks" - <<X
prestart
$USER_ID
$U/hooks
createRuntime
$USER_ID
$U/hooks
createContainer
0
$U/rootfs
poststart
$USER_ID
$U/hooks
poststop
$USER_ID
$U/hooks
X
}

@test "a program file of his own is not what the container could write to" {
  mkdir -p "$U/mine"; cp "$TARE_BIN/tare-oci" "$U/mine/"; chown -R $USER_ID:$USER_ID "$U/mine"
  local hook="[{path: \"/bin/sh\", args: [\"sh\", \"-c\", \"readlink /proc/\$PPID/exe >$U/run/exe\"]}]"
  user_bundle b ".hooks.createRuntime = $hook"
  user "$U/mine/tare-oci" run -b "$U/b" b </dev/null
  [[ $(cat "$U/run/exe") == "/memfd:tare-oci"* ]]
  # one that others may write to, by mode or by a group of his
  cp "$TARE_BIN/tare-oci" "$U/bin/shared"; chmod 757 "$U/bin/shared"
  user shared run -b "$U/b" b </dev/null
  [[ $(cat "$U/run/exe") == "/memfd:tare-oci"* ]]
  chgrp 7 "$U/bin/shared"; chmod 775 "$U/bin/shared"
  bash -c "$(sed 's/--clear-groups/--groups 7/' "$U/as")" as shared run -b "$U/b" b </dev/null
  [[ $(cat "$U/run/exe") == "/memfd:tare-oci"* ]]
  # one that is root's, nobody in there could
  user tare-oci run -b "$U/b" b </dev/null
  [ "$(cat "$U/run/exe")" = "$U/bin/tare-oci" ]
  # whatever it is given to execute: a container that rewrites /proc/self/exe rewrites a copy at most
  user_bundle b '.process.args = ["/proc/self/exe", "--version"] | .root.readonly = false'
  run user "$U/mine/tare-oci" run -b "$U/b" b </dev/null
  cmp "$TARE_BIN/tare-oci" "$U/mine/tare-oci"
}

@test "root of a user namespace: nodes are bound, no cgroup, and a namespace in it" {
  local filter='.mounts |= map(if .options then .options -= ["gid=5"] else . end) | .process.terminal = false' way
  # shellcheck disable=SC2016
  OCI_COMMAND='id; cat /proc/self/uid_map; ls -l /dev/null /dev/tty | grep -c ^c; echo x >/dev/null; cat /proc/1/cgroup'
  for way in -Urm -Ur; do
    rm -rf "$U/ns"; mkdir "$U/ns"; chown $USER_ID:$USER_ID "$U/ns"
    user tare-oci spec -b "$U/ns"
    jq --arg c "$OCI_COMMAND" --arg r "$U/rootfs" '.root.path = $r | .process.args = ["sh", "-c", $c]' "$U/ns/config.json" | jq "$filter" >"$U/ns/x"
    mv "$U/ns/x" "$U/ns/config.json"
    run user unshare $way tare-oci run -b "$U/ns" ns </dev/null
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    diff <(echo "$output") <(user unshare $way runc run -b "$U/ns" ns </dev/null)
    # and once more inside
    jq '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1}] | .linux.gidMappings = .linux.uidMappings' \
      "$U/ns/config.json" >"$U/ns/x"
    mv "$U/ns/x" "$U/ns/config.json"
    run user unshare $way tare-oci run -b "$U/ns" ns </dev/null
    [ "$status" -eq 0 ] || { echo "$output"; return 1; }
    diff <(echo "$output") <(user unshare $way runc run -b "$U/ns" ns </dev/null)
  done
  # the state is the user's, unless he calls himself root
  run user unshare -Urm sh -c 'tare-oci create -b "$0/ns" ns </dev/null >/dev/null 2>&1; ls "$XDG_RUNTIME_DIR/tare-oci"; tare-oci exec ns id; tare-oci delete -f ns
    USER=root tare-oci create -b "$0/ns" ns </dev/null' "$U"
  has_lines ns "uid=0(root) gid=0(root)"
  says "/run/tare-oci"
}

@test "no place for the state" {
  user_bundle b
  run user env -u XDG_RUNTIME_DIR tare-oci run -b "$U/b" b </dev/null
  [ "$status" -eq 1 ]
  says "neither --root nor XDG_RUNTIME_DIR"
  user env -u XDG_RUNTIME_DIR tare-oci --root "$U/run/elsewhere" run -b "$U/b" b </dev/null
}

@test "READY=1 from a container of his" {
  # shellcheck disable=SC2016
  OCI_COMMAND='test -S $NOTIFY_SOCKET && echo there' user_bundle ready "$USER_WIDE"
  run user env NOTIFY_SOCKET="$U/run/none" tare-oci run -b "$U/ready" ready </dev/null
  [ "$output" = there ]
}

@test "his pipes belong to the process's user in the container, too" {
  OCI_COMMAND='cat /dev/stdin >/dev/stdout' user_bundle b "$USER_WIDE | .process.user = {uid: 33, gid: 33}"
  # made by him: nobody else's could be given
  printf '%s\n' 'echo in | tare-oci run -b "$1" pipes | cat' >"$U/pipes"
  run -0 user sh "$U/pipes" "$U/b"
  [ "$output" = in ]
  user_sleeper s "$USER_WIDE"
  printf '%s\n' 'echo in | tare-oci exec -u 33 s sh -c "cat /dev/stdin >/dev/stdout" | cat' >"$U/pipes"
  run -0 user sh "$U/pipes"
  [ "$output" = in ]
}
