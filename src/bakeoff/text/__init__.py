"""Formats of numbers and lists, and escaping of untrusted text."""
