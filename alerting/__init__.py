"""Rules, their evaluation and the life of an alert. Start at lifecycle.py."""
