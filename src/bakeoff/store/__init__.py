"""The SQLite file with the results of all runs: tables, claims, reading and writing. No torch."""
