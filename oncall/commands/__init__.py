"""Verbs of oncall, each called inside one transaction; they never commit."""

from oncall.commands.contacts import add_contact, exchange_seals, remove_contact
from oncall.commands.provisioning import Seal, provision, stand_in

__all__ = ["Seal", "add_contact", "exchange_seals", "provision", "remove_contact", "stand_in"]
