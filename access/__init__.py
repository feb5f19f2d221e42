"""Clients, systems, targets, people, roles, tokens, sessions, tenancy scope, audit.

Start at scope.py.
"""
