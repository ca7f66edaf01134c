"""What the clients in Python have in common: calls come in, a line of JSON each, and answers go out, a line of JSON each.

A call is `{"function", "parameters", "arguments"}`: the names of all parameters in their order, and the arguments by name, as
`wit/MAPPING.md` writes values in JSON. An answer is `{"result"}`, `{"error", "message", "as"}` or `{"misfit", "as"}`, written in the
same way whatever the form; `as` is what is the form's own, such as a status or a code.
"""

import json
import re
import sys
from collections.abc import Callable
from typing import Any

Answer = dict[str, Any]

MISFIT = re.compile(r"(?P<pointer>(?:/[^ ]*)?): expected (?P<expected>.*), found (?P<found>.*)", re.DOTALL)
"""How a value that does not fit is said in a sentence."""


def serve(answer: Callable[[str, list[str], dict[str, Any]], Answer]) -> None:
    """Answers calls until there are no more."""
    for line in sys.stdin:
        call = json.loads(line)
        print(json.dumps(answer(call["function"], call["parameters"], call["arguments"])), flush=True)


def misfit_of(sentence: str) -> dict[str, str] | None:
    """The place, what was expected and what was found, if the sentence says that."""
    found = MISFIT.fullmatch(sentence)
    return found.groupdict() if found else None


def by_name(misfit: dict[str, str], parameters: list[str]) -> dict[str, str]:
    """The same misfit where arguments were sent by place: its pointer begins with the name of the parameter."""
    _, place, *rest = misfit["pointer"].split("/")
    return misfit | {"pointer": "/".join(["", parameters[int(place)], *rest])}


def by_place(parameters: list[str], arguments: dict[str, Any]) -> list[Any]:
    """The arguments in their order. What is left out in the middle is none, and what is left out at the end is left out."""
    count = max((place + 1 for place, name in enumerate(parameters) if name in arguments), default=0)
    return [arguments.get(name) for name in parameters[:count]]


def json_rpc_error(code: int, message: str, data: Any, parameters: list[str] | None) -> Answer:
    """An error of JSON-RPC; with names if arguments were sent by place."""
    form = {"code": code}
    if code == -32602:
        return {"misfit": by_name(data, parameters) if parameters else data, "as": form}
    return {"error": data, "message": message, "as": form}
