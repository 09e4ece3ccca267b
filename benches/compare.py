#!/usr/bin/env python3
"""Times one and the same release done by holdpoint, a bash script, make and just, interleaved, and prints ratios.

The work (the reference of the speed goals): five services with 1 MiB of data each; health asked over HTTP before and
after; a verified, durable backup of each; one new commit from a local bare origin, fast-forwarded; 50 ms of recreate each; one
ticket script; every phase written to a log that is synced. The services are one HTTP server on five ports that lives for
the whole comparison, so that nobody pays for starting it.

    benches/compare.py                 seven rounds, table of medians and ratios
    benches/compare.py --rounds 15     more rounds
    benches/compare.py --quick         three rounds, sequential contenders only

Medians of whole-process wall time; the machine's speed drifts, so only the ratios of one run mean anything. What is not
installed (just) is left out, and said.
"""

import argparse
import contextlib
import http.server
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SERVICES = ["alpha", "bravo", "charlie", "delta", "echo"]
TOP = pathlib.Path(__file__).resolve().parent.parent


class Well(http.server.BaseHTTPRequestHandler):
    """Answers every question with 200."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        with contextlib.suppress(ConnectionError):  # a caller that has seen the status may have gone
            self.wfile.write(b"ok\n")

    def log_message(self, *_):
        pass


def serve():
    """One server a service, on ports the kernel chose."""
    ports = []
    for _ in SERVICES:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Well)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ports.append(server.server_address[1])
    return ports


def sh(*argv, cwd):
    subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class World:
    """An origin, somebody who commits, and a host for each contender."""

    def __init__(self, root, ports, parallel):
        root.mkdir()
        self.root, self.ports, self.parallel, self.ticket = root, ports, parallel, 1000
        self.origin, self.author = root / "origin.git", root / "author"
        sh("git", "init", "-q", "--bare", "-b", "main", str(self.origin), cwd=root)
        sh("git", "clone", "-q", str(self.origin), str(self.author), cwd=root)
        for name, value in [("user.name", "bench"), ("user.email", "bench@example.invalid")]:
            sh("git", "config", name, value, cwd=self.author)
        self.write_project(self.author)
        self.commit("begin")

    def write_project(self, folder):
        (folder / "releases").mkdir()
        (folder / ".asd").mkdir()
        (folder / ".gitignore").write_text("/.asd/workspace\n/data\n/backups\n/release.log\n")
        recreate = folder / "recreate.sh"
        recreate.write_text("#!/bin/bash\nsleep 0.05\n")
        recreate.chmod(0o755)
        parts = [f'[run]\nparallel = {self.parallel}\n', '[disk]\nfloor = { percent = 0, bytes = "1MiB" }\n']
        for name, port in zip(SERVICES, self.ports):
            (folder / name).mkdir()
            (folder / name / "version").write_text("1\n")
            parts.append(
                f'[services.{name}]\ndriver = "command"\npaths = ["{name}/**"]\n'
                f'commands = {{ start = ["true"], stop = ["true"], status = ["true"], recreate = ["./recreate.sh"] }}\n'
                f'health = {{ url = "http://127.0.0.1:{port}/", deadline = "30s" }}\n'
                f'backup = {{ kind = "files", paths = ["data/{name}"] }}\n'
            )
        (folder / ".asd" / "release.toml").write_text("\n".join(parts))

    def commit(self, message):
        sh("git", "add", "-A", cwd=self.author)
        sh("git", "commit", "-q", "-m", message, cwd=self.author)
        sh("git", "push", "-q", "origin", "HEAD:main", cwd=self.author)

    def next_ticket(self, script=": done"):
        """One new commit that touches every service and brings the ticket's script."""
        self.ticket += 1
        for name in SERVICES:
            (self.author / name / "version").write_text(f"{self.ticket}\n")
        for old in (self.author / "releases").glob("*.sh"):
            old.unlink()
        (self.author / "releases" / f"{self.ticket}-do.sh").write_text(f"#!/bin/bash\nset -eu\n{script}\n")
        self.commit(f"ticket {self.ticket}")
        return str(self.ticket)

    def host(self, name):
        """A host at the newest commit, with data."""
        folder = self.root / name
        sh("git", "clone", "-q", str(self.origin), str(folder), cwd=self.root)
        for service in SERVICES:
            data = folder / "data" / service
            data.mkdir(parents=True)
            (data / "blob").write_bytes(os.urandom(1 << 20))
        return folder


ASK_CURL = 'curl -fsS -o /dev/null "http://127.0.0.1:$1/"'
ASK_TCP = (
    'exec 3<>"/dev/tcp/127.0.0.1/$1"; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; '
    'read -r _ code _ <&3; exec 3<&-; [ "$code" = 200 ]'
)

PIECES = r"""
ask() { %(ask)s; }
note() { printf '%%s ticket=%%s phase=%%s event=%%s\n' "$(date -u +%%FT%%TZ)" "$TICKET" "$1" "$2" >> release.log; sync -d release.log; }
save() { mkdir -p "backups/$1"; tar -cf "backups/$1/$TICKET.tar" -C data "$1"; sha256sum "backups/$1/$TICKET.tar" > "backups/$1/$TICKET.sha256"
         sync "backups/$1/$TICKET.tar" "backups/$1/$TICKET.sha256" "backups/$1"; }
again() { ./recreate.sh; until ask "$1"; do sleep 0.1; done; }
"""


def bash_script(ports, ask, parallel):
    """The release as a careful person would write it in bash."""
    pairs = " ".join(f"{name}:{port}" for name, port in zip(SERVICES, ports))
    join = " &" if parallel else ";"
    wait = "for job in $(jobs -p); do wait \"$job\"; done" if parallel else ":"
    return (
        "#!/bin/bash\nset -euo pipefail\nTICKET=$1\n" + PIECES % {"ask": ask} + f"""
[ -z "$(git status --porcelain)" ]
git fetch -q origin main
note prepare start
for pair in {pairs}; do ask "${{pair#*:}}"{join} done; {wait}
for pair in {pairs}; do save "${{pair%:*}}"{join} done; {wait}
git merge -q --ff-only FETCH_HEAD
note prepare done
note migrate start
for pair in {pairs}; do again "${{pair#*:}}"{join} done; {wait}
note migrate done
note ticket start
bash releases/$TICKET-*.sh --yes
note ticket done
note verify start
for pair in {pairs}; do ask "${{pair#*:}}"{join} done; {wait}
note verify done
"""
    )


def make_file(ports):
    """The same as a makefile with one target a service, for `make -j5`."""
    lines = ["SHELL = /bin/bash", ".SHELLFLAGS = -euo pipefail -c", ".ONESHELL:", ".PHONY: all verified", "all: verified"]
    lines.append("define PIECES\nTICKET=$(TICKET)" + (PIECES % {"ask": ASK_CURL}).replace("$", "$$").replace("$$$$", "$$") + "\nendef")
    targets = {"saved": "save {name}", "up": "again {port}", "well": "ask {port}"}
    for name, port in zip(SERVICES, ports):
        for kind, needs in (("saved", "asked"), ("up", "merged"), ("well", "ticket")):
            lines.append(f".PHONY: {kind}-{name}\n{kind}-{name}: {needs}\n\t@$(PIECES)\n\t{targets[kind].format(name=name, port=port)}")
    every = lambda kind: " ".join(f"{kind}-{name}" for name in SERVICES)
    asks = "; ".join(f"ask {port}" for port in ports)
    lines.append(f".PHONY: asked merged ticket\nasked:\n\t@$(PIECES)\n\tgit fetch -q origin main; note prepare start; {asks}")
    lines.append(f"merged: {every('saved')}\n\t@$(PIECES)\n\tgit merge -q --ff-only FETCH_HEAD; note prepare done; note migrate start")
    lines.append(f"ticket: {every('up')}\n\t@$(PIECES)\n\tnote migrate done; note ticket start; bash releases/$(TICKET)-*.sh --yes; note ticket done; note verify start")
    lines.append(f"verified: {every('well')}\n\t@$(PIECES)\n\tnote verify done")
    return "\n".join(lines) + "\n"


def just_file(ports):
    """The same as recipes, one after another."""
    asks = "\n  ".join(f"ask {port}" for port in ports)
    saves = "\n  ".join(f"save {name}" for name in SERVICES)
    agains = "\n  ".join(f"again {port}" for port in ports)
    head = "  #!/bin/bash\n  set -euo pipefail\n  TICKET={{ticket}}" + (PIECES % {"ask": ASK_CURL}).replace("\n", "\n  ")
    recipe = lambda name, body: f"{name} ticket:\n{head}\n  {body}\n"
    return "\n".join([
        "release ticket: (prepare ticket) (migrate ticket) (script ticket) (verify ticket)\n",
        recipe("prepare", f"git fetch -q origin main\n  note prepare start\n  {asks}\n  {saves}\n  git merge -q --ff-only FETCH_HEAD\n  note prepare done"),
        recipe("migrate", f"note migrate start\n  {agains}\n  note migrate done"),
        recipe("script", "note ticket start\n  bash releases/$TICKET-*.sh --yes\n  note ticket done"),
        recipe("verify", f"note verify start\n  {asks}\n  note verify done"),
    ])


def contenders(one, five, binary, quick):
    """Name, command line (the ticket is appended), host folder: one service after another, and five side by side."""
    ports = one.ports
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "HOLDPOINT_"))}
    made = []

    def add(name, world, command):
        made.append((name, command, world.host(name.replace(" ", "-")), clean))

    def script(name, text):
        path = one.root / name
        path.write_text(text)
        return str(path)

    add("holdpoint", one, lambda t: [binary, "run", t])
    add("bash curl", one, lambda t, p=script("seq-curl.sh", bash_script(ports, ASK_CURL, False)): ["bash", p, t])
    add("bash tcp", one, lambda t, p=script("seq-tcp.sh", bash_script(ports, ASK_TCP, False)): ["bash", p, t])
    just = shutil.which("just") or str(TOP / "target/tools/just/bin/just")
    if os.path.exists(just):
        add("just", one, lambda t, p=script("justfile", just_file(ports)): [just, "-q", "--justfile", p, "--working-directory", ".", "release", t])
    else:
        print("left out: just (not installed)")
    if not quick:
        add("holdpoint -j5", five, lambda t: [binary, "run", t])
        add("bash tcp -j5", five, lambda t, p=script("par-tcp.sh", bash_script(ports, ASK_TCP, True)): ["bash", p, t])
        add("make -j5", five, lambda t, p=script("Makefile", make_file(ports)): ["make", "-s", "-j5", "-f", p, f"TICKET={t}"])
    return made


def timed(argv, cwd, env):
    """Wall seconds and CPU milliseconds (with children) of one run."""
    before = time.monotonic()
    child = subprocess.Popen(argv, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - before
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{argv} failed in {cwd}:\n{said.decode(errors='replace')}")
    return wall, (used.ru_utime + used.ru_stime) * 1000


def memory(argv, cwd, env):
    """Peak memory of one run in MiB, as a small parent sees it: a child of ours would begin with our own size."""
    if not shutil.which("busybox"):
        return None
    done = subprocess.run(["busybox", "time", "-v", *argv], cwd=cwd, env=env, capture_output=True, text=True)
    line = next(line for line in done.stderr.splitlines() if "Maximum resident" in line)
    return int(line.split(":")[1]) / 4 / 1024  # busybox takes the kernel's KiB for pages of 4 KiB


# Runs of which a handful of samples each make a mean.
CPU_RUNS = 16


def own_cpu(argv, cwd, env):
    """CPU milliseconds of one run in holdpoint's own processes, shims and threads included, git and scripts not: samples
    of the processor's clock, by the name of the process. Few, and of several runs: where a machine is a guest itself, each
    takes so long that at 2,000 a second most of what was counted was the counting."""
    with tempfile.NamedTemporaryFile(prefix="holdpoint-bench-") as data:
        record = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "200", "-o", data.name, "--", *argv]
        subprocess.run(record, cwd=cwd, env=env, check=True, capture_output=True)
        names = subprocess.run(["perf", "script", "-i", data.name, "-F", "comm"], check=True, capture_output=True, text=True)
    return sum(name.strip() == "holdpoint" for name in names.stdout.splitlines()) * 5


def resumes(world, binary, env, rounds):
    """G8: a ticket's script fails, its cause is mended, and the release goes on; against bash that does what is left."""
    host, cause = world.host("resumed"), world.root / "mended"
    left = world.root / "left.sh"
    asks = "; ".join(f"ask {port}" for port in world.ports)
    states = "; ".join("env true" for _ in SERVICES)
    left.write_text(
        f"#!/bin/bash\nset -euo pipefail\nask() {{ {ASK_TCP}; }}\nbash releases/$1-*.sh --yes\n"
        f'[ -z "$(git status --porcelain)" ]\n{states}\n{asks}\n'
    )
    walls = {"resume": [], "what is left": []}
    for number in range(rounds + 1):
        cause.unlink(missing_ok=True)
        ticket = world.next_ticket(f"[ -e '{cause}' ]")
        halted = subprocess.run([binary, "run", ticket], cwd=host, env=env, capture_output=True, text=True)
        if halted.returncode != 1:
            sys.exit(f"the release of {ticket} was to halt:\n{halted.stdout}{halted.stderr}")
        cause.touch()
        for name, argv in (("resume", [binary, "run", ticket, "--from=ticket"]), ("what is left", ["bash", str(left), ticket])):
            wall, _ = timed(argv, host, env)
            if number > 0:
                walls[name].append(wall * 1000)
    resume, work = (statistics.median(values) for values in walls.values())
    print(f"\nresume from the ticket's script: {resume:.0f} ms, what is left by bash {work:.0f} ms: {resume - work:.0f} ms more   goal ≤ 25 (G8)")
    return host, ticket


def startup(binary, rounds, host, ticket):
    """G1: start-up against just's."""
    just = shutil.which("just") or str(TOP / "target/tools/just/bin/just")
    names = {"holdpoint --version": [binary, "--version"], "holdpoint state": [binary, "state", ticket]}
    if os.path.exists(just):
        names["just --version"] = [just, "--version"]
    walls = {name: [] for name in names}
    for _ in range(rounds * 5):
        for name, argv in names.items():
            wall, _ = timed(argv, host, os.environ)
            walls[name].append(wall * 1000)
    print("\nstart-up")
    medians = {name: statistics.median(values) for name, values in walls.items()}
    for name, value in medians.items():
        peak = memory(names[name], host, os.environ)
        ratio = f"   {value / medians['just --version']:5.2f} × just" if "just --version" in medians else ""
        print(f"  {name:<22}{value:8.2f} ms" + (f"   {peak:6.1f} MiB" if peak else "") + ratio)
    print("  goals of holdpoint: ≤ 1.5 × just, ≤ 8 MiB (G1)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--binary", default=str(TOP / "target/release/holdpoint"))
    options = parser.parse_args()
    rounds = 3 if options.quick else options.rounds
    options.binary = os.path.abspath(options.binary)
    if not os.path.exists(options.binary):
        sys.exit(f"{options.binary} is not there: cargo build --release")
    with tempfile.TemporaryDirectory(prefix="holdpoint-bench-") as root:
        ports = serve()
        one, five = (World(pathlib.Path(root) / str(parallel), ports, parallel) for parallel in (1, 5))
        field = contenders(one, five, options.binary, options.quick)
        seen = {name: [] for name, *_ in field}
        for round_number in range(rounds + 1):
            ticket = {one.next_ticket(), five.next_ticket()}.pop()
            for name, command, folder, env in field:
                result = timed(command(ticket), folder, env)
                if round_number > 0:  # the first round warms up
                    seen[name].append(result)
        median = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in seen.items()}
        print(f"{rounds} rounds, medians of whole runs")
        for name, (wall, cpu) in median.items():
            low, high = (f(row[0] for row in seen[name]) * 1000 for f in (min, max))
            print(f"  {name:<16}{wall * 1000:8.0f} ms  ({low:.0f}–{high:.0f})   CPU with children {cpu:6.0f} ms")
        ticket = {one.next_ticket(), five.next_ticket()}.pop()
        for name, command, folder, env in field:
            if name.startswith("holdpoint") and (peak := memory(command(ticket), folder, env)):
                print(f"  {name:<16}{peak:8.1f} MiB at its peak   goal ≤ 12 (G5)")
        spent = {name: [] for name, *_ in field if name.startswith("holdpoint") and shutil.which("perf")}
        for _ in range(CPU_RUNS if spent else 0):
            ticket = {one.next_ticket(), five.next_ticket()}.pop()
            for name, command, folder, env in field:
                if name in spent:
                    spent[name].append(own_cpu(command(ticket), folder, env))
        for name, runs in spent.items():
            print(f"  {name:<16}{statistics.mean(runs):8.1f} ms of CPU its own   goal ≤ 30 (G5)")
        pairs = [
            ("holdpoint", "bash curl", 0.80, "G2"), ("holdpoint", "bash tcp", 1.20, "G2"), ("holdpoint", "just", None, ""),
            ("holdpoint -j5", "make -j5", 0.85, "G4"), ("holdpoint -j5", "bash tcp -j5", 1.20, "G4"),
        ]
        print("\nratios, round by round")
        for ours, theirs, goal, which in pairs:
            if ours in seen and theirs in seen:
                ratios = [a[0] / b[0] for a, b in zip(seen[ours], seen[theirs])]
                wanted = f"   goal ≤ {goal:.2f} ({which})" if goal else ""
                print(f"  {ours} / {theirs:<14}{statistics.median(ratios):6.2f}{wanted}")
        clean = next(env for name, _, _, env in field if name == "holdpoint")
        startup(options.binary, rounds, *resumes(one, options.binary, clean, rounds))


if __name__ == "__main__":
    main()
