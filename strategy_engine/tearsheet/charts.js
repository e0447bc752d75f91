"use strict";
// Draws the charts on canvases, from the numbers in #data. Texts go in as text, never as markup.
(() => {
  // Columns are base64 of floats, {f: single} or {d: double}; what is no number is null here.
  const unpacked = (text, kind) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return Array.from(new kind(bytes.buffer), (v) => (Number.isFinite(v) ? v : null));
  };
  const data = JSON.parse(document.getElementById("data").textContent, (_, value) => {
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    if ("f" in value) return unpacked(value.f, Float32Array);
    if ("d" in value) return unpacked(value.d, Float64Array);
    return "codes" in value ? value.codes.map((code) => value.words[code]) : value;
  });
  const root = document.documentElement;
  const color = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const charts = [];

  const two = (n) => String(n).padStart(2, "0");
  const day = (s) => {
    const d = new Date(s * 1000);
    const date = `${d.getUTCFullYear()}-${two(d.getUTCMonth() + 1)}-${two(d.getUTCDate())}`;
    return s % 86400 === 0 ? date : `${date} ${two(d.getUTCHours())}:${two(d.getUTCMinutes())}`;
  };
  const percent = (v) => `${(100 * v).toFixed(2)} %`;
  const ratio = (v) => v.toFixed(2);
  const money = (v) => {
    const size = Math.abs(v);
    if (size >= 1e15 || (size > 0 && size < 0.01)) return v.toExponential(3);
    return v.toLocaleString("en-US", { minimumFractionDigits: size === Math.round(size) ? 0 : 2, maximumFractionDigits: size < 10 ? 4 : 2 });
  };
  const cash = (v) => (Math.abs(v) >= 1e15 ? v.toExponential(3) : v.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }));
  const short = (v) => {
    const size = Math.abs(v);
    if (size >= 1e12 || (size > 0 && size < 1e-3)) return v.toExponential(1);
    if (size >= 1e9) return `${+(v / 1e9).toFixed(2)}B`;
    if (size >= 1e6) return `${+(v / 1e6).toFixed(2)}M`;
    if (size >= 1e4) return `${+(v / 1e3).toFixed(1)}k`;
    return String(+v.toPrecision(4));
  };

  function steps(low, high, most) {
    const rough = (high - low) / Math.max(most, 1);
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((k) => k * power).find((s) => s >= rough);
    const found = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) found.push(k * step);
    return found;
  }

  // A canvas in its box, sharp on any screen; `paint` is called with its size whenever it must be drawn.
  function surface(name, paint, tell) {
    const canvas = document.getElementById(`chart-${name}`);
    if (canvas === null) return null;
    const tip = canvas.parentElement.querySelector(".tip");
    const chart = { canvas, at: null };
    chart.draw = () => {
      const scale = window.devicePixelRatio || 1;
      const width = canvas.clientWidth, height = canvas.clientHeight;
      canvas.width = Math.round(width * scale);
      canvas.height = Math.round(height * scale);
      const pen = canvas.getContext("2d");
      pen.scale(scale, scale);
      pen.font = "11px system-ui, sans-serif";
      pen.textBaseline = "middle";
      paint(pen, width, height, chart.at);
    };
    const leave = () => { chart.at = null; tip.hidden = true; chart.draw(); };
    const hover = (event) => {
      const box = canvas.getBoundingClientRect();
      chart.at = { x: event.clientX - box.left, y: event.clientY - box.top };
      const text = tell(chart.at, box.width);
      tip.hidden = text === null;
      chart.draw();
      if (text === null) return;
      tip.textContent = text;
      const side = chart.at.x > box.width / 2 ? chart.at.x - tip.offsetWidth - 14 : chart.at.x + 14;
      tip.style.left = `${Math.max(0, Math.min(side, box.width - tip.offsetWidth))}px`;
    };
    canvas.addEventListener("pointermove", hover);
    canvas.addEventListener("pointerdown", hover);
    canvas.addEventListener("pointerleave", leave);
    charts.push(chart);
    return chart;
  }

  const LEFT = 6, RIGHT = 58, TOP = 8, BOTTOM = 20;

  function scaleY(values, height) {
    let low = Infinity, high = -Infinity;
    for (const v of values) if (v !== null) { if (v < low) low = v; if (v > high) high = v; }
    if (low > high) { low = 0; high = 1; }
    if (low === high) { const pad = Math.abs(low) * 0.01 || 1; low -= pad; high += pad; }
    const pad = (high - low) * 0.04;
    low -= pad; high += pad;
    return { low, high, of: (v) => TOP + (height - TOP - BOTTOM) * (1 - (v - low) / (high - low)) };
  }

  function axes(pen, width, height, y, label) {
    pen.lineWidth = 1;
    pen.textAlign = "left";
    for (const value of steps(y.low, y.high, (height - TOP - BOTTOM) / 42)) {
      const at = Math.round(y.of(value)) + 0.5;
      pen.strokeStyle = color("grid");
      pen.beginPath(); pen.moveTo(LEFT, at); pen.lineTo(width - RIGHT, at); pen.stroke();
      pen.fillStyle = color("soft");
      pen.fillText(label(value), width - RIGHT + 6, at);
    }
  }

  // Dates below a chart; `at` says which second stands at which x.
  function dates(pen, width, height, at) {
    const low = LEFT + 34, high = width - RIGHT - 34, count = Math.max(1, Math.floor((high - low) / 110));
    pen.fillStyle = color("soft");
    pen.textAlign = "center";
    for (let k = 0; k <= count; k += 1) {
      const x = low + ((high - low) * k) / count;
      pen.fillText(day(at(x)).slice(0, 10), x, height - BOTTOM / 2);
    }
  }

  function cross(pen, x, height) {
    pen.strokeStyle = color("soft");
    pen.setLineDash([3, 3]);
    pen.beginPath(); pen.moveTo(x, TOP); pen.lineTo(x, height - BOTTOM); pen.stroke();
    pen.setLineDash([]);
  }

  // Lines over time: each series {values, pen, name}; `fill` paints the space to zero.
  function lines(name, series, { label, tell, fill = false, zero = false }) {
    const times = data.equity.time, n = times.length;
    const spread = times[n - 1] - times[0] || 1;
    const xOf = (width) => (i) => LEFT + ((width - LEFT - RIGHT) * (times[i] - times[0])) / spread;
    const near = (at, width) => {
      const second = times[0] + ((at.x - LEFT) / (width - LEFT - RIGHT)) * spread;
      let low = 0, high = n - 1;
      while (low < high) { const mid = (low + high) >> 1; if (times[mid] < second) low = mid + 1; else high = mid; }
      return low > 0 && second - times[low - 1] < times[low] - second ? low - 1 : low;
    };
    surface(name, (pen, width, height, at) => {
      const all = series.flatMap((one) => one.values);
      const y = scaleY(zero ? [...all, 0] : all, height), x = xOf(width);
      axes(pen, width, height, y, label);
      dates(pen, width, height, (px) => times[0] + ((px - LEFT) / (width - LEFT - RIGHT)) * spread);
      for (const one of series) {
        pen.beginPath();
        let open = false;
        one.values.forEach((v, i) => {
          if (v === null) { open = false; return; }
          if (open) pen.lineTo(x(i), y.of(v)); else pen.moveTo(x(i), y.of(v));
          open = true;
        });
        pen.strokeStyle = color(one.pen);
        pen.lineWidth = one.pen === "other" ? 1.2 : 1.6;
        pen.lineJoin = "round";
        pen.stroke();
        if (fill) {
          pen.lineTo(x(n - 1), y.of(0)); pen.lineTo(x(0), y.of(0)); pen.closePath();
          pen.fillStyle = color("fill"); pen.fill();
        }
      }
      if (at !== null) cross(pen, x(near(at, width)), height);
    }, (at, width) => {
      const i = near(at, width);
      const told = series.filter((one) => one.values[i] !== null).map((one) => `${one.name} ${tell(one.values[i])}`);
      return [day(times[i]), ...told].join("\n");
    });
  }

  function distribution() {
    const { edges, counts } = data.distribution;
    const highest = Math.max(...counts, 1), low = edges[0], spread = edges[edges.length - 1] - low || 1;
    const xOf = (width) => (v) => LEFT + ((width - LEFT - RIGHT) * (v - low)) / spread;
    const bin = (at, width) => {
      const i = Math.floor(((at.x - LEFT) / (width - LEFT - RIGHT)) * counts.length);
      return i >= 0 && i < counts.length ? i : null;
    };
    surface("distribution", (pen, width, height, at) => {
      // Square roots, or a thousand idle bars would hide the tails.
      const y = scaleY([0, Math.sqrt(highest)], height), x = xOf(width), hot = at === null ? null : bin(at, width);
      const floor = y.of(0);
      counts.forEach((count, i) => {
        pen.fillStyle = i === hot ? color("own") : color("bar");
        const top = y.of(Math.sqrt(count));
        pen.fillRect(x(edges[i]) + 0.5, top, Math.max(x(edges[i + 1]) - x(edges[i]) - 1, 0.5), floor - top);
      });
      pen.fillStyle = color("soft");
      pen.textAlign = "left";
      for (const part of [1, 0.25, 0.04]) pen.fillText(short(Math.round(highest * part)), width - RIGHT + 6, y.of(Math.sqrt(highest * part)));
      pen.textAlign = "center";
      for (const value of steps(low, low + spread, (width - RIGHT) / 90)) pen.fillText(`${+(100 * value).toPrecision(4)} %`, x(value), height - BOTTOM / 2);
    }, (at, width) => {
      const i = bin(at, width);
      return i === null ? null : `${percent(edges[i])} to ${percent(edges[i + 1])}\n${counts[i]} bars`;
    });
  }

  function candles() {
    if (data.candles.length === 0) return;
    const select = document.getElementById("symbol");
    data.candles.forEach((one, i) => {
      const option = document.createElement("option");
      option.value = String(i);
      option.textContent = one.symbol;
      select.append(option);
    });
    select.hidden = data.candles.length === 1;
    let one, n, first, last, marks;
    const place = (second) => {
      let low = 0, high = n - 1;
      while (low < high) { const mid = (low + high + 1) >> 1; if (one.time[mid] <= second) low = mid; else high = mid - 1; }
      return low;
    };
    const open = (i) => {
      one = data.candles[i];
      n = one.time.length;
      first = Math.max(0, n - 250); last = n - 1;
      marks = new Map();
      const t = data.trades;
      const add = (at, mark) => marks.set(at, [...(marks.get(at) || []), mark]);
      t.entry_time.forEach((time, k) => {
        if (t.symbol[k] !== one.symbol) return;
        const long = t.side[k] === "long";
        add(place(time), { buys: long, price: t.entry_price[k], text: `${long ? "bought" : "sold short"} at ${money(t.entry_price[k])}` });
        if (t.is_open[k]) return;
        const gain = `${t.pnl[k] >= 0 ? "+" : ""}${money(t.pnl[k])}`;
        add(place(t.exit_time[k]), { buys: !long, price: t.exit_price[k], text: `${long ? "sold" : "bought back"} at ${money(t.exit_price[k])}, ${gain} (${t.exit_reason[k].replaceAll("_", " ")})` });
      });
    };
    open(0);
    const wide = (width) => (width - LEFT - RIGHT) / (last - first + 1);
    const near = (x, width) => Math.max(first, Math.min(last, Math.floor(first + (x - LEFT) / wide(width))));
    const chart = surface("candles", (pen, width, height, at) => {
      const step = wide(width), x = (i) => LEFT + (i - first + 0.5) * step;
      const from = Math.max(0, Math.floor(first)), to = Math.min(n - 1, Math.ceil(last));
      const y = scaleY([...one.low.slice(from, to + 1), ...one.high.slice(from, to + 1)], height);
      axes(pen, width, height, y, short);
      dates(pen, width, height, (px) => one.time[near(px, width)]);
      for (const up of [true, false]) {
        pen.strokeStyle = pen.fillStyle = color(up ? "up" : "down");
        pen.lineWidth = 1;
        pen.beginPath();
        for (let i = from; i <= to; i += 1) {
          if ((one.close[i] >= one.open[i]) !== up) continue;
          pen.moveTo(x(i), y.of(one.high[i])); pen.lineTo(x(i), y.of(one.low[i]));
          const top = y.of(Math.max(one.open[i], one.close[i])), body = y.of(Math.min(one.open[i], one.close[i])) - top;
          if (step > 3) pen.fillRect(x(i) - step * 0.35, top, step * 0.7, Math.max(body, 1));
        }
        pen.stroke();
      }
      const size = Math.max(4, Math.min(7, step));
      for (let i = from; i <= to; i += 1) for (const mark of marks.get(i) || []) {
        const tipAt = mark.buys ? y.of(one.low[i]) + 4 : y.of(one.high[i]) - 4, way = mark.buys ? 1 : -1;
        pen.fillStyle = color(mark.buys ? "own" : "ink");
        pen.beginPath(); pen.moveTo(x(i), tipAt); pen.lineTo(x(i) - size, tipAt + way * size * 1.5); pen.lineTo(x(i) + size, tipAt + way * size * 1.5);
        pen.closePath(); pen.fill();
      }
      if (at !== null) cross(pen, x(near(at.x, width)), height);
    }, (at, width) => {
      const i = near(at.x, width);
      const prices = `O ${money(one.open[i])}  H ${money(one.high[i])}\nL ${money(one.low[i])}  C ${money(one.close[i])}`;
      const merged = one.together > 1 ? [`${one.together} bars together`] : [];
      return [day(one.time[i]), prices, ...(marks.get(i) || []).map((mark) => mark.text), ...merged].join("\n");
    });
    const show = (start, count) => {
      const bars = Math.round(Math.max(Math.min(10, n), Math.min(n, count)));
      first = Math.round(Math.max(0, Math.min(n - bars, start)));
      last = first + bars - 1;
      chart.draw();
    };
    const zoom = (factor, share) => {
      const count = last - first + 1, bars = factor < 1 ? Math.floor(count * factor) : Math.ceil(count * factor);
      show(first + (count - bars) * share, bars);
    };
    document.getElementById("in").addEventListener("click", () => zoom(0.6, 0.5));
    document.getElementById("out").addEventListener("click", () => zoom(1.7, 0.5));
    document.getElementById("all").addEventListener("click", () => show(0, n));
    select.addEventListener("change", () => { open(Number(select.value)); chart.draw(); });
    chart.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(event.deltaY < 0 ? 0.85 : 1.18, (event.offsetX - LEFT) / (chart.canvas.clientWidth - LEFT - RIGHT));
    }, { passive: false });
    let grip = null;
    chart.canvas.addEventListener("pointerdown", (event) => {
      grip = { x: event.clientX, first };
      chart.canvas.setPointerCapture(event.pointerId);
    });
    chart.canvas.addEventListener("pointermove", (event) => {
      if (grip !== null) show(grip.first - (event.clientX - grip.x) / wide(chart.canvas.clientWidth), last - first + 1);
    });
    for (const end of ["pointerup", "pointercancel"]) chart.canvas.addEventListener(end, () => { grip = null; });
  }

  function tradeTable() {
    const body = document.querySelector("#trades tbody"), more = document.getElementById("more"), t = data.trades;
    const signed = (text, value) => [text.replace("-", "\u2212"), value < 0];
    let next = t.size.length - 1;
    const show = () => {
      for (const end = Math.max(next - 100, -1); next > end; next -= 1) {
        const row = body.insertRow(), k = next;
        for (const [text, isLoss] of [
          [t.symbol[k]], [t.side[k]], [day(t.entry_time[k])], [money(t.entry_price[k])],
          [t.is_open[k] ? "open" : day(t.exit_time[k])], [money(t.exit_price[k])], [money(t.size[k])],
          signed(cash(t.pnl[k]), t.pnl[k]), signed(percent(t.return_frac[k]), t.return_frac[k]),
          ...(t.r_multiple[k] === null ? [["\u2013"]] : [signed(ratio(t.r_multiple[k]), t.r_multiple[k])]),
          [percent(t.mae_frac[k])], [percent(t.mfe_frac[k])],
          [t.exit_reason[k].replaceAll("_", " ")],
        ]) {
          const cell = row.insertCell();
          cell.textContent = text;
          if (isLoss) cell.className = "loss";
        }
      }
      more.hidden = next < 0;
    };
    more.addEventListener("click", show);
    show();
  }

  const { equity, benchmark, drawdown, sharpe } = data.equity;
  lines("equity", [{ values: benchmark, pen: "other", name: "buy and hold" }, { values: equity, pen: "own", name: "strategy" }], { label: short, tell: money });
  lines("drawdown", [{ values: drawdown, pen: "down", name: "drawdown" }], { label: (v) => `${+(100 * v).toPrecision(3)} %`, tell: percent, fill: true, zero: true });
  lines("sharpe", [{ values: sharpe, pen: "own", name: "Sharpe" }], { label: short, tell: ratio, zero: true });
  distribution();
  candles();
  tradeTable();

  const drawAll = () => charts.forEach((chart) => chart.draw());
  const themes = ["", "light", "dark"], names = ["Theme: system", "Theme: light", "Theme: dark"];
  const button = document.getElementById("theme");
  let theme = 0;
  const dress = () => {
    if (theme === 0) delete root.dataset.theme; else root.dataset.theme = themes[theme];
    button.textContent = names[theme];
    drawAll();
  };
  button.addEventListener("click", () => { theme = (theme + 1) % 3; dress(); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  new ResizeObserver(drawAll).observe(document.querySelector("main"));
  dress();
})();
