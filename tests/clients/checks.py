"""Runs one function of a script: `script.py URL FUNCTION`. A check that fails ends with an error and says what it saw."""

import sys


def run(module):
    url, name = sys.argv[1:3]
    getattr(sys.modules[module], name)(url)


def fails(error, call):
    """The error of this kind that the call ends with."""
    try:
        answer = call()
    except error as raised:
        return raised
    raise AssertionError(f"expected {error}, and it answered {answer!r}")
