"""Run by the Python that has fakesnow: its emulation of Snowflake's interface, on DuckDB in memory.

    python snowflake_server.py

The port that it listens on is printed, and it ends with its standard input.
"""

import os
import sys

import fakesnow
import pyarrow as pa
from fakesnow import arrow, transforms

_times = arrow.timestamp_to_sf_struct


def _times_or_nothing(times):
    """A time that is null stays null: fakesnow 0.12 sends the year 1970 for it."""
    if isinstance(times, pa.ChunkedArray):
        times = times.combine_chunks()
    made = _times(times)
    return pa.StructArray.from_arrays(made.flatten(), fields=list(made.type), mask=times.is_null())


arrow.timestamp_to_sf_struct = _times_or_nothing
transforms.numeric_agg_implicit_cast = lambda part: part  # which sums exact numbers as doubles
with fakesnow.server() as given:
    print(given["port"], flush=True)  # noqa: T201  who started it reads it
    os.dup2(2, 1)  # nobody reads the log of requests
    sys.stdin.read()
