"""Reporting: an optional read model of orders in PostgreSQL, for questions that DynamoDB answers badly.

`sql/` holds all that imports SQLAlchemy; only the functions of the reporting stack import it.
"""
