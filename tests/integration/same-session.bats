#!/usr/bin/env bats
# One session of commands, as root and as an ordinary user: what they print, on either stream, their exit codes, and what they leave.
# What differs is below, with the reason; nothing else may, and what is told to differ must.
load ../lib/common
load ../lib/network
load ../lib/user
load ../lib/rootless

setup_file() { tare_setup_file; world_up; rootless_setup; }
teardown_file() {
  local r=0
  rootless_teardown || r=1
  world_down
  tare_teardown_file && return $r
}

# NAME|COMMAND, one shell each, in a folder of their own. What names processes, addresses and the like is left out by the command itself where
# it is no matter of who asks.
session() {
  cat <<'S'
load|tare load -i busybox.tar
images|tare images --format '{{.Repository}}:{{.Tag}} {{.ID}} {{.Size}}'
image-inspect|tare image inspect busybox
history|tare history --no-trunc busybox
tag|tare tag busybox other:1 && tare images other
unknown-image|tare run --rm --pull never nothing:here
unknown-option|tare run --rm --nonsense busybox true
unknown-name|tare inspect nobody
run|tare run --rm busybox sh -c 'echo out; echo err >&2; exit 3'
run-signal|tare run --rm busybox sh -c 'kill -9 $$'
run-no-command|tare run --rm busybox /no/such
run-input|echo through | tare run --rm -i busybox cat
run-tty|tare run --rm -t busybox sh -c 'tty; stty size'
run-env|tare run --rm -e A=1 -e B -w /tmp --hostname here busybox sh -c 'env | sort; hostname; pwd'
run-user|tare run --rm --user 7:8 busybox id
run-root-user|tare run --rm busybox sh -c 'id; grep Cap /proc/self/status; ls -ln / /dev | sed "s/  */ /g" | cut -d" " -f1,3,4,9-'
run-read-only|tare run --rm --read-only --tmpfs /t:size=1m busybox sh -c 'touch /t/x && touch /x'
run-caps|tare run --rm --cap-drop ALL busybox grep Cap /proc/self/status
run-privileged|tare run --rm --privileged busybox sh -c 'mount -t tmpfs none /tmp && grep -c " /tmp " /proc/mounts'
run-init|tare run --rm --init busybox sh -c 'cat /proc/1/comm'
run-ulimit|tare run --rm --ulimit nofile=100:200 busybox sh -c 'ulimit -n; ulimit -Hn'
run-shm|tare run --rm --shm-size 8m busybox sh -c 'df -k /dev/shm | tail -1'
run-mounts|tare run --rm busybox sh -c 'cut -d" " -f2,3 /proc/mounts | sort'
id-map|tare run --rm busybox cat /proc/self/uid_map
userns-host|tare run --rm --userns host busybox id -u
userns-range|tare run --rm --userns range:500000 busybox id -u
bind|mkdir -p d && echo mine >d/f && tare run --rm -v $PWD/d:/d busybox sh -c 'cat /d/f; echo new >/d/g; stat -c %u /d/f /d/g' && stat -c %u:%n d/g | sed "s/^$(id -u):/me:/"
bind-read-only|tare run --rm -v $PWD/d:/d:ro busybox touch /d/h
bind-idmap|tare run --rm --mount type=bind,source=$PWD/d,target=/d,idmap busybox stat -c %u /d/f
bind-missing|tare run --rm --mount type=bind,source=$PWD/nothing,target=/d busybox true
volume-create|tare volume create --label a=b vol && tare volume ls --format '{{.Name}} {{.Driver}} {{.Labels}}'
volume-use|tare run --rm -v vol:/v busybox sh -c 'echo kept >/v/f; stat -c %u /v' && tare run --rm -v vol:/v:ro busybox cat /v/f
volume-inspect|tare volume inspect vol
volume-export|tare volume export vol | tar -tvf - | sed 's/  */ /g; s/[0-9-]* [0-9:]* //2' | awk '{ print $1, $2, $NF }'
volume-in-use|tare create --name holds -v vol:/v busybox true >/dev/null; tare volume rm vol; tare rm holds
detached|tare run -d --name web --label tier=front --restart on-failure:2 -p 8080:80 -v vol:/v --health-cmd 'test -e /v/f' --health-interval 100ms busybox sh -c 'echo up; exec nc -ll -p 80 -e echo served' | wc -c; until [ "$(tare inspect -f "{{.State.Health.Status}}" web)" = healthy ]; do sleep 0.2; done
name-in-use|tare run -d --name web busybox true
ps|tare ps --format '{{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Ports}} {{.Labels}} {{.Mounts}}'
ps-filter|tare ps -q --filter label=tier=front --filter health=healthy | wc -l; tare ps -q --filter status=exited | wc -l
port|tare port web
published|until busybox nc -w 2 127.0.0.1 8080 </dev/null | grep served; do sleep 0.2; done
health|tare inspect -f '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' web
exec|tare exec -e X=y web sh -c 'echo $X; id -u; hostname | wc -c; exit 5'
exec-user|tare exec --user 3 -w /v web sh -c 'id -u; pwd'
exec-detached|tare exec -d web touch /made && until tare exec web ls /made 2>/dev/null; do sleep 0.2; done
cp-in|echo in >c && tare cp c web:/c && tare exec web stat -c '%u:%g %n' /c
cp-out|tare cp web:/c c2 && cat c2 && tare cp web:/etc - | tar -t | head -3
cp-wrong|tare cp web:/nothing .
diff|tare diff web
top|tare top web -o pid,comm | tail -n +2 | awk '{ print $2 }'
stats|tare stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' web | sed 's/[0-9.][0-9.]*/N/g'
logs|tare logs web; tare logs -t -n 1 web | wc -l
inspect|tare inspect web
inspect-network|tare inspect -f '{{json .NetworkSettings}}' web | jq -S 'keys'
update-restart|tare update --restart always web && tare inspect -f '{{.HostConfig.RestartPolicy.Name}}' web
update-memory|tare update --memory 64m web
update-mount|tare update --mount-add type=bind,source=$PWD/d,target=/live web && tare exec web cat /live/f; tare update --mount-rm /live web
update-port|tare update --publish-add 8081:80 web && tare port web
pause|tare pause web && tare ps --format '{{.Status}}' && tare unpause web
commit|tare commit -m note -a me -c 'CMD ["cat", "/c"]' web kept:1 && tare run --rm kept:1 && tare image inspect -f '{{.Comment}} {{.Author}} {{.Config.Cmd}}' kept:1
export|tare export web | tar -xO c
import|tare export web | tare import -c 'CMD ["cat", "/c"]' - flat:1 && tare run --rm flat:1
save|tare save -o saved.tar kept:1 && tar -tf saved.tar | wc -l && tare rmi kept:1 | wc -l && tare load -i saved.tar
image-copy|tare image copy busybox oci:layout:latest && ls layout
image-export|tare image export busybox | tar -t | wc -l
image-mount-command|tare image mount busybox >at && ls $(cat at) && tare image umount busybox
image-diff|tare image diff busybox kept:1
image-verify|tare image verify busybox kept:1
build|printf 'FROM busybox AS a\nRUN --network=none echo one >/one && chown 4:5 /one\nFROM busybox\nCOPY --from=a /one /two\nCOPY --chown=6 c /c\nCMD stat -c "%%u:%%g %%n" /two /c\n' >Dockerfile; tare build -q -t built . && tare run --rm built
build-cache|tare build -t built . 2>&1 | grep -c 'using the cache'
build-output|tare build -q -o out . && stat -c '%n' out/c out/two && cat out/two
rename|tare rename web www && tare ps --format '{{.Names}}'
kill-signal|tare kill -s USR1 www; sleep 1; tare ps -a --format '{{.Names}} {{.State}}'
stop|tare stop -t 0 www && tare ps -a --format '{{.Names}} {{.State}} {{.Status}}'
not-running|tare exec www true
start|tare start www && tare ps --format '{{.Names}}'
restart|tare restart -t 0 www && tare inspect -f '{{.RestartCount}} {{.State.Status}}' www
wait|tare run -d --name w busybox sh -c 'sleep 2; exit 7' >/dev/null; tare wait w; tare rm w
attach|tare run -d -i --name a busybox sh -c 'read x; echo got $x' >/dev/null; echo word | tare attach a; tare rm -f a
restart-policy|tare run -d --name again --restart on-failure:2 busybox false >/dev/null; until [ "$(tare inspect -f "{{.RestartCount}} {{.State.Status}}" again)" = "2 exited" ]; do sleep 0.2; done; tare inspect -f '{{.RestartCount}} {{.State.ExitCode}}' again; tare rm again
log-driver|tare run --name k8s --log-driver k8s-file busybox echo hi; tare logs k8s; tare rm k8s
log-none|tare run --name quiet --log-driver none busybox echo hi; tare logs quiet; tare rm quiet
shared-network|tare run --rm --network container:www busybox sh -c 'nc -w 2 127.0.0.1 80 </dev/null'
network-none|tare run --rm --network none busybox ip -o link | wc -l
network-host|tare run --rm --network host busybox sh -c 'ip -o link | grep -c .' >/dev/null; echo $?
dns|tare run --rm --dns 192.0.2.9 --add-host there:10.1.2.3 busybox sh -c 'cat /etc/resolv.conf; grep there /etc/hosts'
memory|tare run --rm --memory 64m busybox true
cpus|tare run --rm --cpus 0.5 busybox true
pids|tare run --rm --pids-limit 30 busybox true
pid-host|tare run --rm --pid host busybox true
device|tare run --rm --device /dev/null:/dev/nothing busybox sh -c 'echo x >/dev/nothing && ls -l /dev/nothing | cut -c1-10'
network-create|tare network create net && tare network rm net
network-ls|tare network ls --format '{{.Name}} {{.Driver}}'
names|tare run -d --name first --network-alias one busybox sleep 100 >/dev/null; tare rm -f first
events|tare events --since 1h --until 0s --filter container=www --format '{{.Type}} {{.Action}}' | grep -v '^network' | grep -v health | sort | uniq -c
system-df|tare system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
info|tare info --format '{{.Containers}} {{.Images}} {{.Driver}}'
system-check|tare system check
container-prune|tare create --name old busybox true >/dev/null; tare container prune -f | head -1
remove-running|tare rm www
remove|tare rm -f www && tare ps -aq | wc -l
volume-prune|tare volume prune -af | head -2
image-prune|tare image prune -af | grep -c .
system-prune|tare system prune -f | tail -1
images-left|tare images -q | wc -l
S
}

# What differs, and why. docs/security.md, "tare without root", has the same list.
differences() {
  cat <<'D'
run-root-user|the nodes in /dev are nobody's in there, and mqueue is root's
run-mounts|nobody but root makes device nodes: those in /dev are the host's, mounted
id-map|the ids are those that are set aside for him in /etc/subuid, one map for all of his containers
userns-range|ids of his choice are not his to give
bind-idmap|nobody but root maps a mount's ids
inspect|what the map is, the network's program, no cgroup and no usual limit of processes, no mapped ids of a volume
inspect-network|pasta gives no address of IPv6 here, and no hardware address that is known before
memory|a limit is a cgroup's, and here none is his
cpus|a limit is a cgroup's
pids|a limit is a cgroup's
update-memory|a limit is a cgroup's
pause|it is the cgroup that freezes
commit|without a cgroup it goes on meanwhile, and he is told
pid-host|without a cgroup nobody would find what it leaves running
update-port|the network's program takes its ports at its start
image-mount-command|the mount would be seen by tare alone
network-create|a network of tare's takes devices and rules of the host's
network-ls|as before
names|names are those of networks of tare's
D
}

# What is of this run alone.
normalised() {
  sed -E "s#$1#HOME#g; s#$2#STORE#g; s#$3#STATE#g
    s/[0-9a-f]{64}/ID/g; s/\b[0-9a-f]{12}\b/ID/g
    s/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+(Z| [+-][0-9]{4})?( UTC)?/TIME/g
    s/(Less than a second|About a minute|[0-9]+ (seconds?|minutes?)) ago/AGO/g; s/Up [A-Za-z0-9 ]+( \(|$)/Up AGO\1/
    s/\"(Pid|Started|Created|Finished)[A-Za-z]*\": [0-9]+/\"\1\": N/; s/took [0-9.]+ ?s/took N/"
}

# play WHO FOLDER: each command's output, streams one after the other, and its code, in FOLDER/NAME
play() {
  local who=$1 to=$2 name command home store state
  mkdir -p "$to"
  if [ "$who" = root ]; then home=$BATS_FILE_TMPDIR/home store=$TARE_ROOT state=$TARE_STATE; else home=$U/home/session store=$U/home/.local/share/tare state=$TARE_USER_STATE; fi
  mkdir -p "$home"
  cp "$(busybox_archive)" "$home/busybox.tar"
  [ "$who" = root ] || chown -R "$USER_ID:$USER_ID" "$home"
  while IFS='|' read -r name command; do
    {
      if [ "$who" = root ]; then (cd "$home" && HOME=$home PATH=$TARE_BIN:$PATH timeout 100 bash -c "$command"); else timeout 100 "$U/as" bash -c "cd session && $command"; fi
    } >"$to/$name.out" 2>"$to/$name.err" </dev/null 3>&- && echo 0 >"$to/$name.code" || echo $? >"$to/$name.code"
    { normalised "$home" "$store" "$state" <"$to/$name.out"; normalised "$home" "$store" "$state" <"$to/$name.err" | sed 's/^/stderr: /'; sed 's/^/exit code: /' "$to/$name.code"; } >"$to/$name"
    rm "$to/$name".{out,err,code}
  done < <(session)
}

@test "the same session as root and as an ordinary user, but for what is told to differ" {
  local name failed="" n=0 r=$BATS_TEST_TMPDIR/root u=$BATS_TEST_TMPDIR/user
  play root "$r"
  play user "$u"
  [ -z "${KEEP:-}" ] || cp -a "$r" "$u" "$KEEP"
  while IFS='|' read -r name _; do
    n=$((n + 1))
    if differences | grep -q "^$name|"; then
      ! cmp -s "$r/$name" "$u/$name" || { echo "$name does not differ"; failed=1; }
    else
      cmp -s "$r/$name" "$u/$name" || { echo "$name differs:"; diff "$r/$name" "$u/$name" | head -20; failed=1; }
    fi
  done < <(session)
  while IFS='|' read -r name _; do [ -e "$r/$name" ] || { echo "there is no $name in the session"; failed=1; }; done < <(differences)
  diff <(differences | awk -F'|' '{ print "| `" $1 "` | " $2 " |" }') <(grep '^| `' "$BATS_TEST_DIRNAME/../../docs/security.md" | sed -n '/^| `run-root-user`/,/^| `names`/p') || failed=1
  echo "# $n commands, $(differences | wc -l) differ" >&3
  differences | sed 's/^/#   /; s/|/: /' >&3
  [ -z "$failed" ] && [ $n -ge 60 ]
}
