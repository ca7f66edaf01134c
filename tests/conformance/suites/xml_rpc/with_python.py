"""The client that comes with Python."""

import sys
import xmlrpc.client
from xmlrpc.client import Binary, DateTime, Fault, MultiCall

server = xmlrpc.client.ServerProxy(sys.argv[1])
validator = server.validator1
stooges = [{"moe": 1, "larry": 2, "curly": 3}, {"moe": 4, "larry": 5, "curly": -6}]


def same(got, expected):
    assert type(got) is type(expected) and got == expected, f"{got!r} is not {expected!r}"


same(validator.arrayOfStructsTest(stooges), -3)
print("arrayOfStructsTest")
counted = validator.countTheEntities("<<>&&&'''''\"\"x&amp;")
same(counted, {"ctLeftAngleBrackets": 2, "ctRightAngleBrackets": 1, "ctAmpersands": 4, "ctApostrophes": 5, "ctQuotes": 2})
print("countTheEntities")
same(validator.easyStructTest(stooges[0]), 6)
print("easyStructTest")
same(validator.echoStructTest({"a": {"b": [1, "two"]}, "": True}), {"a": {"b": [1, "two"]}, "": True})
print("echoStructTest")
many = [17, True, "text", 2.5, DateTime("19980717T14:08:55"), Binary(b"\0\xff")]
same(validator.manyTypesTest(*many), many)
print("manyTypesTest")
same(validator.moderateSizeArrayCheck(["first", *["x"] * 150, "last"]), "firstlast")
print("moderateSizeArrayCheck")
same(validator.nestedStructTest({"2000": {"04": {"01": stooges[0]}, "03": {}}}), 6)
print("nestedStructTest")
same(validator.simpleStructReturnTest(7), {"times10": 70, "times100": 700, "times1000": 7000})
print("simpleStructReturnTest")
for value in (
    0, -1, 2**31 - 1, -(2**31), True, False, "", "  spaces\n\t ", "<b>&amp; \"'", "Grüße 東京 😀", 0.0, -1.5, 1e300, 5e-324,
    DateTime("19980717T14:08:55"), Binary(b""), Binary(bytes(range(256))), [], [[1], [[]]], {}, {"a b": [{"": "ü"}]},
):
    same(server.echo(value), value)
print("every type there and back")
for call, code in (
    (lambda: server.nobody(), -32601),
    (lambda: server.subtract(1), -32602),
    (lambda: server.fail(7, "seven"), 7),
):
    try:
        call()
        raise AssertionError("there was no fault")
    except Fault as fault:
        same(fault.faultCode, code)
print("faults")
assert {"subtract", "system.listMethods", "system.multicall"} <= set(server.system.listMethods())
same(server.system.methodHelp("subtract"), "The difference of two integers.")
same(server.system.methodSignature("subtract"), [["int", "int", "int"]])
assert {"xmlrpc", "faults_interop", "i8", "nil"} <= set(server.system.getCapabilities())
print("introspection")
calls = MultiCall(server)
calls.subtract(42, 23)
calls.fail(7, "seven")
calls.echo("x")
answers = calls()
same(answers[0], 19)
same(answers[2], "x")
try:
    answers[1]
    raise AssertionError("there was no fault")
except Fault as fault:
    same((fault.faultCode, fault.faultString), (7, "seven"))
print("multicall")


class Wide(int):
    """An `i8`, which Python's client reads, and writes when it is told how."""


def dump_wide(self, value, write):
    write(f"<value><i8>{int(value)}</i8></value>\n")


xmlrpc.client.Marshaller.dispatch[Wide] = dump_wide
for number in (2**31, 2**53 + 1, 2**63 - 1, -(2**63)):
    same(server.echo(Wide(number)), number)
with_nil = xmlrpc.client.ServerProxy(sys.argv[1], allow_none=True)
same(with_nil.echo([None, {"a": None}]), [None, {"a": None}])
print("i8 and nil")
