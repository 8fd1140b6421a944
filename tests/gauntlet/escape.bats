#!/usr/bin/env bats
# Known container escapes, replayed from inside. Each must fail, with the container left as it was.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; export SECRET=$BATS_FILE_TMPDIR/secret; echo "host secret" >"$SECRET"; chmod 600 "$SECRET"; }
teardown_file() { tare_teardown_file; }

run_in() { run --separate-stderr tare run --rm "$@"; }

@test "CVE-2019-5736: a container cannot write the program that runs it through /proc/PID/exe" {
  local before after
  before=$(cat "$TARE_BIN"/tare* | sha256sum)
  tare run -d --name exe busybox sh -c 'printf "#!/proc/self/exe\n" >/evil; chmod +x /evil
    while :; do for p in /proc/[0-9]*; do [ "$p" = /proc/1 ] || { : <>"$p/exe"; } 2>/dev/null && echo "opened $p/exe"; done; done'
  for _ in 1 2 3 4 5 6 7 8; do tare exec exe /evil >/dev/null 2>&1 || true; done
  run tare logs exe
  tare rm -f exe
  after=$(cat "$TARE_BIN"/tare* | sha256sum)
  [ "$before" = "$after" ]
}

@test "CVE-2024-21626: no working directory leads out through a leaked descriptor" {
  local n
  for n in 3 4 5 6 7 8 9 10 11 12 13 14; do
    run_in -w "/proc/self/fd/$n" busybox sh -c 'cat ../../../../../../../../../etc/debian_version || cat ../../../../../../..'"$SECRET"
    [ "$status" -ne 0 ]
    [[ "$output" != *"host secret"* ]]
  done
}

@test "no descriptor of the host is open in a container's process" {
  run_in busybox sh -c 'ls -l /proc/self/fd | sed -n "s/.*-> //p" | sort -u'
  [ "$status" -eq 0 ]
  run -1 grep -vE '^(total 0|/dev/null|pipe:|/proc/[0-9]+/fd|.*/(stdout|stderr))' <<<"$output"
  tare run -d --name fds busybox sleep 100
  run tare exec fds sh -c 'ls /proc/self/fd | wc -l'
  tare rm -f fds
  [ "$output" -le 4 ]
}

@test "a mount target that is a link stays inside the root" {
  local root=$BATS_TEST_TMPDIR/rootfs src=$BATS_TEST_TMPDIR/src
  mkdir -p "$root/bin" "$root/$BATS_TEST_TMPDIR/outside" "$src" "$BATS_TEST_TMPDIR/outside"; echo inside >"$src/file"
  cp /bin/busybox "$root/bin/busybox"; ln -s busybox "$root/bin/sh"
  ln -s "$BATS_TEST_TMPDIR/outside" "$root/abs"; ln -s ../../../../../../../.."$BATS_TEST_TMPDIR/outside" "$root/up"
  run_in --rootfs "$root" -v "$src:/abs/x" -v "$src:/up/y" /bin/busybox cat "$BATS_TEST_TMPDIR/outside/x/file"
  [ "$status" -eq 0 ]
  [ "$output" = inside ]
  [ -z "$(ls -A "$BATS_TEST_TMPDIR/outside")" ]
}

@test "a mount target behind a dangling link is made inside the root" {
  local root=$BATS_TEST_TMPDIR/rootfs far=$BATS_TEST_TMPDIR/far
  mkdir -p "$root/bin" "$BATS_TEST_TMPDIR/src"; cp /bin/busybox "$root/bin/busybox"
  ln -s "$far" "$root/link"; ln -s ../../../../../../../../../..$far/up "$root/up"; ln -s circle "$root/circle"
  echo inside >"$BATS_TEST_TMPDIR/src/file"
  run_in --rootfs "$root" -v "$BATS_TEST_TMPDIR/src:/link/x" -v "$BATS_TEST_TMPDIR/src:/up/x" \
    /bin/busybox cat "$far/x/file" "$far/up/x/file"
  [ "$status" -eq 0 ]
  [ "$output" = $'inside\ninside' ]
  [ -d "$root$far/up/x" ]
  [ ! -e "$far" ]
  run_in --rootfs "$root" -v "$BATS_TEST_TMPDIR/src:/circle/x" /bin/busybox true
  [ "$status" -eq 125 ]
  [[ "$stderr" == *"/circle/x"* ]]
}

@test "CVE-2019-19921: nothing is mounted over /proc, whatever name leads there" {
  local root=$BATS_TEST_TMPDIR/rootfs
  mkdir -p "$root/bin" "$root/proc" "$BATS_TEST_TMPDIR/src"; cp /bin/busybox "$root/bin/busybox"; touch "$BATS_TEST_TMPDIR/file"
  ln -s /proc "$root/lnk"; ln -s proc/sys/kernel "$root/rel"; ln -s /proc/sys/kernel/core_pattern "$root/core"
  for v in "$BATS_TEST_TMPDIR/src:/lnk" "$BATS_TEST_TMPDIR/src:/lnk/self/attr" "$BATS_TEST_TMPDIR/src:/rel" "$BATS_TEST_TMPDIR/file:/core"; do
    run_in --rootfs "$root" -v "$v" /bin/busybox true
    [ "$status" -eq 125 ]
    [[ "$stderr" == *"/proc"* ]]
  done
  run_in --rootfs "$root" --tmpfs /lnk/self/attr /bin/busybox true
  [ "$status" -eq 125 ]
}

@test "proc, sys and dev of an image that are links are refused or stay inside" {
  local root=$BATS_TEST_TMPDIR/rootfs
  mkdir -p "$root/bin" "$BATS_TEST_TMPDIR/outside"
  cp /bin/busybox "$root/bin/busybox"
  for d in proc sys dev; do ln -s "$BATS_TEST_TMPDIR/outside" "$root/$d"; done
  run_in --rootfs "$root" /bin/busybox true
  [ -z "$(ls -A "$BATS_TEST_TMPDIR/outside")" ]
}

@test "settings of the kernel cannot be written" {
  local f
  for f in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /sys/kernel/uevent_helper /proc/sys/vm/drop_caches /proc/irq/default_smp_affinity; do
    run_in busybox sh -c "echo x >$f"
    [ "$status" -ne 0 ]
  done
}

@test "masked files read as nothing" {
  run_in busybox sh -c 'cat /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | wc -c; ls /sys/firmware /proc/scsi 2>/dev/null | wc -l'
  [ "${lines[0]}" = 0 ]
}

@test "the classic cgroup v1 release_agent escape finds nothing to mount or write" {
  run_in --cap-add SYS_ADMIN busybox sh -c 'mkdir /x && mount -t cgroup -o memory cgroup /x && echo "$0" >/x/release_agent'
  [ "$status" -ne 0 ]
  run_in busybox sh -c 'find /sys/fs/cgroup -name release_agent | while read -r f; do echo /x >"$f" && echo wrote; done'
  [[ "$output" != *wrote* ]]
}

@test "mount, mknod, chroot breakout and new user namespaces are refused by default" {
  local c
  for c in 'mount -t tmpfs x /mnt' 'mkdir /m && mount -t proc proc /m' 'mknod /x b 7 0' 'unshare -r true' 'unshare -m true' 'swapoff -a' 'insmod /x' 'hostname x'; do
    run_in busybox sh -c "$c"
    [ "$status" -ne 0 ] || { echo "worked: $c"; false; }
  done
}

@test "a device node of the image opens nothing" {
  local root=$BATS_TEST_TMPDIR/rootfs
  mkdir -p "$root/bin" "$root/proc"; cp /bin/busybox "$root/bin/busybox"
  mknod "$root/mem" c 1 1; mknod "$root/zero" c 1 5; chmod 666 "$root/mem" "$root/zero"
  run_in --rootfs "$root" /bin/busybox dd if=/zero of=/dev/null bs=1 count=1
  [ "$status" -ne 0 ]
  run_in --rootfs "$root" /bin/busybox dd if=/mem of=/dev/null bs=1 count=1
  [ "$status" -ne 0 ]
}

@test "a set-uid program gains nothing" {
  local root=$BATS_TEST_TMPDIR/rootfs
  mkdir -p "$root/bin" "$root/proc"; cp /bin/busybox "$root/bin/busybox"; chmod 4755 "$root/bin/busybox"
  run_in --rootfs "$root" -u 1000:1000 /bin/busybox sh -c 'grep -E "^(Uid|NoNewPrivs|CapEff)" /proc/self/status'
  [ "$status" -eq 0 ]
  grep -qE '^Uid:\s+1000\s+1000' <<<"$output"
  grep -qE '^NoNewPrivs:\s+1' <<<"$output"
  grep -qE '^CapEff:\s+0000000000000000' <<<"$output"
}

@test "host processes, mounts and other containers are not to be seen" {
  tare run -d --name neighbour busybox sleep 1000
  run_in busybox sh -c 'ls -d /proc/[0-9]* | wc -l; cat /proc/self/mountinfo'
  tare rm -f neighbour
  [ "${lines[0]}" -le 4 ]
  run -1 grep -q " - ext4 .* rw.*$BATS_FILE_TMPDIR/root/containers" <<<"$output"
}

@test "container root is nobody on the host: files of the host's root in a plain view stay closed" {
  run_in -v "$BATS_FILE_TMPDIR:/w:ro,noidmap" busybox cat /w/secret
  [ "$status" -ne 0 ]
  [[ "$output" != *"host secret"* ]]
}

@test "two containers have different host ids" {
  tare run -d --name ids1 busybox sleep 1000; tare run -d --name ids2 busybox sleep 1000
  local a b
  a=$(awk '{ print $2; exit }' "/proc/$(live ids1 pid)/uid_map"); b=$(awk '{ print $2; exit }' "/proc/$(live ids2 pid)/uid_map")
  tare rm -f ids1 ids2
  [ "$a" -gt 65535 ] && [ "$b" -gt 65535 ] && [ "$a" != "$b" ]
}
