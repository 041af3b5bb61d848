/* Keeps the progress page fresh. Without it the page reloads itself. */
"use strict";

(() => {
    const PAUSE_MS = 1000;
    const LONGEST_PAUSE_MS = 15000;
    const part = document.getElementById("resend-job");
    const state = document.getElementById("resend-job-state");
    let pause = PAUSE_MS;

    async function look() {
        try {
            const answer = await fetch(part.dataset.url, { headers: { Accept: "application/json" } });
            if (!answer.ok) {
                throw new Error(answer.statusText);
            }
            const told = await answer.json();
            if (told.finished) {
                window.location.reload();
                return;
            }
            part.innerHTML = told.html;
            if (state.textContent !== told.state) {
                state.textContent = told.state;
            }
            pause = PAUSE_MS;
        } catch {
            pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
        }
        window.setTimeout(look, pause);
    }

    window.setTimeout(look, pause);
})();
