"""Carries out calls with one of Python's HTTP clients: a list of them as JSON in, what came as JSON out."""

import http.client
import json
import sys
from urllib.parse import urlsplit


def with_http_client(calls):
    connection = None
    for call in calls:
        url = urlsplit(call["url"])
        if connection is None:
            connection = http.client.HTTPConnection(url.netloc, timeout=30)
        body = call["body"].encode() if call["body"] is not None else None
        connection.request(call["method"], url.path, body, call["headers"])
        answer = connection.getresponse()
        text = answer.read().decode()
        fields = {name.lower(): value for name, value in answer.getheaders()}
        yield {"status": answer.status, "version": f"{answer.version / 10}", "headers": fields, "body": text}
        if answer.will_close:
            connection = None


def with_requests(calls):
    import requests

    with requests.Session() as session:
        for call in calls:
            body = call["body"].encode() if call["body"] is not None else None
            answer = session.request(call["method"], call["url"], data=body, headers=call["headers"], timeout=30)
            fields = {name.lower(): value for name, value in answer.headers.items()}
            yield {"status": answer.status_code, "version": f"{answer.raw.version / 10}", "headers": fields, "body": answer.text}


def with_httpx(calls, http2=False):
    import httpx

    with httpx.Client(http1=not http2, http2=http2, timeout=30) as client:
        for call in calls:
            answer = client.request(call["method"], call["url"], content=call["body"], headers=call["headers"])
            version = answer.http_version.removeprefix("HTTP/")
            yield {"status": answer.status_code, "version": version, "headers": dict(answer.headers), "body": answer.text}


def main():
    carry_out = {
        "http.client": with_http_client,
        "requests": with_requests,
        "httpx": with_httpx,
        "httpx-http2": lambda calls: with_httpx(calls, http2=True),
    }[sys.argv[1]]
    answers = []
    calls = json.load(sys.stdin)
    while len(answers) < len(calls):
        try:
            for answer in carry_out(calls[len(answers):]):
                answers.append(answer)
        except Exception as error:  # Whatever the client makes of it is what is to be reported, and the next call is made all the same.
            answers.append({"error": repr(error)})
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
