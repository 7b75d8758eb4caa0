"""The golden profile: folds, survivorship, lifecycle."""
