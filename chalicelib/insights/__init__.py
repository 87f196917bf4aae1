"""What was sold, and what it led to."""
