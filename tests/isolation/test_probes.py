"""No request shows one workspace anything of another, or changes anything in it."""

from __future__ import annotations
import pytest, time
from tests.isolation import probes, trial, tenants

@pytest.fixture
def make(tmp_path):
    with trial.grounds(tmp_path) as made:
        yield made

@pytest.mark.parametrize("mine", tenants.TENANTS, ids=lambda t: t.name)
def test_looks(make, mine):
    t=time.time()
    twins = make(mine)
    print("ground", time.time()-t); t=time.time()
    tried = probes.looks(twins.attack, twins.places())
    from collections import Counter
    print(len(tried), Counter(p.place.template for p in tried), len(twins.attack.their_ids))
    outcome = make.run(twins.judged(tried[:6000]))
    print("looks", time.time()-t, outcome.probes, outcome.statuses); t=time.time()
    for f in outcome.findings: print(f)
    w = probes.writes(twins.attack, twins.places())
    print(len(w), Counter((p.place.template,p.caller.stands) for p in w))
    assert not outcome.findings
