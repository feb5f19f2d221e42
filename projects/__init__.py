"""Project delivery records."""
