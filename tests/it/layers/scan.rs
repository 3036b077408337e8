//! Reads off a source file's tokens what it takes from the root of the crate.
//!
//! It follows paths that begin with `crate`, `self` or `super`, nested use groups included, and counts how
//! far up they lead. It does not resolve names: a path that stays below its top-level module says nothing.

use proc_macro2::{Delimiter, LexError, Spacing, TokenStream, TokenTree};

/// Stands for the crate's root itself, where a path ends there: `use crate::*`.
pub(super) const ROOT: &str = "crate";

/// What a source file has to do with the root of its crate.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) uses: Vec<Use>,
    /// Names that it makes out of others, each with the first step of the path: `pub use time::now`.
    pub(super) reexports: Vec<(String, String)>,
    /// Macros that it defines. If exported, they stand at the root.
    pub(super) macros: Vec<String>,
    pub(super) unsafe_lines: Vec<usize>,
}

/// One name that is used from the root.
#[derive(Debug)]
pub(super) struct Use {
    pub(super) line: usize,
    pub(super) name: String,
    /// The path goes on behind it. If a module and a function have this name, it is the module.
    pub(super) goes_on: bool,
}

/// Scans the source of a module that stands `depth` steps below the root, 0 for the root itself.
pub(super) fn scan(source: &str, depth: usize) -> Result<Scanned, LexError> {
    let mut scanned = Scanned::default();
    scanned.walk(&trees(source.parse()?), depth);
    Ok(scanned)
}

fn trees(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

impl Scanned {
    fn walk(&mut self, tokens: &[TokenTree], depth: usize) {
        let mut place = 0;
        while let Some(token) = tokens.get(place) {
            place = match token {
                TokenTree::Group(group) => {
                    let is_module = place > 1 && is_word(&tokens[place - 2], "mod");
                    let is_module = is_module && group.delimiter() == Delimiter::Brace;
                    self.walk(&trees(group.stream()), depth + usize::from(is_module));
                    place + 1
                }
                TokenTree::Ident(word) => match word.to_string().as_str() {
                    "crate" if is_path(tokens, place) => self.follow(tokens, place + 3, 0),
                    "crate" if tokens.get(place + 1).is_some_and(|next| is_word(next, "as")) => {
                        self.note(token, ROOT, false);
                        place + 1
                    }
                    "self" | "super" if is_path(tokens, place) => self.follow(tokens, place, depth),
                    "use" if depth == 0 => {
                        self.reexport(&tokens[place + 1..], None);
                        place + 1
                    }
                    "macro_rules" => {
                        self.macros.extend(tokens.get(place + 2).map(TokenTree::to_string));
                        place + 1
                    }
                    "unsafe" => {
                        self.unsafe_lines.push(line(token));
                        place + 1
                    }
                    _ => place + 1,
                },
                _ => place + 1,
            };
        }
    }

    /// Follows a path that has come to the module `depth` steps below the root, and returns the place
    /// behind what it has looked at.
    fn follow(&mut self, tokens: &[TokenTree], place: usize, depth: usize) -> usize {
        let Some(token) = tokens.get(place) else { return place };
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inner = trees(group.stream());
                for tree in inner.split(is_comma) {
                    self.follow(tree, 0, depth);
                }
                return place + 1;
            }
            TokenTree::Ident(word) => {
                let above = match word.to_string().as_str() {
                    "self" => depth,
                    "super" => depth.saturating_sub(1),
                    name => {
                        if depth == 0 {
                            self.note(token, name, is_path(tokens, place));
                        }
                        return place + 1;
                    }
                };
                if is_path(tokens, place) {
                    return self.follow(tokens, place + 3, above);
                }
                if above == 0 {
                    self.note(token, ROOT, false);
                }
            }
            TokenTree::Punct(star) if star.as_char() == '*' && depth == 0 => {
                self.note(token, ROOT, false);
            }
            _ => {}
        }
        place + 1
    }

    fn note(&mut self, token: &TokenTree, name: &str, goes_on: bool) {
        self.uses.push(Use { line: line(token), name: name.to_owned(), goes_on });
    }

    /// Notes the names that a use tree at the root makes, up to the semicolon.
    fn reexport(&mut self, tree: &[TokenTree], first: Option<&str>) {
        let end = tree.iter().position(|token| is_mark(token, ';')).unwrap_or(tree.len());
        let tree = &tree[..end];
        let origin = match (first, tree.first()) {
            (Some(first), _) => first.to_owned(),
            (None, Some(TokenTree::Ident(module))) => module.to_string(),
            _ => return,
        };
        match tree.last() {
            Some(TokenTree::Group(group)) => {
                let inner = trees(group.stream());
                inner.split(is_comma).for_each(|tree| self.reexport(tree, Some(&origin)));
            }
            Some(TokenTree::Ident(name)) => self.reexports.push((name.to_string(), origin)),
            _ => {}
        }
    }
}

/// Whether the word at `place` is followed by two colons.
fn is_path(tokens: &[TokenTree], place: usize) -> bool {
    let colon = |offset: usize| match tokens.get(place + offset) {
        Some(TokenTree::Punct(mark)) if mark.as_char() == ':' => Some(mark.spacing()),
        _ => None,
    };
    colon(1) == Some(Spacing::Joint) && colon(2).is_some()
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn is_comma(token: &TokenTree) -> bool {
    is_mark(token, ',')
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `source`, in a module `depth` steps below the root, takes from it.
    fn uses(depth: usize, source: &str) -> Vec<String> {
        let uses = scan(source, depth).expect("the source is Rust").uses;
        uses.into_iter().map(|Use { line, name, .. }| format!("{line}: {name}")).collect()
    }

    #[test]
    fn a_use_of_a_crate_path_is_seen() {
        assert_eq!(uses(2, "use crate::kernel::{Instant, Kernel};"), ["1: kernel"]);
        assert_eq!(uses(2, "pub(crate) use crate::policy;"), ["1: policy"]);
        assert_eq!(uses(1, "pub(in crate::kernel) fn f() {}"), ["1: kernel"]);
    }

    #[test]
    fn groups_are_seen_over_many_lines_and_into_each_other() {
        let source = "use crate::{\n    kernel::{self, Instant},\n    policy,\n    task::{yield_now as y},\n};";
        assert_eq!(uses(1, source), ["2: kernel", "3: policy", "4: task"]);
    }

    #[test]
    fn paths_in_code_are_seen_in_macros_too() {
        let source = "fn f(a: crate::time::Instant) -> Option<crate::rng::Rng> {\n\
                      vec![crate::task::spawn(f)];\n\
                      assert!(x, \"{}\", crate::report::y);\n}";
        assert_eq!(uses(1, source), ["1: time", "1: rng", "2: task", "3: report"]);
    }

    #[test]
    fn arguments_of_a_path_are_seen() {
        assert_eq!(uses(1, "crate::rng::f(crate::task::g)"), ["1: rng", "1: task"]);
        assert_eq!(uses(2, "super::S { a: crate::task::g }"), ["1: task"]);
    }

    #[test]
    fn super_counts_where_it_leaves_the_top_level_module() {
        assert_eq!(uses(2, "use super::context;"), [""; 0]);
        assert_eq!(uses(2, "use super::super::task::spawn;"), ["1: task"]);
        assert_eq!(uses(1, "use super::task::spawn;"), ["1: task"]);
        assert_eq!(uses(3, "use super::super::{a, super::task};"), ["1: task"]);
        assert_eq!(uses(2, "use self::super::super::task;"), ["1: task"]);
        assert_eq!(uses(2, "use super::{super::{rng, task::x}, b};"), ["1: rng", "1: task"]);
        assert_eq!(uses(2, "fn f() { super::super::task::spawn(g) }"), ["1: task"]);
    }

    #[test]
    fn modules_within_a_file_stand_a_step_lower() {
        assert_eq!(uses(1, "mod tests { use super::super::task; }"), ["1: task"]);
        assert_eq!(uses(1, "mod tests { use super::*; }"), [""; 0]);
        assert_eq!(uses(1, "mod a { mod b { use super::super::c; } }"), [""; 0]);
        assert_eq!(uses(1, "mod a { }\nuse super::task;"), ["2: task"]);
    }

    #[test]
    fn the_root_as_a_whole_is_seen() {
        assert_eq!(uses(1, "use crate::*;"), ["1: crate"]);
        assert_eq!(uses(1, "use super::*;"), ["1: crate"]);
        assert_eq!(uses(1, "use crate::{self as simloop};"), ["1: crate"]);
        assert_eq!(uses(1, "use crate as simloop;"), ["1: crate"]);
        assert_eq!(uses(2, "use super::super as up;"), ["1: crate"]);
    }

    #[test]
    fn a_path_that_goes_on_is_told_from_one_that_ends() {
        let uses = scan("use crate::{rng::Rng, now}; crate::rng()", 1).expect("it is Rust").uses;
        let told: Vec<_> = uses.iter().map(|used| (used.name.as_str(), used.goes_on)).collect();
        assert_eq!(told, [("rng", true), ("now", false), ("rng", false)]);
    }

    #[test]
    fn comments_documentation_and_strings_are_not_code() {
        let source = "//! [`run`](crate::run)\n/// use crate::task;\n// crate::task::spawn\n/* super::super::task */\n\
                      #[doc = \"crate::task\"]\nconst A: &str = \"crate::task\";\nconst B: &str = r#\"crate::task\"#;";
        assert_eq!(uses(1, source), [""; 0]);
    }

    #[test]
    fn visibilities_receivers_and_names_alike_are_no_paths() {
        let source =
            "pub(crate) fn f(self: ::std::rc::Rc<Self>) { crates::g(); supers::h(); self.x }";
        assert_eq!(uses(1, source), [""; 0]);
    }

    #[test]
    fn the_crate_of_a_macro_is_this_one() {
        assert_eq!(uses(1, "macro_rules! m { () => { $crate::task::f() } }"), ["1: task"]);
    }

    #[test]
    fn the_root_tells_what_it_takes_from_where() {
        let lib = "mod kernel;\n#[doc(hidden)]\npub use executor::note;\n\
                   pub use kernel::{Limits, path::Step, Instant as Moment};";
        let reexports = scan(lib, 0).expect("the source is Rust").reexports;
        let told: Vec<_> = reexports.iter().map(|(name, from)| format!("{from}: {name}")).collect();
        assert_eq!(told, ["executor: note", "kernel: Limits", "kernel: Step", "kernel: Moment"]);
    }

    #[test]
    fn macros_and_unsafe_words_are_found() {
        let source = "macro_rules! note { () => {} }\nfn f() {\n    unsafe { g() } // unsafe\n}";
        let scanned = scan(source, 1).expect("the source is Rust");
        assert_eq!(scanned.macros, ["note"]);
        assert_eq!(scanned.unsafe_lines, [3]);
    }
}
