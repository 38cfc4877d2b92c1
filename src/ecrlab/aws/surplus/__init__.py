"""Surplus: what principals may do beyond what was asked for, and what policies open to anybody else.

Every policy that speaks is looked at: identity-based ones (inline, managed, of groups), boundary and session policy,
and the policies of repositories, registries and roles. They tell actions, resources, callers and situations apart in
finitely many ways; of each way one witness is taken, and the real evaluation decides it. Where two accounts have to say
yes (facts I014), and for a role and its trust policy (I041), each half is also decided alone, as if the other one said
yes. What exists is named before what was made up.
"""

from ecrlab.aws.surplus.answer import NOTHING, UNKNOWN, WIDER, beyond

__all__ = ["NOTHING", "UNKNOWN", "WIDER", "beyond"]
