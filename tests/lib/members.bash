# The same things made by docker and by tare, and what documents of them have: for comparing member by member.
# shellcheck shell=bash

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
