"""Where tracks come from: tables and named datasets."""
