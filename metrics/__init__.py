"""Samples: ports of entry, journal, head, chunks, PromQL. Start at store.py."""
