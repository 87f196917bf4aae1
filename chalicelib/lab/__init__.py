"""What the console's lab asks for. Only stages with the lab's piece of the template have something behind it."""
