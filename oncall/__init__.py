"""Whose turn it is: contacts, schedules, escalation policies. Start at rotation.py."""
