#!/usr/bin/env bats
# Builds through tared by real clients: Debian's docker CLI and whichever newer one is in PATH, both with the classic builder, and docker-py. What they
# print is compared with what dockerd makes them print.

load ../lib/common
load ../lib/docker
load ../lib/registry
load ../lib/tared

setup_file() {
  tare_setup_file
  unset DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG
  export W=$BATS_FILE_TMPDIR DOCKER_BUILDKIT=0 HOME=$BATS_FILE_TMPDIR/home
  mkdir "$HOME"
  start_dockerd
  registry_start
  start_tared
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:busybox:latest"
  [ -n "$NO_DOCKERD" ] || peer_docker load -q -i "$W/busybox.tar"
  ours load -q -i "$W/busybox.tar"
}
teardown_file() {
  stop_tared
  stop_dockerd
  registry_stop
  tare_teardown_file
}
setup() { mkdir "$BATS_TEST_TMPDIR/ctx"; cd "$BATS_TEST_TMPDIR/ctx"; }

ours() { "${CLI:-/usr/bin/docker}" --host "unix://$SOCKET" "$@"; }
# The clients there are, each once.
clients() { { echo /usr/bin/docker; command -v docker; } | xargs -n 1 realpath | sort -u; }
# Ids, and what a client says of itself.
same_words() { sed -E -e '/^(DEPRECATED|  *Install|  *BuildKit is|  *environment|  *https:|$)/d' -e 's/[0-9a-f]{12,64}/ID/g' -e 's/^Sending build context.*/Sending/'; }

@test "the words of a build, cold and cached, are dockerd's" {
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  printf '%s\n' 'FROM busybox AS one' 'RUN echo hällo >/a && cat /a' 'COPY f /d/' 'FROM busybox' 'COPY --from=one /a /b' 'RUN cat /b; id -u' >Dockerfile
  echo file >f
  for round in cold cached; do
    for who in peer_docker ours; do
      "$who" build -t words:1 -t words:2 . 2>&1 | same_words >"$BATS_TEST_TMPDIR/$who.$round"
    done
    diff "$BATS_TEST_TMPDIR/peer_docker.$round" "$BATS_TEST_TMPDIR/ours.$round"
  done
  grep -q 'Using cache' "$BATS_TEST_TMPDIR/ours.cached"
}

@test "what fails: exit codes and sentences are dockerd's" {
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  printf '%s\n' 'FROM busybox' 'RUN echo before; exit 7' >Dockerfile
  for who in peer_docker ours; do
    run -7 "$who" build .
    # a step's container is gone here when its end is told, there it stays
    same_words <<<"$output" | grep -v '^Removing intermediate' >"$BATS_TEST_TMPDIR/$who"
  done
  diff "$BATS_TEST_TMPDIR/peer_docker" "$BATS_TEST_TMPDIR/ours"
  grep -q "The command '/bin/sh -c echo before; exit 7' returned a non-zero code: 7" "$BATS_TEST_TMPDIR/ours"
  for text in 'FROM busybox\nCOPY nothing /' 'FROM busybox\nWHAT x' 'FROM 127.0.0.1:1/nope' ''; do
    # shellcheck disable=SC2059
    printf "$text\n" >Dockerfile
    for who in peer_docker ours; do run -1 "$who" build .; done
  done
}

@test "each client: context, Dockerfile elsewhere and on stdin, a tar on stdin, .dockerignore, -q, --iidfile" {
  mkdir sub; echo file >f; echo left >out; echo out >.dockerignore
  printf '%s\n' 'FROM busybox' 'COPY . /c' 'RUN ls -A /c | xargs' >Dockerfile
  printf '%s\n' 'FROM busybox' 'RUN echo elsewhere' >"$BATS_TEST_TMPDIR/Other"
  for CLI in $(clients); do
    run -0 ours build --no-cache -t ctx:1 --iidfile "$BATS_TEST_TMPDIR/id" .
    [[ "$output" == *$'\n.dockerignore Dockerfile f sub\n'* && "$output" == *"Successfully tagged ctx:1"* ]]
    [ "$(cat "$BATS_TEST_TMPDIR/id")" = "$(tare inspect -f '{{.Id}}' ctx:1)" ]
    run -0 ours build --no-cache -f "$BATS_TEST_TMPDIR/Other" .
    [[ "$output" == *$'\nelsewhere\n'* ]]
    run -0 bash -c "printf 'FROM busybox\nRUN echo stdin\n' | $CLI --host unix://$SOCKET build --no-cache -"
    [[ "$output" == *$'\nstdin\n'* ]]
    run -0 bash -c "printf 'FROM busybox\nCOPY f /x\nRUN cat /x\n' | $CLI --host unix://$SOCKET build --no-cache -f - ."
    [[ "$output" == *$'\nfile\n'* ]]
    run -0 bash -c "tar -cz . | $CLI --host unix://$SOCKET build --no-cache -q -"
    [[ "${lines[-1]}" =~ ^sha256:[0-9a-f]{64}$ ]]
  done
}

@test "each client: arguments, labels, targets, hosts, limits, networks" {
  cat >Dockerfile <<'F'
FROM busybox AS base
ARG WHAT=none
RUN echo "what $WHAT"; grep 10.9.8.7 /etc/hosts; ulimit -n; ls /sys/class/net | xargs; df -k /dev/shm | tail -n 1
FROM base AS second
RUN echo second
FROM base
RUN echo third
F
  for CLI in $(clients); do
    run -0 ours build --no-cache --build-arg WHAT=this --label a=b --label 'c.d=e "f"' --target second --add-host there:10.9.8.7 --ulimit nofile=77:88 \
      --memory 100m --memory-swap -1 --cpu-shares 100 --cpu-period 100000 --cpu-quota 50000 --cpuset-cpus 0 --shm-size 1m --network none --rm=false --force-rm -t args .
    [[ "$output" == *$'\nwhat this\n10.9.8.7\tthere\n77\nlo\n'*" 1024 "* && "$output" == *$'\nsecond\n'* && "$output" != *third* ]]
    tare inspect args | jq -e '.[0].Config.Labels | .a == "b" and .["c.d"] == "e \"f\""'
    run -1 ours build --security-opt nonsense .
  done
  run -1 ours build --network nosuch --no-cache .
}

@test "a base is pulled as docker pull shows it, with the login that comes along; --pull, --cache-from" {
  registry_start -n safe --auth basic --user maria:secret
  R=safe registry_put base:1 "$(busybox_archive)" >/dev/null
  base=$(registry safe)/base:1
  printf 'FROM %s\nRUN echo built\n' "$base" >Dockerfile
  run -1 ours build .
  [[ "$output" != *"Successfully built"* ]]
  mkdir "$BATS_TEST_TMPDIR/config"
  printf '{"auths":{"%s":{"auth":"%s"}}}' "$(registry safe)" "$(printf maria:secret | base64)" >"$BATS_TEST_TMPDIR/config/config.json"
  run -0 ours --config "$BATS_TEST_TMPDIR/config" build .
  [[ "$output" == *"1: Pulling from base"*"Status: "*"for $base"*$'\nbuilt\n'* ]]
  run -0 ours --config "$BATS_TEST_TMPDIR/config" build --pull -t had:1 .
  [[ "$output" == *"Status: Image is up to date for $base"*"Using cache"* ]]
  # the images that are named are the only cache
  run -0 ours build --cache-from had:1 .
  [[ "$output" == *"Using cache"* ]]
  run -0 ours build --cache-from nothing:here .
  [[ "$output" != *"Using cache"* ]]
}

@test "a client that is killed ends its build; what it had begun goes with the next one" {
  printf '%s\n' 'FROM busybox' 'RUN echo begun; sleep 347' >Dockerfile
  /usr/bin/docker --host "unix://$SOCKET" build . >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  client=$!
  wait_until 10 has_sleep
  kill "$client"
  wait "$client" || true
  wait_until 10 no_sleep
  wait_until 5 no_child
  [ -z "$(tare ps -aq)" ]
  printf 'FROM busybox\n' >Dockerfile
  ours build -q .
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -maxdepth 1 -type d)" ]
}
has_sleep() { pgrep -f '^sleep 347$' >/dev/null; }
no_sleep() { ! has_sleep; }
no_child() { ! pgrep -P "$TARED_PID" >/dev/null; }

@test "docker-py: streams, errors, what is built is run by tare" {
  python3 -c 'import docker' 2>/dev/null || skip "there is no python3-docker"
  python3 - "$SOCKET" <<'P'
import io, sys
import docker
from docker.errors import APIError

c = docker.APIClient(base_url="unix://" + sys.argv[1], version="1.41")
out = list(c.build(fileobj=io.BytesIO(b"FROM busybox\nRUN echo hello\nONBUILD RUN echo trigger\n"), tag="py:1", decode=True, rm=True, labels={"a": "b"},
                   buildargs={}, container_limits={"memory": 100 << 20, "memswap": -1, "cpushares": 2, "cpusetcpus": "0"}, shmsize=1 << 20, network_mode="none"))
text = "".join(o.get("stream", "") for o in out)
assert "Step 2/3 : RUN echo hello" in text and "\nhello\n" in text and "Successfully built " in text, text
out = list(c.build(fileobj=io.BytesIO(b"FROM py:1\n"), decode=True))
assert any("trigger" in o.get("stream", "") for o in out), out
out = list(c.build(fileobj=io.BytesIO(b"FROM busybox\nRUN exit 9\n"), decode=True))
assert out[-1]["errorDetail"]["code"] == 9, out[-1]
try:
    list(c.build(fileobj=io.BytesIO(b"NONSENSE\n"), decode=True))
except APIError as e:
    assert e.response.status_code == 400, e
else:
    raise SystemExit("a Dockerfile of nonsense is no error")
assert c.prune_builds()["SpaceReclaimed"] >= 0
P
  [ "$(tare inspect -f '{{index .Config.Labels "a"}}' py:1)" = b ]
}

@test "BuildKit's client gets one sentence" {
  printf 'FROM busybox\n' >Dockerfile
  run -1 timeout 20 env DOCKER_BUILDKIT=1 /usr/bin/docker --host "unix://$SOCKET" build .
  [[ "$output" == *"BuildKit's builds are not served here yet: build with DOCKER_BUILDKIT=0"* ]]
  api_is 501 POST "/build?version=2" >/dev/null
  api_is 501 POST /grpc >/dev/null
}

@test "what is no parameter of a classic build is refused by name" {
  api_is 501 POST '/build?outputs=[{"Type":"tar"}]' | grep -q outputs
  api_is 400 POST '/build?isolation=hyperv' | grep -q isolation
  api_is 400 POST '/build?remote=ftp://x/y' | grep -q remote
  api_is 400 POST '/build?buildargs=[1]' | grep -q buildargs
  api_is 400 POST '/build?labels={"a":1}' | grep -q labels
  api_is 400 POST '/build?cachefrom=["type=local,src=/etc"]' | grep -q cachefrom
  api_is 400 POST '/build?memory=many' | grep -q memory
  api_is 400 POST '/build?t=UPPER' | grep -q UPPER
}
