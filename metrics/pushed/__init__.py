"""What jobs push and leave behind (Pushgateway): groups that stand until they are deleted."""
