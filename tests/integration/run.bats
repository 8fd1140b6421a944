#!/usr/bin/env bats
# tare run and tare create: what runs, as whom, with which environment, and which exit code comes back.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

@test "the exit code comes through; 125, 126, 127 are ours" {
  run -0 tare run --rm busybox true
  run -3 tare run --rm busybox sh -c 'exit 3'
  run -137 tare run --rm busybox sh -c 'kill -9 $$; sleep 1' || [ "$status" -eq 137 ] || [ "$status" -eq 0 ]
  run -125 tare run --rm nosuchimage true
  run -125 tare run --rm --no-such-option busybox true
  run -126 tare run --rm busybox /etc
  run -127 tare run --rm busybox /no/such/command
  [[ "$output" == *"/no/such/command"* ]]
}

@test "a signal that ends the command is 128 and its number" {
  run -143 tare run --rm "${INIT[@]}" busybox sh -c 'kill -TERM $$'
}

@test "standard output, standard error and standard input are three streams" {
  [ "$(tare run --rm busybox sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
  [ "$(tare run --rm busybox sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" = err ]
  [ "$(echo in | tare run --rm -i busybox cat)" = in ]
  [ "$(echo in | tare run --rm busybox cat)" = "" ]
  head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
  tare run --rm -i busybox cat <"$BATS_TEST_TMPDIR/in" | cmp - "$BATS_TEST_TMPDIR/in"
}

@test "-d prints the id; --cidfile keeps it, and is not overwritten" {
  id=$(tare run -d --cidfile "$BATS_TEST_TMPDIR/cid" busybox sleep 100)
  [ "${#id}" -eq 64 ]
  [ "$(cat "$BATS_TEST_TMPDIR/cid")" = "$id" ]
  run -125 tare run -d --cidfile "$BATS_TEST_TMPDIR/cid" busybox true
  [ "$(tare ps -q --no-trunc)" = "$id" ]
  tare rm -f "${id:0:8}"
}

@test "--rm leaves nothing, with a clean end, a failed start and -d" {
  before=$(tare ps -aq | wc -l)
  tare run --rm busybox true
  run -127 tare run --rm busybox nosuch
  tare run -d --rm --name short busybox true
  wait_until 5 bash -c "! '$TARE_BIN/tare' inspect short >/dev/null 2>&1"
  [ "$(tare ps -aq | wc -l)" -eq "$before" ]
}

@test "a start that fails leaves a container that says why" {
  run -127 tare run --name broken busybox nosuch
  [ "$(tare inspect broken | jq -r '.[0].State.Status')" = created ]
  [ "$(tare inspect broken | jq -r '.[0].State.ExitCode')" = 127 ]
  tare inspect broken | jq -re '.[0].State.Error | test("nosuch")'
  tare rm broken
}

@test "names: given, made up, taken, wrong" {
  tare create --name mine busybox true
  run -125 tare run --name mine busybox true
  [[ "$output" == *'"mine" is in use'* ]]
  id=$(tare create busybox true)
  [[ "$(tare inspect "$id" | jq -r '.[0].Name')" =~ ^/[a-z]+_[a-z]+$ ]]
  run -1 tare create --name 'a b' busybox true
  run -1 tare inspect mime
  run -1 tare rm mime
  [[ "$output" == *'did you mean "mine"'* ]]
  tare rm mine "$id"
}

@test "environment: PATH, HOSTNAME, HOME, -e, --env-file, TERM with -t" {
  run -0 tare run --rm -e A=1 -e B=x=y --hostname box busybox env
  for line in A=1 B=x=y HOSTNAME=box HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; do
    [[ $'\n'"$output"$'\n' == *$'\n'"$line"$'\n'* ]] || { echo "$line is missing"; return 1; }
  done
  printf '# comment\n\nC=3\nFROM_HERE\nNOT_SET_ANYWHERE\n' >"$BATS_TEST_TMPDIR/env"
  FROM_HERE=yes run -0 tare run --rm --env-file "$BATS_TEST_TMPDIR/env" -e C=4 busybox env
  [[ "$output" == *C=4* && "$output" == *FROM_HERE=yes* && "$output" != *NOT_SET* ]]
  [[ "$(tare run --rm -t busybox env)" == *TERM=xterm* ]]
  run -125 tare run --rm -e =x busybox true
  # what each process is given is no part of what the container was made with: others are made by that
  tare run -dt --name given -e A=1 busybox sleep 100
  [ "$(tare inspect -f '{{json .Config.Env}}' given)" = '["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=1"]' ]
  [ "$(tare exec given sh -c 'echo $HOSTNAME $HOME $A $TERM')" = "$(tare inspect -f '{{.Config.Hostname}}' given) /root 1" ]
  [ "$(tare exec -e HOSTNAME=else -e HOME=/h given sh -c 'echo $HOSTNAME $HOME')" = "else /h" ]
  [ "$(tare run --rm --network container:given busybox sh -c 'echo $HOSTNAME')" = "$(tare inspect -f '{{.Config.Hostname}}' given)" ]
  tare rm -f given
}

@test "--workdir is made; --entrypoint replaces; hostname is the id's start" {
  [ "$(tare run --rm -w /made/deep busybox pwd)" = /made/deep ]
  run -125 tare run --rm -w relative busybox pwd
  [ "$(tare run --rm --entrypoint echo busybox hello)" = hello ]
  id=$(tare create busybox hostname)
  [ "$(tare start -a "$id")" = "${id:0:12}" ]
  tare rm "$id"
}

@test "/etc/hosts, /etc/hostname and /etc/resolv.conf are the container's, and root may write them" {
  run -0 tare run --rm --hostname box busybox sh -c 'cat /etc/hostname; grep -c box /etc/hosts; echo more >>/etc/hosts && tail -1 /etc/hosts'
  [ "${lines[0]}" = box ]
  [ "${lines[1]}" = 1 ]
  [ "${lines[2]}" = more ]
}

@test "/etc/mtab leads to /proc/mounts; the folder is the image's otherwise" {
  [ "$(tare run --rm busybox readlink /etc/mtab)" = /proc/mounts ]
  tare run --rm --read-only busybox sh -c 'grep -q " / " /etc/mtab'
  [ "$(tare run --rm busybox stat -c %u:%g /etc/mtab)" = 0:0 ]
  chmod 0751 "$TARE_ROOT"/layers/*/fs/etc
  run -0 tare run --rm busybox stat -c '%a %u:%g' /etc
  chmod 0755 "$TARE_ROOT"/layers/*/fs/etc
  [ "$output" = "751 0:0" ]
  [ "$(tare run --rm busybox sh -c 'rm /etc/mtab; ls /etc/mtab 2>&1')" != /etc/mtab ]
}

@test "the umask is the container's, whatever the caller's is" {
  umask 077
  [ "$(tare run --rm busybox sh -c umask)" = 0022 ]
  tare run -d --name masked busybox sleep 1000
  umask 0
  [ "$(tare exec masked sh -c umask)" = 0022 ]
  tare rm -f masked
}

@test "a terminal: -t gives one, -it types into it, the size comes along, the exit code too" {
  [[ "$(tare run --rm -t busybox tty)" == /dev/pts/0* ]]
  out=$( (sleep 1; printf 'stty size\nexit 5\n') | script -qec "stty rows 33 cols 77; '$TARE_BIN/tare' run --rm -it busybox sh; echo code=\$?" /dev/null)
  [[ "$out" == *"33 77"* ]]
  [[ "$out" == *"code=5"* ]]
  run -1 tare run --rm -it busybox true </dev/null
  [[ "$output" == *"not a TTY"* ]]
}

@test "detach keys leave it running" {
  out=$( (sleep 1; printf '\020\021'; sleep 1) | script -qec "'$TARE_BIN/tare' run -it --name left busybox sh; echo code=\$?" /dev/null)
  [[ "$out" == *"code=0"* ]]
  is_state left running
  out=$( (sleep 1; printf 'ab'; sleep 1) | script -qec "'$TARE_BIN/tare' attach --detach-keys a,b left; echo code=\$?" /dev/null)
  [[ "$out" == *"code=0"* ]]
  is_state left running
  tare rm -f left
  run -125 tare run --detach-keys ctrl-3 busybox true
}

@test "signals to the command go to the container" {
  "$TARE_BIN/tare" run --rm busybox sh -c 'trap "exit 9" TERM; echo ready; while :; do sleep 0.05; done' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 grep -q ready "$BATS_TEST_TMPDIR/out"
  kill -TERM $!
  rc=0; wait $! || rc=$?
  [ "$rc" -eq 9 ]
}

@test "--rootfs DIR: a plain folder, id-mapped; what root writes belongs to root" {
  dir=$BATS_TEST_TMPDIR/rootfs
  mkdir -p "$dir/bin" "$dir/proc" "$dir/dev" "$dir/sys" "$dir/etc"
  cp "$(command -v busybox)" "$dir/bin/busybox"
  chmod 755 "$dir" "$BATS_TEST_TMPDIR"
  run -0 tare run --rm --rootfs "$dir" /bin/busybox sh -c '/bin/busybox touch /made && /bin/busybox stat -c %u /made'
  [ "$output" = 0 ]
  [ "$(stat -c %u "$dir/made")" -eq 0 ]
  run -125 tare run --rm --rootfs relative true
  run -125 tare run --rm --rootfs "$dir/nosuch" true
}

@test "two containers never share host ids, and one keeps its own over a restart" {
  tare run -d --name one busybox sleep 100
  tare run -d --name two busybox sleep 100
  a=$(awk '{print $2; exit}' "/proc/$(live one pid)/uid_map")
  b=$(awk '{print $2; exit}' "/proc/$(live two pid)/uid_map")
  [ "$a" -ne "$b" ] && [ "$a" -ge 65536 ]
  tare restart -t 0 one
  [ "$(awk '{print $2; exit}' "/proc/$(live one pid)/uid_map")" = "$a" ]
  tare rm -f one two
}

@test "what Docker has and we do not is refused by name" {
  for opt in '--storage-opt nonsense=1g' '--kernel-memory 1g' '--log-driver syslog' '--security-opt apparmor=x' '--userns=keep-id'; do
    # shellcheck disable=SC2086
    run -125 tare run --rm $opt busybox true
    [[ "$output" == *"support"* || "$output" == *"private (the default"* ]] || { echo "$opt: $output"; return 1; }
  done
}

@test "/etc/resolv.conf, hosts, hostname that are dangling links: what they name is made inside the root" {
  local root=$BATS_TEST_TMPDIR/rootfs
  mkdir -p "$root/bin" "$root/etc" "$root/proc"; cp /bin/busybox "$root/bin/busybox"; ln -s busybox "$root/bin/sh"; ln -s busybox "$root/bin/cat"
  ln -s ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
  ln -s /var/lib/hosts "$root/etc/hosts"; ln -s "../../../../$BATS_TEST_TMPDIR/outside" "$root/etc/hostname"
  run -0 tare run --rm --hostname linked --rootfs "$root" /bin/sh -c 'cat /etc/hostname; cat /var/lib/hosts; cat /run/systemd/resolve/stub-resolv.conf >/dev/null'
  [ "${lines[0]}" = linked ]
  [[ "$output" == *127.0.0.1* ]]
  [ ! -e "$BATS_TEST_TMPDIR/outside" ]
  run -0 tare run --rm --read-only --rootfs "$root" /bin/sh -c true
}

@test "descriptors 0-2 that the caller left closed are never a file of ours" {
  run -3 bash -c '"$TARE_BIN/tare" run --rm busybox sh -c "echo out; echo err >&2; exit 3" >&- 2>&- <&-'
  run -0 bash -c '"$TARE_BIN/tare" ps <&- >&-'
  run -0 bash -c 'strace -qq -f -e trace=open,openat,socket,memfd_create -o "$BATS_TEST_TMPDIR/trace" "$TARE_BIN/tare" load -q -i "$1" >&- 2>&- <&-' _ "$(busybox_archive)"
  local before_main=
  # a sanitizer's runtime and the loader it needs are at it before main(), and close what they open
  [ -z "${TARE_SANITIZED:-}" ] || before_main='|"(/lib|/usr/lib|/etc/ld\.so|/proc/self/)'
  grep -vE "\"/dev/null\"$before_main" "$BATS_TEST_TMPDIR/trace" >"$BATS_TEST_TMPDIR/others"
  run -1 grep -E '= [012]$' "$BATS_TEST_TMPDIR/others"
}

@test "what is said of an image without a name, of attach without a terminal, of a reader that goes" {
  run -125 tare run '' true
  [ "$output" = "tare: an empty name is no image's (tare images lists them)" ]
  tare run -dit --name term --network none busybox sleep 1000
  run -1 tare attach term </dev/null
  [[ "$output" == *"not a TTY"*--no-stdin* ]]
  [[ "$output" != *"leave out -t"* ]]
  run -1 bash -c "set -o pipefail; '$TARE_BIN/tare' export term 2>&1 >/dev/full"
  [[ "$output" != *layer* ]]
  run -1 tare events --since 1m --until 0s --format '{{.Nope'
  [ "$(grep -o -- --format: <<<"$output" | wc -l)" = 1 ]
  tare rm -f term
}

@test "ping's datagrams need no capability" {
  ping='import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP); s.settimeout(5)
s.sendto(b"\x08\0\0\0\0\0\0\1", ("127.0.0.1", 0)); print(s.recv(100)[0])'
  for user in 0 1000; do
    [ "$(tare run --rm --network none --user $user -v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro busybox /usr/bin/python3 -c "$ping")" = 0 ]
  done
}
