"""`bakeoff tune`: values for the fields of a recipe that suit one network and data set, within a budget of time."""
