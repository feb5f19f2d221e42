"""How texts stand in a query: patterns that go over them once, also where one has no end. Pure."""

TEXT = r"""(?:"(?:\\.|[^"\\])*(?:"|\\?\Z)|'(?:\\.|[^'\\])*(?:'|\\?\Z)|`[^`]*(?:`|\Z))"""
"""A text between quotation marks. One that has no end goes to the end of all: who looked for one
behind every mark would look at a long query for minutes."""
PASSED = rf"""(?:\#[^\n]*|{TEXT})"""
"""What is no part of the language: a comment or a text."""
