"""Billing: numbered invoices, credit notes and their reversals."""
