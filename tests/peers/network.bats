#!/usr/bin/env bats
# tare's networks beside those of Debian's dockerd, with the rules that it writes itself.
load ../lib/common
load ../lib/network
load ../lib/docker
load ../lib/engines

setup_file() {
  tare_setup_file; load_busybox; world_up
  W=$BATS_FILE_TMPDIR
  echo 0 >/proc/sys/net/ipv4/ip_forward # dockerd switches it on, and then sets a policy of drop
  start_dockerd --bridge= --iptables=true
  [ -n "$NO_DOCKERD" ] || peer_docker load -q -i "$(docker_busybox)"
  nsenter --net="/proc/$OUTSIDE/ns/net" busybox nc -ll -p 8000 -e echo world 3>&- & export WORLD=$!
}
teardown_file() { kill "$WORLD"; stop_dockerd; world_down; tare_teardown_file; }
setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }
teardown() { remove_all; }

all_ways() {
  [ "$(ask_from web 192.0.2.2 8000)" = world ]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == hello* ]]
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  [[ "$(ask_from pal "$(address_of mate)" 80)" == mate* ]]
  # Docker's own, as without us
  [[ "$(ask_from_outside 192.0.2.1 9080)" == dockers* ]]
  [ "$(peer_docker exec theirs timeout 3 nc -w 2 192.0.2.2 8000 </dev/null)" = world ]
  # and from one to the other by published ports alone
  [[ "$(peer_docker exec theirs timeout 3 nc -w 2 192.0.2.1 8080 </dev/null)" == hello* ]]
  [[ "$(ask_from web 192.0.2.1 9080)" == dockers* ]]
  [ -z "$(ask_from web "$(peer_docker inspect -f '{{.NetworkSettings.IPAddress}}' theirs)" 81)" ]
}

@test "beside dockerd, and after it has started anew" {
  iptables-nft -S FORWARD | grep -q -- '-P FORWARD DROP'
  peer_docker run -d --name theirs -p 9080:80 busybox sh -c 'nc -ll -p 81 -e echo closed & exec nc -ll -p 80 -e echo dockers'
  tare network create side
  serve web 80 hello -p 8080:80
  serve mate 80 mate --network side
  serve pal 80 pal --network side
  wait_until 5 sh -c '[ -n "$(busybox nc -w 1 127.0.0.1 9080 </dev/null)" ]'
  all_ways
  peer_docker rm -f theirs
  stop_dockerd
  for chain in FORWARD DOCKER-USER; do iptables-nft -F $chain; done
  start_dockerd --bridge= --iptables=true
  peer_docker run -d --name theirs -p 9080:80 busybox sh -c 'nc -ll -p 81 -e echo closed & exec nc -ll -p 80 -e echo dockers'
  tare run --rm busybox true
  wait_until 5 sh -c '[ -n "$(busybox nc -w 1 127.0.0.1 9080 </dev/null)" ]'
  all_ways
  remove_all
  [ -z "$(iptables-nft -S | grep TARE)" ]
  tare network rm side
}
