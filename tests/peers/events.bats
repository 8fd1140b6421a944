#!/usr/bin/env bats
# What docker tells of a session of commands, tare tells of the same: type, action and the names of the attributes, in the same order.
# Where they differ is data: events.differences.

load ../lib/common
load ../lib/images
load ../lib/docker

setup_file() {
  tare_setup_file
  export W=$BATS_FILE_TMPDIR
  start_dockerd
  [ -z "$NO_DOCKERD" ] || return 0
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:busybox:latest"
  peer_docker load -q -i "$W/busybox.tar"
  load_busybox
}

setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

teardown_file() {
  stop_dockerd
  unmount_peers
  tare_teardown_file
}

# The session, a part for each subject. $1: who does it.
part_life() {
  "$1" run -d --name xa --network none --stop-timeout 0 -l k=v busybox sleep 100
  "$1" top xa
  "$1" pause xa
  "$1" unpause xa
  "$1" rename xa xb
  "$1" update --memory 50m --memory-swap 50m xb
  "$1" restart xb
  "$1" kill -s CONT xb
  "$1" stop xb
  "$1" export xb
  "$1" rm xb
  "$1" run --rm --name xc --network none busybox true
  "$1" create --name xd --network none busybox no-such-command
  "$1" start xd
  "$1" rm xd
  "$1" run -d --name xe --network none busybox sleep 100
  "$1" rm -f xe
}

part_exec() {
  "$1" run -d --name xa --network none busybox sleep 100
  "$1" exec xa true
  "$1" exec xa sh -c 'exit 3'
  "$1" exec -e A=1 xa sleep 0.1
  "$1" rm -f xa
}

part_terminal() {
  on_terminal size=24x80 end -- "$1" run -it --name xa --network none busybox true
  "$1" rm xa
  "$1" run -dit --name xa --network none busybox sh -c 'while sleep 0.2; do echo tick; done'
  on_terminal size=24x80 wait=tick 'send=\x10\x11' end -- "$1" attach xa
  on_terminal size=24x80 wait=tick 'send=\x10\x11' end -- "$1" exec -it xa sh -c 'echo tick; sleep 2'
  "$1" rm -f xa
}

part_files() {
  "$1" create --name xa --network none busybox true
  "$1" cp xa:/etc/passwd "$W/passwd"
  "$1" cp "$W/passwd" xa:/tmp/x
  "$1" diff xa
  "$1" commit -m why xa made:1
  "$1" rm xa
  "$1" tag made:1 made:2
  "$1" save -o "$W/made.tar" made:1
  "$1" rmi made:2
  "$1" rmi made:1
  "$1" load -i "$W/made.tar"
  "$1" export -o "$W/files.tar" "$("$1" create --name xf --network none busybox true)"
  "$1" import "$W/files.tar" imported:1
  "$1" rm xf
  "$1" rmi imported:1 made:1
}

part_volumes() {
  "$1" volume create one
  "$1" run --rm --name xa --network none -v one:/one -v /anonymous busybox true
  "$1" run -d --name xb --network none -v one:/one:ro -v two:/two -v /tmp:/host busybox sleep 100
  "$1" rm -f xb
  "$1" volume rm one two
}

part_networks() {
  "$1" network create --label l=1 net
  "$1" run -d --name xa --network net busybox sleep 100
  "$1" network create other
  "$1" network connect other xa
  "$1" network disconnect other xa
  "$1" rm -f xa
  "$1" network rm other
  "$1" network rm net
}

part_prune() {
  "$1" create --name xa --network none busybox true
  "$1" container prune -f
  "$1" volume create gone
  "$1" volume prune -f
  "$1" network create gone
  "$1" network prune -f
  "$1" image prune -f
  "$1" builder prune -f
  "$1" system prune -f
}

part_health() {
  "$1" run -d --name xa --network none --health-cmd true --health-interval 1s busybox sleep 100
  wait_until 10 is_healthy "$1" xa
  "$1" rm -f xa
}

part_oom() {
  "$1" run --name xa --network none -m 20m --memory-swap 20m busybox sh -c 'head -c 200m /dev/zero | tail >/dev/null; exit 3'
  "$1" rm xa
}

is_healthy() { [ "$("$1" inspect -f '{{.State.Health.Status}}' "$2")" = healthy ]; }
on_terminal() {
  local steps=()
  while [ "$1" != -- ]; do steps+=("$1"); shift; done
  shift
  case "$1" in
    tare) shift; set -- "$TARE_BIN/tare" "$@" ;;
    *) shift; set -- /usr/bin/docker --host "unix://$BATS_FILE_TMPDIR/docker.sock" "$@" ;;
  esac
  python3 "$BATS_TEST_DIRNAME/../lib/terminal.py" "${steps[@]}" -- "$@"
}

# TYPE ACTION KEY…: the keys of the attributes.
shape() { jq -r '[.Type, .Action, (.Actor.Attributes | keys | join(" "))] | join(" | ")'; }

told_by() { # WHO PART
  local from
  from=$(date +%s.%N)
  "part_$2" "$1" >"$W/$1.$2.said" 2>&1 </dev/null || true
  sleep 0.5 # what is told by somebody who does not wait for it
  "$1" events --since "$from" --until "$(date +%s.%N)" --format '{{json .}}' | shape
}

# What docker alone tells (<), and tare alone (>), is what the file names: "PART SIDE LINE # why", as often as it likes, and nothing else.
for_part() {
  local line known=0
  told_by peer_docker "$1" >"$W/told.docker"
  told_by tare "$1" >"$W/told.tare"
  [ "$(wc -l <"$W/told.tare")" -gt 1 ]
  diff "$W/told.docker" "$W/told.tare" | grep '^[<>]' | sort -u >"$W/differ" || true
  awk -v p="$1" -F ' # ' '$1 !~ /^#/ { split($1, w, " "); if (w[1] == p || w[1] == "all") { sub(/^[a-z]+ /, "", $1); print $1 } }' \
    "$BATS_TEST_DIRNAME/events.differences" | sort -u >"$W/known"
  comm -23 "$W/differ" "$W/known" >"$W/unknown"
  [ ! -s "$W/unknown" ] || { diff "$W/told.docker" "$W/told.tare"; echo "not explained:"; cat "$W/unknown"; return 1; }
}

@test "life" { for_part life; }
@test "exec" { for_part exec; }
@test "terminal" { for_part terminal; }
@test "files" { for_part files; }
@test "volumes" { for_part volumes; }
@test "networks" { for_part networks; }
@test "prune" { for_part prune; }
@test "health" { for_part health; }
@test "oom" { for_part oom; }
