"""The members of the ensemble, by name: each fits, answers logits, and writes itself as a graph."""

from __future__ import annotations

from training.suggestion.members.member import Fitted, InputKind, Member
from training.suggestion.options import MemberName, SuggestionOptions

__all__ = ["Fitted", "InputKind", "Member", "member_of"]


def member_of(name: MemberName, options: SuggestionOptions, tuned: dict[str, float] | None = None) -> Member:
    """Return a member; `tuned` are the parameters that tuning chose for a tree member, None its defaults."""
    # Each brings a library of its own, torch the slowest: only those that are asked for are loaded.
    match name:
        case "lightgbm":
            from training.suggestion.members.lightgbm import LightgbmMember  # noqa: PLC0415 -- as said above

            return LightgbmMember(rounds=options.tree_rounds, tuned=tuned or {})
        case "xgboost":
            from training.suggestion.members.xgboost import XgboostMember  # noqa: PLC0415 -- as said above

            return XgboostMember(rounds=options.tree_rounds, tuned=tuned or {})
        case "lstm":
            from training.suggestion.members.lstm import LstmMember  # noqa: PLC0415 -- as said above

            return LstmMember(epochs=options.network_epochs)
        case "transformer":
            from training.suggestion.members.transformer import TransformerMember  # noqa: PLC0415 -- as said above

            return TransformerMember(epochs=options.network_epochs)
