"""The SQLite file with everything the runs left: tables, claims, reading and writing. No torch."""
