#!/usr/bin/env bats
# Moving in from a dockerd that runs, from one that does not, and the way back.
load ../lib/common
load ../lib/docker

setup_file() {
  tare_setup_file
  export W=$BATS_FILE_TMPDIR
  start_dockerd
  [ -z "$NO_DOCKERD" ] || return 0
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:busybox:latest"
  peer_docker load -q -i "$W/busybox.tar"
  peer_docker tag busybox team.example:5000/tools/box:1.2
  printf 'FROM busybox\nRUN echo hello >/hello\nCMD ["cat", "/hello"]\nLABEL from=docker\n' |
    DOCKER_BUILDKIT=0 peer_docker build -q --network none -t own:1 - >/dev/null
  printf 'FROM busybox\nRUN echo gone >/gone\n' | DOCKER_BUILDKIT=0 peer_docker build -q --network none - >/dev/null
  peer_docker volume create --label l=1 --label purpose=test data >/dev/null
  peer_docker volume create -o type=tmpfs -o device=tmpfs -o o=size=1m memory >/dev/null
  peer_docker create --name keeper -v data:/data -v /without-a-name busybox true >/dev/null
  fill "$(peer_docker volume inspect -f '{{.Mountpoint}}' data)"
  peer_docker ps -a --format "{{.ID}} {{.Names}} {{.Status}} {{.Mounts}}" | tr " ," "\n" | sort >"$W/ps.before"
  listing "$W/docker" >"$W/disk.before"
}

setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

teardown_file() {
  stop_dockerd
  tare volume rm -f data memory >/dev/null 2>&1 || true
  tare_teardown_file
}

# A volume with something of everything.
fill() { # FOLDER
  mkdir -p "$1/sub/deep"
  echo text >"$1/sub/file"; ln "$1/sub/file" "$1/hard"; ln -s /nowhere "$1/link"
  truncate -s 64M "$1/holes"; echo end >>"$1/holes"
  mkfifo -m 0620 "$1/fifo"; mknod -m 0640 "$1/null" c 1 3; mknod "$1/gone" c 0 0
  chown 1000:2000 "$1/sub/file" "$1/fifo"; chmod 4751 "$1/sub/file"; chmod 1777 "$1/sub"; chown 33:44 "$1"; chmod 2750 "$1"
  python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.note", b"kept")' "$1/sub/deep"
  python3 - "$1/sub/deep" <<'PY'
import os, struct, sys
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in [(1, 7, 0xffffffff), (2, 5, 1234), (4, 5, 0xffffffff), (16, 5, 0xffffffff), (32, 0, 0xffffffff)])
os.setxattr(sys.argv[1], "system.posix_acl_access", acl)
PY
  touch -h -d '2001-02-03 04:05:06' "$1/sub/file" "$1/link" "$1/fifo" "$1/sub/deep" "$1/sub" "$1"
}

# All of a folder: kinds, modes, owners, times, sizes, links, numbers of devices, attributes and content.
listing() {
  (cd "$1" && find . -path ./containerd -prune -o -path ./tmp -prune -o -path './overlay2*' -prune -o -printf '%p %y %m %U:%G %T@ %n %l\n' | sort
    find . -type f -path '*/_data/*' -exec sha256sum {} + | sort
    find . -path '*_data/*' -exec stat -c '%n %t:%T' {} + | sort)
}
volume() { # FOLDER: the same of a volume's files, with their attributes
  (cd "$1" && find . -printf '%p %y %m %U:%G %T@ %n %l\n' | sort; find . -type f -exec sha256sum {} + | sort; find . -exec stat -c '%n %t:%T' {} + | sort
    python3 -c 'import os
for d, _, f in sorted(os.walk(".")):
    for n in [d] + [os.path.join(d, x) for x in sorted(f)]:
        for k in sorted(os.listxattr(n, follow_symlinks=False)): print(n, k, os.getxattr(n, k, follow_symlinks=False))')
}

migrate() { tare system migrate-from docker --host "unix://$W/docker.sock" "$@"; }

@test "a dry run says what would be copied, and copies nothing" {
  run -0 migrate --dry-run
  [[ "$output" == *"own:1: would be copied"* ]]
  [[ "$output" == *"volume data: would be copied"* ]]
  [ -z "$(tare images -q)" ]
  [ -z "$(tare volume ls -q)" ]
}

@test "images with their names and named volumes are copied, and what is not is told" {
  run -0 migrate
  [[ "$output" == *"copied: 3 names of images, 2 volumes; here before: 0; failed: 0"* ]]
  [[ "$output" == *"has no name: not copied"* ]]
  [[ "$output" == *"has no name of its own: not copied"* ]]
  [[ "$output" == *"containers are not copied"*"keeper"* ]]
  [ "$(tare images --no-trunc -q busybox)" = "$(peer_docker images --no-trunc -q busybox)" ]
  [ "$(tare images --no-trunc -q team.example:5000/tools/box:1.2)" = "$(tare images --no-trunc -q busybox)" ]
  [ "$(tare run --rm --network none own:1)" = hello ]
  [ "$(tare inspect -f '{{.Config.Labels.from}}' own:1)" = docker ]
}

@test "a volume is what it was: owners, modes, times, attributes, holes, special files, labels and options" {
  [ "$(tare volume inspect -f '{{.Labels.purpose}}' data)" = test ]
  [ "$(tare volume inspect -f '{{.Options.o}}' memory)" = size=1m ]
  volume "$(peer_docker volume inspect -f '{{.Mountpoint}}' data)" >"$BATS_TEST_TMPDIR/docker"
  volume "$(tare volume inspect -f '{{.Mountpoint}}' data)" >"$BATS_TEST_TMPDIR/tare"
  diff "$BATS_TEST_TMPDIR/docker" "$BATS_TEST_TMPDIR/tare"
  [ "$(du -k "$(tare volume inspect -f '{{.Mountpoint}}' data)/holes" | cut -f1)" -lt 100 ]
}

@test "nothing of Docker's has changed" {
  peer_docker ps -a --format "{{.ID}} {{.Names}} {{.Status}} {{.Mounts}}" | tr " ," "\n" | sort >"$BATS_TEST_TMPDIR/ps"
  diff "$W/ps.before" "$BATS_TEST_TMPDIR/ps"
  listing "$W/docker" >"$BATS_TEST_TMPDIR/disk"
  diff "$W/disk.before" "$BATS_TEST_TMPDIR/disk"
}

@test "a second run passes over what is here, and finishes what was left undone" {
  tare rmi -f own:1 >/dev/null
  rm -rf "$TARE_ROOT"/volumes/data/_data; mkdir -m 755 "$TARE_ROOT/volumes/data/_data"
  run -0 migrate
  [[ "$output" == *"busybox:latest: is here"* ]]
  [[ "$output" == *"copied: 1 names of images, 1 volumes; here before: 3; failed: 0"* ]]
  [ "$(cat "$TARE_ROOT/volumes/data/_data/sub/file")" = text ]
}

@test "another image of the name stays, unless --force" {
  tare tag busybox own:1
  run -1 migrate
  [[ "$output" == *"own:1: not copied: another image of that name is here"* ]]
  run -0 migrate --force
  [ "$(tare run --rm --network none own:1)" = hello ]
}

@test "the way back: tare save into docker load" {
  peer_docker tag busybox keep:1; peer_docker rmi own:1 >/dev/null
  tare save own:1 | peer_docker load >/dev/null
  [ "$(peer_docker run --rm --network none own:1)" = hello ]
  peer_docker rmi own:1 >/dev/null
}

@test "where nobody answers the error says so, and --docker-root copies volumes" {
  tare volume rm -f data >/dev/null
  run -1 tare system migrate-from docker --host "$W/nobody.sock"
  [[ "$output" == *"--docker-root"* ]]
  run -0 tare system migrate-from docker --host "$W/nobody.sock" --docker-root "$W/docker"
  [[ "$output" == *"volume data: copied"* ]]
  [ "$(cat "$TARE_ROOT/volumes/data/_data/hard")" = text ]
  run -1 tare system migrate-from podman
  [[ "$output" == *"want docker"* ]]
}
