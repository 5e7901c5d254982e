"""Sets of jobs in files: read, placed where something is wrong with them, and written (docs/sets.md).

It asks no server and loads no model: a file can be read wherever it is.
"""

from kala_client.set_files.faults import SetFileError
from kala_client.set_files.python import JobOfSet, JobSet
from kala_client.set_files.reading import ReadSet, read

__all__ = ["JobOfSet", "JobSet", "ReadSet", "SetFileError", "read"]
