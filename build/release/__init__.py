"""The release: gates, one folder for each repository, one commit each, and a look at the result as a stranger has it."""
