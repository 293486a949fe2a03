'use strict';
// What the servers do now. It comes by a WebSocket of its own: of plain requests a browser has but six at a time.

const EVERY = 500; // milliseconds between two questions
const LATE = 2500; // milliseconds without an answer
const POINTS = 60;

const aside = document.querySelector('aside');
const byId = (id) => document.getElementById(id);
const throughput = []; // operations that ended, a second
let last = null; // {seen, at}: what came, and when by performance.now()
let counted = null; // {finished, now} of the last point

function fill(table, rows) {
  // Only what differs is touched, so that text can be selected.
  const body = table.tBodies[0];
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    cells.forEach((content, column) => {
      const cell = row.cells[column] ?? row.insertCell();
      const text = String(content);
      if (cell.textContent !== text) cell.textContent = text;
    });
  });
}

function count(seen) {
  // Servers speak once a second, so that is a point.
  const finished = seen.servers.reduce((sum, server) => sum + server.finished, 0);
  if (counted !== null && seen.now - counted.now < 1) return;
  if (counted !== null) {
    throughput.push(Math.max(0, finished - counted.finished) / (seen.now - counted.now));
    throughput.splice(0, throughput.length - POINTS);
  }
  counted = {finished, now: seen.now};
  const most = Math.max(0, ...throughput);
  const first = POINTS - throughput.length;
  const points = throughput.map((rate, index) => `${first + index},${19 - 18 * (rate / Math.max(1, most))}`);
  aside.querySelector('polyline').setAttribute('points', points.join(' '));
  byId('rate').textContent = (throughput.at(-1) ?? 0).toFixed(1);
  byId('most').textContent = most.toFixed(1);
}

function show() {
  const silent = last === null ? Infinity : performance.now() - last.at;
  aside.classList.toggle('stale', silent > LATE);
  if (last === null) return;
  const trouble = silent > LATE ? `no answer for ${(silent / 1000).toFixed(0)} s: the worker is busy` : '';
  if (byId('trouble').textContent !== trouble) byId('trouble').textContent = trouble;
  const {seen} = last;
  const now = seen.now + silent / 1000; // by the site's clock, whatever the browser's says
  fill(byId('running'), seen.running.map((it) => [
    it.operation, it.target.replace(/^<\w+ |>$/g, ''), it.server, `${Math.max(0, now - it.begun_at).toFixed(1)} s`,
    it.deadline_at === null ? '-' : `${Math.max(0, it.deadline_at - now).toFixed(0)} s`,
  ]));
}

function take(seen) {
  last = {seen, at: performance.now()};
  const total = seen.servers.reduce((sum, server) => sum + server.in_flight, 0);
  byId('in-flight').textContent = total;
  byId('more').textContent = total > seen.running.length ? `and ${total - seen.running.length} more` : '';
  fill(byId('servers'), seen.servers.map((it) => [
    `${it.host} ${it.pid}`, it.state, it.in_flight, `${it.places.free} of ${it.places.total}`, it.finished,
  ]));
  count(seen);
  show();
}

function watch() {
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/watch/`);
  let waits = false; // a question has not been answered
  const timer = setInterval(() => {
    if (socket.readyState !== WebSocket.OPEN || waits) return;
    waits = true;
    socket.send('?');
  }, EVERY);
  socket.onmessage = (event) => { waits = false; take(JSON.parse(event.data)); };
  socket.onclose = () => { clearInterval(timer); byId('trouble').textContent = 'not connected'; setTimeout(watch, 1000); };
}

setInterval(show, 200);
watch();
