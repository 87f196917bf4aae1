"""Local shop: the AWS emulator (MiniStack) in place of AWS, and the Stripe sandbox in place of Stripe."""
