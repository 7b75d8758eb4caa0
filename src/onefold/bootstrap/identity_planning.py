"""What-if of a project's identity settings: what a change of identity.yaml would do to people and segments; applying it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from onefold.bootstrap.identity_file import IdentityFile
from onefold.bootstrap.identity_matching import kinds, match_records, match_settings, model_key, settings_of
from onefold.bootstrap.matching import require_matching
from onefold.bootstrap.workspace import Workspace
from onefold.config.identity_change import supposed
from onefold.config.match_keys import Matching
from onefold.errors import ConfigurationError, StaleError, UnavailableError, UsageError
from onefold.identity.settings import IdentitySettings
from onefold.matching.settings import MatchSettings
from onefold.model import PairScore, results
from onefold.pipelines import judgements
from onefold.pipelines.identity_planning import IdentityPlanning
from onefold.pipelines.maintenance import supposing
from onefold.pipelines.maintenance.supposing import Supposed
from onefold.pipelines.matching import records
from onefold.ports import ProfileSnapshot

_WEIGHTS = ("name", "address", "phone", "email_domain", "postcode")


class _Wanted(NamedTuple):
    settings: IdentitySettings
    matching: MatchSettings


class ProjectIdentity(IdentityPlanning):
    """One workspace's who is who, as its project's identity.yaml would have it. Safe for threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._file = IdentityFile(workspace.project)

    def plan(self, changed: Mapping[str, Any]) -> tuple[results.IdentityPlan, str]:
        """What identity.yaml would do with these keys in the place of its own; and a tag of both and of what is stored.

        Raises:
            UsageError: The keys, or the file, cannot be used.
        """
        wanted = self._wanted(changed)
        context = self._workspace.context
        with context.store.snapshot() as snapshot:
            tag = self._tag(snapshot, wanted)
            found, scored = self._suppose(snapshot, wanted)
            return supposing.told(context, snapshot, found, scored=scored), tag

    def apply(self, tag: str | None) -> results.IdentityApplied:
        """Let identity.yaml hold for what is stored, as it was planned with this tag; None where nobody planned.

        Raises:
            ConflictError: All evidence of somebody was judged, so that only a rebuild can apply it.
            StaleError: The file, or what is stored, is another than it was planned for.
            UnavailableError: This process works by the settings of before.
            UsageError: The file cannot be used.
        """
        context, wanted = self._workspace.context, self._wanted({})
        if wanted != self._running():
            raise UnavailableError(
                "The server works by the identity.yaml that it was started with: start it again, and then apply."
            )
        with context.store.snapshot() as snapshot:
            if tag is not None and tag != self._tag(snapshot, wanted):
                raise StaleError("identity.yaml, or what is stored, has changed since it was planned; plan again.")
            found, scored = self._suppose(snapshot, wanted)
        if scored is not None:
            match_records(self._workspace)
        many, position = supposing.apply(context, found)
        settled = position is None or judgements.settle(context, position, timeout_seconds=0.0)
        return results.IdentityApplied(components=many, settled=settled and scored is None)

    def stated(self) -> tuple[results.IdentityStated, str]:
        """What identity.yaml says now, and a tag of it.

        Raises:
            UsageError: The file cannot be used.
        """
        tag = self._file.tag()
        wanted, stated = self._said({})
        settings, match = wanted
        types = sorted(settings.types.values(), key=lambda one: (-one.priority, one.name))
        found = results.IdentityStated(
            matching=stated is not None,
            model=match.model,
            join_from=settings.join_from,
            review_from=settings.review_from,
            contradiction_below=settings.contradiction_below,
            weights={name: value for name, value in msgspec.structs.asdict(match.weights).items() if name in _WEIGHTS},
            types=tuple(
                results.IdentityTypeStated(
                    name=one.name,
                    priority=one.priority,
                    limit=one.limit,
                    unique=one.unique,
                    shared_after=one.shared_after,
                )
                for one in types
            ),
            blocked=tuple(sorted(settings.blocked_values)),
            restart=wanted != self._running(),
            locked=self._file.locked,
            undo=self._file.can_undo(),
        )
        return found, tag

    def save(self, changed: Mapping[str, Any], tag: str) -> None:
        """Write these keys into identity.yaml, where it still has this tag; who is who stays as it is until that is applied.

        Raises:
            ReadOnlyError: The project's files cannot be changed from here.
            StaleError: The file is another by now.
            UsageError: The keys cannot be used, or only a person can edit the file.
        """
        self._file.save(changed, tag)

    def undo(self, tag: str) -> None:
        """Write back what identity.yaml said before it was last changed so.

        Raises:
            ReadOnlyError: The project's files cannot be changed from here.
            StaleError: The file is another by now, or was not changed so.
        """
        self._file.undo(tag)

    def _running(self) -> _Wanted:
        """What the server was started with."""
        return _Wanted(self._workspace.context.identity, settings_of(self._workspace))

    def _wanted(self, changed: Mapping[str, Any]) -> _Wanted:
        return self._said(changed)[0]

    def _said(self, changed: Mapping[str, Any]) -> tuple[_Wanted, Matching | None]:
        """What the file would say with these keys, and what of it stands under `match`."""
        try:
            settings, match = supposed(self._workspace.project.directory, changed)
            return _Wanted(settings, match_settings(match, settings.default_region)), match
        except (ConfigurationError, ValueError) as error:
            raise UsageError(str(error)) from None

    def _suppose(self, snapshot: ProfileSnapshot, wanted: _Wanted) -> tuple[Supposed, int | None]:
        context = self._workspace.context
        scored = self._scored(snapshot, wanted.matching)
        return supposing.suppose(context, snapshot, wanted.settings, scored), None if scored is None else len(scored)

    def _scored(self, snapshot: ProfileSnapshot, wanted: MatchSettings) -> Sequence[PairScore] | None:
        """What the matcher would score, where another model would be asked than scored last; None where scores stay."""
        latest = max(
            ((e.at_us, e.rule) for e in snapshot.scan_edges() if e.kind == "scored" and e.score is not None),
            default=None,
        )
        scorer = "" if latest is None else latest[1].partition(":")[0]
        if scorer not in ("learned", "weighted"):
            return None
        kept = match_settings(self._workspace.project.matching, wanted.region)
        same_weights = wanted.model == "learned" or kept.weights == wanted.weights
        if scorer == wanted.model and kept.fields == wanted.fields and same_weights:
            return None
        require_matching()
        from onefold.pipelines.matching import scoring  # noqa: PLC0415  only where the extra is

        sources = records.read(self._workspace.context, snapshot, kinds(wanted.fields))
        return scoring.anew(sources, wanted, model_key(self._workspace))[0].pairs

    def _tag(self, snapshot: ProfileSnapshot, wanted: _Wanted) -> str:
        said = (wanted.settings.version, msgspec.json.encode(wanted.matching), sorted(snapshot.offsets().items()))
        return hashlib.sha256(repr(said).encode()).hexdigest()[:32]
