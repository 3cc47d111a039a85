"""Safe reading of untrusted files, and atomic writing of our own."""
