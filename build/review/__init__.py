"""The review: a person reads the rows that need it most, and every decision is kept. ``docs/review.md`` is for the user."""
