"""Products from a file: uploaded by an admin, split into batches, written, counted, and reported on.

A room of its own, because it has a table and a bucket, and brings catalog and inventory together.
"""
