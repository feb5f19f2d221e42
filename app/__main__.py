"""`python -m app` is `langyan`, from whichever checkout one stands in."""

from app.cli import main

main(prog_name="langyan")
