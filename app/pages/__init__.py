"""Pages that join several rooms; `views.py` is what the templates are given."""
