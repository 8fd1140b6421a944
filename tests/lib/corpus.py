#!/usr/bin/env python3
"""corpus.py build|judge|unused|list CASES WORK [NAME]: Dockerfiles by tare, docker (classic and BuildKit) and buildah.

build    builds every case of the folder CASES whose name fits the regular expression $CORPUS with all of them and leaves what
         came of it in WORK/results, and in WORK/verdicts/NAME what judge says
judge    compares what came of one case; prints each difference that the case does not expect, and each that it
         expects and that is none, as rows for its section "differ" (corpus_case.py); exits 1 when there is any
unused   the same for the rows that hold for all cases, when all have been judged
list     the names

Environment: CORPUS, BUILDERS (those alone, the others' results stay); TARE_BIN, TARE_ROOT; DOCKER, BUILDAH: the peers' command lines; DOCKER_STORE, BUILDAH_STORE: where they keep things.
"""
import concurrent.futures
import json
import os
import shlex
import subprocess
import sys
import time

import corpus_case
import corpus_image

BASE = "docker.io/corpus/"


def commands(builder, tag, args, folder):
    """(argv, environment) of a build of the folder. It has its whole name: BuildKit takes what two clients call "." for one folder,
    and files of the same size and time for the same."""
    docker, buildah = (shlex.split(os.environ.get(n, "")) for n in ("DOCKER", "BUILDAH"))
    tare = [os.environ["TARE_BIN"] + "/tare"]
    argv = {"tare": tare + ["build", "--progress", "plain", "--network", "none"],
            "classic": docker + ["build", "--network", "none"],
            "buildkit": docker + ["build", "--network", "none", "--progress", "plain"],
            "buildah": buildah + ["bud", "--isolation", "chroot", "--format", "docker", "--pull-never"]}[builder]
    return argv + ["-t", tag] + args + [folder], dict(os.environ, DOCKER_BUILDKIT="1" if builder == "buildkit" else "0")


def run_build(builder, tag, args, folder):
    """(worked, what was said, the image's id)"""
    iid = f"{folder}.{builder}.iid"
    argv, env = commands(builder, tag, ["--iidfile", iid] + args, folder)
    said = subprocess.run(argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=200, check=False)
    text = said.stdout.decode("utf-8", "replace")
    if said.returncode:
        return False, text, ""
    with open(iid, encoding="ascii") as f:
        return True, text, f.read().strip().removeprefix("sha256:")


def build_one(case, builder, work):
    """One case by one builder: {"failed": text, "config": …, "tree": …}, without the latter two when there is no image."""
    folder, out = f"{work}/contexts/{case.name}", {}
    if "base" in case.sections:
        worked, text, _ = run_build(builder, f"{BASE}{case.name}-base", [], f"{folder}.base")
        if not worked:
            return {"failed": "its base: " + text}
    worked, text, image = run_build(builder, f"{BASE}{case.name}", case.args, folder)
    if not worked:
        out["failed"] = text
        if "reworded" not in case.sections or builder == "tare":
            return out
        worked, text, image = run_build(builder, f"{BASE}{case.name}", case.args, f"{folder}.reworded")
        if not worked:
            return {"failed": "reworded: " + text}
    read, store = {"tare": (corpus_image.of_tare, "TARE_ROOT"), "buildah": (corpus_image.of_buildah, "BUILDAH_STORE")}.get(
        builder, (corpus_image.of_docker, "DOCKER_STORE"))
    config, layers = read(os.environ[store], image)
    return dict(out, config=corpus_image.config_of(config), tree=corpus_image.tree_of(layers))


def build_all(cases, work):
    os.makedirs(f"{work}/results", exist_ok=True)
    os.makedirs(f"{work}/contexts", exist_ok=True)

    def by(builder, mine):
        began = time.time()
        for case in mine:
            try:
                result = build_one(case, builder, work)
            except (OSError, ValueError, KeyError, StopIteration, subprocess.SubprocessError) as why:
                result = {"broken": repr(why)}
            with open(f"{work}/results/{case.name}.{builder}", "w", encoding="utf-8") as f:
                json.dump(result, f)
        print(f"{builder}: {len(mine)} cases, {time.time() - began:.1f} s")

    for case in cases:
        for ending, section in (("", "Dockerfile"), (".base", "base"), (".reworded", "reworded")):
            if section in case.sections:
                case.context(f"{work}/contexts/{case.name}{ending}", case.sections[section])
    with concurrent.futures.ThreadPoolExecutor() as pool:
        done = [pool.submit(by, b, cases[i::2]) for b in os.environ.get("BUILDERS", "classic buildkit buildah tare").split() for i in range(2)]
        for d in done:
            d.result()


def judge_all(cases, general, work):
    os.makedirs(f"{work}/verdicts", exist_ok=True)
    for case in cases:
        with open(f"{work}/verdicts/{case.name}", "w", encoding="utf-8") as f:
            f.writelines(line + "\n" for line in judge(case, general, work))


def last_line(text):
    return ([line.strip() for line in text.splitlines() if line.strip()] or [""])[-1]


def differences(ours, theirs):
    """Of a peer's image to tare's, in the words of the rows."""
    out = []
    for name in sorted(set(ours["config"]) | set(theirs["config"])):
        mine, other = ours["config"].get(name), theirs["config"].get(name, "missing")
        if mine != other and (mine or other != "missing"):
            out.append((f"config.{name} is {other}", f"{mine}"))
    for path in sorted(set(ours["tree"]) | set(theirs["tree"])):
        mine, other = ours["tree"].get(path), theirs["tree"].get(path)
        if mine is None or other is None:
            out.append((f"{path} is {'there' if other else 'missing'}", ""))
            continue
        for field in sorted(set(mine) | set(other)):
            if mine.get(field) != other.get(field):
                out.append((f"{path} {field} is {other.get(field, 'missing')}", mine.get(field, "missing")))
    return out


def judge_builder(case, builder, results, expected):
    """The unexpected; expected rows that fit are marked."""
    ours, theirs, out = results["tare"], results[builder], []
    found = []
    if "failed" in theirs:
        # what is said at a failure may be long: a row has a part of it
        rows = [r for r in expected if r.builder == builder and r.what.startswith("fails with ") and r.what[len("fails with "):] in theirs["failed"]]
        for row in rows:
            row.used = True
        if not rows:
            out.append(f"{builder}: fails with {last_line(theirs['failed'])}")
    if "tree" in ours and "tree" in theirs:
        found = differences(ours, theirs)
    elif "failed" in ours and "failed" not in theirs:
        found = [("builds", "")]
    for what, mine in found:
        rows = [r for r in expected if r.fits(builder, what)]
        for row in rows:
            row.used = True
        if not rows:
            out.append(f"{builder}: {what}" + (f"\n  tare: {mine}" if mine else ""))
    return out


def judge(case, general, work):
    results, out = {}, []
    for builder in corpus_case.BUILDERS + ("tare",):
        with open(f"{work}/results/{case.name}.{builder}", encoding="utf-8") as f:
            results[builder] = json.load(f)
        if "broken" in results[builder]:
            out.append(f"{builder}: {results[builder]['broken']}")
    if out:
        return out
    if "failed" in results["tare"]:
        rows = [r for r in case.rows if r.builder == "tare" and r.what.startswith("fails with ") and r.what[len("fails with "):] in results["tare"]["failed"]]
        for row in rows:
            row.used = True
        if not rows:
            out.append(f"tare: fails with {last_line(results['tare']['failed'])}")
    for builder in corpus_case.BUILDERS:
        out += judge_builder(case, builder, results, case.rows + general)
    out += [f"{r.builder}: expected, but is not so: {r.what}" for r in case.rows if not r.used]
    with open(f"{work}/used", "a", encoding="utf-8") as f:
        f.writelines(f"{r.builder}: {r.what}\n" for r in general if r.used)
    return out


def main(argv):
    verb, folder, work = argv[1], argv[2], argv[3]
    general, out = corpus_case.always(folder), []
    if verb == "build":
        cases = corpus_case.load_cases(folder, os.environ.get("CORPUS", ""))
        build_all(cases, work)
        judge_all(cases, general, work)
    elif verb == "judge":
        for name in argv[4:]:
            out += judge(corpus_case.Case(f"{folder}/{name}.case"), general, work)
    elif verb == "unused":
        with open(f"{work}/used", encoding="utf-8") as f:
            used = set(f.read().splitlines())
        out = [f"always: no case has this: {r.builder}: {r.what}" for r in general if f"{r.builder}: {r.what}" not in used]
    elif verb == "list":
        print("\n".join(c.name for c in corpus_case.load_cases(folder)))
    print("\n".join(out), end="\n" if out else "")
    return 1 if out else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
