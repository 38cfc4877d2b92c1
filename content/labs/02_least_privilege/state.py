"""Lab 02: its checkpoints, its doors, and what its exercises undo."""

from __future__ import annotations

from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.lesson import Doors

from . import designs
from .table import MATRIX, REPOSITORIES, wish

DOORS = Doors(MATRIX, wish)


def monday(lab: Lab) -> None:
    """Monday: everybody can do the day's work, and nearly everything else."""
    designs.monday(lab)


def people(lab: Lab) -> None:
    """Dara, Omar and the runtime have what the table says; the robot, Aiko and the neighbours stand as on Monday."""
    monday(lab)
    designs.people_done(lab)


def robot(lab: Lab) -> None:
    """Two people, the runtime and the pipeline have what the table says; Aiko and the neighbours stand as on Monday."""
    people(lab)
    designs.robot_done(lab)


def outside(lab: Lab) -> None:
    """Everybody has what the table says, and nobody has used it yet."""
    robot(lab)
    designs.outside_done(lab)
    designs.drop_harbour(lab)


def gone(lab: Lab) -> None:
    """Put the account back to what it was before Monday: no group, no role, no policy of this lab."""
    designs.sweep(lab)
    for region in designs.REGIONS:
        lab.clear(*REPOSITORIES, region=region)


CHECKPOINTS = {"monday": monday, "people": people, "robot": robot, "outside": outside}
