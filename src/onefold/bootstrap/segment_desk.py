"""The segment desk: where a server takes changes of a project's segments, and asks what rules of them could say."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from onefold.audiences import definition as definitions
from onefold.audiences.definition import Definition, Stated
from onefold.audiences.ruleset import IN_SEGMENT
from onefold.bootstrap.query_desk import QueryDesk
from onefold.bootstrap.readers import Readers
from onefold.bootstrap.segment_files import SegmentFiles
from onefold.bootstrap.unapplied import told, unapplied
from onefold.bootstrap.workspace import Workspace
from onefold.config import Project
from onefold.config.dimensions import Privacy, read_privacy
from onefold.config.segments import rule_fields, segment_fields
from onefold.errors import ConfigurationError, OnefoldError, StaleError, UsageError
from onefold.model import PersonalClass, results
from onefold.pipelines.audiences import vocabulary
from onefold.pipelines.audiences.applying import Difference, Stages
from onefold.pipelines.audiences.service import Audiences
from onefold.pipelines.context import Context
from onefold.ports.warehouse import Cancellation, QueryLimits
from onefold.rules import RuleError, cost, explain, fit, require_agreement, to_json, to_text
from onefold.rules.binding import FieldKind
from onefold.warehouse.masking import Role
from onefold.warehouse.personal import CLASSES

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

_LIMITS = QueryLimits(seconds=20.0, memory_mb=512, result_mb=16)
_ROWS = 20_000

_log = logging.getLogger("onefold.segments")
Written = str | Mapping[str, Any]


class SegmentDesk:
    """One workspace's view of the project's segment files. Safe for threads."""

    def __init__(
        self, workspace: Workspace, files: SegmentFiles, audiences: Audiences, desk: QueryDesk, readers: Readers
    ) -> None:
        """Of an open workspace, whose warehouse is asked at `desk`."""
        self._workspace = workspace
        self._files = files
        self._audiences = audiences
        self._desk = desk
        self._readers = readers

    def stated(self, slug: str) -> Stated:
        """A segment of the files, with the tag of its file.

        Raises:
            NotFoundError: There is none of that name.
            UsageError: The files are wrong.
        """
        try:
            return self._files.stated(slug)
        except ConfigurationError as error:
            raise UsageError(str(error)) from None

    def save(self, definition: Definition, tag: str | None) -> Stated:
        """Write a segment into its file: a new one, or where its file still has this tag.

        Raises:
            NotFoundError: There is no such segment to be changed.
            ReadOnlyError: The files cannot be changed from here.
            StaleError: The file is another by now, or a segment that should be new is there.
            UsageError: The segment, or a file, cannot be used. Nothing was changed.
        """
        try:
            return self._files.save(definition, tag)
        except ConfigurationError as error:
            raise UsageError(str(error)) from None

    def delete(self, slug: str, tag: str) -> None:
        """Take a segment out of its file, where that still has this tag.

        Raises:
            NotFoundError: There is no such segment.
            ReadOnlyError: The files cannot be changed from here.
            StaleError: The file is another by now.
            UsageError: Another segment reads it, or a file cannot be used. Nothing was changed.
        """
        try:
            self._files.delete(slug, tag)
        except ConfigurationError as error:
            raise UsageError(str(error)) from None

    def plan(self) -> tuple[results.SegmentPlan, str]:
        """Who would enter and leave what, if the files were applied; and a tag of the files and of what holds.

        Raises:
            UsageError: The files cannot be used.
        """
        try:
            wanted, stages = self._wanted()
            tag = self._tag(wanted, stages)
            return self._audiences.plan(wanted, stages), tag
        except RuleError as error:
            raise self._of_files(error) from None
        except ConfigurationError as error:
            raise UsageError(str(error)) from None

    def apply(self, tag: str) -> Difference:
        """Let the files hold, as they were planned; the evaluator follows.

        Raises:
            StaleError: The files, or what holds, are others than they were planned for.
            UsageError: The files cannot be used.
        """
        try:
            wanted, stages = self._wanted()
            if tag != self._tag(wanted, stages):
                raise StaleError("The files, or what holds, have changed since they were planned; plan again.")
            return self._audiences.apply(wanted, stages)
        except RuleError as error:
            raise self._of_files(error) from None
        except ConfigurationError as error:
            raise UsageError(str(error)) from None

    def check(self, written: Written, text: str | None) -> results.RuleCheck:
        """What a rule says, in each form, and what it takes; with `text`, a rule that is stated both ways.

        Raises:
            UsageError: It cannot be read, or does not fit, or its two forms disagree; the message says where.
        """
        try:
            project, privacy = self._files.project(), read_privacy(self._files.directory)
        except ConfigurationError as error:
            raise UsageError(str(error)) from None
        applied = self._audiences.applied()
        differing = unapplied(project, self._workspace.context, applied)
        try:
            if text is not None:
                require_agreement(text, written)
            bound = fit(written, self._fields(applied))
        except RuleError as error:
            raise self._refused(error, project, differing) from None
        taken = cost(bound)
        return results.RuleCheck(
            text=to_text(bound.expr),
            json=to_json(bound.expr),
            sentence=explain(bound.expr),
            reads=tuple(sorted(bound.fields)),
            events=tuple(sorted({one.event for one in bound.aggregates})),
            personal=_personal(bound.fields, self._workspace.context, privacy),
            not_applied=told(bound.fields, differing),
            cost=taken.kind,
            latency=taken.latency,
        )

    def preview(self, definition: Definition) -> results.SegmentPreview:
        """Who would be in a segment, saved or not; what its rule reads and the files say otherwise is told.

        Raises:
            UsageError: It cannot be used, or the files are wrong.
        """
        try:
            project = self._files.project()
        except ConfigurationError as error:
            raise UsageError(str(error)) from None
        differing = unapplied(project, self._workspace.context, self._audiences.applied())
        try:
            found = self._audiences.preview(definition)
        except RuleError as error:
            raise self._refused(error, project, differing) from None
        return msgspec.structs.replace(found, not_applied=told(found.reads, differing))

    def _fields(self, applied: Mapping[str, Definition]) -> dict[str, FieldKind]:
        """What rules can read here."""
        context = self._workspace.context
        active = [slug for slug, one in applied.items() if one.status == "active"]
        return rule_fields(active, segment_fields(context.profiles.traits, context.rfm))

    def _of_files(self, error: RuleError) -> UsageError:
        """Files that are right, of which this server does not know all that they name."""
        project = self._files.project()
        return self._refused(error, project, unapplied(project, self._workspace.context, self._audiences.applied()))

    def _refused(self, error: RuleError, project: Project, differing: Mapping[str, str]) -> UsageError:
        """The error, and what the rule names of the files that is not applied."""
        stated = segment_fields(project.traits, project.rfm).keys() | {
            f"{IN_SEGMENT}{d.slug}" for d in project.segments
        }
        missing = [name for name in differing.keys() & stated if f"`{name}`" in str(error)]
        return UsageError(" ".join((str(error), *told(missing, differing))))

    def fields(self) -> results.RuleFields:
        """What rules can read.

        Raises:
            UsageError: The files are wrong.
        """
        try:
            project, privacy = self._files.project(), read_privacy(self._files.directory)
        except ConfigurationError as error:
            raise UsageError(str(error)) from None
        because = ""
        attributes: list[Any] = []
        named: list[Any] = []
        properties: list[Any] = []
        try:
            # Names alone are asked for, which are the project's, whoever asks; values are masked (`values`).
            attributes, named, properties = ([*self._ask(one, None, _ROWS)] for one in vocabulary.QUESTIONS)
        except OnefoldError as error:
            because = str(error)
        applied, context = self._audiences.applied(), self._workspace.context
        differing = unapplied(project, context, applied)
        known = self._fields(applied)
        segments = {d.slug: d.description for d in (*applied.values(), *project.segments) if d.status == "active"}
        classes = privacy.classes
        traits = {one.name: one for one in (*project.traits, *context.profiles.traits)}
        rfm = {one.name: one for one in (*project.rfm, *context.rfm)}
        found = vocabulary.fields([*traits.values()], [*rfm.values()], segments, classes, attributes)
        return results.RuleFields(
            fields=tuple(
                msgspec.structs.replace(one, because=" ".join((one.because, *told([one.name], differing))).strip())
                if one.name in differing and (one.name not in known or one.because)
                else one
                for one in found
            ),
            events=tuple(vocabulary.events(named, properties, classes)),
            operators={str(kind): names for kind, names in vocabulary.OPERATORS.items()},
            aggregates=vocabulary.AGGREGATES,
            because=because,
        )

    def values(self, field: str, event: str, q: str, role: str | Role | None, limit: int) -> results.RuleValues:
        """Values of a field, or of a property of an event, that contain `q`, as a role sees them.

        Raises:
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here.
            UsageError: The field has no values to tell, or the role does not exist, or the files are wrong.
        """
        try:
            classes = read_privacy(self._files.directory).classes
            seen = self._readers.require(role)
        except ConfigurationError as error:
            raise UsageError(str(error)) from None
        if event:
            asked = vocabulary.property_values(event, field, q, classes)
        else:
            context = self._workspace.context
            asked = vocabulary.field_values(field, q, context.profiles.traits, context.rfm, classes)
        masked = seen is not None and seen.mask(asked.personal) != "show"
        rows = self._ask(asked.query, role, limit + 1)
        found, more = vocabulary.values(rows, limit)
        return results.RuleValues(values=found, masked=masked, more=more)

    def _ask(self, query: str, role: str | Role | None, limit: int) -> Iterable[tuple[Any, ...]]:
        table: pa.Table = self._desk.ask(query, _LIMITS, limit=limit, role=role, cancellation=Cancellation())
        return zip(*(column.to_pylist() for column in table.columns), strict=True)

    def _wanted(self) -> tuple[tuple[Definition, ...], Stages]:
        project = self._files.project()
        return project.segments, declared_stages(project, self._workspace)

    def _tag(self, wanted: Sequence[Definition], stages: Stages) -> str:
        said = [definitions.encode(one) for one in wanted]
        holding = self._audiences.holding()
        return hashlib.sha256(repr((said, stages, holding)).encode()).hexdigest()[:32]


def declared_stages(project: Project, workspace: Workspace) -> Stages:
    """The lifecycle stages that segments are applied with; none where a project has neither segments nor stages."""
    declared = bool(project.segments or project.stages.lifecycle)
    return tuple((s.name, s.rule) for s in workspace.context.profiles.stages) if declared else ()


def _personal(fields: Iterable[str], context: Context, privacy: Privacy) -> tuple[PersonalClass, ...]:
    """The classes of what fields hold, the least first; `none` is not told."""
    attributes = [
        (name.removeprefix(vocabulary.ATTRIBUTE), 0) for name in fields if name.startswith(vocabulary.ATTRIBUTE)
    ]
    known = {
        one.name: one.personal
        for one in vocabulary.fields(context.profiles.traits, context.rfm, {}, privacy.classes, attributes)
    }
    found = {known.get(name, "none") for name in fields}
    return tuple(one for one in CLASSES if one in found and one != "none")
