"""Studies: a grid of trainings and tests from one YAML file, with a criterion that is fixed before the first of them."""
