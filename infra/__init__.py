"""What turns the code into a running shop: template pieces, packaging, deployment, the local machine."""
