"""What is said when the embedded PostgreSQL cannot be had."""


class CannotStart(Exception):
    """PostgreSQL cannot run here; the text tells the operator why and what to do."""
