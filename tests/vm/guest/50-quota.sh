# Limits of volumes and container roots: xfs and ext4 with project quotas, btrfs with its own; and what is said where there are none.
# shellcheck shell=sh
[ -x /usr/local/bin/tare ] || return 0

export TARE_ROOT=/mnt/store TARE_STATE=/run/tare-quota
qt() { timeout 100 tare "$@"; }

# qt_disk KIND MOUNT-OPTIONS MKFS...: a store on a new file system of 400 MB
qt_disk() {
  qt_kind=$1 qt_options=$2; shift 2
  ! grep -q " /mnt " /proc/mounts || umount /mnt; mkdir -p /mnt && rm -f /var/tmp/disk && truncate -s 400M /var/tmp/disk && "$@" /var/tmp/disk >/dev/null &&
    mount -o "loop$qt_options" /var/tmp/disk /mnt || return 1
  [ "$qt_kind" != btrfs ] || btrfs quota enable /mnt || return 1
  mkdir -p $TARE_STATE && qt load -q -i /tests/busybox.tar
}
# No container, no volume, and nothing that the file system still limits.
qt_end() {
  [ "$qt_kind" != btrfs ] || no_groups_soon || return 1
  left=$(find /mnt/store/volumes /mnt/store/containers -mindepth 1)
  [ -z "$left" ] || fail "left: $left" || return 1
  eq_limits "" && umount /mnt && rm /var/tmp/disk
}
# "BYTES FILES" of each limit there is
limits_now() {
  case $qt_kind in
  btrfs) btrfs qgroup show -r --raw /mnt | awk '$1 ~ /^0\// && $4 ~ /^[0-9]+$/ { print $4, 0 }' ;;
  *) xfs_quota -f -x -c 'report -p -n -N -b' -c 'report -p -n -N -i' /mnt |
    awk '$1 ~ /^#/ { if (!($1 in b)) b[$1] = $4; else i[$1] = $4 } END { for (k in b) if (b[k] || i[k]) print b[k] * 1024, i[k] + 0 }' | sort ;;
  esac
}
# The kernel frees subvolumes when it has time; what counted them goes with the next command that looks.
no_groups_soon() {
  for i in $(seq 60); do
    btrfs filesystem sync /mnt; qt system prune -f >/dev/null
    btrfs qgroup show /mnt | grep -E '^0/[0-9]{3}' || return 0
    sleep 1
  done
  fail "groups of subvolumes that are gone"
}
eq_limits() { [ "$(limits_now)" = "$1" ] || fail "limits: $(limits_now), not $1"; }

# fills FILE: writes 6 MB, of which 4 are allowed; prints what came
fills='dd if=/dev/zero of=$1 bs=500k count=12; echo "code $?"; sync; stat -c %s $1'
is_full() { # OUTPUT
  echo "$1"
  size=$(echo "$1" | tail -1)
  echo "$1" | grep -q 'code 1' && [ "$size" -gt 3500000 ] && [ "$size" -le 4194304 ]
}

qt_volume() {
  qt volume create -o size=4m small && qt volume create -o size=4m small && qt volume create free || return 1
  [ "$(qt volume inspect -f '{{.Options.size}}' small)" = 4m ] || return 1
  eq_limits "4194304 0" || return 1
  is_full "$(qt run --rm --network none -v small:/d busybox sh -c "$fills" sh /d/f 2>/dev/null)" || return 1
  # full, also for the next container; others are not
  ! qt run --rm --network none -v small:/d busybox sh -c 'head -c 1000000 /dev/zero >/d/g' || fail "a second file has room" || return 1
  qt run --rm --network none -v free:/d busybox sh -c 'head -c 6000000 /dev/zero >/d/f' || return 1
  qt run --rm --network none -v small:/d busybox sh -c 'rm /d/f && head -c 1000000 /dev/zero >/d/g' || fail "no room after rm" || return 1
  qt volume rm small free && eq_limits ""
}
qt_inodes() {
  qt volume create -o o=size=4m,inodes=50 few && eq_limits "4194304 50" || return 1
  made=$(qt run --rm --network none -v few:/d busybox sh -c 'i=0; while touch /d/$i; do i=$((i + 1)); done 2>/dev/null; echo $i')
  echo "$made files"
  [ "$made" -gt 40 ] && [ "$made" -lt 50 ] && qt volume rm few
}
qt_root() {
  qt create --name small --network none --storage-opt size=4m busybox sh -c "df -k / | tail -1; $fills" sh /f || return 1
  [ "$(qt inspect -f '{{.HostConfig.StorageOpt.size}}' small)" = 4m ] && eq_limits "4194304 0" || return 1
  out=$(qt start -a small 2>/dev/null)
  is_full "$out" || return 1
  [ "$qt_kind" = btrfs ] || echo "$out" | head -1 | awk '{ exit $2 != 4096 }' || fail "df does not show the limit" || return 1
  qt run --rm --network none busybox sh -c 'head -c 6000000 /dev/zero >/f' || fail "another one has no room" || return 1
  # started again it is as full, and not read-only; it goes with its limit
  qt start -a small 2>/dev/null | grep 'code 1' && eq_limits "4194304 0" && qt rm small || return 1
  [ "$qt_kind" != btrfs ] || return 0 # which commits before it refuses: minutes, in this machine
  qt create --name brim --network none --storage-opt size=4m busybox sh -c \
    'if [ -e /y ]; then rm /y && echo writable; else head -c 6000000 /dev/zero >/y; i=0; while echo >/x$i; do i=$((i + 1)); done; fi' || return 1
  qt start -a brim 2>/dev/null; qt start -a brim 2>&1 | tee /tmp/said; grep -x writable /tmp/said || return 1
  qt rm brim && eq_limits ""
}
qt_layers() { # what replaces files of the image counts, and what is removed does no more
  qt run --rm --network none --storage-opt size=4m busybox sh -c 'for i in 1 2 3 4 5; do cp /bin/busybox /new && mv /new /bin/ls && rm /bin/ls || exit 1; done; rm -r /etc; ln -s busybox /bin/ls; chmod 700 /bin/busybox' || return 1
  ! qt run --rm --network none --storage-opt size=4m busybox sh -c 'for i in 1 2 3 4 5; do cp /bin/busybox /bin/copy$i || exit 1; done' 2>/dev/null
}
kib_of() { # VOLUME
  qt run --rm --network none -v "$1:/d" busybox stat -f -c '%b %S' /d | awk '{ print $1 * $2 / 1024 }'
}
qt_df_of_volume() {
  qt volume create -o size=4m shown && [ "$(kib_of shown)" = 4096 ] || fail "df shows $(kib_of shown)" || return 1
  qt volume rm shown
}
# A container's root is root of his namespace alone.
qt_hostile() {
  qt volume create -o size=4m cage || return 1
  for at in / /d; do
    qt run --rm --network none --storage-opt size=4m -v cage:/d -v /usr/bin/leave-project:/lp busybox /lp $at
    [ $? = 1 ] || fail "it left $at" || return 1
    qt run --rm --network none --storage-opt size=4m --security-opt seccomp=unconfined --cap-add ALL -v cage:/d -v /usr/bin/leave-project:/lp busybox /lp $at
    [ $? = 1 ] || fail "it left $at with all capabilities" || return 1
  done
  # it would work for who is in the first one
  /usr/bin/leave-project /mnt/store/volumes/cage/_data | tee /tmp/left | grep 'another number: done' || return 1
  qt volume rm cage
}
qt_killed() {
  for ms in 02 04 06 08 1 2 4; do
    tare volume create -o size=4m k$ms & p=$!
    sleep 0.$ms; kill -9 $p; wait $p
    tare create --name k$ms --network none --storage-opt size=4m busybox true & p=$!
    sleep 0.$ms; kill -9 $p; wait $p
  done 2>/dev/null
  qt ps -aq >/dev/null
  # each that is there has its limit, and only these
  if [ "$qt_kind" = btrfs ]; then
    [ "$(limits_now | grep -c 4194304)" = "$(btrfs subvolume list /mnt | wc -l)" ] || fail "a subvolume has no limit" || return 1
  else
    for v in $(qt volume ls -q); do [ "$(kib_of "$v")" = 4096 ] || fail "$v has no limit" || return 1; done
  fi
  for ms in 02 04 06 08 1 2 4; do
    (tare volume rm k$ms) & p=$!
    sleep 0.$ms; kill -9 $p; wait $p
    (tare rm k$ms) & p=$!
    sleep 0.$ms; kill -9 $p; wait $p
  done 2>/dev/null
  # shellcheck disable=SC2046
  qt rm -f $(qt ps -aq)
  qt volume prune -af && qt system prune -f --volumes && eq_limits ""
}
qt_again() { # a folder that a lost catalog left
  qt volume create -o size=4m lost && mv /mnt/store/volumes/lost /mnt/store/kept && qt volume rm lost && mv /mnt/store/kept /mnt/store/volumes/lost || return 1
  qt volume create -o size=5m lost && eq_limits "5242880 0" && qt volume rm lost || return 1
  mkdir -p /mnt/store/volumes/plain/_data && echo kept >/mnt/store/volumes/plain/_data/f
  ! qt volume create -o size=5m plain 2>/tmp/said || return 1
  cat /tmp/said
  grep 'only a new folder can have one' /tmp/said && grep kept /mnt/store/volumes/plain/_data/f && qt volume create plain && qt volume rm plain
}
qt_copied() { # files that a copy of the store brought, without their project
  qt create --name copied --network none --storage-opt size=4m busybox true && qt volume create -o size=4m copied || return 1
  folder=$(echo /mnt/store/containers/????*)
  for f in "$folder/upper" "$folder/work" /mnt/store/volumes/copied/_data /mnt/store/volumes/copied; do
    number=$(lsattr -pd "$f" | awk '{ print $1 }')
    [ "$number" -ge 1946157056 ] || fail "the project of $f is $number" || return 1
    cp -a "$f" "$f.copy" && rm -r "$f" && mv "$f.copy" "$f" && xfs_quota -f -x -c "limit -p bhard=0 ihard=0 $number" /mnt || return 1
  done
  ! qt start copied 2>/tmp/said || return 1
  cat /tmp/said; grep "made with --storage-opt (was the store copied here?)" /tmp/said || return 1
  ! qt run --rm --network none -v copied:/d busybox true 2>/tmp/said || return 1
  cat /tmp/said; grep "volume copied: its files have no limit" /tmp/said && qt rm copied && qt volume rm copied
}
qt_unlimited() { # WORDS of the message
  ! qt volume create -o size=4m vol 2>/tmp/said || return 1
  cat /tmp/said; grep -F -e "$1" /tmp/said || return 1
  ! qt create --storage-opt size=4m busybox true 2>/tmp/said || return 1
  cat /tmp/said; grep -F -e "$1" /tmp/said && [ -z "$(qt volume ls -q)$(qt ps -aq)" ]
}
qt_btrfs_lacks() {
  ! qt volume create -o o=size=4m,inodes=50 vol 2>/tmp/said || return 1
  cat /tmp/said; grep -F 'no number of files' /tmp/said
}
qt_import() {
  qt volume create from && qt run --rm --network none -v from:/d busybox sh -c 'head -c 6000000 /dev/urandom >/d/f' && qt volume export from -o /root/v.tar &&
    qt volume create -o size=4m to || return 1
  ! qt volume import to /root/v.tar 2>/tmp/said || fail "more than the limit was imported" || return 1
  cat /tmp/said
  rm /root/v.tar; qt volume rm from to
}

modprobe -a xfs btrfs quota_v2
for kind in xfs ext4; do
  mkfs="mkfs.xfs -q"
  [ $kind = xfs ] || mkfs="mkfs.ext4 -q -O quota,project -E quotatype=prjquota"
  # shellcheck disable=SC2086
  check "a store on $kind with prjquota" qt_disk $kind ,prjquota $mkfs
  check "$kind: a volume with a limit" qt_volume
  check "$kind: a limit of files" qt_inodes
  check "$kind: a container's root with a limit" qt_root
  check "$kind: files of the image that are replaced" qt_layers
  check "$kind: df shows a volume's limit" qt_df_of_volume
  check "$kind: a hostile container stays in its project" qt_hostile
  check "$kind: import stops at the limit" qt_import
  check "$kind: a folder that was there" qt_again
  check "$kind: a copy of the store" qt_copied
  check "$kind: commands that are killed leave no limit" qt_killed
  check "$kind: nothing is left" qt_end
done
check "a store on xfs without prjquota" qt_disk xfs "" mkfs.xfs -q
check "xfs without prjquota: what to do" qt_unlimited 'mount it with prjquota'
check "xfs without prjquota: nothing is left" qt_end
check "a store on ext4 that only counts" qt_disk ext4 "" mkfs.ext4 -q -O quota,project -E quotatype=prjquota
check "ext4 that only counts: what to do" qt_unlimited 'mount it with prjquota'
umount /mnt
check "a store on ext4 without projects" qt_disk ext4 "" mkfs.ext4 -q
check "ext4 without projects: what to do" qt_unlimited 'tune2fs -O project,quota'
umount /mnt
check "a store on btrfs with quotas" qt_disk btrfs "" mkfs.btrfs -q
check "btrfs: a volume with a limit" qt_volume
check "btrfs: what it has not" qt_btrfs_lacks
check "btrfs: a container's root with a limit" qt_root
check "btrfs: files of the image that are replaced" qt_layers
check "btrfs: a folder that was there" qt_again
check "btrfs: import stops at the limit" qt_import
check "btrfs: commands that are killed leave no limit" qt_killed
check "btrfs: nothing is left" qt_end
unset TARE_ROOT TARE_STATE
