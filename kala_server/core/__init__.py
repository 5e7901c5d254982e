"""The heart: what a job is, when it is due, what happens next.

Pure: no I/O, no Tornado, no clock. `now` is an argument; state changes only by applying a record.
"""
