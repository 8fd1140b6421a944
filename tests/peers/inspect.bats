#!/usr/bin/env bats
# What scripts read: every member that docker's documents of the same things have, tare's have, too, and of the same type.
# Where that is not so is data: inspect.differences.

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
  make_all peer_docker 201.7 1808
  make_all tare 202.7 1809
}

setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

teardown_file() {
  stop_dockerd
  unmount_peers
  tare volume rm -f named bound >/dev/null || true
  tare network rm net >/dev/null || true
  tare_teardown_file
}

make_all() { # WHO NETWORK PORTS
  "$1" network create --subnet 10.$2.0/24 --gateway 10.$2.1 --ip-range 10.$2.128/25 --aux-address a=10.$2.5 --label l=1 net
  "$1" volume create --label l=1 named
  "$1" volume create -o type=tmpfs -o device=tmpfs -o o=size=1m bound
  "$1" run -d --name plain --network none busybox sleep 1000
  "$1" create --name made --network none busybox true
  "$1" run --name ended --network none busybox sh -c 'exit 3' || true
  "$1" run -d --name joined --network net --network-alias other --ip 10.$2.9 -p 127.0.0.1:${3}0:80 -p ${3}1:81/udp --expose 99 busybox sleep 1000
  "$1" create --name will --network net --network-alias other --ip 10.$2.10 -p 127.0.0.1:${3}0:80 busybox true
  "$1" run -d --name full --network none -l k=v -e A=1 -v named:/named -v bound:/bound:ro -v /anonymous -v /tmp:/host:ro \
    --mount type=volume,src=named,dst=/again,volume-nocopy --mount type=tmpfs,dst=/small,tmpfs-size=1m \
    --mount type=bind,src=/tmp,dst=/other,readonly --tmpfs /tmp:size=1m --ulimit nofile=100:200 --sysctl net.ipv4.ip_forward=1 \
    --device /dev/null:/dev/zero2:r --device-cgroup-rule 'c 1:3 r' --add-host a:1.2.3.4 --dns 1.1.1.1 --dns-search x --dns-option ndots:1 \
    --cap-add NET_ADMIN --cap-drop MKNOD --security-opt no-new-privileges --group-add 10 --init --read-only --restart on-failure:3 \
    --memory 60m --memory-swap 60m --cpus 0.5 --cpu-shares 100 --pids-limit 50 --health-cmd true --health-interval 1s --log-opt max-size=1m \
    --entrypoint /bin/sleep --stop-signal INT --stop-timeout 1 --cidfile "$W/$1.cid" --user 0:0 --workdir / -t busybox 1000
  wait_until 20 is_checked "$1"
}
is_checked() { [ "$("$1" inspect -f '{{len .State.Health.Log}}' full)" != 0 ]; }

# PATH TYPE of all that a document has: elements of arrays are one thing, "[]", and so are members that ids name, "ID".
members() {
  jq -r 'def members($p):
      if type == "object" then
        to_entries[] | ($p + "." + (if .key | test("^[0-9a-f]{64}$") then "ID" else .key end)) as $q | "\($q) \(.value | type)", (.value | members($q))
      elif type == "array" then .[] | "\($p)[] \(type)", members($p + "[]")
      else empty end;
    members("")' | sort -u
}

# What docker has and tare has not, or has of another type: nothing and null are of any.
lacking() { # DOCKER'S TARE'S
  awk 'NR == FNR { has[$1] = has[$1] " " $2; next }
    !($1 in has) { print "missing " $1; next }
    $2 != "null" && has[$1] !~ " null" && has[$1] !~ (" " $2) { print "type " $1 " " $2 ":" has[$1] }' "$2" "$1" |
    awk '$1 == "missing" { for (p in gone) if (index($2, p ".") == 1 || index($2, p "[") == 1) next; gone[$2] = 1 } { print }' | sort -u
}

# PART LINE # why
for_part() { # PART WHAT TO SAY...
  local part=$1
  shift
  peer_docker "$@" | members >"$W/docker.members"
  tare "$@" | members >"$W/tare.members"
  [ -s "$W/docker.members" ] && [ -s "$W/tare.members" ]
  lacking "$W/docker.members" "$W/tare.members" >"$W/lacking"
  awk -v p="$part" -F ' # ' '$1 !~ /^#/ { split($1, w, " "); if (w[1] == p || (w[1] == "container" && p ~ /^container/)) { sub(/^[a-z-]+ /, "", $1); print $1 } }' \
    "$BATS_TEST_DIRNAME/inspect.differences" | sort -u >"$W/known"
  comm -23 "$W/lacking" "$W/known" >"$W/unknown"
  [ ! -s "$W/unknown" ] || { echo "not explained, of $part:"; cat "$W/unknown"; return 1; }
}

@test "a container" { for_part container-plain inspect plain; }
@test "a container that was never started" { for_part container-made inspect made; }
@test "a container that has ended" { for_part container-ended inspect ended; }
@test "a container in a network" { for_part container-joined inspect joined; }
@test "a container that will be in a network" { for_part container-will inspect will; }
@test "a container with much" { for_part container-full inspect full; }
@test "an image" { for_part image image inspect busybox; }
@test "a network" { for_part network network inspect net; }
@test "volumes" { for_part volume volume inspect named bound; }
@test "info" { for_part info info --format '{{json .}}'; }
@test "version" { for_part version version --format '{{json .}}'; }
