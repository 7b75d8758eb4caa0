"""A project directory is read whole: its values with defaults, or all of its errors with file and line."""

import os
from pathlib import Path

import jsonschema
import pytest
import yaml

from onefold.config import TEMPLATES, ProjectError, SecretReference, init, read_project, schema_texts, secret_text
from onefold.config.project import Limits, Server
from onefold.errors import ConfigurationError, UsageError

MAIN = "version: 1\nworkspace: media\nkeys: {root: 'env:ROOT'}\n"


def project(directory: Path, **files: str) -> Path:
    """A project with a right onefold.yaml and the given others (`sources__web` is sources/web.yaml)."""
    for name, text in {"onefold": MAIN, **files}.items():
        path = directory / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def errors(directory: Path) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        read_project(directory)
    return str(caught.value).splitlines()


def test_smallest_project_has_every_default(tmp_path):
    """Three lines are a project; the defaults are the specification's."""
    read = read_project(project(tmp_path))
    assert read.workspaces == ("media",)
    assert read.data == tmp_path / "data"
    assert read.root_key == SecretReference(env="ROOT")
    assert (read.server, read.limits) == (Server(), Limits())
    assert read.server.host == "127.0.0.1"
    assert (read.limits.ingest_per_minute, read.limits.lookups_per_minute, read.limits.operations_per_minute) == (
        100,
        300,
        30,
    )


def test_values_reach_the_stages(tmp_path):
    """Durations, sizes, limits, ranks and strategies arrive in the units the stages use."""
    read = read_project(
        project(
            tmp_path,
            onefold=MAIN + "events: {max_size: 256KB, warn_size: 8KB, max_depth: 16}\n",
            sources__web="kind: http\nrank: 50\nallowed_origins: ['https://example.org']\n",
            sources__crm="kind: file\nrank: 1\n",
            identity="default_region: GB\ntypes:\n  anonymous_id: {limit: 5, within: 7d}\nblocked: {values: [0000]}\n",
            profile="sessions: {gap: 15m}\npurchases: {events: {Gift: amount}}\nlifecycle: {churn_after: 90d}\n",
        )
    )
    stages = read.stages
    assert (stages.max_event_bytes, stages.warn_event_bytes, stages.max_depth) == (262_144, 8_192, 16)
    assert stages.source_rank == ("crm", "web")
    assert stages.identity_types["anonymous_id"].window_us == 7 * 86_400_000_000
    assert stages.blocked_values == ("0000",)
    assert stages.session_gap_us == 900_000_000
    assert stages.purchase_events == {"Gift": ("amount",)}
    assert stages.churn_after_us == 90 * 86_400_000_000
    assert read.sources["web"].allowed_origins == ("https://example.org",)


def test_all_errors_come_at_once_with_file_and_line(tmp_path):
    """One run tells everything: unknown keys with the nearest word, wrong kinds, missing keys, contradictions."""
    found = errors(
        project(
            tmp_path,
            onefold="version: 2\nworkspace: Media\nkeys: {root: hunter2}\nserver:\n  prot: 80\n  port: http\n",
            sources__web="knid: http\n",
            identity="types:\n  email:\n    limt: 5\n    within: 7 days\n",
            profile="survivorship: {default: newest}\n",
        )
    )
    assert [line.split(": ")[0] for line in found] == [
        "identity.yaml:3",
        "identity.yaml:4",
        "onefold.yaml:1",
        "onefold.yaml:2",
        "onefold.yaml:3",
        "onefold.yaml:5",
        "onefold.yaml:6",
        "profile.yaml:1",
        "sources/web.yaml:1",
        "sources/web.yaml:1",
    ]
    text = "\n".join(found)
    assert "did you mean `limit`?" in text
    assert "did you mean `port`?" in text
    assert "did you mean `kind`?" in text
    assert "lacks `kind`" in text
    assert "`7 days`" in text


def test_a_secret_in_a_file_is_refused_and_not_repeated(tmp_path):
    """The error says how to refer to the secret, and does not print it."""
    (line,) = errors(project(tmp_path, onefold="version: 1\nworkspace: m\nkeys: {root: hunter2}\n"))
    assert "env:NAME" in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("files", "word"),
    [
        ({"onefold": "a: [1"}, "is not YAML"),
        ({"onefold": "version: 1\nversion: 1\nworkspace: m\nkeys: {root: 'env:A'}\n"}, "says `version` twice"),
        ({"onefold": "a: &a [1]\nb: *a\n"}, "aliases"),
        ({"onefold": MAIN + "workspaces: [a]\n"}, "either `workspace` or `workspaces`"),
        ({"onefold": MAIN + "server: {host: 0.0.0.0}\n"}, "allow_public"),
        ({"onefold": MAIN + "warehouse: {engines: {a: {kind: postgers, url: 'env:A'}}}\n"}, "did you mean `postgres`?"),
        ({"onefold": MAIN + "warehouse: {engines: {A b: {kind: postgres, url: 'env:A'}}}\n"}, "is not a name"),
        (
            {"onefold": MAIN + "warehouse: {engines: {a: {kind: postgres, url: 'env:A', workspace: medai}}}\n"},
            "did you mean `media`?",
        ),
        (
            {
                "onefold": MAIN
                + "warehouse: {engines: {a: {kind: postgres, url: 'env:A'}, b: {kind: postgres, url: 'env:A'}}}\n"
            },
            "give it a `prefix`",
        ),
        ({"onefold": "[1]"}, "must be a mapping"),
        ({"onefold": MAIN + "limits: {enabled: maybe}\n"}, "`true` or `false`"),
        ({"onefold": MAIN + "data:\n"}, "must be a text"),
        ({"sources__web": "kind: http\nworkspace: medai\n"}, "did you mean `media`?"),
        ({"sources__a": "kind: http\nname: b\n", "sources__b": "kind: http\n"}, "source `b` is already in"),
        ({"sources__onefold": "kind: http\n"}, "choose another"),
        ({"identitiy": "types: {}\n"}, "did you mean `identity.yaml`?"),
        ({"identity": "types: {email: {within: 7d}}\n"}, "needs a `limit`"),
        ({"identity": "types: {crm_id: {unique: true, limit: 2}}\n"}, "`unique`"),
        ({"identity": "blocked: {patterns: ['**']}\n"}, "blocks every identifier"),
        ({"profile": "lifecycle: {stages: [{name: a, when: x}, {name: a, when: y}]}\n"}, "there twice"),
        ({"sources__w": "kind: http\ntracking_plan: {events: {A: {type: obj}}}\n"}, "not a JSON Schema"),
        (
            {"sources__w": "kind: http\ntracking_plan: {events: {A: {$ref: 'http://h/s'}}}\n"},
            "only refer to the schema itself",
        ),
        (
            {
                "sources__w": "kind: http\ntracking_plan:\n events:\n  A:\n   properties:\n    x:\n     pattern: '(?=a)'\n"
            },
            "sources/w.yaml:7: the schema of `A`: the pattern `(?=a)` cannot be matched in linear time",
        ),
    ],
)
def test_each_mistake_is_named(tmp_path, files, word):
    """Every mistake is an error with its line, and none of them is a traceback."""
    found = errors(project(tmp_path, **files))
    assert any(word in line for line in found), found
    assert all(line.split(":")[1].isdigit() for line in found)


def test_empty_nested_and_unreadable_files_are_errors_not_crashes(tmp_path):
    """An empty main file lacks its keys; a pathological one is refused; bytes that are not UTF-8 have a line."""
    assert any("lacks `version`" in line for line in errors(project(tmp_path / "a", onefold="")))
    assert any("nested" in line for line in errors(project(tmp_path / "b", identity="[" * 20_000)))
    directory = project(tmp_path / "c")
    (directory / "profile.yaml").write_bytes(b"sessions:\n  gap: \xff\n")
    assert errors(directory) == ["profile.yaml:2: is not UTF-8"]
    (directory / "profile.yaml").write_bytes(b"#" * 2_000_000)
    assert "the most that" in errors(directory)[0]


def test_what_is_not_a_file_and_what_is_huge_are_told_at_once(tmp_path):
    """A pipe keeps nobody waiting, and thousands of digits are out of range like any number that is."""
    directory = project(tmp_path / "pipe")
    (directory / "sources").mkdir(exist_ok=True)
    os.mkfifo(directory / "sources" / "pipe.yaml")
    assert errors(directory) == ["sources/pipe.yaml:1: is not a file"]
    main = (project(tmp_path / "digits") / "onefold.yaml").read_text()
    found = errors(project(tmp_path / "port", onefold=main + "\nserver: {port: " + "9" * 6_000 + "}\n"))
    assert any("port" in line for line in found), found


def test_no_project_says_how_to_make_one(tmp_path):
    """Where there is no project, the error names the command that writes one."""
    with pytest.raises(ConfigurationError, match="onefold init"):
        read_project(tmp_path)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_a_right_project(tmp_path, template):
    """What `init` writes reads without errors, has sources, and names a schema that its files satisfy."""
    written = init(tmp_path, template)
    read = read_project(tmp_path)
    assert len(read.sources) >= 2
    assert read.stages.lifecycle
    schemas = schema_texts()
    for path in written:
        if path.suffix == ".yaml":
            header = path.read_text(encoding="utf-8").splitlines()[0]
            assert header.startswith("# yaml-language-server: $schema=")
            schema = (path.parent / header.split("=", 1)[1]).resolve()
            assert schema.read_text(encoding="utf-8") == schemas[schema.name]
            jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), yaml.safe_load(schemas[schema.name]))


def test_init_never_overwrites(tmp_path):
    """A second `init` is refused, and a file that was there before the first stays as it was."""
    (tmp_path / "identity.yaml").write_text("default_region: DE\n", encoding="utf-8")
    init(tmp_path, "shop")
    assert read_project(tmp_path).stages.default_region == "DE"
    with pytest.raises(UsageError):
        init(tmp_path, "media")


KAFKA = MAIN + "log: {kind: kafka, brokers: 'a:9093,b:9093', partitions: 8, %s}\n"


def test_a_log_on_kafka_is_read_with_its_secrets_by_reference(tmp_path):
    """Options are kept as text, credentials as references; what is not said has its default."""
    more = "options: {security.protocol: SASL_SSL, linger.ms: 5}, credentials: {sasl.password: 'env:PASSWORD'}"
    log = read_project(project(tmp_path, onefold=KAFKA % more)).log
    assert (log.kind, log.brokers, log.partitions, log.replication) == ("kafka", "a:9093,b:9093", 8, 3)
    assert log.options == {"security.protocol": "SASL_SSL", "linger.ms": "5"}
    assert log.credentials == {"sasl.password": SecretReference(env="PASSWORD")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (MAIN + "log: {kind: kafka}\n", "onefold.yaml:4: `log.kind: kafka` needs `log.brokers`"),
        (MAIN + "log: {brokers: 'a:1'}\n", "onefold.yaml:4: `log.brokers` is for `log.kind: kafka`"),
        (KAFKA % "options: {sasl.password: x}", "`sasl.password` is a secret: say under `log.credentials` where it is"),
        (KAFKA % "replication: 1, min_insync: 2", "`log.min_insync` is more than the copies there are"),
    ],
)
def test_a_wrong_log_is_refused(tmp_path, text, says):
    """Each contradiction of the log's settings is named, with its line."""
    (found,) = errors(project(tmp_path, onefold=text))
    assert says in found


def test_secret_texts_lose_their_line_end_and_must_be_there(tmp_path):
    """A password comes from the environment or a file; empty or absent, it is refused by the name of its place."""
    (tmp_path / "password").write_text("hunter2\n")
    assert secret_text(SecretReference(file=tmp_path / "password"), {}) == "hunter2"
    assert secret_text(SecretReference(env="P"), {"P": "x y"}) == "x y"
    for reference in (SecretReference(env="P"), SecretReference(file=tmp_path / "absent")):
        with pytest.raises(ConfigurationError, match="secret"):
            secret_text(reference, {})
