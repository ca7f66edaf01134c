"""XML-RPC with the client that comes with Python, against `spec-rpc` and `users`."""

import datetime
import math
import uuid
import xmlrpc.client
from xmlrpc.client import Binary, DateTime, Fault, MultiCall, ServerProxy

import checks


def spec(url):
    return ServerProxy(f"{url}/spec-rpc", allow_none=True)


def same(sent, got):
    assert type(got) is type(sent) and got == sent, f"sent {sent!r}, got {got!r}"


def every_type(url):
    echo = spec(url).echo
    for number in (0, 1, -1, 42, 2**31 - 1, -(2**31)):
        same(number, echo(number))
    for flag in (True, False):
        same(flag, echo(flag))
    for number in (0.0, -0.5, 1.0, 3.14159265358979, 1e300, 5e-324, 0.1 + 0.2, -1e-7, 123456789.125):
        same(number, echo(number))
    assert math.copysign(1, echo(-0.0)) == -1
    for moment in ("19980717T14:08:55", "20000229T00:00:00", "99991231T23:59:59"):
        got = echo(DateTime(moment))
        assert isinstance(got, DateTime) and got.value == moment, got
    typed = ServerProxy(f"{url}/spec-rpc", use_builtin_types=True)
    same(datetime.datetime(2026, 11, 22, 10, 9, 8), typed.echo(datetime.datetime(2026, 11, 22, 10, 9, 8)))
    for data in (b"", b"\0", bytes(range(256)), b"x" * 100_000):
        same(Binary(data), echo(Binary(data)))
        same(data, typed.echo(data))
    for value in ([], [1, "a", None, [True, [2.5]]], {}, {"a": 1, "": 2, "ü <&>": [{"b": {}}], "c d": None}):
        same(value, echo(value))
    same(None, echo(None))
    deep = {"l": [{"d": Binary(b"\xff"), "t": DateTime("20010101T00:00:00"), "n": None}, [[[[]]]]], "f": 0.25}
    same(deep, echo(deep))
    same(list(range(5_000)), echo(list(range(5_000))))

    # Integers of 64 bits: an extension that Python's client reads, and writes when it is told to.
    class Wide(int):
        pass

    def dump_wide(self, value, write):
        write(f"<value><i8>{int(value)}</i8></value>\n")

    xmlrpc.client.Marshaller.dispatch[Wide] = dump_wide
    for number in (2**31, -(2**31) - 1, 2**53 + 1, 2**63 - 1, -(2**63)):
        same(number, echo(Wide(number)))


def texts(url):
    echo = spec(url).echo
    for text in (
        "",
        " ",
        "  leading and trailing  ",
        "a\nb\tc\n",
        "<b>&amp; \"quoted\" 'too' ]]></b>",
        "&#65;&lt;",
        "Grüße, 東京, 😀, \u202eright to left\u202c",
        "e\u0301 is not \u00e9",
        "\u00a0\u2028\ufeff",
        "x" * 200_000,
    ):
        same(text, echo(text))
        same([text, {text: text}], echo([text, {text: text}]))


def validator1(url):
    v = spec(url).validator1
    stooges = [{"moe": m, "larry": l, "curly": c} for m, l, c in ((1, 2, 3), (4, 5, -6), (7, 8, 9))]
    same(6, v.arrayOfStructsTest(stooges))
    counted = v.countTheEntities("<<>&&&'''''\"\"x&amp;")
    assert counted == {
        "ctLeftAngleBrackets": 2,
        "ctRightAngleBrackets": 1,
        "ctAmpersands": 4,
        "ctApostrophes": 5,
        "ctQuotes": 2,
    }, counted
    same(6, v.easyStructTest(stooges[0]))
    struct = {"bool": True, "list": [1, "two", 3.0], "struct": {"a": Binary(b"b")}}
    same(struct, v.echoStructTest(struct))
    many = [17, True, "text", 2.5, DateTime("19980717T14:08:55"), Binary(b"\0\xff")]
    same(many, v.manyTypesTest(*many))
    same("first" + "last", v.moderateSizeArrayCheck(["first"] + ["x"] * 150 + ["last"]))
    day = {"moe": 10, "larry": 20, "curly": 30}
    same(60, v.nestedStructTest({"1999": {}, "2000": {"03": {}, "04": {"01": day, "02": stooges[0]}}}))
    same({"times10": 70, "times100": 700, "times1000": 7000}, v.simpleStructReturnTest(7))


def faults(url):
    server = spec(url)
    for code, message in ((1, "one"), (-7, "<b> & ü"), (2**31 - 1, "")):
        fault = checks.fails(Fault, lambda: server.fail(code, message))
        assert (fault.faultCode, fault.faultString) == (code, message), fault
    for call, code in (
        (lambda: server.nobody(), -32601),
        (lambda: server.subtract(1), -32602),
        (lambda: server.subtract("1", 2), -32602),
        (lambda: server.subtract(1, 2, 3), -32602),
        (lambda: server.system.methodHelp("nobody"), -32602),
    ):
        fault = checks.fails(Fault, call)
        assert fault.faultCode == code and fault.faultString, fault
    # The connection goes on after faults.
    same(19, server.subtract(42, 23))


def system_methods(url):
    server = spec(url)
    methods = server.system.listMethods()
    for name in ("subtract", "echo", "validator1.manyTypesTest", "system.listMethods", "system.multicall"):
        assert name in methods, methods
    same("The difference of two integers.", server.system.methodHelp("subtract").split("\n")[0])
    signature = server.system.methodSignature("subtract")
    assert signature and all(len(one) == 3 and set(one) <= {"int", "i4", "i8"} for one in signature), signature
    assert "xmlrpc" in server.system.getCapabilities()

    calls = MultiCall(server)
    calls.subtract(42, 23)
    calls.echo({"a": [1]})
    calls.fail(7, "seven")
    calls.nobody()
    calls.system.multicall([])
    calls.get_data()
    answers = calls()
    assert answers[0] == 19 and answers[1] == {"a": [1]} and answers[5] == ["hello", 5]
    for number, code in ((2, 7), (3, -32601), (4, None)):
        fault = checks.fails(Fault, lambda: answers[number])
        assert code is None or fault.faultCode == code, fault


def users(url):
    server = ServerProxy(f"{url}/users")
    email = f"{uuid.uuid4()}@Example.org"
    id = server.createUser("Grace Höpper", email)
    user = server.getUserInfo(id)
    assert (user["id"], user["name"], user["email"]) == (id, "Grace Höpper", email), user
    created = datetime.datetime.strptime(user["created"].value, "%Y%m%dT%H:%M:%S").replace(tzinfo=datetime.UTC)
    assert abs(datetime.datetime.now(datetime.UTC) - created) < datetime.timedelta(minutes=5), created
    assert user in server.listUsers(0, 100)
    assert server.listUsers(10_000, 1) == []
    assert checks.fails(Fault, lambda: server.createUser("Eve", email.lower())).faultCode == 2
    assert checks.fails(Fault, lambda: server.createUser("", "a@b")).faultCode == -32602
    assert checks.fails(Fault, lambda: server.createUser("Eve")).faultCode == -32602
    assert server.deleteUser(id) is True
    assert checks.fails(Fault, lambda: server.getUserInfo(id)).faultCode == 1
    assert checks.fails(Fault, lambda: server.deleteUser(id)).faultCode == 1
    # The address is free again, the id is not.
    assert server.createUser("Grace", email) > id


if __name__ == "__main__":
    checks.run(__name__)
