"""What people configure by hand: the same things as in the YAML, held to the same rules.

A change is checked against everything that stands, as if it were written into the files; what a
file owns is left to the file.
"""

from app.configuration.changing import change, make, patched, remove
from app.configuration.kinds import KINDS, Key, Kind, Part

__all__ = ["KINDS", "Key", "Kind", "Part", "change", "make", "patched", "remove"]
