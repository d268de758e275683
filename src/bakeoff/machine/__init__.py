"""What a run is trained on: device and precision, processes, energy and load."""
