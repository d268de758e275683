"""Serves a trained model to browsers and programs on this machine. Needs the extra `serve`."""
