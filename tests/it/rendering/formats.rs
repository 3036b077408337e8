//! Traces for other tools, read back as those tools do.

use std::collections::BTreeSet;

use simloop::report::{Deadlock, FailureKind};

use super::programs;

/// Reads a sequence diagram by the part of Mermaid's grammar that we write, and returns its participants.
pub(super) fn read_mermaid(text: &str) -> Vec<String> {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("sequenceDiagram"));
    let (mut participants, mut ids) = (Vec::new(), BTreeSet::new());
    for line in lines.map(|line| line.strip_prefix("    ").expect("lines are set in")) {
        let said = if let Some(rest) = line.strip_prefix("participant ") {
            let (id, name) = rest.split_once(" as ").expect("a name");
            assert!(ids.insert(id.to_owned()), "twice: {line}");
            participants.push(decoded(name));
            name
        } else if let Some(rest) = line.strip_prefix("note over ") {
            let (over, text) = rest.split_once(": ").expect("a text");
            assert!(over.split(',').all(|id| ids.contains(id)), "{line}");
            text
        } else {
            let (ends, text) = line.split_once(": ").expect("a text");
            let arrow = ["-->>", "->>", "-x"].into_iter().find(|arrow| ends.contains(arrow));
            let (from, to) = ends.split_once(arrow.expect("an arrow")).expect("two ends");
            assert!(ids.contains(from) && ids.contains(to), "{line}");
            text
        };
        assert!(!said.is_empty() && !said.eq_ignore_ascii_case("end"), "{line}");
        // `#` and `;` only where they are a character's code.
        decoded(said);
        assert!(!said.contains(['<', '>', '"', '%', ':', '{', '}', '\\']), "{line}");
    }
    participants
}

/// Undoes the codes of characters.
fn decoded(text: &str) -> String {
    let mut pieces = text.split('#');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_once(';').expect("a code ends");
        out.push(code.parse().ok().and_then(char::from_u32).expect("the code of a character"));
        out.push_str(rest);
    }
    assert!(
        !out.contains('\n') && text.matches('#').count() == text.matches(';').count(),
        "{text}"
    );
    out
}

#[test]
fn every_program_has_a_sequence_diagram() {
    for (_, report) in programs::all() {
        let text = report.trace.mermaid().to_string();
        let participants = read_mermaid(&text);
        if !report.trace.is_empty() {
            let paths = report.trace.tasks().map(|task| report.trace.path(task).unwrap());
            assert!(participants.iter().zip(paths).all(|(shown, path)| shown == path), "{text}");
        }
    }
}

#[test]
fn a_sequence_diagram_of_a_thousand_tasks_is_short_enough_for_mermaid_and_counts_the_others() {
    let text = programs::thousand().trace.mermaid().to_string();
    assert_eq!(read_mermaid(&text).len(), 16);
    assert!(text.len() < 50_000);
    assert!(text.ends_with(" more, 985 tasks not shown\n"), "{text}");
}

#[test]
fn a_sequence_diagram_of_strange_notes_is_short_enough_too() {
    let report = crate::traced(async {
        for _ in 0..300 {
            simloop::note!("{}", "<&>".repeat(30));
        }
    });
    let text = report.trace.mermaid().to_string();
    read_mermaid(&text);
    assert!((25_000..50_000).contains(&text.len()), "{}", text.len());
    assert!(text.ends_with(" more, 0 tasks not shown\n"), "{text}");
}

fn deadlock() -> Deadlock {
    let failure = programs::deadlock().unwrap_failure();
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    deadlock.clone()
}

/// Reads a graph by the part of the DOT language that we write: nodes with labels, and arrows with labels
/// from node to node. Returns the arrows with the labels of their ends, and whether each is bold.
pub(super) fn read_dot(text: &str) -> Vec<(String, String, String, bool)> {
    let body = text.strip_prefix("digraph deadlock {\n").and_then(|text| text.strip_suffix("}\n"));
    let (mut nodes, mut arrows) = (std::collections::BTreeMap::new(), Vec::new());
    for line in body.expect("a graph").lines() {
        let line = line.trim_start().strip_suffix(';').expect("a statement ends");
        let Some((ends, attributes)) = line.split_once(" [") else { continue };
        let Some((_, label)) = attributes.split_once("label=\"") else { continue };
        let mut end = None;
        for (place, _) in label.match_indices('"') {
            let is_escaped =
                label[..place].chars().rev().take_while(|&c| c == '\\').count() % 2 == 1;
            if !is_escaped {
                assert_eq!(end.replace(place), None, "one end: {line}");
            }
        }
        let (label, rest) = label.split_at(end.expect("a label ends"));
        let label = label.replace("\\\"", "\"").replace("\\\\", "\\");
        match ends.split_once(" -> ") {
            Some((from, to)) => {
                let name = |id: &str| String::clone(&nodes[id]);
                arrows.push((name(from), name(to), label, rest.contains("style=bold")));
            }
            None => assert_eq!(nodes.insert(ends.to_owned(), label), None, "twice: {line}"),
        }
    }
    arrows
}

#[test]
fn the_graph_of_a_deadlock_has_an_arrow_for_each_wait_and_the_cycle_in_bold() {
    let dot = deadlock().dot().to_string();
    let arrows = read_dot(&dot);
    let bold: BTreeSet<_> =
        arrows.iter().filter(|arrow| arrow.3).map(|(from, to, ..)| (&**from, &**to)).collect();
    let cycle = [
        ("main/worker[0]", "mutex `audit`"),
        ("main/worker[1]", "mutex `ledger`"),
        ("mutex `audit`", "main/worker[1]"),
        ("mutex `ledger`", "main/worker[0]"),
    ];
    assert_eq!(bold, BTreeSet::from(cycle));
    let joins = ("main".into(), "main/worker[0]".into(), "joins since 0s".into(), false);
    assert!(arrows.contains(&joins), "{dot}");
}

#[test]
fn names_in_a_graph_stay_names() {
    let report = simloop::Builder::new().run(async {
        let handles =
            programs::HOSTILE.map(|name| simloop::spawn_named(name, std::future::pending::<()>()));
        for handle in handles {
            handle.await.unwrap();
        }
    });
    let failure = report.unwrap_failure();
    let FailureKind::Deadlock(deadlock) = failure.kind() else { panic!("{failure}") };
    let arrows = read_dot(&deadlock.dot().to_string());
    assert_eq!(arrows.len(), 1 + programs::HOSTILE.len());
    let from: BTreeSet<&str> = arrows.iter().map(|(from, ..)| &**from).collect();
    assert!(deadlock.waiting.iter().all(|task| from.contains(&*task.path)), "{from:?}");
}

#[cfg(feature = "serde")]
mod json {
    use std::collections::BTreeMap;

    use serde_json::Value;
    use simloop::Report;
    use simloop::trace::{Event, Waker};

    use super::*;

    fn events(report: &Report) -> Vec<Value> {
        let text = report.trace.perfetto().to_string();
        let mut json: Value = serde_json::from_str(&text).unwrap();
        json["traceEvents"].as_array_mut().map(std::mem::take).unwrap()
    }

    #[test]
    fn every_task_is_a_track_with_its_name_and_slices_that_do_not_overlap() {
        for (name, report) in programs::all() {
            let events = events(&report);
            let mut names = BTreeMap::new();
            let mut ends: BTreeMap<u64, f64> = BTreeMap::new();
            for event in &events {
                let tid = event["tid"].as_u64().unwrap();
                match event["ph"].as_str().unwrap() {
                    "M" if event["name"] == "thread_name" => {
                        names.insert(tid, event["args"]["name"].as_str().unwrap().to_owned());
                    }
                    "X" => {
                        let start = event["ts"].as_f64().unwrap();
                        let end = ends.entry(tid).or_default();
                        assert!(start >= *end - 1e-4, "{name}: {event} begins before {end}");
                        *end = start + event["dur"].as_f64().unwrap();
                    }
                    _ => {}
                }
            }
            let mut paths: Vec<_> =
                report.trace.tasks().map(|task| report.trace.path(task).unwrap()).collect();
            paths.sort_unstable();
            let mut names: Vec<_> = names.values().map(String::as_str).collect();
            names.sort_unstable();
            assert_eq!(names, paths, "{name}");
        }
    }

    #[test]
    fn a_flow_leads_from_the_poll_that_woke_to_the_task_that_is_ready() {
        let (_, report) = programs::all().swap_remove(1);
        let events = events(&report);
        let slice_at = |flow: &Value| {
            let ts = flow["ts"].as_f64().unwrap();
            let slice = events.iter().find(|event| {
                let ends = event["dur"].as_f64().map(|dur| event["ts"].as_f64().unwrap() + dur);
                event["tid"] == flow["tid"]
                    && event["ts"].as_f64().unwrap() <= ts
                    && ends.is_some_and(|end| ts < end - 1e-4)
            });
            slice.map(|slice| slice["name"].as_str().unwrap())
        };
        let mut flows = 0;
        for start in events.iter().filter(|event| event["ph"] == "s") {
            let is_end = |event: &&Value| event["ph"] == "f" && event["id"] == start["id"];
            let end = events.iter().find(is_end).expect("a flow ends");
            // A task that is dropped wakes others in no poll of its own.
            let is_dropped =
                |event: &Value| event["name"] == "cancelled" && event["tid"] == start["tid"];
            if !events.iter().any(is_dropped) {
                assert_eq!(slice_at(start), Some("polled"), "{start}");
            }
            assert_eq!(slice_at(end), Some("ready"), "{end}");
            flows += 1;
        }
        assert!(flows > 2, "{flows}");
    }

    #[test]
    fn each_wake_of_another_task_is_a_flow_whose_two_ends_have_a_number_of_their_own() {
        for (name, report) in programs::all() {
            let (events, trace) = (events(&report), &report.trace);
            let is_name = |event: &&Value| event["name"] == "thread_name";
            let tracks: BTreeMap<u64, &str> = events
                .iter()
                .filter(is_name)
                .map(|event| {
                    (event["tid"].as_u64().unwrap(), event["args"]["name"].as_str().unwrap())
                })
                .collect();
            let ends = |phase: &str| {
                let mut ends = BTreeMap::new();
                for event in events.iter().filter(|event| event["ph"] == *phase) {
                    let end = (tracks[&event["tid"].as_u64().unwrap()], event["ts"].to_string());
                    let before = ends.insert(event["id"].as_u64().unwrap(), end);
                    assert_eq!(before, None, "{name}: twice {event}");
                }
                ends
            };
            let (starts, finishes) = (ends("s"), ends("f"));
            assert!(starts.keys().eq(finishes.keys()), "{name}");
            let both = starts.values().zip(finishes.values());
            let drawn = both.map(|((from, left), (to, reached))| {
                assert_eq!(left, reached, "{name}: a wake takes no time");
                (*from, *to)
            });
            let told = trace.records().filter_map(|record| match (record.task, record.event) {
                (Some(task), Event::Woken { by: Waker::Task(waker), .. }) if waker != task => {
                    Some((trace.path(waker)?, trace.path(task)?))
                }
                _ => None,
            });
            assert_eq!(drawn.collect::<Vec<_>>(), told.collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn the_counter_of_ready_tasks_is_what_each_poll_finds() {
        for (name, report) in programs::all().into_iter().filter(|(name, _)| *name != "tasks_only")
        {
            let events = events(&report);
            for record in report.trace.records() {
                let Event::Polled { ready, .. } = record.event else { continue };
                let is_poll = |event: &&Value| {
                    event["name"] == "polled" && event["args"]["turn"] == record.turn
                };
                let ts = events.iter().find(is_poll).expect("a slice")["ts"].as_f64().unwrap();
                let is_before = |event: &&Value| {
                    event["name"] == "ready tasks" && event["ts"].as_f64().unwrap() < ts
                };
                let last = events.iter().rfind(is_before).expect("a count");
                assert_eq!(last["args"]["count"], ready, "{name}: turn {}", record.turn);
            }
        }
    }

    #[test]
    fn the_counter_of_timers_goes_up_and_down_with_each() {
        let (_, gather) = programs::all().into_iter().find(|(name, _)| *name == "gather").unwrap();
        let events = events(&gather);
        let counts = events.iter().filter(|event| event["name"] == "timers");
        let counts: Vec<_> = counts.map(|event| event["args"]["count"].as_u64().unwrap()).collect();
        assert_eq!(counts, [1, 2, 3, 2, 1, 0]);
    }

    #[test]
    fn counters_of_ready_tasks_and_timers_end_at_zero() {
        for (name, report) in programs::all() {
            if name == "empty" || name == "tasks_only" {
                // Who is ready and which timers there are has not been recorded.
                assert!(events(&report).iter().all(|event| event["ph"] != "C"), "{name}");
                continue;
            }
            let mut counts = BTreeMap::new();
            for event in events(&report).iter().filter(|event| event["ph"] == "C") {
                let name = event["name"].as_str().unwrap().to_owned();
                let count = event["args"]["count"].as_u64().unwrap();
                let (last, most) = counts.entry(name).or_insert((0, 0));
                (*last, *most) = (count, count.max(*most));
            }
            assert_eq!(counts["ready tasks"].0, 0, "{name}");
            assert!(counts["ready tasks"].1 >= 1, "{name}");
            assert!(
                counts.get("timers").is_none_or(|&(last, most)| last == 0 && most > 0),
                "{name}"
            );
        }
    }

    #[test]
    fn each_record_is_a_line_as_the_schema_says() {
        let schema = include_str!("../../../docs/design/json_lines.md");
        for (name, report) in programs::all() {
            let text = report.trace.json_lines().to_string();
            let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let head = lines.next().unwrap();
            assert_eq!(head["format"], "simloop-trace");
            assert_eq!(head["records"], report.trace.len());
            let records: Vec<_> = report.trace.records().collect();
            let lines: Vec<_> = lines.collect();
            assert_eq!(lines.len(), records.len(), "{name}");
            for (line, record) in lines.iter().zip(&records) {
                assert_eq!(line["turn"], record.turn);
                assert_eq!(line["at"], record.at.as_nanos());
                assert_eq!(line["task"].as_u64(), record.task.map(|task| task.as_u64()));
                let path = record.task.and_then(|task| report.trace.path(task));
                assert_eq!(line["path"].as_str(), path);
                for (key, value) in line.as_object().unwrap() {
                    assert!(schema.contains(&format!("`{key}`")), "the schema has no key `{key}`");
                    if key == "event" {
                        assert!(
                            schema.contains(&format!("`{}`", value.as_str().unwrap())),
                            "{line}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_schema_shows_what_is_written() {
        let report = crate::traced(programs::nap());
        let schema = include_str!("../../../docs/design/json_lines.md");
        assert!(schema.contains(&format!("```text\n{}```", report.trace.json_lines())));
    }
}
