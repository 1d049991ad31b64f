"""OIELLM: recipes, training, prediction in a form that never breaks, evaluation. Imports nothing heavy."""
