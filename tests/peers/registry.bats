#!/usr/bin/env bats
# What tare has pushed is pulled by docker, podman and skopeo, with its digest; what they have pushed is pulled by tare. The login that one of
# them keeps is the others', too.
load ../lib/common
load ../lib/docker
load ../lib/engines
load ../lib/registry

setup_file() {
  engine_setup_file
  registry_client "$W/client"
  registry_start --auth basic --user me:s3cret
  start_dockerd
  NAME=$(registry)/app
  export NAME
  load_busybox
  tare tag busybox "$NAME:1"
  tare login "$(registry)" -u me --password-stdin <<<s3cret 2>/dev/null
  tare push -q "$NAME:1"
  DIGEST=$(tare images --format json "$NAME:1" | jq -r .Digest)
  export DIGEST
}
teardown_file() {
  tare rmi -f busybox "$NAME:1" >/dev/null 2>&1 || true
  peer_podman rmi -a -f >/dev/null 2>&1 || true
  stop_dockerd
  registry_stop
  engine_teardown_file
}

@test "docker pulls it, by the login that tare keeps" {
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  run -0 peer_docker pull -q "$NAME:1"
  [ "$(peer_docker inspect -f '{{index .RepoDigests 0}}' "$NAME:1")" = "$NAME@$DIGEST" ]
}

@test "podman pulls it, by the login that tare keeps" {
  run -0 peer_podman pull -q --tls-verify=false "$NAME:1"
  [ "$(peer_podman inspect -f '{{index .RepoDigests 0}}' "$NAME:1")" = "$NAME@$DIGEST" ]
}

@test "what docker and podman push tare pulls" {
  peer_podman pull -q --tls-verify=false "$NAME:1"
  peer_podman push -q --tls-verify=false "$NAME:1" "$NAME:podman"
  tare pull -q "$NAME:podman"
  [ "$(tare images -q "$NAME:podman")" = "$(tare images -q "$NAME:1")" ]
  tare rmi "$NAME:podman" >/dev/null
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  peer_docker pull -q "$NAME:1"
  peer_docker tag "$NAME:1" "$NAME:docker"
  peer_docker push -q "$NAME:docker"
  tare pull -q "$NAME:docker"
  [ "$(tare images -q "$NAME:docker")" = "$(tare images -q "$NAME:1")" ]
  tare rmi "$NAME:docker" >/dev/null
}

@test "a login of docker's and podman's is tare's, and tare's logout ends it" {
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  export DOCKER_CONFIG=$BATS_TEST_TMPDIR
  run -1 tare push -q "$NAME:1"
  peer_docker login -u me --password-stdin "$(registry)" <<<s3cret
  tare push -q "$NAME:1"
  tare logout "$(registry)"
  run -1 tare push -q "$NAME:1"
  tare login "$(registry)" -u me --password-stdin <<<s3cret 2>/dev/null
  run -0 peer_docker logout "$(registry)"
  [[ "$output" == "Removing login credentials"* ]]
}
