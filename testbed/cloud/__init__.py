"""Cloud in memory: what a CloudFormation template declares, run in virtual time.

Queues, topics, buses with their rules, streams, functions, workflows and schedules behave as AWS documents them: at
least once, in no order, with visibility timeouts, retries and dead-letter queues. Nothing here knows the application.
"""
