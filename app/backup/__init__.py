"""One file that holds an installation, taken while it serves, and an installation out of it.

Start at `taking.py` and `restoring.py`; `archive.py` is the file, `rows.py` the tables.
"""
