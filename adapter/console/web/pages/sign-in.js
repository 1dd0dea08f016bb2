// Signing in with the admin token. A link printed by `serve` brings the token in the fragment, which is never sent.
import { ApiError, session, signIn } from "../api.js";
import { capitalized } from "../data.js";
import { here, navigate } from "../router.js";
import { Button, Field } from "../ui.js";
import { html, useEffect, useState } from "../vendor/preact.js";

let wanted = /** @type {import("../router.js").Location} */ ({ path: "/", query: {} });

export default function SignIn() {
  const [token, setToken] = useState("");
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);

  const submit = async (/** @type {string} */ given) => {
    setBusy(true);
    setError("");
    try {
      await signIn(given.trim());
      navigate(wanted.path, wanted.query, { replace: true });
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      if (problem.status === 401) setError("That is not the token.");
      else if (problem.status === 429) setError(`Too many tries. Try again in ${problem.retryAfterS ?? 60} s.`);
      else setError(capitalized(problem.message));
      setBusy(false);
    }
  };

  useEffect(() => {
    document.title = "Sign in – browsee-adapter";
    const { path, query } = here.value;
    if (path !== "/sign-in") wanted = here.value;
    else if (!query.token && session.value?.signedIn) navigate("/", {}, { replace: true });
  }, []);
  const link = here.value.path === "/sign-in" ? here.value.query.token : "";
  // A link may also be opened in a tab that shows this page already.
  useEffect(() => {
    if (!link) return;
    // Neither the address nor the history keeps the token.
    navigate("/sign-in", {}, { replace: true });
    void submit(link);
  }, [link]);

  return html`<main class="sign-in">
    <form onSubmit=${(/** @type {Event} */ event) => (event.preventDefault(), submit(token))}>
      <h1>browsee-adapter</h1>
      ${session.value?.sandbox && html`<p class="lead">Sandbox: nothing here reaches Browsee.</p>`}
      <${Field} label="Admin token" error=${error}
        hint=${html`The setting <code>admin_token</code>, or the generated token in <code>generated-secrets.json</code> in the folder of the queue.`}>
        ${(/** @type {string} */ id) => html`<input id=${id} type="password" autocomplete="current-password" autofocus required value=${token}
          aria-invalid=${error ? "true" : undefined} onInput=${(/** @type {any} */ event) => setToken(event.target.value)} />`}
      <//>
      <${Button} primary type="submit" disabled=${isBusy}>${isBusy ? "Signing in" : "Sign in"}<//>
    </form>
  </main>`;
}
