# The second boot, after `systemctl reboot`.
# shellcheck shell=sh disable=SC2154
. /tests/reboot/common

rb_started() { is "$(running)" "fails lives stopped-always talks was-paused web"; }
rb_stay() {
  is "$(tare ps -a --filter status=exited --format '{{.Names}}' | sort | lists)" "ends-well no-policy stopped" &&
    is "$(tare ps -a --filter status=created --format '{{.Names}}')" never-ran && ! tare inspect removed
}
# by a KILL of systemd's, which nobody records, they would be 255
rb_codes() { is "$(state ends-well State.ExitCode) $(state no-policy State.ExitCode) $(state stopped State.ExitCode)" "0 137 137"; }
rb_anew() { is "$(state was-paused State.Paused)" false && is "$(state fails RestartCount)" 0 && is "$(tare volume ls -q | sort | lists)" "data lives"; }
rb_user() {
  he_begins && is "$(he tare ps -a --format '{{.Names}} {{.State}}')" "his exited" && he tare start --all-enabled &&
    is "$(he tare ps --format '{{.Names}}')" his && within 10 his_lives "mine mine"
}
rb_more() { tare start no-policy ends-well && tare run -d --rm --name removed -v /anonymous busybox sleep 1000 && tare pause was-paused; }

began=$(date -d "$(systemctl show -P KernelTimestamp | cut -d' ' -f2,3)" +%s)
echo "# from systemctl reboot to the next start of the kernel: $((began - $(cat $told/went))) s"
show cat /tests/reboot/said # what the unit said, as the machine went down and after it
check "tare-restart has started what is to be" restarted
check "always, unless-stopped and on-failure, after a stop by hand always alone" rb_started
check "what stays as it was, and --rm" rb_stay
check "exit codes" rb_codes
check "one that was paused runs, restarts count anew, the volume of --rm is gone" rb_anew
check "address, port, name, health" serves
check "volume and log: a second life" lived 2
check "each line of a log that was written when the machine went down" talked 2
check "a user's container" rb_user
check "nothing leaked" nothing_leaked
show tare ps -a --format 'table {{.Names}}\t{{.Status}}\t{{.Ports}}'
show tare logs lives
check "more that runs when the power goes" rb_more
echo "# (the power goes: echo b >/proc/sysrq-trigger)"
