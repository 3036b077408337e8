//! A line of code as a reader is told of it: the same on every platform and every machine.

use std::borrow::Cow;
use std::panic::Location;
use std::path::Path;

/// Where this file is within the package.
const HERE: &str = "src/report/site.rs";

/// The directory of this package, where packages are kept that were fetched.
const PACKAGE: &str = concat!(env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"), "/");

/// Directories in which packages are kept, and the standard library: what is above them is of one machine, and so are
/// as many below.
const KEPT_IN: [(&str, usize); 3] = [("/registry/src/", 1), ("/git/checkouts/", 0), ("/rustc/", 1)];

/// The line as `file:line`. The program's own files go by their paths in its workspace, those of this crate and of
/// others that were fetched by their paths in the package: `simloop-0.1.0/src/task/gather.rs:291`.
pub(crate) fn site(location: &Location<'_>) -> String {
    line_of(location.file(), location.line())
}

/// The same of a file that is told as the compiler does.
pub(crate) fn line_of(file: &str, line: u32) -> String {
    written(file, line, file!())
}

/// `here` is what the compiler calls this file. Each panic of a search asks, so the text is put together in one piece.
fn written(file: &str, line: u32, here: &str) -> String {
    let (file, here) = (slashed(file), slashed(here));
    let within = here.strip_suffix(HERE).and_then(|above| file.strip_prefix(above));
    let (package, file) = match within.filter(|within| within.starts_with("src/")) {
        Some(within) => (PACKAGE, within),
        None => ("", below(&file)),
    };
    let mut written = String::with_capacity(package.len() + file.len() + LINE_LEN);
    written.push_str(package);
    written.push_str(file);
    written.push(':');
    written.push_str(&line.to_string());
    written
}

/// What a number of a line takes, with the colon before it.
const LINE_LEN: usize = 11;

fn slashed(path: &str) -> Cow<'_, str> {
    match path.as_bytes().contains(&b'\\') {
        true => path.replace('\\', "/").into(),
        false => path.into(),
    }
}

/// The path below the directory in which its package is kept, or all of it.
fn below(path: &str) -> &str {
    if !Path::new(path).has_root() {
        return path;
    }
    for &(kept_in, more) in &KEPT_IN {
        if let Some((_, below)) = path.split_once(kept_in) {
            return below.splitn(more + 1, '/').last().unwrap_or(below);
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_this_crate_is_told_by_its_package_wherever_that_is() {
        let own = format!("{PACKAGE}src/task/gather.rs:7");
        for above in
            ["", "vendor/simloop/", "/home/registry/src/index-0123456789abcdef/simloop-9.9.9/"]
        {
            let (file, here) = (format!("{above}src/task/gather.rs"), format!("{above}{HERE}"));
            assert_eq!(written(&file, 7, &here), own);
            assert_eq!(written(&file.replace('/', "\\"), 7, &here.replace('/', "\\")), own);
        }
        assert_eq!(written("tests/it/main.rs", 7, HERE), "tests/it/main.rs:7");
        assert_eq!(written("src/main.rs", 7, &format!("/home/simloop/{HERE}")), "src/main.rs:7");
        assert_eq!(site(Location::caller()), format!("{PACKAGE}{HERE}:{}", line!()));
    }

    #[test]
    fn a_line_of_what_was_fetched_is_told_without_what_differs_between_machines() {
        let here = "/home/simloop/src/report/site.rs";
        for (file, told) in [
            (
                "/home/.cargo/registry/src/index-0123456789abcdef/flume-0.11.1/src/lib.rs",
                "flume-0.11.1/src/lib.rs:7",
            ),
            (
                r"\cargo\registry\src\index-0123456789abcdef\flume-0.11.1\src\lib.rs",
                "flume-0.11.1/src/lib.rs:7",
            ),
            (
                "/home/.cargo/git/checkouts/flume-0123456789abcdef/1a2b3c4/src/lib.rs",
                "flume-0123456789abcdef/1a2b3c4/src/lib.rs:7",
            ),
            (
                "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/core/src/time.rs",
                "library/core/src/time.rs:7",
            ),
            ("crates/app/src/main.rs", "crates/app/src/main.rs:7"),
        ] {
            assert_eq!(written(file, 7, here), told);
        }
    }
}
