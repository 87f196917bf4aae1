"""Build what is deployed: the template, the packages of functions and edge, the storefront, the event contracts."""
