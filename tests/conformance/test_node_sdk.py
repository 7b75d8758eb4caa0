"""The real @segment/analytics-node against the running server."""

import subprocess
from pathlib import Path

import pytest
from tests.running import running

pytestmark = pytest.mark.xdist_group("server")
INSTALLED = Path(__file__).parents[2] / "build" / "node"
PROGRAM = """
import { Analytics } from '@segment/analytics-node';
const [writeKey, host] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, flushAt: 20, flushInterval: 200 });
let errors = 0;
analytics.on('error', () => { errors += 1; });
for (let n = 0; n < 5; n += 1)
  analytics.identify({ userId: `n${n}`, anonymousId: `c${n}`, traits: { email: `n${n}@mail.test` } });
for (let n = 0; n < 200; n += 1)
  analytics.track({
    userId: `n${n % 5}`, event: 'Story Read', properties: { n }, timestamp: new Date(1760000000000 + n * 1000),
  });
analytics.page({ userId: 'n0', name: 'Front', category: 'news' });
analytics.group({ userId: 'n1', groupId: 'g1', traits: { size: 3 } });
analytics.alias({ userId: 'n1', previousId: 'c9' });
await analytics.closeAndFlush({ timeout: 15000 });
process.exit(errors ? 1 : 0);
"""


def test_every_message_is_stored_once_with_the_right_identity_and_time():
    """What the SDK sends arrives whole: each message once, at its person, at its time."""
    assert (INSTALLED / "node_modules").is_dir(), "the Node SDKs are not installed: run `make node`"
    program = INSTALLED / "send.mjs"
    program.write_text(PROGRAM)
    with running() as server:
        done = subprocess.run(
            ["node", program.name, server.here.write_key, f"http://127.0.0.1:{server.here.port}"],
            cwd=INSTALLED, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        account = server.account()
        assert (account["received"], account["stored"], account["duplicate"], account["rejected"]) == (208, 208, 0, 0)
        for n in range(5):
            assert server.profile(f"email:n{n}@mail.test")["id"] == server.profile(f"anonymous_id:c{n}")["id"]
        assert server.profile("anonymous_id:c9")["id"] == server.profile("user_id:n1")["id"]
        seen = {
            e["properties"]["n"]: e["original_timestamp"]
            for e in server.timeline("user_id:n2")
            if e["name"] == "Story Read"
        }
        assert sorted(seen) == list(range(2, 200, 5))
        assert seen[2] == "2025-10-09T08:53:22.000Z"
