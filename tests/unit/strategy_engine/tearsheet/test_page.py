import base64
import hashlib
import re

import numpy as np
import pytest

from strategy_engine import Account, BuyAndHold, Costs, EquityFraction, Exits, FractionDistance, SmaCross, run
from strategy_engine.tearsheet import tearsheet
from tests.unit.strategy_engine.price_series import bars_of, random_bars
from tests.unit.strategy_engine.tearsheet.pages import Page

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \" ' & ]]> <!--"


@pytest.fixture(scope="module")
def bars():
    return random_bars(900, seed=6)


@pytest.fixture(scope="module")
def report(bars):
    return run(bars, SmaCross(fast=5, slow=20), costs=Costs(commission_rate=0.001))


def test_every_part_is_there(report, bars):
    page = Page(tearsheet(report, bars, provenance={"source": "sample"}, warnings=["prices are old"]))
    titles = [
        "Equity",
        "Drawdown",
        "Monthly returns, %",
        "Trades on prices",
        "All figures",
        "Risk of ruin",
        "Deepest drawdowns",
        "By year",
        "By market regime",
        "Orders that did not fill as asked",
        "Configuration",
        "Provenance",
    ]
    assert [title for title in titles if title not in page.texts] == []
    assert "TEST 1d: sma_cross" in page.texts
    assert "prices are old" in page.texts
    assert "strategy.slow" in page.texts
    charts = {attributes["id"] for tag, attributes in page.tags if tag == "canvas"}
    assert charts == {f"chart-{name}" for name in ("equity", "drawdown", "sharpe", "distribution", "candles")}


def test_equal_reports_give_equal_bytes(bars):
    first, second = (tearsheet(run(bars, SmaCross(fast=5, slow=20)), bars, seed=3) for _ in range(2))
    assert first == second
    assert first.encode() == second.encode()


def test_whatever_a_text_holds_it_stays_text(report, bars):
    page = Page(tearsheet(report, bars, title=HOSTILE, provenance={HOSTILE: HOSTILE}, warnings=[HOSTILE]))
    assert [tag for tag, _ in page.tags if tag in {"img", "iframe", "a", "link"}] == []
    assert len(page.contents["script"]) == 2
    assert page.text.count(HOSTILE) == 5  # the title twice, the warning, and both sides of the provenance
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_the_page_loads_nothing_and_its_policy_allows_only_what_it_carries(report, bars):
    html = tearsheet(report, bars)
    page = Page(html)
    assert re.findall(r"(?:src|href|action)\s*=|url\(|@import|https?:|fetch\(|XMLHttp|WebSocket", html) == []
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy")
    style, script = page.contents["style"][0], page.contents["script"][1]
    for kind, content in (("style", style), ("script", script)):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    assert not any("style" in attributes for _, attributes in page.tags)


def test_both_themes_and_small_screens_are_dressed(report):
    style = Page(tearsheet(report)).contents["style"][0]
    assert "prefers-color-scheme: dark" in style
    assert '[data-theme="dark"]' in style
    assert "max-width: 560px" in style


def test_without_bars_there_are_no_candles(report):
    page = Page(tearsheet(report))
    assert page.data["candles"] == []
    assert "Trades on prices" not in page.texts


def test_orders_that_did_not_fill_are_told_with_their_reason(report, bars):
    assert any("every order filled as asked" in text for text in Page(tearsheet(report, bars)).texts)
    poor = run(bars, SmaCross(fast=5, slow=20), account=Account(cash=1.0))
    page = Page(tearsheet(poor, bars))
    assert len(poor.rejections) > 3
    assert {"below lot", "buy"} <= set(page.texts)
    assert any(f"{len(poor.rejections)} orders" in text for text in page.texts)


def test_every_setting_is_told_and_a_trade_with_a_stop_has_its_multiple_of_risk(bars):
    exits = Exits(stop_loss=FractionDistance(frac=0.03), take_profit=FractionDistance(frac=0.06))
    report = run(bars, SmaCross(fast=5, slow=20), exits=exits)
    page = Page(tearsheet(report, bars))
    assert {"exits.stop_loss.frac", "exits.take_profit.frac", "sizing.kind", "fills.same_bar"} <= set(page.texts)
    assert page.data["trades"]["r_multiple"] == pytest.approx(report.trades.r_multiple, rel=1e-6)
    assert page.data["trades"]["mae_frac"] == pytest.approx(report.trades.mae_frac, rel=1e-6)
    assert report.metrics.expectancy_r == pytest.approx(report.trades.r_multiple[~report.trades.is_open].mean())


def test_several_symbols_share_one_page():
    many = [_named(random_bars(300, seed=seed), f"S{seed}") for seed in range(3)]
    report = run(many, SmaCross(fast=5, slow=20), sizing=EquityFraction(frac=0.3))
    page = Page(tearsheet(report, many))
    assert [candles["symbol"] for candles in page.data["candles"]] == ["S0", "S1", "S2"]
    assert set(page.data["trades"]["symbol"]) == {"S0", "S1", "S2"}
    assert page.data["equity"]["benchmark"] == pytest.approx(10_000.0 * report.benchmark, rel=1e-6)


def _named(bars, symbol):
    return type(bars).trusted(**{name: getattr(bars, name) for name in bars.__dataclass_fields__} | {"symbol": symbol})


def test_what_is_not_defined_says_why(bars):
    page = Page(tearsheet(run(bars, SmaCross(fast=5, slow=20), account=Account(cash=0.01)), bars))
    told = {attributes.get("title") for _, attributes in page.tags if attributes.get("class") == "none"}
    assert "not defined: no closed trade" in told
    assert "not defined: returns do not vary" in told
    assert "not defined: " not in told


@pytest.mark.parametrize("closes", [[10.0, 11.0], [10.0, 10.0, 10.0], [1e9, 1.1e9, 0.9e9], [1e-9, 2e-9, 1e-9]])
def test_the_shortest_and_the_strangest_backtests_have_a_page(closes):
    bars = bars_of(closes)
    page = Page(tearsheet(run(bars, BuyAndHold(), account=Account(lot_step=1e-9)), bars))
    assert len(page.data["equity"]["time"]) == len(closes)


def test_a_long_backtest_is_thinned_and_still_shows_its_extremes():
    bars = random_bars(100_000, seed=3, step_frac=0.002)
    report = run(bars, SmaCross(fast=2, slow=5))
    html = tearsheet(report, bars)
    assert len(html) < 1_500_000
    data = Page(html).data
    assert len(data["equity"]["time"]) <= 2_002
    for pick in (np.min, np.max):
        assert pick(data["equity"]["equity"]) == pytest.approx(pick(report.equity), rel=1e-6)
    assert data["equity"]["drawdown"].min() == pytest.approx(report.metrics.max_drawdown, rel=1e-6)
    assert data["equity"]["equity"][-1] == pytest.approx(report.equity[-1], rel=1e-6)
    candles = data["candles"][0]
    assert candles["together"] == 25
    assert len(candles["time"]) == 4_000
    assert candles["high"].max() == pytest.approx(bars.high.max(), rel=1e-6)
    assert candles["low"][7] == pytest.approx(bars.low[175:200].min(), rel=1e-6)
    assert (candles["open"][7], candles["close"][7]) == pytest.approx((bars.open[175], bars.close[199]), rel=1e-6)
    assert data["trades"]["count"] == len(report.trades)
    assert len(data["trades"]["pnl"]) == 5_000


def test_the_charts_have_the_report_s_numbers(report, bars):
    data = Page(tearsheet(report, bars)).data
    assert data["equity"]["equity"] == pytest.approx(report.equity, rel=1e-6)
    assert data["equity"]["benchmark"] == pytest.approx(10_000.0 * bars.close / bars.close[0], rel=1e-6)
    assert data["equity"]["time"].tolist() == (report.time // 1_000_000_000).tolist()
    assert data["trades"]["exit_price"] == pytest.approx(report.trades.exit_price, rel=1e-6)
    assert data["trades"]["exit_reason"] == report.trades.exit_reason.tolist()
    assert sum(data["distribution"]["counts"]) == len(bars)
