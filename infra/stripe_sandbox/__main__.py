"""Command line of the Stripe sandbox: `python -m infra.stripe_sandbox --port 8420 --state payments.sqlite`."""

import argparse
import os
import signal
import sqlite3
import sys
import threading
import time

from infra.stripe_sandbox.server import serve


def main() -> int:
    options = _options()
    stopped = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stopped.set())
    if options.end_with:
        threading.Thread(target=_end_with, args=(options.end_with,), daemon=True).start()
    try:
        server = serve(options.port, options.state)
    except (OSError, sqlite3.Error) as problem:
        where = f"port {options.port}, state {options.state}"
        print(f"Stripe sandbox cannot start ({where}): {problem}", file=sys.stderr)
        return 1
    print(f"Stripe sandbox ready at {server.url}", flush=True)
    stopped.wait()
    server.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.stripe_sandbox", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 picks a free port")
    parser.add_argument("--state", required=True, help="SQLite file with the data of all accounts")
    parser.add_argument("--end-with", type=int, metavar="PID", help="stop when this parent process is gone")
    return parser.parse_args()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
