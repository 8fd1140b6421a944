"""What a case of tests/peers/corpus says, and the folder that it is built of.

A case is a text. What stands before its first section says what it is about; a section begins with "--- NAME":

  Dockerfile     what is built
  base           a Dockerfile that is built before, as image corpus/CASE-base
  reworded       the same in words that older builders understand: built by those that refuse the Dockerfile
  args           more arguments of the command line, one a line
  context        a shell script that makes what is missing in the standard context (make_context), run in it
  file PATH      a file of the context
  differ         where a peer differs, and why:
                   classic buildkit: /path mode is 0755
                   buildah: config.Cmd is ["/bin/sh","-c","x"]
                   buildkit: fails with unknown flag
                   buildah: builds                        (and tare does not)
                     Why that is so. The reason is indented, and is that of the rows above it.

Of a row the part before ":" names builders, the rest is what judge() of corpus.py prints of a difference. A path may have
wildcards, where many files differ alike, and so may a value.
"""
import fnmatch
import io
import os
import re
import subprocess
import tarfile

BUILDERS = ("classic", "buildkit", "buildah")
OLD = 981173106  # 2001-02-03 04:05:06 UTC: the age of whatever a context has and a case says nothing else of
SECTIONS = ("Dockerfile", "base", "reworded", "args", "context", "differ")


class Row:
    """One expected difference."""

    def __init__(self, builder, what, origin):
        self.builder, self.what, self.origin = builder, what, origin
        self.reason, self.used = "", False

    def fits(self, builder, what):
        if builder != self.builder:
            return False
        return what == self.what or fnmatch.fnmatchcase(what, self.what)


def parse_rows(lines, origin):
    """The rows of a section "differ"; a row without a reason is a mistake of the case."""
    rows, group, names = [], [], "|".join(BUILDERS + ("tare",))
    for line in lines:
        if not line.strip():
            continue
        if line[0].isspace():
            if not group:
                raise ValueError(f"{origin}: a reason before any row: {line}")
            for row in group:
                row.reason = f"{row.reason} {line.strip()}".strip()
            continue
        if group and group[0].reason:
            group = []
        m = re.match(rf"((?:{names})(?: (?:{names}))*): (.+)$", line)
        if not m:
            raise ValueError(f"{origin}: no row of differences: {line}")
        group += [Row(builder, m[2], origin) for builder in m[1].split()]
        rows += group[-len(m[1].split()):]
    if group and not group[0].reason:
        raise ValueError(f"{origin}: a difference without a reason: {group[-1].what}")
    return rows


class Case:
    """A case read from its file."""

    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".case")]
        with open(path, encoding="utf-8", newline="") as f:
            parts = re.split(r"^--- (.+)\n", f.read(), flags=re.M)
        self.about, self.sections, self.files = parts[0].strip(), {}, {}
        for name, text in zip(parts[1::2], parts[2::2]):
            if name.startswith("file "):
                self.files[name[len("file "):]] = text
            elif name in SECTIONS and name not in self.sections:
                self.sections[name] = text
            else:
                raise ValueError(f"{path}: a section of no known name, or twice: {name}")
        if not self.about or "Dockerfile" not in self.sections:
            raise ValueError(f"{path}: says not what it is about, or has no Dockerfile")
        self.args = self.sections.get("args", "").splitlines()
        self.rows = parse_rows(self.sections.get("differ", "").splitlines(), self.name)

    def context(self, folder, dockerfile):
        """Makes the context in a folder that is not there, with the text as its Dockerfile."""
        make_context(folder)
        for path, text in self.files.items():
            os.makedirs(os.path.dirname(os.path.join(folder, path)), exist_ok=True)
            with open(os.path.join(folder, path), "w", encoding="utf-8", newline="") as f:
                f.write(text)
        with open(os.path.join(folder, "Dockerfile"), "w", encoding="utf-8", newline="") as f:
            f.write(dockerfile)
        if "context" in self.sections:
            subprocess.run(["sh", "-euc", self.sections["context"]], cwd=folder, check=True)
        age(folder)


def load_cases(folder, only=""):
    """All cases whose names fit, in the order of their names."""
    names = sorted(n for n in os.listdir(folder) if n.endswith(".case") and re.search(only, n[:-len(".case")]))
    return [Case(os.path.join(folder, n)) for n in names]


def always(folder):
    """What holds for all cases: the rows of the file "always"."""
    with open(os.path.join(folder, "always"), encoding="utf-8") as f:
        return parse_rows([line for line in f.read().splitlines() if not line.startswith("#")], "always")


def write(path, data, mode=0o644):
    with open(path, "wb") as f:
        f.write(data.encode() if isinstance(data, str) else data)
    os.chmod(path, mode)


def make_context(folder):
    """The standard context: files, folders, links, modes, names and archives that most cases are content with."""
    for path, mode in (("", 0o755), ("dir", 0o755), ("dir/sub", 0o750), ("dir/sub/deep", 0o700), ("dir/empty", 0o711), ("doc", 0o755),
                       ("odd", 0o755), ("modes", 0o755), ("modes/setgid", 0o2775), ("modes/sticky", 0o1777)):
        os.mkdir(os.path.join(folder, path))
        os.chmod(os.path.join(folder, path), mode)
    for path, mode in (("a.txt", 0o644), ("b.txt", 0o644), ("dir/one", 0o644), ("dir/.hidden", 0o600), ("dir/sub/two", 0o640),
                       ("dir/sub/deep/three", 0o644), ("top.md", 0o644), ("doc/x.md", 0o644), ("doc/y.md", 0o644), ("doc/README.md", 0o644),
                       ("odd/sp ace", 0o644), ("odd/br[ack]et", 0o644), ("odd/st*r", 0o644), ("odd/gr\u00fcn", 0o644),
                       ("modes/setuid", 0o4755), ("modes/none", 0o000), ("modes/all", 0o777)):
        write(os.path.join(folder, path), os.path.basename(path) + "\n", mode)
    write(os.path.join(folder, "exec"), "#!/bin/sh\necho run $*\n", 0o755)
    for path, target in (("dir/link", "../a.txt"), ("dir/dangling", "nowhere"), ("dir/abs", "/etc/passwd"), ("to-dir", "dir"), ("to-file", "a.txt")):
        os.symlink(target, os.path.join(folder, path))
    os.chown(os.path.join(folder, "b.txt"), 1000, 1001)  # whose the context is does not matter
    make_archives(folder)


def make_archives(folder):
    """t.tar, and the same packed: owners, modes, links, a FIFO, times of its own."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as t:
        for name, kind, mode, link in (("in", tarfile.DIRTYPE, 0o750, ""), ("in/file", tarfile.REGTYPE, 0o640, ""), ("in/hard", tarfile.LNKTYPE, 0o640, "in/file"),
                                       ("in/soft", tarfile.SYMTYPE, 0o777, "file"), ("in/suid", tarfile.REGTYPE, 0o4711, ""), ("in/fifo", tarfile.FIFOTYPE, 0o600, ""),
                                       ("plain", tarfile.REGTYPE, 0o644, "")):
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.linkname, info.uid, info.gid, info.mtime = kind, mode, link, 3, 4, OLD + 1000
            text = name.encode() if kind == tarfile.REGTYPE else b""
            info.size = len(text)
            t.addfile(info, io.BytesIO(text))
    write(os.path.join(folder, "t.tar"), data.getvalue())
    for program, ending in (("gzip", "gz"), ("bzip2", "bz2"), ("xz", "xz")):
        packed = subprocess.run([program, *(["-n"] if program == "gzip" else []), "-c"], input=data.getvalue(), stdout=subprocess.PIPE, check=True)
        write(os.path.join(folder, f"t.tar.{ending}"), packed.stdout)


def age(folder):
    """Whatever is of today becomes OLD; what a case gave an age keeps it."""
    for top, folders, files in os.walk(folder, topdown=False):
        for path in [os.path.join(top, n) for n in folders + files] + [top]:
            if os.lstat(path).st_mtime > OLD + 10 * 366 * 86400:
                os.utime(path, (OLD, OLD), follow_symlinks=False)
