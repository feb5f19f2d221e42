"""Single sign-on by OpenID Connect: the provider as we see it, and who its words mean here.

Start at provider.py; `access.commands.sign_on` writes down what follows.
"""
