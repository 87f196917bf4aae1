"""The storefront's code: one package per bounded context, all standing on `platform`."""
