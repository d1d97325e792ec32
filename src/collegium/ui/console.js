// Shows what the public API says; asks again as long as the page is seen.
const REFRESH_MS = 2000;
const GOOD = new Set(["up", "succeeded"]);
const BAD = new Set(["failed", "set_aside", "ejected", "gone", "suspect"]);

class NeedsToken extends Error {}

async function get(path) {
  const token = sessionStorage.getItem("token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const answer = await fetch(path, { headers, cache: "no-cache" });
  if (answer.status === 401) throw new NeedsToken();
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

// Everything from outside becomes text, never markup.
function cell(content, className) {
  const td = document.createElement("td");
  td.append(content instanceof Node ? content : String(content ?? "–"));
  if (className) td.className = className;
  return td;
}

function link(href, text) {
  const a = document.createElement("a");
  a.href = href;
  a.textContent = text;
  return a;
}

function stateCell(state) {
  return cell(state, GOOD.has(state) ? "good" : BAD.has(state) ? "bad" : "");
}

function bar(job) {
  const element = document.createElement("progress");
  element.max = 1;
  const budget = job.input?.seconds;
  if (!["queued", "running"].includes(job.state)) element.value = 1;
  else if (budget) element.value = Math.min(1, (job.progress.elapsed_s ?? 0) / budget);
  element.setAttribute("aria-label", `Progress of job ${job.id}`);
  return element;
}

function moment(text) {
  return text ? new Date(text).toLocaleString() : null;
}

function jobRow(job) {
  const result = job.result ? link(job.result.href.slice(1), "download") : null;
  return [
    cell(link(`v1/jobs/${encodeURIComponent(job.id)}`, `${job.workload} ${job.id.slice(-6)}`)),
    stateCell(job.state),
    cell(bar(job)),
    cell(job.progress.objective?.toLocaleString(), "number"),
    cell(job.progress.violations?.toLocaleString(), "number"),
    cell(moment(job.started_at)),
    cell(result),
  ];
}

function workerRow(worker) {
  return [
    cell(worker.id),
    stateCell(worker.state),
    cell(worker.busy, "number"),
    cell(worker.slots, "number"),
    cell(worker.tasks_completed, "number"),
    cell(worker.tasks_failed, "number"),
    cell(`${worker.last_seen_s.toFixed(1)} s`, "number"),
  ];
}

function universityRow(university) {
  const path = `v1/universities/${encodeURIComponent(university.id)}`;
  return [
    cell(link(path, university.code)),
    cell(university.name),
    cell(link(`${path}/courses`, "courses")),
  ];
}

function fill(id, items, row) {
  const body = document.getElementById(id);
  body.replaceChildren(
    ...items.map((item) => {
      const tr = document.createElement("tr");
      tr.append(...row(item));
      return tr;
    }),
  );
  const table = body.closest("table");
  table.hidden = items.length === 0;
  table.parentElement.querySelector(".empty").hidden = items.length > 0;
}

function say(text) {
  const state = document.getElementById("state");
  if (state.textContent !== text) state.textContent = text;
}

async function refresh() {
  try {
    const [jobs, workers, universities] = await Promise.all([
      get("v1/jobs?limit=20"),
      get("v1/workers"),
      get("v1/universities?limit=50"),
    ]);
    fill("jobs", jobs.items, jobRow);
    fill("workers", workers.items, workerRow);
    fill("universities", universities.items, universityRow);
    const up = workers.items.filter((worker) => worker.state === "up").length;
    const running = jobs.items.filter((job) => job.state === "running").length;
    say(`${up} workers up, ${running} jobs running`);
  } catch (error) {
    const needsToken = error instanceof NeedsToken;
    document.getElementById("access").hidden = !needsToken;
    say(needsToken ? "The coordinator wants a token." : `No answer: ${error.message}`);
  }
}

document.querySelector("#access form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", new FormData(event.target).get("token"));
  document.getElementById("access").hidden = true;
  refresh();
});

async function keepRefreshing() {
  if (!document.hidden) await refresh();
  setTimeout(keepRefreshing, REFRESH_MS);
}

keepRefreshing();
