# The container's tree under tare-oci: what covers what, who sees it while it is built.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() {
  bundle_teardown
  # what containers without a mount namespace left, if they failed
  while umount -l "$OCI_ROOTFS" 2>/dev/null; do :; done
  umount -l "$BATS_TEST_TMPDIR/root" 2>/dev/null || true
}

@test "a tmpfs without a mode takes that of the folder it covers" {
  mkdir -p "$OCI_ROOTFS/covered"
  chmod 1750 "$OCI_ROOTFS/covered"
  OCI_COMMAND='stat -c %a /covered /given /new; grep -o " /covered tmpfs .*mode=1750" /proc/self/mounts | wc -l' bundle "$BATS_TEST_TMPDIR/b" '.root.readonly = false | .mounts += [
    {destination: "/covered", type: "tmpfs", source: "tmpfs"},
    {destination: "/given", type: "tmpfs", source: "tmpfs", options: ["mode=0444"]},
    {destination: "/new", type: "tmpfs", source: "tmpfs", options: ["mode=0711"]}]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" modes </dev/null
  [ "$output" = $'1750\n444\n711\n1' ]
  rmdir "$OCI_ROOTFS"/{covered,given,new}
}

@test "a read-only /dev has its nodes and the mounts on it" {
  OCI_COMMAND='exec 2>&1; touch /dev/x; echo $?; ls -d /dev/null /dev/pts/ptmx /dev/shm; echo >/dev/shm/ok && echo ok' \
    bundle "$BATS_TEST_TMPDIR/b" '(.mounts[] | select(.destination == "/dev")).options += ["ro"]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" rodev </dev/null
  [ "$output" = $'touch: /dev/x: Read-only file system\n1\n/dev/null\n/dev/pts/ptmx\n/dev/shm\nok' ]
  as_runc "$BATS_TEST_TMPDIR/b"
}

@test "createRuntime hooks that enter the mount namespace find the root at its own path" {
  chmod 755 "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  mkdir -p "$BATS_TEST_TMPDIR/lib" "$OCI_ROOTFS/lib"
  echo injected >"$BATS_TEST_TMPDIR/lib/f"
  cat >"$BATS_TEST_TMPDIR/hook" <<X
#!/bin/sh
pid=\$(jq .pid)
exec nsenter -m -t \$pid mount --bind $BATS_TEST_TMPDIR/lib $OCI_ROOTFS/lib
X
  chmod +x "$BATS_TEST_TMPDIR/hook"
  OCI_COMMAND='cat /lib/f' bundle "$BATS_TEST_TMPDIR/b" \
    '.hooks.createRuntime = [{path: "'"$BATS_TEST_TMPDIR/hook"'", env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]}]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" inject </dev/null
  [ "$output" = injected ]
  [ ! -e "$OCI_ROOTFS/lib/f" ]
  rmdir "$OCI_ROOTFS/lib"
}

@test "createContainer hooks run in the new root, in its mount namespace" {
  chmod 755 "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  echo injected >"$BATS_TEST_TMPDIR/f"
  mkdir "$OCI_ROOTFS/lib"
  OCI_COMMAND='cat /lib/f' bundle "$BATS_TEST_TMPDIR/b" '.hooks.createContainer = [{path: "/bin/sh",
    args: ["sh", "-c", "/bin/touch lib/f && /bin/mount --bind '"$BATS_TEST_TMPDIR/f"' ./lib/f"]}]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" inject </dev/null
  [ "$output" = injected ]
  [ ! -s "$OCI_ROOTFS/lib/f" ]
  rm -r "$OCI_ROOTFS/lib"
}

@test "remount changes what is mounted, and only what it names" {
  OCI_COMMAND='awk "\$5 ~ \"^/(tmp|root|proc)\$\" { print \$5, \$6 }" /proc/self/mountinfo | sort; df -k /tmp | grep -c " 2048 "' \
    bundle "$BATS_TEST_TMPDIR/b" '.mounts += [
    {destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=1m"]},
    {destination: "/tmp", options: ["remount", "noexec", "size=2m"]},
    {destination: "/root", source: "/etc", options: ["bind", "nodev"]},
    {destination: "/root", type: "none", source: "none", options: ["bind", "remount", "ro", "nosuid"]},
    {destination: "/proc", options: ["remount", "bind", "noexec"]}]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" re </dev/null
  [ "$output" = $'/proc rw,noexec,relatime\n/root ro,nosuid,nodev,relatime\n/tmp rw,nosuid,noexec,relatime\n1' ]
  for bad in '["remount", "ro"]|mount on /etc: remount: nothing is mounted there|/etc' '["remount", "bind", "size=1m"]|option "size=1m" means nothing to a bind|/dev' \
    '["remount", "idmap"]|those are for new mounts|/dev' '["remount", "nosuchoption"]|option "nosuchoption"|/dev/shm'; do
    IFS='|' read -r options what where <<<"$bad"
    bundle "$BATS_TEST_TMPDIR/b" ".mounts += [{destination: \"$where\", options: $options}]"
    run -1 oci run -b "$BATS_TEST_TMPDIR/b" re </dev/null
    says "$what"
  done
}

@test "linux.mountLabel on a kernel without SELinux is an error that names it" {
  ! grep -qw selinuxfs /proc/filesystems || skip "this kernel has SELinux"
  bundle "$BATS_TEST_TMPDIR/b" '.linux.mountLabel = "system_u:object_r:container_file_t:s0"'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" label </dev/null
  says "linux.mountLabel: SELinux is not enabled in this kernel"
}

@test "annotation run.oci.mount_context_type: what is no SELinux option of a mount is an error that names it" {
  bundle "$BATS_TEST_TMPDIR/b" '.annotations = {"run.oci.mount_context_type": "seclabel"}'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" label </dev/null
  says 'annotation run.oci.mount_context_type: "seclabel" is none of context,'
  bundle "$BATS_TEST_TMPDIR/b" '.annotations = {"run.oci.mount_context_type": "rootcontext"}'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" label </dev/null
}

@test "startContainer hooks have the rights and the environment of the process, no more" {
  cat >"$OCI_ROOTFS/hook" <<'X'
#!/bin/sh
exec >&2
id -u; grep -E "CapEff|NoNewPrivs|Seccomp:" /proc/self/status; echo "$ONE"; pwd
mkdir /tmp/x
X
  chmod 755 "$OCI_ROOTFS/hook"
  bundle "$BATS_TEST_TMPDIR/b" '.process.user = {uid: 33, gid: 33} | .process.env += ["ONE=two"] | .process.cwd = "/tmp"
    | .process.capabilities = {} | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64"],
       syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL"}]}
    | .hooks.startContainer = [{path: "/hook"}]'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" hooked </dev/null
  rm "$OCI_ROOTFS/hook"
  says $'33\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\ntwo\n/tmp'
  says "error running startContainer hook #0: /hook: "
}

@test "--no-pivot leaves no proc without its masks to be mounted from a user namespace" {
  bundle "$BATS_TEST_TMPDIR/b" '.process.capabilities.bounding += ["CAP_SETFCAP", "CAP_SYS_ADMIN"]
    | .process.capabilities.permitted += ["CAP_SETFCAP", "CAP_SYS_ADMIN"]
    | .process.args = ["busybox", "unshare", "-mrpf", "sh", "-c", "mount -t proc none /proc && cat /proc/sysrq-trigger"]'
  run ! oci run --no-pivot -b "$BATS_TEST_TMPDIR/b" chrooted </dev/null
  says "mount: permission denied"
}

@test "--debug says what is done" {
  bundle "$BATS_TEST_TMPDIR/b"
  run -0 oci --debug run -b "$BATS_TEST_TMPDIR/b" told </dev/null
  says "level=debug"
  run -0 oci --debug --log "$BATS_TEST_TMPDIR/log" --log-format json run -b "$BATS_TEST_TMPDIR/b" told </dev/null
  [ -z "$output" ]
  jq -es 'map(select(.level == "debug")) | length > 1' "$BATS_TEST_TMPDIR/log"
}

@test "proc and sysfs are not mounted where a link of the image leads" {
  mv "$OCI_ROOTFS/proc" "$OCI_ROOTFS/elsewhere"
  ln -s elsewhere "$OCI_ROOTFS/proc"
  bundle "$BATS_TEST_TMPDIR/b"
  run oci run -b "$BATS_TEST_TMPDIR/b" link </dev/null
  rm "$OCI_ROOTFS/proc"
  mv "$OCI_ROOTFS/elsewhere" "$OCI_ROOTFS/proc"
  [ "$status" = 1 ]
  says "must be mounted on ordinary directory"
}

@test "a path that is masked twice is masked once" {
  OCI_COMMAND='grep -c " /etc " /proc/self/mountinfo' bundle "$BATS_TEST_TMPDIR/b" '.linux.maskedPaths += ["/etc", "/etc"]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" twice </dev/null
  [ "$output" = 1 ]
}

@test "device nodes on the root open, as far as the cgroup lets them" {
  OCI_COMMAND='exec 2>&1; busybox mknod /tmp/null c 1 3; busybox mknod /tmp/kmsg c 1 11; echo x >/tmp/null; echo $?; cat /tmp/kmsg; rm /tmp/*' \
    bundle "$BATS_TEST_TMPDIR/b" '.process.capabilities |= map_values(. + ["CAP_MKNOD"]) | .root.readonly = false
    | .linux.resources.devices += [{allow: true, type: "c", access: "m"},
                                   {allow: true, type: "c", major: 1, minor: 3, access: "rw"}]'
  as_runc "$BATS_TEST_TMPDIR/b"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" nodes </dev/null
  says $'0\ncat: can\'t open \'/tmp/kmsg\': Operation not permitted'
}

@test "nothing of the host is left over the container's root, wherever its device nodes lie" {
  local user='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 300000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  local image='.mounts |= map(select(.destination | startswith("/dev") | not))'
  local elsewhere='.linux.devices = [{path: "/nodes/null", type: "c", major: 1, minor: 3}]'
  cp -a "$OCI_ROOTFS" "$BATS_TEST_TMPDIR/r"
  chown -R 300000:300000 "$BATS_TEST_TMPDIR/r"
  n=0
  for more in "$image" "$elsewhere" "$image | $user" "$elsewhere | $user" "$user"; do
    n=$((n + 1))
    sleeper "over$n" ".root = {path: \"$BATS_TEST_TMPDIR/r\", readonly: false} | $more"
    # ".." of the root, and who enters the mount namespace, as exec does, come to what lies on top
    [ "$(oci exec "over$n" stat -c %i / /..)" = "$(stat -c %i "$BATS_TEST_TMPDIR"/r{,})" ]
    [ "$(awk '$5 == "/"' "/proc/$(oci_pid "over$n")/mountinfo" | wc -l)" = 1 ]
    oci delete -f "over$n"
  done
}

@test "options that a bind mount has no use for are told, not obeyed, as the kernel has it" {
  OCI_COMMAND='grep " /tmp/x " /proc/mounts | cut -d" " -f 4 | cut -d, -f 1,2' bundle "$BATS_TEST_TMPDIR/m" \
    ".mounts += [{destination: \"/tmp/x\", type: \"bind\", source: \"$BATS_TEST_TMPDIR\", options: [\"rbind\", \"ro\", \"mode=755\"]}]"
  run -0 oci run -b "$BATS_TEST_TMPDIR/m" told </dev/null
  says 'mount on /tmp/x: option "mode=755" has no effect on a bind mount'
  says 'ro,relatime'
  rmdir "$OCI_ROOTFS/tmp/x"
}

@test "a destination that is written as the host's path of a place in the rootfs means that place, as with runc" {
  mkdir -p "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
  echo a >"$BATS_TEST_TMPDIR/a/file"
  OCI_COMMAND='cat /tmp/x/file /tmp/y/x/file; ls /' bundle "$BATS_TEST_TMPDIR/m" ".mounts += [
    {destination: \"$OCI_ROOTFS/tmp/x\", type: \"bind\", source: \"$BATS_TEST_TMPDIR/a\", options: [\"rbind\"]},
    {destination: \"$OCI_ROOTFS/tmp/y\", type: \"bind\", source: \"$OCI_ROOTFS/tmp\", options: [\"rbind\"]}]"
  run -0 oci run -b "$BATS_TEST_TMPDIR/m" places </dev/null
  [ "${lines[0]} ${lines[1]}" = "a a" ]
  [ ! -e "$OCI_ROOTFS${OCI_ROOTFS%/*}" ]
  rmdir "$OCI_ROOTFS"/tmp/[xy]
}

HOST_MOUNTS='.linux.namespaces -= [{type: "mount"}] | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
mounts_at() { awk -v d="$1" 'index($5, d) == 1' /proc/self/mountinfo; }

@test "without a mount namespace: the root by chroot, as the peers have it, and nothing left in the host's mounts" {
  for more in . '.root.readonly = false' '.mounts = [{destination: "/proc", type: "proc", source: "proc"}]'; do
    OCI_COMMAND='exec 2>&1; cd /; ls; pwd; cat /etc/passwd; echo x >/dev/null; readlink /proc/self/exe; p=$(ps); echo "$p" | wc -l' \
      bundle "$BATS_TEST_TMPDIR/b" "$HOST_MOUNTS | $more"
    # runc makes the host's mounts slaves and leaves its own there: it gets others
    theirs=$(unshare -m runc --root "$RUNC_ROOT" run -b "$BATS_TEST_TMPDIR/b" hostns </dev/null 2>&1; echo "exit $?")
    ours=$(oci run -b "$BATS_TEST_TMPDIR/b" hostns </dev/null 2>&1; echo "exit $?")
    [ "$ours" = "$theirs" ] || { diff <(echo "runc: $theirs") <(echo "tare: $ours"); return 1; }
    [ -z "$(mounts_at "$OCI_ROOTFS")" ]
  done
}

@test "without a mount namespace: exec is in the same root, delete takes the mounts away" {
  sleeper hostns "$HOST_MOUNTS"
  [ -n "$(mounts_at "$OCI_ROOTFS/proc")" ]
  # shared with the host, so only their own processes and theirs alone see the root
  [ "$(readlink "/proc/$(oci_pid hostns)/ns/mnt")" = "$(readlink /proc/self/ns/mnt)" ]
  [ "$(oci exec hostns sh -c 'cat /etc/group; ps | grep -c "[s]leep 1000"')" = "$(cat "$OCI_ROOTFS/etc/group"; echo 1)" ]
  run oci mounts add hostns - <<<'[{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]'
  [ "$status" -eq 1 ]
  says "the container has the host's mounts"
  oci delete -f hostns
  [ -z "$(mounts_at "$OCI_ROOTFS")" ]
}

@test "without a mount namespace: what was mounted on the root before stays, a failure leaves nothing" {
  mkdir "$BATS_TEST_TMPDIR/root"
  mount --bind "$OCI_ROOTFS" "$BATS_TEST_TMPDIR/root"
  before=$(mounts_at "$BATS_TEST_TMPDIR/root")
  bundle "$BATS_TEST_TMPDIR/b" "$HOST_MOUNTS | .root.path = \"$BATS_TEST_TMPDIR/root\" | .process.args = [\"nothing\"]"
  run oci run -b "$BATS_TEST_TMPDIR/b" hostns </dev/null
  after=$(mounts_at "$BATS_TEST_TMPDIR/root")
  bundle "$BATS_TEST_TMPDIR/b" "$HOST_MOUNTS | .root.path = \"$BATS_TEST_TMPDIR/root\""
  oci run -b "$BATS_TEST_TMPDIR/b" hostns2 </dev/null
  end=$(mounts_at "$BATS_TEST_TMPDIR/root")
  umount "$BATS_TEST_TMPDIR/root"
  [ "$status" -eq 1 ]
  [ "$after" = "$before" ]
  [ "$end" = "$before" ]
  bundle "$BATS_TEST_TMPDIR/b" "$HOST_MOUNTS | .linux.namespaces += [{type: \"user\"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings"
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" hostns </dev/null
  says '"user" namespace needs a "mount" namespace'
}

# shared_bind MORE-OF-THE-BUNDLE: what a bind of a shared mount is in the container, whether a mount of the host's shows there,
# and whether one made there shows on the host
shared_bind() {
  local m=$BATS_TEST_TMPDIR/m
  OCI_COMMAND='grep " /mnt " /proc/self/mountinfo
    mkdir -p /mnt/in && mount -t tmpfs made /mnt/in && touch /tmp/ready; while [ ! -e /tmp/go ]; do sleep 0.1; done
    grep -c "/mnt/out .* host " /proc/self/mountinfo' \
    bundle "$BATS_TEST_TMPDIR/b" '.root.readonly = false | .mounts += [{destination: "/mnt", type: "bind", source: $m, options: ["rbind", "shared"]}]
    | .process.capabilities |= with_entries(.value += ["CAP_SYS_ADMIN"]) | '"$1" --arg m "$m"
  rm -f "$OCI_ROOTFS"/tmp/{ready,go}; chmod 1777 "$OCI_ROOTFS/tmp"
  oci run -b "$BATS_TEST_TMPDIR/b" bound </dev/null >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
  wait_until 10 test -e "$OCI_ROOTFS/tmp/ready" || { cat "$BATS_TEST_TMPDIR/said" >&2; umount "$m"; return 1; }
  mount -t tmpfs host "$m/out"
  grep -c "$m/in .* made " /proc/self/mountinfo >"$BATS_TEST_TMPDIR/seen" || true
  touch "$OCI_ROOTFS/tmp/go"
  wait $! || true
  umount "$m/out"; umount "$m/in" 2>/dev/null || true
  sed -E 's/.* rw,relatime (.*) - tmpfs.*/\1/; s/:[0-9]+//g' "$BATS_TEST_TMPDIR"/{said,seen} | tr '\n' ' '
}

@test "a shared bind gives mounts to the host where the root is shared, too, and takes them in any case" {
  local m=$BATS_TEST_TMPDIR/m user
  user='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  mkdir "$m"; mount -t tmpfs tmpfs "$m"; mount --make-shared "$m"; mkdir -m 777 "$m/in" "$m/out"; chmod 777 "$m"
  out="$(shared_bind .)/$(shared_bind '.linux.rootfsPropagation = "rshared"')/$(shared_bind "$user")"
  umount "$m"
  [ "$out" = "shared master 1 0 /shared 1 1 /shared master 1 0 " ] || { echo "$out"; false; }
}

@test "a mount namespace by path: it becomes the container's, and nothing of it reaches the host" {
  mkdir "$BATS_TEST_TMPDIR/m"
  unshare -m --propagation private sh -c 'mount -t tmpfs prepared "$0" && exec sleep 1000' "$BATS_TEST_TMPDIR/m" 3>&- &
  holder=$!
  wait_until 5 grep -qs prepared "/proc/$holder/mountinfo"
  OCI_COMMAND='readlink /proc/self/ns/mnt; cat /etc/group; ls /' bundle "$BATS_TEST_TMPDIR/b" \
    '(.linux.namespaces[] | select(.type == "mount")).path = "/proc/'$holder'/ns/mnt"'
  there=$(readlink /proc/$holder/ns/mnt)
  ours=$(oci run -b "$BATS_TEST_TMPDIR/b" given </dev/null 2>&1; echo "exit $?")
  kill $holder
  [ "$ours" = "$(echo "$there"; cat "$OCI_ROOTFS/etc/group"; ls "$OCI_ROOTFS"; echo "exit 0")" ]
  [ -z "$(mounts_at "$OCI_ROOTFS")" ]
}

@test "a mount namespace by path: the host's is refused, and so is one that a new user namespace has no rights over" {
  root=$(stat -c %i /)
  for pid in self $$; do
    bundle "$BATS_TEST_TMPDIR/b" '(.linux.namespaces[] | select(.type == "mount")).path = "/proc/'$pid'/ns/mnt"'
    run -1 oci run -b "$BATS_TEST_TMPDIR/b" given </dev/null
    says "/proc/$pid/ns/mnt is the host's: leave"
  done
  [ "$(stat -c %i /)" = "$root" ]
  bundle "$BATS_TEST_TMPDIR/b" '(.linux.namespaces[] | select(.type == "mount")).path = "/proc/self/ns/mnt"
    | .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
    | .linux.gidMappings = .linux.uidMappings'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" given </dev/null
  says 'a new "user" namespace has no rights over a "mount" namespace that is joined by path'
}

@test "a working folder that is missing is made, also on a root that will be read-only" {
  bundle "$BATS_TEST_TMPDIR/b" '.root.readonly = true | .process.cwd = "/made/for/it" | .process.args = ["pwd"]'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" made </dev/null
  [ "$output" = /made/for/it ]
  rm -r "$OCI_ROOTFS/made"
  as_runc "$BATS_TEST_TMPDIR/b"
  rm -r "$OCI_ROOTFS/made"
}

# newer kernels list mounts by their making, not by their attaching: tools and tests expect the specification's order
@test "mounts are listed in the specification's order" {
  mkdir "$BATS_TEST_TMPDIR/given"
  OCI_COMMAND="awk '{ print \$5 }' /proc/self/mountinfo" bundle "$BATS_TEST_TMPDIR/b" \
    '.mounts = [{destination: "/tmp", type: "tmpfs", source: "a"}, {destination: "/tmp/given", type: "bind", source: $d, options: ["bind"]}]
      + .mounts + [{destination: "/root", type: "bind", source: $d, options: ["rbind", "ro"]}, {destination: "/etc", type: "tmpfs"}]
      | .linux.maskedPaths = [] | .linux.readonlyPaths = []' --arg d "$BATS_TEST_TMPDIR/given"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" order </dev/null
  [ "$(grep -vE '^/sys/fs/cgroup/|^/$' <<<"$output")" = "$(jq -r '.mounts[].destination' "$BATS_TEST_TMPDIR/b/config.json")" ]
}

@test "ids of a bind are mapped without a user namespace, too, whether its source is outside of the root or in it" {
  local map='{uidMappings: [{containerID: 0, hostID: 1000, size: 10}], gidMappings: [{containerID: 0, hostID: 2000, size: 10}]}'
  mkdir "$BATS_TEST_TMPDIR/given"
  touch "$BATS_TEST_TMPDIR/given/file"
  OCI_COMMAND='stat -c %u:%g /tmp/file /root/busybox /mnt' bundle "$BATS_TEST_TMPDIR/b" \
    '.mounts += [{destination: "/tmp", type: "bind", source: $d, options: ["bind"]} + '"$map"',
      {destination: "/root", type: "bind", source: ($r + "/bin"), options: ["rbind", "ridmap"]} + '"$map"',
      {destination: "/mnt", type: "bind", source: ($r + "/etc"), options: ["rbind", "idmap"]}]' --arg d "$BATS_TEST_TMPDIR/given"
  mkdir -p "$OCI_ROOTFS/mnt"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" mapped </dev/null
  [ "$output" = $'1000:2000\n1000:2000\n0:0' ]
}

@test "ids of a bind are mapped as its option idmap= says, as crun has it" {
  local user='.linux.namespaces += [{type: "user"}] | .linux.gidMappings = [{containerID: 0, hostID: 400000, size: 65536}]
    | .linux.uidMappings = [{containerID: 0, hostID: 300000, size: 1}, {containerID: 1, hostID: 310000, size: 1000}]'
  mkdir "$BATS_TEST_TMPDIR/given"
  touch "$BATS_TEST_TMPDIR/given/file"
  chown 5:6 "$BATS_TEST_TMPDIR/given/file"
  OCI_COMMAND='stat -c %u:%g /tmp/file /root /root/busybox' bundle "$BATS_TEST_TMPDIR/b" \
    '.mounts += [{destination: "/tmp", type: "bind", source: $d, options: ["bind", "idmap=uids=0-1-3#5-11-10;gids=0-100-10"]},
      {destination: "/root", type: "bind", source: ($r + "/bin"), options: ["rbind", "ridmap=uids=0-1000-1;gids=0-2000-1"]}]' \
    --arg d "$BATS_TEST_TMPDIR/given"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" mapped </dev/null
  [ "$output" = $'11:106\n1000:2000\n1000:2000' ]
  # in a user namespace the host's ids are seen through it; with "@" they are counted from its own
  chmod 755 "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  OCI_COMMAND='stat -c %u:%g /tmp/file /root/file; touch /root/made' bundle "$BATS_TEST_TMPDIR/b" \
    "$user"' | .mounts += [{destination: "/tmp", type: "bind", source: $d, options: ["bind", "idmap=uids=5-310007-1;gids=0-400000-10"]},
      {destination: "/root", type: "bind", source: $d, options: ["bind", "idmap=uids=@0-0-1001;gids=@6-2-1#0-400000-1"]}]' \
    --arg d "$BATS_TEST_TMPDIR/given"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" mapped </dev/null
  [ "$output" = $'8:6\n5:2' ]
  [ "$(stat -c %u:%g "$BATS_TEST_TMPDIR/given/made")" = 0:0 ]
}

@test "an idmap= that is no map is one line that says what is wrong" {
  local bad options what more
  for bad in '"idmap=uids=0-1;gids=0-1-1"|uids=: a range is three numbers, FILE-HOST-SIZE, as in idmap=uids=' \
    '"idmap=uids=0-1-1"|uids and gids belong together' '"ridmap=uids=@0-0-1;gids=0-0-1"|the container'"'"'s user namespace maps no id 0' \
    '"idmap=uids=0-0-5#4-9-1;gids=0-0-1"|ranges overlap' \
    '"idmap=uids=0-0-1;gids=0-0-1"|it has id maps twice|uidMappings: [{containerID: 0, hostID: 1, size: 1}], gidMappings: [{containerID: 0, hostID: 1, size: 1}]' \
    '"remount", "idmap=uids=0-0-1;gids=0-0-1"|those are for new mounts'; do
    IFS='|' read -r options what more <<<"$bad"
    bundle "$BATS_TEST_TMPDIR/b" ".mounts += [{destination: \"/tmp\", source: \"/etc\", options: [\"bind\", $options]${more:+, $more}}]"
    run -1 oci run -b "$BATS_TEST_TMPDIR/b" bad </dev/null
    says "mount on /tmp: "
    says "$what"
    [ "${#lines[@]}" = 1 ]
  done
}

LINK_USER='.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 300000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'

# A root of the test's own, which a user namespace may change, with links to mount on; a file and a link to it to mount.
link_ends() {
  chmod 755 "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  cp -a "$OCI_ROOTFS" "$BATS_TEST_TMPDIR/r"
  ln -s point-to-nowhere "$BATS_TEST_TMPDIR/r/link"
  ln -s /etc/passwd "$BATS_TEST_TMPDIR/r/etc/users"
  ln -s /run/deep "$BATS_TEST_TMPDIR/r/deep"
  chown -hR 300000:300000 "$BATS_TEST_TMPDIR/r"
  echo content >"$BATS_TEST_TMPDIR/file"
  ln -s file "$BATS_TEST_TMPDIR/to-file"
}
link_bundle() { # MOUNTS COMMAND [FILTER]
  OCI_COMMAND=$2 bundle "$BATS_TEST_TMPDIR/b" ".root = {path: (\$d + \"/r\"), readonly: false} | .mounts += [$1] | ${3:-.}" --arg d "$BATS_TEST_TMPDIR"
}

@test "src-nofollow, dest-nofollow: a link is bound itself, and mounted on itself, as crun has it" {
  link_ends
  local more both='options: ["bind", "src-nofollow", "dest-nofollow"]}' src='options: ["bind", "src-nofollow"]}' dest='options: ["bind", "dest-nofollow"]}'
  for more in . "$LINK_USER"; do
    # a link on a link, a file on a link, what a link leads to on a link; where nothing is, a link or a file
    link_bundle '{destination: "/link", source: ($d + "/to-file"), '"$both"', {destination: "/etc/users", source: ($d + "/to-file"), '"$dest"',
      {destination: "/new/link", source: ($d + "/to-file"), '"$src"', {destination: "/new/file", source: ($d + "/file"), '"$both"',
      {destination: "/deep/file", source: ($d + "/file"), '"$dest"', {destination: "/in", source: ($d + "/r/deep"), '"$both" \
      'for l in /link /new/link /in; do readlink $l; done; cat /etc/users /new/file /run/deep/file; grep root /etc/passwd; grep -c " /link " /proc/self/mountinfo' "$more"
    run -0 oci run -b "$BATS_TEST_TMPDIR/b" links </dev/null
    [ "$output" = $'file\nfile\n/run/deep\ncontent\ncontent\ncontent\nroot:x:0:0:root:/root:/bin/sh\n1' ]
    [ "$(readlink "$BATS_TEST_TMPDIR/r/link")" = point-to-nowhere ]
    rm -r "$BATS_TEST_TMPDIR"/r/{new,in,run}
  done
  # without them both ends are followed
  link_bundle '{destination: "/etc/users", source: ($d + "/to-file"), options: ["bind"]}' 'cat /etc/passwd; readlink /etc/users'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" links </dev/null
  [ "$output" = $'content\n/etc/passwd' ]
}

@test "copy-symlink: a link is made again, what is none is bound, as crun has it" {
  link_ends
  local more copy='options: ["rbind", "copy-symlink"]}' want
  for more in . "$LINK_USER"; do
    link_bundle '{destination: "/a/sym/link", source: ($d + "/to-file"), type: "bind", '"$copy"', {destination: "/deep/link", source: ($d + "/to-file"), '"$copy"',
      {destination: "/tmp", source: ($d + "/r/etc"), '"$copy"', {destination: "/in", source: ($d + "/r/etc/users"), '"$copy" \
      'for l in /a/sym/link /run/deep/link /in; do readlink $l; done; stat -c %u:%g /in; cat /tmp/group; grep -c -e link -e " /in " /proc/self/mountinfo' "$more"
    want=$(printf 'file\nfile\n/etc/passwd\n0:0\n'; cat "$OCI_ROOTFS/etc/group"; echo 0)
    # and once more: they are there
    for again in 1 2; do
      run oci run -b "$BATS_TEST_TMPDIR/b" links </dev/null
      [ "$output" = "$want" ]
    done
    [ "$(readlink "$BATS_TEST_TMPDIR/r/in")" = /etc/passwd ]
    rm -r "$BATS_TEST_TMPDIR"/r/{a,in,run}
  done
}

@test "links at the ends of a bind: what can't be is one line that says why, and nothing is changed" {
  link_ends
  local bad mount what more
  for more in . "$LINK_USER"; do
    for bad in '{destination: "/link", source: ($d + "/to-file"), options: ["bind", "copy-symlink"]}|copy-symlink: what is there is not the same link as the source' \
      '{destination: "/etc", source: ($d + "/to-file"), options: ["bind", "copy-symlink"]}|what is there is not the same link as the source' \
      '{destination: "/link", source: ($d + "/to-file"), options: ["bind", "copy-symlink", "src-nofollow"]}|copy-symlink does not go with src-nofollow' \
      '{destination: "/link", type: "tmpfs", options: ["dest-nofollow"]}|are for bind mounts' \
      '{destination: "/proc", options: ["bind", "remount", "src-nofollow"]}|are for bind mounts' \
      '{destination: "/link", source: $d, options: ["bind", "dest-nofollow"]}|mount on the link that is there' \
      '{destination: "/link", source: ($d + "/nowhere"), options: ["bind", "src-nofollow"]}|nowhere: ' \
      '{destination: "/proc/self", source: ($d + "/to-file"), options: ["bind", "src-nofollow", "dest-nofollow"]}|which nothing may be mounted over' \
      '{destination: "/proc/1/exe", source: ($d + "/to-file"), options: ["bind", "src-nofollow", "dest-nofollow"]}|which nothing may be mounted over'; do
      IFS='|' read -r mount what <<<"$bad"
      link_bundle "$mount" true "$more"
      run -1 oci run -b "$BATS_TEST_TMPDIR/b" bad </dev/null
      says "mount on /"
      says "$what"
      [ "${#lines[@]}" = 1 ]
    done
  done
  [ "$(readlink "$BATS_TEST_TMPDIR/r/link")" = point-to-nowhere ]
}

@test "what is masked in /proc stays masked when /proc is a link by src-nofollow or copy-symlink" {
  link_ends
  local option
  ln -s elsewhere "$BATS_TEST_TMPDIR/moved"
  for option in src-nofollow copy-symlink; do
    mkdir "$BATS_TEST_TMPDIR/r/elsewhere"
    rmdir "$BATS_TEST_TMPDIR/r/proc"
    link_bundle '{destination: "/elsewhere", type: "proc", source: "proc"}, {destination: "/proc", source: ($d + "/moved"), options: ["bind", "'$option'"]}' \
      'readlink /proc; wc -c </elsewhere/version; grep -c " /elsewhere/sys ro," /proc/self/mountinfo' \
      '.mounts |= map(select(.destination != "/proc" or .source != "proc")) | .linux.maskedPaths = ["/proc/version"] | .linux.readonlyPaths = ["/proc/sys"]'
    run -0 oci run -b "$BATS_TEST_TMPDIR/b" masked </dev/null
    [ "$output" = $'elsewhere\n0\n1' ]
    rm -f "$BATS_TEST_TMPDIR/r/proc"
    rmdir "$BATS_TEST_TMPDIR/r/elsewhere"
    mkdir "$BATS_TEST_TMPDIR/r/proc"
  done
}
