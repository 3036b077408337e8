//! What a search says.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::env;
use std::future::{Future, pending, poll_fn};
use std::panic::catch_unwind;
use std::pin::Pin;
use std::process::Command;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use simloop::explore::{Explorer, Extent, Finding, explore};
use simloop::report::FailureKind;
use simloop::sync::{Event, Mutex, Notify};
use simloop::time::SystemTime;
use simloop::trace::Level;
use simloop::{
    Builder, choose, gather_all, sleep, spawn, spawn_blocking, spawn_named, task, yield_now,
};

use super::{all, explorer, letters};
use crate::secs;
use crate::snapshots::assert_shown;

#[test]
fn outcomes_are_counted_and_told_in_one_line_or_in_many() {
    let two = all(|| async { choose(3) > 0 });
    assert_eq!(
        two.to_string(),
        "all 3 schedules pass, 1 interleaving\n  outcomes: 2 of 3 schedules: true, the rest: false"
    );
    assert_shown("exploring", "outcomes", all(|| letters([2, 2, 1])));
}

#[test]
fn the_short_form_panics_with_the_report() {
    let panic = catch_unwind(|| {
        explore(|| async {
            assert!(choose(4) < 2, "planted");
        })
    });
    let text = panic.unwrap_err();
    let text = text.downcast_ref::<String>().unwrap();
    assert!(text.contains("planted") && text.ends_with(")"), "{text}");
    assert_shown("exploring", "short_form", text);
    assert_eq!(
        explore(|| async {}).to_string(),
        "1,000 runs pass (portfolio, seed 0), 1 interleaving"
    );
}

#[test]
fn a_finding_is_shown_as_in_the_report_less_how_it_was_found_and_what_else_there_was() {
    let program = || async {
        assert_ne!(letters([2, 1]).await, "baa", "planted");
        7
    };
    let exploration = explorer().random(50).max_failures(2).run(program);
    let report = exploration.to_string();
    let is_of_others =
        |line: &&str| line.starts_with("  found in ") || line.starts_with("  outcomes: ");
    let (of_others, own): (Vec<_>, Vec<_>) = report.lines().partition(is_of_others);
    assert_eq!(of_others.len(), 2, "{report}");
    assert_eq!(exploration.findings[0].to_string(), own.join("\n"));
}

#[test]
fn different_failures_are_told_apart_by_kind_and_place() {
    let exploration = all(|| async {
        let chosen = choose(6);
        match chosen {
            0 => Ok(()),
            1 | 2 => Err(format!("a number that is too small: {chosen}")),
            3 => std::future::pending().await,
            _ => panic!("a number that is too large: {chosen}"),
        }
    });
    let runs: Vec<_> = exploration.findings.iter().map(|finding| finding.runs).collect();
    assert_eq!(runs, [2, 1, 2]);
    assert_shown("exploring", "several_failures", &exploration);
}

#[test]
fn a_panic_is_known_by_its_line_whatever_it_says() {
    // The message is another in nearly each schedule.
    let told = || async {
        let order = letters([2, 2, 2]).await;
        assert!(!order.contains("cca"), "it came out as {order}");
    };
    let exhaustive = all(told);
    assert_eq!(exhaustive.findings.len(), 1);
    let simplest = &exhaustive.findings[0];
    let drawn = explorer().random(2_000).max_failures(9).run(told);
    assert_eq!(drawn.findings.len(), 1, "{drawn}");
    assert!(drawn.findings[0].is_simplest && drawn.findings[0].runs > 1);
    assert_eq!(drawn.findings[0].schedule, simplest.schedule);
    // The same message from two lines is that of two failures.
    let two_lines = all(|| async {
        match choose(3) {
            0 => {}
            1 => panic!("planted"),
            _ => panic!("planted"),
        }
    });
    assert_eq!(two_lines.findings.len(), 2);
}

#[test]
fn a_panic_that_is_passed_on_is_known_by_what_is_passed_on() {
    let exploration = all(|| async {
        let task = spawn_named("worker", async {
            match choose(3) {
                0 => {}
                1 => panic!("planted"),
                _ => panic!("planted elsewhere"),
            }
        });
        task.await.unwrap();
    });
    assert_eq!(exploration.findings.len(), 2);
}

#[test]
fn deadlocks_of_the_same_tasks_are_told_apart_by_what_they_wait_for() {
    let exploration = all(|| async {
        let name = ["ledger", "audit"][choose(2)];
        let lock = Mutex::new(()).named(name);
        let _held = lock.lock().await;
        let _again = lock.lock().await;
    });
    let told = |finding: &Finding| finding.failure.to_string().contains("mutex `audit`");
    assert_eq!(exploration.findings.iter().map(told).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn deadlocks_are_told_apart_by_whom_and_what_their_tasks_wait_for() {
    let exploration = all(|| async {
        let kept = std::rc::Rc::new(Cell::new(None));
        let named = |name: &str| spawn_named(name, std::future::pending::<()>());
        let kind = choose(13);
        match kind {
            0 => std::future::pending().await,
            1 => sleep(Duration::MAX).await,
            2 => {
                let keep = |cx: &mut std::task::Context<'_>| {
                    kept.set(Some(cx.waker().clone()));
                    std::task::Poll::Pending
                };
                std::future::poll_fn(keep).await
            }
            3 => named("one").await.unwrap(),
            4 => named("other").await.unwrap(),
            5 => Event::new().wait().await,
            6 => Notify::new().notified().await,
            // Who has spawned one of them.
            7 | 8 => {
                for (name, number) in [("one", 7), ("other", 8)] {
                    let leaf =
                        move || (kind == number).then(|| spawn_named("leaf", pending::<()>()));
                    spawn_named(name, async move { drop((leaf(), pending::<()>().await)) });
                }
                pending().await
            }
            // Whether another had its name before, in the same slot.
            11 | 12 => {
                let before = ["leaf", "other"][kind - 11];
                spawn_named(before, std::future::ready(())).await.unwrap();
                named("leaf").await.unwrap();
            }
            joined => {
                let tasks = [named("one"), named("other")];
                let mut tasks = tasks.into_iter().skip(joined - 9).collect::<Vec<_>>();
                tasks.swap_remove(0).await.unwrap();
            }
        }
    });
    assert_eq!(exploration.findings.len(), 13);
}

#[test]
fn deadlocks_are_told_apart_where_one_that_has_ended_left_a_wait_behind() {
    type Waiting = Pin<Box<dyn Future<Output = ()>>>;
    let waits: [fn() -> Waiting; 2] =
        [|| Box::pin(async { Event::new().wait().await }), || Box::pin(sleep(Duration::MAX))];
    for wait in waits {
        let exploration = all(move || async move {
            let (mut wait, is_left, left) = (wait(), choose(2) == 0, Rc::new(RefCell::new(None)));
            let kept = Rc::clone(&left);
            let first = async move {
                poll_fn(|cx| Poll::Ready(is_left && wait.as_mut().poll(cx).is_ready())).await;
                *kept.borrow_mut() = Some(wait);
            };
            spawn_named("first", first).await.unwrap();
            // In its slot, with the wait that it has left or with none.
            let second = async move {
                let wait = if is_left { None } else { left.take() };
                wait.unwrap_or_else(|| Box::pin(pending())).await;
            };
            spawn_named("second", second).await.unwrap();
        });
        assert_eq!(exploration.findings.len(), 2, "{exploration}");
    }
}

#[test]
fn a_search_for_more_failures_than_there_are_makes_all_its_runs() {
    let program = || async {
        let drawn = [choose(3), choose(3)];
        assert!(drawn[0] < 2, "planted");
    };
    let drawn = explorer().random(500).max_failures(2).run(program);
    assert_eq!((drawn.runs, drawn.findings.len()), (500, 1));
    let all = explorer().exhaustive().max_failures(2).run(program);
    assert_eq!((all.runs, all.findings.len(), all.findings[0].runs), (9, 1, 3));
    assert_eq!(all.extent, Extent::Complete);
}

#[test]
fn many_tasks_and_long_runs_fit_into_a_hundred_columns() {
    let exploration = explorer().exhaustive().max_deviations(1).run(|| async {
        let last = std::rc::Rc::new(Cell::new(0));
        let tasks = (0..14).map(|number| {
            let last = std::rc::Rc::clone(&last);
            spawn_named(&format!("worker with a long name {number}"), async move {
                for _ in 0..5 {
                    yield_now().await;
                }
                assert!(number != 2 || last.get() == 2, "planted");
                last.set(last.get() + 1);
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
    assert_shown("exploring", "many_tasks", &exploration);
    let columns = exploration.unwrap_finding().columns;
    assert!(columns.lines().all(|line| line.chars().count() <= 100), "{columns}");
}

#[test]
fn a_program_that_is_not_deterministic_is_told_before_anything_else() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let exploration = explorer().run(|| async {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        for _ in 0..run % 3 {
            yield_now().await;
        }
        spawn_named("child", async {}).await.unwrap();
    });
    assert_eq!((exploration.extent, exploration.runs), (Extent::Refused, 0));
    assert_shown("exploring", "not_deterministic", &exploration);
    let hash_order = explorer().audit(20).run(|| async {
        let map: HashMap<u32, u32> = (0..20).map(|key| (key, key)).collect();
        map.into_keys().collect::<Vec<_>>()
    });
    assert!(matches!(hash_order.failure().unwrap().kind(), FailureKind::NotDeterministic { .. }));
    assert_eq!(hash_order.findings[0].to_string(), hash_order.to_string());
}

#[test]
fn what_only_other_schedules_read_from_outside_is_seen_by_a_longer_audit() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let program = || async {
        if letters([1, 1]).await == "ba" {
            for _ in 0..RUNS.fetch_add(1, Ordering::Relaxed) {
                yield_now().await;
            }
        }
    };
    assert_eq!(explorer().random(1).run(program).extent, Extent::Drawn);
    assert_eq!(explorer().random(1).audit(20).run(program).extent, Extent::Refused);
}

#[test]
fn the_wall_clock_starts_in_each_run_where_it_is_set() {
    let since_epoch = secs(1_000);
    let exploration = explorer().exhaustive().start_time(since_epoch).run(|| async {
        choose(2);
        SystemTime::now().since_epoch().unwrap()
    });
    assert_eq!(exploration.outcomes.len(), 1);
    assert_eq!(exploration.outcomes[0].shown, format!("{since_epoch:?}"));
}

#[test]
fn each_run_of_a_search_begins_like_the_first_whatever_the_last_one_left() {
    let program = || async {
        let begun = (SystemTime::now().since_epoch(), simloop::rng().next_u64(), task::all().len());
        // What it leaves: another time of day, the workers and their time, a task that nobody awaits.
        SystemTime::set(SystemTime::UNIX_EPOCH + secs(7));
        let calls = gather_all((0..40).map(|_| spawn_blocking(secs(1), || ()))).await;
        spawn(pending::<()>());
        let letters = letters([1, 1]).await;
        (begun, calls.len(), simloop::now(), letters.len())
    };
    let explorer = explorer().seed(3).start_time(secs(5));
    for explorer in [
        explorer.clone().random(50),
        explorer.clone().portfolio(50),
        explorer.exhaustive().max_runs(50),
    ] {
        let exploration = explorer.run(program);
        assert_eq!(exploration.outcomes.len(), 1, "{exploration}");
    }
}

#[test]
fn a_handle_that_a_run_has_left_behind_does_no_harm_to_the_search() {
    thread_local!(static LEFT: Cell<Option<task::JoinHandle<()>>> = const { Cell::new(None) });
    let program = || async {
        // That run's loop is kept by the search, while another one explains what was found.
        if let Some(left) = LEFT.take() {
            assert!(left.await.unwrap_err().is_cancelled());
        }
        LEFT.set(Some(spawn(pending())));
        let racers = [1, 2].map(|number| spawn(async move { number }));
        for racer in racers {
            racer.await.unwrap();
        }
        assert!(task::all().is_empty(), "found");
    };
    for explorer in [explorer().random(20), explorer().exhaustive().max_runs(20)] {
        let exploration = explorer.run(program);
        assert!(exploration.failure().is_some(), "{exploration}");
        LEFT.take();
    }
}

#[test]
fn two_runs_are_compared_by_their_records_and_not_by_their_columns() {
    thread_local!(static RUNS: Cell<u32> = const { Cell::new(0) });
    // In this thread, each run but the first has a task more, with a name longer than all others.
    let exploration = explorer().run(|| async {
        yield_now().await;
        if RUNS.replace(RUNS.get() + 1) > 0 {
            spawn_named("a long name", yield_now()).await.unwrap();
        }
    });
    let shown = exploration.to_string();
    let expected = "\
the same schedule gave two different runs
  they part at record 5
      1  0s  main              woken by itself
      2  0s  main              polled
    a run in this thread:
      2  0s  main/a long name  spawned
    one in another:
      2  0s  main              completed
";
    assert!(shown.starts_with(expected), "{shown}");
}

#[test]
fn what_two_runs_differ_in_is_shown_however_long_the_line() {
    let home = std::thread::current().id();
    let exploration = explorer().run(move || async move {
        let place = if std::thread::current().id() == home { "here" } else { "elsewhere" };
        simloop::note!("{} {place}", "-".repeat(200));
    });
    let shown = exploration.to_string();
    assert!(shown.contains("--- here\n"), "{shown}");
    assert!(shown.contains("--- elsewhere\n"), "{shown}");
}

#[test]
fn a_program_that_asks_for_its_thread_is_told_whichever_run_is_the_longer() {
    let home = std::thread::current().id();
    let yields_where = |is_home: bool| {
        explorer().exhaustive().run(move || async move {
            spawn_named("child", async {}).await.unwrap();
            if (std::thread::current().id() == home) == is_home {
                yield_now().await;
            }
        })
    };
    let shown = [yields_where(true), yields_where(false)].map(|exploration| {
        assert_eq!((exploration.extent, exploration.runs), (Extent::Refused, 0));
        exploration.to_string()
    });
    assert_shown("exploring", "depends_on_thread", shown.join("\n\n"));
    // Without the audit nothing is said: all the runs are on one thread.
    let unaudited = explorer().exhaustive().audit(0).run(move || async move {
        assert_eq!(std::thread::current().id(), home);
    });
    assert_eq!(unaudited.extent, Extent::Complete);
}

#[test]
fn the_printed_line_brings_a_failure_back_a_thousand_times_of_a_thousand() {
    let program = || async {
        let order = letters([3, 3, 3]).await;
        assert!(!order.contains("cba"), "planted");
    };
    let finding = explorer().random(1_000).run(program).unwrap_finding();
    let text = finding.failure.to_string();
    let (_, line) = text.split_once("replay: Builder::new().replay(\"").unwrap();
    let line = line.strip_suffix("\")").unwrap();
    let replay = || Builder::new().trace(Level::Full).replay(line).run(program());
    let first = replay();
    for _ in 0..1_000 {
        let again = replay();
        assert_eq!(again.trace, first.trace);
        assert_eq!(again.failure(), first.failure());
        assert_eq!(again.schedule, finding.schedule);
    }
}

#[test]
fn a_failure_that_does_not_come_back_is_told_as_that() {
    // One run in a hundred fails, whatever its schedule.
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let exploration = explorer().random(1_000).run(|| async {
        assert_ne!(RUNS.fetch_add(1, Ordering::Relaxed) % 100, 50, "planted");
    });
    let finding = exploration.unwrap_finding();
    assert!(finding.sentence.starts_with("did not fail again with the same schedule"));
}

#[test]
fn a_search_inside_a_running_loop_says_so() {
    let exploration = Builder::new().run(async { explorer().run(|| async {}) }).unwrap();
    let text = exploration.to_string();
    let failure = exploration.unwrap_finding().failure;
    assert_eq!(text, failure.to_string(), "no run, no schedule and no table");
    assert!(matches!(failure.kind(), FailureKind::NestedLoop { .. }), "{failure}");
}

#[test]
fn what_a_loop_inside_a_run_says_is_the_same_when_the_run_is_made_again() {
    let nested = || async {
        let before = letters([1, 2]).await;
        let refused = Builder::new().run(async {}).outcome.unwrap_err().to_string();
        (letters([2, 1]).await, before, refused)
    };
    let drawn = explorer().random(20).audit(10).run(nested).unwrap();
    assert_eq!(drawn.runs, 20);
    assert!(drawn.outcomes[0].shown.contains("a loop was started inside a running loop at 0s"));
    assert_eq!(explorer().exhaustive().run(nested).unwrap().extent, Extent::Complete);
}

/// Runs a test of this process in a process of its own, and returns what it prints.
fn in_child(test: &str, variables: &[(&str, &str)]) -> std::process::Output {
    let name = format!("exploring::reports::{test}");
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", &name, "--nocapture"]).env(CHILD, "1");
    for name in ["SIMLOOP_SEED", "SIMLOOP_RUNS", "SIMLOOP_REPLAY", "SIMLOOP_SHARD"] {
        child.env_remove(name);
    }
    child.envs(variables.iter().copied()).output().unwrap()
}

/// Set in such a process.
const CHILD: &str = "SIMLOOP_TEST_IN_A_PROCESS_OF_ITS_OWN";

/// Of how many seeds its search has.
const SEEDS: &str = "SIMLOOP_TEST_SEEDS";

#[test]
fn of_all_the_panics_of_a_search_one_is_printed_if_backtraces_are_wanted() {
    if env::var_os(CHILD).is_some() {
        let _ = explorer().random(1_000).max_failures(usize::MAX).run(|| async {
            let order = letters([2, 2]).await;
            assert_ne!(order, "bbaa", "planted");
        });
        let _ = std::thread::spawn(|| panic!("of somebody else")).join();
        return;
    }
    for (wanted, printed) in [("1", 1), ("0", 0), ("", 1)] {
        let test = "of_all_the_panics_of_a_search_one_is_printed_if_backtraces_are_wanted";
        let output = in_child(test, &[("RUST_BACKTRACE", wanted)]);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.matches("failed: planted").count(), printed, "{text}");
        assert_eq!(text.matches("of somebody else").count(), 1, "{text}");
    }
}

#[test]
fn the_environment_of_the_process_overrides_what_is_set() {
    if env::var_os(CHILD).is_some() {
        let seeds = env::var(SEEDS).map_or(1, |seeds| seeds.parse().unwrap());
        let exploration = Explorer::new().random(99).max_runs(40).seeds(seeds).run(|| async {
            letters([2, 2]).await;
        });
        println!("<{exploration}>");
        return;
    }
    let said = |variables: &[(&str, &str)]| {
        let test = "the_environment_of_the_process_overrides_what_is_set";
        let output = in_child(test, variables);
        let text = String::from_utf8(output.stdout).unwrap();
        let (start, end) = (text.find('<').unwrap() + 1, text.rfind('>').unwrap());
        text[start..end].to_owned()
    };
    assert_eq!(said(&[]), "40 runs pass (random, seed 0), 10 interleavings");
    assert_eq!(
        said(&[("SIMLOOP_SEED", "7"), ("SIMLOOP_RUNS", "3")]),
        "3 runs pass (random, seed 7), 3 interleavings"
    );
    assert_eq!(
        said(&[("SIMLOOP_SHARD", "2/3")]),
        "13 runs pass (random, seed 0) in shard 2 of 3, 7 interleavings"
    );
    assert_eq!(
        said(&[("SIMLOOP_REPLAY", "v1:2=1/2")]),
        "the replayed schedule passes, 1 interleaving"
    );
    assert!(said(&[("SIMLOOP_REPLAY", "v1:2=1/3")]).starts_with("replay diverged at turn 2 (0s)"));
    let said_of_eight = |variable| said(&[(SEEDS, "8"), variable]);
    assert_eq!(
        said_of_eight(("SIMLOOP_RUNS", "16")),
        "16 runs pass (random, seeds 0 to 7), 8 interleavings"
    );
    assert_eq!(
        said_of_eight(("SIMLOOP_SEED", "3")),
        "40 runs pass (random, seed 3), 8 interleavings"
    );
    assert_eq!(
        said_of_eight(("SIMLOOP_REPLAY", "v1:2=1/2")),
        "the replayed schedule passes, 1 interleaving"
    );
    assert_eq!(
        said(&[("SIMLOOP_SHARD", "5/3")]),
        "nothing was run: SIMLOOP_SHARD=\"5/3\" has neither the form `i/n`, with i from 1 to n and n up to \
         4294967295, nor is it `auto`"
    );
}
