"""Product import: products from an uploaded file, split into batches, written and reported."""
