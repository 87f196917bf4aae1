"""What somebody means to buy: carts of guests and customers."""
