"""Protobuf messages declared in a few words each, instead of generated code."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_FORM = re.compile(r"(\d+) (\w+) (\w+)(\*?)(?:\?(\w+))?")
_KINDS = {
    name: getattr(_Field, f"TYPE_{name.upper()}")
    for name in (
        *("string", "bytes", "bool", "double", "int32", "int64", "uint32", "uint64"),
        *("fixed64", "sfixed64", "sint32"),
    )
}


def classes(
    package: str,
    messages: Mapping[str, str],
    *,
    enums: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return a class for each message; its fields are given as `number name kind`, by semicolons.

    `kind*` is repeated, `kind?choice` one of several of which at most one is there.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3"
    )
    for name, values in (enums or {}).items():
        enum = file.enum_type.add(name=name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    for name, fields in messages.items():
        _declare(file.message_type.add(name=name), fields, package, enums or {})
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in messages
    }


def _declare(
    message: descriptor_pb2.DescriptorProto,
    fields: str,
    package: str,
    enums: Mapping[str, Sequence[str]],
) -> None:
    choices: dict[str, int] = {}
    for written in filter(None, (one.strip() for one in fields.split(";"))):
        form = _FORM.fullmatch(written)
        if form is None:
            raise ValueError(f"no field is declared like {written!r}")
        number, name, kind, many, choice = form.groups()
        field = message.field.add(name=name, number=int(number))
        field.label = _Field.LABEL_REPEATED if many else _Field.LABEL_OPTIONAL
        if kind in _KINDS:
            field.type = _KINDS[kind]
        else:
            field.type = _Field.TYPE_ENUM if kind in enums else _Field.TYPE_MESSAGE
            field.type_name = f".{package}.{kind}"
        if choice:
            if choice not in choices:
                choices[choice] = len(choices)
                message.oneof_decl.add(name=choice)
            field.oneof_index = choices[choice]
