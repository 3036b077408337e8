//! The layers of the crate as data, and a test that reads the sources and names every breach.
//!
//! A module imports from lower layers only; those of one layer do not import each other. `lib.rs` is the
//! place where all meet and is exempt. Code below `#[cfg(test)]` is held to the same rule.
//!
//! The sources are read as tokens, by the lexer that procedural macros use: comments and the insides of
//! strings are no tokens, macro calls are. A full parser would see less, since it stops at a macro's bang.

mod scan;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use scan::{Scanned, Use, scan};

/// From the lowest up; see the table in the guide to the architecture.
const LAYERS: [&[&str]; 9] = [
    &["kernel", "rng", "latch"],
    &["policy", "trace"],
    &["report"],
    &["render"],
    &["executor"],
    &["time", "task", "sync"],
    &["stream", "sim"],
    &["explore"],
    &["testing"],
];

/// Longer files have two ideas in them.
const LINES_MAX: usize = 600;

/// The files with `unsafe` expressions, each with the argument for them.
const UNSAFE_FILES: &[&str] = &["src/executor/waker.rs", "src/latch.rs", "src/latch/fence.rs"];

/// Names at the root that are no modules, each with the module that `lib.rs` took it from, or that exports
/// the macro.
type Names = BTreeMap<String, String>;

struct File {
    /// From the crate's directory, with slashes: `src/time/sleep.rs`.
    path: String,
    text: String,
}

impl File {
    /// The path of the module in this file: `["time", "sleep"]`. Empty for `lib.rs`.
    fn module(&self) -> Vec<&str> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let path = path.strip_suffix("/mod").unwrap_or(path);
        if path == "lib" { Vec::new() } else { path.split('/').collect() }
    }

    fn scanned(&self) -> Scanned {
        let depth = self.module().len();
        scan(&self.text, depth).unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }
}

/// Reads all sources below `src/`, in the order of their paths.
fn sources() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    let mut directories = vec![root.join("src")];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a source directory can be read") {
            let path = entry.expect("a source directory can be listed").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source is UTF-8");
                let steps = path.strip_prefix(root).expect("it is below the root").iter();
                let steps: Vec<_> = steps.map(|step| step.to_str().expect("in UTF-8")).collect();
                files.push(File { path: steps.join("/"), text });
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    assert!(files.iter().any(|file| file.path == "src/lib.rs"), "the sources are found");
    files
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

fn names_at_root(files: &[File]) -> Names {
    let mut names = Names::new();
    for file in files {
        let scanned = file.scanned();
        match file.module().first() {
            None => names.extend(scanned.reexports),
            Some(&module) => {
                names.extend(scanned.macros.into_iter().map(|name| (name, module.to_owned())));
            }
        }
    }
    names
}

/// Every use of a module that its user's layer forbids, one line each.
fn offences(files: &[File]) -> Vec<String> {
    let names = names_at_root(files);
    files.iter().flat_map(|file| offences_in(file, &names)).collect()
}

fn offences_in(file: &File, names: &Names) -> Vec<String> {
    let Some(&user) = file.module().first() else { return Vec::new() };
    let Some(own) = layer(user) else {
        return vec![format!("{}:1: `{user}` is not in the layer table", file.path)];
    };
    let offence = |Use { name, goes_on, .. }: &Use| {
        if name == scan::ROOT {
            return Some(format!(
                "`{user}` (layer {own}) uses the crate's root, so everything in it"
            ));
        }
        let is_module = *goes_on && layer(name).is_some();
        let used = names.get(name).filter(|_| !is_module).unwrap_or(name);
        match layer(used) {
            None => Some(format!("`{used}` is not in the layer table")),
            Some(other) if used != user && other >= own => {
                Some(format!("`{user}` (layer {own}) uses `{used}` (layer {other})"))
            }
            Some(_) => None,
        }
    };
    let uses = file.scanned().uses;
    let told = uses.iter().filter_map(|used| Some((used.line, offence(used)?)));
    told.map(|(line, offence)| format!("{}:{line}: {offence}", file.path)).collect()
}

fn too_long(files: &[File]) -> Vec<String> {
    let length = |file: &File| file.text.lines().count();
    let long = files.iter().filter(|file| length(file) > LINES_MAX);
    long.map(|file| format!("{}: {} lines, at most {LINES_MAX}", file.path, length(file))).collect()
}

fn unsafe_elsewhere(files: &[File]) -> Vec<String> {
    let others = files.iter().filter(|file| !UNSAFE_FILES.contains(&&*file.path));
    others
        .flat_map(|file| {
            let lines = file.scanned().unsafe_lines.into_iter();
            lines.map(|line| format!("{}:{line}: `unsafe`, without a place for it", file.path))
        })
        .collect()
}

#[track_caller]
fn assert_none(offences: &[String]) {
    assert!(offences.is_empty(), "\n{}\n", offences.join("\n"));
}

#[test]
fn modules_import_from_lower_layers_only() {
    assert_none(&offences(&sources()));
}

#[test]
fn no_source_file_is_too_long() {
    assert_none(&too_long(&sources()));
}

#[test]
fn unsafe_code_stands_where_its_argument_does() {
    let sources = sources();
    assert_none(&unsafe_elsewhere(&sources));
    // Should it move, the names above would guard nothing.
    for path in UNSAFE_FILES {
        let home = sources.iter().find(|file| file.path == *path);
        assert!(home.is_some_and(|file| !file.scanned().unsafe_lines.is_empty()), "{path} has it");
    }
}

// The guard itself, on sources made up for it.

fn files(sources: &[(&str, &str)]) -> Vec<File> {
    let file = |&(path, text): &(&str, &str)| File { path: path.to_owned(), text: text.to_owned() };
    sources.iter().map(file).collect()
}

#[test]
fn an_offence_names_file_line_and_both_layers() {
    let found = offences(&files(&[
        ("src/kernel/clock.rs", "\nuse crate::policy::Fifo;"),
        ("src/time/sleep.rs", "use crate::kernel::Instant;\n\nuse crate::task::JoinHandle;"),
        ("src/time/mod.rs", "pub use crate::executor::Timer;"),
    ]));
    assert_eq!(
        found,
        [
            "src/kernel/clock.rs:2: `kernel` (layer 0) uses `policy` (layer 1)",
            "src/time/sleep.rs:3: `time` (layer 5) uses `task` (layer 5)",
        ]
    );
}

#[test]
fn a_module_may_use_itself_by_its_full_path() {
    assert_none(&offences(&files(&[("src/kernel/timers/run.rs", "use crate::kernel::Instant;")])));
}

#[test]
fn a_module_that_nobody_has_given_a_layer_is_an_offence() {
    let found = offences(&files(&[
        ("src/utils.rs", ""),
        ("src/executor/core.rs", "fn f() {\n    crate::helpers::help()\n}"),
    ]));
    assert_eq!(
        found,
        [
            "src/utils.rs:1: `utils` is not in the layer table",
            "src/executor/core.rs:2: `helpers` is not in the layer table",
        ]
    );
}

#[test]
fn a_name_at_the_root_counts_as_the_module_it_comes_from() {
    let lib =
        "pub mod time;\npub use executor::{Builder, run as start};\npub use time::{Instant, now};";
    let found = offences(&files(&[
        ("src/lib.rs", lib),
        ("src/executor/program.rs", "macro_rules! note { () => { $crate::Builder::new() } }"),
        ("src/report/text.rs", "use crate::{Builder, Instant};\nfn f() { crate::note!() }"),
        ("src/explore/mod.rs", "use crate::{Builder, now, start};"),
    ]));
    assert_eq!(
        found,
        [
            "src/report/text.rs:1: `report` (layer 2) uses `executor` (layer 4)",
            "src/report/text.rs:1: `report` (layer 2) uses `time` (layer 5)",
            "src/report/text.rs:2: `report` (layer 2) uses `executor` (layer 4)",
        ]
    );
}

#[test]
fn a_function_is_told_from_the_module_of_its_name() {
    let found = offences(&files(&[
        ("src/lib.rs", "pub mod rng;\npub use executor::rng;"),
        ("src/policy/random.rs", "use crate::rng::Rng;\nfn f() { crate::rng() }"),
    ]));
    assert_eq!(found, ["src/policy/random.rs:2: `policy` (layer 1) uses `executor` (layer 4)"]);
}

#[test]
fn the_root_as_a_whole_is_everybodys_upper_layer() {
    let found = offences(&files(&[("src/testing/mod.rs", "use crate::*;")]));
    assert_eq!(
        found,
        ["src/testing/mod.rs:1: `testing` (layer 8) uses the crate's root, so everything in it"]
    );
}

#[test]
fn unsafe_in_comments_and_names_is_none() {
    let text = "// unsafe\n#![deny(unsafe_code)]\n\"unsafe\";\nunsafe { f() }";
    let sources = files(&[("src/kernel/mod.rs", text), (UNSAFE_FILES[0], "unsafe { f() }")]);
    assert_eq!(
        unsafe_elsewhere(&sources),
        ["src/kernel/mod.rs:4: `unsafe`, without a place for it"]
    );
}

#[test]
fn a_file_may_have_so_many_lines_and_no_more() {
    let (full, over) = ("\n".repeat(LINES_MAX), "\n".repeat(LINES_MAX + 1));
    let found = too_long(&files(&[("src/rng.rs", &full), ("src/rng/seed.rs", &over)]));
    assert_eq!(found, ["src/rng/seed.rs: 601 lines, at most 600"]);
}
