"""Regular expressions as Prometheus has them: Go's syntax, the whole value, linear time.

Python's own engine knows another dialect and can be made to run for hours by one matcher.
Start at pattern.py.
"""

from metrics.patterns.pattern import Pattern, compiled

__all__ = ["Pattern", "compiled"]
