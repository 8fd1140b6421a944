#!/usr/bin/env bats
# --mount type=image: an image's files in a container, for reading.
load ../lib/common

setup_file() {
  tare_setup_file
  load_busybox >/dev/null
  local d=$BATS_FILE_TMPDIR/context
  mkdir -p "$d"
  # two layers: the upper one hides a file of the lower, and adds
  printf '%s\n' 'FROM busybox' 'RUN mkdir -p /data/sub && echo low >/data/a && echo gone >/data/b && echo in >/data/sub/f && chown 33:34 /data/sub/f' \
    'RUN rm /data/b && echo up >/data/c && ln -s /etc /data/abs && ln -s sub /data/short && cp /bin/busybox /data/su && chmod 4755 /data/su' >"$d/Dockerfile"
  tare build -q -t files:1 "$d" >/dev/null
}
teardown_file() { remove_all; tare_teardown_file; }
teardown() { remove_all; }

# What the layers of all images are, by names, modes, owners and contents.
store_sum() { (cd "$TARE_ROOT/layers" && find . -printf '%p %m %U %G %s %T@\n' | sort | sha256sum); }

@test "an image's files are seen, whole and with their owners, and cannot be written; a part of it, too" {
  local before; before=$(store_sum)
  run -0 tare run --rm --mount type=image,source=files:1,target=/x busybox sh -c \
    'cat /x/data/a /x/data/c; ls /x/data; stat -c %u:%g /x/data/sub/f; touch /x/new 2>&1; touch /x/data/a 2>&1; rm /x/data/a 2>&1; true'
  [ "${lines[*]:0:8}" = "low up a abs c short su sub" ]
  [ "${lines[8]}" = "33:34" ]
  [ "$(printf '%s\n' "${lines[@]:9}" | grep -c "Read-only file system")" = 3 ]
  [ "$(tare run --rm --mount type=image,src=files:1,dst=/y,image-subpath=data/sub busybox cat /y/f)" = in ]
  [ "$(tare run --rm --mount type=image,src=files:1,dst=/y,image-subpath=data/short,ro busybox cat /y/f)" = in ]
  [ "$(tare run --rm --mount type=image,src=files:1,dst=/y/file,image-subpath=data/sub/f busybox cat /y/file)" = in ]
  # an image of one layer, over a folder of the image itself, and twice
  [ "$(tare run --rm --mount type=image,src=busybox,dst=/srv/one --mount type=image,src=busybox,dst=/srv/two busybox \
    sh -c 'cmp /srv/one/bin/busybox /bin/busybox && cmp /srv/two/bin/busybox /bin/busybox && echo same')" = same ]
  [ "$(tare run --rm --userns=host --mount type=image,src=files:1,dst=/x busybox sh -c 'cat /x/data/c; stat -c %u:%g /x/data/sub/f' | xargs)" = "up 33:34" ]
  [ "$(store_sum)" = "$before" ]
}

@test "whoever may remount in the container cannot write into the image either" {
  local before how; before=$(store_sum)
  for how in --cap-add=SYS_ADMIN "--cap-add=SYS_ADMIN --userns=host" --privileged; do
    # shellcheck disable=SC2086
    tare run --rm $how --security-opt seccomp=unconfined --mount type=image,src=busybox,dst=/x --mount type=image,src=files:1,dst=/y,image-subpath=data busybox \
      sh -c 'for d in /x /y; do mount -o remount,rw,bind $d $d; mount -o remount,rw $d; touch $d/new; rm -f $d/bin/sh $d/a; done; true' >/dev/null 2>&1
    [ "$(store_sum)" = "$before" ] || { echo "$how"; return 1; }
  done
}

@test "what is wrong is told in one line, and nothing is made" {
  local text what
  while IFS='|' read -r text what; do
    run -125 tare run --pull never --rm --mount "$text" busybox true
    [[ "$output" == tare:*"$what"* && "${#lines[@]}" = 1 ]] || { echo "$text: $output"; return 1; }
  done <<'X2'
type=image,src=nosuch,dst=/x|no such image: nosuch
type=image,dst=/x|source=IMAGE is missing
type=image,src=files:1,dst=/x,rw=true|for reading only
type=image,src=files:1,dst=/x,readwrite|for reading only
type=image,src=files:1,dst=/x,readonly=false|for reading only
type=image,src=files:1,dst=/x,volume-subpath=data|volume-subpath does not go with type=image
type=volume,src=v,dst=/x,image-subpath=data|image-subpath does not go with type=volume
type=image,src=files:1,dst=/x,image-subpath=/data|without '/' in front
type=image,src=files:1,dst=/x,image-subpath=../data|leads out of it
type=image,src=files:1,dst=/x,image-subpath=data/abs|leads out of it
type=image,src=files:1,dst=/x,image-subpath=missing|/missing: No such file
X2
  [ "$(tare ps -aq)" = "" ]
  [ "$(tare volume ls -q)" = "" ]
}

@test "inspect shows it as docker does; --volumes-from has it, too" {
  tare create --name has --mount type=image,src=files:1,dst=/x,image-subpath=data busybox cat /x/a
  run -0 tare inspect has
  [ "$(jq -c '.[0].Mounts[0] | [.Type, .Name, .Destination, .Mode, .RW, .Propagation, .Subpath]' <<<"$output")" = '["image","files:1","/x","",false,"","data"]' ]
  [ "$(jq -r '.[0].Mounts[0].Source' <<<"$output")" = "$(tare inspect -f '{{.Id}}' files:1)" ]
  [ "$(tare run --rm --volumes-from has busybox cat /x/a)" = low ]
  [ "$(tare start -a has)" = low ]
  [ "$(tare start -a has)" = low ]
}

@test "the image stays as long as a container has it" {
  tare tag files:1 mine:1
  tare tag files:1 mine:2
  tare rmi files:1 mine:2
  tare create --name has --mount type=image,src=mine:1,dst=/x busybox cat /x/data/c
  run -1 tare rmi mine:1
  [[ "$output" == *"in use by container has"* && "${#lines[@]}" = 1 ]]
  tare image prune -af >/dev/null
  [ "$(tare start -a has)" = up ]
  [ "$(tare system df -v | awk '$1 == "mine" { print $NF }')" = 1 ]
  [ "$(tare system df --format '{{.Type}} {{.TotalCount}} {{.Active}}' | grep Images)" = "Images 2 2" ]
  # its name can go; the container goes on
  tare rmi -f mine:1
  [ "$(tare images -q --no-trunc | wc -l)" = 2 ]
  tare image prune -f >/dev/null
  [ "$(tare start -a has)" = up ]
  tare rm has
  tare image prune -f >/dev/null
  [ "$(tare images -q | wc -l)" = 1 ]
  tare build -q -t files:1 "$BATS_FILE_TMPDIR/context" >/dev/null
}

@test "update --mount-add, --mount-rm: while it runs, and for its next start" {
  tare run -d --name live busybox sleep 1000
  tare update --mount-add type=image,src=files:1,dst=/x --mount-add type=image,src=busybox,dst=/y,image-subpath=bin live
  [ "$(tare exec live sh -c 'cat /x/data/c; cmp /y/busybox /bin/busybox && echo same; touch /x/new 2>/dev/null || echo ro' | xargs)" = "up same ro" ]
  tare tag files:1 keep:1
  tare rmi keep:1
  run -1 tare rmi files:1
  tare restart -t 0 live
  [ "$(tare exec live cat /x/data/a)" = low ]
  tare update --mount-rm /x live
  [ "$(tare exec live ls /x)" = "" ]
  [ "$(tare inspect -f '{{range .Mounts}}{{.Destination}} {{end}}' live)" = "/y " ]
  run -1 tare update --mount-add type=image,src=nosuch,dst=/z live
  [ "$(tare inspect -f '{{len .Mounts}}' live)" = 1 ]
}

@test "cp sees it, of a container that runs and of one that does not; diff and export do not" {
  tare create --name has --mount type=image,src=files:1,dst=/x --mount type=image,src=files:1,dst=/y,image-subpath=data/sub busybox sleep 1000
  [ "$(tare cp has:/x/data/c - | tar -xO)" = up ]
  [ "$(tare cp has:/y/f - | tar -xO)" = in ]
  tare start has
  [ "$(tare cp has:/x/data/a - | tar -xO)" = low ]
  [ "$(tare export has | tar -t | grep -c '^x/.' || true)" = 0 ]
  [ "$(tare diff has | grep -c /x/ || true)" = 0 ]
}

@test "nothing is mounted on the host, also when the monitor was killed" {
  tare run -d --name has --mount type=image,src=files:1,dst=/x busybox sleep 1000
  [ "$(grep -c "$BATS_FILE_TMPDIR" /proc/self/mountinfo || true)" = 0 ]
  pkill -9 -f "tare-monitor.*$(tare inspect -f '{{.Id}}' has)" || true
  kill -9 "$(tare inspect -f '{{.State.Pid}}' has)" || true
  timeout 20 sh -c "until [ \"\$('$TARE_BIN/tare' inspect -f '{{.State.Running}}' has)\" = false ]; do sleep 0.2; done"
  tare start has
  [ "$(tare exec has cat /x/data/c)" = up ]
}
