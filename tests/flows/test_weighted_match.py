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


def load_records(workspace):
    """Let a workspace know the records."""
    bodies = [
        {"type": "identify", "messageId": name, "traits": traits}
        | {"context": {"externalIds": [{"type": "contact_id", "id": name}]}}
        for name, traits in RECORDS.items()
    ]
    workspace.context.log.append([workbench.entry(body, source="crm", index=n) for n, body in enumerate(bodies)])
    bootstrap.catch_up(workspace)


def run_as(directory, model):
    """An incremental run in a project whose identity.yaml states this model, processed."""
    (directory / "identity.yaml").write_text(
        f"types: {{contact_id: {{priority: 90, limit: 9}}}}\nmatch: {{model: {model}}}\n"
    )
    with bootstrap.opened(directory, None) as workspace:
        run = bootstrap.match_records(workspace, incremental=True)
        bootstrap.catch_up(workspace)
        return run


def test_no_incremental_run_goes_on_from_the_scores_of_another_model():
    """Learned, then weighted, then learned: the sums in the place of probabilities are not taken for the model's own."""
    with project() as here:
        (here.directory / "identity.yaml").write_text("types: {contact_id: {priority: 90, limit: 9}}\n")
        with bootstrap.opened(here.directory, None) as workspace:
            load_records(workspace)
        first = run_as(here.directory, "learned")
        assert first.full
        assert not run_as(here.directory, "learned").full, "the control: without a change between, it goes on"
        assert run_as(here.directory, "weighted").full
        again = run_as(here.directory, "learned")
        assert again.full
        assert again.model == first.model


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
            load_records(workspace)
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
