"""The container engine of the lab: found on this machine, started for the lab alone, or none."""

from ecrlab.engine.discovery import find
from ecrlab.engine.engine import Engine, EngineError
from ecrlab.engine.private import start_private, stop_private

__all__ = ["Engine", "EngineError", "find", "start_private", "stop_private"]
