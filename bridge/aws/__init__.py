"""The bridge on AWS: functions that take webhooks in, a queue, and functions behind it on a DynamoDB ledger."""
