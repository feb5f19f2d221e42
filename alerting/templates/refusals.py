"""What may be wrong with a template: when it is read, and when it is filled in."""


class NotRead(ValueError):
    """The text is no template of ours."""


class NotExpanded(ValueError):
    """The template cannot be filled in with these values."""
