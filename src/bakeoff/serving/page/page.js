"use strict";
// Text from outside goes into text nodes and attributes only, never into markup.

const SHOWN = 5; // classes
const AT_ONCE = 8; // images that are sent at the same time: the server computes them together
const find = (id) => document.getElementById(id);
const say = (text) => { find("said").textContent = text; };
const percent = (share) => `${(100 * share).toFixed(1)} %`;
let token = new URLSearchParams(location.hash.slice(1)).get("token") || "";
if (token) history.replaceState(null, "", location.pathname); // not for the next one at this screen
let model = null;
let ready = null;
let stream = null;

function make(tag, options = {}, ...children) {
  const { className, ...attributes } = options;
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

async function ask(path, body) {
  const headers = {};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/octet-stream";
  let response;
  try {
    response = await fetch(path, { method: body ? "POST" : "GET", headers, body });
  } catch {
    throw new Error("The server does not answer.");
  }
  const answer = await response.json().catch(() => ({ error: `The server answered with ${response.status}.` }));
  if (response.status === 401) {
    find("token").hidden = false;
    throw new Error(token ? "This is not the token of the server." : "The server asks for its token.");
  }
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

async function start() {
  try {
    model = await ask("/model");
  } catch (error) {
    return say(error.message);
  }
  find("token").hidden = true;
  document.title = `${model.name} · bakeoff serve`;
  find("name").textContent = model.name;
  const about = [`trained on ${model.data}`, `${model.classes.length} classes`];
  if (model.members > 1) about.push(`${model.members} networks, averaged`);
  if (!model.neighbours) about.push(`no similar training images: ${model.without_neighbours}`);
  find("about").replaceChildren(...about.map((text) => make("span", {}, text)));
  say("");
}

function shares(answer) {
  const rows = Object.entries(answer.probabilities).slice(0, SHOWN).map(([label, share]) =>
    make("tr", {}, make("th", { scope: "row" }, label),
      make("td", {}, make("meter", { min: 0, max: 1, value: share, "aria-hidden": "true" }), percent(share))));
  const caption = make("caption", { className: "unseen" }, "Classes with probabilities");
  return make("table", {}, caption, make("tbody", {}, ...rows));
}

function picture(uri, text, size) {
  return make("figure", { className: size }, make("img", { src: uri, alt: text }), make("figcaption", {}, text));
}

async function explain(file, card, button) {
  button.disabled = true;
  button.textContent = "Looking …";
  try {
    const answer = await ask("/explain", file);
    const why = make("div", { className: "why" }, make("h3", {}, `Why ${answer.explained}`));
    why.append(picture(answer.picture, "as the network sees it", "large"));
    for (const [method, uri] of Object.entries(answer.maps)) {
      why.append(picture(uri, `where it looked: ${model.methods[method]}`, "large"));
    }
    if (answer.neighbours.length) why.append(make("h3", {}, "The most similar training images, as the network sees them"));
    for (const one of answer.neighbours) {
      why.append(picture(one.picture, `${one.label}, ${one.similarity.toFixed(3)}`, "small"));
    }
    button.remove();
    card.append(why);
  } catch (error) {
    button.disabled = false;
    button.textContent = "Why?";
    say(error.message);
  }
}

async function classify(file, alone) {
  const shown = URL.createObjectURL(file);
  const name = file.name || "picture";
  const image = make("img", { src: shown, alt: name });
  image.addEventListener("load", () => URL.revokeObjectURL(shown), { once: true });
  const words = make("div", {}, make("h2", {}, name));
  const card = make("article", { className: "image" }, make("div", {}, image), words);
  find("images").prepend(card);
  try {
    const answer = await ask("/predict", file);
    words.querySelector("h2").textContent = answer.label;
    words.append(make("p", { className: "muted" }, name), shares(answer));
    if (!Object.keys(model.methods).length && !model.neighbours) return;
    const button = make("button", { className: "quiet", type: "button" }, "Why?");
    button.addEventListener("click", () => explain(file, card, button));
    words.append(button);
    if (alone) await explain(file, card, button);
  } catch (error) {
    words.append(make("p", { className: "error" }, error.message));
  }
}

async function classifyAll(files) {
  const waiting = [...files]; // before anything is awaited: browsers empty the list after the event
  const total = waiting.length;
  await ready;
  if (!total || !model) return;
  let done = 0;
  const next = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      await classify(file, total === 1);
      done += 1;
      say(`${done} of ${total} classified`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, total) }, next));
}

async function openCamera() {
  if (!navigator.mediaDevices) return say("Browsers give the camera only to pages at localhost or https.");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  } catch (error) {
    return say(`The camera cannot be used: ${error.message}`);
  }
  find("video").srcObject = stream;
  await find("video").play();
  find("live").hidden = false;
  find("shoot").focus();
}

function closeCamera() {
  if (stream) for (const track of stream.getTracks()) track.stop();
  stream = null;
  find("live").hidden = true;
  find("camera").focus();
}

function shoot() {
  const video = find("video");
  const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => blob && classifyAll([new File([blob], "camera.jpg", { type: blob.type })]), "image/jpeg", 0.95);
}

document.documentElement.classList.add("scripted");
find("files").addEventListener("change", (event) => {
  classifyAll(event.target.files);
  event.target.value = "";
});
find("token").addEventListener("submit", (event) => {
  event.preventDefault();
  token = event.target.querySelector("input").value;
  ready = start();
});
find("camera").addEventListener("click", openCamera);
find("stop").addEventListener("click", closeCamera);
find("shoot").addEventListener("click", shoot);
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); find("drop").classList.add("over"); });
}
for (const name of ["dragleave", "drop"]) {
  document.addEventListener(name, (event) => { event.preventDefault(); find("drop").classList.remove("over"); });
}
document.addEventListener("drop", (event) => classifyAll(event.dataTransfer.files));
document.addEventListener("paste", (event) => classifyAll(event.clipboardData.files));
ready = start();
