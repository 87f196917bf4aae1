"""Platform: what every room uses, such as HTTP, settings, logging, DynamoDB and clocks. It imports no room."""
