"""Statistics of numbers: intervals, paired comparisons, ranks, sequential tests. No store, no torch."""
