"""What a run is: its settings, its id, what it leaves behind and where its files lie. No torch, no data."""
