"""Reads a table with dlt into Parquet files in a folder; prints what it took as JSON."""

import json
import resource
import sys
import time

import dlt
from dlt.destinations import filesystem
from dlt.sources.sql_database import sql_table

url, table, backend, folder = sys.argv[1:]

resource_of_table = sql_table(
    credentials=url,
    schema="public",
    table=table,
    backend=backend,
    backend_kwargs={"return_type": "arrow"} if backend == "connectorx" else {},
    # Types as declared in the database: without it numerics and times are guessed, or lose precision.
    reflection_level="full_with_precision",
)
pipeline = dlt.pipeline(
    pipeline_name="bench",
    pipelines_dir=f"{folder}/pipelines",
    destination=filesystem(bucket_url=f"{folder}/lake"),
    dataset_name="bench",
)


def cpu_seconds():
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


cpu_before = cpu_seconds()
started = time.monotonic()
pipeline.run(resource_of_table, loader_file_format="parquet")
seconds = time.monotonic() - started

counts = pipeline.last_trace.last_normalize_info.row_counts
peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(
    json.dumps(
        {
            "rows": counts[table],
            "seconds": seconds,
            "cpuSeconds": cpu_seconds() - cpu_before,
            "rssMB": max(peaks) / 1024,
        }
    )
)
