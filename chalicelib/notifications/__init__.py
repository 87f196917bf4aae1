"""What we tell the buyer, by email."""
