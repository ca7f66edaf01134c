"""Holds every example of an OpenAPI 3.1 document against the schema that it stands by, and wants at least one."""

import json
import sys

import jsonschema
from referencing import Registry
from referencing.jsonschema import DRAFT202012

document = json.load(open(sys.argv[1]))
registry = Registry().with_resource("urn:document", DRAFT202012.create_resource(document))
found = 0


def absolute(schema: object) -> object:
    """The same schema with references that lead into the document."""
    if isinstance(schema, dict):
        return {
            key: f"urn:document{value}" if key == "$ref" else absolute(value) for key, value in schema.items()
        }
    return [absolute(item) for item in schema] if isinstance(schema, list) else schema


def walk(part: object, path: str) -> None:
    global found
    if isinstance(part, dict):
        if "example" in part and "schema" in part:
            found += 1
            schema = absolute(part["schema"])
            checker = jsonschema.Draft202012Validator(schema, registry=registry)
            for error in checker.iter_errors(part["example"]):
                sys.exit(f"{path}: {error.message}")
        for key, value in part.items():
            walk(value, f"{path}/{key}")
    elif isinstance(part, list):
        for number, value in enumerate(part):
            walk(value, f"{path}/{number}")


for name in document["components"]["schemas"]:
    jsonschema.Draft202012Validator.check_schema(document["components"]["schemas"][name])
walk(document["paths"], "")
if not found:
    sys.exit("there is no example")
print(found, "examples")
