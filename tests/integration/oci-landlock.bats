#!/usr/bin/env bats
# Landlock by annotations: what a container's processes, and those that are exec'd into it, can still reach.
load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }

setup() {
  mkdir -p "$OCI_ROOTFS"/data/{read,write,none}
  for d in read write none; do echo "$d" >"$OCI_ROOTFS/data/$d/f"; done
  chmod -R a+rwX "$OCI_ROOTFS/data"
}
teardown() {
  bundle_teardown
  rm -rf "${OCI_ROOTFS:?}/data"
}

USERNS='.linux.namespaces += [{type: "user"}]
  | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}]
  | .linux.gidMappings = [{containerID: 0, hostID: 100000, size: 65536}]'

# annotations {"ro": "/x", …} as a filter, on a root that is writable
landlock() { echo ".root.readonly = false | .annotations = ($1 | with_entries(.key |= \"org.tare.landlock.\" + .))"; }

# The version of this kernel's Landlock, asked of the system call; 0 = none.
abi() { python3 -c 'import ctypes; print(max(ctypes.CDLL(None).syscall(444, None, 0, 1), 0))'; }
needs() { [ "$(abi)" -ge "$1" ] || skip "this kernel's Landlock is version $(abi), the test needs $1"; }

# What each try of a command's list gave: "ok" or "no".
TRIES='t() { if "$@" >/dev/null 2>&1; then echo ok; else echo no; fi; }; w() { echo x >$1; }; mv_() { mv $1 $2 && mv $2 $1; };'
FILES="$TRIES t cat /data/read/f; t cat /data/write/f; t cat /data/none/f; t w /data/read/f; t w /data/write/f; t w /data/write/new
  t rm /data/write/new; t w /data/read/new; t ls /data/none; t ls /data/write; t mv_ /data/write/f /data/read/f; t cat /etc/passwd"
FILES_GIVE=$'ok\nok\nno\nno\nok\nok\nok\nno\nno\nok\nno\nno'
RULES='{ro: "/data/read:/proc", rw: "/data/write:/dev", exec: "/bin"}'

@test "landlock: files, as root and as a user, with and without no_new_privs, in a user namespace" {
  needs 3
  OCI_COMMAND=$FILES
  for how in . '.process.noNewPrivileges = false' '.process.user = {uid: 33, gid: 33}' \
    '.process.user = {uid: 33, gid: 33} | .process.noNewPrivileges = false' '.process.capabilities = {}' "$USERNS"; do
    OCI_COMMAND=$FILES bundle "$BATS_TEST_TMPDIR/b" "$(landlock "$RULES") | $how"
    run -0 oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
    [ "$output" = "$FILES_GIVE" ] || { echo "$how"; diff <(echo "$FILES_GIVE") - <<<"$output"; return 1; }
  done
  # without the annotations all of it works
  OCI_COMMAND=$FILES bundle "$BATS_TEST_TMPDIR/b" '.root.readonly = false'
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
  [ "$(sort -u <<<"$output")" = ok ]
}

@test "landlock: processes that are exec'd are under it too" {
  needs 3
  sleeper l "$(landlock "$RULES")"
  run -0 oci exec l sh -c "$FILES"
  [ "$output" = "$FILES_GIVE" ]
  run -0 oci exec -u 33:33 l sh -c "$FILES"
  [ "$output" = "$FILES_GIVE" ]
}

@test "landlock: what may not be executed is not" {
  needs 3
  cp /bin/busybox "$OCI_ROOTFS/data/read/busybox"
  OCI_COMMAND="$TRIES t /data/read/busybox true; t /bin/busybox true" bundle "$BATS_TEST_TMPDIR/b" "$(landlock "$RULES")"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
  [ "$output" = $'no\nok' ]
  # the command itself
  bundle "$BATS_TEST_TMPDIR/b" "$(landlock '{ro: "/"}')"
  run oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
  [ "$status" -eq 1 ]
  says "permission denied"
  oci exec l true 2>/dev/null || true
}

@test "landlock: an empty list allows nothing, links and .. stay in the container" {
  needs 3
  echo secret >"$BATS_TEST_TMPDIR/secret"
  ln -s / "$OCI_ROOTFS/data/root"
  ln -s ../../../../../../../.. "$OCI_ROOTFS/data/up"
  OCI_COMMAND="$TRIES t cat /data/read/f; t cat /etc/passwd" bundle "$BATS_TEST_TMPDIR/b" "$(landlock '{ro: "", rw: "/dev/null", exec: "/bin"}')"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
  [ "$output" = $'no\nno' ]
  OCI_COMMAND="$TRIES t cat /data/read/f; t cat /etc/passwd" bundle "$BATS_TEST_TMPDIR/b" \
    "$(landlock '{ro: "/data/up/data/read:/data/root/../etc/passwd", rw: "/dev/null", exec: "/bin"}')"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
  [ "$output" = $'ok\nok' ]
}

@test "landlock: TCP ports" {
  needs 4
  # connecting is refused by Landlock ("denied") or gets as far as the network ("refused", "unreachable")
  OCI_COMMAND='exec 2>/dev/null; c() { nc -w 1 127.0.0.1 $1 </dev/null 2>&1 | grep -ci denied; }; c 7001; c 7002
    l() { timeout 1 nc -l -p $1 </dev/null 2>&1 | grep -ci denied; }; l 7003; l 7004; exit 0'
  applets=$(ls "$OCI_ROOTFS/bin")
  [[ "$applets" == *timeout* ]] || ln -s busybox "$OCI_ROOTFS/bin/timeout"
  bundle "$BATS_TEST_TMPDIR/b" "$(landlock '{connect: "7001", bind: "7003:7005"}')"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
  [ "$output" = $'0\n1\n0\n1' ]
  bundle "$BATS_TEST_TMPDIR/b" "$(landlock '{connect: ""}')"
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
  [ "$output" = $'1\n1\n0\n0' ]
}

@test "landlock: signals stay within one's own domain" {
  needs 6
  sleeper l "$(landlock '{scope: "signal"}')"
  run oci exec l sh -c 'sleep 100 & kill $! && echo own; kill -0 1 || echo not init'
  [[ "$output" == own*"not init" ]]
  oci delete -f l
  sleeper l "$(landlock '{scope: "abstract-unix"}')"
  oci exec l kill -0 1
}

@test "landlock: bad annotations are one clear line, at create and at exec" {
  for bad in 'ro: "relative"|org.tare.landlock.ro: "relative" is no absolute path' 'rw: "/a::/b"|"" is no absolute path' \
    'bind: "80:http"|org.tare.landlock.bind: "http" is no port' 'connect: "70000"|"70000" is no port' \
    'scope: "all"|"all" is neither abstract-unix nor signal' 'write: "/x"|org.tare.landlock.write: there is no such annotation' \
    '"best-effort": "yes"|"yes" is neither true nor false'; do
    bundle "$BATS_TEST_TMPDIR/b" "$(landlock "{${bad%%|*}}")"
    run oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
    [ "$status" -eq 1 ]
    says "${bad#*|}"
    [ "$(wc -l <<<"$output")" -eq 1 ]
  done
  [ "$(abi)" -lt 3 ] || {
    bundle "$BATS_TEST_TMPDIR/b" "$(landlock '{ro: "/data/read:/missing"}')"
    run oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
    [ "$status" -eq 1 ]
    says "Landlock: /missing in the container: No such file or directory"
  }
}

@test "landlock: a kernel that is too old for a rule says so, unless best effort is enough" {
  case $(abi) in
    0) said="this kernel has no Landlock" rule='ro: "/"' ;;
    1 | 2) said="needs version 3 of Landlock (Linux 6.2)" rule='ro: "/"' ;;
    3) said="needs version 4 of Landlock (Linux 6.7)" rule='connect: ""' ;;
    4 | 5) said="needs version 6 of Landlock (Linux 6.12)" rule='scope: "signal"' ;;
    *) skip "this kernel's Landlock knows all rules; the messages are tested in test_runtime_confine.c" ;;
  esac
  bundle "$BATS_TEST_TMPDIR/b" "$(landlock "{$rule, exec: \"/\"}")"
  run oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
  [ "$status" -eq 1 ]
  says "$said"
  bundle "$BATS_TEST_TMPDIR/b" "$(landlock "{$rule, exec: \"/\", \"best-effort\": \"true\"}")"
  oci run -b "$BATS_TEST_TMPDIR/b" ll </dev/null
}
