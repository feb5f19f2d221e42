"""What a person works on: lifecycle, escalation, SLA clocks, timeline. Start at lifecycle.py; the package to copy."""
