"""A card for people, made of nothing but the numbers of `card.json`."""

from __future__ import annotations

from typing import Final

from training.suggestion.card_cells import (
    MONEY_HEAD,
    SKILL_HEAD,
    Card,
    bps,
    earned,
    interval,
    money_cells,
    number,
    pct,
    skill_cells,
    table,
)

_CHANCE: Final = 0.5


def card_text(card: Card) -> str:
    """Return the card as Markdown."""
    parts = [
        _opening(card),
        _slices(card),
        _years(card),
        _money(card),
        _curve(card),
        _trust(card),
        _making(card),
        _features(card),
    ]
    return "\n\n".join(parts) + "\n"


def _opening(card: Card) -> str:
    hold_out, ensemble = card["hold_out"], card["ensemble"]["hold_out"]
    skill, money = hold_out["skill"], hold_out["money"]
    auc = skill["direction_auc"]
    lines = [
        f"# {card['name']}",
        "Says of a daily bar which comes first within ten bars: 2 ATR up (buy), 2 ATR down (sell), or neither (hold).",
        (
            f"**What it is worth.** On the hold-out its AUC for up against down was {interval(auc)}, where 0.5 knows "
            f"nothing: {_beats_chance(auc)}. {_pooled(card)}It was right in {pct(skill['accuracy_frac']['value'])} of "
            f"rows; always naming the class commonest in training was right in {pct(skill['accuracy_base_frac'])}. "
            f"Its Brier skill was {number(skill['brier_skill']['value'])} (0 is as good as the class shares, below 0 "
            f"is worse). {_what_it_tells(skill)}Acting on it made {bps(money['mean_trade_bps'])} a trade after costs "
            f"and {earned(money['acting'])} a year; holding everything made {earned(money['buy_and_hold'])}. The "
            f"equal-weight mean of {', '.join(card['ensemble']['members'])} had an AUC of "
            f"{interval(ensemble['skill']['direction_auc'])}. "
            "It is not a reason to trade, and `no_edge` is its normal answer."
        ),
    ]
    if card["data"]["is_synthetic"]:
        lines.insert(1, "**Made-up data: random walks. This model shows that the pipeline runs, and knows nothing.**")
    return "\n\n".join(lines)


def _slices(card: Card) -> str:
    data, splits = card["data"], card["splits"]
    source = [f"- Source: {data['note']}"] if data["note"] else []
    return "\n".join(
        [
            "## Data and splits",
            "",
            *source,
            (
                f"- {data['symbols']} symbols, {data['bars']:,} daily bars from {data['first_day']} to "
                f"{data['last_day']}, {data['bars_dropped']} rows dropped as no bars; {_held_out(data)}. Files: "
                f"{', '.join(data['files'])} "
                f"(sha256 over their hashes `{data['sha256']}`)."
            ),
            (
                "- **Survivors only**: symbols that still traded when the data was put together. Those that failed are "
                "missing, which flatters every figure here, buy and hold most of all."
            ),
            (
                f"- Every {data['row_step_bars']}th date of the common calendar is a row; neighbouring labels overlap, "
                "so intervals are drawn by blocks of eight dates (block bootstrap, 5 % to 95 %)."
            ),
            (
                f"- This model: trained on {splits['train_rows']:,} of {splits['train_rows_available']:,} rows from "
                f"{splits['train_from']}, calibrated on {splits['calibration_rows']:,} from "
                f"{splits['calibration_from']}, last date seen {splits['last_date_seen']}; tested on "
                f"{splits['test_rows']:,} rows from "
                f"{splits['test_from']}, **scored through the shipped graph**. It expires on {splits['expires_at']}, "
                "365 days after the last day of the data, hold-out included."
            ),
            (
                f"- Purge: a row stays out where its label (up to {splits['purge_bars']} bars ahead) comes within "
                f"{splits['embargo_days']} days of the next slice, whatever its symbol."
            ),
            (
                f"- Earlier test years below come from models of the same kind fitted before each of them, one for "
                f"every {_test_slices(splits['refitted_every_test_slices'])}; they are not this model."
            ),
            *_labels(card["labels"]),
        ]
    )


def _held_out(data: Card) -> str:
    held, missing = data["held_out_symbols"], data["held_out_missing"]
    seen = f"{len(held)} of them held out of all training ({', '.join(held)})" if held else "none of them held out"
    return f"{seen}; {', '.join(missing)} would be, and are not in the data" if missing else seen


def _labels(labels: Card) -> list[str]:
    ties, hold_out_ties = (pct(labels[name], digits=2) for name in ("tie_frac", "hold_out_tie_frac"))
    return [
        f"- Label: {labels['rule']}. ATR over {labels['atr_bars']} bars, horizon {labels['horizon_bars']} bars.",
        (
            f"- In {ties} of all rows, and in {hold_out_ties} of the hold-out's, the bar that decided spans both "
            "barriers. Here the lower counts as first, so a sell wins there; where the product follows up a sell, its "
            "stop (the upper) counts as first, and it loses."
        ),
    ]


def _years(card: Card) -> str:
    rows = [[year, *skill_cells(one)] for year, one in card["walk_forward"]["years"].items()]
    named = {
        "all test years": card["walk_forward"]["all"],
        "**hold-out, this model**": card["hold_out"],
        "held-out symbols, hold-out span": card["held_out_symbols"],
        "ensemble, all test years": card["ensemble"]["walk_forward"],
        "ensemble, hold-out": card["ensemble"]["hold_out"],
        "ensemble, held-out symbols": card["ensemble"]["held_out_symbols"],
    }
    rows += [[name, *skill_cells(one)] for name, one in named.items() if one is not None]
    text = (
        "Direction AUC: P(buy) - P(sell) ranked against what came, on rows that hit a barrier. Brier skill: against "
        "the class shares of training. ECE: mean over the classes, ten bins. Rank IC: P(buy) - P(sell) against the "
        "ten-bar return, within each date (of five symbols or more). A single year tells little: the whole "
        "market rises "
        "or falls at once, so its AUC strays far to either side. Leaks are judged by the hold-out and by all "
        "test years."
    )
    return f"## Skill by year\n\n{text}\n\n{table(('test', *SKILL_HEAD), rows)}"


def _money(card: Card) -> str:
    named = {
        "all test years": card["walk_forward"]["all"],
        "hold-out, this model": card["hold_out"],
        "ensemble, all test years": card["ensemble"]["walk_forward"],
        "ensemble, hold-out": card["ensemble"]["hold_out"],
    }
    rows = [[name, *money_cells(one["money"])] for name, one in named.items() if one is not None]
    edge = card["min_edge"]
    paid = (
        "the smallest at which acting paid after costs on the calibration slice"
        if edge["paid_on_calibration_slice"]
        else "a default that lets one row in twenty act: acting paid at no level on the calibration slice"
    )
    text = (
        f"Acting on |P(buy) - P(sell)| of {edge['value']:.4f} or more, {paid}. {card['cost_bps_round_trip']:.0f} bps a "
        "round trip, at most a tenth of a sleeve in one name, shorts borrow for nothing. Buy and hold is the "
        "equal-weight universe without costs; momentum holds the fifth of it that rose most from 252 to 21 bars "
        "before, "
        f"with costs. {card['protocol']['configurations']} configurations were tried; the deflated Sharpe ratio "
        "is the chance that "
        "the result beats the best of as many worthless ones. The product acts less often: it also wants the "
        "expected return above the costs on the edge's side, by its own costs, and holds where the bars have "
        "drifted. These figures do neither, so they are not those of its suggestions."
    )
    return f"## After costs\n\n{text}\n\n{table(('test', *MONEY_HEAD), rows)}"


def _curve(card: Card) -> str:
    rows = [
        [f"{one['n_rows']:,}", pct(one["said_frac"]), pct(one["came_frac"])] for one in card["hold_out"]["buy_curve"]
    ]
    return "## Calibration of P(buy) on the hold-out\n\n" + table(("rows", "said", "came"), rows)


def _trust(card: Card) -> str:
    leaks, drift, parity = card["leak_tests"], card["drift"], card["parity"]
    shuffled = ", ".join(f"{one:.4f}" for one in leaks["shuffled_aucs"])
    found = "; ".join(leaks["suspicions"]) or "none"
    return "\n".join(
        [
            "## Leak tests, parity, drift",
            "",
            (
                f"- Labels shuffled: AUC {shuffled} (0.5 expected). Taught by the years after the first test slice: "
                f"AUC {number(leaks['reversed_auc'])}. Direction AUC over 0.56 is taken for a leak, here, over all "
                f"test years and on the hold-out, of each member and of the ensemble. Suspicions: {found}."
            ),
            (
                f"- Graph against source model: largest error {parity['max_error']:.1e} in a probability over "
                f"{parity['rows']:,} real rows with missing values (at most 1e-5 is let through)."
            ),
            (
                f"- Drift is flagged above {drift['psi_max']:.2f} times a feature's healthy PSI or a dissimilarity of "
                f"{drift['dissimilarity_max']:.2f}; 99 % of training windows stay under each. "
                f"{pct(drift['hold_out_drifted_frac'])} of hold-out windows were flagged."
            ),
        ]
    )


def _making(card: Card) -> str:
    calibration, returns = card["calibration"], card["returns_atr"]
    settings = ", ".join(f"{name} {_short(value)}" for name, value in card["member"]["settings"].items())
    tools = ", ".join(f"{name} {version}" for name, version in card["tools"].items())
    return "\n".join(
        [
            "## How it was made",
            "",
            f"- Command: `{card['command']}`",
            f"- Member: {settings}.",
            f"- Calibration: softmax({calibration['scale']:.4f} x logits + {calibration['hold_shift']:.4f} for hold).",
            (
                f"- Paid on the calibration slice, in ATR: buy {returns['up_atr']:.2f}, hold "
                f"{returns['flat_atr']:.2f}, sell {returns['down_atr']:.2f}; four results in five from "
                f"{returns['residual_q10_atr']:.2f} to "
                f"{returns['residual_q90_atr']:.2f} around what was expected."
            ),
            f"- Tools: {tools}.",
        ]
    )


def _features(card: Card) -> str:
    features = card["features"]
    rows = [[f"`{one['name']}`", one["group"], one["definition"].replace("|", "\\|")] for one in features["list"]]
    read = ""
    if features["sequence_features"] is not None:
        names = ", ".join(f"`{name}`" for name in features["sequence_features"])
        read = f"This model reads the last {features['sequence_bars']} bars of {names}. The whole set is:\n\n"
    return f"## Features\n\nSet `{features['hash']}`.\n\n{read}{table(('name', 'group', 'definition'), rows)}"


def _beats_chance(auc: Card) -> str:
    return "more than chance" if _is_above_chance(auc) else "it cannot be told from chance"


def _is_above_chance(auc: Card) -> bool:
    return auc["low"] is not None and auc["low"] > _CHANCE


def _pooled(card: Card) -> str:
    pooled = card["walk_forward"]["all"]
    if pooled is None:
        return ""
    return f"Over all test years models like it had {interval(pooled['skill']['direction_auc'])}. "


def _what_it_tells(skill: Card) -> str:
    beats_base = skill["brier_skill"]["low"] is not None and skill["brier_skill"]["low"] > 0
    if not beats_base or _is_above_chance(skill["direction_auc"]):
        return ""
    return "What it does know is how likely any barrier is hit at all (volatility), not which one. "


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _test_slices(n: int) -> str:
    return "test slice" if n == 1 else f"{n} test slices"
