"""How course text is written: the documents of exercises, and what their code may use."""
