"""What is wrong with an installation, and how to mend it.

`examination.py` has the table of checks; each is a small function in the files beside it.
"""
