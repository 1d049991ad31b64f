"""From predictions to figures: protocols, baselines, tables, comparison."""
