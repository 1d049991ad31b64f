"""Cards, rendered from what a run recorded: manifests and results. No figure in a card is typed by hand."""
