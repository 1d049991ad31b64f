"""Models of others on the same rows: each with the prompt it was published with and a parser for what it writes.

A style is a TOML file beside these modules, which says what of it is from the model's card and what is ours, and a class that
reads it. :func:`oiellm.baselines.opening.open_style` opens one by name.
"""
