"""The report of a sweep: one page, figures, and tables for the terminal and for pages of the documentation."""
