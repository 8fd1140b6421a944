# tared for a test file, on the file's own store (tare_setup_file first): start_tared in setup_file, stop_tared in teardown_file.
#
#   api POST "/images/create?fromImage=$NAME" [curl's options…]: the answer's body; its status in $BATS_TEST_TMPDIR/status
# shellcheck shell=bash

start_tared() { # [OPTION...]
  export SOCKET=$BATS_FILE_TMPDIR/tared.sock
  "$TARE_BIN/tared" -H "unix://$SOCKET" --root "$TARE_ROOT" --state "$TARE_STATE" "$@" 2>"$BATS_FILE_TMPDIR/tared.log" 3>&- &
  export TARED_PID=$!
  wait_until 10 grep -q 'listening on' "$BATS_FILE_TMPDIR/tared.log"
}

stop_tared() {
  [ -n "${TARED_PID:-}" ] || return 0
  kill "$TARED_PID" 2>/dev/null || true
  wait "$TARED_PID" 2>/dev/null || true
}

api() { # METHOD PATH [CURL-OPTION...]
  curl -sS --globoff --max-time 60 --unix-socket "$SOCKET" -X "$1" -w '%{stderr}%{http_code}' "http://docker$2" "${@:3}" 2>"$BATS_TEST_TMPDIR/status"
}
# api_is STATUS METHOD PATH [CURL-OPTION...]: the same, which fails where the status is another.
api_is() {
  local want=$1
  shift
  api "$@"
  [ "$(cat "$BATS_TEST_TMPDIR/status")" = "$want" ] || { echo " status: $(cat "$BATS_TEST_TMPDIR/status"), want $want" >&2; return 1; }
}

# A body of which less comes than was said, and then the end of what the client sends. The whole answer.
api_cut() { # METHOD PATH FILE
  python3 - "$SOCKET" "$BATS_TEST_DIRNAME/../lib" "$@" <<'END'
import sys
sys.path.insert(0, sys.argv[2])
import http_raw
body = open(sys.argv[5], "rb").read()
head = f"{sys.argv[3]} {sys.argv[4]} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-tar\r\nContent-Length: {len(body) + 100000}\r\n\r\n"
sys.stdout.buffer.write(http_raw.raw(sys.argv[1], head.encode() + body, half_close=True))
END
}
# tar_members ARCHIVE FILE...: a tar without what ends it, which is one all the same: cut off between two members.
tar_members() { tar -b 1 -cf "$1" "${@:2}" && truncate -s -1024 "$1"; }

# Asks for PATH, and reads no more than the beginning until the file GO is there; how it went on: "whole" or "cut".
api_stalled() { # PATH GO
  python3 - "$SOCKET" "$BATS_TEST_DIRNAME/../lib" "$@" <<'END'
import os, sys
sys.path.insert(0, sys.argv[2])
import http_raw
s = http_raw.connect(sys.argv[1], 60)
s.sendall(f"GET {sys.argv[3]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
http_raw.until(s, b"\r\n\r\n")
http_raw.wait_for(lambda: os.path.exists(sys.argv[4]), 60)
print("whole" if http_raw.rest(s).endswith(b"\r\n0\r\n\r\n") else "cut")
END
}
# For how long a process at work for us waits for a client who reads nothing: seconds; 0: as long as it likes.
api_send_limit() {
  python3 - "$TARED_PID" "$BATS_TEST_DIRNAME/../lib" "$SOCKET" <<'END'
import ctypes, os, socket, struct, sys
sys.path.insert(0, sys.argv[2])
import http_raw
found = 0
def limits(pid):
    for fd in os.listdir(f"/proc/{pid}/fd"):
        got = ctypes.CDLL(None).syscall(438, os.pidfd_open(pid), int(fd), 0)  # pidfd_getfd
        if got >= 0 and os.readlink(f"/proc/self/fd/{got}").startswith("socket:"):
            with socket.socket(fileno=got) as s:
                yield struct.unpack("ll", s.getsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, 16))[0]
print(max([n for p in http_raw.children(int(sys.argv[1])) for n in limits(p)] + [0]))
END
}
