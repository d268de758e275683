"""What a run is worth and what it costs."""
