"""Engine mode: samples are kept, and queries answered, by another program than ours.

Any that takes remote write and answers Prometheus's API. `forwarding.py` is the way there,
`store.py` what takes the place of our own chunks, `api.py` the queries that are passed on,
`tailing.py` how what other replicas took comes to our rules.
"""
