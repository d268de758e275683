"""The machine that runs train on: device, precision, processes, energy and CPU load."""
