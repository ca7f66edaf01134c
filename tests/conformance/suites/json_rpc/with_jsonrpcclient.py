"""`jsonrpcclient` makes and reads messages; `requests` carries them."""

import sys

import jsonrpcclient
import requests

URL = sys.argv[1]
SESSION = requests.Session()


def call(message):
    answer = SESSION.post(URL, json=message, timeout=30)
    assert answer.status_code == 200, answer
    return jsonrpcclient.parse(answer.json())


assert call(jsonrpcclient.request("subtract", params=[42, 23])).result == 19
print("by position")
named = jsonrpcclient.request_uuid("subtract", params={"subtrahend": 23, "minuend": 42})
answer = call(named)
assert (answer.result, answer.id) == (19, named["id"]), answer
print("by name")
answer = SESSION.post(URL, json=jsonrpcclient.notification("update", params=[1]), timeout=30)
assert (answer.status_code, answer.content) == (204, b""), answer
print("notification")
error = call(jsonrpcclient.request("nobody"))
assert error.code == -32601, error
print("unknown method")
error = call(jsonrpcclient.request("fail", params=[7, "seven"]))
assert (error.code, error.message) == (7, "seven"), error
print("failure")
for value in (None, True, 1.5, 2**53 + 1, "ü 😀 \u2028", [1, [2]], {"a": {"": None}}):
    assert call(jsonrpcclient.request("echo", params=[value])).result == value
print("values")
batch = [jsonrpcclient.request("sum", params=[number, 1]) for number in range(5)]
results = {answer.id: answer.result for answer in call(batch)}
assert results == {message["id"]: message["params"][0] + 1 for message in batch}, results
print("batch")
