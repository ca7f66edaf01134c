"""JSON-RPC with two clients of other makers, against `spec-rpc` and `users`."""

import uuid
import xmlrpc.client

import jsonrpcclient
import jsonrpclib
import requests

import checks


def calls(url):
    address = f"{url}/spec-rpc"
    with requests.Session() as session:

        def post(message):
            return session.post(address, json=message)

        parsed = jsonrpcclient.parse(post(jsonrpcclient.request("subtract", params=[42, 23])).json())
        assert parsed.result == 19, parsed
        named = jsonrpcclient.request_uuid("subtract", params={"subtrahend": 23, "minuend": 42})
        parsed = jsonrpcclient.parse(post(named).json())
        assert (parsed.result, parsed.id) == (19, named["id"]), parsed
        answer = post(jsonrpcclient.notification("update", params=[1]))
        assert (answer.status_code, answer.content) == (204, b""), answer
        parsed = jsonrpcclient.parse(post(jsonrpcclient.request("fail", params=[7, "seven"])).json())
        assert (parsed.code, parsed.message) == (7, "seven"), parsed
        batch = [jsonrpcclient.request("sum", params=[number, 1]) for number in range(5)]
        results = {parsed.id: parsed.result for parsed in jsonrpcclient.parse(post(batch).json())}
        assert results == {call["id"]: call["params"][0] + 1 for call in batch}, results

    server = jsonrpclib.ServerProxy(address)
    assert server.subtract(42, 23) == server.subtract(minuend=42, subtrahend=23) == 19
    for value in (None, True, 1.5, "ü", [1, [2]], {"a": {"b": None}}):
        assert server.echo(value) == value
    many = jsonrpclib.MultiCall(server)
    many.subtract(1, 2)
    many.sum(1, 2, 3)
    many.get_data()
    assert list(many()) == [-1, 6, ["hello", 5]]
    error = checks.fails(jsonrpclib.ProtocolError, lambda: server.nobody())
    assert error.args[0][0] == -32601, error


def users(url):
    address = f"{url}/users"
    server = jsonrpclib.ServerProxy(address)
    email = f"{uuid.uuid4()}@example.org"
    id = server.createUser(name="Ada", email=email)
    user = server.getUserInfo(id)
    assert (user["id"], user["name"], user["email"]) == (id, "Ada", email), user
    same = xmlrpc.client.ServerProxy(address).getUserInfo(id)
    assert (same["email"], same["created"].value) == (email, user["created"]["$dateTime"]), (same, user)

    def error(method, **params):
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return requests.post(address, json=message).json()["error"]

    assert error("createUser", name="Eve", email=email) == {
        "code": 2,
        "message": "Email address is taken",
        "data": {"email": email},
    }
    assert error("getUserInfo", id=999_999) == {"code": 1, "message": "Unknown user", "data": {"id": 999_999}}
    bad = error("createUser", name="Eve", email="nobody")
    assert (bad["code"], bad["data"]["param"]) == (-32602, "email"), bad
    assert error("createUser", name="Eve")["data"]["param"] == "email"
    assert error("listUsers", limit=101)["data"]["param"] == "limit"
    assert error("listUsers", offset=-1)["data"]["param"] == "offset"
    assert server.deleteUser(id) is True


if __name__ == "__main__":
    checks.run(__name__)
