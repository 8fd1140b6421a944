# tared's units: systemd listens, starts it for who connects, and exchanges it under clients that are at it.
# shellcheck shell=sh
tare() { timeout 120 /usr/local/bin/tare "$@"; }
shown() { systemctl show -P "$2" "$1"; }
is() { [ "$1" = "$2" ] || fail "\"$1\" is not \"$2\""; }
within() { # SECONDS COMMAND...
  end=$(($(date +%s) + $1)); shift
  while ! "$@"; do [ "$(date +%s)" -lt $end ] || return 1; sleep 0.3; done
}
SOCKET=/run/tare/docker.sock

ask() { printf 'GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$1" | tare system dial-stdio; }
is_down() { [ "$(shown tared.service ActiveState)" = inactive ]; }
# it ends a minute after the last one; here time is dear
prepare() {
  mkdir -p /run/systemd/system/tared.service.d
  printf '[Service]\nExecStart=\nExecStart=/usr/local/bin/tared --host fd:// --idle-exit %s\n' "$1" >/run/systemd/system/tared.service.d/idle.conf
  systemctl daemon-reload
}

listens() {
  grep -q '^docker:' /etc/group || echo 'docker:x:997:' >>/etc/group
  chmod 700 /run/tare 2>/dev/null || true # as an older tare made it
  prepare 3s && systemctl start tared.socket && is "$(shown tared.socket ActiveState)" active && is_down || return 1
  is "$(stat -c '%a %g' $SOCKET)" "660 $(sed -n 's/^docker:[^:]*:\([0-9]*\):.*/\1/p' /etc/group)"
}
starts_for_a_client() {
  ask /_ping | tr -d '\r' | grep -x 'HTTP/1.1 200 OK' || { systemctl status tared.service; journalctl -q -n 20; return 1; }
  ask /containers/json | tail -n 1 | grep '^\[' || return 1
  is "$(stat -c %a /run/tare)" 711 # whoever is in the group gets to the socket
}
ends_when_idle() {
  within 60 is_down || fail "$(shown tared.service ActiveState)" || return 1
  is "$(shown tared.service Result)" success && is "$(shown tared.socket ActiveState)" active && ask /_ping | grep -q '200 OK'
}
exchanged() {
  prepare 10m && systemctl restart tared.service || { journalctl -q -n 20 -u tared; return 1; }
  before=$(shown tared.service MainPID)
  mkfifo /tmp/held; sleep 1000 >/tmp/held & held=$!
  # a client that is at it, with its input open
  { printf 'GET /events HTTP/1.1\r\nHost: x\r\n\r\n'; cat /tmp/held; } | tare system dial-stdio >/tmp/events & client=$!
  within 30 grep -q '200 OK' /tmp/events && systemctl restart tared.service || return 1
  [ "$(shown tared.service MainPID)" != "$before" ] || fail "it is the same process" || return 1
  tare volume create seen >/dev/null && within 30 grep -q '"seen"' /tmp/events || fail "$(cat /tmp/events)" || return 1
  ask /_ping | grep -q '200 OK' || return 1
  kill $held $client; tare volume rm seen; rm -f /tmp/held
}
ends() {
  systemctl stop tared.socket tared.service && is_down && [ ! -e $SOCKET ] && tare system dial-stdio </dev/null 2>&1 | grep 'systemctl start tared.socket'
}

check "tared.socket listens for root and the group docker" listens
check "tared starts when somebody connects" starts_for_a_client
check "it ends when nobody does, and starts again" ends_when_idle
check "a restart leaves clients that are at it to their process" exchanged
check "stopped: nobody listens" ends
rm -rf /run/systemd/system/tared.service.d
systemctl daemon-reload
