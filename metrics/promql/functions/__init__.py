"""What PromQL's functions compute, one file for each kind; calls.py finds them by name.

A function takes `Arguments` and returns a matrix, or a scalar at each step. Those over ranges
see a range as two places in a column (windows.py); none of them loops over steps or series.
"""
