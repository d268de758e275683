"""One run, from images to outcome: the training loop, evaluation, optimizers, schedules, checkpoints."""
