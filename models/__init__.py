"""Models of natural language built on tinygrad_nlp; once installed, `tinygrad_nlp.models`."""
