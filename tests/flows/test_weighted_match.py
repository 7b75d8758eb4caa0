"""The weighted model in a project: stated weights, one sum, joined from a stated threshold."""

import pytest
from tests import workbench
from tests.running import project

from onefold import bootstrap
from onefold.model import Identifier
from onefold.pipelines import judgements

HOME = {"street": "1 Elm Street", "postal_code": "46402"}
RECORDS = {
    "a1": {"first_name": "Anna", "last_name": "Marsh", "phone": "+13125550111"} | HOME,
    "a2": {"first_name": "Anna", "last_name": "Marsh", "phone": "+13125550111"} | HOME,
    "b1": {"first_name": "Bertram", "last_name": "Marsh", "phone": "+13125550122"} | HOME,
    "c1": {"first_name": "Anna", "last_name": "Quill", "phone": "+13125550133", "street": "77 Oak Avenue"},
}


@pytest.mark.parametrize(("threshold", "people"), [(0.85, 3), (0.5, 2)])
def test_pairs_are_joined_from_the_threshold(threshold, people):
    """Two records that agree in all are one person; a lower threshold joins two of a family, too."""
    with project() as here:
        (here.directory / "identity.yaml").write_text(
            "types: {contact_id: {priority: 90, limit: 9}}\n"
            f"match: {{model: weighted, join_from: {threshold}, review_from: 0.5, weights: {{phone: 0.1, missing: zero}}}}\n"
        )
        with bootstrap.opened(here.directory, None) as workspace:
            context = workspace.context
            bodies = [
                {"type": "identify", "messageId": name, "traits": traits}
                | {"context": {"externalIds": [{"type": "contact_id", "id": name}]}}
                for name, traits in RECORDS.items()
            ]
            context.log.append([workbench.entry(body, source="crm", index=n) for n, body in enumerate(bodies)])
            bootstrap.catch_up(workspace)
            run = bootstrap.match_records(workspace, incremental=True)
            bootstrap.catch_up(workspace)
            assert run.full, "the sum has no model to go on with"
            assert run.model.startswith("weighted:")
            with context.store.snapshot() as seen:
                nodes = [
                    judgements.subject(Identifier("contact_id", n), context.identity, context.hasher) for n in RECORDS
                ]
                person = [
                    row.member.person for _, row in sorted(seen.nodes(nodes).items(), key=lambda i: nodes.index(i[0]))
                ]
            assert person[0] == person[1]
            assert len(set(person)) == people
            assert bootstrap.match_records(workspace).changed == 0
