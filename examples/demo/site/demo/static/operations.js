'use strict';
// The buttons: each asks its page, shows the answer as it comes, and lets it be cancelled.

const ANSWERS = 3; // of one operation that are shown
const BEGINNING = 300; // characters of a body
const FIFTY = 50;
const FILE_SIZE = 5000000; // bytes
const ASK_AGAIN = 500; // milliseconds, for a report

function add(parent, name, className, text) {
  const element = document.createElement(name);
  element.className = className;
  element.textContent = text;
  parent.append(element);
  return element;
}

class Answer {
  // `controller` is aborted by its button; `signal` is for what asks.
  constructor(operation) {
    this.controller = new AbortController();
    this.signal = this.controller.signal;
    this.begun = performance.now();
    this.said = 'waiting';
    this.text = '';
    this.item = document.createElement('li');
    this.item.dataset.state = 'running';
    this.words = add(this.item, 'span', 'words', '');
    this.button = add(this.item, 'button', 'cancel', 'Cancel');
    this.button.type = 'button';
    this.button.onclick = () => {
      operation.querySelector('.ask').focus(); // this button goes
      this.end('cancelled', 'cancelled');
      this.controller.abort();
    };
    this.body = add(this.item, 'pre', '', '');
    this.timer = setInterval(() => this.show(), 100);
    this.show();
    const list = operation.querySelector('.answers');
    list.prepend(this.item);
    for (const item of [...list.children].slice(ANSWERS)) {
      if (item.dataset.state !== 'running') item.remove();
    }
  }

  show() {
    this.words.textContent = `${this.said}, ${((performance.now() - this.begun) / 1000).toFixed(1)} s`;
    this.body.textContent = this.text;
  }

  say(words) {
    this.said = words;
  }

  add(text) {
    if (this.text.length < BEGINNING) this.text = (this.text + text).slice(0, BEGINNING);
  }

  end(state, words) {
    if (this.item.dataset.state !== 'running') return;
    this.say(words);
    this.show();
    clearInterval(this.timer);
    this.item.dataset.state = state;
    this.button.remove();
  }
}

async function fetched(answer, path, options) {
  // The status and the text of a page; shows both as they come.
  const response = await fetch(path, {cache: 'no-store', signal: answer.signal, ...options});
  const status = `${response.status} ${response.statusText}`;
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let size = 0;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    size += value.length;
    if (size - value.length < BEGINNING) answer.add(decoder.decode(value.subarray(0, BEGINNING), {stream: true}));
    answer.say(`${status}, ${size.toLocaleString('en')} bytes`);
  }
  answer.say(`${status}, ${size.toLocaleString('en')} bytes`);
  return response;
}

function socket(path, answer) {
  const opened = new WebSocket(`${location.origin.replace('http', 'ws')}${path}`);
  answer.signal.onabort = () => opened.close();
  opened.onclose = () => answer.end('bad', 'closed');
  return opened;
}

const HOW = {
  async get(path, answer) {
    const events = path === '/events/';
    const headers = events ? {Accept: 'text/event-stream'} : {};
    return fetched(answer, events ? '/forward/events/5?interval=0.5' : path, {headers});
  },

  async post(path, answer) {
    return fetched(answer, path, {method: 'POST', body: new Blob([new Uint8Array(FILE_SIZE)])});
  },

  async report(path, answer) {
    await fetched(answer, path);
    const place = answer.text.trim();
    let response;
    do {
      await new Promise((done) => { setTimeout(done, ASK_AGAIN); });
      answer.text = '';
      response = await fetched(answer, place);
    } while (response.status === 404);
    answer.text = `${place}: ${answer.text}`;
    return response;
  },

  async socket(path, answer, seconds) {
    const opened = socket(path, answer);
    opened.onopen = () => { answer.say('open'); opened.send(seconds); };
    opened.onmessage = (event) => answer.add(event.data);
    return new Promise(() => {}); // it stays open until it is cancelled, and hears what is notified
  },

  async sockets(path, answer, seconds) {
    const opened = socket(path, answer);
    let come = 0;
    opened.onopen = () => { for (let number = 0; number < FIFTY; number++) opened.send(seconds); };
    return new Promise((done) => {
      opened.onmessage = (event) => {
        come += 1;
        answer.say(`${come} of ${FIFTY}`);
        answer.text = event.data;
        if (come === FIFTY) { done({ok: true}); opened.onclose = null; opened.close(); }
      };
    });
  },
};

async function ask(operation) {
  const seconds = document.getElementById('seconds').value || '0';
  const {how, path} = operation.dataset;
  const slow = how === 'get' && 'slow' in operation.dataset;
  const answer = new Answer(operation);
  try {
    const response = await HOW[how](slow ? `${path}?seconds=${encodeURIComponent(seconds)}` : path, answer, seconds);
    answer.end(response.ok ? 'good' : 'bad', answer.said);
  } catch (error) {
    answer.end('bad', `${answer.said}: ${error.message}`);
  }
}

for (const operation of document.querySelectorAll('.operation')) {
  operation.querySelector('.ask').onclick = () => ask(operation);
}
