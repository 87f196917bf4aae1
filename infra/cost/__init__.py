"""Cost model: billed units per order × a dated price table = cost per order, and per month against traffic."""
