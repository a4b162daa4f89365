"""What bench/compare and bench/scale are made of. Python's standard library and nothing else."""
