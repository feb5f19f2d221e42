"""What the doctor says of a program, for comparing."""

import json

from tests.support.program import Program


async def examined(program: Program, **more: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Run the doctor; return its code, and what each check found, the worst last."""
    done = await program.run("doctor", "--json", **more)
    assert done.stdout.startswith("{"), done.stderr
    order = ("ok", "warn", "fail")
    found = sorted(json.loads(done.stdout)["findings"], key=lambda one: order.index(one["level"]))
    return done.returncode, {one["check"]: (one["level"], one["found"]) for one in found}
