#!/usr/bin/env bats
# What the real docker and podman save, tare loads; and all agree on the image's id.

load ../lib/common
load ../lib/images

setup_file() {
  tare_setup_file
  export W=$BATS_FILE_TMPDIR
}

teardown_file() {
  local m
  [ ! -e "$BATS_FILE_TMPDIR/dockerd.pid" ] || { kill "$(cat "$BATS_FILE_TMPDIR/dockerd.pid")"; wait_until 20 test ! -e "$BATS_FILE_TMPDIR/dockerd.pid"; } || true
  awk -v d="$BATS_FILE_TMPDIR/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
}

@test "docker save, from a file and through a pipe" {
  command -v dockerd >/dev/null || skip "dockerd is not installed"
  export DOCKER_HOST=unix://$W/docker.sock
  dockerd --data-root "$W/docker" --exec-root "$W/docker-exec" --pidfile "$W/dockerd.pid" -H "$DOCKER_HOST" --bridge=none \
    --iptables=false --storage-driver overlay2 >"$W/dockerd.log" 2>&1 3>&- &
  wait_until 20 eval "/usr/bin/docker version >/dev/null 2>&1" || skip "dockerd does not start here"
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/in.tar:busybox:latest"
  /usr/bin/docker load -q -i "$W/in.tar"
  /usr/bin/docker tag busybox:latest example.com/other:2
  local id; id=$(/usr/bin/docker image inspect -f '{{.Id}}' busybox:latest)
  /usr/bin/docker save -o "$W/saved.tar" busybox:latest example.com/other:2
  run image_store "$W/store" load "$W/saved.tar"
  [ "$status" = 0 ]
  [ "$(jq -r .id <<<"$output")" = "$id" ]
  [ "$(jq -r '.names | sort | join(" ")' <<<"$output")" = "docker.io/library/busybox:latest example.com/other:2" ]
  [ "$(/usr/bin/docker save busybox:latest | image_store "$W/store2" load - | jq -r .id)" = "$id" ]
  # a container's root file system, exported
  /usr/bin/docker create --name exported --network none busybox:latest true >/dev/null
  /usr/bin/docker export exported | image_store "$W/store2" import -
  /usr/bin/docker rm exported >/dev/null
}

@test "podman save in all of its formats" {
  command -v podman >/dev/null || skip "podman is not installed"
  local p="podman --root $W/podman --runroot $W/podman-run --cgroup-manager cgroupfs" id format
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/in2.tar:docker.io/library/busybox:latest"
  $p load -q -i "$W/in2.tar" || skip "podman does not work here"
  id=sha256:$($p image inspect -f '{{.Id}}' busybox:latest)
  for format in docker-archive oci-archive oci-dir docker-dir; do
    rm -rf "$W/out"
    $p save -q --format $format -o "$W/out" busybox:latest
    run image_store "$W/store-$format" load "$W/out"
    if [ $format = docker-dir ]; then
      [ "$status" = 125 ]
      [[ $output == *"it has no index.json"* ]]
      continue
    fi
    [ "$status" = 0 ]
    [ "$(jq -r '.layers | length' <<<"$output")" = 1 ]
    [ $format = docker-archive ] && [ "$(jq -r .id <<<"$output")" = "$id" ] || [ $format != docker-archive ]
  done
}
