"""Real headlines and first sentences of releases by agencies of the United States.

Works of the federal government are in the public domain (17 U.S.C. 105), so these may travel with the product.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Headline:
    agency: str
    day: str
    text: str


HEADLINES: Sequence[Headline] = (
    Headline("Justice", "2024-03-21", "Justice Department Sues Apple for Monopolizing Smartphone Markets"),
    Headline("Justice", "2020-10-20", "Justice Department Sues Monopolist Google For Violating Antitrust Laws"),
    Headline("FTC", "2020-12-09", "FTC Sues Facebook for Illegal Monopolization"),
    Headline("FTC", "2019-07-24", "FTC Imposes $5 Billion Penalty and Sweeping New Privacy Restrictions on Facebook"),
    Headline("FTC", "2022-12-08", "FTC Seeks to Block Microsoft Corp.'s Acquisition of Activision Blizzard, Inc."),
    Headline("SEC", "2011-03-18", "IBM to Pay $10 Million in Settled FCPA Enforcement Action"),
    Headline(
        "Labor",
        "2024-10-04",
        "Total nonfarm payroll employment increased by 254,000 in September, and the unemployment rate changed "
        "little at 4.1 percent",
    ),
    Headline(
        "Commerce",
        "2024-10-30",
        "Real gross domestic product (GDP) increased at an annual rate of 2.8 percent in the third quarter of 2024",
    ),
    Headline(
        "Fed", "2024-09-18", "Recent indicators suggest that economic activity has continued to expand at a solid pace."
    ),
    Headline("Fed", "2024-09-18", "Job gains have slowed, and the unemployment rate has moved up but remains low."),
)
