// The dialogs: why a row is rejected, who is reviewing, and the keys.

import { $ } from "./state.js";
import { el } from "./view.js";

/** Ask for a reason, `given` being chosen; resolves to {reason, detail}, or null if the row is kept after all. */
export function openReject(reasons, given = {}) {
  const dialog = $("reject-dialog");
  const radios = Object.entries(reasons).map(([key, text], at) => {
    const radio = el("input", { type: "radio", name: "reason", value: key, required: "" });
    return el("label", { class: "reason" }, radio, el("kbd", {}, at < 9 ? String(at + 1) : ""), el("span", {}, text));
  });
  $("reasons").replaceChildren(...radios);
  $("detail").value = given.detail || "";
  const onDigit = (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.target === $("detail")) return;
    const radio = /^[1-9]$/.test(event.key) && radios[Number(event.key) - 1]?.querySelector("input");
    if (radio) {
      radio.checked = true;
      radio.focus();
      event.preventDefault();
    }
    if (event.key === "Enter" && event.target.name === "reason") {
      event.preventDefault();
      dialog.querySelector("form").requestSubmit($("reject-ok"));
    }
  };
  dialog.addEventListener("keydown", onDigit);
  $("reject-cancel").onclick = () => dialog.close("");
  dialog.querySelector("form").onsubmit = (event) => {
    // Enter closes an input method's list of words before it means "reject"; browsers then send no submit.
    event.preventDefault();
    dialog.close("reject");
  };
  dialog.returnValue = "";
  dialog.showModal();
  const chosen = radios.map((label) => label.querySelector("input")).find((radio) => radio.value === given.reason);
  if (chosen) chosen.checked = true;
  (chosen || radios[0].querySelector("input")).focus();
  return new Promise((resolve) => {
    dialog.onclose = () => {
      dialog.removeEventListener("keydown", onDigit);
      const reason = dialog.querySelector("input[name=reason]:checked")?.value;
      resolve(dialog.returnValue === "reject" && reason ? { reason, detail: $("detail").value.trim() } : null);
    };
  });
}

/** Ask for the reviewer's name, until there is one. */
export function openWho(before) {
  const dialog = $("who-dialog");
  $("who").value = before;
  dialog.oncancel = (event) => {
    if (!before) event.preventDefault();
  };
  dialog.querySelector("form").onsubmit = (event) => {
    if (!$("who").value.trim()) event.preventDefault();
  };
  dialog.showModal();
  $("who").select();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve($("who").value.trim() || before);
  });
}

/** Show the keys: [key, name, what it does] each, those without words left out. */
export function openHelp(keys) {
  const said = keys.filter((key) => key[2]);
  $("keys").replaceChildren(
    ...said.map(([key, , what]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key === "Escape" ? "Esc" : key)), el("td", {}, what))),
  );
  $("help-dialog").showModal();
}
