"""The command line: `python -m infra.local.payments --port 8420 --state payments.sqlite`."""

import argparse
import signal
import sqlite3
import sys
import threading

from infra.local.payments.server import serve
from infra.local.processes import end_with_starter


def main() -> int:
    options = _options()
    stopped = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stopped.set())
    end_with_starter()
    try:
        server = serve(options.port, options.state)
    except (OSError, sqlite3.Error) as problem:
        where = f"port {options.port}, state {options.state}"
        print(f"payment sandbox cannot start ({where}): {problem}", file=sys.stderr)
        return 1
    print(f"payment sandbox ready at {server.url}", flush=True)
    stopped.wait()
    server.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="payments", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="0 picks a free port")
    parser.add_argument("--state", required=True, help="the file that keeps every account's ledger")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
