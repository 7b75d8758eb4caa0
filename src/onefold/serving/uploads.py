"""Files that people bring: how one would be read, shown on its own rows, and its rows taken into the log.

A request's body is a line of JSON that says what is wanted, and after it the file, byte for byte. The file stays in memory:
what is personal in it is on no disk before the log has sealed it.
"""

# No deferred annotations here: FastAPI reads those of its functions.
import os
import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path as File
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.concurrency import run_in_threadpool

from onefold.errors import UsageError
from onefold.model import results
from onefold.model.column_change import ColumnChange, ColumnKind
from onefold.serving import schemas
from onefold.serving.access import UPLOAD_BYTES_MAX, Caller, gate
from onefold.serving.api import PROBLEMS
from onefold.serving.lookup import PREFIX, document
from onefold.serving.project_desks import MISSING, desks_of
from onefold.telemetry import request_id

HEAD_BYTES_MAX = 256 * 1024
MAPPING_MAX = 100_000
_PLAIN = re.compile(r"[^\w .()+-]")

uploads = APIRouter(prefix=PREFIX, responses=PROBLEMS | MISSING, tags=["sources"])
Engineer = Annotated[Caller, Depends(gate("sources", "judgement"))]
Source = Annotated[str, Path(max_length=63, description="The source whose rows these are.", examples=["crm"])]


class Assigned(BaseModel):
    """A column as something else than the mapping says."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    column: str = Field(max_length=1_000)
    kind: ColumnKind
    name: str = Field(
        default="", max_length=100, description="Type of the identifier, or name of the trait, property or purpose."
    )


class Previewed(BaseModel):
    """What to show of a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str = Field(min_length=1, max_length=200, description="The file's name.", examples=["people.csv"])
    source: str = Field(default="", max_length=63, description="Whose own ids the file has.")
    mapping: str | None = Field(default=None, max_length=MAPPING_MAX, description="As YAML; guessed when left out.")
    columns: list[Assigned] = Field(default=[], max_length=1_000, description="Changes of it, column by column.")


class Loading(BaseModel):
    """How to load a file."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str = Field(min_length=1, max_length=200, description="The file's name.", examples=["people.csv"])
    mapping: str = Field(max_length=MAPPING_MAX, description="As YAML: what `/sources/preview` answered.")
    new: bool = Field(default=False, description="The source is new, although its name is close to one that exists.")


Wanted = TypeVar("Wanted", bound=BaseModel)


def _body(wanted: type[BaseModel]) -> dict[str, Any]:
    said = wanted.model_json_schema()
    inner = said.pop("$defs", {})
    for one in said["properties"].values():
        # Written out: a reference within the schema of a line would be looked for in the whole description.
        if "$ref" in one.get("items", {}):
            one["items"] = inner[one["items"]["$ref"].rpartition("/")[2]]
    return {
        "requestBody": {
            "required": True,
            "description": "A line of JSON as `contentSchema` has it, and after it the file itself: CSV, TSV, JSON or "
            f"Parquet, also compressed; {UPLOAD_BYTES_MAX // 1024 // 1024} MiB at most.",
            "content": {
                "application/octet-stream": {
                    "schema": {"type": "string", "contentMediaType": "application/octet-stream", "contentSchema": said}
                }
            },
        }
    }


@uploads.post(
    "/sources/preview",
    summary="How a file would be read: what each column is, and its first rows as what they would become",
    description="Nothing is kept. The mapping that comes back can be sent again with changes, and loaded by.",
    responses=schemas.answer(results.UploadPreview),
    openapi_extra=_body(Previewed),
)
async def preview(request: Request, caller: Engineer) -> Response:
    """A file's first rows, by the mapping that came with it or by a guess."""
    desk = desks_of(request, caller).uploads
    async with _received(request, Previewed) as (said, path):
        changes = [ColumnChange(one.column, one.kind, one.name) for one in said.columns]
        found = await run_in_threadpool(
            lambda: desk.preview(path, source=said.source, mapping=said.mapping, changes=changes)
        )
    return document(found)


@uploads.post(
    "/sources/{source}/load",
    summary="Load a file: each row becomes an event, and a row that cannot be read a dead letter",
    description="Answers when all rows are in the log; how far they are processed, `/sources` says. Loading the same file "
    "again adds nothing.",
    responses=schemas.answer(results.FileLoaded),
    openapi_extra=_body(Loading),
)
async def load(request: Request, caller: Engineer, source: Source) -> Response:
    """Take a file's rows into the log."""
    desk = desks_of(request, caller).uploads
    async with _received(request, Loading) as (said, path):
        done = await run_in_threadpool(
            lambda: desk.load(path, source=source, mapping=said.mapping, new=said.new, request_id=request_id.get())
        )
    return document(done)


@asynccontextmanager
async def _received(request: Request, kind: type[Wanted]) -> AsyncIterator[tuple[Wanted, File]]:
    """What a request says, and its file under the name that it gives."""
    descriptor = os.memfd_create("upload")
    try:
        head, begun, size = b"", False, 0
        async for chunk in request.stream():
            rest = chunk
            if not begun:
                head += chunk
                head, newline, rest = head.partition(b"\n")
                begun = bool(newline)
                if len(head) > HEAD_BYTES_MAX:
                    raise UsageError("The first line of the body must be JSON, and the file begin after it.")
            if begun:
                size += os.write(descriptor, rest)
        said = _said(head, kind)
        if not size:
            raise UsageError("The file is empty: nothing stands after the first line of the body.")
        with tempfile.TemporaryDirectory(prefix="onefold-upload-") as folder:
            # A file is known by its name, which memory has not.
            path = File(folder) / _name(getattr(said, "file", ""))
            path.symlink_to(f"/proc/{os.getpid()}/fd/{descriptor}")
            yield said, path
    finally:
        os.close(descriptor)


def _said(head: bytes, kind: type[Wanted]) -> Wanted:
    try:
        return kind.model_validate_json(head)
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'line 1'}: {one['msg']}" for one in error.errors()[:5])
        raise UsageError(f"The first line of the body is not as it should be: {places}") from None


def _name(stated: str) -> str:
    """A name that is one, whatever a browser says."""
    plain = _PLAIN.sub("_", stated.replace("\\", "/").rpartition("/")[2]).strip(". ")
    return plain[-100:] or "file"
