"""Down-sampled samples: whole steps of 5 minutes and 1 hour. Start at steps.py and buckets.py."""
