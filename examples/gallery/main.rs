//! Pictures of runs, and an index page that links them: `cargo run --example gallery -- DIR`, where `DIR` is
//! `target/gallery` unless given. With the feature `serde` it writes the files for other tools as well.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use simloop::policy::Random;
use simloop::report::FailureKind;
use simloop::trace::Level;
use simloop::{Builder, Failure, Report};

mod programs;
#[expect(dead_code, reason = "the gallery has a picture of one of the tour's programs")]
#[path = "../asyncio_tour/programs.rs"]
mod tour;

struct Exhibit {
    name: &'static str,
    title: &'static str,
    report: Report,
}

fn main() -> io::Result<()> {
    let directory = env::args_os().nth(1).map_or(PathBuf::from("target/gallery"), PathBuf::from);
    fs::create_dir_all(&directory)?;
    let traced = || Builder::new().trace(Level::Full);
    let exhibits = [
        Exhibit {
            name: "tour",
            title: "Blocking against cooperative",
            report: traced().run(tour::blocking_against_cooperative()),
        },
        Exhibit {
            name: "shop",
            title: "A shop, a panic and a night, in a random order",
            report: traced().policy(Random::new(2)).run(programs::shop()),
        },
        Exhibit {
            name: "deadlock",
            title: "A deadlock of two transfers",
            report: traced().run(programs::deadlock()),
        },
        Exhibit {
            name: "fan",
            title: "A thousand requests at once",
            report: traced().run(programs::fan()),
        },
    ];
    let mut index = String::from(HEAD);
    for exhibit in &exhibits {
        exhibit.write(&directory, &mut index)?;
    }
    index.push_str("</body>\n</html>\n");
    fs::write(directory.join("index.html"), index)?;
    println!("{} pictures; open {}", exhibits.len(), directory.join("index.html").display());
    Ok(())
}

impl Exhibit {
    /// Writes the files, and their place in the index.
    fn write(&self, directory: &Path, index: &mut String) -> io::Result<()> {
        let Exhibit { name, title, report } = self;
        let mut links = String::new();
        let mut write = |extension: &str, label: &str, text: String| {
            let file = format!("{name}.{extension}");
            fs::write(directory.join(&file), text)?;
            write!(links, "<a href=\"{file}\">{label}</a> ").expect("a string takes all text");
            io::Result::Ok(())
        };
        write("html", "page", report.html().title(title).to_string())?;
        write("svg", "picture", report.trace.svg().to_string())?;
        write("txt", "lanes", report.trace.lanes().to_string())?;
        write("trace.txt", "trace", report.trace.to_string())?;
        write("statistics.txt", "statistics", report.trace.statistics().to_string())?;
        write("mmd", "Mermaid", report.trace.mermaid().to_string())?;
        if let Some(FailureKind::Deadlock(deadlock)) = report.failure().map(Failure::kind) {
            write("dot", "wait-for graph", deadlock.dot().to_string())?;
        }
        #[cfg(feature = "serde")]
        {
            write("json", "for Perfetto", report.trace.perfetto().to_string())?;
            write("jsonl", "JSON Lines", report.trace.json_lines().to_string())?;
        }
        let failure = report.failure().map_or(String::new(), |failure| {
            format!("<pre>{}</pre>\n", escaped(&failure.to_string()))
        });
        write!(
            index,
            "<h2>{title}</h2>\n<p><img src=\"{name}.svg\" alt=\"{title}, as lanes\"></p>\n\
             {failure}<p>{links}</p>\n"
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
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 61rem; margin: 2rem auto; padding: 0 1rem }
img { max-width: 100%; border: 1px solid #8884; border-radius: 6px }
pre { overflow-x: auto }
</style>
</head>
<body>
<h1>Runs on a simulated clock</h1>
";
