"""`bakeoff pick`: the best network for some images within a budget of time, and how likely it is the best."""
