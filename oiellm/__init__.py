"""OIELLM: recipes, training, prediction and evaluation. To come; it will stand on ``mmm_dataset`` and ``mmm_f1``."""
