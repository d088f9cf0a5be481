"""Faults: the whole daemon under kill -9, outages and poison, judged by a count over the input that shares no code.

`make test-faults` runs the long form and prints what was counted; `make test` runs a short form of each.
"""
