"""SIGKILL for processes of tare, one at random every few moments, of rare kinds rather than of those of which there are always many.

Of a monitor either half is killed, never both: the keeper only while its worker is up, the worker only while its keeper lives. Who is killed
while a container is started or taken over is alone at that, so such a container is noted: between that kill and the next command nobody
may have been there to see its end."""
import json
import os
import signal
import threading
import time

# How often a kind is chosen when there is one of it.
WEIGHT = {"keeper": 3, "worker": 4, "run": 6, "adopt": 4, "exec": 6, "rest": 6, "mounts": 8, "internal": 8, "netd": 1, "healer": 1, "command": 3}
UP_SECONDS = 0.3  # a half that was just started is left alone when the other has just been killed


def words_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def comm_of(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return ""


def in_net(pid, net):
    try:
        return os.readlink(f"/proc/{pid}/ns/net") == net
    except OSError:
        return False


def is_busy(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rsplit(") ", 1)[1][0] in "RD"
    except OSError:
        return False


def kind_of(comm, words):
    """Which kind of process of tare's, and the container's id where it is about one; None: not of tare."""
    first = words[1] if len(words) > 1 else ""
    if comm == "tare-healer":
        return "healer", None
    if comm == "tare-netd":
        return "netd", None
    if comm == "tare-monitor" or comm.startswith("tare-monitor"):
        return (first if first in WEIGHT else "run"), (words[2] if first in ("keeper", "worker") and len(words) > 2 else None)
    if comm == "tare":
        if "internal" in words:
            return "internal", None
        return "command", None
    return None, None


def processes(net=None):
    """[(pid, kind, id, words)] of what runs of tare in our network namespace: nobody else's is there."""
    net = net or os.readlink("/proc/self/ns/net")
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        comm = comm_of(name)
        if not comm.startswith("tare") or comm == "tare-init" or not in_net(name, net):
            continue
        words = words_of(name)
        if not words:
            continue  # a zombie
        kind, cid = kind_of(comm, words)
        if kind:
            found.append((int(name), kind, cid, words))
    return found


class Killer(threading.Thread):
    def __init__(self, rng, state, pause):
        super().__init__(daemon=True)
        self.rng, self.state, self.pause = rng, state, pause
        self.net = os.readlink("/proc/self/ns/net")
        self.stop_it = threading.Event()
        self.kills = {}          # kind: number
        self.log = []            # (time, kind, id, words)
        self.alone = {}          # id: when who was alone with it was killed
        self.killed_at = {}      # (kind, id): when
        self.ids = set()         # of containers there ever were
        self.spared = set()      # processes that are not killed
        self.lock = threading.Lock()

    def count(self, kind, cid=None, words=()):
        with self.lock:
            self.kills[kind] = self.kills.get(kind, 0) + 1
            self.log.append((time.time(), kind, cid, words))

    def state_of(self, cid):
        try:
            with open(f"{self.state}/{cid}/state.json", encoding="utf-8") as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    def recently(self, kind, cid):
        return time.monotonic() - self.killed_at.get((kind, cid), -1e9) < UP_SECONDS

    def may(self, one, all_of_it):
        pid, kind, cid, _ = one
        if kind == "worker":
            return any(k == "keeper" and c == cid for _, k, c, _ in all_of_it) and not self.recently("keeper", cid)
        if kind == "keeper":
            worker = [p for p, k, c, _ in all_of_it if k == "worker" and c == cid]
            return bool(worker) and self.state_of(cid).get("worker") in worker and not self.recently("worker", cid)
        return True

    def note_those_alone(self, kind):
        """The process itself does not say in its words which container it is about: of all that have no whole monitor now."""
        if kind in ("run", "adopt"):
            for cid in self.ids:
                s = self.state_of(cid)
                if s and (not s.get("keeper") or not s.get("worker")):
                    self.alone[cid] = time.time()

    def one_kill(self):
        there = processes(self.net)
        try:
            self.ids.update(n for n in os.listdir(self.state) if len(n) == 64)
        except OSError:
            pass
        there = [p for p in there if p[0] not in self.spared and self.may(p, there)]
        if not there:
            return
        kinds = sorted({p[1] for p in there})
        kind = self.rng.choices(kinds, [WEIGHT.get(k, 1) for k in kinds])[0]
        of_kind = [p for p in there if p[1] == kind]
        busy = [p for p in of_kind if is_busy(p[0])] # amid something, rather than waiting for it
        pid, kind, cid, words = self.rng.choice(busy or of_kind)
        self.note_those_alone(kind)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.killed_at[(kind, cid)] = time.monotonic()
        self.count(kind + (" " + words[words.index("internal") + 1] if kind == "internal" else ""), cid, words)

    def run(self):
        while not self.stop_it.wait(self.rng.uniform(0, 2 * self.pause)):
            self.one_kill()
