"""What a run is: its settings, id, records and file paths. No torch, no data."""
