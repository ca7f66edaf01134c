"""Prints what httplint notes about one answer, as it was said to one request: both as JSON on standard input, with their bytes
as Latin-1. The command line of httplint reads an answer alone, and some of its rules need the request's method and fields.
"""

import json
import sys
import time

from httplint.message import HttpRequestLinter, HttpResponseLinter


def fields(pairs: list[list[str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


exchange = json.load(sys.stdin)
now = time.time()

request = HttpRequestLinter(start_time=now)
request.process_request_topline(exchange["method"].encode(), exchange["url"].encode(), b"1.1")
request.process_headers(fields(exchange["request_fields"]))
request.feed_content(exchange["request_body"].encode("latin-1"))
request.finish_content(True)

response = HttpResponseLinter(start_time=now)
response.request = request
response.process_response_topline(b"1.1", str(exchange["status"]).encode(), exchange["reason"].encode())
response.process_headers(fields(exchange["response_fields"]))
response.feed_content(exchange["response_body"].encode("latin-1"))
response.finish_content(True)

print(json.dumps([[note.level.name, note.summary] for note in response.notes]))
