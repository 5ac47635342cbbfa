// What the device tells: its models, states, counts, and whether it is still there.

/** A silence longer than this is no connection; the device says something every 5 s. */
const SILENCE_MS = 12000;

/** Calls `on.about`, `on.state`, `on.counts` and `on.link(isThere)` for as long as the page is open. */
export function listen(on) {
  let version = null;
  let heard = Date.now();
  let isThere = true;
  let source = null;

  const link = (now) => {
    if (now !== isThere) on.link(now);
    isThere = now;
  };
  const hear = () => {
    heard = Date.now();
    link(true);
  };
  const open = () => {
    source?.close();
    source = new EventSource("/api/v1/events");
    source.addEventListener("hello", (event) => {
      // Another program has other files.
      const told = JSON.parse(event.data);
      if (version !== null && version !== told) location.reload();
      version = told;
      hear();
    });
    source.addEventListener("about", (event) => {
      hear();
      on.about(JSON.parse(event.data));
    });
    source.addEventListener("state", (event) => {
      hear();
      on.state(JSON.parse(event.data));
    });
    source.addEventListener("counts", (event) => {
      hear();
      on.counts(JSON.parse(event.data));
    });
    // The browser tries again by itself, unless it was refused.
    source.addEventListener("error", () => link(false));
  };
  open();
  setInterval(() => {
    if (Date.now() - heard < SILENCE_MS) return;
    link(false);
    heard = Date.now();
    open();
  }, 2000);
}
