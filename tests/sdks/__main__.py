"""Run the vendors' suites. Exits with the status of pytest: 0 where all holds that can."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.running import running
from tests.sdks.exceptions import CANNOT_HOLD

SUITES = ("segment.analytics.test", "rudderstack.analytics.test")


def main() -> int:
    """Start a server, run each suite against it, and look at what it received."""
    worst = 0
    with running() as server:
        environment = os.environ | {
            "ONEFOLD_URL": f"http://127.0.0.1:{server.here.port}",
            "ONEFOLD_WRITE_KEY": server.here.write_key,
        }
        for suite in SUITES:
            command = [sys.executable, "-m", "pytest", "-q", "-p", "tests.sdks.redirect", "-p", "no:cacheprovider"]
            command += ["-c", os.devnull, "--pyargs", suite, *sys.argv[1:]]
            worst = max(worst, subprocess.run(command, env=environment, check=False).returncode)
        account = server.account()
    counts = ", ".join(f"{name} {account[name]}" for name in ("received", "stored", "duplicate", "rejected"))
    left_out = "".join(f"left out: {test}: {reason}\n" for test, reason in CANNOT_HOLD.items())
    sys.stdout.write(f"{left_out}the server counts: {counts}\n")
    # The suites name nearly every user `userId`, which identifies nobody here; that nothing arrived would be our fault.
    return worst or int(account["received"] == 0)


if __name__ == "__main__":
    sys.exit(main())
