#!/usr/bin/env bats
# What scripts read: every member that docker's documents of the same things have, tare's have, too, and of the same type.
# Where that is not so is data: inspect.differences.

load ../lib/common
load ../lib/images
load ../lib/docker
load ../lib/members

setup_file() {
  tare_setup_file
  export W=$BATS_FILE_TMPDIR
  start_dockerd
  [ -z "$NO_DOCKERD" ] || return 0
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:busybox:latest"
  peer_docker load -q -i "$W/busybox.tar"
  load_busybox
  make_all peer_docker 201.7 1808
  make_all tare 202.7 1809
}

setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

teardown_file() {
  stop_dockerd
  unmount_peers
  tare volume rm -f named bound >/dev/null || true
  tare network rm net >/dev/null || true
  tare_teardown_file
}

# What docker has and tare has not, or has of another type: nothing and null are of any.
lacking() { # DOCKER'S TARE'S
  awk 'NR == FNR { has[$1] = has[$1] " " $2; next }
    !($1 in has) { print "missing " $1; next }
    $2 != "null" && has[$1] !~ " null" && has[$1] !~ (" " $2) { print "type " $1 " " $2 ":" has[$1] }' "$2" "$1" |
    awk '$1 == "missing" { for (p in gone) if (index($2, p ".") == 1 || index($2, p "[") == 1) next; gone[$2] = 1 } { print }' | sort -u
}

# PART LINE # why
for_part() { # PART WHAT TO SAY...
  local part=$1
  shift
  peer_docker "$@" | members >"$W/docker.members"
  tare "$@" | members >"$W/tare.members"
  [ -s "$W/docker.members" ] && [ -s "$W/tare.members" ]
  lacking "$W/docker.members" "$W/tare.members" >"$W/lacking"
  awk -v p="$part" -F ' # ' '$1 !~ /^#/ { split($1, w, " "); if (w[1] == p || (w[1] == "container" && p ~ /^container/)) { sub(/^[a-z-]+ /, "", $1); print $1 } }' \
    "$BATS_TEST_DIRNAME/inspect.differences" | sort -u >"$W/known"
  comm -23 "$W/lacking" "$W/known" >"$W/unknown"
  [ ! -s "$W/unknown" ] || { echo "not explained, of $part:"; cat "$W/unknown"; return 1; }
}

@test "a container" { for_part container-plain inspect plain; }
@test "a container that was never started" { for_part container-made inspect made; }
@test "a container that has ended" { for_part container-ended inspect ended; }
@test "a container in a network" { for_part container-joined inspect joined; }
@test "a container that will be in a network" { for_part container-will inspect will; }
@test "a container with much" { for_part container-full inspect full; }
@test "an image" { for_part image image inspect busybox; }
@test "a network" { for_part network network inspect net; }
@test "volumes" { for_part volume volume inspect named bound; }
# A list of no entries is [] in a template, and a member that the document leaves out is there.
same() { # KIND NAME TEMPLATE
  run -0 peer_docker "$1" inspect -f "$3" "$2"
  [ "$(tare "$1" inspect -f "$3" "$2" 2>&1)" = "$output" ] || { echo "$3: docker '$output', tare '$(tare "$1" inspect -f "$3" "$2" 2>&1)'"; return 1; }
}
@test "templates show what is empty alike" {
  local t
  same image busybox '{{.Os}}/{{.Architecture}}/{{.Variant}}|{{.OsVersion}}|{{.Config.ExposedPorts}}|{{.Config.Healthcheck}}|{{.Config.StopSignal}}|{{.Config.Labels}}'
  same volume named '{{.Options}} {{.Status}}'
  same container full '{{range .Mounts}}{{if eq .Type "bind"}}{{.Type}}:{{.Name}}:{{.Driver}}{{println}}{{end}}{{end}}'
  while IFS= read -r t; do same container plain "$t"; done <<'END'
{{.Config.Entrypoint}} {{.Config.OnBuild}} {{.Config.Volumes}} {{.Config.ExposedPorts}} {{.Config.Shell}} {{.Config.Healthcheck}}
{{.State.Health}} {{json .State.Health}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.ExecIDs}} {{.SizeRw}} {{.SizeRootFs}}
{{with .HostConfig}}{{.Binds}} {{.CapAdd}} {{.VolumesFrom}} {{.MemorySwappiness}} {{.Links}} {{.Ulimits}} {{.StorageOpt}} {{.ExtraHosts}}{{end}}
{{len .HostConfig.Binds}} {{range .HostConfig.Binds}}x{{else}}none{{end}} {{json .HostConfig.Binds}} {{.Config.Volumes.nope}}
END
}
@test "info" { for_part info info --format '{{json .}}'; }
@test "version" { for_part version version --format '{{json .}}'; }
