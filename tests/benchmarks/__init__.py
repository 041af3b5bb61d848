"""Benchmarks: what a sync costs, against the scripts one would write instead."""
