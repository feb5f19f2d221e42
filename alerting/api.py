"""t"""

from fastapi import APIRouter

router = APIRouter()
