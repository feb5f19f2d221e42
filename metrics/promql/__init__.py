"""PromQL with the meaning of Prometheus 3.5: plan.py reads a text, evaluation.py computes it.

A range is one pass over columns of (series x steps); an instant is a range of one step.
"""
