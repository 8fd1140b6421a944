#!/usr/bin/env bats
# Real clients do the same work by Debian's dockerd and by tared, and see the same: docker's own client, python3-docker and docker-compose
# of Debian. Each part's transcript is compared line by line; where they differ is data: clients.differences.

load ../lib/common
load ../lib/docker
load ../lib/engines
load ../lib/engines-two

setup_file() {
  tare_setup_file
  export DOCKER_BUILDKIT=0
  two_engines_up
}
setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }
teardown() { [ -n "$NO_DOCKERD" ] || remove_containers; }
teardown_file() {
  two_engines_down
  tare_teardown_file
}

# What is done, as one reads it, and what came of it. WHO is peer_docker or tared_docker.
d() {
  local code=0
  echo "\$ docker $*"
  "$WHO" "$@" </dev/null 2>&1 || code=$?
  [ $code = 0 ] || echo "= $code"
}
# The host's side of a published port, or of what is in the engine's network.
host() { on_host "$WHO" "$@"; }
answers() { [ -n "$(host timeout 2 busybox nc -w 1 "$1" "$2" </dev/null 2>/dev/null)" ]; }
said() { "$WHO" inspect -f "$1" "$2"; }
is_said() { [ "$(said "$1" "$2")" = "$3" ]; }

part_life() {
  d run --rm busybox echo hello
  d run --rm -e A=1 -w /tmp -u 65534:100 -h box busybox sh -c 'echo $A $PWD $(id -u):$(id -g) $(hostname)'
  d run --rm busybox sh -c 'echo out; echo err >&2; exit 3' | sort # two pipes, no order
  echo 'through' | "$WHO" run --rm -i busybox tr a-z A-Z
  head -c 3000000 /dev/zero | "$WHO" run --rm -i busybox sh -c 'wc -c; head -c 2000000 /dev/zero' | wc -c
  d run --rm --name gone busybox no-such-command
  d run --rm --name gone busybox /etc
  d run --rm --read-only --tmpfs /tmp busybox sh -c 'touch /x || touch /tmp/x'
  d run --name ended busybox sh -c 'exit 7'
  d run --name ended busybox true
  d ps -a --format '{{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Ports}}'
  d start -a ended
  d wait ended
  d rm ended
  d run -d --name one --label k=v --stop-timeout 1 busybox sh -c 'trap "echo term; exit 5" TERM; echo first; echo other >&2; i=0; while :; do sleep 0.1; done'
  wait_until 5 has_logs one 2
  d logs one | sort # the same
  d logs --tail 0 one
  d exec one echo there
  d exec -e B=2 -w /etc -u nobody one sh -c 'echo $B $PWD; id -un; exit 4'
  d exec one no-such-command
  echo 'more' | "$WHO" exec -i one cat
  d exec -d one touch /made
  d exec one ls /made
  d top one -o pid,comm | sed -n '1,3s/^[0-9]* */N /p' | grep -v sleep
  d pause one
  d ps --filter status=paused --format '{{.Names}}'
  d exec one true
  d unpause one
  d rename one two
  d ps --filter label=k=v --format '{{.Names}} {{.Label "k"}}'
  d update --memory 50m --memory-swap 100m two
  d inspect -f '{{.Name}} {{.State.Status}} {{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{json .Config.Labels}} {{json .Config.Cmd}}' two
  d rm two
  d kill -s USR2 no-such
  d stop two
  d inspect -f '{{.State.Status}} {{.State.ExitCode}}' two
  d logs --tail 1 two
  d restart -t 0 two
  d inspect -f '{{.State.Running}} {{.RestartCount}}' two
  d diff two
  d stats --no-stream --format '{{.Name}} {{.MemPerc}}' two | sed 's/[0-9.]*%/PERCENT/'
  d kill two
  d wait two
  d rm -f two no-such
  d inspect two
  d ps -aq
}
has_logs() { [ "$("$WHO" logs "$1" 2>&1 | wc -l)" -ge "$2" ]; }

part_files() {
  mkdir -p "$W/$WHO.in/sub"
  echo one >"$W/$WHO.in/sub/file"; ln -sf sub/file "$W/$WHO.in/link"; chmod 640 "$W/$WHO.in/sub/file"
  d create --name files -v "$W/$WHO.in:/bound" busybox sh -c 'cat /tmp/in/sub/file; stat -c %a /tmp/in/sub/file; readlink /tmp/in/link; ls /bound; echo new >/tmp/in/new; rm /etc/group'
  "$WHO" cp "$W/$WHO.in" files:/tmp/in
  d start -a files
  d diff files | sort
  "$WHO" cp files:/tmp/in/new - | tar --numeric-owner -tv | sed 's/[0-9-]* [0-9:]* new/WHEN new/'
  "$WHO" cp files:/tmp/in/. "$W/$WHO.out"
  (cd "$W/$WHO.out" && find . | sort && cat new)
  tar -C "$W/$WHO.in" -c link | "$WHO" cp - files:/root
  "$WHO" export files | tar -t | grep -E '^(root/link|tmp/in/.*|bound/)$' | sort
  d cp files:/no/such "$W"
  d cp "$W/$WHO.in" files:/no/such/place
  d cp "$W/no-such" files:/
  d rm files
  d run --rm -v "$W/$WHO.made/by/run:/x" busybox touch /x/there
  find "$W/$WHO.made" | sed "s|$W/$WHO||" | sort
  d run --rm --mount "type=bind,src=$W/none,dst=/x" busybox true
}

part_images() {
  mkdir -p "$W/$WHO.build"
  printf 'hello\n' >"$W/$WHO.build/file"; printf 'x\n' >"$W/$WHO.build/not"; echo not >"$W/$WHO.build/.dockerignore"
  cat >"$W/$WHO.build/Dockerfile" <<'X'
FROM busybox AS first
ARG WHAT=nothing
COPY . /in/
RUN cat /in/file && ls /in && echo "$WHAT" >/made
FROM busybox
LABEL l=1
ENV A=1 B="two words"
COPY --from=first /made /made
RUN echo somebody:x:1000:1000::/:/bin/sh >>/etc/passwd
USER somebody
WORKDIR /home/somebody
EXPOSE 80/tcp
VOLUME /data
HEALTHCHECK --interval=1s CMD true
ENTRYPOINT ["cat"]
CMD ["/made"]
X
  d build -t made:1 --build-arg WHAT=something "$W/$WHO.build"
  d build -q -t made:2 --build-arg WHAT=something "$W/$WHO.build"
  d run --rm made:1
  d run --rm made:1 /etc/passwd
  d inspect -f '{{json .Config.Env}} {{json .Config.Cmd}} {{json .Config.Entrypoint}} {{json .Config.Volumes}} {{.Config.User}} {{.Config.WorkingDir}} {{json .Config.ExposedPorts}} {{json .Config.Healthcheck}} {{json .Config.Labels}}' made:1
  d history -q made:1 | wc -l
  d images --format '{{.Repository}}:{{.Tag}}' --filter reference='made*'
  printf 'FROM busybox\nRUN echo before; exit 9\n' >"$W/$WHO.build/Dockerfile.bad"
  d build -f "$W/$WHO.build/Dockerfile.bad" "$W/$WHO.build"
  printf 'FROM busybox\nFETCH x\n' >"$W/$WHO.build/Dockerfile.bad"
  d build -f "$W/$WHO.build/Dockerfile.bad" "$W/$WHO.build"
  printf 'FROM busybox\nRUN echo by stdin >/x\nCMD cat /x\n' | "$WHO" build -q -t by-stdin - >/dev/null
  d run --rm by-stdin
  d tag made:1 other/name:tag
  d save -o "$W/$WHO.saved.tar" made:1 other/name:tag
  d rmi made:1 other/name:tag | grep Untagged
  d load -i "$W/$WHO.saved.tar" | sort
  d run --rm other/name:tag
  d run --name changed busybox sh -c 'echo changed >/x'
  d commit -m why -a who --change 'CMD ["cat", "/x"]' --change 'ENV Z=1' changed committed:1
  d run --rm committed:1
  d inspect -f '{{.Comment}} {{.Author}} {{json .Config.Cmd}}' committed:1
  "$WHO" export changed | "$WHO" import --change 'CMD ["cat", "/x"]' - imported:1 >/dev/null
  d run --rm imported:1
  d rmi committed:1
  d run -d --name user imported:1 sleep 1000
  d rmi imported:1
  d rm -f user changed
  d rmi no-such
  d inspect no-such
  d run --rm --pull never no-such true
  d rmi -f made:1 made:2 other/name:tag by-stdin imported:1 | grep Untagged
  d images --format '{{.Repository}}' --filter dangling=false
}

part_networks() {
  d network create --subnet 10.201.7.0/24 --label l=1 front
  d network create --internal back
  d network create front
  d network ls --filter type=custom --format '{{.Name}} {{.Driver}} {{.Scope}} {{.Internal}}'
  d network inspect -f '{{.Name}} {{json .IPAM.Config}} {{json .Labels}}' front
  d run -d --name web --network front --network-alias www -p 18080:80 -p 127.0.0.1:18081:81/udp busybox sh -c 'echo from $HOSTNAME >/tmp/x; exec nc -ll -p 80 -e echo the web'
  wait_until 10 answers 127.0.0.1 18080
  host busybox nc -w 1 127.0.0.1 18080 </dev/null
  d port web | sort
  d port web 80
  d ps --filter name=web --format '{{.Names}} {{.Ports}}'
  d run --rm --network front busybox sh -c 'nc -w 2 web 80; nc -w 2 www 80; nslookup web | grep -c 10.201.7'
  d run --rm --network back busybox sh -c 'nc -w 2 web 80 || echo no web'
  d network connect --alias inner back web
  d run --rm --network back busybox nc -w 2 inner 80
  d network connect back web
  d inspect -f '{{range $k, $v := .NetworkSettings.Networks}}{{$k}} {{end}}' web
  d network rm back
  d network disconnect back web
  d run --rm --network back busybox sh -c 'nc -w 2 inner 80 || echo no inner'
  d run --rm --network container:web busybox nc -w 2 127.0.0.1 80
  d run --rm --link web:linked --network front busybox nc -w 2 linked 80
  d run --rm --network none busybox sh -c 'ls /sys/class/net'
  d run --rm --network front --ip 10.201.7.77 busybox sh -c 'ip -4 -o addr show eth0 | grep -o "inet [^ ]*"'
  d run --rm --network no-such busybox true
  d run -d --name second -p 18080:80 busybox sleep 100
  d rm -f second web
  d network rm front back no-such
}

part_volumes() {
  d volume create --label l=1 data
  d run --rm -v data:/d busybox sh -c 'echo kept >/d/file'
  d run --rm -v data:/d:ro busybox sh -c 'cat /d/file; touch /d/x'
  d volume ls --format '{{.Name}} {{.Driver}}'
  d volume inspect -f '{{.Name}} {{.Driver}} {{.Scope}} {{json .Labels}} {{json .Options}}' data
  d run -d --name holder -v data:/d -v named:/etc busybox sleep 1000
  d run --rm --volumes-from holder busybox cat /d/file /etc/group
  d inspect -f '{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.RW}}|{{end}}' holder | tr '|' '\n' | sort
  d volume rm data
  d rm -fv holder
  d run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m busybox sh -c 'df -k /t | tail -n 1 | awk "{print \$2}"'
  d volume create --driver no-such bad
  d volume rm data named no-such
}

part_policies() {
  d run -d --name sick --health-cmd 'test -e /well' --health-interval 200ms --health-retries 2 busybox sleep 1000
  d run -d --name again --restart on-failure:2 busybox sh -c 'echo try; exit 3'
  wait_until 20 is_said '{{.State.Health.Status}}' sick unhealthy
  d ps --filter health=unhealthy --format '{{.Names}} {{.Status}}'
  d exec sick touch /well
  wait_until 20 is_said '{{.State.Health.Status}}' sick healthy
  d inspect -f '{{.State.Health.FailingStreak}}' sick
  wait_until 20 is_said '{{.RestartCount}} {{.State.Status}}' again '2 exited'
  d logs again
  d inspect -f '{{.State.ExitCode}} {{.HostConfig.RestartPolicy.Name}}' again
  d update --restart no again
  d inspect -f '{{.HostConfig.RestartPolicy.Name}}' again
  d run -d --name always --restart always busybox sleep 1000
  "$WHO" exec always kill -9 1 || true
  "$WHO" kill -s KILL always >/dev/null
  d inspect -f '{{.HostConfig.RestartPolicy.Name}} {{.RestartCount}}' always
  d run -d --name limited --cpus 0.5 --memory 64m --pids-limit 20 --cap-drop ALL --security-opt no-new-privileges --ulimit nofile=200:200 busybox sleep 1000
  d exec limited sh -c 'ulimit -n; grep -E "CapEff|NoNewPrivs" /proc/self/status'
  d inspect -f '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.PidsLimit}} {{json .HostConfig.CapDrop}} {{json .HostConfig.Ulimits}}' limited
  d rm -f sick again always limited
}

part_prune() {
  local from
  "$WHO" image prune -f >/dev/null # of the builds
  from=$(date +%s.%N)
  d create --name idle --label p=1 busybox true
  d volume create vol
  d network create net
  d run --rm --name short busybox true
  d tag busybox extra:1
  d rmi extra:1
  d container prune -f --filter label=p=1
  d network prune -f
  d volume prune -f
  d image prune -f
  d system df --format '{{.Type}} {{.TotalCount}} {{.Active}}' | grep -v Build
  d info -f '{{.Containers}} {{.ContainersRunning}} {{.OSType}} {{.LoggingDriver}} {{.Swarm.LocalNodeState}}'
  d version -f '{{.Server.Os}} {{.Server.Arch}}'
  sleep 0.5
  echo "events:"
  "$WHO" events --since "$from" --until "$(date +%s.%N)" --format '{{.Type}} {{.Action}}' | sort -u
  d node ls
  d service ls
  d plugin ls
  d swarm leave
}

# python3-docker's scenario: see the file.
part_python() {
  DOCKER_HOST=unix://$(socket_of "$WHO") host timeout 60 /usr/bin/python3 "$BATS_TEST_DIRNAME/clients.py" "$W/$WHO.python"
}

# Three services that talk to each other by name; one is built, one says when it is well, one waits for that.
part_compose() {
  local dir=$W/$WHO.compose/project
  mkdir -p "$dir/web"
  printf 'FROM busybox\nARG WHAT\nRUN echo "$WHAT" >/what\nCMD nc -ll -p 80 -e cat /what\n' >"$dir/web/Dockerfile"
  cat >"$dir/docker-compose.yml" <<'X'
version: "2.4"
services:
  db:
    image: busybox
    command: sh -c 'sleep 0.5; echo rows >/data/table; exec nc -ll -p 5432 -e cat /data/table'
    volumes: ["data:/data"]
    healthcheck: { test: "test -e /data/table", interval: 200ms, retries: 50 }
    stop_grace_period: 0s
  web:
    build: { context: web, args: { WHAT: the page } }
    ports: ["18088:80"]
    environment: { DB: db }
    depends_on: { db: { condition: service_healthy } }
    labels: { role: front }
    stop_grace_period: 0s
  worker:
    image: busybox
    command: sh -c 'echo db says $$(nc -w 2 db 5432), web says $$(nc -w 2 web 80); exec sleep 1000'
    depends_on: [web]
    networks: { default: { aliases: [labourer] } }
    restart: always
    stop_grace_period: 0s
volumes: { data: {} }
X
  c up -d --quiet-pull 2>&1 | grep -E '^(Creating|Building|Successfully tagged)' | grep -v '\.\.\. done' | sort
  wait_until 10 answers 127.0.0.1 18088
  host busybox nc -w 1 127.0.0.1 18088 </dev/null
  wait_until 10 has_said worker
  c logs --no-color worker | grep says
  c ps -q | wc -l
  c exec -T web sh -c 'echo $DB; nc -w 2 labourer 1 2>/dev/null || echo no port'
  c exec -T db nslookup web | grep -c '^Name:.*web'
  d ps --filter label=com.docker.compose.project=project --format '{{.Names}} {{.Label "com.docker.compose.service"}} {{.Label "role"}}' | sort
  c up -d --scale worker=2 --no-recreate >/dev/null 2>&1
  c ps -q worker | wc -l
  c restart -t 0 web >/dev/null 2>&1
  wait_until 10 answers 127.0.0.1 18088
  c run --rm -T worker cat /etc/hostname 2>"$W/$WHO.run" | wc -l
  grep -vE '^(Creating|Starting)' "$W/$WHO.run"
  c stop -t 0 >/dev/null 2>&1
  d ps --filter label=com.docker.compose.project=project --format '{{.Names}}'
  c start 2>/dev/null | sort
  c config --services | sort
  c down -v --rmi local -t 0 2>&1 | sed 's/ *$//' | grep -E '^Removing' | grep -v '\.\.\. done' | sort
  d ps -a --filter label=com.docker.compose.project=project --format '{{.Names}}'
  d volume ls --filter name=project --format '{{.Name}}'
  d network ls --filter name=project --format '{{.Name}}'
}
c() { DOCKER_HOST=unix://$(socket_of "$WHO") host docker-compose --project-directory "$W/$WHO.compose/project" -f "$W/$WHO.compose/project/docker-compose.yml" "$@" </dev/null; }
has_said() { c logs --no-color "$1" 2>/dev/null | grep -q says; }

# Ids, times and folders are whoever's.
plain() {
  sed -E -e "s#$W/(peer|tared)_docker#FOLDER#g" -e "s#$W#TMP#g" -e 's/\b[0-9a-f]{64}\b/ID/g' -e 's/\b[0-9a-f]{12}\b/ID/g' \
    -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z/TIME/g' -e 's/(Up|Exited \([0-9]+\)) [A-Z]?[a-z0-9 ]+ ?(ago)?/\1 FOR /g' -e 's/[0-9.]+ ?[kMG]?B\b/SIZE/g' \
    -e 's/172\.[0-9]+\.[0-9]+\.[0-9]+/ADDRESS/g' -e 's/\r//g' \
    -e '/error waiting for container: context canceled/d' -e '/^( ---> Running in|Removing intermediate container)/d' # the client's own races, and containers of steps that run nothing
}

for_part() { # PART
  WHO=peer_docker "part_$1" 2>&1 | plain >"$W/said.docker.$1"
  WHO=tared_docker "part_$1" 2>&1 | plain >"$W/said.tare.$1"
  compare_said "$1" "$BATS_TEST_DIRNAME/clients.differences" 6
}

@test "life" { for_part life; }
@test "files" { for_part files; }
@test "images" { for_part images; }
@test "networks" { for_part networks; }
@test "volumes" { for_part volumes; }
@test "policies" { for_part policies; }
@test "prune" { for_part prune; }
@test "python3-docker" { for_part python; }
@test "docker-compose" { for_part compose; }
