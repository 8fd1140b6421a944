"""What is done to the containers meanwhile: commands of tare, several at once, of which some are killed at a moment chosen at random."""
import os
import re
import signal
import subprocess
import threading
import time

from cast import IMAGE, Actor

HUNG_SECONDS = 90
# A command may well fail here: what it is about is taken away beside it, and so is who should do it. What it may never say:
NEVER = re.compile(r"database is locked|malformed|constraint failed|internal error|assert|Segmentation|UNIQUE|FOREIGN KEY", re.I)


class Outcome:
    def __init__(self, words, code, out, err, seconds):
        self.words, self.code, self.out, self.err, self.seconds = words, code, out, err, seconds
        self.killed = code == -signal.SIGKILL


class Stage:
    """The slots with their containers, and what has been seen of commands."""

    def __init__(self, tare, truth, killer, slots):
        self.tare, self.truth, self.killer = tare, truth, killer
        self.lock = threading.Lock()
        self.actors = [None] * slots     # the present one of each slot
        self.all = {}                    # name: Actor, of all there were
        self.removed = set()             # names whose rm was asked for
        self.counts, self.killed, self.failed, self.said = {}, {}, {}, {}
        self.violations = []
        self.waited = []                 # (name, code) that `wait` and `run` in front told
        self.followed = []               # (name, text) of `logs -f` that ended by themselves or were killed
        self.stop_it = threading.Event()

    def violation(self, text):
        with self.lock:
            self.violations.append(f"{time.strftime('%H:%M:%S')} {text}")

    def note(self, verb, outcome):
        with self.lock:
            self.counts[verb] = self.counts.get(verb, 0) + 1
            if outcome.killed:
                self.killed[verb] = self.killed.get(verb, 0) + 1
            elif outcome.code:
                self.failed[verb] = self.failed.get(verb, 0) + 1
                for line in outcome.err.splitlines():
                    line = re.sub(r"s\d{3}-\d+|[0-9a-f]{12,64}|\d+", "N", line)
                    self.said[line] = self.said.get(line, 0) + 1

    def run(self, *words, kill_after=None, patience=HUNG_SECONDS, data=None, expected=False):
        """One command; kill_after: seconds until it is killed, if it still runs. patience: until that is a violation, or as expected."""
        start = time.monotonic()
        p = subprocess.Popen([self.tare, *words], stdin=subprocess.PIPE if data is not None else subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        # an end of the output may stay open with what the command started: readers of our own, which are left behind then
        texts = ["", ""]
        readers = [threading.Thread(target=self.read, args=(f, texts, i), daemon=True) for i, f in enumerate((p.stdout, p.stderr))]
        for r in readers:
            r.start()
        if data is not None:
            threading.Thread(target=self.feed, args=(p, data), daemon=True).start()
        try:
            p.wait(kill_after if kill_after is not None else patience)
        except subprocess.TimeoutExpired:
            if kill_after is None and not expected:
                self.violation(f"hung for {patience} s: {' '.join(words)}")
            p.kill()
            self.killer.count("command " + words[0], None, words)
            p.wait()
        for r in readers:
            r.join(5)
        o = Outcome(words, p.returncode, texts[0], texts[1], time.monotonic() - start)
        self.note(words[0], o)
        self.vacate(re.search(r"no such container: (s(\d{3})-\d+)", o.err))
        if NEVER.search(o.err):
            self.violation(f"{' '.join(words)[:200]}: {o.err.strip()[:300]}")
        if o.code < 0 and not o.killed:
            self.violation(f"{' '.join(words)[:200]}: ended by signal {-o.code}")
        return o

    def vacate(self, missing):
        """One whose making was killed, or that went with its end: another takes its place."""
        if missing:
            slot = int(missing[2])
            with self.lock:
                a = self.actors[slot]
                if a and a.name == missing[1] and a.made:
                    self.actors[slot] = None

    @staticmethod
    def read(f, texts, i):
        with f:
            for line in f:
                texts[i] += line

    @staticmethod
    def feed(p, data):
        try:
            p.stdin.write(data)
            p.stdin.close()
        except OSError:
            pass


class Hand(threading.Thread):
    """One who does one thing after the other."""

    def __init__(self, rng, stage, slots, end):
        super().__init__(daemon=True)
        self.rng, self.stage, self.slots, self.end = rng, stage, slots, end
        self.table = [(getattr(self, "do_" + n), w) for n, w in (
            ("stop", 5), ("restart", 4), ("start", 8), ("kill", 5), ("term", 3), ("rm", 6), ("exec", 10), ("long_exec", 3), ("logs", 4),
            ("follow", 4), ("cp_in", 4), ("cp_out", 4), ("pause", 3), ("update", 8), ("connect", 5), ("volume", 5), ("wait", 4),
            ("look", 6), ("attach", 2), ("prune", 1))]

    def mortal(self):
        """Seconds after which the command is killed, or None."""
        if self.rng.random() > 0.4:
            return None
        return self.rng.choice((self.rng.uniform(0, 0.02), self.rng.uniform(0, 0.1), self.rng.uniform(0, 0.5)))

    def run(self):
        while not self.stage.stop_it.is_set() and time.monotonic() < self.end:
            slot = self.rng.choice(self.slots)
            if self.stage.actors[slot] is None:
                self.make(slot)
                continue
            actor = self.stage.actors[slot]
            does = self.rng.choices([d for d, _ in self.table], [w for _, w in self.table])[0]
            if actor:
                does(actor)
            time.sleep(self.rng.uniform(0, 0.1))

    # ---- one container more ----

    def make(self, slot, sure=False):
        st = self.stage
        with st.lock:
            if st.actors[slot] is not None:
                return
            number = sum(1 for n in st.all if n.startswith(f"s{slot:03}-"))
            actor = Actor(self.rng, slot, number, st.truth)
            st.actors[slot] = st.all[actor.name] = actor
        kill = None if sure else self.mortal()
        if actor.front:
            threading.Thread(target=self.front, args=(actor,), daemon=True).start()
        elif self.rng.random() < 0.2 and not sure:
            st.run("create", *actor.options, IMAGE, *actor.command, kill_after=kill)
            st.run("start", actor.name, kill_after=self.mortal())
        else:
            st.run("run", "-d", *actor.options, IMAGE, *actor.command, kill_after=kill)
        actor.made = not actor.front

    def front(self, actor):
        """What its command prints is seen here, whoever of its monitor dies; and so is its end."""
        o = self.stage.run("run", *actor.options, IMAGE, *actor.command, kill_after=None if self.rng.random() < 0.7 else self.rng.uniform(0, 5))
        if not o.killed and o.code not in (125,):
            with self.stage.lock:
                self.stage.waited.append((actor.name, o.code, "run"))
        with self.stage.lock:
            if self.stage.actors[actor.slot] is actor:
                self.stage.actors[actor.slot] = None

    # ---- things to do ----

    def do_stop(self, a):
        self.stage.run("stop", "-t", "3", a.name, kill_after=self.mortal())

    def do_restart(self, a):
        self.stage.run("restart", "-t", "1", a.name, kill_after=self.mortal())

    def do_start(self, a):
        self.stage.run("start", a.name, kill_after=self.mortal())

    def do_kill(self, a):
        self.stage.run("kill", a.name, kill_after=self.mortal())

    def do_term(self, a):
        self.stage.run("kill", "-s", "TERM", a.name, kill_after=self.mortal())

    def do_rm(self, a):
        st = self.stage
        with st.lock:
            st.removed.add(a.name)
        st.run("rm", "-f", *(["-v"] if self.rng.random() < 0.3 else []), a.name, kill_after=self.mortal())
        if not a.front:
            with st.lock:
                if st.actors[a.slot] is a:
                    st.actors[a.slot] = None

    def do_exec(self, a):
        code = self.rng.randint(30, 100) # not one of tare's own
        o = self.stage.run("exec", a.name, "sh", "-c", f"echo said; exit {code}", kill_after=self.mortal())
        if o.code == code and o.out != "said\n":
            self.stage.violation(f"exec in {a.name} gave {code} and said {o.out!r}")

    def do_long_exec(self, a):
        self.stage.run("exec", a.name, "sh", "-c", "sleep 1; exit 3", kill_after=self.mortal())

    def do_logs(self, a):
        self.stage.run("logs", *self.rng.choice(([], ["-n", "5"], ["-t"], ["--since", "2s"])), a.name, kill_after=self.mortal())

    def do_follow(self, a):
        o = self.stage.run("logs", "-f", a.name, kill_after=self.rng.uniform(0, 3))
        with self.stage.lock:
            self.stage.followed.append((a.name, o.out, o.err))

    def do_cp_in(self, a):
        self.stage.run("cp", "/etc/services", a.name + ":/tmp/services", kill_after=self.mortal())

    def do_cp_out(self, a):
        self.stage.run("cp", a.name + ":/bin/busybox", "-", kill_after=0.02 + (self.mortal() or 1))

    def do_pause(self, a):
        self.stage.run("pause", a.name, kill_after=self.mortal())
        time.sleep(0.2)
        self.stage.run("unpause", a.name)

    def do_update(self, a):
        port = 30000 + a.slot
        what = self.rng.choice((["--publish-add", f"{port}:81"], ["--publish-rm", str(port)], ["-m", "128m"], ["--pids-limit", "100"],
                                ["--restart", "on-failure:2"], ["--mount-add", "type=tmpfs,target=/more"], ["--mount-rm", "/more"],
                                ["--mount-add", "type=volume,source=hv1,target=/more"]))
        self.stage.run("update", *what, a.name, kill_after=self.mortal())

    def do_connect(self, a):
        self.stage.run("network", self.rng.choice(("connect", "disconnect")), self.rng.choice(("hn1", "hn2")), a.name, kill_after=self.mortal())

    def do_volume(self, a):
        name = f"hx{self.rng.randint(0, 9)}"
        if self.rng.random() < 0.5:
            self.stage.run("volume", "create", name, kill_after=self.mortal())
        else:
            self.stage.run("volume", "rm", name, kill_after=self.mortal())

    def do_wait(self, a):
        o = self.stage.run("wait", a.name, kill_after=self.rng.uniform(0, 4))
        if not o.killed and o.code == 0:
            with self.stage.lock:
                self.stage.waited.append((a.name, int(o.out), "wait"))

    def do_attach(self, a):
        self.stage.run("attach", "--no-stdin", a.name, kill_after=self.rng.uniform(0, 2))

    def do_look(self, a):
        what = self.rng.choice((["ps", "-a"], ["inspect", a.name], ["top", a.name], ["stats", "--no-stream"], ["diff", a.name], ["ps", "-as"],
                                ["port", a.name], ["network", "inspect", "hn1"], ["events", "--since", "5s", "--until", "0s"], ["volume", "ls"]))
        self.stage.run(*what, kill_after=self.mortal())

    def do_prune(self, a):
        self.stage.run(*self.rng.choice((["volume", "prune", "-f"], ["system", "gc"], ["image", "prune", "-f"])), kill_after=self.mortal())
