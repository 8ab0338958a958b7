"""One module per foreign format: each yields typed rows with their place, and the pipeline does the rest."""
