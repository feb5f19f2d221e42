"""Verbs of incidents, each called inside one transaction; they never commit."""
