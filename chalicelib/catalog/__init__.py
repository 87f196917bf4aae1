"""What people browse."""
