"""Run by the Python that has Great Expectations: validates rows with a suite, and prints what each expectation found.

    python gx_validate.py SUITE.json ROWS.json

Both come as JSON; numbers of rows are texts of decimals where they are marked so. A line of JSON comes back.
"""

import json
import sys

import great_expectations as gx
import pandas as pd


def main(suite_file: str, rows_file: str) -> None:
    """Validate and print."""
    with open(suite_file) as stream:  # noqa: PTH123  nothing of this project is there
        document = json.load(stream)
    with open(rows_file) as stream:  # noqa: PTH123
        rows = json.load(stream)
    frame = pd.DataFrame(rows["rows"], columns=rows["columns"])
    for name in rows["numbers"]:
        frame[name] = pd.to_numeric(frame[name])
    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("source").add_dataframe_asset("asset")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": frame})
    suite = gx.ExpectationSuite(name=document["name"], expectations=document["expectations"])
    found = batch.validate(suite)
    print(  # noqa: T201  what the script is for
        json.dumps(
            [
                {
                    "check": result.expectation_config.meta["onefold"]["check"],
                    "type": result.expectation_config.type,
                    "success": bool(result.success),
                    "unexpected": result.result.get("unexpected_count"),
                    "observed": result.result.get("observed_value"),
                    "exception": (result.exception_info or {}).get("exception_message"),
                }
                for result in found.results
            ]
        )
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
