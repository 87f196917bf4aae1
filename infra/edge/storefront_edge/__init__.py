"""What runs in CloudFront's locations as Lambda@Edge: the standard library, and settings baked into the package."""
