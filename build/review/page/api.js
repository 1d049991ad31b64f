// Calls to the server. The token is in the address that the program prints, behind the #, which browsers never send.

const token = decodeURIComponent(location.hash.slice(1));

/** What went wrong, in words for the person; `changed` if the row is not as it was shown. */
export class Refused extends Error {
  constructor(message, changed = false) {
    super(message);
    this.changed = changed;
  }
}

/** Ask the server. Throws Refused. */
export async function call(name, body = {}) {
  let answer;
  try {
    answer = await fetch(`/api/${name}`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-review-token": token },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Refused("The server does not answer: nothing was saved. Start it again with the same command.");
  }
  const value = await answer.json().catch(() => ({ error: `the server failed (${answer.status}); see its terminal` }));
  if (!answer.ok) throw new Refused(value.error, Boolean(value.changed));
  return value;
}
