#!/usr/bin/env bats
# Networks and volumes over Docker's Engine API: made, joined, left, removed; statuses and sentences are what clients look for.
load ../lib/common
load ../lib/tared

setup_file() {
  tare_setup_file
  load_busybox
  start_tared
}
teardown_file() {
  stop_tared
  tare_teardown_file
}
teardown() {
  local all
  all=$(tare ps -aq)
  # shellcheck disable=SC2086
  [ -z "$all" ] || tare rm -f $all >/dev/null
  for all in $(tare network ls -q --filter type=custom); do tare network rm "$all" >/dev/null; done
  for all in $(tare volume ls -q); do tare volume rm "$all" >/dev/null; done
}

# ask METHOD PATH [JSON]: the status, a blank, the body.
ask() {
  local body=()
  [ $# -lt 3 ] || body=(-H 'Content-Type: application/json' -d "$3")
  curl -s --globoff --unix-socket "$SOCKET" -X "$1" "${body[@]}" -w '\n%{http_code}' "http://docker$2" | { mapfile -t l; echo "${l[-1]} ${l[0]}"; }
}
# says WANT METHOD PATH [JSON]
says() {
  local want=$1 got
  shift
  got=$(ask "$@")
  [ "$got" = "$want" ] || { printf '%s\n  said %s\n  want %s\n' "$*" "$got" "$want"; return 1; }
}
message() { printf '%s {"message":"%s"}' "$1" "$2"; }

@test "networks/create: what is asked for is what there is" {
  run -0 ask POST /v1.41/networks/create '{"Name":"net","CheckDuplicate":true,"Driver":"bridge","Internal":true,"Attachable":true,"EnableIPv6":true,
    "IPAM":{"Driver":"default","Options":{},"Config":[{"Subnet":"10.199.7.0/24","IPRange":"10.199.7.128/25","Gateway":"10.199.7.9","AuxiliaryAddresses":{"router":"10.199.7.2"}},
    {"Subnet":"fd00:7::/64","Gateway":"fd00:7::9"}]},"Options":{"com.docker.network.driver.mtu":"1400","com.docker.network.bridge.name":"brtest0"},"Labels":{"a":"b"}}'
  [[ "$output" == '201 {"Id":"'*'","Warning":""}' ]]
  local id; id=$(tare network inspect -f '{{.Id}}' net)
  [[ "$output" == *"$id"* ]]
  [ "$(tare network inspect -f '{{.Driver}} {{.Device}} {{.Internal}} {{.Attachable}} {{.EnableIPv6}} {{.Mtu}} {{.Labels.a}} {{json .IPAM.Config}}' net)" = \
    'bridge brtest0 true true true 1400 b [{"Subnet":"10.199.7.0/24","IPRange":"10.199.7.128/25","Gateway":"10.199.7.9","AuxiliaryAddresses":{"router":"10.199.7.2"}},{"Subnet":"fd00:7::/64","Gateway":"fd00:7::9","AuxiliaryAddresses":{}}]' ]
  [ "$(tare run --rm --network net busybox cat /sys/class/net/eth0/mtu)" = 1400 ]
  says "$(message 409 'network with name net already exists')" POST /networks/create '{"Name":"net"}'
  run -0 ask POST /networks/create '{"Name":"other","IPAM":{"Config":[{"Subnet":"10.199.7.0/28"}]}}'
  [[ "$output" == '403 {"message":"Pool overlaps with other one on this address space'* ]]
  run -0 ask POST /networks/create '{"Name":"other","Options":{"com.docker.network.bridge.name":"brtest0"}}'
  [[ "$output" == 4*'that is the device of network net'* ]]
  run -0 ask POST /networks/create '{"Name":"small"}'
  [[ "$output" == '201 '* ]]
  run -0 ask POST /networks/create '{"Name":"unsaid","IPAM":{"Driver":"default","Config":[{"Subnet":"10.199.9.0/24"}]}}'
  [[ "$output" == '201 '* ]]
  [ "$(tare network inspect -f '{{json .IPAM.Options}}' unsaid) $(tare network inspect -f '{{json .IPAM.Options}}' net)" = 'null {}' ]
  # members that Python's clients send as null
  run -0 ask POST /v1.41/networks/create '{"Name":"nulls","Driver":null,"Options":null,"IPAM":null,"Labels":null,"CheckDuplicate":null,"EnableIPv6":false}'
  [[ "$output" == '201 '* ]]
}

@test "networks/create: what is refused, and how" {
  says "$(message 403 'operation is not permitted on predefined bridge network ')" POST /networks/create '{"Name":"bridge"}'
  says "$(message 403 'operation is not permitted on predefined host network ')" POST /networks/create '{"Name":"host"}'
  says "$(message 403 'only one instance of \"host\" network is allowed')" POST /networks/create '{"Name":"x1","Driver":"host"}'
  says "$(message 404 'could not find plugin weave in v1 plugin registry: plugin \"weave\" not found')" POST /networks/create '{"Name":"x1","Driver":"weave"}'
  for body in '{"Name":""}' '{"Name":7}' '{"Name":"a/b"}' '{"Name":"x1","IPAM":{"Config":[{"Subnet":"10.1.2.0/33"}]}}' '{"Name":"x1","Labels":{"a":1}}' \
    '{"Name":"x1","IPAM":{"Config":[{"Gateway":"10.1.2.1"}]}}' 'no json' '{"Name":"x1","Options":{"com.docker.network.bridge.enable_icc":"false"}}'; do
    run -0 ask POST /networks/create "$body"
    [[ "$output" == '400 {"message":"'* ]] || { echo "$body: $output"; return 1; }
  done
  for body in '{"Name":"x1","Ingress":true}' '{"Name":"x1","ConfigOnly":true}' '{"Name":"x1","Scope":"swarm"}' '{"Name":"x1","ConfigFrom":{"Network":"y"}}' \
    '{"Name":"x1","EnableIPv4":false}' '{"Name":"x1","Options":{"nobody.knows":"it"}}' '{"Name":"x1","IPAM":{"Options":{"a":"b"}}}'; do
    run -0 ask POST /networks/create "$body"
    [[ "$output" == '501 {"message":"'* ]] || { echo "$body: $output"; return 1; }
  done
  [ -z "$(tare network ls -q --filter type=custom)" ]
}

@test "connect and disconnect: of one that runs, and of one that does not yet, as docker-compose does it" {
  tare network create --subnet 10.199.8.0/24 net >/dev/null
  tare run -d --name run busybox sleep 1000 >/dev/null
  tare create --name made --network net busybox sleep 1000 >/dev/null
  says '200 ' POST /networks/net/connect '{"Container":"run","EndpointConfig":{"Aliases":["other"],"IPAMConfig":{"IPv4Address":"10.199.8.77"},"DriverOpts":null,"Links":null,"MacAddress":"02:42:0a:00:00:07"}}'
  [ "$(tare inspect -f '{{(index .NetworkSettings.Networks "net").IPAddress}} {{(index .NetworkSettings.Networks "net").MacAddress}}' run)" = '10.199.8.77 02:42:0a:00:00:07' ]
  # a name has a slash before it, where a client took it from an inspect
  says '200 ' POST "/v1.41/networks/$(tare network inspect -f '{{.Id}}' net)/disconnect" '{"Container":"/made"}'
  says '200 ' POST /v1.41/networks/net/connect '{"Container":"made","EndpointConfig":{"Aliases":["web","made-1"],"IPAMConfig":{}}}'
  tare start made >/dev/null
  tare exec run ping -c 1 -w 2 web 2>&1 | grep -q "^PING web"
  tare exec made ping -c 1 -w 2 other 2>&1 | grep -q "^PING other (10.199.8.77)"
  run -0 ask POST /networks/net/connect '{"Container":"run"}'
  [[ "$output" == '403 {"message":"container run is in network net already"}' ]]
  run -0 ask POST /networks/net/connect '{"Container":"made","EndpointConfig":{"IPAMConfig":{"IPv4Address":"bad"}}}'
  [[ "$output" == '400 '* ]]
  says '200 ' POST /networks/net/disconnect '{"Container":"run","Force":false}'
  run -1 tare exec run ip addr show eth1
  run -0 ask POST /networks/net/disconnect '{"Container":"run"}'
  [[ "$output" == '404 {"message":"container run is not in network net"}' ]]
  says "$(message 404 'container run is not in network net')" POST /networks/net/disconnect '{"Container":"run","Force":true}'
  says "$(message 404 'No such container: nobody')" POST /networks/net/connect '{"Container":"nobody"}'
  says "$(message 404 'No such container: nobody')" POST /networks/net/disconnect '{"Container":"nobody","Force":true}'
  says "$(message 404 'network nowhere not found')" POST /networks/nowhere/connect '{"Container":"run"}'
  says "$(message 404 'network nowhere not found')" POST /networks/nowhere/disconnect '{"Container":"run"}'
  # the default network, by any of its names
  says '200 ' POST /networks/bridge/disconnect '{"Container":"run"}'
  says '200 ' POST /networks/bridge/connect '{"Container":"run"}'
}

@test "create with an endpoint: what it says is what it says, commas and all" {
  tare network create one >/dev/null
  at() { printf '{"Image":"busybox","Cmd":["sleep","1000"],"HostConfig":{"NetworkMode":"one"},"NetworkingConfig":{"EndpointsConfig":{"one":%s}}}' "$1"; }
  local o=com.docker.network.endpoint.sysctls
  run -0 ask POST '/containers/create?name=box' "$(at "{\"Aliases\":[\"db\"],\"DriverOpts\":{\"$o\":\"net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.IFNAME.base_reachable_time_ms=20000\"}}")"
  [[ "$output" == '201 '* ]]
  tare start box
  [ "$(tare exec box cat /proc/sys/net/ipv4/conf/eth0/log_martians /proc/sys/net/ipv4/neigh/eth0/base_reachable_time_ms | xargs)" = "1 20000" ]
  run -0 ask POST '/containers/create?name=no' "$(at '{"Aliases":["x,ip=10.0.0.9"]}')"
  [[ "$output" == '400 '*'x,ip=10.0.0.9'* ]]
  run -0 ask POST '/containers/create?name=no' "$(at '{"MacAddress":7}')"
  [[ "$output" == '400 '*MacAddress* ]]
  run -0 ask POST '/containers/create?name=no' '{"Image":"busybox","HostConfig":{"NetworkMode":"name=one"}}'
  [[ "$output" == '201 '* ]]
  run -0 ask POST /containers/no/start # a name that no network has, and no option
  [[ "$output" == '404 '*'name=one'* ]] || { echo "$output"; return 1; }
}

@test "a place before the start, and what no driver of ours reads, are shown as asked; a network's name may have blanks" {
  says "$(message 400 "\\\"a/b\\\" is no name for a network: 1 to 128 letters, digits, '_', '.', '-', '+', '@', '~' or blanks between, a letter or digit first")" POST /networks/create '{"Name":"a/b"}'
  run -0 ask POST /networks/create '{"Name":"two words"}'
  [[ "$output" == '201 '* ]]
  run -0 ask POST /networks/create '{"Name":"n"}'
  [[ "$output" == '201 '* ]]
  tare create --name made --network none busybox sleep 1000 >/dev/null
  says '200 ' POST /networks/two%20words/connect '{"Container":"made","EndpointConfig":{"MacAddress":"02:42:ac:11:00:02","DriverOpts":{"some.setting":"on"},"Aliases":["other"]}}'
  [ "$(tare inspect made | jq -c '.[0].NetworkSettings.Networks["two words"]|[.MacAddress,.DriverOpts]')" = '["02:42:ac:11:00:02",{"some.setting":"on"}]' ]
  # names are answered in it, beside another one
  tare run -d --name run --network "two words" busybox sleep 1000 >/dev/null
  tare network connect n run
  tare start made >/dev/null
  tare exec run ping -c 1 -w 2 other 2>&1 | grep -q "^PING other"
  tare run --rm --network n busybox nslookup run.n | grep -q "^Name:.*run.n"
  run -0 ask POST /containers/create?name=opts '{"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"n":{"DriverOpts":{"key1":"a"}}}}}'
  [[ "$output" == '201 '* ]]
  [ "$(tare inspect opts | jq -c '.[0]|[.NetworkSettings.Networks.n.DriverOpts,.HostConfig.Runtime,.HostConfig.Isolation]')" = '[{"key1":"a"},"runc",""]' ]
  tare rm -f made run opts >/dev/null
  says '204 ' DELETE /networks/two%20words
}

@test "a port that somebody has: Docker's sentence" {
  tare run -d --name run -p 127.0.0.1:18087:80 busybox sleep 1000 >/dev/null
  tare create --name made -p 127.0.0.1:18087:81 busybox true >/dev/null
  says "$(message 500 'driver failed programming external connectivity: Bind for port 18087/tcp failed: port is already allocated')" POST /containers/made/start
}

@test "a link is removed" {
  tare run -d --name db busybox sleep 1000 >/dev/null
  tare run -d --name web --link db:store busybox sleep 1000 >/dev/null
  says '204 ' DELETE '/containers/web/store?link=1'
  [ "$(tare inspect -f '{{json .HostConfig.Links}}' web)" = null ]
  run -0 ask DELETE '/containers/web/store?link=1'
  [[ "$output" == '404 '* ]]
  run -0 ask DELETE '/containers/web/store'
  [[ "$output" == '404 '* ]]
}

@test "networks: remove and prune" {
  tare network create net >/dev/null
  tare network create --label keep old >/dev/null
  tare network create used >/dev/null
  tare run -d --name run --network used busybox sleep 1000 >/dev/null
  says "$(message 404 'network nowhere not found')" DELETE /networks/nowhere
  for name in bridge host none; do says "$(message 403 "$name is a pre-defined network and cannot be removed")" DELETE /networks/$name; done
  for name in bridge host none; do says "$(message 403 "$name is a pre-defined network and cannot be removed")" DELETE "/networks/$(tare network inspect -f '{{.Id}}' $name)"; done
  run -0 ask DELETE /networks/used
  [[ "$output" == '403 {"message":"error while removing network: network used has active endpoints (name:\"run\")"}' ]]
  says '204 ' DELETE "/networks/$(tare network inspect -f '{{.Id}}' net)"
  run -1 tare network inspect net
  run -0 ask POST '/networks/prune?filters={"no":["x"]}'
  [[ "$output" == '400 '* ]]
  says '200 {"NetworksDeleted":null}' POST '/networks/prune?filters={"label!":{"keep":true}}'
  says '200 {"NetworksDeleted":["old"]}' POST '/networks/prune?filters={"label":["keep"]}'
}

@test "volumes: create, remove, prune" {
  run -0 ask POST /volumes/create '{"Name":"data","Driver":"local","DriverOpts":{"type":"tmpfs","device":"tmpfs","o":"size=1m"},"Labels":{"a":"b"}}'
  [[ "$output" == '201 {'*'"Driver":"local","Labels":{"a":"b"},"Mountpoint":"'*'","Name":"data","Options":{"type":"tmpfs","device":"tmpfs","o":"size=1m"},"Scope":"local"}' ]]
  # as docker's: the same again is no error, another one of that name is
  run -0 ask POST /volumes/create '{"Name":"data"}'
  [[ "$output" == '201 '* ]]
  run -0 ask POST /volumes/create '{"Name":"data","DriverOpts":{"type":"tmpfs","device":"tmpfs"}}'
  [[ "$output" == '409 '* ]]
  says "$(message 404 'create x1: error looking up volume plugin nosuch: plugin \"nosuch\" not found')" POST /volumes/create '{"Name":"x1","Driver":"nosuch"}'
  for body in '{"Name":"a/b"}' '{"Name":"x1","DriverOpts":{"nobody":"knows"}}' '{"Name":"x1","Labels":[]}' no-json; do
    run -0 ask POST /volumes/create "$body"
    [[ "$output" == '400 '* ]] || { echo "$body: $output"; return 1; }
  done
  run -0 ask POST /volumes/create '{}'
  [[ "$output" == '201 '*'"Labels":{"com.docker.volume.anonymous":""}'*'"Name":"'????????????????????????????????????????????????????????????????'"'* ]]
  tare create --name user -v data:/data busybox >/dev/null
  says "$(message 409 "remove data: volume is in use - [$(tare inspect -f '{{.Id}}' user)]")" DELETE /volumes/data
  says "$(message 409 "remove data: volume is in use - [$(tare inspect -f '{{.Id}}' user)]")" DELETE '/volumes/data?force=True'
  says "$(message 404 'get nosuch: no such volume')" DELETE '/volumes/nosuch?force=False'
  says '204 ' DELETE '/volumes/nosuch?force=1'
  tare rm user >/dev/null
  tare volume create named >/dev/null
  # from 1.42 on a prune is of those without a name
  run -0 ask POST /v1.42/volumes/prune
  [[ "$output" == '200 {"VolumesDeleted":["'????????????????????????????????????????????????????????????????'"],"SpaceReclaimed":'*'}' ]]
  run -0 ask POST '/v1.44/volumes/prune?filters={"all":["true"],"label":["a"]}'
  [[ "$output" == '200 {"VolumesDeleted":["data"],'* ]]
  run -0 ask POST /v1.41/volumes/prune
  [[ "$output" == '200 {"VolumesDeleted":["named"],'* ]]
  says '204 ' DELETE '/volumes/named?force=true'
  run -0 ask PUT '/volumes/named?version=1' '{}'
  [[ "$output" == '503 {"message":"This node is not a swarm manager.'* ]]
}

@test "hints that name a command of tare are not told to clients of the API" {
  run -125 tare run --rm --network nosuch busybox true
  [[ "$output" == *"(tare network ls lists them)"* ]]
  run -0 ask POST '/containers/create?name=netless' '{"Image":"busybox","HostConfig":{"NetworkMode":"nosuch"}}'
  run -0 ask POST /containers/netless/start
  echo "$output"
  tare rm netless
  [[ "$output" == 4*nosuch* && "$output" != *"(tare "* ]]
}
