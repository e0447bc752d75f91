"""The finance lexicon: words and phrases with weights, written for this project from general knowledge of the trade.

No entry is copied from another lexicon. Weights are opinions on a scale of -2 to 2. Words of movement (`RISES`,
`FALLS`) say nothing by themselves: a rising profit is good and a rising loss is bad, so they turn when the thing that
moves is one of `PAINS`.
"""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[float, str]] = {
    2.0: "skyrocket skyrockets skyrocketed blockbuster stellar",
    1.6: """
        beat beats beating outperform outperforms outperformed outperformance upgrade upgrades upgraded bullish
        outstanding exceptional breakthrough boom booming thrive thrives thriving
    """,
    1.3: """
        strong stronger strongest robust solid healthy upbeat optimistic optimism profitable profitability win wins won
        winner winners winning awarded approval approved approves success successful successfully exceed exceeds
        exceeded exceeding outpace outpaces outpaced upside overweight accretive impressive excellent rebound rebounds
        rebounded rebounding recover recovers recovered recovery turnaround
    """,
    1.0: """
        good better best great positive positively favorable favourable improve improves improved improving improvement
        improvements confident confidence boost boosts boosted boosting lift lifts lifted buoyant buoyed resilient
        resilience encouraging promising attractive undervalued strengthen strengthens strengthened strengthening
        benefit benefits benefited benefiting gain gains gained gainer gainers gaining upturn uptick bull bulls
        rallying rally rallies rallied breakout momentum lucrative pleased delighted efficient efficiency innovative
        leader leading advantage expands expanded expanding expansion accelerate accelerates accelerated accelerating
        growth grows grew profits buyback buybacks synergies award tailwind tailwinds
    """,
    0.6: """
        stable steady steadies secure secures secured support supports supported opportunity opportunities hope hopes
        hopeful cheer cheers ease eases eased relief landmark milestone premium rewarded savings cheap demand launch
        launches enhance enhances enhanced
    """,
    -0.6: """
        concern concerns cautious caution uncertain uncertainty volatile volatility worry worries worried doubt doubts
        pressure pressured pressures headwind headwinds delay delays delayed slow slower slowing dispute disputes
        tariff tariffs risk risks risky question questions questioned probe probes underweight expensive overvalued
        challenge challenges challenging stall stalls stalled tensions
    """,
    -1.0: """
        bad poor weak weaker weakest weakness weaken weakens weakened weakening negative negatively disappointing
        disappoint disappoints disappointed disappointment lose loses losing lost loss losses loser losers bearish bear
        bears warn warns warned warning warnings fear fears feared slowdown shortfall shortage shortages struggle
        struggles struggled struggling hurt hurts hurting harm harms harmed damage damages damaged suffer suffers
        suffered suffering drag drags dragged hit complaint accuse accuses accused lawsuit lawsuits sue sues sued suing
        fine fined penalty penalties investigation investigates investigating recall recalls recalled suspend suspends
        suspended suspension halt halts halted cancel cancels cancelled canceled closure closures layoff layoffs
        redundancies strike strikes unrest pessimistic pessimism gloom gloomy lackluster lacklustre sluggish worse
        worst worsen worsens worsened worsening deficit oversupply glut dilution dilutive downside downturn impairment
        writedown selloff abandon abandons abandoned breach breaches violation violations problem problems trouble
        troubled troubles bribery bribes misconduct illegal unlawful laundering cartel subpoena subpoenas subpoenaed
        wrongdoing misleading threat threats threaten threatens threatened reject rejects rejected resigns
        outage sanctions
    """,
    -1.4: """
        miss misses missed missing downgrade downgrades downgraded underperform underperforms underperformed recession
        default defaults defaulted turmoil panic rout slump slumps slumped slumping crisis plague plagued junk
        fraud fraudulent scandal guilty indicted indictment convicted embezzlement
    """,
    -2.0: """
        crash crashes crashed crashing collapse collapses collapsed collapsing bankrupt bankruptcy bankruptcies
        insolvency insolvent catastrophe catastrophic disaster disastrous delisted liquidation
    """,
}

PHRASES: Final[dict[float, str]] = {
    1.6: """
        all time high; record high; record highs; record profit; record revenue; record sales; record quarter; better
        than expected; above expectations; above estimates; above forecasts; above consensus; ahead of expectations;
        ahead of estimates; tops estimates; tops expectations; topped estimates; topped expectations; top estimates;
        raises guidance; raised guidance; raises outlook; raised outlook; raises forecast; raised its forecast; boosts
        outlook; lifts outlook; lifts forecast; hikes dividend; raises dividend; raised its dividend; raises quarterly
        dividend; increases dividend; swung to a profit; swung to a net profit; turned to a profit; returned to profit;
        returns to profit; back in the black; price target raised; target raised; raises price target; best day; best
        week; best quarter; strong buy; blows past; smashes estimates; surprise profit; 52 week high
    """,
    1.2: """
        initiated at buy; started at buy; starts at buy; initiated at outperform; initiated at overweight; buy rating;
        reiterated buy; wins contract; won an order; won a contract; received an order; signed a contract; major order;
        strong demand; new orders; fda approval; gets approval; market leader; market share gains; cost savings; share
        buyback; share repurchase; double digit growth; green light; paid off; pays off; on the rise; premarket
        gainers; long term agreement; beats on; higher than expected profit; upward revision; credit rating raised;
        trade deal; stock soars; stimulus; well positioned; pay down debt; in the green; turns positive; turn positive
    """,
    -1.2: """
        sell rating; initiated at sell; started at sell; starts at sell; profit taking; under pressure; class action;
        steps down; stepping down; cuts jobs; job cuts; cut jobs; cutting jobs; lay off; lays off; laid off; laying
        off; temporary layoffs; lower than expected; short of; falls short; fell short; trade war; supply chain
        disruption; going concern; net loss; operating loss; pretax loss; pre tax loss; data breach; shut down; shuts
        down; shutting down; rate hike fears; premarket losers; in the red; into the red; plant closure; downward
        revision; personnel reductions; codetermination negotiations; loss making; no dividend; not pay a dividend;
        turns negative; turn negative; supply problems; short seller; short sellers; safety concerns; enforcement
        action; enforcement actions; civil penalty; civil penalties; civil charges; criminal charges; fraud charges;
        bribery charges; settle charges; settles charges; settled charges; settling charges; settle claims; settles
        claims; settle allegations; settles allegations; settle lawsuit; settles lawsuit; settle probe; settles probe;
        charged with; consent order; consent decree; cease and desist; wells notice; legal action; legal costs;
        price fixing; insider trading; antitrust charges; fcpa; pay damages; pay fine; pay fines; in damages
    """,
    -1.6: """
        worse than expected; below expectations; below estimates; below forecasts; below consensus; profit warning;
        misses estimates; misses expectations; missed estimates; missed expectations; miss estimates; all time low;
        record low; record loss; cuts guidance; cut guidance; lowers guidance; lowered guidance; cuts forecast; cuts
        outlook; cut its outlook; cut its forecast; lowers forecast; lowers outlook; slashes forecast; slashes outlook;
        cuts dividend; cut its dividend; suspends dividend; scraps dividend; price target cut; target cut; price target
        lowered; cuts price target; swung to a loss; swings to a loss; fell into the red; worst day; worst week; worst
        quarter; chapter 11; files for bankruptcy; accounting irregularities; debt default; credit rating cut; sell
        off; bear market; 52 week low; going out of business; ponzi scheme; trading halted; margin call
    """,
    0.0: """
        well known; at best; as well as; fine print; no longer; best buy; good friday; strike price; risk management;
        loss adjuster; strong as; positive for covid; tests positive; question and answer; investigation into whether;
        bear in mind; profit margin; gain capital; hit the road; support services; leading edge; missing person;
        not guilty; lawsuit dismissed; charges dropped;
        great britain; general growth; private equity; default settings; better known; win streaming; beat generation
    """,
}

RISES: Final = """
    rise rises rose risen rising increase increases increased increasing climb climbs climbed climbing jump jumps
    jumped jumping surge surges surged surging soar soars soared soaring advance advances advanced advancing spike
    spikes spiked swell swells swelled doubled doubles tripled triples quadrupled higher grew grow grows growing widen
    widens widened widening mount mounts mounted raises raised pops popped leap leaps leapt
"""

FALLS: Final = """
    fall falls fell fallen falling decrease decreases decreased decreasing decline declines declined declining drop
    drops dropped dropping slide slides slid sliding sink sinks sank sinking plunge plunges plunged plunging tumble
    tumbles tumbled tumbling plummet plummets plummeted plummeting dip dips dipped lower shrink shrinks shrank
    shrinking contract contracted contracting contracts retreat retreats retreated narrow narrows narrowed narrowing
    slip slips slipped slipping dive dives dived cut cuts cutting slash slashes slashed reduced reduces reduce
    deteriorate deteriorates deteriorated halved tank tanks tanked
"""

RISE_WEIGHT: Final = 1.1
FALL_WEIGHT: Final = -1.1

PAINS: Final = """
    loss losses cost costs expense expenses debt debts deficit unemployment jobless claims inflation defaults charges
    charge churn impairments impairment writedowns delinquencies bankruptcies layoffs recalls outages deaths cases
    infections emissions inventories inventory provisions liabilities tariffs taxes tax redundancies complaints
    vacancies foreclosures volatility risk risks uncertainty concerns fears tensions overheads
"""

GAINS: Final = """
    sales revenue revenues profit profits turnover earnings ebitda ebit eps income margin margins orders backlog
    volumes deliveries dividend output production exports traffic bookings subscribers
"""

NEGATIONS: Final = """
    not no never without none neither nor cannot fails failed fail failing unable denies denied hardly barely lacks
    lack lacking avoids avoid avoided averted prevents prevent halts despite
"""

AMPLIFIERS: Final = """
    sharply significantly substantially strongly massively hugely dramatically steeply heavily considerably very
    extremely clearly highly much most deeply
"""

DAMPENERS: Final = "slightly somewhat modestly marginally partly partially little mildly fairly moderately"
