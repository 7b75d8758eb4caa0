"""The review queue over HTTP: pairs to judge, claims, decisions, undo, decisions by pattern, agreement, labels."""

# No deferred annotations here: FastAPI reads those of the functions.
from typing import Annotated, Literal

import msgspec
from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from onefold.model import results
from onefold.pipelines.review.pattern import Pattern
from onefold.serving import schemas
from onefold.serving.access import Caller
from onefold.serving.api import PROBLEMS, SETTLE_SECONDS, Cursor, Limit, Looking, Steward
from onefold.serving.lookup import PREFIX, document
from onefold.serving.problems import ForbiddenError
from onefold.serving.sight import shown
from onefold.telemetry import request_id
from onefold.warehouse import cells

review = APIRouter(prefix=f"{PREFIX}/review", responses=PROBLEMS, tags=["review"])
View = Literal["open", "unsure", "disputed", "second", "decided"]
Verdict = Literal["same", "different", "unsure"]
PairId = Annotated[str, Path(max_length=65, description="A pair's id, as the queue tells it.")]
_VIEW = (
    "`open`: nobody answered. `unsure`: nobody could tell. `disputed`: reviewers disagree. `second`: one reviewer decided; "
    "for another to answer without seeing the answer. `decided`: an answer counts."
)
_PAIRS_MAX = 1_000


class Claimed(BaseModel):
    """How many pairs to put on the caller's desk, and of which view."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    count: int = Field(default=1, ge=1, le=50)
    status: View = "open"


class Released(BaseModel):
    """Pairs to let go of."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pairs: list[str] = Field(max_length=_PAIRS_MAX)


class Decision(BaseModel):
    """A decision on pairs; several at once are undone as one."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    pairs: list[str] = Field(min_length=1, max_length=_PAIRS_MAX)
    verdict: Verdict
    reason: str = Field(default="", max_length=2000)


class Undo(BaseModel):
    """What to take back: a decision with all made at once with it, what stands of a pair, or the caller's latest."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    decision: str | None = Field(default=None, max_length=64)
    pair: str | None = Field(default=None, max_length=65)
    reason: str = Field(default="", max_length=2000)


class Fitting(BaseModel):
    """Which open pairs: those of which all of this is true."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    equal: list[str] = Field(default=[], description="Equal but for case and accents.", examples=[["email", "name"]])
    close: list[str] = Field(default=[], description="Equal or close.")
    different: list[str] = Field(default=[], description="Different on both sides.")
    missing: list[str] = Field(default=[], description="Missing on a side.")
    probability_min: float | None = Field(default=None, ge=0, le=1)
    probability_max: float | None = Field(default=None, ge=0, le=1)

    def pattern(self) -> Pattern:
        """As the rest of the product knows it."""
        return msgspec.convert(self.model_dump(), Pattern)


class BulkDecision(Fitting):
    """A decision on all open pairs of a pattern; `expected` is how many the preview found."""

    verdict: Verdict
    expected: int = Field(ge=1)
    reason: str = Field(default="", max_length=1500)


@review.get("/pairs", summary="Pairs to judge, the most telling first", responses=schemas.answer(results.ReviewPairs))
async def pairs(
    caller: Looking,
    status: Annotated[View, Query(description=_VIEW)] = "open",
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Response:
    read = caller.service.review.pairs
    return document(await run_in_threadpool(read, status, reviewer=caller.by, cursor=cursor, limit=limit))


@review.get("/pairs/{pair}", summary="One pair, side by side", responses=schemas.answer(results.ReviewPair))
async def pair(caller: Looking, pair: PairId) -> Response:
    return document(await run_in_threadpool(caller.service.review.pair, pair))


@review.post(
    "/claims", tags=["stewardship"], summary="The next pairs that nobody else has on the desk",
    description="They are the caller's for five minutes, or until they are decided or released.",
    responses=schemas.answer(results.ReviewPairs),
)  # fmt: skip
async def claim(caller: Steward, said: Claimed) -> Response:
    take = caller.service.review.claim
    return document(await run_in_threadpool(take, said.status, reviewer=caller.by, count=said.count))


@review.post(
    "/claims/release", tags=["stewardship"], summary="Let go of claimed pairs",
    responses=schemas.answer(schemas.Released),
)  # fmt: skip
async def release(caller: Steward, said: Released) -> Response:
    many = await run_in_threadpool(caller.service.review.release, said.pairs, reviewer=caller.by)
    return document({"released": many})


@review.get(
    "/decisions", summary="Who decided what and why, the latest first",
    responses=schemas.answer(results.ReviewDecisions),
)  # fmt: skip
async def decisions(caller: Looking, cursor: Cursor = None, limit: Limit = 100) -> Response:
    return document(await run_in_threadpool(caller.service.review.decisions, cursor=cursor, limit=limit))


@review.post(
    "/decisions", tags=["stewardship"], status_code=201, summary="Decide: same, different or unsure",
    responses=schemas.answer(results.ReviewDecided, status=201),
)  # fmt: skip
async def decide(caller: Steward, said: Decision) -> Response:
    decide = caller.service.review.decide
    return await _settled(
        caller,
        await run_in_threadpool(
            decide, said.pairs, said.verdict, by=caller.by, reason=said.reason, request_id=request_id.get()
        ),
    )


@review.post(
    "/undo", tags=["stewardship"], status_code=201, summary="Take a decision back",
    responses=schemas.answer(results.ReviewDecided, status=201),
)  # fmt: skip
async def undo(caller: Steward, said: Undo) -> Response:
    take_back = caller.service.review.undo
    return await _settled(
        caller,
        await run_in_threadpool(
            take_back, by=caller.by, pair=said.pair, decision=said.decision, reason=said.reason,
            request_id=request_id.get(),
        ),
    )  # fmt: skip


@review.post(
    "/bulk/preview", tags=["stewardship"], summary="How many open pairs a pattern fits, and some of them",
    responses=schemas.answer(results.ReviewBulk),
)  # fmt: skip
async def preview(caller: Steward, said: Fitting) -> Response:
    return document(await run_in_threadpool(caller.service.review.bulk, said.pattern()))


@review.post(
    "/bulk", tags=["stewardship"], status_code=201, summary="Decide all open pairs of a pattern",
    responses=schemas.answer(results.ReviewDecided, status=201),
)  # fmt: skip
async def decide_bulk(caller: Steward, said: BulkDecision) -> Response:
    decide = caller.service.review.decide_bulk
    pattern = msgspec.convert(said.model_dump(exclude={"verdict", "expected", "reason"}), Pattern)
    return await _settled(
        caller,
        await run_in_threadpool(
            decide, pattern, said.verdict, expected=said.expected, by=caller.by, reason=said.reason,
            request_id=request_id.get(),
        ),
    )  # fmt: skip


@review.get(
    "/stats", summary="How far the review is, and how far reviewers agree",
    responses=schemas.answer(results.ReviewStatistics),
)  # fmt: skip
async def stats(caller: Looking) -> Response:
    return document(await run_in_threadpool(caller.service.review.statistics))


@review.get(
    "/labels", summary="The pairs with a known answer, by ids; with `values`, what was compared",
    description="`values` needs the scope `personal`, too.",
    responses=schemas.answer(results.ReviewLabels),
)  # fmt: skip
async def labels(
    caller: Looking,
    values: Annotated[bool, Query(description="With the values that were compared.")] = False,
    format: Annotated[Literal["json", "csv"], Query()] = "json",  # the API's word
) -> Response:
    if values and "personal" not in caller.key.scopes:
        raise ForbiddenError("This key lacks the scope `personal`; ask without `values`.")
    found = await run_in_threadpool(caller.service.review.labels, values=values)
    if format == "json":
        return document(found)
    headers = {"Cache-Control": "no-store", "Content-Disposition": "attachment; filename=labels.csv"}
    return Response(csv_of(shown(found)), 200, headers, "text/csv; charset=utf-8")


def csv_of(found: results.ReviewLabels) -> str:
    """Labels as CSV, with a column a side for each field that was compared."""
    names = sorted({field.field for label in found.labels for field in label.fields or ()})
    columns = ("a", "b", "verdict", "by", "at", "reviewers", "disputed")
    lines = [cells.csv_line([*columns, *(f"{name}_{side}" for name in names for side in "ab")])]
    for label in found.labels:
        by = {field.field: (field.a, field.b) for field in label.fields or ()}
        both = [value for name in names for value in by.get(name, (None, None))]
        lines.append(cells.csv_line([*(getattr(label, name) for name in columns), *both], spreadsheet=True))
    return "".join(lines)


async def _settled(caller: Caller, said: tuple[results.ReviewDecided, tuple[int, int]]) -> Response:
    decided, position = said
    settled = await run_in_threadpool(caller.service.settle, position, timeout_seconds=SETTLE_SECONDS)
    return document(msgspec.structs.replace(decided, settled=settled), 201)
