"""How many pieces there are, and who has a claim on them."""
