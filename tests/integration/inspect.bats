#!/usr/bin/env bats
# What inspect says is so: paths lead where they say, numbers and names are those that others find.
# That nothing of docker's is missing is tests/peers/inspect.bats's matter.
load ../lib/common
load ../lib/network

setup_file() {
  tare_setup_file
  world_up
  load_busybox
  tare network create --subnet 10.201.7.0/24 side >/dev/null
  tare run -d --name web --network side --network-alias www -p 127.0.0.1:8080:80 -p 9000-9001:7000-7001/udp --expose 99 busybox sleep 1000
  tare create --name later --network side --network-alias soon --ip 10.201.7.77 -p 8081:80 -P --cidfile "$BATS_FILE_TMPDIR/cid" busybox true
}
teardown_file() {
  tare rm -f web later >/dev/null
  tare network rm side >/dev/null
  world_down
  tare_teardown_file
}

of() { tare inspect -f "$2" "$1"; }

@test "GraphDriver: folders of a root, the merged one while it runs" {
  tare exec web sh -c 'echo written >/new'
  [ "$(cat "$(of web '{{.GraphDriver.Data.MergedDir}}')/new")" = written ]
  [ "$(cat "$(of web '{{.GraphDriver.Data.UpperDir}}')/new")" = written ]
  [ -d "$(of web '{{.GraphDriver.Data.WorkDir}}')" ]
  local layer
  for layer in $(of web '{{.GraphDriver.Data.LowerDir}}' | tr : ' '); do [ -d "$layer" ]; done
  [ "$(of web '{{.GraphDriver.Name}} {{.Driver}}')" = "overlay2 overlay2" ]
  [ "$(tare image inspect -f '{{.GraphDriver.Name}}' busybox)" = overlay2 ]
  [ "$(tare info -f '{{.Driver}}')" = overlay2 ]
  [ "$(tare inspect later | jq -c '.[0].GraphDriver.Data | has("MergedDir"), has("UpperDir")')" = $'false\ntrue' ]
}

@test "GraphDriver of a plain folder" {
  mkdir -p "$BATS_TEST_TMPDIR/root"
  tare create --name plain --network none --rootfs "$BATS_TEST_TMPDIR/root" /none
  [ "$(of plain '{{.Driver}} {{.GraphDriver.Name}} {{.GraphDriver.Data.MergedDir}}')" = "dir dir $BATS_TEST_TMPDIR/root" ]
  tare rm plain
}

@test "SandboxKey leads to the network, SandboxID and EndpointID are its own" {
  nsenter --net="$(of web '{{.NetworkSettings.SandboxKey}}')" ip -o addr | grep -qF "$(of web '{{.NetworkSettings.Networks.side.IPAddress}}')/24"
  local endpoint
  endpoint=$(of web '{{.NetworkSettings.Networks.side.EndpointID}}')
  [ "${#endpoint}" = 64 ]
  [ "$(tare network inspect -f "{{(index .Containers \"$(of web '{{.Id}}')\").EndpointID}}" side)" = "$endpoint" ]
  [ "$(of web '{{.NetworkSettings.SandboxID}}')" = "$(of web '{{.Id}}')" ]
  [ "$(of later '{{.NetworkSettings.SandboxKey}}{{.NetworkSettings.SandboxID}}{{.NetworkSettings.EndpointID}}')" = "" ]
  tare run -d --name shares --network container:web busybox sleep 100
  [ "$(of shares '{{.NetworkSettings.SandboxID}}')" = "" ]
  [ "$(readlink "$(of shares '{{.NetworkSettings.SandboxKey}}')")" = "$(readlink "$(of web '{{.NetworkSettings.SandboxKey}}')")" ]
  tare rm -f shares
}

@test "names and addresses, as asked for and as found" {
  [ "$(of web '{{json .NetworkSettings.Networks.side.Aliases}}')" = '["www"]' ]
  [ "$(of web '{{json .NetworkSettings.Networks.side.IPAMConfig}}')" = null ]
  local name
  for name in $(of web '{{join .NetworkSettings.Networks.side.DNSNames " "}}'); do
    tare run --rm --network side busybox nslookup "$name" | grep -qF "$(of web '{{.NetworkSettings.Networks.side.IPAddress}}')"
  done
  [ "$(of web '{{json .NetworkSettings.Networks.side.DNSNames}}')" = "[\"web\",\"www\",\"$(of web '{{.Id}}' | cut -c1-12)\"]" ]
}

@test "one that does not run shows where it will be" {
  [ "$(tare inspect later | jq -c '.[0].NetworkSettings.Networks.side | [.IPAMConfig, .Aliases, .IPAddress, .EndpointID, .MacAddress]')" = \
    '[{"IPv4Address":"10.201.7.77"},["soon"],"","",""]' ]
  [ "$(of later '{{.NetworkSettings.Networks.side.NetworkID}}')" = "$(tare network inspect -f '{{.Id}}' side)" ]
  [ "$(of later '{{json .NetworkSettings.Ports}}')" = '{}' ]
}

@test "PortBindings are what was asked for, Ports what leads to it and what does not" {
  [ "$(tare inspect web | jq -cS '.[0].HostConfig.PortBindings')" = \
    '{"7000/udp":[{"HostIp":"","HostPort":"9000"}],"7001/udp":[{"HostIp":"","HostPort":"9001"}],"80/tcp":[{"HostIp":"127.0.0.1","HostPort":"8080"}]}' ]
  [ "$(tare inspect web | jq -c '.[0].NetworkSettings.Ports | [.["80/tcp"], .["99/tcp"], has("99/tcp")]')" = '[[{"HostIp":"127.0.0.1","HostPort":"8080"}],null,true]' ]
  tare update --publish-add 9100:90 web
  [ "$(of web '{{json (index .HostConfig.PortBindings "90/tcp")}}')" = '[{"HostIp":"","HostPort":"9100"}]' ]
  tare create --name ranged -p 9200-9210:80 -p 9300:80 -p 81 busybox true
  [ "$(tare inspect ranged | jq -cS '.[0].HostConfig.PortBindings | map_values(map(.HostPort))')" = '{"80/tcp":["9200-9210","9300"],"81/tcp":[""]}' ]
  tare rm ranged
  [ "$(of web '{{.HostConfig.PublishAllPorts}}') $(of later '{{.HostConfig.PublishAllPorts}}')" = "false true" ]
}

@test "ExecIDs are those that run" {
  [ "$(of web '{{json .ExecIDs}}')" = null ]
  tare exec -d web sh -c 'sleep 1000'
  [ "$(of web '{{len .ExecIDs}}')" = 1 ]
  [ -e "$TARE_STATE/$(of web '{{.Id}}')/exec/$(of web '{{index .ExecIDs 0}}').json" ]
  tare exec web pkill -f 'sleep 1000$' -n || tare exec web sh -c 'kill -9 $(pidof sleep | cut -d" " -f1)'
  wait_until 10 no_exec web
}
no_exec() { [ "$(tare inspect -f '{{json .ExecIDs}}' "$1")" = null ]; }

@test "what it is kept from, and is not with --privileged" {
  [ "$(tare inspect web | jq -c '.[0].HostConfig | [(.MaskedPaths | index("/proc/kcore") != null), (.ReadonlyPaths | index("/proc/sys") != null)]')" = '[true,true]' ]
  tare create --name all --network none --privileged busybox true
  [ "$(tare inspect all | jq -c '.[0].HostConfig | [.MaskedPaths, .ReadonlyPaths]')" = '[null,null]' ]
  tare rm all
}

@test "HostConfig as objects: mounts, tmpfs, devices, ulimits, sysctls; the file with its id" {
  tare create --name many --network none --mount type=tmpfs,dst=/small,tmpfs-size=1m,tmpfs-mode=1770 --mount type=volume,dst=/v,volume-nocopy \
    --mount type=bind,src=/tmp,dst=/b,ro,bind-recursive=writable --tmpfs /t:size=2m --tmpfs /u --device /dev/null:/dev/zero2:r \
    --ulimit nofile=100:200 --ulimit core=-1 --sysctl net.ipv4.ip_forward=1 busybox true
  tare inspect many | jq -e '.[0].HostConfig |
    .Mounts[0] == {"Type":"tmpfs","Target":"/small","ReadOnly":false,"TmpfsOptions":{"SizeBytes":1048576,"Mode":1016}} and
    (.Mounts[1] | .Type == "volume" and has("Source") == false and .VolumeOptions.NoCopy) and
    (.Mounts[2] | .Type == "bind" and .Source == "/tmp" and .ReadOnly and .BindOptions.ReadOnlyNonRecursive) and
    .Tmpfs == {"/t":"size=2m","/u":""} and
    .Devices == [{"PathOnHost":"/dev/null","PathInContainer":"/dev/zero2","CgroupPermissions":"r"}] and
    .Ulimits == [{"Name":"nofile","Hard":200,"Soft":100},{"Name":"core","Hard":-1,"Soft":-1}] and
    .Sysctls == {"net.ipv4.ip_forward":"1"}'
  tare rm -v many
  [ "$(of later '{{.HostConfig.ContainerIDFile}}')" = "$BATS_FILE_TMPDIR/cid" ]
}

@test "which streams the command wanted" {
  streams() { of "$1" '{{.Config.AttachStdin}} {{.Config.AttachStdout}} {{.Config.AttachStderr}}'; }
  [ "$(streams web)" = "false false false" ]
  [ "$(streams later)" = "false true true" ]
  tare run --name some --network none -i -a stdin -a stderr busybox true </dev/null
  [ "$(streams some)" = "true false true" ]
  tare rm some
}

@test "--format json: the same list in one line" {
  [ "$(tare inspect --format json web later | wc -l)" = 1 ]
  diff <(tare inspect --format json web later | jq -S 'map(del(.SizeRw))') <(tare inspect web later | jq -S 'map(del(.SizeRw))')
  [ "$(tare network inspect -f json side | jq -r '.[0].Name')" = side ]
  [ "$(tare image inspect -f json busybox | wc -l)" = 1 ]
}

@test "info: what this machine limits and keeps apart is what containers get" {
  [ "$(tare info -f '{{.Swarm.LocalNodeState}} {{.DefaultRuntime}} {{.LiveRestoreEnabled}}')" = "inactive tare-oci true" ]
  [ -x "$(tare info -f '{{(index .Runtimes .DefaultRuntime).path}}')" ]
  [ "$(tare info -f '{{.Runtimes.runc.path}}')" = "$(tare info -f '{{(index .Runtimes .DefaultRuntime).path}}')" ] # Docker's name for the same
  [ "$(tare info -f '{{index (index .DriverStatus 0) 0}}')" = "Backing Filesystem" ]
  [ "$(tare info -f '{{join .Plugins.Log ","}}')" = json-file,local,k8s-file,journald,none ]
  [[ "$(tare info -f '{{join .SecurityOptions " "}}')" == "name=seccomp,profile=builtin name="* ]]
  [ "$(tare run --rm --network none busybox grep Seccomp: /proc/self/status | tr -dc 0-9)" = 2 ]
  case "$(tare info -f '{{.TareCgroups}}')" in
    v2) [ "$(tare info -f '{{.CgroupVersion}}')" = 2 ] ;;
    *) [ "$(tare info -f '{{.CgroupVersion}}')" = 1 ] ;;
  esac
  if [ "$(tare info -f '{{.MemoryLimit}}')" = true ]; then tare run --rm --network none -m 50m busybox true; else run ! tare run --rm --network none -m 50m busybox true; fi
  if [ "$(tare info -f '{{.CPUSet}}')" = true ]; then tare run --rm --network none --cpuset-cpus 0 busybox true; else run ! tare run --rm --network none --cpuset-cpus 0 busybox true; fi
  if [ "$(tare info -f '{{.IPv4Forwarding}}')" = true ]; then [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]; fi
  [ "$(HTTPS_PROXY=http://p:1 NO_PROXY=x tare info -f '{{.HttpsProxy}} {{.NoProxy}}')" = "http://p:1 x" ]
}

@test "version: both sides, and what they are made of" {
  [ "$(tare version -f '{{(index .Server.Components 0).Name}} {{.Server.Platform.Name}}')" = "Engine tare" ]
  [ "$(tare version -f '{{.Server.Version}}')" = "$(tare version -f '{{(index .Server.Components 1).Version}}')" ]
  [ "$("$TARE_BIN/tare-oci" --version | head -1 | awk '{ print $NF }')" = "$(tare version -f '{{(index .Server.Components 1).Version}}')" ]
}

@test "nothing is there twice: ports of several rows, one that waits for its restart, options said twice" {
  tare run -d --name ports -p 8280:80 -p 8281:80/udp -p 9290:80 -p 8380-8381:81-82 -p 9291:82 busybox sleep 1000 >/dev/null
  [ "$(of ports '{{len (index .NetworkSettings.Ports "80/tcp")}} {{len (index .NetworkSettings.Ports "82/tcp")}} {{len .NetworkSettings.Ports}}')" = "4 4 4" ]
  tare run -d --name waits --restart always busybox false >/dev/null
  wait_until 20 bash -c "[ \$('$TARE_BIN/tare' inspect waits | jq '.[0].RestartCount') -ge 5 ]"
  wait_until 10 bash -c "'$TARE_BIN/tare' inspect -f '{{.State.Status}} {{len .NetworkSettings.Networks}}' waits | grep -qx 'restarting 1'"
  tare create --name said --network none --sysctl net.ipv4.ip_forward=0 --sysctl net.ipv4.ip_forward=1 busybox true >/dev/null
  [ "$(of said '{{index .HostConfig.Sysctls "net.ipv4.ip_forward"}}')" = 1 ]
  tare start -a said
  tare rm -f ports waits said >/dev/null
}

@test "ps: the command as Go quotes it, cut or whole; dates as docker writes them; network ls has a scope" {
  tare create --name said --network none busybox echo 'a"b' 'two words' 'back\slash' >/dev/null
  [ "$(tare ps -a --filter name=said --format '{{.Command}}')" = "\"echo a\\\"b 'two words…\"" ]
  [ "$(tare ps -a --no-trunc --filter name=said --format '{{.Command}}')" = "\"echo a\\\"b 'two words' back\\\\slash\"" ]
  tare rm said >/dev/null
  [[ "$(TZ=UTC tare ps --filter name=web --format '{{.CreatedAt}}')" =~ ^20[0-9-]{8}\ [0-9:]{8}\ \+0000\ UTC$ ]]
  [ "$(date -d "$(TZ=UTC tare ps --filter name=web --format '{{.CreatedAt}}' | sed 's/ UTC$//')" +%s)" = "$(date -d "$(of web '{{.Created}}')" +%s)" ]
  [[ "$(tare network ls | head -1)" =~ ^"NETWORK ID"\ +NAME\ +DRIVER\ +SCOPE ]]
}

@test "who leaves by the keys is told: attach, exec" {
  leave() { python3 "$BATS_TEST_DIRNAME/../lib/terminal.py" size=24x80 wait=tick 'send=\x10\x11' end -- sh -c 'err=$1; shift; "$@" 2>"$err"' sh "$BATS_TEST_TMPDIR/err" "$TARE_BIN/tare" "$@"; }
  tare run -dit --name ticks --network none busybox sh -c 'while sleep 0.2; do echo tick; done'
  leave attach ticks
  [ "$(cat "$BATS_TEST_TMPDIR/err")" = "read escape sequence" ]
  leave exec -it ticks sh -c 'echo tick; sleep 2'
  [ "$(cat "$BATS_TEST_TMPDIR/err")" = "read escape sequence" ]
  tare rm -f ticks
}
