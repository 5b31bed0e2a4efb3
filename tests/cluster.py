"""Worker processes on loopback, started and ended as a user would."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

UNREACHABLE = Path(__file__) / "run"  # a directory that no process can make, or look into


def free_addresses(number=2):
    """On loopback, below the ports that the system gives to others meanwhile."""
    addresses = []
    while len(addresses) < number:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with socket.socket() as taken:
            if taken.connect_ex(("127.0.0.1", port)) and f"127.0.0.1:{port}" not in addresses:
                addresses.append(f"127.0.0.1:{port}")
    return addresses


def tf_config(addresses, index):
    return json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}})


def start(*commands):
    """A worker for each command of Python's, the chief first."""
    addresses = free_addresses(len(commands))
    return [
        subprocess.Popen(
            [sys.executable, *map(str, command)],
            env={**os.environ, "TF_CONFIG": tf_config(addresses, index)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for index, command in enumerate(commands)
    ]


def ended(workers, seconds=150):
    """What workers have left when all have ended, within so many seconds: each (status, output, log)."""
    end = time.monotonic() + seconds
    reading = ThreadPoolExecutor(len(workers))
    try:
        coming = [reading.submit(worker.communicate) for worker in workers]
        written = [each.result(max(0.0, end - time.monotonic())) for each in coming]
    finally:
        for worker in workers:
            worker.kill()
        reading.shutdown()
    assert not any("Traceback" in log for _, log in written), written
    return [(worker.returncode, *each) for worker, each in zip(workers, written, strict=True)]


def last_line(log):
    """What a log ends with, behind the progress bar."""
    lines = log.strip().splitlines() or [""]
    return lines[-1].rpartition("\r")[2].strip()
