#!/usr/bin/env bats
# What the real docker and podman save, tare loads and runs: the same ids, the same names, the same files, users,
# environment and exit codes as in a container of docker's.

load ../lib/common
load ../lib/images
load ../lib/docker

APP=example.com/team/app

setup_file() {
  tare_setup_file
  export W=$BATS_FILE_TMPDIR
  start_dockerd
  [ -z "$NO_DOCKERD" ] || return 0
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:busybox:latest"
  peer_docker load -q -i "$W/busybox.tar"
  grow_app
}

setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

teardown() {
  local ids
  ids=$(tare images -q --no-trunc | sort -u)
  # shellcheck disable=SC2086
  [ -z "$ids" ] || tare rmi -f $ids >/dev/null
}

teardown_file() {
  stop_dockerd
  unmount_peers
  tare_teardown_file
}

# What two containers do, one on the other's image, and what is said of the second one's.
FIRST='
    echo "app:x:1234:50:an app:/srv/home:/bin/sh" >>/etc/passwd
    printf "staff:x:50:\nextra:x:77:app\n" >>/etc/group
    mkdir -p /srv/home "/srv/two words" /data/gone/deep /data/again/deep /data/kept /data/swap
    for d in gone gone/deep again again/deep kept swap; do echo one >/data/$d/one; done
    ln /data/kept/one /data/kept/hard; ln -s ../kept/one /data/again/soft; ln -s /nowhere /data/kept/dangling
    mkfifo -m 640 /data/fifo; echo x >/data/suid; chown 1234:50 /srv/home /data/suid; chmod 6755 /data/suid
    mkdir -m 1777 /data/sticky; echo "größer" >"/data/naïve name"; echo z >/data/last; chown 60000:60001 /data/last
    touch -d "2001-02-03 04:05:06" /data/kept/one
    printf "#!/bin/sh\necho \"start:\$0 \$#:\$*\"; id; pwd; env | sort\n" >/srv/start; chmod 755 /srv/start'
SECOND='
    rm -r /data/gone /data/last; rm -r /data/again; mkdir /data/again; echo two >/data/again/two
    rm /data/kept/hard; echo two >>/data/kept/one; rm -r /data/swap; echo now a file >/data/swap
    rm "/data/naïve name"; mkdir "/data/naïve name"'
CHANGES=(-c 'USER app' -c 'WORKDIR "/srv/two words"' -c 'ENV EMPTY=' -c 'ENV WORDS="a b  c" UNICODE=ü'
  -c 'ENTRYPOINT ["/srv/start", "first arg"]' -c 'CMD ["second", "", "third  arg"]' -c 'LABEL l=v')

# An image of three layers, made by docker: owners, modes, links, odd names; then files and folders that are removed and
# folders that are removed and made again. Everything a config can say that both sides act on.
grow_app() {
  peer_docker run --name one --network none busybox:latest sh -ec "$FIRST"
  peer_docker commit one app:grown >/dev/null
  peer_docker run --name two --network none app:grown sh -ec "$SECOND"
  peer_docker commit "${CHANGES[@]}" two $APP:1 >/dev/null
  peer_docker rm one two >/dev/null
  peer_docker tag $APP:1 $APP:stable
  peer_docker tag $APP:1 other:2
}

id_of() { peer_docker image inspect -f '{{.Id}}' "$1"; }

# Everything in the image as a container sees it, without what the two put there themselves; of folders they put
# something into, not the time.
LOOK='find / -mindepth 1 \( -path /proc -o -path /sys -o -path /dev -o -path /.dockerenv -o -path /etc/hosts \
    -o -path /etc/hostname -o -path /etc/resolv.conf -o -path /etc/mtab \) -prune -o -path /etc -o -type d -exec stat -c "%n %F %a %u:%g %Y" {} + \
    -o -exec stat -c "%N %F %a %u:%g %s %h %Y" {} + | sort
  find /srv /data /bin /usr /var /etc/passwd /etc/group -type f -exec sha256sum {} + | sort
  stat -c "%n %a %u:%g" / /etc'

# same_run DOCKER-IMAGE TARE-IMAGE OPTION... -- COMMAND...: both say the same and end the same. What docker said is kept:
# its containers are most of this file's time.
same_run() {
  local d=$1 t=$2 options=(--rm --hostname peer --network none) want got; shift 2
  while [ "$1" != -- ]; do options+=("$1"); shift; done
  shift
  want=$W/said-$(printf '%s\n' "$d" "${options[@]}" -- "$@" | sha256sum | cut -c1-16)
  if [ ! -e "$want" ]; then
    got=0; peer_docker run "${options[@]}" "$d" "$@" >"$want.out" 2>"$want.err" || got=$?
    echo "$got" >"$want"
  fi
  got=0; tare run "${options[@]}" "$t" "$@" >"$W/got.out" 2>"$W/got.err" || got=$?
  [ "$got" = "$(cat "$want")" ] || { echo "docker: $(cat "$want"), tare: $got"; cat "$want.err" "$W/got.err"; return 1; }
  diff "$want.out" "$W/got.out" && diff "$want.err" "$W/got.err" && [ -s "$W/got.out" ]
}

# The app image runs the same: as it is, and looked at by root from inside.
same_app() {
  same_run $APP:1 "$1" --
  same_run $APP:1 "$1" --user 0 --entrypoint sh -- -c "$LOOK"
  grep -q "^'/data/kept/dangling' -> '/nowhere'" "$W/got.out"
}

# What is in the store, as docker writes it.
tare_images() { tare images --no-trunc --format json | jq -r '"\(.Repository):\(.Tag) \(.ID)"' | sort; }
docker_images() { peer_docker images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' "$@" | sort; }

@test "docker save of an image with several names, through a pipe: its id, its names, its containers" {
  peer_docker save $APP:1 $APP:stable other:2 | tare load
  tare_images >"$W/got"
  docker_images | grep -E "^($APP:|other:)" | diff - "$W/got"
  [ "$(wc -l <"$W/got")" = 3 ]
  [ "$(cut -d' ' -f2 "$W/got" | uniq)" = "$(id_of $APP:1)" ]
  same_app $APP:stable
  same_run $APP:1 other:2 -e ADDED=1 -w /data -u 4321:50 -- x y
  same_run $APP:1 other:2 --entrypoint sh -- -c 'echo out; echo err >&2; exit 7'
}

@test "docker save of two images into one file; a third without a name" {
  peer_docker save -o "$W/two.tar" $APP:1 busybox:latest
  tare load -q -i "$W/two.tar"
  docker_images | grep -E "^($APP:1|busybox:latest) " | diff - <(tare_images)
  same_app $APP:1
  same_run busybox:latest busybox -- sh -c 'id; env | sort; cat /etc/passwd'
  peer_docker save "$(id_of app:grown)" | tare load
  [ "$(tare images -q --no-trunc -f dangling=true)" = "$(id_of app:grown)" ]
  same_run app:grown "$(id_of app:grown)" -- sh -c "$LOOK"
  # what the images share is there once
  [ "$(find "$TARE_ROOT/layers" -mindepth 1 -maxdepth 1 | wc -l)" = 3 ]
}

@test "image inspect: member by member what docker says of the same archive; templates give the same" {
  local image template
  peer_docker save -o "$W/inspect.tar" $APP:1 $APP:stable other:2 busybox:latest
  tare load -q -i "$W/inspect.tar"
  # Where the layers lie is each one's own matter. Of the sizes docker's driver has the lengths of symbolic links, too. Three members are ours.
  local theirs='.[0] | del(.GraphDriver, .Size, .VirtualSize)' mine='.[0] | del(.GraphDriver, .Size, .VirtualSize, .Manifest, .HighestId, .LoadedAt)'
  diff <(peer_docker image inspect busybox:latest | jq -S "$theirs") <(tare image inspect busybox:latest | jq -S "$mine")
  # made and tagged by docker: it remembers what it was made on, and when it was tagged
  diff <(peer_docker image inspect $APP:1 | jq -S "$theirs | del(.Parent, .Metadata)") \
    <(tare image inspect $APP:1 | jq -S "$mine | del(.Parent, .Metadata)")
  # the members stand in docker's order
  diff <(peer_docker image inspect $APP:1 | jq -r '.[0] | keys_unsorted[]') \
    <(tare image inspect $APP:1 | jq -r '.[0] | del(.Manifest, .HighestId, .LoadedAt) | keys_unsorted[]')
  diff <(peer_docker image inspect $APP:1 | jq -r '.[0].Config | keys_unsorted[]') <(tare image inspect $APP:1 | jq -r '.[0].Config | keys_unsorted[]')
  for template in '{{.Id}}' '{{json .RepoTags}}' '{{.RepoTags}} {{len .RepoTags}}' '{{json .Config}}' '{{.Config.Env}}|{{.Config.User}}' \
    '{{range .RepoTags}}<{{.}}>{{end}}' '{{range $i, $l := .RootFS.Layers}}{{$i}}={{$l}} {{end}}' '{{index .Config.Labels "l"}}{{index .Config.Labels "m"}}' \
    '{{if .Config.Healthcheck}}has{{else}}has no{{end}} check' '{{with .Config}}{{.WorkingDir}}{{end}}' '{{join .Config.Cmd ","}}' \
    '{{printf "%s-%d" .Os 7}}' '{{.Config.Labels.nosuch}}' '{{ .Architecture | upper }}{{- /* gone */ -}}  !' '{{eq .Os "linux"}} {{ne .Os "linux"}}' \
    '{{range .RepoDigests}}x{{else}}none{{end}}' '{{println .Os}}' '{{title "a b"}}{{split "a/b" "/"}}' 'no action'; do
    diff <(peer_docker image inspect -f "$template" $APP:1 busybox:latest) <(tare image inspect -f "$template" $APP:1 busybox:latest) || { echo "$template"; return 1; }
  done
  for template in '{{.Idd}}' '{{' '{{nosuch .Id}}' '{{index .RepoTags 99}}' '{{if .Id}}' '{{end}}'; do
    run ! peer_docker image inspect -f "$template" $APP:1
    run -1 tare image inspect -f "$template" $APP:1
    [ "${#lines[@]}" = 1 ]
  done
}

@test "diff of a container: line by line what docker says of the same commands" {
  local did='echo x >/new; mkdir -p /d/e; echo y >/d/e/f; rm /etc/group; chmod 700 /tmp; rm -r /var; mkdir /var; echo a >/var/a
    rm /bin/sh; mkdir /bin/sh; ln -s x /link; mkfifo /fifo; chown 5:6 /etc/passwd; cd /usr; mv sbin odd; echo kept >/srv/kept 2>/dev/null; true'
  peer_docker save busybox:latest | tare load -q
  peer_docker run --name differs --network none busybox:latest sh -c "$did"
  tare run --name differs --network none busybox:latest sh -c "$did"
  diff <(peer_docker diff differs | LC_ALL=C sort -k2) <(tare diff differs | LC_ALL=C sort -k2)
  [ "$(tare diff differs | wc -l)" -gt 10 ]
  peer_docker rm differs; tare rm differs
}

@test "docker export, imported: the container's files, and nothing of its image's config" {
  peer_docker create --name exported --network none $APP:1 >/dev/null
  peer_docker export exported | tare import - flat:1
  peer_docker rm exported >/dev/null
  [ "$(tare images -q | wc -l)" = 1 ]
  same_run $APP:1 flat:1 --user 0 --entrypoint sh -w / -- -c "$LOOK"
  run tare run --rm flat:1
  [ "$status" = 125 ]
  [[ $output == *command* ]]
}

# What is in a tar, without times, and without the modes of marks.
listed() {
  tar -tv --numeric-owner --quoting-style=escape |
    sed -E 's/ +[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]+//; s/ link to .*//; s/ +/ /g; s/^-[-rwx]+ (.*[ \/]\.wh\.)/mark \1/'
}

# layers ARCHIVE: of each layer but the lowest, what is in it, without times
layers() {
  local l
  for l in $(tar -xOf "$1" manifest.json | jq -r '.[0].Layers[1:][]'); do
    echo layer
    tar -xOf "$1" "$l" | (gzip -dcf) | listed | sort
  done
}

@test "commit and export: as docker's, of containers that did the same" {
  peer_docker save busybox:latest | tare load -q
  tare run --name one --network none busybox sh -ec "$FIRST"
  tare commit one app:grown
  tare run --name two --network none app:grown sh -ec "$SECOND"
  tare commit "${CHANGES[@]}" two $APP:1
  peer_docker save $APP:1 >"$W/want.tar"; tare save $APP:1 >"$W/got.tar"
  # a folder in the place of a file hides it without a mark
  diff <(layers "$W/want.tar" | grep -v 'na.*ve name/.wh..wh..opq') <(layers "$W/got.tar")
  same_run $APP:1 $APP:1 --
  same_run $APP:1 $APP:1 --user 0 --entrypoint sh -- -c "${LOOK// %Y/}"
  for f in "$W/want.tar" "$W/got.tar"; do
    tar -xOf "$f" "$(tar -xOf "$f" manifest.json | jq -r '.[0].Config')" |
      jq -S '.config | {User, Env, Entrypoint, Cmd, WorkingDir, Labels, Volumes, ExposedPorts, StopSignal, OnBuild}' >"$f.config"
  done
  diff "$W/want.tar.config" "$W/got.tar.config"
  peer_docker create --name exported --network none $APP:1 >/dev/null
  tare create --name exported --network none $APP:1
  peer_docker export exported | listed |
    grep -vE ' (\.dockerenv|dev/.+|etc/(hosts|hostname|resolv.conf|mtab.*))$' | sort >"$W/want"
  tare export exported | listed | sort >"$W/got"
  peer_docker rm exported >/dev/null
  tare rm exported one two
  diff "$W/want" "$W/got"
}

@test "podman save in all of its formats" {
  local format
  peer_docker save $APP:1 $APP:stable | peer_podman load -q
  for format in docker-archive oci-archive oci-dir; do
    rm -rf "$W/out"
    peer_podman save -q --format $format -o "$W/out" $APP:1
    tare load -i "$W/out"
    # docker's format keeps the config as it is; OCI's is another document
    [ $format != docker-archive ] || [ "$(tare images -q --no-trunc)" = "$(id_of $APP:1)" ]
    same_app $APP:1
    tare rmi $APP:1
  done
  rm -rf "$W/out"
  peer_podman save -q --format docker-dir -o "$W/out" $APP:1
  run tare load -i "$W/out"
  [ "$status" = 1 ]
  [[ $output == *"it has no index.json"* ]]
  # several images in one, which only docker's format has
  peer_docker save busybox:latest | peer_podman load -q
  peer_podman save -q -m --format docker-archive $APP:1 busybox:latest >"$W/many.tar"
  tare load -i "$W/many.tar"
  [ "$(tare images -q --no-trunc | sort)" = "$({ id_of $APP:1; id_of busybox:latest; } | sort)" ]
}

@test "what tare saves, docker and podman load: the same ids, the same names, containers that say the same" {
  local ids
  tare load -q -i "$(busybox_archive)"
  ids=$(tare inspect busybox | jq -r '.[0].Id')
  tare save busybox | peer_docker load -q
  [ "$(id_of busybox:latest)" = "$ids" ]
  tare rmi busybox
  peer_docker save $APP:1 $APP:stable other:2 | tare load -q
  tare save -o "$W/saved.tar" $APP other:2
  docker_images | grep -E "^($APP:|other:)" >"$W/want"
  ids=$(id_of $APP:1)
  peer_docker rmi $APP:1 $APP:stable other:2 >/dev/null
  run ! peer_docker image inspect $APP:1
  peer_docker load -q -i "$W/saved.tar"
  docker_images | grep -E "^($APP:|other:)" | diff "$W/want" -
  [ "$(id_of $APP:stable)" = "$ids" ]
  rm -f "$W"/said-*
  same_app $APP:1
  peer_podman rmi -af >/dev/null 2>&1 || true
  peer_podman load -q -i "$W/saved.tar"
  [ "$(peer_podman images -q --no-trunc | sort -u)" = "$ids" ]
  [ "$(peer_podman images --format '{{.Repository}}:{{.Tag}}' | sort | xargs)" = "$APP:1 $APP:stable localhost/other:2" ] ||
    [ "$(peer_podman images --format '{{.Repository}}:{{.Tag}}' | sort | xargs)" = "docker.io/library/other:2 $APP:1 $APP:stable" ]
}

@test "podman loads an OCI archive of tare's with the digest it had" {
  tare load -q -i "$(busybox_archive)"
  tare save --format oci -o "$W/oci.tar" busybox
  peer_podman rmi -af >/dev/null 2>&1 || true
  peer_podman pull -q "oci-archive:$W/oci.tar"
  [ "$(peer_podman images -q --no-trunc)" = "$(tare images -q --no-trunc)" ]
  [ "$(peer_podman image inspect -f '{{.Digest}}' "$(tare images -q --no-trunc | cut -d: -f2)")" = "$(tare inspect busybox | jq -r '.[0].Manifest')" ]
}
