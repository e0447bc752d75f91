/* What a C programmer would write for this one strategy. Columns are
   allocated once and written again by each run, so that the loop alone is timed and no page is fetched anew. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef struct {
    int64_t trades, ends_open;
    int64_t *entry_bar, *exit_bar;
    double *size, *entry_price, *exit_price, *equity;
    uint8_t *decisions;
} result;

/* The last column is room for decisions: entries, then exits. */
static void *column(int64_t n) { return calloc((size_t)n, 8); }

void allocate(int64_t n, result *out) {
    int64_t most = n / 2 + 1;
    out->entry_bar = column(most), out->exit_bar = column(most), out->size = column(most);
    out->entry_price = column(most), out->exit_price = column(most), out->equity = column(n);
    out->decisions = column(n);
}

/* Whole units that all cash buys; the order of operations is the product's, so that the last bit agrees. */
static double whole_units(double cash, double price, double fee) {
    const double all = 1.0 - 0x1p-52;
    double cost = price + all * price * fee / all, spent = cash * all;
    double size = floor((spent - fmod(spent, cost)) / cost + 0.5);
    if (size * price + size * price * fee > cash) size -= 1.0;
    return size > 0.0 ? size : 0.0;
}

void simulate(const double *open, const double *close, const uint8_t *entries, const uint8_t *exits,
              int64_t n, double cash, double fee, result *out) {
    double balance = cash, held = 0.0, paid = 0.0, *equity = out->equity;
    int64_t trades = 0;
    equity[0] = cash;
    for (int64_t i = 1; i < n; i++) {
        if (held > 0.0) {
            if (exits[i - 1]) {
                balance += held * (open[i] - paid) - held * open[i] * fee;
                out->exit_bar[trades - 1] = i, out->exit_price[trades - 1] = open[i];
                held = paid = 0.0;
            }
        } else if (entries[i - 1] && !exits[i - 1]) {
            held = whole_units(balance, open[i], fee);
            if (held > 0.0) {
                paid = open[i];
                balance -= held * paid * fee;
                out->entry_bar[trades] = i, out->size[trades] = held, out->entry_price[trades] = paid;
                trades++;
            }
        }
        equity[i] = balance + held * (close[i] - paid);
    }
    out->trades = trades, out->ends_open = held > 0.0;
    if (held > 0.0) out->exit_bar[trades - 1] = n - 1, out->exit_price[trades - 1] = close[n - 1];
}

/* Signals and fills: running sums, no compensation, no metrics. */
void backtest(const double *open, const double *close, int64_t n, int64_t fast, int64_t slow, double cash,
              double fee, result *out) {
    uint8_t *entries = out->decisions, *exits = entries + n;
    double fast_sum = 0.0, slow_sum = 0.0, before = NAN;
    for (int64_t i = 0; i < n; i++) {
        fast_sum += close[i] - (i >= fast ? close[i - fast] : 0.0);
        slow_sum += close[i] - (i >= slow ? close[i - slow] : 0.0);
        if (i < slow - 1) continue;
        double now = fast_sum / (double)fast - slow_sum / (double)slow;
        entries[i] = before <= 0.0 && now > 0.0;
        exits[i] = before >= 0.0 && now < 0.0;
        before = now;
    }
    simulate(open, close, entries, exits, n, cash, fee, out);
}
