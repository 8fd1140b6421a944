#!/bin/bash
# Pushing the image of bench/pull.sh, which all have pulled, to Debian's docker-registry on loopback, which is empty again before each
# round. Processor time is that of all who take part but the registry: of docker also its daemon's. Docker and podman do not keep the
# packed layers: they pack again what a registry does not have.
. bench/lib.bash
. bench/registry.bash
image=$BIG_IMAGE
start_registry
make_big_image
start_dockerd
for pull in "$TARE pull -q" "/usr/bin/docker pull -q" "$PODMAN pull -q --tls-verify=false"; do $pull "$image" >/dev/null; done
for peer in tare docker podman; do PREPARE[$peer]="rm -rf $BENCH_WORK/registry"; done
results=$(rounds "${BENCH_PUSH_ROUNDS:-5}" \
  tare "$TARE push -q $image" \
  docker "/usr/bin/docker push -q $image" \
  podman "$PODMAN push -q --tls-verify=false $image")
daemon=$(docker_daemon_cpu_ms /usr/bin/docker push -q "$image")
jq -n --argjson v "$(versions)" --argjson r "$results" --argjson daemon "$daemon" --argjson packed "$BIG_BYTES" \
  '($r | .docker.cpu_ms += $daemon) as $r | {name: "push", what: "push of an image of five layers, \($packed) bytes packed, to an empty docker-registry on loopback",
   versions: $v, results: $r,
   ratios: {docker_over_tare: ($r.docker.median_ms / $r.tare.median_ms), podman_over_tare: ($r.podman.median_ms / $r.tare.median_ms),
            tare_cpu_of_docker: ($r.tare.cpu_ms / $r.docker.cpu_ms), tare_cpu_of_podman: ($r.tare.cpu_ms / $r.podman.cpu_ms)},
   target: "docker / tare >= 2"}'
