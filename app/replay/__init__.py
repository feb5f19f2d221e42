"""What a rule would have come to over the past: alerts, incidents and who would have been told.

Start at `playing.py`, which leads a version through the past; `telling.py`: what happens to the
incidents; `difference.py` holds two versions together.
"""
