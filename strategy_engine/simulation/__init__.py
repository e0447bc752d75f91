"""The general simulation: every kind of order, exit, cost and size, for one symbol or many. Compiled.

`layout` names the columns that the kernels share, `inputs` what they are given. Above them, each file knows
those before it: `prices`, `sizes`, `fills`, `protection`, `entry_orders`, `margin`, `rebalancing`, `decisions`
and the `loop` over the bars. `assembly` turns a configuration into the loop's inputs.
"""
