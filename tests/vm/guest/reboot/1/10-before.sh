# The first boot: containers of every policy, and what they have.
# shellcheck shell=sh
. /tests/reboot/common

rb_enables() { is "$(systemctl is-active tare-restart)" inactive && systemctl enable tare-restart && systemctl start tare-restart && restarted; }
rb_makes() {
  tare load -i /tests/busybox.tar && tare network create --subnet 10.9.0.0/24 app && tare volume create data || return 1
  trap_term='trap "exit 0" TERM; while :; do sleep 0.2; done'
  tare run -d --name web --restart always --stop-timeout 1 --network app --ip 10.9.0.10 -p 8080:80 -v data:/data --health-cmd 'test -e /data/served' \
    --health-interval 1s busybox sh -c 'touch /data/served; ip -4 -o addr show eth0 | sed "s|.*inet \([0-9.]*\)/.*|served from \1|" >/page; exec nc -ll -p 80 -e cat /page' &&
    tare run -d --name lives --restart unless-stopped -v lives:/v busybox sh -c "n=\$((\$(cat /v/n 2>/dev/null) + 1)); echo \$n >/v/n; echo life \$n; $trap_term" &&
    tare run -d --name talks --restart always --log-opt max-size=100m busybox sh -c 'trap "exit 0" TERM; i=0; while :; do i=$((i+1)); echo word $i; [ $((i % 50)) != 0 ] || sleep 0.1; done' &&
    tare run -d --name fails --restart on-failure:3 --stop-timeout 1 busybox sleep 1000 &&
    tare run -d --name ends-well --restart on-failure busybox sh -c "$trap_term" &&
    tare run -d --name no-policy --stop-timeout 1 busybox sleep 1000 &&
    tare run -d --name stopped --restart unless-stopped --stop-timeout 0 busybox sleep 1000 &&
    tare run -d --name stopped-always --restart always --stop-timeout 0 busybox sleep 1000 &&
    tare run -d --name was-paused --restart always --stop-timeout 0 busybox sleep 1000 &&
    tare run -d --rm --name removed --stop-timeout 1 -v /anonymous busybox sleep 1000 &&
    tare create --name never-ran --restart always busybox sleep 1000 &&
    tare stop stopped stopped-always && tare pause was-paused
}
rb_user() {
  he_begins && mkdir -p /home/user && chown 1000:1000 /home/user && he tare load -i /tests/busybox.tar &&
    he tare run -d --name his --restart always --network none --stop-timeout 0 busybox sh -c 'echo mine; exec sleep 1000' && is "$(he tare ps --format '{{.Names}}')" his
}
# as his unit does it, where he has one
rb_user_stops() { he tare stop --for-shutdown && is "$(he tare ps -q)" ""; }
rb_runs() { is "$(running)" "ends-well fails lives no-policy removed talks was-paused web"; }

check "systemctl enable tare-restart" rb_enables
check "containers of every policy" rb_makes
check "a user's container" rb_user
check "they run" rb_runs
check "address, port, name, health" serves
check "a first life" lived 1
check "nothing but theirs" nothing_leaked
show tare ps -a --format 'table {{.Names}}\t{{.Status}}\t{{.Ports}}'
check "the user's are stopped as he goes" rb_user_stops
echo "# \$ systemctl reboot"
