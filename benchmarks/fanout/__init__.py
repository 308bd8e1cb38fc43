"""What the listener benchmarks share: audio, sources, listeners, and the servers beside ours."""
