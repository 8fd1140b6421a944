# Volumes that another machine has: the kernel's own server, on loopback, with version 4, which needs no port mapper.
# shellcheck shell=sh
[ -x /usr/sbin/rpc.mountd ] || return 0

export TARE_ROOT=/var/tmp/nfs-store TARE_STATE=/run/tare-nfs
nf() { timeout 100 tare "$@"; }
# No server's files can be id-mapped, so the container has the host's ids.
nf_run() { nf run --network none --userns host "$@"; }
nf_mounts() { grep -c ' nfs4\{0,1\} ' /proc/mounts; }

nf_serve() {
  modprobe -a nfsd nfsv4 && mkdir -p /proc/fs/nfsd /var/lib/nfs /srv/shared/deep && mount -t nfsd nfsd /proc/fs/nfsd &&
    : >/etc/exports && : >/var/lib/nfs/etab && : >/var/lib/nfs/rmtab || return 1
  echo 127.0.0.1 localhost files.example >/etc/hosts
  exportfs -o rw,fsid=0,no_root_squash,insecure,async,no_subtree_check '*:/srv' && rpc.mountd -N 3 &&
    rpc.nfsd -p 2049 -N 3 -G 10 -L 10 2 || return 1
  echo Y >/proc/fs/nfsd/v4_end_grace 2>/dev/null # nobody has anything to take back
  nf load -q -i /tests/busybox.tar
}
nf_volume() {
  nf volume create -o type=nfs -o device=:/shared -o o=addr=files.example,vers=4.2,rw files >/dev/null || return 1
  nf_run --rm -v files:/d busybox sh -c 'echo 1 >/d/one && mkdir /d/sub && grep " /d " /proc/mounts' || return 1
  [ "$(cat /srv/shared/one)" = 1 ] && [ -d /srv/shared/sub ] || fail "the server has not what the container wrote" || return 1
  nf run --rm --network none -v files:/d:noidmap busybox cat /d/one || return 1
  ! nf run --rm --network none -v files:/d busybox true 2>/var/tmp/said && grep -q 'cannot be id-mapped; use --userns=host' /var/tmp/said || return 1
  # two at once; who only reads; another container's files are there at once
  nf_run -d --name holds -v files:/d busybox sleep 1000 >/dev/null || return 1
  nf_run --rm -v files:/d:ro busybox sh -c 'cat /d/one; ! touch /d/two 2>/dev/null' || return 1
  nf exec holds sh -c 'echo 2 >/d/two' && [ "$(nf_run --rm -v files:/d busybox cat /d/two)" = 2 ] || return 1
  nf restart -t 0 holds >/dev/null && nf exec holds cat /d/two || return 1
  nf cp holds:/d/two /var/tmp/two && nf rm -f holds >/dev/null && [ "$(cat /var/tmp/two)" = 2 ] || return 1
  [ "$(nf_mounts)" = 0 ] || fail "still mounted: $(nf_mounts)"
}
nf_parts() {
  nf volume create -o type=nfs4 -o device=127.0.0.1:/ -o o=addr=127.0.0.1,vers=4.1,ro reads >/dev/null || return 1
  nf_run --rm --mount type=volume,source=reads,target=/d,volume-subpath=shared busybox cat /d/one || return 1
  ! nf_run --rm -v reads:/d busybox touch /d/new || fail "ro is not kept" || return 1
  nf volume export files | tar -t | grep -q '^\(./\)\{0,1\}sub/$' || fail "not exported" || return 1
  nf volume rm reads >/dev/null && [ -e /srv/shared/one ]
}
nf_gone() {
  nf volume create -o type=nfs -o device=:/nosuch -o o=addr=127.0.0.1,vers=4.2 nosuch >/dev/null || return 1
  ! nf_run --rm -v nosuch:/d busybox true 2>/var/tmp/said || return 1
  cat /var/tmp/said
  [ "$(wc -l </var/tmp/said)" = 1 ] && grep -q 'volume nosuch' /var/tmp/said || return 1
  rpc.nfsd 0
  nf volume create -o type=nfs -o device=:/shared -o o=addr=127.0.0.1,vers=4.2,soft,timeo=10,retrans=1 away >/dev/null || return 1
  ! nf_run --rm -v away:/d busybox true 2>/var/tmp/said || return 1
  cat /var/tmp/said
  [ "$(wc -l </var/tmp/said)" = 1 ] && grep -q 'volume away' /var/tmp/said && [ -z "$(nf ps -aq)" ] && [ "$(nf_mounts)" = 0 ] &&
    nf volume rm files nosuch away >/dev/null && [ -e /srv/shared/one ]
}

check "nfs: a server" nf_serve
check "nfs: a volume is the server's folder, for several containers" nf_volume
check "nfs: read-only, a part of it, exported; removed, it is still the server's" nf_parts
check "nfs: a folder and a server that are not there: one line, nothing left" nf_gone
killall rpc.mountd 2>/dev/null
exportfs -ua; umount /proc/fs/nfsd 2>/dev/null
nf image prune -af >/dev/null; rm -rf $TARE_ROOT $TARE_STATE
unset TARE_ROOT TARE_STATE
