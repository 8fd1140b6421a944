#!/usr/bin/env bats
# docker's client and docker-compose (the first one, which leaves a network and joins it again before each start) make, join and remove networks and volumes.
load ../lib/common
load ../lib/tared

setup_file() {
  command -v docker >/dev/null || skip "docker is not here"
  tare_setup_file
  load_busybox
  start_tared
  export DOCKER_HOST=unix://$SOCKET DOCKER_CONFIG=$BATS_FILE_TMPDIR
}
teardown_file() {
  local all
  all=$(tare ps -aq)
  # shellcheck disable=SC2086
  [ -z "$all" ] || tare rm -f $all >/dev/null
  tare network prune -f >/dev/null
  stop_tared
  tare_teardown_file
}

@test "docker network and volume" {
  run -0 docker network create --subnet 10.77.0.0/24 --gateway 10.77.0.9 --label a=b -o com.docker.network.driver.mtu=1400 net
  [ "$(docker network inspect -f '{{.Name}} {{.Driver}} {{.Labels.a}} {{(index .IPAM.Config 0).Gateway}}' net)" = 'net bridge b 10.77.0.9' ]
  run -1 docker network create net
  [[ "$output" == *"Error response from daemon: network with name net already exists"* ]]
  docker run -d --name web --network net --network-alias www busybox sleep 1000
  docker run --rm --network net busybox ping -c 1 -w 5 www
  docker network create other
  docker network connect --ip 10.77.0.50 --alias second net "$(docker create --name more --network other busybox sleep 1000)"
  docker start more
  docker exec web ping -c 1 -w 5 second | grep -F "PING second (10.77.0.50)"
  docker network disconnect net more
  run -1 docker exec web ping -c 1 -w 1 second
  run -1 docker network rm net
  run -1 docker network rm bridge
  [[ "$output" == *"bridge is a pre-defined network and cannot be removed"* ]]
  docker volume create --label x=y vol
  docker run --rm -v vol:/v busybox sh -c 'echo kept >/v/f'
  [ "$(docker run --rm -v vol:/v:ro busybox cat /v/f)" = kept ]
  docker rm -f web more
  run -0 docker network prune -f
  [[ "$output" == *net*other* ]]
  docker volume rm vol
  run -1 docker volume rm vol
  [[ "$output" == *"o such volume"* ]]
}

@test "docker-compose up, exec, down" {
  command -v docker-compose >/dev/null || skip "docker-compose is not here"
  mkdir "$BATS_TEST_TMPDIR/project"
  cd "$BATS_TEST_TMPDIR/project"
  cat >docker-compose.yml <<'END'
version: "2.4"
services:
  web:
    image: busybox
    command: sleep 1000
    volumes: ["data:/data"]
    networks: {front: {aliases: [w]}, back: {ipv4_address: 10.78.0.40}}
    depends_on: [db]
  db:
    image: busybox
    command: sleep 1000
    networks: [back]
networks:
  front: {driver_opts: {com.docker.network.driver.mtu: "1400"}}
  back: {internal: true, ipam: {config: [{subnet: 10.78.0.0/24, gateway: 10.78.0.1}]}}
volumes: {data: {labels: {k: v}}}
END
  docker-compose up -d
  [ "$(tare inspect -f '{{(index .NetworkSettings.Networks "project_back").IPAddress}}' project_web_1)" = 10.78.0.40 ]
  docker-compose exec -T db ping -c 1 -w 5 web | grep -F "PING web (10.78.0.40)"
  docker-compose exec -T web ping -c 1 -w 5 db
  run -0 docker-compose up -d
  [[ "$output" == *"up-to-date"* ]]
  docker-compose down -v -t 0
  [ -z "$(tare ps -aq)$(tare network ls -q --filter type=custom --filter driver=bridge)$(tare volume ls -q)" ]
}
