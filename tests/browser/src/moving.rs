//! Zoom, pan, filter, fold, step, click, follow, switch: each by pointer or key, as a reader would.

use serde_json::{Value, json};
use simloop::explore::Explorer;
use simloop::trace::{Event, Record};
use simloop::{sleep, spawn_named};

use crate::browser::{Page, browse};
use crate::{millis, program, programs, secs, traced};

const RUNNING: &str = "6";
const WAITING_FOR_A_TIMER: &str = "2";

/// The units of the axis that are visible, from and to.
async fn visible(page: &Page) -> (f64, f64) {
    let range = page.eval("[page.view.from, page.view.to]").await;
    (range[0].as_f64().unwrap(), range[1].as_f64().unwrap())
}

fn length((from, to): (f64, f64)) -> f64 {
    to - from
}

#[test]
fn keys_and_the_wheel_zoom_and_pan_and_all_can_be_shown_again() {
    browse(async |page| {
        page.open(programs::thousand().html()).await;
        let whole = visible(&page).await;
        let told = page.text("#range").await;
        page.press("+++").await;
        let near = visible(&page).await;
        assert!(length(near) < length(whole) / 3.0, "{near:?} of {whole:?}");
        assert_ne!(page.text("#range").await, told);
        // The key to the right.
        page.press("\u{e014}").await;
        let right = visible(&page).await;
        assert!(right.0 > near.0 && (length(right) - length(near)).abs() < 1e-6, "{right:?}");
        page.drag(&[(700.0, 300.0), (500.0, 300.0), (400.0, 300.0)]).await;
        let dragged = visible(&page).await;
        assert!(dragged.0 > right.0, "the lanes follow the pointer: {dragged:?}");
        page.eval(
            "document.getElementById('canvas').dispatchEvent(new WheelEvent('wheel', \
             { deltaY: -200, ctrlKey: true, clientX: 700, clientY: 300, bubbles: true, cancelable: true }))",
        )
        .await;
        page.drawn().await;
        assert!(length(visible(&page).await) < length(dragged));
        page.photograph("zoomed").await;
        page.click("#fit").await;
        assert_eq!(visible(&page).await, whole);
        page.assert_quiet().await;
    });
}

#[test]
fn keys_pan_back_step_through_a_tasks_own_turns_and_fold_the_drawer() {
    browse(async |page| {
        page.open(program("race").html()).await;
        page.press("+++").await;
        // To the right, twice, and to the left.
        page.press("\u{e014}\u{e014}").await;
        let right = visible(&page).await;
        page.press("\u{e012}").await;
        let left = visible(&page).await;
        assert!(left.0 < right.0, "{left:?} {right:?}");
        page.fill("#turn", "2\u{e007}").await;
        page.press("\u{e004}").await;
        page.eval("document.getElementById('lanes').focus()").await;
        page.press("N").await;
        assert_eq!(page.eval("page.turn").await, json!(5), "the next turn of main/first");
        page.press("P").await;
        assert_eq!(page.eval("page.turn").await, json!(2));
        let is_folded = "document.getElementById('drawer').classList.contains('folded')";
        page.press("d").await;
        assert_eq!(page.eval(is_folded).await, json!(true));
        page.press("d").await;
        assert_eq!(page.eval(is_folded).await, json!(false));
        page.assert_quiet().await;
    });
}

/// The middle of an element.
async fn middle_of(page: &Page, id: &str) -> (f64, f64) {
    let script = format!(
        "(() => {{
            const box = document.getElementById('{id}').getBoundingClientRect();
            return [box.left + box.width / 2, box.top + box.height / 2];
        }})()"
    );
    let middle = page.eval(&script).await;
    (middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap())
}

/// What a pointer does at a point of the lanes.
async fn point(page: &Page, event: &str, (x, y): (f64, f64)) {
    page.eval(&format!(
        "document.getElementById('canvas').dispatchEvent(new PointerEvent('{event}', \
         {{ clientX: {x}, clientY: {y}, bubbles: true }}))"
    ))
    .await;
    page.drawn().await;
}

#[test]
fn the_pointer_goes_to_a_turn_a_part_and_a_span_and_is_told_what_it_points_at() {
    browse(async |page| {
        page.open(program("gather").html()).await;
        let sleep = page.place_of("main/task[2]", WAITING_FOR_A_TIMER).await;
        point(&page, "pointermove", sleep).await;
        assert!(page.text("#tip").await.starts_with("main/task[2] sleeps until 3s, 0s to 3s (3s)"));
        page.click_at(sleep).await;
        point(&page, "dblclick", sleep).await;
        let (from, to) = visible(&page).await;
        let span = page
            .eval(
                "[page.run.spans.from[page.selected.span], page.run.spans.to[page.selected.span]]",
            )
            .await;
        let span = (span[0].as_f64().unwrap(), span[1].as_f64().unwrap());
        assert!(from < span.0 && span.1 < to, "all of it is visible");
        assert!(length((from, to)) < 1.5 * length(span), "and little beside");
        page.press("++++").await;
        // The middle of all turns, and of the whole run.
        page.click_at(middle_of(&page, "minimap").await).await;
        let (from, to) = visible(&page).await;
        let middle = page.eval("page.run.width / 2").await.as_f64().unwrap();
        assert!(((from + to) / 2.0 - middle).abs() < 1.0, "{from} to {to} around {middle}");
        page.click("#fit").await;
        let (x, _) = at_turn(&page, "main", 4).await;
        let (_, y) = middle_of(&page, "axis").await;
        page.click_at((x, y)).await;
        assert_eq!(page.eval("page.turn").await, json!(4));
        page.assert_quiet().await;
        // The task that it takes has a ring, and no other has: none else is ready. Looked for above the line of a wait,
        // whose dashes under the tint of the turn come near its colour.
        for (path, is_taken) in [("main/task[2]", true), ("main/task[1]", false)] {
            let (_, y) = page.place_of(path, RUNNING).await;
            let found = has_color(&page, "cursor", (x - 4.0, y - 8.0), (8.0, 5.0)).await;
            assert_eq!(found, is_taken, "{path}");
        }
    });
}

#[test]
fn the_legend_draws_each_sign() {
    browse(async |page| {
        page.open(program("deadlock").html()).await;
        // Another tab is open at first.
        page.click("#tab-legend").await;
        let blank = "[...document.querySelectorAll('.legend canvas')].filter((canvas) =>
            !canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((part) => part > 0))
            .map((canvas) => canvas.parentElement.innerText)";
        assert_eq!(page.eval(blank).await, json!([]));
        assert!(page.texts(".legend li").await.len() > 15);
    });
}

#[test]
fn of_many_tasks_the_table_shows_a_hundred_and_counts_the_others() {
    browse(async |page| {
        page.open(programs::thousand().html()).await;
        page.click("#tab-statistics").await;
        assert_eq!(page.texts("#sheet-statistics tbody tr").await.len(), 100);
        assert_eq!(page.text("#sheet-statistics .more").await, "and 901 more tasks");
        let lines = page.text("#sheet-statistics .loop").await;
        let table = programs::thousand().trace.statistics().to_string();
        assert!(lines.contains(" jumps over ") && table.contains(lines.trim()), "{lines}");
    });
}

#[test]
fn a_search_leaves_the_tasks_that_fit_and_their_ancestors() {
    browse(async |page| {
        page.open(program("nested").html()).await;
        let all = page.texts(".name bdi").await;
        assert_eq!(page.text("#count").await, format!("{} tasks", all.len()));
        page.press("/").await;
        page.fill("#search", "LEAF").await;
        assert_eq!(page.texts(".name bdi").await, ["main", "outer", "inner", "leaf[0]", "leaf[1]"]);
        assert_eq!(page.text("#count").await, format!("2 of {} tasks", all.len()));
        page.fill("#search", "no such task").await;
        assert!(page.texts(".name bdi").await.is_empty());
        assert_eq!(page.text("#nothing").await, "No task fits.");
        page.fill("#search", "m").await;
        page.choose("#filter", "cancelled").await;
        let cancelled = page.texts(".name:not(.faint) bdi").await;
        assert_eq!(cancelled, ["outer", "branch[1]"]);
        page.assert_quiet().await;
    });
}

#[test]
fn a_parent_is_folded_by_pointer_and_by_key() {
    browse(async |page| {
        page.open(program("nested").html()).await;
        let all = page.texts(".name bdi").await.len();
        page.click("#lane-1 .fold").await;
        assert_eq!(page.texts(".name bdi").await, ["main", "outer"]);
        assert_eq!(
            page.eval("document.getElementById('lane-1').getAttribute('aria-expanded')").await,
            "false"
        );
        page.click("#lane-1").await;
        page.press(" ").await;
        assert_eq!(page.texts(".name bdi").await.len(), all);
    });
}

/// The turns of a run with what each poll recorded.
fn polls<'a>(records: impl Iterator<Item = Record<'a>>) -> Vec<(u64, u32, u32)> {
    let polls = records.filter_map(|record| match record.event {
        Event::Polled { index, ready, .. } => Some((record.turn, index, ready)),
        _ => None,
    });
    polls.collect()
}

#[test]
fn keys_step_through_the_turns_and_show_the_ready_set_and_the_choice_of_each() {
    browse(async |page| {
        let report = program("race");
        page.open(report.html()).await;
        for (turn, index, ready) in polls(report.trace.records()) {
            page.press("n").await;
            assert!(page.text("#panel h2").await.starts_with(&format!("Turn {turn} at ")));
            let listed = page.texts(".ready li").await;
            assert_eq!(listed.len(), ready as usize, "turn {turn}: {listed:?}");
            assert!(listed[index as usize].ends_with("taken"), "turn {turn}: {listed:?}");
            let said = page.text("#said").await;
            assert!(said.starts_with(&format!("turn {turn} at 0s: main")), "{said}");
        }
        page.photograph("stepped").await;
        page.press("pp").await;
        let last = polls(report.trace.records()).len();
        assert_eq!(page.eval("page.turn").await, json!(last - 2));
        page.press("P").await;
        let task = page.eval("[page.turnTask(), page.turn]").await;
        assert!(task[1].as_u64().unwrap() < last as u64 - 2);
        page.fill("#turn", "2\u{e007}").await;
        assert!(page.text("#panel h2").await.starts_with("Turn 2 "));
        page.assert_quiet().await;
    });
}

#[test]
fn a_click_on_a_span_shows_its_records_and_what_it_waits_for() {
    browse(async |page| {
        page.open(program("gather").html()).await;
        let place = page.place_of("main/task[1]", WAITING_FOR_A_TIMER).await;
        page.click_at(place).await;
        assert_eq!(page.text("#panel h2").await, "main/task[1]");
        let panel = page.text("#panel").await;
        for part in [
            "sleeps until 2s",
            "0s to 2s (2s)",
            "registers a timer for 2s",
            "woken by its timer",
            "spawned by",
        ] {
            assert!(panel.contains(part), "{part}: {panel}");
        }
        assert_eq!(page.texts(".name[aria-selected=true] bdi").await, ["task[1]"]);
        page.photograph("clicked").await;
        let poll = page.place_of("main/task[1]", RUNNING).await;
        page.click_at(poll).await;
        assert!(page.text("#panel h2").await.starts_with("Turn "), "a poll is shown as its turn");
        page.press("\u{e00c}").await;
        assert_eq!(page.text("#panel h2").await, "The run");
    });
}

#[test]
fn wakes_can_be_followed_back_to_who_woke_and_on_again() {
    browse(async |page| {
        let report = traced(async {
            let child = spawn_named("child", sleep(secs(1)));
            child.await.unwrap();
        });
        page.open(report.html()).await;
        // The key that leads to the last turn: main's, which the child's last poll woke.
        page.press("\u{e010}").await;
        let last = page.eval("page.turn").await.as_u64().unwrap();
        page.press("w").await;
        assert_eq!(
            page.eval("[page.turn, page.words.path(page.turnTask())]").await,
            json!([last - 1, "main/child"])
        );
        page.press("e").await;
        assert_eq!(page.text("#panel h2").await, "main");
        assert_eq!(
            page.eval("page.run.spans.state[page.selected.span]").await,
            json!(5),
            "it is ready"
        );
        page.press("e").await;
        assert_eq!(page.eval("page.turn").await, json!(last), "and is polled");
    });
}

#[test]
fn the_cycle_of_a_deadlock_is_drawn_and_its_tasks_can_be_filtered() {
    browse(async |page| {
        page.open(program("deadlock").html()).await;
        assert_eq!(
            page.texts("#sheet-story .cycle-task text").await,
            ["main/worker[0]", "main/worker[1]"]
        );
        assert_eq!(page.texts("#sheet-story .cycle-resource text").await.len(), 2);
        assert_eq!(page.texts(".name.in-cycle bdi").await, ["worker[0]", "worker[1]"]);
        page.choose("#filter", "cycle").await;
        assert_eq!(page.texts(".name:not(.faint) bdi").await, ["worker[0]", "worker[1]"]);
        page.photograph("cycle").await;
    });
}

#[test]
fn a_finding_switches_between_the_run_that_fails_and_the_nearest_that_passes() {
    let finding = Explorer::new().ignore_environment(true).run(crate::lost_update).unwrap_finding();
    browse(async move |page| {
        page.open(finding.html()).await;
        assert_eq!(page.texts("#switch button").await, ["fails", "passes"]);
        assert!(page.text("#sheet-story").await.contains("fails when"));
        let fails = page.eval("page.run.order.length").await;
        page.click("#parting").await;
        let turn = page.eval("page.turn").await;
        let taken = page.texts(".ready .taken").await;
        page.photograph("fails").await;
        page.press("t").await;
        assert_eq!(page.texts("#switch [aria-checked=true]").await, ["passes"]);
        assert_eq!(page.eval("page.turn").await, turn, "the turn stays");
        assert_ne!(page.texts(".ready .taken").await, taken, "and another task is taken in it");
        page.photograph("passes").await;
        page.click("#switch button:first-child").await;
        assert_eq!(page.eval("page.run.order.length").await, fails);
        assert_ne!(turn, Value::Null);
        page.assert_quiet().await;
    });
}

#[test]
fn statistics_sort_by_each_column_and_lead_to_their_task() {
    browse(async |page| {
        let report = traced(async {
            let naps = [30, 10, 20].map(|length| spawn_named("nap", sleep(millis(length))));
            for nap in naps {
                nap.await.unwrap();
            }
        });
        page.open(report.html()).await;
        page.click("#tab-statistics").await;
        let first = async || page.texts("#sheet-statistics tbody tr:first-child .path").await;
        assert_eq!(first().await, ["main"]);
        page.click("#sheet-statistics th:nth-child(5) button").await;
        page.click("#sheet-statistics th:nth-child(5) button").await;
        assert_eq!(first().await, ["main/nap[1]"], "it waits the least");
        page.click("#sheet-statistics tbody tr:first-child .link").await;
        assert_eq!(page.text("#panel h2").await, "main/nap[1]");
        page.photograph("statistics").await;
    });
}

#[test]
fn statistics_tell_for_which_resources_a_task_waited_and_sort_by_all_of_them() {
    browse(async |page| {
        let report = program("resources");
        page.open(report.html()).await;
        page.click("#tab-statistics").await;
        page.click("#sheet-statistics th:last-child button").await;
        let paths = page.texts("#sheet-statistics tbody .path").await;
        assert_eq!(paths, ["main/clerk[2]", "main/clerk[1]", "main/clerk[0]", "main"]);
        let told = page.texts("#sheet-statistics tbody tr:first-child .resources div").await;
        assert_eq!(told, ["mutex `till`: 3s", "mutex `customers`: 2s", "mpsc: 1s"]);
        assert_eq!(page.texts("#sheet-statistics tbody tr:last-child .resources").await, ["-"]);
        page.photograph("resources-table").await;
        page.click("#sheet-statistics tbody tr:first-child .link").await;
        let panel = page.text("#panel").await;
        assert!(panel.contains("mutex `till`: 3s"), "{panel}");
        let numbers = page.texts("#sheet-statistics tbody tr:first-child .number").await;
        let task = report.trace.statistics().tasks[3].clone();
        let expected = [task.polls.to_string(), task.turns_ready.to_string()];
        assert_eq!(numbers[..2], expected);
        assert_eq!(numbers[3..5], ["10s", "4s"], "it waits, and the longest of that");
    });
}

/// Whether pixels of about a colour of the page are in a box of the canvas: a thin line may share its pixels with the
/// ground.
async fn has_color(
    page: &Page,
    name: &str,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
) -> bool {
    let script = format!(
        "(() => {{
            const canvas = document.getElementById('canvas');
            const edge = canvas.getBoundingClientRect(), scale = canvas.width / edge.width;
            const tile = new OffscreenCanvas(1, 1).getContext('2d');
            const named = document.body.appendChild(document.createElement('i'));
            named.style.color = 'var(--{name})';
            tile.fillStyle = getComputedStyle(named).color;
            named.remove();
            tile.fillRect(0, 0, 1, 1);
            const wanted = tile.getImageData(0, 0, 1, 1).data;
            const {{ data }} = canvas.getContext('2d').getImageData(({x} - edge.left) * scale,
                ({y} - edge.top) * scale, {width} * scale, {height} * scale);
            for (let at = 0; at < data.length; at += 4) {{
                if ([0, 1, 2].every((part) => Math.abs(data[at + part] - wanted[part]) < 80)) return true;
            }}
            return false;
        }})()"
    );
    page.eval(&script).await.as_bool().expect("an answer")
}

/// A box around the middle of a turn's unit in the row of a task.
async fn at_turn(page: &Page, path: &str, turn: u64) -> (f64, f64) {
    let place = page.place_of(path, RUNNING).await;
    let script = format!(
        "document.getElementById('canvas').getBoundingClientRect().left + page.view.x(page.run.xOfTurn({turn}) + 0.5)"
    );
    (page.eval(&script).await.as_f64().expect("a number"), place.1)
}

#[test]
fn wakes_have_arrows_between_rows_and_marks_where_nobody_else_woke() {
    browse(async |page| {
        let report = traced(async {
            let child = spawn_named("child", async {
                simloop::yield_now().await;
                simloop::yield_now().await;
            });
            child.await.unwrap();
        });
        page.open(report.html()).await;
        // The child's last poll, turn 4, wakes main, whose row is above.
        let (x, y) = at_turn(&page, "main/child", 4).await;
        assert!(has_color(&page, "wake", (x, y - 20.0), (20.0, 5.0)).await, "its point");
        assert!(has_color(&page, "wake", (x, y - 13.0), (20.0, 4.0)).await, "its line");
        // Each yield wakes the child itself: a mark right after the poll, and none where it was only spawned.
        for (turn, is_marked) in [(1, false), (2, true), (3, true)] {
            let (x, y) = at_turn(&page, "main/child", turn).await;
            let unit = page.eval("page.view.scale").await.as_f64().unwrap();
            let place = (x + unit / 2.0 - 1.0, y - 5.0);
            let found = has_color(&page, "wake", place, (8.0, 10.0)).await;
            assert_eq!(found, is_marked, "turn {turn}");
        }
        page.photograph("wakes").await;
    });
}
