"""What a class on Kubernetes needs, worked out from what one learner was measured to need; it knows no prices."""

from __future__ import annotations

import math
from dataclasses import dataclass

# Measured by hand, with dates and conditions, in docs/teaching.md ("What one learner needs", "A class on one host"); no
# bench repeats it. A processor is a vCPU: a hyperthread, as where these were measured. MB and GB count in 1,024s, as
# KubeSpawner reads 400M and as clouds sell memory.
LEARNER_MB = 281
"""Memory of a learner with one notebook open, lesson 00 done: lab, Jupyter server, kernel."""
KERNEL_MB = 105
"""Memory of another open notebook: its kernel."""
START_SECONDS = 3.2
"""Processor seconds until a learner's page is there."""
ALONE_SECONDS = 4.2
"""Seconds until a learner's page is there when nobody else starts: the prototype with containers, on one host."""
LESSON_SECONDS = 6.7
"""Processor seconds of lesson 00 run through: kernel, commands, lab and Jupyter server."""
PAGE_MB = 7.9
"""What a browser fetches when JupyterLab is opened for the first time."""
FOLDER_MB = 10
"""A learner's own folder: the notebooks (2 MB), with outputs and files, and progress. Estimated, not measured."""

REQUEST_MB = 400
"""What a pod requests: two notebooks. The same number is in classroom/kubernetes/values.yaml."""
REQUEST_PROCESSORS = 0.1
"""What a pod requests of a processor; in classroom/kubernetes/values.yaml, too."""
WITHIN = 60.0
"""Seconds within which lesson 00 has run for all when all press *Run All* at the same moment. Our choice."""
SPARE = 0.1
"""Placeholders, as a part of the learners: for those who come late, and for a node that fails. Our choice."""
OTHER_PODS = 10
"""Pods of the cluster itself on each node. Estimated."""
OTHER_PROCESSORS = 0.5
"""What they and the system request of each node's processors. Estimated."""


def starting(learners: int) -> int:
    """Return how many may start together: the hub's concurrentSpawnLimit, in values.yaml and in thousand.yaml."""
    return 64 if learners <= 300 else 100


@dataclass(frozen=True)
class Node:
    """A machine of the cluster. `pods`: how many it may run. Kubernetes' own default is 110, and clouds have others.

    An eighth of the memory is the system's.
    """

    processors: int = 8
    memory_gb: float = 32
    pods: int = 110


@dataclass(frozen=True)
class Size:
    """What so many learners need on such nodes; `decides` says what fills a node first."""

    learners: int
    node: Node
    each: int
    decides: str
    placeholders: int
    nodes: int

    @property
    def log_in_seconds(self) -> float:
        """Seconds at least until all have their page, where all log in at the same moment.

        Either the processors take that long, or the waves in which the hub lets them start.
        """
        waves = math.ceil(self.learners / starting(self.learners))
        return max(self.learners * START_SECONDS / (self.nodes * self.node.processors), waves * ALONE_SECONDS)

    @property
    def lesson_seconds(self) -> float:
        """Seconds at least until lesson 00 has run for all, where all press *Run All* at the same moment."""
        return self.learners * LESSON_SECONDS / (self.nodes * self.node.processors)

    @property
    def folders_gb(self) -> float:
        """Storage of the learners' folders."""
        return self.learners * FOLDER_MB / 1000

    @property
    def pages_gb(self) -> float:
        """What leaves the cluster when everybody opens the page for the first time."""
        return self.learners * PAGE_MB / 1000

    def node_hours(self, hours: float) -> float:
        """Hours that are paid for, with one more node for the hub, its proxy and the board."""
        return (self.nodes + 1) * hours


def size_of(learners: int, node: Node = Node(), within: float = WITHIN) -> Size:
    """Return what a class needs. Raises ValueError for a node on which no learner has room."""
    room = {
        "memory": math.floor(node.memory_gb * 1024 * 7 / 8 / REQUEST_MB),
        "processors": math.floor(node.processors * within / LESSON_SECONDS),
        "processor requests": math.floor((node.processors - OTHER_PROCESSORS) / REQUEST_PROCESSORS),
        "pods": node.pods - OTHER_PODS,
    }
    decides = min(room, key=room.__getitem__)
    if room[decides] < 1:
        raise ValueError(decides)
    placeholders = math.ceil(learners * SPARE)
    nodes = math.ceil((learners + placeholders) / room[decides])
    return Size(learners, node, room[decides], decides, placeholders, nodes)
