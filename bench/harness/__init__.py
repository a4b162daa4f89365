"""The common modules of bench/compare, bench/scale and bench/threads. Standard library only."""
