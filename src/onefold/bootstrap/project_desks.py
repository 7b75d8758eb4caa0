"""The desks of a project: what a server asks of a workspace's warehouse and of the project's files, beside queries."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from onefold.bootstrap.glance_desk import GlanceDesk
from onefold.bootstrap.quality_desk import QualityDesk
from onefold.bootstrap.query_desk import QueryDesk
from onefold.bootstrap.readers import Readers
from onefold.bootstrap.table_desk import TableDesk
from onefold.bootstrap.upload_desk import UploadDesk
from onefold.bootstrap.workspace import Workspace


class ProjectDesks(msgspec.Struct, frozen=True):
    """What answers for one workspace of a project."""

    tables: TableDesk
    quality: QualityDesk
    glance: GlanceDesk
    uploads: UploadDesk


def project_desks(workspace: Workspace, desk: QueryDesk, readers: Readers, directory: Path) -> ProjectDesks:
    """The desks of an open workspace, whose warehouse is asked at `desk`, in the project of a folder."""
    return ProjectDesks(
        TableDesk(desk, readers, directory),
        QualityDesk(workspace, readers, directory),
        GlanceDesk(desk, clock_us=workspace.context.clock_us, monotonic=time.monotonic),
        UploadDesk(workspace, directory),
    )
