"""What a person works on: lifecycle, escalation, SLA clocks, timeline; the package to copy.

Start at lifecycle.py.
"""
