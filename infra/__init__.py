"""Infrastructure: build, deploy, run on one machine, operate, audit. Nothing here runs in the shop's own functions."""
