"""How schemathesis writes bodies that it does not know: values, one on each line."""

import json

import schemathesis


@schemathesis.serializer("application/x-ndjson", "application/ndjson", "application/jsonl")
def lines(context, value):
    records = value if isinstance(value, list) else [value]
    texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
    return "\n".join(texts).encode("utf-8", "surrogatepass")
