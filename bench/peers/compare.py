#!/usr/bin/env python3
"""Moves the same amount of memory by post-copy with `uffd migrate`, with QEMU, and with native programs, in turn, and prints ratios.

Interleaved, so that what else happens on the machine meets all of them; medians, with the smallest and the largest. See README.md here.
"""
import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
PAGE = 4096
# MiB where nothing is pushed: every page waits for its own round trip.
NO_PUSH = 32
# vCPUs of the KVM guests.
KVM_VCPUS = (1, 2, 4)
# Ours: CPU of the fault loop, the vCPUs and the urgent lane, and CPU of all the rest. kvmmig: source urgent and background, destination
# faults, background and vCPUs.
KVM_PLACE, KVMMIG_PLACE = "0,1", "01010"
# Targets, as ratios of neighbouring runs.
DOWNTIME_OF_KVMMIG, WAIT_OF_KVMMIG, DOWNTIME_OF_QEMU, WAIT_OF_QEMU = 2, 1.5, 1, 0.6


def random_image(folder, megabytes):
    """A file of random bytes: no page of it is zero."""
    path = os.path.join(folder, f"image-{megabytes}")
    with open(path, "wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(MIB))
    return path


def ours(uffd, image, vcpus, place, folder, extra=()):
    """One migration between two processes; pages a second, wait per request in us, downtime in ms."""
    receive, send = os.path.join(folder, "receive.json"), os.path.join(folder, "send.json")
    pages = os.path.getsize(image) // PAGE
    command = [uffd, "migrate", "demo", "--world", "live"]
    if place:
        command += ["--place", place]
    for side, options in (
            ("send", ["--image=" + image, f"--vcpus={vcpus}", f"--accesses={2 * pages}", f"--switch-after={vcpus}", "--write-ratio=0",
                      "--json=" + send]),
            ("receive", ["--json=" + receive, *extra])):
        command += [f"--{side}={option}" for option in options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"uffd migrate demo failed ({done.returncode}): {done.stderr.strip() or done.stdout.strip()}")
    with open(receive, encoding="utf-8") as file:
        there = json.load(file)
    with open(send, encoding="utf-8") as file:
        here = json.load(file)
    latency = {p["percentile"]: p["ns"] / 1e3 for p in there["latency"]["percentiles"]}
    return {
        "pages/s": there["pages"] / (there["memoryCompleteNs"] / 1e9),
        "us/request": there["latency"]["meanNs"] / 1e3,
        "p99 us": latency.get(99, latency.get(99.0, 0)),
        "requests": there["requests"],
        "downtime ms": here["downtimeNs"] / 1e6,
    }


def ours_kvm(uffd, image, vcpus, place, folder, rounds=None):
    """A KVM guest between two processes: it visits its pages three times, and runs for 400 ms before it leaves, as kvmmig's does."""
    path = os.path.join(folder, "kvm.json")
    command = [uffd, "vmm", "migrate", f"--image={image}", f"--vcpus={vcpus}", "--rounds=3", "--run-first=400ms", f"--json={path}"]
    if place:
        command += ["--place", place]
    if rounds:
        command += [f"--precopy-rounds={rounds}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        sys.exit(f"uffd vmm migrate failed ({done.returncode}): {done.stderr.strip() or done.stdout.strip()}")
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    here, there = document["source"], document["destination"]
    if not here["kvm"]["leftRunning"]:
        sys.exit("uffd vmm migrate: the guest had come to its end before it left; use a larger --size")
    return {
        # After a pre-copy hardly a page is left.
        "pages/s": None if rounds else there["pages"] / (there["memoryCompleteNs"] / 1e9),
        "us/request": there["requestWaitNs"] / 1e3 / there["requests"] if there["requests"] else None,
        "requests": there["requests"],
        # As kvmmig's: until the last vCPU runs there, by the clock of this machine. Our own figure waits for the news of it as well.
        "downtime ms": (there["ranAtNs"] - here["stoppedAtNs"]) / 1e6,
        "place": f"fault loop on CPU {cpu(there['loopCpu'])}, vCPUs on CPU {cpu(there['vcpuCpu'])}",
    }


def cpu(number):
    """A CPU of a report, which has null for any."""
    return "any" if number is None else number


def native_kvm(program, megabytes, vcpus, options=()):
    """kvmmig: a KVM guest between two processes in C. Its downtime ends when the last vCPU runs."""
    # It visits a power of two of pages.
    pages = 1 << ((megabytes * MIB // PAGE) * 2 // 3).bit_length() - 1
    done = subprocess.run(
        [program, "-v", str(vcpus), "-m", str(megabytes), "-p", str(pages), *options], capture_output=True, text=True, timeout=600)
    fields = dict(word.strip("()").split("=", 1) for word in done.stdout.split() if "=" in word)
    if fields.get("result") != "ok":
        sys.exit(f"{program} failed: {done.stdout} {done.stderr}")
    return {
        "pages/s": float(fields["pages_per_s"]),
        "us/request": float(fields["wait_mean_us"]) if int(fields["requests"]) else None,
        "requests": int(fields["requests"]),
        "downtime ms": float(fields["downtime_ms"]),
        "place": place_of_kvmmig(options),
    }


def place_of_kvmmig(options):
    """What its -P says, in the words of our report."""
    place = options[options.index("-P") + 1] if "-P" in options else "-----"
    return ", ".join(
        f"{what} on CPU {'any' if where == '-' else where}"
        for what, where in zip(("source urgent", "source push", "fault loop", "push", "vCPUs"), place))


def native(program, options):
    """pcwire: two processes in C. It times every touch, of present pages too: as more than half of them are, the median is one of these."""
    done = subprocess.run([program, "-r", "1", *options], capture_output=True, text=True, timeout=300)
    fields = dict(word.split("=", 1) for word in done.stdout.split() if "=" in word and not word.startswith("requests=0"))
    if fields.get("hash") != "ok":
        sys.exit(f"{program} failed: {done.stdout} {done.stderr}")
    requests = max(1, int(fields["requests"]))
    present = max(0, int(fields["waits"]) - requests)
    if present < requests:
        present = 0
    return {
        "pages/s": float(fields["pages_per_s"]),
        "us/request": (float(fields["blocked_ms"]) * 1e3 - present * float(fields["wait_p50_us"])) / requests,
        "requests": requests,
    }


class Qmp:
    """QEMU's monitor on a Unix socket."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        for _ in range(200):
            try:
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.02)
        else:
            sys.exit("QEMU has not opened its monitor")
        self.file = self.socket.makefile("r", encoding="utf-8")
        self.file.readline()
        self("qmp_capabilities")

    def __call__(self, command, **arguments):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                sys.exit(f"QEMU refuses {command}: {answer['error']['desc']}")


def qemu(program, guest, megabytes, folder):
    """QEMU with its own guest: 4 MiB a second of pre-copy for 0.1 s, then post-copy without a limit."""
    wire = f"unix:{folder}/wire"
    base = [program, "-M", "pc", "-accel", "tcg", "-smp", "1", "-m", str(megabytes), "-nodefaults", "-no-user-config", "-display", "none",
            "-kernel", guest]
    ends = []
    try:
        for name, more in (("from", []), ("to", ["-incoming", wire])):
            path = os.path.join(folder, name)
            ends.append(subprocess.Popen([*base, "-qmp", f"unix:{path},server=on,wait=off", *more]))
        source, target = Qmp(os.path.join(folder, "from")), Qmp(os.path.join(folder, "to"))
        for end in (source, target):
            end("migrate-set-capabilities", capabilities=[
                {"capability": "postcopy-ram", "state": True}, {"capability": "postcopy-blocktime", "state": True}])
        source("migrate-set-parameters", **{"max-bandwidth": 4 * MIB})
        # The guest has written its memory and touches it again.
        time.sleep(3)
        source("migrate", uri=wire)
        time.sleep(0.1)
        began = source("query-migrate").get("ram", {}).get("transferred", 0)
        start = time.monotonic()
        source("migrate-start-postcopy")
        while True:
            state = source("query-migrate")
            if state["status"] == "completed":
                break
            if state["status"] in ("failed", "cancelled"):
                sys.exit(f"QEMU's migration has {state['status']}")
            time.sleep(0.002)
        seconds = time.monotonic() - start
        blocked = target("query-migrate").get("postcopy-vcpu-blocktime", [0])
        ram = state["ram"]
        requests = max(1, ram["postcopy-requests"])
        return {
            "pages/s": (ram["transferred"] - began) / PAGE / seconds,
            "us/request": sum(blocked) * 1e3 / requests,
            "requests": requests,
            "downtime ms": state.get("downtime", 0),
        }
    finally:
        for end in ends:
            end.kill()
            end.wait()
        for name in ("from", "to", "wire"):
            path = os.path.join(folder, name)
            if os.path.exists(path):
                os.remove(path)


def table(rows):
    """Medians, with the smallest and the largest of all runs."""
    names = ["pages/s", "us/request", "p99 us", "requests", "downtime ms"]
    print(f"{'':28}" + "".join(f"{name:>26}" for name in names))
    for name, runs in rows.items():
        cells = []
        for figure in names:
            values = [run[figure] for run in runs if run.get(figure) is not None]
            cells.append(
                f"{statistics.median(values):,.1f} [{min(values):,.0f}-{max(values):,.0f}]" if values else "-")
        print(f"{name:28}" + "".join(f"{cell:>26}" for cell in cells))


def ratio(rows, figure, ours_name, other, target=None):
    """Median of the ratios of neighbouring runs: what disturbs one disturbs the other. With a target, whether it is met."""
    if ours_name not in rows or other not in rows:
        return
    ratios = [a[figure] / b[figure] for a, b in zip(rows[ours_name], rows[other]) if a.get(figure) and b.get(figure)]
    if not ratios:
        return
    median = statistics.median(ratios)
    verdict = "" if target is None else f"; target {target}: {'met' if median <= target else 'MISSED'}"
    print(f"  {figure:12} {ours_name} / {other}: {median:.2f} [{min(ratios):.2f}-{max(ratios):.2f}]{verdict}")


def kvm_kinds(uffd, image, folder, arguments):
    """What moves a KVM guest: ours and kvmmig, with several numbers of vCPUs, placed and not, and once with a pre-copy."""
    kinds = {}
    for vcpus in KVM_VCPUS:
        for how, place, options in (("placed", KVM_PLACE, ["-P", KVMMIG_PLACE]), ("unpinned", None, [])):
            kinds[f"uffd kvm {vcpus} {how}"] = lambda v=vcpus, p=place: ours_kvm(uffd, image, v, p, folder)
            if arguments.kvmmig:
                kinds[f"kvmmig {vcpus} {how}"] = lambda v=vcpus, o=options: native_kvm(arguments.kvmmig, arguments.size, v, o)
    kinds["uffd kvm 1 pre-copy"] = lambda: ours_kvm(uffd, image, 1, None, folder, rounds=3)
    if arguments.kvmmig:
        kinds["kvmmig 1 pre-copy"] = lambda: native_kvm(arguments.kvmmig, arguments.size, 1, ["-c", "3", "-A"])
    return kinds


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--runs", type=int, default=5, help="migrations of each kind; default 5")
    parser.add_argument("--size", type=int, default=192, help="MiB of random pages; default 192")
    parser.add_argument("--vcpus", type=int, default=2, help="vCPUs of ours and of the native program; default 2 (QEMU's guest has 1)")
    parser.add_argument("--uffd", default=os.path.join(HERE, "../../src/UffdActors.Cli/bin/Release/net10.0/uffd"))
    parser.add_argument("--pcwire", help="the native program (pcwire), compiled")
    parser.add_argument("--kvmmig", help="the native program that moves a KVM guest (kvmmig), compiled")
    parser.add_argument("--kvm", action="store_true", help="move KVM guests too, with 1, 2 and 4 vCPUs; --kvmmig implies it")
    parser.add_argument("--kvm-only", action="store_true", help="move KVM guests alone")
    parser.add_argument("--qemu", default=shutil.which("qemu-system-x86_64"), help="qemu-system-x86_64; install.sh installs it")
    arguments = parser.parse_args()
    uffd = os.path.abspath(arguments.uffd)
    if not os.path.exists(uffd):
        sys.exit(f"{uffd}: not built; dotnet build -c Release")
    with tempfile.TemporaryDirectory(prefix="uffd-peers-") as folder:
        image, small = random_image(folder, arguments.size), random_image(folder, NO_PUSH)
        guest = os.path.join(folder, "guest")
        if arguments.qemu and not arguments.kvm_only:
            subprocess.run(
                ["gcc", "-m32", "-nostdlib", "-static", "-Wl,-Ttext=0x100000", "-Wl,--build-id=none", "-o", guest,
                 os.path.join(HERE, "guest.S")], check=True)
        kinds = {
            "uffd placed 0,1": lambda: ours(uffd, image, arguments.vcpus, "0,1", folder),
            "uffd placed, no push": lambda: ours(uffd, small, arguments.vcpus, "0,1", folder, ["--bandwidth=256K"]),
            "uffd unpinned": lambda: ours(uffd, image, arguments.vcpus, None, folder),
            "uffd unpinned, 1 vCPU": lambda: ours(uffd, image, 1, None, folder),
        }
        if arguments.pcwire:
            size = ["-m", str(arguments.size), "-v", str(arguments.vcpus)]
            kinds["pcwire cross -u"] = lambda: native(arguments.pcwire, ["-P", "cross", "-u", *size])
            few = ["-m", str(NO_PUSH), "-v", str(arguments.vcpus)]
            kinds["pcwire cross -u, no push"] = lambda: native(arguments.pcwire, ["-P", "cross", "-u", "-n", *few])
        if arguments.qemu:
            # Its guest works on 128 MiB behind the first 16.
            kinds["qemu unpinned, 1 vCPU"] = lambda: qemu(arguments.qemu, guest, max(arguments.size, 192), folder)
        if arguments.kvm_only:
            kinds = {}
        if arguments.kvm or arguments.kvm_only or arguments.kvmmig:
            kinds |= kvm_kinds(uffd, image, folder, arguments)
        rows = {name: [] for name in kinds}
        for run in range(arguments.runs):
            for name, measure in kinds.items():
                if sys.stderr.isatty():
                    print(f"\rrun {run + 1} of {arguments.runs}: {name:30}", end="", file=sys.stderr, flush=True)
                rows[name].append(measure())
        if sys.stderr.isatty():
            print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
        print(f"{arguments.size} MiB of random pages ({NO_PUSH} without push) over a Unix socket, {arguments.vcpus} vCPUs, "
              f"{arguments.runs} runs of each in turn, "
              f"{os.cpu_count()} CPUs, Linux {os.uname().release}; median [smallest-largest]\n")
        table(rows)
        for name, runs in rows.items():
            if runs and "place" in runs[0]:
                print(f"  placement    {name}: {runs[0]['place']}")
        print("\nratios, medians over the runs:")
        ratio(rows, "us/request", "uffd placed 0,1", "pcwire cross -u")
        ratio(rows, "us/request", "uffd placed, no push", "pcwire cross -u, no push")
        ratio(rows, "pages/s", "uffd placed 0,1", "pcwire cross -u")
        ratio(rows, "us/request", "uffd unpinned, 1 vCPU", "qemu unpinned, 1 vCPU")
        ratio(rows, "pages/s", "uffd unpinned, 1 vCPU", "qemu unpinned, 1 vCPU")
        ratio(rows, "p99 us", "uffd placed 0,1", "uffd placed, no push")
        for vcpus in KVM_VCPUS:
            for how in ("placed", "unpinned"):
                for figure, target in (("downtime ms", DOWNTIME_OF_KVMMIG), ("us/request", WAIT_OF_KVMMIG)):
                    ratio(rows, figure, f"uffd kvm {vcpus} {how}", f"kvmmig {vcpus} {how}", target)
        for figure, target in (("downtime ms", DOWNTIME_OF_KVMMIG), ("us/request", WAIT_OF_KVMMIG)):
            ratio(rows, figure, "uffd kvm 1 pre-copy", "kvmmig 1 pre-copy", target)
        for vcpus in KVM_VCPUS:
            for figure, target in (("downtime ms", DOWNTIME_OF_QEMU), ("us/request", WAIT_OF_QEMU)):
                ratio(rows, figure, f"uffd kvm {vcpus} unpinned", "qemu unpinned, 1 vCPU", target)
        for name in ("uffd placed 0,1", "qemu unpinned, 1 vCPU"):
            if name in rows:
                print(f"  downtime ms  {name}: {statistics.median(run['downtime ms'] for run in rows[name]):.1f}")


main()
