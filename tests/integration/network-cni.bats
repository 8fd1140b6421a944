#!/usr/bin/env bats
# Networks of CNI: Debian's plugins where they work, and fake ones for what a plugin is told and what it may do wrong.
load ../lib/common
load ../lib/network
load ../lib/cni

setup_file() { tare_setup_file; load_busybox; world_up; cni_up; }
teardown_file() { world_down; tare_teardown_file; }
setup() { rm -rf "${TARE_CNI_CONF_DIR:?}"/*; forget_fakes; }
teardown() {
  remove_all
  tare system prune -f >/dev/null
  nothing_left
}

# A network of two fakes that do nothing wrong.
fake_net() { conflist fake.conflist fake "${1:-1.0.0}" <<<'{"type":"fake-a"},{"type":"fake-b"}'; }

# ---- the real ones ----

@test "bridge, portmap, firewall and tuning: an address, a published port, hosts, inspect, and nothing stays" {
  conflist 10-real.conflist real <<<"{\"type\":\"bridge\",\"bridge\":\"cnib0\",\"isGateway\":true,\"ipMasq\":true,\"hairpinMode\":true,$(host_local 10.77.0.0/24)},
    {\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}},{\"type\":\"firewall\"},{\"type\":\"tuning\",\"capabilities\":{\"mac\":true},\"sysctl\":{\"net.ipv4.conf.all.log_martians\":\"1\"}}"
  serve web 80 hello --network real -p 8080:80 -p 8090-8092:8090-8092 --mac-address 02:11:22:33:44:55
  ip=$(address_of web)
  [[ "$ip" == 10.77.0.* ]]
  [[ "$(ask "$ip" 80)" == hello* ]]
  [[ "$(ask 192.0.2.1 8080)" == hello* ]]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == hello* ]]
  serve other 80 other --network real
  [[ "$(ask_from other "$ip" 80)" == hello* ]]
  [ "$(tare exec web cat /sys/class/net/eth0/address)" = 02:11:22:33:44:55 ]
  [ "$(tare exec web cat /proc/sys/net/ipv4/conf/all/log_martians)" = 1 ]
  tare exec web grep -q "^$ip" /etc/hosts
  tare exec web ip route | grep -q 'default via 10.77.0.1'
  [ "$(tare port web 80)" = 0.0.0.0:8080 ]
  [ "$(tare port web | wc -l)" = 4 ]
  tare ps | grep -q '0.0.0.0:8080->80/tcp'
  tare inspect web | jq -e '.[0].NetworkSettings | .Gateway == "10.77.0.1" and .MacAddress == "02:11:22:33:44:55" and .IPPrefixLen == 24 and
    .Networks.real.CniResult.interfaces[2].name == "eth0" and .Ports["80/tcp"][0].HostPort == "8080"'
  run -125 tare run --rm --network real -p 8080:80 busybox true
  [[ "$output" == *"port 8080/tcp of the host is in use"* ]]
  tare rm -f web other
  [ -z "$(ask 192.0.2.1 8080)" ]
  nothing_left
  ip link del cnib0
}

@test "macvlan, ptp, static addresses, IPv6" {
  conflist 1.conflist mac <<<"{\"type\":\"macvlan\",\"master\":\"up0\",\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"$BATS_FILE_TMPDIR/ipam\",\"ranges\":[[{\"subnet\":\"192.0.2.0/24\",\"rangeStart\":\"192.0.2.130\"}]]}}"
  conflist 2.conflist ptp <<<"{\"type\":\"ptp\",\"ipMasq\":true,$(host_local 10.78.0.0/24)}"
  conflist 3.conflist static <<<'{"type":"bridge","bridge":"cnib1","isGateway":true,"capabilities":{"ips":true},"ipam":{"type":"static"}}'
  conflist 4.conflist six <<<"{\"type\":\"bridge\",\"bridge\":\"cnib2\",\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"$BATS_FILE_TMPDIR/ipam\",\"ranges\":[[{\"subnet\":\"10.79.0.0/24\"}],[{\"subnet\":\"fd00:79::/64\"}]]}}"
  outside sh -c 'busybox nc -ll -p 8000 -e echo outside 3>&- >/dev/null 2>&1 & echo $! >'"$BATS_TEST_TMPDIR/pid"
  run -0 tare run --rm --network mac busybox sh -c 'ip -4 -o addr show eth0; nc 192.0.2.2 8000 </dev/null'
  kill "$(cat "$BATS_TEST_TMPDIR/pid")"
  [[ "$output" == *"inet 192.0.2.13"*"outside"* ]]
  serve ptp 80 ptp --network ptp
  [[ "$(ask "$(address_of ptp)" 80)" == ptp* ]]
  [ "$(tare run --rm --network static --ip 10.80.0.9/24 busybox true 2>&1 | grep -c 'no IPv4 address')" = 1 ]
  conflist 3.conflist static <<<"{\"type\":\"bridge\",\"bridge\":\"cnib1\",\"isGateway\":true,\"capabilities\":{\"ips\":true},$(host_local 10.80.0.0/24)}"
  [ "$(tare run --rm --network static --ip 10.80.0.9 busybox hostname -i)" = 10.80.0.9 ]
  tare run -d --name six --network six busybox sleep 1000 >/dev/null
  tare inspect six | jq -e '.[0].NetworkSettings.Networks.six | .GlobalIPv6Address == "fd00:79::2" and .GlobalIPv6PrefixLen == 64 and (.IPAddress | startswith("10.79.0."))'
  tare rm -f ptp six
  ip link del cnib1; ip link del cnib2
}

@test "connect and disconnect while it runs, beside tare's own networks" {
  conflist 1.conflist side <<<"{\"type\":\"bridge\",\"bridge\":\"cnib3\",\"isGateway\":true,$(host_local 10.81.0.0/24)}"
  fake_net
  serve both 80 both -p 8080:80
  tare network connect side both
  [[ "$(ask "$(tare inspect both | jq -r '.[0].NetworkSettings.Networks.side.IPAddress')" 80)" == both* ]]
  [[ "$(ask 192.0.2.1 8080)" == both* ]]
  tare exec both ip route | grep -q 'default via 10.210.0.1 dev eth0'
  run -1 tare network connect side both
  [[ "$output" == *"is in network side already"* ]]
  tare restart -t 0 both
  [ "$(tare exec both ls /sys/class/net | sort | tr '\n' ' ')" = "eth0 eth1 lo " ]
  tare network disconnect side both
  [ "$(tare exec both ls /sys/class/net | sort | tr '\n' ' ')" = "eth0 lo " ]
  [ -z "$(cni_rows)" ]
  [ -z "$(netns_mounts)" ]
  run -1 tare network disconnect side both
  [[ "$output" == *"is not in network side"* ]]
  # one that fails is undone, and the container is as it was
  conflist bad.conflist bad <<<'{"type":"fake-a"},{"type":"fake-b","on":"ADD","do":"fail"}'
  run -1 tare network connect bad both
  [[ "$output" == *"network bad: CNI plugin fake-b (ADD): no more of it: try tomorrow (code 42)"* ]]
  [ "$(fakes | tr '\n' ' ')" = "ADD fake-a ADD fake-b DEL fake-b DEL fake-a " ]
  tare inspect both | jq -e '.[0].NetworkSettings.Networks | keys == ["bridge"]'
  tare create --name later busybox sleep 1000 >/dev/null
  tare network connect fake later
  [ "$(fakes | wc -l)" = 4 ]
  tare start later
  [ "$(fakes | tail -2 | tr '\n' ' ')" = "ADD fake-a ADD fake-b " ]
  tare rm -f both later
  ip link del cnib3
}

@test "tare network ls filters them, too; container:NAME shares one; ports do not change while it runs" {
  conflist 1.conflist side <<<"{\"type\":\"bridge\",\"bridge\":\"cnib4\",\"isGateway\":true,$(host_local 10.83.0.0/24)},{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}}"
  fake_net
  tare run -d --name host --network side -p 8083:80 busybox sleep 1000 >/dev/null
  [ "$(tare network ls -q -f driver=cni | wc -l)" = 2 ]
  tare network ls -f dangling=true | grep -q fake
  run ! grep -q side <<<"$(tare network ls -f dangling=true)"
  [ "$(tare run --rm --network container:host busybox hostname -i)" = "$(address_of host)" ]
  run -1 tare update --publish-add 8084:80 host
  [[ "$output" == *"plugins of CNI (network side) take ports when a container starts"* ]]
  tare stop -t 0 host
  tare update --publish-add 8084:81 host
  tare start host
  [ "$(tare port host | wc -l)" = 2 ]
  iptables-save | grep -q 'CNI-DN.*8084'
  tare rm -f host
  ip link del cnib4
}

# ---- what a plugin is told ----

@test "ADD goes through the list, DEL back, each with what the specification says" {
  conflist 1.conflist chain <<<'{"type":"fake-a","own":[1,{"x":null}],"capabilities":{"portMappings":true,"aliases":true},"prevResult":{"no":1},"cni.dev/x":1},
    {"type":"fake-b","capabilities":{"dns":true,"ips":true,"mac":true,"bandwidth":false}}'
  tare run -d --name it --network name=chain,alias=db,ip=10.88.0.7,mac-address=02:00:00:00:00:07 --dns 192.0.2.9 --dns-search a.test -p 127.0.0.1:8080:80/udp -p 9000-9001:90-91 busybox sleep 1000
  id=$(tare inspect it | jq -r '.[0].Id')
  [ "$(fakes | tr '\n' ' ')" = "ADD fake-a ADD fake-b " ]
  told ADD fake-a | jq -e '. == {cniVersion: "1.0.0", name: "chain", type: "fake-a", own: [1, {x: null}], runtimeConfig: {aliases: ["db"], portMappings: [
    {hostPort: 8080, containerPort: 80, protocol: "udp", hostIP: "127.0.0.1"}, {hostPort: 9000, containerPort: 90, protocol: "tcp"},
    {hostPort: 9001, containerPort: 91, protocol: "tcp"}]}}'
  told ADD fake-b | jq -e '.runtimeConfig == {dns: {servers: ["192.0.2.9"], searches: ["a.test"]}, ips: ["10.88.0.7"], mac: "02:00:00:00:00:07"} and
    .prevResult.ips[0].address == "10.88.0.7/24" and (has("capabilities") | not)'
  [ "$(did ADD fake-a CNI_CONTAINERID)" = "$id" ]
  [ "$(did ADD fake-a CNI_IFNAME)" = eth0 ]
  [ "$(did ADD fake-a CNI_NETNS)" = "$TARE_STATE/$id/netns" ]
  [ "$(did ADD fake-a CNI_PATH)" = "$TARE_CNI_BIN_DIR" ]
  [ "$(did ADD fake-a CNI_ARGS)" = "IgnoreUnknown=1;IP=10.88.0.7;MAC=02:00:00:00:00:07" ]
  [ "$(cat "$FAKES/ADD.fake-a.netns")" = nsfs ]
  # the configuration goes on as it was at ADD
  rm "$TARE_CNI_CONF_DIR/1.conflist"
  tare rm -f it
  [ "$(fakes | tail -2 | tr '\n' ' ')" = "DEL fake-b DEL fake-a " ]
  told DEL fake-a | jq -e '.prevResult.passed == ["fake-b"] and .runtimeConfig.aliases == ["db"]'
  told DEL fake-b | jq -e '.prevResult.passed == ["fake-b"]'
  [ "$(cat "$FAKES/DEL.fake-a.netns")" = nsfs ]
  for v in CNI_CONTAINERID CNI_IFNAME CNI_NETNS CNI_ARGS; do [ "$(did DEL fake-b $v)" = "$(did ADD fake-b $v)" ]; done
}

@test "its result: hosts, resolv.conf, inspect, and the cache of libcni" {
  fake_net
  tare run -d --name it --network fake busybox sleep 1000
  id=$(tare inspect it | jq -r '.[0].Id')
  tare exec it grep -q '^10.88.0.7' /etc/hosts
  [ "$(tare exec it cat /etc/resolv.conf)" = $'nameserver 192.0.2.53\nsearch fake.test\noptions ndots:3' ]
  tare inspect it | jq -e '.[0].NetworkSettings | .IPAddress == "10.88.0.7" and .MacAddress == "02:00:00:00:00:07" and .Networks.fake.Gateway == "10.88.0.1"'
  tare network inspect fake | jq -e --arg id "$id" '.[0] | .Driver == "cni" and .Containers[$id].Name == "it" and .Containers[$id].Addresses == ["10.88.0.7/24"]'
  [ "$(cached)" = "fake-$id-eth0" ]
  [ "$(stat -c %a "$TARE_CNI_CACHE_DIR/results/fake-$id-eth0")" = 600 ]
  jq -e --arg id "$id" --arg ns "$TARE_STATE/$id/netns" --slurpfile conf "$TARE_CNI_CONF_DIR/fake.conflist" 'keys == ["cniArgs", "config", "containerId", "ifName", "kind", "netns", "networkName", "result"] and
    .kind == "cniCacheV1" and .containerId == $id and .ifName == "eth0" and .networkName == "fake" and .netns == $ns and (.config | @base64d | fromjson) == $conf[0] and
    .cniArgs == [["IgnoreUnknown", "1"]] and .result.ips[0].address == "10.88.0.7/24"' "$TARE_CNI_CACHE_DIR/results/fake-$id-eth0"
  tare run --rm --network fake --dns 192.0.2.10 busybox cat /etc/resolv.conf | grep -q 'nameserver 192.0.2.10'
  tare rm -f it
}

@test "results of old versions, a result without a version" {
  conflist 1.conflist old 0.2.0 <<<'{"type":"fake-a","answer":{"ip4":{"ip":"10.1.2.3/24","gateway":"10.1.2.1"},"dns":{"nameservers":["192.0.2.1"],"domain":"old.test"}}},{"type":"fake-b"}'
  tare run -d --name old --network old busybox sleep 1000
  tare inspect old | jq -e '.[0].NetworkSettings | .IPAddress == "10.1.2.3" and .Gateway == "10.1.2.1"'
  tare exec old grep -q 'search old.test' /etc/resolv.conf
  told ADD fake-b | jq -e '.prevResult.cniVersion == "0.2.0"'
  tare rm -f old
  told DEL fake-b | jq -e 'has("prevResult") | not'
}

@test "versions: the newest that list and plugins know; plugins are asked where there is a choice" {
  echo '{"cniVersion":"0.4.0","cniVersions":["1.1.0","1.0.0","2.0.0"],"name":"many","plugins":[{"type":"fake-a"},{"type":"fake-b"}]}' >"$TARE_CNI_CONF_DIR/many.conflist"
  tare run --rm --network many busybox true
  told ADD fake-a | jq -e '.cniVersion == "1.1.0"'
  forget_fakes
  echo '"0.4.0","1.0.0"' >"$FAKES/versions.fake-b"
  tare run --rm --network many busybox true
  told ADD fake-a | jq -e '.cniVersion == "1.0.0"'
  [ "$(fakes | head -2 | tr '\n' ' ')" = "VERSION fake-a VERSION fake-b " ]
  echo '"0.3.1"' >"$FAKES/versions.fake-b"
  run -125 tare run --rm --network many busybox true
  [[ "$output" == *"CNI plugin fake-b supports none of the versions"* ]]
  echo '{"name":"none","type":"fake-b"}' >"$TARE_CNI_CONF_DIR/none.conf"
  tare run --rm --network none-such busybox true || true
  echo '{"name":"plain","type":"fake-b"}' >"$TARE_CNI_CONF_DIR/none.conf"
  tare run --rm --network plain busybox true
  told ADD fake-b | jq -e '.cniVersion == "0.3.1" and .name == "plain"'
  [ "$(tare network cni version many)" = $'fake-a 0.3.1 0.4.0 1.0.0 1.1.0\nfake-b 0.3.1' ]
  conflist new.conflist new 2.0.0 <<<'{"type":"fake-a"}'
  run tare run --rm --network new busybox true
  [[ "$output" == *"new.conflist: cniVersion \"2.0.0\" is newer than 1.1.0"* ]]
}

# ---- what it may do wrong ----

bad() { # COMMAND WHAT: a network whose second plugin does that
  conflist bad.conflist bad 1.1.0 <<<"{\"type\":\"fake-a\"},{\"type\":\"fake-b\",\"on\":\"$1\",\"do\":\"$2\"}"
  forget_fakes
}

@test "an ADD that fails is undone by DEL of all, and said in one line" {
  declare -A says=([fail]='network bad: CNI plugin fake-b (ADD): no more of it: try tomorrow (code 42)' [mutter]='(ADD) ended with exit code 3: this went wrong'
    [garbage]='(ADD) did not print JSON' [silent]='(ADD) printed no result' [flood]='printed more than' [badip]='"300.1.2.3/24" is no address')
  for what in "${!says[@]}"; do
    bad ADD "$what"
    run -125 tare run --rm --network bad busybox true
    [[ "$output" == *"${says[$what]}"* ]] || { echo "$what: $output"; false; }
    [ "${#lines[@]}" = 1 ]
    [ "$(fakes | grep -v STATUS | tr '\n' ' ')" = "ADD fake-a ADD fake-b DEL fake-b DEL fake-a " ]
    nothing_left
    [ -z "$(tare ps -aq)" ]
  done
  tare create --name kept --network bad busybox true >/dev/null
  run -1 tare start kept
  is_state kept created
  fake_net
}

@test "a plugin that hangs is killed with what it started; one that leaves a daemon is not waited for" {
  bad ADD hang
  TARE_CNI_TIMEOUT=1 run -125 tare run --rm --network bad busybox true
  [[ "$output" == *"CNI plugin fake-b (ADD) took too long (1 s at most, TARE_CNI_TIMEOUT), and was killed"* ]]
  [ -z "$(pgrep -f 'sleep 31337')" ]
  nothing_left
  bad DEL hang
  TARE_CNI_TIMEOUT=1 tare run -d --name slow --network bad busybox sleep 1000
  run -0 tare rm -f slow
  [ "$(cni_rows)" = 'bad|eth0|1.1.0' ]
  [ -z "$(pgrep -f 'sleep 31337')" ]
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE cni SET list = replace(list, 'hang', 'nothing')"
  bad ADD daemon
  start=$(date +%s)
  tare run --rm --network bad busybox true
  [ $(($(date +%s) - start)) -lt 20 ]
  run -125 env TARE_CNI_TIMEOUT=0 "$TARE_BIN/tare" run --rm --network bad busybox true
  [[ "$output" == *"TARE_CNI_TIMEOUT 0"* ]]
}

@test "STATUS comes before ADD, since 1.1; a plugin that is missing keeps the others from being asked" {
  bad STATUS unavailable
  run -125 tare run --rm --network bad busybox true
  [[ "$output" == *"CNI plugin fake-b (STATUS): not now (code 50)"* ]]
  [ "$(fakes | tr '\n' ' ')" = "STATUS fake-a STATUS fake-b " ]
  run -1 tare network cni status bad
  [[ "$output" == *"not now (code 50)"* ]]
  conflist bad.conflist bad <<<'{"type":"fake-a"},{"type":"no-such-plugin"}'
  forget_fakes
  run -125 tare run --rm --network bad busybox true
  [[ "$output" == *"CNI plugin no-such-plugin is not in $TARE_CNI_BIN_DIR"* ]]
  [ -z "$(fakes)" ]
}

@test "a DEL that fails keeps nobody from removing the container, and is asked for again" {
  bad DEL fail
  tare run -d --name it --network bad busybox sleep 1000
  run -0 tare rm -f it
  [[ "$output" == *"network bad: CNI plugin fake-b (DEL): no more of it"* ]]
  # the others were not kept from theirs
  [ "$(fakes | grep DEL | tail -2 | tr '\n' ' ')" = "DEL fake-b DEL fake-a " ]
  [ -z "$(tare ps -aq)" ]
  [ -n "$(cni_rows)" ]
  [ -z "$(netns_mounts)" ]
  run -1 tare network cni gc bad
  [ -n "$(cni_rows)" ]
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE cni SET list = replace(list, 'fail', 'nothing')"
  tare network cni gc bad
  [ -z "$(did DEL fake-b CNI_NETNS)" ]
  nothing_left
}

@test "what a DEL has left is not asked for again by tare ps; GC is sent all the same" {
  bad DEL fail
  tare run -d --name it --network bad busybox sleep 1000
  tare rm -f it
  forget_fakes
  run -0 tare ps -a
  [ "${#lines[@]}" = 1 ]
  [ -z "$(fakes)" ]
  run -1 tare network cni gc bad
  [[ "$output" == *"(DEL): no more of it"* ]]
  [ "$(fakes | tr '\n' ' ')" = "DEL fake-b DEL fake-a GC fake-a GC fake-b " ]
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE cni SET list = replace(list, 'fail', 'nothing')"
}

@test "a plugin that is gone for good is in nobody's way" {
  local plugins=$BATS_FILE_TMPDIR/plugins
  cp "$plugins/fake-a" "$plugins/fake-gone"
  conflist gone.conflist gone <<<'{"type":"fake-a"},{"type":"fake-gone"},{"type":"fake-b"}'
  for name in one two three four; do tare run -d --name $name --network gone busybox sleep 1000; done
  rm "$plugins/fake-gone"
  forget_fakes
  # while it may come back it is waited for
  tare stop -t 0 one
  [ "$(fakes | tr '\n' ' ')" = "DEL fake-b DEL fake-a " ]
  run -0 tare rm -f two
  [[ "$output" == *"network gone: CNI plugin fake-gone is not in"* ]]
  [ "$(cni_rows | wc -l)" = 4 ]
  run -1 tare network disconnect -f gone three
  [[ "$output" == *"CNI plugin fake-gone is not in"* ]]
  conflist gone.conflist gone <<<'{"type":"fake-a"},{"type":"fake-b"}'
  # then what it made is given up, with one warning
  run -0 tare start one
  [ "$(grep -c 'what its plugins made is left as it is: CNI plugin fake-gone is not in' <<<"$output")" = 1 ]
  [ "${#lines[@]}" = 2 ]
  tare rm -f one
  run -0 tare rm -f four
  run -0 tare network cni gc gone
  [ "$(grep -c 'is left as it is' <<<"$output")" = 2 ]
  [ "$(cni_rows | wc -l)" = 1 ]
  tare rm -f three
  rm "$TARE_CNI_CONF_DIR/gone.conflist"
  run -0 tare system prune -f
  [ "$(grep -c 'is left as it is' <<<"$output")" = 1 ]
  run -0 tare system prune -f
  [[ "$output" != *warning* ]]
  nothing_left
}

@test "a row that cannot be read is in nobody's way" {
  fake_net
  tare run -d --name one --network fake busybox sleep 1000
  tare run -d --name two --network fake busybox sleep 1000
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE cni SET result = '{' WHERE container = (SELECT id FROM containers WHERE name = 'one')"
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE cni SET list = replace(list, '1.0.0', '7.0.0') WHERE container = (SELECT id FROM containers WHERE name = 'two')"
  run -0 tare rm -f one
  [[ "$output" != *warning* ]]
  [ "$(fakes | tail -2 | tr '\n' ' ')" = "DEL fake-b DEL fake-a " ]
  told DEL fake-b | jq -e 'has("prevResult") | not'
  tare stop -t 0 two
  run -0 tare start two
  [ "$(grep -c 'what its plugins made is left as it is: network fake in the catalog: cniVersion "7.0.0"' <<<"$output")" = 1 ]
}

@test "an option that no plugin takes is refused; an address that none has heeded is, too" {
  fake_net
  run -125 tare run --rm --network fake -p 80 busybox true
  [[ "$output" == *"-p: no plugin of network fake has the capability portMappings"* ]]
  run -125 tare run --rm --network fake --network-alias db busybox true
  [[ "$output" == *"--network-alias: no plugin of network fake has the capability aliases"* ]]
  [ -z "$(fakes)" ]
  run -125 tare run --rm --network fake --ip 10.88.0.99 busybox true
  [[ "$output" == *"--ip 10.88.0.99: no plugin of network fake has heeded that"* ]]
  run -125 tare run --rm --network fake --mac-address 02:00:00:00:00:99 busybox true
  [[ "$output" == *"--mac-address 02:00:00:00:00:99: no plugin"* ]]
  tare run --rm --network fake --ip 10.88.0.7 --mac-address 02:00:00:00:00:07 busybox true
}

@test "who is in an internal network and in one of CNI asks the world for names, and not when he has left that" {
  fake_net
  tare network create --internal in >/dev/null
  nsenter --net="/proc/$OUTSIDE/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/dns.py" serve 192.0.2.2 3>&- & local pid=$!
  wait_until 5 sh -c "nsenter --net=/proc/$OUTSIDE/ns/net ss -lun | grep -q :53"
  tare run -d --name it --network in --network fake --dns 192.0.2.2 busybox sleep 1000 >/dev/null
  local ns; ns=/proc/$(tare inspect it | jq '.[0].State.Pid')/ns/net
  asks() { nsenter --net="$ns" python3 "$BATS_TEST_DIRNAME/../lib/dns.py" ask 127.0.0.11 host.example; }
  [[ "$(asks)" == *198.51.100.7 ]]
  tare network disconnect fake it
  [[ "$(asks)" == "3"* ]]
  tare network connect fake it
  [[ "$(asks)" == *198.51.100.7 ]]
  kill $pid
  tare rm -f it >/dev/null
  tare network rm in >/dev/null
}

# ---- lists ----

@test "folders are whole paths: the plugins run elsewhere than who asks for them" {
  fake_net
  for v in TARE_CNI_CONF_DIR TARE_CNI_CACHE_DIR TARE_CNI_BIN_DIR; do
    run -125 env $v=some/folder "$TARE_BIN/tare" run --rm --network fake busybox true
    [[ "$output" == *"$v some/folder: a whole path is wanted"* ]]
  done
  run -125 env TARE_CNI_BIN_DIR="$TARE_CNI_BIN_DIR:plugins" "$TARE_BIN/tare" run --rm --network fake busybox true
  [[ "$output" == *"TARE_CNI_BIN_DIR $TARE_CNI_BIN_DIR:plugins: a whole path is wanted"* ]]
  [ -z "$(fakes)" ]
  TARE_CNI_BIN_DIR=":$TARE_CNI_BIN_DIR:" tare run --rm --network fake busybox true
}

@test "configurations: order, folders, one plugin alone, names that are taken, files that are wrong" {
  conflist 20.conflist twice <<<'{"type":"fake-b"}'
  conflist 10.conflist twice <<<'{"type":"fake-a"}'
  echo '{"cniVersion":"1.0.0","name":"folder"}' >"$TARE_CNI_CONF_DIR/30.conflist"
  mkdir "$TARE_CNI_CONF_DIR/folder"
  echo '{"type":"fake-b"}' >"$TARE_CNI_CONF_DIR/folder/2.conf"
  echo '{"type":"fake-a"}' >"$TARE_CNI_CONF_DIR/folder/1.conf"
  echo '{"cniVersion":"1.0.0","name":"alone","type":"fake-c"}' >"$TARE_CNI_CONF_DIR/05.conf"
  tare run --rm --network twice busybox true
  [ "$(fakes | head -1)" = "ADD fake-a" ]
  forget_fakes
  tare run --rm --network folder busybox true
  [ "$(fakes | tr '\n' ' ')" = "ADD fake-a ADD fake-b DEL fake-b DEL fake-a " ]
  forget_fakes
  tare run --rm --network alone busybox true
  [ "$(fakes | tr '\n' ' ')" = "ADD fake-c DEL fake-c " ]
  tare network ls --format json | jq -s -e 'map(select(.Driver == "cni") | .Name) | sort == ["alone", "folder", "twice"]' ||
    { tare network ls --format json; false; }
  id=$(tare network inspect twice | jq -r '.[0].Id')
  [ "$id" = "$(printf twice | sha256sum | cut -d' ' -f1)" ]
  tare run --rm --network "${id:0:12}" busybox true
  run -1 tare network create twice
  [[ "$output" == *"is called twice already"* ]]
  run -1 tare network rm twice
  [[ "$output" == *"is one of CNI"* ]]
  echo '{"cniVersion":"1.0.0","name":"../x","type":"fake-c"}' >"$TARE_CNI_CONF_DIR/06.conf"
  run -0 tare network ls
  [[ "$output" == *"06.conf: name \"../x\""* ]]
  tare run --rm --network alone busybox true
  run -125 tare run --rm --network no-such busybox true
  [[ "$output" == *"no network is called no-such, and a configuration of CNI cannot be read"* ]]
  # of several the one that is meant is blamed, by the file's name or by the name in it; all are told of
  printf '{"cniVersion":"1.0.0",\n"name" : "mine",\n"plugins":[{"type":"fake-a"},]}' >"$TARE_CNI_CONF_DIR/98.conflist"
  echo '{' >"$TARE_CNI_CONF_DIR/yours.conflist"
  for name in mine yours; do
    run -125 tare run --rm --network $name busybox true
    [ "${#lines[@]}" = 1 ]
    [[ "$output" == *"network $name of CNI cannot be read: "* ]]
    [[ "$output" == */98.conflist:* ]] || [ $name = yours ]
    [[ "$output" == */yours.conflist:* ]] || [ $name = mine ]
  done
  run -0 --separate-stderr tare network ls
  [ "$(grep -c 'cannot be read' <<<"$stderr")" = 3 ]
  [[ "$stderr" == *06.conf:* && "$stderr" == *98.conflist:* && "$stderr" == *yours.conflist:* ]]
}

@test "one of tare's own networks has the name: it is meant" {
  tare network create mine >/dev/null
  conflist 1.conflist mine <<<'{"type":"fake-a"}'
  tare run --rm --network mine busybox true
  [ -z "$(fakes)" ]
  run -0 tare network ls
  [[ "$output" == *"a network of tare's own is called mine too"* ]]
  tare network rm mine
}

# ---- CHECK, GC ----

@test "CHECK: with the result, in order; what fails is told for its container" {
  fake_net 1.1.0
  tare run -d --name one --network fake busybox sleep 1000
  tare run -d --name two --network fake busybox sleep 1000
  forget_fakes
  [ "$(tare network cni check fake | sort | tr '\n' ' ')" = "one two " ]
  [ "$(fakes | head -2 | tr '\n' ' ')" = "CHECK fake-a CHECK fake-b " ]
  told CHECK fake-a | jq -e '.prevResult.passed == ["fake-b"]'
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE cni SET list = replace(list, '\"type\": \"fake-b\"', '\"type\":\"fake-b\",\"on\":\"CHECK\",\"do\":\"fail\"') WHERE container = (SELECT id FROM containers WHERE name = 'two')"
  run -1 tare network cni check fake
  [[ "$output" == *one* ]]
  [[ "$output" == *"CNI plugin fake-b (CHECK): no more of it"* ]]
  tare network cni check fake one
  run -1 tare network cni check fake two
  tare create --name three busybox true >/dev/null
  run -1 tare network cni check fake three
  [[ "$output" == *"container three is not in network fake"* ]]
  tare rm -f one two three
  fake_net 0.3.1
  tare run -d --name one --network fake busybox sleep 1000
  run -1 tare network cni check fake
  [[ "$output" == *"CHECK came with CNI 0.4.0"* ]]
  tare rm -f one
}

@test "CHECK: not of a container that has left, and nobody leaves meanwhile" {
  conflist fake.conflist fake <<<'{"type":"fake-a","on":"CHECK","do":"slow"},{"type":"fake-b"}'
  tare run -d --name it --network fake busybox sleep 1000
  forget_fakes
  tare network cni check fake & check=$!
  wait_until 5 test -e "$FAKES/CHECK.fake-a.json"
  tare rm -f it
  wait "$check"
  [ "$(fakes | tr '\n' ' ')" = "CHECK fake-a CHECK fake-b DEL fake-b DEL fake-a " ]
  bad DEL fail
  tare run -d --name it --network bad busybox sleep 1000
  tare stop -t 0 it
  forget_fakes
  run -1 tare network cni check bad it
  [[ "$output" == *"has not joined it yet, or has left it"* ]]
  [ -z "$(fakes)" ]
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE cni SET list = replace(list, 'fail', 'nothing')"
}

@test "beside a process that a plugin has left one of us works at a time" {
  conflist fake.conflist fake <<<'{"type":"fake-a","on":"CHECK","do":"slow"},{"type":"fake-b","on":"ADD","do":"lasting"}'
  tare run -d --name it --network fake busybox sleep 1000
  forget_fakes
  tare network cni check fake & check=$!
  sleep 0.5
  tare rm -f it
  wait "$check"
  [ "$(fakes | tr '\n' ' ')" = "CHECK fake-a CHECK fake-b DEL fake-b DEL fake-a " ]
  wait_until 15 nothing_left
}

@test "GC: everybody's attachments in the cache are valid, whoever made them; the list may forbid it" {
  fake_net 1.1.0
  tare run -d --name one --network fake busybox sleep 1000
  id=$(tare inspect one | jq -r '.[0].Id')
  jq '.containerId = "others"' "$TARE_CNI_CACHE_DIR/results/fake-$id-eth0" >"$TARE_CNI_CACHE_DIR/results/fake-others-eth0"
  forget_fakes
  tare network cni gc fake
  [ "$(fakes | tr '\n' ' ')" = "GC fake-a GC fake-b " ]
  told GC fake-a | jq -e --arg id "$id" '."cni.dev/valid-attachments" | sort_by(.containerID) == ([{containerID: $id, ifname: "eth0"}, {containerID: "others", ifname: "eth0"}] | sort_by(.containerID))'
  rm "$TARE_CNI_CACHE_DIR/results/fake-others-eth0"
  jq '.disableGC = true' "$TARE_CNI_CONF_DIR/fake.conflist" >"$BATS_TEST_TMPDIR/x" && mv "$BATS_TEST_TMPDIR/x" "$TARE_CNI_CONF_DIR/fake.conflist"
  forget_fakes
  tare network cni gc fake
  [ -z "$(fakes)" ]
  tare rm -f one
}

@test "GC: nobody joins meanwhile, and it waits for those who do" {
  conflist slow.conflist slow 1.1.0 <<<'{"type":"fake-a","on":"GC","do":"slow"},{"type":"fake-b"}'
  tare network cni gc slow & gc=$!
  wait_until 5 test -e "$FAKES/GC.fake-a.json"
  tare run --rm --network slow busybox true
  wait "$gc"
  [ "$(fakes | grep -v STATUS | head -3 | tr '\n' ' ')" = "GC fake-a GC fake-b ADD fake-a " ]
  forget_fakes
  conflist slow.conflist slow 1.1.0 <<<'{"type":"fake-a","on":"ADD","do":"slow"},{"type":"fake-b"}'
  tare run -d --name it --network slow busybox sleep 1000 & pid=$!
  wait_until 5 test -e "$FAKES/ADD.fake-a.json"
  tare network cni gc slow
  wait "$pid"
  [ "$(fakes | grep -v STATUS | head -3 | tr '\n' ' ')" = "ADD fake-a ADD fake-b GC fake-a " ]
  told GC fake-a | jq -e '."cni.dev/valid-attachments" | length == 1'
  tare rm -f it
}

@test "stop and start: DEL and ADD anew; --rm; a command that ends by itself" {
  fake_net
  tare run -d --name it --network fake busybox sleep 1000
  tare stop -t 0 it
  [ "$(fakes | tr '\n' ' ')" = "ADD fake-a ADD fake-b DEL fake-b DEL fake-a " ]
  nothing_left
  tare start it
  [ "$(fakes | wc -l)" = 6 ]
  tare restart -t 0 it
  [ "$(fakes | wc -l)" = 10 ]
  tare rm -f it
  forget_fakes
  tare run -d --rm --network fake busybox true
  wait_until 5 nothing_left
  [ "$(fakes | grep -c DEL)" = 2 ]
}

# ---- lists that are served without their plugins ----

own_net() { # SUBNET [MORE OPTIONS]: podman's default list
  conflist own.conflist own <<<"{\"type\":\"bridge\",\"bridge\":\"cniown0\",\"isGateway\":true,\"ipMasq\":true,\"hairpinMode\":true,$(host_local "$1")},
    {\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}},{\"type\":\"firewall\"},{\"type\":\"tuning\"${2:-}}"
}
stored() { find "$BATS_FILE_TMPDIR/ipam/own" -name '10.*' 2>/dev/null | sed 's|.*/||' | sort; }

@test "bridge, host-local, portmap, firewall and tuning without options: served by tare, with addresses in host-local's store" {
  own_net 10.90.0.0/24
  export TARE_CNI_BIN_DIR=/nonexistent
  mkdir -p "$BATS_FILE_TMPDIR/ipam/own"
  printf 'somebody\r\neth0' >"$BATS_FILE_TMPDIR/ipam/own/10.90.0.3"
  serve web 80 web --network own -p 8080:80
  serve two 80 two --network own
  [ "$(address_of web)" = 10.90.0.2 ]
  [ "$(address_of two)" = 10.90.0.4 ]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == web* ]]
  [[ "$(ask_from two web 80)" == web* ]]
  id=$(tare inspect web | jq -r '.[0].Id')
  [ "$(cat "$BATS_FILE_TMPDIR/ipam/own/10.90.0.2")" = "$(printf '%s\r\neth0' "$id")" ]
  [ "$(stored | tr '\n' ' ')" = "10.90.0.2 10.90.0.3 10.90.0.4 " ]
  ip -o addr show dev cniown0 | grep -q '10.90.0.1/24'
  run -0 tare network ls
  [[ "$output" == *"own "*"bridge"*"10.90.0.0/24"* ]]
  [[ "$output" != *warning* ]]
  tare network inspect own | jq -e --arg f "$TARE_CNI_CONF_DIR/own.conflist" '.[0].Cni.File == $f'
  [ -z "$(cni_rows)" ]
  run -1 tare network cni status own
  [[ "$output" == *"network own is served by tare itself"* ]]
  run -125 tare run --rm --network own --ip 10.90.0.3 busybox true
  [[ "$output" == *"--ip 10.90.0.3 is in use in network own"* ]]
  [ "$(tare run --rm --network own --ip 10.90.0.9 busybox hostname -i)" = 10.90.0.9 ]
  # whoever has the real plugins is given other addresses
  jq '.plugins[0] + {name, cniVersion}' "$TARE_CNI_CONF_DIR/own.conflist" >"$BATS_TEST_TMPDIR/plugin"
  theirs=$(CNI_COMMAND=ADD CNI_CONTAINERID=theirs CNI_NETNS=x CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni /usr/lib/cni/host-local <"$BATS_TEST_TMPDIR/plugin" | jq -r '.ips[0].address')
  [[ " 10.90.0.2/24 10.90.0.4/24 " != *" $theirs "* ]]
  tare network connect own "$(tare run -d busybox sleep 1000)"
  [ "$(stored | wc -l)" = 5 ]
  # a list that changes while containers use it
  own_net 10.91.0.0/24
  run -125 tare run --rm --network own busybox true
  [[ "$output" == *"has changed while container"* ]]
  tare network disconnect own two
  remove_all
  [ "$(stored | tr '\n' ' ')" = "10.90.0.3 ${theirs%/*} " ]
  [ "$(tare run --rm --network own busybox hostname -i)" = 10.91.0.2 ]
  rm -r "$BATS_FILE_TMPDIR/ipam/own"
  tare network rm own
  run ! ip link show cniown0
}

@test "an option that is not tare's, or a bridge that is somebody else's: the plugins are run" {
  own_net 10.92.0.0/24 ',"sysctl":{"net.ipv4.conf.all.log_martians":"1"}'
  tare run -d --name one --network own busybox sleep 1000 >/dev/null
  [ -n "$(cni_rows)" ]
  own_net 10.92.0.0/24
  # they have made the bridge, and go on
  tare run -d --name two --network own busybox sleep 1000 >/dev/null
  [ "$(cni_rows | wc -l)" = 2 ]
  tare rm -f one two
  tare run --rm --network own busybox true
  run -0 tare network ls
  [[ "$output" == *"own "*"cni"*"10.92.0.0/24"* ]]
  ip link del cniown0
  tare run --rm --network own busybox true
  [ "$(tare network ls --format json | jq -rs '.[] | select(.Name == "own") | .Driver')" = bridge ]
  # somebody else's bridge takes the place of ours
  ip link del cniown0
  ip link add cniown0 type bridge
  ip addr add 10.92.0.1/24 dev cniown0
  ip link set cniown0 up
  tare run -d --name one --network own busybox sleep 1000 >/dev/null
  [ -n "$(cni_rows)" ]
  tare rm -f one
  ip link del cniown0
}
