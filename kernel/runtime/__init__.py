"""How a process runs: what Python and the drivers lack is patched here, tasks are ended, tests may kill it.

Nothing here knows of events, servers or services.
"""
