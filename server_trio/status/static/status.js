// Keeps the status page up to date: asks once a second, and writes texts, never markup.
"use strict";
(() => {
  const PAUSE = 1000; // milliseconds between two questions
  const PATIENCE = 5000; // milliseconds for one answer
  const KEPT = 600; // points of the plots
  const points = [];
  const plots = [];
  const byId = (id) => document.getElementById(id);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function fill(table, rows) {
    const body = table.tBodies[0];
    const columns = table.tHead.rows[0].cells.length;
    if (!rows.length) {
      const row = document.createElement("tr");
      row.className = "empty";
      const cell = row.insertCell();
      cell.colSpan = columns;
      cell.textContent = table.dataset.empty;
      body.replaceChildren(row);
      return;
    }
    if (body.rows.length && body.rows[0].className === "empty") body.replaceChildren();
    while (body.rows.length > rows.length) body.deleteRow(-1);
    rows.forEach((texts, number) => {
      const row = body.rows[number] || body.insertRow();
      texts.forEach((text, column) => setText(row.cells[column] || row.insertCell(), text));
    });
  }

  function axis(size) {
    return {
      stroke: () => color("--text"), size, font: "12px system-ui, sans-serif",
      grid: { stroke: () => color("--line"), width: 1 }, ticks: { show: false },
    };
  }

  function plot(id, series, format) {
    const place = byId(id);
    const options = {
      width: place.clientWidth || 320, height: 180, scales: { y: { range: (u, low, high) => [0, high || 1] } },
      axes: [axis(44), axis(52)], cursor: { drag: { x: false, y: false } },
      series: [{ value: (u, at) => (at == null ? "-" : new Date(at * 1000).toLocaleTimeString()) },
        ...series.map(([label, name]) => ({
          label, width: 2, points: { show: false }, stroke: () => color(name),
          value: (u, value) => (value == null ? "-" : format(value)),
        }))],
    };
    plots.push([new uPlot(options, [[], ...series.map(() => [])], place), place, series.map((one) => one[2])]);
  }

  function draw() {
    const times = points.map((point) => point[0]);
    for (const [chart, place, columns] of plots) {
      if (place.clientWidth && chart.width !== place.clientWidth) {
        chart.setSize({ width: place.clientWidth, height: 180 });
      }
      chart.setData([times, ...columns.map((column) => points.map((point) => point[column]))]);
    }
  }

  function show(answer) {
    setText(byId("headline"), answer.headline);
    byId("headline").className = answer.ready ? "good" : "bad";
    setText(document.querySelector("#when time"), new Date(answer.now * 1000).toLocaleTimeString());
    for (const [id, rows] of Object.entries(answer.tables)) fill(byId(id), rows);
    for (const [id, note] of Object.entries(answer.notes)) setText(byId(id + "-note"), note);
    points.push(...answer.points);
    points.splice(0, Math.max(0, points.length - KEPT));
    if (!document.hidden) draw();
  }

  async function ask() {
    const since = points.length ? points[points.length - 1][0] : 0;
    const giveUp = new AbortController();
    const timer = setTimeout(() => giveUp.abort(), PATIENCE);
    try {
      const response = await fetch("api/status?since=" + since, { cache: "no-store", signal: giveUp.signal });
      if (!response.ok) throw new Error(response.status);
      show(await response.json());
    } catch (error) {
      setText(byId("headline"), "the server does not answer; what follows is from before");
      byId("headline").className = "bad";
    } finally {
      clearTimeout(timer);
      setTimeout(ask, PAUSE);
    }
  }

  byId("plots").hidden = false;
  plot("rate", [["answered", "--first", 1], ["failed", "--second", 2]], (value) => value.toFixed(1));
  plot("latency", [["median", "--first", 3], ["95 %", "--second", 4]], (value) => value.toPrecision(2) + " s");
  plot("load", [["in flight", "--first", 5]], (value) => value.toFixed(0));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  addEventListener("resize", draw);
  ask();
})();
