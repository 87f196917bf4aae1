"""The saga's steps: here, and only here, the other rooms meet."""
