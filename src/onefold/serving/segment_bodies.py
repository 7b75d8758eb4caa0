"""Bodies of requests about segments: what they hold, and as what the rest of the product knows it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from onefold.audiences.definition import DAY_US, Definition, Top
from onefold.serving.api import Named

SECOND_US = 1_000_000
UPLOAD_MAX = 10_000


class Largest(BaseModel):
    """The part of the people for whom the rule is true that has the largest values."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    percent: int = Field(ge=1, le=99)
    by: str = Field(min_length=1, max_length=200, examples=["revenue"])


class Stating(BaseModel):
    """What a segment says. What is left out is as it is where nothing is said; nothing is kept of what was there."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rule: str | dict[str, Any] | None = Field(
        default=None, description="Text, or the JSON form; none for a list.", examples=["purchases >= 1"]
    )
    kind: Literal["realtime", "scheduled", "static"] = "realtime"
    status: Literal["draft", "active", "archived"] = Field(
        default="active", description="`draft` and `archived` segments have no members."
    )
    description: str = Field(default="", max_length=2_000)
    owner: str = Field(default="", max_length=200)
    tags: list[str] = Field(default=[], max_length=50)
    every_seconds: int = Field(default=86_400, ge=60, le=366 * 86_400, description="Of a scheduled segment.")
    top: Largest | None = Field(default=None, description="Of a scheduled segment.")
    exclude: list[str] = Field(default=[], max_length=100, description="Segments whose members are not in this one.")
    suppression: bool = Field(default=False, description="Of a list: whether its members are in no other segment.")

    def definition(self, slug: str) -> Definition:
        """As the rest of the product knows it."""
        return Definition(
            slug=slug,
            rule=self.rule if self.rule is not None or self.top is None else "true",
            kind=self.kind,
            status=self.status,
            description=self.description,
            owner=self.owner,
            tags=tuple(dict.fromkeys(self.tags)),
            every_us=self.every_seconds * SECOND_US if self.kind == "scheduled" else DAY_US,
            top=None if self.top is None else Top(self.top.percent, self.top.by),
            exclude=tuple(self.exclude),
            suppression=self.suppression,
        )


class Trying(BaseModel):
    """A rule to be tried, as text or in the JSON form; with the slug of a segment, beside who is in that now."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rule: str | dict[str, Any] = Field(examples=["purchases >= 1 and days_since(last_active) > 30"])
    slug: str = Field(default="preview", max_length=80)
    top: Largest | None = Field(default=None, description="Only the people with the largest values.")
    exclude: list[str] = Field(default=[], max_length=100, description="Segments whose members are not in this one.")

    def definition(self) -> Definition:
        """As the rest of the product knows it."""
        top = None if self.top is None else Top(self.top.percent, self.top.by)
        kind: Literal["realtime", "scheduled"] = "realtime" if top is None else "scheduled"
        return Definition(slug=self.slug, rule=self.rule, kind=kind, top=top, exclude=tuple(self.exclude))


class Compared(BaseModel):
    """Two versions of a segment: versions that were applied, the one that holds, or a rule in the place of the second."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    before: int | None = Field(default=None, ge=1, description="A version; null for the one that holds.")
    after: int | None = Field(default=None, ge=1, description="Another; null for the one that holds, or for `rule`.")
    rule: str | dict[str, Any] | None = Field(default=None, examples=["purchases >= 2"])
    limit: int = Field(default=100, ge=1, le=10_000, description="Most people to show.")


class Upload(BaseModel):
    """Identifiers to put on a list, or to take from it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    identifiers: list[Named] = Field(min_length=1, max_length=UPLOAD_MAX)
    change: Literal["add", "remove"] = "add"
