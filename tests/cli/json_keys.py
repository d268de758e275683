"""Keys of a row of the ranking in JSON, in order; scripts rely on them."""

KEYS = [
    "data", "recipe", "rank", "net", "test_accuracy", "test_accuracy_sd", "test_accuracy_low", "test_accuracy_high",
    "interval", "seeds", "planned", "failed", "selection", "test_loss", "parameters", "flops", "train_seconds",
    "images_per_second", "parameters_are", "runs", "failures", "version", "validation_accuracy",
    "ranked_by", "label", "table", "epochs", "images_seen", "starts_from", "weights",
    "features_seconds", "folds", "rank_low", "rank_high", "flaw", "test_images", "optimism", "time_caution",
    "calibrated_seconds", "findings",
]  # fmt: skip
