#!/usr/bin/env python3
"""What a fleet costs: a coordinator over many hosts, agents that are told all at once, ssh to many hosts.

    benches/fleet.py waves                    plans of 100, 1,000 and 5,000 hosts, on SQLite and on three members of etcd
    benches/fleet.py waves --hosts 100,5000 --ledgers sqlite
    benches/fleet.py agents --agents 500      that many `holdpoint agent`, all told in the same moment
    benches/fleet.py ssh                      100 hosts over one real sshd, against `xargs -P ssh`; then a later word to them

`waves` (G12, G14): the coordinator, the ledger and what is between them are real; a host is a stand-in `ssh` on the path, which
answers at once that it is done. A wave is what a coordinator tells at once, 16 hosts. Time is the coordinator's own processor
time, without what it starts; the ledger's share is what etcd's members say that they took for its questions. Goals: ≤ 5 ms + 0.1 ms
a host in a wave; ≤ 0.2 MiB a host and no thread a host; a plan of 5,000 hosts < 15 s of ledger time.

`agents`: orders are laid for all in the same moment, as coordinators lay them; each agent starts the program that answers for its
host, and writes its word of it into the ledger: timed from when the order is sent until somebody who watches sees that word. The
host is an empty folder, which it refuses: no release is timed. Goal: within 1 s.

`ssh` (G9): both sides take 16 hosts at once, one key exchange a host (curve25519), and have the same stand-in answer there. Goal: ≤ 1.10.
Then a gate says no, and every host is told to go back over what is open: from that no until the coordinator says that it is done,
against the same `xargs` over 100 masters that are open before it is timed. Goal: ≤ 0.5.

Everything runs on one machine, so what the stand-ins take is taken from the coordinator, too: the load average is printed with it.
"""

import argparse
import base64
import json
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

TOP = pathlib.Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
# Answers for a host in the shell's own words: no program but this one is started for it.
ANSWERS = """#!/bin/sh
while read -r offer || [ -n "$offer" ]; do
  rest=${offer#*\\"generation\\":}
  printf '{"generation":%s,"at_work":false,"exit":0,"attempt":"1@1","said":null}\\n' "${rest%%[,\\}]*}"
done
"""


def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Etcd:
    """Members on loopback, in a folder. Left: ended."""

    def __init__(self, folder, members=3):
        folder.mkdir()
        ports = [(port(), port()) for _ in range(members)]
        peers = ",".join(f"m{at}=http://127.0.0.1:{peer}" for at, (_, peer) in enumerate(ports))
        self.endpoints = [f"http://127.0.0.1:{client}" for client, _ in ports]
        self.running = []
        for at, (client, peer) in enumerate(ports):
            here, there = f"http://127.0.0.1:{client}", f"http://127.0.0.1:{peer}"
            argv = ["etcd", "--name", f"m{at}", "--initial-cluster", peers, "--data-dir", str(folder / f"m{at}"),
                    "--listen-client-urls", here, "--advertise-client-urls", here, "--listen-peer-urls", there,
                    "--initial-advertise-peer-urls", there, "--metrics", "extensive", "--max-request-bytes", "8388608"]
            with open(folder / f"m{at}.log", "wb") as log:
                self.running.append(subprocess.Popen(argv, stdout=log, stderr=log))
        for endpoint in self.endpoints:
            until(lambda: self.ask("/v3/maintenance/status", {}, endpoint), "etcd starts")

    def ask(self, path, body, endpoint=None):
        request = urllib.request.Request((endpoint or self.endpoints[0]) + path, json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=30) as said:
                return json.loads(said.read())
        except OSError:
            return None

    def spent(self):
        """Seconds and questions of each kind so far, as the members count them."""
        told = {}
        for endpoint in self.endpoints:
            with urllib.request.urlopen(endpoint + "/metrics", timeout=30) as said:
                text = said.read().decode()
            for part, method, number in re.findall(
                r'^grpc_server_handling_seconds_(sum|count)\{grpc_method="(\w+)",[^}]*grpc_type="unary"\} (\S+)$', text, re.M
            ):
                told[method, part] = told.get((method, part), 0) + float(number)
        return told

    def cpu(self):
        return sum(spent(member.pid) for member in self.running)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.running:
            member.kill()
            member.wait()


def until(holds, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain: {what}")
        time.sleep(0.02)
    return found


def spent(pid, started=False):
    """Seconds of the processor that a process itself took so far; also what it started and has seen end."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return sum(int(ticks) for ticks in stat[11:15 if started else 13]) / TICK


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return {name: int(value) for name, value in re.findall(r"^(VmHWM|VmRSS|Threads):\s+(\d+)", text, re.M)}


def watched(argv, cwd, env):
    """Runs a program to its end: wall seconds, its own processor seconds, its peak of KiB, its most threads."""
    began = time.monotonic()
    child = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said, threads = [], 0
    reader = threading.Thread(target=lambda: said.extend(child.stdout))
    reader.start()
    cpu = peak = 0
    while child.poll() is None:
        try:
            seen = status(child.pid)
            peak, threads, cpu = max(peak, seen.get("VmHWM", 0)), max(threads, seen.get("Threads", 0)), spent(child.pid)
        except (OSError, IndexError):
            pass
        time.sleep(0.01)
    took = time.monotonic() - began
    reader.join()
    if child.returncode != 0:
        sys.exit(f"{argv} ended with {child.returncode}:\n{b''.join(said[-20:]).decode()}{child.stderr.read().decode()}")
    return took, cpu, peak, threads


def desk(root, binary, hosts, ledger, host, environment, head="", gate=""):
    """A desk with so many hosts and one plan over all of them; answers with the folder and the plan."""
    folder = root / "desk"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "fleet.toml").write_text("".join(host(at) for at in range(hosts)) + ledger)
    (folder / "plan.toml").write_text(
        f'{head}name = "p"\nticket = "1"\nref = "{"a" * 40}"\nticket_runs = "every-host"\n'
        '[[stage]]\nid = "all"\nhosts = { share = "100%" }\nparallel = "100%"\n' + gate
    )
    made = subprocess.run([binary, "rollout", "plan", "create", "plan.toml", "--json"], cwd=folder, env=environment,
                          capture_output=True, check=False)
    if made.returncode != 0:
        sys.exit(f"no plan of {hosts} hosts: {made.stdout.decode()}{made.stderr.decode()}")
    return folder, json.loads(made.stdout)["plan_id"]


def toml(etcd):
    return f"[ledger.etcd]\nendpoints = {json.dumps(etcd.endpoints)}\n" if etcd else ""


def waves(options, root):
    program(root / "bin/ssh", ANSWERS)
    environment = {**os.environ, "PATH": f"{root / 'bin'}:{os.environ['PATH']}", "HOME": str(root)}
    host = lambda at: f'[hosts.h{at:05}]\ntransport = "ssh"\nfolder = "/x"\n'
    print(f"{'hosts':>6} {'ledger':<7}{'plan':>9}{'wall':>9}{'CPU':>9}{'a wave':>10}{'goal':>8}{'memory':>10}{'a host':>10}"
          f"{'threads':>8}   ledger")
    for hosts in [int(number) for number in options.hosts.split(",")]:
        for ledger in options.ledgers.split(","):
            folder = pathlib.Path(tempfile.mkdtemp(dir=root))
            with Etcd(folder / "etcd") if ledger == "etcd" else open(os.devnull) as kept:
                etcd = kept if ledger == "etcd" else None
                began = time.monotonic()
                where, plan = desk(folder, options.binary, hosts, toml(etcd), host, environment)
                created = time.monotonic() - began
                # What it takes without any host.
                base = watched([options.binary, "rollout", "plan", "describe", "--plan-id", plan], where, environment)[2]
                before, busy = (etcd.spent(), etcd.cpu()) if etcd else ({}, 0)
                took, cpu, peak, threads = watched([options.binary, "rollout", "start", "--plan-id", plan], where, environment)
                number = -(-hosts // 16)
                share = ""
                if etcd:
                    after = etcd.spent()
                    of = lambda part: {k: v - before.get((k, p), 0) for (k, p), v in after.items() if p == part}
                    seconds, count = of("sum"), of("count")
                    kinds = sorted((kind for kind in count if count[kind]), key=lambda kind: -seconds[kind])
                    share = f"{sum(seconds.values()):.2f} s, CPU {etcd.cpu() - busy:.2f} s: " + ", ".join(
                        f"{int(count[kind])} {kind} {seconds[kind]:.2f} s" for kind in kinds[:3])
                print(f"{hosts:>6} {ledger:<7}{created:>7.2f} s{took:>7.2f} s{cpu:>7.2f} s{cpu / number * 1000:>7.1f} ms"
                      f"{5 + 0.1 * min(16, hosts):>5.1f} ms{peak / 1024:>6.1f} MiB{(peak - options.floor) / hosts:>6.1f} KiB"
                      f"{threads:>8}   {share}  (describe {base / 1024:.1f} MiB, load {os.getloadavg()[0]:.1f})", flush=True)


def agents(options, root):
    environment = {**os.environ, "HOME": str(root)}
    with Etcd(root / "etcd") as etcd:
        running, seen = {}, selectors.DefaultSelector()
        said = {}
        began = time.monotonic()
        try:
            for at in range(options.agents):
                name = f"h{at:05}"
                folder = root / name
                (folder / ".asd").mkdir(parents=True)
                (folder / "agent.toml").write_text(f'host = "{name}"\nfolder = "{folder}"\n{toml(etcd)}')
                child = subprocess.Popen([options.binary, "agent", "--config", "agent.toml"], cwd=folder, env=environment,
                                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
                running[name] = child
                seen.register(child.stdout, selectors.EVENT_READ, name)
                said[name] = b""
                if at == 0:
                    until(lambda: read(seen, said) or b"watches" in said[name], "an agent watches")
                    pss = re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{child.pid}/smaps_rollup").read_text(), re.M)
                    free = re.search(r"^MemAvailable:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
                    print(f"one agent: {status(child.pid)['VmRSS'] / 1024:.1f} MiB resident, {int(pss[1]) / 1024:.1f} MiB its own "
                          f"share; {int(free[1]) / 1024:.0f} MiB of memory are free", flush=True)
                    if int(pss[1]) * options.agents * 1.5 > int(free[1]):
                        sys.exit("not enough memory for as many: --agents")
                # Not all of them at once: they are to be told at once, not started.
                read(seen, said, 0.01)
            until(lambda: read(seen, said) or all(b"watches" in text for text in said.values()), "all agents watch", 300)
            shares = [int(re.search(r"^Pss:\s+(\d+)", pathlib.Path(f"/proc/{child.pid}/smaps_rollup").read_text(), re.M)[1])
                      for child in list(running.values())[:20]]
            print(f"{options.agents} agents watch after {time.monotonic() - began:.0f} s: {statistics.median(shares) / 1024:.1f} MiB "
                  f"each, {max(status(child.pid)['Threads'] for child in running.values())} threads at most", flush=True)
            busy, idle = etcd.cpu(), sum(spent(child.pid) for child in running.values())
            time.sleep(10)
            print(f"while nothing is told: etcd {(etcd.cpu() - busy) / 10:.2f} of a processor, all agents "
                  f"{(sum(spent(child.pid) for child in running.values()) - idle) / 10:.2f}", flush=True)
            for generation in range(1, options.rounds + 1):
                told(etcd, running, seen, said, root, generation)
        finally:
            for child in running.values():
                child.kill()
            for child in running.values():
                child.wait()


def read(seen, said, wait=0.05):
    """Takes in what agents print, so that none of them waits for somebody to read it."""
    for key, _ in seen.select(wait):
        chunk = os.read(key.fd, 1 << 16)
        if not chunk:
            sys.exit(f"agent {key.data} ended: {said[key.data].decode()}")
        said[key.data] += chunk


def told(etcd, running, seen, said, root, generation):
    answers, wanted = {}, len(running)
    encode = lambda text: base64.b64encode(text.encode()).decode()
    prefix = "holdpoint/agents/"
    ask = {"create_request": {"key": encode(prefix), "range_end": encode(prefix[:-1] + "0")}}
    stream = urllib.request.urlopen(urllib.request.Request(etcd.endpoints[1] + "/v3/watch", json.dumps(ask).encode()), timeout=120)
    stream.readline()

    def follow():
        while len(answers) < wanted:
            for event in json.loads(stream.readline())["result"].get("events", []):
                key = base64.b64decode(event["kv"]["key"]).decode()
                if key.endswith("/answer"):
                    value = json.loads(base64.b64decode(event["kv"]["value"]))
                    if value["order"] == generation:
                        answers.setdefault(key.split("/")[2], time.monotonic())

    threading.Thread(target=follow, daemon=True).start()
    lease = etcd.ask("/v3/lease/grant", {"TTL": "120"})["ID"]
    offer = {"plan_id": "plan-1", "generation": generation, "wish": "release", "ticket": "1", "commit": "a" * 40,
             "data": False, "operator": "bench", "lock_wait": "1s"}
    order = lambda name: encode(json.dumps({"folder": str(root / name), "offer": offer}))
    names = list(running)
    laid = {}
    busy = etcd.cpu(), sum(spent(child.pid, True) for child in running.values())
    for at in range(0, len(names), 100):
        part = names[at:at + 100]
        puts = [{"request_put": {"key": encode(f"{prefix}{name}/order"), "value": order(name), "lease": lease}} for name in part]
        laid.update(dict.fromkeys(part, time.monotonic()))
        if not etcd.ask("/v3/kv/txn", {"success": puts}):
            sys.exit("orders could not be laid")
    deadline = time.monotonic() + 120
    while len(answers) < wanted and time.monotonic() < deadline:
        read(seen, said, 0.02)
    time.sleep(1)
    busy = etcd.cpu() - busy[0], sum(spent(child.pid, True) for child in running.values()) - busy[1]
    etcd.ask("/v3/lease/revoke", {"ID": lease})
    delays = sorted((answers[name] - laid[name]) * 1000 for name in list(answers))
    if not delays:
        sys.exit("no agent has answered")
    of = lambda share: delays[min(len(delays) - 1, int(len(delays) * share))]
    within = sum(delay <= 1000 for delay in delays)
    print(f"round {generation}: {len(delays)} of {wanted} have answered: p50 {of(.5):.0f} ms, p90 {of(.9):.0f} ms, p99 {of(.99):.0f} ms, "
          f"last {delays[-1]:.0f} ms; {within} within 1 s; processor: agents and what they start {busy[1]:.2f} s, etcd "
          f"{busy[0]:.2f} s   (load {os.getloadavg()[0]:.1f})", flush=True)


def ssh(options, root):
    folder = root / "ssh"
    folder.mkdir()
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    program(root / "answers", ANSWERS)
    pathlib.Path("/run/sshd").mkdir(exist_ok=True)
    number = port()
    (folder / "sshd.conf").write_text(
        f"ListenAddress 0.0.0.0\nPort {number}\nHostKey {folder}/host\nPidFile none\nUsePAM no\nAuthorizedKeysFile {folder}/authorized\n"
        "StrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n"
        # What a person's shell does when it begins is not what is timed.
        f"MaxStartups 400\nLogLevel ERROR\nSetEnv HOME={root}\n")
    names = [f"s{at:03}" for at in range(options.servers)]
    user = subprocess.run(["id", "-un"], capture_output=True, check=True, text=True).stdout.strip()
    (folder / "client.conf").write_text(
        "".join(f"Host {name}\n  HostName 127.0.{(at + 2) // 250}.{(at + 2) % 250}\n" for at, name in enumerate(names))
        + f"Host *\n  Port {number}\n  User {user}\n  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  IdentityAgent none\n"
        "  UserKnownHostsFile /dev/null\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking no\n  LogLevel ERROR\n"
        "  KexAlgorithms curve25519-sha256\n  BatchMode yes\n")
    real = shutil.which("ssh")
    program(root / "bin/ssh", f'#!/bin/sh\nexec {real} -F {folder}/client.conf "$@"\n')
    environment = {**os.environ, "PATH": f"{root / 'bin'}:{os.environ['PATH']}", "HOME": str(root)}
    (folder / "names").write_text("\n".join(names) + "\n")
    (folder / "offer").write_text('{"generation":1}\n')
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-e", "-f", folder / "sshd.conf"], stderr=subprocess.DEVNULL)
    host = lambda at: f'[hosts.{names[at]}]\ntransport = "ssh"\nfolder = "/x"\nprogram = "{root}/answers"\n'
    try:
        until(lambda: subprocess.run(["ssh", names[0], "true"], env=environment, check=False,
                                     stderr=subprocess.DEVNULL).returncode == 0, "sshd answers")
        # The offer goes in and the answer comes back, on either side.
        line = f"ssh -T \"$0\" {root}/answers <{folder}/offer >/dev/null"
        fan = ["xargs", "-a", folder / "names", "-P", "16", "-I", "{}", "sh", "-c", line, "{}"]
        ours, theirs = [], []
        for turn in range(options.rounds):
            where, plan = desk(root, options.binary, len(names), "", host, environment)
            began = time.monotonic()
            subprocess.run(fan, env=environment, check=True)
            theirs.append(time.monotonic() - began)
            took, cpu, _, _ = watched([options.binary, "rollout", "start", "--plan-id", plan], where, environment)
            ours.append(took)
            print(f"  round {turn + 1}: rollout {took:.2f} s (its own processor time {cpu:.2f} s), xargs {theirs[-1]:.2f} s: "
                  f"{took / theirs[-1]:.2f}", flush=True)
        ratios = [one / other for one, other in zip(ours, theirs)]
        print(f"{len(names)} hosts: rollout {statistics.median(ours):.2f} s, xargs -P 16 ssh {statistics.median(theirs):.2f} s; median of "
              f"the ratios {statistics.median(ratios):.2f}   goal ≤ 1.10 (G9)   (load {os.getloadavg()[0]:.1f})")
        fan[fan.index(line)] = line.replace("ssh -T", f"ssh -S {folder}/%n -T")
        later(options, root, folder, environment, (names, host), fan)
    finally:
        server.terminate()
        server.wait()


def later(options, root, folder, environment, fleet, warm):
    """What is said once connections are open, to every host: that it goes back, because a gate said no."""
    names, host = fleet
    no = ["sh", "-c", f"date +%s.%N >{folder}/no; exit 1"]
    gate = f'gates = [{{ kind = "command", run = {json.dumps(no)} }}]\n'
    ours, theirs = [], []
    for turn in range(options.rounds):
        for name in names:
            subprocess.run(["ssh", "-o", "ControlPersist=60", "-fMNS", folder / "%n", name], env=environment, check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        began = time.monotonic()
        subprocess.run(warm, env=environment, check=True)
        theirs.append(time.monotonic() - began)
        for name in names:
            subprocess.run(["ssh", "-S", folder / "%n", "-O", "exit", name], env=environment, check=True, capture_output=True)
        where, plan = desk(root, options.binary, len(names), "", host, environment, 'on_harm = "rollback"\n', gate)
        child = subprocess.Popen([options.binary, "rollout", "start", "--plan-id", plan], cwd=where, env=environment,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        done = None
        for line in child.stdout:
            done = done or ("rolled_back" in line and time.time())
        if child.wait() != 1 or not done:
            sys.exit(f"the plan ended with {child.returncode}, and was not taken back")
        ours.append(done - float((folder / "no").read_text()))
        print(f"  round {turn + 1}: a later word {ours[-1]:.2f} s, over warm masters {theirs[-1]:.2f} s: {ours[-1] / theirs[-1]:.2f}",
              flush=True)
    ratios = [one / other for one, other in zip(ours, theirs)]
    print(f"{len(names)} hosts told once more: rollout {statistics.median(ours):.2f} s, xargs -P 16 over warm masters "
          f"{statistics.median(theirs):.2f} s; median of the ratios {statistics.median(ratios):.2f}   goal ≤ 0.5 (G9)   "
          f"(load {os.getloadavg()[0]:.1f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["waves", "agents", "ssh"])
    parser.add_argument("--binary", default=str(TOP / "target/release/holdpoint"))
    parser.add_argument("--hosts", default="100,1000,5000")
    parser.add_argument("--ledgers", default="sqlite,etcd")
    parser.add_argument("--agents", type=int, default=500)
    parser.add_argument("--servers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    options.binary = os.path.abspath(options.binary)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end"))
    with tempfile.TemporaryDirectory(prefix="holdpoint-bench-") as root:
        root = pathlib.Path(root)
        if options.what == "waves":
            # What a coordinator takes for one host, in KiB.
            program(root / "one/bin/ssh", ANSWERS)
            environment = {**os.environ, "PATH": f"{root / 'one/bin'}:{os.environ['PATH']}", "HOME": str(root)}
            where, plan = desk(root / "one", options.binary, 1, "", lambda at: f'[hosts.h{at}]\ntransport = "ssh"\nfolder = "/x"\n',
                               environment)
            options.floor = watched([options.binary, "rollout", "start", "--plan-id", plan], where, environment)[2]
        {"waves": waves, "agents": agents, "ssh": ssh}[options.what](options, root)


if __name__ == "__main__":
    main()
