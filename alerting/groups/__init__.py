"""Prometheus's rule groups: read from files, evaluated over the head, written to alerts and series.

Start at `board.py`: what is due, and what becomes of it.
"""
