"""The keys a project is furnished with: one a source, one for reading, each once."""

from tests.running import project

from onefold import bootstrap


def test_a_source_called_as_the_reading_key_gets_a_key_of_its_own():
    """Each is made, and made once."""
    with project() as here:
        (here.directory / "sources" / "reader.yaml").write_text("name: reader\nkind: http\n")
        made = bootstrap.furnish(here.directory)["keys"]
        assert [(key["kind"], key["name"]) for key in made] == [("source", "reader")]
        assert bootstrap.furnish(here.directory)["keys"] == []
