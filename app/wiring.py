"""Who is handed what, and who reacts to what: the one place where the rooms meet."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

import httpx

from access import queries as access_queries
from access.authorizer import Authorizer
from access.directory import Directory
from access.passwords import Passwords
from access.scope import Identity, Right
from alerting import queries as alerting_queries
from alerting.evaluator import Evaluator
from app import pipeline, vigil
from app.condition import Condition
from app.measures import Measures
from app.opening import Secrets
from app.scheduler import Scheduler, Tick
from app.telling import render
from collectors.host import Host
from collectors.jobs import Rounds
from collectors.probe import Prober
from collectors.samples import Sample
from collectors.scrape import Scraper
from collectors.turns import TargetFacts
from incidents import jobs as incidents
from incidents import reactions as incident_reactions
from kit import outbox
from kit.clock import Clock, milliseconds
from kit.db import Database
from kit.notices import Notices
from kit.outbox import Reactions
from kit.pages import Pages
from kit.settings import Settings
from kit.signing import Signer
from metrics.ports.encode import write_request
from metrics.ports.remote_write import RemoteWrite
from metrics.ports.samples import Samples
from metrics.store import Store
from notifications.channels.email import Email
from notifications.channels.webhook import Webhook
from notifications.events import NotificationFailed
from notifications.sender import Outside, Sender

log = logging.getLogger(__name__)

REACTIONS: Reactions = {NotificationFailed: (incident_reactions.notification_failed,)}
"""Who reacts to which news, off the main path."""
