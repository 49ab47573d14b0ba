"""Benchmarks: real server processes, a compiled load generator, Redis beside them. `python -m benchmarks --help`."""
