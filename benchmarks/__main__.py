"""All benchmarks, one after the other."""

import runpy

BENCHMARKS = ("rtmp_ingest",)

for name in BENCHMARKS:
    runpy.run_module(f"benchmarks.{name}", run_name="__main__")
