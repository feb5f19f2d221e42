"""What the form of a page sent: its fields as text, several of one name parted by spaces."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from kit.errors import Invalid


async def _sent(request: Request) -> Mapping[str, str]:
    try:
        form = await request.form()
    except ClientDisconnect:  # somebody typed on: the next form is on its way
        raise Invalid("the form did not come whole") from None
    found: dict[str, str] = {}
    for name, value in form.multi_items():
        if not isinstance(value, str) or "\0" in value:
            raise Invalid("a form of a page has fields of text", field=name)
        found[name] = f"{found[name]} {value}" if name in found else value
    return found


Sent = Annotated[Mapping[str, str], Depends(_sent)]
