"""Translation that keeps the annotations: tagged text out, tagged text back, checks, a ladder of repairs."""
