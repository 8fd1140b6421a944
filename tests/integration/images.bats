#!/usr/bin/env bats
# load import images rmi history inspect: what other tools write, and what the catalog makes of it.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

# A docker-archive with everything in its configuration, made by another program (skopeo) from the OCI one.
docker_archive() { skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$1:$2" >/dev/null; }

@test "images: the row, -q, --no-trunc, --format json, by name" {
  run -0 tare images
  [[ "${lines[0]}" == REPOSITORY*TAG*"IMAGE ID"*CREATED*SIZE ]]
  [[ "${lines[1]}" == busybox*latest* ]]
  [ "$(tare images -q)" = "$(tare inspect busybox | jq -r '.[0].Id' | cut -c8-19)" ]
  [ "$(tare images --format json | jq -r .Repository)" = busybox ]
  [ "$(tare images -q busybox | wc -l)" -eq 1 ]
  [ "$(tare images -q nosuch | wc -l)" -eq 0 ]
  tare images --digests | grep -q sha256:
}

@test "lists by templates: a line for each row, with the members of --format json" {
  [ "$(tare images --format '{{.Repository}}:{{.Tag}} {{.ID}}')" = "busybox:latest $(tare images -q)" ]
  [ "$(tare images --format '{{json .Tag}}{{if eq .Repository "x"}}x{{end}}' --no-trunc)" = '"latest"' ]
  [ "$(tare history --format '{{len .CreatedBy}}' busybox | wc -l)" = "$(tare history --format json busybox | wc -l)" ]
  tare create --name listed busybox true >/dev/null
  [ "$(tare ps -a --format '{{.Names}}|{{.Image}}')" = "listed|busybox" ]
  tare rm listed >/dev/null
  [ "$(tare network ls --format '{{.Name}}')" = "$(tare network ls --format json | jq -r .Name)" ]
  for bad in yaml '{{.Nosuch}}' '{{' 'table {{.Nosuch}}' 'table x' ''; do
    run -1 tare images --format "$bad"
    [ "${#lines[@]}" = 1 ]
  done
}

@test "help of image inspect speaks of images, of container inspect of containers" {
  run -0 tare image inspect --help
  [[ "$output" == *"IMAGE..."*"everything about images,"* ]]
  [[ "$output" != *"CONTAINER|IMAGE"* ]]
  run -0 tare container inspect --help
  [[ "$output" == *"CONTAINER..."*"everything about containers,"* ]]
  run -0 tare inspect --help
  [[ "$output" == *"CONTAINER|IMAGE|NETWORK|VOLUME..."*"containers, images, networks or volumes"* ]]
}

@test "lists as tables of a template: titles of the fields, aligned columns" {
  run -0 tare images --format 'table {{.ID}}\t{{.Tag}}\t{{.CreatedAt}}'
  [ "${lines[0]}" = "IMAGE ID       TAG       CREATED AT" ]
  [ "${lines[1]}" = "$(tare images -q)   latest    $(tare images --format json | jq -r .CreatedAt)" ]
  run -0 tare images --format 'table {{.Repository}}:{{.Tag}}'
  [ "$output" = "$(printf '%s\n' REPOSITORY:TAG busybox:latest)" ]
  [ "$(tare images --format '{{.Tag}}\t{{.Repository}}')" = "$(printf 'latest\tbusybox')" ]
  [ "$(tare images -q --format 'table {{.Tag}}')" = "$(tare images -q)" ]
  [ "$(tare ps -a --format 'table {{.Names}}\t{{.Image}}')" = "NAMES     IMAGE" ]
  tare create --name a-long-name busybox true >/dev/null
  run -0 tare ps -a --format 'table {{.Names}}\t{{.Image}}'
  [ "$output" = "$(printf '%s\n' "NAMES         IMAGE" "a-long-name   busybox")" ]
  tare rm a-long-name >/dev/null
  [[ "$(tare history --format 'table {{.Size}}\t{{.CreatedBy}}' busybox)" == "SIZE"*"CREATED BY"* ]]
  [[ "$(tare network ls --format 'table {{.Name}}\t{{.Driver}}')" == "NAME"*"DRIVER"* ]]
}

@test "images: a pattern of names; a reference with a digest; docker's members" {
  tare tag busybox bb-one:1; tare tag busybox bb-two:1
  [ "$(tare images --format '{{.Repository}}' 'bb*' | sort | xargs)" = "bb-one bb-two" ]
  [ "$(tare images --format '{{.Repository}}' 'bb-*:1' | wc -l)" = 2 ]
  [ -z "$(tare images -q 'b?:*')" ]
  manifest=$(tare image inspect busybox | jq -r '.[0].Manifest')
  [ "$(tare images --format '{{.Repository}}' --filter "reference=bb-one@$manifest")" = bb-one ]
  [ -z "$(tare images -q --filter "reference=bb-one@sha256:$(printf 1%.0s {1..64})")" ]
  [ "$(tare images --format json busybox | jq -c '[.VirtualSize == .Size, .Containers, .SharedSize, .UniqueSize]')" = '[true,"N/A","N/A","N/A"]' ]
  tare images --digests --format json busybox | jq -e .VirtualSize
  tare rmi bb-one:1 bb-two:1 >/dev/null
}

@test "load: docker-archive from a file and from standard input, several names" {
  docker_archive "$BATS_TEST_TMPDIR/a.tar" example.org/team/app:v1
  run -0 tare load -i "$BATS_TEST_TMPDIR/a.tar"
  [[ "$output" == *"Loaded image: example.org/team/app:v1"* ]]
  tare load <"$BATS_TEST_TMPDIR/a.tar" | grep -q app:v1
  tare run --rm example.org/team/app:v1 true
  run -1 tare load -i /no/such/file
  run -0 tare rmi example.org/team/app:v1
  [[ "$output" == *"Untagged: example.org/team/app:v1"* ]]
}

@test "import: an image of one layer from a root's tar; history and inspect tell" {
  mkdir -p "$BATS_TEST_TMPDIR/r/bin"
  cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/r/bin/sh"
  tar -C "$BATS_TEST_TMPDIR/r" -cf "$BATS_TEST_TMPDIR/r.tar" .
  id=$(tare import -m "by hand" "$BATS_TEST_TMPDIR/r.tar" plain:1)
  [[ "$id" == sha256:* ]]
  [ "$(tare run --rm plain:1 sh -c 'echo runs')" = runs ]
  [ "$(tare image inspect plain:1 | jq -c '.[0].Config.Env // []')" = '[]' ]
  [[ "$(tare run --rm plain:1 sh -c 'echo $PATH')" == *:/bin ]]
  run -125 tare run --rm plain:1
  [[ "$output" == *"no command"* ]]
  tare history plain:1 | grep -q "by hand"
  [ "$(tare inspect plain:1 | jq -r '.[0].RootFS.Layers | length')" = 1 ]
  tare rmi plain:1 | grep -q "Deleted: $id"
  run -1 tare inspect plain:1
}

@test "found by name, by id, by the start of an id; not found with a suggestion" {
  id=$(tare inspect busybox | jq -r '.[0].Id')
  for name in busybox busybox:latest docker.io/library/busybox "$id" "${id#sha256:}" "${id:7:12}"; do
    [ "$(tare image inspect "$name" | jq -r '.[0].Id')" = "$id" ]
  done
  run -125 tare run --rm busybx true
  [[ "$output" == *'did you mean "busybox"'* ]]
  run -1 tare rmi busybox:nosuchtag
}

@test "rmi: refuses what is in use, -f only untags it; the container goes on" {
  docker_archive "$BATS_TEST_TMPDIR/u.tar" used:1
  tare load -q -i "$BATS_TEST_TMPDIR/u.tar"
  tare run -d --name user used:1 sleep 100
  tare rmi busybox 2>/dev/null || true
  run -1 tare rmi used:1
  [[ "$output" == *"in use by container user"* ]]
  run -0 tare rmi -f used:1
  [[ "$output" == *Untagged* && "$output" != *Deleted* ]]
  tare exec user true
  tare rm -f user
  tare system prune -f >/dev/null
  load_busybox
}

@test "the last image's layers and blobs leave the disk" {
  docker_archive "$BATS_TEST_TMPDIR/g.tar" going:1
  tare rmi busybox >/dev/null
  tare system prune -af >/dev/null
  [ -z "$(ls "$TARE_ROOT/layers")" ]
  [ -z "$(find "$TARE_ROOT/content/blobs" -type f)" ]
  load_busybox
  tare run --rm busybox true
}

@test "two loads of one image at once" {
  tare system prune -af >/dev/null
  tare load -q -i "$(busybox_archive)" >/dev/null 3>&- & a=$!
  tare load -q -i "$(busybox_archive)" >/dev/null 3>&- & b=$!
  wait "$a"; wait "$b"
  [ "$(tare images -q | wc -l)" -eq 1 ]
  tare run --rm busybox true
}

@test "an image's configuration: entrypoint, cmd, env, user, workdir, labels, volumes, stop signal" {
  layout=$BATS_TEST_TMPDIR/oci
  mkdir "$layout"; tar -C "$layout" -xf "$(busybox_archive)"
  umoci config --image "$layout:latest" --config.entrypoint sh --config.entrypoint -c --config.cmd 'id -u; pwd; echo $V; ls -ln /data | tail -1' \
    --config.env V=value --config.user 1234 --config.workingdir /work --config.label a=b --config.volume /data --config.stopsignal USR1
  ref=$(tare load -q -i "$layout" | sed 's/^Loaded image[^:]*: //')
  run -0 tare run --name conf "$ref"
  [ "${lines[0]}" = 1234 ]
  [ "${lines[1]}" = /work ]
  [ "${lines[2]}" = value ]
  [ "$(tare inspect conf | jq -r '.[0].Config.Labels.a')" = b ]
  [ "$(tare inspect conf | jq -r '.[0].Config.StopSignal')" = SIGUSR1 ]
  [ "$(tare inspect conf | jq -r '.[0].Mounts[0].Destination')" = /data ]
  [ "$(tare run --rm "$ref" 'echo other')" = other ]
  [ "$(tare run --rm --entrypoint echo "$ref" plain)" = plain ]
  [ "$(tare run --rm --entrypoint '' "$ref" echo none)" = none ]
  tare rm conf
  load_busybox
}

@test "an image of 1970 is old everywhere; one without a time is of none" {
  python3 "$TARE_TESTS/lib/docker_archive.py" "$BATS_TEST_TMPDIR/a.tar" epoch:1
  for row in 1970-01-01T00:00:00Z 1969-07-20T20:17:40.5Z 0001-01-01T00:00:00Z; do
    mkdir -p "$BATS_TEST_TMPDIR/x"; tar -C "$BATS_TEST_TMPDIR/x" -xf "$BATS_TEST_TMPDIR/a.tar"
    config=$(jq -r '.[0].Config' "$BATS_TEST_TMPDIR/x/manifest.json")
    jq -c --arg t "$row" '.created = $t | .history = [{created: $t, created_by: "x", empty_layer: true}]' \
      "$BATS_TEST_TMPDIR/x/$config" >"$BATS_TEST_TMPDIR/x/new.json"
    new=$(sha256sum <"$BATS_TEST_TMPDIR/x/new.json" | cut -d' ' -f1).json
    mv "$BATS_TEST_TMPDIR/x/new.json" "$BATS_TEST_TMPDIR/x/$new"
    jq -c --arg c "$new" '.[0].Config = $c' "$BATS_TEST_TMPDIR/x/manifest.json" >"$BATS_TEST_TMPDIR/x/m"
    mv "$BATS_TEST_TMPDIR/x/m" "$BATS_TEST_TMPDIR/x/manifest.json"
    tar -C "$BATS_TEST_TMPDIR/x" -cf "$BATS_TEST_TMPDIR/b.tar" .
    tare load -q -i "$BATS_TEST_TMPDIR/b.tar"
    listed=$(tare images --format json epoch) past=$(tare history --format json epoch:1)
    if [ "$row" = 0001-01-01T00:00:00Z ]; then
      [ "$(jq -r .CreatedSince <<<"$listed")" = N/A ]
      [ "$(jq -r .CreatedSince <<<"$past")" = N/A ]
      [ "$(jq -r .CreatedAt <<<"$listed")" = "0001-01-01 00:00:00 +0000 UTC" ]
    else
      [[ "$(jq -r .CreatedSince <<<"$listed")" =~ ^[5-9][0-9]\ years\ ago$ ]]
      [[ "$(jq -r .CreatedSince <<<"$past")" =~ ^[5-9][0-9]\ years\ ago$ ]]
      row=${row/T/ } row=${row%%[.Z]*}
      [ "$(jq -r .CreatedAt <<<"$listed")" = "$row $(date -d "$row UTC" '+%z %Z')" ]
    fi
    tare rmi epoch:1 >/dev/null
    rm -r "$BATS_TEST_TMPDIR/x"
  done
}

@test "a volume starts with what the image has there, and is writable with --read-only" {
  layout=$BATS_TEST_TMPDIR/oci
  mkdir "$layout"; tar -C "$layout" -xf "$(busybox_archive)"
  umoci unpack --image "$layout:latest" "$BATS_TEST_TMPDIR/bundle" >/dev/null
  mkdir -p "$BATS_TEST_TMPDIR/bundle/rootfs/data/sub"
  echo original >"$BATS_TEST_TMPDIR/bundle/rootfs/data/sub/file"
  chown -R 33:34 "$BATS_TEST_TMPDIR/bundle/rootfs/data"
  umoci repack --image "$layout:vol" "$BATS_TEST_TMPDIR/bundle" >/dev/null
  umoci config --image "$layout:vol" --config.volume /data
  rm -rf "$BATS_TEST_TMPDIR/bundle"
  tare load -i "$layout" >"$BATS_TEST_TMPDIR/loaded"
  ref=$(tail -1 "$BATS_TEST_TMPDIR/loaded" | sed 's/^Loaded image[^:]*: //')
  run -0 tare run --rm --read-only "$ref" sh -c 'cat /data/sub/file; stat -c %u:%g /data/sub/file; echo new >/data/new && cat /data/new; touch /x'  || true
  [ "${lines[0]}" = original ]
  [ "${lines[1]}" = 33:34 ]
  [ "${lines[2]}" = new ]
  [[ "$output" == *"Read-only"* ]]
}

@test "a broken archive is one line, and leaves nothing" {
  head -c 5000 "$(busybox_archive)" >"$BATS_TEST_TMPDIR/cut.tar"
  run -1 tare load -i "$BATS_TEST_TMPDIR/cut.tar"
  [ "${#lines[@]}" -eq 1 ]
  echo nonsense | run -1 tare load
  run -1 tare load -i /etc/passwd
}
