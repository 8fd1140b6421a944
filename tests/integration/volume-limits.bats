#!/usr/bin/env bats
# What volumes and container roots may take on the disk. Here on the file systems that this kernel can limit (none may be); on xfs, ext4 and
# btrfs always in the machine of tests/vm (guest/50-quota.sh).
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown() { for m in "$BATS_TEST_TMPDIR"/at*; do ! mountpoint -q "$m" || umount "$m"; done; }
teardown_file() {
  remove_all
  tare_teardown_file
}

# a store on a new file system: AT OPTIONS MKFS...; no loop devices, no such file system, no quotas in this kernel: the test is skipped
store_on() {
  local at=$BATS_TEST_TMPDIR/at options=$1 img=$BATS_TEST_TMPDIR/img; shift
  truncate -s 320M "$img"
  command -v "$1" >/dev/null || skip "$1 is missing"
  "$@" "$img"
  mkdir "$at" "$BATS_TEST_TMPDIR/s"
  mount -o "loop$options" "$img" "$at" 2>/dev/null || skip "this kernel does not mount it so"
  export TARE_ROOT=$at/r TARE_STATE=$BATS_TEST_TMPDIR/s
  load_busybox
}

refuses() { # WORDS
  run -1 tare volume create -o size=20m vol
  [[ "$output" == *"--opt size: "*"$1"* ]] || { echo "$output"; return 1; }
  run -125 tare run --rm --storage-opt size=20m busybox true
  [[ "$output" == *"--storage-opt: "*"$1"* ]] || { echo "$output"; return 1; }
  [ -z "$(tare volume ls -q)$(tare ps -aq)" ]
  [ -z "$(ls -A "$TARE_ROOT/volumes")" ]
}

# 30 MB into /d/f, of which 20 are allowed
is_full() {
  run -0 tare run --rm --network none -v "$1:/d" busybox sh -c 'head -c 30000000 /dev/zero >/d/f 2>/dev/null; echo code $?; sync; stat -c %s /d/f'
  [ "${lines[0]}" = "code 1" ]
  [ "${lines[1]}" -gt 18000000 ]
  [ "${lines[1]}" -le 20971520 ]
}

@test "what is wrong is told" {
  local wrong
  for wrong in size= size=0 size=lots size=-1 size=1023k o=inodes=3 o=inodes=x o=size=1; do
    run -1 tare volume create -o "$wrong" vol
    [[ "$output" == *"${wrong#o=}"*": "* ]] || { echo "$wrong: $output"; return 1; }
  done
  run -1 tare volume create -o o=mode=0700 vol
  [[ "$output" == *"o=mode=0700: a folder of the store has size=SIZE and inodes=N"* ]]
  run -1 tare volume create -o size=1m -o type=tmpfs vol
  [[ "$output" == *"one in memory has --opt o=size=1m"* ]]
  run -1 tare volume create -o size=1m -o o=bind -o device=/srv vol
  run -1 tare volume create -o device=/srv vol
  for wrong in size size=x inodes=0 nonsense=1; do
    run -125 tare run --rm --storage-opt "$wrong" busybox true
    [[ "$output" == *"--storage-opt $wrong: "* ]] || { echo "$wrong: $output"; return 1; }
  done
  run -125 tare run --rm --storage-opt size=1m --rootfs / /bin/true
  [[ "$output" == *"with --rootfs it writes into your folder"* ]]
  [ -z "$(tare volume ls -q)$(tare ps -aq)" ]
  id=$(tare create --network none busybox true)
  [ "$(tare inspect -f '{{json .HostConfig.StorageOpt}}' "$id")" = null ]
  tare rm "$id"
}

@test "file systems that cannot: what they lack, and what to do" {
  mkdir "$BATS_TEST_TMPDIR/at2" "$BATS_TEST_TMPDIR/s2"
  mount -t tmpfs none "$BATS_TEST_TMPDIR/at2"
  export TARE_ROOT=$BATS_TEST_TMPDIR/at2/r TARE_STATE=$BATS_TEST_TMPDIR/s2
  load_busybox
  refuses "cannot limit a folder: xfs and ext4 can, mounted with prjquota"
  store_on "" mkfs.ext4 -q -F
  refuses "lies on ext4 without project quotas: \"tune2fs -O project,quota"
}

# what a container could make outside of the limit: a subvolume in the folder
subvolume_maker() {
  cc -static -x c -o "$BATS_TEST_TMPDIR/sub" - <<'X'
#include <fcntl.h>
#include <linux/btrfs.h>
#include <sys/ioctl.h>
int main(int argc, char **argv)
{
	struct btrfs_ioctl_vol_args a = { .name = "sub" };
	struct btrfs_ioctl_vol_args_v2 b = { .name = "sub" };
	int fd = open(argv[argc - 1], O_RDONLY);

	return ioctl(fd, BTRFS_IOC_SUBVOL_CREATE, &a) < 0 && ioctl(fd, BTRFS_IOC_SUBVOL_CREATE_V2, &b) < 0;
}
X
}

subvolumes() { btrfs subvolume list "$BATS_TEST_TMPDIR/at" | wc -l; }
limits() { btrfs qgroup show -r --raw "$BATS_TEST_TMPDIR/at" | awk '$4 ~ /^[0-9]+$/ { print $4 }' | paste -sd' '; }
# the kernel frees subvolumes when it has time; what counted them goes with the next command that looks
no_groups_soon() {
  for _ in {1..40}; do
    btrfs filesystem sync "$BATS_TEST_TMPDIR/at"; tare system prune -f >/dev/null
    btrfs qgroup show "$BATS_TEST_TMPDIR/at" | grep -E '^0/[0-9]{3}' || [ -e "$TARE_ROOT/containers/.groups" ] || return 0
    sleep 0.2
  done
  return 1
}

@test "btrfs: a container's root with a limit lies in a subvolume" {
  local id folder
  store_on "" mkfs.btrfs -q
  command -v btrfs >/dev/null || skip "btrfs is missing"
  btrfs quota enable "$BATS_TEST_TMPDIR/at"
  subvolume_maker
  run -125 tare run --rm --storage-opt size=20m --storage-opt inodes=100 busybox true
  [[ "$output" == *"--storage-opt: "*"no number of files"* ]]
  [ "$(subvolumes)" = 0 ]
  tare create --name small --network none -v "$BATS_TEST_TMPDIR/sub:/sub" --security-opt seccomp=unconfined --storage-opt size=20m busybox sh -c '
    /sub /etc || echo no subvolume; [ -e /etc/m ] || mv /etc/mtab /etc/m; [ ! -e /f ] || rm /f || exit; head -c 30000000 /dev/zero >/f 2>/dev/null; echo code $?; sync; stat -c %s /f'
  [ "$(subvolumes) $(limits)" = "1 20971520" ]
  [ "$(tare inspect -f '{{.HostConfig.StorageOpt.size}}' small)" = 20m ]
  folder=$(tare inspect -f '{{.GraphDriver.Data.UpperDir}}' small)
  [ -L "$folder/etc/mtab" ]
  # another one has the whole disk; this one starts again when it is full, and has room for what it removes
  tare run --rm --network none busybox sh -c 'head -c 30000000 /dev/zero >/f'
  for _ in 1 2; do
    run -0 tare start -a small
    [ "${lines[0]} ${lines[1]}" = "no subvolume code 1" ] || { echo "$output"; return 1; }
    [ "${lines[2]}" -gt 18000000 ]
    [ "${lines[2]}" -le 20971520 ]
  done
  # what looks at what it wrote finds it
  [[ "$(tare diff small)" == *"A /etc/m"*"A /f"* ]]
  [ "$(tare ps -as --format '{{.Size}}' | grep -o '^[0-9]*')" -ge 18 ]
  [ "$(tare system df --format '{{.Type}} {{.Size}}' | sed -n 's/^Containers \([0-9]*\).*/\1/p')" -ge 18 ]
  tare export small | tar -t | grep -x f
  tare commit small full >/dev/null
  [ "$(tare run --rm --network none full stat -c %s /f)" -gt 18000000 ]
  tare rmi full
  # a copy of the store comes without limits
  folder=${folder%/upper}
  mv "$folder" "$BATS_TEST_TMPDIR/at/aside"
  cp -a "$BATS_TEST_TMPDIR/at/aside" "$folder"
  run -1 tare start small
  [[ "$output" == *"made with --storage-opt (was the store copied here?)"* ]]
  rm -r "$folder"
  mv "$BATS_TEST_TMPDIR/at/aside" "$folder"
  tare rm small
  tare run --rm --network none --storage-opt size=1m busybox sh -c 'echo >/f'
  # what is left of one whose making or removal was killed goes
  id=$(printf %064d 0)
  mkdir "$TARE_ROOT/containers/$id"
  touch "$TARE_ROOT/containers/$id/lock"
  btrfs subvolume create "$TARE_ROOT/containers/$id/limited" >/dev/null
  mkdir "$TARE_ROOT/containers/$id/limited/upper"
  tare system prune -f >/dev/null
  [ "$(subvolumes) $(limits)" = "0 " ]
  [ -z "$(find "$TARE_ROOT/containers" -mindepth 1 -not -path '*/.groups*')" ]
  no_groups_soon
}

@test "btrfs: a volume with a limit is a subvolume; without quotas, an error" {
  store_on "" mkfs.btrfs -q
  refuses "lies on btrfs"
  command -v btrfs >/dev/null || skip "btrfs is missing"
  btrfs quota enable "$BATS_TEST_TMPDIR/at"
  run -1 tare volume create -o o=size=20m,inodes=100 vol
  [[ "$output" == *"no number of files"* ]]
  tare volume create -o size=20m vol
  tare volume create free
  [ "$(tare volume inspect -f '{{.Options.size}}' vol)" = 20m ]
  is_full vol
  tare run --rm --network none -v free:/d busybox sh -c 'head -c 30000000 /dev/zero >/d/f'
  # what a container could make outside of the limit it may not; what is there goes with the volume
  subvolume_maker
  run -1 tare run --rm --network none -v vol:/d -v "$BATS_TEST_TMPDIR/sub:/sub" busybox /sub /d
  tare run --rm --network none -v vol:/d -v "$BATS_TEST_TMPDIR/sub:/sub" --security-opt seccomp=unconfined busybox sh -c 'rm /d/f; /sub /d && touch /d/sub/f'
  # a folder of an unlimited one cannot have a limit
  mkdir -p "$TARE_ROOT/volumes/old/_data"
  run -1 tare volume create -o size=20m old
  [[ "$output" == *"only a new folder can have one"* ]]
  # a copy of the store comes without limits
  id=$(tare create --network none -v vol:/d busybox true)
  cp -a "$TARE_ROOT/volumes/vol" "$TARE_ROOT/volumes/copy"
  rm -r "$TARE_ROOT/volumes/vol"
  mv "$TARE_ROOT/volumes/copy" "$TARE_ROOT/volumes/vol"
  run -1 tare start "$id"
  [[ "$output" == *"volume vol: its files have no limit on "*"was the store copied here?"* ]]
  run -125 tare run --rm --network none -v vol:/d busybox true
  [[ "$output" == *"volume vol: its files have no limit on "* ]]
  tare rm "$id"
  # what is left of one whose making was killed goes
  btrfs subvolume create "$TARE_ROOT/volumes/.making-0123456789abcdef" >/dev/null
  tare system prune -f >/dev/null
  [ "$(find "$TARE_ROOT/volumes" -mindepth 1 -maxdepth 1 -not -name .groups -printf '%f\n' | sort | paste -sd' ')" = "free old vol" ]
  tare volume rm vol free
}

@test "ext4 with prjquota: volumes and roots with a limit" {
  store_on ,prjquota mkfs.ext4 -q -F -O quota,project -E quotatype=prjquota
  tare volume create -o size=20m vol
  is_full vol
  run -0 tare run --rm --network none --storage-opt size=20m busybox df -k /
  [ "$(awk 'NR == 2 { print $2 }' <<<"$output")" = 20480 ]
  tare volume rm vol
}
