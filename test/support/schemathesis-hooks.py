"""What schemathesis cannot know: how lines are written, and that a batch may be refused in part."""

import json

import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection


@schemathesis.serializer("application/x-ndjson", "application/ndjson", "application/jsonl")
def lines(context, value):
    records = value if isinstance(value, list) else [value]
    texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return "\n".join(texts).encode("utf-8", "surrogatepass")


@schemathesis.check
def violation_rejected(context, response, case):
    """The built-in check, for an API that refuses the records that violate the contract and takes the others."""
    if response.status_code == 202 and response.json().get("rejected", 0) > 0:
        return
    negative_data_rejection(context, response, case)
