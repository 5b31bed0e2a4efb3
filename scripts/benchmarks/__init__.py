"""What ``scripts/benchmark.py`` runs: cases, entrants in environments of their own, rounds, tables."""
