#!/usr/bin/env bats
# daemon.json: what tared makes of it, told by the page, and seen in what clients get.
load ../lib/common

setup_file() {
  tare_setup_file
  load_busybox
  TREE=$(realpath "$BATS_TEST_DIRNAME/../..")
  export TREE S=$BATS_FILE_TMPDIR/tared.sock
}
teardown_file() { tare_teardown_file; }

setup() { pid=; CONFIG=$BATS_TEST_TMPDIR/daemon.json; }
teardown() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  [ -z "$pid" ] || wait "$pid" || true
  remove_all
}

serve() { # JSON OPTION...
  echo "$1" >"$CONFIG"; shift
  "$TARE_BIN/tared" --config "$CONFIG" "$@" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
  pid=$!
  wait_until 10 grep -q listening "$BATS_TEST_TMPDIR/log"
}
ask() { curl -s --unix-socket "$S" "http://x$1" "${@:2}"; }
create() { ask "/containers/create?name=$1" -H 'Content-Type: application/json' -d "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],\"HostConfig\":{\"NetworkMode\":\"none\"}}"; }
validate() { echo "$1" >"$CONFIG"; run "$TARE_BIN/tared" --config "$CONFIG" --validate "${@:2}"; }

@test "what cannot be had ends the start with one line that names the key; --validate says it, too" {
  validate '{"icc": false}'
  [ "$status" = 1 ]; [ "${#lines[@]}" = 1 ]
  [[ "$output" == "tared: $CONFIG: \"icc\" cannot be had: "* ]]
  run -1 "$TARE_BIN/tared" --config "$CONFIG" -H "unix://$S"
  validate '{"registry-mirors": []}'
  [ "$status" = 1 ]; [[ "$output" == *"did you mean registry-mirrors?"* ]]
  validate '{"live-restore": false, "max-concurrent-downloads": 3}'
  [ "$status" = 0 ]; [[ "$output" == *'warning: daemon.json: "live-restore" changes nothing: containers always go on'* ]]
  validate '{not json'
  [ "$status" = 1 ]; [[ "$output" == *"$CONFIG"* ]]
  run -1 "$TARE_BIN/tared" --config /nowhere/daemon.json --validate
}

@test "what the command line says, too, is an error, as with dockerd" {
  validate '{"hosts": ["unix:///a.sock"]}' -H unix:///b.sock
  [ "$status" = 1 ]; [[ "$output" == *"hosts is said on the command line (unix:///b.sock) and in the configuration file"* ]]
  validate '{"data-root": "/a"}' --root /b
  [ "$status" = 1 ]; [[ "$output" == *data-root* ]]
  validate '{"hosts": ["unix:///a.sock"]}'
  [ "$status" = 0 ]
}

@test "it listens where the file says, in the store that it names" {
  serve "{\"hosts\": [\"unix://$S\"], \"data-root\": \"$BATS_TEST_TMPDIR/store\", \"exec-root\": \"$BATS_TEST_TMPDIR/state\"}"
  [ "$(ask /images/json)" = '[]' ]
  [ -d "$BATS_TEST_TMPDIR/store/containers" ]
}

@test "containers get its defaults, where they say nothing" {
  serve '{"init": true, "log-opts": {"max-size": "2m"}, "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 123, "Hard": 456}}, "dns": ["192.0.2.53"],
    "default-shm-size": "8m", "no-new-privileges": true, "cgroup-parent": "/tare/by-file"}' -H "unix://$S"
  create made | jq -e .Id >/dev/null
  ask /containers/made/json | jq -e '.HostConfig | .Init == true and .LogConfig.Config["max-size"] == "2m" and .ShmSize == 8388608 and .Dns == ["192.0.2.53"] and
    .CgroupParent == "/tare/by-file" and (.Ulimits | any(.Name == "nofile" and .Soft == 123)) and (.SecurityOpt | any(startswith("no-new-privileges")))' >/dev/null
}

@test "info says what the file says of the machine, and of registries" {
  serve '{"labels": ["rack=7"], "registry-mirrors": ["https://mirror.invalid"], "insecure-registries": ["plain.invalid:5000", "192.0.2.0/24"], "debug": true}' -H "unix://$S"
  ask /info | jq -e '.Labels == ["rack=7"] and .Debug and .RegistryConfig.Mirrors == ["https://mirror.invalid/"] and
    .RegistryConfig.IndexConfigs["docker.io"].Mirrors == ["https://mirror.invalid/"] and .RegistryConfig.IndexConfigs["docker.io"].Secure and
    .RegistryConfig.IndexConfigs["plain.invalid:5000"].Secure == false and .RegistryConfig.InsecureRegistryCIDRs == ["127.0.0.0/8", "192.0.2.0/24"] and
    (.SecurityOptions | index("name=userns") | not)' >/dev/null
}

@test "userns-remap gives each container host ids of its own, which the API's have not otherwise" {
  serve '{"userns-remap": "default"}' -H "unix://$S"
  ask /info | jq -e '.SecurityOptions | index("name=userns")' >/dev/null
  create mapped | jq -e .Id >/dev/null
  ask /containers/mapped/start -X POST
  [ "$(ask /containers/mapped/wait -X POST | jq .StatusCode)" = 0 ]
  [ "$(tare inspect -f '{{.HostConfig.UsernsMode}}' mapped)" != host ]
}

@test "networks take their subnets from its pools, in order, and say when those are used up" {
  serve '{"default-address-pools": [{"base": "10.77.0.0/23", "size": 24}]}' -H "unix://$S"
  for n in one two; do ask /networks/create -H 'Content-Type: application/json' -d "{\"Name\":\"$n\"}" | jq -e .Id >/dev/null; done
  [ "$(ask /networks/one | jq -r '.IPAM.Config[0].Subnet')" = 10.77.0.0/24 ]
  [ "$(ask /networks/two | jq -r '.IPAM.Config[0].Subnet')" = 10.77.1.0/24 ]
  ask /networks/create -H 'Content-Type: application/json' -d '{"Name":"three"}' | jq -e '.message | contains("default-address-pools")' >/dev/null
  tare network rm one two >/dev/null
}

@test "SIGHUP: it is read again; one that is wrong changes nothing" {
  serve '{"default-shm-size": "8m"}' -H "unix://$S"
  echo '{"default-shm-size": "9m"}' >"$CONFIG"
  kill -HUP "$pid"
  wait_until 10 grep -q 'was read again' "$BATS_TEST_TMPDIR/log"
  create made | jq -e .Id >/dev/null
  [ "$(ask /containers/made/json | jq .HostConfig.ShmSize)" = 9437184 ]
  echo '{"icc": false}' >"$CONFIG"
  kill -HUP "$pid"
  wait_until 10 grep -q 'all stays as it was' "$BATS_TEST_TMPDIR/log"
  create another | jq -e .Id >/dev/null
  [ "$(ask /containers/another/json | jq .HostConfig.ShmSize)" = 9437184 ]
}

@test "the page has each key that the table has, and no other" {
  sed -n 's/^\t{ "\([a-z0-9-]*\)", JSON_.*/\1/p' "$TREE/src/api/server/daemon_json.c" >"$BATS_TEST_TMPDIR/keys"
  sed -n 's/^#define AUTHORIZE_KEY "\(.*\)".*/\1/p' "$TREE/src/api/server/authorize.h" | sort - "$BATS_TEST_TMPDIR/keys" >"$BATS_TEST_TMPDIR/table"
  sed -n '/^# CONFIGURATION/,/^# ENVIRONMENT/s/^- `\([a-z0-9-]*\)`: .*/\1/p' "$TREE/man/tared.md" | sort >"$BATS_TEST_TMPDIR/page"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/table")" -gt 80 ]
  diff "$BATS_TEST_TMPDIR/table" "$BATS_TEST_TMPDIR/page"
}

@test "tare system service is tared with the same options" {
  echo '{}' >"$CONFIG"
  "$TARE_BIN/tare" --root "$BATS_TEST_TMPDIR/r" --state "$BATS_TEST_TMPDIR/s" system service --config "$CONFIG" -H "unix://$S" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
  pid=$!
  wait_until 10 grep -q listening "$BATS_TEST_TMPDIR/log"
  [ "$(ask /images/json)" = '[]' ]
  [ -d "$BATS_TEST_TMPDIR/r/containers" ]
  [[ "$(tr '\0' ' ' <"/proc/$pid/cmdline")" == tared\ * ]]
  run -1 tare system service --config "$CONFIG" --idle-exit 2m -H "unix://$S.other"
  [[ "$output" == *"--idle-exit"* ]]
}
