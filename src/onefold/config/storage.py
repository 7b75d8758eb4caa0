"""Where segment files of the warehouse are kept, where that is not the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from onefold.config.secret import SecretReference, parse_reference


class SegmentStorage(msgspec.Struct, frozen=True):
    """An S3-compatible store in which segment files are kept.

    Attributes:
        prefix: Of the objects' keys, without a `/` at its ends.
        cache_mb: How many MB of copies are kept on the disk.
    """

    bucket: str
    prefix: str
    endpoint: str
    region: str
    access_key: SecretReference
    secret_key: SecretReference
    cache_mb: int = 10_000


def storage(value: dict[str, Any] | None, directory: Path) -> SegmentStorage | None:
    """What a project file states of it; None where it states none."""
    if value is None:
        return None
    bucket, _, prefix = value["url"].removeprefix("s3://").partition("/")
    region = value.get("region", "us-east-1")
    return SegmentStorage(
        bucket,
        prefix.strip("/"),
        value.get("endpoint", f"https://s3.{region}.amazonaws.com"),
        region,
        parse_reference(value["access_key"], directory),
        parse_reference(value["secret_key"], directory),
        value.get("cache_mb", 10_000),
    )
