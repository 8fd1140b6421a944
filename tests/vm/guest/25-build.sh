# Images on this kernel and on pure v2: built, committed, exported, squashed; every layer is what its blob says.
# shellcheck shell=sh
[ -x /usr/local/bin/tare ] || return 0

bd_says() { [ "$1" = "$2" ] || fail "\"$1\" is not \"$2\""; }
bd_builds() {
  mkdir -p /root/context/sub && echo one >/root/context/sub/one && cat >/root/context/Dockerfile <<'D'
FROM busybox AS a
RUN --network=none mkdir /d && echo a >/d/a && chown -R 7:8 /d && ln /d/a /d/b && chmod 4711 /d/a
FROM busybox AS b
RUN --network=none rm -r /bin/sleep /root && mkdir /root && echo b >/b
FROM a
COPY --from=b /b /d/c
COPY --chown=5:6 sub /sub/
RUN --network=none --mount=type=bind,source=sub,target=/m --mount=type=cache,target=/c cat /m/one >/d/m && touch /c/x && rm /d/b
D
  tare build --jobs 2 -t built /root/context || return 1
  bd_says "$(tare run --rm --network none built sh -c 'cat /d/c /d/m; stat -c "%u:%g %a" /d/a /sub/one; ls /d | tr "\n" " "')" "b
one
7:8 4711
5:6 644
a c m "
}
bd_from_cache() { tare build -t again /root/context 2>&1 | grep -c 'using the cache' | grep -qx 5; }
bd_squashes() {
  tare build --squash -t squashed /root/context || return 1
  bd_says "$(tare run --rm --network none squashed ls /d | tr '\n' ' ')" "a c m "
}
bd_writes_files() {
  tare build -o /root/out /root/context && bd_says "$(cat /root/out/d/m)" one || return 1
  tare build -o type=tar,dest=/root/out.tar /root/context && tar -xOf /root/out.tar d/m | grep -qx one
}
bd_commits() {
  tare run -d --name c2 --network none busybox sh -c 'mkdir /new && chown 9:9 /new && rm /bin/wget && sleep 1000' && sleep 1 &&
    tare commit -c 'CMD ["ls", "-ldn", "/new"]' c2 committed && tare run --rm --network none committed | grep ' 9 * 9 ' &&
    bd_says "$(tare run --rm --network none committed sh -c 'ls /bin/wget 2>&1 | grep -c No')" 1
}
bd_exports() {
  tare export -o /root/c2.tar c2 && tar -tf /root/c2.tar | grep -qx new/ && tare import /root/c2.tar imported:1 &&
    tare run --rm --network none imported:1 /bin/busybox test -d /new && tare rm -f c2
}
bd_mounts() {
  at=$(tare image mount built) && bd_says "$(cat "$at/d/m")" one && tare image umount built
}
bd_verifies() { tare image verify built again squashed committed imported:1 busybox && tare system check; }
bd_removes() { tare rmi -f built again squashed committed imported:1 && tare builder prune -af && rm -rf /root/context /root/out /root/out.tar /root/c2.tar; }

check "tare build: stages at the same time, mounts, owners" bd_builds
check "tare build from the cache" bd_from_cache
check "tare build --squash" bd_squashes
check "tare build -o: files and a tar" bd_writes_files
check "tare commit of a running container" bd_commits
check "tare export, tare import" bd_exports
check "tare image mount" bd_mounts
check "tare image verify, tare system check" bd_verifies
check "what was built goes" bd_removes
