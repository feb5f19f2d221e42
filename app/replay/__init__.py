"""What a rule would have come to over the past: alerts, incidents and who would have been told.

Start at `telling.py`: what happens to the incidents; `difference.py` holds two versions together.
"""
