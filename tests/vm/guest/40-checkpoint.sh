# tare-oci checkpoint and restore with Debian's CRIU: what runs goes on with its memory, its mounts and its limits.
# shellcheck shell=sh
[ -x /usr/local/bin/tare-oci ] && [ -x /usr/sbin/criu ] || return 0

ck_root=/run/oci-checkpoint ck=/root/ck
oc() { timeout 60 /usr/local/bin/tare-oci --root "$ck_root" "$@"; }
# ID COMMAND [EXTRA MOUNTS] [MORE OF LINUX] [MORE OF PROCESS] [MORE]: a bundle in $ck/ID
ck_bundle() {
  mkdir -p "$ck/$1/rootfs/bin" "$ck/$1/rootfs/dev" || return 1
  [ -e "$ck/$1/rootfs/bin/busybox" ] || cp /bin/busybox "$ck/$1/rootfs/bin/" || return 1
  for a in sh sleep cat ls echo nc ip tty readlink mkfifo; do ln -sf busybox "$ck/$1/rootfs/bin/$a"; done
  cat >"$ck/$1/config.json" <<JSON
{ "ociVersion": "1.0.2", "root": { "path": "rootfs", "readonly": true }, "hostname": "held", ${6:-}
  "process": { "cwd": "/", "env": ["PATH=/bin"], "user": { "uid": 0, "gid": 0 }, "noNewPrivileges": true, ${5:-}
    "args": ["/bin/sh", "-c", "$2"] },
  "mounts": [ { "destination": "/proc", "type": "proc", "source": "proc" },
    { "destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"] },
    { "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"] },
    { "destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["ro"] },
    { "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"] }, ${3:-}
    { "destination": "/tmp", "type": "tmpfs", "source": "tmpfs" } ],
  "linux": { "cgroupsPath": "/tare-ck-$1", ${4:-}
    "namespaces": [ { "type": "pid" }, { "type": "mount" }, { "type": "network" }, { "type": "ipc" }, { "type": "uts" },
      { "type": "cgroup" } ],
    "maskedPaths": [ "/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/acpi" ], "readonlyPaths": [ "/proc/sys" ] } }
JSON
}
ck_count='i=0; while :; do i=$((i+1)); echo $i >/tmp/n; sleep 0.1; done' # in memory; the file only shows it
ck_run() { oc run -d -b "$ck/$1" "$1" </dev/null >/dev/null 2>&1 || fail "run $1"; }
ck_n() { # the file is empty for a moment each time it is written
  for _ in 1 2 3 4 5; do
    oc exec "$1" cat /tmp/n | grep . && return 0
  done
}
ck_counts() { # ID: soon more than the second argument
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    counted=$(ck_n "$1") && [ -n "$counted" ] && [ "$counted" -gt "$2" ] && return 0
    sleep 0.2
  done
  fail "it has counted to $counted"
}
ck_status() { oc state "$1" | sed -n 's/.*"status": *"\([a-z]*\)".*/\1/p'; }
ck_pid() { oc state "$1" | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p'; }
ck_mounts() { oc exec "$1" cat /proc/self/mountinfo | cut -d' ' -f4- | sort; }
ck_saved() { # ID [OPTIONS]: checkpointed into $ck/ID/image
  id=$1; shift
  oc checkpoint --network-lock nftables --image-path "$ck/$id/image" "$@" "$id" || { tail -5 "$ck/$id/image/dump.log"; return 1; }
}
ck_back() { # IMAGES-OF ID [OPTIONS]: restored as ID from the bundle and the image of IMAGES-OF
  of=$1 id=$2; shift 2
  oc restore -d -b "$ck/$of" --image-path "$ck/$of/image" "$@" "$id" </dev/null >"$ck/$id.err" 2>&1 ||
    { cat "$ck/$id.err"; grep Error "$ck/$of/image/restore.log"; return 1; }
}
ck_end() { oc delete -f "$1" && [ ! -e "/sys/fs/cgroup/tare-ck-$1" ]; }
ck_machine() { # what must be the same before and after
  find /sys/fs/cgroup -type d -path '*tare-ck*'
  awk '{ print "mount " $5, $6, $NF }' /proc/self/mountinfo
  ls "$ck_root" 2>/dev/null
  # shellcheck disable=SC2009
  ps -o comm | grep -E '^(criu|tare)' | sort
}

ck_criu() { criu check; }

ck_stop_and_restore() {
  mkdir -p "$ck/v1" "$ck/v2" && echo volume >"$ck/v2/f" || return 1
  ck_bundle a "$ck_count" \
    "{\"destination\":\"/v1\",\"source\":\"$ck/v1\",\"options\":[\"bind\",\"ro\"]}, {\"destination\":\"/v2\",\"source\":\"$ck/v2\",\"options\":[\"bind\",\"ro\",\"nosuid\"]}, {\"destination\":\"/v3/f\",\"source\":\"$ck/v2/f\",\"options\":[\"bind\"]}," \
    '"resources": { "memory": { "limit": 67108864 }, "pids": { "limit": 30 } },' && ck_run a && ck_counts a 3 || return 1
  ck_mounts a >"$ck/mounts"
  saved=$(ck_n a)
  ck_saved a || return 1
  ! oc state a 2>/dev/null || fail "it is still there" || return 1
  [ ! -e /sys/fs/cgroup/tare-ck-a ] || fail "its cgroup is still there" || return 1
  ck_back a a --pid-file "$ck/pid" || return 1
  [ "$(ck_status a)" = running ] && [ "$(ck_pid a)" = "$(cat "$ck/pid")" ] || fail "$(oc state a)" || return 1
  echo "saved at $saved"
  first=$(ck_n a)
  [ "$first" -ge "$saved" ] && ck_counts a "$first"
}
ck_same_mounts() {
  ck_mounts a >"$ck/mounts2"
  diff "$ck/mounts" "$ck/mounts2" && [ "$(wc -l <"$ck/mounts")" -gt 10 ] || return 1
  ! oc exec a sh -c 'echo >/v1/x || echo >/v2/x || echo >/x' 2>/dev/null
}
ck_same_limits() {
  cg=/sys/fs/cgroup/tare-ck-a
  grep -H . $cg/memory.max $cg/pids.max
  [ "$(cat $cg/memory.max)" = 67108864 ] && [ "$(cat $cg/pids.max)" = 30 ] && grep -qx "$(ck_pid a)" $cg/cgroup.procs &&
    [ "$(oc exec a cat /proc/self/cgroup)" = 0::/ ]
}
ck_lives_on() { # what else the runtime does with it
  [ "$(oc exec a cat /proc/sys/kernel/hostname)" = held ] || fail hostname || return 1
  oc exec a ip link show lo | grep -q 'LOOPBACK,UP' || fail "lo is down" || return 1
  grep -E '^(NoNewPrivs|CapEff)' "/proc/$(ck_pid a)/status"
  grep -qx 'NoNewPrivs:.1' "/proc/$(ck_pid a)/status" || return 1
  oc ps a | grep -q sleep && oc list | grep -q running && oc pause a && [ "$(ck_status a)" = paused ] && oc resume a || return 1
  oc kill a KILL && sleep 0.5 && [ "$(ck_status a)" = stopped ] && oc delete a
}
ck_leaves_running() {
  ck_bundle b "$ck_count" && ck_run b && ck_counts b 2 && ck_saved b --leave-running || return 1
  now=$(ck_n b) pid=$(ck_pid b)
  ck_counts b "$now" && oc kill b KILL && sleep 0.5 && oc delete b && ck_back b b && [ "$(ck_pid b)" != "$pid" ] || return 1
  [ "$(ck_n b)" -lt $((now + 5)) ] || fail "it came back at $(ck_n b), not at $now" || return 1
  ck_counts b "$now" && ck_end b
}
ck_pre_dumps() {
  # one holds memory and does nothing; the one that counts forks
  hold='(x=$(i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo page page page page page; done); mkfifo /tmp/never; read y </tmp/never) &'
  ck_bundle c "$hold $ck_count" && ck_run c || return 1
  until oc exec c ls /tmp/never >/dev/null 2>&1; do sleep 0.5; done
  ck_counts c 1 || return 1
  oc checkpoint --network-lock nftables --pre-dump --image-path "$ck/c/parent" c || return 1
  now=$(ck_n c) && ck_counts c "$now" || return 1
  ! oc restore -d -b "$ck/c" --image-path "$ck/c/parent" never >"$ck/out" 2>&1 && grep 'can only be a parent' "$ck/out" || return 1
  ck_saved c --parent-path ../parent || return 1
  [ "$(readlink "$ck/c/image/parent")" = ../parent ] || return 1
  parent=$(cat "$ck"/c/parent/pages-*.img | wc -c) child=$(cat "$ck"/c/image/pages-*.img | wc -c)
  echo "pages: $parent bytes in the parent, $child after it"
  [ "$child" -lt $((parent / 2)) ] && ck_back c c && ck_counts c "$now" && ck_end c
}
ck_pauses_too() {
  ck_bundle d "$ck_count" && ck_run d && ck_counts d 2 && oc pause d && ck_saved d && ck_back d d && ck_counts d 3 && ck_end d
}
ck_terminal() {
  ck_bundle e "echo on \$(tty); while read l; do echo got \$l; done" "" "" '"terminal": true,' || return 1
  receive-console "$ck/console" >"$ck/first" & receiver=$!
  sleep 1
  oc run -d -b "$ck/e" --console-socket "$ck/console" e || return 1
  sleep 1
  grep '^got hi' "$ck/first" || fail "$(cat "$ck/first")" || return 1
  ck_saved e || return 1
  wait $receiver
  receive-console "$ck/console" >"$ck/second" & receiver=$!
  sleep 1
  ! ck_back e e 2>/dev/null && grep 'console socket' "$ck/e.err" || fail "without a console socket: $(cat "$ck/e.err")" || return 1
  ck_back e e --console-socket "$ck/console" || return 1
  sleep 1
  cat "$ck/second"
  grep '^got hi' "$ck/second" || return 1
  [ "$(oc exec e readlink /proc/1/fd/0)" = /dev/pts/0 ] && ck_end e && wait $receiver
}
ck_pipes() { # what was a pipe is ours again: the output comes here, the exit code is passed on
  ck_bundle f "until [ -e /tmp/go ]; do sleep 0.1; done; echo out; echo err >&2; exit 9" && rm -f "$ck/go" || return 1
  oc run -d -b "$ck/f" f </dev/null 2>&1 | cat >/dev/null &
  sleep 2
  ck_saved f || return 1
  cat "$ck/f/image/descriptors.json"
  grep -q 'pipe:' "$ck/f/image/descriptors.json" || return 1
  # out of its three descriptors the first was no pipe
  { oc restore -b "$ck/f" --image-path "$ck/f/image" f </dev/null; echo "code $?"; } 2>&1 | cat >"$ck/out" & restorer=$!
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    oc exec f sh -c 'echo >/tmp/go' 2>/dev/null && break
    sleep 0.5
  done
  wait $restorer
  cat "$ck/out"
  grep -qx out "$ck/out" && grep -qx err "$ck/out" && grep -qx 'code 9' "$ck/out" && ! oc state f 2>/dev/null
}
ck_hooks() { # prestart and createRuntime run when the namespaces are there, poststop when it was saved
  hook='{"path":"/bin/sh","args":["sh","-c","cat >>/root/ck/WHICH; echo >>/root/ck/WHICH"]}'
  ck_bundle g "$ck_count" "" "" "" "\"hooks\":{\"createRuntime\":[$(echo "$hook" | sed s/WHICH/cr/g)],\"poststart\":[$(echo "$hook" | sed s/WHICH/ps/g)],\"poststop\":[$(echo "$hook" | sed s/WHICH/pt/g)]}," &&
    ck_run g && ck_saved g && ck_back g g || return 1
  head "$ck/cr" "$ck/ps" "$ck/pt"
  grep "\"pid\":$(ck_pid g)" "$ck/cr" | grep '"status":"creating"' | grep '"id":"g"' && [ "$(grep -c stopped "$ck/pt")" = 1 ] &&
    [ "$(wc -l <"$ck/ps")" = 1 ] && ck_end g || return 1
  rm "$ck/g/config.json"
  ck_bundle g "$ck_count" "" "" "" '"hooks":{"createRuntime":[{"path":"/bin/false"}]},'
  ! ck_back g g2 >/dev/null && grep 'error running createRuntime hook' "$ck/g2.err" && ! oc state g2 2>/dev/null && [ ! -e /sys/fs/cgroup/tare-ck-g ]
}
ck_fails() { # a dump that CRIU refuses: the container goes on, and there is no image
  ck_bundle h "sleep 1000 | nc -l -p 9999 & sleep 1; sleep 1000 | nc 127.0.0.1 9999 & $ck_count" && ck_run h && ck_counts h 20 || return 1
  ! ck_saved h >"$ck/out" 2>&1 || fail "it was saved" || return 1
  cat "$ck/out"
  grep -q "Error (criu/.*(log: $ck/h/image/dump.log)" "$ck/out" && [ ! -e "$ck/h/image/descriptors.json" ] || return 1
  now=$(ck_n h) && [ "$(ck_status h)" = running ] && ck_counts h "$now" || return 1
  ! ck_back h h2 >/dev/null && grep 'not complete\|no checkpoint is there\|no whole image' "$ck/h2.err" || return 1
  ck_saved h --tcp-established && ck_back h h --tcp-established && ck_counts h "$now" && ck_end h
}
ck_refuses() { # a restore that cannot be: nothing is left of it
  ck_bundle i "$ck_count" && ck_run i && ck_saved i || return 1
  echo other >"$ck/i/rootfs/bin/busybox.new" && mv "$ck/i/rootfs/bin/busybox.new" "$ck/i/rootfs/bin/busybox"
  ! ck_back i i >/dev/null || fail "with another program" || return 1
  cat "$ck/i.err"
  grep -q "Error (criu/.*bin/busybox has bad .*(log: $ck/i/image/restore.log)" "$ck/i.err" && ! oc state i 2>/dev/null &&
    [ ! -e /sys/fs/cgroup/tare-ck-i ] || return 1
  cp /bin/busybox "$ck/i/rootfs/bin/" && chmod 755 "$ck/i/rootfs/bin/busybox" && ck_back i i || return 1
  # the id is taken: the first one does not even notice
  now=$(ck_n i)
  ! ck_back i i >/dev/null && grep exists "$ck/i.err" && ck_counts i "$now" && ck_end i
}
ck_as_runc() { # runc restores what we saved, and we what it saved
  ck_bundle j "$ck_count" && ck_run j && ck_counts j 3 && mkdir -p /etc/criu && echo 'network-lock nftables' >/etc/criu/default.conf || return 1
  now=$(ck_n j) && ck_saved j || return 1
  runc restore -d -b "$ck/j" --image-path "$ck/j/image" j </dev/null >"$ck/out" 2>&1 || { cat "$ck/out"; return 1; }
  sleep 1
  for _ in 1 2 3 4 5; do theirs=$(runc exec j cat /tmp/n | grep .) && break; done # as in ck_n
  rm -rf "$ck/j/image"
  runc checkpoint --image-path "$ck/j/image" j && [ "$theirs" -gt "$now" ] && ck_back j j && ck_counts j "$theirs" && ck_end j
  code=$?
  runc delete -f j
  rm /etc/criu/default.conf
  mount -o remount,nsdelegate /sys/fs/cgroup # which runc's CRIU has taken away
  return $code
}
ck_page_server() { # memory goes to another program's folder, not into the image
  ck_bundle k "$ck_count" && ck_run k && ck_counts k 3 && mkdir -p "$ck/k/pages" || return 1
  criu page-server --images-dir "$ck/k/pages" --address 127.0.0.1 --port 9977 & server=$!
  sleep 1
  now=$(ck_n k) && ck_saved k --page-server 127.0.0.1:9977 && wait $server || return 1
  ! ls "$ck"/k/image/pages-*.img 2>/dev/null && ls "$ck"/k/pages/pages-*.img || return 1
  mv "$ck"/k/pages/*.img "$ck/k/image/" && ck_back k k && ck_counts k "$now" && ck_end k
}
ck_lazy() { # it runs again before its memory is there: that comes from the dump, which serves it until all has gone over
  ck_bundle l "$ck_count" && ck_run l && ck_counts l 3 && mkfifo "$ck/status" || return 1
  now=$(ck_n l)
  oc checkpoint --network-lock nftables --image-path "$ck/l/image" --lazy-pages --page-server 127.0.0.1:9978 \
    --manage-cgroups-mode ignore --status-fd 5 l 5>"$ck/status" &
  dump=$!
  [ "$(timeout 30 dd if="$ck/status" bs=1 count=1 2>/dev/null | od -An -tx1 | tr -d ' ')" = 00 ] || fail "no word that pages are served" || return 1
  sed -i 's/tare-ck-l/tare-ck-l2/' "$ck/l/config.json" # the first is still there
  criu lazy-pages --page-server --address 127.0.0.1 --port 9978 --images-dir "$ck/l/image" >"$ck/lazy" 2>&1 & pages=$!
  for _ in 1 2 3 4 5 6 7 8 9 10; do [ ! -S "$ck/l/image/lazy-pages.socket" ] || break; sleep 0.2; done
  ck_back l l2 --lazy-pages --manage-cgroups-mode ignore && ck_counts l2 "$now" || { cat "$ck/lazy"; return 1; }
  wait $dump && wait $pages && ck_counts l2 "$(ck_n l2)" && ck_end l2
}
ck_nothing_left() {
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    ck_machine >"$ck/after"
    cmp -s "$ck/before" "$ck/after" && return 0
    sleep 0.5
  done
  diff "$ck/before" "$ck/after"
}

# what CRIU asks the kernel about sockets with, and locks connections by
modprobe -a unix_diag tcp_diag udp_diag inet_diag netlink_diag af_packet_diag nf_conntrack_netlink nft_ct
mkdir -p $ck
ip link set lo up
ck_machine >$ck/before
check "criu check" ck_criu
check "checkpoint and restore: it counts on" ck_stop_and_restore
check "a restored container has the same mounts" ck_same_mounts
check "a restored container has the same limits" ck_same_limits
check "a restored container is a container as any" ck_lives_on
check "checkpoint --leave-running" ck_leaves_running
check "checkpoint --pre-dump and --parent-path" ck_pre_dumps
check "checkpoint of a paused container" ck_pauses_too
check "restore with a terminal" ck_terminal
check "restore in the foreground, with pipes" ck_pipes
check "hooks of checkpoint and restore" ck_hooks
check "a checkpoint that fails" ck_fails
check "a restore that fails" ck_refuses
check "images are runc's" ck_as_runc
check "checkpoint to a page server" ck_page_server
check "lazy pages" ck_lazy
check "checkpoint and restore leave nothing behind" ck_nothing_left
