"""The storefront's code: a room (package) for each bounded context, process or admin tool, on top of `platform`."""
