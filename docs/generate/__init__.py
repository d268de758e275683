"""Writes the parts of the documentation that come from the program: the reference, outputs of commands, figures."""
