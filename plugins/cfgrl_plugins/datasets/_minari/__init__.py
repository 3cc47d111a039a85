"""Reading Minari's files without trusting them."""
