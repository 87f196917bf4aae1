"""Lambda@Edge functions: they use the standard library only, and settings from a file in their package."""
