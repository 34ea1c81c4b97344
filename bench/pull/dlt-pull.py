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
started = time.monotonic()
pipeline.run(resource_of_table, loader_file_format="parquet")
seconds = time.monotonic() - started

counts = pipeline.last_trace.last_normalize_info.row_counts
own = resource.getrusage(resource.RUSAGE_SELF)
children = resource.getrusage(resource.RUSAGE_CHILDREN)
print(
    json.dumps(
        {
            "rows": counts[table],
            "seconds": seconds,
            "cpuSeconds": own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime,
            "rssMB": max(own.ru_maxrss, children.ru_maxrss) / 1024,
        }
    )
)
