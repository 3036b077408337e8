//! Pictures of runs, and an index page that links them: `cargo run --example gallery -- DIR`, where `DIR` is
//! `target/gallery` unless given. With the feature `serde` it writes the files for other tools as well.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use simloop::explore::Explorer;
use simloop::policy::Random;
use simloop::report::FailureKind;
use simloop::trace::{Level, Trace};
use simloop::{Builder, Failure, Report};

#[expect(dead_code, reason = "the gallery has a picture of the day, and no table of it")]
#[path = "../print_shop.rs"]
mod print_shop;
mod programs;
#[expect(dead_code, reason = "the gallery has a picture of one of the tour's programs")]
#[path = "../asyncio_tour/programs.rs"]
mod tour;

struct Exhibit {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    trace: Trace,
    failure: Option<Failure>,
    page: String,
}

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map_or(PathBuf::from("target/gallery"), PathBuf::from);
    fs::create_dir_all(&directory)?;
    let exhibits = exhibits();
    let mut index = String::from(HEAD);
    for exhibit in &exhibits {
        exhibit.write(&directory, &mut index)?;
    }
    index.push_str("</main>\n</body>\n</html>\n");
    fs::write(directory.join("index.html"), index)?;
    println!("{} runs; open {}", exhibits.len(), directory.join("index.html").display());
    Ok(())
}

fn exhibits() -> Vec<Exhibit> {
    let traced = || Builder::new().trace(Level::Full);
    vec![
        Exhibit::new(
            "tour",
            "Blocking against cooperative",
            "Three greetings block the loop for a second each; then three tasks wait together.",
            traced().run(tour::blocking_against_cooperative()),
        ),
        Exhibit::new(
            "shop",
            "A shop, a panic and a night, in a random order",
            "Every end that a task can come to, and ten hours in which nothing happens.",
            traced().policy(Random::new(2)).run(programs::shop()),
        ),
        Exhibit::new(
            "deadlock",
            "A deadlock of two transfers",
            "Each has one lock and wants the other\'s; the page draws the cycle.",
            traced().run(programs::deadlock()),
        ),
        race(),
        Exhibit::new(
            "print_shop",
            "A day at the print shop",
            "Customers upload over a line that loses data, wait for one of two printers, and pay.",
            traced().seed(5).run(print_shop::day()).map(drop),
        ),
        Exhibit::new(
            "fan",
            "A thousand requests at once",
            "Zoom, search and sort: the page holds every record, the picture what fits.",
            traced().run(programs::fan()),
        ),
    ]
}

/// An order in which an update is lost, shrunk to the fewest deviations, beside the nearest run that passes.
fn race() -> Exhibit {
    let (name, title) = ("race", "A lost update, found and shrunk");
    let explorer = Explorer::new().ignore_environment(true);
    let finding = explorer.run(programs::lost_update).unwrap_finding();
    let page = finding.html().title(title).to_string();
    let (trace, failure) = (finding.trace().clone(), Some(finding.failure));
    let about = "Found by a search; the page switches between the run that fails and the nearest that passes.";
    Exhibit { name, title, about, trace, failure, page }
}

impl Exhibit {
    fn new(
        name: &'static str,
        title: &'static str,
        about: &'static str,
        report: Report,
    ) -> Exhibit {
        let page = report.html().title(title).about(about).to_string();
        let Report { trace, outcome, .. } = report;
        Exhibit { name, title, about, trace, failure: outcome.err(), page }
    }

    /// Writes the files, and their place in the index.
    fn write(&self, directory: &Path, index: &mut String) -> io::Result<()> {
        let Exhibit { name, title, about, trace, failure, page } = self;
        let mut links = String::new();
        let mut write = |extension: &str, label: &str, text: &str| {
            let file = format!("{name}.{extension}");
            fs::write(directory.join(&file), text)?;
            write!(links, "<a href=\"{file}\">{label}</a> ").expect("a string takes all text");
            io::Result::Ok(())
        };
        write("html", "page", page)?;
        write("svg", "picture", &trace.svg().to_string())?;
        write("txt", "lanes", &trace.lanes().to_string())?;
        write("columns.txt", "columns", &trace.columns().to_string())?;
        write("trace.txt", "trace", &trace.to_string())?;
        write("statistics.txt", "statistics", &trace.statistics().to_string())?;
        write("mmd", "Mermaid", &trace.mermaid().to_string())?;
        if let Some(FailureKind::Deadlock(deadlock)) = failure.as_ref().map(Failure::kind) {
            write("dot", "wait-for graph", &deadlock.dot().to_string())?;
        }
        #[cfg(feature = "serde")]
        {
            write("json", "for Perfetto", &trace.perfetto().to_string())?;
            write("jsonl", "JSON Lines", &trace.json_lines().to_string())?;
        }
        let failure = failure.as_ref().map_or(String::new(), |failure| {
            format!("<pre>{}</pre>\n", escaped(&failure.to_string()))
        });
        write!(
            index,
            "<section>\n<h2><a href=\"{name}.html\">{title}</a></h2>\n<p>{about}</p>\n\
             <a class=\"picture\" href=\"{name}.html\"><img src=\"{name}.svg\" alt=\"{title}, as lanes\"></a>\n\
             {failure}<p class=\"links\">{links}</p>\n</section>\n"
        )
        .expect("a string takes all text");
        Ok(())
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width\">
<title>Runs on a simulated clock</title>
<style>
:root { color-scheme: light dark; --line: light-dark(#d1d9e0, #30363d); --raised: light-dark(#f6f8fa, #161b22);
  --link: light-dark(#0550ae, #79c0ff); --dim: light-dark(#59636e, #9ba5b0) }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1rem; font: 15px/1.5 system-ui, sans-serif;
  background: light-dark(#fff, #0d1117); color: light-dark(#1f2328, #e6edf3) }
h1 { font-size: 1.6rem; margin: 0 0 1.5rem }
h2 { font-size: 1.1rem; margin: 0 }
a { color: var(--link) }
h2 a { text-decoration: none }
section { border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.2rem; margin-bottom: 1.4rem }
section p { margin: .2rem 0 .8rem; color: var(--dim) }
.picture { display: block; max-height: 32rem; overflow: hidden; border: 1px solid var(--line); border-radius: 6px }
img { max-width: 100%; display: block }
pre { overflow-x: auto; background: var(--raised); border-radius: 6px; padding: .7rem 1rem; font-size: 12px }
.links { margin: .8rem 0 0 }
.links a { margin-right: .8rem }
</style>
</head>
<body>
<main>
<h1>Runs on a simulated clock</h1>
";
