"""Which installation this is, for whoever holds its key: a word of theirs, signed."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel

from access.web import AppSigner
from app.doctor.patient import PURPOSE
from kit.web import AppClock

router = APIRouter(prefix="/api/v1/installation", tags=["health"])

LASTS = timedelta(minutes=1)


class ProofOut(BaseModel):
    """The word, signed for a minute with the installation's key."""

    proof: str


@router.get("/{nonce}")
async def prove_installation(
    nonce: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{16,64}$")],
    signer: AppSigner,
    clock: AppClock,
) -> ProofOut:
    """Sign a word that the caller made up, so that `langyan doctor` knows whose address this is."""
    return ProofOut(proof=signer.sign(PURPOSE, {"nonce": nonce}, now=clock(), ttl=LASTS))
