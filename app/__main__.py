"""`python -m app` is `langyan`."""

from app.cli import main

if __name__ == "__main__":
    main(prog_name="langyan")
