//! SVG pictures: as snapshots, and as XML.

use proptest::prelude::*;
use roxmltree::{Document, Node};
use simloop::trace::Level;
use simloop::{Builder, sleep, spawn_named, time, yield_now};

use super::programs::{self, HOSTILE};
use crate::{millis, secs, traced};

/// The elements of a class, in the order in which they are drawn; the legend has some too, without titles.
fn of_class<'a>(picture: &'a Document<'_>, class: &'a str) -> Vec<Node<'a, 'a>> {
    picture.descendants().filter(|node| node.attribute("class") == Some(class)).collect()
}

fn title<'a>(node: Node<'a, 'a>) -> Option<&'a str> {
    node.children().find(|child| child.has_tag_name("title"))?.text()
}

fn number(node: Node<'_, '_>, name: &str) -> u64 {
    node.attribute(name).and_then(|text| text.parse().ok()).expect("a whole number")
}

/// Checks what holds for each picture: it is XML, needs nothing from outside, and is told in titles.
pub(super) fn checked(svg: &str) -> Document<'_> {
    let picture = Document::parse(svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
    let root = picture.root_element();
    let (width, height) = (number(root, "width"), number(root, "height"));
    assert!(root.attribute("aria-label").is_some_and(|label| !label.is_empty()));
    let kinds = ["svg", "style", "defs", "pattern", "rect", "path", "text", "title", "g"];
    for node in picture.descendants().filter(Node::is_element) {
        assert!(kinds.contains(&node.tag_name().name()), "{node:?} in {svg}");
        assert!(node.attributes().all(|attribute| !attribute.name().starts_with("on")), "{node:?}");
    }
    assert!(!svg.replace("http://www.w3.org/2000/svg", "").contains("http"), "{svg}");
    let bars =
        picture.descendants().filter(|node| node.has_tag_name("rect") && title(*node).is_some());
    for bar in bars {
        assert!(number(bar, "x") + number(bar, "width") <= width, "{bar:?} in {svg}");
        assert!(number(bar, "y") + number(bar, "height") <= height, "{bar:?} in {svg}");
    }
    picture
}

#[test]
fn every_program_has_its_picture() {
    for (name, report) in programs::all() {
        let svg = report.trace.svg().to_string();
        checked(&svg);
        assert!(svg.contains(" role=\"img\" aria-label=\""), "{name}");
    }
}

#[test]
fn a_bar_for_each_stretch_says_what_the_task_does_from_when_to_when() {
    let report = traced(async {
        spawn_named("nap", sleep(secs(1))).await.unwrap();
        time::block_for(millis(500));
    });
    let svg = report.trace.svg().to_string();
    let picture = checked(&svg);
    let titles =
        |class| of_class(&picture, class).into_iter().filter_map(title).collect::<Vec<_>>();
    assert_eq!(
        titles("runs"),
        [
            "main: polled at 0s, turn 1",
            "main: polled at 1s, turn 4",
            "main: polled at 1.5s, turn 4",
            "main/nap: polled at 0s, turn 2",
            "main/nap: polled at 1s, turn 3",
        ]
    );
    assert_eq!(titles("joins"), ["main: joins main/nap, from 0s to 1s (1s)"]);
    assert_eq!(titles("timed"), ["main/nap: sleeps until 1s, from 0s to 1s (1s)"]);
    assert_eq!(titles("blocks"), ["main: blocks the loop from 1s to 1.5s (500ms), turn 4"]);
    assert_eq!(titles("wake"), ["main/nap wakes main, at 1s, turn 3"]);
}

#[test]
fn a_legend_explains_what_is_in_the_picture_and_nothing_else() {
    let legend = |svg: &str| {
        let picture = checked(svg);
        let keys = of_class(&picture, "key");
        keys.iter().filter_map(Node::text).map(str::to_owned).collect::<Vec<_>>()
    };
    let nap = traced(programs::nap()).trace.svg().to_string();
    assert_eq!(legend(&nap), ["is polled", "is ready", "sleeps", "its timer fires", "completed"]);
    let lived = Builder::new().trace(Level::Tasks).run(programs::nap()).trace.svg().to_string();
    assert_eq!(legend(&lived), ["lives", "completed"]);
}

#[test]
fn each_kind_of_bar_mark_and_arrow_is_in_the_legend_once() {
    for (name, report) in programs::all().into_iter().chain([("thousand", programs::thousand())]) {
        let svg = report.trace.svg().to_string();
        let picture = checked(&svg);
        let classes = |is_wanted: &dyn Fn(Node<'_, '_>) -> bool| {
            let drawn = picture.descendants().filter(|node| !node.has_tag_name("text"));
            let drawn = drawn.filter(|&node| node.has_attribute("class") && is_wanted(node));
            drawn.filter_map(|node| node.attribute("class")).collect::<Vec<_>>()
        };
        let mut used = classes(&|node| title(node).is_some());
        used.sort_unstable();
        used.dedup();
        let mut explained = classes(&|node| {
            let next = node.next_sibling_element();
            next.is_some_and(|next| next.attribute("class") == Some("key"))
        });
        explained.sort_unstable();
        assert_eq!(explained, used, "{name}");
    }
}

#[test]
fn names_and_notes_stay_text_whatever_is_in_them() {
    let svg = programs::all().into_iter().find(|(name, _)| *name == "names").unwrap().1;
    let svg = svg.trace.svg().to_string();
    let picture = checked(&svg);
    let titles: Vec<&str> = of_class(&picture, "note").into_iter().filter_map(title).collect();
    assert_eq!(titles.len(), HOSTILE.len());
    assert!(titles[0].contains("note: \"quoted' & <b>bold</b>"), "{titles:?}");
    assert!(titles[2].contains(r"note: two\nlines\r\tand a tab"), "{titles:?}");
    assert!(titles[3].contains(r"note: שלום \u{202e}turned"), "{titles:?}");
}

#[test]
fn a_picture_of_a_thousand_tasks_draws_the_last_of_them_together_and_says_so() {
    let svg = programs::thousand().trace.svg().to_string();
    let picture = checked(&svg);
    let names = of_class(&picture, "name").len();
    assert_eq!(names, 48);
    let rest = of_class(&picture, "name rest");
    assert_eq!(rest[0].text(), Some("and 953 more"));
    let keys = of_class(&picture, "key");
    let keys: Vec<_> = keys.iter().filter_map(Node::text).collect();
    assert!(
        keys.contains(&"the last row is of 953 tasks together, without timers and completions")
    );
    assert!(svg.len() < 200_000, "{} bytes", svg.len());
}

#[test]
fn a_picture_of_many_turns_stays_small_and_counts_what_it_leaves_out() {
    let report = traced(async {
        let spin = |name| {
            spawn_named(name, async {
                for _ in 0..3_000 {
                    yield_now().await;
                    simloop::note!("again");
                }
            })
        };
        let tasks = [spin("a"), spin("b"), spin("c"), spin("d")];
        for task in tasks {
            task.await.unwrap();
        }
    });
    let svg = report.trace.svg().to_string();
    let picture = checked(&svg);
    assert!(svg.len() < 500_000, "{} bytes", svg.len());
    let keys = of_class(&picture, "key");
    let keys: Vec<_> = keys.iter().filter_map(Node::text).collect();
    assert!(keys.iter().any(|key| key.starts_with("turns share pixels")), "{keys:?}");
    let marks = of_class(&picture, "note").into_iter().chain(of_class(&picture, "woken"));
    let drawn = marks.filter(|node| title(*node).is_some()).count();
    let left = format!("{} marks lie under others", 24_000 - drawn);
    assert!(keys.iter().any(|key| key.starts_with(&left)), "{left}: {keys:?}");
}

#[test]
fn a_picture_has_the_width_that_it_is_asked_for() {
    let svg = programs::thousand().trace.svg().width(500).to_string();
    assert_eq!(number(checked(&svg).root_element(), "width"), 500);
}

proptest! {
    /// Whatever the program: the picture is well formed, bars of a row do not overlap, and it is the same
    /// picture the second time.
    #[test]
    fn pictures_are_well_formed_and_the_same_every_time(
        tasks in prop::collection::vec(prop::collection::vec(0..5_000_u64, 0..6), 0..70),
        blocks in any::<bool>(),
        width in 400..2_000_u32,
    ) {
        let program = move |tasks: Vec<Vec<u64>>| async move {
            for delays in tasks {
                spawn_named("w", async move {
                    for delay in delays {
                        if blocks && delay % 7 == 0 {
                            time::block_for(millis(delay));
                        }
                        sleep(millis(delay * delay)).await;
                    }
                });
            }
            sleep(secs(20_000)).await;
        };
        let report = traced(program(tasks.clone()));
        let svg = report.trace.svg().width(width).to_string();
        let picture = checked(&svg);
        let mut free = std::collections::BTreeMap::new();
        for bar in picture.descendants().filter(|node| node.has_tag_name("rect") && title(*node).is_some()) {
            if bar.attribute("class") == Some("cut") {
                continue;
            }
            let row = (number(bar, "y") - 62) / 26;
            let left = free.entry(row).or_insert(0);
            prop_assert!(number(bar, "x") >= *left, "{bar:?} overlaps in {svg}");
            *left = number(bar, "x") + number(bar, "width");
        }
        let again = traced(program(tasks));
        prop_assert_eq!(again.trace.svg().width(width).to_string(), svg);
    }
}
