"""What the command line and notebooks show while something runs: bars, tables, messages."""
