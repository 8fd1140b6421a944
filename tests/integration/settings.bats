#!/usr/bin/env bats
# config.json: what holds for all containers and builds where the command line says nothing.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
setup() { export TARE_CONFIG=$BATS_TEST_TMPDIR/config.json; }
teardown_file() { tare_teardown_file; }

inspect() { tare inspect "$1" | jq -rc ".[0].$2"; }

@test "limits, name servers, log and proxies of the file hold; what the command line says goes before" {
  cat >"$TARE_CONFIG" <<'END'
{ "log-driver": "json-file", "log-opts": { "max-size": "1m", "max-file": "2" },
  "default-ulimits": { "nofile": { "Soft": 123, "Hard": 456 }, "core": { "Soft": 0 } },
  "default-pids-limit": 77, "default-shm-size": "8m",
  "dns": ["10.9.9.9"], "dns-search": ["example.org"], "dns-opts": ["ndots:3"],
  "proxies": { "default": { "httpProxy": "http://proxy:1", "noProxy": "localhost" } } }
END
  tare create --name all busybox sh -c 'ulimit -n; ulimit -Hn; ulimit -c; df -k /dev/shm | tail -1; cat /etc/resolv.conf; env'
  [ "$(inspect all HostConfig.LogConfig)" = '{"Type":"json-file","Options":["max-size=1m","max-file=2"]}' ] ||
    [ "$(inspect all HostConfig.LogConfig.Type)" = json-file ]
  [[ "$(inspect all HostConfig.LogConfig)" == *max-size* ]]
  [ "$(inspect all HostConfig.PidsLimit)" = 77 ]
  run -0 tare start -a all
  [ "${lines[0]}" = 123 ]; [ "${lines[1]}" = 456 ]; [ "${lines[2]}" = 0 ]
  [[ "${lines[3]}" == *" 8192 "* ]]
  for line in 'nameserver 10.9.9.9' 'search example.org' 'options ndots:3' HTTP_PROXY=http://proxy:1 http_proxy=http://proxy:1 NO_PROXY=localhost; do
    [[ "$output" == *"$line"* ]] || { echo "no $line"; return 1; }
  done
  tare rm all
  echo no_proxy=file >"$BATS_TEST_TMPDIR/env"
  run -0 tare run --rm --ulimit nofile=50 --dns 10.1.1.1 --log-driver none -e HTTP_PROXY=own --env-file "$BATS_TEST_TMPDIR/env" busybox \
    sh -c 'ulimit -n; ulimit -c; cat /etc/resolv.conf; env'
  [ "${lines[0]}" = 50 ]; [ "${lines[1]}" = 0 ]
  [[ "$output" == *10.1.1.1* ]]; [[ "$output" != *10.9.9.9* ]]
  [[ "$output" == *HTTP_PROXY=own* ]]; [[ "$output" == *http_proxy=http://proxy:1* ]]; [[ "$output" == *no_proxy=file* ]]
}

@test "a container that shares another one's network takes no name servers of the file" {
  echo '{"dns":["10.9.9.9"]}' >"$TARE_CONFIG"
  tare run -d --name net busybox sleep 60
  run -0 tare run --rm --network container:net busybox cat /etc/resolv.conf
  [[ "$output" == *10.9.9.9* ]]
  tare rm -f net
}

@test "a build: RUN has the limits and the proxies, the image neither; other settings make nothing anew" {
  echo '{"default-ulimits":{"nofile":{"Soft":321}},"proxies":{"default":{"httpsProxy":"http://proxy:2"}}}' >"$TARE_CONFIG"
  # shellcheck disable=SC2016
  printf 'FROM busybox\nRUN ulimit -n >/n; echo "$https_proxy $HTTPS_PROXY" >/p\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  tare build -q -t settings -f "$BATS_TEST_TMPDIR/Dockerfile" "$BATS_TEST_TMPDIR"
  run -0 tare image inspect -f '{{.Config.Env}}' settings
  [[ "$output" != *proxy* ]]
  export TARE_CONFIG=$BATS_TEST_TMPDIR/empty.json
  echo '{}' >"$TARE_CONFIG"
  run -0 tare run --rm settings cat /n /p
  [ "$output" = $'321\nhttp://proxy:2 http://proxy:2' ]
  id=$(tare build -q -t again -f "$BATS_TEST_TMPDIR/Dockerfile" "$BATS_TEST_TMPDIR")
  [ "$id" = "$(tare image inspect -f '{{.Id}}' settings)" ]
  tare rmi again settings
}

@test "Docker's config.json has the proxies where no file of ours has any; a damaged one is warned of" {
  unset TARE_CONFIG
  export DOCKER_CONFIG=$BATS_TEST_TMPDIR/docker
  mkdir "$DOCKER_CONFIG"
  [ ! -e /etc/tare/config.json ] || skip "this machine has settings of its own"
  echo '{"proxies":{"default":{"ftpProxy":"ftp://proxy"}},"other":1}' >"$DOCKER_CONFIG/config.json"
  run -0 tare run --rm busybox env
  [[ "$output" == *FTP_PROXY=ftp://proxy* ]]
  echo '{' >"$DOCKER_CONFIG/config.json"
  run -0 --separate-stderr tare run --rm busybox env
  [[ "$stderr" == *"docker/config.json: line 2"*"no proxy variables are taken from there"* ]]
}

@test "an error names file and key, and nothing is made" {
  echo '{"log-drver":"none"}' >"$TARE_CONFIG"
  run -125 --separate-stderr tare run --name wrong busybox true
  [ "$stderr" = "tare: $TARE_CONFIG: it has no key \"log-drver\"; did you mean log-driver?" ]
  run -1 --separate-stderr tare inspect wrong
  run -1 --separate-stderr tare build -q "$BATS_TEST_TMPDIR"
  [[ "$stderr" == *'has no key "log-drver"'* ]]
  echo '{"default-ulimits":{"nofil":{"Soft":1}}}' >"$TARE_CONFIG"
  run -125 --separate-stderr tare run --rm busybox true
  [[ "$stderr" == *"config.json: "*nofil* ]]
  # who makes nothing does not look at it
  tare ps
}

@test "system info shows the log driver that containers get; what cannot be read is told of" {
  echo '{"log-driver":"k8s-file"}' >"$TARE_CONFIG"
  [ "$(tare system info -f '{{.LoggingDriver}}')" = k8s-file ]
  echo '{}' >"$TARE_CONFIG"
  [ "$(tare system info -f '{{.LoggingDriver}}')" = json-file ]
  echo '{"log-drver":"none"}' >"$TARE_CONFIG"
  run -0 --separate-stderr tare system info
  [[ "$stderr" == *'has no key "log-drver"'* ]]
  [[ "$output" == *"Logging:"*json-file* ]]
}

@test "formats and keys of Docker's client, from its own file" {
  unset TARE_CONFIG
  export DOCKER_CONFIG=$BATS_TEST_TMPDIR
  cat >"$DOCKER_CONFIG/config.json" <<'END'
{ "psFormat": "P {{.Names}}", "imagesFormat": "table I {{.Repository}}", "networksFormat": "N {{.Name}}", "volumesFormat": "V {{.Name}}",
  "statsFormat": "S {{.Name}}", "detachKeys": "x,y", "other": 1 }
END
  id=$(tare run -dit --name kept busybox cat)
  tare volume create vol
  [ "$(tare ps)" = "P kept" ]
  [ "$(tare images)" = $'I REPOSITORY\nI busybox' ]
  [ "$(tare network ls --filter name=bridge)" = "N bridge" ]
  [ "$(tare volume ls)" = "V vol" ]
  [ "$(tare stats --no-stream kept)" = "S kept" ]
  # what the command line says goes before
  [ "$(tare ps -q --no-trunc)" = "$id" ]
  [ "$(tare ps --format '{{.ID}}' --no-trunc)" = "$id" ]
  [ "$(TARE_CONFIG=/dev/null tare ps | head -c 12)" = "CONTAINER ID" ]
  out=$( (sleep 1; printf 'xy'; sleep 1) | script -qec "'$TARE_BIN/tare' attach kept; echo code=\$?" /dev/null)
  [[ "$out" == *"read escape sequence"* ]]
  [ "$(tare inspect -f '{{.State.Running}}' kept)" = true ]
  echo '{ "psFormat": 7 }' >"$DOCKER_CONFIG/config.json"
  run -0 tare ps
  [[ "$output" == *"psFormat is not taken from there"*"CONTAINER ID"* ]]
  tare rm -f kept
  tare volume rm vol
}
