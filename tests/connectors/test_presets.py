"""Presets: each recognises the files of its system, and states what their rows say."""

import msgspec
import pytest
from tests.connectors.exports import EXPORTS

from onefold.connectors.sources import files, guess, mapping
from onefold.connectors.sources.first_rows import first_rows


@pytest.fixture
def stated(tmp_path):
    """Load text as guessed: (guess, events, reasons of skipped rows, rejected rows)."""

    def run(text: str):
        path = tmp_path / "people.csv"
        path.write_text(text, encoding="utf-8")
        guessed = guess.guess(*first_rows(path))
        decode = msgspec.json.Decoder(float_hook=str).decode
        rows = list(files.rows(path, guessed.mapping))
        events = [decode(row.body) for row in rows if isinstance(row, files.Row)]
        skipped = [row.because for row in rows if isinstance(row, files.SkippedRow)]
        return guessed, events, skipped, [row for row in rows if isinstance(row, files.BadRow)]

    return run


def told(event):
    """A row's statement as `exports` writes it."""
    amount = event["properties"].get("amount", event["properties"].get("revenue"))
    return (
        event.get("event", "record"),
        {f"{i['type']}:{i['value']}" for i in event["identifiers"]},
        None if amount is None else str(amount),
        event["context"].get("consent", {}).get("categoryPreferences", {}),
    )


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_recognised_and_says_what_it_says(stated, name):
    """By its header line alone; nothing is doubtful, nothing is lost, what is left out is counted."""
    export = EXPORTS[name]
    guessed, events, skipped, rejected = stated(export.text)
    assert guessed.mapping.system == export.system
    assert not guessed.doubts
    assert not rejected
    assert [told(event) for event in events] == export.states
    assert len(skipped) == export.skipped
    assert all("timestamp" not in event or event["timestamp"].endswith("Z") for event in events)


def test_every_preset_that_recognises_has_its_file():
    """A preset without a test is a promise."""
    presets = {plan.system for name in mapping.presets() if (plan := mapping.preset(name)).recognise}
    assert presets == {export.system for export in EXPORTS.values()}


def test_a_preset_takes_consent_it_does_not_name(stated):
    """A column of the user's own that refuses is heard in a recognised file, too."""
    text = EXPORTS["hubspot"].text.replace("Opted out of email: News", "Do not call")
    _, events, _, _ = stated(text.replace(",false\n", ",true\n"))
    assert events[0]["context"]["consent"]["categoryPreferences"] == {"email": False, "phone": False}


def test_a_column_of_places_is_not_taken_for_answers(stated):
    """A table of customers that has Kit's columns by chance: its `state` is where they live."""
    lines = [
        "id,first_name,email_address,state,created_at",
        *(f"{n},Ann,a{n}@one.test,NY,2024-01-15" for n in range(5)),
    ]
    guessed, events, _, rejected = stated("\n".join(lines) + "\n")
    assert guessed.mapping.system == ""
    assert not rejected
    assert all(told(event)[3] == {} and event["traits"]["state"] == "NY" for event in events)


def test_a_word_that_no_preset_foresaw_is_told_and_counts_as_a_no(stated):
    """Among others that are known: a refusal in new words is not lost."""
    text = (
        EXPORTS["kit"].text
        + "7,Gus,gus@seven.test,paused by user,2024-01-15T10:30:00Z\n8,Hal,hal@eight.test,zzz,2024-01-15\n"
    )
    _, events, _, _ = stated(text)
    assert [told(event)[3] for event in events[-2:]] == [{"email": False}] * 2
    assert [f["code"] for f in events[-1]["findings"]] == ["consent_unreadable"]


def test_a_status_of_a_list_is_consent_whatever_else_it_says(stated):
    """A file of a newsletter that no preset knows: `cleaned` beside `subscribed` is a refusal, `pending` nothing."""
    words = {"subscribed": True, "cleaned": False, "unsubscribed": False, "bounced": False, "pending": None}
    lines = [f"a{n}@one.test,{word},4" for n, word in enumerate(words)]
    guessed, events, _, _ = stated("\n".join(["Email Address,Status,MEMBER_RATING", *lines]) + "\n")
    assert guessed.mapping.system == ""
    assert [told(event)[3].get("email") for event in events] == list(words.values())
