"""Mirrors results of a store to experiment trackers: MLflow, TensorBoard, Weights & Biases."""
