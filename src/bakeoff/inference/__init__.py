"""Uses what was trained: predicts classes of images, with the preprocessing of the training."""
