"""Files that nobody vouches for, opened safely, and files of our own, written in one step."""
