"""Training one run, from images to outcome: training loop, evaluation, optimizers, schedules, checkpoints."""
