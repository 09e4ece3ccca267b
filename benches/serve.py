#!/usr/bin/env python3
"""The server under load (G15): readers of one live release's stream, requests beside them, and its memory over time; and how
soon a page of a release with a long log begins to come.

    benches/serve.py                        1,000 readers and 100 requests a second for a minute, then a log of 10,000 records
    benches/serve.py --minutes 10           the same for ten: what G15 asks for
    benches/serve.py --readers 100 --rate 20
    benches/serve.py --records 100000       another length of the log; 0: none

Requests are sent when they are due, whether or not the ones before them were answered, and each is timed from the moment at
which it was due: a server that stands still is not asked less. Everything runs on one machine, so what this program itself
takes of the processors is shown beside what the server takes. Goals: p99 < 100 ms, memory flat, a page in < 300 ms.
"""

import argparse
import asyncio
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

from many import TOP, hex16, released, sh

KINDS = ["/health", "/api/deployments/2@1", "/api/deployments?limit=20", "/api/deployments/2@1/timeline?since=10&limit=50"]
PAGES = ["/releases/3@1", "/releases/3@1/log", "/audit/3", "/api/deployments/3@1", "/api/deployments/3@1/recovery-readiness",
         "/api/deployments/3@1/timeline?limit=100"]


def pushed(host, ticket, seconds):
    """A ticket whose release goes on for a while and writes two records a second."""
    sh("git", "checkout", "-q", "-b", "next", cwd=host)
    (host / "releases").mkdir(exist_ok=True)
    for number in range(seconds):
        script = host / f"releases/{ticket}-{number:05d}.sh"
        script.write_text("#!/bin/sh\nsleep 1\n")
        script.chmod(0o755)
    (host / "web").write_text(f"{ticket}\n")
    sh("git", "add", "-A", cwd=host)
    sh("git", "commit", "-q", "-m", f"{ticket}: wait", cwd=host)
    sh("git", "push", "-q", "origin", "HEAD:main", cwd=host)
    sh("git", "checkout", "-q", "-", cwd=host)
    sh("git", "branch", "-qD", "next", cwd=host)


def lengthened(host, ticket, records):
    """The records of ticket 1 as those of another one, with more records of steps in the middle: a true chain."""
    releases = host / ".asd/workspace/releases"
    lines = (releases / "1.log").read_bytes().splitlines()
    state = (releases / "1.env").read_text().rsplit("#end", 1)[0]
    starts = [at for at, line in enumerate(lines) if b" event=step-start " in line]
    pair = lines[starts[0]:starts[0] + 2]
    more = max(0, records - len(lines)) // 2
    whole = lines[:starts[0]] + pair * more + lines[starts[0]:]
    chain, log = hex16(f"holdpoint-log/1 {ticket}".encode()), []
    for seq, line in enumerate(whole, 1):
        body = line.rsplit(b" chain=", 1)[0].replace(b" ticket=1 ", b" ticket=%s " % ticket.encode(), 1)
        words = [b"seq=%d" % seq if word.startswith(b"seq=") else word for word in body.split(b" ")]
        body = b" ".join(words)
        chain = hex16(chain.encode(), body)
        log.append(b"%s chain=%s\n" % (body, chain.encode()))
    kept = {"TICKET": ticket, "LOG_SEQ": str(len(whole)), "LOG_CHAIN": chain}
    text = "".join(
        f"{name}={kept[name]}\n" if (name := line.split("=", 1)[0]) in kept else line + "\n" for line in state.splitlines()
    )
    text += f"#end crc32={zlib.crc32(text.encode()):08x}\n"
    (releases / f"{ticket}.log").write_bytes(b"".join(log))
    (releases / f"{ticket}.env").write_text(text)
    return len(whole)


class Client:
    """A connection that is kept, as a browser or a proxy keeps one."""

    def __init__(self, port, token):
        self.port, self.token, self.streams = port, token, None

    async def get(self, path):
        # A server may close what was idle for long in the moment in which it is used again: then it is asked anew, once.
        if self.streams is not None:
            try:
                return await self.ask(path)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.streams = None
        self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        return await self.ask(path)

    async def ask(self, path):
        reader, writer = self.streams
        writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {self.token}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        return int(head.split(b" ", 2)[1])


async def watch(port, token, told):
    """One reader of the live release's stream."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    path = "/api/deployments/2@1/timeline/stream"
    writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n".encode())
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            told["refused"] += 1
            return
        told["readers"] += 1
        while chunk := await reader.read(1 << 16):
            told["records"] += chunk.count(b"event: record")
            told["gaps"] += chunk.count(b"event: gap")
            told["ended"] += chunk.count(b"event: end")
        told["cut"] += 1
    except (ConnectionError, asyncio.IncompleteReadError):
        told["cut"] += 1


async def ask(clients, port, token, path, due, took, statuses):
    client = clients.pop() if clients else Client(port, token)
    try:
        status = await client.get(path)
        clients.append(client)
    except (ConnectionError, asyncio.IncompleteReadError) as error:
        status = type(error).__name__
    took.append((time.monotonic() - due) * 1000)
    statuses[status] = statuses.get(status, 0) + 1


def of_process(pid):
    """Resident KiB, and seconds of the processor so far."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return int(fields["VmRSS"].split()[0]), (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


async def load(options, port, pid, token):
    told = {"readers": 0, "records": 0, "gaps": 0, "ended": 0, "cut": 0, "refused": 0}
    readers = []
    for _ in range(options.readers):
        readers.append(asyncio.create_task(watch(port, token, told)))
        await asyncio.sleep(0.005)
    while told["readers"] + told["refused"] + told["cut"] < options.readers:
        await asyncio.sleep(0.1)
    clients, took, statuses, tasks = [], [], {}, set()
    seconds = options.minutes * 60
    begin = time.monotonic()
    _, cpu = of_process(pid)
    own = time.process_time()
    shown = 0
    for number in range(int(seconds * options.rate)):
        due = begin + number / options.rate
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(ask(clients, port, token, KINDS[number % len(KINDS)], due, took, statuses))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if (passed := time.monotonic() - begin) >= shown:
            print(f"  {passed:5.0f} s   {of_process(pid)[0] / 1024:7.1f} MiB   {told['readers'] - told['cut']} readers", flush=True)
            shown += max(10, seconds / 12)
    if tasks:
        await asyncio.wait(list(tasks))
    passed = time.monotonic() - begin
    memory, after = of_process(pid)
    print(f"  {passed:5.0f} s   {memory / 1024:7.1f} MiB   {told['readers'] - told['cut']} readers")
    took.sort()
    at = lambda part: took[min(len(took) - 1, int(len(took) * part))]
    print(f"{len(took)} requests in {passed:.0f} s: p50 {at(.5):.1f} ms, p90 {at(.9):.1f} ms, p99 {at(.99):.1f} ms, "
          f"longest {took[-1]:.1f} ms   goal p99 < 100 ms (G15)")
    print(f"answers {statuses}; streams {told}")
    if told["ended"] or told["cut"] or told["refused"]:
        print("not what was to be measured: the release ended, or readers were cut off")
    print(f"processor: server {(after - cpu) / passed:.2f}, this program {(time.process_time() - own) / passed:.2f} of one; "
          f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()}")
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)


async def pages(port, token):
    client = Client(port, token)
    for path in PAGES:
        took = []
        for _ in range(9):
            began = time.monotonic()
            status = await client.get(path)
            took.append((time.monotonic() - began) * 1000)
        print(f"  {path:<44}{statistics.median(took):8.1f} ms, {min(took):.1f} at least   {status}")


def serve(binary, host):
    """Starts the server; answers with the process, its port and a token."""
    sh(binary, "token", "create", "bench", "--role", "viewer", "--curl-config", str(host.parent / "curl"), cwd=host)
    token = (host.parent / "curl").read_text().split("Bearer ")[1].split('"')[0]
    server = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0"], cwd=host, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    for line in server.stdout:
        if "http://" in line:
            return server, int(line.split("http://127.0.0.1:")[1].split()[0].strip("/`")), token
    sys.exit("the server did not begin")


def measure(root, options):
    binary = os.path.abspath(options.binary)
    host = released(root, binary)
    records = lengthened(host, "3", options.records) if options.records else 0
    seconds = int(options.minutes * 60) + options.readers // 50 + 60
    pushed(host, "2", seconds)
    server, port, token = serve(binary, host)
    run = subprocess.Popen([binary, "run", "2", "--yes"], cwd=host, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (host / ".asd/workspace/releases/2.log").exists():
            time.sleep(0.05)
        print(f"{options.readers} readers, {options.rate} requests a second, {options.minutes} min")
        asyncio.run(load(options, port, server.pid, token))
    finally:
        subprocess.run([binary, "cancel", "2@1", "--confirm", "2@1"], cwd=host, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        run.wait()
    try:
        if records:
            sh(binary, "log", "3", "--verify", cwd=host)
            print(f"a log of {records} records, medians of nine, to the last byte   goal < 300 ms for 10,000")
            asyncio.run(pages(port, token))
    finally:
        server.terminate()
        server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--readers", type=int, default=1_000)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--binary", default=str(TOP / "target/release/holdpoint"))
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory(prefix="holdpoint-bench-") as root:
        measure(pathlib.Path(root), options)


if __name__ == "__main__":
    main()
